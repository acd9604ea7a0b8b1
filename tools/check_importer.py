# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check the artifact with galaxy-importer, as Galaxy does at every upload: `check_importer.py ARTIFACT`.

The importer itself succeeds with warnings in its log. Here every warning and every error fails, apart from those in
EXPECTED, which are limits of the importer rather than defects of the artifact.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from common import BUILD, Problem, clean_environment, run_main

# ansible-test runs on its own ("make sanity"): the importer wants a container or an image for it. ruff replaces
# flake8, whose rules for line breaks differ.
CONFIGURATION = """\
[galaxy-importer]
run_ansible_doc = true
run_ansible_lint = true
run_ansible_test = false
run_flake8 = false
check_changelog = true
check_required_tags = true
require_v1_or_greater = true
tmp_root_dir = {temporary}
ansible_local_tmp = {temporary}/ansible
"""

# ansible-lint looks for the playbooks that files import below a second folder ansible_collections in the importer's path,
# which ends with one. Our own ansible-lint and a syntax check in tests/integration find all of them.
EXPECTED: tuple[str, ...] = (r"Failed to find workspace365\.provisioning\.fleet_[a-z]+ playbook\.",)


def main() -> int:
    """Run the importer, show its log and evaluate it."""
    artifact = Path(sys.argv[1]).resolve()
    work = BUILD / "importer"
    shutil.rmtree(work, ignore_errors=True)
    temporary = work / "tmp"
    temporary.mkdir(parents=True)
    configuration = work / "galaxy-importer.cfg"
    configuration.write_text(CONFIGURATION.format(temporary=temporary), encoding="utf-8")
    environment = clean_environment({"GALAXY_IMPORTER_CONFIG": str(configuration), "HOME": str(work)})
    # The importer installs the artifact into a folder of its own. With ours on the path it would not see that one.
    environment.pop("ANSIBLE_COLLECTIONS_PATH")
    imported = subprocess.run(
        [sys.executable, "-m", "galaxy_importer.main", str(artifact)],
        cwd=work,
        env=environment,
        text=True,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    print(imported.stdout.rstrip())
    if imported.returncode:
        raise Problem("galaxy-importer refuses the artifact; see its output above.")
    findings = [
        line
        for line in imported.stdout.splitlines()
        if re.match(r"(WARNING|ERROR|CRITICAL)\b", line) and not any(re.search(pattern, line) for pattern in EXPECTED)
    ]
    if findings:
        raise Problem(f"galaxy-importer has {len(findings)} findings:\n  " + "\n  ".join(findings))
    if "Importer processing completed successfully" not in imported.stdout:
        raise Problem("galaxy-importer ended without the message that it has completed.")
    print("galaxy-importer has no findings.")
    return 0


if __name__ == "__main__":
    run_main(main)
