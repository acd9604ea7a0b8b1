# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Desired state in files: YAML, JSON, and CSV as Microsoft Entra writes and asks for it.

The module reads them itself: thousands of users as Ansible variables take many times as long. What is wrong in a file is
told with its name and line.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .argspec import add_remove_set_spec, group_spec, user_spec
from .errors import InputError, MissingLibraryError
from .model import folded

PARTS = ("users", "groups", "administrators")
"""What a YAML or JSON file may hold, in the words of the module's options."""


def content_spec() -> dict[str, Any]:
    """The argument spec of those options: what stands in a file is held to the same."""
    return {
        "users": {"type": "list", "elements": "dict", "options": user_spec()},
        "groups": {"type": "list", "elements": "dict", "options": group_spec()},
        "administrators": add_remove_set_spec(),
    }


@dataclass(frozen=True)
class Content:
    """What a file holds: `users` and `groups` as dictionaries in the words of the module's options."""

    users: Sequence[Mapping[str, Any]] = ()
    groups: Sequence[Mapping[str, Any]] = ()
    administrators: Mapping[str, Any] | None = None


def read_files(paths: Sequence[str]) -> Content:
    """What all the files hold together. Raises InputError for what cannot be understood or contradicts itself."""
    contents = [_read_file(path) for path in paths]
    speaking = [content.administrators for content in contents if content.administrators is not None]
    if len(speaking) > 1:
        raise InputError("Option src: two of the files name administrators. Say it in one place.")
    return Content(
        tuple(user for content in contents for user in content.users),
        tuple(group for content in contents for group in content.groups),
        speaking[0] if speaking else None,
    )


def _read_file(path: str) -> Content:
    """One file; its ending says what it is."""
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
            # One by one it takes long, and tells the line.
            for line, user in rows:
                _validated({"users": [user]}, f"{source.name}, line {line}")
            raise
    if ending == ".json":
        return _parts(_json(text, source.name), source.name)
    if ending in (".yml", ".yaml"):
        return _parts(_yaml(text, source.name), source.name)
    raise InputError(
        f"Option src: {path!r} ends neither in .csv nor in .json, .yml or .yaml. Name it after what it holds."
    )


def decoded(raw: bytes, name: str) -> str:
    """The text of a file: UTF-8, or UTF-16 with its mark. Raises InputError for another encoding: guessing spoils names."""
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
        import yaml
    except ImportError as error:
        raise MissingLibraryError(
            f"The Python library 'PyYAML' is needed to read {name} and is not installed for the Python that runs this module "
            f'({error}). Ansible brings it along: set ansible_python_interpreter to "{{{{ ansible_playbook_python }}}}", or '
            "give the file as JSON."
        ) from None
    try:
        # Many times as fast where the C library is there.
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        # The whole message of YAML would show the line, which may hold a password.
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


# CSV


@dataclass(frozen=True)
class Table:
    """A kind of table: which column is which option. `strict` refuses any other column; Entra's have many more."""

    columns: Mapping[str, str]
    strict: bool = False
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


# Microsoft's template for creating users in bulk, and its "Download users" (Microsoft Entra documentation; S).
# The template's initial password is the one for Microsoft Entra, so it is left alone.
_BULK_CREATE = Table(
    columns={"userprincipalname": "upn", "givenname": "first_name", "surname": "last_name", "accountenabled": "active"},
    # The column asks whether the sign-in is blocked.
    values={"active": {"yes": "false", "no": "true", "": ""}},
)
_DOWNLOAD = Table(
    columns={
        "userprincipalname": "upn",
        "givenname": "first_name",
        "surname": "last_name",
        "mail": "email",
        "id": "external_id",
        "accountenabled": "active",
    }
)
_PLAIN = Table(
    columns={
        name: name
        for name in (
            "upn",
            "identity",
            "state",
            "first_name",
            "last_name",
            "email",
            "active",
            "external_id",
            "administrator",
            "password",
        )
    },
    strict=True,
)


def users_from_csv(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The users of a CSV file with the lines that they begin in. An empty cell says nothing about its option.

    Raises InputError with the line for a row that does not fit, for a user named twice, and for an unknown column.
    """
    lines = text.splitlines(keepends=True)
    start = 0
    template = bool(lines) and lines[0].strip().strip(',;\t"').lower().startswith("version:")
    if template:
        start = 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start >= len(lines):
        raise InputError(f"{name} is empty: it has no line with the names of the columns.")
    reader = csv.reader(
        io.StringIO("".join(lines[start:]), newline=""), delimiter=_delimiter(lines[start]), strict=True
    )
    records = _records(reader, start, name)
    _line, header = next(records, (0, []))
    table, options = _recognised(header, template, name)
    seen: dict[str, int] = {}
    for line, cells in records:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise InputError(
                f"{name}, line {line}: {len(cells)} values for {len(header)} columns. Put values with the separator in quotes."
            )
        user: dict[str, Any] = {}
        for option, cell in zip(options, cells, strict=False):
            value = cell.strip()
            if option and value:
                user[option] = table.values.get(option, {}).get(value.lower(), value)
        if not user.get("upn"):
            raise InputError(f"{name}, line {line}: the user has no UPN.")
        key = folded(user["upn"])
        if key in seen:
            raise InputError(
                f"{name}, line {line}: user {user['upn']!r} is named before, in line {seen[key]}. Name every user once."
            )
        seen[key] = line
        yield line, user


def _records(reader: Any, offset: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Every record with the line that it begins in; a quoted value may run over several."""
    while True:
        line = offset + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{name}, line {line}: {error}. Look for a quote that is not closed.") from None
        yield line, cells


def _delimiter(header: str) -> str:
    """What separates the columns: the sign that the line of names holds most of."""
    return max(",;\t", key=header.count)


def _recognised(header: Sequence[str], template: bool, name: str) -> tuple[Table, list[str | None]]:
    """The kind of table, and for every column the option that it fills (None for a column that is left alone)."""
    # "User name [userPrincipalName] Required" -> userprincipalname
    names = [
        cell.partition("[")[2].partition("]")[0] if "[" in cell else cell for cell in (cell.strip() for cell in header)
    ]
    names = [cell.strip().lower() for cell in names]
    entra = _BULK_CREATE if template or any("[" in cell for cell in header) else _DOWNLOAD
    table = entra if "userprincipalname" in names else _PLAIN
    options = [table.columns.get(cell) for cell in names]
    if table.strict:
        unknown = [cell for cell, option in zip(header, options, strict=True) if option is None]
        if unknown:
            raise InputError(
                f"{name}: {unknown[0]!r} is not a column that is known. There are: {', '.join(table.columns)}."
            )
    if "upn" not in options:
        raise InputError(
            f"{name} has no column with the UPN: name it upn, or userPrincipalName as Microsoft Entra does."
        )
    doubled = [option for option in options if option and options.count(option) > 1]
    if doubled:
        raise InputError(f"{name} has two columns for {doubled[0]}. Leave one out.")
    return table, options
