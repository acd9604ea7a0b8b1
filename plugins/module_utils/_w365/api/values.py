# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of JSON objects, whose names ignore case (contract, section 1).

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_case(item: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in item.items()}


def text_or_none(value: Any) -> str | None:
    return None if value is None else str(value).strip()


def id_of(item: Mapping[str, Any]) -> str:
    """The id of an object whose names are in lower case; empty where it has none: null, a truth or a structure is no id."""
    value = item.get("id")
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def truth_or_none(value: Any) -> bool | None:
    if isinstance(value, bool) or value is None:
        return value
    return str(value).strip().lower() in ("true", "1", "yes")
