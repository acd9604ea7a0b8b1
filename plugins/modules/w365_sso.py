#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_sso
short_description: Set the single sign-on of a Workspace 365 environment
version_added: 1.0.0
description:
  - Sets with which app registration of Microsoft Entra users sign in to an environment. The three values must match
    that registration, or nobody can sign in any more. Therefore they are tested before they are written; see O(verify).
  - "It writes C(PUT /{EnvironmentName}/SingleSignOnSettings/OAuth2), and compares with C(GET) of the same path, which
    returns everything but the key. The path for writing is known from a public client of the API, and its fields are
    documented. The vendor has not documented how to read them."
  - A server that has only the documented endpoints cannot show its settings. RV(compared) is V(false) then, and
    O(when_unreadable) decides.

options:
  authority:
    description:
      - The address of the Microsoft tenant for signing in, C(https://login.windows.net/<primary domain>).
      - Exactly one of O(authority) and O(primary_domain) is needed.
    type: str
  primary_domain:
    description:
      - The primary domain of the Microsoft tenant, from which the authority is made, such as V(contoso.com).
    type: str
  client_id:
    description:
      - Application (client) id of the app registration.
    type: str
    required: true
  key:
    description:
      - A client secret of the app registration. Users can no longer sign in when the secret expires.
      - It can be written and never read, so it is never compared. See O(update_key).
    type: str
    required: true
  update_key:
    description:
      - V(on_change) writes O(key) only together with another authority or client id. A new key alone is not noticed.
      - V(always) writes it on every run, and the task is reported as changed on every run. Use it once when the secret
        was renewed.
    type: str
    choices:
      - on_change
      - always
    default: on_change
  verify:
    description:
      - Request a token from Microsoft Entra with exactly these values before anything is written. When Entra refuses,
        nothing is written and the task fails with Entra's reason. Check mode does so too, because it changes nothing.
      - V(when_writing) requests it when something has to be written, V(always) on every run, V(never) not at all.
      - V(always) shows that O(key) is still valid. It does not show that the environment has the same key.
      - V(true) and V(false) of earlier versions mean V(when_writing) and V(never). They are deprecated.
      - O(entra_cloud) and O(entra_authority) specify where Entra is reached; the other Entra options are only for
        O(preflight).
    type: raw
    default: when_writing
  verify_timeout:
    description:
      - For how many seconds the token is requested again when Entra says that it does not know O(key) or that it has
        expired (AADSTS7000215 and AADSTS7000222). Entra's servers learn of a new key one after the other, so three
        requests in a row must succeed. Give V(120) for a key that was made in the same job.
      - V(0) requests one token.
    type: int
    default: 0
    version_added: 1.1.0

  # BEGIN shared: sso.checks (written by "make docs" from docs/shared/sso.yml)
  preflight:
    description:
      - Whether Microsoft Entra is asked before anything is written whether people could sign in with these values.
        V(when_writing) asks when something has to be written, V(always) on every run. A check that finds that they
        could not fails the task with its reason, and nothing is written.
      - The checks are V(tenant) (O(authority) names a verified domain of O(entra_tenant)), V(principal) (the service
        principal exists and is enabled), V(redirect) (the redirect URI of this host and environment is registered),
        V(consent) (the organization has consented; see O(scopes)), V(assignment) (warns when users must be assigned),
        V(secret_expiry) (see O(min_secret_days)) and V(emergency_access) (see O(require_emergency_access)).
      - It needs the options for signing in to Microsoft Entra, and the application permissions C(Application.Read.All),
        C(Organization.Read.All), C(Directory.Read.All) and C(User.Read.All). What cannot be read is in RV(not_proven),
        and refuses nothing.
    type: str
    choices:
      - never
      - when_writing
      - always
    default: never
    version_added: 1.1.0
  skip_checks:
    description:
      - The checks of O(preflight) that are left out.
    type: list
    elements: str
    choices:
      - tenant
      - principal
      - redirect
      - consent
      - assignment
      - secret_expiry
      - emergency_access
    default: []
    version_added: 1.1.0
  scopes:
    description:
      - The delegated permissions of Microsoft Graph to which the organization must have consented, for check
        V(consent). If not given, it must have consented to any.
    type: list
    elements: str
    version_added: 1.1.0
  min_secret_days:
    description:
      - For how many days the secret must still be valid, for check V(secret_expiry). It is found by its first
        characters, which are all that Microsoft Entra shows of it.
    type: int
    default: 1
    version_added: 1.1.0
  require_emergency_access:
    description:
      - Whether check V(emergency_access) refuses, also when it cannot be made. Otherwise it warns. It looks for an
        active administrator with an Exchange license, which emergency access needs.
    type: bool
    default: false
    version_added: 1.1.0
  post_check:
    description:
      - V(redirect) opens the sign-in page of the environment after a write, and fails when it sends people to another
        application, host or tenant than the written one, or has them sent back to another address. It does not show the
        key.
      - Hosts of the same Microsoft cloud are the same. RV(not_proven) says what could not be compared, such as the id
        of a tenant with a domain.
      - The vendor has not documented where the page leads. When it leads somewhere else first, nothing is proven.
    type: str
    choices:
      - none
      - redirect
    default: none
    version_added: 1.1.0
  previous:
    description:
      - The values that Workspace 365 has before this task. They are written again when the write or what is looked at
        after it fails. All three are needed, because the key cannot be read.
      - They are tested with a token too before anything is written, unless O(verify=never).
    type: dict
    version_added: 1.1.0
    suboptions:
      authority:
        description:
          - The address of the Microsoft tenant. Exactly one of it and O(previous.primary_domain) is needed.
        type: str
      primary_domain:
        description:
          - The primary domain of the Microsoft tenant, from which the authority is made.
        type: str
      client_id:
        description:
          - Application (client) id.
        type: str
        required: true
      key:
        description:
          - The client secret.
        type: str
        required: true
  # END shared: sso.checks

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.connection.when_unreadable

attributes:
  idempotent:
    support: partial
    details:
      - With O(update_key=always) every run writes and is reported as changed.
      - The same holds for O(when_unreadable=write) on a server that cannot show its settings.

seealso:
  - module: workspace365.provisioning.w365_sso_info
  - module: workspace365.provisioning.w365_sso_app
  - module: workspace365.provisioning.w365_environment
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
- name: Set the single sign-on
  workspace365.provisioning.w365_sso:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    primary_domain: contoso.com
    client_id: 9c5b1f5e-0000-4000-8000-000000000365
    key: "{{ contoso_sso_secret }}"

- name: Work with the single sign-on of one environment
  module_defaults:
    group/workspace365.provisioning.w365:
      instance_url: https://workspace.contoso.com
      provisioning_key: "{{ w365_provisioning_key }}"
      environment: contoso
  block:
    - name: Test the values without writing them
      workspace365.provisioning.w365_sso:
        primary_domain: contoso.com
        client_id: "{{ contoso_sso_client_id }}"
        key: "{{ contoso_sso_secret }}"
      check_mode: true
      diff: true

    - name: Write the secret that was renewed today
      workspace365.provisioning.w365_sso:
        authority: https://login.windows.net/contoso.com
        client_id: "{{ contoso_sso_client_id }}"
        key: "{{ contoso_sso_secret }}"
        update_key: always

    - name: Write other values only when people could sign in, look afterwards, and put the former ones back otherwise
      workspace365.provisioning.w365_sso:
        primary_domain: contoso.com
        client_id: "{{ contoso_sso_client_id }}"
        key: "{{ contoso_sso_secret }}"
        preflight: when_writing
        post_check: redirect
        previous:
          primary_domain: contoso.com
          client_id: "{{ contoso_former_client_id }}"
          key: "{{ contoso_former_secret }}"

    - name: Do not change the settings when the server cannot show them
      workspace365.provisioning.w365_sso:
        primary_domain: contoso.com
        client_id: "{{ contoso_sso_client_id }}"
        key: "{{ contoso_sso_secret }}"
        when_unreadable: skip

- name: Set the single sign-on of all customers of the instance
  workspace365.provisioning.w365_sso:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: "{{ item.environment }}"
    primary_domain: "{{ item.primary_domain }}"
    client_id: "{{ item.client_id }}"
    key: "{{ item.secret }}"
  loop: "{{ customers }}"
  loop_control:
    label: "{{ item.environment }}"
  no_log: true
"""

RETURN = r"""
---
sso:
  description:
    - The single sign-on as it is now, or in check mode as it would be. The key is never returned.
    - V(null) when the server cannot show it and nothing was written (O(when_unreadable=skip)).
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
verified:
  description:
    - Whether Microsoft Entra issued a token for exactly these values in this run. V(false) when none was requested.
  type: bool
  returned: success
  sample: true
key_status:
  description:
    - V(written) when the key was written, V(planned) when check mode would write it, and V(not compared) when it was not
      written. No server shows the key, so nobody knows then whether the environment has this one; see O(update_key).
  type: str
  returned: success
  sample: written
  version_added: 1.1.0
checks:
  description:
    - What came of each check of O(preflight). Empty when none was made.
  type: list
  elements: dict
  returned: success, and when a check refused
  version_added: 1.1.0
  contains:
    name:
      description: The name of the check.
      type: str
      returned: always
      sample: redirect
    outcome:
      description: V(passed), V(refused), V(warned), V(unknown) when it could not be made, or V(skipped).
      type: str
      returned: always
      sample: passed
    reason:
      description: Why, in a sentence. V(null) for a check that passed.
      type: str
      returned: always
      sample: Microsoft Graph does not say whether users must be assigned.
not_proven:
  description:
    - What this run could not know, in sentences.
  type: list
  elements: str
  returned: success
  sample:
    - Workspace 365 shows no key, so it is not known whether it has this one.
  version_added: 1.1.0
put_back:
  description:
    - Whether the values of O(previous) were written again.
  type: bool
  returned: when the write failed and O(previous) is given
  sample: true
  version_added: 1.1.0
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   summary.sample: {sso_write: 1, unchanged: 0, left_out: 0}
#   results.contains.kind.sample: sso
#   results.contains.name.sample: contoso
#   results.contains.action.sample: write
#   results.contains.changes.sample:
#     authority: https://login.windows.net/contoso.com
#     client_id: 9c5b1f5e-0000-4000-8000-000000000365
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
  version_added: 1.1.0
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
    sso_write: 1
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
      sample: sso
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
        authority: https://login.windows.net/contoso.com
        client_id: 9c5b1f5e-0000-4000-8000-000000000365
    not_kept:
      description:
        - What the server accepted and did not have when the object was read back. It is not among the changes.
      version_added: 1.1.0
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.entra import EntraTask
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.sso import run_sso

ARGUMENT_SPEC: dict[str, Any] = {
    "authority": {"type": "str"},
    "primary_domain": {"type": "str"},
    "client_id": {"type": "str", "required": True},
    "key": {"type": "str", "required": True, "no_log": True},
    "update_key": {"type": "str", "choices": ["on_change", "always"], "default": "on_change", "no_log": False},
    # A boolean once: choices do not accept it in all spellings.
    "verify": {"type": "raw", "default": "when_writing"},
    "verify_timeout": {"type": "int", "default": 0},
    "preflight": {"type": "str", "choices": ["never", "when_writing", "always"], "default": "never"},
    "skip_checks": {
        "type": "list",
        "elements": "str",
        "choices": ["tenant", "principal", "redirect", "consent", "assignment", "secret_expiry", "emergency_access"],
        "default": [],
    },
    "scopes": {"type": "list", "elements": "str"},
    "min_secret_days": {"type": "int", "default": 1, "no_log": False},
    "require_emergency_access": {"type": "bool", "default": False},
    "post_check": {"type": "str", "choices": ["none", "redirect"], "default": "none"},
    "previous": {
        "type": "dict",
        "options": {
            "authority": {"type": "str"},
            "primary_domain": {"type": "str"},
            "client_id": {"type": "str", "required": True},
            "key": {"type": "str", "required": True, "no_log": True},
        },
        "mutually_exclusive": [("authority", "primary_domain")],
        "required_one_of": [("authority", "primary_domain")],
    },
    "when_unreadable": when_unreadable_spec(),
}

RULES: dict[str, Any] = {
    "mutually_exclusive": [("authority", "primary_domain")],
    "required_one_of": [("authority", "primary_domain")],
}

KIND = EntraTask

run = run_sso


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
