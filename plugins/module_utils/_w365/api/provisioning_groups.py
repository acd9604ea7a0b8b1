# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups in the format of the Provisioning API (contract, section 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.directory import Group
from .provisioning_mapping import refuse_repeated_ids
from .values import OddValueError, identifier, record, shown, text_or_none


def group_from_provisioning(item: Any) -> tuple[Group, tuple[str, ...] | None]:
    """A group and the ids of its members, None where it does not say. Raises OddValueError for one that cannot be identified."""
    found = record(item, "a list of groups with an item")
    id = identifier(found.get("id"), "a group with an id")
    name = found.get("name")
    if not isinstance(name, str) or not name.strip():
        raise OddValueError(f"a group whose Name is {shown(name)} (id {id!r})")
    group = Group(name=name.strip(), id=id, description=text_or_none(found.get("description")))
    members = found.get("members")
    if members is None:
        return group, None
    if not isinstance(members, list):
        raise OddValueError(f"a group whose Members is {shown(members)} (id {id!r})")
    what = f"a member of group {id!r} with an id"
    return group, tuple(
        identifier(record(member, what).get("id") if isinstance(member, Mapping) else member, what)
        for member in members
    )


def groups_from_provisioning(items: list[Any]) -> list[tuple[Group, tuple[str, ...] | None]]:
    """Raises OddValueError for one that cannot be identified, and for an id that comes twice."""
    groups = [group_from_provisioning(item) for item in items]
    refuse_repeated_ids([group for group, _members in groups], "groups")
    return groups
