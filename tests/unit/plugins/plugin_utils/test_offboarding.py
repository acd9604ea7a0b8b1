# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When an offboarding may begin, what of Microsoft Entra belongs to the environment, and which export can be read back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.offboarding import (
    BY_HAND,
    Given,
    Step,
    earlier_export,
    lines,
    mistakes,
    mistakes_of_start,
    parsed_day,
    why_no_proof,
    why_no_tasks,
    why_not_readable,
    why_scim_is_left,
)

TODAY = date(2026, 11, 26)
AWX = {"awx_job_id": 7}


def given(**changes: Any) -> Given:
    base: dict[str, Any] = {
        "name": "contoso",
        "confirm": "contoso",
        "stage": "deactivate",
        "export_dir": "/srv/exports",
        "export_tasks": "",
        "export_kept": False,
        "export_checked": False,
        "allow_unreadable": [],
        "instance": "",
        "retention": 30,
        "deactivated_on": "",
        "delete_confirm": "",
        "entra": "managed",
        "redirect_hosts": [],
        "check_others": True,
        "allow_many": False,
    }
    return Given(**{**base, **changes})


LAST: dict[str, Any] = {"stage": "delete", "deactivated_on": "2026-10-27", "delete_confirm": "contoso"}


def wrong(variables: Mapping[str, Any] | None = None, **changes: Any) -> str:
    return " ".join(mistakes(given(**changes), variables or {}, TODAY))


def test_what_may_begin() -> None:
    assert wrong() == ""
    assert wrong(**LAST) == "", "thirty days later"
    assert wrong({"ansible_play_hosts_all": ["a", "b"]}, allow_many=True) == ""
    assert wrong(AWX, export_kept=True) == wrong(AWX, export_tasks="/srv/push.yml") == ""
    assert wrong(stage="remove", deactivated_on="2026-11-26", retention=0) == ""


@pytest.mark.parametrize(
    "confirm", ["", "Contoso", "CONTOSO", " contoso", "contoso ", "contoso\n", "fabrikam", "true", "*", "conto\u200bso"]
)
def test_the_name_is_typed_exactly(confirm: str) -> None:
    assert "has to be the name of the environment, 'contoso'" in wrong(confirm=confirm)
    assert "has to repeat the name of the environment" in wrong(**{**LAST, "delete_confirm": confirm})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "", "confirm": ""}, "No environment is named"),
        ({"stage": "all"}, "w365_offboard_stage is 'all': give deactivate, remove or delete."),
        ({"entra": "none"}, "w365_offboard_entra is 'none'"),
        ({"allow_unreadable": ["people"]}, "has 'people'"),
        ({"export_dir": ""}, "nothing is taken down without an export"),
        ({"export_dir": "exports"}, "give an absolute path"),
        ({"export_tasks": "push.yml"}, "give an absolute path"),
        ({"retention": -1}, "give a number of days"),
        ({"stage": "remove"}, "no system shows since when an environment is inactive"),
        ({**LAST, "deactivated_on": "2026-10-28"}, "comes on 2026-11-27 at the earliest. Today is 2026-11-26 (UTC)."),
        ({**LAST, "deactivated_on": "2026-11-27"}, "in the future"),
        ({**LAST, "deactivated_on": "2026-02-30"}, "no day of the form"),
        ({**LAST, "deactivated_on": "20261027"}, "no day of the form"),
        ({**LAST, "deactivated_on": "yes"}, "no day of the form"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in wrong(**changes)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = wrong({"ansible_play_hosts_all": ["a", "b"], **AWX}, confirm="x", stage="delete")
    for sentence in ("w365_offboard_confirm", "2 hosts", "deactivated_on", "delete_confirm", "its container goes"):
        assert sentence in text


def test_days() -> None:
    assert parsed_day(" 2026-11-26 ") == TODAY
    assert parsed_day("2026-11-26T00:00") is parsed_day("٢٠٢٦-11-26") is parsed_day("") is None


# Who has started it

BY_A_PERSON = [
    {},
    {"awx_job_id": 7, "awx_job_launch_type": "manual"},
    {"tower_job_id": 7, "tower_job_launch_type": "relaunch"},
    {"awx_job_id": 7, "awx_job_launch_type": "workflow", "awx_workflow_job_launch_type": "manual"},
    {"awx_job_id": 7, "awx_job_launch_type": "manual", "awx_schedule_id": None, "awx_schedule_name": ""},
]
BY_NOBODY = [
    {"awx_job_id": 7, "awx_job_launch_type": "scheduled"},
    {"awx_job_id": 7, "awx_job_launch_type": "manual", "awx_schedule_id": 3},
    {"awx_job_id": 7, "awx_job_launch_type": "manual", "tower_schedule_name": "nightly"},
    {"awx_job_id": 7, "awx_job_launch_type": "workflow", "awx_parent_job_schedule_id": 3},
    {
        "awx_job_id": 7,
        "awx_job_launch_type": "workflow",
        "awx_workflow_job_launch_type": "manual",
        "tower_parent_job_schedule_id": 3,
    },
    {
        "awx_job_id": 7,
        "awx_job_launch_type": "workflow",
        "awx_workflow_job_launch_type": "manual",
        "awx_parent_job_schedule_name": "nightly",
    },
    {"awx_job_id": 7, "awx_job_launch_type": "workflow", "awx_workflow_job_launch_type": "scheduled"},
    # A workflow in a workflow, and one of a version that does not say it.
    {"awx_job_id": 7, "awx_job_launch_type": "workflow", "awx_workflow_job_launch_type": "workflow"},
    {"awx_job_id": 7, "awx_job_launch_type": "workflow"},
    {"awx_job_id": 7, "awx_job_launch_type": "webhook"},
    {"awx_job_id": 7, "awx_job_launch_type": "callback"},
    {"awx_job_id": 7, "awx_job_launch_type": "something new"},
    {"awx_job_id": 7, "awx_job_launch_type": "manual", "tower_job_launch_type": "scheduled"},
    {"awx_job_id": 7},
]


@pytest.mark.parametrize("variables", BY_A_PERSON)
def test_a_person_may_delete(variables: dict[str, Any]) -> None:
    assert list(mistakes_of_start(variables)) == []


@pytest.mark.parametrize("variables", BY_NOBODY)
def test_nothing_else_deletes(variables: dict[str, Any]) -> None:
    (sentence,) = mistakes_of_start(variables)
    assert "An environment is never deleted by a schedule." in sentence
    assert ("A schedule has started this job" in sentence) is any("schedule" in name for name in variables)
    assert sentence in wrong(variables, **LAST, export_kept=True)
    earlier = {**LAST, "stage": "remove", "export_kept": True}
    assert wrong(variables, **earlier) == "", "only the deletion asks"


# The application for SCIM

INSTANCE = "https://workspace.contoso.com"


def scim(*tags: str, address: str | None = f"{INSTANCE}/contoso/scim/v2?aadOptscim062020") -> dict[str, Any]:
    return {"application": {"tags": list(tags)}, "settings": {"scim_url": address}}


@pytest.mark.parametrize(
    ("info", "scim_url"),
    [
        (scim("w365:scim:contoso"), ""),
        (scim("w365:scim:contoso", "w365:scim-restart", "hr"), ""),
        (scim("w365:scim:contoso", address=None), ""),
        (scim("w365:scim:contoso", address="https://scim.contoso.com/x"), "https://SCIM.contoso.com/x/"),
    ],
)
def test_the_application_of_this_environment(info: dict[str, Any], scim_url: str) -> None:
    assert why_scim_is_left(info, "contoso", INSTANCE, scim_url) == ""


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (scim(), "does not have the tag w365:scim:contoso"),
        (scim("w365:scim:contoso2"), "does not have the tag"),
        (scim("w365:scim:Contoso"), "does not have the tag"),
        (scim("w365:scim:contoso", "w365:scim:fabrikam"), "also has the tag w365:scim:fabrikam"),
        (scim("w365:scim:contoso", "w365:import:default"), "also has the tag"),
        (scim("w365:scim:contoso", address=f"{INSTANCE}/fabrikam/scim/v2"), "sends users to"),
        (scim("w365:scim:contoso", address="https://workspace.fabrikam.com/contoso/scim/v2"), "sends users to"),
        (scim("w365:scim:contoso", address=f"{INSTANCE}/contoso2/scim/v2"), "sends users to"),
    ],
)
def test_the_application_of_another_one(info: dict[str, Any], reason: str) -> None:
    assert reason in why_scim_is_left(info, "contoso", INSTANCE, "")


# The export

SERVER = "w365.contoso.com"
REPORT = """---
w365_export: "1"
environment: contoso
server: w365.contoso.com
service: SCIM
parts:
  environment: read
  sso: read
  users: read
  groups: read
  administrators: read
not_readable: []
"""
FILES = {
    "export_report.yml": REPORT,
    "environment.yml": "---\nw365_environment_definition:\n  name: contoso\n  active: true\n",
    "sso.yml": '---\nw365_sso_definition:\n  authority: !unsafe "{{ x }}"\n  key: "{{ vault_w365_contoso_sso_key }}"\n',
    "users.yml": "---\nusers:\n  - upn: nestor.wilke@contoso.com\n",
    "groups.yml": "---\ngroups: []\n",
    "administrators.yml": "---\nadministrators:\n  set:\n    - nestor.wilke@contoso.com\n",
}


def export(folder: Path, **changes: str | None) -> Given:
    """An export with some of its files replaced or, where the change is None, missing."""
    place = folder / "contoso"
    place.mkdir()
    for name, text in {**FILES, **{f"{key}.yml": text for key, text in changes.items()}}.items():
        if text is not None:
            (place / name).write_text(text, encoding="utf-8")
    return given(export_dir=str(folder))


def test_an_export_that_can_be_read_back(tmp_path: Path) -> None:
    found = export(tmp_path)
    assert why_not_readable(found) == ""
    earlier = earlier_export(found, SERVER)
    assert earlier is not None
    assert (earlier.path, earlier.named) == (str(tmp_path / "contoso"), True)


@pytest.mark.parametrize(
    "changes",
    [
        {"users": None},
        {"users": ""},
        {"users": "users: [{upn: nobody}]\n"},
        {"users": "users: [\n"},
        {"groups": "groups:\n  - description: x\n"},
        {"sso": "---\n"},
        {"environment": None},
        {"environment": "---\n- a\n"},
        {"export_report": REPORT.replace("users: read", "users: not readable")},
        {"export_report": REPORT.replace("sso: read", "sso: partly read")},
        {"export_report": REPORT.partition("parts:")[0]},
    ],
    ids=str,
)
def test_one_that_cannot(tmp_path: Path, changes: dict[str, str | None]) -> None:
    found = export(tmp_path, **changes)
    assert why_not_readable(found)
    assert earlier_export(found, SERVER) is None


def test_what_may_be_missing(tmp_path: Path) -> None:
    found = export(tmp_path, export_report=REPORT.replace("sso: read", "sso: not readable"), sso=None)
    assert why_not_readable(found._replace(allow_unreadable=["sso"])) == ""
    assert why_not_readable(found._replace(allow_unreadable=["users"]))


def test_the_export_of_another_environment(tmp_path: Path) -> None:
    found = export(tmp_path, export_report=REPORT.replace("contoso", "fabrikam"))
    with pytest.raises(InputError, match="is not the report of an export of this environment"):
        earlier_export(found, SERVER)
    assert earlier_export(given(export_dir=str(tmp_path / "nowhere")), SERVER) is None


def test_the_export_of_another_server(tmp_path: Path) -> None:
    found = export(tmp_path)
    with pytest.raises(
        InputError, match=r"that of the server w365\.contoso\.com, and .* connected to us\.contoso\.com"
    ):
        earlier_export(found._replace(export_checked=True), "us.contoso.com")


@pytest.mark.parametrize(
    ("without", "written", "stage", "sentence"),
    [
        (False, "2026-10-27", "delete", ""),
        (False, "2026-10-26", "remove", ""),
        (False, "2026-10-25", "remove", "is of 2026-10-25, and the environment was deactivated on 2026-10-27"),
        (False, "2025-01-01", "delete", "so what came between is in no file"),
        (False, "2025-01-01", "deactivate", ""),
        (True, "2026-10-27", "remove", "does not say of which server it is"),
        (True, "2026-10-27", "delete", "does not say of which server it is"),
        (True, "2026-10-27", "deactivate", ""),
    ],
)
def test_what_proves_what_there_was(tmp_path: Path, without: bool, written: str, stage: str, sentence: str) -> None:
    text = REPORT.replace(f"server: {SERVER}\n", "") if without else REPORT
    found = export(tmp_path, export_report=text)._replace(**{**LAST, "stage": stage})
    at = datetime.fromisoformat(f"{written}T23:59:00").replace(tzinfo=timezone.utc).timestamp()
    os.utime(tmp_path / "contoso" / "export_report.yml", (at, at))
    earlier = earlier_export(found, SERVER)
    assert earlier is not None
    assert earlier.day == date.fromisoformat(written)
    reason = why_no_proof(found, earlier)
    assert sentence in reason
    assert bool(reason) is bool(sentence)
    assert ("w365_offboard_export_checked=true" in reason) is bool(sentence)
    assert why_no_proof(found._replace(export_checked=True), earlier) == ""


@pytest.mark.parametrize(
    "content", [None, [], {}, "", "tasks", [None], [{}], [{"block": []}], [{"block": [{"block": None}]}]]
)
def test_tasks_that_keep_nothing(content: Any) -> None:
    assert "'/srv/keep.yml', has no task, so it keeps the export nowhere" in why_no_tasks("/srv/keep.yml", content)


@pytest.mark.parametrize(
    "content", [[{"name": "Push"}], [None, {"a": 1}], [{"block": [{"a": 1}]}], [{"block": [], "always": [{"a": 1}]}]]
)
def test_tasks_that_may_keep_it(content: Any) -> None:
    assert why_no_tasks("/srv/keep.yml", content) == ""


# The summary


def test_every_step_is_in_the_summary() -> None:
    steps = [
        Step("confirm", "done", "yes"),
        Step("export", "failed", "no\nspace"),
    ]
    found = lines(given(), steps, check_mode=True)
    assert found[0] == "w365 contoso: failed in export; nothing would be changed"
    assert found[1:4] == [
        "1 confirm: done: yes",
        "2 export: failed: no\\nspace",
        "3 provisioning: waiting: not reached",
    ]
    again = "Fix the cause and rerun it: it does what is left."
    assert found[-3:] == [BY_HAND, "Check mode: nothing was written.", again]
    later = lines(given(), steps[:1], check_mode=False)
    assert later[0] == "w365 contoso: offboarding to the stage deactivate; unchanged"
    assert later[5].startswith("5 remove: waiting: comes with w365_offboard_stage=remove, 30 days after")
    assert "started by a person" in later[6]
    assert later[-1] == BY_HAND
    left = Step("remove", "manual", "look", left=({"kind": "application", "name": "A", "reason": "is shared"},))
    assert "  left: application A, which is shared" in lines(given(), [left], check_mode=False)
