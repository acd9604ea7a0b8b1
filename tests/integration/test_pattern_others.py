# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type, dict-item, func-returns-value"

"""Every info module, w365_api, where the connection may come from, and servers with habits of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pattern import ADELE, ALLAN, NESTOR, NO_GROUPS, NO_ROLE, NO_USERS, PATTI, Stage, same, switch, walk
from playing import Play, connection, task
from w365_simulator.testing import Twin

NO_SSO = (
    "this server does not have the endpoint 'sso.read' (GET /{environment}/SingleSignOnSettings/OAuth2), which the vendor has "
    "not documented (HTTP 404, GET "
    "/contoso/SingleSignOnSettings/OAuth2). If your server has it under another path, give that in option endpoints: "
    "{'sso.read': '/...'}."
)
SEED = {
    "environments": [
        {
            "name": "contoso",
            "groups": [{"name": "Retail", "description": "Shops", "external_id": "g1", "members": [NESTOR, PATTI]}],
            "sso": {
                "authority": "https://login.windows.net/contoso.com",
                "client_id": "00000000-0000-4000-8000-0000000000b2",
                "key": "sso-demo-secret-of-the-twin",
            },
        }
    ]
}


def held_users(twin: Twin, *, scim: bool) -> list[dict[str, Any]]:
    """What an info module has to say about the twin's users."""
    return [
        {
            "upn": upn,
            "id": user["scim_id"] if scim else str(user["id"]),
            "first_name": user["first_name"],
            "last_name": user["last_name"],
            "email": user["email"] if scim else None,
            "active": user["active"],
            "external_id": None,
            "administrator": None if scim else user["administrator"],
            **dict.fromkeys(("display_name", "job_title", "department", "phone", "preferred_language")),
        }
        for upn, user in sorted(twin.environment("contoso")["users"].items())
    ]


def held_group(twin: Twin, *, scim: bool) -> dict[str, Any]:
    group = twin.environment("contoso")["groups"]["Retail"]
    return {
        "name": "Retail",
        "id": group["scim_id"] if scim else str(group["id"]),
        "description": None if scim else "Shops",
        "external_id": "g1" if scim else None,
        "members": [NESTOR, PATTI],
    }


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("wire", ["provisioning-full", "scim-documented", "provisioning-documented"])
def test_every_info_module(wire: str, twin: Twin, play: Callable[..., Play]) -> None:
    scim, documented = wire.startswith("scim"), wire.endswith("documented")
    twin.seed(SEED)
    twin.switches(profile="documented" if documented else "full")
    users, group = held_users(twin, scim=scim), held_group(twin, scim=scim)
    sso = {key: SEED["environments"][0]["sso"][key] for key in ("authority", "client_id")}  # type: ignore[index]
    blind = wire == "provisioning-documented"
    no_users, no_groups = (NO_USERS, NO_GROUPS) if blind else ("", "")
    questions: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
        ("w365_user_info", {}, {"users": users}, no_users),
        ("w365_user_info", {"upn": NESTOR.upper()}, {"users": [users[1]]}, no_users),
        ("w365_user_info", {"upn": ADELE}, {"users": []}, no_users),
        ("w365_group_info", {}, {"groups": [group]}, no_groups),
        ("w365_group_info", {"name": "retail"}, {"groups": [group]}, no_groups),
        (
            "w365_group_info",
            {"name": "retail", "include_members": False},
            {"groups": [{**group, "members": None}]},
            no_groups,
        ),
        ("w365_group_info", {"name": "Shops"}, {"groups": []}, no_groups),
        (
            "w365_admin_info",
            {},
            {"administrators": held_users(twin, scim=False)[:1]},
            NO_ROLE if documented else "",
        ),
        ("w365_sso_info", {}, {"sso": sso, "readable": True}, NO_SSO if documented else ""),
        ("w365_environment_info", {}, {"environments": [{"name": "contoso", "active": True}], "readable": True}, ""),
    ]
    before = twin.state()
    # Every other one in check mode: reading is the same there.
    played = play(
        *(task(module, check=number % 2 == 0, **asked) for number, (module, asked, *_) in enumerate(questions)),
        defaults=connection(twin, scim=scim),
    )
    for step, (module, asked, answer, refused) in zip(played, questions, strict=True):
        about = f"{module} {asked}: {step.message}"
        same(step.writes, [], about)
        if refused:
            same((step.status, step.message), ("failed", refused), about)
            continue
        same(step.changed, False, about)
        for key, value in answer.items():
            same(step.result[key], value, about)
    same(twin.state(), before, "the state after reading")


def test_the_connection_from_environment_variables(twin: Twin, play: Callable[..., Play]) -> None:
    """Everything that make_defaults may hold can come from W365_* variables, with an option of the task on top."""
    options = connection(twin, scim=True)
    environ = {f"W365_{name.upper()}": str(value) for name, value in options.items()}
    alone, provisioning, entra, elsewhere = play(
        task("w365_user_info", upn=NESTOR),
        task("w365_admin_info"),
        task("w365_o365_import_info", domains=["emea.contoso.com"]),
        task("w365_admin_info", environment="nowhere"),
        environ=environ,
    ).steps
    same([user["upn"] for user in alone.result["users"]], [NESTOR], alone.message)
    same({request["surface"] for request in alone.requests}, {"scim"}, alone.name)
    same([user["upn"] for user in provisioning.result["administrators"]], [ALLAN], provisioning.message)
    same(len(entra.result["users"]), 6, entra.message)
    same(elsewhere.status, "failed", elsewhere.message)
    assert "has no environment 'nowhere'" in elsewhere.message
    nothing = play(task("w365_admin_info"))[0]
    same(
        nothing.message,
        "Option instance_url is needed for the Provisioning API. Give it in the task, in module_defaults, or in "
        "W365_INSTANCE_URL.",
        nothing.name,
    )


def test_raw_calls(twin: Twin, play: Callable[..., Play]) -> None:
    """Reading is done in check mode too, everything else is only announced there."""
    nestor = twin.environment("contoso")["users"][NESTOR]["scim_id"]
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": False}],
    }
    exchange = {"ServerType": "Office365", "DefaultEwsUrl": "https://outlook.office365.com/EWS/Exchange.asmx"}
    reads: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
        ({"path": "/{environment}/UserLicenses/"}, lambda told: told == {"purchasedLicenses": 0, "usedLicenses": 2}),
        (
            {"service": "scim", "path": "/Users", "query": {"filter": f'userName eq "{NESTOR}"'}},
            lambda told: bool(told["totalResults"] == 1),
        ),
        (
            {"service": "graph", "path": "/organization", "query": {"$select": "verifiedDomains"}},
            lambda told: len(told["value"][0]["verifiedDomains"]) == 3,
        ),
        (
            {"path": "/{environment}/SharePointSettings/", "status_code": [200, 404]},
            lambda told: told == {"AuthenticationType": None, "DefaultUrl": None},
        ),
    ]
    writes: list[tuple[dict[str, Any], Callable[[Any], bool]]] = [
        (
            {"method": "PUT", "path": "/{environment}/UserLicenses/Count/", "body": 25},
            lambda contoso: contoso["licenses"]["purchased"] == 25,
        ),
        (
            {"method": "PUT", "path": "/{environment}/ExchangeSettings", "body": exchange},
            lambda contoso: contoso["exchange"] == exchange,
        ),
        (
            {"service": "scim", "method": "PATCH", "path": f"/Users/{nestor}", "body": patch},
            lambda contoso: contoso["users"][NESTOR]["active"] is False,
        ),
        (
            {"service": "scim", "method": "DELETE", "path": f"/Users/{nestor}"},
            lambda contoso: NESTOR not in contoso["users"],
        ),
    ]
    played = play(
        *(task("w365_api", check=check, **call) for call, _ in [*reads, *writes] for check in (True, False)),
        switch(twin, profile="documented"),
        task("w365_api", path="/{environment}/SharePointSettings/"),
        task("w365_api", path="/{environment}/SharePointSettings/", status_code=[404]),
        defaults=connection(twin, scim=True),
    ).steps
    for number, (call, holds) in enumerate([*reads, *writes]):
        check, do = played[2 * number : 2 * number + 2]
        about = f"w365_api {call}: {do.message}"
        same(check.writes, [], about)
        same((check.changed, do.changed), (call.get("method") is not None,) * 2, about)
        if number < len(reads):
            assert holds(check.result["json"]), about
            assert holds(do.result["json"]), about
            same(do.writes, [], about)
        else:
            same(check.result["status"], None, about)
            assert not holds(check.environment()), about
            assert holds(do.environment()), about
            same(len(do.writes), 1, about)
    refused, accepted = played[-2:]
    same(refused.status, "failed", refused.message)
    for part in (
        "(HTTP 404, GET /contoso/SharePointSettings/).",
        "Expected one of 200, 201, 202, 204 (option status_code).",
    ):
        assert part in refused.message
    same((accepted.changed, accepted.result["status"]), (False, 404), accepted.message)


HABITS = {
    "full": {"strict_requested_with": True, "trailing_slash": "required", "path_names": "lower", "html_errors": True},
    "documented": {
        "strict_requested_with": True,
        "trailing_slash": "required",
        "server_error_for_bad_body": True,
        "html_errors": True,
    },
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("profile", HABITS)
def test_a_server_with_habits(profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    """It insists on headers, slashes and small letters, and its errors are web pages. Every call is made once."""
    full = profile == "full"
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    administrator = {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}
    wishes: list[tuple[str, dict[str, Any]]] = [
        ("w365_environment", {"environment": "Contoso-Lab", "administrator": administrator}),
        ("w365_environment", {"environment": "ContosoLab", "active": False}),
        ("w365_user", {**adele, "environment": "ContosoLab"}),
    ]
    if full:
        wishes += [
            ("w365_group", {"environment": "ContosoLab", "name": "Retail", "members": {"add": [ADELE]}}),
            ("w365_group", {"environment": "ContosoLab", "name": "Retail", "description": "Shops"}),
            ("w365_admin", {"environment": "ContosoLab", "administrators": {"add": [ADELE]}}),
            (
                "w365_sso",
                {
                    "environment": "ContosoLab",
                    "primary_domain": "contoso.com",
                    "client_id": "00000000-0000-4000-8000-0000000000b2",
                    "key": "sso-demo-secret-of-the-twin",
                },
            ),
            ("w365_group", {"environment": "ContosoLab", "name": "Retail", "state": "absent"}),
            ("w365_user", {"environment": "ContosoLab", "upn": ADELE, "state": "absent"}),
        ]
    wishes.append(
        ("w365_environment", {"environment": "ContosoLab", "state": "absent", "delete_confirmation": "contosolab"})
    )
    twin.switches(profile=profile, **HABITS[profile])
    played = play(*(task(module, **wish) for module, wish in wishes for _ in range(2)), defaults=connection(twin)).steps
    for number, (module, wish) in enumerate(wishes):
        first, again = played[2 * number : 2 * number + 2]
        about = f"{module} {wish}: {first.message} {again.message}"
        same((first.changed, again.changed), (True, False), about)
        same((bool(first.writes), again.writes), (True, []), about)
    if not full:
        walk(play, twin, "w365_user", [Stage({"upn": ADELE, "state": "absent"}, refused=NO_USERS)], profile=profile)
        # A 500 for a malformed object is told as what it may mean.
        step = play(
            task("w365_api", method="POST", path="/{environment}/User/", body="nonsense"), defaults=connection(twin)
        )[0]
        same(step.status, "failed", step.message)
        assert "HTTP 500" in step.message
        assert "An error has occurred." in step.message
