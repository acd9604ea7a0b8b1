# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done with the secrets of an app registration, and what a tenant allows: pure rules, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.values import OddValueError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.app_policies import (
    SecretPolicy,
    duration,
    judged,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.consent import plan_consent
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.secrets import (
    SecretOptions,
    plan_secrets,
    secrets_of,
    with_marks,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import GuardError, InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.applications import (
    DAY,
    Application,
    Grant,
    Password,
    Principal,
    Resource,
)

NOW = 1_800_000_000.0
OPTIONS = SecretOptions("contoso", lifetime=365 * DAY, rotate_before=30 * DAY, overlap=7 * DAY, settle=480.0)


def password(number: int, age: float, left: float, *, own: bool = True) -> Password:
    name = f"w365 contoso 2026-01-01T00:00:00Z {number:06x}" if own else "of somebody"
    return Password(f"key-{number}", name, NOW - age, NOW + left)


def application(passwords: list[Password], *tags: str) -> Application:
    return Application("id", "client", "Name", "", NOW - 999 * DAY, tags, (), tuple(passwords), {})


secret = st.builds(
    password,
    st.integers(0, 8),
    st.floats(0, 400 * DAY),
    st.floats(-30 * DAY, 400 * DAY),
    own=st.booleans(),
)
tags = st.lists(
    st.builds(
        "w365:{}:{}:key-{}".format,
        st.sampled_from(["linked", "writing"]),
        st.sampled_from(["contoso", "fabrikam"]),
        st.integers(0, 9),
    ),
    max_size=6,
)


@given(st.lists(secret, max_size=8, unique_by=lambda one: one.key_id), tags, st.booleans())
def test_nothing_that_may_be_in_use_is_removed(passwords: list[Password], marks: list[str], forced: bool) -> None:
    found = application(passwords, *marks)
    options = OPTIONS._replace(reason="forced" if forced else "")
    plan = plan_secrets(found, SecretPolicy(), NOW, options)
    linked = next((one.password for one in secrets_of(found, "contoso") if one.state == "linked"), None)
    marked = {mark.rpartition(":")[2] for mark in marks if ":contoso:" in mark}
    for one in plan.remove:
        assert one.state not in ("linked", "foreign")
        assert linked is None or one.key_id != linked.key_id
        if one.state == "unused":
            assert one.key_id not in marked
            assert NOW - one.password.start > 900
        else:
            assert linked is not None, "without a linked one, all that was marked may be in use"
            assert one.password.start < linked.start
            assert NOW - linked.start > OPTIONS.overlap
    removed = {one.key_id for one in plan.remove}
    valid = [one for one in passwords if one.is_valid(NOW)]
    assert not valid or any(one.key_id not in removed for one in valid), "the last valid one stays"
    if linked is None or forced:
        assert plan.create
    assert plan_secrets(found, SecretPolicy(), NOW, options) == plan


@given(st.lists(secret, max_size=8, unique_by=lambda one: one.key_id), tags)
def test_marks_of_others_stay_and_a_second_writing_is_the_same(passwords: list[Password], marks: list[str]) -> None:
    others = [*(mark for mark in marks if ":fabrikam:" in mark), "of-somebody", "w365:sso:host:contoso"]
    written = with_marks([*marks, *others], "contoso", [("linked", "key-1")])
    assert [tag for tag in others if tag not in written] == []
    assert [tag for tag in written if tag.startswith(("w365:linked:contoso:", "w365:writing:contoso:"))] == [
        "w365:linked:contoso:key-1"
    ]
    assert with_marks(written, "contoso", [("linked", "key-1")]) == written


def test_the_states() -> None:
    found = application(
        [
            password(1, 40 * DAY, 300 * DAY),
            password(2, 10 * DAY, 300 * DAY),
            password(3, 5 * DAY, 300 * DAY),
            password(4, 1 * DAY, 300 * DAY),
            password(5, 1 * DAY, 300 * DAY, own=False),
        ],
        "w365:linked:contoso:key-2",
        "w365:writing:contoso:KEY-3",
    )
    assert {one.key_id: one.state for one in secrets_of(found, "contoso")} == {
        "key-1": "former",
        "key-2": "linked",
        "key-3": "writing",
        "key-4": "unused",
        "key-5": "foreign",
    }
    plan = plan_secrets(found, SecretPolicy(), NOW, OPTIONS)
    assert "ended while it wrote" in plan.create
    assert [one.key_id for one in plan.remove] == ["key-4", "key-1"]


@pytest.mark.parametrize(
    ("left", "why"), [(31, ""), (29, "expires in 29.0 days"), (0.001, "expires in 0.0 days"), (-1, "has expired")]
)
def test_when_a_secret_is_due(left: float, why: str) -> None:
    found = application([password(1, 300 * DAY, left * DAY)], "w365:linked:contoso:key-1")
    create = plan_secrets(found, SecretPolicy(), NOW, OPTIONS).create
    assert why in create
    assert bool(create) is bool(why)


def test_lifetimes() -> None:
    plan = plan_secrets(None, SecretPolicy(longest=180 * DAY), NOW, OPTIONS)
    assert (plan.end - NOW, plan.shortened) == (180 * DAY - 3600, True)
    assert not plan_secrets(None, SecretPolicy(longest=400 * DAY), NOW, OPTIONS).shortened
    with pytest.raises(InputError, match="allows only 36"):
        plan_secrets(None, SecretPolicy(longest=36 * DAY + 3600), NOW, OPTIONS)
    (note,) = plan_secrets(None, SecretPolicy(longest=50 * DAY), NOW, OPTIONS).notes
    assert "half of their lifetime" in note
    with pytest.raises(GuardError, match="exempt this application"):
        plan_secrets(None, SecretPolicy(allowed=False), NOW, OPTIONS)
    done = application([password(1, DAY, 300 * DAY)], "w365:linked:contoso:key-1")
    assert not plan_secrets(done, SecretPolicy(allowed=False), NOW, OPTIONS).create, (
        "nothing is needed, so nothing is refused"
    )


LIFETIME = {"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled"}


@pytest.mark.parametrize(
    ("restrictions", "allowed", "days"),
    [
        ([], True, None),
        ([LIFETIME], True, 180),
        ([{**LIFETIME, "state": "disabled"}], True, None),
        ([LIFETIME, {**LIFETIME, "maxLifetime": "P90D"}], True, 90),
        ([{**LIFETIME, "restrictForAppsCreatedAfterDateTime": "2100-01-01T00:00:00Z"}], True, None),
        ([{**LIFETIME, "restrictForAppsCreatedAfterDateTime": "2020-01-01T00:00:00.1234567Z"}], True, 180),
        ([{"restrictionType": "passwordAddition", "state": "enabled"}], False, None),
        ([{"restrictionType": "passwordAddition", "state": "enabled", "excludeActors": {"x": 1}}], None, None),
        ([{"restrictionType": "customPasswordAddition", "state": "enabled"}], True, None),
    ],
)
def test_a_policy(restrictions: list[dict[str, Any]], allowed: bool | None, days: int | None) -> None:
    policy = {"isEnabled": True, "restrictions": {"passwordCredentials": restrictions}}
    assert judged(policy, "restrictions", NOW) == SecretPolicy(allowed, None if days is None else days * DAY)
    assert judged({**policy, "isEnabled": False}, "restrictions", NOW) == SecretPolicy()


@pytest.mark.parametrize("text", ["", "P", "PT", "180D", "P-1D", None, 5, "P1.5D"])
def test_a_duration_that_is_none(text: Any) -> None:
    with pytest.raises(OddValueError):
        duration(text)


def test_durations() -> None:
    assert [duration(text) / DAY for text in ("P180D", "P6M", "P1Y", "P2W", "PT12H", "P1DT12H30M0.5S")] == [
        180, 180, 365, 14, 0.5, 1.5 + 30 / 1440,
    ]  # fmt: skip


API = Principal("api", "graph", "Microsoft Graph", True, None, {"User.Read": "1", "openid": "2", "Mail.Send": "3"})
WANTED = Resource("graph", "Microsoft Graph", ("User.Read", "openid"))


@pytest.mark.parametrize(
    ("granted", "mode", "scopes", "excess"),
    [
        (None, "union", ("User.Read", "openid"), ()),
        (("Mail.Send",), "union", ("Mail.Send", "User.Read", "openid"), ("Mail.Send",)),
        (("Mail.Send", "User.Read"), "exact", ("User.Read", "openid"), ("Mail.Send",)),
        (("Mail.Send",), "none", ("Mail.Send",), ("Mail.Send",)),
        (None, "none", (), ()),
    ],
)
def test_consent(granted: tuple[str, ...] | None, mode: str, scopes: tuple[str, ...], excess: tuple[str, ...]) -> None:
    own = Grant("own", "api", False, ("Files.Read",))
    grants = [own, *([Grant("all", "API", True, granted)] if granted else [])]
    plan = plan_consent(WANTED, API, grants, mode)
    assert (plan.scopes, plan.excess, plan.grant_id) == (scopes, excess, "all" if granted else "")
    assert plan.changes is (set(scopes) != set(granted or ()))
