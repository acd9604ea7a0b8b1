# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the removal of unlisted objects: only in a scope, never more than a limit, never a protected account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import GuardError, InputError
from ..model.desired import Desired, DesiredGroup, DesiredUser, Skipped
from ..model.directory import UNRESOLVED, Group, Snapshot, User
from .last_administrator import names_somebody_present, why_unknown
from .lookup import find_existing

if TYPE_CHECKING:
    from ..model.removal_policy import RemovalLimit, RemovalPolicy, RemovalScope


KINDS = ("users", "groups", "memberships", "administrators")
"""What can be purged: the choices of the option."""

NAMES_SHOWN = 10
"""The number of names in the message; the result has all of them."""


@dataclass(frozen=True)
class Removals:
    """The objects to remove. `spared` were kept by a guard."""

    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    spared: tuple[Skipped, ...] = ()


@dataclass(frozen=True)
class Named:
    """What the task lists: keys of users and groups, the current group by the key of each desired one, the new keys of
    renamed users by their old ones, and the active users that it deletes."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    group_of: Mapping[str, Group] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    deleted: tuple[User, ...] = ()


class _LimitCheck:
    """Counts the removals of every kind; `close` raises GuardError when they exceed the limit of one."""

    def __init__(self, limit: RemovalLimit, option: str) -> None:
        self._limit = limit
        self._option = option
        self._refused: dict[str, tuple[list[str], int, int]] = {}

    def add(self, kind: str, removed: Iterable[str], in_scope: int) -> None:
        names = list(removed)
        allowed = self._limit.of(in_scope)
        if len(names) > allowed:
            self._refused[kind] = (names, in_scope, allowed)

    def close(self) -> None:
        if not self._refused:
            return
        refusals = " ".join(
            f"{len(names)} of {in_scope} {kind} in scope would be removed, which exceeds the limit of {allowed}: {_shown(names)}."
            for kind, (names, in_scope, allowed) in self._refused.items()
        )
        raise GuardError(
            f"Refused, and nothing was written: {self._option} is {self._limit}. {refusals} If this is intended, raise {self._option} "
            "for this run; otherwise check what is missing at the source.",
            would_go={kind: names for kind, (names, _in_scope, _allowed) in self._refused.items()},
        )


def with_removals(desired: Desired, current: Snapshot) -> tuple[Desired, Removals]:
    """The desired state with the removals of memberships and roles by the purge, and the users and groups that it removes.

    Raises InputError for a purge whose lists are empty or whose scope does not apply to its kind, and GuardError when the
    limit would be exceeded, or the administrators cannot be read.
    """
    purge = desired.purge
    if purge is None:
        return desired, Removals()
    named = _named(desired, current)
    _refuse_empty_lists(desired, purge)
    _refuse_scopeless(purge)
    wanted, removals = _with_removals(desired, current, named, purge)
    if purge.counts_named and (last := _all_administrators(wanted, removals, current)):
        # That an administrator has left Microsoft Entra does not mean that the environment needs none.
        purge = replace(purge, spared=purge.spared | last)
        wanted, removals = _with_removals(desired, current, named, purge)
        skipped = (
            Skipped("user", key, "is one of the last active administrators, and keeps the role") for key in sorted(last)
        )
        removals = replace(removals, spared=(*removals.spared, *skipped))
    return wanted, removals


def _named(desired: Desired, current: Snapshot) -> Named:
    """Everything that the task lists anywhere. A purge does not remove it."""
    found_as = {user.key: found.key for user in desired.users if (found := find_existing(user, current)) is not None}
    users = {user.key for user in desired.users} | set(found_as.values())
    users |= {key for group in desired.groups if group.members is not None for key in group.members.named}
    if desired.administrators is not None:
        users |= desired.administrators.named
    groups = {group.key: found for group in desired.groups if (found := find_existing(group, current)) is not None}
    deleted = [find_existing(user, current) for user in desired.users if not user.present]
    return Named(
        frozenset(users),
        frozenset(groups) | {found.key for found in groups.values()},
        groups,
        {old: new for new, old in found_as.items() if new != old},
        tuple(user for user in deleted if user is not None and user.active is not False),
    )


def _all_administrators(wanted: Desired, removals: Removals, current: Snapshot) -> frozenset[str]:
    """All administrators, when all of them would be removed and none is added; otherwise nobody."""
    change = wanted.administrators
    if not current.administrators or (change is not None and change.wanted):
        return frozenset()
    removed = {user.key for user in removals.users} | (change.remove if change is not None else frozenset())
    for user in wanted.users:
        account = _account(user, current)
        # A renamed user is removed from the role under its new name.
        if account is not None and (not user.present or user.key in removed):
            removed |= {account.key}
    return current.administrators if current.administrators <= removed else frozenset()


def _account(user: DesiredUser, current: Snapshot) -> User | None:
    account: User | None = find_existing(user, current)
    return account


def _with_removals(desired: Desired, current: Snapshot, named: Named, purge: RemovalPolicy) -> tuple[Desired, Removals]:
    spared = _Spared(desired.protected, current, named.renamed)
    if purge.counts_named:
        # Guards also apply to the users that the source itself deletes.
        keep = {
            account.key
            for account in named.deleted
            if spared.keeps("user", account.key, account.upn) or purge.spares(account)
        }
        desired = desired._replace(
            users=tuple(
                user
                for user in desired.users
                if user.present or (account := _account(user, current)) is None or account.key not in keep
            ),
        )
        named = replace(named, deleted=tuple(account for account in named.deleted if account.key not in keep))
    counted = _LimitCheck(purge.limit, purge.option)
    scoped_users = _UserScope(purge.scope, current)
    users: tuple[User, ...] = ()
    groups: tuple[Group, ...] = ()
    in_scope = [user for user in current.users if user.active is not False and scoped_users.contains(user.key)]
    if "users" in purge.kinds:
        users = tuple(
            user
            for user in in_scope
            if user.key not in named.users and not spared.keeps("user", user.key, user.upn) and not purge.spares(user)
        )
        if users or not purge.counts_named:
            _refuse_unknown_administrators(desired, current)
    removed = (*users, *(named.deleted if purge.counts_named else ()))
    # Users that the task lists count as in scope, also before the first run has recorded their origin.
    known = {user.key for user in in_scope} | (named.users if purge.counts_named else frozenset())
    counted.add(
        "users",
        (user.upn for user in removed),
        sum(user.active is not False and user.key in known for user in current.users),
    )
    if "groups" in purge.kinds:
        groups_in_scope = [group for group in current.groups if _group_fits(group, purge.scope)]
        groups = tuple(group for group in groups_in_scope if group.key not in named.groups and not purge.spares(group))
        counted.add("groups", (group.name for group in groups), len(groups_in_scope))
    if "memberships" in purge.kinds:
        desired = _with_membership_removals(desired, named, scoped_users, spared, counted)
    if "administrators" in purge.kinds:
        desired = _with_administrator_removals(desired, current, named, scoped_users, spared, counted, purge)
    counted.close()
    return desired, Removals(users, groups, tuple(spared.skipped))


class _Spared:
    """Accounts that no purge removes: the protected ones, and the primary administrator. `skipped` collects them."""

    def __init__(self, protected: frozenset[str], current: Snapshot, renamed: Mapping[str, str]) -> None:
        # A user that the same task renames is protected under both names.
        self._protected = protected | {old for old, new in renamed.items() if new in protected}
        self._primary = current.primary_administrator
        self.skipped: list[Skipped] = []

    def keeps(self, kind: str, key: str, name: str) -> bool:
        if key in self._protected:
            self.skipped.append(Skipped(kind, name, "is in protected_users, so the purge left it unchanged"))
        elif key == self._primary and kind != "membership":
            reason = "is the primary administrator by its id, so the purge left it unchanged"
            self.skipped.append(Skipped(kind, name, reason))
        else:
            return False
        return True


class _UserScope:
    """Whether a user, identified by its key, is in scope."""

    def __init__(self, scope: RemovalScope | None, current: Snapshot) -> None:
        self._scope = scope
        self._current = current
        chosen = [group for group in current.groups if scope and scope.group_named(group.name)]
        self._members = frozenset(key for group in chosen for key in group.members or ())

    def contains(self, key: str) -> bool:
        scope = self._scope
        if scope is None:
            return True
        user = self._current.users_by_key.get(key)
        return (
            (not scope.domains or key.rpartition("@")[2] in scope.domains)
            and (not scope.groups or key in self._members)
            and scope.origin_fits(user.external_id if user is not None else None)
        )


def _group_fits(group: Group, scope: RemovalScope | None) -> bool:
    return (
        scope is not None
        and (not scope.groups or scope.group_named(group.name))
        and scope.origin_fits(group.external_id)
    )


def _with_membership_removals(
    desired: Desired, named: Named, scoped_users: _UserScope, spared: _Spared, counted: _LimitCheck
) -> Desired:
    groups: list[DesiredGroup] = []
    removed: list[str] = []
    in_scope = 0
    for wanted in desired.groups:
        found = named.group_of.get(wanted.key)
        change = wanted.members
        if found is None or change is None or not wanted.present or change.set is not None:
            groups.append(wanted)
            continue
        fitting = [
            (key, named.renamed.get(key, key))
            for key in sorted(found.members or ())
            if not key.startswith(UNRESOLVED) and scoped_users.contains(key)
        ]
        dropped = [
            new
            for key, new in fitting
            if new not in change.named and not spared.keeps("membership", key, f"{found.name}: {new}")
        ]
        in_scope += len(fitting)
        removed += [f"{found.name}: {key}" for key in dropped]
        groups.append(wanted._replace(members=change._replace(remove=change.remove | frozenset(dropped))))
    counted.add("memberships", removed, in_scope)
    return desired._replace(groups=tuple(groups))


def _with_administrator_removals(
    desired: Desired,
    current: Snapshot,
    named: Named,
    scoped_users: _UserScope,
    spared: _Spared,
    counted: _LimitCheck,
    purge: RemovalPolicy,
) -> Desired:
    change = desired.administrators
    if current.roles_problem is not None and current.administrators is None:
        if desired.when_administrators_unknown == "warn":
            # Nobody whom the task does not name loses the role without knowing; the guard warns.
            return desired
        raise GuardError(
            "Refused to purge administrators: it could not be read who is one, so it is unknown who would lose the role. "
            f"{why_unknown(current.roles_problem)} Nothing was written. Fix the cause, or leave administrators out of purge.",
            **current.roles_problem.details,
        )
    if change is None or current.administrators is None:
        raise InputError(
            "Option purge has administrators, and the administrators of this environment could not be read, so it is "
            "unknown who would lose the role. Give instance_url and provisioning_key, or leave administrators out of purge."
        )
    if change.set is not None:
        # With `set`, everybody who is not listed loses the role anyway.
        return desired
    wanted = change.named | {user.key for user in desired.users if user.fields.get("administrator") is not None}
    # Guards use current names, and the plan uses new ones.
    fitting = [
        (key, named.renamed.get(key, key)) for key in sorted(current.administrators) if scoped_users.contains(key)
    ]
    removed = [
        new
        for key, new in fitting
        if new not in wanted
        and not spared.keeps("administrator", key, key)
        and not ((account := current.users_by_key.get(key)) is not None and purge.spares(account))
    ]
    counted.add("administrators", removed, len(fitting))
    return desired._replace(administrators=change._replace(remove=change.remove | frozenset(removed)))


def _refuse_empty_lists(desired: Desired, purge: RemovalPolicy) -> None:
    """An empty list is more often a broken export than a request to remove everything."""
    given = {
        "users": any(user.present for user in desired.users),
        "groups": any(group.present for group in desired.groups),
        "memberships": any(group.present and group.members is not None for group in desired.groups),
        "administrators": desired.administrators is not None and bool(desired.administrators.wanted),
    }
    missing = [kind for kind in KINDS if kind in purge.kinds and not given[kind]]
    if missing:
        what = {"memberships": "group with members", "administrators": "administrator"}
        kind = what.get(missing[0], missing[0].removesuffix("s"))
        raise InputError(
            f"Option purge has {missing[0]}, and the lists and files contain no {kind} to keep. Nothing was changed: an "
            f"empty list is more often a broken export than intended. List those to keep, or leave {missing[0]} out of purge."
        )


def _refuse_scopeless(purge: RemovalPolicy) -> None:
    scope = purge.scope
    if scope is None:
        needing = [kind for kind in ("users", "groups") if kind in purge.kinds]
        if needing:
            raise InputError(
                f"Option purge has {needing[0]} and needs a purge_scope: domains, groups or external_id_prefix say which "
                f"{needing[0]} these lists manage. Without one, {needing[0]} that are managed elsewhere would be removed."
            )
    elif "groups" in purge.kinds and not (scope.groups or scope.external_id_prefix or scope.from_entra):
        raise InputError(
            "Option purge has groups, and purge_scope has only domains, which do not apply to groups. Give purge_scope "
            "groups (names, in which * matches any text) or external_id_prefix."
        )


def _refuse_unknown_administrators(desired: Desired, current: Snapshot) -> None:
    """Where the administrators cannot be read, the task must at least protect one of the users."""
    if current.administrators is not None or current.roles_problem or desired.when_administrators_unknown == "warn":
        return
    refuse = desired.when_administrators_unknown == "refuse"
    if refuse or not names_somebody_present(desired.protected, current):
        way_out = (
            "leave out when_administrators_unknown=refuse" if refuse else "list the administrators in protected_users"
        )
        raise GuardError(
            "Refused to purge users: this connection cannot show who is an administrator, so the last one might be "
            f"removed. Nothing was written. Give instance_url and provisioning_key, or {way_out}."
        )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more, see would_go" if len(names) > NAMES_SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN]) + more
