# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks before a single sign-on is written: what several of them need is read once."""

from __future__ import annotations

import json

from truthful import PASSWORD, Scenario, Truthful, play


def test_every_fact_is_read_once() -> None:
    options = {
        "primary_domain": "contoso.com",
        "client_id": "00000000-0000-4000-8000-000000000000",
        "key": PASSWORD,
        "verify": False,
        "preflight": "always",
    }
    truth = Truthful()
    result = play(Scenario("w365_sso", json.dumps(options), scim=False), truth)
    assert [check["outcome"] for check in result["checks"]].count("skipped") == 0
    asked = [(call.endpoint, call.query.get("$filter")) for call in truth.calls if "$skiptoken" not in call.query]
    graph = [item for item in asked if item[0].startswith("graph.")]
    assert len(graph) == len(set(graph))
    assert {"graph.applications", "graph.principals"} <= {endpoint for endpoint, _filter in graph}
