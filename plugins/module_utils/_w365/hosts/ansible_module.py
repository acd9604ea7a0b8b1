# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host in a module process: an AnsibleModule provides the options and returns the result.

Ansible compiles every file that a task imports anew, in every task. So what only few tasks need is imported in the function
that needs it, and marked with "start-up". No import is late for another reason.
"""

from __future__ import annotations

import gc
import sys

if "ansible.plugins" not in sys.modules:
    # A module process ends with its task, and what it makes stays until then: looking for garbage after every 700 objects
    # takes a fiftieth of its time. Inside Ansible, that is none of our business.
    gc.set_threshold(50_000)

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule as BasicModule

from ..inputs.argument_spec import build_argument_spec, build_rules, connection_option
from ..task.base import Task, run_task
from ..task.host import SessionStore
from ..transport.redaction import SHORTEST_SECRET, Redactor
from ..transport.stop import Stop


def logged_options(shown: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Options that may be shown, without the `secrets` in any spelling: Ansible logs lists and dictionaries as Python
    writes them.

    Whether a text has a secret of few characters cannot be told, so nothing that may hold one is logged.
    """
    short = any(len(secret) < SHORTEST_SECRET for secret in secrets)
    redact = Redactor(secrets).data
    return {
        name: f"({len(value)} values)" if short and isinstance(value, list | dict) else redact(value)
        for name, value in shown.items()
    }


class AnsibleModule(BasicModule):
    """Writes no secret into the log of the machine, where Ansible logs the arguments of every module."""

    params: dict[str, Any]

    def __init__(self, shown: Callable[[Mapping[str, Any]], Mapping[str, Any]], **rules: Any) -> None:
        # Ansible logs the options while it is being made.
        self._shown = shown
        super().__init__(**rules)

    def _log_invocation(self) -> None:
        given = self.params
        self.params = logged_options(self._shown(given), [str(value) for value in self.no_log_values])
        try:
            super()._log_invocation()
        finally:
            self.params = given

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        self.params = dict(self._shown(self.params))
        super()._return_formatted(kwargs)


class ModuleHost:
    """A module process. It ends with the task, so nothing is kept."""

    def __init__(self, module: AnsibleModule) -> None:
        # Ansible masks every secret in all output: a blank one would mask the blanks of our messages.
        module.no_log_values = {value for value in module.no_log_values if str(value).strip()}
        self._module = module
        self.options: Mapping[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self.diff_mode: bool = module._diff
        self.secrets: Collection[str] = [str(value) for value in module.no_log_values]
        self.store = SessionStore()
        self.decrypt: Callable[[str], str | None] | None = None
        parents = _parents()
        self.stop = Stop(lambda: "" if _parents() == parents else GONE)
        self.warn: Callable[[str], None] = module.warn
        self.debug: Callable[[str], None] = module.debug

    def add_secrets(self, values: Collection[str]) -> None:
        self._module.no_log_values |= set(values)

    def is_from_environment(self, option: str) -> bool:
        variable = connection_option(option).env
        value = os.environ.get(variable, "") if variable else ""
        # Ansible has expanded the value of an option of type path.
        return self.options[option] in (value, os.path.expanduser(os.path.expandvars(value)))

    def progress_writer(self) -> None:
        """Nothing is shown before the task ends."""


GONE = "Ansible, which started this task, has ended"


def _parents() -> list[tuple[int, bytes]]:
    """The processes above this one, each with the id of its parent, up to the one that runs the task for a local connection.

    Between them stand two shells, which outlive a task that Ansible gave up. Processes of other sessions, such as those that
    an asynchronous task has left, do not count, nor does anything that the system does not show.
    """
    found: list[tuple[int, bytes]] = []
    process, session = os.getppid(), b"%d" % os.getsid(0)
    while len(found) < 3:
        try:
            # Read before every request: a file object of Python would take twice as long.
            file = os.open(f"/proc/{process}/stat", os.O_RDONLY)
            try:
                _state, parent, _group, its_session = os.read(file, 4096).rpartition(b")")[2].split(None, 4)[:4]
            finally:
                os.close(file)
        except (OSError, ValueError):
            break
        if its_session != session:
            break
        found.append((process, parent))
        process = int(parent)
    return found or [(process, b"")]


def run_module(
    run: Callable[[Any], dict[str, Any]],
    own_spec: Mapping[str, Mapping[str, Any]],
    kind: type[Task] = Task,
    **rules: Any,
) -> None:
    """Run one module: `run` gets a task of this `kind` and returns the values of the result."""
    module = AnsibleModule(
        kind.shown, argument_spec=build_argument_spec(own_spec), supports_check_mode=True, **build_rules(rules)
    )
    host = ModuleHost(module)
    result = run_task(run, host, kind)
    # Python looks through all objects for garbage once more when it ends, which takes as long as a request.
    gc.freeze()
    if host.stop.signal:
        # Ansible's process for this task could wait for ever with a result that nobody takes.
        raise SystemExit(1)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
