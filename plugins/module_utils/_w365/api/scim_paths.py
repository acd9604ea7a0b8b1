# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes an attribute of a SCIM resource by its path (RFC 7644, section 3.10).

Paths are `userName`, `name.givenName`, `emails[type eq "work"].value`, and an attribute of an extension after its URN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .values import without_case


class ScimPath(NamedTuple):
    """A parsed path: the URN of an extension, the attribute, the type of the entry, the part of the entry."""

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
