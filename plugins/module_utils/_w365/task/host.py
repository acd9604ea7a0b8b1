# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interface of the program that runs a task, and what it keeps from one task to the next.

Nothing else prints, exits, reads the environment or changes the working directory, and nothing keeps state in a variable of
a Python module.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from ..execution.results import ActionResult
    from ..transport.stop import Stop

Stored = TypeVar("Stored")


class ProgressReceiver(Protocol):
    """Takes what happens in a task, for lines of progress; output.progress.Progress is one."""

    def answered(self) -> None:
        """A server has answered a request."""

    def begin(self, total: int) -> None:
        """So many changes are going to be made."""

    def done(self, done: ActionResult) -> None:
        """One of them is made, or has failed."""

    def waiting(self, seconds: float, reason: str) -> None:
        """A server asked for a pause."""


class SessionStore:
    """Values that are kept from one task to the next: open sessions, and what a server supports.

    The key of a value contains everything that must be equal for two tasks to share it: address, credentials, TLS settings.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[Hashable, ...], Any] = {}

    def get(self, key: tuple[Hashable, ...], make: Callable[[], Stored]) -> Stored:
        """The value of this key; made now when there is none."""
        if key not in self._entries:
            self._entries[key] = make()
        stored: Stored = self._entries[key]
        return stored


class Host(Protocol):
    """Runs a task: provides its options, and receives its warnings and secrets.

    `options` are validated and complete, `secrets` are the values of those that must never be shown. `stop` ends the task.
    """

    options: Mapping[str, Any]
    check_mode: bool
    diff_mode: bool
    secrets: Collection[str]
    store: SessionStore
    stop: Stop
    decrypt: Callable[[str], str | None] | None
    """Decrypts a text of Ansible Vault, and returns None when no vault password fits. None where there is no password."""

    def warn(self, message: str) -> None:
        """Show a warning to the user."""

    def debug(self, message: str) -> None:
        """Log a message for debugging."""

    def add_secrets(self, values: Collection[str]) -> None:
        """Mask these values too in all output of the task."""

    def is_from_environment(self, option: str) -> bool:
        """Whether the value of a connection option comes from its environment variable and not from the task."""

    def progress_writer(self) -> Callable[[str], None] | None:
        """A function that shows one line of progress; None where progress is not shown."""
