# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses plans that remove too many members from a group without naming them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..errors import GuardError
from ..model.desired import DesiredGroup
from ..model.directory import UNRESOLVED, Snapshot
from ..model.removal_policy import RemovalLimit
from .actions import MEMBERSHIP_CHANGE, Action
from .plan import Plan

FEW = 10
"""A percentage never limits the removal of up to so many members: in a small group, one member is a large part."""

NAMES_SHOWN = 5


def with_unnamed_removals(plan: Plan, groups: Iterable[DesiredGroup]) -> Plan:
    """The plan with the members that it removes although the task does not list them under `remove`."""
    named = {group.key: group.members.remove for group in groups if group.members is not None}
    return plan._replace(
        actions=tuple(_marked(action, named.get(_key(action), frozenset())) for action in plan.actions)
    )


def _key(action: Action) -> str:
    return str(action.outcome.key) if action.type is MEMBERSHIP_CHANGE else ""


def _marked(action: Action, named: frozenset[str]) -> Action:
    if action.type is not MEMBERSHIP_CHANGE:
        return action
    unnamed = tuple(key for key in action.changes["remove"] if key not in named)
    return replace(action, unnamed=unnamed) if unnamed else action


def guard_memberships(limit: RemovalLimit, current: Snapshot, plan: Plan) -> None:
    """Raises GuardError with all groups that would lose more than the limit of their current members."""
    refusals: list[str] = []
    would_go: list[str] = []
    for action in plan.actions:
        removed = [key for key in action.unnamed if key in action.changes["remove"]]
        if not removed:
            continue
        group = current.groups_by_id.get(action.subject.id) or action.subject
        people = sum(not key.startswith(UNRESOLVED) for key in group.members or ())
        if not _exceeds(len(removed), people, limit):
            continue
        more = f" and {len(removed) - NAMES_SHOWN} more" if len(removed) > NAMES_SHOWN else ""
        shown = ", ".join(f"'{key}'" for key in removed[:NAMES_SHOWN])
        refusals.append(f"Group '{action.name}' would lose {len(removed)} of {people} members: {shown}{more}.")
        would_go += [f"{action.name}: {key}" for key in removed]
    if refusals:
        raise GuardError(
            f"Refused, and nothing was written: membership_limit is {limit}. {' '.join(refusals)} If this is intended, raise "
            "membership_limit for this run (100% switches it off); otherwise check what is missing at the source.",
            would_go={"memberships": would_go},
        )


def _exceeds(removed: int, people: int, limit: RemovalLimit) -> bool:
    if limit.per_cent:
        return removed > FEW and removed * 100 > limit.number * people
    return removed > limit.number
