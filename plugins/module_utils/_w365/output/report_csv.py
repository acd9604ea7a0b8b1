# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as a table for a spreadsheet.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .report import Row


COLUMNS = ("kind", "name", "what", "details", "outcome", "reason")
"""Of the CSV. People build filters on them: none is renamed, and a new one comes last."""

_FORMULA = re.compile("^(?=[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20])|(?<=[;\t\r\n])(?=[=+\\-@\uff0b\uff0d\uff1d\uff20])")
"""Where a spreadsheet may see the beginning of a formula: at the beginning of a cell, and after what it may take for a
separator of its own. The list is OWASP's ("CSV Injection"), with the wide forms of the four signs."""


def csv_of(rows: Iterable[Row]) -> str:
    """All rows as RFC 4180 wants them, with the mark by which Excel knows UTF-8."""
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
    """The text, with an apostrophe before whatever a spreadsheet would carry out as a formula."""
    return _FORMULA.sub("'", text)
