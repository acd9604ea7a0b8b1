# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates an object exactly once, also when an answer is lost.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import AlreadyExistsError, LostAnswerError, UnreliableAnswerError
from ..transport.http import TRIES

Thing = TypeVar("Thing")


def create_once(create: Callable[[], Thing], find: Callable[[], Thing | None]) -> tuple[Thing, bool]:
    """Create an object exactly once. Returns it, and whether this call has created it.

    After a lost answer the object is looked up before the POST is repeated. After "exists already" it is looked up too:
    another client may have created it, and an empty look-up before does not prove its absence. So it is after an answer
    that proves nothing, but then the POST is not repeated.
    """
    for last in (*[False] * (TRIES - 1), True):
        try:
            return create(), True
        except LostAnswerError:
            found = find()
            if found is not None:
                return found, False
            if last:
                raise
        except UnreliableAnswerError:
            # It says neither whether the object was created, nor which one.
            found = find()
            if found is None:
                raise
            return found, False
        except AlreadyExistsError as error:
            found = find()
            if found is None:
                error.message += (
                    " The server does not show it: it may be on the deleted-users list, or hidden from this key. Restore or "
                    "remove it there."
                )
                raise
            return found, False
    raise AssertionError("the last attempt returns or raises")
