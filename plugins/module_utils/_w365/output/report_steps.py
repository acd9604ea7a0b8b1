# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run of several steps: the table and the page of report.py, with a row for each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..planning.actions import ObjectKind, ReportPart, ReportWords
from .report import Outcome, Row, _Clean, _place
from .report_csv import csv_of
from .report_files import write_each

STEP = ObjectKind("step", "step", "steps", "step")

_NO_WORDS = ReportWords(ReportPart.SETTINGS, "", "")


@dataclass(frozen=True)
class StepRow(Row):
    """A step. `state` is what a reader sees, such as "done" or "begun", and `remark` what came of it."""

    state: str = ""

    @property
    def what(self) -> str:
        return self.state

    @property
    def intended(self) -> str:
        return ""


def step_row(name: str, state: str, outcome: str, remark: str = "", reason: str = "") -> StepRow:
    """`outcome` is one of those of Row, or "unknown" where nobody noted how the step ended."""
    return StepRow(ReportPart.SETTINGS, STEP, name, _NO_WORDS, outcome, reason, remark=remark, state=state)


@dataclass(frozen=True)
class StepsReport:
    """What a run has done so far: each step with the rows of its objects, in the order of the steps.

    `about` is what the page is about. `unfinished` says why this is not the end of the run; it is empty at the end.
    """

    outcome: Outcome
    about: str
    steps: Sequence[tuple[StepRow, Sequence[Row]]]
    remarks: Sequence[str] = ()
    unfinished: str = ""


def write_steps(paths: Sequence[str], report: StepsReport, redact: Callable[[str], str] = str) -> None:
    """Write each file, as `write_reports` does; `redact` is applied to every text. Raises InputError like it."""
    clean = _Clean(redact)
    steps = [(_cleaned(step, clean), [_cleaned(row, clean) for row in rows]) for step, rows in report.steps]
    outcome = replace(
        report.outcome,
        environment=clean(report.outcome.environment),
        source=clean(report.outcome.source),
        ended_early=clean(report.outcome.ended_early),
    )
    whole = replace(
        report,
        outcome=outcome,
        about=clean(report.about),
        steps=steps,
        remarks=[clean(remark) for remark in report.remarks],
        unfinished=clean(report.unfinished),
    )
    write_each(paths, lambda path: _text_of(path, whole))


AnyRow = TypeVar("AnyRow", bound=Row)


def _cleaned(row: AnyRow, clean: _Clean) -> AnyRow:
    return replace(
        row,
        name=clean(row.name),
        reason=clean(row.reason),
        person=clean(row.person),
        remark=clean(row.remark),
        changes=tuple((clean(name), clean(before), clean(after)) for name, before, after in row.changes),
        added=tuple(map(clean, row.added)),
        removed=tuple(map(clean, row.removed)),
    )


def _text_of(path: str, report: StepsReport) -> str:
    if Path(path).suffix.lower() == ".csv":
        return csv_of(_in_order(report.steps))
    from .report_html import page_of, section_of_steps  # start-up

    rows = sorted((row for _step, rows in report.steps for row in rows), key=_place)
    steps = section_of_steps([step for step, _rows in report.steps])
    return page_of(report.outcome, rows, report.remarks, about=report.about, first=steps, unfinished=report.unfinished)


def _in_order(steps: Iterable[tuple[StepRow, Sequence[Row]]]) -> Iterable[Row]:
    for step, rows in steps:
        yield step
        yield from sorted(rows, key=_place)
