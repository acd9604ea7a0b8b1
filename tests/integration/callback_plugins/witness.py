# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the tests what every task did: its result, what went over the wire for it, and what the twin held afterwards.

It runs inside ansible-playbook. While a task is in check mode, the twin refuses every write.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

# Only the tests themselves have the twin on their path.
sys.path.append(str(Path(__file__).parents[2] / "simulator"))

from w365_simulator.testing import Control

DOCUMENTATION = """
name: witness
type: notification
short_description: Writes one line of JSON for every task
description: Used by the integration tests only.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "witness"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._path = os.environ["WITNESS_FILE"]
        self._control = Control(os.environ["WITNESS_TWIN"], os.environ["WITNESS_CA"]).call
        self._seen = 0
        self._refusing = False

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        refuse = bool(task.check_mode)
        if refuse != self._refusing:
            self._control("PATCH", "switches", {"refuse_writes": refuse})
            self._refusing = refuse
        found = self._control("GET", f"requests?since={self._seen}")["requests"]
        self._seen = max([self._seen, *(request["number"] for request in found)])

    def _tell(self, status: str, result: Any, *, item: bool = False) -> None:
        data = getattr(result, "result", None) or result._result
        task = getattr(result, "task", None) or result._task
        requests = self._control("GET", f"requests?since={self._seen}")["requests"]
        line = {
            "name": task.get_name(),
            "status": status,
            "item": item,
            "result": json.loads(json.dumps(data, default=str)),
            "requests": [request for request in requests if request["number"] > self._seen],
            "state": self._control("GET", "state"),
        }
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._tell("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._tell("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._tell("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._tell("unreachable", result)
