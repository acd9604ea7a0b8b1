# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody else's conformance suite (scim2-tester) against the twin."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from w365_simulator.testing import Twin

# A group has a displayName as well, which is always kept.
ATTRIBUTES = {"displayName", "title", "phoneNumbers", "preferredLanguage", "department"}


@pytest.mark.parametrize(
    ("switches", "kept"),
    [
        ({"scim_patch_body": True, "scim_bulk": True}, ATTRIBUTES),
        ({"scim_patch_body": True, "scim_bulk": False}, ATTRIBUTES),
        ({"scim_patch_body": False, "scim_bulk": True}, ATTRIBUTES),
        ({"scim_patch_body": False, "scim_bulk": False}, ATTRIBUTES),
        ({"profile": "documented"}, {"displayName"}),
        (
            {"scim_attributes": "phoneNumbers,department", "scim_unknown_attributes": "invalidPath"},
            {"displayName", "phoneNumbers", "department"},
        ),
    ],
    ids=str,
)
def test_the_suite_finds_nothing_but_one_known_deviation(twin: Twin, switches: dict[str, Any], kept: set[str]) -> None:
    twin.switches(**switches)
    context = ssl.create_default_context(cafile=twin.ca_path)
    headers = {"Authorization": f"Bearer {twin.scim_token}"}
    with Client(base_url=twin.scim_url("contoso"), headers=headers, verify=context, trust_env=False) as client:
        scim = SyncSCIMClient(client)
        scim.discover()
        results = check_server(scim)
    good = [result for result in results if result.status is Status.SUCCESS]
    bad = [(result.title, result.reason) for result in results if result.status is not Status.SUCCESS]
    # A user of Workspace 365 is active or on the deleted-users list; there is no third state, so that taking the
    # attribute away cannot leave none behind.
    assert [title for title, _ in bad] == ["check_remove_attribute"], bad
    assert "'active'" in str(bad[0][1])
    assert len(good) > 60
    # The suite writes, replaces and removes what /Schemas names, so it has seen every attribute that is kept.
    assert {name for name in ATTRIBUTES if any(f"{name}'" in str(result.reason) for result in good)} == kept
