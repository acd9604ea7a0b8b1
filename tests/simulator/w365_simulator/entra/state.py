# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control interface shows of Entra: every document without the texts of secrets."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .objects import Document, public
from .registry import Registry

# Kinds of documents that are shown, with the name of their list.
_LISTS = {
    "application": "applications",
    "servicePrincipal": "servicePrincipals",
    "grant": "oauth2PermissionGrants",
    "appRoleAssignment": "appRoleAssignments",
    "federatedIdentityCredential": "federatedIdentityCredentials",
    "deleted.application": "deletedApplications",
    "deleted.servicePrincipal": "deletedServicePrincipals",
    "appManagementPolicy": "appManagementPolicies",
    "defaultAppManagementPolicy": "defaultAppManagementPolicies",
    "subscribedSku": "subscribedSkus",
    "synchronization": "synchronization",
    "synchronizationJob": "synchronizationJobs",
}


def entra_state(registry: Registry) -> dict[str, Any]:
    """Return the documents of every tenant, by tenant and list; secrets only as SHA-256."""
    result: dict[str, Any] = {}
    for row in registry.store.all("SELECT id FROM tenants ORDER BY position"):
        registry.settle(row["id"])
        result[row["id"]] = {
            name: [_shown(document) for document in registry.objects.all(row["id"], kind)]
            for kind, name in _LISTS.items()
        }
    return result


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _shown(document: Document) -> Document:
    shown = public(document)
    if "_owners" in document:
        shown["owners"] = [owner["id"] for owner in document["_owners"]]
    if "passwordCredentials" in shown:
        for credential in shown["passwordCredentials"]:
            secret = (document.get("_secrets") or {}).get(credential["keyId"])
            credential["secret_sha256"] = _digest(secret["text"]) if secret else None
    if "_settings" in document:
        # The settings of a synchronization: the token is a secret.
        shown["secrets"] = {
            name: _digest(value) if name in ("SecretToken", "Password") else value
            for name, value in document["_settings"].items()
        }
    if document["_kind"] == "servicePrincipal" and len(json.dumps(shown)) > 20_000:
        # Microsoft's own principals: their permissions never change.
        shown = {name: value for name, value in shown.items() if name not in ("appRoles", "oauth2PermissionScopes")}
    return shown
