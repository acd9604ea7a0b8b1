# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which unlisted objects may be removed: of which kinds, in which scope, up to which limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .directory import Group, User
from .names import external_id_key, is_object_id, name_matches


@dataclass(frozen=True)
class RemovalScope:
    """The objects that a purge may remove: those that match every given criterion. All values are comparison keys.

    `groups` are names in which an asterisk matches any text. For users they mean membership, for groups the name.
    `from_entra` restricts it to imported objects, whose external id is the object id in Microsoft Entra.
    """

    domains: frozenset[str] = frozenset()
    groups: tuple[str, ...] = ()
    external_id_prefix: str = ""
    from_entra: bool = False

    def group_named(self, name: str) -> bool:
        return any(name_matches(pattern, name) for pattern in self.groups)

    def origin_fits(self, external_id: str | None) -> bool:
        given = external_id or ""
        return given.startswith(self.external_id_prefix) and (not self.from_entra or is_object_id(given))


@dataclass(frozen=True)
class RemovalLimit:
    """How many objects of one kind one run may remove: a count, or a percentage of those in scope, rounded up."""

    number: float
    per_cent: bool = False

    def of(self, in_scope: int) -> int:
        # 10 % of 30 is 3 and not 4, despite floating-point rounding.
        return math.ceil(round(in_scope * self.number / 100, 6)) if self.per_cent else int(self.number)

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.per_cent else ''}"


@dataclass(frozen=True)
class RemovalPolicy:
    """Which kinds are purged, of which scope, up to which limit, which is the value of `option`.

    `spared` are external ids, and keys of users, that are never removed although the task does not list them. With
    `counts_named` the users that the task itself deletes count towards the limit.
    """

    kinds: frozenset[str]
    scope: RemovalScope | None = None
    limit: RemovalLimit = RemovalLimit(10, per_cent=True)
    option: str = "purge_limit"
    spared: frozenset[str] = frozenset()
    counts_named: bool = False

    def spares(self, thing: User | Group) -> bool:
        known = {external_id_key(thing.external_id)} | ({thing.key} if isinstance(thing, User) else set())
        return not self.spared.isdisjoint(known - {""})
