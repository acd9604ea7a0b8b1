# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Functions of both backends."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ..errors import W365Error
from ..model.desired import Desired, DesiredUser
from ..model.directory import User
from ..model.names import comparison_key


def active_administrators(users: Iterable[User]) -> frozenset[str]:
    return frozenset(user.key for user in users if user.administrator and user.active is not False)


def uncertain_administrators(users: Collection[User]) -> frozenset[str]:
    """The administrators who may be deleted: the list does not say of them that they are active, and says it of others.

    A list that says it of no user leaves it out for all users, or for the active ones (contract: User; IsActive A).
    """
    if not any(user.active for user in users):
        return frozenset()
    return frozenset(user.key for user in users if user.administrator and user.active is None)


def roles_problem(people: Sequence[User], others: Sequence[User] = ()) -> W365Error | None:
    """Every environment has a first administrator (contract, section 4; D), so a list that marks nobody proves nothing."""
    if any(user.administrator for user in people) or not (people or others):
        return None
    return W365Error(
        "the Provisioning API lists nobody as administrator, and every environment with users has one: the list is incomplete."
    )


def primary_administrator(users: Iterable[User]) -> str | None:
    """The key of the first administrator (contract, section 4; D): the lowest id, if ids are numbers (A)."""
    active = [user for user in users if user.administrator and user.active is not False]
    if not active or not all(user.id.isdecimal() for user in active):
        return None
    return min(active, key=lambda user: int(user.id)).key


def removal_needs_groups(desired: Desired) -> bool:
    purge = desired.purge
    return purge is not None and ("groups" in purge.kinds or bool(purge.scope is not None and purge.scope.groups))


def user_names(desired: Desired) -> list[str]:
    """The UPNs and ids of the users that a plan for this needs: as they are written, each once."""
    names = [name for user in desired.users for name in (user.upn, user.identity) if name]
    changes = [group.members for group in desired.groups if group.members]
    changes += [desired.administrators] if desired.administrators is not None else []
    names += [change.written.get(key, key) for change in changes for key in sorted(change.named)]
    return list({comparison_key(name) if "@" in name else name: name for name in reversed(names)}.values())[::-1]


def removes_administrator(user: DesiredUser) -> bool:
    """Whether this may remove an administrator."""
    return not user.present or user.fields.get("active") is False or user.fields.get("administrator") is False


def may_remove_administrators(desired: Desired) -> bool:
    return bool(desired.purge) or any(map(removes_administrator, desired.users))


def absent_users(ids: Mapping[str, Any]) -> str:
    """An error message about the users without an id; empty when all have one."""
    absent = [f"'{key}'" for key, id in ids.items() if not id]
    if not absent:
        return ""
    who = (
        f"user {absent[0]} does not exist: it" if len(absent) == 1 else f"users {', '.join(absent)} do not exist: they"
    )
    were = "was" if len(absent) == 1 else "were"
    return f"{who} could not be created, or {were} deleted meanwhile."
