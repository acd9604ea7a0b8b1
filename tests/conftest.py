# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all suites share: which tests are slow, and that a run that leaves them out says how many these are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

LEFT_OUT = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = 0


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark the cases of a test that come after as many quick ones as `slow_after` says."""
    quick: Counter[str] = Counter()
    for item in items:
        most = item.get_closest_marker("slow_after")
        if most and not item.get_closest_marker("slow"):
            test = item.nodeid.partition("[")[0]
            quick[test] += 1
            if quick[test] > most.args[0]:
                item.add_marker(pytest.mark.slow)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    # What -k takes away comes in a call of its own, and with others.
    if items and all(item.get_closest_marker("slow") for item in items):
        items[0].config.stash[LEFT_OUT] += len(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # In a worker of pytest-xdist, which is where tests are collected. What is put here arrives at the one that prints.
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["slow_left_out"] = session.config.stash[LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Every worker collects the same tests.
    told = getattr(node, "workeroutput", {}).get("slow_left_out", 0)
    node.config.stash[LEFT_OUT] = max(node.config.stash[LEFT_OUT], told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.option.markexpr and (count := config.stash[LEFT_OUT]):
        # tools/run_checks.py reads this line.
        terminalreporter.write_line(f"Slow tests left out: {count}")
