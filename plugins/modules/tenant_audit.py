# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action plugin of the same name does everything.

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_audit
short_description: Internal, the task of the playbook fleet_audit
version_added: 1.1.0
description:
  - This is internal and can change in every release. Use the playbook C(fleet_audit).
  - Reads everything about one tenant that the report needs, with several modules in one task, and compares it with what its
    files describe. What could not be read is part of the result, with the reason; the task does not fail.
options: {}
attributes:
  check_mode:
    support: full
    description: Every step runs in check mode in any case. Nothing is written.
  diff_mode:
    support: none
    description: It does not show differences, which could name people.
author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the tenant
  workspace365.provisioning.tenant_audit:
  register: audit_read
"""

RETURN = r"""
audit:
  description: What was read, for P(workspace365.provisioning.fleet_audit#filter).
  returned: always
  type: dict
"""
