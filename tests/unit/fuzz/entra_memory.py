# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Microsoft Entra's app registrations in memory, which tell the truth, and what Workspace 365 holds of one.

Written from the contract. One request takes a second of its clock, which tests may set.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import Any

GRAPH_API = "00000003-0000-0000-c000-000000000000"
POWER_BI_API = "00000009-0000-0000-c000-000000000000"
SCOPES = (
    *("Directory.ReadWrite.All", "Calendars.ReadWrite.Shared", "Contacts.ReadWrite.Shared", "Files.ReadWrite.All"),
    *("Mail.ReadWrite.Shared", "Mail.Send", "Mail.Send.Shared", "People.Read", "Sites.FullControl.All"),
    *("Tasks.ReadWrite.Shared", "User.Read", "openid"),
)
POWER_BI = ("Dashboard.Read.All", "Dataset.Read.All", "Dataset.ReadWrite.All", "Group.Read.All", "Report.Read.All")
CALLER = "00000000-0000-4000-8000-0000000000c1"
CALLER_CLIENT = "00000000-0000-4000-8000-000000000000"
DAY = 86_400.0


class RefusalError(Exception):
    """A status other than success, with Graph's code and message."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(status)
        self.status = status
        self.body = {"error": {"code": code, "message": message or code}}


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def seconds_of(text: str) -> float:
    return datetime.fromisoformat(text.rstrip("Z").partition(".")[0]).replace(tzinfo=timezone.utc).timestamp()


def scope_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


class EntraMemory:
    """A tenant with the caller's service principal and Microsoft Graph. Ids are numbered, so that runs can be compared."""

    def __init__(self, now: float = 1_795_000_000.0) -> None:
        self.now = now
        self.applications: list[dict[str, Any]] = []
        self.deleted: list[dict[str, Any]] = []
        self.texts: dict[str, str] = {}
        """The texts of secrets by their key id."""
        self.owners: dict[str, list[str]] = {}
        self.principals = [
            self._principal(CALLER, CALLER_CLIENT, "Automation", ()),
            self._principal(self._id("d1"), GRAPH_API, "Microsoft Graph", SCOPES),
        ]
        self.grants: list[dict[str, Any]] = []
        self.default_policy: dict[str, Any] = {"id": self._id("e1"), "isEnabled": False}
        self.policies: list[tuple[dict[str, Any], list[str]]] = []
        self.made: set[str] = set()
        """The ids of the secrets that were made by requests."""
        self.owned_only = False
        self.sso: dict[str, str] | None = None
        """What Workspace 365 holds: Authority, ClientId and Key."""
        self.held: list[str] = []
        """The keys that Workspace 365 was given, in order."""
        self._count = 0

    @staticmethod
    def _id(end: str) -> str:
        return f"00000000-0000-4000-8000-{end:0>12}"

    def _next(self) -> str:
        self._count += 1
        return self._id(f"f{self._count:03x}")

    @staticmethod
    def _principal(id: str, client_id: str, name: str, scopes: tuple[str, ...]) -> dict[str, Any]:
        return {
            "id": id,
            "appId": client_id,
            "displayName": name,
            "accountEnabled": True,
            "appRoleAssignmentRequired": False,
            "oauth2PermissionScopes": [{"id": scope_id(one), "value": one, "isEnabled": True} for one in scopes],
        }

    @property
    def date(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.now, timezone.utc), usegmt=True)

    # For tests

    def new_application(self, **more: Any) -> dict[str, Any]:
        id = self._next()
        application = {
            "id": id,
            "appId": self._next(),
            "displayName": "Workspace365 - contoso",
            "uniqueName": None,
            "createdDateTime": iso(self.now),
            "signInAudience": "AzureADMyOrg",
            "tags": [],
            "web": {"homePageUrl": None, "logoutUrl": None, "redirectUris": [], "implicitGrantSettings": {"enableIdTokenIssuance": True}},
            "requiredResourceAccess": [],
            "optionalClaims": None,
            "servicePrincipalLockConfiguration": None,
            "passwordCredentials": [],
            **more,
        }  # fmt: skip
        self.owners[id] = [CALLER]
        self.applications.append(application)
        return application

    def new_secret(self, application: dict[str, Any], name: str, text: str, days: float = 365) -> str:
        key_id = self._next()
        application["passwordCredentials"].append(
            {"keyId": key_id, "displayName": name, "startDateTime": iso(self.now), "endDateTime": iso(self.now + days * DAY), "hint": text[:3], "secretText": None}
        )  # fmt: skip
        self.texts[key_id] = text
        return key_id

    def accepts(self, client_id: str, text: str) -> bool:
        """Whether the token endpoint gives a token for this secret."""
        return any(
            self.texts[one["keyId"]] == text and seconds_of(one["endDateTime"]) > self.now
            for application in self.applications
            if application["appId"] == client_id
            for one in application["passwordCredentials"]
        )

    def signs_in(self) -> bool:
        """Whether a user could sign in to Workspace 365 now."""
        sso = self.sso
        return bool(sso and self.accepts(sso["ClientId"], sso["Key"]))

    # Requests

    def answer(self, endpoint: str, id: str, query: Mapping[str, str], body: Any) -> Any:
        self.now += 1.0
        name = endpoint.removeprefix("graph.").replace(".", "_")
        found: Any = getattr(self, f"_{name}")(id, query, copy.deepcopy(body))
        return copy.deepcopy(found)

    def _by(self, items: list[dict[str, Any]], name: str, value: str) -> dict[str, Any]:
        found = next((item for item in items if item.get(name) == value), None)
        if found is None:
            raise RefusalError(
                404,
                "Request_ResourceNotFound",
                f"Resource '{value}' does not exist or one of its queried reference-property objects are not present.",
            )
        return found

    def _applications(self, _id: str, query: Mapping[str, str], _body: Any) -> Any:
        if self.owned_only:
            raise RefusalError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
        wanted = query.get("$filter", "").partition("'")[2].rstrip("'")
        return [item for item in self.applications if not wanted or item["appId"] == wanted]

    def _application(self, id: str, _query: Any, _body: Any) -> Any:
        return self._by(self.applications, "id", id)

    def _application_named(self, id: str, _query: Any, _body: Any) -> Any:
        return self._by(self.applications, "uniqueName", id)

    def _application_upsert(self, id: str, query: Any, body: Any) -> Any:
        owners = [one.rpartition("/")[2] for one in body.pop("owners@odata.bind", [])]
        found = next((item for item in self.applications if item["uniqueName"] == id), None)
        if found is not None:
            found.update(body)
            return None
        created = self.new_application(**body, uniqueName=id)
        self.owners[created["id"]] = owners or [CALLER]
        return created

    def _application_update(self, id: str, _query: Any, body: Any) -> Any:
        application = self._by(self.applications, "id", id)
        assert "passwordCredentials" not in body, "never sent (contract, G16)"
        web = body.pop("web", None)
        if web:
            application["web"] = {**application["web"], **web}
        application.update(body)

    def _application_deleted(self, _id: str, _query: Any, _body: Any) -> Any:
        return self.deleted

    def _application_restore(self, id: str, _query: Any, _body: Any) -> Any:
        found = self._by(self.deleted, "id", id)
        self.deleted.remove(found)
        self.applications.append(found)
        return found

    def _application_owners(self, id: str, _query: Any, _body: Any) -> Any:
        return [
            {"@odata.type": "#microsoft.graph.user", "id": one}
            for one in self.owners[self._by(self.applications, "id", id)["id"]]
        ]

    def _application_own(self, id: str, _query: Any, body: Any) -> Any:
        self.owners[id].append(body["@odata.id"].rpartition("/")[2])

    def _secret_add(self, id: str, _query: Any, body: Any) -> Any:
        application = self._by(self.applications, "id", id)
        given = body["passwordCredential"]
        text = f"secret~of.the_memory~{self._count + 1:04}"
        days = (seconds_of(given["endDateTime"]) - self.now) / DAY
        key_id = self.new_secret(application, given["displayName"], text, days)
        self.made.add(key_id)
        return {**self._by(application["passwordCredentials"], "keyId", key_id), "secretText": text}

    def _secret_remove(self, id: str, _query: Any, body: Any) -> Any:
        application = self._by(self.applications, "id", id)
        application["passwordCredentials"].remove(self._by(application["passwordCredentials"], "keyId", body["keyId"]))

    def _principals(self, _id: str, query: Mapping[str, str], _body: Any) -> Any:
        wanted = query["$filter"].partition("'")[2].rstrip("'")
        return [item for item in self.principals if item["appId"] == wanted]

    def _principal_create(self, _id: str, _query: Any, body: Any) -> Any:
        client_id = body["appId"]
        if any(item["appId"] == client_id for item in self.principals):
            raise RefusalError(409, "Request_MultipleObjectsWithSameKeyValue", "The service principal exists.")
        if client_id == POWER_BI_API:
            self.principals.append(self._principal(self._next(), client_id, "Power BI Service", POWER_BI))
        else:
            application = self._by(self.applications, "appId", client_id)
            self.principals.append(self._principal(self._next(), client_id, application["displayName"], ()))
        return self.principals[-1]

    def _principal_owned(self, id: str, _query: Any, _body: Any) -> Any:
        return [
            {**item, "@odata.type": "#microsoft.graph.application"}
            for item in self.applications
            if id in self.owners[item["id"]]
        ]

    def _principal_grants(self, id: str, _query: Any, _body: Any) -> Any:
        return [grant for grant in self.grants if grant["clientId"] == id]

    def _grant_create(self, _id: str, _query: Any, body: Any) -> Any:
        same = ("clientId", "resourceId", "consentType")
        if any(all(grant[name] == body[name] for name in same) for grant in self.grants):
            raise RefusalError(409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists.")
        self.grants.append({"id": f"grant-{len(self.grants) + 1}", "principalId": None, **body})
        return self.grants[-1]

    def _grant_update(self, id: str, _query: Any, body: Any) -> Any:
        self._by(self.grants, "id", id)["scope"] = body["scope"]

    def _policy_default(self, _id: str, _query: Any, _body: Any) -> Any:
        return self.default_policy

    def _policies(self, _id: str, _query: Any, _body: Any) -> Any:
        return [policy for policy, _applies in self.policies]

    def _policy_applies(self, id: str, _query: Any, _body: Any) -> Any:
        return [{"id": one} for policy, applies in self.policies for one in applies if policy["id"] == id]


LISTS = frozenset(
    f"graph.{name}"
    for name in ("applications", "application.deleted", "application.owners", "principals", "principal.owned",
                 "principal.grants", "policies", "policy.applies")
)  # fmt: skip
ENDPOINTS = (
    *("graph.applications", "graph.application", "graph.application.named", "graph.application.upsert"),
    *("graph.application.update", "graph.application.deleted", "graph.application.restore", "graph.application.owners"),
    *("graph.application.own", "graph.secret.add", "graph.secret.remove", "graph.principals", "graph.principal.create"),
    *("graph.principal.owned", "graph.principal.grants", "graph.grant.create", "graph.grant.update"),
    *("graph.policy.default", "graph.policies", "graph.policy.applies"),
)


def seeded(server: str) -> EntraMemory:
    """The tenant of a scenario: empty; "existing", where an older application is to be adopted and completed; "linked", where
    everything is done; "deleted"; "owned" for a caller that may list only what it owns."""
    entra = EntraMemory()
    if server not in ("existing", "linked", "deleted", "owned", "old"):
        return entra
    redirect = "https://w365.contoso.com/contoso/OAuth2/HandleAuthorityResponse"
    application = entra.new_application()
    application["web"]["redirectUris"] = [redirect]
    application["tags"] = ["of-somebody"]
    entra.principals.append(entra._principal(entra._next(), application["appId"], "Workspace365 - contoso", ()))
    entra.grants.append({"id": "grant-1", "clientId": entra.principals[-1]["id"], "consentType": "AllPrincipals", "principalId": None, "resourceId": entra.principals[1]["id"], "scope": "User.Read Notes.Read"})  # fmt: skip
    entra.policies.append(({"id": entra._id("e2"), "isEnabled": True, "restrictions": {"passwordCredentials": [{"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled"}]}}, [application["id"]]))  # fmt: skip
    entra.owned_only = server == "owned"
    if server == "deleted":
        application["tags"].append("w365:sso:w365.contoso.com:contoso")
        entra.applications.remove(application)
        entra.deleted.append(application)
    if server == "old":
        key = entra.new_secret(application, "w365 contoso 2026-01-01T00:00:00Z 0a1b2c", "secret~that-is-old")
        entra.new_secret(application, "of somebody", "secret~of-somebody")
        application["tags"] += ["w365:sso:w365.contoso.com:contoso", f"w365:linked:contoso:{key}"]
        entra.now += 30 * DAY
        key = entra.new_secret(application, "w365 contoso 2026-02-01T00:00:00Z 0a1b2d", "secret~that-is-newer", 20)
        application["tags"][-1] = f"w365:linked:contoso:{key}"
        entra.now += 10 * DAY
    return entra
