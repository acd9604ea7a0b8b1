# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmarks play on: a twin with any number of people, ansible-playbook, and processes whose costs are kept."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from common import BUILD, FULL_NAME, Problem
from w365_simulator.seeding import generated
from w365_simulator.testing import Twin

HERE = Path(__file__).resolve().parent
RUNNER = str(BUILD / "servers" / "venv" / "bin" / "ansible-runner")
ENVIRONMENT = "contoso"
CONCURRENCY = 8
GROUP_SIZE = 50

Task = dict[str, Any]


def say(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class Costs:
    """What one process has cost: seconds on the clock, CPU seconds, and the peak of resident memory in bytes."""

    seconds: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Timed:
    """One task as ansible-playbook saw it."""

    name: str
    seconds: float
    result: Mapping[str, Any]


@dataclass(frozen=True)
class People:
    """So many made-up people and their groups of 50: as a seed of the twin, and as the file that describes them."""

    users: list[dict[str, Any]]
    groups: list[dict[str, Any]]

    @classmethod
    def made_up(cls, count: int, prefix: str = "") -> People:
        """Always the same people for the same number. A prefix makes others of them."""
        tenant = generated(f"generated:{count}")["tenants"][0]
        users = [
            {
                "upn": f"{prefix}{user['user_principal_name']}",
                "first_name": user["given_name"],
                "last_name": user["surname"],
                "external_id": f"contoso-{prefix}{index}",
            }
            for index, user in enumerate(tenant["users"])
        ]
        upns = [user["upn"] for user in users]
        groups = [
            {"name": f"{prefix}Team {start // GROUP_SIZE:05d}", "members": upns[start : start + GROUP_SIZE]}
            for start in range(0, len(upns), GROUP_SIZE)
        ]
        return cls(users, groups)

    def seed(self) -> dict[str, Any]:
        """An environment in which they are already, beside its first administrator."""
        return {"environments": [{**_environment(), "users": [ADMINISTRATOR, *self.users], "groups": self.groups}]}

    def file(self, path: Path, *, groups: bool) -> Path:
        """The file for option src: every field of everybody, and with `groups` the members of every group."""
        content: dict[str, Any] = {"users": self.users}
        if groups:
            content["groups"] = [{"name": g["name"], "members": {"set": g["members"]}} for g in self.groups]
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


ADMINISTRATOR = {"upn": "admin@contoso.com", "first_name": "Megan", "last_name": "Bowen", "administrator": True}


def _environment() -> dict[str, Any]:
    return {"name": ENVIRONMENT, "users": [ADMINISTRATOR], "groups": []}


class Stage:
    """Runs things against one twin. Files go to `directory`."""

    def __init__(self, twin: Twin, directory: Path) -> None:
        self.twin = twin
        self.directory = directory
        self._costs = directory / "costs.jsonl"
        self._python = directory / "measured-python"
        # A script of one line, since an interpreter is a path without arguments. -IS: it starts with nothing that it
        # does not need.
        words = [sys.executable, "-IS", str(HERE / "measured_python.py"), sys.executable]
        self._python.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        self._python.chmod(0o755)

    def reset(self, people: People | None = None) -> None:
        """An environment with these people, or with nobody but its first administrator. The log is empty then."""
        self.twin.reset({"environments": [_environment()]} if people is None else people.seed(), "full")
        self.twin.clear_requests()

    def defaults(self) -> dict[str, Any]:
        """The connection options, as somebody would put them into module_defaults."""
        return {
            "scim_url": self.twin.scim_url(ENVIRONMENT),
            "scim_token": self.twin.scim_token,
            "ca_path": self.twin.ca_path,
        }

    def loop_of(self, items: Sequence[Any]) -> str:
        """A template that makes these items. ansible-core hands a list that is written as a loop on with every result."""
        text = json.dumps(items)
        file = self.directory / f"items-{sha256(text.encode()).hexdigest()[:16]}.json"
        file.write_text(text, encoding="utf-8")
        return f"{{{{ lookup('ansible.builtin.file', '{file}') | from_json }}}}"

    def play(
        self,
        tasks: Sequence[Task],
        *,
        measured: bool = False,
        execution: str = "process",
        whole: bool = False,
        collections: str = "",
    ) -> list[Timed]:
        """Run the tasks in one ansible-playbook, ours in module processes or with "direct" inside Ansible.

        With `measured` their processes also leave their costs (`costs`), with `whole` ansible-playbook itself does, the
        largest of its processes as its peak. `collections` is another folder of collections.
        """
        playbook, timings = self.directory / "play.json", self.directory / "tasks.jsonl"
        head = {
            "hosts": "localhost",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": str(self._python) if measured else sys.executable},
            **({} if collections else {"module_defaults": {f"group/{FULL_NAME}.w365": self.defaults()}}),
        }
        playbook.write_text(json.dumps([{**head, "tasks": list(tasks)}]), encoding="utf-8")
        timings.unlink(missing_ok=True)
        self._costs.unlink(missing_ok=True)
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [*([str(self._python), program] if whole else [program]), "-i", "localhost,", str(playbook)]
        self._run(
            command,
            {
                "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
                "ANSIBLE_CALLBACKS_ENABLED": "stopwatch",
                "ANSIBLE_PIPELINING": "true",
                "BENCH_TASKS": str(timings),
                "W365_EXECUTION": execution,
                **({"ANSIBLE_COLLECTIONS_PATH": collections} if collections else {}),
            },
        )
        lines = [json.loads(line) for line in timings.read_text(encoding="utf-8").splitlines()]
        return [Timed(line["name"], line["seconds"], line["result"]) for line in lines]

    def fleet(
        self,
        tasks: Sequence[Task] | str,
        hosts: Mapping[str, Mapping[str, Any]],
        application: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        forks: int = 5,
    ) -> float:
        """CPU seconds of one ansible-playbook and of all its processes, over these hosts with their variables.

        `tasks` may be the full name of a playbook for many environments instead. `application` are the connection options
        that differ from seed to seed: those of Microsoft Entra. `variables` are those of the whole run.
        """
        playbook, inventory = self.directory / "fleet.json", self.directory / "inventory.json"
        inventory.write_text(_inventory(hosts), encoding="utf-8")
        head = {
            "hosts": "all",
            "connection": "local",
            "gather_facts": False,
            "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
            "module_defaults": {f"group/{FULL_NAME}.w365": {**self.instance(), **application}},
        }
        if not isinstance(tasks, str):
            playbook.write_text(json.dumps([{**head, "tasks": list(tasks)}]), encoding="utf-8")
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(inventory), "--forks", str(forks), "-e", json.dumps(dict(variables or {}))),
            tasks if isinstance(tasks, str) else str(playbook),
        ]
        before = os.times()
        self._run(command, {"ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.yaml", "W365_EXECUTION": "direct"})
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    def slices(self, playbook: str, parts: Sequence[Mapping[str, Any]], variables: Mapping[str, str]) -> None:
        """Run a playbook at the same time over each of these parts of the hosts, as a cluster does: ansible-runner packs a job,
        a worker with nothing but the package runs it, and a third one reads what it sends back.
        """
        script = []
        for number, hosts in enumerate(parts):
            job, worker, back = (self.directory / "slices" / f"{number}-{part}" for part in ("job", "worker", "back"))
            for folder in (job, worker, back):
                shutil.rmtree(folder, ignore_errors=True)
            for folder in (job / "project", job / "inventory", job / "env", worker, back):
                folder.mkdir(parents=True)
            play = [{"ansible.builtin.import_playbook": playbook}]
            (job / "project" / "play.yml").write_text(json.dumps(play), encoding="utf-8")
            (job / "inventory" / "hosts.json").write_text(_inventory(hosts), encoding="utf-8")
            (job / "env" / "extravars").write_text(json.dumps(dict(variables)), encoding="utf-8")
            # No file of the job may keep its variables.
            (job / "env" / "settings").write_text(json.dumps({"suppress_env_files": True}), encoding="utf-8")
            words = [
                [RUNNER, "transmit", str(job), "-p", "play.yml"],
                [RUNNER, "worker", "--private-data-dir", str(worker), "--delete"],
                [RUNNER, "process", str(back)],
            ]
            script.append("( " + " | ".join(map(shlex.join, words)) + ') & pids="$pids $!"')
        wait = "ended=0; for pid in $pids; do wait $pid || ended=1; done; exit $ended"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._run(
            ["bash", "-c", "set -o pipefail; " + "\n".join(script) + "\n" + wait],
            {"ANSIBLE_INVENTORY_ENABLED": "ansible.builtin.yaml", "W365_EXECUTION": "direct", "PATH": path},
        )

    def instance(self) -> dict[str, Any]:
        """The connection options that all environments share."""
        twin = self.twin
        return {
            "instance_url": twin.instance_url,
            "provisioning_key": twin.provisioning_key,
            "ca_path": twin.ca_path,
            "entra_authority": twin.entra_authority,
            "graph_url": twin.graph_url,
        }

    def bare(self, requests: Path) -> Costs:
        """Run the bare loop over a file of requests."""
        self._costs.unlink(missing_ok=True)
        where = {"BARE_URL": self.twin.url, "BARE_TOKEN": self.twin.scim_token, "BARE_CA": self.twin.ca_path}
        self._run([str(self._python), str(HERE / "bare_loop.py"), str(requests), str(CONCURRENCY)], where)
        return self.costs()[0]

    def costs(self) -> list[Costs]:
        """The costs of the processes of the last measured run, in their order."""
        found = [json.loads(line) for line in self._costs.read_text(encoding="utf-8").splitlines()]
        return [Costs(line["seconds"], line["cpu"], line["peak"]) for line in found]

    def _run(self, command: Sequence[str], extra: Mapping[str, str]) -> None:
        # A proxy would be measured along, and the bundle of somebody else's certificates does not know the twin. With
        # PYTHONUNBUFFERED, Python reads a module that comes through a pipe byte by byte, in 0.1 s for 300 KB.
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and not name.endswith("_CA_BUNDLE") and name != "PYTHONUNBUFFERED"
        }
        log = self.directory / "last-run.log"
        with log.open("w", encoding="utf-8") as output:
            code = subprocess.call(
                command,
                env={**variables, "BENCH_COSTS": str(self._costs), **extra},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        if code:
            tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise Problem(f"a run of the bench ended with {code}, so nothing was measured. It said:\n{tail}")


def _inventory(hosts: Mapping[str, Any]) -> str:
    """All hosts, in the group of the playbooks for many environments too."""
    group = {"hosts": {name: {} for name in hosts}, "vars": {"ansible_connection": "local"}}
    return json.dumps({"all": {"hosts": hosts, "children": {"w365_environments": group}}})


def task(module: str, /, *, title: str = "", loop: Sequence[Any] | str | None = None, **arguments: Any) -> Task:
    """A task for `Stage.play`. `loop` is a list, or a template that makes one."""
    name = module if "." in module else f"{FULL_NAME}.{module}"
    return {
        "name": title or module,
        name: arguments,
        **({} if loop is None else {"loop": loop if isinstance(loop, str) else list(loop)}),
    }
