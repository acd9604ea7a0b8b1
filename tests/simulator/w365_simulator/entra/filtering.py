# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OData filters over documents. The same language as graph_filter, but without SQL, and with paths such as web/redirectUris.

Supported: eq, ne, ge, gt, le, lt, in, and, or, not, parentheses, startswith, endswith, contains, and any() with eq or
startswith. Single quotes within a text are doubled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..graph_filter import FilterError

Test = Callable[[dict[str, Any]], bool]
_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<mark>[(),:])|(?P<word>[^\s(),':]+))")
_FUNCTIONS = ("startswith", "endswith", "contains")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare two values that have an order; nothing is greater or less than null or than a value of another type."""
    return lambda found, wanted: type(found) is type(wanted) and found is not None and compare(found, wanted)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, wanted: bool(found == wanted),
    "ne": lambda found, wanted: bool(found != wanted),
    "ge": _ordered(lambda found, wanted: bool(found >= wanted)),
    "gt": _ordered(lambda found, wanted: bool(found > wanted)),
    "le": _ordered(lambda found, wanted: bool(found <= wanted)),
    "lt": _ordered(lambda found, wanted: bool(found < wanted)),
}


class Filter:
    """A filter that was read: call it with a document. ``advanced`` is true when it needs ConsistencyLevel: eventual."""

    def __init__(
        self, text: str, known: set[str], *, advanced: frozenset[str] = frozenset(), case: bool = False
    ) -> None:
        self.text = text
        self.known = known
        self.advanced = False
        self._needs_advanced = advanced
        self._case = case
        self._tokens = self._split(text)
        self._test = self._or()
        if self._tokens:
            raise FilterError(f"Invalid filter clause: unexpected '{self._tokens[0]}' in '{text}'.")

    def __call__(self, document: dict[str, Any]) -> bool:
        """Whether a document passes."""
        return self._test(document)

    def _split(self, text: str) -> list[str]:
        tokens, position = [], 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise FilterError(f"Invalid filter clause: syntax error at position {position} in '{text}'.")
            tokens.append(found[0].strip())
            position = found.end()
        return tokens

    def _next(self, *expected: str) -> str:
        token = self._tokens.pop(0) if self._tokens else ""
        if not token or (expected and token.lower() not in expected):
            raise FilterError(f"Invalid filter clause: '{token or 'the end'}' is not expected in '{self.text}'.")
        return token

    def _is_next(self, word: str) -> bool:
        return bool(self._tokens) and self._tokens[0].lower() == word

    def _or(self) -> Test:
        tests = [self._and()]
        while self._is_next("or"):
            self._next()
            tests.append(self._and())
        return lambda document: any(test(document) for test in tests)

    def _and(self) -> Test:
        tests = [self._single()]
        while self._is_next("and"):
            self._next()
            tests.append(self._single())
        return lambda document: all(test(document) for test in tests)

    def _single(self) -> Test:
        if self._is_next("not"):
            self._next()
            self.advanced = True
            inner = self._single()
            return lambda document: not inner(document)
        if self._is_next("("):
            self._next()
            whole = self._or()
            self._next(")")
            return whole
        token = self._next()
        if token.lower() in _FUNCTIONS and self._is_next("("):
            self._next()
            path = self._path(self._next())
            self._next(",")
            test = self._text_test(token.lower(), self._literal(self._next()))
            self._next(")")
            return lambda document: test(self._value(document, path))
        if token.lower().endswith("/any"):
            return self._any(self._path(token[:-4]))
        return self._comparison(self._path(token))

    def _any(self, path: str) -> Test:
        self._next("(")
        variable = self._next()
        self._next(":")
        token = self._next()
        if token.lower() in _FUNCTIONS:
            self._next("(")
            self._next(variable.lower())
            self._next(",")
            test = self._text_test(token.lower(), self._literal(self._next()))
            self._next(")")
        else:
            if token != variable:
                raise FilterError(f"Invalid filter clause: '{token}' is not the variable of any() in '{self.text}'.")
            self._next("eq")
            wanted = self._fold(self._literal(self._next()))
            test = lambda found: self._fold(found) == wanted  # noqa: E731 - one of two tests of the same shape
        self._next(")")
        return lambda document: any(test(item) for item in self._value(document, path) or [])

    def _comparison(self, path: str) -> Test:
        operator = self._next(*_COMPARISONS, "in").lower()
        if operator == "in":
            self._next("(")
            wanted = [self._fold(self._literal(self._next()))]
            while self._is_next(","):
                self._next()
                wanted.append(self._fold(self._literal(self._next())))
            self._next(")")
            return lambda document: self._fold(self._value(document, path)) in wanted
        if operator == "ne":
            self.advanced = True
        value = self._fold(self._literal(self._next()))
        compare = _COMPARISONS[operator]
        return lambda document: compare(self._fold(self._value(document, path)), value)

    def _text_test(self, function: str, wanted: Any) -> Callable[[Any], bool]:
        if function != "startswith":
            self.advanced = True
        text = str(self._fold(wanted))
        tests: dict[str, Callable[[str], bool]] = {
            "startswith": lambda found: found.startswith(text),
            "endswith": lambda found: found.endswith(text),
            "contains": lambda found: text in found,
        }
        return lambda found: isinstance(found, str) and tests[function](str(self._fold(found)))

    def _path(self, token: str) -> str:
        if token not in self.known:
            raise FilterError(
                f"Unsupported or invalid query filter clause specified for property '{token}'.", unsupported=True
            )
        if token in self._needs_advanced:
            self.advanced = True
        return token

    def _literal(self, token: str) -> Any:
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        return {"true": True, "false": False, "null": None}.get(token.lower(), token)

    def _fold(self, value: Any) -> Any:
        return value.lower() if isinstance(value, str) and not self._case else value

    @staticmethod
    def _value(document: dict[str, Any], path: str) -> Any:
        value: Any = document
        for name in path.split("/"):
            value = value.get(name) if isinstance(value, dict) else None
        return value
