# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the current object for a desired one.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..model.desired import DesiredGroup, DesiredUser
from ..model.directory import Group, Snapshot, User
from ..model.names import comparison_key


def find_user(current: Snapshot, name: str) -> User | None:
    """By UPN, ignoring case, or by the server's id."""
    return current.users_by_key.get(comparison_key(name)) or current.users_by_id.get(name)


def find_group(current: Snapshot, name: str) -> Group | None:
    return current.groups_by_key.get(comparison_key(name)) or current.groups_by_id.get(name)


def find_existing(wanted: DesiredUser | DesiredGroup, current: Snapshot) -> Any:
    """The user or group of `current` that `wanted` refers to, or None."""
    name, find = (wanted.name, find_group) if isinstance(wanted, DesiredGroup) else (wanted.upn, find_user)
    if wanted.takes_name:
        return find(current, wanted.identity) if wanted.identity else None
    return _identified(wanted.identity, name, current, find)


def _identified(identity: str | None, name: str, current: Snapshot, find: Any) -> Any:
    """The object by its current name, or by `identity` for a rename.

    An identity that is not found, while the new name is, means that the rename was done before.
    """
    by_name = find(current, name)
    if not identity:
        return by_name
    by_identity = find(current, identity)
    if by_identity is None:
        return by_name
    if by_name is not None and by_name != by_identity:
        raise InputError(
            f"Cannot rename {identity!r} to {name!r}: both exist. Delete or rename {name!r} first, or leave out identity "
            "if they are different."
        )
    return by_identity
