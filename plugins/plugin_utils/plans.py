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

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import (
    GAINS,
    LOSES,
    MAY_GAIN,
    MAY_LOSE,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.removal_policy import RemovalLimit
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_outcomes import (
    in_part,
    lines_of_unknown,
)

VARIABLES = ("plan", "plan_digest", "plan_revision")

NAMES_SHOWN = 20
"""How many names of one kind of change are shown."""

FEW = 3
"""A percentage never stops a run for up to so many environments that lose people: of a few, one is a large part."""

REMOVALS = ("delete", "delete_permanently", "revoke")
"""The actions after which somebody or something is gone."""

CHANGE_ORDER = (LOSES, MAY_LOSE, GAINS, MAY_GAIN)

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


def checked_results(value: Any, name: str) -> Results:
    """The value itself. Raises AnsibleFilterError, which names the filter, for something else than results by host."""
    if not isinstance(value, Mapping) or not all(isinstance(result, Mapping) for result in value.values()):
        raise AnsibleFilterError(f"{name} needs a dictionary with a result for each host.")
    return value


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
    planned = {host for host, result in results.items() if result.get("plan")}
    lines = [_total("These plans change", results, planned)]
    for host, result in results.items():
        if host in planned:
            lines += _lines_of_one(host, result, host in hidden)
            lines.append(f"{host}: digest {result['plan_digest']}")
        else:
            lines += _lines_without(host, result, "no plan")
    return [one_line(line) for line in lines]


def lines_of_changes(results: Results, hidden: Collection[str]) -> list[str]:
    """What a run would change, and then each environment that it would change or does not know."""
    known = _seen(results)
    changing = {host for host in known if results[host]["results"]}
    lines = [_total("This run would change", results, known)]
    for host, result in results.items():
        if host in changing:
            lines += _lines_of_one(host, result, host in hidden)
        elif host not in known:
            lines += _lines_without(host, result, "not known")
    unchanged = {host: result for host, result in results.items() if host in known - changing}
    lines += lines_of_unknown(unchanged)
    if unchanged:
        number = _counted(len(unchanged), "environment is", "environments are")
        lines.append(f"{number} unchanged{in_part(unchanged)}.")
    return [one_line(line) for line in lines]


def losses(results: Results, limit: RemovalLimit) -> str:
    """Why a run would take people from too many environments, as a sentence; empty where it would not.

    An environment counts when somebody is deleted or deactivated there. What is not known counts for nothing: nothing is
    written there.
    """
    known = _seen(results)
    losing = [host for host in results if host in known and any(map(_loses_somebody, results[host]["results"]))]
    allowed = limit.of(len(known))
    if len(losing) <= (max(allowed, FEW) if limit.per_cent else allowed):
        return ""
    more = f" and {len(losing) - NAMES_SHOWN} more" if len(losing) > NAMES_SHOWN else ""
    return one_line(
        f"{len(losing)} of {_counted(len(known), 'environment', 'environments')} would lose people "
        f"({', '.join(losing[:NAMES_SHOWN])}{more}), and no more than {limit} may."
    )


def _seen(results: Results) -> set[str]:
    return {host for host, result in results.items() if isinstance(result.get("results"), list)}


def _total(beginning: str, results: Results, known: Collection[str]) -> str:
    changing = [host for host in known if results[host].get("results")]
    people = len({(host, upn) for host in changing for entry in results[host]["results"] for upn in people_of(entry)})
    return (
        f"{beginning} {_counted(people, 'person', 'people')} in {len(changing)} of "
        f"{_counted(len(results), 'environment', 'environments')}."
    )


def _lines_without(host: str, result: Mapping[str, Any], what: str) -> Iterator[str]:
    reason = " ".join(str(result.get("msg") or "the task failed").split())
    yield f"{host}: {what}: {reason}" if result else f"{host}: not reached"


def _lines_of_one(host: str, result: Mapping[str, Any], hidden: bool) -> Iterator[str]:
    changes = list(result.get("results") or ())
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
    yield from _lines_of_permissions(host, result, hidden)
    if result.get("unknown"):
        yield f"{host}: unknown: {', '.join(result['unknown'])}"
    for thing in list(result.get("left_out") or ())[:NAMES_SHOWN]:
        yield f"{host}: left out {thing['kind']} {thing['name']}, because it {thing['reason']}"


def _lines_of_permissions(host: str, result: Mapping[str, Any], hidden: bool) -> Iterator[str]:
    """Who gains or loses permissions by memberships, where the definition has profiles; those who lose come first."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in result.get("permission_changes") or ():
        found.setdefault((str(one["change"]), str(one["permission"])), []).append(str(one["user"]))
    for (change, permission), users in sorted(
        found.items(), key=lambda item: (CHANGE_ORDER.index(item[0][0]), item[0])
    ):
        more = f" and {len(users) - NAMES_SHOWN} more" if len(users) > NAMES_SHOWN else ""
        shown = "" if hidden else f": {', '.join(users[:NAMES_SHOWN])}{more}"
        yield f"{host}: {_counted(len(users), 'person', 'people')} {_verb(change, len(users))} {permission}{shown}"


def _verb(change: str, number: int) -> str:
    return change if number == 1 or change.startswith("may") else change.removesuffix("s")


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


def _loses_somebody(entry: Mapping[str, Any]) -> bool:
    return bool(entry["kind"] == "user" and takes_access(entry))


def _rank(entry: Mapping[str, Any]) -> int:
    return 0 if takes_access(entry) else 1


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
