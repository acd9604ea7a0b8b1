# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The columns that filters and PATCH may name. Apart from userName, names are compared as the database does: with case.

In a file of its own, because django-scim2 reads it while it defines its adapters.
"""

from __future__ import annotations

from typing import ClassVar

from django_scim.filters import GroupFilterQuery, UserFilterQuery


class PersonFilter(UserFilterQuery):
    """The attributes of users that filters and PATCH may name, and their columns."""

    attr_map: ClassVar = {**UserFilterQuery.attr_map, ("externalId", None, None): "scim_external_id"}


class TeamFilter(GroupFilterQuery):
    """The same for groups."""

    attr_map: ClassVar = {("displayName", None, None): "name", ("externalId", None, None): "scim_external_id"}
