# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The common part of the clients of all services: headers, one way to send, and errors by status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from ..errors import AlreadyExistsError, AnswerError, NotFoundError, UnreliableAnswerError, ValidationError
from ..model.names import checked_segment
from ..transport.http import Answer, Http
from .endpoint import Endpoint

NO_BODY: Any = object()
"""Distinguishes a request without a body from one whose body is null."""


class ServiceClient:
    """Calls endpoints of the contract's table. `root` is the address that their paths are relative to."""

    service: ClassVar[str]
    """What it is called in a sentence."""

    address: ClassVar[str]
    """The option with its address."""

    accept: ClassVar[str] = "application/json"
    content_type: ClassVar[str] = "application/json"
    errors: ClassVar[Mapping[int, type[AnswerError]]] = {
        400: ValidationError,
        404: NotFoundError,
        409: AlreadyExistsError,
    }
    """The error of each status; any other status is an AnswerError."""

    def __init__(self, http: Http, root: str, endpoints: Mapping[str, Endpoint]) -> None:
        self.root = root
        self._http = http
        self._endpoints = endpoints

    def _own_headers(self) -> Mapping[str, str]:
        """The headers that authenticate a request, and others that every request of this service has."""
        raise NotImplementedError

    def _url(self, path: str) -> str:
        return f"{self.root}{path}"

    def send(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        body: Any = NO_BODY,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One call; returns the answer whatever its status."""
        given = {**self._own_headers(), "Accept": self.accept, **(headers or {})}
        has_body = body is not NO_BODY
        if has_body:
            given.setdefault("Content-Type", self.content_type)
        return self._http.request(
            method,
            self._url(path),
            repeatable=repeatable,
            headers=given,
            query=query,
            body=body if has_body else None,
            has_body=has_body,
        )

    def path_of(self, endpoint_id: str, object_id: str = "", environment: str = "") -> str:
        """The path of an endpoint, relative to the root. Ids and names are quoted.

        Raises InputError for an id or a name that would lead to another path (no id at all: to a whole list). An object
        inside another one has both ids, with a slash between them.
        """
        path = self._endpoints[endpoint_id].path
        inner = ""
        if "{inner}" in path:
            object_id, _slash, inner = object_id.partition("/")
            checked_segment(inner, f"The id of the object ({endpoint_id})")
        if "{environment}" in path:
            checked_segment(environment, "The name of the environment")
        if "{id}" in path:
            checked_segment(object_id, f"The id of the object ({endpoint_id})")
        return path.format(
            environment=quote(environment, safe=""), id=quote(object_id, safe=""), inner=quote(inner, safe="")
        )

    def _server_message(self, answer: Answer) -> str:
        from ..transport.error_text import server_message  # start-up

        return server_message(answer, self._http.redactor)

    def _error(
        self,
        answer: Answer,
        endpoint: Endpoint,
        path: str,
        *,
        text: str = "",
        advice: str = "",
        kind: type[AnswerError] | None = None,
    ) -> AnswerError:
        """The error of an answer: by its status or of this `kind`, with the server's message or this `text`."""
        return (kind or self.errors.get(answer.status, AnswerError))(
            text or self._server_message(answer), status=answer.status, method=endpoint.method, path=path, advice=advice
        )

    def unreliable(
        self,
        endpoint_id: str,
        what: object,
        *,
        path: str = "",
        listing: bool = False,
        kind: type[UnreliableAnswerError] = UnreliableAnswerError,
    ) -> UnreliableAnswerError:
        """The error of an answer that proves nothing; `what` came."""
        endpoint = self._endpoints[endpoint_id]
        nothing = (
            "It may have been processed: rerun the task to see"
            if endpoint.writes
            else "Nothing was changed because of it"
        )
        return kind(
            f"the {'listing' if listing else 'answer'} is not reliable: {self.service} returned {what}",
            status=200,
            method=endpoint.method,
            path=path or endpoint.path,
            advice=f"{nothing}. If it stays so, check {self.address}, or tell the operator of that server.",
        )

    def decoded(self, answer: Answer, endpoint: Endpoint, path: str) -> Any:
        """The decoded body of a success, None when it is empty. Raises UnreliableAnswerError when it is not JSON."""
        try:
            return answer.json()
        except ValueError as error:
            reason = self._server_message(answer) if isinstance(error, json.JSONDecodeError) else str(error)
            raise self._error(
                answer,
                endpoint,
                path,
                text=f"the answer is not JSON: {reason}",
                advice=f"Check {self.address}: it may lead to a web page instead of {self.service}.",
                kind=UnreliableAnswerError,
            ) from None
