#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_o365_import_info
short_description: Read which users and groups of Microsoft Entra an import would be about
version_added: 1.0.0
description:
  - Returns the users and groups that M(workspace365.provisioning.w365_o365_import) would import with the same scope,
    and what it would leave out.
  - "It only reads Microsoft Graph: C(GET /users), C(GET /groups), C(GET /groups/{id}), C(GET /groups/{id}/members)
    and C(GET /organization). It does not connect to Workspace 365, so its connection options are not needed, and it
    makes no difference which endpoints the server has."

options: {}

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.entra.import_scope

seealso:
  - module: workspace365.provisioning.w365_o365_import
  - module: workspace365.provisioning.w365_import_app
  # BEGIN shared: seealso.import (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: Import users from Office 365 groups"
    description: The vendor's documentation of the import that an administrator starts by hand.
    link: https://support.workspace365.net/hc/en-us/articles/115004772153
  # END shared: seealso.import

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read what the tenant has to import
  workspace365.provisioning.w365_o365_import_info:
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ contoso_entra_client_id }}"
    entra_client_secret: "{{ contoso_entra_client_secret }}"
    everything: true
  register: tenant

- name: Show how many there are
  ansible.builtin.debug:
    msg: "{{ tenant.users | length }} users and {{ tenant.groups | length }} groups"

- name: Read one group and one domain, with the managed identity of the machine
  workspace365.provisioning.w365_o365_import_info:
    entra_tenant: contoso.onmicrosoft.com
    entra_managed_identity: system
    groups:
      - Sales
    domains:
      - contoso.com
    include_guests: false
"""

RETURN = r"""
---
users:
  description:
    - The users that would be imported, sorted by UPN.
  type: list
  elements: dict
  returned: success
  # BEGIN shared: user.imported_list (written by "make docs" from docs/shared/user.yml)
  contains:
    upn:
      description: The user principal name.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    first_name:
      description: First name.
      type: str
      returned: always
      sample: Adele
    last_name:
      description: Last name.
      type: str
      returned: always
      sample: Vance
    email:
      description: E-mail address, or V(null) when Microsoft Entra has none.
      type: str
      returned: always
      sample: adele.vance@contoso.com
    external_id:
      description: The object id in Microsoft Entra.
      type: str
      returned: always
      sample: 3f1c6c0e-0000-4000-8000-000000000001
    display_name:
      description: The name that is shown for the user.
      version_added: 1.1.0
      type: str
      returned: when attribute_map names it
      sample: Adele Vance
    job_title:
      description: Job title.
      version_added: 1.1.0
      type: str
      returned: when attribute_map names it
      sample: Product Marketing Manager
    department:
      description: Department.
      version_added: 1.1.0
      type: str
      returned: when attribute_map names it
      sample: Marketing
    phone:
      description: Business telephone number.
      version_added: 1.1.0
      type: str
      returned: when attribute_map names it
      sample: +1 425 555 0109
    preferred_language:
      description: Preferred language.
      version_added: 1.1.0
      type: str
      returned: when attribute_map names it
      sample: en-US
  sample:
    - upn: adele.vance@contoso.com
      first_name: Adele
      last_name: Vance
      email: adele.vance@contoso.com
      external_id: 3f1c6c0e-0000-4000-8000-000000000001
      display_name: Adele Vance
      job_title: Product Marketing Manager
      department: Marketing
      phone: +1 425 555 0109
      preferred_language: en-US
  # END shared: user.imported_list
groups:
  description:
    - The groups that would be imported, sorted by name. Empty with O(include_groups=false).
  type: list
  elements: dict
  returned: success
  # BEGIN shared: group.imported_list (written by "make docs" from docs/shared/group.yml)
  contains:
    name:
      description: Display name of the group.
      type: str
      returned: always
      sample: Sales
    external_id:
      description: The object id in Microsoft Entra.
      type: str
      returned: always
      sample: 3f1c6c0e-0000-4000-8000-000000000101
    members:
      description: The UPNs of those of its members that would be imported, in lowercase and sorted.
      type: list
      elements: str
      returned: always
      sample:
        - adele.vance@contoso.com
  sample:
    - name: Sales
      external_id: 3f1c6c0e-0000-4000-8000-000000000101
      members:
        - adele.vance@contoso.com
  # END shared: group.imported_list
# BEGIN shared: report.left_out (written by "make docs" from docs/shared/report.yml)
#   left_out.description: ["The objects of the scope that would be left out, each with its reason."]
left_out:
  description:
    - The objects of the scope that would be left out, each with its reason.
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
# END shared: report.left_out
# BEGIN shared: concurrency.returned (written by "make docs" from docs/shared/concurrency.yml)
#   concurrency.returned: success
concurrency:
  description:
    - How many requests were in progress at the same time, and how often the server asked for fewer.
  version_added: 1.1.0
  type: dict
  returned: success
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

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.importer import (
    desired_from_entra,
    read_full,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.bulk_options import (
    IMPORT_SCOPE_RULES,
    import_scope_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import concurrency_spec
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.import_options import (
    import_scope_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra_import import ImportTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.unmatched import import_info_warnings

ARGUMENT_SPEC: dict[str, Any] = {**import_scope_spec(), **concurrency_spec()}

RULES: dict[str, Any] = {**IMPORT_SCOPE_RULES}

KIND = ImportTask


def run(task: ImportTask) -> dict[str, Any]:
    # Everything that could be imported is returned, as SCIM can hold it, whatever the target is.
    scope = import_scope_from_options(task.options)
    tenant = read_full(task.graph, scope, concurrency=task.workers)
    found = desired_from_entra(tenant, scope, SCIM_CAPABILITIES)
    for warning in import_info_warnings(task, tenant, scope):
        task.warn(warning)
    return {
        "changed": False,
        "users": [{"upn": user.upn, **user.fields} for user in found.users if user.present],
        "groups": [
            {"name": group.name, **group.fields, "members": sorted(group.members.named)}
            for group in found.groups
            if group.members
        ],
        "left_out": [item.as_result() for item in found.skipped],
        **task.about_connection(),
    }


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
