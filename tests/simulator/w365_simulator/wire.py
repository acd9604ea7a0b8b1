# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes over the wire, free of any web framework: a call, an answer, and how both become JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"
SCIM_JSON = "application/scim+json"
HTML = "text/html; charset=utf-8"

HTML_ERROR_PAGE = """<!DOCTYPE html>
<html><head><title>Runtime Error</title></head>
<body><h1>Server Error in '/' Application.</h1><h2><i>{sentence}</i></h2></body></html>
"""


_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class UnreadableBody(ValueError):
    """The body of a call is not the JSON that it should be."""


@dataclass(slots=True)
class Call:
    """One request. ``path`` is decoded; header names are in lower case; ``base_url`` is scheme and host as called."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    query_string: str = ""
    inner: bool = False

    def json(self) -> Any:
        """Return the body as JSON; an empty or malformed one raises UnreadableBody."""
        if not self.body.strip():
            raise UnreadableBody("The request has no body.")
        try:
            return json.loads(self.body)
        except ValueError as problem:
            raise UnreadableBody(f"The body is not JSON: {problem}.") from problem


@dataclass(slots=True)
class Answer:
    """One response, complete in memory."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)


class Deferred(Answer):
    """An answer that needs work in a thread first: ``finish`` makes the real answer of what ``work`` returned."""

    __slots__ = ("finish", "work")

    def __init__(self, work: Callable[[], Any], finish: Callable[[Any], Answer]) -> None:
        super().__init__(202)
        self.work = work
        self.finish = finish


def dumps(value: Any) -> bytes:
    """Serialize without spaces, in UTF-8."""
    return _ENCODER.encode(value).encode()


def json_answer(
    status: int, value: Any, media_type: str = JSON, headers: list[tuple[str, str]] | None = None
) -> Answer:
    """Answer with a JSON body."""
    return Answer(status, dumps(value), media_type, headers or [])


def html_answer(status: int, sentence: str) -> Answer:
    """Answer with the kind of HTML page that a web server in front of an application shows."""
    return Answer(status, HTML_ERROR_PAGE.format(sentence=sentence).encode(), HTML)
