# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the sets of permissions of docs/permissions.yml into the guide about permissions.

`write_permissions.py` writes; `write_permissions.py --check` writes nothing and fails when the guide is stale.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from common import ROOT, Problem, run_main

SOURCE = ROOT / "docs" / "permissions.yml"
TARGET = ROOT / "docs" / "docsite" / "rst" / "guide_graph_permissions.rst"
BEGIN = '.. BEGIN permissions (written by "make docs" from docs/permissions.yml)'
END = ".. END permissions"


def load() -> dict[str, Any]:
    """The data of docs/permissions.yml."""
    found: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return found


def code(names: Sequence[str]) -> str:
    return ", ".join(f"``{name}``" for name in names)


def list_table(widths: str, rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table with a heading; a cell may have several lines, which become a list."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in rows:
        for number, cell in enumerate(row):
            lines = cell.split("\n")
            mark = "* -" if number == 0 else "  -"
            items = lines if len(lines) == 1 else [f"* {line}" for line in lines]
            yield f"   {mark} {items[0]}"
            yield from (f"       {item}" for item in items[1:])
    yield ""


def cell_of(one: Mapping[str, Any]) -> str:
    """What a set is about, beyond what it needs."""
    lines = [f"with ``{name}`` it {text}" for name, text in one.get("also", {}).items()]
    lines += [f"``{name}`` in place of {coded(text)}" for name, text in one.get("instead", {}).items()]
    return "\n".join(lines) or "nothing else"


def coded(text: str) -> str:
    """The text with every name of a permission as code."""
    return " ".join(
        f"``{word}``" if "." in word.rstrip(",") and not word.endswith(",") else marked(word) for word in text.split()
    )


def marked(word: str) -> str:
    return f"``{word[:-1]}``," if word.endswith(",") and "." in word else word


def render(data: Mapping[str, Any]) -> str:
    """What stands between the two marks of the guide."""
    sets = data["sets"]
    head = ("Set", "Application permissions of Microsoft Graph", "What more adds", "By hand in the portal")
    rows = [head]
    for one in sets:
        about = f"``{one['name']}``: {one['title']} ({code(one['used_by'])})"
        rows.append((about, "\n".join(f"``{name}``" for name in one["needs"]), cell_of(one), one["by_hand"]))
    lines = [*list_table("28 24 30 18", rows)]
    lines += ["As texts for the commands below, each with the least that works:", "", ".. code-block:: console", ""]
    lines += [f'   {one["name"].replace("-", "_")}="{" ".join(one["needs"])}"' for one in sets]
    lines += ["", "What each of them is for:", ""]
    where = {name: [one["name"] for one in sets if name in permissions_of(one)] for name in data["permissions"]}
    lines += list_table(
        "36 40 24",
        [
            ("Permission", "For", "In the sets"),
            *((f"``{name}``", entry["for"], code(where[name])) for name, entry in data["permissions"].items()),
        ],
    )
    return "\n".join(lines).rstrip("\n")


def permissions_of(one: Mapping[str, Any]) -> list[str]:
    """Every permission that a set names."""
    return [*one["needs"], *one.get("also", {}), *one.get("instead", {})]


def written(text: str, data: Mapping[str, Any]) -> str:
    """The guide with the fresh part. Raises Problem where it has no place for it."""
    before, begin, rest = text.partition(f"{BEGIN}\n")
    _stale, end, after = rest.partition(f"{END}\n")
    if not begin or not end:
        raise Problem(f"{TARGET.relative_to(ROOT)} has no lines '{BEGIN}' and '{END}'.")
    return f"{before}{begin}\n{render(data)}\n\n{end}{after}"


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write the permissions of docs/permissions.yml into the guide.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the guide is stale")
    options = parser.parse_args()
    text = TARGET.read_text(encoding="utf-8")
    fresh = written(text, load())
    if not options.check:
        TARGET.write_text(fresh, encoding="utf-8")
        print(f"Wrote {TARGET.relative_to(ROOT)}.")
    elif fresh != text:
        raise Problem(f"{TARGET.relative_to(ROOT)} is stale: it differs from docs/permissions.yml. Run: make docs")
    else:
        print(f"{TARGET.relative_to(ROOT)} is up to date.")
    return 0


if __name__ == "__main__":
    run_main(main)
