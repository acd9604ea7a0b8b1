# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that sends users to Workspace 365 over SCIM: finding it, and who is in its scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..api.applications import RefusedError
from ..errors import AuthenticationError, GuardError, InputError, NotFoundError
from ..model.applications import SSO_TAG, Application
from ..model.names import is_object_id
from ..model.scim_application import (
    JOB_TEMPLATE,
    SCIM_TAG,
    TEMPLATE,
    Assignment,
    DesiredScimApplication,
    EnterpriseApplication,
    Job,
)
from .applications import candidates, readable_applications

if TYPE_CHECKING:
    from ..api.synchronization import SynchronizationClient


class FoundApplication(NamedTuple):
    application: Application
    enterprise: EnterpriseApplication | None


def find_scim_application(
    graph: SynchronizationClient, desired: DesiredScimApplication, caller: Callable[[], str]
) -> FoundApplication | None:
    """By the id of its service principal, its tag, or template and name, in this order.

    Raises InputError for two candidates, and GuardError for an application that is none for SCIM.
    """
    enterprise = None
    if desired.service_principal_id:
        try:
            enterprise = graph.enterprise_by_id(desired.service_principal_id)
        except NotFoundError:
            raise InputError(
                f"Option service_principal_id is {desired.service_principal_id!r}, and the tenant has no service principal with this object "
                "id that the task may read. It is the object id of the enterprise application, not of the app registration."
            ) from None
    known = readable_applications(graph, caller, enterprise.client_id if enterprise else "")
    if enterprise:
        known = [one for one in known if one.client_id == enterprise.client_id]
        if enterprise.template_id != TEMPLATE or not known:
            raise GuardError(
                f"The service principal {enterprise.id} ({enterprise.display_name!r}) was not created from the template of applications "
                "that are in no gallery, so Microsoft Entra cannot provision with it. The application for single sign-on is another one. "
                "Leave service_principal_id out to create an application for SCIM."
            )
        found: Application | None = known[0]
    else:
        found = chosen(desired, known)
    if found is None:
        return None
    if any(tag.startswith(SSO_TAG) for tag in found.tags):
        raise GuardError(
            f"The application {found.display_name!r} ({found.client_id}) is the one for single sign-on, which must not be the one for SCIM. "
            "Nothing was written. Leave service_principal_id out to create an application for SCIM."
        )
    return FoundApplication(found, enterprise or graph.enterprise(found.client_id))


def chosen(desired: DesiredScimApplication, known: Sequence[Application]) -> Application | None:
    made = [one for one in known if one.template_id.lower() == TEMPLATE]
    for found in (
        [one for one in made if desired.marker in one.tags],
        [one for one in made if one.display_name.startswith(desired.first_name)],
        [
            one
            for one in made
            if one.display_name == desired.title and not any(tag.startswith(SCIM_TAG) for tag in one.tags)
        ],
    ):
        if len(found) > 1:
            raise InputError(
                f"{len(found)} enterprise applications could be the one that sends users to {desired.subject!r}: {candidates(found)}. Nothing was "
                "written. Give the object id of the right one in option service_principal_id."
            )
        if found:
            return found[0]
    return None


def the_job(jobs: Sequence[Job]) -> Job | None:
    """The one job for SCIM. Raises GuardError for several, and for one of the template that is no longer supported."""
    found = [job for job in jobs if job.template_id.lower() == JOB_TEMPLATE or job.id.startswith(f"{JOB_TEMPLATE}.")]
    if len(found) > 1:
        raise GuardError(
            f"The application has {len(found)} provisioning jobs for SCIM ({', '.join(job.id for job in found)}). Nothing was written. A "
            "job that is deleted cannot be made again, so decide in the portal which application is the right one."
        )
    if not found and jobs:
        raise GuardError(
            f"The application has the provisioning job {jobs[0].id}, which is not of the template scim. Nothing was written. It cannot be "
            "converted: create another application (leave service_principal_id out, and give another display_name)."
        )
    return found[0] if found else None


class Scope(NamedTuple):
    """Who is to be assigned, by object id in lower case, with a name. `nested` are groups with groups in them, and how many."""

    wanted: dict[str, tuple[str, str]]
    nested: dict[str, int]
    unreadable: tuple[str, ...]


def resolve_scope(graph: SynchronizationClient, desired: DesiredScimApplication) -> Scope:
    """The groups and users of the options. Raises InputError for one that the tenant does not have, or has twice."""
    wanted: dict[str, tuple[str, str]] = {}
    nested: dict[str, int] = {}
    unreadable: list[str] = []
    for name in desired.groups or ():
        group = graph.find_group(name)
        shown = str(group.get("displayName") or name)
        wanted[str(group["id"]).lower()] = (shown, "Group")
        try:
            inside = graph.nested_groups(str(group["id"]))
        except AuthenticationError:
            unreadable.append(shown)
            continue
        if inside:
            nested[shown] = len(inside)
    for name, id in resolve_users(graph, desired.users or (), "users").items():
        wanted[id] = (name, "User")
    return Scope(wanted, nested, tuple(unreadable))


def resolve_users(graph: SynchronizationClient, names: Sequence[str], option: str) -> dict[str, str]:
    """The object ids of users, in lower case, by the names that were given: UPNs or ids."""
    ids = [name for name in names if is_object_id(name)]
    existing = {id.lower() for id in graph.existing_users([id.lower() for id in ids])} if ids else set()
    upns = graph.user_ids([name for name in names if not is_object_id(name)])
    found: dict[str, str] = {}
    for name in names:
        id = (name.lower() if name.lower() in existing else None) if is_object_id(name) else upns.get(name.lower())
        if id is None:
            raise InputError(
                f"Microsoft Entra has no user {name!r} (option {option}), neither by UPN nor by object id. Nothing was written. Check the "
                "spelling."
            )
        found[name] = id.lower()
    return found


def missing_premium(graph: SynchronizationClient) -> str:
    """Why a group may not be assigned, as a sentence; empty where the licenses say nothing."""
    try:
        if graph.has_premium():
            return ""
    except (RefusedError, NotFoundError):
        return " Assigning groups needs Microsoft Entra ID P1 or P2; whether the tenant has it could not be read."
    return (
        " The tenant has no Microsoft Entra ID P1 or P2, without which no group can be assigned. Assign users with option users, or give "
        "scope=all."
    )


def to_purge(assigned: Sequence[Assignment], scope: Scope) -> list[Assignment]:
    """The users and groups that are assigned and not wanted. Applications that are assigned are left alone."""
    return [one for one in assigned if one.kind in ("User", "Group") and one.principal_id not in scope.wanted]
