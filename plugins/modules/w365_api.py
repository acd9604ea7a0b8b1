#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_api
short_description: Send one raw request to Workspace 365 or Microsoft Graph
version_added: 1.0.0
description:
  - Sends one request with the collection's authentication, certificates, retries and redaction, for what has no
    module yet.
  - Nothing is known about the endpoint that is called. C(docs/contract.md) of the collection lists known endpoints with
    the evidence for each; assume nothing about an endpoint that is not listed there.
  - Every method but V(GET) counts as a change, because nobody can know whether it made one. A V(POST) or V(PATCH) whose
    answer was lost is not sent again; the task fails and says that the request may have been executed.
  - When the server does not have the endpoint, the task fails with the server's answer, on a server that has only the
    documented endpoints as on any other.

options:
  service:
    description:
      - Where the request goes. V(provisioning) is the Provisioning API of O(instance_url), V(scim) the SCIM service of
        O(scim_url), V(graph) Microsoft Graph v1.0.
    type: str
    choices:
      - provisioning
      - scim
      - graph
    default: provisioning
  method:
    description:
      - The method of the request.
    type: str
    choices:
      - GET
      - POST
      - PUT
      - PATCH
      - DELETE
    default: GET
  path:
    description:
      - The path, relative to the root of the service. C({environment}) stands for O(environment).
      - A whole address is refused, so that a key never reaches another host. Specify what comes after V(?) as O(query).
    type: str
    required: true
  query:
    description:
      - What comes after V(?) in the address, as names and values. The module encodes special characters.
    type: dict
  body:
    description:
      - The body of the request, which is sent as JSON. Write a number or a text as it is, where the endpoint expects a
        bare one.
      - The values of fields whose names have a part such as C(password), C(pwd), C(secret), C(token), C(api-key) or
        C(cookie) are masked where Ansible shows or logs the arguments of a task, also in a text with JSON, a form or XML,
        in O(query) and in O(headers). Set C(no_log) for the task when another field holds one.
    type: raw
  headers:
    description:
      - More headers for the request. Those with which the collection authenticates itself cannot be replaced.
    type: dict
  status_code:
    description:
      - The HTTP statuses that count as success. The task fails with any other one.
    type: list
    elements: int
    default:
      - 200
      - 201
      - 202
      - 204
  redact:
    description:
      - Mask the values of fields in the answer whose names have a part that says so, such as passwords, keys and tokens;
        in its headers and in a text too.
      - The secrets of the connection options are masked in any case.
    type: bool
    default: true

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra

attributes:
  check_mode:
    support: partial
    details:
      - In check mode only V(GET) is sent. Any other request is reported as changed and not sent; RV(status), RV(json),
        RV(content) and RV(headers) are V(null) then.
  diff_mode:
    support: none
    details:
      - Nothing is known about the object behind the endpoint, so there is nothing to compare.
  idempotent:
    support: partial
    details:
      - V(GET) never changes anything. Every other method is sent, and reported as changed, on every run.

seealso:
  - module: workspace365.provisioning.w365_environment
  - module: workspace365.provisioning.w365_user
  - name: "Workspace 365: Provisioning API"
    description: The vendor's documentation of the API of the instance.
    link: https://support.workspace365.net/hc/en-us/articles/4402990903058-Provisioning-API-instance-

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Read how many licenses the environment has and uses
  workspace365.provisioning.w365_api:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    path: /{environment}/UserLicenses/
  register: licenses

- name: Increase the number of licenses, where it is too low
  workspace365.provisioning.w365_api:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    method: PUT
    path: /{environment}/UserLicenses/Count/
    body: 25
  when: licenses.json.purchasedLicenses < 25

- name: Look up a user through SCIM
  workspace365.provisioning.w365_api:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    service: scim
    path: /Users
    query:
      filter: userName eq "adele.vance@contoso.com"

- name: Read the verified domains of the Microsoft tenant
  workspace365.provisioning.w365_api:
    entra_tenant: contoso.onmicrosoft.com
    entra_client_id: "{{ contoso_entra_client_id }}"
    entra_client_secret: "{{ contoso_entra_client_secret }}"
    service: graph
    path: /organization
    query:
      $select: verifiedDomains

- name: Ask for something that may be missing
  workspace365.provisioning.w365_api:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    path: /{environment}/SharePointSettings/
    headers:
      Accept-Language: en
    status_code:
      - 200
      - 404
"""

RETURN = r"""
---
status:
  description:
    - The HTTP status of the answer. V(null) in check mode, where a request that may write is not sent.
  type: int
  returned: success
  sample: 200
json:
  description:
    - The body of the answer, when it is JSON; otherwise V(null). It may be an object, a list or a bare value.
  type: raw
  returned: success
  sample:
    purchasedLicenses: 25
    usedLicenses: 19
content:
  description:
    - The body of the answer as text, when it is not JSON; otherwise V(null).
  type: str
  returned: success
  sample: null
headers:
  description:
    - The headers of the answer, with their names in lowercase. V(null) in check mode, where a request that may write is
      not sent.
  type: dict
  returned: success
  sample:
    content-type: application/json; charset=utf-8
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

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import AnswerError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.hosts.ansible_module import run_module
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.raw_request import (
    masked_secrets,
    raw_request_from_options,
    secret_values,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.raw_request import RawRequestTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.error_text import server_message

ARGUMENT_SPEC: dict[str, Any] = {
    "service": {"type": "str", "choices": ["provisioning", "scim", "graph"], "default": "provisioning"},
    "method": {"type": "str", "choices": ["GET", "POST", "PUT", "PATCH", "DELETE"], "default": "GET"},
    "path": {"type": "str", "required": True},
    "query": {"type": "dict"},
    "body": {"type": "raw"},
    "headers": {"type": "dict"},
    "status_code": {"type": "list", "elements": "int", "default": [200, 201, 202, 204]},
    "redact": {"type": "bool", "default": True},
}

RULES: dict[str, Any] = {}

KIND = RawRequestTask


def run(task: RawRequestTask) -> dict[str, Any]:
    options = task.options
    method = options["method"]
    task.add_secrets(secret_values(options))
    call = raw_request_from_options(options)
    changed = method != "GET"
    if changed and options["service"] == "scim":
        task.check_customer()
    if changed and task.check_mode:
        return {"changed": True, "status": None, "json": None, "content": None, "headers": None}
    answer = task.client(options["service"]).send(method, call.path, repeatable=call.repeatable, **call.parts)
    if answer.status not in options["status_code"]:
        raise AnswerError(
            server_message(answer, task.redactor),
            status=answer.status,
            method=method,
            path=call.path,
            advice=f"Expected one of {', '.join(map(str, options['status_code']))} (option status_code).",
            changed=changed and answer.ok,
        )
    try:
        data, content = answer.json(), None
    except ValueError:
        data, content = None, answer.text
    headers: Any = dict(answer.headers)
    if options["redact"]:
        # What is known to be secret goes first: masked in part by its name, it would not be found any more.
        data = masked_secrets(task.redactor.data(data), texts=False)
        content, headers = map(masked_secrets, (task.redactor.data(content), task.redactor.data(headers)))
    return {
        "changed": changed,
        "status": answer.status,
        "json": data,
        "content": content,
        "headers": headers,
    }


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
