# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan: actions in the order in which they are carried out. Counts, diff and results are derived from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model.desired import Skipped
from ..model.fields import OPTIONAL_USER_FIELDS

if TYPE_CHECKING:
    from .actions import Action


class Plan(NamedTuple):
    """Actions in the order of their phases, and the objects that are not changed: (kind, name)."""

    actions: tuple[Action, ...] = ()
    unchanged: tuple[tuple[str, str], ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    compared: bool = True
    """False when the server could not show the current values; a note then says what that means."""
    key_not_compared: int = 0
    """The number of settings whose other values are unchanged, and whose key nobody can read."""

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    @property
    def optional_fields(self) -> frozenset[str]:
        """The optional attributes of users that are written."""
        return frozenset(
            name for action in self.actions if action.is_about_user for name in action.changes
        ).intersection(OPTIONAL_USER_FIELDS)

    def phases(self) -> Iterator[tuple[Action, ...]]:
        """The actions of each phase that has any. A phase that reuses names is split, so that each name is free in time."""
        found: dict[int, list[Action]] = {}
        for action in self.actions:
            found.setdefault(action.phase, []).append(action)
        for number in sorted(found):
            yield from _as_names_become_free(found[number])

    def summary(self) -> dict[str, int]:
        """The number of actions of each kind, and of other objects, such as {"user_create": 3, "unchanged": 20}."""
        counts: dict[str, int] = {}
        for action in self.actions:
            key = action.type.key
            counts[key] = counts.get(key, 0) + 1
        counts["unchanged"] = len(self.unchanged)
        counts["left_out"] = len(self.skipped)
        if self.key_not_compared:
            counts["key_not_compared"] = self.key_not_compared
        return counts

    def diff(self) -> dict[str, Any]:
        """Before and after of what changes, for Ansible's diff mode."""
        return diff_of(self.actions)


def diff_of(actions: Iterable[Action]) -> dict[str, Any]:
    """Before and after of what these actions change."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for action in actions:
        label = f"{action.kind} {action.name}"
        if action.before is not None:
            before.setdefault(label, {}).update(action.before)
        if action.after is not None:
            after.setdefault(label, {}).update(action.after)
    return {"before": before, "after": after}


def _as_names_become_free(waiting: Sequence[Action]) -> Iterator[tuple[Action, ...]]:
    """An object that gets the name of another one comes after it. Exchanges of names are refused before."""
    while waiting:
        taken = {action.subject.key for action in waiting if action.renames}
        late = [action for action in waiting if action.renames and action.outcome.key in taken]
        if not late or len(late) == len(waiting):
            yield tuple(waiting)
            return
        later = set(map(id, late))
        yield tuple(action for action in waiting if id(action) not in later)
        waiting = late
