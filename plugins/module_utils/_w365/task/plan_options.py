# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options for plans: one is written to a file or returned, or applied from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..inputs.removal_options import limit_from_option
from ..model.desired import Desired
from ..model.names import checked_environment_name
from ..output.atomic_write import write_atomically
from ..output.plan_content import SOURCE, packed, unpacked
from ..output.plan_file import Target, content_of_file, file_source, plan_text, read_plan
from ..planning.guards import guarded
from ..planning.plan import Plan
from ..planning.plan_limits import guard_unapproved
from ..planning.reviewed_plan import as_desired, remaining, with_secrets

if TYPE_CHECKING:
    from .base import Task


def target_of(task: Task) -> Target:
    name = task.options["environment"]
    return Target(checked_environment_name(name).lower() if name else None, task.services)


def is_planning(options: Mapping[str, Any]) -> bool:
    """Whether the task makes a plan and applies nothing."""
    return bool(options["plan_file"] or options["return_plan"])


def plan_source(options: Mapping[str, Any]) -> str:
    """How sentences name the plan that is to be applied; empty when the task makes its own."""
    if options["apply_plan"]:
        return file_source(options["apply_plan"])
    return SOURCE if options["apply_plan_content"] else ""


def hand_out_plan(task: Task, plan: Plan) -> dict[str, str]:
    """Write the plan to option plan_file, atomically and readable by its owner only, and return it, where that is asked for.

    Returns the keys of the result.
    """
    text, digest = plan_text(plan, target_of(task))
    result = {"plan_digest": digest}
    if task.options["return_plan"]:
        result["plan"] = packed(text)
    if task.options["plan_file"]:
        write_atomically(task.options["plan_file"], text, "plan_file")
    return result


def given_plan(task: Task, desired: Desired) -> tuple[Plan, str]:
    """The remaining actions of the plan in option apply_plan or apply_plan_content, and its digest.

    `desired` has the write-only values.
    """
    options = task.options
    if options["apply_plan"]:
        content = content_of_file(options["apply_plan"], trust=options["trust_local_files"], warn=task.warn)
    else:
        content = unpacked(options["apply_plan_content"])
    reviewed, digest = read_plan(content, plan_source(options), target_of(task), options["plan_digest"])
    plan = with_secrets(reviewed, desired.users)
    current = task.read(as_desired(plan))
    plan = remaining(plan, current)
    if options["plan_digest"]:
        # The limits were met when the plan was made, and somebody has approved what they let through.
        desired = desired._replace(membership_limit=None)
    else:
        plan = guard_unapproved(limit_from_option(options["purge_limit"], "purge_limit"), current, plan)
    return guarded(desired, current, plan), digest
