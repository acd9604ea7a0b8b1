# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""version_added is the release that brought a module, role, option or return value, as the changelog tells.

changelogs/changelog.yaml lists the modules and roles of every release. What no release has comes with the next one, whose
version stands in galaxy.yml.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

documentation: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.modules.test_documentation"
)

ROOT: Path = documentation.ROOT
SOURCES = sorted((ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted((ROOT / "roles").glob("*/meta/argument_specs.yml"))
FRAGMENTS = sorted((ROOT / "plugins" / "doc_fragments").glob("*.py"))


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in str(version).split("."))


class Releases:
    """What the changelog lists. `first`: (kind, name) -> the release that brought it."""

    def __init__(self, changelog: Mapping[str, Any], upcoming: str) -> None:
        self.versions = sorted(changelog["releases"], key=number)
        self.upcoming = str(upcoming)
        self.first: dict[tuple[str, str], str] = {}
        for version in self.versions:
            release = changelog["releases"][version]
            listed = {"module": release.get("modules", []), **release.get("plugins", {}), **release.get("objects", {})}
            for kind, entries in listed.items():
                for entry in entries:
                    self.first.setdefault((kind, entry["name"]), version)

    def mistake(self, kind: str, name: str, version: Any) -> str | None:
        """Why a module or role has a wrong version_added, or None."""
        if released := self.first.get((kind, name)):
            expected = released
        elif self.upcoming in self.versions:
            return f"{name} is in no release, and {self.upcoming} is released: set the next version in galaxy.yml"
        else:
            expected = self.upcoming
        return None if version == expected else f"{name} has version_added {version}, but came with {expected}"

    def later_mistakes(self, owner: str, versions: Mapping[str, Any]) -> Iterator[str]:
        """Wrong versions of options and return values that came later than their module or role."""
        for path, version in versions.items():
            if version not in (*self.versions, self.upcoming):
                yield f"{path} has version_added {version}, which is neither released nor the next version"
            elif number(version) <= number(owner):
                yield f"{path} has version_added {version}, as its owner has: leave it out"


def releases() -> Releases:
    changelog = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))
    return Releases(changelog, yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"])


def documents(path: Path) -> dict[str, Any]:
    """The YAML texts of a module or fragment, by the name of their variable."""
    return {
        node.targets[0].id: yaml.safe_load(node.value.value)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def later(entries: Mapping[str, Any], parent: str = "") -> dict[str, Any]:
    """Every version_added of options or return values and of what is below them, by path."""
    found: dict[str, Any] = {}
    for name, entry in entries.items():
        path = f"{parent}{name}"
        if "version_added" in entry:
            found[path] = entry["version_added"]
        for key in ("suboptions", "options", "contains"):
            found.update(later(entry.get(key) or {}, f"{path}."))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_module_says_which_release_brought_it(path: Path) -> None:
    assert releases().mistake("module", path.stem, documents(path)["DOCUMENTATION"]["version_added"]) is None


@pytest.mark.parametrize("path", ROLES, ids=lambda path: path.parents[1].name)
def test_a_role_says_which_release_brought_it(path: Path) -> None:
    main = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]
    assert releases().mistake("role", path.parents[1].name, main["version_added"]) is None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_later_options_and_return_values_name_a_release(path: Path) -> None:
    texts = documents(path)
    versions = {**later(texts["DOCUMENTATION"].get("options") or {}), **later(texts["RETURN"])}
    assert list(releases().later_mistakes(texts["DOCUMENTATION"]["version_added"], versions)) == []


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_later_options_of_fragments_name_a_release(path: Path) -> None:
    known = releases()
    for text in documents(path).values():
        # A fragment belongs to modules of several releases, so only the first release needs no version_added.
        assert list(known.later_mistakes(known.versions[0], later(text.get("options") or {}))) == []


def test_every_released_module_is_still_there() -> None:
    names = {path.stem for path in SOURCES} | {path.parents[1].name for path in ROLES}
    removed = [name for (kind, name) in releases().first if kind in ("module", "role") and name not in names]
    assert removed == [], "a released module or role is gone: announce it in meta/runtime.yml and teach this test"


CHANGELOG = {
    "releases": {
        "1.0.0": {"modules": [{"name": "old"}], "objects": {"role": [{"name": "onboarding"}]}},
        "1.10.0": {"modules": [{"name": "middle"}]},
        "1.9.0": {"modules": [{"name": "early"}], "plugins": {"lookup": [{"name": "finder"}]}},
    }
}


@pytest.mark.parametrize(
    ("kind", "name", "version", "message"),
    [
        ("module", "old", "1.0.0", None),
        ("role", "onboarding", "1.0.0", None),
        ("lookup", "finder", "1.9.0", None),
        ("module", "new", "1.11.0", None),
        ("module", "new", "1.0.0", "new has version_added 1.0.0, but came with 1.11.0"),
        ("module", "new", None, "new has version_added None, but came with 1.11.0"),
        ("module", "middle", "1.11.0", "middle has version_added 1.11.0, but came with 1.10.0"),
        ("role", "old", "1.0.0", "old has version_added 1.0.0, but came with 1.11.0"),
    ],
)
def test_wrong_versions_are_found(kind: str, name: str, version: str, message: str | None) -> None:
    assert Releases(CHANGELOG, "1.11.0").mistake(kind, name, version) == message


def test_a_new_module_needs_a_next_version() -> None:
    known = Releases(CHANGELOG, "1.10.0")
    assert known.mistake("module", "old", "1.0.0") is None
    assert known.mistake("module", "new", "1.10.0") == (
        "new is in no release, and 1.10.0 is released: set the next version in galaxy.yml"
    )


def test_wrong_versions_of_options_are_found() -> None:
    entries = {
        "first": {},
        "second": {"version_added": "1.10.0"},
        "third": {"suboptions": {"deep": {"version_added": "1.11.0"}, "wrong": {"version_added": "1.1.0"}}},
        "fourth": {"contains": {"same": {"version_added": "1.9.0"}}},
    }
    assert list(Releases(CHANGELOG, "1.11.0").later_mistakes("1.9.0", later(entries))) == [
        "third.wrong has version_added 1.1.0, which is neither released nor the next version",
        "fourth.same has version_added 1.9.0, as its owner has: leave it out",
    ]
