# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses plans that leave an environment without an administrator, or could, where nobody knows who is one."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import GuardError, W365Error
from ..model.desired import Desired
from ..model.directory import Snapshot, User
from .actions import ADMINISTRATOR, USER, Action
from .plan import Plan


def guard_administrators(desired: Desired, current: Snapshot, plan: Plan) -> Plan:
    """The plan, with a warning where its effect on administrators is unknown. Raises GuardError."""
    if current.roles_problem or current.administrators is None:
        notes = _guard_unknown_roles(desired, current, plan)
        return plan._replace(notes=(*plan.notes, *notes)) if notes else plan
    note = _guard_last_administrator(desired, current, plan)
    return plan._replace(notes=(*plan.notes, note)) if note else plan


def _guard_last_administrator(desired: Desired, current: Snapshot, plan: Plan) -> str:
    """Never leave an environment that has administrators without an active one: nobody could manage it.

    Returns a warning where those who are left may be deleted, and the task accepts that.
    """
    left = administrators_after(current, plan)
    if not current.administrators or left is None:
        return ""
    if not left:
        gone = ", ".join(sorted(current.administrators))
        raise GuardError(
            f"Refused: this would leave the environment without an active administrator (now: {gone}). "
            "Nothing was written. Make somebody else an administrator first, with w365_admin."
        )
    if not left <= current.uncertain_administrators or current.administrators <= left:
        return ""
    unknown = (
        f"the only administrators left would be {', '.join(sorted(left))}, and the server does not show whether these accounts "
        "are active (IsActive)"
    )
    if desired.when_administrators_unknown == "warn":
        return f"{unknown[:1].upper()}{unknown[1:]}."
    raise GuardError(
        f"Refused: {unknown}. Nothing was written. Make somebody an administrator whose account is active, with w365_admin, or set "
        "when_administrators_unknown=warn to do it without knowing."
    )


def _guard_unknown_roles(desired: Desired, current: Snapshot, plan: Plan) -> tuple[str, ...]:
    """Warnings about the plan. Raises GuardError when it could remove the last administrator and the task does not accept that.

    A server without a list of administrators, or no connection to it, is the normal case of many environments: what a task
    names is then removed with a warning. A list that does not say what it should (`roles_problem`) shows a fault.
    """
    costly = [action for action in plan.actions if action.may_cost_role]
    problem, policy = current.roles_problem, desired.when_administrators_unknown
    why = f" {why_unknown(problem)}" if problem else ""
    if not costly:
        return (f"It could not be read who is an administrator; this task removes nobody.{why}",) if problem else ()
    more = f" (and {len(costly) - 1} more)" if len(costly) > 1 else ""
    what = f"{costly[0].description}{more}"
    if policy == "refuse" or (problem and policy != "warn"):
        reason = "it could not be read who is an administrator" if problem else "nothing shows who is an administrator"
        raise GuardError(
            f"Refused to {what}: {reason}, so the last one might be removed.{why} Nothing was written. "
            + (
                f"Fix the cause, or set when_administrators_unknown=warn{_where_option_is(costly)} to do it without knowing."
                if problem
                else "Give instance_url, provisioning_key and environment of a server that lists its users, or leave out "
                "when_administrators_unknown=refuse."
            ),
            **(problem.details if problem else {}),
        )
    if not policy and names_somebody_present(desired.protected, current):
        return ()
    return (
        f"It is unknown who is an administrator, so nothing checks that one is left: {what}.{why} Give instance_url, "
        "provisioning_key and environment to check it, or set when_administrators_unknown=refuse to refuse.",
    )


def why_unknown(problem: W365Error) -> str:
    """The reason as a sentence of its own."""
    return f"{problem.message[:1].upper()}{problem.message[1:].rstrip('.')}."


def _where_option_is(costly: Sequence[Action]) -> str:
    """w365_admin changes roles too, and has no such option."""
    return " (w365_directory)" if all(action.type.object is ADMINISTRATOR for action in costly) else ""


def names_somebody_present(protected: frozenset[str], current: Snapshot) -> bool:
    """Whether at least one of the protected users is an active user of the environment."""
    return not protected.isdisjoint(user.key for user in current.users if user.active is not False)


def administrators_after(current: Snapshot, plan: Plan) -> frozenset[str] | None:
    """The keys of the active administrators after a plan; None where they are not known."""
    if current.administrators is None:
        return None
    administrators = set(current.administrators)
    for action in plan.actions:
        if action.type.object in (USER, ADMINISTRATOR):
            _follow_administrator(administrators, action.subject, action.outcome)
    return frozenset(administrators)


def _follow_administrator(administrators: set[str], gone: User | None, new: User | None) -> None:
    was = gone is not None and gone.key in administrators
    if gone is not None:
        administrators.discard(gone.key)
    if new is None or new.active is False:
        return
    # `administrator` is None where the API does not show the role; it is then unchanged.
    if new.administrator or (new.administrator is None and was):
        administrators.add(new.key)
