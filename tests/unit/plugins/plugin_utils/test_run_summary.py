# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first line of a summary: what changed, what failed, and what is unknown."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning import (
    application_actions,
    import_app_actions,
    scim_app_actions,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    DIRECTORY_ACTIONS,
    ActionType,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment_actions import (
    INSTANCE_ACTIONS,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import (
    OBJECTS,
    VERBS,
    line,
    line_of_results,
    subject,
)

Result = dict[str, Any]


def entry(kind: str = "user", action: str = "create", outcome: str = "done", **more: Any) -> Result:
    return {"kind": kind, "action": action, "outcome": outcome, "name": "x", **more}


def said(*results: Result, **options: Any) -> str:
    return line_of_results("contoso", results, **{"check_mode": False, **options}).removeprefix("w365 contoso: ")


def test_every_change_has_its_words() -> None:
    """Otherwise a new kind of change would be counted under the name that programs use for it."""
    rows = [*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS]
    for module in (application_actions, scim_app_actions, import_app_actions):
        rows += [value for value in vars(module).values() if isinstance(value, ActionType)]
    assert len(rows) > 40
    assert {row.object.name for row in rows} - {*OBJECTS} == set()
    assert {row.verb for row in rows} - {*VERBS} == set()


@pytest.mark.parametrize(
    ("results", "options", "expected"),
    [
        ([{"results": []}], {}, "unchanged"),
        ([{"results": [], "summary": {"unchanged": 40}}], {}, "unchanged"),
        ([], {"check_mode": True}, "nothing would be changed"),
        (
            [{"results": [entry(), entry(), entry("group")], "summary": {"unchanged": 40, "left_out": 1}, "left_out": [{}]}],
            {},
            "2 users created, 1 group created; 40 unchanged; 1 left out",
        ),
        ([{"results": [entry(outcome="planned")]}], {"check_mode": True}, "1 user would be created"),
        # Who cannot sign in any more is told apart from who has another name.
        (
            [{"results": [entry(action="update", changes={"active": False}), entry(action="update", changes={"last_name": "V"})]}],
            {},
            "1 user deactivated, 1 user changed",
        ),
        ([{"results": [entry(action="update", changes={"active": True}), entry(action="delete")]}], {}, "1 user activated, 1 user deleted"),
        ([{"results": [entry(outcome="unchanged")]}], {}, "unchanged"),
        # What failed was not done.
        (
            [{"results": [entry(), entry(outcome="failed"), entry(outcome="not tried"), entry(outcome="not tried")], "failed": True, "step": "directory"}],
            {"failed": "directory"},
            "failed in directory; 1 user created; 1 change failed; 2 changes not tried",
        ),
        ([{"results": []}, {"failed": True, "msg": "no", "step": "sso"}], {"failed": "sso"}, "failed in sso; nothing was changed"),
        ([{"failed": True, "msg": "no"}], {"failed": "sso", "check_mode": True}, "failed in sso; nothing would be changed"),
        ([{"failed": True, "msg": "no"}], {"failed": ""}, "failed; nothing was changed"),
        ([{"results": [entry("environment")]}], {"waits": True}, "not finished, because SCIM is not switched on; 1 environment created"),
        # Words of a later version.
        ([{"results": [entry("pool_car", "wash_twice")]}], {}, "1 pool car wash twice"),
    ],
)  # fmt: skip
def test_what_the_line_says(results: list[Result], options: Result, expected: str) -> None:
    assert said(*results, **options) == expected


@pytest.mark.parametrize(
    ("result", "unknown"),
    [
        ({"compared": False, "results": [], "step": "sso"}, "sso, which could not be compared"),
        ({"compared": False, "results": []}, "what could not be compared"),
        ({"key_status": "not compared", "compared": True, "results": [], "step": "sso"}, "the key of sso"),
        ({"failed": True, "msg": "The time limit was reached. 3 requests that write were sent: run the task again.", "step": "directory"}, "what directory did"),
        ({"failed": True, "msg": "MODULE FAILURE", "module_stdout": "", "step": "sso"}, "what sso did"),
        ({"failed": True, "msg": "Timed out", "timedout": {"period": 3}, "step": "o365_import"}, "what o365_import did"),
    ],
    ids=["setting", "without a step", "key", "told to end", "process is gone", "time limit"],
)  # fmt: skip
def test_what_is_unknown_is_said(result: Result, unknown: str) -> None:
    failed = result.get("step", "") if result.get("failed") else None
    assert said(result, failed=failed).endswith(f"; unknown: {unknown}")


@pytest.mark.parametrize(
    "result",
    [
        {"compared": True, "results": [], "key_status": "equal"},
        {"results": []},
        {"failed": True, "msg": "The key is wrong. Nothing was written.", "step": "sso"},
        {"failed": True, "results": [entry(outcome="failed")], "module_stdout": "", "step": "sso"},
    ],
)
def test_what_is_known_is_not_called_unknown(result: Result) -> None:
    assert "unknown" not in said(result, failed="sso" if result.get("failed") else None)


@pytest.mark.parametrize(
    ("environment", "host", "called"),
    [
        ("contoso", "localhost", "contoso"),
        ("contoso", "contoso", "contoso"),
        ("contoso", "contoso-prod", "contoso-prod (contoso)"),
        ("", "contoso-prod", "contoso-prod"),
        ("", "localhost", ""),
    ],
)
def test_how_the_environment_is_called(environment: str, host: str, called: str) -> None:
    assert subject(environment, host) == called


def test_a_line_is_one_line() -> None:
    assert line("con\ntoso", "done") == "w365 con\\ntoso: done"
    assert line("", "done") == "w365: done"
