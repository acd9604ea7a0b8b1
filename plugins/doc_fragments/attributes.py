# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module promises."""

    DOCUMENTATION = r"""
options: {}
attributes:
  # BEGIN shared: attributes.changing (written by "make docs" from docs/shared/attributes.yml)
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
    details:
      - The task makes the same plan as a real run and stops before its first write. Endpoints that only check, such as
        C(POST /{EnvironmentName}/User/Validate/), are called in check mode too.
      - An environment that does not exist yet counts as empty in check mode, with a warning, so that a whole tenant can
        be previewed before it exists.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)) in diff mode.
    support: full
    details:
      - Secrets never appear in a diff.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
  action_group:
    description: Use C(group/workspace365.provisioning.w365) in C(module_defaults) to set the connection options.
    support: full
    membership:
      - workspace365.provisioning.w365
  # END shared: attributes.changing
"""

    INFO = r"""
options: {}
attributes:
  # BEGIN shared: attributes.reading (written by "make docs" from docs/shared/attributes.yml)
  check_mode:
    description: Can run in C(check_mode) and return what would change, without changing anything.
    support: full
    details:
      - This module only reads.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)) in diff mode.
    support: N/A
    details:
      - This module only reads.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
    support: full
    details:
      - This module only reads.
  action_group:
    description: Use C(group/workspace365.provisioning.w365) in C(module_defaults) to set the connection options.
    support: full
    membership:
      - workspace365.provisioning.w365
  # END shared: attributes.reading
"""
