# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans grants and revocations of the administrator role."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InputError
from ..model.desired import AddRemoveSet, Skipped
from ..model.directory import Snapshot, User
from ..model.names import comparison_key
from .actions import (
    ADMINISTRATOR_GRANT,
    ADMINISTRATOR_REVOKE,
    USER_DELETE,
    USER_DELETE_PERMANENTLY,
    Action,
    ActionType,
)
from .lookup import find_user
from .plan import Plan
from .user_actions import inactive_administrator


def plan_administrators(wanted: AddRemoveSet, current: Snapshot, revoked: Plan | None = None) -> Plan:
    """The changes of roles; users of `revoked`, who are deleted, do not count as unchanged."""
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
    done = {key for action in (revoked.actions if revoked else ()) for key in _keys_of(action)}
    kept = tuple(
        ("administrator", key)
        for key in sorted(wanted.named - done)
        if (key in target) == (key in current.administrators)
    )
    return Plan(actions=tuple(actions), unchanged=kept)


def plan_revocations(keys: frozenset[str], current: Snapshot, users: Plan) -> Plan:
    """Revokes the role of those of `keys` that the plan for `users` deletes: a deleted user keeps a role that is not revoked,
    and has it again when restored."""
    administrators = current.administrators or frozenset()
    return Plan(
        tuple(
            replace(_role_action(ADMINISTRATOR_REVOKE, action.subject, False), name=action.name)
            for action in users.actions
            if action.type in (USER_DELETE, USER_DELETE_PERMANENTLY)
            and action.subject.key in administrators
            and not keys.isdisjoint(_keys_of(action))
        )
    )


def _keys_of(action: Action) -> tuple[str, str]:
    """A user that is matched by its external id may have another UPN than the task says."""
    return action.subject.key, comparison_key(action.name)


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
