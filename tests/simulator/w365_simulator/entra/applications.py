# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""/applications of Graph: the app registrations, their owners, their secrets, and their deletion."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from ..clock import write
from ..graph_error import bad_request, forbidden, not_found
from ..tokens import Access
from ..wire import Answer, Call
from . import passwords
from .base import OWNED_BY, WRITE_APPLICATIONS, EntraPart, body_of, check_properties, merged
from .documents import application as new_application
from .keys import changed_keys, keys_of, pem_of, shown_keys
from .objects import Document, public
from .policies import check_secret
from .registry import APPLICATION, PRINCIPAL

FILTERED = (
    "id", "appId", "displayName", "uniqueName", "tags", "identifierUris", "createdDateTime", "applicationTemplateId",
    "signInAudience", "publisherDomain", "web/redirectUris",
)  # fmt: skip
# Cannot be set by anybody, or only when the application is created.
READ_ONLY = {
    "id", "appId", "createdDateTime", "deletedDateTime", "publisherDomain", "applicationTemplateId", "createdByAppId",
    "disabledByMicrosoftStatus", "uniqueName", "verifiedPublisher", "certification",
}  # fmt: skip
MOST_OWNERS = 20
_PROPERTIES = new_application("", created="", domain=None)
_MERGED = {"web", "api", "spa", "publicClient", "info", "parentalControlSettings", "servicePrincipalLockConfiguration"}
_AUDIENCES = (
    "AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount",
)  # fmt: skip
_TEXTS = {"displayName": 256, "notes": 1024, "description": 1024}


class Applications(EntraPart):
    """The handlers of /applications."""

    # ---- reading

    def _applications(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_list(access)
        found = self._shown_list(access.tenant, APPLICATION)
        return self._list_documents(
            call, "applications", found, known=FILTERED, advanced=("web/redirectUris",), shown=self._application_shown
        )

    def _application(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._readable_application(access, names["id"])
        return self._entity(call, "applications", self._application_shown(found, content=_keys_selected(call)))

    def _application_by_unique_name(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._by_unique_name(access.tenant, names["unique_name"])
        shown = None if found is None else self.objects.seen(found)
        if shown is None:
            raise not_found(names["unique_name"])
        self._may_read(access, shown)
        return self._entity(call, "applications", self._application_shown(shown, content=_keys_selected(call)))

    def _by_unique_name(self, tenant: str, name: str) -> Document | None:
        self.registry.settle(tenant)
        wanted = name.replace("''", "'")
        return next(iter(self.objects.all(tenant, APPLICATION, uniqueName=wanted)), None)

    def _readable_application(self, access: Access, id_: str) -> Document:
        found = self._there(access.tenant, APPLICATION, id_)
        self._may_read(access, found)
        return found

    def _application_shown(self, document: Document, *, content: bool = False) -> Document:
        """Return what Graph shows: no text of a secret, only the secrets that this replica has, keys without content."""
        row = self.registry.row(document)
        more = json.loads(row["entra"] or "{}") if row is not None else {}
        shown = public(document)
        shown["passwordCredentials"] = passwords.listed(document, passwords.seeded(row, self.clock, more))
        shown["keyCredentials"] = shown_keys(keys_of(document, row), content=content)
        if document.get("_secrets"):
            kept = self.objects.find(document["_tenant"], document["_kind"], document["id"])
            if kept is not None:
                kept["_secrets"] = document["_secrets"]
                self.objects.save(kept)
        return shown

    # ---- creating and changing

    def _application_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        made = self._create_application(access, body_of(call))
        return self._entity(call, "applications", public(made), 201)

    def _application_upsert(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        name = names["unique_name"].replace("''", "'")
        body = body_of(call)
        found = self._by_unique_name(access.tenant, name)
        if found is not None:
            self._may_write(access, found)
            self._change(access, found, body)
            return Answer(204)
        wanted = [part.strip().lower() for part in call.headers.get("prefer", "").split(",")]
        if "create-if-missing" not in wanted:
            raise not_found(name)
        made = self._create_application(access, body, unique_name=name)
        return self._entity(call, "applications", public(made), 201)

    def _create_application(self, access: Access, body: Document, unique_name: str | None = None) -> Document:
        if not isinstance(body.get("displayName"), str) or not body["displayName"].strip():
            raise bad_request("Property 'displayName' is required but is either not specified or null.")
        owners = self._bound(access, body.pop("owners@odata.bind", []))
        caller = self._caller(access)
        if self.switches.creator_is_owner and caller["id"] not in {owner["id"] for owner in owners}:
            owners.insert(0, {"id": caller["id"], "type": "servicePrincipal"})
        if unique_name is None and body.get("uniqueName") is not None:
            raise bad_request("Property 'uniqueName' is read-only and cannot be set.")
        if body.get("passwordCredentials") or body.get("keyCredentials"):
            raise bad_request(
                "Credentials cannot be given when an application is created by this twin; add them afterwards."
            )
        changes = _checked({name: value for name, value in body.items() if name != "uniqueName"})
        content = {name: merged(_PROPERTIES[name], value) for name, value in changes.items()}
        return self.registry.add_application(access.tenant, {**content, "uniqueName": unique_name, "_owners": owners})

    def _bound(self, access: Access, links: Any) -> list[dict[str, str]]:
        if not isinstance(links, list) or any(not isinstance(link, str) for link in links):
            raise bad_request("owners@odata.bind is a list of addresses of directory objects.")
        if len(links) > MOST_OWNERS:
            raise bad_request(f"At most {MOST_OWNERS} references can be added in one request.")
        return [
            self._directory_object(access.tenant, urlsplit(link).path.rstrip("/").rpartition("/")[2]) for link in links
        ]

    def _directory_object(self, tenant: str, id_: str) -> dict[str, str]:
        """Return the id and type of a user or service principal; others can own nothing."""
        self.registry.settle(tenant)
        if self.store.one("SELECT 1 FROM graph_users WHERE tenant = ? AND id = ?", (tenant, id_)):
            return {"id": id_, "type": "user"}
        if self.objects.find(tenant, PRINCIPAL, id_):
            return {"id": id_, "type": "servicePrincipal"}
        raise not_found(id_)

    def _application_change(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        self._may_write(access, found)
        self._change(access, found, body_of(call))
        return Answer(204)

    def _change(self, access: Access, document: Document, body: Document) -> None:
        if "uniqueName" in body and body["uniqueName"] == document["uniqueName"]:
            body = {name: value for name, value in body.items() if name != "uniqueName"}
        emptied = body.pop("passwordCredentials", None)
        if emptied:
            raise bad_request(
                "Adding or changing password credentials by PATCH is not supported; use addPassword and removePassword."
            )
        changes = _checked(body)
        if "keyCredentials" in changes:
            changes |= self._changed_keys(document, changes.pop("keyCredentials"))
        if emptied == []:
            # The service lets a client take all secrets away in one go.
            changes |= {"passwordCredentials": [], "_secrets": {}}
            self.store.run("UPDATE applications SET client_secret = NULL WHERE object_id = ?", (document["id"],))
        changes = {
            name: merged(document.get(name), value) if name in _MERGED else value for name, value in changes.items()
        }
        self.registry.change_application(document, changes)

    def _changed_keys(self, document: Document, given: list[Document]) -> Document:
        """Replace the keys of an application; the token endpoint knows its certificates by its own row."""
        kept = changed_keys(given, keys_of(document, self.registry.row(document)), self.switches)
        self.store.run(
            "UPDATE applications SET certificates = ? WHERE object_id = ?", (json.dumps(pem_of(kept)), document["id"])
        )
        return {"keyCredentials": kept}

    # ---- owners

    def _application_owners(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._readable_application(access, names["id"])
        return self._list_documents(call, "directoryObjects", self._owner_documents(found))

    def _owner_documents(self, document: Document) -> list[Document]:
        return [
            {"@odata.type": f"#microsoft.graph.{owner['type']}", "id": owner["id"]}
            for owner in document.get("_owners", [])
        ]

    def _application_owner_add(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        if not access.may(*WRITE_APPLICATIONS):
            # Seen in practice: who may write only what it owns cannot add owners.
            raise forbidden()
        link = str(body_of(call).get("@odata.id") or "")
        owner = self._directory_object(access.tenant, urlsplit(link).path.rstrip("/").rpartition("/")[2])
        if any(known["id"] == owner["id"] for known in found.get("_owners", [])):
            raise bad_request(
                "One or more added object references already exist for the following modified properties: 'owners'."
            )
        self.objects.change(found, {"_owners": [*found.get("_owners", []), owner]})
        return Answer(204)

    def _application_owner_remove(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        self._may_write(access, found)
        kept = [owner for owner in found.get("_owners", []) if owner["id"] != names["owner"]]
        if len(kept) == len(found.get("_owners", [])):
            raise not_found(names["owner"])
        self.objects.change(found, {"_owners": kept})
        return Answer(204)

    # ---- secrets

    def _application_add_password(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        self._may_write(access, found)
        name, start, end = passwords.requested(call.json() if call.body.strip() else {}, self.clock)
        check_secret(self, access, found, start, end)
        row = self.registry.row(found)
        there = len(found["passwordCredentials"]) + (row is not None and row["client_secret"] is not None)
        if self.switches.most_secrets and there >= self.switches.most_secrets:
            raise bad_request(
                f"The application has {there} password credentials; at most {self.switches.most_secrets} are allowed.",
                "Directory_QuotaExceeded",
            )
        made = passwords.make(found, name, write(start), write(end), self.clock, self.switches)
        self.objects.save(found)
        context = f"{call.base_url}/graph/v1.0/$metadata#microsoft.graph.passwordCredential"
        return self._plain({"@odata.context": context, **made})

    def _application_remove_password(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        self._may_write(access, found)
        key_id = body_of(call).get("keyId")
        if not isinstance(key_id, str):
            raise bad_request("The parameter keyId is missing.")
        row = self.registry.row(found)
        seed = passwords.seeded(row, self.clock, {})
        if seed is not None and seed["keyId"] == key_id:
            self.store.run("UPDATE applications SET client_secret = NULL WHERE object_id = ?", (found["id"],))
            return Answer(204)
        if not passwords.remove(found, key_id):
            raise bad_request(f"No password credential found with keyId: '{key_id}'.")
        self.objects.save(found)
        return Answer(204)

    # ---- deleting

    def _application_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        found = self._true(self._there(access.tenant, APPLICATION, names["id"]))
        self._may_write(access, found)
        self._soft_delete(found)
        return Answer(204)


def _keys_selected(call: Call) -> bool:
    return "keycredentials" in [name.strip().lower() for name in call.query.get("$select", "").split(",")]


def _checked(body: Document) -> Document:
    """Return the changes of a body; refuse names, types and values that the service refuses."""
    check_properties(body, _PROPERTIES, READ_ONLY, "Application")
    for name, value in body.items():
        if name in _TEXTS and value is not None and (not isinstance(value, str) or len(value) > _TEXTS[name]):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'Application'.")
    if "displayName" in body and not str(body["displayName"] or "").strip():
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Application'.")
    if body.get("signInAudience", _AUDIENCES[0]) not in _AUDIENCES:
        raise bad_request("Invalid value specified for property 'signInAudience' of resource 'Application'.")
    if any(not tag or len(tag) > 256 for tag in body.get("tags", [])):
        raise bad_request("Invalid value specified for property 'tags' of resource 'Application'.")
    for uri in ((body.get("web") or {}).get("redirectUris")) or []:
        if not re.fullmatch(r"https://[^\s*#]+|http://(localhost|127\.0\.0\.1)\S*", uri):
            raise bad_request(
                f"Reply URL '{uri}' is invalid: it must begin with https and hold no wildcard and no fragment.",
                "InvalidReplyUrl",
            )
    for access in body.get("requiredResourceAccess", []):
        wanted = access.get("resourceAccess")
        good = isinstance(access.get("resourceAppId"), str) and isinstance(wanted, list)
        if not good or not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in wanted):
            raise bad_request(
                "Invalid value specified for property 'requiredResourceAccess' of resource 'Application'."
            )
    if body.get("optionalClaims") is not None:
        body = {
            **body,
            "optionalClaims": {"accessToken": [], "idToken": [], "saml2Token": [], **body["optionalClaims"]},
        }
    # Null takes a complex property back to what a new application has.
    return {name: _PROPERTIES[name] if value is None else value for name, value in body.items()}
