# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Provisioning API of the twin, row by row of the contract."""

from __future__ import annotations

import re
from typing import Any

import pytest

from w365_simulator.contract import ENDPOINTS
from w365_simulator.testing import Twin, TwinError

# Copied by hand from the contract, so that the twin's own table is checked and not believed.
LETTERS = {
    "POST /Environment/": "D",
    "POST /Environment/Validate/": "D",
    "POST /Environment/{environment}/": "D",
    "PUT /Environment/{environment}/Activate/": "D",
    "PUT /Environment/{environment}/Deactivate/": "D",
    "DELETE /Environment/{environment}/": "D",
    "GET /Environment/": "D",
    "POST /{environment}/User/": "D",
    "POST /{environment}/User/Validate/": "D",
    "GET /{environment}/User/": "A",
    "GET /{environment}/User/{id}/": "A",
    "PUT /{environment}/User/{id}/": "A",
    "DELETE /{environment}/User/{id}/": "A",
    "GET /{environment}/Group/": "A",
    "POST /{environment}/Group/": "A",
    "GET /{environment}/Group/{id}/": "A",
    "PUT /{environment}/Group/{id}/": "A",
    "DELETE /{environment}/Group/{id}/": "A",
    "PUT /{environment}/SingleSignOnSettings/OAuth2": "C",
    "GET /{environment}/SingleSignOnSettings/OAuth2": "A",
    "PUT /{environment}/ExchangeSettings": "C",
    "GET /{environment}/ExchangeSettings": "A",
    "PUT /{environment}/SharePointSettings/": "C",
    "GET /{environment}/SharePointSettings/": "A",
    "GET /{environment}/UserLicenses/": "D",
    "PUT /{environment}/UserLicenses/Count/": "D",
}
ADMINISTRATOR = {"EmailAddress": "alex.wilber@contoso.com", "FirstName": "Alex", "LastName": "Wilber"}
USER = {**ADMINISTRATOR, "Password": "a-password", "IsAdministrator": False, "CreateInOffice365": False}
SSO = {"Authority": "https://login.windows.net/contoso.com", "ClientId": "an-id", "Key": "a-key"}
BODIES: dict[str, Any] = {
    "POST /Environment/": {"EnvironmentName": "New", **ADMINISTRATOR, "Password": "a-password"},
    "POST /Environment/Validate/": {"EnvironmentName": "New", **ADMINISTRATOR},
    "POST /{environment}/User/": USER,
    "POST /{environment}/User/Validate/": USER,
    "PUT /{environment}/User/{id}/": {"FirstName": "Adele Maria"},
    "POST /{environment}/Group/": {"Name": "Finance"},
    "PUT /{environment}/Group/{id}/": {"Description": "Sells more"},
    "PUT /{environment}/SingleSignOnSettings/OAuth2": SSO,
    "PUT /{environment}/ExchangeSettings": {
        "Servertype": "Office365",
        "DefaultEwsUrl": "https://outlook.office365.com/EWS/Exchange.asmx",
    },
    "PUT /{environment}/SharePointSettings/": {
        "AuthenticationType": "OAuth2",
        "DefaultUrl": "https://contoso.sharepoint.com",
    },
    "PUT /{environment}/UserLicenses/Count/": 99,
}


def call(api: Any, twin: Twin, row: str, body: Any = ...) -> Any:
    """Call one row of the contract on things that exist."""
    method, path = row.split(" ")
    state = twin.environment("contoso")
    number = state["groups"]["Sales"]["id"] if "/Group/" in path else state["users"]["adele.vance@contoso.com"]["id"]
    name = "newempty" if row == "POST /Environment/{environment}/" else "contoso"
    concrete = path.replace("{environment}", name).replace("{id}", str(number))
    return api.provisioning(method, concrete, BODIES.get(row) if body is ... else body)


def problems(answer: Any) -> dict[str, str]:
    """Return the field and sentence of every ValidationResult."""
    return {(item["MemberNames"] or [""])[0]: item["ErrorMessage"] for item in answer.json()}


def test_table_carries_the_letters_of_the_contract() -> None:
    table = {f"{row.method} {row.path}": row.letter for row in ENDPOINTS if row.surface == "provisioning"}
    assert table == LETTERS


@pytest.mark.parametrize("row", LETTERS)
def test_full_profile_serves_every_row(api: Any, twin: Twin, row: str) -> None:
    assert call(api, twin, row).status_code == 200


@pytest.mark.parametrize("row", LETTERS)
def test_documented_profile_serves_all_but_assumed_rows(api: Any, twin: Twin, row: str) -> None:
    twin.switches(profile="documented")
    assert call(api, twin, row).status_code == (404 if LETTERS[row] == "A" else 200)


@pytest.mark.parametrize("row", LETTERS)
def test_wrong_or_missing_key_is_403_and_changes_nothing(api: Any, twin: Twin, row: str) -> None:
    before = twin.state()
    for wrong in ("wrong", None):
        method, path = row.split(" ")
        concrete = path.replace("{environment}", "contoso").replace("{id}", "1")
        assert api.provisioning(method, concrete, BODIES.get(row), ProvisioningKey=wrong).status_code == 403
    assert twin.state() == before


@pytest.mark.parametrize(
    "row", [row for row in LETTERS if "{environment}" in row and row != "POST /Environment/{environment}/"]
)
def test_unknown_environment_is_404(api: Any, row: str) -> None:
    method, path = row.split(" ")
    concrete = path.replace("{environment}", "nowhere").replace("{id}", "1")
    assert api.provisioning(method, concrete, BODIES.get(row)).status_code == 404


@pytest.mark.parametrize("row", LETTERS)
def test_slash_at_the_end_is_free_by_default_and_required_by_switch(api: Any, twin: Twin, row: str) -> None:
    method, path = row.split(" ")
    if not path.endswith("/"):
        twin.switches(trailing_slash="required")
        assert call(api, twin, row).status_code == 200
        return
    state = twin.environment("contoso")
    number = state["groups"]["Sales"]["id"] if "/Group/" in path else state["users"]["adele.vance@contoso.com"]["id"]
    name = "newempty" if row == "POST /Environment/{environment}/" else "contoso"
    bare = path.replace("{environment}", name).replace("{id}", str(number)).rstrip("/")
    twin.switches(trailing_slash="required")
    assert api.provisioning(method, bare, BODIES.get(row)).status_code == 404
    twin.switches(trailing_slash="any")
    assert api.provisioning(method, bare, BODIES.get(row)).status_code == 200


def test_requested_with_is_asked_for_only_by_switch(api: Any, twin: Twin) -> None:
    headers = {"X_Requested_With": None}
    assert api.provisioning("GET", "/Environment/", **headers).status_code == 200
    twin.switches(strict_requested_with=True)
    assert api.provisioning("GET", "/Environment/", **headers).status_code == 403
    assert api.provisioning("GET", "/Environment/").status_code == 200


# ---- environments


def test_create_version_1_answers_the_sanitized_name_and_makes_the_primary_administrator(api: Any, twin: Twin) -> None:
    body = {"environmentname": "My Company-1", **ADMINISTRATOR, "PASSWORD": "a-password"}
    answer = api.provisioning("POST", "/Environment/", body)
    assert (answer.status_code, answer.json()) == (200, "mycompany1")
    environment = twin.environment("mycompany1")
    assert environment["primary"] == "alex.wilber@contoso.com"
    user = environment["users"]["alex.wilber@contoso.com"]
    assert (user["administrator"], user["password_set"], user["origin"]) == (True, True, "registration")


def test_create_version_1_needs_a_password_and_version_2_does_not(api: Any, twin: Twin) -> None:
    body = {"EnvironmentName": "new", **ADMINISTRATOR}
    assert "Password" in problems(api.provisioning("POST", "/Environment/", body))
    assert api.provisioning("POST", "/Environment/?version=2.0", body).json() == "new"
    assert twin.environment("new")["users"]["alex.wilber@contoso.com"]["password_set"] is False
    assert api.provisioning("POST", "/Environment/?version=3.0", {**body, "EnvironmentName": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"EnvironmentName": "demo"}, "EnvironmentName"),
        ({"EnvironmentName": "Demo"}, "EnvironmentName"),
        ({"EnvironmentName": "contoso"}, "EnvironmentName"),
        ({"EnvironmentName": "-!-"}, "EnvironmentName"),
        ({"EnvironmentName": None}, "EnvironmentName"),
        ({"EmailAddress": "nobody"}, "EmailAddress"),
        ({"EmailAddress": 7}, "EmailAddress"),
        ({"LastName": ""}, "LastName"),
    ],
)
@pytest.mark.parametrize("path", ["/Environment/", "/Environment/?version=2.0", "/Environment/Validate/"])
def test_bad_environment_is_400_and_leaves_nothing(
    api: Any, twin: Twin, path: str, change: dict[str, Any], field: str
) -> None:
    before = twin.state()
    answer = api.provisioning("POST", path, {"EnvironmentName": "new", **ADMINISTRATOR, "Password": "x", **change})
    assert answer.status_code == 400
    assert list(problems(answer)) == [field]
    assert twin.state() == before


def test_validate_creates_nothing_and_is_no_write(api: Any, twin: Twin) -> None:
    before = twin.state()
    assert call(api, twin, "POST /Environment/Validate/").status_code == 200
    assert call(api, twin, "POST /{environment}/User/Validate/").status_code == 200
    assert twin.state() == before
    assert twin.writes() == []
    assert len(twin.requests()) == 2


def test_new_empty_environment_has_nobody(api: Any, twin: Twin) -> None:
    answer = api.provisioning("POST", "/Environment/Fab-Rikam/")
    assert (answer.status_code, answer.json()) == (200, "fabrikam")
    assert twin.environment("fabrikam")["users"] == {}
    assert api.provisioning("POST", "/Environment/fabrikam/").status_code == 400
    assert api.provisioning("POST", "/Environment/demo/").status_code == 400


def test_names_are_only_lower_cased_by_switch(api: Any, twin: Twin) -> None:
    twin.switches(sanitize_names="lower")
    answer = api.provisioning("POST", "/Environment/?version=2.0", {"EnvironmentName": "Fab-Rikam", **ADMINISTRATOR})
    assert answer.json() == "fab-rikam"
    assert api.provisioning("GET", "/fab-rikam/User/").status_code == 200


def test_case_of_names_in_paths(api: Any, twin: Twin) -> None:
    assert api.provisioning("GET", "/CONTOSO/UserLicenses/").status_code == 200
    twin.switches(path_names="lower")
    assert api.provisioning("GET", "/CONTOSO/UserLicenses/").status_code == 404
    assert api.provisioning("GET", "/contoso/UserLicenses/").status_code == 200


def test_activate_deactivate_and_delete(api: Any, twin: Twin) -> None:
    assert api.provisioning("PUT", "/Environment/contoso/Deactivate/").status_code == 200
    assert twin.environment("contoso")["active"] is False
    assert api.scim("GET", "/Users").status_code == 403
    assert api.provisioning("GET", "/Environment/").json() == [{"Name": "contoso", "IsActive": False}]
    assert api.provisioning("PUT", "/Environment/contoso/Activate/").status_code == 200
    assert api.scim("GET", "/Users").status_code == 200
    assert api.provisioning("DELETE", "/Environment/contoso/").status_code == 200
    assert api.provisioning("DELETE", "/Environment/contoso/").status_code == 404
    assert twin.state()["environments"] == {}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("objects", [{"Name": "contoso", "IsActive": True}]),
        ("names", [{"EnvironmentName": "contoso"}]),
        ("strings", ["contoso"]),
        ("wrapped", {"environments": [{"name": "contoso", "isActive": True}]}),
    ],
)
def test_shapes_of_the_environment_list(api: Any, twin: Twin, shape: str, expected: Any) -> None:
    twin.switches(environment_list=shape)
    assert api.provisioning("GET", "/Environment/").json() == expected


def test_environment_list_may_be_missing(api: Any, twin: Twin) -> None:
    twin.switches(environment_list="missing")
    assert api.provisioning("GET", "/Environment/").status_code == 404


# ---- users


def test_user_create_answers_a_whole_number(api: Any, twin: Twin) -> None:
    answer = api.provisioning("POST", "/contoso/User/", {**USER, "IsAdministrator": True})
    user = twin.environment("contoso")["users"]["alex.wilber@contoso.com"]
    assert answer.json() == user["id"]
    assert (user["active"], user["administrator"], user["email"]) == (True, True, "alex.wilber@contoso.com")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"EmailAddress": "ADELE.VANCE@contoso.com"}, "EmailAddress"),
        ({"EmailAddress": "lee.gu@contoso.com"}, "EmailAddress"),
        ({"EmailAddress": "adele vance@contoso.com"}, "EmailAddress"),
        ({"FirstName": None}, "FirstName"),
        ({"LastName": " "}, "LastName"),
        ({"IsAdministrator": "yes"}, "IsAdministrator"),
        ({"CreateInOffice365": 1}, "CreateInOffice365"),
    ],
)
@pytest.mark.parametrize("path", ["/contoso/User/", "/contoso/User/Validate/"])
def test_bad_user_is_400_and_leaves_nothing(
    api: Any, twin: Twin, path: str, change: dict[str, Any], field: str
) -> None:
    before = twin.state()
    answer = api.provisioning("POST", path, {**USER, **change})
    assert answer.status_code == 400
    assert list(problems(answer)) == [field]
    assert twin.state() == before


def test_create_in_office365_makes_the_account_in_the_tenant(api: Any, twin: Twin) -> None:
    person = {"EmailAddress": "joni.sherman@contoso.com", "FirstName": "Joni", "LastName": "Sherman"}
    api.provisioning("POST", "/contoso/User/", {**person, "CreateInOffice365": True})
    found = api.graph("/users/joni.sherman@contoso.com").json()
    assert (found["givenName"], found["surname"]) == ("Joni", "Sherman")


def test_update_changes_only_what_is_given(api: Any, twin: Twin) -> None:
    before = twin.environment("contoso")["users"]["adele.vance@contoso.com"]
    path = f"/contoso/User/{before['id']}/"
    assert api.provisioning("PUT", path, {"lastname": "Wilke"}).status_code == 200
    after = twin.environment("contoso")["users"]["adele.vance@contoso.com"]
    assert after == {**before, "last_name": "Wilke"}
    assert api.provisioning("GET", path).json() == {
        "Id": before["id"],
        "EmailAddress": "adele.vance@contoso.com",
        "FirstName": "Adele",
        "LastName": "Wilke",
        "IsAdministrator": False,
        "IsActive": True,
    }


def test_rename_takes_the_address_along_and_refuses_a_taken_one(api: Any, twin: Twin) -> None:
    path = f"/contoso/User/{twin.environment('contoso')['users']['adele.vance@contoso.com']['id']}/"
    assert api.provisioning("PUT", path, {"EmailAddress": "MEGAN.bowen@contoso.com"}).status_code == 400
    assert api.provisioning("PUT", path, {"EmailAddress": "adele.new@contoso.com"}).status_code == 200
    assert twin.environment("contoso")["users"]["adele.new@contoso.com"]["email"] == "adele.new@contoso.com"


def test_delete_is_the_deleted_users_list_of_scim(api: Any, twin: Twin) -> None:
    user = twin.environment("contoso")["users"]["adele.vance@contoso.com"]
    path = f"/contoso/User/{user['id']}/"
    assert api.provisioning("DELETE", path).status_code == 200
    assert api.provisioning("GET", path).json()["IsActive"] is False
    assert api.scim("GET", f"/Users/{user['scim_id']}").json()["active"] is False
    assert twin.environment("contoso")["groups"]["Sales"]["members"] == ["adele.vance@contoso.com"]
    assert api.provisioning("PUT", path, {"IsActive": True}).status_code == 200
    assert api.scim("GET", f"/Users/{user['scim_id']}").json()["active"] is True


def test_deleted_users_may_be_hidden(api: Any, twin: Twin) -> None:
    twin.switches(deleted_users="hidden")
    listed = [user["EmailAddress"] for user in api.provisioning("GET", "/contoso/User/").json()]
    assert listed == ["megan.bowen@contoso.com", "adele.vance@contoso.com"]
    assert api.scim("GET", "/Users", filter='userName eq "lee.gu@contoso.com"').json()["totalResults"] == 0
    # The address is taken nevertheless.
    body = {"EmailAddress": "lee.gu@contoso.com", "FirstName": "Lee", "LastName": "Gu"}
    assert api.provisioning("POST", "/contoso/User/", body).status_code == 400


def test_only_active_users_become_administrators(api: Any, twin: Twin) -> None:
    number = twin.environment("contoso")["users"]["lee.gu@contoso.com"]["id"]
    answer = api.provisioning("PUT", f"/contoso/User/{number}/", {"IsAdministrator": True})
    assert list(problems(answer)) == ["IsAdministrator"]
    both = {"IsAdministrator": True, "IsActive": True}
    assert api.provisioning("PUT", f"/contoso/User/{number}/", both).status_code == 200


def test_next_administrator_takes_over_from_the_primary_one(api: Any, twin: Twin) -> None:
    users = twin.environment("contoso")["users"]
    first, second = users["megan.bowen@contoso.com"]["id"], users["adele.vance@contoso.com"]["id"]
    api.provisioning("PUT", f"/contoso/User/{second}/", {"IsAdministrator": True})
    assert twin.environment("contoso")["primary"] == "megan.bowen@contoso.com"
    api.provisioning("DELETE", f"/contoso/User/{first}/")
    assert twin.environment("contoso")["primary"] == "adele.vance@contoso.com"
    api.provisioning("PUT", f"/contoso/User/{first}/", {"IsActive": True})
    assert twin.environment("contoso")["primary"] == "adele.vance@contoso.com"
    api.provisioning("PUT", f"/contoso/User/{second}/", {"IsAdministrator": False})
    assert twin.environment("contoso")["primary"] == "megan.bowen@contoso.com"


@pytest.mark.parametrize("id_", ["0", "999999", "abc", "9" * 40])
@pytest.mark.parametrize("kind", ["User", "Group"])
def test_unknown_id_is_404(api: Any, kind: str, id_: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert api.provisioning(method, f"/contoso/{kind}/{id_}/", {} if method == "PUT" else None).status_code == 404


# ---- groups


def test_group_life(api: Any, twin: Twin) -> None:
    users = {upn: user["id"] for upn, user in twin.environment("contoso")["users"].items()}
    megan, adele = users["megan.bowen@contoso.com"], users["adele.vance@contoso.com"]
    body = {"Name": "Finance", "Description": "Counts", "Members": [adele, megan]}
    number = api.provisioning("POST", "/contoso/Group/", body).json()
    path = f"/contoso/Group/{number}/"
    assert api.provisioning("GET", path).json() == {**body, "Id": number, "Members": sorted([adele, megan])}
    assert api.provisioning("PUT", path, {"Members": [megan]}).status_code == 200
    assert api.provisioning("GET", path).json() == {**body, "Id": number, "Members": [megan]}
    assert api.provisioning("PUT", path, {"Name": "sales"}).status_code == 400
    assert api.provisioning("PUT", path, {"Name": "Books", "Description": ""}).status_code == 200
    assert [group["Name"] for group in api.provisioning("GET", "/contoso/Group/").json()] == ["Sales", "Books"]
    assert (
        api.scim_group("Books")["members"][0]["value"]
        == twin.environment("contoso")["users"]["megan.bowen@contoso.com"]["scim_id"]
    )
    assert api.provisioning("DELETE", path).status_code == 200
    assert api.provisioning("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"Name": "SALES"}, "Name"),
        ({}, "Name"),
        ({"Name": "x", "Members": [0]}, "Members"),
        ({"Name": "x", "Members": "y"}, "Members"),
    ],
)
def test_bad_group_is_400(api: Any, body: dict[str, Any], field: str) -> None:
    answer = api.provisioning("POST", "/contoso/Group/", body)
    assert answer.status_code == 400
    assert list(problems(answer)) == [field]


# ---- settings


def test_single_sign_on_is_written_and_the_key_never_read(api: Any, twin: Twin) -> None:
    path = "/contoso/SingleSignOnSettings/OAuth2"
    assert api.provisioning("GET", path).json() == {"Authority": None, "ClientId": None}
    body = {"Authority": SSO["Authority"], "clientId": SSO["ClientId"], "Key": "a-secret-key"}
    assert api.provisioning("PUT", path, body).status_code == 200
    answer = api.provisioning("GET", path)
    assert answer.json() == {"Authority": SSO["Authority"], "ClientId": SSO["ClientId"]}
    assert "a-secret-key" not in str(twin.state())
    assert "a-secret-key" not in str(twin.requests())
    for missing in ("Authority", "clientId", "Key"):
        assert api.provisioning("PUT", path, {**body, missing: ""}).status_code == 400


# The path of a setting, its fields, the one of them that is an address, and good values of both.
EXCHANGE = (
    "/contoso/ExchangeSettings",
    "ServerType",
    "DefaultEwsUrl",
    "Office365",
    "https://outlook.office365.com/EWS",
)
SHAREPOINT = (
    "/contoso/SharePointSettings/", "AuthenticationType", "DefaultUrl", "OAuth2", "https://my-contoso.sharepoint.com",
)  # fmt: skip
SETTINGS = pytest.mark.parametrize(
    ("path", "kind", "url", "kind_value", "url_value"), [EXCHANGE, SHAREPOINT], ids=["exchange", "sharepoint"]
)


@SETTINGS
def test_a_setting_is_stored_and_read_back(
    api: Any, twin: Twin, path: str, kind: str, url: str, kind_value: str, url_value: str
) -> None:
    name = "exchange" if kind == "ServerType" else "sharepoint"
    body = {kind: kind_value, url: url_value}
    assert (twin.environment("contoso")[name], api.provisioning("GET", path).json()) == (None, {kind: None, url: None})
    other = twin.environment("contoso")["sharepoint" if name == "exchange" else "exchange"]
    for form in (path.rstrip("/"), path.rstrip("/") + "/"):
        # A public client writes "Servertype".
        answer = api.provisioning("PUT", form, {kind.capitalize(): kind_value, url.lower(): url_value})
        assert (answer.status_code, answer.content) == (200, b"")
        assert api.provisioning("GET", form).json() == twin.environment("contoso")[name] == body
    assert twin.environment("contoso")["sharepoint" if name == "exchange" else "exchange"] == other
    writes = [request["body"] for request in twin.writes()]
    assert writes == [{kind.capitalize(): kind_value, url.lower(): url_value}] * 2


def test_settings_belong_to_one_environment(api: Any, twin: Twin) -> None:
    assert api.provisioning("POST", "/Environment/fabrikam/").status_code == 200
    assert call(api, twin, "PUT /{environment}/ExchangeSettings").status_code == 200
    assert twin.environment("fabrikam")["exchange"] is None
    assert api.provisioning("GET", "/fabrikam/ExchangeSettings").json()["ServerType"] is None


@SETTINGS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", ""), ("kind", " "), ("kind", None), ("kind", 7), ("kind", ["Office365"]),
        ("url", ""), ("url", None), ("url", 7), ("url", "contoso.sharepoint.com"), ("url", "http://contoso.com"),
        ("url", "https://"), ("url", "https:///path"), ("url", "https://contoso .com"), ("url", "https://[::1"),
        ("url", "https://contoso.com:port"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_setting_is_400_and_changes_nothing(
    api: Any, twin: Twin, path: str, kind: str, url: str, kind_value: str, url_value: str, field: str, value: Any
) -> None:
    assert api.provisioning("PUT", path, {kind: kind_value, url: url_value}).status_code == 200
    before = twin.state()
    wrong = kind if field == "kind" else url
    answer = api.provisioning("PUT", path, {kind: "Other", url: "https://other.contoso.com", wrong: value})
    assert answer.status_code == 400
    assert list(problems(answer)) == [wrong]
    missing = api.provisioning("PUT", path, {})
    assert (missing.status_code, set(problems(missing))) == (400, {kind, url})
    assert api.provisioning("PUT", path, [kind_value]).status_code == 400
    assert twin.state() == before


def test_any_server_type_is_taken_unless_the_switch_says_otherwise(api: Any, twin: Twin) -> None:
    path, _, _, _, url = EXCHANGE
    body = {"ServerType": "On-premises", "DefaultEwsUrl": url}
    assert api.provisioning("PUT", path, body).status_code == 200
    twin.switches(exchange_server_types="office365")
    answer = api.provisioning("PUT", path, body)
    assert (answer.status_code, list(problems(answer))) == (400, ["ServerType"])
    assert api.provisioning("PUT", path, {**body, "ServerType": "Office365"}).status_code == 200


# Each setting with the body of a PUT, and what GET shows of it.
BODIES_OF_SETTINGS: dict[str, dict[str, str]] = {
    "/contoso/SingleSignOnSettings/OAuth2": SSO,
    EXCHANGE[0]: {EXCHANGE[1]: EXCHANGE[3], EXCHANGE[2]: EXCHANGE[4]},
    SHAREPOINT[0]: {SHAREPOINT[1]: SHAREPOINT[3], SHAREPOINT[2]: SHAREPOINT[4]},
}


@pytest.mark.parametrize("path", BODIES_OF_SETTINGS)
def test_shapes_of_a_setting(api: Any, twin: Twin, path: str) -> None:
    def read(shape: str) -> tuple[int, Any]:
        twin.switches(settings_read=shape)
        answer = api.provisioning("GET", path)
        return answer.status_code, answer.json() if answer.status_code == 200 else None

    body = BODIES_OF_SETTINGS[path]
    fields = {name: value for name, value in body.items() if name != "Key"}
    camel = {name[0].lower() + name[1:]: value for name, value in fields.items()}
    nothing = dict.fromkeys(fields)
    assert (read("pascal"), read("camel")) == ((200, nothing), (200, dict.fromkeys(camel)))
    assert (read("set_only"), read("null")) == ((200, {}), (200, None))
    assert (read("unset_404"), read("missing")) == ((404, None), (404, None))
    assert api.provisioning("PUT", path, body).status_code == 200
    assert read("camel") == (200, camel)
    assert [read(shape) for shape in ("pascal", "set_only", "null", "unset_404")] == [(200, fields)] * 4
    assert read("missing") == (404, None)


@pytest.mark.parametrize("path", BODIES_OF_SETTINGS)
def test_a_put_of_a_setting_may_change_only_what_is_given_or_nothing(api: Any, twin: Twin, path: str) -> None:
    body = BODIES_OF_SETTINGS[path]
    first, *others = body
    twin.switches(settings_write="dropped")
    before = twin.state()
    assert api.provisioning("PUT", path, body).status_code == 200
    assert api.provisioning("PUT", path, {first: body[first]}).status_code == 400
    assert twin.state() == before
    twin.switches(settings_write="given")
    for name in others:
        assert api.provisioning("PUT", path, {name: body[name]}).status_code == 200
    shown = api.provisioning("GET", path).json()
    assert shown == {name: body[name] if name in others else None for name in shown}
    assert api.provisioning("PUT", path, {first: body[first]}).status_code == 200
    assert api.provisioning("GET", path).json() == {name: body[name] for name in shown}
    assert api.provisioning("PUT", path, {first: ""}).status_code == 400


@pytest.mark.parametrize("path", BODIES_OF_SETTINGS)
def test_a_method_that_is_not_served_may_be_405(api: Any, twin: Twin, path: str) -> None:
    twin.switches(profile="documented")
    assert api.provisioning("GET", path).status_code == 404
    twin.switches(unserved_method=405)
    answer = api.provisioning("GET", path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "PUT")
    assert api.provisioning("PUT", path, BODIES_OF_SETTINGS[path]).status_code == 200
    # Where the path serves nothing at all, it stays unknown.
    assert api.provisioning("GET", "/contoso/Group/").status_code == 404
    assert api.provisioning("GET", "/contoso/Nothing/").status_code == 404
    twin.switches(profile="full", html_errors=True)
    assert api.provisioning("DELETE", path).status_code == 405
    assert api.provisioning("DELETE", path).headers["Allow"] == "PUT, GET"


def test_settings_may_be_refused_by_a_fault(api: Any, twin: Twin) -> None:
    before = twin.state()
    result = [{"MemberNames": ["ServerType"], "ErrorMessage": "Exchange is switched off."}]
    twin.fault(surface="provisioning", path="ExchangeSettings", action="status", status=400, body=result)
    answer = call(api, twin, "PUT /{environment}/ExchangeSettings")
    assert (answer.status_code, answer.json()) == (400, result)
    assert twin.state() == before


def test_settings_come_from_a_seed(api: Any, twin: Twin) -> None:
    seed = {
        "name": "contoso",
        "exchange": {"server_type": EXCHANGE[3], "default_ews_url": EXCHANGE[4]},
        "sharepoint": {"authentication_type": SHAREPOINT[3], "default_url": SHAREPOINT[4]},
    }
    twin.seed({"environments": [seed]})
    for path in (EXCHANGE[0], SHAREPOINT[0]):
        assert api.provisioning("GET", path).json() == BODIES_OF_SETTINGS[path]
    before = twin.state()
    for wrong, place in (
        ({"exchange": {"server_type": "Office365"}}, "seed.environments[0].exchange.default_ews_url is required"),
        ({"sharepoint": {"authentication_type": "OAuth2", "default_url": "x"}}, "sharepoint.default_url is an https"),
        ({"sharepoint": {"url": "x"}}, "seed.environments[0].sharepoint has no field 'url'"),
    ):
        with pytest.raises(TwinError, match=re.escape(place)):
            twin.seed({"environments": [{"name": "contoso", **wrong}]})
    assert twin.state() == before


def test_licenses_are_a_bare_number_in_and_camel_case_out(api: Any) -> None:
    assert api.provisioning("PUT", "/contoso/UserLicenses/Count/", 99).status_code == 200
    answer = api.provisioning("GET", "/contoso/UserLicenses/")
    assert answer.json() == {"purchasedLicenses": 99, "usedLicenses": 2}
    for wrong in (-1, "many", True, {"Count": 1}):
        assert api.provisioning("PUT", "/contoso/UserLicenses/Count/", wrong).status_code == 400


# ---- quirks of errors


def test_shapes_of_a_validation_result(api: Any, twin: Twin) -> None:
    def answer(shape: str) -> Any:
        twin.switches(validation_result=shape)
        return api.provisioning("POST", "/contoso/User/", {**USER, "EmailAddress": "x", "LastName": ""}).json()

    email, name = "The EmailAddress field is not a valid e-mail address: 'x'.", "The LastName field is required."
    assert answer("strings") == [email, name]
    assert answer("object") == {"EmailAddress": [email], "LastName": [name]}
    assert answer("data_annotations")[0] == {"MemberNames": ["EmailAddress"], "ErrorMessage": email}
    assert answer("camel")[1] == {"memberNames": ["LastName"], "errorMessage": name}


def test_malformed_bodies_are_400_or_500(api: Any, twin: Twin) -> None:
    def answers() -> list[int]:
        url = f"{twin.instance_url}/Provisioning/contoso/User/"
        headers = {"ProvisioningKey": twin.provisioning_key, "Content-Type": "application/json"}
        bodies = (b"{", b"", b"[]", b'"text"')
        found = [api.session.post(url, data=body, headers=headers, timeout=30).status_code for body in bodies]
        return [*found, api.provisioning("POST", "/contoso/User/", {**USER, "EmailAddress": "x"}).status_code]

    assert answers() == [400] * 5
    twin.switches(server_error_for_bad_body=True)
    assert answers() == [500] * 5
    # A body that is well formed and breaks a rule is a 400 all the same.
    taken = {**USER, "EmailAddress": "adele.vance@contoso.com"}
    assert api.provisioning("POST", "/contoso/User/", taken).status_code == 400


def test_errors_may_be_html_pages(api: Any, twin: Twin) -> None:
    twin.switches(html_errors=True)
    for answer in (
        api.provisioning("POST", "/contoso/User/", {}),
        api.provisioning("GET", "/nowhere/User/"),
        api.provisioning("GET", "/Environment/", ProvisioningKey="wrong"),
    ):
        assert answer.status_code in (400, 403, 404)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.text.startswith("<!DOCTYPE html>")
