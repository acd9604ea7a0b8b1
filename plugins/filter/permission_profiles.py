# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions as code: what a person sets once for each group, and who may do what by it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import ENV_PREFIX
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.permissions import (
    permissions_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import run_directory, untrusted
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import owner_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_profiles import (
    Owner,
    profiles_outcome,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_report import (
    Reading,
    permission_report,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.permission_report_page import FORMS

DEFINITION = "w365_permission_profiles_definition"


def permission_profiles(
    definition: Any,
    done: str = "",
    clicked: Sequence[str] = (),
    day: str = "",
    environment: str = "",
    instance_url: str = "",
) -> dict[str, Any]:
    """See ``permission_profiles.yml``. Raises AnsibleFilterError for a description or a file that cannot be used."""
    owner = _owner(environment, instance_url)
    try:
        outcome = profiles_outcome(permissions_from_options(definition, DEFINITION), done, list(clicked), day, owner)
    except InputError as error:
        raise AnsibleFilterError(error.message) from error
    if clicked:
        # Hosts of one run read the file at the same time, and the last one would replace what the others wrote.
        other = owner_of(run_directory(), "permissions_done", os.path.realpath(done), str(owner), str(owner))
        if other:
            raise AnsibleFilterError(
                f"{done} is also the file of what was done in environment {other}, which this run is for too. Give each environment "
                "a file of its own in w365_permission_profiles_done."
            )
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
    instance_url: str = "",
) -> dict[str, Any]:
    """See ``w365_effective_permissions.yml``. Raises AnsibleFilterError as `permission_profiles` does."""
    try:
        profiles = permissions_from_options(definition, DEFINITION)
        reading, owner = Reading.of(users, groups, administrators), _owner(environment, instance_url)
        report = permission_report(profiles, reading, done, owner, now)
    except InputError as error:
        raise AnsibleFilterError(error.message) from error
    found: dict[str, Any] = untrusted(report)
    return found


def _owner(environment: str, instance_url: str) -> Owner:
    """As the modules do it, an option that is blank is that of the environment variable."""
    given = {"environment": environment, "instance_url": instance_url}
    return Owner.of(
        *(value.strip() or os.environ.get(f"{ENV_PREFIX}{name.upper()}", "") for name, value in given.items())
    )


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
