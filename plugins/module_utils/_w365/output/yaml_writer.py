# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes YAML of which a program and Ansible read back the very same values, and of which the same values are the same text.

Texts are quoted unless they are words, so that no reader takes one for a number, a date or a boolean. One that holds the
beginning of a template gets the tag !unsafe, so that Ansible never runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = re.compile(r"[A-Za-z](?:[A-Za-z0-9_.@+/'-]|://| (?=[A-Za-z0-9_@+(]))*")
"""Texts without quotes: ASCII only, so that it does not depend on the version of Unicode."""

_NO_TEXTS = frozenset({"false", "n", "no", "none", "null", "off", "on", "true", "y", "yes"})
"""Words that are something else without quotes, in one version of YAML or another."""

_ODD = (
    '"\\\\\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff\ufeff'
    "\ufff0-\uffff\U000e0000-\U0010ffff"
)
"""What a quoted text needs as an escape, and what would not be seen."""

_ESCAPED = re.compile(f"[{_ODD}]")

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

_TEMPLATE = re.compile(r"\{[{%#]")


class Reference(str):
    """The name of a variable, which Ansible puts in the place of the value. An undefined one fails the task."""


def yaml_text(document: Mapping[str, Any], comments: tuple[str, ...] = ()) -> str:
    """A document of dictionaries, lists, texts, booleans and references, with comments of one line each at its head."""
    return "\n".join(["---", *(f"# {comment}" for comment in comments), *_lines(document, ""), ""])


def scalar(value: Any) -> str:
    """One value as it stands behind a key or a dash."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Reference):
        return f'"{{{{ {value} }}}}"'
    if isinstance(value, str):
        tag = "!unsafe " if _TEMPLATE.search(value) else ""
        plain = _WORDS.fullmatch(value) and value.lower() not in _NO_TEXTS
        return value if plain else f'{tag}"{_ESCAPED.sub(_escape, value)}"'
    return "{}" if isinstance(value, Mapping) else "[]"


def _lines(value: Mapping[str, Any] | list[Any], indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if item and isinstance(item, Mapping | list):
                yield f"{indent}{key}:"
                yield from _lines(item, f"{indent}  ")
            else:
                yield f"{indent}{key}: {scalar(item)}"
        return
    for item in value:
        if isinstance(item, Mapping):
            first, *others = _lines(item, f"{indent}  ")
            yield f"{indent}- {first[len(indent) + 2 :]}"
            yield from others
        else:
            yield f"{indent}- {scalar(item)}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_QUOTED = rf"""(?:!unsafe )?"(?:[^{_ODD}]|\\["\\nrt]|\\x[0-9a-f]{{2}}|\\u[0-9a-f]{{4}}|\\U[0-9a-f]{{8}})*\""""


def line_pattern(keys: Mapping[str, str]) -> re.Pattern[str]:
    """The lines that this module writes, for documents with these keys. The values may hold patterns for single keys; empty
    ones stand for every value."""
    value = rf"(?:\[\]|\{{\}}|{_QUOTED}|{_WORDS.pattern})"
    pairs = "|".join(f"{key}:(?: {pattern or value})?" for key, pattern in keys.items())
    return re.compile(f"(?:---| *(?:- )*(?:{pairs})| *- {value})")
