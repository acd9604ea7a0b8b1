# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host in Ansible's own process: runs a module's task without a process of its own, with the same result.

Arguments and results become plain values on the way, as if they had passed through a module process: what Ansible notes
about a value, such as that it may be a template, reaches neither the task nor, through it, the result.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from datetime import date
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple
from warnings import catch_warnings, simplefilter

from ansible.module_utils.basic import AnsibleFallbackNotFound

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_rules,
    connection_option,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress_file import ProgressFile
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import run_task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.host import SessionStore
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.stop import Stop
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import (
    ArgumentSpecValidator,
    UnsupportedError,
    remove_values,
    sanitize_keys,
)

MODULES = "ansible_collections.workspace365.provisioning.plugins.modules"


def module_of(name: str) -> ModuleType:
    """The module of the collection with this name, which has no dots. Raises ModuleNotFoundError."""
    return import_module(f"{MODULES}.{name}")


class Setting(NamedTuple):
    """What surrounds a task: its name in messages, its modes, its environment variables, how progress is shown, and what
    decrypts a text of Ansible Vault (None when no password fits)."""

    name: str
    check_mode: bool
    diff_mode: bool
    environ: Mapping[str, str]
    show: Callable[[str], None]
    decrypt: Callable[[str], str | None]


class DirectHost:
    """Ansible's own process. The session store outlives the task: a loop uses one for all of its items."""

    def __init__(self, options: Mapping[str, Any], setting: Setting, secrets: set[str], store: SessionStore) -> None:
        self.options = options
        self.check_mode = setting.check_mode
        self.diff_mode = setting.diff_mode
        self.secrets: Collection[str] = list(secrets)
        self.store = store
        self.decrypt: Callable[[str], str | None] | None = setting.decrypt
        parent = os.getppid()
        self.stop = Stop(lambda: "" if os.getppid() == parent else "Ansible, which started this task, has ended")
        self.warnings: list[str] = []
        self._masked = secrets
        self._environ = setting.environ
        self._show = setting.show

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def debug(self, message: str) -> None:
        """A module process writes it to the log of its machine. Here is no such log."""

    def add_secrets(self, values: Collection[str]) -> None:
        self._masked |= set(values)

    def is_from_environment(self, option: str) -> bool:
        variable = connection_option(option).env
        value = self._environ.get(variable, "") if variable else ""
        # Ansible has expanded the value of an option of type path.
        return self.options[option] in (value, os.path.expanduser(os.path.expandvars(value)))

    def progress_writer(self) -> Callable[[str], None]:
        path = self.options.get("progress_file")
        if not path:
            return lambda line: self._show(one_line(line))
        write = ProgressFile(path).write

        def both(line: str) -> None:
            self._show(one_line(line))
            write(line)

        return both


_STORES: dict[int, SessionStore] = {}


def _store_of_this_process() -> SessionStore:
    """Ansible forks a process for each task and host, and its loop runs there: two of them never share a session."""
    process = os.getpid()
    if process not in _STORES:
        _STORES.clear()
        _STORES[process] = SessionStore()
    return _STORES[process]


def run_directly(
    module: ModuleType, options_spec: Mapping[str, Any], arguments: Mapping[str, Any], setting: Setting
) -> dict[str, Any]:
    """The result of a module's task, as Ansible would get it from a module process.

    `module` is a file of plugins/modules, `options_spec` its whole argument spec, `arguments` are the task's, as they were
    written. The result has `invocation`,
    and is without the values of secret options. Raises KeyboardInterrupt and SystemExit after the task has ended in order.
    """
    spec = with_environment(options_spec, setting.environ)
    given = plain(arguments)
    validated = ArgumentSpecValidator(spec, **build_rules(module.RULES)).validate(given)
    options = validated.validated_parameters
    # Ansible masks every secret in all output: a blank one would mask the blanks of our messages.
    secrets = {value for value in (*secret_values(spec, given), *secret_values(spec, options)) if value.strip()}
    warnings = list(_double_options(spec, given))
    if validated.error_messages:
        result: dict[str, Any] = {"failed": True, "msg": validated.error_messages[0]}
        if isinstance(validated.errors[0], UnsupportedError):
            result["msg"] = f"Unsupported parameters for ({setting.name}) module: {result['msg']}"
    else:
        host = DirectHost(options, setting, secrets, _store_of_this_process())
        with catch_warnings():
            # Those of Python, such as of a certificate that nobody checks, would be displayed as errors of Ansible.
            simplefilter("ignore")
            result = run_task(module.run, host, module.KIND)
        warnings += host.warnings
        if host.stop.reason:
            # Of a session that was interrupted nobody knows what is still to come.
            _STORES.clear()
        if host.stop.signal:
            raise host.stop.signal
    if warnings:
        result["warnings"] = warnings
    shown = module.KIND.shown(options)
    names = "\n".join(_names(shown))
    if any(secret in names for secret in secrets):
        # Takes longer than everything else here, and has nearly never anything to do.
        shown = sanitize_keys(shown, secrets)
    result["invocation"] = {"module_args": shown}
    kept = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
    masked: dict[str, Any] = plain(remove_values(result, secrets) | kept)
    return masked


def with_environment(spec: Mapping[str, Mapping[str, Any]], environ: Mapping[str, str]) -> dict[str, Any]:
    """The argument spec of a task that has these environment variables, instead of those of the process."""
    if environ is os.environ:
        return dict(spec)

    def value_of(*names: str) -> str:
        for name in names:
            if environ.get(name, "").strip():
                return environ[name]
        raise AnsibleFallbackNotFound

    return {
        name: {**option, "fallback": (value_of, option["fallback"][1])} if "fallback" in option else option
        for name, option in spec.items()
    }


def secret_values(spec: Mapping[str, Mapping[str, Any]], values: Any) -> Iterator[str]:
    """The values of the options that are secret, at any depth and under any name, also of values that are not valid."""
    for item in values if isinstance(values, list) else [values]:
        if not isinstance(item, Mapping):
            continue
        for name, option in spec.items():
            for spelling in (name, *option.get("aliases", ())):
                if option.get("no_log"):
                    yield from _texts(item.get(spelling))
                elif option.get("options"):
                    yield from secret_values(option["options"], item.get(spelling))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _names(value: Any) -> Iterator[str]:
    """The keys of dictionaries, at any depth."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield str(name)
            yield from _names(part)
    elif isinstance(value, list):
        for part in value:
            yield from _names(part)


def _double_options(spec: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    for name, option in spec.items():
        for alias in option.get("aliases", ()):
            if name in given and alias in given:
                yield f"Both option {name} and its alias {alias} are set."


def plain(value: Any) -> Any:
    """The value as it is after a way through JSON: dictionaries with texts as keys, lists, texts, numbers, booleans, None.

    Raises TypeError for what JSON does not have.
    """
    return json.loads(json.dumps(_untagged(value)))


def _untagged(value: Any) -> Any:
    """The value without what Ansible notes about it; values that are decrypted or templated when they are read are read."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {_untagged(name): _untagged(part) for name, part in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if hasattr(value, "encode"):
        # Encrypted: no text in any version, but with the methods of one.
        return str(value)
    return [_untagged(part) for part in value] if isinstance(value, Sequence | Set) else value
