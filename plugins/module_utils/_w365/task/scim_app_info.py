# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of the application that sends users over SCIM, and whether its attribute mappings can work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..api.synchronization import mappings_of
from ..entra.scim_settings import shown_settings
from ..inputs.scim_app import identity_from_options
from .scim_app import (
    Found,
    ScimAppTask,
    read_application,
    saved_refusal,
    shown_assignments,
    shown_job,
    shown_scim_application,
    shown_staged,
)

NEEDED = {
    "User": ("userName", "active", "displayName", "name.givenName", "name.familyName"),
    "Group": ("displayName", "members"),
}
"""The attributes of SCIM that Workspace 365 needs, by the kind of object in Microsoft Entra."""

MATCHING = "userName"
"""The attribute by which Microsoft Entra finds a user in Workspace 365."""


def run_scim_app_info(task: ScimAppTask) -> dict[str, Any]:
    desired = identity_from_options(task.options, task.named_environment)
    found = read_application(task, desired)
    refusal = saved_refusal(task, found) if task.options["check_credentials"] else None
    mappings = _mappings(task, found)
    return {
        "changed": False,
        "found": found.application is not None,
        "application": shown_scim_application(found.application),
        "service_principal_id": found.enterprise.id if found.enterprise else None,
        "job": shown_job(found.job),
        "settings": shown_settings(found.settings),
        "assignments": shown_assignments(found.assigned),
        "staged_removals": shown_staged(found.staged),
        "credentials_valid": None if refusal is None else not refusal,
        "credentials_message": refusal or None,
        "mappings": mappings,
        "mapping_problems": mapping_problems(mappings) if found.job else [],
    }


def _mappings(task: ScimAppTask, found: Found) -> list[dict[str, Any]]:
    if found.enterprise is None or found.job is None or found.application is None:
        return []
    principal, job = found.enterprise.id, found.job.id
    return mappings_of(task.ready(found.application, lambda: task.applications.schema(principal, job)))


def mapping_problems(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What would not work with these mappings, in sentences."""
    problems: list[str] = []
    for kind, needed in NEEDED.items():
        targets = {one["target"] for one in mappings if one["object"] == kind}
        problems += [
            f"Nothing is sent for attribute {target} of a {kind.lower()}." for target in needed if target not in targets
        ]
    matching = [one["target"] for one in mappings if one["object"] == "User" and one["matching"]]
    if matching != [MATCHING]:
        shown = ", ".join(matching) or "no attribute"
        problems.append(f"Users are matched by {shown} and not by {MATCHING}, so that they may be created twice.")
    return problems
