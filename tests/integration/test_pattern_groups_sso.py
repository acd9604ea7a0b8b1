# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""w365_group over both wires and w365_sso, held to the exact state: what test_pattern.py does not ask."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from pattern import ALLAN, NESTOR, NO_GROUPS, PATTI, Stage, changed, new_group, renamed, same, walk
from playing import Play, connection, task
from w365_simulator.testing import Twin

MEMBERS = [ALLAN, NESTOR]


def test_groups_over_scim(twin: Twin, play: Callable[..., Play]) -> None:
    walk(
        play,
        twin,
        "w365_group",
        [
            Stage(
                {"name": "Retail", "external_id": "g1", "members": {"set": MEMBERS}},
                lambda contoso: contoso["groups"].update(Retail=new_group(*MEMBERS, external_id="g1", origin="scim")),
            ),
            # Another spelling of the name is a rename that nobody would notice: names have no case.
            Stage({"name": "retail", "members": {"add": [ALLAN]}}),
            # Who is on the deleted-users list can be a member.
            Stage(
                {"name": "Retail", "external_id": "", "members": {"add": [PATTI], "remove": [ALLAN]}},
                lambda contoso: changed(contoso["groups"], "Retail", external_id=None, members=[NESTOR, PATTI]),
            ),
            Stage(
                {"name": "Shops", "identity": "Retail"},
                lambda contoso: renamed(contoso["groups"], "Retail", "Shops"),
            ),
            Stage(
                {"name": "Shops", "members": {"set": []}},
                lambda contoso: changed(contoso["groups"], "Shops", members=[]),
            ),
            Stage({"name": "Shops", "state": "absent"}, lambda contoso: contoso["groups"].pop("Shops")),
            Stage({"name": "Shops", "identity": "Retail", "state": "absent"}),
        ],
        scim=True,
        profile="documented",
    )


@pytest.mark.slow
def test_groups_over_the_provisioning_api(twin: Twin, play: Callable[..., Play]) -> None:
    walk(
        play,
        twin,
        "w365_group",
        [
            Stage(
                {"name": "Retail", "description": "Shops", "members": {"set": [NESTOR]}},
                lambda contoso: contoso["groups"].update(Retail=new_group(NESTOR, description="Shops")),
            ),
            Stage(
                {"name": "Retail", "description": "", "members": {"add": [ALLAN]}},
                lambda contoso: changed(contoso["groups"], "Retail", description="", members=MEMBERS),
            ),
            Stage({"name": "Retail", "members": {"remove": [PATTI]}}),
        ],
    )
    number = str(twin.environment("contoso")["groups"]["Retail"]["id"])
    walk(
        play,
        twin,
        "w365_group",
        [
            Stage(
                {"name": "Shops", "identity": number},
                lambda contoso: renamed(contoso["groups"], "Retail", "Shops"),
            ),
            Stage({"name": "SHOPS", "state": "absent"}, lambda contoso: contoso["groups"].pop("Shops")),
        ],
    )
    walk(
        play,
        twin,
        "w365_group",
        [Stage({"name": "Retail"}, refused=NO_GROUPS), Stage({"name": "Retail", "state": "absent"}, refused=NO_GROUPS)],
        profile="documented",
    )


@pytest.mark.slow
def test_a_group_of_more_than_a_page(twin: Twin, play: Callable[..., Play]) -> None:
    """201 users and 12 groups over small pages: nobody is missed, and who is to go is found on the last page."""
    people = [f"person{number:03d}@contoso.com" for number in range(201)]
    groups = [f"Team {number:02d}" for number in range(12)]
    twin.seed(
        {
            "environments": [
                {
                    "name": "contoso",
                    "users": [{"upn": upn, "first_name": "Adele", "last_name": "Vance"} for upn in people],
                    "groups": [{"name": name, "members": people[:1]} for name in groups],
                }
            ]
        }
    )
    twin.switches(page_size=10)
    played = play(
        task("w365_group", name="Everybody", members={"set": people}),
        task("w365_group", name="Everybody", members={"set": people}),
        task("w365_group", name="Everybody", members={"remove": people[-1:]}),
        task("w365_user_info"),
        task("w365_group_info"),
        defaults=connection(twin, scim=True),
    )
    first, again, fewer, users, listed = played.steps
    same([first.changed, again.changed, fewer.changed], [True, False, True], played.output)
    same(first.environment()["groups"]["Everybody"]["members"], people, first.name)
    same(again.writes, [], again.name)
    same(fewer.environment()["groups"]["Everybody"]["members"], people[:-1], fewer.name)
    same([user["upn"] for user in users.result["users"]], sorted([*people, ALLAN, NESTOR, PATTI]), users.name)
    assert len([request for request in users.requests if request["surface"] == "scim"]) == 21
    shown = {group["name"]: len(group["members"]) for group in listed.result["groups"]}
    same(shown, {"Everybody": 200, **dict.fromkeys(groups, 1)}, listed.name)


def test_members_who_do_not_exist(twin: Twin, play: Callable[..., Play]) -> None:
    """For real it is an error before any write; in check mode an earlier task may be about to create them."""
    wish = {"name": "Retail", "members": {"set": [ALLAN, "adele.vance@contoso.com"]}}
    for scim in (True, False):
        check, do = play(
            task("w365_group", check=True, **wish), task("w365_group", **wish), defaults=connection(twin, scim=scim)
        ).steps
        assert "does not exist yet and should become a member of group 'Retail'" in check.warnings
        same(check.result["group"]["members"], ["adele.vance@contoso.com", ALLAN], check.name)
        same((do.status, do.writes, do.environment()["groups"]), ("failed", [], {}), do.message)
        same(
            do.message,
            "User 'adele.vance@contoso.com' does not exist in this environment and cannot become a member of group "
            "'Retail'. Create the user first, or check the spelling.",
            do.name,
        )


CLIENT = "00000000-0000-4000-8000-0000000000b2"
KEY = "sso-demo-secret-of-the-twin"
OTHER, OTHER_KEY = "00000000-0000-4000-8000-0000000000a1", "entra-demo-secret-of-the-twin"
WISH = {"primary_domain": "contoso.com", "client_id": CLIENT, "key": KEY}
WRONG = (
    "Refused to write the single sign-on of environment 'contoso', since nobody could sign in with it. Microsoft Entra (",
    f") issued no token for application {CLIENT}: AADSTS7000215",
    "The client secret is wrong. Use the secret's value, not its id",
    "Nothing was written; verify=never writes the values unproven.",
)


def sso(domain: str, client_id: str = CLIENT, key: str = KEY) -> dict[str, Any]:
    authority = f"https://login.windows.net/{domain}"
    return {"authority": authority, "client_id": client_id, "key_sha256": sha256(key.encode()).hexdigest()}


def test_single_sign_on(twin: Twin, play: Callable[..., Play]) -> None:
    stages = [
        Stage({**WISH, "key": "a-wrong-secret"}, refused=WRONG),
        Stage(WISH, lambda contoso: contoso.update(sso=sso("contoso.com")), returns={"compared": True}),
        # The same in other words: a slash and another case.
        Stage({"authority": "https://login.windows.net/CONTOSO.com/", "client_id": CLIENT.upper(), "key": KEY}),
        # A key is never readable: with on_change another one is not noticed, not even a wrong one ...
        Stage({**WISH, "key": "a-wrong-secret"}, returns={"verified": False}),
        # ... and with always it is proven and written on every run.
        Stage({**WISH, "update_key": "always"}, lambda contoso: None, again="writes", returns={"verified": True}),
        Stage({**WISH, "update_key": "always", "key": "a-wrong-secret"}, refused=WRONG),
        Stage(
            {**WISH, "client_id": OTHER, "key": OTHER_KEY},
            lambda contoso: contoso.update(sso=sso("contoso.com", OTHER, OTHER_KEY)),
        ),
        Stage(
            {**WISH, "key": "a-wrong-secret", "verify": False},
            lambda contoso: contoso.update(sso=sso("contoso.com", key="a-wrong-secret")),
            returns={"verified": False},
        ),
    ]
    steps = walk(play, twin, "w365_sso", stages)
    entra = [bool([request for request in step.requests if request["surface"] == "entra"]) for step in steps]
    # Entra is asked whenever something would be written, in check mode too, and never otherwise.
    asked = [True] * 2 + [True, True, False, False] + [False] * 4 + [True] * 4 + [True] * 2 + [True, True, False, False]
    same(entra, [*asked, False, False, False, False], "asking Entra")


BLIND = "This server cannot show the single sign-on of environment 'contoso', so it could not be compared."


def test_single_sign_on_of_a_server_that_cannot_show_it(twin: Twin, play: Callable[..., Play]) -> None:
    written = lambda contoso: contoso.update(sso=sso("contoso.com"))  # noqa: E731
    stages = [
        Stage({**WISH, "key": "a-wrong-secret"}, refused=WRONG),
        Stage(
            {**WISH, "when_unreadable": "fail"}, refused=f"{BLIND} Nothing was written, as when_unreadable=fail asks."
        ),
        Stage(WISH, written, again="writes", compared=False, warned=(f"{BLIND} It was written again",)),
        # Who says always does not need to be told.
        Stage({**WISH, "update_key": "always", "when_unreadable": "fail"}, written, again="writes", compared=False),
    ]
    walk(play, twin, "w365_sso", stages, profile="documented")
    skipped = play(
        *(
            task("w365_sso", check=check, **{**WISH, "client_id": OTHER, "when_unreadable": "skip"})
            for check in (True, False)
        ),
        defaults=connection(twin),
    )
    for step in skipped:
        same((step.changed, step.writes, step.result["compared"]), (False, [], False), step.message)
        assert f"{BLIND} It was left unchanged" in step.warnings
        same(step.environment()["sso"], sso("contoso.com"), step.name)
