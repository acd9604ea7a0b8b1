# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether people could sign in with an app registration: one rule for each check, over what was read. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ..model.applications import DAY, Application, Grant, Principal

PASSED = "passed"
REFUSED = "refused"
WARNED = "warned"
UNKNOWN = "unknown"
SKIPPED = "skipped"

CHECKS = ("tenant", "principal", "redirect", "consent", "assignment", "secret_expiry", "emergency_access")
"""The names of the checks, in the order in which they are made."""

EXCHANGE_PLAN = "exchange"


class Check(NamedTuple):
    """What came of a check: passed, refused, warned, unknown or skipped, with a sentence for all but a passed one."""

    name: str
    outcome: str
    reason: str = ""

    def as_result(self) -> dict[str, str | None]:
        return {"name": self.name, "outcome": self.outcome, "reason": self.reason or None}


def unknown(name: str, why: str) -> Check:
    return Check(name, UNKNOWN, why)


def check_tenant(authority_tenant: str, domains: Sequence[str], tenant: str) -> Check:
    """Whether the authority's tenant is the one that Graph shows. An id can only be compared with that of the task."""
    wanted = authority_tenant.lower()
    if wanted in {domain.lower() for domain in domains} or wanted == tenant.lower():
        return Check("tenant", PASSED)
    if re.fullmatch(r"[0-9a-f-]{36}", wanted):
        return unknown("tenant", "The authority names the tenant by its id, and entra_tenant does not.")
    shown = ", ".join(sorted(domains)[:5])
    return Check(
        "tenant",
        REFUSED,
        f"The authority is about tenant {authority_tenant!r}, which is no verified domain of the tenant that entra_tenant names (it has "
        f"{shown}). Correct primary_domain or authority, or entra_tenant.",
    )


def check_principal(principal: Principal | None, client_id: str) -> Check:
    if principal is None:
        return Check(
            "principal",
            REFUSED,
            f"The tenant has no service principal (enterprise application) of client id {client_id}, so nobody can sign in with it. "
            "w365_sso_app creates it.",
        )
    if principal.enabled is False:
        return Check(
            "principal",
            REFUSED,
            f"The service principal {principal.display_name!r} is disabled for users to sign in (accountEnabled is false). Enable it in "
            "Microsoft Entra.",
        )
    if principal.enabled is None:
        return unknown("principal", "Microsoft Graph does not say whether the service principal is enabled.")
    return Check("principal", PASSED)


def check_redirect(application: Application | None, redirect: str) -> Check:
    if application is None:
        return unknown("redirect", "The app registration is not in this tenant, so its redirect URIs cannot be read.")
    if redirect in application.redirects:
        return Check("redirect", PASSED)
    slash = redirect in {one.rstrip("/") for one in application.redirects}
    other = " It has this address with a slash at the end, which is another one." if slash else ""
    return Check(
        "redirect",
        REFUSED,
        f"The app registration has no redirect URI {redirect}, so Microsoft Entra would refuse everybody (AADSTS50011).{other} "
        "w365_sso_app adds it.",
    )


def check_consent(grants: Sequence[Grant], resource_id: str, scopes: Sequence[str] | None) -> Check:
    """Whether the organization has consented to these scopes of Microsoft Graph; without a list, to any."""
    granted = {
        scope for grant in grants if grant.for_all and grant.resource_id == resource_id for scope in grant.scopes
    }
    missing = [scope for scope in scopes or () if scope not in granted]
    if granted and not missing:
        return Check("consent", PASSED)
    what = f"to {', '.join(missing[:5])}" if missing else "to any delegated permission of Microsoft Graph"
    return Check(
        "consent",
        REFUSED,
        f"The organization has not consented {what}, so users would see 'Need admin approval'. w365_sso_app consents.",
    )


def check_assignment(principal: Principal | None) -> Check:
    if principal is None or principal.assignment_required is None:
        return unknown("assignment", "Microsoft Graph does not say whether users must be assigned.")
    if principal.assignment_required:
        return Check(
            "assignment",
            WARNED,
            f"The service principal {principal.display_name!r} requires assignment: only users and groups that are assigned to it can "
            "sign in.",
        )
    return Check("assignment", PASSED)


def check_expiry(application: Application | None, key: str, now: float, least_days: float) -> Check:
    """By the hint, which is the beginning of a secret. Of several with the same hint the last one to expire counts."""
    if application is None:
        return unknown("secret_expiry", "The app registration is not in this tenant, so its secrets cannot be read.")
    ends = [one.end for one in application.passwords if one.hint and key.startswith(one.hint)]
    if not ends or None in ends:
        return unknown(
            "secret_expiry", "The app registration shows no secret that begins as the key does, with its end."
        )
    left = (max(end for end in ends if end is not None) - now) / DAY
    if left < least_days:
        return Check(
            "secret_expiry",
            REFUSED,
            f"The secret expires in {left:.1f} days, and min_secret_days is {least_days:g}. Make a new one, or let w365_sso_app do it.",
        )
    return Check("secret_expiry", PASSED)


def check_emergency(administrators: Collection[str], people: Sequence[Mapping[str, Any]], *, required: bool) -> Check:
    """Whether an active administrator has Exchange: Workspace 365 sends the code for emergency access to that mailbox."""
    wanted = {name.lower() for name in administrators}
    unread: list[str] = []
    for person in people:
        name, plans = str(person.get("userPrincipalName")), person.get("assignedPlans")
        names = {str(plan.get("service")).lower() for plan in plans or () if plan.get("capabilityStatus") == "Enabled"}
        if name.lower() in wanted and EXCHANGE_PLAN in names:
            return Check("emergency_access", PASSED)
        if name.lower() in wanted and plans is None:
            unread.append(name)
    if unread:
        return Check(
            "emergency_access",
            REFUSED if required else UNKNOWN,
            f"Microsoft Graph does not show the licenses of {', '.join(unread[:5])}, so whether one of them has emergency access is not "
            "known.",
        )
    return Check(
        "emergency_access",
        REFUSED if required else WARNED,
        "No active administrator of the environment has an Exchange license, which emergency access needs when single sign-on fails. "
        "Give one a license before you change single sign-on.",
    )
