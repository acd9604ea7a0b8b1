# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups as the Provisioning API writes them (contract, section 1).

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.directory import Group, User
from .values import text_or_none, truth_or_none, without_case


def user_from_provisioning(item: Mapping[str, Any]) -> User:
    found = without_case(item)
    return User(
        upn=text_or_none(found.get("emailaddress")) or "",
        id=str(found.get("id", "")),
        first_name=text_or_none(found.get("firstname")),
        last_name=text_or_none(found.get("lastname")),
        active=truth_or_none(found.get("isactive")),
        administrator=truth_or_none(found.get("isadministrator")),
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
    found = without_case(item)
    members = tuple(
        str(without_case(member).get("id", "")) if isinstance(member, Mapping) else str(member)
        for member in found.get("members") or ()
    )
    group = Group(
        name=text_or_none(found.get("name")) or "",
        id=str(found.get("id", "")),
        description=text_or_none(found.get("description")),
    )
    return group, members
