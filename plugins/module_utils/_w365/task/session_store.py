# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values that are kept from one task to the next."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Stored = TypeVar("Stored")


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
