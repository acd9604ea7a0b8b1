# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the results of a run as one JSON document, and nothing else, as callbacks for programs do."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: json_document
type: stdout
short_description: Writes one JSON document at the end of a run
description: Used by the tests only.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "json_document"

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Any] = []

    def _keep(self, result: Any) -> None:
        self._results.append(getattr(result, "result", None) or result._result)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._keep(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._keep(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._display.display(json.dumps(self._results, default=str))
