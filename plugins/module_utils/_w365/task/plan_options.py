# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options plan_file and apply_plan: a plan is written to a file, or applied from one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..inputs.removal_options import limit_from_option
from ..model.desired import Desired
from ..model.names import checked_environment_name
from ..model.terminal import escaped_json
from ..output.atomic_write import write_atomically
from ..output.plan_file import Target, _digest, _document, read_plan
from ..planning.guards import guarded
from ..planning.plan import Plan
from ..planning.plan_limits import guard_unapproved
from ..planning.reviewed_plan import as_desired, remaining, with_secrets

if TYPE_CHECKING:
    from .base import Task


def target_of(task: Task) -> Target:
    name = task.options["environment"]
    return Target(checked_environment_name(name).lower() if name else None, task.services)


def write_plan(task: Task, plan: Plan) -> str:
    """Write the plan to option plan_file, atomically and readable by its owner only; returns its digest."""
    path = task.options["plan_file"]
    document = _document(plan, target_of(task))
    digest = _digest(document)
    text = escaped_json(json.dumps({**document, "digest": digest}, indent=2, ensure_ascii=False)) + "\n"
    write_atomically(path, text, "plan_file")
    return digest


def plan_of_file(task: Task, desired: Desired) -> tuple[Plan, str]:
    """The remaining actions of the plan in option apply_plan, and its digest. `desired` has the write-only values."""
    options = task.options
    reviewed, digest = read_plan(
        options["apply_plan"],
        target_of(task),
        options["plan_digest"],
        trust=options["trust_local_files"],
        warn=task.warn,
    )
    plan = with_secrets(reviewed, desired.users)
    current = task.read(as_desired(plan))
    plan = remaining(plan, current)
    if options["plan_digest"]:
        # The limits were met when the plan was made, and somebody has approved what they let through.
        desired = desired._replace(membership_limit=None)
    else:
        plan = guard_unapproved(limit_from_option(options["purge_limit"], "purge_limit"), current, plan)
    return guarded(desired, current, plan), digest
