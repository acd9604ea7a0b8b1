# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every property of an application and of a service principal in Graph v1.0, as a new one has it."""

from __future__ import annotations

from typing import Any

_INFO = dict.fromkeys(("logoUrl", "marketingUrl", "privacyStatementUrl", "supportUrl", "termsOfServiceUrl"))
_NO_PUBLISHER = {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None}


def application(app_id: str, *, created: str, domain: str | None) -> dict[str, Any]:
    """Return the properties of a new application."""
    return {
        "deletedDateTime": None,
        "appId": app_id,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "createdByAppId": None,
        "createdDateTime": created,
        "displayName": None,
        "description": None,
        "groupMembershipClaims": None,
        "identifierUris": [],
        "isDeviceOnlyAuthSupported": None,
        "isDisabled": None,
        "isFallbackPublicClient": None,
        "nativeAuthenticationApisEnabled": None,
        "notes": None,
        "publisherDomain": domain,
        "samlMetadataUrl": None,
        "serviceManagementReference": None,
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "tags": [],
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "defaultRedirectUri": None,
        "certification": None,
        "authenticationBehaviors": None,
        "oauth2RequirePostResponse": False,
        "optionalClaims": None,
        "requestSignatureVerification": None,
        "servicePrincipalLockConfiguration": None,
        "addIns": [],
        "api": {
            "acceptMappedClaims": None,
            "knownClientApplications": [],
            "requestedAccessTokenVersion": None,
            "oauth2PermissionScopes": [],
            "preAuthorizedApplications": [],
        },
        "appRoles": [],
        "info": dict(_INFO),
        "keyCredentials": [],
        "managerApplications": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [],
        "publicClient": {"redirectUris": []},
        "requiredResourceAccess": [],
        "spa": {"redirectUris": []},
        "verifiedPublisher": dict(_NO_PUBLISHER),
        "web": {
            "homePageUrl": None,
            "logoutUrl": None,
            "redirectUris": [],
            "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
            "redirectUriSettings": [],
        },
    }


def service_principal(application_document: dict[str, Any], tenant: str) -> dict[str, Any]:
    """Return the properties of a new service principal of an application."""
    app_id = application_document["appId"]
    return {
        "deletedDateTime": None,
        "accountEnabled": True,
        "alternativeNames": [],
        "appDescription": None,
        "appDisplayName": application_document["displayName"],
        "appId": app_id,
        "applicationTemplateId": application_document["applicationTemplateId"],
        "appOwnerOrganizationId": tenant,
        "appRoleAssignmentRequired": False,
        "createdByAppId": None,
        "customSecurityAttributes": None,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": application_document["displayName"],
        "homepage": application_document["web"]["homePageUrl"],
        "isDisabled": None,
        "loginUrl": None,
        "logoutUrl": application_document["web"]["logoutUrl"],
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": list(application_document["web"]["redirectUris"]),
        "resourceSpecificApplicationPermissions": [],
        "samlSingleSignOnSettings": None,
        "servicePrincipalNames": [app_id, *application_document["identifierUris"]],
        "servicePrincipalType": "Application",
        "signInAudience": application_document["signInAudience"],
        "tags": list(application_document["tags"]),
        "tokenEncryptionKeyId": None,
        "addIns": [],
        "appRoles": list(application_document["appRoles"]),
        "info": dict(_INFO),
        "keyCredentials": [],
        "oauth2PermissionScopes": list(application_document["api"]["oauth2PermissionScopes"]),
        "passwordCredentials": [],
        "verifiedPublisher": dict(_NO_PUBLISHER),
    }


_CLAIMS: dict[str, list[Any]] = {"idToken": [], "accessToken": [], "saml2Token": []}
_LOCK = dict.fromkeys(
    ("isEnabled", "allProperties", "credentialsWithUsageSign", "credentialsWithUsageVerify", "tokenEncryptionKeyId"),
    False,
)
# What a property without a value would hold.
_SHAPES: dict[str, Any] = {
    "optionalClaims": _CLAIMS,
    "servicePrincipalLockConfiguration": _LOCK,
    **dict.fromkeys(("displayName", "description", "notes", "groupMembershipClaims", "serviceManagementReference"), ""),
}
# Of what the lists consist that the twin looks into; without an entry an item may be anything.
_ITEMS: dict[str, type] = {
    **dict.fromkeys(("tags", "redirectUris", "identifierUris", "servicePrincipalNames", "replyUrls"), str),
    **dict.fromkeys(("requiredResourceAccess", "resourceAccess", "idToken", "accessToken", "saml2Token"), dict),
    **dict.fromkeys(("appRoles", "oauth2PermissionScopes", "keyCredentials"), dict),
}


def misshapen(default: Any, value: Any, name: str) -> str | None:
    """Return the name of the property that a value gives another type than the service takes, or None."""
    default = _SHAPES.get(name, default)
    if value is None or default is None:
        return None
    if isinstance(default, dict):
        if not isinstance(value, dict) or set(value) - set(default):
            return name
        found = (misshapen(default[part], item, part) for part, item in value.items())
        return next((part for part in found if part is not None), None)
    if isinstance(default, list):
        kind = _ITEMS.get(name, object)
        return None if isinstance(value, list) and all(isinstance(item, kind) for item in value) else name
    return None if isinstance(value, type(default)) else name


# What shows on every service principal of an application when the application is changed.
def followed(application_document: dict[str, Any], principal: dict[str, Any]) -> dict[str, Any]:
    """Return what a service principal takes over from its application."""
    own = [tag for tag in principal["tags"] if tag not in principal.get("_application_tags", [])]
    tags = application_document["tags"]
    return {
        "appDisplayName": application_document["displayName"],
        "displayName": application_document["displayName"],
        "homepage": application_document["web"]["homePageUrl"],
        "logoutUrl": application_document["web"]["logoutUrl"],
        "replyUrls": list(application_document["web"]["redirectUris"]),
        "appRoles": list(application_document["appRoles"]),
        "oauth2PermissionScopes": list(application_document["api"]["oauth2PermissionScopes"]),
        "tags": [*tags, *(tag for tag in own if tag not in tags)],
        "_application_tags": list(tags),
    }
