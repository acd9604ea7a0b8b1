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
  - One way only, from Microsoft Entra to Workspace 365. It creates the users and groups that are missing, and writes
    the differences of those that exist, which are the fields of O(attribute_map), the Entra object id, and names and
    descriptions of groups. The e-mail address and the object id are written through SCIM only, the description of a
    group through the Provisioning API only.
  - The members of a chosen group become exactly those of its members in Entra that can be imported and are in scope.
    Other members in Workspace 365 are removed from the group and remain users.
  - A user is found by UPN, and otherwise by the object id in Microsoft Entra, which the import records as external id.
    So a renamed user stays the same user, and so does a renamed group.
  - Users and groups that have left the scope stay, unless O(on_leave=delete). Then only users and groups are removed
    that were imported, as their external id shows, and never more than O(delete_limit). Use one import for an
    environment.
  - The administrator role is not changed, unless O(administrators_from=entra). Passwords are never changed.
  - "Microsoft Graph is read with C(GET /users), C(GET /groups), C(GET /groups/{id}), C(GET /groups/{id}/members),
    C(POST /$batch) and C(GET /organization), with O(state_file) with C(GET /users/delta) and C(GET /groups/delta), and
    with O(administrators_from=entra) with C(GET /directoryRoles), whose groups count with their members."
  - "With O(scim_url) users and groups are managed through C(/Users) and C(/Groups) of SCIM. Otherwise the Provisioning
    API is used: users are created with C(POST /{EnvironmentName}/User/); reading and changing them, and everything
    about groups, use endpoints that the vendor has not documented."
  - "On a server that has only the documented endpoints, and without O(scim_url), users are imported one by one:
    C(POST /{EnvironmentName}/User/Validate/) shows whether a user is missing, and existing ones are reported as
    unchanged with RV(compared=false). Groups cannot be written there; set O(include_groups=false), or the task fails
    before its first write. The error names the missing endpoint and recommends O(scim_url)."

options:
  default_status:
    description:
      - The status of the users that the import creates. V(inactive) puts them on the deleted-users list, from where
        they can be restored one by one.
      - V(active) also restores users of the scope from the deleted-users list, unless
        O(active_status_from=workspace365). V(inactive) never restores anybody.
    type: str
    choices:
      - active
      - inactive
    default: active
  administrators_from:
    description:
      - Which side decides who is an administrator of the environment. V(workspace365) does not change the role.
      - With V(entra) the Global Administrators in scope get the role. Other users that were imported lose it, within
        O(delete_limit), except O(protected_users), the primary administrator, and the last one. When no Global
        Administrator is in scope, nobody loses it. It needs the Provisioning API, where granting and revoking the role
        use endpoints that the vendor has not documented, and the permission C(RoleManagement.Read.Directory).
    type: str
    choices:
      - workspace365
      - entra
    default: workspace365
  active_status_from:
    description:
      - Which side decides whether an existing user can sign in. With V(entra) a user whose account is disabled there is
        put on the deleted-users list, within O(delete_limit), and an enabled one is restored. Through the Provisioning
        API nobody is put there, because it has no external ids.
      - V(workspace365) does not change the status of existing users.
    type: str
    choices:
      - entra
      - workspace365
    default: entra
  on_leave:
    description:
      - What happens to users, and with O(include_groups) to groups, that were imported and that are no longer in
        scope. V(keep) leaves them unchanged. V(delete) puts the users on the deleted-users list and deletes the groups.
      - Users that are left out because of O(exclude_users) or a missing name have not left, and stay unchanged.
      - V(delete) needs O(scim_url), because only SCIM holds the external id that shows what was imported. Set
        O(instance_url) and O(provisioning_key) too, so that the guards can see who is an administrator, or list the
        administrators in O(protected_users).
    type: str
    choices:
      - keep
      - delete
    default: keep
  delete_limit:
    description:
      - How many users may be put on the deleted-users list in one run, how many groups deleted and how many roles
        revoked, as a count such as V(25), or as a share of those that were imported such as V(10%), rounded up. When
        more would be removed, the task fails before it has written anything and lists all of them in RV(would_go).
    type: str
    default: 10%
  # BEGIN shared: permissions.options (written by "make docs" from docs/shared/permissions.yml)
  permission_profiles:
    description:
      - "What the groups of Workspace 365 may do, described as for the role C(w365_permission_profiles), whose argument
        spec has the keys. The result and the diff then name the permissions that users gain or lose by memberships that
        this task changes. Nothing else depends on it: no permission is set, and no group or member is managed because
        of it."
      - Administrators gain and lose nothing, since they may do everything. Where it is unknown who is one, nobody
        counts as one. C(default) that is not given counts as not set here, and so does what groups without a profile
        may do. A user who is deleted is not listed.
    type: dict
    version_added: 1.1.0
  # END shared: permissions.options
  # BEGIN shared: guards.membership_limit (written by "make docs" from docs/shared/guards.yml)
  membership_limit:
    description:
      - How many members of one group this task may remove without naming them, as a count such as V(25), or as a share
        of the group's current members such as V(25%). A share never limits the removal of up to 10 members. When a
        group would lose more, the task fails before it has written anything and lists all of them in RV(would_go).
        V(100%) removes the limit.
      - It counts members that are not in C(set) of a group, and those that a purge or an import removes. Members that
        are listed in C(remove) of a group do not count.
    type: str
    version_added: 1.1.0
    default: 25%
  # END shared: guards.membership_limit
  # BEGIN shared: guards.when_group_empty (written by "make docs" from docs/shared/guards.yml)
  when_group_empty:
    description:
      - What to do when a group that had members, in Workspace 365 or at the last run with O(state_file), has none in
        Microsoft Entra now, and this would remove its people, take the administrator role from them, or delete the
        group. An empty group is more often a missing permission or a mistake than intended.
      - V(refuse) stops the task before it writes anything. V(skip) leaves the group and its people unchanged, lists it
        in RV(left_out), and applies everything else. V(accept) removes them as O(on_leave) says.
      - A group that hides its members (visibility C(HiddenMembership)) shows nobody unless the app registration has the
        application permission C(Member.Read.Hidden). One that shows nobody is always left unchanged with its people.
    type: str
    version_added: 1.1.0
    choices:
      - refuse
      - skip
      - accept
    default: refuse
  # END shared: guards.when_group_empty
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
  protected_users:
    description:
      - UPNs of users that the import never deletes, deactivates or removes from the administrator role, such as
        break-glass (emergency access) accounts.
    type: list
    elements: str
    default: []
  state_file:
    description:
      - Where to remember what Microsoft Entra held, so that the next run reads only what has changed since. Without it,
        every run reads what the scope needs. With it, the first run reads all users and groups of the tenant, whatever
        the scope.
      - It holds names and addresses of users, and no secret. Only the user that the module runs as can read it. The
        folder must exist. In check mode it is read and not written. Use one file for each import.
      - Everything is read again when the file is missing, older than O(full_every), made for another tenant, scope or
        O(attribute_map), or when Microsoft Graph has discarded its own record.
    type: path
  # BEGIN shared: guards.trust_local_files (written by "make docs" from docs/shared/guards.yml)
  trust_local_files:
    description:
      - Whether C(state_file) and C(apply_plan) are read although another user could have written them. They decide what
        this task changes. Without it, the task fails before it has written anything when the file belongs to another
        user than the one who runs the task or root, when everybody may write it, or when it is below a folder that
        everybody may write to and that has no sticky bit. It warns when a group may write it, or when its folder
        belongs to another user.
      - A group that only this user is in, the group of root, and file systems without owners and modes, such as Windows
        drives in WSL, count as they are and refuse nothing.
      - If not given, the value of the environment variable E(W365_TRUST_LOCAL_FILES) is used.
    type: bool
    version_added: 1.1.0
    default: false
  # END shared: guards.trust_local_files
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
  full_every:
    description:
      - After how many days everything is read again in spite of O(state_file). Microsoft Graph keeps its record for 7
        days.
    type: int
    default: 7

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.entra.import_scope
  - workspace365.provisioning.directory
  - workspace365.provisioning.long_task

seealso:
  - module: workspace365.provisioning.w365_o365_import_info
    description: Shows the same scope without connecting to Workspace 365.
  - module: workspace365.provisioning.w365_import_app
    description: Creates the application that the import reads Microsoft Entra with.
  - module: workspace365.provisioning.w365_user
  - module: workspace365.provisioning.w365_group
  # BEGIN shared: seealso.import (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: Import users from Office 365 groups"
    description: The vendor's documentation of the import that an administrator starts by hand.
    link: https://support.workspace365.net/hc/en-us/articles/115004772153
  # END shared: seealso.import
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

    - name: Show what would be left out, and why
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

    - name: Import the whole tenant, with users who cannot sign in before they are activated
      workspace365.provisioning.w365_o365_import:
        everything: true
        default_status: inactive
        concurrency_max: 32

- name: Keep an environment synchronized with Microsoft Entra, every hour from a schedule
  workspace365.provisioning.w365_o365_import:
    environment: contoso
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ contoso_entra_client_id }}"
    entra_certificate_path: /etc/ansible/contoso.pem
    groups:
      - Workspace 365 users
    nested_groups: flatten
    on_leave: delete
    delete_limit: 5%
    protected_users:
      - megan.bowen@contoso.com
    state_file: /var/lib/w365/contoso.json
    report_file:
      - /srv/contoso/import.html

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
# BEGIN shared: report.many_objects (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {user_create: 18, group_create: 1, membership_change: 1, unchanged: 4, left_out: 3}
#   results.contains.name.sample: pradeep.gupta@contoso.com
#   results.contains.changes.sample: {last_name: Gupta}
#   left_out.description: ["The objects of the scope that were left out, each with its reason, and what a guard kept."]
#   would_go.description:
#     - What would have been removed, by kind, when the import was refused because of O(delete_limit).
#   would_go.returned: when a limit or when_group_empty refused
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
      sample: pradeep.gupta@contoso.com
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: update
    outcome:
      description: V(done), V(failed), V(not tried) because of another failure, or V(unchanged) when it had no effect,
        since the object existed already or the server kept nothing of it. V(planned) in check mode and when only a plan
        is written.
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
    not_kept:
      description:
        - What the server accepted and did not have when the object was read back. It is not among the changes.
      version_added: 1.1.0
      type: list
      elements: str
      returned: when something was not kept
      sample:
        - department
    purged:
      description: V(true) when the object is removed because it is not part of the desired state, and not because the
        task says so of this object.
      type: bool
      returned: for users and groups that are removed for this reason
      sample: true
left_out:
  description:
    - The objects of the scope that were left out, each with its reason, and what a guard kept.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: The kind of the object, such as V(user), V(group), V(membership) or V(administrator).
      type: str
      returned: always
      sample: user
    name:
      description: The UPN of the user or the name of the group. For a membership, the name of the group and the UPN.
      type: str
      returned: always
      sample: reception@contoso.com
    reason:
      description: Why it was left out, as the end of a sentence that begins with the name.
      type: str
      returned: always
      sample: has no last name
would_go:
  description:
    - What would have been removed, by kind, when the import was refused because of O(delete_limit).
  type: dict
  returned: when a limit or when_group_empty refused
  sample:
    users:
      - adele.vance@contoso.com
      - lee.gu@contoso.com
# END shared: report.many_objects
# BEGIN shared: permissions.returned (written by "make docs" from docs/shared/permissions.yml)
permission_changes:
  description:
    - The permissions that users gain or lose by memberships that were changed, or in check mode would be, as
      O(permission_profiles) describes them.
  version_added: 1.1.0
  type: list
  elements: dict
  returned: if O(permission_profiles) is given
  contains:
    user:
      description: The UPN of the user, in lowercase.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    change:
      description: V(gains) or V(loses); V(may gain) or V(may lose) where the members of another group are not known.
      type: str
      returned: always
      sample: gains
    permission:
      description: The name of the permission.
      type: str
      returned: always
      sample: Create and manage announcements
    groups:
      description: The groups that the user enters or leaves, and that have a value for this permission.
      type: list
      elements: str
      returned: always
      sample:
        - W365 News editors
    reason:
      description: What is not known.
      type: str
      returned: when the change is not certain
      sample: who is in group Interns is not known
# END shared: permissions.returned
# BEGIN shared: concurrency.returned (written by "make docs" from docs/shared/concurrency.yml)
concurrency:
  description:
    - How many requests were in progress at the same time, and how often the server asked for fewer.
  version_added: 1.1.0
  type: dict
  returned: success, and when a change failed
  contains:
    limit:
      description: "How many were allowed at the end of the task: what O(concurrency=auto) settled on, or the number
        that was given, or fewer where the server throttled requests."
      type: int
      returned: always
      sample: 24
    throttled:
      description: How many answers asked the task to wait (HTTP 429 or 503).
      type: int
      returned: always
      sample: 2
  sample:
    limit: 24
    throttled: 2
# END shared: concurrency.returned
full_run:
  description:
    - Whether what the scope needs, or with O(state_file) the whole tenant, was read, and not only what had changed.
  type: bool
  returned: success
  sample: false
full_run_reason:
  description:
    - Why.
  type: str
  returned: success
  sample: only what had changed since the last run was read
# BEGIN shared: report.strict (written by "make docs" from docs/shared/report.yml)
unmatched:
  description:
    - The entries of each option that match nobody, when the task was refused because of O(strict).
  version_added: 1.1.0
  type: dict
  returned: when strict refused
  sample:
    exclude_users:
      - emergencyy@contoso.com
# END shared: report.strict
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

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.importer import (
    desired_from_entra,
    with_known_owners,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.bulk_options import (
    IMPORT_SCOPE_RULES,
    import_policy_spec,
    import_scope_spec,
    permissions_spec,
    progress_spec,
    report_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import concurrency_spec
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.import_options import (
    import_scope_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress import progress_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra_import import (
    ImportTask,
    keep_state,
    read_entra,
    with_kept_members,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.report_option import prepare_reports
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.unmatched import with_import_warnings

ARGUMENT_SPEC: dict[str, Any] = {
    **import_scope_spec(),
    **concurrency_spec(),
    **import_policy_spec(),
    **permissions_spec(),
    **progress_spec(),
    **report_spec(),
}

RULES: dict[str, Any] = {**IMPORT_SCOPE_RULES}

KIND = ImportTask


def run(task: ImportTask) -> dict[str, Any]:
    task.progress = progress_of(task.options, task.host.progress_writer())
    prepare_reports(task, ", ".join(filter(None, ["Microsoft Entra", task.options["entra_tenant"]])))
    scope = import_scope_from_options(task.options)
    read = read_entra(task, scope)
    desired = desired_from_entra(read.found, scope, task.directory.capabilities)
    current = task.read(desired)
    desired = with_kept_members(desired, current, read, scope)
    plan = task.compare(with_known_owners(desired, current, task.graph), current)
    plan = with_import_warnings(task, plan, desired, read.found, scope)
    keep_state(task, read)
    report = task.apply(plan, task.directory)
    # Not "skipped": Ansible takes a result with that key for a task that did not run.
    left_out = [item.as_result() for item in plan.skipped]
    return task.outcome(report, left_out=left_out, full_run=read.full, full_run_reason=read.reason)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
