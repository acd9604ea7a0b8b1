# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML, read strictly: a key twice is refused, and every value knows its line and how it is written.

PyYAML makes the nodes, with the C library where it is there. It would take the last of two equal keys without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InputError
from .texts import Place, Unread, lines_of

_TAG = "tag:yaml.org,2002:"

_TEXTS = frozenset({f"{_TAG}str", f"{_TAG}merge", f"{_TAG}value", "!unsafe"})
"""Tags of texts: a merge sign and an equals sign are texts as values, and nothing in a file is a template anyway."""

_KINDS = {f"{_TAG}timestamp": "a date", f"{_TAG}binary": "binary data"}


_VALUES = 1_000_000
"""So many values are no attack, although aliases repeat them."""


class YamlDocument:
    """One document: its `data`, and the line of every value. `yaml` is the library.

    `decrypt` makes texts of values with the tag V(!vault), and returns None for one that it cannot decrypt.
    Raises InputError for what cannot be read, or is ambiguous.
    """

    def __init__(self, yaml: Any, text: str, name: str, decrypt: Callable[[str], str | None] | None = None) -> None:
        self._name = name
        self._decrypt = decrypt
        self._root, self._scalars = _root(yaml, text, name)
        # Values of lists and dictionaries, so that what an alias repeats is made once.
        self._known: dict[int, Any] = {}
        self._merged: dict[int, dict[str, Any]] = {}
        self._aliased = False
        self._problems: list[tuple[int, str]] = []
        try:
            self.data = self._value(self._root) if self._root is not None else None
        except RecursionError:
            raise _too_deep(name) from None
        if self._problems:
            raise InputError(lines_of(self._problems, name))
        if self._aliased:
            self._refuse_many()

    def line(self, place: Place) -> int:
        return self._node(place).start_mark.line + 1  # type: ignore[no-any-return]

    def written(self, place: Place) -> str:
        """The value as the file has it; empty for a list and a dictionary."""
        value = self._node(place).value
        return value if isinstance(value, str) else ""

    def _node(self, place: Place) -> Any:
        node = self._root
        for part in place:
            if isinstance(part, int):
                found = node.value[part] if node.tag == f"{_TAG}seq" and part < len(node.value) else None
            else:
                found = self._items(node).get(part)
            if found is None:
                # What is missing is missing in the dictionary.
                return node
            node = found
        return node

    def _problem(self, node: Any, text: str) -> None:
        self._problems.append((node.start_mark.line + 1, text))

    def _value(self, node: Any) -> Any:
        if isinstance(node.value, str):
            return self._scalar(node)
        if id(node) in self._known:
            value = self._known[id(node)]
            if value is self:
                raise InputError(f"{self._name}, line {node.start_mark.line + 1}: an alias (*) leads back to itself.")
            self._aliased = True
            return value
        self._known[id(node)] = self
        if node.tag == f"{_TAG}seq":
            value = [self._value(item) for item in node.value]
        elif node.tag == f"{_TAG}map":
            self._refuse_twice(node)
            value = {key: self._value(item) for key, item in self._items(node).items()}
        else:
            value = None
            self._problem(node, f"the tag {node.tag.replace(_TAG, '!!')} is not supported. Remove it.")
        self._known[id(node)] = value
        return value

    def _refuse_many(self) -> None:
        """Raises InputError when aliases of aliases make a file of a few lines larger than any memory, written out."""
        limit = max(_VALUES, 20 * len(self._known))
        sizes: dict[int, int] = {}

        def size(node: Any) -> int:
            if isinstance(node.value, str):
                return 1
            if id(node) not in sizes:
                inside = node.value if node.tag == f"{_TAG}seq" else self._items(node).values()
                sizes[id(node)] = 1 + sum(map(size, inside))
            return sizes[id(node)]

        if size(self._root) > limit:
            raise InputError(
                f"{self._name}: with its aliases (*) written out it has more than {limit} values. Write the users and groups out, "
                "or give them in several files."
            )

    def _items(self, node: Any) -> dict[str, Any]:
        """The values of a dictionary by their keys: merged ones (<<) first, so that its own take their place."""
        if id(node) in self._merged:
            return self._merged[id(node)]
        found: dict[str, Any] = {}
        pairs = node.value if node.tag == f"{_TAG}map" else []
        for key, item in pairs:
            if key.tag == f"{_TAG}merge":
                # Of several, the first one counts.
                for inner in reversed(_merged(item)):
                    found |= self._items(inner)
        found |= {_key(key): item for key, item in pairs if key.tag != f"{_TAG}merge"}
        self._merged[id(node)] = found
        return found

    def _refuse_twice(self, node: Any) -> None:
        seen: dict[str, int] = {}
        for key, item in node.value:
            line = key.start_mark.line + 1
            if key.tag == f"{_TAG}merge":
                if any(getattr(inner, "tag", "") != f"{_TAG}map" for inner in _merged(item)):
                    self._problem(key, "the merge key << needs a dictionary, or a list of dictionaries.")
                continue
            if not isinstance(key.value, str):
                self._problem(key, "a key is a list or a dictionary. A key is a text.")
                continue
            name = key.value
            if name in seen:
                self._problem(
                    key,
                    f"the key {name!r} is already in line {seen[name]}, and one of the two would be ignored. Give it once; "
                    "for two entries of a list, begin each with a dash.",
                )
            seen.setdefault(name, line)

    def _scalar(self, node: Any) -> Any:
        tag, written = node.tag, node.value
        if tag in _TEXTS:
            return written
        if tag == f"{_TAG}null":
            # Null is the name of people; null, ~ and nothing are what programs write.
            return Unread(written, "null") if written in ("Null", "NULL") else None
        if tag == "!vault" and self._decrypt:
            found = self._decrypt(written)
            if found is None:
                self._problem(node, "no vault password that Ansible was given fits this value.")
            return found
        if not tag.startswith(_TAG):
            more = " Give the value in a variable and an option of the task instead." if tag == "!vault" else ""
            self._problem(node, f"the tag {tag} is not supported.{more or ' Remove it.'}")
            return None
        return self._plain_value(tag, node)

    def _plain_value(self, tag: str, node: Any) -> Any:
        """A boolean or a number; for everything else an `Unread`, so that the reader of options can name it."""
        make = {f"{_TAG}{kind}": f"construct_yaml_{kind}" for kind in ("bool", "int", "float")}.get(tag)
        if make:
            try:
                return getattr(self._scalars, make)(node)
            except (ValueError, KeyError, IndexError, OverflowError):
                return Unread(node.value, "no text")
        return Unread(node.value, _KINDS.get(tag, "no text"))


def _merged(node: Any) -> list[Any]:
    """The dictionaries of a merge key."""
    return node.value if node.tag == f"{_TAG}seq" else [node]


def _key(node: Any) -> str:
    return node.value if isinstance(node.value, str) else ""


def _too_deep(name: str) -> InputError:
    return InputError(f"{name}: lists and dictionaries are nested too deeply to be users and groups.")


def _root(yaml: Any, text: str, name: str) -> tuple[Any, Any]:
    """The outermost node, and what makes values of scalars. Raises InputError for what is no YAML."""
    try:
        # Much faster with the C library.
        root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        position = getattr(error, "position", None)
        number = mark.line + 1 if mark else text.count("\n", 0, position) + 1 if isinstance(position, int) else 0
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        # The full message of YAML contains the line, which may hold a password.
        raise InputError(f"{name}{f', line {number}' if number else ''}: not YAML: {problem}.") from None
    except RecursionError:
        raise _too_deep(name) from None
    return root, yaml.constructor.SafeConstructor()
