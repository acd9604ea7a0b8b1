# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans the change, the creation and the deletion of one user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InputError
from ..model.desired import DesiredUser
from ..model.directory import Capabilities, User, value_of, with_fields
from ..model.fields import OPTIONAL_USER_FIELDS, USER_FIELDS
from .actions import USER_CREATE, USER_DELETE, USER_DELETE_PERMANENTLY, USER_RESTORE, USER_UPDATE, Action
from .plan import Plan


def plan_user_change(wanted: DesiredUser, found: User, changes: Mapping[str, Any], extras: Mapping[str, Any]) -> Plan:
    before = {name: value_of(found, name) for name in changes}
    after_fields = dict(changes)
    if extras:
        # A password can be written and not read: the diff says so instead of showing a value.
        before["password"], after_fields["password"] = "(not readable)", "(written)"
    return Plan(
        actions=(
            Action(
                USER_RESTORE if changes.get("active") is True else USER_UPDATE,
                wanted.upn,
                before,
                after_fields,
                changes,
                subject=found,
                outcome=with_fields(found, changes),
                extras=extras,
            ),
        )
    )


def plan_user_creation(wanted: DesiredUser, capabilities: Capabilities) -> Plan:
    missing = [name for name in ("first_name", "last_name") if not str(wanted.fields.get(name) or "").strip()]
    if missing:
        raise InputError(
            f"User '{wanted.upn}' does not exist yet and cannot be created without {' and '.join(missing)}: "
            "Workspace 365 needs a first name, a last name and a UPN. Give them, or check the spelling of the UPN "
            "if the user should exist."
        )
    # An optional attribute that should be empty is omitted for a new user.
    named = {
        name: value
        for name, value in wanted.fields.items()
        if value is not None and not (value == "" and name in OPTIONAL_USER_FIELDS)
    }
    fields_given = {**{name: value for name, value in wanted.initial.items() if value is not None}, **named}
    # The UPN is the address of a user without another one.
    email = wanted.upn if "email" in capabilities.user_fields else None
    new = with_fields(User(upn=wanted.upn, email=email, active=True), fields_given)
    if new.administrator and new.active is False:
        raise InputError(inactive_administrator(wanted.upn))
    shown = {name: value for name in USER_FIELDS if (value := value_of(new, name)) is not None}
    return Plan(actions=(Action(USER_CREATE, wanted.upn, None, shown, shown, outcome=new, extras=dict(wanted.extras)),))


def plan_user_deletion(wanted: DesiredUser, found: User | None, capabilities: Capabilities) -> Plan:
    if wanted.permanent and not capabilities.permanent_deletion:
        raise InputError(
            f"Cannot permanently delete user '{wanted.upn}': {capabilities.wire} only puts users on the deleted-users list. "
            f"{capabilities.alternatives.get('permanent', '')}".strip()
        )
    if found is None or (found.active is False and not wanted.permanent):
        return Plan(unchanged=(("user", wanted.upn),))
    shown = {name: value for name in USER_FIELDS if (value := value_of(found, name)) is not None}
    if wanted.permanent:
        return Plan(actions=(Action(USER_DELETE_PERMANENTLY, wanted.upn, shown, None, subject=found),))
    return Plan(actions=(_user_deletion(found, wanted.upn),))


def plan_removal(found: User) -> Plan:
    return Plan(actions=(_user_deletion(found, found.upn, purged=True),))


def _user_deletion(found: User, name: str, *, purged: bool = False) -> Action:
    """Puts a user on the deleted-users list."""
    return Action(
        USER_DELETE,
        name,
        {"active": found.active},
        {"active": False},
        {"active": False},
        subject=found,
        outcome=found._replace(active=False),
        purged=purged,
    )


def inactive_administrator(upn: str) -> str:
    return (
        f"User '{upn}' is inactive (on the deleted-users list) and only active users can be administrators. "
        "Restore the user first (w365_user with state=present), or leave it out."
    )
