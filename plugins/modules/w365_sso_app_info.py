#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_sso_app_info
short_description: Read the app registration with which users sign in to a Workspace 365 environment
version_added: 1.1.0
description:
  - Returns the app registration in Microsoft Entra with which users sign in to one environment, with its service
    principal, the consent of the organization, its client secrets with the day on which the linked one expires, and
    what M(workspace365.provisioning.w365_sso_app) with the same options would change (RV(drift)).
  - "What Workspace 365 holds is read with C(GET /{EnvironmentName}/SingleSignOnSettings/OAuth2), which the vendor has not
    documented. A server that has only the documented endpoints does not show it; RV(readable) is V(false) then."
  - It finds the app registration as M(workspace365.provisioning.w365_sso_app) does.
  - O(provisioning_key) is only needed to know what Workspace 365 holds.

options:
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

notes:
  - "Microsoft Graph needs these application permissions, with admin consent: C(Application.Read.All), and for the consent
    C(Directory.Read.All). With C(Policy.Read.All) it also returns what the tenant allows of client secrets."

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

seealso:
  - module: workspace365.provisioning.w365_sso_app
  - module: workspace365.provisioning.w365_sso_info

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the app registration
  workspace365.provisioning.w365_sso_app_info:
    instance_url: https://workspace.contoso.com
    environment: contoso
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ automation_client_id }}"
    entra_certificate_path: /etc/w365/automation.pem
  register: contoso_app

- name: Fail when users will soon no longer be able to sign in
  ansible.builtin.assert:
    that:
      - contoso_app.secret is not none
      - contoso_app.days_left > 14
      - contoso_app.drift == []
    fail_msg: "Contoso's secret is valid for {{ contoso_app.days_left }} days; it differs in {{ contoso_app.drift }}."
"""

RETURN = r"""
---
found:
  description:
    - Whether the tenant has the app registration.
  type: bool
  returned: success
  sample: true
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
# BEGIN shared: sso_app.deleted (written by "make docs" from docs/shared/sso_app.yml)
deleted_application:
  description:
    - The app registration of this environment that was deleted and can still be restored. V(null) when there is none.
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
# END shared: sso_app.deleted
policy:
  description:
    - What the tenant allows of the client secrets of this app registration.
  type: dict
  returned: success
  contains:
    readable:
      description: Whether the policy could be read.
      type: bool
      returned: always
      sample: true
    secrets_allowed:
      description: Whether client secrets may be added. V(null) when that is not known.
      type: bool
      returned: always
      sample: true
    longest_days:
      description: For how many days a secret may be valid at most. V(null) when there is no limit, or it is not known.
      type: float
      returned: always
      sample: 180.0
sso:
  description:
    - What Workspace 365 shows of its single sign-on. V(null) when it shows nothing.
  type: dict
  returned: success
  # BEGIN shared: settings.sso (written by "make docs" from docs/shared/settings.yml)
  contains:
    authority:
      description: The address of the Microsoft tenant for signing in.
      type: str
      returned: always
      sample: https://login.windows.net/contoso.com
    client_id:
      description: Application (client) id of the app registration.
      type: str
      returned: always
      sample: 9c5b1f5e-0000-4000-8000-000000000365
  sample:
    authority: https://login.windows.net/contoso.com
    client_id: 9c5b1f5e-0000-4000-8000-000000000365
  # END shared: settings.sso
readable:
  description:
    - Whether the server can show it.
  type: bool
  returned: success
  sample: true
linked:
  description:
    - Whether Workspace 365 shows the client id of this app registration. V(null) when that is not known.
  type: bool
  returned: success
  sample: true
drift:
  description:
    - What differs from what the options ask for. V(application) when there is no app registration, otherwise the names
      of properties as Microsoft Graph calls them, and C(consent), the API and the permission for each missing one.
  type: list
  elements: str
  returned: success
  sample:
    - web
    - consent Microsoft Graph Mail.Send
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso_app import SsoAppTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso_app_info import run_sso_app_info

ARGUMENT_SPEC: dict[str, Any] = {
    "client_id": {"type": "str"},
    "redirect_hosts": {"type": "list", "elements": "str"},
    "scopes": {"type": "list", "elements": "str"},
    "power_bi": {"type": "bool", "default": False},
    "guest_and_alias_login": {"type": "bool", "default": True},
}

RULES: dict[str, Any] = {}

KIND = SsoAppTask

run = run_sso_app_info


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
