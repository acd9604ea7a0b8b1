# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of a run for people who do not read Ansible's output: a table for a spreadsheet, a page for a browser.

Write-only values never reach it: it reads what an action shows, and not its extras.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..execution.results import ActionResult, ApplyResult
from ..model.names import comparison_key
from ..planning.actions import Action

FAILURES, LEAVERS, JOINERS, CHANGES, LEFT_OUT, GROUPS, SETTINGS = range(7)
"""The parts of a report, in the order of what a reader has to act on."""


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


@dataclass(frozen=True)
class Wording:
    """An action in a manager's words: "joined", "would join" or "was to join", "3 people joined".

    `past` is only given where `to` does not begin with "be".
    """

    part: int
    done: str
    to: str
    past: str = ""


_LEFT = Wording(LEAVERS, "left", "leave", "left")


_STAYED = Wording(LEFT_OUT, "left out", "")


_OTHER = Wording(SETTINGS, "changed", "be changed")


WORDINGS: Mapping[tuple[str, str], Wording] = {
    ("user", "delete"): _LEFT,
    ("user", "delete_permanently"): Wording(LEAVERS, "deleted for good", "be deleted for good"),
    ("user", "create"): Wording(JOINERS, "joined", "join", "joined"),
    ("user", "restore"): Wording(JOINERS, "came back", "come back", "came back"),
    ("user", "update"): Wording(CHANGES, "changed", "get new details", "got new details"),
    ("administrator", "grant"): Wording(
        CHANGES, "administrator role given", "get the administrator role", "got the administrator role"
    ),
    ("administrator", "revoke"): Wording(
        CHANGES, "administrator role taken", "lose the administrator role", "lost the administrator role"
    ),
    ("group", "create"): Wording(GROUPS, "group created", "be created"),
    ("group", "update"): Wording(GROUPS, "group changed", "be changed"),
    ("membership", "change"): Wording(GROUPS, "members changed", "get other members", "got other members"),
    ("group", "delete"): Wording(GROUPS, "group deleted", "be deleted"),
    ("environment", "create"): Wording(SETTINGS, "environment created", "be created"),
    ("environment", "activate"): Wording(SETTINGS, "environment activated", "be activated"),
    ("environment", "deactivate"): Wording(SETTINGS, "environment deactivated", "be deactivated"),
    ("environment", "delete"): Wording(SETTINGS, "environment deleted", "be deleted"),
    ("sso", "write"): Wording(SETTINGS, "sign-on written", "be written"),
}


_ORDER = {deed: number for number, deed in enumerate((*WORDINGS.values(), _STAYED, _OTHER))}


_FIELDS = {
    "upn": "sign-in name",
    "first_name": "first name",
    "last_name": "last name",
    "email": "e-mail address",
    "active": "can sign in",
    "external_id": "id at the source",
    "administrator": "administrator",
    "client_id": "client id",
}
"""Where a reader's word differs from ours."""


UNREADABLE = "(not readable)"
"""What a plan shows for the old value of something that can be written and never read."""


@dataclass(frozen=True)
class Row:
    """What happened to one object. `outcome` is done, planned (in a rehearsal), failed, not tried or left out.

    `changes` are (field, before, after), `came` and `went` the members of a group, `person` is somebody's full name.
    """

    part: int
    kind: str
    name: str
    deed: Wording
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
            return f"would {self.deed.to}"
        return self.deed.done if self.outcome == "done" else self.outcome

    @property
    def meant(self) -> str:
        """What has not happened and should have."""
        return f"was to {self.deed.to}" if self.outcome in ("failed", "not tried") else ""

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
        Row(LEFT_OUT, item.kind, clean(item.name), _STAYED, "left out", clean(item.reason))
        for item in dict.fromkeys(outcome.report.plan.left_out)
    )
    return sorted(rows, key=_place)


def _place(row: Row) -> tuple[Any, ...]:
    by_reason = row.reason if row.outcome in ("not tried", "left out") else ""
    return row.part, by_reason, _ORDER[row.deed], comparison_key(row.name), row.name


def counts_of(rows: Iterable[Row]) -> dict[str, int]:
    """How many times each thing happened, such as {"joined": 3, "failed": 1}, in the order of the report.

    In a rehearsal "joined" are those who would join.
    """
    counts: dict[str, int] = {}
    for row in rows:
        name = row.deed.done if row.outcome == "planned" else row.what
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
    deed = _deed(action)
    outcome = ("planned" if rehearsal else "done") if not done.error else "failed" if done.tried else "not tried"
    members = action.changes if action.kind == "membership" else {}
    return Row(
        FAILURES if done.error else deed.part,
        action.kind,
        clean(action.name),
        deed,
        outcome,
        clean(done.error.message) if done.error else "",
        _person(action, clean),
        tuple(_changes(action, clean)),
        tuple(clean(name) for name in members.get("add", ())),
        tuple(clean(name) for name in members.get("remove", ())),
        _remark(action),
    )


def _deed(action: Action) -> Wording:
    if action.kind == "user" and action.changes.get("active") is False and action.subject is not None:
        # Whoever cannot sign in any more has left, whether the task said "absent" or "active: false".
        return _LEFT
    return WORDINGS.get((action.kind, action.verb), _OTHER)


def _person(action: Action, clean: _Clean) -> str:
    if action.kind not in ("user", "administrator"):
        return ""
    thing = action.outcome or action.subject
    names = (clean(getattr(thing, name, None) or "").strip() for name in ("first_name", "last_name"))
    return " ".join(name for name in names if name)


def _remark(action: Action) -> str:
    if action.purged:
        return "is not on the list any more"
    if action.kind == "user" and action.verb == "create" and (action.after or {}).get("active") is False:
        return "cannot sign in yet"
    if action.kind == "group" and action.verb == "delete":
        number = len((action.before or {}).get("members") or ())
        return f"had {number} member{'s' if number != 1 else ''}" if number else ""
    return ""


def _changes(action: Action, clean: _Clean) -> Iterator[tuple[str, str, str]]:
    """What changes, beside what the deed says itself. A new object has no old values, and its names stand beside it."""
    if action.before is None or action.after is None or action.kind in ("membership", "administrator"):
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
        action.kind == "user"
        and email
        and comparison_key(str(email)) != comparison_key(str(values.get("upn") or action.name))
    ):
        yield _word("email", clean), "", clean(email)
    if action.kind == "user" and values.get("administrator"):
        yield _word("administrator", clean), "", "yes"
    if action.kind == "group" and values.get("description"):
        yield "description", "", clean(values["description"])


def _word(name: str, clean: _Clean) -> str:
    return _FIELDS.get(name) or clean(name).replace("_", " ")


def _shown(value: Any, clean: _Clean) -> str:
    if value is None or value == "":
        return "(empty)"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else clean(value)
