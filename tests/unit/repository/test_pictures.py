# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A picture in a guide reaches the built page: antsibull-docs takes pages to it, and no other files."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "docsite" / "rst"
FIGURES = [
    (guide, found[0])
    for guide in sorted(GUIDES.glob("*.rst"))
    for found in re.finditer(
        r"^\.\. (?:figure|image):: .*(?:\n   [\w+/=]+)*$", guide.read_text(encoding="utf-8"), re.MULTILINE
    )
]


def test_there_is_a_picture() -> None:
    assert FIGURES


@pytest.mark.parametrize(("guide", "figure"), FIGURES, ids=lambda value: getattr(value, "name", "figure"))
def test_a_picture_is_in_its_page(guide: Path, figure: str) -> None:
    """With tools/embed_pictures.py, as the last bench has drawn it."""
    target = "".join(figure.partition(":: ")[2].split())
    assert target.startswith("data:image/svg+xml;base64,"), "a file beside the guide is not copied to the built site"
    before = guide.read_text(encoding="utf-8").partition(figure)[0]
    name = before.rstrip().rpartition(".. picture: ")[2]
    content = base64.b64decode(target.partition(",")[2], validate=True)
    assert content == (GUIDES / name).read_bytes()
    assert b"<svg" in content
    docutils = pytest.importorskip("docutils.core", reason="docutils belongs to our tools, not to every matrix cell")
    built = docutils.publish_parts(f"{figure}\n   :alt: x\n", writer="html5")["body"]
    assert target in built
