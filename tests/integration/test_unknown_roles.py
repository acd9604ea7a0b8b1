# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is an administrator: what a server does not say, says wrongly, or no longer says when somebody loses the role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from in_process import run
from playing import Play, connection, start_playbook, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

ALLAN, NESTOR = "allan.deyoung@contoso.com", "nestor.wilke@contoso.com"
LIST = "/contoso/User/$"


def _item(number: int, upn: str, **more: Any) -> dict[str, Any]:
    return {"Id": number, "EmailAddress": upn, "FirstName": "A", "LastName": "B", "IsActive": True, **more}


ODD: Mapping[str, tuple[int, Any]] = {
    "an empty object": (200, {}),
    "an error object": (200, {"error": {"message": "maintenance"}}),
    "null": (200, "null"),
    "a text": (200, '"ok"'),
    "a page": (200, "<html>Sign in</html>"),
    "an empty list": (200, []),
    "an empty list in an object": (200, {"items": []}),
    "names": (200, [ALLAN, NESTOR]),
    "no role": (200, [_item(1, ALLAN), _item(2, NESTOR)]),
    "a role of null": (200, [_item(1, ALLAN, IsAdministrator=None), _item(2, NESTOR, IsAdministrator=None)]),
    "a role as a word": (200, [_item(1, ALLAN, IsAdministrator="Administrator"), _item(2, NESTOR, IsAdministrator="")]),
    "a role as a number": (200, [_item(1, ALLAN, IsAdministrator=1), _item(2, NESTOR, IsAdministrator=0)]),
    "nobody has the role": (200, [_item(1, ALLAN, IsAdministrator=False), _item(2, NESTOR, IsAdministrator=False)]),
    "no name": (200, [{"Id": 1, "IsAdministrator": True}]),
    "an item of null": (200, [None, _item(1, ALLAN, IsAdministrator=False)]),
    "a server error": (500, "oops"),
    "a refused key": (403, ""),
    "a conflict": (409, "{}"),
}


def odd(twin: Twin, name: str) -> None:
    status, body = ODD[name]
    twin.fault(surface="provisioning", method="GET", path=LIST, action="status", status=status, body=body, times=-1)


def is_active(twin: Twin, upn: str) -> bool:
    return bool(twin.environment("contoso")["users"].get(upn, {}).get("active"))


COSTLY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "absent": ("w365_user", {"upn": ALLAN, "state": "absent"}),
    "permanent": ("w365_user", {"upn": ALLAN, "state": "absent", "permanent": True}),
    "inactive": ("w365_user", {"upn": ALLAN, "active": False}),
    "listed": ("w365_directory", {"users": [{"upn": ALLAN, "state": "absent"}]}),
    "purged": (
        "w365_directory",
        {
            "users": [{"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke"}],
            "purge": ["users"],
            "purge_scope": {"domains": ["contoso.com"]},
            "purge_limit": "100%",
            "protected_users": [NESTOR],
        },
    ),
}


@pytest.mark.slow_after(6)
@pytest.mark.parametrize("answer", ODD)
def test_an_odd_list_of_roles_removes_nobody(twin: Twin, answer: str) -> None:
    """An answer that says nothing is not an environment without administrators."""
    options = connection(twin, scim=True) | {"rate_limit_timeout": 0}
    odd(twin, answer)
    # Where the reading is repeated for seconds, one kind of removal is enough.
    kinds = ["absent"] if answer == "a server error" else list(COSTLY)
    for module, own in (COSTLY[kind] for kind in kinds):
        for check in (True, False)[: 1 if len(kinds) == 1 else 2]:
            result = run(module, {**options, **own}, check=check)
            assert result.get("failed"), (answer, own, result)
            assert "Refused to" in result["msg"], result["msg"]
            assert "who is an administrator" in result["msg"], result["msg"]
            assert "when_administrators_unknown=warn" in result["msg"], result["msg"]
    assert not twin.writes()
    # What can cost nobody the role goes on.
    changed = run("w365_user", {**options, "upn": ALLAN, "last_name": "De Young"})
    assert changed.get("changed"), changed


@pytest.mark.parametrize("answer", ["an empty object", "nobody has the role", "a conflict"])
def test_the_way_out_of_an_odd_list(twin: Twin, answer: str) -> None:
    options = connection(twin, scim=True) | {"when_administrators_unknown": "warn"}
    odd(twin, answer)
    result = run("w365_user", {**options, **COSTLY["absent"][1]})
    assert result.get("changed"), result
    assert "unknown who is an administrator" in result["warnings"][0]
    assert not is_active(twin, ALLAN)


# A list without anybody is what an environment without users has, and there is nobody to remove.
@pytest.mark.parametrize("answer", sorted({name for name in ODD if "empty list" not in name} - {"a server error"}))
@pytest.mark.parametrize("verb", ["absent", "inactive", "demoted"])
def test_an_odd_list_through_the_provisioning_api(twin: Twin, answer: str, verb: str) -> None:
    """There the list of users is all that a task knows."""
    own = {"upn": ALLAN, "administrator": False} if verb == "demoted" else dict(COSTLY[verb][1])
    odd(twin, answer)
    result = run("w365_user", {**connection(twin), **own})
    assert result.get("failed"), (answer, result)
    assert not twin.writes()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("answer", sorted(set(ODD) - {"a server error"}))
def test_an_odd_list_takes_the_role_from_nobody(twin: Twin, answer: str) -> None:
    odd(twin, answer)
    for change in ({"remove": [ALLAN]}, {"set": [NESTOR]}):
        result = run("w365_admin", {**connection(twin), "administrators": change})
        assert result.get("failed") or not result["summary"].get("administrator_revoke"), (answer, result)
        assert twin.environment("contoso")["users"][ALLAN]["administrator"] is True


@pytest.mark.parametrize("how", ["no connection", 404, 405])
def test_without_a_list_what_is_named_is_removed_with_a_warning(twin: Twin, how: Any) -> None:
    """Most environments are managed through SCIM only, and people leave every day."""
    options = connection(twin, scim=True)
    if how == "no connection":
        options = {name: value for name, value in options.items() if name not in ("instance_url", "provisioning_key")}
    else:
        twin.fault(surface="provisioning", method="GET", path=LIST, action="status", status=how, times=-1)
    refused = run("w365_user", {**options, **COSTLY["absent"][1], "when_administrators_unknown": "refuse"}, check=True)
    assert "Refused to delete user 'allan.deyoung@contoso.com'" in refused["msg"]
    blind = {name: value for name, value in COSTLY["purged"][1].items() if name != "protected_users"}
    for policy, fails in ((None, True), ("refuse", True), ("warn", False)):
        given = {"when_administrators_unknown": policy} if policy else {}
        result = run("w365_directory", {**options, **blind, **given}, check=True)
        assert bool(result.get("failed")) is fails, (policy, result)
    assert not run("w365_directory", {**options, **COSTLY["purged"][1]}, check=True).get("failed")
    result = run("w365_user", {**options, **COSTLY["absent"][1]})
    assert result.get("changed"), result
    assert "unknown who is an administrator" in result["warnings"][0]
    again = run("w365_user", {**options, **COSTLY["absent"][1]})
    assert not again["changed"], again
    assert "warnings" not in again, again


def _two_administrators(twin: Twin) -> None:
    person = {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke", "administrator": True}
    other = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    twin.reset({"environments": [{"name": "contoso", "users": [person, other]}]}, "full")


def _administrators(twin: Twin) -> set[str]:
    users = twin.environment("contoso")["users"]
    return {upn for upn, user in users.items() if user["administrator"] and user["active"]}


TAKEN: Mapping[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "revoked": ("w365_admin", lambda upn: {"administrators": {"remove": [upn]}}),
    "deactivated": ("w365_user", lambda upn: {"upn": upn, "state": "absent"}),
    "listed": ("w365_directory", lambda upn: {"administrators": {"remove": [upn]}}),
    "demoted": ("w365_user", lambda upn: {"upn": upn, "administrator": False, "scim_url": None}),
}


@pytest.mark.parametrize("how", TAKEN)
def test_two_runs_at_once_leave_an_administrator(twin: Twin, how: str) -> None:
    """Both see two administrators and each takes one of them: neither is left, unless they look again."""
    _two_administrators(twin)
    module, own = TAKEN[how]
    options = connection(twin, scim=True)
    for method in ("PUT", "PATCH"):
        twin.fault(method=method, path="/contoso/", action="latency", seconds=1, times=2)

    with ThreadPoolExecutor(2) as workers:
        results = list(workers.map(lambda upn: _run(module, {**options, **own(upn)}), (ALLAN, NESTOR)))
    assert _administrators(twin), results
    failed = [result for result in results if result.get("failed")]
    assert failed, results
    assert "had no active administrator" in failed[0]["msg"], failed
    assert "given back to" in failed[0]["msg"], failed


def _run(module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    return run(module, {name: value for name, value in options.items() if value is not None})


@pytest.mark.slow
def test_two_playbooks_at_once_leave_an_administrator(twin: Twin, tmp_path: Path) -> None:
    _two_administrators(twin)
    # Each has read the roles for the last time before the other writes.
    twin.fault(surface="provisioning", method="PUT", path="/contoso/User/", action="latency", seconds=6, times=2)
    running = []
    for upn in (ALLAN, NESTOR):
        folder = tmp_path / upn
        folder.mkdir()
        one = task("w365_admin", administrators={"remove": [upn]})
        running.append(start_playbook(folder, twin, [one], defaults=connection(twin)))
    plays = [one.wait() for one in running]
    assert _administrators(twin), [play.output for play in plays]
    messages = [step.message for play in plays for step in play if step.status == "failed"]
    assert any("had no active administrator" in message for message in messages), messages


def test_what_somebody_else_took_since_the_reading_is_seen_before_the_first_removal(twin: Twin) -> None:
    """The directory is written for a while before it comes to the roles; another client was quicker."""
    _two_administrators(twin)
    options = connection(twin, scim=True)
    twin.fault(surface="scim", method="PATCH", path="/contoso/", action="latency", seconds=2)
    own = {
        "users": [{"upn": ALLAN, "last_name": "De Young"}],
        "administrators": {"remove": [ALLAN]},
    }
    with ThreadPoolExecutor(2) as workers:
        slow = workers.submit(run, "w365_directory", {**options, **own})
        while not twin.faults()[0]["hits"]:
            pass
        taken = run("w365_admin", {**options, "administrators": {"remove": [NESTOR]}})
        result = slow.result()
    assert taken.get("changed"), taken
    assert _administrators(twin) == {ALLAN}
    assert "the roles have changed since they were read" in result["msg"], result
    assert [entry["outcome"] for entry in result["results"]] == ["done", "failed"]


def test_a_list_that_turns_odd_after_the_removal_is_said(twin: Twin) -> None:
    _two_administrators(twin)
    # Read for the plan, read again before, and then no more.
    twin.fault(surface="provisioning", method="GET", path=LIST, action="latency", seconds=0, times=2)
    odd(twin, "no role")
    result = run("w365_admin", {**connection(twin), "administrators": {"remove": [ALLAN]}})
    assert "could not be read afterwards" in result["msg"], result
    _two_administrators(twin)
    twin.fault(surface="provisioning", method="GET", path=LIST, action="latency", seconds=0, times=1)
    odd(twin, "no role")
    result = run("w365_admin", {**connection(twin), "administrators": {"remove": [ALLAN]}})
    assert "could not be read again" in result["msg"], result
    assert _administrators(twin) == {ALLAN, NESTOR}


def test_a_user_without_the_role_costs_no_further_request(twin: Twin) -> None:
    twin.clear_requests()
    run("w365_user", {**connection(twin, scim=True), "upn": NESTOR, "state": "absent"})
    assert len([r for r in twin.requests(surface="provisioning") if r["method"] == "GET"]) == 1


def test_a_playbook_that_offboards_is_refused_in_check_mode_too(twin: Twin, play: Player) -> None:
    odd(twin, "nobody has the role")
    steps = play(
        task("w365_user", upn=ALLAN, state="absent", check=True),
        task("w365_user", upn=ALLAN, state="absent"),
        task("w365_user", upn=ALLAN, state="absent", when_administrators_unknown="warn"),
        defaults=connection(twin, scim=True),
    )
    assert [step.status for step in steps] == ["failed", "failed", "ok"]
    assert steps[0].message == steps[1].message
    assert "lists nobody as administrator" in steps[0].message
    assert not steps[1].writes
