# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web server: one Starlette application for all surfaces, with the log and the faults around them."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .clock import Clock
from .contract import BY_ID, served
from .control import Control
from .directory import Directory
from .entra.jobs import Jobs
from .entra.registry import Registry
from .entra.token_endpoint import Entra
from .faults import Faults, Rule
from .graph import Graph, fault_answer
from .load import Load
from .provisioning import Provisioning
from .requestlog import RequestLog
from .scim import Scim
from .scim_schemas import ERROR
from .seeding import Seeder
from .store import Store
from .switches import Switches
from .tokens import Tokens
from .waiting import ResetError, Waiting
from .wire import HTML, SCIM_JSON, Answer, Call, Deferred, html_answer, json_answer

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
_TRANSPORT = "w365_simulator.transport"


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands over the connection, so that a fault can cut it."""

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self.scope["state"][_TRANSPORT] = self.transport


class Twin:
    """All surfaces over one store."""

    def __init__(
        self, store: Store, switches: Switches, *, provisioning_key: str, scim_token: str, authority: Path | None = None,
        client_secret: str | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.switches = switches
        self.faults = Faults(switches.random_seed)
        self.log = RequestLog()
        self.waiting = Waiting()
        self.load = Load(switches, self.waiting)
        self.directory = Directory(store, switches)
        self.seeder = Seeder(store, self.directory, client_secret)
        self.clock = Clock(switches)
        self.registry = Registry(store, switches, self.clock)
        jobs = Jobs(self.registry, None if authority is None else str(authority))
        tokens = Tokens(store, self.clock)
        self.provisioning = Provisioning(store, self.directory, switches, provisioning_key)
        self.scim = Scim(store, self.directory, switches, scim_token)
        self.entra = Entra(store, switches, tokens, self.registry)
        self.graph = Graph(store, switches, tokens, self.faults, self.registry, jobs)
        self.control = Control(store, self.seeder, switches, self.faults, self.log, jobs, self.waiting)

    def application(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Mount("/_simulator", app=self._endpoint(self._control)),
                Mount("/Provisioning", app=self._endpoint(self._provisioning)),
                Mount("/graph", app=self._endpoint(self._graph)),
                Mount("/", app=self._endpoint(self._environment_or_tenant)),
            ]
        )

    # ---- one coroutine per mount: its surface, whether the call writes, and the method that answers

    async def _control(self, call: Call, connection: Connection) -> None:
        if connection.peer not in LOOPBACK:
            await connection.send(json_answer(403, {"error": "The control interface answers this machine only."}))
            return
        inner = _below(call, "/_simulator")
        await connection.send(await self._complete(lambda: self.control.answer(inner), "control", connection))

    async def _provisioning(self, call: Call, connection: Connection) -> None:
        inner = _below(call, "/Provisioning")
        write = self.provisioning.is_write(call.method, inner.path)
        await self._serve("provisioning", call, connection, write, lambda: self.provisioning.answer(inner))

    async def _graph(self, call: Call, connection: Connection) -> None:
        inner = _below(call, "/graph")
        write = self.graph.is_write(call.method, inner.path)
        await self._serve("graph", call, connection, write, lambda: self.graph.answer(inner))

    async def _environment_or_tenant(self, call: Call, connection: Connection) -> None:
        parts = call.path.split("/", 4)
        if len(parts) >= 4 and parts[2:4] == ["scim", "v2"]:
            path = "/" + (parts[4] if len(parts) > 4 else "")
            write = self.scim.is_write(call.method, path)
            await self._serve("scim", call, connection, write, lambda: self.scim.answer(call, parts[1], path))
            return
        if len(parts) == 3 and parts[2].lower() == "signin" and served(BY_ID["portal_sign_in"], self.switches.profile):
            await self._serve("portal", call, connection, False, lambda: self.control.sign_in.redirect(call, parts[1]))
            return
        await self._serve("entra", call, connection, False, lambda: self.entra.answer(call))

    # ---- the log and the faults

    async def _serve(
        self, surface: str, call: Call, connection: Connection, write: bool, answerer: Callable[[], Answer]
    ) -> None:
        if not await self.load.enter():
            await self._refuse(surface, call, connection, write)
            return
        try:
            self.waiting.check(connection.resets)
            await self._work(surface, call, connection, write, answerer)
        finally:
            self.load.leave()

    async def _refuse(self, surface: str, call: Call, connection: Connection, write: bool) -> None:
        """Refuse a request that is beyond the capacity."""
        reset = self.switches.over_capacity == "reset"
        status = 0 if reset else int(self.switches.over_capacity)
        self.log.add(surface, call, status, write, "capacity")
        if reset:
            await connection.drop()
            return
        answer = _plain_error(surface, status, "There are more requests at the same time than this server takes.")
        if self.switches.over_retry_after and status != 500:
            answer.headers.append(("Retry-After", str(self.switches.over_retry_after)))
        await connection.send(answer)

    async def _work(
        self, surface: str, call: Call, connection: Connection, write: bool, answerer: Callable[[], Answer]
    ) -> None:
        rule = self.faults.pick(surface, call.method, call.path, call.query_string)
        answer: Answer | None = None
        if rule is not None and rule.action in ("status", "html", "expired_token", "expired_delta", "concurrency"):
            answer = _made_up(rule, surface, call)
        elif rule is not None and rule.action == "hold_before":
            await self.waiting.hold(rule.seconds)
        elif rule is not None and rule.action == "latency":
            await self.waiting.delay(rule.seconds)
        self.waiting.check(connection.resets)
        if rule is None or rule.action != "drop_before":
            if answer is None and write and self.switches.refuse_writes:
                answer = _plain_error(surface, 500, "This server refuses every write.")
            if answer is None:
                answer = await self._complete(answerer, surface, connection)
                if rule is not None and rule.action == "empty":
                    answer = self.graph.emptied(_below(call, "/graph"), answer)
        status = answer.status if answer is not None else 0
        self.log.add(surface, call, status, write, rule.action if rule else None)
        if rule is not None and rule.action == "hold_after":
            await self.waiting.hold(rule.seconds)
            self.waiting.check(connection.resets)
        if answer is None or (rule is not None and rule.action == "drop_after"):
            await connection.drop()
        elif rule is not None and rule.action == "slow_body":
            await connection.send_slowly(answer, rule.seconds)
        elif rule is not None and rule.action == "truncate":
            answer.body = answer.body[: len(answer.body) // 2]
            await connection.send(answer)
        else:
            await connection.send(answer)

    async def _complete(self, answerer: Callable[[], Answer], surface: str, connection: Connection) -> Answer:
        """Ask a surface; work that talks to other servers is done in a thread, while the twin goes on answering."""
        answer = _answer(answerer, surface)
        while isinstance(answer, Deferred):
            deferred = answer
            result = await asyncio.to_thread(deferred.work)
            self.waiting.check(connection.resets)
            answer = _answer(partial(deferred.finish, result), surface)
        return answer

    def _endpoint(
        self, serve: Callable[[Call, Connection], Awaitable[None]]
    ) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return
            connection = Connection(scope, receive, send)
            body = await connection.body()
            connection.date = self.clock.http_date()
            connection.resets = self.waiting.resets
            try:
                await serve(_call(scope, body), connection)
            except ResetError:
                await connection.drop()

        return endpoint


class Connection:
    """The connection to the client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.peer = scope["client"][0] if scope.get("client") else ""
        self.date = ""
        # How often the twin had been reset when the request came.
        self.resets = 0

    async def body(self) -> bytes:
        """Return the whole body of the request."""
        message = await self._receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            return body
        parts = [body]
        while message.get("more_body"):
            message = await self._receive()
            parts.append(message.get("body", b""))
        return b"".join(parts)

    def _start(self, answer: Answer) -> Message:
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers
        ]
        headers.append((b"date", self.date.encode()))
        if answer.status not in (204, 304):
            headers.append((b"content-length", str(len(answer.body)).encode()))
        if answer.body:
            headers.append((b"content-type", answer.media_type.encode()))
        return {"type": "http.response.start", "status": answer.status, "headers": headers}

    async def send(self, answer: Answer) -> None:
        """Send an answer in one piece."""
        await self._send(self._start(answer))
        await self._send({"type": "http.response.body", "body": b"" if answer.status in (204, 304) else answer.body})

    async def send_slowly(self, answer: Answer, seconds: float) -> None:
        """Send the body in ten pieces, spread over some seconds."""
        await self._send(self._start(answer))
        size = max(1, -(-len(answer.body) // 10))
        pieces = [answer.body[start : start + size] for start in range(0, len(answer.body), size)]
        for piece in pieces:
            await asyncio.sleep(seconds / len(pieces))
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def drop(self) -> None:
        """Cut the connection without an answer."""
        transport = self._scope["state"][_TRANSPORT]
        transport.abort()
        # The server sees it in its next cycle; before that it would still try to answer.
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _call(scope: Scope, body: bytes) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query_string = scope["query_string"].decode("latin-1")
    query = dict(parse_qsl(query_string, keep_blank_values=True)) if query_string else {}
    return Call(
        scope["method"],
        scope["path"],
        query,
        headers,
        body,
        f"https://{headers.get('host', 'localhost')}",
        query_string,
    )


def _below(call: Call, root: str) -> Call:
    return Call(
        call.method,
        call.path[len(root) :] or "/",
        call.query,
        call.headers,
        call.body,
        call.base_url,
        call.query_string,
    )


def _answer(answerer: Callable[[], Answer], surface: str) -> Answer:
    """Ask a surface. An error in the twin itself is printed and answered, so that it is not mistaken for a switch or a fault."""
    try:
        return answerer()
    except Exception:
        traceback.print_exc()
        return _plain_error(surface, 500, "The twin itself has failed; its output says where.")


def _plain_error(surface: str, status: int, sentence: str) -> Answer:
    """Answer with an error in the shape of a surface."""
    if surface == "scim":
        return json_answer(status, {"schemas": [ERROR], "status": str(status), "detail": sentence}, SCIM_JSON)
    if surface == "graph":
        return json_answer(status, {"error": {"code": "InternalServerError", "message": sentence}})
    if surface == "entra":
        return json_answer(status, {"error": "temporarily_unavailable", "error_description": sentence})
    return json_answer(status, {"Message": sentence})


def _made_up(rule: Rule, surface: str, call: Call) -> Answer:
    """Answer as a fault says, without calling the surface."""
    if surface == "graph":
        return fault_answer(rule, call.base_url, call.path)
    if rule.action == "html":
        return html_answer(rule.status or 503, "The service is unavailable.")
    if rule.action == "expired_token":
        answer = _plain_error(surface, 401, "The token has expired.")
    elif rule.action == "expired_delta":
        answer = _plain_error(surface, 410, "The delta link has expired.")
    else:
        answer = _plain_error(surface, rule.status or 500, "The request was refused on purpose.")
    if rule.body is not None:
        if isinstance(rule.body, str):
            answer.body = rule.body.encode()
            if rule.body.lstrip().startswith("<"):
                answer.media_type = HTML
        else:
            answer.body = json.dumps(rule.body).encode()
    if rule.retry_after is not None:
        answer.headers.append(("Retry-After", str(rule.retry_after)))
    return answer


class _Server(uvicorn.Server):
    """uvicorn's server, which reports that it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], *, with_parent: bool) -> None:
        super().__init__(config)
        self._ready = ready
        self._parent = os.getppid() if with_parent else None

    async def on_tick(self, counter: int) -> bool:
        """Return, ten times a second, whether the server has to end."""
        orphaned = self._parent is not None and os.getppid() != self._parent
        return await super().on_tick(counter) or orphaned

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then report that the server is ready."""
        await super().startup(sockets)
        self._ready()


def run(
    twin: Twin, listener: socket.socket, *, certificate: Path, ready: Callable[[], None], with_parent: bool = False
) -> None:
    """Serve on an open socket until a signal ends the process, or its parent ends if ``with_parent``.

    ``ready`` is called once, as soon as the server answers.
    """
    config = uvicorn.Config(
        twin.application(),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # The twin's own clock writes it.
        date_header=False,
        timeout_keep_alive=75,
        # A slow fault must not keep the process running.
        timeout_graceful_shutdown=1,
        ssl_certfile=str(certificate),
    )
    _Server(config, ready, with_parent=with_parent).run(sockets=[listener])
