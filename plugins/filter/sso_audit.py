# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook audit_sso makes of what it has read: rows with a state, and the report in several forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import untrusted
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import (
    PARTS,
    judge,
    limits_of,
    report_of,
    verdict,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit_page import (
    html_of,
    json_of,
    lines_of,
)


def sso_audit(tenants: Any, warn_days: int = 30, critical_days: int = 14, now: str = "") -> dict[str, Any]:
    """The report; see ``sso_audit.yml``. Raises AnsibleFilterError for limits with which nothing would be critical."""
    try:
        limits = limits_of(warn_days, critical_days)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error
    rows = []
    for host, asked, problem, hint, *results in tenants:
        known = {**asked, "import_hint": hint} if isinstance(asked, Mapping) and asked else {}
        rows.append(
            judge(str(host), known, {"problem": problem, **dict(zip(PARTS, results, strict=True))}, limits, now)
        )
    report: dict[str, Any] = untrusted(report_of(rows, limits, now))
    return report


def sso_audit_shown(report: Any, form: str = "lines", fail_on_unknown: bool = True) -> Any:
    """The report in one of its forms; see ``sso_audit_shown.yml``."""
    if form == "verdict":
        return verdict(report, fail_on_unknown=fail_on_unknown)
    shown = FORMS.get(form)
    if shown is None:
        raise AnsibleFilterError(f"The form {form!r} is none of {', '.join([*FORMS, 'verdict'])}.")
    return shown(report)


FORMS: Mapping[str, Callable[[Any], str | Sequence[str]]] = {"lines": lines_of, "html": html_of, "json": json_of}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By the names that templates use."""
        return {"sso_audit": sso_audit, "sso_audit_shown": sso_audit_shown}
