# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of an import as its scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..model.import_scope import ATTRIBUTES, MAPPABLE, TEXT_PROPERTIES, ImportScope
from ..model.names import checked_text, checked_upn, comparison_key
from .groups import upn_keys
from .removal_options import checked_domain, limit_from_option


def import_scope_from_options(params: Mapping[str, Any]) -> ImportScope:
    """The scope in a task's options. Raises InputError when nothing is selected, or a value is invalid."""
    scope = ImportScope(
        groups=tuple(dict.fromkeys(checked_text(name, "groups", name=True) for name in params["groups"] or ())),
        domains=tuple(dict.fromkeys(checked_domain(name, "domains") for name in params["domains"] or ())),
        everything=bool(params["everything"]),
        match=params["scope_match"],
        flatten=params["nested_groups"] == "flatten",
        include_guests=params["include_guests"],
        include_groups=params["include_groups"],
        group_names=tuple(
            comparison_key(checked_text(name, "group_names", name=True)) for name in params["group_names"] or ()
        ),
        exclude_users=frozenset(comparison_key(_checked_exclusion(name)) for name in params["exclude_users"] or ()),
        default_active=params.get("default_status") != "inactive",
        attributes=_attribute_map(params.get("attribute_map")),
        roles_from_entra=params.get("administrators_from") == "entra",
        status_from_entra=params.get("active_status_from") != "workspace365",
        removes_users=params.get("on_leave") == "delete",
        delete_limit=limit_from_option(params.get("delete_limit", "10%"), "delete_limit"),
        protected=upn_keys(params.get("protected_users"), "protected_users"),
        membership_limit=limit_from_option(params.get("membership_limit", "25%"), "membership_limit"),
        when_group_empty=params.get("when_group_empty") or "refuse",
        when_administrators_unknown=params.get("when_administrators_unknown") or "",
    )
    if not (scope.groups or scope.domains or scope.everything):
        raise InputError("Nothing is selected for the import: give groups or domains, or set everything=true.")
    if "" in scope.groups or "" in scope.domains or "" in scope.group_names:
        raise InputError("Options groups, domains and group_names hold an empty name. Fill it in, or leave it out.")
    return scope


def _checked_exclusion(name: str) -> str:
    """An entry that matches nobody excludes nobody, so what no UPN can hold is refused."""
    return checked_upn(name, "exclude_users") if "@" in name else checked_text(name, "exclude_users")


def _attribute_map(given: Mapping[str, Any] | None) -> dict[str, str]:
    found = dict(ATTRIBUTES)
    for name, source in (given or {}).items():
        if name not in MAPPABLE:
            raise InputError(
                f"Option attribute_map names {name!r}, which is not a field that an import sets. Known fields: {', '.join(MAPPABLE)}."
            )
        if source not in TEXT_PROPERTIES:
            raise InputError(
                f"Option attribute_map takes {name} from {source!r}, which is not a text property of a user in Microsoft Graph that "
                f"this collection reads. Known properties: {', '.join(TEXT_PROPERTIES)}."
            )
        found[name] = str(source)
    return found
