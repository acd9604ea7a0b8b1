# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change of one object, and the table of the kinds of change of a directory; environment_actions.py has the others.

A row holds everything about a kind of change: its phase, its handler, its description in messages and reports, and
whether it can remove somebody from the administrator role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, Protocol


class Phase(IntEnum):
    """The order of actions. Inside a phase the order does not matter, except for reused names: see `Plan.phases`."""

    ENVIRONMENT = 0
    ENVIRONMENT_STATUS = 1
    SETTINGS = 2
    # A name must be free before another user can get it, so renames come first, whatever else they change.
    USER_CHANGE = 3
    USER_CREATION = 4
    GROUP_CHANGE = 5
    GROUP_CREATION = 6
    MEMBERSHIP = 7
    ROLE_GRANT = 8
    ROLE_REVOCATION = 9
    GROUP_DELETION = 10
    USER_DELETION = 11


class ReportPart(IntEnum):
    """The parts of a report, those that need attention first."""

    FAILURES = 0
    LEAVERS = 1
    JOINERS = 2
    CHANGES = 3
    LEFT_OUT = 4
    GROUPS = 5
    SETTINGS = 6


class ObjectKind(NamedTuple):
    """A kind of object. `name` is its name in results, `one`, `many` and `label` are its names in a report."""

    name: str
    one: str
    many: str
    label: str


USER = ObjectKind("user", "person", "people", "person")
ADMINISTRATOR = ObjectKind("administrator", "person", "people", "administrator role")
GROUP = ObjectKind("group", "group", "groups", "group")
MEMBERSHIP = ObjectKind("membership", "group", "groups", "members")

OBJECT_KINDS: Mapping[str, ObjectKind] = {kind.name: kind for kind in (USER, ADMINISTRATOR, GROUP, MEMBERSHIP)}


def object_kind(name: str) -> ObjectKind:
    """The row of a kind of object; one made of its name where there is none."""
    return OBJECT_KINDS.get(name) or ObjectKind(name, name, f"{name}s", name)


class ReportWords(NamedTuple):
    """A change in the words of a report: "joined", "would join" or "was to join", "3 people joined".

    `past` is only given where `to` does not begin with "be".
    """

    part: ReportPart
    done: str
    to: str
    past: str = ""


class ActionType(NamedTuple):
    """A kind of change. `verb` is its name in results; `sentence` describes it, with the object's {name}.

    `handler` finds the method that applies it. With `can_cost_role` it may remove somebody from the administrator role.
    """

    object: ObjectKind
    verb: str
    phase: Phase
    sentence: str
    words: ReportWords
    handler: Callable[[Any], Handler]
    can_cost_role: bool = False

    @property
    def key(self) -> str:
        """The key of the kind of change in a summary: "user_create"."""
        return f"{self.object.name}_{self.verb}"


@dataclass(frozen=True)
class Action:
    """One change of one object.

    `before` and `after` are the object's visible fields (None where it does not exist), `subject` the object now and
    `outcome` the object after the change. `extras` are write-only values: sent and never shown. `purged` marks the removal
    of an object that is not listed, and `unnamed` are members that are removed because they are not listed.
    """

    type: ActionType
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    subject: Any = None
    outcome: Any = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    purged: bool = False
    unnamed: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.type.object.name

    @property
    def verb(self) -> str:
        return self.type.verb

    @property
    def is_about_user(self) -> bool:
        return self.type.object is USER

    @property
    def renames(self) -> bool:
        """Whether a user or group gets another name."""
        named = self.type.object in (USER, GROUP) and self.subject is not None and self.outcome is not None
        return named and self.outcome.key != self.subject.key

    @property
    def phase(self) -> Phase:
        return Phase.USER_CHANGE if self.is_about_user and self.renames else self.type.phase

    @property
    def may_cost_role(self) -> bool:
        """Whether the administrator role of its user is lost, if the user has it."""
        if not self.type.can_cost_role or (self.is_about_user and self.subject.active is False):
            return False
        return self.outcome is None or self.changes.get("active") is False or self.changes.get("administrator") is False

    @property
    def description(self) -> str:
        """What is done, for a message: "create user 'a@b.c'"."""
        return self.type.sentence.format(name=self.name)


Handler = Callable[[Action], Any]
"""Applies one action and returns the object as the server has it now (None when it is deleted)."""


class DirectoryHandlers(Protocol):
    """Changes users, groups and administrators of an environment."""

    def create_user(self, action: Action) -> Any:
        """Create the user of `outcome`."""

    def update_user(self, action: Action) -> Any:
        """Change the user of `subject`; also restores one."""

    def delete_user(self, action: Action) -> Any:
        """Put the user of `subject` on the deleted-users list."""

    def delete_user_permanently(self, action: Action) -> Any:
        """Delete the user of `subject` permanently."""

    def create_group(self, action: Action) -> Any:
        """Create the group of `outcome`."""

    def update_group(self, action: Action) -> Any:
        """Change the group of `subject`."""

    def delete_group(self, action: Action) -> Any:
        """Delete the group of `subject`."""

    def change_members(self, action: Action) -> Any:
        """Add and remove the members of `changes`."""

    def set_administrator(self, action: Action) -> Any:
        """Grant or revoke the role of the user of `subject`."""


def _of_directory(
    about: ObjectKind,
    verb: str,
    phase: Phase,
    sentence: str,
    words: ReportWords,
    handler: Callable[[DirectoryHandlers], Handler],
    *,
    can_cost_role: bool = False,
) -> ActionType:
    return ActionType(about, verb, phase, sentence, words, handler, can_cost_role)


LEFT = ReportWords(ReportPart.LEAVERS, "left", "leave", "left")
"""Also of a user who is deactivated by a change."""

USER_CREATE = _of_directory(
    USER,
    "create",
    Phase.USER_CREATION,
    "create user '{name}'",
    ReportWords(ReportPart.JOINERS, "joined", "join", "joined"),
    lambda backend: backend.create_user,
)
USER_RESTORE = _of_directory(
    USER,
    "restore",
    Phase.USER_CREATION,
    "restore user '{name}'",
    ReportWords(ReportPart.JOINERS, "came back", "come back", "came back"),
    lambda backend: backend.update_user,
)
USER_UPDATE = _of_directory(
    USER,
    "update",
    Phase.USER_CHANGE,
    "change user '{name}'",
    ReportWords(ReportPart.CHANGES, "changed", "get new details", "got new details"),
    lambda backend: backend.update_user,
    can_cost_role=True,
)
USER_DELETE = _of_directory(
    USER,
    "delete",
    Phase.USER_DELETION,
    "delete user '{name}'",
    LEFT,
    lambda backend: backend.delete_user,
    can_cost_role=True,
)
USER_DELETE_PERMANENTLY = _of_directory(
    USER,
    "delete_permanently",
    Phase.USER_DELETION,
    "permanently delete user '{name}'",
    ReportWords(ReportPart.LEAVERS, "permanently deleted", "be permanently deleted"),
    lambda backend: backend.delete_user_permanently,
    can_cost_role=True,
)
GROUP_CREATE = _of_directory(
    GROUP,
    "create",
    Phase.GROUP_CREATION,
    "create group '{name}'",
    ReportWords(ReportPart.GROUPS, "group created", "be created"),
    lambda backend: backend.create_group,
)
GROUP_UPDATE = _of_directory(
    GROUP,
    "update",
    Phase.GROUP_CHANGE,
    "change group '{name}'",
    ReportWords(ReportPart.GROUPS, "group changed", "be changed"),
    lambda backend: backend.update_group,
)
GROUP_DELETE = _of_directory(
    GROUP,
    "delete",
    Phase.GROUP_DELETION,
    "delete group '{name}'",
    ReportWords(ReportPart.GROUPS, "group deleted", "be deleted"),
    lambda backend: backend.delete_group,
)
MEMBERSHIP_CHANGE = _of_directory(
    MEMBERSHIP,
    "change",
    Phase.MEMBERSHIP,
    "change the members of group '{name}'",
    ReportWords(ReportPart.GROUPS, "members changed", "get other members", "got other members"),
    lambda backend: backend.change_members,
)
ADMINISTRATOR_GRANT = _of_directory(
    ADMINISTRATOR,
    "grant",
    Phase.ROLE_GRANT,
    "grant the role of administrator '{name}'",
    ReportWords(
        ReportPart.CHANGES, "administrator role given", "get the administrator role", "got the administrator role"
    ),
    lambda backend: backend.set_administrator,
)
ADMINISTRATOR_REVOKE = _of_directory(
    ADMINISTRATOR,
    "revoke",
    Phase.ROLE_REVOCATION,
    "revoke the role of administrator '{name}'",
    ReportWords(
        ReportPart.CHANGES, "administrator role taken", "lose the administrator role", "lost the administrator role"
    ),
    lambda backend: backend.set_administrator,
    can_cost_role=True,
)
# Also their order within one part of a report.
DIRECTORY_ACTIONS = (
    *(USER_DELETE, USER_DELETE_PERMANENTLY, USER_CREATE, USER_RESTORE, USER_UPDATE),
    *(ADMINISTRATOR_GRANT, ADMINISTRATOR_REVOKE),
    *(GROUP_CREATE, GROUP_UPDATE, MEMBERSHIP_CHANGE, GROUP_DELETE),
)


def action_type(kind: str, verb: str) -> ActionType:
    """The row of a kind of change of a directory. Raises LookupError where there is none."""
    for row in DIRECTORY_ACTIONS:
        if (row.object.name, row.verb) == (kind, verb):
            return row
    raise LookupError(f"{kind}.{verb}")
