# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README and the guides tell a person to type, typed: each command of documented_commands.yml, as it is written.

The commands are the pages' own. The files that they name are made here, short ones; where a page shows a file that a
command runs, it is taken from the page. An absolute path of a command is a folder of the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from ansible_collections.workspace365.provisioning.tests.unit.repository import test_guides
from conftest import SEED
from pattern import ADELE, ALLAN, NESTOR
from playing import COLLECTION, ROOT, ansible_environment, connection
from test_fleet import FLEET, describe, person
from test_sso_playbooks import VALUES, inventory, prepare
from w365_simulator.certificates import make_certificate
from w365_simulator.testing import Twin

SCENES: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).with_name("documented_commands.yml")).read_text(encoding="utf-8")
)
GUIDES = ROOT / "docs" / "docsite" / "rst"
# Each scene is several processes, one after the other.
pytestmark = pytest.mark.timeout(600)
TENANT: dict[str, Any] = {
    "environment": {"name": "contoso", "administrator": {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}},
    "o365_import": {"domains": ["emea.contoso.com"]},
    "users": [{"upn": NESTOR, "first_name": "Nestor", "last_name": "Wilke"}],
    "groups": [{"name": "IT Helpdesk", "members": {"set": [ALLAN, NESTOR]}}],
    "administrators": {"set": [ALLAN, NESTOR]},
}  # fmt: skip

Runner = Callable[..., str]


def write(folder: Path, **files: Any) -> None:
    """YAML files of a scene; two underscores stand for a folder."""
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")


def variables_of(twin: Twin, environment: str | None = "contoso", *, scim: bool = False) -> dict[str, str]:
    """The connection in environment variables."""
    return {f"W365_{name.upper()}": str(value) for name, value in connection(twin, environment, scim=scim).items()}


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    """Runs a script as a person would in this folder; what it printed. It must succeed."""

    def started(
        script: str,
        environ: Mapping[str, str],
        *,
        answers: str = "",
        codes: Sequence[int] = (0,),
        places: Mapping[str, Path] | None = None,
    ) -> str:
        for written, place in (places or {}).items():
            script = script.replace(written, str(place))
        known = ansible_environment(tmp_path)
        known["PATH"] = f"{Path(sys.executable).parent}:{known['PATH']}"
        # A tool that wants the network finds none, and a person's own pip settings have no say.
        known |= {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": "/dev/null", **environ}
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-O", "expand_aliases", "-c", script],
            cwd=tmp_path,
            env=known,
            input=answers,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
            # No terminal: a program that asks for a password reads the answers.
            start_new_session=True,
        )
        assert done.returncode in codes, f"{script}\n{done.stdout}{done.stderr}"
        said = done.stdout + done.stderr
        assert "Could not match supplied host pattern" not in said, said
        return said

    return started


def typed(script: str, environ: Mapping[str, str], answer: str, folder: Path) -> str:
    """Run a script that wants a terminal, and type the answer whenever it asks for a password; what it printed."""
    ours, its = pty.openpty()
    known = ansible_environment(folder) | dict(environ)
    known["PATH"] = f"{Path(sys.executable).parent}:{known['PATH']}"
    with subprocess.Popen(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=known,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    ) as process:
        os.close(its)
        said = ""
        # Reading fails when the other end is closed.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 10_000).decode("utf-8", "replace"):
                said += piece
                if said.endswith("assword: "):
                    os.write(ours, f"{answer}\n".encode())
        os.close(ours)
        assert process.wait(60) == 0, said
    return said


def recaps(said: str) -> list[tuple[int, int]]:
    """Of each run, how many tasks were ok and how many changed something."""
    return [(int(one), int(two)) for one, two in re.findall(r": ok=(\d+) +changed=(\d+)", said)]


def test_every_scene_has_its_test() -> None:
    names = {name.removeprefix("test_scene_") for name in globals() if name.startswith("test_scene_")}
    assert names == set(SCENES)


@pytest.mark.slow
def test_scene_tenant(twin: Twin, run: Runner, tmp_path: Path) -> None:
    twin.reset(SEED, "full")
    write(tmp_path, contoso={"w365_tenant_definition": TENANT}, vault={"vault_contoso_key": "x"})
    write(tmp_path, customers__contoso={"w365_tenant_definition": TENANT})
    environ = variables_of(twin)
    first, *others, loop = SCENES["tenant"]
    (_preview, (_ok, changed)) = recaps(run(first, environ))
    assert changed, "nothing was onboarded"
    held = twin.environment("contoso")
    assert sorted(held["groups"]) == ["EMEA Office", "IT Helpdesk"]
    assert held["users"][NESTOR]["administrator"]
    for script in others:
        assert recaps(run(script, environ))[-1][1] == 0, script
    assert "Failed: none" in run(loop, environ)


@pytest.mark.slow
def test_scene_directory(twin: Twin, run: Runner, tmp_path: Path) -> None:
    text = f"upn,first_name,last_name\n{ADELE},Adele,Vance\n"
    (tmp_path / "users.csv").write_text(text, encoding="utf-8")
    write(tmp_path, groups={"groups": [{"name": "Retail", "members": {"add": [ADELE]}}]})
    (script,) = SCENES["directory"]
    said = run(script, variables_of(twin, scim=True))
    assert [bool(changed) for _ok, changed in recaps(said)] == [True, True, True]
    assert list(twin.environment("contoso")["groups"]) == ["Retail"]


@pytest.mark.slow
def test_scene_profiles(twin: Twin, run: Runner, tmp_path: Path) -> None:
    """With the file that the guide shows."""
    (text, *_others) = test_guides.blocks((GUIDES / "guide_permissions.rst").read_text(encoding="utf-8"), "yaml")
    (tmp_path / "permissions.yml").write_text(text, encoding="utf-8")
    names = ("megan.bowen", "adele.vance", "lee.gu")
    people = [{"upn": f"{name}@contoso.com", "first_name": name, "last_name": "X"} for name in names]
    boss = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    twin.reset({**SEED, "environments": [{"name": "contoso", "users": [boss, *people]}]}, "full")
    apply, done, report = SCENES["profiles"]
    environ = variables_of(twin)
    said = run(apply, environ)
    assert [bool(changed) for _ok, changed in recaps(said)] == [True, True]
    assert "adele.vance@contoso.com: gains Create and manage announcements (group W365 News editors)" in said
    assert "[ ] Create apps in app store: Deny" in said
    assert "Nothing has to be set by hand." in run(done, environ)
    assert "W365 Interns" in (tmp_path / "permissions_done.yml").read_text(encoding="utf-8")
    assert "4 people of environment contoso: 10 yes, 10 no, 0 unknown" in run(report, environ)
    assert "<table" in (tmp_path / "permissions.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_scene_environment(twin: Twin, run: Runner, tmp_path: Path) -> None:
    grady = {"upn": "grady.archie@contoso.com", "first_name": "Grady", "last_name": "Archie"}
    boss = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    environments = [{"name": "contoso", "users": [boss, grady]}, {"name": "contosolab", "users": [boss]}]
    twin.reset({**SEED, "environments": environments}, "full")
    (tmp_path / "import.crt").write_text(make_certificate().public, encoding="utf-8")
    write(
        tmp_path,
        sso={
            **VALUES,
            # The tenant of the twin has no enterprise application for it.
            "w365_sso_preflight": "never",
        },
    )
    environ = variables_of(twin)
    info, app, support, change, managed, offboard = SCENES["environment"]
    assert "contosolab" in run(info, variables_of(twin, None))
    assert '"changed": true' in run(app, environ)
    assert "ansible-core" in run(support, environ)
    run(change, environ)
    assert twin.environment("contoso")["sso"], "single sign-on was not written"
    before = twin.environment("contoso")["sso"]["client_id"]
    run(managed, environ)
    assert twin.environment("contoso")["sso"]["client_id"] != before
    run(offboard, environ)
    assert not twin.environment("contoso")["users"][grady["upn"]]["active"]


@pytest.mark.slow
def test_scene_scim(twin: Twin, run: Runner, tmp_path: Path) -> None:
    definition = {"groups": ["Invoice Approvals"], "notification_email": "it@contoso.com", "replication_timeout": 4}
    write(tmp_path, contoso_scim={"w365_scim_definition": definition})
    (script,) = SCENES["scim"]
    said = run(script, variables_of(twin, scim=True))
    assert [bool(changed) for _ok, changed in recaps(said)] == [True, True]


def customers(tmp_path: Path, twin: Twin) -> Path:
    """Write customers.yml with one customer; the folder in which its units are."""
    for name in ("units", "bin"):
        (tmp_path / name).mkdir()
    # What a service starts has to be outside of home folders; links stand for that.
    (tmp_path / "bin" / "ansible-playbook").symlink_to(Path(sys.executable).with_name("ansible-playbook"))
    (tmp_path / "collections").symlink_to(ansible_environment(tmp_path)["ANSIBLE_COLLECTIONS_PATH"].split(":")[0])
    places = connection(twin, None)
    del places["instance_url"], places["provisioning_key"]
    customer = {
        "name": "contoso",
        "scim_url": twin.scim_url("contoso"),
        "scim_token": twin.scim_token,
        **places,
        "import": {"domains": ["emea.contoso.com"]},
    }
    write(
        tmp_path,
        customers={
            "w365_sync_configurations": [customer],
            "w365_sync_systemd": False,
            "w365_sync_unit_directory": str(tmp_path / "units"),
            "w365_sync_configuration_directory": str(tmp_path / "etc"),
            "w365_sync_ansible_playbook": str(tmp_path / "bin" / "ansible-playbook"),
            "w365_sync_collections_path": str(tmp_path / "collections"),
            "w365_sync_owner": tmp_path.owner(),
        },
    )
    return tmp_path / "units"


@pytest.mark.slow
def test_scene_sync(twin: Twin, run: Runner, tmp_path: Path) -> None:
    customers(tmp_path, twin)
    sync, export = SCENES["sync"]
    run(sync, {})
    people = [upn for upn in twin.environment("contoso")["users"] if upn.endswith("@emea.contoso.com")]
    assert len(people) > 3
    assert (tmp_path / "units" / "w365-sync-contoso.timer").exists()
    (tmp_path / "customers.yml").unlink()
    run(export, {}, places={"/etc/w365-sync": tmp_path / "etc"})
    assert "{{ vault_contoso_scim_token }}" in (tmp_path / "customers.yml").read_text(encoding="utf-8")


@pytest.mark.slow
def test_scene_secrets(twin: Twin, run: Runner, tmp_path: Path) -> None:
    prepare(twin, "contoso")
    inventory(tmp_path, twin, ("contoso",))
    rotate, alone, audit = SCENES["secrets"]
    assert recaps(run(rotate, {}))[-1][1] == 0, "a secret was renewed that is not due"
    run(alone, variables_of(twin))
    # It fails when something is unknown, after it has written what it knows.
    run(audit, {}, codes=(0, 2))
    assert "<table" in (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_scene_fleet(twin: Twin, run: Runner, tmp_path: Path) -> None:
    seed = [{"name": name, "users": [person(name, "boss", administrator=True)]} for name in FLEET]
    twin.reset({"environments": seed})
    key = "{{ lookup('ansible.builtin.env', 'W365_PROVISIONING_KEY') }}"
    source = {"plugin": f"{COLLECTION}.w365_environments", "instance_url": twin.instance_url, "provisioning_key": key}
    (tmp_path / "fleet.w365.yml").write_text(yaml.safe_dump({**source, "ca_path": twin.ca_path}), encoding="utf-8")
    for name in FLEET:
        describe(tmp_path, name, {"users": [person(name)]})
    shown = {"name": "Show it", "ansible.builtin.debug": {"msg": "this is {{ w365_environment }}"}}
    play = {"name": "Show", "hosts": "w365_environments", "gather_facts": False, "tasks": [shown]}
    (tmp_path / "playbook.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    environ = {
        "W365_PROVISIONING_KEY": twin.provisioning_key,
        "W365_CA_PATH": twin.ca_path,
        "ANSIBLE_SHOW_CUSTOM_STATS": "true",
    }
    look, plan, apply, sync, export = SCENES["fleet"]
    said = run(look, environ)
    assert "--litware" in said
    assert "this is contoso" in said
    assert "this is litware" not in said
    planned = run(plan, environ)
    _before, _mark, after = planned.partition("CUSTOM STATS: ")
    stats, _end = json.JSONDecoder().raw_decode(after[after.index("{") :])
    (tmp_path / "plans.json").write_text(json.dumps(stats), encoding="utf-8")
    run(apply, environ)
    assert {name for name in FLEET if f"adele@{name}.com" in twin.environment(name)["users"]} == set(FLEET)
    for name in FLEET:
        describe(tmp_path, name, {"users": [person(name), person(name, "lee")]})
    assert f"This run would change {len(FLEET)} people" in run(sync, environ)
    assert {name for name in FLEET if f"lee@{name}.com" in twin.environment(name)["users"]} == set(FLEET)
    run(export, environ)
    assert {path.name for path in (tmp_path / "tenants").iterdir()} == set(FLEET)


def block_of(guide: str, mark: str) -> str:
    """The one YAML block of a guide that holds this text."""
    text = (GUIDES / f"{guide}.rst").read_text(encoding="utf-8")
    (found,) = [block for block in test_guides.blocks(text, "yaml") if mark in block]
    return str(found)


def test_scene_first_hour(twin: Twin, run: Runner, tmp_path: Path) -> None:
    """The guide's own playbooks, on a server that has another address than in the guide."""
    for name, mark in (("look", "Look at an instance"), ("first", "Work with Contoso")):
        text = block_of("guide_first_hour", mark).replace("https://workspace.contoso.com", twin.instance_url)
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
    secrets = {
        "vault_provisioning_key": twin.provisioning_key,
        "vault_contoso_scim_url": twin.scim_url("contoso"),
        "vault_contoso_scim_token": twin.scim_token,
    }
    write(tmp_path, typed=secrets)
    environ = {"W365_CA_PATH": twin.ca_path, "EDITOR": f"cp {tmp_path / 'typed.yml'}"}
    create, look, first, variables, encrypt = SCENES["first_hour"]
    typed(create, environ, "word", tmp_path)
    assert (tmp_path / "vault.yml").read_text(encoding="utf-8").startswith("$ANSIBLE_VAULT;")
    assert "contoso" in typed(look, environ, "word", tmp_path)
    said = typed(first, environ, "word", tmp_path)
    (_one, previewed), (_two, changed), (_three, again) = recaps(said)
    assert (previewed, changed, again) == (2, 2, 0)
    run(f'{variables}\ntest -n "$W365_PROVISIONING_KEY"', {}, answers="key\n")
    (tmp_path / "word").write_text("word", encoding="utf-8")
    said = run(encrypt, {"ANSIBLE_VAULT_PASSWORD_FILE": str(tmp_path / "word")}, answers="planted")
    assert "vault_contoso_scim_token: !vault" in said
    assert "planted" not in said


def test_scene_certificate(run: Runner, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    (script,) = SCENES["certificate"]
    run(script, {}, places={"/etc/w365": tmp_path})
    assert "BEGIN CERTIFICATE" in (tmp_path / "import.pem").read_text(encoding="utf-8")
    assert (tmp_path / "import.pem").stat().st_mode & 0o077 == 0


def checkout(folder: Path) -> None:
    """What a command in the folder of the repository reaches."""
    (folder / ".build").mkdir()
    (folder / "tests").symlink_to(ROOT / "tests")


def test_scene_twin(twin: Twin, run: Runner, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    twin.reset(SEED, "full")
    checkout(tmp_path)
    folder = tmp_path / ".build" / "twin"
    folder.mkdir()
    lines = [f"export {name}='{value}'\n" for name, value in variables_of(twin).items()]
    (folder / "env.sh").write_text("".join(lines), encoding="utf-8")
    (folder / "ready.json").write_text(json.dumps(twin.ready), encoding="utf-8")
    (control,) = SCENES["twin"]
    twin.seed({"environments": [{"name": "contoso", "users": []}]})
    said = run(control, {})
    assert '"profile": "documented"' in said or '"profile":"documented"' in said
    assert '"reasons"' in said
    assert '"cycles"' in said
    assert "detail" not in said.lower(), said


def test_scene_permissions(run: Runner, tmp_path: Path) -> None:
    """With a stand-in for the Azure CLI, which remembers what it was told, and knows one permission less than asked for."""
    (script,) = SCENES["permissions"]
    program = tmp_path / "az"
    program.write_text(
        '#!/bin/sh\necho "$*" >> log\ncase "$*" in *Directory.Read.All*) ;; *sp\\ show*) echo id-of-one ;; esac\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert "Microsoft Graph does not offer Directory.Read.All" in run(script, {"PATH": path})
    told = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert "appRoles[?value=='Application.ReadWrite.OwnedBy'].id | [0]" in told[0]
    assert told[1].endswith("--api-permissions id-of-one=Role")
    assert "admin-consent" in told[-1]


def test_scene_generated(tmp_path: Path) -> None:
    """It runs until somebody ends it."""
    checkout(tmp_path)
    (script,) = SCENES["generated"]
    known = ansible_environment(tmp_path)
    known["PATH"] = f"{Path(sys.executable).parent}:{known['PATH']}"
    # Several tests may run on this machine, and a person's twin too.
    script = script.replace("--port 8366", "--port 0")
    with subprocess.Popen(["bash", "-c", script], cwd=tmp_path, env=known, start_new_session=True) as process:
        try:
            deadline = time.monotonic() + 120
            while not (tmp_path / "twin.json").exists() and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
            ready = json.loads((tmp_path / "twin.json").read_text(encoding="utf-8"))
            assert ready["url"].startswith("https://")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)


def artifacts_in(folder: Path) -> None:
    """The artifact that was built, and README's requirements.yml with it. Skips the test where nothing was built."""
    artifacts = sorted((ROOT / ".build" / "artifacts").glob("*.tar.gz"))
    if not artifacts:
        pytest.skip("no artifact was built")
    (folder / ".build").mkdir()
    (folder / ".build" / "artifacts").symlink_to(artifacts[0].parent)
    pages = test_guides.blocks((ROOT / "README.md").read_text(encoding="utf-8"), "yaml")
    (listed_in_readme,) = [block for block in pages if block.startswith("collections:")]
    (folder / "requirements.yml").write_text(listed_in_readme, encoding="utf-8")


@pytest.mark.slow
def test_scene_upgrading(twin: Twin, run: Runner, tmp_path: Path) -> None:
    """The new version beside the one that is installed, which is not touched until somebody says so."""
    artifacts_in(tmp_path)
    twin.reset(SEED, "full")
    write(tmp_path, contoso={"w365_tenant_definition": TENANT})
    beside, replace = SCENES["upgrading"]
    environ = {**variables_of(twin), "ANSIBLE_GALAXY_SERVER": "https://localhost:1"}
    said = run(beside, environ)
    assert "would be created" in said
    assert twin.writes() == []
    assert (tmp_path / "next" / "ansible_collections" / "workspace365" / "provisioning" / "MANIFEST.json").is_file()
    installed = {**environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections")}
    for _again in range(2):
        assert "was installed successfully" in run(replace, installed)


@pytest.mark.slow
def test_scene_support(twin: Twin, run: Runner, tmp_path: Path) -> None:
    """What is sent has no key and no address of a person."""
    twin.reset(SEED, "full")
    write(tmp_path, contoso={"w365_tenant_definition": TENANT})
    versions, output, clean = SCENES["support"]
    environ = variables_of(twin)
    said = run(versions, environ)
    assert "ansible [core " in said
    assert f"{COLLECTION} " in said
    run(output, environ)
    whole = (tmp_path / "run.txt").read_text(encoding="utf-8")
    assert NESTOR in whole
    found = run(clean, {})
    sent = (tmp_path / "send.txt").read_text(encoding="utf-8")
    assert "someone@example.com" in sent
    assert NESTOR not in sent
    assert "contoso" in found, "what is left for a person to look at"
    for secret in (twin.provisioning_key, twin.scim_token, twin.client_secret):
        assert str(secret) not in whole


@pytest.mark.slow
def test_scene_uninstalling(twin: Twin, run: Runner, tmp_path: Path) -> None:
    """Both applications are found, looked at and removed; the services are gone with their secrets."""
    prepare(twin, "contoso")
    options = {**connection(twin, scim=True), "replication_timeout": 4, "notification_email": "it@contoso.com"}
    made = in_process.run("w365_scim_app", options)
    assert not made.get("failed"), made
    look, remove, services = SCENES["uninstalling"]
    environ = variables_of(twin, scim=True)
    found = run(look, environ)
    assert re.search("w365:sso:[a-z0-9.:]*:contoso", found), found
    assert "w365:scim:contoso" in found
    said = run(remove, environ)
    assert said.count('"changed": true') + said.count("CHANGED") >= 4, said
    (tenant,) = twin.state()["entra"].values()
    assert "w365:" not in json.dumps(tenant["applications"])
    folder = customers(tmp_path, twin)
    run("ansible-playbook workspace365.provisioning.sync -e @customers.yml -e w365_sync_install=true", {})
    assert list(folder.iterdir())
    run(services, {})
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "etc" / "contoso").exists()


def test_scene_install(run: Runner, tmp_path: Path) -> None:
    artifacts_in(tmp_path)
    direct, listed = SCENES["install"]
    installed = tmp_path / "collections" / "ansible_collections" / "workspace365" / "provisioning" / "MANIFEST.json"
    environ = {
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_GALAXY_SERVER": "https://localhost:1",
    }
    for script in (direct, listed):
        shutil.rmtree(tmp_path / "collections", ignore_errors=True)
        run(script, environ)
        assert installed.is_file()
