# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of an environment: users, groups and administrators.

`None` means "not given", and an empty string means "clear".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .directory import UNRESOLVED
from .names import comparison_key

if TYPE_CHECKING:
    from .removal_policy import RemovalLimit, RemovalPolicy


class AddRemoveSet(NamedTuple):
    """A change of a set of keys: `set` replaces it, but for members of an unknown kind, which only `remove` removes;
    otherwise `add` and `remove` are applied.

    `written` are the names as the task has written them, by key: with these a server is asked.
    """

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    set: frozenset[str] | None = None
    written: Mapping[str, str] = {}

    def applied_to(self, current: Collection[str]) -> frozenset[str]:
        """The set after the change. Members of an unknown kind are kept, since no task could list them."""
        if self.set is not None:
            return self.set | (frozenset(key for key in current if key.startswith(UNRESOLVED)) - self.remove)
        return (frozenset(current) | self.add) - self.remove

    @property
    def named(self) -> frozenset[str]:
        return self.add | self.remove | (self.set or frozenset())

    @property
    def wanted(self) -> frozenset[str]:
        return self.add | (self.set or frozenset())


class DesiredUser(NamedTuple):
    """One desired user. `identity` is the UPN or id by which an existing user is found for a rename.

    `initial` are fields that only a new user gets. With `restore` a user on the deleted-users list is restored.
    `extras` are values that can be written and never read (password, create_in_office365), by name. With
    `takes_name` another user has the UPN now and is renamed in the same plan.
    """

    upn: str
    identity: str | None = None
    present: bool = True
    permanent: bool = False
    fields: Mapping[str, Any] = {}
    initial: Mapping[str, Any] = {}
    restore: bool = True
    extras: Mapping[str, Any] = {}
    update_password: bool = False
    takes_name: bool = False

    def __repr__(self) -> str:
        # Without the password.
        return f"DesiredUser({self.upn!r})"

    @property
    def key(self) -> str:
        return comparison_key(self.upn)

    def without(self, names: Collection[str]) -> DesiredUser:
        """The same without these fields."""
        return self._replace(fields={name: value for name, value in self.fields.items() if name not in names})


class DesiredGroup(NamedTuple):
    """One desired group. `members` is None when they are not managed. `takes_name` as for a user."""

    name: str
    identity: str | None = None
    present: bool = True
    fields: Mapping[str, Any] = {}
    members: AddRemoveSet | None = None
    takes_name: bool = False

    @property
    def key(self) -> str:
        return comparison_key(self.name)


class Skipped(NamedTuple):
    """An object that was left out, with a reason for the user."""

    kind: str
    name: str
    reason: str

    def as_result(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "reason": self.reason}


class EmptiedGroup(NamedTuple):
    """A group of the source in which nobody is. `had` are the external ids of those who were in it at the last run.

    A `hidden` one may have members that the source does not show.
    """

    name: str
    external_id: str
    had: frozenset[str] = frozenset()
    hidden: bool = False

    @property
    def key(self) -> str:
        return comparison_key(self.name)


class Desired(NamedTuple):
    """The desired state of an environment. With None the `administrators` are not managed.

    A `whole` one describes a directory, not single objects: users and groups are listed instead of looked up, and a user
    that is not found by UPN is matched by `external_id`. The `protected` users (keys) are never removed.
    With `keep_collisions` a user whose new UPN belongs to another account is skipped and keeps its UPN; otherwise that is
    refused. `others` are the external ids of users and groups that the source knows and that are not desired here: their
    accounts are not matched with anybody else. `same_named_groups` are groups with the name of a desired one: the external
    ids on the server decide which of the two is managed. `when_administrators_unknown` is "refuse", "warn", or empty for
    what depends on the action. `membership_limit` is how many members one group may lose without being named.
    `when_group_empty` is "refuse", "skip" or "accept": what happens when the `emptied` groups had members. `also_read` are
    names and ids of groups whose members are needed too, where those of any group are.
    """

    users: tuple[DesiredUser, ...] = ()
    groups: tuple[DesiredGroup, ...] = ()
    administrators: AddRemoveSet | None = None
    skipped: tuple[Skipped, ...] = ()
    whole: bool = False
    purge: RemovalPolicy | None = None
    protected: frozenset[str] = frozenset()
    keep_collisions: bool = False
    others: frozenset[str] = frozenset()
    same_named_groups: tuple[DesiredGroup, ...] = ()
    when_administrators_unknown: str = ""
    membership_limit: RemovalLimit | None = None
    emptied: tuple[EmptiedGroup, ...] = ()
    when_group_empty: str = "refuse"
    also_read: frozenset[str] = frozenset()

    @property
    def objects(self) -> tuple[DesiredUser | DesiredGroup, ...]:
        """The users and the groups."""
        return (*self.users, *self.groups)
