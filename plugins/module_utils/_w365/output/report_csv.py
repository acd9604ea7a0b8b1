# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Row


COLUMNS = ("kind", "name", "what", "details", "outcome", "reason")
"""The columns of the CSV. Users build filters on them: never rename one, and add new ones at the end."""

_BLANKS = (
    "[\\s\\x00-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160\\u180b-\\u180e"
    "\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff9-\\ufffd]"
)
"""What a spreadsheet may skip, or a person not see: blanks of every width, invisible and control characters, and what
takes the place of the last."""

_FORMULA = re.compile(
    f"^(?=\t|\r|\n|{_BLANKS}*[=+\\-@\uff0b\uff0d\uff1d\uff20])|(?<=[;\t\r\n])(?={_BLANKS}{{0,200}}[=+\\-@\uff0b\uff0d\uff1d\uff20])"
)
"""Where a spreadsheet may detect the beginning of a formula: at the beginning of a cell, and after a possible separator.
The list is OWASP's ("CSV Injection"), with the full-width forms of the four characters, behind blanks too."""

_BIDI = re.compile("[\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]")
"""What turns the direction of a cell or breaks its line: a sheet has no place to isolate it, as a page has."""


def csv_of(rows: Iterable[Row]) -> str:
    """All rows as a table, see `table_as_csv`."""
    return table_as_csv(
        COLUMNS, ((row.object.name, row.name, row.what, row.details, row.outcome, row.reason) for row in rows)
    )


def table_as_csv(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """Headings and rows in the format of RFC 4180, with the byte order mark by which Excel detects UTF-8; no cell is a formula."""
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return text.getvalue()


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before anything that a spreadsheet would evaluate as a formula."""
    return _FORMULA.sub("'", _BIDI.sub("\N{REPLACEMENT CHARACTER}", text))
