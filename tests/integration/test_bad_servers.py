# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""What servers get wrong: they refuse, break off, answer late, twice or in HTML, or lack what they should have.

Every scene has an environment of its own in the twin, so that its fault strikes nobody else's requests and one
ansible-playbook process can play many scenes.
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trustme

from playing import Play, Step, Task, connection, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

ADMINISTRATOR = "allan.deyoung@contoso.com"
NEWCOMER = "adele.vance@contoso.com"
ADELE = {"first_name": "Adele", "last_name": "Vance"}
SALES = "Sales and Marketing"
LIMITED = "00000000-0000-4000-8000-0000000000c3"
EXPIRED = "00000000-0000-4000-8000-0000000000d4"
SSO = {"primary_domain": "contoso.com", "client_id": "00000000-0000-4000-8000-0000000000b2"}


def environments(twin: Twin, *names: str, **more: Any) -> None:
    """Seed environments that have an administrator and nobody else."""
    people = [{"upn": ADMINISTRATOR, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}]
    twin.seed({"environments": [{"name": name, "users": people, **more} for name in names]})


def over_scim(twin: Twin, name: str) -> dict[str, Any]:
    return {"environment": name, "scim_url": twin.scim_url(name), "scim_token": twin.scim_token}


def says(step: Step, *parts: str) -> None:
    """The task failed with a sentence that holds all parts, and did not crash."""
    said = " ".join(step.message.split())
    assert step.status == "failed", f"{step.name} was {step.status}: {said}"
    assert "Unexpected error in the collection" not in said, said
    assert "Traceback" not in said, said
    for part in parts:
        assert part in said, f"{step.name}: {part!r} is not in: {said}"


def sent(step: Step, method: str, ending: str) -> int:
    """How often a method was sent to a path."""
    return sum(request["method"] == method and request["path"].endswith(ending) for request in step.requests)


class Stub:
    """A server over TLS that says what a test wrote down, and remembers who asked for what and when."""

    def __init__(self, url: str, ca_path: str) -> None:
        self.url = url
        self.ca_path = ca_path
        self.answers: dict[str, list[tuple[int, Mapping[str, str], str | bytes]]] = {}
        self.dripping: set[str] = set()
        self.asked: list[tuple[float, str, dict[str, str]]] = []

    def answer(self, path: str, status: int, headers: Mapping[str, str] | None = None, body: str | bytes = "") -> None:
        self.answers.setdefault(path, []).append((status, headers or {}, body))

    def times(self, path: str) -> list[float]:
        """When this path was asked for, in seconds."""
        return [when for when, asked, _headers in self.asked if asked == path]


@contextmanager
def stub_server(folder: Path) -> Iterator[Stub]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "stub-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.partition("?")[0]
            stub.asked.append((time.monotonic(), path, dict(self.headers.items())))
            script = stub.answers.get(path, [(404, {}, "")])
            status, headers, body = script.pop(0) if len(script) > 1 else script[0]
            self.send_response(status)
            content = body if isinstance(body, bytes) else body.encode()
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            drips = any(path.endswith(ending) for ending in stub.dripping)
            self.send_header("Content-Length", str(len(content) + 10**9 * drips))
            self.end_headers()
            self.wfile.write(content)
            while drips:
                # Each well within the option timeout, until the client has gone.
                time.sleep(0.1)
                self.wfile.write(b" ")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply  # noqa: N815 - the names that http.server asks for

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    stub = Stub(f"https://localhost:{server.server_port}", str(folder / "stub-ca.pem"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# Refusals


def test_wrong_keys_and_closed_doors(play: Player, twin: Twin) -> None:
    environments(twin, "closed", scim_enabled=False)
    before = twin.state()
    done = play(
        task("w365_user_info", title="wrong key", provisioning_key="not-the-key"),
        task("w365_user", title="wrong key, writing", provisioning_key="not-the-key", upn=NEWCOMER, **ADELE),
        task("w365_environment", title="wrong key, new environment", provisioning_key="not-the-key", environment="fabrikam", empty=True),
        task("w365_user", title="wrong token", upn=NEWCOMER, **over_scim(twin, "contoso") | {"scim_token": "not-the-token"}, **ADELE),
        task("w365_group_info", title="SCIM switched off", **over_scim(twin, "closed")),
        task("w365_user", title="SCIM switched off, writing", upn=NEWCOMER, **over_scim(twin, "closed"), **ADELE),
        defaults=connection(twin),
    )  # fmt: skip
    causes = ("HTTP 403", "one of three causes", "provisioning_key is wrong", "no key is configured", "switched off")
    for step in done.steps[:3]:
        says(step, *causes, "server message: The provisioning key")
    says(done[3], "refused the token", "HTTP 401", "GET /Users", "Check scim_token", "SCIM is still enabled")
    for step in done.steps[4:]:
        says(step, "refused the token", "HTTP 403", "SCIM is still enabled", "User provisioning")
    assert not any(step.writes for step in done)
    assert twin.state() == before


def test_pages_crashes_and_odd_answers(play: Player, twin: Twin) -> None:
    environments(twin, "page", "web", "crash", "odd", "login")
    create = {"method": "POST", "times": -1}
    twin.fault(surface="provisioning", path="^/Provisioning/page/User/$", action="html", status=500, **create)
    twin.fault(surface="provisioning", path="^/Provisioning/web/User/$", action="html", status=200, times=-1)
    reason = {"Message": "Object reference not set to an instance of an object."}
    twin.fault(
        surface="provisioning", path="^/Provisioning/crash/User/$", action="status", status=500, body=reason, **create
    )
    twin.fault(
        surface="scim", path="^/odd/scim/v2/Users$", action="status", status=200, body=["not", "a", "list"], times=-1
    )
    twin.fault(surface="scim", path="^/login/scim/v2/Users$", action="html", status=200, times=-1)
    done = play(
        task("w365_user", title="an HTML page for a create", environment="page", upn=NEWCOMER, **ADELE),
        task("w365_user_info", title="a web page for a list", environment="web"),
        task("w365_user", title="500 for a wrong object", environment="crash", upn=NEWCOMER, **ADELE),
        task("w365_user_info", title="no list", **over_scim(twin, "odd")),
        task("w365_user", title="a web page for SCIM", upn=NEWCOMER, **over_scim(twin, "login"), **ADELE),
        defaults=connection(twin),
    )  # fmt: skip
    says(
        done[0],
        f"Cannot create user '{NEWCOMER}' in environment 'page'",
        "an HTML page",
        "The service is unavailable.",
        "HTTP 500, POST /page/User/",
    )
    says(done[1], "the answer is not JSON", "HTTP 200, GET /web/User/", "Check instance_url")
    says(
        done[2],
        "Object reference not set",
        "HTTP 500, POST /crash/User/",
        "500 also for an object that it cannot read",
        "check the values",
    )
    says(done[3], "the listing is not reliable", "not a SCIM ListResponse", "Nothing was changed")
    says(done[4], "the answer is not JSON", "Check scim_url")
    for step in done:
        assert "<" not in step.message.replace("<host>", ""), step.message
    # 500 may mean that the object was wrong: it is not sent again.
    assert [len(step.writes) for step in done] == [1, 0, 1, 0, 0]
    for name in ("page", "crash", "login"):
        assert set(twin.environment(name)["users"]) == {ADMINISTRATOR}


def test_endpoints_that_a_server_does_not_have(play: Player, twin: Twin) -> None:
    environments(twin, "gone")
    twin.switches(profile="documented")
    twin.fault(surface="provisioning", path="^/Provisioning/gone/Group/$", action="status", status=405, times=-1)
    override = "option endpoints: {'%s': '/...'}"
    scim = "Give scim_url and scim_token"
    expected = [
        (task("w365_user_info"), "user.list", "GET /{environment}/User/", scim),
        (task("w365_user", upn=ADMINISTRATOR, state="absent"), "user.list", "GET /{environment}/User/", scim),
        (task("w365_user", upn=NEWCOMER, active=False, **ADELE), "user.list", "GET /{environment}/User/", scim),
        (task("w365_admin", administrators={"add": [NEWCOMER]}), "user.list", "GET /{environment}/User/", "w365_user with administrator=true"),
        (task("w365_admin_info"), "user.list", "GET /{environment}/User/", "manually in User management"),
        (task("w365_group", name="Retail"), "group.list", "GET /{environment}/Group/", scim),
        (task("w365_group_info"), "group.list", "GET /{environment}/Group/", "groups are managed through SCIM"),
        (task("w365_sso_info"), "sso.read", "GET /{environment}/SingleSignOnSettings/OAuth2", "option endpoints"),
        (task("w365_group_info", title="405", environment="gone"), "group.list", "GET /{environment}/Group/", "HTTP 405"),
    ]  # fmt: skip
    done = play(*(wanted for wanted, *_parts in expected), defaults=connection(twin))
    for step, (_task, endpoint, call, way_out) in zip(done, expected, strict=True):
        says(step, f"'{endpoint}' ({call})", "which the vendor has not documented", way_out, override % endpoint)
    assert not any(step.writes for step in done)


def test_keys_do_not_follow_redirects(play: Player, twin: Twin, tmp_path: Path) -> None:
    with stub_server(tmp_path) as stub, stub_server(tmp_path_of(tmp_path, "target")) as target:
        for path in ("/Provisioning/contoso/User/", "/scim/v2/Users", "/Provisioning/Environment/"):
            stub.answer(path, 302, {"Location": f"{target.url}/stolen"})
        stub.answer("/Provisioning/contoso/Elsewhere/", 307, {"Location": f"{stub.url}/stolen"})
        done = play(
            task("w365_user_info"),
            task("w365_user", upn=NEWCOMER, scim_url=f"{stub.url}/scim/v2", scim_token="a-token-that-stays-here", **ADELE),
            task("w365_api", method="POST", path="/{environment}/Elsewhere/", body={}),
            defaults={**connection(twin), "instance_url": stub.url, "ca_path": stub.ca_path},
        )  # fmt: skip
        says(
            done[0],
            f"redirects to {target.url}/stolen",
            "HTTP 302",
            "are not sent to the target of a redirect",
            "final address in instance_url",
        )
        says(done[1], "HTTP 302", "are not sent to the target of a redirect", "final address in scim_url")
        says(done[2], "HTTP 307")
        assert target.asked == []
        assert stub.times("/stolen") == []
        assert {path for _when, path, _headers in stub.asked} >= {"/Provisioning/contoso/User/", "/scim/v2/Users"}


def tmp_path_of(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


# Answers that do not come


CREATES: dict[str, tuple[str, str]] = {
    # Which create: its surface and the end of its path.
    "SCIM user": ("scim", "/scim/v2/Users"),
    "SCIM group": ("scim", "/scim/v2/Groups"),
    "user": ("provisioning", "/User/"),
    "group": ("provisioning", "/Group/"),
}


def create_task(twin: Twin, what: str, environment: str) -> Task:
    wire = over_scim(twin, environment) if what.startswith("SCIM") else {"environment": environment}
    if what.endswith("user"):
        return task("w365_user", title=f"{what} {environment}", upn=NEWCOMER, **ADELE, **wire)
    return task("w365_group", title=f"{what} {environment}", name="Retail", members={"set": [ADMINISTRATOR]}, **wire)


# How the answer gets lost, and how often the create then has to be sent.
LOSSES: dict[str, tuple[dict[str, Any], int]] = {
    "before": ({"action": "drop_before"}, 2),
    "after": ({"action": "drop_after"}, 1),
    "gateway502": ({"action": "status", "status": 502}, 2),
    "gateway504": ({"action": "status", "status": 504}, 2),
}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("what", CREATES)
def test_a_create_whose_answer_is_lost_makes_one_object(play: Player, twin: Twin, what: str) -> None:
    surface, ending = CREATES[what]
    prefix = "^/Provisioning/" if surface == "provisioning" else "^/"
    environments(twin, *LOSSES)
    for name, (fault, _times) in LOSSES.items():
        twin.fault(surface=surface, method="POST", path=f"{prefix}{name}{ending}$", **fault)
    done = play(*(create_task(twin, what, name) for name in LOSSES), defaults=connection(twin))
    for step, (name, (_fault, times)) in zip(done, LOSSES.items(), strict=True):
        assert step.changed
        assert step.result["results"][0]["outcome"] == "done"
        assert sent(step, "POST", ending) == times, (name, step.requests)
        # It was looked up before it was sent again.
        writes = [number for number, request in enumerate(step.requests) if request["method"] == "POST"]
        assert all(later - earlier > 1 for earlier, later in pairwise(writes))
        found = twin.environment(name)
        if what.endswith("user"):
            assert set(found["users"]) == {ADMINISTRATOR, NEWCOMER}
            assert found["users"][NEWCOMER]["last_name"] == "Vance"
        else:
            assert set(found["groups"]) == {"Retail"}
            assert found["groups"]["Retail"]["members"] == [ADMINISTRATOR]
    assert sum(rule["hits"] for rule in twin.faults()) == len(LOSSES)


def test_a_documented_server_loses_answers_too(play: Player, twin: Twin) -> None:
    """There Validate tells whether the create was carried out."""
    names = ("before", "after")
    environments(twin, *names)
    twin.switches(profile="documented")
    for name in names:
        twin.fault(surface="provisioning", method="POST", path=f"^/Provisioning/{name}/User/$", **LOSSES[name][0])
    done = play(*(create_task(twin, "user", name) for name in names), defaults=connection(twin))
    for step, name in zip(done, names, strict=True):
        assert step.changed
        assert sent(step, "POST", f"/{name}/User/") == LOSSES[name][1]
        assert set(twin.environment(name)["users"]) == {ADMINISTRATOR, NEWCOMER}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("listing", ["objects", "missing"])
def test_an_environment_whose_answer_is_lost_is_made_once(play: Player, twin: Twin, listing: str) -> None:
    administrator = {"email": ADMINISTRATOR, "first_name": "Allan", "last_name": "Deyoung"}
    twin.switches(environment_list=listing)
    before = {"surface": "provisioning", "method": "POST", "action": "drop_before"}
    after = {**before, "action": "drop_after"}
    # With a password the first version of the call is used, without one the second.
    twin.fault(path="/Environment/$", **before)
    twin.fault(path=r"/Environment/\?version=2.0$", **after)
    twin.fault(path="/Environment/emptyafter/$", **after)
    done = play(
        task(
            "w365_environment", environment="before", administrator={**administrator, "password": "Zomer-2026-geheim"}
        ),
        task("w365_environment", environment="After-1", administrator=administrator),
        task("w365_environment", environment="emptyafter", empty=True),
        defaults=connection(twin, environment=None),
    )
    state = twin.state()["environments"]
    for step, name, people in zip(
        done, ("before", "after1", "emptyafter"), ({ADMINISTRATOR}, {ADMINISTRATOR}, set()), strict=True
    ):
        assert step.changed, step.message
        assert step.result["environment"]["name"] == name
        assert set(state[name]["users"]) == people
    assert set(state) == {"contoso", "before", "after1", "emptyafter"}
    assert [rule["hits"] for rule in twin.faults()] == [1, 1, 1]


@pytest.mark.slow
def test_changes_and_reads_whose_answers_are_lost_are_repeated(play: Player, twin: Twin) -> None:
    environments(twin, "read", "cut", "stumble", "put", "patch", "delete", "group")
    twin.seed(
        {"environments": [{"name": name, "users": [{"upn": NEWCOMER, **ADELE}]} for name in ("put", "patch", "delete")]}
    )
    twin.seed({"environments": [{"name": "group", "groups": [{"name": "Retail"}]}]})
    for fault in (
        {"surface": "provisioning", "path": "^/Provisioning/read/", "action": "drop_before"},
        {"surface": "provisioning", "path": "^/Provisioning/cut/", "action": "truncate", "times": 2},
        {"surface": "scim", "path": "^/cut/", "action": "truncate"},
        {"surface": "provisioning", "path": "^/Provisioning/stumble/", "action": "status", "status": 500},
        {"surface": "provisioning", "path": "^/Provisioning/put/", "method": "PUT", "action": "drop_after"},
        {"surface": "scim", "path": "^/patch/", "method": "PATCH", "action": "drop_after"},
        {"surface": "scim", "path": "^/delete/", "method": "DELETE", "action": "drop_after"},
        {"surface": "provisioning", "path": "^/Provisioning/group/", "method": "DELETE", "action": "drop_after"},
    ):
        twin.fault(**fault)
    done = play(
        task("w365_user_info", title="a dropped read", environment="read"),
        task("w365_user_info", title="truncated JSON", environment="cut"),
        task("w365_user_info", title="truncated JSON of SCIM", **over_scim(twin, "cut")),
        task("w365_user_info", title="a crash while reading", environment="stumble"),
        task("w365_user", title="a dropped PUT", environment="put", upn=NEWCOMER, last_name="Vance-Wilber"),
        task("w365_user", title="a dropped PATCH", upn=NEWCOMER, last_name="Vance-Wilber", **over_scim(twin, "patch")),
        task("w365_user", title="a dropped DELETE", upn=NEWCOMER, state="absent", permanent=True, **over_scim(twin, "delete")),
        task("w365_group", title="a dropped DELETE of a group", environment="group", name="Retail", state="absent"),
        defaults=connection(twin),
    )  # fmt: skip
    for step in done.steps[:4]:
        assert not step.changed
        assert [user["upn"] for user in step.result["users"]] == [ADMINISTRATOR]
    # Over SCIM, one more shows that nothing follows.
    assert [len(step.requests) for step in done.steps[:4]] == [2, 3, 3, 2]
    for step in done.steps[4:]:
        assert step.changed
        assert len(step.writes) == 2
    assert twin.environment("put")["users"][NEWCOMER]["last_name"] == "Vance-Wilber"
    assert twin.environment("patch")["users"][NEWCOMER]["last_name"] == "Vance-Wilber"
    assert set(twin.environment("delete")["users"]) == {ADMINISTRATOR}
    assert twin.environment("group")["groups"] == {}


@pytest.mark.slow
def test_time_outs(play: Player, twin: Twin) -> None:
    environments(twin, "never", "slow", "late")
    twin.fault(surface="scim", path="^/never/", action="latency", seconds=8, times=-1)
    # The create is carried out, and its answer dribbles in for minutes.
    twin.fault(surface="scim", path="^/slow/scim/v2/Users$", method="POST", action="slow_body", seconds=300)
    # The create waits at the server and is carried out after it was repeated.
    twin.fault(surface="provisioning", path="^/Provisioning/late/User/$", method="POST", action="latency", seconds=5)
    done = play(
        task("w365_user_info", title="no answer at all", timeout=1, **over_scim(twin, "never")),
        task("w365_user", title="a slow answer", timeout=1, upn=NEWCOMER, **over_scim(twin, "slow"), **ADELE),
        task("w365_user", title="a late create", timeout=2, environment="late", upn=NEWCOMER, **ADELE),
        defaults=connection(twin),
    )
    says(
        done[0],
        "no answer within 1 seconds (option timeout)",
        "GET https://localhost",
        "/never/scim/v2/Users",
        "tried 5 times",
    )
    assert done[1].changed
    assert sent(done[1], "POST", "/Users") == 1
    assert done[2].changed
    deadline = time.monotonic() + 20
    while sent_in_all(twin, "POST", "/late/User/") < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [request["status"] for request in twin.writes() if request["path"].endswith("/late/User/")] == [200, 400]
    for name in ("slow", "late"):
        assert set(twin.environment(name)["users"]) == {ADMINISTRATOR, NEWCOMER}


def sent_in_all(twin: Twin, method: str, ending: str) -> int:
    return sum(request["method"] == method and request["path"].endswith(ending) for request in twin.requests())


@pytest.mark.slow
def test_nobody_answers(play: Player, twin: Twin) -> None:
    done = play(task("w365_user", upn=NEWCOMER, instance_url="https://localhost:1", **ADELE), defaults=connection(twin))
    says(
        done[0],
        "no connection to localhost:1",
        "Connection refused",
        "GET https://localhost:1/Provisioning/contoso/User/",
    )
    assert twin.writes() == []


# Servers that ask for patience


@pytest.mark.slow
def test_patience_is_spent_and_bounded(play: Player, twin: Twin) -> None:
    environments(twin, "told", "untold", "burst", "write", "writes", "date", "never", "budget", "endless")
    here = "^/Provisioning/{0}/|^/{0}/scim/"
    for name, fault in {
        "told": {"status": 429, "retry_after": 1},
        "untold": {"status": 429, "times": 3},
        "burst": {"status": 503, "times": 3},
        "write": {"status": 429, "method": "POST", "times": 2, "retry_after": 0},
        "writes": {"status": 503, "method": "POST", "times": 2},
        "date": {"status": 429, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
        "never": {"status": 429, "times": -1},
        "budget": {"status": 503, "times": -1, "retry_after": 40},
        "endless": {"status": 429, "times": -1, "retry_after": 1},
    }.items():
        twin.fault(action="status", path=here.format(name), **fault)
    create = {"upn": NEWCOMER, **ADELE}
    done = play(
        task("w365_user_info", environment="told"),
        task("w365_user_info", **over_scim(twin, "untold")),
        task("w365_user_info", **over_scim(twin, "burst")),
        task("w365_user", environment="write", **create),
        task("w365_user", **over_scim(twin, "writes"), **create),
        task("w365_user_info", environment="date", rate_limit_timeout=1),
        task("w365_user", environment="never", rate_limit_timeout=0, **create),
        task("w365_user", rate_limit_timeout=3, **over_scim(twin, "budget"), **create),
        task("w365_user_info", environment="endless", rate_limit_timeout=2),
        defaults=connection(twin),
    )
    for step in done.steps[:6]:
        assert step.status == "ok", step.message
    # Over SCIM, one more shows that nothing follows.
    assert [len(step.requests) for step in done.steps[:3]] == [2, 5, 5]
    assert [len(step.writes) for step in done.steps[3:5]] == [3, 3]
    for name in ("write", "writes"):
        assert set(twin.environment(name)["users"]) == {ADMINISTRATOR, NEWCOMER}
    way_out = (
        "option rate_limit_timeout allows",
        "Raise it",
        "-1 to wait as long as it takes",
        "max_requests_per_second",
    )
    says(done[6], "HTTP 429", "has waited 0 of the 0 seconds", *way_out)
    says(done[7], "HTTP 503", "asked to wait 40 seconds", "has waited 0 of the 3 seconds", *way_out)
    says(done[8], "HTTP 429", "asked to wait 1 seconds", "has waited 2 of the 2 seconds", *way_out)
    assert [len(step.requests) for step in done.steps[6:]] == [1, 1, 3]


def test_waits_last_as_long_as_the_server_asks(play: Player, twin: Twin, tmp_path: Path) -> None:
    with stub_server(tmp_path) as stub:
        stub.answer("/Provisioning/contoso/User/", 429, {"Retry-After": "2"})
        stub.answer("/Provisioning/contoso/User/", 503, {"Retry-After": "1"})
        stub.answer("/Provisioning/contoso/User/", 200, {}, "[]")
        done = play(
            task("w365_user_info"), defaults={**connection(twin), "instance_url": stub.url, "ca_path": stub.ca_path}
        )
        assert done[0].result["users"] == []
        first, second, third = stub.times("/Provisioning/contoso/User/")
    assert second - first >= 2
    assert third - second >= 1


# Microsoft Entra and Graph


def test_tokens_expire_and_entra_asks_for_patience(play: Player, twin: Twin) -> None:
    look = {"groups": [SALES], "include_groups": False}
    twin.fault(surface="entra", path="/token$", action="status", status=429, retry_after=0)
    twin.fault(surface="graph", action="expired_token", times=1)
    done = play(task("w365_o365_import_info", **look), defaults=connection(twin))
    assert done[0].status == "ok", done[0].message
    assert len(done[0].result["users"]) == 7
    # One is refused for impatience, one gives the token that has expired, one renews it.
    assert sent(done[0], "POST", "/token") == 3
    assert sum(request["surface"] == "graph" and request["status"] == 401 for request in done[0].requests) == 1

    twin.fault(surface="graph", action="expired_token", times=-1)
    done = play(task("w365_o365_import_info", **look), defaults=connection(twin))
    says(
        done[0],
        "Microsoft Graph refused the token",
        "HTTP 401",
        "A new token was refused too",
        "graph_url and entra_cloud",
    )
    assert "permission" not in done[0].message
    assert sent(done[0], "POST", "/token") == 2
    assert sum(request["surface"] == "graph" for request in done[0].requests) == 2


def test_what_entra_refuses_becomes_advice(play: Player, twin: Twin) -> None:
    applications = [
        {"client_id": LIMITED, "client_secret": "limited-secret-of-the-twin", "permissions": ["Organization.Read.All"]},
        {"client_id": EXPIRED, "client_secret": "expired-secret-of-the-twin", "secret_expired": True},
    ]
    tenant = {"id": twin.tenant_id, "display_name": "Contoso", "domains": [], "applications": applications}
    twin.seed({"tenants": [tenant]})
    before = twin.state()
    stranger = "00000000-0000-4000-8000-00000000ffff"
    everything = {"everything": True}
    done = play(
        task("w365_o365_import", title="wrong secret", entra_client_secret="a-wrong-secret", **everything),
        task("w365_o365_import", title="expired secret", entra_client_id=EXPIRED, entra_client_secret="expired-secret-of-the-twin", **everything),
        task("w365_o365_import", title="unknown application", entra_client_id=stranger, **everything),
        task("w365_o365_import", title="unknown tenant", entra_tenant="fabrikam.onmicrosoft.com", **everything),
        task("w365_o365_import", title="wrong resource", graph_url="https://localhost:1/graph", **everything),
        task("w365_o365_import", title="no permission", entra_client_id=LIMITED, entra_client_secret="limited-secret-of-the-twin", **everything),
        task("w365_sso", title="wrong key", key="a-wrong-secret", **SSO),
        task("w365_sso", title="wrong application", key="a-wrong-secret", primary_domain="contoso.com", client_id=stranger),
        task("w365_sso", title="wrong domain", key="sso-demo-secret-of-the-twin", client_id=SSO["client_id"], primary_domain="fabrikam.com"),
        defaults=connection(twin),
    )  # fmt: skip
    says(done[0], "issued no token", "AADSTS7000215", "The client secret is wrong. Use the secret's value, not its id")
    says(done[1], "AADSTS7000222", "The client secret has expired. Add a new one")
    says(done[2], "AADSTS700016", stranger, "was not found in this tenant", "Check the client id and the tenant")
    says(done[3], "fabrikam.onmicrosoft.com", "tenant", "Check")
    says(done[4], "AADSTS500011", "Check graph_url and entra_cloud")
    says(done[5], "Microsoft Graph refused the request", "HTTP 403", "GET /users", "User.Read.All", "admin consent")
    refused = ("Refused to write the single sign-on of environment 'contoso'", "Nothing was written", "verify=never")
    says(done[6], *refused, "AADSTS7000215", "The client secret is wrong")
    says(done[7], *refused, "AADSTS700016")
    says(done[8], *refused, "fabrikam.com")
    for step in done:
        assert "Trace ID" not in step.message
    assert twin.writes() == []
    assert twin.state() == before


def test_members_that_graph_hides(play: Player, twin: Twin) -> None:
    twin.switches(graph_null_members=True)
    done = play(task("w365_o365_import", groups=[SALES]), defaults=connection(twin))
    says(done[0], "without their properties", "User.Read.All", "admin consent")
    assert twin.writes() == []


# Answers without bounds


def test_answers_have_bounds(play: Player, twin: Twin, tmp_path: Path) -> None:
    """On every service, Entra's token endpoint included: a server that drips, and a small answer that becomes 200 MB."""
    bomb = gzip.compress(b" " * 200_000_000, 9)
    coding = {"Content-Encoding": "gzip"}
    look = {"groups": [SALES]}
    with stub_server(tmp_path) as drips, stub_server(tmp_path_of(tmp_path, "large")) as large:
        drips.dripping = {""}
        paths = ("/Provisioning/contoso/User/", "/Provisioning/Environment/", "/scim/v2/Users", "/scim/v2/Groups")
        for path in (*paths, "/v1.0/groups", "/contoso.com/v2.0/.well-known/openid-configuration"):
            large.answer(path, 200, coding, bomb)
            drips.answer(path, 200)

        def asked(stub: Stub, **bounds: int) -> list[Step]:
            elsewhere = {"ca_path": stub.ca_path, **bounds}
            of_scim = {"scim_url": f"{stub.url}/scim/v2", "scim_token": "a-token"}
            authority = {"entra_authority": stub.url, "entra_tenant": "contoso.com"}
            return play(
                task("w365_user_info", title="provisioning"),
                task("w365_environment", title="environment", environment="fabrikam", empty=True),
                task("w365_user", title="scim", upn=NEWCOMER, **of_scim, **ADELE),
                task("w365_group_info", title="scim groups", **of_scim),
                task("w365_api", title="api", service="scim", path="/Users", **of_scim),
                task("w365_o365_import_info", title="entra", **authority, **look),
                task("w365_sso", title="sso", key="a-key-of-somebody", verify="always", **SSO, **authority),
                defaults={**connection(twin), "instance_url": stub.url, **elsewhere},
            ).steps

        started = time.monotonic()
        for step in asked(drips, answer_timeout=1):
            says(step, "no complete answer within 1 seconds (option answer_timeout)")
        assert time.monotonic() - started < 120, "7 tasks, of which each could have waited 32 years"
        for step in asked(large, max_answer_size=2):
            says(step, "the answer is larger than 2 MB (option max_answer_size)")
        assert not any(
            headers.get("Content-Length") for _when, path, headers in large.asked if path.startswith("/scim")
        )
    assert twin.writes() == []


def test_an_inactive_environment_is_named(play: Player, twin: Twin) -> None:
    environments(twin, "asleep", active=False)
    done = play(
        task("w365_user", upn=NEWCOMER, **over_scim(twin, "asleep"), **ADELE),
        task("w365_group_info", **over_scim(twin, "asleep")),
        task("w365_environment_info", environment="asleep"),
        task("w365_environment_info"),
        defaults=connection(twin, environment=None),
    )
    for step in done.steps[:2]:
        says(step, "Environment 'asleep' is inactive", "w365_environment with active=true", "HTTP 403", "scim_token")
    assert [step.result["filtered_by"] for step in done.steps[2:]] == ["asleep", None]
    assert twin.writes() == []


def test_a_password_in_an_address_is_never_shown(play: Player, twin: Twin) -> None:
    address = "https://somebody:hunter2-secret@workspace.contoso.com"
    done = play(
        task("w365_user_info", title="instance_url", instance_url=address),
        task("w365_user_info", title="scim_url", scim_url=f"{address}/scim", scim_token="a-token"),
        task("w365_user_info", title="scim_url over http", scim_url=f"{address}/scim".replace("https", "http"), scim_token="a-token"),
        task("w365_o365_import_info", title="graph_url", groups=[SALES], graph_url=address),
        task("w365_o365_import_info", title="entra_authority", groups=[SALES], entra_authority=address),
        task("w365_sso", title="authority", authority=f"{address}/contoso.com", client_id=SSO["client_id"], key="a-key"),
        task("w365_o365_import_info", title="entra_tenant", groups=[SALES], entra_tenant="Contoso"),
        defaults=connection(twin),
        arguments=["-vvv"],
    )  # fmt: skip
    for step in done.steps[:6]:
        says(step, "holds a user name or password", step.name.partition(" ")[0])
        assert step.requests == []
    says(done[6], "Option entra_tenant is 'Contoso'", "neither the id of a tenant (a GUID) nor one of its domains")
    assert "hunter2" not in done.output
    assert "somebody" in done.output or "********" in done.output


# Libraries that are not there


def bare_interpreter(folder: Path, *without: str) -> str:
    """A Python of its own. It finds what the tests' Python has, except for these libraries."""
    venv.create(folder, with_pip=False, symlinks=True)
    site = next((folder / "lib").glob("python3*")) / "site-packages"
    # Debian's Python has a sitecustomize of its own, so that name would not be ours.
    places = [path for path in sys.path if path.endswith("site-packages")]
    (site / "shelf.pth").write_text("".join(f"{line}\n" for line in (*places, "import without_libraries")))
    (site / "without_libraries.py").write_text(
        "import sys\n"
        "class Without:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {without!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Without())\n"
    )
    return str(folder / "bin" / "python")


@pytest.mark.slow
def test_missing_libraries(play: Player, twin: Twin, tmp_path: Path) -> None:
    bare = {"vars": {"ansible_python_interpreter": bare_interpreter(tmp_path / "bare", "requests", "msal")}}
    half = {"vars": {"ansible_python_interpreter": bare_interpreter(tmp_path / "half", "msal")}}
    done = play(
        {**task("w365_user", title="without requests", upn=NEWCOMER, **ADELE), **bare},
        {**task("w365_environment_info", title="without requests, reading"), **bare},
        {**task("w365_o365_import", title="without requests, importing", groups=[SALES]), **bare},
        {**task("w365_user_info", title="without msal, and not needed"), **half},
        {**task("w365_o365_import", title="without msal", groups=[SALES]), **half},
        {**task("w365_sso", title="without msal, verifying", key="sso-demo-secret-of-the-twin", **SSO), **half},
        defaults=connection(twin),
    )
    way_out = (
        "is not installed for the Python that runs this module",
        "ansible_python_interpreter",
        "ansible_playbook_python",
    )
    for step in done.steps[:3]:
        says(step, "The Python library 'requests'", *way_out)
        assert step.requests == []
    assert done[3].status == "ok", done[3].message
    for step in done.steps[4:]:
        says(step, "The Python library 'msal' is needed for Microsoft Entra", *way_out)
    assert twin.writes() == []


# One object of many


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("wire", ["scim", "provisioning"])
def test_one_object_of_an_import_fails(play: Player, twin: Twin, wire: str) -> None:
    scim = wire == "scim"
    twin.fault(surface=wire, method="POST", path="/Users$" if scim else "/User/$", action="status", status=500)
    options = {"defaults": connection(twin, scim=scim)}
    wanted = task("w365_o365_import", groups=[SALES])
    done = play(wanted, {**wanted, "ignore_errors": False}, wanted, **options)
    assert done.code == 0, done.output
    first, second, third = done
    failed = [entry for entry in first.result["results"] if entry["outcome"] == "failed"]
    assert [entry["kind"] for entry in failed] == ["user", "membership"]
    lost = failed[0]["name"]
    says(
        first,
        "2 of 9 changes failed, the rest were applied",
        "Rerun the task to retry the failed changes",
        f"Cannot create user '{lost}' in environment 'contoso'",
        "HTTP 500",
    )
    assert failed[0]["reason"] in first.message
    assert lost in failed[1]["reason"]
    assert first.result["changed"] is True
    assert (first.result["summary"]["user_create"], first.result["summary"]["failed"]) == (6, 2)
    here = first.environment()
    assert sum(entry["outcome"] == "done" for entry in first.result["results"]) == 7
    assert len(here["users"]) == 3 + 6
    assert lost not in here["users"]
    assert set(here["groups"]) == {SALES}

    assert second.changed
    assert [(entry["kind"], entry["name"]) for entry in second.result["results"]] == [
        ("user", lost),
        ("membership", SALES),
    ]
    here = second.environment()
    assert lost in here["users"]
    assert len(here["groups"][SALES]["members"]) == 7
    assert not third.changed
    assert third.writes == []


def test_everything_of_an_import_fails(play: Player, twin: Twin) -> None:
    """The task says so, claims no change, and names a few of the reasons instead of all of them."""
    before = json.dumps(twin.state()["environments"], sort_keys=True)
    twin.switches(refuse_writes=True)
    done = play(task("w365_o365_import", groups=[SALES]), defaults=connection(twin, scim=True))
    # Nobody can become a member of a group that is not there.
    says(done[0], "8 of 9 changes failed, 1 was skipped as a result, none were applied", "And 5 more, see results.")
    assert done[0].result["changed"] is False
    assert json.dumps(twin.state()["environments"], sort_keys=True) == before
