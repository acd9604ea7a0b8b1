# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of requests: what went over the wire, in order, with every secret taken out."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

REDACTED = "<redacted>"
KEEP = 100_000
KEEP_BODY = 262_144

_SECRET_NAMES = {
    "password", "key", "clientsecret", "client_secret", "clientassertion", "client_assertion", "secret", "secrettoken",
    "token", "scimtoken", "scim_token", "scimkey", "provisioningkey", "access_token", "refresh_token", "assertion",
    "authorization", "passwordprofile", "bearer", "secrettext",
}  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One request as it came in. The body is kept raw and parsed only when the entry is shown."""

    number: int
    surface: str
    method: str
    path: str
    query: dict[str, str]
    status: int
    write: bool
    body: bytes
    form: bool
    fault: str | None

    def shown(self) -> dict[str, Any]:
        """Return the entry for a test or a person: parsed and without secrets."""
        return {
            "number": self.number,
            "surface": self.surface,
            "method": self.method,
            "path": self.path,
            "query": {name: REDACTED if _secret(name) else value for name, value in self.query.items()},
            "status": self.status,
            "write": self.write,
            "body": _shown_body(self.body, self.form),
            "fault": self.fault,
        }


def _secret(name: str) -> bool:
    return name.lower() in _SECRET_NAMES


def redact(value: Any) -> Any:
    """Return a copy of a JSON value in which every secret field is masked, also inside SCIM operations."""
    if isinstance(value, dict):
        if set(value) == {"key", "value"}:
            # A pair of the settings of a synchronization: the key is only a name.
            hidden = _secret(str(value["key"])) and value["value"] is not None
            return {"key": value["key"], "value": REDACTED if hidden else redact(value["value"])}
        result = {
            name: REDACTED if _secret(name) and item is not None else redact(item) for name, item in value.items()
        }
        path = next((item for name, item in value.items() if name.lower() == "path"), None)
        if isinstance(path, str) and _secret(path.rpartition(":")[2]):
            result = {name: REDACTED if name.lower() == "value" else item for name, item in result.items()}
        return result
    if isinstance(value, list):
        return [redact(item) for item in value]
    return value


def _shown_body(body: bytes, form: bool) -> Any:
    if not body:
        return None
    if form:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: REDACTED if _secret(name) else value for name, value in pairs}
    try:
        return redact(json.loads(body))
    except ValueError:
        # What cannot be read cannot be searched for secrets either.
        return f"<{len(body)} bytes that are not JSON>"


class RequestLog:
    """The last requests, newest last, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEEP)
        self._number = 0

    def add(
        self, surface: str, method: str, path: str, query: dict[str, str], status: int, write: bool, body: bytes,
        form: bool, fault: str | None,
    ) -> None:  # fmt: skip
        """Append one request."""
        self._number += 1
        if len(body) > KEEP_BODY:
            body = b'"<a body of %d bytes>"' % len(body)
        self._entries.append(Entry(self._number, surface, method, path, query, status, write, body, form, fault))

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the entries with a higher number."""
        return [entry.shown() for entry in self._entries if entry.number > number]

    def clear(self) -> None:
        """Forget everything and count from 1 again."""
        self._entries.clear()
        self._number = 0
