# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups of the source that had people and have none now: neither they nor their people are removed without consent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from ..errors import GuardError
from ..model.desired import Desired, EmptiedGroup, Skipped
from ..model.directory import Group, Snapshot
from ..model.names import external_id_key
from ..model.removal_policy import RemovalLimit, RemovalPolicy
from .removals import with_removals

NAMES_SHOWN = 5


class _Loss(NamedTuple):
    """An emptied group, those who were in it (keys), and whom or what its emptiness would remove."""

    item: EmptiedGroup
    had: frozenset[str]
    leaving: frozenset[str]
    deletes_group: bool


def guard_emptied_groups(desired: Desired, current: Snapshot) -> Desired:
    """The same without the removals that follow from groups that seem to be empty. Raises GuardError.

    A group that is only left unchanged needs no guard.
    """
    purge = desired.purge
    losses = _losses(desired, purge, current) if purge is not None else []
    if desired.when_group_empty == "refuse" and losses:
        raise _refusal(losses)
    kept = [loss for loss in losses if loss.item.hidden or desired.when_group_empty == "skip"]
    if not kept or purge is None:
        return desired
    spared = {external_id_key(loss.item.external_id) for loss in kept} | {key for loss in kept for key in loss.had}
    reasons = {loss.item.name: _reason(loss) for loss in kept}
    return desired._replace(
        purge=replace(purge, spared=purge.spared | spared),
        skipped=(
            *(item for item in desired.skipped if item.kind != "group" or item.name not in reasons),
            *(Skipped("group", name, reason) for name, reason in sorted(reasons.items())),
        ),
    )


def _losses(desired: Desired, purge: RemovalPolicy, current: Snapshot) -> list[_Loss]:
    # How many are removed is checked later: here it matters who.
    unlimited = desired._replace(purge=replace(purge, limit=RemovalLimit(100, per_cent=True)))
    wanted, removals = with_removals(unlimited, current)
    leaving = {user.key for user in removals.users}
    if wanted.administrators is not None and desired.administrators is not None:
        leaving |= wanted.administrators.remove - desired.administrators.remove
    deleted = {group.id for group in removals.groups}
    losses: list[_Loss] = []
    for item in desired.emptied:
        group = current.groups_by_external_id.get(external_id_key(item.external_id))
        had = _had(item, group, current)
        loss = _Loss(item, had, had & leaving, group is not None and group.id in deleted)
        if had and (loss.leaving or loss.deletes_group):
            losses.append(loss)
    return losses


def _had(item: EmptiedGroup, group: Group | None, current: Snapshot) -> frozenset[str]:
    """The active users who are in the group in Workspace 365, or were in it at the last run."""
    members: Iterable[str] = group.members or () if group is not None else ()
    users = [current.users_by_key.get(key) for key in members]
    users += [current.users_by_external_id.get(external_id_key(id)) for id in item.had]
    return frozenset(user.key for user in users if user is not None and user.active is not False)


def _refusal(losses: list[_Loss]) -> GuardError:
    sentences = " ".join(_sentence(loss) for loss in losses)
    hidden = (
        " Where members are hidden, the app registration needs the application permission Member.Read.Hidden."
        if any(loss.item.hidden for loss in losses)
        else ""
    )
    return GuardError(
        f"Refused, and nothing was written: {sentences}{hidden} An empty group is more often a missing permission or a mistake "
        "than intended. With when_group_empty=skip the group and its people are left unchanged and everything else is applied; if it is "
        "intended, set when_group_empty=accept for this run.",
        would_go={
            "users": sorted({key for loss in losses for key in loss.leaving}),
            "groups": sorted(loss.item.name for loss in losses if loss.deletes_group),
        },
    )


def _sentence(loss: _Loss) -> str:
    names = sorted(loss.had)
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    shown = ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN]) + more
    consequences = []
    if loss.leaving:
        consequences.append(f"{len(loss.leaving)} of them would be removed or lose the administrator role")
    if loss.deletes_group:
        consequences.append("the group would be deleted")
    return (
        f"Group '{loss.item.name}' had {_members(len(names))} ({shown}) and {_now(loss)} in Microsoft Entra, so "
        f"{' and '.join(consequences)}."
    )


def _now(loss: _Loss) -> str:
    return "shows none of them now" if loss.item.hidden else "has none now"


def _reason(loss: _Loss) -> str:
    hint = "; give the app registration Member.Read.Hidden" if loss.item.hidden else ""
    return f"had {_members(len(loss.had))} and {_now(loss)}, so the group and its people were left unchanged{hint}"


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"
