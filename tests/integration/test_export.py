# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export of a real environment on the twin: applied to where it comes from, and to an empty one; then as a fleet."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import in_process
from playing import COLLECTION, ROOT, Play, Task, ansible_environment, connection, run_in, slow, task
from w365_simulator.testing import Twin

Plays = Callable[..., Play]

ALLAN, NESTOR, PATTI, ADELE = (f"{name}@contoso.com" for name in ("allan.deyoung", "nestor.wilke", "patti.f", "adele"))
IMPORTED = "3f1c6c0e-0000-4000-8000-000000000001"
AUTHORITY = "https://login.windows.net/contoso.com"
CLIENT_ID = "00000000-0000-4000-8000-0000000000b2"
PLANTED = "planted-sso-secret"

ODD = (
    "{{ lookup('pipe', 'id') }}",
    "a: b #c",
    "@x",
    "yes",
    "1e3",
    "null",
    "017",
    "2026-11-26",
    "{% if %}",
    "😀 Müller",
)
PEOPLE: list[dict[str, Any]] = [
    {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True},
    {"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke", "administrator": True, "external_id": "hr-1"},
    {"upn": PATTI, "first_name": "Patti", "last_name": "Fernandez", "active": False},
    *(
        {"upn": f"odd{number}@contoso.com", "first_name": odd, "last_name": odd, "title": odd}
        for number, odd in enumerate(ODD)
    ),
]
SSO = {"authority": AUTHORITY, "client_id": CLIENT_ID, "key": PLANTED}


def environment(name: str = "contoso", **more: Any) -> dict[str, Any]:
    """Without what only SCIM has, where `scim` is false."""
    scim = more.pop("scim", True)
    own = {"title", "external_id"}
    people = [{key: value for key, value in one.items() if scim or key not in own} for one in PEOPLE]
    groups = [{"name": odd, "members": [ALLAN, PATTI] if odd == "yes" else []} for odd in ODD]
    return {"name": name, "users": people, "groups": groups, "sso": SSO, **more}


def shuffled(seed: dict[str, Any]) -> dict[str, Any]:
    """The same in another order of the server, and with other ids."""
    return {**seed, **{kind: random.Random(7).sample(seed[kind], len(seed[kind])) for kind in ("users", "groups")}}


def files_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def run(twin: Twin, module: str, scim: bool, **options: Any) -> dict[str, Any]:
    result = in_process.run(module, {**connection(twin, scim=scim, entra=False), **options})
    assert not result.get("failed"), result["msg"]
    return result


def directory(folder: Path) -> list[str]:
    return [str(folder / f"{part}.yml") for part in ("users", "groups", "administrators")]


@pytest.mark.parametrize("scim", [True, False])
def test_the_source_is_unchanged_and_an_empty_environment_becomes_the_same(
    twin: Twin, tmp_path: Path, scim: bool
) -> None:
    source = environment(scim=scim)
    twin.reset({"environments": [source]}, "full")
    done = run(twin, "w365_export", scim, dest=str(tmp_path / "one"))
    assert done["left_out"] == []
    assert twin.writes() == []
    folder = tmp_path / "one" / "contoso"
    once = files_of(folder)
    assert PLANTED not in "".join(once.values())
    # Applied to where it comes from.
    assert not run(twin, "w365_directory", scim, src=directory(folder))["changed"]
    definition = yaml.safe_load(once["environment.yml"])["w365_environment_definition"]
    assert not run(twin, "w365_environment", scim, environment=definition.pop("name"), **definition)["changed"]
    sso = {**yaml.safe_load(once["sso.yml"])["w365_sso_definition"], "key": PLANTED, "verify": "never"}
    assert not run(twin, "w365_sso", scim, **sso)["changed"]
    # In another order, with other ids.
    twin.reset({"environments": [shuffled(source)]}, "full")
    assert not run(twin, "w365_export", scim, dest=str(tmp_path / "one"))["changed"]
    # Applied to nothing: where SCIM is there already, the environment is, too.
    twin.reset({"environments": [{"name": "contoso"}] if scim else []}, "full")
    run(twin, "w365_environment", False, environment="contoso", **definition)
    run(twin, "w365_sso", False, **sso)
    applied = run(twin, "w365_directory", scim, src=directory(folder))
    assert applied["changed"]
    run(twin, "w365_export", scim, dest=str(tmp_path / "two"))
    assert files_of(tmp_path / "two" / "contoso") == once


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "status", "status": 200, "body": []},
        {"action": "status", "status": 200, "body": {}},
        {"action": "status", "status": 500},
        {"action": "status", "status": 404},
        slow({"action": "truncate"}),
    ],
    ids=lambda fault: str(fault.get("body", fault.get("status", fault["action"]))),
)
@pytest.mark.parametrize("scim", [True, False])
def test_an_unreadable_list_of_users(twin: Twin, tmp_path: Path, scim: bool, fault: Mapping[str, Any]) -> None:
    twin.reset({"environments": [environment(scim=scim)]}, "full")
    options = {**connection(twin, scim=scim, entra=False), "dest": str(tmp_path)}
    surface, path = ("scim", "/Users") if scim else ("provisioning", "/contoso/User/$")
    if scim and fault.get("body") == []:
        # The whole answer of a service that lists nobody.
        fault = {**fault, "body": {"schemas": [], "totalResults": 0, "Resources": []}}
    twin.fault(surface=surface, method="GET", path=path, times=-1, **fault)
    refused = in_process.run("w365_export", options)
    if scim and fault.get("body", {}).get("totalResults") == 0:
        # There may be nobody yet.
        assert not refused.get("failed")
        (tmp_path / "contoso" / "users.yml").unlink()
    else:
        assert refused["failed"]
        assert not (tmp_path / "contoso" / "users.yml").exists()
        report = (tmp_path / "contoso" / "export_report.yml").read_text(encoding="utf-8")
        assert "  users: not readable" in report
    twin.clear_faults()
    in_process.run("w365_export", options)
    good = files_of(tmp_path / "contoso")
    twin.fault(surface=surface, method="GET", path=path, times=-1, **fault)
    refused = in_process.run("w365_export", options)
    assert refused["failed"]
    assert "users could not be read" in refused["msg"]
    now = files_of(tmp_path / "contoso")
    for name in ("users.yml", "groups.yml", "administrators.yml", "sso.yml"):
        assert now[name] == good[name], name


def test_the_documented_profile(twin: Twin, tmp_path: Path) -> None:
    twin.reset({"environments": [environment()]}, "documented")
    options = {**connection(twin, scim=True, entra=False), "dest": str(tmp_path)}
    refused = in_process.run("w365_export", options)
    assert "or accept it with allow_unreadable=" in refused["msg"]
    parts = sorted({item["part"] for item in refused["unreadable"]})
    assert {"sso", "administrators"} <= set(parts)
    reasons = {item["reason"] for item in refused["unreadable"] if item["part"] in ("sso", "administrators")}
    assert reasons == {"this server does not have the endpoint, which the vendor has not documented"}
    files = files_of(tmp_path / "contoso")
    assert "users.yml" in files
    assert "sso.yml" not in files
    assert "administrators.yml" not in files
    accepted = in_process.run("w365_export", {**options, "allow_unreadable": parts})
    assert not accepted.get("failed")
    assert not accepted["changed"]


def test_people_of_another_customer_are_not_exported(twin: Twin, tmp_path: Path) -> None:
    other = {"name": "fabrikam", "users": [{"upn": "raul@fabrikam.com", "first_name": "Raul", "last_name": "Razo"}]}
    twin.reset({"environments": [environment(), other]}, "full")
    options = {**connection(twin, scim=True, entra=False), "dest": str(tmp_path / "tenants")}
    refused = in_process.run("w365_export", {**options, "scim_url": twin.scim_url("fabrikam")})
    assert "scim_url holds the name of another environment, 'fabrikam'" in refused["msg"]
    missing = in_process.run("w365_export", {**options, "environment": "northwind"})
    assert missing["failed"]
    assert not (tmp_path / "tenants").exists()


@pytest.mark.parametrize("host", ["direct", pytest.param("process", marks=pytest.mark.slow)])
def test_the_whole_way_as_tasks(twin: Twin, play: Plays, tmp_path: Path, host: str) -> None:
    """In both hosts, with relative paths, and with a secret that nobody has defined."""
    twin.reset({"environments": [environment(scim=False)]}, "full")
    defaults = connection(twin, entra=False)
    with run_in(host):
        ran = play(
            task("w365_export", check=True, dest="tenants"),
            task("w365_export", dest="tenants"),
            task("w365_export", dest="tenants"),
            defaults=defaults,
        )
        assert [step.changed for step in ran] == [True, True, False]
        assert ran[0].result["path"] == str(tmp_path / "tenants" / "contoso")
        assert "+  - upn: nestor.wilke@contoso.com" in ran.output
        assert PLANTED not in ran.output
        assert twin.writes() == []
        definition = {
            "environment": "{{ w365_environment_definition }}",
            "sso": "{{ w365_sso_definition | combine({'verify': 'never'}) }}",
            "src": [f"{tmp_path}/tenants/contoso/{part}.yml" for part in ("users", "groups", "administrators")],
        }
        load: list[Task] = [
            {"name": name, "ansible.builtin.include_vars": {"file": f"{tmp_path}/tenants/contoso/{name}.yml"}}
            for name in ("environment", "sso")
        ]
        onboard: Task = {
            "name": "Apply",
            "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant"},
            "vars": {"w365_tenant_definition": definition},
        }
        twin.reset({"environments": []}, "full")
        undefined = play(*load, onboard, defaults=defaults)
        assert undefined.code != 0
        assert "vault_w365_contoso_sso_key" in undefined.output
        assert twin.writes() == []
        secrets = {"ansible_python_interpreter": sys.executable, "vault_w365_contoso_sso_key": PLANTED}
        for changes in (True, False):
            twin.clear_requests()
            applied = play(*load, onboard, defaults=defaults, play={"vars": secrets})
            assert applied.code == 0, applied.output
            assert bool(twin.writes()) is changes
        again = play(task("w365_export", dest="tenants"), defaults=defaults)
        assert not again[0].changed


# The fleet

FLEET = ("contoso", "fabrikam", "litware")


class Ran(NamedTuple):
    code: int
    output: str

    @property
    def said(self) -> str:
        return " ".join(self.output.split())


@pytest.fixture
def fleet(twin: Twin, tmp_path: Path) -> Callable[..., Ran]:
    twin.reset({"environments": [environment(name) for name in FLEET]}, "full")
    inventory = tmp_path / "fleet.w365.yml"
    options = {"plugin": f"{COLLECTION}.w365_environments", "instance_url": twin.instance_url}
    inventory.write_text(yaml.safe_dump(options), encoding="utf-8")
    hosts = tmp_path / "host_vars"
    hosts.mkdir()
    for name in FLEET:
        keys = {"w365_scim_url": twin.scim_url(name), "w365_scim_token": twin.scim_token}
        (hosts / f"{name}.yml").write_text(yaml.safe_dump(keys), encoding="utf-8")

    def run_it(*arguments: str, playbook: str = f"{COLLECTION}.fleet_export", **variables: Any) -> Ran:
        known = ansible_environment(tmp_path) | {
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory)]
        command += [playbook, *arguments, "-e", json.dumps(variables)]
        done = subprocess.run(
            command, env=known, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
        )
        return Ran(done.returncode, done.stdout + done.stderr)

    return run_it


def blocks_of_guide() -> list[Any]:
    text = (ROOT / "docs" / "docsite" / "rst" / "guide_export.rst").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^\.\. code-block:: yaml\n\n((?:(?:   .*)?\n)+)", text)
    return [yaml.safe_load(block) for block in found]


@pytest.mark.slow
def test_the_way_back_of_the_guide(twin: Twin, fleet: Callable[..., Ran], tmp_path: Path) -> None:
    """Its variables compare, and its playbook sets empty environments up again."""
    assert fleet().code == 0
    before = {name: files_of(tmp_path / "tenants" / name) for name in FLEET}
    compared, restore = blocks_of_guide()
    (tmp_path / "group_vars").mkdir()
    variables = tmp_path / "group_vars" / "w365_environments.yml"
    variables.write_text(yaml.safe_dump(compared), encoding="utf-8")
    planned = fleet(playbook=f"{COLLECTION}.fleet_plan")
    assert planned.code == 0, planned.said
    assert "These plans change 0 people in 0 of 3 environments." in planned.said
    # Nobody answers for Microsoft here.
    restore[0]["module_defaults"][f"{COLLECTION}.w365_sso"] = {"verify": "never"}
    (tmp_path / "restore.yml").write_text(yaml.safe_dump(restore, sort_keys=False), encoding="utf-8")
    twin.reset({"environments": [{"name": name} for name in FLEET]}, "full")
    secrets = {f"vault_w365_{name}_sso_key": PLANTED for name in FLEET[1:]}
    (tmp_path / "secrets.yml").write_text(yaml.safe_dump(secrets), encoding="utf-8")
    restored = fleet(playbook=str(tmp_path / "restore.yml"))
    assert restored.code != 0
    assert "vault_w365_contoso_sso_key" in restored.said
    # It failed before its first write, and disturbed nobody.
    assert [request["path"] for request in twin.writes() if "/contoso/" in request["path"]] == []
    (tmp_path / "secrets.yml").write_text(yaml.safe_dump({f"vault_w365_{FLEET[0]}_sso_key": PLANTED}), encoding="utf-8")
    again = fleet("--limit", "contoso", playbook=str(tmp_path / "restore.yml"))
    assert again.code == 0, again.said
    exported = fleet()
    assert exported.code == 0, exported.said
    assert {name: files_of(tmp_path / "tenants" / name) for name in FLEET} == before
    assert exported.said.count("; unchanged; SCIM address:") == 3


@pytest.mark.slow
def test_a_fleet_is_exported(twin: Twin, fleet: Callable[..., Ran], tmp_path: Path) -> None:
    preview = fleet("--check")
    assert preview.code == 0, preview.said
    assert not (tmp_path / "tenants").exists()
    first = fleet(w365_export_dest=" ", w365_export_allow_unreadable=" ", w365_hosts=" ")
    assert first.code == 0, first.said
    assert sorted(path.name for path in (tmp_path / "tenants").iterdir()) == sorted(FLEET)
    assert len(list((tmp_path / "tenants" / "contoso").iterdir())) == 7
    assert "contoso: users 13, groups 10, administrators 2; create export_report.yml, " in first.said
    assert PLANTED not in first.output
    assert twin.writes() == []
    twin.fault(
        surface="provisioning", method="GET", path="/fabrikam/SingleSignOn", action="status", status=500, times=-1
    )
    second = fleet()
    assert second.code != 0
    assert "contoso: users 13, groups 10, administrators 2; unchanged" in second.said
    assert "fabrikam: failed: Not everything of environment 'fabrikam' could be read" in second.said
    assert "To retry: --limit fabrikam" in second.said
    accepted = fleet("--limit", "fabrikam", w365_export_allow_unreadable="sso")
    assert accepted.code == 0, accepted.said
    assert "fabrikam: users 13, groups 10, administrators 2; unchanged; not readable: sso" in accepted.said
    for arguments in (["--limit", "localhost"], ["--tags", "nothing"], ["-e", "w365_hosts=nobody"]):
        assert fleet(*arguments).code != 0, arguments
