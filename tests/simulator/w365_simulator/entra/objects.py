# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Entra holds besides people and groups: documents with the names of Graph, kept as JSON in the state.

Names that begin with an underscore belong to the twin and are never shown. A pattern such as ``0010111`` says what the
next answers tell of an object, one answer after the other: 0 for a replica that does not have it yet, 1 for one that
has it. After the end of the pattern every replica has it.
"""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

from ..clock import Clock
from ..store import Store
from ..switches import Switches

Document = dict[str, Any]


def next_answer(replicas: dict[str, Any] | None) -> bool:
    """Return what the next answer tells, and count it."""
    if not replicas or replicas["reads"] >= len(replicas["pattern"]):
        return True
    replicas["reads"] += 1
    return bool(replicas["pattern"][replicas["reads"] - 1] == "1")


def everywhere(replicas: dict[str, Any] | None) -> bool:
    """Whether no replica is behind any more."""
    return not replicas or "0" not in replicas["pattern"][replicas["reads"] :]


def replicas(pattern: str) -> dict[str, Any] | None:
    """Return the state of a new pattern."""
    return {"pattern": pattern, "reads": 0} if pattern else None


def public(document: Document) -> Document:
    """Return a copy without what belongs to the twin."""
    return {name: copy.deepcopy(value) for name, value in document.items() if not name.startswith("_")}


class Objects:
    """The documents of every tenant, by kind and id. A document knows its tenant, kind and app id by itself."""

    def __init__(self, store: Store, switches: Switches, clock: Clock) -> None:
        self.store = store
        self.switches = switches
        self.clock = clock

    def add(self, tenant: str, kind: str, content: Document, *, replicated: bool = True) -> Document:
        """Keep a new document; without an id it gets a random one."""
        document = {**content, "id": content.get("id") or str(uuid.uuid4()), "_tenant": tenant, "_kind": kind}
        if replicated:
            document["_replicas"] = replicas(self.switches.entra_replication)
        self.store.run(
            "INSERT INTO entra_objects (tenant, kind, id, app_id, content) VALUES (?, ?, ?, ?, ?)",
            (tenant, kind, document["id"], document.get("appId"), json.dumps(document)),
        )
        return document

    def find(self, tenant: str, kind: str, id_: str) -> Document | None:
        """Return a document as it is, whatever the replicas show."""
        return self._read("tenant = ? AND kind = ? AND id = ?", (tenant, kind, id_))

    def by_app_id(self, tenant: str, kind: str, app_id: str) -> Document | None:
        """Return the application or service principal of a client id."""
        return self._read("tenant = ? AND kind = ? AND app_id = ?", (tenant, kind, app_id.lower()))

    def _read(self, where: str, values: tuple[str, ...]) -> Document | None:
        found = self.store.value(f"SELECT content FROM entra_objects WHERE {where}", values)
        return None if found is None else dict(json.loads(found))

    def all(self, tenant: str, kind: str, **wanted: Any) -> list[Document]:
        """Return the documents of a kind whose properties have these values, oldest first."""
        rows = self.store.all(
            "SELECT content FROM entra_objects WHERE tenant = ? AND kind = ? ORDER BY position", (tenant, kind)
        )
        documents = [dict(json.loads(row["content"])) for row in rows]
        return [found for found in documents if all(found.get(name) == value for name, value in wanted.items())]

    def save(self, document: Document) -> None:
        """Keep a changed document."""
        self.store.run(
            "UPDATE entra_objects SET content = ?, app_id = ? WHERE tenant = ? AND kind = ? AND id = ?",
            (json.dumps(document), document.get("appId"), document["_tenant"], document["_kind"], document["id"]),
        )

    def move(self, document: Document, kind: str) -> None:
        """Give a document another kind, as deleting and restoring do."""
        self.store.run(
            "UPDATE entra_objects SET kind = ? WHERE tenant = ? AND kind = ? AND id = ?",
            (kind, document["_tenant"], document["_kind"], document["id"]),
        )
        document["_kind"] = kind
        self.save(document)

    def remove(self, document: Document) -> None:
        """Remove a document permanently."""
        self.store.run(
            "DELETE FROM entra_objects WHERE tenant = ? AND kind = ? AND id = ?",
            (document["_tenant"], document["_kind"], document["id"]),
        )

    def change(self, document: Document, changes: Document) -> None:
        """Change a document; replicas may go on showing what was there before."""
        if self.switches.entra_change_replication:
            document["_before"] = {
                **(replicas(self.switches.entra_change_replication) or {}),
                "document": public(document),
            }
        document.update(changes)
        self.save(document)

    def seen(self, document: Document) -> Document | None:
        """Return what the next answer shows of a document, None when its replica does not have it yet."""
        if document.get("_replicas") is None and document.get("_before") is None:
            return document
        there = next_answer(document.get("_replicas"))
        current = next_answer(document.get("_before"))
        self.save(document)
        if not there:
            return None
        return document if current else {**document, **document["_before"]["document"]}
