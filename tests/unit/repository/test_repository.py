# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever starts checks names the same ones: the Makefile, tools/run_checks.py, the workflows, .ci/run and noxfile.py."""

from __future__ import annotations

import importlib
import re
import runpy
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

Command = list[str]


def makefile() -> str:
    return (ROOT / "Makefile").read_text(encoding="utf-8")


def targets() -> set[str]:
    return set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile(), re.MULTILINE))


def variables() -> set[str]:
    """Those that a caller may set."""
    return set(re.findall(r"^([A-Z_]+) \?=", makefile(), re.MULTILINE))


def tool(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A helper of the Makefile, as Python imports it when the Makefile starts it."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return importlib.import_module(name)


def commands_of(script: str) -> list[Command]:
    """The commands of a shell script that call make, from that word on. A script of the repository is followed."""
    found = []
    for line in script.splitlines():
        words = shlex.split(line, comments=True)
        if "make" in words:
            found.append(words[words.index("make") :])
        for word in words:
            if (ROOT / word).is_file():
                found += commands_of((ROOT / word).read_text(encoding="utf-8"))
    return found


def workflow(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def steps_of(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path)["jobs"].values() for step in job["steps"]]


def commands_of_workflow(path: Path) -> list[Command]:
    return [command for step in steps_of(path) for command in commands_of(step.get("run", ""))]


def nox_commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Command]]:
    """What each session of noxfile.py would run, with a nox that runs nothing."""
    sessions: dict[str, Callable[[Any], None]] = {}

    def register(name: str, **_options: Any) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        def keep(function: Callable[[Any], None]) -> Callable[[Any], None]:
            sessions[name] = function
            return function

        return keep

    options = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "nox", SimpleNamespace(session=register, options=options, Session=object))
    runpy.run_path(str(ROOT / "noxfile.py"))
    assert set(options.sessions) <= set(sessions), "sessions that run without a name"
    run: dict[str, list[Command]] = {}
    for name, function in sessions.items():
        calls: list[Command] = []
        function(SimpleNamespace(posargs=["CHECKS=unit"], run=lambda *words, calls=calls: calls.append(list(words))))
        run[name] = calls
    return run


def unknown(command: Command) -> list[str]:
    """The words of a make command that the Makefile does not know."""
    return [
        word
        for word in command[1:]
        if (word.partition("=")[0] not in variables() if "=" in word else word not in targets())
    ]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_targets_of_the_makefile(path: Path) -> None:
    commands = commands_of_workflow(path)
    assert commands, "it checks nothing"
    assert [command for command in commands if len(command) < 2 or unknown(command)] == []


def test_the_workflows_run_everything() -> None:
    called = {command[1] for path in WORKFLOWS for command in commands_of_workflow(path)}
    assert called >= {"test", "test-all", "matrix"}
    assert commands_of((ROOT / ".ci" / "run").read_text(encoding="utf-8")) == [["make", "test-all"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_may_do_little(path: Path) -> None:
    """They only read the repository, know no secret, take actions by their major version, and end at some time."""
    text, read = path.read_text(encoding="utf-8"), workflow(path)
    assert read["permissions"] == {"contents": "read"}
    assert "secrets." not in text
    assert [job for job in read["jobs"].values() if "permissions" in job or "timeout-minutes" not in job] == []
    used = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert [action for action in used if not re.fullmatch(r"actions/[a-z-]+@v\d+", action)] == []
    # Text from outside would be run as a part of the script.
    assert [step["run"] for step in steps_of(path) if "${{" in step.get("run", "")] == []


def test_the_matrix_of_the_workflow_is_that_of_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    job = workflow(ROOT / ".github" / "workflows" / "matrix.yml")["jobs"]["matrix"]
    cells = [(cell["core"], cell["python"]) for cell in job["strategy"]["matrix"]["include"]]
    assert cells == [(core.series, core.pythons[0]) for core in tool("matrix", monkeypatch).CORES]


def test_sessions_of_nox_are_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    run = nox_commands(monkeypatch)
    assert run == {name: [["make", name, "CHECKS=unit"]] for name in run}
    assert set(run) <= targets()
    assert set(run) >= {"test", "lint", "unit", "matrix"}


def test_checks_are_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = tool("run_checks", monkeypatch)
    every = (*checks.CHECKS, *checks.SLOW_CHECKS)
    assert [check.target for check in every if check.target not in targets()] == []
    assert [check.words for check in every if unknown(["make", *check.words])] == []
    names = [check.name for check in every]
    assert len(names) == len(set(names)), "two checks would write to the same report"
    # Nobody runs the slow tests of a suite unless something leaves them out, and nothing leaves out what nobody runs.
    leaving = [check.target for check in checks.CHECKS if check.marks == "not slow"]
    assert leaving == [check.target for check in checks.SLOW_CHECKS if check.marks == "slow"]


def test_marks_choose_tests_in_every_suite() -> None:
    recipes = [line for line in makefile().splitlines() if " pytest tests/" in line]
    assert len(recipes) >= 3
    assert [line for line in recipes if "$(PYTEST_CHOICE)" not in line] == []
    assert {"MARKS", "PYTEST_ARGS"} <= variables()


def test_slow_tests_that_are_left_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = tool("run_checks", monkeypatch)
    quick, slow = checks.CHECKS[0], checks.SLOW_CHECKS[0]
    other = next(check for check in checks.CHECKS if check.target != quick.target)
    outcomes = [checks.Outcome(quick, True, 1, left=2), checks.Outcome(other, True, 1)]
    assert list(checks.left_over(outcomes)) == ["Left to 'make test-all': 2 slow tests (2 of integration)."]
    assert list(checks.left_over([*outcomes, checks.Outcome(slow, True, 1)])) == []
    assert list(checks.left_over(outcomes[1:])) == []


def test_checks_that_are_left_out_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = tool("run_checks", monkeypatch)
    quick, all_of_them = (
        [checks.Outcome(check, True, 1) for check in each] for each in (checks.CHECKS, checks.SLOW_CHECKS)
    )
    assert list(checks.left_over(quick)) == ["Left to 'make test-all': molecule, importer, site."]
    assert list(checks.left_over([*quick, *all_of_them])) == []
    # Somebody who asks for some checks knows that.
    assert list(checks.left_over(quick[:-1])) == []


FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_can_be_filled_in(path: Path) -> None:
    """What GitHub refuses: fields without a label, ids that are not unique, options that YAML takes for truths."""
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(form) == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    assert len(ids) == len(set(ids))
    assert [field["id"] for field in fields if not field["attributes"]["label"]] == []
    options = [option for field in fields for option in field["attributes"].get("options", ())]
    assert [option for option in options if not isinstance(option, str | dict)] == []


def test_a_report_holds_what_the_readme_asks_for() -> None:
    """The README names it in one sentence: task, sentence of the error, versions, and whether scim_url was given."""
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "bug_report.yml").read_text(encoding="utf-8"))
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert required >= {"collection", "ansible", "scim_url", "task", "actual"}
    assert form["body"][-1]["attributes"]["options"][0]["required"], "nobody says that there is no secret in it"
