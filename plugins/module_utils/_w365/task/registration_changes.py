# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out what every app registration of the collection needs: itself, its service principal, its client secrets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..entra.rotation import Rotation
from ..entra.waiting import READ_PAUSE, Waiting, or_none, until_everywhere, until_found
from ..errors import AlreadyExistsError, LostAnswerError, ValidationError
from ..model.applications import SINGLE_TENANT, Application, Password, Principal, Registration
from .applications import made_before, patiently

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient
    from ..planning.actions import Action


class RegistrationChanges:
    """The handlers. What is created on the way is kept for the actions after it.

    `merged(application, new)` gives the properties that have to be written, merged with those that it has.
    """

    def __init__(
        self,
        graph: ApplicationsClient,
        registration: Registration,
        *,
        application: Application | None,
        principal: Principal | None,
        merged: Callable[[Application, bool], Mapping[str, Any]],
        rotation: Rotation,
        replication: Callable[[], Waiting],
        owners: Collection[str],
    ) -> None:
        self._graph = graph
        self._registration = registration
        self.application = application
        self.principal = principal
        self._merged = merged
        self._rotation = rotation
        self._replication = replication
        self._owners = owners
        self._is_new = False
        self.linked = False
        """Whether `application` is as it was read after a new secret was linked."""

    def _found(self) -> Application:
        return made_before(self.application)

    @property
    def new_secret(self) -> str:
        """The text of the secret that was made; empty where none was."""
        return self._rotation.new.text if self._rotation.new else ""

    # The application

    def create_application(self, action: Action) -> Application:
        """By upsert, which may be repeated. Its lists are merged afterwards: it may exist, and a listing may be old."""
        body: dict[str, Any] = {
            "displayName": self._registration.title,
            "signInAudience": self._registration.audience or SINGLE_TENANT,
        }
        if self._owners:
            body["owners@odata.bind"] = [self._graph.object_url(id) for id in self._owners]
        created = self._graph.upsert_application(self._registration.unique_name, body)
        if created is None:
            self.application = until_found(
                self._replication(),
                lambda: or_none(lambda: self._graph.named_application(self._registration.unique_name)),
                "the app registration is not shown",
                pause=READ_PAUSE,
            )
        else:
            id = created.id
            self._is_new = True
            until_everywhere(
                self._replication(), lambda: self._graph.application(id), "the new app registration is not shown"
            )
            self.application = created
        return self._merge()

    def _merge(self) -> Application:
        """Write what is missing, and read the application again."""
        application = self._found()
        changes = self._merged(application, self._is_new)
        if changes:
            self._patiently(lambda: self._graph.update_application(application.id, changes))
        tags = changes.get("tags", application.tags)
        redirects = changes.get("web", {}).get("redirectUris", application.redirects)
        self.application = application._replace(tags=tuple(tags), redirects=tuple(redirects))
        return self.application

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Call until the servers know the object, within replication_timeout."""
        return patiently(self._replication(), call)

    def restore_application(self, action: Action) -> Application:
        deleted: Application = action.subject
        with suppress(LostAnswerError):
            self._graph.restore_application(deleted.id)
        self.application = deleted
        until_everywhere(
            self._replication(),
            lambda: self._graph.application(deleted.id),
            "the restored app registration is not shown",
        )
        self.application = self._graph.application(deleted.id)
        self.principal = self._principal_of(deleted.client_id, self._graph.principal(deleted.client_id))
        return self._merge()

    def update_application(self, action: Action) -> Application:
        for owner in action.changes.get("owners", ()):
            try:
                self._graph.add_owner(self._found().id, owner)
            except (ValidationError, LostAnswerError):
                if owner not in self._graph.owners(self._found().id):
                    raise
        return self._merge()

    def create_principal(self, action: Action) -> Principal:
        self.principal = self._principal_of(self._found().client_id, self.principal)
        return self.principal

    def _principal_of(self, client_id: str, found: Principal | None = None) -> Principal:
        """The service principal of an application, created where the tenant has none."""
        waiting = self._replication()
        while found is None:
            try:
                found = self._created_principal(client_id)
            except (AlreadyExistsError, LostAnswerError) as error:
                found = self._graph.principal(client_id)
                if found is None:
                    waiting.again(3.0, "the service principal is not shown", error)
        return found

    def _created_principal(self, client_id: str) -> Principal:
        return patiently(self._replication(), lambda: self._graph.create_principal(client_id))

    # Its secrets

    def remove_secret(self, action: Action) -> None:
        self._rotation.remove(self._found(), action.subject.key_id)

    def _create_secret(self, end: float, *, marks: bool) -> Password:
        return self._rotation.create(self._found(), end, fresh_application=self._is_new, marks=marks).password

    def link_secret(self, action: Action) -> Any:
        self.application = self._rotation.link()
        self.linked = True
        return self._rotation.new and self._rotation.new.password
