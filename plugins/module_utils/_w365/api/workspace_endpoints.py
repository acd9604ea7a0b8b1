# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints of Workspace 365 itself: the Provisioning API, SCIM, and the page on which people sign in."""

from __future__ import annotations

from .endpoint import ask, create, read, write

_PROVISIONING = "provisioning"

_SCIM = "scim"

ROWS = (
    # Provisioning API: environments
    read("environment.list", _PROVISIONING, "/Environment/", "D", "A", "list the environments of the instance"),
    create(
        "environment.create",
        _PROVISIONING,
        "/Environment/",
        "D",
        "D",
        "create an environment and its first administrator with a password",
    ),
    create(
        "environment.create_v2",
        _PROVISIONING,
        "/Environment/?version=2.0",
        "D",
        "D",
        "create an environment whose first administrator gets a temporary password",
    ),
    create(
        "environment.create_empty",
        _PROVISIONING,
        "/Environment/{environment}/",
        "D",
        "A",
        "create an environment without users",
    ),
    ask(
        "environment.validate",
        _PROVISIONING,
        "/Environment/Validate/",
        "D",
        "A",
        "ask whether an environment could be created",
    ),
    write(
        "environment.activate",
        _PROVISIONING,
        "PUT",
        "/Environment/{environment}/Activate/",
        "D",
        "A",
        "activate an environment",
    ),
    write(
        "environment.deactivate",
        _PROVISIONING,
        "PUT",
        "/Environment/{environment}/Deactivate/",
        "D",
        "A",
        "deactivate an environment",
    ),
    write(
        "environment.delete", _PROVISIONING, "DELETE", "/Environment/{environment}/", "D", "D", "delete an environment"
    ),
    # Provisioning API: users
    create("user.create", _PROVISIONING, "/{environment}/User/", "D", "D", "create a user"),
    ask(
        "user.validate", _PROVISIONING, "/{environment}/User/Validate/", "D", "D", "ask whether a user could be created"
    ),
    read("user.list", _PROVISIONING, "/{environment}/User/", "A", "A", "list the users of an environment"),
    read("user.get", _PROVISIONING, "/{environment}/User/{id}/", "A", "A", "read one user"),
    write("user.update", _PROVISIONING, "PUT", "/{environment}/User/{id}/", "A", "A", "change a user"),
    write(
        "user.delete",
        _PROVISIONING,
        "DELETE",
        "/{environment}/User/{id}/",
        "A",
        "A",
        "put a user on the deleted-users list",
    ),
    # Provisioning API: groups
    read("group.list", _PROVISIONING, "/{environment}/Group/", "A", "A", "list the groups of an environment"),
    read("group.get", _PROVISIONING, "/{environment}/Group/{id}/", "A", "A", "read one group"),
    create("group.create", _PROVISIONING, "/{environment}/Group/", "A", "A", "create a group"),
    write("group.update", _PROVISIONING, "PUT", "/{environment}/Group/{id}/", "A", "A", "change a group"),
    write("group.delete", _PROVISIONING, "DELETE", "/{environment}/Group/{id}/", "A", "A", "delete a group"),
    # Provisioning API: settings
    write(
        "sso.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/SingleSignOnSettings/OAuth2",
        "C",
        "D",
        "set the single sign-on of an environment",
    ),
    read(
        "sso.read",
        _PROVISIONING,
        "/{environment}/SingleSignOnSettings/OAuth2",
        "A",
        "A",
        "read the single sign-on of an environment",
    ),
    write(
        "exchange.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/ExchangeSettings",
        "C",
        "C",
        "set the Exchange settings of an environment",
    ),
    read(
        "exchange.read",
        _PROVISIONING,
        "/{environment}/ExchangeSettings",
        "A",
        "A",
        "read the Exchange settings of an environment",
    ),
    write(
        "sharepoint.write",
        _PROVISIONING,
        "PUT",
        "/{environment}/SharePointSettings/",
        "C",
        "C",
        "set the SharePoint settings of an environment",
    ),
    read(
        "sharepoint.read",
        _PROVISIONING,
        "/{environment}/SharePointSettings/",
        "A",
        "A",
        "read the SharePoint settings of an environment",
    ),
    # SCIM 2.0
    read("scim.config", _SCIM, "/ServiceProviderConfig", "S", "S", "read what the SCIM service can do"),
    read("scim.schemas", _SCIM, "/Schemas", "S", "S", "read which attributes the SCIM service keeps"),
    read("scim.user.list", _SCIM, "/Users", "S", "S", "list or look up users"),
    read("scim.user.get", _SCIM, "/Users/{id}", "S", "S", "read one user"),
    create("scim.user.create", _SCIM, "/Users", "S", "S", "create a user"),
    write(
        "scim.user.patch",
        _SCIM,
        "PATCH",
        "/Users/{id}",
        "S",
        "S",
        "change a user, put it on the deleted-users list or restore it",
    ),
    write("scim.user.delete", _SCIM, "DELETE", "/Users/{id}", "S", "S", "permanently delete a user"),
    read("scim.group.list", _SCIM, "/Groups", "S", "S", "list or look up groups"),
    read("scim.group.get", _SCIM, "/Groups/{id}", "S", "S", "read one group"),
    create("scim.group.create", _SCIM, "/Groups", "S", "S", "create a group"),
    write("scim.group.patch", _SCIM, "PATCH", "/Groups/{id}", "S", "S", "change a group or its members"),
    write("scim.group.delete", _SCIM, "DELETE", "/Groups/{id}", "S", "S", "delete a group"),
    create("scim.bulk", _SCIM, "/Bulk", "S", "S", "make many changes in one request, where the service offers it"),
    # The page on which people sign in
    read("page.sign_in", "page", "/{environment}/SignIn", "C", "A", "see where people are sent to sign in"),
)
