# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/contract.md from the table of endpoints in plugins/module_utils/_w365/api/endpoints.py.

`write_contract.py` writes the file; `write_contract.py --check` fails with a sentence when it is stale. So the
published letters are those that the code uses. What the table cannot say (rules beside the endpoints, calls without
a module, what each module does on which server) is in this file.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from common import ROOT, Problem, module_names, run_main

PACKAGE = ROOT / "plugins" / "module_utils" / "_w365"
TARGET = ROOT / "docs" / "contract.md"

# Service in the table -> heading, and what its paths are relative to.
SERVICES = {
    "provisioning": ("Provisioning API", "`https://<instance>/Provisioning`, with the header `ProvisioningKey`"),
    "scim": ("SCIM 2.0", "`scim_url`, with the header `Authorization: Bearer <scim_token>`"),
    "graph": ("Microsoft Graph", "`https://graph.microsoft.com/v1.0`, or that of `entra_cloud` or `graph_url`"),
    "page": ("The sign-in page", "`https://<instance>`, without any header that authenticates"),
}

# Calls for which there is no module; w365_api reaches them. Method and path, letter, content.
WITHOUT_MODULE = (
    ("GET /{environment}/UserLicenses/", "D", "bought and used licenses; deprecated by the vendor since 2.50"),
    ("PUT /{environment}/UserLicenses/Count/", "D", "a bare number, the new total; deprecated since 2.50"),
)

# Rules that the code follows and that are not endpoints.
RULES = (
    ("Provisioning API", "D", "Headers `ProvisioningKey` and `X-Requested-With: XMLHttpRequest`; TLS 1.2 or newer."),
    ("Provisioning API", "D", "Names in requests are PascalCase; a body may be a bare JSON value; 200 also for a create."),
    ("Provisioning API", "A", "Names in answers are read without regard to case."),
    ("Provisioning API", "D", "400 is a list of `ValidationResult`."),
    ("Provisioning API", "A", "The inner form of a `ValidationResult`, and the words that mean that an object exists."),
    ("Provisioning API", "D", "403 has three causes: wrong key, no key configured, interface switched off."),
    ("Provisioning API", "D", "500 may mean that the server could not read the object that was sent."),
    ("Environments", "D", "A create answers with the name as the server sanitized it; names are lower case in later calls."),
    ("Environments", "D", "`demo` is refused for a new environment. There is no rename."),
    ("Environments", "C", "Public clients use small letters and digits only. So a new name is predicted; the server's name is used."),
    ("Users", "D", "The e-mail address of a user equals the UPN in Microsoft Entra. First and last name are needed."),
    ("Users", "D", "A user on the deleted-users list is permanently deleted after 30 days."),
    ("Users", "D", "SCIM: inactive, active again and deleted mean deleted-users list, restore with memberships, and permanent deletion."),
    ("Users", "S", "SCIM: the attributes `displayName`, `title`, `phoneNumbers`, `preferredLanguage` and `department` (RFC 7643)."),
    ("Users", "A", "SCIM: whether Workspace 365 keeps these five. `/Schemas` is asked; where it does not say, users are read back."),
    ("Names", "S", "`userName` and `displayName` ignore case (RFC 7643, `caseExact`); Unicode NFC is one name (UAX 15)."),
    ("Names", "S", "A UPN in Microsoft Entra has letters, digits and `' . - _ ! # ^ ~`; Microsoft lists what it refuses."),
    ("Names", "A", "Whether `eq` ignores case on a server. It is asked for a user in other capitals; unknown means that it does not."),
    ("Settings", "C", "`ServerType` is `Office365`, `AuthenticationType` is `OAuth2`; the SharePoint host is made of the initial domain."),
    ("Users", "A", "SCIM: `active=false`, `active=true` and `DELETE` are what causes these three."),
    ("Administrators", "D", "Only active users can be administrators. The role is never managed through SCIM."),
    ("Administrators", "D", "The first administrator is the primary one; the next takes over when it is deleted or inactive."),
    ("Permissions", "D", "Groups and everybody have permissions: Allow, Not set or Deny. A person sets them; no API for them is public."),
    ("Permissions", "D", "Administrators may do everything."),
    ("Permissions", "A", "A Deny does not concern administrators."),
    ("Permissions", "D", "One Deny denies, whatever the other values are."),
    ("Permissions", "A", "Without a Deny, one Allow allows."),
    ("Permissions", "A", "When everything is Not set, the permission is denied."),
    ("Permissions", "D", "A category editor of the Hub creates, edits and deletes in the category."),
    ("Permissions", "D", "A category owner of the Hub does what an editor does, and manages the category."),
    ("Permissions", "A", "Users on the deleted-users list cannot sign in, whatever they may do."),
    ("Permissions", "A", "The names of permissions that the collection knows are all that there are. A task can give more."),
    ("Single sign-on", "D", "Authority, client id and key must match the app registration, or nobody can sign in."),
    ("Applications", "S", "Deleting an app registration deletes its service principal too. Both can be restored for 30 days."),
    ("Single sign-on", "D", "The authority is `https://login.windows.net/<primary domain>`."),
    ("Import", "D", "No users without first or last name; no distribution lists, mail-enabled security groups, nested groups."),
    ("SCIM", "S", "RFC 7643 and 7644: `eq` filters, paging, `PATCH` in the standard's form."),
    ("SCIM", "A", "Switched off in the environment, the service answers 401 or 403."),
    ("SCIM", "D", "The attributes `userName`, `name`, `emails`, `active`, `displayName`, `externalId`, `members`."),
    ("Microsoft Entra", "S", "OAuth 2.0 client credentials at `/oauth2/v2.0/token`; error codes `AADSTS…`."),
    ("Single sign-on", "D", "The redirect URI is `https://<instance>/<environment>/OAuth2/HandleAuthorityResponse`, without a slash at the end."),
    ("Single sign-on", "C", "Home page, log-out page and display name of the app registration; the delegated permissions that are asked for."),
    ("Single sign-on", "D", "The delegated permissions may be narrowed. Guests and aliases need a claim in the id token."),
    ("App registration", "S", "Created by upsert under a `uniqueName`. Secrets are only added and removed, never written in a `PATCH`."),
    ("App registration", "C", "One right answer proves nothing: five reads, or three tokens of a new secret, in a row."),
    ("App registration", "S", "One consent for each API and everybody; a second one is refused with 409, so the first one is changed."),
    ("App registration", "S", "`Directory_ConcurrencyViolation` (409 or 503) means that nothing was done; it is sent again."),
    ("App registration", "A", "Which permission reads the tenant's policy of secrets. Where it cannot be read, Entra decides."),
    ("Import application", "S", "`keyCredentials` is one list that a `PATCH` replaces: existing entries are sent back with their `key`."),
    ("Import application", "S", "`key` is shown only by `GET /applications/{id}?$select=keyCredentials`; the list is read again before each write."),
    ("Import application", "C", "Entries whose `key` is not shown stay when they are sent back by `keyId`; only with `unreadable_keys: keep`."),
    ("Import application", "A", "An entry that is sent back with `keyId` and `key` keeps its `keyId`. It is looked for by its thumbprint afterwards."),
    ("Import application", "S", "Federated credentials are created and changed by upsert under their name; issuer and subject are there once."),
    ("Import application", "S", "Application permissions are role assignments of the service principal on that of Microsoft Graph; ids are looked up."),
    ("Import application", "S", "A certificate is documented for at most one year; its own dates are sent, and Entra decides."),
    ("SCIM application", "S", "Instantiating the template may answer 404 and have done it, so it is looked for by a name that only one run has."),
    ("SCIM application", "C", "Right after the creation, the synchronization answers 403, 404 or 409 for a while."),
    ("SCIM application", "S", "A job is never deleted: a second one cannot be used. Restarts have an empty scope, or `ForceDeletes` after a confirmation."),
    ("SCIM application", "S", "Secret settings are shown as `*`, which is never sent. All settings are written together."),
    ("SCIM application", "A", "Any status from 400 to 499 of `validateCredentials` but 401, 403, 404, 409 and 429 is a refusal of the SCIM service."),
    ("SCIM application", "S", "`aadOptscim062020` in the query of the address selects PATCH requests of the standard, but not on demand."),
    ("SCIM application", "A", "The provisioning logs need `AuditLog.Read.All`."),
    ("Microsoft Graph", "S", "`assignedPlans` of a user names services, such as `exchange`; `hint` is the beginning of a secret."),
    ("Microsoft Graph", "S", "Paging by `@odata.nextLink`; with too few permissions members come without properties."),
)  # fmt: skip

# Module -> what works with D, C and S of the Provisioning API alone, what scim_url adds, what the letter A adds.
MODULES = {
    "w365_environment": (
        "everything; where the list of environments shows no status, `when_unreadable` decides about `active`",
        "no difference",
        "no difference: all paths are D, only some answers are A",
    ),
    "w365_environment_info": (
        "everything; where the list cannot be read, one environment is found by Validate (D)",
        "no difference",
        "no difference",
    ),
    "w365_user": (
        "creates who is missing (D); an existing user stays as it is, with `compared: false`; first and last name "
        "must always be given; `state: absent`, `identity`, `update_password: always` and a new user with "
        "`active: false` fail before anything is written",
        "everything (S) but `administrator`, `password` and `create_in_office365`",
        "compares, changes, renames, restores and deletes; no `email`, `external_id` and `permanent`",
    ),
    "w365_user_info": ("fails and names `user.list`", "everything (S) but the administrator role", "everything"),
    "w365_group": (
        "fails and names `group.list`",
        "everything (S) but `description`",
        "everything but `external_id`",
    ),
    "w365_group_info": ("fails and names `group.list`", "everything (S)", "everything"),
    "w365_admin": ("fails and names `user.list`", "no difference: the role is never managed through SCIM (D)", "everything"),
    "w365_admin_info": ("fails and names `user.list`", "no difference", "everything"),
    "w365_settings": (
        "writes (C); cannot compare, so `when_unreadable` decides",
        "no difference",
        "everything",
    ),
    "w365_settings_info": ("returns nothing, and says so in `readable`", "no difference", "everything"),
    "w365_sso": (
        "writes (C); cannot compare, so `when_unreadable` decides",
        "no difference",
        "compares authority and client id; the key is never readable",
    ),
    "w365_sso_app": (
        "creates and links the app registration (S); what Workspace 365 holds is known from the mark in Entra only",
        "no difference",
        "compares authority and client id, and makes a new secret where they differ",
    ),
    "w365_sso_app_info": ("everything but `sso`", "no difference", "everything"),
    "w365_import_app": ("everything: it uses Microsoft Graph (S)", "no difference", "no difference"),
    "w365_import_app_info": ("everything: it only reads Microsoft Graph (S)", "no difference", "no difference"),
    "w365_scim_app": ("everything: it uses Microsoft Graph (S)", "no difference", "no difference"),
    "w365_scim_app_info": ("everything: it only reads Microsoft Graph (S)", "no difference", "no difference"),
    "w365_sso_info": ("fails and names `sso.read`", "no difference", "everything"),
    "w365_o365_import": (
        "creates the missing users one by one (D) with `include_groups: false`; with groups it fails before its "
        "first write",
        "everything (S)",
        "everything; records no Entra id, because users there have none",
    ),
    "w365_o365_import_info": ("everything: it only reads Microsoft Graph (S)", "no difference", "no difference"),
    "w365_export": (
        "writes whether the environment is active (A); everything else is listed as not readable, so the task fails",
        "writes users and groups too (S); administrators and single sign-on (A) are listed as not readable",
        "everything but `external_id`, `email` and who belongs to an import",
    ),
    "w365_directory": (
        "asks Validate and creates the missing users one by one (D); with groups, administrators or deletions it fails "
        "before its first write",
        "everything but administrators (S), which need the Provisioning API (A)",
        "everything but `external_id` and `email`",
    ),
    "w365_api": ("any path; what the server does not have is answered by the server", "`service: scim`", "no difference"),
}  # fmt: skip


def load_contract() -> Any:
    """The collection's own table of endpoints, without Ansible and without an installed collection."""
    name = "w365_published_contract"
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(PACKAGE)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{name}.api.endpoints")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown. A | inside a cell would end it."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def endpoint_rows(contract: Any, service: str) -> list[list[str]]:
    """One line for every endpoint of a service, in the order of the code's table."""
    return [
        [
            f"`{endpoint.id}`",
            f"`{endpoint.method} {endpoint.path}`",
            endpoint.letter,
            endpoint.payload,
            endpoint.purpose,
            "yes" if endpoint.writes else "no",
            "yes" if endpoint.repeatable else "no, looked up first",
        ]
        for endpoint in contract.ENDPOINTS.values()
        if endpoint.service == service
    ]


def render() -> str:
    """The whole file. Raises Problem when a service or a module has no text here yet."""
    contract = load_contract()
    unknown = {endpoint.service for endpoint in contract.ENDPOINTS.values()} ^ set(SERVICES)
    if unknown:
        raise Problem(
            f"tools/write_contract.py and api/endpoints.py differ in the services {', '.join(sorted(unknown))}."
        )
    if different := module_names() ^ set(MODULES):
        raise Problem(f"tools/write_contract.py and plugins/modules differ in {', '.join(sorted(different))}.")
    parts = [
        HEAD,
        markdown_table(
            ("Letter", "Meaning", "What the collection does with it"),
            [(f"**{letter}**", meaning, USE[letter]) for letter, meaning in contract.LETTERS.items()],
        ),
        AFTER_LETTERS,
        "## Endpoints",
        "*Path* is the letter of method and path, *content* that of the request and answer bodies. *Repeated* says whether a "
        "request whose answer was lost is simply sent again. What is not repeatable is looked up first.",
    ]
    for service, (heading, root) in SERVICES.items():
        parts += [
            f"### {heading}",
            f"Relative to {root}.",
            markdown_table(
                ("Id", "Call", "Path", "Content", "What for", "Writes", "Repeated"), endpoint_rows(contract, service)
            ),
        ]
    parts += [
        "### Calls without a module",
        "The module `w365_api` reaches them. Relative to the root of the Provisioning API.",
        markdown_table(("Call", "Letter", "Content"), [(f"`{call}`", *rest) for call, *rest in WITHOUT_MODULE]),
        "## Rules beside the endpoints",
        markdown_table(("About", "Letter", "Rule"), RULES),
        OVERRIDE,
        "## Which module works on which server",
        "*Only documented endpoints* is a Provisioning API that answers D and C and has nothing of A; no `scim_url` is "
        "given. *With SCIM*: `scim_url` and `scim_token` are given as well. *With assumed endpoints*: the Provisioning "
        "API has those with the letter A too, and no `scim_url` is given.",
        markdown_table(
            ("Module", "Only documented endpoints", "With SCIM", "With assumed endpoints"),
            [(f"`{module}`", *MODULES[module]) for module in MODULES],
        ),
        TAIL,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def check(text: str) -> None:
    """Raise Problem when the file does not hold this text."""
    try:
        found = TARGET.read_text(encoding="utf-8")
    except OSError:
        found = ""
    if found != text:
        raise Problem(
            f"{TARGET.relative_to(ROOT)} is stale: it differs from what plugins/module_utils/_w365/api/endpoints.py and "
            "tools/write_contract.py give. Run: python tools/write_contract.py"
        )


HEAD = """
<!--
Copyright (c) 2026, Workspace 365 provisioning contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by tools/write_contract.py. Do not edit it here.
-->

# The contract: every endpoint, and how sure we are of it

This collection is not made by the vendor of Workspace 365. Only a part of the vendor's Provisioning API is documented
in public. So every endpoint, and every rule that the code follows, has a letter.
"""

USE = {
    "D": "relies on it",
    "C": "relies on method, path and body, on nothing about the answer",
    "S": "relies on it",
    "A": "uses it, and fails with a message that names the endpoint when the server answers 404 or 405",
}

AFTER_LETTERS = """
An assumption never gets a better letter than A. If your server answers an endpoint with the letter A, please tell us in an
issue: the request, the status and the answer, without keys and names. It can turn an A into a C.
"""

OVERRIDE = """
## When your server has an endpoint elsewhere

The option `endpoints` gives single endpoints another path. The keys are the ids of the tables above. The values are
paths relative to the root of the same service; they begin with `/` and may hold `{environment}`, `{id}` and `{inner}`. Method and
body stay as they are.

```yaml
- name: Read the users from a server that lists them under another path
  workspace365.provisioning.w365_user_info:
    instance_url: https://workspace.contoso.com
    provisioning_key: "{{ w365_provisioning_key }}"
    environment: contoso
    endpoints:
      user.list: /{environment}/Users/
```

Write it once, in `module_defaults` of the group `group/workspace365.provisioning.w365`, and all modules use it. An id
that is not in the tables is refused, with the list of those that are.
"""

TAIL = """
A task reads before it writes. So on a server that has only the documented endpoints, a task that needs more fails
before its first write. The message names the endpoint and what to do: usually `scim_url`, or `endpoints`.
"""


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write docs/contract.md from the table of endpoints in the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is stale")
    options = parser.parse_args()
    text = render()
    if options.check:
        check(text)
        print(f"{TARGET.relative_to(ROOT)} is up to date.")
    else:
        TARGET.write_text(text, encoding="utf-8")
        print(f"Wrote {TARGET.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    run_main(main)
