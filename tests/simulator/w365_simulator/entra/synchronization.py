# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Application templates and /servicePrincipals/{id}/synchronization of Graph, and the provisioning logs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..graph_error import GraphError, bad_request, forbidden, not_found
from ..tokens import Access
from ..wire import Answer, Call, Deferred
from .base import OWNED_BY, WRITE_APPLICATIONS
from .cycle import Cycle, Outcome, Plan
from .default_mapping import rule_id, schema
from .jobs import JOB, LOG, SYNCHRONIZATION, Jobs, new_job, settings_of
from .objects import Document, next_answer, public, replicas
from .principals import Principals
from .registry import PRINCIPAL
from .scim_client import ScimClient, ScimRefused

NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
TEMPLATES = ("scim", "customappsso")
SECRET = "*"
# The settings that a reader gets as an asterisk.
SECRETS = {
    "SecretToken", "Password", "AppKey", "ClientSecret", "ConsumerSecret", "Oauth2AccessToken", "Oauth2ClientSecret",
    "Oauth2RefreshToken", "TokenKey",
}  # fmt: skip
KEYS = {
    "None", "UserName", "ClientIdentifier", "SingleSignOnType", "Sandbox", "Url", "Domain", "ConsumerKey",
    "TokenExpiration", "Oauth2AccessTokenCreationTime", "SyncAll", "InstanceName", "Oauth2ClientId", "CompanyId",
    "UpdateKeyOnSoftDelete", "SynchronizationSchedule", "SystemOfRecord", "SandboxName", "EnforceDomain",
    "SyncNotificationSettings", "SkipOutOfScopeDeletions", "Oauth2AuthorizationCode", "Oauth2RedirectUri",
    "ApplicationTemplateIdentifier", "Oauth2TokenExchangeUri", "Oauth2AuthorizationUri", "AuthenticationType", "Server",
    "PerformInboundEntitlementGrants", "HardDeletesEnabled", "SyncAgentCompatibilityKey", "SyncAgentADContainer",
    "ValidateDomain", "TestReferences", "ConnectionString", "BaseAddress", *SECRETS,
}  # fmt: skip
RESTART_SCOPES = ("None", "ConnectorDataStore", "Escrows", "Watermark", "QuarantineState", "Full", "ForceDeletes")
READ_SYNCHRONIZATION = ("Synchronization.Read.All", "Synchronization.ReadWrite.All", *WRITE_APPLICATIONS)
WRITE_SYNCHRONIZATION = ("Synchronization.ReadWrite.All", *WRITE_APPLICATIONS)
MOST_MEMBERS, MOST_CALLS, SECONDS = 5, 5, 10.0
_LOG_FILTER = (
    "id", "jobId", "cycleId", "changeId", "activityDateTime", "provisioningAction", "tenantId", "servicePrincipal/id",
    "servicePrincipal/displayName", "sourceIdentity/id", "sourceIdentity/displayName", "targetIdentity/id",
    "targetIdentity/displayName", "provisioningStatusInfo/status",
)  # fmt: skip


class Synchronization(Principals):
    """The handlers of application templates and of synchronization. Graph sets ``jobs``."""

    jobs: Jobs

    # ---- templates of applications

    def _application_template(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        if names["id"] != NON_GALLERY:
            raise not_found(names["id"])
        return self._entity(call, "applicationTemplates", template())

    def _application_templates(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._list_documents(
            call, "applicationTemplates", [template()], known=("id", "displayName", "publisher")
        )

    def _instantiate(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *WRITE_APPLICATIONS, OWNED_BY)
        body = call.json()
        name = body.get("displayName") if isinstance(body, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise bad_request("Property 'displayName' is required but is either not specified or null.")
        if names["id"] != NON_GALLERY:
            raise not_found(names["id"])
        roles = [
            user_role(),
            {**user_role(), "id": str(uuid.uuid4()), "displayName": "msiam_access", "description": "msiam_access"},
        ]
        made = self._create_application(
            access, {"displayName": name, "signInAudience": "AzureADMyOrg", "appRoles": roles}
        )
        made["applicationTemplateId"] = NON_GALLERY
        self.objects.save(made)
        principal = self.registry.add_principal(access.tenant, made)
        principal |= {
            "applicationTemplateId": NON_GALLERY,
            "appRoleAssignmentRequired": True,
            "_owners": list(made.get("_owners", [])),
            "_synchronization": replicas(self.switches.synchronization_replication),
        }
        principal["tags"] = [
            "WindowsAzureActiveDirectoryCustomSingleSignOnApplication",
            "WindowsAzureActiveDirectoryIntegratedApp",
        ]
        self.objects.save(principal)
        if self.switches.instantiate == "404":
            # Known of the service: it says 404 and does it all the same.
            raise not_found(names["id"])
        context = f"{call.base_url}/graph/v1.0/$metadata#microsoft.graph.applicationServicePrincipal"
        both = {"application": public(made), "servicePrincipal": public(principal)}
        return self._plain({"@odata.context": context, **both}, 201)

    # ---- what every call needs

    def _synchronized(self, access: Access, id_: str, *, write: bool) -> Document:
        """Return a service principal whose synchronization the caller may read or write."""
        principal = self._there(access.tenant, PRINCIPAL, id_)
        if not access.may(*(WRITE_SYNCHRONIZATION if write else READ_SYNCHRONIZATION)):
            self._may_write_principal(access, principal)
        true = self._true(principal)
        behind = true.get("_synchronization")
        if not next_answer(behind):
            self.objects.save(true)
            # Right after the creation of the application it answers this way and that.
            if behind and behind["reads"] % 2:
                raise forbidden()
            raise GraphError(409, "Conflict", "The synchronization of this application is not ready yet.")
        if behind:
            self.objects.save(true)
        return principal

    def _job_of(self, access: Access, names: dict[str, str], *, write: bool) -> Document:
        self._synchronized(access, names["id"], write=write)
        found = self._there(access.tenant, JOB, names["job"])
        if found["_principal"] != names["id"]:
            raise not_found(names["job"])
        return self._true(found) if write else found

    def _kept_settings(self, tenant: str, id_: str) -> Document:
        found = self.objects.find(tenant, SYNCHRONIZATION, id_)
        return found or self.objects.add(tenant, SYNCHRONIZATION, {"id": id_, "_settings": {}}, replicated=False)

    # ---- templates and jobs

    def _sync_templates(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        principal = self._synchronized(access, names["id"], write=False)
        found = []
        if principal["applicationTemplateId"] == NON_GALLERY:
            found = [synchronization_template(name, principal["appId"]) for name in TEMPLATES]
        context = f"servicePrincipals('{names['id']}')/synchronization/templates"
        return self._list_documents(call, context, found, known=("id", "factoryTag"))

    def _sync_jobs(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._synchronized(access, names["id"], write=False)
        found = self._shown_list(access.tenant, JOB, _principal=names["id"])
        return self._list_documents(call, f"servicePrincipals('{names['id']}')/synchronization/jobs", found)

    def _sync_job_create(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        principal = self._synchronized(access, names["id"], write=True)
        body = call.json()
        wanted = body.get("templateId") if isinstance(body, dict) else None
        if principal["applicationTemplateId"] != NON_GALLERY or wanted not in TEMPLATES:
            raise bad_request(f"The template '{wanted}' is not available for this application.", "InvalidTemplate")
        job = new_job(access.tenant, names["id"], str(wanted))
        settings = self._kept_settings(access.tenant, names["id"])
        if not settings.get("_ruined"):
            if _ready(settings_of(settings)):
                job["status"]["code"] = "NotRun"
            job = self.objects.add(access.tenant, JOB, job)
        # After a job was deleted, a new one is answered and not kept.
        context = f"servicePrincipals('{names['id']}')/synchronization/jobs"
        return self._entity(call, context, public(job), 201)

    def _sync_job(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=False)
        return self._entity(call, f"servicePrincipals('{names['id']}')/synchronization/jobs", public(job))

    def _sync_job_delete(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self.objects.remove(self._job_of(access, names, write=True))
        settings = self._kept_settings(access.tenant, names["id"])
        settings["_ruined"] = True
        self.objects.save(settings)
        return Answer(204)

    def _sync_job_schema(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=False)
        return self._entity(call, f"servicePrincipals('{names['id']}')/synchronization/jobs/schema", schema(job["id"]))

    # ---- settings and credentials

    def _sync_secrets(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._synchronized(access, names["id"], write=False)
        settings = settings_of(self.objects.find(access.tenant, SYNCHRONIZATION, names["id"]))
        value = [{"key": key, "value": SECRET if key in SECRETS else text} for key, text in settings.items()]
        context = f"{call.base_url}/graph/v1.0/$metadata#servicePrincipals('{names['id']}')/synchronization/secrets"
        return self._plain({"@odata.context": context, "value": value})

    def _sync_secrets_put(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._synchronized(access, names["id"], write=True)
        body = call.json()
        wanted = _pairs(body.get("value") if isinstance(body, dict) else None)
        limit = self.switches.secrets_limit
        if limit and sum(len(text.encode()) for text in wanted.values()) > limit:
            raise bad_request("Size of input ExternalSecret data is invalid", "InvalidExternalSecretSize")
        kept = self._kept_settings(access.tenant, names["id"])
        kept["_settings"] = {key: text for key, text in wanted.items() if text}
        self.objects.save(kept)
        for job in self.objects.all(access.tenant, JOB, _principal=names["id"]):
            if job["status"]["code"] in ("NotConfigured", "NotRun"):
                job["status"]["code"] = "NotRun" if _ready(kept["_settings"]) else "NotConfigured"
                self.objects.save(job)
        return Answer(204)

    def _sync_validate(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._job_of(access, names, write=True)
        body = call.json()
        if not isinstance(body, dict) or set(body) - {
            "credentials",
            "useSavedCredentials",
            "applicationIdentifier",
            "templateId",
        }:
            raise bad_request("The parameters of validateCredentials are not those of its definition.")
        settings = settings_of(self.objects.find(access.tenant, SYNCHRONIZATION, names["id"]))
        if not body.get("useSavedCredentials"):
            settings = _pairs(body.get("credentials"))
        if not _ready(settings):
            raise bad_request("The credentials lack BaseAddress or SecretToken.", "InvalidCredentials")
        client = self.jobs.client(settings)
        return Deferred(lambda: _tested(client), _validated)

    # ---- the life of a job

    def _sync_start(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=True)
        self._start(access, job)
        return Answer(204)

    def _start(self, access: Access, job: Document) -> None:
        settings = settings_of(self.objects.find(access.tenant, SYNCHRONIZATION, job["_principal"]))
        if not _ready(settings):
            raise bad_request("The job cannot be started: its credentials are not configured.", "JobNotConfigured")
        job["schedule"]["state"] = "Active"
        status = job["status"]
        status["escrowsPruned"] = False
        if status["code"] != "Quarantine":
            status["code"] = "NotRun" if status["lastExecution"] is None else "Active"
        self.objects.save(job)

    def _sync_pause(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=True)
        job["schedule"]["state"] = "Paused"
        if not job["_running"]:
            job["status"]["code"] = "Paused"
        self.objects.save(job)
        return Answer(204)

    def _sync_restart(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=True)
        body = call.json()
        criteria = body.get("criteria") if isinstance(body, dict) else None
        if not isinstance(criteria, dict) or set(criteria) - {"resetScope"}:
            raise bad_request(
                "The parameter criteria is missing, or has properties that are not those of its definition."
            )
        scopes = [part.strip() for part in str(criteria.get("resetScope") or "").split(",") if part.strip()]
        wrong = [part for part in scopes if part not in RESTART_SCOPES]
        if wrong:
            raise bad_request(f"Requested value '{wrong[0]}' was not found.")
        everything = "Full" in scopes
        if not scopes or everything:
            scopes = ["QuarantineState", "Watermark", "Escrows", *(["ConnectorDataStore"] if everything else [])]
        if "QuarantineState" in scopes or "ForceDeletes" in scopes or everything:
            job["status"]["quarantine"] = None
            job["status"]["countSuccessiveCompleteFailures"] = 0
            job["status"]["code"] = "Active"
        if "Watermark" in scopes:
            job["_initial"] = True
        if "ConnectorDataStore" in scopes:
            # Everything that was ever matched is forgotten; this is why nobody may use it.
            job |= {"_users": {}, "_groups": {}}
        job["_force_deletes"] = everything or "ForceDeletes" in scopes
        self._start(access, job)
        return Answer(204)

    # ---- on demand

    def _sync_on_demand(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        job = self._job_of(access, names, write=True)
        now = self.clock.seconds()
        calls = [moment for moment in job.get("_calls", []) if 0 <= now - moment < SECONDS]
        if len(calls) >= MOST_CALLS:
            wait = str(max(1, round(SECONDS - (now - calls[0]))))
            raise GraphError(
                429, "TooManyRequests", "Too many requests for provisioning on demand.", [("Retry-After", wait)]
            )
        job["_calls"] = [*calls, now]
        self.objects.save(job)
        subject, members = _subject(call.json(), rule_id(job["id"]))
        settings = settings_of(self.objects.find(access.tenant, SYNCHRONIZATION, names["id"]))
        if not _ready(settings):
            raise bad_request("The job is not configured: its credentials are missing.", "JobNotConfigured")
        work = self._demand(job, settings, subject, members)
        return Deferred(work, lambda outcome: self._demanded(call, job, subject, outcome))

    def _demand(
        self, job: Document, settings: dict[str, str], subject: dict[str, Any], members: list[str]
    ) -> Callable[[], Outcome]:
        source = self.jobs.source(job, settings)
        plan = Plan(source, job["_users"], job["_groups"], False, True, None)
        # The flag of the address has no effect here.
        client = self.jobs.client(settings, compliant=False)
        return lambda: _on_demand(Cycle(plan, client), subject, members)

    def _demanded(self, call: Call, job: Document, subject: dict[str, Any], outcome: Outcome) -> Answer:
        kept = self.objects.find(job["_tenant"], JOB, job["id"])
        if kept is not None:
            kept |= {"_users": outcome.users, "_groups": outcome.groups}
            self.objects.save(kept)
        key, value = on_demand_answer(subject, outcome, self.clock.iso())
        context = f"{call.base_url}/graph/v1.0/$metadata#microsoft.graph.stringKeyStringValuePair"
        return self._plain({"@odata.context": context, "key": json.dumps(key), "value": json.dumps(value)})

    # ---- logs

    def _provisioning_logs(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, "AuditLog.Read.All", "Directory.Read.All", "Directory.ReadWrite.All")
        found = list(reversed(self.objects.all(access.tenant, LOG)))
        return self._list_documents(call, "auditLogs/provisioning", found, known=_LOG_FILTER, case=True)


def _pairs(value: Any) -> dict[str, str]:
    """Read a list of keys and values."""
    if not isinstance(value, list):
        raise bad_request("The list of keys and values is missing.")
    found: dict[str, str] = {}
    for pair in value:
        if not isinstance(pair, dict) or pair.get("key") not in KEYS or not isinstance(pair.get("value"), str):
            name = pair.get("key") if isinstance(pair, dict) else pair
            raise bad_request(f"Requested value '{name}' was not found, or its value is no text.")
        found[pair["key"]] = pair["value"]
    try:
        address = urlsplit(found.get("BaseAddress") or "https://localhost")
        good = address.scheme in ("https", "http") and bool(address.hostname) and address.port != 0
    except ValueError:
        good = False
    if not good:
        raise bad_request("The BaseAddress is no address of a web service.", "InvalidBaseAddress")
    return found


def _ready(settings: dict[str, str]) -> bool:
    return bool(settings.get("BaseAddress") and settings.get("SecretToken"))


def _tested(client: ScimClient) -> ScimRefused | None:
    try:
        client.test()
    except ScimRefused as problem:
        return problem
    finally:
        client.close()
    return None


def _validated(problem: ScimRefused | None) -> Answer:
    if problem is None:
        return Answer(204)
    raise bad_request(
        f"We received this unexpected response from your application: {problem}",
        "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
    )


def _subject(body: Any, rule: str) -> tuple[dict[str, Any], list[str]]:
    """Return the object to provision and the members of a group, checked."""
    parameters = body.get("parameters") if isinstance(body, dict) else None
    if not isinstance(parameters, list) or len(parameters) != 1 or not isinstance(parameters[0], dict):
        raise bad_request("Provisioning on demand takes one element of parameters.")
    subjects = parameters[0].get("subjects")
    if parameters[0].get("ruleId") != rule:
        raise bad_request("The synchronization rule was not found.", "InvalidRule")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise bad_request("Provisioning on demand takes one user or one group.")
    subject = subjects[0]
    if subject.get("objectTypeName") not in ("User", "Group") or not isinstance(subject.get("objectId"), str):
        raise bad_request("The subject needs objectId, and objectTypeName User or Group.")
    listed = ((subject.get("links") or {}).get("members")) or []
    members = [str(item.get("objectId")) for item in listed if isinstance(item, dict)]
    if len(members) > MOST_MEMBERS:
        raise bad_request(f"Provisioning on demand takes at most {MOST_MEMBERS} members of a group.", "TooManyMembers")
    return subject, members


def _on_demand(cycle: Cycle, subject: dict[str, Any], members: list[str]) -> Outcome:
    """Provision one object, and members of a group; nobody is restored, disabled or deleted."""
    source, done, id_ = cycle.plan.source, cycle.done, subject["objectId"]
    try:
        if subject["objectTypeName"] == "User":
            values = source.users.get(id_)
            if values is None or not values["active"]:
                done.note("other", "User", id_, id_, status="skipped", code="NotEffectivelyEntitled")
            else:
                cycle.user(id_, values)
        else:
            group = source.groups.get(id_)
            if group is None:
                done.note("other", "Group", id_, id_, status="skipped", code="NotEffectivelyEntitled")
            else:
                for member in members:
                    if member in source.users and source.users[member]["active"] and member in group["members"]:
                        cycle.user(member, source.users[member])
                cycle.group(id_, group, members)
    except ScimRefused as problem:
        done.problem = str(problem)
    finally:
        cycle.client.close()
    done.requests = cycle.client.sent
    return done


def on_demand_answer(subject: dict[str, Any], outcome: Outcome, now: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the two texts of the answer, which hold JSON: the result, and what happened."""
    skipped = [entry for entry in outcome.entries if entry["status"] == "skipped"]
    if outcome.problem is not None:
        result, code, words = "Failure", "ScimRequestFailed", outcome.problem
    elif skipped:
        result, code, words = "Skipped", skipped[0]["code"], "The object is not assigned to the application."
    elif not outcome.entries:
        result, code = "Skipped", "RedundantExport"
        words = "The state of the user in both the source and target systems already match."
    else:
        result, code, words = "Success", "", ""
    action = outcome.entries[0]["action"] if outcome.entries else "other"
    details = {"errorCode": code, "errorMessage": words} if code else {}
    step = {
        "name": "EntryExport" if result == "Success" else "EntrySynchronizationSkip",
        "type": "Export",
        "status": result,
        "description": words or f"{subject['objectTypeName']} was provisioned",
        "timestamp": now,
        "details": details,
    }
    value = {
        "action": action.capitalize(),
        "changeId": str(uuid.uuid4()),
        "startTime": now,
        "endTime": now,
        "modifiedProperties": [],
        "provisioningSteps": [step],
        "reportableIdentifier": subject["objectId"],
        "statusInfo": {"status": result, "errorCode": code or None, "reason": words or None},
        "sourceIdentity": {
            "id": subject["objectId"],
            "type": subject["objectTypeName"],
            "displayName": None,
            "details": None,
        },
    }
    return {"result": result, "details": details}, value


def user_role() -> dict[str, Any]:
    """Return the role that a non-gallery application has for its users."""
    return {
        "allowedMemberTypes": ["User"],
        "description": "User",
        "displayName": "User",
        "id": str(uuid.uuid4()),
        "isEnabled": True,
        "origin": "Application",
        "value": None,
    }


def template() -> Document:
    """Return the template of applications that are in no gallery."""
    return {
        "id": NON_GALLERY,
        "displayName": "Custom",
        "homePageUrl": None,
        "supportedSingleSignOnModes": ["password", "saml", "notSupported"],
        "supportedProvisioningTypes": ["sync"],
        "logoUrl": None,
        "categories": [],
        "publisher": None,
        "description": None,
    }


def synchronization_template(name: str, app_id: str) -> Document:
    """Return a template of a job."""
    return {
        "id": name,
        "applicationId": app_id,
        "default": name == "scim",
        "description": None,
        "discoverable": True,
        "factoryTag": name,
        "metadata": [],
    }
