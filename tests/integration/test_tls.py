# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Whom the collection trusts: the authority that the person names, for every service and for MSAL, and nobody else.

`requests` prefers a bundle named in the environment to a session's own, so the wrong one stands there on purpose.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from playing import Play, Step, Task, connection, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

SALES = "Sales and Marketing"
SSO = {
    "primary_domain": "contoso.com",
    "client_id": "00000000-0000-4000-8000-0000000000b2",
    "key": "sso-demo-secret-of-the-twin",
}


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """The file of an authority that has signed nothing here."""
    path = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


def every_service(twin: Twin, **more: Any) -> list[Task]:
    """One task for each road out of the module: Provisioning API, SCIM, MSAL with Graph, and MSAL alone."""
    scim = {"scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token}
    return [
        task("w365_user_info", title="Provisioning API", **more),
        task("w365_user_info", title="SCIM", **scim, **more),
        task("w365_o365_import_info", title="Entra and Graph", groups=[SALES], **more),
        task("w365_sso", title="Entra alone", **SSO, update_key="always", **more),
        task("w365_api", title="Graph, raw", service="graph", path="/organization", **more),
    ]


def says(step: Step, *parts: str) -> None:
    said = " ".join(step.message.split())
    assert step.status == "failed", f"{step.name} was {step.status}: {said}"
    for part in parts:
        assert part in said, f"{step.name}: {part!r} is not in: {said}"


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("bundle", ["stranger", "missing"])
def test_the_named_authority_wins_over_the_environment(
    play: Player, twin: Twin, tmp_path: Path, stranger: str, bundle: str
) -> None:
    wrong = stranger if bundle == "stranger" else str(tmp_path / "not-there.pem")
    done = play(
        *every_service(twin),
        defaults=connection(twin),
        environ={"REQUESTS_CA_BUNDLE": wrong, "CURL_CA_BUNDLE": wrong, "SSL_CERT_FILE": wrong},
    )
    for step in done:
        assert step.status == "ok", f"{step.name}: {step.message}"
    assert {request["surface"] for step in done for request in step.requests} == {
        "provisioning",
        "scim",
        "entra",
        "graph",
    }


def test_a_certificate_that_cannot_be_verified(play: Player, twin: Twin, stranger: str) -> None:
    """Not by the named authority, and not by the machine's own when none is named. Nothing is sent to such a server."""
    unnamed = {name: value for name, value in connection(twin).items() if name != "ca_path"}
    # The right authority in the environment does not help when the person names another one.
    tempting = {"REQUESTS_CA_BUNDLE": twin.ca_path, "CURL_CA_BUNDLE": twin.ca_path}
    plays = [
        play(*every_service(twin), defaults={**connection(twin), "ca_path": stranger}, environ=tempting),
        play(*every_service(twin)[:3], defaults=unnamed, environ={"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": ""}),
    ]
    for done in plays:
        for step in done:
            says(
                step,
                "the certificate of localhost could not be verified",
                "certificate verify failed",
                "option ca_path (a PEM file)",
                "validate_certs=false would accept any server",
            )
            sent = [request for request in step.requests if request["surface"] in ("entra", "scim", "graph")]
            assert sent == [], "something was sent to a server that nobody had verified"
            assert step.writes == []
        assert all(step.requests == [] for step in done)


def test_verification_can_be_switched_off(play: Player, twin: Twin, stranger: str) -> None:
    """Also where a bundle stands in the environment, and where an authority is named."""
    done = play(
        *every_service(twin, validate_certs=False),
        defaults={**connection(twin), "ca_path": stranger},
        environ={"REQUESTS_CA_BUNDLE": stranger, "CURL_CA_BUNDLE": stranger},
    )
    for step in done:
        assert step.status == "ok", f"{step.name}: {step.message}"
        assert "InsecureRequestWarning" not in step.message


# A server of our own: for another host's certificate, and for one that asks for the client's


@contextmanager
def server(context: ssl.SSLContext) -> Iterator[tuple[str, list[str]]]:
    """A server that lists one environment; its root, and the subjects of the certificates that clients have shown."""
    shown: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection = self.connection
            assert isinstance(connection, ssl.SSLSocket)
            certificate = connection.getpeercert() or {}
            shown.append(str(certificate.get("subjectAltName", "nobody")))
            body = b'[{"Name": "contoso", "IsActive": true}]'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            # The handshake belongs to the connection's own thread; one that fails is what some of the tests want.
            try:
                secure = context.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
            super().finish_request(secure, client_address)
            secure.close()

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    listening = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{listening.server_port}", shown
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_a_certificate_of_another_host(play: Player, twin: Twin, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("fabrikam.com").configure_cert(context)
    with server(context) as (url, shown):
        done = play(
            task("w365_environment_info"),
            defaults={"instance_url": url, "provisioning_key": "a-key-that-stays-here", "ca_path": str(tmp_path / "ca.pem")},
        )  # fmt: skip
    says(done[0], "the certificate of localhost could not be verified", "ca_path")
    assert "localhost" in done[0].message.partition("verified: ")[2]
    assert shown == []


def test_client_certificates(play: Player, twin: Twin, tmp_path: Path) -> None:
    authority, clients = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The end of the handshake then tells the client whether it was let in.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("localhost").configure_cert(context)
    clients.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ours, theirs = clients.issue_cert("ansible@contoso.com"), authority.issue_cert("ansible@fabrikam.com")
    certificate, key, both, foreign = (str(tmp_path / f"{name}.pem") for name in ("cert", "key", "both", "foreign"))
    ours.cert_chain_pems[0].write_to_path(certificate)
    ours.private_key_pem.write_to_path(key)
    ours.private_key_and_cert_chain_pem.write_to_path(both)
    theirs.private_key_and_cert_chain_pem.write_to_path(foreign)
    with server(context) as (url, shown):
        done = play(
            task("w365_environment_info", title="two files", client_cert=certificate, client_key=key),
            task("w365_environment_info", title="one file", client_cert=both),
            task("w365_environment_info", title="none"),
            task("w365_environment_info", title="of another authority", client_cert=foreign),
            task("w365_environment_info", title="without its key", client_cert=certificate),
            task("w365_environment_info", title="with another key", client_cert=certificate, client_key=foreign),
            defaults={"instance_url": url, "provisioning_key": "3650", "ca_path": str(tmp_path / "ca.pem")},
        )
    for step in done.steps[:2]:
        assert step.status == "ok", step.message
        assert step.result["environments"] == [{"name": "contoso", "active": True}]
    assert len(shown) == 2
    assert all("ansible@contoso.com" in subject for subject in shown)
    for step in done.steps[2:4]:
        says(step, "client_cert")
    for step in done.steps[4:]:
        says(step, "client_cert", "client_key")
    for step in done.steps[2:]:
        assert "Unexpected error in the collection" not in step.message, step.message
        assert "Traceback" not in str(step.result)
