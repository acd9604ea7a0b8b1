# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about an app registration share: finding it, its owners and secrets, and what they show of them."""

from __future__ import annotations

import secrets as random_source
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..api.applications import RefusedError, iso_time
from ..entra.app_policies import SecretPolicy, read_policy
from ..entra.applications import deleted_application, find_application, unknown_client_id
from ..entra.rotation import Rotation
from ..entra.secrets import FOREIGN, WORKSPACE, Holder, OwnedSecret, SecretOptions, SecretPlan, name_of, secrets_of
from ..entra.waiting import or_none
from ..model.applications import DAY, Application, Principal, Registration
from ..planning.actions import Action, ActionType
from ..planning.application_actions import (
    APPLICATION_CREATE,
    APPLICATION_RESTORE,
    APPLICATION_UPDATE,
    SECRET_CREATE,
    SECRET_REMOVE,
)

if TYPE_CHECKING:
    from .applications import ApplicationTask
    from .registration_changes import RegistrationChanges

CLOCK_LIMIT = 300.0
"""Seconds by which the clock of this machine may differ from Graph's without a warning."""


# Reading


def find_registration(
    task: ApplicationTask, desired: Registration
) -> tuple[Application | None, Application | None, bool]:
    """The app registration, or the deleted one, and whether the task may list deleted ones.

    Raises InputError for a client id that the tenant does not have, and cannot get back.
    """
    application = find_application(task.applications, desired, task.caller)
    if application is not None:
        return application, None, True
    restores, known = bool(task.options.get("restore_deleted")), True
    try:
        deleted = deleted_application(task.applications, desired)
    except RefusedError:
        if restores:
            raise
        deleted, known = None, False
    if desired.client_id and not (deleted and restores):
        raise unknown_client_id(desired, deleted)
    return None, deleted, known


def missing_owners(
    task: ApplicationTask, application: Application | None, wanted: tuple[str, ...] | None
) -> tuple[str, ...]:
    owners = task.applications.owners(application.id) if application and wanted else set()
    return tuple(owner for owner in wanted or () if owner not in owners)


def policy_of(task: ApplicationTask, application: Application | None) -> SecretPolicy:
    """What the tenant allows of the secrets of the application; it is read where secrets are managed."""
    if task.options.get("secret") != "managed":
        return SecretPolicy()
    graph = task.applications
    return read_policy(graph, application.id if application else "", application.created if application else graph.now)


# Planning


def secret_options(task: ApplicationTask, label: str, reason: str, holder: Holder = WORKSPACE) -> SecretOptions:
    """`label` stands in the names and marks of the secrets."""
    options = task.options
    return SecretOptions(
        environment=label,
        lifetime=options["secret_lifetime"] * DAY,
        rotate_before=options["rotate_before"] * DAY,
        overlap=options["overlap"] * DAY,
        settle=options["replication_timeout"] + options["activation_timeout"],
        reason=reason,
        holder=holder,
    )


def restoration(deleted: Application) -> Action:
    shown = {"client_id": deleted.client_id}
    return Action(APPLICATION_RESTORE, deleted.display_name, None, shown, shown, subject=deleted)


def deleted_note(desired: Registration, deleted: Application) -> str:
    return (
        f"The app registration of {desired.subject} was deleted ({deleted.client_id}) and can be restored for "
        "30 days: restore_deleted=true does it. A new one was planned instead."
    )


def registration_actions(
    application: Application | None,
    desired: Registration,
    changes: Mapping[str, Any],
    owners: tuple[str, ...],
    **shown: Any,
) -> list[Action]:
    """The creation with what is `shown` of it, or the change; `owners` are to be added."""
    more = {"owners": list(owners)} if owners else {}
    if application is None:
        after = {"display_name": desired.title, **shown, **more, "properties": sorted(changes)}
        return [Action(APPLICATION_CREATE, desired.title, None, after, after)]
    changes = {**changes, **more}
    if not changes:
        return []
    current = {
        **application.raw,
        "displayName": application.display_name,
        "tags": list(application.tags),
        "signInAudience": application.audience,
        "owners": [],
    }
    before = {name: current.get(name) for name in changes}
    return [Action(APPLICATION_UPDATE, application.display_name, before, changes, changes, subject=application)]


def secret_actions(plan: SecretPlan, label: str) -> list[Action]:
    """The removals, and the new one."""
    actions = [
        Action(SECRET_REMOVE, one.password.name or one.key_id, shown_secret(one), None, subject=one)
        for one in plan.remove
    ]
    if plan.create:
        after = {"expires": iso_time(plan.end), "reason": plan.create}
        actions.append(Action(SECRET_CREATE, f"w365 {label}", None, after, after, extras={"end": plan.end}))
    return actions


def linking(kind: ActionType, label: str) -> Action:
    return Action(kind, f"w365 {label}", None, {"state": "linked"}, {"state": "linked"})


def clock_notes(task: ApplicationTask) -> list[str]:
    difference = task.applications.clock_difference
    if abs(difference) <= CLOCK_LIMIT:
        return []
    return [
        f"The clock of this machine is {abs(difference) / 60:.0f} minutes {'ahead of' if difference > 0 else 'behind'} that of "
        "Microsoft Graph, which was used. Correct it: certificates and tokens depend on it."
    ]


# Applying


def new_rotation(
    task: ApplicationTask, label: str, prove: Callable[[str], None], holder: Holder = WORKSPACE
) -> Rotation:
    return Rotation(
        task.applications,
        label,
        prove=prove,
        names=lambda: new_name(task, label),
        replication=task.waiting("replication_timeout"),
        activation=task.waiting("activation_timeout"),
        holder=holder,
    )


def new_name(task: ApplicationTask, label: str) -> str:
    """The name of a new credential: it says whose it is, and when it was made by the clock of Entra."""
    return name_of(label, iso_time(task.applications.now), random_source.token_hex(3))


def owners_of_new(
    task: ApplicationTask, application: Application | None, wanted: Iterable[str] | None
) -> tuple[str, ...]:
    """The owners with which an app registration is created, the caller among them; none where it exists."""
    if application is not None:
        return ()
    return tuple(dict.fromkeys(filter(None, (task.caller(), *(wanted or ())))))


def hand_over(task: ApplicationTask, secret: str) -> None:
    """Return a new secret where return_secret says so; it is masked everywhere else."""
    if not secret:
        return
    if task.options["return_secret"]:
        task.unmasked = {"client_secret": secret}
    else:
        task.add_secrets([secret])


# The result


def application_now(task: ApplicationTask, changes: RegistrationChanges, *, wrote: bool) -> Application | None:
    application = changes.application
    if not wrote or application is None or changes.linked:
        # An answer may be older than what was seen when a secret was linked.
        return application
    id = application.id
    return or_none(lambda: task.applications.application(id)) or application


def shown_principal(principal: Principal | None) -> dict[str, Any] | None:
    if principal is None:
        return None
    return {
        "id": principal.id,
        "enabled": principal.enabled,
        "assignment_required": principal.assignment_required,
    }


def shown_secret(one: OwnedSecret) -> dict[str, Any]:
    end = one.password.end
    return {
        "key_id": one.key_id,
        "name": one.password.name,
        "state": one.state,
        "created": iso_time(one.password.start),
        "expires": None if end is None else iso_time(end),
    }


def shown_secrets(task: ApplicationTask, application: Application | None, label: str) -> dict[str, Any]:
    listed = secrets_of(application, label)
    linked = next((one for one in listed if one.state == "linked"), None)
    end = linked.password.end if linked else None
    left = None if end is None else round((end - task.applications.now) / DAY, 1)
    return {
        "secrets": [shown_secret(one) for one in listed],
        "foreign_secrets": sum(one.state == FOREIGN for one in listed),
        "secret": shown_secret(linked) if linked else None,
        "days_left": left,
    }
