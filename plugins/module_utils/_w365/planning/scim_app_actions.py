# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the kinds of change of a SCIM application and its job, as actions.py for directories; in the plan's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from .actions import Action, ActionType, Handler, ObjectKind, Phase, ReportPart, ReportWords

APPLICATION = ObjectKind("application", "enterprise application", "enterprise applications", "enterprise application")
JOB = ObjectKind("job", "provisioning job", "provisioning jobs", "provisioning job")
JOB_SETTINGS = ObjectKind("job_settings", "provisioning setting", "provisioning settings", "provisioning settings")
ASSIGNMENT = ObjectKind("assignment", "assignment", "assignments", "assignment")
ON_DEMAND = ObjectKind("provisioning", "object", "objects", "provisioning on demand")


class ScimAppHandlers(Protocol):
    """Changes an enterprise application, its provisioning job and its assignments."""

    def create_application(self, action: Action) -> Any:
        """Create the enterprise application from its template, then name and tag it."""

    def update_application(self, action: Action) -> Any:
        """Write the name and the tags that `changes` names."""

    def delete_application(self, action: Action) -> Any:
        """Delete the application of `subject`; it can be restored for 30 days."""

    def create_job(self, action: Action) -> Any:
        """Create the provisioning job."""

    def write_settings(self, action: Action) -> Any:
        """Try the new address and token, then write all settings."""

    def assign(self, action: Action) -> Any:
        """Assign the user or group with the id that `subject` is."""

    def unassign(self, action: Action) -> Any:
        """Remove the assignment of `subject`."""

    def start_job(self, action: Action) -> Any:
        """Start the job."""

    def pause_job(self, action: Action) -> Any:
        """Pause the job: no cycle begins any more."""

    def restart_job(self, action: Action) -> Any:
        """Restart the job: its next cycle looks at everybody."""

    def allow_deletes(self, action: Action) -> Any:
        """Let the job remove what it holds back."""

    def provision(self, action: Action) -> Any:
        """Provision the user or group of `subject` now."""


def _row(
    about: ObjectKind,
    verb: str,
    sentence: str,
    words: tuple[str, str],
    handler: Callable[[ScimAppHandlers], Handler],
) -> ActionType:
    return ActionType(about, verb, Phase.SETTINGS, sentence, ReportWords(ReportPart.SETTINGS, *words), handler)


APPLICATION_CREATE = _row(
    APPLICATION,
    "create",
    "create enterprise application '{name}'",
    ("application created", "be created"),
    lambda entra: entra.create_application,
)
APPLICATION_UPDATE = _row(
    APPLICATION,
    "update",
    "change enterprise application '{name}'",
    ("application changed", "be changed"),
    lambda entra: entra.update_application,
)
APPLICATION_DELETE = _row(
    APPLICATION,
    "delete",
    "delete enterprise application '{name}'",
    ("application deleted", "be deleted"),
    lambda entra: entra.delete_application,
)
JOB_CREATE = _row(
    JOB,
    "create",
    "create the provisioning job of '{name}'",
    ("job created", "be created"),
    lambda entra: entra.create_job,
)
JOB_START = _row(
    JOB,
    "start",
    "start the provisioning job of '{name}'",
    ("job started", "be started"),
    lambda entra: entra.start_job,
)
JOB_PAUSE = _row(
    JOB,
    "pause",
    "pause the provisioning job of '{name}'",
    ("job paused", "be paused"),
    lambda entra: entra.pause_job,
)
JOB_RESTART = _row(
    JOB,
    "restart",
    "restart the provisioning job of '{name}'",
    ("job restarted", "be restarted"),
    lambda entra: entra.restart_job,
)
JOB_ALLOW_DELETES = _row(
    JOB,
    "allow_deletes",
    "allow the removals that the provisioning job of '{name}' holds back",
    ("removals allowed", "be allowed to remove"),
    lambda entra: entra.allow_deletes,
)
SETTINGS_WRITE = _row(
    JOB_SETTINGS,
    "write",
    "write the provisioning settings of '{name}'",
    ("settings written", "be written"),
    lambda entra: entra.write_settings,
)
ASSIGNMENT_ADD = _row(
    ASSIGNMENT,
    "add",
    "assign '{name}'",
    ("assigned", "be assigned"),
    lambda entra: entra.assign,
)
ASSIGNMENT_REMOVE = _row(
    ASSIGNMENT,
    "remove",
    "remove the assignment of '{name}'",
    ("assignment removed", "lose the assignment"),
    lambda entra: entra.unassign,
)
PROVISION = _row(
    ON_DEMAND,
    "provision",
    "provision '{name}' on demand",
    ("provisioned", "be provisioned"),
    lambda entra: entra.provision,
)
