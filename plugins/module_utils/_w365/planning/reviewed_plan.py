# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan that was made earlier: which actions remain, and whether the environment has changed since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import GuardError, InputError
from ..model.desired import AddRemoveSet, Desired, DesiredGroup, DesiredUser
from ..model.directory import Group, Snapshot, User, difference, value_of
from ..model.fields import GROUP_FIELDS, USER_FIELDS, Field
from .actions import (
    ADMINISTRATOR,
    ADMINISTRATOR_GRANT,
    ADMINISTRATOR_REVOKE,
    GROUP,
    GROUP_CREATE,
    GROUP_DELETE,
    MEMBERSHIP,
    MEMBERSHIP_CHANGE,
    USER,
    USER_CREATE,
    USER_DELETE,
    USER_DELETE_PERMANENTLY,
    Action,
)
from .administrators import presumed_administrators
from .plan import Plan

SECRET_EXTRAS = frozenset({"password"})
"""Write-only values that are never written to a plan file."""

CHANGES_SHOWN = 5

UNREAD_MEMBERS = "has members that could not be read, so it is unknown what is left to do"


def with_secrets(plan: Plan, users: Iterable[DesiredUser]) -> Plan:
    """The plan with the write-only values that no file contains, from the users of the task. Raises InputError."""
    known = {user.key: user.extras for user in users}
    actions: list[Action] = []
    for action in plan.actions:
        needed = SECRET_EXTRAS.intersection(action.extras)
        given = known.get(action.outcome.key, {}) if needed else {}
        for name in sorted(needed):
            if not given.get(name):
                raise InputError(
                    f"The plan writes the {name} of user '{action.name}', which no plan contains. Give the same users or src as "
                    "when the plan was made."
                )
        actions.append(replace(action, extras={**action.extras, **{name: given[name] for name in needed}}))
    return plan._replace(actions=tuple(actions))


def as_desired(plan: Plan) -> Desired:
    """The plan as desired state: from it a directory decides what to read for the comparison."""
    users: list[DesiredUser] = []
    groups: list[DesiredGroup] = []
    grants: set[str] = set()
    revocations: set[str] = set()
    for action in plan.actions:
        if action.is_about_user:
            identity = action.subject.upn if action.subject else None
            stays = action.type not in (USER_DELETE, USER_DELETE_PERMANENTLY)
            users.append(DesiredUser(action.name, identity, stays, fields=action.changes, extras=action.extras))
        elif action.type.object is ADMINISTRATOR:
            (grants if action.type is ADMINISTRATOR_GRANT else revocations).add(action.outcome.key)
        else:
            members = (
                AddRemoveSet(frozenset(action.changes["add"]), frozenset(action.changes["remove"]))
                if action.type is MEMBERSHIP_CHANGE
                else None
            )
            # By its id: it may have been renamed, and its members have to be read all the same.
            identity = action.subject.id or None if action.subject else None
            groups.append(DesiredGroup(action.name, identity, action.type is not GROUP_DELETE, members=members))
    roles = AddRemoveSet(frozenset(grants), frozenset(revocations)) if grants or revocations else None
    return Desired(tuple(users), tuple(groups), roles, whole=True)


def remaining(plan: Plan, current: Snapshot) -> Plan:
    """The actions of a plan that remain. An action that is done already counts as unchanged.

    Raises GuardError, with all conflicts in `changed_since`, when an object of the plan is neither in its state before nor
    in that after the plan.
    """
    check = _Check(plan, current)
    actions: list[Action] = []
    done: list[tuple[str, str]] = []
    for action in plan.actions:
        left = check.remaining_part(action)
        if left is None:
            done.append((action.kind, action.name))
        else:
            actions.append(left)
    if check.conflicts:
        shown = " ".join(check.conflicts[:CHANGES_SHOWN])
        more = (
            f" And {len(check.conflicts) - CHANGES_SHOWN} more, see changed_since."
            if len(check.conflicts) > CHANGES_SHOWN
            else ""
        )
        raise GuardError(
            f"Refused to apply the plan: the environment has changed since the plan was made. {shown}{more} Nothing was written. "
            "Make a new plan, and have it reviewed.",
            changed_since=check.conflicts,
        )
    return plan._replace(actions=tuple(actions), unchanged=tuple(done))


def as_change(action: Action) -> AddRemoveSet:
    """The action of a role as desired state."""
    key = frozenset({action.outcome.key})
    return AddRemoveSet(add=key) if action.type is ADMINISTRATOR_GRANT else AddRemoveSet(remove=key)


def differing_fields(before: User | Group, now: User | Group, fields: Mapping[str, Field]) -> list[str]:
    """The names of the fields that differ from `before`, where no value counts as an empty one."""
    was = {name: "" if (value := value_of(before, name)) is None else value for name in fields}
    return list(difference(was, now, fields))


class _Check:
    """Compares each object of a plan with its current state. `conflicts` collects the differences, as sentences."""

    def __init__(self, plan: Plan, current: Snapshot) -> None:
        self._current = current
        self.conflicts: list[str] = []
        people = [action for action in plan.actions if action.is_about_user]
        # Members and administrators are planned under their new names, which they may not have yet.
        self._names = {
            action.subject.key: action.outcome.key if action.outcome else None
            for action in people
            if action.subject
            and (action.outcome is None or action.outcome.key != action.subject.key)
            and (now := current.users_by_id.get(action.subject.id)) is not None
            and now.key == action.subject.key
        }
        self._created = {action.outcome.key for action in people if action.type is USER_CREATE}
        self._revoked = {a.subject.key for a in plan.actions if a.type is ADMINISTRATOR_REVOKE}
        self._created_groups = {a.outcome.key for a in plan.actions if a.type is GROUP_CREATE}

    def remaining_part(self, action: Action) -> Action | None:
        """The part of the action that is not done; None when it is done, or on a conflict."""
        compare = {
            USER: self._object,
            GROUP: self._object,
            MEMBERSHIP: self._membership,
            ADMINISTRATOR: self._role,
        }
        left = compare[action.type.object](action)
        if isinstance(left, str):
            kind = "User" if action.type.object in (USER, ADMINISTRATOR) else "Group"
            self.conflicts.append(f"{kind} '{action.name}' {left}.")
            return None
        return left

    # Each of these returns the action that remains, None when it is done, or a conflict.

    def _object(self, action: Action) -> Action | str | None:
        found: Any
        fields = USER_FIELDS if action.is_about_user else GROUP_FIELDS
        if action.subject is None:
            found = self._find(action.outcome)
            if found is None:
                return action
            differing = (
                [] if getattr(found, "readable", True) is False else list(difference(action.changes, found, fields))
            )
            return f"now exists, and differs in {', '.join(differing)}" if differing else None
        found = self._find(action.subject)
        if found is None:
            gone = action.outcome is None
            return None if gone else "no longer exists"
        if action.outcome is None or action.type is USER_DELETE:
            if action.type is USER_DELETE and found.active is False:
                return None
            differing = self._differing(action.subject, found, fields)
            if action.is_about_user and action.subject.key in self._revoked and not found.administrator:
                # The plan itself revokes the role before it deletes the user.
                differing = [name for name in differing if name != "administrator"]
            if isinstance(found, Group) and found.members is None and action.subject.members is not None:
                return UNREAD_MEMBERS
            if isinstance(found, Group) and self._named(found.members) != (action.subject.members or frozenset()):
                differing.append("members")
        else:
            left = difference(action.changes, found, fields)
            if not left and not action.extras:
                return None
            differing = self._differing(action.subject, found, {name: fields[name] for name in left})
        return f"differs in {', '.join(differing)} from what it was" if differing else action

    def _differing(self, before: Any, now: Any, fields: Mapping[str, Field]) -> list[str]:
        # Where the roles are unknown, none has changed: the guard decides about what could remove an administrator.
        unknown = {"administrator"} if self._current.roles_problem is not None else set()
        return [name for name in differing_fields(before, now, fields) if name not in unknown]

    def _membership(self, action: Action) -> Action | str | None:
        group = self._find(action.subject) if action.subject.id else self._find(action.outcome)
        if group is None:
            return action if action.outcome.key in self._created_groups else "no longer exists"
        if group.members is None:
            return UNREAD_MEMBERS
        members = self._named(group.members)
        before = frozenset((action.before or {}).get("members", ()))
        add, remove = frozenset(action.changes["add"]), frozenset(action.changes["remove"])
        if members == action.outcome.members:
            return None
        if not (members - before <= add and before - members <= remove):
            others = sorted(members.symmetric_difference(before) - add - remove)
            return f"has other members: {', '.join(others[:CHANGES_SHOWN])}"
        changes = {"add": sorted(add - members), "remove": sorted(remove & members)}
        return replace(action, changes=changes)

    def _role(self, action: Action) -> Action | str | None:
        key = action.outcome.key
        administrators = presumed_administrators(as_change(action), self._current)
        if action.type is ADMINISTRATOR_REVOKE:
            # A user whom the plan deletes later keeps the name until then.
            left = key in {self._names.get(name) or name for name in administrators}
            if not left and self._current.administrators is None:
                return "is not listed now, and it could not be read who is an administrator"
            return action if left else None
        if key not in self._named(self._current.users_by_key) | self._created | self._current.people_keys:
            return "no longer exists"
        return None if key in self._named(administrators) else action

    def _find(self, thing: User | Group) -> Any:
        """By id where it had one: another object may have the name now."""
        current = self._current
        if isinstance(thing, User):
            return current.users_by_id.get(thing.id) if thing.id else current.users_by_key.get(thing.key)
        return current.groups_by_id.get(thing.id) if thing.id else current.groups_by_key.get(thing.key)

    def _named(self, keys: Iterable[str] | None) -> frozenset[str]:
        return frozenset(name for key in keys or () if (name := self._names.get(key, key)) is not None)
