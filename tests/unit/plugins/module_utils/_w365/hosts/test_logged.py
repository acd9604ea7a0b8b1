# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module writes into the log of the machine, and shows of its arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.release import __version__
from packaging.version import Version

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import AnsibleModule
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
    user_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.raw_request import RawRequestTask

STRANGE = "pl4nted\\n\"'&\ttail-x9"
SPEC: dict[str, dict[str, Any]] = {
    "users": {"type": "list", "elements": "dict", "options": user_spec()},
    "body": {"type": "raw"},
    "query": {"type": "dict"},
    "headers": {"type": "dict"},
    "path": {"type": "str"},
    "count": {"type": "int"},
}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that reaches the log of the machine."""
    lines: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda _self, msg, log_args=None: lines.append(f"{msg} {log_args}"))
    return lines


def module(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> AnsibleModule:
    given = {"_ansible_verbosity": 3, "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False, **arguments}
    if Version(__version__) >= Version("2.21"):
        # Since then, the arguments are part of a result only where Ansible asks for them.
        given["_ansible_inject_invocation"] = True
    text = json.dumps({"ANSIBLE_MODULE_ARGS": given})
    monkeypatch.setattr(basic, "_ANSIBLE_ARGS", text.encode())
    monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
    monkeypatch.setattr(basic, "_PARSED_MODULE_ARGS", None, raising=False)
    return AnsibleModule(RawRequestTask.shown, argument_spec=build_argument_spec(SPEC), supports_check_mode=True)


@pytest.mark.parametrize(
    "arguments",
    [
        {"users": [{"upn": "lee.gu@contoso.com", "password": STRANGE}]},
        {"provisioning_key": STRANGE},
        {"scim_token": STRANGE, "body": {"nested": [STRANGE]}},
        {"body": {"NewPassword": STRANGE}},
        {"headers": {"X-Api-Key": STRANGE}},
        {"query": {"ScimToken": STRANGE}},
        {"path": "/User/Password/", "body": STRANGE},
    ],
)
def test_no_secret_is_logged_or_shown(
    monkeypatch: pytest.MonkeyPatch,
    logged: list[str],
    capsys: pytest.CaptureFixture[str],
    arguments: dict[str, Any],
) -> None:
    """Ansible writes lists and dictionaries as Python does, with other backslashes than the secret has."""
    made = module(monkeypatch, **arguments)
    assert len(logged) == 1
    assert "Invoked with" in logged[0]
    assert "pl4nted" not in logged[0]
    assert "tail-x9" not in logged[0]
    assert json.dumps(made.params).count("pl4nted") >= 1, "the module itself gets it"
    with pytest.raises(SystemExit):
        made.exit_json(changed=False)
    shown = capsys.readouterr().out
    assert "module_args" in shown
    assert "pl4nted" not in shown


def test_arguments_that_are_refused_are_not_shown_either(
    monkeypatch: pytest.MonkeyPatch, logged: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        module(monkeypatch, body={"pwd": STRANGE}, count="many")
    shown = capsys.readouterr().out
    assert json.loads(shown)["failed"]
    assert "pl4nted" not in shown
    assert "pl4nted" not in "".join(logged)


def test_a_short_secret_in_a_list(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    module(monkeypatch, users=[{"upn": "lee.gu@contoso.com", "password": "'x\\"}])
    assert "(1 values)" in logged[0]
    assert "lee.gu" not in logged[0]


def test_other_arguments_are_logged(monkeypatch: pytest.MonkeyPatch, logged: list[str]) -> None:
    module(monkeypatch, path="/contoso/User/", body={"FirstName": "Lee"}, query={"version": "2.0"})
    for part in ("/contoso/User/", "Lee", "2.0"):
        assert part in logged[0]
