# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that wait: for a fault to end, for others, for a thread. A reset ends them, since their state is gone."""

from __future__ import annotations

import asyncio
import contextlib


class ResetError(Exception):
    """The twin was reset after the request had come: it may neither read nor change what came after it."""


class Waiting:
    """Counts the resets, and wakes the requests that wait."""

    def __init__(self) -> None:
        self.resets = 0
        self._held: set[asyncio.Event] = set()
        self._late: set[asyncio.Event] = set()

    async def hold(self, seconds: float) -> None:
        """Wait until the control interface releases all held requests, or for some seconds."""
        await self._wait(self._held, seconds)

    async def delay(self, seconds: float) -> None:
        """Wait for some seconds, which only a reset ends before."""
        await self._wait(self._late, seconds)

    def release(self) -> int:
        """Release the held requests; return how many there were."""
        held = len(self._held)
        for event in self._held:
            event.set()
        return held

    def reset(self) -> None:
        """End the requests that came before now."""
        self.resets += 1
        for event in self._held | self._late:
            event.set()

    def check(self, resets: int) -> None:
        """Raise ResetError if there was a reset since this number of them."""
        if resets != self.resets:
            raise ResetError

    async def _wait(self, waiting: set[asyncio.Event], seconds: float) -> None:
        event = asyncio.Event()
        waiting.add(event)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        finally:
            waiting.discard(event)
