# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How to reach Workspace 365. The options are those of module_utils/_w365/inputs/argument_spec.py; a test compares the two."""

    DOCUMENTATION = r"""
requirements:
  - python >= 3.10
  - requests >= 2.31

options:
  instance_url:
    description:
      - Address of the Workspace 365 instance, such as V(https://workspace.contoso.com).
        An instance is the installation that a partner runs or rents; it holds one environment per customer.
      - The path V(/Provisioning) is appended when it is missing.
      - Only V(https) is accepted, because the key must not be sent unencrypted.
      - Needed by everything that uses the Provisioning API.
      - If not given, the environment variable E(W365_INSTANCE_URL) is used.
    type: str
  provisioning_key:
    description:
      - The provisioning key of the instance. One key gives access to every environment of the instance, so keep it in a
        vault.
      - Needed by everything that uses the Provisioning API.
      - If not given, the environment variable E(W365_PROVISIONING_KEY) is used.
    type: str
  environment:
    description:
      - Name of the environment, as in its address C(https://<instance>/<environment>).
      - If not given, the environment variable E(W365_ENVIRONMENT) is used.
    type: str
  scim_url:
    description:
      - Address of the environment's SCIM service. Workspace 365 shows it to the environment's administrator when SCIM
        is enabled.
      - When it is given, users, groups and memberships are managed through SCIM, otherwise through the Provisioning
        API. Environments, administrators and single sign-on always use the Provisioning API.
      - Only V(https) is accepted.
      - If not given, the environment variable E(W365_SCIM_URL) is used.
    type: str
  scim_token:
    description:
      - The key of the environment's SCIM service. Workspace 365 shows it once.
      - Needed together with O(scim_url).
      - If not given, the environment variable E(W365_SCIM_TOKEN) is used.
    type: str
  scim_environment:
    description:
      - Name of the environment to which O(scim_url) and O(scim_token) belong. Keep it beside them, so that they are never
        used for another environment.
      - A task that would change something in another O(environment) fails before its first write.
      - When it is not given, a task that has O(scim_url), O(environment), O(instance_url) and O(provisioning_key) finds
        out before its first write whether they belong together, from the address, the names of the environments and some
        people of both services. It fails when something contradicts, and warns when nothing can be told.
      - If not given, the environment variable E(W365_SCIM_ENVIRONMENT) is used.
    type: str
    version_added: 1.1.0
  validate_certs:
    description:
      - Whether the certificates of all servers are verified. Disable it for short tests only.
      - If not given, the environment variable E(W365_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates of the authorities to trust, in PEM form, instead of the system's own list.
      - It takes precedence over E(REQUESTS_CA_BUNDLE).
      - If not given, the environment variable E(W365_CA_PATH) is used.
    type: path
  client_cert:
    description:
      - A client certificate in PEM form, for servers or proxies that require one. The file may hold the private key
        too.
      - If not given, the environment variable E(W365_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - The private key of O(client_cert) in PEM form, when it is in a file of its own.
      - If not given, the environment variable E(W365_CLIENT_KEY) is used.
    type: path
  timeout:
    description:
      - How many seconds a server may take to answer one request, and to continue an answer that it has begun.
      - If not given, the environment variable E(W365_TIMEOUT) is used.
    type: int
    default: 60
  answer_timeout:
    description:
      - How many seconds one answer may take from its first byte to its last. O(timeout) does not end an answer that goes
        on slowly.
      - If not given, the environment variable E(W365_ANSWER_TIMEOUT) is used.
    type: int
    default: 600
    version_added: 1.1.0
  max_answer_size:
    description:
      - How large one answer may be after decompression, in megabytes. A larger one is refused.
      - If not given, the environment variable E(W365_MAX_ANSWER_SIZE) is used.
    type: int
    default: 64
    version_added: 1.1.0
  rate_limit_timeout:
    description:
      - How many seconds in total one task may spend waiting when a server throttles requests (HTTP 429 or 503).
      - V(-1) waits without a limit, V(0) never waits.
      - If not given, the environment variable E(W365_RATE_LIMIT_TIMEOUT) is used.
    type: int
    default: 300
  max_requests_per_second:
    description:
      - How many requests per second one task may send. There is no limit when it is not given.
      - If not given, the environment variable E(W365_MAX_REQUESTS_PER_SECOND) is used.
    type: float
  read_back_timeout:
    description:
      - For how many seconds a task waits at most until the server shows what was written. A value that it does not show
        then is in C(not_kept) of the results; the wait for it ends after 5 seconds. An account, an administrator role, a
        member or a group that it still shows is a failure, and so is a user or group that was created or changed and
        that it does not show.
      - A module for one object reads what the answer to a write did not show. A module for many objects reads accounts
        that were deactivated or deleted, deleted groups, revoked roles, and what was created without an id.
      - V(0) does not read back.
      - If not given, the environment variable E(W365_READ_BACK_TIMEOUT) is used.
    type: int
    default: 10
    version_added: 1.1.0
  endpoints:
    description:
      - Other paths for single endpoints, for a server that has them elsewhere. The keys are the ids of the endpoints,
        such as V(user.list); the values are paths relative to the root of their service, such as
        V(/{environment}/User/).
      - C(docs/contract.md) of the collection lists the ids and their usual paths.
      - This option has no environment variable.
    type: dict

notes:
  - >-
    The vendor of Workspace 365 has documented only some of the endpoints that this collection calls. A task that needs
    an endpoint that the vendor has not documented fails when the server does not have it, and the error names the
    endpoint. C(docs/contract.md) of the collection lists all endpoints with the evidence for each. O(endpoints) sets
    another path for an endpoint.
  - >-
    The connection options are the same in all modules of the collection. Specify them in only one place, as
    C(module_defaults) of the group C(group/workspace365.provisioning.w365), or as C(W365_*) environment variables. What
    a task specifies takes precedence over C(module_defaults), which take precedence over environment variables.
  - >-
    The modules run where the task runs, normally on the controller. An explicit V(localhost) in an inventory may use
    another Python than Ansible's own, without the libraries that are needed. Set
    C(ansible_python_interpreter: "{{ ansible_playbook_python }}") for that host.
"""

    WHEN_UNREADABLE = r"""
options:
  when_unreadable:
    description:
      - What to do when the server cannot show its current settings, so that they cannot be compared.
      - V(write) writes them. The task is reported as changed on every run, with a warning that says why.
      - V(skip) does not change them. The task is reported as unchanged, with a warning that says why.
      - V(fail) writes nothing and fails.
    type: str
    choices:
      - write
      - skip
      - fail
    default: write
"""
