# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the client reads the keys of an application, and what it sends back of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.endpoints import ENDPOINTS
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.import_application import (
    ImportApplicationClient,
    new_key,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import UnreliableAnswerError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.import_application import (
    PublicCertificate,
)

ID = "00000000-0000-4000-8000-000000000001"
CONTENT = base64.b64encode(b"a certificate").decode()
PRINT = hashlib.sha1(b"a certificate", usedforsecurity=False).hexdigest().upper()
KEY: dict[str, Any] = {
    "keyId": ID.upper(),
    "displayName": "theirs",
    "type": "AsymmetricX509Cert",
    "usage": "Verify",
    "startDateTime": "2026-01-01T00:00:00Z",
    "endDateTime": "2027-01-01T00:00:00.1234567Z",
    "key": CONTENT,
    "customKeyIdentifier": "whatever",
}
IN_BASE64 = base64.b64encode(bytes.fromhex(PRINT)).decode()


class Tokens:
    """Stands where Entra would."""

    def token(self) -> str:
        return "token"

    def forget(self) -> None:
        """The next one is the same."""


def client(http: Any) -> ImportApplicationClient:
    tokens: Any = Tokens()
    return ImportApplicationClient(http, root="https://graph.contoso.com", tokens=tokens, endpoints=ENDPOINTS)


@pytest.mark.parametrize(
    ("more", "thumbprint", "readable"),
    [
        ({}, PRINT, True),
        ({"key": None, "customKeyIdentifier": IN_BASE64}, PRINT, False),
        ({"key": None, "customKeyIdentifier": PRINT}, PRINT, False),
        ({"key": None, "customKeyIdentifier": PRINT.lower()}, PRINT, False),
        ({"key": None, "customKeyIdentifier": None}, "", False),
        ({"key": None, "type": "Symmetric", "customKeyIdentifier": IN_BASE64}, "", False),
        ({"endDateTime": None, "startDateTime": None, "displayName": None}, PRINT, True),
    ],
)
def test_keys_are_known_by_their_content(
    scripted: Callable[..., Any], more: dict[str, Any], thumbprint: str, readable: bool
) -> None:
    asked: list[str] = []

    def script(method: str, path: str, _body: Any) -> Any:
        asked.append(path)
        return (200, {"keyCredentials": [{**KEY, **more, "somethingNew": 1}]})

    (found,) = client(scripted(script)).keys(ID)
    assert (found.key_id, found.thumbprint, found.readable) == (ID.lower(), thumbprint, readable)
    assert "somethingNew" not in found.raw, "it might not be writable"
    expected = {name: value for name, value in {**KEY, **more}.items() if value is not None}
    assert found.raw == expected, "written back as it was read"
    assert asked[0].replace("%24", "$").endswith("$select=keyCredentials"), "only then Graph shows the content"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"keyCredentials": "x"},
        {"keyCredentials": [1]},
        {"keyCredentials": [{**KEY, "keyId": None}]},
        {"keyCredentials": [{**KEY, "key": "no base64"}]},
        {"keyCredentials": [{**KEY, "key": 1}]},
        {"keyCredentials": [{**KEY, "endDateTime": "soon"}]},
    ],
)
def test_keys_that_cannot_be_right_are_no_empty_list(scripted: Callable[..., Any], answer: dict[str, Any]) -> None:
    with pytest.raises(UnreliableAnswerError):
        client(scripted([(200, answer)])).keys(ID)


def test_a_list_of_keys_is_sent_once(scripted: Callable[..., Any]) -> None:
    """Sent again after a lost answer, it would remove what others have added meanwhile."""
    http = scripted([(204, "")])
    asked: list[bool] = []
    request = http.request

    def noted(*parts: Any, repeatable: bool, **more: Any) -> Any:
        asked.append(repeatable)
        return request(*parts, repeatable=repeatable, **more)

    http.request = noted
    client(http).write_keys(ID, [KEY])
    assert asked == [False]
    assert http.writes == [("PATCH", f"/v1.0/applications/{ID}", {"keyCredentials": [KEY]})]


def test_a_new_certificate_has_its_own_dates_in_whole_seconds() -> None:
    made = new_key(PublicCertificate(b"a certificate", PRINT, 1_767_225_600.9, 1_798_761_600.0), "w365 import:default")
    assert made == {
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "displayName": "w365 import:default",
        "startDateTime": "2026-01-01T00:00:00Z",
        "endDateTime": "2027-01-01T00:00:00Z",
        "key": CONTENT,
    }
