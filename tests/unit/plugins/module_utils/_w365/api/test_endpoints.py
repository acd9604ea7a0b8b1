# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of endpoints says what the contract says, and is the only place that says it."""

from __future__ import annotations

import ast
import functools
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import (
    ENDPOINTS,
    LETTERS,
    endpoints_with,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError

ROOT = Path(__file__).resolve().parents[6]
CORE = sorted((ROOT / "plugins" / "module_utils" / "_w365").rglob("*.py"))
MODULES = sorted((ROOT / "plugins" / "modules").glob("w365_*.py"))
SOURCES = [*CORE, *MODULES]
TABLE = ("endpoint.py", "endpoints.py", "workspace_endpoints.py", "graph_endpoints.py")

# Written from the vendor's documentation and from the public clients of the API, on its own: when the table and this list
# differ, one of them is wrong. Letter of the call, letter of what travels in it.
CONTRACT = {
    "environment.list": ("GET", "/Environment/", "D", "A"),
    "environment.create": ("POST", "/Environment/", "D", "D"),
    "environment.create_v2": ("POST", "/Environment/?version=2.0", "D", "D"),
    "environment.create_empty": ("POST", "/Environment/{environment}/", "D", "A"),
    "environment.validate": ("POST", "/Environment/Validate/", "D", "A"),
    "environment.activate": ("PUT", "/Environment/{environment}/Activate/", "D", "A"),
    "environment.deactivate": ("PUT", "/Environment/{environment}/Deactivate/", "D", "A"),
    "environment.delete": ("DELETE", "/Environment/{environment}/", "D", "D"),
    "user.create": ("POST", "/{environment}/User/", "D", "D"),
    "user.validate": ("POST", "/{environment}/User/Validate/", "D", "D"),
    "user.list": ("GET", "/{environment}/User/", "A", "A"),
    "user.get": ("GET", "/{environment}/User/{id}/", "A", "A"),
    "user.update": ("PUT", "/{environment}/User/{id}/", "A", "A"),
    "user.delete": ("DELETE", "/{environment}/User/{id}/", "A", "A"),
    "group.list": ("GET", "/{environment}/Group/", "A", "A"),
    "group.get": ("GET", "/{environment}/Group/{id}/", "A", "A"),
    "group.create": ("POST", "/{environment}/Group/", "A", "A"),
    "group.update": ("PUT", "/{environment}/Group/{id}/", "A", "A"),
    "group.delete": ("DELETE", "/{environment}/Group/{id}/", "A", "A"),
    "sso.write": ("PUT", "/{environment}/SingleSignOnSettings/OAuth2", "C", "D"),
    "sso.read": ("GET", "/{environment}/SingleSignOnSettings/OAuth2", "A", "A"),
    "exchange.write": ("PUT", "/{environment}/ExchangeSettings", "C", "C"),
    "exchange.read": ("GET", "/{environment}/ExchangeSettings", "A", "A"),
    "sharepoint.write": ("PUT", "/{environment}/SharePointSettings/", "C", "C"),
    "sharepoint.read": ("GET", "/{environment}/SharePointSettings/", "A", "A"),
    "scim.config": ("GET", "/ServiceProviderConfig", "S", "S"),
    "scim.schemas": ("GET", "/Schemas", "S", "S"),
    "scim.bulk": ("POST", "/Bulk", "S", "S"),
    "scim.user.list": ("GET", "/Users", "S", "S"),
    "scim.user.get": ("GET", "/Users/{id}", "S", "S"),
    "scim.user.create": ("POST", "/Users", "S", "S"),
    "scim.user.patch": ("PATCH", "/Users/{id}", "S", "S"),
    "scim.user.delete": ("DELETE", "/Users/{id}", "S", "S"),
    "scim.group.list": ("GET", "/Groups", "S", "S"),
    "scim.group.get": ("GET", "/Groups/{id}", "S", "S"),
    "scim.group.create": ("POST", "/Groups", "S", "S"),
    "scim.group.patch": ("PATCH", "/Groups/{id}", "S", "S"),
    "scim.group.delete": ("DELETE", "/Groups/{id}", "S", "S"),
    "graph.users": ("GET", "/users", "S", "S"),
    "graph.groups": ("GET", "/groups", "S", "S"),
    "graph.group": ("GET", "/groups/{id}", "S", "S"),
    "graph.group.users": ("GET", "/groups/{id}/members/microsoft.graph.user", "S", "S"),
    "graph.group.groups": ("GET", "/groups/{id}/members/microsoft.graph.group", "S", "S"),
    "graph.group.members": ("GET", "/groups/{id}/members", "S", "S"),
    "graph.role.members": ("GET", "/directoryRoles(roleTemplateId='{id}')/members", "S", "S"),
    "graph.users.delta": ("GET", "/users/delta", "S", "S"),
    "graph.groups.delta": ("GET", "/groups/delta", "S", "S"),
    "graph.batch": ("POST", "/$batch", "S", "S"),
    "graph.organization": ("GET", "/organization", "S", "S"),
    "graph.applications": ("GET", "/applications", "S", "S"),
    "graph.application": ("GET", "/applications/{id}", "S", "S"),
    "graph.application.named": ("GET", "/applications(uniqueName='{id}')", "S", "S"),
    "graph.application.upsert": ("PATCH", "/applications(uniqueName='{id}')", "S", "S"),
    "graph.application.update": ("PATCH", "/applications/{id}", "S", "S"),
    "graph.application.deleted": ("GET", "/directory/deletedItems/microsoft.graph.application", "S", "S"),
    "graph.application.restore": ("POST", "/directory/deletedItems/{id}/restore", "S", "S"),
    "graph.application.owners": ("GET", "/applications/{id}/owners", "S", "S"),
    "graph.application.own": ("POST", "/applications/{id}/owners/$ref", "S", "S"),
    "graph.secret.add": ("POST", "/applications/{id}/addPassword", "S", "S"),
    "graph.secret.remove": ("POST", "/applications/{id}/removePassword", "S", "S"),
    "graph.principals": ("GET", "/servicePrincipals", "S", "S"),
    "graph.principal.create": ("POST", "/servicePrincipals", "S", "S"),
    "graph.principal.owned": ("GET", "/servicePrincipals/{id}/ownedObjects", "S", "S"),
    "graph.principal.roles": ("GET", "/servicePrincipals/{id}/appRoleAssignments", "S", "S"),
    "graph.federated": ("GET", "/applications/{id}/federatedIdentityCredentials", "S", "S"),
    "graph.federated.write": (
        "PATCH",
        "/applications/{id}/federatedIdentityCredentials(name='{inner}')",
        "S",
        "S",
    ),
    "graph.principal.grants": ("GET", "/servicePrincipals/{id}/oauth2PermissionGrants", "S", "S"),
    "graph.grant.create": ("POST", "/oauth2PermissionGrants", "S", "S"),
    "graph.grant.update": ("PATCH", "/oauth2PermissionGrants/{id}", "S", "S"),
    "graph.policy.default": ("GET", "/policies/defaultAppManagementPolicy", "S", "S"),
    "graph.policies": ("GET", "/policies/appManagementPolicies", "S", "S"),
    "graph.policy.applies": ("GET", "/policies/appManagementPolicies/{id}/appliesTo", "S", "S"),
    "graph.template.use": ("POST", "/applicationTemplates/{id}/instantiate", "S", "S"),
    "graph.application.delete": ("DELETE", "/applications/{id}", "S", "S"),
    "graph.principal": ("GET", "/servicePrincipals/{id}", "S", "S"),
    "graph.assignments": ("GET", "/servicePrincipals/{id}/appRoleAssignedTo", "S", "S"),
    "graph.assignment.create": ("POST", "/servicePrincipals/{id}/appRoleAssignedTo", "S", "S"),
    "graph.assignment.delete": ("DELETE", "/servicePrincipals/{id}/appRoleAssignedTo/{inner}", "S", "S"),
    "graph.sync.jobs": ("GET", "/servicePrincipals/{id}/synchronization/jobs", "S", "S"),
    "graph.sync.job.create": ("POST", "/servicePrincipals/{id}/synchronization/jobs", "S", "S"),
    "graph.sync.job": ("GET", "/servicePrincipals/{id}/synchronization/jobs/{inner}", "S", "S"),
    "graph.sync.schema": ("GET", "/servicePrincipals/{id}/synchronization/jobs/{inner}/schema", "S", "S"),
    "graph.sync.validate": (
        "POST",
        "/servicePrincipals/{id}/synchronization/jobs/{inner}/validateCredentials",
        "S",
        "A",
    ),
    "graph.sync.start": ("POST", "/servicePrincipals/{id}/synchronization/jobs/{inner}/start", "S", "S"),
    "graph.sync.pause": ("POST", "/servicePrincipals/{id}/synchronization/jobs/{inner}/pause", "S", "S"),
    "graph.sync.restart": ("POST", "/servicePrincipals/{id}/synchronization/jobs/{inner}/restart", "S", "S"),
    "graph.sync.demand": ("POST", "/servicePrincipals/{id}/synchronization/jobs/{inner}/provisionOnDemand", "S", "S"),
    "graph.sync.settings": ("GET", "/servicePrincipals/{id}/synchronization/secrets", "S", "S"),
    "graph.sync.settings.write": ("PUT", "/servicePrincipals/{id}/synchronization/secrets", "S", "S"),
    "graph.skus": ("GET", "/subscribedSkus", "S", "S"),
    "graph.provisioning.logs": ("GET", "/auditLogs/provisioning", "S", "S"),
    "page.sign_in": ("GET", "/{environment}/SignIn", "C", "A"),
}
ASKING = {"environment.validate", "user.validate", "graph.batch", "graph.sync.validate"}
SAFE_TWICE = {"graph.sync.start", "graph.sync.pause"}
CREATING = {id for id, (method, *_rest) in CONTRACT.items() if method == "POST"} - ASKING - SAFE_TWICE
# In the table for those whose server has the path elsewhere and for the reader; a listing always does.
NOT_CALLED = {"user.get"}


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# ---- the table


def test_the_table_is_the_contract() -> None:
    table = {id: (e.method, e.path, e.letter, e.payload) for id, e in ENDPOINTS.items()}
    assert table == CONTRACT
    assert set(LETTERS) == {"D", "C", "S", "A"}
    assert all(endpoint.id == id for id, endpoint in ENDPOINTS.items())


@pytest.mark.parametrize("id", CONTRACT)
def test_an_endpoint_is_sound(id: str) -> None:
    endpoint = ENDPOINTS[id]
    services = {"scim": "scim", "graph": "graph", "page": "page"}
    assert endpoint.service == services.get(id.split(".", maxsplit=1)[0], "provisioning")
    assert endpoint.assumed is (endpoint.letter == "A")
    order = "DCSA"
    assert order.index(endpoint.payload) >= order.index(endpoint.letter) or id == "sso.write"
    assert endpoint.writes is (endpoint.method != "GET" and id not in ASKING)
    # The answer of a create may be lost: it must never be sent twice without a look.
    assert endpoint.repeatable is (id not in CREATING)
    fields = {name for _text, name, _spec, _conversion in string.Formatter().parse(endpoint.path) if name}
    assert fields <= ({"environment", "id"} if endpoint.service in ("provisioning", "page") else {"id", "inner"})
    assert "inner" not in fields or "id" in fields
    assert endpoint.path.startswith("/")
    if endpoint.service == "provisioning" and not id.startswith(("sso.", "exchange.")) and "?" not in endpoint.path:
        assert endpoint.path.endswith("/"), "documented paths end in a slash"
    assert endpoint.purpose
    assert not endpoint.purpose.endswith(".")


def test_ids_and_paths_are_said_once() -> None:
    assert len({(e.service, e.method, e.path) for e in ENDPOINTS.values()}) == len(ENDPOINTS)


# ---- the endpoints in the code


def endpoint_ids_in(path: Path) -> Iterator[str]:
    """Texts of the form of an endpoint's id, wherever they stand in the code."""
    prefixes = {id.rpartition(".")[0] for id in CONTRACT}
    for node in ast.walk(tree(path)):
        text = node.value if isinstance(node, ast.Constant) else None
        if (
            isinstance(text, str)
            and re.fullmatch(r"[a-z_.0-9]+[a-z_0-9]", text)
            and text.rpartition(".")[0] in prefixes
        ):
            yield text


# These look like an endpoint's id and are names of suboptions.
OPTIONS = {"exchange.ews_url", "exchange.server_type", "sharepoint.authentication_type", "sharepoint.url"}


def called_ids(path: Path) -> Iterator[str]:
    """The first arguments of call, pages, find, Request and the like, followed through conditional expressions."""
    names = {"call", "pages", "find", "changes", "batch", "Request", "Setting", "_get", "_switch", "path_of"}
    module = tree(path)
    constants = {
        target.id: node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", None)) in names:
            for argument in node.args[:4]:
                given: ast.expr = argument
                if isinstance(given, ast.Name) and given.id in constants:
                    given = constants[given.id]
                for part in ast.walk(given):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value:
                        yield part.value


def test_every_endpoint_in_the_code_is_in_the_table_and_the_other_way_round() -> None:
    clients = [path for path in CORE if path.name not in (*TABLE, "errors.py")]
    called = {id for path in clients for id in called_ids(path) if not id.endswith((".", ".com"))}
    called = {id for id in called if re.fullmatch(r"[a-z_0-9.]+", id)}
    assert called <= set(CONTRACT), called - set(CONTRACT)
    assert set(CONTRACT) - called == NOT_CALLED
    mentioned = {id for path in [*clients, *MODULES] for id in endpoint_ids_in(path)}
    assert mentioned <= set(CONTRACT) | OPTIONS, mentioned - set(CONTRACT) - OPTIONS


def path_like(text: str) -> bool:
    """Whether a text of the code names a path of one of the three services."""
    return bool(
        re.search(
            r"/(Users|Groups|ServiceProviderConfig|Schemas|ResourceTypes|Bulk)\b"
            r"|/(User|Group|Environment|SingleSignOnSettings|ExchangeSettings|SharePointSettings|UserLicenses|Validate)\b"
            r"|\b(User|Group|Environment)/[{\w]"
            r"|/(users|groups|organization|applications|servicePrincipals|directoryRoles)\b(?!\.)",
            text,
        )
    )


# The only texts outside the table that name a path: sentences for people, and how a reference to a group is recognised.
PATHS_IN_SENTENCES = {
    ("scim.py", "Check scim_url: it is the tenant URL that Workspace 365 shows when SCIM is enabled, without /Users."),
    ("scim_groups.py", "/groups/"),
}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in TABLE], ids=lambda path: path.name)
def test_no_path_is_written_outside_the_table(path: Path) -> None:
    module = tree(path)
    documentation = {
        id(node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    } | {
        id(node.value)
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }
    found = {
        (path.name, node.value)
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        if path_like(node.value)
    }
    assert found <= PATHS_IN_SENTENCES, found - PATHS_IN_SENTENCES


def test_the_search_for_paths_finds_them() -> None:
    for text in (
        "/Users",
        "/Groups/{id}",
        "/{environment}/User/",
        "User/7",
        "/Environment/x",
        "/users?$top=1",
        "/groups/x",
    ):
        assert path_like(text), text
    for text in ("users and groups", "graph.users", "User Agent", "/", "https://contoso.com/x", "members"):
        assert not path_like(text), text


# ---- overriding


def test_paths_may_be_overridden_one_by_one() -> None:
    table = endpoints_with({"user.list": "/{environment}/People/", "scim.user.get": "/People/{id}"})
    assert table["user.list"].path == "/{environment}/People/"
    assert table["scim.user.get"].path == "/People/{id}"
    changed = {id for id in CONTRACT if table[id] != ENDPOINTS[id]}
    assert changed == {"user.list", "scim.user.get"}
    assert ENDPOINTS["user.list"].path == "/{environment}/User/", "the table itself stays"
    assert dict(endpoints_with(None)) == dict(endpoints_with({})) == dict(ENDPOINTS)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ({"user.lists": "/x"}, ["'user.lists'", "Choose from:", "user.list,", "scim.user.list"]),
        ({"user.list": "x"}, ["'x' for user.list", "starts with '/'", "'/{environment}/User/'"]),
        ({"user.list": ""}, ["starts with '/'"]),
        ({"user.list": None}, ["starts with '/'"]),
        ({"user.list": 7}, ["starts with '/'"]),
        ({"user.list": "https://evil.com/"}, ["starts with '/'"]),
        ({"user.list": "/{tenant}/User/"}, ["in braces", "{environment}"]),
        ({"user.list": "/{/User/"}, ["in braces"]),
        ({"user.list": "/{}/User/"}, ["in braces"]),
        ({"user.list": "/{0}/User/"}, ["in braces"]),
        ({"user.list": "/{id.x}/"}, ["in braces"]),
        ({"scim.user.list": "/{environment}/Users"}, ["in braces", "{id}"]),
        ({"user.get": "/{environment}/User/"}, ["about one object", "{id}"]),
    ],
)
def test_an_override_that_cannot_be(overrides: dict[str, Any], parts: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        endpoints_with(overrides)
    for part in ("endpoints", *parts):
        assert part in refusal.value.message
