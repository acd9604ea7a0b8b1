# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Displays the progress of a module while it works.

A module can show nothing while it runs: its output is one JSON document. An action plugin runs in Ansible itself, and what
it displays is part of Ansible's output, in the terminal and in a job of AWX.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.utils.display import Display

display = Display()

LOOK_EVERY = 0.5
"""Seconds between two reads of the file."""


@contextmanager
def display_progress(arguments: dict[str, Any]) -> Iterator[None]:
    """Display the lines of the module's progress file as they come, until the block ends.

    The file is the `progress_file` of the arguments. Where they have none, a temporary one is added to them.
    """
    own = None
    if not arguments.get("progress_file"):
        handle, own = tempfile.mkstemp(prefix="w365_progress_", dir=constants.DEFAULT_LOCAL_TMP)
        os.close(handle)
        arguments["progress_file"] = own
    path = os.path.expanduser(os.path.expandvars(str(arguments["progress_file"])))
    over = threading.Event()
    reader = threading.Thread(target=_show, args=(path, _state(path), over), daemon=True)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
        if own:
            os.unlink(own)


def _show(path: str, before: tuple[int, int], over: threading.Event) -> None:
    """Display each whole line once. A file of an earlier run stays hidden: the module overwrites it with its first line."""
    shown = 0
    while True:
        last = over.wait(LOOK_EVERY)
        size, _time = now = _state(path)
        if now != before and size > shown:
            with open(path, "rb") as file:
                file.seek(shown)
                whole, end, _rest = file.read().rpartition(b"\n")
            for line in whole.decode("utf-8", "replace").splitlines():
                display.display(line)
            shown += len(whole + end)
        if last:
            return


def _state(path: str) -> tuple[int, int]:
    """What changes with every line: the size of the file in bytes, and its time in nanoseconds; zeros without a file."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
