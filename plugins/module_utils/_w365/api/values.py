# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of JSON answers, checked: what an answer does not say is unknown, and what it says in another form is refused.

Names of JSON objects ignore case (contract, section 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LISTS = frozenset(
    ("value", "values", "items", "results", "resources", "data", "list", "users", "groups", "environments")
)
_NEXT = frozenset(("next", "nextlink", "nextpage", "@odata.nextlink"))
_TOTALS = frozenset(("count", "total", "totalcount", "totalresults", "@odata.count"))
_ERRORS = frozenset(("error", "errors", "errormessage", "error_description", "exceptionmessage"))


class OddValueError(ValueError):
    """A value that the contract does not allow. The message says what came; the client says from where."""


def shown(value: Any) -> str:
    """What came, without its content, which may hold a secret."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return "a text" if value.strip() else "an empty text"
    if isinstance(value, Mapping):
        return "an object" if value else "an empty object"
    return "a list" if isinstance(value, list) else "a number"


def without_case(item: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in item.items()}


def record(value: Any, what: str = "an item") -> dict[str, Any]:
    """An object with its names in lower case. Raises OddValueError for anything else, and for two names that differ in case."""
    if not isinstance(value, Mapping):
        raise OddValueError(f"{what} that is {shown(value)} and not an object")
    found = without_case(value)
    if len(found) < len(value):
        raise OddValueError(f"{what} with a name that occurs twice, in other capitals")
    return found


def identifier(value: Any, what: str = "an id") -> str:
    """An id: a text without control characters, or a number. Raises OddValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise OddValueError(f"{what} that is {shown(value)}")
    if value.strip() in (".", ".."):
        raise OddValueError(f"{what} that is {value!r}")
    if not value.isprintable():
        raise OddValueError(f"{what} with a control character or half a character")
    return value


def total_of(value: Any, what: str = "totalResults") -> int:
    """A number of results; digits in quotes will do. Raises OddValueError for anything else."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 16:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise OddValueError(
        f"{what} that is {'negative' if isinstance(value, int) and value < 0 else shown(value)} and not a number of results"
    )


def listed(data: Any, what: str) -> list[Any]:
    """The items of a list, or of the one list inside an object. Raises OddValueError for everything that is no whole list."""
    if isinstance(data, Mapping):
        found = record(data, what)
        lists = [value for name, value in found.items() if name in _LISTS and isinstance(value, list)]
        if len(lists) != 1 or reports_error(found):
            names = ", ".join(sorted(map(str, data))[:5]) or "nothing"
            raise OddValueError(f"{what} that is an object with {names}")
        data = lists[0]
        if any(found.get(name) for name in _NEXT):
            raise OddValueError(f"{what} with a link to a next page, which the contract does not know")
        for name in _TOTALS & found.keys():
            total = found[name]
            if isinstance(total, int) and total > len(data):
                raise OddValueError(f"{what} with {len(data)} items, and {name} is {total}")
    if not isinstance(data, list):
        raise OddValueError(f"{what} that is {shown(data)} and not a list")
    return data


def reports_error(data: Any) -> bool:
    """Whether an answer with a success is an error object, or a list of them."""
    if isinstance(data, list):
        return any(map(reports_error, data))
    return isinstance(data, Mapping) and any(str(name).lower() in _ERRORS and value for name, value in data.items())


def text_or_none(value: Any) -> str | None:
    """A text without surrounding blanks; None for what is no text and no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip()


_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def id_of(item: Mapping[str, Any]) -> str:
    """The id of an object whose names are in lower case; empty where it has none: null, a truth or a structure is no id."""
    value = item.get("id")
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def truth_or_none(value: Any) -> bool | None:
    """A boolean, also as a text or as 0 and 1; None for anything else, which says neither."""
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
