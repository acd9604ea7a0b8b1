# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Synchronization jobs: what is in scope, how a cycle is prepared and what it leaves behind, and the provisioning log."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..clock import read
from .cycle import Cycle, Outcome, Plan, Source
from .objects import Document
from .registry import ASSIGNMENT, PRINCIPAL, Registry
from .scim_client import COMPLIANT_FLAG, ENTERPRISE, ScimClient

SYNCHRONIZATION, JOB, LOG = "synchronization", "synchronizationJob", "provisioningLog"
NEVER = "0001-01-01T00:00:00Z"
# A job whose quarantine lasts so long is switched off.
QUARANTINE_DAYS = 28
_RETRY = 86_400


def new_job(tenant: str, principal: str, template: str) -> Document:
    """Return a job as it is right after its creation."""
    return {
        "id": f"{template}.{tenant.replace('-', '')}.{uuid.uuid4()}",
        "templateId": template,
        "schedule": {"expiration": None, "interval": "PT40M", "state": "Disabled"},
        "status": {
            "code": "NotConfigured",
            "countSuccessiveCompleteFailures": 0,
            "escrowsPruned": False,
            "lastExecution": None,
            "lastSuccessfulExecution": None,
            "lastSuccessfulExecutionWithExports": None,
            "progress": [],
            "quarantine": None,
            "steadyStateFirstAchievedTime": NEVER,
            "steadyStateLastAchievedTime": NEVER,
            "synchronizedEntryCountByType": [],
            "troubleshootingUrl": None,
        },
        "synchronizationJobSettings": [],
        "_principal": principal,
        "_users": {},
        "_groups": {},
        "_initial": True,
        "_force_deletes": False,
        "_running": False,
    }


def settings_of(synchronization: Document | None) -> dict[str, str]:
    """Return the stored settings of a service principal."""
    return dict((synchronization or {}).get("_settings", {}))


def flag(text: str | None) -> bool:
    """Read a boolean of the settings, in any case."""
    return str(text).strip().lower() == "true"


class Jobs:
    """Prepares and finishes the cycles of jobs."""

    def __init__(self, registry: Registry, authority: str | None) -> None:
        self.registry = registry
        self.objects = registry.objects
        self.store = registry.store
        self.clock = registry.clock
        self.authority = authority

    # ---- the connection

    def client(self, settings: dict[str, str], *, compliant: bool | None = None) -> ScimClient:
        """Return a client for the settings of a job; ``compliant`` overrides the flag of the address."""
        address = settings.get("BaseAddress", "")
        own = COMPLIANT_FLAG.lower() in urlsplit(address).query.lower()
        return ScimClient(
            address,
            settings.get("SecretToken", ""),
            compliant=own if compliant is None else compliant,
            authority=self.authority,
        )

    # ---- what is in scope

    def source(self, job: Document, settings: dict[str, str]) -> Source:
        """Return the users and groups in scope, with what Entra maps of them."""
        tenant = job["_tenant"]
        people = self.store.all("SELECT * FROM graph_users WHERE tenant = ? ORDER BY position", (tenant,))
        groups = self.store.all("SELECT * FROM graph_groups WHERE tenant = ? ORDER BY position", (tenant,))
        members: dict[int, list[str]] = {}
        for row in self.store.all(
            "SELECT group_position, graph_users.id FROM graph_members JOIN graph_users ON graph_users.position ="
            " member_position WHERE relation = 'member' AND kind = 'user' ORDER BY graph_members.position"
        ):
            # Groups within groups are not looked into.
            members.setdefault(row["group_position"], []).append(row["id"])
        # From everybody to the assigned ones: that acts after a restart only.
        everybody = flag(settings.get("SyncAll")) or (job.get("_everybody", False) and not job["_initial"])
        assigned = self._assigned(job)
        wanted_groups = [row for row in groups if everybody or row["id"] in assigned]
        inside = {id_ for row in wanted_groups for id_ in members.get(row["position"], [])}
        return Source(
            {
                row["id"]: user_values(row)
                for row in people
                if everybody or row["id"] in assigned or row["id"] in inside
            },
            {
                row["id"]: {"displayName": row["display_name"], "members": members.get(row["position"], [])}
                for row in wanted_groups
            },
            {row["id"] for row in [*people, *groups]},
            {row["id"] for row in self.store.all("SELECT id FROM graph_deleted WHERE tenant = ?", (tenant,))},
        )

    def _assigned(self, job: Document) -> set[str]:
        delay = self.registry.switches.assignment_delay
        return {
            found["principalId"]
            for found in self.objects.all(job["_tenant"], ASSIGNMENT, resourceId=job["_principal"])
            if read(found["createdDateTime"]) + delay <= self.clock.seconds()
        }

    # ---- a cycle

    def begin(self, job: Document) -> Callable[[], Outcome]:
        """Mark a job as running and return the work of its cycle, which touches no state."""
        settings = settings_of(self.objects.find(job["_tenant"], SYNCHRONIZATION, job["_principal"]))
        plan = Plan(
            self.source(job, settings),
            job["_users"],
            job["_groups"],
            job["_initial"],
            flag(settings.get("SkipOutOfScopeDeletions")),
            None if job["_force_deletes"] else threshold(settings),
            self.registry.switches.special_characters,
        )
        job["_running"] = True
        if job["_initial"]:
            job["_everybody"] = flag(settings.get("SyncAll"))
        self.objects.save(job)
        client = self.client(settings)
        return Cycle(plan, client).run

    def finish(self, tenant: str, id_: str, outcome: Outcome) -> dict[str, Any]:
        """Keep what a cycle did, and return a summary."""
        job = self.objects.find(tenant, JOB, id_)
        if job is None:
            return {"job": id_, "result": "the job was deleted meanwhile"}
        started = self.clock.iso()
        job |= {"_users": outcome.users, "_groups": outcome.groups, "_running": False}
        status = job["status"]
        cycle = str(uuid.uuid4())
        for entry in outcome.entries:
            self._log(job, cycle, entry)
        self._count(status, outcome)
        status["lastExecution"] = self._execution(outcome, started, cycle)
        reason = self._reason(outcome)
        if reason is None:
            self._succeeded(job, outcome, started)
        else:
            self._quarantine(job, reason, outcome)
        if job["schedule"]["state"] == "Paused":
            # The running cycle went on to its end.
            status["code"] = "Paused"
        self.objects.save(job)
        return summary(job, outcome)

    def _count(self, status: dict[str, Any], outcome: Outcome) -> None:
        active = sum(bool(link["values"].get("active")) for link in outcome.users.values())
        status["synchronizedEntryCountByType"] = [
            {"key": "User", "value": active},
            {"key": "Group", "value": len(outcome.groups)},
        ]

    def _execution(self, outcome: Outcome, started: str, cycle: str) -> dict[str, Any]:
        exported = sum(entry["status"] == "success" for entry in outcome.entries)
        return {
            "activityIdentifier": cycle,
            "countEntitled": len(outcome.users),
            "countEntitledForProvisioning": len(outcome.users),
            "countEscrowed": outcome.escrows,
            "countEscrowedRaw": outcome.escrows,
            "countExported": exported,
            "countExports": exported,
            "countImported": 0,
            "countImportedDeltas": 0,
            "countImportedReferenceDeltas": 0,
            "error": None,
            "state": "Failed" if outcome.problem else "EntryLevelErrors" if outcome.escrows else "Succeeded",
            "timeBegan": started,
            "timeEnded": self.clock.iso(),
        }

    def _reason(self, outcome: Outcome) -> str | None:
        limit = self.registry.switches.escrow_limit
        if outcome.problem is not None:
            return "EncounteredQuarantineException"
        if outcome.staged:
            return "TooManyDeletes"
        return "EncounteredBaseEscrowThreshold" if limit and outcome.escrows >= limit else None

    def _succeeded(self, job: Document, outcome: Outcome, now: str) -> None:
        status = job["status"]
        first = status["steadyStateFirstAchievedTime"] == NEVER
        status |= {"code": "Active", "quarantine": None, "countSuccessiveCompleteFailures": 0}
        status["lastSuccessfulExecution"] = status["lastExecution"]
        if status["lastExecution"]["countExported"]:
            status["lastSuccessfulExecutionWithExports"] = status["lastExecution"]
        job |= {"_initial": False, "_force_deletes": False}
        if first and outcome.escrows and self.registry.switches.prune_escrows:
            # The errors of the first cycle were thrown away; the job waits for somebody to look.
            status["escrowsPruned"] = True
            job["schedule"]["state"] = "Paused"
            return
        status["steadyStateFirstAchievedTime"] = now if first else status["steadyStateFirstAchievedTime"]
        status["steadyStateLastAchievedTime"] = now

    def _quarantine(self, job: Document, reason: str, outcome: Outcome) -> None:
        status, now = job["status"], self.clock.iso()
        before = status["quarantine"] or {"currentBegan": now, "seriesBegan": now, "seriesCount": 0}
        status["code"] = "Quarantine"
        status["countSuccessiveCompleteFailures"] += 1
        status["quarantine"] = {
            "currentBegan": before["currentBegan"],
            "seriesBegan": before["seriesBegan"],
            "seriesCount": before["seriesCount"] + 1,
            "nextAttempt": self.clock.iso(_RETRY),
            "reason": reason,
            "error": {
                "code": "InvalidCredentials" if outcome.unauthorized else reason,
                "message": outcome.problem or f"The cycle met {outcome.staged or outcome.escrows} objects too many.",
                "tenantActionable": True,
            },
        }
        if self.clock.seconds() - read(before["currentBegan"]) > QUARANTINE_DAYS * 86_400:
            job["schedule"]["state"] = "Disabled"

    # ---- the log

    def _log(self, job: Document, cycle: str, entry: dict[str, Any]) -> None:
        tenant = job["_tenant"]
        principal = self.objects.find(tenant, PRINCIPAL, job["_principal"]) or {
            "id": job["_principal"],
            "displayName": "",
        }
        self.objects.add(tenant, LOG, log_entry(job, principal, cycle, entry, self.clock.iso()), replicated=False)


def threshold(settings: dict[str, str]) -> int | None:
    """Return the most objects that a cycle may take away; the guard needs somebody to notify."""
    try:
        found = json.loads(settings.get("SyncNotificationSettings") or "{}")
    except ValueError:
        return None
    if not isinstance(found, dict) or not found.get("DeleteThresholdEnabled") or not found.get("Recipients"):
        return None
    value = found.get("DeleteThresholdValue")
    return int(value) if isinstance(value, (int, str)) and str(value).isdigit() else None


def user_values(row: Any) -> dict[str, Any]:
    """Return what the default mapping makes of a person; attributes without a value are left out."""
    phones = json.loads(row["business_phones"])
    values: dict[str, Any] = {
        "userName": row["upn"].replace("#EXT#", ""),
        "active": bool(row["account_enabled"]),
        "displayName": row["display_name"],
        "title": row["job_title"],
        'emails[type eq "work"].value': row["mail"],
        "preferredLanguage": row["preferred_language"],
        "name.givenName": row["given_name"],
        "name.familyName": row["surname"],
        "name.formatted": " ".join(part for part in (row["given_name"], row["surname"]) if part) or None,
        'phoneNumbers[type eq "work"].value': phones[0] if phones else None,
        'phoneNumbers[type eq "mobile"].value': row["mobile_phone"],
        "externalId": row["upn"].partition("@")[0],
        f"{ENTERPRISE}:department": row["department"],
    }
    return {path: value for path, value in values.items() if value is not None}


def log_entry(job: Document, principal: Document, cycle: str, entry: dict[str, Any], now: str) -> Document:
    """Return an entry of the provisioning log with the names of v1.0."""
    failed = entry["status"] == "failure"
    error = {
        "errorCode": entry["code"],
        "reason": entry["reason"],
        "additionalDetails": None,
        "errorCategory": "nonServiceFailure",
        "recommendedAction": None,
    }
    step = {
        "name": "EntryExport",
        "provisioningStepType": "export",
        "status": entry["status"],
        "description": f"{entry['kind']} '{entry['name']}': {entry['action']}",
        "details": {},
    }
    return {
        "id": str(uuid.uuid4()),
        "activityDateTime": now,
        "tenantId": job["_tenant"],
        "jobId": job["id"],
        "cycleId": cycle,
        "changeId": str(uuid.uuid4()),
        "durationInMilliseconds": 100,
        "provisioningAction": entry["action"],
        "provisioningStatusInfo": {"status": entry["status"], "errorInformation": error if failed else None},
        "provisioningSteps": [step],
        "modifiedProperties": [
            {"displayName": path, "oldValue": None, "newValue": str(value)} for path, value in entry["changes"].items()
        ],
        "servicePrincipal": {"id": principal["id"], "displayName": principal["displayName"]},
        "sourceIdentity": {
            "id": entry["id"], "displayName": entry["name"], "identityType": entry["kind"], "details": {},
        },
        "targetIdentity": {
            "id": entry["target"], "displayName": "", "identityType": entry["kind"], "details": {},
        },
        "sourceSystem": {"id": str(uuid.UUID(int=1)), "displayName": "Microsoft Entra ID", "details": {}},
        "targetSystem": {"id": job["id"], "displayName": principal["displayName"], "details": {}},
        "initiatedBy": {"id": "", "displayName": "Microsoft Entra Provisioning Service", "initiatorType": "system"},
    }  # fmt: skip


def summary(job: Document, outcome: Outcome) -> dict[str, Any]:
    """Return what a cycle did, in numbers."""
    done: dict[str, int] = {}
    for entry in outcome.entries:
        word = entry["action"] if entry["status"] == "success" else entry["status"]
        done[word] = done.get(word, 0) + 1
    return {
        "job": job["id"],
        "code": job["status"]["code"],
        "quarantine": (job["status"]["quarantine"] or {}).get("reason"),
        "entries": done,
        "staged": outcome.staged,
        "requests": outcome.requests,
        "problem": outcome.problem,
    }
