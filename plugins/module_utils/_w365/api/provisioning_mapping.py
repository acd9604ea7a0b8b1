# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups in the format of the Provisioning API (contract, section 1).

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.directory import Group, User
from ..model.fields import GROUP_FIELDS, USER_FIELDS, provisioning_names
from .values import id_of, text_or_none, truth_or_none, without_case

PROVISIONING_EXTRAS = {"password": "Password", "create_in_office365": "CreateInOffice365"}
"""Values that can be written and never read (contract: User; D)."""

PROVISIONING_USER_NAMES = {**provisioning_names(USER_FIELDS), **PROVISIONING_EXTRAS}
"""Our field -> the Provisioning API's (contract: User; IsActive A, the others D). The address is the UPN (D)."""

_READ = tuple((name, label.lower()) for name, label in provisioning_names(USER_FIELDS).items())

PROVISIONING_GROUP_NAMES = provisioning_names(GROUP_FIELDS)


def user_from_provisioning(item: Mapping[str, Any]) -> User:
    found = without_case(item)
    values: dict[str, Any] = {}
    for name, label in _READ:
        value = found.get(label)
        values[name] = truth_or_none(value) if USER_FIELDS[name].type == "bool" else text_or_none(value)
    values["upn"] = values["upn"] or ""
    return User(id=id_of(found), **values)


def to_provisioning(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names[name]: value for name, value in values.items() if value is not None}


def group_from_provisioning(item: Mapping[str, Any]) -> tuple[Group, tuple[str, ...]]:
    """A group and the ids of its members."""
    found = without_case(item)
    members = tuple(
        id_of(without_case(member)) if isinstance(member, Mapping) else str(member)
        for member in found.get("members") or ()
    )
    group = Group(
        name=text_or_none(found.get("name")) or "",
        id=id_of(found),
        description=text_or_none(found.get("description")),
    )
    return group, members
