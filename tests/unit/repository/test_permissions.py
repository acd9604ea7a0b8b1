# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sets of permissions in docs/permissions.yml are those of the code: what an error names, a set has, and the reverse."""

from __future__ import annotations

import copy
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import PERMISSIONS as READING
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph_endpoints import ROWS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.import_application import (
    ImportApplicationClient,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.synchronization import (
    SynchronizationClient,
)

ROOT = Path(__file__).resolve().parents[3]
CODE = ROOT / "plugins" / "module_utils" / "_w365"
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_graph_permissions.rst"

NEEDED: dict[str, str] = {**READING, **ImportApplicationClient.permissions, **SynchronizationClient.permissions}
"""Call -> the permissions that its error names."""

NAME = re.compile(r"\b[A-Z][A-Za-z]+\.(?:Read|ReadWrite)\.[A-Z][A-Za-z]+\b")
READ_BY_OWNER = re.compile(r"graph\.(?:application\b.*|principal\b.*|assignments)")
"""Not the lists of all applications and of all service principals."""


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("write_permissions")
    sys.modules.pop("write_permissions", None)


@pytest.fixture
def data(writer: Any) -> dict[str, Any]:
    found: dict[str, Any] = writer.load()
    return found


def named_by_code() -> set[str]:
    """Every application permission that an error can name. The delegated ones of Workspace 365 are in model/."""
    folders = [CODE / name for name in ("api", "entra", "task", "backends")]
    return {
        name for folder in folders for path in folder.glob("*.py") for name in NAME.findall(path.read_text("utf-8"))
    }


def alternatives(text: str) -> list[set[str]]:
    """What an error asks for: all of these, of each one of its names."""
    return [names for part in re.split(r"\band\b|\btogether with\b", text) if (names := set(NAME.findall(part)))]


def missing(one: dict[str, Any], given: set[str]) -> list[str]:
    """The calls of a set that these permissions do not allow."""
    # Who owns an application may read it (contract, G14). Whoever may read the directory may read its applications.
    owner = one.get("owns") and "Application.ReadWrite.OwnedBy" in given
    directory = {"Application.Read.All"} if "Directory.Read.All" in given else set()

    def allowed(call: str) -> set[str]:
        return given | directory | ({"Application.Read.All"} if owner and READ_BY_OWNER.fullmatch(call) else set())

    return [call for call in one["calls"] for names in alternatives(NEEDED[call]) if not names & allowed(call)]


def problems(data: dict[str, Any]) -> list[str]:
    """Everything in which the data differs from the code."""
    known = {name for name, entry in data["permissions"].items() if not entry.get("guide_only")}
    found = [f"{name} is in the code and not in the guide" for name in sorted(named_by_code() - known)]
    found += [f"{name} is in the guide and not in the code" for name in sorted(known - named_by_code())]
    in_sets = {call for one in data["sets"] for call in one["calls"]}
    found += [f"{call} is in no set" for call in sorted(set(NEEDED) - in_sets)]
    found += [f"{call} is no call" for call in sorted(in_sets - set(NEEDED))]
    used: set[str] = set()
    for one in data["sets"]:
        everything = {*one["needs"], *one.get("also", {})}
        used |= everything | set(one.get("instead", {}))
        calls = {**one, "calls": [call for call in one["calls"] if call in NEEDED]}
        found += [f"{one['name']}: {call} is not allowed" for call in missing(calls, everything)]
        for name in sorted(everything - {"Member.Read.Hidden"}):
            covered = name == "Application.Read.All" and "Directory.Read.All" in everything
            if one["calls"] and not covered and missing(calls, everything - {name}) == missing(calls, everything):
                found.append(f"{one['name']}: {name} is not needed")
    found += [f"{name} is in no set" for name in sorted(set(data["permissions"]) - used)]
    found += [f"{name} has no description" for name in sorted(used - set(data["permissions"]))]
    return found


def test_the_sets_are_those_of_the_code(data: dict[str, Any]) -> None:
    assert problems(data) == []
    assert set(NEEDED) == {endpoint.id for endpoint in ROWS}


def test_every_call_of_the_code_says_what_it_needs() -> None:
    assert {call for call, text in NEEDED.items() if not alternatives(text)} == set()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda data: data["permissions"].pop("Policy.Read.All"),
            "Policy.Read.All is in the code and not in the guide",
        ),
        (
            lambda data: data["permissions"].update({"Mail.Read.All": {"for": "nothing"}}),
            "Mail.Read.All is in the guide and not in the code",
        ),
        (
            lambda data: data["sets"][0]["needs"].remove("Directory.Read.All"),
            "audit: graph.principal.grants is not allowed",
        ),
        (lambda data: data["sets"][1]["needs"].append("Policy.Read.All"), "import: Policy.Read.All is not needed"),
        (lambda data: data["sets"][1]["calls"].remove("graph.role.members"), "graph.role.members is in no set"),
        (
            lambda data: data["sets"][2]["needs"].remove("Application.Read.All"),
            "sso-owned: graph.principals is not allowed",
        ),
    ],
)
def test_a_difference_is_found(change: Any, said: str, data: dict[str, Any]) -> None:
    wrong = copy.deepcopy(data)
    change(wrong)
    assert said in problems(wrong)


def test_the_guide_is_fresh(writer: Any, data: dict[str, Any]) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert writer.written(text, data) == text
    assert set(NAME.findall(text)) == {name for name in data["permissions"] if NAME.fullmatch(name)}


def test_a_stale_guide_is_found(writer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stale = tmp_path / "guide.rst"
    stale.write_text(
        GUIDE.read_text(encoding="utf-8").replace("``User.Read.All``", "``User.Read``", 1), encoding="utf-8"
    )
    monkeypatch.setattr(writer, "ROOT", tmp_path)
    monkeypatch.setattr(writer, "TARGET", stale)
    monkeypatch.setattr(sys, "argv", ["write_permissions.py", "--check"])
    with pytest.raises(Exception, match=r"guide\.rst is stale: it differs from docs/permissions\.yml\. Run: make docs"):
        writer.main()
    monkeypatch.setattr(sys, "argv", ["write_permissions.py"])
    assert writer.main() == 0
    assert stale.read_text(encoding="utf-8") == GUIDE.read_text(encoding="utf-8")


def test_sets_are_for_what_there_is(data: dict[str, Any]) -> None:
    there = {path.stem for folder in ("plugins/modules", "playbooks") for path in (ROOT / folder).glob("*.*")}
    assert {name for one in data["sets"] for name in one["used_by"]} <= there
    assert {"audit", "import", "sso-owned", "sso-adopted", "scim", "rotation"} <= {one["name"] for one in data["sets"]}
