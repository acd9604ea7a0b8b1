# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of the app registration that people sign in with, and what w365_sso_app would change of it."""

from __future__ import annotations

from typing import Any

from ..entra.app_policies import SecretPolicy, read_policy
from ..entra.applications import merged_properties
from ..errors import AuthenticationError, EnvironmentNotFoundError
from ..model.applications import DAY
from ..model.settings import SSO, SettingValues
from .applications import shown_application
from .registrations import shown_principal, shown_secrets
from .sso_app import (
    Found,
    SsoAppTask,
    read_found,
    shown_consent,
    shown_excess,
)


def run_sso_app_info(task: SsoAppTask) -> dict[str, Any]:
    found = read_found(task, None)
    application = found.application
    policy = read_policy(task.applications, application.id, application.created) if application else SecretPolicy()
    sso, readable = _linked(task)
    result = {
        "changed": False,
        "found": application is not None,
        "application": shown_application(application),
        "deleted_application": shown_application(found.deleted),
        "service_principal": shown_principal(found.principal),
        "consent": [shown_consent(one, done=False) for one in found.consents],
        "excess_consent": shown_excess(found.consents),
        **shown_secrets(task, application, task.environment),
        "policy": {
            "readable": policy.known,
            "secrets_allowed": policy.allowed,
            "longest_days": None if policy.longest is None else round(policy.longest / DAY, 1),
        },
        "sso": sso.as_result() if sso else None,
        "readable": readable,
        "drift": drift(task, found),
    }
    known = application.client_id if application else ""
    result["linked"] = sso.values.get("client_id", "").lower() == known if sso and known else None
    return result


def _linked(task: SsoAppTask) -> tuple[SettingValues | None, bool]:
    """What Workspace 365 shows; nothing without the key of its Provisioning API."""
    if not task.has_provisioning:
        return None, False
    try:
        return task.instance.find_setting(SSO, task.environment)
    except (AuthenticationError, EnvironmentNotFoundError) as error:
        task.warn(f"The single sign-on of environment '{task.environment}' could not be read: {error.message}")
        return None, False


def drift(task: SsoAppTask, found: Found) -> list[str]:
    """What differs from what is wanted, each by its name: properties as Microsoft Graph calls them, scopes that are missing."""
    if found.application is None:
        return ["application"]
    differing = sorted(merged_properties(found.application, task.desired, found.resources, new=False))
    if found.principal is None:
        differing.append("servicePrincipal")
    elif found.principal.enabled is False:
        differing.append("accountEnabled")
    return differing + [f"consent {one.resource.title} {scope}" for one in found.consents for scope in one.missing]
