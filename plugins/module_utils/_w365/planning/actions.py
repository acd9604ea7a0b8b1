# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change of one object, and the table of the kinds of change that there are.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PHASES = (
    ("environment", ("create", "delete")),
    ("environment", ("activate", "deactivate")),
    ("sso", ("write",)),
    # A name must be free before somebody else can get it, so renames come first, whatever else they do.
    ("user", ("update",)),
    ("user", ("restore", "create")),
    ("group", ("update",)),
    ("group", ("create",)),
    ("membership", ("change",)),
    ("administrator", ("grant",)),
    ("administrator", ("revoke",)),
    ("group", ("delete",)),
    ("user", ("delete", "delete_permanently")),
)
"""What is done after what. Inside a phase the order does not matter, but for names that pass on: see `Plan.phases`."""


@dataclass(frozen=True)
class Action:
    """One change of one object.

    `before` and `after` are the object's shown fields (None where it does not exist), `subject` the object as it is
    now and `outcome` as it will be. `extras` are write-only values: they are sent and never shown. `purged` marks what goes
    because nobody named it.
    """

    kind: str
    verb: str
    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    subject: Any = None
    outcome: Any = None
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)
    purged: bool = False

    @property
    def renames(self) -> bool:
        """Whether a user or group gives up its name for another."""
        both = self.kind in ("user", "group") and self.subject is not None and self.outcome is not None
        return both and self.outcome.key != self.subject.key

    @property
    def phase(self) -> int:
        verb = "update" if self.renames else self.verb
        return next(n for n, (kind, verbs) in enumerate(PHASES) if kind == self.kind and verb in verbs)

    @property
    def deed(self) -> str:
        """What is done, for a sentence: "create user 'a@b.c'"."""
        return (
            f"{VERBS[self.verb]} {self.kind} '{self.name}'"
            if self.kind != "membership"
            else f"change the members of group '{self.name}'"
        )


VERBS = {
    "create": "create",
    "restore": "restore",
    "update": "change",
    "delete": "delete",
    "delete_permanently": "permanently delete",
    "change": "change",
    "grant": "grant the role of",
    "revoke": "revoke the role of",
    "activate": "activate",
    "deactivate": "deactivate",
    "write": "write",
}
