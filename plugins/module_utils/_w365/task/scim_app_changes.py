# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the actions of a SCIM application and its provisioning job, one after the other."""

from __future__ import annotations

import secrets as random_source
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.applications import RefusedError
from ..entra.scim_application import missing_premium, the_job
from ..entra.scim_settings import BASE, TOKEN, refuse_hidden
from ..entra.waiting import (
    LONGEST_PAUSE,
    READ_PAUSE,
    STEADY_READS,
    Waiting,
    until_everywhere,
    until_found,
    until_steady,
)
from ..errors import (
    AlreadyExistsError,
    AnswerError,
    GuardError,
    LostAnswerError,
    NotFoundError,
    ValidationError,
    W365Error,
)
from ..execution.results import Answered
from ..model.applications import Application
from ..model.scim_application import (
    RESTART_MARK,
    Assignment,
    DesiredScimApplication,
    EnterpriseApplication,
    Job,
    Provisioned,
)
from ..planning.scim_app_actions import ScimAppHandlers
from .applications import ALREADY, made_before, patiently

if TYPE_CHECKING:
    from ..api.synchronization import SynchronizationClient
    from ..planning.actions import Action

Made = TypeVar("Made")

MEMBERS_AT_ONCE = 5
"""Members of a group that one call of provisioning on demand takes (contract, P15)."""

CALLS, SECONDS = 5, 10.0
"""So many calls of provisioning on demand are allowed in so many seconds (contract, P15)."""


def enterprise_of(graph: SynchronizationClient, application: Application, waiting: Waiting) -> EnterpriseApplication:
    """The service principal of an application that was created a moment ago."""
    return until_found(
        waiting,
        lambda: graph.enterprise(application.client_id),
        "the service principal of the new application is not shown",
    )


def while_new(waiting: Waiting, call: Callable[[], Made]) -> Made:
    """Call until the synchronization of a new application answers: at first it says 403, 404 or 409 (contract, P4)."""
    while True:
        try:
            return call()
        except (RefusedError, NotFoundError, AlreadyExistsError) as error:
            waiting.again(3.0, "Microsoft Entra was not ready with the new application", error)


class ScimAppChanges:
    """The handlers. What is created on the way is kept for the actions after it."""

    def __init__(
        self,
        graph: SynchronizationClient,
        desired: DesiredScimApplication,
        *,
        application: Application | None,
        enterprise: EnterpriseApplication | None,
        job: Job | None,
        token: str,
        replication: Callable[[], Waiting],
        pause: Callable[[float, str], None],
        known: Callable[[], Sequence[Application]],
        is_young: bool,
    ) -> None:
        self._graph = graph
        self._desired = desired
        self.application = application
        self.enterprise = enterprise
        self.job = job
        self._token = token
        self._replication = replication
        self._pause = pause
        self._known = known
        # An earlier run, which ended a moment ago, may have made more than is shown.
        self._is_left_over = is_young
        self._is_new = is_young
        self._rule = ""
        self._calls: deque[float] = deque(maxlen=CALLS)
        self.provisioned: list[tuple[str, Provisioned]] = []

    @property
    def handlers(self) -> ScimAppHandlers:
        return self

    def _found(self) -> Application:
        return made_before(self.application)

    @property
    def _id(self) -> str:
        return made_before(self.enterprise).id

    @property
    def _job_id(self) -> str:
        return made_before(self.job).id

    def _ready(self, call: Callable[[], Made]) -> Made:
        """Call; of an application that is new, until its synchronization answers. Otherwise 403 is a missing permission."""
        return while_new(self._replication(), call) if self._is_new else call()

    # The application

    def create_application(self, action: Action) -> Application:
        """Under a name that no other run has, which a later run finds when this one ends here; then name and tag it."""
        name = f"{self._desired.first_name}{random_source.token_hex(6)}"
        try:
            created = self._graph.instantiate(name)
        except AnswerError as error:
            # It may answer 404, and have done it (contract, P3); so may any other server error.
            if error.status != 404 and error.status < 500:
                raise
            created = self._made_after_all(name, error)
        except LostAnswerError as error:
            created = self._made_after_all(name, error)
        self._is_new = True
        self.application = created
        until_everywhere(
            self._replication(), lambda: self._graph.application(created.id), "the new application is not shown"
        )
        self.enterprise = enterprise_of(self._graph, created, self._replication())
        return self._name_and_tag()

    def _made_after_all(self, name: str, error: W365Error) -> Application:
        return until_found(
            self._replication(),
            lambda: next((one for one in self._known() if one.display_name == name), None),
            "the new application did not appear",
            error=error,
        )

    def _name_and_tag(self, *, rename: bool = True, marked: bool | None = None) -> Application:
        """Write what is missing. `marked` sets or removes the mark of a restart that is due; None leaves it."""
        application = self._found()
        tags = [tag for tag in application.tags if marked is None or tag != RESTART_MARK]
        tags += [self._desired.marker] if self._desired.marker not in tags else []
        tags += [RESTART_MARK] if marked else []
        changes: dict[str, Any] = {}
        if set(tags) != set(application.tags):
            changes["tags"] = tags
        if rename and application.display_name != self._desired.title:
            changes["displayName"] = self._desired.title
        if changes:
            patiently(self._replication(), lambda: self._graph.update_application(application.id, changes))
        self.application = application._replace(
            tags=tuple(tags), display_name=changes.get("displayName", application.display_name)
        )
        return self.application

    def update_application(self, action: Action) -> Application:
        """With the tags as they are now: another program may have added some since they were read."""
        self.application = self._graph.application(self._found().id)
        return self._name_and_tag(rename="display_name" in action.changes)

    def delete_application(self, action: Action) -> None:
        try:
            self._graph.delete_application(action.subject.id)
        except NotFoundError:
            # It is gone already.
            return

    # The job

    def create_job(self, action: Action) -> Job:
        """Once: it is never deleted, because a second one could not be used (contract, P6)."""
        job = self._listed_job() if self._is_left_over else None
        try:
            job = job or self._ready(lambda: self._graph.create_job(self._id))
        except LostAnswerError:
            job = self._listed_job()
            if job is None:
                raise
        id = job.id
        until_everywhere(
            self._replication(),
            lambda: self._ready(lambda: self._graph.job(self._id, id)),
            "the new provisioning job is not shown",
        )
        self.job = job
        return job

    def _listed_job(self) -> Job | None:
        """The job that was perhaps created before; None where none appears in some reads."""
        waiting = self._replication()
        for _read in range(STEADY_READS):
            found = the_job(self._ready(lambda: self._graph.jobs(self._id)))
            if found is not None:
                return found
            waiting.wait(READ_PAUSE, "the new provisioning job is not shown")
        return None

    def write_settings(self, action: Action) -> Answered:
        """All of them, with the token, after the SCIM service has accepted both. The mark of a restart is set before."""
        values: Mapping[str, str] = action.outcome
        if not self._token:
            raise W365Error("Unexpected settings without a token; please report it.")
        refuse_hidden(values)
        new = {BASE: values[BASE], TOKEN: self._token}
        refusal = self._ready(lambda: self._graph.refused_credentials(self._id, self._job_id, new))
        if refusal:
            raise GuardError(
                f"Microsoft Entra could not use the SCIM service at {values[BASE]} with this token: {refusal} The settings were not "
                "written. Check scim_url and scim_token, that SCIM is switched on in the environment, and that Microsoft Entra can reach the "
                "address."
            )
        if action.extras["restart"]:
            self._name_and_tag(rename=False, marked=True)
        try:
            self._ready(lambda: self._graph.write_settings(self._id, {**values, TOKEN: self._token}))
        except ValidationError as error:
            if "size of input" in error.message.lower():
                raise GuardError(
                    f"{error.message} Microsoft Entra stores only a little (1 KB in the clouds of the US government). Use a shorter "
                    "notification_email, or ask the vendor for a shorter token."
                ) from None
            raise
        until_steady(
            self._replication(),
            lambda: all(self._shown_settings().get(key) == value for key, value in values.items()),
            1,
            READ_PAUSE,
            "the new settings are not shown",
        )
        return Answered(None, performed=replace(action, extras={}))

    def _shown_settings(self) -> Mapping[str, str]:
        return self._ready(lambda: self._graph.settings(self._id))

    def start_job(self, action: Action) -> Job:
        self._ready(lambda: self._graph.start(self._id, self._job_id))
        return self._job_again()

    def pause_job(self, action: Action) -> Job:
        self._ready(lambda: self._graph.pause(self._id, self._job_id))
        return self._job_again()

    def restart_job(self, action: Action) -> Job:
        self._ready(lambda: self._graph.restart(self._id, self._job_id))
        job = self._job_again()
        if job.schedule != "Active":
            self._ready(lambda: self._graph.start(self._id, self._job_id))
            job = self._job_again()
        if RESTART_MARK in self._found().tags:
            self._name_and_tag(rename=False, marked=False)
        return job

    def allow_deletes(self, action: Action) -> Job:
        """Held-back removals are counted again: with another number than the confirmed one nothing is let go."""
        staged = self._graph.staged_removals(self._job_id)
        if len(staged) != len(action.subject):
            raise GuardError(
                f"The number of removals that are held back has changed from {len(action.subject)} to {len(staged)} meanwhile. Nothing was "
                "removed. Look at them again."
            )
        self._graph.restart(self._id, self._job_id, allow_deletes=True)
        return self._job_again()

    def _job_again(self) -> Job:
        self.job = self._ready(lambda: self._graph.job(self._id, self._job_id))
        return self.job

    # Who is in scope

    def assign(self, action: Action) -> Any:
        application = made_before(self.enterprise)
        waiting = self._replication()
        done = False
        while not done:
            try:
                patiently(waiting, lambda: self._graph.assign(application, action.subject))
                done = True
            except LostAnswerError as error:
                # The next try says whether it was done.
                waiting.again(READ_PAUSE, "the assignment is not known", error)
            except (ValidationError, AlreadyExistsError, RefusedError) as error:
                if ALREADY not in error.message and not isinstance(error, AlreadyExistsError):
                    if action.changes.get("kind") == "Group":
                        error.message += missing_premium(self._graph)
                    raise
                done = True
        return action.name

    def unassign(self, action: Action) -> None:
        assignment: Assignment = action.subject
        try:
            self._graph.unassign(self._id, assignment.id)
        except NotFoundError:
            # It is gone already.
            return

    # On demand

    def provision(self, action: Action) -> Answered:
        """Members of a group go in calls of five. Raises W365Error unless Entra says that it was done (contract, P15)."""
        id, members = action.subject
        parts: list[Sequence[str] | None] = [None]
        if members is not None:
            parts = [members[at : at + MEMBERS_AT_ONCE] for at in range(0, len(members), MEMBERS_AT_ONCE)] or [()]
        redundant = True
        for part in parts:
            rule = self._rule_id()
            self._pace()
            found = self._graph.provision(self._id, self._job_id, rule, id, part)
            # From the answer on: the server counts from some moment before it.
            self._calls.append(time.monotonic())
            self.provisioned.append((action.name, found))
            if not found.is_done:
                error = W365Error(_not_provisioned(found))
                error.changed = not redundant
                raise error
            redundant = redundant and found.is_redundant
        done = replace(action, before=action.before or {}, changes={} if redundant else {"result": "Success"})
        return Answered(self.provisioned[-1][1], performed=done)

    def _rule_id(self) -> str:
        if not self._rule:
            self._rule = str(self._graph.schema(self._id, self._job_id)[0]["id"])
        return self._rule

    def _pace(self) -> None:
        """Wait until one more call is allowed."""
        if len(self._calls) == CALLS:
            left = self._calls[0] + SECONDS - time.monotonic()
            while left > 0:
                self._pause(min(left, LONGEST_PAUSE), "five calls of provisioning on demand in ten seconds")
                left -= LONGEST_PAUSE


def _not_provisioned(found: Provisioned) -> str:
    if not found.result:
        return (
            "Microsoft Entra answered, and not with what Microsoft documents, so whether it was provisioned is not known. See the "
            "provisioning logs in the portal."
        )
    why = " ".join(part for part in (found.code and f"({found.code})", found.message.rstrip(".")) if part)
    scope = (
        " It is not in the scope of the application; an assignment needs some minutes before it counts."
        if found.code in ("NotEffectivelyEntitled", "NotInScope", "OutOfScope") or "assigned" in found.message
        else ""
    )
    return f"Microsoft Entra did not provision it: {found.result} {why}.{scope}"
