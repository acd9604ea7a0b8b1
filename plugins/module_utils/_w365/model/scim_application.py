# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The enterprise application with which Microsoft Entra provisions users over SCIM, and its provisioning job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The template of applications that are in no gallery (contract; S)."""

DEFAULT_ROLE = "00000000-0000-0000-0000-000000000000"

JOB_TEMPLATE = "scim"

TOO_MANY_DELETES = "TooManyDeletes"
"""The reason of a quarantine in which removals are held back until somebody decides (contract, P13)."""

SCIM_TAG = "w365:scim:"
"""How the tag begins that says which environment an application sends users to."""

RESTART_MARK = "w365:scim-restart"
"""The tag that an application has from before new settings are saved until the job was restarted because of them."""


class EnterpriseApplication(NamedTuple):
    """A service principal. `role` is the id of its role for users, or that of default access."""

    id: str
    client_id: str
    display_name: str
    template_id: str
    role: str


class Assignment(NamedTuple):
    """Somebody to whom the application is assigned: `kind` is User, Group or ServicePrincipal."""

    id: str
    principal_id: str
    name: str
    kind: str


class Quarantine(NamedTuple):
    reason: str
    message: str
    began: str
    next_attempt: str


class Job(NamedTuple):
    """A provisioning job. `schedule` is Active, Disabled or Paused; `first_cycle` is when its first cycle was done."""

    id: str
    template_id: str
    schedule: str
    code: str
    quarantine: Quarantine | None = None
    errors_discarded: bool = False
    first_cycle: float | None = None
    counts: Mapping[str, int] = {}
    last_run: str = ""
    last_run_ended: float | None = None

    @property
    def is_quarantined(self) -> bool:
        return self.code == "Quarantine" or self.quarantine is not None

    @property
    def holds_deletes(self) -> bool:
        return self.quarantine is not None and self.quarantine.reason == TOO_MANY_DELETES

    @property
    def words(self) -> str:
        """Its state in words."""
        if self.quarantine is not None or self.code == "Quarantine":
            reason = self.quarantine.reason if self.quarantine else "Unknown"
            return f"in quarantine: {QUARANTINES.get(reason, f'Microsoft Entra names the reason {reason}')}"
        if self.code == "NotConfigured":
            return "not configured: its address and credentials are missing"
        if self.errors_discarded and self.schedule != "Active":
            return "stopped by Microsoft Entra after its first cycle had too many errors, which were discarded"
        if self.schedule == "Paused":
            return "paused" if self.code == "Paused" else "paused; the cycle that runs goes on to its end"
        if self.schedule == "Disabled":
            return "not started"
        return "active" if self.first_cycle is not None else "active; its first cycle is not done"


QUARANTINES: Mapping[str, str] = {
    "EncounteredBaseEscrowThreshold": "too many objects could not be provisioned",
    "EncounteredTotalEscrowThreshold": "too many objects could not be provisioned",
    "EncounteredEscrowProportionThreshold": "too large a part of the objects could not be provisioned",
    "EncounteredQuarantineException": "the SCIM service could not be reached, or refused the credentials",
    "QuarantinedOnDemand": "somebody has put it there",
    "IngestionInterrupted": "reading the directory was interrupted",
    TOO_MANY_DELETES: "more users and groups would be removed than its limit lets go",
    "Unknown": "Microsoft Entra names no reason",
}


class StagedRemoval(NamedTuple):
    """A user or group whose removal is held back."""

    id: str
    name: str
    kind: str


class Provisioned(NamedTuple):
    """What provisioning on demand came to. `result` is Success, Skipped, Failure or empty where it was not readable."""

    result: str
    code: str
    message: str

    @property
    def is_done(self) -> bool:
        return self.result == "Success" or self.is_redundant

    @property
    def is_redundant(self) -> bool:
        """Whether the SCIM service had everything already."""
        return self.result == "Skipped" and self.code == "RedundantExport"


class DemandedObject(NamedTuple):
    """A user or group to provision now. `members` are UPNs or ids; None for all direct members of the group."""

    name: str
    is_group: bool
    members: tuple[str, ...] | None = None


class DeleteGuard(NamedTuple):
    """The limit of removals in one cycle. None leaves what there is; `on` needs somebody to notify."""

    on: bool
    threshold: int | None
    email: str | None


class DesiredScimApplication(NamedTuple):
    """The SCIM application of one environment. None leaves a property as it is."""

    subject: str
    service_principal_id: str | None
    display_name: str | None
    address: str = ""
    everybody: bool = False
    skip_out_of_scope: bool | None = None
    guard: DeleteGuard = DeleteGuard(True, None, None)
    groups: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None
    provision: tuple[DemandedObject, ...] = ()

    @property
    def marker(self) -> str:
        return f"{SCIM_TAG}{self.subject}"

    @property
    def title(self) -> str:
        return self.display_name or f"Workspace365 SCIM - {self.subject}"

    @property
    def first_name(self) -> str:
        """How the name of the application begins until it has its tag, so that a later run finds one that was left."""
        return f"w365-scim {self.subject} "
