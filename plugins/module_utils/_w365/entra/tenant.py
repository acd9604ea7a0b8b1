# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a Microsoft tenant holds, as far as an import needs it: read afresh, or from what has changed since the last time.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..api.graph import GROUP_SELECT, GraphClient, user_select
from ..errors import InputError, StaleDeltaError, W365Error

FORMAT = 2
"""Raised when a state of an older collection could be misunderstood."""


@dataclass
class Tenant:
    """People and groups by their ids, with the properties that Graph was asked for.

    `members` are the ids of a group's direct members who are users, `nested` of those that are groups. A group that is not
    in `members` was not asked for them.
    """

    users: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    nested: dict[str, set[str]] = field(default_factory=dict)

    def people_of(self, group_id: str, *, flatten: bool) -> set[str]:
        """The ids of the users in a group; with `flatten` also of those in the groups inside it, however deep."""
        people: set[str] = set()
        seen: set[str] = set()
        waiting = [group_id]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            people |= self.members.get(at, set())
            if flatten:
                waiting += self.nested.get(at, set())
        return people


@dataclass
class State:
    """What is kept between two runs: the tenant as it was, and where Graph goes on from. It holds no secret."""

    tenant: Tenant
    about: Mapping[str, Any]
    full_at: datetime
    users_link: str
    groups_link: str


@dataclass(frozen=True)
class Reading:
    """How the tenant was read: `full` or only what had changed, and why."""

    full: bool
    reason: str


def read_with_state(
    graph: GraphClient,
    path: str,
    about: Mapping[str, Any],
    properties: Sequence[str],
    *,
    full_every: timedelta,
    now: datetime,
) -> tuple[State, Reading]:
    """The tenant as it is now: what `path` remembers of it, and what has changed since.

    Everything is read afresh when nothing is remembered, when that is older than `full_every`, when it is `about` something
    else (another tenant, scope or choice of properties), when Graph no longer knows it, and when it does not hold what has
    changed. Raises InputError for a file that cannot be read, and W365Error where that happens in a full reading.
    """
    state, reason = _remembered(path, about, full_every, now)
    if state is not None:
        try:
            users, state.users_link = graph.changes("graph.users.delta", {}, state.users_link)
            groups, state.groups_link = graph.changes("graph.groups.delta", {}, state.groups_link)
        except StaleDeltaError:
            reason = "Microsoft Graph no longer knew the last state"
        else:
            if not _follow(state.tenant, users, groups):
                return state, Reading(False, "only what had changed since the last run was read")
            reason = "the last state did not hold a user or group that had changed"
    tenant = Tenant()
    users, users_link = graph.changes("graph.users.delta", {"$select": user_select(properties)})
    groups, groups_link = graph.changes("graph.groups.delta", {"$select": f"{GROUP_SELECT},members"})
    strangers = _follow(tenant, users, groups)
    if strangers:
        raise W365Error(
            f"Microsoft Graph was asked for everything, and returned only a part of {min(strangers)}. Rerun the task."
        )
    return State(tenant, about, now, users_link, groups_link), Reading(True, f"everything was read: {reason}")


def _follow(tenant: Tenant, users: Iterable[Mapping[str, Any]], groups: Iterable[Mapping[str, Any]]) -> set[str]:
    """Bring the tenant up to what Graph says. The same object may come more than once, and with a part of its members.

    Returns the ids of strangers: who was not known, and came without a name. With only a part of them the tenant cannot be
    trusted.
    """
    strangers: set[str] = set()
    for item in users:
        id = str(item["id"])
        if "@removed" in item:
            tenant.users.pop(id, None)
            strangers.discard(id)
            continue
        # Graph leaves out what was not asked for, and what has no value.
        user = {**tenant.users.get(id, {}), **item}
        if user.get("userPrincipalName"):
            tenant.users[id] = user
        else:
            strangers.add(id)
    for item in groups:
        id = str(item["id"])
        if "@removed" in item:
            tenant.groups.pop(id, None)
            tenant.members.pop(id, None)
            tenant.nested.pop(id, None)
            strangers.discard(id)
            continue
        if id not in tenant.groups and "displayName" not in item:
            # Also after @removed: whether the group is gone or was restored since, only a full reading can tell.
            strangers.add(id)
            continue
        tenant.groups[id] = {
            **tenant.groups.get(id, {}),
            **{name: value for name, value in item.items() if name != "members@delta"},
        }
        people, nested = tenant.members.setdefault(id, set()), tenant.nested.setdefault(id, set())
        for member in item.get("members@delta") or ():
            kind = str(member.get("@odata.type", "")).rpartition(".")[2].lower()
            into = nested if kind == "group" else people if kind == "user" else None
            if into is None:
                continue
            if "@removed" in member:
                into.discard(str(member["id"]))
            else:
                into.add(str(member["id"]))
    return strangers


def _remembered(path: str, about: Mapping[str, Any], full_every: timedelta, now: datetime) -> tuple[State | None, str]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, "there was no state yet"
    except OSError as error:
        raise InputError(f"Option state_file: {path!r} cannot be read ({error.strerror}).") from None
    try:
        kept = json.loads(text)
        if kept["format"] != FORMAT:
            return None, "the state was written by another version of the collection"
        tenant = Tenant(
            users={user["id"]: user for user in kept["users"]},
            groups={group["id"]: group for group in kept["groups"]},
            members={id: set(ids) for id, ids in kept["members"].items()},
            nested={id: set(ids) for id, ids in kept["nested"].items()},
        )
        full_at = datetime.fromisoformat(kept["full_at"])
        state = State(tenant, kept["about"], full_at, kept["users_link"], kept["groups_link"])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InputError(
            f"Option state_file: {path!r} is not a state that this collection has written. Check the path, or remove the file: the "
            "next run then reads everything."
        ) from None
    if state.about != about:
        return None, "the state was made for another tenant, scope or choice of properties"
    if not full_at <= now < full_at + full_every:
        return None, f"the last full run was at {full_at.isoformat(timespec='minutes')}, longer ago than full_every"
    return state, ""


def state_text(state: State) -> str:
    """The state as the text of a file. It is all ASCII, since half a character in a name cannot be written otherwise."""
    tenant = state.tenant
    return json.dumps(
        {
            "format": FORMAT,
            "about": dict(state.about),
            "full_at": state.full_at.isoformat(),
            "users_link": state.users_link,
            "groups_link": state.groups_link,
            "users": list(tenant.users.values()),
            "groups": list(tenant.groups.values()),
            "members": {id: sorted(ids) for id, ids in tenant.members.items()},
            "nested": {id: sorted(ids) for id, ids in tenant.nested.items()},
        }
    )


def read_afresh(
    graph: GraphClient,
    properties: Sequence[str],
    *,
    groups: Sequence[str],
    everybody: bool,
    flatten: bool,
    all_groups: bool,
    possible: Callable[[Mapping[str, Any]], bool],
    wanted: Callable[[Mapping[str, Any]], bool],
) -> tuple[Tenant, list[str]]:
    """The tenant as far as it is needed, and the ids of the `groups`, which are names or ids.

    The members of those that are `possible` are read with their properties; with `everybody` all users are listed, and with
    `all_groups` all groups that are `wanted`, with the ids of their members, many in one request. With `flatten` the groups
    inside them are read too. Raises InputError for a group that is not there.
    """
    tenant = Tenant()
    chosen = [graph.find_group(name) for name in groups]
    for group in chosen:
        tenant.groups[str(group["id"])] = group
        if possible(group):
            _read_group(graph, tenant, group, properties, flatten=flatten)
    if everybody:
        tenant.users.update((str(user["id"]), user) for user in graph.users(properties))
    if all_groups:
        listed = {str(group["id"]): group for group in graph.groups()}
        waiting = [id for id, group in listed.items() if wanted(group) and id not in tenant.members]
        while waiting:
            tenant.groups.update((id, listed[id]) for id in waiting)
            for id, members in graph.members_of(waiting).items():
                _follow_members(tenant, id, members)
            # The people of an inner group count for the outer one, whatever the inner one is called.
            inside = {inner for id in waiting for inner in tenant.nested[id]} if flatten else set()
            waiting = [id for id in listed if id in inside and id not in tenant.members]
    return tenant, [str(group["id"]) for group in chosen]


def _read_group(
    graph: GraphClient, tenant: Tenant, group: Mapping[str, Any], properties: Sequence[str], *, flatten: bool
) -> None:
    """A group, the users in it, and which groups are in it; with `flatten` those too, each once."""
    waiting = [group]
    while waiting:
        at = waiting.pop()
        id = str(at["id"])
        if id in tenant.members:
            continue
        people = list(graph.group_users(id, properties))
        tenant.groups[id] = at
        tenant.users.update((str(user["id"]), user) for user in people)
        tenant.members[id] = {str(user["id"]) for user in people}
        inside = graph.nested_groups(id)
        tenant.nested[id] = {str(nested["id"]) for nested in inside}
        for nested in inside:
            tenant.groups.setdefault(str(nested["id"]), nested)
        if flatten:
            waiting += inside


def _follow_members(tenant: Tenant, group_id: str, members: Iterable[Mapping[str, Any]]) -> None:
    _follow(tenant, (), [{"id": group_id, "members@delta": list(members)}])
