# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""awx_configure with the modules of awx.awx, in real processes, against a small AWX that has the rules of AWX 24.6.1."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fake_awx import ENCRYPTED, TOKEN, FakeAwx
from playing import COLLECTION, ROOT, ansible_environment

AWX = ROOT / ".build" / "awx"
PROJECT = ROOT / "docs" / "docsite" / "files" / "awx-project"
KEY = "a-planted-provisioning-key"
GIVEN = {
    "awx_project_url": "https://git.contoso.com/workspace365.git",
    "awx_execution_environment_image": "registry.contoso.com/workspace365:1.1.0",
    "awx_instance_url": "https://workspace.contoso.com",
    "awx_provisioning_key": KEY,
}
DEFAULT = {
    "credential_types": ["Workspace 365 instance"],
    "credentials": ["Workspace 365 provisioning key"],
    "execution_environments": ["Workspace 365 execution environment"],
    "projects": ["Workspace 365 project"],
    "inventories": ["Workspace 365 environments"],
    "inventory_sources": ["Workspace 365 inventory source"],
    "job_templates": [
        "Workspace 365 all environments",
        "Workspace 365 apply",
        "Workspace 365 one environment",
        "Workspace 365 plan",
    ],
    "workflow_job_templates": ["Workspace 365 plan and apply"],
    "workflow_job_template_nodes": ["apply", "approve", "plan"],
    "workflow_approval_templates": ["Workspace 365 approval"],
    "schedules": ["Workspace 365 every night"],
}
OPTIONAL = "environment,entra,notification,onboard,audit,rotate,export,offboard"


class Ran(NamedTuple):
    code: int
    output: str

    @property
    def said(self) -> str:
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        found = re.search(r"localhost +: .*\bchanged=(\d+)", self.output)
        assert found, self.output
        return int(found[1])

    @property
    def objects(self) -> list[str]:
        """The items of loops that changed."""
        return re.findall(r"(?m)^changed: \[localhost\] => \(item=(.*)\)", self.output)


Configure = Callable[..., Ran]


@pytest.fixture
def awx() -> Iterator[FakeAwx]:
    fake = FakeAwx(PROJECT)
    yield fake
    fake.close()


@pytest.fixture
def configure(awx: FakeAwx, tmp_path: Path) -> Configure:
    """Runs the playbook. Variables with the value None are left out."""

    def run(*arguments: str, environ: dict[str, str] | None = None, **variables: Any) -> Ran:
        known = ansible_environment(tmp_path)
        known |= {"CONTROLLER_HOST": awx.url, "CONTROLLER_OAUTH_TOKEN": TOKEN, **(environ or {})}
        known.setdefault("ANSIBLE_LOCALHOST_WARNING", "false")
        known["ANSIBLE_COLLECTIONS_PATH"] += os.pathsep + str(AWX)
        given = {name: value for name, value in {**GIVEN, **variables}.items() if value is not None}
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "localhost,", f"{COLLECTION}.awx_configure", *arguments, "-e", json.dumps(given)),
        ]
        done = subprocess.run(command, env=known, cwd=tmp_path, capture_output=True, text=True, timeout=170, check=False)
        assert KEY not in done.stdout + done.stderr
        return Ran(done.returncode, done.stdout + done.stderr)

    return run


def test_the_objects_are_made_kept_and_removed(awx: FakeAwx, configure: Configure) -> None:
    """From an empty AWX and back to it, with an object of somebody else in between."""
    made = configure()
    assert made.code == 0, made.said
    assert awx.names() == DEFAULT
    assert len([name for names in awx.names().values() for name in names]) == 12 + len(["nodes", "and", "their", "approval"])
    workflow = {node: awx.listed("workflow_job_template_nodes", node, "success_nodes") for node in ("plan", "approve")}
    assert workflow == {"plan": ["approve"], "approve": ["apply"]}
    assert awx.named("credentials", "Workspace 365 provisioning key")["inputs"] == {
        "instance_url": GIVEN["awx_instance_url"],
        "provisioning_key": KEY,
    }
    before = json.dumps([awx.objects, awx.surveys, [*awx.lists.items()]])
    awx.writes.clear()
    again = configure(awx_instance_url=None, awx_provisioning_key=None)
    assert again.code == 0, again.said
    assert again.changed == 0, again.said
    assert awx.writes == []
    assert json.dumps([awx.objects, awx.surveys, [*awx.lists.items()]]) == before
    foreign = awx.add("job_templates", name="Workspace 365 of somebody else", description="Mine", playbook="mine.yml")
    removed = configure(awx_state="absent")
    assert removed.code == 0, removed.said
    assert awx.names() == {"job_templates": ["Workspace 365 of somebody else"]}
    assert list(awx.objects["job_templates"]) == [foreign]
