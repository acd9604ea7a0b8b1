# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of endpoints, with the evidence for each: that of Workspace 365 and that of Microsoft Graph.

The published table in the docs is generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from . import graph_endpoints, workspace_endpoints
from .endpoint import Endpoint

LETTERS = {
    "D": "documented by the vendor",
    "C": "seen in a public client of the API",
    "S": "a public standard or Microsoft's own documentation",
    "A": "assumed, confirmed by nobody outside the vendor",
}

ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.id: endpoint for endpoint in (*workspace_endpoints.ROWS, *graph_endpoints.ROWS)
}


def endpoints_with(overrides: Mapping[str, Any] | None) -> Mapping[str, Endpoint]:
    """The table with the paths that option `endpoints` overrides.

    Raises InputError for an unknown id or an invalid path.
    """
    table = dict(ENDPOINTS)
    for id, path in (overrides or {}).items():
        if id not in table:
            raise InputError(
                f"Option endpoints names {id!r}, which is not an endpoint of this collection. "
                f"Choose from: {', '.join(sorted(table))}."
            )
        if not isinstance(path, str) or not path.startswith("/"):
            raise InputError(
                f"Option endpoints gives {path!r} for {id}; a path starts with '/' and is relative to the root of its "
                f"service, such as {table[id].path!r}."
            )
        # Only Workspace 365 itself has the environment in its paths.
        known = ("environment", "id") if table[id].service in ("provisioning", "page") else ("id",)
        if "{inner}" in table[id].path:
            known = ("id", "inner")
        try:
            path.format(**dict.fromkeys(known, ""))
        except (AttributeError, LookupError, ValueError):
            shown = " and ".join(f"{{{name}}}" for name in known)
            raise InputError(
                f"Option endpoints gives {path!r} for {id}; in braces it may hold {shown}, and nothing else."
            ) from None
        for name in ("{id}", "{inner}"):
            if name in table[id].path and name not in path:
                raise InputError(
                    f"Option endpoints gives {path!r} for {id}, which is about one object: the path has to hold {name}, as in "
                    f"{table[id].path!r}."
                )
        table[id] = table[id]._replace(path=path)
    return table
