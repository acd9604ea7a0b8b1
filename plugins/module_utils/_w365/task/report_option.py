# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the outcome of a task to the files of option report_file.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import InputError
from ..execution.results import ApplyResult
from ..output.report import Outcome
from ..output.report_files import checked_report_paths, write_reports

if TYPE_CHECKING:
    from .base import W365Module


def prepare_reports(module: W365Module, source: str) -> None:
    """Refuse a report_file that cannot be written while nothing is changed. `source` is where the wishes come from."""
    paths = module.params["report_file"]
    if not paths:
        return
    checked_report_paths(paths)
    begun = datetime.now(timezone.utc).astimezone()
    environment = (module.params["environment"] or "").strip().lower()

    def write(report: ApplyResult, rehearsal: bool) -> None:
        ended = datetime.now(timezone.utc).astimezone()
        outcome = Outcome(report, environment, source, begun, ended, rehearsal)
        try:
            write_reports(paths, outcome, module.redactor.text)
        except InputError as error:
            # What was changed is changed, and the task's result tells it.
            module.warn(f"{error.message} The task itself went on, and its result holds the same.")

    module.on_report = write
