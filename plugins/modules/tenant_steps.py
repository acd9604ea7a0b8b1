# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action plugin of the same name does everything.

from __future__ import annotations

DOCUMENTATION = r"""
module: tenant_steps
short_description: Internal, the task of the role w365_tenant
version_added: 1.1.0
description:
  - This is internal and can change in every release. Use the role P(workspace365.provisioning.w365_tenant#role).
  - Checks C(w365_tenant_definition), and then runs the modules of all steps of the role, in one task.
  - It reads the variables of the role itself.
options: {}
attributes:
  check_mode:
    support: full
    description: Each step runs in check mode.
  diff_mode:
    support: full
    description: Returns what each step that changes something returns.
author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Bring the tenant to its desired state
  ansible.builtin.include_role:
    name: workspace365.provisioning.w365_tenant
"""

RETURN = r"""
steps:
  description: What the module of each step returned, by the name of the step, for the steps that ran.
  returned: always
  type: dict
step:
  description: The name of the step that failed.
  returned: when a step failed
  type: str
tenant:
  description: The fact C(w365_tenant_result) of the role.
  returned: when the definition is right
  type: dict
scim_url:
  description: The fact C(w365_tenant_scim_url) of the role.
  returned: when the definition is right
  type: str
waits_for_scim:
  description: The fact C(w365_tenant_waits_for_scim) of the role.
  returned: when the definition is right
  type: bool
hidden:
  description: Whether the result is hidden, and so the facts are too.
  returned: when the definition is right
  type: bool
summary:
  description: The lines that the role shows.
  returned: always
  type: list
  elements: str
"""
