# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment through SCIM.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.scim import ScimClient
from ..api.scim_mapping import (
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    group_from_scim,
    user_from_scim,
)
from ..errors import AnswerError, AuthenticationError, NotFoundError, RolesUnreadableError, ValidationError
from ..model.capabilities import Capabilities
from ..model.desired import Desired
from ..model.directory import UNRESOLVED, Group, Snapshot, User, with_fields
from ..model.names import comparison_key
from .common import (
    active_administrators,
    primary_administrator,
    removal_needs_groups,
    removes_administrator,
    user_names,
)

if TYPE_CHECKING:
    from .provisioning import ProvisioningDirectory
    from .scim_changes import ScimChanges


LOOKUPS = 25
"""Up to this number objects are looked up one by one; above it a listing is cheaper."""


Thing = TypeVar("Thing", User, Group)


SCIM_CAPABILITIES = Capabilities(
    wire="SCIM",
    user_fields=frozenset(SCIM_USER_PATHS),
    group_fields=frozenset(SCIM_GROUP_PATHS),
    alternatives={
        "administrator": "The role is managed through the Provisioning API: use w365_admin.",
        "password": "Users that are managed through SCIM sign in with Microsoft Entra; leave the password out.",
        "create_in_office365": "It belongs to the Provisioning API: leave out scim_url, or create the account in Microsoft Entra.",
        "description": "SCIM groups have none: leave it out, or leave out scim_url.",
    },
)


class ScimDirectory:
    """Users, groups and memberships through SCIM; administrators, which SCIM does not have, through `administration`.

    `user_ids` and `group_ids` hold the ids that are known, by key. What writes is in scim_changes.
    """

    capabilities = SCIM_CAPABILITIES

    def __init__(self, client: ScimClient, administration: ProvisioningDirectory | None) -> None:
        self.client = client
        self.administration = administration
        self.user_ids: dict[str, str] = {}
        self.group_ids: dict[str, str] = {}
        self._upns: dict[str, str] = {}
        self._all_users_read = False

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        names = user_names(desired)
        listing = desired.whole or len(names) > LOOKUPS
        users: list[User] = []
        if names or desired.purge:
            users = self.list_users() if listing else _distinct(map(self.find_user, names))
        with_members = _needs_members(desired)
        if (desired.groups and (desired.whole or len(desired.groups) > LOOKUPS)) or removal_needs_groups(desired):
            groups = self.list_groups(members=with_members, concerned=_concerned_groups(desired))
        else:
            groups = _distinct(
                found
                for group in desired.groups
                for found in (
                    self.find_group(group.name, members=with_members),
                    self._identified_group(group.identity, members=with_members) if group.identity else None,
                )
            )
        people = self._people_with_roles(desired)
        if people is None:
            return Snapshot(tuple(users), tuple(groups))
        administrators = active_administrators(people)
        # SCIM has no roles, and a plan must know which users are administrators.
        users = [user._replace(administrator=True) if user.key in administrators else user for user in users]
        return Snapshot(tuple(users), tuple(groups), administrators, primary_administrator(people))

    def _people_with_roles(self, desired: Desired) -> list[User] | None:
        """The users as the Provisioning API shows them; None when they need not or cannot be read."""
        must = desired.administrators is not None
        if self.administration is None or not (must or desired.purge or any(map(removes_administrator, desired.users))):
            return None
        try:
            return self.administration.users_with_roles()
        except RolesUnreadableError:
            if must:
                raise
            return None

    def kept_fields(self) -> frozenset[str] | None:
        from ..api.scim_schemas import kept_fields  # start-up

        try:
            return kept_fields(self.client.call("scim.schemas"))
        except (AnswerError, AuthenticationError):
            # A service may have no readable schemas, which does not show what it keeps.
            return None

    def read_again(self, user: User) -> User | None:
        resource = self._get("scim.user.get", user.id) if user.id else None
        return user_from_scim(resource) if resource else None

    def list_users(self) -> list[User]:
        users = [self.remember(user_from_scim(resource)) for resource in self.client.pages("scim.user.list")]
        self._all_users_read = True
        return users

    def list_groups(self, *, members: bool = True, concerned: frozenset[str] | None = None) -> list[Group]:
        query = None if members else {"excludedAttributes": "members"}
        read = [group_from_scim(resource) for resource in self.client.pages("scim.group.list", query)]
        if members and not any(ids for _group, ids in read):
            # Either all groups are empty, or this server omits members in listings: read the groups one by one.
            read = [
                self._full(group)
                if concerned is None
                or not concerned.isdisjoint((group.key, group.id, comparison_key(group.external_id or group.id)))
                else (group, ids)
                for group, ids in read
            ]
        self._resolve({id for _group, ids in read for id, is_user in ids if is_user})
        return [self._group(group, ids if members else None) for group, ids in read]

    def _full(self, group: Group) -> tuple[Group, tuple[tuple[str, bool], ...]]:
        resource = self._get("scim.group.get", group.id)
        return group_from_scim(resource) if resource else (group, ())

    def find_user(self, name: str) -> User | None:
        found = [
            user
            for r in self.client.find("scim.user.list", "userName", name)
            if (user := user_from_scim(r)).key == comparison_key(name)
        ]
        if found:
            return self.remember(found[0])
        if "@" in name:
            return None
        resource = self._get("scim.user.get", name)
        return self.remember(user_from_scim(resource)) if resource else None

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        for resource in self.client.find("scim.group.list", "displayName", name):
            group, ids = group_from_scim(resource)
            if group.key == comparison_key(name):
                return self._read_group(group, ids, resource, members=members)
        return None

    def _identified_group(self, identity: str, *, members: bool) -> Group | None:
        """The group to rename: by its current name, or by id."""
        found = self.find_group(identity, members=members)
        resource = None if found else self._get("scim.group.get", identity)
        if resource is None:
            return found
        group, ids = group_from_scim(resource)
        return self._read_group(group, ids, resource, members=members)

    def _read_group(
        self, group: Group, ids: tuple[tuple[str, bool], ...], resource: Mapping[str, Any], *, members: bool
    ) -> Group:
        if members and "members" not in {str(name).lower() for name in resource}:
            # Servers omit members in listings, and RFC 7643 omits empty ones: read the group itself.
            ids = self._full(group)[1]
        if members:
            self._resolve({id for id, is_user in ids if is_user})
        return self._group(group, ids if members else None)

    def _get(self, endpoint_id: str, object_id: str) -> Mapping[str, Any] | None:
        try:
            answer = self.client.call(endpoint_id, object_id=object_id)
        except (NotFoundError, ValidationError):
            # Some servers answer 400 to an id of another form than theirs.
            return None
        return answer if isinstance(answer, Mapping) else None

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
        self.group_ids[group.key] = group.id
        if ids is None:
            return group
        keys = frozenset(self._upns[id] if is_user and id in self._upns else f"{UNRESOLVED}{id}" for id, is_user in ids)
        return with_fields(group, {"members": keys})

    def remember(self, user: User) -> User:
        # Another user may get the old name, and must not get this user's id.
        before = self._upns.get(user.id)
        if before is not None and before != user.key and self.user_ids.get(before) == user.id:
            del self.user_ids[before]
        self.user_ids[user.key] = user.id
        self._upns[user.id] = user.key
        return user

    # Writing

    @cached_property
    def handlers(self) -> ScimChanges:
        from .scim_changes import ScimChanges  # start-up

        return ScimChanges(self)


def _needs_members(desired: Desired) -> bool:
    """Whether a plan for this needs the members of groups."""
    return removal_needs_groups(desired) or any(
        group.members is not None or not group.present for group in desired.groups
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
    return frozenset(names) | frozenset(map(comparison_key, names))


def _distinct(found: Iterable[Thing | None]) -> list[Thing]:
    return list({thing.id or thing.key: thing for thing in found if thing is not None}.values())
