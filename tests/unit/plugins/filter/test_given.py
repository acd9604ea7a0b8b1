# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters make of the variables of roles and playbooks: blank is not given, and a survey gives texts."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.given")
given, mistakes, mistakes_of_paths = filters.given, filters.mistakes, filters.mistakes_of_paths

BLANKS = [None, "", " ", "   ", "\n", "\t \r\n"]


@pytest.mark.parametrize("kind", list(filters.KINDS))
@pytest.mark.parametrize("blank", BLANKS, ids=repr)
def test_blank_is_not_given(blank: Any, kind: str) -> None:
    default = object()
    assert given(blank, default, kind) is default


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (" a key ", "text", " a key "),
        (0, "text", 0),
        (False, "text", False),
        ([], "text", []),
        ("none", "text", "none"),
        ("yes", "bool", True),
        (" Off ", "bool", False),
        (0, "bool", False),
        (True, "bool", True),
        ("null", "bool", "default"),
        (" 25 ", "int", 25),
        ("-1", "int", -1),
        (0, "int", 0),
        ("None", "int", "default"),
        ("Absent ", "state", "absent"),
        ("a.csv", "list", ["a.csv"]),
        ("a.csv, b.csv,", "list", ["a.csv", "b.csv"]),
        ("a,b.csv\nc.csv", "list", ["a,b.csv", "c.csv"]),
        ("a,b.csv\r\n\r\n", "list", ["a", "b.csv"]),
        (" , ,", "list", "default"),
        (["Sales, EMEA"], "list", ["Sales, EMEA"]),
        ([], "list", []),
        ({"a": None, "b": "", "c": 0}, "dict", {"b": "", "c": 0}),
        ({"a": None, "b": " ", "c": 0}, "filled", {"c": 0}),
        ({"scim_url": "", "scim_token": ""}, "scim", {"scim_url": "", "scim_token": ""}),
        ({"scim_url": None, "scim_token": None}, "scim", {}),
    ],
    ids=repr,
)
def test_what_is_given(value: Any, kind: str, expected: Any) -> None:
    assert given(value, "default", kind) == expected


@pytest.mark.parametrize(
    ("value", "kind", "sentence"),
    [
        ("perhaps", "bool", "w365_x is 'perhaps': give true or false, or leave it out."),
        (2, "bool", "w365_x is 2: give true or false, or leave it out."),
        (["yes"], "bool", "w365_x is something else: give true or false, or leave it out."),
        ("25 %", "int", "w365_x is '25 %': give a whole number, or leave it out."),
        ("2.5", "int", "w365_x is '2.5': give a whole number, or leave it out."),
        (True, "int", "w365_x is True: give a whole number, or leave it out."),
        ("gone", "state", "w365_x is 'gone': give present or absent, or leave it out."),
        (
            {"users": "a.csv"},
            "list",
            "w365_x is neither a list nor a text with one entry per line, or with commas between them.",
        ),
        ("a-secret", "dict", "w365_x is no dictionary."),
        (
            {"scim_url": "https://a-secret"},
            "scim",
            "w365_x has the keys scim_url: give scim_url and scim_token, or leave it out.",
        ),
        (
            {"scim_url": "", "scim_key": ""},
            "scim",
            "w365_x has the keys scim_key, scim_url: give scim_url and scim_token, or leave it out.",
        ),
    ],
    ids=repr,
)
def test_what_cannot_be_read(value: Any, kind: str, sentence: str) -> None:
    """No part of what may be a secret is in the sentence."""
    with pytest.raises(AnsibleFilterError) as raised:
        given(value, None, kind, "w365_x")
    assert str(raised.value) == sentence
    assert "a-secret" not in str(raised.value)


def test_an_unknown_kind_is_a_mistake_of_the_template() -> None:
    with pytest.raises(AnsibleFilterError, match="The kind 'number' is none of text, bool"):
        given("1", None, "number")


def test_what_is_right_has_no_mistakes() -> None:
    assert mistakes([{"upn": "adele.vance@contoso.com"}, {"upn": "a", "active": "yes"}], "w365_users_list") == ""
    assert mistakes([{"name": "a", "members": {"set": []}}], "w365_groups_list") == ""
    assert mistakes({"add": ["a"]}, "w365_admins_definition") == ""


def test_everything_that_is_wrong_is_named_at_once() -> None:
    people = [{"active": True}, "a-secret", {"upn": "a", "pasword": "a-secret", "active": "perhaps"}]
    (line,) = mistakes(people, "w365_users_list").splitlines()
    head, *rest = line.split("; ")
    assert head == "w365_users_list cannot be used: entry 1: missing required arguments: upn"
    assert rest == [
        "entry 2: it is a text and no dictionary",
        "entry 3 (a): there is no key 'pasword', did you mean 'password'",
        "entry 3 (a): active must be true or false, not 'perhaps'. Nothing was written.",
    ]
    assert "a-secret" not in line


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [
        ("w365_directory_definition", {"apply_plan": "/srv/a\0"}, "apply_plan"),
        ("w365_directory_definition", {"src": ["/srv/b.yml", "/srv/a\0"]}, "src"),
        ("w365_o365_import_definition", {"state_file": "/srv/a\0/b"}, "state_file"),
        (
            "w365_tenant_definition",
            {"name": "contoso", "o365_import": {"state_file": "/srv/a\0"}},
            "o365_import: state_file",
        ),
        ("w365_sync_configurations", [{"name": "contoso", "import": {"state_file": "/srv/a\0"}}], "import: state_file"),
    ],
)
def test_a_path_with_what_no_path_can_hold_is_a_mistake(name: str, value: Any, option: str) -> None:
    assert f"{option} holds a null character after '/srv/a', which no path can" in mistakes(value, name)


@pytest.mark.parametrize("value", [{}, {"upn": "a"}, {"name": "contoso", "import": {}}, "upn: a", 5])
@pytest.mark.parametrize("name", ["w365_users_list", "w365_groups_list", "w365_sync_configurations"])
def test_a_list_must_be_a_list(value: Any, name: str) -> None:
    assert "and no list of dictionaries" in mistakes(value, name)


@pytest.mark.parametrize("blank", BLANKS, ids=repr)
def test_a_blank_variable_is_a_mistake(blank: Any) -> None:
    assert mistakes(blank, "w365_sync_configurations") == "w365_sync_configurations is not given. Nothing was written."


@pytest.mark.parametrize("name", ["", "people", "w365_users", "w365_users_lists", "w365_people_list"])
def test_a_variable_that_no_role_has_is_a_mistake_of_the_template(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"No role of this collection has a variable '{name}'"):
        mistakes([], name)


@pytest.mark.parametrize(
    ("name", "value", "relative"),
    [
        ("w365_directory_definition", {"src": ["/a.csv", "b.csv", "~/c.csv", "$HOME/d.csv"]}, ["b.csv"]),
        # A list may be one text with commas, of which Ansible keeps the blanks.
        ("w365_directory_definition", {"src": "/a.csv,b.csv, /c.csv"}, ["b.csv", " /c.csv"]),
        (
            "w365_directory_definition",
            {"apply_plan": "plan.json", "plan_file": "../new.json"},
            ["plan.json", "../new.json"],
        ),
        ("w365_directory_definition", {"progress_file": "p.json", "report_file": "r.html"}, ["p.json", "r.html"]),
        ("w365_directory_definition", {"users": [{"upn": "src"}], "apply_plan_content": "no/path", "src": []}, []),
        ("w365_directory_definition", {"src": None, "report_file": ["", " ", 5]}, []),
        (
            "w365_tenant_definition",
            {"src": ["/a.csv"], "o365_import": {"state_file": "s.json", "report_file": ["/r.csv", "r.csv"]}},
            ["s.json", "r.csv"],
        ),
        ("w365_o365_import_definition", {"state_file": "s.json", "group_names": ["a/b"]}, ["s.json"]),
        ("w365_sso_definition", {"authority": "contoso.com", "key": "no/path"}, []),
        ("w365_directory_definition", " ", []),
    ],
)
def test_paths_that_begin_nowhere(name: str, value: Any, relative: list[str]) -> None:
    said = f"The paths in {name} include {', '.join(relative)}. Give absolute paths there, which begin with /."
    assert mistakes_of_paths(value, name) == (said if relative else "")


@pytest.mark.parametrize("value", [["a.csv"], "a.csv", 5])
def test_only_a_dictionary_holds_paths(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="w365_directory_definition is no dictionary"):
        mistakes_of_paths(value, "w365_directory_definition")
    with pytest.raises(AnsibleFilterError, match="No role of this collection has a variable 'paths'"):
        mistakes_of_paths({}, "paths")


def test_the_documentation_names_every_kind() -> None:
    text = Path(filters.__file__).with_suffix(".yml").read_text(encoding="utf-8")
    documented = yaml.safe_load(text)["DOCUMENTATION"]["options"]["_kind"]["choices"]
    assert documented == list(filters.KINDS)
