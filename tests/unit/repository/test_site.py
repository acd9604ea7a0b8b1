# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation site is made of: the table of the vendor's articles, the pages of the playbooks, links, pictures."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

guides: Any = importlib.import_module("ansible_collections.workspace365.provisioning.tests.unit.repository.test_guides")

pytest.importorskip("antsibull_docs_parser", reason="it belongs to our tools, not to every matrix cell")

ROOT: Path = guides.ROOT
SITE = ROOT / "docs" / "site"
ARTICLES: list[dict[str, Any]] = yaml.safe_load((SITE / "articles.yml").read_text(encoding="utf-8"))["articles"]
# The vendor's sixteen, by their titles.
TITLES = [
    "Automated user provisioning via SCIM API",
    "Azure SCIM client setup",
    "About the Azure AD synctool and requirements",
    "Step 1. Create a client application in Azure",
    "Step 2. Setup Workspace for Microsoft Entra sync",
    "Step 3. Azure AD synctool configuration UI",
    "Step 4. Creating a Windows service",
    "Multiple and exported synctool configurations",
    "Import users from Office 365 (groups)",
    "Create users and/or groups manually",
    "Understand and manage user permissions",
    "How to make someone an administrator",
    "Login with alias or as guest user",
    "Provisioning API (instance)",
    "Provisioning example: Change SSO settings",
    "Provisioning script",
]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a helper of the Makefile."""
    monkeypatch.syspath_prepend(str(ROOT / "tools"))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    yield load
    for name in ("site_pages", "site_links", "demo_picture", "screenshots"):
        sys.modules.pop(name, None)


# The vendor's articles


def article_mistakes(article: dict[str, Any]) -> Iterator[str]:
    """What a row names that there is not."""
    for name in article["replaces"]:
        if name not in {*guides.MODULES, *guides.ROLES, *guides.PLAYBOOKS}:
            yield f"{name} is no module, role or playbook"
    if article["guide"] not in guides.GUIDE_NAMES:
        yield f"{article['guide']} is no guide"
    words = article["command"].split()
    named = [word.rpartition(".")[2] for word in words if word.startswith(f"{guides.COLLECTION}.")]
    if not named or named[0] not in article["replaces"]:
        yield f"the command runs {named}, which replaces nothing"
    for test in article["tests"]:
        file, _colons, function = test.partition("::")
        path = ROOT / "tests" / file
        names = (
            [node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
            if path.is_file()
            else []
        )
        if function not in names:
            yield f"there is no test {test}"
    if len(article["click"].split()) < 1 or not article["click"].endswith("."):
        yield "it does not say what stays a click"


def test_every_article_has_its_row() -> None:
    assert [article["title"] for article in ARTICLES] == TITLES
    keys = {"title", "replaces", "guide", "command", "tests", "click"}
    assert [article["title"] for article in ARTICLES if set(article) - {"link"} != keys] == []
    links = [article["link"] for article in ARTICLES if "link" in article]
    assert len(set(links)) == len(links) == 13


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article["title"])
def test_rows_name_what_there_is(article: dict[str, Any]) -> None:
    assert list(article_mistakes(article)) == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("replaces", ["w365_usr"], "w365_usr is no module"),
        ("guide", "guide_nowhere", "is no guide"),
        ("command", "ansible-playbook workspace365.provisioning.sync", "which replaces nothing"),
        ("tests", ["integration/test_directory.py::test_nothing"], "there is no test"),
        ("tests", ["integration/test_nowhere.py::test_over_scim"], "there is no test"),
        ("click", "", "what stays a click"),
    ],
)
def test_a_wrong_row_is_found(key: str, value: Any, said: str) -> None:
    assert any(said in mistake for mistake in article_mistakes({**ARTICLES[0], key: value}))


def test_the_page_has_every_row(tool: Any) -> None:
    page = tool("site_pages").articles_page()
    for article in ARTICLES:
        assert article["title"] in page
        assert f"``{article['command']}``" in page
        assert all(f"``{test}``" in page for test in article["tests"])


# Playbooks


def test_every_playbook_has_a_page_of_its_own_words(tool: Any) -> None:
    pages = tool("site_pages").playbook_pages()
    assert set(pages) == {*guides.PLAYBOOKS, "index", "connection"}
    onboard = pages["onboard_tenant"]
    assert "Onboards one tenant from a variables file:" in onboard
    assert (
        ".. code-block:: console\n\n   ansible-playbook workspace365.provisioning.onboard_tenant -e @contoso.yml\n"
        in onboard
    )
    assert ":ansplugin:`the role w365_tenant <workspace365.provisioning.w365_tenant#role>`" in onboard
    assert "#role:main:w365_tenant_definition`\n     - raw, required\n" in onboard
    assert ":doc:`rotate_sso_secrets <rotate_sso_secrets>`" in pages["audit_sso"]
    assert "* - ``w365_audit_html``\n     - a file for the report, in a folder that exists\n" in pages["audit_sso"]
    assert "the module w365_sso_app_info" in pages["audit_sso"]
    for name, page in pages.items():
        assert name in {"index", "connection"} or "What it runs\n------------\n\n* " in page, name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("see vars/connection.yml.", "see ``vars/connection.yml``."),
        ("Run it with --check --diff first, and", "Run it with ``--check`` ``--diff`` first, and"),
        ("set w365_allow_empty_run=true.", "set ``w365_allow_empty_run=true``."),
        ("a*b and `c` | d", "``a*b`` and \\`c\\` \\| d"),
        ("those of fleet_plan.", "those of :doc:`fleet_plan <fleet_plan>`."),
        ("w365_plan_<environment>, and", "``w365_plan_<environment>``, and"),
        ("from W365_* environment variables", "from ``W365_*`` environment variables"),
        ("""a list: -e '{"a": ["b", "c"]}', or""", """a list: ``-e '{"a": ["b", "c"]}'``, or"""),
    ],
)
def test_comments_become_pages(text: str, said: str, tool: Any) -> None:
    assert tool("site_pages").prose(text) == said


# Links


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("other.html", ""),
        ("other.html#there", ""),
        ("#here", ""),
        ("folder/deep.html#x", ""),
        ("other.html#nowhere", "anchor"),
        ("#nowhere", "anchor"),
        ("missing.html", "no file"),
        ("folder/", "no file"),
        ("https://docs.ansible.com/projects/ansible/latest/index.html", ""),
        ("http://docs.ansible.com/", "not https"),
        ("https://workspace.contoso.com/contoso", "an example"),
        ("https://localhost/contoso", "no plain host"),
        ("https://127.0.0.1/", "no plain host"),
        ("https://docs.ansible.com:8443/", "no plain host"),
        ("https://docs.ansible.com/a.", "the text around it"),
        ("https://docs.ansible.com/<version>/", "the text around it"),
        ("ftp://docs.ansible.com/", "not https"),
        ("mailto:it@contoso.com", "not https"),
    ],
)
def test_links_are_followed(target: str, said: str, tool: Any, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "index.html").write_text(f'<p id="here"><a href="{target}">x</a></p>', encoding="utf-8")
    (tmp_path / "other.html").write_text('<p id="there"></p>', encoding="utf-8")
    (tmp_path / "folder" / "deep.html").write_text('<a name="x" href="../index.html#here"></a>', encoding="utf-8")
    found = tool("site_links").link_mistakes(tmp_path)
    assert len(found) == bool(said), found
    assert said in "".join(found)


def test_pictures_of_pages_are_followed(tool: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<img src="missing.svg"><script src="_static/x.js"></script>', encoding="utf-8"
    )
    assert len(tool("site_links").link_mistakes(tmp_path)) == 2


# What is not public


def test_pages_of_modules_lead_to_nothing_that_is_not_public(tool: Any) -> None:
    text = (
        ".. note::\n    This module is part of the `workspace365.provisioning collection <https://galaxy.ansible.com/ui/x/>`_"
        " (version 1.1.0).\n\n    To install it, use: :code:`ansible\\-galaxy collection install workspace365.provisioning`.\n\n"
        ".. contents::\n   :local:\n   :depth: 1\n\nText\n\n.. Extra links\n\nCollection links\n~~~~\n\n.. ansible-links::\n\n"
        '  - url: "https://github.com/x"\n\n.. Parsing errors\n'
    )
    pages = tool("site_pages")
    shown = pages.collection_page("w365_user_module.rst", text, {"galaxy": False, "repository": False})
    assert "https://" not in shown
    assert "It is not published yet" in shown
    assert "contents::" not in shown
    assert "https://" in pages.collection_page("w365_user_module.rst", text, {"galaxy": True, "repository": True})


# Pictures


def test_the_picture_of_the_demo_is_compared_with_its_words(
    tool: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("rich", reason="rich belongs to our tools, not to every matrix cell")
    picture = tool("demo_picture")
    spoken = [
        ("Starting.", "bold"),
        ("1. What would be done?", "bold"),
        ("  proved: the twin's log holds 11 requests of it & no write <among> them" + " and more" * 12, "green"),
    ]
    monkeypatch.setattr(picture, "ROOT", tmp_path)
    monkeypatch.setattr(picture, "PICTURE", tmp_path / "demo.svg")
    with pytest.raises(Exception, match="make demo-picture"):
        picture.check(spoken)
    (tmp_path / "demo.svg").write_text(picture.draw(spoken), encoding="utf-8")
    picture.check(spoken)
    # Numbers may differ, words may not.
    picture.check([(text.replace("11", "12"), color) for text, color in spoken])
    for changed in (
        spoken[:-1],
        [*spoken, ("  proved: more", "green")],
        [(text.replace("no write", "writes"), color) for text, color in spoken],
    ):
        with pytest.raises(Exception, match="make demo-picture"):
            picture.check(changed)


@pytest.mark.parametrize("path", sorted((SITE / "images").glob("*.svg")), ids=lambda path: path.name)
def test_pictures_load_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert re.findall(r"(?:url\(|href=|src=)[\"']?(?!#)[^\"')]+", text) == []


def test_without_chromium_it_says_how_to_get_it(tmp_path: Path) -> None:
    """The pictures themselves are for people; `make screenshots` takes them."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "screenshots.py")],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr


def test_a_picture_is_taken(tool: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shots = tool("screenshots")
    if not any(shutil.which(name) for name in shots.PROGRAMS):
        pytest.skip("there is no Chromium on this machine; Debian's package is chromium")
    page = tmp_path / "page.html"
    page.write_text("<h1>Contoso</h1>", encoding="utf-8")
    monkeypatch.setattr(shots, "SHOTS", tmp_path)
    taken = shots.take(shots.chromium(), page.as_uri(), "page", tmp_path / "profile")
    assert [path.name for path in taken] == ["page-wide.png", "page-narrow.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in taken)


def test_the_pages_of_the_pictures_are_built(tool: Any) -> None:
    """Five pages and the report; each is one that `make site` makes."""
    shots = tool("screenshots")
    assert len(shots.PAGES) == 6
    assert len(shots.SIZES) == 2
    known = {"index.html", "articles.html", "_static/example_report.html"}
    known |= {f"collection/docsite/{name}.html" for name in guides.GUIDE_NAMES}
    known |= {f"playbooks/{name}.html" for name in guides.PLAYBOOKS}
    known |= {f"collection/{name}_module.html" for name in guides.MODULES}
    assert set(shots.PAGES.values()) <= known
