# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans of several environments: as lines for people, and as variables for the next job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.plans import (
    VARIABLES,
    checked_results,
    hosts_with_passwords,
    lines_of_plans,
    variable_name,
    variables_of_plans,
)


def plan_lines(results: Any, definitions: Mapping[str, Any] | None = None) -> list[str]:
    """See ``plan_lines.yml``. Raises AnsibleFilterError for something else than results by host."""
    return lines_of_plans(checked_results(results, "plan_lines"), hosts_with_passwords(definitions or {}))


def plan_variables(results: Any, environments: Mapping[str, str], revision: Any = "") -> dict[str, str]:
    """See ``plan_variables.yml``. Raises AnsibleFilterError for something else than results by host, and without a name."""
    plans = checked_results(results, "plan_variables")
    unnamed = [host for host, result in plans.items() if result.get("plan") and not environments.get(host)]
    if unnamed:
        raise AnsibleFilterError(
            f"The environment of {unnamed[0]} has no name. Give the host the variable w365_environment."
        )
    try:
        return variables_of_plans(plans, environments, str(revision or ""))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


def plan_variable(environment: Any, what: str = "plan") -> str:
    """See ``plan_variable.yml``. Raises AnsibleFilterError where no environment is named."""
    if not isinstance(environment, str) or not environment.strip():
        raise AnsibleFilterError("plan_variable needs the name of an environment, and it is blank.")
    if what not in VARIABLES:
        raise AnsibleFilterError(f"plan_variable knows {', '.join(VARIABLES)}, and not {what!r}.")
    return variable_name(environment, what)


class FilterModule:
    """What ansible-core asks a file of filters for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {"plan_lines": plan_lines, "plan_variables": plan_variables, "plan_variable": plan_variable}
