# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delta queries: a log of changes, opaque tokens, and pages of what has changed.

The log is written by the database itself (triggers), so that no way of changing a tenant can miss it. The triggers
are made by the first delta query: a twin without delta queries writes no log at all. What is shown is always
the current state of what the log names, so a change that happens between two pages comes at least once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from .store import Store
from .switches import Switches
from .tokens import decode, encode

EVERYTHING = "*"
# column -> the properties of Graph that it is shown in
_USER_COLUMNS = {
    "upn": "userPrincipalName,mailNickname", "given_name": "givenName", "surname": "surname",
    "display_name": "displayName", "mail": "mail,proxyAddresses", "account_enabled": "accountEnabled",
    "user_type": "userType", "assigned_licenses": "assignedLicenses", "job_title": "jobTitle",
    "department": "department", "mobile_phone": "mobilePhone", "preferred_language": "preferredLanguage",
    "business_phones": "businessPhones",
}  # fmt: skip
_GROUP_COLUMNS = {
    "display_name": "displayName,mailNickname", "description": "description", "mail": "mail,proxyAddresses",
    "mail_enabled": "mailEnabled", "security_enabled": "securityEnabled", "group_types": "groupTypes",
    "visibility": "visibility",
}  # fmt: skip


class StaleToken(Exception):
    """A token that is unknown or too old; ``round`` is its content, if it can still be read."""

    def __init__(self, found: Round | None) -> None:
        super().__init__("The sync state generation is not found.")
        self.round = found


@dataclass(frozen=True, slots=True)
class Round:
    """The position of one client. ``since`` is None while it reads everything for the first time."""

    kind: str
    tenant: str
    generation: str
    issued: float
    until: int
    selected: str | None = None
    members: bool = False
    ids: tuple[str, ...] = ()
    since: int | None = None
    after: int = 0
    # The place of a group that is split over pages, and up to where its members have been sent.
    part: int = 0
    part_after: int = 0


@dataclass(slots=True)
class Change:
    """One object of a page. ``row`` is None when it has been removed; ``properties`` is None in a first reading."""

    id: str
    row: Any
    reason: str | None = None
    properties: set[str] | None = None
    members: list[tuple[str, str, bool]] | None = None


class Delta:
    """Writes and reads tokens, and finds the changes of a round."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self.store = store
        self.switches = switches
        self._key = bytes.fromhex(store.meta("token_key") or "")
        self._renew()

    # ---- tokens

    def begin(self, kind: str, tenant: str, *, selected: str | None, members: bool, ids: tuple[str, ...]) -> Round:
        """Start to read everything; from here on changes are logged."""
        self._watch()
        return Round(kind, tenant, self._generation(), time.time(), self._now(), selected, members, ids)

    def finished(self, round_: Round) -> Round:
        """Return the round that begins where this one ends."""
        return replace(round_, issued=time.time(), since=round_.until, after=round_.until, part=0, part_after=0)

    def write(self, round_: Round) -> str:
        """Return the opaque token of a round."""
        body = zlib.compress(json.dumps(list(asdict(round_).values())).encode())
        return encode(self._signature(body) + body)

    def read(self, token: str, kind: str, tenant: str, *, resumed: bool) -> Round:
        """Return the round of a token. ``resumed`` is false for the first page of a delta link."""
        try:
            signed = decode(token)
            body = signed[16:]
            if not hmac.compare_digest(self._signature(body), signed[:16]):
                raise StaleToken(None)
            values = json.loads(zlib.decompress(body))
        except (ValueError, zlib.error):
            raise StaleToken(None) from None
        values[7] = tuple(values[7])
        found = Round(*values)
        if (found.kind, found.tenant, found.generation) != (kind, tenant, self._generation()):
            raise StaleToken(None)
        if found.issued + self.switches.delta_lifetime <= time.time():
            raise StaleToken(found)
        if resumed:
            return found
        return replace(found, until=self._now())

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self._key, b"delta" + body, hashlib.sha256).digest()[:16]

    def _generation(self) -> str:
        return self.store.meta("delta_generation") or ""

    def _now(self) -> int:
        return int(self.store.value("SELECT coalesce(max(number), 0) FROM graph_changes"))

    def _watch(self) -> None:
        if not self.store.one("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = 'watch_users_insert'"):
            for statement in _triggers():
                self.store.run(statement)

    def _renew(self) -> None:
        """Replace the triggers of a state file that an earlier version of the twin has written."""
        found = self.store.all("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'watch_%'")
        if not found or {row["sql"] for row in found} == set(_triggers()):
            return
        with self.store.writing():
            for row in found:
                self.store.run(f"DROP TRIGGER {row['name']}")
            self._watch()

    # ---- pages

    def page(self, round_: Round, size: int, members_size: int) -> tuple[list[Change], Round | None]:
        """Return the next objects, and the round of the page after them if there is one."""
        found: list[Change] = []
        for place, change in self._changes(round_, size):
            if len(found) == size:
                return found, replace(round_, issued=time.time())
            found.append(change)
            if change.row is not None and round_.members:
                sent = round_.part_after if round_.part == place else 0
                change.members, more = self._members(round_, change, sent, members_size)
                if more:
                    # A group that does not fit ends the page, and appears again on the next one.
                    return found, replace(round_, issued=time.time(), part=place, part_after=more)
            round_ = replace(round_, after=place, part=0, part_after=0)
        return found, None

    def _changes(self, round_: Round, size: int) -> Iterator[tuple[int, Change]]:
        return self._everything(round_, size) if round_.since is None else self._changed(round_)

    def _everything(self, round_: Round, size: int) -> Iterator[tuple[int, Change]]:
        only, values = "", [round_.tenant, round_.after]
        if round_.ids:
            only, values = f" AND id IN ({', '.join('?' * len(round_.ids))})", [*values, *round_.ids]
        for row in self.store.all(
            f"SELECT * FROM graph_{round_.kind}s WHERE tenant = ? AND position > ?{only} ORDER BY position LIMIT ?",
            [*values, size + 1],
        ):
            yield row["position"], Change(row["id"], row)

    def _changed(self, round_: Round) -> Iterator[tuple[int, Change]]:
        """Yield every object once, at the place of its last change, if a property that is followed has changed."""
        followed = set(round_.selected.split(",")) if round_.selected is not None else None
        scan = self.store.db.execute(
            "SELECT number, id FROM graph_changes AS one WHERE number > ? AND number <= ? AND tenant = ? AND kind = ?"
            " AND NOT EXISTS (SELECT 1 FROM graph_changes AS later WHERE later.tenant = one.tenant AND later.kind ="
            " one.kind AND later.id = one.id AND later.number > one.number AND later.number <= ?) ORDER BY number",
            (round_.after, round_.until, round_.tenant, round_.kind, round_.until),
        )
        for number, id_ in scan:
            if round_.ids and id_ not in round_.ids:
                continue
            properties: set[str] = set()
            for row in self.store.all(
                "SELECT DISTINCT properties FROM graph_changes WHERE tenant = ? AND kind = ? AND id = ? AND number > ? AND"
                " number <= ?",
                (round_.tenant, round_.kind, id_, round_.since, round_.until),
            ):
                properties.update(row["properties"].split(","))
            if EVERYTHING not in properties and not properties & self._followed(followed, round_.members):
                continue
            row = self.store.one(
                f"SELECT * FROM graph_{round_.kind}s WHERE tenant = ? AND id = ?", (round_.tenant, id_)
            )
            if row is not None:
                yield number, Change(id_, row, properties=properties)
                continue
            kept = self.store.one(
                "SELECT 1 FROM graph_deleted WHERE tenant = ? AND kind = ? AND id = ?",
                (round_.tenant, round_.kind, id_),
            )
            yield number, Change(id_, None, reason="changed" if kept else "deleted")

    def _followed(self, selected: set[str] | None, members: bool) -> set[str]:
        """Return what a client follows; without a selection it is everything."""
        if selected is None:
            selected = set(",".join([*_USER_COLUMNS.values(), *_GROUP_COLUMNS.values()]).split(","))
        return selected | {"members"} if members else selected - {"members"}

    def _members(self, round_: Round, change: Change, sent: int, size: int) -> tuple[list[tuple[str, str, bool]], int]:
        """Return members as kind, id and whether they are there, and where to continue (0: that was all)."""
        position = change.row["position"]
        if round_.since is None:
            rows = self.store.all(
                "SELECT link.position AS place, link.kind AS kind, coalesce(graph_users.id, graph_groups.id) AS id FROM"
                " graph_members AS link LEFT JOIN graph_users ON link.kind = 'user' AND graph_users.position ="
                " link.member_position LEFT JOIN graph_groups ON link.kind = 'group' AND graph_groups.position ="
                " link.member_position WHERE link.group_position = ? AND link.relation = 'member' AND link.position > ?"
                " ORDER BY link.position LIMIT ?",
                (position, sent, size + 1),
            )
        else:
            rows = self.store.all(
                "SELECT number AS place, member_kind AS kind, member_id AS id FROM graph_changes AS one WHERE tenant ="
                " ? AND kind = 'group' AND id = ? AND number > ? AND number <= ? AND member_id IS NOT NULL AND NOT"
                " EXISTS (SELECT 1 FROM graph_changes AS later WHERE later.tenant = one.tenant AND later.id = one.id AND"
                " later.member_id = one.member_id AND later.number > one.number AND later.number <= ?) ORDER BY number"
                " LIMIT ?",
                (round_.tenant, change.id, max(round_.since, sent), round_.until, round_.until, size + 1),
            )
        more = rows[size - 1]["place"] if len(rows) > size else 0
        return [
            (row["kind"], row["id"], round_.since is None or self._is_member(round_.tenant, position, row))
            for row in rows[:size]
        ], more

    def _is_member(self, tenant: str, group: int, member: Any) -> bool:
        # One look-up by index per member; within the query above it would read the whole group for each of them.
        return bool(
            self.store.one(
                "SELECT 1 FROM graph_members WHERE group_position = ? AND relation = 'member' AND kind = ? AND"
                f" member_position = (SELECT position FROM graph_{member['kind']}s WHERE tenant = ? AND id = ?)",
                (group, member["kind"], tenant, member["id"]),
            )
        )


def _triggers() -> Iterator[str]:
    """Yield the triggers that write the log. Names begin with watch_, see Store.clear."""
    insert = "INSERT INTO graph_changes (tenant, kind, id, properties, member_kind, member_id)"
    for kind, columns in (("user", _USER_COLUMNS), ("group", _GROUP_COLUMNS)):
        for event, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
            yield (
                f"CREATE TRIGGER watch_{kind}s_{event.lower()} AFTER {event} ON graph_{kind}s BEGIN {insert} VALUES"
                f" ({row}.tenant, '{kind}', {row}.id, '{EVERYTHING}', NULL, NULL); END"
            )
        # A seed that is merged again writes the same values once more; that is no change.
        differs = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns)
        names = " || ".join(
            f"CASE WHEN OLD.{column} IS NOT NEW.{column} THEN '{shown},' ELSE '' END"
            for column, shown in columns.items()
        )
        yield (
            f"CREATE TRIGGER watch_{kind}s_update AFTER UPDATE ON graph_{kind}s WHEN {differs} BEGIN {insert} VALUES"
            f" (NEW.tenant, '{kind}', NEW.id, {names}, NULL, NULL); END"
        )
    # An object that leaves the deleted items is either restored, which the table above logs, or permanently removed.
    yield (
        f"CREATE TRIGGER watch_deleted AFTER DELETE ON graph_deleted BEGIN {insert} VALUES (OLD.tenant, OLD.kind,"
        f" OLD.id, '{EVERYTHING}', NULL, NULL); END"
    )
    for event, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
        yield (
            f"CREATE TRIGGER watch_members_{event.lower()} AFTER {event} ON graph_members WHEN {row}.relation ="
            f" 'member' BEGIN {insert} SELECT tenant, 'group', id, 'members', {row}.kind, CASE {row}.kind WHEN 'user'"
            f" THEN (SELECT id FROM graph_users WHERE position = {row}.member_position) ELSE (SELECT id FROM"
            f" graph_groups WHERE position = {row}.member_position) END FROM graph_groups WHERE position ="
            f" {row}.group_position; END"
        )
