# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of a user that a server may keep or not: display name, job title, phone numbers, language, department.

How they are written is RFC 7643 and RFC 7644. Whether Workspace 365 keeps them is assumed, so there are switches for a
server that keeps some or none of them, and for one whose /Schemas cannot be read or says something else.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import requests

from w365_simulator.testing import Twin, launch

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DEPARTMENT = f"{ENTERPRISE}:department"
WORK = 'phoneNumbers[type eq "work"]'
NUMBER = {"type": "work", "value": "+31 20 123 4567", "primary": True}
MOBILE = {"type": "mobile", "value": "+31 6 1234 5678"}
ATTRIBUTES: dict[str, Any] = {
    "displayName": "Joni Sherman",
    "title": "Manager",
    "phoneNumbers": [NUMBER, MOBILE],
    "preferredLanguage": "nl-NL",
    ENTERPRISE: {"department": "Sales"},
}
NAMES = {"displayName", "title", "phoneNumbers", "preferredLanguage", "department"}
JONI = "joni.sherman@contoso.com"
ADELE = "adele.vance@contoso.com"


def person(**more: Any) -> dict[str, Any]:
    """Return a user with all five attributes; an attribute given as None is left out."""
    body = {
        "schemas": [USER, ENTERPRISE],
        "userName": JONI,
        "name": {"givenName": "Joni", "familyName": "Sherman"},
        "emails": [{"type": "work", "value": JONI, "primary": True}],
        **ATTRIBUTES,
        **more,
    }
    return {name: value for name, value in body.items() if value is not None}


def shown(resource: dict[str, Any]) -> dict[str, Any]:
    """Return those of the five attributes that a resource has."""
    return {name: value for name, value in resource.items() if name in ATTRIBUTES}


def error(answer: Any) -> tuple[int, str | None]:
    """Return the status and the scimType of an error."""
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    return answer.status_code, body.get("scimType")


def announced(api: Any) -> set[str]:
    """Return which of the five attributes /Schemas names."""
    found: set[str] = set()
    for schema in api.scim("GET", "/Schemas").json()["Resources"]:
        if schema["id"] in (USER, ENTERPRISE):
            found |= {attribute["name"] for attribute in schema["attributes"]} & NAMES
    return found


@pytest.fixture
def joni(api: Any) -> str:
    """Create a user with all five attributes and return the path."""
    answer = api.scim("POST", "/Users", person())
    assert answer.status_code == 201, answer.text
    return f"/Users/{answer.json()['id']}"


# ---- written and read


def test_all_five_are_kept_and_returned(api: Any, twin: Twin, joni: str) -> None:
    resource = api.scim("GET", joni).json()
    assert shown(resource) == ATTRIBUTES
    assert resource["schemas"] == [USER, ENTERPRISE]
    state = twin.environment("contoso")["users"][JONI]
    assert (state["display_name"], state["title"], state["preferred_language"], state["department"]) == (
        "Joni Sherman",
        "Manager",
        "nl-NL",
        "Sales",
    )
    assert state["phone_numbers"] == [NUMBER, MOBILE]
    assert [shown(user) for user in api.scim("GET", "/Users").json()["Resources"]][-1] == ATTRIBUTES


def test_who_has_none_of_them_shows_none_of_them(api: Any, twin: Twin) -> None:
    adele = api.scim_user(ADELE)
    assert shown(adele) == {}
    assert adele["schemas"] == [USER]
    state = twin.environment("contoso")["users"][ADELE]
    assert set(state) & {"title", "phone_numbers", "preferred_language", "department"} == set()


@pytest.mark.parametrize("empty", ["", None])
def test_put_replaces_and_clears(api: Any, joni: str, empty: str | None) -> None:
    body = {
        "schemas": [USER, ENTERPRISE],
        "userName": JONI,
        "name": {"givenName": "Joni", "familyName": "Sherman"},
        "title": "Director",
        "displayName": empty,
        "phoneNumbers": [] if empty == "" else None,
        ENTERPRISE: {"department": empty},
    }
    answer = api.scim("PUT", joni, body)
    assert answer.status_code == 200, answer.text
    assert shown(answer.json()) == {"title": "Director"}
    assert answer.json()["schemas"] == [USER]
    assert api.scim("GET", joni).json() == answer.json()


def test_names_are_read_in_any_case(api: Any) -> None:
    body = {
        **person(title=None, phoneNumbers=None),
        "TITLE": "Manager",
        f"{USER}:phonenumbers": [{"Type": "work", "VALUE": "1"}],
    }
    resource = api.scim("POST", "/Users", body).json()
    assert (resource["title"], resource["phoneNumbers"]) == ("Manager", [{"type": "work", "value": "1"}])


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": 7},
        {"displayName": ["Joni"]},
        {"preferredLanguage": {"value": "nl"}},
        {"phoneNumbers": [7]},
        {"phoneNumbers": [{"value": 7}]},
        {"phoneNumbers": [{"value": "1", "primary": "perhaps"}]},
        {ENTERPRISE: "Sales"},
        {ENTERPRISE: {"department": {"value": "Sales"}}},
        # RFC 7643, section 3: schemas names every schema of which the resource has attributes.
        {"schemas": [USER]},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_wrong_type_is_400_and_leaves_nothing(api: Any, twin: Twin, method: str, wrong: dict[str, Any]) -> None:
    path = "/Users" if method == "POST" else f"/Users/{api.scim_user(ADELE)['id']}"
    before = twin.state()
    assert error(api.scim(method, path, person(**wrong))) == (400, "invalidValue")
    assert twin.state() == before


def test_a_department_outside_of_its_extension_is_not_read(api: Any) -> None:
    resource = api.scim("POST", "/Users", person(**{ENTERPRISE: None, "department": "Sales"})).json()
    assert ENTERPRISE not in resource
    change = {"op": "replace", "path": "department", "value": "Sales"}
    assert error(api.scim_patch(f"/Users/{resource['id']}", change)) == (400, "invalidPath")


# ---- changed and cleared by PATCH


@pytest.mark.parametrize(
    ("operation", "name", "expected"),
    [
        ({"op": "add", "path": "title", "value": "Director"}, "title", "Director"),
        ({"op": "Replace", "path": "title", "value": "Director"}, "title", "Director"),
        ({"op": "replace", "path": "TITLE", "value": "Director"}, "title", "Director"),
        ({"op": "replace", "path": f"{USER}:title", "value": "Director"}, "title", "Director"),
        ({"op": "replace", "value": {"title": "Director"}}, "title", "Director"),
        ({"op": "replace", "path": "title", "value": ""}, "title", None),
        ({"op": "replace", "path": "title", "value": None}, "title", None),
        ({"op": "remove", "path": "title"}, "title", None),
        ({"op": "remove", "path": "displayName"}, "displayName", None),
        ({"op": "replace", "value": {"displayName": None}}, "displayName", None),
        ({"op": "remove", "path": "preferredLanguage"}, "preferredLanguage", None),
        ({"op": "replace", "path": "preferredLanguage", "value": "de-DE"}, "preferredLanguage", "de-DE"),
        ({"op": "replace", "path": DEPARTMENT, "value": "Marketing"}, ENTERPRISE, {"department": "Marketing"}),
        ({"op": "Add", "path": DEPARTMENT.upper(), "value": "Marketing"}, ENTERPRISE, {"department": "Marketing"}),
        ({"op": "replace", "value": {DEPARTMENT: "Marketing"}}, ENTERPRISE, {"department": "Marketing"}),
        ({"op": "add", "value": {ENTERPRISE: {"department": "HR"}}}, ENTERPRISE, {"department": "HR"}),
        ({"op": "replace", "path": ENTERPRISE, "value": {"department": "HR"}}, ENTERPRISE, {"department": "HR"}),
        # What is not in the object stays (RFC 7644, section 3.5.2.3).
        ({"op": "replace", "path": ENTERPRISE, "value": {"costCenter": "7"}}, ENTERPRISE, {"department": "Sales"}),
        ({"op": "replace", "value": {ENTERPRISE: {"department": ""}}}, ENTERPRISE, None),
        ({"op": "replace", "value": {ENTERPRISE: None}}, ENTERPRISE, None),
        ({"op": "remove", "path": DEPARTMENT}, ENTERPRISE, None),
        ({"op": "remove", "path": ENTERPRISE}, ENTERPRISE, None),
        ({"op": "replace", "path": DEPARTMENT, "value": None}, ENTERPRISE, None),
        ({"op": "replace", "path": f"{WORK}.value", "value": "1"}, "phoneNumbers", [{**NUMBER, "value": "1"}, MOBILE]),
        ({"op": "replace", "path": WORK, "value": {"value": "1"}}, "phoneNumbers", [{**NUMBER, "value": "1"}, MOBILE]),
        ({"op": "add", "value": {f"{WORK}.value": "1"}}, "phoneNumbers", [{**NUMBER, "value": "1"}, MOBILE]),
        ({"op": "replace", "path": f"{USER}:{WORK}.value", "value": ""}, "phoneNumbers", [MOBILE]),
        ({"op": "replace", "path": f"{WORK}.value", "value": None}, "phoneNumbers", [MOBILE]),
        ({"op": "remove", "path": f"{WORK}.value"}, "phoneNumbers", [MOBILE]),
        ({"op": "remove", "path": WORK}, "phoneNumbers", [MOBILE]),
        ({"op": "remove", "path": 'phoneNumbers[type eq "home"]'}, "phoneNumbers", [NUMBER, MOBILE]),
        ({"op": "remove", "path": "phoneNumbers"}, "phoneNumbers", None),
        ({"op": "replace", "path": "phoneNumbers", "value": []}, "phoneNumbers", None),
        ({"op": "replace", "path": "phoneNumbers", "value": None}, "phoneNumbers", None),
        ({"op": "replace", "path": "phoneNumbers", "value": [MOBILE]}, "phoneNumbers", [MOBILE]),
        (
            {"op": "add", "path": "phoneNumbers", "value": [{"type": "home", "value": "1"}]},
            "phoneNumbers",
            [NUMBER, MOBILE, {"type": "home", "value": "1"}],
        ),
        ({"op": "add", "path": "phoneNumbers", "value": [MOBILE]}, "phoneNumbers", [NUMBER, MOBILE]),
        ({"op": "add", "path": "phoneNumbers", "value": []}, "phoneNumbers", [NUMBER, MOBILE]),
        ({"op": "add", "path": "phoneNumbers", "value": None}, "phoneNumbers", [NUMBER, MOBILE]),
        (
            {"op": "Replace", "path": 'phoneNumbers[type eq "home"].value', "value": "1"},
            "phoneNumbers",
            [NUMBER, MOBILE, {"type": "home", "value": "1"}],
        ),
        (
            {"op": "replace", "path": 'phoneNumbers[type eq "mobile"].primary', "value": True},
            "phoneNumbers",
            [{**NUMBER, "primary": False}, {**MOBILE, "primary": True}],
        ),
        ({"op": "Remove", "path": "phoneNumbers", "value": [MOBILE]}, "phoneNumbers", [NUMBER]),
    ],
    ids=str,
)
def test_patch_changes_one_attribute_and_leaves_the_others(
    api: Any, joni: str, operation: dict[str, Any], name: str, expected: Any
) -> None:
    before = shown(api.scim("GET", joni).json())
    answer = api.scim_patch(joni, operation)
    assert answer.status_code == 200, answer.text
    after = shown(answer.json())
    assert after.pop(name, None) == expected
    assert after == {other: value for other, value in before.items() if other != name}
    resource = api.scim("GET", joni).json()
    assert resource == answer.json()
    assert (ENTERPRISE in resource) is (ENTERPRISE in resource["schemas"])


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "replace", "path": "title", "value": 7}, "invalidValue"),
        ({"op": "replace", "path": "title", "value": ["Manager"]}, "invalidValue"),
        ({"op": "replace", "path": "title.value", "value": "Manager"}, "invalidPath"),
        ({"op": "replace", "path": 'title[value eq "Manager"]', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": DEPARTMENT, "value": {"value": "Sales"}}, "invalidValue"),
        ({"op": "replace", "path": f"{ENTERPRISE}:nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": f"{ENTERPRISE}.department", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": f"{USER}:department", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": f"{ENTERPRISE}:title", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "urn:example:User:title", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": ENTERPRISE, "value": "Sales"}, "invalidValue"),
        ({"op": "replace", "value": {ENTERPRISE: ["Sales"]}}, "invalidValue"),
        ({"op": "replace", "path": "phoneNumbers", "value": [7]}, "invalidValue"),
        ({"op": "replace", "path": f"{WORK}.value", "value": 7}, "invalidValue"),
        ({"op": "replace", "path": f"{WORK}.nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": 'phoneNumbers[value co "9999"].value', "value": "1"}, "noTarget"),
        ({"op": "replace", "path": "phoneNumbers[type is 1].value", "value": "1"}, "invalidFilter"),
    ],
    ids=str,
)
def test_a_bad_patch_is_400_and_changes_nothing(
    api: Any, twin: Twin, joni: str, operation: dict[str, Any], scim_type: str
) -> None:
    before = twin.state()
    good = {"op": "replace", "path": "preferredLanguage", "value": "never stored"}
    assert error(api.scim_patch(joni, good, operation)) == (400, scim_type)
    assert twin.state() == before


def test_a_first_number_appears_where_entra_expects_it(api: Any) -> None:
    path = f"/Users/{api.scim_user(ADELE)['id']}"
    change = {"op": "Replace", "path": f"{WORK}.value", "value": "+31 20 123 4567"}
    assert api.scim_patch(path, change).json()["phoneNumbers"] == [{"type": "work", "value": "+31 20 123 4567"}]


def test_bulk_carries_the_attributes_too(api: Any, twin: Twin) -> None:
    twin.switches(scim_bulk=True)
    adele = api.scim_user(ADELE)["id"]
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": DEPARTMENT, "value": "Sales"}],
    }
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "joni", "data": person()},
        {"method": "PATCH", "path": f"/Users/{adele}", "data": patch},
    ]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    assert [item["status"] for item in api.scim("POST", "/Bulk", body).json()["Operations"]] == ["201", "200"]
    users = twin.environment("contoso")["users"]
    assert (users[JONI]["title"], users[ADELE]["department"]) == ("Manager", "Sales")


# ---- found and chosen


@pytest.mark.usefixtures("joni")
@pytest.mark.parametrize(
    ("filter_", "hit"),
    [
        ('title eq "MANAGER"', True),
        ('title eq "Director"', False),
        (f'{USER}:title sw "man"', True),
        ("title pr", True),
        ('preferredLanguage eq "nl-nl"', True),
        ('displayName co "sherman"', True),
        (f'{DEPARTMENT} eq "sales"', True),
        (f'{DEPARTMENT.upper()} eq "sales" and title pr', True),
        (f'{DEPARTMENT} eq "HR"', False),
        (f"not ({DEPARTMENT} pr)", False),
        ('phoneNumbers[type eq "work"].value eq "+31 20 123 4567"', True),
        ('phoneNumbers[type eq "mobile" and value sw "+31 6"]', True),
        ('phoneNumbers[type eq "mobile"].value eq "+31 20 123 4567"', False),
        ('phoneNumbers.value ew "4567"', True),
        ('phoneNumbers[primary eq true and type eq "work"]', True),
        ('phoneNumbers[primary eq true and type eq "mobile"]', False),
        ('phoneNumbers eq "+31 6 1234 5678"', True),
    ],
)
def test_filters(api: Any, filter_: str, hit: bool) -> None:
    answer = api.scim("GET", "/Users", filter=f'({filter_}) and userName eq "{JONI}"')
    assert answer.status_code == 200, answer.text
    assert [user["userName"] for user in answer.json()["Resources"]] == ([JONI] if hit else [])


@pytest.mark.parametrize(
    "filter_",
    ['department eq "Sales"', f'{USER}:department eq "Sales"', f'{ENTERPRISE}:manager eq "x"', f'{ENTERPRISE} eq "x"'],
)
def test_a_filter_on_an_attribute_that_is_not_there_is_400(api: Any, filter_: str) -> None:
    assert error(api.scim("GET", "/Users", filter=filter_)) == (400, "invalidFilter")


def test_a_filter_on_an_attribute_that_is_not_kept_is_400(api: Any, twin: Twin, joni: str) -> None:
    assert api.scim("GET", joni).status_code == 200
    for name in ("title", "displayName", "preferredLanguage", "phoneNumbers.value", DEPARTMENT):
        twin.switches(scim_attributes="none")
        assert error(api.scim("GET", "/Users", filter=f'{name} eq "x"')) == (400, "invalidFilter")
        twin.switches(scim_attributes="all")
        assert api.scim("GET", "/Users", filter=f'{name} eq "x"').status_code == 200


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"attributes": "title"}, {"title"}),
        ({"attributes": f"{USER}:title,{DEPARTMENT}"}, {"title", ENTERPRISE}),
        ({"attributes": ENTERPRISE}, {ENTERPRISE}),
        ({"attributes": "department"}, set()),
        ({"attributes": f"{ENTERPRISE}:manager"}, set()),
        ({"attributes": "phoneNumbers.value"}, {"phoneNumbers"}),
        ({"excludedAttributes": f"title,phoneNumbers,{ENTERPRISE}"}, {"displayName", "preferredLanguage"}),
        ({"excludedAttributes": f"title,phoneNumbers,displayName,{DEPARTMENT}"}, {"preferredLanguage"}),
        ({"excludedAttributes": "department"}, set(ATTRIBUTES)),
    ],
    ids=str,
)
def test_views(api: Any, joni: str, query: dict[str, str], expected: set[str]) -> None:
    resource = api.scim("GET", joni, **query).json()
    assert set(shown(resource)) == expected
    assert (ENTERPRISE in resource["schemas"]) is (ENTERPRISE in expected)
    if query == {"attributes": "phoneNumbers.value"}:
        assert resource["phoneNumbers"] == [{"value": NUMBER["value"]}, {"value": MOBILE["value"]}]


# ---- what the service says about itself


def test_schemas_describe_the_attributes_as_the_standard_does(api: Any) -> None:
    listed = api.scim("GET", "/Schemas").json()
    assert listed["totalResults"] == len(listed["Resources"]) == 3
    schemas = {schema["id"]: schema for schema in listed["Resources"]}
    assert set(schemas) == {USER, ENTERPRISE, GROUP}
    user = {attribute["name"]: attribute for attribute in schemas[USER]["attributes"]}
    assert set(user) == {
        "userName", "name", "emails", "active", "displayName", "title", "phoneNumbers", "preferredLanguage",
    }  # fmt: skip
    for name in ("displayName", "title", "preferredLanguage"):
        assert (user[name]["type"], user[name]["multiValued"], user[name]["required"]) == ("string", False, False)
        assert (user[name]["mutability"], user[name]["caseExact"]) == ("readWrite", False)
    assert (user["phoneNumbers"]["type"], user["phoneNumbers"]["multiValued"]) == ("complex", True)
    parts = {part["name"]: part for part in user["phoneNumbers"]["subAttributes"]}
    assert set(parts) == {"value", "type", "primary"}
    assert set(parts["type"]["canonicalValues"]) == {"work", "home", "mobile", "fax", "pager", "other"}
    assert [attribute["name"] for attribute in schemas[ENTERPRISE]["attributes"]] == ["department"]
    assert api.scim("GET", f"/Schemas/{ENTERPRISE}").json() == schemas[ENTERPRISE]
    types = {item["id"]: item for item in api.scim("GET", "/ResourceTypes").json()["Resources"]}
    assert types["User"]["schemaExtensions"] == [{"schema": ENTERPRISE, "required": False}]
    assert "schemaExtensions" not in types["Group"]
    assert api.scim("GET", "/ResourceTypes/User").json() == types["User"]


@pytest.mark.parametrize(
    ("switches", "kept"),
    [
        ({}, NAMES),
        ({"profile": "documented"}, set()),
        ({"profile": "documented", "scim_attributes": "all"}, NAMES),
        ({"scim_attributes": "none"}, set()),
        ({"scim_attributes": "title"}, {"title"}),
        ({"scim_attributes": "department,displayName"}, {"displayName", "department"}),
        ({"scim_attributes": ["phoneNumbers", "preferredLanguage"]}, {"phoneNumbers", "preferredLanguage"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_kept_is_what_schemas_tell(
    api: Any, twin: Twin, method: str, switches: dict[str, Any], kept: set[str]
) -> None:
    """An attribute that is not kept is dropped silently: the write succeeds, and nothing of it is read later."""
    twin.switches(**switches)
    assert announced(api) == kept
    extensions = api.scim("GET", "/ResourceTypes/User").json().get("schemaExtensions", [])
    assert bool(extensions) is ("department" in kept)
    assert api.scim("GET", f"/Schemas/{ENTERPRISE}").status_code == (200 if "department" in kept else 404)
    path = f"/Users/{api.scim_user(ADELE)['id']}"
    if method == "PATCH":
        answer = api.scim_patch(path, {"op": "replace", "value": ATTRIBUTES})
    else:
        answer = api.scim(method, "/Users" if method == "POST" else path, person())
    assert answer.status_code == (201 if method == "POST" else 200), answer.text
    resource = api.scim("GET", f"/Users/{answer.json()['id']}").json()
    assert resource == answer.json()
    expected = {
        name: value for name, value in ATTRIBUTES.items() if ("department" if name == ENTERPRISE else name) in kept
    }
    assert shown(resource) == expected
    # Nothing of the others is stored either: it does not appear when they are kept from now on.
    twin.switches(scim_attributes="all")
    assert shown(api.scim("GET", f"/Users/{answer.json()['id']}").json()) == expected


def test_dropped_attributes_may_show_in_the_answer_to_the_write_only(api: Any, twin: Twin) -> None:
    twin.switches(scim_attributes="title", scim_unknown_attributes="echo")
    created = api.scim("POST", "/Users", person())
    assert (created.status_code, shown(created.json())) == (201, ATTRIBUTES)
    path = f"/Users/{created.json()['id']}"
    assert shown(api.scim("GET", path).json()) == {"title": "Manager"}
    changed = api.scim_patch(path, {"op": "replace", "path": DEPARTMENT, "value": "HR"})
    assert shown(changed.json()) == {"title": "Manager", ENTERPRISE: {"department": "HR"}}
    assert shown(api.scim("GET", path).json()) == {"title": "Manager"}
    assert shown(api.scim("PUT", path, person()).json()) == ATTRIBUTES
    assert shown(api.scim("GET", path).json()) == {"title": "Manager"}


def test_the_values_come_back_with_the_attribute(api: Any, twin: Twin, joni: str) -> None:
    """A server that no longer keeps an attribute does not lose what is stored, also not by a PATCH of something else."""
    twin.switches(scim_attributes="none")
    assert shown(api.scim("GET", joni).json()) == {}
    assert api.scim_patch(joni, {"op": "replace", "path": "name.givenName", "value": "J."}).status_code == 200
    twin.switches(scim_attributes="all")
    assert shown(api.scim("GET", joni).json()) == ATTRIBUTES


@pytest.mark.parametrize("refusal", ["invalidPath", "invalidValue"])
@pytest.mark.parametrize("name", ["displayName", "title", "phoneNumbers", "preferredLanguage", ENTERPRISE, "nickName"])
def test_a_server_may_refuse_what_it_does_not_keep(api: Any, twin: Twin, refusal: str, name: str) -> None:
    twin.switches(scim_attributes="none", scim_unknown_attributes=refusal)
    adele = api.scim_user(ADELE)
    path = f"/Users/{adele['id']}"
    bare = person(**dict.fromkeys(ATTRIBUTES))
    value = ATTRIBUTES.get(name, "Joni")
    before = twin.state()
    # The scimType invalidPath belongs to PATCH alone (RFC 7644, table 9).
    assert error(api.scim("POST", "/Users", {**bare, name: value})) == (400, "invalidValue")
    assert error(api.scim("PUT", path, {**bare, name: value})) == (400, "invalidValue")
    assert error(api.scim_patch(path, {"op": "replace", "value": {name: value}})) == (400, refusal)
    assert error(api.scim_patch(path, {"op": "remove", "path": name})) == (400, refusal)
    assert twin.state() == before
    # Entra names the extension in every create, and sends empty roles: that is no attribute yet.
    body = {**bare, "schemas": [USER, ENTERPRISE], "roles": [], name: None}
    assert api.scim("POST", "/Users", body).status_code == 201


def test_a_strict_server_takes_what_it_keeps(api: Any, twin: Twin) -> None:
    twin.switches(scim_attributes="title,department", scim_unknown_attributes="invalidPath")
    adele = f"/Users/{api.scim_user(ADELE)['id']}"
    good = [{"op": "replace", "path": DEPARTMENT, "value": "Sales"}, {"op": "add", "path": "title", "value": "Manager"}]
    assert shown(api.scim_patch(adele, *good).json()) == {"title": "Manager", ENTERPRISE: {"department": "Sales"}}
    wrong = {"op": "replace", "path": f"{ENTERPRISE}:costCenter", "value": "7"}
    assert error(api.scim_patch(adele, wrong)) == (400, "invalidPath")
    assert api.scim_patch(adele, {"op": "remove", "path": ENTERPRISE}).status_code == 200
    both = person(displayName=None, phoneNumbers=None, preferredLanguage=None)
    assert api.scim("POST", "/Users", both).status_code == 201
    assert error(api.scim("PUT", adele, {**both, ENTERPRISE: {"costCenter": "7"}})) == (400, "invalidValue")


def test_schemas_are_logged_as_any_request(api: Any, twin: Twin) -> None:
    api.scim("GET", "/Schemas")
    api.scim("GET", f"/Schemas/{USER}")
    asked = [(request["surface"], request["path"], request["write"], request["status"]) for request in twin.requests()]
    root = "/contoso/scim/v2/Schemas"
    assert asked == [("scim", root, False, 200), ("scim", f"{root}/{USER}", False, 200)]


@pytest.mark.parametrize("kept", ["all", "none"])
@pytest.mark.parametrize(
    ("how", "status", "kind", "text"),
    [
        ("missing", 404, "application/scim+json", '{"schemas":'),
        ("error", 500, "application/scim+json", '{"schemas":'),
        ("html", 200, "text/html", "<!DOCTYPE html>"),
        ("no_body", 200, "", ""),
    ],
)
def test_schemas_may_be_unreadable_whatever_is_kept(
    api: Any, twin: Twin, how: str, status: int, kind: str, text: str, kept: str
) -> None:
    twin.switches(scim_schemas=how, scim_attributes=kept)
    for path in ("/Schemas", f"/Schemas/{USER}"):
        answer = api.scim("GET", path)
        assert answer.status_code == status
        assert answer.headers.get("Content-Type", "").partition(";")[0] == kind
        assert answer.text[: len(text) or None] == text
    created = api.scim("POST", "/Users", person())
    assert created.status_code == 201
    resource = api.scim("GET", f"/Users/{created.json()['id']}").json()
    assert shown(resource) == (ATTRIBUTES if kept == "all" else {})


def test_schemas_may_say_something_else_than_what_is_kept(api: Any, twin: Twin) -> None:
    twin.switches(scim_schemas="all", scim_attributes="none")
    assert announced(api) == NAMES
    assert api.scim("GET", "/ResourceTypes/User").json()["schemaExtensions"]
    created = api.scim("POST", "/Users", person())
    assert shown(created.json()) == {}
    twin.switches(scim_schemas="none", scim_attributes="all")
    assert announced(api) == set()
    assert shown(api.scim("PUT", f"/Users/{created.json()['id']}", person()).json()) == ATTRIBUTES


def test_odd_shapes_of_schemas(api: Any, twin: Twin) -> None:
    def asked(shape: str) -> Any:
        twin.switches(scim_schemas=shape)
        answer = api.scim("GET", "/Schemas")
        assert answer.status_code == 200
        return answer.json()

    exact = asked("exact")["Resources"]
    assert asked("array") == exact
    assert (asked("empty")["Resources"], asked("empty")["totalResults"]) == ([], 0)
    assert api.scim("GET", f"/Schemas/{USER}").status_code == 404
    assert [set(schema) & {"id", "attributes"} for schema in asked("no_attributes")["Resources"]] == [{"id"}] * 3
    assert asked("strings")["Resources"][1]["attributes"] == ["department"]
    upper = asked("upper_case")["Resources"][0]["attributes"]
    assert [item["name"] for item in upper] == [item["name"].upper() for item in exact[0]["attributes"]]
    nested = {schema["id"]: schema["attributes"] for schema in asked("nested")["Resources"]}
    assert set(nested) == {USER, GROUP}
    assert nested[USER][-1]["name"] == ENTERPRISE
    assert [item["name"] for item in nested[USER][-1]["subAttributes"]] == ["department"]
    # One schema is asked for by its name, and has the same shape.
    assert api.scim("GET", f"/Schemas/{USER}").json()["attributes"] == nested[USER]


# ---- numbers, seeds, state files


def test_numbers_may_be_stored_as_telephone_uris(api: Any, twin: Twin) -> None:
    twin.switches(scim_phone_numbers="tel")
    numbers = [{"type": "work", "value": " +31 (20) 123.4567"}, {"type": "mobile", "value": "tel:+31-6-12345678"}]
    created = api.scim("POST", "/Users", person(phoneNumbers=numbers)).json()
    assert [item["value"] for item in created["phoneNumbers"]] == ["tel:+31-20-123-4567", "tel:+31-6-12345678"]
    change = {"op": "replace", "path": f"{WORK}.value", "value": "+31 20 765 4321"}
    changed = api.scim_patch(f"/Users/{created['id']}", change).json()
    assert changed["phoneNumbers"][0]["value"] == "tel:+31-20-765-4321"


def test_a_seed_brings_attributes_and_changes_only_what_it_names(api: Any, twin: Twin) -> None:
    user = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
    seeded = {
        "display_name": "Adele V.",
        "title": "Manager",
        "preferred_language": "nl-NL",
        "department": "Sales",
        "phone_numbers": [NUMBER, MOBILE],
    }
    twin.seed({"environments": [{"name": "contoso", "users": [{**user, **seeded}]}]})
    assert shown(api.scim_user(ADELE)) == {**ATTRIBUTES, "displayName": "Adele V."}
    twin.seed({"environments": [{"name": "contoso", "users": [{**user, "title": "Director"}]}]})
    assert shown(api.scim_user(ADELE)) == {**ATTRIBUTES, "displayName": "Adele V.", "title": "Director"}
    twin.seed({"environments": [{"name": "contoso", "users": [{**user, "phone_numbers": []}]}]})
    assert "phoneNumbers" not in api.scim_user(ADELE)
    new = {"upn": JONI, "first_name": "Joni", "last_name": "Sherman", **seeded}
    twin.seed({"environments": [{"name": "contoso", "users": [new]}]})
    assert shown(api.scim_user(JONI)) == {**ATTRIBUTES, "displayName": "Adele V."}


def test_a_state_file_of_before_the_attributes_is_still_good(tmp_path: Path, seed: dict[str, Any]) -> None:
    state = tmp_path / "state.db"
    launch(tmp_path, seed=seed, state=state).stop()
    with sqlite3.connect(state) as database:
        for column in ("title", "preferred_language", "department", "phone_numbers"):
            database.execute(f"ALTER TABLE users DROP COLUMN {column}")
    database.close()
    for number in (1, 2):
        twin = launch(tmp_path, state=state)
        try:
            url = f"{twin.scim_url('contoso')}/Users"
            headers = {"Authorization": f"Bearer {twin.scim_token}"}
            with requests.Session() as session:
                session.trust_env = False
                session.verify = twin.ca_path
                if number == 1:
                    assert session.post(url, json=person(), headers=headers, timeout=30).status_code == 201
                # The second process reads what the first one has written.
                found = session.get(url, headers=headers, timeout=30).json()["Resources"]
        finally:
            twin.stop()
        assert [shown(user) for user in found] == [{}, {}, {}, ATTRIBUTES]
