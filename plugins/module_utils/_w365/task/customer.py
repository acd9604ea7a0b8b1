# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether `scim_url` belongs to the environment of the task: two customers must never mix."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from ..api.scim_mapping import user_from_scim
from ..backends.provisioning_users import ProvisioningUsers
from ..errors import GuardError, W365Error
from ..model.environment import sanitized_environment_name as sanitized
from ..transport.http import checked_root

if TYPE_CHECKING:
    from .connections import Connections

COMMON_WORDS = frozenset({"", "api", "provisioning", "scim", "users", "v1", "v2"})
"""Parts of addresses that say nothing, also where an environment has such a name."""

SAMPLE = 25
"""The number of people who are read from the SCIM service: the first of its listing."""

WAY_OUT = (
    "Nothing was written. Check scim_url, scim_token and environment, which belong to one customer; "
    "scim_environment={name} says that they belong together."
)


NO_SCIM_YET = (
    "a new environment has no SCIM until its administrator switches it on. Nothing was written. Leave scim_url out until "
    "then (an empty one counts as left out), and run again with the address and key that the environment shows."
)

UNTOLD = (
    "Nothing shows that scim_url belongs to environment '{name}': neither its address nor the people of both. Check "
    "scim_url and scim_token; scim_environment={name} says that they belong together."
)


def check_customer(task: Connections) -> bool:
    """Whether something shows that they belong together. Raises GuardError when something contradicts.

    Signs in the address cost nothing; then it reads the names of the environments, and then people of both services.
    """
    own = {task.environment, sanitized(task.environment)}
    confirmed = task.options["scim_environment"]
    if confirmed:
        if own & {confirmed.lower(), sanitized(confirmed)}:
            return True
        raise GuardError(
            f"scim_environment says that scim_url belongs to environment '{confirmed}', but the task is for environment "
            f"'{task.environment}'. Nothing was written. Give the values of one customer."
        )
    if not task.has_provisioning:
        return False
    root = task.provisioning.root
    found = _parts(checked_root(task.options["scim_url"], "scim_url"), root)
    if own & found and _server(task.options["scim_url"]) == _server(root):
        return True
    way_out = WAY_OUT.format(name=task.environment)
    try:
        names = {environment.name.lower() for environment in task.provisioning.environments()}
    except W365Error:
        names = own
    if not own & names:
        raise GuardError(f"{root} has no environment '{task.environment}', and scim_url is given: {NO_SCIM_YET}")
    others = sorted((found & names) - own)
    if others and not own & found:
        raise GuardError(
            f"scim_url holds the name of another environment, '{others[0]}', but the task is for environment "
            f"'{task.environment}'. {way_out}"
        )
    return _same_people(task, way_out)


def refuse_scim_of_new(task: Connections) -> None:
    """Raises GuardError when a task that creates its environment has the address of a SCIM service."""
    if task.options["scim_url"]:
        raise GuardError(f"Environment '{task.environment}' does not exist yet, and scim_url is given: {NO_SCIM_YET}")


def _server(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url.strip())
    return parts.hostname, parts.port or 443


def _parts(url: str, root: str) -> set[str]:
    """What may name an environment in an address on the instance's host or below it; empty for another host."""
    parts = urlsplit(url)
    host, instance = parts.hostname or "", urlsplit(root).hostname or ""
    path = [unquote(part) for part in parts.path.lower().split("/")]
    if (host != instance and not host.endswith(f".{instance}")) or ".." in path:
        return set()
    values = (value for _name, value in parse_qsl(parts.query.lower()))
    return {*host[: -len(instance)].split("."), *path, *values} - COMMON_WORDS


def _same_people(task: Connections, way_out: str) -> bool:
    """Whether people of the SCIM service are people of the environment; False when nothing can be told.

    Administrators prove little, since a partner may have the same one in every environment. They do not contradict
    either: before its first cycle, SCIM does not know the primary administrator.
    """
    try:
        # Read for this alone: what the task reads later must not be out of date.
        known = {user.key: user for user in ProvisioningUsers(task.provisioning, task.environment).list_users()}
        shown = map(user_from_scim, islice(task.scim.pages("scim.user.list"), SAMPLE))
        keys = [user.key for user in shown if user.upn and user.active is not False]
    except W365Error:
        return False
    people = [key for key in keys if not (key in known and known[key].administrator)]
    strangers = [key for key in people if key not in known]
    if 2 * len(strangers) > len(people):
        raise GuardError(
            f"scim_url does not belong to environment '{task.environment}': the environment does not have "
            f"{len(strangers)} of the first {len(keys)} active people of that SCIM service. {way_out}"
        )
    return bool(keys)
