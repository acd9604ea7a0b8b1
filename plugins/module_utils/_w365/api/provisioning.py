# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client of the instance's Provisioning API (contract: workspace365.md, section 1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import (
    AlreadyExistsError,
    AnswerError,
    AuthenticationError,
    EndpointMissingError,
    EnvironmentNotFoundError,
    NotFoundError,
    W365Error,
)
from ..model.environment import Environment, sanitized_environment_name
from ..transport.http import Answer, Http, checked_root
from .client import NO_BODY, ServiceClient
from .endpoint import Endpoint
from .values import OddValueError, listed, partial, record, reports_error

FORBIDDEN = (
    "HTTP 403 from the Provisioning API has one of three causes: the provisioning_key is wrong (a renewed key revokes the "
    "old one), no key is configured on the server, or the Provisioning API is switched off there"
)
"""The documented causes (contract: Answers; D)."""

UNAUTHORIZED = (
    "HTTP 401 does not come from the Provisioning API, which answers 403 to a wrong key: a proxy, a gateway or another "
    "application asks for a sign-in. Check instance_url, and what is between this machine and the server"
)

_EXISTS = re.compile(
    r"\balready (exists?|in use|taken|used|registered|present)\b|\bexists? already\b|\b(is|are|was) (in use|taken(?! from)|not unique)\b"
    r"|\bhas been taken\b(?! from)|\bduplicate\b|\bbestaat (al|reeds)\b|\bin gebruik\b|\bniet uniek\b",
    re.IGNORECASE,
)
_IT_EXISTS = re.compile(r"\bit['\"\u201d\u2019]? exists\b", re.IGNORECASE)
_NEGATED = re.compile(
    r"(\b(can)?not|n['\u2019]t|\bno(body|ne)?|\bnever|\bwithout|\bniet|\bniemand|\bnooit|\bgeen|\bzonder)\b(?! (unique|uniek))",
    re.IGNORECASE,
)


def says_exists(text: str, names: Iterable[str]) -> bool:
    """Whether a sentence of a 400 names the object and says that it exists; other words decide nothing.

    The words of a ValidationResult are not documented (contract: Answers; A).
    """
    for sentence in re.split(r"(?<=[.;!?])\s+|\n", text):
        for name in names:
            # Only the whole name: that of another may contain it.
            whole = (
                re.compile(rf"(?<![\w.@+-]){re.escape(name)}(?![\w@+-]|\.\w)", re.IGNORECASE) if name.strip() else None
            )
            if whole is None or not whole.search(sentence):
                continue
            # The name itself may contain such words.
            rest = whole.sub("it", sentence)
            if not _NEGATED.search(rest) and (_EXISTS.search(rest) or _IT_EXISTS.search(rest)):
                return True
    return False


_NAMES = ("EmailAddress", "Name", "EnvironmentName")
"""What names the object in the body of a request."""

ROLE_ALTERNATIVES = (
    "The administrator role is never managed through SCIM. Give it when a user is created through the Provisioning API "
    "(w365_user with administrator=true), or manually in User management; if your server has the list under another path, "
    "give that in option endpoints: {'user.list': '/...'}."
)


class ProvisioningClient(ServiceClient):
    """Environments, their settings, users and groups. The key is only sent over https.

    `instance_url` is the root of the instance.
    """

    service = "the Provisioning API"
    address = "instance_url"

    def __init__(self, http: Http, *, instance_url: str, key: str, endpoints: Mapping[str, Endpoint]) -> None:
        root = checked_root(instance_url, "instance_url")
        super().__init__(http, re.sub(r"/provisioning$", "", root, flags=re.IGNORECASE), endpoints)
        self._key = key

    def _own_headers(self) -> Mapping[str, str]:
        return {"ProvisioningKey": self._key, "X-Requested-With": "XMLHttpRequest"}

    def _url(self, path: str) -> str:
        return f"{self.root}/Provisioning{path}"

    def call(self, endpoint_id: str, *, environment: str = "", object_id: str = "", body: Any = NO_BODY) -> Any:
        """One endpoint; returns the decoded body (None when empty). Raises one of the AnswerError family."""
        endpoint = self._endpoints[endpoint_id]
        # Environment names are lower case in every call (contract: Environment; D).
        path = self.path_of(endpoint_id, object_id, environment.lower())
        answer = self.send(endpoint.method, path, repeatable=endpoint.repeatable, body=body)
        if answer.ok:
            return self._content(answer, endpoint, path)
        if endpoint.method == "DELETE" and answer.status == 404 and answer.repeated:
            # The first try, whose answer was lost, was successful.
            return None
        names = [body[name] for name in _NAMES if isinstance(body.get(name), str)] if isinstance(body, Mapping) else []
        if endpoint_id == "environment.create_empty":
            names = [environment]
        if endpoint_id.startswith("environment."):
            names = [*names, *map(sanitized_environment_name, names)]
        raise self._refusal(answer, endpoint, path, environment, names)

    def _content(self, answer: Answer, endpoint: Endpoint, path: str) -> Any:
        """The decoded body of a success. Raises UnreliableAnswerError for a web page, and for an error in its place."""
        asks = not endpoint.writes and endpoint.method != "GET"
        if (endpoint.writes or asks) and not answer.is_page:
            try:
                data = answer.json()
            except ValueError:
                # The bodies of these answers are not documented; their status is sufficient.
                return None
        else:
            data = self.decoded(answer, endpoint, path)
        if reports_error(data) or (asks and (data is False or (isinstance(data, list) and data))):
            what = f"an error with the status of a success: {self._server_message(answer)}"
            raise self.unreliable(endpoint.id, what, path=path)
        if part := self._part(answer, endpoint, data):
            raise self.unreliable(endpoint.id, part, path=path, listing=True)
        return data

    def _part(self, answer: Answer, endpoint: Endpoint, data: Any) -> str:
        """What says that a list is only a part of it, outside its body; empty where nothing does."""
        if not endpoint.id.endswith(".list"):
            return ""
        try:
            return partial(answer.status, answer.headers, len(listed(data, "a list")))
        except OddValueError:
            # The caller refuses it, in the words for this list.
            return ""

    def _refusal(
        self, answer: Answer, endpoint: Endpoint, path: str, environment: str, names: Iterable[str]
    ) -> W365Error:
        text = self._server_message(answer)
        if answer.status == 401:
            return AuthenticationError(f"{UNAUTHORIZED} ({endpoint.method} {path}; server message: {text}).")
        if answer.status == 403:
            return AuthenticationError(f"{FORBIDDEN} ({endpoint.method} {path}; server message: {text}).")
        if answer.status in (404, 405):
            return self._not_found(text, answer, endpoint, path, environment)
        kind: type[AnswerError] | None = None
        advice = ""
        if answer.status == 400 and says_exists(text, names):
            kind = AlreadyExistsError
        elif 300 <= answer.status < 400:
            text = f"the server redirects to {self._http.redactor.text(answer.headers.get('location', 'an unnamed location'))[:300]}"
            advice = "Keys are not sent to the target of a redirect: give the final address in instance_url."
        elif answer.status == 500:
            advice = "This API answers 500 also for an object that it cannot read: check the values that were given."
        return self._error(answer, endpoint, path, text=text, advice=advice, kind=kind)

    def _not_found(self, text: str, answer: Answer, endpoint: Endpoint, path: str, environment: str) -> W365Error:
        if environment and endpoint.service == "provisioning" and self.environment_exists(environment) is False:
            return unknown_environment(environment, self.root)
        if endpoint.assumed and (answer.status == 405 or "{id}" not in endpoint.path):
            return self._error(
                answer,
                endpoint,
                path,
                kind=EndpointMissingError,
                text=f"this server does not have the endpoint '{endpoint.id}' ({endpoint.method} {endpoint.path}), which the vendor "
                "has not documented",
                advice=alternative_to(endpoint),
            )
        if environment and not endpoint.assumed and answer.status == 404:
            return unknown_environment(environment, self.root)
        return self._error(answer, endpoint, path, text=text, kind=NotFoundError)

    # Environments

    def environments(self) -> list[Environment]:
        """All environments of the instance. Raises AnswerError when the list cannot be read.

        Its items may be strings or objects (contract: Environment; payload A).
        """
        data = self.call("environment.list")
        try:
            return parsed_environments(data)
        except OddValueError as error:
            raise self.unreliable("environment.list", error, listing=True) from None

    def environment_exists(self, name: str) -> bool | None:
        """Whether there is an environment of this name; None when the server does not say."""
        try:
            return any(found.name.lower() == name.lower() for found in self.environments())
        except W365Error:
            return None

    def environment_is_active(self, name: str) -> bool | None:
        """Whether the environment is active; None when the server does not say."""
        try:
            return next((found.active for found in self.environments() if found.name.lower() == name.lower()), None)
        except W365Error:
            return None


def unknown_environment(name: str, root: str) -> EnvironmentNotFoundError:
    return EnvironmentNotFoundError(
        f"{root} has no environment {name!r}. Use the name that w365_environment returned when it was created "
        "(lower case), or create it first."
    )


def alternative_to(endpoint: Endpoint) -> str:
    """What to do on a server that has only the documented endpoints."""
    override = f"If your server has it under another path, give that in option endpoints: {{'{endpoint.id}': '/...'}}."
    if endpoint.id.startswith("group."):
        return f"Give scim_url and scim_token: groups are managed through SCIM. {override}"
    if endpoint.id in ("user.list", "user.get", "user.update", "user.delete"):
        return (
            "Give scim_url and scim_token: users are managed through SCIM. The administrator role is not; it can be given when "
            f"a user is created (w365_user with administrator=true), or manually in User management. {override}"
        )
    return override


def parsed_environments(data: Any) -> list[Environment]:
    """The list in any of its plausible forms: strings, objects, or either inside an object. Raises OddValueError."""
    return [_parsed_environment(item) for item in listed(data, "a list of environments")]


def _parsed_environment(item: Any) -> Environment:
    found = {"name": item} if isinstance(item, str) else record(item, "a list of environments with an item")
    name = next((text for key in ("environmentname", "name") if isinstance(text := found.get(key), str)), "")
    if not name.strip():
        raise OddValueError("a list of environments with an item without a name")
    active = found.get("isactive", found.get("active"))
    return Environment(name.strip(), active if isinstance(active, bool) else None)
