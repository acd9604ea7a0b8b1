# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of connection options, and the argument specs that are made from it.

Every module accepts every connection option, so that ``module_defaults`` for the action group works.
Nothing here talks to a server, and nothing here needs ``requests`` or ``msal``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ansible.module_utils.basic import AnsibleFallbackNotFound, env_fallback

from ..model.fields import USER_FIELDS

#: What an option is for: ``http`` options apply to every connection, the others to one remote service.
Service = Literal["provisioning", "scim", "entra", "graph", "http"]


OptionType = Literal["str", "int", "float", "bool", "path", "dict"]


#: Marks a secret, and a harmless option whose name Ansible would take for one.
Secrecy = Literal["secret", "looks_secret", "open"]


#: Every environment variable of the collection starts with this.
ENV_PREFIX = "W365_"


class ConnectionOption(NamedTuple):
    """One connection option.

    ``default`` is V(None) when the option has no default. ``from_env`` is false only where a value cannot be
    written as one environment variable.
    """

    name: str
    type: OptionType
    services: tuple[Service, ...]
    default: str | int | float | bool | None = None
    choices: tuple[str, ...] = ()
    secrecy: Secrecy = "open"
    from_env: bool = True

    @property
    def secret(self) -> bool:
        """True when the value must never be shown."""
        return self.secrecy == "secret"

    @property
    def env(self) -> str | None:
        """The environment variable that is read when the option is not given, or ``None``."""
        return f"{ENV_PREFIX}{self.name.upper()}" if self.from_env else None

    def spec(self) -> dict[str, Any]:
        """The option as Ansible's argument spec wants it. A new dictionary on every call."""
        spec: dict[str, Any] = {"type": self.type}
        if self.default is not None:
            spec["default"] = self.default
        if self.choices:
            spec["choices"] = list(self.choices)
        if self.secrecy != "open":
            spec["no_log"] = self.secret
        if self.env is not None:
            spec["fallback"] = (env_value, [self.env])
        return spec


def env_value(*names: str) -> str:
    """The value of an environment variable, where an empty one is as good as none.

    AWX sets the variables of a credential's empty fields to nothing, and that must not count as a second credential.
    """
    value: str = env_fallback(*names)
    if not value.strip():
        raise AnsibleFallbackNotFound
    return value


CONNECTION_OPTIONS: tuple[ConnectionOption, ...] = (
    # The instance and its Provisioning API.
    ConnectionOption("instance_url", "str", ("provisioning",)),
    ConnectionOption("provisioning_key", "str", ("provisioning",), secrecy="secret"),
    ConnectionOption("environment", "str", ("provisioning", "scim")),
    # The environment's SCIM service.
    ConnectionOption("scim_url", "str", ("scim",)),
    ConnectionOption("scim_token", "str", ("scim",), secrecy="secret"),
    ConnectionOption("scim_environment", "str", ("scim",)),
    # Every connection.
    ConnectionOption("validate_certs", "bool", ("http",), default=True),
    ConnectionOption("ca_path", "path", ("http",)),
    ConnectionOption("client_cert", "path", ("http",)),
    # A path, not the key itself.
    ConnectionOption("client_key", "path", ("http",), secrecy="looks_secret"),
    ConnectionOption("timeout", "int", ("http",), default=60),
    ConnectionOption("answer_timeout", "int", ("http",), default=600),
    # In megabytes.
    ConnectionOption("max_answer_size", "int", ("http",), default=64),
    ConnectionOption("rate_limit_timeout", "int", ("http",), default=300),
    ConnectionOption("max_requests_per_second", "float", ("http",)),
    ConnectionOption("read_back_timeout", "int", ("provisioning", "scim"), default=10),
    ConnectionOption("endpoints", "dict", ("provisioning", "scim", "graph"), from_env=False),
    # Microsoft Entra ID and Microsoft Graph.
    ConnectionOption("entra_tenant", "str", ("entra",)),
    ConnectionOption("entra_client_id", "str", ("entra",)),
    ConnectionOption("entra_client_secret", "str", ("entra",), secrecy="secret"),
    ConnectionOption("entra_certificate_path", "path", ("entra",)),
    ConnectionOption("entra_certificate_password", "str", ("entra",), secrecy="secret"),
    # A path, not the token itself.
    ConnectionOption("entra_federated_token_file", "path", ("entra",), secrecy="looks_secret"),
    ConnectionOption("entra_managed_identity", "str", ("entra",)),
    ConnectionOption(
        "entra_cloud", "str", ("entra", "graph"), default="public", choices=("public", "usgov", "usgov_dod", "china")
    ),
    ConnectionOption("entra_authority", "str", ("entra",)),
    ConnectionOption("graph_url", "str", ("graph",)),
)


#: The ways to sign in to Microsoft Entra. A task uses one; see `EntraModule`.
ENTRA_CREDENTIALS = (
    "entra_client_secret",
    "entra_certificate_path",
    "entra_federated_token_file",
    "entra_managed_identity",
)


#: Which option needs which other. One PEM file may hold the certificate and its key, so O(client_cert) may come alone.
CONNECTION_REQUIRED_BY: Mapping[str, tuple[str, ...]] = {
    "client_key": ("client_cert",),
    "entra_certificate_password": ("entra_certificate_path",),
}


def connection_option(name: str) -> ConnectionOption:
    """The row of the table with this name. Raises KeyError for a name that is not in it."""
    for option in CONNECTION_OPTIONS:
        if option.name == name:
            return option
    raise KeyError(name)


def connection_option_names(service: Service | None = None) -> tuple[str, ...]:
    """Names of all connection options, or of those that belong to one service, in the order of the table."""
    return tuple(option.name for option in CONNECTION_OPTIONS if service is None or service in option.services)


def connection_argument_spec() -> dict[str, Any]:
    """The argument spec of all connection options. A new dictionary on every call."""
    return {option.name: option.spec() for option in CONNECTION_OPTIONS}


def build_argument_spec(own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The full argument spec of a module: the connection options and its own.

    A module may say that a connection option is required there, or give it another name. Type, default, secrecy
    and environment variable stay those of the table: two meanings of one name would break ``module_defaults`` for
    the action group. A unit test refuses any other clash.
    """
    spec = connection_argument_spec()
    for name, given in own.items():
        spec[name] = {**spec.get(name, {}), **given}
    return spec


def build_rules(own: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a module (``required_if``, ``mutually_exclusive``, …) together with those of the connection."""
    return {**own, "required_by": {**CONNECTION_REQUIRED_BY, **own.get("required_by", {})}}


def state_spec() -> dict[str, Any]:
    """``state``: V(present) or V(absent); V(present) when not given."""
    return {"type": "str", "choices": ["present", "absent"], "default": "present"}


def when_unreadable_spec() -> dict[str, Any]:
    """``when_unreadable``: what to do when the server cannot show its current settings."""
    return {"type": "str", "choices": ["write", "skip", "fail"], "default": "write"}


def when_unsupported_spec() -> dict[str, Any]:
    """``when_unsupported``: what to do about an optional attribute that the server does not keep."""
    return {"type": "str", "choices": ["fail", "ignore"], "default": "fail"}


def when_administrators_unknown_spec() -> dict[str, Any]:
    """``when_administrators_unknown``: what to do about removals where nobody knows who is an administrator."""
    return {"type": "str", "choices": ["refuse", "warn"]}


def user_spec() -> dict[str, Any]:
    """One user, as w365_user and the list of w365_directory describe it."""
    return {
        "upn": {"type": "str", "required": True, "aliases": ["user_principal_name"]},
        "identity": {"type": "str"},
        "state": state_spec(),
        "permanent": {"type": "bool", "default": False},
        **{name: field.spec() for name, field in USER_FIELDS.items() if name != "upn"},
        "password": {"type": "str", "no_log": True},
        "create_in_office365": {"type": "bool"},
    }


def update_password_spec() -> dict[str, Any]:
    """``update_password``: a password can be written and never compared."""
    return {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False}
