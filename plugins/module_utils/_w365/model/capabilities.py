# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a directory supports. A plan with anything else is refused before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Capabilities(NamedTuple):
    """What a directory supports: the names of the fields of users and groups that it reads and writes.

    `extras` are the write-only values that it accepts. `alternatives` says what to do instead of an unsupported field, by
    the field's name.
    """

    wire: str
    user_fields: frozenset[str]
    group_fields: frozenset[str]
    extras: frozenset[str] = frozenset()
    permanent_deletion: bool = True
    alternatives: Mapping[str, str] = {}
