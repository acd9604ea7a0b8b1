# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three services in memory, which tell the truth, and tasks that run against them.

Small on purpose: one environment, three users, one group, and the tenant that they come from. A fuzz test changes one of
its answers; see hostile.py.
"""

from __future__ import annotations

import copy
import importlib
import itertools
import json
import re
from collections.abc import Callable, Collection, Mapping
from functools import cache, cached_property
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import entra_memory
import import_memory
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import TokenRefusedError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
    build_rules,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base import Task, run_task
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.host import SessionStore
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    Answer,
    Http,
    HttpSettings,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import Redactor
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.stop import Stop

INSTANCE = "https://w365.contoso.com"
SCIM = f"{INSTANCE}/contoso/scim/v2"
GRAPH = "https://graph.contoso.com"
ALLAN, ADELE, MEGAN = (f"{name}@contoso.com" for name in ("allan.deyoung", "adele.vance", "megan.bowen"))
OBJECT_ID = "00000000-0000-4000-8000-00000000000{}"
PASSWORD = "a-password-for-the-tests"

Handler = Callable[["Truthful", "Call"], Any]


class Call(NamedTuple):
    """A request, as the services understand it."""

    endpoint: str
    id: str
    query: Mapping[str, str]
    body: Any


class Refused(Exception):
    """A status other than 200, with a body."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    roots = {"provisioning": f"{INSTANCE}/Provisioning", "scim": SCIM, "graph": f"{GRAPH}/v1.0", "page": INSTANCE}
    found = []
    for endpoint in ENDPOINTS.values():
        text = re.escape(roots[endpoint.service] + endpoint.path)
        text = text.replace(r"\{environment\}", "[^/]+").replace(r"\{id\}", "([^/']+)")
        text = text.replace(r"\{inner\}", "([^/']+)")
        found.append((endpoint.id, endpoint.method, re.compile(text)))
    # "/Environment/Validate/" is no environment.
    return sorted(found, key=lambda item: ENDPOINTS[item[0]].path.count("{"))


PATTERNS = _patterns()
HANDLERS: dict[str, Handler] = {}


def answers(*endpoints: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(endpoints, handler))
        return handler

    return keep


class Truthful(Http):
    """Answers in memory. `writes` are the calls that changed something.

    `change(call, status, body)` may change an answer after it was made; it returns a status, a text and headers.
    """

    def __init__(
        self, change: Callable[[Call, int, Any], tuple[int, str, Mapping[str, str], bool]] | None = None
    ) -> None:
        clock = itertools.count()
        closed: Any = Closed()
        super().__init__(
            HttpSettings(max_wait=60), Redactor([PASSWORD]), sleep=lambda _seconds: None, clock=lambda: 10.0 * next(clock), session=closed
        )  # fmt: skip
        self.change = change
        self.calls: list[Call] = []
        self.scim_users = [scim_user(1, ALLAN), scim_user(2, ADELE), scim_user(3, MEGAN)]
        self.scim_groups = [{"id": "g1", "displayName": "Sales", "members": [{"value": "u2"}, {"value": "u3"}]}]
        self.users = [user(1, ALLAN, IsAdministrator=True), user(2, ADELE), user(3, MEGAN)]
        self.groups: list[dict[str, Any]] = [{"Id": 7, "Name": "Sales", "Description": "", "Members": [2, 3]}]
        self.server = ""

    @cached_property
    def entra(self) -> import_memory.ImportMemory:
        """The applications of the tenant that belongs to the server of the scenario."""
        return import_memory.seeded(self.server)

    def request(
        self,
        method: str,
        url: str,
        *,
        repeatable: bool,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        has_body: bool = False,
    ) -> Answer:
        call = self._understood(method, url, query, body if has_body else None)
        if call is None:
            return Answer(404, {"content-type": "application/json"}, '{"error": {"code": "ResourceNotFound"}}')
        self.calls.append(call)
        more: Mapping[str, str] = {}
        try:
            handler = HANDLERS[call.endpoint]
            if self.server == "documented" and ENDPOINTS[call.endpoint].letter == "A":
                raise Refused(404)
            status, data = 200, handler(self, call)
        except Refused as refused:
            status, data, more = refused.status, refused.body, refused.headers
        known = {"content-type": "application/json", **more}
        if call.endpoint in import_memory.ENDPOINTS:
            known["date"] = self.entra.date
        if self.change is None:
            return Answer(status, known, json.dumps(data))
        status, text, given, garbled = self.change(call, status, data)
        return Answer(status, {**known, **given}, text, garbled=garbled)

    def _understood(self, method: str, url: str, query: Mapping[str, Any] | None, body: Any) -> Call | None:
        parts = urlsplit(url)
        given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        given |= {name: str(value) for name, value in (query or {}).items()}
        address = f"{parts.scheme}://{parts.netloc}{parts.path}"
        for endpoint, with_method, pattern in PATTERNS:
            found = pattern.fullmatch(url if "version=" in url else address)
            if found and method == with_method:
                return Call(endpoint, "/".join(map(unquote, found.groups())), given, body)
        # A link in an answer of Graph may lead anywhere on its host.
        if self.change is None or method != "GET" or parts.netloc != urlsplit(GRAPH).netloc:
            raise AssertionError(f"{method} {url} is no call of the contract's table")
        return None

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if ENDPOINTS[call.endpoint].writes]

    @property
    def losses(self) -> set[str]:
        """What somebody has lost by these writes: an account, the role, a membership, a group, an environment."""
        # A run may take back a secret that it has made itself.
        own = {f"secret {key_id}" for key_id in self.entra.made}
        return {loss for call in self.writes for loss in losses_of(call)} - own


def losses_of_settings(settings: Mapping[str, str]) -> list[str]:
    """Whom a cycle may remove with these settings and not with others."""
    guard = json.loads(settings.get("SyncNotificationSettings", "{}"))
    everybody = ["everybody in scope"] if settings["SyncAll"].lower() == "true" else []
    return [*everybody, *([] if guard.get("DeleteThresholdEnabled") and guard.get("Recipients") else ["the guard"])]


class Closed:
    """A session that sends nothing."""

    def close(self) -> None:
        """Nothing is open."""


def losses_of(call: Call) -> list[str]:
    body = call.body
    if call.endpoint == "scim.bulk":
        known = {("PATCH", "/Users/"): "scim.user.patch", ("DELETE", "/Users/"): "scim.user.delete"}
        known |= {("PATCH", "/Groups/"): "scim.group.patch", ("DELETE", "/Groups/"): "scim.group.delete"}
        inner = [
            Call(known[item["method"], start], item["path"].removeprefix(start), {}, item.get("data"))
            for item in body["Operations"]
            for start in ("/Users/", "/Groups/")
            if item["path"].startswith(start)
        ]
        return [loss for part in inner for loss in losses_of(part)]
    if call.endpoint.endswith((".delete", ".deactivate")):
        return [f"{call.endpoint} {call.id}"]
    if call.endpoint == "scim.user.patch" and any(item.get("value") is False for item in body["Operations"]):
        return [f"deactivated {call.id}"]
    if call.endpoint == "scim.group.patch":
        return [f"member {item['path']} of {call.id}" for item in body["Operations"] if item["op"] == "remove"]
    if call.endpoint == "graph.secret.remove":
        return [f"secret {body['keyId']}"]
    if call.endpoint in ("graph.assignment.delete", "graph.application.delete"):
        return [f"{call.endpoint} {call.id}"]
    if call.endpoint == "graph.sync.restart" and body["criteria"]["resetScope"]:
        return ["what a job held back"]
    if call.endpoint == "graph.sync.settings.write":
        return losses_of_settings({pair["key"]: pair["value"] for pair in body["value"]})
    if call.endpoint == "user.update":
        return [f"{name} of {call.id}" for name in ("IsActive", "IsAdministrator") if (body or {}).get(name) is False]
    if call.endpoint == "group.update" and "Members" in (body or {}):
        return [f"members of {call.id}: {sorted(map(str, body['Members']))}"]
    return []


def scim_user(number: int, upn: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": f"u{number}",
        "userName": upn,
        "name": {"givenName": "A", "familyName": "B"},
        "emails": [{"type": "work", "primary": True, "value": upn}],
        "active": True,
        "externalId": None if upn == ALLAN else OBJECT_ID.format(number),
    }


def user(number: int, upn: str, **more: Any) -> dict[str, Any]:
    known = {"FirstName": "A", "LastName": "B", "IsAdministrator": False, "IsActive": True}
    return {"Id": number, "EmailAddress": upn, **known, **more}


def person(number: int, upn: str) -> dict[str, Any]:
    return {
        "id": OBJECT_ID.format(number),
        "userPrincipalName": upn,
        "mail": upn,
        "givenName": "A",
        "surname": "B",
        "displayName": "A B",
        "accountEnabled": True,
        "userType": "Member",
    }


GROUP = {
    "id": OBJECT_ID.format(8),
    "displayName": "Sales",
    "description": None,
    "mailEnabled": True,
    "securityEnabled": False,
    "groupTypes": ["Unified"],
}
NESTED = {"id": OBJECT_ID.format(9), "displayName": "Inner"}
# Megan is no longer in the tenant.
PEOPLE = [person(1, ALLAN), person(2, ADELE)]
USER_MEMBER = {"@odata.type": "#microsoft.graph.user", "id": OBJECT_ID.format(2)}
GROUP_MEMBER = {"@odata.type": "#microsoft.graph.group", "id": OBJECT_ID.format(8)}


# The Provisioning API


@answers("environment.list")
def _environments(_truth: Truthful, _call: Call) -> Any:
    return [{"Name": "contoso", "IsActive": True}, {"Name": "fabrikam", "IsActive": False}]


@answers("environment.create", "environment.create_v2", "environment.create_empty")
def _create_environment(_truth: Truthful, _call: Call) -> Any:
    return "northwind"


@answers("environment.validate", "environment.activate", "environment.deactivate", "environment.delete")
def _environment(_truth: Truthful, _call: Call) -> Any:
    return None


@answers("user.create")
def _create_user(truth: Truthful, call: Call) -> Any:
    _validate(truth, call)
    truth.users.append({"Id": 50, "IsActive": True, **call.body})
    return 50


@answers("user.validate")
def _validate(truth: Truthful, call: Call) -> Any:
    upn = str(call.body["EmailAddress"])
    if upn.lower() in {found["EmailAddress"].lower() for found in truth.users}:
        raise Refused(400, [{"MemberNames": ["EmailAddress"], "ErrorMessage": f"The user '{upn}' already exists."}])


@answers("user.list")
def _list_users(truth: Truthful, _call: Call) -> Any:
    return truth.users


@answers("group.list")
def _list_groups(truth: Truthful, _call: Call) -> Any:
    hidden = ("Members",) if truth.server == "sparse" else ()
    return [{name: value for name, value in group.items() if name not in hidden} for group in truth.groups]


@answers("user.get", "group.get")
def _get(truth: Truthful, call: Call) -> Any:
    known = truth.users if call.endpoint == "user.get" else truth.groups
    return _by_id(known, call.id, "Id")


@answers("group.create")
def _create_group(truth: Truthful, call: Call) -> Any:
    truth.groups.append({"Id": 60, "Members": [], **call.body})
    return 60


@answers("user.update", "user.delete", "group.update", "group.delete")
def _change(_truth: Truthful, _call: Call) -> Any:
    return None


@answers("sso.read")
def _sso(truth: Truthful, _call: Call) -> Any:
    if truth.entra.sso is not None:
        return {name: value for name, value in truth.entra.sso.items() if name != "Key"}
    return {"Authority": "https://login.windows.net/contoso.com", "ClientId": OBJECT_ID.format(0)}


@answers("exchange.read")
def _exchange(_truth: Truthful, _call: Call) -> Any:
    return {"ServerType": "Office365", "DefaultEwsUrl": "https://mail.contoso.com/EWS/Exchange.asmx"}


@answers("sharepoint.read")
def _sharepoint(_truth: Truthful, _call: Call) -> Any:
    return {"AuthenticationType": "OAuth2", "DefaultUrl": "https://contoso.sharepoint.com"}


@answers("sso.write")
def _write_sso(truth: Truthful, call: Call) -> Any:
    truth.entra.sso = dict(call.body)
    truth.entra.held.append(call.body["Key"])


@answers("exchange.write", "sharepoint.write")
def _write_setting(_truth: Truthful, _call: Call) -> Any:
    return None


# SCIM


def _by_id(things: list[dict[str, Any]], id: str, name: str = "id") -> dict[str, Any]:
    found = next((thing for thing in things if str(thing[name]) == id), None)
    if found is None:
        raise Refused(404, {"detail": "not found"})
    return found


def _resources(truth: Truthful, call: Call) -> list[dict[str, Any]]:
    return truth.scim_groups if ".group." in call.endpoint else truth.scim_users


@answers("scim.config")
def _config(_truth: Truthful, _call: Call) -> Any:
    return {"bulk": {"supported": True, "maxOperations": 100, "maxPayloadSize": 1_000_000}}


@answers("scim.schemas")
def _schemas(_truth: Truthful, _call: Call) -> Any:
    attributes = [{"name": name} for name in ("userName", "displayName", "title", "preferredLanguage")]
    schema = {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": attributes}
    return {"totalResults": 1, "Resources": [schema]}


@answers("scim.user.list", "scim.group.list")
def _list(truth: Truthful, call: Call) -> Any:
    found = _resources(truth, call)
    wanted = re.fullmatch(r'(\w+) eq "(.*)"', call.query.get("filter", ""))
    if wanted:
        found = [thing for thing in found if str(thing.get(wanted[1])).lower() == wanted[2].lower()]
    if call.query.get("excludedAttributes") == "members" or truth.server == "sparse":
        found = [{name: value for name, value in thing.items() if name != "members"} for thing in found]
    start = int(call.query["startIndex"]) - 1
    # Two on a page, so that a listing has several.
    page = found[start : start + 2]
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(found),
        "startIndex": start + 1,
        "itemsPerPage": len(page),
        "Resources": page,
    }


@answers("scim.user.get", "scim.group.get")
def _read(truth: Truthful, call: Call) -> Any:
    return _by_id(_resources(truth, call), call.id)


@answers("scim.user.create", "scim.group.create")
def _create(truth: Truthful, call: Call) -> Any:
    found = _resources(truth, call)
    name = "displayName" if ".group." in call.endpoint else "userName"
    if any(str(thing[name]).lower() == str(call.body[name]).lower() for thing in found):
        raise Refused(409, {"scimType": "uniqueness", "detail": "It exists."})
    found.append({**call.body, "id": f"n{len(found)}"})
    return found[-1]


@answers("scim.user.patch", "scim.user.delete", "scim.group.patch", "scim.group.delete")
def _patch(truth: Truthful, call: Call) -> Any:
    return _by_id(_resources(truth, call), call.id)


@answers("scim.bulk")
def _bulk(_truth: Truthful, call: Call) -> Any:
    done = [
        {"method": item["method"], "bulkId": item["bulkId"], "status": "201", "location": f"{SCIM}/Users/b{at}", "response": {**(item.get("data") or {}), "id": f"b{at}"}}
        for at, item in enumerate(call.body["Operations"])
    ]  # fmt: skip
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": done}


# Microsoft Graph


def _page(call: Call, path: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One item on a page, so that a listing has links."""
    start = int(call.query.get("$skiptoken", 0))
    more = {"@odata.nextLink": f"{GRAPH}/v1.0{path}?$skiptoken={start + 1}"} if start + 1 < len(items) else {}
    return {"@odata.context": "x", "value": items[start : start + 1], **more}


@answers("graph.users")
def _people(_truth: Truthful, call: Call) -> Any:
    wanted = re.findall(r"'([^']+)'", call.query.get("$filter", ""))
    found = [one for one in PEOPLE if not wanted or {one["id"], one["userPrincipalName"]}.intersection(wanted)]
    return _page(call, "/users", found)


@answers("graph.groups")
def _tenant_groups(_truth: Truthful, call: Call) -> Any:
    return _page(call, "/groups", [GROUP] if "Sales" in call.query.get("$filter", "'Sales'") else [])


@answers("graph.group")
def _tenant_group(_truth: Truthful, call: Call) -> Any:
    return _by_id([GROUP], call.id)


@answers("graph.group.users")
def _group_users(_truth: Truthful, call: Call) -> Any:
    return _page(call, f"/groups/{call.id}/members/microsoft.graph.user", PEOPLE[1:])


@answers("graph.group.groups")
def _group_groups(_truth: Truthful, call: Call) -> Any:
    inside = [NESTED] if call.id == GROUP["id"] else []
    return _page(call, f"/groups/{call.id}/members/microsoft.graph.group", inside)


@answers("graph.group.members")
def _group_members(_truth: Truthful, call: Call) -> Any:
    return _page(call, f"/groups/{call.id}/members", [USER_MEMBER, {**GROUP_MEMBER, "id": NESTED["id"]}])


@answers("graph.role.members")
def _role(_truth: Truthful, call: Call) -> Any:
    return _page(call, f"/directoryRoles(roleTemplateId='{call.id}')/members", [USER_MEMBER, GROUP_MEMBER])


@answers("graph.users.delta", "graph.groups.delta")
def _delta(_truth: Truthful, call: Call) -> Any:
    what = "users" if call.endpoint == "graph.users.delta" else "groups"
    if "$deltatoken" in call.query:
        items: list[dict[str, Any]] = []
    elif what == "users":
        items = PEOPLE
    else:
        items = [{**GROUP, "members@delta": [USER_MEMBER, {**GROUP_MEMBER, "id": NESTED["id"]}]}, NESTED]
    page = _page(call, f"/{what}/delta", items)
    end = {} if "@odata.nextLink" in page else {"@odata.deltaLink": f"{GRAPH}/v1.0/{what}/delta?$deltatoken=1"}
    return {**page, **end}


@answers("graph.organization")
def _organization(_truth: Truthful, _call: Call) -> Any:
    return {"value": [{"id": OBJECT_ID.format(0), "verifiedDomains": [{"name": "contoso.com"}]}]}


@answers("graph.batch")
def _batch(truth: Truthful, call: Call) -> Any:
    done = []
    for item in call.body["requests"]:
        inner = truth._understood("GET", f"{GRAPH}/v1.0{item['url']}", None, None)
        if not inner:
            # The link of a page of a group that only a changed answer knows.
            done.append({"id": item["id"], "status": 404, "headers": {}, "body": {"error": {"code": "NotFound"}}})
            continue
        truth.calls.append(inner)
        body = HANDLERS[inner.endpoint](truth, inner)
        done.append({"id": item["id"], "status": 200, "headers": {}, "body": body})
    return {"responses": done}


@answers(*import_memory.ENDPOINTS)
def _entra(truth: Truthful, call: Call) -> Any:
    try:
        found = truth.entra.answer(call.endpoint, call.id, call.query, call.body)
    except entra_memory.RefusalError as refusal:
        raise Refused(refusal.status, refusal.body) from None
    if call.endpoint not in import_memory.LISTS:
        return found
    path = ENDPOINTS[call.endpoint].path.format(id=call.id)
    more = "".join(f"&{name}={value}" for name, value in call.query.items() if name == "$filter")
    page = _page(call, path, found)
    if more and "@odata.nextLink" in page:
        page["@odata.nextLink"] += more
    return page


@answers("page.sign_in")
def _sign_in(truth: Truthful, _call: Call) -> Any:
    sso = truth.entra.sso or {"ClientId": OBJECT_ID.format(0)}
    redirect = f"{INSTANCE}/contoso/OAuth2/HandleAuthorityResponse"
    to = f"https://login.windows.net/contoso.com/oauth2/authorize?{urlencode({'client_id': sso['ClientId'], 'redirect_uri': redirect})}"
    raise Refused(302, None, {"location": to})


# Tasks


class MemoryHost:
    """A host in memory, in diff mode."""

    check_mode = False
    diff_mode = True

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options
        self.secrets: Collection[str] = [PASSWORD]
        self.store = SessionStore()
        self.stop = Stop()
        self.decrypt = None
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def debug(self, message: str) -> None:
        """Nobody reads it."""

    def add_secrets(self, values: Collection[str]) -> None:
        """They are in no result of these tasks."""

    def is_from_environment(self, option: str) -> bool:
        return False

    def progress_writer(self) -> None:
        return None


class _Tokens:
    def token(self) -> str:
        return "token"

    def forget(self) -> None:
        """The next one is the same."""


class _SsoTokens(_Tokens):
    """Tokens of the application that people sign in with, from the token endpoint of the tenant in memory."""

    def __init__(self, truth: Truthful, client_id: str, text: str) -> None:
        self._truth, self._client_id, self._text = truth, client_id, text

    def token(self) -> str:
        if not self._truth.entra.accepts(self._client_id, self._text):
            error = TokenRefusedError("AADSTS7000215: Invalid client secret provided.")
            error.codes = (7000215,)
            raise error
        return "token"


def _sso_tokens(task: Any, _authority: str, client_id: str, key: str) -> _SsoTokens:
    return _SsoTokens(task.host.truth, client_id, key)


class _Wiring(NamedTuple):
    run: Callable[[Any], dict[str, Any]]
    kind: type[Task]
    validator: ArgumentSpecValidator


@cache
def _wiring(name: str) -> _Wiring:
    """What a module's own `main` hands over."""
    module = importlib.import_module(f"ansible_collections.workspace365.provisioning.plugins.modules.{name}")
    calls: list[_Wiring] = []

    def keep(run: Any, own_spec: Any, kind: type[Task] = Task, **rules: Any) -> None:
        in_memory = type(
            "InMemory",
            (kind,),
            {
                "http": cached_property(lambda task: task.host.truth),
                "tokens": lambda _task, _resource: _Tokens(),
                "sso_tokens": _sso_tokens,
            },
        )
        in_memory.__dict__["http"].__set_name__(in_memory, "http")
        calls.append(
            _Wiring(run, in_memory, ArgumentSpecValidator(build_argument_spec(own_spec), **build_rules(rules)))
        )

    with patch.object(module, "run_module", keep):
        module.main()
    return calls[0]


_CONNECTION = {
    "instance_url": INSTANCE,
    "provisioning_key": "key-of-the-instance",
    "environment": "contoso",
    "graph_url": GRAPH,
    "entra_tenant": "contoso.com",
    "entra_client_id": OBJECT_ID.format(0),
    "entra_client_secret": PASSWORD,
}


@cache
def _options(scenario: Scenario) -> dict[str, Any]:
    given = {**_CONNECTION, **json.loads(scenario.options)}
    if scenario.scim:
        given |= {"scim_url": SCIM, "scim_token": "token-of-the-scim-service"}
    validated = _wiring(scenario.module).validator.validate(given)
    assert not validated.error_messages, validated.error_messages
    options: dict[str, Any] = validated.validated_parameters
    if "concurrency" in options:
        options["concurrency"] = 1
    if options.get("read_back_timeout"):
        # These servers keep nothing of a write, so what is read back is read once.
        options["read_back_timeout"] = 0.001
    return options


class Scenario(NamedTuple):
    """A task. `options` are JSON, so that a scenario can be a key. `server` is "documented" for one with the documented
    endpoints only, and "sparse" for one whose list of groups leaves the members out."""

    module: str
    options: str
    scim: bool = True
    server: str = ""


def play(scenario: Scenario, truth: Truthful) -> dict[str, Any]:
    """The result of a task against these servers."""
    truth.server = scenario.server
    wiring = _wiring(scenario.module)
    host: Any = MemoryHost(copy.deepcopy(_options(scenario)))
    host.truth = truth
    result = run_task(wiring.run, host, wiring.kind)
    return {**result, "warnings": host.warnings}
