#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_environment_info
short_description: Read which environments a Workspace 365 instance has
version_added: 1.0.0
description:
  - Returns all environments of an instance, or one of them.
  - "It reads C(GET /Environment/). The vendor has not documented the answer, so every plausible form of the list is
    understood: names, or objects with a name and whether the environment is active."
  - "Where the list cannot be read and O(environment) is given, C(POST /Environment/Validate/) is asked whether the name
    is taken. Where it cannot be read and O(environment) is not given, the result is empty with RV(readable=false) and a
    warning. Check RV(readable) before you rely on an empty list."

options:
  environment:
    description:
      - Return only this environment. All of them are returned when it is not given.
      - Note that C(module_defaults) of the group and E(W365_ENVIRONMENT) count as given.
      - If not given, the environment variable E(W365_ENVIRONMENT) is used.

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

seealso:
  - module: workspace365.provisioning.w365_environment
  # BEGIN shared: seealso.environments (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: Provisioning - Environment"
    description: The vendor's documentation of the endpoints for environments.
    link: https://support.workspace365.net/hc/en-us/articles/115004055149-Provisioning-Environment
  # END shared: seealso.environments

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read all environments of the instance
  workspace365.provisioning.w365_environment_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
  register: instance

- name: Show the environments that are not active
  ansible.builtin.debug:
    msg: "{{ instance.environments | selectattr('active', 'false') | map(attribute='name') }}"
  when: instance.readable

- name: Read one environment
  workspace365.provisioning.w365_environment_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
  register: contoso

- name: Fail when the environment does not exist
  ansible.builtin.assert:
    that: contoso.environments | length == 1
    fail_msg: This instance has no environment contoso.
"""

RETURN = r"""
---
environments:
  description:
    - The environments, sorted by name. Empty when O(environment) is given and does not exist.
  type: list
  elements: dict
  returned: success
  contains:
    # BEGIN shared: settings.environment (written by "make docs" from docs/shared/settings.yml)
    name:
      description: Name of the environment.
      type: str
      returned: always
      sample: contoso
    active:
      description: Whether the environment is active, or V(null) when the server does not show it.
      type: bool
      returned: always
      sample: true
    # END shared: settings.environment
  sample:
    - name: contoso
      active: true
    - name: fabrikam
      active: false
readable:
  description:
    - Whether the server's list of environments could be read.
  type: bool
  returned: success
  sample: true
filtered_by:
  description:
    - The value of O(environment) when only this environment was looked for, also where it comes from C(module_defaults)
      or an environment variable. V(null) when all environments are returned.
  version_added: 1.1.0
  type: str
  returned: success
  sample: contoso
# BEGIN shared: report.refusal (written by "make docs" from docs/shared/report.yml)
http_status:
  description:
    - The HTTP status with which a server refused the request.
  type: int
  returned: when the task failed because of one refused request
  sample: 400
http_method:
  description:
    - The method of that request.
  type: str
  returned: when the task failed because of one refused request
  sample: POST
http_path:
  description:
    - The path of that request, without the address of the service.
  type: str
  returned: when the task failed because of one refused request
  sample: /contoso/User/
# END shared: report.refusal
"""

from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import (
    checked_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask

ARGUMENT_SPEC: dict[str, Any] = {}

RULES: dict[str, Any] = {}

KIND = InstanceTask


def run(task: InstanceTask) -> dict[str, Any]:
    name = task.options["environment"]
    environments = task.instance.list_environments()
    readable = environments is not None
    if environments is None:
        task.warn("The list of environments could not be read from this server; see readable in the result.")
        found = task.instance.find_environment(name, None) if name else None
        environments = [found] if found else []
    elif name:
        environments = [found for found in environments if found.name.lower() == checked_environment_name(name).lower()]
    shown = [found.as_result() for found in sorted(environments, key=lambda found: found.name)]
    return {"changed": False, "environments": shown, "readable": readable, "filtered_by": name}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
