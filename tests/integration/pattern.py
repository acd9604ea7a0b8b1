# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""Walks a module through stages, and holds every step to the exact state of the twin.

A stage is one wish. It is played in check mode, for real, and again, all stages in one ansible-playbook process. Its `becomes` says what the wish makes of the twin's state; everything that it does not touch has to stay as it was.

    walk(play, twin, "w365_group", [
        Stage({"name": "Retail"}, lambda contoso: contoso["groups"].update(Retail=new_group())),
        Stage({"name": "Retail", "state": "absent"}, lambda contoso: contoso["groups"].pop("Retail")),
    ])
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import ANY

from playing import Play, Step, Task, connection, task
from w365_simulator.testing import Twin

State = dict[str, Any]

ADELE, ALEX, ALLAN = "adele.vance@contoso.com", "alex.wilber@contoso.com", "allan.deyoung@contoso.com"
NESTOR, PATTI = "nestor.wilke@contoso.com", "patti.fernandez@contoso.com"

# The exact words for a server that has only the documented endpoints.
NO_USERS = (
    "this server does not have the endpoint 'user.list' (GET /{environment}/User/), which the vendor has not documented "
    "(HTTP 404, GET /contoso/User/). Give scim_url and "
    "scim_token: users are managed through SCIM. The administrator role is not; it can be given when a user is created "
    "(w365_user with administrator=true), or manually in User management. If your server has it under another path, give "
    "that in option endpoints: {'user.list': '/...'}."
)
NO_ROLE = (
    "this server does not have the endpoint 'user.list' (GET /{environment}/User/), which the vendor has not documented "
    "(HTTP 404, GET /contoso/User/). The administrator role "
    "is never managed through SCIM. Give it when a user is created through the Provisioning API (w365_user with "
    "administrator=true), or manually in User management; if your server has the list under another path, give that in "
    "option endpoints: {'user.list': '/...'}."
)
NO_GROUPS = (
    "this server does not have the endpoint 'group.list' (GET /{environment}/Group/), which the vendor has not documented "
    "(HTTP 404, GET /contoso/Group/). Give scim_url and "
    "scim_token: groups are managed through SCIM. If your server has it under another path, give that in option endpoints: "
    "{'group.list': '/...'}."
)


# The results of w365_settings, and what the twin calls the same.
SETTINGS = {
    "exchange": {"server_type": "ServerType", "ews_url": "DefaultEwsUrl"},
    "sharepoint": {"authentication_type": "AuthenticationType", "url": "DefaultUrl"},
}


def leave(_contoso: State) -> None:
    """What a wish makes of the state when it was fulfilled before."""


@dataclass(frozen=True)
class Stage:
    """One wish.

    `becomes` changes a copy of the environment's state into what has to be there afterwards; `leave` for nothing.
    `refused` is the exact sentence, or parts of it, with which every step has to fail instead, leaving no trace.
    `again` is what the repetition does: "same" nothing, "writes" the same once more (what nobody can compare).
    `warned` are parts of the warnings that every step gives; without it there has to be none.
    `returns` are values of the real results, `switches` those of the twin from this stage on.
    """

    wish: Mapping[str, Any]
    becomes: Callable[[State], object] = leave
    refused: str | tuple[str, ...] = ()
    again: str = "same"
    compared: bool = True
    warned: tuple[str, ...] = ()
    returns: Mapping[str, Any] = field(default_factory=dict)
    switches: Mapping[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return self.becomes is not leave or self.again == "writes"


def new_user(upn: str, first_name: str, last_name: str, **more: Any) -> State:
    """A user as the twin shows one that a task has just created. Only the server can know its ids."""
    password = more.pop("password", None)
    return {
        "id": ANY,
        "scim_id": ANY,
        "first_name": first_name,
        "last_name": last_name,
        "display_name": None,
        "email": upn,
        "active": True,
        "administrator": False,
        "primary": False,
        "external_id": None,
        "origin": "provisioning",
        "password_set": password is not None,
        "password_sha256": password and hashlib.sha256(password.encode()).hexdigest(),
        **more,
    }


def new_group(*members: str, **more: Any) -> State:
    """A group as the twin shows one that a task has just created."""
    shown = {"id": ANY, "scim_id": ANY, "description": "", "external_id": None, "origin": "provisioning"}
    return {**shown, **more, "members": list(members)}


def new_environment(display: str, **more: Any) -> State:
    """An environment as the twin shows one that a task has just created."""
    return {
        "active": True,
        "display": display,
        "origin": "provisioning",
        "primary": None,
        "users": {},
        "groups": {},
        "sso": None,
        "exchange": None,
        "sharepoint": None,
        "licenses": {"purchased": 0, "used": 0},
        "scim_enabled": False,
        **more,
    }


def changed(things: State, name: str, **fields: Any) -> None:
    """Change fields of a user or group of the state, such as `changed(contoso["users"], ADELE, active=False)`."""
    things[name] = {**things[name], **fields}


def renamed(things: State, old: str, new: str, **fields: Any) -> None:
    """Give a user or group of the state another name."""
    things[new] = {**things.pop(old), **fields}


def switch(twin: Twin, **values: Any) -> Task:
    """A task that changes the twin's switches in the middle of a play."""
    arguments = {
        "url": f"{twin.url}/_simulator/switches",
        "method": "PATCH",
        "body_format": "json",
        "body": values,
        "ca_path": twin.ca_path,
        "use_proxy": False,
    }
    return {**task("ansible.builtin.uri", title=f"switch {values}", **arguments), "ignore_errors": False}


def walk(
    play: Callable[..., Play],
    twin: Twin,
    module: str,
    stages: Iterable[Stage],
    *,
    profile: str = "full",
    scim: bool = False,
    name: str | None = "contoso",
    switches: Mapping[str, Any] | None = None,
) -> list[Step]:
    """Play every stage and assert all that has to hold; the steps of the stages, for what only one test asks.

    `name` is the environment that the connection is about and whose state `becomes` is given; None hands it all of
    them, and leaves naming one to the wish.
    """
    twin.switches(profile=profile, **(switches or {}))
    tasks: list[Task] = []
    played_stages = list(stages)
    for stage in played_stages:
        if stage.switches:
            tasks.append(switch(twin, **stage.switches))
        tasks += [task(module, check=check, **stage.wish) for check in modes(stage)]
    before = twin.state()
    played = play(*tasks, defaults=connection(twin, name, scim=scim))
    assert len(played.steps) == len(tasks), played.output
    steps = [step for step in played if not step.name.startswith("switch ")]
    rest = iter(steps)
    for stage in played_stages:
        before = _hold(module, stage, [next(rest) for _ in modes(stage)], before, name)
    return steps


def modes(stage: Stage) -> tuple[bool, ...]:
    """Which of a stage's steps run in check mode. What changes nothing needs no repetition: it is one."""
    return (True, False) if stage.refused or not stage.changes else (True, False, True, False)


def _hold(module: str, stage: Stage, steps: list[Step], before: State, name: str | None) -> State:
    about = f"{module} {dict(stage.wish)}"
    for step in steps:
        _hold_step(stage, step, before, f"{step.name}: {about}")
    if stage.refused:
        return before
    check, do, *repeated = steps
    same((check.changed, do.changed), (stage.changes, stage.changes), f"changed of {about}")
    same(bool(do.writes), stage.changes, f"whether {about} wrote")
    same(plain(check.state), plain(before), f"state after the check of {about}")
    expected = copy.deepcopy(before)
    stage.becomes(expected["environments"] if name is None else expected["environments"][name])
    same(plain(do.state), plain(expected), f"state after {about}")
    honest(module, do, str(name or stage.wish.get("environment")))
    # Check mode never lies: what it predicted is what the real run reports.
    same(told(check, do), told(do, do), f"prediction of {about}")
    for step in repeated:
        same(step.changed, stage.again == "writes", f"changed of {about}, again")
    if repeated:
        again = repeated[-1]
        same(bool(again.writes), stage.again == "writes", f"whether {about} wrote again: {again.writes}")
        same(plain(again.state), plain(do.state), f"state after repeating {about}")
        same(told(repeated[0], again), told(again, again), f"prediction of repeating {about}")
        honest(module, again, str(name or stage.wish.get("environment")))
    for key, value in stage.returns.items():
        for step in (do, steps[-1]):
            same(step.result[key], value, f"{key} of {about}")
    return steps[-1].state


def _hold_step(stage: Stage, step: Step, before: State, about: str) -> None:
    """What holds for every step: how it ends, what it warns of, and that neither check mode nor a refusal writes."""
    if stage.refused:
        same(step.status, "failed", f"{about}\n{step.message}")
        parts = (stage.refused,) if isinstance(stage.refused, str) else stage.refused
        missing = [part for part in parts if part not in step.message]
        assert not missing, f"{about}\nfailed with: {step.message}\nwithout:     {missing}"
        if isinstance(stage.refused, str):
            same(step.message, stage.refused, about)
        same(step.writes, [], f"writes of {about}")
        same(plain(step.state), plain(before), f"state after {about}")
        return
    same(step.status, "ok", f"{about}\n{step.message}")
    same(step.result.get("compared", True), stage.compared, f"compared of {about}")
    missing = [part for part in stage.warned if part not in step.warnings]
    assert not missing, f"{about}\nwarned: {step.warnings}\nwithout: {missing}"
    own = (UNKNOWN_ROLES, ALL_GONE)
    others = [warning for warning in step.result.get("warnings", ()) if not any(part in str(warning) for part in own)]
    assert stage.warned or not others, f"{about}\nwarned: {step.warnings}"
    # Where no list shows the roles, removing somebody warns, and nothing else does.
    assert UNKNOWN_ROLES not in step.warnings or removes_somebody(step), f"{about}\nwarned: {step.warnings}"
    # A permanent deletion that finds nobody warns, and changes nothing.
    assert ALL_GONE not in step.warnings or not step.result["changed"], f"{about}\nwarned: {step.warnings}"
    if step.name.endswith("(check)"):
        same(step.writes, [], f"writes of {about}")


ALL_GONE = "users to delete permanently exists"
UNKNOWN_ROLES = "It is unknown who is an administrator"


def removes_somebody(step: Step) -> bool:
    """Whether a user is deleted or deactivated."""
    return any(
        entry["kind"] == "user" and ("delete" in entry["action"] or entry.get("changes", {}).get("active") is False)
        for entry in step.result["results"]
    )


def told(step: Step, real: Step) -> State:
    """What a step says. The id of what is new is only known for real, and check mode only plans."""
    result = {
        key: value for key, value in step.result.items() if key not in ("invocation", "warnings", "_ansible_no_log")
    }
    for kind in ("user", "group"):
        thing, known = result.get(kind), real.result.get(kind)
        if thing and known and not thing["id"]:
            result[kind] = {**thing, "id": known["id"]}
    if step is not real:
        # Check mode says the same in the future tense.
        assert {entry["outcome"] for entry in result["results"]} <= {"planned"}, result["results"]
        result["results"] = [{**entry, "outcome": "done"} for entry in result["results"]]
        for person in result.get("absent_users", ()):
            person["outcome"] = {"planned": "done"}.get(person["outcome"], person["outcome"])
        if result.get("key_status") == "planned":
            result["key_status"] = "written"
    return result


def honest(module: str, step: Step, name: str) -> None:
    """What a step returned has to be what the twin holds. What a wire cannot tell is null."""
    environment = step.state["environments"].get(name)
    if module == "w365_environment":
        shown = step.result["environment"]
        held = step.state["environments"].get(shown["name"]) if shown else environment
        assert (shown is None) == (held is None), f"{step.name} returned {shown}"
        if shown and shown["active"] is not None:
            same(shown["active"], held["active"] if held else None, step.name)
    elif module == "w365_admin":
        active = (upn for upn, user in (environment or {})["users"].items() if user["administrator"] and user["active"])
        same(step.result["administrators"], sorted(active), step.name)
    elif module == "w365_settings":
        for setting, names in SETTINGS.items():
            if step.result[setting]:
                held = (environment or {})[setting]
                same(step.result[setting], {ours: held[theirs] for ours, theirs in names.items()}, step.name)
    elif module == "w365_sso":
        held = (environment or {})["sso"]
        same(step.result["sso"], {key: held[key] for key in ("authority", "client_id")}, step.name)
    elif module in ("w365_user", "w365_group"):
        kind, named = ("user", "upn") if module == "w365_user" else ("group", "name")
        things = (environment or {})[f"{kind}s"]
        shown = step.result[kind]
        if shown is None:
            return
        assert shown[named] in things, f"{step.name} returned {shown}, and the twin holds {list(things)}"
        held = things[shown[named]]
        if shown["id"]:
            assert shown["id"] in (str(held["id"]), held["scim_id"]), f"{step.name} returned {shown}, not {held}"
        for key, value in shown.items():
            if key not in (named, "id") and value is not None:
                same(value, held_value(held, key), f"{key} of {step.name}")


def held_value(held: State, key: str) -> Any:
    """What the twin holds of a field of a user or group, which it calls as SCIM does."""
    if key == "members":
        return sorted(held["members"])
    if key == "phone":
        return next(entry["value"] for entry in held["phone_numbers"] if entry["type"] == "work")
    return held["title" if key == "job_title" else key]


def plain(state: State) -> State:
    """The state without what follows from the rest of it; members have no order."""
    environments = {
        name: {
            **environment,
            "licenses": environment["licenses"]["purchased"],
            "groups": {
                title: {**group, "members": sorted(group["members"])} for title, group in environment["groups"].items()
            },
        }
        for name, environment in state["environments"].items()
    }
    return {"environments": environments, "tenants": state["tenants"]}


def same(actual: Any, expected: Any, about: str) -> None:
    """Assert equality, and name every place that differs."""
    places = list(differences(actual, expected))
    assert not places, f"{about}\n" + "\n".join(places)


def differences(actual: Any, expected: Any, place: str = "") -> Iterable[str]:
    """Where two values differ, one line for each place."""
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        for key in sorted({*actual, *expected}, key=str):
            if key not in actual or key not in expected:
                where = f"only {'there' if key in actual else 'expected'}"
                yield f"  {place}.{key} is {where}: {actual.get(key, expected.get(key))!r}"
            else:
                yield from differences(actual[key], expected[key], f"{place}.{key}")
    elif not (actual == expected and type(actual) is type(expected)) and not (actual == expected and expected is ANY):
        yield f"  {place} is {actual!r}, expected {expected!r}"
