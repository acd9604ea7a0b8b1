# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a run for people who do not read Ansible's output: a table for a spreadsheet, a page for a browser.

Write-only values never reach it: it reads what an action shows, and not its extras.

Private to this collection: not an interface for others.
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
    """A run and what became of it. `report` holds the plan with those left out, and what became of each action.

    `source` is where the wishes came from, in a reader's words. `rehearsal` is true when nothing was written.
    """

    report: ApplyResult
    environment: str
    source: str
    begun: datetime
    ended: datetime
    rehearsal: bool = False


_STAYED = ReportWords(ReportPart.LEFT_OUT, "left out", "")

_ORDER = {
    words: number
    for number, words in enumerate((*(row.words for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS)), _STAYED))
}

_LABELS = {name: field.label for name, field in USER_FIELDS.items()} | {"client_id": "client id"}
"""Where a reader's word differs from ours."""

UNREADABLE = "(not readable)"
"""What a plan shows for the old value of something that can be written and never read."""


@dataclass(frozen=True)
class Row:
    """What happened to one object. `outcome` is done, planned (in a rehearsal), failed, not tried or left out.

    `changes` are (field, before, after), `came` and `went` the members of a group, `person` is somebody's full name.
    """

    part: ReportPart
    object: ObjectKind
    name: str
    words: ReportWords
    outcome: str
    reason: str = ""
    person: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    came: tuple[str, ...] = ()
    went: tuple[str, ...] = ()
    remark: str = ""

    @property
    def what(self) -> str:
        """Never says that something happened which did not."""
        if self.outcome == "planned":
            return f"would {self.words.to}"
        return self.words.done if self.outcome == "done" else self.outcome

    @property
    def meant(self) -> str:
        """What has not happened and should have."""
        return f"was to {self.words.to}" if self.outcome in ("failed", "not tried") else ""

    @property
    def details(self) -> str:
        parts = [
            self.meant,
            self.person,
            self.remark,
            *(f"{name}: {before} -> {after}" if before else f"{name}: {after}" for name, before, after in self.changes),
            f"new members: {', '.join(self.came)}" if self.came else "",
            f"members who left: {', '.join(self.went)}" if self.went else "",
        ]
        return "; ".join(part for part in parts if part)


def rows_of(outcome: Outcome, redact: Callable[[str], str] = str) -> list[Row]:
    """Every object with what happened to it, in the order in which a report tells it; `redact` sees every text."""
    clean = _Clean(redact)
    rows = [_row(done, outcome.rehearsal, clean) for done in outcome.report.done]
    # A group that is nested in two others is told twice, with two reasons; the same reason once is enough.
    rows.extend(
        Row(ReportPart.LEFT_OUT, object_kind(item.kind), clean(item.name), _STAYED, "left out", clean(item.reason))
        for item in dict.fromkeys(outcome.report.plan.left_out)
    )
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[Any, ...]:
    by_reason = row.reason if row.outcome in ("not tried", "left out") else ""
    return row.part, by_reason, _ORDER.get(row.words, len(_ORDER)), comparison_key(row.name), row.name


def counts_of(rows: Iterable[Row]) -> dict[str, int]:
    """How many times each thing happened, such as {"joined": 3, "failed": 1}, in the order of the report.

    In a rehearsal "joined" are those who would join.
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
    """Makes a text fit for a report. Remembers, because reasons and names come again and again."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._known: dict[str, str] = {}

    def __call__(self, value: Any) -> str:
        text = str(value)
        if text not in self._known:
            # Neither half a character nor a control character may stand in UTF-8 or HTML; a spreadsheet knows the blank ones.
            whole = self._redact(text).encode("utf-8", "replace").decode("utf-8")
            self._known[text] = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", whole)
        return self._known[text]


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def _row(done: ActionResult, rehearsal: bool, clean: _Clean) -> Row:
    action = done.action
    words = _words(action)
    outcome = ("planned" if rehearsal else "done") if not done.error else "failed" if done.tried else "not tried"
    members = action.changes if action.type is MEMBERSHIP_CHANGE else {}
    return Row(
        ReportPart.FAILURES if done.error else words.part,
        action.type.object,
        clean(action.name),
        words,
        outcome,
        clean(done.error.message) if done.error else "",
        _person(action, clean),
        tuple(_changes(action, clean)),
        tuple(clean(name) for name in members.get("add", ())),
        tuple(clean(name) for name in members.get("remove", ())),
        _remark(action),
    )


def _words(action: Action) -> ReportWords:
    if action.is_about_user and action.changes.get("active") is False and action.subject is not None:
        # Whoever cannot sign in any more has left, whether the task said "absent" or "active: false".
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
    """What changes, beside what the words say themselves. A new object has no old values, and its names stand beside it."""
    if action.before is None or action.after is None or action.type.object in (MEMBERSHIP, ADMINISTRATOR):
        yield from _initial(action, clean)
        return
    for name, value in action.after.items():
        if name == "active":
            continue
        before = action.before.get(name)
        if before == UNREADABLE:
            # Its new value is as secret as the old one.
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
