# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users in the format of the Provisioning API (contract, section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model.directory import Group, User
from ..model.fields import GROUP_FIELDS, USER_FIELDS, provisioning_names
from .values import OddValueError, identifier, record, shown, text_or_none, truth_or_none

PROVISIONING_EXTRAS = {"password": "Password", "create_in_office365": "CreateInOffice365"}
"""Values that can be written and never read (contract: User; D)."""

PROVISIONING_USER_NAMES = {**provisioning_names(USER_FIELDS), **PROVISIONING_EXTRAS}
"""Our field -> the Provisioning API's (contract: User; IsActive A, the others D). The address is the UPN (D)."""

_READ = tuple((name, label.lower()) for name, label in provisioning_names(USER_FIELDS).items())

_UPN = PROVISIONING_USER_NAMES["upn"].lower()

_ROLE = PROVISIONING_USER_NAMES["administrator"].lower()

PROVISIONING_GROUP_NAMES = provisioning_names(GROUP_FIELDS)


def user_from_provisioning(item: Any) -> User:
    """Raises OddValueError unless the user has a name, an id and a role that is known."""
    found = record(item, "a list of users with an item")
    values: dict[str, Any] = {}
    for name, label in _READ:
        value = found.get(label)
        values[name] = truth_or_none(value) if USER_FIELDS[name].type == "bool" else text_or_none(value)
    id = identifier(found.get("id"), "a user with an id")
    if not isinstance(found.get(_UPN), str) or not values["upn"]:
        raise OddValueError(f"a user whose {PROVISIONING_USER_NAMES['upn']} is {shown(found.get(_UPN))} (id {id!r})")
    if str(found.get(_ROLE)).strip().lower() not in ("true", "false"):
        role = PROVISIONING_USER_NAMES["administrator"]
        raise OddValueError(f"a user whose {role} is {shown(found.get(_ROLE))} and not a boolean (id {id!r})")
    return User(id=id, **values)


def users_from_provisioning(items: list[Any]) -> list[User]:
    """Raises OddValueError for one that cannot be identified, and for an id that comes twice."""
    users = [user_from_provisioning(item) for item in items]
    refuse_repeated_ids(users, "users")
    return users


def refuse_repeated_ids(things: Sequence[User | Group], what: str) -> None:
    if len({thing.id for thing in things}) < len(things):
        raise OddValueError(f"a list of {what} that holds an id twice")


def created_id(answer: Any, numbers: bool) -> str:
    """The id in the answer to a create, empty where there is none. Raises OddValueError for anything else.

    With `numbers` it is an integer (contract: User; D); digits in quotes will do.
    """
    if answer is None or answer in ("", {}):
        return ""
    if isinstance(answer, Mapping):
        answer = record(answer).get("id")
    id = identifier(answer, "an id")
    if (numbers and not (id.isascii() and id.isdigit())) or any(map(str.isspace, id)):
        raise OddValueError("a text that is no id")
    return id


def to_provisioning(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in values.items() if value is not None}
