# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A write is done when it is done: what servers accept and do not keep, show late, or refuse because it is too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task import entra, read_back
from in_process import run
from playing import Play, connection, task
from w365_simulator.testing import Twin

Player = Callable[..., Play]

ALLAN, ADELE, NESTOR, MEGAN = (
    f"{name}@contoso.com" for name in ("allan.deyoung", "adele.vance", "nestor.wilke", "megan.bowen")
)
SSO: dict[str, Any] = {
    "client_id": "00000000-0000-4000-8000-0000000000b2",
    "key": "sso-demo-secret-of-the-twin",
    "verify": "never",
}

ENVIRONMENT: dict[str, Any] = {
    "name": "contoso",
    "users": [
        {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True},
        {"upn": MEGAN, "first_name": "Megan", "last_name": "Bowen", "administrator": True},
        {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke", "external_id": "hr-1"},
        {"upn": "patti.fernandez@contoso.com", "first_name": "Patti", "last_name": "Fernandez", "active": False},
    ],
    "groups": [{"name": "Retail", "description": "The shops", "members": [NESTOR]}],
}


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A seeded twin, and a clock for the waits of modules in this process."""
    twin.seed({"environments": [ENVIRONMENT]})
    found = Clock()
    monkeypatch.setattr(read_back, "time", found)
    monkeypatch.setattr(entra, "time", found)
    return found


def does(twin: Twin, module: str, *, scim: bool = True, check: bool = False, **options: Any) -> dict[str, Any]:
    """The result of one module in this process, over one of the two APIs."""
    return run(module, {**connection(twin, scim=scim, entra=False), **options}, check=check)


def outcomes(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(entry["action"], entry["outcome"]) for entry in result["results"]]


# ---- what a server accepts and does not keep

USER: dict[str, Any] = {"upn": NESTOR}
LOST: dict[str, tuple[str, str, bool, dict[str, Any], list[str]]] = {
    "an address": ("emails", "w365_user", True, {**USER, "email": "n@contoso.com"}, ["email"]),
    "an id": ("external_id", "w365_user", True, {**USER, "external_id": "hr-2"}, ["external_id"]),
    "no id": ("external_id", "w365_user", True, {**USER, "external_id": ""}, ["external_id"]),
    "a name": ("names", "w365_user", False, {**USER, "last_name": "Wilder"}, ["last_name"]),
    "a restored account": ("active", "w365_user", True, {"upn": "patti.fernandez@contoso.com"}, ["active"]),
    "an id of a group": ("external_id", "w365_group", True, {"name": "Retail", "external_id": "g-1"}, ["external_id"]),
    "a description": ("description", "w365_group", False, {"name": "Retail", "description": "x"}, ["description"]),
    "a member": ("added_members", "w365_group", True, {"name": "Retail", "members": {"add": [MEGAN]}}, ["members"]),
    "a member too": (
        "added_members",
        "w365_group",
        False,
        {"name": "Retail", "members": {"add": [MEGAN]}},
        ["members"],
    ),
    "a role": ("administrator", "w365_admin", False, {"administrators": {"add": [NESTOR]}}, ["administrator"]),
    "an active environment": ("environments", "w365_environment", False, {"active": True}, ["active"]),
}


@pytest.mark.parametrize("what", LOST)
def test_what_is_not_kept_is_unchanged_and_named(twin: Twin, what: str) -> None:
    ignored, module, scim, options, lost = LOST[what]
    if module == "w365_environment":
        does(twin, module, scim=False, active=False)
    twin.switches(scim_patch_body=what == "an address", ignored_changes=ignored)
    before = twin.state()
    assert outcomes(does(twin, module, scim=scim, check=True, **options))[0][1] == "planned"
    for _night in range(2):
        result = does(twin, module, scim=scim, **options)
        assert not result.get("failed"), result
        assert (result["changed"], result["diff"]) == (False, {"before": {}, "after": {}})
        (entry,) = result["results"]
        assert (entry["outcome"], entry["not_kept"], "changes" in entry) == (
            "unchanged",
            lost,
            what.startswith("a member"),
        )
        assert result["summary"]["unchanged"] == 1
        assert f"The server accepted {lost[0]} and did not keep it" in result["warnings"][0]
    assert _facts(before) == _facts(twin.state())
    if what == "a role":
        assert NESTOR not in result["administrators"]


def _facts(state: Any) -> Any:
    return {name: (found["active"], found["users"], found["groups"]) for name, found in state["environments"].items()}


def test_a_part_that_is_kept_is_a_change(twin: Twin) -> None:
    twin.switches(ignored_changes="external_id")
    result = does(twin, "w365_user", upn=NESTOR, last_name="Wilder", external_id="hr-2")
    (entry,) = result["results"]
    assert (result["changed"], entry["outcome"], entry["changes"]) == (True, "done", {"last_name": "Wilder"})
    assert entry["not_kept"] == ["external_id"]
    assert (result["user"]["last_name"], result["user"]["external_id"]) == ("Wilder", "hr-1")


def test_one_object_of_many_modules_reads_what_an_answer_contradicts(
    twin: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module for many objects compares answers with a body; a 204 shows nothing, and it does not ask."""
    twin.switches(ignored_changes="external_id")
    options: dict[str, Any] = {"users": [{"upn": NESTOR, "external_id": "hr-2"}, {"upn": MEGAN, "last_name": "Bow"}]}
    result = does(twin, "w365_directory", **options)
    assert {entry["name"]: entry.get("not_kept") for entry in result["results"]} == {
        NESTOR: ["external_id"],
        MEGAN: None,
    }
    assert (result["changed"], result["summary"]["user_update"], result["summary"]["unchanged"]) == (True, 1, 1)
    twin.switches(scim_patch_body=False)
    assert does(twin, "w365_directory", **options)["changed"]


# ---- access that is not taken away

KEPT: dict[str, tuple[str, str, bool, dict[str, Any], str]] = {
    "absent": ("active", "w365_user", True, {**USER, "state": "absent"}, "still shows it as active"),
    "absent too": ("active", "w365_user", False, {**USER, "state": "absent"}, "still shows it as active"),
    "inactive": ("active", "w365_user", True, {**USER, "active": False}, "still shows it as active"),
    "permanent": ("deletions", "w365_user", True, {**USER, "state": "absent", "permanent": True}, "still shows it"),
    "a group": ("deletions", "w365_group", True, {"name": "Retail", "state": "absent"}, "still shows it"),
    "a group too": ("deletions", "w365_group", False, {"name": "Retail", "state": "absent"}, "still shows it"),
    "a member": ("removed_members", "w365_group", True, {"name": "Retail", "members": {"set": []}}, f"'{NESTOR}' among"),
    "a role": ("administrator", "w365_admin", False, {"administrators": {"remove": [MEGAN]}}, "the administrator role"),
    "a role too": ("administrator", "w365_user", False, {"upn": MEGAN, "administrator": False}, "administrator role"),
    "many": ("active", "w365_directory", True, {"users": [{**USER, "state": "absent"}]}, "still shows it as active"),
    "many roles": ("administrator", "w365_directory", True, {"administrators": {"remove": [MEGAN]}}, "administrator role"),
    "an environment": ("environments", "w365_environment", False, {"active": False}, "still shows it as active"),
    "no environment": ("environments", "w365_environment", False,
                       {"state": "absent", "delete_confirmation": "contoso"}, "still shows it"),
}  # fmt: skip


@pytest.mark.parametrize("what", KEPT)
def test_access_that_stays_is_a_failure(twin: Twin, what: str) -> None:
    ignored, module, scim, options, words = KEPT[what]
    twin.switches(ignored_changes=ignored, scim_patch_body=what not in ("absent", "many"))
    result = does(twin, module, scim=scim, read_back_timeout=1, **options)
    assert (result["failed"], result["changed"]) == (True, False)
    assert "the server accepted it and " in result["msg"]
    assert words in result["msg"]
    assert "read_back_timeout" in result["msg"]
    assert [entry["outcome"] for entry in result["results"]] == ["failed"]
    assert result["summary"]["failed"] == 1
    # The way out, for a server that cannot show it.
    assert not does(twin, module, scim=scim, read_back_timeout=0, **options).get("failed")


@pytest.mark.parametrize("what", KEPT)
def test_access_that_goes_is_done(twin: Twin, what: str) -> None:
    _ignored, module, scim, options, _words = KEPT[what]
    twin.switches(scim_patch_body=False)
    result = does(twin, module, scim=scim, **options)
    assert (result.get("failed"), result["changed"], result["results"][0]["outcome"]) == (None, True, "done")
    assert not does(twin, module, scim=scim, **options)["changed"]


# ---- a server that shows changes late


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("w365_user", {**USER, "last_name": "Wilder"}),
        ("w365_user", {**USER, "state": "absent"}),
        ("w365_user", {**USER, "state": "absent", "permanent": True}),
        ("w365_group", {"name": "Retail", "external_id": "g"}),
        ("w365_group", {"name": "Retail", "members": {"set": [MEGAN]}}),
        ("w365_group", {"name": "Retail", "state": "absent"}),
        ("w365_directory", {"users": [{**USER, "state": "absent"}]}),
    ],
)
def test_a_change_that_is_shown_late_is_done(twin: Twin, module: str, options: dict[str, Any]) -> None:
    twin.switches(scim_patch_body=False, scim_lag=2)
    result = does(twin, module, **options)
    assert (result.get("failed"), result["changed"]) == (None, True)
    assert ("warnings" in result, "not_kept" in result["results"][0]) == (False, False)
    twin.switches(scim_lag=0)
    assert not does(twin, module, **options)["changed"]


def test_an_answer_that_shows_everything_is_not_read_again(twin: Twin) -> None:
    twin.clear_requests()
    does(twin, "w365_user", **USER, last_name="Wilder")
    assert [entry["method"] for entry in twin.requests()] == ["GET", "PATCH"]


# ---- somebody who turns out to be there


NAMES: dict[str, Any] = {"first_name": "Adele", "last_name": "Vance"}


@pytest.mark.parametrize(
    ("there", "outcome", "summary"),
    [
        (NAMES, ("create", "unchanged"), {"unchanged": 1, "left_out": 0}),
        ({**NAMES, "last_name": "Gu"}, ("update", "done"), {"user_update": 1, "unchanged": 0, "left_out": 0}),
        ({**NAMES, "active": False}, ("restore", "done"), {"user_restore": 1, "unchanged": 0, "left_out": 0}),
    ],
)
@pytest.mark.parametrize("module", ["w365_user", "w365_directory"])
def test_somebody_who_is_there_already(
    twin: Twin, module: str, there: dict[str, Any], outcome: tuple[str, str], summary: dict[str, int]
) -> None:
    """Another client was faster than this task, after its look-up."""
    twin.seed({"environments": [{**ENVIRONMENT, "users": [*ENVIRONMENT["users"], {"upn": ADELE, **there}]}]})
    _hide(twin)
    wanted = {"upn": ADELE, **NAMES}
    result = does(twin, module, **(wanted if module == "w365_user" else {"users": [wanted]}))
    assert outcomes(result) == [outcome]
    assert (result["changed"], result["summary"]) == (outcome[1] == "done", summary)
    assert set(result["diff"]["after"]) == ({f"user {ADELE}"} if result["changed"] else set())
    found = twin.environment("contoso")["users"][ADELE]
    assert (found["last_name"], found["active"]) == ("Vance", True)


def _hide(twin: Twin, times: int = 1) -> None:
    empty = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 0, "Resources": []}
    twin.fault(
        surface="scim", method="GET", path="/(Users|Groups)", action="status", status=200, body=empty, times=times
    )


@pytest.mark.parametrize(("external_id", "outcome"), [(None, ("create", "unchanged")), ("g-1", ("update", "done"))])
def test_a_group_that_is_there_already(twin: Twin, external_id: str | None, outcome: tuple[str, str]) -> None:
    # The look-up of the name as it is written, and that of its comparison key.
    _hide(twin, 2)
    result = does(twin, "w365_group", name="Retail", external_id=external_id)
    assert (outcomes(result), result["changed"]) == ([outcome], outcome[1] == "done")


# ---- too many at once


@pytest.mark.parametrize("status", ["413", "400"])
@pytest.mark.parametrize("most", [1, 7])
def test_a_slice_that_is_too_large_is_halved(twin: Twin, status: str, most: int) -> None:
    people = [f"user{number}@contoso.com" for number in range(20)]
    users = [{"upn": upn, "first_name": "A", "last_name": "B"} for upn in people]
    twin.seed({"environments": [{**ENVIRONMENT, "users": [*ENVIRONMENT["users"], *users]}]})
    twin.switches(scim_most_changes=most, scim_too_many=status)
    assert does(twin, "w365_group", name="Retail", members={"set": people})["changed"]
    assert sorted(twin.environment("contoso")["groups"]["Retail"]["members"]) == sorted(people)
    assert does(twin, "w365_group", name="Retail", members={"set": []})["changed"]
    assert twin.environment("contoso")["groups"]["Retail"]["members"] == []


def test_a_bulk_request_that_is_too_large_is_halved(twin: Twin) -> None:
    twin.switches(scim_bulk=True, scim_most_changes=4)
    users = [{"upn": f"user{number}@contoso.com", "first_name": "A", "last_name": "B"} for number in range(20)]
    result = does(twin, "w365_directory", users=users, concurrency=1)
    assert result["summary"] == {"user_create": 20, "unchanged": 0, "left_out": 0}
    assert sum(entry["path"].endswith("/Bulk") for entry in twin.requests() if entry["status"] < 300) >= 5


# ---- summaries, sentences


def test_the_summary_of_a_failed_run_counts_what_was_done(twin: Twin) -> None:
    twin.fault(surface="scim", method="POST", path="/Groups$", action="status", status=400, body="fault", times=1)
    groups = [{"name": "Board", "members": {"set": [MEGAN]}}, {"name": "Engineering"}]
    result = does(twin, "w365_directory", groups=groups, concurrency=1, users=[{"upn": NESTOR, "last_name": "W"}])
    assert result["failed"]
    assert result["summary"] == {
        "user_update": 1, "group_create": 1, "unchanged": 0, "left_out": 0, "failed": 1, "not_tried": 1,
    }  # fmt: skip
    assert "Fix the causes and rerun the task." in result["msg"]
    assert "Rerun the task to retry" not in result["msg"]


@pytest.mark.parametrize("plan", [True, False])
def test_nothing_is_done_where_nothing_is_written(twin: Twin, tmp_path: Any, plan: bool) -> None:
    options: dict[str, Any] = {"users": [{"upn": NESTOR, "last_name": "W"}], "groups": [{"name": "Board"}]}
    more: dict[str, Any] = {"plan_file": str(tmp_path / "plan.json")} if plan else {}
    result = does(twin, "w365_directory", check=not plan, **options, **more)
    assert {entry["outcome"] for entry in result["results"]} == {"planned"}
    assert (result["changed"], result["summary"]["user_update"], result["summary"]["group_create"]) == (True, 1, 1)


# ---- check mode and the real run


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("w365_admin", {"administrators": {"add": [NESTOR]}}),
        ("w365_user", {"upn": NESTOR, "state": "absent"}),
        ("w365_directory", {"users": [{"upn": NESTOR, "active": False}]}),
        ("w365_sso", {**SSO, "primary_domain": "contoso.com"}),
        ("w365_settings", {"sharepoint": {"url": "https://contoso.sharepoint.com"}}),
    ],
)
def test_a_missing_environment_whose_scim_service_answers_fails_in_both(
    twin: Twin, module: str, options: dict[str, Any]
) -> None:
    wrong = {**connection(twin, scim=True, entra=False), "environment": "fabrikam"}
    results = [run(module, {**wrong, **options}, check=check) for check in (True, False)]
    assert [result.get("failed") for result in results] == [True, True]
    assert results[0]["msg"] == results[1]["msg"]
    assert "'fabrikam'" in results[0]["msg"]


# ---- single sign-on


def sign_on(twin: Twin, **options: Any) -> dict[str, Any]:
    return does(twin, "w365_sso", scim=False, **{**SSO, "primary_domain": "contoso.com", **options})


def test_the_key_is_never_said_to_be_right(twin: Twin) -> None:
    planned, written, again = sign_on(twin, check=True), sign_on(twin), sign_on(twin, key="another-key")
    assert [result["key_status"] for result in (planned, written, again)] == ["planned", "written", "not compared"]
    assert (again["changed"], again["results"]) == (False, [])
    assert again["summary"] == {"unchanged": 0, "left_out": 0, "key_not_compared": 1}


def test_a_sign_on_that_is_not_kept_may_have_got_its_key(twin: Twin) -> None:
    sign_on(twin)
    twin.switches(settings_write="dropped")
    result = sign_on(twin, primary_domain="fabrikam.com")
    assert (result["changed"], result["results"][0]["not_kept"]) == (True, ["authority"])
    assert (result["sso"]["authority"], result["key_status"]) == (
        "https://login.windows.net/contoso.com",
        "written",
    )


def test_an_unreadable_sign_on_that_is_skipped_is_unknown(twin: Twin) -> None:
    twin.switches(settings_read="missing")
    result = sign_on(twin, when_unreadable="skip")
    assert (result["changed"], result["sso"], result["compared"]) == (False, None, False)
    assert result["key_status"] == "not compared"
    assert "could not be compared" in result["warnings"][0]


@pytest.mark.parametrize(
    ("verify", "asked"),
    [("always", [1, 1]), ("when_writing", [1, 0]), ("never", [0, 0]), (True, [1, 0]), (False, [0, 0]), ("yes", [1, 0])],
)
def test_when_entra_is_asked(twin: Twin, verify: Any, asked: list[int]) -> None:
    _with_application(twin)
    numbers = []
    for _run in range(2):
        twin.clear_requests()
        result = sign_on(twin, verify=verify)
        assert not result.get("failed"), result
        numbers.append(sum(entry["method"] == "POST" and "/token" in entry["path"] for entry in twin.requests()))
        assert result["verified"] is bool(numbers[-1])
    assert numbers == asked


def _with_application(twin: Twin) -> None:
    application = {"client_id": SSO["client_id"], "client_secret": SSO["key"]}
    tenant: dict[str, Any] = {
        "id": "00000000-0000-4000-8000-000000000001",
        "domains": [{"name": "contoso.com", "default": True}],
    }
    tenant["display_name"] = "Contoso"
    twin.seed({"tenants": [{**tenant, "applications": [application]}]})


def test_a_key_that_was_made_a_moment_ago(twin: Twin) -> None:
    _with_application(twin)
    unknown = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
    fault = {"surface": "entra", "method": "POST", "path": "/token", "action": "status", "status": 401, "body": unknown}
    twin.fault(**fault, times=1)
    result = sign_on(twin, verify=True)
    assert result["failed"]
    for part in ("7000215", "made a moment ago", "verify_timeout", "verify=never"):
        assert part in result["msg"]
    twin.fault(**fault, times=2)
    twin.clear_requests()
    assert sign_on(twin, verify=True, verify_timeout=20)["changed"]
    asked = sum(entry["method"] == "POST" and "/token" in entry["path"] for entry in twin.requests())
    assert asked == 5, "two refusals, and three tokens in a row"
    # What waiting does not mend is not waited for.
    assert (
        "700016"
        in sign_on(twin, verify="always", client_id="9c5b1f5e-0000-4000-8000-000000000365", verify_timeout=60)["msg"]
    )


# ---- as users see it


def test_nights_of_a_server_that_forgets(play: Player, twin: Twin) -> None:
    twin.switches(scim_patch_body=False, ignored_changes="external_id,active")
    forgets: dict[str, Any] = {"upn": NESTOR, "external_id": "hr-2", "read_back_timeout": 1}
    done = play(
        task("w365_user", **forgets),
        task("w365_user", **forgets),
        task("w365_user", upn=NESTOR, state="absent", read_back_timeout=1),
        defaults=connection(twin, scim=True),
    )
    assert [(step.status, step.changed) for step in list(done)[:2]] == [("ok", False), ("ok", False)]
    assert [step.result["results"][0]["not_kept"] for step in list(done)[:2]] == [["external_id"]] * 2
    assert "still shows it as active" in done[2].result["msg"]
