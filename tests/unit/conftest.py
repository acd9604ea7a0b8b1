# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the unit tests share: how hypothesis searches, and a session that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hypothesis
import hypothesis.configuration
import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    Answer,
    Http,
    HttpSettings,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor

hypothesis.configuration.set_hypothesis_home_dir(Path(__file__).parents[2] / ".build" / "hypothesis")
# The same examples on every machine. To look for new ones: make unit PYTEST_ARGS="--hypothesis-profile=explore".
hypothesis.settings.register_profile("repeatable", database=None, deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("repeatable")


class ScriptedHttp(Http):
    """Answers without a network. `script` gets method, path (with its query) and body, and returns status and body.

    A body that is not a text travels as JSON. An exception that the script returns is raised.
    """

    def __init__(self, script: Callable[[str, str, Any], Any]) -> None:
        super().__init__(HttpSettings(), Redactor())
        self.script = script
        self.calls: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def request(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        has_body: bool = False,
    ) -> Answer:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if query:
            path += ("&" if parts.query else "?") + "&".join(f"{name}={value}" for name, value in query.items())
        self.calls.append((method, path, body if has_body else None))
        self.headers.append(dict(headers or {}))
        answer = self.script(method, path, body if has_body else None)
        if isinstance(answer, Exception):
            raise answer
        status, content, *more = answer
        given = {"content-type": "application/json", **(more[0] if more else {})}
        return Answer(
            status, given, content if isinstance(content, str) else json.dumps(content), bool(more[1:]) and more[1]
        )

    @property
    def writes(self) -> list[tuple[str, str, Any]]:
        """The calls that are no reads."""
        return [call for call in self.calls if call[0] != "GET"]


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedHttp]]:
    """A maker of sessions that answer from a script: a function, or a list of answers in their order."""
    made: list[ScriptedHttp] = []

    def make(script: Callable[[str, str, Any], Any] | list[Any]) -> ScriptedHttp:
        if not callable(script):
            answers = iter(script)
            http = ScriptedHttp(lambda _method, _path, _body: next(answers))
        else:
            http = ScriptedHttp(script)
        made.append(http)
        return http

    yield make
    for http in made:
        http.close()
