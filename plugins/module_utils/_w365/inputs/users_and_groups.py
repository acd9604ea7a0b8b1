# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users, groups and administrators from the options of a task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import AddRemoveSet, DesiredGroup, DesiredUser
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import (
    checked_address,
    checked_group_name,
    checked_segment,
    checked_text,
    checked_upn,
    comparison_key,
)

_LINES = str.maketrans("\t\r\n", "   ")


def user_from_options(params: Mapping[str, Any]) -> DesiredUser:
    """The user that w365_user describes. Raises InputError for a malformed address."""
    upn = checked_upn(params["upn"])
    fields = {name: params[name] for name in USER_FIELDS if name != "upn" and params.get(name) is not None}
    for name, value in fields.items():
        field = USER_FIELDS[name]
        if field.needed and not value.strip():
            raise InputError(
                f"Option {name} of user '{upn}' is empty: Workspace 365 needs a first and a last name. Leave it out to keep the current one."
            )
        if field.address and value:
            fields[name] = checked_address(value, name)
        elif name in ("display_name", "external_id"):
            fields[name] = checked_text(value, name, name=name == "display_name")
        elif name in ("first_name", "last_name"):
            # A cell of a spreadsheet may have lines; they can be seen.
            checked_text(value.translate(_LINES), name, name=True)
    extras = {"password": params["password"]}
    if params["create_in_office365"]:
        extras["create_in_office365"] = True
    return DesiredUser(
        upn=upn,
        identity=_identity_of_user(params["identity"]),
        present=params["state"] == "present",
        permanent=params["permanent"],
        fields=fields,
        extras={name: value for name, value in extras.items() if value is not None},
        update_password=params["update_password"] == "always",
    )


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


def _identity_of_user(value: str | None) -> str | None:
    """The current UPN, or the id on the server."""
    identity = (value or "").strip()
    if "@" in identity:
        return checked_upn(identity, "identity")
    return checked_segment(checked_text(identity, "identity"), "Option identity") if identity else None


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
