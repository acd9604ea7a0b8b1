# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a description of a tenant needs in the twin's Microsoft Entra: all of it, once, and nothing that is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from w365_simulator import __version__
from w365_simulator.background import without_digests
from w365_simulator.background_cli import read_request
from w365_simulator.cli import StartError
from w365_simulator.control import state
from w365_simulator.definitions import VARIABLE, client_id_of, example, needs_of, read_definition, tenant_of
from w365_simulator.seeding import SeedError, load
from w365_simulator.server import Twin
from w365_simulator.store import Store
from w365_simulator.switches import Switches

ROOT = Path(__file__).resolve().parents[3]
CONTOSO = ROOT / "playbooks" / "examples" / "contoso.yml"
SCENARIO = ROOT / "playbooks" / "examples" / "molecule" / "default" / "vars" / "customer.yml"
SECRET = "a-generated-secret"
GROUP_ID = "11111111-2222-4333-8444-555555555555"
FABRIKAM: dict[str, Any] = yaml.safe_load(example("fabrikam"))[VARIABLE]
DEFINITIONS: dict[str, dict[str, Any]] = {
    "example": FABRIKAM,
    "contoso": read_definition(CONTOSO),
    "scenario": read_definition(SCENARIO),
    "environment only": {"environment": {"name": "fabrikam"}},
    "one person": {"users": [{"upn": "lee.gu@fabrikam.com", "first_name": "Lee", "last_name": "Gu"}]},
    "everything": {"sso": {"primary_domain": "fabrikam.com"}, "o365_import": {"everything": True}},
    "ids of groups": {"sso": {"primary_domain": "fabrikam.com"}, "o365_import": {"groups": [GROUP_ID]}},
    "a guest": {"users": [{"upn": "lee.gu_contoso.com#EXT#@fabrikam.onmicrosoft.com"}]},
    "scim": {"environment": {"name": "fabrikam"}, "scim": {"groups": ["Everybody"], "users": ["lee.gu@fabrikam.com"]}},
    "odd": {
        "environment": {"name": "fabrikam"},
        "users": "all",
        "groups": [None, {"members": 7}],
        "sso": [],
        "scim": "",
    },
}


class World:
    """A twin in this process."""

    def __init__(self, seed: str = "none") -> None:
        self.twin = Twin(Store(None), Switches(), provisioning_key="key", scim_token="token", client_secret=SECRET)
        self.twin.seeder.merge(load(seed))

    @property
    def tenants(self) -> dict[str, Any]:
        found: dict[str, Any] = state(self.twin.store, "full")["tenants"]
        return found

    def bring(self, definition: dict[str, Any]) -> dict[str, Any]:
        """Add what a definition needs; return the tenant that it is about."""
        self.twin.seeder.merge(needs_of(definition, SECRET, self.tenants))
        found: dict[str, Any] = self.tenants[tenant_of(definition, self.tenants)[0]]
        return found


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("seed", ["none", "contoso", "generated:30"])
def test_what_is_needed_is_added_once(name: str, seed: str) -> None:
    world, definition = World(seed), DEFINITIONS[name]
    before = world.tenants
    world.bring(definition)
    after = world.tenants
    assert needs_of(definition, SECRET, after) == {}
    for id_, tenant in before.items():
        assert {upn: user for upn, user in after[id_]["users"].items() if upn in tenant["users"]} == tenant["users"]
        assert {group: one for group, one in after[id_]["groups"].items() if group in tenant["groups"]} == tenant[
            "groups"
        ]


def test_the_example_finds_everybody() -> None:
    tenant = World().bring(FABRIKAM)
    assert {"allan.deyoung@fabrikam.com", "nestor.wilke@fabrikam.com", "johanna.lorenz@fabrikam.com"} <= set(
        tenant["users"]
    )
    members = set(tenant["groups"]["Sales and Marketing"]["members"])
    assert len(members) == 3
    assert members <= set(tenant["users"])
    listed = {user["upn"] for user in FABRIKAM["users"]}
    assert members & listed == set(), "a person has one owner"
    assert tenant["administrators"] == ["allan.deyoung@fabrikam.com"]
    assert [domain["name"] for domain in tenant["domains"]] == ["fabrikam.com", "fabrikam.onmicrosoft.com"]


def test_the_tenant_of_the_seed_stays_as_it_is() -> None:
    world = World("contoso")
    before = world.tenants
    world.bring(DEFINITIONS["contoso"])
    assert world.tenants == before


def test_who_is_listed_nowhere_comes_from_the_import() -> None:
    definition = {**FABRIKAM, "groups": [{"name": "Board", "members": {"set": ["lee.gu@emea.fabrikam.com"]}}]}
    tenant = World().bring(definition)
    assert tenant["groups"]["Sales and Marketing"]["members"] == ["lee.gu@emea.fabrikam.com"]
    assert "emea.fabrikam.com" in [domain["name"] for domain in tenant["domains"]]


def test_the_key_of_single_sign_on_becomes_a_secret() -> None:
    sso = {"primary_domain": "fabrikam.com", "client_id": GROUP_ID, "key": "the-key-of-the-person"}
    world = World()
    world.bring({**FABRIKAM, "sso": sso})
    rows = world.twin.store.all("SELECT client_id, client_secret FROM applications ORDER BY position")
    own = client_id_of(tenant_of(FABRIKAM, {})[0])
    assert [tuple(row) for row in rows] == [(own, SECRET), (GROUP_ID, "the-key-of-the-person")]


def test_a_packaged_seed_takes_the_secret_of_the_twin() -> None:
    rows = World("contoso").twin.store.all("SELECT client_secret FROM applications ORDER BY position")
    assert [row[0] for row in rows] == [SECRET, "sso-demo-secret-of-the-twin"]
    assert [row[0] for row in World("generated:5").twin.store.all("SELECT client_secret FROM applications")] == [SECRET]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("w365_tenant_definition: {users: [{upn: lee.gu@fabrikam.com, password: !vault 'x'}]}", ["lee.gu@fabrikam.com"]),
        ("w365_tenant_definition: {users: [{upn: '{{ who }}'}, {upn: lee.gu@fabrikam.com}]}", ["lee.gu@fabrikam.com"]),
        ("w365_tenant_definition: {users: [{upn: !unsafe 'lee.gu@fabrikam.com'}, {upn: joni@fabrikam.com}]}", ["joni@fabrikam.com"]),
    ],
)  # fmt: skip
def test_what_only_ansible_can_read_is_left_out(text: str, people: list[str], tmp_path: Path) -> None:
    path = tmp_path / "customer.yml"
    path.write_text(text, encoding="utf-8")
    assert list(World().bring(read_definition(path))["users"]) == people


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "is not YAML"),
        ("other: {}", "does not define w365_tenant_definition"),
        ("w365_tenant_definition: []", "does not define w365_tenant_definition"),
        ("", "does not define w365_tenant_definition"),
    ],
)
def test_a_file_that_describes_nothing_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "customer.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SeedError, match=sentence):
        read_definition(path)


@pytest.mark.parametrize("definition", [{}, {"users": [{"upn": "{{ who }}"}]}, {"sso": {"primary_domain": "nonsense"}}])
def test_an_unknown_tenant_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(SeedError, match="it is unknown which Microsoft tenant"):
        needs_of(definition, SECRET, {})


@pytest.mark.parametrize("name", ["", "F", "Fabrikam", "fabrikam-lab", "demo", "graph", "../x", "1st", "a" * 40])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SeedError, match="is no name for an example"):
        example(name)


@pytest.mark.parametrize(
    "seed",
    [
        {"tenants": [{"id": GROUP_ID, "display_name": "x", "domains": [], "applications": [
            {"client_id": GROUP_ID, "client_secret": {"hidden-value": 1}}]}]},
        {"environments": [{"name": "contoso", "scim_token": ["hidden-value"]}]},
        {"environments": [{"name": "contoso", "users": [
            {"upn": "a@b.com", "first_name": "A", "last_name": "B", "password": ["hidden-value"]}]}]},
    ],
)  # fmt: skip
def test_an_error_shows_no_secret(seed: dict[str, Any]) -> None:
    with pytest.raises(SeedError) as caught:
        World().twin.seeder.merge(seed)
    assert "hidden-value" not in str(caught.value)
    assert "something else" in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [[], "x", {"port": "8365"}, {"port": True}, {"fresh": 1}, {"definition": "x"}, {"seed": 7}, {"scim": "contoso"},
     {"scim": [""]}, {"scim": [7]}, {"prot": 1}, {"directory": 7}],
)  # fmt: skip
def test_a_request_that_is_none_is_refused(request_: Any) -> None:
    with pytest.raises(StartError):
        read_request(request_)


def test_what_is_empty_in_a_request_is_not_given() -> None:
    read = read_request(
        {"state": "", "port": None, "seed": "", "definition": {}, "switches": {}, "scim": [], "fresh": False}
    )
    assert (read.state, read.port, read.seed, read.definitions, read.scim) == ("started", None, None, (), ())
    assert read_request({"port": 0}).port == 0


def test_a_shown_state_has_no_digests() -> None:
    world = World("contoso")
    shown = json.dumps(without_digests(state(world.twin.store, "full")))
    assert "sha256" not in shown
    assert "adele.vance@contoso.com" in shown


def test_the_package_has_the_version_of_the_collection() -> None:
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    assert __version__ == galaxy["version"]


def test_the_package_names_what_the_twin_imports() -> None:
    import ast
    import sys

    import tomllib

    root = ROOT / "tests" / "simulator"
    package = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    imported: set[str] = set()
    for path in (root / "w365_simulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    names = {"jwt": "pyjwt", "yaml": "pyyaml"}
    needed = {names.get(module, module) for module in imported - set(sys.stdlib_module_names) - {"w365_simulator"}}
    bounds = {requirement.partition(">=")[0]: requirement for requirement in package["project"]["dependencies"]}
    # uvicorn takes httptools by itself where it is installed.
    assert set(bounds) == needed | {"httptools"}
    assert [requirement for requirement in bounds.values() if ">=" not in requirement or "<" in requirement] == []
    packages = {
        str(path.parent.relative_to(root)).replace("/", ".") for path in (root / "w365_simulator").rglob("__init__.py")
    }
    assert set(package["tool"]["setuptools"]["packages"]) == packages
