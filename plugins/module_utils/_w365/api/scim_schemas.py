# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which optional attributes of users a SCIM service keeps, as its schemas say (RFC 7643, section 7; RFC 7644, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.fields import OPTIONAL_USER_FIELDS, USER_FIELDS
from .scim_mapping import ScimPath
from .values import without_case

_CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:user"


def kept_fields(answer: Any) -> frozenset[str] | None:
    """The optional fields of the table whose attributes the schemas name; None when the answer cannot be understood.

    `answer` is the decoded answer of /Schemas. One without the core schema of users, or with a part of its schemas only,
    proves nothing.
    """
    schemas = _schemas(answer)
    if schemas is None or _CORE_USER not in schemas:
        return None
    paths = {name: ScimPath.of(USER_FIELDS[name].scim) for name in OPTIONAL_USER_FIELDS}
    return frozenset(
        name
        for name, path in paths.items()
        if path.attribute.lower() in schemas.get(path.urn.lower() or _CORE_USER, frozenset())
    )


def _schemas(answer: Any) -> dict[str, frozenset[str]] | None:
    """The names of the attributes of every schema by its URN, all in lower case; None for another shape."""
    listed = answer
    if isinstance(answer, Mapping):
        response = without_case(answer)
        listed = response.get("resources")
        total = response.get("totalresults")
        if isinstance(listed, list) and isinstance(total, int) and total > len(listed):
            return None
    if not isinstance(listed, list):
        return None
    found: dict[str, frozenset[str]] = {}
    for item in listed:
        schema = without_case(item) if isinstance(item, Mapping) else {}
        attributes = _named(schema.get("attributes"))
        if not isinstance(schema.get("id"), str) or attributes is None:
            return None
        found[schema["id"].lower()] = frozenset(attributes)
        # Some services list an extension as an attribute of the core schema, with the URN as its name.
        for name, attribute in attributes.items():
            if name.startswith("urn:"):
                found.setdefault(name, frozenset(_named(attribute.get("subattributes")) or ()))
    return found


def _named(attributes: Any) -> dict[str, dict[str, Any]] | None:
    """The attributes of a schema by their names in lower case; None when it is not such a list, or an empty one."""
    if not isinstance(attributes, list) or not attributes:
        return None
    found: dict[str, dict[str, Any]] = {}
    for item in attributes:
        attribute = without_case(item) if isinstance(item, Mapping) else {}
        if not isinstance(attribute.get("name"), str):
            return None
        found[attribute["name"].lower()] = attribute
    return found
