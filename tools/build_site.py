# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation as a site that can be opened: `build_site.py ARTIFACT SPHINX_PYTHON`, into .build/site.

The pages come from docs/site (written by hand), from antsibull-docs (guides, modules, roles), and from site_pages.py
(playbooks, articles of the vendor, the contract, an example of a report). A warning of Sphinx is an error, and so is a
link within the site that leads nowhere. A run in which nothing has changed takes seconds.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

import yaml

from common import BUILD, FULL_NAME, ROOT, Problem, run_main, run_tool
from site_links import link_mistakes
from site_pages import articles_page, collection_page, contract_page, playbook_pages, published
from site_report import write_report

SITE = BUILD / "site"
WORK = BUILD / "site-work"
SOURCE = WORK / "source"
PAGES = WORK / "antsibull"
HAND_WRITTEN = ROOT / "docs" / "site"


class Source:
    """The folder that Sphinx reads. A file that stays as it was keeps its time, so that Sphinx does not read it again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: set[Path] = set()

    def write(self, name: str, content: bytes | str) -> None:
        """Write one file below the folder."""
        data = content.encode("utf-8") if isinstance(content, str) else content
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != data:
            path.write_bytes(data)
        self.kept.add(path)

    def remove_others(self) -> None:
        """Remove what an earlier run has written and this one has not."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path not in self.kept:
                path.unlink()


def is_fresh(folder: Path, key: str) -> bool:
    """Whether the folder was made of the same as now; `mark` says so of it."""
    stamp = folder / ".made-of"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == key


def mark(folder: Path, key: str) -> None:
    """Remember what the folder was made of."""
    (folder / ".made-of").write_text(key, encoding="utf-8")


def make_collection_pages(key: str) -> None:
    """Have antsibull-docs write the pages of the guides, modules, plugins and roles."""
    if is_fresh(PAGES, key):
        return
    shutil.rmtree(PAGES, ignore_errors=True)
    PAGES.mkdir(parents=True)
    options = ("--use-current", "--fail-on-error", "--squash-hierarchy", "--dest-dir", str(PAGES))
    run_tool("antsibull-docs", "collection", *options, FULL_NAME)
    mark(PAGES, key)


def make_report(key: str) -> None:
    """Have a playbook write its report about a run against the twin."""
    folder = WORK / "report"
    if not is_fresh(folder, key):
        folder.mkdir(parents=True, exist_ok=True)
        write_report(folder)
        mark(folder, key)


def collect() -> None:
    """Bring everything that Sphinx reads into one folder."""
    source = Source(SOURCE)
    for path in sorted(HAND_WRITTEN.rglob("*")):
        if path.is_file() and path.suffix != ".yml":
            content = path.read_bytes()
            if path.name == "index.rst":
                content = content.replace(b"GUIDES\n", guides().encode("utf-8"))
            source.write(str(path.relative_to(HAND_WRITTEN)), content)
    for path in sorted((ROOT / "docs" / "docsite" / "rst" / "images").glob("*.svg")):
        source.write(f"images/{path.name}", path.read_bytes())
    for path in sorted(PAGES.rglob("*.rst")):
        name = str(path.relative_to(PAGES))
        source.write(f"collection/{name}", collection_page(name, path.read_text(encoding="utf-8"), published()))
    for name, text in playbook_pages().items():
        source.write(f"playbooks/{name}.rst", text)
    source.write("articles.rst", articles_page())
    source.write("contract.rst", contract_page())
    source.write("_static/example_report.html", (WORK / "report" / "report.html").read_bytes())
    source.remove_others()


def guides() -> str:
    """The guides in their reading order, for the tree of contents."""
    listed = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    trees = []
    for section in listed:
        names = "".join(f"   collection/docsite/{name}\n" for name in section["toctree"])
        trees.append(f".. toctree::\n   :caption: {section['title']}\n   :hidden:\n\n{names}")
    return "\n".join(trees)


def build(python: str) -> None:
    """Have Sphinx build the pages, and remove those that it does not build any more."""
    sphinx = (python, "-m", "sphinx", "--fail-on-warning", "--quiet", "--nitpicky", "--color")
    words = (*sphinx, "-b", "html", "-d", str(WORK / "doctrees"), str(SOURCE), str(SITE))
    try:
        run_tool(*words)
    except Problem:
        # What Sphinx remembers of pages that have moved since can be wrong, so the last word has a run without it.
        shutil.rmtree(WORK / "doctrees", ignore_errors=True)
        run_tool(*words)
    made = {path.relative_to(SOURCE).with_suffix(".html") for path in SOURCE.rglob("*.rst")}
    made |= {Path(name) for name in ("genindex.html", "search.html")}
    for path in SITE.rglob("*.html"):
        name = path.relative_to(SITE)
        if name not in made and name.parts[0] != "_static":
            path.unlink()


def main() -> int:
    """Make the pages, build them, and follow every link."""
    artifact, python = sys.argv[1:]
    key = hashlib.sha256(Path(artifact).read_bytes()).hexdigest()
    make_collection_pages(key)
    make_report(key)
    collect()
    build(python)
    mistakes = link_mistakes(SITE)
    if mistakes:
        raise Problem("links lead nowhere:\n" + "\n".join(mistakes))
    count = len(list(SITE.rglob("*.html")))
    print(f"{count} pages without a warning, and every link within them leads somewhere. Open .build/site/index.html.")
    return 0


if __name__ == "__main__":
    run_main(main)
