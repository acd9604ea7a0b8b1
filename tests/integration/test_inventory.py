# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environments of an instance as hosts: ansible-inventory and ansible-playbook with a file of the plugin."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from playing import ansible_environment
from w365_simulator.testing import Twin

PLUGIN = "workspace365.provisioning.w365_environments"
FLEET = [{"name": "contoso"}, {"name": "fabrikam"}, {"name": "litware", "active": False}, {"name": "demo1"}]


class Ran(NamedTuple):
    code: int
    output: str
    errors: str

    @property
    def inventory(self) -> dict[str, Any]:
        assert self.code == 0, self.errors
        found: dict[str, Any] = json.loads(self.output)
        return found

    @property
    def hosts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.inventory["_meta"]["hostvars"]
        return found

    @property
    def said(self) -> str:
        return " ".join((self.output + self.errors).split())


Inventory = Callable[..., Ran]


@pytest.fixture
def fleet(twin: Twin, tmp_path: Path) -> Inventory:
    """Writes the file of the plugin, and runs ansible-inventory on it."""
    twin.reset({"environments": FLEET})

    def run(
        *arguments: str,
        name: str = "fleet.w365.yml",
        environ: Mapping[str, str] | None = None,
        command: str = "ansible-inventory",
        text: str = "",
        **options: Any,
    ) -> Ran:
        file = tmp_path / name
        given = {
            "plugin": PLUGIN,
            "instance_url": twin.instance_url,
            "provisioning_key": twin.provisioning_key,
            "ca_path": twin.ca_path,
            **options,
        }
        file.write_text(
            text or yaml.safe_dump({key: value for key, value in given.items() if value is not None}), encoding="utf-8"
        )
        variables = ansible_environment(tmp_path) | {
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            **(environ or {}),
        }
        done = subprocess.run(
            [str(Path(sys.executable).with_name(command)), "-i", str(file), *(arguments or ["--list", "--export"])],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def test_every_active_environment_is_a_host(twin: Twin, fleet: Inventory) -> None:
    ran = fleet()
    assert sorted(ran.hosts) == ["contoso", "demo1", "fabrikam"]
    # Also with ansible-core 2.19 and later: no text is marked as one that must not be a template.
    assert ran.hosts["contoso"] == {
        "w365_environment": "contoso",
        "w365_instance": "",
        "w365_instance_url": twin.instance_url,
        "w365_active": True,
        "w365_state": "active",
    }
    group = ran.inventory["w365_environments"]
    assert sorted(group["hosts"]) == ["contoso", "demo1", "fabrikam"]
    assert group["vars"] == {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    assert twin.provisioning_key not in ran.output
    assert "provisioning_key in plain text" in ran.said


def test_which_environments(fleet: Inventory) -> None:
    every = fleet(states=["active", "inactive"], exclude=["DEMO*"])
    assert sorted(every.hosts) == ["contoso", "fabrikam", "litware"]
    assert every.hosts["litware"]["w365_active"] is False
    assert every.hosts["litware"]["w365_state"] == "inactive"
    assert sorted(fleet(include=["*O*", "nobody"], exclude=["demo*"]).hosts) == ["contoso"]


@pytest.mark.slow_after(3)
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"include": ["nobody"]}, "No environment became a host, so a run would do nothing"),
        ({"provisioning_key": "another-key"}, "could not be listed"),
        ({"instance_url": None}, "instance_url is not given"),
        ({"instance_url": "http://workspace.contoso.com"}, "https"),
        ({"includes": ["contoso"]}, "has the key 'includes', which is no option of this plugin. Did you mean include?"),
        ({"state": ["active"]}, "Did you mean states?"),
        ({"w365_hosts": "contoso"}, "has the key 'w365_hosts'"),
        ({"tenants": ["nowhere.yml"]}, "nowhere.yml cannot be read"),
        ({"tenants": ["some\0where.yml"]}, "tenants holds a null character after 'some', which no path can"),
        ({"ca_path": "/srv/\0.pem"}, "ca_path holds a null character after '/srv/', which no path can"),
        ({"endpoints": {"environment.list": "/Nowhere/"}}, "could not be listed, because the server does not have"),
        (
            {"instances": [{"name": "eu", "instance_url": "https://eu.contoso.com"}]},
            "Instance 'eu' has no provisioning_key",
        ),
        ({"instances": [{"name": "e/u"}]}, "has the name 'e/u'"),
        ({"instances": [{"name": "eu", "key": "k"}]}, "has the key 'key'"),
        # A boolean is no name of a group. Nothing of the fleet is left then.
        ({"keyed_groups": [{"key": "w365_active"}]}, "Invalid group name format"),
        ({"compose": {"x": "nothing_of_this_name"}, "strict": True}, "nothing_of_this_name"),
    ],
)
def test_what_cannot_be_read_is_never_an_empty_fleet(options: dict[str, Any], sentence: str, fleet: Inventory) -> None:
    ran = fleet(**options)
    assert ran.code != 0, ran.output
    assert sentence in ran.said
    # With another inventory that can be read, what was added before the failure would stay.
    lenient = fleet(
        *("--list", "--export", "-i", "localhost,"),
        environ={"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "false"},
        **options,
    )
    assert "contoso" not in lenient.output, "a part of the fleet"
    assert "localhost" in lenient.output


def test_an_empty_fleet_can_be_accepted(fleet: Inventory) -> None:
    assert fleet(include=["nobody"], allow_empty=True).hosts == {}


def test_a_server_that_does_not_say_what_is_active(twin: Twin, fleet: Inventory) -> None:
    twin.switches(environment_list="strings")
    ran = fleet()
    assert {name: (host["w365_state"], host["w365_active"]) for name, host in ran.hosts.items()} == dict.fromkeys(
        ["contoso", "demo1", "fabrikam", "litware"], ("unknown", None)
    )
    without = fleet(states=["active"], allow_empty=True)
    assert without.hosts == {}
    assert "the server does not say whether they are active" in without.said


def test_the_key_comes_from_the_environment_or_a_lookup(twin: Twin, fleet: Inventory) -> None:
    from_environment = fleet(
        instance_url=None,
        provisioning_key=None,
        ca_path=None,
        environ={
            "W365_INSTANCE_URL": twin.instance_url,
            "W365_PROVISIONING_KEY": twin.provisioning_key,
            "W365_CA_PATH": twin.ca_path,
            # AWX gives the empty fields of a credential like this, and the modules' environment is of one customer.
            "W365_VALIDATE_CERTS": "",
            "W365_TIMEOUT": " ",
            "W365_ENVIRONMENT": "contoso",
        },
    )
    assert sorted(from_environment.hosts) == ["contoso", "demo1", "fabrikam"]
    assert "plain text" not in from_environment.said
    looked_up = fleet(
        provisioning_key="{{ lookup('ansible.builtin.env', 'SOME_KEY') }}",
        environ={"SOME_KEY": twin.provisioning_key},
    )
    assert sorted(looked_up.hosts) == ["contoso", "demo1", "fabrikam"]
    assert "plain text" not in looked_up.said


def test_an_encrypted_key(twin: Twin, fleet: Inventory, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("a-vault-password", encoding="utf-8")
    encrypted = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-vault")),
            "encrypt_string",
            "--vault-password-file",
            str(password),
        ],
        input=twin.provisioning_key,
        env=ansible_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    text = (
        f"plugin: {PLUGIN}\ninstance_url: {twin.instance_url}\nca_path: {twin.ca_path}\nprovisioning_key: {encrypted}"
    )
    ran = fleet("--list", "--export", "--vault-password-file", str(password), text=text)
    assert sorted(ran.hosts) == ["contoso", "demo1", "fabrikam"]
    assert "plain text" not in ran.said


def test_files_of_tenants(twin: Twin, fleet: Inventory, tmp_path: Path) -> None:
    folder = tmp_path / "tenants"
    folder.mkdir()
    (folder / "dutch.yml").write_text(
        yaml.safe_dump(
            {
                "Contoso": {"tags": ["dutch customers", "gold"], "vars": {"w365_primary_domain": "contoso.com"}},
                "northwind": {"tags": ["gold"], "vars": {"w365_alias": "{{ w365_environment }}-alias"}},
            }
        ),
        encoding="utf-8",
    )
    (folder / "README.txt").write_text("no tenants", encoding="utf-8")
    ran = fleet(tenants=["tenants"], states=["active", "absent"])
    assert sorted(ran.hosts) == ["contoso", "demo1", "fabrikam", "northwind"]
    assert ran.hosts["contoso"]["w365_primary_domain"] == "contoso.com"
    assert ran.hosts["contoso"]["w365_environment"] == "contoso", "as the server calls it"
    assert ran.hosts["northwind"]["w365_state"] == "absent"
    assert ran.hosts["northwind"]["w365_active"] is None
    assert ran.hosts["northwind"]["w365_alias"] == "{{ w365_environment }}-alias"
    assert ran.inventory["gold"]["hosts"] == ["contoso", "northwind"]
    assert ran.inventory["dutch_customers"]["hosts"] == ["contoso"]
    left_out = fleet(tenants=["tenants"])
    assert "northwind" not in left_out.hosts
    assert "Left out 'northwind': a file names them and the instance does not have them" in left_out.said
    listed = fleet(tenants=["tenants"], list_environments=False)
    assert {name: host["w365_state"] for name, host in listed.hosts.items()} == dict.fromkeys(
        ["Contoso", "northwind"], "unknown"
    )


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"contoso": {"vars": {"w365_scim_token": "a-planted-secret"}}}, "has the variable w365_scim_token"),
        ({"contoso": {"vars": {"w365_environment": "fabrikam"}}}, "which the inventory itself sets"),
        ({"contoso": {"instance": "eu"}}, "has the instance 'eu'"),
        ({"contoso": {"groups": ["gold"]}}, "has the key 'groups'"),
        ({"contoso": {"tags": "gold"}}, "key tags"),
        ({"contoso": None, "CONTOSO": None}, "which are the same environment"),
        ({365: {}}, "names a tenant 365"),
        ([{"name": "contoso"}], "is a list"),
        ("contoso", "is a text"),
    ],
)
def test_files_of_tenants_that_are_wrong(content: Any, sentence: str, fleet: Inventory, tmp_path: Path) -> None:
    (tmp_path / "tenants.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    ran = fleet(tenants=["tenants.yml"])
    assert ran.code != 0
    assert sentence in ran.said
    assert "a-planted-secret" not in ran.said


def test_several_instances(twin: Twin, fleet: Inventory) -> None:
    instance = {"instance_url": twin.instance_url, "provisioning_key": twin.provisioning_key}
    ran = fleet(instances=[{"name": "eu", **instance}, {"name": "us", **instance}], exclude=["demo*"])
    assert sorted(ran.hosts) == ["eu_contoso", "eu_fabrikam", "us_contoso", "us_fabrikam"]
    assert ran.hosts["us_contoso"]["w365_environment"] == "contoso"
    assert ran.hosts["us_contoso"]["w365_instance"] == "us"


@pytest.mark.slow
def test_the_cache(twin: Twin, fleet: Inventory, tmp_path: Path) -> None:
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    assert sorted(fleet(**cache).hosts) == ["contoso", "demo1", "fabrikam"]
    twin.clear_requests()
    assert sorted(fleet(**cache).hosts) == ["contoso", "demo1", "fabrikam"]
    assert twin.requests() == []
    stored = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "cache").iterdir())
    assert twin.provisioning_key not in stored
    # Not every version of ansible-inventory has the option.
    empty = tmp_path / "empty.yml"
    empty.write_text("- hosts: all\n  gather_facts: false\n", encoding="utf-8")
    assert fleet(str(empty), "--flush-cache", command="ansible-playbook", **cache).code == 0
    assert len(twin.requests()) == 1
    refused = fleet(**{**cache, "provisioning_key": "another-key"})
    assert "could not be listed" in refused.said


def test_another_file_name_is_not_ours(fleet: Inventory) -> None:
    ran = fleet(name="fleet.yml")
    assert ran.code != 0


def test_a_play_for_all_of_them(twin: Twin, fleet: Inventory, tmp_path: Path) -> None:
    """The hosts carry what the playbooks need: each task goes to the environment of its host."""
    playbook = tmp_path / "play.yml"
    connection = {
        "instance_url": "{{ w365_instance_url }}",
        "environment": "{{ w365_environment }}",
        "provisioning_key": twin.provisioning_key,
        "ca_path": twin.ca_path,
    }
    playbook.write_text(
        yaml.safe_dump(
            [
                {
                    "hosts": "w365_environments",
                    "gather_facts": False,
                    "tasks": [
                        {
                            "workspace365.provisioning.w365_user": {
                                "upn": "adele@{{ w365_environment }}.com",
                                "first_name": "Adele",
                                "last_name": "Vance",
                                **connection,
                            }
                        }
                    ],
                }
            ]
        ),
        encoding="utf-8",
    )
    ran = fleet(str(playbook), command="ansible-playbook")
    assert ran.code == 0, ran.said
    people = {name: list(environment["users"]) for name, environment in twin.state()["environments"].items()}
    assert {name: [user.lower() for user in users] for name, users in people.items()} == {
        "contoso": ["adele@contoso.com"],
        "demo1": ["adele@demo1.com"],
        "fabrikam": ["adele@fabrikam.com"],
        "litware": [],
    }


@pytest.mark.slow
@pytest.mark.parametrize("plugins", ["auto", f"{PLUGIN},auto,yaml"])
def test_two_files_with_an_environment_of_the_same_name(plugins: str, tmp_path: Path) -> None:
    """They would be one host, with the server of one and the host_vars of both. Ansible itself only warns."""
    for name, tenants in (("a", "retail:\nown:\n"), ("b", "retail:\ntailspin:\n"), ("copy", "retail:\nown:\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "tenants.yml").write_text(tenants, encoding="utf-8")
        options = {"plugin": PLUGIN, "list_environments": False, "tenants": ["tenants.yml"]}
        url = f"https://{name.replace('copy', 'a')}.example.com"
        (folder / "x.w365.yml").write_text(
            yaml.safe_dump({**options, "instance_url": url, "provisioning_key": "k"}), encoding="utf-8"
        )
    (tmp_path / "own.yml").write_text("gold: {hosts: {retail: {tier: 1}}}\n", encoding="utf-8")
    enabled = {"ANSIBLE_INVENTORY_ENABLED": plugins if "yaml" in plugins else f"{plugins},yaml"}

    def run(*sources: str, failing: str = "false") -> Ran:
        variables = {**ansible_environment(tmp_path), **enabled, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": failing}
        command = [str(Path(sys.executable).with_name("ansible-inventory")), "--list", "--export"]
        command += [word for source in sources for word in ("-i", str(tmp_path / source))]
        done = subprocess.run(
            command, env=variables, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    a, b, copy = "a/x.w365.yml", "b/x.w365.yml", "copy/x.w365.yml"
    good = run("own.yml", a, copy, failing="true")
    assert sorted(good.hosts) == ["own", "retail"]
    assert good.hosts["retail"]["tier"] == 1
    # Also a third source does not bring it back.
    refused = run(a, b, copy)
    assert sorted(refused.hosts) == ["own"]
    assert "environment retail of https://a.example.com and environment retail of https://b.example.com" in refused.said
    assert "instances of one file" in refused.said
    assert run(a, b, failing="true").code != 0
