# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users in CSV files of Microsoft Entra, and in CSV files whose headings are option names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError
from ..model.fields import USER_FIELDS
from ..model.names import checked_text, checked_upn, comparison_key


@dataclass(frozen=True)
class Table:
    """A kind of table: the option of each column. `strict` refuses other columns, of which Entra's have many."""

    columns: Mapping[str, str]
    strict: bool = False
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


# Microsoft's template for creating users in bulk, and its "Download users" (Microsoft Entra documentation; S).
# The template's initial password is the one for Microsoft Entra, so it is ignored.
_BULK_CREATE = Table(
    columns={field.template: name for name, field in USER_FIELDS.items() if field.template},
    # The column says whether the sign-in is blocked.
    values={"active": {"yes": "false", "no": "true", "": ""}},
)
_DOWNLOAD = Table(columns={field.download: name for name, field in USER_FIELDS.items() if field.download})
_PLAIN = Table(
    columns={name: name for name in ("upn", "identity", "state", *list(USER_FIELDS)[1:], "password")},
    strict=True,
)


def users_from_csv(text: str, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The users of a CSV file with their line numbers. An empty cell does not set its option.

    Raises InputError with the line number for an invalid row or a duplicate user, and for an unknown column.
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
    table, options = _matched_table(header, template, name)
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
        _refuse_odd_names(user, f"{name}, line {line}")
        key = comparison_key(user["upn"])
        if key in seen:
            raise InputError(
                f"{name}, line {line}: user {user['upn']!r} is already listed in line {seen[key]}. List every user once."
            )
        seen[key] = line
        yield line, user


def _refuse_odd_names(user: Mapping[str, Any], where: str) -> None:
    """An invisible character is found by its line."""
    for option in ("upn", "identity"):
        text = str(user.get(option) or "")
        if not (text.isascii() and text.isprintable()):
            try:
                (checked_upn if "@" in text else checked_text)(text, option)
            except InputError as error:
                raise InputError(f"{where}: {error.message}") from None


def _records(reader: Any, offset: int, name: str) -> Iterator[tuple[int, list[str]]]:
    """Every record with the number of its first line; a quoted value may have several lines."""
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
    """The separator of the columns: the one that is most frequent in the line of names."""
    return max(",;\t", key=header.count)


def _matched_table(header: Sequence[str], template: bool, name: str) -> tuple[Table, list[str | None]]:
    """The kind of table, and the option of every column (None for a column that is ignored)."""
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
                f"{name}: {unknown[0]!r} is not a known column. Known columns: {', '.join(table.columns)}."
            )
    if "upn" not in options:
        raise InputError(
            f"{name} has no column with the UPN: name it upn, or userPrincipalName as Microsoft Entra does."
        )
    doubled = [option for option in options if option and options.count(option) > 1]
    if doubled:
        raise InputError(f"{name} has two columns for {doubled[0]}. Remove one of them.")
    return table, options
