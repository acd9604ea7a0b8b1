# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts for a terminal and a log: what a server or a file holds must not look like output of Ansible."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ud800-\udfff"
"""What moves the cursor, turns the direction of writing or breaks a line, and halves of characters. Joiners stay: they
are part of the spelling of names."""

_UNSAFE = re.compile(f"[{_CONTROLS}]")
_UNSAFE_IN_LINE = re.compile(f"[{_CONTROLS}\n\r]")

_NAMES = {"\n": r"\n", "\r": r"\r"}

KEEPS_LINES = frozenset({"content", "description", "exception", "json", "prepared"})
"""The keys of results whose texts may have several lines."""


def one_line(text: str) -> str:
    """The text with every control character as an escape that can be seen, such as V(\\n) and V(\\u202e)."""
    return _UNSAFE_IN_LINE.sub(_escape, text)


def escaped_json(text: str) -> str:
    """JSON with the same characters as JSON's own escapes; line breaks between its parts stay."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def displayed(value: Any, keeps_lines: bool = False) -> Any:
    """Decoded JSON whose texts, keys included, can be shown. Those under KEEPS_LINES keep their lines."""
    if isinstance(value, str):
        return _UNSAFE.sub(_escape, value) if keeps_lines else one_line(value)
    if isinstance(value, Mapping):
        return {displayed(key): displayed(item, keeps_lines or key in KEEPS_LINES) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [displayed(item, keeps_lines) for item in value]
    return value


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _NAMES.get(found[0]) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
