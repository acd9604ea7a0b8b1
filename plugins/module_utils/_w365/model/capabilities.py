# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a directory can hold, so that a plan refuses what it cannot before anything is written.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Capabilities(NamedTuple):
    """What a directory can hold. `fields_of` maps "user" and "group" to the names of the fields it reads and writes,
    `extras` are the write-only values it takes, `alternatives` says for a field what to do where it is not supported."""

    wire: str
    user_fields: frozenset[str]
    group_fields: frozenset[str]
    extras: frozenset[str] = frozenset()
    permanent_deletion: bool = True
    alternatives: Mapping[str, str] = {}
