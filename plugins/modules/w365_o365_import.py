#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_o365_import
short_description: Import users and groups of Microsoft Entra into a Workspace 365 environment
version_added: 1.0.0
description:
  - Reads the users of chosen groups and domains of a Microsoft tenant and brings them, with the chosen groups and their
    memberships, into an environment of Workspace 365.
  - One way only, from Microsoft Entra to Workspace 365. It creates the users and groups that are missing and writes
    what differs of those that exist (first and last names; over SCIM also the address and the Entra id; over the
    Provisioning API also the description of a group).
  - The members of a chosen group become exactly those of its members in Entra that can be imported and are in scope.
    Whoever else is a member in Workspace 365 is taken out of that group and stays a user.
  - It deletes no user and no group. The administrator role and passwords are not touched.
  - "Microsoft Graph is read with C(GET /users), C(GET /groups), C(GET /groups/{id}), C(GET /groups/{id}/members) and
    C(GET /organization) (all S)."
  - "With O(scim_url) users and groups are read and written over C(/Users) and C(/Groups) of SCIM (S). Otherwise the
    Provisioning API is used: users are created with C(POST /{EnvironmentName}/User/) (D) and read and changed with
    endpoints that are assumed (A), as groups are (A)."
  - "On a server that has only the documented endpoints, and without O(scim_url), users are imported one by one:
    C(POST /{EnvironmentName}/User/Validate/) (D) tells whether a user is missing, and existing ones are reported as
    unchanged with RV(compared=false). Groups cannot be written there; give O(include_groups=false), or the task fails
    before its first write with a sentence that names the missing endpoint and points at O(scim_url)."

options:
  default_status:
    description:
      - The status of the users that the import creates. V(inactive) puts them on the deleted-users list, from where
        they can be taken over one by one.
      - V(active) also takes users of the scope back from the deleted-users list. V(inactive) leaves the status of
        existing users alone.
    type: str
    choices:
      - active
      - inactive
    default: active

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.entra.import_scope
  - workspace365.provisioning.directory

seealso:
  - module: workspace365.provisioning.w365_o365_import_info
    description: Shows the same scope without touching Workspace 365.
  - module: workspace365.provisioning.w365_user
  - module: workspace365.provisioning.w365_group
  - name: "Workspace 365: Import users from Office 365 groups"
    description: The vendor's documentation of the import that a person starts by hand.
    link: https://support.workspace365.net/hc/en-us/articles/115004772153
  - name: "Workspace 365: Automated user provisioning via SCIM API"
    description: The vendor's documentation of the SCIM service.
    link: https://support.workspace365.net/hc/en-us/articles/7552779543442-Automated-user-provisioning-via-SCIM-API

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Import the users of one domain
  workspace365.provisioning.w365_o365_import:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ contoso_entra_client_id }}"
    entra_client_secret: "{{ contoso_entra_client_secret }}"
    domains:
      - contoso.com

- name: Work with one environment and its Microsoft tenant
  module_defaults:
    group/workspace365.provisioning.w365:
      environment: contoso
      scim_url: "{{ contoso_scim_url }}"
      scim_token: "{{ contoso_scim_token }}"
      entra_tenant: contoso.onmicrosoft.com
      entra_client_id: "{{ contoso_entra_client_id }}"
      entra_certificate_path: /etc/ansible/contoso.pem
  block:
    - name: See what an import of two groups would do
      workspace365.provisioning.w365_o365_import:
        groups:
          - Sales
          - Marketing
      check_mode: true
      diff: true
      register: preview

    - name: Show who would be left out, and why
      ansible.builtin.debug:
        msg: "{{ preview.left_out }}"

    - name: Import the members of a group that also have an address of the company
      workspace365.provisioning.w365_o365_import:
        groups:
          - Workspace 365 users
        domains:
          - contoso.com
        scope_match: all
        include_guests: false
        exclude_users:
          - emergency@contoso.com

    - name: Import the whole tenant, where nobody can sign in before being let in
      workspace365.provisioning.w365_o365_import:
        everything: true
        default_status: inactive
        concurrency: 8

- name: Import users only, into a server that has only the documented endpoints
  workspace365.provisioning.w365_o365_import:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ contoso_entra_client_id }}"
    entra_client_secret: "{{ contoso_entra_client_secret }}"
    groups:
      - Workspace 365 users
    include_groups: false
"""

RETURN = r"""
---
compared:
  description:
    - Whether the current fields could be compared with the wanted ones.
    - V(false) when the server cannot show them; a warning then says what that means.
  type: bool
  returned: success
  sample: true
summary:
  description:
    - How many objects got, or in check mode would get, which treatment. Every key is a kind and a verb, such as
      V(user_create); V(unchanged) counts the objects that are as wanted, V(left_out) those that were left out.
  type: dict
  returned: success
  sample:
    user_create: 18
    group_create: 1
    membership_change: 1
    unchanged: 4
    left_out: 3
results:
  description:
    - One entry for each change that was made, or in check mode would be made.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: The kind of the object.
      type: str
      returned: always
      sample: user
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: pradeep.gupta@contoso.com
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: update
    outcome:
      description: V(done) or V(failed). In check mode everything that would be done is V(done).
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
        last_name: Gupta
left_out:
  description:
    - The objects of the scope that were left out, each with its reason.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: V(user) or V(group).
      type: str
      returned: always
      sample: user
    name:
      description: The UPN of the user, or the name of the group.
      type: str
      returned: always
      sample: reception@contoso.com
    reason:
      description: Why it was left out.
      type: str
      returned: always
      sample: has no last name
"""

from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.argspec import (
    IMPORT_SCOPE_RULES,
    import_scope_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra import ImportScope, from_entra
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.module import W365Module, run_module

ARGUMENT_SPEC: dict[str, Any] = {
    **import_scope_spec(),
    "default_status": {"type": "str", "choices": ["active", "inactive"], "default": "active"},
}

RULES: dict[str, Any] = {**IMPORT_SCOPE_RULES}


def corridor(module: W365Module) -> dict[str, Any]:
    scope = ImportScope.from_task(module.params)
    desired = from_entra(module.graph, scope, module.directory.abilities)
    report = module.carry_out(module.plan(desired), module.directory.handlers())
    # Not "skipped": Ansible takes a result with that key for a task that did not run.
    return module.outcome(report, left_out=[item.as_result() for item in desired.left_out])


def main() -> None:
    run_module(corridor, ARGUMENT_SPEC, **RULES)


if __name__ == "__main__":
    main()
