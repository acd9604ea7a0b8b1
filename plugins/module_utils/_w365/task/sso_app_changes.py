# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the actions of an app registration for single sign-on, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..entra.applications import merged_properties
from ..entra.consent import ConsentPlan, check_scopes, plan_consent
from ..entra.waiting import READ_PAUSE
from ..errors import AlreadyExistsError, LostAnswerError, W365Error
from ..execution.results import Answered
from ..model.applications import Application, DesiredApplication, Principal
from ..model.settings import SSO, SettingValues
from ..planning.application_actions import ApplicationHandlers
from .applications import made_before
from .registration_changes import RegistrationChanges

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient
    from ..backends.instance import Instance
    from ..planning.actions import Action


class ApplicationChanges(RegistrationChanges):
    """The handlers. What is created on the way is kept for the actions after it."""

    def __init__(
        self,
        graph: ApplicationsClient,
        desired: DesiredApplication,
        *,
        resources: Mapping[str, Principal | None],
        instance: Instance | None,
        readable: bool,
        read_back_seconds: float,
        check_page: Callable[[SettingValues], None],
        **shared: Any,
    ) -> None:
        """`shared` are the arguments of every registration."""
        super().__init__(graph, desired, merged=self._merged_properties, **shared)
        self._desired = desired
        self.resources = dict(resources)
        self._instance = instance
        self._readable = readable
        self._read_back_seconds = read_back_seconds
        self._check_page = check_page
        self.page = ""
        """What a look at the sign-in page did not prove."""

    @property
    def handlers(self) -> ApplicationHandlers:
        return self

    def _merged_properties(self, application: Application, new: bool) -> Mapping[str, Any]:
        return merged_properties(application, self._desired, self.resources, new=new)

    def create_principal(self, action: Action) -> Principal:
        """Of the application, or of an API of Microsoft that the tenant has never used."""
        if action.subject is None:
            return super().create_principal(action)
        found = self._principal_of(action.subject.client_id)
        check_scopes(action.subject, found)
        self.resources[action.subject.client_id] = found
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

    def create_secret(self, action: Action) -> Any:
        return self._create_secret(action.extras["end"], marks=self._instance is not None)

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
