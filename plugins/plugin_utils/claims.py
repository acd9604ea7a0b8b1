# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What in one run of Ansible belongs to one owner only, such as an environment, a SCIM address or a file.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import combinations
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import ENV_PREFIX
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.addresses import server_of


def owner_of(folder: str, kind: str, thing: str, key: str, name: str) -> str:
    """The name of the owner who had this thing before in this run, if it is another one; otherwise an empty text.

    Every owner leaves a note in `folder`, which belongs to the run: hosts are served by processes of their own, at the same
    time. Owners with the same key are one owner.
    """
    note = os.path.join(folder, f"w365_{kind}_{sha256(thing.encode(errors='surrogateescape')).hexdigest()}")
    handle, written = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{key}\n{name}")
        # Unlike a rename, this fails when the note is there.
        os.link(written, note)
    except FileExistsError:
        with open(note, encoding="utf-8") as file:
            its_key, _line, its_name = file.read().partition("\n")
        return "" if its_key == key else its_name
    finally:
        os.unlink(written)
    return ""


def environments_by_name(hosts: Iterable[str], hostvars: Mapping[str, Any]) -> dict[str, str]:
    """The environment that the variables of each host name, with its server; without hosts whose variables name none.

    As the modules do it, an option that no variable gives is that of the environment variable. The own task of a host says
    what cannot be read of them.
    """
    found = {}
    for host in hosts:
        try:
            name, url = (
                str(hostvars[host].get(f"{ENV_PREFIX.lower()}{option}") or "").strip()
                or os.environ.get(f"{ENV_PREFIX}{option.upper()}", "")
                for option in ("environment", "instance_url")
            )
        except AnsibleError:
            continue
        found[host] = environment_of_server(name, url)
    return found


def environment_of_server(name: str, url: str) -> str:
    """The same text for all hosts that are for this environment of the server of this address; empty without a name."""
    name, server = sanitized_environment_name(name), server_of(url)
    return f"{name}{OF}{server}" if name and server else name


OF = " of "


def shared_environments(environments: Mapping[str, str]) -> str:
    """Which hosts are for the same environment, as a sentence for each; empty where each has its own.

    `environments` is what `environment_of_server` returned for each host. An empty one is not known. One without a server may
    be any of its name.
    """
    anywhere = {environment for environment in environments.values() if OF not in environment}
    hosts: dict[str, list[str]] = {}
    for host, environment in environments.items():
        name = environment.partition(OF)[0]
        hosts.setdefault(name if name in anywhere else environment, []).append(host)
    return " ".join(
        one_line(f"Hosts {', '.join(names)} are for the same environment, {environment}.")
        for environment, names in hosts.items()
        if environment and len(names) > 1
    )


def shared_addresses(configurations: Sequence[Mapping[str, Any]]) -> str:
    """Which configurations of an import give the SCIM address of another customer, as a sentence for each address.

    The customer is the environment, or where one of two names none, the Microsoft tenant: one that is not given may be any.
    """
    by_address: dict[str, list[Mapping[str, Any]]] = {}
    for configuration in configurations:
        address = address_of(_word(configuration, "scim_url"))
        if address:
            by_address.setdefault(address, []).append(configuration)
    return " ".join(
        one_line(f"Configurations {', '.join(_word(each, 'name') for each in given)} have the same scim_url.")
        for given in by_address.values()
        if any(_is_of_another(one, other) for one, other in combinations(given, 2))
    )


def _is_of_another(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    environments = {sanitized_environment_name(_word(each, "environment")) for each in (one, other)}
    if all(environments):
        return len(environments) > 1
    return len({_word(each, "entra_tenant").lower() for each in (one, other)}) > 1


def _word(configuration: Mapping[str, Any], key: str) -> str:
    value = configuration.get(key)
    return "" if value is None else str(value).strip()


def address_of(url: str) -> str:
    """The same text for all ways to write an address; empty without one."""
    rest = re.split("[?#]", url.strip().partition("//")[2] or url.strip())[0]
    return f"{server_of(url)}/{rest.partition('/')[2]}".rstrip("/") if rest else ""
