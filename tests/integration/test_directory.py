# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type, func-returns-value"

"""Many users and groups in one task: the pattern of every module, files, and what goes over the wire for a thousand."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_content import unpacked
from pattern import (
    ADELE,
    ALEX,
    ALLAN,
    NESTOR,
    NO_GROUPS,
    PATTI,
    Stage,
    State,
    changed,
    new_group,
    new_user,
    renamed,
    walk,
)
from playing import Play, connection, start_playbook, task
from w365_simulator.testing import Twin

MARRIED = "adele.wilber@contoso.com"
PEOPLE: list[dict[str, Any]] = [
    {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "external_id": "contoso-1004"},
    {"upn": ALEX, "first_name": "Alex", "last_name": "Wilber"},
    {"upn": PATTI},
    {"upn": NESTOR.upper(), "state": "absent"},
]


def arrived(contoso: State) -> None:
    """Two are created, one comes back from the deleted-users list, and one goes there."""
    scim = {"origin": "scim"}
    contoso["users"][ADELE] = new_user(ADELE, "Adele", "Vance", external_id="contoso-1004", **scim)
    contoso["users"][ALEX] = new_user(ALEX, "Alex", "Wilber", **scim)
    changed(contoso["users"], PATTI, active=True)
    changed(contoso["users"], NESTOR, active=False)
    contoso["groups"]["Retail"] = new_group(ADELE, ALLAN, **scim)


@pytest.mark.parametrize("profile", [pytest.param("full", marks=pytest.mark.slow), "documented"])
def test_over_scim(twin: Twin, play: Callable[..., Play], profile: str) -> None:
    groups = [{"name": "Retail", "members": {"set": [ADELE, ALLAN]}}]
    steps = walk(
        play,
        twin,
        "w365_directory",
        [
            Stage({"users": PEOPLE, "groups": groups}, arrived),
            Stage(
                {
                    "users": [{"upn": MARRIED, "last_name": "Wilber", "external_id": "contoso-1004"}],
                    "groups": [{"name": "Retail", "members": {"add": [ALEX], "remove": [ALLAN]}}],
                },
                lambda contoso: (
                    renamed(contoso["users"], ADELE, MARRIED, last_name="Wilber"),
                    changed(contoso["groups"], "Retail", members=[MARRIED, ALEX]),
                ),
            ),
            Stage(
                {"users": [{"upn": ALEX, "state": "absent", "permanent": True}], "groups": [{"name": "RETAIL", "state": "absent"}]},
                lambda contoso: (contoso["users"].pop(ALEX), contoso["groups"].pop("Retail")),
            ),
            Stage({"users": [{"upn": ADELE.upper()}]}, refused=("cannot be created without first_name and last_name",)),
            Stage({"users": [{"upn": ADELE}, {"upn": ADELE.upper()}]}, refused=("is listed twice",)),
        ],
        profile=profile,
        scim=True,
    )  # fmt: skip
    assert {step.result["summary"]["user_create"] for step in steps[:2]} == {2}


def test_over_the_provisioning_api(twin: Twin, play: Callable[..., Play]) -> None:
    """With passwords and administrators, in one task."""
    password = "a-first-password"
    walk(
        play,
        twin,
        "w365_directory",
        [
            Stage(
                {
                    "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "password": password}],
                    "groups": [{"name": "Retail", "description": "Shops", "members": {"add": [ADELE]}}],
                    "administrators": {"add": [ADELE]},
                },
                lambda contoso: (
                    contoso["users"].update({ADELE: new_user(ADELE, "Adele", "Vance", password=password, administrator=True)}),
                    contoso["groups"].update(Retail=new_group(ADELE, description="Shops")),
                ),
            ),
            Stage({"administrators": {"set": []}}, refused=("without an active administrator",)),
            Stage({"users": [{"upn": ADELE, "email": ADELE}]}, refused=("give scim_url",)),
        ],
    )  # fmt: skip


def test_on_a_server_that_has_only_the_documented_endpoints(twin: Twin, play: Callable[..., Play]) -> None:
    new = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    walk(
        play,
        twin,
        "w365_directory",
        [
            Stage({"groups": [{"name": "Retail"}]}, refused=NO_GROUPS),
        ],
        profile="documented",
    )  # fmt: skip
    done = play(*[task("w365_directory", users=[new])] * 2, defaults=connection(twin))
    assert [step.changed for step in done] == [True, False]
    assert done[1].result["compared"] is False
    assert "could not be compared" in done[1].warnings


def test_purge(twin: Twin, play: Callable[..., Play]) -> None:
    """What nobody names goes, in scope and up to the limit; who is protected or primary stays, and a refusal writes nothing."""
    stay = {
        "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}],
        "purge": ["users"],
        "purge_scope": {"domains": ["contoso.com"]},
    }
    steps = walk(
        play,
        twin,
        "w365_directory",
        [
            Stage({**stay, "purge_limit": "0"}, refused=("1 of 2 users in scope would be removed, which exceeds the limit of 0", "purge_limit is 0", NESTOR)),
            Stage({**stay, "protected_users": [NESTOR]}, lambda contoso: contoso["users"].update({ADELE: new_user(ADELE, "Adele", "Vance", origin="scim")})),
            Stage({**stay, "purge_limit": "1"}, lambda contoso: changed(contoso["users"], NESTOR, active=False)),
            Stage({"groups": [{"name": "Retail", "members": {"add": [ADELE, ALLAN]}}, {"name": "HR"}]}, lambda contoso: contoso["groups"].update(Retail=new_group(ADELE, ALLAN, origin="scim"), HR=new_group(origin="scim"))),
            Stage(
                {"groups": [{"name": "Retail", "members": {"add": [ADELE]}}], "purge": ["memberships", "groups"], "purge_scope": {"groups": ["H*", "Retail"]}, "purge_limit": "50%"},
                lambda contoso: (changed(contoso["groups"], "Retail", members=[ADELE]), contoso["groups"].pop("HR")),
            ),
        ],
        scim=True,
    )  # fmt: skip
    left_out = {item["name"] for step in steps for item in step.result.get("left_out", ())}
    assert left_out == {NESTOR, ALLAN}


def test_a_plan_is_made_reviewed_and_carried_out(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Making it writes nothing but the file; carrying it out does what it says, once; a changed environment refuses it."""
    file, password = tmp_path / "plan.json", "a-first-password"
    new = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "password": password}
    wish = {
        "users": [new, {"upn": NESTOR, "last_name": "Wilber"}, {"upn": PATTI}],
        "groups": [{"name": "Retail", "members": {"add": [ADELE, NESTOR]}}],
        "administrators": {"add": [NESTOR]},
    }
    at = {"apply_plan": str(file)}
    made, checked, bare, wrong = play(
        task("w365_directory", **wish, plan_file=str(file)),
        task("w365_directory", **wish, plan_file=str(file), check=True),
        task("w365_directory", **at),
        task("w365_directory", **at, users=[new], plan_digest="sha256:0"),
        defaults=connection(twin),
    )
    assert twin.writes() == []
    assert made.changed
    assert made.result["plan_digest"] == checked.result["plan_digest"], "the same plan is the same file"
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text(encoding="utf-8")
    assert password not in text
    plan = json.loads(text)
    assert plan["summary"] == made.result["summary"]
    assert [(item["action"], item["name"]) for item in plan["actions"]] == [
        (item["action"], item["name"]) for item in made.result["results"]
    ]
    assert "writes the password of user 'adele.vance@contoso.com'" in bare.message
    assert "is not the plan that plan_digest approves" in wrong.message

    digest = made.result["plan_digest"]
    check, do, again = play(
        task("w365_directory", **at, users=[new], plan_digest=digest, check=True),
        task("w365_directory", **at, users=[new], plan_digest=digest),
        task("w365_directory", **at, users=[new], plan_digest=digest),
        defaults=connection(twin),
    )
    assert [step.changed for step in (check, do, again)] == [True, True, False]
    assert check.result["results"] == made.result["results"]
    assert [{**entry, "outcome": "done"} for entry in check.result["results"]] == do.result["results"]
    assert check.writes == again.writes == []
    assert again.result["summary"]["unchanged"] == len(plan["actions"])
    contoso = do.environment()
    assert contoso["users"][ADELE]["first_name"] == "Adele"
    assert contoso["users"][NESTOR]["last_name"] == "Wilber"
    assert contoso["users"][NESTOR]["administrator"]
    assert contoso["users"][PATTI]["active"]
    assert sorted(contoso["groups"]["Retail"]["members"]) == [ADELE, NESTOR]


def test_a_plan_that_no_longer_holds(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    file, edited, rubbish = (tmp_path / f"{name}.json" for name in ("plan", "edited", "rubbish"))
    made, touched = play(
        task("w365_directory", users=[{"upn": NESTOR, "state": "absent"}, {"upn": PATTI}], plan_file=str(file)),
        task("w365_user", upn=NESTOR, last_name="Wilber"),
        defaults=connection(twin, scim=True),
    )
    assert [step.status for step in (made, touched)] == ["ok", "ok"]
    edited.write_text(file.read_text(encoding="utf-8").replace("patti", "party"), encoding="utf-8")
    rubbish.write_text("[]", encoding="utf-8")
    refused = play(
        task("w365_directory", apply_plan=str(file)),
        task("w365_directory", apply_plan=str(edited)),
        task("w365_directory", apply_plan=str(rubbish)),
        task("w365_directory", apply_plan=str(tmp_path / "none.json")),
        task("w365_directory", apply_plan=str(file), scim_url=f"{twin.scim_url('contoso')}/other"),
        task("w365_directory", users=[{"upn": PATTI}], plan_file=str(tmp_path / "none" / "plan.json")),
        task("w365_directory", apply_plan=str(file), purge=["users"]),
        defaults=connection(twin, scim=True),
    )
    sentences = (
        f"has changed since the plan was made. User '{NESTOR}' differs in last_name from what it was. Nothing was written.",
        "was edited after it was made",
        "is not a plan that plan_file has written",
        "cannot be read (No such file or directory)",
        "was made for environment 'contoso' at",
        "cannot be written (No such file or directory)",
        "Leave purge out",
    )
    for step, said in zip(refused, sentences, strict=True):
        assert step.status == "failed"
        assert said in step.message
        assert step.writes == []
    assert refused[0].result["changed_since"] == [f"User '{NESTOR}' differs in last_name from what it was."]


def test_a_plan_that_travels_as_a_text(twin: Twin, play: Callable[..., Play]) -> None:
    """It is applied as it was approved, or not at all: also when it was lost, cut off or exchanged on the way."""
    wish = {"users": [{"upn": ALEX, "first_name": "Alex", "last_name": "Wilber", "password": "a-planted-secret"}]}
    made, other = play(
        task("w365_directory", return_plan=True, **wish),
        task("w365_directory", return_plan=True, users=[{"upn": NESTOR, "state": "absent"}]),
        defaults=connection(twin),
    )
    assert made.changed
    assert (made.writes, other.writes) == ([], [])
    plan, digest = made.result["plan"], made.result["plan_digest"]
    assert len(plan) < 2000
    assert "a-planted-secret" not in unpacked(plan).decode()
    approved = {"apply_plan_content": plan, "plan_digest": digest}
    refused = play(
        task("w365_directory", **{**approved, "plan_digest": other.result["plan_digest"]}),
        task("w365_directory", **{**approved, "apply_plan_content": other.result["plan"]}),
        task("w365_directory", **{**approved, "apply_plan_content": f"{plan[:-40]}{plan[-36:]}"}),
        task("w365_directory", **{**approved, "apply_plan_content": plan[: len(plan) // 8 * 4]}),
        task("w365_directory", apply_plan_content=plan),
        task("w365_directory", apply_plan_content=plan, plan_digest=" "),
        # The passwords come from the task. When the plan is lost, they must not become the wish.
        task("w365_directory", **{**wish, **approved, "apply_plan_content": ""}),
        task("w365_directory", plan_digest=digest, **wish),
        task("w365_directory", return_plan=True, **approved),
        task("w365_directory", **{**approved, "environment": "fabrikam"}),
        task("w365_directory", apply_plan="", **wish),
        defaults=connection(twin),
    )
    sentences = (
        "is not the plan that plan_digest approves",
        "is not the plan that plan_digest approves",
        "is not what return_plan returned",
        "is not what return_plan returned",
        "needs plan_digest",
        "needs plan_digest",
        "Option apply_plan_content is blank",
        "Option plan_digest approves a plan, and no plan is given",
        "Option return_plan makes a plan, and this task applies one",
        "was made for environment 'contoso' at",
        "Option apply_plan is blank",
    )
    for step, said in zip(refused, sentences, strict=True):
        assert step.status == "failed"
        assert said in step.message
        assert step.writes == []
    check, done, again = play(
        task("w365_directory", check=True, **wish, **approved),
        task("w365_directory", **wish, **approved),
        task("w365_directory", **wish, **approved),
        defaults=connection(twin),
    )
    assert (check.changed, done.changed, again.changed) == (True, True, False)
    assert done.result["plan_digest"] == digest
    assert ALEX in done.environment()["users"]


def people(path: Path, count: int) -> str:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["upn", "first_name", "last_name", "external_id"])
        writer.writerows([f"person{n}@contoso.com", f"Zoë {n}", '=1+1; "x"\n李', f"p{n}"] for n in range(count))
    return str(path)


@pytest.mark.slow
def test_a_thousand_people_from_a_file(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Each one is written once and looked up never; the second time nothing is written and only pages are read."""
    wish = {"src": [people(tmp_path / "people.csv", 1000)]}
    check, do, again = play(
        task("w365_directory", check=True, **wish),
        task("w365_directory", **wish),
        task("w365_directory", **wish),
        defaults=connection(twin, scim=True),
    )
    assert [step.changed for step in (check, do, again)] == [True, True, False]
    assert check.result["summary"] == do.result["summary"] == {"user_create": 1000, "unchanged": 0, "left_out": 0}
    assert len(do.writes) == 1000
    users = do.environment()["users"]
    assert len(users) == 1003
    assert users["person7@contoso.com"]["last_name"] == '=1+1; "x"\n李'
    pages = -(-1003 // 200)
    # Where the first page is the last, one more request shows that nothing follows.
    assert [len(step.requests) for step in (check, again)] == [2, pages]


@pytest.mark.usefixtures("inside_ansible")
def test_progress_is_seen_while_a_long_task_runs(twin: Twin, tmp_path: Path) -> None:
    """In Ansible's own output for errors, before the task's result, and without touching that; a short task stays quiet."""
    wish = {"src": [people(tmp_path / "people.csv", 60)], "concurrency": 1}
    twin.fault(surface="scim", method="POST", action="latency", seconds=0.05, times=-1)
    log = tmp_path / "progress.log"
    running = start_playbook(
        tmp_path,
        twin,
        [
            task("w365_directory", **wish, progress_interval=1, progress_file=str(log)),
            task("w365_directory", users=[{"upn": "person1@contoso.com", "last_name": "Wilber"}]),
        ],
        defaults=connection(twin, scim=True),
    )
    with running:
        while "changes made" not in running.output():
            assert not running.over
            time.sleep(0.1)
        assert "changed: [localhost]" not in running.output()
        done = running.wait()
    assert [step.changed for step in done] == [True, True]
    written = log.read_text(encoding="utf-8").splitlines()
    assert 1 <= len(written) <= 5
    for line in written:
        assert re.fullmatch(r"contoso: \d+ of 60 changes made(, \d+ per second, about \d+ seconds left)?", line)
        assert done.output.count(line) == 1
    assert "changes made" not in (tmp_path / "stdout").read_text(encoding="utf-8"), "a callback may write JSON there"
    assert done.output.count("changes made") == len(written)


@pytest.mark.slow_after(1)
@pytest.mark.usefixtures("inside_ansible")
@pytest.mark.parametrize("interval", [0, 1])
def test_progress_needs_no_file(twin: Twin, play: Callable[..., Play], tmp_path: Path, interval: int) -> None:
    twin.fault(surface="scim", method="GET", action="status", status=429, retry_after=2, times=1)
    wish = {"users": [{"upn": NESTOR}], "progress_interval": interval}
    done = play(task("w365_directory", **wish), defaults=connection(twin, scim=True))
    assert done[0].changed is False
    assert ("contoso: waiting 2 seconds because of HTTP 429" in done.output) is bool(interval)
    assert not list((tmp_path / "ansible").rglob("w365_progress_*"))


@pytest.mark.slow
def test_an_asynchronous_task(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Also where HOME is not the folder that the password file names."""
    wish = {**task("w365_directory", users=[{"upn": PATTI}]), "async": 60, "poll": 1}
    (tmp_path / "elsewhere").mkdir()
    done = play(wish, defaults=connection(twin, scim=True), environ={"HOME": str(tmp_path / "elsewhere")})
    assert done[0].changed
    assert done[0].environment()["users"][PATTI]["active"]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("answered", ["all", "some lost"])
def test_in_bulk_where_the_server_offers_it(
    twin: Twin, play: Callable[..., Play], tmp_path: Path, answered: str
) -> None:
    """A few requests for everybody. Answers that are lost are made up for, one by one, and nobody comes twice."""
    members = [f"person{number}@contoso.com" for number in range(300)]
    groups = [{"name": "Retail", "members": {"set": members}}]
    wish = {"src": [people(tmp_path / "people.csv", 300)], "groups": groups, "concurrency": 8}
    twin.switches(scim_bulk=True)
    if answered != "all":
        twin.fault(surface="scim", path="/Bulk", action="drop_after", times=2)
    do, again = play(
        task("w365_directory", **wish),
        task("w365_directory", **wish, scim_bulk=False),
        defaults=connection(twin, scim=True),
    )
    assert [step.changed for step in (do, again)] == [True, False]
    contoso = do.environment()
    assert len(contoso["users"]) == 303
    assert sorted(contoso["groups"]["Retail"]["members"]) == sorted(members)
    bulks = sum(path.endswith("/Bulk") for _method, path in do.writes)
    assert bulks == 8, "one for each worker"
    if answered == "all":
        assert len(do.requests) < 20


def test_a_file_that_does_not_fit(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"upn;first_name\n{ADELE};Adele\n{ADELE.upper()};Adele\n", encoding="utf-8")
    done = play(
        task("w365_directory", src=[str(path)]),
        task("w365_directory", src=[str(tmp_path / "nobody.csv")]),
        task("w365_directory", users=[]),
        defaults=connection(twin, scim=True),
    )
    for step, said in zip(
        done,
        ("people.csv, line 3:", "nobody.csv' cannot be read", "No users, groups or administrators were given"),
        strict=True,
    ):
        assert step.status == "failed"
        assert said in step.message
        assert step.requests == []
    assert twin.writes() == []
