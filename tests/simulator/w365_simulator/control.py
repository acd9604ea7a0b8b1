# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control interface /_simulator: state, log, switches, faults, seeds. For this machine only, without a key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from .clock import Clock, read
from .directory import DirectoryError
from .entra.changes import ChangeError
from .entra.cycle import Outcome
from .entra.jobs import JOB, Jobs
from .entra.sign_in import SignIn
from .entra.state import entra_state
from .faults import FaultError, Faults
from .page import page
from .requestlog import RequestLog
from .seeding import GLOBAL_ADMINISTRATOR, Seeder, SeedError, load
from .store import Store
from .switches import SwitchError, Switches
from .tenant import TenantEditor
from .waiting import Waiting
from .wire import Answer, Call, Deferred, UnreadableBody, json_answer


class Control:
    """Answers everything below /_simulator."""

    def __init__(
        self, store: Store, seeder: Seeder, switches: Switches, faults: Faults, log: RequestLog, jobs: Jobs,
        waiting: Waiting,
    ) -> None:  # fmt: skip
        self.store = store
        self.jobs = jobs
        self.registry = registry = jobs.registry
        self.clock: Clock = registry.clock
        self.sign_in = SignIn(registry, seeder.directory)
        self.waiting = waiting
        self.scim_switch = seeder.directory.switch_scim
        self.seeder = seeder
        self.switches = switches
        self.faults = faults
        self.log = log
        self.tenant = TenantEditor(store, registry)

    def answer(self, call: Call) -> Answer:
        """Answer one call; ``path`` is relative to /_simulator."""
        name = call.path.strip("/")
        handlers = {
            ("GET", ""): self._page,
            ("GET", "state"): self._state,
            ("GET", "requests"): self._requests,
            ("DELETE", "requests"): self._clear_requests,
            ("POST", "digest"): self._digest,
            ("POST", "reset"): self._reset,
            ("POST", "seed"): self._seed,
            ("PATCH", "tenant"): self._change_tenant,
            ("POST", "scim"): self._switch_scim,
            ("GET", "sign-in"): self._sign_in,
            ("POST", "run-cycle"): self._run_cycle,
            ("GET", "clock"): self._clock,
            ("PATCH", "clock"): self._change_clock,
            ("DELETE", "holds"): self._release,
            ("GET", "switches"): self._switches,
            ("PATCH", "switches"): self._change_switches,
            ("DELETE", "switches"): self._reset_switches,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
        }
        handler = handlers.get((call.method, name))
        if handler is None:
            known = ", ".join(f"{method} /_simulator/{path}" for method, path in handlers)
            return json_answer(404, {"error": f"There is no {call.method} /_simulator/{name}. There are: {known}."})
        try:
            return handler(call)
        except (SeedError, ChangeError, SwitchError, FaultError, DirectoryError, UnreadableBody) as problem:
            return json_answer(400, {"error": str(problem)})

    def _all(self) -> dict[str, Any]:
        return {**state(self.store, self.switches.profile), "entra": entra_state(self.registry)}

    def _state(self, call: Call) -> Answer:
        return json_answer(200, self._all())

    def _page(self, call: Call) -> Answer:
        return page(call.query, self._all(), self.log.newest)

    def _requests(self, call: Call) -> Answer:
        since = call.query.get("since", "0")
        if not since.isdigit():
            raise UnreadableBody(f"The parameter since is the number of a request; it was {since!r}.")
        return json_answer(200, {"requests": self.log.since(int(since))})

    def _clear_requests(self, call: Call) -> Answer:
        self.log.clear()
        return Answer(204)

    def _digest(self, call: Call) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or set(body) != {"text"} or not isinstance(body["text"], str) or not body["text"]:
            raise UnreadableBody("A digest takes text, which is a text that is not empty, and nothing else.")
        return json_answer(200, {"digest": self.log.digest(body["text"])})

    def _reset(self, call: Call) -> Answer:
        body = call.json() if call.body.strip() else {}
        if not isinstance(body, dict) or set(body) - {"seed", "profile"}:
            raise SeedError("a reset takes seed and profile, and nothing else.")
        seed = body.get("seed", "none")
        content = load(seed) if isinstance(seed, str) else seed
        with self.store.writing():
            self.store.clear()
            self.seeder.merge(content)
        self.switches.reset()
        if body.get("profile") is not None:
            self.switches.change({"profile": body["profile"]})
        self.faults.clear()
        self.faults.restart(self.switches.random_seed)
        self.log.clear()
        self.waiting.reset()
        return Answer(204)

    def _seed(self, call: Call) -> Answer:
        body = call.json()
        self.seeder.merge(load(body) if isinstance(body, str) else body, self.switches.graph_lag)
        return Answer(204)

    def _change_tenant(self, call: Call) -> Answer:
        return json_answer(200, {"results": self.tenant.change(call.json())})

    def _switch_scim(self, call: Call) -> Answer:
        body = call.json()
        names = set(body) if isinstance(body, dict) else set()
        enabled = body.get("enabled", True) if names else True
        if not {"environment"} <= names <= {"environment", "enabled"} or not isinstance(enabled, bool):
            raise SwitchError("SCIM is switched with environment, and with enabled, which is true or false.")
        name = str(body["environment"])
        token = self.scim_switch(name, enabled)
        address = f"{call.base_url}/{name}/scim/v2" if enabled else None
        return json_answer(201 if token else 200, {"scim_url": address, "scim_token": token})

    def _sign_in(self, call: Call) -> Answer:
        names = ("environment", "user")
        missing = [name for name in names if not call.query.get(name)]
        if missing or set(call.query) - {*names, "instance"}:
            raise SwitchError(
                "sign-in takes environment and user, and instance where it is not the twin's own address."
            )
        instance = call.query.get("instance") or call.base_url
        return json_answer(200, self.sign_in.probe(call.query["environment"], call.query["user"], instance))

    def _run_cycle(self, call: Call) -> Answer:
        """Run the next cycle of every job that is switched on, or of those of one application or one tenant."""
        body = call.json() if call.body.strip() else {}
        if not isinstance(body, dict) or set(body) - {"principal", "tenant"}:
            raise SwitchError("run-cycle takes principal (the id of a service principal), tenant (an id), or nothing.")
        due, skipped = [], []
        for row in self.store.all("SELECT id FROM tenants ORDER BY position"):
            if body.get("tenant", row["id"]) != row["id"]:
                continue
            for job in self.registry.objects.all(row["id"], JOB):
                if body.get("principal", job["_principal"]) != job["_principal"]:
                    continue
                state = job["schedule"]["state"]
                if state == "Active" and not job["_running"]:
                    due.append((row["id"], job["id"], self.jobs.begin(job)))
                else:
                    skipped.append({"job": job["id"], "skipped": "running" if job["_running"] else state})

        def work() -> list[tuple[str, str, Outcome]]:
            return [(tenant, id_, cycle()) for tenant, id_, cycle in due]

        def finish(done: list[tuple[str, str, Outcome]]) -> Answer:
            return json_answer(200, {"cycles": [*(self.jobs.finish(*one) for one in done), *skipped]})

        return Deferred(work, finish)

    def _clock(self, call: Call) -> Answer:
        return json_answer(200, {"now": self.clock.iso(), "offset": self.switches.clock_offset})

    def _change_clock(self, call: Call) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or len(body) != 1 or set(body) - {"offset", "now", "advance"}:
            raise SwitchError(
                "the clock takes one of offset (seconds from the machine's clock), advance (seconds from its own) and now (a"
                " time of ISO 8601)."
            )
        if "now" in body:
            try:
                offset = round(read(body["now"]) - self.clock.seconds()) + self.switches.clock_offset
            except ValueError as problem:
                raise SwitchError(f"the clock cannot be set: {problem}.") from problem
        else:
            start = self.switches.clock_offset if "advance" in body else 0
            offset = start + int(self._number(next(iter(body.values()))))
        self.switches.change({"clock_offset": offset})
        return self._clock(call)

    @staticmethod
    def _number(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise SwitchError(f"the clock takes a number of seconds; it was given {value!r}.")
        return value

    def _release(self, call: Call) -> Answer:
        return json_answer(200, {"released": self.waiting.release()})

    def _switches(self, call: Call) -> Answer:
        return json_answer(200, self.switches.all())

    def _change_switches(self, call: Call) -> Answer:
        body = call.json()
        if not isinstance(body, dict):
            raise SwitchError("switches are changed by a JSON object of names and values.")
        self.switches.change(body)
        if "random_seed" in body:
            self.faults.restart(self.switches.random_seed)
        return json_answer(200, self.switches.all())

    def _reset_switches(self, call: Call) -> Answer:
        self.switches.reset()
        self.faults.restart(self.switches.random_seed)
        return json_answer(200, self.switches.all())

    def _faults(self, call: Call) -> Answer:
        return json_answer(200, {"faults": self.faults.shown()})

    def _add_faults(self, call: Call) -> Answer:
        body = call.json()
        added = [self.faults.add(rule) for rule in (body if isinstance(body, list) else [body])]
        return json_answer(201, {"faults": [rule.shown() for rule in added]})

    def _clear_faults(self, call: Call) -> Answer:
        self.faults.clear()
        return Answer(204)


def state(store: Store, profile: str) -> dict[str, Any]:
    """Return everything that the twin holds, without secrets."""
    return {
        "profile": profile,
        "environments": {
            row["name"]: _environment(store, row) for row in store.all("SELECT * FROM environments ORDER BY name")
        },
        "tenants": {row["id"]: _tenant(store, row) for row in store.all("SELECT * FROM tenants ORDER BY position")},
    }


def _given(row: Any, texts: Iterable[str], numbers: str) -> dict[str, Any]:
    """Return the attributes that a user may have or not, and only those that the user has."""
    found = {name: row[name] for name in texts if row[name] is not None}
    listed = json.loads(row[numbers])
    return {**found, numbers: listed} if listed else found


def _environment(store: Store, row: Any) -> dict[str, Any]:
    users: dict[str, Any] = {}
    by_number: dict[int, str] = {}
    for user in store.all("SELECT * FROM users WHERE environment = ? ORDER BY id", (row["id"],)):
        by_number[user["id"]] = user["upn"]
        users[user["upn"]] = {
            "id": user["id"],
            "scim_id": user["scim_id"],
            "first_name": user["first_name"],
            "last_name": user["last_name"],
            "display_name": user["display_name"],
            "email": user["email"],
            "active": bool(user["active"]),
            "administrator": bool(user["administrator"]),
            "primary": user["id"] == row["primary_user"],
            "external_id": user["external_id"],
            "origin": user["origin"],
            "password_set": user["password_sha256"] is not None,
            "password_sha256": user["password_sha256"],
            **_given(user, ("title", "preferred_language", "department"), "phone_numbers"),
        }
    members: dict[int, list[str]] = {}
    for group, number in store.all(
        "SELECT group_id, user_id FROM memberships WHERE group_id IN (SELECT id FROM groups WHERE environment = ?)"
        " ORDER BY group_id, user_id",
        (row["id"],),
    ):
        members.setdefault(group, []).append(by_number[number])
    groups = {
        group["name"]: {
            "id": group["id"],
            "scim_id": group["scim_id"],
            "description": group["description"],
            "external_id": group["external_id"],
            "origin": group["origin"],
            "members": members.get(group["id"], []),
        }
        for group in store.all("SELECT * FROM groups WHERE environment = ? ORDER BY id", (row["id"],))
    }
    sso = None
    if row["sso_authority"] is not None:
        digest = hashlib.sha256((row["sso_key"] or "").encode()).hexdigest()
        sso = {"authority": row["sso_authority"], "client_id": row["sso_client_id"], "key_sha256": digest}
    return {
        "active": bool(row["active"]),
        "display": row["display"],
        "origin": row["origin"],
        "primary": by_number.get(row["primary_user"]),
        "users": users,
        "groups": groups,
        "sso": sso,
        "exchange": json.loads(row["exchange"]) if row["exchange"] else None,
        "sharepoint": json.loads(row["sharepoint"]) if row["sharepoint"] else None,
        "licenses": {"purchased": row["licenses"], "used": sum(user["active"] for user in users.values())},
        "scim_enabled": bool(row["scim_enabled"]),
    }


def _tenant(store: Store, row: Any) -> dict[str, Any]:
    users = {
        user["upn"]: {
            "id": user["id"],
            "given_name": user["given_name"],
            "surname": user["surname"],
            "display_name": user["display_name"],
            "mail": user["mail"],
            "account_enabled": bool(user["account_enabled"]),
            "user_type": user["user_type"],
            **_given(user, ("job_title", "department", "mobile_phone", "preferred_language"), "business_phones"),
        }
        for user in store.all("SELECT * FROM graph_users WHERE tenant = ? ORDER BY position", (row["id"],))
    }
    members: dict[int, list[Any]] = {}
    for link in store.all(
        "SELECT link.group_position, link.kind, coalesce(graph_users.upn, inner_group.display_name) AS name FROM"
        " graph_members AS link JOIN graph_groups ON graph_groups.position = link.group_position LEFT JOIN graph_users"
        " ON link.kind = 'user' AND graph_users.position = link.member_position LEFT JOIN graph_groups AS inner_group"
        " ON link.kind = 'group' AND inner_group.position = link.member_position WHERE graph_groups.tenant = ? AND"
        " link.relation = 'member' ORDER BY link.position",
        (row["id"],),
    ):
        name = link["name"] if link["kind"] == "user" else {"group": link["name"]}
        members.setdefault(link["group_position"], []).append(name)
    return {
        "display_name": row["display_name"],
        "domains": [
            {"name": domain["name"], "default": bool(domain["is_default"]), "initial": bool(domain["is_initial"])}
            for domain in store.all("SELECT * FROM domains WHERE tenant = ? ORDER BY name", (row["id"],))
        ],
        "applications": [
            {"client_id": application["client_id"], "display_name": application["display_name"]}
            for application in store.all("SELECT * FROM applications WHERE tenant = ? ORDER BY position", (row["id"],))
        ],
        "users": users,
        "administrators": [
            link["upn"]
            for link in store.all(
                "SELECT graph_users.upn AS upn FROM role_members JOIN directory_roles ON directory_roles.position ="
                " role_position JOIN graph_users ON graph_users.position = user_position WHERE directory_roles.tenant ="
                " ? AND template_id = ? ORDER BY role_members.position",
                (row["id"], GLOBAL_ADMINISTRATOR),
            )
        ],
        "deleted": [
            {"kind": found["kind"], "id": found["id"], "name": found["name_key"], "deleted": found["deleted"]}
            for found in store.all("SELECT * FROM graph_deleted WHERE tenant = ? ORDER BY kind, id", (row["id"],))
        ],
        "groups": {
            group["display_name"]: {
                "id": group["id"],
                "description": group["description"],
                "mail_enabled": bool(group["mail_enabled"]),
                "security_enabled": bool(group["security_enabled"]),
                "group_types": json.loads(group["group_types"]),
                "visibility": group["visibility"],
                "members": members.get(group["position"], []),
            }
            for group in store.all("SELECT * FROM graph_groups WHERE tenant = ? ORDER BY position", (row["id"],))
        },
    }
