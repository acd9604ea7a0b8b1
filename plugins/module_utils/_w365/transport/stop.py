# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a task has to end: nothing is sent after that, and no pause is waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import StoppedError


class Stop:
    """Ends a task between two of its requests. `watch` returns a reason when Ansible, which waits for the task, is gone."""

    def __init__(self, watch: Callable[[], str] = str) -> None:
        self._watch = watch
        self._set = threading.Event()
        self.reason = ""
        self.signal: BaseException | None = None
        """KeyboardInterrupt or SystemExit: it ends more than the task."""

    def end(self, cause: BaseException) -> None:
        """Something raised in the middle of the task ends it, in all of its threads. Ansible has a class of its own for time limits."""
        if isinstance(cause, KeyboardInterrupt | SystemExit):
            self.signal = cause
            self._end("the task was interrupted")
        else:
            self._end("the time limit of the task (timeout) was reached")

    def _end(self, reason: str) -> None:
        self.reason = self.reason or reason
        self._set.set()

    def check(self) -> None:
        """Called before every request. Raises StoppedError when the task has to end."""
        if not self.reason:
            reason = self._watch()
            if reason:
                # Nobody is there to take a result.
                self.signal = SystemExit(1)
                self._end(reason)
        if self.reason:
            raise StoppedError(self.reason)

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds. Raises StoppedError as soon as the task has to end."""
        if self._set.wait(seconds):
            self.check()
