# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the current object for a desired one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from ..model.desired import DesiredGroup, DesiredUser
from ..model.directory import Group, Snapshot, Thing, User, value_of


def find_user(current: Snapshot, name: str) -> User | None:
    """By UPN, ignoring case, or by the server's id. Raises InputError for two users of this name."""
    return the_only_one("user", name, current.users_named(name)) or current.users_by_id.get(name)


def find_person(current: Snapshot, name: str) -> User | None:
    """A user for a change of the role: one that only the Provisioning API lists has no id here, which the other API does not
    know. Raises InputError for two users of this name."""
    user = find_user(current, name)
    if user is None:
        user = the_only_one("user", name, current.people_named(name))
        user = user._replace(id="") if user is not None else None
    return user


def find_group(current: Snapshot, name: str) -> Group | None:
    return the_only_one("group", name, current.groups_named(name)) or current.groups_by_id.get(name)


def the_only_one(kind: str, name: str, found: Sequence[Thing]) -> Thing | None:
    """The one that was found by name. Raises InputError, with the candidates, when there are several."""
    if len(found) > 1:
        names = [value_of(thing, "upn" if kind == "user" else "name") for thing in found]
        shown = ", ".join(f"{name!r} (id {thing.id or 'unknown'})" for name, thing in zip(names, found, strict=True))
        raise InputError(
            f"{len(found)} {kind}s have the name {name!r}, without regard to case: {shown}. Nothing was written. Specify the one "
            f"that is meant by its id, in option identity of w365_{kind}; then rename or delete the other one."
        )
    return found[0] if found else None


def find_existing(wanted: DesiredUser | DesiredGroup, current: Snapshot) -> Any:
    """The user or group of `current` that `wanted` refers to, or None."""
    name, find = (wanted.name, find_group) if isinstance(wanted, DesiredGroup) else (wanted.upn, find_user)
    if wanted.takes_name:
        return find(current, wanted.identity) if wanted.identity else None
    return _identified(wanted.identity, name, current, find)


def _identified(identity: str | None, name: str, current: Snapshot, find: Any) -> Any:
    """The object by its current name, or by `identity` for a rename.

    An identity that is not found, while the new name is, means that the rename was done before. An identity that is an id
    decides between two objects of one name.
    """
    is_group = find is find_group
    named: Sequence[Any] = current.groups_named(name) if is_group else current.users_named(name)
    by_identity = find(current, identity) if identity else None
    if by_identity is None:
        # A name is never an id: a group may be called 7.
        return the_only_one("group" if is_group else "user", name, named)
    if named and by_identity not in named:
        raise InputError(
            f"Cannot rename {identity!r} to {name!r}: both exist. Delete or rename {name!r} first, or leave out identity "
            "if they are different."
        )
    return by_identity
