# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws what the bench has written: `picture.py bench.json picture.svg`. Runs in the bench's own environment."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Text stays text, and the same figures give the same file: a picture in the documentation is to be small and to have
# readable diffs.
mpl.rcParams.update(
    {
        "svg.fonttype": "none",
        "svg.hashsalt": "workspace365",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)

KINDS = {"unchanged": ("everything unchanged, with groups of 50", "#0b6e4f"), "create": ("all users new", "#c8553d")}
PANELS = (("seconds", "seconds"), ("requests", "requests"), ("peak", "peak memory, MB"))


def main() -> int:
    """Draw the curve; the exit code is 1 when it was not measured."""
    source, target = map(Path, sys.argv[1:])
    result: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    curve = result["cases"].get("curve")
    if curve is None:
        sys.stderr.write("The last bench has not measured the curve, so there is nothing to draw.\n")
        return 1
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, len(PANELS))
    ticks = [point["users"] for point in curve["unchanged"]]
    for axes, (name, label) in zip(panels, PANELS, strict=True):
        for kind, (meaning, colour) in KINDS.items():
            points = curve[kind]
            x, y = [point["users"] for point in points], [point[name] for point in points]
            axes.plot(x, y, "o-", color=colour, label=meaning, linewidth=1.6, markersize=4)
        if name == "peak":
            # A straight line is to look like one, and what Python itself takes is no part of its slope.
            axes.set_ylim(bottom=0)
            axes.set_xlim(left=0)
        else:
            axes.set_xscale("log")
            axes.set_yscale("log")
        marked = ticks[-2:] if name == "peak" else ticks
        axes.set_xticks(marked, [_short(users) for users in marked])
        axes.minorticks_off()
        axes.set_xlabel("users")
        axes.set_title(label, fontsize=10)
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    machine = result["machine"]
    figure.suptitle(
        f"One task of w365_directory, twin on the same machine ({machine['processor']}, {machine['cores']} cores)",
        fontsize=10,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    # Matplotlib ends lines with blanks, which no check of ours lets pass.
    lines = target.read_text(encoding="utf-8").splitlines()
    target.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
    return 0


def _short(users: int) -> str:
    return f"{users // 1000} k" if users % 1000 == 0 else str(users)


if __name__ == "__main__":
    sys.exit(main())
