# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a role that runs several steps, in the formats of the module option report_file.

It is written before each step and after the last one: so it says how far a run came that nobody could end properly.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import ApplyResult
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report import (
    _LEFT_OUT,
    RUN,
    Outcome,
    Row,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_files import (
    OPTION,
    checked_report_paths,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_steps import (
    StepRow,
    StepsReport,
    step_row,
    write_steps,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    LEFT,
    OBJECT_KINDS,
    ObjectKind,
    ReportPart,
    ReportWords,
    action_type,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import owner_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import (
    OBJECTS,
    changes_of,
    participle,
    unknowns,
)

BEGUN = "begun"

OUTCOMES: Mapping[str, str] = {"failed": "failed", "planned": "planned", "manual": "not tried", "waiting": "not tried"}
"""The outcome in the table for states of a step that are not done."""

NO_END = (
    "{step} has begun, and nothing is noted after it. While ansible-playbook runs, it is at work. Otherwise the run was "
    "ended there, and what this step did is unknown: run it again, which does what is left."
)


def why_not_writable(variable: str, paths: Sequence[str], others: Iterable[str], folder: str, owner: str) -> str:
    """Why no report can be written to the paths of a variable, as a sentence; empty when one can be.

    `others` are files of the same run that the report must not replace. `folder` belongs to this run of Ansible, and
    `owner` is for whom the report is: nobody else may have the same file in this run.
    """
    try:
        checked_report_paths(paths)
    except InputError as error:
        return f"{_named(error.message, variable)} Nothing was written."
    taken = {os.path.realpath(os.path.expanduser(path)) for path in others}
    for path in paths:
        place = os.path.realpath(path)
        if place in taken:
            return (
                f"The variable {variable}: {path!r} is also a file of the definition. Give the report of the whole run a "
                "file of its own. Nothing was written."
            )
        other = owner_of(folder, "report", place, owner, owner)
        if other:
            return (
                f"The variable {variable}: {path!r} is also the report of {other} in this run. Give each its own file, such "
                "as one with {{ inventory_hostname }} in its name. Nothing was written."
            )
    return ""


def absolute(paths: Iterable[str]) -> list[str]:
    """A relative path begins in the folder in which ansible-playbook was started."""
    return [os.path.abspath(os.path.expanduser(str(path).strip())) for path in paths if str(path).strip()]


def _named(message: str, variable: str) -> str:
    return message.replace(f"Option {OPTION}:", f"The variable {variable}:")


class RunReport:
    """The files of one run. `note` keeps what it knows, so that another task of the same run can go on with it."""

    def __init__(
        self, variable: str, paths: Sequence[str], environment: str, *, about: str, source: str, predicted: bool
    ) -> None:
        self._variable = variable
        self._source = source
        self._paths = paths
        self._environment = environment
        self._about = about
        self._predicted = predicted
        self._started = datetime.now(timezone.utc).astimezone()
        self._steps: list[tuple[StepRow, list[Row]]] = []
        self._remarks: list[str] = []
        self._unchanged = 0
        self._compared = True
        self._failure = ""
        self.problems: list[str] = []
        """Why a file could not be written after the run had begun, as warnings."""

    def name(self, environment: str) -> None:
        """The environment's name, as far as it is known now."""
        self._environment = environment

    def begin(self, step: str) -> None:
        """Note that a step begins. Raises InputError when it is the first one and the files cannot be written."""
        row = step_row(step, BEGUN, "unknown", "what it did is not known")
        self._write([*self._steps, (row, [])], NO_END.format(step=step), must=not self._steps)

    def add(self, step: str, result: Mapping[str, Any], *, hidden: bool = False) -> None:
        """Note what the module of a step returned. `hidden` leaves out why it failed."""
        rows = list(rows_of(step, result, hidden))
        self._steps.append((self._row(step, result, hidden), rows))
        self.add_result(step, result)

    def add_step(
        self,
        step: str,
        state: str,
        words: str,
        changed: bool,
        results: Iterable[Mapping[str, Any]],
        left: Iterable[Mapping[str, str]],
    ) -> None:
        """Note a step in words of its own, with the results of the modules that it ran and the objects that stay."""
        outcome = OUTCOMES.get(state) or ("done" if changed else "unchanged")
        rows = [row for result in results for row in rows_of(step, {**result, "left_out": ()})]
        rows += rows_of(step, {"left_out": left})
        remark, reason = ("", words) if outcome == "failed" else (words, "")
        self._steps.append((step_row(step, state, outcome, remark, reason), rows))
        for result in results:
            self.add_result(step, result)

    def add_result(self, step: str, result: Mapping[str, Any]) -> None:
        """Note what counts for the whole run."""
        count = (result.get("summary") or {}).get("unchanged")
        self._unchanged += count if isinstance(count, int) else 0
        self._compared = self._compared and not unknowns([{**result, "step": step}])
        notes = [*(result.get("warnings") or ()), *(result.get("not_proven") or ())]
        self._remarks += [f"{step}: {note}" for note in notes]

    def pause(self, why: str) -> None:
        """Write what was done, where another task goes on. `why` says what that means when it does not."""
        self._write(self._steps, why)

    def end(self, waiting: Mapping[str, str], failure: str = "") -> None:
        """Write what was done. `waiting` are the steps that did not run, each with the reason."""
        self._failure = failure
        self._steps += [(step_row(step, "not reached", "not tried", why), []) for step, why in waiting.items()]
        self._write(self._steps, "")

    def _row(self, step: str, result: Mapping[str, Any], hidden: bool) -> StepRow:
        done = ", ".join(changes_of(result.get("results") or (), would=self._predicted))
        if result.get("failed"):
            unknown = ", ".join(f"unknown: {one}" for one in unknowns([{**result, "step": step}]))
            before = "; ".join(filter(None, [done, unknown]))
            reason = "" if hidden else str(result.get("msg") or "")
            return step_row(step, "failed", "failed", before, reason)
        if result.get("changed"):
            state, outcome = ("would change", "planned") if self._predicted else ("done", "done")
            return step_row(step, state, outcome, done)
        unknown = ", ".join(f"unknown: {one}" for one in unknowns([{**result, "step": step}]))
        return step_row(step, "unchanged", "unchanged", unknown)

    def _write(self, steps: Sequence[tuple[StepRow, Sequence[Row]]], unfinished: str, must: bool = False) -> None:
        plan = Plan(unchanged=(("object", ""),) * self._unchanged, compared=self._compared)
        ended = datetime.now(timezone.utc).astimezone()
        outcome = Outcome(
            ApplyResult(plan, []), self._environment, self._source, self._started, ended, self._predicted, self._failure
        )
        try:
            write_steps(self._paths, StepsReport(outcome, self._about, steps, self._remarks, unfinished))
        except InputError as error:
            if must:
                raise InputError(f"{_named(error.message, self._variable)} Nothing was written.") from None
            self.problems.append(f"{_named(error.message, self._variable)} The run itself continued.")

    # What another task needs to go on

    def note(self) -> dict[str, Any]:
        """Everything that is known, as JSON."""
        return {
            "started": self._started.isoformat(),
            "steps": [
                [[step.name, step.state, step.outcome, step.remark, step.reason], [_note_of(row) for row in rows]]
                for step, rows in self._steps
            ],
            "remarks": self._remarks,
            "unchanged": self._unchanged,
            "compared": self._compared,
        }

    def go_on(self, noted: Mapping[str, Any]) -> None:
        """Go on with what `note` has returned."""
        self._started = datetime.fromisoformat(noted["started"])
        self._steps = [(step_row(*step), [_row_of_note(row) for row in rows]) for step, rows in noted["steps"]]
        self._remarks = list(noted["remarks"])
        self._unchanged, self._compared = noted["unchanged"], noted["compared"]


def rows_of(step: str, result: Mapping[str, Any], hidden: bool = False) -> Iterator[Row]:
    """The rows of the objects that a module's result names, and of what it left out."""
    entries = [entry for entry in result.get("results") or () if entry.get("outcome") != "unchanged"]
    for entry in entries:
        yield _row_of_entry(entry, hidden)
    for item in result.get("left_out") or ():
        name, reason = str(item["name"]), str(item["reason"])
        yield Row(ReportPart.LEFT_OUT, _kind(str(item["kind"])), name, _LEFT_OUT, "left out", reason)
    if result.get("failed") and not any(entry.get("outcome") == "failed" for entry in entries):
        reason = "" if hidden else str(result.get("msg") or "")
        yield Row(
            ReportPart.FAILURES, RUN, step, ReportWords(ReportPart.FAILURES, "failed", "be done"), "failed", reason
        )


def _row_of_entry(entry: Mapping[str, Any], hidden: bool) -> Row:
    kind, outcome = str(entry["kind"]), str(entry["outcome"])
    words = _words(entry)
    changes = entry.get("changes") or {}
    members = {name: tuple(map(str, changes.get(name) or ())) for name in ("add", "remove")}
    is_membership = kind == "membership"
    lost = ", ".join(str(name).replace("_", " ") for name in entry.get("not_kept") or ())
    return Row(
        ReportPart.FAILURES if outcome in ("failed", "not tried") else words.part,
        _kind(kind),
        str(entry["name"]),
        words,
        outcome,
        "" if hidden else str(entry.get("reason") or ""),
        changes=() if is_membership else tuple(_changes(changes)),
        added=members["add"] if is_membership else (),
        removed=members["remove"] if is_membership else (),
        remark=f"not kept by the server: {lost}" if lost else "",
    )


def _changes(changes: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The new values; a result has no old ones."""
    for name, value in changes.items():
        if name != "active":
            shown = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else str(value)
            yield str(name).replace("_", " "), "", "(empty)" if value in (None, "") else str(shown)


def _words(entry: Mapping[str, Any]) -> ReportWords:
    kind, verb = str(entry["kind"]), str(entry["action"])
    done = participle(entry)
    if kind == "user" and done == "deactivated":
        return LEFT
    try:
        return action_type(kind, verb).words
    except LookupError:
        return ReportWords(ReportPart.SETTINGS, f"{_kind(kind).one} {done}", f"be {done}")


def _kind(name: str) -> ObjectKind:
    one, many = OBJECTS.get(name) or (name.replace("_", " "), f"{name.replace('_', ' ')}s")
    return OBJECT_KINDS.get(name) or ObjectKind(name, one, many, one)


def _note_of(row: Row) -> list[Any]:
    # Results of Ansible hold plain numbers and lists only.
    words = [int(row.words.part), *row.words[1:]]
    changes = [list(change) for change in row.changes]
    return [int(row.part), row.object.name, row.name, words, row.outcome, row.reason, changes, row.remark]


def _row_of_note(noted: Sequence[Any]) -> Row:
    part, kind, name, words, outcome, reason, changes, remark = noted
    rest = [tuple(map(str, change)) for change in changes]
    return Row(
        ReportPart(part),
        RUN if kind == RUN.name else _kind(kind),
        name,
        ReportWords(ReportPart(words[0]), *words[1:]),
        outcome,
        reason,
        changes=tuple((one, two, three) for one, two, three in rest),
        remark=remark,
    )
