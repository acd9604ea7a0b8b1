# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups, members and administrators: their options, and what a task says in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import AddRemoveSet, DesiredGroup
from ..model.fields import GROUP_FIELDS
from ..model.names import (
    checked_group_name,
    checked_text,
    checked_upn,
    comparison_key,
)
from .argument_spec import state_spec


def group_spec() -> dict[str, Any]:
    """One group, as w365_group and the list of w365_directory describe it."""
    return {
        "name": {"type": "str", "required": True},
        "identity": {"type": "str"},
        "state": state_spec(),
        **{name: field.spec() for name, field in GROUP_FIELDS.items() if name != "name"},
        "members": add_remove_set_spec(),
    }


def add_remove_set_spec(*, required: bool = False) -> dict[str, Any]:
    """A multi-value option: a dictionary of lists of strings with ``add``, ``remove`` and ``set``.

    ``set`` is the whole wanted list (empty = clear), so it excludes the other two.
    """
    spec: dict[str, Any] = {
        "type": "dict",
        "options": {name: {"type": "list", "elements": "str"} for name in ("add", "remove", "set")},
        "mutually_exclusive": [("set", "add"), ("set", "remove")],
        "required_one_of": [("add", "remove", "set")],
    }
    if required:
        spec["required"] = True
    return spec


def group_from_options(params: Mapping[str, Any]) -> DesiredGroup:
    """The group that w365_group describes."""
    name = checked_group_name(params["name"])
    fields = {key: params[key] for key in GROUP_FIELDS if key != "name" and params[key] is not None}
    if "external_id" in fields:
        fields["external_id"] = checked_text(fields["external_id"], "external_id")
    return DesiredGroup(
        name=name,
        identity=_identity_of_group(params["identity"]),
        present=params["state"] == "present",
        fields=fields,
        members=upn_change(params["members"], "members"),
    )


def _identity_of_group(value: str | None) -> str | None:
    """The current name, or the id on the server."""
    identity = checked_text(value or "", "identity", name=True) or None
    if identity in (".", ".."):
        raise InputError(f"Option identity is {identity!r}, which is neither the name nor the id of a group.")
    return identity


def upn_change(value: Mapping[str, Any] | None, option: str) -> AddRemoveSet | None:
    """A dictionary with add, remove and set of UPNs; None when it was not given."""
    if value is None:
        return None

    written: dict[str, str] = {}

    def keys(part: str) -> frozenset[str] | None:
        if value.get(part) is None:
            return None
        upns = [checked_upn(upn, f"{option}.{part}") for upn in value[part]]
        written.update((comparison_key(upn), upn) for upn in upns)
        return frozenset(map(comparison_key, upns))

    change = AddRemoveSet(keys("add") or frozenset(), keys("remove") or frozenset(), keys("set"), written)
    both = sorted(change.add & change.remove)
    if both:
        raise InputError(f"Option {option} both adds and removes '{both[0]}'. List it only once.")
    return change


def upn_keys(values: Iterable[str] | None, option: str) -> frozenset[str]:
    """The keys of the users that an option lists."""
    return frozenset(comparison_key(checked_upn(upn, option)) for upn in values or ())
