# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that an import reads Microsoft Graph with. Times are seconds since 1970, by Entra's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

IMPORT_TAG = "w365:import:"
"""How the tag begins that says that an app registration is for an import."""

DEFAULT_PERMISSIONS = ("User.Read.All", "GroupMember.Read.All", "Organization.Read.All")
"""What an import of users, groups and domains needs, and nothing more (contract: Reading people and groups; S)."""

TOKEN_EXCHANGE = "api://AzureADTokenExchange"
"""The audience that Microsoft recommends for tokens of other issuers (S)."""


class PublicCertificate(NamedTuple):
    """A certificate without its private key. `content` is its DER form, `thumbprint` the SHA-1 of that in capitals."""

    content: bytes
    thumbprint: str
    start: float
    end: float


class KeyCredential(NamedTuple):
    """A certificate or key of an application. `raw` is what Graph showed, and what is written back so that it stays.

    `thumbprint` is empty where it cannot be told. `readable` says whether Graph showed its content.
    """

    key_id: str
    name: str
    thumbprint: str
    start: float | None
    end: float | None
    readable: bool
    raw: Mapping[str, Any]


class FederatedCredential(NamedTuple):
    """Whose tokens Entra accepts instead of a credential. `description` is None where it is not to be changed."""

    name: str
    issuer: str
    subject: str
    audience: str
    description: str | None = None


class GrantedRole(NamedTuple):
    """An application permission that a service principal was given. `name` is empty for one that the API does not offer."""

    id: str
    role_id: str
    name: str


class DesiredImportApplication(NamedTuple):
    """The application of the imports from one tenant. None leaves a property as it is.

    `name` tells several of one tenant apart. With `owner_tenant`, the application is registered in that other tenant.
    """

    name: str
    client_id: str | None
    owner_tenant: str | None
    display_name: str | None
    audience: str | None
    owners: tuple[str, ...] | None
    lock: bool | None
    permissions: tuple[str, ...]
    consent: str
    certificate: PublicCertificate | None
    federated: tuple[FederatedCredential, ...]

    @property
    def subject(self) -> str:
        return f"the import {self.name!r}"

    @property
    def unique_name(self) -> str:
        return f"w365-import:{self.name}"

    @property
    def marker(self) -> str:
        return f"{IMPORT_TAG}{self.name}"

    @property
    def mark(self) -> str:
        """How the names of its certificates and secrets go on after "w365"; see `name_of`."""
        return f"import:{self.name}"

    @property
    def title(self) -> str:
        return self.display_name or f"Workspace 365 import - {self.name}"

    @property
    def redirects(self) -> tuple[str, ...]:
        return ()
