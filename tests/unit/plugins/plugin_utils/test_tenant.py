# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role w365_tenant does for a definition: steps, tags, waiting for SCIM, addresses and the summary."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import option_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant import (
    PARTS,
    SHOWN,
    STEPS,
    Selection,
    Tenant,
    owner_of_address,
    owner_of_environment,
    secret_names,
    without_keys,
)

EVERYTHING = Selection.of(["all"], [], [])
WHOLE: dict[str, Any] = {
    "environment": {"name": "Contoso", "active": True},
    "sso": {"client_id": "b2", "key": "k"},
    "scim": {"groups": ["Sales"]},
    "o365_import": {"domains": ["contoso.com"]},
    "users": [{"upn": "a@contoso.com"}],
    "groups": [{"name": "Retail"}],
    "administrators": {"add": ["a@contoso.com"]},
    "src": ["/more.csv"],
}
SWITCHED_ON = {**WHOLE, "scim_url": "https://x/scim", "scim_token": "t"}


@pytest.mark.parametrize(
    ("run", "skip", "own", "parts"),
    [
        (["all"], [], [], PARTS),
        (["tagged"], [], ["always"], PARTS),
        (["untagged"], [], ["always"], ()),
        (["w365_tenant"], [], [], PARTS),
        (["w365_tenant_sso"], [], [], ("sso",)),
        (["w365_tenant_directory"], [], [], ("users", "groups", "administrators", "src")),
        # A file can hold all three, so the tag of a single list does not select files.
        (["w365_tenant_users", "w365_tenant_groups"], [], [], ("users", "groups")),
        (["w365_tenant_sso", "w365_tenant_groups"], ["w365_tenant_sso"], [], ("groups",)),
        (["w365_tenant_scim"], [], [], ("scim",)),
        (["all"], ["w365_tenant_o365_import"], [], ("environment", "sso", "scim", "users", "groups", "administrators", "src")),
        (["all"], ["w365_directory", "w365_sso"], [], ("environment", "scim", "o365_import")),
        (["all"], ["w365_directory", "w365_scim"], [], ("environment", "sso", "o365_import")),
        (["all"], ["w365_tenant"], [], ()),
        (["customer"], [], ["always", "customer"], PARTS),
        (["customer"], ["w365_tenant_users"], ["customer"], ("environment", "sso", "scim", "o365_import", "groups", "administrators", "src")),
        (["always"], [], ["always"], ()),
        (["w365_tenent_sso"], [], ["always"], ()),
    ],
)  # fmt: skip
def test_what_the_tags_select(run: list[str], skip: list[str], own: list[str], parts: tuple[str, ...]) -> None:
    assert Selection.of(run, skip, own).parts == set(parts)


def steps(tenant: Tenant) -> list[str]:
    return [step for step in STEPS if tenant.options_of(step) is not None]


@pytest.mark.parametrize(
    ("run", "skip", "expected"),
    [
        (["all"], [], list(STEPS)),
        # The first step runs with each of the others, which need the name that it returns.
        (["w365_tenant_sso"], [], ["environment", "sso"]),
        (["w365_tenant_sso"], ["w365_tenant_environment"], ["sso"]),
        (["all"], ["w365_tenant_environment"], ["sso", "scim", "o365_import", "directory"]),
        (["w365_tenant_scim"], [], ["environment", "scim"]),
        (["w365_tenant_groups"], [], ["environment", "directory"]),
        (["w365_tenant_src"], [], []),
        (["all"], ["w365_tenant"], []),
    ],
)
def test_the_steps_that_run(run: list[str], skip: list[str], expected: list[str]) -> None:
    assert steps(Tenant(SWITCHED_ON, "", Selection.of(run, skip, []))) == expected
    elsewhere = Tenant(WHOLE, "", Selection.of(run, skip, []))
    elsewhere.address_of_play = "https://x/scim"
    assert steps(elsewhere) == expected


def test_a_key_without_content_is_no_step() -> None:
    empty: dict[str, Any] = dict.fromkeys(WHOLE) | {"sso": {}, "users": [], "groups": []}
    assert steps(Tenant(empty, "contoso", EVERYTHING)) == []
    assert steps(Tenant({"users": WHOLE["users"]}, "contoso", EVERYTHING)) == ["directory"]


def test_every_step_has_the_name_that_the_server_returned() -> None:
    tenant = Tenant(WHOLE, "other", EVERYTHING)
    assert tenant.name == "Contoso"
    tenant.results["environment"] = {"environment": {"name": "contoso"}, "results": []}
    # Provisioning by Microsoft Entra waits for the address.
    given = Tenant(SWITCHED_ON, "other", EVERYTHING)
    given.results = tenant.results
    assert {(given.options_of(step) or {})["environment"] for step in STEPS[1:]} == {"contoso"}
    assert (Tenant({"sso": WHOLE["sso"]}, "lab", EVERYTHING).options_of("sso") or {})["environment"] == "lab"
    # Nothing hides the one of module_defaults.
    assert "environment" not in (Tenant({"sso": WHOLE["sso"]}, " ", EVERYTHING).options_of("sso") or {})


def test_the_last_step_never_purges_and_gets_false_and_0() -> None:
    options = {"strict": False, "progress_interval": 0, "concurrency": None}
    given = Tenant({**SWITCHED_ON, **options}, "", EVERYTHING).options_of("directory") or {}
    assert (given["purge"], given["strict"], given["progress_interval"]) == ([], False, 0)
    assert "concurrency" not in given


CREATED = [{"kind": "environment", "action": "create", "name": "contoso", "outcome": "done"}]


@pytest.mark.parametrize(
    ("definition", "returned", "waits"),
    [
        ({"scim": None}, {}, False),
        ({}, {}, True),
        ({"scim": {}}, {}, True),
        ({"scim": {"state": "absent"}}, {}, False),
        ({"scim": {"state": "absent"}, "scim_required": True}, {}, True),
        ({"scim": {}, "scim_required": False, "users": None}, {}, True),
        ({}, {"scim_url": "https://x/scim"}, False),
        ({"environment": None}, {}, False),
        ({"scim_url": ""}, {}, True),
        ({"scim_url": None, "scim": None}, {}, False),
        ({"scim_url": " https://x/scim "}, {}, False),
        ({"scim_required": True}, {}, True),
        ({"scim_required": True}, {"scim_url": "https://x/scim"}, False),
        ({"scim_required": True, "environment": None}, {}, False),
        (
            {"scim_url": "", **dict.fromkeys(("scim", "o365_import", "users", "groups", "administrators", "src"))},
            {},
            False,
        ),
    ],
)
def test_what_waits_for_scim(definition: dict[str, Any], returned: dict[str, Any], waits: bool) -> None:
    """Single sign-on does not."""
    tenant = Tenant({**WHOLE, **definition}, "lab", EVERYTHING)
    tenant.results["environment"] = {"environment": {"name": "contoso"}, "results": [], **returned}
    assert tenant.waits is waits
    assert not waits or steps(tenant) == ["environment", "sso"]
    assert Tenant({**WHOLE, **definition}, "lab", Selection.of(["w365_tenant_sso"], [], [])).waits is False


def test_passwords_of_users_are_known() -> None:
    with_password = {**WHOLE, "users": [{"upn": "a"}, {"upn": "b", "password": "x"}]}
    tenant = Tenant(with_password, "", EVERYTHING)
    assert [step for step in STEPS if tenant.hides(step)] == ["directory"]
    assert not Tenant(with_password, "", Selection.of(["w365_tenant_groups"], [], [])).hides("directory")
    assert not Tenant(WHOLE, "", EVERYTHING).hides("directory")


# SCIM addresses


def owner(folder: Path, name: str, address: str) -> str:
    return owner_of_address(str(folder), Tenant({"environment": {"name": name}, "scim_url": address}, "", EVERYTHING))


def test_an_address_belongs_to_one_environment(tmp_path: Path) -> None:
    assert owner(tmp_path, "contoso", "https://x/contoso/scim/v2") == ""
    for same in ("https://x/contoso/scim/v2", "https://x/contoso/scim/v2/", " https://x/contoso/scim/v2/?aad "):
        assert owner(tmp_path, "Con-toso ", same) == "", "the same customer again"
        assert owner(tmp_path, "fabrikam", same) == "contoso"
    assert owner(tmp_path, "fabrikam", "https://x/fabrikam/scim/v2") == ""
    assert owner(tmp_path, "fabrikam", "") == owner(tmp_path, " ", "https://x/contoso/scim/v2") == ""
    assert len(os.listdir(tmp_path)) == 2, "one note for each address, and nothing else"


def test_of_many_at_once_one_gets_the_address(tmp_path: Path) -> None:
    names = [f"tenant{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as workers:
        owners = list(workers.map(lambda name: owner(tmp_path, name, "https://x/scim"), names))
    (first,) = (name for name, other in zip(names, owners, strict=True) if not other)
    assert {other for other in owners if other} == {first}


def test_an_environment_belongs_to_one_host_of_a_play(tmp_path: Path) -> None:
    def other(host: str, environment: str, *hosts: str, given: Any = None) -> str:
        return owner_of_environment(str(tmp_path), environment, host, hosts, given or {"users": [{"upn": host}]})

    assert other("a", "contoso of s", "a", "b") == ""
    assert other("b", "contoso of s", "b", "a") == "a"
    assert other("a", "contoso of s", "a", "b") == "", "the same host again"
    assert other("a", "contoso of s", "a", "b", given={"sso": {}}) == "", "another task of the same host"
    assert other("b", "contoso of s", "a", "b", given={"users": [{"upn": "a"}]}) == "", "the same definition"
    assert other("b", "contoso of t", "a", "b") == other("b", "fabrikam of s", "a", "b") == ""
    assert other("b", "contoso of s", "b") == "", "another play"


def test_no_secret_is_kept_to_compare_definitions() -> None:
    names = secret_names(option_of("w365_tenant_definition")["options"])
    assert {"password", "key", "scim_token"} <= names
    given = {
        "scim_token": "x",
        "users": [{"upn": "a", "password": "y"}],
        "sso": {"key": "z", "client_id": "c"},
        "src": ("p",),
    }
    assert without_keys(given, names) == {"users": [{"upn": "a"}], "sso": {"client_id": "c"}, "src": ["p"]}


# The summary


def test_a_summary_has_a_few_lines() -> None:
    tenant = Tenant({**WHOLE, "scim_url": "https://x/scim"}, "", EVERYTHING)
    tenant.results = {
        "environment": {"changed": False, "environment": {"name": "contoso", "active": True}, "results": []},
        "o365_import": {
            "changed": True,
            "summary": {},
            "results": [{"kind": "user", "action": "create", "outcome": "done", "name": str(n)} for n in range(90)],
            "left_out": [{"kind": "user", "name": f"u{n}", "reason": "has no\nlast name"} for n in range(30)],
            "warnings": [f"warning {n}" for n in range(12)],
        },
    }
    lines = tenant.summary("", check_mode=False)
    # What people have to know comes first, and what each step did in detail after it.
    assert lines[:2] == [
        "w365 contoso: 90 users created; 30 left out",
        "o365_import: left out user u0, because it has no\\nlast name",
    ]
    assert "o365_import: left out 25 more" in lines
    assert "o365_import: 7 more warnings" in lines
    assert lines[-4:] == [
        "environment (contoso): unchanged",
        "o365_import: user create 90;",
        "SCIM address: https://x/scim",
        "Run it again at any time.",
    ]
    assert len(lines) == 1 + 2 * (SHOWN + 1) + 2 + 2
    failed = tenant.summary("sso: no key", check_mode=True, failed={"step": "sso", "failed": True})
    assert failed[:3] == [
        "w365 contoso: failed in sso; 90 users would be created; 30 left out",
        "failed: sso: no key",
        "not reached: scim, o365_import, directory",
    ]
    assert failed[-3:] == [
        "SCIM address: https://x/scim",
        "Check mode: nothing was written.",
        "Fix the cause and rerun it.",
    ]


def test_the_summary_says_what_remains_to_be_done() -> None:
    tenant = Tenant({**WHOLE, "scim_url": ""}, "", EVERYTHING)
    tenant.results["environment"] = {
        "changed": True,
        "environment": {"name": "contoso", "active": True},
        "environment_url": "https://x/contoso",
        "results": CREATED,
    }
    assert tenant.is_new
    first, next_step, *_steps, address = tenant.summary("", check_mode=False)
    assert first == "w365 contoso: not finished, because SCIM is not switched on; 1 environment created"
    assert address == "SCIM address: none, so users and groups wait for it"
    assert "Sign in at https://x/contoso as an administrator" in next_step
    assert Tenant(WHOLE, "", EVERYTHING).summary("", check_mode=False) == [], "nothing was done"


APPLICATION = {"client_id": "c1", "display_name": "Workspace365 - contoso"}


@pytest.mark.parametrize(
    ("cloud", "portal"),
    [
        ("", "https://entra.microsoft.com"),
        ("public", "https://entra.microsoft.com"),
        ("usgov", "https://entra.microsoft.us"),
        ("usgov_dod", "https://entra.microsoft.us"),
        ("china", "https://portal.azure.cn"),
    ],
)
def test_the_summary_has_the_addresses_to_open(cloud: str, portal: str) -> None:
    tenant = Tenant({"sso": {"app": {}}, "scim": {}}, "contoso", EVERYTHING)
    tenant.cloud = cloud
    principal = {"id": "p1", "assignment_required": True}
    tenant.results["sso"] = {"results": [], "application": APPLICATION, "service_principal": principal}
    tenant.results["scim"] = {
        "results": [],
        "application": {"client_id": "c2", "display_name": "Workspace365 SCIM - contoso"},
        "service_principal_id": "p2",
        "settings": {"scope": "assigned"},
        "assignments": [],
    }
    by_hand = [line for line in tenant.summary("", check_mode=False) if line.startswith("by hand: ")]
    page = f"{portal}/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Users/objectId"
    assert [line.rpartition(" ")[2] for line in by_hand] == [f"{page}/p1/appId/c1", f"{page}/p2/appId/c2"]


@pytest.mark.parametrize(
    ("required", "said"),
    [
        (True, "only users who are assigned to Workspace365 - contoso can sign in"),
        (None, "Microsoft Graph does not say whether users must be assigned to Workspace365 - contoso"),
        (False, ""),
    ],
)
def test_what_is_not_known_about_the_assignment_is_no_no(required: bool | None, said: str) -> None:
    tenant = Tenant({"sso": {"app": {}}}, "contoso", EVERYTHING)
    principal = {"id": "p1", "assignment_required": required}
    tenant.results["sso"] = {"results": [], "application": APPLICATION, "service_principal": principal}
    clicks = tenant.clicks()
    assert [line for line in clicks if said in line] == clicks
    assert bool(clicks) is bool(said)
    # As in check mode, before there is any.
    tenant.results["sso"] = {"results": [], "application": None, "service_principal": None}
    assert tenant.clicks() == []


@pytest.mark.parametrize("app", [None, {}])
def test_a_step_that_failed_after_a_write_is_told(app: Any) -> None:
    """Such as one whose sign-in page led elsewhere: it has not every key of a result."""
    write = {"kind": "sso", "action": "write", "outcome": "done", "name": "contoso"}
    tenant = Tenant({"sso": {"app": app}, "scim": {}}, "contoso", EVERYTHING)
    tenant.results["sso"] = {"changed": True, "failed": True, "results": [write], "summary": {}, "compared": True}
    tenant.results["scim"] = {"changed": False, "failed": True, "results": []}
    told = tenant.told()
    assert (told["sso"]["compared"], told["sso"]["client_id"], told["sso"]["results"]) == (True, None, [write])
    assert told["scim"]["changed"] is False
    lines = tenant.summary("sso: it leads elsewhere", check_mode=False)
    assert "sso: sso write 1;" in lines
    assert "scim: nothing was changed" in lines


def test_what_failed_is_not_counted_as_done() -> None:
    tenant = Tenant({"users": WHOLE["users"]}, "contoso", EVERYTHING)
    create = {"kind": "user", "action": "create", "name": "a@contoso.com"}
    outcomes = ("done", "done", "failed", "not tried", "not tried", "unchanged")
    results = [{**create, "outcome": outcome} for outcome in outcomes]
    tenant.results["directory"] = {"changed": True, "failed": True, "results": results}
    failed = {"step": "directory", "failed": True}
    first, *lines = tenant.summary("directory: 1 of 5", check_mode=False, failed=failed)
    assert first == "w365 contoso: failed in directory; 2 users created; 1 change failed; 2 changes not tried"
    assert "directory: user create 2; failed 1; not tried 2;" in lines


@pytest.mark.parametrize(("days", "said"), [(None, False), (29.5, True), (-1, True), (31, False)])
def test_a_secret_that_ends_soon_is_said(days: float | None, said: bool) -> None:
    tenant = Tenant({"sso": {"app": {}}}, "contoso", EVERYTHING)
    tenant.results["sso"] = {"changed": False, "results": [], "days_left": days}
    ends = [line for line in tenant.summary("", check_mode=False) if "client secret" in line]
    assert bool(ends) is said
    assert ends in ([], [f"sso: the client secret ends in {days} days"], ["sso: the client secret has ended"])


@pytest.mark.parametrize(
    ("tags", "definition", "said"),
    [
        (["all"], {}, "so the SCIM application, users, groups and administrators wait. Sign in at contoso as"),
        (["all"], {"scim": None, "scim_required": True}, "so users, groups and administrators wait. Sign in"),
        (["w365_tenant_scim"], {}, "so the SCIM application waits. Sign in"),
    ],
)
def test_what_waits_is_said(tags: list[str], definition: dict[str, Any], said: str) -> None:
    tenant = Tenant({**WHOLE, "environment": {"name": "contoso"}, **definition}, "", Selection.of(tags, [], []))
    assert tenant.waits
    assert said in tenant.next_step()
