# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Enterprise applications with provisioning jobs in memory, next to the app registrations of entra_memory.

Written from the contract: The SCIM application.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import entra_memory
from entra_memory import EntraMemory, RefusalError, iso

TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
TOKEN = "token-of-the-scim-service"
ADDRESS = "https://w365.contoso.com/contoso/scim/v2"
SALES = "00000000-0000-4000-8000-000000000008"
OTHERS = "00000000-0000-4000-8000-0000000000aa"
MAIL = "ops@contoso.com"
NEVER = "0001-01-01T00:00:00Z"
SECRETS = ("SecretToken", "Password")


class ScimMemory(EntraMemory):
    """One tenant. `token` is what the SCIM service accepts; `lag` requests about the synchronization of a new application are
    answered with 403, 404 and 409 in turn."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        super().__init__(now)
        self.token = TOKEN
        self.lag = 0
        self.instantiate_answers = 201
        self.jobs: list[dict[str, Any]] = []
        self.settings: dict[str, dict[str, str]] = {}
        self.assignments: list[dict[str, Any]] = []
        self.logs: list[dict[str, Any]] = []
        self.restarts: list[str] = []
        self.puts: list[dict[str, str]] = []
        self.demands: list[dict[str, Any]] = []
        self.premium = True
        self._asked = 0

    # For tests

    def new_scim_application(self, name: str, *tags: str, job: bool = True) -> dict[str, Any]:
        """An enterprise application from the template, with its principal and, if asked for, a job that runs."""
        application = self.new_application(displayName=name, applicationTemplateId=TEMPLATE, tags=list(tags))
        principal = self._principal(self._next(), application["appId"], name, ())
        roles = [
            {"id": self._next(), "displayName": kind, "isEnabled": True, "allowedMemberTypes": ["User"], "value": None}
            for kind in ("msiam_access", "User")
        ]
        self.principals.append({**principal, "applicationTemplateId": TEMPLATE, "appRoles": roles})
        if job:
            found = self._sync_job_create(principal["id"], {}, {"templateId": "scim"})
            found["schedule"]["state"] = "Active"
            found["status"]["code"] = "Active"
            found["status"]["steadyStateFirstAchievedTime"] = iso(self.now)
        return application

    def principal_of(self, application: Mapping[str, Any]) -> dict[str, Any]:
        return self._by(self.principals, "appId", application["appId"])

    def configure(self, application: Mapping[str, Any], **more: str) -> dict[str, str]:
        """Settings as a run leaves them."""
        notifications = {
            "Enabled": True,
            "Recipients": MAIL,
            "DeleteThresholdEnabled": True,
            "DeleteThresholdValue": 10,
        }
        settings = {
            "BaseAddress": f"{ADDRESS}?aadOptscim062020", "SecretToken": self.token, "SyncAll": "false",
            "SyncNotificationSettings": json.dumps(notifications), "SkipOutOfScopeDeletions": "False", **more,
        }  # fmt: skip
        self.settings[self.principal_of(application)["id"]] = settings
        return settings

    def assign(self, application: Mapping[str, Any], object_id: str, name: str, kind: str = "Group") -> None:
        principal = self.principal_of(application)["id"]
        self.assignments.append(
            {"id": f"assignment-{self._next()[-4:]}", "principalId": object_id, "principalDisplayName": name, "principalType": kind, "resourceId": principal, "appRoleId": self._next()}
        )  # fmt: skip

    def hold_deletes(self, count: int) -> None:
        """Put the last job into quarantine because of so many removals."""
        job = self.jobs[-1]
        job["status"]["code"] = "Quarantine"
        job["status"]["quarantine"] = {"reason": "TooManyDeletes", "currentBegan": iso(self.now), "nextAttempt": iso(self.now + 86_400), "error": {"code": "TooManyDeletes", "message": "Too many."}}  # fmt: skip
        for number in range(count):
            identity = {"id": f"person-{number}", "displayName": f"person{number}@contoso.com", "identityType": "User"}
            self.logs.insert(0, {"id": f"log-{len(self.logs)}", "jobId": job["id"], "cycleId": "cycle-2", "provisioningAction": "stagedDelete", "sourceIdentity": identity})  # fmt: skip

    # Requests

    def answer(self, endpoint: str, id: str, query: Mapping[str, str], body: Any) -> Any:
        if endpoint.startswith("graph.sync."):
            self._asked += 1
            if self._asked <= self.lag:
                raise RefusalError((403, 404, 409)[self._asked % 3], "NotYet", "It is not ready.")
        if endpoint == "graph.principal":
            return dict(self._principal_read(id))
        return super().answer(endpoint, id, query, body)

    def _template_use(self, id: str, _query: Any, body: Any) -> Any:
        assert id == TEMPLATE
        application = self.new_scim_application(body["displayName"], job=False)
        if self.instantiate_answers != 201:
            raise RefusalError(self.instantiate_answers, "Request_ResourceNotFound", "It does not exist.")
        return {"application": application, "servicePrincipal": self.principals[-1]}

    def _application_delete(self, id: str, _query: Any, _body: Any) -> Any:
        found = self._by(self.applications, "id", id)
        self.applications.remove(found)
        self.deleted.append(found)

    def _principal_read(self, id: str) -> dict[str, Any]:
        return self._by(self.principals, "id", id)

    def _assignments(self, id: str, _query: Any, _body: Any) -> Any:
        return [one for one in self.assignments if one["resourceId"] == self._principal_read(id)["id"]]

    def _assignment_create(self, id: str, _query: Any, body: Any) -> Any:
        if any(one["principalId"] == body["principalId"] for one in self._assignments(id, {}, None)):
            raise RefusalError(400, "Request_BadRequest", "Permission being assigned already exists on the object")
        if not self.premium:
            raise RefusalError(403, "Authorization_RequestDenied", "Groups need a license.")
        roles = [role["id"] for role in self._principal_read(id)["appRoles"] if role["displayName"] == "User"]
        assert body["appRoleId"] in roles
        self.assign(
            self._by(self.applications, "appId", self._principal_read(id)["appId"]), body["principalId"], "Sales"
        )
        return self.assignments[-1]

    def _assignment_delete(self, id: str, _query: Any, _body: Any) -> Any:
        self.assignments.remove(self._by(self.assignments, "id", id.partition("/")[2]))

    def _sync_jobs(self, id: str, _query: Any, _body: Any) -> Any:
        return [job for job in self.jobs if job["principal"] == id]

    def _sync_job_create(self, id: str, _query: Any, body: Any) -> Any:
        status = {
            "code": "NotConfigured" if id not in self.settings else "NotRun", "escrowsPruned": False, "lastExecution": None,
            "quarantine": None, "steadyStateFirstAchievedTime": NEVER, "synchronizedEntryCountByType": [{"key": "User", "value": 12}],
        }  # fmt: skip
        self.jobs.append(
            {"id": f"{body['templateId']}.{self._next()}", "templateId": body["templateId"], "principal": id, "schedule": {"state": "Disabled"}, "status": status}
        )  # fmt: skip
        return self.jobs[-1]

    def _job(self, id: str) -> dict[str, Any]:
        principal, _slash, job = id.partition("/")
        found = self._by(self.jobs, "id", job)
        assert found["principal"] == principal
        return found

    def _sync_job(self, id: str, _query: Any, _body: Any) -> Any:
        return self._job(id)

    def _sync_schema(self, id: str, _query: Any, _body: Any) -> Any:
        targets = ("userName", "active", "displayName", "name.givenName", "name.familyName")
        users = [
            {
                "targetAttributeName": name,
                "matchingPriority": int(name == "userName"),
                "source": {"expression": f"[{name}]"},
            }
            for name in targets
        ]
        groups = [
            {"targetAttributeName": name, "matchingPriority": 0, "source": None} for name in ("displayName", "members")
        ]
        mappings = [
            {"enabled": True, "sourceObjectName": kind, "attributeMappings": rows}
            for kind, rows in (("User", users), ("Group", groups))
        ]
        return {"id": self._job(id)["id"], "synchronizationRules": [{"id": "rule-1", "objectMappings": mappings}]}

    def _sync_validate(self, id: str, _query: Any, body: Any) -> Any:
        given = self.settings.get(self._job(id)["principal"], {})
        if not body.get("useSavedCredentials"):
            given = {pair["key"]: pair["value"] for pair in body["credentials"]}
        assert given["BaseAddress"].startswith("https://")
        if given.get("SecretToken") != self.token:
            raise RefusalError(
                400, "InvalidCredentials", "We received this unexpected response from your application: 401."
            )

    def _sync_settings(self, id: str, _query: Any, _body: Any) -> Any:
        found = self.settings.get(id, {})
        return {"value": [{"key": key, "value": "*" if key in SECRETS else value} for key, value in found.items()]}

    def _sync_settings_write(self, id: str, _query: Any, body: Any) -> Any:
        given = {pair["key"]: pair["value"] for pair in body["value"]}
        assert len(given) == len(body["value"])
        assert "*" not in given.values(), "never sent (contract, P8)"
        self.puts.append(given)
        self.settings[id] = given
        for job in self._sync_jobs(id, {}, None):
            if job["status"]["code"] == "NotConfigured":
                job["status"]["code"] = "NotRun"

    def _sync_start(self, id: str, _query: Any, _body: Any) -> Any:
        job = self._job(id)
        assert self.settings[job["principal"]]["SecretToken"]
        job["schedule"]["state"] = "Active"

    def _sync_pause(self, id: str, _query: Any, _body: Any) -> Any:
        job = self._job(id)
        job["schedule"]["state"] = job["status"]["code"] = "Paused"

    def _sync_restart(self, id: str, _query: Any, body: Any) -> Any:
        job = self._job(id)
        scope = body["criteria"]["resetScope"]
        assert scope in ("", "ForceDeletes"), "nothing else ever leaves the client (contract, P11)"
        self.restarts.append(scope)
        held = (job["status"]["quarantine"] or {}).get("reason") == "TooManyDeletes"
        if scope or not held:
            job["status"] |= {"quarantine": None, "code": "Active"}
        job["schedule"]["state"] = "Active"

    def _sync_demand(self, id: str, _query: Any, body: Any) -> Any:
        self._job(id)
        self.demands.append(body)
        return {"key": json.dumps({"result": "Success", "details": {}}), "value": json.dumps({"statusInfo": {}})}

    def _skus(self, _id: str, _query: Any, _body: Any) -> Any:
        plans = [{"servicePlanName": "AAD_PREMIUM" if self.premium else "EXCHANGE_S_ENTERPRISE"}]
        return [{"id": "sku-1", "servicePlans": plans}]

    def _provisioning_logs(self, _id: str, _query: Any, _body: Any) -> Any:
        return self.logs


def seeded(server: str) -> ScimMemory:
    """The tenant of a scenario; those of entra_memory, and "scim": all is done; "scim old": other settings, and somebody to purge;
    "scim held": removals are held back; "scim stopped": in quarantine; "scim poor": no licenses to assign groups with."""
    entra = ScimMemory()
    if not server.startswith("scim"):
        entra.__dict__.update(entra_memory.seeded(server).__dict__)
        return entra
    application = entra.new_scim_application("Workspace365 SCIM - contoso", "w365:scim:contoso", "of-somebody")
    entra.configure(application)
    entra.assign(application, SALES, "Sales")
    entra.now += 86_400
    if server == "scim old":
        entra.configure(application, SyncAll="true", InstanceName="of-somebody", BaseAddress=ADDRESS)
        entra.assignments.clear()
        entra.assign(application, OTHERS, "Others")
    elif server == "scim held":
        entra.hold_deletes(2)
    elif server == "scim poor":
        entra.premium = False
        entra.assignments.clear()
    elif server == "scim stopped":
        entra.jobs[-1]["status"] |= {"code": "Quarantine", "quarantine": {"reason": "EncounteredQuarantineException"}}
    return entra


LISTS = entra_memory.LISTS | {"graph.assignments", "graph.sync.jobs", "graph.skus", "graph.provisioning.logs"}
ENDPOINTS = (
    *entra_memory.ENDPOINTS,
    *(
        "graph.template.use",
        "graph.application.delete",
        "graph.principal",
        "graph.assignments",
        "graph.assignment.create",
    ),
    *("graph.assignment.delete", "graph.sync.jobs", "graph.sync.job.create", "graph.sync.job", "graph.sync.schema"),
    *("graph.sync.validate", "graph.sync.start", "graph.sync.pause", "graph.sync.restart", "graph.sync.demand"),
    *("graph.sync.settings", "graph.sync.settings.write", "graph.skus", "graph.provisioning.logs"),
)
