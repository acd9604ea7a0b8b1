# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the outcome of a task to the files of option report_file."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import InputError
from ..execution.results import ApplyResult
from ..output.report import Outcome
from ..output.report_files import checked_report_paths, write_reports
from ..planning.plan import Plan

if TYPE_CHECKING:
    from .base import Task


def prepare_reports(task: Task, source: str) -> None:
    """Refuse a report_file that cannot be written before anything is changed. `source` describes the desired state."""
    paths = task.options["report_file"]
    if not paths:
        return
    checked_report_paths(paths)
    started = datetime.now(timezone.utc).astimezone()
    environment = (task.options["environment"] or "").strip().lower()

    def write(report: ApplyResult, predicted: bool, ended_early: str = "") -> None:
        task.on_early_end = None
        ended = datetime.now(timezone.utc).astimezone()
        offboarding = getattr(task, "offboarding", None)
        if offboarding is not None and not ended_early:
            plan = report.plan._replace(skipped=(*report.plan.skipped, *offboarding.unplanned()))
            report = report._replace(plan=plan)
        outcome = Outcome(report, environment, source, started, ended, predicted, ended_early)
        try:
            write_reports(paths, outcome, task.redactor.text)
        except InputError as error:
            # The changes are made, and the task's result contains them.
            task.warn(f"{error.message} The task itself continued, and its result contains the same.")

    task.on_report = write
    task.on_early_end = lambda message: write(ApplyResult(Plan(), []), task.check_mode, message)
