# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Options are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Names that nobody has: an identity, entries of options, users and groups to delete.

The modules run in this process against a twin; one play shows the same in an ansible-playbook process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import in_process
from option_scenarios import ADELE, ALEX, ALLAN, BRIAN, LEE, MEGAN, NESTOR, PATTI, SEED
from playing import Play, connection, task
from w365_simulator.testing import Twin

NEW, GONE = "n.wilke@contoso.com", "nestor.wilkee@contoso.com"
NO_ID = "00000000-0000-4000-8000-00000000dead"


# Nobody signs in with a certificate here.
APPLICATIONS = [{**application, "certificates": []} for application in SEED["tenants"][0]["applications"]]
TENANT_SEED = {**SEED, "tenants": [{**SEED["tenants"][0], "applications": APPLICATIONS}]}


@pytest.fixture(autouse=True)
def seeded(twin: Twin) -> None:
    twin.reset(TENANT_SEED, "full")


@pytest.fixture(params=["scim", "provisioning"])
def options(request: pytest.FixtureRequest, twin: Twin) -> dict[str, Any]:
    """A connection over each of the services."""
    return connection(twin, scim=request.param == "scim", entra=False)


def run(module: str, options: Mapping[str, Any], *, check: bool = False, **more: Any) -> dict[str, Any]:
    result = in_process.run(module, {**options, **more}, check=check)
    assert "exception" not in result, result["exception"]
    return result


# identity

WISHES: dict[str, tuple[str, dict[str, Any]]] = {
    "user": ("w365_user", {"upn": NEW, "identity": GONE, "first_name": "Nestor", "last_name": "Wilke"}),
    "user without names": ("w365_user", {"upn": NEW, "identity": GONE}),
    "user by id": ("w365_user", {"upn": NEW, "identity": NO_ID, "first_name": "Nestor", "last_name": "Wilke"}),
    "user by number": ("w365_user", {"upn": NEW, "identity": "4711", "first_name": "Nestor", "last_name": "Wilke"}),
    "blanks around it": ("w365_user", {"upn": NEW, "identity": f" {GONE} ", "last_name": "Wilke"}),
    "group": ("w365_group", {"name": "Shops", "identity": "Retial"}),
    "group by id": ("w365_group", {"name": "Shops", "identity": NO_ID, "members": {"set": [NESTOR]}}),
    "row": (
        "w365_directory",
        {"users": [{"upn": PATTI}, {"upn": NEW, "identity": GONE, "first_name": "N", "last_name": "Wilke"}]},
    ),
    "row of groups": (
        "w365_directory",
        {"groups": [{"name": "Board"}, {"name": "Shops", "identity": "Retial", "members": {"add": [MEGAN]}}]},
    ),
}


@pytest.mark.parametrize("wish", WISHES)
def test_an_identity_that_finds_nobody_is_an_error(wish: str, options: dict[str, Any], twin: Twin) -> None:
    """Never a new account; in check mode a warning, since an earlier task may create it."""
    module, wished = WISHES[wish]
    result = run(module, options, **wished)
    kind = "group" if "group" in wish else "user"
    name = "Shops" if kind == "group" else NEW
    assert result["failed"]
    assert f"Cannot rename {kind} " in result["msg"]
    assert (
        f"to '{name}': neither exists in environment 'contoso', and identity never creates anything." in result["msg"]
    )
    assert f"leave it out to create the {kind}." in result["msg"]
    assert twin.writes() == []
    checked = run(module, options, check=True, **wished)
    assert not checked.get("failed"), checked["msg"]
    assert checked["changed"]
    assert any("Check mode assumes that an earlier task creates it" in warning for warning in checked["warnings"])
    assert {"user_create", "group_create"}.isdisjoint(checked["summary"])
    assert twin.writes() == []


def test_rows_of_a_file(options: dict[str, Any], twin: Twin, tmp_path: Path) -> None:
    """Several of one file, and a plan, which is applied later: nothing in it may depend on an earlier task."""
    file = tmp_path / "users.csv"
    file.write_text(f"upn,identity,first_name,last_name\n{NEW},{GONE},N,Wilke\na@contoso.com,b@contoso.com,A,B\n")
    result = run("w365_directory", options, src=[str(file)])
    assert "1 more of the task are like this." in result["msg"]
    plan = str(tmp_path / "plan.json")
    assert run("w365_directory", options, src=[str(file)], plan_file=plan, check=True)["failed"]
    assert twin.writes() == []


@pytest.mark.parametrize("identity", ["", "  ", None, NEW.upper()])
def test_an_empty_identity_is_none(identity: str | None, options: dict[str, Any]) -> None:
    """As the empty cell of a CSV file, the id of a user that check mode has not created, and the new name itself."""
    result = run("w365_user", options, upn=NEW, identity=identity, first_name="N", last_name="Wilke")
    assert result["summary"]["user_create"] == 1


def test_a_rename_that_was_done_is_unchanged(options: dict[str, Any], twin: Twin) -> None:
    for changed in (True, False):
        assert run("w365_user", options, upn=NEW, identity=NESTOR)["changed"] is changed
        assert run("w365_group", options, name="Shops", identity="Retail")["changed"] is changed
    rows = {"users": [{"upn": NEW, "identity": NESTOR}], "groups": [{"name": "Shops", "identity": "Retail"}]}
    assert run("w365_directory", options, **rows)["changed"] is False


def test_an_identity_to_delete_finds_no_other_account(options: dict[str, Any], twin: Twin) -> None:
    """A rename keeps the id: whoever has the UPN under another id is somebody else."""
    other = run("w365_user", options, upn=NESTOR, identity=NO_ID, state="absent")
    assert other["failed"]
    assert f"No user has the id '{NO_ID}' in environment 'contoso'" in other["msg"]
    assert twin.writes() == []
    id = run("w365_user", options, upn=NESTOR)["user"]["id"]
    assert run("w365_user", options, upn=NEW, identity=id, state="absent")["changed"]
    assert run("w365_user", options, upn=NEW, identity=NO_ID, state="absent")["found"] is False


# state=absent


def test_what_is_to_be_deleted_was_there_or_not(options: dict[str, Any]) -> None:
    for check in (True, False):
        assert run("w365_user", options, upn=GONE, state="absent", check=check)["found"] is False
        assert run("w365_group", options, name="Shops", state="absent", check=check)["found"] is False
    assert run("w365_user", options, upn=NESTOR.upper(), state="absent")["found"] is True
    assert run("w365_user", options, upn=PATTI, state="absent")["found"] is True
    assert run("w365_group", options, name="retail", state="absent")["found"] is True
    assert "found" not in run("w365_group", options, name="retail")


def test_what_must_exist(options: dict[str, Any], twin: Twin, tmp_path: Path) -> None:
    """Everything else is done first; the result is that of the whole task."""
    rows = {
        "users": [{"upn": upn, "state": "absent"} for upn in (NESTOR, GONE, PATTI)],
        "groups": [{"name": "Retial", "state": "absent"}, {"name": "Board", "state": "absent"}],
    }
    planned = run("w365_directory", options, **rows, absent_must_exist=True, plan_file=str(tmp_path / "plan.json"))
    assert "Everything else of this task is planned." in planned["msg"]
    result = run("w365_directory", options, **rows, absent_must_exist=True)
    assert result["failed"]
    assert result["changed"]
    assert (
        f"1 user to delete does not exist in environment 'contoso': '{GONE}'. 1 group to delete does not"
        in result["msg"]
    )
    outcomes = {row["upn"]: row["outcome"] for row in result["absent_users"]}
    assert outcomes == {NESTOR: "done", GONE: "not found", PATTI: "unchanged"}
    assert not twin.environment("contoso")["users"][NESTOR]["active"]
    again = run("w365_directory", options, **rows)
    assert not again.get("failed")
    assert [row["found"] for row in again["absent_users"]] == [True, False, True]
    applied = run("w365_directory", options, apply_plan=str(tmp_path / "plan.json"))
    assert not applied["changed"]


def test_a_reviewed_plan_revokes_and_deletes(twin: Twin, tmp_path: Path) -> None:
    options = connection(twin, scim=True, entra=False)
    plan = str(tmp_path / "plan.json")
    rows = {"users": [{"upn": MEGAN, "state": "absent"}], "administrators": {"remove": [MEGAN]}}
    run("w365_directory", options, **rows, plan_file=plan)
    result = run("w365_directory", options, apply_plan=plan)
    (row,) = result["absent_users"]
    assert (row["role_before"], row["role_after"], row["account_after"]) == ("administrator", "user", "deleted")
    assert result["summary"] == {"administrator_revoke": 1, "user_delete": 1, "unchanged": 0, "left_out": 0}
    # What is left after the first half.
    run("w365_user", options, upn=MEGAN, state="present")
    again = run("w365_directory", options, apply_plan=plan)
    assert again["summary"] == {"user_delete": 1, "unchanged": 1, "left_out": 0}


# Entries of options


def unmatched(result: Mapping[str, Any]) -> list[str]:
    return [warning for warning in result.get("warnings", ()) if warning.startswith("Option ")]


PURGE = {"users": [{"upn": ALLAN}, {"upn": NESTOR}], "purge": ["users"], "purge_limit": "100%"}
ENTRIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "protected_users": (
        {"users": [{"upn": NESTOR}], "protected_users": [ALLAN, GONE]},
        "protected_users",
        f"1 of 2 matches nobody in environment 'contoso': '{GONE}'. Instead of '{GONE}', '{NESTOR}' may be meant.",
    ),
    "many": (
        {"users": [{"upn": NESTOR}], "protected_users": [f"x{number}@q.com" for number in range(7)]},
        "protected_users",
        "7 of 7 match nobody in environment 'contoso': 'x0@q.com', 'x1@q.com', 'x2@q.com', 'x3@q.com', 'x4@q.com' and 2 more.",
    ),
    "administrators.remove": (
        {"administrators": {"remove": [GONE, MEGAN]}},
        "administrators.remove",
        f"1 of 2 matches nobody in environment 'contoso': '{GONE}'. Instead of '{GONE}', '{NESTOR}' may be meant.",
    ),
    "members": (
        {"groups": [{"name": "Retail", "members": {"remove": [GONE]}}]},
        "groups.members.remove",
        f"1 of 1 matches nobody in environment 'contoso': '{GONE}'. Instead of '{GONE}', '{NESTOR}' may be meant.",
    ),
    "domains": (
        {**PURGE, "purge_scope": {"domains": ["contoso.com", "fabrikam.con"]}},
        "purge_scope.domains",
        "1 of 2 matches nobody in environment 'contoso': 'fabrikam.con'.",
    ),
    "groups": (
        {**PURGE, "purge_scope": {"groups": ["Retail", "Bord", "Nothing *"]}},
        "purge_scope.groups",
        # An earlier purge may have removed the groups of a pattern.
        "1 of 2 matches no group in environment 'contoso': 'bord'. Instead of 'bord', 'board' may be meant.",
    ),
    "external_id_prefix": (
        {**PURGE, "purge_scope": {"external_id_prefix": "HR-"}},
        "purge_scope.external_id_prefix",
        "1 of 1 matches nobody in environment 'contoso': 'HR-'.",
    ),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_that_matches_nobody(entry: str, twin: Twin) -> None:
    """One warning for an option, and nothing is written with strict, in check mode neither."""
    options = connection(twin, scim=True, entra=False)
    given, option, said = ENTRIES[entry]
    for check in (True, False):
        refused = run("w365_directory", options, **given, strict=True, check=check)
        assert f"Option {option}: {said}" in refused["msg"]
        assert "Nothing was written, because strict is true." in refused["msg"]
        assert list(refused["unmatched"]) == [option]
        assert twin.writes() == []
    result = run("w365_directory", options, **given)
    assert not result.get("failed"), result["msg"]
    assert unmatched(result) == [f"Option {option}: {said} Check the spelling."]


@pytest.mark.parametrize("check", [True, False])
def test_a_name_in_a_list_to_remove(check: bool, options: dict[str, Any], twin: Twin) -> None:
    """Of a single group, and of the administrators: nothing is left to be done, and nobody knows it."""
    group = run("w365_group", options, name="Retail", members={"remove": [GONE]}, check=check)
    (warning,) = unmatched(group)
    assert warning.startswith(f"Option members.remove: 1 of 1 matches nobody in environment 'contoso': '{GONE}'.")
    admin = run("w365_admin", options, administrators={"remove": [GONE, NESTOR]}, check=check)
    (warning,) = unmatched(admin)
    assert warning.startswith(
        f"Option administrators.remove: 1 of 2 matches nobody in environment 'contoso': '{GONE}'."
    )
    assert "warnings" not in run("w365_group", options, name="Retail", members={"remove": [MEGAN]}, check=check)


def test_somebody_whom_the_same_task_creates_or_renames_is_no_misspelling(twin: Twin) -> None:
    options = connection(twin, scim=True, entra=False)
    users = [
        {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"},
        {"upn": NEW, "identity": NESTOR},
    ]
    given = {"users": users, "protected_users": [ADELE, NEW, NESTOR, PATTI.upper()], "strict": True}
    assert not run("w365_directory", options, **given).get("failed")
    # The name before a rename is nobody's any more, unless the task says so.
    assert run("w365_directory", options, **{**given, "users": users[:1]})["unmatched"] == {"protected_users": [NESTOR]}


@pytest.mark.parametrize("profile", ["documented", "full"])
def test_where_the_users_were_not_read_nothing_is_said(profile: str, twin: Twin) -> None:
    """Neither of a list that nobody asked for, nor of one that the server does not have."""
    twin.switches(profile=profile)
    options = connection(twin, scim=False, entra=False)
    more = {"users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}]} if profile == "documented" else {}
    scim = connection(twin, scim=True, entra=False)
    given = {"protected_users": [GONE], "strict": True, **(more or {"groups": [{"name": "Sales"}]})}
    result = run("w365_directory", options if more else scim, **given)
    assert not result.get("failed"), result["msg"]
    assert unmatched(result) == []


IMPORTED = {"groups": ["Sales"], "concurrency": 1}
EXCLUDED: dict[str, tuple[dict[str, Any], str]] = {
    "exclude_users": (
        {**IMPORTED, "exclude_users": [ADELE, "alex.wilbur@contoso.com"]},
        "exclude_users: 1 of 2 matches nobody in the Microsoft tenant{here}: 'alex.wilbur@contoso.com'. Instead of "
        f"'alex.wilbur@contoso.com', '{ALEX}' may be meant.",
    ),
    "of everything": (
        {"everything": True, "concurrency": 1, "exclude_users": [LEE, "lee.go@contoso.com"]},
        "exclude_users: 1 of 2 matches nobody in the Microsoft tenant{here}: 'lee.go@contoso.com'.",
    ),
    "group_names": (
        {"domains": ["contoso.com"], "concurrency": 1, "group_names": ["sales", "Saels*", "Marketing"]},
        "group_names: 2 of 3 match no group of the Microsoft tenant: 'marketing', 'saels*'.",
    ),
    "chosen groups": (
        {**IMPORTED, "group_names": ["EMEA*"]},
        "group_names: 1 of 1 matches none of the selected groups: 'emea*'.",
    ),
}


@pytest.fixture
def entra(twin: Twin) -> dict[str, Any]:
    return {
        "entra_authority": twin.entra_authority,
        "graph_url": twin.graph_url,
        "entra_tenant": "contoso.com",
        "entra_client_id": "00000000-0000-4000-8000-0000000000a1",
        "entra_client_secret": "entra-demo-secret-of-the-twin",
        "ca_path": twin.ca_path,
    }


def modules(twin: Twin, entra: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    yield "w365_o365_import_info", entra, ""
    yield (
        "w365_o365_import",
        {**connection(twin, scim=True, entra=False), **entra},
        " or in environment 'contoso'",
    )


@pytest.mark.parametrize("entry", EXCLUDED)
def test_an_entry_of_an_import_that_matches_nobody(entry: str, twin: Twin, entra: dict[str, Any]) -> None:
    given, said = EXCLUDED[entry]
    for module, options, here in modules(twin, entra):
        refused = run(module, options, **given, strict=True)
        assert f"Option {said.format(here=here)}" in refused["msg"]
        assert twin.writes() == []
        result = run(module, options, **given, check=True)
        (warning,) = unmatched(result)
        assert warning.startswith(f"Option {said.format(here=here)}")


def test_an_entry_of_an_import_that_somebody_has(twin: Twin, entra: dict[str, Any], tmp_path: Path) -> None:
    """Somebody in the tenant who is not in the scope, a guest, a disabled user, and somebody in the environment only."""
    guest = "raul.razo_fabrikam.com#EXT#@contoso.onmicrosoft.com"
    here = {**connection(twin, scim=True, entra=False), **entra}
    for more in ({}, {"state_file": str(tmp_path / "state.json")}):
        given = {
            **IMPORTED,
            **more,
            "exclude_users": [LEE.upper(), guest, BRIAN, NESTOR],
            "protected_users": [MEGAN, LEE],
        }
        result = run("w365_o365_import", here, **given, strict=True)
        assert not result.get("failed"), result["msg"]
    refused = run("w365_o365_import", here, **IMPORTED, protected_users=[MEGAN, GONE], strict=True)
    assert list(refused["unmatched"]) == ["protected_users"]


def test_patterns_that_match_no_group_remove_none(twin: Twin, entra: dict[str, Any]) -> None:
    """When no entry matches, the groups that were imported before stay, and nobody else is in scope."""
    here = {**connection(twin, scim=True, entra=False), **entra}
    scope = {"domains": ["contoso.com"], "concurrency": 1, "on_leave": "delete", "delete_limit": "100%"}
    run("w365_o365_import", here, **scope)
    before = twin.environment("contoso")["groups"]
    assert "Sales" in before
    result = run("w365_o365_import", here, **scope, group_names=["Saels"])
    assert not result.get("failed")
    assert twin.environment("contoso")["groups"] == before


def test_the_same_in_a_process(twin: Twin, play: Callable[..., Play]) -> None:
    rename = {"upn": NEW, "identity": GONE, "last_name": "Wilke"}
    played = play(
        task("w365_user", check=True, **rename),
        task("w365_user", **rename),
        task("w365_group", name="Shops", identity="Retial"),
        task("w365_directory", users=[{"upn": NESTOR}], protected_users=[GONE]),
        task("w365_user", upn=GONE, state="absent"),
        defaults=connection(twin, scim=True),
    )
    checked, user, group, directory, absent = played
    assert checked.changed
    assert "Check mode assumes" in checked.warnings
    assert f"Cannot rename user '{GONE}' to '{NEW}'" in user.message
    assert "Cannot rename group 'Retial' to 'Shops'" in group.message
    assert "1 of 1 matches nobody" in directory.warnings
    assert absent.result["found"] is False
    assert json.dumps(twin.writes()) == "[]"
