#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_group
short_description: Create, change and delete groups of a Workspace 365 environment and their members
version_added: 1.0.0
description:
  - Manages one group of an environment and its members. Only the options that are given are compared with the server.
  - "With O(scim_url) the group is managed through C(/Groups) of SCIM: look-up with a filter on C(displayName), create,
    change and members with C(PATCH), and C(DELETE)."
  - "Without O(scim_url) it uses C(GET) and C(POST /{EnvironmentName}/Group/), and C(GET), C(PUT) and
    C(DELETE /{EnvironmentName}/Group/{Id}/), and C(GET /{EnvironmentName}/User/) to find the members. These are
    endpoints that the vendor has not documented."
  - On a server that has only the documented endpoints, and without O(scim_url), the task fails. The error names the
    missing endpoint and recommends O(scim_url).

options:
  # BEGIN shared: group.options (written by "make docs" from docs/shared/group.yml)
  name:
    description:
      - Name of the group. It is unique in the environment.
    type: str
    required: true
  identity:
    description:
      - Where to find the group when O(name) is its new name, by its current name or by the server's id. The group is
        renamed when O(name) differs.
      - When no group is found by it but one is found by O(name), the group counts as renamed already. When neither is
        found, the task fails before it has written anything, since a rename never creates a group; leave O(identity)
        out to create one. In check mode that is a warning, because an earlier task may create the group.
      - Of two groups of one name, the id decides which one is meant, also with O(state=absent).
    type: str
  state:
    description:
      - V(present) creates the group and changes what differs.
      - V(absent) deletes the group permanently; there is no list of deleted groups. Its members remain users.
    type: str
    choices:
      - present
      - absent
    default: present
  description:
    description:
      - Description of the group. An empty string clears it.
      - Only through the Provisioning API. Refused with O(scim_url), because groups in SCIM have no description.
    type: str
  external_id:
    description:
      - The id that the source of the group gave it, such as the object id in Microsoft Entra. An empty string clears
        it.
      - Only through SCIM. Refused without O(scim_url).
    type: str
  members:
    description:
      - The members of the group, by UPN. They are not changed when it is not given.
      - The task fails when a user who is to be added does not exist in the environment. In check mode it warns instead,
        because an earlier task may create that user.
      - Members that are not users of this environment, such as nested groups, are never changed.
    type: dict
    suboptions:
      add:
        description:
          - UPNs of users who are to be members. Other members stay.
          - Mutually exclusive with O(members.set).
        type: list
        elements: str
      remove:
        description:
          - UPNs of users who are not to be members. A UPN that is not a member, or not a user at all, is no error.
          - Mutually exclusive with O(members.set).
        type: list
        elements: str
      set:
        description:
          - UPNs of all users who are to be members. All others are removed; an empty list removes all members.
        type: list
        elements: str
  # END shared: group.options

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory

seealso:
  - module: workspace365.provisioning.w365_group_info
  - module: workspace365.provisioning.w365_user
  - module: workspace365.provisioning.w365_o365_import
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
- name: Create a group
  workspace365.provisioning.w365_group:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    name: Sales

- name: Work with the groups of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      environment: contoso
      scim_url: "{{ contoso_scim_url }}"
      scim_token: "{{ contoso_scim_token }}"
  block:
    - name: See who would be added and who would be removed
      workspace365.provisioning.w365_group:
        name: Sales
        members:
          set:
            - adele.vance@contoso.com
            - alex.wilber@contoso.com
      check_mode: true
      diff: true

    - name: Create all groups of a list with exactly their members
      workspace365.provisioning.w365_group:
        name: "{{ item.name }}"
        members:
          set: "{{ item.members }}"
      loop: "{{ contoso_groups }}"
      loop_control:
        label: "{{ item.name }}"

    - name: Add one user and remove another
      workspace365.provisioning.w365_group:
        name: Sales
        members:
          add:
            - lee.gu@contoso.com
          remove:
            - diego.siciliani@contoso.com

    - name: Rename a group
      workspace365.provisioning.w365_group:
        identity: Sales
        name: Sales and Marketing

    - name: Remove all members from a group
      workspace365.provisioning.w365_group:
        name: Project Falcon
        members:
          set: []

    - name: Delete a group
      workspace365.provisioning.w365_group:
        name: Project Falcon
        state: absent

- name: Describe a group, through the Provisioning API
  workspace365.provisioning.w365_group:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    name: Sales
    description: Everybody who sells
"""

RETURN = r"""
---
group:
  description:
    - The group as it is now, or in check mode as it would be. V(null) when the group does not exist afterwards.
  type: dict
  returned: success
  # BEGIN shared: group.returned (written by "make docs" from docs/shared/group.yml)
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
    name: Sales
    id: "12"
    description: Everybody who sells
    external_id: null
    members:
      - adele.vance@contoso.com
      - alex.wilber@contoso.com
  # END shared: group.returned
found:
  description:
    - Whether the group existed before the task. V(false) means that there was nothing to delete.
  version_added: 1.1.0
  type: bool
  returned: with state=absent
  sample: true
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {group_create: 1, membership_change: 1, unchanged: 0, left_out: 0}
#   results.contains.kind.sample: membership
#   results.contains.name.sample: Sales
#   results.contains.action.sample: change
#   results.contains.changes.sample: {add: [lee.gu@contoso.com], remove: [diego.siciliani@contoso.com]}
compared:
  description:
    - Whether the current state could be compared with the desired one.
    - V(false) when the server cannot show it; a warning then says what that means.
  type: bool
  returned: success
  sample: true
scim_url:
  description:
    - The address of the SCIM service that the task was given, without its query, so that a summary can show it.
  version_added: 1.1.0
  type: str
  returned: if O(scim_url) is given
  sample: https://workspace.contoso.com/contoso/scim/v2
summary:
  description:
    - How many objects were changed in which way, or in check mode would be. A key is a kind and a verb, such as
      V(user_create); V(unchanged) counts the objects that needed no change, V(left_out) those that were left out.
    - After a failure only what was done is counted in this way, and V(failed) and V(not_tried) count the rest.
  type: dict
  returned: success, and when a change failed
  sample:
    group_create: 1
    membership_change: 1
    unchanged: 0
    left_out: 0
results:
  description:
    - One entry for each change that was made, or in check mode would be made.
  type: list
  elements: dict
  returned: success, and when a change failed
  contains:
    kind:
      description: The kind of the object.
      type: str
      returned: always
      sample: membership
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: Sales
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: change
    outcome:
      description: V(done), V(failed), or V(unchanged) when it had no effect, since the object existed already or the
        server kept nothing of it. V(planned) in check mode and when only a plan is written.
      type: str
      returned: always
      sample: done
    reason:
      description: Why it failed.
      type: str
      returned: on failure
      sample: "Cannot change user 'adele.vance@contoso.com' in environment 'contoso': the server refused the name."
    changes:
      description: The fields of an existing object that change, with their new values. Secrets are never among them.
      type: dict
      returned: when fields of an existing object change
      sample:
        add:
          - lee.gu@contoso.com
        remove:
          - diego.siciliani@contoso.com
    not_kept:
      description:
        - What the server accepted and did not have when the object was read back. It is not among the changes.
      version_added: 1.1.0
      type: list
      elements: str
      returned: when something was not kept
      sample:
        - department
# END shared: report.one_object
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.groups import (
    group_from_options,
    group_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import Desired
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.directory import DirectoryTask

ARGUMENT_SPEC: dict[str, Any] = group_spec()

RULES: dict[str, Any] = {}

KIND = DirectoryTask


def run(task: DirectoryTask) -> dict[str, Any]:
    wanted = group_from_options(task.options)
    plan = task.plan(Desired(groups=(wanted,)))
    report = task.apply(plan, task.directory)
    return task.outcome(report, group=task.object_of(report, wanted), **task.found(wanted))


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
