# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renames: an `identity` that finds nobody is an error, and never a new object."""

from __future__ import annotations

from ..errors import InputError
from ..model.desired import Desired, DesiredGroup, DesiredUser
from ..model.directory import Group, Snapshot, User
from ..model.names import comparison_key
from .lookup import find_existing


def with_identities(desired: Desired, current: Snapshot, where: str, assume: bool) -> tuple[Snapshot, tuple[str, ...]]:
    """The snapshot for the plan. An `identity` must find an object, or the new name must: then it was renamed before.

    With `assume` (check mode) an earlier task may be the one that creates it, so it is assumed to exist, with a warning.
    Raises InputError otherwise, and for a user to delete whose id nobody has, while somebody else has the UPN.
    """
    missing: list[DesiredUser | DesiredGroup] = []
    for wanted in desired.objects:
        # An identity that is the name itself says nothing.
        if not wanted.identity or wanted.takes_name or comparison_key(wanted.identity) == wanted.key:
            continue
        found = find_existing(wanted, current)
        if found is None and wanted.present:
            missing.append(wanted)
        elif isinstance(wanted, DesiredUser) and found is not None and not wanted.present:
            _refuse_other_account(wanted, found, where)
    if not missing:
        return current, ()
    if not assume:
        more = f" {len(missing) - 1} more of the task are like this." if len(missing) > 1 else ""
        raise InputError(
            f"{_sentence(missing[0], where)}, and identity never creates anything. Nothing was written. Check the spelling of "
            f"identity, or leave it out to create the {_kind(missing[0])}.{more}"
        )
    notes = tuple(
        f"{_sentence(wanted, where)}. Check mode assumes that an earlier task creates it; otherwise the real run fails "
        "before it writes anything."
        for wanted in missing
    )
    users = tuple(User(str(wanted.identity)) for wanted in missing if isinstance(wanted, DesiredUser))
    groups = tuple(
        Group(str(wanted.identity), members=frozenset()) for wanted in missing if isinstance(wanted, DesiredGroup)
    )
    return current._replace(users=current.users + users, groups=current.groups + groups), notes


def _refuse_other_account(wanted: DesiredUser, found: User, where: str) -> None:
    """A rename keeps the id: an account with this UPN and another id is another user."""
    identity = str(wanted.identity)
    if "@" not in identity and identity not in (found.id, found.upn):
        raise InputError(
            f"No user has the id {identity!r} {where}, and '{wanted.upn}' is the UPN of the user with the id {found.id!r}. "
            "Nothing was written. Leave identity out if that user is to be deleted."
        )


def _kind(wanted: DesiredUser | DesiredGroup) -> str:
    return "group" if isinstance(wanted, DesiredGroup) else "user"


def _sentence(wanted: DesiredUser | DesiredGroup, where: str) -> str:
    name = wanted.name if isinstance(wanted, DesiredGroup) else wanted.upn
    return f"Cannot rename {_kind(wanted)} {wanted.identity!r} to {name!r}: neither exists {where}"
