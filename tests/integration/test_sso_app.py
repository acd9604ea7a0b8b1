# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_sso_app against the twin as Microsoft Entra: in both hosts, killed in the middle, and with the secret for a vault.

A test in memory (tests/unit/plugins/module_utils/_w365/task/test_sso_app.py) ends it at every request.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import in_process
from conftest import CONTOSO
from playing import Play, connection, run_in, start_playbook, task
from w365_simulator.testing import Twin

ALLAN = "allan.deyoung@contoso.com"
QUICK: dict[str, Any] = {"replication_timeout": 0, "activation_timeout": 0}
APP: dict[str, Any] = {"primary_domain": "contoso.com", **QUICK}
TWINS_SECRET = "8Q~"
"""It is in every secret that the twin makes up."""

DAY = 86_400


def applications(twin: Twin) -> list[dict[str, Any]]:
    """The app registrations of this environment, as the twin has them."""
    (tenant,) = twin.state()["entra"].values()
    found = tenant["applications"]
    listed = found.values() if isinstance(found, dict) else found
    return [one for one in listed if one.get("uniqueName")]


def secrets_of(application: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = application["passwordCredentials"]
    return found


def in_this_process(twin: Twin, **options: Any) -> dict[str, Any]:
    result = in_process.run("w365_sso_app", {**connection(twin), **APP, **options})
    assert not result.get("failed"), result["msg"]
    return result


def assert_done(twin: Twin, result: dict[str, Any]) -> None:
    assert twin.sign_in("contoso", ALLAN)["can_sign_in"], twin.sign_in("contoso", ALLAN)
    (application,) = applications(twin)
    key_id = result["secret"]["key_id"]
    (linked,) = [one for one in secrets_of(application) if one["keyId"] == key_id]
    assert linked["secret_sha256"] == twin.environment("contoso")["sso"]["key_sha256"], "the mark is right"


@pytest.mark.parametrize("host", ["direct", pytest.param("process", marks=pytest.mark.slow)])
def test_once_and_again_with_everything_that_ansible_prints(
    twin: Twin, play: Callable[..., Play], tmp_path: Path, host: str
) -> None:
    twin.clear_requests()
    steps = (task("w365_sso_app", check=True, **APP), task("w365_sso_app", **APP), task("w365_sso_app", **APP))
    info = task("w365_sso_app_info")
    with run_in(host):
        played = play(*steps, info, defaults=connection(twin), arguments=["-vvvv", "--diff"])
    check, first, second, read = played
    assert check.changed
    assert check.writes == []
    assert first.changed
    assert check.result["summary"] == first.result["summary"]
    assert (second.changed, second.writes) == (False, [])
    assert second.result["secret"]["state"] == "linked"
    assert_done(twin, second.result)
    assert (read.result["found"], read.result["linked"], read.result["drift"]) == (True, True, [])
    assert TWINS_SECRET not in played.output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TWINS_SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("host", ["direct", pytest.param("process", marks=pytest.mark.slow)])
def test_the_secret_for_a_vault_is_in_a_hidden_result_only(
    twin: Twin, play: Callable[..., Play], tmp_path: Path, host: str
) -> None:
    kept = tmp_path / "kept" / "secret"
    kept.parent.mkdir(mode=0o700)
    shown = task("w365_sso_app", title="shown", return_secret=True, **APP)
    hidden = {**task("w365_sso_app", title="hidden", return_secret=True, **APP), "no_log": True, "register": "made"}
    store = {
        **task("ansible.builtin.copy", dest=str(kept), content="{{ made.client_secret }}", mode="0600"),
        "no_log": True,
    }
    again = {**hidden, "name": "again"}
    background = {**hidden, "name": "background", "async": 30, "poll": 1}
    with run_in(host):
        played = play(shown, hidden, store, again, background, defaults=connection(twin), arguments=["-vvvv", "--diff"])
    assert played[0].status == "failed"
    assert "no_log: true" in played[0].message
    assert played[0].writes == []
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    assert digest == twin.environment("contoso")["sso"]["key_sha256"]
    assert played[3].writes == []
    assert (played[4].status, played[4].writes) == ("failed", []), "it would keep its result in a file"
    assert TWINS_SECRET in kept.read_text()
    assert TWINS_SECRET not in played.output


KILLED = {
    "after the application": {"action": "hold_after", "method": "PATCH", "path": "/applications"},
    "before the consent": {"action": "hold_before", "method": "POST", "path": "/oauth2PermissionGrants"},
    "after the secret": {"action": "hold_after", "method": "POST", "path": "/addPassword"},
    "before Workspace 365": {"action": "hold_before", "surface": "provisioning", "method": "PUT"},
    "after Workspace 365": {"action": "hold_after", "surface": "provisioning", "method": "PUT"},
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("rotation", [False, True], ids=["creation", "rotation"])
@pytest.mark.parametrize(
    "where", [name if name == "after Workspace 365" else pytest.param(name, marks=pytest.mark.slow) for name in KILLED]
)
def test_killed_in_the_middle_one_more_run_completes_it(twin: Twin, tmp_path: Path, where: str, rotation: bool) -> None:
    fault = KILLED[where]
    options = {**APP, "rotate": "always"} if rotation else APP
    if rotation:
        if where in ("after the application", "before the consent"):
            pytest.skip("a rotation does not come there")
        in_this_process(twin)
    twin.fault(**fault)
    with start_playbook(tmp_path, twin, [task("w365_sso_app", **options)], defaults=connection(twin)) as running:
        running.kill_at_fault()
    twin.release()
    twin.clear_faults()
    # Of two secrets of the same second nobody could tell which is newer. A run waits at least ten between them.
    time.sleep(1.1)
    if rotation:
        assert twin.sign_in("contoso", ALLAN)["can_sign_in"]
    result = in_this_process(twin)
    assert_done(twin, result)
    twin.move_clock(advance=8 * DAY)
    in_this_process(twin)
    last = in_this_process(twin)
    assert not last["changed"]
    assert_done(twin, last)
    (application,) = applications(twin)
    assert [one["state"] for one in last["secrets"]] == ["linked"], secrets_of(application)
    twin.move_clock(offset=0)


def test_nothing_of_others_is_touched(twin: Twin) -> None:
    first = in_this_process(twin)
    client_id = first["application"]["client_id"]
    twin.change_tenant(
        {"op": "add_secret", "client_id": client_id, "text": "of-somebody-else", "name": "theirs"},
        {
            "op": "change_application_object",
            "client_id": client_id,
            "set": {"tags": [*first["application"]["tags"], "theirs"]},
        },
    )
    result = in_this_process(twin, rotate="always")
    assert result["rotated"]
    assert result["foreign_secrets"] == 1
    twin.move_clock(advance=8 * DAY)
    last = in_this_process(twin)
    assert "theirs" in last["application"]["tags"]
    assert sorted(one["state"] for one in last["secrets"]) == ["foreign", "linked"]
    assert_done(twin, last)
    twin.move_clock(offset=0)


def test_servers_that_learn_late_and_flap_are_waited_for(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    twin.switches(
        entra_replication="001011", entra_change_replication="010", secret_listing="01", secret_activation="00101"
    )
    result = in_this_process(twin, replication_timeout=6, activation_timeout=6)
    assert_done(twin, result)
    assert not in_this_process(twin)["changed"]


def test_a_policy_of_the_tenant_shortens_or_forbids(twin: Twin) -> None:
    def policy(*restrictions: dict[str, Any]) -> dict[str, Any]:
        given = {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": list(restrictions)}}
        return {"op": "set_default_app_policy", "set": given}

    twin.change_tenant(policy({"restrictionType": "passwordAddition", "state": "enabled"}))
    twin.clear_requests()
    refused = in_process.run("w365_sso_app", {**connection(twin), **APP})
    assert refused["failed"]
    assert "exempt this application" in refused["msg"]
    assert twin.writes() == []
    twin.change_tenant(policy({"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}))
    result = in_this_process(twin)
    assert result["shortened_by_policy"]
    assert 89 < result["days_left"] <= 90
    twin.change_tenant(policy({"restrictionType": "passwordLifetime", "maxLifetime": "P20D", "state": "enabled"}))
    short = in_process.run("w365_sso_app", {**connection(twin), **APP, "rotate": "always"})
    assert short["failed"]
    assert "rotate_before" in short["msg"]


def test_two_candidates_are_listed_and_none_is_chosen(twin: Twin) -> None:
    redirect = f"{twin.instance_url.lower()}/contoso/OAuth2/HandleAuthorityResponse"
    both = [f"00000000-0000-4000-8000-0000000000{end}" for end in ("a1", "b2")]
    seed = copy.deepcopy(CONTOSO)
    for application in seed["tenants"][0]["applications"]:
        application["redirect_uris"] = [redirect]
    twin.reset(seed, "full")
    twin.clear_requests()
    result = in_process.run("w365_sso_app", {**connection(twin), **APP, "secret": "unmanaged"})
    assert result["failed"]
    assert all(one in result["msg"] for one in both)
    assert "option client_id" in result["msg"]
    assert twin.writes() == []
    chosen = in_this_process(twin, secret="unmanaged", client_id=both[1])
    assert chosen["application"]["client_id"] == both[1]
    assert in_this_process(twin, secret="unmanaged")["application"]["client_id"] == both[1], "by its tag"
