# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role w365_offboard and its playbook: refusals before the first request that writes, and every step in its stage.

Killed in the middle, each step is completed by one more run. What was touched is read from the twin's log.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from playing import COLLECTION, Play, connection, start_playbook
from w365_simulator.testing import Twin

HOSTS = ("contoso", "fabrikam")
SCIM_QUICK: dict[str, Any] = {"replication_timeout": 0, "notification_email": "it@contoso.com"}
SSO_QUICK: dict[str, Any] = {"replication_timeout": 0, "activation_timeout": 0, "primary_domain": "contoso.com"}
ROLE = f"{COLLECTION}.w365_offboard"


def day(ago: int) -> str:
    return (datetime.now(timezone.utc).date() - timedelta(days=ago)).isoformat()


LATER = {"w365_offboard_stage": "remove", "w365_offboard_deactivated_on": day(31)}
LAST = {**LATER, "w365_offboard_stage": "delete", "w365_offboard_delete_confirm": "contoso"}


@pytest.fixture
def tenant(twin: Twin) -> Twin:
    """Two environments of one Microsoft tenant; contoso has both applications, and its job runs."""
    twin.seed({"environments": [{"name": "fabrikam", "users": []}]})
    made(twin, "w365_sso_app", SSO_QUICK)
    made(twin, "w365_scim_app", {**SCIM_QUICK, "users": ["adele.vance@contoso.com"]}, scim=True)
    twin.clear_requests()
    return twin


def made(twin: Twin, module: str, options: Mapping[str, Any], *, scim: bool = False) -> dict[str, Any]:
    result = in_process.run(module, {**connection(twin, scim=scim), **options})
    assert not result.get("failed"), result["msg"]
    return result


def inventory(twin: Twin, folder: Path, hosts: Mapping[str, Mapping[str, Any]]) -> Path:
    """One host for each environment, as the head of the playbook describes it."""
    common = {f"w365_{name}": value for name, value in connection(twin, None).items()}
    common |= {"w365_offboard_export_dir": str(folder / "exports")}
    content = {"w365_environments": {"vars": common, "hosts": dict(hosts)}}
    path = folder / "inventory.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def host_of(twin: Twin, name: str, *, scim: bool = True) -> dict[str, Any]:
    keys = {"w365_scim_url": twin.scim_url(name), "w365_scim_token": twin.scim_token} if scim else {}
    return {"w365_environment": name, **keys}


Run = Callable[..., Play]


@pytest.fixture
def run(tenant: Twin, tmp_path: Path) -> Run:
    """Runs the playbook for one host, or for `hosts`."""

    def started(*words: str, hosts: Mapping[str, Mapping[str, Any]] | None = None, **variables: Any) -> Play:
        chosen = hosts if hosts is not None else {"contoso": host_of(tenant, "contoso")}
        given = {"w365_offboard_confirm": "contoso", **variables}
        given = {name: value for name, value in given.items() if value is not None}
        path = inventory(tenant, tmp_path, chosen)
        arguments = ["-i", str(path), *words, "-e", json.dumps(given), f"{COLLECTION}.fleet_offboard"]
        return start_playbook(tmp_path, tenant, [], arguments=arguments).wait()

    return started


def told(played: Play) -> list[str]:
    """The lines of the last summary of the role."""
    found = [step for step in played if step.name in (f"{ROLE} : Show what was done", "Show what was done")]
    assert found, played.output
    lines: list[str] = found[-1].result["msg"]
    return lines


def states(played: Play) -> list[str]:
    """The state of each step, in the order of the steps."""
    return [line.split(": ")[1] for line in told(played) if line[:1].isdigit()]


def said(played: Play) -> str:
    return " ".join(played.output.split())


def job(twin: Twin) -> str:
    info = in_process.run("w365_scim_app_info", {**connection(twin), "check_credentials": False})
    return str((info["job"] or {}).get("state"))


def registrations(twin: Twin) -> set[str]:
    (found,) = twin.state()["entra"].values()
    listed = found["applications"]
    return {one["displayName"] for one in (listed.values() if isinstance(listed, dict) else listed)}


def active(twin: Twin, name: str = "contoso") -> Any:
    environments = twin.state()["environments"]
    return environments[name]["active"] if name in environments else None


OURS = {"Workspace365 - contoso", "Workspace365 SCIM - contoso"}


@pytest.mark.slow
def test_from_the_first_run_to_the_deletion(tenant: Twin, run: Run, tmp_path: Path) -> None:
    check = run("--check", "--diff")
    assert check.code == 0, check.output
    assert tenant.writes() == []
    assert states(check) == ["done", "planned", "planned", "planned", "waiting", "waiting"]
    assert not (tmp_path / "exports").exists()

    first = run("--diff")
    assert first.code == 0, first.output
    assert states(first) == ["done", "done", "done", "done", "waiting", "waiting"]
    assert (active(tenant), job(tenant)) == (False, "Paused")
    exported = tmp_path / "exports" / "contoso"
    assert {"users.yml", "administrators.yml", "export_report.yml"} <= {path.name for path in exported.iterdir()}
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    assert f"w365_offboard_deactivated_on: the next stage comes on {day(-30)}" in " ".join(told(first))

    tenant.clear_requests()
    again = run()
    assert again.code == 0, again.output
    assert "changed=0" in again.output
    assert tenant.writes() == []
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before

    early = run(**{**LATER, "w365_offboard_deactivated_on": day(29)})
    assert early.code != 0
    assert f"the stage remove comes on {day(-1)} at the earliest" in said(early)
    planned = run("--check", **LATER)
    assert planned.code == 0, planned.output
    assert states(planned) == ["done", "done", "done", "done", "planned", "waiting"]
    assert tenant.writes() == []
    removed = run(**LATER)
    assert removed.code == 0, removed.output
    assert states(removed) == ["done", "done", "done", "done", "done", "waiting"]
    assert not OURS & registrations(tenant)
    tenant.clear_requests()
    assert "changed=0" in run(**LATER).output
    assert tenant.writes() == []

    deleted = run(**LAST)
    assert deleted.code == 0, deleted.output
    assert states(deleted) == ["done"] * 6
    assert sorted(tenant.state()["environments"]) == ["fabrikam"]
    tenant.clear_requests()
    after = run(**LAST)
    assert after.code == 0, after.output
    assert states(after) == ["done"] * 6
    assert "changed=0" in after.output
    assert tenant.writes() == []
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    assert "by hand: the GDAP and CSP relationship, licenses and DNS records" in " ".join(told(after))


KILLED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "in the export": ({"action": "hold_before", "surface": "scim", "method": "GET", "path": "/Users"}, {}),
    "before the pause": ({"action": "hold_before", "method": "POST", "path": "/pause$"}, {}),
    "after the pause": ({"action": "hold_after", "method": "POST", "path": "/pause$"}, {}),
    "before the deactivation": ({"action": "hold_before", "method": "PUT", "path": "/Deactivate/"}, {}),
    "after the deactivation": ({"action": "hold_after", "method": "PUT", "path": "/Deactivate/"}, {}),
    "before a secret is removed": ({"action": "hold_before", "method": "POST", "path": "/removePassword$"}, LATER),
    "after a secret is removed": ({"action": "hold_after", "method": "POST", "path": "/removePassword$"}, LATER),
    "after the first application": (
        {"action": "hold_after", "method": "DELETE", "path": "/applications/[^/]+$"},
        LATER,
    ),
    "in the assignments": ({"action": "hold_after", "method": "DELETE", "path": "appRoleAssignedTo/"}, LATER),
    "before the deletion": ({"action": "hold_before", "method": "DELETE", "path": "/Environment/"}, LAST),
    "after the deletion": ({"action": "hold_after", "method": "DELETE", "path": "/Environment/"}, LAST),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "where",
    [name if name == "after the deactivation" else pytest.param(name, marks=pytest.mark.slow) for name in KILLED],
)
def test_killed_at_any_step_one_more_run_completes_it(tenant: Twin, run: Run, tmp_path: Path, where: str) -> None:
    fault, stage = KILLED[where]
    if stage:
        assert run().code == 0
    if stage is LAST:
        assert run(**LATER).code == 0
    tenant.fault(**fault)
    path = inventory(tenant, tmp_path, {"contoso": host_of(tenant, "contoso")})
    given = json.dumps({"w365_offboard_confirm": "contoso", **stage})
    words = ["-i", str(path), "-e", given, f"{COLLECTION}.fleet_offboard"]
    with start_playbook(tmp_path, tenant, [], arguments=words) as running:
        running.kill_at_fault()
    tenant.release()
    tenant.clear_faults()
    resumed = run(**stage)
    assert resumed.code == 0, resumed.output
    assert "failed" not in states(resumed)
    assert "manual" not in states(resumed)
    gone = {"remove": OURS, "delete": OURS}.get(stage.get("w365_offboard_stage", ""), set())
    assert registrations(tenant) & OURS == OURS - gone
    assert active(tenant) is (None if stage is LAST else False)
    tenant.clear_requests()
    last = run(**stage)
    assert (last.code, tenant.writes()) == (0, []), last.output


def refusals() -> Iterator[Any]:
    for confirm in (None, "Contoso", " contoso", "contoso ", "fabrikam", "*", "contos"):
        yield pytest.param({"w365_offboard_confirm": confirm}, "has to be the name of the environment, 'contoso'")
    yield pytest.param({"w365_offboard_export_dir": ""}, "w365_offboard_export_dir is not given")
    yield pytest.param({"w365_offboard_export_dir": "exports"}, "give an absolute path")
    yield pytest.param({"w365_offboard_stage": "Delete"}, "give deactivate, remove or delete")
    yield pytest.param({"w365_offboard_stage": "remove"}, "no system shows since when an environment is inactive")
    yield pytest.param({**LATER, "w365_offboard_deactivated_on": "26-11-2026"}, "which is no day of the form")
    yield pytest.param({**LATER, "w365_offboard_deactivated_on": day(-2)}, "which is in the future")
    yield pytest.param({**LAST, "w365_offboard_delete_confirm": ""}, "w365_offboard_delete_confirm is not given")
    yield pytest.param({**LAST, "w365_offboard_delete_confirm": "fabrikam"}, "has to repeat the name")


@pytest.mark.slow
@pytest.mark.parametrize(("variables", "sentence"), list(refusals()))
def test_what_is_refused_writes_nothing(tenant: Twin, run: Run, variables: dict[str, Any], sentence: str) -> None:
    played = run(**variables)
    assert played.code != 0
    assert sentence in said(played)
    assert tenant.writes() == []
    assert active(tenant)


def test_two_hosts_and_one_name(tenant: Twin, run: Run, tmp_path: Path) -> None:
    """Refused as a whole; and with the permission, each needs its own confirmation."""
    both = {name: host_of(tenant, name, scim=name == "contoso") for name in HOSTS}
    played = run(hosts=both)
    assert played.code != 0
    assert "This play has 2 hosts" in said(played)
    assert tenant.writes() == []
    allowed = run(hosts=both, w365_offboard_allow_many=True)
    assert allowed.code != 0
    assert "fabrikam: failed: w365_offboard_confirm is 'contoso'" in said(allowed)
    assert "To retry: --limit fabrikam" in said(allowed)
    assert (active(tenant), active(tenant, "fabrikam")) == (False, True)


@pytest.mark.slow
def test_an_active_environment_is_neither_stripped_nor_deleted(tenant: Twin, run: Run) -> None:
    played = run(**LAST)
    assert played.code != 0
    assert "Environment 'contoso' is active, so the retention has not begun" in said(played)
    assert tenant.writes() == []


def test_what_others_use_is_left_and_the_rest_goes(tenant: Twin, run: Run) -> None:
    sso = made(tenant, "w365_sso_app", SSO_QUICK)["application"]
    tags = [*sso["tags"], sso["tags"][0].replace(":contoso", ":fabrikam")]
    body = {"service": "graph", "method": "PATCH", "path": f"/applications/{sso['id']}", "body": {"tags": tags}}
    made(tenant, "w365_api", body)
    assert run().code == 0
    played = run(**LATER)
    assert played.code == 0, played.output
    assert states(played) == ["done", "done", "done", "done", "manual", "waiting"]
    assert registrations(tenant) & OURS == {"Workspace365 - contoso"}
    assert "left: application Workspace365 - contoso, which also has the tag" in " ".join(told(played))


@pytest.mark.slow
def test_another_tenant_and_no_connection_to_it(tenant: Twin, run: Run) -> None:
    tenant.switches(settings_read="pascal")
    wrong = {"authority": "https://login.windows.net/fabrikam.com", "client_id": "00000000-0000-4000-8000-0000000000b2"}
    made(tenant, "w365_sso", {**wrong, "key": "x", "verify": False})
    tenant.clear_requests()
    played = run()
    assert played.code != 0
    assert "the connection to Microsoft Entra is to another tenant" in said(played)
    assert tenant.writes() == []
    without = run(w365_entra_client_secret="")
    assert without.code != 0
    assert "There is no connection to Microsoft Entra" in said(without)
    assert tenant.writes() == []
    manual = run(w365_entra_client_secret="", w365_offboard_entra="manual")
    assert manual.code == 0, manual.output
    assert states(manual) == ["done", "done", "manual", "done", "waiting", "waiting"]
    assert (active(tenant), job(tenant)) == (False, "Active")


@pytest.mark.slow
def test_a_listing_that_is_not_shown_refuses_the_later_stages(tenant: Twin, run: Run) -> None:
    assert run().code == 0
    tenant.switches(environment_list="missing")
    tenant.clear_requests()
    played = run(**LATER)
    assert played.code != 0
    assert "The server does not show its environments" in said(played)
    assert tenant.writes() == []
    assert registrations(tenant) >= OURS


@pytest.mark.parametrize(
    ("started", "sentence"),
    [
        (
            {"awx_job_id": 7, "awx_job_launch_type": "scheduled", "awx_schedule_id": 3},
            "A schedule has started this job",
        ),
        pytest.param(
            {"tower_job_id": 7, "tower_job_launch_type": "workflow", "tower_parent_job_schedule_id": 3},
            "A schedule has started this job",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_schedule_deletes_nothing(tenant: Twin, run: Run, started: dict[str, Any], sentence: str) -> None:
    played = run(**LAST, **started, w365_offboard_export_kept=True)
    assert played.code != 0
    assert sentence in said(played)
    assert tenant.writes() == []


@pytest.mark.slow
def test_the_export_is_kept_elsewhere_before_anything_is_taken_down(tenant: Twin, run: Run, tmp_path: Path) -> None:
    awx = {"awx_job_id": 7, "awx_job_launch_type": "manual"}
    tasks = tmp_path / "keep.yml"
    copy = {
        "name": "Keep it",
        "ansible.builtin.copy": {"src": "{{ w365_offboard_export_path }}", "dest": str(tmp_path / "kept")},
    }
    tasks.write_text(
        json.dumps([copy, {"name": "Cannot", "ansible.builtin.fail": {"msg": "the repository is locked"}}])
    )
    failed = run(**awx, w365_offboard_export_tasks=str(tasks))
    assert failed.code != 0
    assert "the repository is locked" in said(failed)
    assert active(tenant)
    assert tenant.writes() == []
    tasks.write_text(json.dumps([copy]))
    assert run(**awx, w365_offboard_export_tasks=str(tasks)).code == 0
    assert (tmp_path / "kept" / "contoso" / "users.yml").exists()
    assert active(tenant) is False


@pytest.mark.slow
@pytest.mark.parametrize("text", ["---\n# nothing here yet\n", "[]\n", None])
def test_tasks_that_keep_nothing_are_refused_first(tenant: Twin, run: Run, tmp_path: Path, text: str | None) -> None:
    tasks = tmp_path / "keep.yml"
    if text is not None:
        tasks.write_text(text)
    awx = {"awx_job_id": 7, "awx_job_launch_type": "manual"}
    played = run(**awx, w365_offboard_export_tasks=str(tasks))
    assert played.code != 0
    assert ("has no task, so it keeps the export nowhere" if text else "cannot be read") in said(played)
    assert tenant.requests() == []
    assert not (tmp_path / "exports").exists()


@pytest.mark.slow
def test_the_export_of_another_server_is_no_export_of_this_one(tenant: Twin, run: Run, tmp_path: Path) -> None:
    assert run().code == 0
    report = tmp_path / "exports" / "contoso" / "export_report.yml"
    good = report.read_text()
    (line,) = [one for one in good.splitlines(keepends=True) if one.startswith("server: ")]
    for other, sentence in (
        ("server: us.contoso.com\n", "is that of the server us.contoso.com, and this task is connected to"),
        ("", "does not say of which server it is"),
    ):
        report.write_text(good.replace(line, other))
        tenant.clear_requests()
        played = run(**LAST)
        assert played.code != 0
        assert sentence in said(played)
        assert tenant.writes() == []
    checked = run("--check", **LAST, w365_offboard_export_checked=True)
    assert checked.code == 0, checked.output
    report.write_text(good)
    assert run(**LAST).code == 0
    assert active(tenant) is None


@pytest.mark.slow
def test_an_export_that_is_older_than_the_deactivation(tenant: Twin, run: Run, tmp_path: Path) -> None:
    """Exported long ago, and deactivated by hand: who came between would be in no file."""
    exported = {**connection(tenant, scim=True, entra=False), "dest": str(tmp_path / "exports"), "imported": "write"}
    assert in_process.run("w365_export", exported)["changed"]
    report = tmp_path / "exports" / "contoso" / "export_report.yml"
    os.utime(report, (0, 0))
    made(tenant, "w365_environment", {"active": False})
    tenant.clear_requests()
    played = run(**LAST)
    assert played.code != 0
    assert f"is of 1970-01-01, and the environment was deactivated on {day(31)}" in said(played)
    assert tenant.writes() == []
    kept = run()
    assert kept.code == 0, kept.output
    assert "It is of 1970-01-01" in " ".join(told(kept))
    # An export that changes no file is still one of today.
    made(tenant, "w365_environment", {"active": True})
    first = run()
    assert first.code == 0, first.output
    assert run(**LATER).code == 0


@pytest.mark.slow
def test_a_server_that_does_not_show_what_is_active(tenant: Twin, run: Run, tmp_path: Path) -> None:
    """Only the documented endpoints, and a list of names: the export of an inactive environment is that of the first run."""
    tenant.switches(profile="documented", environment_list="names")
    refused = run()
    assert refused.code != 0
    assert "accept it with allow_unreadable=" in said(refused)
    assert tenant.writes() == []
    allowed = {"w365_offboard_allow_unreadable": "environment, sso, administrators"}
    first = run(**allowed)
    assert first.code == 0, first.output
    assert states(first) == ["done", "done", "done", "done", "waiting", "waiting"]
    assert "the server does not show whether it was active before" in " ".join(told(first))
    exported = tmp_path / "exports" / "contoso"
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    again = run(**allowed)
    assert again.code == 0, again.output
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    assert "was written before, and can be read back" in " ".join(told(again))
    removed = run(**allowed, **LATER)
    assert removed.code == 0, removed.output
    assert not OURS & registrations(tenant)


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--limit", "localhost"], ["--tags", "nothing"], ["-e", "w365_hosts=nobody"]])
def test_a_run_that_does_nothing_fails(tenant: Twin, run: Run, words: list[str]) -> None:
    assert run(*words).code != 0
    assert tenant.writes() == []


@pytest.mark.slow
def test_the_same_in_module_processes(tenant: Twin, run: Run) -> None:
    foretold = run("--check", w365_execution="process")
    assert states(foretold) == ["done", "planned", "planned", "planned", "waiting", "waiting"]
    assert tenant.writes() == []
    first = run(w365_execution="process")
    assert first.code == 0, first.output
    assert states(first) == ["done", "done", "done", "done", "waiting", "waiting"]
    last = run(w365_execution="process", **LATER)
    assert last.code == 0, last.output
    assert not OURS & registrations(tenant)


@pytest.mark.slow
def test_a_name_that_is_nobodys(tenant: Twin, run: Run) -> None:
    host = {"nowhere": {**host_of(tenant, "contoso"), "w365_environment": "nowhere"}}
    played = run(hosts=host, w365_offboard_confirm="nowhere")
    assert played.code != 0
    assert "The server has no environment 'nowhere'" in said(played)
    assert tenant.writes() == []


@pytest.mark.slow
def test_twice_for_one_host_and_with_errors_that_are_ignored(
    tenant: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    """The second environment is not confirmed: nothing is done to it, and nothing of the first is told about it."""

    def role(name: str, confirm: str, **more: Any) -> dict[str, Any]:
        given = {"environment": name, "confirm": confirm, "export_dir": str(tmp_path / "exports"), **more}
        task = {
            "name": f"Offboard {name}",
            "ansible.builtin.import_role": {"name": ROLE},
            "vars": {f"w365_offboard_{key}": value for key, value in given.items()},
        }
        return {"name": "Whatever happens", "block": [task], "ignore_errors": True}

    shown = {"name": "Told", "ansible.builtin.debug": {"var": "w365_offboard_result"}}
    # A failure of the export, which the confirmation does not foresee.
    full = role("fabrikam", "fabrikam", export_dir=str(tmp_path / "no" / "such" / "folder"))
    played = play(
        role("contoso", "contoso"),
        shown,
        role("fabrikam", "contoso"),
        shown,
        full,
        shown,
        defaults=connection(tenant, None),
    )
    told = [step.result["w365_offboard_result"] for step in played if step.name == "Told"]
    assert told[0]["environment"] == "contoso"
    assert told[1] == {}
    assert [step["state"] for step in told[2]["steps"]] == ["done", "failed"]
    assert (active(tenant), active(tenant, "fabrikam")) == (False, True)
