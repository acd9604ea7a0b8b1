# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks about single sign-on pass every option of their modules on, and run where their heads say."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
MODULES = "ansible_collections.workspace365.provisioning.plugins.modules"
NAMESPACE = "workspace365.provisioning."

# What a playbook decides itself: the secret is managed and linked, no text of it is returned, and nothing is taken down.
DECIDED = {"secret", "link", "return_secret", "state", "check_others"}
FLEET = ("rotate_sso_secrets", "audit_sso")


def options(module: str) -> set[str]:
    return set(importlib.import_module(f"{MODULES}.{module}").ARGUMENT_SPEC)


def read(name: str) -> Any:
    return yaml.safe_load((PLAYBOOKS / name).read_text(encoding="utf-8"))


def tasks_of(entries: list[Any]) -> Iterator[dict[str, Any]]:
    """Every task, also in plays and blocks."""
    for entry in entries:
        yield entry
        for key in ("tasks", "block", "rescue", "always"):
            yield from tasks_of(entry.get(key, []))


def passed(name: str, module: str) -> set[str]:
    """The options that the tasks of a file give to this module."""
    return {key for task in tasks_of(read(name)) for key in task.get(f"{NAMESPACE}{module}") or {}}


def test_every_option_is_passed_on() -> None:
    assert passed("tasks/keep_sso_app.yml", "w365_sso_app") == options("w365_sso_app") - DECIDED
    assert passed("change_sso.yml", "w365_sso") == options("w365_sso")


def test_the_keys_of_an_app_are_its_options() -> None:
    """A key that is none of them is refused, so that a misspelled one is not overlooked."""
    known = set(read("vars/sso.yml")["sso_app_options"])
    assert known == options("w365_sso_app") - DECIDED - {"authority", "primary_domain"}


def test_what_is_read_is_read_with_the_same_options() -> None:
    """Otherwise the audit would compare with something else than what is kept."""
    for name in ("rotate_sso_secrets.yml", "audit_sso.yml"):
        given = passed(name, "w365_sso_app_info")
        assert given | {"guest_and_alias_login"} == options("w365_sso_app_info"), name


OF_MANY = sorted(
    path.relative_to(PLAYBOOKS).as_posix()
    for path in PLAYBOOKS.rglob("*.yml")
    if re.search(r"^  hosts: .*w365_hosts", path.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", OF_MANY)
def test_the_pattern_of_an_inventory_is_refused_first(name: str) -> None:
    """The end of a run has no hosts of its own: they are those of the plays before."""
    first, *_others = read(name)
    if name != "plays/fleet_end.yml":
        found = first["tasks"][0]["ansible.builtin.import_tasks"]
        assert (found["file"] if isinstance(found, dict) else found).endswith("tasks/check_hosts.yml")


def test_every_playbook_for_many_environments_is_found() -> None:
    assert len(OF_MANY) == 9


@pytest.mark.parametrize("name", FLEET)
def test_a_fleet_runs_where_its_head_says(name: str) -> None:
    """On hosts of its own and never on localhost by itself; and a last play sees when no host matched."""
    first, imported = read(f"{name}.yml")
    assert imported["ansible.builtin.import_playbook"] == "plays/whole_run.yml"
    (last,) = read("plays/whole_run.yml")
    assert re.search(r"given\('w365_environments'\)", first["hosts"])
    assert last["hosts"] == "all:localhost"
    assert {play["strategy"] for play in (first, last)} == {"linear"}, "run_once means nothing to others"
    for play in (first, last):
        assert (play["connection"], play["gather_facts"], play["become"]) == ("local", False, False)
    assert len(last["tasks"]) == 3
    for guard in last["tasks"]:
        assert (guard["run_once"], guard["tags"]) == (True, ["always"])


def test_what_a_server_said_is_not_run_as_a_template() -> None:
    """Before ansible-core 2.19 a template in ansible_failed_result is run; a registered result is safe."""
    for path in [*PLAYBOOKS.glob("*sso*.yml"), *PLAYBOOKS.glob("tasks/*sso*.yml")]:
        for task in tasks_of(read(str(path.relative_to(PLAYBOOKS)))):
            text = str(task.get("ansible.builtin.debug") or task.get("ansible.builtin.fail") or "")
            if "ansible_failed_result" in text and path.stem != "audit_sso":
                assert "result.msg if" in text, path.name
            assert "ansible_failed_result" not in str(task.get("ansible.builtin.set_fact", "")), path.name
