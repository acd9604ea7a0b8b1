# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook report_environment says of things that the server did not show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
import yaml

REPORT = Path(__file__).parents[3] / "playbooks" / "report_environment.yml"


def lines(**results: Any) -> list[str]:
    """The lines of the report. Ansible's own settings for templates, without its plugins."""
    (play,) = yaml.safe_load(REPORT.read_text(encoding="utf-8"))
    (text,) = (task["vars"]["report_text"] for task in play["tasks"] if "report_text" in task.get("vars", {}))
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["regex_replace"] = lambda value, pattern, new: re.sub(pattern, new, value)
    failed = {"msg": "none"}
    return [
        line.strip()
        for line in environment.from_string(text)
        .render(report_scim="", report_admins=failed, report_sso=failed, **results)
        .splitlines()
    ]


def test_what_the_server_does_not_show_is_unknown() -> None:
    """Neither deleted nor empty."""
    users = [
        {"upn": f"{name}@contoso.com", "first_name": name.title(), "last_name": "V", "active": active}
        for name, active in (("a", True), ("b", False), ("c", None))
    ]
    groups = [{"name": name, "members": members} for name, members in (("e", []), ("f", None), ("g", ["a", "b"]))]
    said = lines(report_users={"users": users}, report_groups={"groups": groups})
    assert said[1:5] == [
        "3 users",
        "a@contoso.com: A V",
        "b@contoso.com: B V, deleted",
        "c@contoso.com: C V, unknown whether deleted",
    ]
    assert said[5:9] == ["3 groups", "e:", "f: members unknown", "g: a, b"]
