#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_settings
short_description: Set the Exchange and SharePoint settings of a Workspace 365 environment
version_added: 1.1.0
description:
  - Sets with which Exchange and which SharePoint an environment works. What is not given is not changed.
  - "It writes C(PUT /{EnvironmentName}/ExchangeSettings) and C(PUT /{EnvironmentName}/SharePointSettings/), which public
    clients of the Provisioning API use and the vendor has not documented. It compares with C(GET) of the same paths, which
    are only assumed."
  - A server that has only the documented endpoints shows none of them, so they cannot be compared. RV(compared) is V(false)
    then, and O(when_unreadable) decides.

options:
  exchange:
    description:
      - The Exchange settings.
    type: dict
    suboptions:
      ews_url:
        description:
          - The address of Exchange Web Services, such as V(https://mail.contoso.com/EWS/Exchange.asmx).
          - It has no default, because Microsoft has announced that Exchange Online stops Exchange Web Services in October
            2026. Ask the vendor which address your version of Workspace 365 needs.
        type: str
        required: true
      server_type:
        description:
          - The kind of Exchange. V(Office365) is the only one that is known.
        type: str
        default: Office365
  sharepoint:
    description:
      - The SharePoint settings. Exactly one of O(sharepoint.url) and O(sharepoint.initial_domain) is needed.
    type: dict
    suboptions:
      url:
        description:
          - The address of SharePoint, such as V(https://contoso.sharepoint.com).
        type: str
      initial_domain:
        description:
          - The initial domain of the Microsoft tenant, such as V(contoso-emea.onmicrosoft.com), from whose first label the
            address is made (V(https://contoso-emea.sharepoint.com)).
          - Give O(sharepoint.url) instead when the SharePoint domain of the tenant was renamed, and in a national cloud.
        type: str
      authentication_type:
        description:
          - How Workspace 365 signs in to SharePoint. V(OAuth2) is the only value that is known.
        type: str
        default: OAuth2

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.connection.when_unreadable

attributes:
  idempotent:
    support: partial
    details:
      - On a server that cannot show its settings, every run writes them with O(when_unreadable=write).

seealso:
  - module: workspace365.provisioning.w365_settings_info
  - module: workspace365.provisioning.w365_sso

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Work with SharePoint Online of the tenant
  workspace365.provisioning.w365_settings:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    sharepoint:
      initial_domain: contoso.onmicrosoft.com

- name: See what an Exchange server of their own would change
  workspace365.provisioning.w365_settings:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    exchange:
      ews_url: https://mail.contoso.com/EWS/Exchange.asmx
    when_unreadable: skip
  check_mode: true
  diff: true

- name: Set both, with a SharePoint domain that was renamed
  workspace365.provisioning.w365_settings:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    exchange:
      ews_url: https://mail.contoso.com/EWS/Exchange.asmx
    sharepoint:
      url: https://contosogroup.sharepoint.com
"""

RETURN = r"""
---
exchange:
  description:
    - The Exchange settings as they are now, or in check mode as they would be. V(null) when O(exchange) is not
      given, and when the server cannot show them and they were not written.
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
    - The SharePoint settings as they are now, or in check mode as they would be. V(null) when O(sharepoint) is
      not given, and when the server cannot show them and they were not written.
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
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {sharepoint_write: 1, unchanged: 0, left_out: 0}
#   results.contains.kind.sample: sharepoint
#   results.contains.name.sample: contoso
#   results.contains.action.sample: write
#   without: [scim_url.version_added, results.contains.not_kept.version_added]
#   results.contains.changes.sample: {authentication_type: OAuth2, url: "https://contoso.sharepoint.com"}
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
    sharepoint_write: 1
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
      sample: sharepoint
    name:
      description: The name of the object; the UPN of a user.
      type: str
      returned: always
      sample: contoso
    action:
      description: What was done to it.
      type: str
      returned: always
      sample: write
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
        authentication_type: OAuth2
        url: https://contoso.sharepoint.com
    not_kept:
      description:
        - What the server accepted and did not have when the object was read back. It is not among the changes.
      type: list
      elements: str
      returned: when something was not kept
      sample:
        - department
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    when_unreadable_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.environment import (
    settings_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment import (
    WhenUnreadable,
    joined,
    plan_setting,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.instance import InstanceTask

ARGUMENT_SPEC: dict[str, Any] = {
    "exchange": {
        "type": "dict",
        "options": {
            "ews_url": {"type": "str", "required": True},
            "server_type": {"type": "str", "default": "Office365"},
        },
    },
    "sharepoint": {
        "type": "dict",
        "options": {
            "url": {"type": "str"},
            "initial_domain": {"type": "str"},
            "authentication_type": {"type": "str", "default": "OAuth2"},
        },
        "mutually_exclusive": [("url", "initial_domain")],
        "required_one_of": [("url", "initial_domain")],
    },
    "when_unreadable": when_unreadable_spec(),
}

RULES: dict[str, Any] = {"required_one_of": [("exchange", "sharepoint")]}

KIND = InstanceTask


def run(task: InstanceTask) -> dict[str, Any]:
    shown: dict[str, dict[str, str] | None] = {"exchange": None, "sharepoint": None}
    plans = []
    for desired in settings_from_options(task.options):
        current, readable = task.read_setting(desired.setting)
        plan = plan_setting(
            desired,
            current,
            readable=readable,
            unreadable=WhenUnreadable(task.options["when_unreadable"]),
            environment=task.environment,
        )
        plans.append(plan)
        shown[desired.setting.name] = current.as_result() if current else None
    result = task.apply(joined(plans), task.instance, where="")
    for done in result.done:
        shown[done.thing.setting.name] = done.thing.as_result()
    return task.outcome(result, **shown)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
