# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provisioning cycles of the twin, over any order of changes in Entra: where they end, and that they then rest.

Everything is in this process: the requests of a cycle go to the twin's own SCIM without a network.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w365_simulator.entra.jobs import JOB
from w365_simulator.entra.scim_client import ScimClient, ScimRefused
from w365_simulator.server import Twin
from w365_simulator.store import Store
from w365_simulator.switches import Switches
from w365_simulator.wire import Call

TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
PEOPLE = ("adele.vance", "alex.wilber", "megan.bowen")
GROUPS = ("Sales", "Retail")
ROLE = "00000000-0000-0000-0000-000000000000"


class InProcess(ScimClient):
    """A client whose server is a twin in this process."""

    scim: Any

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the twin's SCIM service."""
        self.sent += 1
        parts = urlsplit(path)
        payload = b"" if body is None else json.dumps(body).encode()
        query, headers = dict(parse_qsl(parts.query)), {"authorization": "Bearer token"}
        call = Call(method, f"/contoso/scim/v2{parts.path}", query, headers, payload, "https://localhost", parts.query)
        answer = self.scim.answer(call, "contoso", parts.path)
        if answer.status >= 400:
            raise ScimRefused(answer.status, answer.body.decode())
        return json.loads(answer.body) if answer.body else None


class World:
    """A tenant with three people and two groups, one of which is assigned, and a job that provisions them."""

    def __init__(self, *, compliant: bool) -> None:
        self.twin = Twin(Store(None), Switches(), provisioning_key="key", scim_token="token")
        users = [
            {
                "user_principal_name": f"{name}@contoso.com",
                "given_name": name.split(".")[0],
                "surname": name.split(".")[1],
            }
            for name in PEOPLE
        ]
        tenant = {
            "id": TENANT,
            "display_name": "Contoso",
            "domains": [{"name": "contoso.com", "default": True}],
            "applications": [{"client_id": CLIENT, "client_secret": "x"}],
            "users": users,
            "groups": [{"display_name": "Sales", "members": ["adele.vance@contoso.com"]}, {"display_name": "Retail"}],
        }
        self.twin.seeder.merge({"tenants": [tenant], "environments": [{"name": "contoso"}]})
        self.token = self.twin.graph.tokens.issue(
            tenant=TENANT, client_id=CLIENT, permissions=None, audience="a", issuer="i", lifetime=3600
        )
        made = self.graph("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "scim"})
        self.principal = made["servicePrincipal"]["id"]
        self.path = f"/servicePrincipals/{self.principal}"
        self.job = self.graph("POST", f"{self.path}/synchronization/jobs", {"templateId": "scim"})["id"]
        flag = "?aadOptscim062020" if compliant else ""
        pairs = [
            {"key": "BaseAddress", "value": f"https://localhost/contoso/scim/v2{flag}"},
            {"key": "SecretToken", "value": "token"},
        ]
        self.graph("PUT", f"{self.path}/synchronization/secrets", {"value": pairs})
        self.graph("POST", f"{self.path}/synchronization/jobs/{self.job}/start")
        self.assigned: dict[str, str] = {}
        self.assign("Sales")

    def graph(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        content = b"" if body is None else json.dumps(body).encode()
        answer = self.twin.graph.answer(Call(method, f"/v1.0{path}", {}, headers, content, "https://localhost"))
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None

    def change(self, **operation: Any) -> None:
        self.twin.control.tenant.change({"operations": [operation]})

    def assign(self, group: str) -> None:
        """Assign a group, or take its assignment away."""
        if group in self.assigned:
            self.graph("DELETE", f"{self.path}/appRoleAssignedTo/{self.assigned.pop(group)}")
            return
        id_ = self.twin.store.value("SELECT id FROM graph_groups WHERE display_name = ?", (group,))
        body = {"principalId": id_, "resourceId": self.principal, "appRoleId": ROLE}
        self.assigned[group] = self.graph("POST", f"{self.path}/appRoleAssignedTo", body)["id"]

    def restart(self) -> None:
        self.graph("POST", f"{self.path}/synchronization/jobs/{self.job}/restart", {"criteria": {"resetScope": ""}})

    def cycle(self) -> dict[str, Any]:
        jobs = self.twin.control.jobs
        job = jobs.objects.find(TENANT, JOB, self.job)
        assert job is not None
        vars(jobs)["client"] = self.client
        work = jobs.begin(job)
        return jobs.finish(TENANT, self.job, work())

    def client(self, kept: dict[str, str], *, compliant: bool | None = None) -> ScimClient:
        """Return a client to this twin in the dialect of the address."""
        wanted = "aadOptscim062020" in kept["BaseAddress"] if compliant is None else compliant
        made = InProcess(kept["BaseAddress"], kept["SecretToken"], compliant=wanted, authority=None)
        made.scim = self.twin.scim
        return made

    def members(self, group: str) -> set[str]:
        """The members of a group in Entra."""
        rows = self.twin.store.all(
            "SELECT graph_users.upn FROM graph_members JOIN graph_users ON graph_users.position = member_position JOIN"
            " graph_groups ON graph_groups.position = group_position WHERE graph_groups.display_name = ? AND relation = 'member'",
            (group,),
        )
        return {row["upn"] for row in rows}

    def wanted(self) -> tuple[set[str], dict[str, set[str]]]:
        """Who has to be active in the environment, and the members of the groups in scope."""
        enabled = {row["upn"] for row in self.twin.store.all("SELECT upn FROM graph_users WHERE account_enabled = 1")}
        groups = {group: self.members(group) for group in self.assigned}
        everybody: set[str] = set()
        return everybody.union(*groups.values()) & enabled, groups

    def found(self) -> tuple[set[str], dict[str, set[str]]]:
        """Who is active in the environment, and the members of its groups in scope."""
        rows = self.twin.store.all("SELECT id, upn, active FROM users")
        active = {row["upn"] for row in rows if row["active"]}
        groups = {}
        for group in self.assigned:
            rows = self.twin.store.all(
                "SELECT upn FROM memberships JOIN users ON users.id = user_id JOIN groups ON groups.id = group_id WHERE name = ?",
                (group,),
            )
            groups[group] = {row["upn"] for row in rows}
        return active, groups


person, group = st.sampled_from([f"{name}@contoso.com" for name in PEOPLE]), st.sampled_from(GROUPS)
change = st.one_of(
    st.tuples(st.just("member"), group, person),
    st.tuples(st.just("member"), st.just("Sales"), person),
    st.tuples(st.just("enable"), st.booleans(), person),
    st.tuples(st.just("rename"), st.sampled_from(["Vance", "Gu", "O'Neil"]), person),
    st.tuples(st.just("assign"), group, st.none()),
    st.tuples(st.just("restart"), st.none(), st.none()),
)


def make(world: World, what: str, first: Any, second: Any) -> None:
    """Make one change, as an administrator of the tenant would."""
    if what == "member":
        is_one = second in {name.lower() for name in world.members(first)}
        world.change(op="remove_members" if is_one else "add_members", group=first, members=[second])
    elif what == "enable":
        world.change(op="change_user", user=second, set={"accountEnabled": first})
    elif what == "rename":
        world.change(op="change_user", user=second, set={"surname": first})
    elif what == "assign":
        world.assign(first)
    else:
        world.restart()


@settings(max_examples=20)
@given(st.lists(st.tuples(change, st.booleans()), min_size=4, max_size=12))
def test_any_order_of_changes_ends_where_entra_is(changes: list[tuple[tuple[str, Any, Any], bool]]) -> None:
    """After a restart the environment is as the scope says, in both dialects, and the next cycle sends nothing."""
    ends = []
    for compliant in (False, True):
        world = World(compliant=compliant)
        for one, with_a_cycle in changes:
            make(world, *one)
            if with_a_cycle:
                world.cycle()
        world.restart()
        done = world.cycle()
        assert (done["code"], done["problem"]) == ("Active", None)
        active, groups = world.wanted()
        found_active, found_groups = world.found()
        assert found_active == active
        known = {row["upn"] for row in world.twin.store.all("SELECT upn FROM users")}
        assert found_groups == {name: members & known for name, members in groups.items()}
        again = world.cycle()
        assert (again["entries"], again["requests"]) == ({}, 1)
        ends.append((found_active, found_groups))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("compliant", [False, True])
def test_somebody_leaves_and_comes_back(compliant: bool) -> None:
    """Somebody who stays in scope by another group leaves one, and somebody who left the scope comes back."""
    adele, sales = "adele.vance@contoso.com", {"group": "Sales", "members": ["adele.vance@contoso.com"]}
    world = World(compliant=compliant)
    world.assign("Retail")
    world.change(op="add_members", group="Retail", members=[adele])
    world.cycle()
    world.change(op="remove_members", **sales)
    world.cycle()
    assert world.found() == ({adele}, {"Sales": set(), "Retail": {adele}})
    world.assign("Retail")
    world.cycle()
    assert world.found()[0] == set()
    world.change(op="add_members", **sales)
    world.cycle()
    assert world.found()[0] == set(), "nobody comes back without a restart"
    world.restart()
    world.cycle()
    assert world.found() == ({adele}, {"Sales": {adele}})


@pytest.mark.parametrize("compliant", [False, True])
def test_a_surname_arrives(compliant: bool) -> None:
    world = World(compliant=compliant)
    world.cycle()
    world.change(op="change_user", user="adele.vance@contoso.com", set={"surname": "O'Neil"})
    world.cycle()
    assert world.twin.store.value("SELECT last_name FROM users") == "O'Neil"
