# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the SCIM service says about itself: its schemas, resource types and features.

Only what the vendor names is always a feature: a user has userName, name, e-mail addresses and active; a group has a
unique displayName and members. Whether Workspace 365 keeps the attributes of ``ATTRIBUTES`` is assumed (letter A; the
wire itself is RFC 7643, letter S), so a switch says which of them this server keeps, and /Schemas names those and no
others. What Microsoft Entra sends besides is accepted and not kept.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_ANSWER = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

MAX_RESULTS = 1000
MAX_BULK = 1000

# The attributes of a user that a server may keep or not, with their paths in lower case; those of an extension are
# always written with the extension's name (RFC 7644, section 3.10).
ATTRIBUTES = {
    "displayName": "displayname",
    "title": "title",
    "phoneNumbers": "phonenumbers",
    "preferredLanguage": "preferredlanguage",
    "department": f"{ENTERPRISE}:department".lower(),
}
BY_PATH = {path: name for name, path in ATTRIBUTES.items()}

# Attributes of RFC 7643 that clients send and that Workspace 365 has no field for.
NEVER_KEPT = {
    "nickname", "profileurl", "usertype", "locale", "timezone", "password", "ims", "photos", "addresses", "groups",
    "entitlements", "roles", "x509certificates",
    *(f"{ENTERPRISE}:{name}".lower() for name in ("employeeNumber", "costCenter", "organization", "division", "manager")),
}  # fmt: skip


def _attribute(
    name: str, description: str, *, kind: str = "string", multi: bool = False, required: bool = False,
    mutability: str = "readWrite", unique: bool = False, exact: bool = False, returned: str = "default",
    sub: list[dict[str, Any]] | None = None, types: list[str] | None = None, values: list[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    result: dict[str, Any] = {
        "name": name,
        "type": kind,
        "multiValued": multi,
        "description": description,
        "required": required,
        "mutability": mutability,
        "returned": returned,
    }
    if kind in ("string", "reference"):
        result["caseExact"] = exact
        result["uniqueness"] = "server" if unique else "none"
    if types:
        result["referenceTypes"] = types
    if values:
        result["canonicalValues"] = values
    if sub:
        result["subAttributes"] = sub
    return result


_USER_ATTRIBUTES = [
    _attribute("userName", "The UPN in Microsoft Entra; unique in the environment.", required=True, unique=True),
    _attribute(
        "name",
        "The parts of the user's name.",
        kind="complex",
        required=True,
        sub=[
            _attribute("familyName", "The last name.", required=True),
            _attribute("givenName", "The first name.", required=True),
        ],
    ),
    _attribute(
        "emails",
        "E-mail addresses; the one of type work is the user's address in the environment.",
        kind="complex",
        multi=True,
        sub=[
            _attribute("value", "The address."),
            _attribute("type", "What the address is for.", values=["work", "home", "other"]),
            _attribute("primary", "Whether this is the preferred address.", kind="boolean"),
        ],
    ),
    _attribute("active", "False puts the user on the deleted-users list.", kind="boolean"),
]
_OPTIONAL_ATTRIBUTES = {
    "displayName": _attribute("displayName", "The name that is shown."),
    "title": _attribute("title", "The job title."),
    "phoneNumbers": _attribute(
        "phoneNumbers",
        "Phone numbers; the one of type work is the user's number in the environment.",
        kind="complex",
        multi=True,
        sub=[
            _attribute("value", "The number."),
            _attribute("type", "What the number is for.", values=["work", "home", "mobile", "fax", "pager", "other"]),
            _attribute("primary", "Whether this is the preferred number.", kind="boolean"),
        ],
    ),
    "preferredLanguage": _attribute("preferredLanguage", "The language that the user prefers, such as en-US."),
    "department": _attribute("department", "The department that the user works in."),
}
_GROUP_ATTRIBUTES = [
    _attribute("displayName", "The group's name; unique in the environment.", required=True, unique=True),
    _attribute(
        "members",
        "The users in the group; groups in groups are not kept.",
        kind="complex",
        multi=True,
        sub=[
            _attribute("value", "The id of a user.", mutability="immutable", exact=True),
            _attribute(
                "$ref", "The address of the user.", kind="reference", mutability="immutable", exact=True, types=["User"]
            ),
            _attribute("type", "Always User.", mutability="immutable", values=["User"]),
        ],
    ),
]


def schemas(base: str, kept: Collection[str]) -> list[dict[str, Any]]:
    """Return every schema; ``base`` is the root of the SCIM service, ``kept`` holds names of ``ATTRIBUTES``."""
    core = [attribute for name, attribute in _OPTIONAL_ATTRIBUTES.items() if name in kept and name != "department"]
    found = [
        (USER, "User", "A user of the environment", [*_USER_ATTRIBUTES, *core]),
        (GROUP, "Group", "A group of the environment", _GROUP_ATTRIBUTES),
    ]
    if "department" in kept:
        attributes = [_OPTIONAL_ATTRIBUTES["department"]]
        found.insert(1, (ENTERPRISE, "EnterpriseUser", "The enterprise attributes of a user", attributes))
    return [
        {
            "schemas": [SCHEMA],
            "id": id_,
            "name": name,
            "description": description,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{id_}"},
        }
        for id_, name, description, attributes in found
    ]


def odd_schemas(found: list[dict[str, Any]], shape: str) -> list[dict[str, Any]]:
    """Return the schemas in one of the shapes of the switch scim_schemas; an unknown shape changes nothing."""
    if shape == "empty":
        return []
    if shape == "no_attributes":
        return [{name: value for name, value in schema.items() if name != "attributes"} for schema in found]
    if shape == "strings":
        return [{**schema, "attributes": [item["name"] for item in schema["attributes"]]} for schema in found]
    if shape == "upper_case":
        return [{**schema, "attributes": _upper(schema["attributes"])} for schema in found]
    if shape == "nested":
        extension = [schema for schema in found if schema["id"] == ENTERPRISE]
        added = [
            _attribute(ENTERPRISE, schema["description"], kind="complex", sub=schema["attributes"])
            for schema in extension
        ]
        return [
            {**schema, "attributes": schema["attributes"] + added} if schema["id"] == USER else schema
            for schema in found
            if schema not in extension
        ]
    return found


def _upper(attributes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {**item, "name": item["name"].upper()}
        | ({"subAttributes": _upper(item["subAttributes"])} if "subAttributes" in item else {})
        for item in attributes
    ]


def resource_types(base: str, kept: Collection[str]) -> list[dict[str, Any]]:
    """Return every resource type; a user has the enterprise extension where the department is kept."""
    found: list[dict[str, Any]] = [
        {
            "schemas": [RESOURCE_TYPE],
            "id": name,
            "name": name,
            "description": description,
            "endpoint": endpoint,
            "schema": schema,
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
        }
        for name, description, endpoint, schema in (
            ("User", "A user of the environment", "/Users", USER),
            ("Group", "A group of the environment", "/Groups", GROUP),
        )
    ]
    if "department" in kept:
        found[0]["schemaExtensions"] = [{"schema": ENTERPRISE, "required": False}]
    return found


def service_provider_config(base: str, *, bulk: bool, max_results: int) -> dict[str, Any]:
    """Return the features; ``bulk`` says whether /Bulk is offered."""
    return {
        "schemas": [CONFIG],
        "documentationUri": "https://support.workspace365.net/",
        "patch": {"supported": True},
        "bulk": {
            "supported": bulk,
            "maxOperations": MAX_BULK if bulk else 0,
            "maxPayloadSize": 1_048_576 if bulk else 0,
        },
        "filter": {"supported": True, "maxResults": max_results},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "OAuth Bearer Token",
                "description": "The key that the environment shows once, when SCIM is switched on.",
                "specUri": "https://www.rfc-editor.org/info/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }
