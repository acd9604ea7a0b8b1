#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_user
short_description: Create, change, delete and restore users of a Workspace 365 environment
version_added: 1.0.0
description:
  - Manages one user of an environment. Only the options that are given are compared with the server.
  - O(state=absent) puts the user on the deleted-users list. O(state=present) restores the user from there, with all
    memberships. Being on that list and O(active=false) are the same.
  - "With O(scim_url) the user is managed through C(/Users) of SCIM: look-up with a filter on C(userName), create,
    change with C(PATCH), and with O(permanent=true) C(DELETE). The vendor has not documented that C(active) stands for
    the deleted-users list."
  - "Without O(scim_url) the user is created with C(POST /{EnvironmentName}/User/). Reading with
    C(GET /{EnvironmentName}/User/), changing with C(PUT /{EnvironmentName}/User/{Id}/) and deleting with
    C(DELETE /{EnvironmentName}/User/{Id}/) use endpoints that the vendor has not documented."
  - "On a server that has only the documented endpoints, and without O(scim_url), O(state=present) asks C(POST
    /{EnvironmentName}/User/Validate/) whether the user could be created. It creates a user who does not exist. A user
    who exists is reported as unchanged, with RV(compared=false) and a warning that the fields could not be compared.
    Anything that needs more (O(state=absent), O(identity), O(update_password=always), a new user with O(active=false))
    fails before anything is written. The error names the missing endpoint and recommends O(scim_url)."
  - The last active administrator of an environment is never deleted or deactivated, as far as the server shows who that
    is.

options:
  # BEGIN shared: user.options (written by "make docs" from docs/shared/user.yml)
  upn:
    description:
      - The user principal name. It must equal the UPN in Microsoft Entra, or the user cannot sign in.
    type: str
    required: true
    aliases:
      - user_principal_name
  identity:
    description:
      - Where to find the user when O(upn) is its new name, by its current UPN or by the server's id. The user is
        renamed when O(upn) differs.
      - When no user is found by it but one is found by O(upn), the user counts as renamed already. When neither is
        found, the task fails before it has written anything, since a rename never creates a user; leave O(identity) out
        to create one. In check mode that is a warning, because an earlier task may create the user.
      - Of two users of one name, the id decides which one is meant, also with O(state=absent).
      - The UPN is the key between Microsoft Entra and Workspace 365. Do not rename a user while a synchronization is
        running.
    type: str
  state:
    description:
      - V(present) creates the user, changes what differs, and restores the user from the deleted-users list, unless
        O(active=false).
      - V(absent) puts the user on the deleted-users list. Workspace 365 removes it from there permanently after 30
        days.
    type: str
    choices:
      - present
      - absent
    default: present
  permanent:
    description:
      - With O(state=absent), delete the user permanently, also from the deleted-users list. This cannot be undone.
      - Only through SCIM. Refused without O(scim_url), because the Provisioning API has no such deletion.
    type: bool
    default: false
  first_name:
    description:
      - First name. Required to create a user.
    type: str
  last_name:
    description:
      - Last name. Required to create a user.
    type: str
  email:
    description:
      - E-mail address. A new user gets its UPN when it is not given. An empty string clears it.
      - Only through SCIM. Refused without O(scim_url), because the Provisioning API uses the UPN as the address.
    type: str
  active:
    description:
      - Whether the user can sign in. V(false) puts the user on the deleted-users list.
      - When it is not given, O(state=present) means V(true).
    type: bool
  external_id:
    description:
      - The id that the source of the user gave it, such as the object id in Microsoft Entra. An empty string clears it.
      - Only through SCIM. Refused without O(scim_url).
    type: str
  administrator:
    description:
      - Whether the user is an administrator of the environment. Only an active user can be one.
      - Only through the Provisioning API. Refused with O(scim_url), because SCIM does not carry the role; use
        M(workspace365.provisioning.w365_admin) or O(workspace365.provisioning.w365_directory#module:administrators)
        there.
    type: bool
  display_name:
    description:
      - The name that is shown for the user (SCIM C(displayName)). An empty string clears it.
      - Only through SCIM, and only where the service keeps this attribute; see O(when_unsupported). It is read and
        written only when it is given.
    version_added: 1.1.0
    type: str
  job_title:
    description:
      - Job title (SCIM C(title)). An empty string clears it.
      - Only through SCIM, and only where the service keeps this attribute; see O(when_unsupported). It is read and
        written only when it is given.
    version_added: 1.1.0
    type: str
  department:
    description:
      - Department (SCIM C(department) of the enterprise extension). An empty string clears it.
      - Only through SCIM, and only where the service keeps this attribute; see O(when_unsupported). It is read and
        written only when it is given.
    version_added: 1.1.0
    type: str
  phone:
    description:
      - Business telephone number (SCIM C(phoneNumbers) of type C(work)). An empty string clears it.
      - Only through SCIM, and only where the service keeps this attribute; see O(when_unsupported). It is read and
        written only when it is given.
    version_added: 1.1.0
    type: str
  preferred_language:
    description:
      - Preferred language, such as V(en-US) (SCIM C(preferredLanguage)). An empty string clears it.
      - Only through SCIM, and only where the service keeps this attribute; see O(when_unsupported). It is read and
        written only when it is given.
    version_added: 1.1.0
    type: str
  password:
    description:
      - Password of the user. It is not needed where users sign in with Microsoft.
      - It can be written and never read, so it is never compared. See O(update_password).
      - Only through the Provisioning API. Refused with O(scim_url).
    type: str
  create_in_office365:
    description:
      - Let Workspace 365 create the user in Office 365 too. Only used when the user is created.
      - Only through the Provisioning API. Refused with O(scim_url).
    type: bool
  # END shared: user.options
  # BEGIN shared: user.update_password (written by "make docs" from docs/shared/user.yml)
  update_password:
    description:
      - V(on_create) writes the password of a new user only.
      - V(always) writes it on every run, and the task is reported as changed on every run.
    type: str
    choices:
      - on_create
      - always
    default: on_create
  # END shared: user.update_password
  # BEGIN shared: user.when_unsupported (written by "make docs" from docs/shared/user.yml)
  when_unsupported:
    description:
      - "What to do when the SCIM service says that it does not keep one of the optional attributes that are given: the
        display name, job title, department, phone number or preferred language. It is asked once, and only when such an
        attribute differs."
      - V(fail) stops the task before anything is written. V(ignore) sets everything else, with a warning.
      - A service that does not say what it keeps is written to. The users are then read back, and what was not kept is
        a warning and stands in RV(results).
    type: str
    version_added: 1.1.0
    choices:
      - fail
      - ignore
    default: fail
  # END shared: user.when_unsupported
  # BEGIN shared: guards.when_administrators_unknown (written by "make docs" from docs/shared/guards.yml)
  when_administrators_unknown:
    description:
      - "What to do when this task would delete or deactivate a user, or take the administrator role from one, and it is
        unknown who is an administrator: without O(instance_url), O(provisioning_key) and O(environment), on a server
        without a list of users in its Provisioning API, and when that list does not say who is one."
      - By default, users that the task names are removed with a warning where there is no such list, and a removal of
        users that it does not name (a purge, or an import) needs one active user in C(protected_users). A list that
        exists and does not show the roles, such as an empty object, items without the role, nobody with the role, or an
        error, stops the task before it writes anything.
      - V(refuse) always stops the task before it writes anything. V(warn) never does, and warns; use it when you know
        that an administrator is left.
    type: str
    version_added: 1.1.0
    choices:
      - refuse
      - warn
  # END shared: guards.when_administrators_unknown

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory

attributes:
  # BEGIN shared: user.idempotent (written by "make docs" from docs/shared/user.yml)
  idempotent:
    support: partial
    details:
      - With O(update_password=always) and a password, every run writes the password and is reported as changed.
  # END shared: user.idempotent

seealso:
  - module: workspace365.provisioning.w365_user_info
  - module: workspace365.provisioning.w365_admin
  - module: workspace365.provisioning.w365_group
  - module: workspace365.provisioning.w365_o365_import
  - name: "Workspace 365: Provisioning - User"
    description: The vendor's documentation of the endpoints for users.
    link: https://support.workspace365.net/hc/en-us/articles/115004045185-Provisioning-User
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
- name: Create a user
  workspace365.provisioning.w365_user:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    upn: adele.vance@contoso.com
    first_name: Adele
    last_name: Vance

- name: Create a user through SCIM
  workspace365.provisioning.w365_user:
    environment: contoso
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    upn: alex.wilber@contoso.com
    first_name: Alex
    last_name: Wilber
    external_id: 3f1c6c0e-0000-4000-8000-000000000001

- name: Work with the users of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      instance_url: https://workspace.contoso.com
      provisioning_key: "{{ w365_provisioning_key }}"
      environment: contoso
  block:
    - name: See what a new last name would change
      workspace365.provisioning.w365_user:
        upn: lynne.robbins@contoso.com
        last_name: Robbins
      check_mode: true
      diff: true

    - name: Create all users of a list, with an initial password
      workspace365.provisioning.w365_user:
        upn: "{{ item.upn }}"
        first_name: "{{ item.first_name }}"
        last_name: "{{ item.last_name }}"
        password: "{{ item.password }}"
      loop: "{{ contoso_users }}"
      loop_control:
        label: "{{ item.upn }}"
      no_log: true

    - name: Rename a user
      workspace365.provisioning.w365_user:
        identity: miriam.graham@contoso.com
        upn: miriam.wilke@contoso.com
        last_name: Wilke

    - name: Put a user who left on the deleted-users list
      workspace365.provisioning.w365_user:
        upn: grady.archie@contoso.com
        state: absent

    - name: Restore the user, with all memberships
      workspace365.provisioning.w365_user:
        upn: grady.archie@contoso.com

- name: Delete a user permanently
  workspace365.provisioning.w365_user:
    environment: contoso
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    upn: grady.archie@contoso.com
    state: absent
    permanent: true
"""

RETURN = r"""
---
user:
  description:
    - The user as it is now, or in check mode as it would be. V(null) when the user does not exist afterwards.
  type: dict
  returned: success
  # BEGIN shared: user.returned (written by "make docs" from docs/shared/user.yml)
  #   sample.email: null
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
    upn: adele.vance@contoso.com
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
  # END shared: user.returned
found:
  description:
    - Whether the user existed before the task, also on the deleted-users list. V(false) means that there was nothing to delete.
  version_added: 1.1.0
  type: bool
  returned: with state=absent
  sample: true
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
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
    user_create: 1
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
      sample: user
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: update
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
        last_name: Vance
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
    update_password_spec,
    user_spec,
    when_administrators_unknown_spec,
    when_unsupported_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.users import user_from_options
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import Desired
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task

ARGUMENT_SPEC: dict[str, Any] = {
    **user_spec(),
    "update_password": update_password_spec(),
    "when_unsupported": when_unsupported_spec(),
    "when_administrators_unknown": when_administrators_unknown_spec(),
}

RULES: dict[str, Any] = {}

KIND = Task


def run(task: Task) -> dict[str, Any]:
    wanted = user_from_options(task.options)
    unknown = task.options["when_administrators_unknown"] or ""
    plan = task.plan(Desired(users=(wanted,), when_administrators_unknown=unknown))
    report = task.apply(plan, task.directory)
    return task.outcome(report, user=task.object_of(report, wanted), **task.found(wanted))


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
