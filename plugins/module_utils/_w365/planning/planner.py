# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The business rules: desired x current x policy -> plan.

No HTTP, no Ansible, no clock. Diff, counts, guards and check mode are derived from the plan, so they cannot differ
from what is done.
"""

from __future__ import annotations

from ..model.desired import Desired
from ..model.directory import Capabilities, Snapshot
from .directory import plan_directory
from .guards import guarded
from .plan import Plan


def make_plan(desired: Desired, current: Snapshot, capabilities: Capabilities, *, assume_missing: bool = False) -> Plan:
    """The changes that turn `current` into `desired`.

    With `assume_missing`, users who should be members or administrators and do not exist are assumed to be created by an
    earlier task: in check mode that task has created nothing.

    Raises InputError when the input contradicts itself or needs what the directory does not support, and GuardError when
    the environment would be left without an active administrator, a protected user would be removed, or a purge would
    exceed its limit. All are raised before any write.
    """
    plan = plan_directory(desired, current, capabilities, assume_missing=assume_missing)
    return guarded(desired, current, plan)
