# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services in memory for one run in which one request goes wrong: killed before or after it, refused, without an answer."""

from __future__ import annotations

from typing import Any

from entra_memory import EntraMemory
from truthful import Truthful

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import LostAnswerError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import Answer

HOW = ("kill before", "kill after", "lose", "refuse")

REFUSAL = Answer(
    500, {"content-type": "application/json"}, '{"error": {"code": "InternalServerError", "message": "x"}}'
)


class Killed(BaseException):
    """The process is gone."""


class Faulty(Truthful):
    """The services with this tenant; the request `at` (counted from 1) goes wrong as `how` says."""

    def __init__(self, entra: EntraMemory, at: int = 0, how: str = "") -> None:
        super().__init__()
        self.__dict__["entra"] = entra
        self._at = at
        self._how = how
        self._sent = 0

    def request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
        return self._request(method, url, repeatable=repeatable, **parts)

    def _request(self, method: str, url: str, *, repeatable: bool, **parts: Any) -> Answer:
        self._sent += 1
        here = self._sent == self._at
        if self._how == "kill before" and self._sent >= self._at:
            raise Killed
        if here and self._how == "refuse":
            self.calls.append(self._understood(method, url, None, None))  # type: ignore[arg-type]
            return REFUSAL
        answer = super().request(method, url, repeatable=repeatable, **parts)
        self.check(method, url)
        if self._how == "kill after" and self._sent >= self._at:
            raise Killed
        if here and self._how == "lose":
            if not repeatable:
                raise LostAnswerError("The connection ended.")
            return super().request(method, url, repeatable=repeatable, **parts)
        return answer

    def check(self, method: str, url: str) -> None:
        """What must hold after every request."""
