# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the task of the role w365_tenant ends when a step ends badly, with passwords in the definition."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

from ansible_collections.workspace365.provisioning.plugins.plugin_utils import module_action
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant import Selection, Tenant
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant_action import VARIABLES, TenantAction

SECRET = "a-planted-secret"
DEFINITION = {
    "environment": {"name": "contoso", "active": True},
    "sso": {"client_id": "b2", "key": "k"},
    "users": [{"upn": "adele.vance@contoso.com", "password": SECRET}],
}
SOUND: dict[str, dict[str, Any]] = {
    "environment": {"changed": False, "environment": {"name": "contoso", "active": True}, "results": []},
    "sso": {
        "changed": False,
        "sso": None,
        "compared": True,
        "verified": False,
        "key_status": "equal",
        "results": [],
    },
}


def run(
    monkeypatch: pytest.MonkeyPatch,
    ends: Mapping[str, dict[str, Any] | BaseException],
    secure_logging: bool = True,
    definition: Mapping[str, Any] = DEFINITION,
) -> dict[str, Any]:
    """The result of the steps, each of which returns or raises what `ends` or `SOUND` says."""

    def action_of(_self: Any, step: str, _options: dict[str, Any]) -> Any:
        def end(**_given: Any) -> dict[str, Any]:
            how = ends.get(step, SOUND.get(step))
            if isinstance(how, BaseException):
                raise how
            assert how is not None
            return dict(how)

        return SimpleNamespace(run=end, cleanup=lambda: None)

    monkeypatch.setattr(TenantAction, "_action_of", action_of)
    action = TenantAction.__new__(TenantAction)
    action._task = SimpleNamespace(check_mode=False)
    action._given = {**dict.fromkeys(VARIABLES), "secure_logging": secure_logging}
    return action._run_steps(Tenant(definition, "", Selection.of(["all"], [], [])), {})


@pytest.mark.parametrize(
    "end",
    [
        AnsibleError(f"no {SECRET}"),
        ValueError(f"no {SECRET}"),
        KeyError(SECRET),
        UnicodeEncodeError("ascii", SECRET, 0, 1, SECRET),
        {"failed": True, "msg": f"The module wrote {SECRET}.", "module_stderr": SECRET, "exception": SECRET},
        {"failed": True, "msg": f"no {SECRET}", "changed": False, "summary": {}, "compared": True, "results": []},
    ],
    ids=str,
)
def test_the_step_with_passwords_ends_hidden(
    monkeypatch: pytest.MonkeyPatch, end: dict[str, Any] | BaseException
) -> None:
    """However it ends: nothing of it is shown but its name."""
    result = run(monkeypatch, {"directory": end})
    assert (result["failed"], result["step"]) == (True, "directory")
    assert result["_ansible_no_log"] is result["hidden"] is True
    first, second = result["summary"][:2]
    assert first.startswith("w365 contoso: failed in directory; nothing was changed")
    assert second == "failed: directory"
    assert result["summary"][-2:] == ["SCIM address: none", "Fix the cause and rerun it."]
    assert SECRET not in str(result["summary"])
    # All others are hidden in every version of ansible-core.
    assert not {"exception", "warnings", "deprecations"} & set(result)


def test_a_crash_without_passwords_to_hide_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traceback is what a report of it needs."""
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, {"sso": ZeroDivisionError()})
    with pytest.raises(ZeroDivisionError):
        run(monkeypatch, {"directory": ZeroDivisionError()}, secure_logging=False)


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_an_interrupted_run_is_no_failed_step(monkeypatch: pytest.MonkeyPatch, signal: BaseException) -> None:
    with pytest.raises(type(signal)):
        run(monkeypatch, {"directory": signal})


def test_an_earlier_step_that_fails_is_shown_without_the_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, {"sso": {"failed": True, "msg": "the key is wrong"}})
    assert (result["step"], result["msg"], result["hidden"]) == ("sso", "the key is wrong", False)
    assert SECRET not in str(result)


def test_a_forgotten_address_is_no_finished_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """With provisioning by Microsoft Entra, in an environment that exists for longer."""
    definition = {"environment": {"name": "contoso"}, "sso": DEFINITION["sso"], "scim": {"groups": ["Sales"]}}
    result = run(monkeypatch, {}, definition=definition)
    assert result["failed"]
    assert "so the SCIM application waits. Sign in at contoso as an administrator" in result["msg"]
    assert result["msg"].endswith("leave out scim, scim_required and scim_url.")
    assert sorted(result["steps"]) == ["environment", "sso"]
    assert result["waits_for_scim"]


def test_the_step_of_an_app_registration_runs_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    sso = {"primary_domain": "contoso.com", "app": {}}
    done = {"changed": True, "results": [], "rotated": True, "application": {"client_id": "c1"}, "compared": True}
    result = run(monkeypatch, {"sso": AssertionError(), "sso_app": done}, definition={"sso": sso})
    assert result["steps"] == {"sso": done}
    told = {"changed": True, "client_id": "c1", "compared": True, "rotated": True, "results": []}
    assert result["tenant"]["sso"] == told


@pytest.mark.parametrize(("python", "obstacle"), [("", ""), ("/opt/python", "its Python is /opt/python")])
def test_the_steps_of_a_host_ask_once_for_its_python(
    monkeypatch: pytest.MonkeyPatch, python: str, obstacle: str
) -> None:
    asked: list[str] = []

    def other_python(host: Mapping[str, Any], _template: Any) -> str:
        asked.append(host["inventory_hostname"])
        return python

    monkeypatch.setattr(module_action, "other_python", other_python)
    given = {
        "connection": SimpleNamespace(transport="local"),
        "play_context": SimpleNamespace(become=False),
        "loader": None,
        "templar": SimpleNamespace(template=lambda value: value),
        "shared_loader_obj": None,
    }
    rest = {"async_val": 0, "delegate_to": None, "_parent": None}
    for host in ("contoso", "fabrikam"):
        task = SimpleNamespace(**rest, copy=lambda **_how: SimpleNamespace(**rest))
        action = TenantAction(task=task, **given)
        action._known_defaults, action._known_python = {}, {}
        steps = [action._action_of(step, {}) for step in ("environment", "sso", "directory")]
        assert [step._obstacle({}, {"inventory_hostname": host}) for step in steps] == [obstacle] * 3
    assert asked == ["contoso", "fabrikam"]
