# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task leaves out, does not do or cannot know is said, and is not a green "unchanged"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from in_process import run
from playing import COLLECTION, Play, connection
from test_emptied_groups import ALLAN, PEOPLE, group, importing, tenant
from w365_simulator.testing import Twin

EXCLUDED = PEOPLE[3]


@pytest.mark.parametrize("how", ["UPN", "name", "excluded"])
def test_who_is_left_out_stays_in_the_groups(twin: Twin, how: str) -> None:
    """As long as Microsoft Entra has the person in them. Nobody who has left a group there stays in it here."""
    tenant(twin, [group("Sales", PEOPLE[:6]), group("Retail", PEOPLE[3:9])])
    options = importing(twin, groups=["Sales", "Retail"])
    assert run("w365_o365_import", options)["changed"]
    change: dict[str, Any] = {"op": "change_user", "user": EXCLUDED, "set": {"surname": None}}
    if how == "UPN":
        change["set"] = {"userPrincipalName": "person*three@contoso.com"}
    if how == "excluded":
        options["exclude_users"] = [EXCLUDED]
    else:
        twin.change_tenant(change)
    name = "person*three@contoso.com" if how == "UPN" else EXCLUDED
    result = run("w365_o365_import", options)
    assert not result.get("failed"), result
    groups = twin.environment("contoso")["groups"]
    assert EXCLUDED in groups["Sales"]["members"]
    assert EXCLUDED in groups["Retail"]["members"]
    (reason,) = (item["reason"] for item in result["left_out"] if item["name"] == name)
    assert reason.endswith("; it stays in its groups")
    assert run("w365_o365_import", options)["changed"] is False
    twin.change_tenant({"op": "remove_members", "group": "Retail", "members": [name]})
    assert run("w365_o365_import", options)["changed"]
    groups = twin.environment("contoso")["groups"]
    assert EXCLUDED in groups["Sales"]["members"]
    assert EXCLUDED not in groups["Retail"]["members"]


def test_what_the_provisioning_api_cannot_do_is_said(twin: Twin) -> None:
    tenant(twin, [group("Sales", PEOPLE[:6])])
    options = importing(twin, groups=["Sales"], on_leave="keep", include_groups=False, scim_url="", scim_token="")
    assert run("w365_o365_import", options)["changed"]
    twin.change_tenant({"op": "change_user", "user": EXCLUDED, "set": {"accountEnabled": False}})
    result = run("w365_o365_import", options)
    assert not result.get("failed"), result
    (reason,) = (item["reason"] for item in result["left_out"] if item["name"] == EXCLUDED)
    assert "was not deactivated, because the Provisioning API alone cannot tell whose account it is" in reason
    assert twin.environment("contoso")["users"][EXCLUDED]["active"]


@pytest.mark.parametrize("module", ["w365_user", "w365_directory"])
def test_an_empty_list_does_not_say_that_somebody_is_absent(twin: Twin, module: str) -> None:
    tenant(twin, [])
    twin.fault(action="status", status=200, surface="provisioning", method="GET", path="/User/?$", times=-1, body=[])
    one = {"upn": ALLAN, "state": "absent"}
    for check in (True, False):
        result = run(module, {**connection(twin), **(one if module == "w365_user" else {"users": [one]})}, check=check)
        assert result["failed"]
        assert "it cannot tell who is absent" in result["msg"]
        assert "Give scim_url and scim_token" in result["msg"]


def test_unchanged_is_no_answer_about_another_customer(twin: Twin) -> None:
    tenant(twin, [])
    person = {"upn": ALLAN, "first_name": "Allan"}
    options = {**connection(twin, scim=True), **person}
    assert run("w365_user", options)["changed"] is False
    refused = run("w365_user", {**options, "scim_environment": "fabrikam"})
    assert refused["failed"]
    assert "says that scim_url belongs to environment 'fabrikam'" in refused["msg"]
    assert run("w365_user", {**options, "scim_environment": "contoso"})["changed"] is False


def test_sync_says_once_how_many_were_left_out(twin: Twin, play: Callable[..., Play]) -> None:
    """The summary of the import counts them too."""
    customer = {"name": "contoso", **connection(twin, scim=True), "import": {"domains": ["contoso.com"]}}
    extra = ["-e", json.dumps({"w365_sync_configurations": [customer]}), f"{COLLECTION}.sync"]
    played = play(arguments=extra)
    assert played.code == 0, played.output
    (line,) = re.findall(r"contoso: changed, [^\n]*", played.output)
    assert re.findall(r"left out \d+", line) == ["left out 4"], line
