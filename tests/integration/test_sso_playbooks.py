# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks about single sign-on for one and for many tenants: rotate_sso_secrets, change_sso and audit_sso.

Real ansible-playbook runs over an inventory with three environments. Who was touched is read from the twin's log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from playing import COLLECTION, Play, connection
from w365_simulator.testing import Twin

TENANTS = ("contoso", "fabrikam", "lab")
GROUP = "w365_environments"
QUICK = {"replication_timeout": 0, "activation_timeout": 0}
DAY = 86_400
TWINS_SECRET = "8Q~"
"""It is in every secret that the twin makes up."""

Run = Callable[..., Play]


def prepare(twin: Twin, *names: str) -> dict[str, dict[str, Any]]:
    """Single sign-on of these environments, each with an app registration of its own; what the module returned."""
    twin.seed({"environments": [{"name": name, "users": []} for name in TENANTS if name != "contoso"]})
    made = {}
    for name in names:
        options = {**connection(twin, name), "primary_domain": "contoso.com", **QUICK}
        made[name] = in_process.run("w365_sso_app", options)
        assert not made[name].get("failed"), made[name]["msg"]
    twin.clear_requests()
    return made


def inventory(tmp_path: Path, twin: Twin, hosts: Sequence[str] = TENANTS, **of_all: Any) -> Path:
    """One host for each environment, as the head of the playbooks describes it."""
    common = {f"w365_{name}": value for name, value in connection(twin, None).items() if name != "entra_tenant"}
    variables = {
        name: {"w365_environment": name, "w365_entra_tenant": twin.tenant, **of_all.pop(name, {})} for name in hosts
    }
    definition = {"primary_domain": "contoso.com", "app": QUICK}
    content = {
        GROUP: {"vars": {"w365_sso_definition": definition, **common, **of_all}, "hosts": variables},
        "others": {"hosts": {"elsewhere": {}}},
    }
    path = tmp_path / "inventory.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def run(tmp_path: Path, twin: Twin, play: Callable[..., Play]) -> Run:
    def started(playbook: str, *words: str, hosts: dict[str, Any] | None = None, **variables: Any) -> Play:
        path = inventory(tmp_path, twin, **(hosts or {}))
        arguments = ["-i", str(path), *words, "-e", json.dumps(variables), f"{COLLECTION}.{playbook}"]
        return play(arguments=arguments)

    return started


def lines_of(played: Play, name: str) -> list[str]:
    """What the last task with this name has shown."""
    found: list[str] = [step for step in played if step.name == name][-1].result["msg"]
    return found


def keys(twin: Twin) -> dict[str, str]:
    """The digest of the key that each environment has."""
    return {name: (twin.environment(name)["sso"] or {}).get("key_sha256", "") for name in TENANTS}


def touched(twin: Twin, name: str) -> bool:
    """Whether a request was about this environment of Workspace 365, or its app registration in Microsoft Graph."""
    return any(f"/{name}/" in one["path"] for one in twin.requests())


# Rotating


def rotated(played: Play) -> list[str]:
    return lines_of(played, "Show what became of each tenant")


def test_all_are_renewed_when_due_and_nothing_on_the_next_night(twin: Twin, run: Run) -> None:
    prepare(twin, *TENANTS)
    before = keys(twin)
    night = run("rotate_sso_secrets")
    assert night.code == 0, night.output
    assert "changed=0" in night.output
    assert twin.writes() == []
    assert [line.split(",")[0] for line in rotated(night)[:3]] == [f"{name}: not due" for name in TENANTS]
    twin.move_clock(advance=340 * DAY)
    check = run("rotate_sso_secrets", "--check", "-vvvv")
    assert check.code == 0, check.output
    assert keys(twin) == before
    assert rotated(check)[0].startswith("contoso: would be rotated (the secret expires in ")
    done = run("rotate_sso_secrets", "-vvvv", "--diff", "--limit", "contoso,lab")
    assert done.code == 0, done.output
    assert [line.split(" ")[1] for line in rotated(done)[:2]] == ["rotated", "rotated"]
    after = keys(twin)
    assert after["fabrikam"] == before["fabrikam"]
    assert all(after[name] != before[name] for name in ("contoso", "lab"))
    assert TWINS_SECRET not in check.output + done.output
    twin.move_clock(offset=0)


# Auditing


def report_of(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_audit(twin: Twin, run: Run, tmp_path: Path) -> None:
    pass


# Changing

def change(play: Run, twin: Twin, *words: str, **variables: Any) -> Play:
    environ = {f"W365_{name.upper()}": str(value) for name, value in connection(twin).items()}
    return play(arguments=[*words, "-e", json.dumps(variables), f"{COLLECTION}.change_sso"], environ=environ)


def test_change(twin: Twin, play: Run) -> None:
    values = {"w365_sso_primary_domain": "contoso.com", "w365_sso_client_id": "00000000-0000-4000-8000-0000000000b2", "w365_sso_key": "sso-demo-secret-of-the-twin"}
    played = change(play, twin, "-vvvv", **values)
    print(played.output[-5000:])
    played = change(play, twin, "-vvvv", **values, w365_sso_skip_checks="redirect,consent")
    print(played.output[-5000:])
    played = change(play, twin, "-vvvv", w365_sso_definition={"primary_domain": "contoso.com", "app": QUICK})
    print(played.output[-5000:])
    assert 0
