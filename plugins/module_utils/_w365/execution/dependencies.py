# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The consequences of a failed action for the rest of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..errors import W365Error
from ..planning.actions import (
    ADMINISTRATOR,
    ADMINISTRATOR_GRANT,
    ADMINISTRATOR_REVOKE,
    GROUP,
    GROUP_CREATE,
    MEMBERSHIP_CHANGE,
    USER,
    USER_CREATE,
    USER_UPDATE,
    Action,
    ObjectKind,
)
from ..planning.plan import Plan
from .apply import apply
from .results import ActionResult, ApplyResult


class FailureTracker:
    """Records failures, and refuses or reduces the actions that depend on what failed."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._to_grant = {a.subject.key for a in plan.actions if a.type is ADMINISTRATOR_GRANT}
        self._not_granted: list[str] = []
        # Names of users and groups that are still taken, because a rename failed, with the intended new name; and names that
        # do not exist, because a rename or creation failed, with the name that the object still has (none if not created).
        self._still_taken: dict[ObjectKind, dict[str, str]] = {USER: {}, GROUP: {}}
        self._not_available: dict[ObjectKind, dict[str, str]] = {USER: {}, GROUP: {}}
        self._reduced: dict[int, tuple[Action, Action, W365Error | None]] = {}

    def phases(self) -> Iterator[tuple[Action, ...]]:
        """The actions of the plan; one that costs somebody the role waits until it is known whether others got it."""
        return safely_ordered(self._plan)

    def note(self, done: ActionResult) -> None:
        action = done.action
        if not done.error:
            return
        if _gives_role(action) or (
            action.is_about_user and action.outcome is not None and action.outcome.key in self._to_grant
        ):
            self._not_granted.append(action.name)
        if action.renames:
            self._still_taken[action.type.object][action.subject.key] = action.name
            self._not_available[action.type.object][action.outcome.key] = action.subject.key
        elif action.type in (USER_CREATE, GROUP_CREATE):
            self._not_available[action.type.object][action.outcome.key] = ""

    def refusal(self, action: Action) -> W365Error | None:
        """Why this action must not be tried; None when it can be."""
        if self._not_granted and _takes_role(action):
            return W365Error(
                f"no administrator loses the role while it could not be granted to '{self._not_granted[0]}', so that "
                f"the environment can still be managed. {_RERUN}"
            )
        if action.renames or action.type in (USER_CREATE, GROUP_CREATE):
            return self._refusal_of_name(action)
        if action.type.object is ADMINISTRATOR and action.subject.key in self._not_available[USER]:
            return W365Error(
                f"user '{action.name}' could not be created or renamed, and the name may belong to somebody else. {_RERUN}"
            )
        return self._refusal_of_members(action) if action.type is MEMBERSHIP_CHANGE else None

    def _refusal_of_name(self, action: Action) -> W365Error | None:
        new_name = self._still_taken[action.type.object].get(action.outcome.key)
        if not new_name:
            return None
        return W365Error(
            f"another {action.kind} still has this name, because it could not be renamed to '{new_name}'. {_RERUN}"
        )

    def _refusal_of_members(self, action: Action) -> W365Error | None:
        if not action.outcome.id and action.outcome.key in self._not_available[GROUP]:
            return W365Error(f"group '{action.name}' was not created, so it has no members to change.")
        names = self._missing_in(action)
        everybody = names and len(names) == len(action.changes["add"]) + len(action.changes["remove"])
        return _skipped_users(names) if everybody else None

    def _missing_in(self, action: Action) -> list[str]:
        """The users of a membership change whose names do not exist, or belong to another user."""
        missing = self._not_available[USER]
        return [key for key in (*action.changes["add"], *action.changes["remove"]) if key in missing]

    def without_failed_users(self, action: Action) -> Action:
        """A membership change without users whose creation or rename failed; other members have the names that they still have."""
        missing = self._not_available[USER]
        if action.type is not MEMBERSHIP_CHANGE or missing.keys().isdisjoint(
            (*action.changes["add"], *action.changes["remove"], *(action.outcome.members or ()))
        ):
            return action
        names = set(self._missing_in(action))
        changes = {side: [key for key in action.changes[side] if key not in names] for side in ("add", "remove")}
        stay = ((action.outcome.members or frozenset()) - set(action.changes["add"])) | names.intersection(
            action.changes["remove"]
        )
        members = frozenset(missing.get(key) or key for key in stay) | set(changes["add"])
        reduced = replace(action, changes=changes, outcome=action.outcome._replace(members=members))
        error = _skipped_users(sorted(names), " The others were changed.") if names else None
        self._reduced[id(reduced)] = (reduced, action, error)
        return reduced

    def result_of(self, done: ActionResult, where: str) -> ActionResult:
        """The same result for the action of the plan, where it was reduced."""
        if id(done.action) not in self._reduced:
            return done
        _reduced_action, action, error = self._reduced[id(done.action)]
        if error is not None:
            error = error.while_doing(f"{action.description} {where}".strip())
            # The others were changed.
            error.changed = not done.error
        return done._replace(action=action, error=done.error or error)


_RERUN = "Fix the cause and rerun the task."


def _skipped_users(keys: Sequence[str], rest: str = "") -> W365Error:
    names = ", ".join(f"'{key}'" for key in keys)
    subject = f"user {names} was" if len(keys) == 1 else f"users {names} were"
    error = W365Error(
        f"{subject} skipped, because creating or renaming failed and the name may belong to somebody else.{rest} {_RERUN}"
    )
    error.follows = True
    return error


def _administers(user: Any) -> bool:
    return user is not None and user.administrator is True and user.active is not False


def _gives_role(action: Action) -> bool:
    if action.type.object is ADMINISTRATOR:
        return action.type is ADMINISTRATOR_GRANT
    return action.is_about_user and _administers(action.outcome) and not _administers(action.subject)


def _takes_role(action: Action) -> bool:
    if not action.type.can_cost_role:
        return False
    return action.type is ADMINISTRATOR_REVOKE or (_administers(action.subject) and not _administers(action.outcome))


def safely_ordered(plan: Plan) -> Iterator[tuple[Action, ...]]:
    """The plan's phases. A change that removes somebody from the role comes last, when it is known whether others got it."""
    late: list[Action] = []
    for phase in plan.phases():
        # Names can be reused only when renames come first.
        waits = [a.type is USER_UPDATE and _takes_role(a) and not a.renames for a in phase]
        late += [action for action, wait in zip(phase, waits, strict=True) if wait]
        yield tuple(action for action, wait in zip(phase, waits, strict=True) if not wait)
    yield tuple(late)


def apply_directory(plan: Plan, handlers: Any, **options: Any) -> ApplyResult:
    """`apply.apply` for a plan of a directory, with what a failure means for the rest; the options are the same."""
    tracker = FailureTracker(plan) if len(plan.actions) > 1 else None
    return apply(plan, handlers, tracker=tracker, **options)
