# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that is told to end, or whose Ansible is gone, writes nothing more; what was done is told where somebody reads it.

In the process of Ansible, and in a module process.
"""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from playing import Running, Task, connection, descendants, start_playbook, task
from w365_simulator.testing import Twin

PEOPLE = 300
HOSTS = ("direct", "process")


def slow_twin(twin: Twin) -> None:
    """So that creating everybody takes about twenty seconds with four workers."""
    twin.fault(surface="scim", method="POST", action="latency", seconds=0.25, times=-1)


def creation(tmp_path: Path, **more: Any) -> Task:
    users = [
        {"upn": f"person{number}@contoso.com", "first_name": "Alex", "last_name": "Wilber"} for number in range(PEOPLE)
    ]
    report = str(tmp_path / "report.csv")
    return {
        **task("w365_directory", users=users, concurrency=4, scim_bulk=False, report_file=[report]),
        **more,
    }


def start(tmp_path: Path, twin: Twin, *tasks: Task, host: str) -> Running:
    return start_playbook(tmp_path, twin, tasks, defaults=connection(twin, scim=True), environ={"W365_EXECUTION": host})


def created(twin: Twin) -> int:
    return sum(upn.startswith("person") for upn in twin.state()["environments"]["contoso"]["users"])


def wait_until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.05)


def assert_nothing_more_is_written(twin: Twin) -> int:
    """Soon no user is created any more, long before everybody is. The number of users who were."""
    at_first, there = -1, created(twin)
    while there != at_first:
        time.sleep(1.5)
        at_first, there = there, created(twin)
    assert 0 < there < PEOPLE
    return there


def processes_of(folder: Path) -> list[str]:
    """The processes whose command names this folder."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line and "w365_simulator" not in line]


def outcomes(report: Path) -> list[str]:
    with report.open(encoding="utf-8-sig", newline="") as file:
        return [row["outcome"] for row in csv.DictReader(file)]


def test_a_time_limit_ends_between_two_requests(tmp_path: Path, twin: Twin) -> None:
    """The result says what was done: every user who exists is told as done, and nobody else."""
    slow_twin(twin)
    done = start(tmp_path, twin, creation(tmp_path, timeout=4), host="direct").wait()
    there = assert_nothing_more_is_written(twin)
    assert done[0].status == "failed"
    counts = done[0].result["summary"]
    assert counts["user_create"] == there
    assert counts["not_tried"] == PEOPLE - there
    assert done[0].message == (
        f"The time limit of the task (timeout) was reached: {PEOPLE - there} of {PEOPLE} changes were not tried, the rest were "
        "applied. Rerun the task to make them."
    )
    assert outcomes(tmp_path / "report.csv").count("done") == there
    again = start(tmp_path, twin, task("w365_user", upn="person0@contoso.com"), host="direct").wait()
    assert again[0].changed is False


def test_the_next_item_of_a_loop_begins_anew(tmp_path: Path, twin: Twin) -> None:
    slow_twin(twin)
    looped = {
        **task("w365_user", upn="{{ item }}", first_name="Alex", last_name="Wilber", read_back_timeout=0),
        "loop": ["person1@contoso.com", "person2@contoso.com"],
    }
    done = start(tmp_path, twin, creation(tmp_path, timeout=1), looped, host="direct").wait()
    assert done[0].status == "failed"
    assert done[1].status == "ok"
    assert created(twin) >= 2


@pytest.mark.slow
def test_a_time_limit_while_reading(tmp_path: Path, twin: Twin) -> None:
    twin.fault(surface="scim", method="GET", action="status", status=429, retry_after=30, times=1)
    done = start(tmp_path, twin, creation(tmp_path, timeout=4), host="direct").wait()
    assert done[0].message == "The time limit of the task (timeout) was reached. Nothing was written."
    assert created(twin) == 0


def test_a_module_process_ends_with_the_task_that_gave_it_up(tmp_path: Path, twin: Twin) -> None:
    slow_twin(twin)
    done = start(tmp_path, twin, creation(tmp_path, timeout=6), host="process").wait()
    assert done[0].status == "failed"
    there = assert_nothing_more_is_written(twin)
    report = tmp_path / "report.csv"
    wait_until(report.exists)
    assert outcomes(report).count("done") == there


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_without_its_ansible_a_task_writes_nothing(tmp_path: Path, twin: Twin, host: str, sent: signal.Signals) -> None:
    """Only the first process gets the signal, as when somebody ends a job; a terminal sends SIGINT to all."""
    slow_twin(twin)
    running = start(tmp_path, twin, creation(tmp_path), host=host)
    wait_until(lambda: created(twin) > 4)
    processes = [running._process.pid, *(descendants(running._process.pid) if sent is signal.SIGINT else ())]
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sent)
    running._process.wait(60)
    assert_nothing_more_is_written(twin)
    # No process is left that waits for somebody to take its result.
    wait_until(lambda: not processes_of(tmp_path))
