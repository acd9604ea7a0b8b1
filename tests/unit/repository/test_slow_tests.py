# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests are slow: a real pytest runs examples with the conftest.py of all suites."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]

EXAMPLES = """
import pytest

@pytest.mark.slow_after(2)
@pytest.mark.parametrize("case", ["a", pytest.param("b", marks=pytest.mark.slow), "c", "d", "e"])
def test_many(case): print("ran", case)

@pytest.mark.slow_after(2)
@pytest.mark.parametrize("case", ["f", "g", "h"])
def test_others(case): print("ran", case)

def test_one(): print("ran", "i")
"""

SETTINGS = """
[pytest]
markers =
  slow: x
  slow_after(count): x
"""


@pytest.mark.parametrize(
    ("marks", "ran", "left_out"), [("not slow", "acfgi", "4"), ("slow", "bdeh", ""), ("", "abcdefghi", "")]
)
def test_the_first_cases_are_quick(tmp_path: Path, marks: str, ran: str, left_out: str) -> None:
    """A case that is slow by itself is none of the first ones."""
    (tmp_path / "conftest.py").write_bytes((TESTS / "conftest.py").read_bytes())
    (tmp_path / "test_examples.py").write_text(EXAMPLES, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", "-m", marks]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "".join(sorted(re.findall(r"ran (\w)", done.stdout))) == ran
    assert "".join(re.findall(r"Slow tests left out: (\d+)", done.stdout)) == left_out
