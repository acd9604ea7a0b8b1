# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan in a file is checked for, one example each. Whole worlds are in test_plan_properties."""

from __future__ import annotations

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning import (
    ProvisioningDirectory,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import GuardError, InputError
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
