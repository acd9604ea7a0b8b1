# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role w365_offboard makes of the answers of its modules: what is known, what is unknown, and what ends the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.workspace365.provisioning.plugins.plugin_utils import offboard_action
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.offboard_action import (
    OffboardAction,
    StepFailedError,
    mistakes_of_begun,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.offboarding import Earlier, Given

Result = dict[str, Any]

DOMAINS = {"json": {"value": [{"verifiedDomains": [{"name": "contoso.com"}, {"name": "contoso.onmicrosoft.com"}]}]}}
SSO = {"sso": {"authority": "https://login.windows.net/contoso.com", "client_id": "b2"}, "readable": True}
APPLICATION = {"display_name": "Workspace365 SCIM - contoso", "tags": ["w365:scim:contoso"]}
SCIM = {
    "found": True,
    "application": APPLICATION,
    "settings": {"scim_url": "https://workspace.contoso.com/contoso/scim/v2"},
    "job": {"state": "Active", "words": "active"},
}
NOTHING_DONE = {"changed": False, "results": [], "left_out": [], "compared": True}
SOUND: dict[str, Result] = {
    "environment_info": {"environments": [{"name": "contoso", "active": True}], "readable": True},
    "sso_info": SSO,
    "api": DOMAINS,
    "export": {"changed": True, "path": "/srv/exports/contoso", "counts": {"users": 2}, "unreadable": []},
    "scim_app_info": SCIM,
    "scim_app": {**NOTHING_DONE, "changed": True, "job": {"words": "paused"}},
    "sso_app": {
        **NOTHING_DONE,
        "changed": True,
        "results": [{"kind": "application", "name": "Workspace365 - contoso", "action": "delete"}],
    },
    "environment": {**NOTHING_DONE, "changed": True},
}
PLAY = {
    "entra_client_secret": "s",
    "entra_tenant": "contoso.onmicrosoft.com",
    "instance_url": "https://workspace.contoso.com",
}


class World(OffboardAction):
    """The action with answers instead of modules, and an export that can be read back unless it is said."""

    def __init__(self, answers: Mapping[str, Result], play: Mapping[str, str], check_mode: bool = False) -> None:
        self._answers = {**SOUND, **answers}
        self._play = play
        self._task = SimpleNamespace(check_mode=check_mode)
        self._variables = {}
        self._steps, self._results = [], []
        self.calls: list[tuple[str, Result]] = []

    def _run_step(self, step: str, options: Result, *_rest: Any, **_more: Any) -> Result:
        self.calls.append((step, options))
        return self._answers[step]

    def _option_of_play(self, name: str, value: str = "", **_more: Any) -> str:
        return value or self._play.get(name, "")


@pytest.fixture(autouse=True)
def exports(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What is said of the export: the folder of an earlier one, and why the new one cannot be read back."""
    said = {"earlier": "", "problem": "", "day": "2026-10-01", "named": "yes", "server": ""}

    def earlier(_given: Given, server: str) -> Earlier | None:
        said["server"] = server
        path, day = said["earlier"], date.fromisoformat(said["day"])
        return Earlier(path, day, bool(said["named"])) if path else None

    monkeypatch.setattr(offboard_action, "earlier_export", earlier)
    monkeypatch.setattr(offboard_action, "why_not_readable", lambda _given: said["problem"])
    return said


def run(
    answers: Mapping[str, Result] | None = None, *, play: Mapping[str, str] = PLAY, check: bool = False, **changes: Any
) -> tuple[World, dict[str, str], str]:
    """Both parts. Returns the world, the state of each step, and why the run ended early."""
    world = World(answers or {}, play, check)
    base: dict[str, Any] = {
        **dict.fromkeys(("export_tasks", "instance", "deactivated_on", "delete_confirm"), ""),
        "name": "contoso",
        "confirm": "contoso",
        "stage": "deactivate",
        "export_dir": "/srv/exports",
        "allow_unreadable": [],
        "redirect_hosts": [],
        "export_kept": False,
        "export_checked": False,
        "allow_many": False,
        "check_others": True,
        "retention": 30,
        "entra": "managed",
    }
    world._given = Given(**{**base, **changes})
    failure = ""
    try:
        world._take_down(world._begin())
    except StepFailedError as error:
        failure = str(error)
    return world, {step.name: step.state for step in world._steps}, failure


def wrote(world: World) -> list[str]:
    """The modules that write, in their order."""
    return [step for step, _options in world.calls if step in ("export", "scim_app", "sso_app", "environment")]


INACTIVE = {"environment_info": {"environments": [{"name": "contoso", "active": False}], "readable": True}}
UNSHOWN = {"environment_info": {"environments": [{"name": "contoso", "active": None}], "readable": True}}
GONE = {"environment_info": {"environments": [], "readable": True}}
LATER: dict[str, Any] = {"stage": "remove", "deactivated_on": "2026-10-01"}
LAST: dict[str, Any] = {**LATER, "stage": "delete", "delete_confirm": "contoso"}


def test_the_order_of_the_steps() -> None:
    world, states, failure = run()
    assert (wrote(world), failure) == (["export", "scim_app", "environment"], "")
    assert set(states.values()) == {"done"}
    assert dict(world.calls)["environment"] == {"environment": "contoso", "active": False}
    world, states, failure = run(INACTIVE, **LAST)
    assert (wrote(world), failure) == (["export", "scim_app", "sso_app", "scim_app", "environment"], "")
    assert dict(world.calls)["environment"]["state"] == "absent"
    _world, states, _failure = run(check=True)
    assert list(states.values()) == ["done", "planned", "planned", "planned"]


@pytest.mark.parametrize(
    ("answers", "changes", "sentence"),
    [
        (GONE, {}, "The server has no environment 'contoso'"),
        ({"environment_info": {"failed": True, "msg": "HTTP 403"}}, {}, "confirm: HTTP 403"),
        (
            {"environment_info": {"environments": [{"name": "contoso2", "active": True}], "readable": True}},
            {},
            "The server's name of the environment is 'contoso2'",
        ),
        ({}, LATER, "is active, so the retention has not begun"),
        (
            {"environment_info": {"environments": [{"name": "contoso", "active": None}], "readable": False}},
            LATER,
            "The server does not show its environments",
        ),
        (
            {"sso_info": {"sso": {"authority": "https://login.windows.net/fabrikam.com"}, "readable": True}},
            {},
            "the connection to Microsoft Entra is to another tenant",
        ),
        ({"export": {"failed": True, "msg": "no users"}}, {}, "export: no users"),
    ],
)
def test_what_ends_it_before_anything_is_taken_down(
    answers: dict[str, Result], changes: dict[str, Any], sentence: str
) -> None:
    world, states, failure = run(answers, **changes)
    assert sentence in failure
    assert not {"scim_app", "sso_app", "environment"} & {*wrote(world)}
    assert list(states.values())[-1] == "failed"


def test_without_a_connection_to_entra() -> None:
    without = {"instance_url": PLAY["instance_url"]}
    _world, _states, failure = run(play=without)
    assert "whether it goes on provisioning is unknown" in failure
    world, states, failure = run(play=without, entra="manual")
    assert (failure, states["provisioning"], wrote(world)) == ("", "manual", ["export", "environment"])
    world, states, failure = run(INACTIVE, play=without, entra="manual", **LAST)
    assert (failure, states["remove"], states["delete"]) == ("", "manual", "done")
    assert "sso_app" not in wrote(world)


@pytest.mark.parametrize(
    ("answers", "tenant"),
    [
        ({}, True),
        ({"sso_info": {"sso": None, "readable": False}}, None),
        ({"sso_info": {"failed": True, "msg": "x"}}, None),
        ({"sso_info": {"sso": {"authority": ""}, "readable": True}}, None),
        ({"sso_info": {"sso": {"authority": "not an address"}, "readable": True}}, None),
        ({"api": {"failed": True, "msg": "HTTP 403"}}, None),
        ({"api": {"json": {"value": [None, {"verifiedDomains": None}, {"verifiedDomains": ["x", {}]}]}}}, None),
        (
            {
                "sso_info": {"sso": {"authority": "https://login.windows.net/contoso.onmicrosoft.com"}},
                "api": {"failed": True, "msg": "HTTP 403"},
            },
            True,
        ),
        (
            {"sso_info": {"sso": {"authority": f"https://login.windows.net/{'0' * 8}-{'0' * 4}-4000-8000-{'0' * 12}"}}},
            None,
        ),
    ],
)
def test_whose_tenant_it_is(answers: dict[str, Result], tenant: bool | None) -> None:
    """Only what is read counts; and where no application is found in a tenant that is unknown, nothing is done with it."""
    world, states, failure = run({**answers, "scim_app_info": {"found": False}})
    assert failure == ""
    assert states["provisioning"] == ("done" if tenant else "manual")
    assert "scim_app" not in wrote(world)
    _world, states, _failure = run({**answers, "scim_app_info": {"found": False}}, entra="confirmed")
    assert states["provisioning"] == "done"


@pytest.mark.parametrize(
    "change",
    [
        {"application": {**APPLICATION, "tags": []}},
        {"application": {**APPLICATION, "tags": ["w365:scim:contoso", "w365:scim:fabrikam"]}},
        {"settings": {"scim_url": "https://workspace.contoso.com/fabrikam/scim/v2"}},
    ],
)
def test_the_application_of_somebody_else_is_not_touched(change: dict[str, Any]) -> None:
    answers = {**INACTIVE, "scim_app_info": {**SCIM, **change}}
    world, states, failure = run(answers, **LATER)
    assert (failure, states["provisioning"], states["remove"]) == ("", "manual", "manual")
    assert "scim_app" not in wrote(world)
    (left,) = [one for step in world._steps for one in step.left]
    assert left["name"] == "Workspace365 SCIM - contoso"


def test_what_the_module_leaves_is_left() -> None:
    kept = {"kind": "application", "name": "Workspace365 - contoso", "reason": "is shared"}
    answers = {**INACTIVE, "sso_app": {**NOTHING_DONE, "left_out": [kept]}}
    world, states, _failure = run(answers, **LAST)
    assert (states["remove"], states["delete"]) == ("manual", "done")
    assert kept in [one for step in world._steps for one in step.left]


def test_nothing_is_deleted_after_a_failure() -> None:
    world, states, failure = run({**INACTIVE, "sso_app": {"failed": True, "msg": "HTTP 403"}}, **LAST)
    assert (failure, states["remove"]) == ("remove: HTTP 403", "failed")
    assert "environment" not in wrote(world)
    world, _states, failure = run({"scim_app": {"failed": True, "msg": "HTTP 403"}})
    assert failure == "provisioning: HTTP 403"
    assert "environment" not in wrote(world), "still active"


@pytest.mark.parametrize(
    ("answers", "earlier", "exported"),
    [
        ({}, "", True),
        # It may have changed since then.
        ({}, "/srv/exports/contoso", True),
        (INACTIVE, "/srv/exports/contoso", False),
        (INACTIVE, "", True),
        (UNSHOWN, "/srv/exports/contoso", True),
        ({**UNSHOWN, "export": {"failed": True, "msg": "inactive"}}, "/srv/exports/contoso", False),
    ],
)
def test_when_it_is_exported(exports: dict[str, str], answers: dict[str, Result], earlier: str, exported: bool) -> None:
    exports["earlier"] = earlier
    world, states, failure = run(answers)
    assert (failure, states["export"]) == ("", "done")
    (step,) = [one for one in world._steps if one.name == "export"]
    assert step.changed is exported


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"named": ""}, "does not say of which server it is"), ({"day": "2025-01-01"}, "is of 2025-01-01, and")],
)
def test_an_earlier_export_that_proves_nothing(exports: dict[str, str], changed: dict[str, str], sentence: str) -> None:
    exports |= {"earlier": "/srv/exports/contoso", **changed}
    world, states, failure = run(INACTIVE, **LAST)
    assert exports["server"] == "workspace.contoso.com"
    assert sentence in failure
    assert (states["export"], wrote(world)) == ("failed", [])
    world, states, failure = run(INACTIVE, export_checked=True, **LAST)
    assert (failure, states["delete"]) == ("", "done")
    world, states, failure = run(INACTIVE)
    assert (failure, states["export"], "export" in wrote(world)) == ("", "done", False)
    (step,) = [one for one in world._steps if one.name == "export"]
    assert f"It is of {exports['day']} (" in step.message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("---\n# nothing here yet\n", "has no task"),
        ("[]", "has no task"),
        ("- name: Push\n  ansible.builtin.command: git push\n  environment: !unsafe '{{ x }}'\n", ""),
        (None, "cannot be read"),
    ],
)
def test_a_file_of_tasks_is_looked_at_before_the_export(tmp_path: Path, text: str | None, sentence: str) -> None:
    path = tmp_path / "keep.yml"
    if text is not None:
        path.write_text(text)
    world, _states, _failure = run(export_tasks=str(path))
    world._loader = DataLoader()
    found = " ".join(world._mistakes_of_tasks())
    assert sentence in found
    assert bool(found) is bool(sentence)


def test_an_export_that_cannot_be_read_back_ends_it(exports: dict[str, str]) -> None:
    exports["problem"] = "users.yml is cut off."
    world, _states, failure = run()
    assert failure == "export: The export in '/srv/exports/contoso' cannot be read back: users.yml is cut off."
    assert wrote(world) == ["export"]


def test_after_the_deletion() -> None:
    world, states, failure = run({**GONE, "scim_app_info": {"found": False}, "sso_app": NOTHING_DONE}, **LAST)
    assert failure == ""
    assert set(states.values()) == {"done"}
    assert wrote(world) == ["sso_app"]


@pytest.mark.parametrize(
    "change",
    [
        {"failed": True},
        {"known": {}},
        {"offboarding": {"environment": "fabrikam"}},
        {"offboarding": None},
        {"skipped": True, "known": None},
    ],
)
def test_the_second_part_needs_the_first(change: dict[str, Any]) -> None:
    """Also with ignore_errors, and when somebody leaves the first task out."""
    begun = {"known": {"exists": True}, "offboarding": {"environment": "contoso"}, "run": "1"}
    assert list(mistakes_of_begun(begun, "contoso")) == []
    assert list(mistakes_of_begun({**begun, **change}, "contoso"))
    assert list(mistakes_of_begun({}, "contoso"))
