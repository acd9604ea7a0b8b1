# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Options are spread into calls, and accounts and groups into lists; mypy cannot tell which key or kind stands there.
# mypy: disable-error-code="arg-type"

"""What an import must not do to people and groups, whatever a tenant looks like: small tenants, planned and not carried out."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_users import (
    SCIM_CAPABILITIES,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.importer import (
    TenantSelection,
    desired_from_entra,
    groups_by_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.tenant import Tenant
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    AuthenticationError,
    GuardError,
    InputError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.import_options import (
    import_scope_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Group,
    Snapshot,
    User,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.actions import (
    GROUP_DELETE,
    USER_DELETE_PERMANENTLY,
    Action,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.plan import Plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.planner import make_plan
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.planning.predict import predict

ADELE, ALEX, MEGAN, LEE = (f"{name}@contoso.com" for name in ("adele.vance", "alex.wilber", "megan.bowen", "lee.gu"))


def guid(number: int) -> str:
    return f"abcdef00-0000-4000-8000-{number:012d}"


def person(number: int, upn: str, **more: Any) -> dict[str, Any]:
    names = {"givenName": f"First {number}", "surname": f"Last {number}"}
    return {"id": guid(number), "userPrincipalName": upn, "mail": upn, "accountEnabled": True, **names, **more}


def a_group(number: int, name: str, **more: Any) -> dict[str, Any]:
    return {"id": guid(number), "displayName": name, "securityEnabled": True, "mailEnabled": False, **more}


def account(number: int, upn: str, **more: Any) -> User:
    """The account that an import has made for this person."""
    known = User(upn, str(number), f"First {number}", f"Last {number}", upn, active=True, external_id=guid(number))
    return known._replace(**more)


def group_there(number: int, name: str, *members: str) -> Group:
    return Group(name=name, id=f"g{number}", external_id=guid(number), members=frozenset(members))


def plan(
    people: list[dict[str, Any]],
    there: list[User | Group],
    groups: dict[int, tuple[dict[str, Any], list[int]]] | None = None,
    *,
    administrators: list[str] | None = None,
    primary: str | None = None,
    global_administrators: list[int] = [],  # noqa: B006 - it is only read
    chosen: list[int] = [],  # noqa: B006 - it is only read
    former: dict[int, list[int]] = {},  # noqa: B006 - it is only read
    **options: Any,
) -> Plan:
    """Everybody of a tenant, or the chosen groups of it, and what is in the environment."""
    found = groups or {}
    tenant = Tenant(
        {user["id"]: user for user in people},
        {group["id"]: group for group, _members in found.values()},
        {guid(number): {guid(member) for member in members} for number, (_group, members) in found.items()},
        {},
    )
    scope = import_scope_from_options(
        {
            "groups": [guid(number) for number in chosen],
            "domains": [],
            "everything": not chosen,
            "scope_match": "any",
            "include_guests": True,
            "include_groups": True,
            "exclude_users": [],
            "default_status": "active",
            "nested_groups": "skip",
            "group_names": None,
            "delete_limit": "100%",
            **options,
        }
    )
    roles = frozenset(map(guid, global_administrators)) if "administrators_from" in options else None
    current = Snapshot(
        users=tuple(thing for thing in there if isinstance(thing, User)),
        groups=tuple(thing for thing in there if isinstance(thing, Group)),
        administrators=None if administrators is None else frozenset(administrators),
        primary_administrator=primary,
    )
    last_run = Tenant(members={guid(group): set(map(guid, members)) for group, members in former.items()})
    found_there = TenantSelection(tenant, tuple(map(guid, chosen)), roles, last_run)
    desired = desired_from_entra(found_there, scope, SCIM_CAPABILITIES)
    return make_plan(desired, current, SCIM_CAPABILITIES)


def deeds(made: Plan) -> list[tuple[str, str, str]]:
    return [(action.kind, action.verb, action.name) for action in made.actions]


def reasons(made: Plan) -> dict[str, str]:
    return {item.name: item.reason for item in made.skipped}


LEAVERS = {"on_leave": "delete"}
ROLES = {"administrators_from": "entra"}


@pytest.mark.parametrize("unknown", [{"accountEnabled": None}, {}], ids=["null", "missing"])
@pytest.mark.parametrize("options", [{}, LEAVERS, {"active_status_from": "workspace365"}], ids=repr)
def test_whether_somebody_may_sign_in_is_not_guessed(unknown: dict[str, Any], options: dict[str, Any]) -> None:
    """Whoever was disabled and cannot be seen so is not created, restored or removed."""
    odd = [
        {k: v for k, v in person(n, upn).items() if k != "accountEnabled"} | unknown
        for n, upn in ((1, ADELE), (3, LEE))
    ]
    there = [account(1, ADELE, active=False), account(2, ALEX)]
    made = plan([*odd, person(2, ALEX)], there, administrators=[ALEX], **options)
    assert deeds(made) == []
    assert "accountEnabled" in reasons(made)[ADELE]
    assert "accountEnabled" in reasons(made)[LEE]
    present = plan([odd[0], person(2, ALEX)], [account(1, ADELE), account(2, ALEX)], administrators=[ALEX], **options)
    assert deeds(present) == []
    with pytest.raises(AuthenticationError, match=r"accountEnabled.*User\.Read\.All"):
        plan(odd, there, administrators=[ALEX], **options)


@pytest.mark.parametrize("kind", ["Guest", None, ""])
def test_a_guest_is_a_guest_also_without_a_user_type(kind: str | None) -> None:
    """Old accounts have none."""
    guest = "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com"
    people = [person(1, guest, userType=kind), person(2, ALEX, userType=kind if kind != "Guest" else "Member")]
    made = plan(people, [], include_guests=False)
    assert deeds(made) == [("user", "create", ALEX)]
    assert "is a guest" in reasons(made)[guest]


@pytest.mark.parametrize("change", [{"surname": None}, {"accountEnabled": False}])
def test_a_group_whose_people_cannot_be_imported_stays(change: dict[str, Any]) -> None:
    people = [person(1, ADELE, **change), person(2, ALEX)]
    groups = {50: (a_group(50, "Board"), [1]), 51: (a_group(51, "All"), [1, 2])}
    there = [
        *(account(1, ADELE), account(2, ALEX), account(3, MEGAN, active=False)),
        *(group_there(50, "Board", ADELE), group_there(51, "All", ADELE, ALEX)),
    ]
    made = plan(people, there, groups, administrators=[ALEX], **LEAVERS)
    assert not [deed for deed in deeds(made) if deed[2] == "Board"]
    assert "left unchanged" in reasons(made)["Board"]


def test_a_group_that_workspace_365_cannot_have_any_longer_stays() -> None:
    groups = {50: (a_group(50, "Board", mailEnabled=True), [1]), 51: (a_group(51, "All"), [1])}
    there = [account(1, ADELE), group_there(50, "Board", ADELE), group_there(51, "All", ADELE)]
    assert deeds(plan([person(1, ADELE)], there, groups, administrators=[ADELE], **LEAVERS)) == []


@pytest.mark.parametrize("order", [(50, 52), (52, 50)])
def test_a_second_group_of_the_same_name_takes_nothing_over(order: tuple[int, int]) -> None:
    """Whichever comes first, and whichever id is lower."""
    for known in order:
        groups = {number: (a_group(number, "Sales"), [1] if number == known else [2]) for number in order}
        there = [account(1, ADELE), account(2, ALEX), group_there(known, "Sales", ADELE)]
        made = plan([person(1, ADELE), person(2, ALEX)], there, groups, administrators=[ADELE], **LEAVERS)
        assert deeds(made) == []
        assert "same name" in reasons(made)["Sales"]


def test_a_renamed_group_does_not_take_over_another_one() -> None:
    """Sales is called Marketing now, and somebody has made a Marketing by hand."""
    groups = {50: (a_group(50, "Marketing"), [1])}
    by_hand = Group(name="Marketing", id="g9", members=frozenset({ALEX}))
    there = [account(1, ADELE), account(2, ALEX), group_there(50, "Sales", ADELE), by_hand]
    made = plan([person(1, ADELE), person(2, ALEX)], there, groups, administrators=[ADELE], **LEAVERS)
    assert deeds(made) == []
    assert "another group has" in reasons(made)["Marketing"]


def test_names_of_groups_pass_on_in_their_order() -> None:
    groups = {50: (a_group(50, "Marketing"), [1]), 51: (a_group(51, "Events"), [2]), 52: (a_group(52, "Sales"), [1])}
    there = [
        *(account(1, ADELE), account(2, ALEX)),
        *(group_there(50, "Sales", ADELE), group_there(51, "Marketing", ALEX)),
    ]
    made = plan([person(1, ADELE), person(2, ALEX)], there, groups)
    assert [(action.verb, action.subject and action.subject.name, action.name) for action in made.actions][:3] == [
        ("update", "Marketing", "Events"),
        ("update", "Sales", "Marketing"),
        ("create", None, "Sales"),
    ]


@pytest.mark.parametrize(("options", "change"), [({"exclude_users": [ADELE]}, {}), ({}, {"surname": None})])
def test_whoever_is_left_alone_keeps_the_role(options: dict[str, Any], change: dict[str, Any]) -> None:
    people = [person(1, ADELE, **change), person(2, ALEX)]
    there: list[User | Group] = [account(1, ADELE, administrator=True), account(2, ALEX, administrator=True)]
    made = plan(
        people, there, administrators=[ADELE, ALEX], global_administrators=[1, 2], primary=ALEX, **ROLES, **options
    )
    assert deeds(made) == []


@pytest.mark.parametrize("guard", ["primary", "protected", "protected by the new name"])
def test_guards_know_people_under_both_names(guard: str) -> None:
    """Adele is called Megan now and is no Global Administrator any longer."""
    options = {} if guard == "primary" else {"protected_users": [MEGAN if "new" in guard else ADELE]}
    there: list[User | Group] = [account(1, ADELE, administrator=True), account(2, ALEX, administrator=True)]
    people = [person(1, MEGAN), person(2, ALEX)]
    made = plan(
        people,
        there,
        administrators=[ADELE, ALEX],
        primary=ADELE if guard == "primary" else ALEX,
        global_administrators=[2],
        **ROLES,
        **options,
    )
    assert deeds(made) == [("user", "update", MEGAN)]
    disabled = [person(1, MEGAN, accountEnabled=False), person(2, ALEX)]
    made = plan(disabled, there, administrators=[ADELE, ALEX], primary=ADELE if guard == "primary" else ALEX, **options)
    assert deeds(made) == []


def test_the_last_administrator_stays_and_everybody_else_is_served() -> None:
    there: list[User | Group] = [account(1, ADELE, administrator=True), account(2, ALEX, first_name="Old")]
    for people in ([person(1, ADELE, accountEnabled=False), person(2, ALEX)], [person(2, ALEX)]):
        made = plan(people, there, administrators=[ADELE], **LEAVERS)
        assert deeds(made) == [("user", "update", ALEX)]
        assert "one of the last active administrators, and keeps the role" in reasons(made)[ADELE]


def test_whoever_is_excluded_or_protected_is_known_under_an_older_upn() -> None:
    people = [person(1, MEGAN), person(2, ALEX)]
    groups = {50: (a_group(50, "Sales"), [2])}
    there = [account(1, ADELE), account(2, ALEX), group_there(50, "Sales", ALEX)]
    for option in ("exclude_users", "protected_users"):
        made = plan(people, there, groups, administrators=[ALEX], chosen=[50], **LEAVERS, **{option: [MEGAN]})
        assert deeds(made) == []
    assert deeds(plan(people, there, groups, administrators=[ALEX], chosen=[50], **LEAVERS)) == [
        ("user", "delete", ADELE)
    ]


def test_an_administrator_on_the_deleted_users_list_stops_nobody() -> None:
    there: list[User | Group] = [account(1, ADELE, active=False), account(2, ALEX, administrator=True)]
    options = {**ROLES, "active_status_from": "workspace365"}
    made = plan(
        [person(1, ADELE), person(2, ALEX), person(3, MEGAN)],
        there,
        administrators=[ALEX],
        global_administrators=[1, 2],
        **options,
    )
    assert deeds(made) == [("user", "create", MEGAN)]
    assert "deleted-users list" in reasons(made)[ADELE]


def test_the_only_administrator_who_collides_stops_nobody() -> None:
    """Megan is new, and the account of an older Megan, who is not brought, is in the way."""
    there: list[User | Group] = [account(1, ADELE, administrator=True), account(9, MEGAN)]
    people = [person(1, ADELE), person(2, MEGAN), person(3, LEE), person(9, ALEX, surname=None)]
    made = plan(people, there, administrators=[ADELE], global_administrators=[2], **ROLES)
    assert deeds(made) == [("user", "create", LEE)]


def test_a_group_whose_people_all_wait_is_not_emptied() -> None:
    there = [account(1, ADELE), account(9, MEGAN), account(2, ALEX), group_there(50, "Sales", ALEX)]
    # New, so there is no account under another UPN.
    people = [person(3, MEGAN), person(9, LEE, surname=None), person(2, ALEX)]
    made = plan(people, there, {50: (a_group(50, "Sales"), [3])})
    assert "belongs to the account of somebody else" in reasons(made)[MEGAN]
    assert not [deed for deed in deeds(made) if deed[0] == "membership"]


def test_external_ids_have_no_case_when_they_are_of_entra() -> None:
    there: list[User | Group] = [account(1, ADELE, external_id=guid(1).upper())]
    made = plan([person(1, MEGAN), person(2, ADELE)], there)
    assert [(action.verb, action.subject and action.subject.upn, action.name) for action in made.actions] == [
        ("update", ADELE, MEGAN),
        ("create", None, ADELE),
    ]


def test_an_id_on_two_accounts_does_not_go_round_for_ever() -> None:
    there: list[User | Group] = [account(1, ADELE), account(1, ALEX, id="7"), account(2, MEGAN)]
    made = plan([person(1, MEGAN), person(2, ADELE), person(5, ALEX)], there)
    assert {ADELE, MEGAN, ALEX} & set(reasons(made))


def test_nobody_has_to_see_administrators_when_nobody_goes() -> None:
    made = plan([person(1, ADELE)], [], protected_users=[ADELE], **LEAVERS)
    assert deeds(made) == [("user", "create", ADELE)]
    with pytest.raises(GuardError, match="cannot show who is an administrator"):
        plan([person(1, ADELE)], [account(1, ADELE), account(2, ALEX)], **LEAVERS)


def test_a_group_is_found_by_an_id_in_capitals_and_counts_once() -> None:
    tenant = Tenant({}, {guid(50): a_group(50, "Sales")}, {}, {})
    assert groups_by_name(tenant, [guid(50).upper(), "sales"]) == (guid(50),)
    with pytest.raises(InputError, match="has no group"):
        groups_by_name(tenant, [guid(51)])


def test_a_group_without_a_name_is_called_by_its_id() -> None:
    made = plan([person(1, ADELE)], [], {50: (a_group(50, "  "), [1])})
    assert ("group", "create", guid(50)) in deeds(made)


# ---- names


@pytest.mark.parametrize(
    ("upn", "shown"),
    [
        ("adele\u200b@contoso.com", "U+200B (ZERO WIDTH SPACE), which cannot be seen,"),
        ("o\u2019brien@contoso.com", "U+2019 (RIGHT SINGLE QUOTATION MARK)"),
        ("\u202eadele@contoso.com", "U+202E"),
    ],
)
def test_somebody_whose_name_cannot_be_typed_is_left_out_and_nobody_else(upn: str, shown: str) -> None:
    people = [
        person(1, upn),
        person(2, ALEX),
        person(3, "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com", userType="Guest"),
    ]
    made = plan(people, [account(1, ADELE), account(9, LEE)], on_leave="delete", administrators=[MEGAN])
    assert deeds(made) == [
        ("user", "create", ALEX),
        ("user", "create", "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com"),
        ("user", "delete", LEE),
    ]
    (left,) = made.skipped
    assert (left.name, shown in left.reason) == (upn, True)
    # Whoever is disabled goes, whatever the name is.
    disabled = plan([person(1, upn, accountEnabled=False), person(2, ALEX)], [account(1, ADELE), account(2, ALEX)])
    assert [(action.verb, action.subject.upn) for action in disabled.actions] == [("delete", ADELE)]


def test_a_group_whose_name_cannot_be_seen_is_left_out_and_not_removed() -> None:
    groups = {
        21: (a_group(21, "Sales\u200b"), [1]),
        22: (a_group(22, "\u202eSales"), [1]),
        23: (a_group(23, "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"), [1]),
    }
    made = plan([person(1, ADELE)], [account(1, ADELE), group_there(21, "Sales", ADELE)], groups, on_leave="delete")
    assert [name for _kind, verb, name in deeds(made) if verb == "create"] == [groups[23][0]["displayName"]]
    assert not [verb for _kind, verb, _name in deeds(made) if verb == "delete"]
    assert [item.reason.partition(" (")[0] for item in made.skipped] == [
        "has the character U+200B",
        "has the character U+202E",
    ]


def test_of_two_accounts_of_one_name_the_external_id_decides() -> None:
    copy = account(9, ADELE.upper(), external_id=None)
    for there in ([account(1, ADELE), copy], [copy, account(1, ADELE)]):
        made = plan([person(1, ADELE, surname="Smith")], there)
        assert [(action.subject.id, action.changes) for action in made.actions] == [("1", {"last_name": "Smith"})]
    with pytest.raises(InputError, match=r"2 users .*\(id 9\).*\(id 8\)"):
        plan([person(1, ADELE)], [copy, copy._replace(id="8")])
    # An ambiguous name that the import does not concern is no reason to stop.
    assert deeds(plan([person(1, ALEX)], [copy, copy._replace(id="8")])) == [("user", "create", ALEX)]


def test_two_groups_of_one_name_on_the_server() -> None:
    groups = {21: (a_group(21, "Sales"), [1])}
    there = [account(1, ADELE), group_there(29, "SALES"), group_there(21, "Sales")]
    made = plan([person(1, ADELE)], there, groups)
    assert [(action.kind, action.subject.id) for action in made.actions] == [("membership", "g21")]
    with pytest.raises(InputError, match="2 groups have the name"):
        plan([person(1, ADELE)], [account(1, ADELE), group_there(29, "SALES"), group_there(28, "Sales")], groups)


def test_members_of_one_name_are_told_apart_by_id() -> None:
    ours, copy = account(2, ADELE), account(9, ADELE.upper(), external_id=None)
    people, groups = [person(1, ALEX), person(2, ADELE)], {21: (a_group(21, "Sales"), [1, 2])}
    made = plan(people, [account(1, ALEX), ours, copy, group_there(21, "Sales", ALEX, "id:9")], groups)
    (change,) = made.actions
    assert change.changes == {"add": ["id:2"], "remove": ["id:9"]}
    assert (
        deeds(plan(people, [account(1, ALEX), ours, copy, group_there(21, "Sales", ALEX, "id:2", "id:nested")], groups))
        == []
    )


def test_the_prediction_keeps_the_other_one_of_two() -> None:
    """Check mode must not show that both are gone when one of two of a name is deleted by id."""
    ours, copy = account(1, ADELE), account(9, ADELE.upper())
    groups = (group_there(21, "Sales"), group_there(29, "SALES"))
    current = Snapshot(users=(ours, copy), groups=groups)
    gone = Action(USER_DELETE_PERMANENTLY, ADELE, {}, None, subject=copy)
    group_gone = Action(GROUP_DELETE, "Sales", {}, None, subject=groups[1])
    after = predict(current, Plan(actions=(gone, group_gone)))
    assert (after.users, after.groups) == ((ours,), groups[:1])


# ---- groups that had people and have none now

HIDDEN = {"visibility": "HiddenMembership"}
SALES_THERE = [account(1, ADELE), account(2, ALEX), account(3, MEGAN)]


def _chosen_and_emptied(**more: Any) -> dict[str, Any]:
    """Two chosen groups; Adele is in the one, Alex and Megan were in the other."""
    return {
        "people": [person(1, ADELE), person(2, ALEX), person(3, MEGAN)],
        "groups": {50: (a_group(50, "Managers"), [1]), 51: (a_group(51, "Sales", **more), [])},
        "there": [*SALES_THERE, group_there(50, "Managers", ADELE), group_there(51, "Sales", ALEX, MEGAN)],
        "administrators": [ADELE],
        "chosen": [50, 51],
        **LEAVERS,
    }


@pytest.mark.parametrize("more", [{}, HIDDEN])
def test_the_people_of_a_chosen_group_that_is_empty_now_are_not_removed(more: dict[str, Any]) -> None:
    given = _chosen_and_emptied(**more)
    with pytest.raises(GuardError) as refusal:
        plan(**given)
    message = refusal.value.message
    assert "Group 'Sales' had 2 members" in message
    assert "when_group_empty=accept" in message
    assert "when_group_empty=skip" in message
    assert ("Member.Read.Hidden" in message) is bool(more)
    assert refusal.value.details["would_go"] == {"users": [ALEX, MEGAN], "groups": []}


@pytest.mark.parametrize("more", [{}, HIDDEN])
def test_the_people_of_an_emptied_group_are_spared(more: dict[str, Any]) -> None:
    made = plan(**_chosen_and_emptied(**more), when_group_empty="skip")
    assert deeds(made) == []
    assert "had 2 members" in reasons(made)["Sales"]
    assert [item.name for item in made.skipped] == ["Sales"]


def test_an_emptied_group_can_be_accepted() -> None:
    made = plan(**_chosen_and_emptied(), when_group_empty="accept")
    assert [deed for deed in deeds(made) if deed[0] == "user"] == [("user", "delete", ALEX), ("user", "delete", MEGAN)]


def test_hidden_members_are_never_accepted_as_none() -> None:
    """Without the permission, Microsoft Graph lists nobody in such a group: that proves nothing."""
    assert deeds(plan(**_chosen_and_emptied(**HIDDEN), when_group_empty="accept")) == []


def test_a_group_that_was_never_imported_is_known_from_the_last_run() -> None:
    given = {**_chosen_and_emptied(), "there": SALES_THERE, "include_groups": False, "former": {51: [2, 3]}}
    with pytest.raises(GuardError, match="Group 'Sales' had 2 members"):
        plan(**given)
    # Nobody knows that anybody was in it.
    assert [deed[2] for deed in deeds(plan(**{**given, "former": {}}))] == [ALEX, MEGAN]


def test_the_role_of_people_of_an_emptied_group_stays() -> None:
    given = {**_chosen_and_emptied(), "administrators": [ADELE, ALEX], "on_leave": "keep", **ROLES}
    with pytest.raises(GuardError, match="lose the administrator role"):
        plan(**given, global_administrators=[1])
    assert deeds(plan(**given, global_administrators=[1], when_group_empty="skip")) == []


def test_an_emptied_group_without_consequences_stops_nothing() -> None:
    """Somebody who leaves a group and stays in scope is everyday work, and so is an import that removes nobody."""
    kept = {**_chosen_and_emptied(), "on_leave": "keep"}
    assert deeds(plan(**kept)) == []
    elsewhere = _chosen_and_emptied()
    elsewhere["groups"][50] = (a_group(50, "Managers"), [1, 2, 3])
    assert [deed[:2] for deed in deeds(plan(**elsewhere))] == [("membership", "change")]
    gone = _chosen_and_emptied()
    gone["there"] = [account(1, ADELE), account(2, ALEX, active=False), group_there(51, "Sales", ALEX)]
    assert ("user", "delete", ALEX) not in deeds(plan(**gone))


@pytest.mark.parametrize("more", [{}, HIDDEN])
def test_an_imported_group_that_is_empty_now_is_not_deleted(more: dict[str, Any]) -> None:
    people = [person(1, ADELE), person(2, ALEX)]
    groups = {50: (a_group(50, "All"), [1, 2]), 51: (a_group(51, "Board", **more), [])}
    there = [
        *(account(1, ADELE), account(2, ALEX)),
        *(group_there(50, "All", ADELE, ALEX), group_there(51, "Board", ADELE)),
    ]
    given: dict[str, Any] = {"people": people, "there": there, "groups": groups, "administrators": [ADELE], **LEAVERS}
    if more:
        # It is skipped with its reason, and stays.
        assert deeds(plan(**given)) == []
        assert "Member.Read.Hidden" in reasons(plan(**given))["Board"]
        return
    with pytest.raises(GuardError, match="the group would be deleted"):
        plan(**given)
    assert deeds(plan(**given, when_group_empty="skip")) == []
    assert deeds(plan(**given, when_group_empty="accept")) == [("group", "delete", "Board")]


def test_a_hidden_group_inside_a_chosen_one_is_not_taken_for_empty() -> None:
    people = [person(1, ADELE), person(2, ALEX)]
    tenant = Tenant(
        {user["id"]: user for user in people},
        {guid(50): a_group(50, "Managers"), guid(51): a_group(51, "Board", **HIDDEN)},
        {guid(50): {guid(1)}, guid(51): set()},
        {guid(50): {guid(51)}},
    )
    assert tenant.hides_members(guid(50), flatten=True)
    assert not tenant.hides_members(guid(50), flatten=False)
    tenant.members[guid(51)] = {guid(2)}
    assert not tenant.hides_members(guid(50), flatten=True)


# ---- memberships


def _members(count: int) -> list[str]:
    return [f"user{number:03}@contoso.com" for number in range(count)]


@pytest.mark.parametrize(
    ("members", "leave", "limit", "refused"),
    [
        (40, 10, "25%", False),
        (40, 11, "25%", True),
        (44, 11, "25%", False),
        (45, 12, "25%", True),
        (12, 10, "25%", False),
        (12, 11, "25%", True),
        (40, 39, "100%", False),
        (40, 3, "2", True),
        (40, 2, "2", False),
        (40, 0, "0", False),
        (40, 1, "0", True),
        (40, 11, "0%", True),
    ],
)
def test_memberships_that_an_import_removes_are_limited(members: int, leave: int, limit: str, refused: bool) -> None:
    """They left the group in Microsoft Entra, and stay in the tenant."""
    upns = _members(members)
    people = [person(number, upn) for number, upn in enumerate(upns)]
    there = [*(account(number, upn) for number, upn in enumerate(upns)), group_there(900, "Sales", *upns)]
    groups = {900: (a_group(900, "Sales"), list(range(leave, members)))}

    def planned() -> Plan:
        return plan(people, there, groups, administrators=[upns[0]], membership_limit=limit)

    if not refused:
        assert len([action for action in planned().actions if action.kind == "membership"]) == (1 if leave else 0)
        return
    with pytest.raises(GuardError) as refusal:
        planned()
    assert f"Group 'Sales' would lose {leave} of {members} members: '{upns[0]}'" in refusal.value.message
    assert f"membership_limit is {limit}" in refusal.value.message
    assert refusal.value.details["would_go"] == {"memberships": [f"Sales: {upn}" for upn in upns[:leave]]}
