# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source wants of an environment: users, groups and administrators as they are to be.

`None` means "not given", and an empty string means "clear".

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .directory import UNRESOLVED
from .names import comparison_key

if TYPE_CHECKING:
    from .removal_policy import RemovalPolicy


class AddRemoveSet(NamedTuple):
    """A change of a collection: `set` names the whole of it, otherwise `add` and `remove` are applied."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    set: frozenset[str] | None = None

    def applied_to(self, current: Collection[str]) -> frozenset[str]:
        """What the collection becomes. Members of unknown kind stay: we only remove what was or could be named."""
        if self.set is not None:
            return self.set | frozenset(key for key in current if key.startswith(UNRESOLVED))
        return (frozenset(current) | self.add) - self.remove

    @property
    def named(self) -> frozenset[str]:
        return self.add | self.remove | (self.set or frozenset())

    @property
    def wanted(self) -> frozenset[str]:
        return self.add | (self.set or frozenset())


@dataclass(frozen=True)
class DesiredUser:
    """What a task wants of one user. `identity` is the UPN or id by which an existing user is found for a rename.

    `initial` are fields that only a new user gets. `restore` takes back whoever is on the deleted-users list.
    `extras` are values that can be written and never read (password, create_in_office365), by name. With `instead` somebody
    else has the UPN now and is renamed in the same plan.
    """

    upn: str
    identity: str | None = None
    present: bool = True
    permanent: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    initial: Mapping[str, Any] = field(default_factory=dict)
    restore: bool = True
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    update_password: bool = False
    instead: bool = False

    @property
    def key(self) -> str:
        return comparison_key(self.upn)

    def without(self, names: Collection[str]) -> DesiredUser:
        """The same without these fields."""
        return replace(self, fields={name: value for name, value in self.fields.items() if name not in names})


@dataclass(frozen=True)
class DesiredGroup:
    """What a task wants of one group. `members` is None when they are left alone. `instead` as for a user."""

    name: str
    identity: str | None = None
    present: bool = True
    fields: Mapping[str, Any] = field(default_factory=dict)
    members: AddRemoveSet | None = None
    instead: bool = False

    @property
    def key(self) -> str:
        return comparison_key(self.name)


class Skipped(NamedTuple):
    """An object that a source left out, with a reason that a person understands."""

    kind: str
    name: str
    reason: str

    def as_result(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "reason": self.reason}


@dataclass(frozen=True)
class Desired:
    """Everything that a source wants of an environment. None for `administrators` leaves them alone.

    A `whole` one is about a directory and not about single objects: users and groups are listed, nobody is looked up, and
    who is not found by UPN is found by `external_id`. The `protected` users (keys) are not taken away by anything.
    With `keep_collisions` whoever wants the UPN of another account is left out and keeps theirs; otherwise that is refused.
    `others` are the external ids of people and groups that the source knows and does not want here: nobody gets what is
    theirs. `same_named_groups` are groups that bear the name of a wanted one: which of the two is meant, the server's ids tell.
    """

    users: tuple[DesiredUser, ...] = ()
    groups: tuple[DesiredGroup, ...] = ()
    administrators: AddRemoveSet | None = None
    left_out: tuple[Skipped, ...] = ()
    whole: bool = False
    purge: RemovalPolicy | None = None
    protected: frozenset[str] = frozenset()
    keep_collisions: bool = False
    others: frozenset[str] = frozenset()
    same_named_groups: tuple[DesiredGroup, ...] = ()
