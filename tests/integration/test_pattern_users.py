# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Users and administrators over both wires, held to the exact state: what test_pattern.py does not ask."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from pattern import (
    ADELE,
    ALLAN,
    NESTOR,
    NO_ROLE,
    NO_USERS,
    PATTI,
    Stage,
    changed,
    leave,
    new_user,
    renamed,
    same,
    switch,
    walk,
)
from playing import Play, connection, task
from w365_simulator.testing import Twin

NAMES = {"first_name": "Adele", "last_name": "Vance"}
WISH = {"upn": ADELE, **NAMES}
SMITH = "adele.smith@contoso.com"
LAST = (
    f"Refused: this would leave the environment without an active administrator (now: {ALLAN}). Nothing was written. Make "
    "somebody else an administrator first, with w365_admin."
)


def digest(password: str) -> str:
    return sha256(password.encode()).hexdigest()


def test_fields_over_scim(twin: Twin, play: Callable[..., Play]) -> None:
    user = {**WISH, "email": "adele@contoso.com", "external_id": "contoso-1004", "active": False}
    walk(
        play,
        twin,
        "w365_user",
        [
            # Straight onto the deleted-users list.
            Stage(
                user,
                lambda contoso: contoso["users"].update(
                    {
                        ADELE: new_user(
                            ADELE,
                            "Adele",
                            "Vance",
                            email="adele@contoso.com",
                            external_id="contoso-1004",
                            active=False,
                            origin="scim",
                        )
                    }
                ),
            ),
            # Given as empty means clear; what is not given stays; a UPN is the same in any case.
            Stage(
                {"upn": ADELE.upper().replace("CONTOSO.COM", "contoso.com"), "active": False, "external_id": ""},
                lambda contoso: changed(contoso["users"], ADELE, external_id=None),
            ),
            Stage({"upn": ADELE, "active": True}, lambda contoso: changed(contoso["users"], ADELE, active=True)),
            Stage(
                {"upn": SMITH, "identity": ADELE, "last_name": "Smith", "email": SMITH},
                lambda contoso: renamed(contoso["users"], ADELE, SMITH, last_name="Smith", email=SMITH),
            ),
            Stage(
                {"upn": SMITH, "identity": ALLAN},
                refused=f"Cannot rename '{ALLAN}' to '{SMITH}': both exist. Delete or rename '{SMITH}' first, or leave out "
                "identity if they are different.",
            ),
            Stage({"upn": SMITH, "state": "absent"}, lambda contoso: changed(contoso["users"], SMITH, active=False)),
            # Who is on the deleted-users list can still be deleted for good.
            Stage(
                {"upn": SMITH, "state": "absent", "permanent": True},
                lambda contoso: contoso["users"].pop(SMITH),
                returns={"user": None},
            ),
        ],
        scim=True,
        profile="documented",
    )


def test_rename_by_the_id_of_the_server(twin: Twin, play: Callable[..., Play]) -> None:
    """Over each wire a user goes by another id, and keeps it through the rename."""
    held = twin.environment("contoso")["users"][NESTOR]
    for scim, identity in ((True, held["scim_id"]), (False, str(held["id"]))):
        old, new = (NESTOR, "nestor@contoso.com") if scim else ("nestor@contoso.com", "wilke@contoso.com")
        followed = {} if scim else {"email": NESTOR}
        walk(
            play,
            twin,
            "w365_user",
            [
                Stage(
                    {"upn": new, "identity": identity},
                    lambda contoso, old=old, new=new, more=followed: renamed(contoso["users"], old, new, **more),  # type: ignore[misc]
                )
            ],
            scim=scim,
        )


def test_passwords_and_roles_over_the_provisioning_api(twin: Twin, play: Callable[..., Play]) -> None:
    first, second = "a-first-password", "a-second-password"
    user = {**WISH, "password": first, "administrator": True}
    steps = walk(
        play,
        twin,
        "w365_user",
        [
            Stage(
                {**user, "upn": "adele.new@contoso.com"},
                lambda contoso: contoso["users"].update(
                    {
                        "adele.new@contoso.com": new_user(
                            "adele.new@contoso.com", "Adele", "Vance", password=first, administrator=True
                        )
                    }
                ),
            ),
            # A password is written once, unless the task says always; then it is written on every run.
            Stage({"upn": "adele.new@contoso.com", "password": second}),
            Stage(
                {"upn": "adele.new@contoso.com", "password": second, "update_password": "always"},
                lambda contoso: changed(contoso["users"], "adele.new@contoso.com", password_sha256=digest(second)),
                again="writes",
            ),
            # Taken back from the deleted-users list and given the role in one task.
            Stage(
                {"upn": PATTI, "administrator": True},
                lambda contoso: changed(contoso["users"], PATTI, active=True, administrator=True),
            ),
            Stage(
                {"upn": NESTOR, "active": False, "administrator": True},
                refused=f"User '{NESTOR}' is inactive (on the deleted-users list) and only active users can be "
                "administrators. Restore the user first (w365_user with state=present), or leave it out.",
            ),
        ],
        profile="full",
    )
    for step in steps:
        assert first not in str(step.result)
        assert second not in str(step.result)


def test_create_in_office365(twin: Twin, play: Callable[..., Play]) -> None:
    """The account appears in the Microsoft tenant, and only when it is asked for. A documented server does it too."""
    twin.switches(profile="documented")
    with_account, without = {**WISH, "upn": "adele.new@contoso.com"}, {**WISH, "upn": "adele.old@contoso.com"}
    played = play(
        task("w365_user", check=True, **with_account, create_in_office365=True),
        task("w365_user", **with_account, create_in_office365=True),
        task("w365_user", **without, create_in_office365=False),
        task("w365_user", **without, create_in_office365=True),
        defaults=connection(twin),
    )
    tenants = [next(iter(step.state["tenants"].values()))["users"] for step in played]
    assert [with_account["upn"] in people for people in tenants] == [False, True, True, True], played.output
    # It belongs to the creation: later it does nothing.
    assert not any(without["upn"] in people for people in tenants)
    assert [step.changed for step in played] == [True, True, True, False]


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_the_last_administrator_stays(scim: bool, twin: Twin, play: Callable[..., Play]) -> None:
    """Whichever module and wire would take the last active administrator away."""
    wishes: list[dict[str, Any]] = [{"upn": ALLAN, "state": "absent"}, {"upn": ALLAN, "active": False}]
    if scim:
        wishes.append({"upn": ALLAN, "state": "absent", "permanent": True})
    else:
        wishes.append({"upn": ALLAN, "administrator": False})
    walk(play, twin, "w365_user", [Stage(wish, refused=LAST) for wish in wishes], scim=scim)


def test_administrators(twin: Twin, play: Callable[..., Play]) -> None:
    stages = [
        Stage(
            {"administrators": {"add": [NESTOR.replace("nestor", "Nestor"), ALLAN]}},
            lambda contoso: changed(contoso["users"], NESTOR, administrator=True),
            returns={"administrators": [ALLAN, NESTOR]},
        ),
        # The primary administrator goes, and the next one takes over.
        Stage({"administrators": {"set": [NESTOR]}}, _nestor_takes_over, returns={"administrators": [NESTOR]}),
        Stage({"administrators": {"remove": [ALLAN]}}, leave),
        # Both at once is no moment without an administrator.
        Stage({"administrators": {"add": [ALLAN], "remove": [NESTOR]}}, _allan_takes_over),
        Stage(
            {"administrators": {"set": [PATTI]}},
            refused=f"User '{PATTI}' is inactive (on the deleted-users list) and only active users can be administrators. "
            "Restore the user first (w365_user with state=present), or leave it out.",
        ),
    ]
    # scim_url in module_defaults does not lead w365_admin astray: the role never travels over SCIM.
    steps = walk(play, twin, "w365_admin", stages, scim=True)
    assert not [request for step in steps for request in step.requests if request["surface"] == "scim"]


def _nestor_takes_over(contoso: dict[str, Any]) -> None:
    changed(contoso["users"], ALLAN, administrator=False, primary=False)
    changed(contoso["users"], NESTOR, primary=True)
    contoso["primary"] = NESTOR


def _allan_takes_over(contoso: dict[str, Any]) -> None:
    changed(contoso["users"], ALLAN, administrator=True, primary=True)
    changed(contoso["users"], NESTOR, administrator=False, primary=False)
    contoso["primary"] = ALLAN


def test_an_administrator_who_does_not_exist(twin: Twin, play: Callable[..., Play]) -> None:
    """For real it is an error; in check mode an earlier task may be about to create the user, and that is said."""
    wish = {"administrators": {"add": [ADELE]}}
    check, do = play(
        task("w365_admin", check=True, **wish), task("w365_admin", **wish), defaults=connection(twin)
    ).steps
    same(check.result["administrators"], [ADELE, ALLAN], check.message)
    assert f"User '{ADELE}' does not exist yet and should become an administrator." in check.warnings
    same(do.status, "failed", do.message)
    same(
        do.message,
        f"User '{ADELE}' does not exist in this environment and cannot become an administrator. Create the user first, or "
        "check the spelling.",
        do.name,
    )
    assert not do.writes


@pytest.mark.slow
def test_a_server_that_has_only_the_documented_endpoints(twin: Twin, play: Callable[..., Play]) -> None:
    """Creating works and is found again through Validate; whatever has to be read is refused in the same words."""
    twin.switches(profile="documented")
    wish = {**WISH, "password": "a-first-password", "administrator": True}
    creation = play(
        *(task("w365_user", check=check, **wish) for check in (True, False, True, False)),
        defaults=connection(twin),
    )
    same([step.changed for step in creation], [True, True, False, False], creation.output)
    same([step.result["compared"] for step in creation], [True, True, False, False], creation.output)
    assert not creation[0].writes
    assert not creation[3].writes
    held = creation[3].environment()["users"][ADELE]
    same((held["administrator"], held["password_sha256"]), (True, digest("a-first-password")), "the new user")
    for step in creation.steps[2:]:
        assert (
            f"User '{ADELE}' exists, but this server has no documented way to read a user, so its fields could not be "
            "compared and were left unchanged. Give scim_url to compare and change them." in step.warnings
        )
    walk(
        play,
        twin,
        "w365_user",
        [
            Stage(wish, refused=NO_USERS)
            for wish in (
                {"upn": ADELE, "state": "absent"},
                {"upn": SMITH, "identity": ADELE},
                {"upn": ADELE, "password": "a-second-password", "update_password": "always"},
                {**WISH, "upn": SMITH, "active": False},
            )
        ],
        profile="documented",
    )
    walk(
        play, twin, "w365_admin", [Stage({"administrators": {"add": [NESTOR]}}, refused=NO_ROLE)], profile="documented"
    )


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("quirks", [{"scim_patch": "compliant"}, {"scim_patch_body": False}], ids=str)
def test_patches_that_a_strict_server_takes(quirks: dict[str, Any], twin: Twin, play: Callable[..., Play]) -> None:
    """Only the standard's own dialect, and a PATCH that is answered without a body."""
    walk(
        play,
        twin,
        "w365_user",
        [
            Stage(
                {"upn": NESTOR, "active": False, "external_id": "contoso-1002", "email": "nestor@contoso.com"},
                lambda contoso: changed(
                    contoso["users"], NESTOR, active=False, external_id="contoso-1002", email="nestor@contoso.com"
                ),
            ),
            Stage({"upn": NESTOR}, lambda contoso: changed(contoso["users"], NESTOR, active=True)),
        ],
        scim=True,
        switches=quirks,
    )
    add, remove = (
        {"name": "Retail", "members": {"add": [ALLAN, NESTOR]}},
        {"name": "Retail", "members": {"set": [NESTOR]}},
    )
    steps = play(
        *(task("w365_group", **wish) for wish in (add, add, remove, remove)), defaults=connection(twin, scim=True)
    ).steps
    same([step.changed for step in steps], [True, False, True, False], str(quirks))
    members = [step.environment()["groups"]["Retail"]["members"] for step in steps]
    same(members, [[ALLAN, NESTOR], [ALLAN, NESTOR], [NESTOR], [NESTOR]], str(quirks))


@pytest.mark.slow
def test_a_server_that_hides_its_deleted_users(twin: Twin, play: Callable[..., Play]) -> None:
    """What nobody is shown cannot be restored: the server's own refusal is told, with where to look."""
    hidden = {"upn": PATTI, "first_name": "Patti", "last_name": "Fernandez"}
    for scim in (True, False):
        twin.switches(deleted_users="hidden")
        step = play(task("w365_user", **hidden), defaults=connection(twin, scim=scim))[0]
        same(step.status, "failed", step.message)
        for part in (
            f"Cannot create user '{PATTI}' in environment 'contoso': ",
            "already exists",
            "deleted-users list",
        ):
            assert part in step.message
        same(step.environment()["users"][PATTI]["active"], False, step.name)
    # Deleting what is hidden already is done already.
    absent = {"upn": PATTI, "state": "absent"}
    steps = play(switch(twin, deleted_users="hidden"), task("w365_user", **absent), defaults=connection(twin)).steps
    same((steps[1].changed, steps[1].writes), (False, []), steps[1].message)
