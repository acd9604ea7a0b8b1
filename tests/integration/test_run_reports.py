# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run says first, and its report: when it succeeds, in check mode, when it fails, and when it is killed."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pattern import ADELE, NESTOR, same
from playing import COLLECTION, Play, connection, start_playbook
from test_blank_answers import environ, named
from test_fleet_offboard import Run, active, run, tenant, told  # noqa: F401 - fixtures
from test_roles import apply_directory, the_report
from test_thin_roles import BUDGET, NEW, headings, summary_of, whole
from w365_simulator.testing import Twin

ONBOARDING, OFFBOARDING = "w365_tenant_report_file", "w365_offboard_report_file"


def table(path: Path) -> list[dict[str, str]]:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def steps(path: Path) -> dict[str, str]:
    """The outcome of each step in the table."""
    return {row["name"]: row["outcome"] for row in table(path) if row["kind"] == "step"}


def page(path: Path) -> str:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text(encoding="utf-8")


def assert_no_secret(twin: Twin, *paths: Path) -> None:
    for path in paths:
        text = path.read_text(encoding="utf-8-sig")
        for secret in (twin.provisioning_key, twin.scim_token, twin.client_secret):
            assert str(secret) not in text, path


# Onboarding


def test_a_tenant_from_its_preview_to_a_run_without_changes(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    """With relative paths in one text, as a survey gives them, and within the budget of tasks."""
    given = {"w365_tenant_definition": whole(twin), ONBOARDING: "run.csv, run.html"}
    paths = [tmp_path / "run.csv", tmp_path / "run.html"]
    check = named("onboard_tenant", play, twin, "--check", **given)
    assert check.code == 0, check.output
    same(twin.writes(), [], "writes")
    first = summary_of(check)[0]
    assert first.startswith("w365 contoso: ")
    assert "user would be created" in first or "users would be created" in first
    same(set(steps(paths[0]).values()) <= {"planned", "unchanged"}, True, "outcomes of a prediction")
    assert "This is a prediction." in page(paths[1])

    real = named("onboard_tenant", play, twin, **given)
    assert real.code == 0, real.output
    assert len(headings(real)) <= BUDGET
    assert "would be" not in summary_of(real)[0]
    assert list(steps(paths[0])) == ["environment", "sso", "o365_import", "directory"]
    rows = table(paths[0])
    assert [row["what"] for row in rows if row["name"] == ADELE and row["kind"] == "user"] == ["joined"]
    created = sum(row["what"] == "joined" for row in rows)
    assert f"{created} users created" in summary_of(real)[0]
    assert "This is a prediction." not in page(paths[1])
    assert "Nothing failed." in page(paths[1])
    assert_no_secret(twin, *paths)

    again = named("onboard_tenant", play, twin, **given)
    same(summary_of(again)[0], "w365 contoso: unchanged; unknown: the key of sso", "the first line")
    same(set(steps(paths[0]).values()), {"unchanged"}, "outcomes of a run without changes")


def test_a_step_that_fails_is_told_with_what_was_done_before(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    """Half way through the last step: what was made, what was refused, and what was not tried."""
    twin.fault(surface="scim", method="POST", path="/Groups$", action="status", status=400, body="fault", times=-1)
    definition = {**whole(twin), "o365_import": None, "scim_bulk": False}
    report = tmp_path / "run.csv"
    given = {"w365_tenant_definition": definition, ONBOARDING: [str(report), str(tmp_path / "run.html")]}
    played = named("onboard_tenant", play, twin, **given)
    assert played.code != 0
    lines = summary_of(played)
    assert lines[0].startswith("w365 contoso: failed in directory; ")
    assert "created" in lines[0]
    assert "1 change failed" in lines[0]
    assert lines[1].startswith("failed: directory: ")
    same(lines[-1], "Fix the cause and rerun it.", "how to go on")
    same(steps(report)["directory"], "failed", "the step")
    outcomes = {(row["kind"], row["name"]): row["outcome"] for row in table(report)}
    same(outcomes["user", ADELE], "done", "who was created before")
    same(outcomes["group", "Retail"], "failed", "what was refused")
    assert "Failures (" in page(tmp_path / "run.html")
    twin.clear_faults()
    rest = named("onboard_tenant", play, twin, **given)
    assert rest.code == 0, rest.output
    same(steps(report)["directory"], "done", "the step of the next run")


def test_a_step_that_fails_early_names_the_steps_after_it(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    definition = {**whole(twin), "sso": {"primary_domain": "contoso.com", "client_id": "b2", "key": "wrong"}}
    report = tmp_path / "run.csv"
    played = named("onboard_tenant", play, twin, w365_tenant_definition=definition, w365_tenant_report_file=str(report))
    assert played.code != 0
    same(summary_of(played)[2], "not reached: o365_import, directory", "steps after it")
    expected = {"environment": "unchanged", "sso": "failed", "o365_import": "not tried", "directory": "not tried"}
    same(steps(report), expected, "steps")


def test_a_killed_run_has_told_how_far_it_came(twin: Twin, tmp_path: Path) -> None:
    """What was under way is unknown, and no longer done or not done."""
    twin.fault(action="hold_before", surface="scim", method="GET", path="/Users", times=1)
    report = tmp_path / "run.csv"
    variables = json.dumps({"w365_tenant_definition": whole(twin), ONBOARDING: [str(report), str(tmp_path / "r.html")]})
    arguments = ["-e", variables, f"{COLLECTION}.onboard_tenant"]
    with start_playbook(tmp_path, twin, [], arguments=arguments, environ=environ(twin)) as running:
        running.kill_at_fault()
    twin.release()
    same(steps(report), {"environment": "unchanged", "sso": "done", "o365_import": "unknown"}, "steps")
    assert "This is not finished." in page(tmp_path / "r.html")
    assert "o365_import has begun, and nothing is noted after it." in page(tmp_path / "r.html")
    assert_no_secret(twin, report)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none/run.csv", "lies in a folder that does not exist"),
        ("run.pdf", "ends neither in .csv nor in .html"),
        ("users.csv", "is also a file of the definition"),
    ],
)
def test_a_path_that_cannot_be_written_is_refused_before_anything_else(
    path: str, said: str, twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    source = tmp_path / "users.csv"
    source.write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    definition = {**whole(twin), "src": [str(source)]}
    twin.clear_requests()
    played = named("onboard_tenant", play, twin, w365_tenant_definition=definition, **{ONBOARDING: path})
    assert played.code != 0
    (failed,) = (step for step in played if step.status == "failed")
    assert failed.message.startswith(f"The variable {ONBOARDING}: '{tmp_path / path}' ")
    assert said in failed.message
    same(twin.requests(), [], "requests")
    assert source.read_text(encoding="utf-8").startswith("upn;"), "a file of the definition was replaced"


@pytest.mark.slow
def test_a_fleet_has_one_file_for_each_environment(twin: Twin, tmp_path: Path) -> None:
    """And two environments that name the same one are not both written: the second is refused as a whole."""
    twin.seed({"environments": [{"name": "fabrikam", "users": []}]})
    common = {f"w365_{name}": value for name, value in connection(twin, None).items()}
    hosts = {}
    for name in ("contoso", "fabrikam"):
        people = [{"upn": f"adele@{name}.com", "first_name": "Adele", "last_name": "Vance"}]
        hosts[name] = {"w365_environment": name, "w365_tenant_definition": {"users": people}}
    inventory = tmp_path / "inventory.yml"

    def onboard(report: str) -> Play:
        content = {"w365_environments": {"vars": {**common, ONBOARDING: report}, "hosts": hosts}}
        inventory.write_text(yaml.safe_dump(content), encoding="utf-8")
        arguments = ["-i", str(inventory), f"{COLLECTION}.fleet_onboard"]
        return start_playbook(tmp_path, twin, [], arguments=arguments).wait()

    shared = onboard(str(tmp_path / "all.csv"))
    assert shared.code != 0
    assert "is also the report of" in " ".join(shared.output.split())
    there = [f"adele@{name}.com" in twin.environment(name)["users"] for name in hosts]
    assert there.count(True) == 1, "one of them was refused, and the other one was not disturbed"
    own = onboard(str(tmp_path / "{{ inventory_hostname }}.csv"))
    assert own.code == 0, own.output
    for name in hosts:
        outcome = steps(tmp_path / f"{name}.csv")["directory"]
        same(outcome, "unchanged" if there[list(hosts).index(name)] else "done", f"step of {name}")
        assert f"adele@{name}.com" in twin.environment(name)["users"]


def test_what_no_server_shows_is_unknown(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Without the endpoints that the vendor has not documented."""
    twin.switches(profile="documented")
    definition = {
        "environment": {"name": "contoso"},
        "sso": {**whole(twin)["sso"], "when_unreadable": "skip"},
        "users": [NEW],
    }
    report = tmp_path / "run.csv"
    played = named("onboard_tenant", play, twin, w365_tenant_definition=definition, w365_tenant_report_file=str(report))
    assert played.code == 0, played.output
    assert "unknown: sso, which could not be compared" in summary_of(played)[0]
    (row,) = (row for row in table(report) if (row["kind"], row["name"]) == ("step", "sso"))
    same((row["outcome"], row["details"]), ("unchanged", "unknown: sso, which could not be compared"), "the step")


# Offboarding


@pytest.mark.slow
def test_an_offboarding_step_by_step(tenant: Twin, run: Run, tmp_path: Path) -> None:  # noqa: F811
    report, html = tmp_path / "contoso.csv", tmp_path / "contoso.html"
    given = {OFFBOARDING: f"{tmp_path}/{{{{ inventory_hostname }}}}.csv, {html}"}
    check = run("--check", **given)
    assert check.code == 0, check.output
    assert told(check)[0].startswith("w365 contoso: offboarding to the stage deactivate; would do: export, ")
    expected = dict(zip(("confirm", "export", "provisioning", "deactivate", "remove", "delete"), ("unchanged", *["planned"] * 3, *["not tried"] * 2), strict=True))  # fmt: skip
    same(steps(report), expected, "steps of a prediction")
    assert "This is a prediction." in page(html)
    assert tenant.writes() == []
    real = run(**given)
    assert real.code == 0, real.output
    assert told(real)[0] == "w365 contoso: offboarding to the stage deactivate; done: export, provisioning, deactivate"
    same(steps(report), {name: "done" if state == "planned" else state for name, state in expected.items()}, "steps")
    kinds = {(row["kind"], row["what"]) for row in table(report)}
    assert ("environment", "environment deactivated") in kinds
    assert_no_secret(tenant, report, html)
    again = run(**given)
    assert told(again)[0] == "w365 contoso: offboarding to the stage deactivate; unchanged"


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            {"action": "hold_before", "surface": "scim", "method": "GET", "path": "/Users"},
            {"confirm": "unchanged", "export": "unknown"},
        ),
        pytest.param(
            {"action": "hold_after", "method": "PUT", "path": "/Deactivate/"},
            {"confirm": "unchanged", "export": "done", "provisioning": "done", "deactivate": "unknown"},
        ),
    ],
    ids=["in the export", "after the deactivation"],
)
def test_a_killed_offboarding_has_told_how_far_it_came(
    tenant: Twin,  # noqa: F811
    run: Run,  # noqa: F811
    tmp_path: Path,
    fault: Mapping[str, Any],
    expected: dict[str, str],
) -> None:
    from test_fleet_offboard import host_of, inventory

    tenant.fault(**fault)
    report = tmp_path / "run.csv"
    path = inventory(tenant, tmp_path, {"contoso": host_of(tenant, "contoso")})
    words = ["-i", str(path), "-e", json.dumps({"w365_offboard_confirm": "contoso", OFFBOARDING: str(report)})]
    with start_playbook(tmp_path, tenant, [], arguments=[*words, f"{COLLECTION}.fleet_offboard"]) as running:
        running.kill_at_fault()
    tenant.release()
    tenant.clear_faults()
    same(steps(report), expected, "steps")
    resumed = run(**{OFFBOARDING: str(report)})
    assert resumed.code == 0, resumed.output
    assert "unknown" not in steps(report).values()
    assert active(tenant) is False


@pytest.mark.slow
def test_an_offboarding_that_fails_and_one_without_a_report(tenant: Twin, run: Run, tmp_path: Path) -> None:  # noqa: F811
    missing = run(**{OFFBOARDING: str(tmp_path / "none" / "run.csv")})
    assert missing.code != 0
    assert f"The variable {OFFBOARDING}: " in missing.output
    assert tenant.writes() == []
    assert not (tmp_path / "exports").exists()
    tenant.fault(method="PUT", path="/Deactivate/", action="status", status=400, body="fault", times=-1)
    failed = run(**{OFFBOARDING: str(tmp_path / "run.csv")})
    assert failed.code != 0
    lines = told(failed)
    assert lines[0] == "w365 contoso: failed in deactivate; done: export, provisioning"
    same(lines[-1], "Fix the cause and rerun it: it does what is left.", "how to go on")
    found = steps(tmp_path / "run.csv")
    same([found[name] for name in ("provisioning", "deactivate", "remove")], ["done", "failed", "not tried"], "steps")


# The directory


@pytest.mark.slow
def test_files_of_the_directory_have_a_report_too(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """The variable for files and for a definition, beside the key of the definition."""
    (tmp_path / "people.csv").write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    check = apply_directory(
        play, twin, "--check", w365_directory_src="people.csv", w365_directory_report_file="run.csv"
    )
    same(the_report(check).result["msg"][0], "w365 contoso: 1 user would be created", "the first line")
    same([row["outcome"] for row in table(tmp_path / "run.csv")], ["planned"], "rows")
    done = apply_directory(play, twin, w365_directory_src="people.csv", w365_directory_report_file=["run.csv"])
    same(the_report(done).result["msg"][0], "w365 contoso: 1 user created", "the first line")
    same([(row["name"], row["outcome"]) for row in table(tmp_path / "run.csv")], [(ADELE, "done")], "rows")
    definition = {"users": [{"upn": NESTOR, "state": "absent"}], "report_file": [str(tmp_path / "own.html")]}
    both = apply_directory(
        play, twin, w365_directory_definition=definition, w365_directory_report_file="run.csv,more.csv"
    )
    assert both.code == 0, both.output
    for name in ("run.csv", "more.csv"):
        same([(row["name"], row["what"]) for row in table(tmp_path / name)], [(NESTOR, "left")], "rows")
    assert NESTOR in page(tmp_path / "own.html").replace("<wbr>", "")
    twin.clear_requests()
    refused = apply_directory(play, twin, w365_directory_src="people.csv", w365_directory_report_file="none/run.csv")
    assert refused.code != 0
    assert "lies in a folder that does not exist" in refused.output
    same(twin.writes(), [], "writes")
