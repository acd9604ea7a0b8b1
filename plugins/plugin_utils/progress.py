# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module and shows its progress while it works: what the action plugins of the long modules are made of.

A module can say nothing before it has ended: its output is one JSON document. An action plugin runs in Ansible itself, and
what it displays goes where all of Ansible's output goes, to the terminal and to the output of a job in AWX.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash

display = Display()

LOOK_EVERY = 0.5
"""Seconds between two looks at the file."""


class ProgressAction(ActionBase):
    """Runs the module of the same name. The arguments are the module's; progress_file is made up when it is not given."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        asynchronous = bool(self._task.async_val) and not self._connection.has_native_async
        # The file of a module on another host, or of another user, cannot be followed from here. An asynchronous task is over
        # at once, as far as this plugin is concerned.
        followed = self._connection.transport == "local" and not asynchronous and not self._play_context.become
        with _followed(self._task.args, followed) as arguments:
            result = merge_hash(
                result,
                self._execute_module(module_args=arguments, task_vars=task_vars, wrap_async=asynchronous),
            )
        if not asynchronous:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result


@contextmanager
def _followed(arguments: Mapping[str, Any], wanted: bool) -> Iterator[dict[str, Any]]:
    """The module's arguments, while the lines of its progress file are displayed as they come."""
    if not wanted:
        yield dict(arguments)
        return
    path, own = arguments.get("progress_file"), None
    if not path:
        handle, own = tempfile.mkstemp(prefix="w365_progress_", dir=constants.DEFAULT_LOCAL_TMP)
        os.close(handle)
    over = threading.Event()
    reader = threading.Thread(target=_show, args=(os.path.expanduser(str(path or own)), over), daemon=True)
    reader.start()
    try:
        yield {**arguments, "progress_file": path or own}
    finally:
        over.set()
        reader.join()
        if own:
            os.unlink(own)


def _show(path: str, over: threading.Event) -> None:
    shown = _size(path)
    while True:
        last = over.wait(LOOK_EVERY)
        size = _size(path)
        # A file that has shrunk was begun anew.
        shown = 0 if size < shown else shown
        if size > shown:
            with open(path, "rb") as file:
                file.seek(shown)
                whole, _end, _rest = file.read().rpartition(b"\n")
            for line in whole.decode("utf-8", "replace").splitlines():
                display.display(line)
            shown += len(whole) + 1 if whole else 0
        if last:
            return


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
