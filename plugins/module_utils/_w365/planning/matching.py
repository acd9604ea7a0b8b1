# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Matches desired objects with those of a whole directory: by UPN or name, otherwise by external id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from ..errors import InputError
from ..model.desired import AddRemoveSet, Desired, DesiredGroup, DesiredUser, Skipped
from ..model.directory import Group, Snapshot, User
from ..model.names import external_id_key
from .lookup import the_only_one

if TYPE_CHECKING:
    from ..model.removal_policy import RemovalPolicy


DesiredObject: TypeAlias = "DesiredUser | DesiredGroup"


Wanted = TypeVar("Wanted", DesiredUser, DesiredGroup)


class Collision(NamedTuple):
    """A user or group whose name belongs to another one. `refusal` is an error message, `reason` that of a skipped object."""

    desired: DesiredObject
    refusal: str
    reason: str


def matched(desired: Desired, current: Snapshot) -> Desired:
    """The same with `identity` for every object that the directory has under another name.

    Raises InputError for users who collide, unless `keep_collisions` skips them.
    """
    strict = desired.keep_collisions
    users, left = _without_collisions(
        list(_of_shared_names(desired.users, current)),
        current.users_by_external_id,
        current.users_by_key,
        desired.others,
        strict=strict,
    )
    if strict:
        desired = _with_existing_namesakes(desired, current)
    desired = desired._replace(groups=tuple(_of_shared_names(desired.groups, current)))
    if strict:
        groups, left_groups = _without_collisions(
            desired.groups, current.groups_by_external_id, current.groups_by_key, desired.others, strict=True
        )
    else:
        groups, left_groups = list(_groups(desired.groups, current)), []
    desired = desired._replace(
        users=tuple(user for user in users if isinstance(user, DesiredUser)),
        groups=tuple(group for group in groups if isinstance(group, DesiredGroup)),
    )
    if left_groups:
        desired = _without_groups(left_groups, desired, current)
    return _without_users(left, desired, current) if left else desired


def _of_shared_names(objects: Iterable[Wanted], current: Snapshot) -> Iterator[Wanted]:
    """Of two objects of one name on the server, the external id decides which one is meant. Raises InputError otherwise."""
    for wanted in objects:
        is_user = isinstance(wanted, DesiredUser)
        named: Sequence[Any] = current.users_named(wanted.key) if is_user else current.groups_named(wanted.key)
        if len(named) > 1 and not wanted.identity:
            known = (current.users_by_external_id if is_user else current.groups_by_external_id).get(
                _external_id(wanted)
            )
            if known not in named:
                the_only_one("user" if is_user else "group", _name(wanted), named)
            yield wanted._replace(identity=known.id if known else None)
        else:
            yield wanted


def _without_collisions(
    objects: Sequence[DesiredObject],
    by_external_id: Mapping[str, User] | Mapping[str, Group],
    by_key: Mapping[str, User] | Mapping[str, Group],
    others: frozenset[str],
    *,
    strict: bool,
) -> tuple[Sequence[DesiredObject], list[Collision]]:
    """The objects without collisions, and the collisions. Raises InputError for a collision unless `strict`."""
    left: list[Collision] = []
    while True:
        gone = others | {_external_id(item.desired) for item in left}
        answers = list(_matched_objects(objects, by_external_id, by_key, gone, strict=strict))
        collisions = [answer for answer in answers if isinstance(answer, Collision)]
        if not collisions:
            return [answer for answer in answers if not isinstance(answer, Collision)], left
        if not strict:
            raise InputError(collisions[0].refusal)
        # An object that needs the name of one of them collides too, which the next round finds.
        left += collisions
        colliding = {item.desired.key for item in collisions}
        objects = [wanted for wanted in objects if wanted.key not in colliding]


def _matched_objects(
    objects: Sequence[DesiredObject],
    by_external_id: Mapping[str, User] | Mapping[str, Group],
    by_key: Mapping[str, User] | Mapping[str, Group],
    others: frozenset[str],
    *,
    strict: bool,
) -> Iterator[DesiredObject | Collision]:
    """An object that exists under its external id, but not under its new name, is renamed and not created again.

    A name may now belong to another object of the source. Then its current owner is renamed first, if external ids identify
    both. Otherwise they collide, since one would get the account of the other; so do two that have exchanged their names.
    With `strict` only external ids identify an object: one that has an account is never matched with another by name.
    """
    ids = [_external_id(wanted) for wanted in objects]
    shared = {id for id, count in Counter(ids).items() if count > 1}
    # An external id that two of them share identifies neither, so nobody has got the name of the other.
    movers = {
        id: wanted
        for id, wanted in zip(ids, objects, strict=True)
        if wanted.present and id and not wanted.identity and id not in shared
    }
    others |= {_external_id(wanted) for wanted in objects if not wanted.present}
    renamed: dict[str, DesiredObject] = {}
    follows: dict[str, str] = {}
    for wanted in objects:
        known = by_external_id.get(_external_id(wanted))
        found = by_key.get(wanted.key)
        owner = external_id_key(found.external_id) if found is not None else ""
        mover = movers.get(owner) if by_external_id.get(owner) is found else None
        moves_away = mover is not None and mover.key != wanted.key
        if wanted.identity or (known is found and not moves_away):
            yield wanted
        elif isinstance(wanted, DesiredUser) and not wanted.present:
            yield _matched_removal(wanted, known, found)
        elif found is None:
            yield wanted if known is None else wanted._replace(identity=_name(known))
        elif moves_away and mover and _external_id(wanted):
            follows[wanted.key] = mover.key
            renamed[wanted.key] = wanted._replace(identity=_name(known) if known else None, takes_name=True)
        elif moves_away and mover:
            yield Collision(wanted, f"{_shared_upn(wanted, _name(mover))} {_RENAME_FIRST}", _TAKEN)
        elif (known is not None and (owner or strict)) or (owner and owner in others):
            taken = _TAKEN if isinstance(wanted, DesiredUser) else _GROUP_TAKEN
            yield Collision(wanted, f"{_shared_upn(wanted, _name(known or wanted))} {_FREE_THE_UPN}", taken)
        else:
            yield wanted
    for start, wanted in renamed.items():
        at, passed = follows[start], {start}
        while at in follows and at not in passed:
            passed.add(at)
            at = follows[at]
        exchange = f"'{start}' and '{follows[start]}' have exchanged their UPNs. {_RENAME_FIRST}"
        yield wanted if at not in passed else Collision(wanted, exchange, _EXCHANGED)


def _matched_removal(
    user: DesiredUser, known: User | Group | None, found: User | Group | None
) -> DesiredUser | Collision:
    """A user to remove may have been renamed; another account with that UPN is not removed."""
    if known is not None:
        return user._replace(identity=_name(known)) if found is None else user._replace(upn=_name(known))
    if found is None or not found.external_id or not _external_id(user):
        return user
    refusal = (
        f"'{user.upn}' is to be removed, but the account with this UPN on the server has another external_id: "
        f"'{found.external_id}', not '{_external_id(user)}'. Leave external_id out if that account is meant."
    )
    return Collision(user, refusal, _OTHER_ACCOUNT)


def _without_users(left: Sequence[Collision], desired: Desired, current: Snapshot) -> Desired:
    """Users who collide keep their current UPN, groups and role, and are not purged."""
    accounts = {item.desired.key: current.users_by_external_id.get(_external_id(item.desired)) for item in left}

    def named_now(keys: frozenset[str]) -> frozenset[str]:
        present = (account.key for key, account in accounts.items() if key in keys and account is not None)
        return (keys - accounts.keys()) | frozenset(present)

    def change_now(change: AddRemoveSet | None) -> AddRemoveSet | None:
        if change is None:
            return None
        whole = None if change.set is None else named_now(change.set)
        # A group whose members all collide must not be emptied.
        return (
            None if change.set and not whole else AddRemoveSet(named_now(change.add), named_now(change.remove), whole)
        )

    administrators = change_now(desired.administrators)
    nobody = set() if any(user.present for user in desired.users) else {"users"}
    if administrators is not None and not administrators.wanted:
        nobody.add("administrators")
    return desired._replace(
        groups=tuple(group._replace(members=change_now(group.members)) for group in desired.groups),
        administrators=administrators,
        skipped=(*desired.skipped, *(Skipped("user", _name(item.desired), item.reason) for item in left)),
        purge=_purge_sparing(desired.purge, {_external_id(item.desired) for item in left}, nobody),
    )


def _without_groups(left: Sequence[Collision], desired: Desired, current: Snapshot) -> Desired:
    """A group that collides is not changed, and neither is the group that has its new name."""
    owners = (current.groups_by_key.get(item.desired.key) for item in left)
    spared = {external_id_key(owner.external_id) for owner in owners if owner is not None and owner.external_id}
    spared |= {_external_id(item.desired) for item in left}
    return desired._replace(
        skipped=(*desired.skipped, *(Skipped("group", _name(item.desired), item.reason) for item in left)),
        purge=_purge_sparing(desired.purge, spared, set() if desired.groups else {"groups"}),
    )


def _purge_sparing(purge: RemovalPolicy | None, spared: Set[str], empty: Set[str]) -> RemovalPolicy | None:
    """The purge without the `spared` objects, and without the kinds of which the task now lists nothing (`empty`)."""
    return replace(purge, kinds=purge.kinds - empty, spared=purge.spared | spared) if purge else None


def _with_existing_namesakes(desired: Desired, current: Snapshot) -> Desired:
    """Of two groups with one name the one that exists on the server is managed, whichever comes first in the source."""
    right: dict[str, DesiredGroup] = {}
    for group in desired.same_named_groups:
        found = current.groups_by_key.get(group.key)
        if found is not None and external_id_key(found.external_id) == _external_id(group):
            right[group.key] = group
    if not right:
        return desired
    replaced = {_external_id(group) for group in desired.groups if group.key in right}
    return desired._replace(
        groups=tuple(right.get(group.key, group) for group in desired.groups),
        purge=_purge_sparing(desired.purge, replaced, set()),
    )


def _shared_upn(wanted: DesiredObject, other: str) -> str:
    return f"'{_name(wanted)}' is the UPN of one user on the server and of another in the list ('{other}')."


def _name(thing: User | Group | DesiredObject) -> str:
    return thing.upn if isinstance(thing, (User, DesiredUser)) else thing.name


def _external_id(wanted: DesiredObject) -> str:
    return external_id_key(wanted.fields.get("external_id"))


def _groups(groups: Sequence[DesiredGroup], current: Snapshot) -> Iterator[DesiredGroup]:
    """Groups of a list. A group whose current name is listed for another group is not renamed."""
    named = {group.key for group in groups}
    for group in groups:
        external_id = _external_id(group)
        known = current.groups_by_external_id.get(external_id) if external_id else None
        if known is None or group.identity or group.key in current.groups_by_key or known.key in named:
            yield group
        else:
            yield group._replace(identity=known.name)


_RENAME_FIRST = (
    "One of them would get the account of the other. First rename the user who has the external id, in a separate task "
    "(w365_user with identity); then give the whole list again."
)

_FREE_THE_UPN = (
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

_OTHER_ACCOUNT = "is to be removed, but the account with that UPN belongs to somebody else and was left unchanged"
