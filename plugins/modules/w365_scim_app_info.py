#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_scim_app_info
short_description: Read the application with which Microsoft Entra provisions users to Workspace 365 over SCIM
version_added: 1.1.0
description:
  - Returns the enterprise application in Microsoft Entra that sends users and groups to the SCIM service of one
    environment, with the state of its provisioning job in words, its settings, its assignments, the removals that it
    holds back, and its attribute mappings with what would not work with them.
  - It finds the application as M(workspace365.provisioning.w365_scim_app) does. O(scim_url) is only needed without
    O(environment), and O(scim_token) never.
  - It only reads Microsoft Graph, so it does not matter which endpoints the server has.

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
  check_credentials:
    description:
      - Whether Microsoft Entra tries the saved token (RV(credentials_valid)). It asks the SCIM service for a user that
        does not exist.
    type: bool
    default: true
  replication_timeout:
    description:
      - For how many seconds it waits for an application that was created within this time, and that not all servers of
        Microsoft Entra know yet.
    type: int
    default: 300

notes:
  - "Microsoft Graph needs these application permissions, with admin consent: C(Application.Read.All) and
    C(Synchronization.ReadWrite.All) (or C(Application.ReadWrite.OwnedBy) for one that it owns), and to know which removals are held back C(AuditLog.Read.All)."

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

seealso:
  - module: workspace365.provisioning.w365_scim_app

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the SCIM application
  workspace365.provisioning.w365_scim_app_info:
    environment: contoso
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ automation_client_id }}"
    entra_certificate_path: /etc/w365/automation.pem
  register: contoso_scim

- name: Fail when users are not provisioned
  ansible.builtin.assert:
    that:
      - contoso_scim.found
      - contoso_scim.job.status == 'Active'
      - contoso_scim.credentials_valid
      - contoso_scim.mapping_problems == []
    fail_msg: "The provisioning job of Contoso is {{ contoso_scim.job.words | default('missing') }}."
"""

RETURN = r"""
---
found:
  description:
    - Whether the tenant has the application.
  type: bool
  returned: success
  sample: true
# BEGIN shared: scim_app.returned_info (written by "make docs" from docs/shared/scim_app.yml)
application:
  description:
    - The application. V(null) when there is none.
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
  returned: success
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
# END shared: scim_app.returned_info
credentials_valid:
  description:
    - Whether the SCIM service accepts the saved token. V(null) when it was not tried, or none is saved.
  type: bool
  returned: success
  sample: true
credentials_message:
  description:
    - Why the saved token is not accepted, in Microsoft Entra's words. V(null) when it is, and when it was not tried.
  type: str
  returned: success
  sample: null
mappings:
  description:
    - The attribute mappings of the job.
  type: list
  elements: dict
  returned: success
  contains:
    object:
      description: V(User) or V(Group), the kind of object in Microsoft Entra.
      type: str
      returned: always
      sample: User
    source:
      description: The expression in Microsoft Entra.
      type: str
      returned: always
      sample: "[userPrincipalName]"
    target:
      description: The attribute of SCIM.
      type: str
      returned: always
      sample: userName
    matching:
      description: Whether existing objects are found by it.
      type: bool
      returned: always
      sample: true
mapping_problems:
  description:
    - What would not work with these mappings, in sentences.
  type: list
  elements: str
  returned: success
  sample: []
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.scim_app import ScimAppTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.scim_app_info import (
    run_scim_app_info,
)

ARGUMENT_SPEC: dict[str, Any] = {
    "service_principal_id": {"type": "str"},
    "display_name": {"type": "str"},
    "check_credentials": {"type": "bool", "default": True},
    "replication_timeout": {"type": "int", "default": 300},
}

RULES: dict[str, Any] = {}

KIND = ScimAppTask

run = run_scim_app_info


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
