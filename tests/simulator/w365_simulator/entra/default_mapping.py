# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping of a new synchronization job, as its schema shows it; jobs.user_values is what it comes to."""

from __future__ import annotations

import uuid
from typing import Any

_RULE = uuid.UUID("365e0000-0000-4000-8000-0000000050ed")
_DELETED = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'
# source, target, whether the source is an expression
_USER = (
    ("userPrincipalName", "userName", False),
    (_DELETED, "active", True),
    ("displayName", "displayName", False),
    ("jobTitle", "title", False),
    ("mail", 'emails[type eq "work"].value', False),
    ("preferredLanguage", "preferredLanguage", False),
    ("givenName", "name.givenName", False),
    ("surname", "name.familyName", False),
    ('Join(" ", [givenName], [surname])', "name.formatted", True),
    ("telephoneNumber", 'phoneNumbers[type eq "work"].value', False),
    ("mobile", 'phoneNumbers[type eq "mobile"].value', False),
    ("mailNickname", "externalId", False),
    ("department", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", False),
)
_GROUP = (("displayName", "displayName", False), ("objectId", "externalId", False), ("members", "members", False))


def rule_id(job_id: str) -> str:
    """Return the id of the one rule of a job."""
    return str(uuid.uuid5(_RULE, job_id))


def schema(job_id: str) -> dict[str, Any]:
    """Return the schema of a job."""
    rule = {
        "containerFilter": None,
        "editable": True,
        "groupFilter": None,
        "id": rule_id(job_id),
        "metadata": [],
        "name": "USER_OUTBOUND_USER",
        "objectMappings": [
            _object("User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", _USER),
            _object("Group", "urn:ietf:params:scim:schemas:core:2.0:Group", _GROUP),
        ],
        "priority": 1,
        "sourceDirectoryName": "Microsoft Entra ID",
        "targetDirectoryName": "customappsso",
    }
    return {"id": job_id, "version": "v1", "synchronizationRules": [rule]}


def _object(source: str, target: str, rows: tuple[tuple[str, str, bool], ...]) -> dict[str, Any]:
    return {
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "metadata": [],
        "name": f"Provision Microsoft Entra ID {source}s",
        "scope": None,
        "sourceObjectName": source,
        "targetObjectName": target,
        "attributeMappings": [_attribute(index, *row) for index, row in enumerate(rows)],
    }


def _attribute(index: int, source: str, target: str, expression: bool) -> dict[str, Any]:
    return {
        "defaultValue": "",
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": 1 if index == 0 else 0,
        "targetAttributeName": target,
        "source": {
            "expression": source if expression else f"[{source}]",
            "name": None if expression else source,
            "type": "Function" if expression else "Attribute",
            "parameters": [],
        },
    }
