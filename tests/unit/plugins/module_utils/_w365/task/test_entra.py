# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of a key that was made a moment ago: Entra's servers learn of it one after the other."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import (
    TokenRefusedError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import AuthenticationError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra import (
    KNOWN_IN_A_ROW,
    VERIFY_PAUSE,
    EntraTask,
)


class Clock:
    """A time that passes only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Servers:
    """Answers token requests by the letters of a script, the last one for ever: yes, fresh key, wrong credential."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.asked = ""
        self.cached = False

    def token(self) -> str:
        if self.cached:
            self.asked += "c"
            return "a token from the cache proves nothing"
        answer = self.script[min(len(self.asked), len(self.script) - 1)]
        self.asked += answer
        if answer == "y":
            self.cached = True
            return "a-token"
        error = TokenRefusedError("the client secret is wrong.")
        error.codes = (7000215,) if answer == "f" else (700016,)
        raise error

    def forget(self) -> None:
        self.cached = False


class Task:
    options: dict[str, Any]


def verify(servers: Servers, seconds: int) -> None:
    task: Any = Task()
    task.options = {"verify_timeout": seconds}
    tokens: Any = servers
    EntraTask._repeat_until_known(task, tokens)


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        ("y", "yyy"),
        ("fy", "fyyy"),
        ("yfy", "yfyyy"),
        ("yyfy", "yyfyyy"),
        ("yfyfyyfy", "yfyfyyfyyy"),
        ("fffy", "fffyyy"),
    ],
)
def test_several_tokens_in_a_row_are_needed(monkeypatch: pytest.MonkeyPatch, script: str, asked: str) -> None:
    clock = Clock(monkeypatch)
    servers = Servers(script)
    verify(servers, 60)
    assert servers.asked == asked, "each from a request of its own"
    assert servers.asked.endswith("y" * KNOWN_IN_A_ROW)
    assert clock.now - 1000 == VERIFY_PAUSE * (len(asked) - 1)


@pytest.mark.parametrize("script", ["f", "yf" * 50, "yyf" * 50])
def test_a_key_that_is_not_known_everywhere_in_time_is_refused(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    clock = Clock(monkeypatch)
    servers = Servers(script)
    with pytest.raises(AuthenticationError, match="client secret is wrong"):
        verify(servers, 20)
    assert 20 <= clock.now - 1000 <= 20 + KNOWN_IN_A_ROW * VERIFY_PAUSE
    assert "yyy" not in servers.asked


@pytest.mark.parametrize(("script", "asked"), [("w", "w"), ("yw", "yw"), ("fyw", "fyw")])
def test_another_refusal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, script: str, asked: str) -> None:
    Clock(monkeypatch)
    servers = Servers(script)
    with pytest.raises(AuthenticationError):
        verify(servers, 60)
    assert servers.asked == asked


@pytest.mark.parametrize(("script", "refused"), [("y", False), ("f", True), ("w", True)])
def test_without_a_time_entra_is_asked_once(monkeypatch: pytest.MonkeyPatch, script: str, refused: bool) -> None:
    clock = Clock(monkeypatch)
    servers = Servers(script)
    if refused:
        with pytest.raises(AuthenticationError):
            verify(servers, 0)
    else:
        verify(servers, 0)
    assert servers.asked == script
    assert clock.now == 1000
