# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a plan, phase by phase, and reports on every object.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from .errors import (
    AlreadyExistsError,
    AuthenticationError,
    LostAnswerError,
    NoAnswerError,
    RateLimitError,
    W365Error,
)
from .http import TRIES
from .plan import Action, Plan

if TYPE_CHECKING:
    from .directory import Batch

Thing = TypeVar("Thing")

HOPELESS = (AuthenticationError, RateLimitError, NoAnswerError)
"""After one of these the next request would fail in the same way, for ten thousand users ten thousand times."""

Handler = Callable[[Action], Any]
"""Does one action and returns the object as the server has it now (None when it is gone)."""


UNDONE: Final = object()
"""What a batch says of an action that has to be done by itself."""


class Done(NamedTuple):
    """What became of one action. `thing` is the object afterwards, `error` the reason of a failure.

    One that was not `tried` came after an error that concerns all of them, or one that makes it dangerous.
    """

    action: Action
    thing: Any = None
    error: W365Error | None = None
    tried: bool = True

    def as_result(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "kind": self.action.kind,
            "name": self.action.name,
            "action": self.action.verb,
            "outcome": "done" if not self.error else "failed" if self.tried else "not tried",
        }
        if self.action.changes and self.action.verb not in ("create",):
            result["changes"] = dict(self.action.changes)
        if self.action.purged:
            result["purged"] = True
        if self.error:
            result["reason"] = self.error.message
        return result


class Report(NamedTuple):
    """The outcome of a whole plan, in the plan's order."""

    plan: Plan
    done: list[Done]

    @property
    def failures(self) -> list[Done]:
        return [item for item in self.done if item.error]

    @property
    def wrote(self) -> bool:
        return any(item.error is None for item in self.done)

    def results(self) -> list[dict[str, Any]]:
        return [item.as_result() for item in self.done]

    def last(self, kind: str) -> Any:
        """The last object of a kind as the server answered it, or None."""
        return next((d.thing for d in reversed(self.done) if d.action.kind == kind and d.error is None), None)


def predict(plan: Plan) -> Report:
    """The report of check mode: what would be done."""
    return Report(plan, [Done(action, action.outcome) for phase in plan.phases() for action in phase])


class _Setbacks:
    """What has failed so far, and what must not be done because of it."""

    def __init__(self, plan: Plan) -> None:
        self._to_grant = {a.subject.key for a in plan.actions if a.kind == "administrator" and a.verb == "grant"}
        self._not_granted: list[str] = []
        # What came of users and groups: the names that their owners did not give up, each with the name that they were to
        # get, and the names that nobody got, each with the one that the owner still has (none where it was to be created).
        self._kept: dict[str, dict[str, str]] = {"user": {}, "group": {}}
        self._missing: dict[str, dict[str, str]] = {"user": {}, "group": {}}
        self._narrowed: dict[int, tuple[Action, Action, W365Error | None]] = {}

    def note(self, done: Done) -> None:
        action = done.action
        if not done.error:
            return
        if _gives_role(action) or (
            action.kind == "user" and action.outcome is not None and action.outcome.key in self._to_grant
        ):
            self._not_granted.append(action.name)
        if action.renames:
            self._kept[action.kind][action.subject.key] = action.name
            self._missing[action.kind][action.outcome.key] = action.subject.key
        elif action.kind in self._missing and action.verb == "create":
            self._missing[action.kind][action.outcome.key] = ""

    def refusal(self, action: Action) -> W365Error | None:
        """Why this is not even tried; None where nothing speaks against it."""
        if self._not_granted and _takes_role(action):
            return W365Error(
                f"nothing is taken away from administrators while '{self._not_granted[0]}' could not be made one, so that "
                f"somebody can still manage the environment. {_AGAIN}"
            )
        match action.kind:
            case "user" | "group" if action.renames or action.verb == "create":
                new_name = self._kept[action.kind].get(action.outcome.key)
                if new_name:
                    return W365Error(
                        f"another {action.kind} still has this name, because it could not be renamed to '{new_name}'. {_AGAIN}"
                    )
            case "administrator" if action.subject.key in self._missing["user"]:
                return W365Error(
                    f"user '{action.name}' could not be created or renamed, and the name may be that of somebody else. {_AGAIN}"
                )
            case "membership" if not action.outcome.id and action.outcome.key in self._missing["group"]:
                return W365Error(f"group '{action.name}' was not created, so it has no members to change.")
            case "membership":
                names = self._missing_in(action)
                if names and len(names) == len(action.changes["add"]) + len(action.changes["remove"]):
                    return _left_out(names)
        return None

    def _missing_in(self, action: Action) -> list[str]:
        """The users of a membership change whom nobody has under these names, or somebody else."""
        missing = self._missing["user"]
        return [key for key in (*action.changes["add"], *action.changes["remove"]) if key in missing]

    def narrowed(self, action: Action) -> Action:
        """A membership change without those whom it would mistake; members who stay go by the names that they still have."""
        missing = self._missing["user"]
        if action.kind != "membership" or missing.keys().isdisjoint(
            (*action.changes["add"], *action.changes["remove"], *(action.outcome.members or ()))
        ):
            return action
        # Imported here, since few plans have a failure.
        from dataclasses import replace

        names = set(self._missing_in(action))
        changes = {side: [key for key in action.changes[side] if key not in names] for side in ("add", "remove")}
        stay = ((action.outcome.members or frozenset()) - set(action.changes["add"])) | names.intersection(
            action.changes["remove"]
        )
        members = frozenset(missing.get(key) or key for key in stay) | set(changes["add"])
        narrower = replace(action, changes=changes, outcome=action.outcome._replace(members=members))
        error = _left_out(sorted(names), " The others were changed.") if names else None
        self._narrowed[id(narrower)] = (narrower, action, error)
        return narrower

    def told(self, done: Done, where: str) -> Done:
        """What became of an action, told of the one in the plan."""
        if id(done.action) not in self._narrowed:
            return done
        _narrower, action, error = self._narrowed[id(done.action)]
        if error is not None:
            error = error.while_doing(f"{action.deed} {where}".strip())
        return Done(action, done.thing, done.error or error, done.tried)


_AGAIN = "Mend that and run the task again: it does the rest."


def _left_out(keys: Sequence[str], rest: str = "") -> W365Error:
    names = ", ".join(f"'{key}'" for key in keys)
    told = f"user {names} was" if len(keys) == 1 else f"users {names} were"
    return W365Error(
        f"{told} left out, because creating or renaming failed and the name may be that of somebody else.{rest} {_AGAIN}"
    )


def _administers(user: Any) -> bool:
    return user is not None and user.administrator is True and user.active is not False


def _gives_role(action: Action) -> bool:
    if action.kind == "administrator":
        return action.verb == "grant"
    return action.kind == "user" and _administers(action.outcome) and not _administers(action.subject)


def _takes_role(action: Action) -> bool:
    if action.kind == "administrator":
        return action.verb == "revoke"
    return action.kind == "user" and _administers(action.subject) and not _administers(action.outcome)


def _safely_ordered(plan: Plan) -> Iterator[tuple[Action, ...]]:
    """The plan's phases. A change that costs somebody the role waits until it is known whether others got it."""
    late: list[Action] = []
    for phase in plan.phases():
        # Names pass on only while renames come first.
        waits = [a.kind == "user" and a.verb == "update" and _takes_role(a) and not a.renames for a in phase]
        late += [action for action, wait in zip(phase, waits, strict=True) if wait]
        yield tuple(action for action, wait in zip(phase, waits, strict=True) if not wait)
    yield tuple(late)


def apply(
    plan: Plan,
    handlers: Mapping[str, Handler],
    *,
    where: str = "",
    concurrency: int = 1,
    batch: Batch | None = None,
    on_done: Callable[[Done], None] | None = None,
) -> Report:
    """Do every action of the plan; one that fails does not stop the others, unless its error concerns all of them.

    `handlers` maps "kind.verb" to the function that does it. `where` ends the sentences of errors, such as
    "in environment 'contoso'". A `batch` is tried first, and `on_done` is called by the workers after every action.
    """

    hopeless: list[W365Error] = []
    setbacks = _Setbacks(plan)

    def carry_out(action: Action) -> Done:
        if hopeless:
            return Done(action, error=hopeless[0], tried=False)
        try:
            return Done(action, handlers[f"{action.kind}.{action.verb}"](action))
        except W365Error as error:
            if isinstance(error, HOPELESS) and not isinstance(error, LostAnswerError):
                hopeless.append(error)
            return Done(action, error=error.while_doing(f"{action.deed} {where}".strip()))

    def carry_out_all(actions: Sequence[Action]) -> list[Done]:
        things = batch.send(actions) if batch and len(actions) > 1 and not hopeless else [UNDONE] * len(actions)
        done = []
        for action, thing in zip(actions, things, strict=True):
            done.append(setbacks.told(carry_out(action) if thing is UNDONE else Done(action, thing), where))
            if on_done:
                on_done(done[-1])
        return done

    report = Report(plan, [])
    for phase in _safely_ordered(plan):
        actions = []
        for action in phase:
            refusal = None if hopeless else setbacks.refusal(action)
            if refusal is None:
                actions.append(setbacks.narrowed(action))
                continue
            report.done.append(Done(action, error=refusal.while_doing(f"{action.deed} {where}".strip()), tried=False))
            setbacks.note(report.done[-1])
            if on_done:
                on_done(report.done[-1])
        pieces = list(batch.slices(actions, concurrency)) if batch else [(action,) for action in actions]
        if concurrency == 1 or len(pieces) < 2:
            results: Iterable[list[Done]] = map(carry_out_all, pieces)
        else:
            # Imported here, since a task with one object needs no threads.
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(max_workers=min(concurrency, len(pieces))) as workers:
                results = list(workers.map(carry_out_all, pieces))
        for done in (done for piece in results for done in piece):
            setbacks.note(done)
            report.done.append(done)
    places = {id(action): place for place, action in enumerate(a for phase in plan.phases() for a in phase)}
    report.done.sort(key=lambda done: places[id(done.action)])
    return report


def created_once(create: Callable[[], Thing], find: Callable[[], Thing | None]) -> tuple[Thing, bool]:
    """Create an object exactly once, and say whether it was this call that did.

    A POST whose answer was lost is looked up before it is repeated. "Exists already" is looked up too: somebody else
    may have been faster, and an empty look-up before was no proof of absence.
    """
    for last in (*[False] * (TRIES - 1), True):
        try:
            return create(), True
        except LostAnswerError:
            found = find()
            if found is not None:
                return found, False
            if last:
                raise
        except AlreadyExistsError as error:
            found = find()
            if found is None:
                error.message += (
                    " The server does not show it: it may be on the deleted-users list, or hidden from this key. Restore or "
                    "remove it there."
                )
                raise
            return found, False
    raise AssertionError("the last attempt returns or raises")
