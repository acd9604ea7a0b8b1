# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SCIM PATCH (RFC 7644, section 3.5.2) in both dialects of Microsoft Entra.

Legacy: ``{"op":"Replace","path":"active","value":"False"}`` and removal of members by a list of values.
Compliant: real booleans, one replace without path whose value has dotted keys, and ``members[value eq "…"]``.
An attribute of the enterprise extension is named by the extension's full name in both; without a path, its values may
also stand in an object under that name. Path and object may be combined: the extension's name is the path then.
A user is changed as a document of attributes; a group's members as additions and removals, because there may be many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import scim_filter
from .scim_schemas import ATTRIBUTES, BY_PATH, ENTERPRISE, NEVER_KEPT, PATCH

_PATH = re.compile(r"(?P<name>[\w$-]+)(?:\[(?P<filter>.*)\])?(?:\.(?P<sub>[\w$-]+))?", re.DOTALL)

_EXTENSION = ENTERPRISE.lower()
_PARTS = {"value": "value", "type": "type", "primary": "primary"}


class ScimError(Exception):
    """An error of the SCIM service: a status, a scimType or "", and a sentence."""

    def __init__(self, status: int, sentence: str, scim_type: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.scim_type = scim_type


@dataclass(frozen=True, slots=True)
class Kept:
    """Which of ``ATTRIBUTES`` the server keeps, and what it does with every other attribute.

    ``refusal`` is the scimType of a 400, or "" where such an attribute is accepted and dropped.
    """

    names: frozenset[str]
    refusal: str

    def attribute(self, path: str) -> str | None:
        """Return the name of the attribute at this path in lower case, or None if it is not kept."""
        name = BY_PATH.get(path)
        return name if name in self.names else None

    def drop(self, path: str, *, scim_type: str = "") -> None:
        """Accept an attribute that is not kept, or refuse it; ``scim_type`` replaces that of the refusal."""
        if self.refusal:
            raise ScimError(400, f"The attribute {path!r} is unknown here.", scim_type or self.refusal)


@dataclass(slots=True)
class Operation:
    """One operation with a path that was taken apart; all names are in lower case."""

    op: str
    name: str
    filter: scim_filter.Node | None
    sub: str
    value: Any
    path: str


@dataclass(slots=True)
class MemberChanges:
    """What a PATCH does to the members, in the order of ``steps``."""

    steps: list[tuple[str, list[str]]] = field(default_factory=list)


def boolean(value: Any, name: str, dialect: str) -> bool:
    """Return a boolean; text such as "False" belongs to the legacy dialect."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        if dialect == "compliant":
            raise ScimError(400, f"The attribute {name} is a boolean; {value!r} is text.", "invalidValue")
        return value.lower() == "true"
    raise ScimError(400, f"The attribute {name} is true or false; {value!r} is neither.", "invalidValue")


def get(document: Any, name: str) -> Any:
    """Return a field of a JSON object without regard to case, or None."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key.lower() == name.lower():
                return value
    return None


def operations(body: Any, dialect: str) -> Iterator[Operation]:
    """Read the operations of a PatchOp, one path each; an operation without a path becomes one per attribute."""
    if not isinstance(body, dict):
        raise ScimError(400, "The body of a PATCH is a JSON object.", "invalidSyntax")
    if PATCH.lower() not in [str(schema).lower() for schema in get(body, "schemas") or []]:
        raise ScimError(400, f"The body of a PATCH names the schema {PATCH}.", "invalidSyntax")
    listed = get(body, "Operations")
    if not isinstance(listed, list) or not listed:
        raise ScimError(400, "The body of a PATCH has a list Operations that is not empty.", "invalidSyntax")
    for item in listed:
        op = str(get(item, "op") or "").lower()
        if op not in ("add", "replace", "remove"):
            raise ScimError(
                400, f"The operation {get(item, 'op')!r} is none of add, replace and remove.", "invalidSyntax"
            )
        path, value = get(item, "path"), get(item, "value")
        if path is not None and not isinstance(path, str):
            raise ScimError(400, f"The path {path!r} is not text.", "invalidPath")
        if path:
            yield from _operations_at(op, path, value)
            continue
        if op == "remove":
            raise ScimError(400, "A remove needs a path.", "noTarget")
        if not isinstance(value, dict):
            raise ScimError(400, "An operation without a path has a JSON object as its value.", "invalidValue")
        if dialect == "legacy":
            raise ScimError(400, "Every operation needs a path.", "invalidPath")
        for name, part in value.items():
            if name.lower() not in ("schemas", "id", "meta"):
                yield from _operations_at(op, name, part)


def _operations_at(op: str, path: str, value: Any) -> Iterator[Operation]:
    """Read what happens at one path; the path of an extension becomes one operation per attribute of its value."""
    if path.lower() != _EXTENSION:
        yield _operation(op, path, value)
    elif op == "remove" or value is None:
        yield Operation("remove", _EXTENSION, None, "", None, path)
    elif isinstance(value, dict):
        for name, part in value.items():
            # Some clients repeat the extension's name inside of it.
            if name.lower() != "schemas":
                yield _operation(op, f"{ENTERPRISE}:{name}", part)
    else:
        raise ScimError(400, f"The value of the extension {ENTERPRISE} is a JSON object.", "invalidValue")


def _operation(op: str, path: str, value: Any) -> Operation:
    # A schema's name ends before the last colon that stands outside of square brackets.
    head, bracket, tail = path.partition("[")
    head, schema = scim_filter.canonical(head), ""
    if head.startswith(f"{_EXTENSION}:"):
        schema, head = f"{_EXTENSION}:", head[len(_EXTENSION) + 1 :]
    match = _PATH.fullmatch(head + bracket + tail)
    if match is None:
        raise ScimError(400, f"The path {path!r} cannot be read.", "invalidPath")
    node = None
    if match["filter"] is not None:
        try:
            node = scim_filter.read(match["filter"])
        except scim_filter.FilterError as problem:
            raise ScimError(
                400, f"The path {path!r} has a filter that cannot be read. {problem}", "invalidFilter"
            ) from problem
    return Operation(op, schema + match["name"].lower(), node, (match["sub"] or "").lower(), value, path)


def patch_user(document: dict[str, Any], body: Any, dialect: str, kept: Kept) -> None:
    """Apply a PATCH to a user's document, in place.

    The document has userName, name, emails, active, externalId, and every one of ``ATTRIBUTES`` by its name.
    """
    for operation in operations(body, dialect):
        name = operation.name
        value = None if operation.op == "remove" else operation.value
        if name == "schemas":
            continue
        if name in ("id", "meta"):
            raise ScimError(400, f"The attribute {name} cannot be changed.", "mutability")
        optional = kept.attribute(name)
        if name == _EXTENSION:
            _clear_extension(document, operation, kept)
        elif name == "emails" or optional == "phoneNumbers":
            _patch_values(document, operation, dialect, optional or "emails")
        elif name == "name":
            _patch_name(document, operation, value)
        elif optional is None and (name in BY_PATH or name in NEVER_KEPT):
            kept.drop(operation.path)
        elif operation.filter is not None or operation.sub:
            raise ScimError(400, f"The path {operation.path!r} names no attribute of a user.", "invalidPath")
        elif optional is not None:
            # An empty text clears, as null and an empty list do (RFC 7643, section 2.5).
            document[optional] = _text(value, optional) or None
        elif name == "active":
            # Without active a user is active, as after a create without it.
            document["active"] = True if value is None else boolean(value, "active", dialect)
        elif name == "username":
            document["userName"] = _text(value, "userName", required=True)
        elif name == "externalid":
            document["externalId"] = _text(value, "externalId")
        else:
            raise ScimError(
                400, f"The path {operation.path!r} names no attribute of a user.", kept.refusal or "invalidPath"
            )


def _clear_extension(document: dict[str, Any], operation: Operation, kept: Kept) -> None:
    inside = [name for name, path in ATTRIBUTES.items() if path.startswith(_EXTENSION) and name in kept.names]
    if not inside:
        kept.drop(operation.path)
    for name in inside:
        document[name] = None


def _text(value: Any, name: str, *, required: bool = False) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ScimError(400, f"The attribute {name} is text; {value!r} is not.", "invalidValue")
    if required and not (value or "").strip():
        raise ScimError(400, f"The attribute {name} is required and cannot be empty.", "invalidValue")
    return value


def _patch_name(document: dict[str, Any], operation: Operation, value: Any) -> None:
    parts = {"givenname": "givenName", "familyname": "familyName"}
    if operation.filter is not None:
        raise ScimError(400, f"The path {operation.path!r} filters an attribute that has one value.", "invalidPath")
    if operation.sub:
        changes = {operation.sub: value}
    elif value is None:
        changes = dict.fromkeys(parts)
    elif isinstance(value, dict):
        changes = {key.lower(): item for key, item in value.items()}
    else:
        raise ScimError(400, f"The attribute name is a JSON object; {value!r} is not.", "invalidValue")
    for key, item in changes.items():
        if key in parts:
            document["name"][parts[key]] = _text(item, f"name.{parts[key]}", required=True)
        elif key not in ("formatted", "middlename", "honorificprefix", "honorificsuffix"):
            raise ScimError(400, f"The path {operation.path!r} names no attribute of a user.", "invalidPath")


def read_values(value: Any, dialect: str, attribute: str) -> list[dict[str, Any]]:
    """Check the elements of ``emails`` or ``phoneNumbers``; the order is kept, elements without a value are dropped."""
    items = value if isinstance(value, list) else [value]
    found = [_read_element(item, dialect, attribute) for item in items]
    return [element for element in found if "value" in element]


def _read_element(given: Any, dialect: str, attribute: str) -> dict[str, Any]:
    item = {"value": given, "type": "work"} if isinstance(given, str) else given
    if not isinstance(item, dict):
        raise ScimError(400, f"An element of {attribute} is a JSON object; {item!r} is not.", "invalidValue")
    element: dict[str, Any] = {}
    for part in ("value", "type"):
        if _text(get(item, part), f"{attribute}.{part}"):
            element[part] = get(item, part)
    if get(item, "primary") is not None:
        element["primary"] = boolean(get(item, "primary"), f"{attribute}.primary", dialect)
    return element


def _patch_values(document: dict[str, Any], operation: Operation, dialect: str, attribute: str) -> None:
    """Change ``emails`` or ``phoneNumbers``: all of it, or the elements that a filter chooses."""
    if operation.sub and operation.sub not in _PARTS:
        raise ScimError(400, f"The path {operation.path!r} names no attribute of {attribute}.", "invalidPath")
    elements: list[dict[str, Any]] = document[attribute]
    if operation.filter is None and not operation.sub:
        _patch_all_values(document, operation, dialect, attribute)
        return
    chosen = [item for item in elements if operation.filter is None or scim_filter.matches(operation.filter, item)]
    if operation.op == "remove":
        for item in chosen:
            if operation.sub:
                item.pop(operation.sub, None)
            else:
                elements.remove(item)
    else:
        for item in chosen or [_new_element(elements, operation)]:
            value = {operation.sub: operation.value} if operation.sub else operation.value
            change = {} if value is None else _read_element(value, dialect, attribute)
            if change:
                _make_primary(elements, change)
                item.update(change)
            else:
                item.pop(operation.sub or "value", None)
    document[attribute] = [item for item in elements if item.get("value")]


def _patch_all_values(document: dict[str, Any], operation: Operation, dialect: str, attribute: str) -> None:
    elements: list[dict[str, Any]] = document[attribute]
    if operation.op == "add" and not operation.value:
        return
    if operation.value is None or (operation.op == "replace" and not operation.value):
        document[attribute] = []
    elif operation.op == "remove":
        gone = {str(item.get("value")).lower() for item in read_values(operation.value, dialect, attribute)}
        document[attribute] = [item for item in elements if str(item.get("value")).lower() not in gone]
    elif operation.op == "replace":
        document[attribute] = read_values(operation.value, dialect, attribute)
    else:
        for new in read_values(operation.value, dialect, attribute):
            _make_primary(elements, new)
            same = [item for item in elements if all(item.get(part) == new.get(part) for part in ("type", "value"))]
            if same:
                same[0].update(new)
            else:
                elements.append(new)


def _new_element(elements: list[dict[str, Any]], operation: Operation) -> dict[str, Any]:
    """Add the element that a filter asks for.

    Entra sets emails[type eq "work"].value on a user who has no address of that type, and expects one to appear.
    """
    node = operation.filter
    new: dict[str, Any] = {}
    if isinstance(node, scim_filter.Compare) and node.operator == "eq" and node.path in _PARTS:
        new[node.path] = node.value
    elif node is not None:
        raise ScimError(400, f"Nothing fits the path {operation.path!r}.", "noTarget")
    elements.append(new)
    return new


def _make_primary(emails: list[dict[str, Any]], new: dict[str, Any]) -> None:
    """Only one element is primary: a new primary one replaces it."""
    if new.get("primary"):
        for item in emails:
            if item.get("primary"):
                item["primary"] = False


def patch_group(document: dict[str, Any], body: Any, dialect: str) -> list[tuple[str, list[str]]]:
    """Apply a PATCH to a group's document (displayName, externalId), in place; return the steps for the members.

    A step is ("add" | "remove" | "set" , list of user ids).
    """
    steps: list[tuple[str, list[str]]] = []
    for operation in operations(body, dialect):
        name = operation.name
        value = None if operation.op == "remove" else operation.value
        if name == "members":
            steps.append(_member_step(operation, dialect))
        elif name in ("id", "meta"):
            raise ScimError(400, f"The attribute {name} cannot be changed.", "mutability")
        elif name == "schemas":
            continue
        elif operation.filter is not None or operation.sub:
            raise ScimError(400, f"The path {operation.path!r} names no attribute of a group.", "invalidPath")
        elif name == "displayname":
            document["displayName"] = _text(value, "displayName", required=True)
        elif name == "externalid":
            document["externalId"] = _text(value, "externalId")
        else:
            raise ScimError(400, f"The path {operation.path!r} names no attribute of a group.", "invalidPath")
    return steps


def member_ids(value: Any) -> list[str]:
    """Return the user ids in a list of members."""
    items = value if isinstance(value, list) else [value]
    ids = []
    for item in items:
        id_ = item if isinstance(item, str) else get(item, "value")
        if not isinstance(id_, str) or not id_:
            raise ScimError(
                400, f"A member is a JSON object with the id of a user as its value; {item!r} is not.", "invalidValue"
            )
        if str(get(item, "type") or "User").lower() != "user":
            raise ScimError(400, f"The member {id_!r} is no user; groups in groups are not kept.", "invalidValue")
        ids.append(id_)
    return ids


def _member_step(operation: Operation, dialect: str) -> tuple[str, list[str]]:
    if operation.sub:
        raise ScimError(400, f"The path {operation.path!r} names no attribute that can be changed.", "mutability")
    if operation.filter is not None:
        if operation.op != "remove":
            raise ScimError(400, f"The path {operation.path!r} can only be removed.", "invalidPath")
        if dialect == "legacy":
            raise ScimError(400, "Members are removed by a list of values.", "invalidPath")
        return "remove", _ids_of_filter(operation.filter, operation.path)
    if operation.op == "remove":
        if operation.value is None:
            return "set", []
        if dialect == "compliant":
            raise ScimError(400, 'Members are removed by a path such as members[value eq "…"].', "invalidValue")
        return "remove", member_ids(operation.value)
    if operation.value is None and operation.op == "replace":
        return "set", []
    return ("add" if operation.op == "add" else "set"), member_ids(operation.value)


def _ids_of_filter(node: scim_filter.Node, path: str) -> list[str]:
    if isinstance(node, scim_filter.Either):
        return _ids_of_filter(node.left, path) + _ids_of_filter(node.right, path)
    if (
        isinstance(node, scim_filter.Compare)
        and node.path == "value"
        and node.operator == "eq"
        and isinstance(node.value, str)
    ):
        return [node.value]
    raise ScimError(400, f'The path {path!r} is not of the form members[value eq "…"].', "invalidFilter")
