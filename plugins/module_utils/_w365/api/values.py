# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of JSON answers, checked: what an answer does not say is unknown, and what it says in another form is refused.

Names of JSON objects ignore case (contract, section 1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_LISTS = frozenset(
    ("value", "values", "items", "results", "resources", "data", "list", "users", "groups", "environments")
)
# As they are compared: in lower case, without anything between their letters.
_TOTAL = re.compile(
    r"(odata)?count|total|x?total(count|results|items|records|elements|users|groups|environments|size)"
    r"|(item|items|record|records|result|results)(count|total)|numberof(items|records|results)|recordsfiltered"
)
_PAGE_COUNT = re.compile(r"(total|numberof)pages|pages(total|count)?|pagecount|lastpage(number)?")
_MORE = re.compile(
    r"(odata)?next.*|.*has(more|next).*|.*(nextlink|nextpage|nextcursor|nexttoken)|more|more(available|results|items|data|pages|records)"
    r"|continuation.*|.*skiptoken|cursor|(is)?(truncated|incomplete|partial)"
)
_LAST = re.compile(r"(is)?(last(page)?|complete)")
_ABOUT_PAGES = frozenset(
    ("pagination", "paging", "page", "pages", "pageinfo", "paginginfo", "pager", "meta", "metadata", "links", "info")
)
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
        _refuse_part(found, len(data), what)
    if not isinstance(data, list):
        raise OddValueError(f"{what} that is {shown(data)} and not a list")
    return data


def _refuse_part(about: Mapping[str, Any], rows: int, what: str) -> None:
    """Raises OddValueError where an object around a list, or one inside it about its pages, says that there is more."""
    for written, value in about.items():
        name = re.sub(r"[^a-z0-9]", "", str(written).lower())
        if isinstance(value, Mapping) and name in _ABOUT_PAGES:
            _refuse_part(value, rows, what)
        elif isinstance(value, list) and name == "links":
            if any(isinstance(link, Mapping) and _speaks(record(link).get("rel")) == "next" for link in value):
                raise OddValueError(f"{what} with a link to a next page, which the contract does not know")
        elif isinstance(value, bool) and _LAST.fullmatch(name):
            if not value:
                raise OddValueError(f"{what} with {rows} items, and {written} is false")
        elif _PAGE_COUNT.fullmatch(name) or _TOTAL.fullmatch(name):
            _refuse_total(written, value, 1 if _PAGE_COUNT.fullmatch(name) else rows, rows, what)
        elif _MORE.fullmatch(name) and _speaks(value):
            raise OddValueError(f"{what} with a link to a next page, which the contract does not know ({written})")


def _refuse_total(written: str, value: Any, most: int, rows: int, what: str) -> None:
    """Raises OddValueError for a total above `most`, and for one that cannot be read; a negative one says nothing."""
    if not _speaks(value) or (isinstance(value, int) and value < 0):
        return
    total = whole_number(value)
    if total is None:
        raise OddValueError(f"{what} with {rows} items, and {written} is {shown(value)}, which is not a whole number")
    if total > most:
        raise OddValueError(f"{what} with {rows} items, and {written} is {total}")


def _speaks(value: Any) -> Any:
    """What a member about pages says; false for null, false, 0, texts of those, and what holds only such values."""
    if isinstance(value, Mapping):
        return any(map(_speaks, value.values()))
    if isinstance(value, list):
        return any(map(_speaks, value))
    if isinstance(value, str):
        text = value.strip().lower()
        return "" if text in ("false", "0", "no", "null", "none") else text
    return value


def whole_number(value: Any) -> int | None:
    """A whole number that is not negative, also as digits in quotes or with a point and zeros; None for anything else."""
    try:
        return total_of(int(value) if isinstance(value, float) and value.is_integer() else value)
    except OddValueError:
        return None


def partial(status: int, headers: Mapping[str, str], rows: int) -> str:
    """What the status or the headers of an answer say against its list being whole; empty where nothing does."""
    if status == 206:
        return f"a list with {rows} items, and HTTP 206, which is a part of it"
    if re.search(r"\brel\s*=\s*\"?[^\",;]*\bnext\b", headers.get("link", "")[:10_000], re.IGNORECASE):
        return f"a list with {rows} items, and a link to a next page in the header Link"
    for name in ("x-total-count", "x-total", "content-range"):
        total = whole_number(headers.get(name, "").rpartition("/")[2])
        # A range of bytes counts no items.
        if total is not None and total > rows and not headers[name].strip().lower().startswith("bytes"):
            return f"a list with {rows} items, and the header {name} is {headers[name]}"
    return ""


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
