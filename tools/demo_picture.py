# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of `make demo` in README and on the site: what the last demo has said, drawn as a terminal by rich.

`make demo` compares its words with the picture at its end, so the picture cannot go stale; numbers may differ.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from common import BUILD, ROOT, Problem, run_main

PICTURE = ROOT / "docs" / "site" / "images" / "demo.svg"
SPOKEN = BUILD / "demo" / "spoken.json"
WIDTH = 108

Line = tuple[str, str]


def shown(spoken: Sequence[Line]) -> list[Line]:
    """The lines that the picture has room for: the steps with their proofs, from the first step on."""
    first = next((number for number, (text, _color) in enumerate(spoken) if text.startswith("1. ")), len(spoken))
    kept = [line for line in spoken[first:] if re.match(r"[1-7]\. |  (?:proved|NOT SO): |Everything was", line[0])]
    return [("$ make demo", "cyan"), *kept]


def words(text: str) -> str:
    """What two runs have in common: without numbers, and without the breaks and blanks of a terminal."""
    return re.sub(r"\d+", "#", re.sub(r"\s+", "", text))


def words_of_picture(svg: str) -> str:
    """The words that a picture shows. Pieces of one line are in the order in which they are read."""
    pieces = re.findall(r"<text[^>]* clip-path=\"url\(#demo-line-[^>]*>([^<]*)</text>", svg)
    return words("".join(map(html.unescape, pieces)))


def check(spoken: Sequence[Line]) -> None:
    """Raise Problem when the picture does not show what the demo has said."""
    drawn = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if words_of_picture(drawn) != words("".join(text for text, _color in shown(spoken))):
        raise Problem(
            f"{PICTURE.relative_to(ROOT)} does not show what the demo says now. Run 'make demo-picture', and commit it."
        )


def draw(spoken: Sequence[Line]) -> str:
    """The picture. It loads nothing from the network."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        for text, color in shown(spoken):
            line = Text(text, style="bold" if color == "bold" else "")
            mark = re.match(r"  (?:proved|NOT SO): ", text)
            if mark:
                line.stylize(color, 0, mark.end())
            elif color:
                line.stylize(color)
            console.print(line)
        form = re.sub(r" *@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
        form = form.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', 'Liberation Mono', monospace")
        drawn = console.export_svg(title="make demo", code_format=form, unique_id="demo")
    if re.search(r"(?:url\(|href=|src=)[\"']?http", drawn):
        raise Problem("rich writes another picture than before: it loads something from the network.")
    return re.sub(r"\n\s*<!-- Generated with Rich [^>]*-->", "", drawn)


def main() -> int:
    """Draw what the last demo has said."""
    if not SPOKEN.is_file():
        raise Problem("no demo has run yet. Run 'make demo' first.")
    spoken: list[Line] = [(text, color) for text, color in json.loads(SPOKEN.read_text(encoding="utf-8"))]
    PICTURE.write_text(draw(spoken), encoding="utf-8")
    check(spoken)
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    run_main(main)
