# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SCIM application as the options of w365_scim_app describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..model.names import is_object_id
from ..model.scim_application import DeleteGuard, DemandedObject, DesiredScimApplication
from ..transport.http import checked_root

SMALL_CLOUDS = ("usgov", "usgov_dod")
SMALL_STORE = 1024
"""Bytes of all secret settings together in the clouds of the US government (contract, P10)."""

NAME_LIMIT = 120

ON_DEMAND_LIMIT = 100
"""Objects to provision on demand in one task: five take ten seconds, and a cycle does the rest."""


def subject_of(options: Mapping[str, Any], environment: str) -> str:
    """What the tag of the application says: the environment, or host and path of the SCIM service."""
    if environment:
        return environment
    url = options["scim_url"]
    if not url:
        raise InputError(
            "Option environment or scim_url is needed, to know the SCIM application of which environment is meant. Give one of them (each "
            "has a W365_ environment variable)."
        )
    parts = urlsplit(checked_root(url, "scim_url"))
    return f"{parts.netloc.lower()}{parts.path}"


def identity_from_options(options: Mapping[str, Any], environment: str) -> DesiredScimApplication:
    """What is needed to find the application. Raises InputError for values that cannot be right."""
    id = (options["service_principal_id"] or "").strip()
    if id and not is_object_id(id):
        raise InputError(
            f"Option service_principal_id is {options['service_principal_id']!r}, which is not an object id: it has the form of a GUID."
        )
    name = options["display_name"]
    if name is not None and not 0 < len(name.strip()) <= NAME_LIMIT:
        raise InputError(
            f"Option display_name is empty or longer than {NAME_LIMIT} characters. Leave it out for the usual name."
        )
    return DesiredScimApplication(subject_of(options, environment), id or None, name.strip() if name else None)


def scim_application_from_options(options: Mapping[str, Any], environment: str, address: str) -> DesiredScimApplication:
    """All that is desired; `address` is that of the SCIM service with its flag. Raises InputError."""
    everybody = options["scope"] == "all"
    given = [name for name in ("groups", "users") if options[name] is not None]
    if everybody and given:
        raise InputError(
            f"Option {given[0]} says who is in scope, and scope=all sends everybody. Nothing was written. Leave one of them out."
        )
    if options["purge_assignments"] and not given:
        raise InputError(
            "Option purge_assignments removes everybody who is not in groups and users, and both are left out. Nothing was written. Give at "
            "least one of them."
        )
    limit = options["purge_limit"]
    if limit is not None and limit < 0:
        raise InputError(f"Option purge_limit is {limit}: give the most assignments that may be removed, 0 or more.")
    found = identity_from_options(options, environment)
    return found._replace(
        address=address,
        everybody=everybody,
        skip_out_of_scope=options["skip_out_of_scope_deletions"],
        guard=_guard(options),
        groups=_names(options, "groups"),
        users=_names(options, "users"),
        provision=_on_demand(options["provision_now"] or ()),
    )


def _names(options: Mapping[str, Any], option: str) -> tuple[str, ...] | None:
    given = options[option]
    if given is None:
        return None
    names = tuple(dict.fromkeys(one.strip() for one in given))
    if not all(names):
        raise InputError(f"Option {option} holds an empty name. Remove it, or give a name or an object id.")
    return names


def _guard(options: Mapping[str, Any]) -> DeleteGuard:
    email = (options["notification_email"] or "").strip()
    name, at, domain = email.partition("@")
    if email and (not name or not at or "." not in domain or any(sign in email for sign in " ,;<>@"[:-1])):
        raise InputError(
            f"Option notification_email is {options['notification_email']!r}, which is not one mail address such as it@contoso.com."
        )
    threshold = options["delete_threshold"]
    if threshold is not None:
        if not options["delete_guard"]:
            raise InputError(
                "Option delete_threshold is the limit of delete_guard, which is false. Leave one of them out."
            )
        if not 0 <= threshold <= 1_000_000:
            raise InputError(
                f"Option delete_threshold is {threshold}: give the most removals of one cycle, from 0 to 1000000."
            )
    return DeleteGuard(options["delete_guard"], threshold, email or None)


def _on_demand(given: Any) -> tuple[DemandedObject, ...]:
    found: list[DemandedObject] = []
    for one in given:
        names = [name for name in ("user", "group") if (one[name] or "").strip()]
        if len(names) != 1:
            raise InputError("Each entry of option provision_now needs either user or group.")
        is_group = names[0] == "group"
        if one["members"] is not None and not is_group:
            raise InputError("In option provision_now, members belongs to a group, and this entry is about a user.")
        members = None
        if one["members"] is not None:
            members = tuple(dict.fromkeys(name.strip() for name in one["members"]))
            if not all(members):
                raise InputError("In option provision_now, members holds an empty name.")
        found.append(DemandedObject(one[names[0]].strip(), is_group, members))
    if len(found) > ON_DEMAND_LIMIT:
        raise InputError(
            f"Option provision_now has {len(found)} entries, and {ON_DEMAND_LIMIT} are the most: five take ten seconds. The provisioning job "
            "does the rest in its cycles."
        )
    return tuple(found)


def checked_scim_url(url: str) -> str:
    """The address, complete. Raises InputError for one that Microsoft Entra does not take."""
    text = url.strip()
    checked_root(text.partition("?")[0], "scim_url")
    parts = urlsplit(text)
    if parts.scheme.lower() != "https" or parts.fragment or "#" in text or parts.username or parts.password:
        raise InputError(
            "Option scim_url cannot be the address that Microsoft Entra provisions to: it needs https, no user name and no part after #."
        )
    return text


def check_sizes(options: Mapping[str, Any], token: str, email: str) -> None:
    """Raises InputError where the settings cannot be stored (contract, P10)."""
    size = len(token.encode()) + len(email.encode())
    if options["entra_cloud"] in SMALL_CLOUDS and size > SMALL_STORE:
        raise InputError(
            f"scim_token and notification_email have {size} bytes together, and Microsoft Entra stores {SMALL_STORE} at most in the clouds of "
            "the US government. Nothing was written. Use a shorter mail address, or ask the vendor for a shorter token."
        )


def check_times(options: Mapping[str, Any]) -> None:
    """Raises InputError for numbers that cannot be right."""
    for name in ("replication_timeout", "wait_timeout"):
        if not 0 <= options[name] <= 1_000_000:
            raise InputError(f"Option {name} is {options[name]}: give a number of seconds from 0 to 1000000.")
    if options["allow_deletes"] is not None and options["allow_deletes"] < 1:
        raise InputError(
            f"Option allow_deletes is {options['allow_deletes']}: give the number of removals that are held back, or leave it out."
        )
