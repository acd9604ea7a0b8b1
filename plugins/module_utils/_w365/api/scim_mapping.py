# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users in the format of SCIM (RFC 7643; contract, section 2), and changes of users and groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..model.directory import NO_VALUES, Group, User, value_of
from ..model.fields import GROUP_FIELDS, OPTIONAL_USER_FIELDS, USER_FIELDS, scim_paths
from ..model.names import comparison_key
from .values import id_of, text_or_none, truth_or_none, without_case


class ScimPath(NamedTuple):
    """The path of an attribute, such as `userName`, `name.givenName`, `emails[type eq "work"].value`, and an attribute of an
    extension after its URN (RFC 7644, section 3.10): the URN, the attribute, the type of the entry, the part of the entry."""

    text: str
    urn: str
    attribute: str
    type: str
    part: str

    @classmethod
    def of(cls, text: str) -> ScimPath:
        """Raises ValueError for a path of another form."""
        urn, _colon, rest = text.rpartition(":")
        attribute, _dot, part = rest.partition(".")
        attribute, bracket, entry = attribute.partition('[type eq "')
        kind, quote, end = entry.partition('"]')
        names = [attribute, *([part] if _dot else []), *([kind] if bracket else [])]
        if not all(name.isalnum() for name in names) or (bracket and (not quote or end)):
            raise ValueError(f"{text!r} is not a path of the forms that are supported")
        return cls(text, urn, attribute, kind, part)

    def value(self, resource: Mapping[str, Any]) -> Any:
        """The value in a resource whose own names are in lower case; None where there is none."""
        holder: Any = resource
        if self.urn:
            extension = resource.get(self.urn.lower())
            holder = without_case(extension) if isinstance(extension, Mapping) else {}
        found = holder.get(self.attribute.lower())
        if self.type:
            found = self._entry(found)
        if not self.part:
            return found
        return without_case(found).get(self.part.lower()) if isinstance(found, Mapping) else None

    def _entry(self, entries: Any) -> Mapping[str, Any] | None:
        found = (
            [without_case(entry) for entry in entries if isinstance(entry, Mapping)]
            if isinstance(entries, list)
            else []
        )
        typed = [entry for entry in found if str(entry.get("type", "")).lower() == self.type]
        return typed[0] if typed else None

    def put(self, resource: dict[str, Any], value: Any) -> None:
        """Write the value into a new resource."""
        holder = resource
        if self.urn:
            holder = resource.setdefault(self.urn, {})
            if self.urn not in resource["schemas"]:
                resource["schemas"].append(self.urn)
        if self.type:
            holder.setdefault(self.attribute, []).append(self.new_entry(value))
        elif self.part:
            holder.setdefault(self.attribute, {})[self.part] = value
        else:
            holder[self.attribute] = value

    def new_entry(self, value: Any) -> dict[str, Any]:
        """An entry of a list of typed entries, which is the primary one."""
        return {"type": self.type, "primary": True, self.part: value}


SCIM_USER_PATHS = scim_paths(USER_FIELDS)
"""Our field -> the path of its SCIM attribute."""

SCIM_GROUP_PATHS = scim_paths(GROUP_FIELDS)

_USER_PATHS = {name: ScimPath.of(path) for name, path in SCIM_USER_PATHS.items()}
_GROUP_PATHS = {name: ScimPath.of(path) for name, path in SCIM_GROUP_PATHS.items()}
_OPTIONAL = tuple((name, _USER_PATHS[name]) for name in USER_FIELDS if name in OPTIONAL_USER_FIELDS)
_REMOVED = OPTIONAL_USER_FIELDS | {"external_id"}
"""The fields that are removed when they are cleared. The others are needed, or get an empty value."""
_ALWAYS = ("upn", "active", "first_name", "last_name", "email")


class Kind(NamedTuple):
    """How SCIM finds the objects of a kind by name."""

    listing: str
    get: str
    attribute: str
    without: Mapping[str, str] = {}


USERS = Kind("scim.user.list", "scim.user.get", "userName")


def same_name(resources: Iterable[Mapping[str, Any]], kind: Kind, name: str) -> list[Mapping[str, Any]]:
    """Those whose name has the same comparison key: what a filter returns is checked."""
    key = comparison_key(name)
    return [resource for resource in resources if comparison_key(name_of(resource, kind)) == key]


def name_of(resource: Mapping[str, Any], kind: Kind) -> str:
    return text_or_none(without_case(resource).get(kind.attribute.lower())) or ""


def id_of_resource(resource: Mapping[str, Any]) -> str:
    return id_of(without_case(resource))


def user_from_scim(resource: Mapping[str, Any]) -> User:
    found = without_case(resource)
    name = found.get("name")
    name = without_case(name) if isinstance(name, Mapping) else {}
    optional = {name: text for name, path in _OPTIONAL if (text := text_or_none(path.value(found)))}
    email, email_path = _email_of(found.get("emails"))
    return User(
        upn=text_or_none(found.get("username")) or "",
        id=id_of(found),
        first_name=text_or_none(name.get("givenname")),
        last_name=text_or_none(name.get("familyname")),
        email=email,
        # RFC 7643 omits unset attributes; a user without this one is not deactivated.
        active=truth_or_none(found.get("active", True)),
        external_id=text_or_none(found.get("externalid")),
        optional=optional or NO_VALUES,
        email_path=email_path,
    )


def shown_user(resource: Mapping[str, Any]) -> User:
    """The user in an answer, where a status that is not shown is unknown."""
    user = user_from_scim(resource)
    return user if "active" in without_case(resource) else user._replace(active=None)


def _email_of(emails: Any) -> tuple[str | None, str]:
    """The address of type work, else the primary one, else the first; and its path, where it is not of type work."""
    if not isinstance(emails, list) or not emails:
        return None, ""
    entries = [without_case(entry) for entry in emails if isinstance(entry, Mapping)]
    work = [entry for entry in entries if str(entry.get("type", "")).lower() == "work"]
    primary = [entry for entry in entries if truth_or_none(entry.get("primary"))]
    chosen = work or primary or entries
    if not chosen:
        return None, ""
    entry = chosen[0]
    address = text_or_none(entry.get("value"))
    if work or not address:
        return address, ""
    kind = str(entry.get("type") or "")
    if kind.isalnum() and sum(str(other.get("type") or "") == kind for other in entries) == 1:
        return address, f'emails[type eq "{kind}"].value'
    escaped = address.replace("\\", "\\\\").replace('"', '\\"')
    return address, f'emails[value eq "{escaped}"].value'


def user_to_scim(user: User) -> dict[str, Any]:
    """The body of a POST to /Users."""
    resource: dict[str, Any] = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
    values = {
        "upn": user.upn,
        "active": user.active is not False,
        "first_name": user.first_name or "",
        "last_name": user.last_name or "",
        "email": user.email or user.upn,
        "external_id": user.external_id,
        **user.optional,
    }
    for name, value in values.items():
        if value or name in _ALWAYS:
            _USER_PATHS[name].put(resource, value)
    return resource


def patch_operation(thing: User | Group, name: str, value: Any, whole_entries: bool = False) -> dict[str, Any]:
    """The operation of a PATCH that changes one field, in the standard form.

    A missing entry of a list is added by its path, as Microsoft Entra does (S). Servers may refuse a filter that matches
    nothing: with `whole_entries` the entry is added as a value.
    """
    path = (_USER_PATHS if isinstance(thing, User) else _GROUP_PATHS)[name]
    text = path.text
    if path.type:
        if not value_of(thing, name):
            if whole_entries:
                return {"op": "add", "path": path.attribute, "value": [path.new_entry(value)]}
            return {"op": "add", "path": text, "value": value}
        if name == "email" and isinstance(thing, User):
            text = thing.email_path or text
        if value == "":
            return {"op": "remove", "path": text.removesuffix(f".{path.part}")}
    if value == "" and name in _REMOVED:
        return {"op": "remove", "path": text}
    return {"op": "replace", "path": text, "value": value}
