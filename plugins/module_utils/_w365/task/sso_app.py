# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app registration that people sign in with: what there is, what has to be done, and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api.applications import RefusedError
from ..entra.app_policies import SecretPolicy
from ..entra.applications import (
    merged_properties,
)
from ..entra.consent import NONE, ConsentPlan, check_scopes, plan_consent
from ..entra.secrets import SecretPlan, plan_secrets
from ..errors import EnvironmentNotFoundError
from ..inputs.sso_app import application_from_options, check_times, link_from_options
from ..model.applications import Application, DesiredApplication, Grant, Principal
from ..model.settings import SSO, SettingValues
from ..planning.actions import Action
from ..planning.application_actions import (
    CONSENT_GRANT,
    PRINCIPAL_CREATE,
    SECRET_LINK,
)
from ..planning.environment import WhenUnreadable, plan_setting
from ..planning.plan import Plan
from .applications import ApplicationTask, made_before, shown_application
from .registrations import (
    application_now,
    clock_notes,
    deleted_note,
    find_registration,
    hand_over,
    linking,
    missing_owners,
    new_rotation,
    owners_of_new,
    policy_of,
    registration_actions,
    restoration,
    secret_actions,
    secret_options,
    shown_principal,
    shown_secrets,
)
from .sso_app_changes import ApplicationChanges

if TYPE_CHECKING:
    from ..execution.results import ApplyResult


class Found(NamedTuple):
    """What there is. `sso` is what Workspace 365 shows, if it is `readable`."""

    application: Application | None
    deleted: Application | None
    deleted_known: bool
    principal: Principal | None
    resources: Mapping[str, Principal | None]
    consents: tuple[ConsentPlan, ...]
    missing_owners: tuple[str, ...]
    policy: SecretPolicy
    sso: SettingValues | None
    readable: bool


class SsoAppTask(ApplicationTask):
    """A task about the app registration that people sign in with."""

    @cached_property
    def desired(self) -> DesiredApplication:
        url = self.required_option("instance_url", "to know to which address people are sent back")
        return application_from_options(self.options, self.environment, url)


# Reading


def read_found(task: SsoAppTask, link: SettingValues | None) -> Found:
    """Everything that the plan needs, and that w365_sso_app_info shows; only reads."""
    graph, desired = task.applications, task.desired
    sso, readable = (None, False) if link is None else _read_setting(task)
    application, deleted, deleted_known = find_registration(task, desired)
    principal = graph.principal(application.client_id) if application else None
    grants = _grants(task, principal) if principal else []
    resources: dict[str, Principal | None] = {}
    for resource in desired.resources:
        api = graph.principal(resource.client_id)
        if api is not None:
            check_scopes(resource, api)
        resources[resource.client_id] = api
    consents = tuple(
        plan_consent(resource, resources[resource.client_id], grants, desired.consent) for resource in desired.resources
    )
    missing = missing_owners(task, application, desired.owners)
    policy = policy_of(task, application)
    return Found(application, deleted, deleted_known, principal, resources, consents, missing, policy, sso, readable)


def _grants(task: SsoAppTask, principal: Principal) -> list[Grant]:
    """The consents; none where nobody asked about them and the task may not read them."""
    try:
        return task.applications.grants(principal.id)
    except RefusedError:
        if task.desired.consent != NONE:
            raise
        return []


def _read_setting(task: SsoAppTask) -> tuple[SettingValues | None, bool]:
    """What Workspace 365 has. Its key and the environment are proven before a secret is made."""
    found, readable = task.read_setting(SSO)
    if not readable:
        listed = task.instance.list_environments()
        if listed is not None and task.environment not in {one.name.lower() for one in listed}:
            if not task.check_mode:
                raise EnvironmentNotFoundError(
                    f"{task.provisioning.root} has no environment '{task.environment}'. Nothing was written. Check option environment."
                )
            task.warn_missing_environment()
    return found, readable


# Planning


def secret_plan(task: SsoAppTask, found: Found, link: SettingValues | None) -> SecretPlan | None:
    """What has to be done with the secrets; None where they are not managed."""
    options = task.options
    if options["secret"] != "managed":
        return None
    reason = "rotate=always asks for it" if options["rotate"] == "always" else ""
    if link is not None and found.readable and not reason:
        client_id = found.application.client_id if found.application else ""
        wanted = SettingValues(SSO, {**link.values, "client_id": client_id})
        if found.sso is None or not found.sso.fits(wanted):
            reason = "Workspace 365 has another authority or client id"
    settings = secret_options(task, task.environment, reason)
    return plan_secrets(found.application, found.policy, task.applications.now, settings)


def plan_of(task: SsoAppTask, found: Found, secrets: SecretPlan | None, link: SettingValues | None) -> Plan:
    """The actions in the order in which they are made: each builds on the ones before it."""
    actions: list[Action] = []
    notes = list(secrets.notes) if secrets else []
    desired = task.desired
    for resource in desired.resources:
        if found.resources[resource.client_id] is None:
            after = {"app_id": resource.client_id}
            actions.append(Action(PRINCIPAL_CREATE, resource.title, None, after, after, subject=resource))
    actions += _application_actions(task, found, notes)
    if found.principal is None and not (found.deleted and task.options["restore_deleted"]):
        actions.append(Action(PRINCIPAL_CREATE, _title(found, desired), None, {"enabled": True}, {"enabled": True}))
    unchanged: list[tuple[str, str]] = []
    for consent in found.consents:
        if consent.changes:
            before, scopes = {"scopes": sorted(consent.granted)}, {"scopes": sorted(consent.scopes)}
            actions.append(Action(CONSENT_GRANT, consent.resource.title, before, scopes, scopes, subject=consent))
        else:
            unchanged.append(("consent", consent.resource.title))
    if secrets is not None:
        actions += _secret_actions(task, found, secrets, link)
    if found.application is not None and not any(action.kind == "application" for action in actions):
        unchanged.append(("application", found.application.display_name))
    notes += clock_notes(task)
    return Plan(tuple(actions), tuple(unchanged), notes=tuple(notes), compared=link is None or found.readable)


def _title(found: Found, desired: DesiredApplication) -> str:
    return found.application.display_name if found.application else desired.title


def _application_actions(task: SsoAppTask, found: Found, notes: list[str]) -> list[Action]:
    desired, application = task.desired, found.application
    if application is None and found.deleted is not None:
        if task.options["restore_deleted"]:
            return [restoration(found.deleted)]
        notes.append(deleted_note(desired, found.deleted))
    changes = merged_properties(application, desired, found.resources, new=application is None)
    return registration_actions(
        application, desired, changes, found.missing_owners, redirect_uris=list(desired.redirects)
    )


def _secret_actions(task: SsoAppTask, found: Found, secrets: SecretPlan, link: SettingValues | None) -> list[Action]:
    actions = secret_actions(secrets, task.environment)
    if not secrets.create:
        return actions
    if link is not None:
        client_id = found.application.client_id if found.application else "(that of the new app registration)"
        wanted = SettingValues(SSO, {**link.values, "client_id": client_id})
        planned = plan_setting(
            wanted,
            found.sso,
            readable=found.readable,
            unreadable=WhenUnreadable("write"),
            environment=task.environment,
            secret="",
            always=True,
        )
        actions += planned.actions
    actions.append(linking(SECRET_LINK, task.environment))
    return actions


# Applying


def run_sso_app(task: SsoAppTask) -> dict[str, Any]:
    """The whole task. The text of a new secret is in the result only with return_secret."""
    options = task.options
    if options["state"] == "absent":
        from .sso_app_removal import run_removal  # start-up

        return run_removal(task, task.desired)
    check_times(options)
    link = link_from_options(options)
    found = read_found(task, link)
    secrets = secret_plan(task, found, link)
    plan = plan_of(task, found, secrets, link)
    changes = _changes(task, found, link)
    report = task.apply(plan, changes, where="")
    hand_over(task, changes.new_secret)
    return task.outcome(report, **_result(task, found, changes, secrets, link, report))


def _changes(task: SsoAppTask, found: Found, link: SettingValues | None) -> ApplicationChanges:
    def prove(text: str) -> None:
        application = made_before(changes.application)
        tenant = "" if link else task.required_option("entra_tenant", "to try the new secret")
        authority = link.values["authority"] if link else f"{task.authority_root}/{tenant}"
        task.sso_tokens(authority, application.client_id, text).token()

    def check_after(values: SettingValues) -> None:
        if task.options["post_check"] == "redirect":
            from .sso_checks import check_page  # start-up

            changes.page = check_page(task, values)

    changes = ApplicationChanges(
        task.applications,
        task.desired,
        application=found.application,
        principal=found.principal,
        resources=found.resources,
        rotation=new_rotation(task, task.environment, prove),
        replication=task.waiting("replication_timeout"),
        owners=owners_of_new(task, found.application, task.desired.owners),
        instance=task.instance if link else None,
        readable=found.readable,
        read_back_seconds=task.options["read_back_timeout"],
        check_page=check_after,
    )
    return changes


# The result


def _result(
    task: SsoAppTask,
    found: Found,
    changes: ApplicationChanges,
    secrets: SecretPlan | None,
    link: SettingValues | None,
    report: ApplyResult,
) -> dict[str, Any]:
    wrote = report.changed_anything and not task.check_mode
    application = application_now(task, changes, wrote=wrote)
    principal = changes.principal
    return {
        "application": shown_application(application),
        "service_principal": shown_principal(principal),
        "consent": [shown_consent(one, done=wrote) for one in found.consents],
        "excess_consent": [] if task.desired.consent == "exact" else shown_excess(found.consents),
        **shown_secrets(task, application, task.environment),
        "rotated": bool(changes.new_secret),
        "rotation_reason": (secrets.create or None) if secrets else None,
        "shortened_by_policy": bool(secrets and secrets.shortened),
        "not_proven": [*not_proven(link, found), *([changes.page] if changes.page else [])],
    }


def shown_consent(one: ConsentPlan, *, done: bool) -> dict[str, Any]:
    granted = one.scopes if done else one.granted
    return {
        "resource": one.resource.title,
        "granted": sorted(granted),
        "missing": sorted(scope for scope in one.resource.scopes if scope not in granted),
    }


def shown_excess(consents: Sequence[ConsentPlan]) -> list[dict[str, Any]]:
    """What everybody has consented to, and nobody wants any more."""
    return [{"resource": one.resource.title, "scopes": list(one.excess)} for one in consents if one.excess]


def not_proven(link: SettingValues | None, found: Found) -> list[str]:
    """What this task cannot know, in sentences."""
    sentences: list[str] = []
    if link is None:
        sentences.append("Nothing was compared with Workspace 365, which was not written to.")
    else:
        sentences.append(
            "Workspace 365 shows no key: that it has the linked secret is known from the mark in Microsoft Entra only."
        )
        if not found.readable:
            sentences.append("This server does not show its authority and client id, so they could not be compared.")
    if not found.deleted_known:
        sentences.append(
            "The task may not list deleted app registrations, so it is not known whether one can be restored."
        )
    if not found.policy.known:
        sentences.append(
            "The tenant's app management policy could not be read, so Microsoft Entra alone decides about new secrets."
        )
    return sentences
