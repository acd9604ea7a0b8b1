# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups of an environment as they are, and the snapshot that a plan is compared with.

In all of them `None` means "the server does not say", and an empty string means "empty".

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from .names import comparison_key, external_id_key

Thing = TypeVar("Thing", "User", "Group")


class User(NamedTuple):
    """A person in an environment.

    `active` is false for whoever is on the deleted-users list (contract, SCIM; A). `id` is the server's own, opaque.
    `readable` is false when the server could only say that the user exists.
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

    @property
    def key(self) -> str:
        return comparison_key(self.upn)

    def as_result(self) -> dict[str, Any]:
        """The user as modules return it."""
        return {name: getattr(self, name) for name in USER_RESULT_FIELDS}


USER_FIELDS = ("upn", "first_name", "last_name", "email", "active", "external_id", "administrator")
"""The fields that can be compared and changed, in the order in which people read them."""

USER_RESULT_FIELDS = ("upn", "id", *USER_FIELDS[1:])

CASELESS_FIELDS = frozenset({"upn", "email", "name"})


class Group(NamedTuple):
    """A group in an environment. `members` holds member keys (see `member_key`); None when they were not read."""

    name: str
    id: str = ""
    description: str | None = None
    external_id: str | None = None
    members: frozenset[str] | None = None

    @property
    def key(self) -> str:
        return comparison_key(self.name)

    def as_result(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "id": self.id,
            "description": self.description,
            "external_id": self.external_id,
            "members": None if self.members is None else sorted(self.members),
        }


GROUP_FIELDS = ("name", "description", "external_id")

UNRESOLVED = "id:"
"""Begins the key of a member whose UPN is not known, such as a nested group."""


@dataclass(frozen=True)
class Snapshot:
    """What an environment holds, as far as it was read.

    `administrators` are the keys of its active administrators, None when the server does not tell.
    `primary_administrator` is the key of the one who was there first (contract, section 4; D), which no API tells: it is
    taken to be the one with the lowest id (A).
    """

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    administrators: frozenset[str] | None = None
    primary_administrator: str | None = None

    # A plan looks for every wanted object: by walking, thousands of them would take minutes. The first of a name wins.

    @cached_property
    def users_by_key(self) -> Mapping[str, User]:
        return {user.key: user for user in reversed(self.users)}

    @cached_property
    def users_by_id(self) -> Mapping[str, User]:
        return {user.id: user for user in reversed(self.users) if user.id}

    @cached_property
    def users_by_external_id(self) -> Mapping[str, User]:
        """Only those whose external id nobody else has: an id that two users share identifies neither."""
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


def identified_once(things: tuple[Thing, ...]) -> dict[str, Thing]:
    found = [(external_id_key(thing.external_id), thing) for thing in things if thing.external_id]
    counts = Counter(id for id, _thing in found)
    return {id: thing for id, thing in found if counts[id] == 1}


def difference(fields_wanted: Mapping[str, Any], current: User | Group, names: Iterable[str]) -> dict[str, Any]:
    """The wanted fields whose normal form differs from the current one; None means that nothing is wanted."""
    changes: dict[str, Any] = {}
    for name in names:
        wanted = fields_wanted.get(name)
        if wanted is not None and _normal(name, wanted) != _normal(name, getattr(current, name)):
            changes[name] = wanted
    return changes


def _normal(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return "" if value is None else value
    text = str(value).strip()
    return text.casefold() if name in CASELESS_FIELDS else text


def with_fields(thing: Thing, values: Mapping[str, Any]) -> Thing:
    """A copy of a user or group with those of the values that it has fields for."""
    return thing._replace(**{name: value for name, value in values.items() if name in thing._fields})
