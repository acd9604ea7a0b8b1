# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of endpoints that the twin serves, each with its letter in the wire contract.

D: documented by the vendor. C: seen in a public client. S: a public standard. A: assumed.
The profile ``documented`` serves D, C and S, and answers 404 to A; the profile ``full`` serves all of them.
A path in braces is one segment. The letter is that of the endpoint, not of the shape of its answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROFILES = ("documented", "full")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: an id, the surface, the method, the path relative to the surface's root, and the letter."""

    id: str
    surface: str
    method: str
    path: str
    letter: str
    writes: bool

    @property
    def documented_slash(self) -> bool:
        """Whether the contract writes this path with a slash at the end."""
        return self.path.endswith("/")


def _rows(surface: str, *rows: tuple[str, str, str, str, bool]) -> list[Endpoint]:
    return [Endpoint(id_, surface, method, path, letter, writes) for id_, method, path, letter, writes in rows]


_APPLICATION = "/applications/{id}"
_FEDERATED = f"{_APPLICATION}/federatedIdentityCredentials"
_PRINCIPAL = "/servicePrincipals/{id}"
_JOBS = f"{_PRINCIPAL}/synchronization/jobs"
_POLICIES = "/policies/appManagementPolicies"
# Applications, consent and policies. Where a path has an id, (appId='…') in parentheses does as well.
_ENTRA: tuple[tuple[str, str, str, str, bool], ...] = (
    ("graph_applications", "GET", "/applications", "S", False),
    ("graph_application_create", "POST", "/applications", "S", True),
    ("graph_application_by_unique_name", "GET", "/applications(uniqueName='{unique_name}')", "S", False),
    ("graph_application_upsert", "PATCH", "/applications(uniqueName='{unique_name}')", "S", True),
    ("graph_application", "GET", _APPLICATION, "S", False),
    ("graph_application_change", "PATCH", _APPLICATION, "S", True),
    ("graph_application_delete", "DELETE", _APPLICATION, "S", True),
    ("graph_application_owners", "GET", f"{_APPLICATION}/owners", "S", False),
    ("graph_application_owner_add", "POST", f"{_APPLICATION}/owners/$ref", "S", True),
    ("graph_application_owner_remove", "DELETE", f"{_APPLICATION}/owners/{{owner}}/$ref", "S", True),
    ("graph_application_add_password", "POST", f"{_APPLICATION}/addPassword", "S", True),
    ("graph_application_remove_password", "POST", f"{_APPLICATION}/removePassword", "S", True),
    ("graph_federated_credentials", "GET", _FEDERATED, "S", False),
    ("graph_federated_credential_create", "POST", _FEDERATED, "S", True),
    ("graph_federated_credential_upsert", "PATCH", f"{_FEDERATED}(name='{{name}}')", "S", True),
    ("graph_federated_credential_delete", "DELETE", f"{_FEDERATED}/{{credential}}", "S", True),
    ("graph_service_principals", "GET", "/servicePrincipals", "S", False),
    ("graph_service_principal_create", "POST", "/servicePrincipals", "S", True),
    ("graph_service_principal", "GET", _PRINCIPAL, "S", False),
    ("graph_service_principal_change", "PATCH", _PRINCIPAL, "S", True),
    ("graph_service_principal_delete", "DELETE", _PRINCIPAL, "S", True),
    ("graph_service_principal_owners", "GET", f"{_PRINCIPAL}/owners", "S", False),
    ("graph_service_principal_add_password", "POST", f"{_PRINCIPAL}/addPassword", "S", True),
    ("graph_owned_objects", "GET", f"{_PRINCIPAL}/ownedObjects", "S", False),
    ("graph_owned_objects_cast", "GET", f"{_PRINCIPAL}/ownedObjects/{{cast}}", "S", False),
    ("graph_principal_grants", "GET", f"{_PRINCIPAL}/oauth2PermissionGrants", "S", False),
    ("graph_grants", "GET", "/oauth2PermissionGrants", "S", False),
    ("graph_grant_create", "POST", "/oauth2PermissionGrants", "S", True),
    ("graph_grant", "GET", "/oauth2PermissionGrants/{id}", "S", False),
    ("graph_grant_change", "PATCH", "/oauth2PermissionGrants/{id}", "S", True),
    ("graph_grant_delete", "DELETE", "/oauth2PermissionGrants/{id}", "S", True),
    ("graph_assigned_to", "GET", f"{_PRINCIPAL}/appRoleAssignedTo", "S", False),
    ("graph_assigned_to_create", "POST", f"{_PRINCIPAL}/appRoleAssignedTo", "S", True),
    ("graph_assigned_to_delete", "DELETE", f"{_PRINCIPAL}/appRoleAssignedTo/{{assignment}}", "S", True),
    ("graph_assignments", "GET", f"{_PRINCIPAL}/appRoleAssignments", "S", False),
    ("graph_assignments_create", "POST", f"{_PRINCIPAL}/appRoleAssignments", "S", True),
    ("graph_assignments_delete", "DELETE", f"{_PRINCIPAL}/appRoleAssignments/{{assignment}}", "S", True),
    ("graph_subscribed_skus", "GET", "/subscribedSkus", "S", False),
    ("graph_deleted_items", "GET", "/directory/deletedItems/{cast}", "S", False),
    ("graph_deleted_item_restore", "POST", "/directory/deletedItems/{id}/restore", "S", True),
    ("graph_deleted_item_delete", "DELETE", "/directory/deletedItems/{id}", "S", True),
    ("graph_default_app_policy", "GET", "/policies/defaultAppManagementPolicy", "S", False),
    ("graph_app_policies", "GET", _POLICIES, "S", False),
    ("graph_app_policy", "GET", f"{_POLICIES}/{{id}}", "S", False),
    ("graph_app_policy_applies_to", "GET", f"{_POLICIES}/{{id}}/appliesTo", "S", False),
    ("graph_application_templates", "GET", "/applicationTemplates", "S", False),
    ("graph_application_template", "GET", "/applicationTemplates/{id}", "S", False),
    ("graph_instantiate", "POST", "/applicationTemplates/{id}/instantiate", "S", True),
    ("graph_sync_templates", "GET", f"{_PRINCIPAL}/synchronization/templates", "S", False),
    ("graph_sync_secrets", "GET", f"{_PRINCIPAL}/synchronization/secrets", "S", False),
    ("graph_sync_secrets_put", "PUT", f"{_PRINCIPAL}/synchronization/secrets", "S", True),
    ("graph_sync_jobs", "GET", _JOBS, "S", False),
    ("graph_sync_job_create", "POST", _JOBS, "S", True),
    ("graph_sync_job", "GET", f"{_JOBS}/{{job}}", "S", False),
    ("graph_sync_job_delete", "DELETE", f"{_JOBS}/{{job}}", "S", True),
    ("graph_sync_job_schema", "GET", f"{_JOBS}/{{job}}/schema", "S", False),
    ("graph_sync_validate", "POST", f"{_JOBS}/{{job}}/validateCredentials", "S", False),
    ("graph_sync_start", "POST", f"{_JOBS}/{{job}}/start", "S", True),
    ("graph_sync_pause", "POST", f"{_JOBS}/{{job}}/pause", "S", True),
    ("graph_sync_restart", "POST", f"{_JOBS}/{{job}}/restart", "S", True),
    ("graph_sync_on_demand", "POST", f"{_JOBS}/{{job}}/provisionOnDemand", "S", True),
    ("graph_provisioning_logs", "GET", "/auditLogs/provisioning", "S", False),
)

ENDPOINTS: list[Endpoint] = [
    *_rows(
        "provisioning",
        # Fixed words come before names in braces, so that a name never hides one of them.
        ("environment_list", "GET", "/Environment/", "D", False),
        ("environment_create", "POST", "/Environment/", "D", True),
        ("environment_validate", "POST", "/Environment/Validate/", "D", False),
        ("environment_create_empty", "POST", "/Environment/{environment}/", "D", True),
        ("environment_activate", "PUT", "/Environment/{environment}/Activate/", "D", True),
        ("environment_deactivate", "PUT", "/Environment/{environment}/Deactivate/", "D", True),
        ("environment_delete", "DELETE", "/Environment/{environment}/", "D", True),
        ("user_create", "POST", "/{environment}/User/", "D", True),
        ("user_validate", "POST", "/{environment}/User/Validate/", "D", False),
        ("user_list", "GET", "/{environment}/User/", "A", False),
        ("user_get", "GET", "/{environment}/User/{id}/", "A", False),
        ("user_update", "PUT", "/{environment}/User/{id}/", "A", True),
        ("user_delete", "DELETE", "/{environment}/User/{id}/", "A", True),
        ("group_list", "GET", "/{environment}/Group/", "A", False),
        ("group_create", "POST", "/{environment}/Group/", "A", True),
        ("group_get", "GET", "/{environment}/Group/{id}/", "A", False),
        ("group_update", "PUT", "/{environment}/Group/{id}/", "A", True),
        ("group_delete", "DELETE", "/{environment}/Group/{id}/", "A", True),
        ("sso_set", "PUT", "/{environment}/SingleSignOnSettings/OAuth2", "C", True),
        ("sso_get", "GET", "/{environment}/SingleSignOnSettings/OAuth2", "A", False),
        ("exchange_set", "PUT", "/{environment}/ExchangeSettings", "C", True),
        ("exchange_get", "GET", "/{environment}/ExchangeSettings", "A", False),
        ("sharepoint_set", "PUT", "/{environment}/SharePointSettings/", "C", True),
        ("sharepoint_get", "GET", "/{environment}/SharePointSettings/", "A", False),
        ("licenses_get", "GET", "/{environment}/UserLicenses/", "D", False),
        ("licenses_set", "PUT", "/{environment}/UserLicenses/Count/", "D", True),
    ),
    *_rows(
        "scim",
        ("scim_service_provider_config", "GET", "/ServiceProviderConfig", "S", False),
        ("scim_schemas", "GET", "/Schemas", "S", False),
        ("scim_schema", "GET", "/Schemas/{id}", "S", False),
        ("scim_resource_types", "GET", "/ResourceTypes", "S", False),
        ("scim_resource_type", "GET", "/ResourceTypes/{id}", "S", False),
        ("scim_bulk", "POST", "/Bulk", "S", True),
        ("scim_search", "POST", "/.search", "S", False),
        ("scim_user_search", "POST", "/Users/.search", "S", False),
        ("scim_group_search", "POST", "/Groups/.search", "S", False),
        ("scim_user_list", "GET", "/Users", "S", False),
        ("scim_user_create", "POST", "/Users", "S", True),
        ("scim_user_get", "GET", "/Users/{id}", "S", False),
        ("scim_user_replace", "PUT", "/Users/{id}", "S", True),
        ("scim_user_patch", "PATCH", "/Users/{id}", "S", True),
        ("scim_user_delete", "DELETE", "/Users/{id}", "S", True),
        ("scim_group_list", "GET", "/Groups", "S", False),
        ("scim_group_create", "POST", "/Groups", "S", True),
        ("scim_group_get", "GET", "/Groups/{id}", "S", False),
        ("scim_group_replace", "PUT", "/Groups/{id}", "S", True),
        ("scim_group_patch", "PATCH", "/Groups/{id}", "S", True),
        ("scim_group_delete", "DELETE", "/Groups/{id}", "S", True),
    ),
    *_rows("portal", ("portal_sign_in", "GET", "/{environment}/SignIn", "A", False)),
    *_rows(
        "entra",
        ("entra_discovery", "GET", "/{tenant}/v2.0/.well-known/openid-configuration", "S", False),
        ("entra_keys", "GET", "/{tenant}/discovery/v2.0/keys", "S", False),
        ("entra_token", "POST", "/{tenant}/oauth2/v2.0/token", "S", False),
        ("managed_identity_vm", "GET", "/metadata/identity/oauth2/token", "S", False),
        ("managed_identity_app_service", "GET", "/msi/token", "S", False),
    ),
    *_rows(
        "graph",
        ("graph_batch", "POST", "/$batch", "S", False),
        ("graph_users", "GET", "/users", "S", False),
        ("graph_users_count", "GET", "/users/$count", "S", False),
        ("graph_users_delta", "GET", "/users/delta", "S", False),
        ("graph_user", "GET", "/users/{id}", "S", False),
        ("graph_groups", "GET", "/groups", "S", False),
        ("graph_groups_count", "GET", "/groups/$count", "S", False),
        ("graph_groups_delta", "GET", "/groups/delta", "S", False),
        ("graph_group", "GET", "/groups/{id}", "S", False),
        ("graph_members", "GET", "/groups/{id}/members", "S", False),
        ("graph_members_count", "GET", "/groups/{id}/members/$count", "S", False),
        ("graph_members_cast", "GET", "/groups/{id}/members/{cast}", "S", False),
        ("graph_transitive_members", "GET", "/groups/{id}/transitiveMembers", "S", False),
        ("graph_transitive_members_cast", "GET", "/groups/{id}/transitiveMembers/{cast}", "S", False),
        ("graph_owners", "GET", "/groups/{id}/owners", "S", False),
        ("graph_organization", "GET", "/organization", "S", False),
        ("graph_organization_one", "GET", "/organization/{id}", "S", False),
        ("graph_domains", "GET", "/domains", "S", False),
        ("graph_domain", "GET", "/domains/{id}", "S", False),
        ("graph_directory_roles", "GET", "/directoryRoles", "S", False),
        *_ENTRA,
        ("graph_directory_role_members", "GET", "/{directory_role}/members", "S", False),
        ("graph_directory_role_members_by_id", "GET", "/directoryRoles/{directory_role}/members", "S", False),
        ("graph_directory_role_members_cast", "GET", "/{directory_role}/members/{cast}", "S", False),
        (
            "graph_directory_role_members_by_id_cast",
            "GET",
            "/directoryRoles/{directory_role}/members/{cast}",
            "S",
            False,
        ),
    ),
]

BY_ID = {endpoint.id: endpoint for endpoint in ENDPOINTS}


class Router:
    """Finds the endpoint of one surface for a method and a path relative to the surface's root."""

    def __init__(self, surface: str, *, ignore_case: bool) -> None:
        self._flags = re.IGNORECASE if ignore_case else 0
        self._rows: list[tuple[re.Pattern[str], Endpoint]] = []
        for endpoint in ENDPOINTS:
            if endpoint.surface == surface:
                self._rows.append((self._compile(endpoint.path), endpoint))
        self._by_length: dict[int, list[tuple[re.Pattern[str], Endpoint]]] = {}
        for pattern, endpoint in self._rows:
            self._by_length.setdefault(endpoint.path.rstrip("/").count("/"), []).append((pattern, endpoint))

    def _compile(self, path: str) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)\}", path.rstrip("/"))
        pattern = "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
        return re.compile(pattern + "/?", self._flags)

    def find(self, method: str, path: str) -> tuple[Endpoint | None, dict[str, str], list[str]]:
        """Return the endpoint and the path's names, or None with the methods that this path does have."""
        others: list[str] = []
        for pattern, endpoint in self._by_length.get(path.rstrip("/").count("/"), ()):
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if endpoint.method == method:
                return endpoint, match.groupdict(), []
            others.append(endpoint.method)
        return None, {}, others

    def endpoints(self, path: str) -> list[Endpoint]:
        """Return every endpoint of a path, whatever its method."""
        rows = self._by_length.get(path.rstrip("/").count("/"), ())
        return [endpoint for pattern, endpoint in rows if pattern.fullmatch(path)]


def served(endpoint: Endpoint, profile: str) -> bool:
    """Whether a profile answers this endpoint at all."""
    return profile == "full" or endpoint.letter != "A"
