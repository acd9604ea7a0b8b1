# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enterprise applications and their synchronization jobs: set up over Graph, run against the twin's own SCIM."""

from __future__ import annotations

import http.server
import json
import threading
import time
from typing import Any

import pytest

from w365_simulator.testing import Twin

NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
LIMITED_ID = "36500000-0000-4000-8000-0000000000a2"
LIMITED = (LIMITED_ID, "limited-secret-of-the-twin")
FLAG = "?aadOptscim062020"
MAIL = "ops@contoso.com"


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


class App:
    """An enterprise application with its job, as a client sets it up."""

    def __init__(self, api: Any, twin: Twin, name: str = "Workspace 365 SCIM - contoso") -> None:
        self.api, self.twin = api, twin
        made = api.call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": name})
        assert made.status_code == 201, made.text
        self.principal = made.json()["servicePrincipal"]
        self.path = f"/servicePrincipals/{self.principal['id']}"
        job = api.call("POST", f"{self.path}/synchronization/jobs", {"templateId": "scim"})
        assert job.status_code == 201, job.text
        self.job_id = job.json()["id"]
        self.job_path = f"{self.path}/synchronization/jobs/{self.job_id}"

    def secrets(self, *, flag: str = "", token: str = "", sync_all: bool = False, **notifications: Any) -> Any:
        """Store the settings of the job."""
        settings = {
            "BaseAddress": f"{self.twin.scim_url('contoso')}{flag}",
            "SecretToken": token or self.twin.scim_token,
            "SyncAll": str(sync_all).lower(),
            "SyncNotificationSettings": json.dumps({"Enabled": True, "Recipients": MAIL, **notifications}),
            "SkipOutOfScopeDeletions": "False",
        }
        body = {"value": [{"key": key, "value": value} for key, value in settings.items()]}
        return self.api.call("PUT", f"{self.path}/synchronization/secrets", body)

    def assign(self, kind: str, **named: str) -> str:
        role = next(role["id"] for role in self.principal["appRoles"] if role["displayName"] == "User")
        body = {"principalId": self.api.graph_id(kind, **named), "resourceId": self.principal["id"], "appRoleId": role}
        answer = self.api.call("POST", f"{self.path}/appRoleAssignedTo", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def unassign(self, assignment: str) -> None:
        assert self.api.call("DELETE", f"{self.path}/appRoleAssignedTo/{assignment}").status_code == 204

    def act(self, action: str, body: Any = None) -> Any:
        return self.api.call("POST", f"{self.job_path}/{action}", body)

    def restart(self, scope: str = "") -> None:
        assert self.act("restart", {"criteria": {"resetScope": scope}}).status_code == 204

    def job(self) -> Any:
        return self.api.call("GET", self.job_path).json()

    def cycle(self) -> dict[str, Any]:
        """Run a cycle and return what it did; only the requests of this cycle stay in the log."""
        self.twin.clear_requests()
        (done,) = self.twin.run_cycle(self.principal["id"])
        return done

    def sent(self, method: str = "PATCH") -> list[Any]:
        """Return the bodies of the SCIM requests of the last cycle."""
        return [item["body"] for item in self.twin.requests(surface="scim") if item["method"] == method]

    def rule(self) -> str:
        return str(self.api.call("GET", f"{self.job_path}/schema").json()["synchronizationRules"][0]["id"])

    def demand(self, kind: str, id_: str, members: list[str] | None = None) -> Any:
        subject: dict[str, Any] = {"objectId": id_, "objectTypeName": kind}
        if members is not None:
            subject["links"] = {"members": [{"objectId": item, "objectTypeName": "User"} for item in members]}
        return self.act("provisionOnDemand", {"parameters": [{"ruleId": self.rule(), "subjects": [subject]}]})


@pytest.fixture
def app(api: Any, twin: Twin) -> App:
    return App(api, twin)


@pytest.fixture(params=["", FLAG], ids=["entra_default", "standard"])
def running(request: Any, app: App) -> App:
    """Return a job that runs, with the group Sales assigned, in both dialects."""
    assert app.secrets(flag=request.param).status_code == 204
    app.assign("groups", displayName="Sales")
    assert app.act("start").status_code == 204
    return app


# ---- the application and its job


def test_an_application_of_no_gallery(api: Any, twin: Twin, app: App) -> None:
    assert app.principal["appRoleAssignmentRequired"] is True
    assert {"User", "msiam_access"} == {role["displayName"] for role in app.principal["appRoles"]}
    templates = api.call("GET", f"{app.path}/synchronization/templates").json()["value"]
    assert [(item["id"], item["default"]) for item in templates] == [("scim", True), ("customappsso", False)]
    job = app.job()
    assert job["id"].startswith("scim.")
    assert (job["schedule"]["state"], job["status"]["code"]) == ("Disabled", "NotConfigured")
    assert job["status"]["steadyStateFirstAchievedTime"] == "0001-01-01T00:00:00Z"
    assert [item["id"] for item in api.call("GET", f"{app.path}/synchronization/jobs").json()["value"]] == [job["id"]]


def test_an_application_that_is_said_not_to_be_there_and_is(api: Any, twin: Twin) -> None:
    twin.switches(instantiate="404")
    answer = api.call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "w365-tmp-1"})
    assert error(answer)[0] == 404
    wanted = f"applicationTemplateId eq '{NON_GALLERY}' and displayName eq 'w365-tmp-1'"
    assert len(api.graph("/applications", filter=wanted).json()["value"]) == 1


def test_the_synchronization_of_a_new_application(api: Any, twin: Twin) -> None:
    twin.switches(synchronization_replication="001")
    made = api.call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "new"}).json()
    path = f"/servicePrincipals/{made['servicePrincipal']['id']}/synchronization/jobs"
    assert [api.call("GET", path).status_code for _ in range(3)] == [403, 409, 200]
    twin.switches(entra_replication="0")
    job = api.call("POST", path, {"templateId": "scim"}).json()
    assert [api.call("GET", f"{path}/{job['id']}").status_code for _ in range(2)] == [404, 200]


def test_an_app_registration_has_no_templates(api: Any) -> None:
    application = api.call("POST", "/applications", {"displayName": "sso"}).json()
    service = api.call("POST", "/servicePrincipals", {"appId": application["appId"]}).json()
    path = f"/servicePrincipals/{service['id']}/synchronization"
    assert api.call("GET", f"{path}/templates").json()["value"] == []
    assert error(api.call("POST", f"{path}/jobs", {"templateId": "scim"}))[0] == 400


def test_a_job_that_was_deleted_does_not_come_back(api: Any, app: App) -> None:
    assert api.call("DELETE", app.job_path).status_code == 204
    again = api.call("POST", f"{app.path}/synchronization/jobs", {"templateId": "scim"})
    assert again.status_code == 201
    assert api.call("GET", f"{app.path}/synchronization/jobs").json()["value"] == []
    assert error(api.call("GET", f"{app.path}/synchronization/jobs/{again.json()['id']}"))[0] == 404


def test_permissions(api: Any, twin: Twin, app: App) -> None:
    def limit(*permissions: str) -> None:
        changes = {"permissions": list(permissions)}
        twin.change_tenant({"op": "change_application", "client_id": LIMITED_ID, "set": changes})

    path = f"{app.path}/synchronization/jobs"
    limit("Application.Read.All")
    assert error(api.call("GET", path, client=LIMITED))[0] == 403
    limit("Application.ReadWrite.OwnedBy")
    assert error(api.call("GET", path, client=LIMITED))[0] == 403
    limit("Synchronization.ReadWrite.All")
    assert api.call("GET", path, client=LIMITED).status_code == 200
    limit("Application.ReadWrite.OwnedBy")
    made = api.call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "own"}, client=LIMITED)
    own = f"/servicePrincipals/{made.json()['servicePrincipal']['id']}/synchronization/jobs"
    assert api.call("POST", own, {"templateId": "scim"}, client=LIMITED).status_code == 201
    limit("Application.Read.All")
    assert error(api.call("GET", "/auditLogs/provisioning", client=LIMITED))[0] == 403


# ---- settings and credentials


def test_the_token_is_never_shown_and_an_asterisk_is_taken_literally(api: Any, twin: Twin, app: App) -> None:
    assert app.secrets(DeleteThresholdEnabled=True, DeleteThresholdValue=10).status_code == 204
    path = f"{app.path}/synchronization/secrets"
    shown = api.call("GET", path).json()["value"]
    values = {item["key"]: item["value"] for item in shown}
    assert values["SecretToken"] == "*"
    assert values["BaseAddress"] == twin.scim_url("contoso")
    assert json.loads(values["SyncNotificationSettings"])["DeleteThresholdValue"] == 10
    assert twin.scim_token not in json.dumps(twin.state()) + json.dumps(twin.requests())
    assert "BaseAddress" in json.dumps(twin.requests()), "the names of settings stay readable"
    assert app.act("validateCredentials", {"useSavedCredentials": True}).status_code == 204
    assert api.call("PUT", path, {"value": shown}).status_code == 204
    assert error(app.act("validateCredentials", {"useSavedCredentials": True}))[0] == 400


def test_credentials_are_tested_as_the_portal_does(api: Any, twin: Twin, app: App) -> None:
    def check(address: str, token: str) -> int:
        pairs = [{"key": "BaseAddress", "value": address}, {"key": "SecretToken", "value": token}]
        return int(app.act("validateCredentials", {"credentials": pairs}).status_code)

    assert check(twin.scim_url("contoso") + FLAG, twin.scim_token) == 204
    (asked,) = twin.requests(surface="scim")
    assert (asked["method"], asked["path"]) == ("GET", "/contoso/scim/v2/Users")
    assert asked["query"]["filter"].startswith('userName eq "')
    assert check(twin.scim_url("contoso"), "wrong") == 400
    assert check(twin.scim_url("nowhere"), twin.scim_token) == 400
    assert check("https://localhost:1/scim/v2", twin.scim_token) == 400
    assert error(app.act("validateCredentials", {"useSavedCredentials": True}))[0] == 400


def test_settings_that_are_refused(api: Any, twin: Twin, app: App) -> None:
    path = f"{app.path}/synchronization/secrets"
    for pair in (
        {"key": "Nothing", "value": "x"},
        {"key": "SyncAll", "value": True},
        {"key": "BaseAddress", "value": "x"},
    ):
        assert error(api.call("PUT", path, {"value": [pair]}))[0] == 400
    twin.switches(secrets_limit=1024)
    answer = app.secrets(token="x" * 1000)
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "Size of input ExternalSecret data is invalid",
    )
    assert app.job()["status"]["code"] == "NotConfigured"


def test_the_life_of_a_job(api: Any, twin: Twin, app: App) -> None:
    assert error(app.act("start"))[0] == 400
    app.secrets()
    assert app.job()["status"]["code"] == "NotRun"
    assert app.cycle()["skipped"] == "Disabled"
    app.act("start")
    assert (app.job()["schedule"]["state"], app.job()["status"]["code"]) == ("Active", "NotRun")
    assert app.cycle()["code"] == "Active"
    job = app.job()
    assert job["status"]["steadyStateFirstAchievedTime"] > "2026"
    assert job["status"]["lastExecution"]["state"] == "Succeeded"
    app.act("pause")
    assert (app.job()["schedule"]["state"], app.job()["status"]["code"]) == ("Paused", "Paused")
    assert app.cycle()["skipped"] == "Paused"
    app.act("start")
    assert app.cycle()["code"] == "Active"
    for scope in ("Everything", "Watermark,Nothing"):
        assert error(app.act("restart", {"criteria": {"resetScope": scope}}))[0] == 400


def test_a_pause_lets_the_running_cycle_end(api: Any, twin: Twin, running: App) -> None:
    twin.fault(surface="scim", method="POST", action="hold_before")
    thread = threading.Thread(target=lambda: twin_cycle(twin))
    thread.start()
    deadline = time.monotonic() + 10
    while not twin.faults()[0]["hits"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.act("pause").status_code == 204
    assert (running.job()["schedule"]["state"], running.job()["status"]["code"]) == ("Paused", "NotRun")
    twin.release()
    thread.join(20)
    assert (running.job()["schedule"]["state"], running.job()["status"]["code"]) == ("Paused", "Paused")
    assert "alex.wilber@contoso.com" in {name.lower() for name in twin.environment("contoso")["users"]}


def twin_cycle(twin: Twin) -> None:
    """Run a cycle on a connection of its own, because the other one is in use."""
    Twin(twin.ready).run_cycle()


# ---- cycles


def test_a_group_is_provisioned_and_a_second_cycle_sends_nothing(api: Any, twin: Twin, running: App) -> None:
    done = running.cycle()
    assert (done["code"], done["quarantine"]) == ("Active", None), done
    environment = twin.environment("contoso")
    names = {name.lower(): user for name, user in environment["users"].items()}
    assert names["alex.wilber@contoso.com"]["active"] is True
    assert names["alex.wilber@contoso.com"]["external_id"] == "Alex.Wilber"
    assert [name.lower() for name in environment["groups"]["Sales"]["members"]] == [
        "adele.vance@contoso.com", "alex.wilber@contoso.com",
    ]  # fmt: skip
    assert "megan.bowen@contoso.com" not in [item["userName"] for item in running.sent("POST") if "userName" in item]
    again = running.cycle()
    assert (again["entries"], again["requests"]) == ({}, 1), "only the connection is tested"


def test_the_exact_requests_that_create(api: Any, twin: Twin, running: App) -> None:
    running.cycle()
    (created,) = running.sent("POST")
    assert created["schemas"] == [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    ]
    assert created["meta"] == {"resourceType": "User"}
    assert created["name"] == {"givenName": "Alex", "familyName": "Wilber", "formatted": "Alex Wilber"}
    assert created["emails"] == [{"primary": True, "type": "work", "value": "Alex.Wilber@contoso.com"}]
    assert (created["active"], "title" in created) == (True, False), "what has no value is not sent"
    paths = [
        (item["method"], item["path"].rpartition("/v2")[2].split("/")[1], item["query"])
        for item in twin.requests(surface="scim")
    ]
    assert ("GET", "Groups", {"excludedAttributes": "members", "filter": 'displayName eq "Sales"'}) in paths


def test_the_dialect_of_members_and_attributes(api: Any, twin: Twin, app: App) -> None:
    app.secrets()
    app.assign("groups", displayName="Sales")
    app.act("start")
    app.cycle()
    adele = api.graph_id("users", givenName="Adele")
    twin.change_tenant(
        {"op": "remove_members", "group": "Sales", "members": ["alex.wilber@contoso.com"]},
        {"op": "add_members", "group": "Sales", "members": ["megan.bowen@contoso.com"]},
        {"op": "change_user", "user": adele, "set": {"displayName": "Adele V", "surname": "V", "jobTitle": "CEO"}},
    )
    app.cycle()
    operations = [operation for body in app.sent() for operation in body["Operations"]]
    assert {"op": "Replace", "path": "displayName", "value": "Adele V"} in operations
    assert {"op": "Add", "path": "title", "value": "CEO"} in operations
    assert {"op": "Replace", "path": "active", "value": "False"} in operations
    assert [item["op"] for item in operations if item["path"] == "members"] == ["Add", "Remove"]
    assert all(set(item) == {"op", "path", "value"} for item in operations)
    removed = next(item for item in operations if item["op"] == "Remove")
    assert set(removed["value"][0]) == {"$ref", "value"}


def test_the_dialect_of_the_standard(api: Any, twin: Twin, app: App) -> None:
    app.secrets(flag=FLAG)
    app.assign("groups", displayName="Sales")
    app.act("start")
    app.cycle()
    adele = api.graph_id("users", givenName="Adele")
    twin.change_tenant(
        {"op": "remove_members", "group": "Sales", "members": ["alex.wilber@contoso.com"]},
        {
            "op": "change_user",
            "user": adele,
            "set": {"displayName": "Adele V", "surname": "V", "mail": "a@contoso.com", "jobTitle": "CEO"},
        },
    )
    app.cycle()
    operations = [operation for body in app.sent() for operation in body["Operations"]]
    assert {"op": "replace", "path": "active", "value": False} in operations
    assert {"op": "add", "path": "title", "value": "CEO"} in operations
    assert {"op": "replace", "path": 'emails[type eq "work"].value', "value": "a@contoso.com"} in operations
    whole = next(item for item in operations if "path" not in item)
    assert whole == {
        "op": "replace",
        "value": {"displayName": "Adele V", "name.familyName": "V", "name.formatted": "Adele V"},
    }
    (removed,) = [item for item in operations if item["op"] == "remove"]
    assert removed["path"].startswith('members[value eq "')


def test_both_dialects_end_in_the_same_directory(api: Any, twin: Twin, seed: dict[str, Any]) -> None:
    found = []
    for flag in ("", FLAG):
        twin.reset(seed)
        api.tokens.clear()
        app = App(api, twin)
        app.secrets(flag=flag)
        app.assign("groups", displayName="Sales")
        app.act("start")
        app.cycle()
        twin.change_tenant(
            {"op": "remove_members", "group": "Sales", "members": ["alex.wilber@contoso.com"]},
            {"op": "change_user", "user": "adele.vance@contoso.com", "set": {"displayName": "Adele V", "surname": "V"}},
        )
        app.cycle()
        environment = twin.environment("contoso")
        found.append(
            (
                {
                    name: (user["display_name"], user["last_name"], user["active"])
                    for name, user in environment["users"].items()
                },
                {name: group["members"] for name, group in environment["groups"].items()},
            )
        )
    assert found[0] == found[1]
    assert ("Adele V", "V", True) in found[0][0].values()


def test_nested_members_do_not_count(api: Any, twin: Twin, app: App) -> None:
    app.secrets()
    app.assign("groups", displayName="Everybody")
    app.act("start")
    app.cycle()
    members = [name.lower() for name in twin.environment("contoso")["groups"]["Everybody"]["members"]]
    assert members == ["megan.bowen@contoso.com", "alex.wilber@contoso.com"], "the members of Sales are not among them"


def test_names_that_entra_cannot_look_up(api: Any, twin: Twin, app: App) -> None:
    twin.change_tenant(
        {"op": "add_group", "set": {"displayName": 'The "A" team'}, "members": []},
        {"op": "add_group", "set": {"displayName": "Sales & more"}, "members": []},
    )
    app.secrets(sync_all=True)
    app.act("start")
    app.cycle()
    assert {"Sales & more"} == {name for name in twin.environment("contoso")["groups"] if "&" in name or '"' in name}
    twin.switches(special_characters="&")
    app.restart()
    app.cycle()
    assert 'The "A" team' in twin.environment("contoso")["groups"]
    failed = api.graph("/auditLogs/provisioning", filter="provisioningStatusInfo/status eq 'failure'").json()["value"]
    names = {item["sourceIdentity"]["displayName"] for item in failed}
    assert {'The "A" team', "Sales & more"} <= names


def test_single_users_the_default_role_and_everybody(api: Any, twin: Twin, app: App) -> None:
    app.secrets()
    body = {
        "principalId": api.graph_id("users", givenName="Alex"),
        "resourceId": app.principal["id"],
        "appRoleId": "00000000-0000-0000-0000-000000000000",
    }
    assert api.call("POST", f"{app.path}/appRoleAssignedTo", body).status_code == 201
    app.act("start")
    assert app.cycle()["entries"] == {"create": 1}
    app.secrets(sync_all=True)
    app.restart()
    app.cycle()
    users = {name.lower(): user for name, user in twin.environment("contoso")["users"].items()}
    assert "allan.only@contoso.com" not in users, "an escrow: SCIM wants a last name"
    assert "lynne_fabrikam.com@contoso.onmicrosoft.com" in users, "the mark of a guest is not sent"
    assert set(twin.environment("contoso")["groups"]) == {"Sales", "Everybody", "Loop"}
    failed = [
        item
        for item in api.call("GET", "/auditLogs/provisioning").json()["value"]
        if item["provisioningStatusInfo"]["status"] == "failure"
    ]
    assert [item["sourceIdentity"]["displayName"] for item in failed] == ["Allan.only@contoso.com"]


def test_from_everybody_to_the_assigned_ones_needs_a_restart(api: Any, twin: Twin, app: App) -> None:
    app.secrets(sync_all=True)
    app.act("start")
    app.cycle()
    assert active(twin)["alex.wilber@contoso.com"] is True
    app.secrets(sync_all=False)
    assert "disable" not in app.cycle()["entries"]
    app.restart()
    assert app.cycle()["entries"]["disable"] > 1
    assert active(twin)["alex.wilber@contoso.com"] is False


class Foreign(http.server.BaseHTTPRequestHandler):
    """A SCIM server of somebody else, without TLS, that keeps what it is sent."""

    kept: list[tuple[str, str, Any]]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.kept.append((self.command, self.path.partition("?")[0], body))
        assert self.headers["Authorization"] == "Bearer somebody's-token"
        made = {"id": str(len(self.kept))} if self.command == "POST" else {"totalResults": 0, "Resources": []}
        content = json.dumps(made).encode()
        self.send_response(201 if self.command == "POST" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - names of the base class

    def log_message(self, *words: Any) -> None:
        """Print nothing."""


def test_a_cycle_against_another_server(api: Any, twin: Twin, app: App) -> None:
    Foreign.kept = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/base/scim?aadOptscim062020&tenant=1"
        settings = {"BaseAddress": address, "SecretToken": "somebody's-token", "SyncAll": "FALSE"}
        body = {"value": [{"key": key, "value": value} for key, value in settings.items()]}
        assert api.call("PUT", f"{app.path}/synchronization/secrets", body).status_code == 204
        assert app.act("validateCredentials", {"useSavedCredentials": True}).status_code == 204
        app.assign("groups", displayName="Sales")
        app.act("start")
        done = app.cycle()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done["entries"] == {"create": 3, "update": 1}
    assert [(method, path) for method, path, _ in Foreign.kept[1:]] == [
        ("GET", "/base/scim/Users"),
        ("GET", "/base/scim/Users"),
        ("POST", "/base/scim/Users"),
        ("GET", "/base/scim/Users"),
        ("POST", "/base/scim/Users"),
        ("GET", "/base/scim/Groups"),
        ("POST", "/base/scim/Groups"),
        ("PATCH", "/base/scim/Groups/8"),
    ]
    assert Foreign.kept[-1][2]["Operations"][0]["op"] == "add"
    assert twin.requests(surface="scim") == []


def active(twin: Twin) -> dict[str, bool]:
    """Return who is active in the environment, by name in lower case."""
    return {name.lower(): user["active"] for name, user in twin.environment("contoso")["users"].items()}


def test_leaving_disables_and_coming_back_needs_a_restart(api: Any, twin: Twin, running: App) -> None:
    running.cycle()
    twin.change_tenant({"op": "remove_members", "group": "Sales", "members": ["alex.wilber@contoso.com"]})
    assert running.cycle()["entries"]["disable"] == 1
    assert active(twin)["alex.wilber@contoso.com"] is False
    twin.change_tenant({"op": "add_members", "group": "Sales", "members": ["alex.wilber@contoso.com"]})
    running.cycle()
    assert active(twin)["alex.wilber@contoso.com"] is False
    running.restart()
    running.cycle()
    assert active(twin)["alex.wilber@contoso.com"] is True


def test_a_disabled_account_and_a_deleted_one(api: Any, twin: Twin, running: App) -> None:
    running.cycle()
    alex = "alex.wilber@contoso.com"
    twin.change_tenant({"op": "change_user", "user": alex, "set": {"accountEnabled": False}})
    assert running.cycle()["entries"] == {"disable": 1}
    twin.change_tenant({"op": "change_user", "user": alex, "set": {"accountEnabled": True}})
    assert running.cycle()["entries"] == {"update": 1}
    twin.change_tenant({"op": "delete_user", "user": alex})
    assert running.cycle()["entries"]["disable"] == 1
    twin.change_tenant({"op": "purge_user", "user": alex})
    assert running.cycle()["entries"] == {"delete": 1}


def test_a_group_that_leaves_the_scope_stays_and_a_deleted_one_goes(api: Any, twin: Twin, app: App) -> None:
    app.secrets()
    assignment = app.assign("groups", displayName="Sales")
    app.assign("groups", displayName="Loop")
    app.act("start")
    app.cycle()
    app.unassign(assignment)
    app.cycle()
    assert {"Sales", "Loop"} <= set(twin.environment("contoso")["groups"])
    twin.change_tenant({"op": "delete_group", "group": "Loop"})
    assert app.cycle()["entries"] == {"delete": 1}
    assert "Loop" not in twin.environment("contoso")["groups"]


# ---- quarantine


def test_too_many_deletions_end_in_quarantine_with_nobody_disabled(api: Any, twin: Twin, app: App) -> None:
    app.secrets(DeleteThresholdEnabled=True, DeleteThresholdValue=1)
    app.assign("groups", displayName="Sales")
    app.act("start")
    app.cycle()
    twin.change_tenant(
        {"op": "remove_members", "group": "Sales", "members": ["alex.wilber@contoso.com", "adele.vance@contoso.com"]}
    )
    for _ in range(2):
        done = app.cycle()
        assert (done["quarantine"], done["staged"]) == ("TooManyDeletes", 2)
    job = app.job()
    assert (job["status"]["code"], job["status"]["quarantine"]["seriesCount"]) == ("Quarantine", 2)
    users = active(twin)
    assert [users[name] for name in ("alex.wilber@contoso.com", "adele.vance@contoso.com")] == [True, True]
    wanted = f"jobId eq '{app.job_id}' and provisioningAction eq 'stagedDelete'"
    staged = api.graph("/auditLogs/provisioning", filter=wanted).json()["value"]
    assert len({item["sourceIdentity"]["id"] for item in staged}) == 2
    assert (
        api.graph("/auditLogs/provisioning", filter=wanted.replace("stagedDelete", "STAGEDDELETE")).json()["value"]
        == []
    )
    app.restart()
    assert app.cycle()["quarantine"] == "TooManyDeletes", "a restart alone does not allow deletions"
    app.restart("ForceDeletes")
    assert app.cycle()["entries"]["disable"] == 2
    assert app.job()["status"]["code"] == "Active"


def test_the_guard_needs_somebody_to_notify(api: Any, twin: Twin, app: App) -> None:
    app.secrets(DeleteThresholdEnabled=True, DeleteThresholdValue=1, Recipients="")
    app.assign("groups", displayName="Sales")
    app.act("start")
    app.cycle()
    twin.change_tenant({"op": "delete_group", "group": "Sales"}, {"op": "purge_group", "group": "Sales"})
    assert app.cycle()["quarantine"] is None


def test_wrong_credentials_quarantine_the_job(api: Any, twin: Twin, running: App) -> None:
    running.cycle()
    twin.fault(surface="scim", action="status", status=401)
    assert running.cycle()["quarantine"] == "EncounteredQuarantineException"
    assert running.job()["status"]["quarantine"]["error"]["code"] == "InvalidCredentials"
    assert running.cycle()["code"] == "Active"
    twin.fault(surface="scim", action="status", status=401, times=2)
    running.cycle()
    twin.move_clock(advance=29 * 86_400)
    running.cycle()
    assert running.job()["schedule"]["state"] == "Disabled", "after four weeks it is switched off"


def test_errors_of_single_objects(api: Any, twin: Twin, app: App) -> None:
    twin.switches(escrow_limit=1)
    app.secrets(sync_all=True)
    app.act("start")
    assert app.cycle()["quarantine"] == "EncounteredBaseEscrowThreshold"
    twin.switches(escrow_limit=0, prune_escrows=True)
    app.restart()
    app.cycle()
    job = app.job()
    assert (job["status"]["escrowsPruned"], job["schedule"]["state"]) == (True, "Paused")
    assert job["status"]["steadyStateFirstAchievedTime"].startswith("0001")


# ---- on demand


def answered(answer: Any) -> tuple[str, str]:
    assert answer.status_code == 200, answer.text
    key, value = json.loads(answer.json()["key"]), json.loads(answer.json()["value"])
    assert value["provisioningSteps"]
    return key["result"], key["details"].get("errorCode", "")


def test_on_demand_is_always_in_the_old_dialect(api: Any, twin: Twin, app: App) -> None:
    app.secrets(flag=FLAG)
    app.assign("groups", displayName="Sales")
    adele, alex = (api.graph_id("users", givenName=name) for name in ("Adele", "Alex"))
    assert answered(app.demand("User", adele)) == ("Success", "")
    assert answered(app.demand("User", adele)) == ("Skipped", "RedundantExport")
    assert answered(app.demand("User", api.graph_id("users", givenName="Megan"))) == (
        "Skipped",
        "NotEffectivelyEntitled",
    )
    sales = api.graph_id("groups", displayName="Sales")
    twin.clear_requests()
    assert answered(app.demand("Group", sales, [alex])) == ("Success", "")
    (operation,) = app.sent()[-1]["Operations"]
    assert (operation["op"], operation["path"]) == ("Add", "members")
    refused = app.demand("User", alex)
    assert refused.status_code == 200, "the fifth call"
    sixth = app.demand("User", alex)
    assert sixth.status_code == 429
    assert 1 <= int(sixth.headers["Retry-After"]) <= 10
    twin.move_clock(advance=11)
    assert app.demand("User", alex).status_code == 200


def test_on_demand_refuses(api: Any, twin: Twin, app: App) -> None:
    app.secrets()
    sales = api.graph_id("groups", displayName="Sales")
    assert error(app.demand("Group", sales, ["x"] * 6)) == (400, "TooManyMembers")
    wrong = {"parameters": [{"ruleId": "x", "subjects": [{"objectId": sales, "objectTypeName": "Group"}]}]}
    assert error(app.act("provisionOnDemand", wrong)) == (400, "InvalidRule")
    app.assign("groups", displayName="Sales")
    twin.switch_scim("contoso", False)
    assert answered(app.demand("User", api.graph_id("users", givenName="Adele")))[0] == "Failure"


def test_an_assignment_counts_after_a_while(api: Any, twin: Twin, app: App) -> None:
    twin.switches(assignment_delay=120)
    app.secrets()
    app.assign("users", givenName="Alex")
    alex = api.graph_id("users", givenName="Alex")
    assert answered(app.demand("User", alex))[1] == "NotEffectivelyEntitled"
    twin.move_clock(advance=121)
    assert answered(app.demand("User", alex)) == ("Success", "")
