# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same server, however its address is written."""

from __future__ import annotations

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.addresses import server_of


@pytest.mark.parametrize(
    ("address", "server"),
    [
        ("https://w365.contoso.com", "w365.contoso.com"),
        (" https://W365.contoso.com:443/contoso?x=1 ", "w365.contoso.com"),
        ("w365.contoso.com/contoso", "w365.contoso.com"),
        ("https://a-secret@w365.contoso.com.", "w365.contoso.com"),
        ("https://w365.contoso.com:8443/", "w365.contoso.com:8443"),
        ("http://w365.contoso.com:80", "w365.contoso.com"),
        ("https://w365.contoso.com:port", ""),
        ("https://[w365", ""),
        ("https://", ""),
        (" ", ""),
    ],
)
def test_the_server_of_an_address(address: str, server: str) -> None:
    assert server_of(address) == server
