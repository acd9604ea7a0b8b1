# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two customers never mix: the SCIM service of one customer and the environment of another one."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import in_process
from conftest import CONTOSO
from pattern import ADELE, ALLAN, NESTOR, plain, same
from playing import COLLECTION, Play, Step, connection, task
from w365_simulator.testing import Twin, start_twin

LEE = "lee.gu@fabrikam.com"
FABRIKAM: dict[str, Any] = {
    "name": "fabrikam",
    "users": [
        {"upn": LEE, "first_name": "Lee", "last_name": "Gu", "administrator": True},
        {"upn": "joni.sherman@fabrikam.com", "first_name": "Joni", "last_name": "Sherman"},
        {"upn": "megan.bowen@fabrikam.com", "first_name": "Megan", "last_name": "Bowen"},
    ],
    "groups": [{"name": "Shops"}],
}
SSO = {"primary_domain": "contoso.com", "client_id": "00000000-0000-4000-8000-0000000000b2", "verify": False}
NEW: dict[str, Any] = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
WRITES: dict[str, dict[str, Any]] = {
    "w365_user": NEW,
    "w365_group": {"name": "Retail"},
    "w365_directory": {"users": [NEW]},
    "w365_o365_import": {"groups": ["EMEA Office"]},
    "w365_admin": {"administrators": {"add": [NESTOR]}},
    "w365_sso": {**SSO, "key": "sso-demo-secret-of-the-twin"},
    "w365_settings": {"sharepoint": {"url": "https://contoso.sharepoint.com"}},
    "w365_environment": {"active": False},
    "w365_api": {"service": "scim", "method": "POST", "path": "/Users", "body": {"userName": ADELE}},
}


@pytest.fixture
def twin(running_twin: Twin) -> Twin:
    running_twin.reset({**CONTOSO, "environments": [*CONTOSO["environments"], FABRIKAM]}, "full")
    return running_twin


@pytest.fixture(scope="module")
def running_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with start_twin(tmp_path_factory.mktemp("elsewhere"), seed="none") as twin:
        yield twin


def refused(module: str, options: dict[str, Any], said: str, *twins: Twin) -> None:
    """In check mode and for real, before any write of both services."""
    for check in (True, False):
        for twin in twins:
            twin.clear_requests()
        result = in_process.run(module, {**options, **WRITES[module]}, check=check)
        assert result.get("failed"), f"{module} did it"
        assert said in result["msg"], result["msg"]
        assert [request for twin in twins for request in twin.writes()] == []


@pytest.mark.parametrize("module", WRITES)
def test_the_address_of_another_environment_is_refused(module: str, twin: Twin) -> None:
    options = {**connection(twin), "scim_url": twin.scim_url("fabrikam"), "scim_token": twin.scim_token}
    refused(module, options, "the name of another environment, 'fabrikam'", twin)
    refused(module, {**options, "scim_environment": "fabrikam"}, "belongs to environment 'fabrikam'", twin)


@pytest.mark.parametrize("module", WRITES)
def test_a_service_on_another_host_with_other_people_is_refused(
    module: str, twin: Twin, running_elsewhere: Twin, tmp_path: Path
) -> None:
    """Its environment even has the same name. The right people pass, and so does what somebody says."""
    elsewhere = running_elsewhere
    elsewhere.reset({"environments": [{**FABRIKAM, "name": "contoso"}]}, "full")
    both = tmp_path / "both.pem"
    both.write_text("".join(Path(found.ca_path).read_text(encoding="utf-8") for found in (twin, elsewhere)))
    options = {
        **connection(twin),
        "scim_url": elsewhere.scim_url("contoso"),
        "scim_token": elsewhere.scim_token,
        "ca_path": str(both),
    }
    refused(module, options, "does not belong to environment 'contoso'", twin, elsewhere)
    confirmed = in_process.run(module, {**options, **WRITES[module], "scim_environment": "contoso"}, check=True)
    assert "failed" not in confirmed, confirmed
    if module != "w365_directory":
        return
    elsewhere.reset({"environments": CONTOSO["environments"]}, "full")
    result = in_process.run(module, {**options, **WRITES[module]})
    assert (result["changed"], result.get("warnings")) == (True, None), result
    assert ADELE in elsewhere.environment("contoso")["users"]
    elsewhere.reset({"environments": [{"name": "contoso", "users": [], "groups": []}]}, "full")
    result = in_process.run(module, {**options, **WRITES[module]})
    assert result["changed"]
    assert "Nothing shows that scim_url belongs to environment 'contoso'" in " ".join(result["warnings"])


def test_the_right_pair_costs_nothing(twin: Twin) -> None:
    """Neither what is unchanged nor what is written asks the Provisioning API for anything."""
    options = {"upn": NESTOR, "first_name": "Nestor"}
    for last_name in ("Wilke", "Wilkes"):
        asked = []
        for given in (connection(twin, scim=True), {"environment": "contoso"}):
            twin.reset(CONTOSO, "full")
            pair = {"scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token, "ca_path": twin.ca_path}
            result = in_process.run("w365_user", {**given, **pair, **options, "last_name": last_name})
            assert result["changed"] is (last_name == "Wilkes")
            same(result["scim_url"], twin.scim_url("contoso"), "the address in the result")
            asked.append([(request["method"], request["path"]) for request in twin.requests()])
        same(asked[0], asked[1], "requests with and without the Provisioning API")


@pytest.mark.parametrize("module", sorted({"w365_user", "w365_directory", "w365_sso", "w365_admin"}))
def test_a_missing_environment_has_no_scim(module: str, twin: Twin) -> None:
    """Check mode and the real run agree, whether the address answers or not."""
    for name in ("contoso", "northwind"):
        options = {**connection(twin, "northwind"), "scim_url": twin.scim_url(name), "scim_token": twin.scim_token}
        refused(module, options, "has no environment 'northwind'", twin)


def test_an_environment_is_not_created_with_a_scim_address(twin: Twin) -> None:
    """Not even asked about: it is refused before. Without the address it is created."""
    first = {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}
    given = {**connection(twin, "northwind"), "administrator": first}
    for url in (twin.scim_url("northwind"), twin.scim_url("contoso"), "https://scim.example.com/4711"):
        for more in ({}, {"scim_environment": "northwind"}, {"administrator": None, "empty": True}):
            for check in (True, False):
                twin.clear_requests()
                options = {**given, "scim_url": url, "scim_token": twin.scim_token, **more}
                result = in_process.run("w365_environment", options, check=check)
                assert "'northwind' does not exist yet, and scim_url is given" in result["msg"]
                same([request["method"] for request in twin.requests()], ["GET"], "requests")
    made = in_process.run("w365_environment", {**given, "scim_url": ""})
    same(made["environment_url"], f"{twin.url}/northwind", "address of the environment")
    assert "scim_url" not in made
    # The click of its administrator.
    token = twin.switch_scim("northwind")
    pair = {"scim_url": twin.scim_url("northwind"), "scim_token": token}
    assert in_process.run("w365_user", {**connection(twin, "northwind"), **pair, **NEW})["changed"]
    assert twin.switch_scim("northwind") is None, "the key is shown once"


# Several hosts, and the environment of the process

HOSTS = {
    "hosts": "all:!localhost",
    "vars": {"ansible_python_interpreter": sys.executable, "ansible_connection": "local"},
}
INVENTORY = ["-i", "contoso,fabrikam"]


def played(run: Callable[..., Play], twin: Twin, environ: dict[str, str], *words: str, **keywords: Any) -> Play:
    """One task on two hosts, each with its own environment."""
    defaults = {**connection(twin, None), "environment": "{{ inventory_hostname }}"}
    step = {**task("w365_user", **NEW), **keywords}
    return run(step, defaults=defaults, play=HOSTS, arguments=[*INVENTORY, *words], environ=environ)


@pytest.mark.slow
def test_values_of_the_process_do_not_reach_a_second_host(twin: Twin, play: Callable[..., Play]) -> None:
    """The key of Contoso lay in the environment of the run, and Fabrikam had none."""
    pair = {"W365_SCIM_URL": twin.scim_url("contoso"), "W365_SCIM_TOKEN": twin.scim_token}
    before = twin.state()
    for words in (["--check"], []):
        leaked = played(play, twin, pair, *words)
        same([step.status for step in leaked], ["failed", "failed"], "both hosts")
        for step in leaked:
            assert "2 hosts, and W365_SCIM_URL, W365_SCIM_TOKEN" in step.message
            assert "w365_shared_environment_variables=true" in step.message
    same(plain(twin.state()), plain(before), "state")
    assert twin.requests() == []
    # One host is left, or the task runs once: nobody else can get the values.
    alone: dict[str, Any]
    for limit, alone in ((["--limit", "contoso"], {}), ([], {"run_once": True})):
        done = played(play, twin, pair, *limit, **alone)
        assert done.code == 0, done.output
    assert ADELE in twin.environment("contoso")["users"]
    # Somebody says that it is one customer. Then the address itself contradicts, whichever host is first.
    own = {"last_name": "{{ inventory_hostname }}"}
    more: dict[str, Any] = {f"{COLLECTION}.w365_user": {**NEW, **own}}
    shared = played(play, twin, pair, "-e", "w365_shared_environment_variables=true", **more)
    same(sorted(step.status for step in shared), ["failed", "ok"], "the hosts")
    assert "another environment, 'contoso'" in next(step for step in shared if step.status == "failed").message


# Roles


def tenants(run: Callable[..., Play], twin: Twin, *definitions: dict[str, Any], **options: Any) -> Play:
    """The role w365_tenant for one definition after the other, as variables of the play."""
    steps = [
        {
            "name": f"tenant {number}",
            "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant"},
            "vars": {"w365_tenant_definition": f"{{{{ definitions[{number}] }}}}"},
        }
        for number in range(len(definitions))
    ]
    tell = {
        "name": "tell",
        "ansible.builtin.debug": {"msg": "{{ [w365_tenant_scim_url, w365_tenant_waits_for_scim] }}"},
    }
    variables = {"ansible_python_interpreter": sys.executable, "definitions": definitions}
    return run(*steps, tell, defaults=connection(twin, None), play={"vars": variables}, **options)


def failure(found: Play) -> str:
    assert found.code != 0, found.output
    return next(step for step in found if step.status == "failed").message


@pytest.mark.slow
def test_one_file_is_one_customer(twin: Twin, play: Callable[..., Play]) -> None:
    """A definition holds its own SCIM service: wrong ones are refused before the first step writes."""
    before = twin.state()
    own = {
        "environment": {"name": "contoso"},
        "sso": {**SSO, "key": "sso-demo-secret-of-the-twin"},
        "users": [NEW],
        "scim_url": twin.scim_url("contoso"),
        "scim_token": twin.scim_token,
    }
    assert "another environment, 'fabrikam'" in failure(
        tenants(play, twin, {**own, "scim_url": twin.scim_url("fabrikam")})
    )
    without_key = {name: value for name, value in own.items() if name != "scim_token"}
    assert "scim_token" in failure(tenants(play, twin, without_key))
    same(plain(twin.state()), plain(before), "state after what was refused")
    other = {**own, "environment": {"name": "fabrikam"}, "scim_url": twin.scim_url("contoso") + "/?aad"}
    del other["sso"]
    first, second = "done for the first one", "refused for the second one"
    mixed = tenants(play, twin, own, other)
    assert "was also given for environment contoso" in " ".join(failure(mixed).split())
    assert ADELE in twin.environment("contoso")["users"], first
    same(twin.environment("fabrikam"), before["environments"]["fabrikam"], second)
    assert twin.scim_token not in mixed.output
    # The variables of the process belong to somebody else.
    environ = {"W365_SCIM_URL": twin.scim_url("fabrikam"), "W365_SCIM_TOKEN": "somebody-else"}
    again = tenants(play, twin, own, environ=environ)
    assert again.code == 0, again.output
    assert not any(step.result.get("changed") for step in again)
    same(again[-1].result["msg"], [twin.scim_url("contoso"), False], "what a summary shows")


@pytest.mark.slow
def test_two_hosts_with_the_name_of_one_customer_are_refused(twin: Twin, play: Callable[..., Play]) -> None:
    """A file was copied, and the name in it stayed: one of the two hosts writes, and the other one says so."""
    environment = {"name": "{{ named[inventory_hostname] }}"}
    definition = {"environment": environment, "users": [{**NEW, "last_name": "{{ inventory_hostname }}"}]}
    step = {"name": "tenant", "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant"}}

    def run(fabrikam: str, *words: str) -> list[Step]:
        variables = {
            "ansible_python_interpreter": sys.executable,
            "named": {"contoso": "contoso", "fabrikam": fabrikam},
            "w365_tenant_definition": definition,
        }
        found = play(
            step,
            defaults=connection(twin, None),
            play={**HOSTS, "vars": variables},
            arguments=[*INVENTORY, *words],
        )
        return [step for step in found if step.name.endswith("Bring the tenant to its desired state")]

    for words in (["--check"], []):
        steps = run("Con-toso", *words)
        same(sorted(step.status for step in steps), ["failed", "ok"], "the hosts")
        (message,) = (step.message for step in steps if step.status == "failed")
        assert re.search(
            r"Hosts (contoso and fabrikam|fabrikam and contoso) are for the same environment, contoso", message
        )
    refused = "contoso" if "written for contoso" in message else "fabrikam"
    (host,) = {"contoso", "fabrikam"} - {refused}
    assert twin.environment("contoso")["users"][ADELE]["last_name"] == host
    # One by one, and each with its own name.
    same([step.status for step in run("contoso", "--limit", "fabrikam")], ["ok"], "one host")
    same([step.status for step in run("fabrikam")], ["ok", "ok"], "both hosts")


@pytest.mark.slow
def test_the_two_stages_of_a_new_environment(twin: Twin, play: Callable[..., Play]) -> None:
    first = {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}
    definition = {
        "environment": {"name": "northwind", "administrator": first},
        "users": [NEW],
        "scim_url": "",
        "scim_token": "",
    }
    environ = {"W365_SCIM_URL": twin.scim_url("contoso"), "W365_SCIM_TOKEN": twin.scim_token}
    for words in (["--check"], []):
        stage = tenants(play, twin, definition, arguments=words, environ=environ)
        assert stage.code == 0, stage.output
        same(stage[-1].result["msg"], ["", True], "no address, and it waits")
        assert "select Automated user provisioning (SCIM)" in " ".join(stage.output.split())
    same(list(twin.environment("northwind")["users"]), [ALLAN], "the first administrator")
    forgotten = failure(tenants(play, twin, definition))
    assert f"Sign in at {twin.url}/northwind as an" in forgotten
    assert "leave out scim_required" in forgotten
    token = twin.switch_scim("northwind")
    complete = {**definition, "scim_url": twin.scim_url("northwind"), "scim_token": token}
    stage = tenants(play, twin, complete)
    assert stage.code == 0, stage.output
    assert str(token) not in stage.output
    same(sorted(twin.environment("northwind")["users"]), [ADELE, ALLAN], "users")
    again = tenants(play, twin, complete)
    assert (again.code, [step for step in again if step.result.get("changed")]) == (0, [])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("key", ["environment", "entra_tenant"])
def test_a_list_of_customers_with_one_address_is_refused(key: str, twin: Twin, play: Callable[..., Play]) -> None:
    """As a whole, before its first import: it is not known whose the address is."""
    pair = {"scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token, "import": {"everything": True}}
    configurations = [{"name": name, key: name, **pair} for name in ("contoso", "fabrikam")]
    step = {"name": "sync", "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_sync"}}
    variables = {"ansible_python_interpreter": sys.executable, "w365_sync_configurations": configurations}
    text = failure(play(step, play={"vars": json.loads(json.dumps(variables))}))
    assert "have the same scim_url" in text
    assert "contoso" in text
    assert "fabrikam" in text
    assert twin.requests() == []
