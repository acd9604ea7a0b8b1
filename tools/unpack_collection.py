# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpack one collection of the package ansible: `unpack_collection.py FOLDER COLLECTION TARGET`.

FOLDER has the one wheel that pip has downloaded, with the hash that is locked.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from common import Problem, run_main


def main() -> int:
    """Write TARGET/ansible_collections/NAMESPACE/NAME."""
    folder, collection, target = sys.argv[1:]
    wheels = list(Path(folder).glob("*.whl"))
    if len(wheels) != 1:
        raise Problem(f"{folder} has {len(wheels)} wheels, and one was expected.")
    beginning = f"ansible_collections/{collection.replace('.', '/')}/"
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name for name in wheel.namelist() if name.startswith(beginning)]
        if not names:
            raise Problem(f"{wheels[0].name} has no collection {collection}.")
        wheel.extractall(target, names)
    return 0


if __name__ == "__main__":
    run_main(main)
