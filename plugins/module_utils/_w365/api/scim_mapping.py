# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and groups as SCIM writes them (RFC 7643; contract, section 2).

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.directory import Group, User
from .values import text_or_none, truth_or_none, without_case


def user_from_scim(resource: Mapping[str, Any]) -> User:
    found = without_case(resource)
    name = without_case(found.get("name") or {})
    return User(
        upn=text_or_none(found.get("username")) or "",
        id=str(found.get("id", "")),
        first_name=text_or_none(name.get("givenname")),
        last_name=text_or_none(name.get("familyname")),
        email=_work_email(found.get("emails")),
        # RFC 7643 leaves out what is unset; a user without the attribute has not been deactivated.
        active=truth_or_none(found.get("active", True)),
        external_id=text_or_none(found.get("externalid")),
    )


def _work_email(emails: Any) -> str | None:
    """The address of type work, else the primary one, else the first."""
    if not isinstance(emails, list) or not emails:
        return None
    entries = [without_case(entry) for entry in emails if isinstance(entry, Mapping)]
    work = [entry for entry in entries if str(entry.get("type", "")).lower() == "work"]
    primary = [entry for entry in entries if truth_or_none(entry.get("primary"))]
    chosen = work or primary or entries
    return text_or_none(chosen[0].get("value")) if chosen else None


def group_from_scim(resource: Mapping[str, Any]) -> tuple[Group, tuple[tuple[str, bool], ...]]:
    """A group and its members as (id, is it a user)."""
    found = without_case(resource)
    members: list[tuple[str, bool]] = []
    for entry in found.get("members") or ():
        member = without_case(entry) if isinstance(entry, Mapping) else {"value": entry}
        is_user = (
            str(member.get("type", "User")).lower() == "user" and "/groups/" not in str(member.get("$ref", "")).lower()
        )
        members.append((str(member.get("value", "")), is_user))
    group = Group(
        name=text_or_none(found.get("displayname")) or "",
        id=str(found.get("id", "")),
        external_id=text_or_none(found.get("externalid")),
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
