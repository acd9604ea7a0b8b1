# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that an import reads Microsoft Graph with: what there is, what has to be done, and the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api.applications import iso_time
from ..api.import_application import GraphRoles, ImportApplicationClient
from ..entra.app_policies import SecretPolicy
from ..entra.consent import check_names
from ..entra.import_application import (
    CURRENT,
    IMPORT,
    CertificatePlan,
    OwnedCertificate,
    RolePlan,
    certificates_of,
    check_dates,
    given,
    merged_import_properties,
    plan_certificates,
    plan_federated,
    plan_roles,
    purpose_notes,
    withdrawn,
)
from ..entra.secrets import FOREIGN, SecretPlan, plan_secrets
from ..inputs.environment import checked_tenant
from ..inputs.import_app import check_import_times, import_application_from_options
from ..model.applications import DAY, Application, Principal
from ..model.import_application import (
    DesiredImportApplication,
    FederatedCredential,
    GrantedRole,
    KeyCredential,
    PublicCertificate,
)
from ..planning.actions import Action
from ..planning.application_actions import PRINCIPAL_CREATE
from ..planning.import_app_actions import (
    CERTIFICATE_ADD,
    CERTIFICATE_REMOVE,
    FEDERATED_CREATE,
    FEDERATED_UPDATE,
    PERMISSION_GRANT,
    PERMISSION_WITHDRAW,
    SECRET_LINK,
)
from ..planning.plan import Plan
from .applications import ApplicationTask, client_of, made_before, patiently, shown_identity
from .import_app_changes import ImportAppChanges, check_owner
from .registrations import (
    application_now,
    clock_notes,
    deleted_note,
    find_registration,
    hand_over,
    linking,
    missing_owners,
    new_name,
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

if TYPE_CHECKING:
    from ..execution.results import ApplyResult


class Found(NamedTuple):
    """What there is. `keys` and `federated` are those of the application."""

    application: Application | None
    deleted: Application | None
    deleted_known: bool
    principal: Principal | None
    roles: GraphRoles
    granted: Sequence[GrantedRole]
    keys: Sequence[KeyCredential]
    federated: Sequence[FederatedCredential]
    missing_owners: tuple[str, ...]
    policy: SecretPolicy


class Planned(NamedTuple):
    certificates: CertificatePlan
    federated: Sequence[tuple[FederatedCredential | None, FederatedCredential]]
    roles: RolePlan
    secrets: SecretPlan | None


class ImportAppTask(ApplicationTask):
    """A task about the application that an import reads Microsoft Graph with."""

    @cached_property
    def applications(self) -> ImportApplicationClient:
        return client_of(self, ImportApplicationClient)

    @cached_property
    def desired(self) -> DesiredImportApplication:
        return import_application_from_options(self.options, self._certificate())

    def _certificate(self) -> PublicCertificate | None:
        path = self.options["certificate_path"]
        if not path:
            return None
        from ..api.public_certificates import read_public_certificate  # start-up

        found = read_public_certificate(path)
        check_dates(path, found, time.time())
        return found

    @property
    def consent_url(self) -> str:
        """Where an administrator consents to all permissions that the application asks for (S)."""
        tenant = self.options["entra_tenant"]
        return f"{self.authority_root}/{checked_tenant(tenant) if tenant else 'organizations'}/adminconsent?client_id="


# Reading


def read_found(task: ImportAppTask) -> Found:
    """Everything that the plan needs, and that w365_import_app_info shows; only reads, after the options were checked."""
    desired, graph = task.desired, task.applications
    if desired.owner_tenant is None:
        application, deleted, known = find_registration(task, desired)
        client_id = application.client_id if application else ""
    else:
        application, deleted, known = None, None, True
        client_id = desired.client_id or ""
    principal = graph.principal(client_id) if client_id else None
    if principal is not None and desired.owner_tenant is not None:
        check_owner(principal, desired, "Nothing was written.")
    roles = graph.graph_roles()
    check_names("Microsoft Graph", desired.permissions, roles, "application", "permissions")
    return Found(
        application,
        deleted,
        known,
        principal,
        roles,
        graph.granted_roles(principal.id, roles) if principal else (),
        graph.keys(application.id) if application else (),
        graph.federated(application.id) if application else (),
        missing_owners(task, application, desired.owners),
        policy_of(task, application),
    )


# Planning


def plan_parts(task: ImportAppTask, found: Found) -> Planned:
    options, desired = task.options, task.desired
    secrets = None
    if options["secret"] == "managed":
        reason = "rotate=always asks for it" if options["rotate"] == "always" else ""
        settings = secret_options(task, desired.mark, reason, IMPORT)
        secrets = plan_secrets(found.application, found.policy, task.applications.now, settings)
    certificates = plan_certificates(
        found.keys,
        desired,
        task.applications.now,
        options["overlap"] * DAY,
        options["expiry_warning"] * DAY,
        unreadable=options["unreadable_keys"],
    )
    federated = plan_federated(found.federated, desired.federated)
    return Planned(certificates, federated, plan_roles(found.granted, desired), secrets)


def plan_of(task: ImportAppTask, found: Found, parts: Planned) -> Plan:
    """The actions in the order in which they are made. Permissions are last, since they need another permission of the caller."""
    desired = task.desired
    notes = [
        *purpose_notes(found.application, desired),
        *parts.certificates.notes,
        *(parts.secrets.notes if parts.secrets else ()),
    ]
    if found.principal is not None and found.principal.enabled is False:
        notes.append("The service principal is disabled, so the import gets no token. Enable it in the portal.")
    actions = _registration_actions(task, found, notes) if desired.owner_tenant is None else []
    title = found.application.display_name if found.application else desired.title
    restores = found.deleted is not None and task.options["restore_deleted"]
    if found.principal is None and not restores:
        about = title if desired.owner_tenant is None else str(desired.client_id)
        actions.append(Action(PRINCIPAL_CREATE, about, None, {"enabled": True}, {"enabled": True}))
    actions += _credential_actions(task, parts)
    actions += [
        Action(PERMISSION_GRANT, name, None, {"granted": True}, subject=name)
        for name in given(parts.roles, desired.consent)
    ]
    actions += [
        Action(PERMISSION_WITHDRAW, one.name, {"granted": True}, None, subject=one)
        for one in withdrawn(parts.roles, desired.consent)
    ]
    actions += [
        Action(CERTIFICATE_REMOVE, one.key.name, shown_certificate(task, one), None, subject=one)
        for one in parts.certificates.remove
    ]
    unchanged = []
    if found.application is not None and not any(action.kind == "application" for action in actions):
        unchanged.append(("application", found.application.display_name))
    unchanged += [("permission", name) for name in desired.permissions if name not in parts.roles.missing]
    return Plan(tuple(actions), tuple(unchanged), notes=(*notes, *clock_notes(task)))


def _registration_actions(task: ImportAppTask, found: Found, notes: list[str]) -> list[Action]:
    desired, application = task.desired, found.application
    if application is None and found.deleted is not None:
        if task.options["restore_deleted"]:
            return [restoration(found.deleted)]
        notes.append(deleted_note(desired, found.deleted))
    changes = merged_import_properties(application, desired, found.roles, new=application is None)
    return registration_actions(
        application, desired, changes, found.missing_owners, permissions=list(desired.permissions)
    )


def _credential_actions(task: ImportAppTask, parts: Planned) -> list[Action]:
    desired, secrets = task.desired, parts.secrets
    actions = secret_actions(secrets, desired.mark) if secrets else []
    if secrets and secrets.create:
        actions.append(linking(SECRET_LINK, desired.mark))
    if parts.certificates.add:
        certificate = made_before(desired.certificate)
        after = {"thumbprint": certificate.thumbprint, "expires": iso_time(certificate.end)}
        actions.append(Action(CERTIFICATE_ADD, f"w365 {desired.mark}", None, after, after))
    for current, wanted in parts.federated:
        before = None if current is None else shown_federated(current)
        after = shown_federated(wanted)
        changes = {name: value for name, value in after.items() if before is None or before[name] != value}
        kind = FEDERATED_CREATE if current is None else FEDERATED_UPDATE
        actions.append(Action(kind, wanted.name, before, after, changes, subject=current, outcome=wanted))
    return actions


# Applying


def run_import_app(task: ImportAppTask) -> dict[str, Any]:
    """The whole task. The text of a new secret is in the result only with return_secret."""
    check_import_times(task.options)
    found = read_found(task)
    parts = plan_parts(task, found)
    plan = plan_of(task, found, parts)
    changes = _changes(task, found)
    report = task.apply(plan, changes, where="")
    hand_over(task, changes.new_secret)
    return task.outcome(report, **_result(task, found, changes, parts, report))


def _changes(task: ImportAppTask, found: Found) -> ImportAppChanges:
    desired = task.desired

    def prove(text: str) -> None:
        tenant = task.required_option("entra_tenant", "to try the new secret")
        client_id = made_before(changes.application).client_id
        task.sso_tokens(f"{task.authority_root}/{tenant}", client_id, text).token()

    changes = ImportAppChanges(
        task.applications,
        desired,
        roles=found.roles,
        names=lambda: new_name(task, desired.mark),
        unreadable=task.options["unreadable_keys"],
        consent_url=task.consent_url,
        application=found.application,
        principal=found.principal,
        rotation=new_rotation(task, desired.mark, prove, IMPORT),
        replication=task.waiting("replication_timeout"),
        owners=owners_of_new(task, found.application, desired.owners) if desired.owner_tenant is None else (),
    )
    return changes


# The result


def _result(
    task: ImportAppTask, found: Found, changes: ImportAppChanges, parts: Planned, report: ApplyResult
) -> dict[str, Any]:
    graph, desired = task.applications, task.desired
    wrote = report.changed_anything and not task.check_mode
    application = application_now(task, changes, wrote=wrote)
    principal = changes.principal
    keys, federated = found.keys, found.federated
    if wrote and application is not None:
        keys, federated = graph.keys(application.id), graph.federated(application.id)
    roles = _roles_now(task, found, parts, principal) if wrote else parts.roles
    return {
        "application": shown_import_application(application),
        "service_principal": shown_import_principal(principal),
        "client_id": _client_id(application, principal, desired),
        "permissions": shown_permissions(roles),
        "excess_permissions": sorted(one.name for one in roles.excess),
        "admin_consent_url": admin_consent_url(task, application, principal),
        **shown_certificates(task, keys),
        "federated_credentials": [shown_federated(one) for one in federated],
        **shown_secrets(task, application, desired.mark),
        "rotated": bool(changes.new_secret),
        "rotation_reason": (parts.secrets.create or None) if parts.secrets else None,
        "shortened_by_policy": bool(parts.secrets and parts.secrets.shortened),
        "not_proven": _not_proven(task, found),
    }


def _roles_now(task: ImportAppTask, found: Found, parts: Planned, principal: Principal | None) -> RolePlan:
    """The permissions after all changes. An answer about a new service principal may be older than they are."""
    desired, granted = task.desired, found.granted
    if found.deleted is not None and principal is not None and task.options["restore_deleted"]:
        # What a restored one has was not known before.
        client, restored = task.applications, principal.id
        granted = patiently(task.waiting("replication_timeout")(), lambda: client.granted_roles(restored, found.roles))
    gone = {one.id for one in withdrawn(parts.roles, desired.consent)}
    kept = [one for one in granted if one.id not in gone]
    names = {one.name for one in kept}
    new = [name for name in given(parts.roles, desired.consent) if name not in names]
    return plan_roles([*kept, *(GrantedRole("", found.roles[name], name) for name in new)], desired)


def _client_id(
    application: Application | None, principal: Principal | None, desired: DesiredImportApplication
) -> str | None:
    if application is not None:
        return application.client_id
    return principal.client_id.lower() if principal is not None else desired.client_id


def admin_consent_url(task: ImportAppTask, application: Application | None, principal: Principal | None) -> str | None:
    client_id = _client_id(application, principal, task.desired)
    return None if client_id is None else f"{task.consent_url}{client_id}"


def shown_import_application(application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    return {
        **shown_identity(application),
        "unique_name": application.unique_name or None,
        "sign_in_audience": application.audience or None,
    }


def shown_import_principal(principal: Principal | None) -> dict[str, Any] | None:
    shown = shown_principal(principal)
    return None if shown is None or principal is None else {**shown, "owner_tenant": principal.owner or None}


def shown_permissions(roles: RolePlan) -> dict[str, Any]:
    return {
        "granted": sorted(one.name or one.role_id for one in roles.granted),
        "missing": sorted(roles.missing),
    }


def shown_certificate(task: ImportAppTask, one: OwnedCertificate) -> dict[str, Any]:
    key = one.key
    return {
        "key_id": key.key_id,
        "name": key.name or None,
        "state": one.state,
        "thumbprint": key.thumbprint or None,
        "starts": None if key.start is None else iso_time(key.start),
        "expires": None if key.end is None else iso_time(key.end),
        "days_left": None if key.end is None else round((key.end - task.applications.now) / DAY, 1),
    }


def shown_certificates(task: ImportAppTask, keys: Sequence[KeyCredential]) -> dict[str, Any]:
    listed = certificates_of(keys, task.desired.certificate, task.desired.mark)
    current = next((one for one in listed if one.state == CURRENT), None)
    return {
        "certificates": [shown_certificate(task, one) for one in listed],
        "certificate": shown_certificate(task, current) if current else None,
        "foreign_certificates": sum(one.state == FOREIGN for one in listed),
    }


def shown_federated(one: FederatedCredential) -> dict[str, Any]:
    return {
        "name": one.name,
        "issuer": one.issuer,
        "subject": one.subject,
        "audience": one.audience,
        "description": one.description or None,
    }


def _not_proven(task: ImportAppTask, found: Found) -> list[str]:
    """What this task cannot know, in sentences."""
    desired = task.desired
    sentences: list[str] = []
    if desired.certificate is not None:
        sentences.append(
            "Nobody has signed in with the certificate: its private key is where the import runs. A preview of the import shows whether it fits."
        )
    if desired.federated:
        sentences.append("Nobody has signed in with a federated credential: only its issuer can make a token.")
    if not found.deleted_known:
        sentences.append(
            "The task may not list deleted app registrations, so it is not known whether one can be restored."
        )
    if not found.policy.known:
        sentences.append(
            "The tenant's app management policy could not be read, so Microsoft Entra alone decides about new secrets."
        )
    if desired.consent != "none":
        sentences.append(
            "Microsoft Entra needs some minutes until a new permission is in the tokens of the application."
        )
    return sentences
