# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app registration for single sign-on as the options of w365_sso_app describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..model.applications import (
    GRAPH_API,
    GRAPH_SCOPES,
    POWER_BI_API,
    POWER_BI_SCOPES,
    DesiredApplication,
    Resource,
    redirect_of,
)
from ..model.settings import SettingValues, single_sign_on
from ..transport.http import checked_root
from .environment import DOMAIN_PATTERN, GUID_PATTERN, sso_tenant

OWNERS_LIMIT = 20
"""The number of owners that Graph takes when an application is created, the caller among them (contract)."""

HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?")


def application_from_options(options: Mapping[str, Any], environment: str, instance_url: str) -> DesiredApplication:
    """Raises InputError for values that cannot be right."""
    host = urlsplit(checked_root(instance_url, "instance_url")).netloc.lower()
    hosts = [host, *(_checked_host(one) for one in options["redirect_hosts"] or ())]
    return DesiredApplication(
        environment=environment,
        host=host,
        client_id=client_id_from_options(options),
        display_name=display_name_from_options(options),
        redirects=tuple(dict.fromkeys(redirect_of(one, environment) for one in hosts)),
        resources=_resources(options),
        owners=owners_from_options(options),
        guests=options.get("guest_and_alias_login", True),
        lock=options.get("lock_service_principal"),
        consent=options.get("consent", "union"),
    )


def client_id_from_options(options: Mapping[str, Any]) -> str | None:
    client_id: str = (options["client_id"] or "").strip()
    if client_id and not GUID_PATTERN.match(client_id):
        raise InputError(
            f"Option client_id is {options['client_id']!r}, which is not an application (client) id: it has the form of a GUID."
        )
    return client_id or None


def display_name_from_options(options: Mapping[str, Any]) -> str | None:
    name: str | None = options.get("display_name")
    if name is not None and not 0 < len(name.strip()) <= 256:
        raise InputError("Option display_name is empty or longer than 256 characters. Leave it out for the usual name.")
    return name.strip() if name else None


def _resources(options: Mapping[str, Any]) -> tuple[Resource, ...]:
    scopes = permission_names(
        options, "scopes", GRAPH_SCOPES, "a delegated permission, such as User.Read", "Workspace 365 usually has"
    )
    graph = Resource(GRAPH_API, "Microsoft Graph", scopes)
    power_bi = Resource(POWER_BI_API, "Power BI", POWER_BI_SCOPES)
    return (graph, power_bi) if options["power_bi"] else (graph,)


def permission_names(
    options: Mapping[str, Any], option: str, usual: tuple[str, ...], kind: str, whose: str
) -> tuple[str, ...]:
    """The names of permissions in an option, or the usual ones. `kind` and `whose` are for the sentence of the error."""
    given = options[option]
    names = usual if given is None else tuple(dict.fromkeys(one.strip() for one in given))
    if any(not re.fullmatch(r"[A-Za-z0-9._-]+", one) for one in names) or not names:
        raise InputError(
            f"Option {option} holds no names, or something that is not the name of {kind}. Leave it "
            f"out for the permissions that {whose}."
        )
    return names


def owners_from_options(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    given = options.get("owners")
    if given is None:
        return None
    owners = tuple(dict.fromkeys(one.strip().lower() for one in given))
    wrong = next((one for one in owners if not GUID_PATTERN.match(one)), None)
    if wrong is not None:
        raise InputError(
            f"Option owners holds {wrong!r}: give object ids of users or service principals, which have the form of a GUID."
        )
    if len(owners) >= OWNERS_LIMIT:
        raise InputError(
            f"Option owners has {len(owners)} entries. Microsoft Entra takes {OWNERS_LIMIT} at most, and the application that the task "
            "signs in with is one of them."
        )
    return owners


def _checked_host(given: str) -> str:
    host = given.strip().lower()
    if not HOST.fullmatch(host):
        raise InputError(
            f"Option redirect_hosts holds {given!r}, which is not a host name such as workspace.contoso.com: without https:// and "
            "without a path."
        )
    return host


def link_from_options(options: Mapping[str, Any]) -> SettingValues | None:
    """What is written to Workspace 365, without the client id; None where nothing is."""
    if options["secret"] != "managed" or not options["link"]:
        return None
    authority, domain = options["authority"], options["primary_domain"]
    if not authority and not domain:
        raise InputError(
            "Options authority and primary_domain are both left out, and Workspace 365 has to know in which tenant people sign in. Give "
            "one of them, or link=false to write nothing to Workspace 365."
        )
    if domain is not None and not DOMAIN_PATTERN.match(domain.strip()):
        raise InputError(f"Option primary_domain is {domain!r}, which is not a domain such as contoso.onmicrosoft.com.")
    authority = (authority or f"https://login.windows.net/{domain.strip()}").strip().rstrip("/")
    sso_tenant(authority)
    return single_sign_on(authority, "")


def check_times(options: Mapping[str, Any]) -> None:
    """Raises InputError for numbers that cannot be right."""
    check_numbers(options)
    if options["return_secret"] and options["secret"] != "managed":
        raise InputError("Option return_secret needs secret=managed: without it, no secret is made.")
    if options["secret"] == "managed" and not options["link"] and not options["return_secret"]:
        raise InputError(
            "Options link=false and return_secret=false would make a secret that nobody gets. Give return_secret=true, or "
            "secret=unmanaged for an application without a secret."
        )


def check_numbers(options: Mapping[str, Any], *more: tuple[str, int, str]) -> None:
    """Raises InputError for lifetimes and waits that cannot be right. `more` are other options, each with its least value and unit."""
    for name, least, unit in (
        ("secret_lifetime", 1, "days"),
        ("rotate_before", 0, "days"),
        ("overlap", 0, "days"),
        ("replication_timeout", 0, "seconds"),
        ("activation_timeout", 0, "seconds"),
        *more,
    ):
        value = options[name]
        if not least <= value <= 100_000:
            raise InputError(f"Option {name} is {value}: give a number of {unit} from {least} to 100000.")
