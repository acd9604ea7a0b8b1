# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of the actions of a plan.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ..errors import W365Error
from ..planning.actions import Action
from ..planning.plan import Plan

NOT_BATCHED: Final = object()
"""The result of a batch for an action that needs a request of its own."""


class ActionResult(NamedTuple):
    """The result of one action. `thing` is the object afterwards, `error` the reason of a failure.

    `not_kept` are fields that the server accepted and does not have afterwards. An action was not `tried` after an error
    that concerns all actions, or a failure that makes it unsafe.
    """

    action: Action
    thing: Any = None
    error: W365Error | None = None
    tried: bool = True
    not_kept: tuple[str, ...] = ()

    def as_result(self) -> dict[str, Any]:
        result: dict[str, Any] = {
            "kind": self.action.kind,
            "name": self.action.name,
            "action": self.action.verb,
            "outcome": "done" if not self.error else "failed" if self.tried else "not tried",
        }
        if self.action.changes and self.action.before is not None:
            result["changes"] = dict(self.action.changes)
        if self.action.purged:
            result["purged"] = True
        if self.not_kept:
            result["not_kept"] = list(self.not_kept)
        if self.error:
            result["reason"] = self.error.message
        return result


class ApplyResult(NamedTuple):
    """The outcome of a whole plan, in the plan's order."""

    plan: Plan
    done: list[ActionResult]

    @property
    def failures(self) -> list[ActionResult]:
        return [item for item in self.done if item.error]

    @property
    def changed_anything(self) -> bool:
        return any(item.error is None for item in self.done)

    def results(self) -> list[dict[str, Any]]:
        return [item.as_result() for item in self.done]

    def last(self, kind: str) -> Any:
        """The last object of a kind as the server returned it, or None."""
        return next((d.thing for d in reversed(self.done) if d.action.kind == kind and d.error is None), None)


def predicted_result(plan: Plan) -> ApplyResult:
    """The result of check mode: every action with its expected outcome."""
    return ApplyResult(plan, [ActionResult(action, action.outcome) for phase in plan.phases() for action in phase])
