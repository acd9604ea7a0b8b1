# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Provisioning jobs, their settings and who is in scope in Microsoft Graph v1.0 (contract: The SCIM application; S)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..model.applications import Application
from ..model.scim_application import (
    DEFAULT_ROLE,
    JOB_TEMPLATE,
    TEMPLATE,
    Assignment,
    EnterpriseApplication,
    Job,
    Provisioned,
    Quarantine,
    StagedRemoval,
)
from .applications import ASSIGN, PERMISSIONS, WRITE, ApplicationsClient, objects_of, parsed_time, text_of
from .values import OddValueError, identifier, reports_error, shown, total_of

PRINCIPAL_SELECT = "id,appId,displayName,applicationTemplateId,appRoles"

SYNCHRONIZE = "Application.ReadWrite.OwnedBy for an application that it owns, or Synchronization.ReadWrite.All"
PREMIUM = ("AAD_PREMIUM", "AAD_PREMIUM_P2")
"""The service plans of Microsoft Entra ID P1 and P2, which let groups be assigned (contract, P18)."""

STAGED = ("stageddelete", "stagedaction")

RESTART = ""
"""What the portal's "Restart provisioning" sends (contract, P11)."""

ALLOW_DELETES = "ForceDeletes"
"""What the portal's "Allow deletes" sends. Every other scope of a restart is for Microsoft's support, or for nobody."""


class SynchronizationClient(ApplicationsClient):
    """Reads and changes the enterprise application, its job, its settings and its assignments."""

    permissions: ClassVar[Mapping[str, str]] = {
        **PERMISSIONS,
        "graph.template.use": WRITE,
        "graph.application.delete": WRITE,
        "graph.principal": PERMISSIONS["graph.principals"],
        "graph.assignments": PERMISSIONS["graph.principals"],
        "graph.assignment.create": ASSIGN,
        "graph.assignment.delete": ASSIGN,
        "graph.skus": "LicenseAssignment.Read.All (or Organization.Read.All)",
        "graph.provisioning.logs": "AuditLog.Read.All",
        **dict.fromkeys(
            (
                *("graph.sync.jobs", "graph.sync.job.create", "graph.sync.job"),
                *("graph.sync.schema", "graph.sync.validate"),
                *("graph.sync.start", "graph.sync.pause", "graph.sync.restart", "graph.sync.demand"),
                *("graph.sync.settings", "graph.sync.settings.write"),
            ),
            SYNCHRONIZE,
        ),
    }

    # The application

    def instantiate(self, name: str) -> Application:
        """A new application from the template of those in no gallery. 404 may mean that it was made (contract, P3)."""
        answer = self.call("graph.template.use", object_id=TEMPLATE, body={"displayName": name})
        return self._application("graph.template.use", answer.get("application"))

    def enterprise(self, client_id: str) -> EnterpriseApplication | None:
        """The service principal of an application, with its role for users."""
        item = self.principal_item(client_id, PRINCIPAL_SELECT)
        return None if item is None else self._checked("graph.principals", _enterprise, item)

    def enterprise_by_id(self, id: str) -> EnterpriseApplication:
        answer = self.call("graph.principal", object_id=id, query={"$select": PRINCIPAL_SELECT})
        found: EnterpriseApplication = self._checked("graph.principal", _enterprise, answer)
        if found.id.lower() != id.lower():
            raise self.unreliable("graph.principal", "another service principal than the one that was asked for")
        return found

    # Who is in scope

    def assignments(self, principal_id: str) -> list[Assignment]:
        items = self.pages("graph.assignments", object_id=principal_id)
        return [self._checked("graph.assignments", _assignment, one) for one in items]

    def assign(self, application: EnterpriseApplication, object_id: str) -> None:
        body = {"principalId": object_id, "resourceId": application.id, "appRoleId": application.role}
        self.call("graph.assignment.create", object_id=application.id, body=body)

    def unassign(self, principal_id: str, assignment_id: str) -> None:
        self.call("graph.assignment.delete", object_id=f"{principal_id}/{assignment_id}")

    def user_ids(self, names: Sequence[str]) -> dict[str, str]:
        """The ids of users by UPN, in lower case; those that the tenant does not have are missing."""
        found = {
            str(item.get("userPrincipalName")).lower(): str(item["id"])
            for item in self.users_by_upn(list(dict.fromkeys(names)))
        }
        if not found.keys() <= {name.lower() for name in names}:
            raise self.unreliable("graph.users", "users that were not asked for", listing=True)
        return found

    def has_premium(self) -> bool:
        """Whether the tenant has Microsoft Entra ID P1 or P2."""
        for item in self.pages("graph.skus", query={"$top": None}):
            plans = self._checked("graph.skus", lambda one: objects_of(one.get("servicePlans"), "servicePlans"), item)
            if any(plan.get("servicePlanName") in PREMIUM for plan in plans):
                return True
        return False

    # The job

    def jobs(self, principal_id: str) -> list[Job]:
        items = self.pages("graph.sync.jobs", object_id=principal_id, query={"$top": None})
        return [self._checked("graph.sync.jobs", _job, one) for one in items]

    def job(self, principal_id: str, job_id: str) -> Job:
        found: Job = self._checked(
            "graph.sync.job", _job, self.call("graph.sync.job", object_id=f"{principal_id}/{job_id}")
        )
        return found

    def create_job(self, principal_id: str) -> Job:
        answer = self.call("graph.sync.job.create", object_id=principal_id, body={"templateId": JOB_TEMPLATE})
        found: Job = self._checked("graph.sync.job.create", _job, answer)
        return found

    def start(self, principal_id: str, job_id: str) -> None:
        self.call("graph.sync.start", object_id=f"{principal_id}/{job_id}")

    def pause(self, principal_id: str, job_id: str) -> None:
        self.call("graph.sync.pause", object_id=f"{principal_id}/{job_id}")

    def restart(self, principal_id: str, job_id: str, *, allow_deletes: bool = False) -> None:
        """Restart, or let go what was held back. Nothing else can be asked for."""
        criteria = {"resetScope": ALLOW_DELETES if allow_deletes else RESTART}
        self.call("graph.sync.restart", object_id=f"{principal_id}/{job_id}", body={"criteria": criteria})

    def refused_credentials(self, principal_id: str, job_id: str, credentials: Mapping[str, str] | None) -> str:
        """Why the SCIM service refuses these credentials, or the saved ones for None; empty where it accepts them.

        How a refusal looks is not documented (contract, P7; A): any status from 400 to 499 but those of missing permissions
        and unknown jobs.
        """
        body: dict[str, Any] = {"useSavedCredentials": True}
        if credentials is not None:
            body = {"credentials": [{"key": key, "value": value} for key, value in credentials.items()]}
        endpoint = self._endpoints["graph.sync.validate"]
        path = self.path_of("graph.sync.validate", f"{principal_id}/{job_id}")
        answer = self.send(endpoint.method, path, repeatable=True, body=body)
        if answer.ok:
            content = self.decoded(answer, endpoint, path)
            if content is not None and (not isinstance(content, Mapping) or reports_error(content)):
                raise self.unreliable(endpoint.id, shown(content), path=path)
            return ""
        if answer.status in (401, 403, 404, 409, 429) or not 400 <= answer.status < 500:
            raise self._refusal(answer, endpoint, path)
        return self._server_message(answer)

    def schema(self, principal_id: str, job_id: str) -> list[Mapping[str, Any]]:
        """The synchronization rules of a job, each with an id and its mappings of objects."""
        answer = self.call("graph.sync.schema", object_id=f"{principal_id}/{job_id}")
        rules: list[Mapping[str, Any]] = self._checked("graph.sync.schema", _rules, answer)
        return rules

    def provision(
        self, principal_id: str, job_id: str, rule_id: str, object_id: str, members: Sequence[str] | None
    ) -> Provisioned:
        """Provision one user, or one group (`members` is not None) with at most five of its members."""
        subject: dict[str, Any] = {"objectId": object_id, "objectTypeName": "User" if members is None else "Group"}
        if members:
            subject["links"] = {"members": [{"objectId": one, "objectTypeName": "User"} for one in members]}
        body = {"parameters": [{"ruleId": rule_id, "subjects": [subject]}]}
        return provisioned_of(self.call("graph.sync.demand", object_id=f"{principal_id}/{job_id}", body=body))

    # Its settings

    def settings(self, principal_id: str) -> dict[str, str]:
        """The settings by key; secret ones are an asterisk (contract, P8)."""
        found: dict[str, str] = self._checked(
            "graph.sync.settings", _settings, self.call("graph.sync.settings", object_id=principal_id)
        )
        return found

    def write_settings(self, principal_id: str, settings: Mapping[str, str]) -> None:
        """All settings: those that are not among them are gone afterwards."""
        body = {"value": [{"key": key, "value": value} for key, value in settings.items()]}
        self.call("graph.sync.settings.write", object_id=principal_id, body=body)

    # What it held back

    def staged_removals(self, job_id: str) -> list[StagedRemoval]:
        """Whose removal the last cycle that held some back has held back, each once."""
        literal = job_id.replace("'", "''")
        query = {"$filter": f"jobId eq '{literal}'", "$top": None}
        cycle: str | None = None
        found: dict[str, StagedRemoval] = {}
        for item in self.pages("graph.provisioning.logs", query=query):
            entry = self._checked("graph.provisioning.logs", _log_entry, item)
            if entry is None:
                continue
            cycle = entry[0] if cycle is None else cycle
            if entry[0] != cycle:
                # Newest first: the rest is about earlier cycles.
                break
            found.setdefault(entry[1].id, entry[1])
        return list(found.values())


# Reading answers


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise OddValueError(f"{what} that is {shown(value)} and not an object")
    return value


def _enterprise(item: Any) -> EnterpriseApplication:
    item = _object(item, "a service principal")
    role = DEFAULT_ROLE
    for one in objects_of(item.get("appRoles"), "appRoles"):
        kinds = one.get("allowedMemberTypes")
        if (
            one.get("displayName") == "User"
            and one.get("isEnabled") is True
            and isinstance(kinds, list)
            and "User" in kinds
        ):
            role = identifier(one.get("id"), "a role with an id")
            break
    return EnterpriseApplication(
        identifier(item.get("id"), "a service principal with an id"),
        identifier(item.get("appId"), "a service principal with an appId").lower(),
        text_of(item, "displayName"),
        text_of(item, "applicationTemplateId").lower(),
        role,
    )


def _assignment(item: Mapping[str, Any]) -> Assignment:
    return Assignment(
        identifier(item.get("id"), "an assignment with an id"),
        identifier(item.get("principalId"), "an assignment with a principalId").lower(),
        text_of(item, "principalDisplayName"),
        text_of(item, "principalType"),
    )


def _time(value: Any, what: str) -> float | None:
    """A time; None for one that has not come."""
    if value is None or (isinstance(value, str) and value.startswith("0001-01-01")):
        return None
    return parsed_time(value, what)


def _job(item: Any) -> Job:
    item = _object(item, "a job")
    schedule = _object(item.get("schedule"), "a schedule")
    status = _object(item.get("status"), "a status")
    counts = objects_of(status.get("synchronizedEntryCountByType"), "synchronizedEntryCountByType")
    last = status.get("lastExecution")
    last = {} if last is None else _object(last, "a lastExecution")
    pruned = status.get("escrowsPruned")
    if pruned is not None and not isinstance(pruned, bool):
        raise OddValueError(f"an escrowsPruned that is {shown(pruned)}")
    for name, value in (("state", schedule.get("state")), ("code", status.get("code"))):
        if not isinstance(value, str) or not value:
            raise OddValueError(f"a job whose {name} is {shown(value)}")
    return Job(
        id=identifier(item.get("id"), "a job with an id"),
        template_id=text_of(item, "templateId"),
        schedule=schedule["state"],
        code=status["code"],
        quarantine=None if status.get("quarantine") is None else _quarantine(status["quarantine"]),
        errors_discarded=bool(pruned),
        first_cycle=_time(status.get("steadyStateFirstAchievedTime"), "a steadyStateFirstAchievedTime"),
        counts={text_of(one, "key"): total_of(one.get("value"), "a number of entries") for one in counts},
        last_run=text_of(last, "state"),
        last_run_ended=_time(last.get("timeEnded"), "a timeEnded"),
    )


def _quarantine(item: Any) -> Quarantine:
    item = _object(item, "a quarantine")
    error = item.get("error")
    error = {} if error is None else _object(error, "an error of a quarantine")
    return Quarantine(
        text_of(item, "reason") or "Unknown",
        text_of(error, "message"),
        text_of(item, "currentBegan"),
        text_of(item, "nextAttempt"),
    )


def _settings(answer: Mapping[str, Any]) -> dict[str, str]:
    if "value" not in answer:
        raise OddValueError("settings without a value")
    found: dict[str, str] = {}
    for pair in objects_of(answer["value"], "settings"):
        key, value = pair.get("key"), pair.get("value")
        if not isinstance(key, str) or not key or (value is not None and not isinstance(value, str)):
            raise OddValueError("a setting whose key or value is not a text")
        if key in found:
            raise OddValueError(f"two settings {key!r}")
        if value:
            found[key] = value
    return found


def _rules(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = objects_of(answer.get("synchronizationRules"), "synchronizationRules")
    for rule in rules:
        identifier(rule.get("id"), "a rule with an id")
        for mapping in objects_of(rule.get("objectMappings"), "objectMappings"):
            for one in objects_of(mapping.get("attributeMappings"), "attributeMappings"):
                text_of(one, "targetAttributeName")
                if one.get("source") is not None:
                    text_of(_object(one["source"], "a source"), "expression")
                if one.get("matchingPriority") is not None:
                    total_of(one["matchingPriority"], "a matchingPriority")
    if not rules:
        raise OddValueError("a schema without rules")
    return rules


def _log_entry(item: Mapping[str, Any]) -> tuple[str, StagedRemoval] | None:
    """The cycle and the object of an entry about a removal that was held back; None for any other entry."""
    if text_of(item, "provisioningAction").lower() not in STAGED:
        return None
    source = _object(item.get("sourceIdentity"), "a sourceIdentity")
    id = identifier(source.get("id"), "a sourceIdentity with an id")
    return text_of(item, "cycleId"), StagedRemoval(
        id, text_of(source, "displayName") or id, text_of(source, "identityType")
    )


def provisioned_of(answer: Mapping[str, Any]) -> Provisioned:
    """What happened, from the texts with JSON in them; sometimes one is no JSON, and then nothing is proven (contract, P15)."""
    key, value = (_embedded(answer.get(name)) for name in ("key", "value"))
    details = key.get("details")
    details = details if isinstance(details, Mapping) else {}
    status = value.get("statusInfo")
    status = status if isinstance(status, Mapping) else {}
    return Provisioned(
        *(
            next((text for text in texts if isinstance(text, str) and text), "")
            for texts in (
                (key.get("result"),),
                (details.get("errorCode"), status.get("errorCode")),
                (details.get("errorMessage"), status.get("reason")),
            )
        )
    )


def _embedded(text: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str) and len(text) < 1_000_000 else None
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, Mapping) else {}


def mappings_of(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The attribute mappings of a schema: `source` in Entra's words, `target` in SCIM's, and whether objects are matched by it."""
    return [
        {
            "object": str(mapping.get("sourceObjectName") or ""),
            "source": str((one.get("source") or {}).get("expression") or ""),
            "target": str(one.get("targetAttributeName") or ""),
            "matching": str(one.get("matchingPriority") or 0).strip() != "0",
        }
        for rule in rules
        for mapping in rule.get("objectMappings") or ()
        if mapping.get("enabled") is not False
        for one in mapping.get("attributeMappings") or ()
    ]
