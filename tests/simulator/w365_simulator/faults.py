# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults: rules that make requests fail on purpose, a number of times or at random."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

ACTIONS = {
    "status": "answer with this status; also retry_after and body",
    "drop_before": "cut the connection before anything happens",
    "drop_after": "do it, then cut the connection",
    "latency": "answer after some seconds",
    "slow_body": "spread the answer over some seconds",
    "hold_before": "do nothing until DELETE /_simulator/holds, or for some seconds; then go on",
    "hold_after": "do it, and answer after DELETE /_simulator/holds, or after some seconds",
    "concurrency": "Graph: 409 (or another status) Directory_ConcurrencyViolation; nothing was done",
    "truncate": "send half of the body",
    "html": "answer with the page of a gateway (503)",
    "expired_token": "401, as if the token had expired",
    "expired_delta": "Graph: 410 syncStateNotFound and a Location; with status 400 without one",
    "empty": "Graph: a list or a delta query that is suddenly empty",
}
SURFACES = ("provisioning", "scim", "entra", "graph", "portal")
# Only these make sense for one request inside a Graph batch: the connection belongs to all of them.
INNER_ACTIONS = ("status", "concurrency", "html", "expired_token", "expired_delta", "empty")
_FIELDS = {
    "surface", "method", "path", "batch", "times", "probability", "action", "status", "retry_after", "seconds", "body",
}  # fmt: skip


class FaultError(ValueError):
    """A rule that cannot be understood."""


@dataclass(slots=True)
class Rule:
    """One fault. ``times`` counts down to 0; -1 means no limit.

    ``batch`` says whether it applies to items of a Graph batch only (true), never (false), or to both (None).
    """

    number: int
    action: str
    surface: str | None
    method: str | None
    path: re.Pattern[str] | None
    times: int
    probability: float
    status: int | None
    retry_after: int | str | None
    seconds: float
    body: Any
    batch: bool | None = None
    hits: int = 0

    def shown(self) -> dict[str, Any]:
        """Return the rule as JSON, with how often it has been applied."""
        return {
            "number": self.number,
            "action": self.action,
            "surface": self.surface,
            "method": self.method,
            "path": self.path.pattern if self.path else None,
            "batch": self.batch,
            "times": self.times,
            "probability": self.probability,
            "status": self.status,
            "retry_after": self.retry_after,
            "seconds": self.seconds,
            "body": self.body,
            "hits": self.hits,
        }


def _number(rule: dict[str, Any], name: str, default: float, lowest: float, highest: float) -> float:
    value = rule.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
        raise FaultError(f"field {name} of a fault is a number from {lowest:g} to {highest:g}; it was {value!r}.")
    return float(value)


class Faults:
    """All rules, in the order in which they were given. The first that matches is applied."""

    def __init__(self, random_seed: int) -> None:
        self._rules: list[Rule] = []
        self._number = 0
        self._random = random.Random(random_seed)

    def restart(self, random_seed: int) -> None:
        """Start the random numbers again, so that a run can be repeated exactly."""
        self._random = random.Random(random_seed)

    def add(self, rule: Any) -> Rule:
        """Check a rule and append it."""
        if not isinstance(rule, dict):
            raise FaultError('a fault is a JSON object, for example {"action": "status", "status": 429}.')
        unknown = sorted(set(rule) - _FIELDS)
        if unknown:
            raise FaultError(f"a fault has no field {unknown[0]!r}; known are: {', '.join(sorted(_FIELDS))}.")
        action = rule.get("action")
        if action not in ACTIONS:
            raise FaultError(f"field action of a fault is one of {', '.join(ACTIONS)}; it was {action!r}.")
        surface = rule.get("surface")
        if surface is not None and surface not in SURFACES:
            raise FaultError(f"field surface of a fault is one of {', '.join(SURFACES)}; it was {surface!r}.")
        status = rule.get("status")
        if status is not None and (isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599):
            raise FaultError(f"field status of a fault is a number from 200 to 599; it was {status!r}.")
        if action == "status" and status is None:
            raise FaultError("a fault with action status needs the field status, for example 429.")
        batch = rule.get("batch")
        if batch is not None and not isinstance(batch, bool):
            raise FaultError(f"field batch of a fault is true, false or null; it was {batch!r}.")
        if batch and action not in INNER_ACTIONS:
            raise FaultError(
                f"a fault with batch=true takes one of the actions {', '.join(INNER_ACTIONS)}, because the connection"
                f" belongs to the whole batch; it was {action!r}."
            )
        if action == "empty" and surface != "graph":
            raise FaultError('a fault with action empty needs "surface": "graph": only Graph has such lists.')
        pattern = None
        if rule.get("path") is not None:
            try:
                pattern = re.compile(str(rule["path"]))
            except re.error as problem:
                raise FaultError(
                    f"field path of a fault is a regular expression; {rule['path']!r} is not: {problem}."
                ) from problem
        self._number += 1
        made = Rule(
            number=self._number,
            action=action,
            surface=surface,
            method=str(rule["method"]).upper() if rule.get("method") else None,
            path=pattern,
            times=int(_number(rule, "times", 1, -1, 1_000_000_000)),
            probability=_number(rule, "probability", 1, 0, 1),
            status=status,
            retry_after=rule.get("retry_after"),
            seconds=_number(rule, "seconds", 600 if str(action).startswith("hold") else 1, 0, 86_400),
            body=rule.get("body"),
            batch=batch,
        )
        self._rules.append(made)
        return made

    def pick(self, surface: str, method: str, path: str, query_string: str, inner: bool = False) -> Rule | None:
        """Return the rule that applies to this request, and count it."""
        if not self._rules:
            return None
        for rule in self._rules:
            if rule.times == 0 or (rule.surface and rule.surface != surface) or (rule.method and rule.method != method):
                continue
            if inner and rule.action not in INNER_ACTIONS:
                continue
            if rule.batch is not None and rule.batch != inner:
                continue
            if rule.path and not (rule.path.search(path) or rule.path.search(f"{path}?{query_string}")):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            if rule.times > 0:
                rule.times -= 1
            rule.hits += 1
            return rule
        return None

    def shown(self) -> list[dict[str, Any]]:
        """Return every rule, also those that are used up."""
        return [rule.shown() for rule in self._rules]

    def clear(self) -> None:
        """Remove every rule."""
        self._rules.clear()
