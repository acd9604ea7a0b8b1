# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of a tenant on secrets: reading them, and what they refuse. Only the control interface changes them."""

from __future__ import annotations

from typing import Any

from ..clock import read, read_duration
from ..graph_error import GraphError, bad_request, not_found
from ..tokens import Access
from ..wire import Answer, Call
from .base import EntraPart
from .objects import Document, public

DEFAULT_POLICY, APP_POLICY = "defaultAppManagementPolicy", "appManagementPolicy"
READ_POLICIES = ("Policy.Read.All", "Policy.Read.ApplicationConfiguration", "Policy.ReadWrite.ApplicationConfiguration")
DEFAULT_ID = "00000000-0000-0000-0000-000000000000"
DEFAULT: Document = {
    "id": DEFAULT_ID,
    "deletedDateTime": None,
    "displayName": "Default app management tenant policy",
    "description": "Default tenant policy that enforces app management restrictions on applications and service principals.",
    "isEnabled": False,
    "applicationRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
}


class Policies(EntraPart):
    """The handlers of /policies."""

    def _default_app_policy(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_POLICIES)
        context = "policies/defaultAppManagementPolicy"
        return self._entity(call, context, public(default_policy(self, access.tenant)))

    def _app_policies(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_POLICIES)
        found = self.objects.all(access.tenant, APP_POLICY)
        return self._list_documents(call, "policies/appManagementPolicies", found, known=("id", "displayName"))

    def _app_policy(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._entity(call, "policies/appManagementPolicies", public(self._policy(access, names["id"])))

    def _app_policy_applies_to(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        policy = self._policy(access, names["id"])
        found = [self.objects.find(access.tenant, "application", id_) for id_ in policy.get("_applies_to", [])]
        documents = [
            {"@odata.type": "#microsoft.graph.application", "id": item["id"], "appId": item["appId"],
             "displayName": item["displayName"], "createdDateTime": item["createdDateTime"]}
            for item in found
            if item is not None
        ]  # fmt: skip
        return self._list_documents(call, "directoryObjects", documents, known=("id", "appId"))

    def _policy(self, access: Access, id_: str) -> Document:
        self._require(access, *READ_POLICIES)
        found = self.objects.find(access.tenant, APP_POLICY, id_)
        if found is None:
            raise not_found(id_)
        return found


def default_policy(part: EntraPart, tenant: str) -> Document:
    """Return the policy of a tenant for all its applications."""
    return part.objects.find(tenant, DEFAULT_POLICY, DEFAULT_ID) or dict(DEFAULT)


def effective(part: EntraPart, tenant: str, application: Document) -> tuple[str, list[dict[str, Any]]]:
    """Return the id and the password restrictions of the policy that counts for an application."""
    for policy in part.objects.all(tenant, APP_POLICY):
        if application["id"] in policy.get("_applies_to", []):
            own = (policy.get("restrictions") or {}).get("passwordCredentials") or []
            return policy["id"], own if policy["isEnabled"] else []
    policy = default_policy(part, tenant)
    own = (policy.get("applicationRestrictions") or {}).get("passwordCredentials") or []
    return policy["id"], own if policy["isEnabled"] else []


def check_secret(part: EntraPart, access: Access, application: Document, start: float, end: float) -> None:
    """Refuse a secret that the tenant's policy forbids."""
    policy, restrictions = effective(part, access.tenant, application)
    created = read(application["createdDateTime"])
    for restriction in restrictions:
        if restriction.get("state", "enabled") != "enabled" or _exempt(part, access, restriction):
            continue
        after = restriction.get("restrictForAppsCreatedAfterDateTime")
        if after and created < read(after):
            continue
        kind = restriction.get("restrictionType")
        if kind == "passwordAddition":
            raise _refused(
                "CredentialTypeNotAllowedAsPerAppPolicy", "Credential type not allowed as per assigned policy", policy
            )
        if kind == "passwordLifetime" and end - start > read_duration(restriction.get("maxLifetime")):
            raise _refused(
                "CredentialInvalidLifetimeAsPerAppPolicy",
                "Credential lifetime exceeds the max value allowed as per assigned policy",
                policy,
            )


def _refused(code: str, sentence: str, policy: str) -> GraphError:
    return bad_request(f"{sentence} '{policy}'.", code)


def _exempt(part: EntraPart, access: Access, restriction: dict[str, Any]) -> bool:
    """Whether the caller carries the attribute that a restriction lets pass."""
    wanted = ((restriction.get("excludeActors") or {}).get("customSecurityAttributes")) or []
    caller = part.registry.principal(access.tenant, access.client_id)
    sets: dict[str, Any] = (caller or {}).get("customSecurityAttributes") or {}
    carried = {
        f"{name}_{attribute}": value
        for name, attributes in sets.items()
        if isinstance(attributes, dict)
        for attribute, value in attributes.items()
    }
    return any(carried.get(item.get("id")) == item.get("value") for item in wanted)
