# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs w365_export; see the module for its options."""

from __future__ import annotations

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import ModuleAction


class ActionModule(ModuleAction):
    """Nothing in it belongs to one module only."""
