# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment through SCIM."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..api.scim import ScimClient
from ..api.scim_groups import GROUPS, group_from_scim
from ..api.scim_mapping import user_from_scim
from ..errors import W365Error
from ..model.desired import Desired
from ..model.directory import UNRESOLVED, Group, User, with_fields
from ..model.names import comparison_key
from ..planning.lookup import the_only_one
from .common import removal_needs_groups
from .scim_users import LOOKUPS, ScimUsers, distinct

if TYPE_CHECKING:
    from .provisioning_users import ProvisioningUsers
    from .scim_changes import ScimChanges


LISTING_WORKERS = 8
"""Groups that are read at the same time where a task does not say how many."""


class ScimDirectory(ScimUsers):
    """Users, groups and memberships through SCIM; administrators, which SCIM does not have, through `administration`.

    `group_ids` holds the ids of groups that are known, by key. What writes is in scim_changes.
    """

    def __init__(
        self, client: ScimClient, administration: ProvisioningUsers | None, names: dict[str, Any] | None = None
    ) -> None:
        super().__init__(client, administration, names)
        self.group_ids: dict[str, str] = {}
        self._all_users_read = False

    def _groups_of(self, desired: Desired, concurrency: int) -> tuple[Group, ...]:
        with_members = _needs_members(desired)
        many = desired.groups and (desired.whole or len(desired.groups) > LOOKUPS)
        if many or desired.emptied or removal_needs_groups(desired):
            concerned = _concerned_groups(desired)
            return tuple(self.list_groups(members=with_members, concerned=concerned, concurrency=concurrency))
        return tuple(
            distinct(
                found
                for group in desired.groups
                for name in (group.name, group.identity)
                if name
                for found in self.groups_named(name, members=with_members, by_id=name is group.identity)
            )
        )

    def list_users(self) -> list[User]:
        users = super().list_users()
        self._all_users_read = True
        return users

    def list_groups(
        self, *, members: bool = True, concerned: frozenset[str] | None = None, concurrency: int = LISTING_WORKERS
    ) -> list[Group]:
        query = None if members else {"excludedAttributes": "members"}
        listed = [group_from_scim(resource) for resource in self.client.pages("scim.group.list", query)]
        if not members:
            return [self._group(group, None) for group, _ids in listed]
        from .scim_members import with_whole_members  # start-up

        read = with_whole_members(listed, concerned, self._full, concurrency)
        self._resolve({id for _group, ids in read for id, is_user in ids or () if is_user})
        return [self._group(group, ids) for group, ids in read]

    def _full(self, group: Group) -> tuple[Group, tuple[tuple[str, bool], ...]]:
        resource = self._get("scim.group.get", group.id)
        if resource is None:
            # What cannot be read is not empty.
            raise W365Error(
                f"the members of group '{group.name}' cannot be read: the SCIM service lists the group, and does not find it by "
                f"its id {group.id!r}. Rerun the task; if it stays so, the service is faulty."
            )
        return group_from_scim(resource)

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        return the_only_one("group", name, self.groups_named(name, members=members))

    def groups_named(self, name: str, *, members: bool = True, by_id: bool = False) -> list[Group]:
        read = [group_from_scim(resource) for resource in self._named(GROUPS, name, by_id=by_id)]
        # Servers omit or shorten members in listings, and RFC 7643 omits empty ones: read the group itself.
        return [self.with_members(group, self._full(group)[1] if members else None) for group, _ids in read]

    def with_members(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        """The group with these members, each an id and whether it is a user; None where they are not wanted."""
        if ids is not None:
            self._resolve({id for id, is_user in ids if is_user})
        return self._group(group, ids)

    def _resolve(self, ids: Iterable[str]) -> None:
        """Read the UPNs of these user ids: few one by one, many by one listing."""
        unknown = [id for id in ids if id not in self._upns]
        if not unknown or self._all_users_read:
            return
        if len(unknown) > LOOKUPS:
            self.list_users()
            return
        for id in unknown:
            resource = self._get("scim.user.get", id)
            if resource:
                self.remember(user_from_scim(resource))

    def _group(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        self.remember_group(group)
        if ids is None:
            return group
        # A key that two users have identifies neither.
        upns = {
            id: key for id, is_user in ids if is_user and (key := self._upns.get(id)) not in (None, *self.shared_keys)
        }
        return with_fields(group, {"members": frozenset(upns.get(id) or f"{UNRESOLVED}{id}" for id, _is_user in ids)})

    def remember_group(self, group: Group) -> None:
        self.group_ids[group.key] = group.id
        self._rename(GROUPS, group.id, group.key)

    def forget_group(self, group: Group) -> None:
        """The group was deleted."""
        self._rename(GROUPS, group.id, None)

    @cached_property
    def handlers(self) -> ScimChanges:
        from .scim_changes import ScimChanges  # start-up

        return ScimChanges(self)


def _needs_members(desired: Desired) -> bool:
    """Whether a plan for this needs the members of groups."""
    return (
        bool(desired.emptied)
        or removal_needs_groups(desired)
        or any(group.members is not None or not group.present for group in desired.groups)
    )


def _concerned_groups(desired: Desired) -> frozenset[str] | None:
    """Keys, ids and external ids of the groups whose members are needed; None for all. A renamed one has another name."""
    if removal_needs_groups(desired):
        return None
    names = [
        str(name)
        for group in desired.groups
        for name in (group.name, group.identity, group.fields.get("external_id"))
        if name
    ]
    names += [name for group in desired.emptied for name in (group.name, group.external_id)]
    names += desired.also_read
    return frozenset(names) | frozenset(map(comparison_key, names))
