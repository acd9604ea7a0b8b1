# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a person could sign in to an environment now, and why not: the settings of Workspace 365 against Entra.

This is what a person would see, so it looks at the truth and not at one replica: a secret that some replica refuses
still is a reason. It asks for nothing over the network and counts no answer.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlsplit

from ..clock import read
from ..directory import Directory, key
from ..wire import Answer, Call, json_answer
from . import passwords
from .objects import Document, everywhere
from .registry import ASSIGNMENT, GRANT, PRINCIPAL, SEEDED_END, Registry
from .resources import GRAPH

GUEST_CLAIM = "include_externally_authenticated_upn"


class SignIn:
    """Answers the probe of the control interface, and the redirect of an environment's sign-in page."""

    def __init__(self, registry: Registry, directory: Directory) -> None:
        self.registry = registry
        self.store = registry.store
        self.directory = directory

    def redirect(self, call: Call, name: str) -> Answer:
        """Answer /{environment}/SignIn as an environment with single sign-on: by sending the browser to its authority."""
        environment = self.directory.environment(name)
        if environment is None:
            return json_answer(404, {"Message": f"The environment '{name}' does not exist."})
        if environment["sso_authority"] is None:
            return Answer(200, b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
        query = "&".join(
            f"{field}={quote(value, safe='')}"
            for field, value in (
                ("client_id", environment["sso_client_id"]),
                ("response_type", "code"),
                ("redirect_uri", redirect_uri(call.base_url, environment["name"])),
            )
        )
        target = f"{environment['sso_authority'].rstrip('/')}/oauth2/authorize?{query}"
        return Answer(302, headers=[("Location", target)])

    def probe(self, name: str, user: str, instance: str) -> dict[str, Any]:
        """Return whether a person can sign in, with every reason against it by check and sentence."""
        reasons = [{"check": check, "reason": reason} for check, reason in self._reasons(name, user, instance)]
        return {"environment": name, "user": user, "can_sign_in": not reasons, "reasons": reasons}

    def _reasons(self, name: str, user: str, instance: str) -> list[tuple[str, str]]:
        environment = self.directory.environment(name)
        if environment is None:
            return [("environment", f"there is no environment {name!r}")]
        found = [] if environment["active"] else [("environment", f"the environment {name!r} is not active")]
        found += self._in_workspace(environment, user)
        if environment["sso_authority"] is None:
            return [*found, ("settings", "the environment has no single sign-on settings")]
        tenant = self._tenant(environment["sso_authority"])
        if tenant is None:
            return [*found, ("authority", f"no tenant belongs to the authority {environment['sso_authority']!r}")]
        person = self._person(tenant, user)
        if person is None:
            found.append(("authority", f"{user} is no user of the authority's tenant {tenant}"))
        elif not person["account_enabled"]:
            found.append(("account", f"the account {user} is disabled in Entra"))
        application = self.registry.application(tenant, environment["sso_client_id"])
        if application is None:
            return [*found, ("application", f"the tenant has no application {environment['sso_client_id']}")]
        uri = redirect_uri(instance, environment["name"])
        if uri not in application["web"]["redirectUris"]:
            found.append(("redirect", f"AADSTS50011: the redirect URI {uri} is not registered"))
        found += self._key(tenant, application, environment["sso_key"] or "")
        return found + self._principal(tenant, application, person)

    def _in_workspace(self, environment: Any, user: str) -> list[tuple[str, str]]:
        row = self.directory.user_by_upn(environment["id"], user)
        if row is None:
            return [("user", f"the environment has no user {user}")]
        return [] if row["active"] else [("active", f"{user} is not active in the environment")]

    def _tenant(self, authority: str) -> str | None:
        name = urlsplit(authority).path.strip("/").partition("/")[0].lower()
        found = self.store.value(
            "SELECT id FROM tenants WHERE id = ?1 OR id = (SELECT tenant FROM domains WHERE name = ?1)", (name,)
        )
        return None if found is None else str(found)

    def _person(self, tenant: str, user: str) -> Any:
        """Return a person of a tenant: a member by UPN, a guest by the address of the home tenant as well."""
        return self.store.one(
            "SELECT * FROM graph_users WHERE tenant = ?1 AND (upn_key = ?2 OR (user_type = 'Guest' AND mail_key = ?2))",
            (tenant, key(user)),
        )

    def _key(self, tenant: str, application: Document, text: str) -> list[tuple[str, str]]:
        row = self.registry.row(application)
        clock = self.registry.clock
        verdict = passwords.UNKNOWN
        if row is not None and row["client_secret"] == text and text:
            end = json.loads(row["entra"] or "{}").get("secret_end", SEEDED_END)
            good = not row["secret_expired"] and read(end) > clock.seconds()
            verdict = passwords.GOOD if good else passwords.EXPIRED
        else:
            verdict, _ = passwords.verdict(application, text, clock, count=False)
        if verdict == passwords.EXPIRED:
            return [("key", "AADSTS7000222: the key of the settings has expired")]
        if verdict != passwords.GOOD:
            return [
                ("key", "AADSTS7000215: the key of the settings is no secret of the application, or not yet everywhere")
            ]
        return []

    def _principal(self, tenant: str, application: Document, person: Any) -> list[tuple[str, str]]:
        principal = self.registry.principal(tenant, application["appId"])
        if principal is None or not everywhere(principal.get("_replicas")):
            return [("principal", "AADSTS7000229: the application has no service principal, or not everywhere yet")]
        found = []
        if not principal["accountEnabled"]:
            found.append(("principal", "AADSTS7000112: the service principal is disabled"))
        missing = self._missing_consent(tenant, application, principal, person)
        if missing:
            found.append(("consent", f"AADSTS65001: need admin approval for {', '.join(missing)}"))
        if (
            person is not None
            and principal["appRoleAssignmentRequired"]
            and not self._assigned(tenant, principal, person)
        ):
            found.append(("assignment", "AADSTS50105: the user is not assigned to the application"))
        if person is not None and person["user_type"] == "Guest" and not sends_guest_names(application):
            found.append(("claim", f"a guest's name needs the optional claim upn with {GUEST_CLAIM}"))
        return found

    def _missing_consent(self, tenant: str, application: Document, principal: Document, person: Any) -> list[str]:
        row = self.registry.row(application)
        if row is not None and not row["admin_consent"]:
            return ["everything"]
        granted: dict[str, set[str]] = {}
        for grant in self.registry.objects.all(tenant, GRANT, clientId=principal["id"]):
            if grant["consentType"] == "AllPrincipals" or (person is not None and grant["principalId"] == person["id"]):
                granted.setdefault(grant["resourceId"], set()).update(grant["scope"].split())
        missing = []
        for resource in application["requiredResourceAccess"]:
            wanted = {item["id"] for item in resource["resourceAccess"] if item.get("type") == "Scope"}
            service = self.registry.objects.by_app_id(tenant, PRINCIPAL, resource["resourceAppId"])
            names = (
                {} if service is None else {scope["id"]: scope["value"] for scope in service["oauth2PermissionScopes"]}
            )
            have = set() if service is None else granted.get(service["id"], set())
            missing += sorted(str(names.get(id_, id_)) for id_ in wanted if names.get(id_) not in have)
        graph = self.registry.objects.by_app_id(tenant, PRINCIPAL, GRAPH)
        if not application["requiredResourceAccess"] and graph is not None and not granted.get(graph["id"]):
            missing.append("openid")
        return missing

    def _assigned(self, tenant: str, principal: Document, person: Any) -> bool:
        groups = {
            row["id"]
            for row in self.store.all(
                "SELECT graph_groups.id FROM graph_members JOIN graph_groups ON graph_groups.position = group_position WHERE"
                " relation = 'member' AND kind = 'user' AND member_position = ?",
                (person["position"],),
            )
        }
        return any(
            assignment["principalId"] in {person["id"], *groups}
            for assignment in self.registry.objects.all(tenant, ASSIGNMENT, resourceId=principal["id"])
        )


def redirect_uri(instance: str, environment: str) -> str:
    """Return where Entra sends people back to, without a slash at the end."""
    return f"{instance.rstrip('/')}/{environment}/OAuth2/HandleAuthorityResponse"


def sends_guest_names(application: Document) -> bool:
    """Whether the id token has the claim by which a guest is recognized."""
    claims = (application.get("optionalClaims") or {}).get("idToken") or []
    return any(
        claim.get("name") == "upn" and GUEST_CLAIM in (claim.get("additionalProperties") or []) for claim in claims
    )
