# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan in a file is checked for, one example each. Whole worlds are in test_plan_properties."""

from __future__ import annotations

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning import (
    ProvisioningDirectory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    GuardError,
    InputError,
    W365Error,
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.reviewed_plan import (
    as_desired,
    remaining,
    with_secrets,
)

ADELE, LEE = "adele.vance@contoso.com", "lee.gu@contoso.com"
SECRET = "a-password-that-nobody-may-see"


def planned(desired: Desired, current: Snapshot) -> Plan:
    return make_plan(desired, current, ProvisioningDirectory.capabilities)


def user(upn: str = ADELE, **more: object) -> User:
    return User(upn, f"id-of-{upn}", "Adele", "Vance", active=True)._replace(**more)  # type: ignore[arg-type]


def test_a_password_that_is_always_written_is_never_done() -> None:
    """Nobody can see whether it is there already."""
    current = Snapshot((user(),))
    wish = DesiredUser(ADELE, fields={"last_name": "Vance"}, extras={"password": SECRET}, update_password=True)
    plan = planned(Desired((wish,)), current)
    left = remaining(plan, current)
    assert [(action.verb, dict(action.extras)) for action in left.actions] == [("update", {"password": SECRET})]


def test_a_password_has_to_be_given_again() -> None:
    wish = DesiredUser(ADELE, fields={"first_name": "A", "last_name": "V"}, extras={"password": SECRET})
    plan = planned(Desired((wish,)), Snapshot())
    assert with_secrets(plan, [wish]).actions[0].extras == {"password": SECRET}
    with pytest.raises(InputError, match=f"writes the password of user '{ADELE}'"):
        with_secrets(plan, [DesiredUser(LEE, extras={"password": SECRET})])


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (Snapshot((user(last_name="Wilber"),)), "differs in last_name from what it was"),
        (Snapshot(), "no longer exists"),
    ],
)
def test_a_changed_user_refuses_the_plan(now: Snapshot, told: str) -> None:
    wish = DesiredUser(ADELE, fields={"last_name": "Gu"})
    plan = planned(Desired((wish,)), Snapshot((user(),)))
    with pytest.raises(GuardError, match=told):
        remaining(plan, now)


def test_a_group_that_got_other_members_refuses_the_plan() -> None:
    people = (user(), user(LEE))
    wish = DesiredGroup("Sales", members=AddRemoveSet(add=frozenset({ADELE})))
    plan = planned(Desired((), (wish,)), Snapshot(people, (Group("Sales", "g1", members=frozenset()),)))
    with pytest.raises(GuardError, match=f"Group 'Sales' has other members: {LEE}"):
        remaining(plan, Snapshot(people, (Group("Sales", "g1", members=frozenset({LEE})),)))
    done = remaining(plan, Snapshot(people, (Group("Sales", "g1", members=frozenset({ADELE})),)))
    assert (done.actions, done.unchanged) == ((), (("membership", "Sales"),))


@pytest.mark.parametrize("delete", [False, True], ids=["members", "deletion"])
def test_members_that_were_not_read_refuse_the_plan(delete: bool) -> None:
    """The group was renamed, and its listing shows no members: that does not mean that it has none."""
    people = (user(), user(LEE))
    both = frozenset({ADELE, LEE})
    wish = DesiredGroup("Board", present=not delete, members=None if delete else AddRemoveSet(remove=both))
    plan = planned(Desired((), (wish,)), Snapshot(people, (Group("Board", "g1", members=both),)))
    with pytest.raises(GuardError, match="Group 'Board' has members that could not be read"):
        remaining(plan, Snapshot(people, (Group("Boardroom", "g1"),)))


def test_the_groups_of_a_plan_are_read_by_their_ids() -> None:
    people = (user(), user(LEE))
    wish = DesiredGroup("Board", members=AddRemoveSet(remove=frozenset({ADELE})))
    new = DesiredGroup("New", members=AddRemoveSet(add=frozenset({ADELE})))
    there = Snapshot(people, (Group("Board", "g1", members=frozenset({ADELE})),))
    groups = as_desired(planned(Desired((), (wish, new)), there)).groups
    assert {(group.name, group.identity) for group in groups} == {("Board", "g1"), ("New", None)}


def _revocation() -> Plan:
    people = (user(), user(LEE))
    wish = Desired(administrators=AddRemoveSet(remove=frozenset({LEE})))
    return planned(wish, Snapshot(people, administrators=frozenset({ADELE, LEE})))


@pytest.mark.parametrize(
    ("now", "left"),
    [
        # Only the Provisioning API still lists the person.
        (Snapshot((user(),), administrators=frozenset({ADELE, LEE}), people=(user(), user(LEE))), 1),
        (Snapshot((user(),), administrators=frozenset({ADELE}), people=(user(),)), 0),
        (Snapshot((user(), user(LEE)), administrators=frozenset({ADELE})), 0),
        # That nobody is marked does not mean that nobody has the role.
        (Snapshot((user(), user(LEE)), roles_problem=W365Error("nobody.")), 1),
        (Snapshot((user(),), roles_problem=W365Error("nobody."), people=(user(LEE),)), 1),
    ],
    ids=["in the other list", "gone", "done", "unknown", "unknown, in the other list"],
)
def test_a_revocation_is_done_only_when_the_roles_show_it(now: Snapshot, left: int) -> None:
    plan = remaining(_revocation(), now)
    assert (len(plan.actions), len(plan.unchanged)) == (left, 1 - left)


def test_a_revocation_is_not_done_because_nothing_is_known() -> None:
    with pytest.raises(GuardError, match="is not listed now, and it could not be read who is an administrator"):
        remaining(_revocation(), Snapshot((user(),), roles_problem=W365Error("nobody.")))
    with pytest.raises(InputError, match="administrators of this environment could not be read"):
        remaining(_revocation(), Snapshot((user(), user(LEE))))


def test_unknown_roles_are_no_change_of_a_user() -> None:
    """The guard decides about the deletion, as it does without a plan."""
    there = Snapshot((user(administrator=False), user(LEE)), administrators=frozenset({LEE}))
    plan = planned(Desired((DesiredUser(ADELE, present=False),)), there)
    now = Snapshot((user(administrator=None), user(LEE)), roles_problem=W365Error("nobody."))
    assert len(remaining(plan, now).actions) == 1
