# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proves that a name is not there: on a server whose `eq` minds case, a look-up that finds nothing proves nothing.

The cost is constant. After the name as it is written and its comparison key, some user of the server is asked for in other
capitals, once per session. Where `eq` minds case, or it is unknown whether it does, all names are read, once per session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..api.scim import ScimClient
from ..api.scim_mapping import Kind, id_of_resource, name_of, same_name
from ..api.values import without_case
from ..errors import AnswerError
from ..model.names import comparison_key

Resources = list[Mapping[str, Any]]


def named_otherwise(
    client: ScimClient,
    session: dict[str, Any],
    kind: Kind,
    name: str,
    get: Callable[[str, str], Mapping[str, Any] | None],
) -> Resources:
    """The resources with this name in another spelling than the one that was asked for; none where there is none."""
    key = comparison_key(name)
    found = same_name(client.find(kind.listing, kind.attribute, key), kind, name) if key != name else []
    if found:
        return found
    names: dict[str, str] | None = session.get(kind.listing)
    if names is None:
        # That a server ignores the case of ASCII letters does not show that it does so for others.
        if key.isascii() and _ignores_case(client, session, kind):
            return []
        names = {
            id_of_resource(resource): comparison_key(name_of(resource, kind))
            for resource in client.pages(kind.listing, kind.without)
        }
        session[kind.listing] = names
    # The names were read earlier: the object itself is read now.
    read = [get(kind.get, id) for id, known in list(names.items()) if known == key and id]
    return same_name((resource for resource in read if resource is not None), kind, name)


def _ignores_case(client: ScimClient, session: dict[str, Any], kind: Kind) -> bool:
    """Whether the server finds one of its objects in other capitals. False where there is none to ask for."""
    known: bool | None = session.get(f"{kind.listing} ignores case")
    if known is None:
        known = session[f"{kind.listing} ignores case"] = _finds_in_other_capitals(client, kind)
    return known


def _finds_in_other_capitals(client: ScimClient, kind: Kind) -> bool:
    try:
        some = client.call(kind.listing, query={**kind.without, "startIndex": 1, "count": 1})
        resources = without_case(some).get("resources") if isinstance(some, Mapping) else None
        for resource in resources if isinstance(resources, list) else ():
            name = name_of(resource, kind) if isinstance(resource, Mapping) else ""
            if name.isascii() and name.swapcase() != name:
                found = client.find(kind.listing, kind.attribute, name.swapcase())
                return id_of_resource(resource) in {id_of_resource(other) for other in found} - {""}
    except AnswerError:
        pass
    return False
