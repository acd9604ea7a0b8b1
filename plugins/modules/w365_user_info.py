#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_user_info
short_description: Read the users of a Workspace 365 environment
version_added: 1.0.0
description:
  - Returns all users of an environment, or one of them. Users on the deleted-users list are returned with
    RV(users[].active=false), where the server lists them.
  - "With O(scim_url) it reads C(GET /Users) of SCIM, to the last page. One user is looked up with a filter on
    C(userName)."
  - "Without O(scim_url) it reads C(GET /{EnvironmentName}/User/), an endpoint that the vendor has not documented. A
    server that has only the documented endpoints cannot list users. The task then fails; the error names this endpoint
    and recommends O(scim_url)."

options:
  upn:
    description:
      - Return only this user. All users are returned when it is not given.
      - Where the server has two users of this UPN, both are returned.
    type: str
    aliases:
      - user_principal_name

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory

seealso:
  - module: workspace365.provisioning.w365_user
  # BEGIN shared: seealso.scim (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: Automated user provisioning via SCIM API"
    description: The vendor's documentation of the SCIM service.
    link: https://support.workspace365.net/hc/en-us/articles/7552779543442-Automated-user-provisioning-via-SCIM-API
  # END shared: seealso.scim

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read all users through SCIM
  workspace365.provisioning.w365_user_info:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
  register: directory

- name: Show who is on the deleted-users list
  ansible.builtin.debug:
    msg: "{{ directory.users | rejectattr('active') | map(attribute='upn') }}"

- name: Read one user
  workspace365.provisioning.w365_user_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    upn: adele.vance@contoso.com
  register: adele

- name: Fail when the user does not exist
  ansible.builtin.assert:
    that: adele.users | length == 1
    fail_msg: This environment has no user adele.vance@contoso.com.
"""

RETURN = r"""
---
users:
  description:
    - The users, sorted by UPN. Empty when O(upn) is given and does not exist.
  type: list
  elements: dict
  returned: success
  # BEGIN shared: user.returned_list (written by "make docs" from docs/shared/user.yml)
  #   sample.0.email: null
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
    - upn: adele.vance@contoso.com
      id: "1024"
      first_name: Adele
      last_name: Vance
      email: null
      active: true
      external_id: null
      administrator: false
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

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import checked_upn
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task

ARGUMENT_SPEC: dict[str, Any] = {"upn": {"type": "str", "aliases": ["user_principal_name"]}}

RULES: dict[str, Any] = {}

KIND = Task


def run(task: Task) -> dict[str, Any]:
    upn = task.options["upn"]
    directory = task.directory
    users = directory.list_users() if upn is None else directory.users_named(checked_upn(upn))
    return {"changed": False, "users": [user.as_result() for user in sorted(users, key=lambda user: user.key)]}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
