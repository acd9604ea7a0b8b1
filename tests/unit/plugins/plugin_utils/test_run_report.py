# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a role that runs several steps: what it says at every point of a run, and which files it refuses."""

from __future__ import annotations

import csv
import json
import os
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_report import (
    RunReport,
    absolute,
    why_not_writable,
)

VARIABLE = "w365_tenant_report_file"
CREATED = {"kind": "user", "action": "create", "name": "adele.vance@contoso.com", "outcome": "done"}
RESULT: dict[str, Any] = {"changed": True, "results": [CREATED], "summary": {"user_create": 1, "unchanged": 4}}


def report_in(folder: Path, *, predicted: bool = False) -> RunReport:
    paths = [str(folder / "run.csv"), str(folder / "run.html")]
    return RunReport(VARIABLE, paths, "contoso", about="onboarding", source="a definition", predicted=predicted)


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "run.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def steps(folder: Path) -> list[tuple[str, str, str]]:
    return [(row["name"], row["what"], row["outcome"]) for row in table(folder) if row["kind"] == "step"]


class Text(HTMLParser):
    """The text of a page, without its style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


def page(folder: Path) -> str:
    return " ".join(Text((folder / "run.html").read_text(encoding="utf-8")).words)


def test_a_run_from_its_first_step_to_its_last(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    report.begin("environment")
    assert steps(tmp_path) == [("environment", "begun", "unknown")]
    assert "This is not finished. environment has begun, and nothing is noted after it." in page(tmp_path)
    report.add("environment", {"changed": False, "results": [], "summary": {"unchanged": 1}})
    report.begin("directory")
    assert steps(tmp_path) == [("environment", "unchanged", "unchanged"), ("directory", "begun", "unknown")]
    report.add("directory", {**RESULT, "warnings": ["a late warning"], "left_out": [{"kind": "user", "name": "u", "reason": "has no last name"}]})  # fmt: skip
    report.end({})
    assert steps(tmp_path) == [("environment", "unchanged", "unchanged"), ("directory", "done", "done")]
    kinds = [(row["kind"], row["what"]) for row in table(tmp_path)]
    assert kinds == [("step", "unchanged"), ("step", "done"), ("user", "joined"), ("user", "left out")]
    text = page(tmp_path)
    assert "Workspace 365, contoso: onboarding on " in text
    assert "1 person joined. Nothing failed. 1 was left out" in text
    assert "Steps (2) Steps Step What environment Unchanged directory Done 1 user created" in text
    assert "directory: a late warning" in text
    assert "not finished" not in text
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2, "nothing is left beside the files"


@pytest.mark.parametrize(
    ("result", "what", "outcome", "details"),
    [
        ({"failed": True, "msg": "the key is wrong"}, "failed", "failed", ""),
        ({"failed": True, "msg": "3 requests that write were sent: rerun"}, "failed", "failed", "unknown: what sso did"),
        ({"failed": True, "msg": "1 of 2", "results": [CREATED, {**CREATED, "outcome": "failed", "reason": "refused"}]}, "failed", "failed", "1 user created"),
        ({"changed": False, "results": [], "compared": False}, "unchanged", "unchanged", "unknown: sso, which could not be compared"),
        (RESULT, "done", "done", "1 user created"),
    ],
)  # fmt: skip
def test_how_a_step_ends(tmp_path: Path, result: dict[str, Any], what: str, outcome: str, details: str) -> None:
    report = report_in(tmp_path)
    report.begin("sso")
    report.add("sso", result)
    report.end({"directory": "step sso failed"} if result.get("failed") else {})
    first, *others = [row for row in table(tmp_path) if row["kind"] == "step"]
    assert (first["what"], first["outcome"], first["details"]) == (what, outcome, details)
    assert first["reason"] == (result.get("msg", "") if result.get("failed") else "")
    assert [(row["name"], row["what"], row["outcome"]) for row in others] == (
        [("directory", "not reached", "not tried")] if result.get("failed") else []
    )
    # Every failure has a row of its own, with its reason.
    failures = [row for row in table(tmp_path) if row["outcome"] == "failed" and row["kind"] != "step"]
    assert len(failures) == bool(result.get("failed"))
    assert "Failures (1)" in page(tmp_path) or not result.get("failed")


def test_check_mode_is_a_prediction(tmp_path: Path) -> None:
    report = report_in(tmp_path, predicted=True)
    report.begin("directory")
    report.add("directory", {**RESULT, "results": [{**CREATED, "outcome": "planned"}]})
    report.end({})
    assert [(row["what"], row["outcome"]) for row in table(tmp_path)] == [("would change", "planned"), ("would join", "planned")]  # fmt: skip
    assert "This is a prediction. Nothing was written" in page(tmp_path)


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"active": False}, "left"), ({"active": True}, "changed"), ({"last_name": "Vance"}, "changed")],
)
def test_who_is_deactivated_has_left(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    report = report_in(tmp_path)
    report.add("directory", {"changed": True, "results": [{**CREATED, "action": "update", "changes": changes}]})
    report.end({})
    assert table(tmp_path)[1]["what"] == what


def test_a_hidden_step_gives_no_reasons(tmp_path: Path) -> None:
    report = report_in(tmp_path)
    failing = {**CREATED, "outcome": "failed", "reason": "a-planted-secret"}
    report.add("directory", {"failed": True, "msg": "a-planted-secret", "results": [failing]}, hidden=True)
    report.end({})
    for path in tmp_path.iterdir():
        assert "a-planted-secret" not in path.read_text(encoding="utf-8-sig")
    assert steps(tmp_path) == [("directory", "failed", "failed")]


def test_texts_of_a_server_stay_texts(tmp_path: Path) -> None:
    """No formula in the table, and no markup in the page."""
    report = report_in(tmp_path)
    name = '=HYPERLINK("https://x")'
    report.add("directory", {"failed": True, "msg": "<script>alert(1)</script>\x1b[2J", "results": [{**CREATED, "name": name}]})  # fmt: skip
    report.end({})
    assert [row["name"] for row in table(tmp_path) if row["kind"] == "user"] == [f"'{name}"]
    source = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<script" not in source
    assert "\x1b" not in source


def test_another_task_goes_on_with_it(tmp_path: Path) -> None:
    """What is noted is JSON, as results of Ansible are."""
    first = report_in(tmp_path)
    first.begin("confirm")
    first.add_step("confirm", "done", "typed", False, [], [])
    first.add_step("export", "done", "written", True, [{"changed": True, "results": [{"kind": "file", "action": "create", "name": "users.yml", "outcome": "done"}]}], [])  # fmt: skip
    first.pause("Nothing of it was taken down.")
    assert "This is not finished. Nothing of it was taken down." in page(tmp_path)
    before = table(tmp_path)
    noted = first.note()
    assert {type(value) for _step, rows in noted["steps"] for row in rows for value in row} <= {int, str, list}
    second = report_in(tmp_path)
    second.go_on(json.loads(json.dumps(noted)))
    left = {"kind": "application", "name": "Payroll", "reason": "is shared"}
    second.add_step("remove", "manual", "look at what is left", False, [], [left])
    second.end({"delete": "comes later"})
    assert table(tmp_path)[: len(before)] == before
    assert steps(tmp_path)[2:] == [("remove", "manual", "not tried"), ("delete", "not reached", "not tried")]
    assert [row["reason"] for row in table(tmp_path) if row["outcome"] == "left out"] == ["is shared"]


# Which files are refused


def refusal(path: Path | str, folder: Path, *others: str, owner: str = "contoso") -> str:
    run = folder / "run"
    run.mkdir(exist_ok=True)
    return why_not_writable(VARIABLE, [str(path)], others, str(run), owner)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("report.txt", "ends neither in .csv nor in .html"),
        ("none/report.csv", "lies in a folder that does not exist"),
        ("folder.csv", "is a folder"),
        ("input.csv", "is also a file of the definition"),
        ("link.csv", "is also a file of the definition"),
    ],
)
def test_paths_that_are_refused(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "input.csv").write_text("upn\n", encoding="utf-8")
    (tmp_path / "link.csv").symlink_to("input.csv")
    found = refusal(tmp_path / path, tmp_path, str(tmp_path / "input.csv"), "~/other.csv")
    assert found.startswith(f"The variable {VARIABLE}: ")
    assert said in found
    assert found.endswith(" Nothing was written.")


def test_two_environments_of_a_run_never_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    assert refusal(path, tmp_path) == refusal(path, tmp_path) == "", "the same environment again, as after a look at it"
    os.symlink("report.csv", tmp_path / "same.csv")
    for same in (path, tmp_path / "." / "report.csv", tmp_path / "same.csv"):
        assert "is also the report of contoso in this run" in refusal(same, tmp_path, owner="fabrikam")
    assert refusal(tmp_path / "fabrikam.csv", tmp_path, owner="fabrikam") == ""


def test_a_path_begins_where_ansible_was_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/adele")
    assert absolute(["a.csv", "./b/c.html", " ~/d.csv ", "/e.csv", " "]) == [
        str(tmp_path / "a.csv"),
        str(tmp_path / "b" / "c.html"),
        "/home/adele/d.csv",
        "/e.csv",
    ]


def test_a_file_that_cannot_be_written_ends_a_run_before_its_first_step_only(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    report = report_in(folder)
    with pytest.raises(InputError, match=rf"The variable {VARIABLE}: .* Nothing was written\.$"):
        report.begin("environment")
    folder.mkdir()
    report.begin("environment")
    report.add("environment", RESULT)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    report.begin("directory")
    report.end({})
    assert report.problems
    assert all(problem.endswith("The run itself continued.") for problem in report.problems)
