# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of roles that run several modules have in common: each module runs as a task of it would.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import ActionBase, AnsibleError
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import ModuleAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.preloading import preload_template_plugins
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import (
    COLLECTION,
    add_defaults_of_play,
)


class StepsAction(ActionBase):
    """Runs modules by the names of `actions`, with the play's `module_defaults` and the connections of one process."""

    _supports_check_mode = True

    actions: ClassVar[Mapping[str, type[ModuleAction]]]
    """The action plugin of the module of each step."""

    probe: ClassVar[str]
    """A step whose module has every connection option."""

    def __init_subclass__(cls, **more: Any) -> None:
        """Roles use these actions, for many hosts at once."""
        super().__init_subclass__(**more)
        preload_template_plugins()

    _known_defaults: dict[str, Any]
    """What whole templates of `module_defaults` were for the variables of this run; `run` begins with an empty one."""

    _known_python: dict[str, str]
    """Which Python the modules of this run need, in the same way."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """What every action begins its result with."""
        self._known_defaults, self._known_python = {}, {}
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def _option_of_play(self, name: str, value: str = "", *, shared: bool = True) -> str:
        """A connection option as the steps get it: `value`, `module_defaults`, or the environment variable; it may be empty.

        Without `shared`, the environment of Ansible's own process does not count.
        """
        given: dict[str, Any] = {name: value or None}
        action = self._action_of(self.probe, given)
        add_defaults_of_play(given, action._task, self._templar, action.known_defaults)
        if given.get(name):
            return str(given[name]).strip()
        environ = {**(os.environ if shared else {}), **action.environment_variables()}
        return environ.get(f"W365_{name.upper()}", "").strip()

    def _run_step(
        self, step: str, options: dict[str, Any], variables: dict[str, Any], hides: bool, *, check_mode: bool = False
    ) -> dict[str, Any]:
        """The result of a module. With `check_mode` it runs so, also where this task does not."""
        action = self._action_of(step, options)
        if check_mode:
            action._task.check_mode = True
        try:
            return action.run(task_vars=variables)
        except AnsibleError as error:
            return {"failed": True, "changed": False, "msg": error.message}
        except Exception as error:
            # Ansible would print its text, which nobody has masked.
            if not hides:
                raise
            return {"failed": True, "changed": False, "msg": f"The step ended with {type(error).__name__}."}
        finally:
            action.cleanup()

    def _action_of(self, step: str, options: dict[str, Any]) -> ModuleAction:
        """The action plugin of a step, with a task of its own."""
        task = self._task.copy(exclude_parent=True)
        task._parent = self._task._parent
        task.action = f"{COLLECTION}.{self.actions[step].__module__.rpartition('.')[2]}"
        task.args = options
        action = self.actions[step](
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        action.known_defaults, action.known_python = self._known_defaults, self._known_python
        return action
