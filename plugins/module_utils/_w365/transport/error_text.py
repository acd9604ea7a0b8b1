# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error message in a server's answer, as one line."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from .http import Answer
from .redaction import Redactor

MESSAGE_LIMIT = 1000
"""The number of characters of a server's message that are shown."""

READ_LIMIT = 60_000
"""The number of characters of an answer in which its message is looked for."""

CUT_SECRET = 20_000
"""Characters at the end of a text that was cut: a part of a secret there would not be masked."""


def server_message(answer: Answer, redactor: Redactor) -> str:
    """The server's message in the body of an error, as one line: from JSON of any structure, HTML, text or nothing."""
    try:
        text = _masked("; ".join(_statements(answer.json())), redactor)
    except ValueError:
        # Masked before and after: a secret may contain what looks like a tag, and HTML encodes it.
        page = _masked(answer.text, redactor)
        text = " ".join(_unescaped(without_tags(page)).split())
        if "<html" in page.lower():
            text = f"an HTML page: {text}" if text else "an empty HTML page"
        text = redactor.text(text)
    text = " ".join(text.split()) or "the server gave no reason"
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]} ..."


def _masked(text: str, redactor: Redactor) -> str:
    """The beginning of a text, without secrets and without a part of one."""
    if len(text) <= READ_LIMIT:
        return redactor.text(text)
    return redactor.text(text[:READ_LIMIT])[: READ_LIMIT - CUT_SECRET]


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # The number of a character with more digits than Python reads.
        return text


def without_tags(page: str) -> str:
    """The text of a page, without what it does not show. Reads every character once: a page may be made to be slow."""
    pieces = re.split(r"(<[^<>]*>)", page)
    hidden = {at: _hiding(piece) for at, piece in enumerate(pieces) if at % 2}
    last = {name: at for at, name in hidden.items() if name.startswith("/")}
    found: list[str] = []
    inside = ""
    for at, piece in enumerate(pieces):
        name = hidden.get(at, "")
        if inside:
            inside = "" if name == f"/{inside}" else inside
        elif name and last.get(f"/{name}", 0) > at:
            # One without an end hides nothing.
            inside = name
        elif not at % 2:
            found.append(piece)
    return " ".join(found)


def _hiding(tag: str) -> str:
    """The name of a tag whose content is not shown, with a slash when it ends there; empty for any other."""
    found = re.match(r"</?(script|style|head)\b", tag, re.IGNORECASE)
    return f"{'/' if tag[1] == '/' else ''}{found[1].lower()}" if found else ""


_MESSAGES = ("errormessage", "message", "detail", "error_description")

_ABOUT = ("schemas", "status", "statuscode", "innererror", "type", "instance", "traceid", "documentationurl")

_KINDS = ("membernames", "scimtype", "code")


def _statements(data: Any) -> list[str]:
    """The messages in an error body: ValidationResult in its plausible forms (contract: Answers; A), SCIM, Graph."""
    if data is None:
        return []
    if isinstance(data, list):
        return [sentence for item in data for sentence in _statements(item)]
    if not isinstance(data, Mapping):
        return [str(data).strip()] if str(data).strip() else []
    found = {str(name).lower(): value for name, value in data.items()}
    if isinstance(found.get("error"), Mapping):
        return _statements(found["error"])
    message = next((text for name in _MESSAGES if isinstance(text := found.get(name), str) and text.strip()), "")
    kinds = _KINDS if message else (*_KINDS, "error", "title")
    kind = next((found[name] for name in kinds if found.get(name)), "")
    shown = ", ".join(map(str, kind)) if isinstance(kind, list) else str(kind).strip()
    if message:
        return [f"{shown}: {message.strip()}" if shown else message.strip()]
    blank = {name for name in _MESSAGES if name in found and not str(found[name] or "").strip()}
    if "schemas" in found or blank:
        # A known form without a reason. That it repeats the status, or names a time, is none.
        rest = {name: value for name, value in found.items() if name not in {*blank, *_ABOUT, *kinds}}
        return [*([shown] if shown else []), *_all(rest)]
    # An unknown structure is shown completely.
    return _all(data)


def _all(data: Mapping[str, Any]) -> list[str]:
    return [f"{name}: {'; '.join(_statements(value)) or value}" for name, value in data.items()]
