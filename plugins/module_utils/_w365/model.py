# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of an environment, and their normal form: what comes from a server, a task or Entra is made equal here.

In all of them `None` means "not given" (a desired object) or "the server does not say" (a current one), and an empty
string means "empty".

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .errors import InputError

if TYPE_CHECKING:
    from .purge import Purge

EMAIL_PATTERN = re.compile(r"^[^\s@<>(),;:\\\"\[\]]+@[^\s@.]+(\.[^\s@.]+)+$")
"""Deliberately loose: it refuses what no server can mean, and leaves the fine print to the server."""


def folded(text: str) -> str:
    """The form in which UPNs, mail addresses and group names are compared: without regard to case (contract, S)."""
    return text.strip().casefold()


def checked_upn(value: str, option: str = "upn") -> str:
    """A user principal name without surrounding blanks. Raises InputError when it is not name@domain."""
    upn = value.strip()
    if not EMAIL_PATTERN.match(upn):
        raise InputError(
            f"Option {option} has {value!r}, which is not a user principal name. It has the form name@domain.example, "
            "and must equal the user's UPN in Microsoft Entra."
        )
    return upn


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
        return folded(self.upn)

    def as_result(self) -> dict[str, Any]:
        """The user as modules return it."""
        return {name: getattr(self, name) for name in USER_RESULT_FIELDS}


USER_FIELDS = ("upn", "first_name", "last_name", "email", "active", "external_id", "administrator")
"""The fields that can be compared and changed, in the order in which people read them."""

USER_RESULT_FIELDS = ("upn", "id", *USER_FIELDS[1:])

_FOLDED_FIELDS = frozenset({"upn", "email", "name"})


class Group(NamedTuple):
    """A group in an environment. `members` holds member keys (see `member_key`); None when they were not read."""

    name: str
    id: str = ""
    description: str | None = None
    external_id: str | None = None
    members: frozenset[str] | None = None

    @property
    def key(self) -> str:
        return folded(self.name)

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


def known_id(external_id: Any) -> str:
    """An external id for comparing. The ids of objects in Microsoft Entra have no case (they are GUIDs), others have."""
    text = str(external_id or "").strip()
    return text.lower() if len(text) == 36 and text.count("-") == 4 else text


class AddRemoveSet(NamedTuple):
    """A change of a collection: `set` names the whole of it, otherwise `add` and `remove` are applied."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    set: frozenset[str] | None = None

    def applied_to(self, current: Collection[str]) -> frozenset[str]:
        """What the collection becomes. Members of unknown kind stay: we only remove what was or could be named."""
        if self.set is not None:
            return self.set | frozenset(key for key in current if key.startswith(UNRESOLVED))
        return (frozenset(current) | self.add) - self.remove

    @property
    def named(self) -> frozenset[str]:
        return self.add | self.remove | (self.set or frozenset())

    @property
    def wanted(self) -> frozenset[str]:
        return self.add | (self.set or frozenset())


@dataclass(frozen=True)
class DesiredUser:
    """What a task wants of one user. `identity` is the UPN or id by which an existing user is found for a rename.

    `initial` are fields that only a new user gets. `restore` takes back whoever is on the deleted-users list.
    `extras` are values that can be written and never read (password, create_in_office365), by name. With `instead` somebody
    else has the UPN now and is renamed in the same plan.
    """

    upn: str
    identity: str | None = None
    present: bool = True
    permanent: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    restore: bool = True
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    update_password: bool = False
    instead: bool = False

    @property
    def key(self) -> str:
        return folded(self.upn)


@dataclass(frozen=True)
class DesiredGroup:
    """What a task wants of one group. `members` is None when they are left alone. `instead` as for a user."""

    name: str
    identity: str | None = None
    present: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)
    members: AddRemoveSet | None = None
    instead: bool = False

    @property
    def key(self) -> str:
        return folded(self.name)


class LeftOut(NamedTuple):
    """An object that a source left out, with a reason that a person understands."""

    kind: str
    name: str
    reason: str

    def as_result(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "reason": self.reason}


@dataclass(frozen=True)
class Desired:
    """Everything that a source wants of an environment. None for `administrators` leaves them alone.

    A `whole` one is about a directory and not about single objects: users and groups are listed, nobody is looked up, and
    who is not found by UPN is found by `external_id`. The `protected` users (keys) are not taken away by anything.
    With `collisions_stay` whoever wants the UPN of another account is left out and keeps theirs; otherwise that is refused.
    `others` are the external ids of people and groups that the source knows and does not want here: nobody gets what is
    theirs. `namesakes` are groups that bear the name of a wanted one: which of the two is meant, the server's ids tell.
    """

    users: tuple[DesiredUser, ...] = ()
    groups: tuple[DesiredGroup, ...] = ()
    administrators: AddRemoveSet | None = None
    left_out: tuple[LeftOut, ...] = ()
    whole: bool = False
    purge: Purge | None = None
    protected: frozenset[str] = frozenset()
    collisions_stay: bool = False
    others: frozenset[str] = frozenset()
    namesakes: tuple[DesiredGroup, ...] = ()


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
        return _identified_once(self.users)

    @cached_property
    def groups_by_key(self) -> Mapping[str, Group]:
        return {group.key: group for group in reversed(self.groups)}

    @cached_property
    def groups_by_external_id(self) -> Mapping[str, Group]:
        return _identified_once(self.groups)

    @cached_property
    def groups_by_id(self) -> Mapping[str, Group]:
        return {group.id: group for group in reversed(self.groups) if group.id}


def _identified_once(things: tuple[Thing, ...]) -> dict[str, Thing]:
    found = [(known_id(thing.external_id), thing) for thing in things if thing.external_id]
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
    return text.casefold() if name in _FOLDED_FIELDS else text


# The wire forms. Names are read without regard to case (contract, section 1; A).


def _insensitive(item: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in item.items()}


def _text(value: Any) -> str | None:
    return None if value is None else str(value).strip()


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    return str(value).strip().lower() in ("true", "1", "yes")


def user_from_provisioning(item: Mapping[str, Any]) -> User:
    found = _insensitive(item)
    return User(
        upn=_text(found.get("emailaddress")) or "",
        id=str(found.get("id", "")),
        first_name=_text(found.get("firstname")),
        last_name=_text(found.get("lastname")),
        active=_truth(found.get("isactive")),
        administrator=_truth(found.get("isadministrator")),
    )


PROVISIONING_USER_NAMES = {
    "upn": "EmailAddress",
    "first_name": "FirstName",
    "last_name": "LastName",
    "active": "IsActive",
    "administrator": "IsAdministrator",
    "password": "Password",
    "create_in_office365": "CreateInOffice365",
}
"""Our field -> the Provisioning API's (contract: User; IsActive A, the others D). The address is the UPN (D)."""

PROVISIONING_GROUP_NAMES = {"name": "Name", "description": "Description"}


def to_provisioning(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in values.items() if value is not None}


def group_from_provisioning(item: Mapping[str, Any]) -> tuple[Group, tuple[str, ...]]:
    """A group and the ids of its members."""
    found = _insensitive(item)
    members = tuple(
        str(_insensitive(member).get("id", "")) if isinstance(member, Mapping) else str(member)
        for member in found.get("members") or ()
    )
    group = Group(
        name=_text(found.get("name")) or "", id=str(found.get("id", "")), description=_text(found.get("description"))
    )
    return group, members


def user_from_scim(resource: Mapping[str, Any]) -> User:
    found = _insensitive(resource)
    name = _insensitive(found.get("name") or {})
    return User(
        upn=_text(found.get("username")) or "",
        id=str(found.get("id", "")),
        first_name=_text(name.get("givenname")),
        last_name=_text(name.get("familyname")),
        email=_work_email(found.get("emails")),
        # RFC 7643 leaves out what is unset; a user without the attribute has not been deactivated.
        active=_truth(found.get("active", True)),
        external_id=_text(found.get("externalid")),
    )


def _work_email(emails: Any) -> str | None:
    """The address of type work, else the primary one, else the first."""
    if not isinstance(emails, list) or not emails:
        return None
    entries = [_insensitive(entry) for entry in emails if isinstance(entry, Mapping)]
    work = [entry for entry in entries if str(entry.get("type", "")).lower() == "work"]
    primary = [entry for entry in entries if _truth(entry.get("primary"))]
    chosen = work or primary or entries
    return _text(chosen[0].get("value")) if chosen else None


def group_from_scim(resource: Mapping[str, Any]) -> tuple[Group, tuple[tuple[str, bool], ...]]:
    """A group and its members as (id, is it a user)."""
    found = _insensitive(resource)
    members: list[tuple[str, bool]] = []
    for entry in found.get("members") or ():
        member = _insensitive(entry) if isinstance(entry, Mapping) else {"value": entry}
        is_user = (
            str(member.get("type", "User")).lower() == "user" and "/groups/" not in str(member.get("$ref", "")).lower()
        )
        members.append((str(member.get("value", "")), is_user))
    group = Group(
        name=_text(found.get("displayname")) or "",
        id=str(found.get("id", "")),
        external_id=_text(found.get("externalid")),
    )
    return group, tuple(members)


SCIM_USER_PATHS = {
    "upn": "userName",
    "first_name": "name.givenName",
    "last_name": "name.familyName",
    "email": 'emails[type eq "work"].value',
    "active": "active",
    "external_id": "externalId",
}
"""Our field -> the SCIM attribute that Workspace 365 names (contract, section 2; D)."""

SCIM_GROUP_PATHS = {"name": "displayName", "external_id": "externalId"}


def user_to_scim(user: User) -> dict[str, Any]:
    """The resource that a POST to /Users takes."""
    resource: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": user.upn,
        "active": user.active is not False,
        "name": {"givenName": user.first_name or "", "familyName": user.last_name or ""},
        "emails": [{"type": "work", "primary": True, "value": user.email or user.upn}],
    }
    if user.external_id:
        resource["externalId"] = user.external_id
    return resource


def group_to_scim(group: Group) -> dict[str, Any]:
    """The resource that a POST to /Groups takes, without members."""
    resource: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": group.name}
    if group.external_id:
        resource["externalId"] = group.external_id
    return resource


def with_fields(thing: Thing, values: Mapping[str, Any]) -> Thing:
    """A copy of a user or group with those of the values that it has fields for."""
    return thing._replace(**{name: value for name, value in values.items() if name in thing._fields})
