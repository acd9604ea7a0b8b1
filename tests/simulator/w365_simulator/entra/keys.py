# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials without a secret: certificates of an application, and federated identities of other issuers."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import textwrap
import uuid
from typing import Any

from ..clock import read, write
from ..graph_error import GraphError, bad_request, not_found
from ..switches import Switches
from ..tokens import Access
from ..wire import Answer, Call
from .base import EntraPart
from .objects import Document, public
from .registry import APPLICATION, FEDERATED

MOST_FEDERATED = 20
_KEY = uuid.UUID("365e0000-0000-4000-8000-00000000ce47")


CERTIFICATE = "AsymmetricX509Cert"
_PROPERTIES = {
    "customKeyIdentifier", "displayName", "endDateTime", "key", "keyId", "startDateTime", "type", "usage",
}  # fmt: skip
LONGEST_NAME = 90


def keys_of(document: Document, row: Any) -> list[Document]:
    """Return the keys of an application with their content: those of its document, and those that a seed gave it."""
    listed: list[Document] = list(document.get("keyCredentials") or [])
    texts = json.loads(row["certificates"]) if row is not None and row["certificates"] != "[]" else []
    known = {credential.get("key") for credential in listed}
    seeded = (entry(content_of(text), {}) for text in texts)
    return listed + [credential for credential in seeded if credential["key"] not in known]


def shown_keys(keys: list[Document], *, content: bool) -> list[Document]:
    """Return what Graph shows of keys: the content of a certificate only of a single object whose keys are selected."""
    return [{**key, "key": key["key"] if content and key["type"] == CERTIFICATE else None} for key in keys]


def content_of(text: str) -> bytes:
    """Return the DER form of a certificate in PEM form."""
    from cryptography import x509  # slow to load, and most applications have no certificate
    from cryptography.hazmat.primitives import serialization

    return x509.load_pem_x509_certificate(text.encode()).public_bytes(serialization.Encoding.DER)


def entry(content: bytes, given: Document) -> Document:
    """Return the credential of a certificate; what is not given comes from the certificate."""
    from cryptography import x509

    certificate = x509.load_der_x509_certificate(content)
    thumbprint = hashlib.sha1(content, usedforsecurity=False).digest()
    return {
        "customKeyIdentifier": base64.b64encode(thumbprint).decode(),
        "displayName": given["displayName"][:LONGEST_NAME] if isinstance(given.get("displayName"), str) else None,
        "endDateTime": given.get("endDateTime") or write(certificate.not_valid_after_utc.timestamp()),
        "key": base64.b64encode(content).decode(),
        "keyId": given.get("keyId") or str(uuid.uuid5(_KEY, thumbprint.hex())),
        "startDateTime": given.get("startDateTime") or write(certificate.not_valid_before_utc.timestamp()),
        "type": CERTIFICATE,
        "usage": "Verify",
    }


def changed_keys(given: list[Document], known: list[Document], switches: Switches) -> list[Document]:
    """Return the keys after a PATCH, which replaces all: what is not sent back is gone."""
    by_id = {key["keyId"]: key for key in known}
    kept = []
    for credential in given:
        if set(credential) - _PROPERTIES:
            raise bad_request(f"Invalid property '{sorted(set(credential) - _PROPERTIES)[0]}'.")
        if any(value is not None and not isinstance(value, str) for value in credential.values()):
            raise bad_request("Invalid value specified for property 'keyCredentials' of resource 'Application'.")
        present = by_id.get(credential.get("keyId"))
        if present is None:
            kept.append(_new_key(credential, switches))
        elif credential.get("key") is None:
            kept += [present] if switches.keys_without_content == "keep" else []
        elif credential["key"] != present["key"]:
            raise bad_request(
                f"Update to existing credential with KeyId '{present['keyId']}' is not allowed.", "KeyNotUpdatable"
            )
        else:
            kept.append(present)
    return kept


def pem_of(keys: list[Document]) -> list[str]:
    """Return the certificates among keys in PEM form, for the token endpoint."""
    lines = (textwrap.fill(key["key"], 64) for key in keys if key["type"] == CERTIFICATE)
    return [f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n" for text in lines]


def _new_key(credential: Document, switches: Switches) -> Document:
    if credential.get("type") != CERTIFICATE or credential.get("usage") != "Verify":
        raise bad_request(
            "A certificate has the type AsymmetricX509Cert and the usage Verify.", "KeyCredentialsInvalidTypeOrUsage"
        )
    content = _certificate(credential.get("key"))
    made = entry(content, {**credential, "keyId": credential.get("keyId") or str(uuid.uuid4())})
    whole = entry(content, {})
    try:
        start, end = read(made["startDateTime"]), read(made["endDateTime"])
        uuid.UUID(made["keyId"])
    except ValueError:
        raise bad_request("Invalid value specified for property 'keyCredentials' of resource 'Application'.") from None
    if not read(whole["startDateTime"]) <= start < end:
        raise bad_request("Key credential start date is invalid.", "KeyCredentialsInvalidStartDate")
    too_long = switches.longest_key and end - start > switches.longest_key * 86_400
    if end > read(whole["endDateTime"]) or too_long:
        raise bad_request("Key credential end date is invalid.", "KeyCredentialsInvalidEndDate")
    return made


def _certificate(value: Any) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        content = base64.b64decode(str(value), validate=True)
        # The portal and the tools send the certificate as it is, or the whole PEM file.
        is_pem = content.startswith(b"-----BEGIN")
        load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
        if is_pem and b"PRIVATE KEY" in content:
            raise bad_request("A private key must not be uploaded.", "KeyCredentialsInvalidCertificate")
        return load(content).public_bytes(serialization.Encoding.DER)
    except (ValueError, binascii.Error):
        raise bad_request("Key value is invalid certificate.", "KeyCredentialsInvalidCertificate") from None


class FederatedCredentials(EntraPart):
    """The handlers of federatedIdentityCredentials."""

    def _federated_credentials(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_read(access, self._there(access.tenant, APPLICATION, names["id"]))
        found = self.objects.all(access.tenant, FEDERATED, _application=names["id"])
        context = f"applications('{names['id']}')/federatedIdentityCredentials"
        return self._list_documents(call, context, found, known=("id", "name", "issuer", "subject"))

    def _federated_credential_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_write(access, self._true(self._there(access.tenant, APPLICATION, names["id"])))
        content = _federated(call.json())
        known = self.objects.all(access.tenant, FEDERATED, _application=names["id"])
        if any(item["name"] == content["name"] for item in known):
            raise GraphError(
                409, "Request_MultipleObjectsWithSameKeyValue", f"A credential named {content['name']} exists."
            )
        if any(_pair(item) == _pair(content) for item in known):
            raise bad_request("Issuer and subject combination already exists for this application.")
        if len(known) >= MOST_FEDERATED:
            raise bad_request(f"An application has at most {MOST_FEDERATED} federated identity credentials.")
        made = self.objects.add(access.tenant, FEDERATED, {**content, "_application": names["id"]}, replicated=False)
        context = f"applications('{names['id']}')/federatedIdentityCredentials"
        return self._entity(call, context, public(made), 201)

    def _federated_credential_upsert(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        """Change the one with this name, or with the header Prefer create it."""
        self._may_write(access, self._true(self._there(access.tenant, APPLICATION, names["id"])))
        name = names["name"].replace("''", "'")
        known = self.objects.all(access.tenant, FEDERATED, _application=names["id"])
        found = next((item for item in known if item["name"] == name), None)
        wanted = [part.strip().lower() for part in call.headers.get("prefer", "").split(",")]
        if found is None and "create-if-missing" not in wanted:
            raise not_found(name)
        body = call.json()
        before = {} if found is None else {part: found[part] for part in _FEDERATED}
        content = _federated({**before, **body, "name": name} if isinstance(body, dict) else body)
        if any(_pair(item) == _pair(content) for item in known if item["name"] != name):
            raise bad_request("Issuer and subject combination already exists for this application.")
        if found is not None:
            self.objects.change(found, content)
            return Answer(204)
        if len(known) >= MOST_FEDERATED:
            raise bad_request(f"An application has at most {MOST_FEDERATED} federated identity credentials.")
        made = self.objects.add(access.tenant, FEDERATED, {**content, "_application": names["id"]}, replicated=False)
        context = f"applications('{names['id']}')/federatedIdentityCredentials"
        return self._entity(call, context, public(made), 201)

    def _federated_credential_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_write(access, self._true(self._there(access.tenant, APPLICATION, names["id"])))
        found = self.objects.find(access.tenant, FEDERATED, names["credential"])
        if found is None or found["_application"] != names["id"]:
            raise not_found(names["credential"])
        self.objects.remove(found)
        return Answer(204)


_FEDERATED = ("name", "issuer", "subject", "audiences", "description")


def _pair(credential: Document) -> tuple[str, str]:
    return credential["issuer"], credential["subject"]


def _federated(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) - set(_FEDERATED):
        raise bad_request("A federated identity credential has name, issuer, subject, audiences and description.")
    for name in ("name", "issuer", "subject"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise bad_request(f"Property '{name}' is required but is either not specified or null.")
    audiences = body.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise bad_request("Property 'audiences' has exactly one element.")
    return {name: body.get(name) for name in _FEDERATED}
