# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OData filters of Microsoft Graph, as far as users and groups need them, turned into SQL.

Supported: eq, ne, in, and, or, not, parentheses, startswith, endswith, and any() on a list of texts. Single quotes
within a text are doubled. ``ne``, ``not`` and ``endswith`` are advanced queries: the real service asks for the header
ConsistencyLevel: eventual and for $count=true, and so does this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<mark>[(),])"
    r"|(?P<any>[A-Za-z]\w*/any\(\s*(?P<name>\w+)\s*:\s*(?P=name)\s+eq\s+(?P<anyvalue>'(?:[^']|'')*')\s*\))"
    r"|(?P<word>[^\s(),']+))"
)

# How many values the operator in takes, without an advanced query.
LARGEST_IN = 15


class FilterError(ValueError):
    """A filter that cannot be read; ``unsupported`` when it names a property or operator that cannot be filtered."""

    def __init__(self, sentence: str, *, unsupported: bool = False) -> None:
        super().__init__(sentence)
        self.unsupported = unsupported


@dataclass(frozen=True, slots=True)
class Property:
    """A property that can be filtered: its column, and its kind (text, exact, boolean, list)."""

    sql: str
    kind: str


@dataclass(slots=True)
class Condition:
    """SQL with question marks, its values, and whether the query was an advanced one."""

    sql: str
    values: list[Any]
    advanced: bool = False


class _Reader:
    def __init__(self, text: str, properties: Mapping[str, Property]) -> None:
        self.text = text
        self.properties = properties
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"Invalid filter clause: unterminated string literal in '{text}'.")
            kind = "any" if match["any"] else "string" if match["string"] else "mark" if match["mark"] else "word"
            self.tokens.append((kind, match[kind]))
            position = match.end()
        self.position = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def expect(self, mark: str) -> None:
        if self.take() != ("mark", mark):
            raise FilterError(f"Invalid filter clause: '{mark}' expected in '{self.text}'.")

    def is_word(self, word: str) -> bool:
        return self.peek() == ("word", word)

    def either(self) -> Condition:
        left = self.both()
        while self.is_word("or"):
            self.take()
            right = self.both()
            left = Condition(
                f"({left.sql} OR {right.sql})", left.values + right.values, left.advanced or right.advanced
            )
        return left

    def both(self) -> Condition:
        left = self.single()
        while self.is_word("and"):
            self.take()
            right = self.single()
            left = Condition(
                f"({left.sql} AND {right.sql})", left.values + right.values, left.advanced or right.advanced
            )
        return left

    def single(self) -> Condition:
        kind, text = self.take()
        if (kind, text) == ("mark", "("):
            inside = self.either()
            self.expect(")")
            return inside
        if kind == "any":
            return self.any(text)
        if kind != "word":
            raise FilterError(f"Invalid filter clause: syntax error in '{self.text}'.")
        if text == "not":
            inside = self.single()
            return Condition(f"NOT coalesce({inside.sql}, 0)", inside.values, True)
        if text.lower() in ("startswith", "endswith") and self.peek() == ("mark", "("):
            return self.function(text.lower())
        return self.comparison(self.property(text))

    def property(self, name: str) -> Property:
        if name not in self.properties:
            raise FilterError(
                f"Unsupported or invalid query filter clause specified for property '{name}'.", unsupported=True
            )
        return self.properties[name]

    def literal(self, found: Property) -> Any:
        kind, text = self.take()
        if kind == "string":
            value = text[1:-1].replace("''", "'")
            if found.kind == "boolean":
                raise FilterError("A binary operator with incompatible types was detected.")
            return value.lower() if found.kind == "text" else value
        if kind == "word" and text in ("true", "false") and found.kind == "boolean":
            return int(text == "true")
        if kind == "word" and text == "null":
            return None
        raise FilterError(f"Invalid filter clause: the value {text!r} does not fit the property.")

    def comparison(self, found: Property) -> Condition:
        kind, operator = self.take()
        if kind != "word" or operator not in ("eq", "ne", "in"):
            raise FilterError(
                f"Invalid filter clause: the operator {operator!r} is not supported here.", unsupported=kind == "word"
            )
        if found.kind == "list":
            raise FilterError("A list of texts is filtered with any().", unsupported=True)
        if operator == "in":
            self.expect("(")
            values = [self.literal(found)]
            while self.peek() == ("mark", ","):
                self.take()
                values.append(self.literal(found))
            self.expect(")")
            if len(values) > LARGEST_IN:
                raise FilterError(f"Too many values: the operator in takes at most {LARGEST_IN}.")
            return Condition(f"{found.sql} IN ({','.join('?' * len(values))})", values)
        value = self.literal(found)
        if operator == "eq":
            return Condition(f"{found.sql} IS NULL", []) if value is None else Condition(f"{found.sql} = ?", [value])
        if value is None:
            return Condition(f"{found.sql} IS NOT NULL", [], True)
        return Condition(f"({found.sql} IS NULL OR {found.sql} <> ?)", [value], True)

    def function(self, name: str) -> Condition:
        self.expect("(")
        kind, text = self.take()
        if kind != "word":
            raise FilterError(f"Invalid filter clause: {name} takes a property and a text.")
        found = self.property(text)
        if found.kind not in ("text", "exact"):
            raise FilterError(
                f"Invalid filter clause: {name} takes a text property; '{text}' is none.", unsupported=True
            )
        self.expect(",")
        value = self.literal(found)
        self.expect(")")
        if not isinstance(value, str):
            raise FilterError(f"Invalid filter clause: {name} takes a text.")
        if name == "startswith":
            # A range instead of a function, so that the index is used.
            return Condition(f"({found.sql} >= ? AND {found.sql} < ?)", [value, value + "\U0010ffff"])
        return Condition(
            f"(length({found.sql}) >= ? AND substr({found.sql}, length({found.sql}) - ? + 1) = ?)",
            [len(value), len(value), value],
            True,
        )

    def any(self, text: str) -> Condition:
        name, _, rest = text.partition("/")
        found = self.property(name)
        if found.kind != "list":
            raise FilterError(f"The property '{name}' is no list.", unsupported=True)
        value = rest[rest.index("'") + 1 : rest.rindex("'")].replace("''", "'")
        return Condition(f"EXISTS (SELECT 1 FROM json_each({found.sql}) WHERE json_each.value = ?)", [value])


def to_sql(text: str, properties: Mapping[str, Property]) -> Condition:
    """Read a filter; FilterError says what is wrong with it."""
    reader = _Reader(text, properties)
    try:
        condition = reader.either()
    except RecursionError:
        raise FilterError("Invalid filter clause: nested too deeply.") from None
    if reader.peek()[0] != "end":
        raise FilterError(f"Invalid filter clause: syntax error at '{reader.peek()[1]}'.")
    return condition
