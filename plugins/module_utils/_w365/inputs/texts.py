# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are no texts where a text names or identifies something.

YAML makes the number 516 of 001004, false of No and a date of 2024-01-01, and Ansible makes a text of each, which is the
name of somebody else. The argument spec says which options are concerned: every one of type "str", and every list of them,
but for those with choices and those with a default, such as a limit of "10%", which name nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypeAlias

from .paths import mistakes_in_paths

Place: TypeAlias = "tuple[str | int, ...]"
"""Where a value is: keys of dictionaries, and indexes of lists, from the outermost."""

Spec: TypeAlias = "Mapping[str, Mapping[str, Any]]"


class Unread(NamedTuple):
    """A value that YAML makes neither a text, a number, a boolean nor null of: as it is written, and what it is."""

    written: str
    kind: str

    def __str__(self) -> str:
        return self.written


class NoText(NamedTuple):
    """A value that is no text, or no dictionary where one is `needed`. A `secret` one is not shown."""

    place: Place
    value: Any
    kind: str
    secret: bool
    needed: str = "text"

    @property
    def shown(self) -> str:
        """The value, such as "516"; empty for one that must not be shown, and for a long one."""
        shows = not self.secret and isinstance(self.value, bool | int | float | date | Unread)
        return str(self.value) if shows else ""


def values_without_text(spec: Spec, values: Mapping[Any, Any], place: Place = ()) -> Iterator[NoText]:
    """The values of options that are no texts and should be. A null counts as not given, except where a text is needed."""
    for name, option in spec.items():
        kind = option.get("type", "str")
        for given in (name, *option.get("aliases", ())):
            if given not in values:
                continue
            value, here = values[given], (*place, given)
            nested = option.get("options")
            if kind == "str":
                needs_text = _names_something(option) or isinstance(value, Mapping | list | tuple)
                if needs_text and (value is not None or (option.get("required") and "fallback" not in option)):
                    yield from _checked(value, here, option)
            elif kind == "dict" and nested:
                yield from _of_dictionary(nested, value, here)
            elif kind == "list" and (nested or (option.get("elements") == "str" and not option.get("choices"))):
                yield from _of_list(option, value, here)


def _names_something(option: Mapping[str, Any]) -> bool:
    return not option.get("choices") and option.get("default") is None


def _of_dictionary(nested: Spec, value: Any, place: Place) -> Iterator[NoText]:
    if isinstance(value, Mapping):
        yield from values_without_text(nested, value, place)
    elif value is not None and (kind := kind_of(value)):
        # A text may be one in the form key=value.
        yield NoText(place, value, kind, False, "dictionary")


def _of_list(option: Mapping[str, Any], value: Any, place: Place) -> Iterator[NoText]:
    nested = option.get("options")
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if not nested:
                yield from _checked(item, (*place, index), option)
            elif item is None:
                yield NoText((*place, index), item, "null", False, "dictionary")
            else:
                yield from _of_dictionary(nested, item, (*place, index))
    elif not nested and value is not None and not isinstance(value, Mapping):
        # Ansible makes a list of a single value.
        yield from _checked(value, place, option)


def _checked(value: Any, place: Place, option: Mapping[str, Any]) -> Iterator[NoText]:
    kind = kind_of(value)
    if kind:
        yield NoText(place, value, kind, bool(option.get("no_log")))


def kind_of(value: Any) -> str:
    """What a value is that is no text, such as "a number". Empty for a text, and for what only Ansible knows."""
    if isinstance(value, str):
        return ""
    kinds: tuple[tuple[Any, str], ...] = (
        (bool, "a truth value"),
        (int | float, "a number"),
        (date, "a date"),
        (Mapping, "a dictionary"),
        (bytes, "binary data"),
    )
    if value is None:
        return "null"
    if isinstance(value, Unread):
        return value.kind
    found = next((kind for types, kind in kinds if isinstance(value, types)), "")
    return found or ("a list" if isinstance(value, list | tuple | set) else "")


def option_name(place: Place) -> str:
    """The name of the option as the documentation writes it, such as "users.external_id"."""
    return ".".join(str(part) for part in place if isinstance(part, str))


def sentence_of_task(spec: Spec, values: Mapping[Any, Any]) -> str:
    """The sentence about all values of a task's options that are no texts, or no paths; empty when there is none."""
    found = list(values_without_text(spec, values))
    if not found:
        wrong = mistakes_in_paths(spec, values)
        return f"{' '.join(f'Option {mistake}.' for mistake in wrong)} Nothing was written." if wrong else ""
    listed = "; ".join(_of_task(item) for item in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    if all(item.needed == "dictionary" for item in found):
        return f"{listed}{more}. Nothing was written. The documentation of the module has an example."
    example = next(option_name(item.place) for item in found if item.needed == "text").rpartition(".")[2]
    return (
        f"{listed}{more}. A text is needed there: YAML makes the number 516 of 001004 and the truth value False of No, which "
        "would be the name of somebody else. Nothing was written. Put the value in quotes where it is written, such as "
        f'{example}: "001004". Where a template gives a number that is right, end it with the filter string: '
        '"{{ number | string }}".'
    )


SHOWN = 20
"""So many values, or lines of a file, get a sentence of their own. Of the others only the place is named."""


def _of_task(item: NoText) -> str:
    entries = [str(part + 1) for part in item.place if isinstance(part, int)]
    where = f" (entry {', '.join(entries)})" if entries else ""
    shown = f"{item.shown}, {item.kind}" if item.shown else item.kind
    return f"Option {option_name(item.place)}{where} is {shown} and no {item.needed}"


def lines_of(problems: Iterable[tuple[int, str]], name: str) -> str:
    """One sentence about all bad lines of a file. `problems` are numbers of lines with what is wrong there."""
    found = sorted(problems)
    if len(found) == 1:
        return f"{name}, line {found[0][0]}: {found[0][1]}"
    listed = " ".join(f"Line {line}: {text}" for line, text in found[:SHOWN])
    rest = _ranges([line for line, _text in found[SHOWN:]])
    more = f" The same or other things are wrong in lines {rest}." if rest else ""
    return f"{name}: {len(found)} things are wrong. Nothing was written. {listed}{more}"


def _ranges(lines: Sequence[int]) -> str:
    """Numbers in order as ranges, such as "3-5, 9"."""
    found: list[list[int]] = []
    for line in lines:
        if found and line <= found[-1][1] + 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)
