# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The two services through which the users and groups of an environment are managed."""

    DOCUMENTATION = r"""
options: {}
notes:
  - >-
    Users, groups and memberships are managed through SCIM when O(scim_url) is given, and through the Provisioning API
    otherwise. Of the latter the vendor has documented only how a user is validated and created; listing, changing and
    deleting users, and everything about groups, use endpoints that the vendor has not documented. Prefer SCIM.
  - >-
    Workspace 365 expects one owner of the users of an environment, which is itself, a SCIM client or the
    synchronization tool. Do not let two of them manage the same users.
  - >-
    UPNs and group names are compared without regard to case and to Unicode's normal form. Two users or two groups of one
    name are an error that lists both with their ids.
"""
