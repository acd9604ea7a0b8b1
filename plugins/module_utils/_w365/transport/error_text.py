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


def server_message(answer: Answer, redactor: Redactor) -> str:
    """The server's message in the body of an error, as one line: from JSON of any structure, HTML, text or nothing."""
    text = ""
    try:
        text = "; ".join(_statements(answer.json()))
    except ValueError:
        # Masked before and after: a secret may contain what looks like a tag, and HTML encodes it.
        text = re.sub(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]+>", " ", redactor.text(answer.text))
        text = re.sub(r"\s+", " ", html.unescape(text)).strip()
        if "<html" in answer.text.lower():
            text = f"an HTML page: {text}" if text else "an empty HTML page"
    text = redactor.text(text) or "the server gave no reason"
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]} ..."


def _statements(data: Any) -> list[str]:
    """The messages in an error body: ValidationResult in its plausible forms (contract: Answers; A), SCIM, Graph."""
    if data is None:
        return []
    if isinstance(data, list):
        return [sentence for item in data for sentence in _statements(item)]
    if not isinstance(data, Mapping):
        return [str(data)]
    found = {str(name).lower(): value for name, value in data.items()}
    if isinstance(found.get("error"), Mapping):
        return _statements(found["error"])
    message = next(
        (found[name] for name in ("errormessage", "message", "detail", "error_description") if found.get(name)), None
    )
    if isinstance(message, str):
        about = found.get("membernames") or found.get("scimtype") or found.get("code")
        shown = ", ".join(map(str, about)) if isinstance(about, list) else about
        return [f"{shown}: {message}" if shown else message]
    if message is None and {"schemas", "detail"} <= found.keys():
        # An error of SCIM without a reason; the rest only repeats the status.
        return [str(found["scimtype"])] if found.get("scimtype") else []
    # An unknown structure is shown completely.
    return [f"{name}: {'; '.join(_statements(value)) or value}" for name, value in data.items()]
