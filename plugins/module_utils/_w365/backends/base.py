# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of a backend: an environment's users, groups and administrators.

For types only: no task loads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..model.capabilities import Capabilities
from ..model.desired import Desired
from ..model.directory import Group, Snapshot, User
from ..planning.actions import DirectoryHandlers

if TYPE_CHECKING:
    pass


class Backend(Protocol):
    """What changes something. `handlers` is loaded when it is first used."""

    @property
    def handlers(self) -> Any:
        """The methods that apply actions."""


class Directory(Protocol):
    """The users, groups and administrators of an environment, as objects of the model."""

    capabilities: Capabilities

    def snapshot(self, desired: Desired, *, concurrency: int = 1) -> Snapshot:
        """The part of the environment that a plan for `desired` needs."""

    def kept_fields(self) -> frozenset[str] | None:
        """The optional attributes of users that the server says it keeps; None where it does not say."""

    def list_users(self) -> list[User]:
        """Every user, those on the deleted-users list included where the server shows them."""

    def list_groups(self, *, members: bool = True) -> list[Group]:
        """Every group; members by UPN."""

    def find_user(self, name: str) -> User | None:
        """One user by UPN or id."""

    def find_group(self, name: str, *, members: bool = True) -> Group | None:
        """One group by name; members by UPN."""

    def users_named(self, name: str) -> list[User]:
        """All users of this name, or the one with this id. `find_user` raises InputError where there are two."""

    def groups_named(self, name: str, *, members: bool = True) -> list[Group]:
        """The same for groups."""

    @property
    def handlers(self) -> DirectoryHandlers:
        """The methods that change users, groups and administrators."""
