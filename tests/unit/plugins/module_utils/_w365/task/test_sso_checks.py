# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks before a single sign-on is written, the look at the sign-in page after it, and what the server does not show."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from truthful import PASSWORD, Call, Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import W365Error
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import single_sign_on
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso_checks import check_page

Scripted = Callable[..., Any]

CLIENT = "00000000-0000-4000-8000-000000000000"
TENANT, OTHER_TENANT = "36500000-0000-4000-8000-000000000001", "36500000-0000-4000-8000-000000000002"
INSTANCE = "https://w365.contoso.com"
BACK = f"{INSTANCE}/contoso/OAuth2/HandleAuthorityResponse"


def test_every_fact_is_read_once() -> None:
    options = {
        "primary_domain": "contoso.com",
        "client_id": "00000000-0000-4000-8000-000000000000",
        "key": PASSWORD,
        "verify": False,
        "preflight": "always",
    }
    truth = Truthful()
    result = play(Scenario("w365_sso", json.dumps(options), scim=False), truth)
    assert [check["outcome"] for check in result["checks"]].count("skipped") == 0
    asked = [(call.endpoint, call.query.get("$filter")) for call in truth.calls if "$skiptoken" not in call.query]
    graph = [item for item in asked if item[0].startswith("graph.")]
    assert len(graph) == len(set(graph))
    assert {"graph.applications", "graph.principals"} <= {endpoint for endpoint, _filter in graph}


# The sign-in page


def looked(scripted: Scripted, to: str, authority: str = "https://login.windows.net/contoso.com", **query: str) -> str:
    """What a look at a page that leads there has not proven."""
    target = f"{to}?{urlencode({'client_id': CLIENT, 'redirect_uri': BACK, **query})}"
    task = SimpleNamespace(
        environment="contoso",
        http=scripted([(302, "", {"location": target})]),
        endpoints=ENDPOINTS,
        required_option=lambda _name, _purpose: INSTANCE,
    )
    return check_page(task, single_sign_on(authority, CLIENT))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("to", "authority"),
    [
        ("https://login.windows.net/contoso.com/oauth2/authorize", "https://login.windows.net/contoso.com"),
        ("https://LOGIN.windows.net:443/Contoso.com/oauth2/v2.0/authorize/", "https://login.windows.net/contoso.com"),
        # Hosts of one cloud of Microsoft stand for each other.
        ("https://login.microsoftonline.com/contoso.com/oauth2/authorize", "https://login.windows.net/contoso.com"),
        ("https://login.windows.net/contoso.com/oauth2/authorize", "https://sts.windows.net/contoso.com"),
        ("https://login.microsoftonline.us/contoso.us/oauth2/authorize", "https://login.usgovcloudapi.net/contoso.us"),
        (f"https://login.windows.net/{TENANT}/oauth2/authorize", f"https://login.windows.net/{TENANT.upper()}"),
        ("//login.windows.net/contoso.com/oauth2/authorize", "https://login.windows.net/contoso.com"),
        # A service of one's own, such as the twin.
        ("https://localhost:8443/contoso.com/oauth2/authorize", "https://localhost:8443/contoso.com"),
    ],
)
def test_a_page_that_leads_to_the_authority(to: str, authority: str, scripted: Scripted) -> None:
    same = "The sign-in page shows the same authority, client id and redirect URI; it does not show the key."
    assert looked(scripted, to, authority) == same


@pytest.mark.parametrize(
    ("to", "authority", "part"),
    [
        ("https://login.windows.net/fabrikam.com/oauth2/authorize", "", "sends people to tenant 'fabrikam.com'"),
        (f"https://login.windows.net/{OTHER_TENANT}/oauth2/authorize", f"https://login.windows.net/{TENANT}", OTHER_TENANT),
        ("https://login.evil.example/contoso.com/oauth2/authorize", "", "'https://login.evil.example'"),
        ("https://login.windows.net@evil.example/contoso.com/oauth2/authorize", "", "'https://evil.example'"),
        ("https://login.windows.net.evil.example/contoso.com/oauth2/authorize", "", "evil.example"),
        ("https://login.windows.net:8443/contoso.com/oauth2/authorize", "", "login.windows.net:8443"),
        ("http://login.windows.net/contoso.com/oauth2/authorize", "", "'http://login.windows.net'"),
        ("https://login.windows.net/contoso.com/oauth2/authorize", "https://localhost/contoso.com", "https://localhost"),
    ],
)  # fmt: skip
def test_a_page_that_leads_to_another_authority(to: str, authority: str, part: str, scripted: Scripted) -> None:
    with pytest.raises(W365Error, match=r"post_check=redirect") as refusal:
        looked(scripted, to, authority or "https://login.windows.net/contoso.com")
    assert part in refusal.value.message


@pytest.mark.parametrize(
    ("to", "authority", "part"),
    [
        # An id and a domain may be the same tenant.
        (f"https://login.windows.net/{TENANT}/oauth2/authorize", "", f"tenant '{TENANT}', which could not be compared"),
        ("https://login.windows.net/contoso.com/oauth2/authorize", f"https://login.windows.net/{TENANT}", TENANT),
        ("https://login.windows.net/organizations/oauth2/authorize", "", "tenant 'organizations', which could not"),
        ("https://login.windows.net/common/oauth2/v2.0/authorize", "", "tenant 'common', which could not"),
        ("https://login.windows.net/contoso.com/oauth2/authorize", "https://login.windows.net/common", "with 'common'"),
        # Microsoft sends the tenants of its other clouds on.
        ("https://login.microsoftonline.us/contoso.com/oauth2/authorize", "", "host of another Microsoft cloud"),
    ],
)
def test_what_cannot_be_compared_is_said(to: str, authority: str, part: str, scripted: Scripted) -> None:
    sentence = looked(scripted, to, authority or "https://login.windows.net/contoso.com")
    assert sentence.startswith(
        "The sign-in page shows the same client id and redirect URI; it does not show the key. It "
    )
    assert part in sentence


@pytest.mark.parametrize(
    "to", ["/contoso/oauth2/authorize", f"{INSTANCE}/contoso/oauth2/authorize", "https://[/oauth2/"]
)
def test_a_page_of_workspace_365_itself_proves_nothing(to: str, scripted: Scripted) -> None:
    assert "proved nothing" in looked(scripted, to)


@pytest.mark.parametrize("query", [{"client_id": TENANT}, {"redirect_uri": f"{BACK}/"}])
def test_another_application_or_address_is_refused(query: dict[str, str], scripted: Scripted) -> None:
    with pytest.raises(W365Error, match=r"post_check=redirect"):
        looked(scripted, "https://login.windows.net/contoso.com/oauth2/authorize", **query)


# What the server does not show


def written(shown: Mapping[str, Any], **options: Any) -> tuple[dict[str, Any], Truthful]:
    """The result of a task on a server that shows this, whatever is written, and the server."""

    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        return status, json.dumps(shown if call.endpoint == "sso.read" else data), {}, False

    truth = Truthful(change)
    given = {"primary_domain": "contoso.com", "client_id": CLIENT, "key": PASSWORD, "verify": "never", **options}
    return play(Scenario("w365_sso", json.dumps(given), scim=False), truth), truth


@pytest.mark.parametrize(
    "shown",
    [
        {"Authority": "https://login.microsoftonline.com/contoso.com", "ClientId": CLIENT},
        {"Authority": "https://login.windows.net/contoso.com", "ClientId": CLIENT},
    ],
    ids=["another host", "as written"],
)
def test_a_key_that_was_sent_is_a_change(shown: dict[str, str]) -> None:
    """Workspace 365 never shows it, so nobody knows that it was the same one."""
    result, truth = written(shown, update_key="always", read_back_timeout=1)
    assert [call.body["Key"] for call in truth.writes] == [PASSWORD]
    assert (result["changed"], result["key_status"]) == (True, "written")
    (entry,) = result["results"]
    assert entry["outcome"] == "done"
    values = {"authority": shown["Authority"], "client_id": CLIENT}
    assert result["diff"] == {
        "before": {"sso contoso": {**values, "key": "(not readable)"}},
        "after": {"sso contoso": {**values, "key": "(written)"}},
    }


@pytest.mark.parametrize("shown", [{"ClientId": CLIENT}, {"ClientId": CLIENT, "Authority": None}])
def test_a_part_of_the_single_sign_on_is_not_compared(shown: dict[str, Any]) -> None:
    skipped, truth = written(shown, when_unreadable="skip")
    assert truth.writes == []
    assert (skipped["changed"], skipped["compared"], skipped["sso"]) == (False, False, None)
    refused, truth = written(shown, when_unreadable="fail")
    assert refused["failed"]
    assert truth.writes == []
    again, truth = written(shown)
    assert (again["changed"], len(truth.writes)) == (True, 1)


@pytest.mark.parametrize("shown", [{}, {"Authority": None, "ClientId": None}, {"Authority": "", "ClientId": ""}])
def test_an_environment_without_single_sign_on_gets_it(shown: dict[str, Any]) -> None:
    result, truth = written(shown, when_unreadable="fail", read_back_timeout=0)
    assert (result["changed"], result["compared"], len(truth.writes)) == (True, True, 1)


@pytest.mark.parametrize(
    ("shown", "spared", "unread"),
    [
        ({"ClientId": "its own"}, True, False),
        ({"ClientId": "its own", "Authority": None}, True, False),
        ({"ClientId": CLIENT}, False, False),
        ({"Authority": "https://login.windows.net/contoso.com"}, False, True),
        ({"Authority": "https://login.windows.net/contoso.com", "ClientId": None}, False, True),
        ({"Something": "else"}, False, True),
        ({"Authority": None, "ClientId": None}, False, False),
        ({}, False, False),
    ],
)
def test_the_client_id_alone_says_which_application_another_environment_uses(
    shown: dict[str, Any], spared: bool, unread: bool
) -> None:
    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        own = truth.entra.applications[-1]["appId"]
        answer = {name: own if value == "its own" else value for name, value in shown.items()}
        known = {"environment.list": ["contoso", "fabrikam"], "sso.read": answer}
        return status, json.dumps(known.get(call.endpoint, data)), {}, False

    truth = Truthful(change)
    truth.server = "old"
    result = play(Scenario("w365_sso_app", json.dumps({"state": "absent"}), scim=False, server="old"), truth)
    assert not result.get("failed"), result["msg"]
    assert (truth.writes == []) is spared
    assert any("do not show which app registration" in sentence for sentence in result["not_proven"]) is unread


# Emergency access


def emergency(users: Any, plans: Any = "as they are", **options: Any) -> tuple[str, str, dict[str, Any]]:
    """The outcome of the check with its reason, and the result, on a server that lists these users."""

    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        if call.endpoint == "user.list":
            data = users
        if call.endpoint == "graph.users" and plans != "as they are":
            data = {**data, "value": [{**one, "assignedPlans": plans} for one in data["value"]]}
        return status, json.dumps(data), {}, False

    given = {
        "primary_domain": "contoso.com",
        "client_id": CLIENT,
        "key": PASSWORD,
        "verify": False,
        "preflight": "always",
        "skip_checks": ["tenant", "principal", "redirect", "consent", "assignment", "secret_expiry"],
        **options,
    }
    result = play(Scenario("w365_sso", json.dumps(given), scim=False), Truthful(change))
    (check,) = [one for one in result["checks"] if one["name"] == "emergency_access"]
    return check["outcome"], check["reason"] or "", result


ALLAN, MEGAN = "allan.deyoung@contoso.com", "megan.bowen@contoso.com"
EXCHANGE = [{"service": "exchange", "capabilityStatus": "Enabled"}]


def listed(number: int, upn: str, **more: Any) -> dict[str, Any]:
    return {"Id": number, "EmailAddress": upn, "FirstName": "A", "LastName": "B", **more}


@pytest.mark.parametrize(
    ("administrator", "plans", "outcome", "reason"),
    [
        ({"IsAdministrator": True, "IsActive": True}, EXCHANGE, "passed", ""),
        # A list that says of nobody that he or she is active may leave it out for those who are.
        ({"IsAdministrator": True}, EXCHANGE, "passed", ""),
        ({"IsAdministrator": True, "IsActive": True}, [], "warned", "has an Exchange license"),
        ({"IsAdministrator": True, "IsActive": False}, EXCHANGE, "warned", "has an Exchange license"),
        ({"IsAdministrator": True, "IsActive": True}, None, "unknown", f"does not show the licenses of {ALLAN}"),
        ({"IsAdministrator": False}, EXCHANGE, "unknown", "lists nobody as administrator"),
        ({}, EXCHANGE, "unknown", "a user whose IsAdministrator"),
        ({"IsAdministrator": None}, EXCHANGE, "unknown", "a user whose IsAdministrator"),
    ],
)
def test_emergency_access_of_what_is_not_shown(
    administrator: dict[str, Any], plans: Any, outcome: str, reason: str
) -> None:
    users = [listed(1, ALLAN, **administrator), listed(2, MEGAN, IsAdministrator=False)]
    found, said, _result = emergency(users, plans)
    assert found == outcome
    assert reason in said
    required, said, result = emergency(users, plans, require_emergency_access=True)
    assert required == ("passed" if outcome == "passed" else "refused")
    assert bool(result.get("failed")) == (outcome != "passed")
    assert reason in said


def test_an_administrator_who_may_be_deleted_has_no_emergency_access() -> None:
    """The list says of others that they are active."""
    users = [listed(1, ALLAN, IsAdministrator=True), listed(2, MEGAN, IsAdministrator=False, IsActive=True)]
    outcome, reason, _result = emergency(users, EXCHANGE)
    assert outcome == "unknown"
    assert f"whether {ALLAN} can still sign in is not known" in reason
    certain = [*users, listed(3, "adele.vance@contoso.com", IsAdministrator=True, IsActive=True)]
    assert emergency(certain, EXCHANGE)[0] == "passed"
