#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_import_app_info
short_description: Read the app registration with which the import reads a Microsoft tenant
version_added: 1.1.0
description:
  - Returns the app registration in Microsoft Entra with which M(workspace365.provisioning.w365_o365_import) reads users and
    groups, with its service principal, its application permissions, its certificates, federated credentials and client
    secrets with the day on which each expires, and what M(workspace365.provisioning.w365_import_app) with the same
    options would change (RV(drift)).
  - It finds the app registration as M(workspace365.provisioning.w365_import_app) does.
  - Nothing but Microsoft Graph is read, so it makes no difference which endpoints the server has.

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

notes:
  - "Microsoft Graph needs the application permission C(Application.Read.All), with admin consent."

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

seealso:
  - module: workspace365.provisioning.w365_import_app
  - module: workspace365.provisioning.w365_o365_import_info

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the application of the import
  workspace365.provisioning.w365_import_app_info:
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ automation_client_id }}"
    entra_certificate_path: /etc/w365/automation.pem
    certificate_path: /etc/w365/import.crt
  register: import_app

- name: Fail when the import will soon no longer be able to sign in
  ansible.builtin.assert:
    that:
      - import_app.certificate is not none
      - import_app.certificate.days_left > 30
      - import_app.drift == []
    fail_msg: "The import differs in {{ import_app.drift }}; its certificate: {{ import_app.certificate }}."
"""

RETURN = r"""
---
found:
  description:
    - Whether the tenant has the app registration, or with O(registered_in=other_tenant) its service principal.
  type: bool
  returned: success
  sample: true
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
# BEGIN shared: import_app.deleted (written by "make docs" from docs/shared/import_app.yml)
deleted_application:
  description:
    - The app registration of this import that was deleted and can still be restored. V(null) when there is none.
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
# END shared: import_app.deleted
drift:
  description:
    - What differs from what is wanted, each by its name, such as properties as Microsoft Graph calls them, and permissions
      that are missing. V(application) stands for an app registration that does not exist.
  type: list
  elements: str
  returned: success
  sample:
    - permission User.Read.All
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.import_app import ImportAppTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.import_app_info import (
    run_import_app_info,
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
}

RULES: dict[str, Any] = {}

KIND = ImportAppTask

run = run_import_app_info


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
