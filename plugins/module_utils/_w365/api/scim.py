# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of an environment's SCIM 2.0 service (contract: workspace365.md, section 2).

Real SCIM servers differ, so it needs little: look-ups by one `eq`, whose matches are checked again; PATCH with answer 200
or 204; paging by the number of returned resources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import (
    AlreadyExistsError,
    AuthenticationError,
    InputError,
    NotFoundError,
    TooManyError,
    UnreliableAnswerError,
    ValidationError,
    W365Error,
)
from ..model.names import comparison_key, external_id_key
from ..transport.http import Answer, Http, checked_root
from .client import NO_BODY, ServiceClient
from .endpoint import Endpoint
from .values import OddValueError, identifier, record, shown, total_of, without_case

PAGE = 200
"""Resources per page; a server may return fewer."""

MEMBERS_PER_PATCH = 500
"""The maximum of one PATCH: servers limit its size (performance-and-peers, 4.3)."""


PAGES = 10_000
"""The maximum of one listing: a server whose pages never end is refused."""


LISTING_PAUSES = (0.5, 2.0)
"""Seconds before a listing is read again."""


class _ChangedListingError(UnreliableAnswerError):
    """A listing whose pages contradict each other: it is read again, since somebody may have changed a user meanwhile."""


class Request(NamedTuple):
    """The request of an action."""

    endpoint_id: str
    object_id: str = ""
    body: Any = NO_BODY


class ScimClient(ServiceClient):
    """Users and groups as SCIM resources. `url` is the tenant URL that Workspace 365 shows when SCIM is enabled."""

    service = "the SCIM service"
    address = "scim_url"
    accept = "application/scim+json, application/json"
    content_type = "application/scim+json"

    def __init__(self, http: Http, *, url: str, token: str, endpoints: Mapping[str, Endpoint]) -> None:
        parts = urlsplit(checked_root(url, "scim_url"))
        # The query selects Entra's dialect of PATCH: this client always uses the standard one.
        super().__init__(http, f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), endpoints)
        self._token = token
        self._counts_everything = False

    def _own_headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def call(
        self, endpoint_id: str, *, object_id: str = "", body: Any = NO_BODY, query: Mapping[str, Any] | None = None
    ) -> Any:
        """One endpoint; the decoded body, None when empty. Raises one of the AnswerError family."""
        endpoint = self._endpoints[endpoint_id]
        path = self.path_of(endpoint_id, object_id)
        answer = self.send(endpoint.method, path, repeatable=endpoint.repeatable, body=body, query=query)
        if answer.ok:
            data = self.decoded(answer, endpoint, path)
            if _is_error(data):
                raise self.unreliable(
                    endpoint_id, f"an error with the status of a success: {self._server_message(answer)}", path=path
                )
            return data
        if endpoint.method == "DELETE" and answer.status == 404 and answer.repeated:
            return None
        raise self._refusal(answer, endpoint, path)

    def method_and_path(self, endpoint_id: str, object_id: str = "") -> tuple[str, str]:
        """How an endpoint is called; the path is relative to the root."""
        return self._endpoints[endpoint_id].method, self.path_of(endpoint_id, object_id)

    def _refusal(self, answer: Answer, endpoint: Endpoint, path: str) -> W365Error:
        if answer.status in (401, 403):
            token = "scim_token (it is shown once, when SCIM is enabled)"
            enabled = "that SCIM is still enabled in the environment's User provisioning settings"
            active = "that the environment is active (w365_environment with active=true)"
            checks = f"{token}, and {enabled}" if answer.status == 401 else f"{active}, {enabled}, and {token}"
            error = AuthenticationError(
                f"The SCIM service refused the token (HTTP {answer.status}, {endpoint.method} {path}; server message: "
                f"{self._server_message(answer)}). Check {checks}."
            )
            error.by_scim = True
            return error
        if answer.status == 413 or _is_too_many(answer):
            return self._error(answer, endpoint, path, kind=TooManyError)
        advice = ""
        if answer.status == 404 and "{id}" not in endpoint.path:
            advice = (
                "Check scim_url: it is the tenant URL that Workspace 365 shows when SCIM is enabled, without /Users."
            )
        elif 300 <= answer.status < 400:
            advice = "Tokens are not sent to the target of a redirect: give the final address in scim_url."
        # The type of an error is defined (RFC 7644, section 3.12), unlike its words.
        taken = answer.status == 400 and endpoint.id.endswith(".create") and _error_type(answer) == "uniqueness"
        return self._error(answer, endpoint, path, advice=advice, kind=AlreadyExistsError if taken else None)

    def read(self, endpoint_id: str, object_id: str) -> Mapping[str, Any]:
        """One user or group by id. Raises UnreliableAnswerError when the answer is something else, or another one."""
        found = self.call(endpoint_id, object_id=object_id)
        try:
            id = checked_resource(found, endpoint_id)
            if external_id_key(id) != external_id_key(object_id):
                raise OddValueError(f"the resource {id!r} for {object_id!r}")
        except OddValueError as error:
            raise self.unreliable(endpoint_id, error, path=self.path_of(endpoint_id, object_id)) from None
        resource: Mapping[str, Any] = found
        return resource

    def find(self, endpoint_id: str, attribute: str, value: str) -> list[Mapping[str, Any]]:
        """The resources whose attribute equals `value`, by a single eq filter. The caller checks the match again.

        A server that returns others too ignores the filter, so that its answer proves nothing: then everything is listed.
        """
        literal = quoted(value)
        try:
            found = list(self.pages(endpoint_id, {"filter": f"{attribute} eq {literal}"}))
        except ValidationError:
            if literal == f'"{value}"':
                raise
            # Some servers cannot read a quotation mark or a backslash in a filter.
            return list(self.pages(endpoint_id))
        wanted = comparison_key(value)
        matching = [
            resource
            for resource in found
            if comparison_key(str(without_case(resource).get(attribute.lower(), ""))) == wanted
        ]
        return found if matching or not found else list(self.pages(endpoint_id))

    def pages(self, endpoint_id: str, query: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
        """Every resource of a listing, page after page. Raises UnreliableAnswerError unless all of them came once.

        A listing that changes while it is read is read again, after a pause.
        """
        for pause in LISTING_PAUSES:
            try:
                return iter(self._listing(endpoint_id, query or {}))
            except _ChangedListingError:
                self._http.pause(pause, "the listing changed while it was read")
        return iter(self._listing(endpoint_id, query or {}))

    def _listing(self, endpoint_id: str, query: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        total = -1
        # Some servers say in totalResults how many resources a page holds: until a page says something else, once per
        # session, only an empty one is the end, or a repeated one of a server that returns everything whatever is asked for.
        own_total = not self._counts_everything
        count = PAGE
        for _page in range(PAGES):
            try:
                answer = self.call(endpoint_id, query={**query, "startIndex": len(found) + 1, "count": count})
            except TooManyError:
                if count == 1:
                    raise
                count //= 2
                continue
            except (NotFoundError, ValidationError):
                if found and len(found) == total:
                    # A start behind the last one is an error on some servers.
                    break
                raise
            said, resources = self._page(endpoint_id, answer, len(found))
            if found and len(found) == total == said and len(found) != count and resources.keys() == found.keys():
                # It ignores startIndex and count.
                break
            if again := resources.keys() & found.keys():
                what = "a page was repeated" if len(again) == len(resources) else f"{min(again)!r} came twice"
                raise self._changed(endpoint_id, f"{what} after {len(found)} resources")
            if said != len(resources):
                own_total, self._counts_everything = False, True
            total = said if total < 0 else total
            if said < total and not own_total:
                raise self._changed(endpoint_id, f"totalResults was {total}, and then {said}")
            # Others may be created meanwhile: what moves back is returned twice, and refused above.
            total = max(total, said)
            found.update(resources)
            if not resources:
                if len(found) >= total:
                    break
                raise self._changed(endpoint_id, f"an empty page followed {len(found)} of {total} resources")
            if len(found) > total and not own_total:
                raise self._changed(endpoint_id, f"there were {len(found)} resources, and totalResults is {total}")
            # A look-up has at most a few results, and needs no second request.
            looked_up = "filter" in query and total == len(found)
            if len(resources) < count and len(found) >= total and (looked_up or not own_total):
                break
        else:
            raise self.unreliable(endpoint_id, f"more than {PAGES} pages", listing=True)
        return list(found.values())

    def _page(self, endpoint_id: str, answer: Any, before: int) -> tuple[int, dict[str, Mapping[str, Any]]]:
        """The total that a page names, and its resources by id."""
        try:
            if not isinstance(answer, Mapping):
                raise OddValueError(f"{shown(answer)}, which is not a SCIM ListResponse")
            page = record(answer, "a page")
            total = total_of(page.get("totalresults"))
            listed = page.get("resources")
            if listed is None and total <= before:
                listed = []
            if not isinstance(listed, list):
                raise OddValueError(f"Resources that is {shown(listed)}, and totalResults is {total}")
            found = {checked_resource(resource, endpoint_id): resource for resource in listed}
        except OddValueError as error:
            raise self.unreliable(endpoint_id, error, listing=True) from None
        if len(found) < len(listed):
            raise self._changed(endpoint_id, "a page holds an id twice")
        return total, found

    def _changed(self, endpoint_id: str, what: str) -> UnreliableAnswerError:
        return self.unreliable(
            endpoint_id, f"pages that do not fit together: {what}", listing=True, kind=_ChangedListingError
        )


def quoted(value: str) -> str:
    """A text in a filter or a path: a JSON string (RFC 7644, section 3.4.2.2). Raises InputError for what it cannot hold."""
    if any(char < " " or "\ud800" <= char <= "\udfff" or char == "\x7f" for char in value):
        raise InputError(
            f"{value!r} holds a control character or half a character, which a filter of SCIM cannot hold. Check how it was copied."
        )
    literal = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{literal}"'


def checked_resource(resource: Any, endpoint_id: str) -> str:
    """The id of a user or group. Raises OddValueError unless it is one that can be identified, with its members."""
    name = "displayName" if ".group." in endpoint_id else "userName"
    kind = "a group" if ".group." in endpoint_id else "a user"
    found = record(resource, kind)
    id = identifier(found.get("id"), f"{kind} with an id")
    value = found.get(name.lower())
    if not isinstance(value, str) or not value.strip():
        raise OddValueError(f"{kind} whose {name} is {shown(value)} (id {id!r})")
    members = found.get("members")
    if members is None or kind == "a user":
        return id
    # Also an empty text or object: it does not say that the group is empty.
    if not isinstance(members, list):
        raise OddValueError(f"a group whose members are {shown(members)} (id {id!r})")
    for entry in members:
        member = {"value": entry} if isinstance(entry, str) else record(entry, f"a member of group {id!r}")
        identifier(member.get("value"), f"a member of group {id!r} with a value")
    return id


def _is_error(data: Any) -> bool:
    """Whether a body is an error (RFC 7644, section 3.12)."""
    schemas = without_case(data).get("schemas") if isinstance(data, Mapping) else None
    return isinstance(schemas, list) and "urn:ietf:params:scim:api:messages:2.0:error" in [
        str(s).lower() for s in schemas
    ]


def _error_type(answer: Answer) -> str:
    try:
        data = answer.json()
    except ValueError:
        return ""
    return str(without_case(data).get("scimtype") or "") if isinstance(data, Mapping) else ""


def patch_body(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of a PATCH in the standard form. The answer may be the resource or empty."""
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}


def _is_too_many(answer: Answer) -> bool:
    """Whether a 400 says scimType tooMany (RFC 7644, section 3.12)."""
    return answer.status == 400 and _error_type(answer).lower() == "toomany"
