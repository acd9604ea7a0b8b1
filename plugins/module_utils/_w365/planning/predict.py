# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of an environment after a plan."""

from __future__ import annotations

from ..model.directory import Group, Snapshot, User
from .actions import ADMINISTRATOR, GROUP, MEMBERSHIP, USER
from .last_administrator import administrators_after
from .plan import Plan


def predict(current: Snapshot, plan: Plan) -> Snapshot:
    """The state of `current` after `plan`, as check mode predicts it."""
    users = {_identity(user): user for user in current.users}
    groups = {_identity(group): group for group in _with_renamed_members(current.groups, plan)}
    for action in plan.actions:
        if action.type.object in (USER, ADMINISTRATOR):
            gone, new = action.subject, action.outcome
            if gone is not None:
                users.pop(_identity(gone), None)
            if new is not None:
                users[_identity(new)] = new
        elif action.type.object in (GROUP, MEMBERSHIP):
            if action.subject is not None:
                groups.pop(_identity(action.subject), None)
            if action.outcome is not None:
                groups[_identity(action.outcome)] = action.outcome
    return Snapshot(
        users=tuple(users.values()),
        groups=tuple(groups.values()),
        administrators=administrators_after(current, plan),
        roles_problem=current.roles_problem,
        uncertain_administrators=current.uncertain_administrators,
        people=current.people,
    )


def _identity(thing: User | Group) -> str:
    """The id: two objects may have one name. The key of an object that has none yet, after what no id begins with."""
    return thing.id or f"\0{thing.key}"


def _with_renamed_members(groups: tuple[Group, ...], plan: Plan) -> tuple[Group, ...]:
    """Members are identified by UPN, so a rename or a permanent deletion changes the members of groups."""
    renamed = {
        a.subject.key: (a.outcome.key if a.outcome is not None else None)
        for a in plan.actions
        if a.is_about_user and a.subject is not None and (a.outcome is None or a.outcome.key != a.subject.key)
    }
    if not renamed:
        return groups
    return tuple(
        g._replace(members=frozenset(new for m in g.members if (new := renamed.get(m, m)) is not None))
        if g.members
        else g
        for g in groups
    )
