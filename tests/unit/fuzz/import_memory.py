# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, federated credentials and application permissions in memory, next to the applications of scim_memory.

Written from the contract: a PATCH replaces the whole list of keys, and the content of a key is shown only where it is asked for.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import scim_memory
from entra_memory import DAY, RefusalError, iso
from scim_memory import ScimMemory

from w365_simulator.certificates import AppCertificate, make_certificate

GRAPH = "00000003-0000-0000-c000-000000000000"
OTHER_TENANT = "00000000-0000-4000-8000-0000000000e9"
ROLES = (
    *("User.Read.All", "GroupMember.Read.All", "Organization.Read.All", "RoleManagement.Read.Directory"),
    *("Member.Read.Hidden", "Directory.Read.All", "Mail.Read"),
)


@cache
def certificate(number: int) -> AppCertificate:
    """One of a few certificates that tests give to the module; making one takes time."""
    return make_certificate()


def thumbprint(content: str) -> str:
    return hashlib.sha1(base64.b64decode(content), usedforsecurity=False).hexdigest().upper()


class ImportMemory(ScimMemory):
    """One tenant. With `loses_unread`, a key that is written back without its content is gone.

    `foreign` are the client ids of applications that another tenant has registered.
    """

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        super().__init__(now)
        self.federated: dict[str, list[dict[str, Any]]] = {}
        self.roles: list[dict[str, Any]] = []
        self.loses_unread = True
        self.may_grant = True
        self.foreign: dict[str, str] = {}
        self.graph["appRoles"] = [
            {"id": self._next(), "value": name, "isEnabled": True, "allowedMemberTypes": ["Application"]}
            for name in ROLES
        ]
        self.graph["appRoles"].append(
            {"id": self._next(), "value": "Old.Read.All", "isEnabled": False, "allowedMemberTypes": ["Application"]}
        )

    @property
    def graph(self) -> dict[str, Any]:
        """The service principal of Microsoft Graph."""
        return self._by(self.principals, "appId", GRAPH)

    # For tests

    def new_key(self, application: dict[str, Any], name: str | None, text: str, *, kind: str = "AsymmetricX509Cert", **more: Any) -> str:  # fmt: skip
        """A key that somebody else added. Its content is `text`."""
        key_id = self._next()
        content = base64.b64encode(text.encode()).decode()
        application.setdefault("keyCredentials", []).append(
            {"keyId": key_id, "displayName": name, "type": kind, "usage": "Verify", "key": content,
             "customKeyIdentifier": base64.b64encode(bytes.fromhex(thumbprint(content))).decode(),
             "startDateTime": iso(self.now), "endDateTime": iso(self.now + 300 * DAY), **more}
        )  # fmt: skip
        return key_id

    def role_id(self, name: str) -> str:
        return str(next(role["id"] for role in self.graph["appRoles"] if role["value"] == name))

    def grant(self, principal_id: str, name: str) -> None:
        self.roles.append(
            {"id": f"role-{self._next()[-4:]}", "principalId": principal_id, "resourceId": self.graph["id"], "appRoleId": self.role_id(name)}
        )  # fmt: skip

    def granted(self, client_id: str) -> list[str]:
        """The names of the permissions that an application has, with repetitions."""
        principal = next(one["id"] for one in self.principals if one["appId"] == client_id)
        names = {self.role_id(name): name for name in ROLES}
        return sorted(
            names[one["appRoleId"]]
            for one in self.roles
            if one["principalId"] == principal and one["appRoleId"] in names
        )

    # Requests

    def _application(self, id: str, query: Any, _body: Any) -> Any:
        found = self._by(self.applications, "id", id)
        keys = found.setdefault("keyCredentials", [])
        if query.get("$select") == "keyCredentials":
            # Graph never shows some of them.
            shown = [one if one["type"] == "AsymmetricX509Cert" else {**one, "key": None} for one in keys]
            return {"keyCredentials": shown}
        return {**found, "keyCredentials": [{**one, "key": None} for one in keys]}

    def _application_update(self, id: str, query: Any, body: Any) -> Any:
        given = body.pop("keyCredentials", None)
        if given is not None:
            application = self._by(self.applications, "id", id)
            application["keyCredentials"] = self._written(application.get("keyCredentials", []), given)
        return super()._application_update(id, query, body)

    def _written(self, known: list[dict[str, Any]], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        by_id = {one["keyId"]: one for one in known}
        kept = []
        for one in given:
            present = by_id.get(one.get("keyId"))
            if present is None:
                if (
                    "keyId" in one
                    or not one.get("key")
                    or one["type"] != "AsymmetricX509Cert"
                    or one["usage"] != "Verify"
                ):
                    raise RefusalError(400, "KeyCredentialsInvalidValue", "Key value is invalid.")
                kept.append({**one, "keyId": self._next(), "customKeyIdentifier": thumbprint(one["key"])})
            elif one.get("key") is None:
                kept += [] if self.loses_unread else [present]
            elif one["key"] != present["key"]:
                raise RefusalError(400, "KeyNotUpdatable", "Update to existing credential with KeyId is not allowed.")
            else:
                kept.append(present)
        return kept

    def _federated(self, id: str, _query: Any, _body: Any) -> Any:
        return self.federated.get(self._by(self.applications, "id", id)["id"], [])

    def _federated_write(self, id: str, _query: Any, body: Any) -> Any:
        application, _slash, name = id.partition("/")
        known = self.federated.setdefault(self._by(self.applications, "id", application)["id"], [])
        found = next((one for one in known if one["name"] == name), None)
        if found is not None:
            found.update(body)
            return None
        known.append({"id": self._next(), "name": name, "description": None, **body})
        return known[-1]

    def _principals(self, id: str, query: Mapping[str, str], body: Any) -> Any:
        return [{"appOwnerOrganizationId": None, **one} for one in super()._principals(id, query, body)]

    def _principal_create(self, id: str, query: Any, body: Any) -> Any:
        client_id = body["appId"]
        if client_id in self.foreign and all(one["appId"] != client_id for one in self.principals):
            made = self._principal(self._next(), client_id, "Fleet", ())
            self.principals.append({**made, "appOwnerOrganizationId": self.foreign[client_id]})
            return self.principals[-1]
        if all(one["appId"] != client_id for one in (*self.applications, *self.principals)):
            text = f"The appId '{client_id}' of the service principal does not reference a valid application object."
            raise RefusalError(400, "NoBackingApplicationObject", text)
        return super()._principal_create(id, query, body)

    def _principal_roles(self, id: str, _query: Any, _body: Any) -> Any:
        self._principal_read(id)
        return [one for one in self.roles if one["principalId"] == id]

    def _assignment_create(self, id: str, query: Any, body: Any) -> Any:
        if self._principal_read(id)["appId"] != GRAPH:
            return super()._assignment_create(id, query, body)
        if not self.may_grant:
            raise RefusalError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        assert body["resourceId"] == id
        self._principal_read(body["principalId"])
        same = ("principalId", "appRoleId")
        if any(all(one[name] == body[name] for name in same) for one in self.roles):
            raise RefusalError(400, "Request_BadRequest", "Permission being assigned already exists on the object")
        self.roles.append({"id": f"role-{self._next()[-4:]}", **body})
        return self.roles[-1]

    def _assignment_delete(self, id: str, query: Any, body: Any) -> Any:
        found = next((one for one in self.roles if one["id"] == id.partition("/")[2]), None)
        if found is None:
            return super()._assignment_delete(id, query, body)
        self.roles.remove(found)
        return None


def seeded(server: str) -> ImportMemory:
    """The tenant of a scenario; those of scim_memory, and "import": an application with a certificate of somebody else, one of an
    earlier run that is to go, a federated credential, and a permission too many; "import elsewhere": one of another tenant."""
    entra = ImportMemory()
    if not server.startswith("import"):
        roles = entra.graph["appRoles"]
        entra.__dict__.update(scim_memory.seeded(server).__dict__)
        entra.graph["appRoles"] = roles
        return entra
    if server == "import elsewhere":
        entra.foreign[entra._id("a7")] = OTHER_TENANT
        return entra
    application = entra.new_application(displayName="Workspace 365 import - default", tags=["w365:import:default", "of-somebody"])  # fmt: skip
    entra.principals.append(entra._principal(entra._next(), application["appId"], "Workspace 365 import", ()))
    entra.new_key(application, "of somebody", "certificate of somebody")
    stamp = iso(entra.now)[:19] + "Z"
    entra.new_key(application, f"w365 import:default {stamp} 0a1b2c", "certificate of an earlier run")
    entra.now += DAY
    content = base64.b64encode(certificate_bytes(1)).decode()
    entra.new_key(application, f"w365 import:default {iso(entra.now)[:19]}Z 0a1b2d", "", key=content)
    entra.federated[application["id"]] = [
        {"id": entra._next(), "name": "ci", "issuer": "https://ci.contoso.com", "subject": "old", "audiences": ["api://AzureADTokenExchange"], "description": "ours"}
    ]  # fmt: skip
    entra.grant(entra.principals[-1]["id"], "Mail.Read")
    entra.now += 30 * DAY
    return entra


def certificate_bytes(number: int) -> bytes:
    """The DER form of one of these certificates."""
    body = "".join(certificate(number).public.strip().splitlines()[1:-1])
    return base64.b64decode(body)


LISTS = scim_memory.LISTS | {"graph.federated", "graph.principal.roles"}
ENDPOINTS = (*scim_memory.ENDPOINTS, "graph.federated", "graph.federated.write", "graph.principal.roles")
