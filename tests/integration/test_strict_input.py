# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Options are spread into calls; mypy cannot tell them from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Files and arguments that YAML, a spreadsheet or a copy has changed, in whole tasks: nothing is written after bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible

import in_process
from playing import COLLECTION, Play, connection, task
from w365_simulator.testing import Twin

FIELD = Path(__file__).parents[1] / "unit/plugins/module_utils/_w365/inputs/field"
NATIVE = tuple(map(int, ansible.__version__.split(".")[:2])) >= (2, 19)
"""Whether a template that is a whole option keeps the type of its value."""

VICTOR = {"upn": "victor.known@contoso.com", "first_name": "Victor", "last_name": "Known", "external_id": "516"}
Player = Callable[..., Play]

TASKS = f"""
- name: octal
  {COLLECTION}.w365_user: {{upn: nora.newhire@contoso.com, first_name: Nora, last_name: Newhire, external_id: 001004}}
- name: surname
  {COLLECTION}.w365_user: {{upn: minjun.no@contoso.com, first_name: Minjun, last_name: No}}
- name: date
  {COLLECTION}.w365_group: {{name: 2024-01-01}}
- name: members
  {COLLECTION}.w365_group: {{name: Retail, members: {{set: [0777, ~]}}}}
- name: nested
  {COLLECTION}.w365_directory:
    users:
      - {{upn: a@contoso.com, first_name: On, last_name: B, password: 123456}}
- name: defaults
  {COLLECTION}.w365_user: {{upn: a@contoso.com, first_name: A, last_name: B}}
  module_defaults: {{group/{COLLECTION}.w365: {{environment: 365}}}}
- name: loop
  {COLLECTION}.w365_group: {{name: "{{{{ item.name }}}}", members: {{set: ["{{{{ item.number }}}}"]}}}}
  loop: [{{name: Sales, number: 12}}]
"""

FINE = f"""
- name: quoted
  {COLLECTION}.w365_user: {{upn: nora.newhire@contoso.com, first_name: Nora, last_name: 'No', external_id: '001004'}}
- name: key and value
  {COLLECTION}.w365_user: upn=lee.gu@contoso.com first_name=Lee last_name=No external_id=0012
- name: filter
  {COLLECTION}.w365_user: {{upn: alex.wilber@contoso.com, first_name: Alex, last_name: W, external_id: "{{{{ 516 | string }}}}"}}
- name: omitted
  {COLLECTION}.w365_directory:
    users: [{{upn: adele.vance@contoso.com, first_name: Adele, last_name: Vance, email: "{{{{ omit }}}}", external_id: !unsafe "{{{{"}}]
- name: comma
  {COLLECTION}.w365_group: {{name: "Sales, EMEA", members: {{add: [lee.gu@contoso.com]}}}}
- name: groups
  {COLLECTION}.w365_directory:
    groups: [{{name: "Retail, Sales", members: {{set: [lee.gu@contoso.com]}}}}]
    purge: [memberships]
    purge_scope: {{groups: ["Retail, Sales"]}}
    purge_limit: 5
"""


def test_arguments_that_are_no_texts(play: Player, twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(TASKS, encoding="utf-8")
    done = play(
        {
            "block": [{"ansible.builtin.import_tasks": str(tmp_path / "bad.yml")}],
            "ignore_errors": True,
        },
        defaults=connection(twin, scim=True),
    )
    said = {step.name: " ".join(step.message.split()) for step in done}
    assert "Option external_id is 516, a number and no text" in said["octal"]
    assert "Option last_name is False, a truth value and no text" in said["surname"]
    assert "Option name is 2024-01-01, a date and no text" in said["date"]
    assert "members.set (entry 1) is 511, a number and no text; Option members.set (entry 2) is null" in said["members"]
    assert "users.first_name (entry 1) is True" in said["nested"]
    assert "users.password (entry 1) is a number and no text" in said["nested"]
    assert "123456" not in said["nested"]
    assert "Option environment is 365" in said["defaults"]
    loop = next(step for step in done if step.name == "loop")
    assert ("members.set (entry 1) is 12" in str(loop.result)) is NATIVE
    assert all("Put the value in quotes" in said[name] for name in said if name != "loop")
    assert twin.writes() == []


def test_arguments_of_everyday_work(play: Player, twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "fine.yml").write_text(FINE, encoding="utf-8")
    done = play({"ansible.builtin.import_tasks": str(tmp_path / "fine.yml")}, defaults=connection(twin, scim=True))
    assert [(step.name, step.changed) for step in done] == [
        (name, True) for name in ("quoted", "key and value", "filter", "omitted", "comma", "groups")
    ], done.output
    groups = done[-1].environment()["groups"]
    assert {"Sales, EMEA", "Retail, Sales"} <= set(groups)


def test_files_that_yaml_has_changed(play: Player, twin: Twin, tmp_path: Path) -> None:
    """The person with the number 516 keeps the account, and half a list removes nobody."""
    everybody = {"purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}, "purge_limit": "100%"}
    everybody["protected_users"] = ["allan.deyoung@contoso.com"]
    refused = ("octal-hijack.yml", "two-lists-purge.yml", "two-lists.json", "half-emoji.json", "zero-width.csv")
    made, *failed, left = play(
        task("w365_user", **VICTOR),
        *(task("w365_directory", title=name, src=str(FIELD / name), **everybody) for name in refused),
        task("w365_directory", src=str(FIELD / "entra-download.csv")),
        defaults=connection(twin, scim=True),
    )
    assert made.changed
    for name, step in zip(refused, failed, strict=True):
        assert step.status == "failed", name
        assert f"{name}, line " in step.message
        assert step.writes == [], name
        assert "victor.known@contoso.com" in step.environment()["users"], name
    assert left.changed
    assert [item["name"] for item in left.result["left_out"]] == [
        "info@contoso.com", "room1@contoso.com", "room2@contoso.com",
    ]  # fmt: skip
    assert "(entra-download.csv, line 4)" in left.result["left_out"][1]["reason"]
    assert left.result["unused_columns"] == {"entra-download.csv": ["displayName", "userType"]}
    assert left.result["summary"]["left_out"] == 3


def test_an_export_with_object_ids_renames(twin: Twin) -> None:
    """A changed UPN is the same person; and who was left out of the file is not purged."""
    connected = connection(twin, scim=True)
    person = {"upn": "joni.sherman@contoso.com", "first_name": "Joni", "last_name": "Sherman-Lee"}
    external_id = "00000000-0000-4000-8001-000000000008"
    in_process.run("w365_user", {**connected, **person, "external_id": external_id})
    in_process.run("w365_user", {**connected, "upn": "room1@contoso.com", "first_name": "Room", "last_name": "1"})
    run: dict[str, Any] = {**connected, "src": [str(FIELD / "entra-download-objectid.csv")]}
    result = in_process.run("w365_directory", run)
    assert result["summary"] == {"user_update": 1, "unchanged": 0, "left_out": 0}
    names = twin.state()["environments"]["contoso"]["users"]
    assert "joni.sherman-lee@contoso.com" in names
    assert "joni.sherman@contoso.com" not in names
    purge = {"purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}, "purge_limit": "100%"}
    purge["protected_users"] = ["allan.deyoung@contoso.com"]
    done = in_process.run("w365_directory", {**connected, "src": [str(FIELD / "entra-download.csv")], **purge})
    removed = {item["name"] for item in done["results"] if item["action"] == "delete"}
    assert removed
    assert "room1@contoso.com" not in removed
    assert "joni.sherman-lee@contoso.com" in removed
    assert "unused_columns" in done


def test_half_of_a_character_in_any_option_is_refused(twin: Twin) -> None:
    """Before the first request; the value is not shown."""
    connected = connection(twin, scim=True)
    for module, given, option in (
        ("w365_user", {"upn": "a@contoso.com", "job_title": "Head \ud83d"}, "job_title"),
        ("w365_group", {"name": "Sales", "description": "\udc00 x"}, "description"),
        ("w365_directory", {"users": [{"upn": "a@contoso.com", "password": "geheim\ud83d"}]}, "users.password"),
        ("w365_api", {"path": "/x", "method": "POST", "body": {"a": ["\ud83d"]}}, "body.a"),
    ):
        result = in_process.run(module, {**connected, **given})
        assert result["failed"]
        assert f"Option {option} holds U+D" in result["msg"]
        assert "geheim" not in result["msg"]
    assert twin.writes() == []
