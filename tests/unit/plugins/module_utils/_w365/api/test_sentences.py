# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refusals of servers and of addresses: which cause is named, and that no password is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import endpoints_with
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import (
    LINK_LIMIT,
    GraphClient,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.instance import InstanceClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim import ScimClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.instance import Instance
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    InputError,
    UnreliableAnswerError,
    ValidationError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.environment import (
    checked_tenant,
    settings_from_options,
    sso_tenant,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task, run_task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.connections import Connections
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.host import SessionStore
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    checked_root,
    user_in,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import MASK

Scripted = Callable[..., Any]


def scim(http: Any) -> ScimClient:
    return ScimClient(http, url="https://scim.contoso.com/scim", token="a-token", endpoints=endpoints_with(None))


def instance(http: Any) -> InstanceClient:
    return InstanceClient(http, instance_url="https://w365.contoso.com", key="a-key", endpoints=endpoints_with(None))


class Tokens:
    def token(self) -> str:
        return "a-token"

    def forget(self) -> None:
        pass


def graph(http: Any) -> GraphClient:
    tokens: Any = Tokens()
    return GraphClient(http, root="https://graph.microsoft.com", tokens=tokens, endpoints=endpoints_with(None))


# 401 and 403


SCIM_ERROR = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "403", "detail": ""}


def test_a_403_of_scim_names_the_inactive_environment_first(scripted: Scripted) -> None:
    with pytest.raises(AuthenticationError) as refusal:
        scim(scripted([(403, SCIM_ERROR)])).call("scim.user.list")
    message = refusal.value.message
    assert "server message: the server gave no reason)" in message
    assert (
        message.index("the environment is active")
        < message.index("SCIM is still enabled")
        < message.index("scim_token")
    )
    with pytest.raises(AuthenticationError, match=r"HTTP 401.*Check scim_token") as refusal:
        scim(scripted([(401, {"detail": "no"})])).call("scim.user.list")
    assert "active" not in refusal.value.message


@pytest.mark.parametrize("endpoint", ["user.list", "user.create", "environment.list"])
def test_a_401_of_the_instance_is_not_told_as_a_403(scripted: Scripted, endpoint: str) -> None:
    with pytest.raises(AuthenticationError, match="HTTP 401 does not come from the Provisioning API") as refusal:
        instance(scripted([(401, "Sign in to the proxy")])).call(endpoint, environment="contoso")
    assert "403 has" not in refusal.value.message
    assert "Sign in to the proxy" in refusal.value.message
    with pytest.raises(AuthenticationError, match="HTTP 403 from the Provisioning API has one of three causes"):
        instance(scripted([(403, "")])).call(endpoint, environment="contoso")


def test_a_401_of_graph_is_not_told_as_a_403(scripted: Scripted) -> None:
    with pytest.raises(AuthenticationError, match=r"refused the token \(HTTP 401") as refusal:
        list(graph(scripted([(401, {}), (401, {})])).users())
    assert "permission" not in refusal.value.message
    with pytest.raises(AuthenticationError, match=r"application permission User\.Read\.All"):
        list(graph(scripted([(403, {})])).users())


class Quiet:
    """A host that runs a task without showing anything."""

    check_mode = diff_mode = False
    secrets: tuple[str, ...] = ()

    def __init__(self, **options: Any) -> None:
        self.options: Mapping[str, Any] = {
            "scim_url": "https://scim.contoso.com/scim", "scim_token": "a-token", "endpoints": None,
            "instance_url": "https://w365.contoso.com", "provisioning_key": "a-key", "environment": "contoso", **options,
        }  # fmt: skip
        self.store = SessionStore()
        self.masked: set[str] = set()

    def add_secrets(self, values: Any) -> None:
        self.masked |= set(values)

    def warn(self, message: str) -> None:
        raise AssertionError(message)

    debug = warn


def refused(http: Any, **options: Any) -> str:
    """What a task says that only reads over SCIM."""
    host: Any = Quiet(**options)

    def read(task: Task) -> dict[str, Any]:
        task.__dict__["http"] = http
        return {"users": list(task.scim.pages("scim.user.list"))}

    result = run_task(read, host)
    assert result["failed"]
    return str(result["msg"])


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ([{"name": "Contoso", "isActive": False}], True),
        ([{"name": "contoso", "active": False}, {"name": "fabrikam", "active": True}], True),
        ([{"name": "contoso", "active": True}], False),
        (["contoso"], False),
        ([{"name": "contoso", "active": "no"}], False),
        ("an odd answer", False),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_an_inactive_environment_is_named_where_the_instance_shows_it(
    scripted: Scripted, listed: Any, named: bool, status: int
) -> None:
    http = scripted(lambda _method, path, _body: (200, listed) if "Environment" in path else (status, SCIM_ERROR))
    message = refused(http)
    assert f"The SCIM service refused the token (HTTP {status}" in message
    assert message.startswith("Environment 'contoso' is inactive") is named


def test_without_the_instance_nothing_more_is_asked(scripted: Scripted) -> None:
    http = scripted([(403, SCIM_ERROR)])
    assert "Check that the environment is active" in refused(http, provisioning_key=None)
    assert len(http.calls) == 1


# Validate


@pytest.mark.parametrize(
    ("answer", "administrator", "named"),
    [
        ([{"MemberNames": ["Password"], "ErrorMessage": "The field is required."}], {}, True),
        (["Password is required"], None, True),
        ([{"errorMessage": "Het wachtwoord ontbreekt"}], {"EmailAddress": "a@contoso.com"}, True),
        ([{"MemberNames": ["Password"], "ErrorMessage": "is too short"}], {"Password": "short"}, False),
        (["The name is too long"], {}, False),
    ],
)
def test_a_validate_that_asks_for_a_password_names_the_way_out(
    scripted: Scripted, answer: Any, administrator: Any, named: bool
) -> None:
    client = Instance(instance(scripted([(400, answer)])))
    with pytest.raises(ValidationError, match="Cannot create environment 'contoso'") as refusal:
        client.validate_environment("contoso", administrator)
    assert ("validate: false" in refusal.value.message) is named
    assert refusal.value.details["http_status"] == 400


# Links


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("http://graph.microsoft.com/v1.0/users?$skiptoken=a", "begins with http://"),
        ("HTTP://graph.microsoft.com/v1.0/users?$skiptoken=a", "begins with http://"),
        ("http://elsewhere.contoso.com/v1.0/users", "begins with http://"),
        ("https://elsewhere.contoso.com/v1.0/users", "on another host"),
        ("https://graph.microsoft.com@elsewhere.contoso.com/v1.0/users", "on another host"),
        ("https://graph.microsoft.com.contoso.com/v1.0/users", "on another host"),
        ("//elsewhere.contoso.com/users", "on another host"),
        ("/v1.0/users?$skiptoken=a", "on another host"),
        ("https://graph.microsoft.com/v1.0/users?$skiptoken=" + "a" * LINK_LIMIT, "a link of 16"),
        (7, "a link that is a number"),
    ],
)
@pytest.mark.parametrize("way", ["pages", "changes", "batch"])
def test_a_link_that_must_not_be_followed_is_refused(scripted: Scripted, link: Any, reason: str, way: str) -> None:
    item = {"id": "00000000-0000-4000-8000-000000000001", "userPrincipalName": "a@contoso.com", "@odata.type": "#user"}
    page = {"value": [item], "@odata.nextLink": link}
    batched = {"responses": [{"id": "0", "status": 200, "body": page}]}
    http = scripted([(200, batched if way == "batch" else page)])
    client = graph(http)
    reads: dict[str, Callable[[], Any]] = {
        "pages": lambda: list(client.users()),
        "changes": lambda: client.changes("graph.users.delta", {}),
        "batch": lambda: client.members_of(["00000000-0000-4000-8000-000000000009"]),
    }
    with pytest.raises(UnreliableAnswerError, match=reason):
        reads[way]()
    assert len(http.calls) == 1, "the token is sent nowhere"


def test_pages_that_never_end_have_an_end(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with another user and another link, so that nothing repeats."""
    module = "ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph.PAGES"
    monkeypatch.setattr(module, 50)
    number = 0

    def page(_method: str, _path: str, _body: Any) -> Any:
        nonlocal number
        number += 1
        link = f"https://graph.microsoft.com/v1.0/users?$skiptoken={number}"
        return 200, {
            "value": [{"id": f"id-{number}", "userPrincipalName": f"{number}@contoso.com"}],
            "@odata.nextLink": link,
        }

    http = scripted(page)
    with pytest.raises(UnreliableAnswerError, match="more than 50 pages"):
        list(graph(http).users())
    assert len(http.calls) == 51


# Addresses


SECRET = "hunter2-secret"
WITH_USER = [
    f"https://somebody:{SECRET}@w365.contoso.com/x",
    f"http://somebody:{SECRET}@w365.contoso.com",
    f"https://{SECRET}@w365.contoso.com",
    f"https://somebody:{SECRET}@w365.contoso.com:abc/x",
    f"https://somebody:{SECRET}/x@w365.contoso.com",
    f"https://somebody:{SECRET}@[::1",
    f"somebody:{SECRET}@w365.contoso.com",
    f"  https://somebody:{SECRET}@w365.contoso.com/ ",
    f"https://somebody:{SECRET}#x@w365.contoso.com",
]


@pytest.mark.parametrize("url", WITH_USER)
@pytest.mark.parametrize("option", ["instance_url", "scim_url", "graph_url", "entra_authority"])
def test_a_url_with_a_password_is_refused_without_showing_it(url: str, option: str) -> None:
    with pytest.raises(InputError, match=f"Option {option} holds a user name or password in its URL") as refusal:
        checked_root(url, option)
    assert SECRET not in refusal.value.message
    host: Any = Quiet(**{option: url})
    Connections(host)
    shown = repr(url)
    for masked in sorted(host.masked, key=len, reverse=True):
        shown = shown.replace(masked, MASK)
    assert SECRET not in shown, "Ansible shows the arguments of a task at -vvv"


@pytest.mark.parametrize("url", WITH_USER)
def test_a_url_of_a_setting_with_a_password_is_refused_without_showing_it(url: str) -> None:
    exchange = {"exchange": {"server_type": "Office365", "ews_url": url}, "sharepoint": None}
    sharepoint = {"exchange": None, "sharepoint": {"authentication_type": "OAuth2", "url": url, "initial_domain": None}}
    for refused in (
        lambda: settings_from_options(exchange),
        lambda: settings_from_options(sharepoint),
        lambda: sso_tenant(url),
    ):
        with pytest.raises(InputError, match="holds a user name or password") as refusal:
            refused()
        assert SECRET not in refusal.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://w365.contoso.com",
        "https://w365.contoso.com:8443/a@b/scim",
        "https://w365.contoso.com/scim?mail=a@contoso.com",
        "https://[::1]:8443/scim/a@b",
        "",
    ],
)
def test_other_addresses_hold_no_user(url: str) -> None:
    assert user_in(url) == ""


@pytest.mark.parametrize(
    "tenant",
    [
        "contoso.com",
        "contoso.onmicrosoft.com",
        "emea.contoso.co.uk",
        "00000000-0000-4000-8000-000000000001",
        "0000000A-0000-4000-8000-00000000000B",
        "xn--contos-lta.com",
    ],
)
def test_a_tenant_is_an_id_or_a_domain(tenant: str) -> None:
    assert checked_tenant(tenant) == tenant


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        ("Contoso", "neither the id of a tenant"),
        ("contoso", "neither the id of a tenant"),
        ("{00000000-0000-4000-8000-000000000001}", "neither the id"),
        ("00000000-0000-4000-8000", "neither the id"),
        ("https://login.microsoftonline.com/contoso.com", "neither the id"),
        ("contoso.com/", "neither the id"),
        ("admin@contoso.com", "neither the id"),
        ("contoso.com\u200b", "neither the id"),
        (".contoso.com", "neither the id"),
        ("contoso..com", "neither the id"),
        ("common", "An application signs in to one tenant"),
        ("Organizations", "An application signs in to one tenant"),
        ("consumers", "An application signs in to one tenant"),
    ],
)
def test_anything_else_is_no_tenant(tenant: str, reason: str) -> None:
    with pytest.raises(InputError, match=f"Option entra_tenant is .*{reason}"):
        checked_tenant(tenant)
