# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far a whole directory is, while the module of the same name works."""

from __future__ import annotations

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.progress import ProgressAction


class ActionModule(ProgressAction):
    """The module's options are documented with the module."""
