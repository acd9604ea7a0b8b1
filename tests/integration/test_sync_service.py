# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services of w365_sync under a living systemd, on a machine of their own: installed, started by their timers, failing, taken away."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from machine import Machine, start_machine
from pattern import same
from playing import COLLECTION, ROOT
from test_sync_role import EMEA, SECRETS, configuration, emea, guarded_seed, no_secret, start_guarded
from w365_simulator.certificates import AppCertificate, make_certificate
from w365_simulator.testing import Twin

PASSWORD = "planted-certificate-password-1005"
CONTOSO, FABRIKAM = "w365-sync-contoso.service", "w365-sync-fabrikam.service"
NAMES = ("contoso", "fabrikam")
ETC = "/etc/w365-sync"
AUTHORITY = "/etc/ssl/twin.pem"
KEY = "/etc/ssl/private/fabrikam.pem"
# A machine waits until the one before it is down. So only the first test is quick: that the services run at all. What they
# write and what they run is also guarded without a machine, in test_sync_role.py.
pytestmark = pytest.mark.timeout(400)
GUIDE = ROOT / "docs" / "docsite" / "rst" / "guide_synctool.rst"


@pytest.fixture(scope="module")
def certificate() -> AppCertificate:
    return make_certificate()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with start_guarded(tmp_path_factory.mktemp("guarded")) as twin:
        yield twin


@pytest.fixture
def twin(running: Twin, certificate: AppCertificate) -> Twin:
    seed = guarded_seed()
    seed["tenants"][0]["applications"][0]["certificates"] = [certificate.public]
    running.reset(seed, "full")
    return running


@pytest.fixture
def machine(tmp_path: Path, twin: Twin, certificate: AppCertificate) -> Iterator[Machine]:
    with start_machine(tmp_path) as started:
        started.write(AUTHORITY, Path(twin.ca_path).read_text(encoding="utf-8"), "644")
        started.write(KEY, certificate.private(PASSWORD) + certificate.public)
        yield started


@pytest.fixture
def customers(twin: Twin) -> list[dict[str, Any]]:
    """Contoso signs in with a secret and remembers; Fabrikam has a certificate and a time of its own."""
    remembering = {**EMEA, "state_file": "state.json", "report_file": ["import.html", "import.csv"]}
    contoso = configuration(twin, "contoso", ca_path=AUTHORITY, **{"import": remembering})
    fabrikam = configuration(
        twin,
        "fabrikam",
        ca_path=AUTHORITY,
        entra_certificate_path=KEY,
        entra_certificate_password=PASSWORD,
        schedule="Mon..Fri 06:30",
    )
    del fabrikam["entra_client_secret"]
    return [contoso, fabrikam]


def hidden(text: str, where: str) -> str:
    no_secret(text, where)
    assert PASSWORD not in text, where
    return text


def play_installation(machine: Machine, customers: list[dict[str, Any]], *words: str, **variables: Any) -> str:
    """Install as the guide says, and return what was printed."""
    given = {"w365_sync_configurations": customers, "w365_sync_random_delay": "0", **variables}
    machine.write("/root/customers.json", json.dumps(given))
    told = machine.tell(
        *("ansible-playbook", f"{COLLECTION}.sync", "-e", "@customers.json", "-e", "w365_sync_install=true"),
        *("-vvv", "--diff", *words),
    )
    return hidden(told, "output")


def install(machine: Machine, customers: list[dict[str, Any]], *words: str, **variables: Any) -> int:
    """The same, and how many tasks changed something."""
    return int(re.findall(r"changed=(\d+)", play_installation(machine, customers, *words, **variables))[-1])


def timers(machine: Machine) -> list[str]:
    """The timers that wait, as the guide's command lists them."""
    return sorted(re.findall(r"w365-sync-\w+\.timer", machine.tell("systemctl", "list-timers", "w365-sync-*")))


def until(what: Callable[[], Any], why: str, limit: float = 60) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + limit
    while not (found := what()):
        assert time.monotonic() < end, f"{why} did not come within {limit:.0f} seconds"
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_installed_started_and_started_again(machine: Machine, customers: list[dict[str, Any]], twin: Twin) -> None:
    """What the guide tells to do, from nothing to the second run, which asks only for what has changed."""
    assert install(machine, customers, "--check") > 0
    same([timers(machine), machine.run("ls", ETC).returncode], [[], 2], "timers and folder after the check")
    assert install(machine, customers) > 0
    same(timers(machine), [f"w365-sync-{name}.timer" for name in NAMES], "timers")
    for name in NAMES:
        same(
            machine.property(f"w365-sync-{name}.timer", "UnitFileState"),
            "enabled",
            "whether it starts with the machine",
        )
    assert "06:30:00" in machine.property("w365-sync-fabrikam.timer", "NextElapseUSecRealtime")
    same(install(machine, customers), 0, "changes of the second installation")
    same(twin.requests(), [], "requests of the installation")

    for unit in (CONTOSO, FABRIKAM):
        machine.start(unit)
        same(machine.property(unit, "Result"), "success", unit)
    same([len(emea(twin, name)) for name in NAMES], [6, 6], "imported")
    for name in NAMES:
        told = machine.journal("--identifier", f"w365-sync-{name}")
        assert re.search(rf"{name}: changed, .*user create 6", told), told
    asked = len(twin.requests(surface="graph"))

    twin.clear_requests()
    machine.start(CONTOSO)
    assert "contoso: unchanged" in machine.journal("--identifier", "w365-sync-contoso")
    same(twin.writes(), [], "writes of the second run")
    assert 0 < len(twin.requests(surface="graph")) < asked, "the second run did not use what the first had remembered"

    hidden(machine.journal(), "journal")
    hidden(machine.tell("systemctl", "show", CONTOSO, FABRIKAM), "units")
    left = machine.tell("find", "/var/lib/private/w365-sync", "/var/log/private/w365-sync", "-printf", "%m %y %P\n")
    wanted = ["600 f contoso/import.csv", "600 f contoso/import.html", "600 f contoso/state.json"]
    same(sorted(line for line in left.splitlines() if " f " in line), wanted, "what the runs have left")
    hidden(machine.tell("sh", "-c", "cat /var/lib/w365-sync/*/* /var/log/w365-sync/*/*"), "what the runs have left")
    same(machine.run("ls", "/run/w365-sync").stdout, "", "what Ansible has left")


@pytest.mark.slow
def test_a_timer_starts_it_and_it_never_runs_twice(
    machine: Machine, customers: list[dict[str, Any]], twin: Twin
) -> None:
    """Every second the timer wants to start what takes longer. While it runs, nothing about it tells a secret."""
    twin.fault(surface="graph", action="latency", seconds=2, times=-1)
    # systemd lets a timer be up to a minute late, to wake a machine less often.
    machine.write("/etc/systemd/system/w365-sync-.timer.d/soon.conf", "[Timer]\nAccuracySec=1us\n", "644")
    contoso = {**customers[0], "schedule": "*:*:*"}
    install(machine, [contoso])
    until(lambda: twin.requests(surface="graph"), "the first request")
    running = hidden(
        machine.tell("sh", "-c", 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"'),
        "command lines and environments",
    )
    assert f"{COLLECTION}.sync" in running, "the service was not seen"

    def ended() -> list[str]:
        told = machine.journal(f"--unit={CONTOSO}", "--identifier=systemd")
        return re.findall(r"^(Starting|Finished|Failed)", told, re.MULTILINE)

    until(lambda: ended().count("Finished") >= 2, "the second end")
    machine.tell("systemctl", "stop", "w365-sync-contoso.timer")
    machine.wait_for(CONTOSO, "inactive")
    order = ended()
    same(order, ["Starting", "Finished"] * (len(order) // 2), "starts and ends")
    same(len(emea(twin, "contoso")), 6, "imported")


@pytest.mark.slow
def test_it_waits_for_whoever_runs_it_by_hand(machine: Machine, customers: list[dict[str, Any]], twin: Twin) -> None:
    """The lock of the role's README: by hand, with flock on the folder of the service."""
    install(machine, customers[:1])
    machine.start(CONTOSO)
    twin.clear_requests()
    by_hand = subprocess.Popen(
        ["nsenter", "--target", str(machine.leader), "--all", "flock", "/var/lib/w365-sync/contoso", "cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert by_hand.stdin
    assert by_hand.stdout
    # When it answers it has the lock.
    by_hand.stdin.write(b"locked\n")
    by_hand.stdin.flush()
    same(by_hand.stdout.readline(), b"locked\n", "answer under the lock")
    machine.tell("systemctl", "start", "--no-block", CONTOSO)

    def command() -> str:
        told = machine.run("sh", "-c", f"tr '\\0' ' ' < /proc/$(systemctl show -P MainPID {CONTOSO})/cmdline").stdout
        return told if told.startswith("/usr/bin/flock") else ""

    # Longer than the playbook would take to its first request.
    until(command, "the service")
    time.sleep(5)
    same([machine.property(CONTOSO, "ActiveState"), twin.requests()], ["activating", []], "the service behind the lock")
    by_hand.communicate(timeout=10)
    machine.wait_for(CONTOSO, "inactive")
    same(machine.property(CONTOSO, "Result"), "success", "result")
    assert twin.requests()


@pytest.mark.slow
def test_one_fails_is_mended_and_taken_away(machine: Machine, customers: list[dict[str, Any]], twin: Twin) -> None:
    """Whoever is to hear of a failure does; a new key and a new time are taken over; at the end nothing is left."""
    told = "[Service]\nType=oneshot\nExecStart=/bin/echo told of %i\n"
    machine.write("/etc/systemd/system/told@.service", told, "644")
    contoso, fabrikam = customers
    wrong = {**fabrikam, "scim_token": SECRETS["wrong"]}
    install(machine, [contoso, wrong], w365_sync_on_failure="told@%n.service")
    assert machine.run("systemctl", "start", FABRIKAM).returncode != 0
    same(machine.property(FABRIKAM, "Result"), "exit-code", "result")
    failed = hidden(machine.journal("--identifier", "w365-sync-fabrikam"), "journal")
    assert "1 of 1 configurations failed" in failed
    assert "401" in failed
    until(lambda: f"told of {FABRIKAM}" in machine.journal(), "the one who is to hear of it")
    machine.start(CONTOSO)
    same([len(emea(twin, name)) for name in NAMES], [6, 0], "imported")

    again = [contoso, {**fabrikam, "schedule": "Sun 05:00"}]
    # The key and the time, systemd reads them, and the timer starts again.
    same(install(machine, again, w365_sync_on_failure="told@%n.service"), 4, "changes")
    assert "05:00:00" in machine.property("w365-sync-fabrikam.timer", "NextElapseUSecRealtime")
    machine.start(FABRIKAM)
    same([len(emea(twin, name)) for name in NAMES], [6, 6], "imported")

    twin.fault(surface="graph", action="latency", seconds=60, times=-1)
    machine.tell("systemctl", "start", "--no-block", CONTOSO)
    machine.wait_for(CONTOSO, "activating")
    assert install(machine, again, "--check", w365_sync_state="absent") > 0
    same(machine.property(CONTOSO, "ActiveState"), "activating", "the service after the check")
    same(timers(machine), [f"w365-sync-{name}.timer" for name in NAMES], "timers after the check")
    machine.tell("systemctl", "clean", "--what=state,logs", FABRIKAM)
    assert install(machine, again, w365_sync_state="absent") > 0
    same(timers(machine), [], "timers")
    same(machine.run("systemctl", "list-unit-files", "--no-legend", "w365-sync-*").stdout, "", "units")
    same(machine.property(CONTOSO, "MainPID"), "0", "the process of a service that was running")
    same(machine.tell("ls", ETC), "", "the folder of the configurations")
    same(machine.tell("ls", "/var/lib/private/w365-sync"), "contoso\n", "what is remembered")
    same(install(machine, again, w365_sync_state="absent"), 0, "changes of the second time")


@pytest.mark.slow
def test_who_is_no_longer_in_the_list_is_named_and_goes_when_asked(
    machine: Machine, customers: list[dict[str, Any]]
) -> None:
    machine.write("/etc/systemd/system/w365-sync-own.timer", "[Timer]\nOnCalendar=hourly\n", "644")
    install(machine, customers)
    both = [f"w365-sync-{name}.timer" for name in NAMES]
    left = customers[:1]
    told = play_installation(machine, left)
    assert "fabrikam: installed on this machine, not in w365_sync_configurations" in " ".join(told.split())
    assert re.search(r"changed=0 ", told), told
    same(timers(machine), both, "timers without a purge")
    assert install(machine, left, "--check", w365_sync_purge=True) > 0
    same(timers(machine), both, "timers after the check")
    assert install(machine, left, w365_sync_purge=True) > 0
    same(timers(machine), both[:1], "timers after the purge")
    same(machine.tell("ls", ETC), "contoso\n", "configurations after the purge")
    machine.tell("ls", "/etc/systemd/system/w365-sync-own.timer")
    same(install(machine, left, w365_sync_purge=True), 0, "changes of the second purge")


def table_commands() -> list[str]:
    """Every command in the guide's table of the synctool, once."""
    section = (
        GUIDE.read_text(encoding="utf-8")
        .partition("Part by part\n")[2]
        .partition("\nMany customers, and schedules\n")[0]
    )
    found = re.findall(r"^     - ``((?:ansible|ansible-playbook|systemctl|journalctl) .+)``$", section, re.MULTILINE)
    assert len(found) == section.count("   * - ") - 1, "a row without a command"
    return sorted(set(found))


@pytest.mark.slow
def test_every_command_of_the_table_shows_what_it_says(
    machine: Machine, customers: list[dict[str, Any]], twin: Twin
) -> None:
    """The rows of the guide, run as they stand there, on a machine where the first import has been made."""
    install(machine, customers)
    machine.start(CONTOSO)
    twin.change_tenant({"op": "change_user", "user": emea(twin, "contoso")[0], "set": {"surname": "Wilber"}})
    environ = {
        f"W365_{name.upper()}": str(value)
        for name, value in customers[0].items()
        if name not in ("name", "schedule", "import")
    }
    environ |= {
        "W365_INSTANCE_URL": twin.instance_url,
        "W365_PROVISIONING_KEY": SECRETS["provisioning_key"],
        "W365_ENVIRONMENT": "contoso",
    }
    importing = {"name": "import", f"{COLLECTION}.w365_o365_import": {**EMEA, "on_leave": "delete"}}
    machine.write("/root/import.yml", json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [importing]}]))
    machine.write("/root/customers.yml", json.dumps({"w365_sync_configurations": customers}))
    machine.write("/root/import.crt", make_certificate().public)
    # What of the answer shows it.
    module = f"ansible localhost -m {COLLECTION}."
    shown = {
        f"{module}w365_user_info": '"upn": "nestor.wilke@contoso.com"',
        f"{module}w365_admin_info": '"upn": "allan.deyoung@contoso.com"',
        f"{module}w365_environment_info": '"name": "contoso"',
        f"{module}w365_import_app": '"action": "create"',
        f"{module}w365_o365_import_info -a everything=true": '"reason": ',
        f"{module}w365_o365_import_info -a domains=contoso.com": '"upn": "adele.vance@contoso.com"',
        "ansible-playbook import.yml": "Wilber",
        f"ansible-playbook {COLLECTION}.sync": "fabrikam: changed, ",
        f"ansible-playbook {COLLECTION}.export_sync": "changed=1",
        "systemctl list-timers": "w365-sync-contoso.timer",
        "journalctl --identifier": "contoso: changed, ",
    }
    twin.clear_requests()
    commands = table_commands()
    for command in commands:
        done = machine.run("bash", "-c", command, environ=environ)
        text = hidden(done.stdout + done.stderr, command)
        assert done.returncode == 0, f"{command}\n{text}"
        (proof,) = [proof for begin, proof in shown.items() if command.startswith(begin)]
        assert proof in text, f"{command} does not show {proof}\n{text}"
    unused = [begin for begin in shown if not any(command.startswith(begin) for command in commands)]
    same(unused, [], "proofs of commands that the table does not have")
    same(twin.writes(), [], "writes")
    machine.tell("ls", "/root/import.html", "/root/import.csv")
    exported = hidden(machine.tell("cat", "/root/exported.yml"), "export")
    assert "{{ vault_contoso_scim_token }}" in exported
