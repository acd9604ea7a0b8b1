# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the change of one group and of its members."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import W365Error
from ..model.desired import AddRemoveSet, DesiredGroup
from ..model.directory import Capabilities, Group, Snapshot, difference, value_of, with_fields
from ..model.fields import GROUP_FIELDS
from .actions import GROUP_CREATE, GROUP_DELETE, GROUP_UPDATE, MEMBERSHIP_CHANGE, Action
from .lookup import find_existing
from .plan import Plan
from .users import given_names, refuse_unsupported


def plan_group(wanted: DesiredGroup, current: Snapshot, capabilities: Capabilities) -> Plan:
    refuse_unsupported("group", wanted.name, given_names(wanted.fields), capabilities.group_fields, capabilities)
    found = find_existing(wanted, current)
    if not wanted.present:
        if found is None:
            return Plan(unchanged=(("group", wanted.name),))
        return Plan(actions=(group_deletion(found),))
    actions: list[Action] = []
    if found is None:
        fields_given = {name: value for name, value in wanted.fields.items() if value is not None}
        group = with_fields(Group(name=wanted.name, members=frozenset()), fields_given)
        shown = {"name": group.name, **fields_given}
        actions.append(Action(GROUP_CREATE, wanted.name, None, shown, shown, outcome=group))
    else:
        changes = difference({"name": wanted.name, **wanted.fields}, found, GROUP_FIELDS)
        group = with_fields(found, changes)
        if changes:
            before = {name: value_of(found, name) for name in changes}
            actions.append(Action(GROUP_UPDATE, wanted.name, before, changes, changes, subject=found, outcome=group))
    if wanted.members is not None:
        actions.extend(_plan_members(group, wanted.members))
    return Plan(actions=tuple(actions), unchanged=() if actions else (("group", wanted.name),))


def group_deletion(found: Group, *, purged: bool = False) -> Action:
    shown = {key: value for key, value in found.as_result().items() if value is not None and key != "id"}
    return Action(GROUP_DELETE, found.name, shown, None, subject=found, purged=purged)


def _plan_members(group: Group, wanted: AddRemoveSet) -> Iterator[Action]:
    if group.members is None:
        raise W365Error(
            f"Cannot change the members of group '{group.name}': the server does not show who is in it. Nothing was written. "
            "Leave members out, or give scim_url and scim_token."
        )
    current = group.members
    target = wanted.applied_to(current)
    if target != current:
        yield Action(
            MEMBERSHIP_CHANGE,
            group.name,
            {"members": sorted(current)} if group.id else None,
            {"members": sorted(target)},
            {"add": sorted(target - current), "remove": sorted(current - target)},
            subject=group,
            outcome=group._replace(members=target),
        )
