# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Where texts of servers and files end: a terminal, a log, a unit of systemd, an export, a table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from in_process import run
from playing import connection, run_playbook, task
from w365_simulator.testing import Twin

FORGED = "ok\nPLAY RECAP *********\nlocalhost : ok=9 changed=0 failed=0"
CLEAR_SCREEN = "\x1b[2J\x1b[H\x9b2J"
TURNED = "\u202egnp.exe"
SEPARATED = "a\u2028PLAY RECAP\u2029b\x85PLAY RECAP"
PERSIAN = "می\u200cخواهم"  # noqa: RUF001 - on purpose
ADELE = "adele.vance@contoso.com"
EVIL = f"x{CLEAR_SCREEN}{TURNED}{SEPARATED}{FORGED}"

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def seed(**more: Any) -> dict[str, Any]:
    first = {"upn": "allan.deyoung@contoso.com", "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    adele = {"upn": ADELE, "first_name": PERSIAN, "last_name": EVIL}
    return {
        "environments": [{"name": "contoso", "users": [first, adele], "groups": [{"name": EVIL, "members": []}]}],
        **more,
    }


@pytest.mark.parametrize("result_format", ["json", "yaml"])
def test_no_server_writes_the_recap(twin: Twin, tmp_path: Path, result_format: str) -> None:
    """In an error, a name, a difference, a warning and a result, as Ansible prints them; -v and --diff show all of it."""
    twin.reset(seed(), "full")
    twin.fault(
        action="status", status=400, surface="scim", method="POST", times=1, body={"detail": EVIL, "status": "400"}
    )
    twin.fault(action="status", status=400, surface="scim", method="PATCH", times=1, body=EVIL)
    new = {"upn": "joni.sherman@contoso.com", "first_name": "Joni", "last_name": "Sherman"}
    played = run_playbook(
        tmp_path,
        twin,
        [
            task("w365_user", **new),
            task("w365_user", upn=ADELE, first_name="Adele"),
            task("w365_user", upn=ADELE, last_name="Vance", check=True),
            task("w365_user_info"),
            task("w365_group_info"),
            task(
                "w365_directory",
                groups=[{"name": "Sales"}],
                purge=["groups"],
                purge_scope={"groups": ["x*"]},
                check=True,
            ),
            task("w365_api", service="scim", path="/Groups"),
        ],
        defaults=connection(twin, scim=True),
        arguments=["-v", "--diff"],
        environ={"ANSIBLE_CALLBACK_RESULT_FORMAT": result_format},
    )
    assert played[0].status == "failed"
    output = (tmp_path / "stdout").read_text(encoding="utf-8") + (tmp_path / "stderr").read_text(encoding="utf-8")
    assert [found for found in UNSEEN.findall(output) if found != "\x1b"] == []
    assert "\x1b" not in output
    # Ansible's YAML folds long lines and indents what it folds.
    lines = output.split("\n") if result_format == "yaml" else [line.lstrip() for line in output.split("\n")]
    recaps = [line for line in lines if line.startswith("PLAY RECAP")]
    assert recaps == ["PLAY RECAP *********************************************************************"]
    assert r"\u202egnp.exe" in output
    assert PERSIAN in output, "a joiner is part of the spelling"


def test_a_plan_file_can_be_shown(twin: Twin, tmp_path: Path) -> None:
    twin.reset(seed(), "full")
    path = tmp_path / "plan.json"
    made = run(
        "w365_directory",
        {**connection(twin, scim=True), "users": [{"upn": ADELE, "last_name": "Vance"}], "plan_file": str(path)},
    )
    assert made["changed"]
    text = path.read_text(encoding="utf-8")
    assert UNSEEN.findall(text) == []
    assert PERSIAN in text
    applied = run(
        "w365_directory", {**connection(twin, scim=True), "apply_plan": str(path), "plan_digest": made["plan_digest"]}
    )
    assert applied["changed"]
