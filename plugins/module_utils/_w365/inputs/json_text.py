# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSON, read strictly: a key twice is refused, and every value can be found by its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from ..errors import InputError
from .texts import Place, lines_of

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class _Found(NamedTuple):
    """A value, or the key of one, at its place in the document."""

    place: Place
    line: int
    written: str
    is_key: bool = False


class JsonDocument:
    """One document: its `data`, and the line of every value. Raises InputError for what cannot be read, or is ambiguous."""

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        twice: list[bool] = []

        def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) < len(pairs):
                twice.append(True)
            return found

        try:
            self.data = json.loads(text, object_pairs_hook=checked, parse_constant=_no_constant)
        except RecursionError:
            raise InputError(f"{name}: lists and dictionaries are nested too deeply to be users and groups.") from None
        except ValueError as error:
            raise InputError(f"{name} is not JSON: {error}.") from None
        if twice:
            raise InputError(lines_of(self._keys_twice(), name))

    def line(self, place: Place) -> int:
        while place and place not in self._places:
            # What is missing is missing in the dictionary.
            place = place[:-1]
        return self._places[place].line if self._places else 1

    def written(self, place: Place) -> str:
        """The value as the file has it; empty for a list and a dictionary."""
        found = self._places.get(place)
        return "" if found is None or found.written in ("{", "[") else found.written

    @cached_property
    def _places(self) -> dict[Place, _Found]:
        return {found.place: found for found in _walk(self._text) if not found.is_key}

    def _keys_twice(self) -> Iterator[tuple[int, str]]:
        seen: dict[Place, int] = {}
        for found in _walk(self._text):
            if not found.is_key:
                continue
            if found.place in seen:
                # What is inside begins anew.
                seen = {place: line for place, line in seen.items() if place[:-1][: len(found.place)] != found.place}
                yield (
                    found.line,
                    f"the key {found.place[-1]!r} is already in line {seen[found.place]}, and one of the two would be ignored. "
                    "Give it once.",
                )
            seen.setdefault(found.place, found.line)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value in JSON")


def _walk(text: str) -> Iterator[_Found]:
    """The keys and values of a valid document in their order."""
    kinds: list[str] = []
    place: list[Any] = []
    line, at = 1, 0
    for token in _TOKEN.finditer(text):
        written = token.group()
        line += text.count("\n", at, token.start())
        at = token.start()
        if written in "]}":
            kinds.pop()
            place.pop()
        elif written == ",":
            place[-1] = place[-1] + 1 if kinds[-1] == "[" else None
        elif written != ":":
            if kinds and place[-1] is None:
                place[-1] = json.loads(written)
                yield _Found(tuple(place), line, written, is_key=True)
                continue
            yield _Found(tuple(place), line, written)
            if written in "[{":
                kinds.append(written)
                place.append(0 if written == "[" else None)
