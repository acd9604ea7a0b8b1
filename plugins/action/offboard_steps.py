# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does what the role w365_offboard is there for: offboard_steps belongs to that role and is not for playbooks."""

from __future__ import annotations

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.offboard_action import OffboardAction


class ActionModule(OffboardAction):
    """Nothing in it: the name is what Ansible looks for."""
