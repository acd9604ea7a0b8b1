# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""App registrations, service principals, consent, secrets and policies in the twin's Graph."""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import Any

import jwt
import msal
import pytest
import requests

from w365_simulator.testing import Twin, TwinError, launch

from .conftest import Api, make_session

TENANT = "36500000-0000-4000-8000-000000000001"
CLIENT = "36500000-0000-4000-8000-0000000000a1"
LIMITED_ID = "36500000-0000-4000-8000-0000000000a2"
LIMITED = (LIMITED_ID, "limited-secret-of-the-twin")
GRAPH = "00000003-0000-0000-c000-000000000000"
POWER_BI = "00000009-0000-0000-c000-000000000000"
UNIQUE = "/applications(uniqueName='w365-sso:localhost:contoso')"
UPSERT = {"Prefer": "create-if-missing"}
BODY = {"displayName": "Workspace365 - contoso", "signInAudience": "AzureADMyOrg"}


def error(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def made(api: Any, **more: Any) -> dict[str, Any]:
    """Create the application of single sign-on."""
    answer = api.call("PATCH", UNIQUE, {**BODY, **more}, **UPSERT)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def principal(api: Any, app_id: str) -> dict[str, Any]:
    """Create the service principal of an application."""
    answer = api.call("POST", "/servicePrincipals", {"appId": app_id})
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()
    return result


def secret(api: Any, application: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    answer = api.call("POST", f"/applications/{application['id']}/addPassword", {"passwordCredential": wanted})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def token(api: Any, application: dict[str, Any], text: str) -> int:
    """Return the AADSTS number of a refusal, or 0."""
    answer = api.token_answer(client_id=application["appId"], client_secret=text)
    return 0 if answer.status_code == 200 else int(answer.json()["error_codes"][0])


def limit(twin: Twin, *permissions: str) -> None:
    """Give the limited application these permissions."""
    twin.change_tenant({"op": "change_application", "client_id": LIMITED_ID, "set": {"permissions": list(permissions)}})


# ---- applications


def test_upsert_creates_once_and_changes_afterwards(api: Any) -> None:
    assert error(api.call("PATCH", UNIQUE, BODY)) == (404, "Request_ResourceNotFound")
    first = made(api)
    assert (first["uniqueName"], first["signInAudience"]) == ("w365-sso:localhost:contoso", "AzureADMyOrg")
    again = api.call("PATCH", UNIQUE, {**BODY, "notes": "managed"}, **UPSERT)
    assert (again.status_code, again.content) == (204, b"")
    found = api.call("GET", UNIQUE).json()
    assert (found["id"], found["notes"]) == (first["id"], "managed")
    named = api.graph("/applications", filter="uniqueName eq 'w365-sso:localhost:contoso'").json()["value"]
    assert [item["id"] for item in named] == [first["id"]]


def test_an_upsert_whose_answer_is_lost_makes_one_application(api: Any, twin: Twin) -> None:
    twin.fault(surface="graph", method="PATCH", action="drop_after")
    with pytest.raises(requests.ConnectionError):
        api.call("PATCH", UNIQUE, BODY, **UPSERT)
    assert api.call("PATCH", UNIQUE, BODY, **UPSERT).status_code == 204
    assert len(api.graph("/applications", filter="displayName eq 'Workspace365 - contoso'").json()["value"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"displayName": ""},
        {"signInAudience": "AzureADMyOrg"},
        {**BODY, "redirectUris": []},
        {**BODY, "appId": "x"},
        {**BODY, "tags": "one"},
        {**BODY, "web": {"redirectUris": ["http://contoso.com/x"]}},
        {**BODY, "signInAudience": "Everybody"},
        {**BODY, "notes": "x" * 1025},
    ],
)
def test_what_an_application_cannot_be(api: Any, body: dict[str, Any]) -> None:
    answer = api.call("PATCH", UNIQUE, body, **UPSERT)
    assert answer.status_code == 400, answer.text
    assert api.graph("/applications", filter="displayName eq 'Workspace365 - contoso'").json()["value"] == []


def test_tags_show_on_the_principal_and_a_patch_replaces_them(api: Any) -> None:
    application = made(api, tags=["one", "two"])
    service = principal(api, application["appId"])
    assert service["tags"] == ["one", "two"]
    api.call("PATCH", f"/servicePrincipals/{service['id']}", {"tags": ["one", "two", "own"]})
    assert api.call("PATCH", f"/applications/{application['id']}", {"tags": ["three"]}).status_code == 204
    assert api.call("GET", f"/applications/{application['id']}").json()["tags"] == ["three"]
    assert api.call("GET", f"/servicePrincipals/{service['id']}").json()["tags"] == ["three", "own"]
    by_tag = api.graph("/applications", filter="tags/any(t:t eq 'three')").json()["value"]
    assert [item["appId"] for item in by_tag] == [application["appId"]]


def test_parts_of_web_are_merged_and_lists_replaced(api: Any) -> None:
    web = {"redirectUris": ["https://localhost/contoso/one"], "homePageUrl": "https://localhost/contoso/SignIn"}
    application = made(api, web=web)
    api.call("PATCH", f"/applications/{application['id']}", {"web": {"redirectUris": ["https://localhost/two"]}})
    found = api.call("GET", f"/applications(appId='{application['appId']}')").json()["web"]
    assert (found["redirectUris"], found["homePageUrl"]) == (["https://localhost/two"], web["homePageUrl"])
    assert found["implicitGrantSettings"] == {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False}
    by_uri = "web/redirectUris/any(u:u eq 'https://localhost/two')"
    assert error(api.graph("/applications", filter=by_uri)) == (400, "Request_UnsupportedQuery")
    assert len(api.graph("/applications", filter=by_uri, count="true", eventual=True).json()["value"]) == 1


def test_owners_at_creation_and_the_permission_for_own_objects(api: Any, twin: Twin) -> None:
    limit(twin, "Application.ReadWrite.OwnedBy")
    caller = api.call("GET", f"/servicePrincipals(appId='{LIMITED_ID}')", client=LIMITED).json()["id"]
    foreign = made(api)
    assert error(api.call("PATCH", f"/applications/{foreign['id']}", {"notes": "x"}, client=LIMITED))[0] == 403
    assert error(api.call("GET", "/applications", client=LIMITED)) == (403, "Authorization_RequestDenied")
    twin.switches(creator_is_owner=False)
    link = f"https://graph.microsoft.com/v1.0/directoryObjects/{caller}"
    own = api.call("POST", "/applications", {**BODY, "owners@odata.bind": [link]}, client=LIMITED).json()
    lost = api.call("POST", "/applications", {**BODY, "displayName": "lost"}, client=LIMITED).json()
    assert api.call("PATCH", f"/applications/{own['id']}", {"notes": "x"}, client=LIMITED).status_code == 204
    assert error(api.call("GET", f"/applications/{lost['id']}", client=LIMITED))[0] == 403
    listed = api.call("GET", f"/servicePrincipals/{caller}/ownedObjects/microsoft.graph.application", client=LIMITED)
    assert [item["id"] for item in listed.json()["value"]] == [own["id"]]
    too_many = {**BODY, "owners@odata.bind": [link] * 21}
    assert error(api.call("POST", "/applications", too_many))[0] == 400


def test_deleting_and_restoring(api: Any, twin: Twin) -> None:
    application = made(api)
    service = principal(api, application["appId"])
    text = secret(api, application)["secretText"]
    assert token(api, application, text) == 0
    assert api.call("DELETE", f"/applications/{application['id']}").status_code == 204
    assert error(api.call("GET", f"/servicePrincipals/{service['id']}"))[0] == 404
    assert token(api, application, text) == 700016
    deleted = api.call("GET", "/directory/deletedItems/microsoft.graph.application").json()["value"]
    assert [(item["appId"], item["uniqueName"]) for item in deleted] == [
        (application["appId"], "w365-sso:localhost:contoso")
    ]
    restored = api.call("POST", f"/directory/deletedItems/{application['id']}/restore", {})
    assert (restored.status_code, restored.json()["appId"]) == (200, application["appId"])
    assert token(api, application, text) == 0
    api.call("DELETE", f"/applications/{application['id']}")
    twin.switches(clock_offset=31 * 86_400)
    assert api.call("GET", "/directory/deletedItems/microsoft.graph.application").json()["value"] == []


# ---- service principals and consent


def test_microsofts_applications_and_one_that_is_absent(api: Any) -> None:
    graph = api.call("GET", f"/servicePrincipals(appId='{GRAPH}')").json()
    assert {"User.Read", "openid"} <= {scope["value"] for scope in graph["oauth2PermissionScopes"]}
    assert {"User.Read.All"} <= {role["value"] for role in graph["appRoles"]}
    assert error(api.call("GET", f"/servicePrincipals(appId='{POWER_BI}')"))[0] == 404
    wrong = {"appId": POWER_BI, "accountEnabled": "yes"}
    assert error(api.call("POST", "/servicePrincipals", wrong))[0] == 400
    power_bi = principal(api, POWER_BI)
    assert "Report.Read.All" in {scope["value"] for scope in power_bi["oauth2PermissionScopes"]}
    again = api.call("POST", "/servicePrincipals", {"appId": POWER_BI})
    assert error(again) == (409, "Request_MultipleObjectsWithSameKeyValue")


def test_a_grant_is_made_once_and_changed_afterwards(api: Any) -> None:
    service = principal(api, made(api)["appId"])
    graph = api.call("GET", f"/servicePrincipals(appId='{GRAPH}')").json()
    body = {"clientId": service["id"], "consentType": "AllPrincipals", "resourceId": graph["id"], "scope": "User.Read"}
    first = api.call("POST", "/oauth2PermissionGrants", body)
    assert first.status_code == 201
    second = api.call("POST", "/oauth2PermissionGrants", body)
    assert error(second) == (409, "Request_MultipleObjectsWithSameKeyValue")
    assert second.json()["error"]["message"] == "Permission entry already exists."
    own = {**body, "consentType": "Principal", "principalId": api.graph_id("users", givenName="Adele")}
    assert api.call("POST", "/oauth2PermissionGrants", own).status_code == 201
    assert (
        api.call("PATCH", f"/oauth2PermissionGrants/{first.json()['id']}", {"scope": "User.Read openid"}).status_code
        == 204
    )
    found = api.call("GET", f"/servicePrincipals/{service['id']}/oauth2PermissionGrants").json()["value"]
    assert [(item["consentType"], item["scope"]) for item in found] == [
        ("AllPrincipals", "User.Read openid"),
        ("Principal", "User.Read"),
    ]
    everywhere = api.graph("/oauth2PermissionGrants", filter=f"clientId eq '{service['id']}'").json()["value"]
    assert everywhere == found


def test_consent_needs_its_permission(api: Any, twin: Twin) -> None:
    service = principal(api, made(api)["appId"])
    graph = api.call("GET", f"/servicePrincipals(appId='{GRAPH}')").json()
    body = {"clientId": service["id"], "consentType": "AllPrincipals", "resourceId": graph["id"], "scope": "openid"}
    limit(twin, "Application.ReadWrite.All")
    assert error(api.call("POST", "/oauth2PermissionGrants", body, client=LIMITED))[0] == 403
    limit(twin, "Application.ReadWrite.All", "DelegatedPermissionGrant.ReadWrite.All")
    twin.switches(profile="documented")
    assert error(api.call("POST", "/oauth2PermissionGrants", body, client=LIMITED))[0] == 403
    twin.switches(profile="full")
    assert api.call("POST", "/oauth2PermissionGrants", body, client=LIMITED).status_code == 201


def test_roles_are_assigned_and_reach_the_token(api: Any, twin: Twin) -> None:
    application = made(api)
    text = secret(api, application)["secretText"]
    assert token(api, application, text) == 7000229
    service = principal(api, application["appId"])
    client = (application["appId"], text)
    assert error(api.call("GET", "/users", client=client))[0] == 403
    graph = api.call("GET", f"/servicePrincipals(appId='{GRAPH}')").json()
    role = next(role["id"] for role in graph["appRoles"] if role["value"] == "User.Read.All")
    body = {"principalId": service["id"], "resourceId": graph["id"], "appRoleId": role}
    assigned = api.call("POST", f"/servicePrincipals/{service['id']}/appRoleAssignments", body)
    assert assigned.status_code == 201
    assert api.call("GET", "/users", client=client).status_code == 200
    again = api.call("POST", f"/servicePrincipals/{graph['id']}/appRoleAssignedTo", body)
    assert (again.status_code, again.json()["error"]["message"]) == (
        400,
        "Permission being assigned already exists on the object",
    )
    path = f"/servicePrincipals/{service['id']}/appRoleAssignments/{assigned.json()['id']}"
    assert api.call("DELETE", path).status_code == 204
    twin.change_tenant({"op": "change_principal", "client_id": application["appId"], "set": {"accountEnabled": False}})
    assert token(api, application, text) == 7000112


def test_groups_are_assigned_with_a_premium_plan_only(api: Any, twin: Twin) -> None:
    service = principal(api, made(api)["appId"])
    plans = api.call("GET", "/subscribedSkus").json()["value"][0]["servicePlans"]
    assert "AAD_PREMIUM" in {plan["servicePlanName"] for plan in plans}
    group = api.graph_id("groups", displayName="Sales")
    body = {"principalId": group, "resourceId": service["id"], "appRoleId": "00000000-0000-0000-0000-000000000000"}
    path = f"/servicePrincipals/{service['id']}/appRoleAssignedTo"
    twin.change_tenant({"op": "set_service_plans", "plans": ["EXCHANGE_S_STANDARD"]})
    assert error(api.call("POST", path, body))[0] == 400
    twin.change_tenant({"op": "set_service_plans", "plans": ["AAD_PREMIUM_P2"]})
    assert api.call("POST", path, body).status_code == 201
    found = api.call("GET", path).json()["value"]
    assert [(item["principalDisplayName"], item["principalType"]) for item in found] == [("Sales", "Group")]


# ---- secrets


def test_a_secret_is_shown_once(api: Any, twin: Twin) -> None:
    application = made(api)
    principal(api, application["appId"])
    first = secret(api, application, displayName="w365 contoso", endDateTime="2099-01-01T00:00:00Z")
    assert first["hint"] == first["secretText"][:3]
    shown = api.call("GET", f"/applications/{application['id']}").json()["passwordCredentials"]
    assert [(item["keyId"], item["displayName"], item["secretText"]) for item in shown] == [
        (first["keyId"], "w365 contoso", None)
    ]
    assert token(api, application, first["secretText"]) == 0
    second = secret(api, application)
    assert second["endDateTime"][:4] == str(time.gmtime().tm_year + 2)
    path = f"/applications/{application['id']}/removePassword"
    assert api.call("POST", path, {"keyId": first["keyId"]}).status_code == 204
    assert error(api.call("POST", path, {"keyId": first["keyId"]}))[0] == 400
    assert token(api, application, first["secretText"]) == 7000215
    assert token(api, application, second["secretText"]) == 0
    assert first["secretText"] not in str(twin.state()) + str(twin.requests())


def test_a_patch_empties_secrets_and_adds_none(api: Any) -> None:
    application = made(api)
    principal(api, application["appId"])
    made_secret = secret(api, application)
    path = f"/applications/{application['id']}"
    assert error(api.call("PATCH", path, {"passwordCredentials": [{"displayName": "x"}]}))[0] == 400
    assert token(api, application, made_secret["secretText"]) == 0
    assert api.call("PATCH", path, {"passwordCredentials": []}).status_code == 204
    assert token(api, application, made_secret["secretText"]) == 7000215


def test_the_clock_lets_a_secret_begin_and_expire(api: Any, twin: Twin) -> None:
    application = made(api)
    principal(api, application["appId"])
    now = twin.control("GET", "clock")["now"]
    later = f"{int(now[:4]) + 1}{now[4:10]}T00:00:00Z"
    text = secret(api, application, startDateTime=later, endDateTime=f"{int(now[:4]) + 2}-12-31T00:00:00Z")[
        "secretText"
    ]
    assert token(api, application, text) == 7000222
    answer = twin.control("PATCH", "clock", {"advance": 400 * 86_400})
    assert answer["now"][:4] > now[:4]
    assert token(api, application, text) == 0
    date = api.call("GET", "/organization").headers["Date"]
    assert answer["now"][:4] in date
    twin.control("PATCH", "clock", {"now": f"{int(now[:4]) + 3}-01-01T00:00:00Z"})
    assert token(api, application, text) == 7000222


def test_a_new_secret_flaps_at_the_token_endpoint_and_in_lists(api: Any, twin: Twin) -> None:
    application = made(api)
    principal(api, application["appId"])
    twin.switches(secret_activation="00101", secret_listing="010")
    text = secret(api, application)["secretText"]
    assert [token(api, application, text) for _ in range(6)] == [7000215, 7000215, 0, 7000215, 0, 0]
    path = f"/applications/{application['id']}"
    assert [len(api.call("GET", path).json()["passwordCredentials"]) for _ in range(4)] == [0, 1, 0, 1]
    twin.switches(secret_activation="", secret_delay=100)
    late = secret(api, application)["secretText"]
    assert token(api, application, late) == 7000215
    twin.control("PATCH", "clock", {"advance": 101})
    assert token(api, application, late) == 0


def test_secrets_of_the_seed_and_of_somebody_else(api: Any, twin: Twin) -> None:
    own = api.call("GET", f"/applications(appId='{CLIENT}')").json()
    assert [item["displayName"] for item in own["passwordCredentials"]] == ["seed"]
    twin.change_tenant({"op": "add_secret", "client_id": LIMITED_ID, "text": "somebody's-secret", "name": "foreign"})
    limited = api.call("GET", f"/applications(appId='{LIMITED_ID}')").json()
    assert [item["displayName"] for item in limited["passwordCredentials"]] == ["seed", "foreign"]
    assert token(api, limited, "somebody's-secret") == 0
    body = {"keyId": limited["passwordCredentials"][0]["keyId"]}
    assert api.call("POST", f"/applications/{limited['id']}/removePassword", body).status_code == 204
    assert token(api, limited, "limited-secret-of-the-twin") == 7000215


def test_the_most_secrets_of_an_application(api: Any, twin: Twin) -> None:
    application = made(api)
    twin.switches(most_secrets=1)
    secret(api, application)
    assert error(api.call("POST", f"/applications/{application['id']}/addPassword", {}))[0] == 400


def test_a_locked_principal_takes_no_secret(api: Any) -> None:
    application = made(api, servicePrincipalLockConfiguration={"isEnabled": True, "allProperties": True})
    service = principal(api, application["appId"])
    answer = api.call("POST", f"/servicePrincipals/{service['id']}/addPassword", {})
    assert error(answer) == (400, "CannotUpdateLockedServicePrincipalProperty")
    secret(api, application)


def test_one_application_for_several_tenants(api: Any, twin: Twin) -> None:
    other = "36500000-0000-4000-8000-000000000002"
    owner = {"client_id": "36500000-0000-4000-8000-0000000000c3", "client_secret": "owner-of-fabrikam"}
    fabrikam = {"id": other, "display_name": "Fabrikam", "domains": [{"name": "fabrikam.com"}], "applications": [owner]}
    twin.seed({"tenants": [fabrikam]})
    single = made(api)
    fleet = api.call("POST", "/applications", {"displayName": "fleet", "signInAudience": "AzureADMultipleOrgs"}).json()
    principal(api, fleet["appId"])
    text = secret(api, fleet)["secretText"]

    def in_fabrikam(method: str, path: str, body: Any = None) -> Any:
        form = {"tenant": "fabrikam.com", "client_id": owner["client_id"], "client_secret": owner["client_secret"]}
        headers = {"Authorization": f"Bearer {api.token_answer(**form).json()['access_token']}"}
        return api.session.request(method, f"{twin.graph_url}/v1.0{path}", json=body, headers=headers, timeout=30)

    form = {"tenant": "fabrikam.com", "client_id": fleet["appId"], "client_secret": text}
    assert api.token_answer(**form).json()["error_codes"] == [700016]
    assert in_fabrikam("POST", "/servicePrincipals", {"appId": single["appId"]}).status_code == 400
    made_there = in_fabrikam("POST", "/servicePrincipals", {"appId": fleet["appId"]})
    assert (made_there.status_code, made_there.json()["appOwnerOrganizationId"]) == (201, TENANT)
    assert api.token_answer(**form).status_code == 200
    assert in_fabrikam("GET", f"/applications(appId='{fleet['appId']}')").status_code == 404


# ---- certificates and federated identities


def test_a_certificate_of_an_application(api: Any, twin: Twin, other_certificate: Any) -> None:
    application = made(api)
    principal(api, application["appId"])
    path = f"/applications/{application['id']}"
    key = base64.b64encode(other_certificate.public.encode()).decode()
    credential = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": key, "displayName": "w365"}
    assert api.call("PATCH", path, {"keyCredentials": [credential]}).status_code == 204
    (shown,) = api.call("GET", path).json()["keyCredentials"]
    assert (shown["displayName"], shown["key"], shown["type"]) == ("w365", None, "AsymmetricX509Cert")
    private = {"private_key": other_certificate.private(), "public_certificate": other_certificate.public}
    client = msal.ConfidentialClientApplication(
        application["appId"],
        authority=f"{twin.entra_authority}/contoso.com",
        client_credential=private,
        instance_discovery=False,
        http_client=api.session,
    )
    assert "access_token" in client.acquire_token_for_client([f"{twin.graph_url}/.default"])
    twin.move_clock(advance=40 * 86_400)
    late = client.remove_tokens_for_client() or client.acquire_token_for_client([f"{twin.graph_url}/.default"])
    assert late["error_codes"] == [700027]
    twin.move_clock(offset=0)
    assert api.call("PATCH", path, {"keyCredentials": [{"keyId": shown["keyId"]}]}).status_code == 204
    assert len(api.call("GET", path).json()["keyCredentials"]) == 1
    for wrong in ({**credential, "key": "x"}, {**credential, "usage": "Sign"}, {"keyId": CLIENT}):
        assert error(api.call("PATCH", path, {"keyCredentials": [wrong]}))[0] == 400
    assert api.call("PATCH", path, {"keyCredentials": []}).status_code == 204
    assert api.call("GET", path).json()["keyCredentials"] == []


def test_the_keys_of_an_application_are_one_list(api: Any, twin: Twin, other_certificate: Any) -> None:
    """What a PATCH does not send back is gone; the content is shown of a single object, when keys are selected."""
    application = made(api)
    path = f"/applications/{application['id']}"
    twin.change_tenant(
        {
            "op": "add_key",
            "client_id": application["appId"],
            "name": "theirs",
            "certificate": other_certificate.public,
        },
        {"op": "add_key", "client_id": application["appId"], "name": "symmetric"},
    )
    (theirs, symmetric) = api.call("GET", f"{path}?$select=keyCredentials").json()["keyCredentials"]
    assert theirs["key"] is not None
    assert (symmetric["type"], symmetric["key"]) == ("Symmetric", None)
    listed = api.call("GET", f"/applications?$filter=appId eq '{application['appId']}'&$select=keyCredentials")
    assert [one["key"] for one in listed.json()["value"][0]["keyCredentials"]] == [None, None]
    own = {"type": "AsymmetricX509Cert", "usage": "Verify", "key": theirs["key"], "displayName": "x" * 100}

    def write(*keys: dict[str, Any]) -> Any:
        return api.call("PATCH", path, {"keyCredentials": list(keys)})

    assert write(theirs, {"keyId": symmetric["keyId"]}, own).status_code == 204
    shown = api.call("GET", path).json()["keyCredentials"]
    assert [one["displayName"] for one in shown] == ["theirs", "symmetric", "x" * 90]
    assert shown[0]["keyId"] == theirs["keyId"]
    twin.switches(keys_without_content="lose")
    assert write({**theirs, "key": None}, {"keyId": symmetric["keyId"]}).status_code == 204
    assert api.call("GET", path).json()["keyCredentials"] == []
    assert write(own).status_code == 204
    (kept,) = api.call("GET", f"{path}?$select=keyCredentials").json()["keyCredentials"]
    other = base64.b64encode(base64.b64decode(kept["key"]) + b"x").decode()
    assert error(write({**kept, "key": other})) == (400, "KeyNotUpdatable")
    assert error(write({**own, "endDateTime": "2099-01-01T00:00:00Z"})) == (400, "KeyCredentialsInvalidEndDate")
    assert error(write({**own, "startDateTime": "2001-01-01T00:00:00Z"})) == (400, "KeyCredentialsInvalidStartDate")
    twin.switches(longest_key=7)
    assert error(write(own)) == (400, "KeyCredentialsInvalidEndDate")
    whole = base64.b64encode((other_certificate.private() + other_certificate.public).encode()).decode()
    assert error(write({**own, "key": whole}))[0] == 400


def test_a_federated_identity_by_upsert(api: Any, twin: Twin) -> None:
    application = made(api)
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    body = {"issuer": "https://issuer.contoso.com", "subject": "one", "audiences": ["api://AzureADTokenExchange"]}

    def upsert(name: str, **more: Any) -> Any:
        return api.call("PATCH", f"{path}(name='{name}')", {**body, **more}, Prefer="create-if-missing")

    assert api.call("PATCH", f"{path}(name='ci')", body).status_code == 404
    created = upsert("ci")
    assert (created.status_code, created.json()["name"]) == (201, "ci")
    assert upsert("ci", subject="two", description="x").status_code == 204
    (shown,) = api.call("GET", path).json()["value"]
    assert (shown["id"], shown["subject"], shown["description"]) == (created.json()["id"], "two", "x")
    assert error(upsert("other", subject="two"))[0] == 400
    assert error(upsert("other", subject="three", audiences=["a", "b"]))[0] == 400


def test_a_federated_identity(api: Any, twin: Twin, other_certificate: Any) -> None:
    application = made(api)
    principal(api, application["appId"])
    path = f"/applications/{application['id']}/federatedIdentityCredentials"
    audience = "api://AzureADTokenExchange"
    body = {"name": "ci", "issuer": "https://issuer.contoso.com", "subject": "repo:w365", "audiences": [audience]}
    first = api.call("POST", path, body)
    assert first.status_code == 201
    assert error(api.call("POST", path, body))[0] == 409
    assert error(api.call("POST", path, {**body, "name": "other"}))[0] == 400
    claims = {"iss": body["issuer"], "sub": body["subject"], "aud": audience, "exp": int(time.time()) + 600}
    form = {
        "client_id": application["appId"],
        "client_secret": "",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, other_certificate.private(), algorithm="RS256"),
    }
    assert api.token_answer(**form).status_code == 200
    assert [item["name"] for item in api.call("GET", path).json()["value"]] == ["ci"]
    assert api.call("DELETE", f"{path}/{first.json()['id']}").status_code == 204
    assert api.token_answer(**form).json()["error_codes"] == [700213]


# ---- policies


def policy(**restriction: Any) -> dict[str, Any]:
    """Return a policy of the tenant with one restriction."""
    default = {"restrictionType": "passwordLifetime", "maxLifetime": "P30D", "state": "enabled"}
    return {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": [{**default, **restriction}]}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "CredentialInvalidLifetimeAsPerAppPolicy"),
        ({"restrictionType": "passwordAddition", "maxLifetime": None}, "CredentialTypeNotAllowedAsPerAppPolicy"),
        ({"state": "disabled"}, None),
        ({"restrictForAppsCreatedAfterDateTime": "2098-01-01T00:00:00Z"}, None),
        ({"restrictForAppsCreatedAfterDateTime": "2020-01-01T00:00:00Z"}, "CredentialInvalidLifetimeAsPerAppPolicy"),
        ({"maxLifetime": "P4Y"}, None),
    ],
)
def test_a_policy_of_the_tenant(api: Any, twin: Twin, change: dict[str, Any], code: str | None) -> None:
    application = made(api)
    twin.change_tenant({"op": "set_default_app_policy", "set": policy(**change)})
    answer = api.call("POST", f"/applications/{application['id']}/addPassword", {})
    assert (answer.status_code == 200) if code is None else (error(answer) == (400, code))
    twin.change_tenant({"op": "set_default_app_policy", "set": {"isEnabled": False}})
    assert secret(api, application)["secretText"]


def test_a_policy_of_one_application_and_an_exempt_caller(api: Any, twin: Twin) -> None:
    application = made(api)
    attributes = [{"id": "Exempt_Secrets", "operator": "equals", "value": "yes"}]
    twin.change_tenant(
        {"op": "set_default_app_policy", "set": policy(excludeActors={"customSecurityAttributes": attributes})}
    )
    assert error(api.call("POST", f"/applications/{application['id']}/addPassword", {}))[0] == 400
    carried = {"customSecurityAttributes": {"Exempt": {"Secrets": "yes"}}}
    twin.change_tenant({"op": "change_principal", "client_id": CLIENT, "set": carried})
    secret(api, application)
    own = {"restrictions": {"passwordCredentials": [{"restrictionType": "passwordAddition", "state": "enabled"}]}}
    twin.change_tenant({"op": "add_app_policy", "set": own, "applications": [application["appId"]]})
    assert error(api.call("POST", f"/applications/{application['id']}/addPassword", {}))[1] == (
        "CredentialTypeNotAllowedAsPerAppPolicy"
    )
    found = api.call("GET", "/policies/appManagementPolicies").json()["value"]
    applies = api.call("GET", f"/policies/appManagementPolicies/{found[0]['id']}/appliesTo").json()["value"]
    assert [item["id"] for item in applies] == [application["id"]]
    assert api.call("GET", "/policies/defaultAppManagementPolicy").json()["isEnabled"] is True
    limit(twin, "Application.ReadWrite.All")
    assert error(api.call("GET", "/policies/defaultAppManagementPolicy", client=LIMITED))[0] == 403


def test_all_of_it_survives_a_restart(tmp_path: Path, seed: dict[str, Any]) -> None:
    first = launch(tmp_path, seed=seed, state=tmp_path / "state.db", quirks={"secret_activation": "0"})
    with make_session(first) as session:
        api = Api(first, session)
        application = made(api, tags=["w365:linked"])
        service = principal(api, application["appId"])
        text = secret(api, application)["secretText"]
        assert token(api, application, text) == 7000215
    state = first.state()["entra"]
    first.stop(kill=True)
    second = launch(tmp_path, seed="none", state=tmp_path / "state.db")
    try:
        assert second.state()["entra"] == state
        with make_session(second) as session:
            api = Api(second, session)
            assert token(api, application, text) == 0
            assert api.call("GET", f"/servicePrincipals/{service['id']}").json()["tags"] == ["w365:linked"]
    finally:
        second.stop()


# ---- replication, concurrency, lost and held answers


def test_a_new_application_flaps(api: Any, twin: Twin) -> None:
    twin.switches(entra_replication="0110")
    application = made(api)
    path = f"/applications/{application['id']}"
    assert [api.call("GET", path).status_code for _ in range(5)] == [404, 200, 200, 404, 200]


def test_a_principal_of_an_application_that_is_too_new(api: Any, twin: Twin) -> None:
    twin.switches(entra_replication="0")
    application = made(api)
    answer = api.call("POST", "/servicePrincipals", {"appId": application["appId"]})
    assert answer.status_code == 400
    assert "does not reference a valid application object" in answer.json()["error"]["message"]
    assert api.call("POST", "/servicePrincipals", {"appId": application["appId"]}).status_code == 201
    limit(twin, "Application.ReadWrite.OwnedBy")
    own = api.call("POST", "/applications", {**BODY, "displayName": "own"}, client=LIMITED).json()
    refused = api.call("POST", "/servicePrincipals", {"appId": own["appId"]}, client=LIMITED)
    assert error(refused)[0] == 403
    assert "must in the local tenant" in refused.json()["error"]["message"]


def test_a_change_that_some_replicas_do_not_have_yet(api: Any, twin: Twin) -> None:
    application = made(api, tags=["old"])
    twin.switches(entra_change_replication="010")
    path = f"/applications/{application['id']}"
    api.call("PATCH", path, {"tags": ["new"]})
    assert [api.call("GET", path).json()["tags"][0] for _ in range(4)] == ["old", "new", "old", "new"]


@pytest.mark.parametrize("status", [409, 503])
def test_a_concurrency_violation_did_nothing(api: Any, twin: Twin, status: int) -> None:
    application = made(api)
    twin.fault(surface="graph", path="addPassword", action="concurrency", status=status)
    path = f"/applications/{application['id']}"
    assert error(api.call("POST", f"{path}/addPassword", {})) == (status, "Directory_ConcurrencyViolation")
    assert api.call("GET", path).json()["passwordCredentials"] == []


@pytest.mark.parametrize(("action", "there"), [("hold_before", 0), ("hold_after", 1)])
def test_an_answer_is_held_until_it_is_released(api: Any, twin: Twin, action: str, there: int) -> None:
    application = made(api)
    path = f"/applications/{application['id']}"
    twin.fault(surface="graph", path="addPassword", action=action)
    thread = threading.Thread(target=lambda: api.call("POST", f"{path}/addPassword", {}))
    thread.start()
    deadline = time.monotonic() + 10
    while not twin.faults()[0]["hits"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(twin.state()["entra"][twin_tenant(twin)]["applications"][-1]["passwordCredentials"]) == there
    assert thread.is_alive()
    assert twin.control("DELETE", "holds") == {"released": 1}
    thread.join(10)
    assert len(api.call("GET", path).json()["passwordCredentials"]) == 1


def twin_tenant(twin: Twin) -> str:
    return str(next(iter(twin.state()["entra"])))


def test_unknown_operations_and_values_are_refused(twin: Twin) -> None:
    with pytest.raises(TwinError, match="no application with the client id"):
        twin.change_tenant({"op": "add_secret", "client_id": "nobody", "text": "x"})
    with pytest.raises(TwinError, match="0s and 1s"):
        twin.switches(entra_replication="two")
    with pytest.raises(TwinError, match="clock cannot be set"):
        twin.control("PATCH", "clock", {"now": "tomorrow"})
