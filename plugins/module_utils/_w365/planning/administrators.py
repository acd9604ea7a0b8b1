# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans grants and revocations of the administrator role.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from ..errors import InputError
from ..model.desired import AddRemoveSet, Skipped
from ..model.directory import Snapshot, User
from .actions import ADMINISTRATOR_GRANT, ADMINISTRATOR_REVOKE, Action, ActionType
from .lookup import find_user
from .plan import Plan
from .users import inactive_administrator


def plan_administrators(wanted: AddRemoveSet, current: Snapshot) -> Plan:
    if current.administrators is None:
        raise InputError("The administrators of this environment could not be read, so they cannot be changed.")
    target = wanted.applied_to(current.administrators)
    actions: list[Action] = []
    for key in sorted(target - current.administrators):
        user = find_user(current, key)
        if user is not None and user.active is False:
            raise InputError(inactive_administrator(user.upn))
        if user is not None:
            actions.append(_role_action(ADMINISTRATOR_GRANT, user, True))
    for key in sorted(current.administrators - target):
        user = find_user(current, key)
        if user is not None:
            actions.append(_role_action(ADMINISTRATOR_REVOKE, user, False))
    kept = tuple(
        ("administrator", key) for key in sorted(wanted.named) if (key in target) == (key in current.administrators)
    )
    return Plan(actions=tuple(actions), unchanged=kept)


def without_inactive(change: AddRemoveSet, current: Snapshot) -> tuple[AddRemoveSet, tuple[Skipped, ...]]:
    """Skip users on the deleted-users list: a source may list them without knowing, and they cannot have the role."""
    inactive = {key for key in change.add if (user := find_user(current, key)) is not None and user.active is False}
    reason = "is on the deleted-users list, and only active users can be administrators"
    skipped = tuple(Skipped("administrator", key, reason) for key in sorted(inactive))
    return change._replace(add=change.add - inactive), skipped


def _role_action(row: ActionType, user: User, administrator: bool) -> Action:
    return Action(
        row,
        user.upn,
        {"administrator": not administrator},
        {"administrator": administrator},
        {"administrator": administrator},
        subject=user,
        outcome=user._replace(administrator=administrator),
    )
