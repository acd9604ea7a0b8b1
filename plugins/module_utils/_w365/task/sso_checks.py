# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the checks of a single sign-on need, and looks at the page on which people sign in. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from ..api.entra_tokens import SIGN_IN_HOSTS
from ..api.sign_in_page import SignInPage, SignInTarget
from ..backends.common import active_administrators, roles_problem, uncertain_administrators
from ..backends.provisioning import ProvisioningDirectory
from ..entra.sso_checks import (
    CHECKS,
    PASSED,
    REFUSED,
    SKIPPED,
    Check,
    check_assignment,
    check_consent,
    check_emergency,
    check_expiry,
    check_principal,
    check_redirect,
    check_tenant,
    unknown,
)
from ..errors import InputError, StoppedError, W365Error
from ..inputs.environment import ANY_TENANT, GUID_PATTERN, sso_tenant
from ..model.applications import GRAPH_API, redirect_of
from ..transport.addresses import host_of
from ..transport.http import checked_root
from .applications import applications_client

if TYPE_CHECKING:
    from ..model.applications import Application, Principal
    from ..model.settings import SettingValues
    from .entra import EntraTask


def expected_redirect(task: EntraTask) -> str:
    root = checked_root(task.required_option("instance_url", "for the Provisioning API"), "instance_url")
    return redirect_of(urlsplit(root).netloc.lower(), task.environment)


def read_checks(task: EntraTask, wanted: SettingValues) -> list[Check]:
    """Every check in its order. What cannot be read is unknown, and no check that passed.

    Another tenant than that of the authority ends them: whatever it says is about somebody else.
    """
    least = task.options["min_secret_days"]
    if least < 0:
        raise InputError(f"Option min_secret_days is {least}: give 0 or a number of days.")
    reader = _Reader(task, wanted)
    checks: list[Check] = []
    for name in CHECKS:
        if name in task.options["skip_checks"]:
            checks.append(Check(name, SKIPPED, "Left out, as skip_checks asks."))
            continue
        if checks and checks[0].name == "tenant" and checks[0].outcome == REFUSED:
            checks.append(unknown(name, "Not made: entra_tenant is another tenant."))
            continue
        checks.append(_tried(name, reader.checks[name], required=name == "emergency_access" and reader.required))
    return checks


def _tried(name: str, check: Callable[[], Check], *, required: bool) -> Check:
    try:
        return check()
    except StoppedError:
        raise
    except W365Error as error:
        if required:
            return Check(
                name,
                REFUSED,
                f"Whether an administrator has emergency access could not be read, and require_emergency_access is true: {error.message}",
            )
        return unknown(name, f"Check {name} could not be made: {error.message}")


class _Reader:
    """Reads every fact once."""

    def __init__(self, task: EntraTask, wanted: SettingValues) -> None:
        self._task = task
        self._authority = wanted.values["authority"]
        self._client_id = wanted.values["client_id"].lower()
        self._graph = applications_client(task)
        self.required = bool(task.options["require_emergency_access"])
        self.checks: dict[str, Callable[[], Check]] = {
            "tenant": self._tenant,
            "principal": self._principal,
            "redirect": self._redirect,
            "consent": self._consent,
            "assignment": self._assignment,
            "secret_expiry": self._expiry,
            "emergency_access": self._emergency,
        }

    def _tenant(self) -> Check:
        domains = self._graph.verified_domains()
        return check_tenant(sso_tenant(self._authority), domains, self._task.options["entra_tenant"] or "")

    @cached_property
    def _found_principal(self) -> Principal | None:
        return self._graph.principal(self._client_id)

    @cached_property
    def _found_application(self) -> Application | None:
        found = self._graph.applications(self._client_id)
        return found[0] if found else None

    def _principal(self) -> Check:
        return check_principal(self._found_principal, self._client_id)

    def _redirect(self) -> Check:
        return check_redirect(self._found_application, expected_redirect(self._task))

    def _consent(self) -> Check:
        client, api = self._found_principal, self._graph.principal(GRAPH_API)
        if client is None or api is None:
            return unknown("consent", "Without both service principals there is no consent to read.")
        return check_consent(self._graph.grants(client.id), api.id, self._task.options["scopes"])

    def _assignment(self) -> Check:
        return check_assignment(self._found_principal)

    def _expiry(self) -> Check:
        days = self._task.options["min_secret_days"]
        return check_expiry(self._found_application, self._task.options["key"], self._graph.now, days)

    def _emergency(self) -> Check:
        users = ProvisioningDirectory(self._task.provisioning, self._task.environment).users_with_roles()
        if problem := roles_problem(users):
            raise problem
        uncertain = uncertain_administrators(users)
        active = active_administrators(users) - uncertain
        administrators = [user.upn for user in users if user.key in active]
        people = self._graph.people_with_plans(administrators)
        check = check_emergency(administrators, people, required=self.required)
        if check.outcome != PASSED and uncertain:
            names = [user.upn for user in users if user.key in uncertain]
            raise W365Error(f"whether {', '.join(names[:5])} can still sign in is not known: the list does not say it.")
        return check


def check_page(task: EntraTask, wanted: SettingValues) -> str:
    """Where the sign-in page leads. Returns what that does not prove; raises W365Error when it leads elsewhere."""
    page = SignInPage(
        task.http, instance_url=task.required_option("instance_url", "for the sign-in page"), endpoints=task.endpoints
    )
    target = page.target(task.environment)
    authority = urlsplit(wanted.values["authority"])
    own_page = target is not None and target.host == host_of(urlsplit(page.root)) != host_of(authority)
    if target is None or own_page:
        return "The sign-in page of the environment does not lead straight to Microsoft Entra, so post_check proved nothing."
    not_compared = [
        *_compared_host(task.environment, target, authority),
        *_compared_tenant(task.environment, target, sso_tenant(wanted.values["authority"])),
    ]
    redirect = expected_redirect(task)
    if target.client_id.lower() != wanted.values["client_id"].lower():
        raise W365Error(
            f"The sign-in page of environment '{task.environment}' sends people to application {target.client_id[:100]!r}, and "
            f"{wanted.values['client_id']} was written (post_check=redirect)."
        )
    if target.redirect_uri != redirect:
        raise W365Error(
            f"The sign-in page of environment '{task.environment}' has people sent back to {target.redirect_uri[:200]!r}, and not to "
            f"{redirect} (post_check=redirect). Check whether the app registration has that redirect URI."
        )
    same = "client id and redirect URI" if not_compared else "authority, client id and redirect URI"
    return " ".join([f"The sign-in page shows the same {same}; it does not show the key.", *not_compared])


def _compared_host(environment: str, target: SignInTarget, authority: SplitResult) -> list[str]:
    """What could not be compared of the host, in a sentence. Raises W365Error when people are sent to another one."""
    wanted = host_of(authority)
    clouds = [{host for host in (wanted, target.host) if host in cloud} for cloud in SIGN_IN_HOSTS]
    if target.scheme == "https" and (target.host == wanted or {wanted, target.host} in clouds):
        return []
    if target.scheme == "https" and {wanted, target.host} == set().union(*clouds):
        # Microsoft sends tenants of some clouds on by itself.
        return [
            f"It leads to {target.host}, a host of another Microsoft cloud than {wanted}, which could not be compared."
        ]
    raise W365Error(
        f"The sign-in page of environment '{environment}' sends people to {f'{target.scheme}://{target.host}'[:200]!r}, and the "
        f"authority that was written is on https://{wanted} (post_check=redirect)."
    )


def _compared_tenant(environment: str, target: SignInTarget, wanted: str) -> list[str]:
    """What could not be compared of the tenant, in a sentence. Raises W365Error when it is another one.

    An id and a domain may be the same tenant, and names such as organizations stand for any.
    """
    found, wanted = target.tenant.lower(), wanted.lower()
    if found == wanted:
        return []
    named_by_id = [bool(GUID_PATTERN.match(name)) for name in (found, wanted)]
    if ANY_TENANT.intersection((found, wanted)) or len(set(named_by_id)) > 1:
        return [f"It names the tenant {found[:100]!r}, which could not be compared with {wanted!r}."]
    raise W365Error(
        f"The sign-in page of environment '{environment}' sends people to tenant {found[:100]!r}, and the authority that was "
        f"written is about {wanted!r} (post_check=redirect). If both are domains of one tenant, give the authority as the page has it."
    )
