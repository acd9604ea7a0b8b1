# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which environments are hosts of the inventory, from what instances list and what files of tenants say.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
    ENV_PREFIX,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import name_matches
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import environment_of_server

ACTIVE, INACTIVE, UNKNOWN, ABSENT = STATES = ("active", "inactive", "unknown", "absent")
"""The values of w365_state: what the server says, that it does not say, and that it does not have the environment."""

KEYS = ("instance", "tags", "vars")
"""What a file of tenants may say about one."""

SECRETS = tuple(f"{ENV_PREFIX.lower()}{option.name}" for option in CONNECTION_OPTIONS if option.secret)
"""Variables with secrets. Those of an inventory are shown by ansible-inventory and stored by AWX, so it never has one."""

OWN = ("w365_environment", "w365_instance", "w365_instance_url", "w365_active", "w365_state")
"""The variables that the plugin gives to each host."""

SHOWN = 5
"""How many names a sentence lists."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What the name of a host, and of an instance, may be."""


class FleetError(Exception):
    """What is wrong, as a sentence with the way out."""


class Instance(NamedTuple):
    """An instance with what it lists: the names of its environments and whether each is active (None: it does not say).

    `listed` is None where only files say which environments there are. `name` may be empty where there is one instance.
    """

    name: str
    url: str
    listed: Mapping[str, bool | None] | None


class FileTenant(NamedTuple):
    """A tenant that a file names."""

    environment: str
    instance: str
    tags: Sequence[str]
    variables: Mapping[str, Any]
    file: str


class Member(NamedTuple):
    """An environment of the fleet, with the name of its host, its groups and its variables."""

    host: str
    environment: str
    state: str
    tags: Sequence[str]
    variables: Mapping[str, Any]


class Choice(NamedTuple):
    """The environments that become hosts: by state, and by patterns of their names in which an asterisk is any text."""

    states: Collection[str]
    include: Sequence[str]
    exclude: Sequence[str]

    def names(self, name: str) -> bool:
        included = not self.include or any(name_matches(pattern, name) for pattern in self.include)
        return included and not any(name_matches(pattern, name) for pattern in self.exclude)


class Fleet(NamedTuple):
    """The environments of the inventory, in the order of their names, and sentences about those that were left out."""

    members: Sequence[Member]
    notes: Sequence[str]


def tenants_of_file(content: Any, file: str) -> Iterator[FileTenant]:
    """The tenants of one file: a dictionary by the names of their environments. Raises FleetError."""
    if not isinstance(content, Mapping):
        raise FleetError(
            f"{file} is {_kind(content)}. A file of tenants is a dictionary with the name of an environment as each key, "
            f"and a dictionary with some of {', '.join(KEYS)} as its value."
        )
    for name, value in content.items():
        where = f"{file}: tenant {name}"
        if not isinstance(name, str) or not name.strip():
            raise FleetError(f"{file} names a tenant {name!r}. The key is the name of its environment, a text.")
        given = {} if value is None else value
        if not isinstance(given, Mapping):
            raise FleetError(f"{where} is {_kind(given)}. It is a dictionary with some of {', '.join(KEYS)}.")
        unknown = sorted(str(key) for key in given if key not in KEYS)
        if unknown:
            raise FleetError(f"{where} has the key {unknown[0]!r}. It may have {', '.join(KEYS)}.")
        yield FileTenant(
            name.strip(),
            _text(given.get("instance"), f"{where}, key instance"),
            _tags(given.get("tags"), where),
            _variables(given.get("vars"), where),
            file,
        )


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, bool | int | float):
        return f"the value {value!r}"
    return "empty" if value is None else "a list"


def _text(value: Any, where: str) -> str:
    if value is not None and not isinstance(value, str):
        raise FleetError(f"{where} is {_kind(value)} and no text.")
    return (value or "").strip()


def _tags(value: Any, where: str) -> Sequence[str]:
    if value is not None and not (
        isinstance(value, list) and all(isinstance(tag, str) and tag.strip() for tag in value)
    ):
        raise FleetError(f"{where}, key tags: it is a list of texts, each the name of a group.")
    return value or ()


def _variables(value: Any, where: str) -> Mapping[str, Any]:
    if value is not None and not (isinstance(value, Mapping) and all(isinstance(name, str) for name in value)):
        raise FleetError(f"{where}, key vars: it is a dictionary of variables.")
    for name in value or ():
        if name in SECRETS:
            raise FleetError(
                f"{where} has the variable {name}. An inventory shows its variables, and AWX stores them, so no secret belongs "
                "into it. Put it into host_vars, encrypted with Ansible Vault or as a lookup."
            )
        if name in OWN:
            raise FleetError(f"{where} has the variable {name}, which the inventory itself sets. Leave it out.")
    return value or {}


def fleet_of(instances: Sequence[Instance], tenants: Sequence[FileTenant], choice: Choice) -> Fleet:
    """The environments of all instances with what files say about them. Raises FleetError for what is not clear."""
    named = _by_environment(instances, tenants)
    prefixed = len(instances) > 1
    members: list[Member] = []
    left_out: dict[str, list[str]] = {}
    for instance in instances:
        of_files = named[instance.name]
        listed = _listed(instance)
        keys = sorted({*listed, *of_files})
        for key in keys:
            tenant = of_files.get(key)
            name, state = listed.get(key) or (tenant.environment if tenant else key, _state_without_listing(instance))
            if not choice.names(name):
                continue
            host = f"{instance.name}_{name}" if prefixed else name
            if state not in choice.states:
                left_out.setdefault(state, []).append(host)
                continue
            if not NAME.fullmatch(host):
                left_out.setdefault("odd", []).append(host)
                continue
            members.append(_member(host, name, state, instance, tenant))
    _refuse_shared_hosts(members)
    return Fleet(members, list(_notes(left_out)))


def _listed(instance: Instance) -> dict[str, tuple[str, str]]:
    """The listed environments by the key of their name, each with its name and state."""
    found: dict[str, tuple[str, str]] = {}
    for name, active in (instance.listed or {}).items():
        key = name.lower()
        if key in found:
            raise FleetError(
                f"Instance {instance.name or instance.url} lists the environments {found[key][0]} and {name}, whose names differ "
                "in capitals only. It is not clear which one is meant. Rename one, or leave both out with exclude."
            )
        found[key] = (name, UNKNOWN if active is None else ACTIVE if active else INACTIVE)
    return found


def _state_without_listing(instance: Instance) -> str:
    return UNKNOWN if instance.listed is None else ABSENT


def _by_environment(
    instances: Sequence[Instance], tenants: Sequence[FileTenant]
) -> Mapping[str, dict[str, FileTenant]]:
    found: dict[str, dict[str, FileTenant]] = {instance.name: {} for instance in instances}
    for tenant in tenants:
        instance = tenant.instance or (instances[0].name if len(instances) == 1 else "")
        if instance not in found or (not tenant.instance and len(instances) > 1):
            known = ", ".join(each.name for each in instances if each.name) or "none with a name"
            what = f"the instance {tenant.instance!r}" if tenant.instance else "no instance"
            raise FleetError(f"{tenant.file}: tenant {tenant.environment} has {what}. The instances are: {known}.")
        key = tenant.environment.lower()
        other = found[instance].get(key)
        if other:
            raise FleetError(
                f"Tenant {tenant.environment} is in {other.file} and in {tenant.file}. One of them is to describe it."
                if other.file != tenant.file
                else f"{tenant.file} has the tenants {other.environment} and {tenant.environment}, which are the same environment."
            )
        found[instance][key] = tenant
    return found


def _member(host: str, name: str, state: str, instance: Instance, tenant: FileTenant | None) -> Member:
    variables = {
        **(tenant.variables if tenant else {}),
        "w365_environment": name,
        "w365_instance": instance.name,
        "w365_instance_url": instance.url,
        # Unknown is no boolean: neither true nor false would be right.
        "w365_active": {ACTIVE: True, INACTIVE: False}.get(state),
        "w365_state": state,
    }
    return Member(host, name, state, tuple(tenant.tags) if tenant else (), variables)


def _refuse_shared_hosts(members: Sequence[Member]) -> None:
    """Two environments whose hosts could be taken for each other, such as in names that AWX or a file system compares."""
    seen: dict[str, Member] = {}
    for member in members:
        other = seen.setdefault(member.host.lower(), member)
        if other is not member:
            raise FleetError(
                f"The environments {other.environment} and {member.environment} would both be host {member.host}. Give the "
                "instances other names."
            )


def hosts_of_others(members: Sequence[Member], hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The hosts of another source that would become another environment by these members, with a sentence for each.

    `hosts` are the variables that each host of the inventory has. Only those that the plugin has set count: a host that an
    inventory of one's own names has none of them, or has them on purpose. What differs in capitals only is one host, see
    `_refuse_shared_hosts`.
    """
    others = {
        host.lower(): (host, variables) for host, variables in hosts.items() if all(name in variables for name in OWN)
    }
    found = {}
    for member in members:
        host, variables = others.get(member.host.lower(), (member.host, member.variables))
        if _environment(variables) != _environment(member.variables):
            found[host] = f"Host {host} would be {_described(variables)} and {_described(member.variables)}."
    return found


def _environment(variables: Mapping[str, Any]) -> str:
    return environment_of_server(str(variables["w365_environment"]), str(variables["w365_instance_url"]))


def _described(variables: Mapping[str, Any]) -> str:
    return f"environment {variables['w365_environment']} of {variables['w365_instance_url']}"


def sentence_about_hosts(unclear: Mapping[str, str]) -> str:
    """What is wrong with hosts that two sources name, with the way out."""
    more = (
        f" The same is true of {len(unclear) - 1} more: {listed_names(list(unclear)[1:])}." if len(unclear) > 1 else ""
    )
    return (
        f"{next(iter(unclear.values()))}{more} Both would share their host_vars, so one customer's people could be written to "
        "the other. Put both instances into instances of one file, or leave the environment out of one file with exclude."
    )


def _notes(left_out: Mapping[str, Sequence[str]]) -> Iterator[str]:
    reasons = {
        UNKNOWN: "the server does not say whether they are active, and states does not name unknown",
        ABSENT: "a file names them and the instance does not have them, and states does not name absent",
        "odd": "their names have characters that the name of a host cannot have",
    }
    for state, reason in reasons.items():
        if left_out.get(state):
            yield f"Left out {listed_names(left_out[state])}: {reason}."


def listed_names(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name) for name in names[:SHOWN]) + more
