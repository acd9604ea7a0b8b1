# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access tokens: signed by the twin's own key, which is kept in the state, so that they stay valid after a restart."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass
from typing import Any

from .clock import Clock
from .store import Store


class TokenError(ValueError):
    """A token that is missing, forged or expired; ``expired`` is true in the last case."""

    def __init__(self, sentence: str, *, expired: bool = False) -> None:
        super().__init__(sentence)
        self.expired = expired


@dataclass(frozen=True, slots=True)
class Access:
    """The content of a valid token. ``permissions`` is None when the application may read everything."""

    tenant: str
    client_id: str
    permissions: frozenset[str] | None
    expires: float

    def may(self, *any_of: str) -> bool:
        """Whether the application holds one of these permissions."""
        return self.permissions is None or not self.permissions.isdisjoint(any_of)


def encode(value: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Read base64url without padding; ValueError if it is none."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Issues and checks access tokens."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._key = bytes.fromhex(store.meta("token_key") or "")
        self._checked: dict[str, Access] = {}

    def issue(
        self, *, tenant: str, client_id: str, permissions: list[str] | None, audience: str, issuer: str, lifetime: int,
        principal: str | None = None,
    ) -> str:  # fmt: skip
        """Return a new token that is valid for ``lifetime`` seconds."""
        seconds = int(self._clock.seconds())
        claims = {
            "aud": audience, "iss": issuer, "iat": seconds, "nbf": seconds, "exp": seconds + lifetime,
            "appid": client_id, "oid": principal, "sub": principal,
            "tid": tenant, "idtyp": "app", "roles": permissions, "uti": uuid.uuid4().hex, "ver": "1.0",
        }  # fmt: skip
        head = encode(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
        body = f"{head}.{encode(json.dumps(claims).encode())}"
        return f"{body}.{self._signature(body)}"

    def check(self, token: str) -> Access:
        """Return the content of a token, or raise TokenError."""
        access = self._checked.get(token)
        if access is None:
            access = self._read(token)
            if len(self._checked) > 1000:
                self._checked.clear()
            self._checked[token] = access
        if access.expires <= self._clock.seconds():
            raise TokenError("Access token has expired or is not yet valid.", expired=True)
        return access

    def _signature(self, body: str) -> str:
        return encode(hmac.new(self._key, body.encode(), hashlib.sha256).digest())

    def _read(self, token: str) -> Access:
        body, _, signature = token.rpartition(".")
        if body.count(".") != 1:
            raise TokenError("CompactToken parsing failed with error code: 80049217")
        if not hmac.compare_digest(self._signature(body), signature):
            raise TokenError("Access token validation failure. Invalid signature.")
        claims: dict[str, Any] = json.loads(decode(body.partition(".")[2]))
        roles = claims["roles"]
        return Access(claims["tid"], claims["appid"], None if roles is None else frozenset(roles), claims["exp"])
