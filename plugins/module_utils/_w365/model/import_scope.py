# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which users and groups of a Microsoft tenant an import manages, and how."""

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
    """The scope of an import: the members of `groups` (names or ids), the users of `domains`, or all users.

    With `match` "any" a user is in scope by either, with "all" only by both. `flatten` includes the members of nested
    groups. `group_names` are patterns of the groups to import. `default_active` is the status of new users;
    `roles_from_entra` and `status_from_entra` say that Microsoft Entra decides about them. With `removes_users` users that
    are no longer in scope are removed.
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
    when_administrators_unknown: str = ""
    membership_limit: RemovalLimit = field(default_factory=lambda: RemovalLimit(25, per_cent=True))
    when_group_empty: str = "refuse"

    @property
    def includes_groups_of_users(self) -> bool:
        """Without chosen groups, the groups of the imported users are imported."""
        return self.include_groups and not self.groups

    @property
    def needs_everybody(self) -> bool:
        return self.everything or bool(self.domains)

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties of users in Microsoft Graph that the fields are taken from."""
        return tuple(self.attributes.values())

    def as_dict(self) -> dict[str, Any]:
        """The part of it that decides what is read, as JSON."""
        values = asdict(self)
        return {name: list(values[name]) for name in ("groups", "domains")} | {
            name: values[name] for name in ("everything", "match", "flatten")
        }

    def includes_group(self, group: Mapping[str, Any]) -> bool:
        """Whether the group's name matches `group_names`."""
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
