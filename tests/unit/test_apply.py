# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failure forbids to whatever comes after it in the same plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.apply import Report, apply
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import W365Error
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model import (
    AddRemoveSet,
    Desired,
    DesiredUser,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.plan import Action, Plan, make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.provisioning_directory import (
    PROVISIONING_ABILITIES,
)

NAMES = {"first_name": "A", "last_name": "B"}


class Recorder(dict[str, Any]):
    """Handlers of every action: those whose deed is in `failing` fail, and what was tried is remembered."""

    def __init__(self, *failing: str) -> None:
        super().__init__()
        self.failing = failing
        self.tried: list[Action] = []

    def __missing__(self, _name: str) -> Any:
        def handle(action: Action) -> Any:
            self.tried.append(action)
            if action.deed in self.failing:
                raise W365Error("the server said no.")
            return action.outcome

        return handle


def person(name: str, number: int, **more: Any) -> User:
    return User(f"{name}@c.com", str(number), "A", "B", active=True, administrator=False)._replace(**more)


def planned(desired: Desired, *users: User) -> Plan:
    administrators = frozenset(user.key for user in users if user.administrator and user.active)
    return make_plan(desired, Snapshot(users, (), administrators), PROVISIONING_ABILITIES)


def outcomes(report: Report) -> Mapping[str, str]:
    return {item.action.deed: item.as_result()["outcome"] for item in report.done}


# ---- nobody loses the role while a grant has failed

OLD, NEW, OTHER = person("old", 1, administrator=True), person("new", 2), person("other", 3)
SWAP = AddRemoveSet(set=frozenset({"new@c.com"}))
LOSSES = {
    "revoke the role of administrator 'old@c.com'": Desired(administrators=SWAP),
    "delete user 'old@c.com'": Desired((DesiredUser("old@c.com", present=False),), administrators=SWAP),
    "change user 'old@c.com'": Desired((DesiredUser("old@c.com", fields={"active": False}),), administrators=SWAP),
}
BY_FIELDS = Desired(
    (
        DesiredUser("new@c.com", fields={"administrator": True}),
        DesiredUser("old@c.com", fields={"administrator": False}),
    )
)


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(
    ("loss", "grant", "desired"),
    [
        *((loss, "grant the role of administrator 'new@c.com'", desired) for loss, desired in LOSSES.items()),
        ("change user 'old@c.com'", "change user 'new@c.com'", BY_FIELDS),
    ],
)
def test_nobody_loses_the_role_while_a_grant_has_failed(
    loss: str, grant: str, desired: Desired, concurrency: int
) -> None:
    plan = planned(desired, OLD, NEW)
    good = apply(plan, Recorder(), concurrency=concurrency)
    assert outcomes(good)[loss] == "done"
    assert [item.action for item in good.done] == [action for phase in plan.phases() for action in phase]
    told: list[str] = []
    handlers = Recorder(grant)
    report = apply(plan, handlers, concurrency=concurrency, on_done=lambda item: told.append(item.action.deed))
    assert outcomes(report)[grant] == "failed"
    assert outcomes(report)[loss] == "not tried"
    assert loss not in [action.deed for action in handlers.tried]
    assert sorted(told) == sorted(item.action.deed for item in report.done)
    reason = next(item["reason"] for item in report.results() if item["outcome"] == "not tried")
    assert reason.startswith(f"Cannot {loss}: nothing is taken away from administrators while 'new@c.com' could not be")


@pytest.mark.parametrize(
    ("new", "failing"),
    [
        ((), "create user 'new@c.com'"),
        ((NEW._replace(active=False),), "restore user 'new@c.com'"),
        ((NEW._replace(first_name="X"),), "change user 'new@c.com'"),
    ],
)
def test_who_could_not_be_mended_counts_as_not_granted(new: tuple[User, ...], failing: str) -> None:
    desired = Desired((DesiredUser("new@c.com", fields=NAMES),), administrators=SWAP)
    report = apply(planned(desired, OLD, *new), Recorder(failing))
    assert outcomes(report)["revoke the role of administrator 'old@c.com'"] == "not tried"


def test_other_people_go_all_the_same() -> None:
    leavers = tuple(DesiredUser(user.upn, present=False) for user in (OLD, OTHER))
    report = apply(
        planned(Desired(leavers, administrators=SWAP), OLD, NEW, OTHER),
        Recorder("grant the role of administrator 'new@c.com'"),
    )
    assert outcomes(report)["delete user 'other@c.com'"] == "done"
    assert outcomes(report)["delete user 'old@c.com'"] == "not tried"
