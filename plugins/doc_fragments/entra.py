# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Microsoft Entra ID and Microsoft Graph. The options are those of module_utils/_w365/inputs/argument_spec.py."""

    DOCUMENTATION = r"""
requirements:
  - msal >= 1.30, only when Microsoft Entra is used

options:
  entra_tenant:
    description:
      - The Microsoft tenant, by one of its domains or by its id, such as V(contoso.onmicrosoft.com).
      - If not given, the environment variable E(W365_ENTRA_TENANT) is used.
    type: str
  entra_client_id:
    description:
      - Application (client) id of the app registration with which the collection reads Microsoft Graph.
      - If not given, the environment variable E(W365_ENTRA_CLIENT_ID) is used.
    type: str
  entra_client_secret:
    description:
      - A client secret of that app registration.
      - Mutually exclusive with O(entra_certificate_path), O(entra_federated_token_file) and O(entra_managed_identity).
        The one that the task specifies takes precedence over another one in an environment variable.
      - If not given, the environment variable E(W365_ENTRA_CLIENT_SECRET) is used.
    type: str
  entra_certificate_path:
    description:
      - A certificate of that app registration together with its private key, as a PEM or PFX file.
      - Mutually exclusive with O(entra_client_secret), O(entra_federated_token_file) and O(entra_managed_identity).
        The one that the task specifies takes precedence over another one in an environment variable.
      - If not given, the environment variable E(W365_ENTRA_CERTIFICATE_PATH) is used.
    type: path
  entra_certificate_password:
    description:
      - The password of the file in O(entra_certificate_path), when it has one.
      - If not given, the environment variable E(W365_ENTRA_CERTIFICATE_PASSWORD) is used.
    type: str
  entra_federated_token_file:
    description:
      - A file with the token of a workload identity, which Entra accepts instead of a secret (federated credential).
      - Mutually exclusive with O(entra_client_secret), O(entra_certificate_path) and O(entra_managed_identity).
        The one that the task specifies takes precedence over another one in an environment variable.
      - If not given, the environment variable E(W365_ENTRA_FEDERATED_TOKEN_FILE) is used.
    type: path
  entra_managed_identity:
    description:
      - Use the managed identity of the machine in Azure on which the module runs. V(system) selects the system-assigned
        one; the client id of a user-assigned managed identity selects that one.
      - Mutually exclusive with O(entra_client_secret), O(entra_certificate_path) and O(entra_federated_token_file).
        The one that the task specifies takes precedence over another one in an environment variable.
      - If not given, the environment variable E(W365_ENTRA_MANAGED_IDENTITY) is used.
    type: str
  entra_cloud:
    description:
      - The Microsoft cloud of the tenant. V(public) is the worldwide one, V(usgov) the one of the US government,
        V(usgov_dod) the one of the US Department of Defense, V(china) the one that 21Vianet operates in China.
      - If not given, the environment variable E(W365_ENTRA_CLOUD) is used.
    type: str
    choices:
      - public
      - usgov
      - usgov_dod
      - china
    default: public
  entra_authority:
    description:
      - Another address for the sign-in service of O(entra_cloud), without the tenant, for a proxy or a test,
        such as V(https://localhost:8365).
      - If not given, the environment variable E(W365_ENTRA_AUTHORITY) is used.
    type: str
  graph_url:
    description:
      - Another address for the Microsoft Graph of O(entra_cloud), for a proxy or a test, such as
        V(https://localhost:8365/graph). C(/v1.0) is appended to it.
      - If not given, the environment variable E(W365_GRAPH_URL) is used.
    type: str
"""

    IMPORT_SCOPE = r"""
options:
  groups:
    description:
      - Groups of Microsoft Entra, by display name or object id. Their members are in scope.
      - The task fails when a group does not exist, and when a name belongs to more than one group; use the id then.
      - At least one of O(groups), O(domains) and O(everything) must select something. A scope without a single user is
        an error, because it is more often a missing permission than an empty tenant.
    type: list
    elements: str
  domains:
    description:
      - Verified domains of the tenant. Users whose UPN ends in one of them are in scope.
      - The task fails when the tenant does not have a domain.
      - The UPN of a guest ends in the initial domain of the tenant, such as V(contoso.onmicrosoft.com). Select guests
        by group.
    type: list
    elements: str
  everything:
    description:
      - Import all users of the tenant. O(groups), when they are given, then only select which groups are imported.
      - It must be set explicitly, so that an empty variable never means all users.
    type: bool
    default: false
  scope_match:
    description:
      - Whether a user must belong to one of O(groups) or one of O(domains) (V(any)), or to both (V(all)).
      - Only matters when O(groups) and O(domains) are both given.
    type: str
    choices:
      - any
      - all
    default: any
  nested_groups:
    description:
      - What to do with groups that are members of a group. V(skip) leaves them out, as the vendor's tool does, and
        lists them in RV(left_out). V(flatten) counts their users as members of the outer group, at any depth.
    type: str
    choices:
      - skip
      - flatten
    default: skip
  include_guests:
    description:
      - Whether guests are in scope.
    type: bool
    default: true
  include_groups:
    description:
      - Whether groups are imported, with those of their members that are in scope. With O(groups) these are imported;
        without, every group of the tenant that has a member in scope. A group without such a member is left out.
      - V(false) imports users only.
    type: bool
    default: true
  group_names:
    description:
      - Names of the groups that may be imported, without regard to case; V(*) matches anything. All groups may be
        imported when it is not given.
    type: list
    elements: str
  # BEGIN shared: user.attribute_map (written by "make docs" from docs/shared/user.yml)
  attribute_map:
    description:
      - Which property of a user in Microsoft Entra fills which field, as a dictionary. The fields, each with the
        property that fills it by default, are C(first_name) (C(givenName)), C(last_name) (C(surname)) and C(email)
        (C(mail), and the UPN where that is empty).
      - The properties are those texts of a user that Microsoft Graph returns in listings, such as C(employeeId),
        C(mailNickname) or C(onPremisesSamAccountName). Another one is refused with the list of all.
    type: dict
  # END shared: user.attribute_map
  exclude_users:
    description:
      - UPNs of users to leave out in any case, such as break-glass (emergency access) accounts.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Whether the task fails, before it has written anything, when an entry of O(exclude_users), O(group_names) or
        C(protected_users) matches nobody. Otherwise a warning gives the number of these entries, the first five, and
        names that may be meant. A misspelled entry neither excludes nor protects anybody.
      - Entries are looked for in the Microsoft tenant and, except for O(group_names), among the users of the environment.
    type: bool
    default: false
    version_added: 1.1.0
  # BEGIN shared: concurrency.options (written by "make docs" from docs/shared/concurrency.yml)
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
    version_added: 1.1.0
    type: int
  # END shared: concurrency.options

notes:
  - >-
    Some objects cannot be imported into Workspace 365. They are left out, and each is listed in RV(left_out) with its
    reason: users without a first or a last name, users whose account is disabled, distribution lists, mail-enabled
    security groups, and groups nested in a group (unless O(nested_groups=flatten)).
  - >-
    The app registration needs these application permissions of Microsoft Graph, with the consent of an administrator:
    C(User.Read.All), C(GroupMember.Read.All) and C(Organization.Read.All), and C(Member.Read.Hidden) for groups that hide
    their members. With fewer, Graph answers with empty names
    and no error; the task then fails and names the missing permission instead of using such an answer.
"""
