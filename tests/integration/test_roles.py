# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles in real plays: check, do, repeat. What a role hands on is proven by what the twin then holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from pattern import ADELE, ALLAN, NESTOR, NO_GROUPS, PATTI, plain, same
from playing import COLLECTION, ROOT, Play, connection
from w365_simulator.testing import Twin

SSO = {
    "primary_domain": "contoso.com",
    "client_id": "00000000-0000-4000-8000-0000000000b2",
    "key": "sso-demo-secret-of-the-twin",
}
SIGNED_ON = {"authority": "https://login.windows.net/contoso.com", "client_id": SSO["client_id"]}
EXAMPLE = ROOT / "playbooks" / "examples" / "contoso.yml"
SEED = ROOT / "tests" / "simulator" / "w365_simulator" / "seeds" / "contoso.yml"


def role(name: str, **variables: Any) -> dict[str, Any]:
    return {
        "name": f"role {name}",
        "ansible.builtin.include_role": {"name": f"{COLLECTION}.{name}"},
        "vars": {f"{name}_{key}": value for key, value in variables.items()},
    }


def changes(play: Play) -> list[str]:
    """The tasks that changed something. The play has to have ended well."""
    assert play.code == 0, play.output
    return [step.name for step in play if step.result.get("changed")]


def check_do_repeat(run: Callable[..., Play], twin: Twin) -> tuple[Play, Play]:
    """The check writes nothing and announces what the real run does; the second run does nothing."""
    before = twin.state()
    check = run(arguments=["--check", "--diff"])
    same([step.writes for step in check if step.writes], [], "writes in check mode")
    same(plain(twin.state()), plain(before), "state after the check")
    do = run()
    same(changes(check), changes(do), "what check mode announced")
    assert changes(do)
    after = twin.state()
    again = run()
    same(changes(again), [], "changes of the second run")
    same([step.writes for step in again if step.writes], [], "writes of the second run")
    same(plain(twin.state()), plain(after), "state after the second run")
    return do, again


def test_every_thin_role_over_scim(twin: Twin, play: Callable[..., Play]) -> None:
    """On a server that has only the documented endpoints, as far as it goes."""
    tasks = [
        role("w365_environment", definition={"name": "Contoso", "active": True}),
        role("w365_sso", definition={**SSO, "when_unreadable": "skip"}),
        role(
            "w365_users",
            list=[
                {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "external_id": "contoso-1004"},
                {"upn": PATTI},
                {"upn": NESTOR, "state": "absent"},
            ],
            environment="contoso",
        ),
        role("w365_groups", list=[{"name": "Retail", "members": {"set": [ADELE, ALLAN]}}]),
        role("w365_o365_import", definition={"domains": ["emea.contoso.com"]}),
    ]
    twin.switches(profile="documented")
    check_do_repeat(lambda **options: play(*tasks, defaults=connection(twin, scim=True), **options), twin)
    held = twin.environment("contoso")
    same(held["sso"], None, "single sign-on that was skipped")
    same(held["groups"]["Retail"]["members"], [ALLAN, ADELE], "members")
    same(held["users"][ADELE]["external_id"], "contoso-1004", "external id")
    same([held["users"][upn]["active"] for upn in (PATTI, NESTOR)], [True, False], "restored and deleted")
    assert len([upn for upn in held["users"] if upn.endswith("@emea.contoso.com")]) == 6


def test_every_thin_role_over_the_provisioning_api(twin: Twin, play: Callable[..., Play]) -> None:
    """A role's own environment wins over the one in module_defaults; an empty one does not hide it."""
    twin.seed({"environments": [{"name": "lab", "users": [{"upn": ALLAN, "first_name": "A", "last_name": "D"}]}]})
    password = "a-first-password"
    tasks = [
        role("w365_users", list=[{"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "password": password}]),
        role("w365_users", list=[{"upn": ALLAN, "last_name": "Deyoung"}], environment="lab"),
        role("w365_groups", list=[{"name": "Retail", "description": "Shops"}, {"name": "Shops", "state": "absent"}]),
        role("w365_admins", definition={"add": [NESTOR], "remove": [ALLAN]}),
        role("w365_sso", definition=SSO, environment="lab"),
    ]
    before = twin.environment("contoso")["sso"]
    do, _again = check_do_repeat(lambda **options: play(*tasks, defaults=connection(twin), **options), twin)
    contoso, lab = twin.environment("contoso"), twin.environment("lab")
    assert contoso["users"][ADELE]["password_set"]
    assert password not in do.output
    assert ADELE not in lab["users"]
    same(lab["users"][ALLAN]["last_name"], "Deyoung", "the other environment's user")
    same(contoso["groups"]["Retail"]["description"], "Shops", "description")
    same([contoso["users"][upn]["administrator"] for upn in (NESTOR, ALLAN)], [True, False], "administrators")
    same({key: lab["sso"][key] for key in SIGNED_ON}, SIGNED_ON, "single sign-on")
    same(contoso["sso"], before, "the other single sign-on")


def test_a_whole_tenant_at_any_point(twin: Twin, play: Callable[..., Play]) -> None:
    """From nothing; then somebody changes things by hand, and only that is announced and mended."""
    seed: dict[str, Any] = yaml.safe_load(SEED.read_text(encoding="utf-8"))
    twin.reset(seed, "full")
    # The whole example is what the demo plays; less of it says the same here in less time.
    definition: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["w365_tenant_definition"]
    definition["sso"]["key"] = SSO["key"]
    definition["users"] = definition["users"][1:3]
    definition["groups"] = definition["groups"][1:2]
    tasks = [role("w365_tenant", definition=definition)]
    # The environment's name is not part of the connection: every step has it from the first one.
    options = {**connection(twin, None), "scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token}
    assert changes(play(*tasks, defaults=options))
    held = twin.environment("contoso")
    assert len(held["users"]) == 3 + 7 + 6
    same(sorted(held["groups"]), ["IT Helpdesk", "Sales and Marketing"], "groups")
    same(sorted(upn for upn, user in held["users"].items() if user["administrator"]), [ALLAN, NESTOR], "administrators")
    same({key: held["sso"][key] for key in SIGNED_ON}, SIGNED_ON, "single sign-on")
    finished = twin.state()
    by_hand = {"upn": PATTI, "first_name": "Patti", "last_name": "Fernandes", "active": False}
    helpdesk = {"name": "IT Helpdesk", "members": [PATTI]}
    twin.seed({"environments": [{"name": "contoso", "users": [by_hand], "groups": [helpdesk]}]})
    check = play(*tasks, defaults=options, arguments=["--check", "--diff"])
    same([step.writes for step in check if step.writes], [], "writes in check mode")
    mended = play(*tasks, defaults=options)
    announced = [name.rpartition(" : ")[2] for name in changes(check)]
    wanted = ["Bring each user to its desired state", "Bring each group and its members to the desired state"]
    same(announced, wanted, "what check mode announced")
    same(changes(check), changes(mended), "what was mended")
    same(plain(twin.state()), plain(finished), "state after mending")


@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_a_tenant_stops_at_what_the_server_lacks(scim: bool, twin: Twin, play: Callable[..., Play]) -> None:
    """On a documented server the first step that needs more says so, and what came before it stays."""
    twin.switches(profile="documented")
    definition: dict[str, Any] = {
        "environment": {"name": "contoso"},
        "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}],
        "groups": [{"name": "Retail"}],
        "administrators": {"add": [NESTOR]},
    }
    played = play(role("w365_tenant", definition=definition), defaults=connection(twin, scim=scim))
    assert played.code != 0
    failed = next(step for step in played if step.status == "failed")
    if scim:
        assert "this server does not have the endpoint 'user.list'" in failed.message
        assert "Retail" in twin.environment("contoso")["groups"]
    else:
        items = failed.result.get("results") or [failed.result]
        same(items[0]["msg"], NO_GROUPS, failed.message)
    assert ADELE in twin.environment("contoso")["users"]
