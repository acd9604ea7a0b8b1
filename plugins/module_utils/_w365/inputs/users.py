# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user from the options of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import DesiredUser
from ..model.fields import USER_FIELDS
from ..model.names import (
    checked_address,
    checked_segment,
    checked_text,
    checked_upn,
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


def _identity_of_user(value: str | None) -> str | None:
    """The current UPN, or the id on the server."""
    identity = (value or "").strip()
    if "@" in identity:
        return checked_upn(identity, "identity")
    return checked_segment(checked_text(identity, "identity"), "Option identity") if identity else None
