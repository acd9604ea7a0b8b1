# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the values of a state file are of the types that Microsoft Graph gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.graph import check_item
from ..api.values import OddValueError


def is_state(kept: Mapping[str, Any]) -> bool:
    """Whether the users and groups of a state can be identified, and everything in it is of its type."""
    try:
        for user in kept["users"]:
            check_item("graph.users", user)
            if not user.get("userPrincipalName"):
                return False
        for group in kept["groups"]:
            check_item("graph.groups", group)
    except OddValueError:
        return False
    ids = [ids for name in ("members", "nested") for ids in kept[name].values()]
    return (
        all(isinstance(kept[name], str) and kept[name] for name in ("users_link", "groups_link"))
        and isinstance(kept["about"], dict)
        and all(isinstance(of_group, list) and all(isinstance(id, str) for id in of_group) for of_group in ids)
    )
