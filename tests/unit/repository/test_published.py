# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README, the guides and the site promise nothing: what is not public is not linked to, and what is used is listed.

docs/site/published.yml says what is public. Links come from docs/docsite/links.yml and docs/site/articles.yml.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS

guides: Any = importlib.import_module("ansible_collections.workspace365.provisioning.tests.unit.repository.test_guides")

ROOT: Path = guides.ROOT
SITE = ROOT / "docs" / "site"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    ROOT / "docs" / "contract.md",
    ROOT / "docs" / "docsite" / "links.yml",
    *guides.GUIDES,
    *sorted(SITE.glob("*.rst")),
    *sorted((ROOT / "roles").glob("*/README.md")),
]
URL = re.compile(r"https?://[^\s<>`\"')\]]+")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


GALAXY: dict[str, Any] = read(ROOT / "galaxy.yml")
PUBLISHED: dict[str, bool] = read(SITE / "published.yml")


def promises(text: str, public: Mapping[str, bool]) -> list[str]:
    """What a page says as if something were public that is not."""
    found = []
    if not public["repository"]:
        found += [url for url in URL.findall(text) if url.startswith(GALAXY["repository"])]
    if not public["galaxy"]:
        found += [url for url in URL.findall(text) if url.startswith("https://galaxy.ansible.com")]
        found += re.findall(r"collection install workspace365\.provisioning\b.*", text)
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_is_promised(path: Path) -> None:
    assert promises(path.read_text(encoding="utf-8"), PUBLISHED) == []


def test_what_is_not_public_is_said() -> None:
    said = " ".join(README.split())
    assert ("it is not on Ansible Galaxy" in said) != PUBLISHED["galaxy"]
    assert ("its repository is not public" in said) != PUBLISHED["repository"]
    start = " ".join((SITE / "index.rst").read_text(encoding="utf-8").split())
    assert ("it is not on Ansible Galaxy" in start) != PUBLISHED["galaxy"]


@pytest.mark.parametrize(
    "text",
    [
        "See [the issues](https://github.com/ansible-collections/workspace365.provisioning/issues).",
        "`guide <https://github.com/ansible-collections/workspace365.provisioning>`_",
        "[docs](https://galaxy.ansible.com/ui/repo/published/workspace365/provisioning/docs/)",
        "ansible-galaxy collection install workspace365.provisioning -p /usr/share/ansible/collections",
        "ansible-galaxy collection install workspace365.provisioning:==1.0.0",
    ],
)
def test_a_promise_is_found(text: str) -> None:
    assert promises(text, {"galaxy": False, "repository": False})
    assert not promises(text, {"galaxy": True, "repository": True})


# What a badge says is held by test_extensions.
BADGES = "https://img.shields.io/badge/"


def known_links() -> set[str]:
    """Where README and the site may lead."""
    links = read(ROOT / "docs" / "docsite" / "links.yml")
    found = {link["url"] for link in links["extra_links"]}
    found |= {forum["url"] for forum in links["communication"]["forums"]}
    found |= {article["link"] for article in read(SITE / "articles.yml")["articles"] if "link" in article}
    if PUBLISHED["repository"]:
        found |= {GALAXY["repository"], GALAXY["issues"]}
    return found


def outside(text: str) -> set[str]:
    """The targets of links, in Markdown or reStructuredText. Addresses in examples are no links."""
    return set(re.findall(r"\]\((https?://[^)]+)\)", text)) | set(re.findall(r"<(https?://[^>\s]+)>`", text))


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(SITE.glob("*.rst"))], ids=lambda path: path.name)
def test_links_come_from_one_place(path: Path) -> None:
    found = {link for link in outside(path.read_text(encoding="utf-8")) if not link.startswith(BADGES)}
    assert found - known_links() == set()


def test_readme_installs_what_is_built() -> None:
    (listed,) = [
        one for one in guides.yaml_blocks(ROOT / "README.md") if isinstance(one, dict) and "collections" in one
    ]
    name = f".build/artifacts/{GALAXY['namespace']}-{GALAXY['name']}-{GALAXY['version']}.tar.gz"
    assert listed == {"collections": [{"name": name, "type": "file"}]}


def test_readme_lists_the_interfaces_that_are_used() -> None:
    """Every service of the table of endpoints, and the only other that code asks: where tokens come from."""
    names = {
        "provisioning": "Provisioning API",
        "scim": "SCIM 2.0",
        "graph": "Microsoft Graph",
        "entra": "Microsoft Entra",
        # Where the sign-in page leads.
        "page": "Microsoft Entra",
    }
    used = {endpoint.service for endpoint in ENDPOINTS.values()} | {"entra"}
    table = README.partition("The collection uses these interfaces, and no others:")[2].partition("\n\nWith ")[0]
    assert set(re.findall(r"(?m)^\| \*\*([^*]+)\*\*", table)) == {names[service] for service in used}
    writes = {endpoint.service for endpoint in ENDPOINTS.values() if endpoint.writes}
    assert "graph" in writes
    assert "reads and writes the applications" in table
    assert "read-only" not in table


def test_the_first_screen_has_three_commands_and_a_picture() -> None:
    """What fits: the head above the first list of choices."""
    first = README.partition("What would you like to do?")[0].partition("-->")[2]
    lines = first.splitlines()
    assert len(lines) < 30
    (block,) = re.findall(r"(?ms)^```console\n(.*?)^```$", first)
    assert len(block.splitlines()) == 3
    (picture,) = (one for one in re.findall(r"!\[[^]]+\]\(([^)]+)\)", first) if not one.startswith(BADGES))
    assert (ROOT / picture).read_text(encoding="utf-8").startswith("<svg")
    assert "Install" not in first
