# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members and administrators where two users of the environment have one name. Few environments have that."""

from __future__ import annotations

from collections.abc import Mapping

from ..model.desired import AddRemoveSet, Desired, DesiredGroup
from ..model.directory import UNRESOLVED, Snapshot
from .lookup import find_existing, the_only_one


def with_ids(desired: Desired, current: Snapshot) -> Desired:
    """The same with members by id where their name belongs to two users.

    The entry of a user decides, by identity or external id, which of the two is meant. Raises InputError for others, and
    for administrators, who have other ids in the other API.
    """
    found = (find_existing(user, current) for user in desired.users)
    ids = {
        user.key: f"{UNRESOLVED}{user.id}"
        for user in found
        if user is not None and user.key in current.shared_user_keys
    }
    if desired.administrators is not None:
        _by_id(desired.administrators, {}, current)
    return desired._replace(groups=tuple(_with_member_ids(group, ids, current) for group in desired.groups))


def _with_member_ids(group: DesiredGroup, ids: Mapping[str, str], current: Snapshot) -> DesiredGroup:
    if group.members is None:
        return group
    change = _by_id(group.members, ids, current)
    existing = find_existing(group, current)
    if change.set is not None and existing is not None:
        # A member who is known by id only is kept by a whole list, unless it is removed by id.
        shared = frozenset(
            f"{UNRESOLVED}{user.id}" for key in current.shared_user_keys for user in current.users_named(key)
        )
        change = change._replace(remove=(shared & (existing.members or frozenset())) - change.set)
    return group._replace(members=change)


def _by_id(change: AddRemoveSet, ids: Mapping[str, str], current: Snapshot) -> AddRemoveSet:
    for key in sorted((change.named & current.shared_user_keys) - ids.keys()):
        the_only_one("user", key, current.users_named(key))

    def named(keys: frozenset[str]) -> frozenset[str]:
        return frozenset(ids.get(key, key) for key in keys)

    return change._replace(
        add=named(change.add), remove=named(change.remove), set=None if change.set is None else named(change.set)
    )
