# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes secrets out of texts, in every encoding in which servers and pages write them.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any

MASK = "********"

SHORTEST_SECRET = 4
"""Characters: anything shorter is left alone, since masking it would make every message unreadable."""

SAME_EVERYWHERE = r"[A-Za-z0-9._-]+"
"""What no way of writing changes."""


class _Secret:
    """`anchor` is the longest part of it that is written the same everywhere: where that is missing, the rest is too."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.anchor = max(re.findall(SAME_EVERYWHERE, text), key=len, default="")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return pattern_of(self.text)


class Redactor:
    """Knows the secrets of this run and takes them out of any text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: dict[str, _Secret] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Remember a secret. Very short ones are left alone: masking them would make every message unreadable."""
        if not secret or len(secret) < SHORTEST_SECRET:
            return
        # Keys are sent without the blanks around them, so that is how they come back.
        for form in {secret, secret.strip()} - set(self._secrets):
            if form.strip():
                self._secrets[form] = _Secret(form)
        self._secrets = dict(sorted(self._secrets.items(), key=lambda item: len(item[0]), reverse=True))

    def text(self, text: str) -> str:
        for secret in self._secrets.values():
            if secret.anchor in text:
                text = secret.pattern.sub(MASK, text)
        return text

    def data(self, value: Any) -> Any:
        """The same for decoded JSON, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.data(item) for item in value]
        return value


def pattern_of(secret: str) -> re.Pattern[str]:
    """A regular expression that finds the secret in all its spellings."""
    return re.compile("".join(map(_spellings, re.findall(r"\\+|.", secret, re.DOTALL))))


def _written(sign: str) -> str:
    """A regular expression for a sign as it is or as URLs, JSON and pages write it, however often one is put into another."""
    code = f"{ord(sign):x}"
    return rf"(?i:{re.escape(sign)}|%(?:25)*{code}|(?:\\|%(?:25)*5c)u0*{code}|&(?:amp;)*#(?:0*{ord(sign)}|x0*{code});)"


_BACKSLASHES = f"{_written(chr(92))}{{1,64}}"

_AMPERSAND = f"{_written('&')}(?:(?:amp|{_written('#')}(?:0*38|x0*26)){_written(';')})*"

_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


@cache
def _spellings(sign: str) -> str:
    """A regular expression for one sign of a secret in all the ways in which texts are written elsewhere.

    Letters, digits, dots and dashes are the same everywhere. The others change in JSON (where some servers write every
    sign that means something to a page as a number), in pages, in URLs, in what Python prints, and in one inside another.
    """
    if re.fullmatch(SAME_EVERYWHERE, sign):
        return re.escape(sign)
    if sign.startswith("\\"):
        return _BACKSLASHES
    code = ord(sign)
    utf8 = sign.encode("utf-8", "surrogatepass")
    utf16 = sign.encode("utf-16-be", "surrogatepass").hex()
    names = (f"{_written('#')}(?:0*{code}|x0*{code:x})", *(re.escape(name) for name in _entities().get(code, ())))
    # The longer ones first: the sign itself may be the beginning of another way to write it.
    plain = [
        f"{_AMPERSAND}(?:{'|'.join(names)}){_written(';')}",
        *([_AMPERSAND] if sign == "&" else []),
        "".join(f"%(?:25)*{byte:02x}" for byte in utf8),
        *([_written("+")] if sign == " " else []),
        re.escape(sign),
    ]
    escaped = [
        f"{_BACKSLASHES}".join(["", *(f"u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4))]),
        f"{_BACKSLASHES}".join(["", *(f"x{byte:02x}" for byte in utf8)]),
        f"{_BACKSLASHES}(?:x{code:02x}|U{code:08x})",
        *([f"{_BACKSLASHES}{_SHORT_ESCAPES[sign]}"] if sign in _SHORT_ESCAPES else []),
    ]
    return f"(?:(?:{_BACKSLASHES})?(?i:{'|'.join(plain)})|(?i:{'|'.join(escaped)}))"


@cache
def _entities() -> Mapping[int, tuple[str, ...]]:
    """The names that pages have for signs: quot for the double quote."""
    from html.entities import name2codepoint  # start-up

    found: dict[int, tuple[str, ...]] = {ord("'"): ("apos",)}
    for name, code in name2codepoint.items():
        found[code] = (*found.get(code, ()), name)
    return found
