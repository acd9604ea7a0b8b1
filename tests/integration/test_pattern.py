# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The one pattern of every module: check, do, repeat, change, repeat, delete, repeat; in check mode and for real.

Check mode runs against a twin that refuses every write, and what it predicts has to be what the real run then does.
Every pattern runs in both of the twin's profiles: where the documented endpoints are not enough, the sentence that
says so is the expectation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from playing import Play, Step, connection, task
from w365_simulator.testing import Twin

State = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One wish, and what the environment's state must look like when it is fulfilled.

    `refused` holds the parts of the sentence with which the task must fail instead. `blind` is for a server that
    cannot show what it has: "same" when the task then leaves it alone, "again" when it writes on every run.
    """

    arguments: dict[str, Any]
    holds: Callable[[State], bool] = lambda state: True
    refused: tuple[str, ...] = ()
    blind: str = ""
    changes: bool = True


@dataclass(frozen=True)
class Pattern:
    module: str
    stages: tuple[Stage, ...]
    profiles: tuple[str, ...] = ("full", "documented")
    scim: bool = False
    result: str = ""
    seed: dict[str, Any] = field(default_factory=dict)

    def id(self, name: str) -> str:
        return f"{name}-{'scim' if self.scim else 'provisioning'}"


def user(state: State, upn: str = "adele.vance@contoso.com") -> Mapping[str, Any]:
    found: Mapping[str, Any] = state["users"].get(upn, {})
    return found


def group(state: State, name: str = "Retail") -> Mapping[str, Any]:
    found: Mapping[str, Any] = state["groups"].get(name, {})
    return found


ADELE = {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"}
ALLAN, NESTOR = "allan.deyoung@contoso.com", "nestor.wilke@contoso.com"
NO_USERS = ("user.list", "GET /{environment}/User/", "which the vendor has not documented", "scim_url")
NO_GROUPS = ("group.list", "GET /{environment}/Group/", "which the vendor has not documented", "scim_url")
SSO = {"client_id": "00000000-0000-4000-8000-0000000000b2", "key": "sso-demo-secret-of-the-twin"}

PATTERNS = {
    "user": Pattern(
        "w365_user",
        (
            Stage({**ADELE, "external_id": "e1"}, lambda s: user(s)["active"] and user(s)["external_id"] == "e1"),
            Stage({**ADELE, "last_name": "Vance-Smith", "email": "adele@contoso.com"}, lambda s: (user(s)["last_name"], user(s)["email"]) == ("Vance-Smith", "adele@contoso.com")),
            Stage({"upn": ADELE["upn"], "active": False}, lambda s: user(s)["active"] is False),
            Stage({"upn": ADELE["upn"]}, lambda s: user(s)["active"] is True),
            Stage({"upn": "adele.smith@contoso.com", "identity": ADELE["upn"]}, lambda s: not user(s) and user(s, "adele.smith@contoso.com")["last_name"] == "Vance-Smith"),
            Stage({"upn": "adele.smith@contoso.com", "state": "absent"}, lambda s: user(s, "adele.smith@contoso.com")["active"] is False),
            Stage({"upn": "adele.smith@contoso.com"}, lambda s: user(s, "adele.smith@contoso.com")["active"] is True),
            Stage({"upn": "adele.smith@contoso.com", "state": "absent", "permanent": True}, lambda s: not user(s, "adele.smith@contoso.com")),
        ),
        scim=True,
        result="user",
    ),
    "user_full": Pattern(
        "w365_user",
        (
            Stage({**ADELE, "password": "a-first-password", "create_in_office365": True}, lambda s: user(s)["active"] and user(s)["password_set"]),
            Stage({**ADELE, "last_name": "Vance-Smith"}, lambda s: user(s)["last_name"] == "Vance-Smith"),
            Stage({"upn": ADELE["upn"], "administrator": True}, lambda s: user(s)["administrator"] is True),
            Stage({"upn": ADELE["upn"], "administrator": False}, lambda s: user(s)["administrator"] is False),
            Stage({"upn": "adele.smith@contoso.com", "identity": ADELE["upn"]}, lambda s: not user(s) and bool(user(s, "adele.smith@contoso.com"))),
            Stage({"upn": "adele.smith@contoso.com", "state": "absent"}, lambda s: user(s, "adele.smith@contoso.com")["active"] is False),
            Stage({"upn": "adele.smith@contoso.com"}, lambda s: user(s, "adele.smith@contoso.com")["active"] is True),
            Stage({"upn": "adele.smith@contoso.com", "state": "absent", "permanent": True}, refused=("permanently delete", "deleted-users list", "scim_url")),
        ),
        profiles=("full",),
        result="user",
    ),
    "user_documented": Pattern(
        "w365_user",
        (
            Stage(ADELE, lambda s: user(s)["active"] is True, blind="same"),
            Stage({**ADELE, "last_name": "Vance-Smith"}, lambda s: user(s)["last_name"] == "Vance", blind="same", changes=False),
            Stage({**ADELE, "state": "absent"}, refused=NO_USERS),
            Stage({"upn": "adele.smith@contoso.com", "identity": ADELE["upn"]}, refused=NO_USERS),
            Stage({**ADELE, "password": "another-password", "update_password": "always"}, refused=NO_USERS),
        ),
        profiles=("documented",),
        result="user",
    ),
    "group": Pattern(
        "w365_group",
        (
            Stage({"name": "Retail", "external_id": "g1"}, lambda s: group(s)["external_id"] == "g1"),
            Stage({"name": "Retail", "members": {"add": [ALLAN, NESTOR.upper()]}}, lambda s: sorted(group(s)["members"]) == [ALLAN, NESTOR]),
            Stage({"name": "Retail", "members": {"remove": [ALLAN]}}, lambda s: group(s)["members"] == [NESTOR]),
            Stage({"name": "Retail", "members": {"set": [ALLAN]}}, lambda s: group(s)["members"] == [ALLAN]),
            Stage({"name": "Shops", "identity": "Retail"}, lambda s: not group(s) and group(s, "Shops")["members"] == [ALLAN]),
            Stage({"name": "Shops", "members": {"set": []}}, lambda s: group(s, "Shops")["members"] == []),
            Stage({"name": "Shops", "state": "absent"}, lambda s: not group(s, "Shops")),
        ),
        scim=True,
        result="group",
    ),
    "group_full": Pattern(
        "w365_group",
        (
            Stage({"name": "Retail", "description": "Shops", "members": {"add": [NESTOR]}}, lambda s: (group(s)["description"], group(s)["members"]) == ("Shops", [NESTOR])),
            Stage({"name": "Retail", "description": ""}, lambda s: not group(s)["description"] and group(s)["members"] == [NESTOR]),
            Stage({"name": "Retail", "members": {"add": [ALLAN], "remove": [NESTOR]}}, lambda s: group(s)["members"] == [ALLAN]),
            Stage({"name": "Shops", "identity": "Retail"}, lambda s: not group(s) and group(s, "Shops")["members"] == [ALLAN]),
            Stage({"name": "Shops", "state": "absent"}, lambda s: not group(s, "Shops")),
        ),
        profiles=("full",),
        result="group",
    ),
    "group_documented": Pattern(
        "w365_group",
        (Stage({"name": "Retail"}, refused=NO_GROUPS), Stage({"name": "Retail", "state": "absent"}, refused=NO_GROUPS)),
        profiles=("documented",),
    ),
    "admin": Pattern(
        "w365_admin",
        (
            Stage({"administrators": {"add": [NESTOR]}}, lambda s: user(s, NESTOR)["administrator"] is True),
            Stage({"administrators": {"remove": [ALLAN]}}, lambda s: user(s, ALLAN)["administrator"] is False),
            Stage({"administrators": {"set": [ALLAN]}}, lambda s: (user(s, ALLAN)["administrator"], user(s, NESTOR)["administrator"]) == (True, False)),
            Stage({"administrators": {"remove": [ALLAN]}}, refused=("without an active administrator", ALLAN)),
            Stage({"administrators": {"set": []}}, refused=("without an active administrator",)),
            Stage({"administrators": {"add": ["patti.fernandez@contoso.com"]}}, refused=("patti.fernandez@contoso.com", "inactive", "Restore")),
        ),
        profiles=("full",),
        result="administrators",
    ),
    "admin_documented": Pattern(
        "w365_admin",
        (Stage({"administrators": {"add": [NESTOR]}}, refused=("user.list", "which the vendor has not documented", "User management")),),
        profiles=("documented",),
    ),
    "sso": Pattern(
        "w365_sso",
        (
            Stage({**SSO, "primary_domain": "contoso.com"}, lambda s: s["sso"]["authority"] == "https://login.windows.net/contoso.com"),
            Stage({**SSO, "primary_domain": "contoso.onmicrosoft.com"}, lambda s: s["sso"]["authority"].endswith("contoso.onmicrosoft.com")),
            Stage({**SSO, "primary_domain": "contoso.com", "key": "a-wrong-secret"}, refused=("Refused to write", "7000215", "verify=never")),
        ),
        profiles=("full",),
        result="sso",
    ),
    "sso_documented": Pattern(
        "w365_sso",
        (
            Stage({**SSO, "primary_domain": "contoso.com"}, lambda s: s["sso"]["authority"].endswith("/contoso.com"), blind="again"),
            Stage({**SSO, "primary_domain": "contoso.com", "when_unreadable": "skip"}, blind="same", changes=False),
            Stage({**SSO, "primary_domain": "contoso.com", "when_unreadable": "fail"}, refused=("cannot show", "when_unreadable=fail")),
            Stage({**SSO, "primary_domain": "contoso.com", "key": "a-wrong-secret"}, refused=("Refused to write", "7000215")),
        ),
        profiles=("documented",),
        result="sso",
    ),
    "import": Pattern(
        "w365_o365_import",
        (
            Stage({"groups": ["Sales and Marketing"]}, lambda s: len(group(s, "Sales and Marketing")["members"]) == 7),
            Stage({"groups": ["Sales and Marketing"], "domains": ["emea.contoso.com"]}, lambda s: bool(user(s, "lidia.holloway@emea.contoso.com"))),
        ),
        scim=True,
    ),
    "import_full": Pattern(
        "w365_o365_import",
        (Stage({"groups": ["Sales and Marketing"]}, lambda s: len(group(s, "Sales and Marketing")["members"]) == 7),),
        profiles=("full",),
    ),
    "import_documented": Pattern(
        "w365_o365_import",
        (
            Stage({"groups": ["Sales and Marketing"]}, refused=NO_GROUPS),
            Stage({"groups": ["Sales and Marketing"], "include_groups": False}, lambda s: len(s["users"]) == 10, blind="same"),
        ),
        profiles=("documented",),
    ),
}  # fmt: skip

# Over SCIM both profiles serve the same: the smaller one is the quick case, and shows that nothing more is asked for.
CASES = [
    pytest.param(
        pattern,
        profile,
        id=f"{name}-{profile}-{'scim' if pattern.scim else 'provisioning'}",
        marks=[pytest.mark.slow] if pattern.scim and profile == "full" else [],
    )
    for name, pattern in PATTERNS.items()
    for profile in pattern.profiles
]


@pytest.mark.slow_after(5)
@pytest.mark.parametrize(("pattern", "profile"), CASES)
def test_pattern(pattern: Pattern, profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    twin.switches(profile=profile)
    tasks = [
        task(pattern.module, check=check, **stage.arguments)
        for stage in pattern.stages
        for check in (True, False, True, False)
    ]
    before = twin.environment("contoso")
    played = play(*tasks, defaults=connection(twin, scim=pattern.scim))
    assert len(played.steps) == len(tasks), played.output
    for number, stage in enumerate(pattern.stages):
        steps = played.steps[4 * number : 4 * number + 4]
        before = dict(walk(stage, steps, before, pattern.result))


def walk(stage: Stage, steps: list[Step], before: State, result: str) -> State:
    """Assert the four steps of one stage, and return the state after it."""
    check, do, check_again, again = steps
    about = f"{do.name} {stage.arguments}: {do.message[:600]}"
    for step in (check, check_again):
        assert step.writes == [], about
    assert check.environment() == before, about
    if stage.refused:
        for step in steps:
            assert step.status == "failed", about
            assert step.writes == [], about
            assert step.environment() == before, about
            for part in stage.refused:
                assert part in step.message, about
        return before
    assert check.changed is do.changed is stage.changes, about
    assert bool(do.writes) is stage.changes, about
    assert stage.holds(do.environment()), f"{about} {do.environment()}"
    assert predicted(check, result) == predicted(do, result), about
    rewritten = stage.blind == "again"
    assert check_again.changed is again.changed is rewritten, about
    assert bool(again.writes) is rewritten, about
    assert again.environment() == do.environment(), about
    for step in (again, check_again):
        assert step.result["compared"] is not bool(stage.blind), about
        assert bool(step.warnings) is bool(stage.blind), about
    return again.environment()


def predicted(step: Step, result: str) -> dict[str, Any]:
    """What check mode promises and the real run keeps. Only the server can give an id."""
    told = {name: step.result[name] for name in ("changed", "diff", "summary", "results", "compared")}
    if any(entry["outcome"] == "planned" for entry in told["results"]):
        assert step.writes == [], "planned and written"
        assert {entry["outcome"] for entry in told["results"]} == {"planned"}
        told["results"] = [{**entry, "outcome": "done"} for entry in told["results"]]
    if result:
        thing = step.result[result]
        told[result] = {**thing, "id": ""} if isinstance(thing, dict) else thing
    return told
