#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_group_info
short_description: Read the groups of a Workspace 365 environment and their members
version_added: 1.0.0
description:
  - Returns all groups of an environment, or one of them, with the UPNs of their members.
  - "With O(scim_url) it reads C(GET /Groups) of SCIM, to the last page, and C(GET /Users) to name the members."
  - "Without O(scim_url) it reads C(GET /{EnvironmentName}/Group/) and C(GET /{EnvironmentName}/User/), endpoints that
    the vendor has not documented. A server that has only the documented endpoints cannot list groups. The task then
    fails; the error names the missing endpoint and recommends O(scim_url)."

options:
  name:
    description:
      - Return only this group. All groups are returned when it is not given.
      - Where the server has two groups of this name, both are returned.
    type: str
  include_members:
    description:
      - Whether to read the members. V(false) is faster, and RV(groups[].members) is V(null) then.
    type: bool
    default: true

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory

seealso:
  - module: workspace365.provisioning.w365_group
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
- name: Read all groups through SCIM
  workspace365.provisioning.w365_group_info:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
  register: directory

- name: Show the groups that have no members
  ansible.builtin.debug:
    msg: "{{ directory.groups | rejectattr('members') | map(attribute='name') }}"

- name: Read the names of the groups only
  workspace365.provisioning.w365_group_info:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    include_members: false

- name: Read one group
  workspace365.provisioning.w365_group_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    name: Sales
"""

RETURN = r"""
---
groups:
  description:
    - The groups, sorted by name. Empty when O(name) is given and does not exist.
  type: list
  elements: dict
  returned: success
  # BEGIN shared: group.returned_list (written by "make docs" from docs/shared/group.yml)
  contains:
    name:
      description: Name of the group.
      type: str
      returned: always
      sample: Sales
    id:
      description: The server's own id of the group.
      type: str
      returned: always
      sample: "12"
    description:
      description: Description. V(null) through SCIM, where groups have none.
      type: str
      returned: always
      sample: Everybody who sells
    external_id:
      description: The id that the source of the group gave it. V(null) through the Provisioning API.
      type: str
      returned: always
      sample: null
    members:
      description:
        - The UPNs of the members, in lowercase and sorted. V(null) when they were not read.
        - A member that is not a user of this environment is listed as V(id:) and its id.
      type: list
      elements: str
      returned: always
      sample:
        - adele.vance@contoso.com
        - alex.wilber@contoso.com
  sample:
    - name: Sales
      id: "12"
      description: Everybody who sells
      external_id: null
      members:
        - adele.vance@contoso.com
        - alex.wilber@contoso.com
  # END shared: group.returned_list
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import checked_group_name
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.groups import GroupTask

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str"},
    "include_members": {"type": "bool", "default": True},
}

RULES: dict[str, Any] = {}

KIND = GroupTask


def run(task: GroupTask) -> dict[str, Any]:
    name, members = task.options["name"], task.options["include_members"]
    if name is not None:
        name = checked_group_name(name)
    directory = task.directory
    groups = directory.list_groups(members=members) if name is None else directory.groups_named(name, members=members)
    return {"changed": False, "groups": [group.as_result() for group in sorted(groups, key=lambda group: group.key)]}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
