# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about applications of Microsoft Entra share: their client, whose they are, one change after the other, patience."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.applications import ApplicationsClient, RefusedError, iso_time
from ..entra.waiting import Waiting
from ..errors import NotFoundError, ValidationError, W365Error
from ..planning.application_actions import SECRET
from .entra import EntraTask

if TYPE_CHECKING:
    from ..execution.results import ActionResult, ApplyResult
    from ..model.applications import Application
    from ..planning.actions import Action
    from ..planning.plan import Plan

Made = TypeVar("Made")

Client = TypeVar("Client", bound=ApplicationsClient)

# What Graph says while a new application is not everywhere yet; the status does not tell (contract, G8).
NOT_YET = (
    "does not reference a valid application object",
    "backing application of the service principal",
    "does not exist or one of its queried reference-property objects",
)


ALREADY = "already exists on the object"
"""What Graph says of a role that is assigned already (contract, P17)."""


def made_before(thing: Made | None) -> Made:
    """What an earlier action of the plan has made. Raises W365Error where a plan is without that action."""
    if thing is None:
        raise W365Error("Unexpected order of the plan; please report it.")
    return thing


class InOrder:
    """After a failure nothing else is tried: every action builds on the ones before it. Removals of secrets do not count."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._failed: Action | None = None

    def phases(self) -> Iterator[tuple[Action, ...]]:
        return ((action,) for action in self._plan.actions)

    def refusal(self, action: Action) -> W365Error | None:
        if self._failed is None:
            return None
        error = W365Error(f"not tried, because this failed before: {self._failed.description}.")
        error.follows = True
        return error

    def without_failed_users(self, action: Action) -> Action:
        return action

    def note(self, done: ActionResult) -> None:
        removal = done.action.type.object is SECRET and done.action.verb == "remove"
        if done.error and self._failed is None and not removal:
            self._failed = done.action

    def result_of(self, done: ActionResult, where: str) -> ActionResult:
        return done


def shown_identity(application: Application) -> dict[str, Any]:
    """What every result shows of an application."""
    return {
        "id": application.id,
        "client_id": application.client_id,
        "display_name": application.display_name,
        "created": iso_time(application.created),
        "tags": list(application.tags),
    }


def shown_application(application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    return {
        **shown_identity(application),
        "unique_name": application.unique_name or None,
        "redirect_uris": list(application.redirects),
    }


def patiently(waiting: Waiting, call: Callable[[], Made]) -> Made:
    """Call until the servers know the object."""
    while True:
        try:
            return call()
        except (NotFoundError, ValidationError, RefusedError) as error:
            if not isinstance(error, NotFoundError) and not any(text in error.message for text in NOT_YET):
                raise
            waiting.again(3.0, "Microsoft Entra did not find what was created before", error)


def client_of(task: EntraTask, kind: type[Client]) -> Client:
    return kind(task.http, root=task.graph_root, tokens=task.graph_tokens, endpoints=task.endpoints)


def applications_client(task: EntraTask) -> ApplicationsClient:
    return client_of(task, ApplicationsClient)


class ApplicationTask(EntraTask):
    """A task about an application, whose changes are made one after the other."""

    @cached_property
    def applications(self) -> ApplicationsClient:
        return applications_client(self)

    def caller(self) -> str:
        """The object id of the service principal that the task signs in as; empty where nothing tells it."""
        id = _object_id_in(self.graph_tokens.token())
        client_id = self.options["entra_client_id"]
        if id or not client_id or self.options["entra_managed_identity"]:
            return id
        try:
            found = self.applications.principal(client_id)
        except RefusedError:
            return ""
        return found.id if found else ""

    def waiting(self, option: str) -> Callable[[], Waiting]:
        return lambda: Waiting(self.http.pause, self.options[option], option)

    def apply_actions(self, plan: Plan, handlers: Any, **options: Any) -> ApplyResult:
        from ..execution.apply import apply  # start-up

        return apply(plan, handlers, **{**options, "tracker": InOrder(plan)})

    def _read_back(self, report: ApplyResult, backend: Any) -> ApplyResult:
        """Nothing: every change is read back where it is made, since the next one builds on it."""
        return report


def _object_id_in(token: str) -> str:
    """The claim `oid` of a token that can be read; it is opaque to clients, so anything else is an empty text."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims["oid"]) if isinstance(claims, dict) and isinstance(claims.get("oid"), str) else ""
    except (IndexError, ValueError):
        return ""
