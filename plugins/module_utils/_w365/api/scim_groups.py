# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups in the format of SCIM (RFC 7643; contract, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.directory import Group
from .scim_mapping import Kind
from .values import id_of, text_or_none, without_case

GROUPS = Kind("scim.group.list", "scim.group.get", "displayName", {"excludedAttributes": "members"})


def group_from_scim(resource: Mapping[str, Any]) -> tuple[Group, tuple[tuple[str, bool], ...]]:
    """A group and its members as (id, is it a user)."""
    found = without_case(resource)
    members: list[tuple[str, bool]] = []
    for entry in found.get("members") or ():
        member = without_case(entry) if isinstance(entry, Mapping) else {"value": entry}
        is_user = (
            str(member.get("type") or "User").lower() == "user"
            and "/groups/" not in str(member.get("$ref") or "").lower()
        )
        members.append((str(member.get("value", "")), is_user))
    group = Group(
        name=text_or_none(found.get("displayname")) or "",
        id=id_of(found),
        external_id=text_or_none(found.get("externalid")),
    )
    return group, tuple(members)


def group_to_scim(group: Group) -> dict[str, Any]:
    """The body of a POST to /Groups, without members."""
    resource: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": group.name}
    if group.external_id:
        resource["externalId"] = group.external_id
    return resource
