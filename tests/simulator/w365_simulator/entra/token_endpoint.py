# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Microsoft Entra's endpoints for programs: OIDC discovery, client credentials and managed identity.

Errors carry Entra's own numbers and wording, because people search for them.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..clock import read
from ..contract import Router
from ..store import Store
from ..switches import Switches
from ..tokens import Tokens, encode
from ..wire import Answer, Call, json_answer
from . import passwords
from .objects import Document
from .registry import FEDERATED, SEEDED_END, Registry

GRAPH_APPLICATION = "00000003-0000-0000-c000-000000000000"
GRAPH_HOSTS = {
    "graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn",
}  # fmt: skip
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FEDERATED_AUDIENCE = "api://AzureADTokenExchange"


class EntraError(Exception):
    """An error of the token endpoint: HTTP status, OAuth error, AADSTS number and sentence."""

    def __init__(self, status: int, error: str, number: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.error = error
        self.number = number
        self.sentence = sentence


class Entra:
    """Answers /{tenant}/… and the managed-identity endpoints."""

    def __init__(self, store: Store, switches: Switches, tokens: Tokens, registry: Registry) -> None:
        self.registry = registry
        self.clock = registry.clock
        self.store = store
        self.switches = switches
        self.tokens = tokens
        self._router = Router("entra", ignore_case=True)
        self._keys: dict[str, list[tuple[Any, set[str], float]]] = {}

    def answer(self, call: Call) -> Answer:
        """Answer one call."""
        endpoint, names, others = self._router.find(call.method, call.path)
        if endpoint is None:
            return json_answer(
                405 if others else 404, {"error": "not_found", "error_description": f"No such endpoint: {call.path}."}
            )
        try:
            if endpoint.id == "entra_discovery":
                return self._discovery(call, names["tenant"])
            if endpoint.id == "entra_keys":
                return json_answer(200, {"keys": []})
            if endpoint.id == "entra_token":
                return self._token(call, names["tenant"])
            return self._managed_identity(call, app_service=endpoint.id == "managed_identity_app_service")
        except EntraError as problem:
            return _refusal(problem)

    def _tenant(self, name: str) -> Any:
        tenant = self.store.one(
            "SELECT * FROM tenants WHERE id = ?1 OR id = (SELECT tenant FROM domains WHERE name = ?1)", (name.lower(),)
        )
        if tenant is None:
            raise EntraError(
                400,
                "invalid_request",
                90002,
                f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID and are signing into the"
                " correct cloud. Check with your subscription administrator, this may happen if there are no active"
                " subscriptions for the tenant.",
            )
        return tenant

    def _discovery(self, call: Call, name: str) -> Answer:
        tenant = self._tenant(name)
        root = f"{call.base_url}/{tenant['id']}"
        return json_answer(
            200,
            {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{root}/v2.0",
                "request_uri_parameter_supported": False,
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "tenant_region_scope": "EU",
                "cloud_instance_name": "microsoftonline.com",
                "msgraph_host": "graph.microsoft.com",
            },
        )

    # ---- client credentials

    def _token(self, call: Call, tenant_name: str) -> Answer:
        form = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
        tenant = self._tenant(tenant_name)
        if not form.get("grant_type"):
            raise EntraError(
                400, "invalid_request", 900144, "The request body must contain the following parameter: 'grant_type'."
            )
        if form["grant_type"] != "client_credentials":
            raise EntraError(
                400,
                "unsupported_grant_type",
                70003,
                f"The app requested an unsupported grant type '{form['grant_type']}'.",
            )
        for name in ("client_id", "scope"):
            if not form.get(name):
                raise EntraError(
                    400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'."
                )
        # An application of another tenant is known here by its service principal.
        document = self.registry.application(tenant["id"], form["client_id"])
        if document is None and self.registry.principal(tenant["id"], form["client_id"]) is not None:
            document = self.registry.foreign_application(form["client_id"])
        application = None if document is None else self.registry.row(document)
        if application is None or document is None:
            raise EntraError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier '{form['client_id']}' was not found in the directory"
                f" '{tenant['display_name']}'. This can happen if the application has not been installed by the"
                " administrator of the tenant or consented to by any user in the tenant. You may have sent your"
                " authentication request to the wrong tenant.",
            )
        principal = self.registry.principal(tenant["id"], application["client_id"])
        if form.get("client_assertion"):
            self._check_assertion(call, form, tenant, application)
        elif form.get("client_secret"):
            self._check_secret(form["client_secret"], application, [document, principal])
        else:
            raise EntraError(
                401,
                "invalid_client",
                7000218,
                "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
            )
        audience = self._audience(call, form["scope"], tenant)
        self._check_principal(application, principal, tenant)
        if not application["admin_consent"]:
            raise EntraError(
                400,
                "invalid_grant",
                65001,
                f"The user or administrator has not consented to use the application with ID"
                f" '{application['client_id']}' named '{application['display_name']}'. Send an interactive"
                " authorization request for this user and resource.",
            )
        return self._issue(call, tenant["id"], application, audience)

    def _issue(self, call: Call, tenant: str, application: Any, audience: str) -> Answer:
        lifetime = self.switches.token_lifetime
        token = self._access_token(call, tenant, application, audience, lifetime)
        return json_answer(
            200, {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token}
        )

    def _access_token(self, call: Call, tenant: str, application: Any, audience: str, lifetime: int) -> str:
        return self.tokens.issue(
            tenant=tenant,
            client_id=application["client_id"],
            permissions=self.registry.permissions(tenant, application),
            audience=audience,
            issuer=f"{call.base_url}/{tenant}/v2.0",
            lifetime=lifetime,
            principal=(self.registry.principal(tenant, application["client_id"]) or {}).get("id"),
        )

    def _check_secret(self, given: str, application: Any, documents: list[Document | None]) -> None:
        """Accept a secret of the application that is valid now and that this replica has; refuse every other."""
        if application["client_secret"] is not None and given == application["client_secret"]:
            more = json.loads(application["entra"] or "{}")
            expired = application["secret_expired"]
            if not expired and read(more.get("secret_end", SEEDED_END)) > self.clock.seconds():
                return
            raise _expired(application["client_id"])
        for document in documents:
            if document is None:
                continue
            verdict, _ = passwords.verdict(document, given, self.clock)
            self.registry.objects.save(document)
            if verdict == passwords.GOOD:
                return
            if verdict == passwords.EXPIRED:
                raise _expired(application["client_id"])
        raise EntraError(
            401,
            "invalid_client",
            7000215,
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value,"
            f" not the client secret ID, for a secret added to app '{application['client_id']}'.",
        )

    def _check_principal(self, application: Any, principal: Document | None, tenant: Any) -> None:
        if principal is None:
            raise EntraError(
                401,
                "unauthorized_client",
                7000229,
                f"The client application '{application['client_id']}' is missing service principal in the tenant"
                f" '{tenant['id']}'. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119",
            )
        if not principal["accountEnabled"]:
            raise EntraError(
                401,
                "unauthorized_client",
                7000112,
                f"Application '{application['client_id']}'({application['display_name']}) is disabled.",
            )

    def _audience(self, call: Call, scope: str, tenant: Any) -> str:
        if " " in scope.strip() or not scope.strip().endswith("/.default"):
            if "/" in scope or scope.strip() in ("openid", "profile", "offline_access", "email"):
                raise EntraError(
                    400,
                    "invalid_scope",
                    1002012,
                    f"The provided value for scope {scope} is not valid. Client credential flows must have a scope"
                    " value with /.default suffixed to the resource identifier (application ID URI).",
                )
            raise EntraError(
                400,
                "invalid_scope",
                70011,
                "The provided request must include a 'scope' input parameter. The provided value for the input"
                f" parameter 'scope' is not valid. The scope {scope} is not valid.",
            )
        return self._resource(call, scope.strip().removesuffix("/.default"), tenant)

    def _resource(self, call: Call, resource: str, tenant: Any) -> str:
        """Check that a resource is Graph: the real one of any cloud, or the twin's own."""
        parts = urlsplit(resource)
        own = urlsplit(call.base_url)
        is_own = (
            parts.scheme == "https"
            and parts.port == own.port
            and parts.path.rstrip("/") in ("", "/graph", "/graph/v1.0")
        )
        if resource == GRAPH_APPLICATION or (parts.hostname or "") in GRAPH_HOSTS or is_own:
            return resource
        raise EntraError(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {resource} was not found in the tenant named {tenant['display_name']}. This"
            " can happen if the application has not been installed by the administrator of the tenant or consented to"
            " by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
        )

    # ---- client assertions: certificates and workload identities

    def _check_assertion(self, call: Call, form: dict[str, str], tenant: Any, application: Any) -> None:
        import jwt  # only tests with certificates need it, and it is slow to load

        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise EntraError(
                400,
                "invalid_request",
                50027,
                f"JWT token is invalid or malformed: client_assertion_type is not '{ASSERTION_TYPE}'.",
            )
        assertion = form["client_assertion"]
        try:
            claims = jwt.decode(
                assertion, options={"verify_signature": False, "verify_aud": False, "verify_exp": False}
            )
            header = jwt.get_unverified_header(assertion)
        except jwt.PyJWTError as problem:
            raise EntraError(401, "invalid_client", 50027, f"JWT token is invalid or malformed: {problem}") from problem
        expires = claims.get("exp")
        if not isinstance(expires, (int, float)) or expires < time.time() - 300:
            raise EntraError(
                401,
                "invalid_client",
                700024,
                "Client assertion is not within its valid time range. Current time and the assertion's expiry differ;"
                " review the clock of the machine that signed it.",
            )
        if claims.get("iss") != application["client_id"]:
            known = self.registry.objects.all(application["tenant"], FEDERATED, _application=application["object_id"])
            _check_federated(claims, application, known)
            return
        self._check_certificate(assertion, header, claims, call, tenant, application)

    def _check_certificate(
        self, assertion: str, header: dict[str, Any], claims: dict[str, Any], call: Call, tenant: Any, application: Any
    ) -> None:
        import jwt

        # MSAL pads the thumbprint, other libraries do not.
        thumbprints = {str(header[name]).rstrip("=") for name in ("x5t", "x5t#S256", "kid") if header.get(name)}
        fitting = [found for found in self._certificates(application["certificates"]) if found[1] & thumbprints]
        keys = [key for key, _, end in fitting if end > self.clock.seconds()]
        if fitting and not keys:
            raise EntraError(
                401,
                "invalid_client",
                700027,
                "Client assertion failed signature validation. [Reason - The key used is expired.]",
            )
        if not keys:
            raise EntraError(
                401,
                "invalid_client",
                700027,
                "The certificate with identifier used to sign the client assertion is not registered on application."
                " [Reason - The key was not found., Thumbprint of key used by client:"
                f" '{', '.join(sorted(thumbprints))}']",
            )
        audiences = [
            f"{call.base_url}/{name}{rest}"
            for name in (tenant["id"], call.path.split("/")[1])
            for rest in ("/oauth2/v2.0/token", "/v2.0", "")
        ]
        try:
            jwt.decode(assertion, keys[0], algorithms=["RS256", "PS256"], audience=audiences, leeway=300)
        except jwt.InvalidAudienceError as problem:
            raise EntraError(
                401,
                "invalid_client",
                700023,
                f"Client assertion audience claim does not match Realm issuer: '{claims.get('aud')}'.",
            ) from problem
        except jwt.PyJWTError as problem:
            raise EntraError(
                401,
                "invalid_client",
                700027,
                f"Client assertion failed signature validation. [Reason - The key used is not valid: {problem}]",
            ) from problem
        if claims.get("sub") != application["client_id"]:
            raise EntraError(
                401,
                "invalid_client",
                700021,
                "Client assertion application identifier doesn't match 'client_id' parameter.",
            )

    def _certificates(self, certificates: str) -> list[tuple[Any, set[str], float]]:
        """Return the public keys of registered certificates, their thumbprints in every spelling, and when they end."""
        if certificates not in self._keys:
            from cryptography import x509
            from cryptography.hazmat.primitives import hashes

            found: list[tuple[Any, set[str], float]] = []
            for text in json.loads(certificates):
                certificate = x509.load_pem_x509_certificate(text.encode())
                sha1 = certificate.fingerprint(hashes.SHA1())  # noqa: S303 - Entra's own name for a certificate
                sha256 = certificate.fingerprint(hashes.SHA256())
                spellings = {encode(sha1), encode(sha256), sha1.hex().upper(), sha256.hex().upper()}
                found.append((certificate.public_key(), spellings, certificate.not_valid_after_utc.timestamp()))
            self._keys[certificates] = found
        return self._keys[certificates]

    # ---- managed identity

    def _managed_identity(self, call: Call, *, app_service: bool) -> Answer:
        header = "x-identity-header" if app_service else "metadata"
        if not call.headers.get(header):
            return json_answer(
                400, {"error": "invalid_request", "error_description": f"Required {header} header not specified"}
            )
        resource = call.query.get("resource", "")
        client_id = call.query.get("client_id")
        application = self.store.one(
            f"SELECT * FROM applications {'WHERE client_id = ?' if client_id else ''} ORDER BY position LIMIT 1",
            (client_id.lower(),) if client_id else (),
        )
        if application is None:
            return json_answer(400, {"error": "invalid_request", "error_description": "Identity not found"})
        tenant = self.store.one("SELECT * FROM tenants WHERE id = ?", (application["tenant"],))
        try:
            audience = self._resource(call, resource.rstrip("/"), tenant)
        except EntraError as problem:
            return json_answer(
                400, {"error": problem.error, "error_description": f"AADSTS{problem.number}: {problem.sentence}"}
            )
        lifetime = self.switches.token_lifetime
        expires = int(time.time()) + lifetime
        return json_answer(
            200,
            {
                "access_token": self._access_token(call, tenant["id"], application, audience, lifetime),
                "client_id": application["client_id"],
                "expires_in": str(lifetime),
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
            },
        )


def _expired(client_id: str) -> EntraError:
    return EntraError(
        401,
        "invalid_client",
        7000222,
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal"
        " to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate"
        " credentials for added security: https://aka.ms/certCreds.",
    )


def _check_federated(claims: dict[str, Any], application: Any, known: list[Document]) -> None:
    """Accept an assertion of another issuer by subject and audience; its signature can only be checked by that issuer."""
    audience = claims.get("aud")
    for credential in known:
        same = (credential["issuer"], credential["subject"]) == (claims.get("iss"), claims.get("sub"))
        if same and credential["audiences"][0] in (audience if isinstance(audience, list) else [audience]):
            return
    if FEDERATED_AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
        raise EntraError(
            400,
            "invalid_request",
            700212,
            f"No matching federated identity record found for presented assertion audience '{audience}'.",
        )
    if claims.get("sub") not in json.loads(application["federated_subjects"]):
        raise EntraError(
            400,
            "invalid_request",
            700213,
            f"No matching federated identity record found for presented assertion subject '{claims.get('sub')}'. Check"
            " your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        )


def _refusal(problem: EntraError) -> Answer:
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    return json_answer(
        problem.status,
        {
            "error": problem.error,
            "error_description": (
                f"AADSTS{problem.number}: {problem.sentence} Trace ID: {trace} Correlation ID: {correlation} Timestamp:"
                f" {stamp}"
            ),
            "error_codes": [problem.number],
            "timestamp": stamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={problem.number}",
        },
    )
