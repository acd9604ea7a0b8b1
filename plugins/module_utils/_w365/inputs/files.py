# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Desired state in files: YAML, JSON, and CSV in the formats of Microsoft Entra.

The module reads them itself: thousands of users as Ansible variables take many times as long. Errors name the file and
the line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ..errors import InputError, MissingLibraryError
from .argument_spec import add_remove_set_spec, group_spec, user_spec
from .csv_files import users_from_csv

PARTS = ("users", "groups", "administrators")
"""The keys of a YAML or JSON file, which are options of the module."""


def content_spec() -> dict[str, Any]:
    """The argument spec of these options, by which files are validated too."""
    return {
        "users": {"type": "list", "elements": "dict", "options": user_spec()},
        "groups": {"type": "list", "elements": "dict", "options": group_spec()},
        "administrators": add_remove_set_spec(),
    }


@dataclass(frozen=True)
class Content:
    """The content of a file: `users` and `groups` as dictionaries like the module's options."""

    users: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    administrators: Mapping[str, Any] | None = None


def read_files(paths: Sequence[str]) -> Content:
    """The content of all the files. Raises InputError for invalid or contradictory content."""
    contents = [_read_file(path) for path in paths]
    with_administrators = [content.administrators for content in contents if content.administrators is not None]
    if len(with_administrators) > 1:
        raise InputError("Option src: two of the files list administrators. Specify them in only one place.")
    return Content(
        tuple(user for content in contents for user in content.users),
        tuple(group for content in contents for group in content.groups),
        with_administrators[0] if with_administrators else None,
    )


def _read_file(path: str) -> Content:
    """The content of one file, whose extension is its format."""
    source = Path(path)
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise InputError(f"Option src: {path!r} cannot be read ({error.strerror}).") from None
    ending = source.suffix.lower()
    text = decoded(raw, source.name)
    if ending == ".csv":
        rows = list(users_from_csv(text, source.name))
        try:
            return _validated({"users": [user for _line, user in rows]}, source.name)
        except InputError:
            # Slow, one by one, but it finds the line.
            for line, user in rows:
                _validated({"users": [user]}, f"{source.name}, line {line}")
            raise
    if ending == ".json":
        return _parts(_json(text, source.name), source.name)
    if ending in (".yml", ".yaml"):
        return _parts(_yaml(text, source.name), source.name)
    raise InputError(
        f"Option src: {path!r} ends neither in .csv nor in .json, .yml or .yaml. Name it after its format."
    )


def decoded(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark. Raises InputError for another encoding."""
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{name}, line {line}: the file is not written in UTF-8. Save it as 'CSV UTF-8' (Excel), or convert it with iconv."
        ) from None


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"{name} is not JSON: {error}.") from None


def _yaml(text: str, name: str) -> Any:
    try:
        import yaml  # start-up
    except ImportError as error:
        raise MissingLibraryError(
            f"The Python library 'PyYAML' is needed to read {name} and is not installed for the Python that runs this module "
            f'({error}). Ansible includes it: set ansible_python_interpreter to "{{{{ ansible_playbook_python }}}}", or '
            "give the file as JSON."
        ) from None
    try:
        # Much faster with the C library.
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        # The full message of YAML contains the line, which may hold a password.
        raise InputError(f"{name}{line}: not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}.") from None


def _parts(data: Any, name: str) -> Content:
    if isinstance(data, list):
        data = {"users": data}
    if not isinstance(data, Mapping):
        raise InputError(f"{name} holds neither a dictionary with {', '.join(PARTS)} nor a list of users.")
    unknown = [str(key) for key in data if key not in PARTS]
    if unknown:
        raise InputError(f"{name} holds {unknown[0]!r}; it may hold {', '.join(PARTS)}.")
    return _validated(data, name)


def _validated(data: Mapping[str, Any], name: str) -> Content:
    result = ArgumentSpecValidator(content_spec()).validate(dict(data))
    if result.error_messages:
        raise InputError(f"{name}: {'; '.join(result.error_messages)}.")
    found = result.validated_parameters
    return Content(found.get("users") or (), found.get("groups") or (), found.get("administrators"))
