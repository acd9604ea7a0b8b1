# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token endpoint, as MSAL really calls it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import msal
import pytest

from w365_simulator.testing import Twin

TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
EXPIRED = "36500000-0000-4000-8000-0000000000a3"
SUBJECT = "system:serviceaccount:contoso:provisioning"


@pytest.fixture
def application(api: Any, twin: Twin) -> Callable[..., Any]:
    """Return a maker of MSAL applications that talk to the twin."""

    def make(credential: Any, *, tenant: str = "contoso.com", client_id: str = CLIENT) -> Any:
        return msal.ConfidentialClientApplication(
            client_id,
            authority=f"{twin.entra_authority}/{tenant}",
            client_credential=credential,
            instance_discovery=False,
            http_client=api.session,
        )

    return make


def scopes(twin: Twin) -> list[str]:
    return [f"{twin.graph_url}/.default"]


def works(api: Any, twin: Twin, result: dict[str, Any]) -> bool:
    """Whether a token opens Graph."""
    assert "access_token" in result, result
    headers = {"Authorization": f"Bearer {result['access_token']}"}
    return bool(api.session.get(f"{twin.graph_url}/v1.0/users", headers=headers, timeout=30).status_code == 200)


@pytest.mark.parametrize("tenant", [TENANT, TENANT.upper(), "contoso.com", "contoso.onmicrosoft.com"])
def test_secret_for_every_name_of_the_tenant(
    api: Any, twin: Twin, application: Callable[..., Any], tenant: str
) -> None:
    result = application("client-secret-of-the-twin", tenant=tenant).acquire_token_for_client(scopes(twin))
    assert result["expires_in"] == 3599
    assert works(api, twin, result)
    assert [request["path"].split("/", 2)[2] for request in twin.requests(surface="entra")] == [
        "v2.0/.well-known/openid-configuration",
        "oauth2/v2.0/token",
    ]


def test_wrong_secret(twin: Twin, application: Callable[..., Any]) -> None:
    result = application("a-wrong-secret").acquire_token_for_client(scopes(twin))
    assert result["error"] == "invalid_client"
    assert result["error_codes"] == [7000215]
    assert result["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")
    assert "a-wrong-secret" not in str(twin.requests())


def test_expired_secret(twin: Twin, application: Callable[..., Any]) -> None:
    result = application("expired-secret-of-the-twin", client_id=EXPIRED).acquire_token_for_client(scopes(twin))
    assert result["error_codes"] == [7000222]


def test_unknown_application(twin: Twin, application: Callable[..., Any]) -> None:
    client_id = "36500000-0000-4000-8000-0000000000ff"
    result = application("x", client_id=client_id).acquire_token_for_client(scopes(twin))
    assert (result["error"], result["error_codes"]) == ("unauthorized_client", [700016])


def test_unknown_tenant(api: Any, twin: Twin, application: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        application("x", tenant="fabrikam.com")
    url = f"{twin.entra_authority}/fabrikam.com/v2.0/.well-known/openid-configuration"
    for answer in (api.session.get(url, timeout=30), api.token_answer(tenant="fabrikam.com")):
        assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])
        assert answer.json()["error_description"].startswith("AADSTS90002: Tenant 'fabrikam.com' not found.")


def test_certificate_in_both_spellings(api: Any, twin: Twin, application: Callable[..., Any], certificate: Any) -> None:
    new = {"private_key": certificate.private(), "public_certificate": certificate.public}
    old = {"private_key": certificate.private(), "thumbprint": certificate.sha1}
    for credential in (new, old):
        assert works(api, twin, application(credential).acquire_token_for_client(scopes(twin)))


def test_certificate_that_is_not_registered(
    twin: Twin, application: Callable[..., Any], other_certificate: Any
) -> None:
    credential = {
        "private_key": other_certificate.private(),
        "public_certificate": other_certificate.public,
    }
    result = application(credential).acquire_token_for_client(scopes(twin))
    assert (result["error"], result["error_codes"]) == ("invalid_client", [700027])


def test_signature_of_another_key_under_a_registered_thumbprint(
    twin: Twin, application: Callable[..., Any], certificate: Any, other_certificate: Any
) -> None:
    credential = {"private_key": other_certificate.private(), "thumbprint": certificate.sha1}
    result = application(credential).acquire_token_for_client(scopes(twin))
    assert result["error_codes"] == [700027]
    assert "signature" in result["error_description"]


def assertion(certificate: Any, **changes: Any) -> str:
    """Return an assertion as a workload's own issuer would make it."""
    claims = {
        "iss": "https://issuer.contoso.com",
        "sub": SUBJECT,
        "aud": "api://AzureADTokenExchange",
        "exp": int(time.time()) + 600,
        **changes,
    }
    return jwt.encode(claims, certificate.private(), algorithm="RS256")


def test_federated_assertion(api: Any, twin: Twin, application: Callable[..., Any], other_certificate: Any) -> None:
    credential = {"client_assertion": lambda: assertion(other_certificate)}
    assert works(api, twin, application(credential).acquire_token_for_client(scopes(twin)))
    assert assertion(other_certificate)[:40] not in str(twin.requests())


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"sub": "somebody:else"}, 700213),
        ({"aud": "api://else"}, 700212),
        ({"exp": 1_000_000_000}, 700024),
    ],
)
def test_bad_federated_assertion(
    twin: Twin, application: Callable[..., Any], other_certificate: Any, change: dict[str, Any], number: int
) -> None:
    credential = {"client_assertion": lambda: assertion(other_certificate, **change)}
    result = application(credential).acquire_token_for_client(scopes(twin))
    assert result["error_codes"] == [number]


def test_garbage_for_an_assertion(twin: Twin, application: Callable[..., Any]) -> None:
    result = application({"client_assertion": lambda: "garbage"}).acquire_token_for_client(scopes(twin))
    assert result["error_codes"] == [50027]


@pytest.mark.parametrize(
    ("form", "status", "number"),
    [
        ({"scope": "User.Read"}, 400, 70011),
        ({"scope": "https://graph.microsoft.com/User.Read"}, 400, 1002012),
        ({"scope": "https://example.com/.default"}, 400, 500011),
        ({"scope": ""}, 400, 900144),
        ({"grant_type": "password"}, 400, 70003),
        ({"grant_type": ""}, 400, 900144),
        ({"client_secret": ""}, 401, 7000218),
    ],
)
def test_bad_forms(api: Any, form: dict[str, str], status: int, number: int) -> None:
    answer = api.token_answer(**form)
    assert (answer.status_code, answer.json()["error_codes"]) == (status, [number])


@pytest.mark.parametrize(
    "host", ["graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"]
)
def test_scopes_of_every_cloud(api: Any, host: str) -> None:
    assert api.token_answer(scope=f"https://{host}/.default").status_code == 200


def test_tokens_expire(api: Any, twin: Twin) -> None:
    twin.switches(token_lifetime=1)
    answer = api.token_answer().json()
    assert answer["expires_in"] == 1
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    time.sleep(1.2)
    refused = api.session.get(f"{twin.graph_url}/v1.0/users", headers=headers, timeout=30)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


def test_forged_tokens_are_refused(api: Any, twin: Twin) -> None:
    token = api.token_answer().json()["access_token"]
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = (
        base64.urlsafe_b64encode(json.dumps({**claims, "exp": claims["exp"] + 9999}).encode()).rstrip(b"=").decode()
    )
    for wrong in (f"{head}.{forged}.{signature}", "x", "a.b.c", ""):
        headers = {"Authorization": f"Bearer {wrong}"}
        refused = api.session.get(f"{twin.graph_url}/v1.0/users", headers=headers, timeout=30)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("app_service", [False, True])
def test_managed_identity(api: Any, twin: Twin, monkeypatch: pytest.MonkeyPatch, app_service: bool) -> None:
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET", "IDENTITY_SERVER_THUMBPRINT"):
        monkeypatch.delenv(name, raising=False)
    if app_service:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{twin.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "a-header")
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", twin.url)
    for identity in (msal.SystemAssignedManagedIdentity(), msal.UserAssignedManagedIdentity(client_id=CLIENT)):
        client = msal.ManagedIdentityClient(identity, http_client=api.session)
        assert works(api, twin, client.acquire_token_for_client(resource=twin.graph_url))
    unknown = msal.UserAssignedManagedIdentity(client_id="36500000-0000-4000-8000-0000000000ff")
    refused = msal.ManagedIdentityClient(unknown, http_client=api.session)
    assert "error" in refused.acquire_token_for_client(resource=twin.graph_url)


def test_managed_identity_needs_its_header(api: Any, twin: Twin) -> None:
    url = f"{twin.url}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={twin.graph_url}"
    assert api.session.get(url, timeout=30).status_code == 400
    assert api.session.get(url, headers={"Metadata": "true"}, timeout=30).status_code == 200
