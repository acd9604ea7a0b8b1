# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server with a hidden capacity, and a task with threads that sends to it, in simulated time: no thread, no clock, no wait."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.adaptive import (
    Controller,
    Ticket,
)


@dataclass(frozen=True)
class Server:
    """How a server behaves. `capacity` requests are processed at a time; `capacity_at` changes that later.

    `over` says what becomes of the others: "queue", "429", "503", "500", "409" or "reset". `latency` is in seconds, with
    `jitter` the standard deviation of its logarithm; `drift` is how far it moves up and down, as a part of itself, in
    a `period` of seconds. A part `long_part` of the requests take `long_factor` times as long. A part `ordinary` of the
    answers is 409 whatever the load, and a part `flaky` of the connections breaks.
    """

    capacity: int
    over: str = "queue"
    latency: float = 0.1
    jitter: float = 0.0
    drift: float = 0.0
    period: float = 40.0
    long_part: float = 0.0
    long_factor: float = 10.0
    retry_after: float | None = None
    ordinary: float = 0.0
    flaky: float = 0.0
    network: float = 0.002
    kinds_known: bool = False
    capacity_at: Callable[[float], int] | None = None

    def capacity_now(self, now: float) -> int:
        return self.capacity_at(now) if self.capacity_at else self.capacity


@dataclass
class Figures:
    """What happened from `warm_up` on: the mean number of requests in progress and in work at the server, and the answers."""

    in_flight: float = 0.0
    busy: float = 0.0
    good: int = 0
    throttled: int = 0
    all_good: int = 0
    all_throttled: int = 0
    failed: int = 0
    peak: int = 0
    level: int = 0
    history: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def throttled_part(self) -> float:
        return self.all_throttled / max(self.all_good + self.all_throttled, 1)


class Simulation:
    """One run. Events are functions, in the order of their times."""

    def __init__(self, server: Server, most: int, seed: int, controller: Any = None) -> None:
        self.server = server
        self.controller = controller or Controller(most)
        self.random = random.Random(seed)
        self.now = 0.0
        self.events: list[tuple[float, int, Callable[[], None]]] = []
        self.number = itertools.count()
        self.waiting = most
        self.active = 0
        self.closed_until = 0.0
        self.busy = 0
        self.queue: deque[tuple[Ticket, str]] = deque()
        self.figures = Figures()
        self.areas = [0.0, 0.0]
        self.measuring = False

    def run(self, seconds: float, warm_up: float = 5.0) -> Figures:
        self.at(warm_up, self.begin_measuring)
        self.at(0.0, self.start)
        while self.events and self.events[0][0] <= seconds:
            at, _number, event = heapq.heappop(self.events)
            if self.measuring:
                self.areas[0] += (at - self.now) * self.active
                self.areas[1] += (at - self.now) * self.busy
            self.now = at
            event()
        found = self.figures
        found.in_flight, found.busy = (area / (seconds - warm_up) for area in self.areas)
        found.level = self.controller.level
        return found

    def begin_measuring(self) -> None:
        self.measuring = True

    def at(self, when: float, event: Callable[[], None]) -> None:
        heapq.heappush(self.events, (when, next(self.number), event))

    # The task

    def start(self) -> None:
        if self.now < self.closed_until:
            return
        while self.waiting and self.active < self.controller.limit:
            self.waiting -= 1
            self.active += 1
            self.figures.peak = max(self.figures.peak, self.active)
            ticket = self.controller.started(self.now)
            long = self.random.random() < self.server.long_part
            kind = "long" if long else "short"
            self.at(self.now + self.server.network / 2, lambda ticket=ticket, kind=kind: self.arrive(ticket, kind))

    def back(self, ticket: Ticket, kind: str, status: str) -> None:
        self.active -= 1
        self.controller.ended(ticket)
        found = self.figures
        good = status in ("200", "409", "500")
        found.all_good += good
        found.good += good and self.measuring
        found.failed += status in ("409", "500")
        found.all_throttled += not good
        found.throttled += not good and self.measuring
        if good:
            name = (kind if self.server.kinds_known else "", status)
            self.controller.answered(ticket, self.now, name, failed=status != "200")
            self.wait(0.0)
        elif status == "reset":
            self.controller.lost(ticket, self.now)
            self.wait(self.random.uniform(0.25, 0.5))
        else:
            self.controller.refused(ticket, self.now)
            asked = self.server.retry_after
            seconds = asked or self.random.uniform(0.25, 0.5)
            self.controller.slow_down(self.now, seconds)
            if status == "429" or asked:
                self.closed_until = max(self.closed_until, self.now + seconds)
                self.at(self.closed_until, self.start)
                self.wait(0.0)
            else:
                self.wait(seconds)
        found.history.append((self.now, self.controller.level, self.controller.limit))
        self.start()

    def wait(self, seconds: float) -> None:
        """A thread sends its next request after so many seconds."""
        if seconds:
            self.at(self.now + seconds, lambda: self.wait(0.0))
        else:
            self.waiting += 1
            self.start()

    # The server

    def arrive(self, ticket: Ticket, kind: str) -> None:
        server = self.server
        if self.random.random() < server.flaky:
            self.reply(ticket, kind, "reset")
        elif self.busy < server.capacity_now(self.now):
            self.work(ticket, kind)
        elif server.over == "queue":
            self.queue.append((ticket, kind))
        else:
            self.reply(ticket, kind, server.over)

    def work(self, ticket: Ticket, kind: str) -> None:
        self.busy += 1
        server = self.server
        seconds = server.latency * (server.long_factor if kind == "long" else 1.0)
        if server.jitter:
            seconds *= self.random.lognormvariate(0.0, server.jitter)
        if server.drift:
            # A triangle between 1 and 1 + drift.
            phase = (self.now % server.period) / server.period
            seconds *= 1 + server.drift * (1 - abs(2 * phase - 1))
        status = "409" if self.random.random() < server.ordinary else "200"
        self.at(self.now + seconds, lambda: self.done(ticket, kind, status))

    def done(self, ticket: Ticket, kind: str, status: str) -> None:
        self.busy -= 1
        self.reply(ticket, kind, status)
        if self.queue and self.busy < self.server.capacity_now(self.now):
            self.work(*self.queue.popleft())

    def reply(self, ticket: Ticket, kind: str, status: str) -> None:
        self.at(self.now + self.server.network / 2, lambda: self.back(ticket, kind, status))
