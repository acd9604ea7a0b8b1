# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, federated credentials and application permissions in Microsoft Graph v1.0 (contract: The import application; S)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..model.applications import GRAPH_API
from ..model.import_application import FederatedCredential, GrantedRole, KeyCredential, PublicCertificate
from .applications import (
    ASSIGN,
    PERMISSIONS,
    READ,
    WRITE,
    ApplicationsClient,
    iso_time,
    objects_of,
    parsed_time,
    text_of,
)
from .values import OddValueError, identifier, shown

ROLES_SELECT = "id,appId,appRoles"

KEYS_SELECT = "keyCredentials"
"""With exactly this, Graph shows the content of each key, which has to be written back (learn.microsoft.com, keyCredential; S)."""

KEY_PROPERTIES = (
    *("customKeyIdentifier", "displayName", "endDateTime", "key", "keyId", "startDateTime", "type", "usage"),
)

CERTIFICATE = "AsymmetricX509Cert"


class GraphRoles(dict[str, str]):
    """The ids of the application permissions that Microsoft Graph offers in a tenant, by their names. `id` is its principal's."""

    def __init__(self, id: str, roles: Mapping[str, str]) -> None:
        super().__init__(roles)
        self.id = id


class ImportApplicationClient(ApplicationsClient):
    """With what only the application of an import has."""

    permissions: ClassVar[Mapping[str, str]] = {
        **PERMISSIONS,
        "graph.federated": READ,
        "graph.federated.write": WRITE,
        "graph.principal.roles": READ,
        "graph.assignment.create": ASSIGN,
        "graph.assignment.delete": ASSIGN,
    }

    # Certificates

    def keys(self, application_id: str) -> list[KeyCredential]:
        """The certificates and keys of an application, with their content where Graph shows it."""
        answer = self.call("graph.application", object_id=application_id, query={"$select": KEYS_SELECT})
        if KEYS_SELECT not in answer:
            raise self.unreliable("graph.application", "an application without the keyCredentials that were asked for")
        found: list[KeyCredential] = self._checked(
            "graph.application",
            lambda item: [_key(one) for one in objects_of(item[KEYS_SELECT], KEYS_SELECT)],
            answer,
        )
        return found

    def write_keys(self, application_id: str, keys: Sequence[Mapping[str, Any]]) -> None:
        """All certificates and keys: those that are not among them are gone afterwards (learn.microsoft.com, "Add a certificate to
        an app using Microsoft Graph"; S).

        It is sent once. Before it is sent again, the list must be read again: it replaces what others have added.
        """
        endpoint = self._endpoints["graph.application.update"]
        path = self.path_of(endpoint.id, application_id)
        answer = self.send(endpoint.method, path, repeatable=False, body={KEYS_SELECT: list(keys)})
        if not answer.ok:
            raise self._refusal(answer, endpoint, path)

    # Federated credentials

    def federated(self, application_id: str) -> list[FederatedCredential]:
        items = self.pages("graph.federated", object_id=application_id, query={"$top": None})
        return [self._checked("graph.federated", _federated, one) for one in items]

    def write_federated(self, application_id: str, wanted: FederatedCredential) -> None:
        """Create the one with this name, or change it. It may be repeated."""
        body = {"issuer": wanted.issuer, "subject": wanted.subject, "audiences": [wanted.audience]}
        if wanted.description is not None:
            body["description"] = wanted.description
        self.call(
            "graph.federated.write",
            object_id=f"{application_id}/{wanted.name}",
            body=body,
            headers={"Prefer": "create-if-missing"},
        )

    # Application permissions

    def graph_roles(self) -> GraphRoles:
        """The application permissions of Microsoft Graph."""
        item = self.principal_item(GRAPH_API, ROLES_SELECT)
        if item is None:
            raise self.unreliable("graph.principals", "no service principal of Microsoft Graph itself", listing=True)
        found: GraphRoles = self._checked("graph.principals", _roles, item)
        return found

    def granted_roles(self, principal_id: str, roles: GraphRoles) -> list[GrantedRole]:
        """The application permissions of Microsoft Graph that a service principal has."""
        names = {id.lower(): name for name, id in roles.items()}
        found = []
        for item in self.pages("graph.principal.roles", object_id=principal_id):
            resource, granted = self._checked("graph.principal.roles", _assignment, item)
            if resource == roles.id.lower():
                found.append(granted._replace(name=names.get(granted.role_id, "")))
        return found

    def grant_role(self, principal_id: str, roles: GraphRoles, name: str) -> None:
        body = {"principalId": principal_id, "resourceId": roles.id, "appRoleId": roles[name]}
        self.call("graph.assignment.create", object_id=roles.id, body=body)

    def withdraw_role(self, roles: GraphRoles, granted: GrantedRole) -> None:
        self.call("graph.assignment.delete", object_id=f"{roles.id}/{granted.id}")


def new_key(certificate: PublicCertificate, name: str) -> dict[str, Any]:
    """The entry of a certificate that is added, valid for as long as the certificate itself."""
    return {
        "type": CERTIFICATE,
        "usage": "Verify",
        "displayName": name,
        "startDateTime": iso_time(certificate.start),
        "endDateTime": iso_time(certificate.end),
        "key": base64.b64encode(certificate.content).decode(),
    }


def _key(item: Mapping[str, Any]) -> KeyCredential:
    content = text_of(item, "key")
    start, end = item.get("startDateTime"), item.get("endDateTime")
    kept = {name: item[name] for name in KEY_PROPERTIES if item.get(name) is not None}
    return KeyCredential(
        key_id=identifier(item.get("keyId"), "a key with a keyId").lower(),
        name=text_of(item, "displayName"),
        thumbprint=_thumbprint(text_of(item, "type"), content, text_of(item, "customKeyIdentifier")),
        start=None if start is None else parsed_time(start, "a startDateTime"),
        end=None if end is None else parsed_time(end, "an endDateTime"),
        readable=bool(content),
        raw=kept,
    )


def _thumbprint(kind: str, content: str, identifier: str) -> str:
    """The SHA-1 of a certificate, in capitals: of its content, or else of what identifies it, which may be its base64 or its hex form."""
    if kind != CERTIFICATE:
        return ""
    try:
        if content:
            return hashlib.sha1(base64.b64decode(content, validate=True), usedforsecurity=False).hexdigest().upper()
        plain = base64.b64decode(identifier, validate=True)
    except (binascii.Error, ValueError):
        if content:
            raise OddValueError(f"a key that is {shown(content)} and not in base64") from None
        return ""
    # Both forms are base64 as well: 40 hex digits of one would be 30 bytes of the other.
    return plain.hex().upper() if len(plain) == 20 else identifier.upper()


def _federated(item: Mapping[str, Any]) -> FederatedCredential:
    audiences = item.get("audiences")
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise OddValueError(f"audiences that are {shown(audiences)} and not a list of texts")
    name = text_of(item, "name")
    if not name:
        raise OddValueError("a federated credential without a name")
    return FederatedCredential(
        name, text_of(item, "issuer"), text_of(item, "subject"), " ".join(audiences), text_of(item, "description")
    )


def _roles(item: Mapping[str, Any]) -> GraphRoles:
    found: dict[str, str] = {}
    for role in objects_of(item.get("appRoles"), "appRoles"):
        kinds = role.get("allowedMemberTypes")
        offered = role.get("isEnabled") is not False and isinstance(kinds, list) and "Application" in kinds
        if offered and isinstance(role.get("value"), str):
            found[role["value"]] = identifier(role.get("id"), "a role with an id")
    return GraphRoles(identifier(item.get("id"), "a service principal with an id"), found)


def _assignment(item: Mapping[str, Any]) -> tuple[str, GrantedRole]:
    return identifier(item.get("resourceId"), "an assignment with a resourceId").lower(), GrantedRole(
        identifier(item.get("id"), "an assignment with an id"),
        identifier(item.get("appRoleId"), "an assignment with an appRoleId").lower(),
        "",
    )
