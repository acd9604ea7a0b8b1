# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deviations of a tenant that somebody has accepted until a day: which entries can be used, and what each of them covers.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import comparison_key
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import OBJECT_KINDS

KEYS = ("kind", "name", "until", "why")
"""What an entry has. `name` may be left out for a kind that is about the whole tenant."""

OF_DRIFT = tuple(OBJECT_KINDS)
"""The kinds of objects that differ from the file, one by one."""

OF_TENANT: Mapping[str, Sequence[str]] = {
    "administrator": ("administrators",),
    "environment": ("environment", "drift"),
    "sso": ("sso", "drift"),
    **dict.fromkeys(("link", "secret", "consent", "application", "principal"), ("sso",)),
    "scim": ("scim",),
    "scim token": ("scim",),
    "scim key": ("scim_key",),
}
"""The other kinds, which are areas of findings, and the parts of an audit that find them."""

KINDS = tuple(dict.fromkeys((*OF_DRIFT, *OF_TENANT)))

LONGEST = 120

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<time>[0-9]{2}:[0-9]{2}(:[0-9]{2})?)(\.[0-9]+)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"
)


class Acceptance(NamedTuple):
    """An entry that can be used. `until` is as it was written; it has `ended` when that was before the audit."""

    number: int
    kind: str
    name: str
    until: str
    why: str
    ended: bool

    @property
    def parts(self) -> Sequence[str]:
        """The parts of an audit that would find what it covers."""
        if self.name and self.kind in OF_DRIFT:
            return ("drift",)
        return OF_TENANT[self.kind]

    def covers(self, kind: str, names: Iterable[str]) -> bool:
        """Whether it is about this kind and one of these names; without a name it is about the tenant."""
        if kind != self.kind:
            return False
        if not self.name:
            return kind not in OF_DRIFT or kind == "administrator"
        return comparison_key(self.name) in map(comparison_key, names)

    def called(self, hidden: bool) -> str:
        """The entry in a sentence. A `hidden` name is not shown."""
        name = f" {self.name}" if self.name and not hidden else ""
        return f"entry {self.number} of w365_accepted ({self.kind}{name}, until {self.until}: {self.why})"


def acceptances(entries: Any, now: float) -> tuple[list[Acceptance], list[str]]:
    """The entries that can be used, and a sentence for each that cannot. `now` is in seconds since 1970."""
    if entries is None:
        return [], []
    if isinstance(entries, str | Mapping) or not isinstance(entries, Sequence):
        return [], ["w365_accepted is no list, so nothing is accepted. Give a list of dictionaries."]
    found, refused = [], []
    for number, entry in enumerate(entries, 1):
        mistake = next(_mistakes(entry), "")
        if mistake:
            refused.append(f"Entry {number} of w365_accepted accepts nothing: {one_line(mistake)}")
            continue
        until = entry["until"].strip()
        name, why = (str(entry.get(key) or "").strip() for key in ("name", "why"))
        found.append(Acceptance(number, _kind(entry["kind"]), name, until, why, _end(until) <= now))
    return found, refused


def _kind(value: Any) -> str:
    return " ".join(value.replace("_", " ").lower().split()) if isinstance(value, str) else ""


def _mistakes(entry: Any) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"it is no dictionary with {', '.join(KEYS)}."
        return
    unknown = sorted(str(key) for key in entry if key not in KEYS)
    if unknown:
        yield f"it has the key {unknown[0][:LONGEST]!r}, and may have {', '.join(KEYS)}."
    kind, name, until, why = (entry.get(key) for key in KEYS)
    if _kind(kind) not in KINDS:
        yield f"its kind is {_shown(kind)}, and none of {', '.join(KINDS)}."
    if name is not None and not isinstance(name, str):
        yield f"its name is {_shown(name)} and no text. Put it into quotation marks."
    if _kind(kind) in OF_DRIFT and _kind(kind) not in OF_TENANT and not str(name or "").strip():
        yield f"it has no name. An entry of the kind {_kind(kind)} is about one object."
    if not isinstance(why, str) or not why.strip():
        yield "it does not say why, in a text."
    if not isinstance(until, str) or not until.strip():
        yield f"until is {_shown(until)}: give the last day on which it is accepted, such as 2027-01-31."
    else:
        try:
            _end(until.strip())
        except (ValueError, OverflowError):
            yield f"until is {_shown(until)}, which is no day such as 2027-01-31 and no time such as 2027-01-31T18:00:00Z."


def _shown(value: Any) -> str:
    return "not given" if value is None else repr(value)[:LONGEST]


def _end(until: str) -> float:
    """When it ends, in seconds since 1970: a day ends at midnight in UTC. Raises ValueError or OverflowError."""
    if _DAY.fullmatch(until):
        start = datetime.fromisoformat(until).replace(tzinfo=timezone.utc)
        # The last second, since the last day of the calendar has no next one.
        return (start + timedelta(hours=23, minutes=59, seconds=59)).timestamp() + 1
    time = _TIME.fullmatch(until)
    if not time:
        raise ValueError(until)
    zone = (time["zone"] or "Z").replace("Z", "+00:00")
    return datetime.fromisoformat(f"{time['day']}T{time['time']}{zone}").timestamp()
