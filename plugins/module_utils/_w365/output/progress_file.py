# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that takes lines of progress."""

from __future__ import annotations

import os


class ProgressFile:
    """A file for progress lines. The first line overwrites it, and a file that cannot be written is not an error."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = False

    def write(self, line: str) -> None:
        try:
            status = os.lstat(self._path) if os.path.islink(self._path) else None
            if status and status.st_uid not in (os.geteuid(), 0):
                # A stranger's link in a shared folder could lead to any file of ours.
                return
            with open(self._path, "a" if self._written else "w", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError:
            # Progress is not important enough to fail the task.
            return
        self._written = True
