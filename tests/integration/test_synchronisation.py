# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""w365_o365_import as a synchronisation: a tenant that changes from day to day, and an environment that follows.

What has to be there is worked out here, from the tenant as the twin shows it, with none of the collection's code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pattern import ALLAN, NESTOR, PATTI, differences
from playing import Play, Step, Task, connection, task
from w365_simulator.seeding import generated
from w365_simulator.testing import Twin

Player = Callable[..., Play]
BY_HAND = (ALLAN, NESTOR, PATTI)
"""Users whom no import has brought."""

ALEX, BEN, BIANCA, GRADY = (
    f"{name}@contoso.com" for name in ("alex.wilber", "ben.walters", "bianca.pisani", "grady.archie")
)
SALES = "Sales and Marketing"
GUEST = "raul.razo_fabrikam.com#EXT#@contoso.onmicrosoft.com"


def change(twin: Twin, *operations: dict[str, Any]) -> Task:
    """A task that changes the tenant in the middle of a play."""
    arguments = {
        "url": f"{twin.url}/_simulator/tenant",
        "method": "PATCH",
        "body_format": "json",
        "body": {"operations": list(operations)},
        "ca_path": twin.ca_path,
        "use_proxy": False,
    }
    return {**task("ansible.builtin.uri", title="change the tenant", **arguments), "ignore_errors": False}


def strike(twin: Twin, **rule: Any) -> Task:
    """A task that adds a fault in the middle of a play."""
    arguments = {
        "url": f"{twin.url}/_simulator/faults",
        "method": "POST",
        "body_format": "json",
        "body": rule,
        "status_code": [200, 201, 204],
        "ca_path": twin.ca_path,
        "use_proxy": False,
    }
    return {**task("ansible.builtin.uri", title="strike", **arguments), "ignore_errors": False}


def mend(twin: Twin) -> Task:
    """A task that takes every fault away."""
    found = strike(twin)
    found["ansible.builtin.uri"] |= {"method": "DELETE"}
    return {**found, "name": "mend"}


def the_tenant(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(step.state["tenants"].values()))
    return found


def importable(user: dict[str, Any]) -> bool:
    return bool(user["given_name"] and user["surname"] and user["account_enabled"])


def expected(step: Step, group: str) -> tuple[dict[str, Any], list[str]]:
    """Who of a group has to be active in Workspace 365, by object id, and the members of the group there."""
    tenant = the_tenant(step)
    people = {upn: tenant["users"][upn] for upn in tenant["groups"][group]["members"] if upn in tenant["users"]}
    wanted = {
        user["id"]: {
            "upn": upn,
            "first_name": user["given_name"],
            "last_name": user["surname"],
            "email": user["mail"] or upn,
        }
        for upn, user in people.items()
        if importable(user)
    }
    return wanted, sorted(person["upn"] for person in wanted.values())


def there(step: Step) -> dict[str, Any]:
    """The active users whom an import has brought, by object id."""
    names = ("upn", "first_name", "last_name", "email")
    return {
        user["external_id"]: {"upn": upn, **{name: user[name] for name in names[1:]}}
        for upn, user in step.environment()["users"].items()
        if user["external_id"] and user["active"]
    }


def in_step(step: Step, group: str, about: str) -> None:
    """The environment is exactly what the tenant wants of it, and nobody else was touched."""
    assert step.status == "ok", f"{about}: {step.message}"
    wanted, members = expected(step, group)
    wrong = list(differences(there(step), wanted, "users"))
    assert not wrong, f"{about}\n" + "\n".join(wrong)
    contoso = step.environment()
    assert sorted(contoso["groups"][group]["members"]) == members, about
    assert {upn: contoso["users"][upn]["active"] for upn in BY_HAND} == {ALLAN: True, NESTOR: True, PATTI: False}, about


def sync(state: Path | None, **more: Any) -> Task:
    wish: dict[str, Any] = {"groups": [SALES], "on_leave": "delete", "delete_limit": "3", **more}
    return task("w365_o365_import", **wish, **({"state_file": str(state)} if state else {}))


def graph_requests(step: Step) -> int:
    return sum(request["surface"] == "graph" for request in step.requests)


@pytest.mark.slow
@pytest.mark.parametrize(
    "remembering",
    [pytest.param(True, id="with a state"), pytest.param(False, id="without", marks=pytest.mark.slow)],
)
def test_a_month(twin: Twin, play: Player, tmp_path: Path, remembering: bool) -> None:
    """Every day something else happens in Microsoft Entra, and every evening the environment is in step with it."""
    state = tmp_path / "state.json" if remembering else None
    user = {"op": "change_user"}
    married = "bianca.wilber@contoso.com"
    new = {"givenName": "Sonia", "surname": "Rees", "accountEnabled": True}
    days: list[tuple[str, tuple[Task, ...]]] = [
        ("the first run", ()),
        ("nothing happens", ()),
        ("a joiner", (change(twin, {"op": "add_user", "set": {"userPrincipalName": "sonia.rees@contoso.com", **new}},
                             {"op": "add_members", "group": SALES, "members": ["sonia.rees@contoso.com"]}),)),
        ("a leaver", (change(twin, {"op": "remove_members", "group": SALES, "members": [BEN]}),)),
        ("the leaver comes back", (change(twin, {"op": "add_members", "group": SALES, "members": [BEN]}),)),
        ("a new name", (change(twin, {**user, "user": BIANCA, "set": {"userPrincipalName": married, "surname": "Wilber"}}),)),
        ("a UPN that passes to somebody new", (change(
            twin, {"op": "add_user", "set": {"userPrincipalName": BIANCA, "givenName": "Bianca", "surname": "Pisani", "accountEnabled": True}},
            {"op": "change_user", "user": ALEX, "set": {"userPrincipalName": "alex.gu@contoso.com"}},
            {"op": "add_user", "set": {"userPrincipalName": ALEX, "givenName": "Alex", "surname": "Wilber", "accountEnabled": True}},
            {"op": "add_members", "group": SALES, "members": [BIANCA, ALEX]}),)),
        ("a disabled account", (change(twin, {**user, "user": GRADY, "set": {"accountEnabled": False}}),)),
        ("enabled again", (change(twin, {**user, "user": GRADY, "set": {"accountEnabled": True}}),)),
        ("a throttled night", (strike(twin, surface="graph", action="status", status=429, retry_after=1, times=2),)),
        ("a deleted user", (change(twin, {"op": "delete_user", "user": ALEX}),)),
        ("a restored user", (change(twin, {"op": "restore_user", "user": ALEX}),)),
        ("a guest leaves", (change(twin, {"op": "remove_members", "group": SALES, "members": [GUEST]}),)),
        ("Graph has forgotten", (strike(twin, surface="graph", action="expired_delta", path="/users/delta", times=1),)
         if remembering else ()),
        ("a group deleted and made again under its name", (
            change(twin, {"op": "delete_group", "group": SALES}, {"op": "purge_group", "group": SALES},
                   {"op": "add_group", "set": {"displayName": SALES, "securityEnabled": True}, "members": [ALEX, "alex.gu@contoso.com", BEN, BIANCA, GRADY, married]}),)),
        ("an empty answer", (strike(twin, surface="graph", action="empty", times=-1),)),
        ("nothing happens again", (mend(twin),)),
        ("UPNs that pass on from one to the next", (change(
            twin, *({**user, "user": old, "set": {"userPrincipalName": new_upn}}
                    for old, new_upn in ((GRADY, "grady.wilber@contoso.com"), (BEN, GRADY), (BIANCA, BEN)))),)),
    ]  # fmt: skip
    tasks = [each for _about, before in days for each in (*before, sync(state))]
    played = play(*tasks, defaults=connection(twin, scim=True))
    evenings = [step for step in played if step.name == "w365_o365_import"]
    assert len(evenings) == len(days), played.output[-3000:]
    for (about, _before), step in zip(days, evenings, strict=True):
        if about == "an empty answer" and not remembering:
            assert step.status == "failed", "an empty tenant is not believed"
            assert step.writes == []
        else:
            in_step(step, SALES, about)
    quiet = [about for (about, _before), step in zip(days, evenings, strict=True) if not step.result.get("changed")]
    assert [about for about in quiet if "nothing" in about] == ["nothing happens", "nothing happens again"]
    days_by_name = {about: number for number, (about, _before) in enumerate(days)}
    for about, old, renamed in (
        ("a new name", BIANCA, married),
        ("a UPN that passes to somebody new", ALEX, "alex.gu@contoso.com"),
        ("UPNs that pass on from one to the next", GRADY, "grady.wilber@contoso.com"),
        ("UPNs that pass on from one to the next", BEN, GRADY),
        ("UPNs that pass on from one to the next", BIANCA, BEN),
    ):
        day = days_by_name[about]
        was, is_now = (evenings[number].environment()["users"] for number in (day - 1, day))
        assert was[old]["id"] == is_now[renamed]["id"], f"{about}: a rename is no second account"
    assert BIANCA not in evenings[days_by_name["a new name"]].environment()["users"]
    users = evenings[days_by_name["nothing happens again"]].environment()["users"]
    assert users[married]["external_id"] != users[BIANCA]["external_id"], "the new Bianca has an account of her own"
    if state:
        assert state.stat().st_mode & 0o777 == 0o600
        full = [about for (about, _before), step in zip(days, evenings, strict=True) if step.result["full_run"]]
        assert full == ["the first run", "Graph has forgotten"]
        assert graph_requests(evenings[1]) == 2


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("remembering", [True, False], ids=["with a state", "without"])
def test_a_day_with_an_empty_answer_takes_nobody_away(
    twin: Twin, play: Player, tmp_path: Path, remembering: bool
) -> None:
    state = tmp_path / "state.json" if remembering else None
    empty = {"surface": "graph", "action": "empty", "times": -1}
    first, refused, quiet = (
        step
        for step in play(
            sync(state),
            strike(twin, **empty),
            # A full run, which is when an empty answer could do harm.
            sync(state, full_every=0),
            mend(twin),
            sync(state),
            defaults=connection(twin, scim=True),
        )
        if step.name == "w365_o365_import"
    )
    in_step(first, SALES, "the first run")
    assert refused.status == "failed"
    assert refused.writes == []
    in_step(quiet, SALES, "the day after")
    assert not quiet.changed


@pytest.mark.slow
def test_the_groups_of_the_people_are_read_in_batches(twin: Twin, play: Player) -> None:
    """Throttled items of a batch are asked for again by themselves."""
    fault = strike(twin, surface="graph", batch=True, action="status", status=429, retry_after=1, times=3)
    before, after = (
        step
        for step in play(
            task("w365_o365_import_info", domains=["emea.contoso.com"]),
            fault,
            task("w365_o365_import_info", domains=["emea.contoso.com"]),
            defaults=connection(twin),
        )
        if step.name == "w365_o365_import_info"
    )
    same = ("users", "groups", "left_out")
    assert [after.result[name] for name in same] == [before.result[name] for name in same]
    assert before.result["groups"]
    batches = [sum(request["path"].endswith("/$batch") for request in step.requests) for step in (before, after)]
    assert batches == [1, 2]
    assert twin.faults()[0]["hits"] == 3


def test_more_leavers_than_the_limit(twin: Twin, play: Player) -> None:
    """The whole group but one leaves: refused, nothing written, everybody named; a higher limit lets them go."""
    members = the_members(twin, SALES)
    leavers = [upn for upn in members if upn != ALEX]
    first, refused, go = (
        step
        for step in play(
            sync(None),
            change(twin, {"op": "remove_members", "group": SALES, "members": leavers}),
            sync(None, delete_limit="10%"),
            sync(None, delete_limit="100%"),
            defaults=connection(twin, scim=True),
        )
        if step.name == "w365_o365_import"
    )
    in_step(first, SALES, "the first run")
    assert refused.status == "failed"
    assert "delete_limit is 10%" in refused.message
    assert refused.writes == []
    assert len(refused.result["would_go"]["users"]) == len(there(first)) - 1
    in_step(go, SALES, "with a higher limit")


def the_members(twin: Twin, group: str) -> list[str]:
    tenant = next(iter(twin.state()["tenants"].values()))
    return [upn for upn in tenant["groups"][group]["members"] if isinstance(upn, str)]


def test_an_empty_tenant_is_not_believed_however_much_may_go(twin: Twin, play: Player) -> None:
    wish = {"groups": None, "everything": True, "include_groups": False, "delete_limit": "100%"}
    first, refused = (
        step
        for step in play(
            sync(None, **wish),
            strike(twin, surface="graph", action="empty", path="/users", times=-1),
            sync(None, **wish),
            defaults=connection(twin, scim=True),
        )
        if step.name == "w365_o365_import"
    )
    assert first.status == "ok", first.message
    assert "contain no users" in refused.message
    assert refused.writes == []


def test_leavers_stay_unless_it_is_asked_for(twin: Twin, play: Player) -> None:
    """And who is protected, excluded or without a last name stays all the same."""
    nameless = {"op": "change_user", "user": GRADY, "set": {"surname": None}}
    played = play(
        sync(None, on_leave="keep"),
        change(twin, {"op": "remove_members", "group": SALES, "members": [BEN]}, nameless),
        sync(None, on_leave="keep"),
        sync(None, protected_users=[BEN]),
        sync(None, exclude_users=[BEN]),
        sync(None),
        defaults=connection(twin, scim=True),
    )
    evenings = [step for step in played if step.name == "w365_o365_import"]
    assert [step.message for step in evenings if step.status != "ok"] == []
    assert [step.environment()["users"][BEN]["active"] for step in evenings] == [True, True, True, True, False]
    assert [step.environment()["users"][GRADY]["active"] for step in evenings] == [True] * 5
    told = [item["name"] for item in evenings[2].result["left_out"] if "protected_users" in item["reason"]]
    assert told == [BEN]


@pytest.mark.slow
def test_a_upn_that_is_not_free_keeps_two_people_waiting_and_nobody_else(twin: Twin, play: Player) -> None:
    """Ben has left and his account is kept; Grady has his UPN now. Alex and Bianca have exchanged theirs. Sonia is new."""

    def rename(old: str, new: str) -> dict[str, Any]:
        return {"op": "change_user", "user": old, "set": {"userPrincipalName": new}}

    sonia, elsewhere = "sonia.rees@contoso.com", "somewhere.else@contoso.com"
    joins = {"userPrincipalName": sonia, "givenName": "Sonia", "surname": "Rees", "accountEnabled": True}
    played = play(
        sync(None),
        change(
            twin,
            *({"op": "remove_members", "group": SALES, "members": [BEN]}, rename(BEN, "ben.rees@contoso.com")),
            *(rename(GRADY, BEN), rename(ALEX, elsewhere), rename(BIANCA, ALEX), rename(elsewhere, BIANCA)),
            {"op": "add_user", "set": joins},
            {"op": "add_members", "group": SALES, "members": [sonia]},
        ),
        sync(None, on_leave="keep"),
        # Without groups nothing but the users' own list names anybody.
        sync(None, include_groups=False),
        sync(None),
        defaults=connection(twin, scim=True),
    )
    evenings = [step for step in played if step.name == "w365_o365_import"]
    assert [step.message for step in evenings if step.status != "ok"] == []
    accounts = [
        {upn: (user["id"], user["external_id"], user["active"]) for upn, user in step.environment()["users"].items()}
        for step in evenings
    ]
    new = {upn: account for upn, account in accounts[1].items() if upn not in accounts[0]}
    assert list(new) == [sonia]
    assert accounts[1] == {**accounts[0], **new}, "an account became somebody else's"
    ben = {BEN: (*accounts[0][BEN][:2], False)}
    assert accounts[2] == {**accounts[1], **ben}, "somebody who only waits went, or Ben did not"
    told = {
        item["name"]: item["reason"] for item in evenings[1].result["left_out"] if item["name"] in (ALEX, BEN, BIANCA)
    }
    assert "belongs to the account of somebody else" in told[BEN]
    assert "has exchanged the name" in told[ALEX]
    assert "has exchanged the name" in told[BIANCA]
    members = [set(step.environment()["groups"][SALES]["members"]) for step in evenings]
    assert members[1] == members[0] - {BEN} | {sonia}, "in their groups they are under the UPNs that they have"
    assert [step.changed for step in evenings] == [True, True, True, False]


def test_a_upn_that_passed_to_somebody_new_gives_nobody_another_s_account(twin: Twin, play: Player) -> None:
    """Ben has a new UPN and is no longer in scope, so only asking for him tells that he is still there. Grady was deleted."""
    ben, grady = (
        {"userPrincipalName": upn, "givenName": "New", "surname": "Person", "accountEnabled": True}
        for upn in (BEN, GRADY)
    )
    played = play(
        sync(None),
        change(
            twin,
            {"op": "remove_members", "group": SALES, "members": [BEN]},
            {"op": "change_user", "user": BEN, "set": {"userPrincipalName": "ben.rees@contoso.com"}},
            {"op": "delete_user", "user": GRADY},
            *({"op": "add_user", "set": user} for user in (ben, grady)),
            {"op": "add_members", "group": SALES, "members": [BEN, GRADY]},
        ),
        sync(None, on_leave="keep"),
        sync(None, on_leave="keep"),
        defaults=connection(twin, scim=True),
    )
    before, after, again = (step for step in played if step.name == "w365_o365_import")
    was, is_now = before.environment()["users"], after.environment()["users"]
    assert is_now[BEN] == was[BEN], "the new Ben got the account of the old one"
    assert [
        item["name"] for item in after.result["left_out"] if "belongs to the account of somebody else" in item["reason"]
    ] == [BEN]
    assert is_now[GRADY]["id"] == was[GRADY]["id"]
    assert is_now[GRADY]["external_id"] != was[GRADY]["external_id"], (
        "an account made again in Entra is the same person"
    )
    asked = [
        request
        for request in after.requests
        if request["path"].endswith("/users") and "$filter" in str(request["query"])
    ]
    assert len(asked) == 1
    assert not again.changed


@pytest.mark.slow
def test_a_group_that_is_left_out_stays_as_it_is(twin: Twin, play: Player) -> None:
    """Nobody is left in Retail whom the import could bring."""
    retail = {"op": "add_group", "set": {"displayName": "Retail", "securityEnabled": True}, "members": [BEN, GRADY]}
    wish = {"groups": [SALES, "Retail"]}
    played = play(
        change(twin, retail),
        sync(None, **wish),
        change(twin, {"op": "remove_members", "group": "Retail", "members": [BEN, GRADY]}),
        sync(None, **wish),
        sync(None),
        defaults=connection(twin, scim=True),
    )
    first, emptied, dropped = (step for step in played if step.name == "w365_o365_import")
    was = first.environment()["groups"]["Retail"]
    assert sorted(was["members"]) == [BEN, GRADY]
    assert emptied.environment()["groups"]["Retail"] == was
    assert [item["name"] for item in emptied.result["left_out"] if "left unchanged" in item["reason"]] == ["Retail"]
    # Taken out of the list it has left the scope.
    assert "Retail" not in dropped.environment()["groups"]


def test_whose_word_counts(twin: Twin, play: Player) -> None:
    """Roles and status from Entra, or left alone."""
    disable = {"op": "change_user", "user": GRADY, "set": {"accountEnabled": False}}
    played = play(
        sync(None),
        change(twin, disable, {"op": "grant_administrator", "user": ALEX}, {"op": "grant_administrator", "user": BEN}),
        sync(None, active_status_from="workspace365"),
        sync(None, administrators_from="entra"),
        change(twin, {"op": "revoke_administrator", "user": BEN}),
        sync(None, administrators_from="entra"),
        sync(None, administrators_from="entra"),
        defaults=connection(twin, scim=True),
    )
    _first, left, given, taken, quiet = (step for step in played if step.name == "w365_o365_import")
    for step, active, administrators in (
        (left, True, [ALLAN]),
        (given, False, [ALEX, ALLAN, BEN]),
        (taken, False, [ALEX, ALLAN]),
        (quiet, False, [ALEX, ALLAN]),
    ):
        assert step.status == "ok", step.message
        users = step.environment()["users"]
        assert users[GRADY]["active"] is active
        assert sorted(upn for upn, user in users.items() if user["administrator"]) == administrators
    assert not quiet.changed


def test_nested_groups_attributes_and_names_of_groups(twin: Twin, play: Player) -> None:
    wish = {"groups": ["Regional Offices"], "attribute_map": {"last_name": "displayName"}}
    skipped, flat, named, wrong = play(
        task("w365_o365_import", **wish),
        task("w365_o365_import", **wish, nested_groups="flatten"),
        task(
            "w365_o365_import", domains=["emea.contoso.com"], group_names=["emea*"], attribute_map=wish["attribute_map"]
        ),
        task("w365_o365_import", **{**wish, "attribute_map": {"last_name": "aboutMe"}}),
        defaults=connection(twin, scim=True),
    )
    office = set(the_members(twin, "EMEA Office"))
    assert office.isdisjoint(skipped.environment()["users"])
    assert any("nested in group 'Regional Offices'" in item["reason"] for item in skipped.result["left_out"])
    assert office & set(flat.environment()["users"])
    assert office & set(flat.environment()["groups"]["Regional Offices"]["members"])
    debra = flat.environment()["users"]["debra.berger@contoso.com"]
    assert debra["last_name"] == "Debra Berger"
    assert sorted(named.environment()["groups"]) == ["EMEA Office", "Regional Offices"]
    assert "takes last_name from 'aboutMe'" in wrong.message
    assert wrong.requests == []


def test_check_mode_remembers_nothing_and_a_broken_state_is_told(twin: Twin, play: Player, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    check, do = play(
        {**sync(state), "check_mode": True},
        sync(state),
        defaults=connection(twin, scim=True),
    )
    assert [{**entry, "outcome": "done"} for entry in check.result["results"]] == do.result["results"]
    kept = json.loads(state.read_text(encoding="utf-8"))
    assert twin.client_secret
    assert twin.client_secret not in state.read_text(encoding="utf-8")
    assert twin.scim_token not in state.read_text(encoding="utf-8")
    assert len(kept["users"]) == len(the_tenant(do)["users"])
    state.write_text("{", encoding="utf-8")
    broken, homeless, unsure = play(
        sync(state),
        sync(tmp_path / "none" / "state.json"),
        {"name": "w365_o365_import", "ignore_errors": True, **provisioning_sync()},
        defaults=connection(twin, scim=True),
    )
    assert broken.result["full_run"]
    assert "the state is damaged, or not one that this collection has written" in broken.result["full_run_reason"]
    assert any("Nobody was taken for somebody who has left" in warning for warning in broken.result["warnings"])
    assert not broken.changed, "a full run finds what the last one has written"
    assert json.loads(state.read_text(encoding="utf-8"))["users"], "the file is whole again"
    assert "does not exist. Create it first" in homeless.message
    assert "Give scim_url and scim_token, or leave out on_leave" in unsure.message
    assert [step.writes for step in (broken, homeless, unsure)] == [[], [], []]


def provisioning_sync() -> Task:
    return {"workspace365.provisioning.w365_o365_import": {"groups": [SALES], "on_leave": "delete", "scim_url": ""}}


@pytest.mark.slow
def test_each_refusal_of_entra_has_its_own_sentence(twin: Twin, play: Player) -> None:
    """With Entra's real codes; a missing permission is named. Nothing is written."""
    application = {"op": "change_application", "client_id": twin.client_id}
    told: tuple[tuple[dict[str, Any], tuple[dict[str, Any], ...], tuple[str, ...]], ...] = (
        ({"entra_client_secret": "a-wrong-secret"}, (), ("AADSTS7000215", "Use the secret's value, not its id")),
        ({}, ({"secretExpired": True},), ("AADSTS7000222", "The client secret has expired")),
        ({"entra_client_id": "00000000-0000-4000-8000-00000000ffff"}, ({"secretExpired": False},), ("AADSTS700016", "not found in this tenant")),
        ({"entra_tenant": "fabrikam.onmicrosoft.com"}, (), ("fabrikam.onmicrosoft.com", "The tenant was not found")),
        ({}, ({"adminConsent": False},), ("AADSTS65001", "grant admin consent")),
        ({}, ({"adminConsent": True, "permissions": ["User.Read.All"]},), ("Authorization_RequestDenied", "GroupMember.Read.All")),
        ({"administrators_from": "entra"}, ({"permissions": ["User.Read.All", "GroupMember.Read.All"]},), ("RoleManagement.Read.Directory", "admin consent")),
    )  # fmt: skip
    tasks: list[Task] = []
    for options, changes, _said in told:
        tasks += [change(twin, *({**application, "set": values} for values in changes))] if changes else []
        tasks.append(sync(None, **options))
    played = [step for step in play(*tasks, defaults=connection(twin, scim=True)) if step.name == "w365_o365_import"]
    for (options, changes, said), step in zip(told, played, strict=True):
        assert step.status == "failed", f"{options} {changes}"
        assert [part for part in said if part not in step.message] == [], step.message
        assert step.writes == []


@pytest.mark.timeout(420)
@pytest.mark.slow
@pytest.mark.parametrize("size", [2_000, 50_000])
def test_a_large_tenant(twin: Twin, play: Player, tmp_path: Path, size: int) -> None:
    """It comes in once; afterwards ten changes cost a handful of requests to Graph, and ten writes."""
    seed = generated(f"generated:{size}")
    (made,) = seed["tenants"]
    # Half of the people are in one.
    teams = size // 100
    made["groups"] = made["groups"][:teams]
    made["applications"][0] |= {"client_id": twin.client_id, "client_secret": twin.client_secret}
    twin.reset(seed, "full")
    twin.switches(scim_bulk=True)
    people = [user["user_principal_name"] for user in made["users"]]
    operations = [
        *({"op": "change_user", "user": upn, "set": {"surname": "Wilber"}} for upn in people[100:104]),
        *({"op": "change_user", "user": upn, "set": {"accountEnabled": False}} for upn in people[200:203]),
        {"op": "remove_members", "group": "Team 00010", "members": [people[500]]},
        {"op": "add_members", "group": "Team 00011", "members": [people[500]]},
        {"op": "delete_user", "user": people[-1]},
    ]
    wish = {
        "everything": True,
        "on_leave": "delete",
        "state_file": str(tmp_path / "state.json"),
        "concurrency": 8,
        "protected_users": ["admin@contoso.com"],
    }
    first, _changed, second, third = play(
        task("w365_o365_import", **wish),
        change(twin, *operations),
        task("w365_o365_import", **wish),
        task("w365_o365_import", **wish),
        defaults=connection(twin, scim=True),
        limit=400,
    )
    assert first.status == "ok", first.message
    # The three who are disabled leave their group too.
    assert first.result["summary"]["user_create"] == size
    assert first.result["summary"]["group_create"] == teams
    assert second.result["summary"] == {
        "user_update": 4, "user_delete": 4, "membership_change": 3, "unchanged": second.result["summary"]["unchanged"], "left_out": 3,
    }  # fmt: skip
    assert [step.result["full_run"] for step in (first, second, third)] == [True, False, False]
    assert graph_requests(second) < 20
    assert graph_requests(third) < 5
    assert third.changed is False
    users = second.environment()["users"]
    assert sum(user["active"] for user in users.values()) == size + 1 - 4
    assert users[people[100]]["last_name"] == "Wilber"
    groups = second.environment()["groups"]
    assert people[500] not in groups["Team 00010"]["members"]
    assert people[500] in groups["Team 00011"]["members"]
