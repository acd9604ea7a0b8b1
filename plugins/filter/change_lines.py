# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run changes, or would change: as lines for people, and over several environments as a reason not to begin."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible import constants
from ansible.errors import AnsibleFilterError
from ansible.inventory.manager import split_host_pattern

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.removal_options import (
    limit_from_option,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import untrusted
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import (
    environments_by_name,
    shared_addresses,
    shared_environments,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_outcomes import (
    lines_of_outcomes,
    outcomes,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.plans import (
    checked_results,
    hosts_with_passwords,
    lines_of_changes,
    losses,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import line_of_results


def change_lines(results: Any, definitions: Mapping[str, Any] | None = None) -> list[str]:
    """See ``change_lines.yml``. Raises AnsibleFilterError for something else than results by host."""
    return lines_of_changes(checked_results(results, "change_lines"), hosts_with_passwords(definitions or {}))


def fleet_losses(results: Any, limit: Any) -> str:
    """See ``fleet_losses.yml``. Raises AnsibleFilterError for something else than results by host, and for an odd limit."""
    try:
        allowed = limit_from_option(str(limit), "w365_fleet_limit")
    except InputError as error:
        raise AnsibleFilterError(str(error).removeprefix("Option ")) from error
    return losses(checked_results(results, "fleet_losses"), allowed)


def fleet_outcomes(
    hosts: Iterable[str], hostvars: Mapping[str, Any], needed: Collection[str] = ()
) -> dict[str, dict[str, Any]]:
    """See ``fleet_outcomes.yml``."""
    found: dict[str, dict[str, Any]] = untrusted(outcomes(hosts, hostvars, needed))
    return found


def sync_shared(configurations: Any) -> str:
    """See ``sync_shared.yml``. Raises AnsibleFilterError for something else than a list of dictionaries."""
    listed = isinstance(configurations, Sequence) and not isinstance(configurations, str)
    if not listed or not all(isinstance(each, Mapping) for each in configurations):
        raise AnsibleFilterError("sync_shared needs a list of dictionaries.")
    return shared_addresses(configurations)


def fleet_shared(found: Any, hostvars: Mapping[str, Any] | None = None) -> str:
    """See ``fleet_shared.yml``. Raises AnsibleFilterError for something else than outcomes by host, or than names of hosts."""
    if hostvars is not None:
        if isinstance(found, (str, Mapping)) or not isinstance(found, Sequence):
            raise AnsibleFilterError("fleet_shared needs a list with the names of hosts.")
        return shared_environments(environments_by_name(found, hostvars))
    outcomes_by_host = checked_results(found, "fleet_shared")
    return shared_environments({host: str(given.get("environment") or "") for host, given in outcomes_by_host.items()})


def outcome_lines(found: Any, check_mode: bool = False) -> list[str]:
    """See ``outcome_lines.yml``. Raises AnsibleFilterError for something else than outcomes by host."""
    return lines_of_outcomes(checked_results(found, "outcome_lines"), check_mode)


def result_line(result: Any, environment: Any = "", check_mode: bool = False) -> str:
    """See ``result_line.yml``. Raises AnsibleFilterError for something else than the result of a module."""
    if not isinstance(result, Mapping):
        raise AnsibleFilterError("result_line needs the result of a module, which is a dictionary.")
    failed = "" if result.get("failed") else None
    return line_of_results(str(environment or ""), [result], check_mode=bool(check_mode), failed=failed)


def unknown_hosts(pattern: Any, groups: Mapping[str, Iterable[str]]) -> list[str]:
    """See ``unknown_hosts.yml``."""
    known = {*groups, *groups.get("all", ()), "all", "ungrouped", *constants.LOCALHOST}
    parts = dict.fromkeys(part.strip() for part in split_host_pattern(pattern) if part.strip())
    # The beginnings of exclusions, intersections, expressions and files, and what is a wildcard, a range or an index.
    return [part for part in parts if part[0] not in "!&~@" and not set("*?[") & set(part) and part not in known]


class FilterModule:
    """What ansible-core asks a file of filters for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {
            "change_lines": change_lines,
            "fleet_losses": fleet_losses,
            "fleet_outcomes": fleet_outcomes,
            "fleet_shared": fleet_shared,
            "sync_shared": sync_shared,
            "outcome_lines": outcome_lines,
            "result_line": result_line,
            "unknown_hosts": unknown_hosts,
        }
