# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of several environments: what they change, as lines, and as variables that a job hands on.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from itertools import groupby
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line

VARIABLES = ("plan", "plan_digest", "plan_revision")

NAMES_SHOWN = 20
"""How many names of one kind of change are shown."""

REMOVALS = ("delete", "delete_permanently", "revoke")
"""The actions after which somebody or something is gone."""

Results = Mapping[str, Mapping[str, Any]]


def variable_name(environment: str, what: str) -> str:
    """The variable for an environment, whose name is lower case there."""
    name = environment.strip().lower()
    plain = re.sub(r"[^a-z0-9]", "_", name)
    # "a-b" and "a.b" are two environments.
    mark = "" if plain == name else f"_{sha256(name.encode()).hexdigest()[:8]}"
    return f"w365_{what}_{plain}{mark}"


def variables_of_plans(results: Results, environments: Mapping[str, str], revision: str) -> dict[str, str]:
    """The variables of all results that hold a plan. Raises ValueError where two hosts are the same environment."""
    found: dict[str, str] = {}
    for host, result in results.items():
        if result.get("plan"):
            environment = str(environments[host])
            if variable_name(environment, "plan") in found:
                raise ValueError(
                    f"Host {host} and another one are both for environment {environment}. Each needs its own."
                )
            found[variable_name(environment, "plan")] = str(result["plan"])
            found[variable_name(environment, "plan_digest")] = str(result["plan_digest"])
            if revision:
                found[variable_name(environment, "plan_revision")] = revision
    return found


def hosts_with_passwords(definitions: Mapping[str, Any]) -> frozenset[str]:
    """The hosts whose definition has a password of a user. One that cannot be read counts as such."""
    return frozenset(host for host, given in definitions.items() if _may_have_passwords(given))


def _may_have_passwords(definition: Any) -> bool:
    users = definition.get("users") if isinstance(definition, Mapping) else definition
    if users is None:
        return False
    return not isinstance(users, list) or any(not isinstance(user, Mapping) or "password" in user for user in users)


def lines_of_plans(results: Results, hidden: Collection[str]) -> list[str]:
    """What all plans change, and then each of them."""
    planned = {host: result for host, result in results.items() if result.get("plan")}
    changes = {host: list(result.get("results") or ()) for host, result in planned.items()}
    changing = [host for host, entries in changes.items() if entries]
    people = len({(host, upn) for host in changing for entry in changes[host] for upn in people_of(entry)})
    lines = [
        f"These plans change {_counted(people, 'person', 'people')} in {len(changing)} of "
        f"{_counted(len(results), 'environment', 'environments')}."
    ]
    for host, result in results.items():
        lines += _lines_of_one(host, result, changes.get(host), host in hidden)
    return [one_line(line) for line in lines]


def _lines_of_one(
    host: str, result: Mapping[str, Any], changes: list[Mapping[str, Any]] | None, hidden: bool
) -> Iterator[str]:
    if changes is None:
        reason = " ".join(str(result.get("msg") or "the task failed").split())
        yield f"{host}: no plan: {reason}" if result else f"{host}: not reached"
        return
    yield f"{host}: {_counted(len(changes), 'change', 'changes')}; SCIM address: {result.get('scim_url') or 'none'}"
    ordered = sorted(changes, key=lambda entry: (_rank(entry), entry["kind"], entry["action"], entry["name"]))
    for (rank, kind, action), entries in groupby(
        ordered, key=lambda entry: (_rank(entry), entry["kind"], entry["action"])
    ):
        names = [str(entry["name"]) for entry in entries]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        shown = "" if hidden else f": {', '.join(names[:NAMES_SHOWN])}{more}"
        what = "" if action in REMOVALS or rank else ", takes access"
        yield f"{host}: {kind} {action}{what} {len(names)}{shown}"
    for thing in list(result.get("left_out") or ())[:NAMES_SHOWN]:
        yield f"{host}: left out {thing['kind']} {thing['name']}, because it {thing['reason']}"
    yield f"{host}: digest {result['plan_digest']}"


def people_of(entry: Mapping[str, Any]) -> Iterator[str]:
    """The UPNs of those whom a change is about."""
    changes = entry.get("changes") or {}
    if entry["kind"] in ("user", "administrator"):
        yield str(entry["name"]).lower()
    elif entry["kind"] == "membership":
        yield from (str(upn).lower() for upn in (*changes.get("add", ()), *changes.get("remove", ())))


def takes_access(entry: Mapping[str, Any]) -> bool:
    """Whether somebody has less afterwards, or a group is gone."""
    changes = entry.get("changes") or {}
    return bool(entry["action"] in REMOVALS or changes.get("active") is False or changes.get("remove"))


def _rank(entry: Mapping[str, Any]) -> int:
    return 0 if takes_access(entry) else 1


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
