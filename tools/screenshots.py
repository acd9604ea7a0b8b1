# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pictures of the built site in two widths, into .build/screenshots: of five pages, the report, and the twin's own page.

They are for people to look at; nothing compares them. They need headless Chromium, which is no package of Python.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from common import BUILD, ROOT, Problem, run_main

sys.path.insert(0, str(ROOT / "tests" / "simulator"))

from w365_simulator.testing import start_twin

SITE = BUILD / "site"
SHOTS = BUILD / "screenshots"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGES = {
    "start": "index.html",
    "articles": "articles.html",
    "guide": "collection/docsite/guide_onboarding.html",
    "playbook": "playbooks/onboard_tenant.html",
    "module": "collection/w365_user_module.html",
    "report": "_static/example_report.html",
}
# The second is that of a telephone. Headless Chromium makes no window below 500 pixels; the page is that narrow.
SIZES = {"wide": (1280, 1600), "narrow": (500, 1600)}
TWIN_PAGE = "_simulator/"
LIMIT = 60
"""Seconds for one picture."""


def chromium() -> str:
    """The program. Raises Problem with the way to get it."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise Problem(
        f"there is no Chromium on this machine (tried {', '.join(PROGRAMS)}). On Debian and Ubuntu install the package "
        "chromium: apt-get install chromium. Everything else works without it."
    )


def take(program: str, address: str, name: str, profile: Path) -> list[Path]:
    """One page in every width. Raises Problem when there is no picture."""
    taken = []
    for width, (pixels, height) in SIZES.items():
        path = SHOTS / f"{name}-{width}.png"
        path.unlink(missing_ok=True)
        command = [program, "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--mute-audio"]
        command += ["--disable-background-networking", "--ignore-certificate-errors", f"--user-data-dir={profile}"]
        # Chromium's own sandbox does not work for root.
        command += ["--no-sandbox"] if os.geteuid() == 0 else []
        command += [f"--window-size={pixels},{height}", f"--screenshot={path}", address]
        done = subprocess.run(command, text=True, capture_output=True, check=False, timeout=LIMIT)
        if not path.is_file():
            raise Problem(f"Chromium made no picture of {address}:\n{done.stderr[-2000:]}")
        taken.append(path)
    return taken


def twin_page(url: str, ca_path: str) -> str | None:
    """The address of the twin's own page, None where this twin has none."""
    address = f"{url}/{TWIN_PAGE}"
    try:
        with urllib.request.urlopen(address, context=ssl.create_default_context(cafile=ca_path), timeout=10) as answer:  # noqa: S310 - our own twin
            return address if "html" in answer.headers.get("Content-Type", "") else None
    except urllib.error.HTTPError:
        return None


def pictures(program: str) -> Iterator[Path]:
    """Every picture, as soon as it is made."""
    with tempfile.TemporaryDirectory(prefix="w365-chromium-") as folder:
        profile = Path(folder)
        for name, page in PAGES.items():
            yield from take(program, (SITE / page).as_uri(), name, profile)
        with start_twin() as twin:
            address = twin_page(twin.url, twin.ca_path)
            if address:
                yield from take(program, address, "twin", profile)
            else:
                print("This twin has no page of its own.")


def main() -> int:
    """Take all of them."""
    program = chromium()
    SHOTS.mkdir(parents=True, exist_ok=True)
    for path in pictures(program):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    run_main(main)
