# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates an object exactly once, also when an answer is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, TypeVar

from ..errors import AlreadyExistsError, LostAnswerError, UnreliableAnswerError
from ..planning.actions import Action, ActionType
from ..transport.http import TRIES

Thing = TypeVar("Thing")


class Origin(Enum):
    """Where the object of a creation comes from: LOST is found after an answer was lost, so this call has created it."""

    CREATED = 0
    LOST = 1
    EXISTED = 2


def create_once(create: Callable[[], Thing], find: Callable[[], Thing | None]) -> tuple[Thing, Origin]:
    """Create an object exactly once. Returns it, and where it comes from.

    After a lost answer the object is looked up before the POST is repeated. After "exists already" it is looked up too:
    another client may have created it, and an empty look-up before does not prove its absence. So it is after an answer
    that proves nothing, but then the POST is not repeated.
    """
    lost = False
    for last in (*[False] * (TRIES - 1), True):
        try:
            return create(), Origin.CREATED
        except LostAnswerError:
            lost = True
            found = find()
            if found is not None:
                return found, Origin.LOST
            if last:
                raise
        except UnreliableAnswerError:
            # It says neither whether the object was created, nor which one.
            found = find()
            if found is None:
                raise
            return found, Origin.LOST
        except AlreadyExistsError as error:
            found = find()
            if found is None:
                error.message += (
                    " The server does not show it: it may be on the deleted-users list, or hidden from this key. Restore or "
                    "remove it there."
                )
                raise
            return found, Origin.LOST if lost else Origin.EXISTED
    raise AssertionError("the last attempt returns or raises")


def adopted(
    action: Action, row: ActionType, found: Any, changes: Mapping[str, Any], before: Mapping[str, Any]
) -> Action:
    """What was done instead of a creation: the object that was `found` got these `changes`, or none."""
    if not changes:
        return replace(action, changes={}, subject=found)
    return replace(action, type=row, before=before, after=changes, changes=changes, subject=found)
