# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audit thinks of what was read about a tenant: every sign by itself, and what cannot be read is unknown."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.sso_audit")
sso_audit, sso_audit_shown = filters.sso_audit, filters.sso_audit_shown

NOW = "2026-11-26T00:00:00Z"
APP = "9c5b1f5e-0000-4000-8000-000000000365"
IMPORT = "00000000-0000-4000-8000-0000000000a1"
REDIRECT = "https://workspace.contoso.com/contoso/OAuth2/HandleAuthorityResponse"
LINKED = {"key_id": "k1", "name": "w365 contoso", "state": "linked", "created": NOW, "expires": "2027-11-26T00:00:00Z"}
FOREIGN = {"key_id": "k2", "name": "theirs", "state": "foreign", "created": NOW, "expires": "2027-01-01T00:00:00Z"}

ASKED: dict[str, Any] = {
    "environment": "contoso",
    "tenant": "contoso.onmicrosoft.com",
    "parts": ["sso", "scim", "import"],
    "authority": "https://login.windows.net/contoso.com",
    "import_client_id": IMPORT,
    "import_kind": "secret",
    "import_key_id": "",
}
SSO: dict[str, Any] = {
    "found": True,
    "application": {"client_id": APP, "redirect_uris": [REDIRECT]},
    "deleted_application": None,
    "service_principal": {"id": "p", "enabled": True, "assignment_required": False},
    "consent": [{"resource": "Microsoft Graph", "granted": ["openid"], "missing": []}],
    "excess_consent": [],
    "secret": LINKED,
    "secrets": [LINKED],
    "foreign_secrets": 0,
    "days_left": 365.0,
    "sso": {"authority": "https://login.windows.net/contoso.com", "client_id": APP},
    "readable": True,
    "linked": True,
    "drift": [],
}
JOB: dict[str, Any] = {"state": "Active", "status": "Active", "words": "active", "quarantine": None}
SCIM: dict[str, Any] = {
    "found": True,
    "job": JOB,
    "settings": {"token_is_saved": True, "delete_guard": True},
    "credentials_valid": True,
    "credentials_message": None,
    "mapping_problems": [],
}
SECRET = {"keyId": "s1", "hint": "abc", "endDateTime": "2027-11-26T00:00:00.1234567Z"}
OTHER = {"keyId": "s2", "hint": "xyz", "endDateTime": "2026-12-01T00:00:00Z"}
CERTIFICATE = {"keyId": "c1", "endDateTime": "2026-12-16T00:00:00Z"}


def registration(*secrets: Mapping[str, Any], certificates: tuple[Mapping[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "json": {
            "value": [{"appId": IMPORT, "passwordCredentials": list(secrets), "keyCredentials": list(certificates)}]
        },
        "headers": {"date": "Thu, 26 Nov 2026 00:00:00 GMT"},
    }


def row(
    sso: Any = SSO, scim: Any = SCIM, imported: Any = None, *, problem: Any = None, hint: str = "", **asked: Any
) -> dict[str, Any]:
    """The row of one tenant, in which all is well but what is given."""
    imported = registration(SECRET) if imported is None else imported
    known = {**ASKED, **asked} if asked.get("parts") != [] or asked else ASKED
    report = sso_audit([["contoso", known, problem or {}, hint, sso, scim, imported]], 30, 14, NOW)
    (found,) = report["tenants"]
    return dict(found)


def said(found: Mapping[str, Any]) -> dict[str, str]:
    """The worst state of each area."""
    return {one["area"]: one["state"] for one in reversed(found["findings"])}


def test_all_is_well() -> None:
    found = row()
    assert found["state"] == "ok", found
    assert (found["secret_days_left"], found["import_days_left"], found["scim_status"]) == (365.0, 365.0, "active")
    assert found["scim_token_expires"].startswith("unknown"), "accepted today is not valid tomorrow"


def without(result: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(result)), **changes}


def secrets(*listed: Mapping[str, Any], linked: Mapping[str, Any] | None = LINKED, days: Any = 365.0) -> dict[str, Any]:
    return without(SSO, secrets=list(listed), secret=linked, days_left=days)


@pytest.mark.parametrize(
    ("sso", "area", "state"),
    [
        # The secret
        (secrets(LINKED, days=30.1), "secret", "ok"),
        (secrets(LINKED, days=30.0), "secret", "warning"),
        (secrets(LINKED, days=14.0), "secret", "critical"),
        (secrets(LINKED, days=-3.0), "secret", "critical"),
        (secrets({**LINKED, "expires": None}, linked={**LINKED, "expires": None}, days=None), "secret", "unknown"),
        (secrets(LINKED, FOREIGN), "secret", "warning"),
        (secrets(LINKED, {**FOREIGN, "expires": "2026-11-25T00:00:00Z"}), "secret", "ok"),
        (secrets(LINKED, {**FOREIGN, "expires": None}), "secret", "warning"),
        (secrets(LINKED, {**FOREIGN, "state": "writing"}), "secret", "unknown"),
        (secrets(FOREIGN, linked=None, days=None), "secret", "unknown"),
        (secrets({**FOREIGN, "expires": "2026-11-25T00:00:00Z"}, linked=None, days=None), "secret", "critical"),
        (secrets(linked=None, days=None), "secret", "critical"),
        # Consent
        (
            without(SSO, consent=[{"resource": "Graph", "granted": ["openid"], "missing": ["Mail.Send"]}]),
            "consent",
            "critical",
        ),
        (
            without(
                SSO,
                consent=[{"resource": "Graph", "granted": ["openid"], "missing": ["Mail.Send"]}],
                drift=["requiredResourceAccess", "consent Graph Mail.Send"],
            ),
            "consent",
            "warning",
        ),
        (
            without(
                SSO,
                consent=[{"resource": "Graph", "granted": [], "missing": ["openid"]}],
                drift=["requiredResourceAccess"],
            ),
            "consent",
            "critical",
        ),
        (without(SSO, excess_consent=[{"resource": "Graph", "scopes": ["Notes.Read"]}]), "consent", "warning"),
        # Drift
        (without(SSO, drift=["tags"]), "application", "warning"),
        (without(SSO, drift=["optionalClaims"]), "application", "warning"),
        (without(SSO, drift=["web"]), "application", "warning"),
        (without(SSO, drift=["web"], application={"redirect_uris": [REDIRECT + "/"]}), "application", "critical"),
        (without(SSO, drift=["web"], application={"redirect_uris": []}), "application", "critical"),
        (without(SSO, drift=["somethingNew"]), "application", "warning"),
        # The link
        (without(SSO, linked=False), "link", "critical"),
        (without(SSO, linked=None), "link", "unknown"),
        (without(SSO, readable=False, sso=None, linked=None), "link", "unknown"),
        (without(SSO, sso=None, linked=None), "link", "critical"),
        (
            without(SSO, sso={"authority": "https://login.windows.net/fabrikam.com", "client_id": APP}),
            "link",
            "critical",
        ),
        # The enterprise application
        (without(SSO, service_principal=None), "principal", "critical"),
        (without(SSO, service_principal={"enabled": False, "assignment_required": False}), "principal", "critical"),
        (without(SSO, service_principal={"enabled": None, "assignment_required": False}), "principal", "unknown"),
        (without(SSO, service_principal={"enabled": True, "assignment_required": True}), "principal", "warning"),
        (without(SSO, service_principal={"enabled": True, "assignment_required": None}), "principal", "unknown"),
        # Nothing to look at
        (without(SSO, found=False, application=None), "sso", "critical"),
        ({}, "sso", "unknown"),
        ({"failed": False, "msg": "HTTP 403"}, "sso", "unknown"),
        ({"found": "yes"}, "sso", "unknown"),
        ({"found": True}, "sso", "unknown"),
        (without(SSO, secrets=None), "sso", "unknown"),
        ("a text", "sso", "unknown"),
    ],
)
def test_single_sign_on(sso: Any, area: str, state: str) -> None:
    found = row(sso)
    assert said(found)[area] == state, found["findings"]
    worst = next(state for state in ("critical", "unknown", "warning", "ok") if state in said(found).values())
    assert found["state"] == worst


def test_the_authority_is_compared_as_the_modules_do() -> None:
    shown = {"authority": "HTTPS://login.windows.net/Contoso.com/", "client_id": APP}
    assert "link" not in said(row(without(SSO, sso=shown)))
    assert said(row(authority=""))["link"] == "unknown", "nobody said what it should be"


@pytest.mark.parametrize(
    ("scim", "area", "state"),
    [
        (without(SCIM, found=False, job=None), "scim", "critical"),
        (without(SCIM, job=None), "scim", "critical"),
        (
            without(SCIM, job={**JOB, "status": "Quarantine", "quarantine": {"reason": "TooManyDeletes"}}),
            "scim",
            "critical",
        ),
        (without(SCIM, job={**JOB, "quarantine": {"reason": "Unknown", "message": None}}), "scim", "critical"),
        (without(SCIM, job={**JOB, "state": "Paused"}), "scim", "warning"),
        (without(SCIM, job={**JOB, "status": "NotRun"}), "scim", "warning"),
        (without(SCIM, job={**JOB, "status": "Resting"}), "scim", "unknown"),
        (without(SCIM, credentials_valid=False, credentials_message="401"), "scim token", "critical"),
        (without(SCIM, credentials_valid=None, settings={"token_is_saved": False}), "scim token", "critical"),
        (without(SCIM, credentials_valid=None), "scim token", "unknown"),
        (without(SCIM, mapping_problems=["Nothing is sent for attribute active of a user."]), "scim", "warning"),
        (without(SCIM, settings={"delete_guard": False}), "scim", "warning"),
        ({}, "scim", "unknown"),
        ({"found": True, "job": "active"}, "scim", "unknown"),
        (None, "scim", "unknown"),
    ],
)
def test_provisioning(scim: Any, area: str, state: str) -> None:
    found = row(scim=scim)
    assert said(found)[area] == state, found["findings"]


@pytest.mark.parametrize(
    ("imported", "asked", "state", "expires"),
    [
        (registration(SECRET), {}, "ok", "2027-11-26T00:00:00Z"),
        (registration(OTHER), {}, "critical", "2026-12-01T00:00:00Z"),
        (registration(certificates=(CERTIFICATE,)), {"import_kind": "certificate"}, "warning", "2026-12-16T00:00:00Z"),
        # Which of them it is
        (registration(SECRET, OTHER), {}, "unknown", "unknown"),
        (registration(SECRET, OTHER), {"hint": "abc"}, "ok", "2027-11-26T00:00:00Z"),
        (registration(SECRET, OTHER), {"import_key_id": "S2"}, "critical", "2026-12-01T00:00:00Z"),
        (registration(SECRET, {**SECRET, "keyId": "s3"}), {}, "ok", "2027-11-26T00:00:00Z"),
        (registration(SECRET, {**OTHER, "endDateTime": "2026-11-01T00:00:00Z"}), {}, "ok", "2027-11-26T00:00:00Z"),
        (registration(SECRET, certificates=(CERTIFICATE,)), {"import_kind": ""}, "unknown", "unknown"),
        # Nothing, or nothing that can be read
        (registration({**OTHER, "endDateTime": "2026-11-01T00:00:00Z"}), {}, "critical", "expired"),
        (registration(), {}, "unknown", "unknown"),
        (registration({**SECRET, "endDateTime": None}), {}, "unknown", "unknown"),
        (registration({**SECRET, "endDateTime": "never"}), {}, "unknown", "unknown"),
        ({"json": {"value": []}}, {}, "unknown", "unknown"),
        ({"json": {"value": "none"}}, {}, "unknown", "unknown"),
        ({"msg": "HTTP 403"}, {}, "unknown", "unknown"),
        ({}, {}, "unknown", "unknown"),
        (registration(SECRET), {"import_client_id": ""}, "unknown", "unknown"),
        (registration(SECRET), {"import_client_id": APP}, "unknown", "unknown"),
        # What has no end
        ({}, {"import_kind": "federated"}, "ok", "never"),
        ({}, {"import_kind": "managed identity"}, "ok", "never"),
    ],
)
def test_what_the_import_signs_in_with(imported: Any, asked: dict[str, Any], state: str, expires: str) -> None:
    found = row(imported=imported, hint=asked.pop("hint", ""), **asked)
    assert said(found)["import"] == state, found["findings"]
    assert found["import_expires"] == expires


def test_the_clock_of_graph_counts() -> None:
    late = {**registration(SECRET), "headers": {"date": "Sat, 20 Nov 2027 00:00:00 GMT"}}
    assert said(row(imported=late))["import"] == "critical"
    nobody = {**registration(SECRET), "headers": {"date": "soon"}}
    assert said(row(imported=nobody))["import"] == "ok", "the controller's, where Graph says nothing"


@pytest.mark.parametrize(
    ("parts", "state"),
    [(["sso"], "ok"), (["scim", "import"], "ok"), (["scm"], "unknown"), (["sso", "scm"], "unknown"), ([], "unknown")],
)
def test_parts(parts: list[str], state: str) -> None:
    """Only what was asked for, and a misspelled part is not left out without a word."""
    report = sso_audit([["a", {**ASKED, "parts": parts}, {}, "", SSO, SCIM, registration(SECRET)]], 30, 14, NOW)
    assert report["tenants"][0]["state"] == state


def test_a_tenant_without_variables_is_a_row_with_its_reason() -> None:
    failed = {"msg": "'vault' is\nundefined"}
    rows = [
        ["b", {}, failed, "", {}, {}, {}],
        ["a", ASKED, {}, "", SSO, SCIM, registration(SECRET)],
        ["c", {}, {}, "", {}, {}, {}],
    ]
    report = sso_audit(rows, 30, 14, NOW)
    assert [(one["host"], one["state"]) for one in report["tenants"]] == [
        ("b", "unknown"),
        ("c", "unknown"),
        ("a", "ok"),
    ]
    assert "'vault' is undefined" in report["tenants"][0]["findings"][0]["text"]
    part = sso_audit([["b", ASKED, failed, "", {}, SCIM, registration(SECRET)]], 30, 14, NOW)["tenants"][0]
    assert "'vault' is undefined" in part["findings"][0]["text"]


@pytest.mark.parametrize("unread", [{}, None, {"msg": "HTTP 403"}, {"found": True}, {"found": 1}])
def test_what_could_not_be_read_is_shown_as_unknown(unread: Any) -> None:
    """In the table too, where a dash means that nobody looked."""
    shown = ("secret_expires", "scim_status", "scim_token", "import_expires")
    found = row(unread, unread, unread or {})
    assert [found[name] for name in shown] == ["unknown"] * 4
    (nobody,) = sso_audit([["b", {}, {}, "", unread, unread, unread]], 30, 14, NOW)["tenants"]
    assert [nobody[name] for name in shown] == ["unknown"] * 4
    lines = sso_audit_shown({**sso_audit([], 30, 14, NOW), "tenants": [found]}, "lines")
    assert " -" not in lines[1]
    parts = row(parts=["scim"])
    assert (parts["secret_expires"], parts["import_expires"]) == (None, None)


def test_a_long_reason_keeps_its_end() -> None:
    found = row(sso={"msg": "An unhandled exception " + "{{ x }} " * 200 + "file not found"})
    assert "file not found" in found["findings"][0]["text"]
    assert len(found["findings"][0]["text"]) < 500


def test_the_worst_comes_first_and_then_what_ends_first() -> None:
    def tenant(host: str, days: float) -> list[Any]:
        return [host, {**ASKED, "parts": ["sso"]}, {}, "", secrets(LINKED, days=days), {}, {}]

    report = sso_audit(
        [tenant("a", 300.0), tenant("b", 200.0), tenant("c", 3.0), tenant("d", 20.0), tenant("e", 1.0)], 30, 14, NOW
    )
    assert [one["host"] for one in report["tenants"]] == ["e", "c", "d", "b", "a"]
    assert report["counts"] == {"critical": 2, "unknown": 0, "warning": 1, "ok": 2}


@pytest.mark.parametrize(("warn", "critical"), [(5, 14), (-1, -2), (30, -1)])
def test_limits_with_which_nothing_would_be_critical(warn: int, critical: int) -> None:
    with pytest.raises(AnsibleFilterError, match="w365_audit_warn_days"):
        sso_audit([], warn, critical, NOW)


def verdict(*states: str, fail_on_unknown: bool = True) -> str:
    tenants = [{"host": state, "state": state} for state in states]
    return str(sso_audit_shown({"tenants": tenants}, "verdict", fail_on_unknown))


def test_verdict() -> None:
    assert verdict("ok", "warning") == ""
    assert verdict("ok", "critical") == "Of 2 tenants, 1 critical (critical). The table above says why."
    assert "1 critical (critical) and 1 unknown (unknown)" in verdict("critical", "unknown", "ok")
    assert verdict("unknown", fail_on_unknown=False) == ""
    assert "critical" in verdict("unknown", "critical", fail_on_unknown=False)


# Showing

EVIL = "<img src=x onerror=alert(1)>&\"' {{ 7*7 }} \x1b[31m\n\u202eevil"


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.add(tag)


def test_nothing_that_a_server_says_gets_out_of_its_place() -> None:
    """In every text that the report shows: no tag, no escape sequence, no line of its own."""
    texts = without(
        SSO,
        secrets=[LINKED, {**FOREIGN, "name": EVIL}],
        excess_consent=[{"resource": EVIL, "scopes": [EVIL]}],
        drift=[EVIL],
        sso={"authority": EVIL, "client_id": EVIL},
        linked=False,
    )
    scim = without(
        SCIM, credentials_valid=False, credentials_message=EVIL, mapping_problems=[EVIL], job={**JOB, "words": EVIL}
    )
    tenants = [
        [EVIL, {**ASKED, "environment": EVIL, "tenant": EVIL, "authority": EVIL}, {}, "", texts, scim, {"msg": EVIL}]
    ]
    report = sso_audit(tenants, 30, 14, NOW)
    plain = Tags(sso_audit_shown(sso_audit([], 30, 14, NOW), "html")).found
    page = sso_audit_shown(report, "html")
    assert Tags(page).found <= plain | {"tr", "td", "span", "ul", "li"}
    lines = sso_audit_shown(report, "lines")
    document = sso_audit_shown(report, "json")
    for text in (page, document, *lines):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert not any("\n" in line for line in lines)
    assert json.loads(document) == json.loads(json.dumps(report))
    assert document.isascii()


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="is none of lines, html, json, verdict"):
        sso_audit_shown({}, "csv")
