# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Groups that lose most of their members, or seem to have none: in Microsoft Entra, in a file, and in a SCIM listing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from in_process import run
from playing import Play, connection, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

ALLAN = "allan.deyoung@contoso.com"
PEOPLE = [f"person{number:02}@contoso.com" for number in range(40)]
CLIENT = {"client_id": "00000000-0000-4000-8000-0000000000a1", "client_secret": "entra-demo-secret-of-the-twin"}
READERS = ["User.Read.All", "GroupMember.Read.All", "Organization.Read.All"]


def tenant(twin: Twin, groups: list[dict[str, Any]], **application: Any) -> None:
    """A tenant of forty people with these groups, and an environment with its administrator."""
    administrator = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    twin.reset(
        {
            "tenants": [
                {
                    "id": "00000000-0000-4000-8000-000000000001",
                    "display_name": "Contoso",
                    "domains": [{"name": "contoso.com", "default": True}],
                    "applications": [{**CLIENT, **application}],
                    "users": [
                        {"user_principal_name": upn, "given_name": "Person", "surname": upn[6:8]} for upn in PEOPLE
                    ],
                    "groups": groups,
                }
            ],
            "environments": [{"name": "contoso", "users": [administrator]}],
        },
        "full",
    )


def importing(twin: Twin, **more: Any) -> dict[str, Any]:
    known = {"on_leave": "delete", "delete_limit": "100%", "entra_tenant": "contoso.com"}
    keys = {"entra_client_id": CLIENT["client_id"], "entra_client_secret": CLIENT["client_secret"]}
    return connection(twin, scim=True, entra=False) | known | keys | more


def members(twin: Twin, group: str) -> int:
    return len(twin.environment("contoso")["groups"][group]["members"])


def active(twin: Twin) -> int:
    return sum(user["active"] for user in twin.environment("contoso")["users"].values())


def group(name: str, people: list[str], **more: Any) -> dict[str, Any]:
    return {"display_name": name, "members": people, **more}


@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("scope", ["chosen", "imported"])
def test_a_group_that_lost_everybody_is_refused(twin: Twin, tmp_path: Path, scope: str, state: bool) -> None:
    tenant(twin, [group("Managers", PEOPLE[:30]), group("Sales", PEOPLE[30:])])
    chosen = {"groups": ["Managers", "Sales"]} if scope == "chosen" else {"everything": True}
    options = importing(twin, **chosen, **({"state_file": str(tmp_path / "state.json")} if state else {}))
    assert run("w365_o365_import", options).get("changed")
    twin.change_tenant({"op": "remove_members", "group": "Sales", "members": PEOPLE[30:]})
    twin.clear_requests()
    for check in (True, False):
        result = run("w365_o365_import", options, check=check)
        assert "Group 'Sales' had 10 members" in result.get("msg", ""), result
    assert not [request for request in twin.writes() if request["surface"] == "scim"]
    assert (active(twin), members(twin, "Sales")) == (41, 10)
    skipped = run("w365_o365_import", {**options, "when_group_empty": "skip"})
    assert not skipped.get("failed"), skipped
    assert (active(twin), members(twin, "Sales")) == (41, 10)
    assert [item["name"] for item in skipped["left_out"] if "had 10 members" in item["reason"]] == ["Sales"]
    accepted = run("w365_o365_import", {**options, "when_group_empty": "accept"})
    assert not accepted.get("failed"), accepted
    assert active(twin) == (31 if scope == "chosen" else 41)
    assert ("Sales" in twin.environment("contoso")["groups"]) is (scope == "chosen")


@pytest.mark.parametrize("how", ["empty", "nulls"])
@pytest.mark.parametrize("state", [False, True])
def test_hidden_members_are_not_nobody(twin: Twin, tmp_path: Path, how: str, state: bool) -> None:
    """The application had Member.Read.Hidden, and lost it."""
    hidden = {"visibility": "HiddenMembership", "mail_enabled": True, "group_types": ["Unified"]}
    tenant(twin, [group("All", PEOPLE[:20]), group("Board", PEOPLE[20:], **hidden)])
    options = importing(twin, groups=["All", "Board"])
    if state:
        options |= {"state_file": str(tmp_path / "state.json"), "full_every": 0}
    assert run("w365_o365_import", options).get("changed")
    assert members(twin, "Board") == 20
    twin.change_tenant({"op": "change_application", "client_id": CLIENT["client_id"], "set": {"permissions": READERS}})
    twin.switches(graph_hidden_members=how)
    for policy in ("refuse", "accept", "skip"):
        result = run("w365_o365_import", {**options, "when_group_empty": policy})
        assert bool(result.get("failed")) is (policy == "refuse" or (how == "nulls" and not state)), (policy, result)
        if result.get("failed"):
            assert "Member.Read.Hidden" in result["msg"], result
        assert (active(twin), members(twin, "Board")) == (41, 20)


def test_memberships_are_limited_in_an_import_that_keeps_everybody(twin: Twin) -> None:
    tenant(twin, [group("Sales", PEOPLE)])
    options = importing(twin, everything=True, on_leave="keep")
    run("w365_o365_import", options)
    twin.change_tenant({"op": "remove_members", "group": "Sales", "members": PEOPLE[5:]})
    for check in (True, False):
        result = run("w365_o365_import", options, check=check)
        assert "Group 'Sales' would lose 35 of 40 members" in result.get("msg", ""), result
    assert members(twin, "Sales") == 40
    assert not run("w365_o365_import", {**options, "membership_limit": "100%"}).get("failed")
    assert members(twin, "Sales") == 5


def _file(tmp_path: Path, keep: list[str]) -> str:
    path = tmp_path / "directory.yml"
    path.write_text(json.dumps({"groups": [{"name": "Sales", "members": {"set": keep}}]}), encoding="utf-8")
    return str(path)


def _sales(twin: Twin) -> None:
    users = [{"upn": upn, "first_name": "Person", "last_name": upn[6:8]} for upn in PEOPLE]
    administrator = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    groups = [{"name": "Sales", "members": PEOPLE}, {"name": "Small", "members": PEOPLE[:3]}]
    twin.reset({"environments": [{"name": "contoso", "users": [administrator, *users], "groups": groups}]}, "full")


def test_memberships_are_limited_in_files_lists_purges_and_plans(twin: Twin, tmp_path: Path) -> None:
    _sales(twin)
    options = connection(twin, scim=True)
    listed = {"groups": [{"name": "Sales", "members": {"add": PEOPLE[:20]}}], "purge": ["memberships"]}
    for own in (
        {"src": [_file(tmp_path, PEOPLE[:20])]},
        {"src": [_file(tmp_path, [])]},
        {"groups": [{"name": "Sales", "members": {"set": PEOPLE[:20]}}]},
        {**listed, "purge_limit": "100%"},
        {"src": [_file(tmp_path, PEOPLE[:20])], "plan_file": str(tmp_path / "plan.json")},
    ):
        result = run("w365_directory", {**options, **own})
        assert "would lose" in result.get("msg", ""), (own, result)
        assert "membership_limit is 25%" in result["msg"]
    assert members(twin, "Sales") == 40
    # What is named is not limited, and neither is a small group.
    named = [{"name": "Sales", "members": {"remove": PEOPLE[20:]}}, {"name": "Small", "members": {"set": []}}]
    assert run("w365_directory", {**options, "groups": named}).get("changed")
    assert (members(twin, "Sales"), members(twin, "Small")) == (20, 0)
    assert run("w365_group", {**options, "name": "Sales", "members": {"set": []}}).get("changed")
    assert members(twin, "Sales") == 0


def test_a_plan_is_limited_again_when_it_is_applied(twin: Twin, tmp_path: Path) -> None:
    _sales(twin)
    options = connection(twin, scim=True)
    plan = str(tmp_path / "plan.json")
    own = {"src": [_file(tmp_path, PEOPLE[:20])], "plan_file": plan, "membership_limit": "50%"}
    assert not run("w365_directory", {**options, **own}).get("failed")
    refused = run("w365_directory", {**options, "apply_plan": plan})
    assert "would lose 20 of 40 members" in refused["msg"], refused
    assert members(twin, "Sales") == 40
    assert run("w365_directory", {**options, "apply_plan": plan, "membership_limit": "50%"}).get("changed")
    assert members(twin, "Sales") == 20


@pytest.mark.parametrize("beyond", ["cut", "empty", "omit"])
@pytest.mark.parametrize("shown", [2, 10, 39])
def test_members_that_a_listing_does_not_show_are_read(twin: Twin, tmp_path: Path, beyond: str, shown: int) -> None:
    """A small group is shown whole, and the big one is not."""
    _sales(twin)
    twin.switches(scim_members_listed=shown, scim_members_beyond=beyond)
    options = connection(twin, scim=True)
    own = {"groups": [{"name": "Sales", "members": {"set": PEOPLE}}, {"name": "Small", "members": {"set": PEOPLE[:3]}}]}
    result = run("w365_directory", {**options, **own})
    assert result.get("changed") is False, result
    alone = run("w365_group", {**options, "name": "Sales", "members": {"set": PEOPLE}})
    assert alone.get("changed") is False, alone
    info = run("w365_group_info", options)
    assert {found["name"]: len(found["members"]) for found in info["groups"]} == {"Sales": 40, "Small": 3}
    refused = run("w365_directory", {**options, "groups": [{"name": "Sales", "members": {"set": PEOPLE[:5]}}]})
    assert "would lose 35 of 40 members" in refused["msg"], refused


def test_the_cost_of_a_listing_does_not_grow_with_groups_that_show_members(twin: Twin) -> None:
    users = [{"upn": upn, "first_name": "Person", "last_name": upn[6:8]} for upn in PEOPLE]
    groups = [{"name": f"Group {number}", "members": PEOPLE[: number % 30 + 1]} for number in range(60)]
    twin.reset({"environments": [{"name": "contoso", "users": users, "groups": groups}]}, "full")
    wanted = [{"name": one["name"], "members": {"set": one["members"]}} for one in groups]
    twin.clear_requests()
    assert run("w365_directory", {**connection(twin, scim=True), "groups": wanted}).get("changed") is False
    reads = [request for request in twin.requests(surface="scim") if "/Groups/" in request["path"]]
    assert len(reads) == 2


def test_a_playbook_is_refused_before_its_first_write(twin: Twin, play: Player, tmp_path: Path) -> None:
    _sales(twin)
    own = {"src": [_file(tmp_path, PEOPLE[:20])]}
    checked, real, done = play(
        task("w365_directory", check=True, **own),
        task("w365_directory", **own),
        task("w365_directory", membership_limit="20", **own),
        defaults=connection(twin, scim=True),
    )
    assert checked.status == real.status == "failed"
    assert checked.message == real.message
    assert not real.writes
    assert real.result["would_go"]["memberships"][0] == f"Sales: {PEOPLE[20]}"
    assert done.changed
