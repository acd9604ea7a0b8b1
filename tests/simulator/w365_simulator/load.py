# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a loaded server does: every answer takes time, and only so many requests are worked on at the same time."""

from __future__ import annotations

import asyncio
from collections import deque

from .switches import Switches
from .waiting import Waiting


class Load:
    """Counts the requests that are worked on. The switches say how many there may be, and what becomes of the others."""

    def __init__(self, switches: Switches, waiting: Waiting) -> None:
        self._switches = switches
        self._waiting = waiting
        self._working = 0
        self._turns: deque[asyncio.Future[None]] = deque()

    @property
    def _is_full(self) -> bool:
        return 0 < self._switches.capacity <= self._working

    async def enter(self) -> bool:
        """Begin to work on a request, after those that came before it; False when it is refused instead."""
        if self._is_full and self._switches.over_capacity != "queue":
            return False
        while self._is_full:
            turn = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            await turn
        self._working += 1
        if self._switches.latency:
            await self._waiting.delay(self._switches.latency / 1000)
        return True

    def leave(self) -> None:
        """End the work on a request."""
        self._working -= 1
        if self._turns:
            self._turns.popleft().set_result(None)
