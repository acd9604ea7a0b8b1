# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials without a secret: certificates of an application, and federated identities of other issuers."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any

from ..clock import write
from ..graph_error import GraphError, bad_request, not_found
from ..tokens import Access
from ..wire import Answer, Call
from .base import EntraPart
from .objects import Document, public
from .registry import APPLICATION, FEDERATED

MOST_FEDERATED = 20
_KEY = uuid.UUID("365e0000-0000-4000-8000-00000000ce47")


def shown_certificates(certificates: str, names: dict[str, str]) -> list[Document]:
    """Return the credentials of certificates in PEM form, without their keys, as Graph shows them."""
    return [] if certificates == "[]" else [_shown(text, names) for text in json.loads(certificates)]


def _shown(text: str, names: dict[str, str]) -> Document:
    from cryptography import x509  # slow to load, and most applications have no certificate
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(text.encode())
    thumbprint = certificate.fingerprint(hashes.SHA1())  # noqa: S303 - Entra's own name for a certificate
    key_id = str(uuid.uuid5(_KEY, thumbprint.hex()))
    return {
        "customKeyIdentifier": base64.b64encode(thumbprint).decode(),
        "displayName": names.get(key_id),
        "endDateTime": write(certificate.not_valid_after_utc.timestamp()),
        "key": None,
        "keyId": key_id,
        "startDateTime": write(certificate.not_valid_before_utc.timestamp()),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    }


def changed_certificates(given: list[Document], certificates: str, names: dict[str, str]) -> list[str]:
    """Return the certificates after a PATCH, which replaces all: those that are named by key id stay, others are new."""
    known = {_shown(text, {})["keyId"]: text for text in json.loads(certificates)}
    kept = []
    for credential in given:
        if credential.get("key") is None and credential.get("keyId") in known:
            kept.append(known[credential["keyId"]])
            continue
        text = _pem(credential)
        kept.append(text)
        if isinstance(credential.get("displayName"), str):
            names[_shown(text, {})["keyId"]] = credential["displayName"]
    return kept


def _pem(credential: Document) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if credential.get("type") != "AsymmetricX509Cert" or credential.get("usage") != "Verify":
        raise bad_request(
            "A certificate has the type AsymmetricX509Cert and the usage Verify.", "KeyCredentialsInvalidTypeOrUsage"
        )
    try:
        content = base64.b64decode(str(credential.get("key")), validate=True)
        # The portal and the tools send the certificate as it is, or the whole PEM file.
        is_pem = content.startswith(b"-----BEGIN")
        load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
        return load(content).public_bytes(serialization.Encoding.PEM).decode()
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
        if any((item["issuer"], item["subject"]) == (content["issuer"], content["subject"]) for item in known):
            raise bad_request("Issuer and subject combination already exists for this application.")
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


def _federated(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict) or set(body) - {"name", "issuer", "subject", "audiences", "description"}:
        raise bad_request("A federated identity credential has name, issuer, subject, audiences and description.")
    for name in ("name", "issuer", "subject"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise bad_request(f"Property '{name}' is required but is either not specified or null.")
    audiences = body.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1 or not isinstance(audiences[0], str):
        raise bad_request("Property 'audiences' has exactly one element.")
    return {name: body.get(name) for name in ("name", "issuer", "subject", "audiences", "description")}
