# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each environment of a run that first looks at all of them and then works on those that need it.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import unknowns

RUN, PROBLEM, WORKED = "__w365_tenant_run", "fleet_problem", "fleet_worked"
"""The variables of a host: the result of its task, why it failed, and that it was worked on."""

FAILED, NOT_SEEN, NOT_REACHED, UNCHANGED, DONE = "failed", "not looked at", "not reached", "unchanged", "done"

UNKNOWN_SHOWN = 20
"""How many unchanged environments are shown of which something is unknown."""

Outcomes = Mapping[str, Mapping[str, Any]]


def outcomes(hosts: Iterable[str], hostvars: Mapping[str, Any], needed: Collection[str]) -> dict[str, dict[str, Any]]:
    """The outcome of each host with what it rests on. `needed` are the hosts that had to be worked on."""
    return {host: _outcome(hostvars[host], host in needed) for host in hosts}


def _outcome(variables: Mapping[str, Any], needed: bool) -> dict[str, Any]:
    problem = variables.get(PROBLEM)
    run = variables.get(RUN)
    if problem is not None:
        return {"outcome": FAILED if needed else NOT_SEEN, "failed": True, "msg": str(problem.get("msg") or "")}
    if run is None or "steps" not in run:
        return {"outcome": NOT_REACHED} if needed else {"outcome": NOT_SEEN}
    steps = list(run["steps"].values())
    state = UNCHANGED if not needed else DONE if variables.get(WORKED) else NOT_REACHED
    unknown = unknowns({**step, "step": name} for name, step in run["steps"].items())
    permissions = [change for step in steps for change in step.get("permission_changes") or ()]
    return {
        "outcome": state,
        # The task itself says that it has changed nothing where it only looked.
        "changed": any(step.get("changed") for step in steps),
        "results": [entry for step in steps for entry in step.get("results") or ()],
        "left_out": [thing for step in steps for thing in step.get("left_out") or ()],
        "scim_url": run.get("scim_url") or "",
        # Only a run that looks says it.
        "environment": run.get("environment") or "",
        "waits_for_scim": bool(run.get("waits_for_scim")),
        **({"unknown": unknown} if unknown else {}),
        **({"permission_changes": permissions} if permissions else {}),
    }


def lines_of_outcomes(found: Outcomes, check_mode: bool) -> list[str]:
    """A line for each environment that is not unchanged, how many are and what is unknown of them, and which to retry."""
    lines = [line for host, outcome in found.items() for line in _lines_of_one(host, outcome)]
    unchanged = {host: outcome for host, outcome in found.items() if outcome["outcome"] == UNCHANGED}
    lines += lines_of_unknown(unchanged)
    lines.append(f"{len(unchanged)} unchanged{in_part(unchanged)}.")
    retry = [host for host, outcome in found.items() if outcome["outcome"] in (FAILED, NOT_SEEN, NOT_REACHED)]
    if retry:
        lines.append(f"To retry: --limit {','.join(retry)}")
    lines.append("Check mode: nothing was written." if check_mode else "Run it again at any time.")
    return [one_line(line) for line in lines]


def lines_of_unknown(unchanged: Outcomes) -> list[str]:
    """The unchanged environments of which the server did not show everything, the first of them with what that is."""
    unknown = {host: outcome["unknown"] for host, outcome in unchanged.items() if outcome.get("unknown")}
    lines = [f"{host}: unchanged; unknown: {', '.join(what)}" for host, what in unknown.items()]
    more = len(lines) - UNKNOWN_SHOWN
    return [*lines[:UNKNOWN_SHOWN], *([f"{more} more unchanged, with something unknown"] if more > 0 else [])]


def in_part(unchanged: Outcomes) -> str:
    """How many of them could not be compared completely; empty where all could."""
    number = sum(bool(outcome.get("unknown")) for outcome in unchanged.values())
    return f", of which {number} not completely compared" if number else ""


def _lines_of_one(host: str, outcome: Mapping[str, Any]) -> Iterator[str]:
    state = outcome["outcome"]
    reason = " ".join(str(outcome.get("msg") or "").split())
    if state == FAILED:
        yield f"{host}: failed: {reason}"
    elif state == NOT_SEEN:
        yield f"{host}: not changed, because it could not be looked at{': ' if reason else ''}{reason}"
    elif state == NOT_REACHED:
        yield f"{host}: not reached"
    elif state == DONE:
        changes = sorted(
            (entry["kind"], entry["action"]) for entry in outcome["results"] if entry.get("outcome") != "unchanged"
        )
        counted = "".join(f" {kind} {action} {len(list(same))};" for (kind, action), same in groupby(changes))
        unknown = f" unknown: {', '.join(outcome['unknown'])};" if outcome.get("unknown") else ""
        yield f"{host}:{counted or ' unchanged;'}{unknown} SCIM address: {outcome['scim_url'] or 'none'}"
    if outcome.get("waits_for_scim"):
        yield (
            f"{host}: has no SCIM yet, so people and groups wait for it. Switch it on, give the host w365_scim_url and "
            "w365_scim_token, and run it again."
        )
