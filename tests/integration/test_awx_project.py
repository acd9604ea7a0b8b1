# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project for AWX, copied to an empty folder: at the command line, and with what AWX makes of its inventory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from playing import ROOT, ansible_environment
from w365_simulator.testing import Twin

PROJECT = ROOT / "docs" / "docsite" / "files" / "awx-project"
WRAPPERS = sorted(path.name for path in PROJECT.glob("fleet_*.yml"))
PEOPLE = ["adele.vance@contoso.com", "megan.bowen@contoso.com"]
SECRET = "a-planted-scim-secret"


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        return " ".join((self.output + self.errors).split())

    @property
    def plans(self) -> dict[str, Any]:
        """What the job hands on to the next one."""
        _before, _mark, after = self.output.partition("CUSTOM STATS: ")
        found: dict[str, Any] = json.loads(after[after.index("RUN: ") + len("RUN: ") :])
        return found


Program = Callable[..., Ran]


@pytest.fixture
def project(twin: Twin, tmp_path: Path) -> Path:
    """The folder as a user has it in an empty repository."""
    twin.reset({"environments": [{"name": "contoso"}, {"name": "fabrikam"}]})
    return Path(shutil.copytree(PROJECT, tmp_path / "project"))


@pytest.fixture
def program(twin: Twin, project: Path, tmp_path: Path) -> Program:
    """Runs a program of Ansible in the project, with the variables that the credential of AWX would set."""

    def run(name: str, *arguments: str, environ: Mapping[str, str] | None = None, **variables: Any) -> Ran:
        known = ansible_environment(tmp_path) | {
            "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "W365_INSTANCE_URL": twin.instance_url,
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
            **(environ or {}),
        }
        extra = ["-e", json.dumps(variables)] if variables else []
        command = [str(Path(sys.executable).with_name(name)), *arguments, *extra]
        done = subprocess.run(command, env=known, cwd=project, capture_output=True, text=True, timeout=150, check=False)
        assert twin.provisioning_key not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def people(twin: Twin, environment: str = "contoso") -> list[str]:
    return sorted(upn for upn, user in twin.state()["environments"][environment]["users"].items() if user["active"])


def stored_by_awx(program: Program, project: Path) -> Path:
    """The inventory as a job of AWX gets it: what an inventory source has read and AWX has stored, as a program."""
    source = ["-i", "inventory/fleet.w365.yml", "--playbook-dir", str(project / "inventory")]
    read = program("ansible-inventory", "--list", "--export", *source)
    assert read.code == 0, read.said
    assert "__ansible_unsafe" not in read.output, "AWX would show these and find no host by them"
    (host,) = json.loads(read.output)["_meta"]["hostvars"].values()
    # How AWX compares it with the value of enabled_var in the data: otherwise it would disable the host.
    assert str(host["w365_active"]).lower() == "true"
    stored = project.parent / "hosts"
    stored.write_text(f"#!{sys.executable}\nprint({read.output!r})\n", encoding="utf-8")
    stored.chmod(0o700)
    return stored


def test_a_plan_is_applied_with_nothing_but_the_folder(twin: Twin, program: Program) -> None:
    planned = program("ansible-playbook", "fleet_plan.yml")
    assert planned.code == 0, planned.said
    assert "contoso: user create 2: adele.vance@contoso.com" in planned.said
    assert people(twin) == []
    applied = program("ansible-playbook", "fleet_apply.yml", **planned.plans)
    assert applied.code == 0, applied.said
    assert people(twin) == PEOPLE
    assert people(twin, "fabrikam") == [], "the inventory begins with one environment"


def test_jobs_with_the_inventory_that_awx_has_stored(twin: Twin, program: Program, project: Path) -> None:
    """Nothing beside the inventory reaches them in another way. The encrypted value is read where it is used only."""
    vault = project.parent / "vault-password"
    vault.write_text("a-vault-password", encoding="utf-8")
    encrypted = program(
        "ansible-vault",
        "encrypt_string",
        "--vault-password-file",
        str(vault),
        "--name",
        "w365_scim_token",
        twin.scim_token,
    )
    assert encrypted.code == 0, encrypted.said
    example = (project / "inventory" / "host_vars" / "contoso.yml.example").read_text(encoding="utf-8")
    text = example.replace("https://scim.contoso.com/contoso", twin.scim_url("contoso"))
    before, _, after = text.partition("w365_scim_token: !vault |\n")
    rest = after.partition("\n\n")[2]
    (project / "inventory" / "host_vars" / "contoso.yml").write_text(
        f"{before}{encrypted.output}\n{rest}", encoding="utf-8"
    )
    stored = stored_by_awx(program, project)
    assert twin.scim_token not in stored.read_text(encoding="utf-8")
    shutil.rmtree(project / "inventory")
    job = ["-i", str(stored), "--vault-password-file", str(vault)]
    planned = program("ansible-playbook", "fleet_plan.yml", *job, awx_project_revision="abc123")
    assert planned.code == 0, planned.said
    newer = program("ansible-playbook", "fleet_apply.yml", *job, awx_project_revision="def456", **planned.plans)
    assert newer.code != 0
    applied = program("ansible-playbook", "fleet_apply.yml", *job, awx_project_revision="abc123", **planned.plans)
    assert applied.code == 0, applied.said
    assert f"SCIM address: {twin.scim_url('contoso')}" in applied.said
    assert people(twin) == PEOPLE
    assert twin.scim_token not in planned.output + applied.output + applied.errors


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["name", "key", "empty", "pattern"])
def test_a_run_without_hosts_fails(mistake: str, twin: Twin, program: Program, project: Path) -> None:
    """By ansible.cfg of the project: Ansible itself would warn, and end without an error."""
    inventory = project / "inventory" / "fleet.w365.yml"
    arguments = []
    if mistake == "name":
        inventory.rename(inventory.with_name("fleet.yml"))
        arguments = ["-i", "inventory/fleet.yml"]
    elif mistake == "key":
        text = inventory.read_text(encoding="utf-8")
        inventory.write_text(
            text.replace("provisioning.w365_environments", "provisioning.w365_enviroments"), encoding="utf-8"
        )
    elif mistake == "empty":
        twin.reset({"environments": [{"name": "fabrikam"}]})
    else:
        arguments = ["-e", "w365_hosts=northwind"]
    if mistake != "pattern":
        # No playbook of ours has a say in this one.
        listed = program("ansible-inventory", "--list", *arguments)
        assert listed.code != 0, listed.said
    ran = program("ansible-playbook", "fleet_plan.yml", *arguments)
    assert ran.code != 0, ran.said
    assert "PLAY RECAP" not in ran.output or mistake == "pattern"


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_ansible_accepts_the_wrappers(wrapper: str, program: Program) -> None:
    checked = program("ansible-playbook", "--syntax-check", wrapper)
    assert checked.code == 0, checked.said


@pytest.mark.slow
def test_plain_text_would_be_seen(program: Program, project: Path) -> None:
    """The command of the README shows what AWX would store."""
    file = project / "inventory" / "group_vars" / "w365_environments.yml"
    file.write_text(f"{file.read_text(encoding='utf-8')}w365_scim_token: {SECRET}\n", encoding="utf-8")
    shown = program("ansible-inventory", "--list", "--export")
    assert shown.code == 0, shown.said
    assert SECRET in shown.output
    hidden = program("ansible-inventory", "--list", "--export", environ={"ANSIBLE_VARS_ENABLED": ""})
    assert hidden.code == 0, hidden.said
    assert SECRET not in hidden.output
