# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The twin's Microsoft Graph against Microsoft's own texts: its published v1.0 metadata, and the samples of its documentation.

Every path that the twin serves exists, and every property that it shows, with a value of the right type. Of each
documented sample the names and the types of values are kept here, and the twin shows all of them.
"""

from __future__ import annotations

import base64
import datetime
import importlib
import json
import re
import uuid
from typing import Any

import pytest

from w365_simulator.certificates import make_certificate
from w365_simulator.contract import ENDPOINTS
from w365_simulator.server import Twin
from w365_simulator.store import Store
from w365_simulator.switches import Switches
from w365_simulator.wire import Call

metadata: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.module_utils._w365.api.test_graph_metadata"
)
METADATA: dict[str, Any] = metadata.METADATA
TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
NON_GALLERY = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
GRAPH = "00000003-0000-0000-c000-000000000000"
PATHS = sorted({endpoint.path for endpoint in ENDPOINTS if endpoint.surface == "graph"} - {"/$batch"})

TEXT, TRUTH, NUMBER, ANY = str, bool, int, object
_INFO = dict.fromkeys(("termsOfServiceUrl", "supportUrl", "privacyStatementUrl", "marketingUrl", "logoUrl"), ANY)
_APPLICATION: dict[str, Any] = {
    "id": TEXT, "isFallbackPublicClient": ANY, "appId": TEXT, "applicationTemplateId": ANY, "identifierUris": [],
    "createdDateTime": TEXT, "displayName": TEXT, "isDeviceOnlyAuthSupported": ANY, "groupMembershipClaims": ANY,
    "optionalClaims": ANY, "addIns": [], "publisherDomain": TEXT, "signInAudience": TEXT, "tags": [],
    "tokenEncryptionKeyId": ANY,
    "api": {
        "requestedAccessTokenVersion": ANY, "acceptMappedClaims": ANY, "knownClientApplications": [],
        "oauth2PermissionScopes": [], "preAuthorizedApplications": [],
    },
    "appRoles": [], "publicClient": {"redirectUris": []}, "info": _INFO, "keyCredentials": [],
    "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": TEXT}, "passwordCredentials": [],
    "requiredResourceAccess": [],
    "web": {
        "redirectUris": [], "homePageUrl": ANY, "logoutUrl": ANY,
        "implicitGrantSettings": {"enableIdTokenIssuance": TRUTH, "enableAccessTokenIssuance": TRUTH},
    },
}  # fmt: skip
_PRINCIPAL: dict[str, Any] = {
    "id": TEXT, "accountEnabled": TRUTH, "addIns": [], "appDisplayName": TEXT, "appId": TEXT,
    "appOwnerOrganizationId": TEXT, "appRoleAssignmentRequired": TRUTH, "appRoles": [], "displayName": TEXT,
    "homepage": ANY, "info": _INFO, "keyCredentials": [], "logoutUrl": ANY, "oauth2PermissionScopes": [],
    "passwordCredentials": [], "replyUrls": [], "servicePrincipalNames": [TEXT], "tags": [],
}  # fmt: skip
_IDENTITY = {"id": TEXT, "displayName": TEXT, "identityType": TEXT, "details": {}}
_SYSTEM = {"id": TEXT, "displayName": TEXT, "details": {}}
# What Microsoft's pages below api-reference/v1.0/api show, by page; as of November 2026. Their beta names and
# names that the metadata does not have (publisherName, windows, endpoints) are left out.
SAMPLES: dict[str, Any] = {
    "application-post-applications": {**_APPLICATION, "deletedDateTime": ANY, "samlMetadataUrl": ANY},
    "application-upsert": {**_APPLICATION, "uniqueName": TEXT},
    "application-addpassword": {
        "customKeyIdentifier": ANY, "endDateTime": TEXT, "keyId": TEXT, "startDateTime": TEXT, "secretText": TEXT,
        "hint": TEXT, "displayName": TEXT,
    },
    "serviceprincipal-post-serviceprincipals": {**_PRINCIPAL, "deletedDateTime": ANY},
    "oauth2permissiongrant-post": {
        "id": TEXT, "clientId": TEXT, "consentType": TEXT, "principalId": ANY, "resourceId": TEXT, "scope": TEXT,
    },
    "serviceprincipal-post-approleassignedto": {
        "id": TEXT, "deletedDateTime": ANY, "appRoleId": TEXT, "createdDateTime": TEXT, "principalDisplayName": TEXT,
        "principalId": TEXT, "principalType": TEXT, "resourceDisplayName": TEXT, "resourceId": TEXT,
    },
    "subscribedsku-list": {
        "accountName": ANY, "accountId": TEXT, "appliesTo": TEXT, "capabilityStatus": TEXT, "consumedUnits": NUMBER,
        "id": TEXT, "skuId": TEXT, "skuPartNumber": TEXT, "subscriptionIds": [],
        "prepaidUnits": {"enabled": NUMBER, "lockedOut": NUMBER, "suspended": NUMBER, "warning": NUMBER},
        "servicePlans": [
            {"servicePlanId": TEXT, "servicePlanName": TEXT, "provisioningStatus": TEXT, "appliesTo": TEXT}
        ],
    },
    "tenantappmanagementpolicy-get": {
        "id": TEXT, "displayName": TEXT, "description": TEXT, "isEnabled": TRUTH,
        "applicationRestrictions": {"passwordCredentials": [], "keyCredentials": []},
        "servicePrincipalRestrictions": {"passwordCredentials": [], "keyCredentials": []},
    },
    "applicationtemplate-instantiate": {
        "application": _APPLICATION, "servicePrincipal": {**_PRINCIPAL, "alternativeNames": [], "servicePrincipalType": ANY},
    },
    "synchronization-synchronization-list-templates": {"id": TEXT, "factoryTag": TEXT},
    "synchronization-synchronizationjob-get": {
        "id": TEXT, "templateId": TEXT, "schedule": {"expiration": ANY, "interval": TEXT, "state": TEXT},
        "status": {
            "countSuccessiveCompleteFailures": NUMBER, "escrowsPruned": TRUTH, "synchronizedEntryCountByType": [],
            "code": TEXT, "lastExecution": ANY, "lastSuccessfulExecution": ANY, "progress": [],
            "lastSuccessfulExecutionWithExports": ANY, "steadyStateFirstAchievedTime": TEXT,
            "steadyStateLastAchievedTime": TEXT, "troubleshootingUrl": ANY,
            "quarantine": {
                "currentBegan": TEXT, "nextAttempt": TEXT, "reason": TEXT, "seriesBegan": TEXT, "seriesCount": NUMBER,
                "error": {"code": TEXT, "message": TEXT, "tenantActionable": TRUTH},
            },
        },
        "synchronizationJobSettings": [],
    },
    "synchronization-synchronizationjob-provisionondemand": {"key": TEXT, "value": TEXT},
    "provisioningobjectsummary-list": {
        "id": TEXT, "activityDateTime": TEXT, "tenantId": TEXT, "jobId": TEXT, "cycleId": TEXT, "changeId": TEXT,
        "provisioningAction": TEXT, "durationInMilliseconds": NUMBER, "sourceSystem": _SYSTEM, "targetSystem": _SYSTEM,
        "initiatedBy": {"id": TEXT, "displayName": TEXT, "initiatorType": TEXT},
        "servicePrincipal": {"id": TEXT, "displayName": TEXT}, "sourceIdentity": _IDENTITY, "targetIdentity": _IDENTITY,
        "provisioningStatusInfo": {
            "status": TEXT,
            "errorInformation": {
                "errorCode": TEXT, "reason": TEXT, "additionalDetails": ANY, "errorCategory": TEXT,
                "recommendedAction": ANY,
            },
        },
        "provisioningSteps": [
            {"name": TEXT, "provisioningStepType": TEXT, "status": TEXT, "description": TEXT, "details": {}}
        ],
        "modifiedProperties": [{"displayName": TEXT, "oldValue": ANY, "newValue": TEXT}],
    },
}  # fmt: skip
TYPES = {
    "application-post-applications": "application",
    "application-upsert": "application",
    "application-addpassword": "passwordCredential",
    "serviceprincipal-post-serviceprincipals": "servicePrincipal",
    "oauth2permissiongrant-post": "oAuth2PermissionGrant",
    "serviceprincipal-post-approleassignedto": "appRoleAssignment",
    "subscribedsku-list": "subscribedSku",
    "tenantappmanagementpolicy-get": "tenantAppManagementPolicy",
    "applicationtemplate-instantiate": "applicationServicePrincipal",
    "synchronization-synchronization-list-templates": "synchronizationTemplate",
    "synchronization-synchronizationjob-get": "synchronizationJob",
    "synchronization-synchronizationjob-provisionondemand": "stringKeyStringValuePair",
    "provisioningobjectsummary-list": "provisioningObjectSummary",
    # Without a sample of its own.
    "microsoft-graph": "servicePrincipal",
    "application-template": "applicationTemplate",
    "app-policy": "appManagementPolicy",
    "schema": "synchronizationSchema",
    "restored": "application",
    "with-credentials": "application",
    "federated": "federatedIdentityCredential",
}


class Server:
    """The twin in this process."""

    def __init__(self) -> None:
        self.twin = Twin(Store(None), Switches(), provisioning_key="key", scim_token="token")
        people = [{"user_principal_name": "adele.vance@contoso.com", "given_name": "Adele", "surname": "Vance"}]
        groups = [{"display_name": "Sales", "members": ["adele.vance@contoso.com"]}]
        self.twin.seeder.merge(
            {
                "tenants": [
                    {
                        "id": TENANT,
                        "display_name": "Contoso",
                        "domains": [{"name": "contoso.com", "default": True}],
                        "applications": [{"client_id": CLIENT, "client_secret": "x"}],
                        "users": people,
                        "groups": groups,
                    }
                ]
            }
        )
        self.token = self.twin.graph.tokens.issue(
            tenant=TENANT, client_id=CLIENT, permissions=None, audience="a", issuer="i", lifetime=3600
        )

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call Graph, and do the work of an answer that has some."""
        given = {"authorization": f"Bearer {self.token}", **headers}
        content = b"" if body is None else json.dumps(body).encode()
        answer: Any = self.twin.graph.answer(Call(method, f"/v1.0{path}", {}, given, content, "https://localhost"))
        if hasattr(answer, "work"):
            answer = answer.finish(answer.work())
        assert answer.status < 300, answer.body
        return json.loads(answer.body) if answer.body else None


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the twin answers where Microsoft's documentation has a sample, by page."""
    server = Server()
    call = server.call
    found: dict[str, Any] = {"application-post-applications": call("POST", "/applications", {"displayName": "one"})}
    upsert = call("PATCH", "/applications(uniqueName='two')", {"displayName": "two"}, prefer="create-if-missing")
    found["application-upsert"] = upsert
    password = {"passwordCredential": {"displayName": "w365"}}
    found["application-addpassword"] = call("POST", f"/applications/{upsert['id']}/addPassword", password)
    key = base64.b64encode(make_certificate().public.encode()).decode()
    certificate = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": key, "displayName": "w365"}
    call("PATCH", f"/applications/{upsert['id']}", {"keyCredentials": [certificate]})
    found["with-credentials"] = call("GET", f"/applications/{upsert['id']}")
    federated = {
        "name": "ci",
        "issuer": "https://contoso.com",
        "subject": "s",
        "audiences": ["api://AzureADTokenExchange"],
    }
    found["federated"] = call("POST", f"/applications/{upsert['id']}/federatedIdentityCredentials", federated)
    principal = call("POST", "/servicePrincipals", {"appId": upsert["appId"]})
    found["serviceprincipal-post-serviceprincipals"] = principal
    found["microsoft-graph"] = call("GET", f"/servicePrincipals(appId='{GRAPH}')")
    consent = {"clientId": principal["id"], "consentType": "AllPrincipals", "scope": "openid"}
    consent["resourceId"] = found["microsoft-graph"]["id"]
    found["oauth2permissiongrant-post"] = call("POST", "/oauth2PermissionGrants", consent)
    found["subscribedsku-list"] = call("GET", "/subscribedSkus")["value"][0]
    found["tenantappmanagementpolicy-get"] = call("GET", "/policies/defaultAppManagementPolicy")
    restriction = {"restrictionType": "passwordLifetime", "maxLifetime": "P90D", "state": "enabled"}
    policy = {"restrictions": {"passwordCredentials": [restriction]}}
    server.twin.control.tenant.change(
        {"operations": [{"op": "add_app_policy", "set": policy, "applications": [upsert["appId"]]}]}
    )
    found["app-policy"] = call("GET", "/policies/appManagementPolicies")["value"][0]
    found["application-template"] = call("GET", f"/applicationTemplates/{NON_GALLERY}")
    call("DELETE", f"/applications/{found['application-post-applications']['id']}")
    path = f"/directory/deletedItems/{found['application-post-applications']['id']}/restore"
    found["restored"] = call("POST", path, {})
    return {**found, **synchronized(server)}


def synchronized(server: Server) -> dict[str, Any]:
    """What a job answers whose SCIM server does not, so that everything about errors is there as well."""
    call, found = server.call, {}
    made = call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "scim"})
    found["applicationtemplate-instantiate"] = made
    path = f"/servicePrincipals/{made['servicePrincipal']['id']}"
    group = server.twin.store.value("SELECT id FROM graph_groups")
    role = made["servicePrincipal"]["appRoles"][0]["id"]
    assignment = {"principalId": group, "resourceId": made["servicePrincipal"]["id"], "appRoleId": role}
    found["serviceprincipal-post-approleassignedto"] = call("POST", f"{path}/appRoleAssignedTo", assignment)
    templates = call("GET", f"{path}/synchronization/templates")["value"]
    found["synchronization-synchronization-list-templates"] = templates[0]
    job = call("POST", f"{path}/synchronization/jobs", {"templateId": "scim"})
    settings = [{"key": "BaseAddress", "value": "https://localhost:1"}, {"key": "SecretToken", "value": "x"}]
    call("PUT", f"{path}/synchronization/secrets", {"value": settings})
    job_path = f"{path}/synchronization/jobs/{job['id']}"
    call("POST", f"{job_path}/start")
    deferred: Any = server.twin.control._run_cycle(Call("POST", "/run-cycle", {}, {}, b"", "https://localhost"))
    outcome = deferred.work()
    for entry in ("update", "stagedDelete", "disable"):
        changes = {"active": False}
        outcome[0][2].note(
            entry, "User", "id", "name", status="failure", changes=changes, reason="refused", code="Http400"
        )
    deferred.finish(outcome)
    found["synchronization-synchronizationjob-get"] = call("GET", job_path)
    found["schema"] = call("GET", f"{job_path}/schema")
    found["provisioningobjectsummary-list"] = call("GET", "/auditLogs/provisioning")["value"][0]
    subject = {"objectId": group, "objectTypeName": "Group", "links": {"members": []}}
    rule = found["schema"]["synchronizationRules"][0]["id"]
    parameters = {"parameters": [{"ruleId": rule, "subjects": [subject]}]}
    found["synchronization-synchronizationjob-provisionondemand"] = call(
        "POST", f"{job_path}/provisionOnDemand", parameters
    )
    return found


# ---- paths


@pytest.mark.parametrize("path", PATHS)
def test_every_path_of_the_twin_exists(path: str) -> None:
    # A role is addressed by its template in parentheses, so the whole segment is a placeholder there.
    metadata.walk(path.replace("/{directory_role}/", "/directoryRoles/{id}/") if path.startswith("/{") else path)


# ---- properties


def problems(value: Any, kind: str, where: str) -> list[str]:
    """What of a value is not as the metadata has it."""
    if value is None:
        return []
    if kind.startswith("Collection("):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        inner = kind.removeprefix("Collection(").removesuffix(")")
        return [found for index, item in enumerate(value) for found in problems(item, inner, f"{where}[{index}]")]
    if kind.startswith("Edm."):
        return [] if is_primitive(value, kind) else [f"{where} is no {kind}: {value!r}"]
    name = kind.rpartition(".")[2]
    if name in METADATA["enums"]:
        wrong = {part.strip() for part in str(value).split(",")} - set(METADATA["enums"][name])
        return [f"{where} is no {name}: {word}" for word in sorted(wrong)]
    if name not in METADATA["types"] or name == "detailsInfo":
        return [] if isinstance(value, (dict, str)) else [f"{where} is no {name}"]
    known = {**metadata.properties_of(name), **metadata.relations_of(name)}
    found = [
        f"{where} has {part}, which {name} has not" for part in value if part not in known and "@odata" not in part
    ]
    for part in set(value) & set(known):
        type_ = known[part] if "." in known[part] else f"graph.{known[part]}"
        found += problems(value[part], type_, f"{where}.{part}")
    return found


def is_primitive(value: Any, kind: str) -> bool:
    """Whether a value of JSON can stand for a primitive type."""
    if kind in ("Edm.Boolean",):
        return isinstance(value, bool)
    if kind in ("Edm.Int32", "Edm.Int64"):
        return isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, str):
        return False
    try:
        if kind == "Edm.Guid":
            uuid.UUID(value)
        elif kind == "Edm.DateTimeOffset":
            datetime.datetime.fromisoformat(value)
    except ValueError:
        return False
    return kind != "Edm.Duration" or bool(re.match(r"P\d|PT\d", value))


@pytest.mark.parametrize("page", sorted(TYPES))
def test_every_property_that_the_twin_shows_exists(answers: dict[str, Any], page: str) -> None:
    assert problems(answers[page], f"graph.{TYPES[page]}", page) == []


def test_a_wrong_property_or_value_is_found(answers: dict[str, Any]) -> None:
    good = answers["synchronization-synchronizationjob-get"]
    assert problems({**good, "jobState": "x"}, "graph.synchronizationJob", "job") != []
    wrong = {**good, "schedule": {**good["schedule"], "state": "Running"}}
    assert problems(wrong, "graph.synchronizationJob", "job") == [
        "job.schedule.state is no synchronizationScheduleState: Running"
    ]
    application = answers["application-upsert"]
    assert problems({**application, "tags": "one"}, "graph.application", "app") == ["app.tags is no list"]
    assert problems({**application, "createdDateTime": "now"}, "graph.application", "app") != []


# ---- bodies that nobody should send


def odd_bodies() -> list[Any]:
    """Values of every type in the places that a body has; each name gets some of the values, each value some names."""
    names = sorted({name for kind in ("application", "servicePrincipal") for name in metadata.properties_of(kind)})
    names += [
        "owners@odata.bind",
        "passwordCredential",
        "keyId",
        "clientId",
        "resourceId",
        "principalId",
        "consentType",
    ]
    names += ["scope", "appRoleId", "templateId", "value", "credentials", "criteria", "parameters", "@odata.id"]
    values: list[Any] = [None, [], {}, "x", 1, True, [1], [{}], {"redirectUris": 1}, {"resetScope": 1}]
    values += [[{"key": 1, "value": 2}], [{"key": "BaseAddress", "value": "https://[::1"}], [{"subjects": 1}]]
    values += [
        {"endDateTime": "x"},
        {"startDateTime": "9999-12-31T00:00:00Z"},
        {"idToken": [1]},
        [{"resourceAccess": [1]}],
    ]
    pairs = [(name, values[(index + shift) % len(values)]) for index, name in enumerate(names) for shift in (0, 5)]
    return [[], "x", 1, True, None, *({name: value} for name, value in pairs)]


def test_no_body_makes_the_twin_fail() -> None:
    server = Server()
    made = server.call("POST", f"/applicationTemplates/{NON_GALLERY}/instantiate", {"displayName": "scim"})
    principal, application = made["servicePrincipal"]["id"], made["application"]["id"]
    job = server.call("POST", f"/servicePrincipals/{principal}/synchronization/jobs", {"templateId": "scim"})["id"]
    names = {"job": job, "unique_name": "u", "owner": "o", "assignment": "a", "name": "ci"}
    found = set()
    for endpoint in ENDPOINTS:
        if endpoint.surface != "graph" or endpoint.method not in ("POST", "PATCH", "PUT") or endpoint.path == "/$batch":
            continue
        id_ = {"/servicePrincipals": principal, "/applicationTemplates": NON_GALLERY}
        first = "/" + endpoint.path.split("/")[1]
        path = endpoint.path.format(id=id_.get(first, application), **names)
        for body in odd_bodies():
            headers = {"authorization": f"Bearer {server.token}", "prefer": "create-if-missing"}
            call = Call(endpoint.method, f"/v1.0{path}", {}, headers, json.dumps(body).encode(), "https://localhost")
            answer = server.twin.graph.answer(call)
            found.add(answer.status)
    assert found <= {200, 201, 202, 204, 400, 404, 409, 429}


# ---- samples


def differences(sample: Any, value: Any, where: str) -> list[str]:
    """What a sample has and an answer has not, or has in another type."""
    if sample is ANY:
        return []
    if isinstance(sample, dict):
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        missing = [f"{where}.{name} is missing" for name in sample if name not in value]
        known = [name for name in sample if name in value]
        return missing + [
            found for name in known for found in differences(sample[name], value[name], f"{where}.{name}")
        ]
    if isinstance(sample, list):
        if not isinstance(value, list) or (sample and not value):
            return [f"{where} is no list, or an empty one"]
        return [found for item in value if sample for found in differences(sample[0], item, where)]
    return [] if isinstance(value, sample) else [f"{where} is no {sample.__name__}: {value!r}"]


@pytest.mark.parametrize("page", sorted(SAMPLES))
def test_the_twin_shows_all_that_a_documented_sample_shows(answers: dict[str, Any], page: str) -> None:
    assert differences(SAMPLES[page], answers[page], page) == []


def test_a_difference_from_a_sample_is_found(answers: dict[str, Any]) -> None:
    page = "application-addpassword"
    answer = {**answers[page], "hint": 3}
    answer.pop("keyId")
    assert differences(SAMPLES[page], answer, "x") == ["x.keyId is missing", "x.hint is no str: 3"]
