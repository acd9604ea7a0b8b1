# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the time of every task: from its start to its result, as ansible-playbook sees them."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: stopwatch
type: notification
short_description: Writes one line of JSON with the seconds of every task
description: Used by the benchmarks only.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "stopwatch"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._path = os.environ["BENCH_TASKS"]
        self._begin = 0.0

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begin = time.perf_counter()

    def _tell(self, status: str, result: Any) -> None:
        seconds = time.perf_counter() - self._begin
        data = getattr(result, "result", None) or result._result
        task = getattr(result, "task", None) or result._task
        shown = {name: data[name] for name in ("changed", "summary", "msg") if name in data}
        line = {"name": task.get_name(), "status": status, "seconds": seconds, "result": shown}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._tell("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._tell("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._tell("unreachable", result)
