# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a running tenant's applications and policies, as its administrators make them in the portal."""

from __future__ import annotations

import json
import uuid
from typing import Any

from ..store import Store
from .assignments import SKU
from .keys import content_of, entry, keys_of, pem_of
from .objects import Document
from .policies import APP_POLICY, DEFAULT, DEFAULT_ID, DEFAULT_POLICY
from .registry import APPLICATION, PRINCIPAL, Registry

# operation -> (its required fields, its other fields)
OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "set_default_app_policy": (("set",), ()),
    "add_app_policy": (("set", "applications"), ("id",)),
    "remove_app_policy": (("id",), ()),
    "change_application_object": (("client_id", "set"), ()),
    "change_principal": (("client_id", "set"), ()),
    "delete_principal": (("client_id",), ()),
    "add_secret": (("client_id", "text"), ("name", "start", "end")),
    "add_key": (("client_id",), ("certificate", "name")),
    "set_service_plans": (("plans",), ()),
}


class ChangeError(ValueError):
    """A change that cannot be made."""


class EntraChanges:
    """The operations; the editor of tenants sets the attributes."""

    store: Store
    registry: Registry
    _tenant: str
    _where: str

    def _kept(self, kind: str, client_id: Any) -> Document:
        self.registry.settle(self._tenant)
        found = self.registry.objects.by_app_id(self._tenant, kind, str(client_id))
        if found is None:
            raise ChangeError(f"{self._where}: the tenant has no {kind} with the client id {client_id!r}.")
        return found

    def _object(self, value: Any) -> Document:
        if not isinstance(value, dict):
            raise ChangeError(f"{self._where}.set is a JSON object with the properties of Graph; it was {value!r}.")
        return value

    def _set_default_app_policy(self, operation: dict[str, Any]) -> str:
        objects = self.registry.objects
        kept = objects.find(self._tenant, DEFAULT_POLICY, DEFAULT_ID)
        if kept is None:
            kept = objects.add(self._tenant, DEFAULT_POLICY, DEFAULT, replicated=False)
        kept.update(self._object(operation["set"]))
        objects.save(kept)
        return DEFAULT_ID

    def _add_app_policy(self, operation: dict[str, Any]) -> str:
        applications = [self._kept(APPLICATION, client_id)["id"] for client_id in operation["applications"]]
        content = {
            "id": operation.get("id") or str(uuid.uuid4()),
            "deletedDateTime": None,
            "displayName": "App management policy",
            "description": "Restrictions of single applications.",
            "isEnabled": True,
            "restrictions": {"passwordCredentials": [], "keyCredentials": []},
            **self._object(operation["set"]),
            "_applies_to": applications,
        }
        return str(self.registry.objects.add(self._tenant, APP_POLICY, content, replicated=False)["id"])

    def _remove_app_policy(self, operation: dict[str, Any]) -> str:
        found = self.registry.objects.find(self._tenant, APP_POLICY, str(operation["id"]))
        if found is None:
            raise ChangeError(f"{self._where}: the tenant has no policy {operation['id']!r}.")
        self.registry.objects.remove(found)
        return str(found["id"])

    def _change_application_object(self, operation: dict[str, Any]) -> str:
        found = self._kept(APPLICATION, operation["client_id"])
        changes = {name: value for name, value in self._object(operation["set"]).items() if name not in ("id", "appId")}
        self.registry.change_application(found, changes)
        return str(found["id"])

    def _change_principal(self, operation: dict[str, Any]) -> str:
        found = self._kept(PRINCIPAL, operation["client_id"])
        found.update({name: value for name, value in self._object(operation["set"]).items() if name != "id"})
        self.registry.objects.save(found)
        return str(found["id"])

    def _delete_principal(self, operation: dict[str, Any]) -> str:
        found = self._kept(PRINCIPAL, operation["client_id"])
        self.registry.objects.remove(found)
        return str(found["id"])

    def _add_secret(self, operation: dict[str, Any]) -> str:
        """Add a secret whose text is known, as one that somebody else made."""
        found = self._kept(APPLICATION, operation["client_id"])
        text, key_id = str(operation["text"]), str(uuid.uuid4())
        found["passwordCredentials"].append(
            {
                "customKeyIdentifier": None,
                "displayName": operation.get("name"),
                "endDateTime": operation.get("end") or self.registry.clock.iso(2 * 365 * 86_400),
                "hint": text[:3],
                "keyId": key_id,
                "secretText": None,
                "startDateTime": operation.get("start") or self.registry.clock.iso(),
            }
        )
        found.setdefault("_secrets", {})[key_id] = {"text": text, "from": 0, "listed": None, "accepted": None}
        self.registry.objects.save(found)
        return key_id

    def _add_key(self, operation: dict[str, Any]) -> str:
        """Add a certificate in PEM form, or without one a symmetric key, as one that somebody else added."""
        found = self._kept(APPLICATION, operation["client_id"])
        row = self.registry.row(found)
        made = {"displayName": operation.get("name"), "keyId": str(uuid.uuid4())}
        if operation.get("certificate"):
            made = entry(content_of(str(operation["certificate"])), made)
        else:
            times = {"startDateTime": self.registry.clock.iso(), "endDateTime": self.registry.clock.iso(365 * 86_400)}
            made |= {"type": "Symmetric", "usage": "Verify", "key": "c2VjcmV0", "customKeyIdentifier": None, **times}
        kept = [*keys_of(found, row), made]
        self.registry.change_application(found, {"keyCredentials": kept})
        self.store.run(
            "UPDATE applications SET certificates = ? WHERE object_id = ?", (json.dumps(pem_of(kept)), found["id"])
        )
        return str(made["keyId"])

    def _set_service_plans(self, operation: dict[str, Any]) -> str:
        """Say which service plans the tenant's subscription has; AAD_PREMIUM is Entra ID P1."""
        objects = self.registry.objects
        kept = objects.find(self._tenant, SKU, SKU)
        if kept is None:
            kept = objects.add(self._tenant, SKU, {"id": SKU}, replicated=False)
        kept["plans"] = list(operation["plans"])
        objects.save(kept)
        return SKU
