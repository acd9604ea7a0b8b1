# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plans of a fleet say to the person who approves them, and the variables that carry them."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.plan_lines")


def entry(kind: str, action: str, name: str, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "action": action, "name": name, "changes": changes}


def planned(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"plan": "eJw=", "plan_digest": "sha256:1", "results": list(entries), **more}


def test_who_loses_something_comes_first() -> None:
    result = planned(
        entry("user", "create", "adele@contoso.com"),
        entry("user", "update", "alex@contoso.com", last_name="Wilber"),
        entry("user", "update", "lee@contoso.com", active=False),
        entry("membership", "change", "Sales", add=["adele@contoso.com"], remove=["Megan@contoso.com"]),
        entry("administrator", "revoke", "nestor@contoso.com"),
        entry("group", "delete", "EMEA"),
        scim_url="https://workspace.contoso.com/contoso/scim",
    )
    assert filters.plan_lines({"contoso": result}) == [
        "These plans change 5 people in 1 of 1 environment.",
        "contoso: 6 changes; SCIM address: https://workspace.contoso.com/contoso/scim",
        "contoso: administrator revoke 1: nestor@contoso.com",
        "contoso: group delete 1: EMEA",
        "contoso: membership change, takes access 1: Sales",
        "contoso: user update, takes access 1: lee@contoso.com",
        "contoso: user create 1: adele@contoso.com",
        "contoso: user update 1: alex@contoso.com",
        "contoso: digest sha256:1",
    ]


def test_who_gains_and_loses_permissions() -> None:
    changes = [
        {"user": user, "change": change, "permission": "Manage news", "groups": ["Editors"]}
        for user, change in (("a@x.com", "gains"), ("b@x.com", "gains"), ("c@x.com", "loses"), ("d@x.com", "may lose"))
    ]
    result = planned(entry("membership", "change", "Editors", add=["a@x.com"]), permission_changes=changes)
    assert filters.plan_lines({"contoso": result})[3:6] == [
        "contoso: 1 person loses Manage news: c@x.com",
        "contoso: 1 person may lose Manage news: d@x.com",
        "contoso: 2 people gain Manage news: a@x.com, b@x.com",
    ]
    hidden = filters.plan_lines({"contoso": result}, {"contoso": {"users": [{"password": "x"}]}})
    assert hidden[3] == "contoso: 1 person loses Manage news"


def test_every_environment_has_a_line() -> None:
    many = planned(*(entry("user", "create", f"user{number:02}@contoso.com") for number in range(25)))
    failed = {"failed": True, "msg": "The SCIM service refused the key.\nCheck it."}
    lines = filters.plan_lines({"a": planned(), "b": many, "c": failed, "d": {}})
    assert lines[0] == "These plans change 25 people in 1 of 4 environments."
    assert lines[1:3] == ["a: 0 changes; SCIM address: none", "a: digest sha256:1"]
    assert lines[4].endswith("user19@contoso.com and 5 more")
    assert lines[6:] == ["c: no plan: The SCIM service refused the key. Check it.", "d: not reached"]


@pytest.mark.parametrize(
    ("definition", "hides"),
    [
        ({"users": [{"upn": "a", "password": "p"}]}, True),
        ({"users": [{"upn": "a"}]}, False),
        ({"groups": []}, False),
        ({"users": None}, False),
        ({"users": "{{ unreadable }}"}, True),
        ("unreadable", True),
    ],
)
def test_names_are_hidden_with_passwords(definition: Any, hides: bool) -> None:
    lines = filters.plan_lines({"a": planned(entry("user", "create", "adele@contoso.com"))}, {"a": definition})
    assert ("adele@contoso.com" not in " ".join(lines)) is hides
    assert any(line.startswith("a: user create 1") for line in lines)


def test_the_variables_of_the_plans() -> None:
    names = {"one": "Contoso", "two": "a-b", "three": "c"}
    results = {"one": planned(), "two": planned(), "three": {"failed": True}}
    found = filters.plan_variables(results, names, "abc123")
    assert found["w365_plan_contoso"] == "eJw="
    assert found["w365_plan_digest_contoso"] == "sha256:1"
    assert found["w365_plan_revision_contoso"] == "abc123"
    assert len(found) == 6
    assert filters.plan_variable("A-B") in found
    assert "w365_plan_revision_contoso" not in filters.plan_variables(results, names)
    with pytest.raises(AnsibleFilterError, match="Host two and another one are both for environment CONTOSO"):
        filters.plan_variables(results, {"one": "contoso", "two": "CONTOSO"})
    with pytest.raises(AnsibleFilterError, match="The environment of two has no name"):
        filters.plan_variables(results, {"one": "contoso"})


names = st.text(alphabet="abAB1-_. é", min_size=1, max_size=5).filter(lambda name: bool(name.strip()))


@given(names, names)
def test_two_environments_never_share_a_variable(one: str, other: str) -> None:
    first, second = filters.plan_variable(one), filters.plan_variable(other)
    assert (first == second) == (one.strip().lower() == other.strip().lower())
    assert first.isidentifier()
    assert first.isascii()


@pytest.mark.parametrize("value", [None, "contoso", ["contoso"], {"contoso": "done"}])
def test_something_else_than_results_is_refused(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="needs a dictionary with a result for each host"):
        filters.plan_lines(value)


def test_a_blank_name_is_refused() -> None:
    for name in ("", "  ", None):
        with pytest.raises(AnsibleFilterError, match="blank"):
            filters.plan_variable(name)
    with pytest.raises(AnsibleFilterError, match="plan_digest"):
        filters.plan_variable("contoso", "digest")
