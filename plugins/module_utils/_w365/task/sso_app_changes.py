# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the actions of an app registration for single sign-on, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..entra.applications import merged_properties
from ..entra.consent import ConsentPlan, check_scopes, plan_consent
from ..entra.rotation import Rotation
from ..entra.waiting import READ_PAUSE, Waiting, or_none, until_everywhere, until_found
from ..errors import AlreadyExistsError, LostAnswerError, ValidationError, W365Error
from ..execution.results import Answered
from ..model.applications import Application, DesiredApplication, Principal
from ..model.settings import SSO, SettingValues
from ..planning.application_actions import ApplicationHandlers
from .applications import made_before, patiently

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient
    from ..backends.instance import Instance
    from ..planning.actions import Action


class ApplicationChanges:
    """The handlers. What is created on the way is kept for the actions after it."""

    def __init__(
        self,
        graph: ApplicationsClient,
        desired: DesiredApplication,
        *,
        application: Application | None,
        principal: Principal | None,
        resources: Mapping[str, Principal | None],
        rotation: Rotation,
        replication: Callable[[], Waiting],
        owners: Collection[str],
        instance: Instance | None,
        readable: bool,
        read_back_seconds: float,
        check_page: Callable[[SettingValues], None],
    ) -> None:
        self._graph = graph
        self._desired = desired
        self.application = application
        self.principal = principal
        self.resources = dict(resources)
        self._rotation = rotation
        self._replication = replication
        self._owners = owners
        self._instance = instance
        self._readable = readable
        self._read_back_seconds = read_back_seconds
        self._check_page = check_page
        self._is_new = False
        self.linked = False
        """Whether `application` is as it was read after a new secret was linked."""
        self.page = ""
        """What a look at the sign-in page did not prove."""

    @property
    def handlers(self) -> ApplicationHandlers:
        return self

    def _found(self) -> Application:
        return made_before(self.application)

    @property
    def new_secret(self) -> str:
        """The text of the secret that was made; empty where none was."""
        return self._rotation.new.text if self._rotation.new else ""

    # The application

    def create_application(self, action: Action) -> Application:
        """By upsert, which may be repeated. Its lists are merged afterwards: it may exist, and a listing may be old."""
        body: dict[str, Any] = {"displayName": self._desired.title, "signInAudience": "AzureADMyOrg"}
        if self._owners:
            body["owners@odata.bind"] = [self._graph.object_url(id) for id in self._owners]
        created = self._graph.upsert_application(self._desired.unique_name, body)
        if created is None:
            self.application = until_found(
                self._replication(),
                lambda: or_none(lambda: self._graph.named_application(self._desired.unique_name)),
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
        changes = merged_properties(application, self._desired, self.resources, new=self._is_new)
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
        self.principal = self._graph.principal(deleted.client_id)
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
        """Of the application, or of an API of Microsoft that the tenant has never used."""
        client_id = action.subject.client_id if action.subject is not None else self._found().client_id
        found = self.principal if action.subject is None else None
        waiting = self._replication()
        while found is None:
            try:
                found = self._patiently(lambda: self._graph.create_principal(client_id))
            except (AlreadyExistsError, LostAnswerError) as error:
                found = self._graph.principal(client_id)
                if found is None:
                    waiting.again(3.0, "the service principal is not shown", error)
        if action.subject is None:
            self.principal = found
        else:
            check_scopes(action.subject, found)
            self.resources[client_id] = found
        return found

    def grant_consent(self, action: Action) -> Answered:
        """With what was granted before (consent=union), read now: another program may have added to it."""
        resource = action.subject.resource
        api = self.resources[resource.client_id]
        client = made_before(self.principal).id
        waiting = self._replication()
        while True:
            grants = self._patiently(lambda: self._graph.grants(client))
            now: ConsentPlan = plan_consent(resource, api, grants, self._desired.consent)
            if not now.changes:
                break
            try:
                if now.grant_id:
                    self._graph.update_grant(now.grant_id, now.scopes)
                else:
                    self._patiently(partial(self._graph.create_grant, client, now.resource_id, now.scopes))
                break
            except (AlreadyExistsError, LostAnswerError) as error:
                waiting.again(READ_PAUSE, "the consent is not shown", error)
        return Answered(now._replace(granted=now.scopes))

    # Its secrets

    def remove_secret(self, action: Action) -> None:
        self._rotation.remove(self._found(), action.subject.key_id)

    def create_secret(self, action: Action) -> Any:
        made = self._rotation.create(
            self._found(), action.extras["end"], fresh_application=self._is_new, marks=self._instance is not None
        )
        return made.password

    def write_setting(self, action: Action) -> Answered:
        """Through the same code as w365_sso: write to Workspace 365, and see what it shows."""
        instance = made_before(self._instance)
        values: SettingValues = action.outcome
        values = SettingValues(SSO, {**values.values, "client_id": self._found().client_id})
        written = replace(action, outcome=values, changes=values.as_result(), extras={"key": self.new_secret})
        instance.write_setting(written)
        if self._readable:
            self._see_written(instance, values)
        self._check_page(values)
        after = {**(action.after or {}), **values.as_result()}
        return Answered(values, performed=replace(written, extras={}, after=after))

    def _see_written(self, instance: Instance, values: SettingValues) -> None:
        ends = time.monotonic() + self._read_back_seconds
        while self._read_back_seconds:
            current, readable = instance.find_setting(SSO, self._desired.environment)
            if not readable or (current is not None and current.fits(values)):
                return
            if time.monotonic() >= ends:
                raise W365Error(
                    f"Workspace 365 accepted the single sign-on and shows other values {self._read_back_seconds:g} seconds later "
                    "(option read_back_timeout). The former secret was kept. Rerun the task, which makes a new one."
                )
            time.sleep(0.25)

    def link_secret(self, action: Action) -> Any:
        self.application = self._rotation.link()
        self.linked = True
        return self._rotation.new and self._rotation.new.password
