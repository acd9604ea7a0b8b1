# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of a role of the collection, checked against its `meta/argument_specs.yml` before anything is written.

Ansible's own check stays out of it, because its error is the whole argument spec, and because it would refuse a blank
answer of a survey: there the variables are of type `raw`, with the form of their content for readers and for this check.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.paths import (
    mistakes_in_paths,
    paths_given,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.texts import kind_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import (
    ArgumentSpecValidator,
    UnsupportedError,
    boolean,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.paths import begins_nowhere
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import COLLECTION

SHOWN = 20
"""How many mistakes a sentence names."""

CHECKED_HERE = {
    "w365_admins": "w365_admins_definition",
    "w365_directory": "w365_directory_definition",
    "w365_environment": "w365_environment_definition",
    "w365_groups": "w365_groups_list",
    "w365_o365_import": "w365_o365_import_definition",
    "w365_scim": "w365_scim_definition",
    "w365_sso": "w365_sso_definition",
    "w365_users": "w365_users_list",
}
"""The roles that run one module with one variable, which its task checks first. The role keeps it with two leading
underscores, as it is after blank values and what a playbook sets."""

_SOUND: set[str] = set()
"""The tasks of this process whose variable was right: a loop asks for each of its items."""

RULES = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
NAMES = ("upn", "name")
"""The keys that name an entry of a list."""


@cache
def role_options(role: str) -> Mapping[str, Mapping[str, Any]]:
    """The variables of a role of the collection, as its argument spec describes them.

    Where an entry point other than C(main) says what is below a variable, it says so for all of them: Ansible templates the
    spec of an entry point once more for each host.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    path = os.path.join(os.path.dirname(__file__), "..", "..", "roles", role, "meta", "argument_specs.yml")
    with open(path, encoding="utf-8") as file:
        entries: Mapping[str, Mapping[str, Any]] = yaml.load(file, loader)["argument_specs"]  # noqa: S506 - a safe loader
    found = dict(entries["main"]["options"])
    for entry in entries.values():
        found.update({name: option for name, option in entry["options"].items() if "options" in option})
    return found


def option_of(name: str) -> Mapping[str, Any]:
    """A variable of a role of the collection, as its argument spec describes it. Its name is that of the role and one word.

    Raises OSError or KeyError when there is none.
    """
    role, _underscore, word = name.rpartition("_")
    option = role_options(role)[name]
    # The type is raw, so that a blank one reaches the role: only the word says whether it is a dictionary or a list.
    return option if word == "definition" else {**option, "elements": "dict"}


def refusal_of_role(task: Any, variables: Mapping[str, Any], templar: Any) -> str:
    """What is wrong with the variable of the role whose task this is, in one line; empty when nothing is, and elsewhere."""
    role = os.path.basename(str(getattr(getattr(task, "_role", None), "_role_path", "")))
    name = CHECKED_HERE.get(role)
    if not name or task._role._role_collection != COLLECTION or task._uuid in _SOUND:
        return ""
    sentence = sentence_about(name, templar.template(variables.get(f"__{name}")))
    if not sentence:
        _SOUND.add(task._uuid)
    return sentence


def sentence_about(name: str, value: Any) -> str:
    """Everything that is wrong with the value of the variable of a role, in one line; empty when it is right.

    A value is never shown, unless it is one that Ansible's validation shows: where a boolean, a number or a choice is
    needed, none of which is a secret.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return f"{name} is not given. Nothing was written."
    # Ansible's validation copies all below a dictionary for each level, and texts with notes of Ansible slowly.
    found = list(dict.fromkeys(prepared(name).mistakes(_without_notes(value), "")))
    if not found:
        return ""
    listed = "; ".join(one_line(" ".join(mistake.split()).rstrip(".")) for mistake in found[:SHOWN])
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{name} cannot be used: {listed}{more}. Nothing was written."


def paths_in(name: str, value: Mapping[str, Any]) -> list[str]:
    """The paths in the variable of a role, which its argument spec tells from other texts."""
    return [path for _option, path in paths_given(option_of(name)["options"], value)]


def refusal_of_paths(name: str, value: Mapping[str, Any]) -> str:
    """Why a playbook of the collection cannot use the paths in the variable of a role; empty when it can.

    A relative one would begin beside the playbook, in the folder of the collection.
    """
    relative = list(filter(begins_nowhere, paths_in(name, value)))
    return (
        one_line(f"The paths in {name} include {', '.join(relative)}. Give absolute paths there, which begin with /.")
        if relative
        else ""
    )


def _without_notes(value: Any) -> Any:
    """The value without what ansible-core 2.19 and later note about texts; what is encrypted stays so."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {_without_notes(key): _without_notes(content) for key, content in value.items()}
    return [_without_notes(entry) for entry in value] if isinstance(value, list) else value


class _Level:
    """A dictionary of the argument spec, or a list of such; the levels below it are made once for all entries."""

    def __init__(self, option: Mapping[str, Any], name: str = "", outer: Iterable[str] = ()) -> None:
        """`name` is the key of a dictionary in a dictionary, `outer` are the keys that stand beside it."""
        self.options: Mapping[str, Any] = option["options"]
        self.name, self.outer = name, frozenset(outer)
        self.is_sign_on = {"client_id", "key", "app"} <= set(self.options)
        self.is_list = option.get("elements") == "dict"
        self.below = {
            name: _Level(inner, name, self.options) for name, inner in self.options.items() if "options" in inner
        }
        self.flat = {name: _flat(inner) for name, inner in self.options.items()}
        self.validator = ArgumentSpecValidator(self.flat, **{rule: option[rule] for rule in RULES if option.get(rule)})

    def mistakes(self, value: Any, where: str) -> Iterator[str]:
        if not self.is_list:
            yield from self._mistakes(value, where)
        elif isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            yield f"{_at(where)}it is {kind_of(value) or 'a text'} and no list of dictionaries"
        else:
            for number, entry in enumerate(value, 1):
                yield from self._mistakes(entry, f"{where} {_entry(number, entry)}".strip())

    def _mistakes(self, value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{_at(where)}it is {kind_of(value) or 'a text'} and no dictionary"
            return
        yield from (f"{_at(where)}{self._unknown(key)}" for key in value if key not in self.options)
        validated = self.validator.validate({str(key): content for key, content in value.items()})
        for error in validated.errors:
            if not isinstance(error, UnsupportedError):
                yield f"{_at(where)}{_said(str(error), value)}"
        if self.is_sign_on:
            yield from (f"{_at(where)}{mistake}" for mistake in sign_on_mistakes(value, self.options))
        yield from (f"{_at(where)}{mistake}" for mistake in mistakes_in_paths(self.flat, value))
        for key, level in self.below.items():
            # What could not be converted has an error already.
            content = validated.validated_parameters.get(key)
            if isinstance(content, list if level.is_list else Mapping):
                yield from level.mistakes(content, f"{where} {key}".strip())

    def _unknown(self, key: Any) -> str:
        sentence = f"there is no key {str(key)[:60]!r}"
        if self.name == "app" and key == "return_secret":
            return f"{sentence} here, {RETURN_SECRET}"
        if self.name in ("app", "scim") and key in self.outer:
            return f"{sentence} here, give it beside {self.name!r}"
        near = get_close_matches(str(key).lower(), self.options, 1, 0.6)
        return sentence + (f", did you mean {near[0]!r}" if near else "")


@cache
def prepared(name: str) -> _Level:
    """What checks the variable of a role. An action for many hosts asks for it before Ansible forks the processes of these."""
    return _Level(option_of(name))


OF_BOTH = ("authority", "primary_domain", "app")
"""The keys of single sign-on that go with `app`; the others are about a client id and a key that are given."""


def sign_on_mistakes(value: Mapping[str, Any], known: Iterable[str]) -> Iterator[str]:
    """What is wrong with the ways to give single sign-on: `client_id` with `key`, or `app`. Null counts as left out."""
    given = {key for key, content in value.items() if content is not None}
    credentials = [key for key in ("client_id", "key") if key in given]
    app = value.get("app")
    if app is None:
        missing = [key for key in ("client_id", "key") if key not in given]
        other = "; app takes their place, with app: {} for its defaults" if len(missing) == 2 else ""
        if missing:
            yield f"missing required arguments: {', '.join(missing)}{other}"
    elif credentials:
        yield (
            f"{', '.join(credentials)} and app are given: give client_id and key for an app registration that you manage yourself, or "
            "app alone, where client_id inside of app names an app registration that exists"
        )
    elif not isinstance(app, Mapping):
        # Ansible would make a dictionary of a text, and the task reads the keys of the text.
        if isinstance(app, str):
            yield "app must be a dictionary"
    else:
        others = [key for key in known if key in given and key not in OF_BOTH]
        inside = [key for key in others if key in _app_options()]
        if others:
            yield (
                f"{', '.join(others)} {'is' if len(others) == 1 else 'are'} about client_id and key, and app is given: leave out"
                + (f", or give inside of app: {', '.join(inside)}" if inside else "")
            )
    if not given & {"authority", "primary_domain"} and not (isinstance(app, Mapping) and _links_nothing(app)):
        yield "one of the following is required: authority, primary_domain"


def _app_options() -> Mapping[str, Any]:
    options: Mapping[str, Any] = option_of("w365_sso_definition")["options"]["app"]["options"]
    return options


def _links_nothing(app: Mapping[str, Any]) -> bool:
    """Whether an app registration is managed without writing to Workspace 365, which needs no authority then."""
    link = app.get("link")
    return app.get("secret") == "unmanaged" or (link is not None and not boolean(link, strict=False))


RETURN_SECRET = (
    "because no result of a tenant holds the text of a secret. For a secret that another task stores, run the role w365_sso with the same "
    "sso and with return_secret"
)

CONVERSION = re.compile(
    r"(?:argument|Elements value for option) '(?P<key>[^']+)' is of type .*? unable to convert to (?P<kind>\w+):",
    re.DOTALL,
)
KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "dict": "a dictionary",
    "list": "a list",
}


def _said(error: str, value: Mapping[str, Any]) -> str:
    """The sentence of Ansible, or a shorter one for a value that is of another type."""
    found = CONVERSION.match(error)
    if not found or found["kind"] not in KINDS:
        return error
    given = value.get(found["key"])
    shown = f", not {given[:60]!r}" if isinstance(given, str) and found["kind"] in ("bool", "int", "float") else ""
    return f"{found['key']} must be {KINDS[found['kind']]}{shown}"


def _flat(option: Mapping[str, Any]) -> dict[str, Any]:
    return {key: option[key] for key in ("type", "elements", "choices", "required", "no_log") if key in option}


def _entry(number: int, entry: Any) -> str:
    names = [entry.get(key) for key in NAMES] if isinstance(entry, Mapping) else []
    named = next((f" ({name[:60]})" for name in names if isinstance(name, str) and name.strip()), "")
    return f"entry {number}{named}"


def _at(where: str) -> str:
    return f"{where}: " if where else ""
