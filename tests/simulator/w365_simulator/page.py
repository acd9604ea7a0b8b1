# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the twin: what it holds and what has arrived, for people who would rather look than read.

It only reads, has no script and loads nothing. ElementTree writes the HTML, so that no value can become markup.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement, tostring

from .wire import HTML, Answer

# People, groups or requests on one page.
ROWS = 200
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = [
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --accent: #0b6bcb; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --accent: #6cb4ff; --good: #57c26f; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 0 1rem 4rem; }
header { border-bottom: 1px solid var(--line); margin-bottom: 1.5rem; padding: 1.25rem 0 .75rem; }
h1 { font-size: 1.35rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
nav a { margin-right: 1.25rem; } a { color: var(--accent); }
p.note { color: GrayText; margin: .25rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: 600; padding: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: nowrap; } td { overflow-wrap: break-word; max-width: 32rem; }
tbody tr:hover { background: var(--soft); }
.yes, .ok { color: var(--good); } .no { color: GrayText; } .bad { color: var(--bad); }
code { font: .85em ui-monospace, monospace; } pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
details summary { cursor: pointer; color: var(--accent); }
"""
# A cell: text, an element, or several of them.
Cell = Any
_NUMBER = "start"
# Takes where to start, how many and whether only writes; returns how many there are, and those, the newest first.
Log = Callable[[int, int, bool], tuple[int, list[dict[str, Any]]]]


def page(query: Mapping[str, str], state: Mapping[str, Any], log: Log) -> Answer:
    """Return the page that a query asks for: an environment, a Microsoft tenant, the log, or an overview."""
    environment, tenant = query.get("environment"), query.get("tenant")
    start = int(query[_NUMBER]) if query.get(_NUMBER, "").isdigit() and len(query[_NUMBER]) < 10 else 0
    status = 200
    if environment is not None and environment in state["environments"]:
        title, parts = f"Environment {environment}", _environment(environment, state, start)
    elif tenant is not None and tenant in state["tenants"]:
        title = f"Microsoft tenant {state['tenants'][tenant]['display_name']}"
        parts = _tenant(tenant, state, start)
    elif "log" in query:
        title, parts = "Requests", _log(query, log, start)
    elif environment is not None or tenant is not None:
        status = 404
        title, parts = "Not there", [_element("p", "There is no such environment or tenant. It may have been removed.")]
    else:
        title, parts = "Overview", _overview(state, log)
    return Answer(status, _document(title, state["profile"], parts), HTML, list(HEADERS))


# ---- elements


def _element(tag: str, *children: Cell, **attributes: str) -> Element:
    """Return an element. A name that Python has for itself ends in an underscore here."""
    made = Element(tag, {name.rstrip("_"): value for name, value in attributes.items()})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _clean(child)
        else:
            made.text = (made.text or "") + _clean(child)
    return made


def _clean(value: Any) -> str:
    """Return a text that HTML can hold: without the characters that no document may have."""
    text = "" if value is None else str(value)
    return "".join(
        letter if letter in "\n\t" or (letter.isprintable() and not 0xD800 <= ord(letter) <= 0xDFFF) else "\ufffd"
        for letter in text
    )


def _link(text: str, **query: str | int) -> Element:
    return _element("a", text, href="?" + urlencode(query, errors="replace"))


def _flag(value: bool) -> Element:
    return _element("span", "yes" if value else "no", class_="yes" if value else "no")


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Element:
    table = Element("table")
    table.append(_element("caption", caption))
    table.append(_element("thead", _element("tr", *(_element("th", head, scope="col") for head in heads))))
    body = SubElement(table, "tbody")
    for row in rows:
        body.append(_element("tr", *(_element("td", *(cell if isinstance(cell, list) else [cell])) for cell in row)))
    if not len(body):
        body.append(_element("tr", _element("td", "(none)", colspan=str(len(heads)))))
    return _element("div", table, class_="scroll")


def _paged(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], start: int, query: Mapping[str, str]
) -> list[Element]:
    """Return a table of at most ROWS rows, and links to the others."""
    return _part_of(len(rows), caption, heads, rows[start : start + ROWS], start, query)


def _part_of(
    total: int, caption: str, heads: Sequence[str], rows: Sequence[Sequence[Cell]], start: int, query: Mapping[str, str]
) -> list[Element]:
    """Return a table of some rows of many, and links to the others."""
    if total <= ROWS and not start:
        return [_table(f"{caption} ({total})", heads, rows)]
    numbers = f"{start + 1} to {start + len(rows)} of {total}" if rows else f"none of {total} from {start + 1} on"
    links: list[Cell] = []
    for words, number in (("Earlier", start - ROWS), ("Later", start + ROWS)):
        if -ROWS < number < total:
            links += [_link(words, **query, **{_NUMBER: max(number, 0)}), " "]
    return [_table(f"{caption} ({numbers})", heads, rows), _element("p", *links)]


def _document(title: str, profile: str, parts: Iterable[Element]) -> bytes:
    head = _element(
        "head",
        _element("meta", charset="utf-8"),
        _element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        _element("title", f"{title} - twin of Workspace 365"),
        _element("style", STYLE),
    )
    top = _element(
        "header",
        _element("h1", "The twin of Workspace 365"),
        _element(
            "p",
            f"A rehearsal: nothing here is real, and nothing can be changed here. Profile {profile}.",
            class_="note",
        ),
        _element(
            "nav", _element("a", "Overview", href="./"), _link("Requests", log=""), _link("Only writes", log="writes")
        ),
    )
    body = _element("body", top, _element("main", _element("h2", title), *parts))
    text = tostring(_element("html", head, body, lang="en"), encoding="unicode", method="html")
    return f"<!DOCTYPE html>\n{text}\n".encode()


# ---- pages


def _overview(state: Mapping[str, Any], log: Log) -> list[Element]:
    environments = [
        (
            _link(name, environment=name), _flag(one["active"]), len(one["users"]), one["licenses"]["used"],
            len(one["groups"]), _flag(one["scim_enabled"]), _flag(bool(one["sso"])), one["primary"] or "-",
        )
        for name, one in state["environments"].items()
    ]  # fmt: skip
    tenants = [
        (
            _link(one["display_name"], tenant=id_), ", ".join(domain["name"] for domain in one["domains"]),
            len(one["users"]), len(one["groups"]), len(state["entra"].get(id_, {}).get("applications", ())),
        )
        for id_, one in state["tenants"].items()
    ]  # fmt: skip
    heads = ("Name", "Active", "Users", "Active users", "Groups", "SCIM", "Single sign-on", "Primary administrator")
    return [
        _table("Environments", heads, environments),
        _table("Microsoft tenants", ("Name", "Domains", "Users", "Groups", "Applications"), tenants),
        _table("Latest requests", _HEADS, [_row(entry) for entry in log(0, 10, False)[1]]),
    ]


def _environment(name: str, state: Mapping[str, Any], start: int) -> list[Element]:
    one = state["environments"][name]
    users = [
        (
            upn, f"{user['first_name']} {user['last_name']}", _flag(user["active"]),
            ("primary" if user["primary"] else "yes") if user["administrator"] else "",
            user.get("department", ""), user["external_id"] or "", user["origin"],
        )
        for upn, user in sorted(one["users"].items())
    ]  # fmt: skip
    groups = [
        (
            group_name,
            group["description"],
            str(len(group["members"])),
            ", ".join(sorted(group["members"])) or "(nobody)",
        )
        for group_name, group in sorted(one["groups"].items())
    ]
    settings: list[tuple[str, Cell]] = [("Active", _flag(one["active"])), ("SCIM", _flag(one["scim_enabled"]))]
    if one["sso"]:
        settings.append(("Single sign-on", f"{one['sso']['authority']}, client {one['sso']['client_id']}, key set"))
    for label, field in (("Exchange", "exchange"), ("SharePoint", "sharepoint")):
        if one[field]:
            settings.append((label, ", ".join(str(value) for value in one[field].values())))
    heads = ("UPN", "Name", "Active", "Administrator", "Department", "External id", "Origin")
    return [
        _table("Settings", ("Setting", "Value"), settings),
        *_paged("People", heads, users, start, {"environment": name}),
        *_paged("Groups", ("Name", "Description", "Members", "Who"), groups, start, {"environment": name}),
    ]


def _tenant(id_: str, state: Mapping[str, Any], start: int) -> list[Element]:
    one = state["tenants"][id_]
    users = [
        (upn, user["display_name"], _flag(user["account_enabled"]), user["user_type"], user.get("department", ""))
        for upn, user in sorted(one["users"].items())
    ]
    groups = [
        (name, group["description"] or "", ", ".join(_member(member) for member in group["members"]) or "(nobody)")
        for name, group in sorted(one["groups"].items())
    ]
    entra = state["entra"].get(id_, {})
    applications = [
        (
            application["displayName"] or "",
            _element("code", application["appId"]),
            ", ".join(secret["endDateTime"][:10] for secret in application["passwordCredentials"]) or "-",
        )
        for application in entra.get("applications", ())
    ]
    jobs = [
        (_element("code", job["id"]), job["schedule"]["state"], job["status"]["code"])
        for job in entra.get("synchronizationJobs", ())
    ]
    return [
        _element("p", "Domains: " + ", ".join(domain["name"] for domain in one["domains"])),
        _table("Applications", ("Name", "Client id", "Secrets made here, until"), applications),
        _table("Provisioning jobs", ("Job", "Schedule", "Status"), jobs),
        *_paged("People", ("UPN", "Name", "Enabled", "Kind", "Department"), users, start, {"tenant": id_}),
        *_paged("Groups", ("Name", "Description", "Members"), groups, start, {"tenant": id_}),
    ]


def _member(member: Any) -> str:
    return member if isinstance(member, str) else f"group {member['group']}"


def _log(query: Mapping[str, str], log: Log, start: int) -> list[Element]:
    total, entries = log(start, ROWS, query["log"] == "writes")
    note = "Newest first. A credential is shown as a digest, which is the same wherever a request carried it."
    rows = [_row(entry) for entry in entries]
    return [
        _element("p", note, class_="note"),
        *_part_of(total, "Requests", _HEADS, rows, start, {"log": query["log"]}),
    ]


_HEADS = ("No.", "Surface", "Request", "Status", "Write", "Credentials", "Body")


def _row(entry: Mapping[str, Any]) -> Sequence[Cell]:
    query = "?" + "&".join(f"{name}={value}" for name, value in entry["query"].items()) if entry["query"] else ""
    status = entry["status"] or "dropped"
    body: Cell = ""
    if entry["body"] is not None:
        text = json.dumps(entry["body"], indent=1, ensure_ascii=False)
        more = " ..." if len(text) > 4000 else ""
        body = _element("details", _element("summary", "show"), _element("pre", text[:4000] + more))
    return (
        entry["number"],
        entry["surface"],
        [_element("code", f"{entry['method']} {entry['path']}{query}")],
        _element("span", status, class_="ok" if isinstance(status, int) and status < 400 else "bad"),
        _flag(entry["write"]),
        ", ".join(f"{one['where']} {one['digest'][:8]}" for one in entry["credentials"]) or "-",
        body,
    )
