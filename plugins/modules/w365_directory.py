#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_directory
short_description: Bring all users, groups and administrators of a Workspace 365 environment to their desired state
version_added: 1.0.0
description:
  - Manages many users and groups of an environment, their memberships and its administrators in one task, from one
    plan. Everything is read once, page by page; nobody is looked up one by one. Prefer it to a loop over
    M(workspace365.provisioning.w365_user), for which Ansible pays a process per user.
  - The desired state stands in O(users), O(groups) and O(administrators), in the files of O(src), or in both.
  - Whoever is not named is left alone, unless O(purge) says otherwise. Then only those go who are in O(purge_scope), never
    more than O(purge_limit), and never somebody of O(protected_users) or the primary administrator. A refused purge has
    written nothing and says who would have gone.
  - A user is found by UPN, without regard to case, and otherwise by O(users.external_id). So a UPN that has changed at
    its source becomes a rename, and not a second user. An external id that two users share identifies neither. A UPN that has
    passed from one person to another is given to the new one after the old one is renamed, as long as external ids tell both
    apart; otherwise the task is refused, because one would get the account of the other. So is an exchange of two UPNs.
  - "With O(scim_url) users and groups travel over C(/Users) and C(/Groups) of SCIM (S). That C(active) means the
    deleted-users list is assumed (A)."
  - "Without O(scim_url) users are created with C(POST /{EnvironmentName}/User/) (D). Listing them uses
    C(GET /{EnvironmentName}/User/) (A), and groups use C(/{EnvironmentName}/Group/) (A). Administrators always use the
    Provisioning API (A)."
  - "On a server that has only the documented endpoints, and without O(scim_url), C(POST
    /{EnvironmentName}/User/Validate/) (D) is asked for every user. Missing users are created; existing ones are reported
    as unchanged, with RV(compared=false) and a warning. Whatever needs more fails before anything is written, with a
    sentence that names the missing endpoint and points at O(scim_url)."
  - People are restored, created and changed before the groups, then come memberships and roles, and deletions come
    last. One object that fails does not stop the others. The task then fails, lists every failure in RV(results), and
    running it again does the rest. When the server refuses the key or cannot be reached any more, the task stops.
  - The last active administrator of an environment is never deleted, made inactive or deprived of the role, as far as
    the server shows who that is.

options:
  users:
    description:
      - The users, each named once.
    type: list
    elements: dict
    suboptions:
      upn:
        description:
          - The user principal name. It must equal the UPN in Microsoft Entra, or the user cannot sign in.
        type: str
        required: true
        aliases:
          - user_principal_name
      identity:
        description:
          - Where to find the user when O(users.upn) is its new name, by its current UPN or by the server's id. The user is
            renamed when O(users.upn) differs.
          - When no user is found by it but one is found by O(users.upn), the rename counts as done.
          - The UPN is the key between Microsoft Entra and Workspace 365. Do not rename while a synchronisation is running.
        type: str
      state:
        description:
          - V(present) creates the user, changes what differs, and takes the user back from the deleted-users list, unless
            O(users.active=false).
          - V(absent) puts the user on the deleted-users list. Workspace 365 removes it from there for good after 30 days.
        type: str
        choices:
          - present
          - absent
        default: present
      permanent:
        description:
          - With O(users.state=absent), delete the user for good instead, also from the deleted-users list. There is no way back.
          - Only over SCIM. Refused without O(scim_url), because the Provisioning API has no such deletion.
        type: bool
        default: false
      first_name:
        description:
          - First name. Needed to create a user.
        type: str
      last_name:
        description:
          - Last name. Needed to create a user.
        type: str
      email:
        description:
          - E-mail address. A new user gets its UPN when it is not given.
          - Only over SCIM. Refused without O(scim_url), because there the address is the UPN.
        type: str
      active:
        description:
          - Whether the user can sign in. V(false) puts the user on the deleted-users list.
          - When it is not given, O(users.state=present) means V(true).
        type: bool
      external_id:
        description:
          - The id that the source of the user gave it, such as the object id in Microsoft Entra.
          - Only over SCIM. Refused without O(scim_url).
        type: str
      administrator:
        description:
          - Whether the user is an administrator of the environment. Only an active user can be one.
          - Only over the Provisioning API. Refused with O(scim_url), because the role never travels over SCIM;
            use O(administrators) there.
        type: bool
      password:
        description:
          - Password of the user. It is not needed where people sign in with Microsoft.
          - It can be written and never read, so it is never compared. See O(update_password).
          - Only over the Provisioning API. Refused with O(scim_url).
        type: str
      create_in_office365:
        description:
          - Let Workspace 365 create the user in Office 365 too. Only looked at when the user is created.
          - Only over the Provisioning API. Refused with O(scim_url).
        type: bool
  groups:
    description:
      - The groups, each named once. Members may be users that the same task creates.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the group. It is unique in the environment.
        type: str
        required: true
      identity:
        description:
          - Where to find the group when O(groups.name) is its new name, by its current name or by the server's id. The group is
            renamed when O(groups.name) differs.
          - When no group is found by it but one is found by O(groups.name), the rename counts as done.
        type: str
      state:
        description:
          - V(present) creates the group and changes what differs.
          - V(absent) deletes the group for good; there is no list of deleted groups. Its members stay users.
        type: str
        choices:
          - present
          - absent
        default: present
      description:
        description:
          - Description of the group.
          - Only over the Provisioning API. Refused with O(scim_url), because SCIM groups have none.
        type: str
      external_id:
        description:
          - The id that the source of the group gave it, such as the object id in Microsoft Entra.
          - Only over SCIM. Refused without O(scim_url).
        type: str
      members:
        description:
          - The members of the group, by UPN. They are left alone when it is not given.
          - The task fails when somebody who is to be added is not a user of the environment. In check mode it warns
            instead, because an earlier task may be about to create that user.
          - Members that are not users of this environment, such as nested groups, are always left alone.
        type: dict
        suboptions:
          add:
            description:
              - UPNs of users who are to be members. The others stay.
              - Mutually exclusive with O(groups.members.set).
            type: list
            elements: str
          remove:
            description:
              - UPNs of users who are not to be members. Somebody who is no member, or no user at all, is no mistake here.
              - Mutually exclusive with O(groups.members.set).
            type: list
            elements: str
          set:
            description:
              - UPNs of all users who are to be members. Everybody else is taken out; an empty list takes out all.
            type: list
            elements: str
  administrators:
    description:
      - The administrators, by UPN.
      - The task fails when somebody who is to be added is unknown or inactive. In check mode it warns about an
        unknown one instead, because an earlier task may be about to create that user.
    type: dict
    suboptions:
      add:
        description:
          - UPNs of users who are to be administrators. The others stay.
          - Mutually exclusive with O(administrators.set).
        type: list
        elements: str
      remove:
        description:
          - UPNs of users who are not to be administrators. Somebody who is none, or no user at all, is no mistake here.
          - Mutually exclusive with O(administrators.set).
        type: list
        elements: str
      set:
        description:
          - UPNs of all users who are to be administrators. Everybody else loses the role. An empty list is refused.
        type: list
        elements: str
  src:
    description:
      - Files with users, groups and administrators. The module reads them itself, on the host that it runs on, which is
        many times as fast as handing thousands of users over as variables.
      - "V(.yml), V(.yaml) and V(.json) hold a dictionary with C(users), C(groups) and C(administrators), in the words of
        the options of the same names, or just a list of users. YAML needs the Python library PyYAML, which Ansible
        brings along."
      - "V(.csv) holds users. Three kinds of headings are understood: plain ones (C(upn), C(identity), C(state),
        C(first_name), C(last_name), C(email), C(active), C(external_id), C(administrator), C(password)); those of
        Microsoft Entra's template for creating users in bulk, whose initial password is left alone because it is the one
        for Microsoft Entra; and those of its I(Download users), whose object id becomes the external id. Commas,
        semicolons and tabs separate. An empty cell says nothing. Columns of Microsoft Entra that have no counterpart are
        left alone; an unknown plain column is an error."
      - Files are UTF-8, with or without a mark, or UTF-16 with one. What does not fit is named with its line.
    type: list
    elements: path
  update_password:
    description:
      - V(on_create) writes O(users.password) only for a new user.
      - V(always) writes it on every run, and the task is reported as changed on every run.
    type: str
    choices:
      - on_create
      - always
    default: on_create
  concurrency:
    description:
      - How many requests may be under way at a time. When the server asks for patience, all of them wait, half as many go on,
        and their number grows again while the server takes them.
    type: int
    default: 8
  purge:
    description:
      - What goes because nobody names it, apart from what is named with C(state=absent). Nothing by default.
      - V(users) puts active users on the deleted-users list who are in O(purge_scope) and named nowhere in the task, neither
        as users nor as members or administrators.
      - V(groups) deletes groups for good that are in O(purge_scope) and not named.
      - V(memberships) takes everybody out of a named group who is not named as its member, where O(groups.members) is given
        with C(add) or C(remove). With C(set) that happens anyway.
      - V(administrators) takes the role from everybody who is not named as an administrator. It needs O(administrators).
      - Every kind needs at least one object of its kind that is named to stay. An empty list is an error.
    type: list
    elements: str
    choices:
      - users
      - groups
      - memberships
      - administrators
    default: []
  purge_scope:
    description:
      - Whom O(purge) may take at all. Who fits every criterion that is given is in scope. Needed to purge users or groups,
        because other tasks, tools and people may look after the others; optional for memberships and administrators, where it
        narrows who may lose them.
    type: dict
    suboptions:
      domains:
        description:
          - Domains of UPNs, such as V(contoso.com). They say nothing about groups.
        type: list
        elements: str
      groups:
        description:
          - Names of groups, without regard to case; V(*) stands for anything. Users are in scope when they are members of one
            of them, groups when they are one of them.
        type: list
        elements: str
      external_id_prefix:
        description:
          - How the external id begins that the source of the users or groups gave them.
          - Only over SCIM, because the Provisioning API has no external ids; without O(scim_url) nobody has one, and nobody is in scope.
        type: str
  purge_limit:
    description:
      - How much of one kind O(purge) may take in one run, as a count such as V(25), or as a share of what is in scope such as
        V(10%), rounded up. When it is more, the task fails before it has written anything, names who would have gone, and
        lists all of them in RV(would_go).
    type: str
    default: 10%
  plan_file:
    description:
      - Write the plan to this file instead of carrying it out, so that somebody can review it and O(apply_plan) can carry out
        exactly that. Nothing is written to the environment; the task reports what check mode would.
      - The file is readable JSON with every change, what it changes from and to, and a digest. It belongs to the user that the
        module runs as and is readable by nobody else. It is written in check mode too.
      - No password is in it. Where one will be written, the file says so, and O(apply_plan) needs the same O(users) or O(src) again.
      - Mutually exclusive with O(apply_plan).
    type: path
  apply_plan:
    description:
      - Carry out the plan in this file, and nothing else. O(users), O(groups), O(administrators) and O(src) need not be given;
        they only supply passwords.
      - It is refused, before anything is written, when an object that the plan touches is neither as it was when the plan was
        made nor as the plan leaves it, when the file was edited, or when it was made for another environment. What is done
        already counts as unchanged, so a plan that was carried out halfway can be given again.
    type: path
  plan_digest:
    description:
      - The digest of the plan that was approved, as O(plan_file) returned it in RV(plan_digest). Another plan is refused.
        Without it, whoever can write O(apply_plan) can have any plan carried out.
    type: str
  protected_users:
    description:
      - UPNs of users whom this task never deletes, deactivates or deprives of the administrator role, such as accounts for
        emergencies. O(purge) leaves them where they are, also in their groups, and tells so in RV(left_out). A task that names
        one of them with C(state=absent) or the like is refused.
    type: list
    elements: str
    default: []

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory
  - workspace365.provisioning.long_task

attributes:
  idempotent:
    support: partial
    details:
      - With O(update_password=always) and O(users.password) every run writes the password and is reported as changed.

seealso:
  - module: workspace365.provisioning.w365_user
  - module: workspace365.provisioning.w365_group
  - module: workspace365.provisioning.w365_admin
  - module: workspace365.provisioning.w365_o365_import

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Work with one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      environment: contoso
      scim_url: "{{ contoso_scim_url }}"
      scim_token: "{{ contoso_scim_token }}"
  block:
    - name: See what the file of the personnel department would change
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/users.csv
      check_mode: true
      diff: true

    - name: Bring users, groups and memberships to their desired state
      workspace365.provisioning.w365_directory:
        users:
          - upn: adele.vance@contoso.com
            first_name: Adele
            last_name: Vance
            external_id: contoso-1004
          - upn: grady.archie@contoso.com
            state: absent
        groups:
          - name: Retail
            members:
              set:
                - adele.vance@contoso.com

    - name: Let the file decide who of contoso.com is a user, but never take more than 25 people at a time
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/users.csv
        purge:
          - users
        purge_scope:
          domains:
            - contoso.com
        purge_limit: "25"
        protected_users:
          - megan.bowen@contoso.com

    - name: Make a plan that somebody can review
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/users.csv
        plan_file: /srv/contoso/plan.json
      register: made

    - name: Carry out that plan, later and in another job
      workspace365.provisioning.w365_directory:
        apply_plan: /srv/contoso/plan.json
        plan_digest: "{{ made.plan_digest }}"

    - name: Take users from Microsoft Entra's "Download users" and groups from a file of our own
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/exportUsers.csv
          - /srv/contoso/groups.yml
        concurrency: 4
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
    user_create: 120
    user_update: 3
    membership_change: 4
    unchanged: 9877
    left_out: 0
left_out:
  description:
    - Who was spared by a guard of O(purge), each with the reason.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: The kind of the object, V(user), V(membership) or V(administrator).
      type: str
      returned: always
      sample: user
    name:
      description: The UPN, for a membership behind the name of the group.
      type: str
      returned: always
      sample: megan.bowen@contoso.com
    reason:
      description: The reason, which goes on after the name.
      type: str
      returned: always
      sample: is in protected_users, so the purge left it as it is
plan_digest:
  description:
    - The digest of the plan. It is the same for the same plan.
  type: str
  returned: with plan_file or apply_plan
  sample: sha256:5f2a1c0de8e7c1b3a4d5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b
changed_since:
  description:
    - What has changed since the plan was made, one sentence for each object, when O(apply_plan) was refused for that.
  type: list
  elements: str
  returned: when apply_plan was refused
  sample:
    - User 'adele.vance@contoso.com' differs in last_name from what it was.
would_go:
  description:
    - Who would have gone, by kind, when O(purge) was refused because of O(purge_limit).
  type: dict
  returned: when purge_limit refused
  sample:
    users:
      - adele.vance@contoso.com
      - lee.gu@contoso.com
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
      description: V(done), V(failed), or V(not tried) because of another failure. In check mode everything that would be done is V(done).
      type: str
      returned: always
      sample: done
    purged:
      description: That it goes because nobody named it and O(purge) asks for that.
      type: bool
      returned: for users and groups that go for that
      sample: true
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
"""

from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    progress_spec,
    purge_spec,
    report_spec,
    update_password_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.directory import (
    directory_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import (
    content_spec,
    read_files,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress import progress_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.plan_options import (
    plan_of_file,
    write_plan,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.report_option import prepare_reports

ARGUMENT_SPEC: dict[str, Any] = {
    **content_spec(),
    "src": {"type": "list", "elements": "path"},
    "update_password": update_password_spec(),
    "concurrency": {"type": "int", "default": 8},
    "scim_bulk": {"type": "bool", "default": True},
    **purge_spec(),
    "plan_file": {"type": "path"},
    "apply_plan": {"type": "path"},
    "plan_digest": {"type": "str"},
    **progress_spec(),
    **report_spec(),
}

RULES: dict[str, Any] = {
    "required_one_of": [("users", "groups", "administrators", "src", "apply_plan")],
    "mutually_exclusive": [("plan_file", "apply_plan")],
    "required_by": {"plan_digest": ("apply_plan",)},
}


def run(task: Task) -> dict[str, Any]:
    task.progress = progress_of(task.options, task.host.progress_writer())
    prepare_reports(task, ", ".join(task.options["src"] or ()) or task.options["apply_plan"] or "the task itself")
    content = read_files(task.options["src"] or ())
    task.add_secrets(user["password"] for user in content.users if user["password"])
    desired = directory_from_options(task.options, content)
    own: dict[str, Any] = {}
    if task.options["apply_plan"]:
        plan, own["plan_digest"] = plan_of_file(task, desired)
    else:
        plan = task.plan(desired)
    if task.options["plan_file"]:
        own["plan_digest"] = write_plan(task, plan)
    report = task.apply(
        plan,
        task.directory,
        predict_only=bool(task.options["plan_file"]),
        batch=task.directory.batch,
    )
    return task.outcome(report, left_out=[item.as_result() for item in plan.left_out], **own)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, **RULES)


if __name__ == "__main__":
    main()
