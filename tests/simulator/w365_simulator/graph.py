# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Graph v1.0, as far as reading people and groups goes.

A list is described by its rows (a piece of SQL), so paging, counting, selecting and filtering are written once. Delta
queries have pages of their own, see delta.py.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from . import graph_filter
from .contract import Router
from .delta import EVERYTHING, Change, Delta, Round, StaleToken
from .entra.assignments import Assignments
from .entra.jobs import Jobs
from .entra.keys import FederatedCredentials
from .entra.policies import Policies
from .entra.registry import Registry
from .entra.synchronization import Synchronization
from .faults import Faults, Rule
from .graph_error import GraphError, not_found
from .graph_filter import Property
from .store import Store
from .switches import Switches
from .tokens import Access, TokenError, Tokens
from .wire import Answer, Call, Deferred, UnreadableBody, html_answer, json_answer

DEFAULT_PAGE = 100
LARGEST_PAGE = 999
LARGEST_BATCH = 20
LARGEST_ID_FILTER = 50
NO_LIMIT = 2**31
_CONCURRENT = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
STALE = "The sync state generation is not found. The delta token is expired and data must be synchronized again."
LIST_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

READ_USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
READ_GROUPS = (
    "GroupMember.Read.All", "GroupMember.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All", "Directory.Read.All",
    "Directory.ReadWrite.All",
)  # fmt: skip
READ_ORGANIZATION = (
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
READ_DOMAINS = ("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
READ_ROLES = (
    "RoleManagement.Read.Directory", "RoleManagement.Read.All", "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)  # fmt: skip

READ_HIDDEN = "Member.Read.Hidden"

USER_DEFAULT = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage",
    "surname", "userPrincipalName", "id",
)  # fmt: skip
GROUP_DEFAULT = (
    "id", "deletedDateTime", "classification", "createdDateTime", "description", "displayName", "groupTypes", "mail",
    "mailEnabled", "mailNickname", "proxyAddresses", "securityEnabled", "visibility",
)  # fmt: skip
# Properties that exist and that the twin holds nothing for.
USER_EMPTY: dict[str, Any] = dict.fromkeys(
    ("officeLocation", "companyName", "employeeId",
    "city",
     "country", "usageLocation", "createdDateTime", "deletedDateTime", "externalUserState", "onPremisesSyncEnabled")
)  # fmt: skip
GROUP_EMPTY: dict[str, Any] = dict.fromkeys(
    ("deletedDateTime", "classification", "createdDateTime", "membershipRule", "onPremisesSyncEnabled")
)

USER_PROPERTIES = {
    "id": Property("id", "exact"),
    "userPrincipalName": Property("upn_key", "text"),
    "mail": Property("mail_key", "text"),
    "givenName": Property("lower(given_name)", "text"),
    "surname": Property("lower(surname)", "text"),
    "displayName": Property("lower(display_name)", "text"),
    "accountEnabled": Property("account_enabled", "boolean"),
    "userType": Property("user_type", "exact"),
    "jobTitle": Property("lower(job_title)", "text"),
    "department": Property("lower(department)", "text"),
    "mobilePhone": Property("mobile_phone", "exact"),
    "preferredLanguage": Property("lower(preferred_language)", "text"),
    "businessPhones": Property("business_phones", "list"),
}
GROUP_PROPERTIES = {
    "id": Property("id", "exact"),
    "displayName": Property("name_key", "text"),
    "mail": Property("lower(mail)", "text"),
    "mailEnabled": Property("mail_enabled", "boolean"),
    "securityEnabled": Property("security_enabled", "boolean"),
    "groupTypes": Property("group_types", "list"),
}
_BY_CLIENT_ID = re.compile(r"/(applications|servicePrincipals)\(appId='([^']+)'\)", re.IGNORECASE)
# The shortcut and the full name that the SDKs use.
_DELTA = re.compile(r"/(users|groups)/(?:microsoft\.graph\.)?delta(?:\(\))?/?", re.IGNORECASE)
_ID_FILTER = re.compile(r"\(?\s*id\s+eq\s+'([^']*)'\s*\)?", re.IGNORECASE)
_PAGE_SIZE = re.compile(r"(?:^|[,;\s])odata\.maxpagesize\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_ROLE = re.compile(r"directoryRoles(?:\(roleTemplateId='([^']+)'\)|\('([^']+)'\))", re.IGNORECASE)

_TRANSITIVE = """
WITH RECURSIVE inside(kind, position) AS (
    SELECT kind, member_position FROM graph_members WHERE group_position = ? AND relation = 'member'
    UNION
    SELECT deeper.kind, deeper.member_position FROM inside
    JOIN graph_members AS deeper ON deeper.group_position = inside.position AND deeper.relation = 'member'
    WHERE inside.kind = 'group'
)
"""


@dataclass(slots=True)
class Listing:
    """The rows of a list. ``source`` is SQL after FROM with ``values``; every row has a position to page by."""

    context: str
    columns: str
    source: str
    values: list[Any]
    order: str
    shown: Callable[[Any], dict[str, Any]]
    prefix: str = ""
    properties: dict[str, Property] | None = None
    cast: bool = False


class Graph(Synchronization, Assignments, FederatedCredentials, Policies):
    """Answers everything below /graph/v1.0. Every handler is named after its endpoint in the table."""

    def __init__(
        self, store: Store, switches: Switches, tokens: Tokens, faults: Faults, registry: Registry, jobs: Jobs
    ) -> None:
        self.registry = registry
        self.clock = registry.clock
        self.jobs = jobs
        self.store = store
        self.switches = switches
        self.tokens = tokens
        self.faults = faults
        self.delta = Delta(store, switches)
        self._router = Router("graph", ignore_case=True)

    def is_write(self, method: str, path: str) -> bool:
        """Whether this call would change something if it were accepted. ``path`` is relative to /graph."""
        if method in ("GET", "HEAD", "OPTIONS"):
            return False
        endpoint, _, _ = self._router.find(method, path.removeprefix("/v1.0"))
        return True if endpoint is None else endpoint.writes

    def answer(self, call: Call) -> Answer:
        """Answer one call; ``path`` is relative to /graph."""
        request_id = call.headers.get("client-request-id") or str(uuid.uuid4())
        try:
            scheme, _, token = call.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
            try:
                access = self.tokens.check(token.strip())
            except TokenError as problem:
                raise GraphError(401, "InvalidAuthenticationToken", str(problem)) from problem
            version, _, path = call.path.removeprefix("/").partition("/")
            if version != "v1.0":
                raise GraphError(400, "BadRequest", f"Invalid version: {version}")
            answer = self._route(call, access, f"/{path}")
            if isinstance(answer, Deferred):
                finish = answer.finish
                return Deferred(answer.work, lambda result: self._finished(lambda: finish(result), request_id))
        except GraphError as problem:
            answer = graph_error(problem, request_id)
        return self._finished(lambda: answer, request_id)

    @staticmethod
    def _finished(answerer: Callable[[], Answer], request_id: str) -> Answer:
        try:
            answer = answerer()
        except GraphError as problem:
            answer = graph_error(problem, request_id)
        answer.headers += [("request-id", request_id), ("client-request-id", request_id), ("OData-Version", "4.0")]
        return answer

    def _route(self, call: Call, access: Access, path: str) -> Answer:
        path = _DELTA.sub(r"/\1/delta", self._by_client_id(access, path))
        endpoint, names, others = self._router.find(call.method, path)
        if endpoint is None and others:
            raise GraphError(405, "Request_BadRequest", f"The method {call.method} is not allowed for this resource.")
        if endpoint is None:
            segment = path.strip("/").split("/")[-1]
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{segment}'.")
        handler: Callable[[Call, Access, dict[str, str]], Answer] = getattr(
            self, f"_{endpoint.id.removeprefix('graph_')}"
        )
        try:
            return handler(call, access, names)
        except UnreadableBody as problem:
            raise GraphError(400, "BadRequest", f"Unable to read JSON request payload. {problem}") from problem

    def _by_client_id(self, access: Access, path: str) -> str:
        """Write the id of an application or service principal where a path names its client id."""
        found = _BY_CLIENT_ID.match(path)
        if found is None:
            return path
        kind = "application" if found[1].lower() == "applications" else "servicePrincipal"
        self.registry.settle(access.tenant)
        document = self.registry.objects.by_app_id(access.tenant, kind, found[2])
        return f"/{found[1]}/{document['id'] if document else found[2]}{path[found.end() :]}"

    # ---- lists

    def _list(self, call: Call, listing: Listing, names: tuple[dict[str, Any], tuple[str, ...]] | None) -> Answer:
        query = call.query
        eventual = call.headers.get("consistencylevel", "").lower() == "eventual"
        counted = query.get("$count", "").lower() == "true"
        self._check_advanced(listing.cast, "an OData cast", eventual=eventual, counted=counted)
        if counted and not eventual:
            raise GraphError(400, "Request_UnsupportedQuery", "$count is not currently supported.")
        if "$search" in query or "$orderby" in query:
            raise GraphError(501, "NotImplemented", "The twin of Microsoft Graph offers neither $search nor $orderby.")
        where, values = "", list(listing.values)
        if query.get("$filter"):
            condition = self._condition(query["$filter"], listing)
            self._check_advanced(condition.advanced, "this filter", eventual=eventual, counted=counted)
            where = f" AND {condition.sql}"
            values += condition.values
        selected = _selection(query.get("$select"), names)
        size = self._page_size(query.get("$top"))
        after = _skip_token(query.get("$skiptoken"))
        total = None
        if counted:
            total = self.store.value(f"{listing.prefix} SELECT count(*) FROM {listing.source}{where}", values)
        rows = self.store.all(
            f"{listing.prefix} SELECT {listing.columns}, {listing.order} AS page_order FROM {listing.source}{where}"
            f" AND {listing.order} > ? ORDER BY {listing.order} LIMIT ?",
            [*values, after, size + 1],
        )
        context = f"{call.base_url}/graph/v1.0/$metadata#{listing.context}"
        if query.get("$select") and "(" not in listing.context:
            context += f"({query['$select']})"
        result: dict[str, Any] = {"@odata.context": context}
        if total is not None:
            result["@odata.count"] = total
        if len(rows) > size:
            rows = rows[:size]
            kept = [(name, value) for name, value in query.items() if name.lower() != "$skiptoken"]
            kept.append(("$skiptoken", base64.urlsafe_b64encode(f"after:{rows[-1]['page_order']}".encode()).decode()))
            link = "&".join(f"{name}={quote(value, safe='$')}" for name, value in kept)
            result["@odata.nextLink"] = f"{call.base_url}/graph{quote(call.path, safe='/$()=')}?{link}"
        result["value"] = [_select(listing.shown(row), selected) for row in rows]
        return json_answer(200, result, LIST_TYPE)

    def _check_advanced(self, needed: bool, what: str, *, eventual: bool, counted: bool) -> None:
        if needed and not (eventual and counted):
            lacking = "the 'ConsistencyLevel:eventual' header" if not eventual else "$count=true"
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                f"Unsupported query: {what} is not supported because {lacking} is missing."
                " Refer to https://aka.ms/graph-docs/advanced-queries for more information",
            )

    def _condition(self, text: str, listing: Listing) -> graph_filter.Condition:
        if listing.properties is None:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                "The query specified in the URI is not valid. Filtering is not supported.",
            )
        try:
            return graph_filter.to_sql(text, listing.properties)
        except graph_filter.FilterError as problem:
            code = "Request_UnsupportedQuery" if problem.unsupported else "BadRequest"
            raise GraphError(400, code, str(problem)) from problem

    def _page_size(self, top: str | None) -> int:
        largest = self.switches.page_size or LARGEST_PAGE
        if top is None:
            return min(largest, DEFAULT_PAGE)
        if not top.isascii() or not top.isdigit() or not 1 <= int(top) <= LARGEST_PAGE:
            raise GraphError(
                400,
                "Request_BadRequest",
                f"Invalid page size specified: '{top}'. Must be between 1 and {LARGEST_PAGE} inclusive.",
            )
        return min(largest, int(top))

    def _count(self, call: Call, listing: Listing) -> Answer:
        eventual = call.headers.get("consistencylevel", "").lower() == "eventual"
        if not eventual:
            raise GraphError(400, "Request_BadRequest", "$count is not currently supported.")
        where, values = "", list(listing.values)
        if call.query.get("$filter"):
            condition = self._condition(call.query["$filter"], listing)
            where = f" AND {condition.sql}"
            values += condition.values
        total = self.store.value(f"{listing.prefix} SELECT count(*) FROM {listing.source}{where}", values)
        return Answer(200, str(total).encode(), "text/plain")

    # ---- users and groups

    def _users_listing(self, access: Access) -> Listing:
        self._require(access, *READ_USERS)
        return Listing(
            "users",
            "graph_users.*",
            "graph_users WHERE tenant = ?",
            [access.tenant],
            "position",
            _user,
            properties=USER_PROPERTIES,
        )

    def _groups_listing(self, access: Access) -> Listing:
        self._require(access, *READ_GROUPS)
        return Listing(
            "groups",
            "graph_groups.*",
            "graph_groups WHERE tenant = ?",
            [access.tenant],
            "position",
            _group,
            properties=GROUP_PROPERTIES,
        )

    def _users(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._list(call, self._users_listing(access), (USER_ALL, USER_DEFAULT))

    def _users_count(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._count(call, self._users_listing(access))

    def _groups(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._list(call, self._groups_listing(access), (GROUP_ALL, GROUP_DEFAULT))

    def _groups_count(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._count(call, self._groups_listing(access))

    # ---- delta queries

    def _users_delta(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_USERS)
        return self._delta(call, access, "user", USER_ALL, USER_DEFAULT, _user)

    def _groups_delta(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_GROUPS)
        return self._delta(call, access, "group", GROUP_ALL, GROUP_DEFAULT, _group)

    def _delta(
        self, call: Call, access: Access, kind: str, known: dict[str, Any], default: tuple[str, ...],
        shown: Callable[[Any], dict[str, Any]],
    ) -> Answer:  # fmt: skip
        # Microsoft's own pages write both $deltatoken and $deltaToken.
        query = {name.lower(): value for name, value in call.query.items()}
        prefer = call.headers.get("prefer", "")
        token = query.get("$skiptoken") or query.get("$deltatoken")
        if token and token.lower() != "latest":
            try:
                round_ = self.delta.read(token, kind, access.tenant, resumed=bool(query.get("$skiptoken")))
            except StaleToken as problem:
                raise _stale(call.base_url, kind, problem.round) from problem
        else:
            round_ = self._first_round(query, access, kind, known)
        largest = min(self.switches.page_size or LARGEST_PAGE, LARGEST_PAGE)
        preferred = _PAGE_SIZE.search(prefer)
        size = max(1, min(largest, int(preferred[1]) if preferred else DEFAULT_PAGE))
        changes: list[Change] = []
        following: Round | None = None
        if not token or token.lower() != "latest":
            changes, following = self.delta.page(round_, size, self.switches.graph_delta_members or NO_LIMIT)
            for change in changes:
                if kind == "group" and change.row is not None and _hides_members(change.row):
                    change.members = change.members if access.may(READ_HIDDEN) else []
        selected = {"id", *(default if round_.selected is None else round_.selected.split(","))}
        minimal = "return=minimal" in prefer.lower()
        context = f"{call.base_url}/graph/v1.0/$metadata#{kind}s"
        if round_.selected is not None:
            context += f"({round_.selected})"
        result: dict[str, Any] = {"@odata.context": context}
        if following is not None:
            result["@odata.nextLink"] = self._delta_link(call.base_url, following, "$skiptoken")
        else:
            result["@odata.deltaLink"] = self._delta_link(call.base_url, self.delta.finished(round_), "$deltatoken")
        result["value"] = [_changed(change, shown, selected, minimal) for change in changes]
        applied = [f"odata.maxpagesize={size}"] if preferred else []
        applied += ["return=minimal"] if minimal else []
        headers = [("Preference-Applied", ", ".join(applied))] if applied else []
        return json_answer(200, result, LIST_TYPE, headers)

    def _first_round(self, query: dict[str, str], access: Access, kind: str, known: dict[str, Any]) -> Round:
        """Check what a client asks for in its first request; from then on it is kept in the token."""
        supported = {"$select", "$expand", "$filter", "$deltatoken", "$skiptoken"}
        refused = sorted(name for name in query if name.startswith("$") and name not in supported)
        if refused:
            raise GraphError(
                400, "Request_UnsupportedQuery", f"The query option '{refused[0]}' is not supported for delta queries."
            )
        names = {**known, "members": None} if kind == "group" else known
        chosen = _selection(query.get("$select"), (names, ()))
        # Without a selection everything is followed, members too.
        selected = ",".join(sorted(chosen or ())) if (query.get("$select") or "").strip() else None
        members = kind == "group" and (selected is None or "members" in (chosen or set()))
        expand = (query.get("$expand") or "").strip()
        if expand:
            if kind != "group" or expand.lower() != "members":
                raise GraphError(
                    400, "Request_UnsupportedQuery", f"Expanding '{expand}' is not supported for delta queries."
                )
            members = True
        ids: tuple[str, ...] = ()
        if query.get("$filter"):
            terms = [_ID_FILTER.fullmatch(term.strip()) for term in re.split(r"\s+or\s+", query["$filter"])]
            ids = tuple(term[1] for term in terms if term is not None)
            if len(ids) < len(terms) or len(ids) > LARGEST_ID_FILTER:
                raise GraphError(
                    400,
                    "Request_UnsupportedQuery",
                    f"Delta queries are filtered by id only, with at most {LARGEST_ID_FILTER} ids joined by 'or'.",
                )
        return self.delta.begin(kind, access.tenant, selected=selected, members=members, ids=ids)

    def _delta_link(self, base_url: str, round_: Round, option: str) -> str:
        return f"{base_url}/graph/v1.0/{round_.kind}s/delta?{option}={self.delta.write(round_)}"

    def emptied(self, call: Call, answer: Answer) -> Answer:
        """Empty a list, as if the tenant had no users and no groups; ``path`` is relative to /graph."""
        if answer.status != 200 or not answer.body.startswith(b"{"):
            return answer
        document = json.loads(answer.body)
        if not isinstance(document.get("value"), list):
            return answer
        document["value"] = []
        if "@odata.count" in document:
            document["@odata.count"] = 0
        link = document.pop("@odata.nextLink", None)
        found = _DELTA.fullmatch(call.path.removeprefix("/v1.0"))
        if link and found:
            # A delta query ends with a link to continue with, also when it has no changes.
            kind = found[1].lower().removesuffix("s")
            tenant = self.tokens.check(call.headers["authorization"].partition(" ")[2].strip()).tenant
            round_ = self.delta.read(link.partition("$skiptoken=")[2], kind, tenant, resumed=True)
            document["@odata.deltaLink"] = self._delta_link(call.base_url, self.delta.finished(round_), "$deltatoken")
        return json_answer(200, document, answer.media_type, answer.headers)

    def _one(self, call: Call, context: str, row: Any, shown: Callable[[Any], dict[str, Any]], names: Any) -> Answer:
        selected = _selection(call.query.get("$select"), names)
        if call.query.get("$select"):
            context += f"({call.query['$select']})"
        result = {
            "@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}/$entity",
            **_select(shown(row), selected),
        }
        return json_answer(200, result)

    def _visible(self, table: str, row: Any, id_: str) -> Any:
        """Return a row, unless it is so new that this replica does not have it yet."""
        if row is None:
            raise not_found(id_)
        if row["lag"] > 0:
            self.store.run(f"UPDATE {table} SET lag = lag - 1 WHERE position = ?", (row["position"],))
            raise not_found(id_)
        return row

    def _user(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_USERS)
        row = self.store.one(
            "SELECT * FROM graph_users WHERE tenant = ? AND (id = ? OR upn_key = ?)",
            (access.tenant, names["id"], names["id"].lower()),
        )
        return self._one(call, "users", self._visible("graph_users", row, names["id"]), _user, (USER_ALL, USER_DEFAULT))

    def _find_group(self, access: Access, id_: str) -> Any:
        self._require(access, *READ_GROUPS)
        row = self.store.one("SELECT * FROM graph_groups WHERE tenant = ? AND id = ?", (access.tenant, id_))
        return self._visible("graph_groups", row, id_)

    def _group(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._one(call, "groups", self._find_group(access, names["id"]), _group, (GROUP_ALL, GROUP_DEFAULT))

    # ---- members

    def _members_listing(
        self, access: Access, group: Any, *, transitive: bool, cast: str, relation: str = "member"
    ) -> Listing:
        kind = {"": "", "microsoft.graph.user": "user", "microsoft.graph.group": "group"}.get(cast.lower())
        unified = "Unified" in json.loads(group["group_types"])
        if kind is None or (kind == "group" and unified):
            # A Microsoft 365 group holds users only.
            raise GraphError(
                400, "Request_UnsupportedQuery", f"The specified type '{cast}' is not supported for this query."
            )
        hidden = _hides_members(group) and not access.may(READ_HIDDEN)
        bare = self.switches.graph_null_members or (hidden and self.switches.graph_hidden_members == "nulls")
        shown_user = _nameless if bare or not access.may(*READ_USERS) else _user
        shown_group = _nameless if bare else _group
        prefix = _TRANSITIVE if transitive else ""
        if transitive:
            base, values = "inside AS link", [group["position"]]
            condition, position, order = "1 = 1", "link.position", "link.position"
        else:
            base, values = "graph_members AS link", [group["position"], relation]
            condition, position, order = (
                "link.group_position = ? AND link.relation = ?",
                "link.member_position",
                "link.position",
            )
        if hidden and not bare:
            condition = f"{condition} AND 1 = 0"
        if kind:
            table = f"graph_{kind}s"
            # The twin checks the kind in the query, so a position is unambiguous.
            return Listing(
                "users" if kind == "user" else "groups",
                f"{table}.*",
                f"{base} JOIN {table} ON {table}.position = {position} WHERE {condition} AND link.kind = '{kind}'",
                list(values),
                order,
                shown_user if kind == "user" else shown_group,
                prefix,
                _qualified(USER_PROPERTIES if kind == "user" else GROUP_PROPERTIES, table),
                cast=True,
            )
        if transitive:
            # Users and groups count positions separately; even and odd keeps them apart and in a fixed order.
            order = "(link.position * 2 + (link.kind = 'group'))"

        def shown(row: Any) -> dict[str, Any]:
            table = "graph_users" if row["member_kind"] == "user" else "graph_groups"
            found = self.store.one(f"SELECT * FROM {table} WHERE position = ?", (row["member"],))
            show = shown_user if row["member_kind"] == "user" else shown_group
            return {"@odata.type": f"#microsoft.graph.{row['member_kind']}", **show(found)}

        return Listing(
            "directoryObjects",
            f"link.kind AS member_kind, {position} AS member",
            f"{base} WHERE {condition}",
            list(values),
            order,
            shown,
            prefix,
        )

    def _members_answer(
        self, call: Call, access: Access, names: dict[str, str], *, transitive: bool = False, relation: str = "member"
    ) -> Answer:
        group = self._find_group(access, names["id"])
        listing = self._members_listing(
            access, group, transitive=transitive, cast=names.get("cast", ""), relation=relation
        )
        known = {"users": (USER_ALL, USER_DEFAULT), "groups": (GROUP_ALL, GROUP_DEFAULT)}.get(listing.context)
        return self._list(call, listing, known)

    def _members(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._members_answer(call, access, names)

    def _members_cast(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._members_answer(call, access, names)

    def _members_count(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        group = self._find_group(access, names["id"])
        return self._count(call, self._members_listing(access, group, transitive=False, cast=""))

    def _transitive_members(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._members_answer(call, access, names, transitive=True)

    def _transitive_members_cast(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._members_answer(call, access, names, transitive=True)

    def _owners(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._members_answer(call, access, names, relation="owner")

    # ---- the organization

    def _organization_document(self, tenant: str) -> dict[str, Any]:
        row = self.store.one("SELECT * FROM tenants WHERE id = ?", (tenant,))
        if row is None:
            raise not_found(tenant)
        return {
            "id": row["id"],
            "displayName": row["display_name"],
            "tenantType": "AAD",
            "verifiedDomains": [
                {
                    "capabilities": "Email, OfficeCommunicationsOnline",
                    "isDefault": bool(domain["is_default"]),
                    "isInitial": bool(domain["is_initial"]),
                    "name": domain["name"],
                    "type": "Managed",
                }
                for domain in self._domain_rows(tenant)
            ],
        }

    def _domain_rows(self, tenant: str) -> list[Any]:
        return self.store.all("SELECT * FROM domains WHERE tenant = ? ORDER BY is_default DESC, name", (tenant,))

    def _organization(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_ORGANIZATION)
        return _whole_list(call, "organization", [self._organization_document(access.tenant)])

    def _organization_one(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_ORGANIZATION)
        if names["id"].lower() != access.tenant:
            raise not_found(names["id"])
        document = self._organization_document(access.tenant)
        context = f"{call.base_url}/graph/v1.0/$metadata#organization/$entity"
        return json_answer(200, {"@odata.context": context, **_select(document, _plain_selection(call, document))})

    def _domain_document(self, row: Any) -> dict[str, Any]:
        return {
            "authenticationType": "Managed",
            "id": row["name"],
            "isAdminManaged": True,
            "isDefault": bool(row["is_default"]),
            "isInitial": bool(row["is_initial"]),
            "isRoot": True,
            "isVerified": True,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        }

    def _domains(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_DOMAINS)
        return _whole_list(call, "domains", [self._domain_document(row) for row in self._domain_rows(access.tenant)])

    def _domain(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_DOMAINS)
        row = self.store.one(
            "SELECT * FROM domains WHERE tenant = ? AND name = ?", (access.tenant, names["id"].lower())
        )
        if row is None:
            raise not_found(names["id"])
        context = f"{call.base_url}/graph/v1.0/$metadata#domains/$entity"
        return json_answer(200, {"@odata.context": context, **self._domain_document(row)})

    def _directory_roles(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        self._require(access, *READ_ROLES)
        rows = self.store.all("SELECT * FROM directory_roles WHERE tenant = ? ORDER BY position", (access.tenant,))
        return _whole_list(
            call,
            "directoryRoles",
            [
                {
                    "id": row["id"],
                    "displayName": row["display_name"],
                    "roleTemplateId": row["template_id"],
                    "deletedDateTime": None,
                }
                for row in rows
            ],
        )

    def _directory_role_members(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        match = _ROLE.fullmatch(names["directory_role"])
        if match is None:
            raise GraphError(400, "BadRequest", f"Resource not found for the segment '{names['directory_role']}'.")
        column = "template_id" if match[1] else "id"
        return self._role_members(call, access, column, match[1] or match[2], names.get("cast", ""))

    def _directory_role_members_by_id(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        return self._role_members(call, access, "id", names["directory_role"], names.get("cast", ""))

    _directory_role_members_cast = _directory_role_members
    _directory_role_members_by_id_cast = _directory_role_members_by_id

    def _role_members(self, call: Call, access: Access, column: str, value: str, cast: str) -> Answer:
        self._require(access, *READ_ROLES)
        role = self.store.one(
            f"SELECT * FROM directory_roles WHERE tenant = ? AND {column} = ?", (access.tenant, value.lower())
        )
        if role is None:
            # Graph has a role only after it was assigned for the first time.
            raise not_found(value)
        kind = cast.lower().removeprefix("microsoft.graph.")
        if cast and kind not in ("user", "group", "serviceprincipal"):
            raise GraphError(
                400, "Request_UnsupportedQuery", f"The specified type '{cast}' is not supported for this query."
            )
        bare = self.switches.graph_null_members or not access.may(*READ_USERS)
        # Only users hold a role here, so the other casts find nothing.
        nothing = " AND 1 = 0" if cast and kind != "user" else ""
        type_ = {} if cast else {"@odata.type": "#microsoft.graph.user"}
        return self._list(
            call,
            Listing(
                "users" if cast else "directoryObjects",
                "graph_users.*",
                "role_members AS link JOIN graph_users ON graph_users.position = link.user_position WHERE"
                f" link.role_position = ?{nothing}",
                [role["position"]],
                "link.position",
                lambda row: {**type_, **(_nameless(row) if bare else _user(row))},
                properties=_qualified(USER_PROPERTIES, "graph_users") if cast else None,
                cast=bool(cast),
            ),
            (USER_ALL, USER_DEFAULT) if cast else None,
        )

    # ---- batch

    def _batch(self, call: Call, access: Access, names: dict[str, str]) -> Answer:
        body = call.json()
        requests = body.get("requests") if isinstance(body, dict) else None
        if not isinstance(requests, list) or not requests:
            raise GraphError(400, "BadRequest", "Invalid batch payload format.")
        if len(requests) > LARGEST_BATCH:
            raise GraphError(
                400, "BadRequest", f"Number of batch request steps exceeds the maximum value of {LARGEST_BATCH}."
            )
        ids = [str(item.get("id")) for item in requests if isinstance(item, dict) and item.get("id")]
        if len(set(ids)) != len(requests):
            raise GraphError(400, "BadRequest", "Every batch request step needs an id of its own.")
        failed: set[str] = set()
        responses = []
        for item in requests:
            if any(str(before) in failed for before in item.get("dependsOn") or []):
                answer = graph_error(
                    GraphError(424, "FailedDependency", "The request failed because it depended on another."), ""
                )
            else:
                answer = self._step(call, item)
            if answer.status >= 400:
                failed.add(str(item["id"]))
            response: dict[str, Any] = {
                "id": str(item["id"]),
                "status": answer.status,
                "headers": {"Content-Type": answer.media_type, **dict(answer.headers)},
            }
            if answer.body:
                try:
                    response["body"] = json.loads(answer.body)
                except ValueError:
                    response["body"] = base64.b64encode(answer.body).decode()
            responses.append(response)
        return json_answer(200, {"responses": responses})

    def _step(self, call: Call, item: dict[str, Any]) -> Answer:
        parts = urlsplit(str(item.get("url") or ""))
        method = str(item.get("method") or "").upper()
        path = "/v1.0/" + parts.path.lstrip("/")
        if path == "/v1.0/$batch":
            return graph_error(GraphError(400, "BadRequest", "A batch holds no batch."), "")
        rule = self.faults.pick("graph", method, f"/graph{path}", parts.query, inner=True)
        if rule is not None and rule.action != "empty":
            return fault_answer(rule, call.base_url, path)
        headers = {name.lower(): str(value) for name, value in (item.get("headers") or {}).items()}
        headers.setdefault("authorization", call.headers.get("authorization", ""))
        body = b"" if item.get("body") is None else json.dumps(item["body"]).encode()
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        inner = Call(method, unquote(path), query, headers, body, call.base_url, parts.query, inner=True)
        answer = self.answer(inner)
        if isinstance(answer, Deferred):
            return graph_error(GraphError(400, "BadRequest", "This request cannot be an item of a batch here."), "")
        return answer if rule is None else self.emptied(inner, answer)


def graph_error(problem: GraphError, request_id: str) -> Answer:
    """Answer with an error in Graph's shape."""
    inner = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        "request-id": request_id,
        "client-request-id": request_id,
    }
    body = {"error": {"code": problem.code, "message": problem.sentence, "innerError": inner}}
    return json_answer(problem.status, body, headers=list(problem.headers))


def _stale(base_url: str, kind: str, found: Round | None) -> GraphError:
    """Refuse a token, and name the link of a full read; a token that can still be read keeps its selection."""
    link = f"{base_url}/graph/v1.0/{kind}s/delta?$deltatoken="
    if found is not None and found.selected is not None:
        selected = found.selected.split(",")
        link += (
            f"&$select={','.join([*selected, *(['members'] if found.members and 'members' not in selected else [])])}"
        )
    return GraphError(410, "syncStateNotFound", STALE, [("Location", link)])


def fault_answer(rule: Rule, base_url: str, path: str) -> Answer:
    """Answer as a fault says, in Graph's shape; ``path`` is relative to /graph."""
    if rule.action == "html":
        return html_answer(rule.status or 503, "The service is unavailable.")
    if rule.action == "expired_token":
        return graph_error(
            GraphError(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid."), ""
        )
    if rule.action == "expired_delta":
        if rule.status == 400:
            return graph_error(GraphError(400, "syncStateNotFound", STALE), "")
        found = _DELTA.search(path)
        return graph_error(_stale(base_url, found[1].lower().removesuffix("s") if found else "user", None), "")
    if rule.action == "concurrency":
        return graph_error(GraphError(rule.status or 409, "Directory_ConcurrencyViolation", _CONCURRENT), "")
    status = rule.status or 500
    code = {
        429: "TooManyRequests",
        503: "ServiceUnavailable",
        504: "GatewayTimeout",
        404: "Request_ResourceNotFound",
    }.get(status, "InternalServerError" if status >= 500 else "Request_BadRequest")
    headers = [("Retry-After", str(rule.retry_after))] if rule.retry_after is not None else []
    answer = graph_error(GraphError(status, code, "The request was refused on purpose.", headers), "")
    if rule.body is not None:
        answer.body = rule.body.encode() if isinstance(rule.body, str) else json.dumps(rule.body).encode()
    return answer


def _changed(
    change: Change, shown: Callable[[Any], dict[str, Any]], selected: set[str], minimal: bool
) -> dict[str, Any]:
    """Show one object of a delta query."""
    if change.row is None:
        return {"id": change.id, "@removed": {"reason": change.reason}}
    changed = change.properties or set()
    new = change.properties is None or EVERYTHING in changed
    # A property that was never set is left out; one that has become empty is null.
    document = {
        name: value
        for name, value in shown(change.row).items()
        if name == "id" or (name in selected and (name in changed or (value is not None and (new or not minimal))))
    }
    if change.members:
        document["members@delta"] = [
            {
                "@odata.type": f"#microsoft.graph.{type_}",
                "id": id_,
                **({} if there else {"@removed": {"reason": "deleted"}}),
            }
            for type_, id_, there in change.members
        ]
    return document


def _user(row: Any) -> dict[str, Any]:
    return {
        "businessPhones": json.loads(row["business_phones"]),
        "displayName": row["display_name"],
        "givenName": row["given_name"],
        "jobTitle": row["job_title"],
        "department": row["department"],
        "mobilePhone": row["mobile_phone"],
        "preferredLanguage": row["preferred_language"],
        "mail": row["mail"],
        "surname": row["surname"],
        "userPrincipalName": row["upn"],
        "id": row["id"],
        "accountEnabled": bool(row["account_enabled"]),
        "userType": row["user_type"],
        "assignedLicenses": json.loads(row["assigned_licenses"]),
        "mailNickname": row["upn"].partition("@")[0],
        "proxyAddresses": [f"SMTP:{row['mail']}"] if row["mail"] else [],
        **USER_EMPTY,
    }


def _group(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "description": row["description"],
        "displayName": row["display_name"],
        "groupTypes": json.loads(row["group_types"]),
        "mail": row["mail"],
        "mailEnabled": bool(row["mail_enabled"]),
        "mailNickname": re.sub(r"\W", "", row["display_name"]),
        "proxyAddresses": [f"SMTP:{row['mail']}"] if row["mail"] else [],
        "securityEnabled": bool(row["security_enabled"]),
        "visibility": row["visibility"],
        **GROUP_EMPTY,
    }


def _hides_members(row: Any) -> bool:
    return (row["visibility"] or "").lower() == "hiddenmembership"


def _nameless(row: Any) -> dict[str, Any]:
    """What an application without the permission to read the member gets: an id and nulls."""
    document = _user(row) if "upn" in tuple(row.keys()) else _group(row)
    return {name: value if name == "id" else None for name, value in document.items()}


USER_ALL = {
    **dict.fromkeys(USER_DEFAULT), **USER_EMPTY,
    **dict.fromkeys(("accountEnabled", "userType", "assignedLicenses", "mailNickname", "proxyAddresses", "department")),
}  # fmt: skip
GROUP_ALL = {**dict.fromkeys(GROUP_DEFAULT), **GROUP_EMPTY}


def _selection(select: str | None, names: tuple[dict[str, Any], tuple[str, ...]] | None) -> set[str] | None:
    """Return the properties to show, or None for all that there are."""
    if select is None or not select.strip():
        return set(names[1]) if names else None
    wanted = [name.strip() for name in select.split(",") if name.strip()]
    known = {name.lower(): name for name in (names[0] if names else {**USER_ALL, **GROUP_ALL})}
    result = {"id"}
    for name in wanted:
        if name.lower() not in known:
            raise GraphError(
                400,
                "BadRequest",
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on the type.",
            )
        result.add(known[name.lower()])
    return result


def _select(document: dict[str, Any], selected: set[str] | None) -> dict[str, Any]:
    if selected is None:
        # A directory object shows what its own type shows by default.
        kind = document.get("@odata.type")
        default = {"#microsoft.graph.user": USER_DEFAULT, "#microsoft.graph.group": GROUP_DEFAULT}.get(str(kind))
        if default is None:
            return document
        selected = set(default)
    return {name: value for name, value in document.items() if name in selected or name == "@odata.type"}


def _plain_selection(call: Call, document: dict[str, Any]) -> set[str] | None:
    select = call.query.get("$select")
    if not select:
        return None
    return {"id", *(name.strip() for name in select.split(",") if name.strip() in document)}


def _whole_list(call: Call, context: str, documents: list[dict[str, Any]]) -> Answer:
    """Answer with a list that is never longer than a page."""
    value = [_select(document, _plain_selection(call, document)) for document in documents]
    return json_answer(200, {"@odata.context": f"{call.base_url}/graph/v1.0/$metadata#{context}", "value": value})


def _qualified(properties: dict[str, Property], table: str) -> dict[str, Property]:
    """Name the table in every column, because a join has two ids."""
    return {
        name: Property(re.sub(r"\b(?!lower\b)([a-z_]+)\b(?!\()", rf"{table}.\1", found.sql), found.kind)
        for name, found in properties.items()
    }


def _skip_token(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("after:"))
    except ValueError:
        raise GraphError(
            400,
            "Directory_ExpiredPageToken",
            "The specified page token value has expired and can no longer be included in your request.",
        ) from None
