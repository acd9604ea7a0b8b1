# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks that use Microsoft Entra have in addition."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..api.endpoint import Endpoint
from ..api.endpoints import endpoints_with
from ..api.entra_tokens import (
    CLOUDS,
    FRESH_SECRET,
    Certificate,
    ClientSecret,
    Cloud,
    Credential,
    FederatedTokenFile,
    ManagedIdentity,
    TokenRefusedError,
    TokenSource,
)
from ..api.graph import GraphClient
from ..errors import AuthenticationError, InputError
from ..inputs.argument_spec import ENTRA_CREDENTIALS
from ..inputs.environment import checked_tenant, sso_tenant, verify_from_options
from ..transport.http import checked_root
from .instance import InstanceTask

if TYPE_CHECKING:
    from ..api.provisioning import ProvisioningClient
    from ..api.scim import ScimClient
    from ..model.settings import SettingValues


KNOWN_IN_A_ROW = 3
"""So many tokens in a row show that Entra's servers know a new key: each request may reach another one."""

VERIFY_PAUSE = 1.0
"""Seconds between two requests for a token."""


class EntraTask(InstanceTask):
    """With tokens of Microsoft Entra, and Microsoft Graph."""

    @cached_property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return endpoints_with(self.options["endpoints"])

    @cached_property
    def graph(self) -> GraphClient:
        return GraphClient(self.http, root=self.graph_root, tokens=self.graph_tokens, endpoints=self.endpoints)

    @cached_property
    def graph_tokens(self) -> TokenSource:
        return self.tokens(self.graph_root)

    @property
    def graph_root(self) -> str:
        root: str = self.options["graph_url"] or self._cloud.graph
        return root

    def tokens(self, resource: str) -> TokenSource:
        """Tokens for the task's own Entra credential."""
        credential = self._credential()
        identity = isinstance(credential, ManagedIdentity)
        tenant = (
            "" if identity else checked_tenant(self.required_option("entra_tenant", "to sign in to Microsoft Entra"))
        )
        client_id = (
            "managed identity" if identity else self.required_option("entra_client_id", "to sign in to Microsoft Entra")
        )
        return TokenSource(
            credential,
            client_id=client_id,
            authority=f"{self.authority_root}/{tenant}".rstrip("/"),
            resource=resource,
            http=self.http,
        )

    @property
    def authority_root(self) -> str:
        given = self.options["entra_authority"]
        return checked_root(given, "entra_authority") if given else self._cloud.authority

    @property
    def _cloud(self) -> Cloud:
        return CLOUDS[self.options["entra_cloud"]]

    def _credential(self) -> Credential:
        option = self._credential_option()
        value = self.options[option]
        if option == "entra_managed_identity":
            return ManagedIdentity(value)
        if option == "entra_federated_token_file":
            return FederatedTokenFile(value)
        if option == "entra_certificate_path":
            return Certificate(value, self.options["entra_certificate_password"])
        return ClientSecret(self.required_option(option, ""))

    def _credential_option(self) -> str:
        """The option that holds the credential. One that the task gives has precedence over environment variables."""
        given = [name for name in ENTRA_CREDENTIALS if self.options[name]]
        if len(given) > 1:
            given = [name for name in given if not self.host.is_from_environment(name)] or given
        if not given:
            raise InputError(
                f"A credential for Microsoft Entra is needed: give {', '.join(ENTRA_CREDENTIALS[:-1])} or {ENTRA_CREDENTIALS[-1]} "
                "(each has a W365_ environment variable)."
            )
        if len(given) > 1:
            raise InputError(
                f"Options {' and '.join(given)} are different ways to sign in to Microsoft Entra. Give one of them, in the task, in "
                "module_defaults, or in its W365_ environment variable."
            )
        return given[0]

    def client(self, service: str) -> ProvisioningClient | ScimClient | GraphClient:
        """The wire client of a service, by the name that w365_api gives it."""
        if service == "provisioning":
            return self.provisioning
        return self.scim if service == "scim" else self.graph

    def verify_sso(self, sso: SettingValues, *, writes: bool) -> bool:
        """Ask Entra for a token with exactly these values, as option verify says; returns whether it was asked.

        Raises AuthenticationError when it gives none. `writes` says whether the values are to be written.
        """
        verify = verify_from_options(self.options["verify"])
        if verify == "never" or not (writes or verify == "always"):
            return False
        tokens = self.sso_tokens(sso.values["authority"], sso.values["client_id"], self.options["key"])
        try:
            self._repeat_until_known(tokens)
        except AuthenticationError as error:
            wait = (
                " If the key was made a moment ago, give verify_timeout more seconds." if _may_be_fresh(error) else ""
            )
            text = (
                f"Refused to write the single sign-on of environment '{self.environment}', since nobody could sign in with "
                f"it. {error.message}{wait} Nothing was written; verify=never writes the values unproven."
                if writes
                else f"Nobody can sign in to environment '{self.environment}' with this key. {error.message}{wait} Nothing had "
                "to be written, and the key was not compared with the one in use; verify=when_writing does not ask then."
            )
            raise AuthenticationError(text) from None
        return True

    def sso_tokens(self, authority: str, client_id: str, key: str) -> TokenSource:
        """Tokens of the application that people sign in with."""
        parts = urlsplit(authority)
        root = self.authority_root if self.options["entra_authority"] else f"{parts.scheme}://{parts.netloc}"
        return TokenSource(
            ClientSecret(key),
            client_id=client_id,
            authority=f"{root}/{sso_tenant(authority)}",
            resource=self.graph_root,
            http=self.http,
        )

    def _repeat_until_known(self, tokens: TokenSource) -> None:
        """Request tokens until Entra knows the key, for at most verify_timeout seconds.

        Its servers learn of a new key one after the other, so several requests in a row must succeed.
        """
        seconds = self.options["verify_timeout"]
        ends = time.monotonic() + seconds
        known = 0
        while known < (KNOWN_IN_A_ROW if seconds else 1):
            try:
                tokens.token()
                known += 1
            except AuthenticationError as error:
                if not _may_be_fresh(error) or time.monotonic() >= ends:
                    raise
                known = 0
            if seconds and known < KNOWN_IN_A_ROW:
                tokens.forget()
                time.sleep(VERIFY_PAUSE)


def _may_be_fresh(error: AuthenticationError) -> bool:
    """Whether Entra may say this about a key only because it was made a moment ago."""
    return isinstance(error, TokenRefusedError) and not FRESH_SECRET.isdisjoint(error.codes)
