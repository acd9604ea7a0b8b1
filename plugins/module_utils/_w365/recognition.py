# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who of a whole directory is who: by UPN or name, and otherwise by external id.

Pure, like the plan that asks it.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from .errors import InputError
from .model import AddRemoveSet, Desired, DesiredGroup, DesiredUser, LeftOut, Snapshot, User


class Collision(NamedTuple):
    """A user whose UPN belongs to another account: as a refusal, and as the reason of somebody left out."""

    user: DesiredUser
    refusal: str
    reason: str


def recognised(desired: Desired, current: Snapshot) -> Desired:
    """The same wishes, in which whoever is known by another name says so.

    Raises InputError for users who collide, unless they are to stay as they are.
    """
    left: list[Collision] = []
    users = desired.users
    while True:
        others = desired.others | {_external_id(item.user) for item in left}
        answers = list(_users(users, current, others, exacting=desired.collisions_stay))
        collisions = [answer for answer in answers if isinstance(answer, Collision)]
        if not collisions:
            break
        if not desired.collisions_stay:
            raise InputError(collisions[0].refusal)
        # Whoever waits for one of them to give up a UPN collides too, which the next round finds.
        left += collisions
        colliding = {item.user.key for item in collisions}
        users = tuple(user for user in users if user.key not in colliding)
    known = tuple(answer for answer in answers if isinstance(answer, DesiredUser))
    desired = replace(desired, users=known, groups=tuple(_groups(desired.groups, current)))
    return _without(left, desired, current) if left else desired


def _users(
    users: Sequence[DesiredUser], current: Snapshot, others: frozenset[str], *, exacting: bool
) -> Iterator[DesiredUser | Collision]:
    """Whoever is not there under the wanted UPN, but under its external id, is renamed and not created a second time.

    A UPN may have passed from one to another: then who has it now is renamed first, as long as external ids tell both apart.
    Otherwise they collide, since one would get the account of the other; so do two who have exchanged their UPNs. An
    `exacting` source says who somebody is by the external id alone: whoever has an account gets no second one by name.
    """
    movers = {_external_id(user): user for user in users if user.present and _external_id(user) and not user.identity}
    others |= {_external_id(user) for user in users if not user.present}
    renamed: dict[str, DesiredUser] = {}
    follows: dict[str, str] = {}
    for user in users:
        known = current.users_by_external_id.get(_external_id(user))
        found = current.users_by_key.get(user.key)
        owner = (found.external_id or "").strip() if found is not None else ""
        mover = movers.get(owner)
        moves_away = mover is not None and mover.key != user.key
        if user.identity or (known is found and not moves_away):
            yield user
        elif not user.present:
            yield _who_goes(user, known, found)
        elif found is None:
            yield user if known is None else replace(user, identity=known.upn)
        elif moves_away and mover and _external_id(user):
            follows[user.key] = mover.key
            renamed[user.key] = replace(user, identity=known.upn if known else None, instead=True)
        elif moves_away and mover:
            yield Collision(user, f"{_two(user, mover.upn)} {_PASSED_ON}", _TAKEN)
        elif (known is not None and (owner or exacting)) or (owner and owner in others):
            yield Collision(user, f"{_two(user, known.upn if known else user.upn)} {_NOT_FREE}", _TAKEN)
        else:
            yield user
    for start, user in renamed.items():
        at = follows[start]
        while at in follows and at != start:
            at = follows[at]
        exchange = f"'{start}' and '{follows[start]}' have exchanged their UPNs. {_PASSED_ON}"
        yield user if at != start else Collision(user, exchange, _EXCHANGED)


def _who_goes(user: DesiredUser, known: User | None, found: User | None) -> DesiredUser | Collision:
    """Who is to go has perhaps been renamed too; somebody else who has that UPN now is not meant."""
    if known is not None:
        return replace(user, identity=known.upn) if found is None else replace(user, upn=known.upn)
    if found is None or not found.external_id or not _external_id(user):
        return user
    refusal = (
        f"'{user.upn}' is to go, and the account that has this UPN on the server has another external_id: "
        f"'{found.external_id}' and not '{_external_id(user)}'. Leave external_id out if that account is meant."
    )
    return Collision(user, refusal, _SOMEBODY_ELSE)


def _without(left: Sequence[Collision], desired: Desired, current: Snapshot) -> Desired:
    """Whoever collides stays under the present UPN, in groups and roles too, and is not taken for a leaver."""
    accounts = {item.user.key: current.users_by_external_id.get(_external_id(item.user)) for item in left}

    def named_now(keys: frozenset[str]) -> frozenset[str]:
        present = (account.key for key, account in accounts.items() if key in keys and account is not None)
        return (keys - accounts.keys()) | frozenset(present)

    def change_now(change: AddRemoveSet | None) -> AddRemoveSet | None:
        if change is None:
            return None
        return AddRemoveSet(
            named_now(change.add), named_now(change.remove), None if change.set is None else named_now(change.set)
        )

    spared = frozenset(_external_id(item.user) for item in left)
    purge = desired.purge
    return replace(
        desired,
        groups=tuple(replace(group, members=change_now(group.members)) for group in desired.groups),
        administrators=change_now(desired.administrators),
        left_out=(*desired.left_out, *(LeftOut("user", item.user.upn, item.reason) for item in left)),
        purge=replace(purge, spared=purge.spared | spared) if purge else None,
    )


def _two(user: DesiredUser, other: str) -> str:
    return f"'{user.upn}' is the UPN of one user on the server and of another in the list ('{other}')."


def _external_id(user: DesiredUser) -> str:
    return str(user.fields.get("external_id") or "").strip()


def _groups(groups: Sequence[DesiredGroup], current: Snapshot) -> Iterator[DesiredGroup]:
    """The same for groups. A name that another group of the list has stays with that one: groups have no accounts to lose."""
    named = {group.key for group in groups}
    for group in groups:
        external_id = str(group.fields.get("external_id") or "").strip()
        known = current.groups_by_external_id.get(external_id) if external_id else None
        if known is None or group.identity or group.key in current.groups_by_key or known.key in named:
            yield group
        else:
            yield replace(group, identity=known.name)


_PASSED_ON = (
    "One of them would get the account of the other. Let the one who has the external id be renamed first, in a task of its "
    "own (w365_user with identity); then give the whole list."
)
_NOT_FREE = (
    "One of them would get the account of the other. Rename the account that has the UPN, or delete it permanently (w365_user); "
    "then give the whole list."
)
_TAKEN = (
    "has a UPN that belongs to the account of somebody else, so both were left as they are; rename that account, or delete it "
    "permanently (w365_user)"
)
_EXCHANGED = (
    "has exchanged the UPN with somebody else, so both were left as they are; rename one of the two accounts (w365_user with "
    "identity)"
)
_SOMEBODY_ELSE = "is to go, and the account of that UPN belongs to somebody else and was left as it is"
