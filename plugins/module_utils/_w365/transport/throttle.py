# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits the rate and the concurrency of requests. A server's request to slow down applies to all workers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

Sent = TypeVar("Sent")


class Throttle:
    """A context manager around every request.

    At most `concurrency` requests run at the same time, `per_second` start (None: no limit), and the task waits at most
    `max_wait` seconds because of the server (-1: no limit). When the server throttles requests (HTTP 429 or 503), the
    concurrency is halved; successful requests raise it again, by one for as many as run at the same time.
    """

    def __init__(
        self,
        *,
        concurrency: int,
        per_second: float | None,
        max_wait: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float],
    ) -> None:
        self._concurrency = max(concurrency, 1)
        self._per_second = per_second
        self._max_wait = max_wait
        self._sleep = sleep
        self._clock = clock
        self._changed = threading.Condition()
        self._allowed: float = self._concurrency
        self._active = 0
        self._next_slot = 0.0
        self._closed_until = 0.0
        self._slowed_until = 0.0
        self._waiting_until = 0.0
        self.waited = 0.0
        """Seconds in which at least one worker waited because the server asked for it."""
        self.throttled = 0
        """How often the server asked to wait."""

    @property
    def limit(self) -> int:
        """How many requests the server is believed to take at the same time."""
        return int(self._allowed)

    def send(self, call: Callable[[], Sent], method: str, url: str) -> Sent:
        """Send a request, which `call` does, when it may start."""
        with self:
            return call()

    def __enter__(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._active < int(self._allowed))
                now = self._clock()
                delay = self._closed_until - now
                if delay <= 0:
                    self._active += 1
                    slot = max(now, self._next_slot)
                    if self._per_second:
                        self._next_slot = slot + 1.0 / self._per_second
                    break
            self._sleep(delay)
        if slot > now:
            self._sleep(slot - now)

    def __exit__(self, *_error: object) -> None:
        with self._changed:
            self._active -= 1
            self._changed.notify()

    def record_success(self) -> None:
        """A server processed a request: raise the concurrency again, slowly."""
        # Reading without the lock is safe enough: mostly the concurrency is not reduced, and nothing is to do.
        if self._allowed < self._concurrency:
            with self._changed:
                self._allowed = min(self._allowed + 1.0 / self._allowed, self._concurrency)
                self._changed.notify()

    def slow_down(self, seconds: float, *, all_workers: bool) -> bool:
        """The server asks to wait `seconds`: `all_workers`, or only the caller (which then sleeps itself).

        Returns False, without a change, when that would exceed `max_wait`. Workers that wait at the same time count once.
        """
        with self._changed:
            self.throttled += 1
            now = self._clock()
            until = now + seconds
            more = until - max(now, min(self._waiting_until, until))
            if 0 <= self._max_wait < self.waited + more or self._max_wait == 0:
                return False
            self.waited += more
            self._waiting_until = max(self._waiting_until, until)
            if all_workers:
                self._closed_until = max(self._closed_until, until)
            # Several refusals within one wait halve the concurrency only once.
            if now >= self._slowed_until:
                self._lower(now, seconds)
                self._slowed_until = until
            return True

    def _lower(self, now: float, seconds: float) -> None:
        self._allowed = max(self._allowed / 2, 1.0)
