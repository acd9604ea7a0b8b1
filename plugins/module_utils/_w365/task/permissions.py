# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The permissions that somebody gains or loses by the memberships that a task changes, as profiles describe them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from ..execution.results import ApplyResult
from ..model.directory import UNRESOLVED, Group, Snapshot
from ..model.permissions import (
    ALLOW,
    CHANGES,
    DENY,
    EVERYBODY,
    NOT_SET,
    UNKNOWN,
    PermissionProfiles,
    Profile,
    Source,
    change_line,
    decide,
)
from ..model.terminal import one_line
from ..planning.actions import (
    ADMINISTRATOR_GRANT,
    ADMINISTRATOR_REVOKE,
    GROUP,
    GROUP_DELETE,
    MEMBERSHIP_CHANGE,
    Action,
)

Members: TypeAlias = "frozenset[str] | None"
"""The keys of the users in a group; None where they are not known."""


class _Groups(NamedTuple):
    """The members of the groups of profiles before and after, by the key of the group in its profile."""

    before: Mapping[str, Members]
    after: Mapping[str, Members]


def permission_changes(profiles: PermissionProfiles, report: ApplyResult, current: Snapshot) -> list[dict[str, Any]]:
    """One entry for each user and permission that a membership gives or takes, sorted by user.

    Administrators may do everything before and after, so they gain and lose nothing. Where it is not known who is an
    administrator, nobody counts as one.
    """
    actions = list(report.effective().actions)
    renamed = {action.subject.key: action.outcome.key for action in actions if action.is_about_user and action.renames}
    groups = _members(profiles, actions, current, renamed)
    roles = {renamed.get(key, key) for key in current.administrators or ()}
    granted = {action.subject.key for action in actions if action.type is ADMINISTRATOR_GRANT}
    revoked = {action.subject.key for action in actions if action.type is ADMINISTRATOR_REVOKE}
    found = []
    for user, changed in sorted(_moved(groups).items()):
        before = _sources(profiles, groups.before, user)
        after = _sources(profiles, groups.after, user)
        concerned = [profile for profile in profiles.profiles if profile.key in changed]
        for name in dict.fromkeys(name for profile in concerned for name in profile.values):
            old = decide(user in roles, before(name))
            new = decide((user in roles or user in granted) and user not in revoked, after(name))
            change = CHANGES.get((old.answer, new.answer))
            if change:
                by = [profile.group for profile in concerned if name in profile.values]
                entry = {"user": user, "change": change, "permission": name, "groups": by}
                doubts = new.doubts if new.answer == UNKNOWN else old.doubts
                found.append({**entry, "reason": "; ".join(doubts)} if doubts else entry)
    return found


def _members(
    profiles: PermissionProfiles, actions: Iterable[Action], current: Snapshot, renamed: Mapping[str, str]
) -> _Groups:
    """Users who are renamed in the same run have their new names, as in the actions."""
    changed: dict[str, tuple[Members, Members]] = {}
    former: dict[str, str] = {}
    for action in actions:
        if action.type is MEMBERSHIP_CHANGE:
            changed[action.outcome.key] = (action.subject.members, action.outcome.members)
        elif action.type is GROUP_DELETE:
            changed[action.subject.key] = (action.subject.members, frozenset())
        elif action.type.object is GROUP and action.renames:
            former[action.outcome.key] = action.subject.key
    before: dict[str, Members] = {}
    after: dict[str, Members] = {}
    for profile in profiles.profiles:
        if profile.key in changed:
            before[profile.key], after[profile.key] = changed[profile.key]
            continue
        found = _group_of(profile, former, current)
        # A group that does not exist has no members.
        members = frozenset() if found is None else found.members
        if members is not None:
            members = frozenset(renamed.get(key, key) for key in members)
        before[profile.key] = after[profile.key] = members
    return _Groups(before, after)


def _group_of(profile: Profile, former: Mapping[str, str], current: Snapshot) -> Group | None:
    groups = current.groups_by_key
    return groups.get(former.get(profile.key, profile.key)) or groups.get(profile.key)


def _moved(groups: _Groups) -> dict[str, set[str]]:
    """The users who enter or leave groups, with the keys of these groups."""
    found: dict[str, set[str]] = {}
    for key, before in groups.before.items():
        after = groups.after[key]
        if before is None or after is None:
            continue
        for user in before ^ after:
            if not user.startswith(UNRESOLVED):
                found.setdefault(user, set()).add(key)
    return found


def _sources(profiles: PermissionProfiles, members: Mapping[str, Members], user: str) -> Any:
    """A function from the name of a permission to its sources for a user."""

    def sources(name: str) -> list[Source]:
        return [*_of_everybody(profiles, name), *_of_groups(profiles, members, user, name)]

    return sources


def _of_everybody(profiles: PermissionProfiles, name: str) -> Iterator[Source]:
    """Default permissions that are not described count as not set: otherwise no change of a membership would say anything."""
    value = (profiles.default or {}).get(name)
    if value:
        yield Source(EVERYBODY, frozenset({value}))


def _of_groups(profiles: PermissionProfiles, members: Mapping[str, Members], user: str, name: str) -> Iterator[Source]:
    for profile in profiles.profiles:
        value = profile.values.get(name)
        people = members[profile.key]
        if value not in (ALLOW, DENY):
            continue
        if people is None:
            yield Source(profile.group, frozenset({value, NOT_SET}), f"who is in group {profile.group} is not known")
        elif user in people:
            yield Source(profile.group, frozenset({value}))


def with_permission_changes(
    result: dict[str, Any], profiles: PermissionProfiles, report: ApplyResult, current: Snapshot
) -> dict[str, Any]:
    """The result of a task with C(permission_changes), which are in its diff too."""
    changes = permission_changes(profiles, report, current)
    result["permission_changes"] = changes
    if changes and "diff" in result:
        lines = [one_line(change_line(change)) for change in changes]
        if current.administrators is None:
            lines.append("It is not known who is an administrator, and an administrator may do everything.")
        result["diff"]["prepared"] = "".join(f"{line}\n" for line in ["Permissions by these memberships:", *lines])
    return result
