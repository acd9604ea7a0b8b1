# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server that has accepted a change shows afterwards is a result, and so is that it shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import (
    GONE,
    ActionResult,
    ApplyResult,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    Desired,
    DesiredGroup,
    DesiredUser,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Group,
    Snapshot,
    User,
    with_fields,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.read_back import read_back

ADELE = "adele.vance@contoso.com"
THERE = User(ADELE, "1", "Adele", "Vance", ADELE, active=True)
NEW = DesiredUser(ADELE, fields={"first_name": "Adele", "last_name": "Vance"})
RENAMED = DesiredUser(ADELE, fields={"first_name": "Addie"})
LEAVES = DesiredUser(ADELE, present=False)
SALES = DesiredGroup("Sales")


class Server:
    """Shows the same at each reading."""

    def __init__(self, shows: Callable[[Any], Any]) -> None:
        self.shows, self.readings = shows, 0

    def read_again(self, items: Sequence[ActionResult]) -> list[Any]:
        self.readings += 1
        return [self.shows(item.thing) for item in items]


def after(
    wish: DesiredUser | DesiredGroup,
    there: User | None,
    shows: Callable[[Any], Any],
    *,
    id: str = "",
    every: bool = False,
) -> tuple[ActionResult, list[str], int]:
    """The one result, the warnings and the number of readings, where the answer to the write had no content but an id."""
    desired = Desired((wish,)) if isinstance(wish, DesiredUser) else Desired((), (wish,))
    plan = make_plan(desired, Snapshot((there,) if there else ()), SCIM_CAPABILITIES)
    (action,) = plan.actions
    thing = with_fields(action.outcome, {"id": id}) if there is None else action.outcome
    server = Server(shows)
    report, said = read_back(
        ApplyResult(plan, [ActionResult(action, thing)]), server, frozenset(), every=every, seconds=0.3, where="there"
    )
    return report.done[0], said, server.readings


@pytest.mark.parametrize("wish", [NEW, SALES], ids=["user", "group"])
@pytest.mark.parametrize(("id", "every"), [("", False), ("", True), ("17", True)])
def test_what_was_created_and_is_not_there_is_a_failure(wish: Any, id: str, every: bool) -> None:
    """Also in a task for many objects, where the status of the answer is all there is. It may come late."""
    result, _said, readings = after(wish, None, lambda thing: GONE, id=id, every=every)
    assert result.outcome == "failed"
    assert result.error is not None
    assert "does not show it" in result.error.message
    assert "read_back_timeout" in result.error.message
    assert result.changed
    assert readings > 1


@pytest.mark.parametrize("wish", [NEW, SALES], ids=["user", "group"])
def test_what_was_created_and_is_there_is_done(wish: Any) -> None:
    result, said, readings = after(wish, None, lambda thing: with_fields(thing, {"id": "5"}))
    assert (result.outcome, said, readings) == ("done", [], 1)


def test_a_task_for_many_objects_believes_an_id() -> None:
    assert after(NEW, None, lambda thing: GONE, id="17")[2] == 0


def test_a_creation_that_nobody_can_look_for_is_said() -> None:
    result, said, _readings = after(NEW, None, lambda thing: None)
    assert result.outcome == "done"
    assert said == [f"Whether '{ADELE}' was created could not be read back."]


def test_somebody_who_was_changed_and_is_gone_is_a_failure() -> None:
    result, _said, _readings = after(RENAMED, THERE, lambda thing: GONE, every=True)
    assert result.outcome == "failed"


def test_a_deleted_user_may_be_gone() -> None:
    result, said, _readings = after(LEAVES, THERE, lambda thing: GONE)
    assert (result.outcome, said) == ("done", [])


@pytest.mark.parametrize("shown", [None, True, False])
def test_access_counts_as_taken_away_where_the_server_says_so(shown: bool | None) -> None:
    result, said, _readings = after(LEAVES, THERE, lambda thing: with_fields(thing, {"active": shown}))
    assert result.outcome == ("failed" if shown else "done")
    assert said == ([f"Whether access was taken away could not be read back for '{ADELE}'."] if shown is None else [])


def test_a_group_without_an_id_is_one_of_its_name() -> None:
    result, _said, _readings = after(SALES, None, lambda thing: Group("Sales", "60", members=frozenset()))
    assert result.outcome == "done"
