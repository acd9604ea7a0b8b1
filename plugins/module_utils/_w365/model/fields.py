# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of the attributes of users and groups.

Options, both APIs, comparing, clearing, columns of files, sources of an import, labels of a report and keys of results
are derived from it. A new attribute is one row, and its texts in docs/shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from .names import comparison_key

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
"""The extension of RFC 7643, section 4.3 (S)."""


_NOT_DIALED = str.maketrans("", "", " \t\u00a0().-/")


class Field(NamedTuple):
    """One attribute. `name` is its option and its key in results, `label` its name in a report.

    `scim` is its path in SCIM, `provisioning` its name in the Provisioning API; empty where the API has none.
    `graph` is the property of Microsoft Graph that an import takes it from by default, `exports` its headings in exports of
    Microsoft Entra, its PowerShell and the Microsoft 365 admin center, `template` the one in Entra's template for creating
    users in bulk; headings are in lower case and without blanks.
    `compare` says how values are compared: `caseless` without regard to case, `phone` by their digits, since servers write
    numbers in their own form. An `address` has the form name@domain, a `needed` value cannot be
    cleared. An `optional` attribute is only read and written where a task names it, and a server may not keep it.
    """

    name: str
    label: str
    type: Literal["str", "bool"] = "str"
    scim: str = ""
    provisioning: str = ""
    graph: str = ""
    exports: tuple[str, ...] = ()
    template: str = ""
    compare: Literal["text", "caseless", "phone"] = "text"
    address: bool = False
    needed: bool = False
    optional: bool = False

    def normal(self, value: Any) -> Any:
        """The form in which two values of the field are compared. No value and an empty one are the same."""
        if value is None or isinstance(value, bool):
            return "" if value is None else value
        text = str(value).strip()
        if self.compare == "phone":
            return text.lower().removeprefix("tel:").translate(_NOT_DIALED)
        return comparison_key(text) if self.compare == "caseless" else text

    def spec(self) -> dict[str, Any]:
        """The attribute in the argument spec of a user or group."""
        return {"type": self.type}


# The paths of the core attributes are those that Workspace 365 names (contract, section 2; D). Those of the optional ones
# are RFC 7643's (S); whether Workspace 365 keeps them is assumed (A).
USER_FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field(
            "upn",
            "sign-in name",
            scim="userName",
            provisioning="EmailAddress",
            exports=("userprincipalname",),
            template="userprincipalname",
            compare="caseless",
            address=True,
            needed=True,
        ),
        Field(
            "first_name",
            "first name",
            scim="name.givenName",
            provisioning="FirstName",
            graph="givenName",
            exports=("givenname", "firstname"),
            template="givenname",
            needed=True,
        ),
        Field(
            "last_name",
            "last name",
            scim="name.familyName",
            provisioning="LastName",
            graph="surname",
            exports=("surname", "lastname"),
            template="surname",
            needed=True,
        ),
        Field(
            "email",
            "e-mail address",
            scim='emails[type eq "work"].value',
            graph="mail",
            exports=("mail",),
            compare="caseless",
            address=True,
        ),
        Field(
            "active",
            "can sign in",
            type="bool",
            scim="active",
            provisioning="IsActive",
            exports=("accountenabled",),
            template="accountenabled",
        ),
        Field("external_id", "id at the source", scim="externalId", exports=("objectid", "id")),
        Field("administrator", "administrator", type="bool", provisioning="IsAdministrator"),
        Field("display_name", "display name", scim="displayName", optional=True),
        Field("job_title", "job title", scim="title", optional=True),
        Field("department", "department", scim=f"{ENTERPRISE_USER}:department", optional=True),
        Field("phone", "phone", scim='phoneNumbers[type eq "work"].value', compare="phone", optional=True),
        Field("preferred_language", "preferred language", scim="preferredLanguage", compare="caseless", optional=True),
    )
}
"""The attributes that can be compared and changed, in the order of reports and results."""

GROUP_FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("name", "name", scim="displayName", provisioning="Name", compare="caseless", needed=True),
        Field("description", "description", provisioning="Description"),
        Field("external_id", "id at the source", scim="externalId"),
    )
}

OPTIONAL_USER_FIELDS = frozenset(name for name, field in USER_FIELDS.items() if field.optional)


def scim_paths(fields: Mapping[str, Field]) -> dict[str, str]:
    """The fields that SCIM has, with their paths."""
    return {name: field.scim for name, field in fields.items() if field.scim}


def provisioning_names(fields: Mapping[str, Field]) -> dict[str, str]:
    """The fields that the Provisioning API has, with its names."""
    return {name: field.provisioning for name, field in fields.items() if field.provisioning}
