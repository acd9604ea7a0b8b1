# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that an import reads Microsoft Graph with: what has to be done with its certificates and permissions. Pure.

Certificates are renewed as client secrets are: the new one is added, and the former one is removed when `overlap` has passed.
The name of an own certificate says when it was added. All others are foreign: they are only written back as they were read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..api.applications import parsed_time
from ..api.import_application import GraphRoles
from ..api.values import OddValueError
from ..errors import GuardError, InputError
from ..model.applications import DAY, GRAPH_API, MULTI_TENANT, SINGLE_TENANT, SSO_TAG, Application
from ..model.import_application import (
    DesiredImportApplication,
    FederatedCredential,
    GrantedRole,
    KeyCredential,
    PublicCertificate,
)
from .applications import merged_access, merged_lock, merged_names
from .consent import EXACT, NONE
from .secrets import FOREIGN, FORMER, Holder, is_own_name

CURRENT = "current"
NEWER = "newer"

IMPORT = Holder("the import", "certificate_path or federated_credentials need none")


class OwnedCertificate(NamedTuple):
    """A certificate or key of the application and what it is: current, former, newer or foreign.

    The current one is that of certificate_path, or without it the newest own one. A newer one was added after it.
    """

    key: KeyCredential
    state: str


class CertificatePlan(NamedTuple):
    """What is to be done: `remove` at the end, and `add` the certificate first. `notes` are warnings."""

    certificates: tuple[OwnedCertificate, ...]
    add: bool
    remove: tuple[OwnedCertificate, ...]
    notes: tuple[str, ...]


class RolePlan(NamedTuple):
    """Application permissions: what is `granted`, what to grant (`missing`), and what is granted and not wanted (`excess`)."""

    granted: tuple[GrantedRole, ...]
    missing: tuple[str, ...]
    excess: tuple[GrantedRole, ...]


def check_dates(path: str, certificate: PublicCertificate, now: float) -> None:
    """Raises InputError for a certificate that nobody could sign in with."""
    if certificate.end <= now:
        what = f"has expired {(now - certificate.end) / DAY:.1f} days ago"
    elif certificate.start > now + DAY:
        what = f"is valid only in {(certificate.start - now) / DAY:.1f} days"
    else:
        return
    raise InputError(
        f"Option certificate_path: the certificate in {path!r} {what}, by the clock of this machine. Nothing was sent. Give one that is "
        "valid, or leave the option out."
    )


def added_at(key: KeyCredential) -> float | None:
    """When an own certificate was added, as its name says."""
    try:
        return parsed_time(key.name.split(" ")[2], "a time")
    except (IndexError, OddValueError):
        return None


def certificates_of(
    keys: Sequence[KeyCredential], wanted: PublicCertificate | None, mark: str
) -> tuple[OwnedCertificate, ...]:
    """Every certificate with what it is to this import, the newest first."""
    own = {key.key_id: added_at(key) or 0.0 for key in keys if is_own_name(key.name, mark)}
    # Of two of one second, the one that comes later in the list is newer.
    ages = {key.key_id: (own.get(key.key_id) or key.start or 0.0, at) for at, key in enumerate(keys)}
    listed = sorted(keys, key=lambda key: ages[key.key_id], reverse=True)
    if wanted is None:
        current = next((key for key in listed if key.key_id in own), None)
    else:
        same = [key for key in listed if key.thumbprint == wanted.thumbprint]
        current = next((key for key in same if key.key_id in own), same[0] if same else None)
    since = own.get(current.key_id) if current else None

    def state_of(key: KeyCredential) -> str:
        if current is not None and key.key_id == current.key_id:
            return CURRENT
        if key.key_id not in own:
            return FOREIGN
        return NEWER if since is not None and own[key.key_id] > since else FORMER

    return tuple(OwnedCertificate(key, state_of(key)) for key in listed)


def plan_certificates(
    keys: Sequence[KeyCredential],
    desired: DesiredImportApplication,
    now: float,
    overlap: float,
    warning: float,
    *,
    unreadable: str,
) -> CertificatePlan:
    """Raises GuardError where others hold a key that cannot be written back as it is, and something has to be written."""
    known = certificates_of(keys, desired.certificate, desired.mark)
    current = next((one.key for one in known if one.state == CURRENT), None)
    add = desired.certificate is not None and current is None
    remove: tuple[OwnedCertificate, ...] = ()
    since = added_at(current) if current and is_own_name(current.name, desired.mark) else None
    valid = current is not None and (current.end is None or current.end > now)
    if desired.certificate is not None and valid and since is not None and now - since > overlap:
        remove = tuple(one for one in known if one.state == FORMER)
    if add or remove:
        refuse_hidden(keys, unreadable)
    end = desired.certificate.end if add and desired.certificate else current.end if current else None
    notes: tuple[str, ...] = ()
    if end is not None and end - now < warning:
        left = "has expired" if end <= now else f"expires in {(end - now) / DAY:.1f} days"
        notes = (
            f"The certificate of the import {left}. Make a new one, give its public part in certificate_path, and its private key to the "
            f"import. The former one stays valid for {overlap / DAY:g} days after that.",
        )
    return CertificatePlan(known, add, remove, notes)


def refuse_hidden(keys: Sequence[KeyCredential], unreadable: str) -> None:
    """Raises GuardError for keys that could be lost when all are written together."""
    hidden = [key for key in keys if not key.readable]
    if not hidden or unreadable == "keep":
        return
    named = ", ".join(f"{key.key_id} ({key.name!r})" for key in hidden[:5])
    raise GuardError(
        f"Microsoft Graph does not show the content of {len(hidden)} keys of the application: {named}. All keys are written together, so "
        "these could be lost. No certificate was written. Give unreadable_keys=keep to send them back by their ids alone, as other tools do, "
        "or remove them in the portal."
    )


def plan_federated(
    known: Sequence[FederatedCredential], wanted: Sequence[FederatedCredential]
) -> list[tuple[FederatedCredential | None, FederatedCredential]]:
    """Those to create (without a present one) or to change. Others are never removed.

    Raises InputError where another one has the same issuer and subject, which Entra does not take twice.
    """
    by_name = {one.name: one for one in known}
    planned = []
    for one in wanted:
        current = by_name.get(one.name)
        same = next((two for two in known if (two.issuer, two.subject) == (one.issuer, one.subject)), None)
        if same is not None and same.name != one.name:
            raise InputError(
                f"Option federated_credentials, entry {one.name!r}: the application has issuer and subject in {same.name!r} already, and cannot "
                f"have them twice. Nothing was written. Call the entry {same.name!r}."
            )
        kept = one if one.description is not None or current is None else one._replace(description=current.description)
        if kept != current:
            planned.append((current, kept))
    return planned


def plan_roles(granted: Sequence[GrantedRole], desired: DesiredImportApplication) -> RolePlan:
    """Permissions of other APIs are not looked at, and one that Microsoft Graph no longer offers is never withdrawn."""
    names = {one.name for one in granted}
    missing = tuple(name for name in desired.permissions if name not in names)
    excess = tuple(one for one in granted if one.name and one.name not in desired.permissions)
    return RolePlan(tuple(granted), missing, excess)


def merged_import_properties(
    application: Application | None, desired: DesiredImportApplication, roles: GraphRoles, *, new: bool
) -> dict[str, Any]:
    """The properties of the application that have to be written, merged with those that it has."""
    changes = merged_names(application, desired.display_name, desired.marker)
    if application is not None and desired.audience and application.audience != desired.audience:
        changes["signInAudience"] = desired.audience
    raw: Mapping[str, Any] = application.raw if application else {}
    wanted = {GRAPH_API: [roles[name] for name in desired.permissions]}
    excess = {id.lower() for name, id in roles.items() if name not in desired.permissions}
    access = merged_access(
        raw.get("requiredResourceAccess") or [], wanted, "Role", excess if desired.consent == EXACT else ()
    )
    if access:
        changes["requiredResourceAccess"] = access
    return {**changes, **merged_lock(application, desired.lock, new=new)}


def purpose_notes(application: Application | None, desired: DesiredImportApplication) -> list[str]:
    """What speaks against using this application for an import."""
    if application is None:
        return []
    notes = []
    if any(tag.startswith(SSO_TAG) for tag in application.tags):
        notes.append(
            f"The application {application.client_id} is the one for single sign-on, whose secret Workspace 365 holds. With these permissions it "
            "can read the whole directory. Leave client_id out to have an application for the import alone."
        )
    if application.audience not in ("", SINGLE_TENANT, MULTI_TENANT):
        notes.append(
            f"The application {application.client_id} also takes personal Microsoft accounts ({application.audience}). An import needs none: give "
            f"sign_in_audience={SINGLE_TENANT}."
        )
    return notes


def withdrawn(plan: RolePlan, consent: str) -> tuple[GrantedRole, ...]:
    return plan.excess if consent == EXACT else ()


def given(plan: RolePlan, consent: str) -> tuple[str, ...]:
    return () if consent == NONE else plan.missing
