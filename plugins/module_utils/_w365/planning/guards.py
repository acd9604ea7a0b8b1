# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses plans that leave an environment without an administrator, remove a protected user, or too many members."""

from __future__ import annotations

from ..errors import GuardError
from ..model.desired import Desired
from ..model.directory import Snapshot
from .actions import ADMINISTRATOR, USER
from .last_administrator import guard_administrators
from .plan import Plan


def guarded(desired: Desired, current: Snapshot, plan: Plan) -> Plan:
    """The plan, also one from a file, with a warning where its effect on administrators is unknown. Raises GuardError."""
    _guard_protected(desired.protected, plan)
    if desired.membership_limit is not None:
        from .membership_limit import guard_memberships  # start-up

        guard_memberships(desired.membership_limit, current, plan)
    return guard_administrators(desired, current, plan)


def _guard_protected(protected: frozenset[str], plan: Plan) -> None:
    """No protected user is deleted, deactivated or removed from the role, under its old name or its new one."""
    protected |= {a.outcome.key for a in plan.actions if a.is_about_user and a.renames and a.subject.key in protected}
    losing = sorted(
        {
            action.subject.upn
            for action in plan.actions
            if action.subject is not None
            and action.type.object in (USER, ADMINISTRATOR)
            and action.subject.key in protected
            and (
                action.outcome is None
                or action.changes.get("active") is False
                or action.changes.get("administrator") is False
            )
        }
    )
    if losing:
        names = ", ".join(f"'{name}'" for name in losing)
        raise GuardError(
            f"Refused: protected_users lists {names}, and this task would delete or deactivate the user, or remove it from the "
            "administrator role. Nothing was written. Remove the name from protected_users, or the change from the task."
        )
