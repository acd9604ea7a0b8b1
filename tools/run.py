# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one program of .build/venv in a clean environment: `run.py [NAME=value ...] program [arguments ...]`.

The Makefile puts this before every tool, so that ansible.cfg, ANSIBLE_* and W365_* variables of the user cannot
change the result of a check.
"""

from __future__ import annotations

import os
import re
import sys

from common import Problem, clean_environment, run_main


def main() -> int:
    """Replace this process by the program; returns only when there is none."""
    words = sys.argv[1:]
    extra: dict[str, str] = {}
    while words and (matched := re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", words[0], re.DOTALL)):
        extra[matched[1]] = matched[2]
        words.pop(0)
    if not words:
        raise Problem("name the program to run: run.py [NAME=value ...] program [arguments ...]")
    environment = clean_environment(extra)
    try:
        os.execvpe(words[0], words, environment)
    except FileNotFoundError:
        raise Problem(f"there is no program '{words[0]}'. Run 'make venv', which installs the tools.") from None


if __name__ == "__main__":
    run_main(main)
