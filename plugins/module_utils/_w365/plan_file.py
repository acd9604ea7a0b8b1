# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as a file: made by one run, read by a person, carried out by another run if nothing has changed since.

No secret is ever in it. Write-only values are marked, and come from the task again when the plan is carried out.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import GuardError, InputError
from .model import (
    GROUP_FIELDS,
    USER_FIELDS,
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
    Group,
    LeftOut,
    Snapshot,
    User,
    difference,
)
from .plan import Action, Plan, guard
from .safe_files import write_atomically

if TYPE_CHECKING:
    from .module import W365Module

FORMAT = 1
"""Raised when a file of an older collection could be misunderstood."""

_KINDS = {"user": User, "administrator": User, "group": Group, "membership": Group}

SECRET_EXTRAS = frozenset({"password"})
"""Write-only values that are never written down."""

CHANGES_SHOWN = 5


@dataclass(frozen=True)
class Target:
    """Where a plan belongs: the environment, and the roots of the services over which it was read."""

    environment: str | None
    services: Mapping[str, str]


def target_of(module: W365Module) -> Target:
    name = module.params["environment"]
    return Target(name.strip().lower() if name else None, module.services)


# Writing


def write_plan(module: W365Module, plan: Plan) -> str:
    """Write the plan to option plan_file, readable by its owner only, all of it or nothing; returns its digest."""
    path = module.params["plan_file"]
    document = _document(plan, target_of(module))
    digest = _digest(document)
    text = json.dumps({**document, "digest": digest}, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text, "plan_file")
    return digest


def _document(plan: Plan, target: Target) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "environment": target.environment,
        "services": dict(target.services),
        "summary": plan.summary(),
        "notes": list(plan.notes),
        "left_out": [item.as_result() for item in plan.left_out],
        "compared": plan.compared,
        "actions": [_written(action) for action in plan.actions],
    }


def _written(action: Action) -> dict[str, Any]:
    return {
        "kind": action.kind,
        "action": action.verb,
        "name": action.name,
        "purged": action.purged,
        "before": action.before,
        "after": action.after,
        "changes": dict(action.changes),
        "object_before": _object(action.subject),
        "object_after": _object(action.outcome),
        "write_only": {name: value for name, value in action.extras.items() if name not in SECRET_EXTRAS},
        "secrets": sorted(name for name in action.extras if name in SECRET_EXTRAS),
    }


def _object(thing: User | Group | None) -> dict[str, Any] | None:
    if thing is None:
        return None
    values = thing._asdict()
    if values.get("members") is not None:
        values["members"] = sorted(values["members"])
    return values


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


# Reading


def read_plan(path: str, target: Target, approved: str | None = None) -> tuple[Plan, str]:
    """The plan and its digest. Raises InputError for a file that is none, was edited, is not the approved one, or belongs
    to another environment."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        digest = document.pop("digest")
        if document["format"] != FORMAT:
            raise InputError(
                f"Option apply_plan: {path!r} has format {document['format']!r}, and this version of the collection reads "
                f"{FORMAT}. Make the plan again."
            )
    except OSError as error:
        raise InputError(f"Option apply_plan: {path!r} cannot be read ({error.strerror}).") from None
    except (ValueError, LookupError, AttributeError, TypeError):
        raise InputError(f"Option apply_plan: {path!r} is not a plan that plan_file has written.") from None
    if digest != _digest(document):
        raise InputError(
            f"Option apply_plan: {path!r} was edited after it was made. A plan is carried out as it is or not at all: make a new one."
        )
    if approved and approved.strip().removeprefix("sha256:") != digest.removeprefix("sha256:"):
        raise InputError(
            f"Option apply_plan: {path!r} is not the plan that plan_digest approves. It has {digest}, and {approved.strip()!r} was approved."
        )
    here = {"environment": target.environment, "services": dict(target.services)}
    there = {"environment": document["environment"], "services": document["services"]}
    if here != there:
        raise InputError(
            f"Option apply_plan: {path!r} was made for {_place(there)}, and this task is connected to {_place(here)}."
        )
    return (
        Plan(
            actions=tuple(_read(item) for item in document["actions"]),
            left_out=tuple(LeftOut(**item) for item in document["left_out"]),
            notes=tuple(document["notes"]),
            compared=document["compared"],
        ),
        digest,
    )


def _place(target: Mapping[str, Any]) -> str:
    services = ", ".join(target["services"].values())
    return f"environment {target['environment']!r} at {services}" if target["environment"] else services


def _read(item: Mapping[str, Any]) -> Action:
    kind = _KINDS[item["kind"]]

    def thing(values: Mapping[str, Any] | None) -> User | Group | None:
        if values is None:
            return None
        if values.get("members") is not None:
            values = {**values, "members": frozenset(values["members"])}
        found: User | Group = kind(**values)
        return found

    return Action(
        kind=item["kind"],
        verb=item["action"],
        name=item["name"],
        before=item["before"],
        after=item["after"],
        changes=item["changes"],
        subject=thing(item["object_before"]),
        outcome=thing(item["object_after"]),
        extras={**item["write_only"], **dict.fromkeys(item["secrets"])},
        purged=item["purged"],
    )


# Carrying out


def plan_of_file(module: W365Module, desired: Desired) -> tuple[Plan, str]:
    """What is left to do of the plan in option apply_plan, and its digest. `desired` knows what stands in no plan."""
    reviewed, digest = read_plan(module.params["apply_plan"], target_of(module), module.params["plan_digest"])
    plan = with_secrets(reviewed, desired.users)
    current = module.read(as_desired(plan))
    plan = remaining(plan, current)
    guard(current, plan, desired.protected)
    return plan, digest


def with_secrets(plan: Plan, users: Iterable[DesiredUser]) -> Plan:
    """The plan with the write-only values that stand in no file, from the users of the task. Raises InputError."""
    known = {user.key: user.extras for user in users}
    actions: list[Action] = []
    for action in plan.actions:
        needed = SECRET_EXTRAS.intersection(action.extras)
        given = known.get(action.outcome.key, {}) if needed else {}
        for name in sorted(needed):
            if not given.get(name):
                raise InputError(
                    f"The plan writes the {name} of user '{action.name}', which stands in no plan. Give the same users or src as "
                    "when the plan was made."
                )
        actions.append(replace(action, extras={**action.extras, **{name: given[name] for name in needed}}))
    return replace(plan, actions=tuple(actions))


def as_desired(plan: Plan) -> Desired:
    """The same plan as wishes, which tell a directory what has to be read to see whether it still holds."""
    users: list[DesiredUser] = []
    groups: list[DesiredGroup] = []
    grants: set[str] = set()
    revocations: set[str] = set()
    for action in plan.actions:
        if action.kind == "user":
            identity = action.subject.upn if action.subject else None
            stays = action.verb not in ("delete", "delete_permanently")
            users.append(DesiredUser(action.name, identity, stays, fields=action.changes, extras=action.extras))
        elif action.kind == "administrator":
            (grants if action.verb == "grant" else revocations).add(action.outcome.key)
        else:
            members = (
                AddRemoveSet(frozenset(action.changes["add"]), frozenset(action.changes["remove"]))
                if action.kind == "membership"
                else None
            )
            groups.append(DesiredGroup(action.name, present=action.verb != "delete", members=members))
    roles = AddRemoveSet(frozenset(grants), frozenset(revocations)) if grants or revocations else None
    return Desired(tuple(users), tuple(groups), roles, whole=True)


def remaining(plan: Plan, current: Snapshot) -> Plan:
    """What is left to do of a plan. An action whose end has come already counts as unchanged.

    Raises GuardError, with all of them in `changed_since`, when an object that the plan touches is neither as it was nor as
    it will be.
    """
    check = _Check(plan, current)
    actions: list[Action] = []
    done: list[tuple[str, str]] = []
    for action in plan.actions:
        left = check.left_of(action)
        if left is None:
            done.append((action.kind, action.name))
        else:
            actions.append(left)
    if check.odd:
        shown = " ".join(check.odd[:CHANGES_SHOWN])
        more = (
            f" And {len(check.odd) - CHANGES_SHOWN} more, see changed_since." if len(check.odd) > CHANGES_SHOWN else ""
        )
        raise GuardError(
            f"Refused to carry out the plan: the environment has changed since it was made. {shown}{more} Nothing was written. "
            "Make a new plan, and have it reviewed.",
            changed_since=check.odd,
        )
    return replace(plan, actions=tuple(actions), unchanged=tuple(done))


def _differing(before: User | Group, now: User | Group, names: tuple[str, ...]) -> list[str]:
    """The names of the fields that are not what they were; here nothing given is an empty value."""
    was = {name: "" if getattr(before, name) is None else getattr(before, name) for name in names}
    return list(difference(was, now, names))


class _Check:
    """Compares each object that a plan touches with what is there now. `odd` collects what does not fit, as sentences."""

    def __init__(self, plan: Plan, current: Snapshot) -> None:
        self._current = current
        self.odd: list[str] = []
        people = [action for action in plan.actions if action.kind == "user"]
        # Members and administrators are planned under the names that they have by then, as long as they do not have them yet.
        self._names = {
            action.subject.key: action.outcome.key if action.outcome else None
            for action in people
            if action.subject
            and (action.outcome is None or action.outcome.key != action.subject.key)
            and (now := current.users_by_id.get(action.subject.id)) is not None
            and now.key == action.subject.key
        }
        self._created = {action.outcome.key for action in people if action.verb == "create"}
        self._created_groups = {a.outcome.key for a in plan.actions if (a.kind, a.verb) == ("group", "create")}

    def left_of(self, action: Action) -> Action | None:
        """The action, as far as it is not done; None when it is, or does not fit."""
        compare = {
            "user": self._object,
            "group": self._object,
            "membership": self._membership,
            "administrator": self._role,
        }
        left = compare[action.kind](action)
        if isinstance(left, str):
            kind = {"membership": "Group", "administrator": "User"}.get(action.kind, action.kind.capitalize())
            self.odd.append(f"{kind} '{action.name}' {left}.")
            return None
        return left

    # Each of these gives the action that is left, None when it is done, or what is odd.

    def _object(self, action: Action) -> Action | str | None:
        found: Any
        fields = USER_FIELDS if action.kind == "user" else GROUP_FIELDS
        if action.subject is None:
            found = self._find(action.outcome)
            if found is None:
                return action
            differing = (
                [] if getattr(found, "readable", True) is False else list(difference(action.changes, found, fields))
            )
            return f"exists now, and differs in {', '.join(differing)}" if differing else None
        found = self._find(action.subject)
        if found is None:
            gone = action.outcome is None
            return None if gone else "is gone"
        if action.outcome is None or action.verb == "delete":
            if action.verb == "delete" and action.kind == "user" and found.active is False:
                return None
            differing = _differing(action.subject, found, fields)
            if isinstance(found, Group) and self._named(found.members) != action.subject.members:
                differing.append("members")
        else:
            left = difference(action.changes, found, fields)
            if not left and not action.extras:
                return None
            differing = _differing(action.subject, found, tuple(left))
        return f"differs in {', '.join(differing)} from what it was" if differing else action

    def _membership(self, action: Action) -> Action | str | None:
        group = self._find(action.subject) if action.subject.id else self._find(action.outcome)
        if group is None:
            return action if action.outcome.key in self._created_groups else "is gone"
        members = self._named(group.members)
        before = frozenset((action.before or {}).get("members", ()))
        add, remove = frozenset(action.changes["add"]), frozenset(action.changes["remove"])
        if members == action.outcome.members:
            return None
        if not (members - before <= add and before - members <= remove):
            others = sorted(members.symmetric_difference(before) - add - remove)
            return f"has other members: {', '.join(others[:CHANGES_SHOWN])}"
        changes = {"add": sorted(add - members), "remove": sorted(remove & members)}
        return replace(action, changes=changes)

    def _role(self, action: Action) -> Action | str | None:
        key = action.outcome.key
        users = self._named(self._current.users_by_key) | self._created
        if key not in users:
            return None if action.verb == "revoke" else "is gone"
        has_role = key in self._named(self._current.administrators)
        return action if has_role is not (action.verb == "grant") else None

    def _find(self, thing: User | Group) -> Any:
        """By id where it had one: a name may have gone to somebody else since."""
        current = self._current
        if isinstance(thing, User):
            return current.users_by_id.get(thing.id) if thing.id else current.users_by_key.get(thing.key)
        return current.groups_by_id.get(thing.id) if thing.id else current.groups_by_key.get(thing.key)

    def _named(self, keys: Iterable[str] | None) -> frozenset[str]:
        return frozenset(name for key in keys or () if (name := self._names.get(key, key)) is not None)
