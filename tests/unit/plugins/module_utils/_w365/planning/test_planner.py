# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The rules of the business, one example each. They read: what is there, what is wanted, what is done."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.provisioning_users import (
    PROVISIONING_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
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
    Skipped,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Capabilities,
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    DesiredEnvironment,
    Environment,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.removal_policy import (
    RemovalLimit,
    RemovalPolicy,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.settings import (
    SettingValues,
    single_sign_on,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    DIRECTORY_ACTIONS,
    Action,
    action_type,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment import (
    WhenUnreadable,
    plan_environment,
    plan_setting,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.environment_actions import (
    INSTANCE_ACTIONS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.predict import predict

ALL = Capabilities(
    wire="memory",
    user_fields=SCIM_CAPABILITIES.user_fields | PROVISIONING_CAPABILITIES.user_fields,
    group_fields=SCIM_CAPABILITIES.group_fields | PROVISIONING_CAPABILITIES.group_fields,
    extras=PROVISIONING_CAPABILITIES.extras,
)
ADELE, ALEX, MEGAN = "adele.vance@contoso.com", "alex.wilber@contoso.com", "megan.bowen@contoso.com"
NAMES = {"first_name": "Adele", "last_name": "Vance"}


def user(upn: str = ADELE, **more: Any) -> User:
    known = {"id": f"id-of-{upn}", **NAMES, "active": True, "administrator": False}
    return User(upn, **{**known, **more})


def group(name: str = "Sales", *members: str, **more: Any) -> Group:
    return Group(name, **{"id": f"id-of-{name}", "members": frozenset(members), **more})


def here(*things: User | Group, administrators: frozenset[str] | None = None) -> Snapshot:
    users = tuple(thing for thing in things if isinstance(thing, User))
    return Snapshot(users, tuple(thing for thing in things if isinstance(thing, Group)), administrators)


def wanted(*things: DesiredUser | DesiredGroup, administrators: AddRemoveSet | None = None) -> Desired:
    users = tuple(thing for thing in things if isinstance(thing, DesiredUser))
    groups = tuple(thing for thing in things if isinstance(thing, DesiredGroup))
    return Desired(users, groups, administrators)


def change(
    *, add: tuple[str, ...] = (), remove: tuple[str, ...] = (), whole: tuple[str, ...] | None = None
) -> AddRemoveSet:
    return AddRemoveSet(frozenset(add), frozenset(remove), None if whole is None else frozenset(whole))


def told(plan: Plan) -> list[tuple[str, str, dict[str, Any]]]:
    return [(f"{action.kind} {action.verb}", action.name, dict(action.changes)) for action in plan.actions]


# ---- users


@pytest.mark.parametrize(
    ("now", "wish", "done"),
    [
        # A new user gets what is given and is active.
        (None, DesiredUser(ADELE, fields=NAMES),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": ADELE, "active": True})]),
        (None, DesiredUser(ADELE, fields={**NAMES, "email": "a@contoso.com", "active": False}),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": "a@contoso.com", "active": False})]),
        # What only a new user gets.
        (None, DesiredUser(ADELE, fields=NAMES, initial={"active": False}),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": ADELE, "active": False})]),
        (None, DesiredUser(ADELE, fields={**NAMES, "active": None}, initial={"active": False}),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": ADELE, "active": False})]),
        (None, DesiredUser(ADELE, fields={**NAMES, "active": True}, initial={"active": False}),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": ADELE, "active": True})]),
        (user(), DesiredUser(ADELE, fields=NAMES, initial={"active": False}), []),
        # Only what was given and differs.
        (user(), DesiredUser(ADELE), []),
        (user(), DesiredUser(ADELE.upper(), fields={"first_name": " Adele ", "email": None}), []),
        (user(email="old@contoso.com"), DesiredUser(ADELE, fields={"last_name": "Gu", "email": "OLD@contoso.com"}),
         [("user update", ADELE, {"last_name": "Gu"})]),
        # Given as empty means clear.
        (user(external_id="x"), DesiredUser(ADELE, fields={"external_id": ""}),
         [("user update", ADELE, {"external_id": ""})]),
        (user(external_id=None), DesiredUser(ADELE, fields={"external_id": ""}), []),
        # Present takes somebody back from the deleted-users list, unless a word is said about it.
        (user(active=False), DesiredUser(ADELE), [("user restore", ADELE, {"active": True})]),
        (user(active=False), DesiredUser(ADELE, fields={"last_name": "Gu"}),
         [("user restore", ADELE, {"last_name": "Gu", "active": True})]),
        (user(active=False), DesiredUser(ADELE, fields={"active": False}), []),
        (user(active=False), DesiredUser(ADELE, restore=False), []),
        (user(active=True), DesiredUser(ADELE, fields={"active": False}), [("user update", ADELE, {"active": False})]),
        # Whether somebody is active may be unknown; then nothing is restored.
        (user(active=None), DesiredUser(ADELE), []),
        (user(active=None), DesiredUser(ADELE, fields={"administrator": True}),
         [("user update", ADELE, {"administrator": True})]),
        # Absent is the deleted-users list, permanent is final.
        (user(), DesiredUser(ADELE, present=False), [("user delete", ADELE, {"active": False})]),
        (user(active=False), DesiredUser(ADELE, present=False), []),
        (None, DesiredUser(ADELE, present=False), []),
        (user(), DesiredUser(ADELE, present=False, permanent=True), [("user delete_permanently", ADELE, {})]),
        (user(active=False), DesiredUser(ADELE, present=False, permanent=True),
         [("user delete_permanently", ADELE, {})]),
        (None, DesiredUser(ADELE, present=False, permanent=True), []),
        # A rename finds the user by the old UPN or by the server's id, and is done once.
        (user(ALEX), DesiredUser(ADELE, identity=ALEX.upper()), [("user update", ADELE, {"upn": ADELE})]),
        (user(ALEX), DesiredUser(ADELE, identity=f"id-of-{ALEX}"), [("user update", ADELE, {"upn": ADELE})]),
        (user(ADELE), DesiredUser(ADELE, identity=ALEX), []),
        (user(ADELE), DesiredUser(ADELE, identity=f"id-of-{ADELE}"), []),
        (None, DesiredUser(ADELE, identity=ALEX, fields=NAMES),
         [("user create", ADELE, {"upn": ADELE, **NAMES, "email": ADELE, "active": True})]),
        (user(ALEX, active=False), DesiredUser(ADELE, identity=ALEX),
         [("user restore", ADELE, {"upn": ADELE, "active": True})]),
    ],
)  # fmt: skip
def test_a_user(now: User | None, wish: DesiredUser, done: list[Any]) -> None:
    plan = make_plan(wanted(wish), here(*[now] if now else []), ALL)
    assert told(plan) == done
    assert plan.unchanged == (() if done else (("user", wish.upn),))
    assert plan.compared


@pytest.mark.parametrize(
    ("now", "wish", "parts"),
    [
        (here(), DesiredUser(ADELE, fields={"last_name": "Vance"}), ["without first_name:", "check the spelling"]),
        (here(), DesiredUser(ADELE), ["without first_name and last_name:", "needs a first name, a last name and a UPN"]),
        (here(), DesiredUser(ADELE, fields={"first_name": " ", "last_name": "Vance"}), ["without first_name:"]),
        (here(user(), user(ALEX)), DesiredUser(ALEX, identity=ADELE), [ADELE, ALEX, "both exist", "leave out identity"]),
        (here(user()), DesiredUser(ADELE, fields={"shoe_size": 43}), ["shoe_size", "memory", "Leave it out."]),
        (here(), DesiredUser(ADELE, present=False, fields={"shoe_size": 43}), ["shoe_size"]),
        (here(), DesiredUser(ADELE, fields={**NAMES, "administrator": True, "active": False}),
         ["inactive (on the deleted-users list)", "only active users can be administrators"]),
        (here(user(active=False)), DesiredUser(ADELE, fields={"administrator": True}, restore=False), ["inactive"]),
        (here(user()), DesiredUser(ADELE, fields={"administrator": True, "active": False}), ["inactive"]),
        (here(user(administrator=True)), DesiredUser(ADELE, fields={"administrator": True, "active": False}),
         ["inactive"]),
    ],
)  # fmt: skip
def test_a_user_that_cannot_be(now: Snapshot, wish: DesiredUser, parts: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        make_plan(wanted(wish), now, ALL)
    for part in (wish.upn, *parts):
        assert part in refusal.value.message


def test_an_administrator_may_come_back_from_the_deleted_users_list_as_such() -> None:
    plan = make_plan(wanted(DesiredUser(ADELE, fields={"administrator": True})), here(user(active=False)), ALL)
    assert told(plan) == [("user restore", ADELE, {"active": True, "administrator": True})]


@pytest.mark.parametrize(
    ("capabilities", "option", "value", "alternative"),
    [
        (SCIM_CAPABILITIES, "administrator", True, "w365_admin"),
        (SCIM_CAPABILITIES, "password", "x", "sign in with Microsoft Entra"),
        (SCIM_CAPABILITIES, "create_in_office365", True, "leave out scim_url"),
        (PROVISIONING_CAPABILITIES, "email", "a@contoso.com", "the e-mail address is the UPN"),
        (PROVISIONING_CAPABILITIES, "external_id", "x", "Give scim_url and scim_token"),
    ],
)
def test_what_a_wire_cannot_carry_is_refused_with_a_way_out(
    capabilities: Capabilities, option: str, value: Any, alternative: str
) -> None:
    part = "extras" if option in ("password", "create_in_office365") else "fields"
    wish = DesiredUser(ADELE)._replace(**{part: {option: value}})
    with pytest.raises(InputError) as refusal:
        make_plan(wanted(wish), here(user()), capabilities)
    message = refusal.value.message
    assert message.startswith(f"Option {option} of user '{ADELE}' is not supported by {capabilities.wire}. ")
    assert alternative in message


def test_groups_have_their_limits_too() -> None:
    for capabilities, option in ((SCIM_CAPABILITIES, "description"), (PROVISIONING_CAPABILITIES, "external_id")):
        with pytest.raises(InputError, match=f"Option {option} of group 'Sales' is not supported"):
            make_plan(wanted(DesiredGroup("Sales", fields={option: "x"})), here(), capabilities)
        assert make_plan(wanted(DesiredGroup("Sales", fields={option: None})), here(), capabilities).changed


def test_the_provisioning_api_deletes_nobody_for_good() -> None:
    wish = DesiredUser(ADELE, present=False, permanent=True)
    for now in (here(), here(user())):
        with pytest.raises(InputError, match=r"Cannot permanently delete user .*deleted-users list.*scim_url"):
            make_plan(wanted(wish), now, PROVISIONING_CAPABILITIES)
    assert told(make_plan(wanted(wish), here(user()), SCIM_CAPABILITIES)) == [("user delete_permanently", ADELE, {})]


def test_only_a_wire_with_addresses_fills_one_in() -> None:
    plan = make_plan(wanted(DesiredUser(ADELE, fields=NAMES)), here(), PROVISIONING_CAPABILITIES)
    assert "email" not in plan.actions[0].changes


def test_a_user_that_cannot_be_read_is_left_alone_and_that_is_said() -> None:
    plan = make_plan(
        wanted(DesiredUser(ADELE, fields=NAMES)), here(User(ADELE, readable=False)), PROVISIONING_CAPABILITIES
    )
    assert not plan.changed
    assert not plan.compared
    assert plan.unchanged == (("user", ADELE),)
    assert re.search(r"exists, but .* could not be compared.*scim_url", plan.notes[0])


# ---- passwords


def test_a_password_is_sent_with_a_new_user_and_never_shown() -> None:
    plan = make_plan(wanted(DesiredUser(ADELE, fields=NAMES, extras={"password": "geheim"})), here(), ALL)
    assert plan.actions[0].extras == {"password": "geheim"}
    assert "geheim" not in repr((plan, plan.diff(), plan.summary()))
    assert "password" not in plan.actions[0].changes


@pytest.mark.parametrize(("always", "changed"), [(False, False), (True, True)])
def test_a_password_of_an_existing_user_is_written_when_asked_for(always: bool, changed: bool) -> None:
    wish = DesiredUser(ADELE, extras={"password": "geheim", "create_in_office365": True}, update_password=always)
    plan = make_plan(wanted(wish), here(user()), ALL)
    assert plan.changed is changed
    if changed:
        assert plan.actions[0].extras == {"password": "geheim"}, "an account is created once"
        assert plan.diff() == {
            "before": {f"user {ADELE}": {"password": "(not readable)"}},
            "after": {f"user {ADELE}": {"password": "(written)"}},
        }
        assert "geheim" not in repr(plan)
    assert not make_plan(wanted(wish._replace(extras={})), here(user()), ALL).changed


# ---- naming twice


@pytest.mark.parametrize(
    ("wishes", "parts"),
    [
        ([DesiredUser(ADELE), DesiredUser(ADELE)], [f"The user '{ADELE}' is listed twice. List every user once."]),
        ([DesiredUser(ADELE), DesiredUser(ADELE.title())], ["listed twice", repr(ADELE.title()), "case is ignored"]),
        ([DesiredGroup("Sales"), DesiredGroup("SALES", present=False)], ["The group 'SALES' is listed twice", "'Sales'"]),
        ([DesiredUser(ADELE), DesiredUser(ALEX, identity=ADELE)], [repr(ADELE), repr(ALEX), "both refer to the user"]),
        ([DesiredUser("new@contoso.com", identity=ADELE), DesiredUser(ALEX, identity=f"id-of-{ADELE}")],
         ["both refer to the user"]),
        ([DesiredGroup("Sales"), DesiredGroup("Marketing", identity="sales")], ["both refer to the group", "'Marketing'"]),
    ],
)  # fmt: skip
def test_everything_is_named_once(wishes: list[Any], parts: list[str]) -> None:
    for order in (wishes, wishes[::-1]):
        with pytest.raises(InputError) as refusal:
            make_plan(wanted(*order), here(user(), group()), ALL)
        if order is wishes:
            for part in parts:
                assert part in refusal.value.message


# ---- groups and members


@pytest.mark.parametrize(
    ("now", "wish", "done"),
    [
        (None, DesiredGroup("Sales"), [("group create", "Sales", {"name": "Sales"})]),
        (None, DesiredGroup("Sales", fields={"description": "Sells", "external_id": None}),
         [("group create", "Sales", {"name": "Sales", "description": "Sells"})]),
        (None, DesiredGroup("Sales", members=change(whole=(ADELE,))),
         [("group create", "Sales", {"name": "Sales"}),
          ("membership change", "Sales", {"add": [ADELE], "remove": []})]),
        (None, DesiredGroup("Sales", members=change(whole=())), [("group create", "Sales", {"name": "Sales"})]),
        (None, DesiredGroup("Sales", present=False), []),
        (group(), DesiredGroup("SALES"), []),
        (group(description="x"), DesiredGroup("Sales", fields={"description": ""}),
         [("group update", "Sales", {"description": ""})]),
        (group("Sales", ADELE), DesiredGroup("Sales", present=False), [("group delete", "Sales", {})]),
        (group("Sales", ADELE), DesiredGroup("Sales", members=change(add=(ADELE,), remove=(ALEX,))), []),
        (group("Sales", ADELE), DesiredGroup("Sales", members=change(add=(MEGAN, ALEX), remove=(ADELE,))),
         [("membership change", "Sales", {"add": [ALEX, MEGAN], "remove": [ADELE]})]),
        (group("Sales", ADELE, "id:7"), DesiredGroup("Sales", members=change(whole=(ALEX,))),
         [("membership change", "Sales", {"add": [ALEX], "remove": [ADELE]})]),
        (group("Sales", ADELE, "id:7"), DesiredGroup("Sales", members=change(whole=())),
         [("membership change", "Sales", {"add": [], "remove": [ADELE]})]),
        (group("Sales", ADELE), DesiredGroup("Sales"), []),
        (group("Sales", ADELE), DesiredGroup("Selling", identity="sales", members=change(add=(ALEX,))),
         [("group update", "Selling", {"name": "Selling"}),
          ("membership change", "Selling", {"add": [ALEX], "remove": []})]),
        (group("Selling"), DesiredGroup("Selling", identity="Sales"), []),
        (group("Sales"), DesiredGroup("Selling", identity="id-of-Sales", present=False), [("group delete", "Sales", {})]),
    ],
)  # fmt: skip
def test_a_group(now: Group | None, wish: DesiredGroup, done: list[Any]) -> None:
    people = (user(), user(ALEX), user(MEGAN))
    plan = make_plan(wanted(wish), here(*people, *[now] if now else []), ALL)
    assert told(plan) == done
    assert plan.unchanged == (() if done else (("group", wish.name),))


def test_two_groups_cannot_become_one() -> None:
    with pytest.raises(InputError, match=r"Cannot rename 'Sales' to 'Marketing': both exist"):
        make_plan(wanted(DesiredGroup("Marketing", identity="Sales")), here(group(), group("Marketing")), ALL)


@pytest.mark.parametrize(
    ("users", "members", "parts"),
    [
        ((), (ADELE,), ["User 'adele.vance@contoso.com' does not exist", "a member of group 'Sales'", "Create the user first"]),
        ((), (ALEX, ADELE), [f"Users '{ADELE}', '{ALEX}' do not exist"]),
        ((DesiredUser(MEGAN, present=False, permanent=True),), (MEGAN,), [f"User '{MEGAN}' does not exist"]),
        ((DesiredUser(ADELE, identity=MEGAN),), (MEGAN,), [f"User '{MEGAN}' does not exist"]),
    ],
)  # fmt: skip
def test_members_must_exist_by_then(users: tuple[DesiredUser, ...], members: tuple[str, ...], parts: list[str]) -> None:
    wish = DesiredGroup("Sales", members=change(add=members))
    with pytest.raises(InputError) as refusal:
        make_plan(wanted(*users, wish), here(user(MEGAN)), ALL)
    for part in parts:
        assert part in refusal.value.message


def test_a_member_may_be_created_restored_or_renamed_by_the_same_plan() -> None:
    plan = make_plan(
        wanted(
            DesiredUser(ADELE, fields=NAMES),
            DesiredUser(ALEX),
            DesiredUser("megan.new@contoso.com", identity=MEGAN),
            DesiredGroup("Sales", members=change(whole=(ADELE, ALEX, "megan.new@contoso.com"))),
        ),
        here(user(ALEX, active=False), user(MEGAN), group("Sales", MEGAN)),
        ALL,
    )
    assert [action for action, _name, _changes in told(plan)] == [
        "user update",
        "user create",
        "user restore",
        "membership change",
    ]
    # A renamed member is the same member: she is neither added nor removed.
    assert plan.actions[-1].changes == {"add": [ADELE, ALEX], "remove": []}


def test_members_of_a_group_that_goes_are_nobody_s_business() -> None:
    wish = DesiredGroup("Sales", present=False, members=change(add=("nobody@contoso.com",)))
    assert told(make_plan(wanted(wish), here(group()), ALL)) == [("group delete", "Sales", {})]


def test_removing_somebody_who_is_not_there_is_nothing_to_do() -> None:
    wish = DesiredGroup("Sales", members=change(remove=("nobody@contoso.com",)))
    assert not make_plan(wanted(wish), here(group("Sales", ADELE), user()), ALL).changed


def test_check_mode_takes_missing_people_for_created() -> None:
    plan = make_plan(
        wanted(DesiredGroup("Sales", members=change(add=(ADELE,))), administrators=change(add=(ADELE,))),
        here(administrators=frozenset()),
        ALL,
        assume_missing=True,
    )
    assert [action for action, _name, _changes in told(plan)] == [
        "group create",
        "membership change",
        "administrator grant",
    ]
    assert len(plan.notes) == 2
    assert all(ADELE in note and "an earlier task creates them" in note for note in plan.notes)


# ---- administrators


@pytest.mark.parametrize(
    ("wish", "done", "kept"),
    [
        (change(add=(ALEX,)), [("administrator grant", ALEX, {"administrator": True})], []),
        (change(add=(ADELE,)), [], [ADELE]),
        (change(remove=(ALEX,)), [], [ALEX]),
        (change(add=(ALEX,), remove=(ADELE,)),
         [("administrator grant", ALEX, {"administrator": True}),
          ("administrator revoke", ADELE, {"administrator": False})], []),
        (change(whole=(ADELE,)), [], [ADELE]),
        (change(whole=(ALEX,)),
         [("administrator grant", ALEX, {"administrator": True}),
          ("administrator revoke", ADELE, {"administrator": False})], []),
        (change(remove=("nobody@contoso.com",)), [], ["nobody@contoso.com"]),
    ],
)  # fmt: skip
def test_administrators(wish: AddRemoveSet, done: list[Any], kept: list[str]) -> None:
    now = here(user(administrator=True), user(ALEX), user(MEGAN, active=False), administrators=frozenset({ADELE}))
    plan = make_plan(wanted(administrators=wish), now, ALL)
    assert told(plan) == done
    assert plan.unchanged == tuple(("administrator", key) for key in kept)


@pytest.mark.parametrize(
    ("wish", "kind", "parts"),
    [
        (change(add=(MEGAN,)), InputError, [MEGAN, "inactive", "state=present"]),
        (change(whole=(ADELE, MEGAN)), InputError, [MEGAN, "inactive"]),
        (change(add=("nobody@contoso.com",)), InputError, ["nobody@contoso.com", "become an administrator"]),
        (change(whole=()), GuardError, ["without an active administrator", f"now: {ADELE}", "Nothing was written"]),
        (change(remove=(ADELE,)), GuardError, ["without an active administrator", "w365_admin"]),
    ],
)
def test_administrators_that_cannot_be(wish: AddRemoveSet, kind: type[Exception], parts: list[str]) -> None:
    now = here(user(administrator=True), user(ALEX), user(MEGAN, active=False), administrators=frozenset({ADELE}))
    with pytest.raises(kind) as refusal:
        make_plan(wanted(administrators=wish), now, ALL)
    for part in parts:
        assert part in str(refusal.value)


def test_administrators_that_cannot_be_read_are_not_changed() -> None:
    with pytest.raises(InputError, match="could not be read"):
        make_plan(wanted(administrators=change(add=(ADELE,))), here(user()), ALL)


@pytest.mark.parametrize(
    "wish",
    [
        DesiredUser(ADELE, present=False),
        DesiredUser(ADELE, present=False, permanent=True),
        DesiredUser(ADELE, fields={"active": False}),
        DesiredUser(ADELE, fields={"administrator": False}),
    ],
)
def test_the_last_administrator_stays(wish: DesiredUser) -> None:
    for administrator in (True, None):
        # SCIM does not tell the role in the user: that somebody has it is known from elsewhere.
        now = here(user(administrator=administrator), user(ALEX), administrators=frozenset({ADELE}))
        with pytest.raises(GuardError, match="without an active administrator"):
            make_plan(wanted(wish), now, ALL)
    # Somebody else may take over in the same plan, or be there already; where nobody was one, nobody is missed.
    both = wanted(wish, DesiredUser(ALEX, fields={"administrator": True}))
    assert len(make_plan(both, now, ALL).actions) == 2
    assert make_plan(wanted(wish), now._replace(administrators=frozenset({ADELE, ALEX})), ALL).changed
    assert make_plan(wanted(wish), here(user(administrator=True), administrators=frozenset()), ALL).changed
    assert make_plan(wanted(wish), here(user(administrator=True)), ALL).changed


def test_somebody_whose_account_may_be_deleted_does_not_count_as_the_last_administrator() -> None:
    people = (user(administrator=True), user(ALEX, administrator=True, active=None), user(MEGAN))
    now = here(*people, administrators=frozenset({ADELE, ALEX}))._replace(uncertain_administrators=frozenset({ALEX}))
    gone = DesiredUser(ADELE, present=False)
    with pytest.raises(
        GuardError, match=rf"only administrators left would be {ALEX}, .* when_administrators_unknown=warn"
    ):
        make_plan(wanted(gone), now, ALL)
    accepted = make_plan(wanted(gone)._replace(when_administrators_unknown="warn"), now, ALL)
    assert accepted.changed
    assert any(ALEX in note and "IsActive" in note for note in accepted.notes)
    # Where somebody certain is left, or nobody goes, there is nothing to ask.
    assert make_plan(wanted(gone, DesiredUser(MEGAN, fields={"administrator": True})), now, ALL).notes == ()
    assert make_plan(wanted(DesiredUser(MEGAN, present=False)), now, ALL).notes == ()
    everybody = now._replace(uncertain_administrators=frozenset({ADELE, ALEX}))
    assert make_plan(wanted(DesiredUser(MEGAN, present=False)), everybody, ALL).notes == ()


def test_a_renamed_administrator_stays_one() -> None:
    for administrator in (True, None):
        now = here(user(administrator=administrator), administrators=frozenset({ADELE}))
        plan = make_plan(wanted(DesiredUser(ALEX, identity=ADELE)), now, ALL)
        assert predict(now, plan).administrators == frozenset({ALEX})


@pytest.mark.parametrize(
    ("role", "roles", "refused"),
    [
        (True, change(whole=(ALEX,)), True),
        (True, change(remove=(ADELE,)), True),
        (False, change(add=(ADELE,)), True),
        (False, change(whole=(ADELE, ALEX)), True),
        (True, change(whole=(ADELE, ALEX)), False),
        (True, change(add=(ALEX,)), False),
        (False, change(remove=(ADELE,)), False),
        (False, change(add=(ALEX,)), False),
    ],
)
def test_the_role_is_not_asked_for_and_against(role: bool, roles: AddRemoveSet, refused: bool) -> None:
    now = here(user(), user(ALEX, administrator=True), administrators=frozenset({ALEX}))
    wish = wanted(DesiredUser(ADELE, fields={"administrator": role}), administrators=roles)
    if not refused:
        make_plan(wish, now, ALL)
        return
    with pytest.raises(
        InputError, match=f"administrator={str(role).lower()}, but the list of administrators specifies the opposite"
    ):
        make_plan(wish, now, ALL)


# ---- the plan itself


def test_people_come_before_groups_and_deletions_last() -> None:
    plan = make_plan(
        wanted(
            DesiredUser(MEGAN, present=False),
            DesiredUser(ADELE, fields=NAMES),
            DesiredGroup("Old", present=False),
            DesiredGroup("New", members=change(add=(ADELE,))),
            administrators=change(whole=(ADELE,)),
        ),
        here(user(MEGAN, administrator=True), user(ALEX, administrator=True), group("Old"),
             administrators=frozenset({MEGAN, ALEX})),
        ALL,
    )  # fmt: skip
    assert [(action, name) for action, name, _changes in told(plan)] == [
        ("user create", ADELE),
        ("group create", "New"),
        ("membership change", "New"),
        ("administrator grant", ADELE),
        ("administrator revoke", ALEX),
        ("group delete", "Old"),
        ("user delete", MEGAN),
    ]
    assert list(plan.phases()) == [(action,) for action in plan.actions]
    assert plan.summary() == {
        "user_create": 1,
        "group_create": 1,
        "membership_change": 1,
        "administrator_grant": 1,
        "administrator_revoke": 1,
        "group_delete": 1,
        "user_delete": 1,
        "unchanged": 0,
        "left_out": 0,
    }


def test_a_diff_shows_what_changes_and_nothing_else() -> None:
    plan = make_plan(
        wanted(
            DesiredUser(ADELE, fields={"last_name": "Gu"}),
            DesiredGroup("Sales", members=change(add=(ADELE,))),
            DesiredUser(ALEX, present=False),
            DesiredGroup("New", members=change(add=(ADELE,))),
        ),
        here(user(), user(ALEX), group("Sales", ALEX)),
        ALL,
    )
    assert plan.diff() == {
        "before": {
            f"user {ADELE}": {"last_name": "Vance"},
            "membership Sales": {"members": [ALEX]},
            f"user {ALEX}": {"active": True},
        },
        "after": {
            f"user {ADELE}": {"last_name": "Gu"},
            "membership Sales": {"members": [ADELE, ALEX]},
            f"user {ALEX}": {"active": False},
            "group New": {"name": "New"},
            "membership New": {"members": [ADELE]},
        },
    }


def test_who_was_left_out_is_counted() -> None:
    left_out = (Skipped("user", ADELE, "has no last name"),)
    plan = make_plan(Desired(skipped=left_out), here(), ALL)
    assert (plan.skipped, plan.summary()["left_out"], plan.changed) == (left_out, 1, False)


@pytest.mark.parametrize(
    ("kind", "verb", "deed"),
    [
        ("user", "create", "create user 'x'"),
        ("user", "update", "change user 'x'"),
        ("user", "delete_permanently", "permanently delete user 'x'"),
        ("membership", "change", "change the members of group 'x'"),
        ("administrator", "revoke", "revoke the role of administrator 'x'"),
        ("sso", "write", "write the single sign-on of environment 'x'"),
    ],
)
def test_an_action_tells_its_deed(kind: str, verb: str, deed: str) -> None:
    rows = {(row.object.name, row.verb): row for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS)}
    assert Action(rows[kind, verb], "x", None, None).description == deed


def test_an_action_has_one_row() -> None:
    rows = [(row.object.name, row.verb) for row in (*DIRECTORY_ACTIONS, *INSTANCE_ACTIONS)]
    assert len(rows) == len(set(rows))
    with pytest.raises(LookupError, match=r"user\.promote"):
        action_type("user", "promote")


# ---- environments

FIRST = {"EmailAddress": ADELE, "FirstName": "Adele", "LastName": "Vance", "Password": "geheim"}


@pytest.mark.parametrize(
    ("now", "wish", "done"),
    [
        (None, DesiredEnvironment("Contoso BV", administrator=FIRST), ["environment create Contoso BV"]),
        (None, DesiredEnvironment("contoso", empty=True), ["environment create contoso"]),
        (None, DesiredEnvironment("contoso", empty=True, active=True), ["environment create contoso"]),
        (None, DesiredEnvironment("Contoso BV", administrator=FIRST, active=False),
         ["environment create Contoso BV", "environment deactivate contosobv"]),
        (Environment("contoso", True), DesiredEnvironment("contoso"), []),
        (Environment("contoso", True), DesiredEnvironment("contoso", active=True), []),
        (Environment("contoso", True), DesiredEnvironment("contoso", active=False), ["environment deactivate contoso"]),
        (Environment("contoso", False), DesiredEnvironment("contoso", active=True), ["environment activate contoso"]),
        (Environment("contoso", False), DesiredEnvironment("contoso", active=False), []),
        (Environment("contoso", None), DesiredEnvironment("contoso"), []),
        (None, DesiredEnvironment("contoso", present=False), []),
        (Environment("contoso", True), DesiredEnvironment("contoso", present=False, confirmation=" CONTOSO "),
         ["environment delete contoso"]),
    ],
)  # fmt: skip
def test_an_environment(now: Environment | None, wish: DesiredEnvironment, done: list[str]) -> None:
    plan = plan_environment(wish, now, WhenUnreadable("fail"))
    assert [f"{action.kind} {action.verb} {action.name}" for action in plan.actions] == done
    assert (plan.unchanged == ()) is bool(done)
    assert plan.compared
    assert plan.notes == ()
    assert "geheim" not in repr((plan, plan.diff()))


def test_a_new_environment_takes_its_first_administrator_along() -> None:
    plan = plan_environment(DesiredEnvironment("contoso", administrator=FIRST), None, WhenUnreadable("write"))
    assert plan.actions[0].extras == {"administrator": FIRST}
    assert plan.actions[0].outcome == Environment("contoso", True)
    empty = plan_environment(
        DesiredEnvironment("contoso", administrator=FIRST, empty=True), None, WhenUnreadable("write")
    )
    assert empty.actions[0].extras == {"administrator": None}


def test_a_new_environment_needs_one() -> None:
    with pytest.raises(InputError, match=r"'contoso' does not exist.*option administrator, or empty=true"):
        plan_environment(DesiredEnvironment("contoso"), None, WhenUnreadable("write"))


@pytest.mark.parametrize("confirmation", [None, "", "fabrikam", "conto so"])
def test_an_environment_is_deleted_only_when_its_name_is_repeated(confirmation: str | None) -> None:
    wish = DesiredEnvironment("contoso", present=False, confirmation=confirmation)
    with pytest.raises(GuardError) as refusal:
        plan_environment(wish, Environment("contoso", True), WhenUnreadable("write"))
    for part in ("'contoso'", repr(confirmation), "delete_confirmation", "Nothing was written"):
        assert part in refusal.value.message


@pytest.mark.parametrize("active", [True, False])
def test_whether_an_environment_is_active_may_be_unreadable(active: bool) -> None:
    now, wish = Environment("contoso", None), DesiredEnvironment("contoso", active=active)
    written = plan_environment(wish, now, WhenUnreadable("write"))
    assert [action.verb for action in written.actions] == ["activate" if active else "deactivate"]
    assert "could not be compared" in written.notes[0]
    skipped = plan_environment(wish, now, WhenUnreadable("skip"))
    assert (skipped.actions, skipped.unchanged) == ((), (("environment", "contoso"),))
    assert written.compared is skipped.compared is False
    with pytest.raises(InputError, match="when_unreadable=fail"):
        plan_environment(wish, now, WhenUnreadable("fail"))


# ---- single sign-on

AUTHORITY, CLIENT_ID = "https://login.windows.net/contoso.com", "36500000-0000-4000-8000-0000000000b2"
SIGN_ON = single_sign_on(AUTHORITY, CLIENT_ID)


def sso_plan(
    current: SettingValues | None, *, readable: bool = True, update: str = "on_change", policy: str = "write"
) -> Plan:
    return plan_setting(
        SIGN_ON,
        current,
        readable=readable,
        unreadable=WhenUnreadable(policy),
        environment="contoso",
        secret="geheim",
        always=update == "always",
    )


@pytest.mark.parametrize(
    ("current", "update", "written"),
    [
        (None, "on_change", True),
        (SIGN_ON, "on_change", False),
        (SIGN_ON, "always", True),
        (single_sign_on("HTTPS://login.windows.net/CONTOSO.com/", CLIENT_ID), "on_change", False),
        (single_sign_on(AUTHORITY, CLIENT_ID.upper()), "on_change", False),
        (single_sign_on("https://login.windows.net/fabrikam.com", CLIENT_ID), "on_change", True),
        (single_sign_on(AUTHORITY, "36500000-0000-4000-8000-0000000000b3"), "on_change", True),
    ],
)
def test_single_sign_on_is_written_when_it_differs(current: SettingValues | None, update: str, written: bool) -> None:
    plan = sso_plan(current, update=update)
    assert [f"{action.kind} {action.verb} {action.name}" for action in plan.actions] == ["sso write contoso"] * written
    assert plan.compared
    assert plan.notes == ()
    assert "geheim" not in repr((plan, plan.diff()))
    if written:
        assert plan.actions[0].extras == {"key": "geheim"}
        assert plan.diff()["after"]["sso contoso"] == {**SIGN_ON.as_result(), "key": "(written)"}
        shown = plan.diff()["before"].get("sso contoso")
        assert shown == ({**current.as_result(), "key": "(not readable)"} if current else None)


@pytest.mark.parametrize(
    ("policy", "written", "part"),
    [("write", True, "written again and counts as changed"), ("skip", False, "left unchanged")],
)
def test_single_sign_on_that_cannot_be_read(policy: str, written: bool, part: str) -> None:
    plan = sso_plan(None, readable=False, policy=policy)
    assert (plan.changed, plan.compared) == (written, False)
    assert len(plan.notes) == 1
    assert part in plan.notes[0]
    assert "the single sign-on of environment 'contoso'" in plan.notes[0]
    assert plan.unchanged == ()
    assert plan.summary().get("key_not_compared") == (None if written else 1)


def test_single_sign_on_that_cannot_be_read_may_fail() -> None:
    with pytest.raises(InputError, match=r"could not be compared\. Nothing was written, as when_unreadable=fail asks"):
        sso_plan(None, readable=False, policy="fail")


@pytest.mark.parametrize("policy", ["write", "skip", "fail"])
def test_whoever_writes_always_need_not_compare(policy: str) -> None:
    plan = sso_plan(None, readable=False, update="always", policy=policy)
    assert plan.changed
    assert plan.notes == ()


# ---- whole directories


def test_a_changed_upn_is_a_rename_when_the_external_id_is_known() -> None:
    married = "adele.wilber@contoso.com"
    desired = wanted(DesiredUser(married, fields={"external_id": "e1", "last_name": "Wilber"}))._replace(whole=True)
    plan = make_plan(desired, here(user(external_id="e1")), ALL)
    assert [(action.verb, dict(action.changes)) for action in plan.actions] == [
        ("update", {"upn": married, "last_name": "Wilber"})
    ]
    assert plan.actions[0].subject.upn == ADELE
    # One object that is looked up says nothing about who else has the id.
    single = wanted(DesiredUser(married, fields={"external_id": "e1", **NAMES}))
    assert [action.verb for action in make_plan(single, here(user(external_id="e1")), ALL).actions] == ["create"]


def test_an_external_id_means_nobody_when_it_is_not_clear_whom() -> None:
    new = DesiredUser(MEGAN, fields={"external_id": "e1", **NAMES})
    # Two have it.
    twins = here(user(external_id="e1"), user(ALEX, external_id="e1"))
    assert [action.verb for action in make_plan(wanted(new)._replace(whole=True), twins, ALL).actions] == ["create"]
    # Somebody is there under the wanted UPN already.
    plan = make_plan(wanted(new)._replace(whole=True), here(user(external_id="e1"), user(MEGAN)), ALL)
    assert [(action.verb, dict(action.changes)) for action in plan.actions] == [("update", {"external_id": "e1"})]


def test_an_external_id_that_two_share_gives_nobody_a_second_account() -> None:
    """It identifies neither of them, so both are those who have their UPNs, and nobody has taken over a name."""
    adele, megan = (DesiredUser(upn, fields={"external_id": "e1", **NAMES}) for upn in (ADELE, MEGAN))
    shared = here(user(external_id="e1"), user(MEGAN, external_id="e1"))
    assert not make_plan(wanted(adele, megan)._replace(whole=True), shared, ALL).changed
    # Only on the server.
    others = wanted(DesiredUser(ADELE, fields={"external_id": "e2"}), megan)._replace(whole=True)
    plan = make_plan(others, shared, ALL)
    assert [(action.verb, action.name) for action in plan.actions] == [("update", ADELE)]
    assert not make_plan(wanted(DesiredUser(ADELE), megan)._replace(whole=True), shared, ALL).changed


def test_a_upn_that_was_passed_on_gives_nobody_another_s_account() -> None:
    """Adele has become Megan, and another Adele has come: one is renamed first, the other is new."""
    megan = DesiredUser(MEGAN, fields={"external_id": "e1", **NAMES})
    new = DesiredUser(ADELE, fields={"external_id": "e2", **NAMES})
    sales = DesiredGroup("Sales", members=change(whole=(ADELE, MEGAN)))
    current = here(user(external_id="e1"), group("Sales", ADELE))
    plan = make_plan(wanted(megan, new, sales)._replace(whole=True), current, ALL)
    assert [(action.verb, action.name) for action in plan.actions] == [
        ("update", MEGAN),
        ("create", ADELE),
        ("change", "Sales"),
    ]
    assert plan.actions[0].subject.upn == ADELE
    assert dict(plan.actions[2].changes) == {"add": [ADELE], "remove": []}
    afterwards = predict(current, plan)
    assert {found.external_id: found.upn for found in afterwards.users} == {"e1": MEGAN, "e2": ADELE}
    assert afterwards.groups[0].members == frozenset({ADELE, MEGAN})
    again = make_plan(wanted(megan, new, sales)._replace(whole=True), afterwards, ALL)
    assert not again.changed
    # Without an id nobody can tell whether this is the same Adele.
    with pytest.raises(InputError, match="is the UPN of one user on the server and of another in the list"):
        make_plan(wanted(megan, DesiredUser(ADELE))._replace(whole=True), current, ALL)
    # Whoever has left under the old name is nobody else.
    gone = wanted(megan, DesiredUser(ADELE, present=False))._replace(whole=True)
    with pytest.raises(InputError, match="both refer to"):
        make_plan(gone, current, ALL)


def test_a_upn_that_somebody_existing_gets() -> None:
    """Adele has become Megan, and Alex has become Adele."""
    people = here(user(external_id="e1"), user(ALEX, external_id="e2"))
    moved = wanted(DesiredUser(MEGAN, fields={"external_id": "e1"}), DesiredUser(ADELE, fields={"external_id": "e2"}))
    plan = make_plan(moved._replace(whole=True), people, ALL)
    assert {(action.subject.upn, action.outcome.upn) for action in plan.actions} == {(ADELE, MEGAN), (ALEX, ADELE)}


def test_two_who_have_swapped_their_upns_do_not_swap_their_accounts() -> None:
    people = here(user(external_id="e1"), user(MEGAN, external_id="e2"))
    swapped = wanted(DesiredUser(ADELE, fields={"external_id": "e2"}), DesiredUser(MEGAN, fields={"external_id": "e1"}))
    with pytest.raises(InputError, match="have exchanged their UPNs"):
        make_plan(swapped._replace(whole=True), people, ALL)


def test_an_external_id_of_somebody_who_is_not_in_the_list() -> None:
    """Its owner stays, so the UPN is not free."""
    people = here(user(external_id="e1"), user(MEGAN, external_id="e2"))
    with pytest.raises(InputError, match="is the UPN of one user on the server and of another in the list"):
        make_plan(wanted(DesiredUser(ADELE, fields={"external_id": "e2"}))._replace(whole=True), people, ALL)


def importing(*things: DesiredUser | DesiredGroup, others: frozenset[str] = frozenset()) -> Desired:
    return wanted(*things)._replace(whole=True, keep_collisions=True, others=others)


def test_whoever_wants_the_upn_of_somebody_else_is_left_out_of_an_import() -> None:
    """Adele is to be called Megan, and Megan has left long ago: her account still has the UPN."""
    people = here(user(external_id="e1"), user(MEGAN, external_id="e2"), group("Sales", MEGAN))
    adele = DesiredUser(MEGAN, fields={"external_id": "e1", **NAMES})
    alex = DesiredUser(ALEX, fields={"external_id": "e3", **NAMES})
    sales = DesiredGroup("Sales", members=change(whole=(MEGAN, ALEX)))
    plan = make_plan(importing(adele, alex, sales), people, ALL)
    assert [(action.kind, action.verb, action.name) for action in plan.actions] == [
        ("user", "create", ALEX),
        ("membership", "change", "Sales"),
    ]
    # The group is about Adele, and not about the UPN that she does not have.
    assert dict(plan.actions[1].changes) == {"add": [ADELE, ALEX], "remove": [MEGAN]}
    assert [(item.name, item.reason.split(",")[0]) for item in plan.skipped] == [
        (MEGAN, "has a UPN that belongs to the account of somebody else")
    ]


def test_nobody_gets_the_account_of_somebody_whom_the_import_leaves_out() -> None:
    """Megan has a new UPN and no last name, so she is not brought; a new person has her old UPN."""
    new = DesiredUser(MEGAN, fields={"external_id": "e3", **NAMES})
    people = here(user(MEGAN, external_id="e2"))
    assert not make_plan(importing(new, others=frozenset({"e2"})), people, ALL).actions
    # Adele, renamed to Megan, does not get an account that was made by hand as a second one.
    two = here(user(external_id="e1"), user(MEGAN))
    adele = DesiredUser(MEGAN, fields={"external_id": "e1", **NAMES})
    assert [item.name for item in make_plan(importing(adele), two, ALL).skipped] == [MEGAN]
    # Nobody knows who e2 was: it is taken for the same person, made again in Microsoft Entra.
    plan = make_plan(importing(new), people, ALL)
    assert [(action.verb, dict(action.changes)) for action in plan.actions] == [("update", {"external_id": "e3"})]


def test_accounts_that_were_made_by_hand_are_found_by_upn() -> None:
    people = here(user(), user(ALEX))
    brought = DesiredUser(ADELE, fields={"external_id": "e1", **NAMES})
    for desired in (
        importing(brought, DesiredUser(ALEX, present=False)),
        wanted(brought, DesiredUser(ALEX, present=False)),
    ):
        plan = make_plan(desired._replace(whole=True), people, ALL)
        assert [(action.verb, action.name) for action in plan.actions] == [("update", ADELE), ("delete", ALEX)]
        assert not plan.skipped


def test_whoever_is_to_go_is_known_by_the_external_id() -> None:
    gone = DesiredUser(MEGAN, present=False, fields={"external_id": "e1"})
    people = here(user(external_id="e1"), user(MEGAN, external_id="e2"))
    plan = make_plan(importing(gone), people, ALL)
    assert [(action.verb, action.subject.upn) for action in plan.actions] == [("delete", ADELE)]
    # Has no account: the one with that UPN is somebody else's.
    stranger = here(user(MEGAN, external_id="e2"))
    plan = make_plan(importing(gone), stranger, ALL)
    assert (plan.actions, [item.name for item in plan.skipped]) == ((), [MEGAN])
    with pytest.raises(InputError, match="has another external_id: 'e2', not 'e1'"):
        make_plan(wanted(gone)._replace(whole=True), stranger, ALL)
    # Somebody new does not get the account of who goes.
    new = DesiredUser(ADELE, fields={"external_id": "e3", **NAMES})
    plan = make_plan(importing(gone, new), here(user(external_id="e1")), ALL)
    assert [(action.verb, action.subject.upn) for action in plan.actions] == [("delete", ADELE)]
    assert [item.name for item in plan.skipped] == [ADELE]


# Users who are deleted and lose the role


@pytest.mark.parametrize("permanent", [False, True])
def test_the_role_of_a_deleted_user_is_revoked_first(permanent: bool) -> None:
    """When the task says both. A restored user would have the role again."""
    current = here(user(ADELE), user(MEGAN), administrators=frozenset({ADELE, MEGAN}))
    gone = DesiredUser(ADELE, present=False, permanent=permanent)
    plan = make_plan(Desired((gone,), administrators=AddRemoveSet(remove=frozenset({ADELE}))), current, ALL)
    verb = "delete_permanently" if permanent else "delete"
    assert [(action.kind, action.verb) for action in plan.actions] == [("administrator", "revoke"), ("user", verb)]
    assert plan.unchanged == ()
    assert predict(current, plan).administrators == frozenset({MEGAN})


@pytest.mark.parametrize(
    ("remove", "administrators"),
    [
        (frozenset({MEGAN}), frozenset({ADELE, MEGAN, ALEX})),
        (frozenset({ADELE}), frozenset({MEGAN, ALEX})),
        (frozenset(), frozenset({ADELE, MEGAN, ALEX})),
    ],
    ids=["somebody else", "no administrator", "nobody"],
)
def test_the_role_of_nobody_else_is_revoked(remove: frozenset[str], administrators: frozenset[str]) -> None:
    current = here(user(ADELE), user(MEGAN), user(ALEX), administrators=administrators)
    desired = Desired((DesiredUser(ADELE, present=False),), administrators=AddRemoveSet(remove=remove))
    plan = make_plan(desired, current, ALL)
    revoked = {action.name for action in plan.actions if action.verb == "revoke"}
    assert revoked == remove & administrators - {ADELE}


def test_the_role_of_a_deleted_user_with_another_upn_is_revoked() -> None:
    """The user is matched by external id."""
    current = here(user(ADELE, external_id="hr-1"), user(MEGAN), administrators=frozenset({ADELE, MEGAN}))
    gone = DesiredUser(ALEX, present=False, fields={"external_id": "hr-1"})
    desired = Desired((gone,), administrators=AddRemoveSet(remove=frozenset({ALEX})), whole=True)
    assert [action.verb for action in make_plan(desired, current, ALL).actions] == ["revoke", "delete"]


def test_the_last_administrators_are_not_offboarded() -> None:
    current = here(user(ADELE), user(MEGAN), user(ALEX), administrators=frozenset({ADELE, MEGAN}))
    gone = tuple(DesiredUser(upn, present=False) for upn in (ADELE, MEGAN, ALEX))
    with pytest.raises(GuardError, match="without an active administrator"):
        make_plan(Desired(gone, administrators=AddRemoveSet(remove=frozenset({ADELE, MEGAN, ALEX}))), current, ALL)


# ---- roles: who is listed elsewhere, and who is unknown

BY_HAND = "by.hand@contoso.com"
UNKNOWN = W365Error("the list marks nobody.")


def _with_people(*administrators: str) -> Snapshot:
    """Adele and Megan are known to both APIs, and one administrator to the Provisioning API only, with the id of another."""
    people = (User(BY_HAND, "1", active=True, administrator=True), User(ADELE, "7", active=True), User(MEGAN, "8"))
    users = (user(ADELE, id="1"), user(MEGAN, id="2"))
    return Snapshot(users, administrators=frozenset({BY_HAND, *administrators}), people=people)


@pytest.mark.parametrize(
    "wish",
    [AddRemoveSet(set=frozenset({ADELE})), AddRemoveSet(frozenset({ADELE}), frozenset({BY_HAND}))],
    ids=["set", "remove"],
)
def test_an_administrator_of_the_provisioning_list_only_loses_the_role(wish: AddRemoveSet) -> None:
    current = _with_people(ADELE)
    plan = make_plan(Desired(administrators=wish), current, ALL)
    assert [(action.verb, action.name) for action in plan.actions] == [("revoke", BY_HAND)]
    after = predict(current, plan)
    assert after.administrators == frozenset({ADELE})
    # The ids of the two APIs have nothing to do with each other.
    assert {ADELE, MEGAN} <= {found.key for found in after.users}


def test_a_purge_of_administrators_finds_them_in_the_provisioning_list() -> None:
    purge = RemovalPolicy(frozenset({"administrators"}), limit=RemovalLimit(100, per_cent=True))
    desired = Desired(administrators=AddRemoveSet(add=frozenset({ADELE})), purge=purge)
    plan = make_plan(desired, _with_people(ADELE), ALL)
    assert [(action.verb, action.name) for action in plan.actions] == [("revoke", BY_HAND)]


def test_an_administrator_of_the_provisioning_list_only_can_be_kept() -> None:
    wish = AddRemoveSet(set=frozenset({ADELE, BY_HAND}))
    plan = make_plan(Desired(administrators=wish), _with_people(ADELE), ALL)
    assert (plan.actions, len(plan.unchanged)) == ((), 2)
    # A group has members of its own API only.
    team = DesiredGroup("Team", members=AddRemoveSet(add=frozenset({BY_HAND})))
    with pytest.raises(InputError, match="cannot become a member of group 'Team'"):
        make_plan(Desired(groups=(team,)), _with_people(ADELE), ALL)


def _unknown(*users: User) -> Snapshot:
    return Snapshot(users or (user(ADELE), user(MEGAN)), roles_problem=UNKNOWN)


@pytest.mark.parametrize(
    "wish", [{"remove": frozenset({MEGAN})}, {"set": frozenset({ADELE})}, {"remove": frozenset({ALEX})}]
)
def test_who_loses_a_role_that_nobody_knows_is_refused(wish: dict[str, frozenset[str]]) -> None:
    with pytest.raises(
        GuardError, match=r"could not be read who is .*The list marks nobody\. Nothing was written\. Fix"
    ):
        make_plan(Desired(administrators=AddRemoveSet(**wish)), _unknown(), ALL)


def test_a_purge_of_administrators_that_nobody_knows_is_refused() -> None:
    purge = RemovalPolicy(frozenset({"administrators"}), limit=RemovalLimit(100, per_cent=True))
    desired = Desired(administrators=AddRemoveSet(add=frozenset({ADELE})), purge=purge)
    with pytest.raises(GuardError, match="unknown who would lose the role"):
        make_plan(desired, _unknown(), ALL)
    plan = make_plan(desired._replace(when_administrators_unknown="warn"), _unknown(), ALL)
    assert [(action.verb, action.name) for action in plan.actions] == [("grant", ADELE)]


@pytest.mark.parametrize("there", [True, False])
def test_roles_that_nobody_knows_are_revoked_where_the_task_accepts_that(there: bool) -> None:
    """As for a person who leaves: by name, and also when a rerun finds nobody."""
    leaver = DesiredUser(MEGAN, present=False)
    desired = Desired(
        (leaver,), administrators=AddRemoveSet(remove=frozenset({MEGAN})), when_administrators_unknown="warn"
    )
    plan = make_plan(desired, _unknown(user(ADELE), *([user(MEGAN)] if there else [])), ALL)
    assert [action.verb for action in plan.actions] == (["revoke", "delete"] if there else [])
    assert "The list marks nobody." in " ".join(plan.notes)


def test_what_needs_no_list_of_roles_goes_on_without_one() -> None:
    grant = make_plan(Desired(administrators=AddRemoveSet(add=frozenset({ADELE}))), _unknown(), ALL)
    assert [(action.verb, action.name) for action in grant.actions] == [("grant", ADELE)]
    renamed = make_plan(Desired((DesiredUser(ADELE, fields={"last_name": "Gu"}),)), _unknown(), ALL)
    assert [action.verb for action in renamed.actions] == ["update"]
    assert predict(_unknown(), grant).administrators is None


def test_a_role_that_nobody_knows_is_not_false() -> None:
    desired = Desired((DesiredUser(ADELE, fields={"administrator": False}),))
    with pytest.raises(GuardError, match="could not be read who is an administrator"):
        make_plan(desired, _unknown(user(ADELE, administrator=None)), ALL)
