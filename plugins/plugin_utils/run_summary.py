# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first line of what a run says about an environment: what changed, or failed, and what is unknown.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment_actions import (
    INSTANCE_ACTIONS,
)

WORD = "w365"
"""What the line begins with, so that it can be found in a long log."""

OBJECTS: Mapping[str, tuple[str, str]] = {
    **{row.object.name: (row.object.one, row.object.many) for row in INSTANCE_ACTIONS},
    "user": ("user", "users"),
    "group": ("group", "groups"),
    "membership": ("membership of a group", "memberships of groups"),
    "administrator": ("administrator role", "administrator roles"),
    "environment": ("environment", "environments"),
    "sso": ("single sign-on", "single sign-ons"),
    "application": ("application", "applications"),
    "service_principal": ("service principal", "service principals"),
    "consent": ("consent", "consents"),
    "secret": ("client secret", "client secrets"),
    "certificate": ("certificate", "certificates"),
    "federated_credential": ("federated credential", "federated credentials"),
    "permission": ("permission", "permissions"),
    "job": ("provisioning job", "provisioning jobs"),
    "job_settings": ("provisioning settings", "provisioning settings"),
    "assignment": ("assignment", "assignments"),
    "provisioning": ("object on demand", "objects on demand"),
    "file": ("file", "files"),
}
"""One and many of each kind in results."""

VERBS: Mapping[str, str] = {
    "create": "created",
    "restore": "restored",
    "update": "changed",
    "change": "changed",
    "write": "written",
    "activate": "activated",
    "deactivate": "deactivated",
    "delete": "deleted",
    "delete_permanently": "permanently deleted",
    "grant": "granted",
    "revoke": "revoked",
    "withdraw": "withdrawn",
    "add": "added",
    "remove": "removed",
    "link": "linked",
    "start": "started",
    "pause": "paused",
    "restart": "restarted",
    "allow_deletes": "allowed to remove",
    "provision": "provisioned",
}
"""What was done, for each action in results."""


def subject(environment: str, host: str = "") -> str:
    """How a line calls the environment; with the host where that is the customer's and has another name."""
    known = host and host not in ("localhost", "127.0.0.1", environment)
    return f"{host} ({environment})" if known and environment else environment or (host if known else "")


def line_of_results(
    name: str,
    results: Iterable[Mapping[str, Any]],
    *,
    check_mode: bool,
    failed: str | None = None,
    waits: bool = False,
) -> str:
    """The line for what modules returned, the failed one included. `failed` names what failed; it may be empty."""
    every = list(results)
    entries = [entry for result in every for entry in result.get("results") or ()]
    changes = changes_of(entries, would=check_mode)
    unknown = unknowns(every)
    if failed is not None:
        ended = f"failed in {failed}" if failed else "failed"
        before = _listed(changes) or ("nothing would be changed" if check_mode else "nothing was changed")
        parts = [ended, before, *_not_made(entries)]
    else:
        nothing = "unchanged" if not check_mode else "nothing would be changed"
        parts = [_listed(changes) or nothing]
        if waits:
            parts.insert(0, "not finished, because SCIM is not switched on")
    unchanged = sum(_count(result, "unchanged") for result in every)
    left_out = sum(len(result.get("left_out") or ()) for result in every)
    if unchanged and changes:
        parts.append(f"{unchanged} unchanged")
    if left_out:
        parts.append(f"{left_out} left out")
    if unknown:
        parts.append(f"unknown: {', '.join(unknown)}")
    return line(name, *parts)


def line(name: str, *parts: str) -> str:
    """Such as "w365 contoso: 3 users created; 40 unchanged"."""
    beginning = f"{WORD} {name}" if name else WORD
    return one_line(f"{beginning}: {'; '.join(parts)}")


def changes_of(entries: Iterable[Mapping[str, Any]], *, would: bool) -> list[str]:
    """What was done, counted: "3 users created", or with `would` "3 users would be created"."""
    counts: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.get("outcome") in ("done", "planned"):
            key = (str(entry["kind"]), participle(entry))
            counts[key] = counts.get(key, 0) + 1
    # People first, whatever the order of the steps was.
    order = ("user", "administrator", "group", "membership")
    ordered = sorted(counts, key=lambda key: order.index(key[0]) if key[0] in order else len(order))
    return [
        f"{counts[kind, done]} {_named(kind, counts[kind, done])} {'would be ' if would else ''}{done}"
        for kind, done in ordered
    ]


def participle(entry: Mapping[str, Any]) -> str:
    """What was done to one object; a user whose account is switched off is deactivated."""
    active = (entry.get("changes") or {}).get("active")
    if entry["kind"] == "user" and entry["action"] == "update" and isinstance(active, bool):
        return "activated" if active else "deactivated"
    return VERBS.get(str(entry["action"]), str(entry["action"]).replace("_", " "))


def unknowns(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """The steps whose current state the server did not show. A result may have the name of its step in `step`."""
    return list(dict.fromkeys(_unknown(results)))


def _unknown(results: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for result in results:
        step = str(result.get("step") or "")
        if result.get("compared") is False:
            yield f"{step}, which could not be compared" if step else "what could not be compared"
        elif result.get("key_status") == "not compared":
            yield f"the key of {step}" if step else "the key"
        elif result.get("failed") and "results" not in result and _may_have_written(result):
            yield f"what {step} did" if step else "what it did"


def _may_have_written(result: Mapping[str, Any]) -> bool:
    """Whether a step ended without saying what it did: our modules say it, and a process that is gone does not."""
    gone = result.get("timedout") or result.get("module_stdout") is not None
    # The sentence of task/base.py about a task that was told to end.
    return bool(gone or "requests that write" in str(result.get("msg") or ""))


def _not_made(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for outcome, words in (("failed", "failed"), ("not tried", "not tried")):
        number = sum(entry.get("outcome") == outcome for entry in entries)
        if number:
            yield f"{number} {'change' if number == 1 else 'changes'} {words}"


def _count(result: Mapping[str, Any], key: str) -> int:
    value = (result.get("summary") or {}).get(key)
    return value if isinstance(value, int) else 0


def _named(kind: str, number: int) -> str:
    one, many = OBJECTS.get(kind) or (kind.replace("_", " "), f"{kind.replace('_', ' ')}s")
    return one if number == 1 else many


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts)
