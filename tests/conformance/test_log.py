# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a running twin tells which credential reached what, and shows none."""

from __future__ import annotations

import json

import requests

from w365_simulator.testing import Twin

SEED = {"environments": [{"name": name, "scim_token": f"token-of-{name}"} for name in ("contoso", "fabrikam")]}


def ask(twin: Twin, environment: str, token: str) -> int:
    """Read the users of an environment; return the status."""
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(
        f"{twin.scim_url(environment)}/Users", headers=headers, verify=twin.ca_path, timeout=30
    ).status_code


def test_a_key_that_reaches_another_environment_is_found(twin: Twin) -> None:
    twin.reset(SEED)
    assert ask(twin, "contoso", "token-of-contoso") == 200
    assert ask(twin, "fabrikam", "token-of-fabrikam") == 200
    reached = {
        name: {request["path"].split("/")[1] for request in twin.requests_with(f"token-of-{name}")}
        for name in ("contoso", "fabrikam")
    }
    assert reached == {"contoso": {"contoso"}, "fabrikam": {"fabrikam"}}
    assert ask(twin, "fabrikam", "token-of-contoso") == 401
    reached_by_contosos = [request["path"] for request in twin.requests_with("token-of-contoso")]
    assert reached_by_contosos == ["/contoso/scim/v2/Users", "/fabrikam/scim/v2/Users"]
    assert "token-of-" not in json.dumps(twin.requests())
