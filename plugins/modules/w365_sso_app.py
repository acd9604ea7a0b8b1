#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_sso_app
short_description: Manage the app registration with which users sign in to a Workspace 365 environment
version_added: 1.1.0
description:
  - Creates or adopts the app registration in Microsoft Entra with which users sign in to one environment, with its
    service principal, the consent of the organization and a client secret, and writes authority, client id and secret
    to Workspace 365 as M(workspace365.provisioning.w365_sso) does.
  - It renews the secret before it expires, and at no time can users not sign in. The former secret stays valid for
    O(overlap) days. Every step can be repeated, so a run that was ended at any point is completed by the next one.
  - "An existing app registration is found in this order: by O(client_id), by the unique name
    C(w365-sso:<host>:<environment>), by the tag C(w365:sso:<host>:<environment>), by its redirect URI. More than one
    candidate is an error. One that is adopted gets the tag."
  - Tags, redirect URIs, claims, permissions and owners are added to those that exist, and never replaced. Secrets of
    others are never touched; they are counted in RV(foreign_secrets).
  - "It reads what Workspace 365 has with C(GET /{EnvironmentName}/SingleSignOnSettings/OAuth2), which the vendor has not
    documented. On a server that has only the documented endpoints, the mark in Microsoft Entra alone tells whether
    something has to be written."
  - Workspace 365 neither shows nor compares the key. Therefore a tag of the app registration says which secret was
    written, and the next run changes nothing.

options:
  state:
    description:
      - V(absent) removes the client secrets of this environment from the app registration and deletes it, for an
        environment that is taken down. Its service principal goes with it, so the consent to it has no effect. An
        administrator can restore both for 30 days.
      - Only an app registration with the tag of this environment is touched. It is left as it is when it has the tag of
        another environment, when it sends people back to another address than those of O(redirect_hosts), or when
        another environment signs people in with it. One with valid secrets, certificates or federated credentials of
        somebody else loses the secrets of this environment only. RV(left_out) names each with its reason.
    type: str
    choices:
      - present
      - absent
    default: present
  check_others:
    description:
      - Whether O(state=absent) reads the environments of the instance and the single sign-on of each, which needs
        O(provisioning_key). Where the environments are not shown, nothing is removed.
      - V(false) says that somebody has looked, and that no other environment uses the app registration.
    type: bool
    default: true
  # BEGIN shared: sso_app.options (written by "make docs" from docs/shared/sso_app.yml)
  client_id:
    description:
      - Application (client) id of an existing app registration that is to be used.
    type: str
  redirect_hosts:
    description:
      - More host names through which users reach the environment. Each needs a redirect URI of its own. The host of
        O(instance_url) always has one.
    type: list
    elements: str
  scopes:
    description:
      - The delegated permissions of Microsoft Graph that Workspace 365 asks for. If not given, those that a public
        client of Workspace 365 asks for, which are C(Directory.ReadWrite.All), C(Calendars.ReadWrite.Shared),
        C(Contacts.ReadWrite.Shared), C(Files.ReadWrite.All), C(Mail.ReadWrite.Shared), C(Mail.Send),
        C(Mail.Send.Shared), C(People.Read), C(Sites.FullControl.All), C(Tasks.ReadWrite.Shared), C(User.Read) and
        C(openid). The vendor allows narrowing them.
      - A name that Microsoft Graph does not offer is an error before anything is written.
    type: list
    elements: str
  power_bi:
    description:
      - Whether the delegated permissions for Power BI are wanted too, which are C(Dashboard.Read.All),
        C(Dataset.Read.All), C(Dataset.ReadWrite.All), C(Group.Read.All) and C(Report.Read.All).
    type: bool
    default: false
  guest_and_alias_login:
    description:
      - Whether the id token gets the claim C(upn) with C(include_externally_authenticated_upn), which guests and users
        who sign in with an alias need. V(false) leaves the claims as they are.
      - An alias also needs "Email as alternate login ID" in Microsoft Entra, which concerns the whole tenant and is not
        set by this module.
    type: bool
    default: true
  # END shared: sso_app.options
  # BEGIN shared: sso_app.managed (written by "make docs" from docs/shared/sso_app.yml)
  display_name:
    description:
      - The name of the app registration. If not given, a new one is called C(Workspace365 - <environment>), and the
        name of an existing one stays.
    type: str
  owners:
    description:
      - Object ids of users or service principals that are to be owners. Others stay owners.
      - A new app registration is also owned by the application that the task signs in with. At most 19 can be given.
    type: list
    elements: str
  lock_service_principal:
    description:
      - Whether the sensitive properties of the service principal are locked, so that nobody can add a credential to it.
        If not given, a new app registration is locked, and that of an existing one stays as it is.
    type: bool
  consent:
    description:
      - V(union) adds what is wanted to what the organization has consented to. V(exact) also withdraws the other
        scopes. V(none) leaves the consent as it is. Consent of single users is never touched.
    type: str
    choices:
      - union
      - exact
      - none
    default: union
  restore_deleted:
    description:
      - Whether an app registration of this environment that was deleted in the last 30 days is restored, with its
        client id. Otherwise a new one is created, and a warning names the deleted one.
    type: bool
    default: false
  secret:
    description:
      - V(managed) keeps a valid client secret linked to Workspace 365. V(unmanaged) leaves secrets and Workspace 365 as
        they are.
    type: str
    choices:
      - managed
      - unmanaged
    default: managed
  rotate:
    description:
      - V(when_due) makes a new secret when none is linked, when the linked one expires within O(rotate_before) days,
        when an earlier run ended while it wrote one, or when Workspace 365 shows another authority or client id.
      - V(always) makes a new one on every run.
    type: str
    choices:
      - when_due
      - always
    default: when_due
  secret_lifetime:
    description:
      - For how many days a new secret is valid. A policy of the tenant may allow less; RV(shortened_by_policy).
      - It must be at least O(rotate_before) and O(overlap) together.
    type: int
    default: 365
  rotate_before:
    description:
      - How many days before its end a secret is renewed.
    type: int
    default: 30
  overlap:
    description:
      - How many days the former secret stays valid after a new one was linked. A run after that removes it.
    type: int
    default: 7
  link:
    description:
      - Whether the new secret is written to Workspace 365. V(false) needs O(return_secret=true).
    type: bool
    default: true
  return_secret:
    description:
      - Whether the text of a new secret is returned in RV(client_secret), so that another task can store it, such as in
        Azure Key Vault or with C(ansible-vault). Only a task with C(no_log=true) may have it; otherwise it fails before
        anything is written, because Ansible would print the result.
    type: bool
    default: false
  post_check:
    description:
      - V(redirect) opens the sign-in page of the environment after a write, and fails when it sends people to another
        application, host or tenant than the written one, or has them sent back to another address. The former secret
        then stays valid. It does not show the key.
      - Where the page leads is not documented. When it does not lead to Microsoft Entra at once, nothing is proven.
    type: str
    choices:
      - none
      - redirect
    default: none
  replication_timeout:
    description:
      - For how many seconds a run waits until all servers of Microsoft Entra know what it has created. Between two
        reads it waits a second, or a twentieth of this time where that is less.
    type: int
    default: 300
  activation_timeout:
    description:
      - For how many seconds a run waits until Microsoft Entra accepts the new secret. It must be accepted three times
        in a row, with 5 seconds between two requests, or a twentieth of this time where that is less.
    type: int
    default: 180
  # END shared: sso_app.managed
  authority:
    description:
      - The address of the Microsoft tenant that Workspace 365 sends users to, C(https://login.windows.net/<primary domain>).
      - With O(link=true), one of O(authority) and O(primary_domain) is needed, unless O(state=absent).
    type: str
  primary_domain:
    description:
      - The primary domain of the Microsoft tenant. O(authority) is made of it.
    type: str

notes:
  - "Microsoft Graph needs these application permissions, with admin consent: C(Application.ReadWrite.OwnedBy) and
    C(Application.Read.All) for an app registration that the task has created, otherwise C(Application.ReadWrite.All);
    for the consent
    C(DelegatedPermissionGrant.ReadWrite.All) or C(Directory.ReadWrite.All); and, to know the tenant's limits in
    advance, C(Policy.Read.All)."
  - What stays a click in Microsoft Entra is the assignment of users where the enterprise application requires one,
    Conditional Access, and "Email as alternate login ID".
  - The app registration for single sign-on is not the one for SCIM. They are two.
  - A policy of the tenant is never changed. Where it forbids client secrets, an administrator has to exempt the
    application, because Workspace 365 knows no other credential.
  - Do not run two tasks for the same environment at the same time. When it happens, at least one of them fails, and no
    secret that is in use is removed.

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

attributes:
  idempotent:
    support: partial
    details:
      - With O(rotate=always) every run makes a new secret and is reported as changed.

seealso:
  - module: workspace365.provisioning.w365_sso_app_info
  - module: workspace365.provisioning.w365_sso

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Work with the single sign-on of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      instance_url: https://workspace.contoso.com
      provisioning_key: "{{ w365_provisioning_key }}"
      environment: contoso
      entra_tenant: contoso.onmicrosoft.com
      entra_client_id: "{{ automation_client_id }}"
      entra_certificate_path: /etc/w365/automation.pem
  block:
    - name: Create the app registration, consent to it, and link it to Workspace 365
      workspace365.provisioning.w365_sso_app:
        primary_domain: contoso.com

    - name: Show what would be done
      workspace365.provisioning.w365_sso_app:
        primary_domain: contoso.com
      check_mode: true
      diff: true

    - name: Use an app registration that exists, with fewer permissions
      workspace365.provisioning.w365_sso_app:
        primary_domain: contoso.com
        client_id: 9c5b1f5e-0000-4000-8000-000000000365
        scopes:
          - User.Read
          - openid
          - Mail.Send

    - name: Take it down with the environment
      workspace365.provisioning.w365_sso_app:
        state: absent
      register: contoso_gone

    - name: Renew the secret now, and get it for a vault
      workspace365.provisioning.w365_sso_app:
        primary_domain: contoso.com
        rotate: always
        return_secret: true
      no_log: true
      register: contoso_sso_app

    # Any other store is a task of the same form, such as one of a module for Azure Key Vault.
    - name: Keep it in a file that Ansible Vault has encrypted
      ansible.builtin.copy:
        dest: /etc/w365/contoso_sso.yml
        content: "{{ contoso_sso_app.client_secret | ansible.builtin.vault(vault_password) }}"
        mode: "0600"
      no_log: true
      when: contoso_sso_app.client_secret is defined
"""

RETURN = r"""
---
# BEGIN shared: sso_app.returned (written by "make docs" from docs/shared/sso_app.yml)
application:
  description:
    - The app registration as it is now. V(null) when there is none, as in check mode when it would be created.
  type: dict
  returned: success
  contains:
    id:
      description: Object id of the app registration.
      type: str
      returned: always
      sample: 3f0c1d2e-0000-4000-8000-000000000365
    client_id:
      description: Application (client) id.
      type: str
      returned: always
      sample: 9c5b1f5e-0000-4000-8000-000000000365
    display_name:
      description: Its name.
      type: str
      returned: always
      sample: Workspace365 - contoso
    unique_name:
      description: The unique name with which it was created. V(null) for one that was not created by this collection.
      type: str
      returned: always
      sample: w365-sso:workspace.contoso.com:contoso
    created:
      description: When it was created, in UTC.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    redirect_uris:
      description: Where Microsoft Entra sends users back.
      type: list
      elements: str
      returned: always
      sample:
        - https://workspace.contoso.com/contoso/OAuth2/HandleAuthorityResponse
    tags:
      description: Its tags.
      type: list
      elements: str
      returned: always
      sample:
        - w365:sso:workspace.contoso.com:contoso
service_principal:
  description:
    - Its service principal (enterprise application) in the tenant. V(null) when there is none.
  type: dict
  returned: success
  contains:
    id:
      description: Object id of the service principal.
      type: str
      returned: always
      sample: 5a1b2c3d-0000-4000-8000-000000000365
    enabled:
      description: Whether users may sign in with it. V(null) when Microsoft Graph does not say.
      type: bool
      returned: always
      sample: true
    assignment_required:
      description: Whether only assigned users may sign in. V(null) when Microsoft Graph does not say.
      type: bool
      returned: always
      sample: false
consent:
  description:
    - The consent of the organization to each API.
  type: list
  elements: dict
  returned: success
  contains:
    resource:
      description: The API.
      type: str
      returned: always
      sample: Microsoft Graph
    granted:
      description: The delegated permissions that everybody has consented to.
      type: list
      elements: str
      returned: always
      sample:
        - User.Read
        - openid
    missing:
      description: Those that are wanted and not granted.
      type: list
      elements: str
      returned: always
      sample: []
excess_consent:
  description:
    - Delegated permissions that are granted and not wanted. They are only withdrawn with C(consent=exact).
  type: list
  elements: dict
  returned: success
  contains:
    resource:
      description: The API.
      type: str
      returned: always
      sample: Microsoft Graph
    scopes:
      description: The permissions.
      type: list
      elements: str
      returned: always
      sample:
        - Notes.Read
secret:
  description:
    - The client secret that Workspace 365 holds, according to the tag of the app registration. V(null) when none is
      linked.
  type: dict
  returned: success
  contains:
    key_id:
      description: The id of the secret.
      type: str
      returned: always
      sample: 7d8e9f00-0000-4000-8000-000000000365
    name:
      description: Its name, with the time at which it was made.
      type: str
      returned: always
      sample: w365 contoso 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(linked) when Workspace 365 holds it, V(writing) when a run ended while it wrote it so that it is perhaps in
          use, V(former) when it was in use before, V(unused) when it never was, V(foreign) when somebody else made it.
      type: str
      returned: always
      sample: linked
    created:
      description: From when it is valid, in UTC.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    expires:
      description: When it expires, in UTC. V(null) when Microsoft Graph shows no end.
      type: str
      returned: always
      sample: "2027-11-25T23:00:00Z"
secrets:
  description:
    - All client secrets of the app registration, the newest first.
  type: list
  elements: dict
  returned: success
  contains:
    key_id:
      description: The id of the secret.
      type: str
      returned: always
      sample: 7d8e9f00-0000-4000-8000-000000000365
    name:
      description: Its name, with the time at which it was made.
      type: str
      returned: always
      sample: w365 contoso 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(linked) when Workspace 365 holds it, V(writing) when a run ended while it wrote it so that it is perhaps in
          use, V(former) when it was in use before, V(unused) when it never was, V(foreign) when somebody else made it.
      type: str
      returned: always
      sample: linked
    created:
      description: From when it is valid, in UTC.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    expires:
      description: When it expires, in UTC. V(null) when Microsoft Graph shows no end.
      type: str
      returned: always
      sample: "2027-11-25T23:00:00Z"
foreign_secrets:
  description:
    - The number of secrets that somebody else made. They are never touched.
  type: int
  returned: success
  sample: 0
days_left:
  description:
    - For how many days the linked secret is still valid, by the clock of Microsoft Graph. V(null) where none is.
  type: float
  returned: success
  sample: 364.9
# END shared: sso_app.returned
# BEGIN shared: registrations.returned (written by "make docs" from docs/shared/registrations.yml)
rotated:
  description:
    - Whether a new secret was made in this run.
  type: bool
  returned: success
  sample: false
rotation_reason:
  description:
    - Why a new secret was made, or in check mode would be made. V(null) when none was needed.
  type: str
  returned: success
  sample: the secret expires in 12.0 days
shortened_by_policy:
  description:
    - Whether a new secret is valid for less than O(secret_lifetime), because a policy of the tenant does not allow
      more.
  type: bool
  returned: success
  sample: false
client_secret:
  description:
    - The text of the new secret. No other result, message or log holds it.
  type: str
  returned: when a secret was made and O(return_secret=true)
  sample: (a text of 40 characters)
not_proven:
  description:
    - What this run does not prove, in sentences.
  type: list
  elements: str
  returned: success
  sample:
    - "Workspace 365 shows no key: that it has the linked secret is known from the mark in Microsoft Entra only."
# END shared: registrations.returned
# BEGIN shared: report.left_out (written by "make docs" from docs/shared/report.yml)
#   left_out.returned: with O(state=absent)
#   left_out.contains.kind.description: V(application).
#   left_out.contains.kind.sample: application
#   left_out.contains.name.description: The name of the app registration.
#   left_out.contains.name.sample: Workspace365 - contoso
#   left_out.contains.reason.sample: also has the tag w365:sso:workspace.contoso.com:fabrikam, so something else uses it
left_out:
  description:
    - The objects that were left out, each with its reason, and those that a guard kept.
  type: list
  elements: dict
  returned: with O(state=absent)
  contains:
    kind:
      description: V(application).
      type: str
      returned: always
      sample: application
    name:
      description: The name of the app registration.
      type: str
      returned: always
      sample: Workspace365 - contoso
    reason:
      description: Why it was left out, as the end of a sentence that begins with the name.
      type: str
      returned: always
      sample: also has the tag w365:sso:workspace.contoso.com:fabrikam, so something else uses it
# END shared: report.left_out
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {secret_create: 1, sso_write: 1, secret_link: 1, unchanged: 2, left_out: 0}
#   without: [scim_url.version_added, results.contains.not_kept]
#   results.contains.kind.sample: secret
#   results.contains.name.sample: w365 contoso
#   results.contains.action.sample: create
#   results.contains.changes.sample:
#     scopes: [User.Read, openid]
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
    secret_create: 1
    sso_write: 1
    secret_link: 1
    unchanged: 2
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
      sample: secret
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: w365 contoso
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: create
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
        scopes:
          - User.Read
          - openid
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso_app import (
    SsoAppTask,
    run_sso_app,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "check_others": {"type": "bool", "default": True},
    "client_id": {"type": "str"},
    "display_name": {"type": "str"},
    "redirect_hosts": {"type": "list", "elements": "str"},
    "scopes": {"type": "list", "elements": "str"},
    "power_bi": {"type": "bool", "default": False},
    "guest_and_alias_login": {"type": "bool", "default": True},
    "owners": {"type": "list", "elements": "str"},
    "lock_service_principal": {"type": "bool"},
    "consent": {"type": "str", "choices": ["union", "exact", "none"], "default": "union"},
    "restore_deleted": {"type": "bool", "default": False},
    # What is done about secrets, and no secret.
    "secret": {"type": "str", "choices": ["managed", "unmanaged"], "default": "managed", "no_log": False},
    "rotate": {"type": "str", "choices": ["when_due", "always"], "default": "when_due"},
    "secret_lifetime": {"type": "int", "default": 365, "no_log": False},
    "rotate_before": {"type": "int", "default": 30},
    "overlap": {"type": "int", "default": 7},
    "link": {"type": "bool", "default": True},
    "return_secret": {"type": "bool", "default": False, "no_log": False},
    "authority": {"type": "str"},
    "primary_domain": {"type": "str"},
    "post_check": {"type": "str", "choices": ["none", "redirect"], "default": "none"},
    "replication_timeout": {"type": "int", "default": 300},
    "activation_timeout": {"type": "int", "default": 180},
}

RULES: dict[str, Any] = {"mutually_exclusive": [("authority", "primary_domain")]}

KIND = SsoAppTask

run = run_sso_app


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
