# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The twin as a process: its start, its files, a restart, its command line, and its independence of the collection."""

from __future__ import annotations

import ast
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from w365_simulator import contract, graph, provisioning, scim, switches
from w365_simulator.testing import Twin, TwinError, launch, start_twin


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    environ = {**os.environ, "PYTHONPATH": str(repository / "tests/simulator")}
    command = [sys.executable, "-m", "w365_simulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60, check=False)


def add_user(twin: Twin, upn: str) -> int:
    """Create a user through the Provisioning API and return the status."""
    body = {"EmailAddress": upn, "FirstName": "Joni", "LastName": "Sherman"}
    headers = {"ProvisioningKey": twin.provisioning_key}
    with requests.Session() as session:
        session.trust_env = False
        url = f"{twin.url}/Provisioning/contoso/User/"
        return session.post(url, json=body, headers=headers, verify=twin.ca_path, timeout=30).status_code


# What SCIM and the Provisioning API keep besides people and groups.
KEPT: dict[str, Any] = {
    "environments": [
        {
            "name": "contoso",
            "sso": {"authority": "https://login.windows.net/contoso.com", "client_id": "an-id", "key": "a-secret-key"},
            "exchange": {"server_type": "Office365", "default_ews_url": "https://outlook.office365.com/EWS"},
            "sharepoint": {"authentication_type": "OAuth2", "default_url": "https://contoso.sharepoint.com"},
            "users": [
                {
                    "upn": "adele.vance@contoso.com",
                    "first_name": "Adele",
                    "last_name": "Vance",
                    "title": "Manager",
                    "department": "Sales",
                    "preferred_language": "nl-NL",
                    "phone_numbers": [{"type": "work", "value": "+31 20 123 4567"}],
                }
            ],
        }
    ]
}


@pytest.mark.parametrize("kill", [False, True])
def test_state_and_authority_survive_a_restart(tmp_path: Path, seed: dict[str, Any], kill: bool) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db")
    assert add_user(first, "joni.sherman@contoso.com") == 200
    first.seed(KEPT)
    environment = first.environment("contoso")
    assert environment["users"]["adele.vance@contoso.com"]["department"] == "Sales"
    assert environment["exchange"]["ServerType"] == "Office365"
    state, authority = first.state(), Path(first.ca_path).read_bytes()
    first.stop(kill=kill)
    # The seed of a restart is not used: the state is already there.
    second = launch(tmp_path, seed="none", state=tmp_path / "state.db")
    try:
        assert second.state() == state
        assert Path(second.ca_path).read_bytes() == authority
        assert add_user(second, "joni.sherman@contoso.com") == 400
        assert (second.tenant, second.client_secret) == ("contoso.onmicrosoft.com", "client-secret-of-the-twin")
    finally:
        second.stop()


@pytest.mark.slow
def test_tokens_survive_a_restart(tmp_path: Path, seed: dict[str, Any]) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db")
    form = {
        "grant_type": "client_credentials",
        "client_id": first.client_id,
        "client_secret": first.client_secret,
        "scope": f"{first.graph_url}/.default",
    }
    with requests.Session() as session:
        session.trust_env = False
        session.verify = first.ca_path
        url = f"{first.entra_authority}/{first.tenant}/oauth2/v2.0/token"
        token = session.post(url, data=form, timeout=30).json()["access_token"]
        first.stop()
        second = launch(tmp_path, state=tmp_path / "state.db")
        headers = {"Authorization": f"Bearer {token}"}
        status = session.get(f"{second.graph_url}/v1.0/users", headers=headers, timeout=30).status_code
        second.stop()
    assert status == 200


@pytest.mark.slow
def test_without_a_state_everything_is_forgotten_and_tidied_up(tmp_path: Path) -> None:
    with start_twin(tmp_path, seed={"environments": [{"name": "contoso"}]}) as twin:
        assert list(twin.state()["environments"]) == ["contoso"]
        assert (tmp_path / "ready.json").exists()
    assert not (tmp_path / "ready.json").exists()
    with start_twin(tmp_path) as twin:
        assert twin.state()["environments"] == {}


def test_ready_file_holds_what_a_caller_needs(tmp_path: Path, seed: dict[str, Any]) -> None:
    with start_twin(tmp_path, seed=seed) as twin:
        ready = json.loads((tmp_path / "ready.json").read_text())
        assert ready["instance_url"] == ready["url"] == ready["entra_authority"]
        assert ready["graph_url"] == f"{ready['url']}/graph"
        assert ready["provisioning_key"] == "00000000-0000-4000-8000-000000000365"
        assert ready["scim_token"] == "scim-demo-token-of-the-twin"
        assert ready["tenant"] == "contoso.onmicrosoft.com"
        assert twin.process is not None
        assert ready["pid"] == twin.process.pid
        assert Twin.from_ready_file(tmp_path / "ready.json").state() == twin.state()


def test_keys_come_from_options_or_the_environment(tmp_path: Path) -> None:
    environ = {"W365_SIMULATOR_PROVISIONING_KEY": "from-environ", "W365_SIMULATOR_SCIM_TOKEN": "from-environ"}
    seed = {"environments": [{"name": "contoso"}]}
    with start_twin(tmp_path, seed=seed, environ=environ, arguments=("--scim-token", "from-option")) as twin:
        assert (twin.provisioning_key, twin.scim_token) == ("from-environ", "from-option")
        assert add_user(twin, "joni.sherman@contoso.com") == 200


def test_the_twin_starts_quickly(tmp_path: Path, seed: dict[str, Any]) -> None:
    # Processor time, because the clock on a busy machine says nothing about the twin.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with start_twin(tmp_path, seed=seed):
        pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 1.5


def test_the_twin_ends_with_the_process_that_started_it(repository: Path, tmp_path: Path) -> None:
    code = f"from w365_simulator.testing import launch; import os; launch({str(tmp_path)!r}); os._exit(1)"
    environ = {**os.environ, "PYTHONPATH": str(repository / "tests/simulator")}
    result = subprocess.run([sys.executable, "-c", code], env=environ, timeout=60, check=False)
    assert result.returncode == 1
    deadline = time.monotonic() + 10
    while (tmp_path / "ready.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (tmp_path / "ready.json").exists()


def test_quirks_and_profile_on_the_command_line(tmp_path: Path) -> None:
    with start_twin(tmp_path, profile="documented", quirks={"page_size": 7, "html_errors": "true"}) as twin:
        start = twin.switches()
        assert (start["profile"], start["page_size"], start["html_errors"]) == ("documented", 7, True)
        twin.switches(page_size=1)
        twin.reset()
        # A reset returns to the command line, not to the twin's own defaults.
        assert twin.switches() == start


def test_a_port_in_use_is_said(repository: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        result = run(repository, "--port", port, "--seed", "none")
    assert result.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--seed", "no-such-seed"), "there is no seed 'no-such-seed'"),
        (("--quirk", "html_errors"), "--quirk takes NAME=VALUE"),
        (("--quirk", "nothing=1"), "there is no switch 'nothing'"),
        (("--quirk", "scim_patch=new"), "switch scim_patch takes one of both, legacy, compliant"),
        (
            ("--quirk", "scim_attributes=title,nothing"),
            "switch scim_attributes takes profile, all, none, or one or more",
        ),
        (("--state", "/no/such/directory/state.db"), "the directory /no/such/directory does not exist"),
        (("--ready-file", "/no/such/directory/ready.json"), "its directory does not exist"),
        (("show",), "show needs --ready-file"),
        (("show", "--ready-file", "/no/such/file"), "Is the twin running?"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
    ],
)
def test_bad_options_end_with_a_sentence(repository: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(repository, "--port", "0", *arguments)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_bad_seed_file_names_the_field(repository: Path, tmp_path: Path) -> None:
    file = tmp_path / "seed.yml"
    file.write_text("environments:\n  - name: contoso\n    users:\n      - upn: a@contoso.com\n        first_name: A\n")
    result = run(repository, "--port", "0", "--seed", str(file))
    assert result.returncode == 2
    assert "seed.environments[0].users[0].last_name is required" in result.stderr
    file.write_text("environments: [")
    assert "cannot be read" in run(repository, "--port", "0", "--seed", str(file)).stderr


@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 10])
def test_a_state_that_is_none_is_refused_and_kept(repository: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(content)
    result = run(repository, "--port", "0", "--seed", "none", "--state", str(file))
    assert result.returncode == 2
    assert f"the state file {file} cannot be used" in result.stderr
    assert file.read_bytes() == content


def test_help_explains_itself(repository: Path) -> None:
    result = run(repository, "--help")
    assert result.returncode == 0
    for word in ("examples:", "--ready-file", "/Provisioning/", "sanitize_names", "show"):
        assert word in result.stdout
    for name in switches.TABLE:
        assert name in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 120


def test_the_readme_names_every_switch_of_scim_entra_and_the_settings(repository: Path) -> None:
    text = (repository / "tests/simulator/README.md").read_text(encoding="utf-8")
    areas = ("scim_", "settings_", "exchange_", "unserved_", "entra_", "secret", "clock_", "synchronization_")
    others = (
        "most_secrets",
        "creator_is_owner",
        "owned_by_lists",
        "instantiate",
        "assignment_delay",
        "escrow_limit",
        "special_",
    )
    names = [name for name in switches.TABLE if name.startswith((*areas, *others, "prune_escrows"))]
    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in text] == []


def test_a_former_name_of_a_switch_is_understood(tmp_path: Path) -> None:
    with start_twin(tmp_path, quirks={"sanitise_names": "lower"}) as twin:
        assert twin.switches()["sanitize_names"] == "lower"
        assert twin.switches(sanitise_names="strip")["sanitize_names"] == "strip"
        assert "sanitise_names" not in twin.switches()


def test_several_attributes_on_the_command_line(tmp_path: Path) -> None:
    with start_twin(tmp_path, quirks={"scim_attributes": "department, title"}) as twin:
        assert twin.switches()["scim_attributes"] == "title,department"
        assert twin.switches(scim_attributes=[])["scim_attributes"] == "none"
        assert twin.switches(scim_attributes="all")["scim_attributes"] == "all"
        with pytest.raises(TwinError, match="takes profile, all, none"):
            twin.switches(scim_attributes="all,title")


def test_show_prints_tables(repository: Path, tmp_path: Path, seed: dict[str, Any]) -> None:
    with start_twin(tmp_path, seed=seed) as twin:
        result = run(repository, "show", "--ready-file", str(tmp_path / "ready.json"))
        twin.seed(KEPT)
        more = run(repository, "show", "--ready-file", str(tmp_path / "ready.json"))
    assert result.returncode == 0, result.stderr
    assert "Attributes of the users of contoso" not in result.stdout
    assert "a-secret-key" not in more.stdout
    for words in (
        "Attributes of the users of contoso",
        "Manager    Sales       +31 20 123 4567 (work)  nl-NL",
        "Single sign-on  https://login.windows.net/contoso.com, client an-id, key set",
        "Exchange        Office365, https://outlook.office365.com/EWS",
        "SharePoint      OAuth2, https://contoso.sharepoint.com",
        "Applications in Entra",
        "Workspace 365 provisioning            36500000-0000-4000-8000-0000000000a1  -                         -",
    ):
        assert words in more.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["contoso", "yes", "3", "2", "1", "on", "megan.bowen@contoso.com"] in lines
    assert ["lee.gu@contoso.com", "Lee", "Gu", "no", "seed"] in lines
    assert ["Sales", "Sells", "adele.vance@contoso.com"] in lines


def test_generated_seeds_are_always_the_same(tmp_path: Path) -> None:
    with start_twin(tmp_path, seed="generated:120:environment") as twin:
        first = twin.state()
        tenant = next(iter(first["tenants"].values()))
        assert (len(tenant["users"]), len(tenant["groups"])) == (120, 3)
        assert [len(group["members"]) for group in first["environments"]["contoso"]["groups"].values()] == [50, 50, 20]
        assert len(first["environments"]["contoso"]["users"]) == 121
        twin.reset("generated:120:environment")
        assert twin.state() == first
        twin.reset("generated:120")
        assert list(twin.environment("contoso")["users"]) == ["admin@contoso.com"]


def test_a_twin_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="there is no seed"):
        launch(tmp_path, seed="no-such-seed")


def test_the_packaged_seed_is_good(repository: Path, tmp_path: Path) -> None:
    seeds = sorted((repository / "tests/simulator/w365_simulator/seeds").glob("*.yml"))
    assert seeds
    for file in seeds:
        with start_twin(tmp_path / file.stem, seed=file.stem) as twin:
            assert twin.state()["tenants"]


# ---- the twin is a second reading of the contract, not a copy of the first


def test_the_twin_imports_nothing_of_the_collection(repository: Path) -> None:
    files = sorted((repository / "tests/simulator").rglob("*.py"))
    assert len(files) > 15
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            elif isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            else:
                continue
            for module in modules:
                top = module.split(".")[0]
                assert top not in ("ansible", "ansible_collections", "plugins", "msal", "requests"), f"{file}: {module}"


def test_every_endpoint_has_a_letter_and_a_handler() -> None:
    classes = {"provisioning": provisioning.Provisioning, "scim": scim.Scim, "graph": graph.Graph}
    assert len({row.id for row in contract.ENDPOINTS}) == len(contract.ENDPOINTS)
    for row in contract.ENDPOINTS:
        assert row.letter in "DCSA"
        if row.surface in classes:
            handler = f"_{row.id.removeprefix(f'{row.surface}_') if row.surface != 'provisioning' else row.id}"
            assert callable(getattr(classes[row.surface], handler)), row.id
