# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sentences about requests that cannot be sent, connections and certificates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from .redaction import Redactor


def certificate_sentence(url: str, error: Exception, redactor: Redactor) -> str:
    host = urlsplit(url).hostname
    reason = redactor.text(_root_cause(error))
    if not re.search(r"verify|NO_CERTIFICATE|doesn't match", reason, re.IGNORECASE):
        return (
            f"no secure connection to {host}: {reason}. If the server asks for a client certificate, give it in option "
            "client_cert (a PEM file), with its private key in the same file or in client_key."
        )
    return (
        f"the certificate of {host} could not be verified: {reason}. Give the authority that signed it "
        "in option ca_path (a PEM file); validate_certs=false would accept any server."
    )


def connection_sentence(url: str, error: Exception, redactor: Redactor) -> str:
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"no connection to {host}: {redactor.text(_root_cause(error))}"


def unsendable(
    method: str, shown_url: Callable[[], str], error: ValueError, *, is_header: bool, has_proxy: Callable[[], bool]
) -> InputError:
    """The error of a request that cannot be sent. A proxy's address is not shown: it may hold a password."""
    if isinstance(error, UnicodeError):
        return InputError(f"The address of {method} {shown_url()} holds half a character, which cannot be sent.")
    if is_header:
        return InputError("A header of this request holds a character that HTTP does not allow.")
    if "SOCKS" in str(error):
        return InputError("The environment names a SOCKS proxy, for which the Python library PySocks is needed.")
    if has_proxy():
        return InputError(
            "The proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) is not a URL of the form "
            "http://<host>:<port>, with special characters of its password written as %XX."
        )
    return InputError(f"{shown_url()!r} is not a URL that can be called; give https://<host>.")


_NO_CONNECTION = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ConnectTimeout", "ProxyError")
"""Exceptions of urllib3 and requests."""


def never_sent(error: Exception) -> bool:
    """True when the connection itself failed, so that the server cannot have seen the request."""
    seen: set[int] = set()
    node: Any = error
    while node is not None and id(node) not in seen:
        seen.add(id(node))
        if type(node).__name__ in _NO_CONNECTION:
            return True
        node = getattr(node, "reason", None) or (
            node.args[0] if getattr(node, "args", None) and isinstance(node.args[0], BaseException) else None
        )
    return False


def connection_ended(error: BaseException) -> bool:
    """Whether a TLS error is a connection that ended, and not about a certificate."""
    return "EOF" in _root_cause(error)


def _root_cause(error: BaseException) -> str:
    """The message of the operating system or TLS, without the exceptions around it."""
    node: BaseException = error
    for _depth in range(10):
        inner = getattr(node, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((part for part in reversed(node.args) if isinstance(part, BaseException)), None)
        if inner is None:
            break
        node = inner
    text = str(node)
    # urllib3 writes "<object at 0x...>: what happened".
    return text.partition(">: ")[2] or text
