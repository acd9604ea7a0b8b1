# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Files on the disk that steer a run: the state of an import, and a plan that another run has made."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output import plan_file
from in_process import run
from playing import Play, connection, task
from w365_simulator.testing import Twin

ALLAN = "allan.deyoung@contoso.com"
PEOPLE = [f"person{number}@contoso.com" for number in range(30)]


@pytest.fixture
def options(twin: Twin) -> dict[str, Any]:
    """An environment with thirty people, one of them a second administrator, in ten groups."""
    users: list[dict[str, Any]] = [{"upn": upn, "first_name": "Person", "last_name": upn[6:8]} for upn in PEOPLE]
    users[0]["administrator"] = True
    first = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    groups = [{"name": f"Group {number}", "members": PEOPLE} for number in range(10)]
    twin.reset({"environments": [{"name": "contoso", "users": [first, *users], "groups": groups}]}, "full")
    return connection(twin, scim=True)


def planned(options: dict[str, Any], path: Path, **wish: Any) -> str:
    made = run("w365_directory", {**options, **wish, "plan_file": str(path)})
    assert not made.get("failed"), made
    return str(made["plan_digest"])


def forged(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A plan that somebody has edited and given the digest that fits: the digest in the file proves nothing."""
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["digest"]
    change(document)
    path.write_text(json.dumps({**document, "digest": plan_file._digest(document)}), encoding="utf-8")


ABSENT = [{"upn": upn, "state": "absent"} for upn in PEOPLE[10:20]]
DELETIONS: dict[str, tuple[dict[str, Any], str]] = {
    "users": ({"users": ABSENT}, "10 of 31 users would be removed"),
    "permanently": ({"users": [{**user, "permanent": True} for user in ABSENT]}, "10 of 31 users would be removed"),
    "deactivated": (
        {"users": [{"upn": upn, "active": False} for upn in PEOPLE[10:20]]},
        "10 of 31 users would be removed",
    ),
    "groups": (
        {"groups": [{"name": f"Group {number}", "state": "absent"} for number in range(4)]},
        "4 of 10 groups would be removed",
    ),
    "members": (
        {"groups": [{"name": "Group 1", "members": {"remove": PEOPLE[:20]}}]},
        "would lose 20 of 30 members",
    ),
}


@pytest.mark.parametrize("kind", DELETIONS)
def test_a_plan_that_deletes_needs_its_digest_or_keeps_to_the_limits(
    options: dict[str, Any], twin: Twin, tmp_path: Path, kind: str
) -> None:
    wish, sentence = DELETIONS[kind]
    path = tmp_path / "plan.json"
    digest = planned(options, path, **wish)
    refused = run("w365_directory", {**options, "apply_plan": str(path)})
    assert refused["failed"]
    assert sentence in refused["msg"]
    assert refused["would_go"]
    assert twin.writes() == []
    raised = {"purge_limit": "100%", "membership_limit": "100%"}
    assert run("w365_directory", {**options, **raised, "apply_plan": str(path)}, check=True)["changed"]
    if kind == "members":
        # What a task names is not limited, and a digest says that it was named.
        options = {**options, "membership_limit": "25%"}
    assert run("w365_directory", {**options, "apply_plan": str(path), "plan_digest": digest})["changed"]


def test_a_plan_with_few_deletions_needs_no_digest(options: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    planned(options, path, users=ABSENT[:3], groups=[{"name": "Group 1", "state": "absent"}])
    assert run("w365_directory", {**options, "apply_plan": str(path)})["changed"]


def test_a_forged_plan_meets_the_last_administrator(options: dict[str, Any], twin: Twin, tmp_path: Path) -> None:
    """Against the listing of now, whatever the file says about it."""
    path = tmp_path / "plan.json"
    planned(options, path, administrators={"remove": [PEOPLE[0]]})
    assert run("w365_admin", {**options, "administrators": {"set": [PEOPLE[0]]}})["changed"]
    before = len(twin.writes())
    for more in ({}, {"purge_limit": "100%"}):
        refused = run("w365_directory", {**options, **more, "apply_plan": str(path)})
        assert refused["failed"]
        assert "without an active administrator" in refused["msg"]
    assert len(twin.writes()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["actions"][0].pop("subject", None) or plan["actions"][0].pop("object_before"),
        lambda plan: plan.update(actions=7),
        lambda plan: plan["actions"][0].update(action="destroy"),
        lambda plan: plan["actions"][0]["object_before"].update(shoe_size=46),
        lambda plan: plan.update(left_out=[{"name": "x"}]),
    ],
)
def test_a_plan_of_another_form_is_refused(
    options: dict[str, Any], tmp_path: Path, change: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "plan.json"
    planned(options, path, users=ABSENT[:1])
    forged(path, change)
    refused = run("w365_directory", {**options, "apply_plan": str(path)})
    assert "is not a plan that plan_file has written" in refused["msg"]


def test_who_may_have_written_a_plan(
    options: dict[str, Any], play: Callable[..., Play], twin: Twin, tmp_path: Path
) -> None:
    """The way out of a refusal is an option, and an environment variable."""
    path = tmp_path / "plan.json"
    planned(options, path, users=ABSENT[:1])
    path.chmod(0o666)
    at = {"apply_plan": str(path)}
    refused, trusted, variable = play(
        task("w365_directory", **at),
        task("w365_directory", **at, trust_local_files=True, check=True),
        {**task("w365_directory", **at), "environment": {"W365_TRUST_LOCAL_FILES": "true"}},
        defaults=connection(twin, scim=True),
    )
    assert "can be written by everybody (mode 0666)" in refused.message
    assert "trust_local_files=true" in refused.message
    assert refused.writes == []
    assert trusted.changed
    assert variable.changed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")
def test_a_plan_of_a_stranger(options: dict[str, Any], twin: Twin, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    digest = planned(options, path, users=ABSENT[:1])
    os.chown(path, 4711, 4711)
    refused = run("w365_directory", {**options, "apply_plan": str(path), "plan_digest": digest})
    assert "belongs to the user with id 4711" in refused["msg"]
    assert twin.writes() == []


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"users": ABSENT, "protected_users": [PEOPLE[10]]}, "protected_users lists"),
        ({"users": ABSENT[:1], "scim_token": "wrong"}, "HTTP 401"),
        ({"src": ["/none/people.csv"]}, "people.csv"),
    ],
    ids=["guard", "key", "file"],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_run_that_ends_early_leaves_its_report(
    options: dict[str, Any], tmp_path: Path, more: dict[str, Any], sentence: str, check: bool
) -> None:
    reports = [str(tmp_path / "r.csv"), str(tmp_path / "r.html")]
    result = run("w365_directory", {**options, **more, "report_file": reports}, check=check)
    assert result["failed"]
    for path in reports:
        text = Path(path).read_text(encoding="utf-8")
        assert sentence in text
        assert "wrong" not in text or "scim_token" not in more
