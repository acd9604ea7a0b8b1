# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put pip into an empty virtual environment without a download.

ansible-test downloads a bootstrap script from its own host, which many networks block, and runs it with
pip requirements as arguments, such as `pip==24.2 --no-setuptools --no-wheel`. tools/sanity.py copies this file to where
ansible-test keeps its downloaded copy. The pip that Python includes (ensurepip) does the same.
"""

from __future__ import annotations

import subprocess
import sys

# Known to the script that ansible-test expects, unknown to pip.
FOREIGN_OPTIONS = {"--no-setuptools", "--no-wheel"}

if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    arguments = [argument for argument in sys.argv[1:] if argument not in FOREIGN_OPTIONS]
    sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=False).returncode)
