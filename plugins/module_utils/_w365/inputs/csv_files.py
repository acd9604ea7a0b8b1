# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users in CSV files of Microsoft Entra and the Microsoft 365 admin center, and in files whose headings are option names."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..model.desired import Skipped
from ..model.fields import USER_FIELDS
from ..model.names import comparison_key, external_id_key

_PLAIN = {name.replace("_", ""): name for name in ("upn", "identity", "state", *list(USER_FIELDS)[1:], "password")}
"""The options of columns with plain headings, by heading without blanks, "_" and "-"."""

# Microsoft's "Download users", its PowerShell modules, and the export of active users in the Microsoft 365 admin center
# (Microsoft Entra documentation; S).
_EXPORTS = {heading: name for name, field in USER_FIELDS.items() for heading in field.exports}
_EXPORTS["blockcredential"] = "active"

_ONE_WORD = tuple(heading for heading, option in _PLAIN.items() if heading == option)

_OWN_IN_EXPORTS = ("identity", "email", "active", "external_id", "administrator")
"""Plain headings that no export of Microsoft has with another meaning, so that a person may add them to one."""

# Microsoft's template for creating users in bulk (Microsoft Entra documentation; S).
# Its initial password is the one for Microsoft Entra, so it is ignored.
_TEMPLATE = {field.template: name for name, field in USER_FIELDS.items() if field.template}

_TRUTH = {
    **dict.fromkeys(("true", "yes", "on", "y", "t", "1", "wahr", "ja", "j", "waar", "vrai", "oui"), "true"),
    **dict.fromkeys(("false", "no", "off", "n", "f", "0", "falsch", "nein", "onwaar", "nee", "faux", "non"), "false"),
}
"""Truth values of spreadsheets in English, Dutch, German and French."""

_BOOLEAN = frozenset(name for name, field in USER_FIELDS.items() if field.type == "bool")

_ERROR_VALUES = frozenset(
    (
        *(
            "#N/A",
            "#REF!",
            "#NAME?",
            "#VALUE!",
            "#DIV/0!",
            "#NULL!",
            "#NUM!",
            "#SPILL!",
            "#CALC!",
            "#FIELD!",
            "#BLOCKED!",
        ),
        *("#CONNECT!", "#GETTING_DATA"),
        *("#NV", "#BEZUG!", "#WERT!", "#ZAHL!"),
        *("#N/B", "#VERW!", "#NAAM?", "#WAARDE!", "#DEEL/0!", "#LEEG!", "#GETAL!"),
        *("#NOM?", "#VALEUR!", "#NUL!", "#NOMBRE!"),
    )
)
"""What spreadsheets in English, German, Dutch and French write instead of a value that a formula does not have."""

_QUOTED = re.compile(r'="((?:[^"]|"")*)"')
"""A text as a formula, by which programs keep Excel from reading it as a number."""

_EXPONENT = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{2,3}")
"""A long number as Excel shows it."""

_DIGITS = frozenset(("external_id", "identity", "phone"))
"""The options whose values may be long numbers."""

_NEAR = 0.7
"""Headings of this similarity are near matches."""


class CsvUsers:
    """The users of a CSV file. An empty cell does not set its option.

    `rows` are users with their line numbers, `problems` bad rows with theirs, `skipped` rows that an import would leave out
    too, of which purges keep `spared` (keys of users and external ids), `unused` headings of columns that are not used.
    Raises InputError for a file that is no such table as a whole.
    """

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.problems: list[tuple[int, str]] = []
        self.skipped: list[Skipped] = []
        self.unused: list[str] = []
        self._spared: set[str] = set()
        self._seen: dict[str, int] = {}
        start, self._template, delimiter, lines = _beginning(text, name)
        delimiter = delimiter or _delimiter(lines[start])
        reader = csv.reader(io.StringIO("".join(lines[start:]), newline=""), delimiter=delimiter, strict=True)
        records = _records(reader, start, name)
        _line, self._header = next(records, (0, []))
        self._read_header()
        for line, cells in records:
            if any(cell.strip() for cell in cells) and cells != self._header:
                self._add(line, cells)

    @property
    def spared(self) -> frozenset[str]:
        return frozenset(self._spared)

    def _read_header(self) -> None:
        """Decide which kind of table it is, and which option each column has (None for one that is not used)."""
        names = [_heading(cell) for cell in self._header]
        self._bracketed = self._template or any("[" in cell for cell in self._header)
        self._microsoft = "userprincipalname" in names and "upn" not in names
        if self._microsoft:
            known: Mapping[str, str] = _TEMPLATE if self._bracketed else _EXPORTS
            self._options: list[str | None] = [known.get(name) for name in names]
            for at, name in enumerate(names):
                own = _PLAIN.get(name)
                if own in _OWN_IN_EXPORTS and own not in self._options and not self._bracketed:
                    self._options[at] = own
        else:
            self._options = ["upn" if name == "userprincipalname" else _PLAIN.get(name) for name in names]
        unknown = [
            (cell.strip(), name)
            for cell, name, option in zip(self._header, names, self._options, strict=True)
            if name and option is None
        ]
        if not self._microsoft:
            self._refuse_near([cell for cell, name in unknown if _is_near(cell, name)])
        self.unused = [cell for cell, _name in unknown]
        if "upn" not in self._options:
            raise InputError(
                f"{self._name} has no column with the UPN: name it upn, or userPrincipalName as Microsoft Entra does."
            )
        doubled = [option for option in self._options if option and self._options.count(option) > 1]
        if doubled:
            raise InputError(f"{self._name} has two columns for {doubled[0]}. Remove one of them.")
        # A block of the sign-in is the opposite of being active.
        self._inverted = frozenset(
            at
            for at, name in enumerate(names)
            if name == "blockcredential" or (self._bracketed and name == "accountenabled")
        )

    def _refuse_near(self, cells: Sequence[str]) -> None:
        if cells:
            listed, are = (
                (f"{cells[0]!r} is", "a known column")
                if len(cells) == 1
                else (", ".join(map(repr, cells)) + " are", "known columns")
            )
            raise InputError(
                f"{self._name}: {listed} not {are}. Known columns: {', '.join(_PLAIN.values())}. Correct the heading, or remove the "
                "column; one that looks like none of these is not used, and named in the result."
            )

    def _add(self, line: int, cells: Sequence[str]) -> None:
        """Add a row, or say why it cannot be used."""
        header = self._header
        if any(cell.strip() for cell in cells[len(header) :]):
            text = f"{len(cells)} values for {len(header)} columns. Put values with the separator in quotes."
            self.problems.append((line, text))
            return
        user: dict[str, Any] = {}
        before = len(self.problems)
        for at, (option, cell) in enumerate(zip(self._options, cells, strict=False)):
            value = cell.strip()
            if not value:
                continue
            if option and (value[0] in "#=" or option in _DIGITS):
                reason = _spoiled(option, value)
                if reason:
                    self.problems.append((line, f"{value!r} in column {header[at].strip()!r} {reason}"))
                    continue
                value = _unwrapped(option, value)
                if not value:
                    continue
            if not header[at].strip():
                text = f"column {at + 1} has a value and no heading. Give the column a heading, or empty it."
                self.problems.append((line, text))
            elif option in _BOOLEAN:
                user[option] = self._truth(line, at, value)
            elif option:
                user[option] = value.lower() if option == "state" else value
        if len(self.problems) == before or "upn" in user:
            self._take(line, user, cells)

    def _truth(self, line: int, at: int, value: str) -> str:
        found = _TRUTH.get(value.lower())
        if found is None:
            self.problems.append(
                (
                    line,
                    f"{value!r} in column {self._header[at].strip()!r} is neither true nor false. Write true or false, or yes or no, "
                    "or what your spreadsheet makes of them, such as WAHR, WAAR or VRAI.",
                )
            )
        return "false" if (found == "true") == (at in self._inverted) else "true"

    def _take(self, line: int, user: dict[str, Any], cells: Sequence[str]) -> None:
        if self._template and any(cell.strip().startswith("Example:") for cell in cells):
            self._skip(line, user, "is the example of Microsoft's template")
            return
        if not user.get("upn"):
            self.problems.append((line, "the user has no UPN."))
            return
        key = comparison_key(user["upn"])
        if key in self._seen:
            text = f"user {user['upn']!r} is already listed in line {self._seen[key]}. List every user once."
            self.problems.append((line, text))
            return
        self._seen[key] = line
        missing = [
            word
            for word, name in (("first", "first_name"), ("last", "last_name"))
            if name in self._options and not user.get(name)
        ]
        if self._microsoft and missing:
            self._skip(line, user, f"has no {' and no '.join(missing)} name; Workspace 365 needs both")
        else:
            self.rows.append((line, user))

    def _skip(self, line: int, user: Mapping[str, Any], reason: str) -> None:
        upn = str(user.get("upn") or "")
        self.skipped.append(Skipped("user", upn, f"{reason} ({self._name}, line {line})"))
        self._spared |= {comparison_key(upn), external_id_key(user.get("external_id"))} - {""}


def _spoiled(option: str, value: str) -> str:
    """Why a cell does not hold the value that somebody meant: a spreadsheet wrote something else. Empty where it does."""
    if value in _ERROR_VALUES:
        return "is an error of the spreadsheet and no value. Correct its formula, or empty the cell."
    if option in _DIGITS and _EXPONENT.fullmatch(value):
        return (
            "is how Excel shows a long number: its last digits are lost. Give the column the format Text, enter the "
            "number again from its source, and save the file."
        )
    return ""


def _unwrapped(option: str, value: str) -> str:
    """The text of a cell that is written as a formula; a password stays as it is."""
    found = _QUOTED.fullmatch(value) if option != "password" else None
    return found[1].replace('""', '"').strip() if found else value


def _beginning(text: str, name: str) -> tuple[int, bool, str, list[str]]:
    """Where the headings are, whether the file is Microsoft's template, the separator that a line of Excel names, the lines."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
    template, delimiter, start = False, "", 0
    while start < len(lines):
        line = lines[start].strip("\r\n")
        bare = line.strip().strip('"').lower()
        if re.fullmatch(r"sep=.", line.strip(' "').lower()):
            delimiter = line.strip(' "')[-1]
        elif bare.strip(',;\t"').startswith("version:"):
            template = True
        elif line.strip(" \t,;") and not bare.startswith("#type "):
            return start, template, delimiter, lines
        start += 1
    raise InputError(f"{name} is empty: it has no line with the names of the columns.")


def _heading(cell: str) -> str:
    """A heading as it is compared: "User name [userPrincipalName] Required" becomes "userprincipalname"."""
    inner = cell.partition("[")[2].partition("]")[0] if "[" in cell else cell
    return re.sub(r"[\s_-]+", "", inner).lower()


def _is_near(cell: str, name: str) -> bool:
    """Whether a heading may be meant for a known column: then nobody should believe that it is used."""
    words = [word for word in re.split(r"[\s_-]+", cell.lower()) if len(word) > 4]
    if name in _EXPORTS or any(known.startswith(word) for word in words for known in _ONE_WORD):
        return True
    from difflib import SequenceMatcher  # start-up

    for known in _PLAIN:
        if (len(known) > 4 and known in name) or (len(name) > 3 and name in known):
            return True
        if SequenceMatcher(None, name, known).ratio() >= _NEAR:
            return True
    return False


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
    """The separator of the columns: the one with which most headings are known, then the one that is most frequent."""

    def known(delimiter: str) -> int:
        names = [_heading(cell.strip().strip('"')) for cell in header.split(delimiter)]
        return sum(name in _PLAIN or name in _EXPORTS for name in names)

    return max(",;\t", key=lambda delimiter: (known(delimiter), header.count(delimiter)))
