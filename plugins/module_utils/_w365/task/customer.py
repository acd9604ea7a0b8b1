# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether `scim_url` belongs to the environment of the task: two customers must never mix."""

from __future__ import annotations

import re
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

    An address of which every part is known costs nothing; otherwise it reads the names of the environments, and then people
    of both services. False is unknown, which is no refusal: a new environment has nobody yet who could prove it.
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
    url = checked_root(task.options["scim_url"], "scim_url")
    found = _parts(url, root)
    named = bool(own & found)
    proven = named and _server(url) == _server(root)
    if proven and found <= own:
        return True
    way_out = WAY_OUT.format(name=task.environment)
    try:
        names = {environment.name.lower() for environment in task.provisioning.environments()}
        listed = True
    except W365Error:
        names, listed = own, False
    if not own & names:
        raise GuardError(f"{root} has no environment '{task.environment}', and scim_url is given: {NO_SCIM_YET}")
    # What the query says is never sent. It cannot prove anything, and a name in it is still a mistake where nothing else is one.
    others = sorted(((found if named else found | _in_query(url, root)) & names) - own)
    if proven and listed and not others:
        return True
    if others and not named:
        raise _names_another(task, others[0], way_out)
    belongs = _same_people(task, way_out)
    if others and not belongs:
        # It names both: one of them may be a word of the server's own paths, and only people could tell which.
        raise _names_another(task, others[0], way_out)
    return belongs


def _names_another(task: Connections, other: str, way_out: str) -> GuardError:
    return GuardError(
        f"scim_url holds the name of another environment, '{other}', but the task is for environment "
        f"'{task.environment}'. {way_out}"
    )


def refuse_scim_of_new(task: Connections) -> None:
    """Raises GuardError when a task that creates its environment has the address of a SCIM service."""
    if task.options["scim_url"]:
        raise GuardError(f"Environment '{task.environment}' does not exist yet, and scim_url is given: {NO_SCIM_YET}")


def _server(url: str) -> tuple[str | None, int]:
    parts = urlsplit(url.strip())
    return parts.hostname, parts.port or 443


def _parts(url: str, root: str) -> set[str]:
    """What may name an environment in an address on the instance's host or below it; empty for another host.

    Only what the SCIM client uses: it sends neither the query nor the fragment.
    """
    parts = urlsplit(url)
    host, instance = parts.hostname or "", urlsplit(root).hostname or ""
    path = parts.path.lower()
    if not _is_below(host, instance) or ".." in re.split(r"[/\\]", unquote(path)):
        return set()
    return {*host[: -len(instance)].split("."), *map(unquote, path.split("/"))} - COMMON_WORDS


def _in_query(url: str, root: str) -> set[str]:
    """What may name an environment in the part of such an address that is not sent."""
    parts = urlsplit(url)
    if not _is_below(parts.hostname or "", urlsplit(root).hostname or ""):
        return set()
    return {value for _name, value in parse_qsl(parts.query.lower())} - COMMON_WORDS


def _is_below(host: str, instance: str) -> bool:
    return host == instance or host.endswith(f".{instance}")


def _same_people(task: Connections, way_out: str) -> bool:
    """Whether people of the SCIM service are people of the environment; False when nothing can be told.

    Administrators prove nothing, since a partner may have the same one in every environment, and neither do people whose
    role is not shown. Administrators do not contradict either: before its first cycle, SCIM does not know the primary one.
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
    return any(key in known and known[key].administrator is False for key in people)
