# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The concurrency that a server can take, found while requests are sent: `concurrency: auto`.

Two levels of concurrency are compared at a time. Where the latency of answers stays flat on the higher one, the server has
room, and the level rises; where the latency rises as much as the level, more requests only wait in a queue, and it falls.
The requests of the two levels are compared kind by kind, so that a mixture of long and short ones makes no difference, and
latency that drifts for other reasons is the same on both. An answer of refusal lowers the level at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .throttle import Sent, Throttle

START = 8
"""The concurrency with which a task begins."""

SATURATED = 0.5
"""How much of a rise of the level the latency may follow, as the ratio of their logarithms: 0 is flat, 1 is a queue."""

COUNTED = 0.8
"""The part of a batch of requests that is waited for; one of them may take very long."""

SAMPLES = 400
"""At most so many answers are waited for until two levels are compared, however much their latency scatters."""

FIRST_HOLD, LONGEST_HOLD = 1.0, 15.0
"""Seconds on a level until another one is tried: the first time, and when nothing has changed for long."""

FIRST_CEILING, LONGEST_CEILING = 10.0, 160.0
"""Seconds until a level that the server refused is tried again: the first time, and after it was refused often."""

WAITS_APART = 20.0
"""A refused level is not tried again before so many times the time that its refusal made the task wait."""

CUTS = (1.0, 1.0, 0.85, 0.7, 0.5)
"""What remains of the level after the first, second and so on, and every further refusal in a row."""

CHANGED = math.log(1.3)
"""A rise or fall of the latency by this factor on a level makes the controller try others at once."""

FRESH = 100
"""So many answers, or four for each request in progress, are compared at a time in order to see such a change."""

LEAK = 0.34
"""Connections that break count as a refusal when three of them do, less so much for every answer between them."""

LOWEST = 2
"""The level on which it is seen whether answers fail because of the requests at the same time."""

KINDS = 64
"""So many kinds of requests are told apart; identifiers in paths may look like words."""


class Ticket(NamedTuple):
    """A request in progress: when it started, as which of those in progress, on which step of the level, and whether its latency
    counts."""

    started: float
    in_flight: int
    step: int
    counts: bool


class Latencies:
    """The logarithms of latencies on one level by kind of request, as number, sum and sum of squares, and failed answers."""

    def __init__(self) -> None:
        self.kinds: dict[Any, tuple[float, float, float]] = {}
        self.answers = 0.0
        self.failed = 0.0

    def add(self, kind: Any, seconds: float, *, failed: bool) -> None:
        if self.answers >= 2 * SAMPLES:
            # Half of what was seen is forgotten: the last answers count most.
            self.kinds = {name: (n / 2, s / 2, q / 2) for name, (n, s, q) in self.kinds.items()}
            self.answers, self.failed = self.answers / 2, self.failed / 2
        if kind not in self.kinds and len(self.kinds) >= KINDS:
            kind = None
        value = math.log(max(seconds, 1e-6))
        number, total, squares = self.kinds.get(kind, (0.0, 0.0, 0.0))
        self.kinds[kind] = (number + 1, total + value, squares + value * value)
        self.answers += 1
        self.failed += failed

    @property
    def failing(self) -> float:
        """The part of the answers that failed."""
        return self.failed / self.answers if self.answers else 0.0

    def copy(self) -> Latencies:
        found = Latencies()
        found.kinds, found.answers, found.failed = dict(self.kinds), self.answers, self.failed
        return found

    def rise_to(self, other: Latencies) -> tuple[float, float]:
        """How much higher the latencies of the same kinds are there, as a logarithm, and its standard error."""
        weight = total = squares = 0.0
        number = 0.0
        for kind, (n, s, q) in other.kinds.items():
            m, t, r = self.kinds.get(kind, (0.0, 0.0, 0.0))
            if m:
                share = n * m / (n + m)
                weight += share
                total += share * (s / n - t / m)
                squares += max(q - s * s / n, 0.0) + max(r - t * t / m, 0.0)
                number += n + m
        if not weight:
            return 0.0, math.inf
        return total / weight, math.sqrt(squares / number / weight)

    def lacking(self, low: int, high: int, part: float) -> int:
        """How many more answers are needed to tell whether the latency follows the level from one to the other."""
        scatter = sum(max(q - s * s / n, 0.0) for n, s, q in self.kinds.values()) / max(self.answers, 1.0)
        needed = scatter / (part * math.log(high / low)) ** 2
        return math.ceil(min(needed, SAMPLES) - self.answers)

    def fails_more_on(self, other: Latencies) -> bool:
        """Whether a larger part of the answers there are failures that concurrency can cause, beyond chance.

        Answers that fail in every state of the server, such as those about users who exist, fail as often on both levels.
        """
        if other.failed < 3 or not self.answers:
            return False
        part = (self.failed + other.failed) / (self.answers + other.answers)
        chance = math.sqrt(part * (1 - part) * (1 / self.answers + 1 / other.answers))
        return other.failing - self.failing > 0.05 + 2 * chance


class Controller:
    """Chooses how many requests may be in progress. It sees when each starts and how it ends, and reads no clock.

    `limit` is how many may be in progress now, `level` the number that the server is believed to take. They differ while
    another level is tried.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.level = self.limit = self._target = min(START, most)
        self._in_flight = 0
        self._batch, self._open, self._done = max(self.level, 10), 0, 0
        self._step = 0
        self._trial = 0
        self._growth = 2.0
        self._cut = 0.5
        self._known = Latencies()
        self._now = Latencies()
        self._seen: Latencies | None = None
        self._doubted = False
        self._ordinary = 0.0
        self._hold = 0.0
        self._hold_until = 0.0
        self._next = -1
        self._unsettled = self.level
        self._ceiling = most
        self._ceiling_hold = FIRST_CEILING
        self._ceiling_until = 0.0
        self._probing = False
        self._probe = 1
        self._proven = most
        self._trial_began = 0.0
        self._braked = -math.inf
        self._braked_step = 0
        self._answered = 0
        self._strikes = 0
        self._lost = 0.0
        self._lost_in_flight = most

    def started(self, now: float) -> Ticket:
        self._in_flight += 1
        # Those of a batch are waited for. What ends first is short, and says nothing about the others.
        counts = self._in_flight >= self._target and self._open < self._batch and not self._unsettled
        self._open += counts
        return Ticket(now, self._in_flight, self._step, counts)

    def ended(self, ticket: Ticket) -> None:
        """A request is no longer in progress, whatever became of it."""
        self._in_flight -= 1
        self._done += ticket.counts and ticket.step == self._step

    # How requests end

    def answered(self, ticket: Ticket, now: float, kind: Any, *, failed: bool) -> None:
        """The server processed a request. `failed` for an answer that too much concurrency can cause: 409 and 500."""
        self._lost = max(self._lost - LEAK, 0.0)
        self._answered += 1
        if self.limit < self._target:
            self.limit += 1
        if self._unsettled:
            # The first requests open their connections.
            self._unsettled -= 1
        elif ticket.counts and ticket.step == self._step:
            self._now.add(kind, now - ticket.started, failed=failed)
            if failed and not self._trial and self._seen and self._seen.fails_more_on(self._now):
                self._doubt()
            elif failed and self._trial > 0 and self._known.fails_more_on(self._now):
                self._decide(now)
        if self._done >= COUNTED * self._batch:
            self._step += 1
            self._open = self._done = 0
            self._compare(now)

    def refused(self, ticket: Ticket, now: float) -> None:
        """The server answered 429 or 503."""
        self._brake(ticket.step, ticket.in_flight, now)

    def late(self, ticket: Ticket, now: float) -> None:
        """There was no answer in time."""
        self._brake(ticket.step, max(ticket.in_flight // 2, 1), now)

    def lost(self, ticket: Ticket, now: float) -> None:
        """The connection broke. One may break by chance; several in a row are a refusal."""
        self._lost_in_flight = min(self._lost_in_flight, ticket.in_flight) if self._lost else ticket.in_flight
        self._lost += 1
        if self._lost > 2:
            self._brake(ticket.step, self._lost_in_flight, now)

    def slow_down(self, now: float, seconds: float) -> None:
        """The server asked to wait so many seconds."""
        self._ceiling_until = max(self._ceiling_until, now + WAITS_APART * seconds)
        if self._braked < now - seconds:
            # It asked inside an answer, such as for one request of a batch.
            self._brake(self._step, self._in_flight + 1, now)

    def _brake(self, step: int, in_flight: int, now: float) -> None:
        if step < self._braked_step:
            # It was in progress at the last refusal already, and not one of those that the server took.
            self._ceiling = max(min(self._ceiling, in_flight - 1), self.level)
            if self.level > self._proven:
                self._to_level(self.level - 1, now)
            return
        self._proven = self.level if self._trial > 0 else 1
        highest = max(min(self.level if self._trial <= 0 else self.limit, in_flight - 1), 1)
        soon = now - self._braked < FIRST_CEILING
        # While the server works on those that it took, the next refusal does not show that the last cut was too small.
        early = self._answered < self.level and self._in_flight > self.level // 2
        self._strikes = self._strikes + (self._trial <= 0 and not early) if soon else 1
        level = max(int(min(highest, self._in_flight) * CUTS[min(self._strikes, len(CUTS)) - 1]), 1)
        again = self._probing or (soon and not early)
        self._ceiling_hold = min(self._ceiling_hold * 2, LONGEST_CEILING) if again else FIRST_CEILING
        self._ceiling_until = max(self._ceiling_until, now + self._ceiling_hold)
        # How many of those in progress the server has taken is not known. What lies between is tried once more.
        self._ceiling = level if self._probing or soon or highest < 1.1 * level else highest
        self._next, self._hold = 1, 0.0
        self._braked = now
        self._answered = 0
        self._lost = 0.0
        self._probe = 1
        self._growth = 1.25
        self._to_level(level, now)
        self._braked_step = self._step

    # Levels

    def _to_level(self, level: int, now: float, known: Latencies | None = None) -> None:
        """Stay on a level for a while; `known` is what was seen on it."""
        self.level = level
        self._trial = 0
        self._probing = False
        self._hold_until = now + self._hold
        self._seen = known
        self._doubted = False
        self._go(level)
        if known:
            self._now = known.copy()

    def _go(self, target: int) -> None:
        self._target = target
        # On the way up, every answer lets one more request begin.
        self.limit = min(self.limit, target)
        if self.limit < target <= self.level:
            self.limit = target
        self._step += 1
        self._batch, self._open, self._done = max(target, 10), 0, 0
        self._now = Latencies()

    def _compare(self, now: float) -> None:
        """Called after every batch of requests."""
        if self._trial:
            if self._lacks(self._target) <= 0:
                self._decide(now)
        elif now >= self._hold_until:
            self._try_another(now)
        elif self._now.answers >= max(4 * self._target, FRESH):
            self._watch(now)

    def _lacks(self, target: int) -> int:
        """How many more answers a comparison with another level needs; the next batch then has so many."""
        low, high = sorted((self.level, target))
        # A level that is too high for a while costs less than one that is too low.
        lacking = self._now.lacking(low, high, 0.3 if target > self.level else 0.2)
        self._batch = max(lacking, self._target, 10)
        return lacking

    def _watch(self, now: float) -> None:
        """See whether the latencies of the level have changed since the trials were over. Then another level is tried at once."""
        change, error = self._seen.rise_to(self._now) if self._seen else (0.0, 0.0)
        if abs(change) - 2 * error > CHANGED:
            self._next = 1 if change < 0 else -1
            self._hold_until = now
            self._hold = 0.0
            self._seen = None
        else:
            self._seen = self._seen or self._now
        self._now = Latencies()

    def _doubt(self) -> None:
        """More answers fail than before: see whether the level is the reason, on one that is far lower."""
        self._doubted = True
        self._seen = None
        self._hold_until = 0.0
        self._go(self._target)
        self._batch = 10

    def _try_another(self, now: float) -> None:
        direction, self._next = (-1 if self._doubted else self._next), -self._next
        higher = self._higher(now)
        if higher == self.level:
            direction = -1
        if self._now.failing > self._ordinary + 0.5:
            self._doubted, direction = True, -1
        lower = max(min(int(self.level * self._cut), self.level - 1, LOWEST if self._doubted else self.level), 1)
        target = higher if direction > 0 else lower
        if target == self.level:
            self._next = 1
            self._hold_until = now + FIRST_HOLD
            return
        if self._lacks(target) > 0:
            self._next = direction
            return
        self._known = self._now
        self._trial = direction
        self._trial_began = now
        self._probing = target > self._ceiling
        self._go(target)

    def _higher(self, now: float) -> int:
        if self.level >= self._ceiling:
            # It was refused: one more at a time, and only after a while.
            return min(self.level + self._probe, self.most) if now >= self._ceiling_until else self.level
        higher = min(max(int(self.level * self._growth), self.level + 1), self.most)
        return higher if self._ceiling >= self.most else min(higher, (self.level + self._ceiling + 1) // 2)

    def _decide(self, now: float) -> None:
        low, high = (self._known, self._now) if self._trial > 0 else (self._now, self._known)
        rise, error = low.rise_to(high)
        ratio = abs(math.log(self._target / self.level))
        # What a lower level costs is certain, and what a queue costs is little.
        sure = rise if self._trial > 0 else rise - error
        fails = low.fails_more_on(high)
        saturated = fails or (not self._probing and sure >= SATURATED * ratio)
        if self._trial > 0 and not saturated:
            self._rise(now)
        elif self._trial > 0:
            if self._growth > 1.25:
                # A smaller step may be possible.
                self._next, self._growth = 1, 1.25
            else:
                self._hold = min(max(self._hold * 1.5, FIRST_HOLD), LONGEST_HOLD)
            level = round(self._target / math.exp(max(rise, 0.0)))
            self._to_level(self.level if fails else max(level, self.level), now, self._known if fails else None)
        elif saturated:
            # The rest of the way is tried at once.
            self._growth = 1.25
            self._cut = 0.5
            self._hold = 0.0
            self._next = -1
            self._to_level(self._target, now, self._now)
        else:
            self._cut = 0.75
            if self._doubted:
                self._ordinary = self._now.failing
            if self._growth < 2 or self._higher(now) == self.level:
                # A trial costs a part of the throughput while it lasts.
                longer = min(max(self._hold * 1.5, FIRST_HOLD), LONGEST_HOLD)
                self._hold = max(longer, 15 * (now - self._trial_began))
            self._to_level(self.level, now)

    def _rise(self, now: float) -> None:
        self._growth = min(self._growth * 1.25, 2.0)
        if self._probing:
            self._ceiling = self._target
            self._ceiling_hold = FIRST_CEILING
            self._ceiling_until = now
            self._probe *= 2
        self._hold = 0.0
        self._next = 1
        self._to_level(self._target, now, self._now)


class AdaptiveThrottle(Throttle):
    """A throttle whose concurrency a controller chooses, up to `concurrency`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._controller = Controller(self._concurrency)
        self._allowed = self._controller.limit

    @property
    def limit(self) -> int:
        return self._controller.level

    def send(self, call: Callable[[], Sent], method: str, url: str) -> Sent:
        with self:
            with self._changed:
                # A request that waited for its turn in the rate was not in progress.
                ticket = self._controller.started(self._clock())
            outcome: object = None
            try:
                answer = call()
                outcome = answer
            except Exception as error:
                outcome = error
                raise
            finally:
                with self._changed:
                    self._record(ticket, outcome, method, url)
            return answer

    def record_success(self) -> None:
        """Nothing: `send` saw the answer."""

    def _record(self, ticket: Ticket, outcome: object, method: str, url: str) -> None:
        controller, now = self._controller, self._clock()
        controller.ended(ticket)
        status = getattr(outcome, "status_code", None)
        if isinstance(outcome, OSError) and not isinstance(outcome, ValueError):
            # What requests raises is an OSError, and a ValueError too when nothing was sent.
            (controller.late if "Timeout" in type(outcome).__name__ else controller.lost)(ticket, now)
        elif status in (429, 503):
            controller.refused(ticket, now)
        elif status in (502, 504):
            controller.lost(ticket, now)
        elif status is not None:
            controller.answered(ticket, now, _kind(method, url, status), failed=status in (409, 500))
        self._apply_limit()

    def _lower(self, now: float, seconds: float) -> None:
        self._controller.slow_down(now, seconds)
        self._apply_limit()

    def _apply_limit(self) -> None:
        more = self._controller.limit - int(self._allowed)
        self._allowed = self._controller.limit
        if more > 0:
            self._changed.notify(more)


def _kind(method: str, url: str, status: int) -> tuple[Any, ...]:
    """The requests whose latencies are compared: same method, host and path without identifiers, and same kind of answer."""
    parts = urlsplit(url)
    return (method, parts.netloc, status, *(word for word in parts.path.split("/") if word.isalpha()))
