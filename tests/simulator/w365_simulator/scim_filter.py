# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCIM filters (RFC 7644, section 3.4.2.2): read into a tree, turned into SQL, or matched against one value.

Grammar: ``and``, ``or``, ``not (…)``, parentheses, ``attribute[…]``, and the operators eq ne co sw ew gt ge lt le pr.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .scim_schemas import GROUP, USER

_TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<mark>[()\[\]])|(?P<word>[^\s()\[\]"]+))""")
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
_LONGEST = 10_000


class FilterError(ValueError):
    """A filter that is malformed, or names what the resource does not have."""


class UnknownAttribute(FilterError):
    """A filter that names an attribute which the resource does not have."""


@dataclass(frozen=True, slots=True)
class Compare:
    """``path op value``; with ``pr`` there is no value. Paths are in lower case."""

    path: str
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Inside:
    """``path[filter]``: one element of a multi-valued attribute fulfils the whole filter."""

    path: str
    filter: Node


@dataclass(frozen=True, slots=True)
class Both:
    """``left and right``."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Either:
    """``left or right``."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Not:
    """``not (filter)``."""

    filter: Node


Node = Compare | Inside | Both | Either | Not


def canonical(path: str) -> str:
    """Return the path of an attribute in lower case.

    The name of a core schema may be left out, so it is taken off: ``urn:…:core:2.0:User:userName`` is ``username``. The
    name of an extension stays, because only with it the path names an attribute of that extension.
    """
    lower = path.lower()
    for schema in (USER, GROUP):
        if lower.startswith(f"{schema}:".lower()):
            return lower[len(schema) + 1 :]
    return lower


class _Reader:
    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise FilterError(f"The filter is longer than {_LONGEST} characters.")
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise FilterError(f"The filter cannot be read from here on: {text[position:]!r}.")
            self.tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
            position = match.end()
        self.position = 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def next(self) -> tuple[str, str]:
        token = self.peek()
        self.position += 1
        return token

    def expect(self, mark: str) -> None:
        kind, text = self.next()
        if (kind, text) != ("mark", mark):
            raise FilterError(f"The filter {self.text!r} lacks a {mark!r}.")

    def either(self) -> Node:
        left = self.both()
        while self.peek()[0] == "word" and self.peek()[1].lower() == "or":
            self.next()
            left = Either(left, self.both())
        return left

    def both(self) -> Node:
        left = self.single()
        while self.peek()[0] == "word" and self.peek()[1].lower() == "and":
            self.next()
            left = Both(left, self.single())
        return left

    def single(self) -> Node:
        kind, text = self.next()
        if (kind, text) == ("mark", "("):
            inside = self.either()
            self.expect(")")
            return inside
        if kind != "word":
            raise FilterError(f"The filter {self.text!r} lacks the name of an attribute.")
        if text.lower() == "not" and self.peek() == ("mark", "("):
            self.next()
            negated = self.either()
            self.expect(")")
            return Not(negated)
        path = canonical(text)
        if self.peek() == ("mark", "["):
            self.next()
            inner = self.either()
            self.expect("]")
            # emails[type eq "work"].value eq "…": the rest after the bracket compares within the same element.
            kind, rest = self.peek()
            if kind == "word" and rest.startswith("."):
                self.next()
                return Inside(path, Both(inner, self.comparison(rest[1:].lower())))
            return Inside(path, inner)
        return self.comparison(path)

    def comparison(self, path: str) -> Compare:
        kind, operator = self.next()
        operator = operator.lower()
        if kind == "word" and operator == "pr":
            return Compare(path, "pr")
        if kind != "word" or operator not in OPERATORS:
            raise FilterError(f"The filter {self.text!r} has no operator after {path!r}.")
        kind, text = self.next()
        if kind not in ("string", "word"):
            raise FilterError(f"The filter {self.text!r} has no value after {operator!r}.")
        try:
            value = json.loads(text if kind == "string" else text.lower())
        except ValueError:
            raise FilterError(
                f"The value {text} in the filter is neither quoted text nor a number, true, false or null."
            ) from None
        return Compare(path, operator, value)


def read(text: str) -> Node:
    """Read a filter; FilterError says what is wrong with it."""
    reader = _Reader(text)
    try:
        node = reader.either()
    except RecursionError:
        raise FilterError("The filter is nested too deeply.") from None
    if reader.peek()[0] != "end":
        raise FilterError(f"The filter {text!r} goes on after its end: {reader.peek()[1]!r}.")
    return node


@dataclass(frozen=True, slots=True)
class Column:
    """Where an attribute is kept. ``kind``: text (any case), ascii (any case of ASCII letters), exact, boolean, or time."""

    sql: str
    kind: str


# A multi-valued attribute: its columns, and SQL in which %s stands for the condition on them.
Nested = tuple[Mapping[str, Column], str]


@dataclass(frozen=True, slots=True)
class Fields:
    """What a resource can be filtered by."""

    columns: Mapping[str, Column]
    nested: Mapping[str, Nested]


def to_sql(node: Node, fields: Fields) -> tuple[str, list[Any]]:
    """Return a condition with question marks, and its values."""
    if isinstance(node, (Both, Either)):
        left, left_values = to_sql(node.left, fields)
        right, right_values = to_sql(node.right, fields)
        return f"({left} {'AND' if isinstance(node, Both) else 'OR'} {right})", left_values + right_values
    if isinstance(node, Not):
        inner, values = to_sql(node.filter, fields)
        return f"NOT coalesce({inner}, 0)", values
    if isinstance(node, Inside):
        if node.path not in fields.nested:
            raise UnknownAttribute(f"The attribute {node.path!r} is unknown or has no elements.")
        columns, wrap = fields.nested[node.path]
        inner, values = to_sql(node.filter, Fields(columns, {}))
        return wrap.replace("%s", inner), values
    name, _, rest = node.path.partition(".")
    if name in fields.nested:
        return to_sql(Inside(name, Compare(rest or "value", node.operator, node.value)), fields)
    if node.path not in fields.columns:
        raise UnknownAttribute(f"The attribute {node.path!r} is unknown.")
    return _compare(fields.columns[node.path], node)


def _compare(column: Column, node: Compare) -> tuple[str, list[Any]]:
    sql, value = column.sql, node.value
    if node.operator == "pr":
        return (f"({sql} IS NOT NULL AND {sql} <> '')" if column.kind != "boolean" else f"{sql} IS NOT NULL"), []
    if value is None:
        if node.operator in ("eq", "ne"):
            return f"{sql} IS {'NOT ' if node.operator == 'ne' else ''}NULL", []
        raise FilterError(f"The operator {node.operator!r} does not take null.")
    if column.kind == "boolean":
        if isinstance(value, str) and value.lower() in ("true", "false"):
            value = value.lower() == "true"
        if not isinstance(value, bool) or node.operator not in ("eq", "ne"):
            raise FilterError(f"The attribute {node.path!r} is compared with true or false by eq or ne.")
        return f"{sql} {'=' if node.operator == 'eq' else '<>'} ?", [int(value)]
    if not isinstance(value, str):
        raise FilterError(f"The attribute {node.path!r} is compared with quoted text; the filter has {value!r}.")
    if column.kind == "text":
        value = value.lower()
    elif column.kind == "ascii":
        value = "".join(letter.lower() if letter.isascii() else letter for letter in value)
    if node.operator == "eq":
        return f"{sql} = ?", [value]
    if node.operator == "ne":
        return f"({sql} IS NULL OR {sql} <> ?)", [value]
    if node.operator == "co":
        return f"instr({sql}, ?) > 0", [value]
    if node.operator == "sw":
        return f"substr({sql}, 1, ?) = ?", [len(value), value]
    if node.operator == "ew":
        return f"(length({sql}) >= ? AND substr({sql}, length({sql}) - ? + 1) = ?)", [len(value), len(value), value]
    sign = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}[node.operator]
    return f"{sql} {sign} ?", [value]


def matches(node: Node, item: Mapping[str, Any]) -> bool:
    """Whether one element of a multi-valued attribute fulfils a filter; text compares in any case."""
    if isinstance(node, Both):
        return matches(node.left, item) and matches(node.right, item)
    if isinstance(node, Either):
        return matches(node.left, item) or matches(node.right, item)
    if isinstance(node, Not):
        return not matches(node.filter, item)
    if isinstance(node, Inside):
        raise FilterError("A filter within square brackets holds no further square brackets.")
    found = next((value for name, value in item.items() if name.lower() == node.path), None)
    if node.operator == "pr":
        return found not in (None, "")
    wanted = node.value
    if isinstance(wanted, str) and isinstance(found, str):
        wanted, found = wanted.lower(), found.lower()
        text = {"co": wanted in found, "sw": found.startswith(wanted), "ew": found.endswith(wanted)}
        if node.operator in text:
            return text[node.operator]
        order = {"gt": found > wanted, "ge": found >= wanted, "lt": found < wanted, "le": found <= wanted}
        if node.operator in order:
            return order[node.operator]
    if isinstance(found, bool) and isinstance(wanted, str):
        found = str(found).lower()
        wanted = wanted.lower()
    if node.operator == "eq":
        return bool(found == wanted)
    if node.operator == "ne":
        return bool(found != wanted)
    return False
