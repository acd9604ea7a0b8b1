# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""w365_environment in both profiles: every way to create one, the name that the server makes, every shape of the list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pattern import ALLAN, Stage, State, changed, new_environment, new_user, same, switch, walk
from playing import Play, connection, task
from w365_simulator.testing import Twin

ADMINISTRATOR = {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}
WITH_PASSWORD = {**ADMINISTRATOR, "password": "a-first-password"}
SANITISED = ("The server's name for 'Contoso Lab' is 'contosolab'. Use that name from now on.",)


def created(name: str, display: str, **administrator: Any) -> Callable[[State], None]:
    def become(environments: State) -> None:
        people = {}
        if administrator:
            people[ALLAN] = new_user(
                ALLAN, "Allan", "Deyoung", administrator=True, primary=True, origin="registration", **administrator
            )
        environments[name] = new_environment(display, users=people, primary=ALLAN if people else None)

    return become


def gone(name: str) -> Callable[[State], object]:
    return lambda environments: environments.pop(name)


def turned(name: str, active: bool) -> Callable[[State], None]:
    return lambda environments: changed(environments, name, active=active)


@pytest.mark.parametrize("profile", [pytest.param("full", marks=pytest.mark.slow), "documented"])
def test_with_a_password_for_the_first_administrator(profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    wish = {"environment": "Contoso Lab", "administrator": WITH_PASSWORD}
    steps = walk(
        play,
        twin,
        "w365_environment",
        [
            Stage(
                wish,
                created("contosolab", "Contoso Lab", password="a-first-password"),
                warned=SANITISED,
                returns={"environment": {"name": "contosolab", "active": True}},
            ),
            Stage({"environment": "contosolab", "active": False}, turned("contosolab", False)),
            Stage({"environment": "contosolab"}, returns={"environment": {"name": "contosolab", "active": False}}),
            Stage({"environment": "Contoso Lab", "active": True}, turned("contosolab", True), warned=SANITISED),
            Stage(
                {"environment": "contosolab", "state": "absent", "delete_confirmation": "contoso"},
                refused="Refused to delete environment 'contosolab' with everybody in it: delete_confirmation is 'contoso' "
                "and has to repeat the environment's name. Nothing was written.",
            ),
            Stage(
                {"environment": "contosolab", "state": "absent", "delete_confirmation": "contosolab"},
                gone("contosolab"),
                returns={"environment": None},
            ),
        ],
        profile=profile,
        name=None,
    )
    sent = [(request["method"], request["path"], request["query"]) for request in steps[1].requests]
    # Asked once whether it would do, and only then created.
    assert [path for _method, path, _query in sent[-2:]] == [
        "/Provisioning/Environment/Validate/",
        "/Provisioning/Environment/",
    ]
    assert not sent[-1][2]
    assert steps[1].requests[-1]["body"]["EnvironmentName"] == "Contoso Lab"


def test_with_a_temporary_password(twin: Twin, play: Callable[..., Play]) -> None:
    steps = walk(
        play,
        twin,
        "w365_environment",
        [
            Stage({"environment": "lab", "administrator": ADMINISTRATOR, "active": False}, _created_inactive),
            # Somebody else's administrator does not matter for an environment that exists.
            Stage({"environment": "lab", "empty": True}),
            Stage(
                {"environment": "lab2", "administrator": ADMINISTRATOR, "validate": False},
                created("lab2", "lab2", password=None),
            ),
            Stage(
                {"environment": "lab3"},
                refused="Environment 'lab3' does not exist, and a new one needs its first administrator: give option "
                "administrator, or empty=true for an environment without users.",
            ),
            # A name that only the server refuses: check mode finds out too, because it asks Validate.
            Stage(
                {"environment": "metadata", "administrator": ADMINISTRATOR},
                refused=("Cannot create environment 'metadata'", "'metadata' is not allowed", "HTTP 400", "Validate"),
            ),
        ],
        profile="documented",
        name=None,
    )
    creation = [
        request
        for request in steps[1].requests
        if request["method"] == "POST" and request["path"] == "/Provisioning/Environment/"
    ][-1]
    same(
        "version=2.0" in str(creation["query"]) or creation["query"] == {"version": "2.0"}, True, str(creation["query"])
    )
    assert "Password" not in creation["body"]
    assert not [request for request in steps[9].requests if "Validate" in request["path"]]


def _created_inactive(environments: State) -> None:
    created("lab", "lab", password=None)(environments)
    environments["lab"]["active"] = False


def test_empty(twin: Twin, play: Callable[..., Play]) -> None:
    walk(
        play,
        twin,
        "w365_environment",
        [
            Stage(
                {"environment": "Contoso Lab", "empty": True}, created("contosolab", "contoso lab"), warned=SANITISED
            ),
            Stage(
                {"environment": "contosolab", "state": "absent", "delete_confirmation": "ContosoLab"},
                gone("contosolab"),
            ),
        ],
        profile="documented",
        name=None,
    )


UNKNOWN = "This server cannot show whether environment 'contoso' is active, so it could not be compared."
SHAPES = {"objects": True, "wrapped": True, "names": None, "strings": None, "missing": None}


# The others are read like one of these, and in every shape by the next test.
@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(shape, marks=[] if shape in {"objects", "names", "missing"} else [pytest.mark.slow])
        for shape in SHAPES
    ],
)
def test_every_shape_of_the_list(shape: str, twin: Twin, play: Callable[..., Play]) -> None:
    """Whether an environment is there is known in every shape; whether it is active in two of them."""
    active = SHAPES[shape]
    known = {"environment": {"name": "contoso", "active": active}}
    stages = [Stage({"environment": "Contoso"}, returns=known)]
    wish = {"environment": "contoso", "active": True}
    if active:
        stages += [Stage({**wish, "when_unreadable": policy}, returns=known) for policy in ("write", "skip", "fail")]
    else:
        stages += [
            Stage(
                wish,
                again="writes",
                compared=False,
                warned=(f"{UNKNOWN} It was written again and counts as changed",),
            ),
            Stage({**wish, "when_unreadable": "skip"}, compared=False, warned=(f"{UNKNOWN} It was left unchanged",)),
            Stage(
                {**wish, "when_unreadable": "fail"},
                refused=f"{UNKNOWN} Nothing was written, as when_unreadable=fail asks.",
            ),
        ]
    stages += [
        Stage({"environment": "lab", "administrator": ADMINISTRATOR}, created("lab", "lab", password=None)),
        # Without a list, Validate is asked whether there is something to delete, and it wants an administrator.
        Stage(
            {"environment": "lab", "state": "absent", "delete_confirmation": "lab", "administrator": ADMINISTRATOR},
            gone("lab"),
        ),
    ]
    walk(
        play,
        twin,
        "w365_environment",
        stages,
        profile="documented",
        name=None,
        switches={"environment_list": shape},
    )


@pytest.mark.slow
def test_info_in_every_shape(twin: Twin, play: Callable[..., Play]) -> None:
    twin.seed({"environments": [{"name": "lab", "active": False}]})
    twin.switches(profile="documented")
    tasks = []
    for shape in SHAPES:
        tasks.append(switch(twin, environment_list=shape))
        tasks += [
            task("w365_environment_info", check=shape == "wrapped", **arguments)
            for arguments in ({}, {"environment": "Lab"}, {"environment": "nowhere"})
        ]
    played = play(*tasks, defaults=connection(twin, None))
    for number, (shape, active) in enumerate(SHAPES.items()):
        everything, one, none = played.steps[4 * number + 1 : 4 * number + 4]
        lab = {"name": "lab", "active": None if active is None else False}
        readable = shape != "missing"
        # Without a list, Validate can still be asked for one name.
        same(everything.result["environments"], [{"name": "contoso", "active": active}, lab] if readable else [], shape)
        same(one.result["environments"], [lab], shape)
        same(none.result["environments"] if readable else none.status, [] if readable else none.status, shape)
        for step in (everything, one):
            same((step.changed, step.writes, step.result["readable"]), (False, [], readable), shape)
            assert bool(step.warnings) is not readable


def test_the_name_that_the_server_makes_wins(twin: Twin, play: Callable[..., Play]) -> None:
    """A server that keeps hyphens makes another name than we predict; the real run tells it, and finds it again."""
    twin.switches(profile="documented", sanitize_names="lower")
    wish = {"environment": "Contoso-Lab", "administrator": ADMINISTRATOR, "active": False}
    played = play(task("w365_environment", **wish), task("w365_environment", **wish), defaults=connection(twin, None))
    first, second = played.steps
    for step, is_changed in ((first, True), (second, False)):
        same(step.changed, is_changed, step.message)
        same(step.result["environment"], {"name": "contoso-lab", "active": False}, step.name)
        same(step.environment("contoso-lab")["active"], False, step.name)
