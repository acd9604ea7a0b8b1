# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks for many environments, with the inventory plugin, in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from conftest import CONTOSO
from playing import COLLECTION, ROOT, ansible_environment, slow
from w365_simulator.testing import Twin

FLEET = ["contoso", "fabrikam", "litware"]
RUNNER = ROOT / ".build" / "servers" / "venv" / "bin" / "ansible-runner"


def person(environment: str, name: str = "adele", **more: Any) -> dict[str, Any]:
    return {"upn": f"{name}@{environment}.com", "first_name": name.title(), "last_name": "Vance", **more}


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    @property
    def said(self) -> str:
        return " ".join((self.output + self.errors).split())

    @property
    def stats(self) -> dict[str, Any]:
        """What set_stats has handed on."""
        _before, _mark, after = self.output.partition("CUSTOM STATS: ")
        found: dict[str, Any] = json.loads(after[after.index("RUN: ") + len("RUN: ") :])
        return found


BLANK = ("w365_hosts", "w365_fleet_canary", "w365_fleet_serial", "w365_fleet_limit", "w365_without_plan")

Fleet = Callable[..., Ran]


@pytest.fixture
def folder(twin: Twin, tmp_path: Path) -> Path:
    """An inventory of three environments, each with a person to come and one to go."""
    seed = [
        {"name": name, "users": [person(name, "nestor"), person(name, "boss", administrator=True)]} for name in FLEET
    ]
    twin.reset({"environments": seed})
    (tmp_path / "fleet.w365.yml").write_text(
        yaml.safe_dump(
            {
                "plugin": f"{COLLECTION}.w365_environments",
                "instance_url": twin.instance_url,
                "provisioning_key": "{{ lookup('ansible.builtin.env', 'W365_PROVISIONING_KEY') }}",
                "ca_path": twin.ca_path,
            }
        ),
        encoding="utf-8",
    )
    for name in FLEET:
        users = [person(name), {"upn": f"nestor@{name}.com", "state": "absent"}]
        describe(tmp_path, name, {"users": users})
    return tmp_path


def describe(folder: Path, name: str, definition: Mapping[str, Any]) -> None:
    path = folder / "host_vars" / f"{name}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({"w365_directory_definition": dict(definition)}), encoding="utf-8")


def onboard(folder: Path, name: str, definition: Mapping[str, Any]) -> None:
    path = folder / "host_vars" / f"{name}.yml"
    path.write_text(yaml.safe_dump({"w365_tenant_definition": dict(definition)}), encoding="utf-8")


@pytest.fixture
def fleet(twin: Twin, folder: Path) -> Fleet:
    """Runs a playbook of the collection for the inventory."""

    def run(playbook: str, *arguments: str, environ: Mapping[str, str] | None = None, **variables: Any) -> Ran:
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(folder / "fleet.w365.yml"), f"{COLLECTION}.{playbook}", *arguments),
            *("-e", json.dumps(variables)),
        ]
        known = ansible_environment(folder) | {
            "ANSIBLE_SHOW_CUSTOM_STATS": "true",
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
            **(environ or {}),
        }
        done = subprocess.run(command, env=known, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def people(twin: Twin) -> dict[str, list[str]]:
    """The names of the active people in each environment."""
    found = twin.state()["environments"]
    return {
        name: sorted(upn.split("@")[0] for upn, user in found[name]["users"].items() if user["active"])
        for name in found
    }


BEFORE = {name: ["boss", "nestor"] for name in FLEET}
AFTER = {name: ["adele", "boss"] for name in FLEET}


@pytest.mark.slow
def test_a_plan_is_shown_approved_and_applied(twin: Twin, fleet: Fleet) -> None:
    planned = fleet("fleet_plan")
    assert planned.code == 0, planned.said
    assert people(twin) == BEFORE
    assert twin.writes() == []
    said = planned.said
    assert "These plans change 6 people in 3 of 3 environments." in said
    assert "fabrikam: user delete 1: nestor@fabrikam.com" in said
    assert "fabrikam: user create 1: adele@fabrikam.com" in said
    assert f"litware: digest {planned.stats['w365_plan_digest_litware']}" in said
    assert sorted(planned.stats) == sorted(
        ["w365_plan_summary", *(f"w365_plan_{key}{name}" for name in FLEET for key in ("", "digest_"))]
    )
    preview = fleet("fleet_apply", "--check", **planned.stats)
    assert preview.code == 0, preview.said
    assert people(twin) == BEFORE
    applied = fleet("fleet_apply", **planned.stats)
    assert applied.code == 0, applied.said
    assert people(twin) == AFTER
    assert "contoso: user create 1; user delete 1; SCIM address: none" in applied.said
    twin.clear_requests()
    again = fleet("fleet_apply", **planned.stats)
    assert again.code == 0, again.said
    assert twin.writes() == []
    assert "contoso: unchanged;" in again.said


@pytest.mark.slow
def test_every_plan_goes_to_its_own_environment(twin: Twin, fleet: Fleet) -> None:
    """A plan in another one's variable, without its digest, of another revision, or none at all."""
    plans = fleet("fleet_plan", awx_project_revision="abc123").stats
    swapped = fleet("fleet_apply", **{**plans, "w365_plan_contoso": plans["w365_plan_fabrikam"]})
    assert swapped.code != 0
    assert "is not the plan that plan_digest approves" in swapped.said
    both = {"w365_plan_contoso": "w365_plan_fabrikam", "w365_plan_digest_contoso": "w365_plan_digest_fabrikam"}
    foreign = fleet("fleet_apply", "--limit", "contoso", **{**plans, **{to: plans[of] for to, of in both.items()}})
    assert foreign.code != 0
    assert "was made for environment 'fabrikam'" in foreign.said
    undigested = {name: value for name, value in plans.items() if name != "w365_plan_digest_contoso"}
    refused = fleet("fleet_apply", "--limit", "contoso", **undigested)
    assert refused.code != 0
    assert "w365_plan_contoso and its digest are not given" in refused.said
    newer = fleet("fleet_apply", "--limit", "contoso", awx_project_revision="def456", **plans)
    assert newer.code != 0
    assert "The plan was made with revision abc123 of the project, and this job has def456" in newer.said
    assert people(twin)["contoso"] == BEFORE["contoso"]


def test_one_broken_environment_disturbs_nobody(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "fabrikam", {"users": [{"upn": "adele"}]})
    planned = fleet("fleet_plan")
    assert planned.code != 0
    assert "To retry: --limit fabrikam" in planned.said
    assert "fabrikam: no plan: " in planned.said
    assert "w365_plan_fabrikam" not in planned.stats
    refused = fleet("fleet_apply", **planned.stats)
    assert refused.code != 0
    assert "fabrikam: failed: There is no plan for this environment" in refused.said
    left = fleet("fleet_apply", w365_without_plan="skip", **planned.stats)
    assert left.code == 0, left.said
    assert "fabrikam: left out, because it has no plan" in left.said
    assert people(twin) == {**AFTER, "fabrikam": BEFORE["fabrikam"]}


def test_the_canary_stops_the_others(twin: Twin, fleet: Fleet, folder: Path) -> None:
    plans = fleet("fleet_plan").stats
    twin.fault(surface="provisioning", method="POST", path="/contoso/", action="status", status=400, times=-1)
    ran = fleet("fleet_apply", w365_fleet_canary=1, w365_fleet_serial="50%", **plans)
    assert ran.code != 0
    assert "contoso: failed:" in ran.said
    assert "litware: not reached" in ran.said
    assert "To retry: --limit contoso,fabrikam,litware" in ran.said
    assert people(twin) == {**BEFORE, "contoso": people(twin)["contoso"]}
    odd = fleet("fleet_apply", w365_fleet_serial="0", **plans)
    assert odd.code != 0
    assert "must be numbers from 1" in odd.said


@pytest.mark.parametrize("playbook", [slow("fleet_plan"), slow("fleet_apply"), "fleet_sync"])
def test_a_run_that_does_nothing_fails(playbook: str, twin: Twin, fleet: Fleet, folder: Path) -> None:
    plans = fleet("fleet_plan").stats
    for arguments in (["--limit", "localhost"], ["--tags", "nothing"], ["-e", "w365_hosts=nobody"]):
        ran = fleet(playbook, *arguments, **plans)
        assert ran.code != 0, (arguments, ran.said)
    assert people(twin) == BEFORE
    # A blank answer of a survey counts as not given.
    blank = dict.fromkeys(BLANK, " ")
    assert fleet(playbook, **blank, **plans).code == 0
    twin.reset({"environments": []})
    assert fleet(playbook, **plans).code != 0


OF_MANY = ("fleet_plan", "fleet_apply", "fleet_export", "fleet_audit", "fleet_offboard", "fleet_rotate", "audit_sso", "fleet_sync", "fleet_onboard")  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("playbook", OF_MANY)
def test_a_pattern_of_the_inventory_is_refused(playbook: str, twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Ansible does not see it when it chooses the hosts, and the run would be for all environments."""
    (folder / "group_vars").mkdir()
    path = folder / "group_vars" / "w365_environments.yml"
    twin.clear_requests()
    patterns: list[tuple[Any, str]] = [("contoso", "fabrikam, litware")]
    if playbook == "fleet_plan":
        patterns += [(["contoso", "litw*"], "fabrikam"), ("nobody", "contoso")]
    for pattern, odd in patterns:
        path.write_text(json.dumps({"w365_hosts": pattern}), encoding="utf-8")
        ran = fleet(playbook)
        assert ran.code != 0
        assert f"this run is for {odd}" in ran.said
        assert "Give it with -e w365_hosts=" in ran.said
    assert {request["path"].rstrip("/").split("/")[-1] for request in twin.requests()} == {"Environment"}, (
        "the inventory"
    )
    if playbook == "fleet_plan":
        # One host more than the run.
        path.write_text("w365_hosts: all", encoding="utf-8")
        more = fleet(playbook, "-i", "another,").said
        assert "w365_hosts is all, and this run is not for another. Ansible does not read w365_hosts from" in more


@pytest.mark.slow
@pytest.mark.parametrize(("playbook", "size"), [("fleet_apply", "1"), ("fleet_sync", "50%")])
def test_sizes_of_batches_of_the_inventory_are_refused(
    playbook: str, size: str, twin: Twin, fleet: Fleet, folder: Path
) -> None:
    """Ansible does not see them when it makes the batches, and the canary would be everybody."""
    plans = fleet("fleet_plan").stats if playbook == "fleet_apply" else {}
    (folder / "group_vars").mkdir()
    path = folder / "group_vars" / "w365_environments.yml"
    path.write_text(json.dumps({"w365_fleet_canary": size}), encoding="utf-8")
    ran = fleet(playbook, **plans)
    assert ran.code != 0
    assert f"The sizes of the batches are {size}, 100%, and this one has 3 of 3 environments." in ran.said
    assert people(twin) == BEFORE
    # The canary is given, and the sizes after it are not: one environment was done.
    path.write_text(json.dumps({"w365_fleet_canary": 3, "w365_fleet_serial": size}), encoding="utf-8")
    ran = fleet(playbook, w365_fleet_canary=1, **plans)
    assert ran.code != 0
    assert f"The sizes of the batches are 1, {size}, and this one has 2 of 3 environments." in ran.said
    assert sum(people(twin)[name] == AFTER[name] for name in FLEET) == 1
    # Those that are given are heeded, whatever the inventory has.
    path.write_text(json.dumps({"w365_fleet_canary": 1, "w365_fleet_serial": 1}), encoding="utf-8")
    rest = {"w365_fleet_canary": "50%", "w365_fleet_serial": "1,67%"}
    assert fleet("fleet_sync", **rest).code == 0
    assert people(twin) == AFTER


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern",
    [
        "contoso",
        ["contoso", "fabrikam"],
        "w365_environments:!litware",
        "~(con|fab).*",
        "w365_environments[0:1]",
        "*,!litware,!localhost",
    ],
)
def test_a_pattern_that_is_given_is_heeded(pattern: Any, twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Also where the inventory has another one, which an extra variable defeats."""
    (folder / "group_vars").mkdir()
    (folder / "group_vars" / "all.yml").write_text("w365_hosts: litware", encoding="utf-8")
    ran = fleet("fleet_sync", w365_hosts=pattern)
    assert ran.code == 0, ran.said
    both = {"contoso", "fabrikam"} if pattern != "contoso" else {"contoso"}
    assert people(twin) == {**BEFORE, **{name: AFTER[name] for name in both}}
    again = fleet("fleet_sync", "--limit", "contoso,litware", w365_hosts=pattern)
    assert again.code == 0, again.said


@pytest.mark.slow
@pytest.mark.parametrize("limit", [False, True])
def test_a_name_that_the_inventory_does_not_have(twin: Twin, fleet: Fleet, limit: bool) -> None:
    """The others are done, and the run fails at its end."""

    def run(names: str, **more: Any) -> Ran:
        given = {} if limit else {"w365_hosts": names}
        return fleet("fleet_sync", *(["--limit", names] if limit else []), **given, **more)

    ran = run("contoso,fabrikm,!x")
    assert ran.code != 0
    assert f"{'--limit' if limit else 'w365_hosts'} names fabrikm, which the inventory has neither" in ran.said
    assert people(twin)["contoso"] == AFTER["contoso"]
    assert run("contoso,fabrikm", w365_allow_empty_run=True).code == 0
    good = run("contoso,fabri*,x*,w365_environments")
    assert good.code == 0, good.said


@pytest.mark.slow
def test_a_second_file_with_an_environment_of_the_same_name(twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Nobody is written to an environment of which it is not clear which one is meant."""
    (folder / "others.yml").write_text("contoso:\ntailspin:\n", encoding="utf-8")
    options = {"instance_url": "https://other.example.com", "list_environments": False, "tenants": ["others.yml"]}
    file = folder / "other.w365.yml"
    file.write_text(yaml.safe_dump({"plugin": f"{COLLECTION}.w365_environments", **options}), encoding="utf-8")
    several = ("-i", str(file))
    warns = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false"}
    one = fleet("fleet_sync", *several, "--limit", "contoso", environ=warns)
    assert one.code != 0
    assert people(twin) == BEFORE
    ran = fleet("fleet_sync", *several, environ=warns)
    assert ran.code != 0
    assert "The inventory is not complete. Host contoso would be environment contoso of" in ran.said
    assert people(twin) == {**AFTER, "contoso": BEFORE["contoso"]}


def test_values_of_one_customer_in_the_environment_are_refused(twin: Twin, fleet: Fleet) -> None:
    shared = {"W365_SCIM_URL": twin.scim_url("contoso"), "W365_SCIM_TOKEN": twin.scim_token}
    ran = fleet("fleet_plan", environ=shared)
    assert ran.code != 0
    assert "would give all of them the values of one customer" in ran.said
    assert twin.writes() == []


@pytest.mark.slow
def test_two_instances_with_environments_of_the_same_name(twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Here both are the same one: each host applies its own plan, and the second one finds everything done."""
    file = folder / "fleet.w365.yml"
    options = yaml.safe_load(file.read_text(encoding="utf-8"))
    own = {name: options.pop(name) for name in ("instance_url", "provisioning_key")}
    instances = [{"name": "eu", **own}, {"name": "us", **own}]
    file.write_text(yaml.safe_dump({**options, "instances": instances, "include": ["contoso"]}), encoding="utf-8")
    for name in ("eu_contoso", "us_contoso"):
        describe(folder, name, {"users": [person("contoso")]})
    planned = fleet("fleet_plan")
    assert planned.code == 0, planned.said
    assert sorted(name for name in planned.stats if "digest" in name) == [
        "w365_plan_digest_eu_contoso",
        "w365_plan_digest_us_contoso",
    ]
    applied = fleet("fleet_apply", "--forks", "1", w365_fleet_canary=1, **planned.stats)
    assert applied.code == 0, applied.said
    assert "eu_contoso: user create 1;" in applied.said
    assert "us_contoso: unchanged;" in applied.said


@pytest.mark.slow
def test_names_are_hidden_with_passwords(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "contoso", {"users": [person("contoso", password="a-planted-secret")]})
    planned = fleet("fleet_plan", "-vvv")
    assert planned.code == 0, planned.said
    assert "a-planted-secret" not in planned.output + planned.errors
    assert '"contoso: user create 1"' in planned.said
    assert "adele@fabrikam.com" in planned.said
    applied = fleet("fleet_apply", "-vvv", **planned.stats)
    assert applied.code == 0, applied.said
    assert "a-planted-secret" not in applied.output + applied.errors
    assert people(twin)["contoso"] == ["adele", "boss", "nestor"]


def test_a_sync_looks_first_and_works_on_what_needs_it(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "litware", {"users": [person("litware", "nestor")]})
    preview = fleet("fleet_sync", "--check", "--diff")
    assert preview.code == 0, preview.said
    assert "This run would change 4 people in 2 of 3 environments." in preview.said
    assert "fabrikam: user delete 1: nestor@fabrikam.com" in preview.said
    assert "1 environment is unchanged." in preview.said
    # A difference is shown once, by the tasks that would write.
    assert preview.output.count("+++") == 2, preview.output
    assert twin.writes() == []
    ran = fleet("fleet_sync")
    assert ran.code == 0, ran.said
    assert people(twin) == {**AFTER, "litware": BEFORE["litware"]}
    assert "contoso: user create 1; user delete 1; SCIM address: none" in ran.said
    assert "1 unchanged." in ran.said
    twin.clear_requests()
    again = fleet("fleet_sync")
    assert again.code == 0, again.said
    assert twin.writes() == []
    assert "changed=0" in again.said
    assert "changed=1" not in again.said
    assert "3 environments are unchanged." in again.said


@pytest.mark.slow
def test_a_sync_imports_first(twin: Twin, fleet: Fleet, folder: Path) -> None:
    """One host has an import and a directory, one an import alone, and one has the key of another Microsoft tenant."""
    twin.reset({**CONTOSO, "environments": [{"name": name, "users": [person(name, "boss")]} for name in FLEET]})
    given = {"domains": ["emea.contoso.com"]}
    for name in FLEET:
        content: dict[str, Any] = {"w365_o365_import_definition": given, "w365_entra_tenant": twin.tenant}
        # What belongs to fleet_onboard has no say here.
        content["w365_tenant_definition"] = {"users": [person(name, "stranger")]}
        if name == "contoso":
            content["w365_directory_definition"] = {"users": [person(name)]}
        if name == "litware":
            content["w365_entra_tenant"] = "00000000-0000-0000-0000-000000000000"
        (folder / "host_vars" / f"{name}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    entra = {
        "W365_ENTRA_CLIENT_ID": twin.client_id,
        "W365_ENTRA_CLIENT_SECRET": twin.client_secret,
        "W365_ENTRA_AUTHORITY": twin.entra_authority,
        "W365_GRAPH_URL": twin.graph_url,
    }
    ran = fleet("fleet_sync", environ=entra)
    assert ran.code != 0
    assert "To retry: --limit litware" in ran.said
    found = people(twin)
    assert set(found["contoso"]) > {"adele", "boss"}
    assert len(found["fabrikam"]) > 1
    assert set(found["fabrikam"]) | {"adele"} == set(found["contoso"])
    assert found["litware"] == ["boss"]
    assert "stranger" not in {upn for users in found.values() for upn in users}
    assert twin.client_secret
    assert twin.client_secret not in ran.output + ran.errors
    again = fleet("fleet_sync", "--limit", "contoso,fabrikam", environ=entra)
    assert again.code == 0, again.said
    assert "2 environments are unchanged." in again.said


def test_a_sync_stops_when_too_many_would_lose_people(twin: Twin, fleet: Fleet) -> None:
    for limit in ("0", 2):
        ran = fleet("fleet_sync", w365_fleet_limit=limit)
        assert ran.code != 0
        assert (
            f"3 of 3 environments would lose people (contoso, fabrikam, litware), and no more than {limit} may."
            in ran.said
        )
        assert twin.writes() == []
        assert "changed=1" not in ran.said
    odd = fleet("fleet_sync", w365_fleet_limit="many")
    assert odd.code != 0
    assert "w365_fleet_limit is 'many'" in odd.said
    one = fleet("fleet_sync", "--limit", "contoso", w365_fleet_limit=1)
    assert one.code == 0, one.said
    assert people(twin) == {**BEFORE, "contoso": AFTER["contoso"]}


@pytest.mark.slow
@pytest.mark.parametrize("playbook", ["fleet_plan", "fleet_apply"])
def test_a_path_that_would_begin_in_the_collection_is_refused(
    playbook: str, twin: Twin, fleet: Fleet, folder: Path
) -> None:
    """Only there: the other environments have their plans, or are changed."""
    plans = fleet("fleet_plan").stats if playbook == "fleet_apply" else {}
    (folder / "people.csv").write_text("upn,first_name,last_name\nadele@contoso.com,Adele,Vance\n", encoding="utf-8")
    describe(folder, "contoso", {"src": ["people.csv", "/srv/people.csv"], "report_file": "report.html"})
    ran = fleet(playbook, **plans)
    assert ran.code != 0
    assert (
        "The paths in w365_directory_definition include report.html, people.csv. Give absolute paths there" in ran.said
    )
    assert "--limit contoso" in ran.said
    if plans:
        assert people(twin) == {**AFTER, "contoso": BEFORE["contoso"]}
    else:
        assert sorted(ran.stats)[:3] == [
            "w365_plan_digest_fabrikam",
            "w365_plan_digest_litware",
            "w365_plan_fabrikam",
        ]


@pytest.mark.parametrize("playbook", ["fleet_sync", slow("fleet_onboard")])
def test_two_hosts_for_one_environment_are_refused(playbook: str, twin: Twin, fleet: Fleet, folder: Path) -> None:
    """A file was copied, and the name in it stayed. Nobody but a person can say which of the two is wrong."""
    path = folder / "host_vars" / "fabrikam.yml"
    if playbook == "fleet_sync":
        given = {"w365_environment": "Contoso", "w365_directory_definition": {"users": [person("fabrikam")]}}
        path.write_text(yaml.safe_dump(given), encoding="utf-8")
    else:
        for name in FLEET:
            onboard(folder, name, {"users": [person(name)]})
        onboard(folder, "fabrikam", {"environment": {"name": "contoso"}, "users": [person("fabrikam")]})
    server = twin.instance_url.removeprefix("https://")
    for options in ([], ["--check"]):
        ran = fleet(playbook, *options)
        assert ran.code != 0
        assert (
            f"Hosts contoso, fabrikam are for the same environment, contoso of {server}. Nothing was changed."
            in ran.said
        )
        assert twin.writes() == []
    one = fleet(playbook, "--limit", "contoso,litware")
    assert one.code == 0, one.said
    assert "adele" in people(twin)["contoso"]


@pytest.mark.slow
def test_a_sync_leaves_alone_what_it_cannot_see(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "fabrikam", {"users": [{"upn": "adele"}]})
    (folder / "host_vars" / "litware.yml").unlink()
    ran = fleet("fleet_sync")
    assert ran.code != 0
    assert "fabrikam: not changed, because it could not be looked at: " in ran.said
    assert "litware: not changed, because it could not be looked at: " in ran.said
    assert "To retry: --limit fabrikam,litware" in ran.said
    assert people(twin) == {**BEFORE, "contoso": AFTER["contoso"]}
    describe(folder, "contoso", {"users": [person("contoso")], "plan_file": "plan.json"})
    planned = fleet("fleet_sync", "--limit", "contoso")
    assert planned.code != 0
    assert "plan_file" in planned.said


@pytest.mark.parametrize("waits", [slow(False), True])
def test_tenants_are_onboarded_and_kept(twin: Twin, fleet: Fleet, folder: Path, waits: bool) -> None:
    """One that does not exist, one to change, one that is as described."""
    options = yaml.safe_load((folder / "fleet.w365.yml").read_text(encoding="utf-8"))
    options |= {"states": ["active", "absent"], "tenants": ["tenants.yml"]}
    (folder / "fleet.w365.yml").write_text(yaml.safe_dump(options), encoding="utf-8")
    (folder / "tenants.yml").write_text("northwind:\n", encoding="utf-8")
    new = {"email": "allan@northwind.com", "first_name": "Allan", "last_name": "Deyoung"}
    environment = {"name": "northwind", "administrator": new}
    users = [person("northwind")] if waits else []
    onboard(folder, "northwind", {"environment": environment, "scim_required": waits, "users": users})
    onboard(folder, "contoso", {"users": [person("contoso")]})
    onboard(folder, "fabrikam", {"users": [person("fabrikam", "nestor")]})
    onboard(folder, "litware", {"users": [person("litware", "nestor")]})
    preview = fleet("fleet_onboard", "--check")
    assert preview.code == 0, preview.said
    assert "in 2 of 4 environments." in preview.said
    assert "northwind: environment create 1: northwind" in preview.said
    assert twin.writes() == []
    ran = fleet("fleet_onboard", w365_fleet_canary=1)
    assert ran.code == 0, ran.said
    assert people(twin)["contoso"] == ["adele", "boss", "nestor"]
    assert people(twin)["northwind"] == ["allan"]
    assert "2 unchanged." in ran.said
    assert ("northwind: has no SCIM yet, so people and groups wait for it" in ran.said) is waits
    again = fleet("fleet_onboard")
    if waits:
        assert again.code != 0
        assert "northwind: not changed, because it could not be looked at: " in again.said
        return
    assert again.code == 0, again.said
    assert "4 environments are unchanged." in again.said


def test_the_canary_of_a_sync_stops_the_others(twin: Twin, fleet: Fleet, folder: Path) -> None:
    describe(folder, "contoso", {"users": [person("contoso", "nestor")]})
    twin.fault(surface="provisioning", method="POST", path="/fabrikam/", action="status", status=400, times=-1)
    ran = fleet("fleet_sync", w365_fleet_canary=1)
    assert ran.code != 0
    assert "fabrikam: failed: " in ran.said
    assert "litware: not reached" in ran.said
    assert "To retry: --limit fabrikam,litware" in ran.said
    assert people(twin)["litware"] == BEFORE["litware"]


@pytest.mark.parametrize("playbook", ["fleet_sync", slow("fleet_apply")])
def test_what_a_server_says_is_no_template(playbook: str, twin: Twin, fleet: Fleet) -> None:
    """One text could be calculated, and one is a template that cannot be read."""
    plans = fleet("fleet_plan").stats if playbook == "fleet_apply" else {}
    body = [{"MemberNames": [], "ErrorMessage": "{{ 7 * 7 }} {{ half a … }}' {% if"}]
    for method in ("POST", "DELETE"):
        twin.fault(
            surface="provisioning", method=method, path="/fabrikam/", action="status", status=400, body=body, times=-1
        )
    ran = fleet(playbook, **plans)
    assert ran.code != 0
    assert "{{ 7 * 7 }} {{ half a" in ran.said
    assert "To retry: --limit fabrikam" in ran.said
    assert people(twin)["contoso"] == AFTER["contoso"]


@pytest.mark.slow
def test_a_variable_that_cannot_be_read_is_not_left_out(twin: Twin, fleet: Fleet, folder: Path) -> None:
    """Otherwise the value of the environment, which may be that of another customer, would take its place."""
    path = folder / "host_vars" / "fabrikam.yml"
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    known |= {
        "w365_scim_url": "{{ address_of_nobody }}",
        "w365_ca_path": " ",
        "w365_graph_url": "{{ none_too | default(omit) }}",
    }
    path.write_text(yaml.safe_dump(known), encoding="utf-8")
    environ = {"W365_SCIM_URL": twin.scim_url("litware"), "W365_SCIM_TOKEN": twin.scim_token}
    alone = fleet("fleet_sync", "--limit", "fabrikam", environ=environ)
    assert alone.code != 0
    assert "The variable w365_scim_url is given, and its template cannot be read" in alone.said
    assert "address_of_nobody" in alone.said
    assert people(twin) == BEFORE
    ran = fleet("fleet_sync")
    assert "To retry: --limit fabrikam" in ran.said
    assert people(twin) == {**AFTER, "fabrikam": BEFORE["fabrikam"]}
    known["w365_scim_url"] = "{{ address_of_nobody | default(omit) }}"
    path.write_text(yaml.safe_dump(known), encoding="utf-8")
    assert fleet("fleet_sync", "--limit", "fabrikam").code == 0
    assert people(twin) == AFTER


@pytest.mark.slow
def test_two_jobs_that_share_no_folder(twin: Twin, folder: Path, tmp_path: Path) -> None:
    """By ansible-runner, as AWX runs jobs: the artifacts of the first one are the variables of the second one."""

    def job(name: str, playbook: str, variables: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        private = tmp_path / name
        for part in ("project", "inventory", "env"):
            (private / part).mkdir(parents=True)
        wrapper = [{"ansible.builtin.import_playbook": f"{COLLECTION}.{playbook}"}]
        (private / "project" / "play.yml").write_text(yaml.safe_dump(wrapper), encoding="utf-8")
        (private / "inventory" / "fleet.w365.yml").write_text(
            (folder / "fleet.w365.yml").read_text(encoding="utf-8"), encoding="utf-8"
        )
        hosts = private / "inventory" / "host_vars"
        hosts.mkdir()
        for file in (folder / "host_vars").iterdir():
            (hosts / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (private / "env" / "extravars").write_text(json.dumps(variables), encoding="utf-8")
        known = ansible_environment(private) | {
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
        }
        known["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{known['PATH']}"
        done = subprocess.run(
            [str(RUNNER), "run", str(private), "--playbook", "play.yml", "--json", "--ident", "job"],
            env=known, capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        stats = [event["event_data"] for event in events if event["event"] == "playbook_on_stats"]
        assert stats, done.stdout + done.stderr
        return done.returncode, stats[-1]["artifact_data"]

    code, plans = job("plan", "fleet_plan", {})
    assert code == 0
    code, _nothing = job("tampered", "fleet_apply", {**plans, "w365_plan_litware": plans["w365_plan_contoso"]})
    assert code != 0
    assert people(twin)["litware"] == BEFORE["litware"]
    code, _nothing = job("apply", "fleet_apply", plans)
    assert code == 0
    assert people(twin) == AFTER


@pytest.mark.slow
def test_plans_name_permissions(twin: Twin, folder: Path, fleet: Fleet) -> None:
    """Where a definition has permission profiles. An administrator gains nothing."""
    editors = {"name": "Editors", "members": {"add": ["boss@contoso.com", "nestor@contoso.com"]}}
    profile = {"name": "News editors", "group": "Editors", "allow": ["Create and manage announcements"]}
    describe(folder, "contoso", {"groups": [editors], "permission_profiles": {"profiles": [profile]}})
    planned = fleet("fleet_plan", "--limit", "contoso")
    assert planned.code == 0, planned.said
    assert "contoso: 1 person gains Create and manage announcements: nestor@contoso.com" in planned.said
    preview = fleet("fleet_sync", "--check", "--diff", "--limit", "contoso")
    assert "contoso: 1 person gains Create and manage announcements: nestor@contoso.com" in preview.said
    assert "nestor@contoso.com: gains Create and manage announcements (group Editors)" in preview.said
