# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the audit of a fleet thinks of what was read about a tenant, what is accepted until when, and how that is shown."""

from __future__ import annotations

import base64
import copy
import csv
import hashlib
import importlib
import io
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.fleet_audit")
fleet_audit, fleet_audit_shown = filters.fleet_audit, filters.fleet_audit_shown
judgement: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_audit"
)
page: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_audit_page"
)

NOW = "2026-11-26T12:00:00Z"
APP = "9c5b1f5e-0000-4000-8000-000000000365"
LINKED = {"key_id": "k1", "name": "w365 contoso", "state": "linked", "created": NOW, "expires": "2027-11-26T00:00:00Z"}
SSO: dict[str, Any] = {
    "found": True,
    "application": {
        "client_id": APP,
        "redirect_uris": ["https://workspace.contoso.com/contoso/OAuth2/HandleAuthorityResponse"],
    },
    "service_principal": {"id": "p", "enabled": True, "assignment_required": False},
    "consent": [],
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
SCIM: dict[str, Any] = {
    "found": True,
    "job": {"state": "Active", "status": "Active", "words": "active", "quarantine": None},
    "settings": {"token_is_saved": True, "delete_guard": True},
    "credentials_valid": True,
    "mapping_problems": [],
}
SAME: dict[str, Any] = {"items": [], "compared": True, "left_out": 0, "warnings": []}
RESULTS: dict[str, Any] = {
    "environment": {
        "name": "contoso",
        "environments": [{"name": "contoso", "active": True}],
        "readable": True,
    },
    "administrators": {"active": 2, "maybe": 0},
    "sso": SSO,
    "scim": SCIM,
    "scim_key": {"status": 200, "answers": True, "inactive": False},
    "drift": {"environment": SAME, "directory": SAME},
}
AUDIT: dict[str, Any] = {
    "environment": "contoso",
    "tenant": "contoso.onmicrosoft.com",
    "authority": "https://login.windows.net/contoso.com",
    "wanted_active": None,
    "manages_app": True,
    "parts": list(judgement.PARTS),
    "mistakes": [],
    "accepted": None,
    "hidden": False,
    "results": RESULTS,
}


def read(*, now: str = NOW, results: Mapping[str, Any] | None = None, **audit: Any) -> dict[str, Any]:
    """The row of a tenant of which all is well but what is given."""
    known = {**copy.deepcopy(AUDIT), **audit}
    known["results"] = {**known["results"], **(results or {})}
    (row,) = fleet_audit([["contoso", {"audit": known}, {}]], now)["tenants"]
    return dict(row)


def said(row: Mapping[str, Any], area: str = "") -> list[tuple[str, str]]:
    return [(one["state"], one["text"]) for one in row["findings"] if area in ("", one["area"])]


def differs(*items: tuple[str, str, str], compared: bool = True) -> dict[str, Any]:
    entries = [
        {"kind": kind, "name": name, "action": action, "removes": action in ("delete", "revoke")}
        for kind, name, action in items
    ]
    return {"drift": {"directory": {**SAME, "items": entries, "compared": compared}}}


ADELE = ("user", "adele.vance@contoso.com", "create")
LEE = ("user", "lee.gu@contoso.com", "delete")
MEGAN = ("administrator", "megan.bowen@contoso.com", "revoke")
SALES = ("group", "Sales", "create")


def test_all_is_well() -> None:
    row = read()
    assert row["state"] == "ok", row["findings"]
    assert (row["environment_state"], row["administrators"], row["scim_key"], row["drift"]) == (
        *("active", 2, "accepted", 0),
    )
    assert row["parts_read"] == list(judgement.PARTS)


@pytest.mark.parametrize(
    ("results", "area", "state", "fact"),
    [
        # Whether it is active
        ({"environment": {"msg": "HTTP 401"}}, "environment", "unknown", "unknown"),
        ({"environment": {}}, "environment", "unknown", "unknown"),
        ({"environment": None}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": "all", "readable": True}}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": [], "readable": False}}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": [], "readable": True}}, "environment", "critical", "absent"),
        ({"environment": {"environments": [{"name": "contoso"}]}}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": [{"active": None}]}}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": [{"active": "true"}]}}, "environment", "unknown", "unknown"),
        ({"environment": {"environments": [{"active": False}]}}, "environment", "warning", "inactive"),
        ({"environment": {"environments": [{"active": True}, {"active": True}]}}, "environment", "unknown", "unknown"),
        # Administrators
        ({"administrators": {"active": 0, "maybe": 0}}, "administrator", "critical", 0),
        ({"administrators": {"active": 0, "maybe": 2}}, "administrator", "unknown", 2),
        ({"administrators": {"active": 1, "maybe": 0}}, "administrator", "warning", 1),
        ({"administrators": {"active": 1, "maybe": 1}}, "administrator", "ok", 2),
        ({"administrators": {"msg": "HTTP 404"}}, "administrator", "unknown", "unknown"),
        ({"administrators": {"active": None, "maybe": 0}}, "administrator", "unknown", "unknown"),
        ({"administrators": []}, "administrator", "unknown", "unknown"),
        # The SCIM key
        ({"scim_key": {"msg": "wrong", "status": 401, "inactive": False}}, "scim key", "critical", "refused"),
        ({"scim_key": {"msg": "wrong", "status": 403}}, "scim key", "critical", "refused"),
        ({"scim_key": {"msg": "inactive", "status": 401, "inactive": True}}, "scim key", "unknown", "unknown"),
        ({"scim_key": {"msg": "HTTP 500", "status": 500}}, "scim key", "unknown", "unknown"),
        ({"scim_key": {"msg": "no answer"}}, "scim key", "unknown", "unknown"),
        ({"scim_key": {"status": 200, "answers": False}}, "scim key", "unknown", "unknown"),
        ({"scim_key": {"status": 200, "answers": "yes"}}, "scim key", "unknown", "unknown"),
        ({"scim_key": {}}, "scim key", "unknown", "unknown"),
    ],
)
def test_every_sign(results: dict[str, Any], area: str, state: str, fact: Any) -> None:
    row = read(results=results)
    assert said(row, area)[0][0] == state, row["findings"]
    name = {"environment": "environment_state", "administrator": "administrators", "scim key": "scim_key"}[area]
    assert row[name] == fact
    assert row["state"] == state


def test_a_key_that_nobody_has_given_is_no_finding() -> None:
    row = read(results={"scim_key": {"given": False}})
    assert (row["state"], row["scim_key"], said(row, "scim key")) == ("ok", "not given", [])
    assert "scim_key" not in row["parts_read"]


def test_an_inactive_environment_that_is_described_so_is_right() -> None:
    inactive = {"environment": {**RESULTS["environment"], "environments": [{"active": False}]}}
    assert read(results=inactive, wanted_active=False)["state"] == "ok"
    assert read(results=inactive, wanted_active=True)["state"] == "warning"


# Drift


def test_drift_is_counted_and_the_first_names_are_shown() -> None:
    many = [("user", f"person{number:02}@contoso.com", "create") for number in range(8)]
    row = read(results=differs(LEE, MEGAN, SALES, *many))
    assert row["state"] == "warning"
    assert (row["drift"], row["drift_counts"]) == (
        11,
        {"user_delete": 1, "administrator_revoke": 1, "group_create": 1, "user_create": 8},
    )
    texts = [text for _state, text in said(row, "drift")]
    assert texts[:2] == [
        "administrator revoke, takes access 1: megan.bowen@contoso.com.",
        "user delete, takes access 1: lee.gu@contoso.com.",
    ]
    assert texts[3].endswith("person04@contoso.com and 3 more.")


@pytest.mark.parametrize("hidden", [True, None, "no"])
def test_names_are_hidden_unless_it_is_said_that_they_may_be_shown(hidden: Any) -> None:
    accepted = [{"kind": "user", "name": ADELE[1], "until": "2027-01-31", "why": "late"}]
    row = read(results=differs(ADELE, LEE, MEGAN), hidden=hidden, accepted=accepted)
    assert (row["drift"], row["accepted"]) == (2, 1)
    for form in ("lines", "html", "csv", "json"):
        shown = str(fleet_audit_shown({**fleet_audit([], NOW), "tenants": [row]}, form))
        assert not re.search("adele|lee.gu|megan", shown), form


@pytest.mark.parametrize(
    ("drift", "state", "shown"),
    [
        ({}, "unknown", "Nothing describes this tenant"),
        ({"definition": {"msg": "w365_tenant_definition cannot be used"}}, "unknown", "cannot be used"),
        ({"directory": {"msg": "HTTP 500"}}, "unknown", "The directory could not be compared: HTTP 500"),
        ({"directory": {}}, "unknown", "there is no result of its task"),
        ({"environment": SAME, "sso": {"msg": "HTTP 403"}}, "unknown", "The single sign-on could not be compared"),
        ({"directory": {**SAME, "compared": False}}, "unknown", "in part only: the server does not show it"),
        ({"directory": {**SAME, "compared": None}}, "unknown", "in part only"),
        ({"directory": {**SAME, "compared": False, "warnings": ["Its fields"]}}, "unknown", "in part only: Its fields"),
        ("none", "unknown", "Nothing describes"),
        (None, "unknown", "Nothing describes"),
        ({"directory": "unchanged"}, "unknown", "another form"),
        ({"directory": {"msg": "limit", "would_go": {"users": ["a", "b"]}}}, "critical", "2 users would go"),
    ],
)
def test_what_cannot_be_compared_is_no_agreement(drift: Any, state: str, shown: str) -> None:
    row = read(results={"drift": drift})
    assert (row["state"], row["drift"]) == (state, "unknown"), row["findings"]
    assert shown in said(row, "drift")[0][1]


def test_what_a_module_said_about_passwords_is_hidden_with_its_way_out() -> None:
    failed = {"directory": {"msg": "Cannot delete lee.gu@contoso.com", "would_go": {"users": ["lee.gu@contoso.com"]}}}
    for drift in (failed, {"directory": {"msg": "lee.gu@contoso.com"}}):
        shown = str(read(results={"drift": drift}, hidden=True))
        assert "lee.gu" not in shown
    assert "w365_directory_secure_logging=false" in shown
    own = {"directory": {"msg": "The instance has no environment x.", "by_module": False}}
    assert "no environment x" in str(read(results={"drift": own}, hidden=True))


def test_part_of_the_drift_is_shown_beside_what_is_unknown() -> None:
    row = read(results={"drift": {**differs(ADELE)["drift"], "sso": {"msg": "HTTP 403"}}})
    assert (row["state"], row["drift"], row["drift_counts"]) == ("unknown", "unknown", {"user_create": 1})
    assert "1 and unknown" in fleet_audit_shown({**fleet_audit([], NOW), "tenants": [row]}, "lines")[1]


def test_a_managed_app_registration_that_differs_is_drift() -> None:
    other = {"sso": {**SSO, "drift": ["tags"], "linked": False}}
    row = read(results=other)
    assert row["drift_counts"] == {"sso_application": 1, "sso_link": 1}
    assert read(results=other, manages_app=False)["drift"] == 0, "nothing describes it"
    assert read(results={"sso": {"msg": "HTTP 403"}})["drift"] == "unknown"
    assert read(results={"sso": {**SSO, "readable": False, "sso": None}})["drift"] == "unknown"
    without = read(parts=["drift"])
    assert (without["state"], without["drift"]) == ("ok", 0)
    assert "sso is left out" in str(said(without, "drift"))


# What is accepted


def accepted(kind: Any = "user", name: Any = ADELE[1], until: Any = "2027-01-31", why: Any = "late") -> dict[str, Any]:
    given = {"kind": kind, "name": name, "until": until, "why": why}
    return {key: value for key, value in given.items() if value is not None}


@pytest.mark.parametrize(
    ("until", "now", "counts"),
    [
        ("2026-11-26", NOW, False),
        ("2026-11-25", NOW, True),
        ("2026-11-26", "2026-11-26T23:59:59Z", False),
        ("2026-11-26", "2026-11-27T00:00:00Z", True),
        ("2026-11-26T12:00:01Z", NOW, False),
        ("2026-11-26T12:00:00Z", NOW, True),
        ("2026-11-26 12:00:01", NOW, False),
        ("2026-11-26T14:00:01+02:00", NOW, False),
        ("2026-11-26T13:00:00+02:00", NOW, True),
        ("2026-11-26T12:00:00.9Z", NOW, True),
        ("9999-12-31", NOW, False),
        ("0001-01-01", NOW, True),
        ("0001-01-01T00:00:00+14:00", NOW, True),
        (" 2027-01-31 ", NOW, False),
    ],
)
def test_accepted_until_its_end(until: str, now: str, counts: bool) -> None:
    row = read(now=now, results=differs(ADELE), accepted=[accepted(until=until)])
    assert row["drift"] == (1 if counts else 0)
    assert row["accepted"] == (0 if counts else 1)
    assert row["state"] == ("warning" if counts else "ok")
    text = said(row, "drift")[-1 if not counts else 0][1]
    assert ("is not accepted any more by" if counts else "Accepted by") in text
    assert "adele.vance@contoso.com" in text
    assert "late" in text


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (accepted(kind="person"), "its kind is 'person'"),
        (accepted(kind=None), "its kind is not given"),
        (accepted(kind=["user"]), "its kind is ['user']"),
        (accepted(kind="tenant"), "its kind is 'tenant'"),
        (accepted(kind="unknown"), "its kind is 'unknown'"),
        (accepted(name=None), "it has no name"),
        (accepted(name=" "), "it has no name"),
        (accepted(name=516), "its name is 516 and no text"),
        (accepted(until=None), "until is not given"),
        (accepted(until=20270131), "until is 20270131"),
        (accepted(until="20270131"), "no day such as"),
        (accepted(until="never"), "no day such as"),
        (accepted(until="2027-02-30"), "no day such as"),
        (accepted(until="31.01.2027"), "no day such as"),
        (accepted(until="2027-W05-1"), "no day such as"),
        (accepted(until="\u0662\u0660\u0662\u0667-01-31"), "no day such as"),
        (accepted(until="2027-01-31T25:00"), "no day such as"),
        (accepted(until="2027-01-31T12:00:00+25:00"), "no day such as"),
        (accepted(until=True), "until is True"),
        (accepted(why=None), "does not say why"),
        (accepted(why="  "), "does not say why"),
        (accepted(why=1), "does not say why"),
        ({**accepted(), "untill": "2027-01-31"}, "has the key 'untill'"),
        ("adele.vance@contoso.com", "it is no dictionary"),
        (None, "it is no dictionary"),
        ([], "it is no dictionary"),
    ],
)
def test_an_entry_with_a_mistake_accepts_nothing(entry: Any, sentence: str) -> None:
    row = read(results=differs(ADELE), accepted=[entry])
    assert (row["drift"], row["accepted"], row["state"]) == (1, 0, "warning")
    (refusal,) = said(row, "accepted")
    assert refusal[1].startswith("Entry 1 of w365_accepted accepts nothing: ")
    assert sentence in refusal[1]


@pytest.mark.parametrize("entries", ["all", {"kind": "user"}, 1, True])
def test_what_is_no_list_accepts_nothing(entries: Any) -> None:
    row = read(results=differs(ADELE), accepted=entries)
    assert (row["drift"], row["state"]) == (1, "warning")
    assert "is no list" in said(row, "accepted")[0][1]


def test_only_what_an_entry_names_is_accepted() -> None:
    items = differs(ADELE, LEE, MEGAN, ("membership", "Sales", "change"), SALES)
    for entry in (
        accepted("user", "ADELE.Vance@Contoso.com"),
        accepted("administrator", MEGAN[1]),
        accepted("Group", " sales "),
        accepted("membership", "Sales"),
    ):
        row = read(results=items, accepted=[entry])
        assert (row["drift"], row["accepted"]) == (4, 1), entry
    for entry in (accepted("user", "adele*"), accepted("group", ADELE[1]), accepted("user", "adele.vance@contoso.co")):
        row = read(results=items, accepted=[entry])
        assert (row["drift"], row["accepted"]) == (5, 0), entry
        assert "Nothing matches entry 1" in said(row, "accepted")[0][1]
    both = read(results=items, accepted=[accepted(until="2026-01-01"), accepted()])
    assert (both["drift"], both["accepted"]) == (4, 1), "one that has not ended counts"


def test_findings_about_the_tenant_are_accepted_without_a_name() -> None:
    bad = {
        "environment": {**RESULTS["environment"], "environments": [{"active": False}]},
        "administrators": {"active": 1, "maybe": 0},
        "scim_key": {"msg": "wrong", "status": 401},
        "sso": {**SSO, "days_left": 2.0},
        "drift": {"environment": {**SAME, "items": [{"kind": "environment", "name": "contoso", "action": "activate"}]}},
    }
    kinds = ["environment", "administrator", "scim_key", "secret"]
    entries = [accepted(kind, None) for kind in kinds]
    row = read(results=bad, accepted=entries, manages_app=False)
    assert (row["state"], row["accepted"], row["drift"]) == ("ok", 5, 0), row["findings"]
    one = read(results=bad, accepted=entries[:1], manages_app=False)
    assert (one["state"], one["accepted"]) == ("critical", 2)
    named = [accepted(kind, "Contoso") for kind in kinds]
    assert read(results=bad, accepted=named, manages_app=False)["state"] == "ok"
    other = [accepted(kind, "fabrikam") for kind in kinds]
    row = read(results=bad, accepted=other, manages_app=False)
    assert (row["state"], row["accepted"]) == ("critical", 0)
    ended = read(results=bad, accepted=[accepted("secret", None, "2026-11-25")], manages_app=False)
    assert "is not accepted any more" in said(ended, "secret")[0][1]


def test_what_is_unknown_cannot_be_accepted() -> None:
    unread = {name: {"msg": "HTTP 403"} for name in ("environment", "administrators", "sso", "scim", "scim_key")}
    entries = [accepted(kind, None) for kind in ("environment", "administrator", "sso", "scim", "scim key")]
    row = read(results={**unread, "drift": {"directory": {"msg": "HTTP 403"}}}, accepted=[*entries, accepted()])
    assert row["state"] == "unknown"
    assert row["accepted"] == 0
    # Whether they are needed is not known either.
    assert len(said(row, "accepted")) == 6
    assert {state for state, _text in said(row, "accepted")} == {"ok"}
    limit = {"drift": {"directory": {"msg": "limit", "would_go": {"users": [ADELE[1]]}}}}
    assert read(results=limit, accepted=[accepted()])["state"] == "critical"


def test_an_entry_that_covers_nothing_is_reported() -> None:
    gone = read(accepted=[accepted(), accepted("group", "Sales", "2026-01-01"), accepted("scim token", None)])
    assert gone["state"] == "warning"
    texts = [text for _state, text in said(gone, "accepted")]
    assert texts[0].startswith("Nothing matches entry 1 of w365_accepted (user adele.vance@contoso.com")
    assert "It has ended." in texts[1]
    assert "(scim token, until" in texts[2]
    left = read(accepted=[accepted()], parts=["environment"])
    assert (left["state"], said(left, "accepted")[0][1]) == (
        "ok",
        "Whether entry 1 of w365_accepted (user adele.vance@contoso.com, until 2027-01-31: late) is needed was not looked at.",
    )


# Tenants of which nothing is known


@pytest.mark.parametrize("result", [{}, None, {"msg": "it failed"}, {"audit": None}, {"audit": {}}, {"audit": []}, "x"])
def test_a_tenant_without_a_result_is_a_row(result: Any) -> None:
    (row,) = fleet_audit([["contoso", result, {"msg": "'vault' is\nundefined"}]], NOW)["tenants"]
    assert (row["host"], row["state"], row["parts_read"]) == ("contoso", "unknown", [])
    assert "'vault' is undefined" in row["findings"][0]["text"]
    shown = ("environment_state", "administrators", "secret_expires", "scim_status", "scim_key", "drift")
    assert [row[name] for name in shown] == ["unknown"] * 6
    assert set(row) == set(read())


def test_nothing_to_look_at_is_unknown() -> None:
    assert read(parts=[])["state"] == "unknown"
    assert read(mistakes=["w365_audit_without has all."])["state"] == "unknown"


@pytest.mark.parametrize("now", ["", "soon", "26.11.2026"])
def test_without_a_time_nothing_is_judged(now: str) -> None:
    with pytest.raises(AnsibleFilterError, match="is no time"):
        read(now=now)


@pytest.mark.parametrize(("warn", "critical"), [(5, 14), (30, -1)])
def test_limits_with_which_nothing_would_be_critical(warn: int, critical: int) -> None:
    with pytest.raises(AnsibleFilterError, match="w365_audit_warn_days"):
        fleet_audit([], NOW, warn, critical)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(part=st.sampled_from(judgement.PARTS), value=ANYTHING, entries=ANYTHING)
def test_no_result_of_another_form_is_good(part: str, value: Any, entries: Any) -> None:
    row = read(results={part: value}, accepted=entries)
    assert row["state"] in ("critical", "unknown"), row
    # And each form can show it.
    report = {**fleet_audit([], NOW), "tenants": [row]}
    assert all(fleet_audit_shown(report, form) for form in ("lines", "html", "csv", "json"))


# The end


def verdict(*rows: dict[str, Any], **how: bool) -> str:
    rows = tuple({"parts_read": ["drift"], "drift_counts": {}, **row} for row in rows)
    return str(fleet_audit_shown({"tenants": rows}, "verdict", **how))


def test_verdict() -> None:
    ok, bad, unknown, drifted = (
        {"host": state, "state": state, "drift_counts": {"user_create": 1} if state == "warning" else {}}
        for state in ("ok", "critical", "unknown", "warning")
    )
    assert verdict(ok, drifted) == ""
    assert verdict(ok, drifted, fail_on_drift=True) == "Of 2 tenants, 1 with drift (warning). The table above says why."
    assert verdict(ok, bad) == "Of 2 tenants, 1 critical (critical). The table above says why."
    assert "1 critical (critical) and 1 unknown (unknown)" in verdict(bad, unknown, ok)
    assert verdict(ok, unknown, fail_on_unknown=False) == ""
    assert "1 unknown (unknown) and 1 with drift" in verdict(unknown, drifted, fail_on_drift=True)
    assert "Of 2 tenants, 1 with drift" in verdict(unknown, drifted, fail_on_drift=True, fail_on_unknown=False)


def test_a_fleet_of_which_nothing_was_read_is_a_failure() -> None:
    unread = {"host": "contoso", "state": "unknown", "parts_read": []}
    assert "Nothing could be read of any of 1 tenants (contoso)." in verdict(unread, fail_on_unknown=False)
    assert verdict(unread, {"host": "b", "state": "ok"}, fail_on_unknown=False) == ""


# Showing

EVIL = "<img src=x onerror=alert(1)>&\"' {{ 7*7 }} \x1b[31m\n\u202e=HYPERLINK(1)"
STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", " =", "\u00a0@")


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _value in attrs}


def report_of(text: str) -> dict[str, Any]:
    """A report that holds the text in every place that a server or a file fills."""
    results = {
        "sso": {**SSO, "secrets": [LINKED, {**LINKED, "state": "foreign", "name": text}], "drift": [text]},
        "scim": {**SCIM, "mapping_problems": [text], "job": {**SCIM["job"], "words": text}},
        "scim_key": {"msg": text, "status": 401},
        "drift": {
            **differs(("user", text, "create"), ("group", text, text), (text, text, text))["drift"],
            "sso": {"msg": text},
        },
    }
    known = {**copy.deepcopy(AUDIT), "environment": text, "tenant": text, "mistakes": [text]}
    known |= {
        "accepted": [accepted(name=text, why=text or "x"), accepted(kind=text)],
        "results": {**RESULTS, **results},
    }
    return dict(fleet_audit([[text, {"audit": known}, {}], ["good", {"audit": AUDIT}, {}]], NOW))


PLAIN = Tags(fleet_audit_shown(report_of("plain"), "html"))


@given(st.text() | st.sampled_from([EVIL, *STARTS]))
def test_nothing_that_anybody_says_gets_out_of_its_place(text: str) -> None:
    report = report_of(text)
    shown = fleet_audit_shown(report, "html")
    found = Tags(shown)
    assert (found.tags, found.attributes) == (PLAIN.tags, PLAIN.attributes)
    lines = fleet_audit_shown(report, "lines")
    document = fleet_audit_shown(report, "json")
    sheet = fleet_audit_shown(report, "csv")
    for form in (shown, document, *lines):
        assert not re.search("[\x1b\u202e]", form)
    assert not any("\n" in line for line in lines)
    assert document.isascii()
    assert json.loads(document) == json.loads(json.dumps(report))
    cells = [cell for row in csv.reader(io.StringIO(sheet.removeprefix("\ufeff"), newline="")) for cell in row]
    assert len(cells) == 3 * len(page.CSV_COLUMNS)
    assert not [cell for cell in cells if re.match(r"[\s\u00a0]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]", cell)]


def test_the_page_needs_nobody_and_runs_nothing_else() -> None:
    shown = fleet_audit_shown(report_of(EVIL), "html")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', shown)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    for tag, kind in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", shown, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy[1], tag
    assert not re.search(r"(?i)\b(?:src|href|on\w+|style)=\"", shown)
    assert "http" not in shown.partition("<main>")[0].replace("http-equiv", "")


def test_the_page_has_counts_a_filter_and_what_to_sort_by() -> None:
    shown = fleet_audit_shown(report_of("plain"), "html")
    assert "<dt>critical</dt><dd>1</dd>" in shown
    assert "<dt>tenants</dt><dd>2</dd>" in shown
    for state in ("critical", "unknown", "warning", "ok"):
        assert f'id="show-{state}"' in shown
        assert f"main:has(#show-{state}:checked) tbody tr:not([data-state={state}])" in shown
    assert shown.count('aria-sort="none"><button type="button">') == len(page.COLUMNS)
    rows = re.findall(r'<tr data-state="(\w+)">', shown)
    assert rows == ["critical", "ok"]
    assert shown.count("data-sort=") == 2 * len(page.COLUMNS)


SORTING = """
const script = require("fs").readFileSync(0, "utf8");
const heads = [], rows = [], body = { rows, append: (...moved) => rows.splice(0, rows.length, ...moved) };
const given = [["b", "-3.5"], ["a", "1e9"], ["C", "-1e9"], ["a10", "12"], ["a9", "2"]];
for (const values of given) rows.push({ cells: values.map(sort => ({ dataset: { sort } })) });
for (const at of [0, 1]) {
  const head = { state: "none", getAttribute: () => head.state, setAttribute: (_name, to) => { head.state = to; } };
  heads.push({ head, closest: () => head, addEventListener: (_name, act) => { head.click = act; } });
}
global.document = {
  querySelector: () => body,
  querySelectorAll: what => what.endsWith("button") ? heads : heads.map(one => one.head),
};
eval(script);
const names = () => rows.map(row => row.cells[0].dataset.sort).join(" ");
const told = [];
for (const at of [0, 0, 1, 1]) { heads[at].head.click(); told.push(names() + " " + heads.map(one => one.head.state)); }
console.log(JSON.stringify(told));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_script_sorts(tmp_path: Path) -> None:
    """Names as people do, numbers as numbers, and what is unknown before them."""
    program = tmp_path / "sorting.js"
    program.write_text(SORTING, encoding="utf-8")
    done = subprocess.run(
        [str(shutil.which("node")), str(program)], input=page._SCRIPT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [
        "a a9 a10 b C ascending,none",
        "C b a10 a9 a descending,none",
        "C b a9 a10 a none,ascending",
        "a a10 a9 b C none,descending",
    ]


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="is none of lines, html, csv, json, verdict"):
        fleet_audit_shown({}, "pdf")
