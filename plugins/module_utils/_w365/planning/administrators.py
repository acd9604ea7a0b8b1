# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans grants and revocations of the administrator role."""

from __future__ import annotations

from dataclasses import replace

from ..errors import GuardError, InputError
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
from .last_administrator import why_unknown
from .lookup import find_person
from .plan import Plan
from .user_actions import inactive_administrator


def plan_administrators(wanted: AddRemoveSet, current: Snapshot, revoked: Plan | None = None) -> Plan:
    """The changes of roles; users of `revoked`, who are deleted, do not count as unchanged."""
    known = presumed_administrators(wanted, current)
    target = wanted.applied_to(known)
    actions: list[Action] = []
    for key in sorted(target - known):
        user = find_person(current, key)
        if user is not None and user.active is False:
            raise InputError(inactive_administrator(user.upn))
        if user is not None:
            actions.append(_role_action(ADMINISTRATOR_GRANT, user, True))
    for key in sorted(known - target):
        user = find_person(current, key)
        if user is not None:
            actions.append(_role_action(ADMINISTRATOR_REVOKE, user, False))
    done = {key for action in (revoked.actions if revoked else ()) for key in _keys_of(action)}
    kept = tuple(("administrator", key) for key in sorted(wanted.named - done) if (key in target) == (key in known))
    return Plan(actions=tuple(actions), unchanged=kept)


def presumed_administrators(wanted: AddRemoveSet, current: Snapshot) -> frozenset[str]:
    """The keys of the administrators, for a change of them.

    Where the list does not show them, everybody who is to lose the role may have it: the guard then decides about the
    revocation. Raises GuardError for what cannot be done without knowing them, and InputError where there is no list.
    """
    if current.administrators is not None:
        return current.administrators
    if current.roles_problem is None:
        raise InputError("The administrators of this environment could not be read, so they cannot be changed.")
    if wanted.set is not None:
        raise GuardError(
            "Refused to set the administrators: it could not be read who is one, so it is unknown who would lose the role. "
            f"{why_unknown(current.roles_problem)} Nothing was written. Fix the cause, or give administrators.add, which needs "
            "no list.",
            **current.roles_problem.details,
        )
    return frozenset(
        key for key in wanted.remove if (user := find_person(current, key)) is not None and user.active is not False
    )


def refuse_unknown_revocations(wanted: AddRemoveSet, current: Snapshot) -> None:
    """That a list does not have somebody proves nothing where it does not have the administrators. Raises GuardError."""
    if current.roles_problem is None or current.administrators is not None:
        return
    missing = sorted(key for key in wanted.remove if find_person(current, key) is None)
    if missing:
        raise GuardError(
            f"Refused to revoke the role of administrator '{missing[0]}': it could not be read who is an administrator, and "
            f"nobody with this UPN is listed. {why_unknown(current.roles_problem)} Nothing was written. Fix the cause, or "
            "check the spelling.",
            **current.roles_problem.details,
        )


def plan_revocations(keys: frozenset[str], current: Snapshot, users: Plan) -> Plan:
    """Revokes the role of those of `keys` that the plan for `users` deletes: a deleted user keeps a role that is not revoked,
    and has it again when restored."""
    known = current.administrators
    return Plan(
        tuple(
            replace(_role_action(ADMINISTRATOR_REVOKE, action.subject, False), name=action.name)
            for action in users.actions
            if action.type in (USER_DELETE, USER_DELETE_PERMANENTLY)
            # Where the roles are unknown, every active user who is named may have one.
            and (action.subject.active is not False if known is None else action.subject.key in known)
            and not keys.isdisjoint(_keys_of(action))
        )
    )


def _keys_of(action: Action) -> tuple[str, str]:
    """A user that is matched by its external id may have another UPN than the task says."""
    return action.subject.key, comparison_key(action.name)


def without_inactive(change: AddRemoveSet, current: Snapshot) -> tuple[AddRemoveSet, tuple[Skipped, ...]]:
    """Skip users on the deleted-users list: a source may list them without knowing, and they cannot have the role."""
    inactive = {key for key in change.add if (user := find_person(current, key)) is not None and user.active is False}
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
