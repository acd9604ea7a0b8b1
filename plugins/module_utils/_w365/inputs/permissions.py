# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The description of permissions: profiles, defaults and categories of the Hub, from an option or a variable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..model.names import checked_group_name, checked_upn, comparison_key
from ..model.permissions import (
    ALLOW,
    DENY,
    Category,
    PermissionProfiles,
    Profile,
    permission_key,
    permission_names,
)
from .texts import kind_of

SHOWN = 20
"""How many mistakes a sentence names."""

KEYS = ("profiles", "default", "other_permissions", "other_groups", "hub_categories")
OF_PROFILE = ("name", "group", "identity", "allow", "deny", "members")
OF_VALUES = ("allow", "deny")
OF_CATEGORY = ("name", "editors", "owners")
OF_PEOPLE = ("users", "groups")
OF_MEMBERS = ("add", "remove", "set")
OTHER_GROUPS = ("unknown", "not_set")


def permissions_from_options(value: Any, name: str) -> PermissionProfiles:
    """What a description says. `name` is the option or variable in the error.

    Raises InputError with everything that is wrong, before anything is read or written.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{name} is not given. Nothing was written.")
    reader = _Reader()
    found = reader.read(value)
    if not reader.mistakes:
        return found
    mistakes = list(dict.fromkeys(reader.mistakes))
    more = f"; and {len(mistakes) - SHOWN} more" if len(mistakes) > SHOWN else ""
    raise InputError(f"{name} cannot be used: {'; '.join(mistakes[:SHOWN])}{more}. Nothing was written.")


class _Reader:
    """Reads a description, and notes what is wrong with it."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []
        self._names: dict[str, str] = {}

    def read(self, value: Any) -> PermissionProfiles:
        content = self._dictionary(value, "it", KEYS)
        others = self._texts(content.get("other_permissions"), "other_permissions")
        self._names = permission_names(others)
        known = permission_names()
        default = content.get("default")
        profiles = [self._profile(*entry) for entry in self._entries(content.get("profiles"), "profiles", OF_PROFILE)]
        categories = [
            self._category(*entry)
            for entry in self._entries(content.get("hub_categories"), "hub_categories", OF_CATEGORY)
        ]
        if isinstance(value, Mapping) and not profiles and default is None and not self.mistakes:
            self.mistakes.append("it has neither profiles nor default, so it says nothing about permissions")
        self._refuse_twice("profiles have the name", [(profile.name, profile.name) for profile in profiles])
        self._refuse_twice(
            "profiles name the group", [(profile.group, profile.name) for profile in profiles], _ONE_GROUP
        )
        self._refuse_twice("profiles rename the group", [(p.identity, p.name) for p in profiles if p.identity])
        self._refuse_twice("hub_categories have the name", [(one.name, one.name) for one in categories])
        return PermissionProfiles(
            tuple(profiles),
            None if default is None else self._values(self._dictionary(default, "default", OF_VALUES), "default"),
            self._other_groups(content.get("other_groups")) != "not_set",
            tuple(categories),
            tuple(
                dict.fromkeys(self._names[permission_key(one)] for one in others if permission_key(one) not in known)
            ),
        )

    # The parts

    def _profile(self, content: Mapping[str, Any], where: str) -> Profile:
        name = self._text(content.get("name"), f"{where}: name")
        group = self._text(content.get("group"), f"{where}: group")
        try:
            group = checked_group_name(group) if group else group
        except InputError as error:
            self.mistakes.append(f"{where}: {error.message.rstrip('.')}")
        identity = content.get("identity")
        identity = self._text(identity, f"{where}: identity") if identity is not None else ""
        return Profile(
            name, group, self._values(content, where), identity, self._members(content.get("members"), where)
        )

    def _values(self, content: Mapping[str, Any], where: str) -> dict[str, str]:
        """The values of a profile, or of everybody, by the names of permissions."""
        allowed = self._permissions(content.get("allow"), f"{where}: allow")
        denied = self._permissions(content.get("deny"), f"{where}: deny")
        both = [name for name in allowed if name in denied]
        self.mistakes += [
            f"{where}: {name!r} is allowed and denied, and only one of the two can be set" for name in both
        ]
        return {**dict.fromkeys(allowed, ALLOW), **dict.fromkeys(denied, DENY)}

    def _permissions(self, value: Any, where: str) -> list[str]:
        found = []
        for name in self._texts(value, where):
            known = self._names.get(permission_key(name))
            if known is None:
                self.mistakes.append(f"{where}: {self._no_permission(name)}")
            else:
                found.append(known)
        return found

    def _no_permission(self, name: str) -> str:
        near = _near(permission_key(name), self._names)
        meant = f", did you mean {self._names[near]!r}?" if near else ";"
        return (
            f"the vendor's documentation has no permission {name[:80]!r}{meant} one that your environment has is to be listed in "
            "other_permissions too"
        )

    def _members(self, value: Any, where: str) -> dict[str, list[str]] | None:
        if value is None:
            return None
        if isinstance(value, list | tuple):
            self.mistakes.append(
                f"{where}: members is a list: write members: {{set: [...]}} for all who have the profile"
            )
            return None
        content = self._dictionary(value, f"{where}: members", OF_MEMBERS)
        given = {
            part: self._people(content[part], f"{where}: members.{part}") for part in OF_MEMBERS if part in content
        }
        if not given and isinstance(value, Mapping) and set(value) <= set(OF_MEMBERS):
            self.mistakes.append(f"{where}: members has none of add, remove and set")
        if "set" in given and len(given) > 1:
            self.mistakes.append(f"{where}: members has set, which names all of them, and add or remove too")
        return given

    def _category(self, content: Mapping[str, Any], where: str) -> Category:
        name = self._text(content.get("name"), f"{where}: name")
        roles: dict[str, Mapping[str, Sequence[str]]] = {}
        for role in OF_CATEGORY[1:]:
            people = self._dictionary(content.get(role) or {}, f"{where}: {role}", OF_PEOPLE)
            roles[role] = {
                "users": self._people(people.get("users"), f"{where}: {role}.users"),
                "groups": self._texts(people.get("groups"), f"{where}: {role}.groups"),
            }
        return Category(name, roles["editors"], roles["owners"])

    def _other_groups(self, value: Any) -> str:
        if value is None:
            return OTHER_GROUPS[0]
        if isinstance(value, str) and value in OTHER_GROUPS:
            return str(value)
        self.mistakes.append(f"other_groups is {str(value)[:60]!r}: give unknown or not_set")
        return OTHER_GROUPS[0]

    # Their forms

    def _entries(self, value: Any, name: str, keys: Iterable[str]) -> Iterator[tuple[Mapping[str, Any], str]]:
        """The dictionaries of a list, each with how sentences name it."""
        if value is not None and (isinstance(value, (str, Mapping)) or not isinstance(value, Sequence)):
            self.mistakes.append(f"{name} is {kind_of(value) or 'a text'} and no list of dictionaries")
        elif value:
            for number, entry in enumerate(value, 1):
                named = entry.get("name") if isinstance(entry, Mapping) else None
                shown = f" ({named[:60]})" if isinstance(named, str) and named.strip() else ""
                where = f"{name} entry {number}{shown}"
                yield self._dictionary(entry, where, keys), where

    def _dictionary(self, value: Any, where: str, keys: Iterable[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.mistakes.append(f"{where} is {kind_of(value) or 'a text'} and no dictionary")
            return {}
        for key in value:
            if key not in keys:
                near = _near(str(key).lower(), keys)
                meant = f", did you mean {near!r}?" if near else ""
                self.mistakes.append(f"{where}: there is no key {str(key)[:60]!r}{meant}".rstrip("?"))
        return value

    def _people(self, value: Any, where: str) -> list[str]:
        found = []
        for name in self._texts(value, where):
            try:
                found.append(checked_upn(name, where))
            except InputError as error:
                self.mistakes.append(error.message.removeprefix("Option ").rstrip("."))
        return found

    def _texts(self, value: Any, where: str) -> list[str]:
        if value is None:
            return []
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            self.mistakes.append(f"{where} is {kind_of(value) or 'a text'} and no list")
            return []
        return [text for item in value if (text := self._text(item, where))]

    def _text(self, value: Any, where: str) -> str:
        """A text without blanks around it; an empty one is a mistake."""
        if not isinstance(value, str):
            what = "is not given" if value is None else f"has {value}, {kind_of(value)} and no text: put it in quotes"
            self.mistakes.append(f"{where} {what}")
            return ""
        if not value.strip():
            self.mistakes.append(f"{where} is blank")
        return str(value).strip()

    def _refuse_twice(self, what: str, named: Iterable[tuple[str, str]], more: str = "") -> None:
        seen: dict[str, list[str]] = {}
        for name, owner in named:
            if name:
                seen.setdefault(comparison_key(name), []).append(owner)
        for key, owners in seen.items():
            if len(owners) > 1:
                told = "" if len(set(owners)) == 1 else f" ({', '.join(owner[:60] for owner in owners)})"
                self.mistakes.append(f"{len(owners)} {what} {key!r}{told}{more}")


_ONE_GROUP = ", which has one set of permissions and members: make one profile of them, or give each its own group"


def _near(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches  # start-up

    return next(iter(get_close_matches(name, list(names), 1, 0.6)), "")
