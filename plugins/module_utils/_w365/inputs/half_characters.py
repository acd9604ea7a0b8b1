# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Halves of characters (lone surrogates of UTF-16), which a cut text ends with and no server can store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import InputError


def half_character(text: str) -> str:
    """The code point of the first half of a character in a text, such as "U+D83D"; empty when there is none."""
    return next((f"U+{ord(char):04X}" for char in text if "\ud800" <= char <= "\udfff"), "")


def refuse_half_characters(options: Mapping[str, Any]) -> None:
    """Raises InputError for a half of a character in the options of a task, at any depth. The value is not shown."""
    for name, code in half_characters(options):
        raise InputError(
            f"Option {name} holds {code}, which is half of a character: the text was cut in the middle of an emoji or of "
            "another rare character. Nothing was written. Correct the text where it comes from."
        )


def half_characters(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """The places and code points of all halves of characters in a value, keys included."""
    if isinstance(value, str):
        if code := half_character(value):
            yield place, code
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if code := half_character(str(key)):
                yield place or "(a name)", code
            yield from half_characters(item, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from half_characters(item, place)
