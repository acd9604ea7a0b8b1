# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Masks secrets in texts, in every encoding in which servers and HTML pages write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from typing import Any

MASK = "********"

SHORTEST_SECRET = 4
"""Characters. Anything shorter is not masked, since that would make every message unreadable."""

NEVER_ENCODED = r"[A-Za-z0-9._-]+"
"""Characters that no encoding changes."""


class _Secret:
    """A secret. `anchor` is its longest part that no encoding changes: a text without it does not contain the secret."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.anchor = max(re.findall(NEVER_ENCODED, text), key=len, default="")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return pattern_of(self.text)


class Redactor:
    """Masks the secrets of this task in any text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: dict[str, _Secret] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Mask this secret from now on, unless it is shorter than SHORTEST_SECRET."""
        if not secret or len(secret) < SHORTEST_SECRET:
            return
        # Keys are sent without surrounding blanks, and may come back like that.
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
    """A regular expression that finds the secret in all its encodings."""
    parts = re.findall(r"\\+|.", secret, re.DOTALL)
    return re.compile("".join(map(_encodings, parts, [False, *(part[0] == "\\" for part in parts)])))


def _encoded(character: str, *, html: bool = True) -> str:
    """A regular expression for a character, plain or encoded in URLs, JSON and HTML, also several times."""
    code = f"{ord(character):x}"
    page = rf"|&(?:amp;)*#(?:0*{ord(character)}|x0*{code});" if html else ""
    return rf"(?i:{re.escape(character)}|%(?:25)*{code}|(?:\\|%(?:25)*5c)u0*{code}{page})"


# A text fits in one way only: with two for each character, a server that knows the secret could make a search endless.
_BACKSLASHES = f"{_encoded(chr(92))}{{1,64}}"

_AMPERSAND = f"{_encoded('&', html=False)}(?:(?:amp|{_encoded('#')}(?:0*38|x0*26)){_encoded(';')})*"

_SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


@cache
def _encodings(character: str, after_backslash: bool) -> str:
    """A regular expression for one character of a secret in all its encodings; backslashes before it are its own too.

    Letters, digits, dots and dashes are never encoded. The others change in JSON (where some servers write every
    character with a meaning in HTML as a number), in HTML, in URLs, in Python's repr, and in one of these inside another.
    """
    if re.fullmatch(NEVER_ENCODED, character):
        return re.escape(character)
    if character.startswith("\\"):
        return _BACKSLASHES
    code = ord(character)
    utf8 = character.encode("utf-8", "surrogatepass")
    utf16 = character.encode("utf-16-be", "surrogatepass").hex()
    names = (f"{_encoded('#')}(?:0*{code}|x0*{code:x})", *(re.escape(name) for name in _entities().get(code, ())))
    # The longer ones first: the character itself may be the beginning of one of its encodings.
    plain = [
        f"{_AMPERSAND}(?:{'|'.join(names)}){_encoded(';')}",
        "".join(f"%(?:25)*{byte:02x}" for byte in utf8),
        *([_encoded("+")] if character == " " else []),
        re.escape(character),
    ]
    escaped = [
        f"{_BACKSLASHES}".join(f"u{utf16[at : at + 4]}" for at in range(0, len(utf16), 4)),
        *([f"{_BACKSLASHES}".join(f"x{byte:02x}" for byte in utf8)] if code > 127 else []),
        f"(?:x{code:02x}|U{code:08x})",
        *([_SHORT_ESCAPES[character]] if character in _SHORT_ESCAPES else []),
    ]
    if character == "&":
        # The expression of an ampersand in an encoding is that of an ampersand too.
        plain, escaped = [_AMPERSAND], escaped[1:]
    if after_backslash:
        return f"(?i:{'|'.join([*plain, *escaped])})"
    return f"(?:(?:{_BACKSLASHES})?(?i:{'|'.join(plain)})|{_BACKSLASHES}(?i:{'|'.join(escaped)}))"


@cache
def _entities() -> Mapping[int, tuple[str, ...]]:
    """The names of characters in HTML by their code points: quot for the double quote."""
    from html.entities import name2codepoint  # start-up

    found: dict[int, tuple[str, ...]] = {ord("'"): ("apos",)}
    for name, code in name2codepoint.items():
        found[code] = (*found.get(code, ()), name)
    return found
