# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/servicePrincipals of Graph, with what they own and were granted, and /oauth2PermissionGrants."""

from __future__ import annotations

import json
from typing import Any

from ..clock import write
from ..graph_error import GraphError, bad_request, forbidden
from ..tokens import Access
from ..wire import Answer, Call
from . import passwords
from .applications import FILTERED as APPLICATION_FILTERED
from .applications import Applications
from .base import OWNED_BY, READ_APPLICATIONS, WRITE_APPLICATIONS, body_of, check_properties
from .documents import application as new_application
from .documents import service_principal as new_principal
from .objects import Document, public
from .registry import APPLICATION, GRANT, PRINCIPAL
from .resources import RESOURCES

FILTERED = (
    "id", "appId", "displayName", "appDisplayName", "tags", "servicePrincipalNames", "servicePrincipalType",
    "accountEnabled", "applicationTemplateId", "appOwnerOrganizationId", "replyUrls",
)  # fmt: skip
_READ_ONLY = {
    "id", "appId", "appDisplayName", "appOwnerOrganizationId", "deletedDateTime", "applicationTemplateId",
    "createdByAppId", "signInAudience", "oauth2PermissionScopes", "verifiedPublisher",
}  # fmt: skip
_PROPERTIES = new_principal({**new_application("", created="", domain=None), "displayName": ""}, "")
_GRANTED = ("clientId", "consentType", "principalId", "resourceId", "scope")
READ_GRANTS = (
    "DelegatedPermissionGrant.Read.All",
    "DelegatedPermissionGrant.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


class Principals(Applications):
    """The handlers of /servicePrincipals."""

    def _service_principals(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_list(access)
        found = self._shown_list(access.tenant, PRINCIPAL)
        return self._list_documents(call, "servicePrincipals", found, known=FILTERED)

    def _service_principal(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._entity(call, "servicePrincipals", public(self._readable_principal(access, names["id"])))

    def _readable_principal(self, access: Access, id_: str) -> Document:
        # Who may write only what it owns still has to read the scopes of resources and its own id.
        self._require(access, *READ_APPLICATIONS, OWNED_BY)
        return self._there(access.tenant, PRINCIPAL, id_)

    def _service_principal_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        body = body_of(call)
        app_id = body.pop("appId", None)
        if not isinstance(app_id, str) or not app_id:
            raise bad_request("Property 'appId' is required but is either not specified or null.")
        app_id = app_id.lower()
        self.registry.settle(access.tenant)
        known = self.objects.by_app_id(access.tenant, PRINCIPAL, app_id)
        if known is not None:
            raise GraphError(
                409,
                "Request_MultipleObjectsWithSameKeyValue",
                f"The service principal cannot be created, updated, or restored because the service principal name {app_id}"
                " is already in use.",
            )
        changes = _checked(body)
        is_microsofts = app_id in RESOURCES
        made = (
            self.registry.add_resource(access.tenant, app_id) if is_microsofts else self._principal_of(access, app_id)
        )
        if changes:
            made.update(changes)
            self.objects.save(made)
        return self._entity(call, "servicePrincipals", public(made), 201)

    def _principal_of(self, access: Access, app_id: str) -> Document:
        application = self.objects.by_app_id(access.tenant, APPLICATION, app_id)
        shown = None if application is None else self.objects.seen(application)
        foreign = self.registry.foreign_application(app_id) if application is None else None
        if foreign is not None:
            self._require(access, *WRITE_APPLICATIONS)
            return self.registry.add_principal(access.tenant, foreign)
        if application is None or shown is None:
            if not access.may(*WRITE_APPLICATIONS):
                raise forbidden(
                    "When using this permission, the backing application of the service principal being created must in"
                    " the local tenant"
                )
            raise GraphError(
                400,
                "NoBackingApplicationObject",
                f"The appId '{app_id}' of the service principal does not reference a valid application object.",
            )
        self._may_write(access, application)
        made = self.registry.add_principal(access.tenant, application)
        made["_owners"] = list(application.get("_owners", [])) if self.switches.creator_is_owner else []
        self.objects.save(made)
        return made

    def _service_principal_change(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, PRINCIPAL, names["id"]))
        self._may_write_principal(access, found)
        changes = _checked(body_of(call))
        if "tags" in changes:
            changes["_application_tags"] = [tag for tag in found.get("_application_tags", []) if tag in changes["tags"]]
        self.objects.change(found, changes)
        return Answer(204)

    def _may_write_principal(self, access: Access, principal: Document) -> None:
        application = self.objects.by_app_id(access.tenant, APPLICATION, principal["appId"])
        if application is not None and access.may(OWNED_BY) and self._owns(access, application):
            return
        self._may_write(access, principal)

    def _service_principal_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, PRINCIPAL, names["id"]))
        self._may_write_principal(access, found)
        found["deletedDateTime"] = self.clock.iso()
        self.objects.move(found, f"deleted.{PRINCIPAL}")
        return Answer(204)

    def _service_principal_owners(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._readable_principal(access, names["id"])
        owners = [
            {"@odata.type": f"#microsoft.graph.{owner['type']}", "id": owner["id"]}
            for owner in found.get("_owners", [])
        ]
        return self._list_documents(call, "directoryObjects", owners)

    def _service_principal_add_password(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, PRINCIPAL, names["id"]))
        self._may_write_principal(access, found)
        application = self.objects.by_app_id(access.tenant, APPLICATION, found["appId"])
        lock = (application or {}).get("servicePrincipalLockConfiguration") or {}
        if lock.get("isEnabled") and (lock.get("allProperties") or lock.get("credentialsWithUsageVerify")):
            raise bad_request(
                "Property passwordCredentials of the service principal is locked by its application.",
                "CannotUpdateLockedServicePrincipalProperty",
            )
        name, start, end = passwords.requested(call.json() if call.body.strip() else {}, self.clock)
        made = passwords.make(found, name, write(start), write(end), self.clock, self.switches)
        self.objects.save(found)
        context = f"{call.base_url}/graph/v1.0/$metadata#microsoft.graph.passwordCredential"
        return self._plain({"@odata.context": context, **made})

    # ---- owned objects

    def _owned_objects(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        owned = self._owned(access, names["id"])
        documents = [{"@odata.type": f"#microsoft.graph.{item['_kind']}", **self._owned_shown(item)} for item in owned]
        return self._list_documents(call, "directoryObjects", documents, known=("id",))

    def _owned_objects_cast(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        kinds = {"microsoft.graph.application": APPLICATION, "microsoft.graph.serviceprincipal": PRINCIPAL}
        kind = kinds.get(names["cast"].lower())
        if kind is None:
            raise bad_request(
                f"The specified type '{names['cast']}' is not supported for this query.", "Request_UnsupportedQuery"
            )
        owned = [self._owned_shown(item) for item in self._owned(access, names["id"]) if item["_kind"] == kind]
        known = APPLICATION_FILTERED if kind == APPLICATION else FILTERED
        return self._list_documents(call, f"{kind}s", owned, known=known)

    def _owned(self, access: Access, id_: str) -> list[Document]:
        principal = self._readable_principal(access, id_)
        # With the small permission a caller sees its own belongings.
        if not access.may(*READ_APPLICATIONS) and principal["appId"] != access.client_id:
            raise forbidden()
        found = self._shown_list(access.tenant, APPLICATION) + self._shown_list(access.tenant, PRINCIPAL)
        return [item for item in found if any(owner["id"] == principal["id"] for owner in item.get("_owners", []))]

    def _owned_shown(self, document: Document) -> Document:
        if document.get("_kind") == APPLICATION:
            return self._application_shown(document)
        return public(document)

    # ---- delegated permissions

    def _principal_grants(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_GRANTS)
        self._there(access.tenant, PRINCIPAL, names["id"])
        found = self._shown_list(access.tenant, GRANT, clientId=names["id"])
        return self._list_documents(call, "oauth2PermissionGrants", found, known=("id", *_GRANTED))

    def _grants(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_GRANTS)
        found = self._shown_list(access.tenant, GRANT)
        return self._list_documents(call, "oauth2PermissionGrants", found, known=("id", *_GRANTED))

    def _grant(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_GRANTS)
        return self._entity(call, "oauth2PermissionGrants", public(self._there(access.tenant, GRANT, names["id"])))

    def _grant_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_grant(access)
        body = body_of(call)
        unknown = sorted(set(body) - {*_GRANTED, "startTime", "expiryTime"})
        if unknown:
            raise bad_request(f"Invalid property '{unknown[0]}'.")
        client, resource, kind = body.get("clientId"), body.get("resourceId"), body.get("consentType")
        for name, value in (("clientId", client), ("resourceId", resource), ("consentType", kind)):
            if not isinstance(value, str) or not value:
                raise bad_request(f"Property '{name}' is required but is either not specified or null.")
        if kind not in ("AllPrincipals", "Principal") or (kind == "Principal") != bool(body.get("principalId")):
            raise bad_request("Invalid value specified for property 'consentType' of resource 'OAuth2PermissionGrant'.")
        # Right after their creation the principals are not known everywhere.
        for id_ in (client, resource):
            self._there(access.tenant, PRINCIPAL, str(id_))
        wanted = {name: body.get(name) for name in ("clientId", "consentType", "principalId", "resourceId")}
        if self.objects.all(access.tenant, GRANT, **wanted):
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        made = self.objects.add(access.tenant, GRANT, {**wanted, "scope": _scope(body.get("scope"))}, replicated=False)
        return self._entity(call, "oauth2PermissionGrants", public(made), 201)

    def _may_grant(self, access: Access) -> None:
        if access.may("Directory.ReadWrite.All"):
            return
        # Whether the smaller permission is enough for an application is assumed (letter A).
        if self.switches.profile == "full" and access.may("DelegatedPermissionGrant.ReadWrite.All"):
            return
        raise forbidden()

    def _grant_change(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_grant(access)
        found = self._true(self._there(access.tenant, GRANT, names["id"]))
        body = body_of(call)
        fixed = sorted(name for name in body if name != "scope")
        if fixed:
            raise bad_request(f"Property '{fixed[0]}' is read-only and cannot be set.")
        self.objects.change(found, {"scope": _scope(body.get("scope"))})
        return Answer(204)

    def _grant_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_grant(access)
        self.objects.remove(self._true(self._there(access.tenant, GRANT, names["id"])))
        return Answer(204)


def _scope(value: Any) -> str:
    if not isinstance(value, str):
        raise bad_request("Invalid value specified for property 'scope' of resource 'OAuth2PermissionGrant'.")
    return value


def _checked(body: Document) -> Document:
    check_properties(body, _PROPERTIES, _READ_ONLY, "ServicePrincipal")
    for name, value in body.items():
        if name in ("passwordCredentials", "keyCredentials") and json.dumps(value) != "[]":
            raise bad_request("Adding credentials by PATCH is not supported; use addPassword.")
    return body
