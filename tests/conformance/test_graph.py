# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph in the twin: reading people, groups, members, roles and the organization."""

from __future__ import annotations

from typing import Any

import pytest

from w365_simulator.testing import Twin, TwinError

GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
LIMITED = ("36500000-0000-4000-8000-0000000000a2", "limited-secret-of-the-twin")
USER_CAST = "microsoft.graph.user"
GROUP_CAST = "microsoft.graph.group"


def names(answer: Any) -> list[str]:
    """Return the part of every user's UPN before the @, or the group's name."""
    assert answer.status_code == 200, answer.text
    return [
        (
            str(item["userPrincipalName"]).partition("@")[0].lower()
            if item.get("userPrincipalName")
            else item["displayName"]
        )
        for item in answer.json()["value"]
    ]


def error(answer: Any) -> tuple[int, str]:
    """Return status and code of an error in Graph's shape."""
    body = answer.json()["error"]
    assert body["message"]
    assert body["innerError"]["request-id"] == answer.headers["request-id"]
    return answer.status_code, body["code"]


def group_id(api: Any, name: str) -> str:
    return str(api.graph("/groups", filter=f"displayName eq '{name}'").json()["value"][0]["id"])


def test_one_user_by_id_and_by_name(api: Any) -> None:
    user = api.graph("/users/ADELE.vance@contoso.com").json()
    assert user["userPrincipalName"] == "Adele.Vance@contoso.com"
    assert api.graph(f"/users/{user['id']}", select="accountEnabled,userType").json() == {
        "@odata.context": user["@odata.context"].replace("users/", "users(accountEnabled,userType)/"),
        "id": user["id"],
        "accountEnabled": True,
        "userType": "Member",
    }
    # Ids compare exactly.
    assert error(api.graph(f"/users/{user['id'].upper()}")) == (404, "Request_ResourceNotFound")
    assert error(api.graph("/users/nobody@contoso.com")) == (404, "Request_ResourceNotFound")


def test_a_guest_is_found_by_the_encoded_name(api: Any) -> None:
    guest = api.graph("/users/lynne_fabrikam.com%23EXT%23@contoso.onmicrosoft.com", select="userType,mail").json()
    assert (guest["userType"], guest["mail"]) == ("Guest", "lynne@fabrikam.com")


def test_default_and_selected_properties(api: Any) -> None:
    default = api.graph("/users").json()["value"][0]
    assert "accountEnabled" not in default
    assert default["givenName"] == "Adele"
    selected = api.graph("/users", select="userPrincipalName,assignedLicenses,surname").json()["value"]
    assert {frozenset(user) for user in selected} == {
        frozenset({"id", "userPrincipalName", "assignedLicenses", "surname"})
    }
    assert [user["surname"] for user in selected][4] is None
    assert error(api.graph("/users", select="nothing")) == (400, "BadRequest")


def test_job_title_department_phones_and_language_of_a_user(api: Any, twin: Twin) -> None:
    empty = api.graph("/users/adele.vance@contoso.com").json()
    names_of_default = ("jobTitle", "mobilePhone", "businessPhones", "preferredLanguage")
    assert [empty[name] for name in names_of_default] == [None, None, [], None]
    # The department is shown only to whoever asks for it.
    assert "department" not in empty
    user = {
        "user_principal_name": "Adele.Vance@contoso.com",
        "given_name": "Adele",
        "surname": "Vance",
        "job_title": "Manager",
        "department": "Sales",
        "mobile_phone": "+31 6 1234 5678",
        "business_phones": ["+31 20 123 4567"],
        "preferred_language": "nl-NL",
    }
    domains = [{"name": "contoso.com", "default": True}, {"name": "contoso.onmicrosoft.com", "initial": True}]
    tenant_id = str(next(iter(twin.state()["tenants"])))
    tenant = {"id": tenant_id, "display_name": "Contoso", "domains": domains, "users": [user]}
    twin.seed({"tenants": [tenant]})
    shown = api.graph("/users/adele.vance@contoso.com", select=",".join((*names_of_default, "department"))).json()
    assert [shown[name] for name in (*names_of_default, "department")] == [
        "Manager",
        "+31 6 1234 5678",
        ["+31 20 123 4567"],
        "nl-NL",
        "Sales",
    ]
    state = twin.state()["tenants"][tenant_id]["users"]
    assert state["Adele.Vance@contoso.com"]["business_phones"] == ["+31 20 123 4567"]
    assert "job_title" not in state["Megan.Bowen@contoso.com"]
    for filter_ in (
        "department eq 'sales'",
        "startswith(jobTitle, 'Man')",
        "mobilePhone eq '+31 6 1234 5678'",
        "preferredLanguage eq 'nl-NL'",
        "businessPhones/any(p:p eq '+31 20 123 4567')",
    ):
        assert names(api.graph("/users", filter=filter_)) == ["adele.vance"]
    with pytest.raises(TwinError, match="business_phones is a list of texts"):
        twin.seed({"tenants": [{**tenant, "users": [{**user, "business_phones": [7]}]}]})


def test_pages_follow_the_link_to_the_end(api: Any, twin: Twin) -> None:
    found: list[str] = []
    link, pages = "/users", 0
    query = {
        "top": "2",
        "select": "userPrincipalName",
        "filter": "startswith(userPrincipalName, 'a') or userType eq 'Guest'",
    }
    while link:
        answer = api.graph(link, **query)
        found += names(answer)
        pages += 1
        link, query = answer.json().get("@odata.nextLink", ""), {}
    assert found == ["adele.vance", "alex.wilber", "allan.only", "lynne_fabrikam.com#ext#"]
    assert pages == 2
    twin.switches(page_size=1)
    assert len(api.graph("/users", top="999").json()["value"]) == 1
    for wrong in ("0", "1000", "x"):
        assert error(api.graph("/users", top=wrong)) == (400, "Request_BadRequest")
    assert error(api.graph("/users", skiptoken="garbage")) == (400, "Directory_ExpiredPageToken")


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("userPrincipalName eq 'ADELE.VANCE@contoso.com'", ["adele.vance"]),
        ("mail eq 'lynne@fabrikam.com'", ["lynne_fabrikam.com#ext#"]),
        ("displayName eq 'lynne o''robbins'", ["lynne_fabrikam.com#ext#"]),
        ("accountEnabled eq false", ["lee.gu"]),
        ("accountEnabled eq true and startswith(givenName,'M')", ["megan.bowen"]),
        ("surname eq null", ["allan.only"]),
        ("userType eq 'Guest' or surname eq 'gu'", ["lee.gu", "lynne_fabrikam.com#ext#"]),
        ("(userType eq 'Guest' or surname eq 'gu') and accountEnabled eq true", ["lynne_fabrikam.com#ext#"]),
        ("surname in ('Gu', 'Bowen')", ["megan.bowen", "lee.gu"]),
        (f"surname in ({','.join(map(repr, ['Gu', *map(str, range(14))]))})", ["lee.gu"]),
        ("userPrincipalName eq 'x'' or 1 eq 1'", []),
    ],
)
def test_user_filters(api: Any, filter_: str, expected: list[str]) -> None:
    assert names(api.graph("/users", filter=filter_)) == expected


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("endswith(mail,'@fabrikam.com')", ["lynne_fabrikam.com#ext#"]),
        ("endsWith(userPrincipalName,'@contoso.com') and not startswith(givenName,'A')", ["megan.bowen", "lee.gu"]),
        (
            "surname ne 'Vance' and accountEnabled ne false and userType eq 'Member'",
            ["alex.wilber", "megan.bowen", "allan.only"],
        ),
    ],
)
def test_advanced_filters_need_the_header_and_the_count(api: Any, filter_: str, expected: list[str]) -> None:
    assert error(api.graph("/users", filter=filter_)) == (400, "Request_UnsupportedQuery")
    assert error(api.graph("/users", filter=filter_, eventual=True)) == (400, "Request_UnsupportedQuery")
    assert error(api.graph("/users", filter=filter_, count="true")) == (400, "Request_UnsupportedQuery")
    answer = api.graph("/users", filter=filter_, count="true", eventual=True)
    assert names(answer) == expected
    assert answer.json()["@odata.count"] == len(expected)


@pytest.mark.parametrize(
    ("filter_", "code"),
    [
        ("nothing eq 'x'", "Request_UnsupportedQuery"),
        ("mail gt 'x'", "Request_UnsupportedQuery"),
        ("mail eq 'x", "BadRequest"),
        ("mail eq 7", "BadRequest"),
        ("mail", "BadRequest"),
        ("accountEnabled eq 'true'", "BadRequest"),
        ("mail eq 'x' and", "BadRequest"),
        ("startswith(mail)", "BadRequest"),
        (f"surname in ({','.join(map(repr, map(str, range(16))))})", "BadRequest"),
    ],
)
def test_bad_filters(api: Any, filter_: str, code: str) -> None:
    assert error(api.graph("/users", filter=filter_)) == (400, code)


def test_groups(api: Any) -> None:
    assert names(api.graph("/groups")) == ["Sales", "Everybody", "Loop"]
    assert names(api.graph("/groups", filter="groupTypes/any(c:c eq 'Unified')")) == ["Sales"]
    assert names(api.graph("/groups", filter="mailEnabled eq false and startswith(displayName,'l')")) == ["Loop"]
    group = api.graph(
        f"/groups/{group_id(api, 'Sales')}", select="displayName,mailEnabled,securityEnabled,groupTypes"
    ).json()
    assert (group["mailEnabled"], group["securityEnabled"], group["groupTypes"]) == (True, False, ["Unified"])
    assert error(api.graph("/groups/nothing")) == (404, "Request_ResourceNotFound")


def test_members_mix_kinds_and_name_them(api: Any) -> None:
    answer = api.graph(f"/groups/{group_id(api, 'Everybody')}/members", select="id,userPrincipalName,displayName")
    assert names(answer) == ["megan.bowen", "Sales", "Loop", "alex.wilber"]
    kinds = [item["@odata.type"].rpartition(".")[2] for item in answer.json()["value"]]
    assert kinds == ["user", "group", "group", "user"]


@pytest.mark.parametrize(
    ("group", "path", "expected"),
    [
        ("Everybody", f"members/{USER_CAST}", ["megan.bowen", "alex.wilber"]),
        ("Everybody", f"members/{GROUP_CAST}", ["Sales", "Loop"]),
        ("Everybody", f"transitiveMembers/{USER_CAST}", ["adele.vance", "alex.wilber", "megan.bowen"]),
        ("Loop", f"transitiveMembers/{USER_CAST}", ["adele.vance", "alex.wilber", "megan.bowen"]),
        ("Loop", f"members/{USER_CAST}", []),
        ("Sales", f"members/{USER_CAST}", ["adele.vance", "alex.wilber"]),
    ],
)
def test_casts_need_the_header_and_the_count(api: Any, group: str, path: str, expected: list[str]) -> None:
    url = f"/groups/{group_id(api, group)}/{path}"
    assert error(api.graph(url)) == (400, "Request_UnsupportedQuery")
    answer = api.graph(url, eventual=True, count="true")
    assert sorted(names(answer)) == sorted(expected)
    assert answer.json()["@odata.count"] == len(expected)
    # A cast makes the type plain, so it is not repeated.
    assert all("@odata.type" not in item for item in answer.json()["value"])


def test_a_cast_to_what_a_group_cannot_hold_is_refused(api: Any) -> None:
    sales = group_id(api, "Sales")
    for cast in (GROUP_CAST, "microsoft.graph.toaster"):
        answer = api.graph(f"/groups/{sales}/members/{cast}", eventual=True, count="true")
        assert error(answer) == (400, "Request_UnsupportedQuery")


def test_members_are_paged_filtered_and_counted(api: Any) -> None:
    url = f"/groups/{group_id(api, 'Everybody')}/transitiveMembers/{USER_CAST}"
    first = api.graph(url, eventual=True, count="true", top="2", select="userPrincipalName")
    rest = api.graph(first.json()["@odata.nextLink"], eventual=True)
    assert sorted(names(first) + names(rest)) == ["adele.vance", "alex.wilber", "megan.bowen"]
    assert names(api.graph(url, eventual=True, count="true", filter="endsWith(mail,'bowen@contoso.com')")) == [
        "megan.bowen"
    ]
    counted = api.graph(f"/groups/{group_id(api, 'Everybody')}/members/$count", eventual=True)
    assert counted.text == "4"
    assert names(api.graph(f"/groups/{group_id(api, 'Sales')}/owners")) == ["megan.bowen"]


def test_organization_domains_and_roles(api: Any) -> None:
    organization = api.graph("/organization").json()["value"][0]
    assert {
        domain["name"]: (domain["isDefault"], domain["isInitial"]) for domain in organization["verifiedDomains"]
    } == {
        "contoso.com": (True, False),
        "contoso.onmicrosoft.com": (False, True),
    }
    assert [domain["id"] for domain in api.graph("/domains").json()["value"]] == [
        "contoso.com",
        "contoso.onmicrosoft.com",
    ]
    role = f"/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members"
    answer = api.graph(role, select="id,userPrincipalName")
    assert names(answer) == ["megan.bowen"]
    assert answer.json()["value"][0]["@odata.type"] == "#microsoft.graph.user"
    assert error(api.graph(role.replace("62e9", "0000"))) == (404, "Request_ResourceNotFound")


def test_permissions_are_those_of_the_application(api: Any) -> None:
    for path in (
        "/users",
        "/organization",
        "/domains",
        f"/directoryRoles(roleTemplateId='{GLOBAL_ADMINISTRATOR}')/members",
    ):
        assert error(api.graph(path, client=LIMITED)) == (403, "Authorization_RequestDenied")
    members = api.graph(f"/groups/{group_id(api, 'Sales')}/members", client=LIMITED).json()["value"]
    assert len(members) == 2
    for member in members:
        assert member["@odata.type"] == "#microsoft.graph.user"
        assert member["id"]
        assert {value for name, value in member.items() if name not in ("@odata.type", "id")} == {None}


def test_null_members_by_switch(api: Any, twin: Twin) -> None:
    twin.switches(graph_null_members=True)
    url = f"/groups/{group_id(api, 'Sales')}/members/{USER_CAST}"
    answer = api.graph(url, eventual=True, count="true", select="id,userPrincipalName")
    assert [member["userPrincipalName"] for member in answer.json()["value"]] == [None, None]


def test_new_objects_lag_behind(api: Any, twin: Twin) -> None:
    twin.switches(graph_lag=2)
    person = {"EmailAddress": "joni.sherman@contoso.com", "FirstName": "Joni", "LastName": "Sherman"}
    api.provisioning("POST", "/contoso/User/", {**person, "CreateInOffice365": True})
    assert [api.graph("/users/joni.sherman@contoso.com").status_code for _ in range(4)] == [404, 404, 200, 200]
    assert api.graph("/users/adele.vance@contoso.com").status_code == 200


def test_batch(api: Any, twin: Twin) -> None:
    sales = group_id(api, "Sales")
    requests: list[dict[str, Any]] = [
        {"id": "1", "method": "GET", "url": "/users/adele.vance@contoso.com?$select=surname"},
        {"id": "2", "method": "GET", "url": "/users/nobody@contoso.com"},
        {
            "id": "3",
            "method": "GET",
            "url": f"/groups/{sales}/members/{USER_CAST}?$count=true",
            "headers": {"ConsistencyLevel": "eventual"},
        },
        {"id": "4", "method": "GET", "url": "/organization", "dependsOn": ["2"]},
        {"id": "5", "method": "GET", "url": "/users/megan.bowen@contoso.com"},
    ]
    twin.fault(surface="graph", path="megan", action="status", status=429, retry_after=3)
    responses = {item["id"]: item for item in api.graph("/$batch", body={"requests": requests}).json()["responses"]}
    assert {id_: item["status"] for id_, item in responses.items()} == {
        "1": 200,
        "2": 404,
        "3": 200,
        "4": 424,
        "5": 429,
    }
    assert responses["1"]["body"]["surname"] == "Vance"
    assert responses["3"]["body"]["@odata.count"] == 2
    assert responses["5"]["headers"]["Retry-After"] == "3"
    many = [{**requests[0], "id": str(number)} for number in range(21)]
    assert error(api.graph("/$batch", body={"requests": many})) == (400, "BadRequest")
    assert error(api.graph("/$batch", body={"requests": [requests[0], requests[0]]})) == (400, "BadRequest")
    assert error(api.graph("/$batch", body={})) == (400, "BadRequest")
    assert twin.writes() == [request for request in twin.writes() if request["surface"] == "provisioning"]


def test_what_the_twin_does_not_know_is_an_error(api: Any) -> None:
    assert error(api.graph("/toasters")) == (400, "BadRequest")
    assert error(api.graph("/users", body={})) == (405, "Request_BadRequest")
    assert error(api.graph("/users", search='"x"')) == (501, "NotImplemented")
