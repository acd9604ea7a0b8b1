# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults really fault, switches really switch, and the log tells what happened and no secret."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from w365_simulator.testing import Twin, TwinError

JONI = {"EmailAddress": "joni.sherman@contoso.com", "FirstName": "Joni", "LastName": "Sherman"}


def create(api: Any) -> Any:
    return api.provisioning("POST", "/contoso/User/", JONI)


def exists(twin: Twin) -> bool:
    return "joni.sherman@contoso.com" in twin.environment("contoso")["users"]


def test_drop_before_leaves_nothing_done(api: Any, twin: Twin) -> None:
    twin.fault(surface="provisioning", method="POST", action="drop_before")
    with pytest.raises(requests.ConnectionError):
        create(api)
    assert not exists(twin)
    assert [(entry["status"], entry["fault"]) for entry in twin.requests()] == [(0, "drop_before")]
    assert create(api).status_code == 200


def test_drop_after_leaves_the_write_done(api: Any, twin: Twin) -> None:
    twin.fault(surface="provisioning", method="POST", action="drop_after")
    with pytest.raises(requests.ConnectionError):
        create(api)
    assert exists(twin)
    assert [(entry["status"], entry["fault"]) for entry in twin.requests()] == [(200, "drop_after")]
    assert create(api).status_code == 400


@pytest.mark.parametrize(
    ("status", "retry_after"), [(429, 2), (429, None), (503, "Wed, 21 Oct 2026 07:28:00 GMT"), (500, None)]
)
def test_status_with_and_without_retry_after(api: Any, twin: Twin, status: int, retry_after: Any) -> None:
    twin.fault(action="status", status=status, retry_after=retry_after, times=2)
    answers = [create(api) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers.get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert twin.faults()[0]["hits"] == 2


@pytest.mark.parametrize("surface", ["provisioning", "scim", "entra", "graph"])
def test_a_fault_strikes_its_surface_only(api: Any, twin: Twin, surface: str) -> None:
    api.graph("/organization")
    calls = {
        "provisioning": lambda: api.provisioning("GET", "/Environment/"),
        "scim": lambda: api.scim("GET", "/Users"),
        "entra": api.token_answer,
        "graph": lambda: api.graph("/organization"),
    }
    twin.fault(surface=surface, action="status", status=503, times=-1)
    assert {name: call().status_code for name, call in calls.items()} == {
        name: 503 if name == surface else 200 for name in calls
    }
    twin.clear_faults()
    assert {call().status_code for call in calls.values()} == {200}


def test_a_fault_strikes_its_path_and_method_only(api: Any, twin: Twin) -> None:
    twin.fault(path=r"/User/$", method="post", action="status", status=500, times=-1)
    assert api.provisioning("GET", "/contoso/User/").status_code == 200
    assert api.provisioning("POST", "/contoso/User/Validate/", JONI).status_code == 200
    assert create(api).status_code == 500
    twin.clear_faults()
    twin.fault(path=r"startIndex=2", action="status", status=500, times=-1)
    assert api.scim("GET", "/Users", startIndex=1).status_code == 200
    assert api.scim("GET", "/Users", startIndex=2).status_code == 500


def test_latency_and_slow_bodies_take_their_time(api: Any, twin: Twin) -> None:
    for action in ("latency", "slow_body"):
        twin.fault(action=action, seconds=0.5)
        begin = time.monotonic()
        assert api.provisioning("GET", "/contoso/User/").json()
        assert time.monotonic() - begin >= 0.45
    twin.fault(action="latency", seconds=30)
    with pytest.raises(requests.ReadTimeout):
        api.session.get(f"{twin.url}/Provisioning/Environment/", timeout=0.3)
    # Nobody else waits meanwhile.
    begin = time.monotonic()
    assert api.provisioning("GET", "/Environment/").status_code == 200
    assert time.monotonic() - begin < 5


def test_truncated_json_cannot_be_read(api: Any, twin: Twin) -> None:
    twin.fault(action="truncate")
    answer = api.provisioning("GET", "/contoso/User/")
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_html_and_bodies_of_one_s_own(api: Any, twin: Twin) -> None:
    twin.fault(action="html", status=502)
    answer = api.scim("GET", "/Users")
    assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    twin.fault(action="status", status=418, body={"Message": "a teapot"})
    assert api.provisioning("GET", "/Environment/").json() == {"Message": "a teapot"}
    twin.fault(action="status", status=403, body="")
    assert api.provisioning("GET", "/Environment/").content == b""


def test_expired_tokens_and_delta_links(api: Any, twin: Twin) -> None:
    api.graph("/organization")
    twin.fault(surface="graph", action="expired_token")
    answer = api.graph("/organization")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
    assert api.graph("/organization").status_code == 200
    twin.fault(surface="graph", action="expired_delta")
    answer = api.graph("/users/delta")
    assert answer.status_code == 410
    assert answer.headers["Location"]
    twin.fault(surface="graph", action="expired_delta", status=400)
    assert api.graph("/users/delta").json()["error"]["code"] == "syncStateNotFound"


def test_chance_can_be_repeated(api: Any, twin: Twin) -> None:
    def run(seed: int) -> list[int]:
        twin.clear_faults()
        twin.switches(random_seed=seed)
        twin.fault(action="status", status=500, probability=0.5, times=-1)
        return [api.provisioning("GET", "/Environment/").status_code for _ in range(30)]

    first = run(7)
    assert set(first) == {200, 500}
    assert run(7) == first
    assert run(8) != first


@pytest.mark.parametrize(
    "rule",
    [
        {}, {"action": "explode"}, {"action": "status"}, {"action": "status", "status": 99},
        {"action": "html", "surface": "x"},
        {"action": "html", "path": "("}, {"action": "html", "probability": 2}, {"action": "html", "time": 1},
        {"action": "html", "times": "often"},
    ],
)  # fmt: skip
def test_bad_rules_are_refused(twin: Twin, rule: dict[str, Any]) -> None:
    with pytest.raises(TwinError, match="answered 400"):
        twin.fault(**rule)
    assert twin.faults() == []


def test_refuse_writes_refuses_and_logs_every_write_but_no_read(api: Any, twin: Twin) -> None:
    before = twin.state()
    twin.switches(refuse_writes=True)
    adele = api.scim_user("adele.vance@contoso.com")["id"]
    writes = [
        create(api),
        api.provisioning("PUT", "/Environment/contoso/Deactivate/"),
        api.provisioning("DELETE", "/contoso/User/1/"),
        api.scim("DELETE", f"/Users/{adele}"),
        api.scim_patch(f"/Users/{adele}", {"op": "replace", "path": "active", "value": False}),
    ]
    assert {answer.status_code for answer in writes} == {500}
    assert len(twin.writes()) == len(writes)
    reads = [
        api.provisioning("POST", "/contoso/User/Validate/", JONI),
        api.provisioning("GET", "/Environment/"),
        api.scim("POST", "/Users/.search", {}),
        api.token_answer(),
        api.graph("/$batch", body={"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}),
    ]
    assert {answer.status_code for answer in reads} == {200}
    assert len(twin.writes()) == len(writes)
    assert twin.state() == before


def test_switches_are_checked_and_return_to_their_start(twin: Twin) -> None:
    start = twin.switches()
    for wrong in ({"nothing": 1}, {"scim_patch": "new"}, {"html_errors": "perhaps"}, {"graph_lag": -1}):
        with pytest.raises(TwinError, match="answered 400"):
            twin.switches(page_size=5, **wrong)
    assert twin.switches() == start
    assert twin.switches(page_size=5)["page_size"] == 5
    twin.reset_switches()
    assert twin.switches() == start


def test_the_log_counts_and_clears_and_hides_every_secret(api: Any, twin: Twin) -> None:
    secret = "planted-secret-4711"
    api.provisioning("POST", "/contoso/User/", {**JONI, "Password": secret})
    api.provisioning(
        "PUT", "/contoso/SingleSignOnSettings/OAuth2", {"authority": "https://x", "clientid": "x", "KEY": secret}
    )
    api.token_answer(client_secret=secret)
    api.scim("GET", "/Users", token=secret)
    adele = api.scim_user("adele.vance@contoso.com")["id"]
    api.scim_patch(f"/Users/{adele}", {"op": "replace", "path": "password", "value": secret})
    api.scim_patch(f"/Users/{adele}", {"op": "replace", "value": {"password": secret}})
    api.provisioning("GET", "/Environment/", ProvisioningKey=secret)
    log = twin.requests()
    assert [entry["number"] for entry in log] == list(range(1, 9))
    assert secret not in str(log)
    assert secret not in str(twin.state())
    assert log[0]["body"] == {**JONI, "Password": "<redacted>"}
    assert log[2]["body"]["client_secret"] == "<redacted>"
    assert [entry["number"] for entry in twin.requests(since=6)] == [7, 8]
    assert {entry["surface"] for entry in twin.requests(surface="scim")} == {"scim"}
    twin.clear_requests()
    assert twin.requests() == []


def test_reset_and_seed(api: Any, twin: Twin) -> None:
    twin.seed(
        {
            "environments": [
                {
                    "name": "contoso",
                    "users": [{"upn": "lee.gu@contoso.com", "first_name": "L", "last_name": "G", "active": True}],
                }
            ]
        }
    )
    state = twin.environment("contoso")
    assert len(state["users"]) == 3
    assert (state["users"]["lee.gu@contoso.com"]["first_name"], state["users"]["lee.gu@contoso.com"]["active"]) == (
        "L",
        True,
    )
    twin.fault(action="html")
    twin.reset("none", profile="documented")
    empty = twin.state()
    assert (empty["environments"], empty["tenants"], empty["profile"]) == ({}, {}, "documented")
    assert (twin.faults(), twin.requests()) == ([], [])


@pytest.mark.parametrize(
    "late",
    [
        {"action": "hold_before", "seconds": 30},
        {"action": "latency", "seconds": 30},
        {"action": "hold_after", "seconds": 30},
        None,
    ],
    ids=lambda late: late["action"] if late else "switch",
)
def test_a_reset_ends_what_came_before_it(api: Any, twin: Twin, late: dict[str, Any] | None) -> None:
    """What a request of before would do now, it would do to somebody else's data, and in somebody else's log."""
    seed = {"environments": [{"name": "contoso"}]}
    if late:
        twin.fault(surface="provisioning", method="POST", **late)
    else:
        twin.switches(latency=30_000)
    with ThreadPoolExecutor() as pool:
        sent = [pool.submit(create, api) for _ in range(2 if late is None else 1)]
        time.sleep(0.5)
        assert not any(request.done() for request in sent)
        twin.reset(seed)
        for request in sent:
            with pytest.raises(requests.ConnectionError):
                request.result(10)
    assert twin.environment("contoso")["users"] == {}
    assert twin.requests() == []
    assert create(api).status_code == 200


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"tenant": []}, "seed has no field 'tenant'"),
        ({"environments": [{"name": "x"}, {"active": True}]}, r"seed\.environments\[1\]\.name is required"),
        ({"environments": [{"name": "demo"}]}, r"seed\.environments\[0\]\.name"),
        ({"environments": [{"name": "x", "active": "yes"}]}, r"seed\.environments\[0\]\.active is a boolean"),
        (
            {"environments": [{"name": "x", "users": [{"upn": "x", "first_name": "a", "last_name": "b"}]}]},
            r"users\[0\]\.upn is of the form",
        ),
        (
            {"environments": [{"name": "x", "groups": [{"name": "g", "members": ["a@contoso.com"]}]}]},
            r"groups\[0\]\.members\[0\]: the environment has no user",
        ),
        ({"tenants": [{"id": "x", "display_name": "X", "domains": []}]}, r"seed\.tenants\[0\]\.id is a GUID"),
        ("no-such-seed", "there is no seed 'no-such-seed'"),
        ("generated:many", "generated:N"),
    ],
)
def test_bad_seeds_name_the_place_and_change_nothing(twin: Twin, bad: Any, place: str) -> None:
    before = twin.state()
    with pytest.raises(TwinError, match=place):
        twin.seed(bad)
    with pytest.raises(TwinError, match=place):
        twin.reset(bad)
    assert twin.state() == before


def test_unknown_control_calls_say_what_there_is(twin: Twin) -> None:
    with pytest.raises(TwinError, match="GET /_simulator/state"):
        twin.control("GET", "nothing")
