# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module_defaults of the play in the tasks of the collection's roles.

A role passes an option that is not given as ``default(omit)``, and it passes the connection as `module_defaults` of the
task. Ansible then drops the play's `module_defaults` for the module: an omitted option hides the default, and an inner
dictionary for a module replaces the outer one. So a limit that a play sets for a module would not apply in a role.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

COLLECTION = "workspace365.provisioning"


def add_defaults_of_play(
    arguments: dict[str, Any], task: Any, templar: Any, known: dict[str, Any] | None = None
) -> None:
    """Add the options that a task of a role of the collection leaves out, and that `module_defaults` around it give.

    ``arguments`` are changed. An option that is null counts as left out. What an inner `module_defaults` gives wins over
    an outer one, and what is given for the module over what is given for its group, as in Ansible. ``known`` keeps what
    whole templates were, for several calls with the same variables.
    """
    role = getattr(task, "_role", None)
    if role is None or getattr(role, "_role_collection", None) != COLLECTION:
        return
    add_defaults(arguments, task, templar, {} if known is None else known)


def add_defaults(arguments: dict[str, Any], task: Any, templar: Any, known: dict[str, Any]) -> None:
    """The same for any task, such as a step of one, which has no `module_defaults` from Ansible."""
    for name, value in _defaults(task, arguments, templar, known).items():
        if arguments.get(name) is None:
            arguments[name] = value


def _defaults(task: Any, arguments: Mapping[str, Any], templar: Any, known: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    # Tasks of roles have full names.
    action = task.action
    groups = [f"group/{name}" for name in (task._parent._play._action_groups or {}).get(action, ())]
    for key in (*groups, action):
        for layer in task.module_defaults or ():
            given = layer.get(key) or {}
            if isinstance(given, Mapping):
                # One that the role gives need not be a valid template here.
                given = {name: value for name, value in given.items() if arguments.get(name) is None}
            if not isinstance(given, str):
                found.update(_templated(given, templar))
            else:
                if given not in known:
                    known[given] = _templated(given, templar)
                found.update(known[given])
    # ansible-core 2.19 and later leave out such a key; before that, its value is a text that marks it.
    omitted = templar.available_variables.get("omit")
    return {name: value for name, value in found.items() if value is not None and value != omitted}


def _templated(given: Any, templar: Any) -> Any:
    # As part of a dictionary, because a template whose value is omitted has no value on its own.
    return templar.template({"given": given})["given"]
