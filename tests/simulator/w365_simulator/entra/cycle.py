# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One provisioning cycle: what is in scope in Entra against what was sent before, and the SCIM requests between them.

It runs in a thread of its own and touches no state: it gets everything as plain values and returns what it did.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .scim_client import ENTERPRISE, ScimClient, ScimRefused

Link = dict[str, Any]


@dataclass(slots=True)
class Source:
    """What a cycle starts from. Users and groups in scope by object id; members are object ids of users."""

    users: dict[str, dict[str, Any]]
    groups: dict[str, dict[str, Any]]
    # Object ids that Entra still has, in scope or not, and those in its deleted items.
    present: set[str] = field(default_factory=set)
    soft_deleted: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Plan:
    """How a cycle runs: the whole comparison or only changes, and what may be taken away."""

    source: Source
    users: dict[str, Link]
    groups: dict[str, Link]
    initial: bool
    skip_out_of_scope: bool
    # Most users and groups that one cycle takes away; None for no limit.
    threshold: int | None
    # Characters that a filter of Entra cannot hold.
    special: str = ""


@dataclass(slots=True)
class Outcome:
    """What a cycle did. ``problem`` ends it: the server refused the credentials, or could not be reached."""

    users: dict[str, Link]
    groups: dict[str, Link]
    entries: list[dict[str, Any]] = field(default_factory=list)
    staged: int = 0
    escrows: int = 0
    requests: int = 0
    problem: str | None = None
    unauthorized: bool = False

    def note(
        self, action: str, kind: str, id_: str, name: str, *, status: str = "success", target: str = "",
        changes: dict[str, Any] | None = None, reason: str = "", code: str = "",
    ) -> None:  # fmt: skip
        """Keep one entry for the provisioning log."""
        self.entries.append(
            {"action": action, "kind": kind, "id": id_, "name": name, "status": status, "target": target,
             "changes": changes or {}, "reason": reason, "code": code}
        )  # fmt: skip


class Cycle:
    """Runs a plan with a client."""

    def __init__(self, plan: Plan, client: ScimClient) -> None:
        self.plan = plan
        self.client = client
        self.done = Outcome(
            {id_: dict(link) for id_, link in plan.users.items()},
            {id_: dict(link) for id_, link in plan.groups.items()},
        )

    def run(self) -> Outcome:
        """Send everything; refusals of single objects are kept, those of the credentials end the cycle."""
        try:
            self.client.test()
            self._users()
            self._removals()
            self._groups()
        except ScimRefused as problem:
            self.done.problem = str(problem)
            self.done.unauthorized = problem.status in (401, 403)
        except Exception as problem:
            # A job that runs for ever would hide the mistake.
            traceback.print_exc()
            self.done.problem = f"The twin itself has failed: {problem!r}"
        finally:
            self.client.close()
        self.done.requests = self.client.sent
        return self.done

    def _each(self, kind: str, id_: str, name: str, action: str, send: Callable[[], None]) -> None:
        """Send the requests of one object; what is refused for it alone is an escrow."""
        if action == "update" and set(name) & set(self.plan.special):
            self.done.escrows += 1
            reason = "Values with special characters are not supported in attributes by which objects are matched."
            self.done.note(action, kind, id_, name, status="failure", reason=reason, code="SpecialCharacters")
            return
        try:
            send()
        except ScimRefused as problem:
            if problem.status in (0, 401, 403):
                raise
            self.done.escrows += 1
            self.done.note(action, kind, id_, name, status="failure", reason=str(problem), code=f"Http{problem.status}")

    # ---- users

    def _users(self) -> None:
        for id_, values in self.plan.source.users.items():
            if values["active"]:
                self._each("User", id_, values["userName"], "update", partial(self.user, id_, values))

    def user(self, id_: str, values: dict[str, Any]) -> None:
        """Create or update one user."""
        link = self.done.users.get(id_)
        if link is not None and link.get("out") and not self.plan.initial:
            # Who comes back into scope is noticed by a restart only.
            return
        if link is not None and link["values"] == values and not self.plan.initial:
            return
        if link is not None and self.client.there(f"/Users/{link['id']}") is None:
            link = None
        if link is None:
            self._new_user(id_, values)
            return
        if link["values"] != values:
            self.client.patch(f"/Users/{link['id']}", link["values"], values)
            changes = {path: value for path, value in values.items() if link["values"].get(path) != value}
            self.done.note("update", "User", id_, values["userName"], target=link["id"], changes=changes)
        self.done.users[id_] = {"id": link["id"], "values": values}

    def _new_user(self, id_: str, values: dict[str, Any]) -> None:
        found = self.client.find_user(values["userName"])
        if found is None:
            target = self.client.create_user(values)
            self.done.note("create", "User", id_, values["userName"], target=target, changes=values)
        else:
            target = str(found["id"])
            before = flat(found)
            if any(before.get(path) != value for path, value in values.items()):
                self.client.patch(f"/Users/{target}", before, values)
                self.done.note("update", "User", id_, values["userName"], target=target, changes=values)
        self.done.users[id_] = {"id": target, "values": values}

    # ---- what is taken away

    def _removals(self) -> None:
        """Disable and delete who is not in scope any more, or hold all of that back when it is too much."""
        source = self.plan.source
        disabled, deleted = [], []
        for id_, link in self.done.users.items():
            if id_ in source.users and source.users[id_]["active"]:
                continue
            gone = id_ not in source.present and id_ not in source.soft_deleted
            if gone:
                deleted.append(("User", id_, link))
            elif link["values"].get("active") and (id_ in source.users or not self.plan.skip_out_of_scope):
                disabled.append(("User", id_, link))
        for id_, link in self.done.groups.items():
            # A group that only leaves the scope stays where it is.
            if id_ not in source.present and id_ not in source.soft_deleted:
                deleted.append(("Group", id_, link))
        total = len(disabled) + len(deleted)
        if self.plan.threshold is not None and total > self.plan.threshold:
            self.done.staged = total
            for kind, id_, link in disabled + deleted:
                self.done.note(
                    "stagedDelete", kind, id_, name_of(link), status="skipped", target=link["id"], code="TooManyDeletes"
                )
            return
        for kind, id_, link in disabled:
            self._each(kind, id_, name_of(link), "disable", partial(self._disable, id_, link))
        for kind, id_, link in deleted:
            self._each(kind, id_, name_of(link), "delete", partial(self._delete, kind, id_, link))

    def _disable(self, id_: str, link: Link) -> None:
        self.client.set_active(f"/Users/{link['id']}", False)
        link["values"] = {**link["values"], "active": False}
        link["out"] = id_ not in self.plan.source.users
        self.done.note("disable", "User", id_, name_of(link), target=link["id"], changes={"active": False})

    def _delete(self, kind: str, id_: str, link: Link) -> None:
        if (
            self.client.there(f"/{kind}s/{link['id']}{'?excludedAttributes=members' if kind == 'Group' else ''}")
            is not None
        ):
            self.client.call("DELETE", f"/{kind}s/{link['id']}")
        (self.done.users if kind == "User" else self.done.groups).pop(id_)
        self.done.note("delete", kind, id_, name_of(link), target=link["id"])

    # ---- groups

    def _groups(self) -> None:
        for id_, group in self.plan.source.groups.items():
            self._each("Group", id_, group["displayName"], "update", partial(self.group, id_, group))

    def group(self, id_: str, group: dict[str, Any], members: list[str] | None = None) -> None:
        """Create or update one group; with ``members`` only these are looked at."""
        values = {"displayName": group["displayName"], "externalId": id_}
        link = self.done.groups.get(id_)
        looked_up = link is not None and (self.plan.initial or link["values"] != values)
        if (
            link is not None
            and looked_up
            and self.client.there(f"/Groups/{link['id']}?excludedAttributes=members") is None
        ):
            link = None
        if link is None:
            link = self._new_group(id_, values)
        elif link["values"] != values:
            self.client.patch(f"/Groups/{link['id']}", link["values"], values)
            self.done.note("update", "Group", id_, group["displayName"], target=link["id"], changes=values)
        link = {**link, "values": values}
        self.done.groups[id_] = link
        self._members(id_, group, link, members)

    def _new_group(self, id_: str, values: dict[str, Any]) -> Link:
        found = self.client.find_group(values["displayName"])
        if found is not None:
            return {"id": str(found["id"]), "values": values, "members": []}
        target = self.client.create_group(values)
        self.done.note("create", "Group", id_, values["displayName"], target=target, changes=values)
        return {"id": target, "values": values, "members": []}

    def _members(self, id_: str, group: dict[str, Any], link: Link, only: list[str] | None) -> None:
        looked_at = None if only is None else set(only)
        wanted = [
            self.done.users[member]["id"]
            for member in group["members"]
            if member in self.done.users and (looked_at is None or member in looked_at)
        ]
        added = [target for target in wanted if target not in link["members"]]
        removed = [target for target in link["members"] if target not in wanted] if looked_at is None else []
        path = f"/Groups/{link['id']}"
        if added:
            self.client.add_members(path, added)
            link["members"] = [*link["members"], *added]
        if removed:
            self.client.remove_members(path, removed)
            link["members"] = [target for target in link["members"] if target not in removed]
        if added or removed:
            changes = {"members": len(link["members"])}
            self.done.note("update", "Group", id_, group["displayName"], target=link["id"], changes=changes)


def name_of(link: Link) -> str:
    """Return the name under which an object was sent."""
    return str(link["values"].get("userName") or link["values"].get("displayName"))


def flat(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a user that Entra maps, by path."""
    name = resource.get("name") or {}
    enterprise = resource.get(ENTERPRISE) or {}
    values: dict[str, Any] = {
        path: resource.get(path)
        for path in ("userName", "active", "displayName", "title", "preferredLanguage", "externalId")
    }
    values |= {f"name.{part}": name.get(part) for part in ("givenName", "familyName", "formatted")}
    values[f"{ENTERPRISE}:department"] = enterprise.get("department")
    for attribute, kinds in (("emails", ("work",)), ("phoneNumbers", ("work", "mobile"))):
        for kind in kinds:
            found = [item.get("value") for item in resource.get(attribute) or [] if item.get("type") == kind]
            values[f'{attribute}[type eq "{kind}"].value'] = found[0] if found else None
    return {path: value for path, value in values.items() if value is not None}
