# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_scim_app against a tenant in memory: killed, failing and without an answer at every request, one job is the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from faulty import HOW, Faulty
from scim_memory import ADDRESS, MAIL, OTHERS, SALES, TEMPLATE, TOKEN, ScimMemory
from truthful import Scenario, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.scim_settings import (
    address_of,
    is_standard,
)

MARKER = "w365:scim:contoso"
OPTIONS: Mapping[str, Any] = {"groups": ["Sales"], "notification_email": MAIL, "replication_timeout": 20}


def run(controller: Faulty, *, token: bool = True, **options: Any) -> dict[str, Any]:
    given = {**OPTIONS, "scim_url": ADDRESS, **({"scim_token": TOKEN} if token else {}), **options}
    given = {name: value for name, value in given.items() if value != "left out"}
    return play(Scenario("w365_scim_app", json.dumps(given), scim=False), controller)


def good(entra: ScimMemory, **options: Any) -> dict[str, Any]:
    result = run(Faulty(entra), **options)
    assert not result.get("failed"), result["msg"]
    return result


def refused(entra: ScimMemory, **options: Any) -> str:
    """The sentence of a run that fails, and writes nothing."""
    controller = Faulty(entra)
    result = run(controller, **options)
    assert result.get("failed"), result
    assert controller.writes == []
    return str(result["msg"])


def written(entra: ScimMemory, **options: Any) -> list[str]:
    """The endpoints that a run writes to."""
    controller = Faulty(entra)
    result = run(controller, **options)
    assert not result.get("failed"), result["msg"]
    assert result["changed"] is bool(controller.writes)
    return [call.endpoint for call in controller.writes]


def with_neighbors() -> ScimMemory:
    """A tenant with what must never be touched: single sign-on, and the SCIM application of another environment."""
    entra = ScimMemory()
    entra.new_application(displayName="Workspace365 - contoso", tags=["w365:sso:w365.contoso.com:contoso"])
    other = entra.new_scim_application("Workspace365 SCIM - fabrikam", "w365:scim:fabrikam", "of-somebody")
    entra.configure(other)
    entra.assign(other, OTHERS, "Others")
    entra.now += 86_400
    return entra


def set_up() -> ScimMemory:
    """The same after a first run and a first cycle, with tags, an owner, an assignment and settings of somebody else."""
    entra = with_neighbors()
    good(entra)
    application = entra.applications[-1]
    application["tags"].append("of-somebody")
    entra.owners[application["id"]].append("somebody")
    entra.assign(application, OTHERS, "Others")
    job = entra.jobs[-1]
    job["status"] |= {"code": "Active", "steadyStateFirstAchievedTime": "2026-11-25T23:00:00.1234567Z"}
    settings = entra.settings[job["principal"]]
    settings["InstanceName"] = "of-somebody"
    notifications = json.loads(settings["SyncNotificationSettings"])
    settings["SyncNotificationSettings"] = json.dumps(
        {**notifications, "DeleteThresholdValue": 77, "HumanResourcesLookaheadQueryEnabled": False}
    )
    entra.puts.clear()
    entra.now += 86_400
    return entra


def check_rest(entra: ScimMemory, *, foreign: bool, **options: Any) -> None:
    """One more run, and one that has nothing to do: one application, one job, and everything of others untouched."""
    good(entra, **options)
    last = Faulty(entra)
    result = run(last, token=False, **options)
    assert not result.get("failed"), result["msg"]
    assert (result["changed"], last.writes) == (False, [])
    names = [one["displayName"] for one in entra.applications]
    assert names == ["Workspace365 - contoso", "Workspace365 SCIM - fabrikam", "Workspace365 SCIM - contoso"]
    assert [one["tags"][0] for one in entra.applications] == [
        "w365:sso:w365.contoso.com:contoso",
        "w365:scim:fabrikam",
        MARKER,
    ]
    assert entra.applications[1]["tags"] == ["w365:scim:fabrikam", "of-somebody"]
    own = entra.principal_of(entra.applications[2])["id"]
    assert [job["principal"] == own for job in entra.jobs] == [False, True]
    assert entra.jobs[1]["schedule"]["state"] == "Active"
    assigned = [one["principalId"] for one in entra.assignments if one["resourceId"] == own]
    assert assigned.count(SALES) == 1
    assert sum(one["principalId"] == OTHERS and one["resourceId"] != own for one in entra.assignments) == 1
    settings = entra.settings[own]
    assert (settings["SecretToken"], settings["BaseAddress"]) == (TOKEN, f"{ADDRESS}?aadOptscim062020")
    assert "w365:scim-restart" not in entra.applications[2]["tags"]
    if foreign:
        assert "of-somebody" in entra.applications[2]["tags"]
        assert "somebody" in entra.owners[entra.applications[2]["id"]]
        assert assigned.count(OTHERS) == 1
        assert settings["InstanceName"] == "of-somebody"
        notifications = json.loads(settings["SyncNotificationSettings"])
        assert (notifications["DeleteThresholdValue"], notifications["HumanResourcesLookaheadQueryEnabled"]) == (
            77,
            False,
        )


def requests_of(entra: ScimMemory, **options: Any) -> int:
    controller = Faulty(entra)
    result = run(controller, **options)
    assert not result.get("failed"), result["msg"]
    return len(controller.calls)


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_set_up_that_ended_anywhere(how: str) -> None:
    for at in range(1, requests_of(with_neighbors()) + 1):
        entra = with_neighbors()
        run(Faulty(entra, at, how))
        check_rest(entra, foreign=False)


@pytest.mark.parametrize("how", HOW)
def test_the_same_while_the_servers_do_not_know_the_new_application(how: str) -> None:
    def slow() -> ScimMemory:
        entra = with_neighbors()
        entra.lag, entra.instantiate_answers = 3, 404
        return entra

    for at in range(1, requests_of(slow()) + 1):
        entra = slow()
        run(Faulty(entra, at, how))
        check_rest(entra, foreign=False)


CHANGE: Mapping[str, Any] = {"notification_email": "it@contoso.com"}


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_change_that_ended_anywhere(how: str) -> None:
    """From everybody to those who are assigned: the restart is made whatever happened, and once at least."""

    def everybody() -> ScimMemory:
        entra = set_up()
        entra.settings[entra.jobs[-1]["principal"]]["SyncAll"] = "True"
        return entra

    for at in range(1, requests_of(everybody(), **CHANGE) + 1):
        entra = everybody()
        run(Faulty(entra, at, how), **CHANGE)
        check_rest(entra, foreign=True, **CHANGE)
        assert entra.restarts
        assert set(entra.restarts) == {""}


def test_a_changed_mail_is_one_write_that_keeps_everything_else() -> None:
    entra = set_up()
    before = dict(entra.settings[entra.jobs[-1]["principal"]])
    assert written(entra, **CHANGE) == ["graph.sync.settings.write"]
    (put,) = entra.puts
    assert put.keys() == before.keys()
    assert {key for key, value in put.items() if before[key] != value} == {"SyncNotificationSettings"}
    notifications = json.loads(put["SyncNotificationSettings"])
    assert notifications == {
        "Enabled": True,
        "Recipients": "it@contoso.com",
        "DeleteThresholdEnabled": True,
        "DeleteThresholdValue": 77,
        "HumanResourcesLookaheadQueryEnabled": False,
    }


def test_without_a_token_a_difference_is_named_and_nothing_is_written() -> None:
    entra = set_up()
    message = refused(entra, token=False, notification_email="it@contoso.com", skip_out_of_scope_deletions=True)
    assert "scim_token is needed" in message
    assert "skip_out_of_scope_deletions, notification_email" in message


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"patch_dialect": "entra_default"}, {"scim_url", "patch_dialect"}),
        ({"scope": "all", "groups": "left out"}, {"scope"}),
        ({"skip_out_of_scope_deletions": True}, {"skip_out_of_scope_deletions"}),
        ({"delete_threshold": 5}, {"delete_threshold"}),
        ({"delete_guard": False}, {"delete_guard"}),
        ({"scim_url": "https://w365.contoso.com/contoso/scim/v3"}, {"scim_url"}),
    ],
)
def test_each_setting_is_one_write_and_then_none(change: Mapping[str, Any], difference: set[str]) -> None:
    entra = set_up()
    controller = Faulty(entra)
    result = run(controller, **change)
    assert not result.get("failed"), result["msg"]
    assert [call.endpoint for call in controller.writes] == ["graph.sync.settings.write"]
    (changed,) = result["results"]
    assert set(changed["changes"]) == difference
    assert written(entra, token=False, **change) == []


def test_a_token_that_is_refused_is_found_without_knowing_it() -> None:
    entra = set_up()
    entra.token = "the-new-token-of-the-environment"
    message = refused(entra, token=False)
    assert "the SCIM service refuses the saved token" in message
    assert refused_by_entra(entra) == []
    assert written(entra, scim_token=entra.token) == ["graph.sync.settings.write"]
    assert written(entra, token=False) == []


def refused_by_entra(entra: ScimMemory) -> list[str]:
    """The writes of a run whose token the SCIM service refuses too."""
    controller = Faulty(entra)
    result = run(controller)
    assert "could not use the SCIM service" in result["msg"]
    assert TOKEN not in json.dumps(result)
    return [call.endpoint for call in controller.writes]


def test_a_token_that_is_not_listed_is_proven_by_trying_it() -> None:
    class Unlisted(ScimMemory):
        def _sync_settings(self, id: str, query: Any, body: Any) -> Any:
            found = super()._sync_settings(id, query, body)
            return {"value": [pair for pair in found["value"] if pair["value"] != "*"]}

    entra = set_up()
    entra.__class__ = Unlisted
    assert written(entra, token=False) == []
    entra.token = "another"
    assert "no token is saved" in refused(entra, token=False)


def test_a_job_that_an_earlier_run_has_made_is_waited_for() -> None:
    class Late(ScimMemory):
        reads = 0

        def _sync_jobs(self, id: str, query: Any, body: Any) -> Any:
            self.reads += 1
            return [] if self.reads < 3 and query is not None else super()._sync_jobs(id, query, body)

    entra = with_neighbors()
    entra.new_scim_application("Workspace365 SCIM - contoso", MARKER)
    entra.__class__ = Late
    good(entra)
    assert len(entra.jobs) == 2, "that of Fabrikam and this one"


def test_policies_about_the_token() -> None:
    entra = set_up()
    assert written(entra, update_credentials="always") == ["graph.sync.settings.write"]
    assert "scim_token is needed" in refused(entra, update_credentials="always", token=False)
    entra.token = "another"
    assert written(entra, update_credentials="never", token=False) == []


@pytest.mark.parametrize("key", ["Password", "password_of_somebody"])
def test_another_secret_is_never_overwritten(key: str) -> None:
    entra = set_up()
    entra.settings[entra.jobs[-1]["principal"]][key] = "*"
    assert written(entra) == []
    assert f"hold {key}, a secret" in refused(entra, **CHANGE)


def job_with(change: Callable[[dict[str, Any]], Any]) -> ScimMemory:
    entra = set_up()
    change(entra.jobs[-1])
    return entra


def test_removals_that_are_held_back_fail_with_names_and_need_the_right_number() -> None:
    entra = set_up()
    entra.hold_deletes(3)
    message = refused(entra)
    assert "holds 3 removals back" in message
    assert "person2@contoso.com" in message
    assert "confirms 2 removals, and 3 are held back" in refused(entra, allow_deletes=2)
    assert entra.restarts == []
    assert written(entra, allow_deletes=3) == ["graph.sync.restart"]
    assert entra.restarts == ["ForceDeletes"]
    again = good(entra, allow_deletes=3)
    assert again["changed"] is False
    assert "nothing to allow" in " ".join(again["warnings"])


def test_removals_of_an_earlier_cycle_do_not_count() -> None:
    entra = set_up()
    entra.hold_deletes(2)
    entra.logs.append(
        {**entra.logs[-1], "id": "older", "cycleId": "cycle-1", "sourceIdentity": {"id": "x", "displayName": "x"}}
    )
    entra.logs.insert(0, {**entra.logs[0], "id": "newest"})
    assert "holds 2 removals back" in refused(entra)


def test_logs_that_say_nothing_allow_nothing() -> None:
    entra = set_up()
    entra.hold_deletes(2)
    entra.logs.clear()
    assert "0 are held back" in refused(entra, allow_deletes=2)
    assert "an unknown number of removals" in refused(entra)


def test_bringing_people_back_is_a_restart_with_an_empty_scope() -> None:
    entra = set_up()
    entra.hold_deletes(2)
    assert written(entra, restart="always") == ["graph.sync.restart"]
    assert entra.restarts == [""]
    assert "holds 2" in refused(entra, restart="when_quarantined")


def test_a_quarantine_is_named_and_restarted_when_asked() -> None:
    def quarantine(job: dict[str, Any]) -> None:
        job["status"] |= {
            "code": "Quarantine",
            "quarantine": {"reason": "EncounteredQuarantineException", "error": {"message": "401"}},
        }

    result = good(job_with(quarantine))
    assert result["changed"] is False
    assert "in quarantine: the SCIM service could not be reached" in " ".join(result["warnings"])
    entra = job_with(quarantine)
    assert written(entra, restart="when_quarantined") == ["graph.sync.restart"]
    entra = job_with(quarantine)
    entra.token = "another"
    assert written(entra, scim_token="another") == ["graph.application.update", "graph.sync.settings.write", "graph.sync.restart", "graph.application.update"]  # fmt: skip


def test_errors_that_were_discarded_are_nobodys_pause() -> None:
    def pruned(job: dict[str, Any]) -> None:
        job["schedule"]["state"] = "Paused"
        job["status"] |= {"code": "Paused", "escrowsPruned": True}

    entra = job_with(pruned)
    result = good(entra)
    assert result["changed"] is False
    assert "too many errors, which were discarded" in result["job"]["words"]
    assert "not started again" in " ".join(result["warnings"])
    assert written(entra, restart="when_quarantined") == ["graph.sync.restart"]


def test_pausing_and_starting() -> None:
    entra = set_up()
    assert written(entra, job="paused", token=False) == ["graph.sync.pause"]
    assert written(entra, job="paused", token=False) == []
    assert written(entra, token=False) == ["graph.sync.start"]


@pytest.mark.parametrize("state", ["Disabled", "Paused"])
def test_a_job_that_does_not_run_is_started(state: str) -> None:
    entra = job_with(lambda job: job["schedule"].update(state=state))
    assert written(entra, token=False) == ["graph.sync.start"]


@pytest.mark.parametrize("option", ["users", "provision_now"])
def test_users_are_looked_up_together(option: str) -> None:
    controller = Faulty(with_neighbors())
    names = ["adele.vance@contoso.com", "allan.deyoung@contoso.com"]
    options: dict[str, Any] = {"users": names, "provision_now": [{"user": name} for name in names]}
    run(controller, **{option: options[option]})
    lists = [call for call in controller.calls if call.endpoint == "graph.users" and "$skiptoken" not in call.query]
    assert [call.query["$filter"] for call in lists] == [
        "userPrincipalName in ('adele.vance@contoso.com','allan.deyoung@contoso.com')"
    ]


def test_assignments_are_only_removed_within_a_limit() -> None:
    entra = set_up()
    assert written(entra) == []
    message = refused(entra, purge_assignments=True, purge_limit=0)
    assert "1 assignments would be removed (Others), which exceeds the limit of 0" in message
    entra.assign(entra.applications[-1], "another-application", "Automation", "ServicePrincipal")
    assert written(entra, purge_assignments=True, purge_limit=1) == ["graph.assignment.delete"]
    assert [one["principalDisplayName"] for one in entra.assignments] == ["Others", "Sales", "Automation"]


def test_an_assignment_that_exists_already_is_done() -> None:
    class Late(ScimMemory):
        def _assignments(self, id: str, query: Any, body: Any) -> Any:
            return [] if query else super()._assignments(id, query, body)

    entra = set_up()
    entra.__class__ = Late
    assert written(entra) == ["graph.assignment.create"]


def test_a_group_that_cannot_be_assigned_for_want_of_a_license() -> None:
    entra = with_neighbors()
    entra.premium = False
    result = run(Faulty(entra))
    assert "The tenant has no Microsoft Entra ID P1 or P2" in result["msg"]
    entra.premium = True
    check_rest(entra, foreign=False)


def test_finding_and_adopting() -> None:
    entra = with_neighbors()
    made = entra.new_scim_application("Workspace365 SCIM - contoso", "of-somebody")
    entra.configure(made, BaseAddress=ADDRESS)
    assert written(entra)[0] == "graph.application.update"
    assert made["tags"] == ["of-somebody", MARKER]
    entra.new_scim_application("Workspace365 SCIM - contoso")
    assert written(entra) == [], "the tag decides"
    made["tags"].remove(MARKER)
    assert "2 enterprise applications could be" in refused(entra)
    id = entra.principal_of(made)["id"]
    assert written(entra, service_principal_id=id) == ["graph.application.update"]


def test_an_application_that_is_none_for_scim_is_refused() -> None:
    entra = with_neighbors()
    entra.principals.append(
        entra._principal(entra._next(), entra.applications[0]["appId"], "Workspace365 - contoso", ())
    )
    assert "not created from the template" in refused(entra, service_principal_id=entra.principals[-1]["id"])
    assert "no service principal with this object id" in refused(entra, service_principal_id=OTHERS)
    both = entra.new_scim_application("Both", "w365:sso:w365.contoso.com:contoso")
    assert "the one for single sign-on" in refused(entra, service_principal_id=entra.principal_of(both)["id"])
    entra.applications.remove(both)
    old = entra.new_scim_application("Old", job=False)
    entra._sync_job_create(entra.principal_of(old)["id"], {}, {"templateId": "customappsso"})
    assert "not of the template scim" in refused(entra, service_principal_id=entra.principal_of(old)["id"])


def test_two_jobs_are_refused() -> None:
    entra = set_up()
    entra._sync_job_create(entra.jobs[-1]["principal"], {}, {"templateId": "scim"})
    assert "has 2 provisioning jobs for SCIM" in refused(entra)


def test_deleting() -> None:
    entra = set_up()
    id = entra.principal_of(entra.applications[-1])["id"]
    assert written(entra, state="absent", token=False) == ["graph.sync.pause", "graph.assignment.delete", "graph.assignment.delete", "graph.application.delete"]  # fmt: skip
    assert entra.deleted[0]["displayName"] == "Workspace365 SCIM - contoso"
    assert written(entra, state="absent", token=False) == []
    assert id
    entra.new_scim_application("Workspace365 SCIM - contoso")
    assert "may not have made it" in refused(entra, state="absent")


@pytest.mark.parametrize("how", HOW)
def test_one_more_run_completes_a_deletion_that_ended_anywhere(how: str) -> None:
    for at in range(1, requests_of(set_up(), state="absent") + 1):
        entra = set_up()
        run(Faulty(entra, at, how), state="absent")
        good(entra, state="absent")
        assert [one["displayName"] for one in entra.applications] == [
            "Workspace365 - contoso",
            "Workspace365 SCIM - fabrikam",
        ]


def test_provisioning_on_demand() -> None:
    entra = set_up()
    people = [{"user": "adele.vance@contoso.com"}, {"group": "Sales"}]
    result = good(entra, provision_now=people)
    assert result["changed"] is True
    assert [one["result"] for one in result["provisioned"]] == ["Success", "Success"]
    subjects = [one["parameters"][0]["subjects"][0] for one in entra.demands]
    assert [one["objectTypeName"] for one in subjects] == ["User", "Group"]
    assert len(subjects[1]["links"]["members"]) <= 5


@pytest.mark.parametrize(
    ("key", "changed", "sentence"),
    [
        ('{"result": "Success"}', True, ""),
        ('{"result": "Skipped", "details": {"errorCode": "RedundantExport"}}', False, ""),
        ('{"result": "Skipped", "details": {"errorCode": "NotEffectivelyEntitled"}}', None, "not in the scope"),
        ('{"result": "Failure", "details": {"errorMessage": "boom"}}', None, "boom"),
        ("Microsoft.Azure.ActiveDirectory.Synchronization.Something", None, "is not known"),
        ("[1]", None, "is not known"),
    ],
)
def test_an_answer_of_200_is_no_success(key: str, changed: bool | None, sentence: str) -> None:
    class Odd(ScimMemory):
        def _sync_demand(self, id: str, query: Any, body: Any) -> Any:
            super()._sync_demand(id, query, body)
            return {"key": key, "value": "{}"}

    entra = set_up()
    entra.__class__ = Odd
    result = run(Faulty(entra), provision_now=[{"user": "adele.vance@contoso.com"}])
    assert bool(result.get("failed")) is (changed is None)
    assert sentence in result.get("msg", "")
    if changed is not None:
        assert result["changed"] is changed


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scope": "all"}, "says who is in scope"),
        ({"groups": "left out", "purge_assignments": True, "purge_limit": 1}, "both are left out"),
        ({"notification_email": "left out"}, "notification_email is needed"),
        ({"notification_email": "ops"}, "not one mail address"),
        ({"notification_email": "a@contoso.com, b@contoso.com"}, "not one mail address"),
        ({"delete_threshold": -1}, "delete_threshold is -1"),
        ({"delete_guard": False, "delete_threshold": 3}, "is false"),
        ({"scim_url": "https://w365.contoso.com/scim#x"}, "no part after #"),
        ({"scim_url": "https://w365.contoso.com/scim/v2?tenant=1#x"}, "no part after #"),
        ({"service_principal_id": "Sales"}, "not an object id"),
        ({"display_name": " "}, "display_name is empty"),
        ({"allow_deletes": 0}, "allow_deletes is 0"),
        ({"provision_now": [{"user": "a", "group": "b"}]}, "either user or group"),
        ({"provision_now": [{}]}, "either user or group"),
        ({"provision_now": [{"user": "a", "members": []}]}, "belongs to a group"),
        ({"groups": ["Sales", ""]}, "empty name"),
        ({"users": ["nobody@contoso.com"]}, "no user 'nobody@contoso.com'"),
        ({"users": [OTHERS]}, f"no user '{OTHERS}'"),
        ({"scim_token": "t" * 1020, "entra_cloud": "usgov"}, "1024 at most"),
        ({"replication_timeout": -1}, "replication_timeout is -1"),
    ],
)
def test_options_that_cannot_be_right(options: Mapping[str, Any], sentence: str) -> None:
    assert sentence in refused(with_neighbors(), **options)


@pytest.mark.parametrize(
    ("given", "standard", "expected"),
    [
        (ADDRESS, True, f"{ADDRESS}?aadOptscim062020"),
        (f"{ADDRESS}/", True, f"{ADDRESS}?aadOptscim062020"),
        (f"{ADDRESS}?aadOptscim062020", True, f"{ADDRESS}?aadOptscim062020"),
        (f"{ADDRESS}?AADOptScim062020&aadOptscim062020", True, f"{ADDRESS}?aadOptscim062020"),
        (f"{ADDRESS}?tenant=1", True, f"{ADDRESS}?tenant=1&aadOptscim062020"),
        (f"{ADDRESS}?tenant=1&aadOptscim062020", False, f"{ADDRESS}?tenant=1"),
        (f"{ADDRESS}?aadOptscim062020", False, ADDRESS),
    ],
)
def test_the_flag_is_there_once_or_not_at_all(given: str, standard: bool, expected: str) -> None:
    assert address_of(given, standard=standard) == expected
    assert is_standard(expected) is standard


def test_an_address_that_means_the_same_is_left_as_it_is() -> None:
    entra = set_up()
    settings = entra.settings[entra.jobs[-1]["principal"]]
    settings |= {"BaseAddress": f"{ADDRESS}/?aadOptscim062020", "SyncAll": "FALSE", "SkipOutOfScopeDeletions": "false"}
    assert written(entra, token=False) == []


@pytest.mark.parametrize("text", ["null", "[]", "ops@contoso.com", '{"Recipients":'])
def test_notifications_that_cannot_be_read_are_not_replaced(text: str) -> None:
    entra = set_up()
    entra.settings[entra.jobs[-1]["principal"]]["SyncNotificationSettings"] = text
    assert "not the JSON object" in refused(entra)


def test_the_threshold_is_a_tenth_of_what_is_in_sync() -> None:
    entra = set_up()
    settings = entra.settings[entra.jobs[-1]["principal"]]
    del settings["SyncNotificationSettings"]
    entra.jobs[-1]["status"]["synchronizedEntryCountByType"] = [
        {"key": "User", "value": 340},
        {"key": "Group", "value": 20},
    ]
    assert good(entra)["settings"]["delete_threshold"] == 36
    entra.jobs[-1]["status"]["synchronizedEntryCountByType"][0]["value"] = 9000
    assert written(entra, token=False) == [], "it stays as it was written"


def test_waiting_for_the_first_cycle() -> None:
    class Soon(ScimMemory):
        reads = 0

        def _sync_job(self, id: str, query: Any, body: Any) -> Any:
            self.reads += 1
            found = super()._sync_job(id, query, body)
            if self.reads > 12:
                found["status"] |= {"steadyStateFirstAchievedTime": "2026-11-25T23:00:00Z", "code": "Active"}
            return found

    entra = with_neighbors()
    entra.__class__ = Soon
    assert good(entra, wait=True, wait_timeout=1000)["job"]["words"] == "active"
    entra = with_neighbors()
    result = run(Faulty(entra), wait=True, wait_timeout=60)
    assert "the first cycle is not done (12 User so far) within 60 seconds (option wait_timeout)" in result["msg"]


def test_waiting_ends_with_a_quarantine() -> None:
    class Refuses(ScimMemory):
        def _sync_job(self, id: str, query: Any, body: Any) -> Any:
            found = super()._sync_job(id, query, body)
            if found["schedule"]["state"] == "Active":
                found["status"] |= {"code": "Quarantine", "quarantine": {"reason": "EncounteredBaseEscrowThreshold"}}
            return found

    entra = with_neighbors()
    entra.__class__ = Refuses
    result = run(Faulty(entra), wait=True)
    assert "in quarantine: too many objects could not be provisioned" in result["msg"]


def test_the_template_is_that_of_applications_in_no_gallery() -> None:
    entra = with_neighbors()
    good(entra)
    assert entra.applications[-1]["applicationTemplateId"] == TEMPLATE
