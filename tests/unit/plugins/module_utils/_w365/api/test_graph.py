# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The Graph client, and what an import makes of its answers, against scripted ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.applications import (
    PERMISSIONS as OF_APPLICATIONS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import PERMISSIONS, GraphClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.import_application import (
    ImportApplicationClient,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.synchronization import (
    SynchronizationClient,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning_users import (
    PROVISIONING_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.importer import (
    desired_from_entra,
    group_exclusion,
    read_full,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AnswerError,
    AuthenticationError,
    InputError,
    NotFoundError,
    UnreliableAnswerError,
    ValidationError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.import_options import (
    import_scope_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import Desired
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import Capabilities

Scripted = Callable[..., Any]
ROOT = "https://graph.contoso.com"


class Tokens:
    """Stands where Entra would: a new token after each one that was forgotten."""

    def __init__(self) -> None:
        self.number = 1

    def token(self) -> str:
        return f"token-{self.number}"

    def forget(self) -> None:
        self.number += 1


def client(http: Any, tokens: Any = None, root: str = ROOT) -> GraphClient:
    return GraphClient(http, root=root, tokens=tokens or Tokens(), endpoints=ENDPOINTS)


def user(id: str) -> dict[str, Any]:
    return {"id": id, "userPrincipalName": f"user{id}@contoso.com"}


# ---- calling and paging


def test_ids_are_asked_for_fifteen_at_a_time(scripted: Scripted) -> None:
    http = scripted([(200, {"value": [{"id": "7"}]}), (200, {"value": []}), (200, {"value": [{"id": "30"}]})])
    assert client(http).existing_users([str(number) for number in range(31)]) == {"7", "30"}
    asked = [
        unquote(path).partition("$filter=id in ")[2].partition("&")[0].count("','") + 1 for _, path, *_ in http.calls
    ]
    assert asked == [15, 15, 1]
    assert client(http).existing_users([]) == frozenset()


def test_a_refused_token_is_renewed_once(scripted: Scripted) -> None:
    http = scripted([(401, {}), (200, {"value": []})])
    assert list(client(http).users()) == []
    assert [headers["Authorization"] for headers in http.headers] == ["Bearer token-1", "Bearer token-2"]
    http = scripted([(401, {}), (401, {})])
    with pytest.raises(AuthenticationError, match=r"refused the token \(HTTP 401.*graph_url and entra_cloud"):
        list(client(http).users())
    assert len(http.calls) == 2


def test_the_next_link_is_followed_as_it_is(scripted: Scripted) -> None:
    link = f"{ROOT}/v1.0/users?$skiptoken=a%2Bb&x=y"
    http = scripted(
        [(200, {"value": [user("1")], "@odata.nextLink": link}), (200, {"value": []}), (200, {"value": []})]
    )
    assert [user["id"] for user in client(http).users()] == ["1"]
    assert http.calls[0][1].startswith("/v1.0/users?$top=999&$select=id,userPrincipalName")
    assert http.calls[1][1] == "/v1.0/users?$skiptoken=a%2Bb&x=y"
    assert list(client(http).users()) == []


def test_an_empty_page_with_a_next_link_is_not_the_end(scripted: Scripted) -> None:
    link = f"{ROOT}/v1.0/users?page=2"
    http = scripted([(200, {"value": [], "@odata.nextLink": link}), (200, {"value": [user("1")]})])
    assert [user["id"] for user in client(http).users()] == ["1"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.contoso.com/v1.0/users?page=2",
        "https://graph.contoso.com.evil.com/v1.0/users",
        "https://graph.contoso.com:8443/v1.0/users",
        "https://graph.contoso.com@evil.com/v1.0/users",
    ],
)
def test_no_token_goes_to_another_host(scripted: Scripted, link: str) -> None:
    http = scripted([(200, {"value": [user("1")], "@odata.nextLink": link})])
    with pytest.raises(AnswerError, match="another host, to which the token must not be sent"):
        list(client(http).users())
    assert len(http.calls) == 1


def test_casts_ask_for_the_advanced_index(scripted: Scripted) -> None:
    http = scripted(
        [
            (200, {"value": [], "@odata.nextLink": f"{ROOT}/v1.0/groups/g/members/next"}),
            (200, {"value": []}),
        ]
    )
    assert list(client(http).group_users("g;1")) == []
    assert "/groups/g%3B1/members/microsoft.graph.user?" in http.calls[0][1]
    assert "$count=true" in http.calls[0][1]
    assert all(headers["ConsistencyLevel"] == "eventual" for headers in http.headers)


@pytest.mark.parametrize(
    ("answer", "kind", "parts"),
    [
        ((403, {"error": {"code": "Authorization_RequestDenied", "message": "no"}}), AuthenticationError,
         ["Authorization_RequestDenied: no", "User.Read.All"]),
        ((404, {}), NotFoundError, ["HTTP 404, GET /users"]),
        ((400, {"error": {"message": "odd"}}), ValidationError, ["odd"]),
        ((500, ""), AnswerError, ["HTTP 500"]),
        ((200, "<html>"), AnswerError, ["not JSON: an empty HTML page", "Check graph_url"]),
        ((200, []), AnswerError, ["not a JSON object"]),
    ],
)  # fmt: skip
def test_refusals(scripted: Scripted, answer: Any, kind: type[Exception], parts: list[str]) -> None:
    with pytest.raises(kind) as refusal:
        list(client(scripted([answer])).users())
    for part in parts:
        assert part in str(refusal.value)


def test_every_call_knows_what_it_needs() -> None:
    known = {*PERMISSIONS, *OF_APPLICATIONS, *SynchronizationClient.permissions, *ImportApplicationClient.permissions}
    assert known == {id for id, endpoint in ENDPOINTS.items() if endpoint.service == "graph"}


def test_a_root_over_http_is_refused(scripted: Scripted) -> None:
    with pytest.raises(InputError, match="graph_url"):
        client(scripted([]), root="http://graph.contoso.com")


# ---- groups


def test_members_without_names_are_an_error(scripted: Scripted) -> None:
    answer = (
        200,
        {"value": [{"id": "1", "userPrincipalName": "a@contoso.com"}, {"id": "2", "userPrincipalName": None}]},
    )
    with pytest.raises(AuthenticationError, match=r"group g without their properties.*User\.Read\.All"):
        list(client(scripted([answer])).group_users("g"))


def test_a_group_is_found_by_its_name(scripted: Scripted) -> None:
    http = scripted(
        [(200, {"value": [{"id": "1", "displayName": "SALES people"}, {"id": "2", "displayName": "Sales"}]})]
    )
    assert client(http).find_group("sales")["id"] == "2"
    http = scripted([(200, {"value": [{"id": "1", "displayName": "O'Lee's"}]})])
    assert client(http).find_group("O'Lee's")["id"] == "1"
    assert "displayName eq 'O''Lee''s'" in http.calls[0][1]


def test_two_groups_of_one_name_need_an_id(scripted: Scripted) -> None:
    found = [{"id": "1", "displayName": "Sales"}, {"id": "2", "displayName": "sales"}]
    with pytest.raises(InputError, match=r"2 groups named 'Sales' \(1, 2\)\. Specify the group by its id"):
        client(scripted([(200, {"value": found})])).find_group("Sales")


def test_a_group_is_found_by_its_id_second(scripted: Scripted) -> None:
    http = scripted([(200, {"value": []}), (200, {"id": "7", "displayName": "Sales"})])
    assert client(http).find_group("7")["displayName"] == "Sales"


@pytest.mark.parametrize("status", [400, 404])
def test_a_group_that_is_not_there_is_an_error(scripted: Scripted, status: int) -> None:
    with pytest.raises(InputError, match="has no group 'Saels', neither by name nor by id"):
        client(scripted([(200, {"value": []}), (status, {})])).find_group("Saels")


def test_a_group_that_cannot_hold_groups_has_none(scripted: Scripted) -> None:
    odd = {"error": {"code": "Request_UnsupportedQuery", "message": "The request uses a cast that is not possible"}}
    assert client(scripted([(400, odd)])).nested_groups("g") == []
    with pytest.raises(ValidationError):
        client(scripted([(400, {"error": {"code": "Request_BadRequest", "message": "no"}})])).nested_groups("g")


# ---- Global Administrators


def test_administrators_are_also_those_in_groups_with_the_role(scripted: Scripted) -> None:
    def member(id: str, kind: str) -> dict[str, Any]:
        return {"@odata.type": f"#microsoft.graph.{kind}", "id": id}

    members = {
        "g1": [member("p2", "user"), member("g2", "group"), member("s1", "servicePrincipal")],
        "g2": [member("p3", "user"), member("p1", "user"), member("g1", "group")],
    }

    def answer(_method: str, path: str, body: Any) -> Any:
        if path.startswith("/v1.0/directoryRoles("):
            return 200, {"value": [member("p1", "user"), member("g1", "group"), member("s2", "servicePrincipal")]}
        told = [
            {"id": item["id"], "status": 200, "body": {"value": members[item["url"].split("/")[2]]}}
            for item in body["requests"]
        ]
        return 200, {"responses": told}

    http = scripted(answer)
    assert client(http).global_administrators() == {"p1", "p2", "p3"}
    assert len(http.calls) == 3, "no group is read twice"


def test_administrators_without_groups_take_one_call(scripted: Scripted) -> None:
    http = scripted([(200, {"value": [{"@odata.type": "#microsoft.graph.user", "id": "p1"}]})])
    assert client(http).global_administrators() == {"p1"}
    assert client(scripted([(404, {})])).global_administrators() == frozenset()


# ---- what an import makes of it


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ({"mailEnabled": False, "securityEnabled": True, "groupTypes": []}, None),
        ({"mailEnabled": True, "securityEnabled": False, "groupTypes": ["Unified"]}, None),
        ({"mailEnabled": True, "securityEnabled": True, "groupTypes": ["DynamicMembership", "Unified"]}, None),
        ({"mailEnabled": True, "securityEnabled": False, "groupTypes": []}, "distribution list"),
        ({"mailEnabled": True, "securityEnabled": False, "groupTypes": None}, "distribution list"),
        ({"mailEnabled": True, "securityEnabled": True, "groupTypes": []}, "mail-enabled security group"),
        ({}, None),
    ],
)
def test_which_groups_can_be_imported(group: dict[str, Any], reason: str | None) -> None:
    found = group_exclusion(group)
    assert found is None if reason is None else found is not None and reason in found


def person(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"p{number}",
        "userPrincipalName": f"User{number}@contoso.com",
        "mail": f"mail{number}@contoso.com",
        "givenName": "Given",
        "surname": "Name",
        "accountEnabled": True,
        "userType": "Member",
        **more,
    }


PEOPLE = [
    person(1),
    person(2, mail=None, givenName=" Blank ", surname="Edges"),
    person(3, surname=None),
    person(4, givenName=" ", surname=""),
    person(5, accountEnabled=False),
    person(6, userType="Guest", userPrincipalName="lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
    person(7),
    person(8, userPrincipalName="user8@emea.contoso.com"),
]


def imported(scripted: Scripted, capabilities: Capabilities = SCIM_CAPABILITIES, **scope: Any) -> tuple[Desired, Any]:
    """An import from a tenant of eight, whose group Sales has members 1, 3 and 8 and a nested group."""
    groups = {
        "Sales": {"id": "g1", "displayName": " Sales ", "mailEnabled": True, "groupTypes": ["Unified"], "description": "Sells"},
        "News": {"id": "g2", "displayName": "News", "mailEnabled": True, "securityEnabled": False, "groupTypes": []},
        "Lonely": {"id": "g3", "displayName": "Lonely", "securityEnabled": True},
    }  # fmt: skip
    members = {"g1": [PEOPLE[0], PEOPLE[2], PEOPLE[7]], "g3": [PEOPLE[2]]}

    def answer(_method: str, path: str, body: Any) -> Any:
        if "/members/microsoft.graph.user" in path:
            return 200, {"value": members[path.split("/")[3]]}
        if "/members/microsoft.graph.group" in path:
            return 200, {"value": [{"id": "g9", "displayName": "Inner"}] if "/g1/" in path else []}
        if path.startswith("/v1.0/groups?") and "$filter" not in path:
            return 200, {"value": list(groups.values())}
        if path == "/v1.0/$batch":
            told = [
                {
                    "id": item["id"],
                    "status": 200,
                    "body": {
                        "value": [
                            {"@odata.type": "#microsoft.graph.user", "id": member["id"]}
                            for member in members.get(item["url"].split("/")[2], ())
                        ]
                    },
                }
                for item in body["requests"]
            ]
            return 200, {"responses": told}
        if path.startswith("/v1.0/groups?"):
            name = path.split("'")[1]
            found = groups.get(name)
            return 200, {"value": [{**found, "displayName": name}] if found else []}
        if path.startswith("/v1.0/organization"):
            return 200, {"value": [{"verifiedDomains": [{"name": "Contoso.com"}, {"name": "emea.contoso.com"}]}]}
        if path.startswith("/v1.0/users"):
            return 200, {"value": PEOPLE}
        return 404, {}

    http = scripted(answer)
    params = {
        "groups": [], "domains": [], "everything": False, "scope_match": "any", "include_guests": True,
        "include_groups": True, "exclude_users": [], "default_status": "active", "nested_groups": "skip",
        "group_names": None, **scope,
    }  # fmt: skip
    chosen = import_scope_from_options(params)
    return desired_from_entra(read_full(client(http), chosen), chosen, capabilities), http


def upns(desired: Desired) -> list[str]:
    return [user.upn for user in desired.users if user.present]


def reasons(desired: Desired) -> dict[str, str]:
    return {item.name: item.reason for item in desired.skipped}


def test_everything_is_everybody_who_can_be_imported(scripted: Scripted) -> None:
    desired, http = imported(scripted, everything=True)
    assert upns(desired) == [
        "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "User1@contoso.com",
        "User2@contoso.com",
        "User7@contoso.com",
        "user8@emea.contoso.com",
    ]
    assert reasons(desired) == {
        "User3@contoso.com": "has no last name in Microsoft Entra; Workspace 365 needs both",
        "User4@contoso.com": "has no first and no last name in Microsoft Entra; Workspace 365 needs both",
        "User5@contoso.com": "is disabled in Microsoft Entra",
        "Lonely": "has no member that can be imported; the group was left unchanged",
    }
    assert [group.name for group in desired.groups] == ["Sales"], "the groups of the people come along"
    assert [path for _method, path, _body in http.writes] == ["/v1.0/$batch"], "which only reads"


def test_a_person_becomes_a_user(scripted: Scripted) -> None:
    desired, _http = imported(scripted, everything=True)
    found = {user.upn: user for user in desired.users}
    assert found["User1@contoso.com"].fields == {
        "first_name": "Given",
        "last_name": "Name",
        "email": "mail1@contoso.com",
        "external_id": "p1",
    }
    assert found["User2@contoso.com"].fields["first_name"] == "Blank"
    assert found["User2@contoso.com"].fields["email"] == "User2@contoso.com"
    assert all(user.restore and not user.initial for user in desired.users if user.present)
    desired, _http = imported(scripted, PROVISIONING_CAPABILITIES, everything=True, default_status="inactive")
    assert set(desired.users[0].fields) == {"first_name", "last_name"}
    assert all(not user.restore and user.initial == {"active": False} for user in desired.users if user.present)


def test_the_members_of_a_group_and_the_group(scripted: Scripted) -> None:
    desired, _http = imported(scripted, groups=["Sales", "Sales ", "News", "Lonely"], domains=["@CONTOSO.com"])
    assert [(group.name, group.fields) for group in desired.groups] == [("Sales", {"external_id": "g1"})]
    members = desired.groups[0].members
    assert members is not None
    assert members.set == frozenset({"user1@contoso.com", "user8@emea.contoso.com"})
    told = reasons(desired)
    assert "distribution list" in told["News"]
    assert "nested in group 'Sales'" in told["Inner"]
    assert "has no member that can be imported" in told["Lonely"]
    desired, _http = imported(scripted, PROVISIONING_CAPABILITIES, groups=["Sales"])
    assert desired.groups[0].fields == {"description": "Sells"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"groups": ["Sales"]}, ["User1@contoso.com", "user8@emea.contoso.com"]),
        ({"domains": ["emea.contoso.com"]}, ["user8@emea.contoso.com"]),
        ({"groups": ["Sales"], "domains": ["emea.contoso.com"], "scope_match": "all"}, ["user8@emea.contoso.com"]),
        ({"groups": ["Sales"], "domains": ["emea.contoso.com"]}, ["User1@contoso.com", "user8@emea.contoso.com"]),
        ({"groups": ["Sales"], "scope_match": "all"}, ["User1@contoso.com", "user8@emea.contoso.com"]),
        ({"groups": ["Sales"], "exclude_users": [" USER1@contoso.com"]}, ["user8@emea.contoso.com"]),
        ({"everything": True, "include_guests": False, "exclude_users": ["user1@contoso.com"]},
         ["User2@contoso.com", "User7@contoso.com", "user8@emea.contoso.com"]),
    ],
)  # fmt: skip
def test_the_scope(scripted: Scripted, scope: dict[str, Any], expected: list[str]) -> None:
    desired, _http = imported(scripted, **scope)
    assert upns(desired) == expected
    for group in desired.groups:
        assert group.members is not None
        assert group.members.wanted <= {user.key for user in desired.users}, "only who is imported becomes a member"


def test_groups_may_stay_out(scripted: Scripted) -> None:
    desired, _http = imported(scripted, groups=["Sales"], include_groups=False)
    assert desired.groups == ()
    assert desired.users


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        ({}, "Nothing is selected"),
        ({"groups": ["Saels"]}, "has no group 'Saels'"),
        ({"domains": ["fabrikam.com"]}, r"'fabrikam\.com' is not a verified domain.*Contoso\.com, emea\.contoso\.com"),
        ({"groups": ["News"]}, r"contain no users.*Group 'News' is a distribution list"),
        ({"groups": ["Lonely"], "domains": ["emea.contoso.com"], "scope_match": "all"}, "contain no users"),
    ],
)
def test_a_scope_that_cannot_be_meant(scripted: Scripted, scope: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        imported(scripted, **scope)


# ---- listings that Graph counts


def member_of(kind: str, id: str) -> dict[str, Any]:
    return {"id": id, "@odata.type": f"#microsoft.graph.{kind}"}


def counted(count: Any, *ids: str, plain: list[dict[str, Any]] | None = None, later: tuple[str, ...] = ()) -> Any:
    """A group with these users, a count, a plain list of members (none: it cannot be read), and users who come later."""
    reads: list[str] = []

    def answer(_method: str, path: str, body: Any) -> Any:
        if body is not None:
            page = {"id": body["requests"][0]["id"], "status": 200, "body": {"value": plain}}
            return (404, {}) if plain is None else (200, {"responses": [page]})
        reads.append(path)
        return 200, {"@odata.count": count, "value": [user(id) for id in (*ids, *(later if len(reads) > 1 else ()))]}

    return answer


@pytest.mark.parametrize(
    "plain",
    [
        None,
        [member_of("user", "1"), member_of("user", "2")],
        [member_of("user", "1"), member_of("user", "2"), member_of("user", "3")],
        [member_of("user", "1"), member_of("user", "3"), member_of("device", "9")],
    ],
)
def test_fewer_users_than_graph_counts_are_no_list(scripted: Scripted, plain: Any) -> None:
    http = scripted(counted(3, "1", "2", plain=plain))
    with pytest.raises(UnreliableAnswerError, match=r"listing is not reliable.* 2 objects, counted 3"):
        list(client(http).group_users("g"))
    assert sum("microsoft.graph.user" in path for _method, path, _body in http.calls) == 3


def test_an_index_that_lags_is_read_again(scripted: Scripted) -> None:
    http = scripted(counted(3, "1", "2", plain=[member_of("user", "1")], later=("3",)))
    assert [item["id"] for item in client(http).group_users("g")] == ["1", "2", "3"]


def test_a_count_of_members_of_other_kinds_is_no_contradiction(scripted: Scripted) -> None:
    plain = [member_of("user", "1"), member_of("device", "8"), member_of("group", "9")]
    http = scripted(counted(3, "1", plain=plain))
    assert [item["id"] for item in client(http).group_users("g")] == ["1"]
    assert len(http.calls) == 2


@pytest.mark.parametrize("count", [None, 0, 1, 2, "2", 2.0, -1, True, "many"])
def test_a_count_that_is_no_contradiction_takes_one_call(scripted: Scripted, count: Any) -> None:
    http = scripted(counted(count, "1", "2"))
    assert len(list(client(http).group_users("g"))) == 2
    assert len(http.calls) == 1


def test_the_count_is_that_of_all_pages(scripted: Scripted) -> None:
    link = f"{ROOT}/v1.0/groups/g/members/next"
    pages = [
        {"@odata.count": 2, "value": [user("1")], "@odata.nextLink": link},
        {"@odata.count": 9, "value": [user("2")]},
    ]
    assert len(list(client(scripted([(200, page) for page in pages])).group_users("g"))) == 2
