# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook fleet_audit thinks of what it has read about one tenant: the row of its table.

Single sign-on and the SCIM application are judged as in the playbook audit_sso. What could not be read is unknown, which is
neither good nor bad, and never left out.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.accepted import Acceptance, acceptances
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import (
    ACCEPTED,
    CRITICAL,
    ODD_FORM,
    OK,
    UNKNOWN,
    WARNING,
    Facts,
    Finding,
    Limits,
    judge,
    judged,
    reason_of,
    row_of,
    seconds_of,
    sentence_of,
    verdict,
)

PARTS = ("environment", "administrators", "sso", "scim", "scim_key", "drift")
"""What is looked at, unless a tenant leaves a part out."""

OF_SSO = ("sso", "scim")
"""Those that the playbook audit_sso looks at too."""

OF_APP = ("link", "application", "consent")
"""The areas in which an app registration that is managed differs from its description."""

ACTIVE, INACTIVE, ABSENT = "active", "inactive", "absent"

NAMES_SHOWN = 5
"""How many names of one kind of change are shown."""

SETTINGS = {"environment": "environment", "sso": "single sign-on", "directory": "directory"}
"""What is compared with a file, and its name."""

HIDDEN = "what the module said is not shown, because the definition has passwords (w365_directory_secure_logging=false shows it)."

Read = Mapping[str, Any]


class Item(NamedTuple):
    """One object that differs from the file, and what would be done to it. `removes`: somebody has less afterwards."""

    kind: str
    name: str
    action: str
    removes: bool


class Seen(NamedTuple):
    """What one part says: findings, and what the table shows of it."""

    findings: Sequence[Finding]
    facts: Mapping[str, Any]


UNREAD: Mapping[str, Mapping[str, Any]] = {
    "environment": {"environment_state": UNKNOWN},
    "administrators": {"administrators": UNKNOWN},
    "scim_key": {"scim_key": UNKNOWN},
    "drift": {"drift": UNKNOWN},
}
"""Part -> what a table shows of one that could not be read."""

AREAS = {"environment": "environment", "administrators": "administrator", "scim_key": "scim key", "drift": "drift"}

BLANK: Mapping[str, Any] = {
    **{name: value for name, value in Facts()._asdict().items() if not name.startswith("import_")},
    "environment_state": None,
    "administrators": None,
    "scim_key": None,
    "drift": None,
    "drift_counts": {},
    "accepted": 0,
    "parts_read": [],
}
"""The facts of a tenant of which nothing is looked at."""


def judge_tenant(host: str, read: Any, problem: Any, limits: Limits, now: str) -> dict[str, Any]:
    """The row of one tenant.

    `read` is the result of the task tenant_audit, `problem` the one of a task that says why there is none, and `now` the time
    of the controller as 2026-11-25T23:00:00Z. Nothing is raised for a result that is missing or of another form: that is
    unknown. Raises ValueError when `now` is no such time.
    """
    clock = seconds_of(now)
    if clock is None:
        raise ValueError(f"{now!r} is no time")
    audit = read.get("audit") if isinstance(read, Mapping) else None
    if not isinstance(audit, Mapping) or not isinstance(audit.get("results"), Mapping):
        return _unread(host, problem or (read if isinstance(read, Mapping) else None) or {}, limits, now)
    results, parts = audit["results"], [part for part in PARTS if part in (audit.get("parts") or ())]
    hidden = audit.get("hidden") is not False
    findings = [Finding("tenant", UNKNOWN, str(text)) for text in audit.get("mistakes") or ()]
    if not parts and not findings:
        findings.append(Finding("tenant", UNKNOWN, "Nothing is looked at: w365_audit_without leaves out every part."))
    more, facts = judged([part for part in parts if part in OF_SSO], audit, results, limits, Facts(), now)
    shown = {**BLANK, **{name: value for name, value in facts._asdict().items() if name in BLANK}}
    for part in (part for part in parts if part in JUDGES):
        seen = _seen(part, results, audit)
        more += seen.findings
        shown |= seen.facts
    found, refused = acceptances(audit.get("accepted"), clock)
    findings += [Finding("accepted", WARNING, sentence) for sentence in refused]
    ledger = _Ledger(found, (host, str(audit.get("environment") or "")), hidden)
    more = [ledger.judged(one) for one in more]
    if "drift" in parts:
        items = list(_items(results.get("drift")))
        more += ledger.drift(items)
        _count(shown, more, ledger, manages_app=audit.get("manages_app") is True)
    shown["accepted"] = sum(one.state == ACCEPTED for one in more)
    shown["parts_read"] = [part for part in parts if _is_read(part, results.get(part))]
    findings += ledger.left(parts, shown["parts_read"], more)
    return row_of(host, audit, [*findings, *more], shown)


def _unread(host: str, problem: Any, limits: Limits, now: str) -> dict[str, Any]:
    """The row of a tenant of which nothing is known."""
    row = judge(host, {}, {"problem": problem}, limits, now)
    unread = {name: value for part in UNREAD.values() for name, value in part.items()}
    kept = {name: row[name] for name in ("host", "environment", "tenant", "state", "findings")}
    return {**kept, **BLANK, **{name: row[name] for name in BLANK if name in row}, **unread}


def _seen(part: str, results: Read, audit: Read) -> Seen:
    result = results.get(part)
    try:
        return JUDGES[part](result if isinstance(result, Mapping) else {}, audit)
    except (TypeError, ValueError, KeyError, AttributeError):
        return Seen([Finding(AREAS[part], UNKNOWN, ODD_FORM)], UNREAD[part])


def _is_read(part: str, result: Any) -> bool:
    """Whether anything of a part was read."""
    if not isinstance(result, Mapping):
        return False
    if part == "drift":
        return any(isinstance(one, Mapping) and "items" in one for one in result.values())
    return any(result.get(key) is not None for key in ("environments", "active", "found", "status"))


# The parts that audit_sso does not look at


def _judge_environment(result: Read, audit: Read) -> Seen:
    name = audit.get("environment")
    listed = result.get("environments")
    if not isinstance(listed, list):
        text = f"Whether the environment is active could not be read: {reason_of(result)}"
        return Seen([Finding("environment", UNKNOWN, text)], UNREAD["environment"])
    if not listed and result.get("readable") is not True:
        text = "The server does not show its environments, so whether there is this one is not known."
        return Seen([Finding("environment", UNKNOWN, text)], UNREAD["environment"])
    if not listed:
        text = f"The instance has no environment {name}."
        return Seen([Finding("environment", CRITICAL, text)], {"environment_state": ABSENT})
    (found,) = listed
    if found["active"] is True:
        return Seen([Finding("environment", OK, "It is active.")], {"environment_state": ACTIVE})
    if found["active"] is not False:
        text = "The server does not say whether the environment is active."
        return Seen([Finding("environment", UNKNOWN, text)], UNREAD["environment"])
    wanted = audit.get("wanted_active") is False
    text = "It is inactive, as its file says." if wanted else "It is inactive, so nobody can use it."
    return Seen([Finding("environment", OK if wanted else WARNING, text)], {"environment_state": INACTIVE})


def _judge_administrators(result: Read, audit: Read) -> Seen:
    active, maybe = result.get("active"), result.get("maybe")
    if not isinstance(active, int) or not isinstance(maybe, int):
        text = f"The administrators could not be read: {reason_of(result)}"
        return Seen([Finding("administrator", UNKNOWN, text)], UNREAD["administrators"])
    facts = {"administrators": active + maybe}
    if not active and maybe:
        text = f"The server does not say whether one of its {maybe} administrators is active."
        return Seen([Finding("administrator", UNKNOWN, text)], facts)
    if not active:
        text = "The list of users shows no active administrator, so nobody can manage the environment."
        return Seen([Finding("administrator", CRITICAL, text)], facts)
    if active + maybe == 1:
        text = "It has a single active administrator."
        return Seen([Finding("administrator", WARNING, text)], facts)
    return Seen([Finding("administrator", OK, f"It has {active + maybe} administrators.")], facts)


def _judge_scim_key(result: Read, audit: Read) -> Seen:
    if result.get("given") is False:
        # The token that Microsoft Entra has saved is another part.
        return Seen([], {"scim_key": "not given"})
    status, answers = result.get("status"), result.get("answers")
    if answers is True:
        text = "The SCIM service accepts the key."
        return Seen([Finding("scim key", OK, text)], {"scim_key": "accepted"})
    if answers is False:
        text = f"The SCIM service answers the key with HTTP {status}, and with something else than a list of people."
        return Seen([Finding("scim key", UNKNOWN, text)], UNREAD["scim_key"])
    text = reason_of(result)
    if status in (401, 403) and result.get("inactive") is not True:
        text = f"The SCIM service does not accept the key: {text}"
        return Seen([Finding("scim key", CRITICAL, text)], {"scim_key": "refused"})
    text = f"Whether the SCIM service accepts the key was not found out: {text}"
    return Seen([Finding("scim key", UNKNOWN, text)], UNREAD["scim_key"])


def _judge_drift(result: Read, audit: Read) -> Seen:
    """What could not be compared; what differs is said by `_Ledger.drift`."""
    hidden = audit.get("hidden") is not False
    findings = []
    for what, one in result.items():
        name = SETTINGS.get(what, "definition")
        if "items" not in one:
            findings.append(_not_compared(name, one, hidden))
        elif one.get("compared") is not True:
            why = HIDDEN if hidden else next(iter(one.get("warnings") or ()), "the server does not show it.")
            findings.append(Finding("drift", UNKNOWN, f"The {name} could be compared in part only: {why}"))
    if not result:
        text = (
            "Nothing describes this tenant, so nothing was compared. Give w365_directory_definition or w365_tenant_definition, or "
            "leave drift out with w365_audit_without."
        )
        findings.append(Finding("drift", UNKNOWN, text))
    if audit.get("manages_app") is True and "sso" not in audit["parts"]:
        findings.append(Finding("drift", OK, "The app registration was not compared, because sso is left out."))
    compared = [SETTINGS[what] for what, one in result.items() if "items" in one and not one["items"]]
    if compared:
        findings.append(Finding("drift", OK, f"As described: {', '.join(compared)}."))
    return Seen(findings, UNREAD["drift"] if any(one.state != OK for one in findings) else {"drift": 0})


def _not_compared(name: str, one: Read, hidden: bool) -> Finding:
    removed = one.get("would_go")
    if isinstance(removed, Mapping) and removed:
        counts = ", ".join(f"{len(names)} {kind}" for kind, names in sorted(removed.items()))
        why = "" if hidden else f" {reason_of(one)}"
        text = f"The limit of removals refuses the {name}: {counts} would go. What else differs was not counted.{why}"
        return Finding("drift", CRITICAL, text)
    why = HIDDEN if hidden and one.get("by_module") is not False else reason_of(one)
    return Finding("drift", UNKNOWN, f"The {name} could not be compared: {why}")


JUDGES: Mapping[str, Callable[[Read, Read], Seen]] = {
    "environment": _judge_environment,
    "administrators": _judge_administrators,
    "scim_key": _judge_scim_key,
    "drift": _judge_drift,
}


# What differs from the file, and what of all that is accepted


def _items(drift: Any) -> Iterator[Item]:
    for one in drift.values() if isinstance(drift, Mapping) else ():
        for item in (one.get("items") or ()) if isinstance(one, Mapping) else ():
            if isinstance(item, Mapping):
                kind, name, action = (str(item.get(key) or UNKNOWN) for key in ("kind", "name", "action"))
                yield Item(kind, name, action, item.get("removes") is True)


class _Ledger:
    """The acceptances of a tenant, and which of them have covered something."""

    def __init__(self, entries: Sequence[Acceptance], names: Sequence[str], hidden: bool) -> None:
        self.entries, self.names, self.hidden = entries, names, hidden
        self.used: set[int] = set()
        self.counts: dict[str, int] = {}
        """What differs and is not accepted, by kind and action."""

    def _find(self, kind: str, names: Sequence[str], tenant: bool) -> Acceptance | None:
        """The entry that covers it, one that has not ended before others."""
        fitting = [one for one in self.entries if one.covers(kind, names) and (bool(one.name) or tenant)]
        self.used |= {one.number for one in fitting}
        return min(fitting, key=lambda one: one.ended, default=None)

    def judged(self, finding: Finding) -> Finding:
        """The finding, or what becomes of it by an acceptance. What is unknown cannot be accepted."""
        if finding.state not in (CRITICAL, WARNING):
            return finding
        entry = self._find(finding.area, self.names, tenant=True)
        return self._with(finding, entry) if entry else finding

    def drift(self, items: Sequence[Item]) -> Iterator[Finding]:
        """A finding for each kind of change, and one for each object that an entry is about."""
        rest: list[Item] = []
        for item in items:
            tenant = item.kind in SETTINGS
            entry = self._find(item.kind, (item.name, *(self.names if tenant else ())), tenant)
            if entry is None or entry.ended:
                key = f"{item.kind}_{item.action}"
                self.counts[key] = self.counts.get(key, 0) + 1
            if entry is None:
                rest.append(item)
            else:
                shown = "" if self.hidden else f" {item.name}"
                yield self._with(Finding("drift", WARNING, f"{item.kind} {item.action}{shown}."), entry)
        rest.sort(key=lambda item: (not item.removes, item.kind, item.action, item.name))
        for (removes, kind, action), group in groupby(rest, lambda item: (item.removes, item.kind, item.action)):
            names = [item.name for item in group]
            more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
            shown = "" if self.hidden else f": {', '.join(names[:NAMES_SHOWN])}{more}"
            takes = ", takes access" if removes else ""
            yield Finding("drift", WARNING, f"{kind} {action}{takes} {len(names)}{shown}.")

    def _with(self, finding: Finding, entry: Acceptance) -> Finding:
        if entry.ended:
            return finding._replace(text=f"{finding.text} It is not accepted any more by {entry.called(self.hidden)}.")
        return finding._replace(state=ACCEPTED, text=f"{finding.text} Accepted by {entry.called(self.hidden)}.")

    def left(self, parts: Sequence[str], read: Sequence[str], findings: Sequence[Finding]) -> Iterator[Finding]:
        """What is to be said about entries that cover nothing."""
        unknown = {one.area for one in findings if one.state == UNKNOWN}
        for entry in (one for one in self.entries if one.number not in self.used):
            name = entry.called(self.hidden)
            missing = [
                part for part in entry.parts if part not in read or {AREAS.get(part, part), entry.kind} & unknown
            ]
            if not set(entry.parts) <= set(parts):
                yield Finding("accepted", OK, f"Whether {name} is needed was not looked at.")
            elif missing:
                text = f"Whether {name} is needed is not known: {', '.join(missing)} could not be read completely."
                yield Finding("accepted", OK, text)
            else:
                tail = " It has ended." if entry.ended else ""
                yield Finding("accepted", WARNING, f"Nothing matches {name}.{tail} Correct or remove it.")


def _count(shown: dict[str, Any], findings: Sequence[Finding], ledger: _Ledger, *, manages_app: bool) -> None:
    """What the table shows of drift: how much differs and is not accepted."""
    counts = dict(ledger.counts)
    if manages_app:
        areas = [one for one in findings if one.area in OF_APP and one.state in (CRITICAL, WARNING)]
        counts |= {
            f"sso_{area}": sum(one.area == area for one in areas) for area in sorted({one.area for one in areas})
        }
        if any(one.area in ("sso", "link") and one.state == UNKNOWN for one in findings):
            shown["drift"] = UNKNOWN
    shown["drift_counts"] = counts
    if shown["drift"] != UNKNOWN:
        shown["drift"] = sum(counts.values())


# The end of the playbook


def audit_verdict(report: Mapping[str, Any], *, fail_on_unknown: bool, fail_on_drift: bool) -> str:
    """The line with which the playbook fails; empty when it does not. A fleet of which nothing was read is always a failure."""
    tenants = report["tenants"]
    if not any(row["parts_read"] for row in tenants):
        names = ", ".join(row["host"] for row in tenants)
        return f"Nothing could be read of any of {len(tenants)} tenants ({names}). The table above says why."
    drifted = [row["host"] for row in tenants if row["drift_counts"]] if fail_on_drift else []
    if not drifted:
        return verdict(report, fail_on_unknown=fail_on_unknown)
    states = [CRITICAL, *([UNKNOWN] if fail_on_unknown else [])]
    named = {state: [row["host"] for row in tenants if row["state"] == state] for state in states}
    return sentence_of(report, {**named, "with drift": drifted})
