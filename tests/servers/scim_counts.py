# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many checks of others' SCIM testers the twin passes, and others' servers, as a table in the guide of the twin."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_client.errors import SCIMClientException
from scim2_tester import Status, check_server

from scim_servers import HERE, INSTALLED, SERVERS, TOKEN, ScimServer, serving
from w365_simulator.testing import start_twin

GUIDE = HERE.parents[1] / "docs" / "docsite" / "rst" / "guide_twin.rst"
BEGIN = ".. The rest of this section is written by make scim-counts.\n"
TWIN = "the twin"
SEED = {
    "environments": [
        {
            "name": "contoso",
            "users": [
                {
                    "upn": "allan.deyoung@contoso.com",
                    "first_name": "Allan",
                    "last_name": "Deyoung",
                    "administrator": True,
                }
            ],
        }
    ]
}


class Service(NamedTuple):
    """Where a SCIM service is, and how to be let in."""

    url: str
    token: str
    ca_path: str


class Count(NamedTuple):
    """What a tester said of a service: checks that passed and that failed, with their reasons; `refused`: it gave up."""

    passed: int = 0
    failed: tuple[str, ...] = ()
    refused: str = ""

    def cell(self) -> str:
        """The words in the table."""
        return self.refused or f"{self.passed} of {self.passed + len(self.failed)}"


def count_tester(service: Service) -> Count:
    """The checks of scim2-tester."""
    context = ssl.create_default_context(cafile=service.ca_path)
    headers = {"Authorization": f"Bearer {service.token}"}
    with Client(base_url=service.url, headers=headers, verify=context, trust_env=False) as client:
        scim = SyncSCIMClient(client)
        try:
            scim.discover()
        except SCIMClientException:
            return Count(refused="cannot read ``/ResourceTypes``")
        results = check_server(scim)
    ran = [result for result in results if result.status is not Status.SKIPPED]
    bad = [result for result in ran if result.status is not Status.SUCCESS]
    return Count(len(ran) - len(bad), tuple(f"{result.title}: {result.reason}" for result in bad))


def count_sanity(service: Service) -> Count:
    """The checks of scim-sanity, but for kinds of objects that it skips because the service has none."""
    command = [str(INSTALLED / "venv" / "bin" / "scim-sanity"), "probe", service.url, "--token", service.token]
    command += ["--ca-bundle", service.ca_path, "--json-output", "--i-accept-side-effects"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    results: list[dict[str, Any]] = [
        result for result in json.loads(ran.stdout)["results"] if result["status"] != "skip"
    ]
    bad = [result for result in results if result["status"] != "pass"]
    return Count(len(results) - len(bad), tuple(f"{result['name']}: {result.get('message', '')}" for result in bad))


@contextmanager
def running(server: ScimServer | None) -> Iterator[Service]:
    """A server that is new; None for the twin."""
    with tempfile.TemporaryDirectory() as folder:
        if server is None:
            with start_twin(Path(folder), seed=SEED) as twin:
                yield Service(twin.scim_url("contoso"), twin.scim_token, twin.ca_path)
        else:
            with serving(server, Path(folder)) as foreign:
                yield Service(foreign.url, TOKEN, foreign.ca_path)


def measure(server: ScimServer | None) -> tuple[Count, Count]:
    """Both testers, each on a service that nobody has used."""
    with running(server) as service:
        tester = count_tester(service)
    with running(server) as service:
        return tester, count_sanity(service)


def versions() -> dict[str, str]:
    """Tester or server -> its locked version."""
    locked = (HERE.parent / "requirements" / "servers.txt").read_text(encoding="utf-8")
    packages = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return {
        **dict(re.findall(r"^([a-z0-9-]+)==(\S+)", locked, re.MULTILINE)),
        "scim2-tester": version("scim2-tester"),
        "scim2-server": version("scim2-server"),
        "SCIMMY": packages["node_modules/scimmy"]["version"],
    }


def written() -> str:
    """What follows BEGIN in the guide."""
    known = versions()
    counts = {TWIN: measure(None), **{f"{server.name} {known[server.name]}": measure(server) for server in SERVERS}}
    rows = [["SCIM service", f"scim2-tester {known['scim2-tester']}", f"scim-sanity {known['scim-sanity']}"]]
    rows += [[name, *(count.cell() for count in both)] for name, both in counts.items()]
    table = "".join(f"   {'*' if not at else ' '} - {cell}\n" for row in rows for at, cell in enumerate(row))
    failed = "".join(f"* ``{reason}``\n" for count in counts[TWIN] for reason in count.failed)
    return (
        f"\n.. list-table::\n   :header-rows: 1\n   :widths: 34 33 33\n\n{table}\n"
        f"What the twin does not pass:\n\n{failed}"
    )


def main() -> None:
    """Write the table."""
    head, mark, _old = GUIDE.read_text(encoding="utf-8").partition(BEGIN)
    GUIDE.write_text(head + mark + written(), encoding="utf-8")


if __name__ == "__main__":
    main()
