# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan file has the form that plan_file writes: a digest says only that nobody has changed it since it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..model.directory import Capabilities, Group, User
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import comparison_key
from ..planning.actions import ADMINISTRATOR, GROUP, MEMBERSHIP, USER, ActionType, action_type
from ..planning.plan import Plan
from ..planning.reviewed_plan import SECRET_EXTRAS

_TEXT, _TEXT_OR_NONE, _BOOL, _BOOL_OR_NONE = (str,), (str, type(None)), (bool,), (bool, type(None))

_OBJECT: Mapping[str, tuple[type, ...]] = {
    "upn": _TEXT,
    "name": _TEXT,
    "id": _TEXT,
    "active": _BOOL_OR_NONE,
    "administrator": _BOOL_OR_NONE,
    "readable": _BOOL,
    "optional": (dict,),
    "email_path": _TEXT,
    "members": (list, type(None)),
}
"""The types of the values of users and groups; of all others a text or null."""

_ACTION: Mapping[str, tuple[type, ...]] = {
    "kind": _TEXT,
    "action": _TEXT,
    "name": _TEXT,
    "purged": _BOOL,
    "before": (dict, type(None)),
    "after": (dict, type(None)),
    "changes": (dict,),
    "object_before": (dict, type(None)),
    "object_after": (dict, type(None)),
    "write_only": (dict,),
    "secrets": (list,),
}


def refuse_odd_plan(document: Mapping[str, Any], source: str) -> None:
    """Raises InputError for a plan whose values are not of their types. `source` names it."""
    if not _is_plan(document):
        raise InputError(f"{source} is not a plan that plan_file has written.")


def refuse_other_fields(plan: Plan, capabilities: Capabilities, source: str) -> None:
    """Raises InputError for a plan that changes a field which the service does not have: no run has planned that."""
    for action in plan.actions:
        known = {USER: capabilities.user_fields, GROUP: capabilities.group_fields}.get(action.type.object)
        others = sorted(set(action.changes) - known) if known is not None else []
        if others:
            raise InputError(
                f"{source} changes {others[0]} of '{action.name}', which {capabilities.wire} does not have. Make "
                "the plan again."
            )


def _is_plan(document: Mapping[str, Any]) -> bool:
    services, left_out, notes, actions = (document.get(name) for name in ("services", "left_out", "notes", "actions"))
    return (
        isinstance(document.get("environment"), _TEXT_OR_NONE)
        and isinstance(services, dict)
        and _are_texts(list(services.values()))
        and _are_texts(notes)
        and isinstance(document.get("compared"), bool)
        and isinstance(left_out, list)
        and all(isinstance(item, dict) and set(item) == {"kind", "name", "reason"} for item in left_out)
        and all(_are_texts(list(item.values())) for item in left_out)
        and isinstance(actions, list)
        and all(isinstance(item, dict) and _is_action(item) for item in actions)
    )


def _is_action(item: Mapping[str, Any]) -> bool:
    if not all(name in item and isinstance(item[name], types) for name, types in _ACTION.items()):
        return False
    try:
        row = action_type(item["kind"], item["action"])
    except LookupError:
        return False
    if row.object in (USER, ADMINISTRATOR):
        known, name = frozenset(User._fields), "upn"
    else:
        known, name = frozenset(Group._fields), "name"
    before, after = item["object_before"], item["object_after"]
    objects = [found for found in (before, after) if found is not None]
    return (
        _are_texts(item["secrets"])
        and SECRET_EXTRAS.issuperset(item["secrets"])
        and _are_texts(item.get("unnamed") or [])
        and all(_is_object(found, known) for found in objects)
        and comparison_key(item["name"]) in [comparison_key(found[name]) for found in objects]
        and all(item[state] is None or found is not None for state, found in (("before", before), ("after", after)))
        and _fits(row, before, after)
        and _are_changes(row, item["changes"])
        and set(item["write_only"]) <= {"create_in_office365"}
        and all(isinstance(value, bool) for value in item["write_only"].values())
    )


def _fits(row: ActionType, before: Any, after: Any) -> bool:
    """Whether the objects are there that the kind of action needs."""
    if row.verb == "create":
        return before is None and after is not None
    if row.verb.startswith("delete"):
        return before is not None
    return before is not None and after is not None


def _are_changes(row: ActionType, changes: Mapping[str, Any]) -> bool:
    """Whether the changes are those of known fields, and of their types."""
    if row.object is MEMBERSHIP:
        return set(changes) == {"add", "remove"} and all(map(_are_texts, changes.values()))
    if row.object is ADMINISTRATOR:
        return all(isinstance(value, bool) for value in changes.values())
    fields = USER_FIELDS if row.object is USER else GROUP_FIELDS
    return all(
        (field := fields.get(name)) is not None
        and isinstance(value, _BOOL_OR_NONE if field.type == "bool" else _TEXT_OR_NONE)
        for name, value in changes.items()
    )


def _is_object(values: Mapping[str, Any], known: frozenset[str]) -> bool:
    return (
        values.keys() <= known
        and all(isinstance(value, _OBJECT.get(name, _TEXT_OR_NONE)) for name, value in values.items())
        and bool((values.get("upn") or values.get("name") or "").strip())
        and _are_texts(values.get("members") or [])
        and all(isinstance(value, _TEXT_OR_NONE) for value in (values.get("optional") or {}).values())
    )


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
