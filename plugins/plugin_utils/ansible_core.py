# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that plugins use of ansible-core beside their base classes; each name is public in every supported version.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible import constants, template
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values, sanitize_keys
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, lookup_loader
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var

__all__ = [
    "ActionBase",
    "AnsibleActionFail",
    "AnsibleError",
    "ArgumentSpecValidator",
    "Display",
    "UnsupportedError",
    "boolean",
    "configured",
    "load_template_plugins",
    "remove_values",
    "run_directory",
    "sanitize_keys",
    "untrusted",
]


def configured(name: str, variables: Mapping[str, Any]) -> Any:
    """The value of a setting of ansible-core, such as INTERPRETER_PYTHON; None in versions that do not have it.

    `variables` are those of the host: some settings may be given as a variable too.
    """
    if constants.config.get_configuration_definition(name) is None:
        return None
    return constants.config.get_config_value(name, variables=variables)


def run_directory() -> str:
    """The folder of this run of Ansible for temporary files: all of its processes share it, and it is removed at the end."""
    return str(constants.DEFAULT_LOCAL_TMP)


def load_template_plugins(filter_name: str, lookup_name: str) -> None:
    """Load a filter and a lookup, in the process that Ansible forks for each host: otherwise each of these loads them anew.

    To find a filter, Ansible also loads its own ones, and the files of the collection up to the one that has the filter.
    """
    try:
        filter_loader.get(filter_name)
        lookup_loader.get(lookup_name, class_only=True)
    except KeyError:
        # A program that is not Ansible has not set up the collections, and forks nothing.
        return


def untrusted(value: Any) -> Any:
    """The value with no text that is a template, wherever it is put. For what a server had a say in.

    Since 2.19 a text that Python code makes is never one. Before that, one in a fact is, and set_fact makes facts.
    """
    return value if hasattr(template, "trust_as_template") else wrap_var(value)
