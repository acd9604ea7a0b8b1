# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The app registration for single sign-on: finding it, and merging what is wanted into it. Lists are never replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..api.applications import RefusedError, iso_time
from ..errors import InputError, NotFoundError
from ..model.applications import GUEST_CLAIM, SSO_TAG, Application, DesiredApplication, Principal, Registration

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient

LOCKED = {"isEnabled": True, "allProperties": True}


def find_application(graph: ApplicationsClient, desired: Registration, caller: Callable[[], str]) -> Application | None:
    """The one application of `desired`: by client id, unique name, tag or redirect URI, in this order.

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


def unknown_client_id(desired: Registration, deleted: Application | None) -> InputError:
    """The error of a client id that the tenant does not have, or not any more."""
    what = (
        "the app registration with this client id was deleted. restore_deleted=true restores it"
        if deleted
        else "the tenant has no app registration with this client id that the task may read. Check it and entra_tenant"
    )
    return InputError(f"Option client_id is {desired.client_id!r}, and {what}, or leave the option out to create one.")


def chosen(desired: Registration, known: Sequence[Application]) -> Application | None:
    """The application of `desired` among those of a tenant, by what it carries."""
    for carries in (
        lambda one: one.unique_name == desired.unique_name,
        lambda one: desired.marker in one.tags,
        lambda one: not _is_of_another(one, desired) and not {*desired.redirects}.isdisjoint(plain(one.redirects)),
    ):
        found = [one for one in known if carries(one)]
        if found:
            return the_one(desired, found)
    return None


def _is_of_another(application: Application, desired: Registration) -> bool:
    """Whether it carries the tag of another environment only."""
    tags = [tag for tag in application.tags if tag.startswith(SSO_TAG)]
    return bool(tags) and desired.marker not in tags


def the_one(desired: Registration, found: Sequence[Application]) -> Application | None:
    if len(found) > 1:
        raise InputError(
            f"{len(found)} app registrations could be the one of {desired.subject}: {candidates(found)}. Nothing was written. "
            "Give the right one in option client_id."
        )
    return found[0] if found else None


def candidates(found: Sequence[Application]) -> str:
    """The first of several applications, as they are named in an error."""
    return "; ".join(f"{one.client_id} ({one.display_name!r}, created {iso_time(one.created)})" for one in found[:5])


def deleted_application(graph: ApplicationsClient, desired: Registration) -> Application | None:
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
    changes = merged_names(application, desired.display_name, desired.marker)
    web = _merged_web(raw.get("web") or {}, desired)
    if web:
        changes["web"] = web
    known = ((resource, resources.get(resource.client_id)) for resource in desired.resources)
    wanted = {
        resource.client_id: [principal.scopes[scope] for scope in resource.scopes]
        for resource, principal in known
        if principal is not None
    }
    access = merged_access(raw.get("requiredResourceAccess") or [], wanted, "Scope")
    if access:
        changes["requiredResourceAccess"] = access
    if desired.guests:
        claims = _merged_claims(raw.get("optionalClaims") or {})
        if claims:
            changes["optionalClaims"] = claims
    return {**changes, **merged_lock(application, desired.lock, new=new)}


def merged_names(application: Application | None, display_name: str | None, marker: str) -> dict[str, Any]:
    """The name and the tags that have to be written."""
    changes: dict[str, Any] = {}
    tags = application.tags if application else ()
    if application is not None and display_name and application.display_name != display_name:
        changes["displayName"] = display_name
    if marker not in tags:
        changes["tags"] = [*tags, marker]
    return changes


def merged_lock(application: Application | None, lock: bool | None, *, new: bool) -> dict[str, Any]:
    """What has to be written so that the service principal is locked or not. None locks that of a new application."""
    current = (application.raw.get("servicePrincipalLockConfiguration") if application else None) or {}
    if (new if lock is None else lock) and not all(current.get(name) is value for name, value in LOCKED.items()):
        return {"servicePrincipalLockConfiguration": dict(LOCKED)}
    if lock is False and current.get("isEnabled"):
        return {"servicePrincipalLockConfiguration": {**current, "isEnabled": False}}
    return {}


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


def merged_access(
    access: Sequence[Mapping[str, Any]],
    wanted: Mapping[str, Sequence[str]],
    kind: str,
    excess: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The whole list with the missing permissions of a kind (Scope or Role) and without those of `excess`; empty for no change.

    `wanted` are the ids of permissions by the client id of their API; `excess` are ids in lower case.
    """
    merged = [dict(one) for one in access]
    changed = False
    for client_id, ids in wanted.items():
        at = next((one for one in merged if str(one["resourceAppId"]).lower() == client_id), None)
        if at is None:
            at = {"resourceAppId": client_id, "resourceAccess": []}
            merged.append(at)
        known = list(at.get("resourceAccess") or [])
        kept = [one for one in known if one.get("type") != kind or str(one.get("id")).lower() not in excess]
        has = {str(one.get("id")).lower() for one in kept if one.get("type") == kind}
        missing = [id for id in ids if id.lower() not in has]
        if missing or kept != known:
            changed = True
            at["resourceAccess"] = [*kept, *({"id": id, "type": kind} for id in missing)]
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
