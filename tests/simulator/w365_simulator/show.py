# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m w365_simulator show``: what the twin holds, as tables that a person can read."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ShowError(ValueError):
    """The twin cannot be asked."""


def fetch_state(ready_file: Path) -> dict[str, Any]:
    """Ask the twin that wrote this ready file for its state."""
    try:
        ready = json.loads(ready_file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ShowError(
            f"the ready file {ready_file} cannot be read: {problem.strerror}. Is the twin running?"
        ) from problem
    except ValueError as problem:
        raise ShowError(f"the ready file {ready_file} is not JSON: {problem}.") from problem
    url = f"{ready['url']}/_simulator/state"
    # A proxy of the surroundings must not come between.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ready["ca_path"])),
    )
    try:
        with opener.open(url, timeout=60) as answer:
            state: dict[str, Any] = json.load(answer)
            return state
    except OSError as problem:
        raise ShowError(f"the twin at {ready['url']} does not answer: {problem}. Is it still running?") from problem


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a title; without rows it says so."""
    if not rows:
        return f"{title}\n  (none)\n"
    widths = [max(len(head), *(len(row[index]) for row in rows)) for index, head in enumerate(heads)]

    def line(cells: Sequence[str]) -> str:
        return "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    ruler = "  " + "  ".join("-" * width for width in widths)
    return "\n".join([title, line(heads), ruler, *(line(row) for row in rows)]) + "\n"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _attributes(users: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for every user who has one of the attributes that SCIM may keep."""
    rows: list[tuple[str, ...]] = []
    for upn, user in sorted(users.items()):
        numbers = [f"{item['value']} ({item.get('type', 'no type')})" for item in user.get("phone_numbers", [])]
        cells = (
            user["display_name"] or "", user.get("title", ""), user.get("department", ""), ", ".join(numbers),
            user.get("preferred_language", ""),
        )  # fmt: skip
        if any(cells):
            rows.append((upn, *cells))
    return rows


def _entra(found: dict[str, Any]) -> list[str]:
    """Return the applications of a tenant, and its synchronization jobs where it has some."""
    applications = [
        (
            application["displayName"] or "",
            application["appId"],
            ", ".join(secret["endDateTime"][:10] for secret in application["passwordCredentials"]) or "-",
            ", ".join(application["tags"]) or "-",
        )
        for application in found["applications"]
    ]
    parts = [table("Applications in Entra", ("Name", "Client id", "Secrets made here, until", "Tags"), applications)]
    jobs = [
        (
            job["id"].partition(".")[0] + "…" + job["id"][-6:],
            job["schedule"]["state"],
            job["status"]["code"],
            (job["status"]["quarantine"] or {}).get("reason", "-"),
            ", ".join(f"{item['value']} {item['key']}" for item in job["status"]["synchronizedEntryCountByType"])
            or "-",
        )
        for job in found["synchronizationJobs"]
    ]
    return (
        [*parts, table("Synchronization jobs", ("Job", "Schedule", "Status", "Quarantine", "Objects"), jobs)]
        if jobs
        else parts
    )


def render(state: dict[str, Any]) -> str:
    """Return the state as text."""
    environments = state["environments"]
    parts = [
        table(
            f"Environments (profile {state['profile']})",
            ("Name", "Active", "Users", "Active users", "Groups", "SCIM", "Primary administrator"),
            [
                (
                    name,
                    _yes(environment["active"]),
                    str(len(environment["users"])),
                    str(environment["licenses"]["used"]),
                    str(len(environment["groups"])),
                    "on" if environment["scim_enabled"] else "off",
                    environment["primary"] or "-",
                )
                for name, environment in environments.items()
            ],
        )
    ]
    for name, environment in environments.items():
        parts.append(
            table(
                f"Users of {name}",
                ("UPN", "Name", "Active", "Administrator", "Origin"),
                [
                    (
                        upn,
                        f"{user['first_name']} {user['last_name']}",
                        _yes(user["active"]),
                        ("primary" if user["primary"] else "yes") if user["administrator"] else "",
                        user["origin"],
                    )
                    for upn, user in sorted(environment["users"].items())
                ],
            )
        )
        attributes = _attributes(environment["users"])
        if attributes:
            heads = ("UPN", "Display name", "Job title", "Department", "Phone numbers", "Language")
            parts.append(table(f"Attributes of the users of {name}", heads, attributes))
        rows: list[tuple[str, ...]] = []
        for group_name, group in sorted(environment["groups"].items()):
            for index, member in enumerate(sorted(group["members"]) or ["(no members)"]):
                rows.append((group_name, group["description"], member) if index == 0 else ("", "", member))
        parts.append(table(f"Groups of {name}", ("Group", "Description", "Members"), rows))
        sso = environment["sso"]
        settings = []
        if sso:
            settings.append(("Single sign-on", f"{sso['authority']}, client {sso['client_id']}, key set"))
        for label, field in (("Exchange", "exchange"), ("SharePoint", "sharepoint")):
            if environment[field]:
                settings.append((label, ", ".join(str(value) for value in environment[field].values())))
        parts.append(table(f"Settings of {name}", ("Setting", "Value"), settings))
    for found in state["entra"].values():
        parts += _entra(found)
    return "\n".join(parts)
