# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of endpoints, with the evidence for each.

Letters: D documented by the vendor, C seen in a public client of the API, S a public standard or Microsoft's own
documentation, A assumed. `letter` is about method and path, `payload` about the bodies.
The published table in the docs is generated from this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import InputError

LETTERS = {
    "D": "documented by the vendor",
    "C": "seen in a public client of the API",
    "S": "a public standard or Microsoft's own documentation",
    "A": "assumed, confirmed by nobody outside the vendor",
}


class Endpoint(NamedTuple):
    """One call of one remote system.

    `path` is relative to the root of its service and may contain `{environment}` and `{id}`, and `{inner}` for the id of
    an object inside that one.
    `repeatable` says that sending the call twice has the same effect as sending it once, so that it is sent again
    when its answer is lost. `writes` is false for calls that change nothing, whatever their method.
    """

    id: str
    service: str
    method: str
    path: str
    letter: str
    payload: str
    purpose: str
    repeatable: bool = True
    writes: bool = False

    @property
    def assumed(self) -> bool:
        return self.letter == "A"


def _read(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "GET", path, letter, payload, purpose)


def _ask(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "POST", path, letter, payload, purpose)


def _create(id: str, service: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, "POST", path, letter, payload, purpose, repeatable=False, writes=True)


def _write(id: str, service: str, method: str, path: str, letter: str, payload: str, purpose: str) -> Endpoint:
    return Endpoint(id, service, method, path, letter, payload, purpose, writes=True)


_PROVISIONING = "provisioning"

_SCIM = "scim"

_GRAPH = "graph"

_NAMED = "/applications(uniqueName='{id}')"

_DELETED = "/directory/deletedItems/"

_GRANTS = "/oauth2PermissionGrants"

_POLICIES = "/policies/appManagementPolicies"

_PRINCIPAL = "/servicePrincipals/{id}"

_SYNC = f"{_PRINCIPAL}/synchronization"

_JOB = f"{_SYNC}/jobs/{{inner}}"

_ASSIGNED = f"{_PRINCIPAL}/appRoleAssignedTo"

_TABLE = (
    # Provisioning API: environments
    _read("environment.list", _PROVISIONING, "/Environment/", "D", "A", "list the environments of the instance"),
    _create(
        "environment.create",
        _PROVISIONING,
        "/Environment/",
        "D",
        "D",
        "create an environment and its first administrator with a password",
    ),
    _create(
        "environment.create_v2",
        _PROVISIONING,
        "/Environment/?version=2.0",
        "D",
        "D",
        "create an environment whose first administrator gets a temporary password",
    ),
    _create(
        "environment.create_empty",
        _PROVISIONING,
        "/Environment/{environment}/",
        "D",
        "A",
        "create an environment without users",
    ),
    _ask(
        "environment.validate",
        _PROVISIONING,
        "/Environment/Validate/",
        "D",
        "A",
        "ask whether an environment could be created",
    ),
    _write(
        "environment.activate",
        _PROVISIONING,
        "PUT",
        "/Environment/{environment}/Activate/",
        "D",
        "A",
        "activate an environment",
    ),
    _write(
        "environment.deactivate",
        _PROVISIONING,
        "PUT",
        "/Environment/{environment}/Deactivate/",
        "D",
        "A",
        "deactivate an environment",
    ),
    _write(
        "environment.delete", _PROVISIONING, "DELETE", "/Environment/{environment}/", "D", "D", "delete an environment"
    ),
    # Provisioning API: users
    _create("user.create", _PROVISIONING, "/{environment}/User/", "D", "D", "create a user"),
    _ask(
        "user.validate", _PROVISIONING, "/{environment}/User/Validate/", "D", "D", "ask whether a user could be created"
    ),
    _read("user.list", _PROVISIONING, "/{environment}/User/", "A", "A", "list the users of an environment"),
    _read("user.get", _PROVISIONING, "/{environment}/User/{id}/", "A", "A", "read one user"),
    _write("user.update", _PROVISIONING, "PUT", "/{environment}/User/{id}/", "A", "A", "change a user"),
    _write(
        "user.delete",
        _PROVISIONING,
        "DELETE",
        "/{environment}/User/{id}/",
        "A",
        "A",
        "put a user on the deleted-users list",
    ),
    # Provisioning API: groups
    _read("group.list", _PROVISIONING, "/{environment}/Group/", "A", "A", "list the groups of an environment"),
    _read("group.get", _PROVISIONING, "/{environment}/Group/{id}/", "A", "A", "read one group"),
    _create("group.create", _PROVISIONING, "/{environment}/Group/", "A", "A", "create a group"),
    _write("group.update", _PROVISIONING, "PUT", "/{environment}/Group/{id}/", "A", "A", "change a group"),
    _write("group.delete", _PROVISIONING, "DELETE", "/{environment}/Group/{id}/", "A", "A", "delete a group"),
    # Provisioning API: settings
    _write(
        "sso.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/SingleSignOnSettings/OAuth2",
        "C",
        "D",
        "set the single sign-on of an environment",
    ),
    _read(
        "sso.read",
        _PROVISIONING,
        "/{environment}/SingleSignOnSettings/OAuth2",
        "A",
        "A",
        "read the single sign-on of an environment",
    ),
    _write(
        "exchange.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/ExchangeSettings",
        "C",
        "C",
        "set the Exchange settings of an environment",
    ),
    _read(
        "exchange.read",
        _PROVISIONING,
        "/{environment}/ExchangeSettings",
        "A",
        "A",
        "read the Exchange settings of an environment",
    ),
    _write(
        "sharepoint.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/SharePointSettings/",
        "C",
        "C",
        "set the SharePoint settings of an environment",
    ),
    _read(
        "sharepoint.read",
        _PROVISIONING,
        "/{environment}/SharePointSettings/",
        "A",
        "A",
        "read the SharePoint settings of an environment",
    ),
    # SCIM 2.0
    _read("scim.config", _SCIM, "/ServiceProviderConfig", "S", "S", "read what the SCIM service can do"),
    _read("scim.schemas", _SCIM, "/Schemas", "S", "S", "read which attributes the SCIM service keeps"),
    _read("scim.user.list", _SCIM, "/Users", "S", "S", "list or look up users"),
    _read("scim.user.get", _SCIM, "/Users/{id}", "S", "S", "read one user"),
    _create("scim.user.create", _SCIM, "/Users", "S", "S", "create a user"),
    _write(
        "scim.user.patch",
        _SCIM,
        "PATCH",
        "/Users/{id}",
        "S",
        "S",
        "change a user, put it on the deleted-users list or restore it",
    ),
    _write("scim.user.delete", _SCIM, "DELETE", "/Users/{id}", "S", "S", "permanently delete a user"),
    _read("scim.group.list", _SCIM, "/Groups", "S", "S", "list or look up groups"),
    _read("scim.group.get", _SCIM, "/Groups/{id}", "S", "S", "read one group"),
    _create("scim.group.create", _SCIM, "/Groups", "S", "S", "create a group"),
    _write("scim.group.patch", _SCIM, "PATCH", "/Groups/{id}", "S", "S", "change a group or its members"),
    _write("scim.group.delete", _SCIM, "DELETE", "/Groups/{id}", "S", "S", "delete a group"),
    _create("scim.bulk", _SCIM, "/Bulk", "S", "S", "make many changes in one request, where the service offers it"),
    # Microsoft Graph
    _read("graph.users", _GRAPH, "/users", "S", "S", "list the users of the Microsoft tenant"),
    _read("graph.groups", _GRAPH, "/groups", "S", "S", "list or look up groups of the Microsoft tenant"),
    _read("graph.group", _GRAPH, "/groups/{id}", "S", "S", "read one group"),
    _read(
        "graph.group.users",
        _GRAPH,
        "/groups/{id}/members/microsoft.graph.user",
        "S",
        "S",
        "list the users that are direct members of a group",
    ),
    _read(
        "graph.group.groups",
        _GRAPH,
        "/groups/{id}/members/microsoft.graph.group",
        "S",
        "S",
        "list the groups nested in a group",
    ),
    _read(
        "graph.group.members",
        _GRAPH,
        "/groups/{id}/members",
        "S",
        "S",
        "list the direct members of a group, of every kind",
    ),
    _read(
        "graph.role.members",
        _GRAPH,
        "/directoryRoles(roleTemplateId='{id}')/members",
        "S",
        "S",
        "list who has a role of the Microsoft tenant",
    ),
    _read("graph.users.delta", _GRAPH, "/users/delta", "S", "S", "read which users have changed"),
    _read("graph.groups.delta", _GRAPH, "/groups/delta", "S", "S", "read which groups and memberships have changed"),
    _ask("graph.batch", _GRAPH, "/$batch", "S", "S", "send up to 20 reads in one request"),
    _read("graph.organization", _GRAPH, "/organization", "S", "S", "read the organization and its verified domains"),
    # Microsoft Graph: applications
    _read("graph.applications", _GRAPH, "/applications", "S", "S", "list app registrations"),
    _read("graph.application", _GRAPH, "/applications/{id}", "S", "S", "read an app registration"),
    _read("graph.application.named", _GRAPH, _NAMED, "S", "S", "look up the app registration of an environment"),
    _write("graph.application.upsert", _GRAPH, "PATCH", _NAMED, "S", "S", "create an app registration once"),
    _write("graph.application.update", _GRAPH, "PATCH", "/applications/{id}", "S", "S", "change an app registration"),
    _read("graph.application.deleted", _GRAPH, f"{_DELETED}microsoft.graph.application", "S", "S", "list deleted ones"),
    _create("graph.application.restore", _GRAPH, f"{_DELETED}{{id}}/restore", "S", "S", "restore a deleted one"),
    _read("graph.application.owners", _GRAPH, "/applications/{id}/owners", "S", "S", "list the owners of one"),
    _create("graph.application.own", _GRAPH, "/applications/{id}/owners/$ref", "S", "S", "add an owner"),
    _create("graph.secret.add", _GRAPH, "/applications/{id}/addPassword", "S", "S", "add a client secret"),
    _create("graph.secret.remove", _GRAPH, "/applications/{id}/removePassword", "S", "S", "remove a client secret"),
    _read("graph.principals", _GRAPH, "/servicePrincipals", "S", "S", "look up service principals"),
    _create("graph.principal.create", _GRAPH, "/servicePrincipals", "S", "S", "create a service principal"),
    _read(
        "graph.principal.owned", _GRAPH, "/servicePrincipals/{id}/ownedObjects", "S", "S", "list what the caller owns"
    ),
    _read("graph.principal.grants", _GRAPH, f"/servicePrincipals/{{id}}{_GRANTS}", "S", "S", "list consents"),
    _create("graph.grant.create", _GRAPH, _GRANTS, "S", "S", "consent for the organization"),
    _write("graph.grant.update", _GRAPH, "PATCH", f"{_GRANTS}/{{id}}", "S", "S", "change a consent"),
    _read(
        "graph.policy.default",
        _GRAPH,
        "/policies/defaultAppManagementPolicy",
        "S",
        "S",
        "read what secrets are allowed",
    ),
    _read("graph.policies", _GRAPH, _POLICIES, "S", "S", "list policies for single applications"),
    _read("graph.policy.applies", _GRAPH, f"{_POLICIES}/{{id}}/appliesTo", "S", "S", "list what a policy applies to"),
    # Microsoft Graph: the SCIM application and its provisioning job
    _create("graph.template.use", _GRAPH, "/applicationTemplates/{id}/instantiate", "S", "S", "create an application"),
    _write("graph.application.delete", _GRAPH, "DELETE", "/applications/{id}", "S", "S", "delete an application"),
    _read("graph.principal", _GRAPH, _PRINCIPAL, "S", "S", "read a service principal"),
    _read("graph.assignments", _GRAPH, _ASSIGNED, "S", "S", "list who is assigned"),
    _create("graph.assignment.create", _GRAPH, _ASSIGNED, "S", "S", "assign a user or group"),
    _write("graph.assignment.delete", _GRAPH, "DELETE", f"{_ASSIGNED}/{{inner}}", "S", "S", "remove an assignment"),
    _read("graph.sync.jobs", _GRAPH, f"{_SYNC}/jobs", "S", "S", "list provisioning jobs"),
    _create("graph.sync.job.create", _GRAPH, f"{_SYNC}/jobs", "S", "S", "create a provisioning job"),
    _read("graph.sync.job", _GRAPH, _JOB, "S", "S", "read a provisioning job"),
    _read("graph.sync.schema", _GRAPH, f"{_JOB}/schema", "S", "S", "read its attribute mappings"),
    _ask("graph.sync.validate", _GRAPH, f"{_JOB}/validateCredentials", "S", "A", "try the SCIM address and token"),
    _write("graph.sync.start", _GRAPH, "POST", f"{_JOB}/start", "S", "S", "start it"),
    _write("graph.sync.pause", _GRAPH, "POST", f"{_JOB}/pause", "S", "S", "pause it"),
    _create(
        "graph.sync.restart", _GRAPH, f"{_JOB}/restart", "S", "S", "restart it, or let it remove what it held back"
    ),
    _create("graph.sync.demand", _GRAPH, f"{_JOB}/provisionOnDemand", "S", "S", "provision one user or group now"),
    _read("graph.sync.settings", _GRAPH, f"{_SYNC}/secrets", "S", "S", "read its settings, without the token"),
    _write("graph.sync.settings.write", _GRAPH, "PUT", f"{_SYNC}/secrets", "S", "S", "write its settings and token"),
    _read("graph.skus", _GRAPH, "/subscribedSkus", "S", "S", "see whether groups can be assigned"),
    _read("graph.provisioning.logs", _GRAPH, "/auditLogs/provisioning", "S", "S", "read what was held back"),
    # The page on which people sign in
    _read("page.sign_in", "page", "/{environment}/SignIn", "C", "A", "see where people are sent to sign in"),
)

ENDPOINTS: Mapping[str, Endpoint] = {endpoint.id: endpoint for endpoint in _TABLE}


def endpoints_with(overrides: Mapping[str, Any] | None) -> Mapping[str, Endpoint]:
    """The table with the paths that option `endpoints` overrides.

    Raises InputError for an unknown id or an invalid path.
    """
    table = dict(ENDPOINTS)
    for id, path in (overrides or {}).items():
        if id not in table:
            raise InputError(
                f"Option endpoints names {id!r}, which is not an endpoint of this collection. "
                f"Choose from: {', '.join(sorted(table))}."
            )
        if not isinstance(path, str) or not path.startswith("/"):
            raise InputError(
                f"Option endpoints gives {path!r} for {id}; a path starts with '/' and is relative to the root of its "
                f"service, such as {table[id].path!r}."
            )
        # Only Workspace 365 itself has the environment in its paths.
        known = ("environment", "id") if table[id].service in (_PROVISIONING, "page") else ("id",)
        if "{inner}" in table[id].path:
            known = ("id", "inner")
        try:
            path.format(**dict.fromkeys(known, ""))
        except (AttributeError, LookupError, ValueError):
            shown = " and ".join(f"{{{name}}}" for name in known)
            raise InputError(
                f"Option endpoints gives {path!r} for {id}; in braces it may hold {shown}, and nothing else."
            ) from None
        for name in ("{id}", "{inner}"):
            if name in table[id].path and name not in path:
                raise InputError(
                    f"Option endpoints gives {path!r} for {id}, which is about one object: the path has to hold {name}, as in "
                    f"{table[id].path!r}."
                )
        table[id] = table[id]._replace(path=path)
    return table
