# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of w365_sso before a write, its look afterwards, and what it puts back: in this process, against the twin."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

import in_process
from conftest import CONTOSO
from playing import connection
from w365_simulator.testing import Twin

SSO_ID = "00000000-0000-4000-8000-0000000000b2"
KEY = "sso-demo-secret-of-the-twin"
VALUES = {"primary_domain": "contoso.com", "client_id": SSO_ID, "key": KEY}


def with_licenses(twin: Twin, *services: str) -> None:
    """What Microsoft Graph answers about the administrator: service plans that are enabled."""
    plans = [{"service": service, "capabilityStatus": "Enabled"} for service in services]
    person = {"id": "u1", "userPrincipalName": "allan.deyoung@contoso.com", "assignedPlans": plans}
    twin.fault(action="status", status=200, body={"value": [person]}, surface="graph", path="/users$", times=-1)


@pytest.fixture
def ready(twin: Twin) -> Twin:
    """A twin on which people could sign in with VALUES, and nothing is written yet."""
    seed = copy.deepcopy(CONTOSO)
    redirect = f"{twin.instance_url}/contoso/OAuth2/HandleAuthorityResponse"
    seed["tenants"][0]["applications"][1]["redirect_uris"] = [redirect]
    twin.reset(seed, "full")
    with_licenses(twin, "SharePoint")
    return twin


def sso(twin: Twin, *, check: bool = False, **options: Any) -> dict[str, Any]:
    given = {**connection(twin), **VALUES, "preflight": "when_writing", **options}
    return in_process.run("w365_sso", given, check=check)


def outcomes(result: Mapping[str, Any]) -> dict[str, str]:
    return {check["name"]: check["outcome"] for check in result["checks"]}


def test_good_values_pass_and_what_is_not_known_is_said(ready: Twin) -> None:
    result = sso(ready)
    assert not result.get("failed"), result["msg"]
    assert outcomes(result) == {
        "tenant": "passed",
        "principal": "passed",
        "redirect": "passed",
        "consent": "passed",
        "assignment": "passed",
        "secret_expiry": "passed",
        "emergency_access": "warned",
    }, result["checks"]
    assert any("Exchange license" in warning for warning in result["warnings"])
    ready.clear_faults()
    with_licenses(ready, "SharePoint", "exchange")
    assert outcomes(sso(ready, update_key="always"))["emergency_access"] == "passed"


REFUSALS: tuple[tuple[str, str, dict[str, Any], tuple[dict[str, Any], ...]], ...] = (
    ("tenant", "no verified domain", {"primary_domain": "fabrikam.com"}, ()),
    (
        "principal",
        "is disabled",
        {},
        ({"op": "change_principal", "client_id": SSO_ID, "set": {"accountEnabled": False}},),
    ),
    ("principal", "no service principal", {}, ({"op": "delete_principal", "client_id": SSO_ID},)),
    ("redirect", "AADSTS50011", {"instance": "another"}, ()),
    ("consent", "has not consented to Mail.Send", {"scopes": ["Mail.Send", "User.Read"]}, ()),
    ("secret_expiry", "expires in", {"min_secret_days": 50_000}, ()),
    ("emergency_access", "Exchange license", {"require_emergency_access": True}, ()),
)


@pytest.mark.parametrize(("name", "sentence", "options", "changes"), REFUSALS, ids=lambda value: str(value)[:24])
def test_a_check_refuses_before_any_write_and_can_be_left_out(
    ready: Twin, name: str, sentence: str, options: dict[str, Any], changes: tuple[dict[str, Any], ...]
) -> None:
    if options.get("instance"):
        ready.reset(CONTOSO, "full")
    if changes:
        ready.change_tenant(*changes)
    given = {"verify": "never", **{key: value for key, value in options.items() if key != "instance"}}
    ready.clear_requests()
    for check in (True, False):
        result = sso(ready, check=check, **given)
        assert result.get("failed"), result
        assert sentence in result["msg"]
        assert "Nothing was written" in result["msg"]
        assert f"({name}" in result["msg"] or name in result["msg"]
        assert outcomes(result)[name] == "refused"
    assert [request for request in ready.writes() if "/oauth2/" not in request["path"]] == []
    left_out = sso(ready, skip_checks=["tenant", name], **given)
    assert not left_out.get("failed"), left_out["msg"]
    assert outcomes(left_out)[name] == "skipped"


def test_a_required_assignment_is_a_warning(ready: Twin) -> None:
    ready.change_tenant({"op": "change_principal", "client_id": SSO_ID, "set": {"appRoleAssignmentRequired": True}})
    result = sso(ready)
    assert not result.get("failed"), result["msg"]
    assert outcomes(result)["assignment"] == "warned"
    assert any("requires assignment" in warning for warning in result["warnings"])


def test_what_cannot_be_read_is_unknown_and_refuses_nothing(ready: Twin) -> None:
    ready.clear_faults()
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    ready.fault(action="status", status=403, body=denied, surface="graph", method="GET", times=-1)
    result = sso(ready)
    assert not result.get("failed"), result["msg"]
    assert set(outcomes(result).values()) == {"unknown"}
    assert sum("HTTP 403" in sentence for sentence in result["not_proven"]) >= 6
    again = sso(ready, update_key="always", require_emergency_access=True)
    assert again["failed"], "a guard that cannot see refuses"
    assert "require_emergency_access is true" in again["msg"]


def test_the_page_shows_another_application_and_the_former_values_come_back(ready: Twin) -> None:
    assert not sso(ready).get("failed")
    ready.switches(settings_write="dropped")
    result = sso(
        ready,
        client_id=ready.client_id,
        key=ready.client_secret,
        preflight="never",
        read_back_timeout=0,
        post_check="redirect",
        previous={"primary_domain": "contoso.com", "client_id": SSO_ID, "key": KEY},
    )
    assert result["failed"]
    assert "sends people to application" in result["msg"]
    assert "The previous values were put back." in result["msg"]
    assert result["put_back"] is True
    assert result["changed"], "it was written, whatever the page shows"
    assert [entry["outcome"] for entry in result["results"]] == ["done"]
    puts = [request for request in ready.writes() if "SingleSignOn" in request["path"]]
    assert len(puts) == 3, "the first, the wrong one, and the former one again"
    assert ready.environment("contoso")["sso"]["client_id"] == SSO_ID


def test_previous_values_that_are_wrong_stop_before_the_write(ready: Twin) -> None:
    ready.clear_requests()
    result = sso(ready, previous={"primary_domain": "contoso.com", "client_id": SSO_ID, "key": "wrong"})
    assert result["failed"]
    assert "could not be put back" in result["msg"]
    assert [request for request in ready.writes() if "SingleSignOn" in request["path"]] == []


@pytest.mark.parametrize(
    ("page", "proven"),
    [
        ({"action": "status", "status": 200, "body": "<html>Sign in</html>"}, False),
        ({"action": "status", "status": 404, "body": {}}, False),
        (None, True),
    ],
)
def test_a_page_that_does_not_lead_to_entra_proves_nothing(
    ready: Twin, page: dict[str, Any] | None, proven: bool
) -> None:
    if page:
        ready.fault(**page, path="/contoso/SignIn")
    result = sso(ready, post_check="redirect")
    assert not result.get("failed"), result["msg"]
    assert any("proved nothing" in sentence for sentence in result["not_proven"]) is not proven
