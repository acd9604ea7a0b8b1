#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_environment
short_description: Create, activate, deactivate and delete Workspace 365 environments
version_added: 1.0.0
description:
  - An environment is one customer's part of a Workspace 365 instance. This module creates it with its first
    administrator, activates and deactivates it, and deletes it.
  - The server may change the name. RV(environment.name) is the name that the server chose; use that one from then on.
    An environment cannot be renamed.
  - "Whether the environment exists is read from C(GET /Environment/). Where the list cannot be read, C(POST
    /Environment/Validate/) is asked whether the name is free. For both, the vendor has not documented the answer, so
    every plausible form is understood."
  - "It is created with C(POST /Environment/) when O(administrator.password) is given, with C(POST
    /Environment/?version=2.0) when it is not, and with C(POST /Environment/{EnvironmentName}/) when O(empty=true), for
    which the vendor has not documented the body."
  - "It is activated and deactivated with C(PUT /Environment/{EnvironmentName}/Activate/) and C(…/Deactivate/), and
    deleted with C(DELETE /Environment/{EnvironmentName}/)."
  - All of this works on a server that has only the documented endpoints. When such a server lists names only, it does
    not show whether an environment is active; O(when_unreadable) then decides about O(active).

options:
  environment:
    description:
      - Name of the environment. Its address becomes C(https://<instance>/<environment>).
      - Use lowercase letters and digits. The server changes other characters, and refuses V(demo) for a new
        environment.
      - If not given, the environment variable E(W365_ENVIRONMENT) is used.
    type: str
    required: true
    aliases:
      - name
  state:
    description:
      - V(present) creates the environment when it does not exist.
      - V(absent) deletes it with everything in it. This cannot be undone, so O(delete_confirmation) is needed.
    type: str
    choices:
      - present
      - absent
    default: present
  administrator:
    description:
      - The first administrator of a new environment, who is its primary administrator.
      - Needed to create an environment, unless O(empty=true). Ignored when the environment exists;
        use M(workspace365.provisioning.w365_admin) then.
    type: dict
    suboptions:
      email:
        description:
          - E-mail address of the administrator. It must equal the UPN in Microsoft Entra.
        type: str
        required: true
      first_name:
        description:
          - First name of the administrator.
        type: str
        required: true
      last_name:
        description:
          - Last name of the administrator.
        type: str
        required: true
      password:
        description:
          - Password of the administrator.
          - When it is not given, the server creates a temporary one and sends it to the administrator.
        type: str
  empty:
    description:
      - Create the environment without an administrator. Nobody can manage it until
        M(workspace365.provisioning.w365_user) creates one.
      - Cannot be combined with O(administrator). Ignored when the environment exists.
    type: bool
    default: false
  active:
    description:
      - Whether the environment is active. A new environment is active.
      - When it is not given, the status of an existing environment is not changed.
    type: bool
  validate:
    description:
      - Ask the server whether it would accept the new environment before creating it. Check mode asks too, so that
        it finds the same mistakes as a real run.
    type: bool
    default: true
  delete_confirmation:
    description:
      - The name of the environment once more. Needed with O(state=absent), so that a wrong variable does not delete
        a customer.
    type: str

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.connection.when_unreadable

seealso:
  - module: workspace365.provisioning.w365_environment_info
  - module: workspace365.provisioning.w365_sso
  - module: workspace365.provisioning.w365_admin
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
- name: Create an environment whose first administrator gets a temporary password
  workspace365.provisioning.w365_environment:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    administrator:
      email: megan.bowen@contoso.com
      first_name: Megan
      last_name: Bowen

- name: See whether the server would accept the environment, without creating it
  workspace365.provisioning.w365_environment:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    administrator:
      email: megan.bowen@contoso.com
      first_name: Megan
      last_name: Bowen
      password: "{{ contoso_administrator_password }}"
  check_mode: true
  diff: true

- name: Work with several environments of one instance
  module_defaults:
    group/workspace365.provisioning.w365:
      instance_url: https://workspace.contoso.com
      provisioning_key: "{{ w365_provisioning_key }}"
  block:
    - name: Create the environments of all customers
      workspace365.provisioning.w365_environment:
        environment: "{{ item.environment }}"
        administrator:
          email: "{{ item.administrator.email }}"
          first_name: "{{ item.administrator.first_name }}"
          last_name: "{{ item.administrator.last_name }}"
      loop: "{{ customers }}"
      loop_control:
        label: "{{ item.environment }}"
      register: created

    - name: Show the names that the server chose
      ansible.builtin.debug:
        msg: "{{ created.results | map(attribute='environment.name') }}"

    - name: Create an environment that has no users yet
      workspace365.provisioning.w365_environment:
        environment: contosolab
        empty: true

    - name: Deactivate an environment, where the server shows that it is still active
      workspace365.provisioning.w365_environment:
        environment: contosolab
        active: false
        when_unreadable: skip

    - name: Delete an environment with everything in it
      workspace365.provisioning.w365_environment:
        environment: contosolab
        state: absent
        delete_confirmation: contosolab
"""

RETURN = r"""
---
environment:
  description:
    - The environment as it is now, or in check mode as it would be. V(null) when it does not exist afterwards.
  type: dict
  returned: success
  contains:
    # BEGIN shared: settings.environment (written by "make docs" from docs/shared/settings.yml)
    #   name.description: The name that the server chose. Use it in all later tasks.
    name:
      description: The name that the server chose. Use it in all later tasks.
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
    name: contoso
    active: true
environment_url:
  description:
    - The address at which people sign in to the environment. V(null) when it does not exist afterwards.
  version_added: 1.1.0
  type: str
  returned: success
  sample: https://workspace.contoso.com/contoso
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {environment_create: 1, unchanged: 0, left_out: 0}
#   results.contains.kind.sample: environment
#   results.contains.name.sample: contoso
#   results.contains.action.sample: deactivate
#   results.contains.changes.sample: {active: false}
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
    environment_create: 1
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
      sample: environment
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: contoso
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: deactivate
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
        active: false
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    state_spec,
    when_unreadable_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.environment import (
    environment_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment import (
    WhenUnreadable,
    plan_environment,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.customer import refuse_scim_of_new
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask

ARGUMENT_SPEC: dict[str, Any] = {
    "environment": {"required": True, "aliases": ["name"]},
    "state": state_spec(),
    "administrator": {
        "type": "dict",
        "options": {
            "email": {"type": "str", "required": True},
            "first_name": {"type": "str", "required": True},
            "last_name": {"type": "str", "required": True},
            "password": {"type": "str", "no_log": True},
        },
    },
    "empty": {"type": "bool", "default": False},
    "active": {"type": "bool"},
    "validate": {"type": "bool", "default": True},
    "delete_confirmation": {"type": "str"},
    "when_unreadable": when_unreadable_spec(),
}

RULES: dict[str, Any] = {"required_if": [("state", "absent", ("delete_confirmation",))]}

KIND = InstanceTask


def run(task: InstanceTask) -> dict[str, Any]:
    wanted = environment_from_options(task.options)
    current = task.instance.find_environment(wanted.name, wanted.administrator, empty=wanted.empty)
    plan = plan_environment(wanted, current, WhenUnreadable(task.options["when_unreadable"]))
    if wanted.present and current is None:
        refuse_scim_of_new(task)
    # Validate asks for a first administrator, whom an empty environment does not have.
    if wanted.present and current is None and task.options["validate"] and not wanted.empty:
        task.instance.validate_environment(wanted.name, wanted.administrator)
    report = task.apply(plan, task.instance, where="")
    environment = report.done[-1].thing if report.done else current
    if environment and environment.name != wanted.name.lower():
        task.warn(f"The server's name for {wanted.name!r} is '{environment.name}'. Use that name from now on.")
    url = f"{task.provisioning.root}/{environment.name}" if environment else None
    return task.outcome(report, environment=environment.as_result() if environment else None, environment_url=url)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
