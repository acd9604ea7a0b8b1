# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of the application that an import reads Microsoft Graph with, and what w365_import_app would change of it."""

from __future__ import annotations

from typing import Any

from ..entra.import_application import merged_import_properties, plan_federated, plan_roles
from .import_app import (
    Found,
    ImportAppTask,
    admin_consent_url,
    read_found,
    shown_certificates,
    shown_federated,
    shown_import_application,
    shown_import_principal,
    shown_permissions,
)
from .registrations import shown_secrets


def run_import_app_info(task: ImportAppTask) -> dict[str, Any]:
    found = read_found(task)
    application, principal = found.application, found.principal
    roles = plan_roles(found.granted, task.desired)
    return {
        "changed": False,
        "found": (application if task.desired.owner_tenant is None else principal) is not None,
        "application": shown_import_application(application),
        "deleted_application": shown_import_application(found.deleted),
        "service_principal": shown_import_principal(principal),
        "permissions": shown_permissions(roles),
        "excess_permissions": sorted(one.name for one in roles.excess),
        "admin_consent_url": admin_consent_url(task, application, principal),
        **shown_certificates(task, found.keys),
        "federated_credentials": [shown_federated(one) for one in found.federated],
        **shown_secrets(task, application, task.desired.mark),
        "drift": drift(task, found),
    }


def drift(task: ImportAppTask, found: Found) -> list[str]:
    """What differs from what is wanted, each by its name: properties as Microsoft Graph calls them, permissions that are missing."""
    desired = task.desired
    differing: list[str] = []
    if desired.owner_tenant is None:
        if found.application is None:
            return ["application"]
        differing += sorted(merged_import_properties(found.application, desired, found.roles, new=False))
    if found.principal is None:
        differing.append("servicePrincipal")
    elif found.principal.enabled is False:
        differing.append("accountEnabled")
    if desired.certificate is not None and all(key.thumbprint != desired.certificate.thumbprint for key in found.keys):
        differing.append(f"certificate {desired.certificate.thumbprint}")
    differing += [
        f"federated credential {one.name}" for _now, one in plan_federated(found.federated, desired.federated)
    ]
    return [*differing, *(f"permission {name}" for name in plan_roles(found.granted, desired).missing)]
