# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks for many environments, with the inventory plugin, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from playing import COLLECTION, ROOT, ansible_environment
from w365_simulator.testing import Twin

FLEET = ["contoso", "fabrikam", "litware"]
RUNNER = ROOT / ".build" / "servers" / "venv" / "bin" / "ansible-runner"


def person(environment: str, name: str = "adele", **more: Any) -> dict[str, Any]:
    return {"upn": f"{name}@{environment}.com", "first_name": name.title(), "last_name": "Vance", **more}


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        return " ".join((self.output + self.errors).split())

    @property
    def stats(self) -> dict[str, Any]:
        """What set_stats has handed on."""
        _before, _mark, after = self.output.partition("CUSTOM STATS: ")
        found: dict[str, Any] = json.loads(after[after.index("RUN: ") + len("RUN: ") :])
        return found


Fleet = Callable[..., Ran]


@pytest.fixture
def folder(twin: Twin, tmp_path: Path) -> Path:
    """An inventory of three environments, each with a person to come and one to go."""
    seed = [
        {"name": name, "users": [person(name, "nestor"), person(name, "boss", administrator=True)]} for name in FLEET
    ]
    twin.reset({"environments": seed})
    (tmp_path / "fleet.w365.yml").write_text(
        yaml.safe_dump(
            {
                "plugin": f"{COLLECTION}.w365_environments",
                "instance_url": twin.instance_url,
                "provisioning_key": "{{ lookup('ansible.builtin.env', 'W365_PROVISIONING_KEY') }}",
                "ca_path": twin.ca_path,
            }
        ),
        encoding="utf-8",
    )
    for name in FLEET:
        users = [person(name), {"upn": f"nestor@{name}.com", "state": "absent"}]
        describe(tmp_path, name, {"users": users})
    return tmp_path


def describe(folder: Path, name: str, definition: Mapping[str, Any]) -> None:
    path = folder / "host_vars" / f"{name}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"w365_directory_definition": dict(definition)}), encoding="utf-8")


@pytest.fixture
def fleet(twin: Twin, folder: Path) -> Fleet:
    """Runs a playbook of the collection for the inventory."""

    def run(playbook: str, *arguments: str, environ: Mapping[str, str] | None = None, **variables: Any) -> Ran:
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(folder / "fleet.w365.yml"), f"{COLLECTION}.{playbook}", *arguments),
            *("-e", json.dumps(variables)),
        ]
        known = ansible_environment(folder) | {
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
            **(environ or {}),
        }
        done = subprocess.run(command, env=known, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def people(twin: Twin) -> dict[str, list[str]]:
    """The names of the active people in each environment."""
    found = twin.state()["environments"]
    return {
        name: sorted(upn.split("@")[0] for upn, user in found[name]["users"].items() if user["active"])
        for name in found
    }


BEFORE = {name: ["boss", "nestor"] for name in FLEET}
AFTER = {name: ["adele", "boss"] for name in FLEET}


def test_a_plan_is_shown_approved_and_applied(twin: Twin, fleet: Fleet) -> None:
    planned = fleet("fleet_plan")
    assert planned.code == 0, planned.said
    assert people(twin) == BEFORE
    assert twin.writes() == []
    said = planned.said
    assert "These plans change 6 people in 3 of 3 environments." in said
    assert "fabrikam: user delete 1: nestor@fabrikam.com" in said
    assert "fabrikam: user create 1: adele@fabrikam.com" in said
    assert f"litware: digest {planned.stats['w365_plan_digest_litware']}" in said
    assert sorted(planned.stats) == sorted(
        ["w365_plan_summary", *(f"w365_plan_{key}{name}" for name in FLEET for key in ("", "digest_"))]
    )
    preview = fleet("fleet_apply", "--check", **planned.stats)
    assert preview.code == 0, preview.said
    assert people(twin) == BEFORE
    applied = fleet("fleet_apply", **planned.stats)
    assert applied.code == 0, applied.said
    assert people(twin) == AFTER
    assert "contoso: user create 1; user delete 1; SCIM address: none" in applied.said
    twin.clear_requests()
    again = fleet("fleet_apply", **planned.stats)
    assert again.code == 0, again.said
    assert twin.writes() == []
    assert "contoso: unchanged;" in again.said


def test_every_plan_goes_to_its_own_environment(twin: Twin, fleet: Fleet) -> None:
    """A plan in another one's variable, without its digest, of another revision, or none at all."""
    plans = fleet("fleet_plan", awx_project_revision="abc123").stats
    swapped = fleet("fleet_apply", **{**plans, "w365_plan_contoso": plans["w365_plan_fabrikam"]})
    assert swapped.code != 0
    assert "is not the plan that plan_digest approves" in swapped.said
    both = {"w365_plan_contoso": "w365_plan_fabrikam", "w365_plan_digest_contoso": "w365_plan_digest_fabrikam"}
    foreign = fleet("fleet_apply", "--limit", "contoso", **{**plans, **{to: plans[of] for to, of in both.items()}})
    assert foreign.code != 0
    assert "was made for environment 'fabrikam'" in foreign.said
    undigested = {name: value for name, value in plans.items() if name != "w365_plan_digest_contoso"}
    refused = fleet("fleet_apply", "--limit", "contoso", **undigested)
    assert refused.code != 0
    assert "w365_plan_contoso and its digest are not given" in refused.said
    newer = fleet("fleet_apply", "--limit", "contoso", awx_project_revision="def456", **plans)
    assert newer.code != 0
    assert "The plan was made with revision abc123 of the project, and this job has def456" in newer.said
    assert people(twin)["contoso"] == BEFORE["contoso"]


def test_one_broken_environment_disturbs_nobody(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "fabrikam", {"users": [{"upn": "adele"}]})
    planned = fleet("fleet_plan")
    assert planned.code != 0
    assert "To retry: --limit fabrikam" in planned.said
    assert "fabrikam: no plan: " in planned.said
    assert "w365_plan_fabrikam" not in planned.stats
    refused = fleet("fleet_apply", **planned.stats)
    assert refused.code != 0
    assert "fabrikam: failed: There is no plan for this environment" in refused.said
    left = fleet("fleet_apply", w365_without_plan="skip", **planned.stats)
    assert left.code == 0, left.said
    assert "fabrikam: left out, because it has no plan" in left.said
    assert people(twin) == {**AFTER, "fabrikam": BEFORE["fabrikam"]}


def test_the_canary_stops_the_others(twin: Twin, fleet: Fleet, folder: Path) -> None:
    plans = fleet("fleet_plan").stats
    twin.fault(surface="provisioning", method="POST", path="/contoso/", action="status", status=400, times=-1)
    ran = fleet("fleet_apply", w365_fleet_canary=1, w365_fleet_serial="50%", **plans)
    assert ran.code != 0
    assert "contoso: failed:" in ran.said
    assert "litware: not reached" in ran.said
    assert "To retry: --limit contoso,fabrikam,litware" in ran.said
    assert people(twin) == {**BEFORE, "contoso": people(twin)["contoso"]}
    odd = fleet("fleet_apply", w365_fleet_serial="0", **plans)
    assert odd.code != 0
    assert "must be numbers from 1" in odd.said


@pytest.mark.parametrize("playbook", ["fleet_plan", "fleet_apply"])
def test_a_run_that_does_nothing_fails(playbook: str, twin: Twin, fleet: Fleet, folder: Path) -> None:
    plans = fleet("fleet_plan").stats
    for arguments in (["--limit", "localhost"], ["--tags", "nothing"], ["-e", "w365_hosts=nobody"]):
        ran = fleet(playbook, *arguments, **plans)
        assert ran.code != 0, (arguments, ran.said)
    assert people(twin) == BEFORE
    # A blank answer of a survey counts as not given.
    blank = dict.fromkeys(("w365_hosts", "w365_fleet_canary", "w365_fleet_serial", "w365_without_plan"), " ")
    assert fleet(playbook, **blank, **plans).code == 0
    twin.reset({"environments": []})
    assert fleet(playbook, **plans).code != 0


def test_values_of_one_customer_in_the_environment_are_refused(twin: Twin, fleet: Fleet) -> None:
    shared = {"W365_SCIM_URL": twin.scim_url("contoso"), "W365_SCIM_TOKEN": twin.scim_token}
    ran = fleet("fleet_plan", environ=shared)
    assert ran.code != 0
    assert "would give all of them the values of one customer" in ran.said
    assert twin.writes() == []


def test_two_instances_with_environments_of_the_same_name(twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Here both are the same one: each host applies its own plan, and the second one finds everything done."""
    file = folder / "fleet.w365.yml"
    options = yaml.safe_load(file.read_text(encoding="utf-8"))
    own = {name: options.pop(name) for name in ("instance_url", "provisioning_key")}
    instances = [{"name": "eu", **own}, {"name": "us", **own}]
    file.write_text(yaml.safe_dump({**options, "instances": instances, "include": ["contoso"]}), encoding="utf-8")
    for name in ("eu_contoso", "us_contoso"):
        describe(folder, name, {"users": [person("contoso")]})
    planned = fleet("fleet_plan")
    assert planned.code == 0, planned.said
    assert sorted(name for name in planned.stats if "digest" in name) == [
        "w365_plan_digest_eu_contoso",
        "w365_plan_digest_us_contoso",
    ]
    applied = fleet("fleet_apply", "--forks", "1", w365_fleet_canary=1, **planned.stats)
    assert applied.code == 0, applied.said
    assert "eu_contoso: user create 1;" in applied.said
    assert "us_contoso: unchanged;" in applied.said


def test_names_are_hidden_with_passwords(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "contoso", {"users": [person("contoso", password="a-planted-secret")]})
    planned = fleet("fleet_plan", "-vvv")
    assert planned.code == 0, planned.said
    assert "a-planted-secret" not in planned.output + planned.errors
    assert '"contoso: user create 1"' in planned.said
    assert "adele@fabrikam.com" in planned.said
    applied = fleet("fleet_apply", "-vvv", **planned.stats)
    assert applied.code == 0, applied.said
    assert "a-planted-secret" not in applied.output + applied.errors
    assert people(twin)["contoso"] == ["adele", "boss", "nestor"]


@pytest.mark.slow
def test_two_jobs_that_share_no_folder(twin: Twin, folder: Path, tmp_path: Path) -> None:
    """By ansible-runner, as AWX runs jobs: the artifacts of the first one are the variables of the second one."""

    def job(name: str, playbook: str, variables: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        private = tmp_path / name
        for part in ("project", "inventory", "env"):
            (private / part).mkdir(parents=True)
        wrapper = [{"ansible.builtin.import_playbook": f"{COLLECTION}.{playbook}"}]
        (private / "project" / "play.yml").write_text(yaml.safe_dump(wrapper), encoding="utf-8")
        (private / "inventory" / "fleet.w365.yml").write_text(
            (folder / "fleet.w365.yml").read_text(encoding="utf-8"), encoding="utf-8"
        )
        hosts = private / "inventory" / "host_vars"
        hosts.mkdir()
        for file in (folder / "host_vars").iterdir():
            (hosts / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (private / "env" / "extravars").write_text(json.dumps(variables), encoding="utf-8")
        known = ansible_environment(private) | {
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
        }
        known["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}"
        done = subprocess.run(
            [str(RUNNER), "run", str(private), "--playbook", "play.yml", "--json", "--ident", "job"],
            env=known, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        stats = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
        assert stats, done.stdout + done.stderr
        return done.returncode, stats[-1]["artifact_data"]

    code, plans = job("plan", "fleet_plan", {})
    assert code == 0
    code, _nothing = job("tampered", "fleet_apply", {**plans, "w365_plan_litware": plans["w365_plan_contoso"]})
    assert code != 0
    assert people(twin)["litware"] == BEFORE["litware"]
    code, _nothing = job("apply", "fleet_apply", plans)
    assert code == 0
    assert people(twin) == AFTER
