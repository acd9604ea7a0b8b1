# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Row


COLUMNS = ("kind", "name", "what", "details", "outcome", "reason")
"""The columns of the CSV. Users build filters on them: never rename one, and add new ones at the end."""

_FORMULA = re.compile("^(?=[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20])|(?<=[;\t\r\n])(?=[=+\\-@\uff0b\uff0d\uff1d\uff20])")
"""Where a spreadsheet may detect the beginning of a formula: at the beginning of a cell, and after a possible separator.
The list is OWASP's ("CSV Injection"), with the full-width forms of the four characters."""


def csv_of(rows: Iterable[Row]) -> str:
    """All rows in the format of RFC 4180, with the byte order mark by which Excel detects UTF-8."""
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        [safe_cell(cell) for cell in (row.object.name, row.name, row.what, row.details, row.outcome, row.reason)]
        for row in rows
    )
    return text.getvalue()


def safe_cell(text: str) -> str:
    """The text, with an apostrophe before anything that a spreadsheet would evaluate as a formula."""
    return _FORMULA.sub("'", text)
