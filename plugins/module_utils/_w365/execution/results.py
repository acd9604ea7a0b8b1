# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of the actions of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ..errors import W365Error
from ..planning.plan import Plan, diff_of

if TYPE_CHECKING:
    from ..planning.actions import Action

NOT_BATCHED: Final = object()
"""The result of a batch for an action that needs a request of its own."""

MAYBE_DONE: Final = object()
"""The same, where the batch may have applied the action: what then exists already was not there before the task."""


GONE: Final = object()
"""An object that the server does not have any more."""


class Answered(NamedTuple):
    """What a handler returns when it knows more than the object afterwards.

    `seen` is the object as the server's answer showed it. `performed` is what was done where that is not the action:
    the object of a creation existed already. It is an update, whose `changes` are empty where nothing differed.
    """

    thing: Any
    seen: Any = None
    performed: Action | None = None


class ActionResult(NamedTuple):
    """The result of one action. `thing` is the object afterwards, `error` the reason of a failure.

    `not_kept` are fields that the server accepted and does not have afterwards. An action was not `tried` after an error
    that concerns all actions, or a failure that makes it unsafe. It is `planned` where nothing is written, and
    `unchanged` where it changed nothing. `seen` and `performed` are those of Answered.
    """

    action: Action
    thing: Any = None
    error: W365Error | None = None
    tried: bool = True
    not_kept: tuple[str, ...] = ()
    planned: bool = False
    unchanged: bool = False
    seen: Any = None
    performed: Action | None = None

    @property
    def done(self) -> Action:
        """What was done, or was to be done."""
        return self.performed or self.action

    @property
    def outcome(self) -> str:
        if self.error:
            return "failed" if self.tried else "not tried"
        return "planned" if self.planned else "unchanged" if self.unchanged else "done"

    @property
    def changed(self) -> bool:
        """Whether something was changed, or would be. An action can fail after it was applied in part."""
        return self.error.changed if self.error else not self.unchanged

    def as_result(self) -> dict[str, Any]:
        action = self.done
        result: dict[str, Any] = {
            "kind": action.kind,
            "name": action.name,
            "action": action.verb,
            "outcome": self.outcome,
        }
        if action.changes and action.before is not None:
            result["changes"] = dict(action.changes)
        if action.purged:
            result["purged"] = True
        if self.not_kept:
            result["not_kept"] = list(self.not_kept)
        if self.error:
            result["reason"] = self.error.message
        return result


class ReadsAgain(Protocol):
    """The handlers of a backend."""

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        """The object of each result as the server has it now: GONE, or None where it cannot be read."""


class ApplyResult(NamedTuple):
    """The outcome of a whole plan, in the plan's order."""

    plan: Plan
    done: list[ActionResult]

    @property
    def failures(self) -> list[ActionResult]:
        return [item for item in self.done if item.error]

    @property
    def changed_anything(self) -> bool:
        return any(item.changed for item in self.done)

    @property
    def unchanged(self) -> int:
        """The number of objects that needed no change, or on which the changes had no effect."""
        return len(self.plan.unchanged) + sum(item.outcome == "unchanged" for item in self.done)

    def results(self) -> list[dict[str, Any]]:
        return [item.as_result() for item in self.done]

    def summary(self) -> dict[str, int]:
        """The number of changes of each kind that were made or are planned, and of other objects."""
        done = self._effective()
        counts = self.plan._replace(actions=tuple(done)).summary()
        counts["unchanged"] = self.unchanged
        if self.failures:
            counts["failed"] = sum(item.tried for item in self.failures)
            counts["not_tried"] = len(self.failures) - counts["failed"]
        return counts

    def diff(self) -> dict[str, Any]:
        return diff_of(self._effective())

    def effective(self) -> Plan:
        """The plan with what was done of it, or is planned."""
        return self.plan._replace(actions=tuple(self._effective()))

    def _effective(self) -> Iterator[Action]:
        return (item.done for item in self.done if item.error is None and not item.unchanged)

    def last(self, kind: str) -> Any:
        """The last object of a kind as the server returned it, or None."""
        return next((d.thing for d in reversed(self.done) if d.action.kind == kind and d.error is None), None)


def predicted_result(plan: Plan) -> ApplyResult:
    """The result of check mode: every action with its expected outcome."""
    return ApplyResult(
        plan, [ActionResult(action, action.outcome, planned=True) for phase in plan.phases() for action in phase]
    )
