# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a plan, phase by phase, and reports on every object.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from ..errors import AuthenticationError, LostAnswerError, NoAnswerError, RateLimitError, W365Error
from ..planning.actions import Action
from ..planning.plan import Plan
from .results import NOT_BATCHED, ActionResult, ApplyResult


class Batch(Protocol):
    """Does several actions of a phase in one request."""

    def slices(self, actions: Sequence[Action], workers: int) -> Iterable[Sequence[Action]]:
        """The actions in their order, in pieces."""

    def send(self, actions: Sequence[Action]) -> list[Any]:
        """The object that became of each action of a piece, or UNDONE."""


FATAL_ERRORS = (AuthenticationError, RateLimitError, NoAnswerError)
"""After one of these the next request would fail in the same way, for ten thousand users ten thousand times."""


Handler = Callable[[Action], Any]
"""Does one action and returns the object as the server has it now (None when it is gone)."""


def apply(
    plan: Plan,
    handlers: Mapping[str, Handler],
    *,
    where: str = "",
    concurrency: int = 1,
    batch: Batch | None = None,
    on_done: Callable[[ActionResult], None] | None = None,
) -> ApplyResult:
    """Do every action of the plan; one that fails does not stop the others, unless its error concerns all of them.

    `handlers` maps "kind.verb" to the function that does it. `where` ends the sentences of errors, such as
    "in environment 'contoso'". A `batch` is tried first, and `on_done` is called by the workers after every action.
    """

    hopeless: list[W365Error] = []
    setbacks = None
    phases: Iterable[tuple[Action, ...]] = plan.phases()
    if len(plan.actions) > 1:
        # Imported here, since a task with one object has nothing else that a failure could concern.
        from .dependencies import FailureTracker, safely_ordered

        setbacks, phases = FailureTracker(plan), safely_ordered(plan)

    def carry_out(action: Action) -> ActionResult:
        if hopeless:
            return ActionResult(action, error=hopeless[0], tried=False)
        try:
            return ActionResult(action, handlers[f"{action.kind}.{action.verb}"](action))
        except W365Error as error:
            if isinstance(error, FATAL_ERRORS) and not isinstance(error, LostAnswerError):
                hopeless.append(error)
            return ActionResult(action, error=error.while_doing(f"{action.deed} {where}".strip()))

    def carry_out_all(actions: Sequence[Action]) -> list[ActionResult]:
        things = batch.send(actions) if batch and len(actions) > 1 and not hopeless else [NOT_BATCHED] * len(actions)
        done = []
        for action, thing in zip(actions, things, strict=True):
            told = carry_out(action) if thing is NOT_BATCHED else ActionResult(action, thing)
            done.append(setbacks.told(told, where) if setbacks else told)
            if on_done:
                on_done(done[-1])
        return done

    report = ApplyResult(plan, [])
    for phase in phases:
        actions = []
        for action in phase:
            refusal = setbacks.refusal(action) if setbacks and not hopeless else None
            if refusal is None or setbacks is None:
                actions.append(setbacks.without_failed_users(action) if setbacks else action)
                continue
            report.done.append(
                ActionResult(action, error=refusal.while_doing(f"{action.deed} {where}".strip()), tried=False)
            )
            setbacks.note(report.done[-1])
            if on_done:
                on_done(report.done[-1])
        pieces = list(batch.slices(actions, concurrency)) if batch else [(action,) for action in actions]
        if concurrency == 1 or len(pieces) < 2:
            results: Iterable[list[ActionResult]] = map(carry_out_all, pieces)
        else:
            # Imported here, since a task with one object needs no threads.
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(max_workers=min(concurrency, len(pieces))) as workers:
                results = list(workers.map(carry_out_all, pieces))
        for done in (done for piece in results for done in piece):
            if setbacks:
                setbacks.note(done)
            report.done.append(done)
    places = {id(action): place for place, action in enumerate(a for phase in plan.phases() for a in phase)}
    report.done.sort(key=lambda done: places[id(done.action)])
    return report
