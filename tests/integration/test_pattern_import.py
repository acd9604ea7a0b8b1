# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type, dict-item, func-returns-value"

"""w365_o365_import and w365_o365_import_info: who comes, who is left out and why, and that the second run is quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pattern import NO_GROUPS, Stage, State, changed, new_group, new_user, same, walk
from playing import Play, connection, task
from w365_simulator.testing import Twin

GUEST = "raul.razo_fabrikam.com#EXT#@contoso.onmicrosoft.com"
SALES = "Sales and Marketing"
SALESPEOPLE = ["alex.wilber", "ben.walters", "bianca.pisani", "christie.cline", "grady.archie", "isaiah.langer"]
EMEA = ["emily.braun", "enrico.cattaneo", "gerhart.moller", "henrietta.mueller", "lidia.holloway", "mallory.cortez"]

NO_LAST_NAME = {
    "kind": "user",
    "name": "delia@contoso.com",
    "reason": "has no last name in Microsoft Entra; Workspace 365 needs both",
}
STAYS_ACTIVE = {
    "kind": "user",
    "name": "brian.johnson@contoso.com",
    "reason": "is disabled in Microsoft Entra; it was not deactivated, because the Provisioning API alone cannot tell whose "
    "account it is: give scim_url and scim_token, or deactivate it by name",
}
DISABLED = {"kind": "user", "name": "brian.johnson@contoso.com", "reason": "is disabled in Microsoft Entra"}
NO_GUESTS = {"kind": "user", "name": GUEST, "reason": "is a guest, and include_guests is false"}
EXCLUDED = {
    "kind": "user",
    "name": "ben.walters@contoso.com",
    "reason": "is excluded by exclude_users; it stays in its groups",
}
DISTRIBUTION_LIST = {
    "kind": "group",
    "name": "Marketing News",
    "reason": "is a distribution list; only Microsoft 365 groups and security groups can be imported",
}
MAIL_ENABLED = {
    "kind": "group",
    "name": "Invoice Approvals",
    "reason": "is a mail-enabled security group; only Microsoft 365 groups and security groups can be imported",
}
NESTED = {
    "kind": "group",
    "name": "EMEA Office",
    "reason": "is nested in group 'Regional Offices'; nested groups cannot be imported (nested_groups=flatten imports the users in it)",
}


def tenant(twin: Twin) -> State:
    found: State = next(iter(twin.state()["tenants"].values()))
    return found


def imported(twin: Twin, names: list[str], domain: str = "contoso.com", **more: Any) -> State:
    """These people as the import makes them over SCIM: with the address and the id that they have in Entra."""
    people = tenant(twin)["users"]
    upns = [name if "@" in name else f"{name}@{domain}" for name in names]
    return {
        upn: new_user(
            upn,
            people[upn]["given_name"],
            people[upn]["surname"],
            email=people[upn]["mail"],
            external_id=people[upn]["id"],
            origin="scim",
            **more,
        )
        for upn in upns
    }


@pytest.mark.parametrize("profile", ["documented", pytest.param("full", marks=pytest.mark.slow)])
def test_groups_and_domains_over_scim(profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    sales = imported(twin, [*SALESPEOPLE, GUEST])
    emea = imported(twin, EMEA, "emea.contoso.com")
    group = new_group(*sales, external_id=tenant(twin)["groups"][SALES]["id"], origin="scim")
    everything_left_out = [DISTRIBUTION_LIST, DISABLED, NO_LAST_NAME]

    def bring(contoso: State) -> None:
        contoso["users"].update({**sales, **emea})
        contoso["groups"][SALES] = group

    wish = {"groups": [SALES, "Marketing News"], "domains": ["@EMEA.contoso.com"]}
    walk(
        play,
        twin,
        "w365_o365_import",
        [
            Stage(wish, bring, returns={"left_out": everything_left_out}),
            # Who is excluded now stays as he is, in his groups too. A guest who is out of scope stays as well ...
            Stage(
                {"groups": [SALES], "include_guests": False, "exclude_users": ["Ben.Walters@contoso.com"]},
                # ... but leaves the group, which has the members that are in scope.
                lambda contoso: changed(
                    contoso["groups"],
                    SALES,
                    members=[upn for upn in sales if upn != GUEST],
                ),
                returns={"left_out": [EXCLUDED, DISABLED, NO_LAST_NAME, NO_GUESTS]},
            ),
            Stage(
                {"groups": ["Invoice Approvals"], "domains": ["emea.contoso.com"]},
                returns={"left_out": [MAIL_ENABLED]},
            ),
        ],
        scim=True,
        profile=profile,
    )


def test_inactive_people_stay_inactive(twin: Twin, play: Callable[..., Play]) -> None:
    """Whoever starts inactive is activated by an administrator: the second run neither undoes nor anticipates that."""
    emea = imported(twin, EMEA, "emea.contoso.com", active=False)
    wish = {"domains": ["emea.contoso.com"], "default_status": "inactive", "include_groups": False}
    walk(
        play,
        twin,
        "w365_o365_import",
        [
            Stage(wish, lambda contoso: contoso["users"].update(emea)),
            # Wanted active after all: then the import takes them back.
            Stage(
                {"domains": ["emea.contoso.com"], "include_groups": False},
                lambda contoso: [changed(contoso["users"], upn, active=True) for upn in emea],
            ),
            Stage(wish),
        ],
        scim=True,
    )


def test_what_both_must_say(twin: Twin, play: Callable[..., Play]) -> None:
    """scope_match all: in a chosen group and in a chosen domain. Nested groups are left out, groups may be left at home."""
    walk(
        play,
        twin,
        "w365_o365_import",
        [
            Stage(
                {
                    "groups": [SALES, "Regional Offices"],
                    "domains": ["contoso.onmicrosoft.com"],
                    "scope_match": "all",
                    "include_groups": False,
                },
                lambda contoso: contoso["users"].update(imported(twin, [GUEST])),
                returns={"left_out": [NESTED]},
            ),
            Stage(
                {"groups": ["EMEA Office"], "domains": ["contoso.com"], "scope_match": "all"},
                refused=("The selected groups and domains contain no users. Nothing was changed",),
            ),
        ],
        scim=True,
        profile="documented",
    )


def test_over_the_provisioning_api(twin: Twin, play: Callable[..., Play]) -> None:
    """There a user's address is the UPN and nobody has an external id; groups carry their description instead."""
    people = {
        upn: new_user(upn, user["first_name"], user["last_name"])
        for upn, user in imported(twin, [*SALESPEOPLE, GUEST]).items()
    }

    def bring(contoso: State) -> None:
        contoso["users"].update(people)
        contoso["groups"][SALES] = new_group(*people, description="Everybody who sells and advertises")

    walk(
        play,
        twin,
        "w365_o365_import",
        [Stage({"groups": [SALES]}, bring, returns={"left_out": [STAYS_ACTIVE, NO_LAST_NAME]})],
    )


@pytest.mark.slow
def test_over_the_documented_endpoints(twin: Twin, play: Callable[..., Play]) -> None:
    """Users can come; groups cannot, and that is said before anybody has."""
    walk(play, twin, "w365_o365_import", [Stage({"groups": [SALES]}, refused=NO_GROUPS)], profile="documented")
    wish = {"groups": [SALES], "include_groups": False}
    steps = play(
        *(task("w365_o365_import", check=check, **wish) for check in (True, False, True, False)),
        defaults=connection(twin),
    ).steps
    same([step.changed for step in steps], [True, True, False, False], steps[1].message)
    same([bool(step.writes) for step in steps], [False, True, False, False], steps[1].message)
    same([step.result["compared"] for step in steps], [True, True, False, False], steps[1].message)
    planned = [{**entry, "outcome": "planned"} for entry in steps[1].result["results"]]
    same(steps[0].result["results"], planned, "prediction")
    wanted = sorted([*(f"{name}@contoso.com" for name in SALESPEOPLE), GUEST])
    same(sorted(set(steps[3].environment()["users"]) - set(twin_users())), wanted, "who came")
    assert steps[3].warnings.count("could not be compared") == len(wanted)


def twin_users() -> list[str]:
    return ["allan.deyoung@contoso.com", "nestor.wilke@contoso.com", "patti.fernandez@contoso.com"]


def test_what_could_be_imported(twin: Twin, play: Callable[..., Play]) -> None:
    """The info module touches nothing but Graph, needs no key of Workspace 365, and reads over small pages."""
    twin.switches(page_size=3)
    only_entra = {
        name: value
        for name, value in connection(twin).items()
        if name.startswith("entra_") or name in ("ca_path", "graph_url")
    }
    everybody, sales, regional, everybody_check = play(
        task("w365_o365_import_info", everything=True),
        task("w365_o365_import_info", groups=[SALES], include_guests=False),
        task("w365_o365_import_info", groups=["00000000-0000-4000-8002-000000000004"]),
        task("w365_o365_import_info", check=True, everything=True),
        defaults=only_entra,
    ).steps
    for step in (everybody, sales, regional, everybody_check):
        same((step.changed, step.writes), (False, []), step.message)
        same({request["surface"] for request in step.requests}, {"entra", "graph"}, step.name)
    people = {
        upn: user for upn, user in tenant(twin)["users"].items() if upn not in (DISABLED["name"], NO_LAST_NAME["name"])
    }
    shown = [
        {
            "upn": upn,
            "first_name": user["given_name"],
            "last_name": user["surname"],
            "email": user["mail"],
            "external_id": user["id"],
        }
        for upn, user in sorted(people.items(), key=lambda item: item[0].casefold())
    ]
    same(everybody.result["users"], shown, "everybody")
    same(everybody.result["left_out"], [MAIL_ENABLED, DISTRIBUTION_LIST, DISABLED, NO_LAST_NAME], "left out")
    groups = {
        name: sorted(upn.casefold() for upn in group["members"] if isinstance(upn, str) and upn in people)
        for name, group in tenant(twin)["groups"].items()
        if name not in (MAIL_ENABLED["name"], DISTRIBUTION_LIST["name"])
    }
    found = {group["name"]: group["members"] for group in everybody.result["groups"]}
    same(found, {name: members for name, members in groups.items() if members}, "the groups that somebody is in")
    same(everybody_check.result["users"], shown, "everybody in check mode")
    same(
        sales.result["groups"],
        [
            {
                "name": SALES,
                "external_id": "00000000-0000-4000-8002-000000000001",
                "members": [f"{name}@contoso.com" for name in SALESPEOPLE],
            }
        ],
        "groups",
    )
    same(sales.result["left_out"], [DISABLED, NO_LAST_NAME, NO_GUESTS], "left out")
    same([user["upn"] for user in regional.result["users"]], ["debra.berger@contoso.com"], "a group by its id")
    same(regional.result["left_out"], [NESTED], "left out")


def test_an_answer_that_cannot_be_trusted_changes_nothing(twin: Twin, play: Callable[..., Play]) -> None:
    for wish, refused in (
        (
            {"groups": ["Salesmen"]},
            "Microsoft Entra has no group 'Salesmen', neither by name nor by id. Check the spelling: a group that is not "
            "found is an error, so that no user is removed because of it.",
        ),
        (
            {"domains": ["fabrikam.com"]},
            "'fabrikam.com' is not a verified domain of this Microsoft tenant. Its domains are: contoso.com, "
            "contoso.onmicrosoft.com, emea.contoso.com.",
        ),
        (
            {"groups": ["Marketing News"]},
            (
                "The selected groups and domains contain no users. Nothing was changed",
                "Group 'Marketing News' is a distribution list",
            ),
        ),
    ):
        walk(play, twin, "w365_o365_import", [Stage(wish, refused=refused)], scim=True)
    hidden = (
        "Microsoft Graph lists the members of group 00000000-0000-4000-8002-000000000001 without their properties: the app "
        "registration lacks the application permission User.Read.All, or Member.Read.Hidden where the group hides its members, "
        "with admin consent in this tenant."
    )
    switches = {"graph_null_members": True}
    walk(play, twin, "w365_o365_import", [Stage({"groups": [SALES]}, refused=hidden)], scim=True, switches=switches)
