# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans several objects: a group with its members, lists of users and groups, administrators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..model.desired import Desired, Skipped
from ..model.directory import Capabilities, Snapshot
from ..model.names import comparison_key
from .administrators import (
    plan_administrators,
    plan_revocations,
    refuse_unknown_revocations,
    without_inactive,
)
from .contradictions import refuse_duplicates, refuse_role_contradictions, refuse_two_for_one, with_missing_users
from .groups import group_deletion, plan_group
from .plan import Plan
from .predict import predict
from .user_actions import plan_removal
from .users import plan_user

if TYPE_CHECKING:
    from .removals import Removals


def plan_directory(desired: Desired, current: Snapshot, capabilities: Capabilities, *, assume_missing: bool) -> Plan:
    """The changes that turn `current` into `desired`; raises the errors of `make_plan`."""
    refuse_duplicates(desired)
    if desired.whole:
        from .matching import matched  # start-up

        desired = matched(desired, current)
    refuse_two_for_one(desired, current)
    if current.shared_user_keys:
        from .shared_names import with_ids  # start-up

        desired = with_ids(desired, current)
    refuse_role_contradictions(desired)
    if desired.emptied and desired.purge:
        from .emptied_groups import guard_emptied_groups  # start-up

        desired = guard_emptied_groups(desired, current)
    removals: Removals | None = None
    listed = desired.groups
    to_revoke = desired.administrators.remove if desired.administrators is not None else frozenset()
    if desired.administrators is not None and desired.when_administrators_unknown != "warn":
        refuse_unknown_revocations(desired.administrators, current)
    if desired.purge:
        from .removals import with_removals  # start-up

        desired, removals = with_removals(desired, current)
    users = _joined(
        [
            *(plan_user(user, current, capabilities) for user in sorted(desired.users, key=lambda u: u.key)),
            *(plan_removal(user) for user in (removals.users if removals else ())),
        ]
    )
    # Memberships are changed after the renames, so members have their new names.
    renamed = predict(current, users)
    groups = [
        *(plan_group(group, renamed, capabilities) for group in sorted(desired.groups, key=lambda g: g.key)),
        *(Plan(actions=(group_deletion(group, purged=True),)) for group in (removals.groups if removals else ())),
    ]
    so_far = _joined([users, *groups])
    current, assumed = with_missing_users(desired, current, predict(current, so_far), assume_missing)
    inactive: tuple[Skipped, ...] = ()
    if desired.administrators is not None:
        predicted = predict(current, so_far)
        change = desired.administrators
        if desired.keep_collisions:
            change, inactive = without_inactive(change, predicted)
        revoked = plan_revocations(to_revoke, current, so_far)
        so_far = _joined([so_far, plan_administrators(change, predicted, revoked), revoked])
    if desired.membership_limit is not None:
        from .membership_limit import with_unnamed_removals  # start-up

        so_far = with_unnamed_removals(so_far, listed)
    so_far = so_far._replace(notes=(*so_far.notes, *assumed))
    return so_far._replace(skipped=(*desired.skipped, *inactive, *(removals.spared if removals else ())))


def _joined(plans: Iterable[Plan]) -> Plan:
    """One plan of several, with the actions in the order of their phases."""
    plans = list(plans)
    together = Plan(
        tuple(sorted((action for plan in plans for action in plan.actions), key=lambda a: comparison_key(a.name)))
    )
    return Plan(
        actions=tuple(action for phase in together.phases() for action in phase),
        unchanged=tuple(item for plan in plans for item in plan.unchanged),
        notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
        compared=all(plan.compared for plan in plans),
    )
