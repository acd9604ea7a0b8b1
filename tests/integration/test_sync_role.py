# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many customers side by side, on a schedule, and exported: the role w365_sync and its two playbooks.

The units are written into a folder of the test and looked at there; in test_sync_service a systemd runs them.
"""

from __future__ import annotations

import base64
import fcntl
import getpass
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.bulk_options import (
    import_policy_spec,
    import_scope_spec,
    permissions_spec,
    progress_spec,
    report_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import concurrency_spec
from conftest import CONTOSO
from pattern import ALLAN, plain, same
from playing import COLLECTION, ROOT, Play, ansible_environment, slow
from test_roles import role
from w365_simulator.testing import Twin, start_twin

ROLE = ROOT / "roles" / "w365_sync"
# How much of the system a service can reach, from 0 to 10 and less is better, as systemd-analyze counts it. systemd 252
# says 1.4; other versions ask other questions.
EXPOSURE = 2.0
SECRETS = {
    "provisioning_key": "5ec1e700-0001-4000-8000-planted10001",
    "scim_token": "planted-scim-token-1002",
    "entra_client_secret": "planted~entra.secret_1003",
    "wrong": "planted-wrong-token-1004",
}
EMEA = {"domains": ["emea.contoso.com"]}


def guarded_seed() -> dict[str, Any]:
    """Contoso, a second environment, and an app registration whose secret is the planted one."""
    seed: dict[str, Any] = json.loads(json.dumps(CONTOSO))
    seed["tenants"][0]["applications"][0]["client_secret"] = SECRETS["entra_client_secret"]
    first = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    seed["environments"].append({"name": "fabrikam", "users": [first], "groups": []})
    return seed


def start_guarded(folder: Path) -> AbstractContextManager[Twin]:
    """A twin of it whose keys are the planted ones. It prints none of them."""
    keys = ("--provisioning-key", SECRETS["provisioning_key"], "--scim-token", SECRETS["scim_token"], "--quiet")
    return start_twin(folder, seed=guarded_seed(), arguments=keys)


@pytest.fixture(scope="module")
def guarded_twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with start_guarded(tmp_path_factory.mktemp("guarded")) as twin:
        yield twin


@pytest.fixture
def twin(guarded_twin: Twin) -> Twin:
    guarded_twin.reset(guarded_seed(), "full")
    return guarded_twin


def configuration(twin: Twin, name: str, /, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "scim_url": twin.scim_url(name),
        "scim_token": SECRETS["scim_token"],
        "ca_path": twin.ca_path,
        "entra_tenant": twin.tenant,
        "entra_client_id": twin.client_id,
        "entra_client_secret": SECRETS["entra_client_secret"],
        "entra_authority": twin.entra_authority,
        "graph_url": twin.graph_url,
        "import": EMEA,
        **more,
    }


def no_secret(text: str, where: str) -> None:
    assert [name for name, secret in SECRETS.items() if secret in text] == [], where


def run_named(playbook: str, folder: Path, *words: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection as a person does, at -vvv."""
    given = folder / "given.json"
    given.write_text(json.dumps(variables), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return subprocess.run(
        [program, "-i", "localhost,", "-vvv", *words, "-e", f"@{given}", f"{COLLECTION}.{playbook}"],
        env=ansible_environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def emea(twin: Twin, name: str) -> list[str]:
    return [upn for upn in twin.environment(name)["users"] if upn.endswith("@emea.contoso.com")]


# Side by side


@pytest.mark.slow
def test_one_that_fails_does_not_stop_the_others(twin: Twin, play: Callable[..., Play]) -> None:
    """Fabrikam has a wrong key. Contoso is done, the play names Fabrikam, and running it again does the rest."""
    right = [configuration(twin, name) for name in ("contoso", "fabrikam")]
    wrong = [right[0], {**right[1], "scim_token": SECRETS["wrong"]}]
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "w365_sync_result"}}

    def run(configurations: list[dict[str, Any]], *words: str) -> tuple[Play, dict[str, Any]]:
        step = {**role("w365_sync", configurations=configurations, poll=1), "ignore_errors": True}
        # As variables of the play, which is how people should give secrets.
        variables = {"ansible_python_interpreter": sys.executable, **step.pop("vars")}
        # Neither of these may be lent to a customer.
        environ = {"W365_SCIM_TOKEN": "somebody-else", "W365_ENTRA_TENANT": "somebody.else"}
        block = {"name": "all", "block": [step], "always": [tell]}
        played = play(block, play={"vars": variables}, arguments=["-vvv", "--diff", *words], environ=environ)
        no_secret(played.output, "output")
        told = next(found for found in reversed(played.steps) if found.name == "tell")
        return played, told.result["w365_sync_result"]

    before = twin.state()
    check, told = run(right, "--check")
    assert check.code == 0, check.output
    assert twin.writes() == []
    same(plain(twin.state()), plain(before), "state after the check")
    same({name: found["changed"] for name, found in told.items()}, {"contoso": True, "fabrikam": True}, "announced")
    announced = told["contoso"]["summary"]

    played, told = run(wrong)
    assert "1 of 2 configurations failed" in played.output
    assert re.search(r"fabrikam: .*401", played.output)
    same([told[name]["failed"] for name in ("contoso", "fabrikam")], [False, True], "failed")
    same(told["contoso"]["summary"], announced, "what check mode announced")
    assert "401" in told["fabrikam"]["message"]
    same([len(emea(twin, name)) for name in ("contoso", "fabrikam")], [6, 0], "imported")
    started = next(step for step in played if step.name.endswith("Import each configuration"))
    assert all(result["ansible_job_id"] for result in started.result["results"]), "they ran side by side"
    # The results name people.
    folders = {Path(result["results_file"]).parent for result in started.result["results"]}
    assert all(folder.name.startswith("w365_sync.") and not folder.exists() for folder in folders), folders

    played, told = run(right)
    assert played.code == 0, played.output
    same([found["changed"] for found in told.values()], [False, True], "what the rest changed")
    same(len(emea(twin, "fabrikam")), 6, "imported")
    assert all(isinstance(found["left_out"], int) for found in told.values())
    assert all(
        set(found) == {"changed", "failed", "message", "summary", "left_out", "scim_url"} for found in told.values()
    )

    twin.clear_requests()
    played, told = run(right)
    same([step.name for step in played if step.result.get("changed")], [], "changes of the second run")
    same(twin.writes(), [], "writes of the second run")


@pytest.mark.slow
def test_an_import_that_takes_too_long_is_ended(twin: Twin, play: Callable[..., Play]) -> None:
    twin.fault(surface="graph", action="latency", seconds=30, times=-1)
    configurations = [configuration(twin, name) for name in ("contoso", "fabrikam")]
    played = play(role("w365_sync", configurations=configurations, poll=1, timeout=4))
    assert played.code != 0
    assert "2 of 2 configurations failed" in played.output
    assert "imeout" in played.output or "did not finish within 4 seconds" in played.output


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Contoso & Co"}, "needs a unique name"),
        ({"import": {"exclude_users": [ALLAN]}}, "one of the following is required"),
        ({"import": {**EMEA, "exclude_user": [ALLAN]}}, "exclude_user"),
        ({"scim_tokn": "x"}, "scim_tokn"),
    ],
)
def test_a_mistake_is_said_before_anything_is_done(
    change: dict[str, Any], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    played = play(role("w365_sync", configurations=[configuration(twin, "contoso", **change)]))
    assert played.code != 0
    assert said in played.output
    no_secret(played.output, "output")
    assert twin.requests() == []


# Services and timers


@pytest.fixture
def installed(tmp_path: Path, twin: Twin) -> dict[str, Any]:
    """Variables that install into the test's folder, for two customers."""
    units = tmp_path / "units"
    units.mkdir()
    certificate = tmp_path / "fabrikam.pem"
    certificate.write_text("a key", encoding="utf-8")
    # The role would refuse a home folder. A link outside stands for a place where a collection belongs.
    here = os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT / ".build" / "src")).split(":")[0]
    (tmp_path / "collections").symlink_to(here)
    program = tmp_path / "bin" / "ansible-playbook"
    program.parent.mkdir()
    program.symlink_to(Path(sys.executable).with_name("ansible-playbook"))
    fabrikam = configuration(
        twin, "fabrikam", entra_certificate_path=str(certificate), schedule="Mon..Fri 06:30", provisioning_key=None
    )
    del fabrikam["entra_client_secret"]
    return {
        "w365_sync_configurations": [configuration(twin, "contoso"), fabrikam],
        "w365_sync_install": True,
        "w365_sync_systemd": False,
        "w365_sync_owner": getpass.getuser(),
        "w365_sync_unit_directory": str(units),
        "w365_sync_configuration_directory": str(tmp_path / "etc"),
        "w365_sync_ansible_playbook": str(program),
        "w365_sync_flock": shutil.which("flock") or "/usr/bin/flock",
        "w365_sync_collections_path": str(tmp_path / "collections"),
        "w365_sync_on_failure": "failed@%n.service",
        "w365_sync_service_environment": {"HTTPS_PROXY": "http://proxy.contoso.com:3128/%20"},
    }


def files(folder: Path) -> dict[str, str]:
    """Every file and its rights."""
    found = sorted(path for path in folder.rglob("*"))
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode))[2:] for path in found}


def install(tmp_path: Path, variables: dict[str, Any], *words: str) -> int:
    """Install, and return how many tasks changed something."""
    done = run_named("sync", tmp_path, "--diff", *words, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    no_secret(done.stdout + done.stderr, "output")
    return int(re.findall(r"changed=(\d+)", done.stdout)[-1])


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_installing_and_taking_away(tmp_path: Path, installed: dict[str, Any]) -> None:
    etc, units = tmp_path / "etc", tmp_path / "units"
    assert install(tmp_path, installed, "--check") > 0
    assert not etc.exists()
    same(files(units), {}, "units after the check")
    assert install(tmp_path, installed) > 0
    wanted = {
        "contoso": "700",
        "contoso/configuration.yml": "600",
        "contoso/entra_client_secret": "600",
        "contoso/scim_token": "600",
        "fabrikam": "700",
        "fabrikam/configuration.yml": "600",
        "fabrikam/scim_token": "600",
    }
    same(files(etc), wanted, "configurations")
    names = [f"w365-sync-{name}.{kind}" for name in ("contoso", "fabrikam") for kind in ("service", "timer")]
    same(files(units), dict.fromkeys(names, "644"), "units")
    for path in [*units.iterdir(), *etc.glob("*/configuration.yml")]:
        no_secret(path.read_text(encoding="utf-8"), path.name)
    same((etc / "contoso" / "scim_token").read_text(encoding="utf-8"), SECRETS["scim_token"], "secret")
    unit = options_of(units / names[0])
    same(unit["OnFailure"], ["failed@%n.service"], "who is to hear of a failure")
    same(unit["Type"], ["oneshot"], "the type that systemd does not start a second time while it runs")
    assert "OnCalendar=hourly\n" in (units / names[1]).read_text(encoding="utf-8")
    assert "OnCalendar=Mon..Fri 06:30\n" in (units / names[3]).read_text(encoding="utf-8")
    same(install(tmp_path, installed), 0, "changes of the second run")
    # A secret that is given no longer goes. Who is given no longer stays, and is named.
    configurations = installed["w365_sync_configurations"]
    configurations[0]["entra_client_secret"] = ""
    done = run_named("sync", tmp_path, **{**installed, "w365_sync_configurations": configurations[:1]})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fabrikam: installed on this machine, not in w365_sync_configurations" in " ".join(done.stdout.split())
    del wanted["contoso/entra_client_secret"]
    same(files(etc), wanted, "configurations after a secret has gone")
    away = {**installed, "w365_sync_state": "absent"}
    assert install(tmp_path, away, "--check") > 0
    same(files(etc), wanted, "configurations after the check")
    assert install(tmp_path, away) > 0
    same([files(etc), files(units)], [{}, {}], "what is left")
    same(install(tmp_path, away), 0, "changes of the second run")


@pytest.mark.slow
def test_what_yaml_makes_of_names_and_values(tmp_path: Path, installed: dict[str, Any]) -> None:
    """A customer number is a name, a password of digits a secret, one report a list of one, and null is nothing."""
    number, fabrikam = installed["w365_sync_configurations"]
    number |= {"name": 10042, "entra_client_id": "{{ the_client }}", "schedule": None}
    number["import"] = {**EMEA, "report_file": "import.html", "full_every": None}
    fabrikam |= {
        "entra_certificate_password": 123456,
        "entra_certificate_path": f"/{fabrikam['entra_certificate_path']}",
    }
    installed["w365_sync_configuration_directory"] += "/"
    installed["w365_sync_service_environment"] = {"NO_PROXY": None}
    (tmp_path / "copied").mkdir()
    for name in ("w365-sync-.timer", "w365-sync-Copy.timer"):
        mark = "# Written by the role workspace365.provisioning.w365_sync.\n"
        (tmp_path / "units" / name).write_text(mark, encoding="utf-8")
    password = tmp_path / "password"
    password.write_text("a vault", encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-vault"))
    vaulted = subprocess.run(
        [program, "encrypt_string", "--vault-password-file", str(password), "--name", "the_client", "client-1"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    ).stdout  # fmt: skip
    (tmp_path / "vault.yml").write_text(vaulted, encoding="utf-8")
    words = ("-e", "@vault.yml", "--vault-password-file", str(password))
    assert install(tmp_path, installed, *words, "-e", "w365_sync_purge=true") > 0
    etc, units = tmp_path / "etc", tmp_path / "units"
    written = yaml.safe_load((etc / "10042" / "configuration.yml").read_text(encoding="utf-8"))
    same(written["entra_client_id"], "client-1", "a value that was in a vault")
    same(written["import"], {**EMEA, "report_file": ["/var/log/w365-sync/10042/import.html"]}, "import of the number")
    same((etc / "fabrikam" / "entra_certificate_password").read_text(encoding="utf-8"), "123456", "password")
    kept = sorted(path.name for path in units.iterdir())
    names = [f"w365-sync-{name}.{kind}" for name in ("10042", "fabrikam") for kind in ("service", "timer")]
    same(kept, sorted(["w365-sync-.timer", "w365-sync-Copy.timer", *names]), "units after the purge")
    text = (units / "w365-sync-fabrikam.service").read_text(encoding="utf-8")
    assert "//" not in "".join(re.findall("LoadCredential=.*", text))
    assert "NO_PROXY" not in text
    same(install(tmp_path, installed, *words, "-e", "w365_sync_purge=true"), 0, "changes of the second run")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"w365_sync_ansible_playbook": "~/bin/ansible-playbook"}, "begins with /"),
        pytest.param({"w365_sync_collections_path": "/srv/nothing"}, "must exist", marks=pytest.mark.slow),
        pytest.param({"w365_sync_unit_directory": "/srv/nothing"}, "must exist", marks=pytest.mark.slow),
        ({"w365_sync_collections_path": "/usr/share:/home/ansible/.ansible/collections"}, "not in a home folder"),
        pytest.param(
            {"w365_sync_flock": "/srv/no-flock"}, "What is wrong: /srv/no-flock does not exist.", marks=pytest.mark.slow
        ),
        pytest.param({"w365_sync_service_environment": {"A": "x\ny"}}, "line break", marks=pytest.mark.slow),
        pytest.param(
            {"w365_sync_service_environment": {"A": "x\rExecStartPre=/bin/true"}}, "line break", marks=pytest.mark.slow
        ),
        ({"w365_sync_service_environment": {"A\nExecStartPre=/bin/true\nB": "x"}}, "is not one of letters"),
        pytest.param(
            {"w365_sync_service_environment": {"A=1 B": "x"}}, "is not one of letters", marks=pytest.mark.slow
        ),
        pytest.param(
            {"w365_sync_on_failure": "x.service\nRequires=evil.service"},
            "Correct w365_sync_on_failure",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"w365_sync_random_delay": "10min\n\n[Install]"}, "Correct w365_sync_random_delay", marks=pytest.mark.slow
        ),
        pytest.param(
            {"w365_sync_schedule": "hourly\n[Service]\nExecStart=/bin/true"},
            "Correct w365_sync_schedule",
            marks=pytest.mark.slow,
        ),
        pytest.param({"schedule": "hourly\\"}, "Correct schedule", marks=pytest.mark.slow),
        pytest.param(
            {"client_key": "/srv/key.pem\nExecStartPre=/bin/true"}, "Correct client_key", marks=pytest.mark.slow
        ),
        pytest.param({"client_cert": "/srv/key.pem "}, "Correct client_cert", marks=pytest.mark.slow),
        pytest.param(
            {"w365_sync_configuration_directory": "/srv/etc\u2028x"},
            "Correct w365_sync_configuration_directory",
            marks=pytest.mark.slow,
        ),
        pytest.param({"ca_path": "~/ca.pem"}, "begins with /", marks=pytest.mark.slow),
        pytest.param({"name": "contoso\n"}, "needs a unique name", marks=pytest.mark.slow),
    ],
)
def test_what_no_unit_could_carry_is_said_before_a_secret_is_written(
    tmp_path: Path, installed: dict[str, Any], change: dict[str, Any], said: str
) -> None:
    own = {name: value for name, value in change.items() if not name.startswith("w365_sync")}
    installed["w365_sync_configurations"][0] |= own
    done = run_named("sync", tmp_path, **{**installed, **{k: v for k, v in change.items() if k not in own}})
    assert done.returncode != 0
    assert said in " ".join(done.stdout.split())
    assert not (tmp_path / "etc").exists()


@pytest.mark.slow
@pytest.mark.parametrize("check", [slow(False), True])
def test_a_schedule_is_tried_before_anything_is_written(tmp_path: Path, installed: dict[str, Any], check: bool) -> None:
    """Also in check mode, and in an export, which is there to be installed."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze, which alone knows schedules")
    installed["w365_sync_configurations"][1]["schedule"] = "every full moon"
    done = run_named("sync", tmp_path, *(["--check"] if check else []), **installed)
    assert done.returncode != 0
    assert 'systemd does not understand the schedule \\"every full moon\\"' in done.stdout
    assert not (tmp_path / "etc").exists()
    if check:
        given = {"w365_sync_configurations": installed["w365_sync_configurations"], "w365_sync_export": "export.yml"}
        done = run_named("export_sync", tmp_path, **given)
        assert done.returncode != 0
        assert "systemd does not understand the schedule" in done.stdout
        assert not (tmp_path / "export.yml").exists()


STRANGE_VALUES = {"A": "x %h $HOME ${HOME} \"q\" 'y' \\ ", "B": "  blanks  ", "C": "100%", "D": "a\tb", "_E9": "\\x41"}


@pytest.mark.slow
def test_a_service_gets_the_values_as_they_are(tmp_path: Path, installed: dict[str, Any]) -> None:
    """Percent signs, dollars, quotes, backslashes and blanks; read back by systemd itself where there is one."""
    folder = tmp_path / 'odd "folder" with $ %h and \\'
    folder.mkdir()
    (folder / "flock").symlink_to(installed["w365_sync_flock"])
    program = folder / "ansible-playbook"
    program.symlink_to(installed["w365_sync_ansible_playbook"])
    installed |= {"w365_sync_service_environment": STRANGE_VALUES, "w365_sync_flock": str(folder / "flock")}
    installed["w365_sync_ansible_playbook"] = str(program)
    install(tmp_path, installed)
    text = (tmp_path / "units" / "w365-sync-contoso.service").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith('Environment="')]
    found = dict(
        re.sub(r"\\(.)", r"\1", line[len('Environment="') : -1]).replace("%%", "%").split("=", 1) for line in lines
    )
    same({name: found[name] for name in STRANGE_VALUES}, STRANGE_VALUES, "environment")
    escaped = str(program).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    assert f'"{escaped}" --inventory' in text


@pytest.mark.slow
def test_systemd_accepts_the_units(tmp_path: Path, installed: dict[str, Any]) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("this machine has no systemd-analyze, which alone can say whether systemd accepts the units")
    install(tmp_path, installed)
    units = sorted(map(str, (tmp_path / "units").iterdir()))

    def ask(*words: str) -> str:
        done = subprocess.run([analyze, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    (tmp_path / "units" / "failed@.service").write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n")
    # It would exit with 0 in spite of an option that it does not know.
    same(ask("verify", "--man=no", *units), "", "complaints of systemd-analyze verify")
    for unit in units:
        if unit.endswith(".service"):
            told = ask("security", "--offline=yes", f"--threshold={round(EXPOSURE * 10)}", "--no-pager", unit)
            assert re.search(r"Overall exposure level for w365-sync-\w+\.service: \d\.\d", told), told


def options_of(unit: Path) -> dict[str, list[str]]:
    """The settings of a unit; each may stand several times."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.slow
def test_the_command_of_a_service_works(tmp_path: Path, installed: dict[str, Any], twin: Twin) -> None:
    """What systemd would do is done by hand: credentials, folders, environment and command line of the unit."""
    installed["w365_sync_service_environment"] = {}
    install(tmp_path, installed)
    unit = options_of(tmp_path / "units" / "w365-sync-contoso.service")
    shown, state, running = (tmp_path / name for name in ("credentials", "state", "run"))
    for folder in (shown, state, running):
        (folder / "w365-sync" / "contoso").mkdir(parents=True)
    for credential in unit["LoadCredential"]:
        name, _, path = credential.partition(":")
        shutil.copy(path, shown / name)
        (shown / name).chmod(0o400)

    def filled(text: str) -> str:
        text = text.replace("%S", str(state)).replace("%t", str(running)).replace("%%", "%")
        return text.replace("${CREDENTIALS_DIRECTORY}", str(shown))

    environ = dict(shlex.split(filled(setting))[0].split("=", 1) for setting in unit["Environment"])
    environ |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "CREDENTIALS_DIRECTORY": str(shown)}
    # The wrong bundle of the other tests: the unit's own settings have to do without it.
    environ |= {name: os.environ[name] for name in ("REQUESTS_CA_BUNDLE",) if name in os.environ}
    command = shlex.split(filled(unit["ExecStart"][0]))
    here = Path(filled(unit["WorkingDirectory"][0]))

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, env=environ, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    by_hand = os.open(here, os.O_RDONLY)
    fcntl.flock(by_hand, fcntl.LOCK_EX)
    with start() as waiting:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(3)
            same(twin.requests(), [], "requests while somebody else holds the lock")
        finally:
            os.close(by_hand)
        output = waiting.communicate(timeout=150)[0]
    with start() as second:
        again = second.communicate(timeout=150)[0]
    for changed, process, told in (("changed", waiting, output), ("unchanged", second, again)):
        assert process.returncode == 0, told
        assert f"contoso: {changed}" in told
        no_secret(told + str(command) + str(environ), "journal, command line and environment")
    same(len(emea(twin, "contoso")), 6, "imported")
    same(list((state / "w365-sync" / "contoso").iterdir()), [], "what Ansible left in the folder for the state")


# Export


@pytest.mark.slow
def test_an_export_holds_no_secret(tmp_path: Path, installed: dict[str, Any], twin: Twin) -> None:
    """From the installed folder, from a list, and from a single import. Filled in, it is what it was."""
    install(tmp_path, installed)
    connection = configuration(twin, "contoso")
    single = {f"w365_{key}": value for key, value in connection.items() if key not in ("name", "import")}
    blanks = ["vault_contoso_scim_token", "vault_contoso_entra_client_secret"]
    both = [
        {key: value for key, value in given.items() if value is not None}
        for given in installed["w365_sync_configurations"]
    ]
    ways: list[tuple[dict[str, Any], list[str], list[dict[str, Any]]]] = [
        ({"w365_sync_directory": str(tmp_path / "etc")}, [*blanks, "vault_fabrikam_scim_token"], both),
        ({"w365_sync_configurations": [connection]}, blanks, [connection]),
        ({**single, "w365_sync_name": "contoso", "w365_o365_import_definition": EMEA}, blanks, [connection]),
    ]
    for variables, names, wanted in ways:
        # What an earlier way has written proves nothing about this one.
        (tmp_path / "export.yml").unlink(missing_ok=True)
        done = run_named("export_sync", tmp_path, "--diff", **variables, w365_sync_export="export.yml")
        assert done.returncode == 0, done.stdout + done.stderr
        no_secret(done.stdout + done.stderr, "output")
        written = (tmp_path / "export.yml").read_text(encoding="utf-8")
        no_secret(written, "export")
        same(sorted(set(re.findall(r"\{\{ (\w+) \}\}", written))), sorted(names), "blanks")
        filled = [
            {key: SECRETS[key] if "{{ vault_" in str(value) else value for key, value in found.items()}
            for found in yaml.safe_load(written)["w365_sync_configurations"]
        ]
        same(filled, wanted, "the configurations with their blanks filled in")
    check = run_named(
        "sync",
        tmp_path,
        "--check",
        "-e",
        "@export.yml",
        **{blanks[0]: SECRETS["scim_token"]},
        **{blanks[1]: SECRETS["entra_client_secret"]},
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert "user create 6" in check.stdout


@pytest.mark.slow
def test_an_export_has_blanks_for_each_customer(tmp_path: Path, twin: Twin) -> None:
    """Names that differ in - and _ only; what cannot be told apart is not written."""
    for second, blanks in (
        ("contoso_eu", ["vault_contoso__eu_scim_token", "vault_contoso_eu_scim_token"]),
        ("contoso__eu", None),
    ):
        (tmp_path / "export.yml").unlink(missing_ok=True)
        both = [configuration(twin, "contoso", name=name) for name in ("contoso-eu", second)]
        done = run_named("export_sync", tmp_path, w365_sync_configurations=both, w365_sync_export="export.yml")
        if blanks is None:
            assert done.returncode != 0
            assert "variables of the same name" in done.stdout
            assert not (tmp_path / "export.yml").exists()
            continue
        assert done.returncode == 0, done.stdout + done.stderr
        written = yaml.safe_load((tmp_path / "export.yml").read_text(encoding="utf-8"))["w365_sync_configurations"]
        same([found["scim_token"] for found in written], [f"{{{{ {blank} }}}}" for blank in blanks], "blanks")


@pytest.mark.slow
def test_an_export_remembers_and_a_run_by_hand_does_not(tmp_path: Path, installed: dict[str, Any], twin: Twin) -> None:
    """A service could not read the state file that a run by hand would write, so that run leaves it out."""
    contoso = installed["w365_sync_configurations"][:1]
    contoso[0]["import"] = {**EMEA, "state_file": "state.json"}
    install(tmp_path, {**installed, "w365_sync_configurations": contoso})
    file = tmp_path / "etc" / "contoso" / "configuration.yml"
    state = tmp_path / "state.json"
    file.write_text(file.read_text(encoding="utf-8").replace("/var/lib/w365-sync/contoso/state.json", str(state)))
    read = {"w365_sync_directory": str(tmp_path / "etc")}
    for playbook, more in (("export_sync", {"w365_sync_export": "export.yml"}), ("sync", {})):
        done = run_named(playbook, tmp_path, **read, **more)
        assert done.returncode == 0, done.stdout + done.stderr
    (found,) = yaml.safe_load((tmp_path / "export.yml").read_text(encoding="utf-8"))["w365_sync_configurations"]
    same(found["import"]["state_file"], str(state), "state_file of the export")
    same([len(emea(twin, "contoso")), state.exists()], [6, False], "what the run by hand has done")


@pytest.mark.slow
def test_an_export_opens_a_vault_where_no_secret_stands(tmp_path: Path, twin: Twin) -> None:
    """An identity from a vault is written as its text; a secret from a vault is blank as any other."""
    password = tmp_path / "password"
    password.write_text("vault-password", encoding="utf-8")
    words = ("--vault-password-file", str(password))
    program = str(Path(sys.executable).with_name("ansible-vault"))
    texts = {"vaulted_id": str(twin.client_id), "vaulted_token": SECRETS["scim_token"]}
    for name, text in texts.items():
        command = [program, "encrypt_string", *words, "--name", name, text]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        with (tmp_path / "vaulted.yml").open("a", encoding="utf-8") as vaulted:
            vaulted.write(done.stdout + "\n")
    contoso = configuration(twin, "contoso", entra_client_id="{{ vaulted_id }}", scim_token="{{ vaulted_token }}")
    done = run_named(
        "export_sync",
        tmp_path,
        *words,
        "-e",
        "@vaulted.yml",
        w365_sync_configurations=[contoso],
        w365_sync_export="export.yml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "export.yml").read_text(encoding="utf-8")
    no_secret(done.stdout + done.stderr + written, "output and export")
    (found,) = yaml.safe_load(written)["w365_sync_configurations"]
    same(
        [found["entra_client_id"], found["scim_token"]],
        [twin.client_id, "{{ vault_contoso_scim_token }}"],
        "what comes out of the vault",
    )


TOKEN = SECRETS["scim_token"]
SPELLINGS = {
    "as it is": f"https://graph.contoso.com/{TOKEN}",
    "base64": f"https://graph.contoso.com/{base64.b64encode(TOKEN.encode()).decode()}",
    "a part of base64": base64.urlsafe_b64encode(f"lee:{TOKEN}:x".encode()).decode(),
    "encoded twice": "https://graph.contoso.com/?x=" + quote("".join(f"%{ord(char):02x}" for char in TOKEN)),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("how", SPELLINGS)
def test_an_export_refuses_a_secret_in_the_wrong_place(tmp_path: Path, twin: Twin, how: str) -> None:
    odd = configuration(twin, "contoso", graph_url=SPELLINGS[how])
    done = run_named("export_sync", tmp_path, w365_sync_configurations=[odd], w365_sync_export="export.yml")
    assert done.returncode != 0
    assert "is also part of an option that is not secret" in done.stdout
    no_secret(done.stdout + done.stderr, "output")
    assert not (tmp_path / "export.yml").exists()


@pytest.mark.slow
def test_an_export_keeps_what_only_looks_like_a_template(tmp_path: Path, twin: Twin) -> None:
    """Values are written as they are, whatever they look like; a secret may be a word of the file."""
    odd = {
        "groups": [
            "{{ lookup('pipe', 'touch owned') }}",
            "{% if x %}",
            "{# no #}",
            "a: b # c",
            "yes",
            "007",
            "two\nlines",
        ],
        "exclude_users": [
            "'",
            '"',
            "\\",
            " blanks ",
            "Zoë \U0001f600",
            "\u2028",
            "1e3",
            "",
            "~",
            "- x",
            "!unsafe x",
            "@x",
        ],
        "attribute_map": {"display_name": "{{ 7 * 7 }}"},
        "report_file": [],
        "full_every": 3,
        "everything": False,
    }
    unsafe = tmp_path / "odd.yml"
    given = configuration(twin, "contoso", scim_token="import")
    given["import"] = odd
    text = yaml.safe_dump({"w365_sync_configurations": [given]}, allow_unicode=True, default_style='"', width=10**6)
    # As a person has to write it down: without the mark it would be a template here already.
    unsafe.write_text(re.sub(r'(?<=[:-] )"(?=\{[{%#])', '!unsafe "', text), encoding="utf-8")
    done = run_named("export_sync", tmp_path, "-e", f"@{unsafe}", w365_sync_export="export.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    written = (tmp_path / "export.yml").read_text(encoding="utf-8")
    assert written.count("!unsafe ") == 5, "four that look like a template, and one that has the word"

    class Loader(yaml.SafeLoader):
        """Knows the mark."""

    Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))  # type: ignore[arg-type]
    (found,) = yaml.load(written, Loader)["w365_sync_configurations"]  # noqa: S506 - a safe one
    same(found["import"], odd, "what was imported")
    assert not (tmp_path / "owned").exists()


# What stands in several places is the same


def test_the_role_knows_every_option() -> None:
    """The connection options, and which of them are secrets or files, are those of the modules."""
    specs = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    known = specs["argument_specs"]["main"]["options"]["w365_sync_configurations"]["options"]
    connection = {option.name: option for option in CONNECTION_OPTIONS}
    same(sorted(set(known) - {"name", "schedule", "import"}), sorted(connection), "connection options")
    same(
        {name: known[name]["type"] for name in connection},
        {name: option.type for name, option in connection.items()},
        "types",
    )
    secrets = {option.name for option in CONNECTION_OPTIONS if option.secret}
    same({name for name in connection if known[name].get("no_log")}, secrets, "secrets")
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    shared = yaml.safe_load((ROOT / "playbooks" / "vars" / "sync.yml").read_text(encoding="utf-8"))
    same(set(variables["__w365_sync_secrets"]), secrets, "secrets of the role")
    same(shared["sync_secret_options"], variables["__w365_sync_secrets"], "secrets of the playbooks")
    same(shared["sync_key_file_options"], variables["__w365_sync_key_files"], "files of the playbooks")
    assert set(variables["__w365_sync_key_files"]) < {
        option.name for option in CONNECTION_OPTIONS if option.type == "path"
    }
    same(sorted(shared["sync_connection_options"]), sorted(connection), "options of the playbooks")
    tasks = yaml.safe_load((ROLE / "tasks" / "batch.yml").read_text(encoding="utf-8"))
    passed = set(tasks[0][f"{COLLECTION}.w365_o365_import"])
    same(passed, set(known["import"]["options"]), "import options of the tasks and of the specification")
    # A progress file would be one for all of them.
    same(
        passed,
        {
            *import_scope_spec(),
            *import_policy_spec(),
            *concurrency_spec(),
            *report_spec(),
            *progress_spec(),
            *permissions_spec(),
        }
        - {"progress_file"},
        "import options of the tasks and of the module",
    )
    thin = yaml.safe_load((ROOT / "roles/w365_o365_import/meta/argument_specs.yml").read_text(encoding="utf-8"))
    definition = thin["argument_specs"]["main"]["options"]["w365_o365_import_definition"]
    thin_options = {name: option for name, option in definition["options"].items() if name != "progress_file"}
    same(known["import"]["options"], thin_options, "import options of the two roles")
