#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_admin_info
short_description: Read the administrators of a Workspace 365 environment
version_added: 1.0.0
description:
  - Returns the users of an environment that have the administrator role, including inactive ones.
  - "It reads C(GET /{EnvironmentName}/User/) of the Provisioning API, an endpoint that the vendor has not documented.
    SCIM does not carry the role, so O(scim_url) is not used here."
  - A server that has only the documented endpoints cannot show the role. The task then fails, and the error names the
    missing endpoint.

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

options: {}

seealso:
  - module: workspace365.provisioning.w365_admin
  # BEGIN shared: seealso.administrators (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: How to make someone an administrator"
    description: The vendor's documentation of the role.
    link: https://support.workspace365.net/hc/en-us/articles/7202182715794
  # END shared: seealso.administrators

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the administrators
  workspace365.provisioning.w365_admin_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
  register: role

- name: Fail when only one user can manage the environment
  ansible.builtin.assert:
    that: role.administrators | selectattr('active') | length > 1
    fail_msg: Contoso has a single active administrator.
"""

RETURN = r"""
---
administrators:
  description:
    - The administrators, sorted by UPN.
  type: list
  elements: dict
  returned: success
  # BEGIN shared: user.returned_list (written by "make docs" from docs/shared/user.yml)
  #   sample.0.upn: megan.bowen@contoso.com
  #   sample.0.first_name: Megan
  #   sample.0.last_name: Bowen
  #   sample.0.email: null
  #   sample.0.administrator: true
  contains:
    upn:
      description: The user principal name.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    id:
      description: The server's own id of the user. Empty where the server does not show it.
      type: str
      returned: always
      sample: "1024"
    first_name:
      description: First name. V(null) where the server does not show it.
      type: str
      returned: always
      sample: Adele
    last_name:
      description: Last name. V(null) where the server does not show it.
      type: str
      returned: always
      sample: Vance
    email:
      description: E-mail address. V(null) through the Provisioning API, where it is the UPN.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    active:
      description: V(false) for a user on the deleted-users list. V(null) where the server does not show it.
      type: bool
      returned: always
      sample: true
    external_id:
      description: The id that the source of the user gave it. V(null) through the Provisioning API.
      type: str
      returned: always
      sample: null
    administrator:
      description: Whether the user is an administrator. V(null) through SCIM, and where the list of users marks nobody.
      type: bool
      returned: always
      sample: false
    display_name:
      description: The name that is shown for the user. V(null) where the server has none.
      version_added: 1.1.0
      type: str
      returned: always
      sample: Adele Vance
    job_title:
      description: Job title. V(null) where the server has none.
      version_added: 1.1.0
      type: str
      returned: always
      sample: Product Marketing Manager
    department:
      description: Department. V(null) where the server has none.
      version_added: 1.1.0
      type: str
      returned: always
      sample: Marketing
    phone:
      description: Business telephone number. V(null) where the server has none.
      version_added: 1.1.0
      type: str
      returned: always
      sample: +1 425 555 0109
    preferred_language:
      description: Preferred language. V(null) where the server has none.
      version_added: 1.1.0
      type: str
      returned: always
      sample: en-US
  sample:
    - upn: megan.bowen@contoso.com
      id: "1024"
      first_name: Megan
      last_name: Bowen
      email: null
      active: true
      external_id: null
      administrator: true
      display_name: Adele Vance
      job_title: Product Marketing Manager
      department: Marketing
      phone: +1 425 555 0109
      preferred_language: en-US
  # END shared: user.returned_list
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

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.common import roles_problem
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import W365Error
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task

ARGUMENT_SPEC: dict[str, Any] = {}

RULES: dict[str, Any] = {}

KIND = Task


def run(task: Task) -> dict[str, Any]:
    people = task.administration.users_with_roles()
    if problem := roles_problem(people):
        raise W365Error(
            f"Cannot tell who is an administrator of environment '{task.environment}': {problem.message} "
            "Check instance_url, and the server with w365_api."
        )
    found = [user for user in people if user.administrator]
    return {"changed": False, "administrators": [user.as_result() for user in sorted(found, key=lambda user: user.key)]}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
