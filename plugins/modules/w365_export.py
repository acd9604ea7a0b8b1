#!/usr/bin/python
# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: w365_export
short_description: Write a Workspace 365 environment as files that can be applied again
version_added: 1.1.0
description:
  - Reads an environment and writes it into a folder below O(dest) that has the name of the environment. C(users.yml),
    C(groups.yml) and C(administrators.yml) are files for O(workspace365.provisioning.w365_directory#module:src).
    C(environment.yml) and C(sso.yml) hold the variables C(w365_environment_definition) and C(w365_sso_definition) of the
    roles w365_environment and w365_sso.
  - "The same environment gives the same files: lists are sorted by name, keys have a fixed order, defaults are left out,
    and there are no ids of the server, no times and no versions. So a difference in version control is a difference of
    the environment."
  - No file holds a secret. In place of the key of single sign-on stands a variable, such as
    C(vault_w365_contoso_sso_key), and applying the file fails while it is undefined. C(secrets.yml.example) lists these
    variables. Texts that hold the beginning of a template are marked with C(!unsafe).
  - What cannot be read is listed in C(export_report.yml) and RV(unreadable), and is never written as empty. A file of an
    earlier export stays as it is then. The task fails after it has written the rest, unless O(allow_unreadable) accepts it.
  - Users and groups whose external id has the form of an object id of Microsoft Entra belong to the import from
    Microsoft 365. They are listed in C(export_report.yml) and RV(imported), and O(imported) decides whether they are
    written. The Provisioning API does not show external ids, so through it nobody knows.
  - The files are written where the module runs, which is the controller with C(connection=local). They can be read by
    their owner only, also those that are unchanged, and each is replaced as a whole. A folder that no export has written, the export of another
    environment or of another server, and files to which somebody has added lines are not replaced.
  - C(export_report.yml) names the server, which is the host of O(instance_url), or of O(scim_url) without that. Its
    modification time is that of the last export, also when nothing is different.
  - "With O(scim_url) users and groups are read with C(GET /Users) and C(GET /Groups) of SCIM, which shows all attributes.
    Without it they are read with C(GET /{EnvironmentName}/User/) and C(GET /{EnvironmentName}/Group/). Administrators are
    always read with the former of these two, single sign-on with
    C(GET /{EnvironmentName}/SingleSignOnSettings/OAuth2), and whether the environment is active with
    C(GET /Environment/). The vendor has not documented all of these but the last one, and not the answer of that."
  - A server that has only the documented endpoints shows users and groups through SCIM, and nothing else. The other parts
    then count as parts that cannot be read.

options:
  dest:
    description:
      - The folder of all tenants. The last folder of the path is created when it does not exist.
    type: path
    required: true
  environment:
    description:
      - Name of the environment. In the name of its folder, characters other than letters, digits, C(.), C(_) and C(-) are
        written as C(%) and their number.
      - If not given, the environment variable E(W365_ENVIRONMENT) is used.
    type: str
    required: true
  instance:
    description:
      - A name for the instance, which with an underscore stands before the name of the environment in the name of the folder
        and of the variables. Needed when two instances are exported into the same folder, where the export of another
        server is refused.
    type: str
  allow_unreadable:
    description:
      - The parts with which the task does not fail when they cannot be read.
    type: list
    elements: str
    choices:
      - environment
      - sso
      - users
      - groups
      - administrators
    default: []
  imported:
    description:
      - Whether users and groups of the import from Microsoft 365 are written as well. With V(leave_out) they are only
        listed in C(export_report.yml), so that applying the files leaves them to the import. Where they are members of
        other groups, or administrators, they are named there.
    type: str
    choices:
      - leave_out
      - write
    default: leave_out
  replace_edited:
    description:
      - Whether files are replaced to which somebody has added lines that no export writes, such as a password or a
        comment. Otherwise such a file is an error, and nothing is written.
    type: bool
    default: false
  # BEGIN shared: concurrency.options (written by "make docs" from docs/shared/concurrency.yml)
  #   without: [concurrency_max.version_added]
  concurrency:
    description:
      - How many requests may be in progress at the same time.
      - "V(auto) finds out how many the server can take: it begins with 8, or with O(concurrency_max) if that is
        smaller, and raises the number up to O(concurrency_max) while the latency of answers stays flat. It lowers it
        when answers take longer the more requests are in progress, when the server throttles requests (HTTP 429 or
        503), when connections break or time out, and when more answers are 409 or 500 than with fewer requests in
        progress."
      - A number, 1 or more, stays that number. Only while the server throttles requests, all of them wait, half as many
        continue, and their number grows again to what was given while the server accepts them.
      - Never more requests start than O(max_requests_per_second) allows.
    type: raw
    default: auto
  concurrency_max:
    description:
      - Up to how many requests at the same time O(concurrency=auto) grows, from V(1) to V(64). V(16) when it is not
        given.
      - With a number in O(concurrency) it changes nothing. A number that is greater than the given O(concurrency_max)
        is refused.
    type: int
  # END shared: concurrency.options

extends_documentation_fragment:
  - workspace365.provisioning.attributes
  - workspace365.provisioning.connection
  - workspace365.provisioning.entra
  - workspace365.provisioning.directory

attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
    details:
      - Everything is read as in a real run, and no file is written.

seealso:
  - module: workspace365.provisioning.w365_directory
  - module: workspace365.provisioning.w365_environment
  - module: workspace365.provisioning.w365_sso

author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
---
- name: Write an environment into the folder tenants/contoso
  workspace365.provisioning.w365_export:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    environment: contoso
    dest: tenants

- name: Show what would change in the files
  workspace365.provisioning.w365_export:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    environment: contoso
    dest: tenants
  check_mode: true
  diff: true

- name: Write what a server with only the documented endpoints shows
  workspace365.provisioning.w365_export:
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    environment: contoso
    dest: tenants
    allow_unreadable:
      - environment
      - sso
      - administrators

- name: Apply users, groups and administrators of the export again
  workspace365.provisioning.w365_directory:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    scim_url: "{{ contoso_scim_url }}"
    scim_token: "{{ contoso_scim_token }}"
    environment: contoso
    src:
      - tenants/contoso/users.yml
      - tenants/contoso/groups.yml
      - tenants/contoso/administrators.yml
"""

RETURN = r"""
---
path:
  description:
    - The folder of the export.
  type: str
  returned: success, and when a part could not be read
  sample: /srv/fleet/tenants/contoso
# BEGIN shared: report.one_object (written by "make docs" from docs/shared/report.yml)
#   without:
#     [compared, scim_url.version_added, results.contains.not_kept, results.contains.changes, results.contains.reason]
#   summary.description:
#     - >-
#       How many files were written in which way, or in check mode would be. A key is V(file_create), V(file_update),
#       V(file_delete), or V(unchanged). A file that stays because its content could not be read is not counted.
#   summary.returned: success, and when a part could not be read
#   summary.sample: {file_update: 1, unchanged: 5}
#   results.description: ["One entry for each file that was written or removed, or in check mode would be."]
#   results.returned: success, and when a part could not be read
#   results.contains.kind.description: V(file).
#   results.contains.kind.sample: file
#   results.contains.name.description: Name of the file.
#   results.contains.name.sample: users.yml
#   results.contains.action.description: V(create), V(update) or V(delete).
#   results.contains.outcome.description: V(done), or V(planned) in check mode.
scim_url:
  description:
    - The address of the SCIM service that the task was given, without its query, so that a summary can show it.
  type: str
  returned: if O(scim_url) is given
  sample: https://workspace.contoso.com/contoso/scim/v2
summary:
  description:
    - How many files were written in which way, or in check mode would be. A key is V(file_create), V(file_update),
      V(file_delete), or V(unchanged). A file that stays because its content could not be read is not counted.
  type: dict
  returned: success, and when a part could not be read
  sample:
    file_update: 1
    unchanged: 5
results:
  description:
    - One entry for each file that was written or removed, or in check mode would be.
  type: list
  elements: dict
  returned: success, and when a part could not be read
  contains:
    kind:
      description: V(file).
      type: str
      returned: always
      sample: file
    name:
      description: Name of the file.
      type: str
      returned: always
      sample: users.yml
    action:
      description: V(create), V(update) or V(delete).
      type: str
      returned: always
      sample: update
    outcome:
      description: V(done), or V(planned) in check mode.
      type: str
      returned: always
      sample: done
# END shared: report.one_object
counts:
  description:
    - How many users, groups and administrators were written. Parts that could not be read have no number.
  type: dict
  returned: success, and when a part could not be read
  sample:
    administrators: 2
    users: 24
    groups: 6
unreadable:
  description:
    - The parts of which something could not be read.
  type: list
  elements: dict
  returned: success, and when a part could not be read
  contains:
    part:
      description: The part, as in O(allow_unreadable).
      type: str
      returned: always
      sample: sso
    what:
      description: V(everything), or what of an environment is not known, V(active) or V(administrator).
      type: str
      returned: always
      sample: everything
    reason:
      description: Why, in the words of C(export_report.yml), which are the same in every run.
      type: str
      returned: always
      sample: this server does not have the endpoint, which the vendor has not documented
    message:
      description: The whole message.
      type: str
      returned: always
      sample: the server answered HTTP 500.
  sample: []
left_out:
  description:
    - What the server shows and a file cannot describe, such as two users of one name, each with its reason.
  type: list
  elements: dict
  returned: success, and when a part could not be read
  contains:
    kind:
      description: V(user), V(group), V(membership) or V(administrator).
      type: str
      returned: always
      sample: user
    name:
      description: The UPN of the user or the name of the group. For a membership, the name of the group.
      type: str
      returned: always
      sample: reception@contoso.com
    reason:
      description: Why it was left out, as the end of a sentence that begins with the name.
      type: str
      returned: always
      sample: has the name of another user
  sample: []
imported:
  description:
    - The users and groups of the import from Microsoft 365. V(null) through the Provisioning API, which does not show
      where they come from.
  type: dict
  returned: success, and when a part could not be read
  contains:
    users:
      description: The UPNs of the users.
      type: list
      elements: str
      returned: always
      sample:
        - adele.vance@contoso.com
    groups:
      description: The names of the groups.
      type: list
      elements: str
      returned: always
      sample:
        - Sales
  sample:
    users:
      - adele.vance@contoso.com
    groups:
      - Sales
secrets:
  description:
    - The variables that stand for secrets in the files.
  type: list
  elements: str
  returned: success, and when a part could not be read
  sample:
    - vault_w365_contoso_sso_key
# BEGIN shared: concurrency.returned (written by "make docs" from docs/shared/concurrency.yml)
#   without: [concurrency.version_added]
#   concurrency.returned: success, and when a part could not be read
concurrency:
  description:
    - How many requests were in progress at the same time, and how often the server asked for fewer.
  type: dict
  returned: success, and when a part could not be read
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import concurrency_spec
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.export_text import PARTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.export import ExportTask, export

ARGUMENT_SPEC: dict[str, Any] = {
    "dest": {"type": "path", "required": True},
    "environment": {"required": True},
    "instance": {"type": "str"},
    "allow_unreadable": {"type": "list", "elements": "str", "choices": list(PARTS), "default": []},
    "imported": {"type": "str", "choices": ["leave_out", "write"], "default": "leave_out"},
    "replace_edited": {"type": "bool", "default": False},
    **concurrency_spec(),
}

RULES: dict[str, Any] = {}

KIND = ExportTask


def run(task: ExportTask) -> dict[str, Any]:
    return export(task)


def main() -> None:
    run_module(run, ARGUMENT_SPEC, KIND, **RULES)


if __name__ == "__main__":
    main()
