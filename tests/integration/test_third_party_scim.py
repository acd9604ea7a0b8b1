# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Users and groups on somebody else's SCIM server (scim2-server), written by people who do not know us.

What passes here rests on the standard, and not on a misunderstanding that the collection and the twin might share.
scim2-server speaks plain HTTP, so TLS ends in front of its application.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests
import trustme
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.testserver.application import BearerTokenApplication
from scim2_server.testserver.cli import ThreadingWSGIServer
from scim2_server.utils import load_default_provider

from playing import Play, Step, Task, task

Player = Callable[..., Play]

TOKEN = "a-token-of-somebody-else"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ADELE, ALEX, LEE = "adele.vance@contoso.com", "alex.wilber@contoso.com", "lee.gu@contoso.com"


class Foreign:
    """The server, a client of its own for the tests, and the calls that it has seen."""

    def __init__(self, url: str, ca_path: str) -> None:
        self.url = url
        self.ca_path = ca_path
        self.calls: list[tuple[str, str, int]] = []
        # How many look-ups are answered as if nothing were there: somebody else creates the object in between.
        self.blind = 0

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        answer = requests.request(
            method, f"{self.url}{path}", json=body, params=query, headers=headers, verify=self.ca_path, timeout=30
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def user(self, upn: str) -> dict[str, Any] | None:
        found = self.call("GET", "/Users", filter=f'userName eq "{upn}"').get("Resources") or []
        assert len(found) <= 1
        return found[0] if found else None

    def members(self, name: str) -> set[str]:
        found = self.call("GET", "/Groups", filter=f'displayName eq "{name}"')["Resources"]
        assert len(found) == 1
        ids = [member["value"] for member in self.call("GET", f"/Groups/{found[0]['id']}").get("members") or []]
        return {self.call("GET", f"/Users/{id}")["userName"] for id in ids}

    def writes(self) -> list[tuple[str, str, int]]:
        return [call for call in self.calls if call[0] != "GET"]

    def defaults(self) -> dict[str, Any]:
        return {"scim_url": self.url, "scim_token": TOKEN, "ca_path": self.ca_path}


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Foreign]:
    known = Foreign("", str(tmp_path / "foreign-ca.pem"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(known.ca_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    provider = load_default_provider()
    application = BearerTokenApplication(
        InMemoryStorage(), provider, service=ScimService(provider), bearer_tokens=[TOKEN]
    )

    def witnessed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]

        def start(status: str, *rest: Any) -> Any:
            known.calls.append((method, path, int(status.split(maxsplit=1)[0])))
            return start_response(status, *rest)

        if known.blind and method == "GET" and "filter=" in environ["QUERY_STRING"]:
            known.blind -= 1
            start("200 OK", [("Content-Type", "application/scim+json")])
            schema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
            return [json.dumps({"schemas": [schema], "totalResults": 0, "Resources": []}).encode()]
        answered: Iterable[bytes] = application(environ, start)
        return answered

    class Server(ThreadingWSGIServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            secure = context.wrap_socket(request, server_side=True)
            super().finish_request(secure, client_address)
            secure.close()

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    listening = make_server("127.0.0.1", 0, witnessed, server_class=Server, handler_class=Handler)
    known.url = f"https://localhost:{listening.server_port}/v2"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield known
    listening.shutdown()
    thread.join()
    listening.server_close()


def told(step: Step) -> str:
    return f"{step.name}: {step.message}"


def expect(done: Play, *changes: bool) -> None:
    """Every task went well, and changed something or not as told."""
    assert [step.status for step in done] == ["ok"] * len(changes), "\n".join(map(told, done))
    got = [(step.name, step.changed) for step in done]
    assert got == [(name, wanted) for (name, _changed), wanted in zip(got, changes, strict=True)]


def twice(*tasks: Task) -> list[Task]:
    """Every task, and then again to see that nothing is left to be done."""
    return [again for once in tasks for again in (once, {**once, "name": f"{once['name']}, again"})]


def test_the_life_of_a_user(play: Player, foreign: Foreign) -> None:
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    renamed = {"upn": LEE, "identity": ADELE}
    done = play(
        {**task("w365_user", title="check", **adele), "check_mode": True},
        *twice(
            task("w365_user", title="create", **adele, external_id="365"),
            task("w365_user", title="change", upn=ADELE.upper(), last_name="Vance-Wilber", email="adele@contoso.com"),
            task("w365_user", title="put on the deleted-users list", upn=ADELE, state="absent"),
            task("w365_user", title="restore", upn=ADELE),
            task("w365_user", title="rename", **renamed),
            task("w365_user", title="switch off", upn=LEE, active=False),
            task("w365_user", title="delete", upn=LEE, state="absent", permanent=True),
        ),
        task("w365_user_info"),
        defaults=foreign.defaults(),
    )
    expect(done, True, *(True, False) * 7, False)
    created, changed, deleted, restored, gone = (done[number].result["user"] for number in (2, 3, 6, 7, 14))
    assert (created["email"], created["external_id"], created["active"]) == (ADELE, "365", True)
    assert (changed["last_name"], changed["email"]) == ("Vance-Wilber", "adele@contoso.com")
    assert created["id"] == changed["id"]
    assert deleted["active"] is False
    assert restored["active"] is True
    assert done[9].result["user"]["upn"] == LEE
    assert gone is None
    assert done[15].result["users"] == []
    # One write for each change: nothing is sent twice, and nothing for a task that changes nothing.
    assert [(method, status) for method, _path, status in foreign.writes()] == [
        ("POST", 201),
        *[("PATCH", status) for method, _path, status in foreign.writes() if method == "PATCH"],
        ("DELETE", 204),
    ]
    assert len(foreign.writes()) == 7


def test_the_life_of_a_group(play: Player, foreign: Foreign) -> None:
    for upn in (ADELE, ALEX, LEE):
        first, last = upn.partition("@")[0].title().split(".")
        name = {"givenName": first, "familyName": last}
        foreign.call("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": upn, "name": name, "active": True})
    foreign.calls.clear()
    done = play(
        *twice(
            task("w365_group", title="create", name="Sales", external_id="365", members={"set": [ADELE.upper()]}),
            task("w365_group", title="add", name="SALES", members={"add": [ALEX, LEE]}),
            task("w365_group", title="remove", name="Sales", members={"remove": [ADELE]}),
        ),
        task("w365_group_info", title="look", name="Sales"),
        *twice(
            task("w365_group", title="rename", name="Retail", identity="Sales"),
            task("w365_group", title="set", name="Retail", members={"set": [ADELE, LEE]}),
            task("w365_group", title="empty", name="Retail", members={"set": []}),
            task("w365_group", title="fill", name="Retail", members={"add": [ADELE, ALEX]}),
        ),
        task("w365_group_info", title="look again"),
        defaults=foreign.defaults(),
    )
    expect(done, *(True, False) * 3, False, *(True, False) * 4, False)
    assert done[1].result["group"]["external_id"] == "365"
    assert [step.result["group"]["members"] for step in (done[1], done[3], done[5])] == [
        [ADELE],
        [ADELE, ALEX, LEE],
        [ALEX, LEE],
    ]
    assert [group["members"] for group in done[6].result["groups"]] == [[ALEX, LEE]]
    assert done[10].result["group"]["members"] == [ADELE, LEE]
    assert done[12].result["group"]["members"] == []
    assert [(group["name"], group["members"]) for group in done[15].result["groups"]] == [("Retail", [ADELE, ALEX])]
    assert foreign.members("Retail") == {ADELE, ALEX}

    done = play(*twice(task("w365_group", name="Retail", state="absent")), defaults=foreign.defaults())
    expect(done, True, False)
    assert foreign.call("GET", "/Groups").get("Resources") in (None, [])


def test_a_name_that_is_taken(play: Player, foreign: Foreign) -> None:
    """Somebody creates the same user between our look-up and our create: 409, and the user is brought to what was asked."""
    name = {"givenName": "Adele", "familyName": "Wilber"}
    foreign.call("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": ADELE, "name": name, "active": True})
    foreign.calls.clear()
    foreign.blind = 1
    done = play(task("w365_user", upn=ADELE, first_name="Adele", last_name="Vance"), defaults=foreign.defaults())
    expect(done, True)
    assert next((method, status) for method, _path, status in foreign.writes()) == ("POST", 409)
    assert [method for method, _path, _status in foreign.writes()] == ["POST", "PATCH"]
    found = foreign.user(ADELE)
    assert found is not None
    assert found["name"]["familyName"] == "Vance"

    # A server that goes on hiding the user: the person is told, and nobody is made twice.
    foreign.blind = 100
    done = play(task("w365_user", upn=ADELE, first_name="Adele", last_name="Vance"), defaults=foreign.defaults())
    foreign.blind = 0
    assert done[0].status == "failed"
    assert f"Cannot create user '{ADELE}'" in done[0].message
    assert "HTTP 409" in done[0].message
    assert "The server does not show it" in done[0].message
    assert foreign.call("GET", "/Users")["totalResults"] == 1


def test_more_people_than_fit_on_a_page(play: Player, foreign: Foreign) -> None:
    upns = [f"person{number:03d}@contoso.com" for number in range(230)]
    for upn in upns:
        foreign.call("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": upn, "active": True})
    foreign.calls.clear()
    done = play(
        task("w365_user_info", title="everybody"),
        *twice(
            task("w365_group", title="one big group", name="Everybody", members={"set": upns}),
            task("w365_group", title="nearly nobody", name="Everybody", members={"set": upns[-2:]}),
        ),
        task("w365_group_info", title="look", name="Everybody"),
        defaults=foreign.defaults(),
    )
    expect(done, False, True, False, True, False, False)
    assert [user["upn"] for user in done[0].result["users"]] == upns
    assert len(done[1].result["group"]["members"]) == 230
    assert done[5].result["groups"][0]["members"] == upns[-2:]
    assert foreign.members("Everybody") == set(upns[-2:])
    # Nobody is looked for one by one.
    assert sum(path.endswith("/Users") and method == "GET" for method, path, _status in foreign.calls) < 60


def test_a_wrong_token(play: Player, foreign: Foreign) -> None:
    done = play(task("w365_user_info", scim_token="not-the-token"), defaults=foreign.defaults())
    assert done[0].status == "failed"
    assert "refused the token (HTTP 401, GET /Users" in done[0].message
    assert "not-the-token" not in done.output
