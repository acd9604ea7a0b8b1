# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_sso_app with state=absent: only what has the tag of this environment, and nothing that somebody else uses."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import in_process
from conftest import CONTOSO
from playing import connection
from w365_simulator.testing import Twin

QUICK: dict[str, Any] = {"replication_timeout": 0, "activation_timeout": 0}


def made(twin: Twin, environment: str = "contoso") -> dict[str, Any]:
    """The app registration of an environment, linked, as w365_sso_app makes it."""
    result = in_process.run("w365_sso_app", {**connection(twin, environment), "primary_domain": "contoso.com", **QUICK})
    assert not result.get("failed"), result["msg"]
    found: dict[str, Any] = result["application"]
    return found


def removed(twin: Twin, *, check: bool = False, **options: Any) -> dict[str, Any]:
    twin.clear_requests()
    return in_process.run("w365_sso_app", {**connection(twin), "state": "absent", **options}, check=check)


def changed(twin: Twin, application: dict[str, Any], **properties: Any) -> None:
    """As somebody else would change it, with the same permissions."""
    request = {"service": "graph", "method": "PATCH", "path": f"/applications/{application['id']}", "body": properties}
    result = in_process.run("w365_api", {**connection(twin), **request})
    assert not result.get("failed"), result["msg"]


def tenant_of(twin: Twin) -> dict[str, Any]:
    (found,) = twin.state()["entra"].values()
    assert isinstance(found, dict)
    return found


def objects(twin: Twin, kind: str) -> list[dict[str, Any]]:
    found = tenant_of(twin)[kind]
    return list(found.values() if isinstance(found, dict) else found)


def is_there(twin: Twin, application: dict[str, Any]) -> bool:
    return application["client_id"] in {one["appId"] for one in objects(twin, "applications")}


def test_it_goes_with_its_secrets_and_consent_once(twin: Twin) -> None:
    application = made(twin)
    foretold = removed(twin, check=True)
    assert foretold["changed"]
    assert twin.writes() == []
    result = removed(twin)
    assert not result.get("failed"), result["msg"]
    assert (
        result["summary"]
        == foretold["summary"]
        == {"secret_remove": 1, "application_delete": 1, "unchanged": 0, "left_out": 0}
    )
    assert foretold["diff"] == result["diff"]
    assert not is_there(twin, application)
    assert application["client_id"] not in {one["appId"] for one in objects(twin, "servicePrincipals")}
    again = removed(twin)
    assert (again["changed"], again["left_out"], twin.writes()) == (False, [], [])


def other(twin: Twin) -> None:
    twin.seed({"environments": [{"name": "fabrikam", "users": []}]})


USES: dict[str, Any] = {
    "a tag of another environment": lambda twin, one: changed(
        twin, one, tags=[*one["tags"], one["tags"][0].replace(":contoso", ":fabrikam")]
    ),
    "the mark of a secret of another environment": lambda twin, one: changed(
        twin, one, tags=[*one["tags"], "w365:linked:fabrikam:0a1b2c3d-0000-4000-8000-000000000001"]
    ),
    "an import": lambda twin, one: changed(twin, one, tags=[*one["tags"], "w365:import:default"]),
    "a redirect URI of another environment": lambda twin, one: changed(
        twin,
        one,
        web={"redirectUris": [*one["redirect_uris"], one["redirect_uris"][0].replace("/contoso/", "/fabrikam/")]},
    ),
    "a redirect URI of another host": lambda twin, one: changed(
        twin, one, web={"redirectUris": [*one["redirect_uris"], "https://apps.fabrikam.com/signin"]}
    ),
    "no tag": lambda twin, one: changed(
        twin, one, tags=[tag for tag in one["tags"] if not tag.startswith("w365:sso:")]
    ),
    "a tag in other letters": lambda twin, one: changed(
        twin, one, tags=[tag.replace("contoso", "Contoso") for tag in one["tags"]]
    ),
    "the settings of another environment": lambda twin, one: in_process.run(
        "w365_sso",
        {
            **connection(twin, "fabrikam"),
            "primary_domain": "contoso.com",
            "client_id": one["client_id"],
            "key": "x",
            "verify": False,
        },
    ),
}


@pytest.mark.parametrize("use", USES)
def test_what_somebody_else_uses_is_left_and_named(twin: Twin, use: str) -> None:
    other(twin)
    application = made(twin)
    USES[use](twin, application)
    before = objects(twin, "applications")
    result = removed(twin)
    assert not result.get("failed"), result["msg"]
    assert (result["changed"], twin.writes()) == (False, [])
    ((name, reason),) = [(one["name"], one["reason"]) for one in result["left_out"]]
    assert name == "Workspace365 - contoso"
    assert reason
    assert objects(twin, "applications") == before


def test_one_that_looks_like_it_by_name_is_left(twin: Twin) -> None:
    seed = copy.deepcopy(CONTOSO)
    seed["tenants"][0]["applications"][1]["display_name"] = "Workspace365 - Contoso"
    twin.reset(seed, "full")
    result = removed(twin)
    assert (result["changed"], twin.writes()) == (False, [])
    assert [one["name"] for one in result["left_out"]] == ["Workspace365 - Contoso"]
    assert "does not have the tag w365:sso:" in result["left_out"][0]["reason"]


@pytest.mark.parametrize("tags", ["missing", None])
def test_a_mark_that_is_not_shown_is_none(twin: Twin, tags: Any) -> None:
    application = made(twin)
    request = {"service": "graph", "path": "/applications"}
    listed = in_process.run("w365_api", {**connection(twin), **request})["json"]
    for one in listed["value"]:
        one.pop("tags")
        one.update({} if tags == "missing" else {"tags": tags})
    twin.fault(surface="graph", method="GET", path="/applications$", action="status", status=200, body=listed)
    result = removed(twin)
    assert (result["changed"], twin.writes()) == (False, [])
    assert [one["name"] for one in result["left_out"]] == ["Workspace365 - contoso"]
    twin.clear_faults()
    assert is_there(twin, application)


@pytest.mark.parametrize("expired", [False, True])
def test_credentials_of_somebody_else_keep_it(twin: Twin, expired: bool) -> None:
    application = made(twin)
    twin.change_tenant(
        {"op": "add_secret", "client_id": application["client_id"], "text": "of-somebody-else", "name": "theirs"}
    )
    if expired:
        twin.move_clock(advance=3 * 365 * 86_400)
    result = removed(twin)
    assert not result.get("failed"), result["msg"]
    assert is_there(twin, application) is not expired
    if not expired:
        assert "1 client secrets of somebody else" in result["left_out"][0]["reason"]
        (kept,) = [one for one in objects(twin, "applications") if one["appId"] == application["client_id"]]
        assert [one["displayName"] for one in kept["passwordCredentials"]] == ["theirs"]
        again = removed(twin)
        assert (again["changed"], twin.writes()) == (False, [])
    twin.move_clock(offset=0)


def test_who_does_not_see_the_environments_removes_nothing(twin: Twin) -> None:
    application = made(twin)
    twin.switches(environment_list="missing")
    result = removed(twin)
    assert result["failed"]
    assert "check_others=false says so" in result["msg"]
    assert twin.writes() == []
    twin.reset_switches()
    twin.fault(
        surface="provisioning", method="GET", path="^/Provisioning/Environment/$", action="status", status=200, body=[]
    )
    empty = removed(twin)
    assert "does not show its environments" in empty["msg"], "no environment at all is no answer"
    assert is_there(twin, application)
    twin.clear_faults()
    twin.switches(environment_list="missing")
    assert removed(twin, check_others=False)["changed"]
    assert not is_there(twin, application)


def test_others_that_do_not_show_their_sign_in_are_named(twin: Twin) -> None:
    other(twin)
    made(twin)
    twin.switches(settings_read="missing")
    result = removed(twin)
    assert result["changed"]
    assert "1 of 1 other environments do not show which app registration they use" in result["not_proven"][0]


def test_more_hosts_of_the_environment_are_its_own(twin: Twin) -> None:
    application = made(twin)
    more = "https://workspace.contoso.com/contoso/OAuth2/HandleAuthorityResponse"
    changed(twin, application, web={"redirectUris": [*application["redirect_uris"], more]})
    assert removed(twin)["left_out"]
    assert removed(twin, redirect_hosts=["workspace.contoso.com"])["changed"]
    assert not is_there(twin, application)


@pytest.mark.parametrize("lost", ["removePassword$", "/applications/[^/]+$"])
def test_a_lost_answer_is_no_failure(twin: Twin, lost: str) -> None:
    application = made(twin)
    method = "POST" if "Password" in lost else "DELETE"
    twin.fault(surface="graph", method=method, path=lost, action="drop_after", times=1)
    result = removed(twin)
    assert not result.get("failed"), result["msg"]
    assert not is_there(twin, application)
