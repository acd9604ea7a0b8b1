# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which app registrations for single sign-on belong to one environment alone, so that they can go with it. Pure.

The tag is the mark of the collection. A name, a redirect URI and a unique name only make an app registration look like one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.applications import Application, DesiredApplication
from ..model.import_application import FederatedCredential, KeyCredential
from ..model.names import comparison_key
from .applications import plain
from .secrets import FOREIGN, LINKED, WRITING, secrets_of, tag

OWN_TAGS = "w365:"
"""How every tag of the collection begins."""


def looks_like(application: Application, desired: DesiredApplication) -> bool:
    """Whether anything of it is as in an app registration of this environment."""
    return (
        desired.marker in application.tags
        or application.unique_name == desired.unique_name
        or not {*desired.redirects}.isdisjoint(plain(application.redirects))
        or comparison_key(application.display_name) == comparison_key(desired.title)
    )


def why_left(application: Application, desired: DesiredApplication) -> str:
    """Why nothing of it may be removed, as the end of a sentence that begins with its name; empty when it may go.

    People can only be sent back to an address that is among the redirect URIs (contract; D), so an app registration
    without those of others signs nobody else in.
    """
    if desired.marker not in application.tags:
        return f"does not have the tag {desired.marker}, so nothing shows that it was made for this environment"
    kept = (tag(LINKED, desired.environment, ""), tag(WRITING, desired.environment, ""))
    others = [
        one
        for one in application.tags
        if one.startswith(OWN_TAGS) and one != desired.marker and not one.startswith(kept)
    ]
    if others:
        return f"also has the tag {others[0]}, so something else uses it"
    strange = sorted(plain(application.redirects) - {*desired.redirects})
    if strange:
        return f"also sends people back to {strange[0]}, which is no address of this environment (redirect_hosts names its other hosts)"
    return ""


def foreign_credentials(
    application: Application,
    environment: str,
    keys: Sequence[KeyCredential],
    federated: Sequence[FederatedCredential],
    now: float,
) -> str:
    """What somebody else can still sign in to it with, in words; empty for nothing. One without an end does not expire."""
    secrets = [
        one for one in secrets_of(application, environment) if one.state == FOREIGN and one.password.is_valid(now)
    ]
    valid = [one for one in keys if one.end is None or one.end > now]
    counts = {"client secrets": len(secrets), "certificates": len(valid), "federated credentials": len(federated)}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
