# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole directory from the options of a task and from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..model.desired import Desired
from .groups import group_from_options, upn_change, upn_keys
from .removal_options import limit_from_option, removal_policy_from_options
from .users import user_from_options

if TYPE_CHECKING:
    from .files import Content


def plan_is_given(params: Mapping[str, Any]) -> bool:
    """Whether the task applies a plan that was made before. Raises InputError for options that do not fit together.

    A plan that was lost on the way must not become a task without one, which would apply everything that it is given.
    """
    for name in ("apply_plan", "apply_plan_content"):
        if params[name] is not None and not params[name].strip():
            raise InputError(
                f"Option {name} is blank, so there is no plan to apply. Nothing was written. Leave it out to apply without one."
            )
    given = bool(params["apply_plan"] or params["apply_plan_content"])
    if given and params["return_plan"]:
        raise InputError("Option return_plan makes a plan, and this task applies one. Leave one of them out.")
    if params["apply_plan_content"] and not (params["plan_digest"] or "").strip():
        raise InputError(
            "Option apply_plan_content needs plan_digest, which says that this plan was approved. Nothing was written."
        )
    if params["plan_digest"] and not given:
        raise InputError(
            "Option plan_digest approves a plan, and no plan is given. Give apply_plan or apply_plan_content."
        )
    return given


def directory_from_options(params: Mapping[str, Any], content: Content) -> Desired:
    """The users, groups and administrators in the options and files of w365_directory.

    Raises InputError when the administrators are given in two places, or nothing is given at all.
    """
    if params["administrators"] is not None and content.administrators is not None:
        raise InputError(
            "The administrators are given in option administrators and in a file. Specify them in only one place."
        )
    administrators = params["administrators"] if content.administrators is None else content.administrators
    update = {"update_password": params["update_password"]}
    try:
        users = [user_from_options({**user, **update}) for user in content.users]
        groups = [group_from_options(group) for group in content.groups]
        changes = upn_change(administrators, "administrators")
    except InputError:
        # Slow, one by one, but it finds every line.
        lines = content.bad_lines()
        if not lines:
            raise
        raise InputError(" ".join(lines)) from None
    policy = removal_policy_from_options(params)
    desired = Desired(
        users=(*(user_from_options({**user, **update}) for user in params["users"] or ()), *users),
        groups=(*map(group_from_options, params["groups"] or ()), *groups),
        administrators=changes,
        skipped=content.skipped,
        whole=True,
        protected=upn_keys(params["protected_users"], "protected_users"),
        # Who is in a file stays, although the row was left out.
        purge=replace(policy, spared=policy.spared | content.spared) if policy else None,
        when_administrators_unknown=params["when_administrators_unknown"] or "",
        membership_limit=limit_from_option(params["membership_limit"], "membership_limit"),
    )
    if plan_is_given(params):
        if desired.purge:
            raise InputError(
                "Option purge applies when a plan is made, and this task applies a plan that exists already. Leave purge out."
            )
        return desired
    if not (desired.users or desired.groups or desired.administrators):
        raise InputError(
            "No users, groups or administrators were given: options users, groups and administrators and the files of src are "
            "empty. Nothing was changed."
        )
    return desired
