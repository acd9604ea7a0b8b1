# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles of applications that users, groups and other applications were given; licenses; deleted objects."""

from __future__ import annotations

import base64
import uuid

from ..clock import read
from ..graph_error import bad_request, forbidden, not_found
from ..tokens import Access
from ..wire import Answer, Call
from .base import OWNED_BY, READ_APPLICATIONS, WRITE_APPLICATIONS, EntraPart, body_of
from .objects import Document, public
from .registry import APPLICATION, ASSIGNMENT, PRINCIPAL

DEFAULT_ROLE = "00000000-0000-0000-0000-000000000000"
DELETED_DAYS = 30
SKU = "subscribedSku"
# The service plans that let groups be assigned to applications.
PREMIUM = ("AAD_PREMIUM", "AAD_PREMIUM_P2")
_E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
READ_SKUS = (
    "LicenseAssignment.Read.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


class Assignments(EntraPart):
    """The handlers of appRoleAssignments, appRoleAssignedTo, /subscribedSkus and /directory/deletedItems."""

    def _assigned_to(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._assignment_list(call, access, names["id"], "resourceId")

    def _assignments(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._assignment_list(call, access, names["id"], "principalId")

    def _assignment_list(self, call: Call, access: Access, id_: str, side: str) -> Answer:
        self._require(access, *READ_APPLICATIONS, OWNED_BY)
        self._there(access.tenant, PRINCIPAL, id_)
        found = self._shown_list(access.tenant, ASSIGNMENT, **{side: id_})
        return self._list_documents(
            call,
            "appRoleAssignments",
            found,
            known=("id", "principalId", "resourceId", "appRoleId", "principalDisplayName"),
        )

    def _assigned_to_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._assign(call, access, names["id"], "resourceId")

    def _assignments_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._assign(call, access, names["id"], "principalId")

    def _assign(self, call: Call, access: Access, id_: str, side: str) -> Answer:
        self._may_assign(access)
        self._there(access.tenant, PRINCIPAL, id_)
        body = body_of(call)
        for name in ("principalId", "resourceId", "appRoleId"):
            try:
                uuid.UUID(str(body.get(name)))
            except ValueError:
                raise bad_request(f"Cannot convert a value to the type 'Edm.Guid' of property '{name}'.") from None
        if body[side] != id_:
            raise bad_request(f"The {side} of the body differs from the id of the address.")
        resource = self._there(access.tenant, PRINCIPAL, body["resourceId"])
        kind, name = self._principal_name(access.tenant, body["principalId"])
        roles = [role["id"] for role in resource["appRoles"] if role["isEnabled"]]
        if body["appRoleId"] != DEFAULT_ROLE and body["appRoleId"] not in roles:
            raise bad_request("Permission being assigned was not found on application '" + resource["appId"] + "'.")
        if kind == "Group" and not self._premium(access.tenant):
            raise bad_request(
                "Assigning a group to an application needs Microsoft Entra ID P1 or P2, which this tenant does not have."
            )
        wanted = {part: body[part] for part in ("principalId", "resourceId", "appRoleId")}
        if self.objects.all(access.tenant, ASSIGNMENT, **wanted):
            raise bad_request("Permission being assigned already exists on the object")
        content = {
            "id": base64.urlsafe_b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).rstrip(b"=").decode(),
            "deletedDateTime": None,
            "createdDateTime": self.clock.iso(),
            "principalDisplayName": name,
            "principalType": kind,
            "resourceDisplayName": resource["displayName"],
            **wanted,
        }
        made = self.objects.add(access.tenant, ASSIGNMENT, content, replicated=False)
        context = f"servicePrincipals('{id_}')/{'appRoleAssignedTo' if side == 'resourceId' else 'appRoleAssignments'}"
        return self._entity(call, context, public(made), 201)

    def _may_assign(self, access: Access) -> None:
        self._require(access, "AppRoleAssignment.ReadWrite.All")
        self._require(
            access, "Application.Read.All", *WRITE_APPLICATIONS, "Directory.Read.All", "Directory.ReadWrite.All"
        )

    def _principal_name(self, tenant: str, id_: str) -> tuple[str, str]:
        for table, kind in (("graph_users", "User"), ("graph_groups", "Group")):
            name = self.store.one(f"SELECT display_name FROM {table} WHERE tenant = ? AND id = ?", (tenant, id_))
            if name is not None:
                return kind, str(name["display_name"] or "")
        # A new one is not known everywhere yet.
        return "ServicePrincipal", str(self._there(tenant, PRINCIPAL, id_)["displayName"])

    def _assigned_to_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._may_assign(access)
        found = self.objects.find(access.tenant, ASSIGNMENT, names["assignment"])
        if found is None or names["id"] not in (found["resourceId"], found["principalId"]):
            raise not_found(names["assignment"])
        self.objects.remove(found)
        return Answer(204)

    _assignments_delete = _assigned_to_delete

    # ---- licenses

    def _subscribed_skus(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_SKUS)
        return self._list_documents(call, "subscribedSkus", self._skus(access.tenant))

    def _skus(self, tenant: str) -> list[Document]:
        kept = self.objects.find(tenant, SKU, SKU)
        plans = ["AAD_PREMIUM", "EXCHANGE_S_ENTERPRISE"] if kept is None else kept["plans"]
        return [sku(tenant, plans)]

    def _premium(self, tenant: str) -> bool:
        return any(plan["servicePlanName"] in PREMIUM for found in self._skus(tenant) for plan in found["servicePlans"])

    # ---- deleted objects

    def _deleted_items(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        kinds = {"microsoft.graph.application": APPLICATION, "microsoft.graph.serviceprincipal": PRINCIPAL}
        if not names["cast"].lower().startswith("microsoft.graph."):
            return self._deleted_item(call, access, {"id": names["cast"]})
        kind = kinds.get(names["cast"].lower())
        if kind is None:
            raise bad_request(
                f"The specified type '{names['cast']}' is not supported for this query.", "Request_UnsupportedQuery"
            )
        self._require(access, *READ_APPLICATIONS)
        found = self._deleted(access.tenant, kind)
        return self._list_documents(
            call, f"{kind}s", found, known=("id", "appId", "displayName", "deletedDateTime", "uniqueName", "tags")
        )

    def _deleted(self, tenant: str, kind: str) -> list[Document]:
        """Return the deleted objects of a kind that are still kept."""
        found = self.objects.all(tenant, f"deleted.{kind}")
        for document in found:
            if read(document["deletedDateTime"]) + DELETED_DAYS * 86_400 < self.clock.seconds():
                self.objects.remove(document)
        return self.objects.all(tenant, f"deleted.{kind}")

    def _find_deleted(self, access: Access, id_: str) -> Document:
        for kind in (APPLICATION, PRINCIPAL):
            for document in self._deleted(access.tenant, kind):
                if document["id"] == id_:
                    return document
        raise not_found(id_)

    def _deleted_item(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_APPLICATIONS)
        found = self._find_deleted(access, names["id"])
        kind = str(found["_kind"]).removeprefix("deleted.")
        return self._entity(call, "directoryObjects", {"@odata.type": f"#microsoft.graph.{kind}", **public(found)})

    def _deleted_item_restore(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        found = self._find_deleted(access, names["id"])
        if not access.may(*WRITE_APPLICATIONS) and not self._owns(access, found):
            raise forbidden()
        kind = str(found["_kind"]).removeprefix("deleted.")
        taken = found.get("uniqueName") and self.objects.all(access.tenant, kind, uniqueName=found["uniqueName"])
        if taken or self.objects.by_app_id(access.tenant, kind, found["appId"]):
            raise bad_request(
                "Another object with the same value for property uniqueName already exists.", "ObjectConflict"
            )
        row = found.pop("_row", None)
        found["deletedDateTime"] = None
        self.objects.move(found, kind)
        if row is not None:
            columns = ", ".join(row)
            self.store.run(
                f"INSERT INTO applications ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values())
            )
        for principal in self._deleted(access.tenant, PRINCIPAL):
            if kind == APPLICATION and principal["appId"] == found["appId"]:
                principal["deletedDateTime"] = None
                self.objects.move(principal, PRINCIPAL)
        return self._entity(call, "directoryObjects", {"@odata.type": f"#microsoft.graph.{kind}", **public(found)})

    def _deleted_item_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        found = self._find_deleted(access, names["id"])
        self.objects.remove(found)
        if found["_kind"] == f"deleted.{APPLICATION}":
            for principal in self._deleted(access.tenant, PRINCIPAL):
                if principal["appId"] == found["appId"]:
                    self.objects.remove(principal)
        return Answer(204)


def sku(tenant: str, plans: list[str]) -> Document:
    """Return a subscription with service plans of these names."""
    return {
        "accountId": tenant,
        "accountName": None,
        "appliesTo": "User",
        "capabilityStatus": "Enabled",
        "consumedUnits": 0,
        "id": f"{tenant}_{_E3}",
        "skuId": _E3,
        "skuPartNumber": "SPE_E3",
        "subscriptionIds": [],
        "prepaidUnits": {"enabled": 1000, "lockedOut": 0, "suspended": 0, "warning": 0},
        "servicePlans": [
            {
                "servicePlanId": str(uuid.uuid5(uuid.UUID(_E3), plan)),
                "servicePlanName": plan,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            }
            for plan in plans
        ],
    }
