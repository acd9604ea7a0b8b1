# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An environment and its single sign-on as the arguments of a task describe them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..model.environment import RESERVED_ENVIRONMENT_NAMES, DesiredEnvironment, sanitized_environment_name
from ..model.names import checked_address, checked_environment_name, is_path_segment
from ..model.settings import EXCHANGE, SHAREPOINT, SettingValues, single_sign_on
from ..transport.http import user_in

DOMAIN_PATTERN = re.compile(r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")

GUID_PATTERN = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def new_environment_name(name: str) -> str:
    """A name that may be given to a new environment. Raises InputError for one that cannot become a name."""
    likely = sanitized_environment_name(name)
    if not likely:
        raise InputError(
            f"Option environment is {name!r}, which holds no letter or digit that a name could be made of."
        )
    if likely in RESERVED_ENVIRONMENT_NAMES:
        raise InputError(
            f"Option environment is {name!r}: Workspace 365 refuses that name for a new environment. Choose another."
        )
    return checked_environment_name(name)


def first_administrator(value: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The first administrator in the words of the Provisioning API; without a password one is made up by the server."""
    if value is None:
        return None
    body = {
        "EmailAddress": checked_address(value["email"], "administrator.email"),
        "FirstName": value["first_name"],
        "LastName": value["last_name"],
    }
    if value.get("password"):
        body["Password"] = value["password"]
    return body


def environment_from_options(params: Mapping[str, Any]) -> DesiredEnvironment:
    """The environment that w365_environment describes."""
    present = params["state"] == "present"
    if params["empty"] and params["administrator"]:
        raise InputError(
            "Options empty and administrator exclude each other: an empty environment has no users. Leave one out."
        )
    return DesiredEnvironment(
        name=new_environment_name(params["environment"])
        if present
        else checked_environment_name(params["environment"]),
        present=present,
        active=params["active"],
        administrator=first_administrator(params["administrator"]),
        empty=params["empty"],
        confirmation=params["delete_confirmation"],
    )


def sso_from_options(params: Mapping[str, Any]) -> SettingValues:
    """The single sign-on that w365_sso describes. Raises InputError for values that cannot be right."""
    domain = params["primary_domain"]
    if domain is not None and not DOMAIN_PATTERN.match(domain.strip()):
        raise InputError(f"Option primary_domain is {domain!r}, which is not a domain such as contoso.onmicrosoft.com.")
    authority = (params["authority"] or f"https://login.windows.net/{(domain or '').strip()}").strip().rstrip("/")
    sso_tenant(authority)
    client_id = params["client_id"].strip()
    if not GUID_PATTERN.match(client_id):
        raise InputError(
            f"Option client_id is {client_id!r}, which is not an application (client) id: it has the form of a GUID."
        )
    if not params["key"].strip():
        raise InputError("Option key is empty: it is the value of the app registration's client secret.")
    if (params.get("verify_timeout") or 0) < 0:
        raise InputError(f"Option verify_timeout is {params['verify_timeout']}: give 0 (ask once) or seconds.")
    return single_sign_on(authority, client_id)


_VERIFY = {
    **{word: word for word in ("when_writing", "always", "never")},
    # The option was a boolean once: the words that Ansible takes for one.
    **dict.fromkeys(("true", "yes", "on", "y", "t", "1", "1.0"), "when_writing"),
    **dict.fromkeys(("false", "no", "off", "n", "f", "0", "0.0"), "never"),
}


def verify_from_options(value: Any) -> str:
    """V(when_writing), V(always) or V(never). Raises InputError for anything else."""
    found = _VERIFY.get(str(value).strip().lower())
    if found is None:
        raise InputError(
            f"Option verify is {value!r}, which is none of when_writing, always and never. true and false are still taken for "
            "when_writing and never."
        )
    return found


ANY_TENANT = frozenset(("common", "organizations", "consumers"))
"""The names with which people of any tenant sign in."""

_TENANT = re.compile(r"[\w-]+(\.[\w-]+)+")


def checked_tenant(tenant: str) -> str:
    """The tenant of a sign-in. Raises InputError unless it is an id or a domain, which is what Microsoft documents."""
    if tenant.lower() in ANY_TENANT:
        raise InputError(
            f"Option entra_tenant is {tenant!r}, with which only people sign in. An application signs in to one tenant: give its "
            "id or one of its domains, such as contoso.onmicrosoft.com."
        )
    if not GUID_PATTERN.match(tenant) and not _TENANT.fullmatch(tenant):
        raise InputError(
            f"Option entra_tenant is {tenant!r}, which is neither the id of a tenant (a GUID) nor one of its domains, such as "
            "contoso.onmicrosoft.com."
        )
    return tenant


def sso_tenant(authority: str) -> str:
    """The tenant in an Authority such as https://login.windows.net/contoso.onmicrosoft.com. Raises InputError without one."""
    _refuse_user(authority, "authority")
    parts = urlsplit(authority)
    tenant = parts.path.strip("/")
    if parts.scheme != "https" or not parts.hostname or not is_path_segment(tenant):
        raise InputError(
            f"Option authority is {authority!r}; Workspace 365 expects https://login.windows.net/<primary domain>, such as "
            "https://login.windows.net/contoso.onmicrosoft.com."
        )
    return tenant


def settings_from_options(options: Mapping[str, Any]) -> list[SettingValues]:
    """The Exchange and SharePoint settings that w365_settings describes. Raises InputError for values that cannot be right."""
    desired: list[SettingValues] = []
    exchange, sharepoint = options["exchange"], options["sharepoint"]
    if exchange is not None:
        values = {
            "server_type": _filled(exchange["server_type"], "exchange.server_type"),
            "ews_url": _https_url(exchange["ews_url"], "exchange.ews_url"),
        }
        desired.append(SettingValues(EXCHANGE, values))
    if sharepoint is not None:
        url = sharepoint["url"]
        values = {
            "authentication_type": _filled(sharepoint["authentication_type"], "sharepoint.authentication_type"),
            "url": _https_url(url, "sharepoint.url") if url else _sharepoint_url(sharepoint["initial_domain"] or ""),
        }
        desired.append(SettingValues(SHAREPOINT, values))
    return desired


def _filled(value: str | None, option: str) -> str:
    if not value or not value.strip():
        raise InputError(f"Option {option} is empty. Leave it out for its default, or give a value.")
    return value.strip()


def _https_url(value: str, option: str) -> str:
    url = value.strip()
    _refuse_user(url, option)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme != "https" or re.search(r"\s", url):
        raise InputError(f"Option {option} is {value!r}, which is not an address of the form https://<host>/<path>.")
    return url


def _refuse_user(url: str, option: str) -> None:
    if user_in(url):
        raise InputError(f"Option {option} holds a user name or password in its URL, which is not shown. Leave it out.")


def _sharepoint_url(domain: str) -> str:
    """The default host of SharePoint Online: the first label of the initial domain, as it is (contract, Settings; C)."""
    found = re.fullmatch(r"([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.onmicrosoft\.com", domain.strip().lower())
    if found is None:
        raise InputError(
            f"Option sharepoint.initial_domain is {domain!r}, which is not the initial domain of a Microsoft tenant: it has the "
            "form <name>.onmicrosoft.com. Give it, or give the address of SharePoint in sharepoint.url."
        )
    return f"https://{found[1]}.sharepoint.com"
