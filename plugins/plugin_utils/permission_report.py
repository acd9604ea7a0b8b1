# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what in an environment, and by which rule: profiles, what was set by hand, and the memberships that were read.

What could not be read is unknown, and never a no.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import UNRESOLVED
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import comparison_key
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import (
    ADMINISTRATOR,
    ADMINISTRATOR_WITH_DENY,
    ALLOW_COUNTS,
    CATEGORY_EDITOR,
    CATEGORY_OWNER,
    DELETED,
    DENY_WINS,
    EVERYBODY,
    NO,
    NOT_SET,
    ROLE_UNKNOWN,
    RULES,
    UNKNOWN,
    VALUES,
    YES,
    Category,
    PermissionProfiles,
    Profile,
    Rule,
    Source,
    Verdict,
    decide,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_profiles import (
    Checklist,
    Done,
    Owner,
    Setting,
    read_done,
)

ANSWERS = (YES, NO, UNKNOWN)
ANYTHING = frozenset(VALUES)

NAMES_SHOWN = 5
"""How many names a sentence has."""


class Group(NamedTuple):
    """A group that the environment has. `members` are keys of users, and ids of others; None where they were not read."""

    name: str
    id: str
    members: frozenset[str] | None

    @property
    def key(self) -> str:
        return comparison_key(self.name)


class Person(NamedTuple):
    """`active` and `administrator` are None where they are not known."""

    upn: str
    name: str = ""
    active: bool | None = None
    administrator: bool | None = None

    @property
    def key(self) -> str:
        return comparison_key(self.upn)


class Reading(NamedTuple):
    """What was read of an environment; None for a part that could not be read, with the reason in `problems`.

    `administrators` are keys of users.
    """

    users: tuple[Person, ...] | None
    groups: tuple[Group, ...] | None
    administrators: frozenset[str] | None
    problems: Mapping[str, str]

    @classmethod
    def of(cls, users: Any, groups: Any, administrators: Any) -> Reading:
        """From the results of the modules w365_user_info, w365_group_info and w365_admin_info; any may be missing."""
        problems: dict[str, str] = {}
        people = _listed(users, "users", problems)
        found = _listed(groups, "groups", problems)
        roles = _listed(administrators, "administrators", problems)
        return cls(
            None if people is None else tuple(map(_person, people)),
            None if found is None else tuple(map(_group, found)),
            None if roles is None else frozenset(_person(one).key for one in roles),
            problems,
        )


def _listed(result: Any, name: str, problems: dict[str, str]) -> list[Mapping[str, Any]] | None:
    """The objects of a result, and None for a result without them. An object without a name makes all of them unreadable."""
    listed = result.get(name) if isinstance(result, Mapping) else None
    key = "name" if name == "groups" else "upn"
    if isinstance(listed, list) and all(isinstance(one, Mapping) and isinstance(one.get(key), str) for one in listed):
        failed = result.get("failed")
        if not failed:
            return listed
    reason = result.get("msg") if isinstance(result, Mapping) else None
    problems[name] = one_line(" ".join(str(reason or "they were not read").split()))[:500]
    return None


def _person(entry: Mapping[str, Any]) -> Person:
    names = [entry.get("display_name") or "", *(entry.get(key) or "" for key in ("first_name", "last_name"))]
    name = str(names[0] or " ".join(str(part) for part in names[1:] if part))
    active, administrator = entry.get("active"), entry.get("administrator")
    return Person(
        str(entry["upn"]),
        name,
        active if isinstance(active, bool) else None,
        administrator if isinstance(administrator, bool) else None,
    )


def _group(entry: Mapping[str, Any]) -> Group:
    members = entry.get("members")
    return Group(
        str(entry["name"]),
        str(entry.get("id") or ""),
        frozenset(comparison_key(str(member)) for member in members) if isinstance(members, list) else None,
    )


def permission_report(
    profiles: PermissionProfiles, reading: Reading, done: str, owner: Owner, now: str
) -> dict[str, Any]:
    """The report: C(rows) with an answer for each person and permission, C(counts), C(findings) and the C(rules).

    `done` is the file of what was set by hand, empty where there is none to look at. Raises InputError for one that is
    not clear.
    """
    known = read_done(done, profiles.others, owner) if done else None
    report = _Report(profiles, reading, known)
    rows = [row for person in report.people for row in report.rows(person)]
    return {
        "environment": owner.environment,
        "generated": now,
        "permissions": list(profiles.names),
        "people": len(report.people),
        "counts": {answer: sum(row["answer"] == answer for row in rows) for answer in ANSWERS},
        "rows": rows,
        "findings": [one_line(finding) for finding in report.findings()],
        "rules": [{"rule": rule.key, "text": rule.sentence, "evidence": rule.evidence} for rule in RULES],
        "unread": sorted(reading.problems),
    }


class _Report:
    def __init__(self, profiles: PermissionProfiles, reading: Reading, done: Done | None) -> None:
        self.profiles = profiles
        self.reading = reading
        self._done = done
        self._checklist = Checklist(profiles, done) if done is not None else None
        self._profiles = (*profiles.profiles, *(self._checklist.without_profile() if self._checklist else ()))
        self._found = {profile.key: self._groups_of(profile) for profile in self._profiles}
        self._places = [
            (profile, self._checklist.settings_of(profile.key) if self._checklist else {}) for profile in self._profiles
        ]
        keys = Counter(person.key for person in reading.users or ())
        self._shared = {key for key, number in keys.items() if number > 1}

    def _groups_of(self, profile: Profile) -> list[Group]:
        """The groups of the environment that a profile means: by its name, and until it is renamed by the former one."""
        groups = self.reading.groups or ()
        named = [group for group in groups if group.key == profile.key]
        if named or not profile.identity:
            return named
        former = comparison_key(profile.identity)
        return [group for group in groups if group.key == former or group.id == profile.identity]

    @cached_property
    def people(self) -> list[Person]:
        """Everybody who was read, and those whom only a group, a category or the list of administrators names."""
        found = {person.key: person for person in self.reading.users or ()}
        named: set[str] = set(self.reading.administrators or ())
        for group in self.reading.groups or ():
            named |= {member for member in group.members or () if not member.startswith(UNRESOLVED)}
        for category in self.profiles.categories:
            for role in (category.editors, category.owners):
                named |= {comparison_key(upn) for upn in role.get("users", ())}
        for key in named:
            found.setdefault(key, Person(key))
        return sorted(found.values(), key=lambda person: person.key)

    # A person

    def rows(self, person: Person) -> Iterator[dict[str, Any]]:
        administrator = self.administrator(person)
        others = list(self._of_others(person))
        members = {profile.key: self._is_member(person, self._found[profile.key]) for profile in self._profiles}
        for name in self.profiles.names:
            sources = [*self._of_everybody(name), *self._of_profiles(members, name), *others]
            yield self._row(person, name, decide(administrator, sources), self._owners[name])
        for category in self.profiles.categories:
            for right, verdict in self._of_category(person, category, administrator):
                yield self._row(person, f"Hub category {category.name}: {right}", verdict, {})

    def administrator(self, person: Person) -> bool | None:
        if self.reading.administrators is not None:
            return person.key in self.reading.administrators
        return person.administrator

    def _row(self, person: Person, permission: str, verdict: Verdict, values: Mapping[str, str]) -> dict[str, Any]:
        if person.active is False:
            verdict = Verdict(NO, DELETED)
        rule = verdict.rule
        return {
            "user": person.upn,
            "name": person.name,
            "active": person.active,
            "permission": permission,
            "answer": verdict.answer,
            "rule": rule.key if rule else "",
            "evidence": rule.evidence if rule else "",
            "because": one_line(_because(verdict, rule, values)),
        }

    # The values

    @cached_property
    def _owners(self) -> dict[str, dict[str, str]]:
        """The profile of each group that says something about a permission, for sentences."""
        return {
            name: {one.group: f"profile {one.name}" for one in self.profiles.profiles if name in one.values}
            for name in self.profiles.names
        }

    def _of_everybody(self, name: str) -> Iterator[Source]:
        if self.profiles.default is None:
            yield Source(EVERYBODY, ANYTHING, "the default permissions are not described: give default")
            return
        possible, doubt = self._possible(
            name, self.profiles.default, self._done.default if self._done else {}, EVERYBODY
        )
        if possible != {NOT_SET}:
            yield Source(EVERYBODY, possible, doubt)

    def _possible(
        self, name: str, wanted: Mapping[str, str], done: Mapping[str, Setting], place: str
    ) -> tuple[frozenset[str], str]:
        """The values that a place may have: that of the profile, or what was set by hand where that is remembered."""
        value = wanted.get(name, NOT_SET)
        if self._done is None or name not in {*wanted, *done}:
            return frozenset({value}), ""
        if name in done:
            return frozenset({done[name].value}), ""
        return ANYTHING, f"{name} of {place} is to be {value}, and nobody has noted that it was set"

    def _of_profiles(self, members: Mapping[str, bool | None], name: str) -> Iterator[Source]:
        for profile, done in self._places:
            member = members[profile.key]
            possible, doubt = self._possible(name, profile.values, done, f"group {profile.group}")
            if possible == {NOT_SET} or member is False:
                continue
            if member is None:
                doubt = f"who is in group {profile.group} is not known"
                possible |= {NOT_SET}
            yield Source(profile.group, possible, doubt)

    def _is_member(self, person: Person, groups: Sequence[Group]) -> bool | None:
        """Whether a person is in the group; None where that is not known, as where two groups have its name."""
        if self.reading.groups is None:
            return None
        answers = {self._is_in(person, group) for group in groups}
        return answers.pop() if len(answers) == 1 else None if answers else False

    def _is_in(self, person: Person, group: Group) -> bool | None:
        if group.members is None:
            return None
        if person.key in group.members:
            return True
        # Of two users with one UPN, a group shows ids only.
        unclear = person.key in self._shared and any(member.startswith(UNRESOLVED) for member in group.members)
        return None if unclear else False

    def _of_others(self, person: Person) -> Iterator[Source]:
        """Groups without a profile: whether they have permissions is not known, unless somebody says that they have none."""
        if not self.profiles.others_set:
            return
        if self.reading.groups is None:
            yield Source("other groups", ANYTHING, "the groups could not be read")
            return
        inside = [group.name for group in self._others if self._is_in(person, group) is not False]
        if inside:
            yield Source(
                _named("group", inside),
                ANYTHING,
                f"no profile describes {_named('group', inside)}: give a profile, or other_groups: not_set",
            )

    @cached_property
    def _others(self) -> list[Group]:
        described = {id(group) for groups in self._found.values() for group in groups}
        return [group for group in self.reading.groups or () if id(group) not in described]

    # The Hub

    def _of_category(
        self, person: Person, category: Category, administrator: bool | None
    ) -> Iterator[tuple[str, Verdict]]:
        """Only what somebody has, or may have: without a role, a permission about the Hub may give the same."""
        editor = self._has_role(person, category.editors)
        owner = self._has_role(person, category.owners)
        for right, roles in (
            ("create, edit and delete", ((owner, CATEGORY_OWNER), (editor, CATEGORY_EDITOR))),
            ("manage the category", ((owner, CATEGORY_OWNER),)),
        ):
            given = [rule for has, rule in roles if has]
            doubts = [f"who is {rule.key} is not known" for has, rule in roles if has is None]
            if administrator:
                yield right, Verdict(YES, ADMINISTRATOR)
            elif given:
                yield right, Verdict(YES, given[0])
            elif doubts:
                yield right, Verdict(UNKNOWN, doubts=tuple(doubts))
            elif administrator is None:
                yield right, Verdict(UNKNOWN, doubts=(ROLE_UNKNOWN,))

    def _has_role(self, person: Person, role: Mapping[str, Sequence[str]]) -> bool | None:
        if person.key in map(comparison_key, role.get("users", ())):
            return True
        answers: set[bool | None] = set()
        for name in role.get("groups", ()):
            groups = [group for group in self.reading.groups or () if group.key == comparison_key(name)]
            answers.add(self._is_member(person, groups))
        return True if True in answers else None if None in answers else False

    # What a reader has to know

    def findings(self) -> Iterator[str]:
        for part, reason in self.reading.problems.items():
            yield f"The {part} could not be read, so what depends on them is {UNKNOWN}: {reason}"
        if self._done is None:
            yield "No file of what was set by hand was looked at: the values are those of the profiles, as if all of them were set."
        elif not self._done.exists:
            yield "There is no file of what was set by hand, so no value of a profile is known to be set."
        if self.profiles.default is None:
            yield "The default permissions are not described, so they may be anything: give default, which may be {}."
        for profile in self.profiles.profiles:
            yield from self._about_group(profile)
        if self.profiles.others_set and self._others:
            yield (
                f"No profile describes {_named('group', [group.name for group in self._others])}. Who is in such a group may have its "
                "permissions too. When nobody has set any there, give other_groups: not_set."
            )
        if self._shared:
            yield f"Two users have the {_named('UPN', sorted(self._shared))}, so in which groups each of them is cannot be told."
        unclear = [person.upn for person in self.reading.users or () if person.active is None]
        if unclear:
            yield f"The server does not say whether {_named('account', unclear)} can sign in; their permissions count as those of active users."

    def _about_group(self, profile: Profile) -> Iterator[str]:
        found = self._found[profile.key]
        if self.reading.groups is not None and not found:
            yield f"There is no group {profile.group}, so nobody has the profile {profile.name}."
        if len(found) > 1:
            yield f"{len(found)} groups have the name {profile.group}, and which of them has the permissions is not known."
        for group in found:
            others = [member for member in group.members or () if member.startswith(UNRESOLVED)]
            if group.members is None:
                yield f"Who is in group {group.name} could not be read."
            if others:
                yield (
                    f"Group {group.name} has {len(others)} members that are no users of this environment, such as nested groups. Whether "
                    "the people in them get its permissions is not documented."
                )


def _because(verdict: Verdict, rule: Rule | None, owners: Mapping[str, str]) -> str:
    shown = [f"{name} ({owners[name]})" if name in owners else name for name in verdict.sources]
    if rule is None:
        return "; ".join(verdict.doubts) or "not known"
    if rule in (ADMINISTRATOR, ADMINISTRATOR_WITH_DENY):
        return "is an administrator" + (f", also with Deny in {', '.join(shown)}" if shown else "")
    if rule is DENY_WINS:
        return f"Deny in {', '.join(shown)}"
    if rule is ALLOW_COUNTS:
        return f"Allow in {', '.join(shown)}"
    if rule is DELETED:
        return "is on the deleted-users list"
    if rule in (CATEGORY_EDITOR, CATEGORY_OWNER):
        return f"is {rule.key}"
    return "no Allow in the default permissions or in a group of this person"


def _named(what: str, names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
    return f"{what}{'s' if len(found) > 1 else ''} {', '.join(found[:NAMES_SHOWN])}{more}"
