# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment through SCIM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.scim import ScimClient
from ..api.scim_mapping import (
    GROUPS,
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    USERS,
    Kind,
    group_from_scim,
    id_of_resource,
    same_name,
    user_from_scim,
)
from ..errors import (
    AnswerError,
    AuthenticationError,
    EnvironmentNotFoundError,
    NotFoundError,
    RolesUnreadableError,
    ValidationError,
    W365Error,
)
from ..model.capabilities import Capabilities
from ..model.desired import Desired
from ..model.directory import UNRESOLVED, Group, Snapshot, User, with_fields
from ..model.names import comparison_key, external_id_key, is_path_segment
from ..planning.lookup import the_only_one
from .common import (
    active_administrators,
    may_remove_administrators,
    primary_administrator,
    removal_needs_groups,
    roles_problem,
    user_names,
)

if TYPE_CHECKING:
    from .provisioning import ProvisioningDirectory
    from .scim_changes import ScimChanges


LOOKUPS = 25
"""Up to this number objects are looked up one by one; above it a listing is cheaper."""


LISTING_WORKERS = 8
"""Groups that are read at the same time where a task does not say how many."""


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

    `user_ids` and `group_ids` hold the ids that are known, by key; `shared_keys` are those of two users. What writes is in scim_changes. `names` holds what a
    session knows about all names of the service (scim_misses).
    """

    capabilities = SCIM_CAPABILITIES

    def __init__(
        self, client: ScimClient, administration: ProvisioningDirectory | None, names: dict[str, Any] | None = None
    ) -> None:
        self.client = client
        self.administration = administration
        self.names: dict[str, Any] = {} if names is None else names
        self.user_ids: dict[str, str] = {}
        self.group_ids: dict[str, str] = {}
        self.shared_keys: set[str] = set()
        self._upns: dict[str, str] = {}
        self._all_users_read = False

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        names = user_names(desired)
        listing = desired.whole or len(names) > LOOKUPS
        users: list[User] = []
        if names or desired.purge:
            users = self.list_users() if listing else _distinct(u for name in names for u in self.users_named(name))
        with_members = _needs_members(desired)
        many = desired.groups and (desired.whole or len(desired.groups) > LOOKUPS)
        if many or desired.emptied or removal_needs_groups(desired):
            concerned = _concerned_groups(desired)
            groups = self.list_groups(members=with_members, concerned=concerned, concurrency=concurrency)
        else:
            groups = _distinct(
                found
                for group in desired.groups
                for name in (group.name, group.identity)
                if name
                for found in self.groups_named(name, members=with_members, by_id=name is group.identity)
            )
        people, problem = self._people_with_roles(desired)
        if people is None:
            return Snapshot(tuple(users), tuple(groups), roles_problem=problem)
        administrators = active_administrators(people)
        # SCIM has no roles, and a plan must know which users are administrators.
        users = [user._replace(administrator=True) if user.key in administrators else user for user in users]
        problem = roles_problem(people, users)
        return Snapshot(tuple(users), tuple(groups), administrators, primary_administrator(people), problem)

    def _people_with_roles(self, desired: Desired) -> tuple[list[User] | None, W365Error | None]:
        """The users as the Provisioning API shows them; None when they need not or cannot be read, and why its list is odd."""
        must = desired.administrators is not None
        if self.administration is None or not (must or may_remove_administrators(desired)):
            return None, None
        try:
            return self.administration.users_with_roles(), None
        except RolesUnreadableError:
            if must:
                raise
            return None, None
        except W365Error as error:
            if must or isinstance(error, EnvironmentNotFoundError):
                raise
            # The plan decides: only some plans could remove an administrator.
            return None, error

    def kept_fields(self) -> frozenset[str] | None:
        from ..api.scim_schemas import kept_fields  # start-up

        try:
            return kept_fields(self.client.call("scim.schemas"))
        except (AnswerError, AuthenticationError):
            # A service may have no readable schemas, which does not show what it keeps.
            return None

    def list_users(self) -> list[User]:
        users = [self.remember(user_from_scim(resource)) for resource in self.client.pages("scim.user.list")]
        self._all_users_read = True
        return users

    def list_groups(
        self, *, members: bool = True, concerned: frozenset[str] | None = None, concurrency: int = LISTING_WORKERS
    ) -> list[Group]:
        query = None if members else {"excludedAttributes": "members"}
        read = [group_from_scim(resource) for resource in self.client.pages("scim.group.list", query)]
        if members:
            from .scim_members import with_whole_members  # start-up

            read = with_whole_members(read, concerned, self._full, concurrency)
        self._resolve({id for _group, ids in read for id, is_user in ids if is_user})
        return [self._group(group, ids if members else None) for group, ids in read]

    def _full(self, group: Group) -> tuple[Group, tuple[tuple[str, bool], ...]]:
        resource = self._get("scim.group.get", group.id)
        if resource is None:
            # What cannot be read is not empty.
            raise W365Error(
                f"the members of group '{group.name}' cannot be read: the SCIM service lists the group, and does not find it by "
                f"its id {group.id!r}. Rerun the task; if it stays so, the service is faulty."
            )
        return group_from_scim(resource)

    def find_user(self, name: str) -> User | None:
        return the_only_one("user", name, self.users_named(name))

    def users_named(self, name: str) -> list[User]:
        return [self.remember(user_from_scim(resource)) for resource in self._named(USERS, name, by_id="@" not in name)]

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        return the_only_one("group", name, self.groups_named(name, members=members))

    def groups_named(self, name: str, *, members: bool = True, by_id: bool = False) -> list[Group]:
        read = [group_from_scim(resource) for resource in self._named(GROUPS, name, by_id=by_id)]
        # Servers omit or shorten members in listings, and RFC 7643 omits empty ones: read the group itself.
        return [self.with_members(group, self._full(group)[1] if members else None) for group, _ids in read]

    def _named(self, kind: Kind, name: str, *, by_id: bool) -> list[Mapping[str, Any]]:
        """The resources with this name, asked for as it is written. That there is none is proven (scim_misses)."""
        found = same_name(self.client.find(kind.listing, kind.attribute, name), kind, name)
        if not found and by_id and is_path_segment(name):
            resource = self._get(kind.get, name)
            found = (
                [resource] if resource and external_id_key(id_of_resource(resource)) == external_id_key(name) else []
            )
        if not found:
            from .scim_misses import named_otherwise  # start-up

            found = named_otherwise(self.client, self.names, kind, name, self._get)
        return found

    def with_members(self, group: Group, ids: tuple[tuple[str, bool], ...] | None) -> Group:
        """The group with these members, each an id and whether it is a user; None where they are not wanted."""
        if ids is not None:
            self._resolve({id for id, is_user in ids if is_user})
        return self._group(group, ids)

    def _get(self, endpoint_id: str, object_id: str) -> Mapping[str, Any] | None:
        try:
            return self.client.read(endpoint_id, object_id)
        except (NotFoundError, ValidationError):
            # Some servers answer 400 to an id of another form than theirs.
            return None

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

    def remember(self, user: User) -> User:
        # Another user may get the old name, and must not get this user's id.
        before = self._upns.get(user.id)
        if before is not None and before != user.key and self.user_ids.get(before) == user.id:
            del self.user_ids[before]
        other = self.user_ids.get(user.key, user.id)
        if other != user.id and self._upns.get(other) == user.key:
            self.shared_keys.add(user.key)
        self.user_ids[user.key] = user.id
        self._upns[user.id] = user.key
        self._rename(USERS, user.id, user.key)
        return user

    def remember_group(self, group: Group) -> None:
        self.group_ids[group.key] = group.id
        self._rename(GROUPS, group.id, group.key)

    def forget(self, thing: User | Group) -> None:
        """The object was deleted permanently."""
        if isinstance(thing, User) and self._upns.pop(thing.id, "") and self.user_ids.get(thing.key) == thing.id:
            del self.user_ids[thing.key]
        self._rename(USERS if isinstance(thing, User) else GROUPS, thing.id, None)

    def forget_names(self) -> None:
        """Another client has changed something since all names were read."""
        self.names.clear()

    def _rename(self, kind: Kind, id: str, key: str | None) -> None:
        """The list of all names follows our own changes."""
        known = self.names.get(kind.listing)
        if known is not None and key is not None:
            known[id] = key
        elif known is not None:
            known.pop(id, None)

    # Writing

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
    return frozenset(names) | frozenset(map(comparison_key, names))


def _distinct(found: Iterable[Thing | None]) -> list[Thing]:
    return list({thing.id or thing.key: thing for thing in found if thing is not None}.values())
