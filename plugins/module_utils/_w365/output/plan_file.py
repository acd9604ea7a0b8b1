# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as a file: made by one run, reviewed, and applied by another run if nothing has changed since.

It never contains a secret. Write-only values are marked, and come from the task again when the plan is applied.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..model.desired import Skipped
from ..model.directory import Group, User
from ..model.terminal import escaped_json
from ..planning.actions import ADMINISTRATOR, GROUP, MEMBERSHIP, USER, Action, ObjectKind, action_type
from ..planning.plan import Plan
from ..planning.reviewed_plan import SECRET_EXTRAS
from .plan_check import refuse_odd_plan
from .trusted_file import read_trusted

FORMAT = 2
"""Incremented when the format of the file changes."""

_CLASSES: Mapping[ObjectKind, type[User] | type[Group]] = {
    USER: User,
    ADMINISTRATOR: User,
    GROUP: Group,
    MEMBERSHIP: Group,
}


@dataclass(frozen=True)
class Target:
    """The target of a plan: the environment, and the roots of the services through which it was read."""

    environment: str | None
    services: Mapping[str, str]


def _document(plan: Plan, target: Target) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "environment": target.environment,
        "services": dict(target.services),
        "summary": plan.summary(),
        "notes": list(plan.notes),
        "left_out": [item.as_result() for item in plan.skipped],
        "compared": plan.compared,
        "actions": [_written(action) for action in plan.actions],
    }


def _written(action: Action) -> dict[str, Any]:
    return {
        "kind": action.kind,
        "action": action.verb,
        "name": action.name,
        "purged": action.purged,
        "unnamed": list(action.unnamed),
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


def file_source(path: str) -> str:
    """How sentences name the plan of a file."""
    return f"Option apply_plan: {path!r}"


def content_of_file(path: str, *, trust: bool, warn: Callable[[str], None]) -> bytes:
    """What is in option apply_plan. Raises InputError for a file that is missing, or that another user could have written;
    `trust` and `warn` are those of read_trusted."""
    content = read_trusted(path, "apply_plan", trust=trust, warn=warn)
    if content is None:
        raise InputError(f"{file_source(path)} cannot be read ({os.strerror(errno.ENOENT)}).")
    return content


def plan_text(plan: Plan, target: Target) -> tuple[str, str]:
    """The text of the file, and the digest of the plan."""
    document = _document(plan, target)
    digest = _digest(document)
    return escaped_json(json.dumps({**document, "digest": digest}, indent=2, ensure_ascii=False)) + "\n", digest


def read_plan(content: bytes, source: str, target: Target, approved: str | None = None) -> tuple[Plan, str]:
    """The plan and its digest. Raises InputError for content that is not a plan, was edited, is not the approved one, or is
    for another environment. `source` names it in the error."""
    try:
        document = json.loads(content.decode("utf-8"))
        digest = document.pop("digest")
        if document["format"] != FORMAT:
            raise InputError(
                f"{source} has format {document['format']!r}, and this version of the collection reads "
                f"{FORMAT}. Make the plan again."
            )
        return _plan_of(source, document, digest, target, approved)
    except _MALFORMED:
        raise InputError(f"{source} is not a plan that plan_file has written.") from None


_MALFORMED = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


def _plan_of(
    source: str, document: Mapping[str, Any], digest: str, target: Target, approved: str | None
) -> tuple[Plan, str]:
    if digest != _digest(document):
        raise InputError(
            f"{source} was edited after it was made. A plan is applied unedited or not at all: make a new one."
        )
    if approved and approved.strip().removeprefix("sha256:") != digest.removeprefix("sha256:"):
        raise InputError(
            f"{source} is not the plan that plan_digest approves. It has {digest}, and {approved.strip()!r} was approved."
        )
    refuse_odd_plan(document, source)
    here = {"environment": target.environment, "services": dict(target.services)}
    there = {"environment": document["environment"], "services": document["services"]}
    if here != there:
        raise InputError(f"{source} was made for {_place(there)}, and this task is connected to {_place(here)}.")
    return (
        Plan(
            actions=tuple(_read(item) for item in document["actions"]),
            skipped=tuple(Skipped(**item) for item in document["left_out"]),
            notes=tuple(document["notes"]),
            compared=document["compared"],
        ),
        digest,
    )


def _place(target: Mapping[str, Any]) -> str:
    services = ", ".join(target["services"].values())
    return f"environment {target['environment']!r} at {services}" if target["environment"] else services


def _read(item: Mapping[str, Any]) -> Action:
    row = action_type(item["kind"], item["action"])
    class_of_object = _CLASSES[row.object]

    def thing(values: Mapping[str, Any] | None) -> User | Group | None:
        if values is None:
            return None
        if values.get("members") is not None:
            values = {**values, "members": frozenset(values["members"])}
        found: User | Group = class_of_object(**values)
        return found

    return Action(
        type=row,
        name=item["name"],
        before=item["before"],
        after=item["after"],
        changes=item["changes"],
        subject=thing(item["object_before"]),
        outcome=thing(item["object_after"]),
        extras={**item["write_only"], **dict.fromkeys(item["secrets"])},
        purged=item["purged"],
        unnamed=tuple(item.get("unnamed") or ()),
    )
