# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tenant allows of client secrets (contract: entra-graph.md, G4 and G5). It is read, and never written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..api.applications import objects_of, parsed_time
from ..api.values import OddValueError
from ..errors import AuthenticationError, NotFoundError
from ..model.applications import DAY

if TYPE_CHECKING:
    from ..api.applications import ApplicationsClient


class SecretPolicy(NamedTuple):
    """What applies to the client secrets of one application. `longest` is their longest lifetime in seconds.

    `allowed` is None where the policy has exceptions that cannot be told, and `known` is false where it could not be read:
    then it is tried.
    """

    allowed: bool | None = True
    longest: float | None = None
    known: bool = True


UNKNOWN = SecretPolicy(None, None, known=False)


def read_policy(graph: ApplicationsClient, application_id: str, created: float) -> SecretPolicy:
    """The policy of an application that was created then; one that does not exist yet has no id."""
    try:
        for policy in graph.policies_of(application_id) if application_id else ():
            return judged(policy, "restrictions", created)
        return judged(graph.default_policy(), "applicationRestrictions", created)
    except (AuthenticationError, NotFoundError):
        # The permission is not settled (contract), and nothing needs it: Entra itself refuses what is not allowed.
        return UNKNOWN
    except OddValueError as error:
        raise graph.unreliable("graph.policy.default", error) from None


def judged(policy: Mapping[str, Any], name: str, created: float) -> SecretPolicy:
    """What a policy says. Raises OddValueError for one of another form."""
    if not isinstance(policy.get("isEnabled"), bool):
        raise OddValueError("a policy that does not say whether it is enabled")
    if policy["isEnabled"] is False:
        return SecretPolicy()
    restrictions = policy.get(name)
    if restrictions is None:
        return SecretPolicy()
    if not isinstance(restrictions, Mapping):
        raise OddValueError("restrictions that are no object")
    allowed: bool | None = True
    longest: float | None = None
    for one in _in_force(objects_of(restrictions.get("passwordCredentials"), "passwordCredentials"), created):
        kind = one.get("restrictionType")
        if kind == "passwordAddition":
            allowed = None if one.get("excludeActors") else False
        elif kind == "passwordLifetime":
            seconds = duration(one.get("maxLifetime"))
            longest = seconds if longest is None else min(seconds, longest)
    return SecretPolicy(allowed, longest)


def _in_force(restrictions: Iterable[Mapping[str, Any]], created: float) -> Iterable[Mapping[str, Any]]:
    for one in restrictions:
        after = one.get("restrictForAppsCreatedAfterDateTime")
        if one.get("state", "enabled") == "enabled" and (
            after is None or parsed_time(after, "a restrictForAppsCreatedAfterDateTime") <= created
        ):
            yield one


def duration(value: Any) -> float:
    """Seconds of an ISO 8601 duration such as P180D; a month has 30 days. Raises OddValueError."""
    text = value if isinstance(value, str) and len(value) < 60 else ""
    found = re.fullmatch(
        r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?",
        text,
        re.ASCII,
    )
    if not found or not any(found.groups()):
        raise OddValueError("a maxLifetime that is no duration")
    years, months, weeks, days, hours, minutes, seconds = (min(int(part or 0), 10**6) for part in found.groups())
    return (365 * years + 30 * months + 7 * weeks + days) * DAY + hours * 3600.0 + minutes * 60 + seconds
