# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller finds what a server can take, whatever the server does with more. In simulated time, so it takes none."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.adaptive import (
    AdaptiveThrottle,
    Controller,
    Ticket,
)

# A server with a hidden capacity, and a task with threads that sends to it, without a thread and without a clock


@dataclass(frozen=True)
class Server:
    """How a server behaves. `capacity` requests are processed at a time; `capacity_at` changes that later.

    `over` says what becomes of the others: "queue", "429", "503", "500", "409" or "reset". `latency` is in seconds, with
    `jitter` the standard deviation of its logarithm; `drift` is how far it moves up and down, as a part of itself, in
    a `period` of seconds. A part `long_part` of the requests take `long_factor` times as long. A part `ordinary` of the
    answers is 409 whatever the load, all of them after `ordinary_from` seconds, and a part `flaky` of the connections breaks.
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
    ordinary_from: float = 1e9
    flaky: float = 0.0
    network: float = 0.002
    kinds_known: bool = False
    capacity_at: Callable[[float], int] | None = None

    def capacity_now(self, now: float) -> int:
        return self.capacity_at(now) if self.capacity_at else self.capacity


@dataclass
class Figures:
    """Means after the warm-up of the requests in progress and of those that the server works on, answers of the whole run, and
    the controller's last level."""

    in_flight: float = 0.0
    busy: float = 0.0
    all_good: int = 0
    all_throttled: int = 0
    failed: int = 0
    peak: int = 0
    level: int = 0

    @property
    def throttled_part(self) -> float:
        return self.all_throttled / max(self.all_good + self.all_throttled, 1)


class Simulation:
    """One run of a task that has no end of requests. Events are functions, in the order of their times."""

    def __init__(self, server: Server, most: int, seed: int) -> None:
        self.server = server
        self.controller = Controller(most)
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
            self.at(self.now + self.server.network / 2, partial(self.arrive, ticket, kind))

    def back(self, ticket: Ticket, kind: str, status: str) -> None:
        self.active -= 1
        self.controller.ended(ticket)
        found = self.figures
        good = status in ("200", "409", "500")
        found.all_good += good
        found.failed += status in ("409", "500")
        found.all_throttled += not good
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
        fails = self.random.random() < server.ordinary or self.now >= server.ordinary_from
        status = "409" if fails else "200"
        self.at(self.now + seconds, lambda: self.done(ticket, kind, status))

    def done(self, ticket: Ticket, kind: str, status: str) -> None:
        self.busy -= 1
        self.reply(ticket, kind, status)
        if self.queue and self.busy < self.server.capacity_now(self.now):
            self.work(*self.queue.popleft())

    def reply(self, ticket: Ticket, kind: str, status: str) -> None:
        self.at(self.now + self.server.network / 2, lambda: self.back(ticket, kind, status))


# What the controller makes of it

SECONDS = 90.0
WARM_UP = 5.0
MOST = 64


def simulated(server: Server, *, most: int = MOST, seed: int = 0, seconds: float = SECONDS) -> Figures:
    return Simulation(server, most, seed).run(seconds, WARM_UP)


@st.composite
def servers(draw: st.DrawFn) -> Server:
    over = draw(st.sampled_from(["queue", "429", "503", "reset"]))
    long_part, long_factor = draw(st.sampled_from([(0.0, 1.0), (0.1, 5.0), (0.05, 8.0)]))
    return Server(
        draw(st.integers(8, MOST)),
        over,
        latency=draw(st.sampled_from([0.04, 0.08, 0.15, 0.25])),
        jitter=draw(st.sampled_from([0.0, 0.1, 0.3])),
        drift=draw(st.sampled_from([0.0, 0.3, 1.0])),
        period=draw(st.sampled_from([30.0, 60.0])),
        long_part=long_part,
        long_factor=long_factor,
        kinds_known=draw(st.booleans()),
        retry_after=draw(st.sampled_from([None, 1.0, 2.0])) if over in ("429", "503") else None,
    )


@pytest.mark.parametrize("capacity", [12, 24, 48])
def test_room_is_used(capacity: int) -> None:
    found = simulated(Server(capacity))
    assert found.busy >= 0.9 * capacity
    assert found.level >= 0.9 * capacity


# A failing server is shown as it was drawn: each is a minute and a half of simulated time, and a smaller one takes many.
@settings(max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(servers(), st.integers(0, 1000))
def test_a_hidden_capacity_is_found(server: Server, seed: int) -> None:
    """After the warm-up at least 90 % of it is used, waits included, and at most 5 % of all answers are refusals."""
    found = simulated(server, seed=seed)
    assert found.busy >= 0.9 * server.capacity
    assert found.throttled_part <= 0.05
    assert found.in_flight <= 1.5 * server.capacity + 3, "more requests only wait in the queue"


@pytest.mark.parametrize("capacity", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("behavior", [{}, {"jitter": 0.3}, {"latency": 0.3}], ids=str)
def test_a_queue_from_the_first_request_on_is_no_reason_to_grow(capacity: int, behavior: dict[str, float]) -> None:
    found = simulated(Server(capacity, "queue", **behavior))  # type: ignore[arg-type]
    if capacity <= 3:
        assert found.peak == 8, "it never grew"
    assert found.busy >= 0.85 * capacity
    assert found.level <= 1.4 * capacity + 1


@pytest.mark.parametrize("over", ["429", "503", "reset", "500", "409"])
@pytest.mark.parametrize("capacity", [3, 5, 8, 20])
def test_what_a_server_refuses_at_once_is_not_sent_for_long(over: str, capacity: int) -> None:
    found = simulated(Server(capacity, over))
    assert found.busy >= 0.85 * capacity
    assert found.level <= capacity
    assert (found.failed + found.all_throttled) / (found.all_good + found.all_throttled) <= 0.05


@pytest.mark.parametrize("ordinary", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("capacity", [12, 64])
def test_answers_that_always_fail_are_no_congestion(ordinary: float, capacity: int) -> None:
    """A run that adopts existing people gets 409 for each of them, with one request at a time as with many."""
    found = simulated(Server(capacity, "queue", ordinary=ordinary))
    assert found.busy >= 0.9 * capacity


def test_people_who_exist_come_in_the_middle_of_a_run() -> None:
    """From one second to the next every answer is 409: a look at a lower level, and on as before."""
    found = simulated(Server(32, "queue", ordinary_from=30.0))
    assert found.busy >= 0.9 * 32
    assert found.level >= 29


@pytest.mark.parametrize("over", ["queue", "429", "503", "reset", "500"])
def test_a_capacity_that_falls_and_rises(over: str) -> None:
    fallen = simulated(Server(64, over, capacity_at=lambda now: 50 if now < 20 else 12), seconds=40.0)
    assert 8 <= fallen.level <= 16
    risen = simulated(Server(64, over, capacity_at=lambda now: 12 if now < 20 else 50), seconds=120.0)
    assert 40 <= risen.level <= 64


def test_connections_that_break_by_chance_are_no_refusal() -> None:
    found = simulated(Server(33, "queue", flaky=0.005))
    assert found.busy >= 0.9 * 33


@pytest.mark.parametrize("most", [1, 4, 16])
def test_never_more_than_allowed(most: int) -> None:
    found = simulated(Server(64, "queue"), most=most)
    assert found.peak == most
    assert found.busy >= 0.9 * most


def test_a_refusal_shows_how_many_the_server_takes() -> None:
    """The sixth of eight is refused, so five are taken. The wait that the refusal asks for is no second reason to brake."""
    controller = Controller(MOST)
    sixth = [controller.started(0.0) for _request in range(8)][5]
    controller.ended(sixth)
    controller.refused(sixth, 0.1)
    assert controller.level == controller.limit == 5
    controller.slow_down(0.1, 1.0)
    assert controller.level == controller.limit == 5


def test_a_request_that_gets_no_answer_in_time_halves() -> None:
    controller = Controller(MOST)
    tickets = [controller.started(0.0) for _request in range(8)]
    for ticket in tickets:
        controller.ended(ticket)
        controller.late(ticket, 60.0)
    assert controller.level <= 4


def test_a_server_that_is_slower_for_other_reasons_is_not_spared() -> None:
    """The latency doubles and halves again within a minute; nothing would be gained with fewer requests."""
    found = simulated(Server(40, "queue", drift=1.0, period=60.0))
    assert found.busy >= 0.9 * 40


class Answers:
    """Sends nothing, and answers after a moment."""

    def __init__(self, status: Callable[[int], int] = lambda now: 200, seconds: float = 0.002) -> None:
        self.lock = threading.Lock()
        self.now = self.most = self.count = 0
        self.status = status
        self.seconds = seconds

    def __call__(self) -> SimpleNamespace:
        with self.lock:
            self.now += 1
            self.count += 1
            self.most = max(self.most, self.now)
            status = self.status(self.now)
        time.sleep(self.seconds)
        with self.lock:
            self.now -= 1
        return SimpleNamespace(status_code=status)


def adaptive(concurrency: int, per_second: float | None = None) -> AdaptiveThrottle:
    return AdaptiveThrottle(
        concurrency=concurrency, per_second=per_second, max_wait=-1.0, sleep=time.sleep, clock=time.monotonic
    )


def sent(throttle: AdaptiveThrottle, answers: Answers, count: int, workers: int) -> None:
    def request(number: int) -> None:
        while throttle.send(answers, "POST", f"https://contoso.com/scim/v2/Users/{number}").status_code == 429:
            throttle.slow_down(0.001, all_workers=True)

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(request, range(count)))


def test_threads_keep_to_the_limit_and_it_grows() -> None:
    throttle, answers = adaptive(24), Answers(seconds=0.01)
    sent(throttle, answers, 3000, 24)
    assert 8 < answers.most <= 24
    assert throttle._active == throttle._controller._in_flight == 0
    assert throttle.throttled == 0


def test_threads_keep_to_what_a_server_takes() -> None:
    throttle, answers = adaptive(32), Answers(lambda now: 429 if now > 10 else 200, seconds=0.01)
    sent(throttle, answers, 2000, 32)
    assert throttle.limit <= 11
    assert throttle.throttled == answers.count - 2000 <= 100


def test_a_rate_is_kept_and_is_no_reason_to_grow() -> None:
    throttle, answers = adaptive(64, per_second=200), Answers()
    begin = time.monotonic()
    sent(throttle, answers, 100, 64)
    assert time.monotonic() - begin >= 0.49
    assert throttle.limit == 8


def test_a_short_list_starts_no_more_threads_than_it_has_entries() -> None:
    before = threading.active_count()
    with ThreadPoolExecutor(64) as threads:
        list(threads.map(lambda number: number, range(3)))
        assert threading.active_count() - before <= 3


@pytest.mark.parametrize("error", [ConnectionError, KeyError, KeyboardInterrupt, TimeoutError], ids=str)
def test_a_request_that_fails_gives_its_place_back(error: type[BaseException]) -> None:
    throttle = adaptive(4)

    def broken() -> None:
        raise error

    for _time in range(9):
        with pytest.raises(error):
            throttle.send(broken, "GET", "https://contoso.com")
    assert throttle._active == throttle._controller._in_flight == 0
    assert throttle.limit >= 1


def test_one_throttled_request_of_a_batch_brakes_too() -> None:
    """The batch itself is answered with 200."""
    throttle = adaptive(16)
    throttle.send(Answers(), "POST", "https://graph.contoso.com/$batch")
    assert throttle.slow_down(0.01, all_workers=True)
    assert throttle.limit < 8
