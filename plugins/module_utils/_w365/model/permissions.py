# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions of Workspace 365: their names, what a group or everybody is given, and the rule that decides about a person.

No API shows or sets a permission (contract, section 4). What is here is described by people, and is therefore never proof
of what an environment has; only who is in a group, and who is an administrator, can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .names import comparison_key


class Permission(NamedTuple):
    """A permission by the newest name that the vendor's documentation has for it, and the names that it had before."""

    name: str
    older: tuple[str, ...] = ()


PERMISSIONS = (
    Permission("Edit own workspace", ("Edit own workspace, create personal tile groups and add tiles",)),
    Permission("Create apps in app store"),
    Permission("Create shared tile groups"),
    Permission("Create and manage announcements"),
    Permission("Request apps in the app store", ("Make user requests",)),
)
"""Those that the vendor's documentation names. The list need not be complete, so a task can give more names."""

ALLOW, DENY, NOT_SET = "Allow", "Deny", "Not set"
VALUES = (ALLOW, DENY, NOT_SET)
"""The three values that a permission has for a group, and for everybody."""

EVERYBODY = "Default permissions"
"""What the vendor calls the permissions that everybody has without a group."""

YES, NO, UNKNOWN = "yes", "no", "unknown"


class Rule(NamedTuple):
    """A rule by which Workspace 365 decides. One that is not `documented` by the vendor is assumed."""

    key: str
    sentence: str
    documented: bool

    @property
    def evidence(self) -> str:
        return "documented by the vendor" if self.documented else "assumed"


ADMINISTRATOR = Rule("administrator", "Administrators may do everything.", True)
ADMINISTRATOR_WITH_DENY = Rule("administrator with Deny", "A Deny does not concern administrators.", False)
DENY_WINS = Rule("Deny beats Allow", "One Deny denies, whatever the other values are.", True)
ALLOW_COUNTS = Rule("Allow", "Without a Deny, one Allow allows.", False)
NOTHING_SET = Rule("Not set", "When everything is Not set, the permission is denied.", False)
CATEGORY_EDITOR = Rule(
    "category editor", "A category editor of the Hub creates, edits and deletes in the category.", True
)
CATEGORY_OWNER = Rule(
    "category owner", "A category owner of the Hub does what an editor does, and manages the category.", True
)
DELETED = Rule("deleted", "Users on the deleted-users list cannot sign in, whatever they may do.", False)

RULES = (
    *(ADMINISTRATOR, ADMINISTRATOR_WITH_DENY, DENY_WINS, ALLOW_COUNTS, NOTHING_SET),
    *(CATEGORY_EDITOR, CATEGORY_OWNER, DELETED),
)
"""All rules. The letters of the contract (Permissions; Users) say which are documented."""


class Profile(NamedTuple):
    """Who may do what by one group. `values` are those of permissions that are not V(Not set).

    `identity` is the former name or the id of a group that is renamed. `members` is as in the options of a group; None
    when the profile does not say who has it.
    """

    name: str
    group: str
    values: Mapping[str, str]
    identity: str = ""
    members: Mapping[str, Sequence[str]] | None = None

    @property
    def key(self) -> str:
        return comparison_key(self.group)


class Category(NamedTuple):
    """A category of the Hub: the UPNs and the groups of its editors and of its owners."""

    name: str
    editors: Mapping[str, Sequence[str]] = {}
    owners: Mapping[str, Sequence[str]] = {}


class PermissionProfiles(NamedTuple):
    """What a task or a playbook says about the permissions of an environment.

    `default` are the values that everybody has without a group, None when they are not described. With `others_set` the
    groups without a profile may have permissions too, which are unknown. `others` are names of permissions that the
    vendor's documentation does not have.
    """

    profiles: tuple[Profile, ...] = ()
    default: Mapping[str, str] | None = None
    others_set: bool = True
    categories: tuple[Category, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all permissions, those of the vendor's documentation first."""
        return (*(permission.name for permission in PERMISSIONS), *self.others)


def permission_key(name: str) -> str:
    """The form in which names of permissions are compared: without regard to case and to blanks in a row."""
    return comparison_key(" ".join(name.split()))


def permission_names(others: Iterable[str] = ()) -> dict[str, str]:
    """The name of each permission, by the keys of that name and of its former names."""
    found = {permission_key(name): " ".join(name.split()) for name in others}
    for permission in PERMISSIONS:
        found |= {permission_key(name): permission.name for name in (*permission.older, permission.name)}
    return found


class Source(NamedTuple):
    """Where a value comes from: a group that somebody is or may be in, or the default permissions.

    `possible` are the values that it may give the person: more than one where something is not known, which `doubt` says.
    """

    name: str
    possible: frozenset[str]
    doubt: str = ""


class Verdict(NamedTuple):
    """The `answer` is V(yes), V(no) or V(unknown). `rule` decided, None for unknown; `sources` gave the values that count.

    `doubts` say what is not known, where that matters.
    """

    answer: str
    rule: Rule | None = None
    sources: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


ROLE_UNKNOWN = "whether the person is an administrator is not known"


def decide(administrator: bool | None, sources: Sequence[Source]) -> Verdict:
    """Whether somebody may do what these sources are about. `administrator` is None where that is not known.

    What cannot be known is never a no: every combination of the possible values has to lead to the same answer.
    """
    denying = [source for source in sources if source.possible == {DENY}]
    allowing = [source for source in sources if source.possible == {ALLOW}]
    perhaps = [source for source in sources if len(source.possible) > 1]
    if administrator:
        denied = [*denying, *(source for source in perhaps if DENY in source.possible)]
        return Verdict(YES, ADMINISTRATOR_WITH_DENY if denied else ADMINISTRATOR, _names(denied))
    verdict = _decided(denying, allowing, perhaps)
    if administrator is None and verdict.answer != YES:
        return Verdict(UNKNOWN, doubts=(ROLE_UNKNOWN, *verdict.doubts))
    return verdict


def _decided(denying: list[Source], allowing: list[Source], perhaps: list[Source]) -> Verdict:
    """For somebody who is no administrator."""
    if denying:
        return Verdict(NO, DENY_WINS, _names(denying))
    may_deny = [source for source in perhaps if DENY in source.possible]
    may_allow = [source for source in perhaps if ALLOW in source.possible]
    if allowing and not may_deny:
        return Verdict(YES, ALLOW_COUNTS, _names(allowing))
    if not allowing and not may_allow:
        # A Deny that is possible changes nothing.
        return Verdict(NO, NOTHING_SET)
    doubtful = may_deny if allowing else perhaps
    return Verdict(UNKNOWN, doubts=tuple(dict.fromkeys(source.doubt for source in doubtful if source.doubt)))


def _names(sources: Iterable[Source]) -> tuple[str, ...]:
    return tuple(source.name for source in sources)


GAINS, LOSES, MAY_GAIN, MAY_LOSE = "gains", "loses", "may gain", "may lose"

CHANGES: Mapping[tuple[str, str], str] = {
    (NO, YES): GAINS,
    (YES, NO): LOSES,
    (UNKNOWN, YES): MAY_GAIN,
    (NO, UNKNOWN): MAY_GAIN,
    (UNKNOWN, NO): MAY_LOSE,
    (YES, UNKNOWN): MAY_LOSE,
}
"""The answers before and after a change -> what it is for the person. The others change nothing."""


def change_line(change: Mapping[str, object]) -> str:
    """One entry of the result C(permission_changes) for people: "adele.vance@contoso.com: gains X (group Y)"."""
    groups = change["groups"]
    names = ", ".join(map(str, groups)) if isinstance(groups, list | tuple) else str(groups)
    word = "group" if not isinstance(groups, list | tuple) or len(groups) == 1 else "groups"
    reason = f"; {change['reason']}" if change.get("reason") else ""
    return f"{change['user']}: {change['change']} {change['permission']} ({word} {names}{reason})"
