# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app registration that people sign in with: what there is, what has to be done, and the result."""

from __future__ import annotations

import secrets as random_source
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api.applications import RefusedError, iso_time
from ..entra.app_policies import SecretPolicy, read_policy
from ..entra.applications import (
    deleted_application,
    find_application,
    merged_properties,
    unknown_client_id,
)
from ..entra.consent import NONE, ConsentPlan, check_scopes, plan_consent
from ..entra.rotation import Rotation
from ..entra.secrets import FOREIGN, OwnedSecret, SecretOptions, SecretPlan, name_of, plan_secrets, secrets_of
from ..entra.waiting import or_none
from ..errors import EnvironmentNotFoundError
from ..inputs.sso_app import application_from_options, check_times, link_from_options
from ..model.applications import DAY, Application, DesiredApplication, Grant, Principal
from ..model.settings import SSO, SettingValues
from ..planning.actions import Action
from ..planning.application_actions import (
    APPLICATION_CREATE,
    APPLICATION_RESTORE,
    APPLICATION_UPDATE,
    CONSENT_GRANT,
    PRINCIPAL_CREATE,
    SECRET_CREATE,
    SECRET_LINK,
    SECRET_REMOVE,
)
from ..planning.environment import WhenUnreadable, plan_setting
from ..planning.plan import Plan
from .applications import ApplicationTask, made_before, shown_identity
from .sso_app_changes import ApplicationChanges

if TYPE_CHECKING:
    from ..execution.results import ApplyResult

CLOCK_LIMIT = 300.0
"""Seconds by which the clock of this machine may differ from Graph's without a warning."""


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
    application = find_application(graph, desired, task.caller)
    deleted, deleted_known = (None, True) if application else _deleted(task)
    if application is None and desired.client_id and not (deleted and task.options.get("restore_deleted")):
        raise unknown_client_id(desired, deleted)
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
    owners = graph.owners(application.id) if application and desired.owners else set()
    missing = tuple(owner for owner in desired.owners or () if owner not in owners)
    created = application.created if application else graph.now
    policy = SecretPolicy()
    if task.options.get("secret") == "managed":
        policy = read_policy(graph, application.id if application else "", created)
    return Found(application, deleted, deleted_known, principal, resources, consents, missing, policy, sso, readable)


def _deleted(task: SsoAppTask) -> tuple[Application | None, bool]:
    """The deleted app registration of the environment, and whether the task may list deleted ones."""
    try:
        return deleted_application(task.applications, task.desired), True
    except RefusedError:
        if task.options.get("restore_deleted"):
            raise
        return None, False


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
    settings = SecretOptions(
        environment=task.environment,
        lifetime=options["secret_lifetime"] * DAY,
        rotate_before=options["rotate_before"] * DAY,
        overlap=options["overlap"] * DAY,
        settle=options["replication_timeout"] + options["activation_timeout"],
        reason=reason,
    )
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
    difference = task.applications.clock_difference
    if abs(difference) > CLOCK_LIMIT:
        notes.append(
            f"The clock of this machine is {abs(difference) / 60:.0f} minutes {'ahead of' if difference > 0 else 'behind'} that of "
            "Microsoft Graph, which was used. Correct it: certificates and tokens depend on it."
        )
    return Plan(tuple(actions), tuple(unchanged), notes=tuple(notes), compared=link is None or found.readable)


def _title(found: Found, desired: DesiredApplication) -> str:
    return found.application.display_name if found.application else desired.title


def _application_actions(task: SsoAppTask, found: Found, notes: list[str]) -> list[Action]:
    desired, application = task.desired, found.application
    if application is None and found.deleted is not None:
        if task.options["restore_deleted"]:
            shown = {"client_id": found.deleted.client_id}
            return [Action(APPLICATION_RESTORE, found.deleted.display_name, None, shown, shown, subject=found.deleted)]
        notes.append(
            f"The app registration of environment '{desired.environment}' was deleted ({found.deleted.client_id}) and can be restored for "
            "30 days: restore_deleted=true does it. A new one was planned instead."
        )
    changes = merged_properties(application, desired, found.resources, new=application is None)
    if application is None:
        after = {
            "display_name": desired.title,
            "redirect_uris": list(desired.redirects),
            **({"owners": list(found.missing_owners)} if found.missing_owners else {}),
            "properties": sorted(changes),
        }
        return [Action(APPLICATION_CREATE, desired.title, None, after, after)]
    if found.missing_owners:
        changes["owners"] = list(found.missing_owners)
    if not changes:
        return []
    current = {**application.raw, "displayName": application.display_name, "tags": list(application.tags), "owners": []}
    before = {name: current.get(name) for name in changes}
    return [Action(APPLICATION_UPDATE, application.display_name, before, changes, changes, subject=application)]


def _secret_actions(task: SsoAppTask, found: Found, secrets: SecretPlan, link: SettingValues | None) -> list[Action]:
    actions = [
        Action(SECRET_REMOVE, one.password.name or one.key_id, shown_secret(one), None, subject=one)
        for one in secrets.remove
    ]
    if not secrets.create:
        return actions
    name = f"w365 {task.environment}"
    after = {"expires": iso_time(secrets.end), "reason": secrets.create}
    actions.append(Action(SECRET_CREATE, name, None, after, after, extras={"end": secrets.end}))
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
    actions.append(Action(SECRET_LINK, name, None, {"state": "linked"}, {"state": "linked"}))
    return actions


def shown_secret(one: OwnedSecret) -> dict[str, Any]:
    end = one.password.end
    return {
        "key_id": one.key_id,
        "name": one.password.name,
        "state": one.state,
        "created": iso_time(one.password.start),
        "expires": None if end is None else iso_time(end),
    }


# Applying


def run_sso_app(task: SsoAppTask) -> dict[str, Any]:
    """The whole task. The text of a new secret is in the result only with return_secret."""
    options = task.options
    check_times(options)
    link = link_from_options(options)
    found = read_found(task, link)
    secrets = secret_plan(task, found, link)
    plan = plan_of(task, found, secrets, link)
    changes = _changes(task, found, link)
    report = task.apply(plan, changes, where="")
    if changes.new_secret:
        if options["return_secret"]:
            task.unmasked = {"client_secret": changes.new_secret}
        else:
            task.add_secrets([changes.new_secret])
    return task.outcome(report, **_result(task, found, changes, secrets, link, report))


def _changes(task: SsoAppTask, found: Found, link: SettingValues | None) -> ApplicationChanges:
    graph = task.applications
    replication = task.waiting("replication_timeout")

    def prove(text: str) -> None:
        application = made_before(changes.application)
        tenant = "" if link else task.required_option("entra_tenant", "to try the new secret")
        authority = link.values["authority"] if link else f"{task.authority_root}/{tenant}"
        task.sso_tokens(authority, application.client_id, text).token()

    def check_after(values: SettingValues) -> None:
        if task.options["post_check"] == "redirect":
            from .sso_checks import check_page  # start-up

            changes.page = check_page(task, values)

    rotation = Rotation(
        graph,
        task.environment,
        prove=prove,
        names=lambda: name_of(task.environment, iso_time(graph.now), random_source.token_hex(3)),
        replication=replication,
        activation=task.waiting("activation_timeout"),
    )
    owners = (task.caller(), *(task.desired.owners or ())) if found.application is None else ()
    changes = ApplicationChanges(
        graph,
        task.desired,
        application=found.application,
        principal=found.principal,
        resources=found.resources,
        rotation=rotation,
        replication=replication,
        owners=tuple(dict.fromkeys(filter(None, owners))),
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
    application = changes.application
    if wrote and application is not None and not changes.linked:
        # An answer may be older than what was seen when a secret was linked.
        id = application.id
        application = or_none(lambda: task.applications.application(id)) or application
    principal = changes.principal
    return {
        "application": shown_application(application),
        "service_principal": shown_principal(principal),
        "consent": [shown_consent(one, done=wrote) for one in found.consents],
        "excess_consent": [] if task.desired.consent == "exact" else shown_excess(found.consents),
        **shown_secrets(task, application),
        "rotated": bool(changes.new_secret),
        "rotation_reason": (secrets.create or None) if secrets else None,
        "shortened_by_policy": bool(secrets and secrets.shortened),
        "not_proven": [*not_proven(link, found), *([changes.page] if changes.page else [])],
    }


def shown_application(application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    return {
        **shown_identity(application),
        "unique_name": application.unique_name or None,
        "redirect_uris": list(application.redirects),
    }


def shown_principal(principal: Principal | None) -> dict[str, Any] | None:
    if principal is None:
        return None
    return {
        "id": principal.id,
        "enabled": principal.enabled,
        "assignment_required": principal.assignment_required,
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


def shown_secrets(task: SsoAppTask, application: Application | None) -> dict[str, Any]:
    listed = secrets_of(application, task.environment)
    linked = next((one for one in listed if one.state == "linked"), None)
    end = linked.password.end if linked else None
    left = None if end is None else round((end - task.applications.now) / DAY, 1)
    return {
        "secrets": [shown_secret(one) for one in listed],
        "foreign_secrets": sum(one.state == FOREIGN for one in listed),
        "secret": shown_secret(linked) if linked else None,
        "days_left": left,
    }


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
