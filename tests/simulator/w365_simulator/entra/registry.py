# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications of a tenant as one whole: those of the seed, those that Graph made, and Microsoft's own.

The table ``applications`` is what the token endpoint and a seed know; its rows get their documents here, so that a
seeded application can be read and changed through Graph like any other.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from ..clock import Clock
from ..seeding import made_id
from ..store import Store
from ..switches import Switches
from . import documents
from .objects import Document, Objects
from .resources import GRAPH, PRESENT, principal_properties

APPLICATION, PRINCIPAL, GRANT, ASSIGNMENT = "application", "servicePrincipal", "grant", "appRoleAssignment"
FEDERATED = "federatedIdentityCredential"
SEEDED = "2024-01-01T00:00:00Z"
# Vendors' older scripts made secrets of ninety-nine years; a seed's secret does not expire by itself either.
SEEDED_END = "2123-01-01T00:00:00Z"
# What people have consented to in a seeded application, unless its seed says otherwise.
SEEDED_SCOPES = "openid User.Read"


class Registry:
    """Finds applications and principals, and gives seeded ones their documents."""

    def __init__(self, store: Store, switches: Switches, clock: Clock) -> None:
        self.store = store
        self.switches = switches
        self.clock = clock
        self.objects = Objects(store, switches, clock)

    # ---- seeded applications

    def settle(self, tenant: str) -> None:
        """Give every seeded application its documents, and the tenant Microsoft's own principals."""
        if self.objects.by_app_id(tenant, PRINCIPAL, GRAPH) is None:
            for app_id in PRESENT:
                self.add_resource(tenant, app_id)
        for row in self.store.all(
            "SELECT * FROM applications WHERE tenant = ? AND object_id IS NULL ORDER BY position", (tenant,)
        ):
            self._settle(tenant, row)

    def _settle(self, tenant: str, row: Any) -> None:
        more: dict[str, Any] = json.loads(row["entra"] or "{}")
        application = documents.application(row["client_id"], created=SEEDED, domain=self.domain(tenant))
        application |= {
            "id": made_id(tenant, APPLICATION, row["client_id"]),
            "displayName": row["display_name"] or row["client_id"],
            "signInAudience": more.get("audience", "AzureADMyOrg"),
            "tags": more.get("tags", []),
            "uniqueName": more.get("unique_name"),
            "createdDateTime": more.get("created", SEEDED),
        }
        application["web"]["redirectUris"] = more.get("redirect_uris", [])
        kept = self.objects.add(tenant, APPLICATION, application, replicated=False)
        principal = self.add_principal(tenant, kept, id_=made_id(tenant, PRINCIPAL, row["client_id"]), replicated=False)
        self.store.run("UPDATE applications SET object_id = ? WHERE position = ?", (kept["id"], row["position"]))
        graph = self.objects.by_app_id(tenant, PRINCIPAL, GRAPH)
        if row["admin_consent"] and graph is not None:
            grant = {
                "id": made_id(tenant, GRANT, row["client_id"]),
                "clientId": principal["id"],
                "consentType": "AllPrincipals",
                "principalId": None,
                "resourceId": graph["id"],
                "scope": more.get("scopes", SEEDED_SCOPES),
            }
            self.objects.add(tenant, GRANT, grant, replicated=False)

    def add_resource(self, tenant: str, app_id: str) -> Document:
        """Create the service principal of one of Microsoft's applications."""
        properties = principal_properties(app_id)
        base = documents.application(app_id, created=SEEDED, domain=None)
        content = {**documents.service_principal({**base, "displayName": ""}, tenant), **properties}
        content["id"] = made_id(tenant, PRINCIPAL, app_id)
        return self.objects.add(tenant, PRINCIPAL, content, replicated=False)

    # ---- applications and principals

    def add_application(self, tenant: str, content: Document) -> Document:
        """Create an application, and let the token endpoint know it."""
        application = documents.application(str(uuid.uuid4()), created=self.clock.iso(), domain=self.domain(tenant))
        kept = self.objects.add(tenant, APPLICATION, {**application, **content})
        self.store.run(
            "INSERT INTO applications (tenant, client_id, display_name, client_secret, secret_expired, certificates,"
            " federated_subjects, permissions, admin_consent, object_id) VALUES (?, ?, ?, NULL, 0, '[]', '[]', '[]', 1, ?)",
            (tenant, kept["appId"], kept["displayName"], kept["id"]),
        )
        return kept

    def add_principal(
        self, tenant: str, application: Document, *, id_: str | None = None, replicated: bool = True
    ) -> Document:
        """Create the service principal of an application of this tenant."""
        content = documents.service_principal(application, application.get("_tenant", tenant))
        content |= {"id": id_ or str(uuid.uuid4()), "_application_tags": list(application["tags"])}
        return self.objects.add(tenant, PRINCIPAL, content, replicated=replicated)

    def change_application(self, application: Document, changes: Document) -> None:
        """Change an application, and with it what its service principal shows of it."""
        self.objects.change(application, changes)
        self.store.run(
            "UPDATE applications SET display_name = ? WHERE object_id = ?",
            (application["displayName"], application["id"]),
        )
        principal = self.objects.by_app_id(application["_tenant"], PRINCIPAL, application["appId"])
        if principal is not None:
            self.objects.change(principal, documents.followed(application, principal))

    def application(self, tenant: str, client_id: str) -> Document | None:
        """Return an application by its client id, settled."""
        self.settle(tenant)
        return self.objects.by_app_id(tenant, APPLICATION, client_id)

    def principal(self, tenant: str, client_id: str) -> Document | None:
        """Return a service principal by its client id, settled."""
        self.settle(tenant)
        return self.objects.by_app_id(tenant, PRINCIPAL, client_id)

    def foreign_application(self, client_id: str) -> Document | None:
        """Return an application of any tenant that other tenants may use."""
        for row in self.store.all("SELECT id FROM tenants ORDER BY position"):
            found = self.application(row["id"], client_id)
            if found is not None and found["signInAudience"] != "AzureADMyOrg":
                return found
        return None

    def row(self, application: Document) -> Any:
        """Return what the seed and the token endpoint know of an application."""
        return self.store.one("SELECT * FROM applications WHERE object_id = ?", (application["id"],))

    def permissions(self, tenant: str, row: Any) -> list[str] | None:
        """Return the roles of a token: those of the seed and those assigned; None stands for all."""
        if row["permissions"] is None:
            return None
        found: list[str] = json.loads(row["permissions"])
        principal = self.principal(tenant, row["client_id"])
        graph = self.objects.by_app_id(tenant, PRINCIPAL, GRAPH)
        if principal is None or graph is None:
            return found
        names = {role["id"]: role["value"] for role in graph["appRoles"]}
        assigned = self.objects.all(tenant, ASSIGNMENT, principalId=principal["id"], resourceId=graph["id"])
        return found + [names[item["appRoleId"]] for item in assigned if item["appRoleId"] in names]

    def domain(self, tenant: str) -> str | None:
        """Return the domain that a tenant had first."""
        found = self.store.value(
            "SELECT name FROM domains WHERE tenant = ? ORDER BY is_initial DESC, is_default DESC, name LIMIT 1",
            (tenant,),
        )
        return None if found is None else str(found)
