# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The current users and groups of an environment, the snapshot that a plan is made from, and what a directory supports.

In all of them `None` means "the server does not say", and an empty string means "empty".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .fields import GROUP_FIELDS, OPTIONAL_USER_FIELDS, USER_FIELDS, Field
from .names import comparison_key, external_id_key

if TYPE_CHECKING:
    from ..errors import W365Error

Thing = TypeVar("Thing", "User", "Group")

NO_VALUES: Mapping[str, str | None] = {}


class User(NamedTuple):
    """A person in an environment.

    `active` is false for users on the deleted-users list (contract, SCIM; A). `id` is the server's, and opaque.
    `readable` is false when the server could only say that the user exists. `optional` holds the optional attributes that
    have a value. `email_path` is the path of the address, where it is not that of the table of attributes.
    """

    upn: str
    id: str = ""
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    active: bool | None = None
    administrator: bool | None = None
    external_id: str | None = None
    readable: bool = True
    optional: Mapping[str, str | None] = NO_VALUES
    email_path: str = ""

    @property
    def key(self) -> str:
        return comparison_key(self.upn)

    def as_result(self) -> dict[str, Any]:
        """The user in the result of a module."""
        values = {name: value_of(self, name) for name in USER_FIELDS}
        return {"upn": values.pop("upn"), "id": self.id, **values}


class Group(NamedTuple):
    """A group in an environment. `members` holds the keys of users, and `UNRESOLVED` ids of others; None when not read."""

    name: str
    id: str = ""
    description: str | None = None
    external_id: str | None = None
    members: frozenset[str] | None = None

    @property
    def key(self) -> str:
        return comparison_key(self.name)

    def as_result(self) -> dict[str, Any]:
        values = {name: value_of(self, name) for name in GROUP_FIELDS}
        members = None if self.members is None else sorted(self.members)
        return {"name": values.pop("name"), "id": self.id, **values, "members": members}


UNRESOLVED = "id:"
"""The prefix of the key of a member whose UPN is not known, such as a nested group; the id follows."""


class _State(NamedTuple):
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    administrators: frozenset[str] | None = None
    primary_administrator: str | None = None
    roles_problem: W365Error | None = None
    uncertain_administrators: frozenset[str] = frozenset()
    people: tuple[User, ...] = ()


class Snapshot(_State):
    """The state of an environment, as far as it was read.

    `administrators` are the keys of its active administrators, None when the server does not show them. `roles_problem` says
    why they are not known although the server has such a list: then they are neither shown nor missing.
    `people` are the users as the Provisioning API lists them, where `users` are those of another API that has no roles: an
    administrator may be among the people only.
    `primary_administrator` is the key of the first administrator (contract, section 4; D). No API shows it: it is
    assumed to be the one with the lowest id (A). `uncertain_administrators` are those of `administrators` whose account the
    server shows neither as active nor as deleted, although it shows others as active.
    """

    # A plan looks up every desired object: scanning lists of thousands would take minutes. The first of a name is used.

    @cached_property
    def users_by_key(self) -> Mapping[str, User]:
        return {user.key: user for user in reversed(self.users)}

    def users_named(self, name: str) -> Sequence[User]:
        """All users of one name: more than one on a server that has two, which is an error where one is asked for."""
        return self._users_of.get(comparison_key(name), ())

    def groups_named(self, name: str) -> Sequence[Group]:
        return self._groups_of.get(comparison_key(name), ())

    @cached_property
    def _users_of(self) -> Mapping[str, Sequence[User]]:
        return by_key(self.users)

    @cached_property
    def _groups_of(self) -> Mapping[str, Sequence[Group]]:
        return by_key(self.groups)

    @cached_property
    def _people_of(self) -> Mapping[str, Sequence[User]]:
        return by_key(self.people)

    def people_named(self, name: str) -> Sequence[User]:
        return self._people_of.get(comparison_key(name), ())

    @property
    def people_keys(self) -> frozenset[str]:
        return frozenset(self._people_of)

    @cached_property
    def shared_user_keys(self) -> frozenset[str]:
        """The keys that more than one user has."""
        return frozenset(key for key, users in self._users_of.items() if len(users) > 1)

    @cached_property
    def users_by_id(self) -> Mapping[str, User]:
        return {user.id: user for user in reversed(self.users) if user.id}

    @cached_property
    def users_by_external_id(self) -> Mapping[str, User]:
        """Only users whose external id is unique: an id that two users share identifies neither."""
        return identified_once(self.users)

    @cached_property
    def groups_by_key(self) -> Mapping[str, Group]:
        return {group.key: group for group in reversed(self.groups)}

    @cached_property
    def groups_by_external_id(self) -> Mapping[str, Group]:
        return identified_once(self.groups)

    @cached_property
    def groups_by_id(self) -> Mapping[str, Group]:
        return {group.id: group for group in reversed(self.groups) if group.id}


class Capabilities(NamedTuple):
    """What a directory supports: the names of the fields of users and groups that it reads and writes. A plan with anything
    else is refused before anything is written.

    `extras` are the write-only values that it accepts. `alternatives` says what to do instead of an unsupported field, by
    the field's name.
    """

    wire: str
    user_fields: frozenset[str]
    group_fields: frozenset[str]
    extras: frozenset[str] = frozenset()
    permanent_deletion: bool = True
    alternatives: Mapping[str, str] = {}


def by_key(things: Iterable[Thing]) -> dict[str, list[Thing]]:
    """All objects of each name."""
    found: dict[str, list[Thing]] = {}
    for thing in things:
        found.setdefault(thing.key, []).append(thing)
    return found


def identified_once(things: tuple[Thing, ...]) -> dict[str, Thing]:
    found = [(external_id_key(thing.external_id), thing) for thing in things if thing.external_id]
    counts = Counter(id for id, _thing in found)
    return {id: thing for id, thing in found if counts[id] == 1}


def value_of(thing: User | Group, name: str) -> Any:
    """The value of a field; None where the server does not say."""
    return (
        thing.optional.get(name) if name in OPTIONAL_USER_FIELDS and isinstance(thing, User) else getattr(thing, name)
    )


def values_of(thing: User | Group, names: Iterable[str]) -> dict[str, Any]:
    return {name: value_of(thing, name) for name in names}


def difference(desired: Mapping[str, Any], current: User | Group, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The desired values whose normal form differs from the current one; None means that nothing is desired."""
    changes: dict[str, Any] = {}
    for name, field in fields.items():
        value = desired.get(name)
        if value is not None and field.normal(value) != field.normal(value_of(current, name)):
            changes[name] = value
    return changes


def with_fields(thing: Thing, values: Mapping[str, Any]) -> Thing:
    """A copy of a user or group with those of the values that it has fields for."""
    known = {name: value for name, value in values.items() if name in thing._fields}
    if known.get("external_id") == "":
        # A cleared id is removed.
        known["external_id"] = None
    optional = {name: values[name] for name in OPTIONAL_USER_FIELDS.intersection(values)}
    if optional and isinstance(thing, User):
        # A cleared attribute has no entry.
        known["optional"] = {name: value for name, value in {**thing.optional, **optional}.items() if value}
    return thing._replace(**known)
