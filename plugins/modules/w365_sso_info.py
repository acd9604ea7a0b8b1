#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_sso_info
short_description: Read the single sign-on of a Workspace 365 environment
version_added: 1.0.0
description:
  - Returns with which app registration of Microsoft Entra users sign in to an environment. No server shows the key.
  - "It reads C(GET /{EnvironmentName}/SingleSignOnSettings/OAuth2), an endpoint that the vendor has not documented. A
    server that has only the documented endpoints can only write these settings. The task then fails, and the error
    names this endpoint."

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

options: {}

seealso:
  - module: workspace365.provisioning.w365_sso
  # BEGIN shared: seealso.sso (written by "make docs" from docs/shared/seealso.yml)
  - name: "Workspace 365: Change SSO settings"
    description: The vendor's example of the endpoint for single sign-on.
    link: https://support.workspace365.net/en/articles/175553-provisioning-api-example-change-sso-settings-in-workspace-365
  # END shared: seealso.sso

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the single sign-on
  workspace365.provisioning.w365_sso_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
  register: contoso

- name: Fail when users sign in with another app registration
  ansible.builtin.assert:
    that: contoso.sso.client_id == contoso_sso_client_id
    fail_msg: "Contoso signs in with {{ contoso.sso.client_id }}."
  when: contoso.readable
"""

RETURN = r"""
---
sso:
  description:
    - The single sign-on. V(null) when none is set up, or when RV(readable=false).
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
    - V(false) when the server answered, but the two values could not be found in its answer.
  type: bool
  returned: success
  sample: true
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import SSO
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask

ARGUMENT_SPEC: dict[str, Any] = {}

RULES: dict[str, Any] = {}

KIND = InstanceTask


def run(task: InstanceTask) -> dict[str, Any]:
    sso, readable = task.provisioning.setting(SSO, task.environment)
    return {"changed": False, "sso": sso.as_result() if sso else None, "readable": readable}


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
