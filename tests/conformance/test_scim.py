# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SCIM service of the twin: RFC 7644, both PATCH dialects of Microsoft Entra, and Workspace 365's own rules."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from w365_simulator.testing import Twin

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def person(name: str = "joni.sherman", **more: Any) -> dict[str, Any]:
    """Return a user as Entra sends it."""
    first, last = (part.capitalize() for part in name.split("."))
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": name,
        "userName": f"{name}@contoso.com",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": f"{name}@contoso.com"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": f"{first} {last}", "familyName": last, "givenName": first},
        "roles": [],
        "title": "Manager",
        **more,
    }


def found(api: Any, filter_: str, kind: str = "Users") -> list[str]:
    """Return the names that a filter finds."""
    answer = api.scim("GET", f"/{kind}", filter=filter_)
    assert answer.status_code == 200, answer.text
    return [str(item.get("userName", item.get("displayName"))).partition("@")[0] for item in answer.json()["Resources"]]


def error(answer: Any) -> tuple[int, str | None]:
    """Return the status and the scimType of an error in the standard's shape."""
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert body["status"] == str(answer.status_code)
    assert body["detail"]
    assert answer.headers["Content-Type"] == "application/scim+json"
    return answer.status_code, body.get("scimType")


# ---- who may come in


def test_no_or_wrong_token_is_401(api: Any, twin: Twin) -> None:
    assert error(api.scim("GET", "/Users", token="wrong")) == (401, None)
    assert api.session.get(f"{twin.scim_url('contoso')}/Users", timeout=30).status_code == 401


def test_an_environment_may_have_a_token_of_its_own(api: Any, twin: Twin) -> None:
    twin.seed({"environments": [{"name": "contoso", "scim_token": "its-own-token"}]})
    assert api.scim("GET", "/Users").status_code == 401
    assert api.scim("GET", "/Users", token="its-own-token").status_code == 200


def test_unknown_environment_is_404_and_switched_off_is_403(api: Any, twin: Twin) -> None:
    assert error(api.scim("GET", "/Users", environment="nowhere")) == (404, None)
    twin.seed({"environments": [{"name": "contoso", "scim_enabled": False}]})
    assert error(api.scim("GET", "/Users")) == (403, None)


def test_wrong_method_is_405_and_wrong_path_404(api: Any) -> None:
    assert error(api.scim("DELETE", "/Users")) == (405, None)
    assert error(api.scim("GET", "/Nothing")) == (404, None)


# ---- users


def test_create_answers_201_with_location(api: Any, twin: Twin) -> None:
    answer = api.scim("POST", "/Users", person())
    assert answer.status_code == 201
    body = answer.json()
    assert answer.headers["Location"] == body["meta"]["location"]
    assert answer.headers["Location"] == f"{twin.scim_url('contoso')}/Users/{body['id']}"
    assert api.scim("GET", f"/Users/{body['id']}").json() == body
    # What Workspace 365 has no field for (the roles) is accepted and not kept.
    assert set(body) == {"schemas", "id", "externalId", "userName", "name", "title", "emails", "active", "meta"}
    state = twin.environment("contoso")["users"]["joni.sherman@contoso.com"]
    assert (state["origin"], state["external_id"], state["administrator"]) == ("scim", "joni.sherman", False)


def test_roles_never_make_an_administrator(api: Any, twin: Twin) -> None:
    api.scim("POST", "/Users", person(roles=[{"value": "Administrator"}]))
    assert twin.environment("contoso")["users"]["joni.sherman@contoso.com"]["administrator"] is False


@pytest.mark.parametrize(
    "body",
    [
        {**person(), "userName": ""},
        {**person(), "userName": None},
        {**person(), "name": None},
        {**person(), "name": {"givenName": "Joni"}},
        {**person(), "name": {"givenName": " ", "familyName": "Sherman"}},
        {**person(), "active": "perhaps"},
        {**person(), "emails": [{"value": 7}]},
        [],
    ],
)
def test_incomplete_user_is_400(api: Any, twin: Twin, body: Any) -> None:
    before = twin.state()
    assert error(api.scim("POST", "/Users", body))[0] == 400
    assert twin.state() == before


def test_taken_name_is_409_uniqueness_also_for_an_inactive_user(api: Any) -> None:
    assert error(api.scim("POST", "/Users", person("ADELE.VANCE"))) == (409, "uniqueness")
    assert error(api.scim("POST", "/Users", person("lee.gu"))) == (409, "uniqueness")
    adele = api.scim_user("adele.vance@contoso.com")
    change = {"op": "replace", "path": "userName", "value": "MEGAN.BOWEN@contoso.com"}
    assert error(api.scim_patch(f"/Users/{adele['id']}", change)) == (409, "uniqueness")


def test_put_replaces_everything(api: Any, twin: Twin) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    body = {"schemas": [USER], "userName": "adele@contoso.com", "name": {"givenName": "A", "familyName": "V"}}
    answer = api.scim("PUT", f"/Users/{adele['id']}", body)
    assert answer.status_code == 200
    assert "emails" not in answer.json()
    state = twin.environment("contoso")["users"]["adele@contoso.com"]
    assert (state["first_name"], state["email"], state["active"]) == ("A", None, True)


@pytest.mark.parametrize("value", [False, "False", "false"])
def test_inactive_is_the_deleted_users_list_and_keeps_memberships(api: Any, twin: Twin, value: Any) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    path = f"/Users/{adele['id']}"
    answer = api.scim_patch(path, {"op": "Replace", "path": "active", "value": value})
    assert answer.json()["active"] is False
    listed = {user["Id"]: user["IsActive"] for user in api.provisioning("GET", "/contoso/User/").json()}
    assert listed[twin.environment("contoso")["users"]["adele.vance@contoso.com"]["id"]] is False
    assert twin.environment("contoso")["groups"]["Sales"]["members"] == ["adele.vance@contoso.com"]
    assert api.scim_patch(path, {"op": "Replace", "path": "active", "value": "True"}).json()["active"] is True
    assert [member["value"] for member in api.scim_group("Sales")["members"]] == [adele["id"]]


def test_delete_is_final(api: Any, twin: Twin) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    answer = api.scim("DELETE", f"/Users/{adele['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert error(api.scim("GET", f"/Users/{adele['id']}")) == (404, None)
    assert error(api.scim("DELETE", f"/Users/{adele['id']}")) == (404, None)
    assert twin.environment("contoso")["groups"]["Sales"]["members"] == []
    assert api.scim("POST", "/Users", person("adele.vance")).json()["id"] != adele["id"]


# ---- filters, paging, views


@pytest.fixture
def people(api: Any) -> None:
    """Add two users beside the three of the seed."""
    other = [{"type": "home", "value": "joni@fabrikam.com"}, {"type": "work", "value": "j.sherman@contoso.com"}]
    assert api.scim("POST", "/Users", person(emails=other, displayName='Joni "J" Sherman')).status_code == 201
    assert api.scim("POST", "/Users", person("isaiah.langer", externalId=None, emails=None)).status_code == 201


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("filter_", "names"),
    [
        ('userName eq "ADELE.vance@contoso.com"', ["adele.vance"]),
        ('username EQ "adele.vance@contoso.com"', ["adele.vance"]),
        (f'{USER}:userName eq "adele.vance@contoso.com"', ["adele.vance"]),
        ('userName eq "nobody@contoso.com"', []),
        ('externalId eq "joni.sherman"', ["joni.sherman"]),
        ('externalId eq "JONI.SHERMAN"', []),
        ('emails[type eq "work"].value eq "J.Sherman@contoso.com"', ["joni.sherman"]),
        ('emails[type eq "work" and value eq "j.sherman@contoso.com"]', ["joni.sherman"]),
        ('emails[type eq "work"].value eq "joni@fabrikam.com"', []),
        ('emails.value eq "joni@fabrikam.com"', ["joni.sherman"]),
        ('emails eq "joni@fabrikam.com"', ["joni.sherman"]),
        ('emails[value ew "@fabrikam.com"]', ["joni.sherman"]),
        ("active eq false", ["lee.gu"]),
        ('active eq "False"', ["lee.gu"]),
        ('active eq true and name.familyName eq "bowen"', ["megan.bowen"]),
        ('name.givenName sw "jon" or name.givenName co "SAIA"', ["joni.sherman", "isaiah.langer"]),
        ('displayName eq "joni \\"j\\" sherman"', ["joni.sherman"]),
        ("displayName pr", ["joni.sherman"]),
        ("externalId pr", ["joni.sherman"]),
        ("not (active eq true)", ["lee.gu"]),
        (
            'userName ne "lee.gu@contoso.com" and not (name.givenName sw "A")',
            ["megan.bowen", "joni.sherman", "isaiah.langer"],
        ),
        ('(userName sw "lee" or userName sw "megan") and active eq true', ["megan.bowen"]),
        ('userName sw "lee" or userName sw "megan" and active eq false', ["lee.gu"]),
        ("not (emails pr)", ["isaiah.langer"]),
        ('meta.created gt "2020-01-01T00:00:00Z" and userName ew "GU@contoso.com"', ["lee.gu"]),
    ],
)
def test_user_filters(api: Any, filter_: str, names: list[str]) -> None:
    assert found(api, filter_) == names


@pytest.mark.parametrize(
    "filter_",
    [
        "userName", "userName eq", 'eq "x"', 'userName is "x"', 'userName eq "x', 'userName eq x', '(userName eq "x"',
        'userName eq "x")', 'nothing eq "x"', "active eq 7", 'active gt true', 'emails[type eq "work"', "userName eq 7",
        'name[givenName eq "x"]', 'userName eq "x" and', "", 'password eq "x"',
    ],
)  # fmt: skip
def test_bad_filters_are_400_invalid_filter(api: Any, filter_: str) -> None:
    if not filter_:
        # An empty filter is as good as none.
        assert api.scim("GET", "/Users", filter=filter_).status_code == 200
        return
    assert error(api.scim("GET", "/Users", filter=filter_)) == (400, "invalidFilter")


def test_group_filters(api: Any) -> None:
    adele = api.scim_user("adele.vance@contoso.com")["id"]
    assert found(api, 'displayName eq "SALES"', "Groups") == ["Sales"]
    assert found(api, f'{GROUP}:displayName eq "sales"', "Groups") == ["Sales"]
    assert found(api, f'members.value eq "{adele}"', "Groups") == ["Sales"]
    assert found(api, f'members[value eq "{adele}"] and displayName eq "sales"', "Groups") == ["Sales"]
    assert found(api, 'members.value eq "x"', "Groups") == []
    assert error(api.scim("GET", "/Groups", filter='userName eq "x"')) == (400, "invalidFilter")


def test_paging_reaches_everybody_once(api: Any, twin: Twin) -> None:
    names: list[str] = []
    while True:
        page = api.scim("GET", "/Users", startIndex=len(names) + 1, count=2).json()
        assert page["totalResults"] == 3
        assert page["startIndex"] == len(names) + 1
        assert page["itemsPerPage"] == len(page["Resources"]) <= 2
        if not page["Resources"]:
            break
        names += [user["userName"] for user in page["Resources"]]
    assert names == list(twin.environment("contoso")["users"])
    assert api.scim("GET", "/Users", count=0).json()["Resources"] == []
    assert api.scim("GET", "/Users", count=-1).json()["totalResults"] == 3
    assert error(api.scim("GET", "/Users", count="all")) == (400, "invalidValue")


def test_page_size_is_the_most_that_comes(api: Any, twin: Twin) -> None:
    twin.switches(page_size=2)
    assert api.scim("GET", "/Users").json()["itemsPerPage"] == 2
    assert api.scim("GET", "/Users", count=100).json()["itemsPerPage"] == 2
    assert api.scim("GET", "/ServiceProviderConfig").json()["filter"]["maxResults"] == 2


def test_views(api: Any) -> None:
    path = f"/Groups/{api.scim_group('Sales')['id']}"
    assert "members" not in api.scim("GET", path, excludedAttributes="members").json()
    assert set(api.scim("GET", path, attributes="members").json()) == {"schemas", "id", "members"}
    listed = api.scim("GET", "/Groups", excludedAttributes="members,meta").json()["Resources"]
    assert [set(group) for group in listed] == [{"schemas", "id", "displayName"}]
    user = api.scim("GET", "/Users", attributes="name.givenName,active", count=1).json()["Resources"][0]
    assert (set(user), set(user["name"])) == ({"schemas", "id", "name", "active"}, {"givenName"})


def test_search_by_post(api: Any) -> None:
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": "active eq false"}
    for path in ("/Users/.search", "/.search"):
        assert [user["userName"] for user in api.scim("POST", path, body).json()["Resources"]] == ["lee.gu@contoso.com"]
    everything = api.scim("POST", "/.search", {"schemas": body["schemas"], "startIndex": 3, "count": 5}).json()
    assert everything["totalResults"] == 4
    assert [item.get("userName", item.get("displayName")) for item in everything["Resources"]] == [
        "lee.gu@contoso.com",
        "Sales",
    ]


# ---- PATCH, dialect by dialect

LEGACY = [
    [
        {"op": "Replace", "path": "userName", "value": "adele.new@contoso.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Ada"},
        {"op": "Add", "path": "name.familyName", "value": "Vance-Wilke"},
        {"op": "Replace", "path": "displayName", "value": "Ada V."},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ada@contoso.com"},
        {"op": "Add", "path": "externalId", "value": "ada"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "Replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+31 20 123 4567"},
        {"op": "Add", "path": "title", "value": "Manager"},
        {"op": "Replace", "path": f"{USER}:preferredLanguage", "value": "nl-NL"},
    ],
    [
        {"op": "Replace", "path": "userName", "value": "adele.new@contoso.com"},
        {"op": "Replace", "path": "name.givenName", "value": "Ada"},
        {"op": "Replace", "path": "name.familyName", "value": "Vance-Wilke"},
        {"op": "Replace", "path": "displayName", "value": "Ada V."},
        {"op": "Replace", "path": "emails", "value": [{"type": "work", "value": "ada@contoso.com"}]},
        {"op": "Replace", "path": "externalId", "value": "ada"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": ENTERPRISE, "value": {"department": "Sales", "employeeNumber": "7"}},
        {"op": "Add", "path": "phoneNumbers", "value": [{"type": "work", "value": "+31 20 123 4567"}]},
        {"op": "Add", "path": "title", "value": "Manager"},
        {"op": "Add", "path": "preferredLanguage", "value": "nl-NL"},
    ],
]
COMPLIANT = [
    [
        {
            "op": "replace",
            "value": {
                "userName": "adele.new@contoso.com",
                "name.givenName": "Ada",
                "name.familyName": "Vance-Wilke",
                "displayName": "Ada V.",
                'emails[type eq "work"].value': "ada@contoso.com",
                "externalId": "ada",
                "active": False,
                f"{ENTERPRISE}:department": "Sales",
                "title": "Manager",
                'phoneNumbers[type eq "work"].value': "+31 20 123 4567",
                "preferredLanguage": "nl-NL",
            },
        }
    ],
    [
        {
            "op": "replace",
            "value": {
                "userName": "adele.new@contoso.com",
                "name": {"givenName": "Ada", "familyName": "Vance-Wilke"},
                "displayName": "Ada V.",
                "emails": [{"type": "work", "value": "ada@contoso.com"}],
                "externalId": "ada",
                "active": False,
                ENTERPRISE: {"department": "Sales"},
                "title": "Manager",
                "phoneNumbers": [{"type": "work", "value": "+31 20 123 4567"}],
                f"{USER}:preferredLanguage": "nl-NL",
            },
        }
    ],
]


@pytest.mark.parametrize(
    ("dialect", "operations"),
    [
        *(("both", item) for item in LEGACY + COMPLIANT),
        *(("legacy", item) for item in LEGACY),
        *(("compliant", item) for item in COMPLIANT),
    ],
)
def test_user_patch_in_its_dialect(api: Any, twin: Twin, dialect: str, operations: list[dict[str, Any]]) -> None:
    twin.switches(scim_patch=dialect)
    adele = api.scim_user("adele.vance@contoso.com")
    answer = api.scim_patch(f"/Users/{adele['id']}", *operations)
    assert answer.status_code == 200, answer.text
    state = twin.environment("contoso")["users"]["adele.new@contoso.com"]
    assert (state["first_name"], state["last_name"], state["display_name"]) == ("Ada", "Vance-Wilke", "Ada V.")
    assert (state["email"], state["external_id"], state["active"]) == ("ada@contoso.com", "ada", False)
    assert (state["title"], state["preferred_language"], state["department"]) == ("Manager", "nl-NL", "Sales")
    assert state["phone_numbers"] == [{"type": "work", "value": "+31 20 123 4567"}]
    assert answer.json() == api.scim("GET", f"/Users/{adele['id']}").json()


@pytest.mark.parametrize(("dialect", "operations"), [("legacy", COMPLIANT[0]), ("compliant", LEGACY[0])])
def test_user_patch_in_the_wrong_dialect_is_400_and_changes_nothing(
    api: Any, twin: Twin, dialect: str, operations: list[dict[str, Any]]
) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    twin.switches(scim_patch=dialect)
    before = twin.state()
    assert error(api.scim_patch(f"/Users/{adele['id']}", *operations))[0] == 400
    assert twin.state() == before


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "active", "value": True}, "invalidSyntax"),
        ({"op": "replace", "path": "nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "name.nothing", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails[type eq", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "emails[type is 1].value", "value": "x"}, "invalidFilter"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "remove", "path": "userName"}, "invalidValue"),
        ({"op": "remove", "path": "name.familyName"}, "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "value": "x"}, "invalidValue"),
    ],
)
def test_bad_patch_is_400_and_changes_nothing(api: Any, twin: Twin, operation: dict[str, Any], scim_type: str) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    before = twin.state()
    good = {"op": "replace", "path": "displayName", "value": "never seen"}
    assert error(api.scim_patch(f"/Users/{adele['id']}", good, operation)) == (400, scim_type)
    assert twin.state() == before


def test_patch_without_its_schema_is_400(api: Any) -> None:
    adele = api.scim_user("adele.vance@contoso.com")
    body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    assert error(api.scim("PATCH", f"/Users/{adele['id']}", body)) == (400, "invalidSyntax")


def test_patch_of_addresses(api: Any) -> None:
    path = f"/Users/{api.scim_user('adele.vance@contoso.com')['id']}"

    def emails(*operations: dict[str, Any]) -> list[tuple[str, str, bool]]:
        answer = api.scim_patch(path, *operations)
        assert answer.status_code == 200, answer.text
        return [(item["type"], item["value"], item.get("primary", False)) for item in answer.json().get("emails", [])]

    work = ("work", "adele.vance@contoso.com", True)
    home = {"type": "home", "value": "adele@fabrikam.com"}
    assert emails({"op": "add", "path": "emails", "value": [home]}) == [work, ("home", "adele@fabrikam.com", False)]
    assert (
        emails({"op": "add", "path": 'emails[type eq "other"].value', "value": "x@contoso.com"})[2][1]
        == "x@contoso.com"
    )
    assert emails({"op": "replace", "path": 'emails[type eq "home"].primary', "value": True})[:2] == [
        ("work", "adele.vance@contoso.com", False),
        ("home", "adele@fabrikam.com", True),
    ]
    assert len(emails({"op": "remove", "path": 'emails[type eq "other"]'})) == 2
    assert emails({"op": "replace", "path": "emails", "value": [home]}) == [("home", "adele@fabrikam.com", False)]
    assert emails({"op": "remove", "path": "emails"}) == []


def test_patch_may_answer_without_a_body(api: Any, twin: Twin) -> None:
    twin.switches(scim_patch_body=False)
    user, group = api.scim_user("adele.vance@contoso.com")["id"], api.scim_group("Sales")["id"]
    for path in (f"/Users/{user}", f"/Groups/{group}"):
        answer = api.scim_patch(path, {"op": "replace", "path": "displayName", "value": "New"})
        assert (answer.status_code, answer.content) == (204, b"")
    assert "New" in twin.environment("contoso")["groups"]


# ---- groups


def test_group_life(api: Any, twin: Twin) -> None:
    body = {"schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}
    answer = api.scim("POST", "/Groups", {**body, "externalId": "e1", "displayName": "Finance"})
    assert (answer.status_code, answer.json()["members"]) == (201, [])
    path = f"/Groups/{answer.json()['id']}"
    assert error(api.scim("POST", "/Groups", {**body, "displayName": "FINANCE"})) == (409, "uniqueness")
    assert error(api.scim("POST", "/Groups", body)) == (400, "invalidValue")
    assert error(api.scim_patch(path, {"op": "Replace", "path": "displayName", "value": "sales"})) == (
        409,
        "uniqueness",
    )
    assert (
        api.scim_patch(path, {"op": "Replace", "path": "displayName", "value": "Books"}).json()["displayName"]
        == "Books"
    )
    assert twin.environment("contoso")["groups"]["Books"]["external_id"] == "e1"
    assert api.scim("PUT", path, {"schemas": [GROUP], "displayName": "Ledger"}).json()["displayName"] == "Ledger"
    assert twin.environment("contoso")["groups"]["Ledger"]["external_id"] is None
    assert api.scim("DELETE", path).status_code == 204
    assert error(api.scim("GET", path)) == (404, None)


def members(twin: Twin) -> list[str]:
    """Return who is in Sales."""
    return [upn.partition("@")[0] for upn in twin.environment("contoso")["groups"]["Sales"]["members"]]


def test_members_in_the_legacy_dialect(api: Any, twin: Twin) -> None:
    twin.switches(scim_patch="legacy")
    path = f"/Groups/{api.scim_group('Sales')['id']}"
    megan, adele = (api.scim_user(f"{name}@contoso.com")["id"] for name in ("megan.bowen", "adele.vance"))
    api.scim_patch(path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": megan}]})
    assert members(twin) == ["megan.bowen", "adele.vance"]
    api.scim_patch(path, {"op": "Add", "path": "members", "value": [{"$ref": None, "value": megan}]})
    assert members(twin) == ["megan.bowen", "adele.vance"]
    api.scim_patch(path, {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": adele}]})
    assert members(twin) == ["megan.bowen"]
    refused = api.scim_patch(path, {"op": "remove", "path": f'members[value eq "{megan}"]'})
    assert error(refused) == (400, "invalidPath")


def test_members_in_the_compliant_dialect(api: Any, twin: Twin) -> None:
    twin.switches(scim_patch="compliant")
    path = f"/Groups/{api.scim_group('Sales')['id']}"
    megan, adele, lee = (
        api.scim_user(f"{name}@contoso.com")["id"] for name in ("megan.bowen", "adele.vance", "lee.gu")
    )
    api.scim_patch(path, {"op": "add", "value": {"members": [{"value": megan}, {"value": lee}]}})
    assert members(twin) == ["megan.bowen", "adele.vance", "lee.gu"]
    api.scim_patch(path, {"op": "remove", "path": f'members[value eq "{adele}"]'})
    assert members(twin) == ["megan.bowen", "lee.gu"]
    refused = api.scim_patch(path, {"op": "remove", "path": "members", "value": [{"value": megan}]})
    assert error(refused) == (400, "invalidValue")
    api.scim_patch(path, {"op": "replace", "path": "members", "value": [{"value": adele}]})
    assert members(twin) == ["adele.vance"]
    api.scim_patch(path, {"op": "remove", "path": "members"})
    assert members(twin) == []


def test_unknown_or_nested_members_are_400_and_change_nothing(api: Any, twin: Twin) -> None:
    sales = api.scim_group("Sales")["id"]
    megan = api.scim_user("megan.bowen@contoso.com")["id"]
    for wrong in ({"value": "nobody"}, {"value": sales}, {"value": sales, "type": "Group"}, {}, 7):
        operation = {"op": "add", "path": "members", "value": [{"value": megan}, wrong]}
        assert error(api.scim_patch(f"/Groups/{sales}", operation)) == (400, "invalidValue")
    assert members(twin) == ["adele.vance"]


# ---- bulk


def test_bulk_is_off_by_default_and_says_so(api: Any) -> None:
    assert api.scim("GET", "/ServiceProviderConfig").json()["bulk"]["supported"] is False
    assert error(api.scim("POST", "/Bulk", {"Operations": []})) == (501, None)


def test_bulk_by_switch_resolves_ids_and_reports_each_operation(api: Any, twin: Twin) -> None:
    twin.switches(scim_bulk=True)
    config = api.scim("GET", "/ServiceProviderConfig").json()["bulk"]
    assert config["supported"] is True
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": "joni", "data": person()},
        {"method": "POST", "path": "/Users", "bulkId": "again", "data": person()},
        {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "g",
            "data": {"schemas": [GROUP], "displayName": "Finance", "members": [{"value": "bulkId:joni"}]},
        },
        {"method": "DELETE", "path": f"/Users/{api.scim_user('lee.gu@contoso.com')['id']}"},
    ]
    body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    results = api.scim("POST", "/Bulk", body).json()["Operations"]
    assert [item["status"] for item in results] == ["201", "409", "201", "204"]
    assert results[1]["response"]["scimType"] == "uniqueness"
    state = twin.environment("contoso")
    assert state["groups"]["Finance"]["members"] == ["joni.sherman@contoso.com"]
    assert "lee.gu@contoso.com" not in state["users"]
    stopped = api.scim("POST", "/Bulk", {**body, "failOnErrors": 1}).json()["Operations"]
    assert [item["status"] for item in stopped] == ["409"]
    many = {**body, "Operations": operations * (config["maxOperations"] // 4 + 1)}
    assert error(api.scim("POST", "/Bulk", many))[0] == 413


# ---- names


@pytest.mark.parametrize(
    ("how", "asked"),
    [
        ("ignored", {"Zoë": True, "zoë": True, "ZOË": True, "ZOë": True}),
        ("exact", {"Zoë": True, "zoë": False, "ZOË": False, "ZOë": False}),
        ("ascii", {"Zoë": True, "zoë": True, "ZOË": False, "ZOë": True}),
    ],
)
def test_a_filter_may_mind_the_case_of_names(api: Any, twin: Twin, how: str, asked: dict[str, bool]) -> None:
    twin.switches(scim_eq_case=how)
    assert api.scim("POST", "/Users", person("joni.sherman", userName="Zoë@contoso.com")).status_code == 201
    assert api.scim("POST", "/Groups", {"schemas": [GROUP], "displayName": "Zoë"}).status_code == 201
    for name, expected in asked.items():
        assert bool(found(api, f'userName eq "{name}@contoso.com"')) is expected, name
        assert bool(found(api, f'displayName eq "{name}"', "Groups")) is expected, name


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_may_be_stored_in_a_normal_form(api: Any, twin: Twin, form: Any) -> None:
    twin.switches(name_form=form.lower())
    for sent in ("NFC", "NFD"):
        name = unicodedata.normalize(sent, f"Zoë{sent}")
        answer = api.scim("POST", "/Users", person("joni.sherman", userName=f"{name}@contoso.com"))
        assert answer.json()["userName"] == unicodedata.normalize(form, f"{name}@contoso.com")
        answer = api.scim("POST", "/Groups", {"schemas": [GROUP], "displayName": name})
        assert answer.json()["displayName"] == unicodedata.normalize(form, name)
        assert bool(found(api, f'userName eq "{name}@contoso.com"')) is (form == sent)


def test_two_objects_may_have_one_name(api: Any, twin: Twin) -> None:
    group = {"schemas": [GROUP], "displayName": "Two of a name"}
    assert [api.scim("POST", "/Users", person()).status_code for _time in (1, 2)] == [201, 409]
    assert [api.scim("POST", "/Groups", group).status_code for _time in (1, 2)] == [201, 409]
    twin.switches(duplicate_names=True)
    assert api.scim("POST", "/Users", person()).status_code == 201
    assert api.scim("POST", "/Groups", group).status_code == 201
    assert len(found(api, 'userName eq "joni.sherman@contoso.com"')) == 2
    assert len(found(api, 'displayName eq "two of a name"', "Groups")) == 2
