# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""App registrations of Microsoft Entra, as far as single sign-on needs them. Times are seconds since 1970, by Entra's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

DAY = 86_400.0
"""Seconds."""

SSO_TAG = "w365:sso:"
"""How the tag begins that says for which environment an app registration is."""


SINGLE_TENANT = "AzureADMyOrg"
MULTI_TENANT = "AzureADMultipleOrgs"


class Password(NamedTuple):
    """A client secret of an app registration, without its text, which Entra shows once. `end` is None where it has none.

    `hint` is the beginning of the text.
    """

    key_id: str
    name: str
    start: float
    end: float | None
    hint: str = ""

    def is_valid(self, now: float) -> bool:
        return self.end is None or self.end > now


class Application(NamedTuple):
    """An app registration. `raw` holds the properties that are merged and written back as they were read."""

    id: str
    client_id: str
    display_name: str
    unique_name: str
    created: float
    tags: tuple[str, ...]
    redirects: tuple[str, ...]
    passwords: tuple[Password, ...]
    raw: Mapping[str, Any]
    template_id: str = ""
    audience: str = ""


class Principal(NamedTuple):
    """A service principal. `scopes` are the ids of the delegated permissions that it offers, by their names.

    `owner` is the id of the tenant in which its application is registered; empty where Graph does not say.
    """

    id: str
    client_id: str
    display_name: str
    enabled: bool | None
    assignment_required: bool | None
    scopes: Mapping[str, str]
    owner: str = ""


class Grant(NamedTuple):
    """Delegated permissions that were consented to: for everybody (`for_all`) or for one person."""

    id: str
    resource_id: str
    for_all: bool
    scopes: tuple[str, ...]


class Resource(NamedTuple):
    """An API of Microsoft whose delegated permissions are wanted."""

    client_id: str
    title: str
    scopes: tuple[str, ...]


GRAPH_API = "00000003-0000-0000-c000-000000000000"
POWER_BI_API = "00000009-0000-0000-c000-000000000000"

# What a public client of Workspace 365 asks for (contract, entra-graph.md; C). The vendor says that it may be narrowed (D).
GRAPH_SCOPES = (
    *("Directory.ReadWrite.All", "Calendars.ReadWrite.Shared", "Contacts.ReadWrite.Shared", "Files.ReadWrite.All"),
    *("Mail.ReadWrite.Shared", "Mail.Send", "Mail.Send.Shared", "People.Read", "Sites.FullControl.All"),
    *("Tasks.ReadWrite.Shared", "User.Read", "openid"),
)
POWER_BI_SCOPES = (
    "Dashboard.Read.All",
    "Dataset.Read.All",
    "Dataset.ReadWrite.All",
    "Group.Read.All",
    "Report.Read.All",
)

GUEST_CLAIM = "include_externally_authenticated_upn"
"""With it the claim `upn` of an id token also names guests, and people who sign in with an alias (contract; D)."""


class Registration(Protocol):
    """What an app registration of this collection is found by and created with. `marker` is its tag, `subject` whose it is."""

    @property
    def client_id(self) -> str | None:
        """The application id of one that exists, or None."""

    @property
    def unique_name(self) -> str:
        """The property uniqueName, which Graph keeps unique within a tenant."""

    @property
    def marker(self) -> str:
        """The tag that says whose it is."""

    @property
    def title(self) -> str:
        """The display name that it is created with."""

    @property
    def subject(self) -> str:
        """For whom it is: an environment or a tenant."""

    @property
    def redirects(self) -> tuple[str, ...]:
        """The addresses to which people may be sent back."""

    @property
    def audience(self) -> str | None:
        """The property signInAudience; None leaves it as it is."""


class DesiredApplication(NamedTuple):
    """The app registration that people sign in with to one environment. None leaves a property as it is.

    `marker` is the tag that says whose it is. `host` is the host of the instance, `redirects` are the addresses to which
    Microsoft Entra sends people back.
    """

    environment: str
    host: str
    client_id: str | None
    display_name: str | None
    redirects: tuple[str, ...]
    resources: tuple[Resource, ...]
    owners: tuple[str, ...] | None
    guests: bool
    lock: bool | None
    consent: str
    audience: str | None = SINGLE_TENANT

    @property
    def subject(self) -> str:
        return f"environment {self.environment!r}"

    @property
    def unique_name(self) -> str:
        return f"w365-sso:{self.host}:{self.environment}"

    @property
    def marker(self) -> str:
        return f"{SSO_TAG}{self.host}:{self.environment}"

    @property
    def title(self) -> str:
        return self.display_name or f"Workspace365 - {self.environment}"


def redirect_of(host: str, environment: str) -> str:
    """Where Microsoft Entra sends people back after they have signed in: without a slash at the end (contract; D)."""
    return f"https://{host}/{environment}/OAuth2/HandleAuthorityResponse"
