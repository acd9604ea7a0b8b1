# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one session, against real sockets that misbehave in every way that we know of. Nothing really waits."""

from __future__ import annotations

import email.utils
import html.entities
import http.server
import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import hypothesis.strategies as st
import pytest
import requests
import trustme
from hypothesis import example, given, settings

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    CertificateError,
    InputError,
    LostAnswerError,
    NoAnswerError,
    RateLimitError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.raw_request import (
    is_secret_name,
    masked_arguments,
    masked_secrets,
    secret_values,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.error_text import (
    MESSAGE_LIMIT,
    server_message,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    BACKOFF_CAP,
    DEPTH,
    RETRY_AFTER_CAP,
    TRIES,
    Answer,
    Http,
    HttpSettings,
    checked_root,
    http_date,
    retry_after,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import (
    MASK,
    SHORTEST_SECRET,
    Redactor,
)

KEY = "a-key-that-nobody-may-see"
READS = ("GET",)
WRITES = ("PUT", "DELETE", "PATCH", "POST")

Behaviour = Callable[[http.server.BaseHTTPRequestHandler], None]


# ---- a server that does as it is told


def answers(status: int = 200, body: str = '{"ok": true}', **headers: str) -> Behaviour:
    def behave(handler: http.server.BaseHTTPRequestHandler) -> None:
        content = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", headers.pop("content_type", "application/json"))
        handler.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def drops(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Read the request, and go without a word."""
    handler.close_connection = True


def resets(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def truncates(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"half": ')
    handler.close_connection = True


def breaks_a_chunk(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"5\r\nabc")
    handler.close_connection = True


def never_answers(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Hold the connection until the client has gone."""
    handler.connection.settimeout(5)
    handler.rfile.read(1)
    handler.close_connection = True


def stops_in_the_body(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")
    never_answers(handler)


class Server:
    """Behaves as scripted, one behaviour per request; the last one stays. Remembers what came."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        server = self
        self.script: list[Behaviour] = [answers()]
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        self.times: list[float] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: Any) -> None:
                pass

            def behave(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                server.requests.append((self.command, self.path, headers, body))
                behaviour = server.script.pop(0) if len(server.script) > 1 else server.script[0]
                behaviour(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = behave  # noqa: N815 - named by http.server

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that refuses our certificate is part of the test."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        self.url = f"{'http' if context is None else 'https'}://localhost:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def methods(self) -> list[str]:
        return [request[0] for request in self.requests]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    found = Server(context)
    yield found
    found.stop()


def pem(authority: trustme.CA, path: Path) -> str:
    path.write_bytes(authority.cert_pem.bytes())
    return str(path)


class Waits:
    """Stands where time.sleep would: remembers, returns at once, and has a clock on which the time has passed."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.now = 0.0

    def __call__(self, seconds: float) -> None:
        assert seconds >= 0
        self.seconds.append(seconds)
        self.now += seconds
        assert len(self.seconds) < 5000, "this would go on for ever"

    def clock(self) -> float:
        return self.now


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def connect(waits: Waits) -> Iterator[Callable[..., Http]]:
    made: list[Http] = []

    def make(**settings: Any) -> Http:
        made.append(Http(HttpSettings(**{"timeout": 5.0, **settings}), Redactor([KEY]), sleep=waits, clock=waits.clock))
        return made[-1]

    yield make
    for http_ in made:
        http_.close()


def ask(http_: Http, url: str, method: str = "GET", **more: Any) -> Answer:
    return http_.request(method, url, repeatable=more.pop("repeatable", method in ("GET", "PUT", "DELETE")), **more)


def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


# ---- the plain case


def test_a_request_carries_what_it_was_given(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    server.script = [answers(201, '{"id": 7}', X_Trace="abc")]
    answer = ask(
        connect(), f"{server.url}/a/b?c=d", "POST", headers={"X-Key": KEY}, query={"e": "f g"}, body={"n": "Zoë"},
        has_body=True,
    )  # fmt: skip
    assert (answer.status, answer.json(), answer.headers["x-trace"], answer.ok, answer.repeated) == (
        201,
        {"id": 7},
        "abc",
        True,
        False,
    )
    method, path, headers, body = server.requests[0]
    assert (method, path, headers["x-key"], json.loads(body)) == ("POST", "/a/b?c=d&e=f+g", KEY, {"n": "Zoë"})
    assert headers["user-agent"].startswith("workspace365.provisioning")
    assert waits.seconds == []


def test_a_body_is_sent_only_where_there_is_one(server: Server, connect: Callable[..., Http]) -> None:
    ask(connect(), server.url, "PUT", body="ignored")
    ask(connect(), server.url, "PUT", body=None, has_body=True)
    ask(connect(), server.url, "PUT", body=0, has_body=True)
    assert [request[3] for request in server.requests] == ["", "null", "0"]


@pytest.mark.parametrize(("body", "expected"), [("", None), ("  \n", None), ("7", 7), ('"contoso"', "contoso")])
def test_an_answer_may_be_a_bare_scalar_or_nothing(
    server: Server, connect: Callable[..., Http], body: str, expected: Any
) -> None:
    server.script = [answers(200, body)]
    assert ask(connect(), server.url).json() == expected


def test_netrc_never_replaces_our_keys(
    server: Server, connect: Callable[..., Http], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login somebody password something\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    ask(connect(), server.url, headers={"Authorization": "Bearer ours"})
    assert server.requests[0][2]["authorization"] == "Bearer ours"


# ---- answers that never come


LOST = {"drops": drops, "resets": resets, "truncates": truncates, "breaks a chunk": breaks_a_chunk}


@pytest.mark.parametrize("way", LOST)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_write_that_may_have_been_done_is_never_repeated(
    server: Server, connect: Callable[..., Http], waits: Waits, method: str, way: str
) -> None:
    server.script = [LOST[way], answers()]
    with pytest.raises(LostAnswerError, match=f"{method} http://localhost:"):
        ask(connect(), f"{server.url}/x", method)
    assert server.methods == [method]
    assert waits.seconds == []


@pytest.mark.parametrize("way", LOST)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_can_be_repeated_is(
    server: Server, connect: Callable[..., Http], waits: Waits, method: str, way: str
) -> None:
    server.script = [LOST[way], LOST[way], answers(204, "")]
    answer = ask(connect(), server.url, method)
    assert (answer.status, answer.repeated) == (204, True)
    assert server.methods == [method] * 3
    assert len(waits.seconds) == 2


@pytest.mark.parametrize("way", LOST)
def test_there_is_an_end_to_it(server: Server, connect: Callable[..., Http], waits: Waits, way: str) -> None:
    server.script = [LOST[way]]
    with pytest.raises(NoAnswerError, match=f"tried {TRIES} times") as failure:
        ask(connect(), server.url)
    assert not isinstance(failure.value, LostAnswerError)
    assert len(server.methods) == TRIES
    assert len(waits.seconds) == TRIES - 1
    for number, seconds in enumerate(waits.seconds):
        assert 0.25 * 2**number <= seconds <= 0.5 * 2**number


@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_a_refused_connection_is_tried_again_whatever_the_method(
    connect: Callable[..., Http], waits: Waits, method: str
) -> None:
    """The server cannot have seen the request."""
    port = unused_port()
    with pytest.raises(NoAnswerError, match=f"no connection to localhost:{port}: .*refused") as failure:
        ask(connect(), f"http://localhost:{port}", method)
    assert not isinstance(failure.value, LostAnswerError)
    assert len(waits.seconds) == TRIES - 1


def test_a_server_that_comes_up_meanwhile_is_found(connect: Callable[..., Http]) -> None:
    port = unused_port()
    started: list[Server] = []

    class Late(Server):
        pass

    def start(_seconds: float) -> None:
        if not started:
            late = Late.__new__(Late)
            original = http.server.ThreadingHTTPServer.server_bind
            try:
                http.server.ThreadingHTTPServer.server_bind = lambda self: (  # type: ignore[method-assign]
                    setattr(self, "server_address", ("127.0.0.1", port)),  # type: ignore[func-returns-value]
                    original(self),
                )[1]
                Server.__init__(late)
            finally:
                http.server.ThreadingHTTPServer.server_bind = original  # type: ignore[method-assign]
            started.append(late)

    http_ = connect()
    http_._sleep = start
    answer = ask(http_, f"http://localhost:{port}", "POST")
    assert (answer.status, answer.repeated) == (200, False)
    assert started[0].methods == ["POST"]
    started[0].stop()


@pytest.mark.parametrize("behaviour", [never_answers, stops_in_the_body])
def test_a_silent_server_runs_into_the_time_out(
    server: Server, connect: Callable[..., Http], behaviour: Behaviour
) -> None:
    server.script = [behaviour]
    # Enough for a busy machine to connect.
    http_ = connect(timeout=0.2)
    with pytest.raises(LostAnswerError, match=r"0\.2 seconds \(option timeout\)|timed out"):
        ask(http_, server.url, "POST")
    assert server.methods == ["POST"]
    with pytest.raises(NoAnswerError, match=f"tried {TRIES} times"):
        ask(http_, server.url, "GET")
    # On a busy machine the last one may give up before the server has looked at it.
    assert server.methods[:TRIES] == ["POST"] + ["GET"] * (TRIES - 1)
    assert len(server.methods) <= TRIES + 1


# ---- statuses


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_s_error_leaves_a_write_open(server: Server, connect: Callable[..., Http], status: int) -> None:
    server.script = [answers(status, "<html>"), answers()]
    with pytest.raises(LostAnswerError, match=f"a gateway answered HTTP {status}"):
        ask(connect(), server.url, "POST")
    assert server.methods == ["POST"]


@pytest.mark.parametrize("status", [502, 504])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_gateway_s_error_is_tried_again_where_it_can_be(
    server: Server, connect: Callable[..., Http], status: int, method: str
) -> None:
    server.script = [answers(status, ""), answers(404, "")]
    answer = ask(connect(), server.url, method)
    assert (answer.status, answer.repeated) == (404, True)


@pytest.mark.parametrize("method", WRITES)
def test_a_write_answered_500_is_not_repeated(
    server: Server, connect: Callable[..., Http], waits: Waits, method: str
) -> None:
    """It can mean a wrong object, which does not get better."""
    server.script = [answers(500, "no"), answers()]
    answer = ask(connect(), server.url, method)
    assert (answer.status, answer.text) == (500, "no")
    assert waits.seconds == []


def test_a_read_answered_500_is_tried_again_and_given_back_in_the_end(
    server: Server, connect: Callable[..., Http]
) -> None:
    server.script = [answers(500, "x"), answers(200, "[]")]
    assert ask(connect(), server.url).json() == []
    server.script = [answers(500, "still broken")]
    assert ask(connect(), server.url).text == "still broken"
    assert len(server.methods) == 2 + TRIES


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 403, 404, 405, 409, 410])
def test_an_answer_is_an_answer(server: Server, connect: Callable[..., Http], waits: Waits, status: int) -> None:
    server.script = [answers(status, "" if status == 204 else "{}")]
    assert ask(connect(), server.url).status == status
    assert server.methods == ["GET"]
    assert waits.seconds == []


def test_json_that_breaks_off_is_read_again(server: Server, connect: Callable[..., Http]) -> None:
    server.script = [answers(200, '{"half": '), answers(200, '{"whole": 1}')]
    assert ask(connect(), server.url).json() == {"whole": 1}
    server.script = [answers(200, '{"half": ')]
    answer = ask(connect(), server.url, "PUT")
    assert len(server.methods) == 3, "a write's answer is not asked for again"
    with pytest.raises(ValueError, match="Expecting value"):
        answer.json()


def test_a_web_page_is_not_read_again(server: Server, connect: Callable[..., Http]) -> None:
    server.script = [answers(200, "<html></html>", content_type="text/html")]
    assert not ask(connect(), server.url).is_json
    assert len(server.methods) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_no_credential_follows_a_redirect(
    server: Server, connect: Callable[..., Http], status: int, method: str
) -> None:
    elsewhere = Server()
    server.script = [answers(status, "", Location=f"{elsewhere.url}/stolen")]
    answer = ask(connect(), server.url, method, headers={"Authorization": f"Bearer {KEY}", "ProvisioningKey": KEY})
    assert answer.status == status
    assert answer.headers["location"].endswith("/stolen")
    assert elsewhere.requests == []
    assert len(server.requests) == 1
    elsewhere.stop()


# ---- waiting for a server


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("method", [*READS, *WRITES])
def test_too_many_requests_are_waited_out_for_every_method(
    server: Server, connect: Callable[..., Http], waits: Waits, method: str, status: int
) -> None:
    server.script = [answers(status, "", Retry_After="3"), answers(status, "", Retry_After="4"), answers()]
    answer = ask(connect(), server.url, method)
    assert (answer.status, answer.repeated) == (200, False)
    assert waits.seconds == [3.0, 4.0]


@pytest.mark.parametrize("header", [None, "", "soon", "nan", "inf", "-5", "0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_without_a_usable_time_the_pauses_grow(
    server: Server, connect: Callable[..., Http], waits: Waits, header: str | None
) -> None:
    behaviour = answers(429, "", **({} if header is None else {"Retry_After": header}))
    server.script = [behaviour, behaviour, behaviour, answers()]
    assert ask(connect(), server.url).ok
    for number, seconds in enumerate(waits.seconds):
        assert 0.25 * 2**number <= seconds <= 0.5 * 2**number
    assert len(waits.seconds) == 3


def test_a_time_may_be_a_date(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    server.script = [answers(429, "", Retry_After=email.utils.formatdate(time.time() + 60, usegmt=True)), answers()]
    assert ask(connect(), server.url).ok
    assert 50 < waits.seconds[0] <= 60


def test_nobody_waits_longer_than_the_cap(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    server.script = [answers(429, "", Retry_After="86400"), answers()]
    assert ask(connect(), server.url).ok
    assert waits.seconds == [RETRY_AFTER_CAP]
    assert RETRY_AFTER_CAP == 120.0


def test_the_budget_is_for_the_whole_task(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    server.script = [answers(429, "", Retry_After="4"), answers(), answers(503, "", Retry_After="7"), answers()]
    http_ = connect(max_wait=10)
    assert ask(http_, server.url).ok
    with pytest.raises(RateLimitError) as failure:
        ask(http_, server.url, "POST")
    assert waits.seconds == [4.0]
    message = failure.value.message
    for part in (
        "HTTP 503",
        "asked to wait 7 seconds",
        "POST http://localhost",
        "4 of the 10 seconds",
        "rate_limit_timeout",
        "max_requests_per_second",
    ):
        assert part in message


def test_a_budget_may_be_spent_to_its_last_second(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    server.script = [answers(429, "", Retry_After="5"), answers(429, "", Retry_After="5"), answers()]
    assert ask(connect(max_wait=10), server.url).ok
    assert waits.seconds == [5.0, 5.0]


@pytest.mark.parametrize("header", ["1", "0", None])
def test_a_budget_of_nothing_never_waits(
    server: Server, connect: Callable[..., Http], waits: Waits, header: str | None
) -> None:
    server.script = [answers(429, "", **({} if header is None else {"Retry_After": header}))]
    with pytest.raises(RateLimitError):
        ask(connect(max_wait=0), server.url)
    assert waits.seconds == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_waiting_is_no_failed_try(server: Server, connect: Callable[..., Http], status: int) -> None:
    server.script = [*[answers(status, "", Retry_After="1")] * TRIES, drops, answers()]
    assert ask(connect(), server.url).ok
    assert len(server.requests) == TRIES + 2


def test_for_ever_is_long(connect: Callable[..., Http], waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    """More refusals than a float has powers of two."""

    class Raw:
        status_code, headers, text = 429, dict[str, str](), ""

    left = 1500

    def request(_method: str, _url: str, **_more: Any) -> Raw:
        nonlocal left
        left -= 1
        raw = Raw()
        raw.status_code = 429 if left else 200
        return raw

    http_ = connect(max_wait=-1)
    monkeypatch.setattr(http_._session, "request", request)
    assert ask(http_, "https://localhost").ok
    assert len(waits.seconds) == 1499
    assert max(waits.seconds) <= BACKOFF_CAP


def test_whoever_wants_to_know_is_told_about_waits(server: Server, waits: Waits) -> None:
    told: list[tuple[float, str]] = []
    http_ = Http(
        HttpSettings(), Redactor([KEY]), on_wait=lambda *wait: told.append(wait), sleep=waits, clock=waits.clock
    )
    server.script = [answers(429, "", Retry_After="9"), drops, answers()]
    assert ask(http_, f"{server.url}/{KEY}?token={KEY}").ok
    assert told[0] == (9.0, f"HTTP 429 from GET {server.url}/{MASK}")
    assert f"from GET {server.url}/{MASK}" in told[1][1]
    assert KEY not in repr(told)
    http_.close()


def test_requests_are_spaced(connect: Callable[..., Http], waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four per second: a request starts a quarter of a second after the last one."""
    http_ = connect(requests_per_second=4.0)
    monkeypatch.setattr(http_._session, "request", lambda *_a, **_k: None)
    for _number in range(4):
        http_.send("GET", "https://localhost")
    assert waits.seconds == [0.25, 0.25, 0.25]
    waits.now += 10
    http_.send("GET", "https://localhost")
    assert waits.seconds == [0.25, 0.25, 0.25], "whoever was slow does not wait"


def test_without_a_rate_nothing_is_spaced(connect: Callable[..., Http], waits: Waits, server: Server) -> None:
    http_ = connect()
    for _number in range(3):
        ask(http_, server.url)
    assert waits.seconds == []


# ---- TLS


def test_our_authority_wins_over_a_wrong_bundle_in_the_environment(
    tls_server: Server,
    authority: trustme.CA,
    connect: Callable[..., Http],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("not a certificate", encoding="utf-8")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(rubbish))
    assert ask(connect(verify=pem(authority, tmp_path / "ca.pem")), tls_server.url).ok
    with pytest.warns(match="Unverified HTTPS request"):
        assert ask(connect(verify=False), tls_server.url).ok


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_authority_is_told_and_nothing_is_sent(
    tls_server: Server, connect: Callable[..., Http], tmp_path: Path, waits: Waits, method: str
) -> None:
    other = pem(trustme.CA(), tmp_path / "other.pem")
    with pytest.raises(CertificateError) as failure:
        ask(connect(verify=other), tls_server.url, method, headers={"X": KEY})
    message = failure.value.message
    assert message.startswith("the certificate of localhost could not be verified: ")
    assert "certificate verify failed" in message
    assert "ca_path" in message
    assert "<" not in message
    assert tls_server.requests == []
    assert waits.seconds == [], "it does not get better by waiting"


def test_a_certificate_of_another_host_is_told(
    authority: trustme.CA, connect: Callable[..., Http], tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.contoso.com").configure_cert(context)
    found = Server(context)
    with pytest.raises(CertificateError, match=r"(?i)hostname mismatch|doesn't match"):
        ask(connect(verify=pem(authority, tmp_path / "ca.pem")), found.url)
    found.stop()


@pytest.mark.parametrize(("method", "tries"), [("GET", TRIES), ("POST", 1)])
def test_a_connection_that_ends_in_the_handshake_is_no_matter_of_certificates(
    connect: Callable[..., Http], method: str, tries: int
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[int] = []

    def hang_up() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            accepted.append(1)
            connection.recv(4096)
            connection.close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    with pytest.raises(NoAnswerError, match="no connection to localhost") as failure:
        ask(connect(), f"https://localhost:{listener.getsockname()[1]}", method)
    assert not isinstance(failure.value, CertificateError)
    assert len(accepted) == tries
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_an_https_drop_is_a_lost_answer(
    tls_server: Server, authority: trustme.CA, connect: Callable[..., Http], tmp_path: Path
) -> None:
    http_ = connect(verify=pem(authority, tmp_path / "ca.pem"))
    for behaviour in (drops, resets, truncates):
        tls_server.script = [behaviour, answers()]
        with pytest.raises(LostAnswerError):
            ask(http_, tls_server.url, "POST")
        tls_server.script = [behaviour, answers()]
        assert ask(http_, tls_server.url, "GET").repeated


def test_a_client_certificate_is_shown(authority: trustme.CA, connect: Callable[..., Http], tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    found = Server(context)
    own = authority.issue_cert("client@contoso.com")
    own.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    own.private_key_pem.write_to_path(tmp_path / "key.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ca = pem(authority, tmp_path / "ca.pem")
    assert ask(connect(verify=ca, cert=str(tmp_path / "both.pem")), found.url).ok
    assert ask(connect(verify=ca, cert=(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))), found.url).ok
    with pytest.raises(NoAnswerError):
        ask(connect(verify=ca), found.url)
    assert len(found.requests) == 2
    found.stop()


@pytest.mark.parametrize("timeout", [3.0, 60.0])
def test_every_request_carries_its_settings(
    connect: Callable[..., Http], monkeypatch: pytest.MonkeyPatch, timeout: float
) -> None:
    """A session's own settings would lose against environment variables."""
    seen: list[dict[str, Any]] = []
    http_ = connect(verify="/ca.pem", cert=("/a", "/b"), timeout=timeout)
    monkeypatch.setattr(http_._session, "request", lambda _method, _url, **options: seen.append(options))
    http_.send("GET", "https://localhost")
    http_.send("POST", "https://localhost", verify=False, cert=None)
    for options in seen:
        assert options["verify"] == "/ca.pem"
        assert options["cert"] == ("/a", "/b")
        assert options["timeout"] == (min(10.0, timeout), timeout)
        assert options["allow_redirects"] is False


# ---- addresses


@pytest.mark.parametrize("url", ["https://", "contoso.com/x", "ftp://contoso.com"])
def test_what_is_no_url_is_told(connect: Callable[..., Http], url: str) -> None:
    http_ = connect()
    with pytest.raises((InputError, NoAnswerError)) as failure:
        ask(http_, url)
    assert failure.value.message.strip()
    assert "Traceback" not in failure.value.message


def test_a_header_that_http_cannot_hold_is_told(server: Server, connect: Callable[..., Http], waits: Waits) -> None:
    with pytest.raises(InputError, match="header") as failure:
        ask(connect(), server.url, "POST", headers={"X": f"{KEY}\r\nY: z"})
    assert KEY not in failure.value.message
    assert (waits.seconds, server.requests) == ([], [])


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://w365.contoso.com", "https://w365.contoso.com"),
        (" https://w365.contoso.com/ ", "https://w365.contoso.com"),
        ("https://w365.contoso.com:8443/a//", "https://w365.contoso.com:8443/a"),
        ("HTTPS://w365.contoso.com", "HTTPS://w365.contoso.com"),
    ],
)
def test_a_root_loses_its_last_slash(url: str, root: str) -> None:
    assert checked_root(url, "instance_url") == root


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://w365.contoso.com", "the key would be sent unencrypted"),
        ("HTTP://w365.contoso.com", "the key would be sent unencrypted"),
        ("w365.contoso.com", "not a URL"),
        ("", "not a URL"),
        ("https://", "not a URL"),
        ("ftp://w365.contoso.com", "not a URL"),
        ("https://[w365.contoso.com", "not a URL"),
        ("https://w365.contoso.com:port", "not a URL.*'port'"),
        ("https://w365.contoso.com:443443", "not a URL.*out of range"),
        ("https://somebody:pass@w365.contoso.com", "user name or password"),
    ],
)
def test_a_root_must_be_https(url: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as failure:
        checked_root(url, "scim_url")
    assert "scim_url" in failure.value.message


# ---- what servers say


def answered(body: Any, status: int = 400) -> Answer:
    return Answer(status, {}, body if isinstance(body, str) else json.dumps(body))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([{"MemberNames": ["EmailAddress"], "ErrorMessage": "is taken"}], "EmailAddress: is taken"),
        ([{"memberNames": ["a", "b"], "errorMessage": "no"}, {"errorMessage": "and no"}], "a, b: no; and no"),
        (["first", "second"], "first; second"),
        ({"ErrorMessage": "no", "MemberNames": []}, "no"),
        ({"Message": "An error has occurred."}, "An error has occurred."),
        ({"error": {"code": "Request_BadRequest", "message": "no"}}, "Request_BadRequest: no"),
        ({"schemas": ["x"], "scimType": "uniqueness", "detail": "exists", "status": "409"}, "uniqueness: exists"),
        ({"error": "invalid_client", "error_description": "AADSTS1: no"}, "AADSTS1: no"),
        ({"error": "invalid_client"}, "error: invalid_client"),
        ({"title": "Bad", "errors": {"Name": ["is short", "is odd"]}}, "title: Bad; errors: Name: is short; is odd"),
        ({"odd": {}}, "odd: {}"),
        ({"message": {"lang": "en", "value": "no"}}, "message: lang: en; value: no"),
        ([[["deep"]]], "deep"),
        ('"just a text"', "just a text"),
        ("7", "7"),
        ("true", "True"),
        ("no JSON  at\n all", "no JSON at all"),
        ("", "the server gave no reason"),
        ("null", "the server gave no reason"),
        ("[]", "the server gave no reason"),
        (
            '{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "", "status": 501}',
            "the server gave no reason",
        ),
        ({"schemas": ["x"], "detail": None, "scimType": "uniqueness", "status": "409"}, "uniqueness"),
        ({"detail": "", "errors": {"Name": ["is odd"]}}, "errors: Name: is odd"),
        ({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "403"}, "the server gave no reason"),
        ({"schemas": ["x"], "detail": "  ", "status": "403"}, "the server gave no reason"),
        ({"Schemas": ["x"], "Detail": "", "ScimType": "tooMany"}, "tooMany"),
        ({"error": {"code": "Forbidden", "message": "", "innerError": {"date": "today"}}}, "Forbidden"),
        ({"error": {"code": "", "message": " "}}, "the server gave no reason"),
        ({"error": "invalid_grant", "error_description": ""}, "invalid_grant"),
        ({"type": "about:blank", "title": "Unauthorized", "status": 401, "detail": ""}, "Unauthorized"),
        ({"schemas": ["x"], "detail": ["first", "second"]}, "detail: first; second"),
        ([{"ErrorMessage": "", "MemberNames": ["EmailAddress"]}], "EmailAddress"),
        ("<p>&#" + "9" * 5000 + ";</p>", "&#" + "9" * (MESSAGE_LIMIT - 2) + " ..."),
        ("<script>a</script>b<SCRIPT>c</Script >d<style>e", "b d e"),
        ("1 < 2", "1 < 2"),
        ("{}", "the server gave no reason"),
        (
            "<!DOCTYPE html><html><head><title>t</title><style>b{}</style></head><body><h1>Server&nbsp;Error</h1>"
            "<script>alert(1)</script><p>403 &amp; more</p></body></html>",
            "an HTML page: Server Error 403 & more",
        ),
        ("<html><body></body></html>", "an empty HTML page"),
        ("<p>no page</p>", "no page"),
    ],
)
def test_what_a_server_says_becomes_one_line(body: Any, sentence: str) -> None:
    assert server_message(answered(body), Redactor()) == sentence


def test_a_long_story_is_cut() -> None:
    told = server_message(answered("x" * 5000), Redactor())
    assert told == "x" * MESSAGE_LIMIT + " ..."
    assert server_message(answered("x" * MESSAGE_LIMIT), Redactor()) == "x" * MESSAGE_LIMIT


@pytest.mark.parametrize("body", [f"your key {KEY} is wrong", {"message": KEY}, [f"<{KEY}>"], {KEY: KEY}])
def test_a_server_that_repeats_the_key_is_not_repeated(body: Any) -> None:
    told = server_message(answered(body), Redactor([KEY]))
    assert KEY not in told
    assert MASK in told


def test_a_key_is_not_half_shown_where_the_story_is_cut() -> None:
    told = server_message(answered("x" * (MESSAGE_LIMIT - 5) + KEY), Redactor([KEY]))
    assert KEY[:4] not in told


names = st.sampled_from(("message", "error", "detail", "MemberNames", "ErrorMessage", "code", "x"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


@given(json_values)
@settings(max_examples=60)
def test_no_shape_of_answer_is_too_odd(value: Any) -> None:
    told = server_message(answered(value), Redactor())
    assert told
    assert len(told) <= MESSAGE_LIMIT + 4


# ---- secrets


def test_a_redactor_knows_every_form() -> None:
    redactor = Redactor([' quo"ted\\key ', "short-key", "a-short-key-inside"])
    assert redactor.text(json.dumps(' quo"ted\\key ')) == f'"{MASK}"'
    assert redactor.text('it is quo"ted\\key!') == f"it is {MASK}!"
    assert redactor.text("a-short-key-inside") == MASK, "the longer one first"
    assert redactor.data({"short-key": ["short-key", 7, None, ("x", "short-key")]}) == {
        MASK: [MASK, 7, None, ["x", MASK]]
    }


WAYS_OF_WRITING: dict[str, Callable[[str], str]] = {
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    # What .NET does by default: whatever means something to a page is written as a number.
    "cautious JSON": lambda text: re.sub(
        r"\\\"|[<>&'+\x7f-\xff]", lambda sign: f"\\u{ord(sign[0][-1]):04X}", json.dumps(text)[1:-1]
    ),
    "a page": html.escape,
    "a page with names": lambda text: "".join(
        f"&{html.entities.codepoint2name[ord(sign)]};" if ord(sign) in html.entities.codepoint2name else sign
        for sign in text
    ),
    "a page with numbers": lambda text: re.sub(r"[<>&\"']|[^\x00-\x7f]", lambda sign: f"&#{ord(sign[0])};", text),
    "a URL": quote,
    "a URL's part": lambda text: quote(text, safe=""),
    "a form": quote_plus,
    "Python": lambda text: repr(text)[1:-1],
    "Python, bytes": lambda text: repr(text.encode())[2:-1],
}


@given(
    st.text(min_size=SHORTEST_SECRET).map(str.strip).filter(lambda text: len(text) >= SHORTEST_SECRET),
    st.lists(st.sampled_from(sorted(WAYS_OF_WRITING)), max_size=3),
)
@example(secret="p\"<&>'\u20ac\\ %+t", ways=["JSON", "a page", "a page"])
@settings(max_examples=400)
def test_a_secret_is_known_however_it_is_written(secret: str, ways: list[str]) -> None:
    written = secret
    for way in ways:
        written = WAYS_OF_WRITING[way](written)
    assert Redactor([secret]).text(written) == MASK


def test_a_text_made_to_take_long_does_not() -> None:
    """Nobody's answer may hold a task up: these would take years if the expression could be matched in many ways."""
    for piece in ("\\", "\\\\u005c", "&amp;", "%25", "&#92;", "\\u0026amp;"):
        text = "head" + piece * 2000 + "x"
        assert Redactor(['head\\"& \\tail']).text(text + "tail") == text + "tail"


def test_what_is_too_short_is_no_secret() -> None:
    redactor = Redactor(["abc", ""])
    redactor.add(None)
    assert redactor.text("abc ''") == "abc ''"
    redactor.add("abcd")
    assert redactor.text("abcd abc") == f"{MASK} abc"


@given(st.lists(st.text(min_size=4), max_size=4), json_values)
@settings(max_examples=40)
def test_redacted_data_keeps_its_shape(secrets: list[str], value: Any) -> None:
    redactor = Redactor(secrets)
    shown = redactor.data(value)
    assert type(shown) is type(value)
    if isinstance(value, list):
        assert len(shown) == len(value)


@given(st.text(min_size=4).filter(lambda text: text.strip("*")), st.text(), st.text())
def test_a_secret_in_any_text_is_gone(secret: str, before: str, after: str) -> None:
    shown = Redactor([secret]).text(before + secret + after)
    assert secret not in shown.replace(MASK, "\0")


def test_secret_fields_are_masked_wherever_they_stand() -> None:
    shown = masked_secrets(
        {
            "Password": "p",
            "secretText": "s",
            "KEY": "k",
            "items": [{"access_token": "t", "Authority": "a", "deep": {"ProvisioningKey": "g"}}],
            "key ": "k",
            "token": "",
            "apiKey": None,
            "secret": {"text": "s", "expiresAt": "kept", "type": "kept"},
            "passwordNeverExpires": True,
            "keyId": "kept",
        }
    )
    assert shown == {
        "Password": MASK,
        "secretText": MASK,
        "KEY": MASK,
        "items": [{"access_token": MASK, "Authority": "a", "deep": {"ProvisioningKey": MASK}}],
        "key ": MASK,
        "token": "",
        "apiKey": None,
        "secret": {"text": MASK, "expiresAt": MASK, "type": "kept"},
        "passwordNeverExpires": True,
        "keyId": "kept",
    }
    assert masked_secrets("text") == "text"


@pytest.mark.parametrize(
    "name",
    [
        "NewPassword", "newPassword", "new_password", "NEW-PASSWORD", "pwd", "Pwd", "dbPwd", "user_pass", "passwd",
        "ScimToken", "scimtoken", "access_token", "client_secret", "clientSecret", "ClientSecretValue", "api-key",
        "X-Api-Key", "APIKey", "apikey", "Ocp-Apim-Subscription-Key", "ProvisioningKey", "private_key", "Cookie", "Set-Cookie",
        "X-Auth", "Proxy-Authorization", "passphrase", "client_assertion", "sig", "SharedAccessSignature", "Wachtwoord",
        "credential", "PIN", "otp",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "displayName", "keyId", "keyword", "Keyboard", "monkey", "tokenType", "passwordPolicies", "passwordProfile",
        "secretName", "key_id", "PublicKey", "nextPageToken", "continuationToken", "compass", "author", "authority", "design",
        "passport", "pinned", "signal", "assertionType", "Accept-Language", "UserLicenses",
    ],
)  # fmt: skip
def test_names_that_only_look_like_it(name: str) -> None:
    assert not is_secret_name(name)


PLANTED = "pl4nted secret"
SPELLED: dict[str, dict[str, Any]] = {
    "a field": {"body": {"NewPassword": PLANTED}},
    "deep": {"body": {"users": [{"name": "Lee", "logins": [{"pwd": PLANTED}]}]}},
    "a number": {"body": {"pin": 482915}},
    "below a secret": {"body": {"password": {"new": [PLANTED]}}},
    "an operation of SCIM": {"body": {"Operations": [{"op": "replace", "path": "password", "value": PLANTED}]}},
    "a pair": {"body": [{"name": "ScimToken", "value": PLANTED}]},
    "JSON in a text": {"body": json.dumps({"client_secret": PLANTED})},
    "a form": {"body": "grant_type=password&username=lee&password=pl4nted+secret&scope=x"},
    "lines": {"body": "user: lee\napi-key: 'pl4nted secret'\n"},
    "XML": {"body": "<u:User><u:Name>Lee</u:Name><u:Password>pl4nted secret</u:Password></u:User>"},
    "the path": {"path": "/contoso/User/7/Password/", "body": PLANTED},
    "query": {"query": {"access_token": PLANTED}},
    "headers": {"headers": {"X-Api-Key": PLANTED}},
    "cookie": {"headers": {"Cookie": PLANTED}},
}


@pytest.mark.parametrize("how", SPELLED)
def test_what_a_request_sends_is_masked_by_name(how: str) -> None:
    """In the log of the machine, where Ansible writes the arguments of every module, and in results."""
    params: dict[str, Any] = {"path": "/User/", "query": None, "headers": None, "body": None, **SPELLED[how]}
    before = json.dumps(params)
    shown = json.dumps(masked_arguments(params))
    secret = "482915" if how == "a number" else "pl4nted"
    assert secret in before
    assert secret not in shown
    assert MASK in shown
    assert json.dumps(params) == before, "the request itself stays"
    wanted = "482915" if how == "a number" else PLANTED
    assert wanted in secret_values(params)


def test_what_is_no_secret_is_sent_and_shown() -> None:
    params: dict[str, Any] = {
        "path": "/contoso/UserLicenses/Count/",
        "query": {"$filter": 'userName eq "adele.vance@contoso.com"', "$select": "verifiedDomains"},
        "headers": {"Accept-Language": "en", "X-Token-Type": "none"},
        "body": {
            "forceChangePasswordNextSignIn": "true",
            "tokens": [],
            "note": "Password is sent by letter",
            "time": "a: b",
        },
    }
    assert masked_arguments(params) == params
    assert secret_values(params) == []
    assert masked_arguments({"body": 25, "path": "/x/Count/"}) == {"body": 25, "path": "/x/Count/"}


def test_texts_are_read_in_one_pass() -> None:
    before = time.monotonic()
    for text in (
        "password=" * 50_000,
        "<a" * 100_000,
        "a:" * 100_000,
        "=" * 200_000,
        "[" * 100_000,
        'key="' + "x" * 500_000,
    ):
        masked_secrets(text)
    assert time.monotonic() - before < 10


def test_errors_never_show_a_key_that_stands_in_the_path(connect: Callable[..., Http]) -> None:
    with pytest.raises(NoAnswerError) as failure:
        ask(connect(), f"http://localhost:{unused_port()}/{KEY}/x?y={KEY}")
    assert KEY not in failure.value.message
    assert MASK in failure.value.message


def test_proxies_and_bundles_of_the_environment_are_those_that_requests_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a second request and a second host, since what was found is remembered by host."""
    for name, value in {
        "https_proxy": "http://proxy.contoso.com:3128",
        "http_proxy": "http://other.contoso.com:3128",
        "no_proxy": "intern.contoso.com",
        "REQUESTS_CA_BUNDLE": "/etc/contoso.pem",
    }.items():
        monkeypatch.setenv(name, value)
    ours = Http(HttpSettings(), Redactor())._session
    plain = requests.Session()
    for url in (
        "https://a.contoso.com/1",
        "https://a.contoso.com/2",
        "https://intern.contoso.com/1",
        "http://a.contoso.com",
    ):
        wanted = plain.merge_environment_settings(url, {}, None, True, None)
        assert ours.merge_environment_settings(url, {}, None, True, None) == wanted
        assert bool(wanted["proxies"]) is ("intern" not in url)
    ours.close()
    plain.close()


# ---- how deep an answer may be


@pytest.mark.parametrize(("begin", "end", "deep"), [("[", "]", 1), ('{"a":', "}", 1), ('[{"a":', "}]", 2)])
def test_how_deep_an_answer_may_be(begin: str, end: str, deep: int) -> None:
    """Brackets in a text, and lists beside each other, are not deep."""
    levels = DEPTH // deep
    text, beside = f'"{"[{" * DEPTH}"', ",".join(["[]"] * DEPTH)
    assert answered(f"{begin * levels}{text}{end * levels}").json()
    assert answered(f"[{text},{beside}]").json()
    with pytest.raises(ValueError, match=f"nested deeper than {DEPTH} levels"):
        answered(f"{begin * levels}[{text}]{end * levels}").json()
    with pytest.raises(ValueError, match=f"nested deeper than {DEPTH} levels"):
        answered(f"{begin * levels}[]{end * levels}").json()


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2026 00:00:99999999999 GMT", "soon"]
)
def test_a_date_that_no_clock_can_show_is_no_time_to_wait(date: str) -> None:
    assert retry_after(date) is None
    assert http_date(date) is None
