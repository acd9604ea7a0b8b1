# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the actions of the application of an import, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..api.applications import CONCURRENT, RefusedError, code_of
from ..api.import_application import GraphRoles, new_key
from ..entra.import_application import merged_import_properties, refuse_hidden
from ..entra.waiting import READ_PAUSE, STEADY_READS, until_steady
from ..errors import AnswerError, GuardError, LostAnswerError, NotFoundError, ValidationError, W365Error
from ..model.applications import Password, Principal
from ..model.import_application import DesiredImportApplication, FederatedCredential, GrantedRole, KeyCredential
from ..planning.import_app_actions import ImportAppHandlers
from .applications import ALREADY, NOT_YET, made_before, patiently
from .registration_changes import RegistrationChanges

if TYPE_CHECKING:
    from ..api.import_application import ImportApplicationClient
    from ..planning.actions import Action

KEY_TRIES = 4
"""How often a list of certificates is written whose answer was lost, each time read again before."""

TOO_LONG = ("KeyCredentialsInvalidEndDate", "CredentialInvalidLifetimeAsPerAppPolicy")


class ImportAppChanges(RegistrationChanges):
    """The handlers. What is created on the way is kept for the actions after it."""

    def __init__(
        self,
        graph: ImportApplicationClient,
        desired: DesiredImportApplication,
        *,
        roles: GraphRoles,
        names: Callable[[], str],
        unreadable: str,
        consent_url: str,
        **shared: Any,
    ) -> None:
        """`names` gives the name of a new certificate. `shared` are the arguments of every registration."""
        super().__init__(
            graph,
            desired,
            merged=lambda application, new: merged_import_properties(application, desired, roles, new=new),
            **shared,
        )
        self._import_graph = graph
        self._desired = desired
        self._roles = roles
        self._names = names
        self._unreadable = unreadable
        self._consent_url = consent_url

    @property
    def handlers(self) -> ImportAppHandlers:
        return self

    # The service principal

    def create_principal(self, action: Action) -> Principal:
        """Of an application of another tenant, only when it is registered there: a stranger's is given no permission."""
        desired = self._desired
        if desired.owner_tenant is None:
            return super().create_principal(action)
        self.principal = self._principal_of(desired.client_id or "", self.principal)
        check_owner(self.principal, desired, "The service principal was created, and no permission was granted to it.")
        return self.principal

    def _created_principal(self, client_id: str) -> Principal:
        if self._desired.owner_tenant is None:
            return super()._created_principal(client_id)
        # What a tenant says of its own new application, it says of an unknown one of others for ever: so nothing is waited for.
        try:
            return self._graph.create_principal(client_id)
        except RefusedError as error:
            error.message = (
                f"{error.message} For an application of another tenant it must be Application.ReadWrite.All."
            )
            raise
        except ValidationError as error:
            error.message = (
                f"{error.message} Check client_id, and that the application has sign_in_audience=AzureADMultipleOrgs in the tenant "
                "that owns it. If that was set a moment ago, rerun the task in some minutes."
            )
            raise

    # Certificates

    def add_certificate(self, action: Action) -> dict[str, Any]:
        """Add it to what there is now. All keys are written together, so those of others are sent back as they were read."""
        certificate = made_before(self._desired.certificate)
        name = self._names()

        def wanted(keys: Sequence[KeyCredential]) -> list[Any] | None:
            if any(key.thumbprint == certificate.thumbprint for key in keys):
                return None
            return [*(key.raw for key in keys), new_key(certificate, name)]

        self._change_keys(wanted)
        return {"name": name, "thumbprint": certificate.thumbprint}

    def remove_certificate(self, action: Action) -> None:
        gone: KeyCredential = action.subject.key
        current = made_before(self._desired.certificate).thumbprint

        def wanted(keys: Sequence[KeyCredential]) -> list[Any] | None:
            if all(key.key_id != gone.key_id for key in keys):
                return None
            if all(key.thumbprint != current for key in keys):
                raise W365Error(
                    "the certificate of certificate_path is no longer among those of the application, so the former one stays. Rerun the task."
                )
            return [key.raw for key in keys if key.key_id != gone.key_id]

        self._change_keys(wanted)

    def _change_keys(self, wanted: Callable[[Sequence[KeyCredential]], list[Any] | None]) -> None:
        """Write the list that `wanted` makes of the present one, until it has nothing to change any more."""
        waiting = self._replication()
        tries = 0
        while True:
            keys = self._steady_keys()
            body = wanted(keys)
            if body is None:
                return
            refuse_hidden(keys, self._unreadable)
            tries += 1
            try:
                self._import_graph.write_keys(self._found().id, body)
            except W365Error as error:
                if isinstance(error, NotFoundError) or any(text in error.message for text in NOT_YET):
                    waiting.again(3.0, "Microsoft Entra did not find the new app registration", error)
                elif not _may_repeat(error) or tries >= KEY_TRIES:
                    expired = [key for key in keys if key.end is not None and key.end <= self._graph.now]
                    raise _with_advice(error, expired) from None
            else:
                self._see_changed(keys, body, wanted)
                return

    def _steady_keys(self) -> list[KeyCredential]:
        """What all servers show: a list that lacks what another one has would remove it."""

        def read() -> list[KeyCredential]:
            return patiently(self._replication(), lambda: self._import_graph.keys(self._found().id))

        seen = [read()]

        def same() -> bool:
            seen.append(read())
            return _identities(seen[-2]) == _identities(seen[-1])

        until_steady(
            self._replication(), same, STEADY_READS - 1, READ_PAUSE, "the certificates of the application differ"
        )
        return seen[-1]

    def _see_changed(
        self,
        before: Sequence[KeyCredential],
        body: Sequence[Any],
        wanted: Callable[[Sequence[KeyCredential]], list[Any] | None],
    ) -> None:
        """Wait until the change shows, and see that nothing else is gone."""
        kept = {(key.thumbprint or key.key_id): key.name for key in before if key.raw in body}
        missing: dict[str, str] = {}

        def shown() -> bool:
            keys = self._import_graph.keys(self._found().id)
            there = {key.thumbprint or key.key_id for key in keys}
            missing.clear()
            missing.update({key: name for key, name in kept.items() if key not in there})
            return not missing and wanted(keys) is None

        try:
            until_steady(self._replication(), shown, STEADY_READS, READ_PAUSE, "the changed certificates are not shown")
        except W365Error as error:
            if missing:
                listed = ", ".join(f"{key} ({name!r})" for key, name in missing.items())
                error.message = f"{error.message} Not shown are those that were to stay: {listed}. Look at them in the portal before."
            raise

    # Federated credentials

    def write_federated(self, action: Action) -> FederatedCredential:
        wanted: FederatedCredential = action.outcome
        id = self._found().id
        self._patiently(lambda: self._import_graph.write_federated(id, wanted))

        def shown() -> bool:
            return any(
                one == wanted or (wanted.description is None and one._replace(description=None) == wanted)
                for one in self._import_graph.federated(id)
            )

        until_steady(self._replication(), shown, 1, READ_PAUSE, "the federated credential is not shown")
        return wanted

    # Secrets

    def create_secret(self, action: Action) -> Password:
        return self._create_secret(action.extras["end"], marks=True)

    # Application permissions

    def grant_permission(self, action: Action) -> str:
        """Grant it once: Graph refuses a second time, and that is as good."""
        name: str = action.subject
        principal = made_before(self.principal).id
        waiting = self._replication()
        while True:
            try:
                self._patiently(lambda: self._import_graph.grant_role(principal, self._roles, name))
            except RefusedError as error:
                error.message = (
                    f"{error.message} Or let an administrator consent at {self._consent_url}{made_before(self.principal).client_id} and "
                    "give consent=none to this task."
                )
                raise
            except ValidationError as error:
                if ALREADY not in error.message:
                    raise
            except LostAnswerError as error:
                waiting.again(READ_PAUSE, "the answer to a new application permission was lost", error)
                continue
            return name

    def withdraw_permission(self, action: Action) -> str:
        granted: GrantedRole = action.subject
        with suppress(NotFoundError):
            self._import_graph.withdraw_role(self._roles, granted)
        return granted.name


def check_owner(principal: Principal, desired: DesiredImportApplication, done: str) -> None:
    """Raises GuardError for an application that is not registered in owner_tenant, or does not say where."""
    if principal.owner == desired.owner_tenant:
        return
    where = f"in tenant {principal.owner}" if principal.owner else "in a tenant that Microsoft Graph does not name"
    raise GuardError(
        f"The application {desired.client_id} ({principal.display_name!r}) is registered {where}, and owner_tenant is {desired.owner_tenant}. "
        f"{done} Check client_id and owner_tenant, and delete the enterprise application if it is not yours."
    )


def _may_repeat(error: W365Error) -> bool:
    """Whether nothing was done, or nobody knows: the list is read again before it is written again."""
    lost = isinstance(error, LostAnswerError) or (isinstance(error, AnswerError) and error.status >= 500)
    return lost or code_of(error) == CONCURRENT


def _identities(keys: Sequence[KeyCredential]) -> set[str]:
    return {key.key_id for key in keys}


def _with_advice(error: W365Error, expired: Sequence[KeyCredential]) -> W365Error:
    if code_of(error) in TOO_LONG:
        error.message = (
            f"{error.message} Microsoft documents at most one year for a certificate, and a policy of the tenant may allow less: make one that is "
            "valid for a shorter time."
        )
        if expired:
            listed = ", ".join(f"{key.key_id} ({key.name!r})" for key in expired[:5])
            error.message += (
                f" It may also be about one that has expired, and that can be removed in the portal: {listed}."
            )
    return error
