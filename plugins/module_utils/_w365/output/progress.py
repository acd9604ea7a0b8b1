# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress lines of a long task. The host shows them: Ansible displays them, and a module process writes them to a file only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import InputError
from ..execution.results import ActionResult
from .progress_file import ProgressFile


def progress_of(options: Mapping[str, Any], write: Callable[[str], None] | None) -> Progress | None:
    """The progress that a task's options ask for: shown by the host, which `write`s it, or in a file only. None where it is not
    shown. Raises InputError for an invalid interval."""
    interval = options["progress_interval"]
    if interval < 0:
        raise InputError(f"Option progress_interval is {interval}: give seconds, or 0 for no progress at all.")
    about = str(options["environment"] or "").strip().lower() or "w365_directory"
    path = options.get("progress_file")
    if path and not write:
        write = ProgressFile(path).write
    return Progress(write, interval, about) if write and interval else None


class Progress:
    """Writes a line every `interval` seconds, so short tasks write none.

    `about` begins each line, such as the environment's name.
    """

    def __init__(
        self, write: Callable[[str], None], interval: float, about: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show = write
        self._interval = interval
        self._about = about
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock() + interval
        self._started = 0.0
        self._answers = 0
        self._total = 0
        self._done = 0
        self._failed = 0

    def answered(self) -> None:
        """Called after every answer of a server."""
        with self._lock:
            self._answers += 1
            if not self._total and self._due():
                self._write(f"reading, {self._answers} answers so far")

    def begin(self, total: int) -> None:
        """Called before the first change, with the number of changes."""
        with self._lock:
            self._total = total
            self._started = self._clock()

    def done(self, done: ActionResult) -> None:
        """Called after every change, also a failed one."""
        with self._lock:
            self._done += 1
            self._failed += done.error is not None
            if self._due():
                self._write(self._state())

    def waiting(self, seconds: float, reason: str) -> None:
        """Called before a wait; one of at least `interval` seconds is shown."""
        if seconds >= self._interval:
            with self._lock:
                self._write(f"waiting {seconds:.0f} seconds because of {reason}")

    def _state(self) -> str:
        seconds = max(self._clock() - self._started, 0.001)
        rate = self._done / seconds
        failed = f", {self._failed} failed" if self._failed else ""
        left = (self._total - self._done) / rate
        return (
            f"{self._done} of {self._total} changes made{failed}, {rate:.0f} per second, about {left:.0f} seconds left"
            if left >= 1
            else f"{self._done} of {self._total} changes made{failed}"
        )

    def _due(self) -> bool:
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._interval
        return True

    def _write(self, line: str) -> None:
        self._show(f"{self._about}: {line}")
