# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""w365_scim_app against the twin's Entra: set up once, nothing to do afterwards, and Entra's own cycles do the rest.

All but one of these tests run the module in this process, from its own `main` on, against a real twin over TLS.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from comparison import play_in_both
from conftest import CONTOSO
from in_process import run
from playing import connection, run_playbook, task
from w365_simulator.testing import Twin

MAIL = "ops@contoso.com"
FLAG = "?aadOptscim062020"
SALES = "Sales and Marketing"
TEAM = ("alex.wilber", "ben.walters", "bianca.pisani", "christie.cline", "grady.archie", "isaiah.langer")
SET_UP: Mapping[str, Any] = {"groups": ["Invoice Approvals"], "notification_email": MAIL}


@pytest.fixture(autouse=True)
def _only_harmless_restarts(running_twin: Twin) -> Iterator[None]:
    """Whatever a test does: no other restart than an empty one, or ForceDeletes, ever leaves the client."""
    yield
    for request in running_twin.requests(surface="graph"):
        if request["path"].endswith("/restart"):
            assert request["body"]["criteria"]["resetScope"] in ("", "ForceDeletes")
    text = json.dumps([one["body"] for one in running_twin.writes()])
    assert '"Full"' not in text
    assert "ConnectorDataStore" not in text


def app(twin: Twin, *, token: bool = True, check: bool = False, **options: Any) -> dict[str, Any]:
    """The result of w365_scim_app with the connection of the twin."""
    given = {**connection(twin, scim=True), "replication_timeout": 4, **options}
    if not token:
        given.pop("scim_token")
    return run("w365_scim_app", given, check=check)


def good(twin: Twin, **options: Any) -> dict[str, Any]:
    result = app(twin, **options)
    assert not result.get("failed"), result["msg"]
    return result


def refused(twin: Twin, **options: Any) -> str:
    """The sentence of a run that fails and writes nothing."""
    twin.clear_requests()
    result = app(twin, **options)
    assert result.get("failed"), result
    assert writes(twin) == []
    return str(result["msg"])


def info(twin: Twin, **options: Any) -> dict[str, Any]:
    given = {
        name: value for name, value in connection(twin).items() if name not in ("instance_url", "provisioning_key")
    }
    result = run("w365_scim_app_info", {**given, **options})
    assert not result.get("failed"), result["msg"]
    return result


def writes(twin: Twin) -> list[tuple[str, str]]:
    """What was written to Graph since the log was cleared: method and last part of the path."""
    found = [one for one in twin.writes() if one["surface"] == "graph"]
    return [(one["method"], one["path"].rpartition("/")[2]) for one in found]


def written(twin: Twin, **options: Any) -> list[tuple[str, str]]:
    twin.clear_requests()
    result = good(twin, **options)
    assert result["changed"] is bool(writes(twin))
    return writes(twin)


def cycle(twin: Twin) -> dict[str, Any]:
    (done,) = twin.run_cycle()
    return dict(done)


def people(twin: Twin) -> dict[str, bool]:
    """The users of the environment, and whether they are active."""
    return {name.lower(): bool(user["active"]) for name, user in twin.environment("contoso")["users"].items()}


def new_group(twin: Twin, name: str, *upns: str) -> None:
    members = [f"{one}@contoso.com" for one in upns]
    twin.change_tenant({"op": "add_group", "set": {"displayName": name}, "members": members})


def graph(twin: Twin, method: str, path: str, body: Any = None) -> Any:
    """A request of somebody else to the twin's Graph."""
    answer = requests.post(
        f"{twin.entra_authority}/{twin.tenant}/oauth2/v2.0/token",
        data={"client_id": twin.client_id, "client_secret": twin.client_secret, "grant_type": "client_credentials", "scope": f"{twin.graph_url}/.default"},
        timeout=20, verify=twin.ca_path,
    )  # fmt: skip
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    found = requests.request(method, f"{twin.graph_url}/v1.0{path}", json=body, headers=headers, timeout=20, verify=twin.ca_path)  # fmt: skip
    assert found.ok, found.text
    return found.json() if found.content else None


# From nothing to a job that provisions


@pytest.mark.parametrize("how", ["at once", pytest.param("with lag", marks=pytest.mark.slow)])
def test_set_up_once_and_then_nothing_without_a_token(twin: Twin, how: str) -> None:
    if how == "with lag":
        twin.switches(entra_replication="0101", synchronization_replication="0010", instantiate="404")
    twin.switches(refuse_writes=True)
    predicted = good(twin, check=True, **SET_UP)
    twin.switches(refuse_writes=False)
    result = good(twin, replication_timeout=20, **SET_UP)
    assert result["changed"] is True
    assert [one["kind"] for one in predicted["results"]] == [one["kind"] for one in result["results"]]
    assert written(twin, token=False, **SET_UP) == []
    done = cycle(twin)
    assert (done["code"], done["problem"]) == ("Active", None)
    assert people(twin)["pradeep.gupta@contoso.com"] is True
    again = good(twin, token=False, **SET_UP)
    assert (again["changed"], again["job"]["words"], again["job"]["counts"]) == (
        False,
        "active",
        {"User": 2, "Group": 1},
    )
    (application,) = [one for one in graph(twin, "GET", "/applications")["value"] if one["displayName"].startswith(("w365-scim", "Workspace365 SCIM"))]  # fmt: skip
    assert application["tags"] == ["w365:scim:contoso"]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_every_lost_answer_of_the_set_up_is_made_good(twin: Twin, fault: str) -> None:
    """Each write of the set-up in turn; the twin's own Entra then has one application, one job, and a cycle works."""
    good(twin, **SET_UP)
    assert len(writes(twin)) == len(LOST)
    for method, path in LOST:
        twin.reset(CONTOSO, "full")
        twin.fault(surface="graph", action=fault, method=method, path=path)
        app(twin, **SET_UP)
        twin.clear_faults()
        good(twin, **SET_UP)
        assert written(twin, token=False, **SET_UP) == []
        made = [one for one in graph(twin, "GET", "/applications")["value"] if one.get("applicationTemplateId")]
        assert [one["displayName"] for one in made] == ["Workspace365 SCIM - contoso"]
        assert cycle(twin)["problem"] is None


LOST = (
    ("POST", "instantiate$"),
    ("PATCH", "/applications/"),
    ("POST", "synchronization/jobs$"),
    ("PUT", "secrets$"),
    ("POST", "appRoleAssignedTo$"),
    ("POST", "start$"),
)


@pytest.mark.slow
def test_both_dialects_end_in_the_same_directory(twin: Twin) -> None:
    found = []
    for dialect in ("standard", "entra_default"):
        twin.reset(CONTOSO, "full")
        good(twin, patch_dialect=dialect, **SET_UP)
        cycle(twin)
        twin.change_tenant(
            {"op": "change_user", "user": "pradeep.gupta@contoso.com", "set": {"surname": "Gupta-Wilber", "jobTitle": "Accountant", "department": "Finance"}},
            {"op": "remove_members", "group": "Invoice Approvals", "members": ["patti.fernandez@contoso.com"]},
            {"op": "add_members", "group": "Invoice Approvals", "members": ["alex.wilber@contoso.com"]},
        )  # fmt: skip
        cycle(twin)
        sent = json.dumps([one["body"] for one in twin.requests(surface="scim")])
        assert ('"False"' in sent) is (dialect == "entra_default"), "the twin sends two dialects"
        found.append({name: twin.environment("contoso")[name] for name in ("users", "groups")})
        assert info(twin)["settings"]["patch_dialect"] == dialect
    assert without_times(found[0]) == without_times(found[1])


def without_times(found: Any) -> Any:
    """The directory without what is different in every run."""
    if isinstance(found, dict):
        left = ("created", "modified", "changed", "deleted_at", "id", "external_id", "guid", "scim_id")
        return {name: without_times(value) for name, value in found.items() if name not in left}
    return [without_times(one) for one in found] if isinstance(found, list) else found


# What is saved


def test_a_wrong_token_that_is_saved_is_found_without_knowing_it(twin: Twin) -> None:
    good(twin, **SET_UP)
    twin.switch_scim("contoso", enabled=False)
    key = twin.switch_scim("contoso")
    assert key
    assert key != twin.scim_token
    assert "the SCIM service refuses the saved token" in refused(twin, token=False, **SET_UP)
    assert "could not use the SCIM service" in refused(twin, **SET_UP)
    assert info(twin)["credentials_valid"] is False
    assert written(twin, scim_token=key, **SET_UP) == [("PUT", "secrets")]
    assert written(twin, token=False, **SET_UP) == []
    assert info(twin)["credentials_valid"] is True


def test_a_changed_mail_is_exactly_one_write(twin: Twin) -> None:
    result = good(twin, delete_threshold=7, **SET_UP)
    path = f"/servicePrincipals/{result['service_principal_id']}/synchronization/secrets"
    saved = {one["key"]: one["value"] for one in graph(twin, "GET", path)["value"]}
    notifications = {**json.loads(saved["SyncNotificationSettings"]), "HumanResourcesLookaheadQueryEnabled": False}
    more = {
        **saved,
        "SecretToken": twin.scim_token,
        "SyncNotificationSettings": json.dumps(notifications),
        "InstanceName": "x",
    }
    graph(twin, "PUT", path, {"value": [{"key": key, "value": value} for key, value in more.items()]})
    changed = {**SET_UP, "notification_email": "it@contoso.com"}
    assert written(twin, **changed) == [("PUT", "secrets")]
    after = {one["key"]: one["value"] for one in graph(twin, "GET", path)["value"]}
    assert json.loads(after.pop("SyncNotificationSettings")) == {**notifications, "Recipients": "it@contoso.com"}
    assert after == {name: value for name, value in {**more, "SecretToken": "*"}.items() if name in after}
    assert after["InstanceName"] == "x"


def test_from_everybody_to_those_who_are_assigned(twin: Twin) -> None:
    good(twin, scope="all", notification_email=MAIL, delete_threshold=100)
    cycle(twin)
    everybody = people(twin)
    assert everybody["megan.bowen@contoso.com"] is True
    assert ("POST", "restart") in written(twin, delete_threshold=100, **SET_UP)
    cycle(twin)
    assert people(twin)["megan.bowen@contoso.com"] is False
    assert people(twin)["pradeep.gupta@contoso.com"] is True


# What is held back


def test_the_deletion_of_most_of_a_group_disables_nobody_until_the_number_is_confirmed(twin: Twin) -> None:
    new_group(twin, "Pilot", *TEAM, "megan.bowen", "lee.gu", "nestor.wilke", "miriam.graham")
    wanted: dict[str, Any] = {"groups": ["Pilot"], "notification_email": MAIL, "delete_threshold": 5}
    good(twin, **wanted)
    cycle(twin)
    before = people(twin)
    gone = [f"{name}@contoso.com" for name in TEAM]
    twin.change_tenant({"op": "remove_members", "group": "Pilot", "members": gone})
    done = cycle(twin)
    assert (done["code"], done["quarantine"]) == ("Quarantine", "TooManyDeletes")
    assert people(twin) == before, "nobody is disabled"
    result = app(twin, token=False, **wanted)
    assert result["failed"]
    assert all(name in result["msg"] for name in gone)
    assert sorted(one["name"] for one in result["staged_removals"]) == sorted(gone)
    assert len(info(twin)["staged_removals"]) == 6
    for wrong in (5, 7, 60):
        assert f"confirms {wrong} removals, and 6 are held back" in refused(
            twin, allow_deletes=wrong, token=False, **wanted
        )
    cycle(twin)
    assert people(twin) == before
    assert written(twin, allow_deletes=6, token=False, **wanted) == [("POST", "restart")]
    assert cycle(twin)["code"] == "Active"
    assert [people(twin)[name] for name in gone] == [False] * 6
    assert people(twin)["lee.gu@contoso.com"] is True


def test_people_who_are_brought_back_stay(twin: Twin) -> None:
    wanted: dict[str, Any] = {**SET_UP, "delete_threshold": 0}
    good(twin, **wanted)
    cycle(twin)
    members = {"group": "Invoice Approvals", "members": ["pradeep.gupta@contoso.com"]}
    twin.change_tenant({"op": "remove_members", **members})
    cycle(twin)
    assert "pradeep.gupta@contoso.com" in refused(twin, token=False, **wanted)
    twin.change_tenant({"op": "add_members", **members})
    assert written(twin, restart="always", token=False, **wanted) == [("POST", "restart")]
    assert cycle(twin)["code"] == "Active"
    assert people(twin)["pradeep.gupta@contoso.com"] is True


def test_without_the_log_nothing_is_allowed(twin: Twin) -> None:
    wanted: dict[str, Any] = {**SET_UP, "delete_threshold": 0}
    good(twin, **wanted)
    cycle(twin)
    twin.change_tenant({"op": "remove_members", "group": "Invoice Approvals", "members": ["pradeep.gupta@contoso.com"]})
    cycle(twin)
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    twin.fault(surface="graph", path="auditLogs", action="status", status=403, body=denied, times=-1)
    assert "AuditLog.Read.All" in refused(twin, allow_deletes=1, token=False, **wanted)
    assert "an unknown number of removals" in refused(twin, token=False, **wanted)


# The job


def test_a_quarantine_in_words(twin: Twin) -> None:
    good(twin, **SET_UP)
    twin.fault(surface="scim", action="status", status=401, times=-1)
    assert cycle(twin)["code"] == "Quarantine"
    twin.clear_faults()
    result = good(twin, token=False, **SET_UP)
    assert "the SCIM service could not be reached, or refused the credentials" in result["job"]["words"]
    assert "in quarantine" in " ".join(result["warnings"])
    assert written(twin, token=False, restart="when_quarantined", **SET_UP) == [("POST", "restart")]
    assert cycle(twin)["code"] == "Active"


def test_errors_that_were_discarded_in_words(twin: Twin) -> None:
    twin.switches(prune_escrows=True)
    good(twin, groups=[SALES], notification_email=MAIL)
    cycle(twin)
    result = good(twin, token=False, groups=[SALES], notification_email=MAIL)
    assert result["changed"] is False
    assert "which were discarded" in result["job"]["words"]
    assert "restart=when_quarantined" in " ".join(result["warnings"])


@pytest.mark.slow
def test_pausing_starting_and_waiting(twin: Twin) -> None:
    good(twin, job="paused", **SET_UP)
    assert info(twin)["job"]["words"] == "not started"
    assert "skipped" in cycle(twin)
    assert written(twin, token=False, **SET_UP) == [("POST", "start")]
    assert written(twin, token=False, job="paused", **SET_UP) == [("POST", "pause")]
    thread = threading.Timer(0.5, Twin(twin.ready).run_cycle)
    thread.start()
    result = good(twin, token=False, wait=True, wait_timeout=20, **SET_UP)
    thread.join(20)
    assert result["job"]["words"] == "active"


def test_provisioning_on_demand(twin: Twin) -> None:
    new_group(twin, "Pilot", *TEAM)
    wanted: dict[str, Any] = {"groups": ["Pilot"], "notification_email": MAIL}
    good(twin, **wanted)
    now = [{"group": "Pilot"}, {"user": "alex.wilber@contoso.com"}]
    result = good(twin, provision_now=now, **wanted)
    assert [one["result"] for one in result["provisioned"]] == ["Success", "Success", "Skipped"]
    assert set(people(twin)) >= {f"{name}@contoso.com" for name in TEAM}
    assert good(twin, provision_now=now[1:], token=False, **wanted)["changed"] is False
    failed = app(twin, provision_now=[{"user": "megan.bowen@contoso.com"}], token=False, **wanted)
    assert "It is not in the scope of the application" in failed["msg"]


@pytest.mark.slow
def test_more_than_five_calls_in_ten_seconds_wait(twin: Twin) -> None:
    new_group(twin, "Pilot", *TEAM)
    wanted: dict[str, Any] = {"groups": ["Pilot"], "notification_email": MAIL}
    good(twin, **wanted)
    now = [{"user": f"{name}@contoso.com"} for name in TEAM]
    began = time.monotonic()
    result = good(twin, provision_now=now, token=False, **wanted)
    assert len(result["provisioned"]) == 6
    assert time.monotonic() - began >= 9
    assert [one for one in twin.requests(surface="graph") if one["status"] == 429] == []


# Who is in scope


def test_assignments(twin: Twin) -> None:
    good(twin, users=["megan.bowen@contoso.com"], **SET_UP)
    assert "2 assignments would be removed" not in str(
        good(twin, token=False, groups=["EMEA Office"], notification_email=MAIL)
    )
    two: dict[str, Any] = {"groups": ["EMEA Office"], "purge_assignments": True}
    assert "2 assignments would be removed (Invoice Approvals, Megan Bowen)" in refused(
        twin, token=False, purge_limit=1, **two
    )
    assert [method for method, _path in written(twin, token=False, purge_limit=2, **two)] == ["DELETE", "DELETE"]
    assert [one["name"] for one in info(twin)["assignments"]] == ["EMEA Office"]
    nested = good(twin, token=False, groups=["Regional Offices"])
    assert "Group 'Regional Offices' has 1 group in it" in " ".join(nested["warnings"])


def test_a_tenant_without_licenses_for_groups(twin: Twin) -> None:
    twin.change_tenant({"op": "set_service_plans", "plans": ["EXCHANGE_S_ENTERPRISE"]})
    result = app(twin, **SET_UP)
    assert "The tenant has no Microsoft Entra ID P1 or P2" in result["msg"]
    good(twin, users=["megan.bowen@contoso.com"], notification_email=MAIL)


# Other applications


def test_what_belongs_to_others_is_left_alone(twin: Twin) -> None:
    result = good(twin, **SET_UP)
    id = result["application"]["id"]
    graph(twin, "PATCH", f"/applications/{id}", {"tags": [*result["application"]["tags"], "hr"]})
    other = graph(
        twin, "POST", "/applicationTemplates/8adf8e6e-67b2-4cf2-a259-e3dc5476c621/instantiate", {"displayName": "Other"}
    )
    assert written(twin, token=False, **SET_UP) == []
    good(twin, display_name="SCIM of Contoso", token=False, **SET_UP)
    assert info(twin)["application"]["tags"] == ["w365:scim:contoso", "hr"]
    assert info(twin)["application"]["display_name"] == "SCIM of Contoso"
    assert written(twin, token=False, state="absent")[-1][0] == "DELETE"
    assert info(twin)["found"] is False
    assert graph(twin, "GET", f"/applications/{other['application']['id']}")["displayName"] == "Other"
    assert written(twin, token=False, state="absent") == []


def test_the_permissions_that_the_documentation_names_are_enough(twin: Twin) -> None:
    names = (
        "Application.ReadWrite.OwnedBy",
        "Application.Read.All",
        "AppRoleAssignment.ReadWrite.All",
        "GroupMember.Read.All",
    )
    allowed = {"permissions": [*names, "User.Read.All"]}
    twin.change_tenant({"op": "change_application", "client_id": twin.client_id, "set": allowed})
    twin.switches(instantiate="404")
    good(twin, users=["megan.bowen@contoso.com"], **SET_UP)
    assert written(twin, token=False, **SET_UP) == []
    assert info(twin)["credentials_valid"] is True


def test_the_mappings_of_entra_are_what_workspace_365_needs(twin: Twin) -> None:
    good(twin, **SET_UP)
    found = info(twin)
    assert found["mapping_problems"] == []
    assert {"object": "User", "source": "[userPrincipalName]", "target": "userName", "matching": True} in found[
        "mappings"
    ]


def test_the_token_is_nowhere(twin: Twin) -> None:
    result = app(twin, **SET_UP)
    assert twin.scim_token not in json.dumps(result)
    assert twin.scim_token not in json.dumps(app(twin, scim_token=twin.scim_token, notification_email="x@contoso.com"))


# In a playbook, in both hosts


@pytest.mark.slow
def test_in_a_playbook_entra_provisions_a_group(twin: Twin, tmp_path: Path) -> None:
    def test() -> None:
        defaults = {**connection(twin, scim=True), "replication_timeout": 4}
        later = {name: value for name, value in defaults.items() if name != "scim_token"}
        found = run_playbook(tmp_path, twin, [task("w365_scim_app", check=True, **SET_UP), task("w365_scim_app", **SET_UP)], defaults=defaults)  # fmt: skip
        assert [step.result["changed"] for step in found] == [True, True], found.output
        assert cycle(twin)["problem"] is None
        assert people(twin)["pradeep.gupta@contoso.com"] is True
        again = run_playbook(
            tmp_path, twin, [task("w365_scim_app", **SET_UP), task("w365_scim_app_info")], defaults=later
        )
        assert [step.result.get("msg", step.result["changed"]) for step in again] == [False, False], again.output
        assert again[0].writes == []
        assert again[1].result["job"]["words"] == "active"

    play_in_both(test, lambda: twin.reset(CONTOSO, "full"))
