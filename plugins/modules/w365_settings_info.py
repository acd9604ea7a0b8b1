#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_settings_info
short_description: Read the Exchange and SharePoint settings of a Workspace 365 environment
version_added: 1.1.0
description:
  - Returns with which Exchange and which SharePoint an environment works. Nothing is changed.
  - "It reads C(GET /{EnvironmentName}/ExchangeSettings) and C(GET /{EnvironmentName}/SharePointSettings/), endpoints that
    the vendor has not documented. A server that has only the documented endpoints cannot show its settings: RV(readable)
    is V(false) for them then."

options: {}

extends_documentation_fragment:
  - workspace365.provisioning.attributes.info
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

seealso:
  - module: workspace365.provisioning.w365_settings

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read the settings
  workspace365.provisioning.w365_settings_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
  register: found

- name: Show the address of SharePoint
  ansible.builtin.debug:
    msg: "{{ found.sharepoint.url | default('none') }}"
"""

RETURN = r"""
---
exchange:
  description:
    - The Exchange settings, or V(null) when there are none or the server cannot show them.
  type: dict
  returned: success
  # BEGIN shared: settings.exchange (written by "make docs" from docs/shared/settings.yml)
  contains:
    server_type:
      description: The kind of Exchange.
      type: str
      returned: always
      sample: Office365
    ews_url:
      description: The address of Exchange Web Services.
      type: str
      returned: always
      sample: https://mail.contoso.com/EWS/Exchange.asmx
  sample:
    server_type: Office365
    ews_url: https://mail.contoso.com/EWS/Exchange.asmx
  # END shared: settings.exchange
sharepoint:
  description:
    - The SharePoint settings, or V(null) when there are none or the server cannot show them.
  type: dict
  returned: success
  # BEGIN shared: settings.sharepoint (written by "make docs" from docs/shared/settings.yml)
  contains:
    authentication_type:
      description: How Workspace 365 signs in to SharePoint.
      type: str
      returned: always
      sample: OAuth2
    url:
      description: The address of SharePoint.
      type: str
      returned: always
      sample: https://contoso.sharepoint.com
  sample:
    authentication_type: OAuth2
    url: https://contoso.sharepoint.com
  # END shared: settings.sharepoint
readable:
  description:
    - Which of the settings the server can show.
  type: dict
  returned: success
  contains:
    exchange:
      description: Whether the server can show the Exchange settings.
      type: bool
      returned: always
      sample: true
    sharepoint:
      description: Whether the server can show the SharePoint settings.
      type: bool
      returned: always
      sample: true
  sample:
    exchange: true
    sharepoint: true
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import EXCHANGE, SHAREPOINT
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask

ARGUMENT_SPEC: dict[str, Any] = {}

RULES: dict[str, Any] = {}

KIND = InstanceTask


def run(task: InstanceTask) -> dict[str, Any]:
    found = {setting.name: task.instance.find_setting(setting, task.environment) for setting in (EXCHANGE, SHAREPOINT)}
    return {
        "changed": False,
        **{name: values.as_result() if values else None for name, (values, _readable) in found.items()},
        "readable": {name: readable for name, (_values, readable) in found.items()},
    }


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
