# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users through SCIM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..api.scim import ScimClient
from ..api.scim_mapping import (
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    USERS,
    Kind,
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
from ..model.desired import Desired
from ..model.directory import Capabilities, Group, Snapshot, Thing, User
from ..model.names import external_id_key, is_path_segment
from ..planning.lookup import the_only_one
from .common import (
    active_administrators,
    may_remove_administrators,
    primary_administrator,
    roles_problem,
    uncertain_administrators,
    user_names,
)

if TYPE_CHECKING:
    from .provisioning_users import ProvisioningUsers
    from .scim_user_changes import ScimUserChanges


LOOKUPS = 25
"""Up to this number objects are looked up one by one; above it a listing is cheaper."""


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


class ScimUsers:
    """Users through SCIM; administrators, which SCIM does not have, through `administration`.

    `user_ids` holds the ids that are known, by key; `shared_keys` are those of two users. What writes is in
    scim_user_changes. `names` holds what a session knows about all names of the service (scim_misses).
    """

    capabilities = SCIM_CAPABILITIES

    def __init__(
        self, client: ScimClient, administration: ProvisioningUsers | None, names: dict[str, Any] | None = None
    ) -> None:
        self.client = client
        self.administration = administration
        self.names: dict[str, Any] = {} if names is None else names
        self.user_ids: dict[str, str] = {}
        self.shared_keys: set[str] = set()
        self._upns: dict[str, str] = {}

    # Reading

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        names = user_names(desired)
        listing = desired.whole or len(names) > LOOKUPS
        users: list[User] = []
        if names or desired.purge:
            users = self.list_users() if listing else distinct(u for name in names for u in self.users_named(name))
        groups = self._groups_of(desired, concurrency)
        people, problem = self._people_with_roles(desired)
        if people is None:
            return Snapshot(tuple(users), groups, roles_problem=problem)
        administrators = active_administrators(people)
        # SCIM has no roles, and a plan must know which users are administrators.
        users = [user._replace(administrator=True) if user.key in administrators else user for user in users]
        problem = roles_problem(people, users)
        if problem:
            # Nobody is marked: that is unknown, and not nobody.
            return Snapshot(tuple(users), groups, roles_problem=problem, people=tuple(people))
        return Snapshot(
            tuple(users),
            groups,
            administrators,
            primary_administrator(people),
            uncertain_administrators=uncertain_administrators(people),
            people=tuple(people),
        )

    def _groups_of(self, desired: Desired, concurrency: int) -> tuple[Group, ...]:
        """The groups that a plan needs."""
        return ()

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
        return [self.remember(user_from_scim(resource)) for resource in self.client.pages("scim.user.list")]

    def find_user(self, name: str) -> User | None:
        return the_only_one("user", name, self.users_named(name))

    def users_named(self, name: str) -> list[User]:
        return [self.remember(user_from_scim(resource)) for resource in self._named(USERS, name, by_id="@" not in name)]

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

    def _get(self, endpoint_id: str, object_id: str) -> Mapping[str, Any] | None:
        try:
            return self.client.read(endpoint_id, object_id)
        except (NotFoundError, ValidationError):
            # Some servers answer 400 to an id of another form than theirs.
            return None

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

    def forget(self, user: User) -> None:
        """The user was deleted permanently."""
        if self._upns.pop(user.id, "") and self.user_ids.get(user.key) == user.id:
            del self.user_ids[user.key]
        self._rename(USERS, user.id, None)

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
    def handlers(self) -> ScimUserChanges:
        from .scim_user_changes import ScimUserChanges  # start-up

        return ScimUserChanges(self)


def distinct(found: Iterable[Thing | None]) -> list[Thing]:
    return list({thing.id or thing.key: thing for thing in found if thing is not None}.values())
