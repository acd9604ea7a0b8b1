# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the pictures of the guides into the guides: antsibull-docs takes pages to the built site, and no other files.

A comment before a figure names its file: ``.. picture: images/bench.svg``.
"""

from __future__ import annotations

import base64
import re

from common import ROOT, Problem, run_main

GUIDES = ROOT / "docs" / "docsite" / "rst"
FIGURE = re.compile(r"^\.\. picture: (images/[\w.-]+\.svg)\n\n\.\. figure:: .*(?:\n   [\w+/=]+)*$", re.MULTILINE)
WIDTH = 120
"""Characters; docutils refuses lines of more than 10,000."""


def embedded(text: str) -> str:
    """The text of a guide with its pictures as they are in their files."""

    def figure(found: re.Match[str]) -> str:
        content = base64.b64encode((GUIDES / found[1]).read_bytes()).decode("ascii")
        lines = "".join(f"\n   {content[at : at + WIDTH - 3]}" for at in range(0, len(content), WIDTH - 3))
        return f".. picture: {found[1]}\n\n.. figure:: data:image/svg+xml;base64,{lines}"

    return FIGURE.sub(figure, text)


def main() -> int:
    """Write them into every guide that has one."""
    names = []
    for guide in sorted(GUIDES.glob("*.rst")):
        text = guide.read_text(encoding="utf-8")
        if FIGURE.search(text):
            guide.write_text(embedded(text), encoding="utf-8")
            names.append(guide.name)
    if not names:
        raise Problem("no guide has a picture.")
    print(f"wrote the pictures of {', '.join(names)}")
    return 0


if __name__ == "__main__":
    run_main(main)
