# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that takes lines of progress.

Private to this collection: not an interface for others.
"""

from __future__ import annotations


class ProgressFile:
    """A file for progress lines. The first line overwrites it, and a file that cannot be written is not an error."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = False

    def write(self, line: str) -> None:
        try:
            with open(self._path, "a" if self._written else "w", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError:
            # Progress is not important enough to fail the task.
            return
        self._written = True
