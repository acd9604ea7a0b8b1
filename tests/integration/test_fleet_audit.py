# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook fleet_audit over environments in every state, in real processes. It writes nothing but its reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

import in_process
from playing import COLLECTION, Play, connection
from w365_simulator.testing import Twin

FILES = {f"w365_audit_{form}": f"audit.{form}" for form in ("html", "csv", "json")}
QUICK = {"replication_timeout": 0, "activation_timeout": 0}
ODD = "<script>alert(1)</script> {{ 7 * 7 }}"
PLANTED = "a-planted-secret"
NOW = datetime.now(timezone.utc)
TOMORROW, LAST_MONTH = (str((NOW + timedelta(days=days)).date()) for days in (2, -31))

Run = Callable[..., Play]


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
def rows(tmp_path: Path) -> Callable[[], dict[str, dict[str, Any]]]:
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
TEN = ("contoso", "fabrikam", "lab", "wingtip", "litware", "adatum", "proseware", "tailspin", "woodgrove")


def every_kind(twin: Twin) -> dict[str, dict[str, Any]]:
    """The variables of ten tenants, each in a state of its own."""
    twin.seed(seed(*TEN, lab={"active": False}))
    for name in ("contoso", "litware"):
        made = in_process.run("w365_sso_app", {**connection(twin, name), "primary_domain": "contoso.com", **QUICK})
        assert not made.get("failed"), made["msg"]
    options = {"groups": ["Invoice Approvals"], "notification_email": "ops@contoso.com", "replication_timeout": 4}
    assert not in_process.run("w365_scim_app", {**connection(twin, scim=True), **options}).get("failed")
    twin.run_cycle()
    twin.fault(surface="provisioning", method="GET", path="/adatum/User/", action="status", status=500, times=-1)
    sso = {"primary_domain": "contoso.com", "app": QUICK}
    scim = {"w365_scim_url": twin.scim_url("contoso"), "w365_scim_token": twin.scim_token}
    return {
        "contoso": {"w365_sso_definition": sso, **scim, "w365_directory_definition": as_described("contoso")},
        "fabrikam": {
            **WITHOUT,
            "w365_directory_definition": as_described(
                "fabrikam",
                person("fabrikam", ODD.split(maxsplit=1)[0].replace("<", "x").replace(">", "x")[:5]),
                groups=[{"name": ODD, "members": {"set": ["boss@fabrikam.com"]}}],
                purge=["users"],
                purge_scope={"domains": ["fabrikam.com"]},
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
            "w365_sso_definition": {**sso, "primary_domain": "fabrikam.com"},
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


def test_ten_tenants_with_every_kind_of_state(
    twin: Twin, run: Run, rows: Callable[[], dict[str, dict[str, Any]]], tmp_path: Path
) -> None:
    played = run(every_kind(twin), "-vvvv")
    assert played.code == 2, played.output
    found = rows()
    assert {name: row["state"] for name, row in found.items()} == {}
