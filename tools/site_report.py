# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An example of a report for the site: what the playbook apply_directory writes about a run against the twin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from common import FULL_NAME, ROOT, Problem, clean_environment

sys.path.insert(0, str(ROOT / "tests" / "simulator"))

from w365_simulator.testing import start_twin


def _person(first: str, last: str, **more: Any) -> dict[str, Any]:
    return {"upn": f"{first}.{last}@contoso.com".lower(), "first_name": first, "last_name": last, **more}


SEED = {
    "environments": [
        {
            "name": "contoso",
            "users": [
                _person("Allan", "Deyoung", administrator=True),
                _person("Nestor", "Wilke", department="IT"),
                _person("Patti", "Fernandez", active=False),
                _person("Grady", "Archie"),
                _person("Megan", "Bowen"),
            ],
            "groups": [{"name": "Engineering", "members": ["grady.archie@contoso.com", "nestor.wilke@contoso.com"]}],
        }
    ]
}
WANTED = {
    "users": [
        _person("Adele", "Vance"),
        _person("Lee", "Gu", email="engineering@contoso.com"),
        _person("Nestor", "Wilke", department="Operations", job_title="Director"),
        _person("Patti", "Fernandez"),
        {"upn": "grady.archie@contoso.com", "state": "absent"},
    ],
    "groups": [
        {"name": "Engineering", "members": {"set": ["lee.gu@contoso.com", "nestor.wilke@contoso.com"]}},
        {"name": "Retail", "members": {"add": ["adele.vance@contoso.com"]}},
    ],
    "administrators": {"add": ["nestor.wilke@contoso.com"]},
}


def write_report(folder: Path) -> None:
    """Write report.html into the folder. Raises Problem when the playbook does not."""
    report = folder / "report.html"
    report.unlink(missing_ok=True)
    variables = folder / "directory.yml"
    definition = {**WANTED, "report_file": [str(report)]}
    variables.write_text(yaml.safe_dump({"w365_directory_definition": definition}), encoding="utf-8")
    with start_twin(folder, seed=SEED) as twin:
        connection = {
            "W365_INSTANCE_URL": twin.instance_url,
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_ENVIRONMENT": "contoso",
            "W365_SCIM_URL": twin.scim_url("contoso"),
            "W365_SCIM_TOKEN": twin.scim_token,
            "W365_CA_PATH": twin.ca_path,
        }
        done = subprocess.run(
            ["ansible-playbook", f"{FULL_NAME}.apply_directory", "-e", f"@{variables}"],
            cwd=folder,
            env=clean_environment(connection),
            text=True,
            capture_output=True,
            check=False,
        )
    if done.returncode or not report.is_file():
        raise Problem(f"apply_directory wrote no report:\n{done.stdout}{done.stderr}")
