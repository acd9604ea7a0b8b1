# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type, dict-item, func-returns-value"

"""No secret leaves: every one is planted, and everything that was printed, returned, logged or left behind is searched.

Secrets reach the plays as a person should give them: from the environment, not in the playbook. All plays run at
``-vvvv`` and with ``--diff``.
"""

from __future__ import annotations

import contextlib
import csv
import html
import json
import re
import shutil
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest
import trustme

from conftest import CONTOSO
from playing import Play, Task, connection, run_playbook, task
from w365_simulator.certificates import make_certificate
from w365_simulator.testing import Twin, start_twin

# Passwords hold what JSON, HTML, URLs and Python write differently. Whatever becomes of that, a mark of plain letters
# on either side of it stays as it is, and the marks are what is looked for.
STRANGE = "\"<&>'\u20ac\\ %+"
SECRETS = {
    "W365_PROVISIONING_KEY": "5ec1e700-0001-4000-8000-planted00001",
    "W365_SCIM_TOKEN": "planted-scim-token-0002",
    "W365_ENTRA_CLIENT_SECRET": "planted~entra.secret_0003",
    "PLANTED_PASSWORD": f"planted0004-head{STRANGE}planted0004-tail",
    "PLANTED_FIRST_PASSWORD": f"planted0005-head{STRANGE}planted0005-tail",
    "PLANTED_SSO_KEY": "planted~sso.key_0006",
    "PLANTED_WRONG_KEY": "planted~wrong.key_0007",
    "PLANTED_CERTIFICATE_PASSWORD": f"planted0008-head{STRANGE}planted0008-tail",
}
MARKS = {
    "W365_PROVISIONING_KEY": ("planted00001",),
    "W365_SCIM_TOKEN": ("planted-scim-token-0002",),
    "W365_ENTRA_CLIENT_SECRET": ("entra.secret_0003",),
    "PLANTED_PASSWORD": ("planted0004-head", "planted0004-tail"),
    "PLANTED_FIRST_PASSWORD": ("planted0005-head", "planted0005-tail"),
    "PLANTED_SSO_KEY": ("sso.key_0006",),
    "PLANTED_WRONG_KEY": ("wrong.key_0007",),
    "PLANTED_CERTIFICATE_PASSWORD": ("planted0008-head", "planted0008-tail"),
    "an access token": ("planted-access-token-0009",),
    # It is in every secret of an app registration that the twin makes up.
    "a client secret": ("8Q~",),
}
# The twin's access tokens, a federated token, an assertion signed with a certificate.
ANY_TOKEN = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}\.")

ADELE = {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"}
FIRST = {"email": "allan.deyoung@contoso.com", "first_name": "Allan", "last_name": "Deyoung"}
SSO = {"primary_domain": "contoso.com", "client_id": "00000000-0000-4000-8000-0000000000b2"}
SUBJECT = "system:serviceaccount:contoso:provisioning"


def planted(name: str) -> str:
    return "{{ lookup('ansible.builtin.env', '" + name + "') }}"


PASSWORD = planted("PLANTED_PASSWORD")
FIRST_PASSWORD = planted("PLANTED_FIRST_PASSWORD")
SSO_KEY = planted("PLANTED_SSO_KEY")
WRONG_KEY = planted("PLANTED_WRONG_KEY")


@dataclass(frozen=True)
class Credentials:
    """Files with secrets in them, and a line of each that must not be seen anywhere else."""

    certificate: Path
    federated: Path
    public: str
    lines: tuple[str, ...]


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    folder = tmp_path_factory.mktemp("credentials")
    made = make_certificate()
    private, public = made.private(SECRETS["PLANTED_CERTIFICATE_PASSWORD"]), made.public
    (folder / "entra.pem").write_text(private + public, encoding="utf-8")
    claims = {"iss": "https://fabrikam.com", "sub": SUBJECT, "aud": "api://AzureADTokenExchange"}
    token = jwt.encode({**claims, "exp": int(time.time()) + 3600}, "a key that only the other side has", "HS256")
    (folder / "federated.jwt").write_text(token, encoding="utf-8")
    return Credentials(
        folder / "entra.pem", folder / "federated.jwt", public, (private.splitlines()[5], token.rpartition(".")[2])
    )


@pytest.fixture(scope="module")
def guarded_twin(tmp_path_factory: pytest.TempPathFactory, credentials: Credentials) -> Iterator[Twin]:
    """A twin whose keys are the planted ones."""
    # It prints its keys when it starts, so that a person can use it; here it is only to print what goes wrong.
    keys = (
        "--provisioning-key",
        SECRETS["W365_PROVISIONING_KEY"],
        "--scim-token",
        SECRETS["W365_SCIM_TOKEN"],
        "--quiet",
    )
    with start_twin(tmp_path_factory.mktemp("guarded"), seed=guarded_seed(credentials), arguments=keys) as twin:
        yield twin


def leaks(places: dict[str, str], *lines: str) -> list[str]:
    """Which secret stands where. What is told of the place is too short to show the secret itself."""
    found = []
    for place, text in places.items():
        for name, marks in {**MARKS, "a file": lines}.items():
            for mark in marks:
                at = text.find(mark)
                if at >= 0:
                    found.append(f"{name} is in {place} after: {text[max(0, at - 120) : at]!r}")
        if token := ANY_TOKEN.search(text):
            found.append(f"a token is in {place} after: {text[max(0, token.start() - 120) : token.start()]!r}")
    return found


def expect_clean(played: Play, twin: Twin, tmp_path: Path, credentials: Credentials) -> None:
    """Look for every secret in whatever a person, a log or a later task could see."""
    left_behind = {
        f"the file {path.name}": path.read_text(encoding="utf-8", errors="replace")
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    places = {
        "the output": played.output,
        "the results": json.dumps([step.result for step in played], default=str, ensure_ascii=False),
        "the twin's log of requests": json.dumps(twin.requests(), ensure_ascii=False),
        "the twin's output": twin.output(),
        **left_behind,
    }
    assert len(played.output) > 5000, "this is not what -vvvv prints"
    found = leaks(places, *credentials.lines)
    assert not found, "\n".join(found)


def run(
    tmp_path: Path,
    twin: Twin,
    *tasks: Task,
    scim: bool = False,
    environ: dict[str, str] | None = None,
    defaults: dict[str, Any] | None = None,
    play: dict[str, Any] | None = None,
) -> Play:
    options = {**connection(twin, scim=scim), **(defaults or {})}
    for name in ("provisioning_key", "scim_token", "entra_client_secret"):
        options.pop(name, None)
    # Sockets lie in the temporary folder too, and their paths must not be as long as those that pytest makes up.
    with tempfile.TemporaryDirectory(prefix="w365-") as temporary:
        played = run_playbook(
            tmp_path,
            twin,
            tasks,
            defaults={name: value for name, value in options.items() if value is not None},
            arguments=("-vvvv", "--diff"),
            # From 2.21 on Ansible shows the arguments of modules only when it is asked to.
            environ={**SECRETS, "TMPDIR": temporary, "ANSIBLE_INJECT_INVOCATION": "true", **(environ or {})},
            play=play,
        )
        # What is left behind there is searched like everything else.
        for number, path in enumerate(path for path in Path(temporary).rglob("*") if path.is_file()):
            shutil.copyfile(path, tmp_path / f"temporary-{number}-{path.name}")
    return played


def test_when_all_goes_well(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    """In check mode and for real. Without pipelining, Ansible also puts the arguments into a file, and takes it away."""
    certificate = {
        "entra_certificate_path": str(credentials.certificate),
        "entra_certificate_password": planted("PLANTED_CERTIFICATE_PASSWORD"),
    }
    federated = {"entra_federated_token_file": str(credentials.federated)}
    # A file with passwords is the person's own; its place is not among those that are searched.
    people = credentials.certificate.with_name("people.csv")
    with people.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["upn", "first_name", "last_name", "password"])
        rows.writerow(["megan.bowen@contoso.com", "Megan", "Bowen", SECRETS["PLANTED_PASSWORD"]])

    def everything(check: bool) -> list[Task]:
        return [
            task("w365_user", check=check, **ADELE, password=PASSWORD),
            task("w365_user", check=check, upn="nestor.wilke@contoso.com", password=PASSWORD, update_password="always"),
            task("w365_environment", check=check, environment="lab", administrator={**FIRST, "password": FIRST_PASSWORD}),
            task("w365_sso", check=check, **SSO, key=SSO_KEY),
            task("w365_group", check=check, name="Retail", scim_url=guarded_twin.scim_url("contoso")),
            task("w365_o365_import_info", check=check, groups=["Sales and Marketing"]),
            task("w365_directory", check=check, src=[str(people)], update_password="always",
                 users=[{"upn": "nestor.wilke@contoso.com", "password": PASSWORD}]),
            task("w365_api", check=check, path="/{environment}/User/", method="POST",
                 body={"EmailAddress": "lee.gu@contoso.com", "FirstName": "Lee", "LastName": "Gu", "Password": PASSWORD}),
        ]  # fmt: skip

    unset = {"W365_ENTRA_CLIENT_SECRET": ""}
    guarded_twin.reset(guarded_seed(credentials))
    played = run(tmp_path, guarded_twin, *everything(True), *everything(False), environ={"ANSIBLE_PIPELINING": "false"})
    assert [step.status for step in played] == ["ok"] * 16, played.output[-3000:]
    expect_clean(played, guarded_twin, tmp_path, credentials)
    # The arguments are shown at -vvvv, so there was something to mask.
    assert played.output.count("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER") >= 14
    # That the secrets really went out is what makes the search worth something.
    users = guarded_twin.environment("contoso")["users"]
    passwords = {
        users[upn]["password_sha256"]
        for upn in (ADELE["upn"], "nestor.wilke@contoso.com", "lee.gu@contoso.com", "megan.bowen@contoso.com")
    }
    assert len(passwords) == 1
    assert None not in passwords
    assert guarded_twin.environment("lab")["users"][FIRST["email"]]["password_set"]
    assert guarded_twin.environment("contoso")["sso"]["authority"] == "https://login.windows.net/contoso.com"

    played = run(
        tmp_path,
        guarded_twin,
        task("w365_o365_import_info", groups=["Sales and Marketing"], **certificate),
        task("w365_o365_import_info", groups=["Sales and Marketing"], **federated),
        task("w365_o365_import_info", title="a wrong password", groups=["Sales and Marketing"], **certificate
             | {"entra_certificate_password": WRONG_KEY}),
        task("w365_o365_import_info", title="a wrong application", groups=["Sales and Marketing"], **certificate
             | {"entra_client_id": SSO["client_id"]}),
        task("w365_o365_import_info", title="a wrong subject", groups=["Sales and Marketing"], **federated
             | {"entra_client_id": SSO["client_id"]}),
        environ=unset,
    )  # fmt: skip
    assert [step.status for step in played] == ["ok", "ok", "failed", "failed", "failed"], played.output[-3000:]
    assert "Check the file and entra_certificate_password" in played[2].message
    assert "AADSTS700027" in played[3].message
    assert "AADSTS700213" in played[4].message
    expect_clean(played, guarded_twin, tmp_path, credentials)


def guarded_seed(credentials: Credentials) -> dict[str, Any]:
    seed: dict[str, Any] = json.loads(json.dumps(CONTOSO))
    first, second = seed["tenants"][0]["applications"]
    first |= {
        "client_secret": SECRETS["W365_ENTRA_CLIENT_SECRET"],
        "certificates": [credentials.public],
        "federated_subjects": [SUBJECT],
    }
    second |= {"client_secret": SECRETS["PLANTED_SSO_KEY"]}
    return seed


# A server that sends everything back


class Echo:
    """Answers with whatever it was sent: headers and body, as they are and in the spellings of JSON, HTML and URLs.

    The first folder of the path says in which kind of answer. After `write-`, reads find nothing and only writes are
    answered so. As an Entra tenant, `grant.contoso.com` gives a token, and every other name refuses in its own way.
    """

    def __init__(self) -> None:
        self.url = ""
        self.received = ""

    def answer(self, method: str, path: str, headers: str, body: str) -> tuple[int, dict[str, str], str]:
        _, mode, *_rest = path.replace(".contoso.com/", "/", 1).split("/")
        if path.endswith("/.well-known/openid-configuration"):
            root = f"{self.url}/{mode}.contoso.com"
            ends = {"authorization_endpoint": f"{root}/authorize", "token_endpoint": f"{root}/token"}
            return 200, {}, json.dumps({"issuer": f"{root}/v2.0", **ends})
        if path == "/grant.contoso.com/token":
            return (
                200,
                {},
                json.dumps({"access_token": "planted-access-token-0009", "token_type": "Bearer", "expires_in": 3599}),
            )
        if mode.startswith("write-"):
            if method == "GET":
                return 200, {}, "[]"
            mode = mode.removeprefix("write-")
        raw = f"{headers} {body} {' '.join(strings_of(body))}"
        echo = f"You sent {raw} {html.escape(raw)} {quote(raw)}"
        one_line = quote(" ".join(f"{headers} {body}".split()))
        page = {"Content-Type": "text/html"}
        return {
            "json": (400, {}, json.dumps([{"MemberNames": [echo], "ErrorMessage": echo}])),
            "scim": (400, {}, json.dumps({"detail": echo, "scimType": echo, "status": "400"})),
            "unknown": (422, {}, json.dumps({echo: [echo, {"inner": echo}]})),
            "html": (500, page, f"<html><body>{html.escape(echo)}</body></html>"),
            "text": (400, {"Content-Type": "text/plain"}, echo),
            "forbidden": (403, {}, json.dumps({"Message": echo, "error": {"code": echo, "message": echo}})),
            "redirect": (302, {"Location": f"{self.url}/elsewhere?{one_line}"}, ""),
            "header": (200, {"X-Echo": one_line}, json.dumps({"Id": 365})),
            "odd": (200, page, f"<html><body>{html.escape(echo)}</body></html>"),
            "fine": (200, {}, json.dumps({"value": echo, echo: [echo]})),
            # What we read as numbers and lists is something else.
            "wrong": (200, {}, json.dumps({"totalResults": echo, "Resources": echo, "value": echo})),
            "refuse": (401, {}, json.dumps({"error": "invalid_client", "error_description": f"AADSTS7000215: {echo}"})),
        }[mode]  # fmt: skip


def strings_of(body: str) -> list[str]:
    """The texts in a JSON body, decoded."""
    found: list[str] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        found.extend(value for _name, value in pairs if isinstance(value, str))

    with contextlib.suppress(ValueError):
        json.loads(body, object_pairs_hook=keep)
    return found


@pytest.fixture
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Echo, str]]:
    """The server and the file that its certificate is verified with."""
    folder = tmp_path_factory.mktemp("echo")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    echo = Echo()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            headers = " ".join(f"{name}: {value}" for name, value in self.headers.items())
            echo.received += f"{headers} {body} {' '.join(strings_of(body))}"
            status, more, content = echo.answer(self.command, self.path.partition("?")[0], headers, body)
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **more}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content.encode())))
            self.end_headers()
            self.wfile.write(content.encode())

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True)
    echo.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield echo, str(folder / "ca.pem")
    server.shutdown()
    thread.join()
    server.server_close()


def echoes(
    fine: list[Task], failing: list[Task], twin: Twin, credentials: Credentials, tmp_path: Path, echo: tuple[Echo, str], *sent: str
) -> None:  # fmt: skip
    """Play the tasks against the server that sends everything back; `sent` are the secrets that must have reached it."""
    server, ca_path = echo
    played = run(tmp_path, twin, *fine, *failing, defaults={"ca_path": ca_path, "entra_authority": server.url})
    statuses = [(step.name, step.status) for step in played]
    wanted = [(item["name"], "ok") for item in fine] + [(item["name"], "failed") for item in failing]
    assert statuses == wanted
    missing = [name for name in sent if not all(mark in server.received for mark in MARKS[name])]
    assert not missing, f"these secrets were never sent, so nothing is proved for them: {missing}"
    # The server's words came through, without the secrets.
    shown = [json.dumps(step.result) for step in played]
    assert sum("You sent" in text for text in shown) > len(shown) / 2
    assert sum("********" in text for text in shown) > len(shown) / 2
    expect_clean(played, twin, tmp_path, credentials)


def test_when_the_provisioning_api_sends_the_secrets_back(
    guarded_twin: Twin, credentials: Credentials, tmp_path: Path, echo: tuple[Echo, str]
) -> None:
    def at(mode: str) -> dict[str, str]:
        return {"title": mode, "instance_url": f"{echo[0].url}/{mode}"}

    lab = {"environment": "lab", "administrator": {**FIRST, "password": FIRST_PASSWORD}, "validate": False}
    lee = {"path": "/lab/User/", "method": "POST", "body": {"Password": PASSWORD, "Name": "Lee"}}
    sso = {**SSO, "key": SSO_KEY, "verify": False, "update_key": "always"}
    fine = [
        task("w365_api", **at("fine"), **lee),
        task("w365_api", **at("header"), **lee),
        task("w365_api", **at("odd"), **lee, redact=False),
    ]
    failing = [
        task("w365_environment_info", **at("odd")),
        task("w365_user", **at("write-json"), **ADELE, password=PASSWORD),
        task("w365_user", **at("write-html"), **ADELE, password=PASSWORD),
        task("w365_user", **at("write-unknown"), **ADELE, password=PASSWORD),
        task("w365_user", **at("forbidden"), **ADELE, password=PASSWORD),
        task("w365_environment", **at("write-json"), **lab),
        task("w365_environment", **at("write-text"), **lab),
        task("w365_sso", **at("write-html"), **sso),
        task("w365_sso", **at("write-redirect"), **sso),
        task("w365_api", **at("text"), **lee),
        task("w365_api", **at("redirect"), **lee),
    ]
    names = ("W365_PROVISIONING_KEY", "PLANTED_PASSWORD", "PLANTED_FIRST_PASSWORD", "PLANTED_SSO_KEY")
    echoes(fine, failing, guarded_twin, credentials, tmp_path, echo, *names)


@pytest.mark.slow
def test_when_scim_graph_and_entra_send_the_secrets_back(
    guarded_twin: Twin, credentials: Credentials, tmp_path: Path, echo: tuple[Echo, str]
) -> None:
    url = echo[0].url

    def scim(mode: str) -> dict[str, str]:
        return {"title": f"SCIM, {mode}", "scim_url": f"{url}/{mode}"}

    def graph(mode: str, tenant: str = "grant") -> dict[str, Any]:
        return {
            "title": f"Graph, {mode}, {tenant}",
            "graph_url": f"{url}/{mode}",
            "entra_tenant": f"{tenant}.contoso.com",
            "everything": True,
        }

    fine = [
        task("w365_api", **scim("fine"), service="scim", path="/Users"),
        task(
            "w365_api",
            title="Graph",
            service="graph",
            path="/users",
            graph_url=f"{url}/fine",
            entra_tenant="grant.contoso.com",
        ),
    ]
    failing = [
        task("w365_user", **scim("scim"), **ADELE),
        task("w365_user_info", **scim("html")),
        task("w365_user_info", **scim("wrong")),
        task("w365_group_info", **scim("forbidden")),
        task("w365_group", **scim("odd"), name="Retail"),
        task("w365_o365_import", **graph("json")),
        task("w365_o365_import", **graph("forbidden")),
        task("w365_o365_import", **graph("wrong")),
        task("w365_o365_import_info", **graph("odd")),
        task("w365_o365_import_info", **graph("fine", "refuse")),
        task("w365_o365_import_info", **graph("fine", "html")),
        task("w365_o365_import_info", **graph("fine", "odd")),
        task("w365_sso", title="single sign-on", client_id=SSO["client_id"], key=WRONG_KEY, authority=f"{url}/refuse",
             instance_url=f"{url}/write-json"),
    ]  # fmt: skip
    names = ("W365_SCIM_TOKEN", "W365_ENTRA_CLIENT_SECRET", "PLANTED_WRONG_KEY", "an access token")
    echoes(fine, failing, guarded_twin, credentials, tmp_path, echo, *names)


@pytest.mark.slow
def test_when_the_module_crashes(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    """A library below us raises something that nobody expects, with everything that it was given in its text."""
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(
        "import requests\n"
        "def crash(self, method, url, **given):\n"
        "    if method != 'GET' or 'SCIM_ONLY' in url or '/scim/' in url or '/graph/' in url:\n"
        '        raise RuntimeError(f\'Crashed on purpose with {given} {given.get("headers")} {given.get("data")}\')\n'
        "    return send(self, method, url, **given)\n"
        "send, requests.Session.request = requests.Session.request, crash\n"
    )
    guarded_twin.reset(guarded_seed(credentials))
    lab = {"environment": "lab", "administrator": {**FIRST, "password": FIRST_PASSWORD}}
    played = run(
        tmp_path,
        guarded_twin,
        task("w365_user", **ADELE, password=PASSWORD),
        task("w365_environment", **lab),
        task("w365_sso", **SSO, key=SSO_KEY, verify=False),
        task("w365_sso", **SSO, key=SSO_KEY),
        task("w365_user_info", scim_url=guarded_twin.scim_url("contoso")),
        task("w365_o365_import_info", everything=True),
        task("w365_api", method="POST", path="/{environment}/User/", body={"Password": PASSWORD}),
        play={"environment": {"PYTHONPATH": str(shim)}},
    )
    for step in played:
        assert step.status == "failed"
        assert "Crashed on purpose" in json.dumps(step.result), step.message
        assert "********" in json.dumps(step.result)
    expect_clean(played, guarded_twin, tmp_path, credentials)


def test_a_key_that_cannot_be_sent(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    """It is refused without being shown."""
    spoils = ["\nX-Injected: 1", "\u20ac", "\0"]

    def spoiled(name: str, spoil: int) -> str:
        return "{{ lookup('ansible.builtin.env', '" + name + f"') ~ spoils[{spoil}]" + " }}"

    guarded_twin.reset(guarded_seed(credentials))
    expected = [
        (task("w365_environment_info", provisioning_key=spoiled("W365_PROVISIONING_KEY", 0)), "provisioning_key"),
        (task("w365_environment_info", provisioning_key=spoiled("W365_PROVISIONING_KEY", 1)), "provisioning_key"),
        (task("w365_user", **ADELE, scim_url=guarded_twin.scim_url("contoso"), scim_token=spoiled("W365_SCIM_TOKEN", 2)), "scim_token"),
        (task("w365_o365_import_info", everything=True, entra_client_secret=spoiled("W365_ENTRA_CLIENT_SECRET", 0)), "entra_client_secret"),
    ]  # fmt: skip
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    played = run(
        tmp_path, guarded_twin, *(item for item, _option in expected), play={"vars": {**python, "spoils": spoils}}
    )
    for step, (_task, option) in zip(played, expected, strict=True):
        assert step.status == "failed"
        assert f"Option {option} holds a" in step.message
        assert step.requests == []
    expect_clean(played, guarded_twin, tmp_path, credentials)


@pytest.mark.slow
def test_roles_that_carry_secrets(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    guarded_twin.reset(guarded_seed(credentials))

    def role(name: str, **variables: Any) -> Task:
        return {
            "name": name,
            "block": [
                {"ansible.builtin.include_role": {"name": f"workspace365.provisioning.{name}"}, "vars": variables}
            ],
            "rescue": [{"name": f"{name} was refused", "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg | default('') }}"}}],
        }  # fmt: skip

    adele, lee = {**ADELE, "password": PASSWORD}, {"upn": "lee.gu@contoso.com", "first_name": "Lee", "last_name": "Gu"}
    malformed = {**lee, "upn": "lee", "password": PASSWORD}
    gone = {**lee, "state": "gone", "password": PASSWORD}
    always = {"update_password": "always"}
    sso = {**SSO, "key": SSO_KEY}
    tenant = {
        "environment": {"name": "lab", "administrator": {**FIRST, "password": FIRST_PASSWORD}},
        "sso": sso,
        "users": [adele],
    }
    played = run(
        tmp_path,
        guarded_twin,
        role("w365_users", w365_users_list=[adele, lee]),
        role("w365_users", w365_users_list=[adele, malformed], w365_users_secure_logging=False),
        role("w365_users", w365_users_list=[malformed]),
        role("w365_users", w365_users_list=[gone]),
        role("w365_users", w365_users_list=[{"password": PASSWORD}]),
        role("w365_directory", w365_directory_definition={**always, "users": [adele, lee]}),
        role(
            "w365_directory",
            w365_directory_definition={**always, "users": [adele]},
            w365_directory_secure_logging="false",
        ),
        role(
            "w365_directory",
            w365_directory_definition={"users": [adele, malformed]},
            w365_directory_secure_logging=False,
        ),
        role("w365_directory", w365_directory_definition={"users": [malformed]}),
        role("w365_directory", w365_directory_definition={"users": [gone]}),
        role("w365_sso", w365_sso_definition={**sso, "key": WRONG_KEY}),
        role("w365_sso", w365_sso_definition={**sso, "update_key": "sometimes"}),
        role("w365_environment", w365_environment_definition={**tenant["environment"], "state": "gone"}),
        role("w365_tenant", w365_tenant_definition=tenant),
        role("w365_tenant", w365_tenant_definition={**tenant, "sso": {**sso, "client_id": ["no text"]}}),
    )
    refused = [step for step in played if step.name.endswith("was refused")]
    assert len(refused) == 11, played.output[-3000:]
    assert "value of state must be one of: present, absent" in played.output
    assert guarded_twin.environment("contoso")["users"][ADELE["upn"]]["password_set"]
    assert guarded_twin.environment("lab")["users"][FIRST["email"]]["password_set"]
    assert guarded_twin.environment("lab")["users"][ADELE["upn"]]["password_set"]
    assert guarded_twin.environment("lab")["sso"]["client_id"] == SSO["client_id"]
    expect_clean(played, guarded_twin, tmp_path, credentials)


@pytest.mark.slow
def test_roles_that_make_secrets(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    """The app registration by role and tenant, also when Workspace 365 fails in the middle; SCIM with its key."""
    kept = credentials.certificate.with_name("kept")
    quick = {"replication_timeout": 0, "activation_timeout": 0}

    def role(name: str, definition: dict[str, Any]) -> Task:
        included = {"ansible.builtin.include_role": {"name": f"workspace365.provisioning.{name}"}}
        refused = {
            "name": f"{name} failed",
            "ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg | default('') }}"},
        }
        return {"name": name, "block": [{**included, "vars": {f"{name}_definition": definition}}], "rescue": [refused]}

    def app(**options: Any) -> dict[str, Any]:
        return {"primary_domain": "contoso.com", "app": {**quick, "rotate": "always", **options}}

    store = {
        "name": "store",
        "ansible.builtin.copy": {"dest": str(kept), "content": "{{ w365_sso_result.client_secret }}", "mode": "0600"},
        "no_log": True,
    }
    shown = {
        "name": "facts",
        "ansible.builtin.debug": {"msg": "{{ [w365_sso_result, w365_tenant_result, w365_scim_result] }}"},
    }
    scim = {"groups": ["Invoice Approvals"], "notification_email": "it@contoso.com", "replication_timeout": 4}
    tenant = {"sso": app(), "scim": scim}
    tasks = [
        role("w365_sso", app()),
        role("w365_sso", app(return_secret=True)),
        store,
        role("w365_sso", app(return_secret="perhaps")),
        role("w365_sso", {**app(), "client_id": SSO["client_id"], "key": SSO_KEY}),
        role("w365_tenant", tenant),
        shown,
        role("w365_tenant", {**tenant, "sso": app(return_secret=True)}),
        role("w365_scim", {**scim, "update_credentials": "always"}),
    ]
    for status in (0, 500):
        guarded_twin.reset(guarded_seed(credentials))
        if status:
            guarded_twin.fault(surface="provisioning", method="PUT", action="status", status=status, times=-1)
        given = tasks[:2] + tasks[5:6] if status else tasks
        defaults = {"scim_url": guarded_twin.scim_url("contoso")}
        played = run(tmp_path, guarded_twin, *given, defaults=defaults)
        assert played.code == 0, played.output[-3000:]
        failed = [step.name for step in played if step.name.endswith(" failed")]
        wanted = ["w365_sso", "w365_sso", "w365_tenant"]
        assert failed == [f"{name} failed" for name in wanted], played.output[-3000:]
        expect_clean(played, guarded_twin, tmp_path, credentials)
        guarded_twin.clear_faults()
    assert "8Q~" in kept.read_text(encoding="utf-8")


@pytest.mark.slow
def test_parameters_of_roles_that_carry_secrets(guarded_twin: Twin, credentials: Credentials, tmp_path: Path) -> None:
    """Under ``roles:``, where Ansible hands what was given to the check of the arguments."""
    guarded_twin.reset(guarded_seed(credentials))
    lee = {"upn": "lee.gu@contoso.com", "first_name": "Lee", "last_name": "Gu", "password": PASSWORD}
    for people, refusal in (
        ([lee], ""),
        ([{**lee, "state": "gone"}], "value of state must be one of: present, absent"),
    ):
        users = {"role": "workspace365.provisioning.w365_users", "w365_users_list": people}
        sso = {"role": "workspace365.provisioning.w365_sso", "w365_sso_definition": {**SSO, "key": SSO_KEY}}
        played = run(tmp_path, guarded_twin, play={"roles": [sso, users]})
        assert (played.code != 0) is bool(refusal), played.output[-3000:]
        assert refusal in played.output
        expect_clean(played, guarded_twin, tmp_path, credentials)
    assert guarded_twin.environment("contoso")["users"]["lee.gu@contoso.com"]["password_set"]
    assert guarded_twin.environment("contoso")["sso"]
