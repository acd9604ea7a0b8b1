# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The identity of an Azure machine, by the real MSAL, from a metadata service on a real socket; and proxies."""

from __future__ import annotations

import http.server
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from packaging.version import Version
from requests.adapters import HTTPAdapter

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import (
    ClientSecret,
    ManagedIdentity,
    TokenSource,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    InputError,
    NoAnswerError,
    RateLimitError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    TRIES,
    Http,
    HttpSettings,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.msal_http import IMDS_PATH
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor

TOKEN = {"access_token": "a-token-of-the-machine", "expires_in": "3600", "token_type": "Bearer"}
GONE: tuple[int, Any] = (410, "")
UNKNOWN: tuple[int, Any] = (404, "<html>not found</html>")


class Machine:
    """A metadata service that answers as scripted; the last answer stays."""

    def __init__(self) -> None:
        machine = self
        self.script: list[tuple[int, Any]] = [(200, TOKEN)]
        self.asked: list[str] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                machine.asked.append(self.path)
                status, body = machine.script.pop(0) if len(machine.script) > 1 else machine.script[0]
                content = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_CONNECT = do_POST = do_GET  # noqa: N815 - named by http.server

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def machine() -> Iterator[Machine]:
    found = Machine()
    yield found
    found.stop()


@pytest.fixture
def proxy() -> Iterator[Machine]:
    found = Machine()
    found.script = [
        (200, {**TOKEN, "access_token": "a-token-of-the-proxy", "expires_on": str(int(time.time()) + 3600)})
    ]
    yield found
    found.stop()


@pytest.fixture
def waits() -> list[float]:
    return []


# Where the service of a virtual machine is, for MSAL before version 1.31, which nobody can tell another address.
ADDRESS = "http://169.254.169.254" if Version(version("msal")) < Version("1.31") else ""


class AnsweredHere(HTTPAdapter):
    """Leads that address to the one that MSAL is told since version 1.31."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = str(request.url).replace(ADDRESS, os.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"])
        return super().send(request, *args, **kwargs)


@pytest.fixture
def source(
    machine: Machine, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., TokenSource]]:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", machine.url)
    made: list[Http] = []

    def make(identity: str = "system", **settings: Any) -> TokenSource:
        http = Http(
            HttpSettings(timeout=5, max_wait=60, **settings), Redactor(), sleep=waits.append, clock=lambda: sum(waits)
        )
        made.append(http)
        if ADDRESS:
            made[-1]._session.mount(ADDRESS, AnsweredHere())
        return TokenSource(
            ManagedIdentity(identity),
            client_id="managed identity",
            authority="https://login.microsoftonline.com",
            resource="https://graph.microsoft.com",
            http=made[-1],
        )

    yield make
    for http_ in made:
        http_.close()


# A service that is being set up or updated


@pytest.mark.parametrize(
    ("answers", "pauses"),
    [
        ([UNKNOWN], [0.8]),
        ([UNKNOWN] * 5, [0.8, 1.6, 3.2, 6.4, 12.8]),
        ([GONE], [3.0]),
        ([GONE] * 5, [3.0, 6.0, 12.0, 24.0, 48.0]),
        ([GONE, UNKNOWN], [3.0, 1.6]),
    ],
)
def test_404_and_410_are_retried(
    machine: Machine,
    source: Callable[..., TokenSource],
    waits: list[float],
    answers: list[tuple[int, Any]],
    pauses: list[float],
) -> None:
    machine.script = [*answers, (200, TOKEN)]
    assert source().token() == TOKEN["access_token"]
    assert waits == pauses
    assert len(machine.asked) == len(answers) + 1


def test_an_update_of_70_seconds_is_waited_for(
    machine: Machine, source: Callable[..., TokenSource], waits: list[float]
) -> None:
    machine.script = [GONE]
    with pytest.raises(AuthenticationError, match=r"HTTP 410.*tried 6 times\).*being updated: rerun"):
        source().token()
    assert sum(waits) >= 70


@pytest.mark.parametrize("body", ["", "<html>not found</html>", {"error": "not_found"}, "null", "[]"])
def test_a_404_that_stays_names_the_managed_identity(
    machine: Machine, source: Callable[..., TokenSource], body: Any
) -> None:
    machine.script = [(404, body)]
    with pytest.raises(AuthenticationError) as refusal:
        source().token()
    message = refusal.value.message
    assert message.startswith("the managed identity (option entra_managed_identity): ")
    assert f"(HTTP 404, GET {ADDRESS or machine.url}{IMDS_PATH}, tried 6 times)" in message
    assert "assign one to it" in message
    assert "login.microsoftonline.com" not in message


@pytest.mark.parametrize("status", [400, 403, 405])
def test_other_refusals_are_not_retried(
    machine: Machine, source: Callable[..., TokenSource], waits: list[float], status: int
) -> None:
    machine.script = [(status, {"error": "invalid_request", "error_description": "Identity not found"})]
    with pytest.raises(AuthenticationError, match=f"managed identity.*Identity not found .HTTP {status}, GET"):
        source("00000000-0000-4000-8000-0000000000a1").token()
    assert waits == []
    assert len(machine.asked) == 1


def test_other_services_are_not_asked_again_after_404(
    machine: Machine, source: Callable[..., TokenSource], waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the metadata service of a virtual machine means 'not yet' by it."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{machine.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "a-header")
    machine.script = [UNKNOWN]
    with pytest.raises(AuthenticationError, match="managed identity"):
        source().token()
    assert waits == []


def test_a_failing_or_throttling_service_is_named(
    machine: Machine, source: Callable[..., TokenSource], waits: list[float]
) -> None:
    machine.script = [(500, "")]
    with pytest.raises(NoAnswerError, match=f"managed identity.*answered HTTP 500.*tried {TRIES} times"):
        source().token()
    machine.script = [(429, "")]
    with pytest.raises(RateLimitError, match="managed identity"):
        source().token()


@pytest.mark.parametrize("body", ["<html>", "{", "[]", "7", {}, {"access_token": "half\nof", "expires_in": 60}])
def test_an_answer_without_a_token_names_the_managed_identity(
    machine: Machine, source: Callable[..., TokenSource], body: Any
) -> None:
    machine.script = [(200, body)]
    with pytest.raises(AuthenticationError, match=r"managed identity of this machine .*'system'.* gave no token"):
        source().token()


def test_a_machine_without_a_service_is_told(
    source: Callable[..., TokenSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    where = re.escape(urlsplit(ADDRESS).netloc or "127.0.0.1:9")
    with pytest.raises(NoAnswerError, match=f"managed identity.*no connection to {where}.*Only machines"):
        source().token()


# Proxies


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
SERVICES: dict[str, dict[str, str]] = {
    "virtual machine": {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "<url>"},
    "App Service": {"IDENTITY_ENDPOINT": "<url>/msi/token", "IDENTITY_HEADER": "a-header"},
    "Machine Learning": {"MSI_ENDPOINT": "<url>/msi/token", "MSI_SECRET": "a-secret"},
    "Azure Arc": {"IDENTITY_ENDPOINT": f"<url>{IMDS_PATH}", "IMDS_ENDPOINT": "<url>"},
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_address_of_an_identity_never_goes_to_a_proxy(
    machine: Machine,
    proxy: Machine,
    source: Callable[..., TokenSource],
    monkeypatch: pytest.MonkeyPatch,
    service: str,
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, proxy.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in SERVICES[service].items():
        monkeypatch.setenv(name, value.replace("<url>", machine.url))
    machine.script = [(200, {**TOKEN, "expires_on": str(int(time.time()) + 3600)})]
    if service == "Azure Arc":
        # It asks with a file that only an administrator of the machine can read.
        with pytest.raises(AuthenticationError, match="managed identity"):
            source().token()
    else:
        assert source().token() == TOKEN["access_token"]
    assert len(machine.asked) == 1
    assert proxy.asked == []


def test_the_proxy_is_still_used_for_everything_else(
    machine: Machine, proxy: Machine, source: Callable[..., TokenSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the same session, before and after."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    tokens = source()
    for _number in range(2):
        tokens._http.request("GET", f"{machine.url}/other", repeatable=True)
        tokens.token()
        tokens.forget()
    assert proxy.asked == [f"{machine.url}/other"] * 2
    assert len(machine.asked) == 2


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "ftp://somebody:hunter2-secret@proxy.contoso.com",
        "socks5://somebody:hunter2-secret@proxy.contoso.com:1080",
        "http://somebody:hunter2/secret@proxy.contoso.com:80",
        "http://somebody:hunter2-secret@[proxy",
        "somebody:hunter2-secret@proxy.contoso.com:80",
    ],
)
@pytest.mark.parametrize("way", ["request", "token"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, address: str, way: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    http_ = Http(HttpSettings(timeout=5), Redactor(), sleep=lambda _seconds: None)
    tokens = TokenSource(
        ClientSecret("a-secret"),
        client_id="app",
        authority="https://login.contoso.com/contoso.com",
        resource="https://graph.microsoft.com",
        http=http_,
    )
    ask: Callable[..., Any] = tokens.token if way == "token" else partial(http_.request, repeatable=True)
    with pytest.raises(InputError, match="proxy") as refusal:
        ask(*(() if way == "token" else ("GET", "https://workspace.contoso.com/x")))
    assert "hunter2" not in refusal.value.message
    http_.close()


def test_a_proxy_that_refuses_is_told_without_its_password(proxy: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.script = [(407, "who are you?")]
    monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//somebody:hunter2-secret@"))
    http_ = Http(HttpSettings(timeout=5), Redactor(), sleep=lambda _seconds: None)
    with pytest.raises(NoAnswerError, match="407") as failure:
        http_.request("GET", "https://workspace.contoso.com/x", repeatable=True)
    assert "hunter2" not in failure.value.message
    http_.close()
