# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the playbook fleet_audit: lines for a terminal, one self-contained HTML page, CSV and JSON.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.report_csv import table_as_csv
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import OK, STATES, UNKNOWN
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit_page import (
    STYLE,
    findings_of,
    name_of,
    page_of,
    summary,
    table_of,
    until_of,
)

COLUMNS = ("Tenant", "State", "Environment", "Administrators", "Secret", "SCIM", "SCIM key", "Drift", "Accepted")

CSV_COLUMNS = (
    *("host", "environment", "tenant", "state", "environment_state", "administrators", "secret_expires"),
    *("secret_days_left", "scim_status", "scim_token", "scim_key", "drift", "drift_counts", "accepted", "findings"),
)
"""Users build filters on them: never rename one, and add new ones at the end."""

_STYLE = (
    STYLE.replace("max-width: 70rem", "max-width: 90rem")
    + """
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .5rem; margin: 1rem 0; }
.tiles div { display: flex; flex-direction: column-reverse; justify-content: flex-end; border: 1px solid var(--line);
  border-radius: .5rem; padding: .5rem .75rem; }
.tiles dt { color: var(--soft); font-size: .875rem; font-weight: 400; } .tiles dd { margin: 0; font-size: 1.5rem; font-weight: 600; }
fieldset { border: 0; padding: 0; margin: 1rem 0; } legend { float: inline-start; margin-inline-end: 1rem; color: var(--soft); }
label { margin-inline-end: 1rem; white-space: nowrap; }
td { overflow-wrap: break-word; } main { overflow-x: auto; }
details { font-weight: 400; color: var(--soft); } summary { cursor: pointer; }
.accepted { color: var(--soft); font-weight: 600; } thead th { white-space: nowrap; font-size: .875rem; }
thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
thead button:hover, thead button:focus-visible { text-decoration: underline; }
th[aria-sort=ascending] button::after { content: " \\2191"; } th[aria-sort=descending] button::after { content: " \\2193"; }
"""
    + "".join(
        f"main:has(#show-{state}:checked) tbody tr:not([data-state={state}]) {{ display: none; }}\n" for state in STATES
    )
    + "@media print { fieldset { display: none; } tr { break-inside: avoid; } }\n"
)

_SCRIPT = """
"use strict";
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
const body = document.querySelector("tbody");
document.querySelectorAll("thead button").forEach((button, column) => button.addEventListener("click", () => {
  const head = button.closest("th");
  const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
  document.querySelectorAll("thead th").forEach(other => other.setAttribute("aria-sort", "none"));
  head.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = row => row.cells[column].dataset.sort;
  const compare = (a, b) => Number(a) - Number(b) || words.compare(a, b);
  body.append(...[...body.rows].sort((a, b) => sign * compare(value(a), value(b))));
}));
"""
"""Sorts the rows by a column. Without scripts the page shows the same, the worst first; the filter needs none."""

FIRST, LAST = "-1e9", "1e9"
"""What unknown, and what nobody looked at, counts as when a column of numbers is sorted."""


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What the table shows of a tenant, in the order of COLUMNS. What is not looked at is a dash."""
    token = row["scim_token"]
    scim = f"{row['scim_status']}, token {token}" if token else row["scim_status"] or "-"
    return (
        name_of(row),
        row["state"],
        row["environment_state"] or "-",
        _number(row["administrators"]),
        until_of(row["secret_expires"], row["secret_days_left"]),
        UNKNOWN if scim == f"{UNKNOWN}, token {UNKNOWN}" else scim,
        row["scim_key"] or "-",
        _drift(row),
        str(row["accepted"]),
    )


def _number(value: Any) -> str:
    return "-" if value is None else str(value)


def _drift(row: Mapping[str, Any]) -> str:
    found = sum(row["drift_counts"].values())
    return f"{found} and {UNKNOWN}" if row["drift"] == UNKNOWN and found else _number(row["drift"])


def _sort_keys(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What each cell is sorted by, in the order of COLUMNS: the worst state and what ends first come first."""
    shown = cells(row)
    days = row["secret_days_left"]
    ends = f"{days:g}" if days is not None else LAST if row["secret_expires"] is None else FIRST
    numbers = {
        key: LAST if row[key] is None else FIRST if row[key] == UNKNOWN else str(row[key])
        for key in ("administrators", "drift")
    }
    rank = str(STATES.index(row["state"]))
    return (shown[0], rank, shown[2], numbers["administrators"], ends, *shown[5:7], numbers["drift"], shown[8])


def fleet_summary(report: Mapping[str, Any]) -> str:
    tenants = report["tenants"]
    drift = sum(bool(row["drift_counts"]) for row in tenants)
    return f"{summary(report)}; {drift} with drift, {sum(row['accepted'] for row in tenants)} accepted deviations"


def fleet_lines(report: Mapping[str, Any]) -> list[str]:
    """The table, the worst tenant first, each with what is not as it should be."""
    *table, _counts = table_of(report, COLUMNS, [cells(row) for row in report["tenants"]])
    return [*table, fleet_summary(report)]


def fleet_csv(report: Mapping[str, Any]) -> str:
    """One line for each tenant."""
    return table_as_csv(CSV_COLUMNS, map(_csv_cells, report["tenants"]))


def _csv_cells(row: Mapping[str, Any]) -> list[str]:
    told = {
        **row,
        "drift_counts": " ".join(f"{key}={count}" for key, count in sorted(row["drift_counts"].items())),
        "findings": " | ".join(
            f"{one['state']}: {one['area']}: {one['text']}" for one in row["findings"] if one["state"] != OK
        ),
    }
    return ["" if told[name] is None else str(told[name]) for name in CSV_COLUMNS]


def fleet_html(report: Mapping[str, Any]) -> str:
    """Every text is escaped, wherever it comes from."""
    tenants = report["tenants"]
    counts = {
        "tenants": len(tenants),
        **report["counts"],
        "with drift": sum(bool(row["drift_counts"]) for row in tenants),
        "accepted": sum(row["accepted"] for row in tenants),
    }
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{count}</dd></div>" for name, count in counts.items())
    choices = "".join(
        f'<label><input type="radio" name="show" id="show-{state}"{" checked" if state == "all" else ""}> {state}</label>'
        for state in ("all", *STATES)
    )
    head = "".join(
        f'<th scope="col" aria-sort="none"><button type="button">{escape(name)}</button></th>' for name in COLUMNS
    )
    about = (
        f"Generated {report['generated']}. A secret is a warning from {report['warn_days']:g} days left, and critical from "
        f"{report['critical_days']:g}. What could not be read is unknown, and a dash is what was not looked at."
    )
    body = "\n".join(_html_row(row) for row in tenants)
    content = f"""<h1>Audit of environments</h1>
<p>{escape(about)}</p>
<dl class="tiles">{tiles}</dl>
<fieldset><legend>Show</legend>{choices}</fieldset>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>"""
    return page_of("Workspace 365: audit of environments", content, _STYLE, _SCRIPT)


def _html_row(row: Mapping[str, Any]) -> str:
    keys: Sequence[str] = [escape(key) for key in _sort_keys(row)]
    name, state, *others = map(escape, cells(row))
    good = [one for one in row["findings"] if one["state"] == OK]
    others_of = findings_of({"findings": [one for one in row["findings"] if one["state"] != OK]})
    well = f"<details><summary>{len(good)} {OK}</summary>{findings_of({'findings': good})}</details>" if good else ""
    first = f'<th scope="row" data-sort="{keys[0]}"><span dir="auto">{name}</span>{others_of}{well}</th>'
    second = f'<td class="{state}" data-sort="{keys[1]}">{state}</td>'
    rest = "".join(
        f'<td data-sort="{key}"><span dir="auto">{value}</span></td>'
        for key, value in zip(keys[2:], others, strict=True)
    )
    return f'<tr data-state="{state}">{first}{second}{rest}</tr>'
