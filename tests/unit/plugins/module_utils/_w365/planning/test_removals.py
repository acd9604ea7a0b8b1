# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who goes because nobody named them, and who does not: one example for each rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import GuardError, InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.removal_options import (
    removal_policy_from_options,
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
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.removal_policy import (
    RemovalLimit,
    RemovalPolicy,
    RemovalScope,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.unmatched import (
    unmatched_in_directory,
    warnings_about,
)

ADELE, ALLAN, LEE, MEGAN = (f"{name}@contoso.com" for name in ("adele.vance", "allan.deyoung", "lee.gu", "megan.bowen"))
GUEST = "nestor.wilke@fabrikam.com"
ALL = RemovalLimit(100, per_cent=True)


def user(upn: str, **more: Any) -> User:
    return User(upn, **{"id": upn, "active": True, "external_id": f"hr-{upn}", **more})


CURRENT = Snapshot(
    users=(user(ADELE), user(ALLAN), user(LEE), user(GUEST, external_id="x1"), user(MEGAN, active=False)),
    groups=(
        Group("HR Payroll", "g1", external_id="hr-1", members=frozenset({LEE, GUEST, "id:nested"})),
        Group("HR Hiring", "g2", external_id="hr-2", members=frozenset()),
        Group("Sales", "g3", members=frozenset({ADELE, LEE, GUEST, "id:nested"})),
    ),
    administrators=frozenset({ALLAN, ADELE}),
    primary_administrator=ALLAN,
)
DOMAIN = RemovalScope(domains=frozenset({"contoso.com"}))


def plan(*kinds: str, current: Snapshot = CURRENT, **more: Any) -> Plan:
    policy = {name: more.pop(name) for name in ("scope", "limit") if name in more}
    purge = RemovalPolicy(frozenset(kinds), **{"scope": DOMAIN, "limit": ALL, **policy}) if kinds else None
    desired = Desired(users=(DesiredUser(ADELE),), whole=True, purge=purge)
    return make_plan(desired._replace(**more), current, SCIM_CAPABILITIES)


def gone(made: Plan) -> set[str]:
    return {action.name for action in made.actions if action.verb in ("delete", "revoke")}


def test_nobody_goes_unasked() -> None:
    assert plan().actions == ()


def test_users_in_scope_go_and_the_primary_administrator_stays() -> None:
    made = plan("users")
    assert gone(made) == {LEE}
    assert [action.purged for action in made.actions] == [True]
    assert [(item.name, item.reason) for item in made.skipped] == [
        (ALLAN, "is the primary administrator by its id, so the purge left it unchanged")
    ]
    # The guest is of another domain, and Megan is on the deleted-users list already.
    assert GUEST not in gone(made)


@pytest.mark.parametrize(
    ("scope", "leaving"),
    [
        (RemovalScope(domains=frozenset({"fabrikam.com"})), {GUEST}),
        (RemovalScope(groups=("hr *",)), {LEE, GUEST}),
        (RemovalScope(groups=("hr *",), domains=frozenset({"contoso.com"})), {LEE}),
        (RemovalScope(external_id_prefix="hr-"), {LEE}),
        (RemovalScope(external_id_prefix="HR-"), set()),
        (RemovalScope(groups=("hr",)), set()),
    ],
)
def test_who_is_in_scope_fits_every_criterion(scope: RemovalScope, leaving: set[str]) -> None:
    assert gone(plan("users", scope=scope)) == leaving


def test_whoever_is_named_anywhere_stays() -> None:
    assert gone(plan("users", groups=(DesiredGroup("Sales", members=AddRemoveSet(add=frozenset({LEE}))),))) == set()
    renamed = (DesiredUser("lee.wilber@contoso.com", fields={"external_id": f"hr-{LEE}"}), DesiredUser(ADELE))
    assert gone(plan("users", users=renamed)) == set()
    leaving = (DesiredUser(LEE, present=False), DesiredUser(ADELE))
    assert [action.purged for action in plan("users", users=leaving).actions] == [False]


def test_protected_users_stay_and_are_told() -> None:
    made = plan("users", protected=frozenset({LEE}))
    assert gone(made) == set()
    assert {item.name for item in made.skipped} == {LEE, ALLAN}


def test_a_task_that_names_a_protected_user_is_refused() -> None:
    both = (DesiredUser(LEE, present=False), DesiredUser(ADELE))
    with pytest.raises(GuardError, match=r"protected_users lists 'lee\.gu@contoso\.com'"):
        plan(users=both, protected=frozenset({LEE}))
    with pytest.raises(GuardError, match="remove it from the administrator role"):
        plan(administrators=AddRemoveSet(remove=frozenset({ADELE})), protected=frozenset({ADELE}))


def test_groups_in_scope_go() -> None:
    groups = (DesiredGroup("HR Hiring"),)
    assert gone(plan("groups", groups=groups, scope=RemovalScope(groups=("hr *",)))) == {"HR Payroll"}
    assert gone(plan("groups", groups=groups, scope=RemovalScope(external_id_prefix="hr-"))) == {"HR Payroll"}


def test_members_of_named_groups_go_but_not_what_is_no_user() -> None:
    groups = (DesiredGroup("Sales", members=AddRemoveSet(add=frozenset({ADELE}))),)
    made = plan("memberships", groups=groups, scope=None)
    assert [dict(action.changes) for action in made.actions] == [{"add": [], "remove": [LEE, GUEST]}]
    in_domain = plan("memberships", groups=groups)
    assert [dict(action.changes) for action in in_domain.actions] == [{"add": [], "remove": [LEE]}]
    kept = plan("memberships", groups=groups, protected=frozenset({LEE}))
    assert kept.actions == ()
    assert [item.name for item in kept.skipped] == [f"Sales: {LEE}"]


def test_a_member_who_is_renamed_in_the_same_task_stays_a_member() -> None:
    new = "lee.wilber@contoso.com"
    users = (DesiredUser(new, fields={"external_id": f"hr-{LEE}"}),)
    groups = (DesiredGroup("Sales", members=AddRemoveSet(add=frozenset({new, ADELE}))),)
    made = plan("memberships", users=users, groups=groups, limit=RemovalLimit(0))
    assert [action.kind for action in made.actions] == ["user"]


def test_administrators_who_are_not_named_lose_the_role() -> None:
    made = plan("administrators", administrators=AddRemoveSet(add=frozenset({LEE})))
    assert gone(made) == {ADELE}
    assert [item.name for item in made.skipped] == [ALLAN]


def test_a_limit_counts_each_kind_and_is_rounded_up() -> None:
    assert RemovalLimit(10, per_cent=True).of(1) == 1
    assert RemovalLimit(10, per_cent=True).of(30) == 3
    assert RemovalLimit(10, per_cent=True).of(31) == 4
    assert RemovalLimit(0, per_cent=True).of(31) == 0
    current = CURRENT._replace(users=(*CURRENT.users, *(user(f"user{n}@contoso.com") for n in range(17))))
    with pytest.raises(GuardError) as refused:
        plan("users", current=current, limit=RemovalLimit(10, per_cent=True))
    assert "18 of 20 users in scope would be removed, which exceeds the limit of 2" in refused.value.message
    assert "and 8 more, see would_go" in refused.value.message
    assert len(refused.value.details["would_go"]["users"]) == 18
    assert len(gone(plan("users", current=current, limit=RemovalLimit(18)))) == 18


def test_a_limit_can_count_whom_the_task_deletes_by_name() -> None:
    """As an import does: nobody bears its mark yet, and one of three is disabled."""
    current = CURRENT._replace(users=tuple(replace_id(found) for found in CURRENT.users))
    users = (DesiredUser(ADELE), DesiredUser(ALLAN), DesiredUser(LEE, present=False))
    policy = RemovalPolicy(
        frozenset(), RemovalScope(from_entra=True), RemovalLimit(34, per_cent=True), "delete_limit", counts_named=True
    )
    desired = Desired(users=users, whole=True, purge=policy)
    assert gone(make_plan(desired, current, SCIM_CAPABILITIES)) == {LEE}
    strict = desired._replace(purge=replace(policy, limit=RemovalLimit(0)))
    with pytest.raises(GuardError, match=r"delete_limit is 0\. 1 of 3 users in scope would be removed"):
        make_plan(strict, current, SCIM_CAPABILITIES)


def replace_id(found: User) -> User:
    return found._replace(external_id=None)


def test_what_an_import_has_brought_bears_an_object_id() -> None:
    brought = "00000000-0000-4000-8001-000000000014"
    current = CURRENT._replace(
        users=(user(ADELE), user(LEE, external_id=brought), user(ALLAN, external_id=brought[:-1]))
    )
    assert gone(plan("users", current=current, scope=RemovalScope(from_entra=True))) == {LEE}
    spared = RemovalPolicy(frozenset({"users"}), RemovalScope(from_entra=True), ALL, spared=frozenset({brought}))
    desired = Desired(users=(DesiredUser(ADELE),), whole=True, purge=spared)
    made = make_plan(desired, current, SCIM_CAPABILITIES)
    assert (made.actions, made.skipped) == ((), ())


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("users", {"users": ()}, "no user to keep"),
        ("users", {"users": (DesiredUser(LEE, present=False),)}, "no user to keep"),
        ("groups", {}, "no group to keep"),
        ("memberships", {"groups": (DesiredGroup("Sales"),)}, "no group with members to keep"),
        ("administrators", {}, "no administrator to keep"),
        ("users", {"scope": None}, "needs a purge_scope"),
        ("groups", {"groups": (DesiredGroup("Sales"),)}, "only domains, which do not apply to groups"),
    ],
)
def test_an_empty_list_or_a_missing_scope_is_an_error(kind: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        plan(kind, **more)


def test_where_nobody_can_see_the_administrators_somebody_must_be_protected() -> None:
    blind = CURRENT._replace(administrators=None, primary_administrator=None)
    with pytest.raises(GuardError, match="cannot show who is an administrator"):
        plan("users", current=blind)
    with pytest.raises(GuardError, match="cannot show who is an administrator"):
        plan("users", current=blind, protected=frozenset({MEGAN}))
    assert gone(plan("users", current=blind, protected=frozenset({ALLAN}))) == {LEE}


def test_names_that_lead_nowhere_are_told() -> None:
    scope = RemovalScope(groups=("hr *", "marketing"))
    purge = RemovalPolicy(frozenset({"users"}), scope, ALL)
    protected = frozenset({"nobody@contoso.com", ALLAN})
    desired = Desired(users=(DesiredUser(ADELE),), whole=True, purge=purge, protected=protected)
    keys = frozenset(user.key for user in CURRENT.users)
    assert warnings_about(unmatched_in_directory(desired, CURRENT, keys, "in environment 'x'"), strict=False) == (
        "Option protected_users: 1 of 2 matches nobody in environment 'x': 'nobody@contoso.com'. Check the spelling.",
        "Option purge_scope.groups: 1 of 1 matches no group in environment 'x': 'marketing'. Check the spelling.",
    )


def options(**given: Any) -> dict[str, Any]:
    return {"purge": ["users"], "purge_scope": None, "purge_limit": "10%", "protected_users": [], **given}


def scope(**given: Any) -> dict[str, Any]:
    return {"domains": None, "groups": None, "external_id_prefix": None, **given}


def test_options_are_read() -> None:
    given = scope(domains=["@Contoso.com"], groups=["HR *"], external_id_prefix="hr-")
    purge = removal_policy_from_options(options(purge_scope=given, purge_limit=" 2.5 % "))
    assert purge is not None
    assert purge.kinds == {"users"}
    assert purge.scope == RemovalScope(frozenset({"contoso.com"}), ("hr *",), "hr-")
    assert purge.limit == RemovalLimit(2.5, per_cent=True)
    assert removal_policy_from_options(options(purge_limit="25")) == RemovalPolicy(
        frozenset({"users"}), None, RemovalLimit(25)
    )
    assert removal_policy_from_options(options(purge=[])) is None


@pytest.mark.parametrize("limit", ["", "ten", "-1", "101%", "1.5", "10 per cent"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    with pytest.raises(InputError, match=r"give a count such as 25"):
        removal_policy_from_options(options(purge_limit=limit))
    with pytest.raises(InputError, match=r"give a count such as 25"):
        removal_policy_from_options(options(purge=[], purge_limit=limit))


@pytest.mark.parametrize(
    "given",
    [scope(), scope(domains=[]), scope(domains=[" "]), scope(groups=[""]), scope(external_id_prefix=" ")],
)
def test_a_scope_that_would_mean_everybody_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="purge_scope"):
        removal_policy_from_options(options(purge_scope=given))
