# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of answers are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""A Microsoft tenant read in batches, from changes, and remembered between two runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import BATCH, GraphClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.tenant import (
    Reading,
    State,
    Tenant,
    read_tenant,
    read_with_state,
    state_text,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AnswerError,
    AuthenticationError,
    StaleDeltaError,
    W365Error,
)

Scripted = Callable[..., Any]
ROOT = "https://graph.contoso.com"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
ABOUT = {"tenant": "contoso.com", "scope": "everything"}


class Tokens:
    def token(self) -> str:
        return "token"

    def forget(self) -> None:
        raise AssertionError("no token was refused")


def client(http: Any) -> GraphClient:
    return GraphClient(http, root=ROOT, tokens=Tokens(), endpoints=ENDPOINTS)


# ---- batches


class Batches:
    """Answers batches from `items`: by the path of an item, a list of (status, headers, body) that it gives in turn."""

    def __init__(self, items: Mapping[str, list[tuple[int, dict[str, str], Any]]]) -> None:
        self.items = {path: list(answers) for path, answers in items.items()}
        self.sizes: list[int] = []
        self.shuffle = True

    def __call__(self, method: str, path: str, body: Any) -> Any:
        assert (method, path) == ("POST", "/v1.0/$batch")
        self.sizes.append(len(body["requests"]))
        answers = []
        for item in body["requests"]:
            assert item["method"] == "GET"
            status, headers, content = self.items[item["url"].partition("?")[0]].pop(0)
            answers.append({"id": item["id"], "status": status, "headers": headers, "body": content})
        return 200, {"responses": answers[::-1] if self.shuffle else answers}


def group_path(number: int) -> str:
    return f"/groups/g{number}/members"


def member(id: str, kind: str = "user", **more: Any) -> dict[str, Any]:
    return {"@odata.type": f"#microsoft.graph.{kind}", "id": id, **more}


def test_members_of_many_groups_are_read_twenty_at_a_time(scripted: Scripted) -> None:
    count = 2 * BATCH + 3
    server = Batches({group_path(n): [(200, {}, {"value": [member(f"u{n}")]})] for n in range(count)})
    ids = [f"g{n}" for n in range(count)]
    assert client(scripted(server)).members_of(ids) == {f"g{n}": [member(f"u{n}")] for n in range(count)}
    assert server.sizes == [BATCH, BATCH, 3]


def test_a_throttled_item_is_asked_for_again_by_itself(scripted: Scripted) -> None:
    told: list[tuple[float, str]] = []
    throttled = (429, {"Retry-After": "0"}, {"error": {"code": "TooManyRequests"}})
    server = Batches(
        {
            group_path(0): [(200, {}, {"value": [member("u0")]})],
            group_path(1): [throttled, throttled, (200, {}, {"value": [member("u1")]})],
        }
    )
    http = scripted(server)
    http._on_wait = lambda *wait: told.append(wait)
    http._sleep = http.throttle._sleep = lambda _seconds: None
    assert client(http).members_of(["g0", "g1"]) == {"g0": [member("u0")], "g1": [member("u1")]}
    assert server.sizes == [2, 1, 1]
    assert len(told) == 2


def test_pages_of_an_item_are_followed(scripted: Scripted) -> None:
    following = f"{ROOT}/v1.0/groups/g0/members?$skiptoken=x"
    server = Batches(
        {
            group_path(0): [
                (200, {}, {"value": [member("u0")], "@odata.nextLink": following}),
                (200, {}, {"value": [member("u1")]}),
            ]
        }
    )
    assert client(scripted(server)).members_of(["g0"]) == {"g0": [member("u0"), member("u1")]}


def test_a_refused_item_is_told_with_its_permission(scripted: Scripted) -> None:
    body = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges"}}
    server = Batches({group_path(0): [(403, {}, body)]})
    with pytest.raises(AuthenticationError, match=r"GET /groups/g0/members\).*GroupMember\.Read\.All"):
        client(scripted(server)).members_of(["g0"])


def test_nothing_to_read_asks_nothing(scripted: Scripted) -> None:
    assert client(scripted(Batches({}))).members_of([]) == {}


# ---- changes


def link(name: str) -> str:
    return f"{ROOT}/v1.0/users/delta?$deltatoken={name}"


def person(number: int, **more: Any) -> dict[str, Any]:
    return {"id": f"u{number}", "userPrincipalName": f"user{number}@contoso.com", "givenName": "A", **more}


def test_changes_are_read_to_their_end(scripted: Scripted) -> None:
    following = f"{ROOT}/v1.0/users/delta?$skiptoken=x"
    http = scripted(
        [
            (200, {"value": [person(1)], "@odata.nextLink": following}),
            (200, {"value": [person(2)], "@odata.deltaLink": link("1")}),
        ]
    )
    found, end = client(http).changes("graph.users.delta", {"$select": "id"})
    assert [item["id"] for item in found] == ["u1", "u2"]
    assert end == link("1")
    assert http.calls[0][1] == "/v1.0/users/delta?$select=id"
    assert http.headers[0]["Prefer"] == "odata.maxpagesize=999"


@pytest.mark.parametrize(
    "answer",
    [
        (410, {"error": {"code": "syncStateNotFound", "message": "Sync state generation is not found"}}),
        (400, {"error": {"code": "syncStateNotFound", "message": "Sync state is not found"}}),
        (410, ""),
    ],
)
def test_an_expired_link_is_told(scripted: Scripted, answer: Any) -> None:
    with pytest.raises(StaleDeltaError):
        client(scripted([answer])).changes("graph.users.delta", {}, link("1"))


def test_other_refusals_and_a_missing_end_are_no_expired_link(scripted: Scripted) -> None:
    with pytest.raises(AnswerError, match="a delta link is missing"):
        client(scripted([(200, {"value": []})])).changes("graph.users.delta", {})
    with pytest.raises(AnswerError, match="another host"):
        client(scripted([])).changes("graph.users.delta", {}, "https://evil.com/v1.0/users/delta")
    with pytest.raises(AnswerError, match="BadRequest"):
        client(scripted([(400, {"error": {"code": "BadRequest", "message": "no"}})])).changes("graph.users.delta", {})


class Deltas:
    """Two listings of changes: what the first run reads, and then what each link leads to."""

    def __init__(self) -> None:
        self.users: dict[str, Any] = {"": []}
        self.groups: dict[str, Any] = {"": []}
        self.asked: list[str] = []

    def __call__(self, _method: str, path: str, _body: Any) -> Any:
        place, _, query = path.removeprefix("/v1.0").partition("?")
        token = query.partition("$deltatoken=")[2]
        self.asked.append(f"{place} {token}".strip())
        kind = self.users if place == "/users/delta" else self.groups
        if token and token not in kind:
            return 410, {"error": {"code": "syncStateNotFound", "message": "gone"}}
        following = str(int(token or 0) + 1)
        return 200, {"value": kind[token], "@odata.deltaLink": f"{ROOT}/v1.0{place}?$deltatoken={following}"}


def deltas() -> Deltas:
    """With somebody in it, and nothing new."""
    server = Deltas()
    server.users[""] = [person(1)]
    server.groups[""] = [{"id": "g1", "displayName": "Sales", "members@delta": [member("u1")]}]
    server.users["1"] = server.groups["1"] = []
    return server


def read(scripted: Scripted, server: Deltas, path: Path, **more: Any) -> tuple[State, Reading]:
    known: dict[str, Any] = {"about": ABOUT, "properties": (), "full_every": WEEK, "now": NOW}
    given = {**known, **more}
    return read_with_state(
        client(scripted(server)),
        path.read_bytes() if path.exists() else None,
        given["about"],
        given["properties"],
        full_every=given["full_every"],
        now=given["now"],
    )


def run(scripted: Scripted, server: Deltas, path: Path, **more: Any) -> tuple[State, bool]:
    state, reading = read(scripted, server, path, **more)
    path.write_text(state_text(state), encoding="utf-8")
    return state, reading.full


def changed_members(*members: dict[str, Any]) -> dict[str, Any]:
    return {"id": "g1", "members@delta": list(members)}


def test_the_second_run_reads_only_what_has_changed(scripted: Scripted, tmp_path: Path) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    server.users[""] = [person(1), person(2), person(3)]
    server.groups[""] = [
        {
            "id": "g1",
            "displayName": "Sales",
            "members@delta": [member("u1"), member("g2", "group"), member("d1", "device")],
        },
        # A large group comes in parts.
        changed_members(member("u2")),
    ]
    state, full = run(scripted, server, path)
    assert full
    assert state.tenant.members == {"g1": {"u1", "u2"}}
    assert state.tenant.nested == {"g1": {"g2"}}
    assert server.asked == ["/users/delta", "/groups/delta"]

    server.users["1"] = [
        {"id": "u1", "givenName": "B"},
        {"id": "u2", "@removed": {"reason": "changed"}},
        person(4, surname=None),
    ]
    server.groups["1"] = [
        {"id": "g1", "displayName": "Sales and Marketing"},
        changed_members({**member("u2"), "@removed": {"reason": "deleted"}}, member("u4")),
    ]
    state, full = run(scripted, server, path)
    assert not full
    assert state.tenant.users == {"u1": person(1, givenName="B"), "u3": person(3), "u4": person(4, surname=None)}
    assert state.tenant.groups["g1"]["displayName"] == "Sales and Marketing"
    assert state.tenant.members == {"g1": {"u1", "u4"}}

    server.users["2"] = []
    server.groups["2"] = [{"id": "g1", "@removed": {"reason": "deleted"}}]
    state, full = run(scripted, server, path)
    assert not full
    assert (state.tenant.groups, state.tenant.members, state.tenant.nested) == ({}, {}, {})
    assert server.asked[-2:] == ["/users/delta 2", "/groups/delta 2"]


@pytest.mark.parametrize(
    ("more", "full"),
    [
        ({}, False),
        ({"about": {**ABOUT, "scope": "other"}}, True),
        ({"now": NOW + WEEK}, True),
        ({"now": NOW + WEEK - timedelta(seconds=1)}, False),
        # A clock that was set back tells nothing about how old the state is.
        ({"now": NOW - timedelta(seconds=1)}, True),
        ({"full_every": timedelta(0)}, True),
    ],
)
def test_when_everything_is_read_again(scripted: Scripted, tmp_path: Path, more: dict[str, Any], full: bool) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    server.users["1"] = server.groups["1"] = []
    run(scripted, server, path)
    assert run(scripted, server, path, **more)[1] is full


def test_an_expired_state_is_read_again_in_full(scripted: Scripted, tmp_path: Path) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    server.users[""] = [person(1)]
    run(scripted, server, path)
    server.users[""] = [person(2)]
    server.users["1"] = []
    state, full = run(scripted, server, path)
    assert full, "the groups' link was gone"
    assert list(state.tenant.users) == ["u2"]


def test_a_part_of_an_unknown_user_makes_the_run_full(scripted: Scripted, tmp_path: Path) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    server.users[""] = [person(1)]
    run(scripted, server, path)
    server.users[""] = [person(1), person(7)]
    server.users["1"] = [{"id": "u7", "surname": "B"}]
    server.groups["1"] = []
    state, reading = read(scripted, server, path)
    assert reading == Reading(True, "everything was read: the last state did not hold a user or group that had changed")
    assert state.tenant.users == {"u1": person(1), "u7": person(7)}


@pytest.mark.parametrize("removed", [False, True], ids=["never known", "removed in the same changes"])
@pytest.mark.parametrize("restored", [False, True])
def test_members_of_an_unknown_group_make_the_run_full(
    scripted: Scripted, tmp_path: Path, *, removed: bool, restored: bool
) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    sales = {"id": "g1", "displayName": "Sales", "members@delta": [member("u1")]}
    server.groups[""] = [sales] if removed else []
    run(scripted, server, path)
    server.groups[""] = [sales] if restored else []
    server.users["1"] = []
    server.groups["1"] = [{"id": "g1", "@removed": {"reason": "changed"}}] if removed else []
    server.groups["1"].append(changed_members(member("u1")))
    state, reading = read(scripted, server, path)
    assert reading == Reading(True, "everything was read: the last state did not hold a user or group that had changed")
    assert [group["displayName"] for group in state.tenant.groups.values()] == (["Sales"] if restored else [])
    assert state.tenant.members == ({"g1": {"u1"}} if restored else {})


def test_parts_in_a_full_reading_are_an_error(scripted: Scripted, tmp_path: Path) -> None:
    server = Deltas()
    part = {"id": "u7", "surname": "B"}
    server.users[""] = [person(1), part, {"id": "u7", "@removed": {"reason": "changed"}}]
    assert list(read(scripted, server, tmp_path / "state.json")[0].tenant.users) == ["u1"]
    server.users[""] = [person(1), part]
    with pytest.raises(W365Error, match=r"only a part of u7\. Rerun the task"):
        read(scripted, server, tmp_path / "state.json")
    server.users[""] = []
    server.groups[""] = [changed_members(member("u1"))]
    with pytest.raises(W365Error, match="only a part of g1"):
        read(scripted, server, tmp_path / "state.json")


def test_half_a_character_in_a_name_is_kept(scripted: Scripted, tmp_path: Path) -> None:
    server, path = Deltas(), tmp_path / "state.json"
    halved = person(1, givenName="Zoë \ud83d")
    server.users[""] = [halved]
    server.users["1"] = server.groups["1"] = []
    run(scripted, server, path)
    state, full = run(scripted, server, path)
    assert not full
    assert state.tenant.users == {"u1": halved}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": 3}',
        b"{",
        b"\xff\xfe{",
        b"\x00" * 4096,
        b"[" * 100_000,
        b'{"format": 0}',
        b'{"format": 1}',
        b'{"format": "3"}',
    ],
    ids=["empty", "list", "object", "bare", "cut", "utf-16", "zeros", "deep", "version 0", "version 1", "text"],
)
def test_a_file_that_is_no_state_is_a_full_run(scripted: Scripted, tmp_path: Path, content: bytes) -> None:
    """It is never an empty state, from which everybody would have left, and it is said."""
    path = tmp_path / "state.json"
    path.write_bytes(content)
    server = deltas()
    state, reading = read(scripted, server, path)
    assert (reading.full, reading.unreadable) == (True, True)
    assert state.tenant.users
    assert reading.former == Tenant()
    assert "the state" in reading.reason


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept["users"].pop(),
        lambda kept: kept["users"].clear(),
        lambda kept: kept["members"].clear(),
        lambda kept: kept.update(users_link="", checksum=kept.pop("checksum")),
        lambda kept: kept.update(full_at="2026-01-01T00:00:00"),
        lambda kept: kept.update(full_at=7),
        lambda kept: kept.update(checksum="0" * 64),
    ],
)
@pytest.mark.parametrize("keeps_checksum", [True, False])
def test_a_state_that_was_changed_is_a_full_run(
    scripted: Scripted, tmp_path: Path, damage: Callable[[dict[str, Any]], Any], keeps_checksum: bool
) -> None:
    """Also one that is JSON in every part. A state of before the checksum is used as it is, where it can be."""
    server, path = deltas(), tmp_path / "state.json"
    run(scripted, server, path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    damage(kept)
    if not keeps_checksum:
        if kept["users"] and kept["users_link"] and kept["full_at"] not in (7, "2026-01-01T00:00:00"):
            return
        del kept["checksum"]
    path.write_text(json.dumps(kept), encoding="utf-8")
    _state, reading = read(scripted, server, path)
    assert (reading.full, reading.unreadable) == (True, True)


def test_a_state_of_before_the_checksum_is_still_good(scripted: Scripted, tmp_path: Path) -> None:
    server, path = deltas(), tmp_path / "state.json"
    run(scripted, server, path)
    kept = json.loads(path.read_text(encoding="utf-8"))
    del kept["checksum"]
    path.write_text(json.dumps(kept), encoding="utf-8")
    assert not run(scripted, server, path)[1]


# ---- afresh


def test_people_of_nested_groups() -> None:
    tenant = Tenant(
        members={"g1": {"u1"}, "g2": {"u2"}, "g3": {"u3"}}, nested={"g1": {"g2"}, "g2": {"g3", "g1"}, "g3": set()}
    )
    assert tenant.people_of("g1", flatten=False) == {"u1"}
    assert tenant.people_of("g1", flatten=True) == {"u1", "u2", "u3"}, "also in a circle"


class Graph:
    """A tenant of two groups, one inside the other, and one that stands alone."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def __call__(self, method: str, path: str, body: Any) -> Any:
        place = path.removeprefix("/v1.0").partition("?")[0]
        self.paths.append(place)
        named = {"/groups": "Sales"} if "$filter" in path else {}
        groups = {f"g{n}": {"id": f"g{n}", "displayName": name} for n, name in enumerate(("Sales", "EMEA", "HR"))}
        if place == "/$batch":
            answers = [
                {"id": item["id"], "status": 200, "body": {"value": [member("u9")]}} for item in body["requests"]
            ]
            return 200, {"responses": answers}
        found: list[Any] = {
            "/groups": [groups["g0"]] if named else list(groups.values()),
            "/groups/g0/members/microsoft.graph.user": [person(1)],
            "/groups/g0/members/microsoft.graph.group": [groups["g1"]],
            "/groups/g1/members/microsoft.graph.user": [person(2)],
            "/groups/g1/members/microsoft.graph.group": [groups["g0"]],
            "/users": [person(1), person(2), person(9)],
        }[place]
        return 200, {"value": found}


def afresh(scripted: Scripted, server: Callable[..., Any], **more: Any) -> tuple[Tenant, list[str]]:
    known: dict[str, Any] = {
        "groups": [], "everybody": False, "flatten": False, "all_groups": False,
        "possible": lambda _group: True, "wanted": lambda group: group["id"] != "g2",
    }  # fmt: skip
    return read_tenant(client(scripted(server)), (), **{**known, **more})


def test_only_what_is_needed_is_read(scripted: Scripted) -> None:
    server = Graph()
    tenant, chosen = afresh(scripted, server, groups=["sales"])
    assert chosen == ["g0"]
    assert set(tenant.users) == {"u1"}
    assert tenant.nested == {"g0": {"g1"}}
    assert len(server.paths) == 3

    tenant, _chosen = afresh(scripted, Graph(), groups=["sales"], flatten=True)
    assert set(tenant.users) == {"u1", "u2"}
    assert tenant.people_of("g0", flatten=True) == {"u1", "u2"}

    server = Graph()
    tenant, chosen = afresh(scripted, server, groups=["sales"], possible=lambda _group: False)
    assert (chosen, tenant.users, server.paths) == (["g0"], {}, ["/groups"])

    server = Graph()
    tenant, _chosen = afresh(scripted, server, everybody=True, all_groups=True)
    assert set(tenant.users) == {"u1", "u2", "u9"}
    assert tenant.members == {"g0": {"u9"}, "g1": {"u9"}}
    assert server.paths == ["/users", "/groups", "/$batch"]


@pytest.mark.parametrize("concurrency", [1, 2, 9])
def test_groups_are_read_at_the_same_time(scripted: Scripted, concurrency: int) -> None:
    """As many as `concurrency` says, and with the same outcome: no group is read twice, also not one in two others."""
    inside = {"g0": ["g2"], "g1": ["g2", "g0"], "g2": ["g0"], "g3": []}
    at_once: list[int] = []
    reading: list[str] = []
    paths: list[str] = []
    # With fewer readers than that, nobody waits for the others.
    together = threading.Barrier(min(concurrency, 2))

    def answer(_method: str, path: str, _body: Any) -> Any:
        place, _question, query = path.partition("?")
        if place == "/v1.0/groups":
            name = query.partition("displayName eq '")[2].partition("'")[0]
            return 200, {"value": [{"id": name, "displayName": name}]}
        paths.append(place)
        _empty, _version, _groups, id, _members, kind = place.split("/")
        if kind == "microsoft.graph.group":
            return 200, {"value": [{"id": inner, "displayName": inner} for inner in inside[id]]}
        reading.append(id)
        if id in ("g0", "g1"):
            together.wait(10)
        at_once.append(len(reading))
        reading.remove(id)
        return 200, {"value": [person(int(id[1:]))]}

    tenant, chosen = afresh(scripted, answer, groups=["g0", "g1", "g3"], flatten=True, concurrency=concurrency)
    assert chosen == ["g0", "g1", "g3"]
    assert tenant.nested == {id: set(groups) for id, groups in inside.items()}
    assert set(tenant.users) == {"u0", "u1", "u2", "u3"}
    assert max(at_once) <= concurrency
    assert len(paths) == len(set(paths)) == 8


def test_groups_inside_wanted_ones_are_read_whatever_they_are_called(scripted: Scripted) -> None:
    names = ("Sales", "EMEA", "HR", "Benelux")
    groups = [{"id": f"g{n}", "displayName": name} for n, name in enumerate(names)]
    members = {
        "g0": [member("u1"), member("g1", "group"), member("g9", "group")],
        "g1": [member("u2"), member("g3", "group"), member("g0", "group")],
        "g2": [member("u8")],
        "g3": [member("u3")],
    }
    asked: list[list[str]] = []

    def answer(_method: str, path: str, body: Any) -> Any:
        if path != "/v1.0/$batch":
            return 200, {"value": groups}
        asked.append([item["url"].split("/")[2] for item in body["requests"]])
        return 200, {
            "responses": [
                {"id": item["id"], "status": 200, "body": {"value": members[item["url"].split("/")[2]]}}
                for item in body["requests"]
            ]
        }

    def sales(flatten: bool) -> set[str]:
        asked.clear()
        tenant, _chosen = afresh(
            scripted, answer, all_groups=True, flatten=flatten, wanted=lambda group: group["id"] == "g0"
        )
        return tenant.people_of("g0", flatten=flatten)

    assert sales(flatten=True) == {"u1", "u2", "u3"}
    assert asked == [["g0"], ["g1"], ["g3"]], "each once, and none that stands outside"
    assert sales(flatten=False) == {"u1"}
    assert asked == [["g0"]]
