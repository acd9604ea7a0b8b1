# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures and what is asked of them: the table of limits, the arithmetic, the machine, the printed table. Measures nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

PAGE = 200
"""Resources that the collection asks for per page."""

Figures = dict[str, Any]
"""What one case has found."""


@dataclass(frozen=True)
class Limit:
    """What is asked of one figure. `bound` is the most that it may be, or with `least` the least."""

    case: str
    figure: str
    what: str
    unit: str
    bound: float
    least: bool = False

    def held(self, value: float) -> bool:
        return value >= self.bound if self.least else value <= self.bound


LIMITS = (
    # Ten groups are read themselves, to see whether the listing shortens their members, and a full page has one after it.
    Limit("reconcile", "extra_requests", "10,000 unchanged: requests beyond the pages", "", 12),
    Limit("reconcile", "cpu", "10,000 unchanged: CPU of the module's process", "s", 3.0),
    Limit("reconcile", "peak", "10,000 unchanged: peak memory of the module's process", "MB", 200),
    Limit("create", "ratio", "10,000 created: time, against the bare loop", "x", 1.25),
    Limit("loop", "unchanged", "unchanged: per user, times as fast as a loop of w365_user", "x", 100, least=True),
    Limit("loop", "create", "created: per user, times as fast as a loop of w365_user", "x", 50, least=True),
    Limit("startup", "ratio", "nothing to do: w365_user, against ansible.builtin.uri", "x", 1.2),
    Limit(
        "direct",
        "against_uri",
        "inside Ansible, an item with nothing to do, against one of ansible.builtin.uri",
        "x",
        0.05,
    ),
    Limit(
        "direct", "against_debug", "inside Ansible, an item with nothing to do, against one of an empty debug", "x", 3
    ),
    Limit(
        "direct", "one_against_uri", "inside Ansible, a task with nothing to do, against ansible.builtin.uri", "x", 0.5
    ),
    Limit("hosts", "reconcile", "10,000 unchanged: inside Ansible, against a module process", "x", 1.05),
    Limit("hosts", "create", "10,000 created: inside Ansible, against a module process", "x", 1.05),
    Limit(
        "hosts", "reconcile_cpu", "10,000 unchanged: CPU of all of Ansible, inside it against a module process", "x", 1
    ),
    Limit("memory", "growth", "inside Ansible, memory per item, against a debug loop with the same results", "x", 1.1),
    Limit("others", "ratio", "a play without our modules: with the collection installed, against without", "x", 1.05),
    Limit("latency", "faster", "50 ms to each answer: auto up to 64, times as fast as 8", "x", 3, least=True),
    # A twentieth is what two runs of the same differ by.
    Limit("latency", "in_a_queue", "the same where 8 at a time are worked on: auto, against 8", "x", 1.05),
    Limit("latency", "auto_refused_throttled", "the same where others get 429: part of all answers", "", 0.05),
    Limit(
        "tenant",
        "against_debug",
        "a tenant of 40 with nothing to do: CPU, against one empty debug for each host",
        "x",
        15,
    ),
    Limit(
        "fleet",
        "against_debug",
        "an environment of 100 with nothing to do: CPU of fleet_sync, against one empty debug for each host",
        "x",
        6,
    ),
    Limit("curve", "extra_requests", "any number unchanged: requests beyond the pages", "", 12),
    Limit("curve", "memory_growth", "any number unchanged: memory per user, against the first size", "x", 1.25),
)
"""The one table of limits; the bench ends with exit code 1 when one of them is not held."""


@dataclass(frozen=True)
class Verdict:
    """A figure that was measured, and whether its limit was held."""

    limit: Limit
    value: float

    @property
    def held(self) -> bool:
        return self.limit.held(self.value)

    def as_result(self) -> dict[str, Any]:
        limit = self.limit
        return {
            "case": limit.case,
            "figure": limit.figure,
            "what": limit.what,
            "unit": limit.unit,
            "value": round(self.value, 4),
            "at_least" if limit.least else "at_most": limit.bound,
            "held": self.held,
        }


def verdicts(figures: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """A verdict for every limit whose figure was measured. `figures` holds them by case and name."""
    return [
        Verdict(limit, float(figures[limit.case][limit.figure]))
        for limit in LIMITS
        if limit.figure in figures.get(limit.case, {})
    ]


def rows(found: Iterable[Verdict]) -> list[list[str]]:
    """The verdicts as the rows of a table: what, measured, limit, held."""
    return [
        [
            verdict.limit.what,
            f"{shown(verdict.value)} {verdict.limit.unit}".strip(),
            f"{'>=' if verdict.limit.least else '<='} {verdict.limit.bound:g} {verdict.limit.unit}".strip(),
            "held" if verdict.held else "NOT HELD",
        ]
        for verdict in found
    ]


def shown(value: float) -> str:
    """A figure with as many digits as it can bear."""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def pages(users: int, groups: int) -> int:
    """How many requests list so many users and groups. Who has none of a kind is told so on one page."""
    return sum(max(1, -(-count // PAGE)) for count in (users, groups))


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as much ours is: the median over the rounds, so that a machine that gets slower counts for both."""
    return median(own / other for own, other in zip(ours, theirs, strict=True))


def per_user_ratio(slow: float, slow_users: int, fast: float, fast_users: int) -> float:
    """How many times as much the slow way costs per user."""
    return (slow / slow_users) / (fast / fast_users)


def growth(users: Sequence[int], peaks: Sequence[float]) -> float:
    """How linear memory is: the steepest step between two sizes, in bytes per user, against the first step.

    Needs three sizes or more; 1 means a straight line, and less means that it flattens.
    """
    points = sorted(zip(users, peaks, strict=True))
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(points)]
    return max(slopes[1:]) / slopes[0]


def machine() -> dict[str, Any]:
    """What this ran on. No names of hosts and no paths: the file is meant to be shown to others."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "requests": version("requests"),
        "urllib3": version("urllib3"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or "unknown"
