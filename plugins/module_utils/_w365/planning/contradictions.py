# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses input that contradicts itself or refers to a user who does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..model.desired import Desired, DesiredGroup, DesiredUser
from ..model.directory import UNRESOLVED, Snapshot, User
from .lookup import find_existing


def refuse_duplicates(desired: Desired) -> None:
    for kind, things in (("user", desired.users), ("group", desired.groups)):
        seen: dict[str, str] = {}
        for thing in things:
            shown = thing.upn if isinstance(thing, DesiredUser) else thing.name
            if thing.key in seen:
                also = "" if seen[thing.key] == shown else f" (as {seen[thing.key]!r} and {shown!r}; case is ignored)"
                raise InputError(f"The {kind} {shown!r} is listed twice{also}. List every {kind} once.")
            seen[thing.key] = shown


def refuse_two_for_one(desired: Desired, current: Snapshot) -> None:
    """Two entries for one object, one of them by `identity`, would undo each other on every run."""
    kinds: tuple[tuple[str, Sequence[DesiredUser | DesiredGroup]], ...] = (
        ("user", desired.users),
        ("group", desired.groups),
    )
    for kind, things in kinds:
        seen: dict[str, str] = {}
        for thing in sorted(things, key=lambda t: t.key):
            found = find_existing(thing, current)
            if found is None:
                continue
            shown = thing.upn if isinstance(thing, DesiredUser) else thing.name
            account = found.id or found.key
            if account in seen:
                raise InputError(
                    f"{seen[account]!r} and {shown!r} both refer to the {kind} {found.key!r}, one of them by identity. "
                    f"List every {kind} once."
                )
            seen[account] = shown


def refuse_role_contradictions(desired: Desired) -> None:
    """The role of one user may be specified in two places, but not differently."""
    change = desired.administrators
    for user in sorted(desired.users, key=lambda u: u.key) if change is not None else ():
        role = user.fields.get("administrator")
        if not user.present or role is None or change is None:
            continue
        elsewhere = user.key in change.set if change.set is not None else user.key in change.add
        unspecified = change.set is None and user.key not in change.named
        if not unspecified and elsewhere is not role:
            raise InputError(
                f"User '{user.upn}' has administrator={str(role).lower()}, but the list of administrators specifies the "
                "opposite. Specify it in only one place."
            )


def with_missing_users(
    desired: Desired, current: Snapshot, predicted: Snapshot, assume: bool
) -> tuple[Snapshot, tuple[str, ...]]:
    """A user that is added to a group or to the administrators must exist when that is done.

    Returns the snapshot with the users that are assumed to exist (with `assume`), and warnings about them. Raises InputError.
    """
    known = {user.key for user in predicted.users}
    # The role of somebody whom only the Provisioning API lists can be changed, and memberships cannot.
    with_people = known | predicted.people_keys
    changes = {
        f"a member of group '{group.name}'": group.members
        for group in sorted(desired.groups, key=lambda g: g.key)
        if group.members and group.present
    }
    if desired.administrators is not None:
        changes["an administrator"] = desired.administrators
    notes: list[str] = []
    missing: set[str] = set()
    for role, change in changes.items():
        present = with_people if change is desired.administrators else known
        absent = sorted(key for key in change.wanted - present if not key.startswith(UNRESOLVED))
        if not absent:
            continue
        names = ", ".join(f"'{key}'" for key in absent)
        subject = f"User {names} does" if len(absent) == 1 else f"Users {names} do"
        if not assume:
            raise InputError(
                f"{subject} not exist in this environment and cannot become {role}. Create the user first, or check the spelling."
            )
        notes.append(
            f"{subject} not exist yet and should become {role}. Check mode assumes that an earlier task creates them."
        )
        missing |= set(absent)
    users = current.users + tuple(User(upn=key) for key in sorted(missing))
    return current._replace(users=users), tuple(notes)
