# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every command of README, the guides and the site is one that a test runs, or the page says why none does.

What runs them is tests/integration/test_documented_commands.py. A comment above a block, ``not run: words: reason``, takes
out the commands that begin with one of the words, and no others. A target of make that is a check of `make test` counts
as run.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

REPOSITORY_TESTS = "ansible_collections.workspace365.provisioning.tests.unit.repository"
guides: Any = importlib.import_module(f"{REPOSITORY_TESTS}.test_guides")

ROOT: Path = guides.ROOT
PAGES = [ROOT / "README.md", *guides.GUIDES, *sorted((ROOT / "docs" / "site").glob("*.rst"))]
SCENES: dict[str, list[str]] = yaml.safe_load(
    (ROOT / "tests" / "integration" / "documented_commands.yml").read_text(encoding="utf-8")
)
SHELLS = "console|shell|bash|sh|powershell|shell-session"
MARKER = re.compile(r"\.\. not run: (.*)|<!-- not run: (.*) -->")


class Block(NamedTuple):
    """A block of commands, the words that its comment takes out, and the comment's reason."""

    text: str
    words: tuple[str, ...] = ()
    reason: str = ""


def commands(text: str) -> list[str]:
    """The commands of a block: without prompts and comments, each on one line."""
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    lines = [re.sub(r"^\s*(?:\$ )?|\s+# .*$|\s+$", "", line) for line in joined.splitlines()]
    return [" ".join(line.split()) for line in lines if line and not line.startswith("#")]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, in Markdown or reStructuredText, also those in a list."""
    markdown = re.compile(rf"(?ms)^```(?:{SHELLS})\n(.*?)^```$")
    restructured = re.compile(
        rf"(?m)^(?P<indent> *)\.\. (?:code-block|code|sourcecode):: (?:{SHELLS})\n\n(?P<body>(?:(?P=indent)   .*\n|\n)+)"
    )
    for pattern in (markdown, restructured):
        for match in pattern.finditer(text):
            body = match["body"] if pattern is restructured else match[1]
            above = " ".join(re.split(r"\n\s*\n", text[: match.start()].rstrip())[-1].split())
            said = MARKER.fullmatch(above)
            words, _colon, reason = (said[1] or said[2] if said else "").partition(": ")
            taken = tuple(word.strip() for word in words.split(",") if word.strip())
            yield Block(body, taken, reason)


# What other tests run, which read the pages themselves.
ELSEWHERE = {
    "test_awx_guide.py": [
        command
        for block in blocks((ROOT / "docs" / "docsite" / "rst" / "guide_awx.rst").read_text(encoding="utf-8"))
        for command in commands(block.text)
    ],
    "test_make_twin.py": [
        "make twin CUSTOMER=fabrikam",
        "source .build/twin/env.sh",
        "ansible-playbook workspace365.provisioning.onboard_tenant -e @.build/customers/fabrikam.yml --check --diff",
        "ansible-playbook workspace365.provisioning.onboard_tenant -e @.build/customers/fabrikam.yml",
        "PYTHONPATH=tests/simulator python -m w365_simulator show --ready-file .build/twin/ready.json",
    ],
}

RUN = {command for scripts in SCENES.values() for script in scripts for command in commands(script)}
RUN_ELSEWHERE = {command for found in ELSEWHERE.values() for command in found}


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    checks = importlib.import_module("run_checks")
    return {f"make {check.target}" for check in (*checks.CHECKS, *checks.SLOW_CHECKS)}


def mistakes(block: Block, known: set[str]) -> Iterator[str]:
    """What no test runs though nothing says so, and what a comment takes out in vain."""
    found = commands(block.text)
    taken = [command for command in found if command.startswith(block.words)] if block.words else []
    yield from (f"no test runs: {command}" for command in found if command not in known and command not in taken)
    yield from (f"a test runs it, so it needs no reason: {command}" for command in taken if command in known)
    yield from (f"nothing begins with {word!r}" for word in block.words if not any(c.startswith(word) for c in found))
    if block.words and len(block.reason.split()) < 4:
        yield "the reason says too little"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_are_run_or_say_why_not(path: Path, checks: set[str]) -> None:
    text = path.read_text(encoding="utf-8")
    found = list(blocks(text))
    announced = re.findall(rf"(?m)^\s*(?:```|\.\. (?:code-block|code|sourcecode):: )(?:{SHELLS})\s*$", text)
    assert len(found) == len(announced)
    assert [mistake for block in found for mistake in mistakes(block, RUN | RUN_ELSEWHERE | checks)] == []


@pytest.mark.parametrize(
    ("test", "page"), [("test_awx_guide.py", "guide_awx.rst"), ("test_make_twin.py", "guide_twin.rst")]
)
def test_other_tests_read_the_pages(test: str, page: str) -> None:
    assert ELSEWHERE[test]
    assert page in (ROOT / "tests" / "integration" / test).read_text(encoding="utf-8")


def test_commands_of_the_articles_are_run() -> None:
    articles = yaml.safe_load((ROOT / "docs" / "site" / "articles.yml").read_text(encoding="utf-8"))["articles"]
    assert [article["command"] for article in articles if article["command"] not in RUN] == []


def test_every_command_that_is_run_is_written_somewhere() -> None:
    """Otherwise the list would go on proving what no page says any more."""
    articles = yaml.safe_load((ROOT / "docs" / "site" / "articles.yml").read_text(encoding="utf-8"))["articles"]
    said = {article["command"] for article in articles}
    said |= {
        command
        for path in PAGES
        for block in blocks(path.read_text(encoding="utf-8"))
        for command in commands(block.text)
    }
    # This one stands in the text of README.
    assert sorted(RUN - said) == ["ansible-galaxy collection install -r requirements.yml"]
    assert "ansible-galaxy collection install -r requirements.yml" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("```console\nansible-playbook other.yml\n```\n", ["no test runs: ansible-playbook other.yml"]),
        ("   .. code-block:: bash\n\n      ls \\\n        -l\n\n", ["no test runs: ls -l"]),
        (".. code-block:: shell\n\n   $ known  # as here\n   $ ls\n", ["no test runs: ls"]),
        (
            ".. not run: az: it needs a tenant of Microsoft\n\n.. code-block:: console\n\n   az login\n   ls\n",
            ["no test runs: ls"],
        ),
        (
            ".. not run: az: it needs a tenant of Microsoft\n\nText.\n\n.. code-block:: console\n\n   az login\n",
            ["no test runs: az login"],
        ),
        ("<!-- not run: az, ls: they need a tenant\nof Microsoft -->\n\n```console\naz login\nls\n```\n", []),
        ("<!-- not run: az: later -->\n\n```console\naz login\n```\n", ["the reason says too little"]),
        (
            "<!-- not run: az, known: they need a tenant of Microsoft -->\n\n```console\nknown\n```\n",
            ["a test runs it, so it needs no reason: known", "nothing begins with 'az'"],
        ),
        ("```console\nmake nothing\n```\n", ["no test runs: make nothing"]),
    ],
)
def test_mistakes_in_blocks_are_found(page: str, said: list[str]) -> None:
    (block,) = blocks(page)
    assert list(mistakes(block, {"known"})) == said
