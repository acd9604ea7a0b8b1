# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our own tools are what was locked: exact versions, and the hash of every file that may be installed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LOCKS = sorted((ROOT / "tests" / "requirements").glob("*.txt"))


def requirements(lock: Path) -> list[str]:
    """Each requirement with its hashes, on one line."""
    text = re.sub(r"\\\n\s*", "", lock.read_text(encoding="utf-8"))
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_package_has_a_version_and_hashes(lock: Path) -> None:
    found = requirements(lock)
    assert found
    wrong = [
        line[:60] for line in found if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
    ]
    assert wrong == []
    assert "://" not in "".join(found), "the address of an index belongs to a machine"


def test_what_installs_them_asks_for_the_hashes() -> None:
    for name in ("Makefile", "tools/matrix.py"):
        text = (ROOT / name).read_text(encoding="utf-8")
        lines = [
            line
            for line in text.splitlines()
            if '"-r", str(lock)' in line or (re.search(r"pip (install|download)", line) and "-r $<" in line)
        ]
        assert lines, name
        assert [line for line in lines if "--require-hashes" not in line] == []
        # pip takes no extra of a dependency for pinned, and what is locked is complete.
        assert [line for line in lines if "--no-deps" not in line] == []
    assert "--generate-hashes" in (ROOT / "tools" / "lock.py").read_text(encoding="utf-8")


def test_packages_of_npm_have_their_integrity() -> None:
    packages = json.loads((ROOT / "tests" / "servers" / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
