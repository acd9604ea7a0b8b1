# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions as code: what a person sets once for each group, and who may do what by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.permissions import (
    permissions_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import untrusted
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_profiles import profiles_outcome
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_report import (
    Reading,
    permission_report,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_report_page import FORMS

DEFINITION = "w365_permission_profiles_definition"


def permission_profiles(definition: Any, done: str = "", clicked: Sequence[str] = (), day: str = "") -> dict[str, Any]:
    """See ``permission_profiles.yml``. Raises AnsibleFilterError for a description or a file that cannot be used."""
    try:
        outcome = profiles_outcome(permissions_from_options(definition, DEFINITION), done, list(clicked), day)
    except InputError as error:
        raise AnsibleFilterError(error.message) from error
    found: dict[str, Any] = untrusted(outcome)
    return found


def effective_permissions(
    definition: Any,
    users: Any = None,
    groups: Any = None,
    administrators: Any = None,
    done: str = "",
    environment: str = "",
    now: str = "",
) -> dict[str, Any]:
    """See ``w365_effective_permissions.yml``. Raises AnsibleFilterError as `permission_profiles` does."""
    try:
        profiles = permissions_from_options(definition, DEFINITION)
        report = permission_report(profiles, Reading.of(users, groups, administrators), done, environment, now)
    except InputError as error:
        raise AnsibleFilterError(error.message) from error
    found: dict[str, Any] = untrusted(report)
    return found


def effective_permissions_shown(report: Any, form: str = "lines") -> Any:
    """See ``w365_effective_permissions_shown.yml``. Raises AnsibleFilterError for another form."""
    shown: Callable[[Mapping[str, Any]], Any] | None = FORMS.get(form)
    if shown is None:
        raise AnsibleFilterError(f"The form {form!r} is none of {', '.join(FORMS)}.")
    return shown(report)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {
            "permission_profiles": permission_profiles,
            "w365_effective_permissions": effective_permissions,
            "w365_effective_permissions_shown": effective_permissions_shown,
        }
