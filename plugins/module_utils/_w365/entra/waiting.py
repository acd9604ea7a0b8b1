# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until the servers of Microsoft Entra know what was written: they learn of it one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ..errors import NotFoundError, W365Error

Found = TypeVar("Found")

STEADY_READS = 5
"""So many right answers in a row show that an object is everywhere (contract, G10)."""

READ_PAUSE = 1.0

LONGEST_PAUSE = 2.5
"""Seconds of one part of a pause: a longer one would be reported as throttling."""


class Waiting:
    """At most `seconds` (the value of `option`) in which something is tried again.

    `pause(seconds, reason)` waits. What it waited counts, and so does the time that passed meanwhile.
    """

    def __init__(self, pause: Callable[[float, str], None], seconds: float, option: str) -> None:
        self._pause = pause
        self._seconds = seconds
        self._option = option
        self._started = time.monotonic()
        self.waited = 0.0

    def is_over(self) -> bool:
        return max(self.waited, time.monotonic() - self._started) >= self._seconds

    def wait(self, seconds: float, reason: str) -> None:
        """Wait so long, or a twentieth of the whole time where that is less."""
        left = min(seconds, self._seconds / 20)
        self.waited += left
        while left > 0:
            self._pause(min(left, LONGEST_PAUSE), reason)
            left -= LONGEST_PAUSE

    def again(self, seconds: float, reason: str, error: W365Error | None = None) -> None:
        """Wait before another try. Raises when the time is over: the `error`, with a sentence about the option."""
        if self.is_over():
            text = f"{reason} within {self._seconds:g} seconds (option {self._option})"
            found = error.message if error else "Microsoft Entra has not shown it on all of its servers."
            raise W365Error(
                f"{text}: {found} Rerun the task, which goes on where this run ended, or give {self._option} more seconds."
            )
        self.wait(seconds, reason)


def or_none(read: Callable[[], Found]) -> Found | None:
    """What a read finds; None where the server does not find it."""
    try:
        return read()
    except NotFoundError:
        return None


def until_found(
    waiting: Waiting,
    find: Callable[[], Found | None],
    reason: str,
    *,
    pause: float = 3.0,
    error: W365Error | None = None,
) -> Found:
    """The first thing that `find` finds. Afterwards the time is over: `error`, as Waiting says it."""
    while True:
        found = find()
        if found is not None:
            return found
        waiting.again(pause, reason, error)


def until_everywhere(waiting: Waiting, read: Callable[[], object], what: str) -> None:
    """Read an object until all servers seem to have it."""
    until_steady(waiting, lambda: or_none(read) is not None, STEADY_READS, READ_PAUSE, what)


def until_steady(waiting: Waiting, seen: Callable[[], bool], times: int, pause: float, what: str) -> None:
    """Ask until `seen` was true so many times in a row: one right answer proves nothing (contract, G10)."""
    known = 0
    while True:
        known = known + 1 if seen() else 0
        if known >= times:
            return
        if known:
            waiting.wait(pause, what)
        else:
            waiting.again(pause, what)
