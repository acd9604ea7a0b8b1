# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The business rules: desired x current x policy -> plan.

Pure: no HTTP, no Ansible, no clock. Diff, counts, guards and check mode are read off the plan, so they cannot
disagree with what is done.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from ..model.capabilities import Capabilities
from ..model.desired import Desired
from ..model.directory import Snapshot
from .plan import Plan
from .users import plan_user


def make_plan(desired: Desired, current: Snapshot, capabilities: Capabilities, *, assume_missing: bool = False) -> Plan:
    """What has to be done so that `current` becomes `desired`.

    With `assume_missing`, users who should be members or administrators and do not exist are taken to be created by an
    earlier task: check mode cannot see what that task would have done.

    Raises InputError when the input contradicts itself or asks for what the directory cannot hold, and GuardError
    when the environment would be left without an active administrator, a protected account would be removed, or a purge
    would remove more than its limit. All come before any write.
    """
    if _is_one_user(desired):
        plan = plan_user(desired.users[0], current, capabilities)
    else:
        from .directory import plan_directory  # start-up

        plan = plan_directory(desired, current, capabilities, assume_missing=assume_missing)
    if plan.actions:
        from .guards import guard  # start-up

        guard(current, plan, desired.protected)
    return plan


def _is_one_user(desired: Desired) -> bool:
    """Whether this is about one user, so that nothing can contradict itself."""
    others = desired.groups or desired.administrators is not None or desired.whole or desired.purge or desired.left_out
    return len(desired.users) == 1 and not others
