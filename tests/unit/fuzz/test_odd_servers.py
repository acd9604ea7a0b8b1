# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of small functions, and of options that are spread into calls; mypy cannot infer their types.
# mypy: disable-error-code="arg-type,misc,var-annotated"

"""The table of odd servers in guide_answers: every row is played, with several members of its kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from test_borders import EVERYBODY, IMPORT, MEMBERSHIPS, NAMES, NEW, over_api, scenario
from truthful import ADELE, ALLAN, GRAPH, MEGAN, PASSWORD, Call, Scenario, Truthful, play

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import (
    ClientSecret,
    ManagedIdentity,
    TokenSource,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.graph import GraphClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    UnreliableAnswerError,
)

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "docsite" / "rst" / "guide_answers.rst"


def rows_of_the_guide() -> dict[str, str]:
    """What a server does -> what happens."""
    section = (
        GUIDE.read_text(encoding="utf-8")
        .partition("Odd servers and answers\n---")[2]
        .partition("\nLimits of an answer\n")[0]
    )
    cells = re.findall(r"^   (?:\*| ) - (.*(?:\n {7}.*)*)", section, re.MULTILINE)
    texts = [" ".join(cell.split()) for cell in cells]
    return dict(zip(texts[2::2], texts[3::2], strict=True))


class Odd(NamedTuple):
    """A task, the endpoint whose answers are odd, and how: a function of the true answer, or of the call as well."""

    played: Scenario
    endpoint: str
    change: Callable[[Call, Any], Any]
    sentence: str = ""
    status: int = 200


class Raw(str):
    """A body as it is, and no JSON of it."""


PURGE = scenario("w365_directory", **{**EVERYBODY, "protected_users": [ALLAN]})
USERS = scenario("w365_user_info")
API_USERS = over_api("w365_user_info")
ABSENT = scenario("w365_user", upn=MEGAN, state="absent")
API_ABSENT = over_api("w365_user", upn=ALLAN, state="absent")
IMPORTED = scenario("w365_o365_import", **IMPORT)
CREATE = scenario("w365_user", upn=NEW, **NAMES)
API_CREATE = over_api("w365_user", upn=NEW, **NAMES)
MEMBERS = scenario("w365_group", name="Sales", members={"set": [ADELE]})
LISTS = ((PURGE, "scim.user.list"), (MEMBERS, "scim.group.list"), (API_ABSENT, "user.list"), (PURGE, "user.list"), (IMPORTED, "graph.users"), (IMPORTED, "graph.role.members"))  # fmt: skip


def every(*bodies: Any, sentence: str = "") -> list[Odd]:
    """These bodies for every kind of list."""
    return [
        Odd(played, endpoint, lambda _call, _data, body=body: body, sentence)
        for played, endpoint in LISTS
        for body in bodies
    ]


def text(change: Callable[[str], str]) -> Callable[[Call, Any], Any]:
    return lambda _call, data: Raw(change(json.dumps(data)))


def resources(change: Callable[[list[Any]], Any]) -> Callable[[Call, Any], Any]:
    """Change a copy of the resources of a page."""
    return lambda _call, data: {**data, "Resources": change(json.loads(json.dumps(data["Resources"])))}


def items(change: Callable[[dict[str, Any]], Any]) -> Callable[[Call, Any], Any]:
    return lambda _call, data: [change(dict(item)) for item in data]


def own_total(call: Call, data: Any) -> Any:
    return {**data, "totalResults": len(data["Resources"])}


def everything_at_once(truth_of: Callable[[], Truthful]) -> Callable[[Call, Any], Any]:
    return lambda call, data: (
        {"totalResults": 3, "Resources": truth_of().scim_users} if "filter" not in call.query else data
    )


def again(call: Call, data: Any) -> Any:
    """The first two again, instead of the last one."""
    first = [{"id": f"u{number}", "userName": f"{number}@contoso.com"} for number in (1, 2)]
    return {"totalResults": 3, "Resources": first if "filter" not in call.query else data["Resources"]}


def linked(link: Callable[[Call], str]) -> Callable[[Call, Any], Any]:
    return lambda call, data: {**data, "@odata.nextLink": link(call)}


def without_end(call: Call, data: Any) -> Any:
    """Another link on every page, and the same people."""
    token = int(call.query.get("$skiptoken", 0)) + 1
    return {
        "value": data["value"][:1] or [{"id": "p1", "userPrincipalName": ALLAN}],
        "@odata.nextLink": f"{GRAPH}/v1.0/users?$skiptoken={token}",
    }


ERROR = {"error": {"code": "generalException", "message": "Something failed."}}
SCIM_ERROR = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
    "status": "500",
    "detail": "Something failed.",
}
PAGE = Raw("<!DOCTYPE html><html><body>Sign in</body></html>")
GONE = ("id", "userName", "Id", "EmailAddress")

REFUSED: Mapping[str, list[Odd]] = {
    "responds with ``null``, a text, a number or an empty object instead of a list": [
        Odd(PURGE, "scim.user.list", lambda _c, data: {**data, "Resources": None}, "Resources that is null"),
        Odd(ABSENT, "scim.user.list", lambda _c, data: {"totalResults": data["totalResults"]}, "Resources that is null"),
        Odd(PURGE, "scim.user.list", lambda _c, data: {**data, "Resources": {"a": 1}}, "Resources that is an object"),
        *every(None, "none", 7, True, {}, sentence="not reliable"),
    ],
    "responds with an error object and HTTP 200": [
        *every(ERROR, SCIM_ERROR, {"Message": "An error has occurred.", "ExceptionMessage": "x"}, sentence="not reliable"),
        Odd(over_api("w365_user", upn=MEGAN, state="absent"), "user.delete", lambda _c, _d: {"ExceptionMessage": "no"}, "no"),
        Odd(ABSENT, "scim.user.patch", lambda _c, _d: SCIM_ERROR, "Something failed"),
    ],
    "responds with a web page and HTTP 200, such as a page to sign in": [
        *every(PAGE, sentence="an HTML page: Sign in"),
        Odd(over_api("w365_user", upn=MEGAN, state="absent"), "user.delete", lambda _c, _d: PAGE, "an HTML page: Sign in"),
        Odd(scenario("w365_user", scim=False, server="documented", upn=NEW, **NAMES), "user.validate", lambda _c, _d: PAGE, "an HTML page"),
    ],
    "responds with JSON that is cut off, nested too deep, not UTF-8, or not JSON in another way": every(
        Raw('{"value": ['), Raw('{"value": [NaN]}'), Raw("[" * 5000), Raw("[" * 200 + "]" * 200), Raw("[1e999]"), sentence="not JSON"
    ),
    "gives one name two values in an object, or spells it in two ways": [
        Odd(PURGE, "scim.user.list", text(lambda found: found[:-1] + ', "totalResults": 0}'), "has two values"),
        Odd(PURGE, "scim.user.list", lambda _c, data: {**data, "RESOURCES": []}, "occurs twice"),
        Odd(PURGE, "user.list", items(lambda item: {**item, "isAdministrator": False}), "occurs twice"),
        Odd(IMPORTED, "graph.users", text(lambda found: found[:-1] + ', "value": []}'), "has two values"),
    ],
    "lists a user or group without an id or a name, or an id twice": [
        *[Odd(PURGE, "scim.user.list", resources(lambda found, name=name, odd=odd: [{**item, name: odd} for item in found]), "not reliable") for name in ("id", "userName") for odd in (None, "", [], True)],
        *[Odd(PURGE, "user.list", items(lambda item, name=name, odd=odd: {**item, name: odd}), "not reliable") for name in ("Id", "EmailAddress") for odd in (None, "", [], True)],
        Odd(PURGE, "user.list", items(lambda item: {**item, "Id": 1}), "an id twice"),
        Odd(PURGE, "scim.user.list", resources(lambda found: found * 2), "an id twice"),
        Odd(MEMBERS, "scim.group.list", resources(lambda found: [{**item, "displayName": None} for item in found]), "displayName is null"),
        Odd(over_api("w365_group_info"), "group.list", items(lambda item: {**item, "Name": ""}), "Name is an empty text"),
        Odd(IMPORTED, "graph.users", lambda _c, data: {**data, "value": [{**item, "id": None} for item in data["value"]]}, "whose id is null"),
    ],
    "SCIM: says nothing, or no number, in ``totalResults``": [
        Odd(PURGE, "scim.user.list", lambda _c, data, odd=odd: {**data, "totalResults": odd}, "totalResults that is") for odd in (None, True, -1, "many", 1.5, [3])
    ],
    "SCIM: shows other users on the next page than its total promises, or one of them again": [
        Odd(PURGE, "scim.user.list", again, "pages that do not fit together"),
        Odd(PURGE, "scim.user.list", lambda call, data: {**data, "totalResults": 3 + int(call.query["startIndex"])}, "pages that do not fit together"),
        Odd(PURGE, "scim.user.list", lambda call, data: {**data, "Resources": []} if "filter" not in call.query else data, "an empty page followed 0 of 3"),
    ],
    "SCIM: returns a group whose members are not a list": [
        Odd(MEMBERS, "scim.group.list", resources(lambda found, odd=odd: [{**item, "members": odd} for item in found]), "not reliable") for odd in ({"value": "u1"}, "u1", 7, [None], [{}], [{"value": None}])
    ],
    "Provisioning API: lists a user whose administrator role is not a boolean": [
        Odd(played, "user.list", items(lambda item, odd=odd: {**item, "IsAdministrator": odd}), "IsAdministrator is")
        for played in (API_ABSENT, PURGE, scenario("w365_user", upn=ALLAN, state="absent"), over_api("w365_admin", administrators={"set": [ADELE]}))
        for odd in (None, "", "Owner", [], {}, 2)
    ],
    "Microsoft Graph: links to a page that was read before, to another host, or without end": [
        Odd(IMPORTED, "graph.users", linked(lambda _call: f"{GRAPH}/v1.0/users?$skiptoken=1"), "a link to a page that it had linked before"),
        Odd(IMPORTED, "graph.users", linked(lambda _call: "https://graph.fabrikam.com/v1.0/users"), "another host"),
        Odd(IMPORTED, "graph.users", linked(lambda _call: "http://graph.contoso.com/v1.0/users"), "begins with http://"),
        Odd(IMPORTED, "graph.users", lambda _c, data: {**data, "@odata.nextLink": {"href": "x"}}, "a link that is an object"),
        Odd(IMPORTED, "graph.users", without_end, "pages without end"),
    ],
    "Microsoft Graph: ends a list of changes without a link for the next run": [
        Odd(scenario("w365_o365_import", **IMPORT, state_file=str(Path(__file__).parent / "never-written.json")), f"graph.{what}.delta", lambda _c, data: {name: value for name, value in data.items() if name != "@odata.deltaLink"}, "a delta link is missing")
        for what in ("users", "groups")
    ],
    "responds to a create with HTTP 400 and words such as \"exists\" that do not name the object": [
        Odd(API_CREATE, "user.create", lambda _c, _d, words=words: [{"MemberNames": ["EmailAddress"], "ErrorMessage": words}], words.rstrip("."), 400)
        for words in ("The domain doesn't exist.", "A password needs 4 unique characters.", "The name is taken from a list.", "The user already exists.")
    ],
}  # fmt: skip
"""What is refused, and a part of the sentence."""

ACCEPTED: Mapping[str, list[Odd]] = {
    "writes a byte order mark before the JSON": [Odd(played, endpoint, text(lambda found: f"\ufeff{found}")) for played, endpoint in LISTS],
    "SCIM: says nothing, or no number, in ``totalResults``": [Odd(PURGE, "scim.user.list", lambda _c, data: {**data, "totalResults": str(data["totalResults"])})],
    "SCIM: counts in ``totalResults`` only what is on the page": [Odd(PURGE, "scim.user.list", own_total), Odd(USERS, "scim.user.list", own_total), Odd(ABSENT, "scim.user.list", own_total)],
    "SCIM: returns everything, whatever ``startIndex`` and ``count`` say": [Odd(played, "scim.user.list", everything_at_once(Truthful)) for played in (PURGE, USERS)],
    "SCIM: ignores the filter of a lookup": [
        Odd(ABSENT, "scim.user.list", lambda call, data: data if "filter" not in call.query else {"totalResults": 2, "Resources": Truthful().scim_users[:2]}),
    ],
    "SCIM: writes ``active`` as a text": [
        Odd(played, "scim.user.list", resources(lambda found: [{**item, "active": str(item["active"])} for item in found])) for played in (PURGE, ABSENT, USERS)
    ],
    "Provisioning API: lists groups without their members": [
        Odd(over_api(module, **options), "group.list", items(lambda item: {name: value for name, value in item.items() if name != "Members"}))
        for module, options in (("w365_group_info", {}), ("w365_group", {"name": "Sales", "members": {"add": [ALLAN]}}), ("w365_directory", MEMBERSHIPS))
    ],
    "responds to a create with another object, or with no id that can be used": [
        *[Odd(API_CREATE, "user.create", lambda _c, _d, odd=odd: odd) for odd in (True, "created", [], {"Id": None}, 1.5)],
        *[Odd(CREATE, "scim.user.create", lambda _c, data, odd=odd: odd) for odd in ("u9", [], {"id": "u1", "userName": ALLAN}, {"userName": NEW})],
    ],
}  # fmt: skip
"""What ends as if every answer were a true one."""

OTHERS = {
    "Microsoft Graph: leaves responses out of a batch",
    "Microsoft Graph: returns users that were not requested",
    "Microsoft Entra: responds without a token, or with one that cannot be sent",
}
"""Rows with a test of their own below."""


def test_every_row_is_played() -> None:
    rows = rows_of_the_guide()
    assert set(rows) == {*REFUSED, *ACCEPTED, *OTHERS}
    for row, happens in rows.items():
        assert ("efused" in happens) is (row in {*REFUSED, *OTHERS} or "create with another" in row), row
        assert sum(map(len, (REFUSED.get(row, ()), ACCEPTED.get(row, ())))) or row in OTHERS, row


def played(odd: Odd) -> tuple[dict[str, Any], Truthful]:
    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        if call.endpoint != odd.endpoint or not 200 <= status < 300:
            return status, json.dumps(data), {}, False
        body = odd.change(call, data)
        return odd.status, body if isinstance(body, Raw) else json.dumps(body), {}, False

    truth = Truthful(change)
    return play(odd.played, truth), truth


@pytest.mark.parametrize("row", REFUSED)
def test_refused(row: str) -> None:
    for odd in REFUSED[row]:
        result, truth = played(odd)
        sentence = " ".join(result.get("msg", "no sentence").split())
        assert result.get("failed"), (odd, result)
        assert "Unexpected error" not in sentence
        assert odd.sentence in sentence, (odd, sentence)
        assert "HTTP" in sentence, sentence
        if truth.writes:
            assert truth.writes[0].endpoint == odd.endpoint, (odd, truth.writes)


def comparable(result: Mapping[str, Any]) -> dict[str, Any]:
    # An answer that is asked for again says something about the server.
    return {name: value for name, value in result.items() if name not in ("user", "diff", "concurrency")}


@pytest.mark.parametrize("row", ACCEPTED)
def test_accepted(row: str) -> None:
    for odd in ACCEPTED[row]:
        result, truth = played(odd)
        honest = Truthful()
        expected = play(odd.played, honest)
        assert comparable(result) == comparable(expected), odd
        assert truth.writes == honest.writes, odd


@pytest.mark.parametrize("endpoint", ["scim.user.create", "user.create"])
def test_a_create_that_made_nobody_is_refused(endpoint: str) -> None:
    """The answer is another user, and nobody of that name can be found."""

    def change(call: Call, status: int, data: Any) -> tuple[int, str, Mapping[str, str], bool]:
        if call.endpoint != endpoint:
            return status, json.dumps(data), {}, False
        truth.scim_users[3:] = truth.users[3:] = []
        return 200, json.dumps({"id": "u1", "userName": ALLAN} if "scim" in endpoint else "created"), {}, False

    truth = Truthful(change)
    result = play(CREATE if "scim" in endpoint else API_CREATE, truth)
    assert result["failed"]
    assert "It may have been processed" in result["msg"]
    assert len(truth.writes) == 1


@pytest.mark.parametrize(
    ("responses", "sentence"),
    [
        (lambda asked: [], "0 answers to 1 requests, 5 times"),
        (lambda asked: None, "responses that are null"),
        (lambda asked: [{**asked[0], "id": "99"}], "a request that was not sent"),
        (lambda asked: asked * 2, "or two to one"),
        (lambda asked: ["x"], "a response that is a text"),
        (lambda asked: [{**asked[0], "status": None}], "a status of a response that is null"),
        (lambda asked: [{**asked[0], "body": None}], "a value that is null"),
        (lambda asked: [{**asked[0], "body": {}}], "an object without 'value'"),
    ],
)  # fmt: skip
def test_a_batch(responses: Callable[[list[Any]], Any], sentence: str) -> None:
    result, truth = played(Odd(IMPORTED, "graph.batch", lambda _c, data: {"responses": responses(data["responses"])}))
    assert sentence in result["msg"]
    assert truth.writes == []


def test_users_that_were_not_requested() -> None:
    """Whoever is not in the answer counts as deleted, so it has to be about those who were requested."""
    body = {"value": [{"id": "00000000-0000-4000-8000-000000000001"}]}
    truth = Truthful(lambda _call, _status, _data: (200, json.dumps(body), {}, False))
    tokens: Any = Asked("token")
    graph = GraphClient(truth, root=GRAPH, tokens=tokens, endpoints=ENDPOINTS)
    assert graph.existing_users(["00000000-0000-4000-8000-000000000001"])
    with pytest.raises(UnreliableAnswerError, match="users that were not asked for"):
        graph.existing_users(["00000000-0000-4000-8000-000000000002"])


def test_a_response_that_a_batch_left_out_once_is_requested_again() -> None:
    left_out = iter([True])
    result, _truth = played(
        Odd(IMPORTED, "graph.batch", lambda _c, data: {"responses": []} if next(left_out, False) else data)
    )
    assert comparable(result) == comparable(play(IMPORTED, Truthful()))


class Asked:
    """A credential, and a source of tokens, that always gives the same answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def application(self, client_id: str, authority: str, http: Any) -> Callable[[list[str]], Any]:
        return lambda _scopes: self.answer

    def token(self) -> Any:
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [None, [], "token", {}, {"access_token": None}, {"access_token": ["x"]}, {"access_token": ""}, {"access_token": "a\nb"}, {"access_token": "é"}, {"error": 7, "error_codes": "7"}, {"error_description": {"a": 1}, "error_codes": [None]}],
)  # fmt: skip
def test_a_token(answer: Any) -> None:
    asked = Asked(answer)
    source = TokenSource(asked, client_id="c", authority="https://login.contoso.com/t", resource=GRAPH, http=Truthful())
    with pytest.raises(AuthenticationError, match="issued no token for application c"):
        source.token()


BODIES = (
    "", "null", "[]", "7", "{}", '"token"', '{"access_token": 7}', '{"access_token": null, "error": {"a": 1}}', "<html>Sign in</html>",
    '{"access_token": "a b", "expires_in": []}', '{"error": [], "error_codes": {"a": 1}}', "[" * 5000, '{"token_endpoint": 7}',
    '{"authorization_endpoint": 1, "token_endpoint": "x", "issuer": null}',
)  # fmt: skip


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
@pytest.mark.parametrize("credential", [ClientSecret(PASSWORD), ManagedIdentity("system")], ids=["tenant", "machine"])
def test_a_token_service(credential: Any, body: str, status: int) -> None:
    """What MSAL makes of the body of Microsoft Entra, or of the metadata service of an Azure machine."""

    def send(_method: str, _url: str, **_more: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response._content = body.encode()
        return response

    http = Truthful()
    http.send = send  # type: ignore[method-assign, assignment]
    source = TokenSource(credential, client_id="c", authority="https://login.contoso.com/t", resource=GRAPH, http=http)
    who = "managed identity" if isinstance(credential, ManagedIdentity) else "issued no token for application c"
    with pytest.raises(AuthenticationError, match=who) as refusal:
        source.token()
    assert PASSWORD not in refusal.value.message


@pytest.mark.parametrize("lifetime", [None, "3599", 1e400, -5, [], "soon"])
def test_a_token_whose_lifetime_is_odd_can_be_used(lifetime: Any) -> None:
    asked = Asked({"access_token": "token-of-the-tenant", "expires_in": lifetime})
    source = TokenSource(asked, client_id="c", authority="https://login.contoso.com/t", resource=GRAPH, http=Truthful())
    assert source.token() == "token-of-the-tenant"
