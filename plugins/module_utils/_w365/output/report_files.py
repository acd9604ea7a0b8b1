# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a report to files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from ..model.paths import why_no_path
from .atomic_write import can_be_written_in_place, write_atomically
from .report import Outcome, Row, _Clean, remarks_of, rows_of
from .report_csv import csv_of

OPTION = "report_file"

ENDINGS = (".csv", ".html")


def checked_report_paths(paths: Sequence[str]) -> tuple[str, ...]:
    """The paths, each once. Raises InputError for one that no report can be written to.

    Call it before the first change of a run, while the path can still be corrected.
    """
    for path in paths:
        if reason := why_no_path(path):
            raise InputError(f"Option {OPTION}: a path {reason}.")
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
        if not os.access(place.parent, os.W_OK | os.X_OK) and not can_be_written_in_place(place):
            raise InputError(
                f"Option {OPTION}: {path!r} lies in a folder that the user of this task may not write to. Give this user the "
                f"right to write to {str(place.parent)!r}, or name another folder."
            )
    return tuple(dict.fromkeys(paths))


def write_reports(paths: Sequence[str], outcome: Outcome, redact: Callable[[str], str] = str) -> None:
    """Write each file in the format of its extension, atomically and readable by its owner only.

    `redact` is applied to every text that comes from the run. Every file is tried. Raises InputError like
    `checked_report_paths`, and where a file cannot be written, with all of them.
    """
    clean = _Clean(redact)
    outcome = replace(
        outcome,
        environment=clean(outcome.environment),
        source=clean(outcome.source),
        ended_early=clean(outcome.ended_early),
    )
    rows = rows_of(outcome, redact)
    write_each(paths, lambda path: _text_of(path, outcome, rows, redact))


def write_each(paths: Sequence[str], text_of: Callable[[str], str]) -> None:
    """Write what `text_of` makes of each path, once. Raises InputError at the end, with all that could not be written."""
    failed: list[str] = []
    for path in dict.fromkeys(paths):
        try:
            checked_report_paths([path])
            write_atomically(path, text_of(path), OPTION)
        except InputError as error:
            failed.append(error.message)
    if failed:
        raise InputError(" ".join(failed))


def _text_of(path: str, outcome: Outcome, rows: Sequence[Row], redact: Callable[[str], str]) -> str:
    if Path(path).suffix.lower() == ".csv":
        return csv_of(rows)
    from .report_html import page_of  # start-up

    return page_of(outcome, rows, remarks_of(outcome, redact))
