# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run for readers without access to Ansible's output: a table for a spreadsheet, a page for a browser.

Write-only values are never part of it: it reads the visible fields of an action, and not its extras.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..execution.results import ActionResult, ApplyResult
from ..model.fields import USER_FIELDS
from ..model.names import comparison_key
from ..planning.actions import (
    ADMINISTRATOR,
    DIRECTORY_ACTIONS,
    GROUP,
    GROUP_DELETE,
    LEFT,
    MEMBERSHIP,
    MEMBERSHIP_CHANGE,
    USER,
    USER_CREATE,
    Action,
    ObjectKind,
    ReportPart,
    ReportWords,
    object_kind,
)
from ..planning.environment_actions import INSTANCE_ACTIONS


@dataclass(frozen=True)
class Outcome:
    """A run and its result. `report` contains the plan with the skipped objects, and the result of each action.

    `source` describes the source of the desired state. `predicted` is true when nothing was written. `ended_early` is the
    error of a run that ended before its changes, such as one that a guard refused.
    """

    report: ApplyResult
    environment: str
    source: str
    started: datetime
    ended: datetime
    predicted: bool = False
    ended_early: str = ""


RUN = ObjectKind("run", "run", "runs", "run")

_ENDED = ReportWords(ReportPart.FAILURES, "failed", "be made")

_LEFT_OUT = ReportWords(ReportPart.LEFT_OUT, "left out", "")

_ORDER = {
    words: number
    for number, words in enumerate((*(row.words for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS)), _LEFT_OUT))
}

_LABELS = {name: field.label for name, field in USER_FIELDS.items()} | {"client_id": "client id"}
"""The name of a field in a report, where it differs from that in results."""

UNREADABLE = "(not readable)"
"""The old value in a plan of what can be written and never read."""


@dataclass(frozen=True)
class Row:
    """One object in a report. `outcome` is done, planned (in a prediction), unchanged, failed, not tried or left out.

    `changes` are (field, before, after), `added` and `removed` the members of a group, `person` is a user's full name.
    """

    part: ReportPart
    object: ObjectKind
    name: str
    words: ReportWords
    outcome: str
    reason: str = ""
    person: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    remark: str = ""
    partly: bool = False

    @property
    def what(self) -> str:
        """What happened, or would happen; the outcome for a change that did not happen."""
        if self.outcome == "planned":
            return f"would {self.words.to}"
        return self.words.done if self.outcome == "done" else self.outcome

    @property
    def intended(self) -> str:
        """The change that should have happened and did not, or only partly; empty otherwise."""
        if self.outcome not in ("failed", "not tried"):
            return ""
        return f"was to {self.words.to}{', and was partly made' if self.partly else ''}"

    @property
    def details(self) -> str:
        parts = [
            self.intended,
            self.person,
            self.remark,
            *(f"{name}: {before} -> {after}" if before else f"{name}: {after}" for name, before, after in self.changes),
            f"new members: {', '.join(self.added)}" if self.added else "",
            f"members who left: {', '.join(self.removed)}" if self.removed else "",
        ]
        return "; ".join(part for part in parts if part)


def rows_of(outcome: Outcome, redact: Callable[[str], str] = str) -> list[Row]:
    """A row for every object, in the order of the report; `redact` is applied to every text."""
    clean = _Clean(redact)
    rows = [_row(done, clean) for done in outcome.report.done if done.outcome != "unchanged" or done.not_kept]
    # A group that is nested in two others has two rows, with two reasons; equal rows are shown once.
    rows.extend(
        Row(ReportPart.LEFT_OUT, object_kind(item.kind), clean(item.name), _LEFT_OUT, "left out", clean(item.reason))
        for item in dict.fromkeys(outcome.report.plan.skipped)
    )
    if outcome.ended_early:
        name, reason = clean(outcome.environment or "all changes"), clean(outcome.ended_early)
        rows.append(Row(ReportPart.FAILURES, RUN, name, _ENDED, "failed", reason))
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[Any, ...]:
    by_reason = row.reason if row.outcome in ("not tried", "left out") else ""
    return row.part, by_reason, _ORDER.get(row.words, len(_ORDER)), comparison_key(row.name), row.name


def counts_of(rows: Iterable[Row]) -> dict[str, int]:
    """The number of rows by `what`, such as {"joined": 3, "failed": 1}, in the order of the report.

    In a prediction "joined" counts those who would join.
    """
    counts: dict[str, int] = {}
    for row in rows:
        name = row.words.done if row.outcome == "planned" else row.what
        counts[name] = counts.get(name, 0) + 1
    return counts


def remarks_of(outcome: Outcome, redact: Callable[[str], str] = str) -> list[str]:
    clean = _Clean(redact)
    return [clean(note) for note in outcome.report.plan.notes]


class _Clean:
    """Redacts a text and removes characters that a report cannot contain. Results are cached: texts repeat."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._known: dict[str, str] = {}

    def __call__(self, value: Any) -> str:
        text = str(value)
        if text not in self._known:
            # UTF-8 cannot contain unpaired surrogates, and HTML no control characters but whitespace.
            whole = self._redact(text).encode("utf-8", "replace").decode("utf-8")
            self._known[text] = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", whole)
        return self._known[text]


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def _row(done: ActionResult, clean: _Clean) -> Row:
    action = done.done
    words = _words(action)
    members = action.changes if action.type is MEMBERSHIP_CHANGE else {}
    return Row(
        ReportPart.FAILURES if done.error else words.part,
        action.type.object,
        clean(action.name),
        words,
        done.outcome,
        clean(done.error.message) if done.error else "",
        _person(action, clean),
        tuple(_changes(action, clean)),
        tuple(clean(name) for name in members.get("add", ())),
        tuple(clean(name) for name in members.get("remove", ())),
        _remark(action) or _not_kept(done, clean),
        bool(done.error and done.error.changed),
    )


def _not_kept(done: ActionResult, clean: _Clean) -> str:
    names = ", ".join(_word(name, clean) for name in done.not_kept)
    return f"not kept by the server: {names}" if names else ""


def _words(action: Action) -> ReportWords:
    if action.is_about_user and action.changes.get("active") is False and action.subject is not None:
        # Users who cannot sign in any more have left, with "absent" as well as with "active: false".
        return LEFT
    return action.type.words


def _person(action: Action, clean: _Clean) -> str:
    if action.type.object not in (USER, ADMINISTRATOR):
        return ""
    thing = action.outcome or action.subject
    names = (clean(getattr(thing, name, None) or "").strip() for name in ("first_name", "last_name"))
    return " ".join(name for name in names if name)


def _remark(action: Action) -> str:
    if action.purged:
        return "is no longer on the list"
    if action.type is USER_CREATE and (action.after or {}).get("active") is False:
        return "cannot sign in yet"
    if action.type is GROUP_DELETE:
        number = len((action.before or {}).get("members") or ())
        return f"had {number} member{'s' if number != 1 else ''}" if number else ""
    return ""


def _changes(action: Action, clean: _Clean) -> Iterator[tuple[str, str, str]]:
    """The changed fields beside those that `words` express. A new object has no old values, and its names have columns."""
    if action.before is None or action.after is None or action.type.object in (MEMBERSHIP, ADMINISTRATOR):
        yield from _initial(action, clean)
        return
    for name, value in action.after.items():
        if name == "active":
            continue
        before = action.before.get(name)
        if before == UNREADABLE:
            # Its new value is secret too.
            yield _word(name, clean), "", "written"
        elif before != value:
            yield _word(name, clean), _shown(before, clean), _shown(value, clean)


def _initial(action: Action, clean: _Clean) -> Iterator[tuple[str, str, str]]:
    values = action.after or {}
    email = values.get("email")
    if (
        action.is_about_user
        and email
        and comparison_key(str(email)) != comparison_key(str(values.get("upn") or action.name))
    ):
        yield _word("email", clean), "", clean(email)
    if action.is_about_user and values.get("administrator"):
        yield _word("administrator", clean), "", "yes"
    if action.type.object is GROUP and values.get("description"):
        yield "description", "", clean(values["description"])


def _word(name: str, clean: _Clean) -> str:
    return _LABELS.get(name) or clean(name).replace("_", " ")


def _shown(value: Any, clean: _Clean) -> str:
    if value is None or value == "":
        return "(empty)"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else clean(value)
