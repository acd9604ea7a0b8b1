# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client secrets of an app registration that Workspace 365 signs people in with.

Workspace 365 shows no key, so only Microsoft Entra can remember which secret it holds: a tag of the application says so.
`w365:writing:<environment>:<keyId>` is set before the secret is written to Workspace 365, and becomes `w365:linked:...`
after that. So a run that ended in between leaves a secret that is perhaps in use, and none that is taken for unused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import GuardError, InputError
from ..model.applications import DAY, Application, Password
from .app_policies import SecretPolicy

LINKED = "linked"
WRITING = "writing"
FORMER = "former"
UNUSED = "unused"
FOREIGN = "foreign"

YOUNGEST_UNUSED = 900.0
"""Seconds. A younger secret may be that of another run that is on its way."""

POLICY_MARGIN = 3600.0
"""Seconds by which a secret ends earlier than the tenant's policy allows."""


class OwnedSecret(NamedTuple):
    """A client secret and what it is: linked, writing, former, unused or foreign.

    Workspace 365 holds the linked one. The writing one is perhaps in use, a former one was, an unused one never was, and a
    foreign one is of somebody else: it is never touched.
    """

    password: Password
    state: str

    @property
    def key_id(self) -> str:
        return self.password.key_id


class Holder(NamedTuple):
    """Who is given the secrets, as errors say it. `otherwise` is about other credentials."""

    name: str
    otherwise: str


WORKSPACE = Holder("Workspace 365", "Workspace 365 knows no other credential")


class SecretOptions(NamedTuple):
    """How secrets are renewed. All times are seconds. `reason` says why a new one is needed whatever the present one is.

    `settle` is how long a run may take from creating a secret to writing it.
    """

    environment: str
    lifetime: float
    rotate_before: float
    overlap: float
    settle: float
    reason: str = ""
    holder: Holder = WORKSPACE


class SecretPlan(NamedTuple):
    """What is to be done: `remove` first, then `create` (why; empty: not at all) a secret that is valid until `end`.

    `notes` are warnings.
    """

    remove: tuple[OwnedSecret, ...]
    create: str
    end: float
    shortened: bool
    notes: tuple[str, ...]


def tag(state: str, environment: str, key_id: str) -> str:
    return f"w365:{state}:{environment}:{key_id}"


def marked(tags: Iterable[str], state: str, environment: str) -> set[str]:
    """The key ids that tags of this state name."""
    prefix = tag(state, environment, "")
    return {found[len(prefix) :].lower() for found in tags if found.startswith(prefix)}


def with_marks(tags: Iterable[str], environment: str, marks: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The tags with these marks (state and key id) instead of those of the environment; all other tags stay."""
    prefixes = tuple(tag(state, environment, "") for state in (LINKED, WRITING))
    return (
        *(found for found in tags if not found.startswith(prefixes)),
        *(tag(state, environment, key_id) for state, key_id in marks),
    )


def name_of(environment: str, time: str, digits: str) -> str:
    """The name of a new secret: what identifies it when the answer with its id was lost."""
    return f"w365 {environment} {time} {digits}"


def is_own_name(name: str, environment: str) -> bool:
    return bool(re.fullmatch(rf"w365 {re.escape(environment)} \S+ [0-9a-f]{{6}}", name))


def secrets_of(application: Application | None, environment: str) -> tuple[OwnedSecret, ...]:
    """Every secret of an application with what it is to this environment, the newest first."""
    if application is None:
        return ()
    passwords = sorted(application.passwords, key=lambda one: one.start, reverse=True)
    linked, writing = (marked(application.tags, state, environment) for state in (LINKED, WRITING))
    newest = next((one for one in passwords if one.key_id in linked and one.key_id not in writing), None)

    def state_of(one: Password) -> str:
        if newest is not None and one.key_id == newest.key_id:
            return LINKED
        if one.key_id in writing:
            return WRITING
        if one.key_id in linked:
            return FORMER
        if not is_own_name(one.name, environment):
            return FOREIGN
        return FORMER if newest is not None and one.start < newest.start else UNUSED

    return tuple(OwnedSecret(one, state_of(one)) for one in passwords)


def plan_secrets(
    application: Application | None, policy: SecretPolicy, now: float, options: SecretOptions
) -> SecretPlan:
    """What has to be done with the secrets, by the clock of Entra. Pure.

    Raises InputError for times that would renew without end, GuardError where the tenant allows no secret.
    """
    secrets = secrets_of(application, options.environment)
    linked = next((one for one in secrets if one.state == LINKED), None)
    remove = removable(secrets, linked, now, options)
    create = _why(secrets, linked, now, options)
    longest = None if policy.longest is None else max(policy.longest - POLICY_MARGIN, 0.0)
    lifetime = options.lifetime if longest is None else min(options.lifetime, longest)
    shortened = lifetime < options.lifetime
    notes: list[str] = []
    if create:
        if policy.allowed is False:
            raise GuardError(
                f"The tenant's app management policy forbids client secrets, and {options.holder.otherwise}. Nothing "
                "was written. Let an administrator exempt this application from the policy (passwordAddition), then rerun the task."
            )
        notes += _lifetime_notes(lifetime, options, shortened=shortened)
    return SecretPlan(remove, create, now + lifetime, shortened, tuple(notes))


def _lifetime_notes(lifetime: float, options: SecretOptions, *, shortened: bool) -> list[str]:
    days, before, overlap = (f"{value / DAY:g}" for value in (lifetime, options.rotate_before, options.overlap))
    source = (
        f"the tenant's policy allows only {lifetime / DAY:.1f} days" if shortened else f"secret_lifetime is {days} days"
    )
    if lifetime < options.rotate_before + options.overlap:
        raise InputError(
            f"A new secret would be renewed before the former one may be removed: {source}, and rotate_before ({before} days) "
            f"and overlap ({overlap} days) together are more. Nothing was written. Give smaller ones."
        )
    if 2 * options.rotate_before >= lifetime:
        return [
            f"Secrets are renewed when half of their lifetime or more is left: {source}, and rotate_before is {before} days. "
            "Give a smaller rotate_before."
        ]
    return []


def _why(secrets: Sequence[OwnedSecret], linked: OwnedSecret | None, now: float, options: SecretOptions) -> str:
    """Why a new secret is needed; empty when none is."""
    if linked is None:
        return f"no secret is linked to {options.holder.name}"
    if any(one.state == WRITING and one.password.start >= linked.password.start for one in secrets):
        return f"an earlier run ended while it wrote a secret to {options.holder.name}, which may have it or not"
    end = linked.password.end
    if end is not None and end - now < options.rotate_before:
        return "the secret has expired" if end <= now else f"the secret expires in {max(end - now, 0) / DAY:.1f} days"
    return options.reason


def removable(
    secrets: Sequence[OwnedSecret], linked: OwnedSecret | None, now: float, options: SecretOptions
) -> tuple[OwnedSecret, ...]:
    """The own secrets that nobody uses any more; never the last valid one.

    An unused one must be older than any run that could still be on its way. What was or may have been in use goes when
    another one has been linked for as long as `overlap`.
    """
    settled = linked is not None and now - linked.password.start > options.overlap

    def is_over(one: OwnedSecret) -> bool:
        if one.state == UNUSED:
            return now - one.password.start > max(YOUNGEST_UNUSED, options.settle)
        if one.state not in (FORMER, WRITING) or not settled or linked is None:
            return False
        return one.password.start < linked.password.start

    over = [one for one in secrets if is_over(one)]
    stays = [one for one in secrets if one not in over and one.password.is_valid(now)]
    if not stays:
        over = [one for one in over if not one.password.is_valid(now)]
    return tuple(over)
