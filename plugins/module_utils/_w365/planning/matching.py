# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which object of a whole directory is which: by UPN or name, and otherwise by external id. Pure.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from ..errors import InputError
from ..model.desired import AddRemoveSet, Desired, DesiredGroup, DesiredUser, Skipped
from ..model.directory import Group, Snapshot, User
from ..model.names import external_id_key

if TYPE_CHECKING:
    from ..model.removal_policy import RemovalPolicy


Wish: TypeAlias = "DesiredUser | DesiredGroup"


class Collision(NamedTuple):
    """A user or group whose name belongs to another one: as a refusal, and as the reason of what is left out."""

    wish: Wish
    refusal: str
    reason: str


def matched(desired: Desired, current: Snapshot) -> Desired:
    """The same wishes, in which whoever is known by another name says so.

    Raises InputError for users who collide, unless they are to stay as they are.
    """
    exacting = desired.keep_collisions
    users, left = _sorted_out(
        desired.users, current.users_by_external_id, current.users_by_key, desired.others, exacting=exacting
    )
    if exacting:
        desired = _with_the_right_namesakes(desired, current)
        groups, left_groups = _sorted_out(
            desired.groups, current.groups_by_external_id, current.groups_by_key, desired.others, exacting=True
        )
    else:
        groups, left_groups = list(_groups(desired.groups, current)), []
    desired = replace(
        desired,
        users=tuple(user for user in users if isinstance(user, DesiredUser)),
        groups=tuple(group for group in groups if isinstance(group, DesiredGroup)),
    )
    if left_groups:
        desired = _without_groups(left_groups, desired, current)
    return _without_users(left, desired, current) if left else desired


def _sorted_out(
    wishes: Sequence[Wish],
    by_external_id: Mapping[str, User] | Mapping[str, Group],
    by_key: Mapping[str, User] | Mapping[str, Group],
    others: frozenset[str],
    *,
    exacting: bool,
) -> tuple[Sequence[Wish], list[Collision]]:
    """The wishes that can be fulfilled, and those that collide. Raises InputError for one unless the source is `exacting`."""
    left: list[Collision] = []
    while True:
        gone = others | {_external_id(item.wish) for item in left}
        answers = list(_known(wishes, by_external_id, by_key, gone, exacting=exacting))
        collisions = [answer for answer in answers if isinstance(answer, Collision)]
        if not collisions:
            return [answer for answer in answers if not isinstance(answer, Collision)], left
        if not exacting:
            raise InputError(collisions[0].refusal)
        # Whoever waits for one of them to give up a name collides too, which the next round finds.
        left += collisions
        colliding = {item.wish.key for item in collisions}
        wishes = [wish for wish in wishes if wish.key not in colliding]


def _known(
    wishes: Sequence[Wish],
    by_external_id: Mapping[str, User] | Mapping[str, Group],
    by_key: Mapping[str, User] | Mapping[str, Group],
    others: frozenset[str],
    *,
    exacting: bool,
) -> Iterator[Wish | Collision]:
    """Whoever is not there under the wanted name, but under its external id, is renamed and not created a second time.

    A name may have passed from one to another: then who has it now is renamed first, as long as external ids tell both
    apart. Otherwise they collide, since one would get the account of the other; so do two who have exchanged their names.
    An `exacting` source says who somebody is by the external id alone: whoever has an account gets no second one by name.
    """
    movers = {_external_id(wish): wish for wish in wishes if wish.present and _external_id(wish) and not wish.identity}
    others |= {_external_id(wish) for wish in wishes if not wish.present}
    renamed: dict[str, Wish] = {}
    follows: dict[str, str] = {}
    for wish in wishes:
        known = by_external_id.get(_external_id(wish))
        found = by_key.get(wish.key)
        owner = external_id_key(found.external_id) if found is not None else ""
        mover = movers.get(owner)
        moves_away = mover is not None and mover.key != wish.key
        if wish.identity or (known is found and not moves_away):
            yield wish
        elif isinstance(wish, DesiredUser) and not wish.present:
            yield _who_goes(wish, known, found)
        elif found is None:
            yield wish if known is None else replace(wish, identity=_name(known))
        elif moves_away and mover and _external_id(wish):
            follows[wish.key] = mover.key
            renamed[wish.key] = replace(wish, identity=_name(known) if known else None, instead=True)
        elif moves_away and mover:
            yield Collision(wish, f"{_two(wish, _name(mover))} {_PASSED_ON}", _TAKEN)
        elif (known is not None and (owner or exacting)) or (owner and owner in others):
            taken = _TAKEN if isinstance(wish, DesiredUser) else _GROUP_TAKEN
            yield Collision(wish, f"{_two(wish, _name(known or wish))} {_NOT_FREE}", taken)
        else:
            yield wish
    for start, wish in renamed.items():
        at, passed = follows[start], {start}
        while at in follows and at not in passed:
            passed.add(at)
            at = follows[at]
        exchange = f"'{start}' and '{follows[start]}' have exchanged their UPNs. {_PASSED_ON}"
        yield wish if at not in passed else Collision(wish, exchange, _EXCHANGED)


def _who_goes(user: DesiredUser, known: User | Group | None, found: User | Group | None) -> DesiredUser | Collision:
    """Who is to go has perhaps been renamed too; somebody else who has that UPN now is not meant."""
    if known is not None:
        return replace(user, identity=_name(known)) if found is None else replace(user, upn=_name(known))
    if found is None or not found.external_id or not _external_id(user):
        return user
    refusal = (
        f"'{user.upn}' is to be removed, but the account with this UPN on the server has another external_id: "
        f"'{found.external_id}', not '{_external_id(user)}'. Leave external_id out if that account is meant."
    )
    return Collision(user, refusal, _SOMEBODY_ELSE)


def _without_users(left: Sequence[Collision], desired: Desired, current: Snapshot) -> Desired:
    """Whoever collides stays under the present UPN, in groups and roles too, and is not taken for a leaver."""
    accounts = {item.wish.key: current.users_by_external_id.get(_external_id(item.wish)) for item in left}

    def named_now(keys: frozenset[str]) -> frozenset[str]:
        present = (account.key for key, account in accounts.items() if key in keys and account is not None)
        return (keys - accounts.keys()) | frozenset(present)

    def change_now(change: AddRemoveSet | None) -> AddRemoveSet | None:
        if change is None:
            return None
        whole = None if change.set is None else named_now(change.set)
        # A group whose people all wait is not to be emptied meanwhile.
        return (
            None if change.set and not whole else AddRemoveSet(named_now(change.add), named_now(change.remove), whole)
        )

    administrators = change_now(desired.administrators)
    nobody = set() if any(user.present for user in desired.users) else {"users"}
    if administrators is not None and not administrators.wanted:
        nobody.add("administrators")
    return replace(
        desired,
        groups=tuple(replace(group, members=change_now(group.members)) for group in desired.groups),
        administrators=administrators,
        left_out=(*desired.left_out, *(Skipped("user", _name(item.wish), item.reason) for item in left)),
        purge=_sparing(desired.purge, {_external_id(item.wish) for item in left}, nobody),
    )


def _without_groups(left: Sequence[Collision], desired: Desired, current: Snapshot) -> Desired:
    """A group that collides stays as it is, and so does the one whose name it wants."""
    owners = (current.groups_by_key.get(item.wish.key) for item in left)
    spared = {external_id_key(owner.external_id) for owner in owners if owner is not None and owner.external_id}
    spared |= {_external_id(item.wish) for item in left}
    return replace(
        desired,
        left_out=(*desired.left_out, *(Skipped("group", _name(item.wish), item.reason) for item in left)),
        purge=_sparing(desired.purge, spared, set() if desired.groups else {"groups"}),
    )


def _sparing(purge: RemovalPolicy | None, spared: Set[str], empty: Set[str]) -> RemovalPolicy | None:
    """Nothing is purged of a kind of which only what waits is left."""
    return replace(purge, kinds=purge.kinds - empty, spared=purge.spared | spared) if purge else None


def _with_the_right_namesakes(desired: Desired, current: Snapshot) -> Desired:
    """Of two groups of one name the one that is on the server already is meant, whichever comes first at the source."""
    right: dict[str, DesiredGroup] = {}
    for group in desired.same_named_groups:
        found = current.groups_by_key.get(group.key)
        if found is not None and external_id_key(found.external_id) == _external_id(group):
            right[group.key] = group
    if not right:
        return desired
    replaced = {_external_id(group) for group in desired.groups if group.key in right}
    return replace(
        desired,
        groups=tuple(right.get(group.key, group) for group in desired.groups),
        purge=_sparing(desired.purge, replaced, set()),
    )


def _two(wish: Wish, other: str) -> str:
    return f"'{_name(wish)}' is the UPN of one user on the server and of another in the list ('{other}')."


def _name(thing: User | Group | Wish) -> str:
    return thing.upn if isinstance(thing, (User, DesiredUser)) else thing.name


def _external_id(wish: Wish) -> str:
    return external_id_key(wish.fields.get("external_id"))


def _groups(groups: Sequence[DesiredGroup], current: Snapshot) -> Iterator[DesiredGroup]:
    """Groups of a list. A name that another group of the list has stays with that one: groups have no accounts to lose."""
    named = {group.key for group in groups}
    for group in groups:
        external_id = _external_id(group)
        known = current.groups_by_external_id.get(external_id) if external_id else None
        if known is None or group.identity or group.key in current.groups_by_key or known.key in named:
            yield group
        else:
            yield replace(group, identity=known.name)


_PASSED_ON = (
    "One of them would get the account of the other. First rename the user who has the external id, in a separate task "
    "(w365_user with identity); then give the whole list again."
)

_NOT_FREE = (
    "One of them would get the account of the other. Rename the account that has the UPN, or delete it permanently (w365_user); "
    "then give the whole list again."
)

_TAKEN = (
    "has a UPN that belongs to the account of somebody else, so both were left unchanged; rename that account, or delete it "
    "permanently (w365_user)"
)

_GROUP_TAKEN = "has a name that another group has in Workspace 365, so both were left unchanged; rename or delete that group (w365_group)"

_EXCHANGED = (
    "has exchanged the name with another one, so both were left unchanged; rename one of the two (w365_user or "
    "w365_group with identity)"
)

_SOMEBODY_ELSE = "is to be removed, but the account with that UPN belongs to somebody else and was left unchanged"
