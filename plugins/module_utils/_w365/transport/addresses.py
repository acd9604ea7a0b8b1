# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server that an address names, written the same for all ways to write it."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def host_of(parts: SplitResult) -> str:
    """The host in lower case, with its port where it is not the scheme's. Raises ValueError for a port that is none."""
    default = {"https": 443, "http": 80}.get(parts.scheme)
    port = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{(parts.hostname or '').rstrip('.')}{port}"


def server_of(address: str) -> str:
    """The same for a text, also one without a scheme, which is https; empty where it names no server."""
    text = address.strip()
    try:
        return host_of(urlsplit(text if "//" in text else f"https://{text}"))
    except ValueError:
        return ""
