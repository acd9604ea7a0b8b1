# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the business: desired x current x policy -> plan.

Pure: no HTTP, no Ansible, no clock. Diff, counts, guards and check mode are read off the plan, so they cannot
disagree with what is done.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import GuardError, InputError
from .model import (
    GROUP_FIELDS,
    UNRESOLVED,
    USER_FIELDS,
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
    Group,
    LeftOut,
    Snapshot,
    User,
    difference,
    folded,
    with_fields,
)

if TYPE_CHECKING:
    from .purge import Leavers, Named

PHASES = (
    ("environment", ("create", "delete")),
    ("environment", ("activate", "deactivate")),
    ("sso", ("write",)),
    # A name must be free before somebody else can get it, so renames come first, whatever else they do.
    ("user", ("update",)),
    ("user", ("restore", "create")),
    ("group", ("update",)),
    ("group", ("create",)),
    ("membership", ("change",)),
    ("administrator", ("grant",)),
    ("administrator", ("revoke",)),
    ("group", ("delete",)),
    ("user", ("delete", "delete_permanently")),
)
"""What is done after what. Inside a phase the order does not matter, but for names that pass on: see `Plan.phases`."""


class Abilities(NamedTuple):
    """What a directory can hold. `fields_of` maps "user" and "group" to the names of the fields it reads and writes,
    `extras` are the write-only values it takes, `ways_out` says for a field what to do where it is not supported."""

    wire: str
    user_fields: frozenset[str]
    group_fields: frozenset[str]
    extras: frozenset[str] = frozenset()
    permanent_deletion: bool = True
    ways_out: Mapping[str, str] = {}


@dataclass(frozen=True)
class Action:
    """One change of one object.

    `before` and `after` are the object's shown fields (None where it does not exist), `subject` the object as it is
    now and `outcome` as it will be. `extras` are write-only values: they are sent and never shown. `purged` marks what goes
    because nobody named it.
    """

    kind: str
    verb: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    subject: Any = None
    outcome: Any = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    purged: bool = False

    @property
    def renames(self) -> bool:
        """Whether a user or group gives up its name for another."""
        both = self.kind in ("user", "group") and self.subject is not None and self.outcome is not None
        return both and self.outcome.key != self.subject.key

    @property
    def phase(self) -> int:
        verb = "update" if self.renames else self.verb
        return next(n for n, (kind, verbs) in enumerate(PHASES) if kind == self.kind and verb in verbs)

    @property
    def deed(self) -> str:
        """What is done, for a sentence: "create user 'a@b.c'"."""
        return (
            f"{VERBS[self.verb]} {self.kind} '{self.name}'"
            if self.kind != "membership"
            else f"change the members of group '{self.name}'"
        )


VERBS = {
    "create": "create",
    "restore": "restore",
    "update": "change",
    "delete": "delete",
    "delete_permanently": "permanently delete",
    "change": "change",
    "grant": "grant the role of",
    "revoke": "revoke the role of",
    "activate": "activate",
    "deactivate": "deactivate",
    "write": "write",
}


@dataclass(frozen=True)
class Plan:
    """Actions in the order of their phases, and what stays as it is."""

    actions: tuple[Action, ...] = ()
    unchanged: tuple[tuple[str, str], ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    compared: bool = True
    """False when the server could not show what is there now; a note then says what that means."""

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def phases(self) -> Iterator[tuple[Action, ...]]:
        """The actions of each phase that has any. One in which names pass on comes in as many pieces as that takes."""
        found: dict[int, list[Action]] = {}
        for action in self.actions:
            found.setdefault(action.phase, []).append(action)
        for number in sorted(found):
            yield from _as_names_become_free(found[number])

    def summary(self) -> dict[str, int]:
        """How many objects get which treatment, such as {"user_create": 3, "unchanged": 20}."""
        counts: dict[str, int] = {}
        for action in self.actions:
            name = f"{action.kind}_{action.verb}"
            counts[name] = counts.get(name, 0) + 1
        counts["unchanged"] = len(self.unchanged)
        counts["left_out"] = len(self.left_out)
        return counts

    def diff(self) -> dict[str, Any]:
        """Before and after of what changes, for Ansible's diff mode."""
        before: dict[str, Any] = {}
        after: dict[str, Any] = {}
        for action in self.actions:
            label = f"{action.kind} {action.name}"
            if action.before is not None:
                before.setdefault(label, {}).update(action.before)
            if action.after is not None:
                after.setdefault(label, {}).update(action.after)
        return {"before": before, "after": after}


def _as_names_become_free(waiting: Sequence[Action]) -> Iterator[tuple[Action, ...]]:
    """Whoever gets the name of another waits until that one has given it up. Exchanges are refused before."""
    while waiting:
        taken = {action.subject.key for action in waiting if action.renames}
        late = [action for action in waiting if action.renames and action.outcome.key in taken]
        if not late or len(late) == len(waiting):
            yield tuple(waiting)
            return
        later = set(map(id, late))
        yield tuple(action for action in waiting if id(action) not in later)
        waiting = late


# Users, groups, memberships and administrators


def make_plan(desired: Desired, current: Snapshot, abilities: Abilities, *, assume_missing: bool = False) -> Plan:
    """What has to be done so that `current` becomes `desired`.

    With `assume_missing`, users who should be members or administrators and do not exist are taken to be created by an
    earlier task: check mode cannot see what that task would have done.

    Raises InputError when the input contradicts itself or asks for what the directory cannot hold, and GuardError
    when the environment would be left without an active administrator, a protected account would go, or a purge would
    take more than its limit. All come before any write.
    """
    _refuse_duplicates(desired)
    if desired.whole:
        # Imported here, since single objects are known by their names: see module.py.
        from .recognition import recognised

        desired = recognised(desired, current)
    _refuse_two_for_one(desired, current)
    _refuse_role_contradictions(desired)
    leavers: Leavers | None = None
    if desired.purge:
        # Imported here, since few tasks purge: see module.py.
        from .purge import with_leavers

        desired, leavers = with_leavers(desired, current, _named(desired, current))
    users = _joined(
        [
            *(_plan_user(user, current, abilities) for user in sorted(desired.users, key=lambda u: u.key)),
            *(_plan_leaver(user) for user in (leavers.users if leavers else ())),
        ]
    )
    # Members are named as they are called when it is their turn: after the renames.
    renamed = after(current, users)
    groups = [
        *(_plan_group(group, renamed, abilities) for group in sorted(desired.groups, key=lambda g: g.key)),
        *(Plan(actions=(_group_deletion(group, purged=True),)) for group in (leavers.groups if leavers else ())),
    ]
    so_far = _joined([users, *groups])
    read = current
    current, assumed = _with_missing_users(desired, current, after(current, so_far), assume_missing)
    inactive: tuple[LeftOut, ...] = ()
    if desired.administrators is not None:
        predicted = after(current, so_far)
        change = desired.administrators
        if desired.collisions_stay:
            change, inactive = _without_inactive(change, predicted)
        so_far = _joined([so_far, _plan_administrators(change, predicted)])
    so_far = replace(so_far, notes=(*so_far.notes, *assumed, *(leavers.notes if leavers else ())))
    guard(read, so_far, desired.protected)
    return replace(so_far, left_out=(*desired.left_out, *inactive, *(leavers.kept if leavers else ())))


def guard(current: Snapshot, plan: Plan, protected: frozenset[str] = frozenset()) -> None:
    """What no plan may do, whoever made it. Raises GuardError."""
    _guard_protected(protected, plan)
    _guard_last_administrator(current, plan)


def _named(desired: Desired, current: Snapshot) -> Named:
    """Everybody who is named anywhere in a task stays what the task says, and is not there for a purge to take."""
    from .purge import Named

    found_as = {user.key: found.key for user in desired.users if (found := existing(user, current)) is not None}
    people = {user.key for user in desired.users} | set(found_as.values())
    people |= {key for group in desired.groups if group.members is not None for key in group.members.named}
    if desired.administrators is not None:
        people |= desired.administrators.named
    groups = {group.key: found for group in desired.groups if (found := existing(group, current)) is not None}
    leaving = [existing(user, current) for user in desired.users if not user.present]
    return Named(
        frozenset(people),
        frozenset(groups) | {found.key for found in groups.values()},
        groups,
        {old: new for new, old in found_as.items() if new != old},
        tuple(user for user in leaving if user is not None and user.active is not False),
    )


def _with_missing_users(
    desired: Desired, current: Snapshot, predicted: Snapshot, assume: bool
) -> tuple[Snapshot, tuple[str, ...]]:
    """Whoever is to be put into a group or to become an administrator must exist by then."""
    known = {user.key for user in predicted.users}
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
        absent = sorted(key for key in change.wanted - known if not key.startswith(UNRESOLVED))
        if not absent:
            continue
        names = ", ".join(f"'{key}'" for key in absent)
        told = f"User {names} does" if len(absent) == 1 else f"Users {names} do"
        if not assume:
            raise InputError(
                f"{told} not exist in this environment and cannot become {role}. Create the user first, or check the spelling."
            )
        notes.append(
            f"{told} not exist yet and should become {role}. Check mode takes it that an earlier task creates them."
        )
        missing |= set(absent)
    users = current.users + tuple(User(upn=key) for key in sorted(missing))
    return replace(current, users=users), tuple(notes)


def _joined(plans: Iterable[Plan]) -> Plan:
    """One plan of several, with the actions in the order of their phases."""
    plans = list(plans)
    together = Plan(tuple(sorted((action for plan in plans for action in plan.actions), key=lambda a: folded(a.name))))
    return Plan(
        actions=tuple(action for phase in together.phases() for action in phase),
        unchanged=tuple(item for plan in plans for item in plan.unchanged),
        notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
        compared=all(plan.compared for plan in plans),
    )


def _refuse_duplicates(desired: Desired) -> None:
    for kind, things in (("user", desired.users), ("group", desired.groups)):
        seen: dict[str, str] = {}
        for thing in things:
            shown = thing.upn if isinstance(thing, DesiredUser) else thing.name
            if thing.key in seen:
                also = (
                    "" if seen[thing.key] == shown else f" (as {seen[thing.key]!r} and {shown!r}; case does not count)"
                )
                raise InputError(f"The {kind} {shown!r} is named twice{also}. Name every {kind} once.")
            seen[thing.key] = shown


def _refuse_two_for_one(desired: Desired, current: Snapshot) -> None:
    """Two entries that lead to one object, one of them by `identity`, would undo each other on every run."""
    kinds: tuple[tuple[str, Sequence[DesiredUser | DesiredGroup]], ...] = (
        ("user", desired.users),
        ("group", desired.groups),
    )
    for kind, things in kinds:
        seen: dict[str, str] = {}
        for thing in sorted(things, key=lambda t: t.key):
            found = existing(thing, current)
            if found is None:
                continue
            shown = thing.upn if isinstance(thing, DesiredUser) else thing.name
            if found.key in seen:
                raise InputError(
                    f"{seen[found.key]!r} and {shown!r} both lead to the {kind} {found.key!r}, one of them by identity. "
                    f"Name every {kind} once."
                )
            seen[found.key] = shown


def _refuse_role_contradictions(desired: Desired) -> None:
    """The role of one person may be asked for in two places, but not differently."""
    change = desired.administrators
    for user in sorted(desired.users, key=lambda u: u.key) if change is not None else ():
        role = user.fields.get("administrator")
        if not user.present or role is None or change is None:
            continue
        elsewhere = user.key in change.set if change.set is not None else user.key in change.add
        silent = change.set is None and user.key not in change.named
        if not silent and elsewhere is not role:
            raise InputError(
                f"User '{user.upn}' has administrator={str(role).lower()}, and the administrators say the opposite. "
                "Say it in one place."
            )


def _find_user(current: Snapshot, name: str) -> User | None:
    """By UPN without regard to case, or by the server's id."""
    return current.users_by_key.get(folded(name)) or current.users_by_id.get(name)


def _find_group(current: Snapshot, name: str) -> Group | None:
    return current.groups_by_key.get(folded(name)) or current.groups_by_id.get(name)


def _plan_user(wanted: DesiredUser, current: Snapshot, abilities: Abilities) -> Plan:
    _refuse_unsupported(
        "user",
        wanted.upn,
        _given(wanted.fields, wanted.initial, wanted.extras),
        abilities.user_fields | abilities.extras,
        abilities,
    )
    found = existing(wanted, current)
    if not wanted.present:
        return _plan_user_deletion(wanted, found, abilities)
    if found is None:
        return _plan_user_creation(wanted, abilities)
    if not found.readable:
        return Plan(
            unchanged=(("user", wanted.upn),),
            notes=(
                f"User '{wanted.upn}' exists, but this server has no documented way to read a user, so its fields "
                "could not be compared and were left as they are. Give scim_url to compare and change them.",
            ),
            compared=False,
        )
    fields_wanted = {"upn": wanted.upn, **wanted.fields}
    if wanted.restore and wanted.fields.get("active") is None and found.active is False:
        # "present" without a word about `active` takes somebody back from the deleted-users list.
        fields_wanted["active"] = True
    changes = difference(fields_wanted, found, USER_FIELDS)
    extras = {"password": wanted.extras["password"]} if wanted.update_password and "password" in wanted.extras else {}
    if fields_wanted.get("administrator") and changes.get("active", found.active) is False:
        raise InputError(_inactive_administrator(wanted.upn))
    if not changes and not extras:
        return Plan(unchanged=(("user", wanted.upn),))
    before = {name: getattr(found, name) for name in changes}
    after_fields = dict(changes)
    if extras:
        # A password can be written and never compared: the diff says so instead of showing anything.
        before["password"], after_fields["password"] = "(not readable)", "(written)"
    return Plan(
        actions=(
            Action(
                "user",
                "restore" if changes.get("active") is True else "update",
                wanted.upn,
                before,
                after_fields,
                changes,
                subject=found,
                outcome=with_fields(found, changes),
                extras=extras,
            ),
        )
    )


def _plan_user_creation(wanted: DesiredUser, abilities: Abilities) -> Plan:
    missing = [name for name in ("first_name", "last_name") if not str(wanted.fields.get(name) or "").strip()]
    if missing:
        raise InputError(
            f"User '{wanted.upn}' does not exist yet and cannot be created without {' and '.join(missing)}: "
            "Workspace 365 needs a first name, a last name and a UPN. Give them, or check the spelling of the UPN "
            "if the user should exist."
        )
    named = {name: value for name, value in wanted.fields.items() if value is not None}
    fields_given = {**{name: value for name, value in wanted.initial.items() if value is not None}, **named}
    # Who has no other address is written to at the UPN.
    email = wanted.upn if "email" in abilities.user_fields else None
    new = with_fields(User(upn=wanted.upn, email=email, active=True), fields_given)
    if new.administrator and new.active is False:
        raise InputError(_inactive_administrator(wanted.upn))
    shown = {"upn": new.upn, **{name: getattr(new, name) for name in USER_FIELDS[1:] if getattr(new, name) is not None}}
    return Plan(
        actions=(Action("user", "create", wanted.upn, None, shown, shown, outcome=new, extras=dict(wanted.extras)),)
    )


def _plan_user_deletion(wanted: DesiredUser, found: User | None, abilities: Abilities) -> Plan:
    if wanted.permanent and not abilities.permanent_deletion:
        raise InputError(
            f"Cannot permanently delete user '{wanted.upn}': {abilities.wire} only puts users on the deleted-users list. "
            f"{abilities.ways_out.get('permanent', '')}".strip()
        )
    if found is None or (found.active is False and not wanted.permanent):
        return Plan(unchanged=(("user", wanted.upn),))
    shown = {name: getattr(found, name) for name in USER_FIELDS if getattr(found, name) is not None}
    if wanted.permanent:
        return Plan(actions=(Action("user", "delete_permanently", wanted.upn, shown, None, subject=found),))
    return Plan(actions=(_user_deletion(found, wanted.upn),))


def _plan_leaver(found: User) -> Plan:
    return Plan(actions=(_user_deletion(found, found.upn, purged=True),))


def _user_deletion(found: User, name: str, *, purged: bool = False) -> Action:
    """Puts a user on the deleted-users list."""
    return Action(
        "user",
        "delete",
        name,
        {"active": found.active},
        {"active": False},
        {"active": False},
        subject=found,
        outcome=found._replace(active=False),
        purged=purged,
    )


def _plan_group(wanted: DesiredGroup, current: Snapshot, abilities: Abilities) -> Plan:
    _refuse_unsupported("group", wanted.name, _given(wanted.fields), abilities.group_fields, abilities)
    found = existing(wanted, current)
    if not wanted.present:
        if found is None:
            return Plan(unchanged=(("group", wanted.name),))
        return Plan(actions=(_group_deletion(found),))
    actions: list[Action] = []
    if found is None:
        fields_given = {name: value for name, value in wanted.fields.items() if value is not None}
        group = with_fields(Group(name=wanted.name, members=frozenset()), fields_given)
        shown = {"name": group.name, **fields_given}
        actions.append(Action("group", "create", wanted.name, None, shown, shown, outcome=group))
    else:
        changes = difference({"name": wanted.name, **wanted.fields}, found, GROUP_FIELDS)
        group = with_fields(found, changes)
        if changes:
            before = {name: getattr(found, name) for name in changes}
            actions.append(
                Action("group", "update", wanted.name, before, changes, changes, subject=found, outcome=group)
            )
    if wanted.members is not None:
        actions.extend(_plan_members(group, wanted.members))
    return Plan(actions=tuple(actions), unchanged=() if actions else (("group", wanted.name),))


def _group_deletion(found: Group, *, purged: bool = False) -> Action:
    shown = {key: value for key, value in found.as_result().items() if value is not None and key != "id"}
    return Action("group", "delete", found.name, shown, None, subject=found, purged=purged)


def _plan_members(group: Group, wanted: AddRemoveSet) -> Iterator[Action]:
    current = group.members or frozenset()
    target = wanted.applied_to(current)
    if target != current:
        yield Action(
            "membership",
            "change",
            group.name,
            {"members": sorted(current)} if group.id else None,
            {"members": sorted(target)},
            {"add": sorted(target - current), "remove": sorted(current - target)},
            subject=group,
            outcome=group._replace(members=target),
        )


def existing(wanted: DesiredUser | DesiredGroup, current: Snapshot) -> Any:
    """The user or group of `current` that `wanted` is about, or None."""
    name, find = (wanted.name, _find_group) if isinstance(wanted, DesiredGroup) else (wanted.upn, _find_user)
    if wanted.instead:
        return find(current, wanted.identity) if wanted.identity else None
    return _identified(wanted.identity, name, current, find)


def _identified(identity: str | None, name: str, current: Snapshot, find: Any) -> Any:
    """The object that is meant: by its present name, or by `identity` when it is to be renamed.

    An identity that is not found any more, where the new name is, means that the rename was done before.
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


def _given(*options: Mapping[str, Any]) -> set[str]:
    return {name for values in options for name, value in values.items() if value is not None}


def _refuse_unsupported(
    kind: str, name: str, given: Iterable[str], supported: frozenset[str], abilities: Abilities
) -> None:
    for option in sorted(given):
        if option not in supported:
            way_out = abilities.ways_out.get(option, "Leave it out.")
            raise InputError(f"Option {option} of {kind} '{name}' cannot travel over {abilities.wire}. {way_out}")


# Administrators


def _plan_administrators(wanted: AddRemoveSet, current: Snapshot) -> Plan:
    if current.administrators is None:
        raise InputError("The administrators of this environment could not be read, so they cannot be changed.")
    target = wanted.applied_to(current.administrators)
    actions: list[Action] = []
    for key in sorted(target - current.administrators):
        user = _find_user(current, key)
        if user is not None and user.active is False:
            raise InputError(_inactive_administrator(user.upn))
        if user is not None:
            actions.append(_role_action("grant", user, True))
    for key in sorted(current.administrators - target):
        user = _find_user(current, key)
        if user is not None:
            actions.append(_role_action("revoke", user, False))
    kept = tuple(
        ("administrator", key) for key in sorted(wanted.named) if (key in target) == (key in current.administrators)
    )
    return Plan(actions=tuple(actions), unchanged=kept)


def _without_inactive(change: AddRemoveSet, current: Snapshot) -> tuple[AddRemoveSet, tuple[LeftOut, ...]]:
    """A source that knows nothing of the deleted-users list may name people on it: they get no role until they are back."""
    inactive = {key for key in change.add if (user := _find_user(current, key)) is not None and user.active is False}
    reason = "is on the deleted-users list, and only active users can be administrators"
    told = tuple(LeftOut("administrator", key, reason) for key in sorted(inactive))
    return change._replace(add=change.add - inactive), told


def _role_action(verb: str, user: User, administrator: bool) -> Action:
    return Action(
        "administrator",
        verb,
        user.upn,
        {"administrator": not administrator},
        {"administrator": administrator},
        {"administrator": administrator},
        subject=user,
        outcome=user._replace(administrator=administrator),
    )


def _inactive_administrator(upn: str) -> str:
    return (
        f"User '{upn}' is inactive (on the deleted-users list) and only active users can be administrators. "
        "Restore the user first (w365_user with state=present), or leave it out."
    )


def _guard_last_administrator(current: Snapshot, plan: Plan) -> None:
    """Never leave an environment that has administrators without an active one: nobody could manage it any more."""
    if not current.administrators:
        return
    predicted = after(current, plan).administrators
    if not predicted:
        gone = ", ".join(sorted(current.administrators))
        raise GuardError(
            f"Refused: this would leave the environment without an active administrator (now: {gone}). "
            "Nothing was written. Make somebody else an administrator first, with w365_admin."
        )


def _guard_protected(protected: frozenset[str], plan: Plan) -> None:
    """Nobody deletes, deactivates or deprives of the role whom the task itself protects, under the old name or the new."""
    protected |= {a.outcome.key for a in plan.actions if a.kind == "user" and a.renames and a.subject.key in protected}
    losing = sorted(
        {
            action.subject.upn
            for action in plan.actions
            if action.subject is not None
            and action.kind in ("user", "administrator")
            and action.subject.key in protected
            and (
                action.outcome is None
                or action.changes.get("active") is False
                or action.changes.get("administrator") is False
            )
        }
    )
    if losing:
        names = ", ".join(f"'{name}'" for name in losing)
        raise GuardError(
            f"Refused: protected_users names {names}, and this task would delete, deactivate or deprive of the administrator "
            "role whom it protects. Nothing was written. Take the name out of one of the two."
        )


def after(current: Snapshot, plan: Plan) -> Snapshot:
    """What `current` becomes when `plan` is carried out: the prediction of check mode."""
    users = {user.key: user for user in current.users}
    groups = {group.key: group for group in _with_renamed_members(current.groups, plan)}
    administrators = None if current.administrators is None else set(current.administrators)
    for action in plan.actions:
        if action.kind in ("user", "administrator"):
            gone, new = action.subject, action.outcome
            if gone is not None:
                users.pop(gone.key, None)
            if new is not None:
                users[new.key] = new
            if administrators is not None:
                _follow_administrator(administrators, gone, new)
        elif action.kind in ("group", "membership"):
            if action.subject is not None:
                groups.pop(action.subject.key, None)
            if action.outcome is not None:
                groups[action.outcome.key] = action.outcome
    return Snapshot(
        users=tuple(users.values()),
        groups=tuple(groups.values()),
        administrators=None if administrators is None else frozenset(administrators),
    )


def _follow_administrator(administrators: set[str], gone: User | None, new: User | None) -> None:
    was = gone is not None and gone.key in administrators
    if gone is not None:
        administrators.discard(gone.key)
    if new is None or new.active is False:
        return
    # `administrator` is None where the wire does not tell the role; it then stays what it was.
    if new.administrator or (new.administrator is None and was):
        administrators.add(new.key)


def _with_renamed_members(groups: tuple[Group, ...], plan: Plan) -> tuple[Group, ...]:
    """Members are known by UPN; a rename, or a deletion for good, follows them into their groups."""
    renamed = {
        a.subject.key: (a.outcome.key if a.outcome is not None else None)
        for a in plan.actions
        if a.kind == "user" and a.subject is not None and (a.outcome is None or a.outcome.key != a.subject.key)
    }
    if not renamed:
        return groups
    return tuple(
        g._replace(members=frozenset(new for m in g.members if (new := renamed.get(m, m)) is not None))
        if g.members
        else g
        for g in groups
    )
