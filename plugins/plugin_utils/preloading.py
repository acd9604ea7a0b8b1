# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports everything that a task may need before Ansible forks the process that runs it: once, instead of in each fork.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from ansible_collections.workspace365.provisioning.plugins.module_utils import _w365
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra import EntraTask
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import load_template_plugins
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import COLLECTION


def preload(module: ModuleType) -> None:
    """Import the core, and MSAL for a module that signs in to Microsoft Entra; a library that is missing is not an error."""
    _preload_core()
    if issubclass(module.KIND, EntraTask):
        _preload_msal()


@cache
def _preload_core() -> None:
    for room in iter_modules(_w365.__path__, f"{_w365.__name__}."):
        found = import_module(room.name)
        for part in iter_modules(getattr(found, "__path__", ())):
            import_module(f"{room.name}.{part.name}")


@cache
def preload_template_plugins() -> None:
    """Load what the variables of roles and playbooks are read with."""
    load_template_plugins(f"{COLLECTION}.given", f"{COLLECTION}.w365_connection")


@cache
def _preload_msal() -> None:
    try:
        import_module("msal")
    except ImportError:
        return
