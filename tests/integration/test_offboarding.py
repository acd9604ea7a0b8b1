# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Variables are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The playbook that offboards people: who is meant, what became of each, and what no answer of a survey may do."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pattern import ALLAN, NESTOR, PATTI
from playing import COLLECTION, Play, Step, connection
from test_strict_input import NATIVE
from w365_simulator.testing import Twin

MEGAN, UNKNOWN = "megan.bowen@contoso.com", "nestor.wilkee@contoso.com"
SEED: dict[str, Any] = {
    "environments": [
        {
            "name": "contoso",
            "users": [
                {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True},
                {"upn": MEGAN, "first_name": "Megan", "last_name": "Bowen", "administrator": True},
                {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke"},
                {"upn": PATTI, "first_name": "Patti", "last_name": "Fernandez", "active": False},
            ],
            "groups": [{"name": "Retail", "members": [NESTOR, MEGAN]}],
        }
    ]
}


@pytest.fixture(autouse=True)
def seeded(twin: Twin) -> None:
    twin.reset(SEED, "full")


def offboard(play: Callable[..., Play], twin: Twin, *arguments: str, role: bool = True, **variables: Any) -> Play:
    """The playbook as a person runs it, with the connection in environment variables."""
    options = connection(twin, scim=True)
    if not role:
        del options["instance_url"], options["provisioning_key"]
    awx = ("awx_", "tower_")
    given = {name if name.startswith(awx) else f"w365_offboard_{name}": value for name, value in variables.items()}
    return play(
        arguments=["-e", json.dumps(given), *arguments, f"{COLLECTION}.offboard_user"],
        environ={f"W365_{name.upper()}": value for name, value in options.items()},
    )


def the_task(played: Play) -> Step:
    (step,) = (step for step in played if step.name == "Revoke the role, and delete the accounts")
    return step


def rows(played: Play) -> dict[str, tuple[str, ...]]:
    """UPN -> role and account before and after, and the outcome."""
    names = ("role_before", "role_after", "account_before", "account_after", "outcome")
    return {row["upn"]: tuple(row[name] for name in names) for row in the_task(played).result["absent_users"]}


def table(played: Play) -> list[str]:
    (step,) = (step for step in played if step.name == "Show what became of each user")
    lines: list[str] = step.result["msg"]
    return lines


def active(twin: Twin) -> dict[str, bool]:
    return {upn: user["active"] for upn, user in twin.environment("contoso")["users"].items()}


def administrators(twin: Twin) -> list[str]:
    return [upn for upn, user in twin.environment("contoso")["users"].items() if user["administrator"]]


def test_known_and_unknown_people(play: Callable[..., Play], twin: Twin, tmp_path: Path) -> None:
    """Each has a row, the others are offboarded, and the job is red; in check mode the same without a write."""
    given = {"upns": [MEGAN, UNKNOWN, PATTI, NESTOR], "report_file": "out.csv"}
    twin.switches(refuse_writes=True)
    checked = offboard(play, twin, "--check", **given)
    assert checked.code != 0
    assert rows(checked)[MEGAN] == ("administrator", "user", "active", "deleted", "planned")
    assert twin.writes() == []
    assert table(checked)[-1] == "Check mode: nothing was written."
    done = offboard(play, twin, **given)
    assert done.code != 0
    assert rows(done) == {
        MEGAN: ("administrator", "user", "active", "deleted", "done"),
        NESTOR: ("user", "user", "active", "deleted", "done"),
        UNKNOWN: ("none", "none", "none", "none", "not found"),
        PATTI: ("unknown", "unknown", "deleted", "deleted", "unchanged"),
    }
    assert {upn: (*row[:4], "done" if row[4] == "planned" else row[4]) for upn, row in rows(checked).items()} == rows(
        done
    )
    step = the_task(done)
    assert step.message == (
        f"1 user to delete does not exist in environment 'contoso': '{UNKNOWN}'. Everything else of this task is done. Check "
        "the spelling, and remove names that are gone, or set absent_must_exist=false to accept them."
    )
    assert active(twin) == {ALLAN: True, MEGAN: False, NESTOR: False, PATTI: False}
    assert administrators(twin) == [ALLAN]
    assert f"{MEGAN}: done; role: administrator -> user, account: active -> deleted" in table(done)
    assert f"{UNKNOWN}: not found; nobody has this UPN in environment 'contoso'" in table(done)
    assert "2 done, 1 not found, 1 unchanged." in table(done)
    # Restoring does not bring the role back, but the memberships.
    assert sorted(twin.environment("contoso")["groups"]["Retail"]["members"]) == [MEGAN, NESTOR]
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        report = {(row["name"], row["what"]): row for row in csv.DictReader(file)}
    assert (MEGAN, "left") in report
    assert (MEGAN, "administrator role taken") in report
    assert report[UNKNOWN, "left out"]["reason"] == "was not found: nobody has this UPN in environment 'contoso'"
    assert report[PATTI, "left out"]["reason"] == "was on the deleted-users list before"


def test_again_is_green_and_changes_nothing(play: Callable[..., Play], twin: Twin) -> None:
    """Somebody who is deactivated already is fine, in a text with any separators, and twice in it."""
    text = f" {PATTI},\n{PATTI.upper()} ;\r\n"
    played = offboard(play, twin, upns=text, must_exist="")
    assert played.code == 0, played.output
    assert the_task(played).changed is False
    assert list(rows(played)) == [PATTI]
    assert twin.writes() == []


def test_unknown_people_may_be_accepted(play: Callable[..., Play], twin: Twin) -> None:
    played = offboard(play, twin, upns=f"{UNKNOWN}\n{NESTOR}", must_exist="no")
    assert played.code == 0, played.output
    assert rows(played)[UNKNOWN][-1] == "not found"
    assert active(twin)[NESTOR] is False


@pytest.mark.slow
def test_permanently_twice(play: Callable[..., Play], twin: Twin) -> None:
    """The second run finds nobody: unchanged, with a warning. When one of them is there, it is an error."""
    given = {"upns": [NESTOR, MEGAN], "permanent": "yes"}
    first = offboard(play, twin, **given)
    assert first.code == 0, first.output
    assert rows(first) == {
        MEGAN: ("administrator", "none", "active", "none", "done"),
        NESTOR: ("user", "none", "active", "none", "done"),
    }
    assert sorted(active(twin)) == [ALLAN, PATTI]
    second = offboard(play, twin, **given)
    assert second.code == 0, second.output
    assert the_task(second).changed is False
    assert "None of the 2 users to delete permanently exists in environment 'contoso'" in the_task(second).warnings
    mixed = offboard(play, twin, upns=[NESTOR, PATTI], permanent=True)
    assert mixed.code != 0
    assert sorted(active(twin)) == [ALLAN]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("upns", "more", "said"),
    [
        ([NESTOR, ALLAN, MEGAN], {}, "without an active administrator"),
        ([NESTOR, MEGAN], {"protected_users": f"{ALLAN},\n{MEGAN}\n"}, f"protected_users lists '{MEGAN}'"),
        ([NESTOR, "megan bowen"], {}, "'megan bowen', which is not a user principal name"),
        ([NESTOR, MEGAN], {"role": False}, "could not be read"),
    ],
    ids=["last administrator", "protected", "no UPN", "no roles"],
)
def test_all_or_nothing(upns: Any, more: dict[str, Any], said: str, play: Callable[..., Play], twin: Twin) -> None:
    """What is refused is refused before the first write."""
    for arguments in (("--check",), ()) if "administrator" in said else ((),):
        played = offboard(play, twin, *arguments, upns=upns, **more)
        assert played.code != 0
        assert said in the_task(played).message
        assert twin.writes() == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "No users were given"),
        ({"upns": None}, "No users were given"),
        ({"upns": " \n, ;"}, "No users were given"),
        ({"upns": [NESTOR, " "]}, "one entry is blank"),
        ({"upns": [NESTOR, None]}, "one entry is blank"),
        ({"upns": {"upn": NESTOR}}, "No users were given"),
        # Before ansible-core 2.19 a template makes a text of it.
        ({"upns": 7}, "No users were given" if NATIVE else "has '7', which is not a user principal name"),
        ({"upns": [NESTOR], "permanent": "perhaps"}, "w365_offboard_permanent is 'perhaps'"),
        ({"upns": [NESTOR], "administrators": "all"}, "w365_offboard_administrators is 'all'"),
        ({"upns": [NESTOR], "awx_user_email": NESTOR.title()}, "has started this job and is one of the users"),
        (
            {"upns": [MEGAN, f" {NESTOR}"], "awx_user_email": "", "awx_user_name": NESTOR.upper()},
            f"{NESTOR} has started this job and is one of the users",
        ),
        ({"upns": [NESTOR], "awx_user_email": "n@contoso.com", "tower_user_name": NESTOR}, "has started this job"),
    ],
    ids=[
        "nothing",
        "null",
        "blanks",
        "blank",
        "none",
        "dictionary",
        "number",
        "permanent",
        "role",
        "self",
        "own name",
        "own name in Tower",
    ],
)
@pytest.mark.slow
def test_an_answer_that_says_nothing(
    variables: dict[str, Any], said: str, play: Callable[..., Play], twin: Twin
) -> None:
    """Before anything is asked of the server."""
    twin.clear_requests()
    played = offboard(play, twin, **variables)
    assert played.code != 0
    assert said in " ".join(played.output.split())
    assert twin.requests() == []


def test_blank_answers_count_as_not_given(play: Callable[..., Play], twin: Twin) -> None:
    """A blank survey: the recoverable deletion, with the role."""
    blank = {"permanent": "", "administrators": " ", "must_exist": None, "report_file": "", "protected_users": " "}
    played = offboard(play, twin, upns=MEGAN, **blank, awx_user_email="")
    assert played.code == 0, played.output
    assert rows(played)[MEGAN] == ("administrator", "user", "active", "deleted", "done")
    assert administrators(twin) == [ALLAN]


def test_without_roles(play: Callable[..., Play], twin: Twin) -> None:
    """With SCIM only, the role is unknown, which the table says."""
    played = offboard(play, twin, upns=[MEGAN], role=False, administrators="false")
    assert played.code == 0, played.output
    assert rows(played)[MEGAN] == ("unknown", "unknown", "active", "deleted", "done")


def test_one_failure_does_not_hide_the_others(play: Callable[..., Play], twin: Twin, tmp_path: Path) -> None:
    user = twin.environment("contoso")["users"][NESTOR]
    for method in ("PATCH", "PUT", "DELETE"):
        twin.fault(surface="scim", method=method, path=f"/Users/{user['scim_id']}", action="status", status=500)
    played = offboard(play, twin, upns=[MEGAN, NESTOR, UNKNOWN], report_file="out.html")
    assert played.code != 0
    assert rows(played)[MEGAN][-1] == "done"
    assert rows(played)[NESTOR] == ("user", "user", "active", "active", "failed")
    assert rows(played)[UNKNOWN][-1] == "not found"
    assert f"1 user to delete does not exist in environment 'contoso': '{UNKNOWN}'." in the_task(played).message
    assert any(line.startswith(f"{NESTOR}: failed; ") and "Cannot delete user" in line for line in table(played))
    assert UNKNOWN in (tmp_path / "out.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert active(twin) == {ALLAN: True, MEGAN: False, NESTOR: True, PATTI: False}


@pytest.mark.slow
def test_a_refusal_names_the_variables_of_the_playbook(play: Callable[..., Play], twin: Twin) -> None:
    """The module's sentence is about its options, which nobody can give here."""
    for given, variable in (
        ({"upns": [UNKNOWN]}, "set w365_offboard_must_exist=false"),
        ({"upns": [MEGAN], "protected_users": [MEGAN]}, "Remove the name from w365_offboard_protected_users"),
    ):
        played = offboard(play, twin, **given)
        assert played.code != 0
        (told,) = (step for step in played if step.name == "Say what to do about it here")
        assert variable in told.message
