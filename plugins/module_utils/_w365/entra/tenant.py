# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users and groups of a Microsoft tenant that an import needs: read completely, or only the changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from ..api.graph import GROUP_SELECT, GraphClient, UnknownGroupError, user_select
from ..errors import StaleDeltaError, W365Error
from .state_check import is_state

Found = TypeVar("Found")

SUGGESTED_FROM = 2000
"""Among so many names of groups an error looks for those that may be meant."""

FORMAT = 3
"""Incremented when the format of the state changes."""

OTHER_FORMAT = "the state was written by another version of the collection"
DAMAGED = "the state is damaged, or not one that this collection has written"
UNREADABLE = frozenset({OTHER_FORMAT, DAMAGED})
"""The reasons of a full run that its user should know: something is wrong with the file."""


@dataclass
class Tenant:
    """Users and groups by their ids, with the properties that were read.

    `members` are the ids of a group's direct members who are users, `nested` of those that are groups. The members of a
    group that is not in `members` were not read. `group_names` are those of all
    groups, where they were listed.
    """

    users: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    groups: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    nested: dict[str, set[str]] = field(default_factory=dict)
    group_names: frozenset[str] = frozenset()

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

    def hides_members(self, group_id: str, *, flatten: bool) -> bool:
        """Whether the group, or with `flatten` one inside it, shows nobody and hides its members from most applications.

        Without Member.Read.Hidden Graph lists such a group as empty (contract: Reading people and groups; A).
        """
        seen: set[str] = set()
        waiting = [group_id]
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            hidden = str(self.groups.get(at, {}).get("visibility") or "").lower() == "hiddenmembership"
            if hidden and not (self.members.get(at) or self.nested.get(at)):
                return True
            if flatten:
                waiting += self.nested.get(at, set())
        return False


@dataclass
class State:
    """The state between two runs: the tenant, and the delta links of Graph. It contains no secret."""

    tenant: Tenant
    about: Mapping[str, Any]
    full_at: datetime
    users_link: str
    groups_link: str


@dataclass(frozen=True)
class Reading:
    """How the tenant was read: `full` or only the changes, and why. `unreadable` says that there was a state which could
    not be used. `former` has the members of groups at the last run, as far as they are known."""

    full: bool
    reason: str
    unreadable: bool = False
    former: Tenant = field(default_factory=Tenant, compare=False)


def read_with_state(
    graph: GraphClient,
    kept: bytes | None,
    about: Mapping[str, Any],
    properties: Sequence[str],
    *,
    full_every: timedelta,
    now: datetime,
) -> tuple[State, Reading]:
    """The current tenant: the state that was `kept`, as `state_text` wrote it, and the changes since.

    Everything is read when there is no state, when it is damaged, when it is older than `full_every`, when it is `about`
    something else (another tenant, scope or choice of properties), when Graph no longer accepts its links, and when it does
    not contain an object that has changed. Raises W365Error for an incomplete object in a full read.
    """
    state, reason = _load_state(kept, about, full_every, now)
    unreadable = reason in UNREADABLE
    former = Tenant()
    if state is not None:
        former.members = {id: set(ids) for id, ids in state.tenant.members.items()}
        former.nested = {id: set(ids) for id, ids in state.tenant.nested.items()}
        try:
            users, state.users_link = graph.changes("graph.users.delta", {}, state.users_link)
            groups, state.groups_link = graph.changes("graph.groups.delta", {}, state.groups_link)
        except StaleDeltaError:
            reason = "Microsoft Graph no longer knew the last state"
        else:
            if not _apply_changes(state.tenant, users, groups):
                return state, Reading(False, "only what had changed since the last run was read", former=former)
            reason = "the last state did not hold a user or group that had changed"
    tenant = Tenant()
    users, users_link = graph.changes("graph.users.delta", {"$select": user_select(properties)})
    groups, groups_link = graph.changes("graph.groups.delta", {"$select": f"{GROUP_SELECT},members"})
    unknown_ids = _apply_changes(tenant, users, groups)
    if unknown_ids:
        raise W365Error(
            f"Microsoft Graph was asked for everything, and returned only a part of {min(unknown_ids)}. Rerun the task."
        )
    reading = Reading(True, f"everything was read: {reason}", unreadable, former)
    return State(tenant, about, now, users_link, groups_link), reading


def _apply_changes(tenant: Tenant, users: Iterable[Mapping[str, Any]], groups: Iterable[Mapping[str, Any]]) -> set[str]:
    """Apply changes from Graph to the tenant. An object may occur more than once, and with a part of its members.

    Returns the ids of unknown objects that came without a name: only a part of them was returned, so the tenant is not
    complete.
    """
    unknown_ids: set[str] = set()
    for item in users:
        id = str(item["id"])
        if "@removed" in item:
            tenant.users.pop(id, None)
            unknown_ids.discard(id)
            continue
        # Graph omits properties that were not selected, and those without a value.
        user = {**tenant.users.get(id, {}), **item}
        if user.get("userPrincipalName"):
            tenant.users[id] = user
        else:
            unknown_ids.add(id)
    for item in groups:
        id = str(item["id"])
        if "@removed" in item:
            tenant.groups.pop(id, None)
            tenant.members.pop(id, None)
            tenant.nested.pop(id, None)
            unknown_ids.discard(id)
            continue
        if id not in tenant.groups and "displayName" not in item:
            # Also after @removed: only a full read shows whether the group was restored since.
            unknown_ids.add(id)
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
    return unknown_ids


def _load_state(
    content: bytes | None, about: Mapping[str, Any], full_every: timedelta, now: datetime
) -> tuple[State | None, str]:
    """The state, or None with the reason. A state that is damaged is no state: an empty one would say that all have left."""
    if content is None:
        return None, "there was no state yet"
    try:
        kept = json.loads(content.decode("utf-8"))
        if kept["format"] != FORMAT:
            return None, OTHER_FORMAT
        if not is_state(kept) or _checksum(kept) != kept.get("checksum", _checksum(kept)):
            return None, DAMAGED
        tenant = Tenant(
            users={_text(user["id"]): user for user in kept["users"]},
            groups={_text(group["id"]): group for group in kept["groups"]},
            members={id: set(map(_text, ids)) for id, ids in kept["members"].items()},
            nested={id: set(map(_text, ids)) for id, ids in kept["nested"].items()},
        )
        full_at = datetime.fromisoformat(kept["full_at"])
        state = State(tenant, kept["about"], full_at, _text(kept["users_link"]), _text(kept["groups_link"]))
        is_recent = full_at <= now < full_at + full_every
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None, DAMAGED
    if state.about != about:
        return None, "the state was made for another tenant, scope or choice of properties"
    if not is_recent:
        return None, f"the last full run was at {full_at.isoformat(timespec='minutes')}, longer ago than full_every"
    if not (state.users_link and state.groups_link and (tenant.users or "checksum" in kept)):
        return None, DAMAGED
    return state, ""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _checksum(kept: Mapping[str, Any]) -> str:
    """Of all but itself: a file that was cut or edited can still be JSON."""
    text = json.dumps({name: value for name, value in kept.items() if name != "checksum"}, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def state_text(state: State) -> str:
    """The state as the text of a file. It is ASCII, since an unpaired surrogate in a name has no other encoding."""
    tenant = state.tenant
    kept = {
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
    return json.dumps({**kept, "checksum": _checksum(kept)})


def read_tenant(
    graph: GraphClient,
    properties: Sequence[str],
    *,
    groups: Sequence[str],
    everybody: bool,
    flatten: bool,
    all_groups: bool,
    possible: Callable[[Mapping[str, Any]], bool],
    wanted: Callable[[Mapping[str, Any]], bool],
    concurrency: int = 1,
) -> tuple[Tenant, list[str]]:
    """The needed part of the tenant, and the ids of the `groups`, which are names or ids.

    The members of those that are `possible` are read with their properties, `concurrency` groups at the same time; with
    `everybody` all users are listed, and with `all_groups` all groups that are `wanted`, with the ids of their members, many
    in one request. With `flatten` the groups inside them are read too. Raises InputError for a missing group.
    """
    tenant = Tenant()
    chosen = _chosen_groups(graph, groups, concurrency)
    tenant.groups.update((str(group["id"]), group) for group in chosen)
    _read_groups(graph, tenant, filter(possible, chosen), properties, flatten=flatten, concurrency=concurrency)
    if everybody:
        tenant.users.update((str(user["id"]), user) for user in graph.users(properties))
    if all_groups:
        listed = {str(group["id"]): group for group in graph.groups()}
        waiting = [id for id, group in listed.items() if wanted(group) and id not in tenant.members]
        tenant.group_names = frozenset(str(group.get("displayName") or "") for group in listed.values())
        while waiting:
            tenant.groups.update((id, listed[id]) for id in waiting)
            for id, members in graph.members_of(waiting).items():
                _add_members(tenant, id, members)
            # The users of a nested group count for the outer one, whatever the name of the nested one.
            inside = {inner for id in waiting for inner in tenant.nested[id]} if flatten else set()
            waiting = [id for id in listed if id in inside and id not in tenant.members]
    return tenant, [str(group["id"]) for group in chosen]


def _chosen_groups(graph: GraphClient, groups: Sequence[str], concurrency: int) -> list[Mapping[str, Any]]:
    try:
        return _read_concurrently(graph.find_group, groups, concurrency)
    except UnknownGroupError as error:
        try:
            names = [str(group.get("displayName") or "") for group in islice(graph.groups(), SUGGESTED_FROM)]
        except W365Error:
            # The error is as right without a suggestion.
            names = []
        raise error.with_near_names(names) from None


def _read_groups(
    graph: GraphClient,
    tenant: Tenant,
    groups: Iterable[Mapping[str, Any]],
    properties: Sequence[str],
    *,
    flatten: bool,
    concurrency: int,
) -> None:
    """Read groups, their users and their nested groups; with `flatten` the users of those too. No group is read twice."""

    def read(id: str) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
        return list(graph.group_users(id, properties)), graph.nested_groups(id)

    waiting = dict.fromkeys(str(group["id"]) for group in groups)
    while waiting:
        found = _read_concurrently(read, list(waiting), concurrency)
        for id, (people, inside) in zip(waiting, found, strict=True):
            tenant.users.update((str(user["id"]), user) for user in people)
            tenant.members[id] = {str(user["id"]) for user in people}
            tenant.nested[id] = {str(nested["id"]) for nested in inside}
            for nested in inside:
                tenant.groups.setdefault(str(nested["id"]), nested)
        inner = (nested for id in waiting for nested in sorted(tenant.nested[id])) if flatten else ()
        waiting = dict.fromkeys(id for id in inner if id not in tenant.members)


def _read_concurrently(read: Callable[[str], Found], names: Sequence[str], concurrency: int) -> list[Found]:
    """What `read` gives for each name, in their order, with at most `concurrency` calls at the same time."""
    if concurrency == 1 or len(names) < 2:
        return [read(name) for name in names]
    from concurrent.futures import ThreadPoolExecutor  # start-up

    with ThreadPoolExecutor(max_workers=min(concurrency, len(names))) as workers:
        return list(workers.map(read, names))


def _add_members(tenant: Tenant, group_id: str, members: Iterable[Mapping[str, Any]]) -> None:
    _apply_changes(tenant, (), [{"id": group_id, "members@delta": list(members)}])
