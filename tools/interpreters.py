# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the Pythons of this machine, on PATH and under pyenv."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

# From the oldest that the modules run on to the newest that ansible-core knows.
SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")


def pyenv_folders() -> list[Path]:
    """The bin folders of the Pythons that pyenv keeps; empty without pyenv."""
    root = os.environ.get("PYENV_ROOT")
    if not root and shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], text=True, check=False, capture_output=True).stdout.strip()
    root = root or str(Path.home() / ".pyenv")
    return sorted(Path(root).glob("versions/*/bin"), reverse=True)


def find_interpreter(version: str) -> Path | None:
    """A Python of this version that works and can make environments; None when there is none.

    A file on PATH may be a pyenv shim that fails because the version is not selected here, so each one is run.
    """
    candidates = [
        Path(folder) / f"python{version}" for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder
    ]
    candidates += [folder / f"python{version}" for folder in pyenv_folders()]
    question = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
    for candidate in candidates:
        if not candidate.is_file():
            continue
        try:
            answer = subprocess.run(
                [candidate, "-c", question], text=True, check=False, capture_output=True, timeout=30
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        lines = answer.stdout.split("\n")
        if answer.returncode == 0 and lines[0] == version:
            return Path(lines[1])
    return None


def path_of_real_pythons(folder: Path, path: str) -> str:
    """A PATH on which every supported Python that is found answers to its name, such as python3.12.

    `folder` is filled with links to them. The shims of pyenv are taken off the given `path`: a shim exists for every
    version that is installed, and fails for those that are not selected.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for version in SUPPORTED:
        interpreter = find_interpreter(version)
        if interpreter:
            (folder / f"python{version}").symlink_to(interpreter)
    rest = [entry for entry in path.split(os.pathsep) if Path(entry).name != "shims"]
    return os.pathsep.join([*rest[:1], str(folder), *rest[1:]])
