# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook fleet_audit makes of what it has read: rows with a state, and the report in several forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import untrusted
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_audit import audit_verdict, judge_tenant
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_audit_page import (
    fleet_csv,
    fleet_html,
    fleet_lines,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import limits_of, report_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit_page import json_of


def fleet_audit(tenants: Any, now: str, warn_days: int = 30, critical_days: int = 14) -> dict[str, Any]:
    """The report; see ``fleet_audit.yml``. Raises AnsibleFilterError for limits with which nothing would be critical."""
    try:
        limits = limits_of(warn_days, critical_days)
        rows = [judge_tenant(str(host), read, problem, limits, now) for host, read, problem in tenants]
    except ValueError as error:
        raise AnsibleFilterError(f"fleet_audit: {error}") from error
    report: dict[str, Any] = untrusted(report_of(rows, limits, now))
    return report


def fleet_audit_shown(
    report: Any, form: str = "lines", fail_on_unknown: bool = True, fail_on_drift: bool = False
) -> Any:
    """The report in one of its forms; see ``fleet_audit_shown.yml``."""
    if form == "verdict":
        return audit_verdict(report, fail_on_unknown=fail_on_unknown, fail_on_drift=fail_on_drift)
    shown = FORMS.get(form)
    if shown is None:
        raise AnsibleFilterError(f"The form {form!r} is none of {', '.join([*FORMS, 'verdict'])}.")
    return shown(report)


FORMS: Mapping[str, Callable[[Any], str | Sequence[str]]] = {
    "lines": fleet_lines,
    "html": fleet_html,
    "csv": fleet_csv,
    "json": json_of,
}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {"fleet_audit": fleet_audit, "fleet_audit_shown": fleet_audit_shown}
