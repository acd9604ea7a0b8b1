# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task in Ansible's own process: plain values, no secrets, and the sentences that AnsibleModule adds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.host import SessionStore
from ansible_collections.workspace365.provisioning.plugins.modules import w365_environment
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.direct_host import (
    DirectHost,
    Setting,
    plain,
    run_directly,
)


class Text(str):
    """As ansible-core 2.19 makes one that notes where it was written."""


class Encrypted:
    """As ansible-core makes one of a value that is decrypted when it is read."""

    def encode(self) -> bytes:
        raise NotImplementedError

    def __str__(self) -> str:
        return "decrypted"


def test_values_become_what_json_makes_of_them() -> None:
    given = {
        Text("a"): Text("text"),
        1: (1, True, None, 1.5),
        "set": {"one"},
        "date": date(2026, 1, 2),
        "time": datetime(2026, 1, 2, 3, 4, tzinfo=timezone.utc),
        "vault": [Encrypted()],
    }
    made = plain(given)
    assert made == {
        "a": "text",
        "1": [1, True, None, 1.5],
        "set": ["one"],
        "date": "2026-01-02",
        "time": "2026-01-02T03:04:00+00:00",
        "vault": ["decrypted"],
    }
    assert {type(name) for name in made} == {str}
    assert type(made["a"]) is str


def test_what_json_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError):
        plain({"upn": object()})


def fake(run: Callable[[Task], dict[str, Any]], **spec: Any) -> Any:
    """A module with a task of its own."""
    return SimpleNamespace(ARGUMENT_SPEC=spec, RULES={}, KIND=Task, run=run)


def play(module: Any, arguments: Mapping[str, Any], **setting: Any) -> dict[str, Any]:
    options = {"name": "w365_user", "check_mode": False, "diff_mode": False, "environ": {}, **setting}
    spec = build_argument_spec(module.ARGUMENT_SPEC)
    return run_directly(module, spec, arguments, Setting(show=print, decrypt=lambda text: None, **options))


SECRET = "a-secret-of-the-test"
NESTED = {"people": {"type": "list", "elements": "dict", "aliases": ["persons"], "options": {"pin": {"no_log": True}}}}


@pytest.mark.parametrize(
    "arguments",
    [
        {"provisioning_key": SECRET},
        {"people": [{"pin": SECRET}]},
        {"persons": [{"pin": SECRET}]},
        {"people": [{"pin": {"deep": [SECRET]}}]},
    ],
)
def test_secrets_are_masked_in_results_and_arguments(arguments: dict[str, Any]) -> None:
    result = play(fake(lambda task: {"changed": True, "said": f"<{SECRET}>", SECRET[:3]: True}, **NESTED), arguments)
    assert SECRET not in repr(result)
    assert result["changed"] is True
    assert result["said"] == "<" + "*" * 8 + ">"


@pytest.mark.parametrize(
    "given",
    [{f"<{SECRET}>": 1}, {"deep": [{"deeper": {SECRET: "x"}}]}, {SECRET: {"below": SECRET}}],
)
def test_secrets_are_masked_in_the_keys_of_arguments(given: dict[str, Any]) -> None:
    spec = {"mapping": {"type": "dict"}}
    result = play(fake(lambda task: {}, **spec), {"provisioning_key": SECRET, "mapping": given, "timeout": 7})
    assert SECRET not in repr(result)
    shown = result["invocation"]["module_args"]
    assert (len(shown["mapping"]), shown["timeout"]) == (1, 7)


@pytest.mark.parametrize(
    "arguments",
    [
        {"provisioning_key": SECRET, "timeout": f"soon {SECRET}"},
        {"people": [{"pin": SECRET, SECRET: 1}]},
        {"people": {"pin": SECRET}, "timeout": SECRET},
    ],
)
def test_secrets_are_masked_in_what_refuses_arguments(arguments: dict[str, Any]) -> None:
    result = play(fake(lambda task: {}, **NESTED), arguments)
    assert result["failed"]
    assert SECRET not in repr(result)


def test_a_secret_of_the_environment_and_one_found_on_the_way_are_masked() -> None:
    def run(task: Task) -> dict[str, Any]:
        task.add_secrets(["found-on-the-way"])
        return {"said": [task.options["scim_token"], "found-on-the-way"]}

    result = play(fake(run), {}, environ={"W365_SCIM_TOKEN": SECRET})
    assert SECRET not in repr(result)
    assert "found-on-the-way" not in repr(result)


def test_the_environment_is_that_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("W365_ENVIRONMENT", "fabrikam")

    def run(task: Task) -> dict[str, Any]:
        return {
            "environment": task.options["environment"],
            "told": [task.host.is_from_environment(name) for name in ("environment", "scim_url")],
        }

    given = {"scim_url": "https://w365.contoso.com"}
    assert play(fake(run), given, environ={"W365_ENVIRONMENT": " "})["environment"] is None
    assert play(fake(run), given, environ={"W365_ENVIRONMENT": "contoso"})["environment"] == "contoso"
    found = play(fake(run), given, environ=os.environ)
    assert found["environment"] == "fabrikam"
    assert found["told"] == [True, False]


def test_warnings_are_told_once() -> None:
    def run(task: Task) -> dict[str, Any]:
        for _time in range(2):
            task.warn("Twice.")
        return {}

    assert play(fake(run), {})["warnings"] == ["Twice."]
    assert "warnings" not in play(fake(lambda task: {}), {})


def test_an_option_under_both_names_is_told() -> None:
    result = play(w365_environment, {"name": "a", "environment": "b", "state": "absent"})
    assert result["warnings"] == ["Both option environment and its alias name are set."]


def test_arguments_that_nobody_knows_are_refused() -> None:
    result = play(fake(lambda task: {}), {"shoe_size": 44}, name="workspace365.provisioning.w365_user")
    assert result["msg"].startswith(
        "Unsupported parameters for (workspace365.provisioning.w365_user) module: shoe_size. Supported parameters include:"
    )


def test_progress_goes_to_the_display_and_to_the_file(tmp_path: Any) -> None:
    shown: list[str] = []
    for file in ("", str(tmp_path / "progress")):
        host = DirectHost(
            {"progress_file": file},
            Setting("w365_user", False, False, {}, shown.append, lambda text: None),
            set(),
            SessionStore(),
        )
        host.progress_writer()("contoso: 1 of 2")
    assert shown == ["contoso: 1 of 2"] * 2
    assert (tmp_path / "progress").read_text(encoding="utf-8") == "contoso: 1 of 2\n"


def test_two_tenants_never_share_a_session() -> None:
    """The items of a loop do, when nothing about the connection differs."""
    sessions: list[object] = []

    def note(task: Task) -> dict[str, Any]:
        sessions.append(task.http._session)
        return {}

    contoso = {
        "instance_url": "https://workspace.contoso.com",
        "provisioning_key": "key",
        "environment": "contoso",
        "scim_url": "https://scim.contoso.com",
        "scim_token": "token",
        "entra_tenant": "contoso.com",
        "entra_client_secret": "secret",
        "validate_certs": True,
    }
    others: dict[str, Any] = {name: f"{value}2" for name, value in contoso.items() if value is not True}
    for changed in ({}, {}, {"validate_certs": False}, *({name: value} for name, value in others.items())):
        play(fake(note), {**contoso, **changed})
    assert sessions[0] is sessions[1]
    assert len({id(session) for session in sessions}) == len(sessions) - 1


def test_a_store_belongs_to_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork inherits the memory of its parent, and must not use its connections."""
    stores: list[SessionStore] = []

    def note(task: Task) -> dict[str, Any]:
        stores.append(task.host.store)
        return {}

    for process in (1, 1, 2, 1):
        monkeypatch.setattr(os, "getpid", lambda process=process: process)
        play(fake(note), {})
    assert stores[0] is stores[1]
    assert len({id(store) for store in stores}) == 3
