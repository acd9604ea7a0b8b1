#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_scim_app
short_description: Manage the application with which Microsoft Entra provisions users to Workspace 365 over SCIM
version_added: 1.1.0
description:
  - Creates or adopts the enterprise application in Microsoft Entra that sends users and groups to the SCIM service of
    one environment, with its provisioning job, address, token, limit of removals and assignments, and starts it.
  - It replaces the steps of the vendor's article "Azure SCIM client setup", after an administrator has switched on SCIM
    in the environment and copied O(scim_url) and O(scim_token), which Workspace 365 shows once.
  - "An existing application is found in this order: by O(service_principal_id), by its tag
    C(w365:scim:<environment>), by the template of applications that are in no gallery and its name. More than one
    candidate is an error. One that is adopted gets the tag. Without O(environment), the tag holds host and path of
    O(scim_url)."
  - Every step can be repeated, so a run that was ended at any point is completed by the next one. Microsoft Graph does
    not show the saved token, but can try it, so a run that has nothing to change needs no O(scim_token).
  - A provisioning job is never deleted to repair it, because Microsoft Entra cannot make a second one properly.
  - It works through Microsoft Graph, so it does not matter which endpoints the server has.

options:
  # BEGIN shared: scim_app.options (written by "make docs" from docs/shared/scim_app.yml)
  service_principal_id:
    description:
      - Object id of the service principal (enterprise application) that is to be used. It must have been created from
        the template of applications that are in no gallery, as "Create your own application" in the portal does.
    type: str
  display_name:
    description:
      - The name of the application. If not given, a new one is called C(Workspace365 SCIM - <environment>), and the
        name of an existing one stays.
      - An application with this name that has no tag yet is adopted.
    type: str
  # END shared: scim_app.options
  # BEGIN shared: scim_app.managed (written by "make docs" from docs/shared/scim_app.yml)
  state:
    description:
      - V(absent) pauses the job, removes all assignments and deletes the application, which an administrator can
        restore for 30 days. Users and groups in Workspace 365 stay as they are.
      - V(paused) pauses the job of an application that exists and has the tag, and changes nothing else. With
        O(state=present), O(job=paused) sets the application up as well.
    type: str
    choices:
      - present
      - absent
      - paused
    default: present
  patch_dialect:
    description:
      - V(standard) adds C(aadOptscim062020) to the address once, so that Microsoft Entra sends changes as the SCIM
        standard wants them. V(entra_default) removes it.
      - Provisioning on demand always uses the other form, whatever this option says.
    type: str
    choices:
      - standard
      - entra_default
    default: standard
  update_credentials:
    description:
      - When the saved token is replaced by O(scim_token). With V(when_invalid) every run lets Microsoft Entra try the
        saved token, and it is replaced when the SCIM service refuses it. V(never) does not try it. V(always) replaces
        it on every run.
      - Before anything is saved, Microsoft Entra tries the new address and token; when that fails, nothing is saved.
      - Other settings cannot be changed without O(scim_token) either.
    type: str
    choices:
      - when_invalid
      - always
      - never
    default: when_invalid
  scope:
    description:
      - V(assigned) provisions the users and groups that are assigned to the application, V(all) everybody in the
        tenant.
      - When it changes from V(all) to V(assigned), the job is restarted, since Microsoft Entra otherwise ignores it.
    type: str
    choices:
      - assigned
      - all
    default: assigned
  groups:
    description:
      - Groups to assign, by their exact name or object id. They need Microsoft Entra ID P1 or P2. Members of groups in
        them are not provisioned; a warning tells how many groups there are.
    type: list
    elements: str
  users:
    description:
      - Users to assign, by UPN or object id.
    type: list
    elements: str
  purge_assignments:
    description:
      - Whether users and groups that are in neither O(groups) nor O(users) lose their assignment. Microsoft Entra then
        deactivates those in Workspace 365 that no other assignment names.
    type: bool
    default: false
  purge_limit:
    description:
      - The most assignments that O(purge_assignments=true) may remove. With more, the task fails before it writes
        anything.
    type: int
  skip_out_of_scope_deletions:
    description:
      - Whether users who leave the scope stay active. If not given, it stays as it is, which is V(false) for a new
        application.
    type: bool
  delete_guard:
    description:
      - Whether a cycle that would remove or deactivate more than O(delete_threshold) users and groups is held back
        until somebody decides (O(allow_deletes)).
    type: bool
    default: true
  delete_threshold:
    description:
      - That limit. If not given, the existing one stays, and a new one is 10, or a tenth of the users and groups that
        are in sync where that is more.
    type: int
  notification_email:
    description:
      - Who is notified, one mail address. The guard needs one. If not given, the existing one stays.
    type: str
  job:
    description:
      - V(active) starts the job unless it runs. V(paused) pauses it; a cycle that runs goes on to its end.
      - A job that Microsoft Entra has stopped because its first cycle had too many errors is not started without
        O(restart); a warning names it.
    type: str
    choices:
      - active
      - paused
    default: active
  restart:
    description:
      - Whether the job is restarted, as "Restart provisioning" in the portal does. Its next cycle then looks at
        everybody.
      - V(when_quarantined) does so when the job is in quarantine, except for removals that are held back, and when its
        errors were discarded.
      - A job in quarantine is also restarted when its token is replaced, and every job when O(scope) changes from
        V(all) to V(assigned).
    type: str
    choices:
      - never
      - when_quarantined
      - always
    default: never
  allow_deletes:
    description:
      - The number of removals that are held back (RV(staged_removals)) and that shall be made. With another number than
        the one in the provisioning logs the task fails, and nothing is removed.
      - Give it once, on the command line, and do not leave it in a playbook.
    type: int
  provision_now:
    description:
      - Users and groups that are provisioned at once, without waiting for the next cycle. At most 100.
      - They must be in scope. It restores nobody who was deleted and deactivates nobody; only a cycle does.
      - Five calls are allowed in ten seconds. A group takes one call for each five of its members.
    type: list
    elements: dict
    suboptions:
      user:
        description:
          - A user, by UPN or object id.
        type: str
      group:
        description:
          - A group, by its exact name or object id.
        type: str
      members:
        description:
          - The members of the group that are provisioned with it, by UPN or object id. If not given, all of its direct
            members.
        type: list
        elements: str
  wait:
    description:
      - Whether the task waits until the first cycle is done. It fails when the job gets into quarantine. Twenty minutes
        to several hours are normal.
    type: bool
    default: false
  wait_timeout:
    description:
      - For how many seconds at most O(wait=true) waits.
    type: int
    default: 7200
  replication_timeout:
    description:
      - For how many seconds a run waits until all servers of Microsoft Entra know the application, job and settings
        that it has written. Between two reads it waits one to three seconds, or a twentieth of this time where that is
        less.
    type: int
    default: 300
  # END shared: scim_app.managed

notes:
  - "Microsoft Graph needs these application permissions, with admin consent: C(Application.Read.All) and
    C(Application.ReadWrite.OwnedBy) for an application that the task has created, for another one
    C(Application.ReadWrite.All) and C(Synchronization.ReadWrite.All) instead; for assignments also
    C(AppRoleAssignment.ReadWrite.All), C(GroupMember.Read.All) and C(User.Read.All); and to know which removals are held
    back C(AuditLog.Read.All)."
  - Switching SCIM on and copying its address and key stay a click in Workspace 365, which shows the key once.
  - The application for SCIM is not the app registration for single sign-on (M(workspace365.provisioning.w365_sso_app)). They
    are two.
  - Attribute mappings are left as Microsoft Entra makes them; M(workspace365.provisioning.w365_scim_app_info) shows and
    checks them.
  - Microsoft Entra never provisions users and groups whose matching attribute has special characters, and never clears
    an attribute that has no value any more. From the UPN of a guest it removes C(#EXT#).
  - A group that leaves the scope stays in Workspace 365, and a user is deactivated.
  - Do not run two tasks for the same environment at the same time.

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

attributes:
  idempotent:
    support: partial
    details:
      - With O(update_credentials=always) or O(restart=always) every run writes and is reported as changed, and with
        O(provision_now) every run asks Microsoft Entra again, which is reported as changed when it sent something.

seealso:
  - module: workspace365.provisioning.w365_scim_app_info
  - module: workspace365.provisioning.w365_sso_app
  - module: workspace365.provisioning.w365_o365_import

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Work with the SCIM application of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      environment: contoso
      scim_url: https://workspace.contoso.com/contoso/scim/v2
      entra_tenant: contoso.onmicrosoft.com
      entra_client_id: "{{ automation_client_id }}"
      entra_certificate_path: /etc/w365/automation.pem
  block:
    - name: Create the application and its job, assign a group, and start it
      workspace365.provisioning.w365_scim_app:
        scim_token: "{{ w365_scim_token }}"
        groups:
          - Workspace 365 users
        notification_email: it@contoso.com

    - name: Show what would be changed
      workspace365.provisioning.w365_scim_app:
        scim_token: "{{ w365_scim_token }}"
        groups:
          - Workspace 365 users
        delete_threshold: 20
      check_mode: true
      diff: true

    - name: See that everything is still so; the token is not needed for that
      workspace365.provisioning.w365_scim_app:
        groups:
          - Workspace 365 users

    - name: Provision one person at once
      workspace365.provisioning.w365_scim_app:
        provision_now:
          - user: adele.vance@contoso.com

    - name: Let the six removals go that the job holds back
      workspace365.provisioning.w365_scim_app:
        allow_deletes: 6

    - name: Pause provisioning
      workspace365.provisioning.w365_scim_app:
        job: paused

    - name: Stop provisioning, and leave everything else as it is
      workspace365.provisioning.w365_scim_app:
        state: paused

    - name: Take the application down
      workspace365.provisioning.w365_scim_app:
        state: absent
"""

RETURN = r"""
---
found:
  description:
    - Whether the application existed before.
  type: bool
  returned: success
  sample: true
# BEGIN shared: scim_app.returned (written by "make docs" from docs/shared/scim_app.yml)
application:
  description:
    - The application as it is now. V(null) when there is none, as after O(state=absent), and in check mode when it
      would be created.
  type: dict
  returned: success
  contains:
    id:
      description: Object id of the app registration that belongs to it.
      type: str
      returned: always
      sample: 3f0c1d2e-0000-4000-8000-000000000366
    client_id:
      description: Application (client) id.
      type: str
      returned: always
      sample: 9c5b1f5e-0000-4000-8000-000000000366
    display_name:
      description: Its name.
      type: str
      returned: always
      sample: Workspace365 SCIM - contoso
    created:
      description: When it was created, in UTC.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    tags:
      description: Its tags.
      type: list
      elements: str
      returned: always
      sample:
        - w365:scim:contoso
service_principal_id:
  description:
    - Object id of its service principal (enterprise application). V(null) when there is none.
  type: str
  returned: success
  sample: 5a1b2c3d-0000-4000-8000-000000000366
job:
  description:
    - The provisioning job. V(null) when there is none.
  type: dict
  returned: success
  contains:
    id:
      description: Its id.
      type: str
      returned: always
      sample: scim.5e6f7a8b.0d1c2b3a
    state:
      description: V(Active), V(Disabled) or V(Paused).
      type: str
      returned: always
      sample: Active
    status:
      description: V(NotConfigured), V(NotRun), V(Active), V(Paused) or V(Quarantine), as Microsoft Graph says it.
      type: str
      returned: always
      sample: Active
    words:
      description: Its state in words.
      type: str
      returned: always
      sample: active
    first_cycle:
      description: When its first cycle was done, in UTC. V(null) until then.
      type: str
      returned: always
      sample: "2026-11-26T00:10:00Z"
    last_run:
      description: How its last cycle ended, as Microsoft Graph says it. V(null) before the first one.
      type: str
      returned: always
      sample: Succeeded
    last_run_ended:
      description: When its last cycle ended, in UTC. V(null) before that.
      type: str
      returned: always
      sample: "2026-11-26T00:10:00Z"
    counts:
      description: The number of objects that are in sync, by type.
      type: dict
      returned: always
      sample:
        User: 120
        Group: 3
    quarantine:
      description: Why Microsoft Entra has put it into quarantine, with keys C(reason), C(message), C(began) and
        C(next_attempt). V(null) when it is in none.
      type: dict
      returned: always
      sample: null
settings:
  description:
    - The settings of the job as they are now. The token is never among them.
  type: dict
  returned: success
  contains:
    scim_url:
      description: The address to which Microsoft Entra provisions. V(null) when there is none.
      type: str
      returned: always
      sample: https://workspace.contoso.com/contoso/scim/v2?aadOptscim062020
    patch_dialect:
      description: V(standard) or V(entra_default). V(null) when there is no address.
      type: str
      returned: always
      sample: standard
    scope:
      description: V(assigned) or V(all).
      type: str
      returned: always
      sample: assigned
    skip_out_of_scope_deletions:
      description: Whether users who leave the scope stay active.
      type: bool
      returned: always
      sample: false
    notification_email:
      description: Who is notified. V(null) when nobody is.
      type: str
      returned: always
      sample: it@contoso.com
    delete_guard:
      description: Whether the number of removals in one cycle is limited.
      type: bool
      returned: always
      sample: true
    delete_threshold:
      description: The limit. V(null) when there is none.
      type: int
      returned: always
      sample: 12
    token_is_saved:
      description: Whether a token is saved. Microsoft Graph does not show it.
      type: bool
      returned: always
      sample: true
assignments:
  description:
    - Everybody to whom the application is assigned.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Object id of the user, group or service principal.
      type: str
      returned: always
      sample: 00000000-0000-4000-8002-000000000001
    name:
      description: Its name.
      type: str
      returned: always
      sample: Sales
    kind:
      description: V(User), V(Group) or V(ServicePrincipal).
      type: str
      returned: always
      sample: Group
staged_removals:
  description:
    - The users and groups whose removal the job holds back. V(null) when the provisioning logs cannot be read.
  type: list
  elements: dict
  returned: success, and when the task fails because of them
  contains:
    id:
      description: Object id in Microsoft Entra.
      type: str
      returned: always
      sample: 00000000-0000-4000-8001-000000000002
    name:
      description: Its name.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    kind:
      description: V(User) or V(Group).
      type: str
      returned: always
      sample: User
# END shared: scim_app.returned
provisioned:
  description:
    - What became of each object of O(provision_now), one entry for each call.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name that was given.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    result:
      description: V(Success), or V(Skipped) when the SCIM service had everything already.
      type: str
      returned: always
      sample: Success
    error_code:
      description: Microsoft Entra's code of a skipped one, such as V(RedundantExport).
      type: str
      returned: always
      sample: ""
    message:
      description: Microsoft Entra's message about a skipped one.
      type: str
      returned: always
      sample: ""
not_proven:
  description:
    - What this run could not find out about the application, in sentences.
  type: list
  elements: str
  returned: success
  sample:
    - The saved token was not tried.
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   without: [scim_url.version_added, results.contains.not_kept]
#   summary.sample: {application_create: 1, job_create: 1, assignment_add: 1, job_start: 1, unchanged: 0, left_out: 0}
#   results.contains.kind.sample: assignment
#   results.contains.name.sample: Sales
#   results.contains.action.sample: add
#   results.contains.changes.sample:
#     delete_threshold: 12
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
    application_create: 1
    job_create: 1
    assignment_add: 1
    job_start: 1
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
      sample: assignment
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: Sales
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: add
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
        delete_threshold: 12
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.scim_app import (
    ScimAppTask,
    run_scim_app,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent", "paused"], "default": "present"},
    "service_principal_id": {"type": "str"},
    "display_name": {"type": "str"},
    "patch_dialect": {"type": "str", "choices": ["standard", "entra_default"], "default": "standard"},
    "update_credentials": {"type": "str", "choices": ["when_invalid", "always", "never"], "default": "when_invalid"},
    "scope": {"type": "str", "choices": ["assigned", "all"], "default": "assigned"},
    "groups": {"type": "list", "elements": "str"},
    "users": {"type": "list", "elements": "str"},
    "purge_assignments": {"type": "bool", "default": False},
    "purge_limit": {"type": "int"},
    "skip_out_of_scope_deletions": {"type": "bool"},
    "delete_guard": {"type": "bool", "default": True},
    "delete_threshold": {"type": "int"},
    "notification_email": {"type": "str"},
    "job": {"type": "str", "choices": ["active", "paused"], "default": "active"},
    "restart": {"type": "str", "choices": ["never", "when_quarantined", "always"], "default": "never"},
    "allow_deletes": {"type": "int"},
    "provision_now": {
        "type": "list",
        "elements": "dict",
        "options": {
            "user": {"type": "str"},
            "group": {"type": "str"},
            "members": {"type": "list", "elements": "str"},
        },
    },
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 7200},
    "replication_timeout": {"type": "int", "default": 300},
}

RULES: dict[str, Any] = {"required_if": [("purge_assignments", True, ("purge_limit",))]}

KIND = ScimAppTask

run = run_scim_app


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
