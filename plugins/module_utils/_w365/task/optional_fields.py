# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Optional attributes of users: checks whether the server keeps them, before they are written or afterwards.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import InputError, W365Error
from ..execution.results import ActionResult, ApplyResult
from ..model.desired import Desired
from ..model.directory import User, difference
from ..model.fields import USER_FIELDS

if TYPE_CHECKING:
    from ..backends.base import Directory

NAMES_SHOWN = 5


def without_unsupported(desired: Desired, missing: Collection[str], policy: str, wire: str) -> tuple[Desired, str]:
    """The desired users without fields that are not kept, and a sentence about them.

    `policy` is option when_unsupported. Raises InputError for V(fail).
    """
    names = ", ".join(sorted(missing))
    if policy != "ignore":
        raise InputError(
            f"Option {names} cannot be set: {wire} does not keep it. Nothing was written. Leave it out, or set "
            "when_unsupported=ignore to set everything else."
        )
    users = tuple(user.without(missing) for user in desired.users)
    return replace(desired, users=users), f"{wire} does not keep {names}, so it was ignored (when_unsupported=ignore)."


def with_what_was_kept(result: ApplyResult, directory: Directory) -> tuple[ApplyResult, list[str]]:
    """Read back the optional fields that were written, where the server does not say what it keeps.

    Returns the result with `not_kept` and the objects as they are, and warnings for the user.
    """
    lost: dict[str, list[str]] = {}
    unread = 0
    done: list[ActionResult] = []
    for item in result.done:
        written = _written(item)
        if not written:
            done.append(item)
            continue
        try:
            found = directory.read_again(item.thing)
        except W365Error:
            found = None
        if found is None:
            unread += 1
            done.append(item)
            continue
        fields = {name: USER_FIELDS[name] for name in written}
        missing = tuple(difference(written, found, fields))
        for name in missing:
            lost.setdefault(name, []).append(item.action.name)
        done.append(item._replace(thing=item.thing._replace(optional=found.optional), not_kept=missing))
    return result._replace(done=done), [*_sentences(lost), *_unread(unread)]


def _written(item: ActionResult) -> dict[str, Any]:
    """The optional fields that an action has written."""
    if item.error or not isinstance(item.thing, User) or not item.action.is_about_user:
        return {}
    return {name: value for name, value in item.action.changes.items() if USER_FIELDS[name].optional}


def _sentences(lost: dict[str, list[str]]) -> list[str]:
    sentences = []
    for name, users in sorted(lost.items()):
        shown = ", ".join(f"'{user}'" for user in users[:NAMES_SHOWN])
        more = f" and {len(users) - NAMES_SHOWN} more" if len(users) > NAMES_SHOWN else ""
        sentences.append(
            f"The server accepted {name} and did not keep it for {shown}{more}; see not_kept in results. "
            "Leave it out, since every run would write it again."
        )
    return sentences


def _unread(count: int) -> list[str]:
    if not count:
        return []
    users = "1 user" if count == 1 else f"{count} users"
    return [f"Whether the server kept the optional attributes of {users} could not be read back."]
