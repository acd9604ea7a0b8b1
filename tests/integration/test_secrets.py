# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""No secret leaves: every one is planted, and everything that was printed, returned, sent back or left behind is searched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import CONTOSO
from playing import Play, Task, connection, run_playbook, task
from w365_simulator.testing import Twin, start_twin

SECRETS = {
    "W365_PROVISIONING_KEY": "5ec1e700-0001-4000-8000-planted00001",
    "W365_SCIM_TOKEN": "planted-scim-token-0002",
    "W365_ENTRA_CLIENT_SECRET": "entra-demo-secret-of-the-twin",
    "PLANTED_PASSWORD": "planted-password-0004",
    "PLANTED_FIRST_PASSWORD": "planted-first-password-0005",
    "PLANTED_SSO_KEY": "sso-demo-secret-of-the-twin",
    "PLANTED_WRONG_KEY": "planted-wrong-key-0007",
}
ADELE = {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"}
SSO = {"primary_domain": "contoso.com", "client_id": "00000000-0000-4000-8000-0000000000b2"}


def planted(name: str) -> str:
    return "{{ lookup('ansible.builtin.env', '" + name + "') }}"


@pytest.fixture
def guarded_twin(tmp_path: Path) -> Iterator[Twin]:
    keys = ("--provisioning-key", SECRETS["W365_PROVISIONING_KEY"], "--scim-token", SECRETS["W365_SCIM_TOKEN"])
    with start_twin(tmp_path / "twin", seed=CONTOSO, arguments=keys) as twin:
        yield twin


def search(played: Play, twin: Twin, tmp_path: Path) -> None:
    """Look for every secret in what a person, a log or a later task could see."""
    left_behind = {
        path.name: path.read_text(encoding="utf-8", errors="replace")
        for path in tmp_path.rglob("*")
        # The twin's own database is the server's side, not ours.
        if path.is_file() and path.parent.name != "twin" and "tls" not in path.parts
    }
    places = {
        "the output": played.output,
        "the results": json.dumps([step.result for step in played], default=str),
        "the twin's log of requests": json.dumps([step.requests for step in played]),
        **left_behind,
    }
    for name, secret in SECRETS.items():
        for place, text in places.items():
            found = text.find(secret)
            assert found < 0, f"{name} is in {place}: {text[max(0, found - 200) : found].replace(secret, '')}"


def run(tmp_path: Path, twin: Twin, tasks: list[Task], *, scim: bool, extra: dict[str, str] | None = None) -> Play:
    options = connection(twin, scim=scim)
    for name in ("provisioning_key", "scim_token", "entra_client_secret"):
        options.pop(name, None)
    return run_playbook(
        tmp_path, twin, tasks, defaults=options, arguments=("-vvvv", "--diff"), environ={**SECRETS, **(extra or {})}
    )


def everything(check: bool) -> list[Task]:
    password = planted("PLANTED_PASSWORD")
    first = {"email": "allan.deyoung@contoso.com", "first_name": "Allan", "last_name": "Deyoung"}
    return [
        task("w365_user", check=check, **ADELE, password=password, update_password="always"),
        task("w365_user", check=check, **ADELE, password=password, update_password="always", active=False),
        task("w365_environment", check=check, environment="lab", administrator={**first, "password": planted("PLANTED_FIRST_PASSWORD")}),
        task("w365_sso", check=check, **SSO, key=planted("PLANTED_SSO_KEY")),
        task("w365_sso", check=check, **SSO, key=planted("PLANTED_WRONG_KEY"), update_key="always"),
        task("w365_o365_import_info", check=check, groups=["Sales and Marketing"]),
        task("w365_api", check=check, path="/{environment}/User/"),
        task("w365_api", check=check, path="/{environment}/Nowhere/", method="PUT", body={"Password": password}),
    ]  # fmt: skip


def test_when_all_goes_well_and_when_tasks_fail(guarded_twin: Twin, tmp_path: Path) -> None:
    played = run(tmp_path, guarded_twin, everything(True) + everything(False), scim=False)
    failed = [step.name for step in played if step.status == "failed"]
    assert failed == ["w365_sso (check)", "w365_sso", "w365_api"], played.output[-3000:]
    # That the secrets really went out is what makes the search worth something.
    assert played[8].environment()["users"]["adele.vance@contoso.com"]["password_set"]
    assert played[11].environment()["sso"]["authority"] == "https://login.windows.net/contoso.com"
    search(played, guarded_twin, tmp_path)


@pytest.mark.parametrize("scim", [False, True], ids=["provisioning", "scim"])
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 400},
        {"action": "status", "status": 403},
        {"action": "status", "status": 500},
        {"action": "status", "status": 200},
    ],
    ids=["refused", "forbidden", "broken", "odd"],
)
def test_when_a_server_sends_the_secret_back(
    fault: dict[str, Any], scim: bool, guarded_twin: Twin, tmp_path: Path
) -> None:
    echoed = " ".join(SECRETS.values())
    body = json.dumps([{"MemberNames": [echoed], "ErrorMessage": echoed, "detail": echoed, echoed: echoed}])
    guarded_twin.fault(surface="scim" if scim else "provisioning", times=-1, body=body, **fault)
    wrong = {} if scim else {"password": planted("PLANTED_PASSWORD")}
    played = run(
        tmp_path,
        guarded_twin,
        [
            task("w365_user", **ADELE, **wrong),
            task("w365_api", service="scim" if scim else "provisioning", path="/Users", redact=False),
        ],
        scim=scim,
    )
    assert {step.status for step in played} <= {"failed", "ok"}
    assert any(step.status == "failed" for step in played) or fault["status"] == 200
    for step in played:
        shown = json.dumps(step.result)
        for name, secret in SECRETS.items():
            given = name.startswith("W365_") or (not scim and name == "PLANTED_PASSWORD" and step.name == "w365_user")
            assert not given or secret not in shown, f"{name} came back through {step.name}: {step.message}"


def test_a_key_that_cannot_be_sent(guarded_twin: Twin, tmp_path: Path) -> None:
    spoiled = SECRETS["W365_PROVISIONING_KEY"] + "\nX-Injected: 1"
    played = run(
        tmp_path, guarded_twin, [task("w365_environment_info")], scim=False, extra={"W365_PROVISIONING_KEY": spoiled}
    )
    assert "provisioning_key holds a line break" in played[0].message
    assert played[0].requests == []
    search(played, guarded_twin, tmp_path)
