# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes the app registration of an environment down: only what carries the mark of the collection, and nothing of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api.applications import RefusedError
from ..api.import_application import ImportApplicationClient
from ..entra.removal import foreign_credentials, looks_like, why_left
from ..entra.secrets import FOREIGN, secrets_of
from ..errors import (
    AnswerError,
    AuthenticationError,
    EnvironmentNotFoundError,
    GuardError,
    LostAnswerError,
    NotFoundError,
    ValidationError,
)
from ..model.applications import Application
from ..model.desired import Skipped
from ..model.environment import Environment
from ..model.settings import SSO
from ..planning.actions import Action
from ..planning.application_actions import APPLICATION_DELETE, SECRET_REMOVE
from ..planning.plan import Plan
from .applications import client_of, shown_application
from .registrations import shown_secret, shown_secrets

if TYPE_CHECKING:
    from ..model.applications import DesiredApplication
    from .applications import ApplicationTask


class Found(NamedTuple):
    """The app registrations that look like that of the environment, and what is not known about them, in sentences."""

    candidates: tuple[Application, ...]
    not_proven: tuple[str, ...]


class Removal:
    """The handlers. What is gone already is as it should be."""

    def __init__(self, graph: ImportApplicationClient) -> None:
        self._graph = graph

    @property
    def handlers(self) -> Removal:
        return self

    def remove_secret(self, action: Action) -> None:
        id, key_id = action.subject
        try:
            self._graph.remove_password(id, key_id)
        except NotFoundError:
            return
        except (ValidationError, LostAnswerError):
            # What Graph says of a secret that is gone is not documented, and a lost answer says nothing.
            if key_id in {one.key_id for one in self._graph.application(id).passwords}:
                raise

    def delete_application(self, action: Action) -> None:
        try:
            self._graph.delete_application(action.subject.id)
        except NotFoundError:
            return


def run_removal(task: ApplicationTask, desired: DesiredApplication) -> dict[str, Any]:
    """The whole task with state=absent."""
    graph = client_of(task, ImportApplicationClient)
    environments = _environments(task)
    found = _found(task, graph, desired)
    plan, unread = _plan(task, graph, desired, found.candidates, environments)
    report = task.apply(plan, Removal(graph), where="")
    left = {one.name for one in plan.skipped}
    remaining = next((one for one in found.candidates if one.display_name in left), None)
    return task.outcome(report, **_result(task, remaining, plan, [*found.not_proven, *unread]))


# Reading


def _environments(task: ApplicationTask) -> list[Environment] | None:
    """The other environments of the instance; None where nobody asks for them. Raises GuardError where they are not shown."""
    if not task.options["check_others"]:
        return None
    listed = task.instance.list_environments()
    # An instance has environments, so an empty list proves nothing.
    if not listed:
        raise GuardError(
            f"{task.provisioning.root} does not show its environments, so it is not known whether another one uses the app registration of "
            f"environment '{task.environment}'. Nothing was written. Check instance_url and provisioning_key; when somebody has looked in "
            "Microsoft Entra that no other environment uses it, check_others=false says so."
        )
    return [one for one in listed if one.name.lower() != task.environment]


def _found(task: ApplicationTask, graph: ImportApplicationClient, desired: DesiredApplication) -> Found:
    wanted = (desired.client_id or "").lower()
    sentences: tuple[str, ...] = ()
    try:
        known = graph.applications(wanted)
    except RefusedError:
        id = task.caller()
        if not id:
            raise
        known = graph.owned_applications(id)
        sentences = (
            "The task may only see app registrations that it owns, so there may be others of this environment.",
        )
    return Found(
        tuple(one for one in known if (one.client_id == wanted if wanted else looks_like(one, desired))),
        sentences,
    )


# Planning


def _plan(
    task: ApplicationTask,
    graph: ImportApplicationClient,
    desired: DesiredApplication,
    candidates: Sequence[Application],
    environments: Sequence[Environment] | None,
) -> tuple[Plan, list[str]]:
    actions: list[Action] = []
    skipped: list[Skipped] = []
    reasons = {one.id: why_left(one, desired) for one in candidates}
    asked = any(not reason for reason in reasons.values())
    used, unread = _used_elsewhere(task, environments or ()) if asked else ({}, 0)
    for one in candidates:
        reason = reasons[one.id]
        if not reason and one.client_id in used:
            reason = f"is what environment {used[one.client_id]!r} signs people in with"
        if reason:
            skipped.append(Skipped("application", one.display_name, reason))
            continue
        others = foreign_credentials(one, task.environment, graph.keys(one.id), graph.federated(one.id), graph.now)
        actions += _secret_actions(one, task.environment)
        if others:
            reason = f"has {others} of somebody else, so only the secrets of this environment are removed"
            skipped.append(Skipped("application", one.display_name, reason))
        else:
            actions.append(Action(APPLICATION_DELETE, one.display_name, {"tags": list(one.tags)}, None, subject=one))
    sentences = []
    if unread:
        sentences.append(
            f"{unread} of {len(environments or ())} other environments do not show which app registration they use. What is removed sends "
            "people back to this environment only, so no other one can sign people in with it."
        )
    unchanged = () if candidates else (("application", desired.title),)
    return Plan(tuple(actions), unchanged, tuple(skipped)), sentences


def _secret_actions(application: Application, environment: str) -> list[Action]:
    return [
        Action(
            SECRET_REMOVE,
            one.password.name or one.key_id,
            shown_secret(one),
            None,
            subject=(application.id, one.key_id),
        )
        for one in secrets_of(application, environment)
        if one.state != FOREIGN
    ]


def _used_elsewhere(task: ApplicationTask, environments: Sequence[Environment]) -> tuple[Mapping[str, str], int]:
    """The environments by the client ids that they show, and how many do not show theirs."""
    found: dict[str, str] = {}
    unread = 0
    for one in environments:
        try:
            shown = task.instance.find_fields(SSO, one.name)
        except (AnswerError, AuthenticationError, EnvironmentNotFoundError):
            shown = None
        # The client id is enough, also where the server does not show the authority.
        client_id = (shown or {}).get("client_id")
        if client_id:
            found[client_id.strip().lower()] = one.name
        elif shown is None or any(shown.values()) or (shown and "client_id" not in shown):
            unread += 1
    return found, unread


# The result


def _result(
    task: ApplicationTask, remaining: Application | None, plan: Plan, not_proven: Sequence[str]
) -> dict[str, Any]:
    return {
        "application": shown_application(remaining),
        "service_principal": None,
        "consent": [],
        "excess_consent": [],
        **shown_secrets(task, remaining, task.environment),
        "rotated": False,
        "rotation_reason": None,
        "shortened_by_policy": False,
        "left_out": [one.as_result() for one in plan.skipped],
        "not_proven": list(not_proven),
    }
