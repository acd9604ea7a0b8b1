# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A twin in the background: started once, found again, stopped for sure, and never mistaken for something else."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from w365_simulator import background
from w365_simulator.background import Place, Request, bring, status
from w365_simulator.cli import StartError

DEFINITION: dict[str, Any] = {
    "environment": {"name": "fabrikam", "administrator": {"email": "allan.deyoung@fabrikam.com"}},
    "o365_import": {"groups": ["Sales"]},
    "sso": {
        "primary_domain": "fabrikam.com",
        "client_id": "11111111-2222-4333-8444-555555555555",
        "key": "key-of-the-person",
    },
}
ENVIRONMENT = {"environments": [{"name": "contoso", "scim_enabled": False}]}


@pytest.fixture
def request_(tmp_path: Path) -> Iterator[Request]:
    """A request for a twin on a free port, whose twin ends with the test."""
    made = Request(directory=tmp_path / "twin", port=0, seed="none")
    yield made
    holder = Place(made.directory).holder()
    if holder:
        os.kill(holder, signal.SIGCONT)
        bring(replace(made, state="absent"))


def modes(directory: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in directory.rglob("*")}


def test_a_second_start_and_a_second_stop_change_nothing(request_: Request) -> None:
    first = bring(request_)
    assert first["changed"]
    again = bring(request_)
    assert (again["changed"], again["messages"], again["pid"], again["url"]) == (False, [], first["pid"], first["url"])
    stop = replace(request_, state="stopped")
    assert bring(stop)["messages"] == ["The twin was stopped."]
    assert (bring(stop)["changed"], status(request_.directory)["running"]) == (False, False)
    remove = replace(request_, state="absent")
    assert bring(remove)["messages"] == ["Its files were removed."]
    assert not request_.directory.exists()
    assert not bring(remove)["changed"]


def test_the_data_and_the_keys_stay_until_the_files_are_removed(request_: Request) -> None:
    bring(replace(request_, seed=ENVIRONMENT))
    keys = Place(request_.directory).keys()
    bring(replace(request_, state="stopped"))
    back = bring(replace(request_, seed="contoso"))
    assert list(back["environments"]) == ["contoso"]
    assert back["tenants"] == [], "a twin that has data was seeded"
    assert Place(request_.directory).keys() == keys
    fresh = bring(replace(request_, fresh=True, seed="contoso"))
    assert (fresh["changed"], list(fresh["environments"]), len(fresh["tenants"])) == (True, [], 1)
    assert Place(request_.directory).keys() == keys


def test_only_the_owner_reads_the_credentials_and_nobody_sees_them(request_: Request) -> None:
    result = bring(replace(request_, definitions=(DEFINITION,), switches={"html_errors": True}, with_state=True))
    keys = [*Place(request_.directory).keys().values(), "key-of-the-person"]
    assert len(set(keys)) == 4
    assert {name: mode for name, mode in modes(request_.directory).items() if mode not in (0o600, 0o700)} == {}
    assert request_.directory.stat().st_mode & 0o777 == 0o700
    command = subprocess.run(
        ["ps", "-p", str(result["pid"]), "-o", "args="], capture_output=True, text=True, check=True
    )
    shown = json.dumps(result) + command.stdout + (request_.directory / "twin.log").read_text(encoding="utf-8")
    assert [key for key in keys if key in shown] == []
    assert "sha256" not in json.dumps(result)
    ready = json.loads((request_.directory / "ready.json").read_text(encoding="utf-8"))
    assert (ready["tenant"], ready["environment"]) == ("fabrikam.com", "fabrikam")
    variables = (request_.directory / "env.sh").read_text(encoding="utf-8")
    assert f"export W365_ENTRA_CLIENT_SECRET={ready['client_secret']}\n" in variables


def test_it_listens_on_this_machine_only(request_: Request) -> None:
    port = int(bring(request_)["url"].rpartition(":")[2])
    addresses = {
        row.split()[1].rpartition(":")[0]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for row in Path(table).read_text(encoding="ascii").splitlines()[1:]
        if row.split()[3] == "0A" and int(row.split()[1].rpartition(":")[2], 16) == port
    }
    assert addresses == {"0100007F"}, "127.0.0.1 in the byte order of the machine"


def test_check_mode_says_what_would_be_done_and_does_nothing(request_: Request) -> None:
    check = replace(request_, check=True, definitions=(DEFINITION,), scim=("fabrikam",))
    said = bring(check)
    assert said["changed"]
    assert said["messages"] == [
        "The twin would be started on 127.0.0.1, any free port.",
        "Microsoft Entra would get what the description of fabrikam needs.",
        "SCIM would be switched on in the environment fabrikam.",
    ]
    assert not request_.directory.exists()
    bring(replace(request_, seed=ENVIRONMENT))
    before = status(request_.directory, with_state=True)
    files = {
        path: path.read_bytes() for path in request_.directory.iterdir() if path.suffix in (".json", ".sh", ".lock")
    }
    said = bring(replace(check, switches={"html_errors": True}, scim=("contoso",)))
    assert said["messages"] == [
        "Switches would be set: html_errors.",
        "Microsoft Entra would get 2 domains, 2 applications, 4 users, 1 group for fabrikam.",
        "SCIM would be switched on in the environment contoso.",
    ]
    assert bring(replace(check, state="stopped"))["messages"] == ["The twin would be stopped."]
    assert bring(replace(check, state="absent"))["changed"]
    assert bring(replace(request_, check=True, fresh=True))["messages"] == ["All data would be replaced."]
    assert status(request_.directory, with_state=True) == before
    assert {path: path.read_bytes() for path in files} == files


def test_what_check_mode_announced_is_what_is_done_and_then_nothing_is_left(request_: Request) -> None:
    bring(replace(request_, seed=ENVIRONMENT))
    whole = replace(request_, definitions=(DEFINITION,), switches={"html_errors": True}, scim=("contoso",))
    announced = [sentence.replace("would get", "got").replace("would be", "were") for sentence in
                 bring(replace(whole, check=True))["messages"]]  # fmt: skip
    done = [sentence.replace("was switched", "were switched") for sentence in bring(whole)["messages"]]
    assert done == announced
    assert bring(whole)["messages"] == []
    assert bring(replace(whole, check=True))["messages"] == []


def test_scim_is_on_with_a_key_that_works(request_: Request) -> None:
    result = bring(replace(request_, seed=ENVIRONMENT, scim=("contoso",)))
    kept = json.loads(Path(result["scim_file"]).read_text(encoding="utf-8"))["contoso"]
    headers = {"Authorization": f"Bearer {kept['scim_token']}"}
    answer = requests.get(f"{kept['scim_url']}/Users", headers=headers, verify=result["ca_path"], timeout=30)
    assert answer.status_code == 200
    assert kept["scim_token"] not in json.dumps(result)
    with pytest.raises(StartError, match=r"the environment 'other', which does not exist. There are: contoso"):
        bring(replace(request_, scim=("other",)))


@pytest.mark.parametrize("check", [False, True])
def test_a_port_that_somebody_else_has_is_refused(request_: Request, check: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is in use"):
            bring(replace(request_, port=port, check=check))
    assert not status(request_.directory)["running"]


def test_the_twin_of_another_directory_has_its_port(request_: Request, tmp_path: Path) -> None:
    port = int(bring(request_)["url"].rpartition(":")[2])
    with pytest.raises(StartError, match=f"port {port} on 127.0.0.1 is in use"):
        bring(Request(directory=tmp_path / "other", port=port))
    with pytest.raises(StartError, match=f"already runs on 127.0.0.1, port {port}, and port 1 was asked for"):
        bring(replace(request_, port=1))
    with pytest.raises(StartError, match=r"and address 0\.0\.0\.0 was asked for"):
        bring(replace(request_, host="0.0.0.0"))


@pytest.mark.parametrize("name", ["notes.txt", "ready.json", "tls"])
def test_a_directory_of_somebody_else_is_left_alone(request_: Request, name: str) -> None:
    request_.directory.mkdir()
    (request_.directory / name).write_text("{}", encoding="utf-8")
    for check in (True, False):
        with pytest.raises(StartError, match=f"holds {name} and belongs to no twin"):
            bring(replace(request_, check=check))
    assert not bring(replace(request_, state="absent"))["changed"]
    assert [path.name for path in request_.directory.iterdir()] == [name]


def test_removing_leaves_the_files_of_others(request_: Request) -> None:
    bring(request_)
    (request_.directory / "notes.txt").write_text("mine", encoding="utf-8")
    bring(replace(request_, state="absent"))
    assert [path.name for path in request_.directory.iterdir()] == ["notes.txt"]


def test_a_twin_that_was_killed_is_started_again(request_: Request) -> None:
    first = bring(replace(request_, seed=ENVIRONMENT))
    os.kill(first["pid"], signal.SIGKILL)
    while Place(request_.directory).holder() is not None:
        pass
    assert (request_.directory / "ready.json").exists(), "it had no time to remove it"
    assert not status(request_.directory)["running"]
    assert not bring(replace(request_, state="stopped"))["changed"]
    second = bring(request_)
    assert second["changed"]
    assert second["pid"] != first["pid"]
    assert list(second["environments"]) == ["contoso"]


@pytest.mark.slow
def test_a_twin_that_does_not_answer_is_not_taken_for_one_that_runs(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.kill(bring(request_)["pid"], signal.SIGSTOP)
    monkeypatch.setattr(background, "ANSWER_LIMIT", 0.5)
    monkeypatch.setattr(background, "STOP_LIMIT", 0.5)
    with pytest.raises(StartError, match=r"runs in .* as process \d+, but it does not answer"):
        bring(request_)
    with pytest.raises(StartError, match="does not answer"):
        status(request_.directory)
    assert bring(replace(request_, state="stopped"))["changed"], "by force"
    assert Place(request_.directory).holder() is None


@pytest.mark.slow
def test_a_running_twin_without_its_file_is_not_started_twice(
    request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(request_)
    (request_.directory / "ready.json").unlink()
    monkeypatch.setattr(background, "START_LIMIT", 0.5)
    with pytest.raises(StartError, match=r"but its file ready\.json is missing"):
        bring(request_)
    assert bring(replace(request_, state="stopped"))["changed"]


def test_two_starts_at_the_same_time_are_one_twin(request_: Request, repository: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(repository / "tests/simulator")}
    command = [
        sys.executable,
        "-m",
        "w365_simulator",
        "start",
        "--directory",
        str(request_.directory),
        "--port",
        "0",
        "--json",
    ]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environ, text=True) for _ in range(3)]
    results = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert len({result["pid"] for result in results}) == 1
    assert sorted(result["changed"] for result in results) == [False, False, True]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"switches": {"html_error": True}}, "there is no switch 'html_error'"),
        ({"switches": {"page_size": -1}}, "takes no negative number"),
        ({"switches": {"environment_list": "all"}}, "takes one of objects"),
        ({"profile": "half"}, "a profile is one of documented, full"),
        ({"state": "running"}, "is one of started, stopped, absent"),
        ({"port": 70000}, "a port is a number from 0 to 65535"),
        ({"seed": "nothing"}, "there is no seed 'nothing'"),
        ({"seed": {"tenant": []}}, "seed has no field 'tenant'"),
        ({"definitions": ({"users": []},)}, "it is unknown which Microsoft tenant"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_is_wrong_is_said_before_anything_is_done(
    request_: Request, change: dict[str, Any], sentence: str, check: bool
) -> None:
    with pytest.raises(StartError, match=sentence):
        bring(replace(request_, check=check, **change))
    assert not request_.directory.exists()


def test_a_library_that_is_missing_is_named(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(background.NEEDED, "no_such_module", "no-such-package")
    with pytest.raises(
        StartError, match=r"the twin needs no-such-package, which .* does not have. Install the package"
    ):
        bring(request_)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"provisioning_key": "x"}'])
def test_damaged_credentials_are_refused_and_kept(request_: Request, content: str) -> None:
    bring(request_)
    bring(replace(request_, state="stopped"))
    (request_.directory / "credentials.json").write_text(content, encoding="utf-8")
    with pytest.raises(StartError, match=r"credentials\.json"):
        bring(request_)
    assert (request_.directory / "credentials.json").read_text(encoding="utf-8") == content
