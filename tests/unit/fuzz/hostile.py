# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers as no server should give them: a true one that was changed, any other JSON, and what is no JSON at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from truthful import Call

ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 7, 1.5, -0.0, 1e300, 10**30, "", " ", "x", "0", "7", "true", "False", "maybe", ".", "..",
    "/", "null", "\ud800", "\u202e", "\x00", "a\nb", "é", "\ufeff", "u1", "u2", "allan.deyoung@contoso.com",
    "https://graph.contoso.com/v1.0/users", "https://[", "http://evil.contoso.com/", [], {}, [[]], [None], [{}], [1],
    ["x"], {"id": 1}, {"value": []}, {"error": {"message": "no"}}, {"items": []}, {"": None},
]  # fmt: skip

CHANGES = (
    "replace", "drop", "rename", "capitals", "both_capitals", "twice", "wrap_list", "wrap_object", "unwrap", "empty",
    "text", "add", "swap", "truncate",
)  # fmt: skip

STATUSES = [200] * 12 + [201, 202, 204, 207, 302, 400, 401, 403, 404, 405, 409, 410, 413, 500]

KINDS = ["changed"] * 6 + ["other", "text"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


class Change(NamedTuple):
    """One change of a JSON document: what is done, where (counted over all nodes), and with what."""

    what: str
    where: int
    value: Any


class Hostile(NamedTuple):
    """How an answer is changed, every time or only the first."""

    kind: str
    status: int
    changes: tuple[Change, ...]
    value: Any
    text: int
    once: bool


hostile_answers = st.builds(
    Hostile,
    st.sampled_from(KINDS),
    st.sampled_from(STATUSES),
    st.lists(
        st.builds(Change, st.sampled_from(CHANGES), st.integers(0, 40), st.sampled_from(ODD_VALUES) | json_values),
        min_size=1,
        max_size=3,
    ).map(tuple),
    st.sampled_from(ODD_VALUES) | json_values,
    st.integers(0, 30),
    st.booleans(),
)


def drawn(random: Random) -> Hostile:
    """The same, from random numbers: hypothesis takes far longer to choose an answer than a task takes to read it."""
    changes = [
        Change(random.choice(CHANGES), random.randint(0, 40), _value(random)) for _change in range(random.randint(1, 3))
    ]
    kind = random.choice(KINDS)
    return Hostile(
        kind, random.choice(STATUSES), tuple(changes), _value(random), random.randint(0, 30), random.random() < 0.5
    )


def _value(random: Random, depth: int = 0) -> Any:
    """An odd value, or any JSON of three levels at most."""
    if not depth and random.random() < 0.5:
        return random.choice(ODD_VALUES)
    plain = (None, random.random() < 0.5, random.randint(-(2**64), 2**64), random.uniform(-1e9, 1e9), _text(random))
    if depth == 3 or random.random() < 0.6:
        return random.choice(plain)
    inner = [_value(random, depth + 1) for _item in range(random.randint(0, 3))]
    return inner if random.random() < 0.5 else {_text(random): value for value in inner}


def _text(random: Random) -> str:
    return "".join(chr(random.choice(HEIGHTS)(random)) for _character in range(random.randint(0, 8)))


HEIGHTS: tuple[Callable[[Random], int], ...] = (
    lambda random: random.randint(32, 126),
    lambda random: random.randint(0, 0x2FF),
    lambda random: random.randint(0, 0xD7FF),
    lambda random: random.randint(0xE000, 0x10FFFF),
)
"""Where the characters of a text are from: mostly from the front, where those with a meaning are."""


def changed_answer(hostile: Hostile, data: Any) -> tuple[str, Mapping[str, str], bool]:
    """The text, the headers, and whether it is garbled."""
    if hostile.kind == "other":
        return json.dumps(hostile.value), {}, False
    if hostile.kind == "text":
        texts = odd_texts(json.dumps(data))
        return texts[hostile.text % len(texts)]
    found = copy.deepcopy(data)
    for change in hostile.changes:
        found = changed(found, change)
    return json.dumps(found), {}, False


def odd_texts(text: str) -> list[tuple[str, Mapping[str, str], bool]]:
    page = {"content-type": "text/html; charset=utf-8"}
    bodies = [
        "", " ", "OK", "null", "{}", "[]", "0", '""', "true", "NaN", '{"value": Infinity}', "[1e999]", text[:-1], text[: len(text) // 2],
        f"\ufeff{text}", f"{text}{text}", "[" * 300, "[" * 300 + "]" * 300, '{"a":' * 100_000, '{"value":' * 200 + "1" + "}" * 200,
        '{"value": [], "value": [1]}', '{"totalResults": 0, "totalResults": 5}', "9" * 5000, text.replace('"', "'"), "\x00",
        '["\\ud800"]', "<html><body>Sign in</body></html>",
    ]  # fmt: skip
    found: list[tuple[str, Mapping[str, str], bool]] = [(body, {}, False) for body in bodies]
    return [
        *found,
        ("<!DOCTYPE html><html><title>Portal</title></html>", page, False),
        (text, page, False),
        (text, {"content-type": "text/plain"}, False),
        (f"{text[:-1]}\ufffd", {}, True),
    ]


def nodes(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a document, the document first."""
    found = [path]
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += nodes(value, (*path, key))
    return found


def _at(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def changed(data: Any, change: Change) -> Any:
    # The document must not share a list with the next change.
    change = change._replace(value=copy.deepcopy(change.value))
    paths = nodes(data)
    path = paths[change.where % len(paths)]
    value = _at(data, path)
    if change.what in ("drop", "rename", "capitals", "both_capitals", "twice", "swap") and path:
        _change_place(_at(data, path[:-1]), path[-1], change)
        return data
    new = _new_value(change, value)
    if not path:
        return new
    _at(data, path[:-1])[path[-1]] = new
    return data


def _change_place(holder: Any, key: Any, change: Change) -> None:
    """Change the entry of a list or an object, in place."""
    if isinstance(holder, list):
        if change.what == "twice":
            holder.insert(key, copy.deepcopy(holder[key]))
        elif change.what == "swap":
            holder.reverse()
        else:
            del holder[key]
        return
    value = holder[key]
    if change.what not in ("both_capitals", "twice"):
        del holder[key]
    if change.what == "rename":
        holder[f"{key}2"] = value
    elif change.what == "capitals":
        holder[key.upper()] = value
    elif change.what in ("both_capitals", "twice"):
        holder[key.swapcase()] = change.value
    elif change.what == "swap":
        holder[key] = change.value


def _new_value(change: Change, value: Any) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "wrap_list": lambda: [value],
        "wrap_object": lambda: {"value": value},
        "unwrap": lambda: next(iter(value.values() if isinstance(value, dict) else value), None) if isinstance(value, dict | list) else None,
        "empty": lambda: type(value)() if value is not None else "",
        "text": lambda: json.dumps(value),
        "add": lambda: [*value, change.value] if isinstance(value, list) else {**value, "new": change.value} if isinstance(value, dict) else change.value,
        "truncate": lambda: value[: len(value) // 2] if isinstance(value, list | str) else change.value,
    }  # fmt: skip
    return makers.get(change.what, lambda: change.value)()


# What could be true: an independent look at an answer, which the collection's own parsing has no part in.


def could_be_true(call: Call, text: str) -> bool:
    """Whether an honest server could have given this answer to a listing: then it is a lie that nobody can see through."""
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    needs = NEEDED.get(call.endpoint, ("id",))
    if call.endpoint in ("user.list", "group.list"):
        lists = [value for value in data.values() if isinstance(value, list)] if isinstance(data, dict) else [data]
        return len(lists) == 1 and isinstance(lists[0], list) and all(_item(item, needs) for item in lists[0])
    if call.endpoint in ("scim.user.list", "scim.group.list"):
        found = _lower(data)
        resources = found.get("resources", [])
        if not _is_count(found.get("totalresults")) or not isinstance(resources, list):
            return False
        return all(_item(item, needs) for item in resources)
    if call.endpoint == "graph.batch":
        responses = data.get("responses") if isinstance(data, dict) else None
        return isinstance(responses, list) and all(
            isinstance(item, dict)
            and isinstance(item.get("body"), dict)
            and isinstance(item["body"].get("value"), list)
            for item in responses
        )
    if call.endpoint.startswith("graph.") and call.endpoint != "graph.group":
        value = data.get("value") if isinstance(data, dict) else None
        # Microsoft Graph minds the case of names: in other capitals a property is one that nobody knows.
        return isinstance(value, list) and all(_item(item, needs, any_case=False) for item in value)
    return _item(data, needs)


NEEDED = {
    "user.list": ("id", "emailaddress", "isadministrator"),
    "group.list": ("id", "name"),
    "scim.user.list": ("id", "username"),
    "scim.user.get": ("id", "username"),
    "scim.group.list": ("id", "displayname"),
    "scim.group.get": ("id", "displayname"),
    "graph.group.users": ("id", "userPrincipalName"),
}
"""What an object of a listing must have for anybody to know it."""


def _lower(data: Any) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in data.items()} if isinstance(data, dict) else {}


def _is_count(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and value.strip().isdigit())


def _item(item: Any, needs: tuple[str, ...], *, any_case: bool = True) -> bool:
    """An object that has what it needs: an id, a name, a role that is a boolean."""
    found = _lower(item) if any_case or not isinstance(item, dict) else item
    if not isinstance(item, dict) or len(found) < len(item):
        return False
    role = found.get("isadministrator", False)
    return all(_is_text(found.get(name)) or (name == "isadministrator" and name in found) for name in needs) and (
        isinstance(role, bool) or str(role).strip().lower() in ("true", "false", "0", "1", "yes", "no")
    )


def _is_text(value: Any) -> bool:
    return type(value) is int or (isinstance(value, str) and bool(value.strip()))
