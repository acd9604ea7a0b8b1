# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of a task's options that match nobody: a warning, or with strict=true a refusal before the first write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..errors import InputError
from ..model.directory import UNRESOLVED
from ..model.names import comparison_key, name_matches

if TYPE_CHECKING:
    from ..entra.importer import TenantSelection
    from ..model.desired import Desired
    from ..model.directory import Snapshot
    from ..model.import_scope import ImportScope
    from ..planning.plan import Plan
    from .base import Task
    from .entra import EntraTask


ENTRIES_SHOWN = 5
"""The number of entries in the message."""

LONGEST_LIST = 2000
"""Near matches are looked for among so many names; comparing with more takes seconds."""


class Unmatched(NamedTuple):
    """The `entries` of an `option` with `total` entries that match `what` ("nobody in environment 'x'"). `names` are
    those that they might mean."""

    option: str
    entries: Sequence[str]
    total: int
    what: str
    names: Collection[str] = ()

    @property
    def sentence(self) -> str:
        count = len(self.entries)
        shown = ", ".join(f"'{entry}'" for entry in self.entries[:ENTRIES_SHOWN])
        more = f" and {count - ENTRIES_SHOWN} more" if count > ENTRIES_SHOWN else ""
        verb = "matches" if count == 1 else "match"
        return f"Option {self.option}: {count} of {self.total} {verb} {self.what}: {shown}{more}.{self._near_matches()}"

    def _near_matches(self) -> str:
        if len(self.names) > LONGEST_LIST:
            return ""
        from difflib import get_close_matches  # start-up

        names = sorted(self.names)
        near = [
            f" Instead of '{entry}', '{found[0]}' may be meant."
            for entry in self.entries[:ENTRIES_SHOWN]
            if (found := get_close_matches(entry, names, 1, 0.8))
        ]
        return "".join(near)


def warnings_about(options: Iterable[Unmatched], *, strict: bool) -> tuple[str, ...]:
    """A warning for each option with entries that match nobody. Raises InputError for them when `strict`."""
    found = [option for option in options if option.entries]
    if found and strict:
        raise InputError(
            f"{' '.join(option.sentence for option in found)} Nothing was written, because strict is true. Correct or remove "
            "the entries, or leave strict out to be warned only.",
            unmatched={option.option: list(option.entries) for option in found},
        )
    return tuple(f"{option.sentence} Check the spelling." for option in found)


def with_directory_warnings(task: Task, plan: Plan, desired: Desired) -> Plan:
    """The plan of a task with warnings about entries that match nobody. Raises InputError when option `strict` is true."""
    users = _users_of(task.current, desired)
    if users is None or (task.check_mode and not (task.current.users or task.current.groups)):
        return plan
    found = unmatched_in_directory(desired, task.current, users, task.where)
    return _with_notes(plan, warnings_about(found, strict=bool(task.options.get("strict"))))


def with_import_warnings(
    task: EntraTask, plan: Plan, desired: Desired, found: TenantSelection, scope: ImportScope
) -> Plan:
    """The same of an import. Users of the tenant that the import did not have to read are looked up."""
    current = task.current
    options = list(_group_names(found, scope))
    # SCIM always lists the users; the Provisioning API shows roles where it lists them.
    read = bool(task.options["scim_url"]) or current.administrators is not None or current.roles_problem is not None
    missing_environment = task.check_mode and not (current.users or current.groups)
    if read and not missing_environment:
        here = _users_of(current, desired._replace(whole=False)) or frozenset()
        options += [
            _of_tenant(task, "exclude_users", scope.exclude_users, found, scope, here),
            _of_tenant(task, "protected_users", scope.protected, found, scope, here),
        ]
    return _with_notes(plan, warnings_about(options, strict=task.options["strict"]))


def import_info_warnings(task: EntraTask, found: TenantSelection, scope: ImportScope) -> tuple[str, ...]:
    """The warnings of w365_o365_import_info, which knows no environment."""
    options = [
        _of_tenant(task, "exclude_users", scope.exclude_users, found, scope, None),
        *_group_names(found, scope),
    ]
    return warnings_about(options, strict=task.options["strict"])


def _with_notes(plan: Plan, notes: Iterable[str]) -> Plan:
    return plan._replace(notes=(*plan.notes, *notes))


def _users_of(current: Snapshot, desired: Desired) -> frozenset[str] | None:
    """The keys of all users, or of those that were looked up, with those of the same run; None where they were not read, or
    cannot be."""
    if (desired.whole and not current.users) or not all(user.readable for user in current.users):
        return None
    listed = {user.key for user in desired.users}
    identities = {comparison_key(user.identity) for user in desired.users if user.identity}
    return frozenset({user.key for user in current.users} | listed | identities)


def unmatched_in_directory(
    desired: Desired, current: Snapshot, users: frozenset[str], where: str
) -> Iterator[Unmatched]:
    """The entries of w365_directory's options that match none of the `users` (keys), groups and external ids."""

    def of_users(option: str, given: Iterable[str], users: frozenset[str] = users) -> Unmatched:
        return _unmatched(option, given, users.__contains__, f"nobody {where}", users)

    # An administrator may be listed by the Provisioning API only.
    people = users | current.people_keys
    yield of_users("protected_users", desired.protected, people)
    if desired.administrators is not None:
        yield of_users("administrators.remove", desired.administrators.remove, people)
    removed = {key for group in desired.groups if group.members for key in group.members.remove}
    yield of_users(
        "groups.members.remove" if desired.whole else "members.remove",
        (key for key in removed if not key.startswith(UNRESOLVED)),
    )
    scope = desired.purge.scope if desired.purge else None
    if scope is None:
        return
    domains = frozenset(key.rpartition("@")[2] for key in users)
    yield _unmatched("purge_scope.domains", scope.domains, domains.__contains__, f"nobody {where}", domains)
    groups = frozenset({group.key for group in current.groups} | {group.key for group in desired.groups})
    # A pattern without a match is not reported: an earlier purge may have removed the groups that it matched.
    named = [name for name in scope.groups if "*" not in name]
    yield _unmatched("purge_scope.groups", named, groups.__contains__, f"no group {where}", groups)
    ids = [user.external_id or "" for user in current.users] + [group.external_id or "" for group in current.groups]
    ids += [str(thing.fields.get("external_id") or "") for thing in desired.objects]
    prefix = [scope.external_id_prefix] if scope.external_id_prefix else []
    yield _unmatched(
        "purge_scope.external_id_prefix", prefix, lambda text: any(id.startswith(text) for id in ids), f"nobody {where}"
    )


def _of_tenant(
    task: EntraTask,
    option: str,
    given: frozenset[str],
    found: TenantSelection,
    scope: ImportScope,
    here: frozenset[str] | None,
) -> Unmatched:
    read = frozenset(comparison_key(str(user["userPrincipalName"])) for user in found.tenant.users.values())
    known = read | (here or frozenset())
    unknown = sorted(given - known)
    # Without everybody, only the members of the chosen groups were read, and an exclusion may be about somebody else.
    if unknown and not (scope.needs_everybody or task.options.get("state_file")):
        known |= task.graph.existing_upns([name for name in unknown if "@" in name])
    where = "nobody in the Microsoft tenant" + ("" if here is None else f" or {task.where}")
    return _unmatched(option, given, known.__contains__, where, known)


def _group_names(found: TenantSelection, scope: ImportScope) -> Iterator[Unmatched]:
    if scope.include_groups:
        tenant = found.tenant
        groups = [tenant.groups[id] for id in found.chosen] if scope.groups else list(tenant.groups.values())
        read = {str(group.get("displayName") or "") for group in groups}
        names = frozenset(map(comparison_key, read if scope.groups else read | tenant.group_names))
        which = "none of the selected groups" if scope.groups else "no group of the Microsoft tenant"
        yield _unmatched("group_names", scope.group_names, _matches_one_of(names), which, names)


def _matches_one_of(names: frozenset[str]) -> Callable[[str], bool]:
    return lambda pattern: pattern in names or any(name_matches(pattern, name) for name in names)


def _unmatched(
    option: str, given: Iterable[str], matches: Callable[[str], bool], what: str, names: Iterable[str] = ()
) -> Unmatched:
    entries = sorted(set(given))
    return Unmatched(option, [entry for entry in entries if not matches(entry)], len(entries), what, frozenset(names))
