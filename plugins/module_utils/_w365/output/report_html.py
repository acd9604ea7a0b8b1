# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run as one self-contained HTML page: no script, no font, no image, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby

from ..planning.actions import ReportPart
from .report import Outcome, Row, counts_of

COLLAPSE_ABOVE = 200
"""A part with more rows is collapsed, since a browser would be slow to lay them out."""

COLLAPSE_NAMES_ABOVE = 20
"""More names in one cell are collapsed."""

INTENDED = "Intended change"

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
"""Not strftime's, which depend on the locale."""

_TITLES: Mapping[int, tuple[str, str]] = {
    ReportPart.FAILURES: ("Failures", "These changes were not made. Rerun the task to retry them."),
    ReportPart.LEAVERS: (
        "Leavers",
        "They cannot sign in any more. Users who left stay on the deleted-users list for 30 days and can be restored until then.",
    ),
    ReportPart.JOINERS: ("Joiners", "They are new, or were restored from the deleted-users list."),
    ReportPart.CHANGES: ("Changes", "They existed before and were changed."),
    ReportPart.LEFT_OUT: ("Left out", "Nothing was changed about these, each for the reason that is given."),
    ReportPart.GROUPS: ("Groups", "Groups, and who is in them."),
    ReportPart.SETTINGS: ("Environment", "The environment itself and its settings."),
}

_PREDICTED_TITLES: Mapping[int, tuple[str, str]] = {
    **_TITLES,
    ReportPart.LEAVERS: ("Leavers", "They could not sign in any more. Nobody has left yet."),
    ReportPart.JOINERS: (
        "Joiners",
        "They would be new, or be restored from the deleted-users list. Nobody has joined yet.",
    ),
    ReportPart.CHANGES: ("Changes", "They exist and would be changed. Nothing has changed yet."),
    ReportPart.LEFT_OUT: ("Left out", "Nothing would be changed about these, each for the reason that is given."),
    ReportPart.GROUPS: ("Groups", "Groups, and who would be in them. Nothing has changed yet."),
    ReportPart.SETTINGS: ("Environment", "The environment itself and its settings. Nothing has changed yet."),
}

_TILES = ("joined", "left", "changed", "left out", "failed")
"""Shown even when they are zero."""


# Every pair of colors has a contrast of 4.5 to 1 or more.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #55555f; --paper: #ffffff; --tint: #f2f3f7; --line: #c9cad3;
  --bad: #a4161a; --warn: #7a4b00; --warn-tint: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #b4b5c0; --paper: #17181c; --tint: #23252b;
  --line: #494b55; --bad: #ff9a94; --warn: #ffd27a; --warn-tint: #3a2d0c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2rem 0 .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0 .75rem; }
.lead { font-size: 1.1rem; }
.soft, small { color: var(--soft); font-size: .875rem; }
.prediction { background: var(--warn-tint); color: var(--warn); border: 2px solid; border-radius: .5rem; padding: .75rem 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .5rem; margin: 1rem 0; }
.tiles div { display: flex; flex-direction: column-reverse; justify-content: flex-end; background: var(--tint); border-radius: .5rem; padding: .6rem .8rem; }
.tiles dt { color: var(--soft); font-size: .875rem; }
.tiles dd { margin: 0; font-size: 1.5rem; font-weight: 600; line-height: 1.2; }
.tiles .bad dd, .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: start; vertical-align: top; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); }
thead th { font-size: .875rem; color: var(--soft); }
tbody th { font-weight: 600; width: 40%; }
.failures tbody th, .failures td { width: 25%; }
.failures td:last-child { width: 50%; }
tbody th small { font-weight: 400; display: block; width: fit-content; }
td ul { margin: 0; padding: 0; list-style: none; }
summary { cursor: pointer; padding: .35rem 0; }
[dir=auto] { unicode-bidi: isolate; }
@media (max-width: 30rem) { th, td { padding-inline-end: .35rem; font-size: .9375rem; } tbody th { width: 50%; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } tr, .tiles div { break-inside: avoid; }
  h2, h3, section > p, thead { break-after: avoid; } td details::details-content { content-visibility: visible; block-size: auto; }
  thead { display: table-header-group; } .tiles div { border: 1px solid var(--line); } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


# If anything ever passes the escaping, a browser runs and loads nothing but this style.
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page_of(
    outcome: Outcome,
    rows: Sequence[Row],
    remarks: Sequence[str] = (),
    *,
    about: str = "people and groups",
    first: str = "",
    unfinished: str = "",
) -> str:
    """The page for the rows of this outcome, in the order of `rows_of`. All texts are clean already, see `write_reports`.

    `first` is a section before the others, as HTML. `unfinished` says why this is not the end of the run.
    """
    where = f", {outcome.environment}" if outcome.environment else ""
    title = f"Workspace 365{where}: {about} on {_day(outcome.started)}"
    parts = {part: list(those) for part, those in groupby(rows, key=lambda row: row.part)}
    titles = _PREDICTED_TITLES if outcome.predicted else _TITLES
    sections = [_section(part, *titles[part], those) for part, those in parts.items()]
    body = [
        f"<h1>{_name(title)}</h1>",
        '<p class="prediction" role="note"><strong>This is a prediction.</strong> Nothing was written: the page shows what would '
        "happen.</p>"
        if outcome.predicted
        else "",
        f'<p class="prediction" role="note"><strong>The run ended early.</strong> {_name(outcome.ended_early)}</p>'
        if outcome.ended_early
        else f'<p class="prediction" role="note"><strong>This is not finished.</strong> {_name(unfinished)}</p>'
        if unfinished
        else f'<p class="lead">{_summary(outcome, rows)}</p>',
        _about(outcome),
        _tiles(rows, outcome.report.unchanged, outcome.predicted),
        first,
        *sections,
        _remarks(remarks),
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape('Prediction: ' if outcome.predicted else '')}{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            *(piece for piece in body if piece),
            "</main>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _name(text: str, tag: str = "span") -> str:
    """An escaped text of any origin; it may be written from right to left."""
    return f'<{tag} dir="auto">{escape(text)}</{tag}>'


def _summary(outcome: Outcome, rows: Sequence[Row]) -> str:
    """What happened, in a few sentences."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in rows:
        if row.outcome in ("done", "planned"):
            subject = (row.object.one, row.object.many)
            key = (*subject, f"would {row.words.to}" if outcome.predicted else row.words.past or row.words.to)
            counts[key] = counts.get(key, 0) + 1
    changes = [
        f"{_number(number)} {one if number == 1 else many} {_past(verb, number)}"
        for (one, many, verb), number in counts.items()
    ]
    sentences = [f"{escape(_listed(changes))}." if changes else ""]
    numbers = counts_of(rows)
    failed, untried, left_out = (numbers.get(name, 0) for name in ("failed", "not tried", "left out"))
    if failed:
        sentences.append(
            f'<strong class="bad">{_number(failed)} {"change" if failed == 1 else "changes"} failed.</strong>'
        )
    if untried:
        verb = "change was" if untried == 1 else "changes were"
        sentences.append(
            f'<strong class="bad">{_number(untried)} {verb} not tried, because other changes failed.</strong>'
        )
    if not changes and not failed and not untried:
        sentences = ["Nothing had to be changed." if not outcome.predicted else "Nothing would have to be changed."]
    elif not failed and not untried and not outcome.predicted:
        sentences.append("Nothing failed.")
    if left_out:
        verb = "would be" if outcome.predicted else "was" if left_out == 1 else "were"
        sentences.append(f"{_number(left_out)} {verb} left out; the reasons are listed below.")
    if not outcome.report.plan.compared:
        sentences.append("Not all current values could be read; see the remarks at the end.")
    return " ".join(sentence for sentence in sentences if sentence)


def _past(verb: str, number: int) -> str:
    """The past tense: "be changed" becomes "was changed" or "were changed"."""
    if verb.startswith("be "):
        return f"{'was' if number == 1 else 'were'} {verb[3:]}"
    return verb


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _number(number: int) -> str:
    """50000 -> 50 000, with no-break spaces: a comma or a point has different meanings in different countries."""
    return f"{number:,}".replace(",", "\N{NO-BREAK SPACE}")


def _about(outcome: Outcome) -> str:
    seconds = round((outcome.ended - outcome.started).total_seconds())
    minutes, rest = divmod(max(seconds, 0), 60)
    parts = (f"{_number(minutes)} min" if minutes else "", f"{rest} s" if rest or not minutes else "")
    took = " ".join(part for part in parts if part)
    started = escape(outcome.started.isoformat(timespec="seconds"))
    pieces = [
        f"Environment: {_name(outcome.environment)}" if outcome.environment else "",
        f"Source: {_name(outcome.source)}" if outcome.source else "",
        f'Started: <time datetime="{started}">{_day(outcome.started)}, {_time(outcome.started)}</time>',
        f"Took: {took}",
    ]
    return f'<p class="soft">{" &middot; ".join(piece for piece in pieces if piece)}</p>'


def _day(moment: datetime) -> str:
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def _time(moment: datetime) -> str:
    return escape(f"{moment:%H:%M} {moment.tzname() or ''}".strip())


def _tiles(rows: Sequence[Row], unchanged: int, predicted: bool) -> str:
    counts = counts_of(rows)
    words: dict[str, str] = {}
    always: Sequence[str] = _TILES
    if predicted:
        words = {"joined": "would join", "left": "would leave", "changed": "would get new details"}
        words |= {row.words.done: _would(row, counts[row.words.done]) for row in rows if row.outcome == "planned"}
        always = [name for name in _TILES if name != "failed"]
    shown = {**{name: counts.get(name, 0) for name in always}, **counts, "unchanged": unchanged}
    tiles = [
        f'<div class="{"bad" if name in ("failed", "not tried") and number else "good"}">'
        f"<dt>{escape(_capital(words.get(name, name)))}</dt><dd>{_number(number)}</dd></div>"
        for name, number in shown.items()
    ]
    return f'<dl class="tiles">{"".join(tiles)}</dl>'


def _would(row: Row, number: int) -> str:
    """Such as "would join", and for other objects "groups would be created"."""
    one, many = row.object.one, row.object.many
    subject = "" if one == "person" else one if number == 1 else many
    return f"{subject} would {row.words.to}".strip()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _section(part: int, title: str, explanation: str, rows: Sequence[Row]) -> str:
    pieces = [f'<section aria-labelledby="part-{part}">', f'<h2 id="part-{part}">{title} ({_number(len(rows))})</h2>']
    pieces.append(f"<p>{explanation}</p>")
    collapse = len(rows) > COLLAPSE_ABOVE
    if part == ReportPart.LEFT_OUT:
        pieces.extend(_by_reason(rows, "Left out", "Kind", collapse))
    elif part == ReportPart.FAILURES:
        failed = [row for row in rows if row.outcome == "failed"]
        if failed:
            pieces.append(_collapsible(_failures(failed), len(failed), collapse))
        pieces.extend(_by_reason([row for row in rows if row.outcome == "not tried"], "Not tried", INTENDED, collapse))
    else:
        pieces.append(_collapsible(_table(title, ("Name", "What"), rows, _change_cell), len(rows), collapse))
    return "\n".join([*pieces, "</section>"])


def section_of_steps(rows: Sequence[Row]) -> str:
    """The steps of a run of several, in their order."""
    title = "Steps"
    table = _table(title, ("Step", "What"), rows, _step_cell)
    return f'<section aria-labelledby="steps">\n<h2 id="steps">{title} ({_number(len(rows))})</h2>\n{table}\n</section>'


def _step_cell(row: Row) -> str:
    lines = [_name(text) for text in (row.remark, row.reason) if text]
    listed = f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else ""
    return f"<td>{escape(_capital(row.what))}{listed}</td>"


def _failures(rows: Sequence[Row]) -> str:
    table = _table("Changes that failed", ("Name", INTENDED, "Reason"), rows, _failure_cells)
    # A reason is a sentence or several, and a name is a word.
    return table.replace("<table>", '<table class="failures">', 1)


def _by_reason(rows: Sequence[Row], title: str, column: str, collapse: bool) -> list[str]:
    """One table for each reason."""
    pieces = []
    for reason, group in groupby(rows, key=lambda row: row.reason):
        those = list(group)
        heading = _name(f"{title}: {reason}")
        table = _table(heading, ("Name", column), those, _skipped_cell)
        pieces += [f"<h3>{heading} ({_number(len(those))})</h3>", _collapsible(table, len(those), collapse)]
    return pieces


def _collapsible(table: str, number: int, collapse: bool) -> str:
    if not collapse:
        return table
    return f"<details><summary>Show {'the one' if number == 1 else f'all {_number(number)}'}</summary>\n{table}\n</details>"


def _table(title: str, columns: Sequence[str], rows: Iterable[Row], cells: Callable[[Row], str]) -> str:
    """`title` is HTML, and only for screen readers: it repeats the heading above."""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    lines = [f"<table><caption>{title}</caption>", f"<thead><tr>{head}</tr></thead>", "<tbody>"]
    lines += [f"<tr>{_name_cell(row)}{cells(row)}</tr>" for row in rows]
    return "\n".join([*lines, "</tbody></table>"])


def _name_cell(row: Row) -> str:
    person = _name(row.person, "small") if row.person else ""
    # A line break in a long sign-in name, on narrow screens.
    name = _name(row.name).replace("@", "<wbr>@")
    return f'<th scope="row">{name}{person}</th>'


def _change_cell(row: Row) -> str:
    return f"<td>{escape(_capital(row.what))}{_details(row)}</td>"


def _failure_cells(row: Row) -> str:
    return f"<td>{escape(_capital(row.intended))}{_details(row)}</td><td>{_name(row.reason)}</td>"


def _skipped_cell(row: Row) -> str:
    kind = row.object.label
    return f"<td>{escape(_capital(row.intended or kind))}{_details(row)}</td>"


def _details(row: Row) -> str:
    lines = [escape(row.remark)] if row.remark else []
    lines += [
        f"{escape(name)}: {f'{_name(before)} &rarr; ' if before else ''}{_name(after)}"
        for name, before, after in row.changes
    ]
    lines += [
        _names(word, names) for word, names in (("New members", row.added), ("Members who left", row.removed)) if names
    ]
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>" if lines else ""


def _names(word: str, names: Sequence[str]) -> str:
    listed = ", ".join(map(_name, names))
    if len(names) <= COLLAPSE_NAMES_ABOVE:
        return f"{word}: {listed}"
    return f"<details><summary>{word}: {_number(len(names))}</summary>{listed}</details>"


def _remarks(remarks: Sequence[str]) -> str:
    if not remarks:
        return ""
    items = "\n".join(f"<li>{_name(remark)}</li>" for remark in remarks)
    listed = _collapsible(f"<ul>\n{items}\n</ul>", len(remarks), len(remarks) > COLLAPSE_ABOVE)
    return f'<section aria-labelledby="remarks">\n<h2 id="remarks">Remarks ({_number(len(remarks))})</h2>\n{listed}\n</section>'
