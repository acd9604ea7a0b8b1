# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast a task may ask. What a server tells one worker holds for all of them.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Throttle:
    """A gate that every request goes through, as a context manager.

    `at_once` requests may be under way, `per_second` may start (None: any number), and `patience` seconds may pass with
    waiting for the server (-1: any number). Half as many are under way after a server has asked for less, and one more
    with every round that goes well.
    """

    def __init__(
        self,
        *,
        at_once: int,
        per_second: float | None,
        patience: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._at_once = max(at_once, 1)
        self._per_second = per_second
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._changed = threading.Condition()
        self._allowed = float(self._at_once)
        self._under_way = 0
        self._next_slot = 0.0
        self._closed_until = 0.0
        self._slowed_until = 0.0
        self._waiting_until = 0.0
        self.waited = 0.0
        """Seconds in which at least one worker waited because a server said so."""

    def __enter__(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._under_way < int(self._allowed))
                now = self._clock()
                delay = self._closed_until - now
                if delay <= 0:
                    self._under_way += 1
                    slot = max(now, self._next_slot)
                    if self._per_second:
                        self._next_slot = slot + 1.0 / self._per_second
                    break
            self._sleep(delay)
        if slot > now:
            self._sleep(slot - now)

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._under_way -= 1
            self._changed.notify()

    def went_well(self) -> None:
        """A server took a request: slowly back to as many at once as there may be."""
        # Reading without the lock is good enough: at full pace, which is nearly always, there is nothing to do.
        if self._allowed < self._at_once:
            with self._changed:
                self._allowed = min(self._allowed + 1.0 / self._allowed, float(self._at_once))
                self._changed.notify()

    def slow_down(self, seconds: float, *, everybody: bool) -> bool:
        """A server wants `seconds` of rest, from `everybody` or from the one who asks (who then sleeps by itself).

        False when that would go beyond the patience; nothing has changed then. Workers who wait side by side spend it once.
        """
        with self._changed:
            now = self._clock()
            until = now + seconds
            more = until - max(now, min(self._waiting_until, until))
            if 0 <= self._patience < self.waited + more or self._patience == 0:
                return False
            self.waited += more
            self._waiting_until = max(self._waiting_until, until)
            if everybody:
                self._closed_until = max(self._closed_until, until)
            # Many refusals of the same moment are one sign, not many.
            if now >= self._slowed_until:
                self._allowed = max(self._allowed / 2, 1.0)
                self._slowed_until = until
            return True
