# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one tenant for the playbook fleet_audit: tenant_audit belongs to that playbook and is not for others."""

from __future__ import annotations

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant_audit_action import TenantAuditAction


class ActionModule(TenantAuditAction):
    """Nothing in it: the name is what Ansible looks for."""
