# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of an environment's SCIM 2.0 service (contract: workspace365.md, section 2).

Real SCIM servers differ, so it needs little: look-ups by one `eq`, whose matches are checked again; PATCH with answer 200
or 204; paging by the number of returned resources.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ..errors import AnswerError, AuthenticationError, InputError, W365Error
from ..transport.http import Answer, Http, checked_root
from .client import NO_BODY, ServiceClient
from .endpoints import Endpoint

PAGE = 200
"""Resources per page; a server may return fewer."""

MEMBERS_PER_PATCH = 500
"""The maximum of one PATCH: servers limit its size (performance-and-peers, 4.3)."""


class Request(NamedTuple):
    """The request of an action."""

    endpoint_id: str
    object_id: str = ""
    body: Any = NO_BODY


class ScimClient(ServiceClient):
    """Users and groups as SCIM resources. `url` is the tenant URL that Workspace 365 shows when SCIM is enabled."""

    accept = "application/scim+json, application/json"
    content_type = "application/scim+json"

    def __init__(self, http: Http, *, url: str, token: str, endpoints: Mapping[str, Endpoint]) -> None:
        parts = urlsplit(checked_root(url, "scim_url"))
        # The query selects Entra's dialect of PATCH: this client always uses the standard one.
        super().__init__(http, f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/"), endpoints)
        self._token = token

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
            try:
                return answer.json()
            except ValueError:
                raise self._error(
                    answer,
                    endpoint,
                    path,
                    text=f"the answer is not JSON: {self._server_message(answer)}",
                    advice="Check scim_url: it may lead to a web page instead of SCIM.",
                ) from None
        if endpoint.method == "DELETE" and answer.status == 404 and answer.repeated:
            return None
        raise self._refusal(answer, endpoint, path)

    def method_and_path(self, endpoint_id: str, object_id: str = "") -> tuple[str, str]:
        """How an endpoint is called; the path is relative to the root."""
        return self._endpoints[endpoint_id].method, self.path_of(endpoint_id, object_id)

    def _refusal(self, answer: Answer, endpoint: Endpoint, path: str) -> W365Error:
        if answer.status in (401, 403):
            return AuthenticationError(
                f"The SCIM service refused the token (HTTP {answer.status}, {endpoint.method} {path}; server message: "
                f"{self._server_message(answer)}). Check scim_token (it is shown once, when SCIM is enabled), and that SCIM is "
                "still enabled in the environment's User provisioning settings."
            )
        advice = ""
        if answer.status == 404 and "{id}" not in endpoint.path:
            advice = (
                "Check scim_url: it is the tenant URL that Workspace 365 shows when SCIM is enabled, without /Users."
            )
        elif 300 <= answer.status < 400:
            advice = "Tokens are not sent to the target of a redirect: give the final address in scim_url."
        return self._error(answer, endpoint, path, advice=advice)

    def find(self, endpoint_id: str, attribute: str, value: str) -> list[Mapping[str, Any]]:
        """The resources whose attribute equals `value`, by a single eq filter. The caller checks the match again."""
        return list(self.pages(endpoint_id, {"filter": f"{attribute} eq {quoted(value)}"}))

    def pages(self, endpoint_id: str, query: Mapping[str, Any] | None = None) -> Iterator[Mapping[str, Any]]:
        """Every resource of a listing, page after page. Raises AnswerError when a page is missing or repeated."""
        start = 1
        seen: set[str] = set()
        while True:
            answer = self.call(endpoint_id, query={**(query or {}), "startIndex": start, "count": PAGE})
            if not isinstance(answer, Mapping):
                raise self._bad_page(endpoint_id, "it is not a SCIM ListResponse")
            page = {str(name).lower(): value for name, value in answer.items()}
            resources = page.get("resources") or []
            new = {identifier: resource for resource in resources if (identifier := _identifier(resource)) not in seen}
            if resources and not new:
                raise self._bad_page(endpoint_id, f"a page was repeated after {len(seen)} resources")
            # Objects whose position changes between two pages may be returned twice.
            seen.update(new)
            yield from new.values()
            start += len(resources)
            total = int(page.get("totalresults") or 0)
            if start > total:
                return
            if not resources:
                raise self._bad_page(endpoint_id, f"an empty page followed {start - 1} of {total} resources")

    def _bad_page(self, endpoint_id: str, what: str) -> AnswerError:
        endpoint = self._endpoints[endpoint_id]
        return AnswerError(
            f"the listing is not reliable: {what}",
            status=200,
            method=endpoint.method,
            path=endpoint.path,
            advice="Nothing was changed because of it. Rerun the task.",
        )


def quoted(value: str) -> str:
    """A text in a filter or a path: a JSON string (RFC 7644, section 3.4.2.2). Raises InputError for what it cannot hold."""
    if any(char < " " or "\ud800" <= char <= "\udfff" or char == "\x7f" for char in value):
        raise InputError(
            f"{value!r} holds a control character or half a character, which a filter of SCIM cannot hold. Check how it was copied."
        )
    literal = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{literal}"'


def patch_body(operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of a PATCH in the standard form. The answer may be the resource or empty."""
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}


def _identifier(resource: Mapping[str, Any]) -> str:
    """The id. Names of attributes ignore case (RFC 7643, section 2.1)."""
    return next((str(value) for name, value in resource.items() if str(name).lower() == "id"), "")
