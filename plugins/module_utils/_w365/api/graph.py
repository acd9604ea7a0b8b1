# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of Microsoft Graph v1.0, for reading users and groups (contract: entra-graph.md; S)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ..errors import (
    AnswerError,
    AuthenticationError,
    InputError,
    NotFoundError,
    StaleDeltaError,
    ValidationError,
    W365Error,
)
from ..model.import_scope import TEXT_PROPERTIES
from ..model.names import comparison_key, is_path_segment
from ..transport.http import TRIES, Answer, Http, checked_root, retry_after
from .client import NO_BODY, ServiceClient
from .endpoint import Endpoint
from .values import OddValueError, identifier, record, reports_error, shown, total_of, whole_number

if TYPE_CHECKING:
    from .entra_tokens import TokenSource


PAGE = 999
"""The maximum page size of Graph for users, groups and members."""

BATCH = 20
"""The maximum number of requests in one batch."""

FILTER_VALUES = 15
"""The maximum number of values of the operator `in` of a filter."""

PAGES = 10_000
"""The maximum of one listing, ten million objects: a server whose pages never end is refused."""

LINK_LIMIT = 16_384
"""Characters of a link: no server reads a longer address."""

EMPTY_PAGES = 1000
"""How many pages in a row may bring nothing new: Graph may filter pages until they are empty, but not without end."""

LISTING_PAUSES = (1.0, 4.0)
"""Seconds before a listing is read again that has fewer objects than Graph counted."""

GLOBAL_ADMINISTRATORS = "62e90394-69f5-4237-9190-012177145e10"
"""The template of the role Global Administrator, the same in every tenant."""

USER_PROPERTIES = (
    "id",
    "userPrincipalName",
    "mail",
    "givenName",
    "surname",
    "displayName",
    "accountEnabled",
    "userType",
)
"""The properties of a user that an import always needs."""

GROUP_SELECT = "id,displayName,description,mailEnabled,securityEnabled,groupTypes,visibility"


# Casts work only with these (contract: Reading people and groups).
_ADVANCED_HEADERS = {"ConsistencyLevel": "eventual"}

_ADVANCED_QUERY = {"$count": "true"}


class GraphClient(ServiceClient):
    """Reads a Microsoft tenant with an application's token. `root` is the cloud's root, without /v1.0."""

    service = "Microsoft Graph"
    address = "graph_url"

    def __init__(self, http: Http, *, root: str, tokens: TokenSource, endpoints: Mapping[str, Endpoint]) -> None:
        super().__init__(http, checked_root(root, "graph_url") + "/v1.0", endpoints)
        self._tokens = tokens

    def _own_headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._tokens.token()}"}

    def _url(self, path: str) -> str:
        """Also of a link, which is a whole address."""
        return path if path.startswith("https://") else super()._url(path)

    def send(self, method: str, path: str, **parts: Any) -> Answer:
        """One call with a token; a token that is refused is renewed once."""
        answer = super().send(method, path, **parts)
        if answer.status != 401:
            return answer
        self._tokens.forget()
        return super().send(method, path, **parts)

    def call(
        self,
        endpoint_id: str,
        *,
        object_id: str = "",
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        url: str = "",
        body: Any = NO_BODY,
    ) -> Mapping[str, Any]:
        endpoint = self._endpoints[endpoint_id]
        path = url or self.path_of(endpoint_id, object_id)
        answer = self.send(
            endpoint.method, path, repeatable=endpoint.repeatable, query=query, headers=headers, body=body
        )
        shown_path = urlsplit(path).path if url else path
        if not answer.ok:
            raise self._refusal(answer, endpoint, shown_path)
        content = self.decoded(answer, endpoint, shown_path)
        if not isinstance(content, Mapping):
            raise self.unreliable(endpoint_id, f"{shown(content)}, which is not a JSON object", path=shown_path)
        if reports_error(content):
            what = f"an error with the status of a success: {self._server_message(answer)}"
            raise self.unreliable(endpoint_id, what, path=shown_path)
        return content

    def _refusal(self, answer: Answer, endpoint: Endpoint, path: str) -> W365Error:
        if answer.status == 401:
            return AuthenticationError(
                f"Microsoft Graph refused the token (HTTP 401, {endpoint.method} {path}): {self._server_message(answer)}. A new "
                "token was refused too: check that graph_url and entra_cloud are those of the tenant."
            )
        if answer.status == 403:
            return AuthenticationError(
                f"Microsoft Graph refused the request (HTTP 403, {endpoint.method} {path}): "
                f"{self._server_message(answer)}. The app registration needs the application permission "
                f"{PERMISSIONS[endpoint.id]}, with admin consent in this tenant."
            )
        return self._error(answer, endpoint, path)

    def _checked_link(self, link: Any, endpoint_id: str, seen: set[str] | None = None) -> str:
        """A link of Graph, unchanged. Raises UnreliableAnswerError for one to another host, or that was followed before."""
        try:
            here = isinstance(link, str) and urlsplit(link)[:2] == urlsplit(self.root)[:2] and link.isprintable()
        except ValueError:
            here = False
        if not here:
            if isinstance(link, str) and link[:5].lower() == "http:":
                raise self.unreliable(endpoint_id, "a link to the next page that begins with http://, not https://")
            what = "the next page is on another host, to which the token must not be sent"
            raise self.unreliable(endpoint_id, what if isinstance(link, str) else f"a link that is {shown(link)}")
        if seen is not None:
            if link in seen:
                raise self.unreliable(
                    endpoint_id, f"a link to a page that it had linked before, after {len(seen)} pages", listing=True
                )
            if len(seen) >= PAGES or len(link) > LINK_LIMIT:
                what = f"more than {PAGES} pages" if len(seen) >= PAGES else f"a link of {len(link)} characters"
                raise self.unreliable(endpoint_id, what, listing=True)
            seen.add(link)
        return str(link)

    def _items(self, endpoint_id: str, page: Any, path: str = "") -> list[Mapping[str, Any]]:
        """The items of a page, checked. Raises UnreliableAnswerError unless it has a list of objects that can be identified."""
        try:
            if isinstance(page, Mapping) and "value" not in page:
                names = ", ".join(sorted(map(str, page))[:5]) or "nothing"
                raise OddValueError(f"an object without 'value', with {names}")
            value = page["value"] if isinstance(page, Mapping) else page
            if not isinstance(page, Mapping) or not isinstance(value, list):
                raise OddValueError(f"a value that is {shown(value)} and not a list")
            for item in value:
                check_item(endpoint_id, item)
        except OddValueError as error:
            raise self.unreliable(endpoint_id, error, path=path, listing=True) from None
        return value

    def pages(
        self, endpoint_id: str, *, object_id: str = "", query: Mapping[str, Any] | None = None, advanced: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        """Every item of a listing; the link to the next page is used unchanged.

        An `advanced` one is counted by Graph. It is a generator that begins when all items have come.
        """
        if advanced:
            yield from self._counted(endpoint_id, object_id, query)
        else:
            for items, _count in self._read_pages(endpoint_id, object_id, query):
                yield from items

    def _counted(
        self, endpoint_id: str, object_id: str, query: Mapping[str, Any] | None
    ) -> Sequence[Mapping[str, Any]]:
        """Every item of a listing that Graph counts. Raises UnreliableAnswerError when fewer came.

        The index that counts lags, and may count members of other kinds: the plain list of members, which does not come
        from it, decides first. Otherwise the listing is read again, after a pause.
        """
        for pause in (*LISTING_PAUSES, None):
            found: dict[str, Mapping[str, Any]] = {}
            count = 0
            for at, (items, counted) in enumerate(self._read_pages(endpoint_id, object_id, query, advanced=True)):
                found.update((str(item["id"]), item) for item in items)
                count = counted if at == 0 else count
            if len(found) >= count or self._counts_others(endpoint_id, object_id, found.keys(), count):
                return list(found.values())
            if pause is not None:
                self._http.pause(pause, "Microsoft Graph returned fewer objects than it counted")
        what = f"{len(found)} objects, counted {count}, and linked no further page"
        path = self.path_of(endpoint_id, object_id)
        raise self.unreliable(endpoint_id, what, path=path, listing=True)

    def _counts_others(self, endpoint_id: str, group_id: str, ids: Collection[str], count: int) -> bool:
        """Whether the plain list of a group's members accounts for the count, and has nobody of this kind who is missing."""
        kind = _CASTS.get(endpoint_id)
        if kind is None:
            return False
        try:
            members = self.members_of([group_id])[group_id]
        except AnswerError:
            return False
        same = {str(member["id"]) for member in members if _is_a(member, kind)}
        return len({str(member["id"]) for member in members}) >= count and same <= set(ids)

    def _read_pages(
        self, endpoint_id: str, object_id: str, query: Mapping[str, Any] | None, *, advanced: bool = False
    ) -> Iterator[tuple[Sequence[Mapping[str, Any]], int]]:
        """The items of each page, and the number of all items that it names (0 where it names none)."""
        headers = _ADVANCED_HEADERS if advanced else None
        first = {"$top": PAGE, **(query or {}), **(_ADVANCED_QUERY if advanced else {})}
        page = self.call(endpoint_id, object_id=object_id, query=first, headers=headers)
        links = _Links(self, endpoint_id)
        path = self.path_of(endpoint_id, object_id)
        while True:
            items = self._items(endpoint_id, page, path)
            yield items, whole_number(page.get("@odata.count")) or 0
            link = links.following(page, items)
            if not link:
                return
            page = self.call(endpoint_id, headers=headers, url=link)

    def users(self, properties: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """Every user, with these properties in addition to USER_PROPERTIES."""
        for user in self.pages("graph.users", query={"$select": user_select(properties)}):
            if not user.get("userPrincipalName"):
                what = f"a user without a userPrincipalName (id {user['id']!r})"
                raise self.unreliable("graph.users", what, listing=True)
            yield user

    def existing_users(self, ids: Sequence[str]) -> frozenset[str]:
        """The ids that are users of the tenant. Deleted users are not, even while they can be restored."""
        found: set[str] = set()
        for start in range(0, len(ids), FILTER_VALUES):
            values = ",".join(f"'{id}'" for id in ids[start : start + FILTER_VALUES])
            query = {"$filter": f"id in ({values})", "$select": "id"}
            found |= {str(user["id"]) for user in self.pages("graph.users", query=query)}
        if not found <= {id.lower() for id in ids}.union(ids):
            # It ignores the filter, so that who is missing may exist nevertheless.
            raise self.unreliable("graph.users", "users that were not asked for", listing=True)
        return frozenset(found)

    def existing_upns(self, upns: Sequence[str]) -> frozenset[str]:
        """The comparison keys of those UPNs that users of the tenant have."""
        return frozenset(comparison_key(str(user["userPrincipalName"])) for user in self.users_by_upn(upns))

    def users_by_upn(self, upns: Sequence[str], more: str = "") -> Iterator[Mapping[str, Any]]:
        """The users with these UPNs: id and userPrincipalName, and `more` properties (",name")."""
        for start in range(0, len(upns), FILTER_VALUES):
            values = ",".join("'{}'".format(upn.replace("'", "''")) for upn in upns[start : start + FILTER_VALUES])
            query = {"$filter": f"userPrincipalName in ({values})", "$select": f"id,userPrincipalName{more}"}
            yield from self.pages("graph.users", query=query)

    def groups(self) -> Iterator[Mapping[str, Any]]:
        return self.pages("graph.groups", query={"$select": GROUP_SELECT})

    def find_group(self, name_or_id: str) -> Mapping[str, Any]:
        """The one group with this name or id. Raises InputError when there is none, or more than one of the name."""
        literal = name_or_id.replace("'", "''")
        found = [
            group
            for group in self.pages(
                "graph.groups", query={"$filter": f"displayName eq '{literal}'", "$select": GROUP_SELECT}
            )
            if comparison_key(str(group.get("displayName") or "")) == comparison_key(name_or_id)
        ]
        group = the_one_group(name_or_id, found)
        if group is not None:
            return group
        if not is_path_segment(name_or_id):
            raise UnknownGroupError(name_or_id)
        try:
            found_by_id = self.call("graph.group", object_id=name_or_id, query={"$select": GROUP_SELECT})
        except (NotFoundError, ValidationError):
            raise UnknownGroupError(name_or_id) from None
        try:
            check_item("graph.group", found_by_id)
            if str(found_by_id["id"]).lower() != name_or_id.lower():
                raise OddValueError(f"group {found_by_id['id']!r} for {name_or_id!r}")
        except OddValueError as error:
            raise self.unreliable("graph.group", error, path=self.path_of("graph.group", name_or_id)) from None
        return found_by_id

    def group_users(self, group_id: str, properties: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """The users that are direct members. Raises AuthenticationError for members that Graph hides.

        With too few permissions they have an id and null values, without an error (contract).
        """
        query = {"$select": user_select(properties)}
        for user in self.pages("graph.group.users", object_id=group_id, query=query, advanced=True):
            if not user.get("userPrincipalName"):
                raise AuthenticationError(
                    f"Microsoft Graph lists the members of group {group_id} without their properties: the app registration lacks "
                    f"the application permission {PERMISSIONS['graph.users']}, or Member.Read.Hidden where the group hides its "
                    "members, with admin consent in this tenant."
                )
            yield user

    def nested_groups(self, group_id: str) -> list[Mapping[str, Any]]:
        """The groups that are direct members; none for a kind of group that cannot contain groups."""
        try:
            return list(
                self.pages(
                    "graph.group.groups",
                    object_id=group_id,
                    query={"$select": "id,displayName,visibility"},
                    advanced=True,
                )
            )
        except ValidationError as error:
            # A cast to a type that the group cannot contain (contract).
            if "Request_UnsupportedQuery" in error.server_message:
                return []
            raise

    def members_of(self, group_ids: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
        """The direct members of many groups, as objects with an id and a type, by group."""
        query = {"$select": "id", "$top": PAGE}
        found = self.batch([("graph.group.members", group_id, query) for group_id in group_ids])
        return dict(zip(group_ids, found, strict=True))

    def global_administrators(self) -> frozenset[str]:
        """The ids of the users who are Global Administrators; none when the role was never assigned.

        A group may have the role too: then all its members do, also those of nested groups.
        """
        try:
            members = list(
                self.pages("graph.role.members", object_id=GLOBAL_ADMINISTRATORS, query={"$top": None, "$select": "id"})
            )
        except NotFoundError:
            return frozenset()
        people: set[str] = set()
        seen: set[str] = set()
        while members:
            people |= {str(member["id"]) for member in members if _is_a(member, "user")}
            groups = {str(member["id"]) for member in members if _is_a(member, "group")} - seen
            seen |= groups
            members = [member for inside in self.members_of(sorted(groups)).values() for member in inside]
        return frozenset(people)

    def batch(self, reads: Sequence[tuple[str, str, Mapping[str, Any]]]) -> list[list[Mapping[str, Any]]]:
        """Every item of many listings, each an endpoint, an object's id and a query: 20 in one request, page after page.

        A throttled one is repeated together with the remaining ones. Raises the same errors as a single read.
        """
        found: list[list[Mapping[str, Any]]] = [[] for _read in reads]
        paths = [self._relative(*read) for read in reads]
        waiting = list(range(len(reads)))
        refused = 0
        links = {at: _Links(self, read[0]) for at, read in enumerate(reads)}
        unanswered = 0
        while waiting:
            now, waiting = waiting[:BATCH], waiting[BATCH:]
            body = {"requests": [{"id": str(at), "method": "GET", "url": paths[at]} for at in now]}
            answers = self._batch_answers(self.call("graph.batch", body=body), now)
            throttled: list[Answer] = []
            unanswered = unanswered + 1 if len(answers) < len(now) else 0
            if unanswered >= TRIES:
                raise self.unreliable("graph.batch", f"{len(answers)} answers to {len(now)} requests, {TRIES} times")
            for at in now:
                endpoint = self._endpoints[reads[at][0]]
                # A missing one counts as throttled.
                answer, page = answers.get(at, (Answer(503, {}, ""), None))
                if answer.status in (429, 503):
                    throttled.append(answer)
                    waiting.append(at)
                elif not answer.ok:
                    raise self._refusal(answer, endpoint, paths[at].partition("?")[0])
                else:
                    items = self._items(endpoint.id, page, paths[at].partition("?")[0])
                    found[at] += items
                    link = links[at].following(page, items)
                    if link:
                        paths[at] = link.removeprefix(self.root)
                        waiting.append(at)
            if throttled:
                refused += 1
                # The longest requested wait applies to all of them.
                slowest = max(throttled, key=lambda answer: retry_after(answer.headers.get("retry-after")) or 0)
                self._http.wait_for_server(slowest, refused, "a request in POST /$batch")
        return found

    def _batch_answers(self, batch: Mapping[str, Any], asked: Sequence[int]) -> dict[int, tuple[Answer, Any]]:
        """The answers of a batch and their bodies by the number of the request. Raises UnreliableAnswerError."""
        found: dict[int, tuple[Answer, Any]] = {}
        try:
            responses = batch.get("responses")
            if not isinstance(responses, list):
                raise OddValueError(f"responses that are {shown(responses)} and not a list")
            for item in responses:
                response = record(item, "a response")
                at = total_of(response.get("id"), "an id of a response")
                if at not in asked or at in found:
                    raise OddValueError("a response to a request that was not sent, or two to one")
                found[at] = _batch_answer(response)
        except OddValueError as error:
            raise self.unreliable("graph.batch", error) from None
        return found

    def _relative(self, endpoint_id: str, object_id: str, query: Mapping[str, Any]) -> str:
        path = self.path_of(endpoint_id, object_id)
        return f"{path}?{urlencode(query, safe='$,')}"

    def changes(
        self, endpoint_id: str, query: Mapping[str, Any], link: str = ""
    ) -> tuple[list[Mapping[str, Any]], str]:
        """The changes since `link` was returned, or all objects without a link; and the link for the next time.

        Raises StaleDeltaError when Graph no longer knows the link (contract: 7 days).
        """
        headers = {"Prefer": f"odata.maxpagesize={PAGE}"}
        found: list[Mapping[str, Any]] = []
        try:
            page = (
                self.call(endpoint_id, headers=headers, url=self._checked_link(link, endpoint_id))
                if link
                else self.call(endpoint_id, query=query, headers=headers)
            )
            links = _Links(self, endpoint_id, repeats=True)
            while True:
                items = self._items(endpoint_id, page)
                found += items
                following = links.following(page, items)
                if not following:
                    break
                page = self.call(endpoint_id, headers=headers, url=following)
        except AnswerError as error:
            if error.status == 410 or (error.status == 400 and "syncstatenotfound" in error.server_message.lower()):
                raise StaleDeltaError(
                    error.server_message, status=error.status, method=error.method, path=error.path
                ) from None
            raise
        end = page.get("@odata.deltaLink")
        if not end:
            raise self.unreliable(
                endpoint_id, "a list of changes that is incomplete: a delta link is missing", listing=True
            )
        return found, self._checked_link(end, endpoint_id)

    def verified_domains(self) -> list[str]:
        answer = self.call("graph.organization", query={"$select": "id,verifiedDomains"})
        found: list[str] = []
        try:
            for organization in self._items("graph.organization", answer):
                domains = organization.get("verifiedDomains")
                if not isinstance(domains, list):
                    raise OddValueError(f"verifiedDomains that is {shown(domains)} and not a list")
                found += [
                    identifier(record(domain, "a domain").get("name"), "a domain with a name") for domain in domains
                ]
            if not found:
                raise OddValueError("no verified domain, and every tenant has one")
        except OddValueError as error:
            raise self.unreliable("graph.organization", error) from None
        return found


def the_one_group(name: str, found: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The group that was found by name; None when there is none. Raises InputError when there are several."""
    if len(found) > 1:
        ids = ", ".join(str(group["id"]) for group in found)
        raise InputError(
            f"Microsoft Entra has {len(found)} groups named {name!r} ({ids}). Specify the group by its id."
        )
    return found[0] if found else None


class UnknownGroupError(InputError):
    """A group of the task that the tenant does not have."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Microsoft Entra has no group {name!r}, neither by name nor by id. Check the spelling: a group that is "
            "not found is an error, so that no user is removed because of it."
        )
        self.name = name

    def with_near_names(self, names: Iterable[str]) -> UnknownGroupError:
        """The same with those of the names that may be meant."""
        from difflib import get_close_matches  # start-up

        known = {comparison_key(other): other for other in names}
        near = [repr(known[key]) for key in get_close_matches(comparison_key(self.name), sorted(known), 3, 0.7)]
        self.message += f" It may be {' or '.join(near)}." if near else ""
        return self


def user_select(properties: Sequence[str] = ()) -> str:
    """The value of $select for users, each property once."""
    return ",".join(dict.fromkeys((*USER_PROPERTIES, *properties)))


def _is_a(member: Mapping[str, Any], kind: str) -> bool:
    """Whether a directory object is a user or a group; by the type annotation of Graph."""
    return str(member.get("@odata.type", "")).rpartition(".")[2].lower() == kind


def _batch_answer(response: Mapping[str, Any]) -> tuple[Answer, Any]:
    """One answer of a batch as a single answer, and its body. Raises OddValueError."""
    given = response.get("headers")
    headers = {str(name).lower(): str(value) for name, value in given.items()} if isinstance(given, Mapping) else {}
    body = response.get("body")
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(total_of(response.get("status"), "a status of a response"), headers, text), body


class _Links:
    """The links of one listing: each is followed once, and pages that bring nothing new have an end."""

    def __init__(self, client: GraphClient, endpoint_id: str, *, repeats: bool = False) -> None:
        self._client = client
        self._endpoint_id = endpoint_id
        self._repeats = repeats
        self._followed: set[str] = set()
        self._ids: set[str] = set()
        self._nothing_new = 0

    def following(self, page: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> str:
        """The link to the next page; empty at the end. Raises UnreliableAnswerError.

        With `repeats` an object may come again, as in a list of changes.
        """
        link = page.get("@odata.nextLink")
        if link is None or link == "":
            return ""
        before = len(self._ids)
        self._ids.update(str(item.get("id")) for item in items)
        nothing_new = len(self._ids) == before
        self._nothing_new = self._nothing_new + 1 if nothing_new else 0
        if (items and nothing_new and not self._repeats) or self._nothing_new >= EMPTY_PAGES:
            what = f"pages without end: only the {before} that had come before, and a link to the next page"
            raise self._client.unreliable(self._endpoint_id, what, listing=True)
        return self._client._checked_link(link, self._endpoint_id, self._followed)


_TEXTS = frozenset((*TEXT_PROPERTIES, "userType", "description", "@odata.type"))

_OF_ANY_KIND = ("graph.group.members", "graph.role.members")

_CASTS = {"graph.group.users": "user", "graph.group.groups": "group"}
"""The kind of members that these listings return."""

_BOOLEANS = frozenset(("accountEnabled", "mailEnabled", "securityEnabled"))


def check_item(endpoint_id: str, item: Any) -> None:
    """Raises OddValueError unless an item of a listing can be identified and its properties are of their types.

    A property without a value is null, or left out (contract, Graph).
    """
    if not isinstance(item, Mapping):
        raise OddValueError(f"an item that is {shown(item)} and not an object")
    if endpoint_id == "graph.organization":
        return
    id = item.get("id")
    if not isinstance(id, str):
        raise OddValueError(f"an item whose id is {shown(id)}")
    identifier(id, "an item with an id")
    if endpoint_id in _OF_ANY_KIND and "@removed" not in item and not item.get("@odata.type"):
        raise OddValueError(f"a member of an unknown kind (id {id!r})")
    for name, value in item.items():
        if value is None:
            continue
        if name in _TEXTS and not isinstance(value, str):
            raise OddValueError(f"an object whose {name} is {shown(value)} (id {id!r})")
        if name in _BOOLEANS and not isinstance(value, bool):
            raise OddValueError(f"an object whose {name} is {shown(value)} (id {id!r})")
        if name == "groupTypes" and not (isinstance(value, list) and all(isinstance(kind, str) for kind in value)):
            raise OddValueError(f"a group whose groupTypes is {shown(value)} (id {id!r})")
        if name == "members@delta":
            if not isinstance(value, list):
                raise OddValueError(f"a group whose members are {shown(value)} (id {id!r})")
            for member in value:
                check_item("graph.group.members", member)


PERMISSIONS = {
    "graph.users": "User.Read.All",
    "graph.groups": "GroupMember.Read.All (or Group.Read.All)",
    "graph.group": "GroupMember.Read.All (or Group.Read.All)",
    "graph.group.users": "GroupMember.Read.All (or Group.Read.All) and User.Read.All",
    "graph.group.groups": "GroupMember.Read.All (or Group.Read.All)",
    "graph.group.members": "GroupMember.Read.All (or Group.Read.All)",
    "graph.role.members": "RoleManagement.Read.Directory",
    "graph.users.delta": "User.Read.All",
    "graph.groups.delta": "GroupMember.Read.All (or Group.Read.All)",
    "graph.batch": "GroupMember.Read.All (or Group.Read.All)",
    "graph.organization": "Organization.Read.All",
}
"""The permissions of each call, the least privileged first (contract: Reading people and groups)."""
