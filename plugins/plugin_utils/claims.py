# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What in one run of Ansible belongs to one owner only, such as an environment, a SCIM address or a file.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from ansible.errors import AnsibleError

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line


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

    The own task of a host says what cannot be read of them.
    """
    found = {}
    for host in hosts:
        try:
            name, url = (str(hostvars[host].get(f"w365_{what}") or "") for what in ("environment", "instance_url"))
        except AnsibleError:
            continue
        found[host] = environment_of_server(name, url)
    return found


def environment_of_server(name: str, url: str) -> str:
    """The same text for all hosts that are for this environment of the server of this address; empty without a name."""
    name, server = sanitized_environment_name(name), urlsplit(url.strip()).netloc.rpartition("@")[2].lower()
    return f"{name} of {server}" if name and server else name


def shared_environments(environments: Mapping[str, str]) -> str:
    """Which hosts are for the same environment, as a sentence for each; empty where each has its own.

    `environments` is what `environment_of_server` returned for each host. An empty one is not known.
    """
    hosts: dict[str, list[str]] = {}
    for host, environment in environments.items():
        hosts.setdefault(environment, []).append(host)
    return " ".join(
        one_line(f"Hosts {', '.join(names)} are for the same environment, {environment}.")
        for environment, names in hosts.items()
        if environment and len(names) > 1
    )
