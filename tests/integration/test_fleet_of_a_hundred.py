# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hundred environments, each with a SCIM key of its own: as a fleet, with a limit, and in two slices of ansible-runner.

What each run did is read in the log of the twin, which has a digest of every key that a request carried.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from playing import COLLECTION, ROOT, ansible_environment
from w365_simulator.testing import Twin

pytestmark = pytest.mark.slow

NAMES = [f"tenant{number:03}" for number in range(1, 101)]
READING = ("fleet_plan", "fleet_export", "fleet_audit")
WRITING = ("fleet_sync", "fleet_onboard")
RUNNER = ROOT / ".build" / "servers" / "venv" / "bin" / "ansible-runner"
BROKEN = "tenant042"


def token(name: str) -> str:
    return f"key-of-{name}"


def people(*names: str) -> list[dict[str, str]]:
    return [{"upn": f"{name}@contoso.com", "first_name": name.title(), "last_name": "Vance"} for name in names]


@pytest.fixture(autouse=True)
def _environments(twin: Twin) -> None:
    seed = [
        {"name": name, "scim_token": token(name), "users": [{**user, "administrator": True} for user in people("boss")]}
        for name in NAMES
    ]
    twin.reset({"environments": seed})
    twin.clear_requests()


def hosts(twin: Twin, names: Sequence[str], *wanted: str, **other_token: str) -> dict[str, dict[str, Any]]:
    definition = {"users": people(*wanted)}
    return {
        name: {
            "w365_environment": name,
            "w365_scim_url": twin.scim_url(name),
            "w365_scim_token": other_token.get(name, token(name)),
            "w365_directory_definition": definition,
            "w365_tenant_definition": definition,
        }
        for name in names
    }


def variables(folder: Path) -> str:
    """What the playbooks are told: where to export to, and to leave out what only Microsoft Entra knows."""
    return json.dumps({"w365_export_dest": str(folder / "tenants"), "w365_audit_without": ["sso", "scim"]})


def inventory(found: Mapping[str, Any]) -> str:
    group = {"hosts": dict(found), "vars": {"ansible_connection": "local"}}
    return json.dumps({"all": {"children": {"w365_environments": group}}})


def environ(twin: Twin, folder: Path) -> dict[str, str]:
    known = ansible_environment(folder) | {
        "W365_INSTANCE_URL": twin.instance_url,
        "W365_PROVISIONING_KEY": twin.provisioning_key,
        "W365_CA_PATH": twin.ca_path,
    }
    known["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}"
    return known


def run(twin: Twin, folder: Path, playbook: str, found: Mapping[str, Any], *words: str) -> tuple[int, str]:
    path = folder / "hosts.json"
    path.write_text(inventory(found), encoding="utf-8")
    command = [
        "ansible-playbook",
        "-i",
        str(path),
        "--forks",
        "16",
        "-e",
        variables(folder),
        *words,
        f"{COLLECTION}.{playbook}",
    ]
    done = subprocess.run(
        command, env=environ(twin, folder), cwd=folder, capture_output=True, text=True, timeout=590, check=False
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def slice_of(folder: Path, playbook: str, found: Mapping[str, Any], number: int) -> str:
    """A shell command: a job that ansible-runner packs, runs in a folder that has nothing of it, and reads back."""
    job, worker, back = (folder / f"{number}-{part}" for part in ("job", "worker", "back"))
    for path in (job / "project", job / "inventory", job / "env", worker, back):
        path.mkdir(parents=True)
    wrapper = [{"ansible.builtin.import_playbook": f"{COLLECTION}.{playbook}"}]
    (job / "project" / "play.yml").write_text(json.dumps(wrapper), encoding="utf-8")
    (job / "inventory" / "hosts.json").write_text(inventory(found), encoding="utf-8")
    (job / "env" / "extravars").write_text(variables(folder), encoding="utf-8")
    (job / "env" / "settings").write_text(json.dumps({"suppress_env_files": True}), encoding="utf-8")
    return (
        f"{RUNNER} transmit {job} -p play.yml | {RUNNER} worker --private-data-dir {worker} --delete"
        f" | {RUNNER} process {back}"
    )


def reached(twin: Twin) -> set[str]:
    """The environments that a request was for."""
    return {part for request in twin.requests() for part in request["path"].split("/") if part.startswith("tenant")}


def no_key_went_astray(twin: Twin, names: Sequence[str]) -> None:
    """Each key was used, and only in the addresses of its own environment."""
    of_key = {twin.digest(token(name)): name for name in NAMES}
    used: dict[str, set[str]] = {}
    for request in twin.requests():
        for one in request["credentials"]:
            if one["digest"] in of_key:
                used.setdefault(of_key[one["digest"]], set()).update(
                    part for part in request["path"].split("/") if part.startswith("tenant")
                )
    assert used == {name: {name} for name in names}


@pytest.mark.parametrize("playbook", [*READING, *WRITING])
def test_a_fleet_and_one_of_it(playbook: str, twin: Twin, tmp_path: Path) -> None:
    code, said = run(twin, tmp_path, playbook, hosts(twin, NAMES, "boss"), "--limit", "tenant007")
    assert code == 0, said
    assert reached(twin) == {"tenant007"}
    no_key_went_astray(twin, ["tenant007"])
    twin.clear_requests()
    code, said = run(twin, tmp_path, playbook, hosts(twin, NAMES, "boss"))
    assert code == 0, said
    assert reached(twin) == set(NAMES)
    assert twin.writes() == []
    no_key_went_astray(twin, NAMES)


@pytest.mark.parametrize("playbook", WRITING)
def test_one_broken_environment_disturbs_nobody(playbook: str, twin: Twin, tmp_path: Path) -> None:
    code, said = run(twin, tmp_path, playbook, hosts(twin, NAMES, "boss", "adele", **{BROKEN: "another key"}))
    assert code != 0
    assert f"To retry: --limit {BROKEN}" in said
    found = twin.state()["environments"]
    assert {name: len(found[name]["users"]) for name in NAMES} == {name: 1 if name == BROKEN else 2 for name in NAMES}
    no_key_went_astray(twin, [name for name in NAMES if name != BROKEN])


@pytest.mark.parametrize("playbook", [*READING, *WRITING])
def test_two_slices_side_by_side(playbook: str, twin: Twin, tmp_path: Path) -> None:
    jobs = [slice_of(tmp_path, playbook, hosts(twin, NAMES[number::2], "boss", "adele"), number) for number in range(2)]
    started = [
        subprocess.Popen(
            ["bash", "-c", f"set -o pipefail; {job}"], env=environ(twin, tmp_path), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        for job in jobs
    ]  # fmt: skip
    for number, process in enumerate(started):
        output, _nothing = process.communicate(timeout=590)
        assert process.returncode == 0, output[-3000:]
        other = NAMES[1 - number :: 2]
        assert [name for name in other if name in output] == []
    assert reached(twin) == set(NAMES)
    no_key_went_astray(twin, NAMES)
    found = twin.state()["environments"]
    assert {len(found[name]["users"]) for name in NAMES} == {1 if playbook in READING else 2}
    assert list(tmp_path.glob("*-worker/*")) == []
    if playbook == "fleet_export":
        assert sorted(path.name for path in (tmp_path / "tenants").iterdir()) == NAMES
