# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""App registrations, service principals, consent and policies in Microsoft Graph v1.0 (contract: entra-graph.md; S)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, NamedTuple

from ..errors import AuthenticationError, W365Error
from ..model.applications import Application, Grant, Password, Principal
from ..transport.http import Answer, http_date
from .client import NO_BODY
from .endpoint import Endpoint
from .graph import PERMISSIONS as READING
from .graph import GraphClient
from .values import OddValueError, identifier, reports_error, shown

SELECT = (
    "id,appId,displayName,uniqueName,createdDateTime,tags,web,requiredResourceAccess,optionalClaims,"
    "servicePrincipalLockConfiguration,passwordCredentials,applicationTemplateId,signInAudience"
)
MERGED = ("web", "requiredResourceAccess", "optionalClaims", "servicePrincipalLockConfiguration")

PRINCIPAL_SELECT = (
    "id,appId,displayName,accountEnabled,appRoleAssignmentRequired,oauth2PermissionScopes,appOwnerOrganizationId"
)

CONCURRENT = "Directory_ConcurrencyViolation"
"""Nothing was done, and the same request may be sent again (contract, G9)."""

CONCURRENT_TRIES = 6

WRITE = "Application.ReadWrite.OwnedBy (or Application.ReadWrite.All)"
READ = "Application.Read.All (or Application.ReadWrite.All)"
ASSIGN = "AppRoleAssignment.ReadWrite.All together with Application.Read.All"
CONSENT = "DelegatedPermissionGrant.ReadWrite.All (or Directory.ReadWrite.All)"

PERMISSIONS = {
    **READING,
    "graph.applications": READ,
    "graph.application": READ,
    "graph.application.named": READ,
    "graph.application.deleted": READ,
    "graph.application.owners": READ,
    "graph.principals": READ,
    "graph.principal.owned": READ,
    "graph.principal.grants": "Directory.Read.All (or DelegatedPermissionGrant.ReadWrite.All)",
    "graph.grant.create": CONSENT,
    "graph.grant.update": CONSENT,
    "graph.policy.default": "Policy.Read.All",
    "graph.policies": "Policy.Read.All",
    "graph.policy.applies": "Policy.Read.All",
    **dict.fromkeys(
        (
            *("graph.application.upsert", "graph.application.update", "graph.application.restore"),
            *("graph.application.delete",),
            *("graph.application.own", "graph.secret.add", "graph.secret.remove", "graph.principal.create"),
        ),
        WRITE,
    ),
}
"""The permissions of each call, the least privileged first."""


class NewPassword(NamedTuple):
    """A client secret with its text."""

    password: Password
    text: str


class ApplicationsClient(GraphClient):
    """Reads and changes what an app registration consists of. `error.code` is Graph's code of a refusal."""

    permissions: ClassVar[Mapping[str, str]] = PERMISSIONS

    _server_time = 0.0
    _received = 0.0

    def send(self, method: str, path: str, **parts: Any) -> Answer:
        answer = super().send(method, path, **parts)
        given = http_date(answer.headers.get("date", ""))
        if given is not None:
            self._server_time, self._received = given, time.monotonic()
        return answer

    @property
    def now(self) -> float:
        """The time by the clock of Graph (header Date); that of this machine where Graph has not said it."""
        if not self._received:
            return time.time()
        return self._server_time + time.monotonic() - self._received

    @property
    def clock_difference(self) -> float:
        """Seconds that the clock of this machine is ahead of Graph's."""
        return time.time() - self.now

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
        """As for reading. What writes may answer nothing ({}), and is repeated when Graph says that nothing was done."""
        endpoint = self._endpoints[endpoint_id]
        if not endpoint.writes:
            return super().call(endpoint_id, object_id=object_id, query=query, headers=headers, url=url, body=body)
        path = self.path_of(endpoint_id, object_id)
        tries = 0
        while True:
            tries += 1
            answer = self.send(endpoint.method, path, repeatable=endpoint.repeatable, headers=headers, body=body)
            if answer.ok:
                break
            error = self._refusal(answer, endpoint, path)
            if code_of(error) != CONCURRENT or tries >= CONCURRENT_TRIES:
                raise error
            self._http.pause(min(0.5 * 2**tries, 4.0) * (0.5 + random.random() / 2), f"{CONCURRENT} from {path}")
        content = self.decoded(answer, endpoint, path) or {}
        if not isinstance(content, Mapping) or reports_error(content):
            raise self.unreliable(endpoint_id, shown(content), path=path)
        return content

    def _refusal(self, answer: Answer, endpoint: Endpoint, path: str) -> W365Error:
        code = _error_code(answer)
        if answer.status == 403:
            needed = self.permissions[endpoint.id]
            error: W365Error = RefusedError(
                f"Microsoft Graph refused the request (HTTP 403, {endpoint.method} {path}): "
                f"{self._server_message(answer)}. The application that the task signs in with needs the application permission "
                f"{needed}, with admin consent in this tenant."
            )
        elif answer.status == 401:
            return super()._refusal(answer, endpoint, path)
        else:
            error = self._error(answer, endpoint, path)
        error.code = code  # type: ignore[attr-defined]
        return error

    # Reading

    def applications(self, client_id: str = "") -> list[Application]:
        """All app registrations, or those with this client id."""
        query = {"$select": SELECT, **({"$filter": f"appId eq '{client_id}'"} if client_id else {})}
        return [self._application("graph.applications", item) for item in self.pages("graph.applications", query=query)]

    def owned_applications(self, principal_id: str) -> list[Application]:
        """Those that a service principal owns: what a caller with Application.ReadWrite.OwnedBy may read (contract, G14)."""
        items = self.pages("graph.principal.owned", object_id=principal_id, query={"$top": None})
        applications = (item for item in items if str(item.get("@odata.type", "")).endswith(".application"))
        return [self._application("graph.principal.owned", item) for item in applications]

    def application(self, id: str) -> Application:
        return self._application(
            "graph.application", self.call("graph.application", object_id=id, query={"$select": SELECT})
        )

    def named_application(self, unique_name: str) -> Application:
        """The one with this uniqueName. Raises NotFoundError."""
        found = self.call("graph.application.named", object_id=unique_name, query={"$select": SELECT})
        return self._application("graph.application.named", found)

    def deleted_applications(self) -> list[Application]:
        query = {"$select": SELECT}
        items = self.pages("graph.application.deleted", query=query)
        return [self._application("graph.application.deleted", item) for item in items]

    def owners(self, application_id: str) -> set[str]:
        """The ids of the owners, in lower case."""
        items = self.pages("graph.application.owners", object_id=application_id, query={"$select": "id"})
        return {str(item["id"]).lower() for item in items}

    def principal(self, client_id: str) -> Principal | None:
        """The service principal of an application in this tenant."""
        item = self.principal_item(client_id, PRINCIPAL_SELECT)
        return None if item is None else self._principal("graph.principals", item)

    def principal_item(self, client_id: str, select: str) -> Mapping[str, Any] | None:
        """The service principal of an application as Graph shows it. Raises UnreliableAnswerError for another one."""
        query = {"$filter": f"appId eq '{client_id}'", "$select": select}
        found = list(self.pages("graph.principals", query=query))
        if any(str(item.get("appId")).lower() != client_id.lower() for item in found) or len(found) > 1:
            raise self.unreliable("graph.principals", "service principals that were not asked for", listing=True)
        return found[0] if found else None

    def grants(self, principal_id: str) -> list[Grant]:
        items = self.pages("graph.principal.grants", object_id=principal_id, query={"$top": None})
        return [self._checked("graph.principal.grants", _grant, item) for item in items]

    def people_with_plans(self, upns: Sequence[str]) -> list[Mapping[str, Any]]:
        """The users with these UPNs, with the service plans that they have (assignedPlans)."""
        found = list(self.users_by_upn(upns, ",assignedPlans"))
        for item in found:
            self._checked("graph.users", lambda one: objects_of(one.get("assignedPlans"), "assignedPlans"), item)
        return found

    def default_policy(self) -> Mapping[str, Any]:
        return self.call("graph.policy.default")

    def policies_of(self, application_id: str) -> Iterator[Mapping[str, Any]]:
        """The policies that apply to this application instead of the default one."""
        for policy in self.pages("graph.policies", query={"$top": None}):
            applies = self.pages("graph.policy.applies", object_id=str(policy["id"]), query={"$top": None})
            if application_id.lower() in {str(item["id"]).lower() for item in applies}:
                yield policy

    # Changing

    def upsert_application(self, unique_name: str, body: Mapping[str, Any]) -> Application | None:
        """Create the application with this uniqueName; None when it exists. It may be repeated (contract, G2)."""
        answer = self.call(
            "graph.application.upsert", object_id=unique_name, body=body, headers={"Prefer": "create-if-missing"}
        )
        return self._application("graph.application.upsert", answer) if answer else None

    def update_application(self, id: str, body: Mapping[str, Any]) -> None:
        self.call("graph.application.update", object_id=id, body=body)

    def delete_application(self, id: str) -> None:
        self.call("graph.application.delete", object_id=id)

    def restore_application(self, id: str) -> None:
        self.call("graph.application.restore", object_id=id, body={})

    def add_owner(self, application_id: str, owner_id: str) -> None:
        self.call("graph.application.own", object_id=application_id, body={"@odata.id": self.object_url(owner_id)})

    def object_url(self, id: str) -> str:
        return f"{self.root}/directoryObjects/{id}"

    def create_principal(self, client_id: str) -> Principal:
        answer = self.call("graph.principal.create", body={"appId": client_id})
        return self._principal("graph.principal.create", answer)

    def create_grant(self, principal_id: str, resource_id: str, scopes: Sequence[str]) -> None:
        body = {"clientId": principal_id, "consentType": "AllPrincipals", "resourceId": resource_id}
        self.call("graph.grant.create", body={**body, "scope": " ".join(scopes)})

    def update_grant(self, grant_id: str, scopes: Sequence[str]) -> None:
        self.call("graph.grant.update", object_id=grant_id, body={"scope": " ".join(scopes)})

    def add_password(self, application_id: str, name: str, end: float) -> NewPassword:
        """A new client secret. Its text is masked from now on in everything that this task says."""
        body = {"passwordCredential": {"displayName": name, "endDateTime": iso_time(end)}}
        answer = self.call("graph.secret.add", object_id=application_id, body=body)
        text = answer.get("secretText")
        if not isinstance(text, str) or len(text.strip()) < 8:
            raise self.unreliable("graph.secret.add", "a secret without its text")
        self._http.redactor.add(text)
        return NewPassword(self._checked("graph.secret.add", _password, answer), text)

    def remove_password(self, application_id: str, key_id: str) -> None:
        self.call("graph.secret.remove", object_id=application_id, body={"keyId": key_id})

    # Checking

    def _checked(self, endpoint_id: str, read: Any, item: Any) -> Any:
        try:
            return read(item)
        except OddValueError as error:
            raise self.unreliable(endpoint_id, error) from None

    def _application(self, endpoint_id: str, item: Any) -> Application:
        found: Application = self._checked(endpoint_id, _application, item)
        return found

    def _principal(self, endpoint_id: str, item: Any) -> Principal:
        found: Principal = self._checked(endpoint_id, _principal, item)
        return found


class RefusedError(AuthenticationError):
    """Graph refused one request with 403."""


def code_of(error: W365Error) -> str:
    """Graph's code of a refusal; empty where it gave none."""
    return str(getattr(error, "code", ""))


def _error_code(answer: Answer) -> str:
    try:
        found = answer.json()
    except ValueError:
        return ""
    error = found.get("error") if isinstance(found, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, str) else ""


def iso_time(seconds: float) -> str:
    """The time as Graph writes it: 2026-11-25T23:00:00Z."""
    return (_EPOCH + timedelta(seconds=int(seconds))).strftime("%Y-%m-%dT%H:%M:%SZ")


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def parsed_time(value: Any, what: str) -> float:
    """Seconds since 1970. Graph writes up to seven decimals, which Python 3.10 does not read."""
    try:
        whole, _dot, _decimals = value.rstrip("Z").partition(".")
        found = datetime.fromisoformat(whole)
        return (found.replace(tzinfo=found.tzinfo or timezone.utc) - _EPOCH).total_seconds()
    except (AttributeError, ValueError, OverflowError):
        raise OddValueError(f"{what} that is {shown(value)} and not a time") from None


def text_of(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    if value is not None and not isinstance(value, str):
        raise OddValueError(f"a {name} that is {shown(value)}")
    return value or ""


def texts_of(value: Any, what: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise OddValueError(f"{what} that is {shown(value)} and not a list of texts")
    return tuple(value)


def objects_of(value: Any, what: str) -> list[Mapping[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(part, Mapping) for part in value):
        raise OddValueError(f"{what} that is {shown(value)} and not a list of objects")
    return value


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise OddValueError(f"{what} that is {shown(value)} and not an object")
    return value


def _password(item: Mapping[str, Any]) -> Password:
    end = item.get("endDateTime")
    return Password(
        identifier(item.get("keyId"), "a secret with a keyId").lower(),
        text_of(item, "displayName"),
        parsed_time(item.get("startDateTime"), "a startDateTime"),
        None if end is None else parsed_time(end, "an endDateTime"),
        text_of(item, "hint"),
    )


def _application(item: Any) -> Application:
    item = _object(item, "an application")
    web = _object(item.get("web"), "a web")
    claims = _object(item.get("optionalClaims"), "optionalClaims")
    for name in ("idToken", "accessToken", "saml2Token"):
        for claim in objects_of(claims.get(name), f"the claims of {name}"):
            texts_of(claim.get("additionalProperties"), "additionalProperties of a claim")
    for access in objects_of(item.get("requiredResourceAccess"), "requiredResourceAccess"):
        identifier(access.get("resourceAppId"), "a resource with a resourceAppId")
        objects_of(access.get("resourceAccess"), "a resourceAccess")
    _object(item.get("servicePrincipalLockConfiguration"), "a servicePrincipalLockConfiguration")
    passwords = tuple(map(_password, objects_of(item.get("passwordCredentials"), "passwordCredentials")))
    created = item.get("createdDateTime")
    return Application(
        id=identifier(item.get("id"), "an application with an id"),
        client_id=identifier(item.get("appId"), "an application with an appId").lower(),
        display_name=text_of(item, "displayName"),
        unique_name=text_of(item, "uniqueName"),
        created=0.0 if created is None else parsed_time(created, "a createdDateTime"),
        tags=texts_of(item.get("tags"), "tags"),
        redirects=texts_of(web.get("redirectUris"), "redirectUris"),
        passwords=passwords,
        raw={name: item.get(name) for name in MERGED},
        template_id=text_of(item, "applicationTemplateId"),
        audience=text_of(item, "signInAudience"),
    )


def _principal(item: Any) -> Principal:
    item = _object(item, "a service principal")
    enabled, required = item.get("accountEnabled"), item.get("appRoleAssignmentRequired")
    scopes: dict[str, str] = {}
    for scope in objects_of(item.get("oauth2PermissionScopes"), "oauth2PermissionScopes"):
        if scope.get("isEnabled") is not False and isinstance(scope.get("value"), str):
            scopes[scope["value"]] = identifier(scope.get("id"), "a scope with an id")
    return Principal(
        id=identifier(item.get("id"), "a service principal with an id"),
        client_id=identifier(item.get("appId"), "a service principal with an appId"),
        display_name=text_of(item, "displayName"),
        enabled=enabled if isinstance(enabled, bool) else None,
        assignment_required=required if isinstance(required, bool) else None,
        scopes=scopes,
        owner=text_of(item, "appOwnerOrganizationId").lower(),
    )


def _grant(item: Mapping[str, Any]) -> Grant:
    kind = item.get("consentType")
    if kind not in ("AllPrincipals", "Principal"):
        raise OddValueError("a consent whose consentType is neither AllPrincipals nor Principal")
    return Grant(
        identifier(item.get("id"), "a consent with an id"),
        identifier(item.get("resourceId"), "a consent with a resourceId"),
        kind == "AllPrincipals",
        tuple(text_of(item, "scope").split()),
    )
