# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a secret looks once others have written it: in JSON, in pages, in URLs, and in one inside another.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html.entities import name2codepoint

from .http import SAME_EVERYWHERE


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
    found: dict[int, tuple[str, ...]] = {ord("'"): ("apos",)}
    for name, code in name2codepoint.items():
        found[code] = (*found.get(code, ()), name)
    return found
