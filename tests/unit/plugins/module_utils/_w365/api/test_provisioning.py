# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Provisioning API's client against scripted answers, and the arguments of tasks that lead to it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.instance import InstanceClient
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.provisioning import (
    parsed_environments,
    says_exists,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.create_once import (
    Origin,
    create_once,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AlreadyExistsError,
    AnswerError,
    AuthenticationError,
    EndpointMissingError,
    EnvironmentNotFoundError,
    InputError,
    LostAnswerError,
    NotFoundError,
    UnreliableAnswerError,
    ValidationError,
    W365Error,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.environment import (
    environment_from_options,
    sso_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.groups import (
    group_from_options,
    upn_change,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.raw_request import (
    raw_request_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.users import user_from_options
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    Environment,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import SSO, single_sign_on
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import TRIES

Scripted = Callable[..., Any]
KEY = "key-of-the-instance"
ADELE = "adele.vance@contoso.com"
LIST = (200, ["contoso"])


def client(http: Any, url: str = "https://w365.contoso.com") -> InstanceClient:
    return InstanceClient(http, instance_url=url, key=KEY, endpoints=ENDPOINTS)


# ---- calling


@pytest.mark.parametrize(
    "url",
    [
        "https://w365.contoso.com",
        "https://w365.contoso.com/",
        "https://w365.contoso.com/Provisioning",
        "https://w365.contoso.com/provisioning/",
    ],
)
def test_the_root_may_be_given_with_or_without_its_end(scripted: Scripted, url: str) -> None:
    http = scripted([(200, 7)])
    answer = client(http, url).call("user.create", environment="Contoso", body={"a": 1})
    assert answer == 7
    assert http.calls == [("POST", "/Provisioning/contoso/User/", {"a": 1})]
    assert http.headers[0] == {
        "ProvisioningKey": KEY,
        "X-Requested-With": "XMLHttpRequest",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }


def test_only_a_body_has_a_content_type(scripted: Scripted) -> None:
    http = scripted([(200, ""), (200, []), (200, "")])
    found = client(http)
    assert found.call("environment.activate", environment="A b c") is None
    assert found.call("user.list", environment="x") == []
    found.call("user.update", environment="x", object_id="7 8", body=None)
    assert [path for _method, path, _body in http.calls] == [
        "/Provisioning/Environment/a%20b%20c/Activate/",
        "/Provisioning/x/User/",
        "/Provisioning/x/User/7%208/",
    ]
    assert ["Content-Type" in headers for headers in http.headers] == [False, False, True]


def test_a_key_is_never_sent_over_http(scripted: Scripted) -> None:
    with pytest.raises(InputError, match=r"instance_url.*unencrypted"):
        client(scripted([]), "http://w365.contoso.com")


@pytest.mark.parametrize(
    ("answers", "endpoint", "kind", "parts"),
    [
        ([(400, [{"ErrorMessage": "is odd"}])], "user.create", ValidationError, ["is odd (HTTP 400, POST /contoso/User/)"]),
        ([(400, ["The user adele.vance@contoso.com already exists"])], "user.create", AlreadyExistsError, ["already exists"]),
        ([(400, ["The user already exists"])], "user.create", ValidationError, ["already exists"]),
        ([(409, "")], "user.create", AlreadyExistsError, ["HTTP 409"]),
        ([(403, "<html>Forbidden</html>")], "user.list", AuthenticationError,
         ["provisioning_key is wrong", "no key is configured", "switched off", "Forbidden"]),
        ([(401, "")], "user.list", AuthenticationError,
         ["HTTP 401 does not come from the Provisioning API", "a proxy, a gateway", "Check instance_url"]),
        ([(500, "")], "user.create", AnswerError, ["500 also for an object that it cannot read"]),
        ([(302, "", {"location": "https://elsewhere"})], "user.list", AnswerError,
         ["redirects to https://elsewhere", "Keys are not sent to the target of a redirect"]),
        ([(410, "gone")], "user.list", AnswerError, ["gone (HTTP 410"]),
        ([(200, "<html>Sign in</html>")], "user.list", UnreliableAnswerError, ["not JSON", "Check instance_url"]),
        # 404: first of all it is asked whether there is such an environment.
        ([(404, ""), (200, ["fabrikam"])], "user.list", EnvironmentNotFoundError, ["has no environment 'Contoso'"]),
        ([(404, ""), LIST], "user.list", EndpointMissingError,
         ["'user.list' (GET /{environment}/User/)", "which the vendor has not documented", "scim_url", "{'user.list': '/...'}"]),
        ([(405, ""), LIST], "group.create", EndpointMissingError, ["groups are managed through SCIM"]),
        ([(405, ""), LIST], "user.update", EndpointMissingError, ["users are managed through SCIM"]),
        ([(404, ""), LIST], "sso.read", EndpointMissingError, ["{'sso.read': '/...'}"]),
        ([(404, ""), LIST], "user.get", NotFoundError, ["HTTP 404, GET /contoso/User/7/"]),
        ([(404, ""), (404, "")], "user.create", EnvironmentNotFoundError, ["has no environment 'Contoso'"]),
        ([(405, ""), LIST], "user.create", NotFoundError, ["HTTP 405"]),
    ],
)  # fmt: skip
def test_refusals(
    scripted: Scripted, answers: list[Any], endpoint: str, kind: type[W365Error], parts: list[str]
) -> None:
    http = scripted(answers)
    with pytest.raises(kind) as refusal:
        client(http).call(endpoint, environment="Contoso", object_id="7", body={"EmailAddress": ADELE})
    assert type(refusal.value) is kind
    for part in parts:
        assert part in refusal.value.message
    assert len(http.calls) == len(answers)


@pytest.mark.parametrize("endpoint", ["user.validate", "environment.validate", "user.create", "environment.activate"])
def test_the_body_of_an_answer_that_nobody_needs_may_be_anything(scripted: Scripted, endpoint: str) -> None:
    assert client(scripted([(200, "OK, thanks")])).call(endpoint, environment="x", body={}) is None


@pytest.mark.parametrize("repeated", [True, False])
def test_gone_after_our_own_second_try_is_done(scripted: Scripted, repeated: bool) -> None:
    http = scripted([(404, "", {}, repeated), LIST])
    if repeated:
        assert client(http).call("user.delete", environment="contoso", object_id="7") is None
    else:
        with pytest.raises(NotFoundError):
            client(http).call("user.delete", environment="contoso", object_id="7")


# ---- words


@pytest.mark.parametrize(
    "sentence",
    [
        f"The user {ADELE} already exists.",
        f"EmailAddress: A user with the e-mail address '{ADELE}' already exists on the deleted-users list.",
        f"'{ADELE}' exists.",
        f'"{ADELE}" is in use',
        f"Duplicate user ({ADELE})",
        f"The name {ADELE} is not unique",
        f"The name {ADELE} has been taken",
        f"FirstName: is too long; EmailAddress: {ADELE} already exists",
        f"De gebruiker {ADELE} bestaat al",
        f"{ADELE} is al in gebruik",
        f"E-mailadres {ADELE} is niet uniek",
    ],
)
def test_a_400_that_names_the_user_and_says_that_it_exists(sentence: str) -> None:
    assert says_exists(sentence, [ADELE])
    assert says_exists(sentence.upper(), [ADELE])
    assert not says_exists(sentence, ["another@contoso.com"])
    assert not says_exists(sentence, ["vance@contoso.com"]), "a part of a name is another name"
    assert not says_exists(sentence, []), "nobody is named"


@pytest.mark.parametrize(
    "sentence",
    [
        "The user already exists.",
        "EmailAddress must be unique",
        f"The domain of {ADELE} does not exist.",
        f"The domain of {ADELE} doesn't exist",
        f"The domain contoso.com of {ADELE} DOES NOT EXIST.",
        f"The password of {ADELE} needs 4 unique characters",
        f"The password must not be taken from {ADELE}",
        f"The password of {ADELE} is taken from the list of common ones",
        f"Nobody says that {ADELE} is wrong. The licence is in use.",
        f"{ADELE}: no licence exists",
        "The user already exists@contoso.com",
        f"The user {ADELE}.au already exists",
        f"The user {ADELE} does not exist already",
        f"The user {ADELE} doesn\u2019t exist already",
        f"The name {ADELE} cannot already exist in a template",
        f"{ADELE} is not in use",
        f"No licence of {ADELE} is in use",
        f"Nobody with the name {ADELE} already exists",
        f"{ADELE} was never taken",
        f"De gebruiker {ADELE} bestaat niet",
        f"Geen licentie van {ADELE} is in gebruik",
        f"Niemand met de naam {ADELE} bestaat al",
        f"FirstName of {ADELE} is required",
        "the server gave no reason",
        "",
    ],
)
def test_other_words_in_a_400_decide_nothing(sentence: str) -> None:
    assert not says_exists(sentence, [ADELE])


def test_a_name_made_of_such_words_says_nothing() -> None:
    assert not says_exists("FirstName of already.exists@contoso.com is required", ["already.exists@contoso.com"])


# ---- environments


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (["contoso", "fabrikam"], [Environment("contoso"), Environment("fabrikam")]),
        ([{"Name": "contoso", "IsActive": True}], [Environment("contoso", True)]),
        ([{"environmentName": "contoso", "isActive": False}], [Environment("contoso", False)]),
        ([{"EnvironmentName": "contoso", "Name": "Contoso BV"}], [Environment("contoso")]),
        ([{"NAME": "contoso", "active": True, "Users": [1]}], [Environment("contoso", True)]),
        ([{"Name": "contoso", "IsActive": "true"}], [Environment("contoso")]),
        ({"Environments": ["contoso"], "Count": 1}, [Environment("contoso")]),
        ({"value": [{"Name": "contoso"}]}, [Environment("contoso")]),
        ({"items": []}, []),
        ([], []),
    ],
)
def test_the_list_of_environments_in_every_shape(data: Any, found: list[Environment]) -> None:
    assert parsed_environments(data) == found


@pytest.mark.parametrize(
    ("data", "part"),
    [
        ("contoso", "a text and not a list"),
        (7, "a number and not a list"),
        (None, "null and not a list"),
        ({"a": [], "b": []}, "an object with a, b"),
        ({"items": [], "value": []}, "an object with items, value"),
        ({"errors": []}, "an object with errors"),
        ({"items": ["contoso"], "totalCount": 9}, "with 1 items, and totalcount is 9"),
        ({"items": ["contoso"], "nextLink": "https://x"}, "a link to a next page"),
        ({"contoso": {"active": True}}, "an object with contoso"),
        ({}, "an object with nothing"),
        ([7], "an item that is a number"),
        ([{"Id": 7}], "without a name"),
        ([{"Name": 7}], "without a name"),
        ([{"Name": " "}], "without a name"),
        ([{"Name": "a", "NAME": "b"}], "a name that occurs twice"),
        ([None], "an item that is null"),
    ],
)
def test_a_list_that_nobody_can_read_is_told(scripted: Scripted, data: Any, part: str) -> None:
    with pytest.raises(UnreliableAnswerError, match="list of environments") as refusal:
        client(
            scripted([(200, "null" if data is None else data if not isinstance(data, str) else f'"{data}"')])
        ).environments()
    assert part in refusal.value.message


@pytest.mark.parametrize(
    ("answer", "exists"),
    [((200, ["CONTOSO"]), True), ((200, ["fabrikam"]), False), ((404, ""), None), ((200, 7), None), ((403, ""), None)],
)
def test_whether_an_environment_exists_may_be_unknown(scripted: Scripted, answer: Any, exists: bool | None) -> None:
    assert client(scripted([answer])).environment_exists("Contoso") is exists


FIRST = {"EmailAddress": "adele.vance@contoso.com", "FirstName": "Adele", "LastName": "Vance"}


@pytest.mark.parametrize(
    ("administrator", "path", "body"),
    [
        (None, "/Provisioning/Environment/contoso/", None),
        (FIRST, "/Provisioning/Environment/?version=2.0", {"EnvironmentName": "Contoso", **FIRST}),
        ({**FIRST, "Password": "x"}, "/Provisioning/Environment/",
         {"EnvironmentName": "Contoso", **FIRST, "Password": "x"}),
    ],
)  # fmt: skip
def test_the_three_ways_to_create_an_environment(scripted: Scripted, administrator: Any, path: str, body: Any) -> None:
    http = scripted([(200, '" contoso1 "')])
    assert client(http).create_environment("Contoso", administrator) == "contoso1"
    assert http.calls == [("POST", path, body)]


@pytest.mark.parametrize("answer", ["", "{}", '""', "OK"])
def test_a_server_that_does_not_tell_the_name_keeps_it(scripted: Scripted, answer: str) -> None:
    assert client(scripted([(200, answer)])).create_environment("Contoso", None) == "contoso"


# ---- single sign-on


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"Authority": "a", "ClientId": "c"}, (single_sign_on("a", "c"), True)),
        ({"authority": "a", "clientId": "c", "Key": "?"}, (single_sign_on("a", "c"), True)),
        # A part that is null or left out is unknown, and neither empty nor different.
        ({"Authority": None, "ClientId": "c"}, (None, False)),
        ({"ClientId": "c"}, (None, False)),
        ({"authority": "a", "clientId": None}, (None, False)),
        ({"Authority": None}, (None, False)),
        # What is empty is said to be empty, and where all is, nothing is set.
        ({"Authority": "", "ClientId": "c"}, (single_sign_on("", "c"), True)),
        ({"Authority": None, "ClientId": None}, (None, True)),
        ({"Authority": None, "ClientId": ""}, (None, True)),
        ({}, (None, True)),
        ("", (None, True)),
        ({"Something": "else"}, (None, False)),
        ([1], (None, False)),
    ],
)
def test_reading_single_sign_on(scripted: Scripted, body: Any, read: Any) -> None:
    assert client(scripted([(200, body)])).setting(SSO, "contoso") == read


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"clientId": "c"}, {"client_id": "c"}),
        ({"Authority": None, "ClientId": "c"}, {"authority": None, "client_id": "c"}),
        ({}, {}),
        ({"ClientId": 7}, None),
        ({"Something": "else"}, None),
    ],
)
def test_the_part_of_single_sign_on_that_is_shown(scripted: Scripted, body: Any, fields: Any) -> None:
    assert client(scripted([(200, body)])).setting_fields(SSO, "contoso") == fields


def test_writing_single_sign_on(scripted: Scripted) -> None:
    http = scripted([(200, "")])
    client(http).write_setting("Contoso", single_sign_on("a", "c"), "k")
    body = {"Authority": "a", "ClientId": "c", "Key": "k"}
    assert http.calls == [("PUT", "/Provisioning/contoso/SingleSignOnSettings/OAuth2", body)]


# ---- creating exactly once


def creating(created: list[Any], found: list[Any]) -> tuple[Any, list[str]]:
    """Run `create_once` with scripted outcomes of create and find; an exception is raised."""
    log: list[str] = []
    scripts = {"create": iter(created), "find": iter(found)}

    def step(name: str) -> Any:
        log.append(name)
        outcome = next(scripts[name])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return create_once(lambda: step("create"), lambda: step("find")), log


LOST = LostAnswerError("no answer")


def exists() -> AlreadyExistsError:
    return AlreadyExistsError("exists", status=409, method="POST", path="/x")


@pytest.mark.parametrize(
    ("created", "found", "outcome", "log"),
    [
        (["new"], [], ("new", Origin.CREATED), ["create"]),
        # The answer was lost, and the object is there: it was us, or somebody else. It is not created again.
        ([LOST], ["there"], ("there", Origin.LOST), ["create", "find"]),
        # It is not there: once more.
        ([LOST, "new"], [None], ("new", Origin.CREATED), ["create", "find", "create"]),
        ([LOST, LOST, "new"], [None, None], ("new", Origin.CREATED), ["create", "find", "create", "find", "create"]),
        ([LOST, LOST, LOST], [None, None, "there"], ("there", Origin.LOST), ["create", "find"] * 3),
        # Our lost try has created it after the look-up.
        ([LOST, exists()], [None, "there"], ("there", Origin.LOST), ["create", "find", "create", "find"]),
        # Somebody else was faster, or the look-up before had been wrong.
        ([exists()], ["there"], ("there", Origin.EXISTED), ["create", "find"]),
    ],
)
def test_created_exactly_once(created: list[Any], found: list[Any], outcome: Any, log: list[str]) -> None:
    assert creating(created, found) == (outcome, log)


def test_an_answer_that_is_always_lost_is_told() -> None:
    with pytest.raises(LostAnswerError):
        creating([LOST] * TRIES, [None] * TRIES)


def test_exists_but_nobody_sees_it_is_told() -> None:
    with pytest.raises(AlreadyExistsError) as refusal:
        creating([exists()], [None])
    assert refusal.value.message.startswith("exists (HTTP 409, POST /x). The server does not show it: ")
    assert "deleted-users list" in refusal.value.message


@pytest.mark.parametrize("error", [ValidationError("odd", status=400, method="POST", path="/x"), RuntimeError("bug")])
def test_other_refusals_pass(error: Exception) -> None:
    with pytest.raises(type(error)):
        creating([error], [])
    with pytest.raises(type(error)):
        creating([LOST], [error])


# ---- the arguments of tasks


def user_task(**params: Any) -> dict[str, Any]:
    names = (
        "identity", "first_name", "last_name", "email", "active", "external_id", "administrator", "password",
        "create_in_office365",
    )  # fmt: skip
    fixed = {"upn": "adele@contoso.com", "state": "present", "permanent": False, "update_password": "on_create"}
    return {**dict.fromkeys(names), **fixed, **params}


def test_only_what_a_task_says_is_wanted_of_a_user() -> None:
    wanted = user_from_options(user_task())
    assert (wanted.fields, wanted.extras, wanted.identity, wanted.present) == ({}, {}, None, True)
    wanted = user_from_options(
        user_task(upn=" Adele@contoso.com ", email="", active=False, administrator=False, password="x",
                  create_in_office365=True, update_password="always", state="absent", permanent=True, identity="7")
    )  # fmt: skip
    assert wanted.upn == "Adele@contoso.com"
    assert wanted.fields == {"email": "", "active": False, "administrator": False}
    assert wanted.extras == {"password": "x", "create_in_office365": True}
    assert (wanted.update_password, wanted.present, wanted.permanent, wanted.identity) == (True, False, True, "7")
    assert "create_in_office365" not in user_from_options(user_task(create_in_office365=False)).extras


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"upn": "adele"}, "Option upn has 'adele'"),
        ({"email": "adele"}, "Option email has 'adele'"),
        ({"first_name": " "}, "Option first_name of user 'adele@contoso.com' is empty"),
        ({"last_name": ""}, "Option last_name"),
    ],
)
def test_a_user_task_that_cannot_be(params: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError) as refusal:
        user_from_options(user_task(**params))
    assert part in refusal.value.message


def group_task(**params: Any) -> dict[str, Any]:
    names = ("identity", "description", "external_id", "members")
    return {**dict.fromkeys(names), "name": "Sales", "state": "present", **params}


def test_only_what_a_task_says_is_wanted_of_a_group() -> None:
    wanted = group_from_options(group_task(name=" Sales ", description="", members={"add": ["A@Contoso.com "]}))
    assert (wanted.name, wanted.fields) == ("Sales", {"description": ""})
    assert wanted.members is not None
    assert (wanted.members.add, wanted.members.remove, wanted.members.set) == (
        frozenset({"a@contoso.com"}),
        frozenset(),
        None,
    )
    assert group_from_options(group_task()).members is None
    with pytest.raises(InputError, match="Option name is empty"):
        group_from_options(group_task(name=" "))


def test_a_list_is_changed_or_set() -> None:
    assert upn_change(None, "members") is None
    emptied = upn_change({"set": [], "add": None, "remove": None}, "members")
    assert emptied is not None
    assert emptied.set == frozenset()
    with pytest.raises(InputError, match=r"Option members\.remove has 'adele'"):
        upn_change({"remove": ["adele"]}, "members")
    with pytest.raises(InputError, match=r"both adds and removes 'a@contoso\.com'"):
        upn_change({"add": ["a@contoso.com"], "remove": ["A@contoso.com"]}, "members")


def environment_task(**params: Any) -> dict[str, Any]:
    names = ("administrator", "active", "delete_confirmation")
    return {**dict.fromkeys(names), "environment": "Contoso", "state": "present", "empty": False, **params}


def test_an_environment_task() -> None:
    person = {"email": " a@contoso.com", "first_name": "A", "last_name": "B", "password": None}
    wanted = environment_from_options(environment_task(administrator=person, active=True))
    assert wanted.administrator == {"EmailAddress": "a@contoso.com", "FirstName": "A", "LastName": "B"}
    assert (wanted.name, wanted.active, wanted.present) == ("Contoso", True, True)
    wanted = environment_from_options(environment_task(administrator={**person, "password": "x"}))
    assert wanted.administrator is not None
    assert wanted.administrator["Password"] == "x"
    gone = environment_from_options(environment_task(environment=" demo ", state="absent", delete_confirmation="demo"))
    assert (gone.name, gone.present, gone.confirmation) == ("demo", False, "demo")


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"environment": "Demo"}, "refuses that name"),
        ({"environment": " d-e-m-o "}, "refuses that name"),
        ({"environment": "---"}, "no letter or digit"),
        ({"empty": True, "administrator": {"email": "a@contoso.com", "first_name": "A", "last_name": "B"}}, "exclude"),
        ({"administrator": {"email": "a", "first_name": "A", "last_name": "B"}}, "administrator.email"),
    ],
)
def test_an_environment_task_that_cannot_be(params: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError) as refusal:
        environment_from_options(environment_task(**params))
    assert part in refusal.value.message


ID = "36500000-0000-4000-8000-0000000000b2"


def sso_task(**params: Any) -> dict[str, Any]:
    return {"authority": None, "primary_domain": "contoso.com", "client_id": ID, "key": "k", **params}


@pytest.mark.parametrize(
    ("params", "authority"),
    [
        ({}, "https://login.windows.net/contoso.com"),
        ({"primary_domain": " contoso.onmicrosoft.com "}, "https://login.windows.net/contoso.onmicrosoft.com"),
        ({"authority": "https://login.windows.net/contoso.com/", "primary_domain": None},
         "https://login.windows.net/contoso.com"),
    ],
)  # fmt: skip
def test_a_single_sign_on_task(params: dict[str, Any], authority: str) -> None:
    assert sso_from_options(sso_task(**params)) == single_sign_on(authority, ID)


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"primary_domain": "contoso"}, "primary_domain is 'contoso'"),
        ({"primary_domain": "contoso.com/x"}, "primary_domain"),
        ({"primary_domain": None, "authority": "http://login.windows.net/contoso.com"}, "Option authority"),
        ({"primary_domain": None, "authority": "https://login.windows.net"}, "Option authority"),
        ({"primary_domain": None, "authority": "https://login.windows.net/a/b"}, "Option authority"),
        ({"client_id": "contoso"}, "GUID"),
        ({"key": " "}, "Option key is empty"),
    ],
)
def test_a_single_sign_on_task_that_cannot_be(params: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError) as refusal:
        sso_from_options(sso_task(**params))
    assert part in refusal.value.message


def api_task(**params: Any) -> dict[str, Any]:
    names = ("query", "body", "headers")
    return {**dict.fromkeys(names), "path": "/x", "method": "GET", "environment": "Contoso 1", **params}


def test_a_raw_call() -> None:
    call = raw_request_from_options(api_task(path="/{environment}/User/", headers={"X": 1}, query={"a": "b"}))
    assert (call.path, call.repeatable, call.parts) == (
        "/contoso%201/User/",
        True,
        {"headers": {"X": "1"}, "query": {"a": "b"}},
    )
    bodies: tuple[Any, ...] = (None, 0, "", [])
    for method, body in itertools.product(("GET", "POST", "PUT", "PATCH", "DELETE"), bodies):
        call = raw_request_from_options(api_task(method=method, body=body))
        assert call.repeatable is (method in ("GET", "PUT", "DELETE"))
        assert ("body" in call.parts) is (body is not None)


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({"path": "x"}, "starts with one '/'"),
        ({"path": "//evil.com/x"}, "another host"),
        ({"path": "https://evil.com/x"}, "starts with one '/'"),
        ({"path": "/x?a=b"}, "option query"),
        ({"path": "/x#a"}, "option query"),
        ({"path": "/{environment}/x", "environment": None}, "W365_ENVIRONMENT"),
        ({"headers": {"authorization": "x"}}, "authenticates itself"),
        ({"headers": {"PROVISIONINGKEY": "x"}}, "authenticates itself"),
    ],
)
def test_a_raw_call_that_must_not_be(params: dict[str, Any], part: str) -> None:
    with pytest.raises(InputError) as refusal:
        raw_request_from_options(api_task(**params))
    assert part in refusal.value.message


# ---- lists that say that they are a part


@pytest.mark.parametrize(
    "more",
    [
        {"totalCount": "250"}, {"totalCount": 250.0}, {"total_count": 250}, {"Total-Count": 250}, {"total": {"value": 250}},
        {"totalResults": "many"}, {"count": True}, {"@odata.count": 250}, {"hasMore": True}, {"has_next_page": "true"},
        {"page": 1, "totalPages": 3}, {"pageCount": "3"}, {"continuationToken": "abc"}, {"next_cursor": "abc"},
        {"@odata.nextLink": "x"}, {"pagination": {"next": "/x?page=2"}}, {"meta": {"page": {"total": 250}}},
        {"_links": {"next": {"href": "/x"}}}, {"links": [{"rel": "Next", "href": "/x"}]}, {"last": False},
        {"isTruncated": True},
    ],
)  # fmt: skip
def test_a_list_that_says_that_it_is_a_part_is_refused(scripted: Scripted, more: dict[str, Any]) -> None:
    with pytest.raises(UnreliableAnswerError, match="listing is not reliable"):
        client(scripted([(200, {"items": ["contoso", "fabrikam"], **more})])).environments()


@pytest.mark.parametrize(
    "more",
    [
        {"totalCount": "2"}, {"totalCount": 2.0}, {"total_count": 2}, {"total": None}, {"count": ""}, {"total": -1},
        {"hasMore": False}, {"hasNextPage": "false"}, {"page": 1, "totalPages": 1, "pageSize": 250}, {"pageCount": 0},
        {"continuationToken": None}, {"nextCursor": ""}, {"pagination": {"next": None, "total": 2, "limit": 250}},
        {"_links": {"self": {"href": "/x"}, "next": {"href": None}}}, {"links": [{"rel": "self", "href": "/x"}]},
        {"last": True, "first": True}, {"isTruncated": False}, {"@odata.context": "x"}, {"success": True},
    ],
)  # fmt: skip
def test_a_list_that_says_that_it_is_whole_is_read(scripted: Scripted, more: dict[str, Any]) -> None:
    found = client(scripted([(200, {"items": ["contoso", "fabrikam"], **more})])).environments()
    assert [environment.name for environment in found] == ["contoso", "fabrikam"]


@pytest.mark.parametrize(
    ("status", "headers", "part"),
    [
        (206, {}, "HTTP 206"),
        (200, {"link": '<https://x/?page=1>; rel="prev", <https://x/?page=2>; rel="next"'}, "header Link"),
        (200, {"link": "<https://x/?page=2>; rel=next"}, "header Link"),
        (200, {"x-total-count": "250"}, "x-total-count is 250"),
        (200, {"content-range": "items 0-1/250"}, "content-range is items 0-1/250"),
        (200, {"x-total-count": "2", "content-range": "bytes 0-10/250"}, ""),
        (200, {"content-range": "items 0-1/*", "link": '<https://x/next>; rel="self"'}, ""),
    ],
)
def test_status_and_headers_of_a_part(scripted: Scripted, status: int, headers: dict[str, str], part: str) -> None:
    http = scripted([(status, ["contoso", "fabrikam"], headers)])
    if not part:
        assert len(client(http).environments()) == 2
        return
    with pytest.raises(UnreliableAnswerError, match="listing is not reliable") as refusal:
        client(http).environments()
    assert part in refusal.value.message
