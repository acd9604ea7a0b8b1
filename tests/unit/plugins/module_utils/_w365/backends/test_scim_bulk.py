# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a server's answers are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""SCIM Bulk with servers of every kind: what is confirmed counts, and everything else is done by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim import ScimClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim import ScimDirectory
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_bulk import (
    OPERATIONS,
    WORTHWHILE,
    Limits,
    bulk_of,
    limits_of,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import LostAnswerError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.dependencies import (
    apply_directory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import ApplyResult
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import Snapshot, User
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan

Scripted = Callable[..., Any]
ROOT = "/contoso/scim/v2"
OFFERED = {"bulk": {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1_048_576}}
COUNT = 20


def upn(number: int) -> str:
    return f"user{number}@contoso.com"


class Server:
    """Takes single requests always, and bulk ones as `answer` says. Remembers what it holds and what it was asked."""

    def __init__(self, config: Any = OFFERED) -> None:
        self.config = config
        self.users: dict[str, str] = {}
        self.external_ids: dict[str, str] = {}
        self.singles: list[tuple[str, str]] = []
        self.bulks: list[list[dict[str, Any]]] = []
        self.answer: Callable[[list[dict[str, Any]]], Any] = lambda results: (200, {"Operations": results})
        self.status: Callable[[int], Any] = str

    def __call__(self, method: str, path: str, body: Any) -> Any:
        place = path.removeprefix(ROOT).partition("?")[0]
        if place == "/ServiceProviderConfig":
            return (200, self.config) if self.config is not None else (404, {})
        if place == "/Bulk":
            self.bulks.append(body["Operations"])
            return self.answer([self._operation(operation) for operation in body["Operations"]])
        if method == "GET":
            found = [
                {"id": self.users[name], "userName": name, "externalId": self.external_ids.get(name)}
                for name in self.users
                if f'"{name}"' in path
            ]
            return 200, {"totalResults": len(found), "Resources": found}
        self.singles.append((method, place))
        status, _location, resource = self._do(method, place, body)
        return status, resource

    def _operation(self, operation: dict[str, Any]) -> dict[str, Any]:
        status, location, resource = self._do(operation["method"], operation["path"], operation.get("data"))
        result = {"method": operation["method"], "bulkId": operation["bulkId"], "status": self.status(status)}
        if location:
            result["location"] = location
        return {**result, **({"response": resource} if status >= 400 else {})}

    def _do(self, method: str, place: str, body: Any) -> tuple[int, str, Any]:
        if method != "POST":
            return 204, f"https://w365.contoso.com{ROOT}{place}", ""
        if place == "/Groups":
            return 201, f"https://w365.contoso.com{ROOT}/Groups/g1", {"id": "g1", "displayName": body["displayName"]}
        name = body["userName"]
        if name in self.users:
            return 409, "", {"detail": "taken", "scimType": "uniqueness"}
        self.users[name] = f"id{len(self.users)}"
        return (
            201,
            f"https://w365.contoso.com{ROOT}/Users/{self.users[name]}",
            {"id": self.users[name], "userName": name},
        )


def creates(count: int = COUNT, **group: Any) -> Plan:
    people = tuple(DesiredUser(upn(n), fields={"first_name": "A", "last_name": str(n)}) for n in range(count))
    groups = (DesiredGroup("Sales", members=AddRemoveSet(add=frozenset(user.key for user in people))),) if group else ()
    return make_plan(Desired(people, groups, whole=True), Snapshot(), ScimDirectory.capabilities)


def run(scripted: Scripted, server: Server, plan: Plan, *, workers: int = 1) -> ApplyResult:
    http = scripted(server)
    client = ScimClient(http, url=f"https://w365.contoso.com{ROOT}", token="token", endpoints=ENDPOINTS)
    directory = ScimDirectory(client, None)
    return apply_directory(plan, directory.handlers, concurrency=workers, batch=bulk_of(directory.handlers, plan))


def test_many_changes_travel_in_one_request(scripted: Scripted) -> None:
    server = Server()
    report = run(scripted, server, creates(group=True))
    assert report.failures == []
    assert len(server.users) == COUNT
    # The group alone is one request, and so is the change of its members, whose ids came with the bulk answer.
    assert server.singles == [("POST", "/Groups"), ("PATCH", "/Groups/g1")]
    assert [len(bulk) for bulk in server.bulks] == [COUNT]
    assert [item.thing.id for item in report.done[:COUNT]] == list(server.users.values())
    first = server.bulks[0][0]
    assert (first["method"], first["path"], first["data"]["userName"]) == ("POST", "/Users", upn(0))


def test_every_worker_has_something_to_do_and_order_is_kept(scripted: Scripted) -> None:
    server = Server()
    report = run(scripted, server, creates(), workers=8)
    assert sorted(len(bulk) for bulk in server.bulks) == [2, *[3] * 6]
    assert [item.action.name for item in report.done] == [action.name for action in report.plan.actions]


@pytest.mark.parametrize(
    ("limits", "largest"),
    [
        ({"maxOperations": 7, "maxPayloadSize": 1_048_576}, 7),
        ({"maxOperations": 1000, "maxPayloadSize": 2000}, None),
        ({"maxOperations": 10_000, "maxPayloadSize": 1_048_576}, OPERATIONS),
    ],
)
def test_the_server_s_limits_hold(scripted: Scripted, limits: dict[str, int], largest: int | None) -> None:
    server = Server({"bulk": {"supported": True, **limits}})
    assert run(scripted, server, creates(250)).failures == []
    assert len(server.users) == 250
    assert server.singles == []
    if largest:
        assert max(map(len, server.bulks)) == largest
    for bulk in server.bulks:
        assert len(json.dumps({"schemas": ["x" * 55], "Operations": bulk})) <= limits["maxPayloadSize"]


def test_too_long_for_the_limit_travels_alone(scripted: Scripted) -> None:
    server = Server({"bulk": {"supported": True, "maxOperations": 1000, "maxPayloadSize": 300}})
    assert run(scripted, server, creates()).failures == []
    assert server.bulks == []
    assert len(server.singles) == COUNT


@pytest.mark.parametrize(
    "config",
    [None, {}, {"bulk": None}, {"bulk": {"supported": False}}, {"bulk": {**OFFERED["bulk"], "supported": "true"}}]
    + [
        {"bulk": {**OFFERED["bulk"], name: value}} for name, value in (("maxOperations", 1), ("maxPayloadSize", "much"))
    ],
)
def test_where_it_is_not_offered_nobody_tries(scripted: Scripted, config: Any) -> None:
    server = Server(config)
    assert run(scripted, server, creates()).failures == []
    assert (server.bulks, len(server.users)) == ([], COUNT)


def test_few_changes_are_not_worth_a_question(scripted: Scripted) -> None:
    server = Server(config=None)
    server.config = OFFERED
    assert run(scripted, server, creates(WORTHWHILE - 1)).failures == []
    assert server.bulks == []


def without(name: str) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda results: (200, {"Operations": [{k: v for k, v in r.items() if k != name} for r in results]})


@pytest.mark.parametrize(
    ("answer", "singles"),
    [
        (lambda results: (200, {"operations": list(reversed(results))}), 0),
        (lambda results: (200, {"Operations": results[:5]}), COUNT - 5),
        (lambda results: (200, {"Operations": []}), COUNT),
        (lambda _results: (200, "busy"), COUNT),
        (lambda _results: (500, "broken"), COUNT),
        (lambda _results: (413, {"detail": "too much"}), COUNT),
        (lambda _results: LostAnswerError("gone"), COUNT),
        (without("bulkId"), COUNT),
        (without("status"), COUNT),
        (without("location"), 0),
    ],
)
def test_what_is_not_confirmed_is_done_again_and_nobody_is_doubled(
    scripted: Scripted, answer: Any, singles: int
) -> None:
    """The server did it all each time; a second create is refused as existing, looked up and found to be ours."""
    server = Server()
    server.answer = answer
    report = run(scripted, server, creates())
    assert report.failures == []
    assert len(server.users) == COUNT
    assert len([place for method, place in server.singles if method == "POST"]) == singles


@pytest.mark.parametrize("shape", [str, int, lambda status: {"code": str(status)}])
def test_a_status_has_several_shapes(scripted: Scripted, shape: Callable[[int], Any]) -> None:
    server = Server()
    server.status = shape
    assert run(scripted, server, creates()).failures == []
    assert server.singles == []


def test_after_a_refusal_it_is_not_tried_again(scripted: Scripted) -> None:
    server = Server()
    server.answer = lambda _results: (501, {})
    run(scripted, server, creates(350))
    assert len(server.bulks) == 1


def test_changes_without_a_bulk_id_are_followed_in_their_order(scripted: Scripted) -> None:
    """RFC 7644 asks for it with POST only."""
    current = Snapshot(tuple(User(upn(n), f"id{n}", active=True, last_name="X") for n in range(COUNT)))
    wishes = tuple(DesiredUser(upn(n), fields={"last_name": "Y"}) for n in range(COUNT))
    plan = make_plan(Desired(wishes, whole=True), current, ScimDirectory.capabilities)
    server = Server()
    server.answer = without("bulkId")
    assert run(scripted, server, plan).failures == []
    assert server.singles == []
    server.answer = lambda results: without("bulkId")(list(reversed(results)))
    assert run(scripted, server, plan).failures == []
    assert len(server.singles) == COUNT


def test_a_refused_object_tells_its_own_reason(scripted: Scripted) -> None:
    server = Server()
    plan = creates()
    do = server._do
    server._do = lambda method, place, body: (  # type: ignore[method-assign]
        (400, "", {"detail": "no such name"}) if body.get("userName") == upn(3) else do(method, place, body)
    )
    report = run(scripted, server, plan)
    assert [item.action.name for item in report.failures] == [upn(3)]
    assert report.failures[0].error is not None
    assert "no such name (HTTP 400, POST /Users)" in report.failures[0].error.message


def test_the_account_of_somebody_else_is_not_given_to_a_newcomer(scripted: Scripted) -> None:
    server = Server()
    server.users = {upn(3): "bob"}
    server.external_ids = {upn(3): "b"}
    people = tuple(
        DesiredUser(upn(n), fields={"first_name": "A", "last_name": str(n), "external_id": str(n)})
        for n in range(COUNT)
    )
    report = run(scripted, server, make_plan(Desired(people, whole=True), Snapshot(), ScimDirectory.capabilities))
    assert [item.action.name for item in report.failures] == [upn(3)]
    assert server.singles == [("POST", "/Users")]
    assert len(server.bulks) == 1


def test_limits() -> None:
    assert limits_of({"BULK": {"SUPPORTED": True, "maxoperations": "50", "MaxPayloadSize": 4096}}) == Limits(50, 4096)
