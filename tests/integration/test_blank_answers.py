# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Blank extra variables, which a survey sends for unanswered questions, count as not given: in every role and playbook."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    connection_option_names,
)
from pattern import ADELE, ALLAN, NESTOR, PATTI, same
from playing import COLLECTION, ROOT, Play, connection, slow
from test_roles import SSO, role, the_report
from w365_simulator.testing import Twin

BLANKS = [pytest.param("", id="empty"), slow("   ", id="blanks"), slow(None, id="null")]
NEW = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}


def optional_variables() -> Iterator[str]:
    """Every variable of every role that may be left out."""
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        options = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
        yield from (name for name, option in options.items() if not option.get("required"))


def lab(twin: Twin) -> dict[str, Any]:
    """The definition of a second customer."""
    scim = {"scim_url": twin.scim_url("lab"), "scim_token": twin.scim_token}
    return {"environment": {"name": "lab"}, "sso": SSO, **scim}


def surfaces(played: Play) -> set[str]:
    """Which services the modules have asked about users and groups."""
    paths = [request["path"] for step in played for request in step.requests]
    return {"scim" if "/scim/" in path else "provisioning" for path in paths if "/User" in path or "/Group" in path}


@pytest.mark.parametrize("blank", BLANKS)
def test_every_variable_of_every_role(blank: Any, twin: Twin, play: Callable[..., Play]) -> None:
    """All at once, as extra variables: the roles do what they do without them, over the same wire."""
    twin.seed({"environments": [{"name": "lab", "users": []}]})
    variables = dict.fromkeys(optional_variables(), blank)
    assert len(variables) > 30
    emea = {"domains": ["emea.contoso.com"]}
    customer = {"name": "contoso", **connection(twin, scim=True), "import": emea}
    tasks = [
        role("w365_environment", definition={"name": "contoso", "active": True}),
        role("w365_sso", definition=SSO),
        role("w365_users"),
        role("w365_groups"),
        role("w365_admins", definition={"add": [ALLAN]}),
        role("w365_directory", definition={"users": [NEW]}),
        role("w365_o365_import", definition=emea),
        role("w365_permission_profiles", definition={"profiles": [{"name": "EMEA", "group": "EMEA Office"}]}),
        role("w365_scim", definition={"delete_guard": False, "replication_timeout": 4}),
        role("w365_sync", configurations=[customer]),
        # The names that this role passes on are hidden by nothing.
        role("w365_tenant", definition=lab(twin)),
    ]
    played = play(*tasks, defaults=connection(twin, scim=True), arguments=["-e", json.dumps(variables)])
    assert played.code == 0, played.output
    same(twin.environment("contoso")["users"][ADELE]["first_name"], "Adele", "the new user")
    same(list(twin.environment("contoso")["groups"]), ["EMEA Office"], "groups")
    assert twin.environment("lab")["sso"], "the tenant's single sign-on went elsewhere"
    same(surfaces(played) - {"provisioning"}, {"scim"}, "wires")
    directory = [step for step in played if step.name.endswith("to their desired state") and step.writes]
    same({"/scim/" in path for step in directory for _method, path in step.writes}, {True}, "wire of the new user")


@pytest.mark.slow
def test_answers_as_texts(twin: Twin, play: Callable[..., Play]) -> None:
    """What a survey makes of numbers and booleans; what is neither is refused before anything is asked."""
    customer = {"name": "contoso", **connection(twin, scim=True), "import": {"domains": ["emea.contoso.com"]}}
    good = {"side_by_side": " 2 ", "timeout": "600", "poll": "1", "install": "no", "purge": "off"}
    played = play(role("w365_sync", configurations=[customer], **good))
    assert played.code == 0, played.output
    twin.clear_requests()
    for name, value in (("timeout", "25 %"), ("install", "perhaps"), ("state", "gone"), ("side_by_side", "many")):
        played = play(role("w365_sync", configurations=[customer], **{"install": "yes", "systemd": False, name: value}))
        assert played.code != 0, name
        assert f"w365_sync_{name} is '{value}': give " in played.output
    same(twin.requests(), [], "requests")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("w365_users", [NEW, {"first_name": "Nestor"}], "entry 2: missing required arguments: upn"),
        (
            "w365_users",
            [{**NEW, "passwort": "planted-password"}],
            "entry 1 (adele.vance@contoso.com): there is no key 'passwort', did you mean 'password'",
        ),
        (
            "w365_groups",
            [{"name": "Retail", "members": {"sett": []}}],
            "entry 1 (Retail) members: there is no key 'sett', did you mean 'set'",
        ),
    ],
)
def test_lists_are_still_checked(name: str, value: Any, said: str, twin: Twin, play: Callable[..., Play]) -> None:
    """Before the first of them is written, and without the values."""
    played = play(role(name, list=value), defaults=connection(twin, scim=True))
    assert played.code != 0
    assert said in " ".join(played.output.split())
    assert "planted-password" not in played.output
    same(twin.writes(), [], "writes")


def environ(twin: Twin) -> dict[str, str]:
    """The connection as a credential of AWX injects it."""
    return {f"W365_{name.upper()}": str(value) for name, value in connection(twin, scim=True).items()}


def blank_connection(blank: Any) -> dict[str, Any]:
    return {f"w365_{name}": blank for name in connection_option_names()}


def named(playbook: str, play: Callable[..., Play], twin: Twin, *words: str, **variables: Any) -> Play:
    arguments = [*words, "-e", json.dumps(variables), f"{COLLECTION}.{playbook}"]
    return play(arguments=arguments, environ=environ(twin))


@pytest.mark.parametrize("blank", BLANKS)
def test_a_blank_connection_changes_no_wire(blank: Any, twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Every option of the connection is blank: what the environment gives counts, SCIM and the environment too."""
    (tmp_path / "a.csv").write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    roles = dict.fromkeys(optional_variables(), blank)
    variables = {**roles, **blank_connection(blank), "w365_directory_src": "a.csv", "w365_directory_definition": blank}
    played = named("apply_directory", play, twin, **variables)
    assert played.code == 0, played.output
    assert f"SCIM address: {twin.scim_url('contoso')}" in the_report(played).result["msg"]
    assert twin.environment("contoso")["users"][ADELE]["active"]
    assert {"/scim/" in path for step in played for _method, path in step.writes} == {True}
    variables = {**roles, **blank_connection(blank)}
    played = named("report_environment", play, twin, **variables)
    assert played.code == 0, played.output
    assert f"SCIM address: {twin.scim_url('contoso')}" in played.output


@pytest.mark.parametrize("blank", BLANKS)
def test_a_tenant_with_blank_answers(blank: Any, twin: Twin, play: Callable[..., Play]) -> None:
    twin.seed({"environments": [{"name": "lab", "users": []}]})
    steps = ("environment", "sso", "scim", "o365_import", "directory")
    hidden = {f"w365_{step}_definition": blank for step in steps}
    # Even an answer that belongs to another job template leads no step elsewhere.
    elsewhere = {"w365_sso_environment": "fabrikam", "w365_directory_environment": "fabrikam"}
    variables = {**dict.fromkeys(optional_variables(), blank), **hidden, **elsewhere, **blank_connection(blank)}
    played = named("onboard_tenant", play, twin, **variables, w365_tenant_definition=lab(twin))
    assert played.code == 0, played.output
    assert twin.environment("lab")["sso"]


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("playbook", "variables", "said"),
    [
        ("apply_directory", ["w365_directory_src", "w365_directory_definition"], "Neither is given."),
        ("onboard_tenant", ["w365_tenant_definition"], "There is no tenant to onboard"),
        ("sync", ["w365_sync_configurations", "w365_sync_directory"], "Neither is given."),
        ("export_sync", ["w365_sync_export", "w365_sync_directory"], "Name the file to write in w365_sync_export"),
        ("setup_scim", ["w365_scim_definition", "w365_scim_environment"], "No application was described"),
        ("offboard_user", ["w365_offboard_upns", "w365_offboard_protected_users"], "No users were given"),
    ],
)
def test_a_playbook_that_got_nothing_but_blanks(
    playbook: str, variables: list[str], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    twin.clear_requests()
    played = named(playbook, play, twin, **dict.fromkeys(variables, "  "))
    assert played.code != 0
    assert said in " ".join(played.output.split())
    same(twin.requests(), [], "requests")


@pytest.mark.slow
def test_an_installed_configuration_with_blank_answers(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """The folder is what was answered; the list is the question that was not."""
    folder = tmp_path / "installed" / "contoso"
    folder.mkdir(parents=True)
    options = connection(twin, scim=True)
    (folder / "scim_token").write_text(options.pop("scim_token"), encoding="utf-8")
    written = {"name": "contoso", **options, "import": {"domains": ["emea.contoso.com"]}}
    (folder / "configuration.yml").write_text(yaml.safe_dump(written), encoding="utf-8")
    blank = {
        **dict.fromkeys(optional_variables(), ""),
        "w365_sync_configurations": "",
        "w365_o365_import_definition": "",
    }
    given = {**blank, "w365_sync_directory": str(folder.parent)}
    played = named("sync", play, twin, **given)
    assert played.code == 0, played.output
    assert any(upn.endswith("@emea.contoso.com") for upn in twin.environment("contoso")["users"])
    exported = named("export_sync", play, twin, **given, w365_sync_export="out.yml", w365_sync_name="")
    assert exported.code == 0, exported.output
    kept = yaml.safe_load((tmp_path / "out.yml").read_text(encoding="utf-8"))
    assert [each["name"] for each in kept["w365_sync_configurations"]] == ["contoso"]
    # Ansible does not check what is in a folder, so the role does.
    (folder / "configuration.yml").write_text(
        yaml.safe_dump({**written, "import": {"domain": ["x"]}}), encoding="utf-8"
    )
    played = named("sync", play, twin, **given)
    assert played.code != 0
    assert "entry 1 (contoso) import: there is no key 'domain', did you mean 'domains'" in " ".join(
        played.output.split()
    )


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "text",
    ["people.csv, more.csv", "people.csv\nmore.csv\n", " people.csv \r\n\r\n more.csv "],
    ids=["commas", "lines", "windows"],
)
def test_a_list_of_files_as_a_text(text: str, twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    (tmp_path / "more.csv").write_text(f"upn;first_name;last_name\n{PATTI};Patti;Fernandez\n", encoding="utf-8")
    played = named("apply_directory", play, twin, w365_directory_src=text)
    assert played.code == 0, played.output
    users = twin.environment("contoso")["users"]
    same([users[upn]["active"] for upn in (ADELE, PATTI)], [True, True], "people of both files")


@pytest.mark.slow
def test_a_name_with_a_comma(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """A list is a list, and in a text with lines a comma is a comma: of a file as of a group."""
    for name, upn in (("sales, emea.csv", ADELE), ("more.csv", PATTI)):
        (tmp_path / name).write_text(f"upn;first_name;last_name\n{upn};A;B\n", encoding="utf-8")
    played = named("apply_directory", play, twin, w365_directory_src="sales, emea.csv\nmore.csv")
    assert played.code == 0, played.output
    assert ADELE in twin.environment("contoso")["users"]
    played = named("apply_directory", play, twin, w365_directory_src=["sales, emea.csv"])
    assert played.code == 0, played.output
    group = role("w365_groups", list=[{"name": "Sales, EMEA", "members": {"set": [NESTOR]}}])
    played = play(group, defaults=connection(twin, scim=True))
    assert played.code == 0, played.output
    same(list(twin.environment("contoso")["groups"]), ["Sales, EMEA"], "groups")


@pytest.mark.slow
def test_given_as_empty_keeps_its_meaning(twin: Twin, play: Callable[..., Play]) -> None:
    """Inside of a definition nothing is new: an empty list of members is nobody, and an empty text clears."""
    twin.seed({"environments": [{"name": "contoso", "groups": [{"name": "Retail", "members": [NESTOR]}]}]})
    user = {"upn": NESTOR, "external_id": "contoso-1002"}
    for external_id in ("contoso-1002", ""):
        tasks = [
            role("w365_groups", list=[{"name": "Retail", "members": {"set": []}}]),
            role("w365_users", list=[{**user, "external_id": external_id}]),
        ]
        played = play(*tasks, defaults=connection(twin, scim=True))
        assert played.code == 0, played.output
        same(twin.environment("contoso")["users"][NESTOR]["external_id"] or "", external_id, "external id")
    same(twin.environment("contoso")["groups"]["Retail"]["members"], [], "members")
