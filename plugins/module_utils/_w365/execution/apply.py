# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies a plan, phase by phase, and returns the result of every action."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from ..errors import AuthenticationError, LostAnswerError, NoAnswerError, RateLimitError, StoppedError, W365Error
from ..planning.actions import Action
from ..planning.plan import Plan
from .results import MAYBE_DONE, NOT_BATCHED, ActionResult, Answered, ApplyResult

FATAL_ERRORS = (AuthenticationError, RateLimitError, NoAnswerError, StoppedError)
"""After one of these every further request would fail in the same way."""


class Backend(Protocol):
    """What changes something. `handlers` is loaded when it is first used."""

    @property
    def handlers(self) -> Any:
        """The methods that apply actions."""


class Batch(Protocol):
    """Applies several actions of a phase in one request."""

    def slices(self, actions: Sequence[Action], workers: int) -> Iterable[Sequence[Action]]:
        """The actions in their order, in slices for one request each."""

    def send(self, actions: Sequence[Action]) -> list[Any]:
        """The object after each action of a slice, or NOT_BATCHED or MAYBE_DONE."""


class Stop(Protocol):
    """Ends the whole task; transport.stop.Stop is one."""

    reason: str

    def end(self, cause: BaseException) -> None:
        """Something raised in the middle of the task ends it."""


class Tracker(Protocol):
    """Follows failures. `dependencies.FailureTracker` is the one for directories."""

    def phases(self) -> Iterable[tuple[Action, ...]]:
        """The actions of the plan, in the order in which they are applied."""

    def refusal(self, action: Action) -> W365Error | None:
        """Why an action is not tried because of what has failed; None when it can be."""

    def without_failed_users(self, action: Action) -> Action:
        """A change of members without users who could not be created or renamed."""

    def note(self, done: ActionResult) -> None:
        """An action is done, or has failed."""

    def result_of(self, done: ActionResult, where: str) -> ActionResult:
        """The same result, of the action as it is in the plan."""


def apply(
    plan: Plan,
    handlers: Any,
    *,
    where: str = "",
    concurrency: int = 1,
    batch: Batch | None = None,
    on_done: Callable[[ActionResult], None] | None = None,
    tracker: Tracker | None = None,
    kind: type[Run] | None = None,
    stop: Stop | None = None,
) -> ApplyResult:
    """Apply every action of the plan. A failure does not stop the others, unless its error concerns all of them.

    `handlers` has the methods that apply them (DirectoryHandlers or InstanceHandlers). `where` ends the sentences of errors,
    such as "in environment 'contoso'".
    A `batch` is tried first. A `tracker` says what a failure means for the rest: a plan with more than one action of a
    directory needs one. `on_done` is called by the workers after every action. A `kind` of run may do more. Whatever ends
    the task from outside, such as its time limit, becomes a `stop`: the result then says what was done and what was not.
    """
    return (kind or Run)(
        plan, handlers, where, concurrency, batch, on_done or (lambda result: None), tracker, stop
    ).result()


class Run:
    """The application of one plan. `_fatal` holds the error after which nothing more is tried."""

    def __init__(
        self,
        plan: Plan,
        handlers: Any,
        where: str,
        concurrency: int,
        batch: Batch | None,
        on_done: Callable[[ActionResult], None],
        tracker: Tracker | None,
        stop: Stop | None,
    ) -> None:
        self._plan = plan
        self._handlers = handlers
        self._where = where
        self._concurrency = concurrency
        self._batch = batch
        self._on_done = on_done
        self._fatal: list[W365Error] = []
        self._tracker = tracker
        self._stop = stop
        self._phases = tracker.phases() if tracker else plan.phases()

    def result(self) -> ApplyResult:
        """The result of every action, in the order of the plan."""
        done: list[ActionResult] = []
        for phase in self._phases:
            actions, refused = self._without_refused(phase)
            done += refused
            for result in self._apply_phase(actions):
                if self._tracker:
                    self._tracker.note(result)
                done.append(result)
        places = {id(action): place for place, action in enumerate(a for phase in self._plan.phases() for a in phase)}
        return ApplyResult(self._plan, sorted(done, key=lambda item: places[id(item.action)]))

    def _without_refused(self, phase: Iterable[Action]) -> tuple[list[Action], list[ActionResult]]:
        """The actions that can be tried, and the results of those that an earlier failure makes unsafe."""
        tracker = self._tracker
        if tracker is None:
            return list(phase), []
        actions: list[Action] = []
        refused: list[ActionResult] = []
        for action in phase:
            refusal = None if self._fatal else tracker.refusal(action)
            if refusal is None:
                actions.append(tracker.without_failed_users(action))
                continue
            result = ActionResult(action, error=refusal.while_doing(self._sentence(action)), tried=False)
            tracker.note(result)
            self._on_done(result)
            refused.append(result)
        return actions, refused

    def _apply_phase(self, actions: Sequence[Action]) -> list[ActionResult]:
        pieces: list[Sequence[Action]] = (
            list(self._batch.slices(actions, self._concurrency)) if self._batch else [(action,) for action in actions]
        )
        if self._concurrency == 1 or len(pieces) < 2:
            return [result for piece in pieces for result in self._apply_piece(piece)]
        from concurrent.futures import ThreadPoolExecutor  # start-up

        with ThreadPoolExecutor(max_workers=min(self._concurrency, len(pieces))) as workers:
            futures = [workers.submit(self._apply_piece, piece) for piece in pieces]
            try:
                for future in futures:
                    future.exception()
            except BaseException as cause:
                # Only the main thread gets it. What the workers have begun comes to its end, and nothing else begins.
                self._end(cause)
            return [result for future in futures for result in future.result()]

    def _end(self, cause: BaseException) -> str:
        """Something from outside ends the task: the reason. Without a `stop`, it is raised again."""
        if self._stop is None:
            raise cause
        self._stop.end(cause)
        self._fatal.append(StoppedError(self._stop.reason))
        return self._stop.reason

    def _apply_piece(self, actions: Sequence[Action]) -> list[ActionResult]:
        in_batch = self._batch is not None and len(actions) > 1 and not self._fatal
        things = self._batch.send(actions) if self._batch and in_batch else [NOT_BATCHED] * len(actions)
        results: list[ActionResult] = []
        for action, thing in zip(actions, things, strict=True):
            if thing is NOT_BATCHED or thing is MAYBE_DONE:
                result = self._apply_action(action)
                if thing is MAYBE_DONE and not result.error:
                    result = result._replace(unchanged=False, performed=None)
            else:
                result = _result(action, thing)
            results.append(self._tracker.result_of(result, self._where) if self._tracker else result)
            self._on_done(results[-1])
        return results

    def _apply_action(self, action: Action) -> ActionResult:
        if self._fatal:
            return ActionResult(action, error=self._fatal[0], tried=False)
        try:
            return _result(action, action.type.handler(self._handlers)(action))
        except W365Error as error:
            if isinstance(error, FATAL_ERRORS) and not isinstance(error, LostAnswerError):
                self._fatal.append(error)
            tried = not isinstance(error, StoppedError)
            return ActionResult(action, error=error.while_doing(self._sentence(action)), tried=tried)
        except Exception:
            raise
        except BaseException as cause:
            unknown = StoppedError(self._end(cause), "before the server had answered: it may be done")
            return ActionResult(action, error=unknown.while_doing(self._sentence(action)))

    def _sentence(self, action: Action) -> str:
        return f"{action.description} {self._where}".strip()


def _result(action: Action, returned: Any) -> ActionResult:
    """The result of an action from what its handler returned."""
    if not isinstance(returned, Answered):
        return ActionResult(action, returned)
    done = returned.performed
    unchanged = done is not None and not done.changes
    return ActionResult(action, returned.thing, seen=returned.seen, performed=done, unchanged=unchanged)
