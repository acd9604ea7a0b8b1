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
    plan. Everything is read once, page by page; users are not looked up one by one. Prefer it to a loop over
    M(workspace365.provisioning.w365_user), for which Ansible starts a process per user.
  - The desired state is given in O(users), O(groups) and O(administrators), in the files of O(src), or in both.
  - Objects that are not listed are not changed, unless O(purge) is given. Then only objects in O(purge_scope) are
    removed, never more than O(purge_limit), and never a user of O(protected_users) or the primary administrator. A
    refused purge has written nothing and lists what would have been removed.
  - A user is found by UPN, without regard to case, and otherwise by O(users.external_id). So a UPN that has changed at
    its source becomes a rename, and not a second user. An external id that two users share identifies neither. A UPN
    that has passed from one person to another is given to the new one after the old one is renamed, as long as external
    ids tell both apart; otherwise the task is refused, because one would get the account of the other. An exchange of
    two UPNs is refused for the same reason.
  - "With O(scim_url) users and groups are managed through C(/Users) and C(/Groups) of SCIM. The vendor has not
    documented that C(active) stands for the deleted-users list."
  - "Without O(scim_url) users are created with C(POST /{EnvironmentName}/User/). Listing them with
    C(GET /{EnvironmentName}/User/), and groups with C(/{EnvironmentName}/Group/), use endpoints that the vendor has not
    documented. Administrators always need such endpoints, because SCIM does not carry the role."
  - "On a server that has only the documented endpoints, and without O(scim_url), C(POST
    /{EnvironmentName}/User/Validate/) is asked for every user. Users who do not exist are created; existing ones are
    reported as unchanged, with RV(compared=false) and a warning. Anything that needs more fails before anything is
    written. The error names the missing endpoint and recommends O(scim_url)."
  - Users are restored, created and changed before the groups. Then come memberships and roles, and deletions come last.
    One object that fails does not stop the others. The task then fails and lists every failure in RV(results). Rerun
    the task to retry the failed changes. When the server refuses the key or can no longer be reached, the task stops.
  - The last active administrator of an environment is never deleted, deactivated or removed from the administrator
    role, as far as the server shows who that is.

options:
  users:
    description:
      - The users, each listed once.
    type: list
    elements: dict
    suboptions:
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
          - Where to find the user when O(users.upn) is its new name, by its current UPN or by the server's id. The user
            is renamed when O(users.upn) differs.
          - When no user is found by it but one is found by O(users.upn), the user counts as renamed already. When
            neither is found, the task fails before it has written anything, since a rename never creates a user; leave
            O(users.identity) out to create one. In check mode that is a warning, because an earlier task may create the
            user.
          - Of two users of one name, the id decides which one is meant, also with O(users.state=absent).
          - The UPN is the key between Microsoft Entra and Workspace 365. Do not rename a user while a synchronization
            is running.
        type: str
      state:
        description:
          - V(present) creates the user, changes what differs, and restores the user from the deleted-users list, unless
            O(users.active=false).
          - V(absent) puts the user on the deleted-users list. Workspace 365 removes it from there permanently after 30
            days.
        type: str
        choices:
          - present
          - absent
        default: present
      permanent:
        description:
          - With O(users.state=absent), delete the user permanently, also from the deleted-users list. This cannot be
            undone.
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
          - When it is not given, O(users.state=present) means V(true).
        type: bool
      external_id:
        description:
          - The id that the source of the user gave it, such as the object id in Microsoft Entra. An empty string clears
            it.
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
  groups:
    description:
      - The groups, each listed once. Members may be users that the same task creates.
    type: list
    elements: dict
    suboptions:
      # BEGIN shared: group.options (written by "make docs" from docs/shared/group.yml)
      name:
        description:
          - Name of the group. It is unique in the environment.
        type: str
        required: true
      identity:
        description:
          - Where to find the group when O(groups.name) is its new name, by its current name or by the server's id. The
            group is renamed when O(groups.name) differs.
          - When no group is found by it but one is found by O(groups.name), the group counts as renamed already. When
            neither is found, the task fails before it has written anything, since a rename never creates a group; leave
            O(groups.identity) out to create one. In check mode that is a warning, because an earlier task may create
            the group.
          - Of two groups of one name, the id decides which one is meant, also with O(groups.state=absent).
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
          - The id that the source of the group gave it, such as the object id in Microsoft Entra. An empty string
            clears it.
          - Only through SCIM. Refused without O(scim_url).
        type: str
      members:
        description:
          - The members of the group, by UPN. They are not changed when it is not given.
          - The task fails when a user who is to be added does not exist in the environment. In check mode it warns
            instead, because an earlier task may create that user.
          - Members that are not users of this environment, such as nested groups, are never changed.
        type: dict
        suboptions:
          add:
            description:
              - UPNs of users who are to be members. Other members stay.
              - Mutually exclusive with O(groups.members.set).
            type: list
            elements: str
          remove:
            description:
              - UPNs of users who are not to be members. A UPN that is not a member, or not a user at all, is no error.
              - Mutually exclusive with O(groups.members.set).
            type: list
            elements: str
          set:
            description:
              - UPNs of all users who are to be members. All others are removed; an empty list removes all members.
            type: list
            elements: str
      # END shared: group.options
  # BEGIN shared: administrators.options (written by "make docs" from docs/shared/administrators.yml)
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
  # END shared: administrators.options
  # BEGIN shared: user.src (written by "make docs" from docs/shared/user.yml)
  src:
    description:
      - Files with users, groups and administrators. The module reads them itself, on the host that it runs on, which is
        many times as fast as passing thousands of users as variables.
      - V(.yml), V(.yaml) and V(.json) hold a dictionary with C(users), C(groups) and C(administrators), which have the
        same form as the options of these names, or just a list of users. YAML needs the Python library PyYAML, which
        Ansible brings along.
      - "V(.csv) holds users. These headings are understood: plain ones (C(upn), C(identity), C(state), C(first_name),
        C(last_name), C(email), C(active), C(external_id), C(administrator), C(display_name), C(job_title),
        C(department), C(phone), C(preferred_language) and C(password)); those of Microsoft Entra's template for
        creating users in bulk, whose initial password is ignored because it is the one for Microsoft Entra; and those
        of exports, which are its I(Download users), its PowerShell modules and the list of active users of the
        Microsoft 365 admin center, whose object id becomes the external id. Headings match without regard to case,
        blanks, C(_) and C(-). Commas, semicolons and tabs separate. An empty cell counts as not given. Truth values may
        be those of spreadsheets in English, Dutch, German and French, such as V(WAHR)."
      - Columns that are not used are named in RV(unused_columns). A plain heading that may be meant for a known one is
        an error. Rows of exports without a first or a last name are left out and named in RV(left_out).
      - "Files are read strictly. A key that comes twice is refused, and so is a value that YAML makes a number, a truth
        value or a date of where a text names or identifies something: put it in quotes. Files are in UTF-8, with or
        without a byte order mark, or in UTF-16 with one. An error names all bad lines of the file."
    type: list
    elements: path
  # END shared: user.src
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
  # BEGIN shared: concurrency.options (written by "make docs" from docs/shared/concurrency.yml)
  concurrency:
    description:
      - How many requests may be in progress at the same time.
      - "V(auto) finds out how many the server can take: it begins with 8, or with O(concurrency_max) if that is
        smaller, and raises the number up to O(concurrency_max) while the latency of answers stays flat. It lowers it
        when answers take longer the more requests are in progress, when the server throttles requests (HTTP 429 or
        503), when connections break or time out, and when more answers are 409 or 500 than with fewer requests in
        progress."
      - A number, 1 or more, stays that number. Only while the server throttles requests, all of them wait, half as many
        continue, and their number grows again to what was given while the server accepts them.
      - Never more requests start than O(max_requests_per_second) allows.
    type: raw
    default: auto
  concurrency_max:
    description:
      - Up to how many requests at the same time O(concurrency=auto) grows, from V(1) to V(64). V(16) when it is not
        given.
      - With a number in O(concurrency) it changes nothing. A number that is greater than the given O(concurrency_max)
        is refused.
    version_added: 1.1.0
    type: int
  # END shared: concurrency.options
  purge:
    description:
      - What is removed because it is not listed, in addition to what is listed with C(state=absent). Nothing by
        default.
      - V(users) puts active users on the deleted-users list that are in O(purge_scope) and listed nowhere in the task,
        neither as users nor as members or administrators.
      - V(groups) permanently deletes groups that are in O(purge_scope) and not listed.
      - V(memberships) removes users from a listed group that are not listed as its members, where O(groups.members) is
        given with C(add) or C(remove). With C(set) that happens anyway.
      - V(administrators) removes users from the administrator role that are not listed as administrators. It needs
        O(administrators).
      - Every kind needs at least one object of its kind that is listed to stay. An empty list is an error.
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
      - Which objects O(purge) may remove. An object that meets every given criterion is in scope. Needed to purge users
        or groups, because other tasks, tools and people may manage the others; optional for memberships and
        administrators, where it restricts who may lose them.
    type: dict
    suboptions:
      domains:
        description:
          - Domains of UPNs, such as V(contoso.com). They do not restrict groups.
        type: list
        elements: str
      groups:
        description:
          - Names of groups, without regard to case; V(*) matches anything. Users are in scope when they are members of
            one of them, groups when they are one of them.
        type: list
        elements: str
      external_id_prefix:
        description:
          - The beginning of the external ids that the source of the users or groups gave them.
          - Only through SCIM, because the Provisioning API has no external ids. Without O(scim_url) nothing has one,
            and nothing is in scope.
        type: str
  purge_limit:
    description:
      - How many objects of one kind O(purge) may remove in one run, as a count such as V(25), or as a share of what is
        in scope such as V(10%), rounded up. When more would be removed, the task fails before it has written anything
        and lists all of them in RV(would_go).
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
  plan_file:
    description:
      - Write the plan to this file instead of applying it, so that somebody can review it and O(apply_plan) can apply
        exactly that plan. Nothing is written to the environment; the task reports what check mode would.
      - The file is readable JSON with every change, its old and new values, and a digest. It belongs to the user that
        the module runs as, and nobody else can read it. It is written in check mode too.
      - It holds no password. Where one will be written, the file says so, and O(apply_plan) needs the same O(users) or
        O(src) again.
      - Mutually exclusive with O(apply_plan) and O(apply_plan_content).
    type: path
  return_plan:
    description:
      - Return the plan in RV(plan) instead of applying it, so that another job, perhaps on another machine, can apply exactly
        that plan with O(apply_plan_content). As with O(plan_file), nothing is written to the environment.
      - RV(plan) has at most 1,048,576 characters, enough for some 25,000 new users. A larger plan is an error; write it to a
        file.
      - Mutually exclusive with O(apply_plan) and O(apply_plan_content).
    type: bool
    default: false
    version_added: 1.1.0
  apply_plan:
    description:
      - Apply the plan in this file, and nothing else. O(users), O(groups), O(administrators) and O(src) need not be
        given; they only supply passwords.
      - It is refused, before anything is written, when an object that the plan touches is neither as it was when the
        plan was made nor as the plan leaves it, when the file was edited, or when it was made for another environment.
        A change that has already been applied counts as unchanged, so a plan that was applied in part can be applied
        again.
    type: path
  apply_plan_content:
    description:
      - The same for a plan that O(return_plan) returned in RV(plan). It needs O(plan_digest).
    type: str
    version_added: 1.1.0
  plan_digest:
    description:
      - The digest of the plan that was approved, as O(plan_file) and O(return_plan) return it in RV(plan_digest). Another
        plan is refused. Without it, anyone who can write O(apply_plan) decides what is applied.
    type: str
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
  protected_users:
    description:
      - UPNs of users that this task never deletes, deactivates or removes from the administrator role, such as
        break-glass (emergency access) accounts. O(purge) leaves them unchanged, also in their groups, and lists them in
        RV(left_out). A task that asks for such a change of one of them, for example with C(state=absent), is refused.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Whether the task fails, before it has written anything, when an entry of O(protected_users), O(purge_scope) or a list
        C(remove) of O(administrators) or of the members of a group matches nobody. Otherwise a warning gives the number of
        these entries, the first five, and names that may be meant.
      - Users whom the same task lists count as found.
    type: bool
    default: false
    version_added: 1.1.0
  absent_must_exist:
    description:
      - Whether every user and group with C(state=absent) must exist. With V(true) the task does everything else, and then
        fails with the names of those that do not. A misspelled name would otherwise leave an account active that nobody
        looks for.
      - When all users of the task are deleted permanently and none of them exists, that is a warning and not a failure,
        since a repetition of the task finds nobody.
      - Users on the deleted-users list exist. RV(absent_users) has a row for each user in any case.
    type: bool
    default: false
    version_added: 1.1.0

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory
  - workspace365.provisioning.long_task

attributes:
  # BEGIN shared: user.idempotent (written by "make docs" from docs/shared/user.yml)
  idempotent:
    support: partial
    details:
      - With O(update_password=always) and a password, every run writes the password and is reported as changed.
  # END shared: user.idempotent

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
    - name: See what the file of the HR department would change
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

    - name: Remove users of contoso.com that are not in the file, but never more than 25 at a time
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

    - name: Apply that plan, later and in another job
      workspace365.provisioning.w365_directory:
        apply_plan: /srv/contoso/plan.json
        plan_digest: "{{ made.plan_digest }}"

    - name: Make a plan, and hand it to another job
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/users.csv
        return_plan: true
      register: returned

    - name: Apply it there
      workspace365.provisioning.w365_directory:
        apply_plan_content: "{{ returned.plan }}"
        plan_digest: "{{ returned.plan_digest }}"

    - name: Take users from Microsoft Entra's "Download users" and groups from a file of our own
      workspace365.provisioning.w365_directory:
        src:
          - /srv/contoso/exportUsers.csv
          - /srv/contoso/groups.yml
        concurrency: 4
"""

RETURN = r"""
---
# BEGIN shared: report.many_objects (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {user_create: 120, user_update: 3, membership_change: 4, unchanged: 9877, left_out: 0}
#   results.contains.kind.sample: membership
#   results.contains.name.sample: Sales
#   results.contains.action.sample: change
#   results.contains.changes.sample: {add: [lee.gu@contoso.com], remove: [diego.siciliani@contoso.com]}
#   left_out.description:
#     - What a guard of O(purge) kept, each with the reason.
#     - Rows of an export of Microsoft in O(src) without a first or a last name, such as shared mailboxes and rooms. A
#       purge leaves their users unchanged.
#   left_out.contains.name.sample: megan.bowen@contoso.com
#   left_out.contains.reason.sample: is in protected_users, so the purge left it unchanged
#   would_go.description:
#     - What would have been removed, by kind, when O(purge_limit) or O(membership_limit) refused the task.
#   would_go.returned: when purge_limit or membership_limit refused
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
    user_create: 120
    user_update: 3
    membership_change: 4
    unchanged: 9877
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
    purged:
      description: V(true) when the object is removed because it is not part of the desired state, and not because the
        task says so of this object.
      type: bool
      returned: for users and groups that are removed for this reason
      sample: true
left_out:
  description:
    - What a guard of O(purge) kept, each with the reason.
    - Rows of an export of Microsoft in O(src) without a first or a last name, such as shared mailboxes and rooms. A
      purge leaves their users unchanged.
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
      sample: megan.bowen@contoso.com
    reason:
      description: Why it was left out, as the end of a sentence that begins with the name.
      type: str
      returned: always
      sample: is in protected_users, so the purge left it unchanged
would_go:
  description:
    - What would have been removed, by kind, when O(purge_limit) or O(membership_limit) refused the task.
  type: dict
  returned: when purge_limit or membership_limit refused
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
absent_users:
  description:
    - One entry for each user with C(state=absent), whatever became of it, in the order of their UPNs.
  version_added: 1.1.0
  type: list
  elements: dict
  returned: when users or groups with state=absent are listed, and when a change or absent_must_exist failed
  contains:
    upn:
      description: The UPN of the user.
      type: str
      returned: always
      sample: grady.archie@contoso.com
    found:
      description: Whether the user existed before the task, also on the deleted-users list.
      type: bool
      returned: always
      sample: true
    role_before:
      description: V(administrator), V(user), V(none) where the user did not exist, or V(unknown) where the connection cannot
        show roles.
      type: str
      returned: always
      sample: administrator
    role_after:
      description: The same after the task; in check mode as it would be.
      type: str
      returned: always
      sample: user
    account_before:
      description: V(active), V(deleted) when the user was on the deleted-users list, V(none) where the user did not exist, or
        V(unknown) where the server does not say.
      type: str
      returned: always
      sample: active
    account_after:
      description: The same after the task; in check mode as it would be.
      type: str
      returned: always
      sample: deleted
    outcome:
      description: V(done), in check mode and with O(plan_file) V(planned); V(unchanged), V(not found), V(failed), or
        V(not tried) because of another failure.
      type: str
      returned: always
      sample: done
    reason:
      description: Why nothing was changed, or why it failed; empty otherwise.
      type: str
      returned: always
      sample: was on the deleted-users list before
unused_columns:
  description:
    - The headings of columns that are not used, by the name of the CSV file.
  version_added: 1.1.0
  type: dict
  returned: when a CSV file of O(src) has such columns
  sample:
    exportUsers.csv:
      - displayName
      - usageLocation
unmatched:
  description:
    - The entries that match nobody, by option, when O(strict) refused the task.
  version_added: 1.1.0
  type: dict
  returned: when strict refused
  sample:
    protected_users:
      - megan.bowwen@contoso.com
plan_digest:
  description:
    - The digest of the plan. The same plan has the same digest.
  type: str
  returned: with plan_file, return_plan, apply_plan or apply_plan_content
  sample: sha256:5f2a1c0de8e7c1b3a4d5968778695a4b3c2d1e0ff0e1d2c3b4a5968778695a4b
plan:
  description:
    - The plan as one text, for O(apply_plan_content). It holds no password.
  version_added: 1.1.0
  type: str
  returned: with return_plan
  sample: eNqrVkrLL8pNLFGyUjJSqgUAJ/0EpQ==
changed_since:
  description:
    - What has changed since the plan was made, one sentence for each object, when the plan was refused for that.
  type: list
  elements: str
  returned: when the plan was refused
  sample:
    - User 'adele.vance@contoso.com' differs in last_name from what it was.
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

import os
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    update_password_spec,
    when_unsupported_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.bulk_options import (
    permissions_spec,
    progress_spec,
    purge_spec,
    report_spec,
    trust_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import concurrency_spec
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.directory import (
    directory_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import (
    content_spec,
    read_files,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_check import (
    refuse_other_fields,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.progress import progress_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.absent_users import (
    offboarding_outcome,
    with_offboarding,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.bulk import BulkDirectoryTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.plan_options import (
    given_plan,
    hand_out_plan,
    is_planning,
    plan_source,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.report_option import prepare_reports

ARGUMENT_SPEC: dict[str, Any] = {
    **content_spec(),
    "src": {"type": "list", "elements": "path"},
    "update_password": update_password_spec(),
    "when_unsupported": when_unsupported_spec(),
    **concurrency_spec(),
    "scim_bulk": {"type": "bool", "default": True},
    **purge_spec(),
    "strict": {"type": "bool", "default": False},
    "absent_must_exist": {"type": "bool", "default": False},
    "plan_file": {"type": "path"},
    "return_plan": {"type": "bool", "default": False},
    "apply_plan": {"type": "path"},
    "apply_plan_content": {"type": "str"},
    "plan_digest": {"type": "str"},
    **trust_spec(),
    **permissions_spec(),
    **progress_spec(),
    **report_spec(),
}

RULES: dict[str, Any] = {
    "required_one_of": [("users", "groups", "administrators", "src", "apply_plan", "apply_plan_content")],
    "mutually_exclusive": [("plan_file", "apply_plan", "apply_plan_content")],
}

KIND = BulkDirectoryTask


def run(task: BulkDirectoryTask) -> dict[str, Any]:
    task.progress = progress_of(task.options, task.host.progress_writer())
    files = task.options["src"] or ()
    # The folders of a controller say nothing to the readers of a report.
    source = ", ".join(os.path.basename(path) for path in (*files, task.options["apply_plan"]) if path)
    prepare_reports(task, source or "the task itself")
    content = read_files(files, task.host.decrypt)
    task.add_secrets(user["password"] for user in content.users if user["password"])
    desired = directory_from_options(task.options, content)
    own: dict[str, Any] = {"unused_columns": content.unused_columns} if content.unused_columns else {}
    if plan_source(task.options):
        plan, own["plan_digest"] = given_plan(task, desired)
        refuse_other_fields(plan, task.directory.capabilities, plan_source(task.options))
    else:
        plan = task.plan(desired)
    plan = with_offboarding(task, plan, desired)
    planning = is_planning(task.options)
    if planning:
        own |= hand_out_plan(task, plan)
    report = task.apply(plan, task.directory, predict_only=planning)
    return offboarding_outcome(task, report, left_out=[item.as_result() for item in plan.skipped], **own)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
