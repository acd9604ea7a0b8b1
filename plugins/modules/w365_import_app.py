#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_import_app
short_description: Manage the app registration with which the import reads a Microsoft tenant
version_added: 1.1.0
description:
  - Creates or adopts the app registration in Microsoft Entra with which M(workspace365.provisioning.w365_o365_import)
    reads users and groups, with its service principal, its application permissions with the consent of an
    administrator, and its credential, which is a certificate, a federated credential or, when you ask for it, a client
    secret.
  - "The application belongs to the Microsoft tenant and not to an environment, so one is enough for all environments that
    are filled from the tenant. An existing app registration is found in this order: by O(client_id), by the unique name
    C(w365-import:<name>), by the tag C(w365:import:<name>). More than one candidate is an error. One that is adopted gets
    the tag."
  - Tags, owners, permissions and certificates are added to those that exist, and never replaced. Certificates, federated
    credentials and secrets of others are never touched; RV(foreign_certificates) and RV(foreign_secrets) count them.
  - A certificate is renewed by giving another file in O(certificate_path). The new one is added, and the former one is
    removed by a run that is later than O(overlap) days, when this module had added it. Every step can be repeated, so a
    run that was ended at any point is completed by the next one.
  - With O(registered_in=other_tenant), an application of another tenant gets a service principal and its permissions in
    this one. So one multi-tenant application, with one credential, can read the tenants of many customers.
  - It uses Microsoft Graph alone, so it makes no difference which endpoints the server has.

options:
  # BEGIN shared: import_app.options (written by "make docs" from docs/shared/import_app.yml)
  name:
    description:
      - Tells several import applications of one tenant apart, with letters, digits and hyphens. One is enough for all
        environments that are filled from the tenant.
    type: str
    default: default
  client_id:
    description:
      - Application (client) id of an existing app registration that is to be used.
    type: str
  registered_in:
    description:
      - V(this_tenant) manages the app registration in O(entra_tenant).
      - V(other_tenant) is for an application that is registered in another tenant with
        C(sign_in_audience=AzureADMultipleOrgs). In O(entra_tenant) it gets a service principal and the permissions, and
        no credential. It needs O(client_id) and O(owner_tenant).
    type: str
    choices:
      - this_tenant
      - other_tenant
    default: this_tenant
  owner_tenant:
    description:
      - With O(registered_in=other_tenant), the id (a GUID) of the tenant in which the application is registered. An
        application of any other tenant is refused, so that a wrong O(client_id) gives nothing to a stranger.
    type: str
  permissions:
    description:
      - The application permissions of Microsoft Graph that the import needs. If not given, the least that an import of
        users, groups and domains needs, which are C(User.Read.All), C(GroupMember.Read.All) and
        C(Organization.Read.All).
      - Add C(RoleManagement.Read.Directory) for C(administrators_from=entra) of
        M(workspace365.provisioning.w365_o365_import), and C(Member.Read.Hidden) for groups that hide their members.
      - A name that Microsoft Graph does not offer is an error before anything is written.
    type: list
    elements: str
  certificate_path:
    description:
      - A file with the certificate that the import signs in with, in PEM or DER form, without its private key. A file
        that holds a private key is refused before any request.
      - You make the certificate, with an RSA key of 2048 bits or more. Microsoft documents at most one year for it.
      - It is added to the certificates that the application has. The next run finds it by its thumbprint.
    type: path
  federated_credentials:
    description:
      - Other issuers whose tokens Microsoft Entra accepts instead of a secret, such as those of a Kubernetes cluster or
        of a CI service. Each is found by its name, and changed where it differs. Others are never removed.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Its name in the application, with letters, digits, hyphens and underscores.
        type: str
        required: true
      issuer:
        description:
          - The address of the issuer, as in the claim C(iss) of its tokens.
        type: str
        required: true
      subject:
        description:
          - Whom the tokens are about, as in their claim C(sub).
        type: str
        required: true
      audience:
        description:
          - For whom the tokens are, as in their claim C(aud).
        type: str
        default: api://AzureADTokenExchange
      description:
        description:
          - A text about it. If not given, that of an existing one stays.
        type: str
  # END shared: import_app.options
  display_name:
    description:
      - The name of the app registration. If not given, a new one is called C(Workspace 365 import - <name>), and the name
        of an existing one stays.
    type: str
  sign_in_audience:
    description:
      - V(AzureADMyOrg) lets only this tenant use the application. V(AzureADMultipleOrgs) lets other tenants use it too,
        once an administrator there has agreed; see O(registered_in).
      - If not given, a new one is for this tenant, and that of an existing one stays.
    type: str
    choices:
      - AzureADMyOrg
      - AzureADMultipleOrgs
  # BEGIN shared: registrations.owners (written by "make docs" from docs/shared/registrations.yml)
  owners:
    description:
      - Object ids of users or service principals that are to be owners. Others stay owners.
      - A new app registration is also owned by the application that the task signs in with. At most 19 can be given.
    type: list
    elements: str
  # END shared: registrations.owners
  lock_service_principal:
    description:
      - Whether the sensitive properties of the service principal are locked, so that nobody can add a credential to it,
        in other tenants too. If not given, a new app registration is locked, and that of an existing one stays as it
        is.
    type: bool
  consent:
    description:
      - V(union) grants what is wanted and missing. V(exact) also withdraws the application permissions of Microsoft Graph
        that are not in O(permissions); those of other APIs and delegated permissions stay. V(none) grants and withdraws
        nothing; an administrator can then consent at RV(admin_consent_url).
    type: str
    choices:
      - union
      - exact
      - none
    default: union
  restore_deleted:
    description:
      - Whether an app registration of this import that was deleted in the last 30 days is restored, with its client id.
        Otherwise a new one is created, and a warning names the deleted one.
    type: bool
    default: false
  overlap:
    description:
      - How many days the former certificate or client secret stays valid after a new one was added. A run after that
        removes it.
    type: int
    default: 7
  expiry_warning:
    description:
      - How many days before its end a warning says that the certificate expires.
    type: int
    default: 30
  unreadable_keys:
    description:
      - What to do when the application holds keys of somebody else whose content Microsoft Graph does not show, and a
        certificate is to be added or removed. All of them are written together, and Microsoft documents writing them
        back with their content.
      - V(refuse) fails before anything is written. V(keep) writes them back by their ids alone, as other tools do.
    type: str
    choices:
      - refuse
      - keep
    default: refuse
  secret:
    description:
      - V(managed) keeps a valid client secret, and needs O(return_secret=true). A certificate or a federated credential is
        better, because nothing has to be kept secret on the way. V(unmanaged) leaves secrets as they are.
    type: str
    choices:
      - managed
      - unmanaged
    default: unmanaged
  rotate:
    description:
      - V(when_due) makes a new secret when this module has made none, when it expires within O(rotate_before) days, or
        when an earlier run ended while it made one.
      - V(always) makes a new one on every run. Use it once when the text of the last one was lost.
    type: str
    choices:
      - when_due
      - always
    default: when_due
  # BEGIN shared: registrations.lifetime (written by "make docs" from docs/shared/registrations.yml)
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
  # END shared: registrations.lifetime
  # BEGIN shared: registrations.returning (written by "make docs" from docs/shared/registrations.yml)
  return_secret:
    description:
      - Whether the text of a new secret is returned in RV(client_secret), so that another task can store it, such as in
        Azure Key Vault or with C(ansible-vault). Only a task with C(no_log=true) may have it; otherwise it fails before
        anything is written, because Ansible would print the result.
    type: bool
    default: false
  # END shared: registrations.returning
  # BEGIN shared: registrations.waiting (written by "make docs" from docs/shared/registrations.yml)
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
  # END shared: registrations.waiting

notes:
  - "Microsoft Graph needs these application permissions, with admin consent: C(Application.ReadWrite.OwnedBy) for an
    app registration that the task has created, otherwise C(Application.ReadWrite.All), also with
    O(registered_in=other_tenant); and for granting C(AppRoleAssignment.ReadWrite.All) together with
    C(Application.Read.All). Without the last two, give O(consent=none)."
  - C(AppRoleAssignment.ReadWrite.All) lets its holder grant any permission. Give it to few applications.
  - Making the certificate stays with you, so that its private key never leaves the machine of the import.
  - O(entra_client_id) and its credential are those of the application that this task signs in with. It is another one than
    the application that it manages.
  - Do not run two tasks for the same application at the same time. Microsoft Graph writes all certificates of an application
    together, so that each could remove what the other one has just added.

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

attributes:
  idempotent:
    support: partial
    details:
      - With O(rotate=always) every run is reported as changed, because it makes a new secret.

seealso:
  - module: workspace365.provisioning.w365_import_app_info
  - module: workspace365.provisioning.w365_o365_import
  - module: workspace365.provisioning.w365_sso_app

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Work with the import application of one tenant
  module_defaults:
    group/workspace365.provisioning.w365:
      entra_tenant: contoso.onmicrosoft.com
      entra_client_id: "{{ automation_client_id }}"
      entra_certificate_path: /etc/w365/automation.pem
  block:
    - name: Create the application, consent to its permissions, and let a certificate sign in
      workspace365.provisioning.w365_import_app:
        certificate_path: /etc/w365/import.crt
      register: import_app

    - name: Show what would be done
      workspace365.provisioning.w365_import_app:
        certificate_path: /etc/w365/import.crt
      check_mode: true
      diff: true

    - name: Import administrators too, and let a CI service sign in without any secret
      workspace365.provisioning.w365_import_app:
        permissions:
          - User.Read.All
          - GroupMember.Read.All
          - Organization.Read.All
          - RoleManagement.Read.Directory
        federated_credentials:
          - name: nightly-import
            issuer: https://token.actions.githubusercontent.com
            subject: repo:contoso/automation:ref:refs/heads/main

    - name: Register one application for many customers, in the tenant of the service provider
      workspace365.provisioning.w365_import_app:
        name: customers
        sign_in_audience: AzureADMultipleOrgs
        certificate_path: /etc/w365/import.crt
      register: fleet_app

- name: Let that application read the tenant of one customer
  workspace365.provisioning.w365_import_app:
    entra_tenant: fabrikam.onmicrosoft.com
    entra_client_id: "{{ fabrikam_automation_client_id }}"
    entra_certificate_path: /etc/w365/automation.pem
    registered_in: other_tenant
    client_id: "{{ fleet_app.application.client_id }}"
    owner_tenant: 2b3c4d5e-0000-4000-8000-000000000365
"""

RETURN = r"""
---
# BEGIN shared: import_app.returned (written by "make docs" from docs/shared/import_app.yml)
application:
  description:
    - The app registration as it is now. V(null) when there is none, as in check mode when it would be created, and with
      O(registered_in=other_tenant).
  type: dict
  returned: success
  contains:
    id:
      description: Object id of the app registration.
      type: str
      returned: always
      sample: 3f0c1d2e-0000-4000-8000-000000000365
    client_id:
      description: Application (client) id, which is C(entra_client_id) of the import.
      type: str
      returned: always
      sample: 9c5b1f5e-0000-4000-8000-000000000365
    display_name:
      description: Its name.
      type: str
      returned: always
      sample: Workspace 365 import - default
    unique_name:
      description: The unique name with which it was created. V(null) for one that was not created by this collection.
      type: str
      returned: always
      sample: w365-import:default
    sign_in_audience:
      description: V(AzureADMyOrg) for one tenant, V(AzureADMultipleOrgs) for many. V(null) when Graph does not say.
      type: str
      returned: always
      sample: AzureADMyOrg
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
        - w365:import:default
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
      description: Whether it gets tokens. V(null) when Microsoft Graph does not say.
      type: bool
      returned: always
      sample: true
    assignment_required:
      description: Whether only those who are assigned may sign in. V(null) when Microsoft Graph does not say.
      type: bool
      returned: always
      sample: false
    owner_tenant:
      description: The tenant in which the application is registered. V(null) when Microsoft Graph does not say.
      type: str
      returned: always
      sample: 2b3c4d5e-0000-4000-8000-000000000365
permissions:
  description:
    - The application permissions of Microsoft Graph.
  type: dict
  returned: success
  contains:
    granted:
      description: Those that the application has in this tenant.
      type: list
      elements: str
      returned: always
      sample:
        - GroupMember.Read.All
        - User.Read.All
    missing:
      description: Those that are wanted and not granted.
      type: list
      elements: str
      returned: always
      sample: []
excess_permissions:
  description:
    - Application permissions of Microsoft Graph that are granted and not wanted. They are only withdrawn with
      C(consent=exact).
  type: list
  elements: str
  returned: success
  sample:
    - Directory.Read.All
admin_consent_url:
  description:
    - The address at which an administrator of the tenant can consent to what the application asks for. V(null) while
      there is no application.
  type: str
  returned: success
  sample: https://login.microsoftonline.com/contoso.com/adminconsent?client_id=9c5b1f5e-0000-4000-8000-000000000365
certificate:
  description:
    - The certificate of O(certificate_path), or without it the newest that this module has added. V(null) when the
      application has none of them.
  type: dict
  returned: success
  contains:
    key_id:
      description: Its id in the application.
      type: str
      returned: always
      sample: 7d8e9f00-0000-4000-8000-000000000365
    name:
      description: Its name, with the time at which it was added when this module did. V(null) when it has none.
      type: str
      returned: always
      sample: w365 import:default 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(current) for that of O(certificate_path), V(former) for one that this module added before it, V(newer) for
          one that it added after it, V(foreign) for one of somebody else.
      type: str
      returned: always
      sample: current
    thumbprint:
      description: The SHA-1 of the certificate, as Microsoft Entra shows it. V(null) for a key that is none.
      type: str
      returned: always
      sample: 5A126608ED1A1366F714A4A62B7015F3262840F1
    starts:
      description: From when it is valid, in UTC. V(null) when Microsoft Graph does not say.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    expires:
      description: When it expires, in UTC. V(null) when Microsoft Graph does not say.
      type: str
      returned: always
      sample: "2027-11-25T23:00:00Z"
    days_left:
      description: For how many days it is still valid. V(null) when Microsoft Graph does not say.
      type: float
      returned: always
      sample: 364.9
certificates:
  description:
    - All certificates and keys of the app registration, the newest first.
  type: list
  elements: dict
  returned: success
  contains:
    key_id:
      description: Its id in the application.
      type: str
      returned: always
      sample: 7d8e9f00-0000-4000-8000-000000000365
    name:
      description: Its name, with the time at which it was added when this module did. V(null) when it has none.
      type: str
      returned: always
      sample: w365 import:default 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(current) for that of O(certificate_path), V(former) for one that this module added before it, V(newer) for
          one that it added after it, V(foreign) for one of somebody else.
      type: str
      returned: always
      sample: current
    thumbprint:
      description: The SHA-1 of the certificate, as Microsoft Entra shows it. V(null) for a key that is none.
      type: str
      returned: always
      sample: 5A126608ED1A1366F714A4A62B7015F3262840F1
    starts:
      description: From when it is valid, in UTC. V(null) when Microsoft Graph does not say.
      type: str
      returned: always
      sample: "2026-11-25T23:00:00Z"
    expires:
      description: When it expires, in UTC. V(null) when Microsoft Graph does not say.
      type: str
      returned: always
      sample: "2027-11-25T23:00:00Z"
    days_left:
      description: For how many days it is still valid. V(null) when Microsoft Graph does not say.
      type: float
      returned: always
      sample: 364.9
foreign_certificates:
  description:
    - The number of certificates and keys that somebody else added. They are never removed.
  type: int
  returned: success
  sample: 0
federated_credentials:
  description:
    - All federated credentials of the app registration.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      returned: always
      sample: nightly-import
    issuer:
      description: The issuer of the tokens.
      type: str
      returned: always
      sample: https://token.actions.githubusercontent.com
    subject:
      description: Whom the tokens are about.
      type: str
      returned: always
      sample: repo:contoso/automation:ref:refs/heads/main
    audience:
      description: For whom the tokens are.
      type: str
      returned: always
      sample: api://AzureADTokenExchange
    description:
      description: A text about it. V(null) when it has none.
      type: str
      returned: always
      sample: The nightly import
secret:
  description:
    - The client secret that this module made last and returned. V(null) when there is none.
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
      sample: w365 import:default 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(linked) for the one that was returned last, V(writing) when a run ended while it returned it, V(former) for
          one that was returned before, V(unused) for one that was never returned, V(foreign) when somebody else made
          it.
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
      sample: w365 import:default 2026-11-25T23:00:00Z 0a1b2c
    state:
      description:
        - V(linked) for the one that was returned last, V(writing) when a run ended while it returned it, V(former) for
          one that was returned before, V(unused) for one that was never returned, V(foreign) when somebody else made
          it.
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
    - The number of client secrets that somebody else made. They are never touched.
  type: int
  returned: success
  sample: 0
days_left:
  description:
    - For how many days RV(secret) is still valid, by the clock of Microsoft Graph. V(null) where there is none.
  type: float
  returned: success
  sample: 364.9
# END shared: import_app.returned
client_id:
  description:
    - Application (client) id, which is C(entra_client_id) of the import. V(null) in check mode when the application would
      be created.
  type: str
  returned: success
  sample: 9c5b1f5e-0000-4000-8000-000000000365
# BEGIN shared: registrations.returned (written by "make docs" from docs/shared/registrations.yml)
#   not_proven.sample:
#     - Microsoft Entra needs some minutes until a new permission is in the tokens of the application.
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
    - Microsoft Entra needs some minutes until a new permission is in the tokens of the application.
# END shared: registrations.returned
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {application_create: 1, certificate_add: 1, permission_grant: 3, unchanged: 0, left_out: 0}
#   without: [scim_url.version_added, results.contains.not_kept]
#   results.contains.kind.sample: permission
#   results.contains.name.sample: User.Read.All
#   results.contains.action.sample: grant
#   results.contains.changes.sample:
#     tags: ["w365:import:default"]
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
    certificate_add: 1
    permission_grant: 3
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
      sample: permission
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: User.Read.All
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
        tags:
          - w365:import:default
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.import_app import (
    ImportAppTask,
    run_import_app,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "name": {"type": "str", "default": "default"},
    "client_id": {"type": "str"},
    "registered_in": {"type": "str", "choices": ["this_tenant", "other_tenant"], "default": "this_tenant"},
    "owner_tenant": {"type": "str"},
    "permissions": {"type": "list", "elements": "str"},
    "certificate_path": {"type": "path"},
    "federated_credentials": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "issuer": {"type": "str", "required": True},
            "subject": {"type": "str", "required": True},
            "audience": {"type": "str", "default": "api://AzureADTokenExchange"},
            "description": {"type": "str"},
        },
    },
    "display_name": {"type": "str"},
    "sign_in_audience": {"type": "str", "choices": ["AzureADMyOrg", "AzureADMultipleOrgs"]},
    "owners": {"type": "list", "elements": "str"},
    "lock_service_principal": {"type": "bool"},
    "consent": {"type": "str", "choices": ["union", "exact", "none"], "default": "union"},
    "restore_deleted": {"type": "bool", "default": False},
    "overlap": {"type": "int", "default": 7},
    "expiry_warning": {"type": "int", "default": 30},
    # What is done about keys and secrets, and none of them.
    "unreadable_keys": {"type": "str", "choices": ["refuse", "keep"], "default": "refuse", "no_log": False},
    "secret": {"type": "str", "choices": ["managed", "unmanaged"], "default": "unmanaged", "no_log": False},
    "rotate": {"type": "str", "choices": ["when_due", "always"], "default": "when_due"},
    "secret_lifetime": {"type": "int", "default": 365, "no_log": False},
    "rotate_before": {"type": "int", "default": 30},
    "return_secret": {"type": "bool", "default": False, "no_log": False},
    "replication_timeout": {"type": "int", "default": 300},
    "activation_timeout": {"type": "int", "default": 180},
}

RULES: dict[str, Any] = {}

KIND = ImportAppTask

run = run_import_app


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
