# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables of roles and playbooks as a person gives them: blank counts as not given, and a survey gives texts only.

A blank extra variable hides every other value of the variable, and Ansible checks the arguments of a role before the
role can say what blank means. So roles and playbooks use no variable of theirs directly, but what these filters make of
it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE
from jinja2.exceptions import UndefinedError
from jinja2.runtime import Undefined

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import (
    option_of,
    refusal_of_paths,
    sentence_about,
)

# What null becomes in -e name=null. As a name these two are names.
NO_VALUE = ("none", "null")

SCIM = {"scim_url", "scim_token"}


def given(value: Any, default: Any = None, kind: str = "text", name: str = "a variable") -> Any:
    """The value of a variable, or ``default`` where it is blank; see ``given.yml``.

    Raises AnsibleFilterError, which names ``name``, for a value that is not of this ``kind``. It shows the value only
    where a boolean, a number or a state is expected, none of which is a secret.
    """
    read = KINDS.get(kind)
    if read is None:
        raise AnsibleFilterError(f"The kind {kind!r} is none of {', '.join(KINDS)}.")
    return default if _blank(value) else read(value, default, name)


def mistakes(value: Any, name: str) -> str:
    """Everything that is wrong with the variable of a role, in one line; empty when nothing is. See ``mistakes.yml``.

    Raises AnsibleFilterError when no role of the collection has a variable of this ``name``.
    """
    _known(name)
    return f"{name} is not given. Nothing was written." if _blank(value) else sentence_about(name, value)


def mistakes_of_paths(value: Any, name: str) -> str:
    """Which paths in the variable of a role begin nowhere, as a sentence; empty when none does. See ``mistakes_of_paths.yml``.

    Raises AnsibleFilterError when no role of the collection has a variable of this ``name``, and for something else than a
    dictionary.
    """
    _known(name)
    return "" if _blank(value) else refusal_of_paths(name, _dict(value, {}, name))


def _known(name: str) -> None:
    try:
        option_of(name)
    except (OSError, KeyError) as error:
        raise AnsibleFilterError(f"No role of this collection has a variable {name!r}.") from error


def _blank(value: Any) -> bool:
    """Raises AnsibleUndefinedVariable for a variable that has no value: nobody has left it blank."""
    if isinstance(value, Undefined):
        # Before version 2.19, ansible-core gives a filter a variable whose template failed.
        try:
            str(value)
        except UndefinedError as error:
            raise AnsibleUndefinedVariable(str(error)) from error
    return value is None or (isinstance(value, str) and not value.strip())


def _text(value: Any, _default: Any, _name: str) -> Any:
    """As it is: a password may end in a blank, and the modules drop blanks where they mean nothing."""
    return value


def _bool(value: Any, default: Any, name: str) -> Any:
    word = value.strip().lower() if isinstance(value, str) else value
    if word in NO_VALUE:
        return default
    if isinstance(word, (str, int, float)) and word in BOOLEANS_TRUE | BOOLEANS_FALSE:
        return word in BOOLEANS_TRUE
    raise AnsibleFilterError(f"{name} is {_shown(value)}: give true or false, or leave it out.")


def _state(value: Any, _default: Any, name: str) -> Any:
    word = str(value).strip().lower()
    if word not in ("present", "absent"):
        raise AnsibleFilterError(f"{name} is {_shown(value)}: give present or absent, or leave it out.")
    return word


def _int(value: Any, default: Any, name: str) -> Any:
    word = value.strip().lower() if isinstance(value, str) else value
    if word in NO_VALUE:
        return default
    if isinstance(word, int) and not isinstance(word, bool):
        return word
    if isinstance(word, str) and re.fullmatch(r"[+-]?\d{1,18}", word, re.ASCII):
        return int(word)
    raise AnsibleFilterError(f"{name} is {_shown(value)}: give a whole number, or leave it out.")


def _list(value: Any, default: Any, name: str) -> Any:
    """Where a text has line breaks, only they separate its entries, so that a line may have commas."""
    if isinstance(value, str):
        separator = r"[\r\n]+" if re.search(r"[\r\n]", value.strip()) else ","
        entries = [entry.strip() for entry in re.split(separator, value)]
        return [entry for entry in entries if entry] or default
    if isinstance(value, Mapping) or not isinstance(value, Sequence):
        raise AnsibleFilterError(
            f"{name} is neither a list nor a text with one entry per line, or with commas between them."
        )
    return value


def _dict(value: Any, _default: Any, name: str) -> Any:
    if not isinstance(value, Mapping):
        raise AnsibleFilterError(f"{name} is no dictionary.")
    return {key: entry for key, entry in value.items() if entry is not None}


def _filled(value: Any, default: Any, name: str) -> Any:
    return {key: entry for key, entry in _dict(value, default, name).items() if not _blank(entry)}


def _scim(value: Any, default: Any, name: str) -> Any:
    connection: dict[str, Any] = _dict(value, default, name)
    if connection and set(connection) != SCIM:
        raise AnsibleFilterError(
            f"{name} has the keys {', '.join(sorted(map(str, connection)))}: give scim_url and scim_token, or leave it out."
        )
    return connection


def _shown(value: Any) -> str:
    return repr(value)[:60] if isinstance(value, (str, int, float)) else "something else"


KINDS: Mapping[str, Callable[[Any, Any, str], Any]] = {
    "text": _text,
    "bool": _bool,
    "int": _int,
    "state": _state,
    "list": _list,
    "dict": _dict,
    "filled": _filled,
    "scim": _scim,
}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {"given": given, "mistakes": mistakes, "mistakes_of_paths": mistakes_of_paths}
