# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints of Microsoft Graph. Most tasks need none of them, and so do not import this file."""

from __future__ import annotations

from .endpoint import ask, create, read, write

_GRAPH = "graph"

_NAMED = "/applications(uniqueName='{id}')"

_DELETED = "/directory/deletedItems/"

_GRANTS = "/oauth2PermissionGrants"

_POLICIES = "/policies/appManagementPolicies"

_FEDERATED = "/applications/{id}/federatedIdentityCredentials"

_PRINCIPAL = "/servicePrincipals/{id}"

_SYNC = f"{_PRINCIPAL}/synchronization"

_JOB = f"{_SYNC}/jobs/{{inner}}"

_ASSIGNED = f"{_PRINCIPAL}/appRoleAssignedTo"

ROWS = (
    # Microsoft Graph
    read("graph.users", _GRAPH, "/users", "S", "S", "list the users of the Microsoft tenant"),
    read("graph.groups", _GRAPH, "/groups", "S", "S", "list or look up groups of the Microsoft tenant"),
    read("graph.group", _GRAPH, "/groups/{id}", "S", "S", "read one group"),
    read(
        "graph.group.users",
        _GRAPH,
        "/groups/{id}/members/microsoft.graph.user",
        "S",
        "S",
        "list the users that are direct members of a group",
    ),
    read(
        "graph.group.groups",
        _GRAPH,
        "/groups/{id}/members/microsoft.graph.group",
        "S",
        "S",
        "list the groups nested in a group",
    ),
    read(
        "graph.group.members",
        _GRAPH,
        "/groups/{id}/members",
        "S",
        "S",
        "list the direct members of a group, of every kind",
    ),
    read(
        "graph.role.members",
        _GRAPH,
        "/directoryRoles(roleTemplateId='{id}')/members",
        "S",
        "S",
        "list who has a role of the Microsoft tenant",
    ),
    read("graph.users.delta", _GRAPH, "/users/delta", "S", "S", "read which users have changed"),
    read("graph.groups.delta", _GRAPH, "/groups/delta", "S", "S", "read which groups and memberships have changed"),
    ask("graph.batch", _GRAPH, "/$batch", "S", "S", "send up to 20 reads in one request"),
    read("graph.organization", _GRAPH, "/organization", "S", "S", "read the organization and its verified domains"),
    # Microsoft Graph: applications
    read("graph.applications", _GRAPH, "/applications", "S", "S", "list app registrations"),
    read("graph.application", _GRAPH, "/applications/{id}", "S", "S", "read an app registration"),
    read("graph.application.named", _GRAPH, _NAMED, "S", "S", "look up the app registration of an environment"),
    write("graph.application.upsert", _GRAPH, "PATCH", _NAMED, "S", "S", "create an app registration once"),
    write("graph.application.update", _GRAPH, "PATCH", "/applications/{id}", "S", "S", "change an app registration"),
    read("graph.application.deleted", _GRAPH, f"{_DELETED}microsoft.graph.application", "S", "S", "list deleted ones"),
    create("graph.application.restore", _GRAPH, f"{_DELETED}{{id}}/restore", "S", "S", "restore a deleted one"),
    read("graph.application.owners", _GRAPH, "/applications/{id}/owners", "S", "S", "list the owners of one"),
    create("graph.application.own", _GRAPH, "/applications/{id}/owners/$ref", "S", "S", "add an owner"),
    create("graph.secret.add", _GRAPH, "/applications/{id}/addPassword", "S", "S", "add a client secret"),
    create("graph.secret.remove", _GRAPH, "/applications/{id}/removePassword", "S", "S", "remove a client secret"),
    read("graph.principals", _GRAPH, "/servicePrincipals", "S", "S", "look up service principals"),
    create("graph.principal.create", _GRAPH, "/servicePrincipals", "S", "S", "create a service principal"),
    read(
        "graph.principal.owned", _GRAPH, "/servicePrincipals/{id}/ownedObjects", "S", "S", "list what the caller owns"
    ),
    read("graph.principal.grants", _GRAPH, f"/servicePrincipals/{{id}}{_GRANTS}", "S", "S", "list consents"),
    create("graph.grant.create", _GRAPH, _GRANTS, "S", "S", "consent for the organization"),
    write("graph.grant.update", _GRAPH, "PATCH", f"{_GRANTS}/{{id}}", "S", "S", "change a consent"),
    read(
        "graph.policy.default",
        _GRAPH,
        "/policies/defaultAppManagementPolicy",
        "S",
        "S",
        "read what secrets are allowed",
    ),
    read("graph.policies", _GRAPH, _POLICIES, "S", "S", "list policies for single applications"),
    read("graph.policy.applies", _GRAPH, f"{_POLICIES}/{{id}}/appliesTo", "S", "S", "list what a policy applies to"),
    # Microsoft Graph: the application of an import
    read("graph.federated", _GRAPH, _FEDERATED, "S", "S", "list federated credentials"),
    write(
        "graph.federated.write",
        _GRAPH,
        "PATCH",
        f"{_FEDERATED}(name='{{inner}}')",
        "S",
        "S",
        "create or change a federated credential",
    ),
    read("graph.principal.roles", _GRAPH, f"{_PRINCIPAL}/appRoleAssignments", "S", "S", "list application permissions"),
    # Microsoft Graph: the SCIM application and its provisioning job
    create("graph.template.use", _GRAPH, "/applicationTemplates/{id}/instantiate", "S", "S", "create an application"),
    write("graph.application.delete", _GRAPH, "DELETE", "/applications/{id}", "S", "S", "delete an application"),
    read("graph.principal", _GRAPH, _PRINCIPAL, "S", "S", "read a service principal"),
    read("graph.assignments", _GRAPH, _ASSIGNED, "S", "S", "list who is assigned"),
    create("graph.assignment.create", _GRAPH, _ASSIGNED, "S", "S", "assign a user or group"),
    write("graph.assignment.delete", _GRAPH, "DELETE", f"{_ASSIGNED}/{{inner}}", "S", "S", "remove an assignment"),
    read("graph.sync.jobs", _GRAPH, f"{_SYNC}/jobs", "S", "S", "list provisioning jobs"),
    create("graph.sync.job.create", _GRAPH, f"{_SYNC}/jobs", "S", "S", "create a provisioning job"),
    read("graph.sync.job", _GRAPH, _JOB, "S", "S", "read a provisioning job"),
    read("graph.sync.schema", _GRAPH, f"{_JOB}/schema", "S", "S", "read its attribute mappings"),
    ask("graph.sync.validate", _GRAPH, f"{_JOB}/validateCredentials", "S", "A", "try the SCIM address and token"),
    write("graph.sync.start", _GRAPH, "POST", f"{_JOB}/start", "S", "S", "start it"),
    write("graph.sync.pause", _GRAPH, "POST", f"{_JOB}/pause", "S", "S", "pause it"),
    create("graph.sync.restart", _GRAPH, f"{_JOB}/restart", "S", "S", "restart it, or let it remove what it held back"),
    create("graph.sync.demand", _GRAPH, f"{_JOB}/provisionOnDemand", "S", "S", "provision one user or group now"),
    read("graph.sync.settings", _GRAPH, f"{_SYNC}/secrets", "S", "S", "read its settings, without the token"),
    write("graph.sync.settings.write", _GRAPH, "PUT", f"{_SYNC}/secrets", "S", "S", "write its settings and token"),
    read("graph.skus", _GRAPH, "/subscribedSkus", "S", "S", "see whether groups can be assigned"),
    read("graph.provisioning.logs", _GRAPH, "/auditLogs/provisioning", "S", "S", "read what was held back"),
)
