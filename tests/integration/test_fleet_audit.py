# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook fleet_audit over environments in every state, in real processes. It writes nothing but its reports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from playing import COLLECTION, Play, connection, slow
from w365_simulator.testing import Twin

FILES = {f"w365_audit_{form}": f"audit.{form}" for form in ("html", "csv", "json")}
QUICK = {"replication_timeout": 0, "activation_timeout": 0}
ODD = "<script>alert(1)</script> {{ 7 * 7 }}"
PLANTED = "a-planted-secret"
NOW = datetime.now(timezone.utc)
TOMORROW, LAST_MONTH = (str((NOW + timedelta(days=days)).date()) for days in (2, -31))

Run = Callable[..., Play]
Rows = Callable[[], dict[str, dict[str, Any]]]


def person(environment: str, name: str, **more: Any) -> dict[str, Any]:
    return {"upn": f"{name}@{environment}.com", "first_name": name.title(), "last_name": "Vance", **more}


def seed(*names: str, **of_one: Mapping[str, Any]) -> dict[str, Any]:
    """Environments with two administrators and a colleague each."""
    return {
        "environments": [
            {
                "name": name,
                "users": [
                    person(name, "boss", administrator=True),
                    person(name, "deputy", administrator=True),
                    person(name, "nestor"),
                ],
                **of_one.get(name, {}),
            }
            for name in names
        ]
    }


def as_described(name: str, *more: dict[str, Any], **lists: Any) -> dict[str, Any]:
    """A file that says what `seed` has made, and more."""
    return {"users": [person(name, "boss"), person(name, "nestor"), *more], **lists}


@pytest.fixture
def run(tmp_path: Path, twin: Twin, play: Callable[..., Play]) -> Run:
    """Runs the playbook for hosts with these variables."""

    def started(hosts: Mapping[str, Mapping[str, Any]], *words: str, **variables: Any) -> Play:
        common = {f"w365_{name}": value for name, value in connection(twin, None).items()}
        of_hosts = {name: {"w365_environment": name, **own} for name, own in hosts.items()}
        content = {"w365_environments": {"vars": common, "hosts": of_hosts}, "others": {"hosts": {"elsewhere": {}}}}
        path = tmp_path / "inventory.yml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        arguments = ["-i", str(path), *words, "-e", json.dumps({**FILES, **variables}), f"{COLLECTION}.fleet_audit"]
        twin.clear_requests()
        played = play(arguments=arguments)
        assert twin.writes() == []
        return played

    return started


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    def read() -> dict[str, dict[str, Any]]:
        report = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
        return {row["host"]: row for row in report["tenants"]}

    return read


def said(row: Mapping[str, Any], area: str = "") -> str:
    return " ".join(f"{one['state']}: {one['text']}" for one in row["findings"] if area in ("", one["area"]))


def lines_of(played: Play) -> list[str]:
    found: list[str] = [step for step in played if step.name == "Show the report"][-1].result["msg"]
    return found


class Page(HTMLParser):
    """The tags and the text of a page, as a browser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


WITHOUT = {"w365_audit_without": ["sso", "scim"]}
TEN = ("contoso", "fabrikam", "lab", "wingtip", "litware", "adatum", "tailspin", "woodgrove")
SSO = {"primary_domain": "contoso.com", "app": QUICK}


def every_kind(twin: Twin) -> dict[str, dict[str, Any]]:
    """The variables of ten tenants, each in a state of its own."""
    twin.seed(
        seed(*TEN, lab={"active": False}, fabrikam={"groups": [{"name": ODD, "members": ["deputy@fabrikam.com"]}]})
    )
    for name in ("contoso", "litware"):
        made = in_process.run("w365_sso_app", {**connection(twin, name), "primary_domain": "contoso.com", **QUICK})
        assert not made.get("failed"), made["msg"]
    options = {"groups": ["Invoice Approvals"], "notification_email": "ops@contoso.com", "replication_timeout": 4}
    assert not in_process.run("w365_scim_app", {**connection(twin, scim=True), **options}).get("failed")
    twin.run_cycle()
    twin.fault(surface="provisioning", method="GET", path="/adatum/User/", action="status", status=500, times=-1)
    return {
        "contoso": {
            "w365_sso_definition": SSO,
            "w365_scim_url": twin.scim_url("contoso"),
            "w365_scim_token": twin.scim_token,
            "w365_directory_definition": as_described("contoso"),
        },
        "fabrikam": {
            **WITHOUT,
            "w365_scim_url": twin.scim_url("fabrikam"),
            "w365_scim_token": twin.scim_token,
            "w365_directory_definition": as_described(
                "fabrikam",
                person("fabrikam", "adele"),
                groups=[{"name": "Sales", "members": {"set": ["boss@fabrikam.com"]}}],
                purge=["users", "groups"],
                purge_scope={"domains": ["fabrikam.com"], "groups": ["*"]},
                purge_limit="100%",
            ),
        },
        "lab": {**WITHOUT, "w365_tenant_definition": {"environment": {"name": "lab", "active": True}}},
        "wingtip": {
            **WITHOUT,
            "w365_scim_url": twin.scim_url("wingtip"),
            "w365_scim_token": f"{PLANTED}-wrong",
            "w365_tenant_definition": {"environment": {"name": "wingtip", "active": True}},
        },
        "northwind": {**WITHOUT, "w365_directory_definition": as_described("northwind")},
        "litware": {
            "w365_audit_parts": ["sso"],
            "w365_sso_definition": {**SSO, "primary_domain": "fabrikam.com"},
            "w365_directory_definition": as_described("litware"),
        },
        "adatum": {**WITHOUT, "w365_directory_definition": as_described("adatum")},
        "proseware": {"w365_environment": "{{ lookup('ansible.builtin.file', '/nonexistent/vault') }}"},
        "tailspin": {
            **WITHOUT,
            "w365_directory_definition": as_described("tailspin", person("tailspin", "new"), person("tailspin", "old")),
            "w365_accepted": [
                {"kind": "user", "name": "NEW@tailspin.com", "until": TOMORROW, "why": "arrives in spring"},
                {"kind": "user", "name": "old@tailspin.com", "until": LAST_MONTH, "why": "was on leave"},
                {"kind": "group", "name": "Gone", "until": TOMORROW, "why": "renamed"},
                {"kind": "person", "name": "x", "until": TOMORROW, "why": "misspelled"},
            ],
        },
        "woodgrove": {
            **WITHOUT,
            "w365_directory_definition": as_described(
                "woodgrove",
                person("woodgrove", "ghost", password=PLANTED),
                administrators={"set": ["boss@woodgrove.com"]},
            ),
        },
    }


STATES = {
    "litware": ("critical", {"sso_link": 1}),
    "northwind": ("critical", {}),
    "wingtip": ("critical", {}),
    "adatum": ("unknown", {}),
    "proseware": ("unknown", {}),
    "fabrikam": (
        "warning",
        {"group_create": 1, "group_delete": 1, "membership_change": 1, "user_create": 1, "user_delete": 1},
    ),
    "lab": ("warning", {"environment_activate": 1}),
    "tailspin": ("warning", {"user_create": 1}),
    "woodgrove": ("warning", {"administrator_revoke": 1, "user_create": 1}),
    "contoso": ("ok", {}),
}


@pytest.mark.slow
def test_ten_tenants_with_every_kind_of_state(twin: Twin, run: Run, rows: Rows, tmp_path: Path) -> None:
    played = run(every_kind(twin), "-vvvv")
    assert played.code == 2, played.output
    found = rows()
    assert {name: (row["state"], row["drift_counts"]) for name, row in found.items()} == STATES
    assert list(found) == list(STATES), "the worst first"
    unread = {name: [key for key, value in row.items() if value == "unknown"] for name, row in found.items()}
    assert unread["adatum"] == ["state", "administrators", "drift"]
    assert len(unread["proseware"]) == 8
    assert unread["northwind"] == ["administrators", "drift"]
    good = found["contoso"]
    assert (good["environment_state"], good["administrators"], good["scim_status"], good["scim_token"]) == (
        *("active", 3, "active", "accepted"),
    )
    assert (good["scim_key"], good["drift"], round(good["secret_days_left"])) == ("accepted", 0, 365)
    assert (found["wingtip"]["scim_key"], found["lab"]["environment_state"]) == ("refused", "inactive")
    assert found["tailspin"]["accepted"] == 1
    notes = said(found["tailspin"])
    for words in (
        "accepted: user create new@tailspin.com. Accepted by entry 1",
        "warning: user create old@tailspin.com. It is not accepted any more by entry 2",
        "Nothing matches entry 3 of w365_accepted (group Gone",
        "Entry 4 of w365_accepted accepts nothing: its kind is 'person'",
    ):
        assert words in notes
    assert "user delete, takes access 1: deputy@fabrikam.com" in said(found["fabrikam"])
    assert f"group delete, takes access 1: {ODD}." in said(found["fabrikam"])
    assert "/nonexistent/vault" in said(found["proseware"])
    table = lines_of(played)
    assert table[1].startswith("litware")
    assert table[-1].startswith("10 tenants: 3 critical, 2 unknown, 4 warning, 1 ok; 5 with drift, 1 accepted")
    assert (
        "Of 10 tenants, 3 critical (litware, northwind, wingtip) and 2 unknown (adatum, proseware). "
        "The table above says why."
    ) in played.output
    check_files(twin, tmp_path, played)


def check_files(twin: Twin, folder: Path, played: Play) -> None:
    """What the reports show, and what they do not."""
    files = {name: (folder / name).read_text(encoding="utf-8") for name in FILES.values()}
    assert {(folder / name).stat().st_mode & 0o777 for name in files} == {0o600}
    shown = Page(files["audit.html"])
    assert shown.tags.count("script") == 1
    assert ODD in shown.text
    assert all(name in shown.text for name in STATES)
    cells = list(csv.DictReader(io.StringIO((folder / "audit.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert [cell["host"] for cell in cells] == list(STATES)
    assert ODD in cells[5]["findings"]
    for text in (played.output, *files.values()):
        assert "ghost@" not in text, "the name of somebody whose definition has a password"
        for secret in map(str, (PLANTED, twin.client_secret, twin.provisioning_key, twin.scim_token)):
            assert secret not in text


@pytest.mark.slow
def test_one_of_them_and_only_that(twin: Twin, run: Run, rows: Rows) -> None:
    """Blank answers are not given; nothing is asked about the others, and drift is a failure only where it is to be one."""
    twin.seed(seed("fabrikam", "litware"))
    hosts = {
        "fabrikam": {
            **WITHOUT,
            "w365_directory_definition": as_described("fabrikam", person("fabrikam", "adele")),
            "w365_accepted": "",
            "w365_audit_parts": None,
        },
        "litware": {**WITHOUT, "w365_directory_definition": as_described("litware")},
    }
    blank = dict.fromkeys(("w365_hosts", "w365_audit_warn_days", "w365_audit_fail_on_unknown", "w365_audit_csv"), " ")
    played = run(hosts, "--limit", "fabrikam", "--check", **blank)
    assert played.code == 0, played.output
    assert list(rows()) == ["fabrikam"]
    assert not [request for request in twin.requests() if "litware" in request["path"]]
    failed = run(hosts, w365_audit_fail_on_drift="yes")
    assert failed.code == 2
    assert "Of 2 tenants, 1 with drift (fabrikam). The table above says why." in failed.output


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"w365_audit_csv": "nowhere/audit.csv"}, "w365_audit_html, w365_audit_csv and w365_audit_json name files"),
        slow({"w365_audit_html": "."}, "name files in folders that exist"),
        ({"w365_audit_csv": "./audit.html"}, "Two of the reports would be the same file"),
        slow({"w365_audit_warn_days": 5}, "must not be less than w365_audit_critical_days"),
        slow({"w365_audit_fail_on_drift": "perhaps"}, "w365_audit_fail_on_drift is 'perhaps'"),
    ],
)
def test_what_cannot_be_reported_is_refused_before_anything_is_read(
    variables: dict[str, Any], sentence: str, twin: Twin, run: Run
) -> None:
    played = run({"contoso": WITHOUT}, **variables)
    assert played.code != 0
    if "drift" not in sentence:
        assert twin.requests() == []
    assert sentence in " ".join(played.output.split())


@pytest.mark.slow
def test_a_fleet_of_which_nothing_can_be_read_is_a_failure(twin: Twin, run: Run, rows: Rows) -> None:
    """With a wrong key, also where unknown is no failure; and so is a run that has no host or skips everything."""
    wrong = {
        "w365_provisioning_key": f"{PLANTED}-wrong",
        **WITHOUT,
        "w365_directory_definition": as_described("contoso"),
    }
    hosts = {"contoso": wrong, "fabrikam": wrong}
    played = run(hosts, w365_audit_fail_on_unknown=False)
    assert played.code == 2
    assert "Nothing could be read of any of 2 tenants (contoso, fabrikam)." in played.output
    assert {row["state"] for row in rows().values()} == {"unknown"}
    assert "HTTP 403" in said(rows()["contoso"], "environment")
    assert PLANTED not in played.output
    for words in (["--limit", "elsewhere"], ["--tags", "nothing"], ["-e", "w365_hosts=nobody"]):
        played = run(hosts, *words)
        assert played.code != 0, words
        assert "Nothing was done" in played.output


def test_a_missing_environment_is_not_taken_for_an_empty_one(twin: Twin, run: Run, rows: Rows) -> None:
    """Also where the server does not list its environments: in check mode a module says what it would create."""
    twin.switches(environment_list="missing")
    hosts = {
        "northwind": {**WITHOUT, "w365_directory_definition": as_described("northwind")},
        "contoso": {**WITHOUT, "w365_directory_definition": {"users": [{"upn": "allan.deyoung@contoso.com"}]}},
    }
    played = run(hosts)
    twin.reset_switches()
    assert played.code == 2
    found = rows()
    assert (found["northwind"]["drift"], found["northwind"]["drift_counts"]) == ("unknown", {})
    assert (found["contoso"]["drift"], found["contoso"]["environment_state"]) == (0, "unknown")


@pytest.mark.slow
def test_single_sign_on_that_is_described_with_a_client_id(twin: Twin, run: Run, rows: Rows) -> None:
    """It is compared without its key, and without Microsoft Entra; a file of another environment is refused."""
    client_id = "00000000-0000-4000-8000-0000000000b2"
    held = {"authority": "https://login.windows.net/contoso.com", "client_id": client_id, "key": "k"}
    twin.seed(seed("fabrikam", "litware", "lab", "wingtip", fabrikam={"sso": held}, litware={"sso": held}))

    def described(name: str, **sso: str) -> dict[str, Any]:
        given = {"primary_domain": "contoso.com", "client_id": client_id, "key": PLANTED, **sso}
        return {**WITHOUT, "w365_tenant_definition": {"environment": {"name": name}, "sso": given}}

    hosts = {
        "fabrikam": described("fabrikam"),
        "litware": described("litware", primary_domain="fabrikam.com"),
        "lab": described("wingtip"),
        "wingtip": {**described("wingtip"), "w365_accepted": [{"kind": "sso", "until": TOMORROW, "why": "next week"}]},
    }
    hosts["lab"]["w365_accepted"] = [{"kind": "user", "name": "x", "until": NOW.date(), "why": "a date of YAML"}]
    played = run(hosts)
    assert played.code == 2
    found = rows()
    assert {name: (row["drift"], row["accepted"]) for name, row in found.items()} == {
        "fabrikam": (0, 0),
        "litware": (1, 0),
        "lab": ("unknown", 0),
        "wingtip": (0, 1),
    }
    assert "a file belongs to one environment" in said(found["lab"])
    assert "is needed is not known" in said(found["lab"], "accepted")
    assert PLANTED not in played.output
    twin.switches(settings_read="missing")
    unreadable = run(hosts, "--limit", "fabrikam,litware")
    twin.reset_switches()
    assert unreadable.code == 2
    assert {row["drift"] for row in rows().values()} == {"unknown"}


@pytest.mark.slow
def test_a_limit_of_removals_that_refuses_is_critical(twin: Twin, run: Run, rows: Rows, tmp_path: Path) -> None:
    """With the names of those who would go, unless they are hidden; and it cannot be accepted."""
    twin.seed(seed("fabrikam", "litware"))

    def purging(name: str, **more: Any) -> dict[str, Any]:
        scope = {"purge": ["users"], "purge_scope": {"domains": [f"{name}.com"]}}
        return {**WITHOUT, "w365_directory_definition": {"users": [person(name, "boss", **more)], **scope}}

    entry = {"kind": "user", "name": "nestor@fabrikam.com", "until": TOMORROW, "why": "on leave"}
    hosts = {
        "fabrikam": {**purging("fabrikam"), "w365_accepted": [entry]},
        "litware": purging("litware", password=PLANTED),
    }
    played = run(hosts, w365_audit_fail_on_unknown=False)
    assert played.code == 2
    found = rows()
    assert {(row["state"], row["drift"]) for row in found.values()} == {("critical", "unknown")}
    for name in hosts:
        assert "The limit of removals refuses the directory: 2 users would go." in said(found[name])
    assert "nestor@fabrikam.com" in said(found["fabrikam"], "drift")
    for text in (played.output, *((tmp_path / name).read_text(encoding="utf-8") for name in FILES.values())):
        assert "nestor@litware.com" not in text
        assert PLANTED not in text
    shown = run(hosts, "--limit", "litware", w365_directory_secure_logging=False)
    assert "nestor@litware.com" in said(rows()["litware"], "drift")
    assert PLANTED not in shown.output
