# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares one user with the desired one, and refuses what its directory does not have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import Desired, DesiredUser
from ..model.directory import Capabilities, Snapshot, difference
from ..model.fields import USER_FIELDS
from .lookup import find_existing
from .plan import Plan


def plan_user(wanted: DesiredUser, current: Snapshot, capabilities: Capabilities) -> Plan:
    refuse_unsupported(
        "user",
        wanted.upn,
        given_names(wanted.fields, wanted.initial, wanted.extras),
        capabilities.user_fields | capabilities.extras,
        capabilities,
    )
    found = find_existing(wanted, current)
    if found is None or not wanted.present:
        from .user_actions import plan_user_creation, plan_user_deletion  # start-up

        if wanted.present:
            return plan_user_creation(wanted, capabilities)
        return plan_user_deletion(wanted, found, capabilities)
    if not found.readable:
        return Plan(
            unchanged=(("user", wanted.upn),),
            notes=(
                f"User '{wanted.upn}' exists, but this server has no documented way to read a user, so its fields "
                "could not be compared and were left unchanged. Give scim_url to compare and change them.",
            ),
            compared=False,
        )
    fields_wanted = {"upn": wanted.upn, **wanted.fields}
    if wanted.restore and wanted.fields.get("active") is None and found.active is False:
        # "present" without `active` restores a user from the deleted-users list.
        fields_wanted["active"] = True
    changes = difference(fields_wanted, found, USER_FIELDS)
    extras = {"password": wanted.extras["password"]} if wanted.update_password and "password" in wanted.extras else {}
    inactive = bool(fields_wanted.get("administrator")) and changes.get("active", found.active) is False
    if not (changes or extras or inactive):
        return Plan(unchanged=(("user", wanted.upn),))
    from .user_actions import inactive_administrator, plan_user_change  # start-up

    if inactive:
        raise InputError(inactive_administrator(wanted.upn))
    return plan_user_change(wanted, found, changes, extras)


def given_names(*options: Mapping[str, Any]) -> set[str]:
    return {name for values in options for name, value in values.items() if value is not None}


def refuse_unsupported(
    kind: str, name: str, given: Iterable[str], supported: frozenset[str], capabilities: Capabilities
) -> None:
    for option in sorted(given):
        if option not in supported:
            alternative = capabilities.alternatives.get(option, "Leave it out.")
            raise InputError(
                f"Option {option} of {kind} '{name}' is not supported by {capabilities.wire}. {alternative}"
            )


def plan_one_user(desired: Desired, current: Snapshot, capabilities: Capabilities) -> Plan:
    """The plan for one user and nothing else: what `planner.make_plan` makes of it, with less to load."""
    (user,) = desired.users
    plan = plan_user(user, current, capabilities)
    if plan.actions:
        from .last_administrator import guard_administrators  # start-up

        return guard_administrators(desired, current, plan)
    return plan
