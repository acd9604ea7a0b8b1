# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a relative path in a task means.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.paths import plain

INPUTS = ("src",)
"""The options that name files which come with a role or a playbook."""


def resolve_paths(
    arguments: dict[str, Any],
    options: Mapping[str, str],
    folder: str,
    look_up: Callable[[str], str | None] = lambda path: None,
) -> None:
    """Replace the relative paths in a task's arguments, which are changed, by absolute ones below `folder`.

    ``options`` is what `inputs.paths.paths_of_spec` returns. The arguments are as they were written: an option of type ``list`` may
    be one text with commas. What is no text, empty, absolute, or begins with ``~`` or ``$`` stays as it is; Ansible
    expands the last two where the module runs, as the user and in the environment that it has there. A file of `INPUTS` that
    is not there is looked up elsewhere: ``look_up`` returns its path, or None.
    """
    folder = os.path.abspath(folder)
    if "$" in folder:
        # Ansible would expand it. The module runs in this folder, so a relative path means the same.
        return

    def place(name: str, path: Any) -> Any:
        resolved = _resolved(path, folder)
        if name not in INPUTS or resolved is path or os.path.exists(resolved):
            return resolved
        return look_up(path) or resolved

    for name in options.keys() & arguments.keys():
        given = plain(arguments[name])
        if isinstance(given, str) and options[name] == "list" and given:
            given = given.split(",")
        if isinstance(given, str):
            arguments[name] = place(name, given)
        elif isinstance(given, list) and options[name] == "list":
            # A copy keeps what Ansible notes about a list, such as where it was written.
            arguments[name] = given.copy()
            arguments[name][:] = [place(name, plain(path)) for path in given]


def begins_nowhere(path: str) -> bool:
    """Whether a path is relative. Ansible expands one that begins with ``~`` or ``$``."""
    return not path.startswith(("/", "~", "$"))


def _resolved(path: Any, folder: str) -> Any:
    if not isinstance(path, str) or not path or not begins_nowhere(path):
        return path
    return os.path.join(folder, path)
