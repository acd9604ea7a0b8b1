# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report_file: what a manager reads says what Ansible's own result says, also of a run that failed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pattern import ADELE, NESTOR, PATTI
from playing import Play, connection, task
from w365_simulator.testing import Twin


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def test_a_directory(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    table, page = tmp_path / "report.csv", tmp_path / "report.html"
    password = "a-first-password"
    wish: dict[str, Any] = {
        "users": [
            {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "password": password},
            {"upn": NESTOR, "state": "absent"},
            {"upn": PATTI},
        ],
        "report_file": [str(table), str(page)],
    }
    (checked,) = play(task("w365_directory", **wish, check=True), defaults=connection(twin))
    assert checked.changed
    assert {row["outcome"] for row in rows(table)} == {"planned"}
    assert "This is a prediction" in page.read_text(encoding="utf-8")
    twin.fault(surface="provisioning", method="DELETE", action="status", status=400, times=-1)
    twin.fault(surface="provisioning", method="PUT", path="/User/", action="status", status=400, times=-1)
    (failed,) = play(task("w365_directory", **wish), defaults=connection(twin))
    assert failed.status == "failed"
    assert password not in table.read_text(encoding="utf-8") + page.read_text(encoding="utf-8")
    assert {mode.stat().st_mode & 0o777 for mode in (table, page)} == {0o600}
    told = {(row["kind"], row["name"]): (row["outcome"], row["reason"]) for row in rows(table)}
    assert told == {
        (item["kind"], item["name"]): (item["outcome"], item.get("reason", "")) for item in failed.result["results"]
    }
    assert "failed" in {outcome for outcome, _reason in told.values()}
    assert "This is a prediction" not in page.read_text(encoding="utf-8")


def test_an_import_tells_who_is_left_out(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    table = tmp_path / "report.csv"
    (done,) = play(
        task("w365_o365_import", everything=True, report_file=[str(table)]), defaults=connection(twin, scim=True)
    )
    assert done.changed
    left_out = {(row["kind"], row["name"], row["reason"]) for row in rows(table) if row["what"] == "left out"}
    assert left_out
    assert left_out == {(item["kind"], item["name"], item["reason"]) for item in done.result["left_out"]}
    assert sum(row["what"] == "joined" for row in rows(table)) == done.result["summary"]["user_create"]


def test_a_path_that_cannot_be_is_told_before_anything_is_written(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    new = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    done = play(
        task("w365_directory", users=[new], report_file=[str(tmp_path / "report.pdf")]),
        task("w365_o365_import", everything=True, report_file=[str(tmp_path / "none" / "report.csv")]),
        defaults=connection(twin, scim=True),
    )
    for step, said in zip(done, ("ends neither in .csv nor in .html", "a folder that does not exist"), strict=True):
        assert step.status == "failed"
        assert said in step.message
        assert step.requests == []
