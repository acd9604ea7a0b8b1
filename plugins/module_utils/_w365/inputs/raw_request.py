# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The request of w365_api, and the secrets in its body and its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from ..errors import InputError
from ..model.names import checked_environment_name, checked_text
from ..transport.redaction import MASK

_WORDS = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]")

SECRET_WORDS = frozenset(
    {
        "assertion", "auth", "authorization", "bearer", "cookie", "credential", "jwt", "key", "keys", "otp", "pass",
        "passphrase", "passwd", "pin", "pwd", "sas", "sig", "signature",
    }
)  # fmt: skip
"""Words of a name that is a secret's."""

SECRET_PARTS = (
    "apikey",
    "clientkey",
    "credential",
    "passcode",
    "password",
    "passwort",
    "wachtwoord",
    "secret",
    "token",
)
"""Parts of such a name, however it is written: ScimToken, client_secret, new-password."""

HARMLESS_ENDS = frozenset(
    {
        "count", "date", "datetime", "enabled", "endpoint", "expiration", "expired", "expires", "expiry", "hint", "id",
        "ids", "length", "lifetime", "name", "names", "only", "policies", "policy", "profile", "required", "set", "state",
        "status", "time", "timestamp", "type", "types", "uri", "url",
    }
)  # fmt: skip
"""The last word of a name that only is about a secret, such as keyId and tokenType."""

HARMLESS_KINDS = frozenset({"continuation", "delta", "foreign", "page", "partition", "public", "skip", "sort", "sync"})
"""Words of keys and tokens that are none of a lock: those of pages, tables and certificates."""

NOT_SECRET = frozenset({"", "true", "false", "yes", "no", "none", "null"})

NAMING_KEYS = ("path", "name", "key", "attribute", "field")
"""In these a pair of name and value holds the name, as in an operation of SCIM: path=password, value=..."""

_PAIR = re.compile(
    r"""([\w.$-]{1,64})(["']?\s{0,8}[:=]\s{0,8})("(?:[^"\\]|\\.){1,4096}"|'(?:[^'\\]|\\.){1,4096}'|[^\s&;,<>{}"']{1,4096})"""
)
_ELEMENT = re.compile(r"(<(?:\w{1,32}:)?([\w.-]{1,64})(?:\s[^<>]{0,256})?>)([^<]{1,4096})(?=</)")


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


def is_secret_name(name: str) -> bool:
    """Whether a name is one of a secret, by its parts, such as NewPassword, pwd, ScimToken, client_secret and api-key."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if not words or words[-1] in HARMLESS_ENDS or not HARMLESS_KINDS.isdisjoint(words):
        return False
    joined = "".join(words)
    return not SECRET_WORDS.isdisjoint(words) or any(part in joined for part in SECRET_PARTS)


def masked_secrets(value: Any, *, texts: bool = True) -> Any:
    """Decoded JSON or a text, with the values of secrets masked by their names, at any depth; with `texts` also where a
    text in it has pairs of names and values."""
    return _with_secrets(value, lambda _secret: MASK, texts=texts)


def masked_arguments(params: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a task as they may be logged: what is sent as it is given, with its secrets masked by their names."""
    shown = {name: masked_secrets(params[name]) for name in ("query", "headers", "body") if params.get(name)}
    if _is_secret_itself(params):
        shown["body"] = MASK
    return {**params, **shown}


def secret_values(params: Mapping[str, Any]) -> list[str]:
    """The secrets in what a request sends, by their names, also as they are without the encoding of addresses."""
    found: list[str] = []

    def keep(secret: str) -> str:
        found.extend({secret, unquote_plus(secret)})
        return secret

    for name in ("query", "headers", "body"):
        _with_secrets(params.get(name), keep)
    if _is_secret_itself(params):
        keep(str(params["body"]))
    return found


def _is_secret_itself(params: Mapping[str, Any]) -> bool:
    """Whether the path says that the body is a secret without a name, such as PUT /User/Password/ with a bare text."""
    last = str(params.get("path") or "").rstrip("/").rpartition("/")[2]
    bare = isinstance(params.get("body"), str | int | float) and not isinstance(params.get("body"), bool)
    return bare and is_secret_name(last)


def _with_secrets(value: Any, change: Callable[[str], str], inside: bool = False, texts: bool = True) -> Any:
    """The value with each secret replaced by what `change` makes of it; `inside` that of a name that is a secret's."""
    if isinstance(value, Mapping):
        names_one = any(is_secret_name(str(value.get(key) or "")) for key in NAMING_KEYS if "value" in value)
        return {
            name: _with_secrets(item, change, _holds_secret(str(name), inside, names_one), texts)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_secrets(item, change, inside, texts) for item in value]
    if isinstance(value, bool) or value is None or (isinstance(value, str) and value.strip().lower() in NOT_SECRET):
        return value
    if inside:
        return change(str(value))
    return _text_with_secrets(value, change) if texts and isinstance(value, str) else value


def _holds_secret(name: str, inside: bool, names_one: bool) -> bool:
    if is_secret_name(name) or (names_one and name == "value"):
        return True
    words = _WORDS.findall(name)
    return inside and not (words and words[-1].lower() in HARMLESS_ENDS)


def _text_with_secrets(text: str, change: Callable[[str], str]) -> str:
    """A text that holds a document of its own: JSON, a form, pairs of names and values, XML."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            changed = _with_secrets(document, change)
            return text if changed == document else json.dumps(changed)

    def pair(found: re.Match[str]) -> str:
        name, between, value = found.groups()
        if not is_secret_name(name) or value.strip("\"'").lower() in NOT_SECRET:
            return found[0]
        quote_mark = value[0] if value[0] in "\"'" else ""
        return f"{name}{between}{quote_mark}{change(value.strip(quote_mark) if quote_mark else value)}{quote_mark}"

    def element(found: re.Match[str]) -> str:
        start, name, value = found.groups()
        return (
            f"{start}{change(value)}" if is_secret_name(name) and value.strip().lower() not in NOT_SECRET else found[0]
        )

    return _PAIR.sub(pair, _ELEMENT.sub(element, text))
