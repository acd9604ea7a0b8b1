#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_admin
short_description: Grant and revoke the administrator role of a Workspace 365 environment
version_added: 1.0.0
description:
  - Manages who the administrators of an environment are. Only active users can be administrators.
  - "It reads C(GET /{EnvironmentName}/User/) and writes C(PUT /{EnvironmentName}/User/{Id}/) of the Provisioning API,
    endpoints that the vendor has not documented. SCIM does not carry the role, so O(scim_url) is not used here."
  - A server that has only the documented endpoints can neither show nor change the role of an existing user. The task
    then fails, and the error names the missing endpoint. The documented ways there are
    O(workspace365.provisioning.w365_user#module:administrator) for a user who is about to be created, and the
    environment's own pages.
  - An environment is never left without an active administrator. A task that would do so fails before its first write.
  - New administrators get the role before old ones lose it.

options:
  # BEGIN shared: administrators.options (written by "make docs" from docs/shared/administrators.yml)
  #   administrators.required: true
  administrators:
    description:
      - The administrators, by UPN.
      - The task fails when a user who is to be added is unknown or inactive. In check mode it warns about an unknown
        user instead, because an earlier task may create that user.
    type: dict
    suboptions:
      add:
        description:
          - UPNs of users who are to be administrators. Other administrators stay.
          - Mutually exclusive with O(administrators.set).
        type: list
        elements: str
      remove:
        description:
          - UPNs of users who are not to be administrators. A UPN that is not an administrator, or not a user at all, is
            no error.
          - Mutually exclusive with O(administrators.set).
        type: list
        elements: str
      set:
        description:
          - UPNs of all users who are to be administrators. All others lose the role. An empty list is refused.
        type: list
        elements: str
    required: true
  # END shared: administrators.options

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

notes:
  - The first administrator of an environment is its primary administrator. When that user is deleted or deactivated,
    the next administrator takes over.
  - UPNs are compared without regard to case. A UPN that two users have is an error that lists both with their ids.

seealso:
  - module: workspace365.provisioning.w365_admin_info
  - module: workspace365.provisioning.w365_user
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
- name: Make a user an administrator
  workspace365.provisioning.w365_admin:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    administrators:
      add:
        - megan.bowen@contoso.com

- name: Work with the administrators of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      instance_url: https://workspace.contoso.com
      provisioning_key: "{{ w365_provisioning_key }}"
      environment: contoso
  block:
    - name: See who would gain and who would lose the role
      workspace365.provisioning.w365_admin:
        administrators:
          set: "{{ contoso_administrators }}"
      check_mode: true
      diff: true

    - name: Transfer the role
      workspace365.provisioning.w365_admin:
        administrators:
          add:
            - nestor.wilke@contoso.com
          remove:
            - isaiah.langer@contoso.com

    - name: Make these two the only administrators
      workspace365.provisioning.w365_admin:
        administrators:
          set:
            - megan.bowen@contoso.com
            - nestor.wilke@contoso.com
"""

RETURN = r"""
---
administrators:
  description:
    - The UPNs of the active administrators as they are now, or in check mode as they would be, sorted.
    - V(null) when the server's list does not show who is one; a warning then says why.
  type: list
  elements: str
  returned: success
  sample:
    - megan.bowen@contoso.com
    - nestor.wilke@contoso.com
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {administrator_grant: 1, administrator_revoke: 1, unchanged: 1, left_out: 0}
#   results.contains.kind.sample: administrator
#   results.contains.name.sample: nestor.wilke@contoso.com
#   results.contains.action.sample: grant
#   results.contains.changes.sample: {administrator: true}
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
    administrator_grant: 1
    administrator_revoke: 1
    unchanged: 1
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
      sample: administrator
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: nestor.wilke@contoso.com
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: grant
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
        administrator: true
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
    add_remove_set_spec,
    upn_change,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import Desired
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.predict import predict
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.directory import DirectoryTask

ARGUMENT_SPEC: dict[str, Any] = {"administrators": add_remove_set_spec(required=True)}

RULES: dict[str, Any] = {}

KIND = DirectoryTask


def run(task: DirectoryTask) -> dict[str, Any]:
    wanted = upn_change(task.options["administrators"], "administrators")
    plan = task.plan(Desired(administrators=wanted), task.administration)
    report = task.apply(plan, task.administration)
    administrators = predict(task.current, report.effective()).administrators
    return task.outcome(report, administrators=None if administrators is None else sorted(administrators))


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
