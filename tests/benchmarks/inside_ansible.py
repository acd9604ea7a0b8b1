# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases about tasks inside Ansible: against module processes, their memory, and plays that have none of our modules."""

from __future__ import annotations

import json
from statistics import median
from typing import Any

from common import BUILD, Problem
from figures import Figures, paired_ratio
from stage import CONCURRENCY, Costs, People, Stage, say, task

USERS = 10_000
ITEMS = (2_000, 10_000)
TASKS = 200
ROUNDS = 5
HOSTS = ("direct", "process")


def hosts(stage: Stage, repeats: int) -> Figures:
    """The same bulk tasks in both hosts, in turn: seconds of the tasks, and CPU seconds of ansible-playbook with its processes."""
    people = People.made_up(USERS)
    unchanged = people.file(stage.directory / "unchanged.json", groups=True)
    new = people.file(stage.directory / "new.json", groups=False)
    seconds: dict[str, dict[str, list[float]]] = {
        kind: {host: [] for host in HOSTS} for kind in ("reconcile", "create")
    }
    cpu: dict[str, list[float]] = {host: [] for host in HOSTS}
    for repeat in range(repeats):
        for host in HOSTS if repeat % 2 == 0 else HOSTS[::-1]:
            stage.reset(people)
            done = stage.play(
                [task("w365_directory", src=[str(unchanged)], concurrency=CONCURRENCY)], execution=host, whole=True
            )
            _expect(done[0].result, changed=False)
            seconds["reconcile"][host].append(done[0].seconds)
            cpu[host].append(stage.costs()[0].cpu)
            stage.reset()
            done = stage.play([task("w365_directory", src=[str(new)], concurrency=CONCURRENCY)], execution=host)
            _expect(done[0].result, changed=True)
            seconds["create"][host].append(done[0].seconds)
            say(f"  {host}: {', '.join(f'{kind} {found[host][-1]:.2f} s' for kind, found in seconds.items())}")
    return {
        **{f"{kind}_{host}_seconds": median(found[host]) for kind, found in seconds.items() for host in HOSTS},
        **{kind: paired_ratio(found["direct"], found["process"]) for kind, found in seconds.items()},
        "reconcile_cpu": paired_ratio(cpu["direct"], cpu["process"]),
    }


def memory(stage: Stage, _repeats: int) -> Figures:
    """How much memory each further item of a loop takes, against `debug` that returns the same result: bytes per item.

    Ansible keeps every result of a loop, in the process that runs it and in its own.
    """
    people = People.made_up(max(ITEMS))
    stage.reset(people)
    single = {name: f"{{{{ item.{name} }}}}" for name in people.users[0]}
    sample = _result_of(stage, people)
    peaks: dict[str, list[int]] = {"ours": [], "debug": []}
    for count in ITEMS:
        users = stage.loop_of(people.users[:count])
        for name, each in (
            ("ours", task("w365_user", loop=users, **single)),
            ("debug", task("ansible.builtin.debug", loop=users, msg=sample)),
        ):
            stage.play([each], execution="direct", whole=True)
            peaks[name].append(stage.costs()[0].peak)
            say(f"  {name}, {count:,} items: peak {peaks[name][-1] / 1_000_000:.0f} MB")
    per_item = {name: (found[1] - found[0]) / (ITEMS[1] - ITEMS[0]) for name, found in peaks.items()}
    return {
        **{f"{name}_bytes_per_item": value for name, value in per_item.items()},
        "growth": per_item["ours"] / per_item["debug"],
    }


def _result_of(stage: Stage, people: People) -> dict[str, Any]:
    """What one item of that loop returns."""
    file = stage.directory / "result.json"
    one = {**task("w365_user", **people.users[7]), "register": "found"}
    write = task("ansible.builtin.copy", content="{{ found | to_json }}", dest=str(file), mode="0600")
    stage.play([one, write], execution="direct")
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    _expect(result, changed=False)
    return result


def others(stage: Stage, _repeats: int) -> Figures:
    """Plays that have none of our modules: with the collection installed, and with an empty folder of collections."""
    empty = stage.directory / "no-collections"
    empty.mkdir(exist_ok=True)
    debug = task("ansible.builtin.debug", msg="nothing")
    tasks = [debug] * TASKS + [task("ansible.builtin.debug", loop=list(range(TASKS)), msg="nothing")]
    with_it: list[Costs] = []
    without: list[Costs] = []
    installed = str(BUILD / "collections")
    for _round in range(ROUNDS):
        for folder, found in ((installed, with_it), (str(empty), without)):
            stage.play(tasks, whole=True, collections=folder)
            found.extend(stage.costs())
    say(f"  with it {median(c.cpu for c in with_it):.2f} s CPU, without {median(c.cpu for c in without):.2f} s")
    return {"ratio": paired_ratio([cost.cpu for cost in with_it], [cost.cpu for cost in without])}


def _expect(result: Any, *, changed: bool) -> None:
    if result["changed"] is not changed:
        raise Problem(f"a task was to be {'changed' if changed else 'unchanged'}, and was not.")
