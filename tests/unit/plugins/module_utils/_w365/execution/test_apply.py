# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a failure forbids to whatever comes after it in the same plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning_users import (
    PROVISIONING_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import W365Error
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.dependencies import (
    apply_directory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import (
    NOT_BATCHED,
    ApplyResult,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import Action
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan

NAMES = {"first_name": "A", "last_name": "B"}


class Recorder:
    """Handlers of every action: those whose description is in `failing` fail, and what was tried is remembered."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.tried: list[Action] = []

    def handle(self, action: Action) -> Any:
        self.tried.append(action)
        if action.description in self.failing:
            raise W365Error("the server said no.")
        return action.outcome

    create_user = update_user = delete_user = delete_user_permanently = set_administrator = handle
    create_group = update_group = delete_group = change_members = handle


def person(name: str, number: int, **more: Any) -> User:
    return User(f"{name}@c.com", str(number), "A", "B", active=True, administrator=False)._replace(**more)


def planned(desired: Desired, *users: User, groups: tuple[Group, ...] = ()) -> Plan:
    administrators = frozenset(user.key for user in users if user.administrator and user.active)
    return make_plan(desired, Snapshot(users, groups, administrators), PROVISIONING_CAPABILITIES)


def outcomes(report: ApplyResult) -> Mapping[str, str]:
    return {item.action.description: item.as_result()["outcome"] for item in report.done}


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
    good = apply_directory(plan, Recorder(), concurrency=concurrency)
    assert outcomes(good)[loss] == "done"
    assert [item.action for item in good.done] == [action for phase in plan.phases() for action in phase]
    told: list[str] = []
    handlers = Recorder(grant)
    report = apply_directory(
        plan, handlers, concurrency=concurrency, on_done=lambda item: told.append(item.action.description)
    )
    assert outcomes(report)[grant] == "failed"
    assert outcomes(report)[loss] == "not tried"
    assert loss not in [action.description for action in handlers.tried]
    assert sorted(told) == sorted(item.action.description for item in report.done)
    reason = next(item["reason"] for item in report.results() if item["outcome"] == "not tried")
    assert reason.startswith(
        f"Cannot {loss}: no administrator loses the role while it could not be granted to 'new@c.com'"
    )


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
    report = apply_directory(planned(desired, OLD, *new), Recorder(failing))
    assert outcomes(report)["revoke the role of administrator 'old@c.com'"] == "not tried"


def test_other_people_go_all_the_same() -> None:
    leavers = tuple(DesiredUser(user.upn, present=False) for user in (OLD, OTHER))
    report = apply_directory(
        planned(Desired(leavers, administrators=SWAP), OLD, NEW, OTHER),
        Recorder("grant the role of administrator 'new@c.com'"),
    )
    assert outcomes(report)["delete user 'other@c.com'"] == "done"
    assert outcomes(report)["delete user 'old@c.com'"] == "not tried"


# ---- names that were not given up

ALICE, BOB, CAROL, BOSS = person("a", 1), person("b", 2), person("carol", 3), person("boss", 4, administrator=True)
CHAIN = (
    DesiredUser("c@c.com", identity="b@c.com"),
    DesiredUser("b@c.com", identity="a@c.com", takes_name=True),
    DesiredUser("a@c.com", fields=NAMES, takes_name=True),
)
RENAME = "change user 'c@c.com'"
"""Alice gets Bob's name, a newcomer gets Alice's, and it is Bob who cannot be renamed."""


def members(*names: str) -> frozenset[str]:
    return frozenset(f"{name}@c.com" for name in names)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_name_that_was_not_given_up_is_given_to_nobody(concurrency: int) -> None:
    handlers = Recorder(RENAME)
    report = apply_directory(planned(Desired(CHAIN), ALICE, BOB), handlers, where="there", concurrency=concurrency)
    assert outcomes(report) == {
        RENAME: "failed",
        "change user 'b@c.com'": "not tried",
        "create user 'a@c.com'": "not tried",
    }
    assert [action.description for action in handlers.tried] == [RENAME]
    reasons = {item["name"]: item["reason"] for item in report.results()}
    assert reasons["b@c.com"] == (
        "Cannot change user 'b@c.com' there: another user still has this name, because it could not be renamed to 'c@c.com'. "
        "Fix the cause and rerun the task."
    )
    assert "could not be renamed to 'b@c.com'" in reasons["a@c.com"]


def test_nobody_gets_into_a_group_under_the_name_of_another() -> None:
    groups = (
        Group("Board", "7", members=members("carol")),
        Group("Sales", "8", members=members("a", "b", "carol")),
        Group("Staff", "9", members=members("b", "carol")),
    )
    wishes = (
        DesiredGroup("Board", members=AddRemoveSet(add=members("b"))),
        DesiredGroup("Sales", members=AddRemoveSet(set=members("c", "boss"))),
        DesiredGroup("Staff", members=AddRemoveSet(add=members("boss"))),
    )
    handlers = Recorder(RENAME)
    plan = planned(Desired(CHAIN[:2], wishes), ALICE, BOB, CAROL, BOSS, groups=groups)
    report = apply_directory(plan, handlers)
    assert [item.action for item in report.done] == list(plan.actions)
    changed = {a.name: (a.changes, a.outcome.members) for a in handlers.tried if a.kind == "membership"}
    # Alice, who is still called a@, was to leave Sales; Bob, who is still called b@, stays where he was.
    assert changed == {
        "Sales": ({"add": ["boss@c.com"], "remove": ["carol@c.com"]}, members("a", "b", "boss")),
        "Staff": ({"add": ["boss@c.com"], "remove": []}, members("b", "carol", "boss")),
    }
    results = {item["name"]: item for item in report.results() if item["kind"] == "membership"}
    assert {name: item["outcome"] for name, item in results.items()} == {
        "Board": "not tried",
        "Sales": "failed",
        "Staff": "done",
    }
    assert results["Board"]["reason"].startswith(
        "Cannot change the members of group 'Board': user 'b@c.com' was skipped"
    )
    assert "The others" not in results["Board"]["reason"]
    assert results["Sales"]["reason"].startswith(
        "Cannot change the members of group 'Sales': user 'b@c.com' was skipped"
    )
    assert "The others were changed." in results["Sales"]["reason"]


def test_a_batch_gets_the_narrowed_change_and_the_report_tells_of_the_planned_one() -> None:
    class AllAtOnce:
        sent: tuple[Action, ...] = ()

        def slices(self, actions: Sequence[Action], workers: int) -> Iterable[Sequence[Action]]:
            return [actions] if actions else []

        def send(self, actions: Sequence[Action]) -> list[Any]:
            if actions[0].kind != "membership":
                return [NOT_BATCHED] * len(actions)
            self.sent += tuple(actions)
            return [action.outcome for action in actions]

    wishes = tuple(DesiredGroup(name, members=AddRemoveSet(add=members("b", "carol"))) for name in ("Board", "Sales"))
    groups = tuple(Group(wish.name, wish.name, members=frozenset()) for wish in wishes)
    plan = planned(Desired(CHAIN[:2], wishes), ALICE, BOB, CAROL, groups=groups)
    batch = AllAtOnce()
    report = apply_directory(plan, Recorder(RENAME), batch=batch)
    assert [action.changes["add"] for action in batch.sent] == [["carol@c.com"]] * 2
    assert [item.action for item in report.done] == list(plan.actions)
    assert [item["outcome"] for item in report.results()] == ["failed", "not tried", "failed", "failed"]


@pytest.mark.parametrize("failing", [RENAME, "create user 'nina@c.com'"])
def test_the_role_is_not_given_to_another_of_that_name(failing: str) -> None:
    newcomer = DesiredUser("nina@c.com", fields=NAMES)
    roles = AddRemoveSet(add=members("b", "nina"))
    handlers = Recorder(failing)
    report = apply_directory(planned(Desired((*CHAIN[:2], newcomer), administrators=roles), ALICE, BOB, BOSS), handlers)
    grants = {name: outcomes(report)[f"grant the role of administrator '{name}@c.com'"] for name in ("b", "nina")}
    wrong = "b" if failing == RENAME else "nina"
    assert grants == {"b": "done", "nina": "done", wrong: "not tried"}


def test_a_new_group_does_not_get_the_one_that_kept_its_name() -> None:
    sales = Group("Sales", "7", members=frozenset())
    plan = planned(Desired(groups=(DesiredGroup("Marketing", identity="Sales"),)), ALICE, groups=(sales,))
    newcomer = planned(Desired(groups=(DesiredGroup("Sales", members=AddRemoveSet(add=members("a"))),)), ALICE)
    handlers = Recorder("change group 'Marketing'")
    report = apply_directory(Plan(plan.actions + newcomer.actions), handlers)
    assert list(outcomes(report).values()) == ["failed", "not tried", "not tried"]
    assert "another group still has this name" in report.results()[1]["reason"]
    assert "was not created" in report.results()[2]["reason"]
