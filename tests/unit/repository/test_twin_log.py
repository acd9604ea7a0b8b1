# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of the twin: it never shows a credential, and a digest of each says which request carried it."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from w365_simulator.control import Control
from w365_simulator.requestlog import KEEP_BODY, RequestLog
from w365_simulator.server import Twin
from w365_simulator.store import Store
from w365_simulator.switches import Switches
from w365_simulator.wire import Call

SECRET = "contosos-own-key"
FORM = {"content-type": "application/x-www-form-urlencoded"}
BASIC = base64.b64encode(f"client:{SECRET}".encode()).decode()
BATCH = {"requests": [{"id": "1", "method": "GET", "url": "/users", "headers": {"Authorization": f"Bearer {SECRET}"}}]}
OPERATION = {"Operations": [{"op": "add", "path": "urn:ietf:params:scim:core:2.0:User:password", "value": SECRET}]}
PAIRS = {"value": [{"key": "BaseAddress", "value": "https://localhost"}, {"key": "SecretToken", "value": SECRET}]}


def call(headers: dict[str, str] | None = None, query: dict[str, str] | None = None, body: Any = None) -> Call:
    """Return a request; a body that is a text or bytes goes as it is, any other as JSON."""
    if body is not None and not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    return Call("POST", "/contoso", query or {}, headers or {}, body or b"", "https://localhost")


CARRIED = {
    "header ProvisioningKey": call({"provisioningkey": SECRET}),
    "header Authorization": call({"authorization": f"Bearer {SECRET}"}),
    "header X-Identity-Header": call({"x-identity-header": SECRET}),
    "query token": call(query={"token": SECRET}),
    "form client_secret": call(FORM, body=urlencode({"client_id": "one", "client_secret": SECRET})),
    "body Key": call(body={"Authority": "https://localhost", "Key": SECRET}),
    "body Authorization": call(body=BATCH),
    "body password": call(body=OPERATION),
    "body SecretToken": call(body=PAIRS),
    "body passwordProfile": call(body={"passwordProfile": {"password": SECRET, "forceChange": True}}),
}


def only(log: RequestLog) -> dict[str, Any]:
    """Return the one entry."""
    (entry,) = log.since(0)
    assert SECRET not in json.dumps(entry)
    return entry


@pytest.mark.parametrize("where", CARRIED)
def test_a_credential_is_shown_as_a_digest_that_is_the_same_everywhere(where: str) -> None:
    log = RequestLog()
    log.add("scim", CARRIED[where], 200, True, None)
    assert only(log)["credentials"] == [{"where": where, "digest": log.digest(SECRET)}]


def test_the_password_of_basic_authentication_counts() -> None:
    log = RequestLog()
    log.add("entra", call({"authorization": f"Basic {BASIC}"}), 401, False, None)
    assert BASIC not in json.dumps(only(log))
    assert only(log)["credentials"] == [{"where": "header Authorization", "digest": log.digest(SECRET)}]


def test_a_big_body_is_searched_before_it_is_thrown_away() -> None:
    log = RequestLog()
    log.add("provisioning", call(body={"text": "x" * KEEP_BODY, "Password": SECRET}), 200, True, None)
    entry = only(log)
    assert entry["credentials"] == [{"where": "body Password", "digest": log.digest(SECRET)}]
    assert entry["body"].startswith("<a body of ")


def test_every_credential_of_a_request_has_its_own_digest() -> None:
    log = RequestLog()
    log.add("provisioning", call({"provisioningkey": "one"}, body={"Key": "two", "more": [{"Password": "three"}]}), 200,
            True, "capacity")  # fmt: skip
    digests = [credential["digest"] for credential in only(log)["credentials"]]
    assert digests == [log.digest("one"), log.digest("two"), log.digest("three")]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("value", ["", "  ", None])
def test_what_is_empty_is_no_credential(value: Any) -> None:
    log = RequestLog()
    log.add("provisioning", call({"provisioningkey": value or ""}, body={"Key": value}), 403, False, None)
    assert only(log)["credentials"] == []


def test_a_digest_says_nothing_outside_its_process() -> None:
    one, other = RequestLog(), RequestLog()
    assert one.digest(SECRET) == one.digest(SECRET)
    assert one.digest(SECRET) != other.digest(SECRET)
    assert len(one.digest(SECRET)) == 16


def control() -> Control:
    """Return the control interface of a twin in this process."""
    return Twin(Store(None), Switches(), provisioning_key="key", scim_token="token").control


def test_the_control_interface_gives_the_digest_of_a_text_and_refuses_everything_else() -> None:
    there = control()
    answer = there.answer(Call("POST", "/digest", {}, {}, json.dumps({"text": SECRET}).encode(), ""))
    assert json.loads(answer.body) == {"digest": there.log.digest(SECRET)}
    for body in ({}, {"text": ""}, {"text": 7}, {"text": "a", "key": "b"}, [SECRET]):
        answer = there.answer(Call("POST", "/digest", {}, {}, json.dumps(body).encode(), ""))
        assert answer.status == 400
        assert SECRET.encode() not in answer.body
