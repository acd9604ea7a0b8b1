# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request of w365_api, and the secrets in its body and its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from ..errors import InputError
from ..model.names import checked_environment_name, checked_text
from ..transport.redaction import MASK

SECRET_FIELDS = frozenset(
    {
        "password",
        "secret",
        "secrettext",
        "clientsecret",
        "client_secret",
        "key",
        "apikey",
        "provisioningkey",
        "token",
        "accesstoken",
        "access_token",
        "refresh_token",
        "secrettoken",
    }
)
"""Names of fields that hold secrets in the answers of the three services, in lower case."""


@dataclass(frozen=True)
class RawRequest:
    """One call of w365_api: `parts` are the keyword arguments of a wire client's `send`."""

    path: str
    repeatable: bool
    parts: Mapping[str, Any]


def raw_request_from_options(params: Mapping[str, Any]) -> RawRequest:
    """The call that w365_api describes. Raises InputError for anything that could send a key to another host."""
    path = params["path"]
    if not path.startswith("/") or path.startswith("//"):
        raise InputError(
            f"Option path is {path!r}; it starts with one '/' and is relative to the root of the service, so that a key is never sent to another host."
        )
    if "?" in path or "#" in path:
        raise InputError(f"Option path is {path!r}; give what comes after '?' in option query.")
    if "{environment}" in path:
        if not params["environment"]:
            raise InputError("Option path holds {environment}, so option environment (W365_ENVIRONMENT) is needed.")
        name = checked_environment_name(params["environment"]).lower()
        path = path.replace("{environment}", quote(name, safe=""))
    _refuse_odd_path(path)
    headers = {str(name): str(value) for name, value in (params["headers"] or {}).items()}
    for name in headers:
        if name.lower() in ("authorization", "provisioningkey"):
            raise InputError(
                f"Option headers holds {name}, with which the collection authenticates itself. Use the connection options."
            )
    parts: dict[str, Any] = {"query": params["query"], "headers": headers}
    if params["body"] is not None:
        parts["body"] = params["body"]
    return RawRequest(path, params["method"] in ("GET", "PUT", "DELETE"), parts)


def _refuse_odd_path(path: str) -> None:
    """A variable that is empty or holds dots would make the request about something else."""
    checked_text(path, "path", name=True)
    parts = [unquote(part).strip() for part in path.split("/")]
    if "" in parts[1:-1] or "." in parts or ".." in parts:
        raise InputError(
            f"Option path is {path!r}; a part of it is empty, '.' or '..', which leads to another object. Check the "
            "variables in it."
        )


def masked_secrets(value: Any) -> Any:
    """Decoded JSON with the values of well-known secret fields masked, at any depth."""
    if isinstance(value, Mapping):
        return {
            name: MASK
            if str(name).lower() in SECRET_FIELDS and isinstance(item, str) and item
            else masked_secrets(item)
            for name, item in value.items()
        }
    return [masked_secrets(item) for item in value] if isinstance(value, list) else value


def secret_values(value: Any) -> Iterator[str]:
    """The values of well-known secret fields in a request's body, at any depth."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str) and str(name).lower() in SECRET_FIELDS:
                yield item
            else:
                yield from secret_values(item)
    elif isinstance(value, list):
        for item in value:
            yield from secret_values(item)
