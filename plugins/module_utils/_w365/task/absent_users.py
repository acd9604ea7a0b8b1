# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users with state=absent of w365_directory: what becomes of each of them is part of the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ApplyError
from ..planning.reviewed_plan import as_desired
from .offboarding import Offboarding
from .plan_options import is_planning, plan_source

if TYPE_CHECKING:
    from ..execution.results import ApplyResult
    from ..model.desired import Desired
    from ..planning.plan import Plan
    from .directory import DirectoryTask


def with_offboarding(task: DirectoryTask, plan: Plan, desired: Desired) -> Plan:
    """Notes what the task says about users with state=absent; returns the plan with a warning where it finds none of them."""
    # The users that a reviewed plan deletes are in the plan.
    listed = as_desired(plan) if plan_source(task.options) else desired
    if all(thing.present for thing in listed.objects):
        return plan
    task.offboarding = Offboarding(listed, task.current, task.where)
    warning = task.offboarding.warning()
    return plan._replace(notes=(*plan.notes, warning)) if warning else plan


def offboarding_outcome(task: DirectoryTask, report: ApplyResult, **own: Any) -> dict[str, Any]:
    """The result of the task. Raises ApplyError with it when a user or group to delete does not exist and must."""
    result = task.outcome(report, **own)
    offboarding = task.offboarding
    if offboarding is None:
        return result
    predicted = task.check_mode or is_planning(task.options)
    result["absent_users"] = offboarding.rows(report, predicted=predicted)
    missing = offboarding.missing() if task.options["absent_must_exist"] else ""
    # In check mode an environment that does not exist yet holds nobody.
    if missing and (task.current.users or not task.check_mode):
        raise ApplyError(
            f"{missing} Everything else of this task is {'planned' if predicted else 'done'}. Check the spelling, and remove "
            "names that are gone, or set absent_must_exist=false to accept them.",
            **{name: value for name, value in result.items() if name not in ("compared", "left_out")},
        )
    return result
