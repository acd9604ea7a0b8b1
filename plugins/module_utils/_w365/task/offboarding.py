# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task did to each user with state=absent: role and account before and after, and the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.desired import Desired, Skipped
from ..model.directory import Snapshot, User
from ..planning.actions import ADMINISTRATOR_REVOKE, USER_DELETE, USER_DELETE_PERMANENTLY
from ..planning.lookup import find_existing
from ..planning.matching import matched

if TYPE_CHECKING:
    from ..execution.results import ActionResult, ApplyResult

NAMES_SHOWN = 5

NOT_FOUND, UNCHANGED = "not found", "unchanged"


class Departure(NamedTuple):
    """A user with state=absent, as the environment has it now (None: it has nobody of this name)."""

    upn: str
    found: User | None
    permanent: bool


class Offboarding:
    """The users with state=absent of one task, before and after it."""

    def __init__(self, desired: Desired, current: Snapshot, where: str) -> None:
        self._current = current
        self._where = where
        listed = desired._replace(users=tuple(user for user in desired.users if not user.present), groups=())
        gone = sorted(matched(listed, current).users, key=lambda user: user.key)
        self._departures = [Departure(user.upn, find_existing(user, current), user.permanent) for user in gone]
        self._missing_groups = [
            group.name for group in desired.groups if not group.present and find_existing(group, current) is None
        ]

    def rows(self, report: ApplyResult, *, predicted: bool) -> list[dict[str, Any]]:
        """One row for each of the users, for the result and for people."""
        done: dict[str, list[ActionResult]] = {}
        for item in report.done:
            if item.action.type in (ADMINISTRATOR_REVOKE, USER_DELETE, USER_DELETE_PERMANENTLY):
                done.setdefault(item.action.subject.key, []).append(item)
        return [self._row(one, done.get(one.found.key, []) if one.found else [], predicted) for one in self._departures]

    def _row(self, one: Departure, done: list[ActionResult], predicted: bool) -> dict[str, Any]:
        role, account = self._role(one.found), _account(one.found)
        row: dict[str, Any] = {"upn": one.upn, "found": one.found is not None}
        row |= {"role_before": role, "account_before": account}
        for item in done:
            if item.error:
                continue
            if item.action.type is ADMINISTRATOR_REVOKE:
                role = "user"
            elif item.action.type is USER_DELETE:
                account = "deleted"
            else:
                role = account = "none"
        outcome, reason = self._outcome(one, done, predicted)
        return {**row, "role_after": role, "account_after": account, "outcome": outcome, "reason": reason}

    def _outcome(self, one: Departure, done: list[ActionResult], predicted: bool) -> tuple[str, str]:
        if one.found is None:
            return NOT_FOUND, f"nobody has this UPN {self._where}"
        errors = [item for item in done if item.error]
        if errors:
            tried = any(item.tried for item in errors)
            return "failed" if tried else "not tried", " ".join(item.error.message for item in errors if item.error)
        if not done:
            return UNCHANGED, "was on the deleted-users list before"
        return "planned" if predicted else "done", ""

    def _role(self, found: User | None) -> str:
        if found is None:
            return "none"
        administrators = self._current.administrators
        if administrators is not None and found.key in administrators:
            return "administrator"
        if administrators is None or found.active is False:
            # The list of administrators holds the active ones only.
            return {True: "administrator", False: "user", None: "unknown"}[found.administrator]
        return "user"

    def unplanned(self) -> tuple[Skipped, ...]:
        """Those about whom nothing is planned, for a report."""
        reasons = ((one, self._outcome(one, [], False)[1]) for one in self._departures)
        return tuple(
            Skipped("user", one.upn, reason if one.found else f"was not found: {reason}")
            for one, reason in reasons
            if one.found is None or (one.found.active is False and not one.permanent)
        )

    def warning(self) -> str:
        """About a permanent deletion that finds nobody, which is a repetition or a list of misspelled names."""
        if not self._departures or any(one.found or not one.permanent for one in self._departures):
            return ""
        return (
            f"None of the {len(self._departures)} users to delete permanently exists {self._where}, so nothing was changed. They "
            "were deleted before, or their UPNs are misspelled."
        )

    def missing(self) -> str:
        """A sentence about the users and groups with state=absent that do not exist; empty without any, or where `warning`
        is about them."""
        names = [one.upn for one in self._departures if one.found is None] if not self.warning() else []
        return " ".join(
            _sentence(kind, found, self._where)
            for kind, found in (("user", names), ("group", self._missing_groups))
            if found
        )


def _account(found: User | None) -> str:
    if found is None:
        return "none"
    return {True: "active", False: "deleted", None: "unknown"}[found.active]


def _sentence(kind: str, names: Iterable[str], where: str) -> str:
    found = list(names)
    shown = ", ".join(f"'{name}'" for name in found[:NAMES_SHOWN])
    more = f" and {len(found) - NAMES_SHOWN} more" if len(found) > NAMES_SHOWN else ""
    return f"{len(found)} {kind}{'s' if len(found) > 1 else ''} to delete {'do' if len(found) > 1 else 'does'} not exist {where}: {shown}{more}."
