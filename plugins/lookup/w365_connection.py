# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
name: w365_connection
short_description: The connection options that variables of a host give
version_added: 1.1.0
author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
description:
  - Makes the connection options of the modules of this collection from the variables of the same names with C(w365_) before
    them, such as C(w365_scim_url) for the option O(workspace365.provisioning.w365_user#module:scim_url).
  - For C(module_defaults) of the group C(workspace365.provisioning.w365), so that one line takes the place of a line for
    each option.
  - A variable that is not defined or blank, or that is omitted, gives no option. The modules then read the environment
    variable. A variable whose template fails is an error.
options: {}
notes:
  - The result can hold secrets. Do not show it.
seealso:
  - plugin: workspace365.provisioning.w365_environments
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Keep the people of each environment
  hosts: w365_environments
  gather_facts: false
  module_defaults:
    group/workspace365.provisioning.w365: "{{ lookup('workspace365.provisioning.w365_connection') }}"
  tasks:
    - name: Keep the users
      workspace365.provisioning.w365_directory:
        users: "{{ contoso_users }}"
"""

RETURN = r"""
_raw:
  description:
    - One dictionary with the options that are given.
  type: list
  elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleLookupError, AnsibleUndefinedVariable
from ansible.plugins.lookup import LookupBase

from ansible_collections.workspace365.provisioning.plugins.filter.given import given
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    connection_option_names,
)

OPTIONS = {f"w365_{name}": name for name in connection_option_names()}
"""Variable -> option."""


class LookupModule(LookupBase):
    """The lookup plugin."""

    def run(
        self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[dict[str, Any]]:
        """Raises AnsibleLookupError for any term: the variables are those of the host."""
        if terms or kwargs:
            raise AnsibleLookupError(
                "w365_connection takes no terms and no options: it reads the variables of the host."
            )
        known = variables or {}
        found = {option: known[name] for name, option in OPTIONS.items() if name in known}
        # All at once, because each call has a price of its own.
        try:
            read = self._read(found)
        except AnsibleUndefinedVariable:
            read = {}
            for option, value in found.items():
                read |= self._named(option, value)
        return [{option: value for option, value in read.items() if given(value) is not None}]

    def _read(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What is omitted is left out, or before ansible-core 2.19 for the task to leave out."""
        read: dict[str, Any] = self._templar.template(dict(found)) if found else {}
        return read

    def _named(self, option: str, value: Any) -> dict[str, Any]:
        """One option, where the templates of one cannot be read. An environment variable must not take its place."""
        try:
            return self._read({option: value})
        except AnsibleUndefinedVariable as error:
            raise AnsibleLookupError(
                f"The variable w365_{option} is given, and its template cannot be read: {error}. Define what is missing, or add "
                "default(omit) to the template if the option may be left out."
            ) from error
