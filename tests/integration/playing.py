# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays tasks in a real ansible-playbook process, and tells what each of them did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from w365_simulator.testing import Twin

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "workspace365.provisioning"

Task = dict[str, Any]

hosts = [os.environ.get("TEST_EXECUTION", "").replace("both", "")]
"""Where tasks run that do not say it themselves, the last one counts: "direct", "process", or "" for the collection's choice."""


@dataclass(frozen=True)
class Step:
    """What one task did: Ansible's result, the requests it caused, and what the twin held after it."""

    name: str
    status: str
    result: dict[str, Any]
    requests: list[dict[str, Any]]
    state: dict[str, Any]

    @property
    def changed(self) -> bool:
        assert self.status == "ok", f"{self.name}: {self.message}"
        return bool(self.result["changed"])

    @property
    def message(self) -> str:
        return str(self.result.get("msg", self.result))

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(request["method"], request["path"]) for request in self.requests if request["write"]]

    @property
    def warnings(self) -> str:
        return " ".join(map(str, self.result.get("warnings", ())))

    def environment(self, name: str = "contoso") -> dict[str, Any]:
        found: dict[str, Any] = self.state["environments"][name]
        return found


@dataclass(frozen=True)
class Play:
    """What a playbook printed, its exit code, and its steps in order."""

    code: int
    output: str
    steps: list[Step] = field(default_factory=list)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __getitem__(self, index: int) -> Step:
        return self.steps[index]


def slow(*values: Any, id: str | None = None) -> Any:
    """One more of a kind: a quick case of it guards the same behavior."""
    return pytest.param(*values, id=id, marks=pytest.mark.slow)


@contextmanager
def run_in(host: str) -> Iterator[None]:
    """Run the tasks of the block there: "direct" or "process"."""
    hosts.append(host)
    try:
        yield
    finally:
        hosts.pop()


plays: list[Play] = []
"""What this process has played and waited for."""


def task(module: str, /, *, check: bool = False, title: str = "", **arguments: Any) -> Task:
    """A task for `run_playbook`. It may fail without ending the play, so that later tasks show what it left behind."""
    known = module if "." in module else f"{COLLECTION}.{module}"
    return {
        "name": title or f"{module}{' (check)' if check else ''}",
        known: arguments,
        "check_mode": check,
        "diff": True,
        "ignore_errors": True,
    }


def connection(
    twin: Twin, environment: str | None = "contoso", *, scim: bool = False, entra: bool = True
) -> dict[str, Any]:
    """The connection options for the twin, as somebody would put them into module_defaults."""
    options: dict[str, Any] = {
        "instance_url": twin.instance_url,
        "provisioning_key": twin.provisioning_key,
        "ca_path": twin.ca_path,
        "entra_authority": twin.entra_authority,
        "graph_url": twin.graph_url,
    }
    if environment:
        options["environment"] = environment
    if scim:
        options |= {"scim_url": twin.scim_url(environment or ""), "scim_token": twin.scim_token}
    if entra and twin.client_id:
        options |= {
            "entra_tenant": twin.tenant,
            "entra_client_id": twin.client_id,
            "entra_client_secret": twin.client_secret,
        }
    return options


class Running:
    """An ansible-playbook process that nobody has waited for yet. At the end of a `with` it is over, or killed."""

    def __init__(self, process: subprocess.Popen[bytes], twin: Twin, folder: Path) -> None:
        self._process = process
        self._twin = twin
        self._folder = folder

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        if not self.over:
            self.kill()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def wait(self, limit: float = 150) -> Play:
        """Wait for the end, at most `limit` seconds, and tell what was played."""
        with self:
            code = self._process.wait(limit)
        steps = []
        witness = self._folder / "witness.jsonl"
        if witness.exists():
            for line in witness.read_text(encoding="utf-8").splitlines():
                told = json.loads(line)
                steps.append(Step(told["name"], told["status"], told["result"], told["requests"], told["state"]))
        self._twin.switches(refuse_writes=False)
        plays.append(Play(code, self.output(), steps))
        return plays[-1]

    def kill_at_fault(self, limit: float = 90) -> None:
        """Kill it when a request has met a fault of the twin, within `limit` seconds."""
        ends = time.monotonic() + limit
        while not any(one["hits"] for one in self._twin.faults()):
            assert not self.over, self.output()
            assert time.monotonic() < ends, self.output()
            time.sleep(0.05)
        self.kill()

    def kill(self) -> None:
        """End it, its workers and the module with SIGKILL, as a machine that loses its power does."""
        # A worker of a newer ansible-core leads a session of its own, so a signal to the group would spare the module.
        for pid in (self._process.pid, *descendants(self._process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()

    def output(self) -> str:
        """What it has printed."""
        return "".join(
            (self._folder / name).read_text(encoding="utf-8", errors="replace") for name in ("stdout", "stderr")
        )


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [pid]
    for parent in found:
        found += [child for child, its_parent in pairs if its_parent == parent]
    return found[1:]


def ansible_environment(folder: Path) -> dict[str, str]:
    """The variables for an Ansible that reads nothing of the person's own and writes below `folder` only.

    A default that begins with "~" is not enough for that: Ansible takes it for the folder that the password file names,
    which may be another one than HOME, or one that does not exist.
    """
    (folder / "ansible.cfg").touch()
    return {
        # Neither the person's own settings nor a proxy may have a say in what a test finds. PYTHONUNBUFFERED makes each
        # module that goes through a pipe a tenth of a second slower.
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("W365_", "ANSIBLE_", "PYTHONUNBUFFERED")) and not name.lower().endswith("_proxy")
        },
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "src")),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "remote"),
        "ANSIBLE_ASYNC_DIR": str(folder / "async"),
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "compiled",
    }


def run_playbook(tmp_path: Path, twin: Twin, tasks: Sequence[Task], *, limit: float = 150, **options: Any) -> Play:
    """Run the tasks on localhost in one process, for at most `limit` seconds. Options as for `start_playbook`."""
    return start_playbook(tmp_path, twin, tasks, **options).wait(limit)


def start_playbook(
    tmp_path: Path,
    twin: Twin,
    tasks: Sequence[Task],
    *,
    defaults: Mapping[str, Any] | None = None,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    play: Mapping[str, Any] | None = None,
) -> Running:
    """Start a process that runs the tasks on localhost. `defaults` become module_defaults of the group w365.

    Its files go to `tmp_path`: two that run at the same time need a folder each.
    """
    head = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        **({"module_defaults": {f"group/{COLLECTION}.w365": dict(defaults)}} if defaults else {}),
        **(play or {}),
    }
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([{**head, "tasks": list(tasks)}]), encoding="utf-8")
    witness = tmp_path / "witness.jsonl"
    witness.unlink(missing_ok=True)
    variables = ansible_environment(tmp_path) | {
        "ANSIBLE_CALLBACKS_ENABLED": "compiled,witness",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "WITNESS_FILE": str(witness),
        "WITNESS_TWIN": twin.url,
        "WITNESS_CA": twin.ca_path,
        **({"W365_EXECUTION": hosts[-1]} if hosts[-1] else {}),
        **(environ or {}),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", *arguments, str(playbook)]
    with (tmp_path / "stdout").open("wb") as output, (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, env=variables, cwd=tmp_path, stdout=output, stderr=errors)
    return Running(process, twin, tmp_path)
