# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app registration for single sign-on: finding it, and merging what is wanted into it. Lists are never replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..api.applications import RefusedError, iso_time
from ..errors import InputError, NotFoundError
from ..model.applications import GUEST_CLAIM, SSO_TAG, Application, DesiredApplication, Principal

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient

LOCKED = {"isEnabled": True, "allProperties": True}


def find_application(
    graph: ApplicationsClient, desired: DesiredApplication, caller: Callable[[], str]
) -> Application | None:
    """The one application of the environment: by client id, unique name, tag or redirect URI, in this order.

    `caller` gives the id of the service principal that the task signs in as, for callers that may list only what they own.
    Raises InputError for two candidates.
    """
    client_id = (desired.client_id or "").lower()
    known = readable_applications(graph, caller, client_id)
    if client_id:
        return the_one(desired, [one for one in known if one.client_id == client_id])
    found = chosen(desired, known)
    if found is None:
        # A listing may be older than the last run.
        try:
            return graph.named_application(desired.unique_name)
        except (NotFoundError, RefusedError):
            return None
    return found


def readable_applications(
    graph: ApplicationsClient, caller: Callable[[], str], client_id: str = ""
) -> list[Application]:
    """Those of the tenant, or with this client id; those that `caller` owns where nothing else may be listed (contract, G14)."""
    try:
        return graph.applications(client_id)
    except RefusedError:
        id = caller()
        if not id:
            raise
        return graph.owned_applications(id)


def unknown_client_id(desired: DesiredApplication, deleted: Application | None) -> InputError:
    """The error of a client id that the tenant does not have, or not any more."""
    what = (
        "the app registration with this client id was deleted. restore_deleted=true restores it"
        if deleted
        else "the tenant has no app registration with this client id that the task may read. Check it and entra_tenant"
    )
    return InputError(f"Option client_id is {desired.client_id!r}, and {what}, or leave the option out to create one.")


def chosen(desired: DesiredApplication, known: Sequence[Application]) -> Application | None:
    """The application of an environment among those of a tenant, by what it carries."""
    for carries in (
        lambda one: one.unique_name == desired.unique_name,
        lambda one: desired.marker in one.tags,
        lambda one: not _is_of_another(one, desired) and not {*desired.redirects}.isdisjoint(plain(one.redirects)),
    ):
        found = [one for one in known if carries(one)]
        if found:
            return the_one(desired, found)
    return None


def _is_of_another(application: Application, desired: DesiredApplication) -> bool:
    """Whether it carries the tag of another environment only."""
    tags = [tag for tag in application.tags if tag.startswith(SSO_TAG)]
    return bool(tags) and desired.marker not in tags


def the_one(desired: DesiredApplication, found: Sequence[Application]) -> Application | None:
    if len(found) > 1:
        raise InputError(
            f"{len(found)} app registrations could be the one of environment {desired.environment!r}: {candidates(found)}. Nothing was written. "
            "Give the right one in option client_id."
        )
    return found[0] if found else None


def candidates(found: Sequence[Application]) -> str:
    """The first of several applications, as they are named in an error."""
    return "; ".join(f"{one.client_id} ({one.display_name!r}, created {iso_time(one.created)})" for one in found[:5])


def deleted_application(graph: ApplicationsClient, desired: DesiredApplication) -> Application | None:
    """The newest deleted one that can be restored; None where there is none. Raises RefusedError for who may not list them."""
    known = graph.deleted_applications()
    client_id = (desired.client_id or "").lower()
    if client_id:
        known = [one for one in known if one.client_id == client_id]
        return known[0] if known else None
    own = [
        one
        for one in known
        if one.unique_name == desired.unique_name
        or desired.marker in one.tags
        or not (_is_of_another(one, desired) or {*desired.redirects}.isdisjoint(plain(one.redirects)))
    ]
    return max(own, key=lambda one: one.created, default=None)


def plain(redirects: Iterable[str]) -> set[str]:
    return {one.rstrip("/") for one in redirects}


def merged_properties(
    application: Application | None,
    desired: DesiredApplication,
    resources: Mapping[str, Principal | None],
    *,
    new: bool,
) -> dict[str, Any]:
    """The properties of the application that have to be written, merged with those that it has.

    `resources` are the service principals of the wanted APIs by client id; of one that is missing nothing is asked yet.
    """
    raw: Mapping[str, Any] = application.raw if application else {}
    tags = application.tags if application else ()
    changes: dict[str, Any] = {}
    if application is not None and desired.display_name and application.display_name != desired.display_name:
        changes["displayName"] = desired.display_name
    if desired.marker not in tags:
        changes["tags"] = [*tags, desired.marker]
    web = _merged_web(raw.get("web") or {}, desired)
    if web:
        changes["web"] = web
    access = _merged_access(raw.get("requiredResourceAccess") or [], desired, resources)
    if access:
        changes["requiredResourceAccess"] = access
    if desired.guests:
        claims = _merged_claims(raw.get("optionalClaims") or {})
        if claims:
            changes["optionalClaims"] = claims
    lock = new if desired.lock is None else desired.lock
    current = raw.get("servicePrincipalLockConfiguration") or {}
    if lock and not all(current.get(name) is value for name, value in LOCKED.items()):
        changes["servicePrincipalLockConfiguration"] = dict(LOCKED)
    elif desired.lock is False and current.get("isEnabled"):
        changes["servicePrincipalLockConfiguration"] = {**current, "isEnabled": False}
    return changes


def _merged_web(web: Mapping[str, Any], desired: DesiredApplication) -> dict[str, Any]:
    known = list(web.get("redirectUris") or [])
    # With a slash at the end it is another address, for which nobody can sign in (contract).
    missing = [one for one in desired.redirects if one not in known]
    root = f"https://{desired.host}/{desired.environment}"
    urls = {"homePageUrl": f"{root}/SignIn", "logoutUrl": f"{root}/SignOut"}
    empty = {name: url for name, url in urls.items() if not web.get(name)}
    if not missing and not empty:
        return {}
    kept = {name: web[name] for name in (*urls, "implicitGrantSettings") if web.get(name)}
    return {**kept, **empty, "redirectUris": [*known, *missing]}


def _merged_access(
    access: Sequence[Mapping[str, Any]], desired: DesiredApplication, resources: Mapping[str, Principal | None]
) -> list[dict[str, Any]]:
    """The whole list with the missing permissions; empty when none is missing."""
    merged = [dict(one) for one in access]
    changed = False
    for resource in desired.resources:
        principal = resources.get(resource.client_id)
        if principal is None:
            continue
        at = next((one for one in merged if str(one["resourceAppId"]).lower() == resource.client_id), None)
        if at is None:
            at = {"resourceAppId": resource.client_id, "resourceAccess": []}
            merged.append(at)
        known = list(at.get("resourceAccess") or [])
        ids = {str(one.get("id")).lower() for one in known if one.get("type") == "Scope"}
        missing = [principal.scopes[scope] for scope in resource.scopes if principal.scopes[scope].lower() not in ids]
        if missing:
            changed = True
            at["resourceAccess"] = [*known, *({"id": id, "type": "Scope"} for id in missing)]
    return merged if changed else []


def _merged_claims(claims: Mapping[str, Any]) -> dict[str, Any]:
    tokens = [dict(one) for one in claims.get("idToken") or []]
    upn = next((one for one in tokens if one.get("name") == "upn"), None)
    if upn is None:
        tokens.append({"name": "upn", "essential": False, "additionalProperties": [GUEST_CLAIM]})
    else:
        known = list(upn.get("additionalProperties") or [])
        if GUEST_CLAIM in known:
            return {}
        upn["additionalProperties"] = [*known, GUEST_CLAIM]
    others = {name: claims[name] for name in ("accessToken", "saml2Token") if claims.get(name)}
    return {"idToken": tokens, **others}
