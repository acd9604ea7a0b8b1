# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions as code in real plays: profiles with their checklist, the report, and what diffs and plans say of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pattern import ADELE, ALLAN, NESTOR, same
from playing import Play, connection, run_in, task
from test_blank_answers import named
from test_fleet_audit import Page
from test_roles import changes, check_do_repeat, role
from w365_simulator.testing import Twin

NEWS, TILES, APPS = "Create and manage announcements", "Create shared tile groups", "Create apps in app store"
EDITORS, INTERNS = "W365 News editors", "W365 Interns"
DONE = "permissions_done.yml"
ODD = "=1+1<script>alert(1)</script> {{ 7 * 7 }}"

EDITOR_PROFILE = {"name": "News editors", "group": EDITORS, "allow": [NEWS, TILES], "members": {"set": [NESTOR]}}
INTERN_PROFILE = {"name": "Interns", "group": INTERNS, "deny": [NEWS]}
PROFILES: dict[str, Any] = {
    "default": {"allow": [APPS]},
    "other_groups": "not_set",
    "profiles": [EDITOR_PROFILE, INTERN_PROFILE],
}
SEEDED: dict[str, Any] = {
    "name": "contoso",
    "users": [
        {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True},
        {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke"},
        {"upn": ADELE, "first_name": ODD, "last_name": "Vance"},
    ],
    "groups": [{"name": EDITORS, "members": [NESTOR, ADELE]}, {"name": INTERNS, "members": [ADELE]}],
}


def profiles(definition: dict[str, Any] = PROFILES, **more: Any) -> dict[str, Any]:
    return role("w365_permission_profiles", definition=definition, done=DONE, **more)


def checklist(played: Play) -> list[str]:
    (step,) = (step for step in played if step.name.endswith("Show what is left to set by hand"))
    lines: list[str] = step.result["msg"]
    return lines


@pytest.mark.slow
def test_profiles_are_applied_listed_and_remembered(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    defaults = connection(twin, scim=True)

    def run(definition: dict[str, Any] = PROFILES, *words: str, **more: Any) -> Play:
        return play(profiles(definition, **more), defaults=defaults, arguments=words)

    do, again = check_do_repeat(lambda arguments=(): run(PROFILES, *arguments), twin)
    same(twin.environment("contoso")["groups"][EDITORS]["members"], [NESTOR], "members")
    writing = [step.name for step in do if step.writes]
    assert len(writing) == 1, f"one task for all groups, not {writing}"
    everything = [
        "Default permissions",
        f"  [ ] {APPS}: Allow",
        f"Settings > Users & Groups > Group management > {EDITORS} > permissions",
        f"  [ ] {NEWS}: Allow",
        f"  [ ] {TILES}: Allow",
        f"Settings > Users & Groups > Group management > {INTERNS} > permissions",
        f"  [ ] {NEWS}: Deny",
        "Nothing is known of what was set before, so everything is listed.",
    ]
    same(checklist(again), everything, "the list without a file")

    # In check mode the file is announced and not written.
    announced = run(PROFILES, "--check", "--diff", clicked=[EDITORS])
    assert changes(announced)
    assert not (tmp_path / DONE).exists()
    assert f"+  {EDITORS}:" in announced.output
    assert changes(run(clicked=[EDITORS]))
    written = yaml.safe_load((tmp_path / DONE).read_text(encoding="utf-8"))
    same({name: set(values) for name, values in written["groups"].items()}, {EDITORS: {NEWS, TILES}}, "the file")
    rest = run(clicked=[EDITORS])
    same(changes(rest), [], "changes of the second run")
    same(checklist(rest), [everything[0], everything[1], everything[5], everything[6]], "the rest")

    # What a profile no longer gives is to be taken back, and a renamed group keeps what was set.
    renamed = {**EDITOR_PROFILE, "group": "W365 Press", "identity": EDITORS, "allow": [NEWS]}
    last = run({**PROFILES, "default": {}, "profiles": [renamed]})
    assert sorted(twin.environment("contoso")["groups"]) == [INTERNS, "W365 Press"]
    same(
        checklist(last),
        [
            "Settings > Users & Groups > Group management > W365 Press > permissions",
            f"  [ ] {TILES}: Not set (was Allow)",
            f"Renamed groups keep their permissions: {EDITORS} is W365 Press.",
        ],
        "differences",
    )


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("definition", "text", "said"),
    [
        (PROFILES, "groups: [", "not YAML"),
        (PROFILES, f"groups:\n  {EDITORS}:\n    {NEWS}: perhaps\n", "line 3: the value is 'perhaps'"),
        ({**PROFILES, "profiles": [{**EDITOR_PROFILE, "allow": ["Create app in app store"]}]}, "", f"did you mean '{APPS}'?"),
        ({**PROFILES, "profiles": [EDITOR_PROFILE, {**INTERN_PROFILE, "group": EDITORS.upper()}]}, "", "2 profiles name the group"),
    ],
)  # fmt: skip
def test_what_is_not_clear_stops_before_a_request(
    definition: Any, text: str, said: str, twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    (tmp_path / DONE).write_text(text, encoding="utf-8")
    twin.clear_requests()
    played = play(profiles(definition, clicked=["*"]), defaults=connection(twin, scim=True))
    assert played.code != 0
    assert said in " ".join(played.output.split())
    same(twin.requests(), [], "requests")
    same((tmp_path / DONE).read_text(encoding="utf-8"), text, "the file")


@pytest.mark.slow
def test_diffs_name_permissions_in_both_hosts(twin: Twin, play: Callable[..., Play]) -> None:
    twin.reset({"environments": [SEEDED]}, "full")
    # Adele is denied by another group that this task does not touch.
    groups = [{"name": EDITORS, "members": {"set": [ADELE]}}]
    one = task("w365_directory", check=True, groups=groups, permission_profiles=PROFILES)
    results = []
    for host in ("direct", "process"):
        with run_in(host):
            (step,) = played = play(one, defaults=connection(twin, scim=True), arguments=["--diff"])
        assert f"{NESTOR}: loses {NEWS} (group {EDITORS})" in played.output
        results.append({name: step.result[name] for name in ("permission_changes", "diff", "changed")})
    same(results[0], results[1], "results")
    lost = {"user": NESTOR, "change": "loses", "groups": [EDITORS]}
    same(results[0]["permission_changes"], [{**lost, "permission": name} for name in (NEWS, TILES)], "changes")


def test_a_plan_names_permissions(twin: Twin, play: Callable[..., Play]) -> None:
    """When it is made, and when it is applied, also where one of the groups is read for that alone."""
    twin.reset({"environments": [SEEDED]}, "full")
    twin.switches(scim_members_listed=1, scim_members_beyond="empty")
    groups = [{"name": INTERNS, "members": {"remove": [ADELE]}}]
    played = play(
        task("w365_directory", groups=groups, plan_file="plan.json", permission_profiles=PROFILES),
        task("w365_directory", apply_plan="plan.json", permission_profiles=PROFILES),
        defaults=connection(twin, scim=True),
    )
    gained = {"user": ADELE, "change": "gains", "permission": NEWS, "groups": [INTERNS]}
    same([step.result["permission_changes"] for step in played], [[gained], [gained]], "changes")


def report(tmp_path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["rows"]
    return {(row["user"], row["permission"]): row for row in rows}


FILES = {f"w365_permissions_{form}": f"report.{form}" for form in ("html", "csv", "json")}


@pytest.mark.slow
def test_who_may_do_what(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    twin.reset({"environments": [SEEDED]}, "full")
    given = {"w365_permission_profiles_definition": PROFILES, **FILES}
    played = named("report_permissions", play, twin, "--check", **given)
    assert played.code == 0, played.output
    same(twin.writes(), [], "writes")
    rows = report(tmp_path)
    told = {key: (row["answer"], row["rule"], row["evidence"]) for key, row in rows.items()}
    same(told[ALLAN, NEWS], ("yes", "administrator", "documented by the vendor"), "an administrator")
    same(told[NESTOR, NEWS], ("yes", "Allow", "assumed"), "a member")
    same(told[ADELE, NEWS], ("no", "Deny beats Allow", "documented by the vendor"), "a member of both")
    same(told[NESTOR, APPS], ("yes", "Allow", "assumed"), "what everybody may")
    same(rows[ADELE, NEWS]["because"], f"Deny in {INTERNS} (profile Interns)", "the reason")
    text = (tmp_path / "report.csv").read_text(encoding="utf-8-sig")
    cells = {row["name"] for row in csv.DictReader(io.StringIO(text))}
    assert f"'{ODD} Vance" in cells
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert ODD in page.text
    assert "3 people of environment contoso" in played.output
    # What nobody has noted as set is unknown, and can fail the run.
    strict = {**given, "w365_permission_profiles_done": "none.yml", "w365_permissions_fail_on_unknown": "yes"}
    failed = named("report_permissions", play, twin, **strict)
    assert failed.code != 0
    assert "answers are unknown" in failed.output
    same(report(tmp_path)[NESTOR, NEWS]["answer"], "unknown", "what nobody has set")


@pytest.mark.slow
def test_what_could_not_be_read_is_unknown(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    twin.reset({"environments": [SEEDED]}, "documented")
    given = {"w365_permission_profiles_definition": PROFILES, **FILES}
    played = named("report_permissions", play, twin, **given)
    assert played.code == 0, played.output
    same(report(tmp_path)[ADELE, NEWS]["answer"], "unknown", "who is an administrator is not known")
    same(report(tmp_path)[NESTOR, NEWS]["answer"], "yes", "a member")
    twin.fault(action="status", status=500, surface="scim", path="/Groups", times=-1)
    assert named("report_permissions", play, twin, **given).code == 0
    same(report(tmp_path)[NESTOR, NEWS]["answer"], "unknown", "who is a member is not known")
    twin.fault(action="status", status=500, surface="scim", path="/Users", times=-1)
    blind = named("report_permissions", play, twin, **given)
    assert blind.code != 0
    assert "Neither the users nor the groups could be read" in blind.output


def test_apply_permissions_with_blank_answers(twin: Twin, play: Callable[..., Play]) -> None:
    for playbook in ("apply_permissions", "report_permissions"):
        twin.clear_requests()
        played = named(playbook, play, twin, w365_permission_profiles_definition="  ")
        assert played.code != 0
        assert "w365_permission_profiles_definition is not given" in played.output
        same(twin.requests(), [], "requests")


@pytest.mark.slow
def test_the_file_of_one_environment_is_not_that_of_another(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    twin.reset({"environments": [SEEDED, {**SEEDED, "name": "fabrikam"}]}, "full")
    given = {
        "w365_permission_profiles_definition": {"profiles": [{**EDITOR_PROFILE, "members": None}]},
        "w365_permission_profiles_done": DONE,
        "w365_environment": "contoso",
    }
    done = named("apply_permissions", play, twin, w365_permission_profiles_clicked="*", **given)
    assert done.code == 0, done.output
    text = (tmp_path / DONE).read_text(encoding="utf-8")
    same(yaml.safe_load(text)["environment"], "contoso", "whose file it is")
    for playbook, more in (
        ("apply_permissions", {}),
        ("apply_permissions", {"w365_permission_profiles_clicked": "*"}),
        ("report_permissions", {}),
    ):
        twin.clear_requests()
        refused = named(playbook, play, twin, **{**given, "w365_environment": "fabrikam", **more})
        assert refused.code != 0
        assert "is about environment 'contoso' of" in " ".join(refused.output.split())
        same(twin.requests(), [], "requests")
    same((tmp_path / DONE).read_text(encoding="utf-8"), text, "the file")
    # Two hosts of one run, which both begin without the file.
    (tmp_path / DONE).unlink()
    one = profiles(
        {"profiles": [{**EDITOR_PROFILE, "members": None}]}, clicked=["*"], environment="{{ inventory_hostname }}"
    )
    refused = play(
        one,
        defaults=connection(twin) | {"environment": "{{ inventory_hostname }}"},
        arguments=["-i", "contoso,fabrikam,"],
        play={"hosts": "all:!localhost"},
    )
    assert refused.code != 0
    assert "is also the file of what was done in environment" in " ".join(refused.output.split())
    assert yaml.safe_load((tmp_path / DONE).read_text(encoding="utf-8"))["environment"] in {"contoso", "fabrikam"}
