# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of Microsoft Graph v1.0, for reading people and groups (contract: entra-graph.md; S).

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from .contract import Endpoint
from .errors import AnswerError, AuthenticationError, InputError, NotFoundError, ValidationError, W365Error
from .http import Answer, Http, checked_root
from .refusals import said
from .tokens import TokenSource

PAGE = 999
"""The most that Graph gives per page of users, groups or members."""

USER_SELECT = "id,userPrincipalName,mail,givenName,surname,displayName,accountEnabled,userType"
GROUP_SELECT = "id,displayName,description,mailEnabled,securityEnabled,groupTypes"

# Casts are answered only with these (contract: Reading people and groups).
_ADVANCED_HEADERS = {"ConsistencyLevel": "eventual"}
_ADVANCED_QUERY = {"$count": "true"}

_NO_BODY = object()


class GraphClient:
    """Reads a Microsoft tenant with an application's token. `root` is the cloud's root, without /v1.0."""

    def __init__(self, http: Http, *, root: str, tokens: TokenSource, endpoints: Mapping[str, Endpoint]) -> None:
        self.root = checked_root(root, "graph_url") + "/v1.0"
        self._http = http
        self._tokens = tokens
        self._endpoints = endpoints

    def send(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        body: Any = _NO_BODY,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call with a token; a token that is refused is renewed once."""
        url = path if path.startswith("https://") else f"{self.root}{path}"
        has_body = body is not _NO_BODY
        for last in (False, True):
            given = {"Authorization": f"Bearer {self._tokens.token()}", "Accept": "application/json", **(headers or {})}
            if has_body:
                given.setdefault("Content-Type", "application/json")
            answer = self._http.request(
                method,
                url,
                repeatable=repeatable,
                headers=given,
                query=query,
                body=body if has_body else None,
                has_body=has_body,
            )
            if answer.status != 401 or last:
                return answer
            self._tokens.forget()
        raise AssertionError("unreachable")

    def call(
        self,
        endpoint_id: str,
        *,
        object_id: str = "",
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        url: str = "",
    ) -> Mapping[str, Any]:
        endpoint = self._endpoints[endpoint_id]
        path = url or endpoint.path.format(id=quote(object_id, safe=""))
        answer = self.send(endpoint.method, path, repeatable=endpoint.repeatable, query=query, headers=headers)
        shown = urlsplit(path).path if url else path
        if not answer.ok:
            raise self._refusal(answer, endpoint, shown)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, Mapping):
            raise AnswerError(
                "the answer is not a JSON object",
                status=answer.status,
                method=endpoint.method,
                path=shown,
                advice="Check graph_url.",
            )
        return body

    def _refusal(self, answer: Answer, endpoint: Endpoint, path: str) -> W365Error:
        text = said(answer, self._http.redactor)
        if answer.status in (401, 403):
            return AuthenticationError(
                f"Microsoft Graph refused the request (HTTP {answer.status}, {endpoint.method} {path}): {text}. The app registration "
                f"needs the application permission {PERMISSIONS[endpoint.id]}, with admin consent in this tenant."
            )
        kinds: dict[int, type[AnswerError]] = {404: NotFoundError, 400: ValidationError}
        return kinds.get(answer.status, AnswerError)(text, status=answer.status, method=endpoint.method, path=path)

    def pages(
        self, endpoint_id: str, *, object_id: str = "", query: Mapping[str, Any] | None = None, advanced: bool = False
    ) -> Iterator[Mapping[str, Any]]:
        """Every item of a listing; the next link is followed as it is given."""
        headers = _ADVANCED_HEADERS if advanced else None
        first = {"$top": PAGE, **(query or {}), **(_ADVANCED_QUERY if advanced else {})}
        page = self.call(endpoint_id, object_id=object_id, query=first, headers=headers)
        while True:
            yield from page.get("value") or ()
            link = page.get("@odata.nextLink")
            if not link:
                return
            if urlsplit(link).netloc != urlsplit(self.root).netloc:
                raise AnswerError(
                    "the next page is on another host, where the token must not go",
                    status=200,
                    method="GET",
                    path=self._endpoints[endpoint_id].path,
                )
            page = self.call(endpoint_id, headers=headers, url=link)

    def users(self) -> Iterator[Mapping[str, Any]]:
        return self.pages("graph.users", query={"$select": USER_SELECT})

    def find_group(self, name_or_id: str) -> Mapping[str, Any]:
        """The one group with this name or id. Raises InputError when there is none, or more than one of the name."""
        literal = name_or_id.replace("'", "''")
        found = [
            group
            for group in self.pages(
                "graph.groups", query={"$filter": f"displayName eq '{literal}'", "$select": GROUP_SELECT}
            )
            if str(group.get("displayName", "")).casefold() == name_or_id.casefold()
        ]
        if len(found) > 1:
            ids = ", ".join(str(group["id"]) for group in found)
            raise InputError(
                f"Microsoft Entra has {len(found)} groups named {name_or_id!r} ({ids}). Name the group by its id."
            )
        if found:
            return found[0]
        try:
            return self.call("graph.group", object_id=name_or_id, query={"$select": GROUP_SELECT})
        except (NotFoundError, ValidationError):
            raise InputError(
                f"Microsoft Entra has no group {name_or_id!r}, neither by name nor by id. Check the spelling: a group that is "
                "not found is an error, so that nobody disappears because of it."
            ) from None

    def group_users(self, group_id: str) -> Iterator[Mapping[str, Any]]:
        """The users that are direct members. Raises AuthenticationError for members that Graph hides.

        With too few permissions they come with an id and nulls, and no error (contract).
        """
        for user in self.pages("graph.group.users", object_id=group_id, query={"$select": USER_SELECT}, advanced=True):
            if not user.get("userPrincipalName"):
                raise AuthenticationError(
                    f"Microsoft Graph names the members of group {group_id} without their properties: the app registration lacks "
                    f"the application permission {PERMISSIONS['graph.users']}, with admin consent in this tenant."
                )
            yield user

    def nested_groups(self, group_id: str) -> list[Mapping[str, Any]]:
        """The groups that are direct members; a kind of group that cannot hold any has none."""
        try:
            return list(
                self.pages("graph.group.groups", object_id=group_id, query={"$select": "id,displayName"}, advanced=True)
            )
        except ValidationError as error:
            # A cast to a type that the group cannot hold (contract).
            if "Request_UnsupportedQuery" in error.said:
                return []
            raise

    def verified_domains(self) -> list[str]:
        answer = self.call("graph.organization", query={"$select": "id,verifiedDomains"})
        return [
            str(domain["name"])
            for organisation in answer.get("value") or ()
            for domain in organisation.get("verifiedDomains") or ()
        ]


PERMISSIONS = {
    "graph.users": "User.Read.All",
    "graph.groups": "GroupMember.Read.All (or Group.Read.All)",
    "graph.group": "GroupMember.Read.All (or Group.Read.All)",
    "graph.group.users": "GroupMember.Read.All (or Group.Read.All) and User.Read.All",
    "graph.group.groups": "GroupMember.Read.All (or Group.Read.All)",
    "graph.organization": "Organization.Read.All",
}
"""What each call needs, least first (contract: Reading people and groups)."""
