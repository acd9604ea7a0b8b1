# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a task runs: what the user chose, and what needs a module process."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.workspace365.provisioning.plugins.action.w365_user import ActionModule
from ansible_collections.workspace365.provisioning.plugins.plugin_utils import execution, module_action
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.execution import (
    other_python,
    wanted_execution,
)


@pytest.mark.parametrize(
    ("variable", "environ", "wanted"),
    [
        (None, None, "auto"),
        ("", " ", "auto"),
        ("process", None, "process"),
        (" Direct ", "process", "direct"),
        (None, "process", "process"),
        ("auto", "process", "auto"),
    ],
)
def test_the_variable_counts_before_the_environment(variable: Any, environ: str | None, wanted: str) -> None:
    assert wanted_execution(variable, {} if environ is None else {"W365_EXECUTION": environ}) == wanted


@pytest.mark.parametrize(
    ("variable", "environ", "named"),
    [("fast", {}, "w365_execution"), (True, {}, "w365_execution"), (None, {"W365_EXECUTION": "in"}, "W365_EXECUTION")],
)
def test_any_other_value_is_refused(variable: Any, environ: Mapping[str, str], named: str) -> None:
    with pytest.raises(AnsibleActionFail, match=rf"{named} is '.*': give one of auto, direct, process"):
        wanted_execution(variable, environ)


VENV = Path(sys.executable).parent


@pytest.mark.parametrize(
    ("variables", "python"),
    [
        ({}, ""),
        ({"ansible_python_interpreter": sys.executable}, ""),
        ({"ansible_python_interpreter": "{{ ansible_playbook_python }}", "ansible_playbook_python": sys.executable}, ""),
        ({"ansible_python_interpreter": "auto_silent"}, ""),
        ({"ansible_python_interpreter": " "}, ""),
        # Another name in the same folder, and a detour to it.
        ({"ansible_python_interpreter": str(VENV / "python3")}, ""),
        ({"ansible_python_interpreter": f"{VENV}/../{VENV.name}/python"}, ""),
        # A virtual environment's Python is a link to this, and has other libraries.
        ({"ansible_python_interpreter": os.path.realpath(sys.executable)}, os.path.realpath(sys.executable)),
        ({"ansible_python_interpreter": "/opt/contoso/bin/python"}, "/opt/contoso/bin/python"),
        ({"ansible_python_interpreter": "python3.99"}, "python3.99"),
    ],
)  # fmt: skip
def test_another_python_is_told_by_its_folder(variables: dict[str, Any], python: str) -> None:
    def template(value: Any) -> Any:
        return variables["ansible_playbook_python"] if str(value).startswith("{{") else value

    assert other_python(variables, template) == python


def test_a_configured_python_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "configured", lambda name, variables: "/opt/contoso/bin/python")
    assert other_python({}, lambda value: value) == "/opt/contoso/bin/python"


class Surroundings:
    """An action plugin of a task, which has not run."""

    def __init__(self, variables: Mapping[str, Any] | None = None, **task: Any) -> None:
        self.variables = dict(variables or {})
        self.environment: dict[str, str] = task.pop("environment", {})
        task = {"transport": "local", "become": False, "async_val": 0, "delegate_to": None, **task}
        self.action = ActionModule(
            SimpleNamespace(action="w365_user", args={}, async_val=task["async_val"], delegate_to=task["delegate_to"]),
            SimpleNamespace(transport=task["transport"]),
            SimpleNamespace(become=task["become"]),
            None,
            SimpleNamespace(template=lambda value: value),
            None,
        )

    def runs_directly(self) -> bool:
        return self.action._runs_directly(self.environment, self.variables)


OBSTACLES: list[tuple[Surroundings, str]] = [
    (Surroundings(transport="ssh"), "the connection is ssh"),
    (Surroundings(transport="community.docker.docker"), "the connection is community.docker.docker"),
    (Surroundings(become=True), "it becomes another user"),
    (Surroundings(async_val=60), "it is asynchronous"),
    (Surroundings(environment={"W365_TIMEOUT": "7", "HTTPS_PROXY": "http://proxy"}), "HTTPS_PROXY"),
    (Surroundings(environment={"PATH": "/bin"}), "PATH"),
    (Surroundings({"ansible_python_interpreter": "/opt/python"}), "its Python is /opt/python"),
    (
        Surroundings(
            {
                "ansible_python_interpreter": sys.executable,
                "ansible_delegated_vars": {"bastion": {"ansible_python_interpreter": "/opt/python"}},
            },
            delegate_to="bastion",
        ),
        "its Python is /opt/python",
    ),
]


@pytest.mark.parametrize(("surroundings", "reason"), OBSTACLES)
def test_what_needs_a_module_process_gets_one(surroundings: Surroundings, reason: str) -> None:
    surroundings.variables.pop("w365_execution", None)
    assert surroundings.runs_directly() is False
    surroundings.variables["w365_execution"] = "direct"
    with pytest.raises(AnsibleActionFail, match="Nothing was written") as refused:
        surroundings.runs_directly()
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "surroundings",
    [
        Surroundings(),
        Surroundings(environment={"W365_SCIM_URL": "https://w365.contoso.com"}),
        Surroundings(
            {
                "ansible_python_interpreter": "/opt/python",
                "ansible_delegated_vars": {"localhost": {"ansible_python_interpreter": sys.executable}},
            },
            delegate_to="localhost",
        ),
    ],
)
def test_everything_else_runs_here(surroundings: Surroundings) -> None:
    assert surroundings.runs_directly() is True
    surroundings.variables["w365_execution"] = "process"
    assert surroundings.runs_directly() is False


def test_without_requests_a_module_process_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "REQUESTS_IMPORT_ERROR", ImportError("No module named 'requests'"))
    assert Surroundings().runs_directly() is False
    with pytest.raises(AnsibleActionFail, match="No module named 'requests'"):
        Surroundings({"w365_execution": "direct"}).runs_directly()


def test_macos_is_left_to_who_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_action, "unsafe_system", lambda: "macOS")
    assert Surroundings().runs_directly() is False
    assert Surroundings({"w365_execution": "direct"}).runs_directly() is True
