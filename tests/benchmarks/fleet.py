# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of environments in one run, and in two slices side by side."""

from __future__ import annotations

from statistics import median
from time import monotonic
from typing import Any

from common import FULL_NAME, Problem
from figures import Figures, paired_ratio
from stage import ADMINISTRATOR, Stage, say, task

TENANTS = 100
PEOPLE = 20
DEBUGS = 10
FORKS = (1, 4, 16)
SYNC = f"{FULL_NAME}.fleet_sync"


def fleet(stage: Stage, repeats: int) -> Figures:
    """CPU of the playbook fleet_sync over 100 environments of 20 people with nothing to do, per environment, against one empty
    `debug` for each host: of Ansible and all its processes, less a play without tasks. All take turns, with 1, 4 and 16
    forks. Then two slices of ansible-runner at the same time, against one of them with all hosts.
    """
    hosts = _environments(stage)
    shared = {f"w365_{name}": value for name, value in stage.instance().items() if name in SHARED}
    found: dict[str, list[float]] = {"empty": [], "debug": [], **{f"forks_{forks}": [] for forks in FORKS}}
    for _repeat in range(repeats):
        stage.twin.clear_requests()
        found["empty"].append(stage.fleet([], hosts, {}))
        found["debug"].append(stage.fleet([task("ansible.builtin.debug", msg="nothing")] * DEBUGS, hosts, {}))
        for forks in FORKS:
            found[f"forks_{forks}"].append(stage.fleet(SYNC, hosts, {}, shared, forks))
        if stage.twin.writes():
            raise Problem("the environments were to be unchanged, and something was written.")
        say("  " + ", ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in found.items()))
    debug = [(cpu - empty) / TENANTS / DEBUGS for cpu, empty in zip(found["debug"], found["empty"], strict=True)]
    each = {
        forks: [(cpu - empty) / TENANTS for cpu, empty in zip(found[f"forks_{forks}"], found["empty"], strict=True)]
        for forks in FORKS
    }
    seconds = {slices: [_sliced(stage, hosts, shared, slices) for _repeat in range(repeats)] for slices in (1, 2)}
    return {
        "tenants": TENANTS,
        "people": PEOPLE,
        "debug_cpu": median(debug),
        **{f"cpu_{forks}_forks": median(values) for forks, values in each.items()},
        "against_debug": max(paired_ratio(values, debug) for values in each.values()),
        **{f"{slices}_slices_seconds": median(values) for slices, values in seconds.items()},
    }


SHARED = ("instance_url", "provisioning_key", "ca_path")


def _environments(stage: Stage) -> dict[str, dict[str, Any]]:
    """The hosts with their definitions, after the twin has got all of it."""
    names = [f"tenant{number:03d}" for number in range(1, TENANTS + 1)]
    people = [
        {"upn": f"person{number:02d}@contoso.com", "first_name": "Adele", "last_name": "Vance"}
        for number in range(1, PEOPLE + 1)
    ]
    seed = [{"name": name, "users": [ADMINISTRATOR, *people], "groups": []} for name in names]
    stage.twin.reset({"environments": seed}, "full")
    return {
        name: {
            "w365_environment": name,
            "w365_scim_url": stage.twin.scim_url(name),
            "w365_scim_token": stage.twin.scim_token,
            "w365_directory_definition": {"users": people},
        }
        for name in names
    }


def _sliced(stage: Stage, hosts: dict[str, dict[str, Any]], shared: dict[str, str], slices: int) -> float:
    """Seconds until all slices have ended that run at the same time, each with its part of the hosts."""
    names = sorted(hosts)
    parts = [{name: hosts[name] for name in names[number::slices]} for number in range(slices)]
    began = monotonic()
    stage.slices(SYNC, parts, shared)
    return monotonic() - began
