# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens by the real MSAL from the twin's token endpoint, with every kind of credential."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api import entra_tokens as tokens_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import (
    ADVICE,
    CLOUDS,
    RENEW_BEFORE,
    Certificate,
    ClientSecret,
    Credential,
    FederatedTokenFile,
    ManagedIdentity,
    TokenSource,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    CertificateError,
    InputError,
    MissingLibraryError,
    NoAnswerError,
    RateLimitError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport import msal_http
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    TRIES,
    Http,
    HttpSettings,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor
from w365_simulator.certificates import make_certificate
from w365_simulator.testing import Twin, start_twin

TENANT = "contoso.com"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
OUTDATED = "36500000-0000-4000-8000-0000000000a3"
STRANGER = "36500000-0000-4000-8000-00000000ffff"
SECRET = "client-secret-of-the-twin"
OUTDATED_SECRET = "outdated-secret-of-the-twin"
PASSWORD = "password-of-the-key"
SUBJECT = "system:serviceaccount:contoso:provisioning"


@dataclass(frozen=True)
class KeyFiles:
    """One key in every form in which people keep it."""

    pem: Path
    encrypted_pem: Path
    pfx: Path
    encrypted_pfx: Path
    certificate: str


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return make_keys(tmp_path_factory.mktemp("keys"))


def make_keys(folder: Path) -> KeyFiles:
    made = make_certificate()
    closed = serialization.BestAvailableEncryption(PASSWORD.encode())
    opened = serialization.NoEncryption()

    def write(file: str, content: bytes) -> Path:
        (folder / file).write_bytes(content)
        return folder / file

    def pem(password: str = "") -> bytes:
        # The order of the two blocks is up to the user.
        private, public = made.private(password), made.public
        return (f"# a comment\n{public}{private}" if password else private + public).encode()

    def pfx(encryption: serialization.KeySerializationEncryption) -> bytes:
        return pkcs12.serialize_key_and_certificates(b"w365", made.key, made.certificate, None, encryption)

    return KeyFiles(
        write("key.pem", pem()),
        write("encrypted.pem", pem(PASSWORD)),
        write("key.pfx", pfx(opened)),
        write("encrypted.pfx", pfx(closed)),
        made.public,
    )


@pytest.fixture(scope="module")
def running(keys: KeyFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    seed = {
        "tenants": [
            {
                "id": "36500000-0000-4000-8000-000000000001",
                "display_name": "Contoso",
                "domains": [{"name": TENANT, "default": True}],
                "applications": [
                    {
                        "client_id": CLIENT,
                        "client_secret": SECRET,
                        "certificates": [keys.certificate],
                        "federated_subjects": [SUBJECT],
                    },
                    {"client_id": OUTDATED, "client_secret": OUTDATED_SECRET, "secret_expired": True},
                ],
            }
        ]
    }
    with start_twin(tmp_path_factory.mktemp("twin"), seed=seed) as twin:
        yield twin


@pytest.fixture
def twin(running: Twin) -> Twin:
    running.reset_switches()
    running.clear_faults()
    running.clear_requests()
    return running


@dataclass
class Run:
    """What one task would have: a session, and the waits that it was spared."""

    twin: Twin
    http: Http
    waits: list[float]

    def source(
        self, credential: Credential, *, client_id: str = CLIENT, tenant: str = TENANT, authority: str = ""
    ) -> TokenSource:
        return TokenSource(
            credential,
            client_id=client_id,
            authority=authority or f"{self.twin.entra_authority}/{tenant}",
            resource=self.twin.graph_url,
            http=self.http,
        )

    @property
    def asked(self) -> int:
        """How often a token was really asked for."""
        return sum("/oauth2/v2.0/token" in request["path"] for request in self.twin.requests(surface="entra"))


@pytest.fixture
def run(twin: Twin) -> Iterator[Run]:
    waits: list[float] = []
    settings = HttpSettings(verify=twin.ca_path, timeout=20, max_wait=60)
    http = Http(settings, Redactor(), sleep=waits.append, clock=lambda: sum(waits))
    yield Run(twin, http, waits)
    http.close()


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def write_federated_token(path: Path, subject: str = SUBJECT, number: int = 1) -> str:
    token = jwt.encode(
        {
            "iss": "https://cluster.contoso.com",
            "sub": subject,
            "aud": "api://AzureADTokenExchange",
            "exp": int(time.time()) + 600,
            "jti": str(number),
        },
        "the-issuer's-own-key-which-is-long-enough",
        algorithm="HS256",
    )
    path.write_text(f"{token}\n", encoding="utf-8")
    return token


# ---- every kind of credential


@pytest.mark.parametrize("form", ["secret", "pem", "encrypted_pem", "pfx", "encrypted_pfx", "federated"])
def test_each_credential_gets_a_token(run: Run, keys: KeyFiles, tmp_path: Path, form: str) -> None:
    write_federated_token(tmp_path / "token")
    credentials: dict[str, Credential] = {
        "secret": ClientSecret(SECRET),
        "pem": Certificate(str(keys.pem)),
        "encrypted_pem": Certificate(str(keys.encrypted_pem), PASSWORD),
        "pfx": Certificate(str(keys.pfx)),
        "encrypted_pfx": Certificate(str(keys.encrypted_pfx), PASSWORD),
        "federated": FederatedTokenFile(str(tmp_path / "token")),
    }
    token = run.source(credentials[form]).token()
    assert claims(token)["appid"] == CLIENT
    assert claims(token)["aud"] == run.twin.graph_url
    assert run.http.redactor.text(f"Bearer {token}") == "Bearer ********"


def test_a_secret_goes_only_into_the_body(run: Run) -> None:
    run.source(ClientSecret(SECRET)).token()
    for request in run.twin.requests(surface="entra"):
        assert SECRET not in request["path"]
        assert SECRET not in json.dumps(request["query"])


def test_a_federated_token_is_read_anew_every_time(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "token"
    first = write_federated_token(path)
    source = run.source(FederatedTokenFile(str(path)))
    source.token()
    write_federated_token(path, "somebody-else")
    source.forget()
    with pytest.raises(AuthenticationError, match=r"AADSTS700213.*the token's subject"):
        source.token()
    second = write_federated_token(path, number=2)
    assert claims(source.token())["appid"] == CLIENT
    assert run.http.redactor.text(f"{first} {second}") == "******** ********"


def test_a_managed_identity_asks_its_machine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{run.twin.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "header-of-the-machine")
    for identity, client_id in (("system", CLIENT), ("System", CLIENT), (OUTDATED, OUTDATED)):
        source = run.source(ManagedIdentity(identity), client_id="managed identity")
        assert claims(source.token())["appid"] == client_id
    paths = [request["query"] for request in run.twin.requests(surface="entra")]
    assert len(paths) == 3
    assert all("default" not in json.dumps(query) for query in paths), "a resource, not a scope"


# ---- one token for a whole run


def test_a_token_is_asked_for_once_and_renewed_before_it_expires(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    passed = 0.0
    monotonic, wall = time.monotonic, time.time
    # MSAL's own cache goes by the clock on the wall.
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed)
    monkeypatch.setattr(time, "time", lambda: wall() + passed)
    source = run.source(ClientSecret(SECRET))
    first = source.token()
    assert run.asked == 1
    passed = 3599 - RENEW_BEFORE - 30
    assert source.token() == first
    assert run.asked == 1
    passed += 32
    assert source.token() != first
    assert run.asked == 2


def test_a_short_token_is_used_for_half_its_life(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.twin.switches(token_lifetime=100)
    passed = 0.0
    monotonic = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + passed)
    source = run.source(ClientSecret(SECRET))
    first = source.token()
    passed = 40
    assert source.token() == first
    passed = 51
    assert source.token() != first


def test_what_was_refused_is_forgotten(run: Run) -> None:
    source = run.source(ClientSecret(SECRET))
    first = source.token()
    source.forget()
    assert source.token() != first, "MSAL must not answer from its cache"
    assert run.asked == 2


# ---- refusals: Entra's reason and what to do


@pytest.mark.parametrize(
    ("secret", "client_id", "tenant", "code"),
    [
        ("wrong-secret-of-somebody", CLIENT, TENANT, 7000215),
        (OUTDATED_SECRET, OUTDATED, TENANT, 7000222),
        (SECRET, STRANGER, TENANT, 700016),
    ],
)
def test_a_refusal_says_why_and_what_to_do(run: Run, secret: str, client_id: str, tenant: str, code: int) -> None:
    run.http.redactor.add(secret)
    with pytest.raises(AuthenticationError) as refusal:
        run.source(ClientSecret(secret), client_id=client_id, tenant=tenant).token()
    message = refusal.value.message
    assert f"AADSTS{code}: " in message
    assert message.endswith(ADVICE[code])
    assert client_id in message
    assert f"{run.twin.entra_authority}/{tenant}" in message
    assert "Trace ID" not in message
    assert ".. " not in message
    assert secret not in message


def test_an_unknown_tenant_is_named(run: Run) -> None:
    with pytest.raises(AuthenticationError, match=r"fabrikam\.com.*tenant"):
        run.source(ClientSecret(SECRET), tenant="fabrikam.com").token()


def test_a_certificate_that_nobody_registered(run: Run, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match=r"AADSTS700027.*Upload its public part"):
        run.source(Certificate(str(make_keys(tmp_path).pem))).token()


def test_an_error_without_a_known_number_gets_general_advice() -> None:
    told = tokens_module._refused("https://login.contoso.com/x", CLIENT, {"error": "server_error"}).message
    assert told.endswith(": server_error. Check tenant, client id and credential.")
    told = tokens_module._refused(
        "https://login.contoso.com/x",
        CLIENT,
        {"error_description": "AADSTS90002: Tenant 'x' not found.\r\nTrace ID: 1"},
    ).message
    assert told.endswith(f": AADSTS90002: Tenant 'x' not found. {ADVICE[90002]}")


def test_an_http_authority_is_refused_before_anything_is_sent(run: Run) -> None:
    with pytest.raises(InputError, match="must start with https://"):
        run.source(ClientSecret(SECRET), authority=run.twin.entra_authority.replace("https", "http") + "/contoso.com")
    assert run.twin.requests(surface="entra") == []


def test_a_foreign_certificate_authority_is_told(twin: Twin) -> None:
    http = Http(HttpSettings(verify=True, timeout=20), Redactor(), sleep=lambda _seconds: None)
    source = TokenSource(
        ClientSecret(SECRET),
        client_id=CLIENT,
        authority=f"{twin.entra_authority}/{TENANT}",
        resource=twin.graph_url,
        http=http,
    )
    with pytest.raises(CertificateError, match="ca_path"):
        source.token()
    http.close()


# ---- files that are not what they should be


def spoilt(keys: KeyFiles, folder: Path) -> dict[str, tuple[Certificate, str]]:
    text = keys.pem.read_text(encoding="utf-8")
    start = text.index("-----BEGIN CERTIFICATE")
    only_key, only_certificate = folder / "only.key", folder / "only.crt"
    only_key.write_text(text[:start], encoding="utf-8")
    only_certificate.write_text(text[start:], encoding="utf-8")
    noise = folder / "noise.pfx"
    noise.write_bytes(b"\x00\x01\x02 not a pfx")
    return {
        "missing": (Certificate(str(folder / "nowhere.pem")), "cannot be read"),
        "only the key": (Certificate(str(only_key)), "must hold both"),
        "only the certificate": (Certificate(str(only_certificate)), "must hold both"),
        "noise": (Certificate(str(noise)), "could not be opened"),
        "closed PEM": (Certificate(str(keys.encrypted_pem)), "is encrypted.*entra_certificate_password"),
        "wrong password for PEM": (Certificate(str(keys.encrypted_pem), "wrong"), "entra_certificate_password"),
        "closed PFX": (Certificate(str(keys.encrypted_pfx)), "entra_certificate_password"),
        "wrong password for PFX": (Certificate(str(keys.encrypted_pfx), "wrong"), "entra_certificate_password"),
    }


SPOILT = (
    "missing",
    "only the key",
    "only the certificate",
    "noise",
    "closed PEM",
    "wrong password for PEM",
    "closed PFX",
    "wrong password for PFX",
)


@pytest.mark.parametrize("what", SPOILT)
def test_a_certificate_file_that_cannot_be_used_is_named(run: Run, keys: KeyFiles, tmp_path: Path, what: str) -> None:
    credential, reason = spoilt(keys, tmp_path)[what]
    with pytest.raises(InputError, match=reason) as refusal:
        run.source(credential).token()
    assert repr(credential.path) in refusal.value.message
    assert "PRIVATE KEY" not in refusal.value.message
    assert run.asked == 0


def test_a_key_that_cannot_be_read_is_told(run: Run, keys: KeyFiles, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text(keys.pem.read_text(encoding="utf-8").replace("MII", "???"), encoding="utf-8")
    with pytest.raises((AuthenticationError, InputError), match=r"(?s)key|could not be opened") as refusal:
        run.source(Certificate(str(broken))).token()
    assert "BEGIN" not in refusal.value.message
    assert run.asked == 0


def test_a_federated_token_file_that_is_not_there(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"entra_federated_token_file: .*nowhere' cannot be read"):
        run.source(FederatedTokenFile(str(tmp_path / "nowhere"))).token()


# ---- a token endpoint that is out of order


def test_a_throttled_token_endpoint_is_waited_for(run: Run) -> None:
    run.twin.fault(surface="entra", method="POST", action="status", status=429, retry_after=7, times=2)
    assert run.source(ClientSecret(SECRET)).token()
    assert run.waits == [7.0, 7.0]


def test_a_throttled_token_endpoint_has_a_budget(run: Run) -> None:
    run.twin.fault(surface="entra", method="POST", action="status", status=429, retry_after=40, times=-1)
    with pytest.raises(RateLimitError, match="rate_limit_timeout"):
        run.source(ClientSecret(SECRET)).token()
    assert run.waits == [40.0]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_failing_token_endpoint_is_asked_again(run: Run, method: str) -> None:
    run.twin.fault(surface="entra", method=method, action="status", status=500, times=2)
    assert run.source(ClientSecret(SECRET)).token()
    assert len(run.waits) == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_endpoint_that_stays_broken_is_told(run: Run, method: str) -> None:
    run.twin.fault(surface="entra", method=method, action="status", status=500, times=-1)
    with pytest.raises(NoAnswerError, match=f"HTTP 500 .*tried {TRIES} times"):
        run.source(ClientSecret(SECRET)).token()


def test_a_dropped_connection_is_tried_again(run: Run) -> None:
    run.twin.fault(surface="entra", method="POST", action="drop_before", times=2)
    assert run.source(ClientSecret(SECRET)).token()
    assert len(run.waits) == 2


def test_a_connection_that_always_drops_is_told(run: Run) -> None:
    run.twin.fault(surface="entra", action="drop_before", times=-1)
    with pytest.raises(NoAnswerError, match="no connection to localhost"):
        run.source(ClientSecret(SECRET)).token()
    assert len(run.waits) == TRIES - 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_web_page_instead_of_a_token_is_told(run: Run, method: str) -> None:
    run.twin.fault(surface="entra", method=method, action="html", status=200, times=-1)
    with pytest.raises(AuthenticationError, match="issued no token"):
        run.source(ClientSecret(SECRET)).token()


# ---- libraries and clouds


def test_a_missing_msal_becomes_a_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msal", None)
    with pytest.raises(MissingLibraryError) as missing:
        run.source(ClientSecret(SECRET)).token()
    assert "The Python library 'msal' is needed" in missing.value.message
    assert 'ansible_python_interpreter to "{{ ansible_playbook_python }}"' in missing.value.message


def test_nothing_is_loaded_before_it_is_needed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msal", None)
    run.source(ClientSecret(SECRET))


@pytest.mark.parametrize(
    ("cloud", "authority", "graph"),
    [
        ("public", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        ("usgov", "https://login.microsoftonline.us", "https://graph.microsoft.us"),
        ("usgov_dod", "https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
        ("china", "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_the_roots_of_the_clouds(cloud: str, authority: str, graph: str) -> None:
    assert (CLOUDS[cloud].authority, CLOUDS[cloud].graph) == (authority, graph)
    assert len(CLOUDS) == 4


@pytest.mark.parametrize(
    ("authority", "discovered"),
    [
        ("https://login.microsoftonline.com/contoso.com", None),
        ("https://login.windows.net/contoso.com", None),
        ("https://login.microsoftonline.us/contoso.com", None),
        ("https://localhost:8365/contoso.com", False),
    ],
)
def test_only_unknown_hosts_are_not_looked_up_at_microsoft(
    run: Run, monkeypatch: pytest.MonkeyPatch, authority: str, discovered: bool | None
) -> None:
    import msal

    seen: dict[str, Any] = {}

    def application(client_id: str, **options: Any) -> Any:
        seen.update(options)
        raise ValueError("that is enough")

    monkeypatch.setattr(msal, "ConfidentialClientApplication", application)
    with pytest.raises(AuthenticationError, match="that is enough"):
        run.source(ClientSecret(SECRET), authority=authority).token()
    assert seen["instance_discovery"] is discovered
    assert isinstance(seen["http_client"], msal_http.MsalHttpClient)


@pytest.mark.parametrize("call", ["post", "get"])
def test_msal_s_requests_carry_our_tls_settings(run: Run, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Whatever MSAL asks for: our certificate authority and time-out go along, and no redirect is followed."""
    sent: dict[str, Any] = {}

    class Answered:
        status_code = 200

    def request(_method: str, _url: str, **options: Any) -> Answered:
        sent.update(options)
        return Answered()

    monkeypatch.setattr(run.http._session, "request", request)
    does: Callable[..., Any] = getattr(msal_http.MsalHttpClient(run.http), call)
    does("https://localhost/x", data={"a": 1}, verify=False, timeout=None, allow_redirects=True)
    assert sent["verify"] == run.twin.ca_path
    assert sent["timeout"] == (10.0, 20)
    assert sent["allow_redirects"] is False
    assert sent["data"] == {"a": 1}


def test_nothing_that_msal_logs_leaves_the_process(run: Run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Version 1.30 logs an answer that is not JSON, with what Entra sends back of the request. Ansible has a log file."""
    log = tmp_path / "ansible.log"
    handler = logging.FileHandler(log, encoding="utf-8")
    root = logging.getLogger()
    root.addHandler(handler)

    class Talkative:
        def application(self, client_id: str, authority: str, http: Http) -> Callable[[list[str]], dict[str, Any]]:
            def ask(scopes: list[str]) -> dict[str, Any]:
                logging.getLogger("msal.oauth2cli.oauth2").error("client_secret=a-planted-secret")
                return {"access_token": "a-token", "expires_in": 3600}

            return ask

    try:
        tokens = run.source(Talkative())
        assert tokens.token() == "a-token"
        logging.getLogger("msal").error("afterwards")
    finally:
        root.removeHandler(handler)
        handler.close()
    written = log.read_text(encoding="utf-8") + "".join(capfd.readouterr())
    assert "a-planted-secret" not in written
    assert "afterwards" in written, "what others do with MSAL is logged as before"
