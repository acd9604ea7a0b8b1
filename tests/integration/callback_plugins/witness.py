# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells the tests what every task did: its result, what went over the wire for it, and what the twin held afterwards.

It runs inside ansible-playbook. While a task is in check mode, the twin refuses every write.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from typing import Any
from urllib.parse import urlsplit

from ansible.plugins.callback import CallbackBase

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
        address = urlsplit(os.environ["WITNESS_TWIN"])
        # One connection for all tasks: a handshake for each question would take longer than its answer.
        self._twin = http.client.HTTPSConnection(
            address.hostname or "",
            address.port,
            timeout=30,
            context=ssl.create_default_context(cafile=os.environ["WITNESS_CA"]),
        )
        self._seen = 0
        self._refusing = False

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        try:
            return self._ask(method, path, content)
        except (OSError, http.client.HTTPException):
            # The twin may have been started anew since the last question.
            self._twin.close()
            return self._ask(method, path, content)

    def _ask(self, method: str, path: str, content: str | None) -> Any:
        self._twin.request(method, f"/_simulator/{path}", content, {"Content-Type": "application/json"})
        answer = self._twin.getresponse()
        text = answer.read()
        assert answer.status < 400, text
        return json.loads(text) if text else None

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
