# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Consent of the organization to delegated permissions: one grant for each client and resource (contract, G12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from ..errors import InputError
from ..model.applications import Grant, Principal, Resource

UNION = "union"
EXACT = "exact"
NONE = "none"


class ConsentPlan(NamedTuple):
    """The consent to one resource: `granted` now, `scopes` afterwards. `excess` is granted and not wanted.

    `resource_id` is empty while the resource has no service principal in the tenant.
    """

    resource: Resource
    resource_id: str
    grant_id: str
    granted: tuple[str, ...]
    scopes: tuple[str, ...]

    @property
    def changes(self) -> bool:
        return set(self.granted) != set(self.scopes)

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(scope for scope in self.resource.scopes if scope not in self.granted)

    @property
    def excess(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.granted) - set(self.resource.scopes)))


def plan_consent(resource: Resource, principal: Principal | None, grants: Sequence[Grant], mode: str) -> ConsentPlan:
    """What has to be granted for everybody. Grants of single people are never touched, and none is ever deleted."""
    id = principal.id if principal else ""
    found = next((grant for grant in grants if grant.for_all and id and grant.resource_id.lower() == id.lower()), None)
    granted = found.scopes if found else ()
    if mode == NONE:
        wanted = granted
    elif mode == EXACT:
        wanted = resource.scopes
    else:
        wanted = (*granted, *(scope for scope in resource.scopes if scope not in granted))
    return ConsentPlan(resource, id, found.id if found else "", granted, tuple(dict.fromkeys(wanted)))


def check_scopes(resource: Resource, principal: Principal) -> None:
    """Raises InputError for a scope that the resource does not offer."""
    check_names(resource.title, resource.scopes, principal.scopes, "delegated", "scopes")


def check_names(api: str, names: Iterable[str], offered: Collection[str], kind: str, option: str) -> None:
    """Raises InputError for the name of a permission of this kind that the API does not offer."""
    unknown = next((name for name in names if name not in offered), None)
    if unknown is None:
        return
    near = get_close_matches(unknown, offered, 3, 0.7)
    meant = f" It may be {' or '.join(map(repr, near))}." if near else ""
    raise InputError(
        f"{api} offers no {kind} permission {unknown!r} in this tenant, so nobody can consent to it. Nothing was "
        f"written.{meant} Check option {option}."
    )
