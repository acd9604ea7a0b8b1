# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module in this process: its own `main`, with a stand-in for the AnsibleModule that reads arguments and exits.

Everything else is real: the argument spec and its rules, the host, the task and every request. A run takes milliseconds
where a process takes a quarter of a second, so a test can afford one for every option.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, NoReturn
from unittest.mock import patch

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts import ansible_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
    build_rules,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task

PACKAGE = "ansible_collections.workspace365.provisioning.plugins.modules"
MODULES = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("w365_*.py"))


_PLACE = Lock()
"""Held while a stand-in is in the place of AnsibleModule."""


class ArgumentsRefusedError(Exception):
    """The argument spec or its rules refused the arguments, before any code of the module had a say."""


class _ExitError(Exception):
    """The module has ended."""


class StandIn:
    """What the collection uses of AnsibleModule. It takes the place of one for a single run."""

    def __init__(
        self, given: Mapping[str, Any], check: bool, spec: Mapping[str, Any], rules: Mapping[str, Any]
    ) -> None:
        validated = ArgumentSpecValidator(spec, **rules).validate(copy.deepcopy(dict(given)))
        if validated.error_messages:
            raise ArgumentsRefusedError("; ".join(validated.error_messages))
        self.params: dict[str, Any] = validated.validated_parameters
        self.check_mode = check
        self._diff = True
        self.no_log_values = set(_secrets(spec, self.params))
        self.result: dict[str, Any] = {}
        self._warnings: list[str] = []

    def warn(self, message: str) -> None:
        self._warnings.append(message)

    def debug(self, message: str) -> None:
        """Nobody reads it here."""

    def exit_json(self, **result: Any) -> NoReturn:
        self.result = {**result, **({"warnings": self._warnings} if self._warnings else {})}
        raise _ExitError

    def fail_json(self, **result: Any) -> NoReturn:
        self.exit_json(failed=True, **result)


def _secrets(spec: Mapping[str, Any], values: Any) -> Iterator[str]:
    """The values of the options that are secret, at any depth."""
    for item in values if isinstance(values, list) else [values]:
        for name, option in spec.items():
            value = item.get(name)
            if option.get("no_log") and value is not None:
                yield str(value)
            elif option.get("options") and value is not None:
                yield from _secrets(option["options"], value)


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


def run(name: str, options: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
    """The result of a module, as Ansible would get it in diff mode. A failed one has `failed` and `msg`.

    Raises ArgumentsRefusedError for arguments that Ansible refuses by itself.
    """
    made: list[StandIn] = []
    with ExitStack() as instead:

        def stand_in(
            _shown: object, *, argument_spec: Mapping[str, Any], supports_check_mode: bool, **rules: Any
        ) -> StandIn:
            # Each run takes the place once, so that runs in several threads do not get each other's.
            instead.close()
            assert supports_check_mode, f"{name} does not support check mode"
            made.append(StandIn(options, check, argument_spec, rules))
            return made[-1]

        instead.enter_context(_PLACE)
        instead.enter_context(patch.object(ansible_module, "AnsibleModule", stand_in))
        try:
            module_of(name).main()
        except _ExitError:
            return made[-1].result
    raise AssertionError(f"{name} ended without a result")


@dataclass(frozen=True)
class Wiring:
    """What a module hands over when it runs: the whole argument spec with its rules, and the kind of its task."""

    spec: Mapping[str, Mapping[str, Any]]
    own: frozenset[str]
    rules: Mapping[str, Any]
    kind: type[Task]


def wiring_of(name: str) -> Wiring:
    """As the module's own `main` says, so that a spec which is not the one that runs is not looked at."""
    module = module_of(name)
    calls: list[inspect.BoundArguments] = []
    signature = inspect.signature(ansible_module.run_module)
    with patch.object(module, "run_module", lambda *given, **named: calls.append(signature.bind(*given, **named))):
        module.main()
    (call,) = calls
    call.apply_defaults()
    own = call.arguments["own_spec"]
    return Wiring(
        build_argument_spec(own), frozenset(own), build_rules(call.arguments["rules"]), call.arguments["kind"]
    )


def walk(spec: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every option with its path, such as users.members.add."""
    for name, option in spec.items():
        yield f"{parent}{name}", option
        yield from walk(option.get("options") or {}, f"{parent}{name}.")
