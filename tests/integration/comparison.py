# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays a test inside Ansible and again in module processes, and compares every result key by key."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pattern
import playing
from playing import Play, Step


def without_what_differs(step: Step) -> Any:
    """The step, where the names of temporary files, the ids of new objects and the time are replaced."""
    text = json.dumps({**vars(step), "requests": [], "writes": step.writes, "state": {}})
    text = re.sub(r"_payload_\w{8}/", "_payload/", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "an id", text)
    text = re.sub(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "a time", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "a time", text)
    return json.loads(text)


def play_in_both(test: Callable[[], object], reset: Callable[[], object]) -> None:
    """Call `test` twice, after `reset` each time, and assert that everything that it played had the same results."""
    played: dict[str, list[Play]] = {}
    for host in ("direct", "process"):
        reset()
        begin = len(playing.plays)
        with playing.run_in(host):
            test()
        played[host] = playing.plays[begin:]
    assert any(play.steps for play in played["direct"]), "nothing was compared"
    for direct, process in zip(*played.values(), strict=True):
        assert direct.code == process.code
        for one, other in zip(direct, process, strict=True):
            pattern.same(without_what_differs(one), without_what_differs(other), f"{one.name}, inside Ansible")
