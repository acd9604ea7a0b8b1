# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an action plugin stands between: tasks of every form, relative paths, and results that it must not change."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from comparison import without_what_differs
from conftest import CONTOSO
from playing import COLLECTION, ROOT, Play, Task, ansible_environment, connection, run_playbook, task
from w365_simulator.testing import Twin

NESTOR, PATTI, ADELE, ALEX = (
    f"{name}@contoso.com" for name in ("nestor.wilke", "patti.fernandez", "adele.vance", "alex.wilber")
)
# From 2.21 on, ansible-core puts the arguments of a module into its result only when it is told to.
WITH_ARGUMENTS = {"ANSIBLE_INJECT_INVOCATION": "true"}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("w365_*.py"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a playbook, which is not the one that ansible-playbook is started in."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def play_site(site: Path, tmp_path: Path, twin: Twin, play: Callable[..., Play]) -> Callable[..., Play]:
    """Play tasks from a playbook in that folder. `defaults` are module_defaults in full, with their group."""

    def run(*tasks: Task, defaults: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Play:
        head = {"hosts": "localhost", "connection": "local", "gather_facts": False, "module_defaults": dict(defaults)}
        variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        (site / "site.json").write_text(json.dumps([{**head, "vars": variables, "tasks": tasks}]), encoding="utf-8")
        # The playbook of `play` itself comes after it, and has nothing to do.
        return play(arguments=[str(site / "site.json")], environ=environ)

    return run


def group_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    return {f"group/{COLLECTION}.w365": dict(options)}


def csv_of(*upns: str) -> str:
    return "upn;first_name;last_name\n" + "".join(f"{upn};Given;Name\n" for upn in upns)


# Paths


def test_relative_paths_are_relative_to_the_playbook(
    twin: Twin, site: Path, tmp_path: Path, play_site: Callable[..., Play]
) -> None:
    """Of the task and of module_defaults, read and written, in the forms that a task may use."""
    (site / "files").mkdir()
    (site / "files" / "people.csv").write_text(csv_of(ADELE), encoding="utf-8")
    (site / "more.csv").write_text(csv_of(ALEX), encoding="utf-8")
    shutil.copy(twin.ca_path, site / "ca.pem")
    # The same names where the shell is.
    (tmp_path / "more.csv").write_text(csv_of("wrong@contoso.com"), encoding="utf-8")
    (tmp_path / "ca.pem").write_text("wrong", encoding="utf-8")
    done = play_site(
        task("w365_directory", src=["files/people.csv"], report_file=["report.html", "files/report.csv"]),
        task("w365_directory", src="files/people.csv,more.csv", plan_file="the.plan"),
        task("w365_directory", apply_plan="./the.plan"),
        task("w365_directory", src=["none.csv"]),
        defaults=group_defaults({**connection(twin, scim=True), "ca_path": "ca.pem"}),
    )
    first, planned, applied, missing = done
    assert first.changed
    assert sorted(path.name for path in site.rglob("report.*")) == ["report.csv", "report.html"]
    assert planned.result["summary"]["user_create"] == 1
    assert planned.writes == []
    assert applied.changed
    assert {ADELE, ALEX} <= set(applied.environment()["users"])
    assert "wrong@contoso.com" not in applied.environment()["users"]
    assert f"'{site}/none.csv' cannot be read" in missing.message
    assert not list(tmp_path.glob("*.plan")) + list(tmp_path.glob("report.*"))


@pytest.mark.slow
def test_a_home_folder_and_variables_keep_their_meaning(
    twin: Twin, tmp_path: Path, site: Path, play_site: Callable[..., Play]
) -> None:
    """They are expanded where the module runs, with the environment that the task gives it."""
    for place in ("home", "other"):
        (tmp_path / "places" / place).mkdir(parents=True)
        (tmp_path / "places" / place / "people.csv").write_text(csv_of(f"{place}@contoso.com"), encoding="utf-8")
    (site / "below").mkdir()
    (site / "below" / "people.csv").write_text(csv_of("below@contoso.com"), encoding="utf-8")
    environment = {
        "PLACE": str(tmp_path / "places" / "other"),
        "HOME": str(tmp_path / "places" / "home"),
        "SUB": "below",
    }
    done = play_site(
        *(
            {**task("w365_directory", src=[path]), "environment": environment}
            for path in ("~/people.csv", "$PLACE/people.csv", "${SUB}/people.csv")
        ),
        defaults=group_defaults(connection(twin, scim=True)),
    )
    assert [step.changed for step in done] == [True, True, True]
    assert {f"{name}@contoso.com" for name in ("home", "other", "below")} <= set(done[2].environment()["users"])


@pytest.mark.usefixtures("inside_ansible")
def test_progress_in_a_relative_file_is_displayed(
    twin: Twin, site: Path, tmp_path: Path, play_site: Callable[..., Play]
) -> None:
    twin.fault(surface="scim", method="GET", action="status", status=429, retry_after=2, times=1)
    wanted: dict[str, Any] = {"users": [{"upn": NESTOR}], "progress_interval": 1, "progress_file": "progress.log"}
    done = play_site(task("w365_directory", **wanted), defaults=group_defaults(connection(twin, scim=True)))
    assert done[0].changed is False
    line = "contoso: waiting 2 seconds because of HTTP 429"
    assert line in (site / "progress.log").read_text(encoding="utf-8")
    assert done.output.count(line) == 1
    assert not (tmp_path / "progress.log").exists()


# Forms of a task


def test_module_defaults_reach_every_module(twin: Twin, play: Callable[..., Play]) -> None:
    """Those of the action group, and those of one module; what a task says wins."""
    done = play(
        *(task(module, check=True, title=module, environment="none") for module in MODULES),
        task("w365_user", check=True, title="own", upn=NESTOR, timeout=7),
        environ=WITH_ARGUMENTS,
        play={
            "module_defaults": {
                **group_defaults({**connection(twin), "timeout": 17, "rate_limit_timeout": 5}),
                f"{COLLECTION}.w365_user": {"rate_limit_timeout": 3},
            }
        },
    )
    got = {step.name: step.result["invocation"]["module_args"] for step in done}
    assert sorted(got) == sorted([*MODULES, "own"])
    for name, arguments in got.items():
        assert arguments["instance_url"] == twin.instance_url, name
        assert arguments["timeout"] == (7 if name == "own" else 17), name
        assert arguments["rate_limit_timeout"] == (3 if name in ("w365_user", "own") else 5), name


@pytest.mark.parametrize("strategy", ["linear", pytest.param("free", marks=pytest.mark.slow)])
def test_tasks_in_every_form(twin: Twin, play: Callable[..., Play], strategy: str) -> None:
    """Check mode, a loop, become, delegation, retries and a short name."""
    people = [{"upn": upn, "first_name": "Given", "last_name": "Name"} for upn in (ADELE, ALEX)]
    looped: dict[str, Any] = {name: f"{{{{ item.{name} }}}}" for name in people[0]}
    done = play(
        {**task("w365_user", title="check", check=True, **looped), "loop": people},
        {**task("w365_user", title="loop", **looped), "loop": people, "become": False},
        {
            **task("w365_user_info", title="retried", upn=ADELE),
            "delegate_to": "localhost",
            "register": "found",
            "until": "found.attempts > 1",
            "retries": 3,
            "delay": 0,
        },
        {"name": "short", "collections": [COLLECTION], "w365_user": {"upn": PATTI, "state": "absent"}},
        defaults=connection(twin),
        play={"strategy": strategy, "collections": [COLLECTION]},
    )
    check, loop, retried, short = done
    assert [item["changed"] for item in check.result["results"]] == [True, True]
    assert check.writes == []
    assert [item["changed"] for item in loop.result["results"]] == [True, True]
    assert {ADELE, ALEX} <= set(loop.environment()["users"])
    assert retried.result["attempts"] == 2
    assert retried.result["users"][0]["upn"] == ADELE
    assert short.status == "ok"


def test_a_single_command(twin: Twin, tmp_path: Path) -> None:
    """Its arguments are one text, and relative paths are those of the shell."""
    shutil.copy(twin.ca_path, tmp_path / "ca.pem")
    variables = ansible_environment(tmp_path) | {
        "W365_SCIM_URL": twin.scim_url("contoso"),
        "W365_SCIM_TOKEN": twin.scim_token,
    }
    given = f"upn={ADELE} first_name=Adele last_name=Vance ca_path=ca.pem"
    command = [
        str(Path(sys.executable).with_name("ansible")),
        "localhost",
        "-vv",
        "-m",
        f"{COLLECTION}.w365_user",
        "-a",
        given,
    ]
    for word in ("CHANGED", "SUCCESS"):
        done = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert f"localhost | {word}" in done.stdout
        assert "runs in the process of Ansible" in done.stdout
    assert ADELE in twin.state()["environments"]["contoso"]["users"]


def test_warnings_of_python_are_not_displayed(twin: Twin, play: Callable[..., Play]) -> None:
    options = {name: value for name, value in connection(twin, scim=True).items() if name != "ca_path"}
    done = play(task("w365_user", upn=NESTOR, validate_certs=False), defaults=options)
    assert done[0].changed is False
    assert "InsecureRequestWarning" not in done.output
    assert "errantly" not in done.output


# Ansible's own default is the quick one.
@pytest.mark.slow
@pytest.mark.parametrize("pipelining", [pytest.param("true", marks=pytest.mark.slow), "false"])
def test_an_asynchronous_task_is_started_and_asked_for_later(
    twin: Twin, site: Path, tmp_path: Path, play_site: Callable[..., Play], pipelining: str
) -> None:
    new: dict[str, Any] = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    (site / "people.csv").write_text(csv_of(ALEX), encoding="utf-8")
    waiting = {"until": "result is finished", "retries": 60, "delay": 0.5, "register": "result"}
    asked = {"ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"}, **waiting}
    done = play_site(
        {**task("w365_user", **new), "async": 60, "poll": 0, "register": "job"},
        {**asked, "name": "user"},
        {**task("w365_user", **new), "async": 60, "poll": 1},
        {**task("w365_directory", src="people.csv"), "async": 60, "poll": 0, "register": "job"},
        {**asked, "name": "directory"},
        defaults=group_defaults(connection(twin)),
        environ={"ANSIBLE_ASYNC_DIR": str(tmp_path / "async"), "ANSIBLE_PIPELINING": pipelining},
    )
    started, user, again, _started, directory = done
    assert {"ansible_job_id", "results_file", "started"} <= set(started.result)
    assert "user" not in started.result
    assert user.changed
    assert user.result["user"]["upn"] == ADELE
    assert again.changed is False
    assert directory.changed
    assert {ADELE, ALEX} <= set(directory.environment()["users"])


def test_encrypted_values(twin: Twin, site: Path, tmp_path: Path, play_site: Callable[..., Play]) -> None:
    """Of secrets, of a path and within a list of paths: on ansible-core before 2.19 they are no texts yet."""
    password = tmp_path / "password"
    password.write_text("a-vault-password", encoding="utf-8")
    password.chmod(0o600)
    (site / "people.csv").write_text(csv_of(ADELE), encoding="utf-8")

    def encrypted(text: str) -> dict[str, str]:
        vault = VaultLib([("default", VaultSecret(password.read_bytes()))])
        return {"__ansible_vault": vault.encrypt(text).decode()}

    options = connection(twin, scim=True)
    options |= {name: encrypted(options[name]) for name in ("scim_token", "provisioning_key")}
    done = play_site(
        task("w365_directory", src=[encrypted("people.csv")], progress_file=encrypted("progress.log")),
        task("w365_directory", src=encrypted("people.csv"), plan_file=encrypted("the.plan")),
        defaults=group_defaults(options),
        environ={"ANSIBLE_VAULT_PASSWORD_FILE": str(password)},
    )
    assert [step.changed for step in done] == [True, False]
    assert (site / "the.plan").is_file()


@pytest.mark.usefixtures("inside_ansible")
def test_encrypted_files(twin: Twin, site: Path, tmp_path: Path, play_site: Callable[..., Play]) -> None:
    """A whole file, and single values in one. A module process has no password, and neither fits a wrong one."""
    password = tmp_path / "password"
    password.write_text("a-vault-password", encoding="utf-8")
    password.chmod(0o600)
    vault = VaultLib([("default", VaultSecret(password.read_bytes()))])
    (site / "people.csv").write_bytes(vault.encrypt(csv_of(ADELE)))
    lines = vault.encrypt("a-first-password").decode().splitlines()
    value = "\n".join(f"    {line}" for line in lines)
    (site / "one.yml").write_text(
        f"- upn: {ALEX}\n  first_name: Alex\n  last_name: Wilber\n  password: !vault |\n{value}\n", encoding="utf-8"
    )
    other = VaultLib([("default", VaultSecret(b"another-password"))])
    (site / "other.csv").write_bytes(other.encrypt(csv_of(PATTI)))
    in_process = {"vars": {"w365_execution": "process"}}
    done = play_site(
        {**task("w365_directory", src=["people.csv"]), **in_process},
        task("w365_directory", src=["people.csv", "one.yml"]),
        task("w365_directory", src="other.csv"),
        defaults=group_defaults(connection(twin)),
        environ={"ANSIBLE_VAULT_PASSWORD_FILE": str(password)},
    )
    refused, read, wrong = done
    assert "people.csv is encrypted with Ansible Vault, and a module process" in refused.message
    assert read.changed
    people = read.environment()["users"]
    assert {ADELE, ALEX} <= set(people)
    assert people[ALEX]["password_sha256"] == hashlib.sha256(b"a-first-password").hexdigest()
    assert "a-first-password" not in done.output
    assert "no vault password that Ansible was given fits" in wrong.message
    assert not list((tmp_path / "ansible").rglob("*w365_vault_*"))


def test_a_file_that_comes_with_a_role_or_a_playbook(twin: Twin, site: Path, play_site: Callable[..., Play]) -> None:
    """It is looked up in the folders `files` after the place that counts first, in both hosts; an output is not."""
    (site / "files").mkdir()
    (site / "files" / "people.csv").write_text(csv_of(ADELE), encoding="utf-8")
    (site / "roles" / "contoso" / "files").mkdir(parents=True)
    (site / "roles" / "contoso" / "tasks").mkdir()
    (site / "roles" / "contoso" / "files" / "more.csv").write_text(csv_of(ALEX), encoding="utf-8")
    in_role = task("w365_directory", src=["more.csv"], plan_file="a.plan")
    (site / "roles" / "contoso" / "tasks" / "main.yml").write_text(json.dumps([in_role]), encoding="utf-8")
    done = play_site(
        task("w365_directory", src="people.csv"),
        {**task("w365_directory", src="people.csv"), "vars": {"w365_execution": "process"}},
        {"name": "role", "ansible.builtin.include_role": {"name": "contoso"}},
        task("w365_directory", src=["nowhere.csv"]),
        defaults=group_defaults(connection(twin)),
    )
    first, again, *_included, planned, missing = done
    assert [first.changed, again.changed] == [True, False]
    assert planned.result["summary"]["user_create"] == 1
    assert (site / "a.plan").is_file()
    assert f"'{site}/nowhere.csv' cannot be read" in missing.message


# Results


def collection_without_action_plugins(folder: Path) -> Path:
    """The collection that the tests use, in a tree of links; the path for Ansible."""
    collections = Path(os.environ.get("ANSIBLE_COLLECTIONS_PATH", ROOT / ".build" / "src"))
    used = collections / "ansible_collections" / "workspace365" / "provisioning"
    made = folder / "ansible_collections" / "workspace365" / "provisioning"
    (made / "plugins").mkdir(parents=True)
    for entry in used.iterdir():
        if entry.name not in ("plugins", ".build", ".git"):
            (made / entry.name).symlink_to(entry)
    for entry in (used / "plugins").iterdir():
        if entry.name != "action":
            (made / "plugins" / entry.name).symlink_to(entry)
    return folder


@pytest.mark.slow
def test_results_are_those_of_the_module(twin: Twin, tmp_path: Path) -> None:
    """Key by key, in this process, in one of their own, and without the action plugins: of changes, of nothing to do,
    of failures, and with warnings."""
    new: dict[str, Any] = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    tasks = [
        task("w365_user", title="create in check mode", check=True, **new),
        task("w365_user", title="create", password="a-first-password", **new),
        task("w365_user", title="unchanged", **new),
        task("w365_user_info", title="read", upn=ADELE),
        task("w365_group", title="group", name="Retail", members={"set": [ADELE]}),
        task("w365_directory", title="directory", users=[{"upn": ALEX, "first_name": "Alex", "last_name": "Wilber"}]),
        task("w365_api", title="raw", path="/{environment}/User/", method="GET"),
        task("w365_o365_import", title="import", check=True, everything=True),
        task("w365_user", title="unsupported", upn=ADELE, shoe_size=44),
        task("w365_user", title="required", first_name="Adele"),
        task("w365_user", title="refused", upn="not a upn"),
        task("w365_user", title="wrong type", upn=ADELE, timeout="soon"),
    ]
    plain_collections = collection_without_action_plugins(tmp_path / "collections")
    plays = {}
    for name, environ in (
        ("direct", {"W365_EXECUTION": "direct"}),
        ("process", {"W365_EXECUTION": "process"}),
        ("plain", {"ANSIBLE_COLLECTIONS_PATH": str(plain_collections)}),
    ):
        twin.reset(CONTOSO, "full")
        (tmp_path / name).mkdir()
        plays[name] = run_playbook(
            tmp_path / name,
            twin,
            tasks,
            defaults=connection(twin),
            environ={**WITH_ARGUMENTS, **environ},
            arguments=["-vvv"],
        )
    # So that it is not compared with itself.
    where = {
        name: set(re.findall(r"Using module file (\S+)/plugins/modules/", play.output)) for name, play in plays.items()
    }
    assert where["direct"] == set()
    assert where["process"].isdisjoint(where["plain"])
    assert len(where["process"]) == len(where["plain"]) == 1
    for direct, process, plain in zip(*plays.values(), strict=True):
        assert without_what_differs(process) == without_what_differs(plain), process.name
        assert without_what_differs(direct) == without_what_differs(process), direct.name
    assert all("invocation" in step.result for step in plays["direct"])
    statuses = {step.name: step.status for step in plays["direct"]}
    assert [name for name, status in statuses.items() if status == "failed"] == [
        "unsupported",
        "required",
        "refused",
        "wrong type",
    ]
