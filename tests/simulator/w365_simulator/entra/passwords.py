# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of applications: adding, removing, and which of them the token endpoint accepts at a moment."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from ..clock import Clock, read
from ..graph_error import bad_request
from ..switches import Switches
from .objects import Document, everywhere, next_answer, replicas
from .registry import SEEDED, SEEDED_END

YEARS = 2 * 365 * 86_400
# How the token endpoint can answer to a secret.
GOOD, EXPIRED, UNKNOWN = "good", "expired", "unknown"
_SEEDED_KEY = uuid.UUID("365e0000-0000-4000-8000-00000000ae75")


def seeded(row: Any, clock: Clock, more: dict[str, Any]) -> Document | None:
    """Return the credential of a secret that the seed gave."""
    if row is None or row["client_secret"] is None:
        return None
    end = more.get("secret_end", SEEDED_END)
    if row["secret_expired"]:
        end = min(end, "2024-06-01T00:00:00Z")
    return {
        "customKeyIdentifier": None,
        "displayName": "seed",
        "endDateTime": end,
        "hint": row["client_secret"][:3],
        "keyId": str(uuid.uuid5(_SEEDED_KEY, f"{row['tenant']}/{row['client_id']}")),
        "secretText": None,
        "startDateTime": SEEDED,
    }


def listed(document: Document, seed: Document | None) -> list[Document]:
    """Return the credentials that the next answer shows, without their texts."""
    secrets_of = document.get("_secrets") or {}
    own = [
        item for item in document["passwordCredentials"] if next_answer(secrets_of.get(item["keyId"], {}).get("listed"))
    ]
    return [seed, *own] if seed else own


def requested(body: Any, clock: Clock) -> tuple[str | None, float, float]:
    """Return name, start and end of the secret that a body asks for."""
    if not isinstance(body, dict):
        raise bad_request("The request body is not a JSON object.")
    wanted = body.get("passwordCredential") or {}
    if not isinstance(wanted, dict) or set(body) - {"passwordCredential"}:
        raise bad_request("The parameters of addPassword are not those of its definition: passwordCredential.")
    if wanted.get("secretText") or wanted.get("keyId"):
        raise bad_request("Update to existing credential with KeyId is not allowed; secrets are made by the service.")
    name = wanted.get("displayName")
    if name is not None and not isinstance(name, str):
        raise bad_request("Invalid value specified for property 'displayName' of resource 'PasswordCredential'.")
    times: list[float] = []
    for field, default in (("startDateTime", clock.seconds()), ("endDateTime", None)):
        if wanted.get(field) is None:
            times.append(default if default is not None else times[0] + YEARS)
            continue
        try:
            times.append(read(wanted[field]))
        except ValueError:
            raise bad_request(
                f"Cannot convert the literal of '{field}' to the expected type 'Edm.DateTimeOffset'."
            ) from None
    if times[1] <= times[0]:
        raise bad_request("Key credential end date is invalid.", "KeyCredentialEndDateInvalid")
    return name, times[0], times[1]


def make(document: Document, name: str | None, start: str, end: str, clock: Clock, switches: Switches) -> Document:
    """Add a secret to a document and return its credential with the text, which nobody sees again."""
    random = secrets.token_urlsafe(30)
    text = f"{random[:3]}8Q~{random[3:]}"
    credential = {
        "customKeyIdentifier": None,
        "displayName": name,
        "endDateTime": end,
        "hint": text[:3],
        "keyId": str(uuid.uuid4()),
        "secretText": None,
        "startDateTime": start,
    }
    document["passwordCredentials"].append(credential)
    document.setdefault("_secrets", {})[credential["keyId"]] = {
        "text": text,
        "from": clock.seconds() + switches.secret_delay,
        "listed": replicas(switches.secret_listing),
        "accepted": replicas(switches.secret_activation),
    }
    return {**credential, "secretText": text}


def remove(document: Document, key_id: str) -> bool:
    """Take a secret away; False when there is none of this id."""
    kept = [credential for credential in document["passwordCredentials"] if credential["keyId"] != key_id]
    found = len(kept) < len(document["passwordCredentials"])
    document["passwordCredentials"] = kept
    (document.get("_secrets") or {}).pop(key_id, None)
    return found


def verdict(document: Document, text: str, clock: Clock, *, count: bool = True) -> tuple[str, str | None]:
    """Return what the token endpoint says to a secret, and its key id. With ``count`` it is one answer of a replica."""
    for credential in document["passwordCredentials"]:
        secret = (document.get("_secrets") or {}).get(credential["keyId"])
        if secret is None or secret["text"] != text:
            continue
        key_id = str(credential["keyId"])
        if not read(credential["startDateTime"]) <= clock.seconds() < read(credential["endDateTime"]):
            return EXPIRED, key_id
        if clock.seconds() < secret["from"]:
            return UNKNOWN, key_id
        there = next_answer(secret["accepted"]) if count else everywhere(secret["accepted"])
        return (GOOD if there else UNKNOWN), key_id
    return UNKNOWN, None
