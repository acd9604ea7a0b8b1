# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Documentation only: the action plugin of the same name does everything.

from __future__ import annotations

DOCUMENTATION = r"""
module: offboard_steps
short_description: Internal, the tasks of the role w365_offboard
version_added: 1.1.0
description:
  - This is internal and can change in every release. Use the role P(workspace365.provisioning.w365_offboard#role).
  - Confirms the offboarding of an environment and exports it, or takes it down, in one task.
options:
  part:
    description:
      - V(begin) confirms and exports, V(take_down) does the rest.
    type: str
    choices:
      - begin
      - take_down
    required: true
  begun:
    description:
      - What the task with O(part=begin) returned.
    type: dict
  environment:
    description:
      - What C(w365_offboard_environment) says.
    type: str
  confirm:
    description:
      - What C(w365_offboard_confirm) says.
    type: str
  stage:
    description:
      - What C(w365_offboard_stage) says.
    type: str
  export_dir:
    description:
      - What C(w365_offboard_export_dir) says.
    type: str
  export_tasks:
    description:
      - What C(w365_offboard_export_tasks) says.
    type: str
  export_kept:
    description:
      - What C(w365_offboard_export_kept) says.
    type: bool
  export_checked:
    description:
      - What C(w365_offboard_export_checked) says.
    type: bool
  allow_unreadable:
    description:
      - What C(w365_offboard_allow_unreadable) says.
    type: list
    elements: str
  instance:
    description:
      - What C(w365_offboard_instance) says.
    type: str
  retention:
    description:
      - What C(w365_offboard_retention) says.
    type: int
  deactivated_on:
    description:
      - What C(w365_offboard_deactivated_on) says.
    type: str
  delete_confirm:
    description:
      - What C(w365_offboard_delete_confirm) says.
    type: str
  entra:
    description:
      - What C(w365_offboard_entra) says.
    type: str
  redirect_hosts:
    description:
      - What C(w365_offboard_redirect_hosts) says.
    type: list
    elements: str
  check_others:
    description:
      - What C(w365_offboard_check_others) says.
    type: bool
  allow_many:
    description:
      - What C(w365_offboard_allow_many) says.
    type: bool
  report_file:
    description:
      - What C(w365_offboard_report_file) says.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    support: full
    description: Each step runs in check mode.
  diff_mode:
    support: full
    description: Returns what the modules of all steps return.
author:
  - Workspace 365 provisioning contributors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Offboard an environment
  ansible.builtin.include_role:
    name: workspace365.provisioning.w365_offboard
"""

RETURN = r"""
run:
  description: What tells a run of the role from others for the same host.
  returned: always
  type: str
known:
  description: What the first part has found, for the second one.
  returned: when the variables are right
  type: dict
steps:
  description: The steps that ran, as in the fact C(w365_offboard_result) of the role.
  returned: always
  type: list
  elements: dict
offboarding:
  description: The fact C(w365_offboard_result) of the role.
  returned: when the variables are right
  type: dict
report:
  description: What the first part has noted for the report, for the second one.
  returned: when O(report_file) is given
  type: dict
summary:
  description: The lines that the role shows.
  returned: always
  type: list
  elements: str
"""
