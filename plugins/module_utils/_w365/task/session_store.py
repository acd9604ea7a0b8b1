# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be kept from one task to the next.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Kept = TypeVar("Kept")


class SessionStore:
    """What may be kept from one task to the next: open sessions, and what a server was found to support.

    The key of a thing holds everything that must be equal for two tasks to share it: address, credentials, TLS settings.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Hashable, ...], Any] = {}

    def get(self, key: tuple[Hashable, ...], make: Callable[[], Kept]) -> Kept:
        """What is kept under this key; made now when there is nothing yet."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: Kept = self._kept[key]
        return kept
