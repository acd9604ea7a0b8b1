# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users, groups and administrators from the options of a task.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import AddRemoveSet, DesiredGroup, DesiredUser
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import checked_upn, comparison_key


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
            fields[name] = checked_upn(value, name)
    extras = {"password": params["password"]}
    if params["create_in_office365"]:
        extras["create_in_office365"] = True
    return DesiredUser(
        upn=upn,
        identity=params["identity"] or None,
        present=params["state"] == "present",
        permanent=params["permanent"],
        fields=fields,
        extras={name: value for name, value in extras.items() if value is not None},
        update_password=params["update_password"] == "always",
    )


def group_from_options(params: Mapping[str, Any]) -> DesiredGroup:
    """The group that w365_group describes."""
    name = params["name"].strip()
    if not name:
        raise InputError("Option name is empty: a group needs a name.")
    fields = {key: params[key] for key in GROUP_FIELDS if key != "name" and params[key] is not None}
    return DesiredGroup(
        name=name,
        identity=params["identity"] or None,
        present=params["state"] == "present",
        fields=fields,
        members=upn_change(params["members"], "members"),
    )


def upn_change(value: Mapping[str, Any] | None, option: str) -> AddRemoveSet | None:
    """A dictionary with add, remove and set of UPNs; None when it was not given."""
    if value is None:
        return None

    def keys(part: str) -> frozenset[str] | None:
        return None if value.get(part) is None else upn_keys(value[part], f"{option}.{part}")

    change = AddRemoveSet(add=keys("add") or frozenset(), remove=keys("remove") or frozenset(), set=keys("set"))
    both = sorted(change.add & change.remove)
    if both:
        raise InputError(f"Option {option} both adds and removes '{both[0]}'. List it only once.")
    return change


def upn_keys(values: Iterable[str] | None, option: str) -> frozenset[str]:
    """The keys of the users that an option lists."""
    return frozenset(comparison_key(checked_upn(upn, option)) for upn in values or ())
