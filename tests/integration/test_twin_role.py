# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role w365_twin: what it does is what check mode says, once, and no output holds a credential."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from w365_simulator.background import Place, Request, bring

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = {
    "environment": {
        "name": "fabrikam",
        "administrator": {"email": "allan.deyoung@fabrikam.com", "first_name": "Allan", "last_name": "Deyoung"},
    },
    "sso": {
        "primary_domain": "fabrikam.com",
        "client_id": "11111111-2222-4333-8444-555555555555",
        "key": "key-of-the-person",
    },
    "o365_import": {"groups": ["Sales and Marketing"]},
}
SEED = {"environments": [{"name": "contoso", "scim_enabled": False}]}


class Play:
    """Plays the role, several times in one run."""

    def __init__(self, folder: Path, simulator: str) -> None:
        self.folder = folder
        self.directory = folder / "twin"
        self.simulator = simulator

    def run(
        self, *rounds: dict[str, Any], words: tuple[str, ...] = (), code: int = 0
    ) -> tuple[list[dict[str, Any]], str]:
        """Play the role once for each dictionary of variables; return the result of each, and the output."""
        kept = [self.folder / f"result-{number}.json" for number in range(len(rounds))]
        tasks: list[dict[str, Any]] = []
        for path, variables in zip(kept, rounds, strict=True):
            path.unlink(missing_ok=True)
            given = {"directory": str(self.directory), "port": 0, **variables}
            tasks += [
                {
                    "name": "Play the role",
                    "ansible.builtin.include_role": {"name": "workspace365.provisioning.w365_twin"},
                    "vars": {f"w365_twin_{name}": value for name, value in given.items()},
                },
                {
                    "name": "Keep its result",
                    "ansible.builtin.copy": {
                        "content": "{{ w365_twin_result | to_json }}",
                        "dest": str(path),
                        "mode": "0600",
                    },
                    "check_mode": False,
                    "changed_when": False,
                },
            ]
        play = [{"name": "Play", "hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}]
        (self.folder / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": self.simulator, "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "play.yml", *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert (done.returncode == 0) == (code == 0), output[-5000:]
        return [json.loads(path.read_text(encoding="utf-8")) for path in kept if path.exists()], output


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    made = Play(tmp_path, str(ROOT / "tests" / "simulator"))
    yield made
    if Place(made.directory).holder():
        bring(Request(state="absent", directory=made.directory))


def changed(output: str) -> int:
    return int(re.findall(r"changed=(\d+)", output)[-1])


def error(output: str) -> str:
    return " ".join(output.split())


@pytest.mark.slow
def test_check_mode_then_for_real_then_nothing_more(play: Play) -> None:
    whole = {"seed": SEED, "definition": DEFINITION, "switches": {"html_errors": True}, "scim": ["contoso"]}
    (said,), output = play.run(whole, words=("--check",))
    assert said["changed"]
    assert not said["running"]
    assert "The twin would be started on 127.0.0.1, any free port." in output
    assert not play.directory.exists()
    results, output = play.run(whole, whole, {"return_state": True}, words=("-vvvv",))
    assert changed(output) == 1
    first, again, shown = results
    assert [result["changed"] for result in results] == [True, False, False]
    assert again["pid"] == first["pid"]
    assert {name: one["scim_enabled"] for name, one in first["environments"].items()} == {"contoso": True}
    assert first["tenants"][0]["domains"] == ["fabrikam.com", "fabrikam.onmicrosoft.com"]
    assert "Sales and Marketing" in next(iter(shown["state"]["tenants"].values()))["groups"]
    keys = [*Place(play.directory).keys().values(), "key-of-the-person"]
    keys.append(json.loads((play.directory / "scim.json").read_text(encoding="utf-8"))["contoso"]["scim_token"])
    assert [key for key in keys if key in output or key in json.dumps(results)] == []
    (said,), output = play.run({**whole, "fresh": True}, words=("--check", "--diff"))
    assert "All data would be replaced." in output
    assert said["environments"] == first["environments"]


@pytest.mark.slow
def test_stopping_and_removing_twice(play: Play) -> None:
    stop, remove = {"state": "stopped"}, {"state": "absent"}
    results, output = play.run({}, stop, stop, {}, remove, remove)
    assert [result["changed"] for result in results] == [True, True, False, True, True, False]
    assert changed(output) == 4
    assert not play.directory.exists()


@pytest.mark.slow
def test_a_missing_package_is_said_with_what_to_do(play: Play) -> None:
    play.simulator = ""
    for words in ((), ("--check",)):
        _, output = play.run({}, words=words, code=2)
        assert "does not have the twin, the package workspace365-twin. Install it there" in error(output)
        assert "pip install tests/simulator" in output
    _, output = play.run({"python": "/no/such/python"}, code=2)
    assert "/no/such/python could not run the twin, and what there is now is unknown" in error(output)
    assert not play.directory.exists()


@pytest.mark.slow
def test_refusals_are_sentences_without_secrets(play: Play) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for words in ((), ("--check",)):
            _, output = play.run({"port": port, "definition": DEFINITION}, words=words, code=2)
            assert f"Port {port} on 127.0.0.1 is in use. Stop what listens there" in error(output)
            assert "key-of-the-person" not in output
    play.directory.mkdir(exist_ok=True)
    for variables, sentence in (
        ({"switches": {"html_error": True}}, "There is no switch 'html_error'"),
        ({"switches": "html_errors"}, "w365_twin_switches is no dictionary"),
        ({"state": "running"}, "The state of a twin is one of started, stopped, absent; it was 'running'"),
        ({"seed": {"environments": [{"name": "a", "scim_token": {"x": "hidden-key"}}]}}, "scim_token is a text"),
    ):
        _, output = play.run(variables, code=2)
        assert sentence in error(output)
        assert "hidden-key" not in output
