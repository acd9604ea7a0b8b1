# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the playbook report_permissions: lines for a terminal, one self-contained HTML page, CSV and JSON.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from html import escape
from itertools import groupby
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import NO, UNKNOWN, YES
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_csv import table_as_csv
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit_page import STYLE, json_of, page_of

CSV_COLUMNS = ("user", "name", "active", "permission", "answer", "rule", "evidence", "because")
"""Users build filters on them: never rename one, and add new ones at the end."""

NAMES_SHOWN = 20
"""How many people a line names."""

_STYLE = (
    STYLE.replace("max-width: 70rem", "max-width: 90rem")
    + """
h2 { font-size: 1.2rem; } main { overflow-x: auto; } td span, tbody th span { display: block; } tbody th { min-width: 14rem; }
.why { color: var(--soft); font-size: .875rem; font-weight: 400; }
.yes, .no { font-weight: 600; } fieldset { border: 0; padding: 0; margin: 1rem 0; } label { margin-inline-end: 1rem; }
main:has(#only-unknown:checked) tbody tr[data-unknown=no] { display: none; }
@media print { fieldset { display: none; } tr { break-inside: avoid; } }
"""
)


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """For each permission who has it, and of whom it is not known; then what a reader has to know."""
    rows = sorted(report["rows"], key=lambda row: _order(report, row))
    lines = [_summary(report)]
    for permission, found in groupby(rows, key=lambda row: row["permission"]):
        answers = list(found)
        lines.append(f"{permission}:")
        for answer in (YES, UNKNOWN):
            names = [row["user"] for row in answers if row["answer"] == answer]
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            if names or answer == YES:
                lines.append(f"  {answer} {len(names)}{': ' if names else ''}{', '.join(names[:NAMES_SHOWN])}{more}")
    return [one_line(line) for line in (*lines, *report["findings"])]


def _order(report: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[int, str]:
    """The permissions in the order of the report, and after them the categories of the Hub."""
    name = row["permission"]
    return (report["permissions"].index(name) if name in report["permissions"] else len(report["permissions"]), name)


def _summary(report: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{report['counts'][answer]} {answer}" for answer in (YES, NO, UNKNOWN))
    where = f" of environment {report['environment']}" if report["environment"] else ""
    return f"{report['people']} people{where}: {counts}"


def csv_of(report: Mapping[str, Any]) -> str:
    """One line for each person and permission."""
    activity = {True: "yes", False: "no", None: "unknown"}
    rows = ({**row, "active": activity[row["active"]]} for row in report["rows"])
    return table_as_csv(CSV_COLUMNS, ([str(row[name]) for name in CSV_COLUMNS] for row in rows))


def html_of(report: Mapping[str, Any]) -> str:
    """Every text is escaped, wherever it comes from."""
    permissions = list(
        dict.fromkeys(row["permission"] for row in sorted(report["rows"], key=lambda r: _order(report, r)))
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("Person", *permissions))
    people = groupby(report["rows"], key=lambda row: row["user"])
    body = "\n".join(_html_row(list(rows), permissions) for _user, rows in people)
    findings = "".join(f'<li><span dir="auto">{escape(text)}</span></li>' for text in report["findings"])
    rules = "".join(
        f'<tr><th scope="row">{escape(one["rule"])}</th><td>{escape(one["text"])}</td><td>{escape(one["evidence"])}</td></tr>'
        for one in report["rules"]
    )
    about = f"{_summary(report)}. Generated {report['generated']}. What could not be read is unknown."
    content = f"""<h1>Permissions</h1>
<p>{escape(about)}</p>
{f"<ul>{findings}</ul>" if findings else ""}
<fieldset><label><input type="checkbox" id="only-unknown"> Only people of whom something is unknown</label></fieldset>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>
<h2>The rules</h2>
<table>
<thead><tr><th scope="col">Rule</th><th scope="col">What it says</th><th scope="col">How sure it is</th></tr></thead>
<tbody>{rules}</tbody>
</table>"""
    return page_of("Workspace 365: permissions", content, _STYLE)


def _html_row(rows: list[Mapping[str, Any]], permissions: Iterable[str]) -> str:
    first, found = rows[0], {row["permission"]: row for row in rows}
    name = f'<span class="why" dir="auto">{escape(first["name"])}</span>' if first["name"] else ""
    cells = "".join(_html_cell(found.get(permission)) for permission in permissions)
    unknown = "yes" if any(row["answer"] == UNKNOWN for row in rows) else "no"
    return f'<tr data-unknown="{unknown}"><th scope="row"><span dir="auto">{escape(first["user"])}</span>{name}</th>{cells}</tr>'


def _html_cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "<td>-</td>"
    assumed = ", assumed" if row["evidence"] == "assumed" else ""
    answer = escape(row["answer"])
    why = escape(f"{row['because']}{assumed}")
    return f'<td><span class="{answer}">{answer}</span><span class="why" dir="auto">{why}</span></td>'


FORMS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "lines": lines_of,
    "html": html_of,
    "csv": csv_of,
    "json": json_of,
}
