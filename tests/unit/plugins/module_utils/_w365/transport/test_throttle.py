# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One worker is told, all of them slow down, and they come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.throttle import Throttle


class Clock:
    """Time passes only where somebody sleeps, or where the test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace(clock: Clock, **settings: Any) -> Throttle:
    known = {"concurrency": 8, "per_second": None, "max_wait": 300.0}
    return Throttle(**{**known, **settings}, sleep=clock.sleep, clock=clock)


def places(gate: Throttle) -> int:
    """How many requests the gate lets through before it blocks."""
    return int(gate._allowed)


def test_whoever_comes_while_the_gate_is_closed_waits_for_the_rest(clock: Clock) -> None:
    gate = pace(clock)
    assert gate.slow_down(7, all_workers=True)
    clock.now += 3
    with gate:
        assert clock.slept == [4.0]
    with gate:
        assert clock.slept == [4.0]


def test_what_concerns_one_request_closes_the_gate_for_nobody(clock: Clock) -> None:
    gate = pace(clock)
    assert gate.slow_down(7, all_workers=False)
    with gate:
        assert clock.slept == []


def test_half_as_many_at_once_and_back_again(clock: Clock) -> None:
    gate = pace(clock)
    for _worker in range(8):
        assert gate.slow_down(1, all_workers=True)
    assert places(gate) == 4, "eight refusals of one moment are one sign"
    clock.now += 2
    gate.slow_down(1, all_workers=True)
    clock.now += 2
    gate.slow_down(1, all_workers=True)
    clock.now += 2
    gate.slow_down(1, all_workers=True)
    clock.now += 2
    gate.slow_down(1, all_workers=True)
    assert places(gate) == 1, "somebody always goes on"
    rounds = 0
    while places(gate) < 8:
        gate.record_success()
        rounds += 1
    # One more with every round that goes well: 1 + 2 + ... + 7, and the fractions.
    assert 28 <= rounds <= 40


def test_workers_that_wait_at_the_same_time_count_once(clock: Clock) -> None:
    gate = pace(clock, max_wait=10)
    for _worker in range(8):
        assert gate.slow_down(6, all_workers=False)
    assert gate.waited == 6
    clock.now += 6
    assert gate.slow_down(4, all_workers=True)
    assert gate.waited == 10
    assert gate.slow_down(3, all_workers=True), "within what is waited anyway"
    assert not gate.slow_down(5, all_workers=True)
    assert gate.waited == 10


def test_without_waiting_and_without_a_limit(clock: Clock) -> None:
    assert not pace(clock, max_wait=0).slow_down(0.1, all_workers=True)
    endless = pace(clock, max_wait=-1)
    for _time in range(100):
        assert endless.slow_down(120, all_workers=True)
        clock.now += 120


@pytest.fixture
def crowd() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as workers:
        yield workers


def test_no_more_than_allowed_are_under_way(crowd: ThreadPoolExecutor, clock: Clock) -> None:
    gate = pace(clock, concurrency=6)
    lock = threading.Lock()
    now = most = 0

    def request(_number: int) -> None:
        nonlocal now, most
        with gate:
            with lock:
                now += 1
                most = max(most, now)
            threading.Event().wait(0.001)
            with lock:
                now -= 1

    list(crowd.map(request, range(200)))
    assert most == 6
    gate.slow_down(0.001, all_workers=False)
    most = 0
    list(crowd.map(request, range(200)))
    assert most == 3


def test_a_request_that_fails_gives_its_place_back(clock: Clock) -> None:
    gate = pace(clock, concurrency=1)
    for _time in range(3):
        with pytest.raises(ConnectionError), gate:
            raise ConnectionError
