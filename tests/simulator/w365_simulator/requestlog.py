# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log of requests: what went over the wire, in order, with every secret taken out.

In place of the credentials themselves, an entry has a digest of each, so that a test can say which one reached what.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .wire import Call

REDACTED = "<redacted>"
KEEP = 100_000
KEEP_BODY = 262_144

_SECRET_NAMES = {
    "password", "key", "clientsecret", "client_secret", "clientassertion", "client_assertion", "secret", "secrettoken",
    "token", "scimtoken", "scim_token", "scimkey", "provisioningkey", "access_token", "refresh_token", "assertion",
    "authorization", "passwordprofile", "bearer", "secrettext",
}  # fmt: skip
_SECRET_HEADERS = {
    "authorization": "Authorization", "proxy-authorization": "Proxy-Authorization", "cookie": "Cookie",
    "provisioningkey": "ProvisioningKey", "x-identity-header": "X-Identity-Header",
}  # fmt: skip

# Takes where a secret was found, and the secret.
Seen = Callable[[str, Any], None]


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
    # Where each credential outside the body was, and its digest.
    carried: tuple[tuple[str, str], ...]

    def shown(self, digest: Callable[[str], str]) -> dict[str, Any]:
        """Return the entry for a test or a person: parsed and without secrets."""
        carried = list(self.carried)

        def seen(where: str, secret: Any) -> None:
            carried.extend((where, digest(text)) for text in _texts(secret))

        body = _shown_body(self.body, self.form, seen)
        return {
            "number": self.number,
            "surface": self.surface,
            "method": self.method,
            "path": self.path,
            "query": {name: REDACTED if _secret(name) else value for name, value in self.query.items()},
            "status": self.status,
            "write": self.write,
            "body": body,
            "fault": self.fault,
            "credentials": [{"where": where, "digest": value} for where, value in dict.fromkeys(carried)],
        }


def _secret(name: str) -> bool:
    return name.lower() in _SECRET_NAMES


def _texts(secret: Any) -> list[str]:
    """Return every text of a secret value; of the value of the header Authorization what comes after its scheme."""
    if isinstance(secret, dict):
        return [text for item in secret.values() for text in _texts(item)]
    if isinstance(secret, list):
        return [text for item in secret for text in _texts(item)]
    if secret is None or isinstance(secret, bool) or not str(secret).strip():
        return []
    scheme, _, rest = str(secret).strip().partition(" ")
    if scheme.lower() == "bearer" and rest:
        return [rest.strip()]
    if scheme.lower() == "basic" and rest:
        try:
            return [base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]]
        except ValueError:
            return [rest.strip()]
    return [str(secret)]


def redact(value: Any, seen: Seen = lambda where, secret: None) -> Any:
    """Return a copy of a JSON value in which every secret field is masked, also inside SCIM operations.

    ``seen`` is called with the name and the value of each.
    """

    def mask(name: str, item: Any) -> Any:
        if item is None:
            return None
        seen(f"body {name}", item)
        return REDACTED

    if isinstance(value, dict):
        if set(value) == {"key", "value"}:
            # A pair of the settings of a synchronization: the key is only a name.
            name, item = str(value["key"]), value["value"]
            return {"key": value["key"], "value": mask(name, item) if _secret(name) else redact(item, seen)}
        path = next((item for name, item in value.items() if name.lower() == "path"), None)
        attribute = path.rpartition(":")[2] if isinstance(path, str) else ""
        return {
            name: mask(attribute, item)
            if name.lower() == "value" and _secret(attribute)
            else mask(name, item)
            if _secret(name)
            else redact(item, seen)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [redact(item, seen) for item in value]
    return value


def _shown_body(body: bytes, form: bool, seen: Seen) -> Any:
    if not body:
        return None
    if form:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
        for name, value in pairs:
            if _secret(name):
                seen(f"form {name}", value)
        return {name: REDACTED if _secret(name) else value for name, value in pairs}
    try:
        return redact(json.loads(body), seen)
    except ValueError:
        # What cannot be read cannot be searched for secrets either.
        return f"<{len(body)} bytes that are not JSON>"


class RequestLog:
    """The last requests, newest last, numbered from 1."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEEP)
        self._number = 0
        # Of this process only: nobody can look a digest up, or compare it with that of another twin.
        self._key = secrets.token_bytes(32)

    def digest(self, text: str) -> str:
        """Return what the log shows in place of a credential: 16 hexadecimal digits, as long as this process runs."""
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).hexdigest()

    def add(self, surface: str, call: Call, status: int, write: bool, fault: str | None) -> None:
        """Append one request."""
        self._number += 1
        form = call.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        carried = self._outside_body(call.headers, call.query)
        body = call.body
        if len(body) > KEEP_BODY:
            _shown_body(body, form, lambda where, secret: carried.extend(self._digests(where, secret)))
            body = b'"<a body of %d bytes>"' % len(body)
        self._entries.append(
            Entry(
                self._number, surface, call.method, call.path, dict(call.query), status, write, body, form, fault,
                tuple(carried),
            )
        )  # fmt: skip

    def _digests(self, where: str, secret: Any) -> list[tuple[str, str]]:
        return [(where, self.digest(text)) for text in _texts(secret)]

    def _outside_body(self, headers: Mapping[str, str], query: Mapping[str, str]) -> list[tuple[str, str]]:
        carried = []
        for name, value in headers.items():
            if name in _SECRET_HEADERS:
                carried += self._digests(f"header {_SECRET_HEADERS[name]}", value)
        for name, value in query.items():
            if _secret(name):
                carried += self._digests(f"query {name}", value)
        return carried

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the entries with a higher number."""
        return [entry.shown(self.digest) for entry in self._entries if entry.number > number]

    def newest(self, start: int, count: int, only_writes: bool = False) -> tuple[int, list[dict[str, Any]]]:
        """Return how many entries there are, and some of them, the newest first."""
        found = [entry for entry in reversed(self._entries) if entry.write or not only_writes]
        return len(found), [entry.shown(self.digest) for entry in found[start : start + count]]

    def clear(self) -> None:
        """Forget everything and count from 1 again."""
        self._entries.clear()
        self._number = 0
