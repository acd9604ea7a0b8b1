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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import CONTOSO
from playing import COLLECTION, ROOT, ansible_environment
from w365_simulator.testing import Twin

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NAMES = [f"tenant{number:03}" for number in range(1, 101)]
READING = ("fleet_plan", "fleet_export", "fleet_audit")
WRITING = ("fleet_sync", "fleet_onboard")
CHANGING = ("fleet_apply", "fleet_rotate", "fleet_offboard")
"""They change each environment in their first run, whatever it is like."""

OF_ENTRA = ("fleet_rotate", "fleet_offboard")
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
    twin.reset({**CONTOSO, "environments": seed})
    twin.clear_requests()


def hosts(
    twin: Twin, names: Sequence[str], *wanted: str, playbook: str = "", **other_token: str
) -> dict[str, dict[str, Any]]:
    definition = {"users": people(*wanted)}
    entra = {"w365_entra_tenant": twin.tenant} if playbook in OF_ENTRA else {}
    return {
        name: {
            "w365_environment": name,
            "w365_scim_url": twin.scim_url(name),
            "w365_scim_token": other_token.get(name, token(name)),
            "w365_directory_definition": definition,
            "w365_tenant_definition": definition,
            "w365_sso_definition": {
                "primary_domain": "contoso.com",
                "app": {"replication_timeout": 0, "activation_timeout": 0},
            },
            "w365_offboard_confirm": name,
            **entra,
        }
        for name in names
    }


def variables(folder: Path, playbook: str, plans: Mapping[str, Any]) -> dict[str, Any]:
    """What a playbook is told beside its hosts."""
    of_playbooks: dict[str, dict[str, Any]] = {
        "fleet_apply": dict(plans),
        # What only Microsoft Entra knows has tests of its own.
        "fleet_audit": {"w365_audit_without": ["sso", "scim"]},
        "fleet_export": {"w365_export_dest": str(folder / "tenants")},
        "fleet_offboard": {"w365_offboard_export_dir": str(folder / "tenants"), "w365_offboard_allow_many": True},
        "fleet_rotate": {
            "w365_rotate_create": True,
            "w365_rotate_when": "always",
            "w365_fleet_canary": 4,
            "w365_fleet_serial": "50%",
        },
    }
    return of_playbooks.get(playbook, {})


def inventory(found: Mapping[str, Any]) -> str:
    group = {"hosts": dict(found), "vars": {"ansible_connection": "local"}}
    return json.dumps({"all": {"children": {"w365_environments": group}}})


def environ(twin: Twin, folder: Path, playbook: str) -> dict[str, str]:
    known = ansible_environment(folder) | {
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
        "W365_INSTANCE_URL": twin.instance_url,
        "W365_PROVISIONING_KEY": twin.provisioning_key,
        "W365_CA_PATH": twin.ca_path,
    }
    if playbook in OF_ENTRA and twin.client_id and twin.client_secret:
        known |= {
            "W365_ENTRA_AUTHORITY": twin.entra_authority,
            "W365_ENTRA_CLIENT_ID": twin.client_id,
            "W365_ENTRA_CLIENT_SECRET": twin.client_secret,
            "W365_GRAPH_URL": twin.graph_url,
        }
    known["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}"
    return known


def run(
    twin: Twin,
    folder: Path,
    playbook: str,
    found: Mapping[str, Any],
    *words: str,
    plans: Mapping[str, Any] | None = None,
) -> tuple[int, str]:
    path = folder / "hosts.json"
    path.write_text(inventory(found), encoding="utf-8")
    given = folder / "given.json"
    given.write_text(json.dumps(variables(folder, playbook, plans or {})), encoding="utf-8")
    command = ["ansible-playbook", "-i", str(path), "--forks", "16", "-e", f"@{given}"]
    command += [*words, f"{COLLECTION}.{playbook}"]
    done = subprocess.run(
        command, env=environ(twin, folder, playbook), cwd=folder, capture_output=True, text=True, timeout=590,
        check=False,
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def plans_of(twin: Twin, folder: Path, found: Mapping[str, Any]) -> dict[str, Any]:
    """What fleet_plan hands on to fleet_apply."""
    code, said = run(twin, folder, "fleet_plan", found)
    assert code == 0, said
    _before, _mark, after = said.partition("CUSTOM STATS: ")
    plans: dict[str, Any] = json.JSONDecoder().raw_decode(after, after.index("{"))[0]
    return plans


def slice_of(
    folder: Path, playbook: str, found: Mapping[str, Any], number: int, plans: Mapping[str, Any] | None = None
) -> str:
    """A shell command: a job that ansible-runner packs, runs in a folder that has nothing of it, and reads back."""
    job, worker, back = (folder / f"{number}-{part}" for part in ("job", "worker", "back"))
    for path in (job / "project", job / "inventory", job / "env", worker, back):
        path.mkdir(parents=True)
    wrapper = [{"ansible.builtin.import_playbook": f"{COLLECTION}.{playbook}"}]
    (job / "project" / "play.yml").write_text(json.dumps(wrapper), encoding="utf-8")
    (job / "inventory" / "hosts.json").write_text(inventory(found), encoding="utf-8")
    given = json.dumps(variables(folder, playbook, plans or {}))
    (job / "env" / "extravars").write_text(given, encoding="utf-8")
    (job / "env" / "settings").write_text(json.dumps({"suppress_env_files": True}), encoding="utf-8")
    return (
        f"{RUNNER} transmit {job} -p play.yml | {RUNNER} worker --private-data-dir {worker} --delete"
        f" | {RUNNER} process {back}"
    )


def reached(twin: Twin) -> set[str]:
    """The environments that a request was for."""
    return {part for request in twin.requests() for part in request["path"].split("/") if part.startswith("tenant")}


def no_key_went_astray(twin: Twin, names: Sequence[str], playbook: str = "") -> None:
    """Each key was used, and only in the addresses of its own environment."""
    of_key = {twin.digest(token(name)): name for name in NAMES}
    used: dict[str, set[str]] = {}
    for request in twin.requests():
        for one in request["credentials"]:
            if one["digest"] in of_key:
                used.setdefault(of_key[one["digest"]], set()).update(
                    part for part in request["path"].split("/") if part.startswith("tenant")
                )
    # Single sign-on is no matter of SCIM.
    assert used == ({} if playbook == "fleet_rotate" else {name: {name} for name in names})


def changed(twin: Twin, playbook: str) -> set[str]:
    """The environments in which the playbook has done what it is for."""
    found = twin.state()["environments"]
    is_done: dict[str, Callable[[dict[str, Any]], bool]] = {
        "fleet_offboard": lambda environment: not environment["active"],
        "fleet_rotate": lambda environment: bool(environment["sso"]),
    }

    def has_both(environment: dict[str, Any]) -> bool:
        return len(environment["users"]) == 2

    is_so = is_done.get(playbook, has_both)
    return {name for name in NAMES if is_so(found[name])}


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


@pytest.mark.parametrize("playbook", CHANGING)
def test_a_fleet_changes_one_and_then_all(playbook: str, twin: Twin, tmp_path: Path) -> None:
    found = hosts(twin, NAMES, "boss", "adele", playbook=playbook)
    plans = plans_of(twin, tmp_path, found) if playbook == "fleet_apply" else {}
    assert changed(twin, playbook) == set()
    for names, words in ((["tenant007"], ["--limit", "tenant007"]), (NAMES, [])):
        twin.clear_requests()
        code, said = run(twin, tmp_path, playbook, found, *words, plans=plans)
        assert code == 0, said
        assert changed(twin, playbook) == set(names)
        assert reached(twin) == set(names)
        # What is deactivated already is not exported once more.
        done = {"tenant007"} if playbook == "fleet_offboard" and len(names) > 1 else set()
        no_key_went_astray(twin, [name for name in names if name not in done], playbook)


@pytest.mark.parametrize("playbook", [*READING, *WRITING, *CHANGING])
def test_two_slices_side_by_side(playbook: str, twin: Twin, tmp_path: Path) -> None:
    halves = [hosts(twin, NAMES[number::2], "boss", "adele", playbook=playbook) for number in range(2)]
    plans = plans_of(twin, tmp_path, {**halves[0], **halves[1]}) if playbook == "fleet_apply" else {}
    twin.clear_requests()
    started = [
        subprocess.Popen(
            ["bash", "-c", f"set -o pipefail; {slice_of(tmp_path, playbook, half, number, plans)}"],
            env=environ(twin, tmp_path, playbook), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number, half in enumerate(halves)
    ]  # fmt: skip
    for number, process in enumerate(started):
        output, _nothing = process.communicate(timeout=590)
        assert process.returncode == 0, output[-3000:]
        assert [name for name in halves[1 - number] if name in output] == []
    assert reached(twin) == set(NAMES)
    no_key_went_astray(twin, NAMES, playbook)
    assert changed(twin, playbook) == (set() if playbook in READING else set(NAMES))
    assert list(tmp_path.glob("*-worker/*")) == []
    if playbook in ("fleet_export", "fleet_offboard"):
        assert sorted(path.name for path in (tmp_path / "tenants").iterdir()) == NAMES
