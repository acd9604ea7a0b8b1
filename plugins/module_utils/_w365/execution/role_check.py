# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies a plan that may remove administrators: the roles are read again directly before and after that.

Two clients at the same time may each leave one administrator, and together none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..errors import W365Error
from ..planning.actions import ADMINISTRATOR_GRANT, USER_RESTORE, Action
from .apply import Run
from .results import ActionResult, ApplyResult


class RoleHandlers(Protocol):
    """The handlers that are needed."""

    def read_administrators(self) -> frozenset[str]:
        """The keys of the active administrators, read now. Raises W365Error where the server does not show them."""

    def set_administrator(self, action: Action) -> Any:
        """Grant or revoke the role of the user of `subject`."""

    def update_user(self, action: Action) -> Any:
        """Restore the user of `subject`."""


class RoleCheckedRun(Run):
    """`_known` are the administrators before the first removal; `_refusal` is the error of what is then not tried."""

    _handlers: RoleHandlers
    _known: frozenset[str] | None = None
    _refusal: W365Error | None = None
    _unreadable = False

    def result(self) -> ApplyResult:
        report = super().result()
        taken = [done for done in report.done if done.error is None and self._takes_role(done.action)]
        if not taken:
            return report
        try:
            if self._handlers.read_administrators():
                return report
            error = self._give_back([done.action for done in taken])
        except W365Error as problem:
            error = W365Error(
                "this was done, and it could not be read afterwards who is still an administrator. Check in User management that "
                f"somebody is. {problem.message}"
            )
        failed = {id(done.action) for done in taken}
        return report._replace(
            done=[
                done._replace(error=error.while_doing(self._sentence(done.action)))
                if id(done.action) in failed
                else done
                for done in report.done
            ]
        )

    def _apply_phase(self, actions: Sequence[Action]) -> list[ActionResult]:
        if self._known is None and not self._fatal and any(action.may_cost_role for action in actions):
            self._check_again()
        if self._refusal is None:
            return super()._apply_phase(actions)
        refused = [action for action in actions if self._is_refused(action)]
        results = [ActionResult(action, error=self._refusal.while_doing(self._sentence(action))) for action in refused]
        for result in results:
            self._on_done(result)
        refused_ids = set(map(id, refused))
        return results + super()._apply_phase([action for action in actions if id(action) not in refused_ids])

    def _check_again(self) -> None:
        """Read the roles, and refuse what would now remove the last administrator, or everything when they cannot be read."""
        try:
            self._known = self._handlers.read_administrators()
        except W365Error as problem:
            self._known, self._unreadable = frozenset(), True
            self._refusal = W365Error(
                "it could not be read again who is an administrator, so nobody was removed who might be the last one. "
                f"{problem.message} Fix the cause and rerun the task."
            )
            return
        left = set(self._known).union(action.outcome.key for action in self._plan.actions if _gives_role(action))
        for action in self._plan.actions:
            if action.may_cost_role:
                left -= _keys(action)
        if not left:
            names = ", ".join(sorted(self._known)) or "nobody"
            self._refusal = W365Error(
                f"this would now leave the environment without an active administrator (now: {names}): the roles have changed "
                "since they were read. The role was left unchanged. Rerun the task."
            )

    def _is_refused(self, action: Action) -> bool:
        return action.may_cost_role and (self._unreadable or self._takes_role(action))

    def _takes_role(self, action: Action) -> bool:
        return action.may_cost_role and not _keys(action).isdisjoint(self._known or ())

    def _give_back(self, taken: Sequence[Action]) -> W365Error:
        """Undo what took the role, so that the environment can be managed again. Returns the error of these actions."""
        given: list[str] = []
        problems: list[str] = []
        for action in reversed(taken):
            if action.outcome is None:
                problems.append(f"'{action.name}' is permanently deleted.")
                continue
            try:
                user = action.outcome
                if action.changes.get("active") is False:
                    user = user._replace(active=True)
                    restore = Action(USER_RESTORE, action.name, {}, {}, {"active": True}, action.outcome, user)
                    self._handlers.update_user(restore)
                granted = user._replace(administrator=True)
                grant = Action(ADMINISTRATOR_GRANT, action.name, {}, {}, {"administrator": True}, user, granted)
                self._handlers.set_administrator(grant)
                given.append(f"'{action.name}'")
            except W365Error as problem:
                problems.append(problem.message)
        now = f"It was given back to {', '.join(sorted(given))}." if given else "It could not be given back."
        return W365Error(
            "afterwards the environment had no active administrator, because somebody else removed the others at the same "
            f"time. {now} {' '.join(problems)}".rstrip()
            + (" Rerun the task." if given else " Make somebody an administrator at once (w365_admin).")
        )


def _keys(action: Action) -> set[str]:
    """The keys of the user of an action: a rename may come with it."""
    return {thing.key for thing in (action.subject, action.outcome) if thing is not None}


def _gives_role(action: Action) -> bool:
    """Whether this gives somebody the role; restoring a user gives it back."""
    gains = action.changes.get("administrator") is True or action.type is USER_RESTORE
    return gains and action.outcome.administrator is True and action.outcome.active is not False
