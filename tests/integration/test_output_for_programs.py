# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs read what Ansible writes: progress never disturbs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from playing import COLLECTION, ROOT, ansible_environment, connection, run_playbook, task
from w365_simulator.testing import Twin

RUNNER = ROOT / ".build" / "servers" / "venv" / "bin" / "ansible-runner"


def slow_work(twin: Twin) -> dict[str, Any]:
    """A task that takes some seconds, and shows its progress every second."""
    twin.fault(surface="scim", method="POST", action="latency", seconds=0.08, times=-1)
    people = [
        {"upn": f"person{number}@contoso.com", "first_name": "Lee", "last_name": str(number)} for number in range(40)
    ]
    return task("w365_directory", users=people, concurrency=1, progress_interval=1)


@pytest.mark.usefixtures("inside_ansible")
def test_a_callback_that_writes_json_still_does(twin: Twin, tmp_path: Path) -> None:
    done = run_playbook(
        tmp_path,
        twin,
        [slow_work(twin)],
        defaults=connection(twin, scim=True),
        environ={"ANSIBLE_STDOUT_CALLBACK": "json_document"},
    )
    (result,) = json.loads((tmp_path / "stdout").read_text(encoding="utf-8"))
    assert result["summary"]["user_create"] == 40
    assert "of 40 changes made" in (tmp_path / "stderr").read_text(encoding="utf-8")
    assert done[0].changed


@pytest.mark.slow
def test_ansible_runner_gets_events_that_it_can_read(twin: Twin, tmp_path: Path) -> None:
    """AWX reads these events: progress is one of the lines of output, and no part of a task's event."""
    private = tmp_path / "private"
    for folder in ("project", "inventory", "env"):
        (private / folder).mkdir(parents=True)
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {f"group/{COLLECTION}.w365": connection(twin, scim=True)},
        "tasks": [slow_work(twin)],
    }
    (private / "project" / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    (private / "inventory" / "hosts").write_text(
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n", encoding="utf-8"
    )
    environment = ansible_environment(tmp_path)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        [str(RUNNER), "run", str(private), "--playbook", "play.json", "--json", "--ident", "job"],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kept = sorted((private / "artifacts" / "job" / "job_events").glob("*.json"))
    assert len(kept) == len(events)
    assert all(json.loads(file.read_text(encoding="utf-8"))["uuid"] for file in kept)
    (told,) = [event for event in events if event["event"] == "runner_on_ok"]
    assert told["event_data"]["res"]["summary"]["user_create"] == 40
    assert "changes made" not in json.dumps(told)
    progress = [event for event in events if "of 40 changes made" in event["stdout"]]
    assert progress
    assert {event["event"] for event in progress} == {"verbose"}
