# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe that says whether a person could sign in: every reason against it, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from w365_simulator.testing import Twin, TwinError

ADELE = "adele.vance@contoso.com"
GRAPH = "00000003-0000-0000-c000-000000000000"
UNIQUE = "/applications(uniqueName='w365-sso:localhost:contoso')"
CLAIM = {"name": "upn", "essential": False, "additionalProperties": ["include_externally_authenticated_upn"]}


def checks(twin: Twin, user: str = ADELE) -> list[str]:
    found = twin.sign_in("contoso", user)
    assert found["can_sign_in"] is (not found["reasons"])
    return [reason["check"] for reason in found["reasons"]]


@pytest.fixture
def linked(api: Any, twin: Twin) -> dict[str, Any]:
    """Set single sign-on up over the wire, as a client does; return what was made."""
    graph = api.call("GET", f"/servicePrincipals(appId='{GRAPH}')").json()
    scopes = [scope for scope in graph["oauth2PermissionScopes"] if scope["value"] in ("User.Read", "openid")]
    body = {
        "displayName": "Workspace365 - contoso",
        "signInAudience": "AzureADMyOrg",
        "web": {"redirectUris": [f"{twin.instance_url}/contoso/OAuth2/HandleAuthorityResponse"]},
        "requiredResourceAccess": [
            {"resourceAppId": GRAPH, "resourceAccess": [{"id": scope["id"], "type": "Scope"} for scope in scopes]}
        ],
    }
    application = api.call("PATCH", UNIQUE, body, Prefer="create-if-missing").json()
    service = api.call("POST", "/servicePrincipals", {"appId": application["appId"]}).json()
    grant = {
        "clientId": service["id"],
        "consentType": "AllPrincipals",
        "resourceId": graph["id"],
        "scope": "User.Read openid",
    }
    consent = api.call("POST", "/oauth2PermissionGrants", grant).json()
    secret = api.call("POST", f"/applications/{application['id']}/addPassword", {}).json()
    link(api, application["appId"], secret["secretText"])
    assert checks(twin) == []
    return {"application": application, "principal": service, "secret": secret, "grant": consent}


def link(api: Any, client_id: str, key: str, authority: str = "https://login.windows.net/contoso.com") -> None:
    settings = {"Authority": authority, "ClientId": client_id, "Key": key}
    assert api.provisioning("PUT", "/contoso/SingleSignOnSettings/OAuth2", settings).status_code == 200


def test_without_settings_and_without_an_environment(twin: Twin) -> None:
    assert checks(twin) == ["settings"]
    assert twin.sign_in("nowhere", ADELE)["reasons"][0]["check"] == "environment"
    with pytest.raises(TwinError, match="environment and user"):
        twin.control("GET", "sign-in?environment=contoso")


def test_the_key(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    client_id = linked["application"]["appId"]
    link(api, client_id, "another")
    assert checks(twin) == ["key"]
    link(api, client_id, linked["secret"]["secretText"])
    assert checks(twin) == []
    twin.move_clock(advance=3 * 365 * 86_400)
    assert checks(twin) == ["key"]
    twin.move_clock(offset=0)
    path = f"/applications/{linked['application']['id']}"
    twin.switches(secret_activation="10")
    text = api.call("POST", f"{path}/addPassword", {}).json()["secretText"]
    link(api, client_id, text)
    assert checks(twin) == ["key"], "a replica that does not have it is a reason"
    for _ in range(2):
        api.token_answer(client_id=client_id, client_secret=text)
    assert checks(twin) == []
    link(api, client_id, linked["secret"]["secretText"])
    api.call("POST", f"{path}/removePassword", {"keyId": linked["secret"]["keyId"]})
    assert checks(twin) == ["key"]


def test_redirect_and_application(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    path = f"/applications/{linked['application']['id']}"
    slash = f"{twin.instance_url}/contoso/OAuth2/HandleAuthorityResponse/"
    for uris in ([], [slash], ["https://else.contoso.com/contoso/OAuth2/HandleAuthorityResponse"]):
        api.call("PATCH", path, {"web": {"redirectUris": uris}})
        assert checks(twin) == ["redirect"]
    api.call("PATCH", path, {"web": {"redirectUris": [slash.rstrip("/")]}})
    assert checks(twin) == []
    api.call("DELETE", path)
    assert checks(twin) == ["application"]


def test_consent(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    grant = f"/oauth2PermissionGrants/{linked['grant']['id']}"
    api.call("PATCH", grant, {"scope": "openid"})
    assert checks(twin) == ["consent"]
    assert "User.Read" in twin.sign_in("contoso", ADELE)["reasons"][0]["reason"]
    own = {**linked["grant"], "consentType": "Principal", "principalId": api.graph_id("users", givenName="Adele")}
    body = {name: own[name] for name in ("clientId", "consentType", "principalId", "resourceId", "scope")}
    assert api.call("POST", "/oauth2PermissionGrants", body).status_code == 201
    assert checks(twin) == [], "a person may have consented for herself"
    api.call("DELETE", grant)
    assert checks(twin, "megan.bowen@contoso.com") == ["consent"]


def test_principal_and_assignment(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    path = f"/servicePrincipals/{linked['principal']['id']}"
    api.call("PATCH", path, {"appRoleAssignmentRequired": True})
    assert checks(twin) == ["assignment"]
    sales = api.graph_id("groups", displayName="Sales")
    role = "00000000-0000-0000-0000-000000000000"
    body = {"principalId": sales, "resourceId": linked["principal"]["id"], "appRoleId": role}
    assert api.call("POST", f"{path}/appRoleAssignedTo", body).status_code == 201
    assert checks(twin) == []
    assert checks(twin, "megan.bowen@contoso.com") == ["assignment"]
    api.call("PATCH", path, {"accountEnabled": False})
    assert checks(twin) == ["principal"]
    api.call("DELETE", path)
    assert checks(twin) == ["principal"]


def test_the_person_in_both_places(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    assert checks(twin, "alex.wilber@contoso.com") == ["user"]
    assert checks(twin, "lee.gu@contoso.com") == ["active", "account"]
    api.provisioning("PUT", "/Environment/contoso/Deactivate/")
    assert checks(twin) == ["environment"]


def test_an_authority_of_another_tenant(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    other = {
        "id": "36500000-0000-4000-8000-000000000002",
        "display_name": "Fabrikam",
        "domains": [{"name": "fabrikam.com"}],
    }
    twin.seed({"tenants": [other]})
    key = linked["secret"]["secretText"]
    link(api, linked["application"]["appId"], key, "https://login.windows.net/fabrikam.com")
    assert checks(twin) == ["authority", "application"]
    link(api, linked["application"]["appId"], key, "https://login.windows.net/nowhere.com")
    assert checks(twin) == ["authority"]
    link(api, linked["application"]["appId"], key, "https://login.microsoftonline.com/contoso.onmicrosoft.com")
    assert checks(twin) == []


def test_a_guest_needs_the_claim(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    twin.seed(
        {
            "environments": [
                {
                    "name": "contoso",
                    "users": [{"upn": "lynne@fabrikam.com", "first_name": "Lynne", "last_name": "Robbins"}],
                }
            ]
        }
    )
    assert checks(twin, "lynne@fabrikam.com") == ["claim"]
    api.call("PATCH", f"/applications/{linked['application']['id']}", {"optionalClaims": {"idToken": [CLAIM]}})
    assert checks(twin, "lynne@fabrikam.com") == []


def test_the_sign_in_page_sends_the_browser_to_the_authority(api: Any, twin: Twin, linked: dict[str, Any]) -> None:
    page = f"{twin.instance_url}/contoso/SignIn"
    answer = api.session.get(page, allow_redirects=False, timeout=30)
    target = answer.headers["Location"]
    assert answer.status_code == 302
    assert target.startswith("https://login.windows.net/contoso.com/oauth2/authorize?")
    assert f"client_id={linked['application']['appId']}" in target
    assert "HandleAuthorityResponse" in target
    twin.switches(profile="documented")
    assert api.session.get(page, allow_redirects=False, timeout=30).status_code == 404


def test_a_seeded_application_of_a_customer(api: Any, twin: Twin) -> None:
    sso = {
        "authority": "https://login.windows.net/contoso.com",
        "client_id": "36500000-0000-4000-8000-0000000000b2",
        "key": "sso-key",
    }
    uri = f"{twin.instance_url}/contoso/OAuth2/HandleAuthorityResponse"
    application = {
        "client_id": sso["client_id"],
        "client_secret": "sso-key",
        "redirect_uris": [uri],
        "secret_end": "2090-01-01T00:00:00Z",
    }
    tenant = {
        "id": "36500000-0000-4000-8000-000000000001",
        "display_name": "Contoso",
        "domains": [{"name": "contoso.com"}],
    }
    twin.seed(
        {"tenants": [{**tenant, "applications": [application]}], "environments": [{"name": "contoso", "sso": sso}]}
    )
    assert checks(twin) == []
    twin.move_clock(now="2090-01-02T00:00:00Z")
    assert checks(twin) == ["key"]
