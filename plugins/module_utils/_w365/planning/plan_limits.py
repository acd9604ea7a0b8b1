# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses a plan from a file that nobody has approved, when it removes more than the limits of this task allow."""

from __future__ import annotations

from dataclasses import replace

from ..errors import GuardError
from ..model.directory import Snapshot
from ..model.removal_policy import RemovalLimit
from .actions import ADMINISTRATOR_REVOKE, GROUP_DELETE, MEMBERSHIP_CHANGE, USER_DELETE, USER_DELETE_PERMANENTLY, Action
from .plan import Plan

NAMES_SHOWN = 10


def guard_unapproved(limit: RemovalLimit, current: Snapshot, plan: Plan) -> Plan:
    """The plan, in which every removed member counts as one that nobody has named. Raises GuardError.

    Deletions count against the listing that was just read: a file can say anything about what was there.
    """
    removed: dict[str, list[str]] = {"users": [], "groups": [], "administrators": []}
    for action in plan.actions:
        kind = _removed_kind(action)
        if kind:
            removed[kind].append(action.name)
    active = [user for user in current.users if user.active is not False]
    there = {"users": len(active), "groups": len(current.groups), "administrators": len(current.administrators or ())}
    over = {kind: names for kind, names in removed.items() if len(names) > limit.of(there[kind])}
    if over:
        refusals = " ".join(
            f"{len(names)} of {there[kind]} {kind} would be removed: {_shown(names)}." for kind, names in over.items()
        )
        raise GuardError(
            f"Refused, and nothing was written: no plan_digest says that this plan was approved, and purge_limit is {limit}. "
            f"{refusals} Give plan_digest, which the task with plan_file returned, or raise purge_limit for this run.",
            would_go=over,
        )
    return plan._replace(actions=tuple(map(_with_members_counted, plan.actions)))


def _removed_kind(action: Action) -> str:
    if action.type in (USER_DELETE, USER_DELETE_PERMANENTLY) or (
        action.is_about_user and action.changes.get("active") is False and action.subject is not None
    ):
        return "users"
    if action.type is GROUP_DELETE:
        return "groups"
    return "administrators" if action.type is ADMINISTRATOR_REVOKE else ""


def _with_members_counted(action: Action) -> Action:
    gone = action.type is MEMBERSHIP_CHANGE and tuple(action.changes["remove"])
    return replace(action, unnamed=gone) if gone else action


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN]) + more
