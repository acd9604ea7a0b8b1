# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of tasks for many people: what may be removed, what is imported, and what a person who waits sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .argument_spec import ENV_PREFIX, env_value, when_administrators_unknown_spec, when_unsupported_spec


def purge_spec() -> dict[str, Any]:
    """What may be removed because it is not listed: nothing, unless it is asked for."""
    return {
        "purge": {
            "type": "list",
            "elements": "str",
            "choices": ["users", "groups", "memberships", "administrators"],
            "default": [],
        },
        "purge_scope": {
            "type": "dict",
            "options": {
                "domains": {"type": "list", "elements": "str"},
                "groups": {"type": "list", "elements": "str"},
                "external_id_prefix": {"type": "str"},
            },
        },
        "purge_limit": {"type": "str", "default": "10%"},
        "membership_limit": {"type": "str", "default": "25%"},
        "protected_users": {"type": "list", "elements": "str", "default": []},
        "when_administrators_unknown": when_administrators_unknown_spec(),
    }


def report_spec() -> dict[str, Any]:
    """``report_file``: where the outcome is written for people; the ending of a name selects the format."""
    return {"report_file": {"type": "list", "elements": "path", "default": []}}


def permissions_spec() -> dict[str, Any]:
    """``permission_profiles``: what is described of permissions. Reading it is in permissions.py."""
    return {"permission_profiles": {"type": "dict"}}


def trust_spec() -> dict[str, Any]:
    """``trust_local_files``: whether files that steer a run may be of another user."""
    fallback = (env_value, [f"{ENV_PREFIX}TRUST_LOCAL_FILES"])
    return {"trust_local_files": {"type": "bool", "default": False, "fallback": fallback}}


def import_scope_spec() -> dict[str, Any]:
    """Which users and groups of Microsoft Entra an import is about. Goes with IMPORT_SCOPE_RULES."""
    return {
        "groups": {"type": "list", "elements": "str"},
        "domains": {"type": "list", "elements": "str"},
        "everything": {"type": "bool", "default": False},
        "scope_match": {"type": "str", "choices": ["any", "all"], "default": "any"},
        "nested_groups": {"type": "str", "choices": ["skip", "flatten"], "default": "skip"},
        "include_guests": {"type": "bool", "default": True},
        "include_groups": {"type": "bool", "default": True},
        "group_names": {"type": "list", "elements": "str"},
        "attribute_map": {"type": "dict"},
        "exclude_users": {"type": "list", "elements": "str", "default": []},
        "strict": {"type": "bool", "default": False},
    }


def import_policy_spec() -> dict[str, Any]:
    """Which side decides about roles and status, what happens to users who left, and what is kept between two runs."""
    return {
        "default_status": {"type": "str", "choices": ["active", "inactive"], "default": "active"},
        "administrators_from": {"type": "str", "choices": ["workspace365", "entra"], "default": "workspace365"},
        "active_status_from": {"type": "str", "choices": ["entra", "workspace365"], "default": "entra"},
        "on_leave": {"type": "str", "choices": ["keep", "delete"], "default": "keep"},
        "delete_limit": {"type": "str", "default": "10%"},
        "membership_limit": {"type": "str", "default": "25%"},
        "when_group_empty": {"type": "str", "choices": ["refuse", "skip", "accept"], "default": "refuse"},
        "protected_users": {"type": "list", "elements": "str", "default": []},
        "when_administrators_unknown": when_administrators_unknown_spec(),
        "state_file": {"type": "path"},
        "full_every": {"type": "int", "default": 7},
        **trust_spec(),
        "scim_bulk": {"type": "bool", "default": True},
        "when_unsupported": when_unsupported_spec(),
    }


def progress_spec() -> dict[str, Any]:
    """Lines for a person who waits."""
    return {"progress_file": {"type": "path"}, "progress_interval": {"type": "int", "default": 15}}


#: The vendor's tool imports everything when nothing is selected. A forgotten variable must not do that.
IMPORT_SCOPE_RULES: Mapping[str, Any] = {
    "required_if": [("everything", False, ("groups", "domains"), True)],
}
