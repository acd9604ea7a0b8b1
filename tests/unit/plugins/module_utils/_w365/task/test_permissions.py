# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gains or loses a permission by a membership: only what changes for the person, and what is not known is said."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.results import predicted_result
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.permissions import (
    permissions_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    AddRemoveSet,
    Desired,
    DesiredGroup,
    DesiredUser,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Capabilities,
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import change_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.permissions import (
    permission_changes,
    with_permission_changes,
)

ADELE, MEGAN, NESTOR = (f"{name}@contoso.com" for name in ("adele.vance", "megan.bowen", "nestor.wilke"))
NEWS, SHOP = "Create and manage announcements", "Request apps in the app store"
ALL = Capabilities("the test", frozenset({"upn", "active", "administrator"}), frozenset({"name", "members"}))
USERS = tuple(User(upn, id=str(n), active=True) for n, upn in enumerate((ADELE, MEGAN, NESTOR), 1))


def profiles(*more: dict[str, Any], **values: Any) -> Any:
    editors = {"name": "News editors", "group": "Editors", "allow": [NEWS]}
    return permissions_from_options({"profiles": [editors, *more], **values}, "x")


def changed(described: Any, current: dict[str, Any], desired: dict[str, Any], **more: Any) -> list[str]:
    """The lines about a change of the members of groups, `current` and `desired` by the names of groups."""
    groups = tuple(
        Group(name, id=str(n), members=None if members is None else frozenset(members))
        for n, (name, members) in enumerate(current.items(), 1)
    )
    snapshot = Snapshot(users=USERS, groups=groups, administrators=more.pop("administrators", frozenset()))
    wanted = tuple(
        DesiredGroup(name, present=members is not None, members=AddRemoveSet(set=frozenset(members)) if members is not None else None)
        for name, members in desired.items()
    )  # fmt: skip
    plan = make_plan(Desired(groups=wanted, whole=True, **more), snapshot, ALL, assume_missing=False)
    return [change_line(change) for change in permission_changes(described, predicted_result(plan), snapshot)]


def test_joining_and_leaving() -> None:
    assert changed(profiles(), {"Editors": [ADELE, NESTOR]}, {"editors": [ADELE, MEGAN]}) == [
        f"{MEGAN}: gains {NEWS} (group Editors)",
        f"{NESTOR}: loses {NEWS} (group Editors)",
    ]
    assert changed(profiles(), {}, {"Editors": [ADELE]}) == [f"{ADELE}: gains {NEWS} (group Editors)"]
    assert changed(profiles(), {"Editors": [ADELE]}, {"Editors": None}) == [f"{ADELE}: loses {NEWS} (group Editors)"]
    assert changed(profiles(), {"Sales": [], "Editors": [ADELE]}, {"Sales": [MEGAN], "Editors": [ADELE]}) == []


def test_what_another_group_gives_stays() -> None:
    second = {"name": "Press", "group": "Press", "allow": [NEWS, SHOP]}
    both = {"Editors": [ADELE], "Press": [ADELE]}
    assert changed(profiles(second), both, {"Press": []}) == [f"{ADELE}: loses {SHOP} (group Press)"]
    assert changed(profiles(second), both, {"Press": [], "Editors": []}) == [
        f"{ADELE}: loses {NEWS} (groups Editors, Press)",
        f"{ADELE}: loses {SHOP} (group Press)",
    ]
    by_default = profiles(second, default={"allow": [SHOP]})
    assert changed(by_default, both, {"Press": []}) == []


def test_a_deny_takes_what_others_allow() -> None:
    denying = {"name": "Interns", "group": "Interns", "deny": [NEWS]}
    assert changed(profiles(denying), {"Editors": [ADELE], "Interns": []}, {"Interns": [ADELE, MEGAN]}) == [
        f"{ADELE}: loses {NEWS} (group Interns)"
    ]
    assert changed(profiles(denying), {"Editors": [ADELE], "Interns": [ADELE]}, {"Interns": []}) == [
        f"{ADELE}: gains {NEWS} (group Interns)"
    ]


def test_members_who_are_not_known() -> None:
    denying = {"name": "Interns", "group": "Interns", "deny": [NEWS]}
    (line,) = changed(profiles(denying), {"Editors": [], "Interns": None}, {"Editors": [ADELE]})
    assert line == f"{ADELE}: may gain {NEWS} (group Editors; who is in group Interns is not known)"
    allowing = {"name": "Press", "group": "Press", "allow": [NEWS]}
    (line,) = changed(profiles(allowing), {"Editors": [ADELE], "Press": None}, {"Editors": []})
    assert line == f"{ADELE}: may lose {NEWS} (group Editors; who is in group Press is not known)"


def test_administrators_may_do_everything() -> None:
    assert changed(profiles(), {"Editors": []}, {"Editors": [ADELE]}, administrators=frozenset({ADELE})) == []
    assert changed(profiles(), {"Editors": []}, {"Editors": [ADELE]}, administrators=None) == [
        f"{ADELE}: gains {NEWS} (group Editors)"
    ]


@pytest.mark.parametrize("members", [[ADELE], [ADELE, MEGAN]])
def test_a_renamed_group_is_the_same_group(members: list[str]) -> None:
    group = Group("Old", id="7", members=frozenset([ADELE]))
    wanted = DesiredGroup("Editors", identity="Old", members=AddRemoveSet(set=frozenset(members)))
    snapshot = Snapshot(users=USERS, groups=(group,), administrators=frozenset())
    plan = make_plan(Desired(groups=(wanted,), whole=True), snapshot, ALL, assume_missing=False)
    found = permission_changes(profiles(), predicted_result(plan), snapshot)
    assert [change["user"] for change in found] == members[1:]


def test_a_renamed_user_is_the_same_user() -> None:
    """Also in a group that this task leaves as it is."""
    press = {"name": "Press", "group": "Press", "allow": [NEWS]}
    groups = (Group("Editors", id="1", members=frozenset()), Group("Press", id="2", members=frozenset([ADELE])))
    snapshot = Snapshot(users=USERS, groups=groups, administrators=frozenset())
    renamed = DesiredUser("adele@contoso.com", identity=ADELE)
    joins = DesiredGroup("Editors", members=AddRemoveSet(add=frozenset(["adele@contoso.com"])))
    plan = make_plan(Desired((renamed,), (joins,), whole=True), snapshot, ALL, assume_missing=False)
    assert permission_changes(profiles(press), predicted_result(plan), snapshot) == []


def test_the_diff_says_what_is_not_known_of_roles() -> None:
    snapshot = Snapshot(users=USERS, groups=(Group("Editors", id="1", members=frozenset()),))
    wanted = DesiredGroup("Editors", members=AddRemoveSet(add=frozenset([ADELE])))
    report = predicted_result(make_plan(Desired(groups=(wanted,), whole=True), snapshot, ALL, assume_missing=False))
    result = with_permission_changes({"diff": report.diff()}, profiles(), report, snapshot)
    assert result["diff"]["prepared"].splitlines() == [
        "Permissions by these memberships:",
        f"{ADELE}: gains {NEWS} (group Editors)",
        "It is not known who is an administrator, and an administrator may do everything.",
    ]
    assert "diff" not in with_permission_changes({}, profiles(), report, snapshot)
