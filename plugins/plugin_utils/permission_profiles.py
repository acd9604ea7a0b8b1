# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person sets by hand for permission profiles: the checklist, and the file that remembers what was set.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any, NamedTuple

import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import ENCRYPTED, decoded
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.texts import (
    Unread,
    kind_of,
    lines_of,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.yaml_text import YamlDocument
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import comparison_key
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import (
    EVERYBODY,
    NOT_SET,
    VALUES,
    PermissionProfiles,
    Profile,
    permission_key,
    permission_names,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.yaml_writer import yaml_text
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.addresses import server_of

GROUP_MANAGEMENT = "Settings > Users & Groups > Group management"
"""Where an administrator sets the permissions of groups, in the vendor's words."""

ALL = "*"
"""In a list of groups that were done: all of them."""

HEAD = (
    "What a person has set in Workspace 365, for each group. No API shows it, so this file is the only record.",
    "The role w365_permission_profiles writes it; change it by hand when you have set something without the role.",
)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Setting(NamedTuple):
    """A value that a person has set, and the day, which may be empty."""

    value: str
    day: str = ""


class Place(NamedTuple):
    """A group whose permissions were set, with its name as it was written."""

    name: str
    settings: Mapping[str, Setting]


class Owner(NamedTuple):
    """The environment that a file is about, and the server of its instance. What is empty is not known."""

    environment: str = ""
    server: str = ""

    @classmethod
    def of(cls, environment: str, address: str) -> Owner:
        """From the option C(environment) and the address of the instance."""
        return cls(sanitized_environment_name(environment), server_of(address))

    def __str__(self) -> str:
        return f"{self.environment!r} of {self.server}" if self.server else repr(self.environment)

    def is_another(self, other: Owner) -> bool:
        """Whether the two are known to differ."""
        return any(one and two and one != two for one, two in zip(self, other, strict=True))


class Done(NamedTuple):
    """What was set: for everybody, and for groups by their keys. `exists`: whether there is such a file."""

    default: Mapping[str, Setting] = {}
    groups: Mapping[str, Place] = {}
    exists: bool = True
    owner: Owner = Owner()


class Item(NamedTuple):
    """One thing to set. `group` is empty for the default permissions, `was` where nothing is known of it."""

    group: str
    permission: str
    value: str
    was: str

    def as_result(self) -> dict[str, Any]:
        return {
            "place": f"{GROUP_MANAGEMENT} > {self.group}" if self.group else EVERYBODY,
            "group": self.group or None,
            "permission": self.permission,
            "value": self.value,
            "was": self.was or None,
        }


# The file


def read_done(path: str, others: Iterable[str], owner: Owner) -> Done:
    """What the file says; `others` are more names of permissions. One that is missing says nothing.

    Raises InputError for a file that cannot be read, that is not clear, or that is about another environment than `owner`.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return Done(exists=False)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be read ({reason}), so what was set before is not known.") from None
    text = decoded(raw, path)
    if text.startswith(ENCRYPTED):
        raise InputError(f"{path} is encrypted with Ansible Vault. It holds no secret: decrypt it.")
    done = _DoneReader(YamlDocument(yaml, text, path), path, others).read()
    if done.owner.environment and not owner.environment:
        raise InputError(
            f"{path} is about environment {done.owner}, and which environment this run is for is not known here. Name it with "
            "w365_permission_profiles_environment, with w365_environment or with W365_ENVIRONMENT."
        )
    if done.owner.is_another(owner):
        raise InputError(
            f"{path} is about environment {done.owner}, and this run is for {owner}: what was set in one says nothing about the "
            "other. Give each environment a file of its own in w365_permission_profiles_done, or correct the lines environment and server "
            "in this one."
        )
    return done


class _DoneReader:
    """Reads the file strictly: what is not clear is refused with its line."""

    def __init__(self, document: YamlDocument, path: str, others: Iterable[str]) -> None:
        self._document = document
        self._path = path
        self._names = permission_names(others)
        self._problems: list[tuple[int, str]] = []

    def read(self) -> Done:
        content = self._dictionary(self._document.data, ())
        for key in content:
            if key not in ("environment", "server", "default", "groups"):
                self._problem(
                    (key,), f"there is no key {key[:60]!r} here, only environment, server, default and groups."
                )
        owner = Owner.of(self._name(content, "environment"), self._name(content, "server"))
        default = self._settings(content.get("default"), ("default",))
        groups: dict[str, Place] = {}
        for name, settings in self._dictionary(content.get("groups"), ("groups",)).items():
            place = ("groups", name)
            key = comparison_key(name)
            if not key:
                self._problem(place, "the name of a group is blank.")
            elif key in groups:
                self._problem(place, f"group {name[:60]!r} is there twice, in two spellings. Keep one of them.")
            groups[key] = Place(name.strip(), self._settings(settings, place))
        if self._problems:
            raise InputError(lines_of(self._problems, self._path))
        return Done(default, groups, owner=owner)

    def _name(self, content: Mapping[str, Any], key: str) -> str:
        value = content.get(key)
        if value is not None and not isinstance(value, str):
            self._problem((key,), f"a text is needed here, and it is {kind_of(value)}.")
            return ""
        return (value or "").strip()

    def _settings(self, value: Any, place: tuple[str, ...]) -> dict[str, Setting]:
        found: dict[str, Setting] = {}
        for written, content in self._dictionary(value, place).items():
            here = (*place, written)
            name = self._names.get(permission_key(written), " ".join(written.split()))
            if not name:
                self._problem(here, "the name of a permission is blank.")
            if name in found:
                self._problem(here, f"permission {name[:80]!r} is there twice, in two spellings. Keep one of them.")
            setting = self._setting(content, here)
            if setting is not None:
                found[name] = setting
        return found

    def _setting(self, content: Any, place: tuple[str, ...]) -> Setting | None:
        given = content if isinstance(content, Mapping) else {"value": content}
        for key in given:
            if key not in ("value", "date"):
                self._problem((*place, key), f"there is no key {key[:60]!r} here, only value and date.")
        value = given.get("value")
        known = {choice.lower(): choice for choice in VALUES}
        word = " ".join(value.split()).lower() if isinstance(value, str) else ""
        if word not in known:
            what = kind_of(value) or repr(value)[:60]
            self._problem(place, f"the value is {what}: give one of {', '.join(VALUES)}.")
            return None
        return Setting(known[word], self._day(given.get("date"), place))

    def _day(self, value: Any, place: tuple[str, ...]) -> str:
        if value is None:
            return ""
        day = str(value) if isinstance(value, str | Unread) else ""
        try:
            if not _DAY.fullmatch(day):
                raise ValueError
            date.fromisoformat(day)
        except ValueError:
            self._problem((*place, "date"), "the date is no day such as 2026-11-26.")
        return day

    def _dictionary(self, value: Any, place: tuple[str, ...]) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self._problem(place, f"a dictionary is needed here, and it is {kind_of(value) or 'a text'}.")
        return {}

    def _problem(self, place: tuple[str, ...], text: str) -> None:
        self._problems.append((self._document.line(place), text))


def done_text(done: Done) -> str:
    """The content of the file."""

    def settings(found: Mapping[str, Setting]) -> dict[str, Any]:
        return {
            name: {"value": one.value, **({"date": one.day} if one.day else {})}
            for name, one in sorted(found.items())
            if one.value != NOT_SET
        }

    groups = {
        place.name: content for _key, place in sorted(done.groups.items()) if (content := settings(place.settings))
    }
    document = {**done.owner._asdict(), "default": settings(done.default), "groups": groups}
    return yaml_text({name: part for name, part in document.items() if part}, HEAD)


# The checklist


class Checklist:
    """What a person still has to set for these profiles, after what was done before."""

    def __init__(self, profiles: PermissionProfiles, done: Done) -> None:
        """Raises InputError where a group that is renamed is in the file by both names."""
        self.profiles = profiles
        self.done = done
        self._former = self._renamed_groups()
        described = {profile.key for profile in profiles.profiles}
        self._left = [key for key in done.groups if key not in described and key not in self._former.values()]

    def _renamed_groups(self) -> dict[str, str]:
        """The key that the file has for each renamed group, by its key now. A name may pass from one group to another."""
        waiting = {
            profile.key: former
            for profile in self.profiles.profiles
            if (former := comparison_key(profile.identity)) and former != profile.key and former in self.done.groups
        }
        found: dict[str, str] = {}
        while True:
            # One whose name is not in the file, or is there for a group that has another name now.
            clear = [key for key in waiting if key not in self.done.groups or key in found.values()]
            if not clear:
                break
            found |= {key: waiting.pop(key) for key in clear}
        described = {profile.key for profile in self.profiles.profiles}
        for profile in self.profiles.profiles:
            # A former name that is the name of another group now is about that group.
            if waiting.get(profile.key, "") not in {"", *described}:
                raise InputError(
                    f"group {profile.group!r} is in the file of what was done by its name and by its former name "
                    f"{profile.identity!r}. Remove the one that is not about this group."
                )
        return found

    def settings_of(self, key: str) -> Mapping[str, Setting]:
        """What was set for a group, also under its former name."""
        if key not in self._former and key in self._former.values():
            # It is about another group, which has this name until it is renamed.
            return {}
        place = self.done.groups.get(self._former.get(key, key))
        return place.settings if place else {}

    def without_profile(self) -> list[Profile]:
        """The groups of the file that no profile names any more, as profiles that give nothing."""
        return [Profile("", self.done.groups[key].name, {}) for key in self._left]

    def items(self) -> list[Item]:
        """What is to be set, group by group, the default permissions first."""
        found: list[Item] = []
        if self.profiles.default is not None:
            found += _differences("", self.profiles.default, self.done.default)
        for profile in self.profiles.profiles:
            found += _differences(profile.group, profile.values, self.settings_of(profile.key))
        for key in self._left:
            found += _differences(self.done.groups[key].name, {}, self.done.groups[key].settings)
        return found

    def notes(self) -> list[str]:
        """What a person should know about the list."""
        notes = []
        if not self.done.exists:
            notes.append("Nothing is known of what was set before, so everything is listed.")
        if self._former:
            pairs = ", ".join(f"{self.done.groups[old].name} is {new}" for new, old in self._renamed())
            notes.append(f"Renamed groups keep their permissions: {pairs}.")
        left = [self.done.groups[key].name for key in self._left if _set_values(self.done.groups[key].settings)]
        if left:
            notes.append(
                f"No profile names {', '.join(left)} any more. Where the group was renamed, give its profile the key identity; where it "
                "was deleted, remove it from the file of what was done."
            )
        if self.profiles.default is None and _set_values(self.done.default):
            notes.append(
                f"{EVERYBODY} were set before, and nothing describes them now. They are left as they are; default: {{}} takes "
                "them back."
            )
        return notes

    def _renamed(self) -> Iterator[tuple[str, str]]:
        for profile in self.profiles.profiles:
            if profile.key in self._former:
                yield profile.group, self._former[profile.key]

    def after(self, groups: Sequence[str], day: str) -> Done:
        """What is done when these groups were done on this day; `ALL` stands for all.

        Raises InputError for a name that is no group of a profile or of the file.
        """
        known = {
            comparison_key(EVERYBODY): "",
            **{key: self.done.groups[key].name for key in self._left},
            **{profile.key: profile.group for profile in self.profiles.profiles},
        }
        chosen = set(known) if ALL in groups else {comparison_key(name) for name in groups}
        unknown = [name for name in groups if name != ALL and comparison_key(name) not in known]
        if unknown:
            near = get_close_matches(comparison_key(unknown[0]), list(known), 1, 0.6)
            meant = f", did you mean {known[near[0]] or EVERYBODY!r}" if near else ""
            raise InputError(
                f"{unknown[0][:80]!r} is no group of a profile or of the file of what was done{meant}. Give names of groups, "
                f"{EVERYBODY!r}, or '{ALL}' for everything."
            )
        default = self.done.default
        if comparison_key(EVERYBODY) in chosen and self.profiles.default is not None:
            default = _with(self.profiles.default, default, day)
        kept = {key: place for key, place in self.done.groups.items() if key not in {*self._former.values()}}
        for profile in self.profiles.profiles:
            before = self.settings_of(profile.key)
            settings = _with(profile.values, before, day) if profile.key in chosen else before
            if settings or profile.key in kept:
                kept[profile.key] = Place(profile.group, settings)
        left = {key: place for key, place in kept.items() if key not in self._left or key not in chosen}
        return self.done._replace(default=default, groups=left, exists=True)


def _differences(group: str, wanted: Mapping[str, str], done: Mapping[str, Setting]) -> Iterator[Item]:
    for name, value in wanted.items():
        was = done[name].value if name in done else ""
        if was != value:
            yield Item(group, name, value, was)
    for name, setting in done.items():
        if name not in wanted and setting.value != NOT_SET:
            yield Item(group, name, NOT_SET, setting.value)


def _set_values(settings: Mapping[str, Setting]) -> list[str]:
    return [name for name, one in settings.items() if one.value != NOT_SET]


def _with(wanted: Mapping[str, str], done: Mapping[str, Setting], day: str) -> dict[str, Setting]:
    """What is set once everything that is wanted is; what was right before keeps its day."""
    return {
        name: done[name] if name in done and done[name].value == value else Setting(value, day)
        for name, value in wanted.items()
    }


def checklist_lines(items: Sequence[Item], notes: Sequence[str]) -> list[str]:
    """The list for a person, in the words of the vendor."""
    lines = []
    place: str | None = None
    for item in items:
        if item.group != place:
            place = item.group
            lines.append(f"{GROUP_MANAGEMENT} > {place} > permissions" if place else EVERYBODY)
        was = f" (was {item.was})" if item.was else ""
        lines.append(f"  [ ] {item.permission}: {item.value}{was}")
    if not items:
        lines.append("Nothing has to be set by hand.")
    return [one_line(line) for line in (*lines, *notes)]


# For the role


def groups_of(profiles: PermissionProfiles) -> list[dict[str, Any]]:
    """The groups of the profiles as the module w365_directory takes them."""
    found = []
    for profile in profiles.profiles:
        group: dict[str, Any] = {"name": profile.group}
        if profile.identity:
            group["identity"] = profile.identity
        if profile.members is not None:
            group["members"] = {part: list(names) for part, names in profile.members.items()}
        found.append(group)
    return found


def profiles_outcome(
    profiles: PermissionProfiles, path: str, clicked: Sequence[str], day: str, owner: Owner
) -> dict[str, Any]:
    """Everything that the role needs. `path` is the file of what was done; without one nothing is known.

    Raises InputError.
    """
    if clicked and not path:
        raise InputError(
            "w365_permission_profiles_clicked says that something was done, and w365_permission_profiles_done names no file that "
            "remembers it."
        )
    done = read_done(path, profiles.others, owner) if path else Done(exists=False)
    notes = _notes_about_owner(done, owner, bool(clicked))
    # What the file leaves open about its owner is written with the next change.
    named = done._replace(owner=Owner(*(one or two for one, two in zip(done.owner, owner, strict=True))))
    after = Checklist(profiles, named).after(clicked, day) if clicked else done
    now = Checklist(profiles, after)
    items = now.items()
    return {
        "groups": groups_of(profiles),
        "open": [item.as_result() for item in items],
        "checklist": checklist_lines(items, [*now.notes(), *notes]),
        # Written only where something was done that was not in the file.
        "done": done_text(after) if clicked and after != done else "",
    }


def _notes_about_owner(done: Done, owner: Owner, is_written: bool) -> list[str]:
    if done.owner.environment or is_written or not owner.environment or not (done.default or done.groups):
        return []
    return [
        "The file of what was done does not say of which environment it is. Where it is that of this run, add the line "
        f"environment: {owner.environment}"
    ]
