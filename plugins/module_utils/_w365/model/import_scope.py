# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who of a Microsoft tenant an import brings along, and what it may do.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .fields import USER_FIELDS
from .names import name_matches
from .removal_policy import RemovalLimit

MAPPABLE = tuple(name for name, field in USER_FIELDS.items() if field.graph or field.optional)
"""The fields that option attribute_map may name."""

ATTRIBUTES: Mapping[str, str] = {name: field.graph for name, field in USER_FIELDS.items() if field.graph}
"""Where the fields of a user come from, unless option attribute_map says something else."""


@dataclass(frozen=True)
class ImportScope:
    """Who is to be imported: the members of `groups` (names or ids), the users of `domains`, or everybody.

    With `match` "any" it is enough to be in one of both, with "all" one must be in both. `flatten` counts the members of
    nested groups too. `group_names` are patterns of the groups that are brought along. `default_active` is what new users
    become; `roles_from_entra` and `status_from_entra` say whose word counts. `removes_users` takes away who has left.
    """

    groups: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    everything: bool = False
    match: str = "any"
    flatten: bool = False
    include_guests: bool = True
    include_groups: bool = True
    group_names: tuple[str, ...] = ()
    exclude_users: frozenset[str] = frozenset()
    default_active: bool = True
    attributes: Mapping[str, str] = field(default_factory=lambda: dict(ATTRIBUTES))
    roles_from_entra: bool = False
    status_from_entra: bool = True
    removes_users: bool = False
    delete_limit: RemovalLimit = field(default_factory=lambda: RemovalLimit(10, per_cent=True))
    protected: frozenset[str] = frozenset()

    @property
    def brings_all_groups(self) -> bool:
        """Without chosen groups, the groups of the people who come are brought along."""
        return self.include_groups and not self.groups

    @property
    def needs_everybody(self) -> bool:
        return self.everything or bool(self.domains)

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties of users that the fields come from."""
        return tuple(self.attributes.values())

    def as_dict(self) -> dict[str, Any]:
        """What of it decides who and what is read, in words that a file can hold."""
        said = asdict(self)
        return {name: list(said[name]) for name in ("groups", "domains")} | {
            name: said[name] for name in ("everything", "match", "flatten")
        }

    def brings(self, group: Mapping[str, Any]) -> bool:
        """Whether the group's name is one of those that are brought along."""
        name = str(group.get("displayName") or "")
        return not self.group_names or any(name_matches(pattern, name) for pattern in self.group_names)


TEXT_PROPERTIES = (
    "city",
    "companyName",
    "country",
    "department",
    "displayName",
    "employeeId",
    "givenName",
    "jobTitle",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesSamAccountName",
    "onPremisesUserPrincipalName",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
)
"""Properties of a user that a field can be taken from: texts that Graph gives in listings."""
