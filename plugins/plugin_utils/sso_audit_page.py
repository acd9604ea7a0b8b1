# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the playbook audit_sso: lines for a terminal, one self-contained HTML page, and JSON.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import OK, STATES

COLUMNS = ("Tenant", "State", "Secret", "SCIM", "SCIM token", "Import")

# Every pair of colors has a contrast of 4.5 to 1 or more.
STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --soft: #55555f; --paper: #fff; --line: #c9cad3; --bad: #a4161a; --warn: #7a4b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --soft: #b4b5c0; --paper: #17181c; --line: #494b55;
  --bad: #ff9a94; --warn: #ffd27a; } }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } p { color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: start; vertical-align: top; padding: .4rem .6rem .4rem 0; border-bottom: 1px solid var(--line); }
.critical { color: var(--bad); font-weight: 600; } .unknown, .warning { color: var(--warn); font-weight: 600; }
ul { margin: .25rem 0 0; padding-inline-start: 1.1rem; font-weight: 400; }
[dir=auto] { unicode-bidi: isolate; }
"""


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What the table shows of a tenant, in the order of COLUMNS. What is not looked at is a dash."""
    token = row["scim_token"]
    return (
        name_of(row),
        row["state"],
        until_of(row["secret_expires"], row["secret_days_left"]),
        row["scim_status"] or "-",
        f"{token}, end unknown" if token else "-",
        until_of(row["import_expires"], row["import_days_left"]),
    )


def name_of(row: Mapping[str, Any]) -> str:
    """The host, with its environment where that has another name."""
    environment = row["environment"]
    return str(row["host"]) if environment in (None, row["host"]) else f"{row['host']} ({environment})"


def until_of(time: str | None, days: float | None) -> str:
    if time is None:
        return "-"
    return time.partition("T")[0] if days is None else f"{time.partition('T')[0]} ({days:g} days)"


def summary(report: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{report['counts'][state]} {state}" for state in STATES)
    return f"{len(report['tenants'])} tenants: {counts}"


def lines_of(report: Mapping[str, Any]) -> list[str]:
    """The table, the worst tenant first, each with what is not as it should be."""
    return table_of(report, COLUMNS, [cells(row) for row in report["tenants"]])


def table_of(report: Mapping[str, Any], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table. `rows` are the cells of each tenant, in the order of the report."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [_padded(columns, widths)]
    for row, shown in zip(report["tenants"], rows, strict=True):
        lines.append(_padded(shown, widths))
        lines += [f"    {one['state']}: {one['area']}: {one['text']}" for one in row["findings"] if one["state"] != OK]
    return [*lines, summary(report)]


def _padded(values: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(value.ljust(width) for value, width in zip(values, widths, strict=True)).rstrip()


def json_of(report: Mapping[str, Any]) -> str:
    """Plain ASCII, so that no reader takes it for anything else."""
    return json.dumps(report, indent=2) + "\n"


def html_of(report: Mapping[str, Any]) -> str:
    """Every text is escaped, wherever it comes from."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in COLUMNS)
    body = "\n".join(_html_row(row) for row in report["tenants"])
    about = (
        f"{summary(report)}. Generated {report['generated']}. A warning is given from {report['warn_days']:g} days left, "
        f"critical is from {report['critical_days']:g}. No server shows when a SCIM token expires."
    )
    content = f"""<h1>Single sign-on and provisioning</h1>
<p>{escape(about)}</p>
<table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table>"""
    return page_of("Workspace 365: single sign-on and provisioning", content)


def page_of(title: str, content: str, style: str = STYLE, script: str = "") -> str:
    """A page with this content, which is HTML already."""
    # If anything ever passes the escaping, a browser runs and loads nothing but this style and this script.
    may_run = f" script-src '{_hash(script)}';" if script else ""
    policy = f"default-src 'none'; style-src '{_hash(style)}';{may_run} base-uri 'none'; form-action 'none'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{content}
</main>
{f"<script>{script}</script>" if script else ""}</body>
</html>
"""


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _html_row(row: Mapping[str, Any]) -> str:
    name, state, *others = cells(row)
    first = f'<th scope="row"><span dir="auto">{escape(name)}</span>{findings_of(row)}</th>'
    rest = "".join(f'<td><span dir="auto">{escape(value)}</span></td>' for value in others)
    return f'<tr>{first}<td class="{escape(state)}">{escape(state)}</td>{rest}</tr>'


def findings_of(row: Mapping[str, Any]) -> str:
    """The list of what was found about a tenant; empty when nothing was."""
    items = "".join(
        f'<li><span class="{escape(one["state"])}">{escape(one["state"])}</span> {escape(one["area"])}: '
        f'<span dir="auto">{escape(one["text"])}</span></li>'
        for one in row["findings"]
    )
    return f"<ul>{items}</ul>" if items else ""
