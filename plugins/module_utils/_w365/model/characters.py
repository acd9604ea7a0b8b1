# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Characters that nobody sees, and those that a user principal name must not hold.

Two names that look alike are two people to a server, so what is typed or copied is refused with its code point. Names
that a server returns are never refused: they can be read, and repaired by id.
"""

from __future__ import annotations

import unicodedata

from ..errors import InputError

_JOINERS = frozenset("\u034f\u180e\u200c\u200d")
"""Invisible, and part of the spelling between letters: Persian, Arabic, Indic, Mongolian, sequences of emoji."""

_BLANK_LETTERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols without a shape."""

_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""Number signs of the Arabic script and the like: format characters with a shape."""

_MICROSOFT_REFUSES = frozenset('\\%&*/=?{}|<>();:,[]"`')
"""Punctuation that Microsoft does not allow in a userPrincipalName. A plus, which it does not allow either, is accepted:
an environment has accounts of its own, whose UPN is any mail address."""


def refuse_upn_characters(upn: str, option: str) -> None:
    """Raises InputError for the first character that must not be in a user principal name. Letters of all scripts may."""
    found = not_allowed_in_upn(upn)
    if found:
        raise InputError(
            f"Option {option} has {upn!r}, which is not a user principal name: Microsoft does not allow {found} in one. It has the "
            "form name@domain.example, and must equal the user's UPN in Microsoft Entra. Check how it was copied: a typographic "
            "quote is not an apostrophe. An account that already has such a UPN is found by its id (option identity)."
        )


def not_allowed_in_upn(upn: str) -> str:
    """The description of the first character that Microsoft does not allow in a user principal name, and of a hidden one."""
    hidden = hidden_character(upn)
    if hidden:
        return f"{hidden}, which cannot be seen,"
    if upn.isascii() and _MICROSOFT_REFUSES.isdisjoint(upn):
        return ""
    for char in upn:
        category = unicodedata.category(char)
        if char in _MICROSOFT_REFUSES or (not char.isascii() and category[0] in "PSZC" and category != "Cn"):
            return described(char)
    return ""


def refuse_characters(text: str, option: str, *, name: bool = False) -> None:
    """Raises InputError for the first invisible, format or control character of a text; of a `name`, for the first that
    is no part of its spelling."""
    found = hidden_character(text, name=name)
    if found:
        raise InputError(
            f"Option {option} has {text!r}, which holds {found}. Such a character cannot be seen, and makes a different name of "
            "one that looks the same. Remove it; check how the text was copied."
        )


def hidden_character(text: str, *, name: bool = False) -> str:
    """The description of the first such character; empty when there is none."""
    # Most texts, of which a large tenant has many.
    if text.isascii() and text.isprintable():
        return ""
    for at, char in enumerate(text):
        if _hidden(char) and not (name and _spells(text, at)):
            return described(char)
    return ""


def described(char: str) -> str:
    """Such as "U+200B (ZERO WIDTH SPACE)"."""
    name = unicodedata.name(char, "")
    return f"U+{ord(char):04X}" + (f" ({name})" if name else f" {char!r}")


def _hidden(char: str) -> bool:
    category = unicodedata.category(char)
    return (
        category in ("Cc", "Cs", "Zl", "Zp")
        or (category == "Cf" and char not in _VISIBLE_FORMATS)
        or char in _BLANK_LETTERS
        or char == "\u034f"
        or _selects_variation(char)
    )


def _selects_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\u180b" <= char <= "\u180d" or "\U000e0100" <= char <= "\U000e01ef"


def _is_tag(char: str) -> bool:
    return "\U000e0020" <= char <= "\U000e007f"


def _spells(text: str, at: int) -> bool:
    """Whether this hidden character belongs to the spelling of a name: a joiner between letters or emoji or after a virama,
    a selector behind what it selects, a tag in the flag of a country."""
    char, before, after = text[at], text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    if not before:
        return False
    if char in _JOINERS:
        return (_joins(before) and _joins(after)) or unicodedata.combining(before) == 9
    if _selects_variation(char):
        return unicodedata.category(before)[0] in "LMNPS" and not _hidden(before)
    return _is_tag(char) and (before == "\U0001f3f4" or _is_tag(before))


def _joins(char: str) -> bool:
    return bool(char) and (unicodedata.category(char)[0] in "LMNS" or unicodedata.category(char) == "Cn")
