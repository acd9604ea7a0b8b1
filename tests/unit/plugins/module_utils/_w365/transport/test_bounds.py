# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of one answer, on real sockets: its size after decoding, its content coding, its time, also for MSAL."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    LostAnswerError,
    NoAnswerError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.bounds import (
    ERROR_SIZE,
    MEGABYTE,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.error_text import server_message
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import Http, HttpSettings
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.msal_http import MsalHttpClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor

Speaks = Callable[[socket.socket], None]
PLENTY = 20.0
"""Seconds in which every test here ends, although the servers would go on."""


def head(status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(content: bytes, status: str = "200 OK", **headers: str) -> bytes:
    return head(status, Content_Type="application/json", Content_Length=str(len(content)), **headers) + content


def says(content: bytes) -> Speaks:
    return lambda connection: connection.sendall(content)


def drips(start: bytes, drop: bytes = b" ") -> Speaks:
    """One more piece every few hundredths of a second, for ever."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            time.sleep(0.03)
            connection.sendall(drop)

    return speak


def floods(start: bytes, piece: bytes) -> Speaks:
    """As much as the client takes."""

    def speak(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return speak


class RawServer:
    """Reads a request and then speaks on the socket itself, so that no library repairs what it says."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.speaks: list[Speaks] = []
        self.requests: list[bytes] = []
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if context else 'http'}://localhost:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        try:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                while request := connection.recv(65_536):
                    self.requests.append(request)
                    speak = self.speaks.pop(0) if len(self.speaks) > 1 else self.speaks[0]
                    speak(connection)
        except OSError:
            pass

    def stop(self) -> None:
        self._socket.close()


@pytest.fixture
def server() -> Iterator[RawServer]:
    found = RawServer()
    yield found
    found.stop()


@pytest.fixture
def connect() -> Iterator[Callable[..., Http]]:
    made: list[Http] = []

    def make(**settings: Any) -> Http:
        given = {"timeout": 10.0, "max_answer_size": MEGABYTE, **settings}
        made.append(Http(HttpSettings(**given), Redactor(), sleep=lambda _seconds: None))
        return made[-1]

    yield make
    for http in made:
        http.close()


def ask(http: Http, server: RawServer, method: str = "GET") -> Any:
    return http.request(method, f"{server.url}/x", repeatable=method == "GET")


# Content codings


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip", gzip.compress(b'{"a": 1}')),
        ("x-gzip", gzip.compress(b'{"a": 1}')),
        ("GZIP", gzip.compress(b'{"a": 1}')),
        ("deflate", zlib.compress(b'{"a": 1}')),
        ("identity", b'{"a": 1}'),
        ("", b'{"a": 1}'),
        ("gzip", gzip.compress(b'{"a":') + gzip.compress(b" 1}")),
        ("gzip", gzip.compress(b'{"a": 1}') + bytes(100)),
    ],
    ids=["gzip", "x-gzip", "capitals", "deflate", "identity", "none", "two members", "filled up"],
)
def test_one_content_coding_is_decoded(
    server: RawServer, connect: Callable[..., Http], coding: str, content: bytes
) -> None:
    server.speaks = [says(answer(content, Content_Encoding=coding) if coding else answer(content))]
    http = connect()
    assert ask(http, server).json() == {"a": 1}
    assert ask(http, server).json() == {"a": 1}, "the connection is used again"
    assert b"Accept-Encoding: gzip\r\n" in server.requests[0]


@pytest.mark.parametrize(
    ("coding", "content"),
    [
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}"))),
        ("deflate, gzip", gzip.compress(zlib.compress(b"{}"))),
        ("br", b"\x0b\x01\x80{}\x03"),
        ("zstd", b"(\xb5/\xfd \x02\x11\x00\x00{}"),
        ("compress", b"{}"),
        ("gzip\r\nContent-Encoding: gzip", gzip.compress(gzip.compress(b"{}"))),
    ],
    ids=["gzip twice", "two", "br", "zstd", "compress", "two headers"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_content_coding_is_refused(
    server: RawServer, connect: Callable[..., Http], coding: str, content: bytes, method: str
) -> None:
    server.speaks = [says(answer(content, Content_Encoding=coding))]
    kind = NoAnswerError if method == "GET" else LostAnswerError
    with pytest.raises(
        kind, match=f"the answer has the content coding .*only gzip was asked for.*{method} http://localhost"
    ) as failure:
        ask(connect(), server, method)
    assert type(failure.value) is kind
    assert len(server.requests) == 1, "it is not asked again"


@pytest.mark.parametrize(
    "content", [gzip.compress(b'{"a": 1}' * 99)[:-20], b"not gzip", raw_deflate(b"{}")], ids=["cut", "other", "bare"]
)
def test_a_broken_coding_is_read_again(server: RawServer, connect: Callable[..., Http], content: bytes) -> None:
    server.speaks = [says(answer(content, Content_Encoding="gzip")), says(answer(b'{"a": 1}'))]
    assert ask(connect(), server).json() == {"a": 1}
    assert len(server.requests) == 2


def test_a_character_set_of_another_purpose_is_not_used(server: RawServer, connect: Callable[..., Http]) -> None:
    """Python's punycode takes time without end, and unicode_escape makes other texts."""
    for name in ("punycode", "idna", "unicode_escape", "utf-7", "zlib", "nothing", ""):
        content = b'{"a": "\xc3\xab"}'
        server.speaks = [
            says(head(Content_Type=f"application/json; charset={name}", Content_Length=str(len(content))) + content)
        ]
        assert ask(connect(), server).json() == {"a": "ë"}, name


# Size


def bomb(size: int) -> bytes:
    """So many blanks, packed."""
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    piece = b" " * MEGABYTE
    return b"".join([*(packer.compress(piece) for _number in range(size // MEGABYTE)), packer.flush()])


@pytest.mark.parametrize(
    "speak",
    [
        says(answer(bomb(200 * MEGABYTE), Content_Encoding="gzip")),
        says(answer(bomb(MEGABYTE) + bomb(MEGABYTE), Content_Encoding="gzip")),
        floods(head(Content_Length=str(10**12)), b" " * 65_536),
        floods(head(Transfer_Encoding="chunked"), b"10000\r\n" + b" " * 65_536 + b"\r\n"),
        floods(head(Connection="close"), b" " * 65_536),
    ],
    ids=["bomb", "two members", "endless", "chunks", "until the end"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_is_too_large_is_refused(
    server: RawServer, connect: Callable[..., Http], speak: Speaks, method: str
) -> None:
    server.speaks = [speak]
    http = connect()
    tracemalloc.start()
    try:
        kind = NoAnswerError if method == "GET" else LostAnswerError
        with pytest.raises(kind, match=r"the answer is larger than 1 MB") as failure:
            ask(http, server, method)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(failure.value) is kind
    assert "max_answer_size" in failure.value.message
    assert most < 20 * MEGABYTE
    assert len(server.requests) == 1, "it is not asked again"


@pytest.mark.parametrize("size", [0, 1, MEGABYTE - 1, MEGABYTE])
@pytest.mark.parametrize("packed", [True, False])
def test_the_limit_itself_is_allowed(server: RawServer, connect: Callable[..., Http], size: int, packed: bool) -> None:
    content = b"x" * size
    server.speaks = [
        says(answer(gzip.compress(content), Content_Encoding="gzip") if packed else answer(content)),
    ]
    assert len(ask(connect(), server, "POST").text) == size


@pytest.mark.parametrize(
    "speak",
    [
        floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536),
        floods(head(Transfer_Encoding="chunked"), b"0" * 65_536),
        floods(head(Transfer_Encoding="chunked") + b"0\r\n", b"X: " + b"y" * 60_000 + b"\r\n"),
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
    ids=["a header", "the size of a chunk", "trailers", "continue"],
)
def test_what_surrounds_the_body_has_an_end_too(server: RawServer, connect: Callable[..., Http], speak: Speaks) -> None:
    server.speaks = [speak]
    with pytest.raises(NoAnswerError):
        ask(connect(answer_timeout=PLENTY), server)


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "302 Found", "401 Unauthorized"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (answer(bomb(50 * MEGABYTE), "{}", Content_Encoding="gzip"), "larger than 1 MB"),
        (answer(b" " * (ERROR_SIZE + 1), "{}"), "larger than 1 MB"),
        (answer(b"\x0b\x01\x80", "{}", Content_Encoding="br"), "content coding 'br'"),
    ],
    ids=["bomb", "large", "br"],
)
def test_an_error_keeps_its_status(
    server: RawServer, connect: Callable[..., Http], status: str, content: bytes, reason: str
) -> None:
    more = b"\r\nLocation: https://elsewhere.contoso.com/" if status.startswith("3") else b""
    server.speaks = [says(content.replace(b"{}", status.encode() + more, 1))]
    http = connect(max_answer_size=64 * MEGABYTE)
    found = ask(http, server)
    assert str(found.status) == status[:3]
    assert server_message(found, Redactor()).startswith("its text was not read, since it ")
    assert reason in server_message(found, Redactor())
    assert ask(http, server).status == found.status
    assert len(server.requests) == 2


# Time

DRIPS = {
    "status": drips(b"HTTP/1.1 ", b"2"),
    "header": drips(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "headers": drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "continue": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drips(head(Content_Length="1000000")),
    "chunks": drips(head(Transfer_Encoding="chunked"), b"1\r\n \r\n"),
    "size of a chunk": drips(head(Transfer_Encoding="chunked"), b"0"),
    "until the end": drips(head(Connection="close")),
    "error": drips(head("500 Internal Server Error", Content_Length="1000000")),
    "gzip": drips(head(Content_Encoding="gzip", Content_Length="1000000"), b"\x00"),
}


@pytest.mark.parametrize("place", DRIPS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_drips_has_a_deadline(
    server: RawServer, connect: Callable[..., Http], place: str, method: str
) -> None:
    """Each piece comes well within the option timeout, so only the deadline of the whole answer ends it."""
    server.speaks = [DRIPS[place]]
    kind = NoAnswerError if method == "GET" else LostAnswerError
    with pytest.raises(kind, match=r"no complete answer within 0\.2 seconds \(option answer_timeout\)") as failure:
        ask(connect(answer_timeout=0.2), server, method)
    assert type(failure.value) is kind
    assert len(server.requests) == 1, "it is not asked again"


def test_a_server_that_drips_over_tls_has_a_deadline(tmp_path: Path, connect: Callable[..., Http]) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = RawServer(context)
    for place in ("headers", "body"):
        server.speaks = [DRIPS[place]]
        with pytest.raises(NoAnswerError, match="option answer_timeout"):
            ask(connect(answer_timeout=0.3, verify=str(tmp_path / "ca.pem")), server)
    server.speaks = [says(answer(b'{"a": 1}'))]
    assert ask(connect(answer_timeout=5, verify=str(tmp_path / "ca.pem")), server).json() == {"a": 1}
    server.stop()


@pytest.mark.parametrize("place", ["headers", "body"])
def test_a_proxy_that_drips_has_a_deadline(
    server: RawServer, connect: Callable[..., Http], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """For http it answers itself, for https it opens a tunnel."""
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.speaks = [DRIPS[place]]
    with pytest.raises(NoAnswerError, match="option answer_timeout"):
        connect(answer_timeout=0.2).request("GET", "http://workspace.contoso.com/x", repeatable=True)
    server.speaks = [DRIPS["headers"]]
    with pytest.raises(NoAnswerError, match="option answer_timeout"):
        connect(answer_timeout=0.2).request("GET", "https://workspace.contoso.com/x", repeatable=True)
    assert len(server.requests) == 2


def test_the_deadline_is_for_each_answer(server: RawServer, connect: Callable[..., Http]) -> None:
    """Also on one connection, whose own time-out is what it was before."""

    def slowly(connection: socket.socket) -> None:
        for piece in (head(Content_Length="2"), b"{", b"}"):
            time.sleep(0.1)
            connection.sendall(piece)

    server.speaks = [slowly]
    http = connect(answer_timeout=2.0)
    for _number in range(3):
        assert ask(http, server).json() == {}


# MSAL


@pytest.mark.parametrize(
    ("speak", "reason"),
    [
        (DRIPS["headers"], "option answer_timeout"),
        (DRIPS["body"], "option answer_timeout"),
        (says(answer(bomb(50 * MEGABYTE), Content_Encoding="gzip")), "larger than 1 MB"),
        (says(answer(b"{}", Content_Encoding="gzip, br")), "content coding 'gzip, br'"),
    ],
    ids=["headers drip", "body drips", "bomb", "stacked"],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_msal_asks_for_has_the_same_limits(
    server: RawServer, connect: Callable[..., Http], speak: Speaks, reason: str, method: str
) -> None:
    server.speaks = [speak]
    client = MsalHttpClient(connect(answer_timeout=0.3))
    with pytest.raises(NoAnswerError, match=reason):
        getattr(client, method)(server.url)
    assert len(server.requests) == 1


# The guide


ROWS = {
    "sends one byte after the other, so that ``timeout`` never ends it": test_a_server_that_drips_has_a_deadline,
    "sends more than ``max_answer_size`` allows, or a small answer that decompresses to more": (
        test_an_answer_that_is_too_large_is_refused
    ),
    "compresses in another way than gzip or deflate, or in two ways": test_another_content_coding_is_refused,
    "sends headers, chunks or interim responses without end": test_what_surrounds_the_body_has_an_end_too,
    "responds with an error whose text is larger than 1 MB, or compressed in another way": (
        test_an_error_keeps_its_status
    ),
    "sends a page that is made to be slow to read": "test_linear.py",
    "Microsoft Graph: links to new pages without end": "../api/test_sentences.py",
    "Microsoft Graph: links to an address with ``http://``": "../api/test_sentences.py",
}


def test_every_row_of_the_guide_has_its_test() -> None:
    guide = Path(__file__).parents[6] / "docs" / "docsite" / "rst" / "guide_answers.rst"
    section = (
        guide.read_text(encoding="utf-8")
        .partition("Limits of an answer\n---")[2]
        .partition("\nAnswers that prove nothing\n")[0]
    )
    rows = [line.removeprefix("   * - ") for line in section.splitlines() if line.startswith("   * - ")]
    assert rows[1:] == list(ROWS)
    assert all(callable(test) or (Path(__file__).parent / test).is_file() for test in ROWS.values())
