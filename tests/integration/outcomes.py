# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of a task in a situation: everything that somebody could notice, in a form that can be compared.

A situation is what a twin holds and how it behaves, together with the options of a task. Two outcomes are equal when
result, warnings, requests, the environment afterwards and written files are.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import re
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

import trustme

import in_process
from w365_simulator.certificates import make_certificate
from w365_simulator.testing import Twin

LEFT_OUT: Final = "<left out>"
"""Instead of a value: the option is not given."""

CERTIFICATE_PASSWORD = "password-of-a-throw-away-key"
WORKLOAD = "system:serviceaccount:automation:workspace365"
"""The subject of the federated token."""


@dataclass(frozen=True)
class Situation:
    """A task and the server that it meets.

    Texts in `options`, `files` and `environ` may name what only a running twin knows, such as <scim_url> or <folder>.
    `earlier` are tasks that have run before, each a module and its options; `tenant` are changes of the Microsoft tenant
    after them, and `modes` those of files. With `cycles` every provisioning job runs once before these changes and once after.
    The task `fails` or it does not. `settle` are seconds until the twin has nothing under way any more.
    """

    module: str
    options: Mapping[str, Any]
    seed: Mapping[str, Any]
    switches: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    earlier: Sequence[tuple[str, Mapping[str, Any]]] = ()
    cycles: bool = False
    tenant: Sequence[Mapping[str, Any]] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    check: bool = False
    fails: bool = False
    settle: float = 0.0

    def with_option(self, path: str, value: Any) -> Situation:
        """The same with another value of one option; a path such as users.email is about the first user."""
        options = copy.deepcopy(dict(self.options))
        *parents, name = path.split(".")
        at: Any = options
        for parent in parents:
            at = at.setdefault(parent, {})
            at = at[0] if isinstance(at, list) else at
        if value is LEFT_OUT:
            at.pop(name, None)
        else:
            at[name] = value
        return replace(self, options=options)

    def value_of(self, path: str) -> Any:
        """The value that the option has; None without one."""
        at: Any = self.options
        for name in path.split("."):
            at = at[0] if isinstance(at, list) else at
            at = (at or {}).get(name)
        return at

    @property
    def key(self) -> str:
        """Equal for situations that are equal."""
        return json.dumps(self.__dict__, sort_keys=True, default=repr)


@dataclass(frozen=True)
class Outcome:
    """What came of a situation. `noticed` is everything, as a text without what is different in every run."""

    result: Mapping[str, Any]
    requests: Sequence[Mapping[str, Any]]
    noticed: str
    seconds: float

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    @property
    def crashed(self) -> bool:
        """Whether a defect of the collection came to light."""
        return "exception" in self.result


class Runner:
    """Runs situations on one twin, each once."""

    def __init__(self, twin: Twin, folder: Path, places: Mapping[str, str], foreign_hosts: Sequence[str]) -> None:
        self._twin = twin
        self._folder = folder
        self._places = {**places, "<folder>": str(folder)}
        self._foreign_hosts = foreign_hosts
        self._known: dict[str, Outcome] = {}

    def outcome(self, situation: Situation) -> Outcome:
        """What comes of it; remembered, so that many scenarios may begin with the same situation."""
        if situation.key not in self._known:
            self._known[situation.key] = self.run(situation)
        return self._known[situation.key]

    def run(self, situation: Situation) -> Outcome:
        """What comes of it this time."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._twin.reset(self._placed(situation.seed), "full")
        for name, text in situation.files.items():
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_text(self._placed(text), encoding="utf-8")
        with patch.dict(os.environ, self._placed(situation.environ)):
            for module, options in situation.earlier:
                done = in_process.run(module, self._placed(options))
                assert not done.get("failed"), f"the task before it failed: {done['msg']}"
            if situation.cycles:
                self._twin.run_cycle()
            if situation.tenant:
                self._twin.change_tenant(*situation.tenant)
            if situation.cycles:
                self._twin.run_cycle()
            for name, mode in situation.modes.items():
                (self._folder / name).chmod(mode)
            if situation.switches:
                self._twin.switches(**situation.switches)
            for fault in situation.faults:
                self._twin.fault(**fault)
            self._twin.clear_requests()
            asked = len(self._foreign_hosts)
            before = time.monotonic()
            result = in_process.run(situation.module, self._placed(situation.options), check=situation.check)
            seconds = time.monotonic() - before
        time.sleep(situation.settle)
        requests = self._twin.requests()
        slow = next((at for at, request in enumerate(requests) if request["fault"] == "latency"), None)
        noticed = {
            "result": result,
            # Workers are not in step with each other, so the order of their requests says nothing ...
            "requests": sorted(scrubbed(json.dumps(_comparable(request), sort_keys=True)) for request in requests),
            # ... but for those that did not wait for a slow one.
            "before the slow one": slow,
            "other hosts": self._foreign_hosts[asked:],
            "state": self._twin.state(),
            "files": {
                str(path.relative_to(self._folder)): path.read_text(encoding="utf-8")
                for path in sorted(self._folder.rglob("*"))
                if path.is_file()
            },
        }
        text = scrubbed(json.dumps(noticed, sort_keys=True, default=repr))
        if MAKES_SECRETS & {situation.module, *(module for module, _options in situation.earlier)}:
            text = _MADE_UP.sub(r"\1<digest>", text)
        return Outcome(result, requests, text, seconds)

    def _placed(self, value: Any) -> Any:
        if isinstance(value, str):
            for name, place in self._places.items():
                value = value.replace(name, place)
            return value
        if isinstance(value, Mapping):
            return {name: self._placed(item) for name, item in value.items()}
        return [self._placed(item) for item in value] if isinstance(value, list | tuple) else value


_RANDOM = (
    # An id that the twin has made up: those of seeds begin with zeros, or are of version 5.
    (re.compile(r"\b(?!0{8}-)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<time>"),
    # The end of the name of a client secret, and what the twin shows of a secret that it has made up.
    (re.compile(r"(w365 \S+ <time> )[0-9a-f]{6}"), r"\1<digits>"),
    # That of an assignment of a role.
    (re.compile(r"(\"id\\?\"\W+)[\w-]{43}(?=\\?\")"), r"\1<id>"),
    (re.compile(r"(appRoleAssignedTo/)[\w-]{43}\b"), r"\1<id>"),
    # That of a rule of a provisioning job.
    (re.compile(r"(ruleId\W+)[0-9a-f-]{36}"), r"\1<id>"),
    # The end of the first name of an enterprise application.
    (re.compile(r"(w365-scim \S+ )[0-9a-f]{12}"), r"\1<digits>"),
    (re.compile(r"(secret_sha256\W+)[0-9a-f]{64}"), r"\1<digest>"),
    (re.compile(r"(\"hint\W+)[^\"\\]{3}(?=[\"\\])"), r"\1<hint>"),
    # That of a state, which holds times.
    (re.compile(r"(checksum\W+)[0-9a-f]{64}"), r"\1<checksum>"),
    # A token; not the digest of a value.
    (re.compile(r"(?<![A-Za-z0-9_-])(?![0-9a-f]{64}\b)[A-Za-z0-9_-]{60,}(?:\.[A-Za-z0-9_-]+)*"), "<token>"),
)


MAKES_SECRETS = {"w365_sso_app", "w365_import_app"}

_MADE_UP = re.compile(r"((?:key_sha256|client_secret)\\?\"[^\w.~-]+)[\w.~-]{40,64}")
"""The key of the single sign-on, where a task has had the twin make it up."""


def first_difference(one: str, other: str) -> str:
    """Where two texts part, for a person who reads why a test failed; empty where they are equal."""
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1), None)
    if at is None:
        return "" if len(one) == len(other) else "one ends where the other goes on"
    before, after = max(at - 120, 0), at + 120
    return f"... {one[before:after]} ... and ... {other[before:after]} ..."


def _comparable(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request of the log without what differs from one time to the next: its number, and the digest of a token."""
    return {**request, "number": 0, "credentials": [one["where"] for one in request["credentials"]]}


def scrubbed(text: str) -> str:
    """The text without what differs between two runs of the same."""
    for pattern, word in _RANDOM:
        text = pattern.sub(word, text)
    return text


# What a twin has no switch for


@contextmanager
def places(twin: Twin, folder: Path) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Addresses and files that situations can name, and the hosts beyond this machine that anything has asked for.

    No request leaves this machine: a proxy leads every foreign address to the twin, whose certificate is not theirs.
    """
    folder.mkdir()
    certificate = make_certificate()
    claims = {"sub": WORKLOAD, "aud": "api://AzureADTokenExchange", "exp": int(time.time()) + 86_400}
    parts: tuple[dict[str, Any], ...] = ({"alg": "RS256", "typ": "JWT"}, claims, {})
    files = {
        "app": certificate.public + certificate.private(),
        "public": certificate.public,
        "next": make_certificate().public,
        "locked": certificate.public + certificate.private(CERTIFICATE_PASSWORD),
        "workload": ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
        ),
    }
    with ExitStack() as stack:
        foreign_hosts: list[str] = []
        proxy = stack.enter_context(_proxy(twin, foreign_hosts))
        guarded, guards = stack.enter_context(_guarded(folder))
        found = {
            "<instance_url>": twin.instance_url,
            "<host>": urlsplit(twin.instance_url).netloc,
            "<provisioning_key>": twin.provisioning_key,
            "<scim_url>": twin.scim_url("contoso"),
            "<other_scim_url>": twin.scim_url("fabrikam"),
            "<scim_token>": twin.scim_token,
            "<ca_path>": twin.ca_path,
            "<graph_url>": twin.graph_url,
            "<entra_authority>": twin.entra_authority,
            "<app_certificate>": certificate.public,
            "<guarded_url>": guarded,
            **guards,
        }
        for name, text in files.items():
            (folder / f"{name}.pem").write_text(text, encoding="utf-8")
            found[f"<{name}_file>"] = str(folder / f"{name}.pem")
        variables = {"HTTPS_PROXY": proxy, "NO_PROXY": "localhost,127.0.0.1"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("W365_") and not name.lower().endswith("_proxy")
        }
        stack.enter_context(patch.dict(os.environ, {**kept, **variables}, clear=True))
        yield found, foreign_hosts


@contextmanager
def _served(server: ThreadingTCPServer | ThreadingHTTPServer) -> Iterator[None]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _proxy(twin: Twin, foreign_hosts: list[str]) -> Iterator[str]:
    """A proxy for CONNECT that writes down which host is asked for, and leads to the twin."""
    port = int(twin.url.rpartition(":")[2])

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            foreign_hosts.append(self.rfile.readline().decode("latin-1").split(" ")[1])
            while self.rfile.readline().strip():
                pass
            with socket.create_connection(("127.0.0.1", port)) as there:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(there, self.request), daemon=True)
                back.start()
                _copy(self.request, there)
                back.join()

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    with _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while content := source.recv(65_536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One of the two has hung up.
        return


@contextmanager
def _guarded(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A server that lets in who shows a certificate, and has empty lists of everything; its address and the files."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The end of the handshake then tells the client whether it was let in.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("ansible@contoso.com")
    contents = {
        "guarded_ca": authority.cert_pem,
        "client": client.private_key_and_cert_chain_pem,
        "client_cert": client.cert_chain_pems[0],
        "client_key": client.private_key_pem,
    }
    for name, blob in contents.items():
        blob.write_to_path(str(folder / f"{name}.pem"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            # The handshake belongs to the connection's own thread; one that fails is what some situations want.
            try:
                secure = context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
            super().finish_request(secure, client_address)
            secure.close()

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    with _served(server):
        yield (
            f"https://localhost:{server.server_port}",
            {f"<{name}_file>": str(folder / f"{name}.pem") for name in contents},
        )
