# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The two roads to the users and groups of an environment."""

    DOCUMENTATION = r"""
options: {}
notes:
  - >-
    Users, groups and memberships travel over SCIM (letter S) when O(scim_url) is given, and over the Provisioning API
    otherwise. The Provisioning API documents only how a user is validated and created (letter D); listing, changing and
    deleting users, and everything about groups, is assumed (letter A). SCIM is the sure road.
  - >-
    Workspace 365 wants one owner of the users of an environment: itself, a SCIM client or the synchronisation tool.
    Do not let two of them manage the same users.
  - UPNs and group names are compared without regard to case.
"""
