# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that an import reads Microsoft Graph with, as the options of w365_import_app describe it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import InputError
from ..model.import_application import (
    DEFAULT_PERMISSIONS,
    TOKEN_EXCHANGE,
    DesiredImportApplication,
    FederatedCredential,
    PublicCertificate,
)
from .environment import GUID_PATTERN
from .sso_app import (
    check_numbers,
    client_id_from_options,
    display_name_from_options,
    owners_from_options,
    permission_names,
)

NAME_PATTERN = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""A name is a part of that of a certificate, of which Entra keeps 90 characters (S)."""

FEDERATED_LIMIT = 20
"""The number of federated credentials of one application (S)."""

TEXT_LIMIT = 600
"""Characters of an issuer, a subject, an audience and a description (S)."""

ELSEWHERE = "other_tenant"

OF_HOME = (
    *("display_name", "sign_in_audience", "owners", "lock_service_principal", "certificate_path"),
    *("federated_credentials", "restore_deleted"),
)
"""The options about the registration itself, which another tenant has."""


def import_application_from_options(
    options: Mapping[str, Any], certificate: PublicCertificate | None
) -> DesiredImportApplication:
    """`certificate` is what the file of certificate_path holds. Raises InputError for values that cannot be right."""
    name = options["name"].strip().lower()
    if not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"Option name is {options['name']!r}: give 1 to 40 letters, digits and hyphens, with none at its ends, or leave it out "
            "where one import application is enough for the tenant."
        )
    return DesiredImportApplication(
        name=name,
        client_id=client_id_from_options(options),
        owner_tenant=_owner_tenant(options),
        display_name=display_name_from_options(options),
        audience=options.get("sign_in_audience"),
        owners=owners_from_options(options),
        lock=options.get("lock_service_principal"),
        permissions=permission_names(
            options,
            "permissions",
            DEFAULT_PERMISSIONS,
            "an application permission, such as User.Read.All",
            "an import needs",
        ),
        consent=options.get("consent", "union"),
        certificate=certificate,
        federated=tuple(_federated(one) for one in _distinct(options["federated_credentials"] or ())),
    )


def _owner_tenant(options: Mapping[str, Any]) -> str | None:
    if options["registered_in"] != ELSEWHERE:
        return None
    given = (options["owner_tenant"] or "").strip()
    if not given or not options["client_id"]:
        raise InputError(
            "Option registered_in=other_tenant needs client_id, and owner_tenant with the id (a GUID) of the tenant in which the "
            "application is registered: without it, an application of a stranger could be given the permissions. Nothing was written."
        )
    if not GUID_PATTERN.match(given):
        raise InputError(
            f"Option owner_tenant is {options['owner_tenant']!r}, which is not the id of a tenant: it has the form of a GUID, since "
            "Microsoft Graph says by it where an application is registered."
        )
    wrong = [name for name in OF_HOME if options.get(name)]
    if options.get("secret") == "managed":
        wrong.append("secret")
    if wrong:
        raise InputError(
            f"Option registered_in=other_tenant leaves nothing to do for {', '.join(wrong)}: they belong to the tenant in which the application is "
            "registered. Give them to the task for that tenant."
        )
    return str(given.lower())


def _distinct(given: Any) -> list[Mapping[str, Any]]:
    for about, names in (("name", ("name",)), ("issuer and subject", ("issuer", "subject"))):
        values = {tuple(str(one[name]).strip() for name in names) for one in given}
        if len(values) < len(given):
            raise InputError(f"Option federated_credentials has two entries with the same {about}. Leave one of them.")
    if len(given) > FEDERATED_LIMIT:
        raise InputError(
            f"Option federated_credentials has {len(given)} entries, and an application can have {FEDERATED_LIMIT}. Give fewer."
        )
    return list(given)


def _federated(given: Mapping[str, Any]) -> FederatedCredential:
    name = given["name"].strip()
    where = f"Option federated_credentials, entry {name!r}:"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,119}", name):
        raise InputError(f"{where} a name has 1 to 120 letters, digits, hyphens and underscores. Give such a name.")
    issuer, subject = given["issuer"].strip(), given["subject"].strip()
    audience = (given["audience"] or TOKEN_EXCHANGE).strip()
    if urlsplit(issuer).scheme != "https" or not urlsplit(issuer).netloc:
        raise InputError(
            f"{where} the issuer is {given['issuer']!r}, which is not an address that begins with https://. Give the value of the claim 'iss'."
        )
    texts = {"issuer": issuer, "subject": subject, "audience": audience, "description": given["description"] or "-"}
    for what, text in texts.items():
        if not 0 < len(text) <= TEXT_LIMIT:
            raise InputError(f"{where} its {what} is empty or longer than {TEXT_LIMIT} characters.")
    return FederatedCredential(name, issuer, subject, audience, given["description"])


def check_import_times(options: Mapping[str, Any]) -> None:
    """Raises InputError for numbers that cannot be right, and for a secret that nobody would get."""
    check_numbers(options, ("expiry_warning", 0, "days"))
    if (options["secret"] == "managed") != options["return_secret"]:
        raise InputError(
            "Options secret=managed and return_secret=true belong together: a secret is made only for a task that gets its text. Give "
            "both, or better certificate_path or federated_credentials."
        )
