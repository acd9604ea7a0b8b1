# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The applications of Microsoft itself that others ask permissions of, with their scopes and roles.

Which of them a tenant has a service principal of differs: ``PRESENT`` are there from the start, the others once somebody
creates it by its app id. Ids of scopes and roles are made up on purpose: a client has to look them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..seeding import made_id

GRAPH = "00000003-0000-0000-c000-000000000000"
POWER_BI = "00000009-0000-0000-c000-000000000000"
VIRTUAL_DESKTOP = "5a0aa725-4958-4b0c-80a9-34562e23f3b7"
SHAREPOINT = "00000003-0000-0ff1-ce00-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
MICROSOFT_TENANT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"


@dataclass(frozen=True, slots=True)
class Resource:
    """An application of Microsoft: its name, delegated scopes and application roles."""

    name: str
    scopes: tuple[str, ...]
    roles: tuple[str, ...] = ()


_BOTH = (
    "Application.Read.All", "Application.ReadWrite.All", "AuditLog.Read.All", "Calendars.Read", "Calendars.ReadWrite",
    "Contacts.Read", "Contacts.ReadWrite", "DelegatedPermissionGrant.ReadWrite.All", "Directory.Read.All",
    "Directory.ReadWrite.All", "Domain.Read.All", "Files.Read.All", "Files.ReadWrite.All", "Group.Read.All",
    "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Mail.Read", "Mail.ReadWrite",
    "Mail.Send", "Organization.Read.All", "Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration",
    "RoleManagement.Read.Directory", "Sites.FullControl.All", "Sites.Read.All", "Sites.ReadWrite.All",
    "Synchronization.Read.All", "Synchronization.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "User.Read.All",
    "User.ReadWrite.All",
)  # fmt: skip
_DELEGATED = (
    "Calendars.ReadWrite.Shared", "Contacts.ReadWrite.Shared", "Files.ReadWrite", "Mail.ReadWrite.Shared",
    "Mail.Send.Shared", "People.Read", "Tasks.ReadWrite", "Tasks.ReadWrite.Shared", "User.Read", "User.ReadBasic.All",
    "Presence.Read", "email", "offline_access", "openid", "profile",
)  # fmt: skip
_APPLICATION = ("Application.ReadWrite.OwnedBy", "Member.Read.Hidden")
RESOURCES: dict[str, Resource] = {
    GRAPH: Resource("Microsoft Graph", (*_BOTH, *_DELEGATED), (*_BOTH, *_APPLICATION)),
    POWER_BI: Resource(
        "Power BI Service",
        (
            "Dashboard.Read.All", "Dashboard.ReadWrite.All", "Dataset.Read.All", "Dataset.ReadWrite.All",
            "Group.Read.All", "Report.Read.All", "Report.ReadWrite.All", "Workspace.Read.All",
        ),
        ("Tenant.Read.All",),
    ),
    VIRTUAL_DESKTOP: Resource("Windows Virtual Desktop Client", ("user_impersonation",)),
    SHAREPOINT: Resource(
        "Office 365 SharePoint Online",
        ("AllSites.FullControl", "AllSites.Read", "MyFiles.Read"),
        ("Sites.FullControl.All", "Sites.Read.All"),
    ),
    EXCHANGE: Resource("Office 365 Exchange Online", ("EWS.AccessAsUser.All",), ("full_access_as_app",)),
}  # fmt: skip
PRESENT = (GRAPH, SHAREPOINT, EXCHANGE)


def scope(resource: str, value: str) -> dict[str, Any]:
    """Return a delegated permission as the resource's service principal shows it."""
    return {
        "adminConsentDescription": f"Allows the app {value}.",
        "adminConsentDisplayName": value,
        "id": made_id(resource, "scope", value),
        "isEnabled": True,
        "type": "User" if value in ("User.Read", "openid", "profile", "email", "offline_access") else "Admin",
        "userConsentDescription": None,
        "userConsentDisplayName": None,
        "value": value,
    }


def role(resource: str, value: str) -> dict[str, Any]:
    """Return an application permission as the resource's service principal shows it."""
    return {
        "allowedMemberTypes": ["Application"],
        "description": f"Allows the app {value}.",
        "displayName": value,
        "id": made_id(resource, "role", value),
        "isEnabled": True,
        "origin": "Application",
        "value": value,
    }


def principal_properties(app_id: str) -> dict[str, Any]:
    """Return what is particular about the service principal of one of these applications."""
    resource = RESOURCES[app_id]
    return {
        "appId": app_id,
        "appDisplayName": resource.name,
        "displayName": resource.name,
        "appOwnerOrganizationId": MICROSOFT_TENANT,
        "signInAudience": "AzureADMultipleOrgs",
        "servicePrincipalNames": [app_id],
        "appRoles": [role(app_id, value) for value in resource.roles],
        "oauth2PermissionScopes": [scope(app_id, value) for value in resource.scopes],
    }
