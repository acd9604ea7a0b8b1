# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every path and property that is asked for exists in Microsoft Graph's published v1.0 metadata.

graph_v1_metadata.json holds the part of it that matters; tools/graph_metadata.py makes it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.applications import (
    PRINCIPAL_SELECT as APPLICATIONS_SELECT,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.applications import SELECT
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import (
    GROUP_SELECT,
    USER_PROPERTIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.import_application import (
    KEY_PROPERTIES,
    KEYS_SELECT,
    ROLES_SELECT,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.synchronization import (
    ALLOW_DELETES,
    PRINCIPAL_SELECT,
    STAGED,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra import scim_settings
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.import_scope import TEXT_PROPERTIES
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.scim_application import QUARANTINES

METADATA: dict[str, Any] = json.loads((Path(__file__).with_name("graph_v1_metadata.json")).read_text(encoding="utf-8"))
PLACEHOLDER = re.compile(r"\{\w+\}")
PROPERTIES_WITH_AN_ADDRESS = {("synchronization", "secrets")}
PATHS = sorted(endpoint.path for endpoint in ENDPOINTS.values() if endpoint.service == "graph")


def properties_of(kind: str) -> dict[str, str]:
    """Its own properties and those of the types that it is made of."""
    found: dict[str, str] = {}
    while kind:
        found = {**METADATA["types"][kind]["properties"], **found}
        kind = METADATA["types"][kind]["base"]
    return found


def relations_of(kind: str) -> dict[str, str]:
    found: dict[str, str] = {}
    while kind:
        found = {**METADATA["types"][kind]["relations"], **found}
        kind = METADATA["types"][kind]["base"]
    return found


def actions_of(kind: str) -> set[str]:
    found: set[str] = set()
    while kind:
        found |= set(METADATA["actions"].get(kind, {}))
        kind = METADATA["types"][kind]["base"]
    return found


def walk(path: str) -> str:
    """The type at the end of a path. Raises AssertionError where the metadata does not lead on."""
    first, *rest = path.strip("/").split("/")
    keyed = re.fullmatch(r"(\w+)\((\w+)='\{\w+\}'\)", first)
    name = keyed[1] if keyed else first
    roots = {**METADATA["entity_sets"], **METADATA["singletons"]}
    assert name in roots, f"there is no {name}"
    kind: str = roots[name]
    if keyed:
        assert keyed[2] in properties_of(kind)
        assert keyed[2] in METADATA["keys"][kind], f"{kind} has no key {keyed[2]}"
    for part in rest:
        inner = re.fullmatch(r"(\w+)\((\w+)='\{\w+\}'\)", part)
        if inner:
            kind = relations_of(kind)[inner[1]]
            assert inner[2] in METADATA["keys"][kind], f"{kind} has no key {inner[2]}"
            continue
        if PLACEHOLDER.fullmatch(part) or part in ("$count", "$ref"):
            continue
        if part in actions_of(kind):
            continue
        if part == "delta":
            assert kind in METADATA["delta"], f"{kind} has no delta"
        elif part.startswith("microsoft.graph."):
            kind = part.rpartition(".")[2]
            assert METADATA["types"][kind]["base"] == "directoryObject"
        elif part in relations_of(kind):
            kind = relations_of(kind)[part]
        else:
            # The settings of a synchronization are a property, and have an address of their own all the same.
            assert (kind, part) in PROPERTIES_WITH_AN_ADDRESS, f"{kind} has no {part}"
            assert part in properties_of(kind)
    return kind


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/$batch"])
def test_every_path_exists(path: str) -> None:
    walk(path)


@pytest.mark.parametrize(
    "path",
    [
        "/people",
        "/users/{id}/friends",
        "/organization/delta",
        "/groups/{id}/microsoft.graph.team",
        "/applications(displayName='{id}')",
        "/applications/{id}/addSecret",
        "/applications/{id}/federatedIdentityCredentials(issuer='{inner}')",
        "/policies/appPolicies",
        "/auditLogs/{id}/delta",
        "/users/{id}/mail",
        "/servicePrincipals/{id}/synchronization/jobs/{job}/stop",
    ],
)
def test_a_path_that_does_not_exist_is_found(path: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        walk(path)


def test_every_property_exists() -> None:
    assert set(USER_PROPERTIES) <= set(properties_of("user"))
    assert set(GROUP_SELECT.split(",")) <= set(properties_of("group"))
    assert {"id", "verifiedDomains"} <= set(properties_of("organization"))
    texts = {name for name, kind in properties_of("user").items() if kind == "Edm.String"}
    assert set(TEXT_PROPERTIES) <= texts
    assert "members" in relations_of("group"), "what groups/delta selects"


PROVISIONING = {
    "servicePrincipal": set(PRINCIPAL_SELECT.split(",")),
    "appRole": {"id", "displayName", "isEnabled", "allowedMemberTypes"},
    "application": {"applicationTemplateId", "tags", "displayName"},
    "appRoleAssignment": {"id", "principalId", "principalDisplayName", "principalType", "resourceId", "appRoleId"},
    "subscribedSku": {"servicePlans"},
    "servicePlanInfo": {"servicePlanName"},
    "synchronizationJob": {"id", "templateId", "schedule", "status"},
    "synchronizationSchedule": {"state"},
    "synchronizationStatus": {
        *("code", "quarantine", "escrowsPruned", "steadyStateFirstAchievedTime", "synchronizedEntryCountByType"),
        "lastExecution",
    },
    "synchronizationTaskExecution": {"state", "timeEnded"},
    "synchronizationQuarantine": {"reason", "error", "currentBegan", "nextAttempt"},
    "synchronizationError": {"message"},
    "synchronizationSecretKeyStringValuePair": {"key", "value"},
    "synchronizationSchema": {"synchronizationRules"},
    "synchronizationRule": {"id", "objectMappings"},
    "objectMapping": {"enabled", "sourceObjectName", "attributeMappings"},
    "attributeMapping": {"source", "targetAttributeName", "matchingPriority"},
    "attributeMappingSource": {"expression"},
    "synchronizationJobRestartCriteria": {"resetScope"},
    "synchronizationJobApplicationParameters": {"ruleId", "subjects"},
    "synchronizationJobSubject": {"objectId", "objectTypeName", "links"},
    "synchronizationLinkedObjects": {"members"},
    "provisioningObjectSummary": {"id", "jobId", "cycleId", "provisioningAction", "sourceIdentity"},
    "provisionedIdentity": {"id", "displayName", "identityType"},
}


IMPORTING = {
    "servicePrincipal": {*ROLES_SELECT.split(","), *APPLICATIONS_SELECT.split(",")},
    "application": {KEYS_SELECT, *SELECT.split(",")},
    "keyCredential": set(KEY_PROPERTIES),
    "appRole": {"id", "value", "isEnabled", "allowedMemberTypes"},
    "appRoleAssignment": {"id", "principalId", "resourceId", "appRoleId"},
    "federatedIdentityCredential": {"name", "issuer", "subject", "audiences", "description"},
}


@pytest.mark.parametrize("kind", IMPORTING)
def test_every_property_of_applications_exists(kind: str) -> None:
    assert IMPORTING[kind] - {"id"} <= set(properties_of(kind))


@pytest.mark.parametrize("kind", PROVISIONING)
def test_every_property_of_provisioning_exists(kind: str) -> None:
    assert PROVISIONING[kind] - {"id"} <= set(properties_of(kind))


def test_every_word_of_provisioning_exists() -> None:
    enums = METADATA["enums"]
    assert set(QUARANTINES) == set(enums["quarantineReason"])
    keys = {getattr(scim_settings, name) for name in ("BASE", "TOKEN", "EVERYBODY", "NOTIFICATIONS", "SKIP")}
    assert keys <= set(enums["synchronizationSecret"])
    assert ALLOW_DELETES in enums["synchronizationJobRestartScope"]
    assert STAGED[0] in {word.lower() for word in enums["provisioningAction"]}
    job = METADATA["actions"]["synchronizationJob"]
    assert {"useSavedCredentials", "credentials"} <= set(job["validateCredentials"])
    assert (job["restart"], job["provisionOnDemand"]) == (["criteria"], ["parameters"])
