# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a report to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .atomic_write import write_atomically
from .report import Outcome, _Clean, remarks_of, rows_of
from .report_csv import csv_of

OPTION = "report_file"

ENDINGS = (".csv", ".html")


def checked_report_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, each once. Raises InputError for one that no report can be written to.

    Call it before the first change of a run, while the path can still be corrected.
    """
    for path in paths:
        place = Path(path)
        if place.suffix.lower() not in ENDINGS:
            raise InputError(
                f"Option {OPTION}: {path!r} ends neither in .csv nor in .html. The ending says what is written: name the file "
                "report.csv for a spreadsheet, or report.html for a browser."
            )
        if not place.parent.is_dir():
            raise InputError(
                f"Option {OPTION}: {path!r} lies in a folder that does not exist. A report is written into an existing folder: "
                f"create {str(place.parent)!r}, or name another one."
            )
        if place.is_dir():
            raise InputError(f"Option {OPTION}: {path!r} is a folder. Give the name of a file in it.")
        if not os.access(place.parent, os.W_OK | os.X_OK):
            raise InputError(
                f"Option {OPTION}: {path!r} lies in a folder that the user of this task may not write to. Give this user the "
                f"right to write to {str(place.parent)!r}, or name another folder."
            )
    return tuple(dict.fromkeys(paths))


def write_reports(paths: Sequence[str], outcome: Outcome, redact: Callable[[str], str] = str) -> None:
    """Write each file in the format of its extension, atomically and readable by its owner only.

    `redact` is applied to every text that comes from the run. Raises InputError like `checked_report_paths`, and where a
    file cannot be written.
    """
    paths = checked_report_paths(paths)
    clean = _Clean(redact)
    outcome = replace(outcome, environment=clean(outcome.environment), source=clean(outcome.source))
    rows = rows_of(outcome, redact)
    for path in paths:
        if Path(path).suffix.lower() == ".csv":
            text = csv_of(rows)
        else:
            from .report_html import page_of  # start-up

            text = page_of(outcome, rows, remarks_of(outcome, redact))
        write_atomically(path, text, OPTION)
