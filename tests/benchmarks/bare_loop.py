# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop that we are held against: requests from a file, sent by a pool of threads over one session, and no more.

It lists nothing, compares nothing, tries nothing again and redacts nothing. The file holds a line of JSON per request
with method, path, query and body; the environment variables BARE_URL, BARE_TOKEN and BARE_CA say where they go.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter


def main() -> int:
    """Send everything; the exit code is 1 when a server refuses something."""
    path, concurrency = sys.argv[1], int(sys.argv[2])
    url = os.environ["BARE_URL"]
    headers = {
        "Authorization": f"Bearer {os.environ['BARE_TOKEN']}",
        "Accept": "application/scim+json, application/json",
    }
    with_body = {**headers, "Content-Type": "application/scim+json"}
    session = requests.Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=concurrency))
    session.verify = os.environ["BARE_CA"]

    def send(item: dict[str, Any]) -> bool:
        body = item["body"]
        data = None if body is None else json.dumps(body).encode()
        answer = session.request(
            item["method"],
            url + item["path"],
            params=item["query"],
            data=data,
            headers=headers if data is None else with_body,
            timeout=60,
        )
        return bool(answer.ok and answer.json())

    items = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]
    with ThreadPoolExecutor(concurrency) as workers:
        return 0 if all(workers.map(send, items)) else 1


if __name__ == "__main__":
    sys.exit(main())
