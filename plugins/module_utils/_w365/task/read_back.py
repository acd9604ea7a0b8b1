# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads back what was written, where the server's answer did not show it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

from ..errors import W365Error
from ..execution.results import GONE, ActionResult, ApplyResult, ReadsAgain
from ..model.directory import Group, User, value_of, with_fields
from ..model.fields import GROUP_FIELDS, USER_FIELDS
from ..model.names import comparison_key
from ..model.settings import SettingValues
from ..planning.actions import GROUP, MEMBERSHIP_CHANGE, USER, Action

NAMES_SHOWN = 5

PAUSES = (0.25, 0.5, 1.0, 2.0)
"""Seconds between two readings; the last one repeats."""

ATTRIBUTE_SECONDS = 5.0
"""The longest wait for a value that takes no access away."""


def read_back(
    result: ApplyResult, handlers: ReadsAgain, unknown: Set[str], *, every: bool, seconds: float, where: str
) -> tuple[ApplyResult, list[str]]:
    """The result with `not_kept`, `unchanged` and failures as the server shows the objects now, and warnings.

    `unknown` are the optional attributes of which the server does not say whether it keeps them. With `every` all is
    read that an answer did not show; otherwise these attributes, what an answer showed differently, what was created without
    an id, and whether accounts, roles and groups are gone. It is read again for at most `seconds` seconds, since servers may show changes late.
    """
    done = list(result.done)
    waiting = [at for at, item in enumerate(done) if _is_open(item, unknown, every)]
    found: dict[int, Any] = {}
    started, pauses, pause = time.monotonic(), iter(PAUSES), 0.0
    while waiting:
        found.update(zip(waiting, handlers.read_again([done[at] for at in waiting]), strict=True))
        passed = time.monotonic() - started
        waiting = [at for at in waiting if passed < _patience(done[at].done, found[at], seconds)]
        if waiting:
            pause = next(pauses, pause)
            time.sleep(max(min(pause, seconds - passed), 0.01))
    for at, now in found.items():
        done[at] = _judged(done[at], now, where)
    unread = [done[at] for at, now in found.items() if _is_unread(done[at], now)]
    return result._replace(done=done), [*_lost_sentences(done), *_unread_sentences(unread, unknown)]


def _is_open(item: ActionResult, unknown: Set[str], every: bool) -> bool:
    """Whether what an action wrote has to be read."""
    action = item.done
    if item.error or item.unchanged or (action.kind == "environment" and action.verb == "create"):
        return False
    if _takes_access(action) and (every or action.type is not MEMBERSHIP_CHANGE):
        return True
    if action.is_about_user and not unknown.isdisjoint(action.changes):
        return True
    if item.seen is None:
        return every or _has_no_id(item)
    lost = _lost(action, item.seen)
    return bool(lost) and (every or any(_value(item.seen, name) is not None for name in lost))


def _has_no_id(item: ActionResult) -> bool:
    """Whether nothing but the status of the answer says that a user or group was created."""
    return item.done.subject is None and isinstance(item.thing, User | Group) and not item.thing.id


def _is_missing(action: Action, now: Any) -> bool:
    """Whether a user or group that was created or changed is not there."""
    return now is GONE and action.type.object in (USER, GROUP) and not _takes_access(action)


def _is_unread(item: ActionResult, now: Any) -> bool:
    """Whether it could not be read what became of the object, or whether access was taken away."""
    if item.error:
        return False
    if now is None or now is GONE:
        return now is None or not _takes_access(item.done)
    taken = [name for name in ("active", "administrator") if item.done.changes.get(name) is False]
    return _takes_access(item.done) and any(_value(now, name) is None for name in taken)


def _takes_access(action: Action) -> bool:
    """Whether somebody loses access: the account, the role, or the membership in a group."""
    if action.outcome is None:
        return True
    if action.type is MEMBERSHIP_CHANGE:
        return bool(action.changes["remove"])
    revoked = action.subject is not None and action.changes.get("administrator") is False
    return revoked or action.changes.get("active") is False


def _value(thing: Any, name: str) -> Any:
    if isinstance(thing, User | Group):
        return value_of(thing, name)
    values = getattr(thing, "values", None)
    return values.get(name) if isinstance(values, Mapping) else getattr(thing, name, None)


def _same(thing: Any, name: str, one: Any, other: Any) -> bool:
    if isinstance(thing, User | Group):
        field = (USER_FIELDS if isinstance(thing, User) else GROUP_FIELDS)[name]
        return bool(field.normal(one) == field.normal(other))
    if isinstance(one, bool):
        return bool(one == other)
    return comparison_key(str(one or "")).rstrip("/") == comparison_key(str(other or "")).rstrip("/")


def _lost(action: Action, now: Any) -> dict[str, Any]:
    """The written fields that the object does not have, with the values that it has. An unknown value is not lost."""
    if action.type is MEMBERSHIP_CHANGE:
        members = now.members
        lost = members is not None and not (
            members.issuperset(action.changes["add"]) and members.isdisjoint(action.changes["remove"])
        )
        return {"members": members} if lost else {}
    lost_fields = {}
    for name, wanted in action.changes.items():
        value = _value(now, name)
        if (
            wanted is not None
            and not (isinstance(wanted, bool) and value is None)
            and not _same(now, name, wanted, value)
        ):
            lost_fields[name] = value
    return lost_fields


def _patience(action: Action, now: Any, seconds: float) -> float:
    """For how many seconds the object may be read again: 0 when it shows what was written, or cannot be read."""
    takes_access = _takes_access(action)
    if now is None or (now is GONE and takes_access):
        return 0
    if now is GONE or action.outcome is None or _lost(action, now):
        return seconds if takes_access or _is_missing(action, now) else min(seconds, ATTRIBUTE_SECONDS)
    return 0


def _judged(item: ActionResult, now: Any, where: str) -> ActionResult:
    """The result of an action on an object that is like `now` afterwards."""
    action = item.done
    if _is_missing(action, now):
        item = _not_taken(item, "does not show it", where)
        if item.error:
            item.error.changed = True
        return item
    if now is None or now is GONE:
        return item
    if action.outcome is None:
        return _not_taken(item, "still shows it", where)
    lost = _lost(action, now)
    if not lost:
        return item
    changes = _kept(action, now, lost)
    effective = any(changes.values()) if action.type is MEMBERSHIP_CHANGE else bool(changes)
    if action.extras or (isinstance(now, User | Group) and action.before is None):
        # It got a password or a key, which no server shows, or was created.
        effective = True
    if still := _access_left(action, lost):
        item = _not_taken(item, still, where)
        if item.error:
            item.error.changed = effective
        return item
    thing: Any = item.thing
    thing = with_fields(thing, lost) if isinstance(now, User | Group) else now
    sent = {name: (action.after or {})[name] for name in action.extras if name in (action.after or {})}
    kept = now.values if isinstance(now, SettingValues) else changes
    after = {"members": sorted(lost["members"])} if action.type is MEMBERSHIP_CHANGE else {**kept, **sent}
    performed = replace(action, changes=changes, after=after, outcome=thing)
    return item._replace(thing=thing, not_kept=tuple(lost), unchanged=not effective, performed=performed)


def _kept(action: Action, now: Any, lost: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that were made: without what was not kept, and with another value where the server made one of it."""
    if action.type is MEMBERSHIP_CHANGE:
        add, remove = action.changes["add"], action.changes["remove"]
        members = now.members
        return {"add": [k for k in add if k in members], "remove": [k for k in remove if k not in members]}
    return {
        name: lost.get(name, wanted)
        for name, wanted in action.changes.items()
        if not _same(now, name, _value(action.subject, name), lost.get(name, wanted))
    }


def _access_left(action: Action, lost: Mapping[str, Any]) -> str:
    """What somebody still has and should have lost, as the end of a sentence; empty when it is nothing."""
    if action.type is MEMBERSHIP_CHANGE:
        still = sorted(set(action.changes["remove"]) & lost["members"])
        return f"still shows {_named(still)} among the members" if still else ""
    if action.changes.get("active") is False and "active" in lost:
        return "still shows it as active"
    if action.subject is not None and action.changes.get("administrator") is False and "administrator" in lost:
        return "still shows the administrator role"
    return ""


def _not_taken(item: ActionResult, still: str, where: str) -> ActionResult:
    error = W365Error(
        f"the server accepted it and {still}. Nobody may rely on it: check it in Workspace 365. If the server shows changes "
        "late, give read_back_timeout more seconds; 0 does not read back."
    )
    return item._replace(error=error.while_doing(f"{item.done.description} {where}".strip()))


def _named(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else shown


def _lost_sentences(done: list[ActionResult]) -> list[str]:
    lost: dict[str, list[str]] = {}
    for item in done:
        for name in item.not_kept:
            lost.setdefault(name, []).append(item.action.name)
    return [
        f"The server accepted {name} and did not keep it for {_named(names)}; see not_kept in results. "
        "Leave it out, since every run would write it again."
        for name, names in sorted(lost.items())
    ]


def _unread_sentences(unread: list[ActionResult], unknown: Set[str]) -> list[str]:
    """Sentences about what could not be read, where that matters."""
    sentences = []
    optional = sum(item.done.is_about_user and not unknown.isdisjoint(item.done.changes) for item in unread)
    if optional:
        users = "1 user" if optional == 1 else f"{optional} users"
        sentences.append(f"Whether the server kept the optional attributes of {users} could not be read back.")
    # A server with the documented endpoints only cannot show environments.
    created = [item.action.name for item in unread if _has_no_id(item)]
    if created:
        sentences.append(
            f"Whether {_named(created)} {'were' if len(created) > 1 else 'was'} created could not be read back."
        )
    access = [item.action.name for item in unread if _takes_access(item.done) and item.done.kind != "environment"]
    if access:
        sentences.append(f"Whether access was taken away could not be read back for {_named(access)}.")
    return sentences
