# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two applications of Microsoft Entra by roles and playbooks: from an empty twin to people who can sign in."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import SEED
from pattern import ADELE, ALLAN, same
from playing import COLLECTION, Play, connection
from test_blank_answers import environ
from test_roles import SSO, changes, check_do_repeat, role, the_report
from test_thin_roles import BUDGET, headings, summary_of
from w365_simulator.testing import Twin

QUICK = {"replication_timeout": 0, "activation_timeout": 0}
APP = {"primary_domain": "contoso.com", "app": QUICK}
SCIM = {"groups": ["Invoice Approvals"], "notification_email": "it@contoso.com", "replication_timeout": 4}
PEOPLE = ("patti.fernandez@contoso.com", "pradeep.gupta@contoso.com")
"""The members of that group."""
DEFINITION: Mapping[str, Any] = {
    "environment": {"name": "contoso", "active": True, "administrator": {"email": ALLAN, "first_name": "Allan", "last_name": "Deyoung"}},
    "sso": APP,
    "scim": SCIM,
    "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}],
}  # fmt: skip
TWINS_SECRET = "8Q~"
"""It is in every secret that the twin makes up."""


def onboard(
    play: Callable[..., Play], twin: Twin, definition: Mapping[str, Any], scim: Mapping[str, str], *words: str
) -> Play:
    """The playbook as a person runs it, with the connection in environment variables."""
    given = {**connection(twin), **scim}
    variables = json.dumps({"w365_tenant_definition": definition})
    return play(
        arguments=[*words, "-e", variables, f"{COLLECTION}.onboard_tenant"],
        environ={f"W365_{name.upper()}": value for name, value in given.items()},
    )


def click(twin: Twin) -> dict[str, str]:
    """What the administrator does inside the environment: SCIM is switched on, and address and key are copied."""
    return {"scim_url": twin.scim_url("contoso"), "scim_token": str(twin.switch_scim("contoso"))}


def writes_to(twin: Twin, *surfaces: str) -> list[tuple[str, str]]:
    return [(one["method"], one["path"]) for one in twin.writes() if one["surface"] in surfaces]


def test_a_new_customer_in_two_stages(twin: Twin, play: Callable[..., Play]) -> None:
    """With one click between them; the next run changes nothing, neither in Workspace 365 nor in Microsoft Entra."""
    twin.reset({**SEED, "environments": []}, "full")
    first = onboard(play, twin, DEFINITION, {}, "-vvvv")
    assert first.code == 0, first.output
    lines = summary_of(first)
    assert next(line for line in lines if line.startswith("sso: ")).startswith("sso: application create 1; ")
    assert lines[0].startswith("w365 contoso: not finished, because SCIM is not switched on; 1 environment created, ")
    assert "so the SCIM application, users, groups and administrators wait." in lines[1]
    assert f"Sign in at {twin.instance_url}/contoso as an administrator" in lines[1]
    assert lines[-1] == "SCIM address: none, so users and groups wait for it"
    assert twin.sign_in("contoso", ALLAN)["can_sign_in"], twin.sign_in("contoso", ALLAN)

    scim = click(twin)
    second = onboard(play, twin, DEFINITION, scim, "-vvvv")
    assert second.code == 0, second.output
    lines = summary_of(second)
    assert "sso: unchanged" in lines
    assert "scim: application create 1; assignment add 1; job create 1; job start 1; job_settings write 1;" in lines
    assert ADELE in twin.environment("contoso")["users"]

    (cycle,) = twin.run_cycle()
    assert (cycle["code"], cycle["problem"]) == ("Active", None)
    users = twin.environment("contoso")["users"]
    same([users[upn]["active"] for upn in PEOPLE], [True, True], "people of the group")
    for upn in (ALLAN, ADELE, *PEOPLE):
        assert twin.sign_in("contoso", upn)["can_sign_in"], twin.sign_in("contoso", upn)

    twin.clear_requests()
    again = onboard(play, twin, DEFINITION, scim)
    same(changes(again), [], "changes of the run after them")
    same(writes_to(twin, "provisioning", "scim", "graph"), [], "writes of the run after them")
    assert len(headings(again)) <= BUDGET, headings(again)
    lines = summary_of(again)
    for line in ("sso: unchanged", "scim: unchanged", "scim: the provisioning job is active"):
        assert line in lines
    for played in (first, second):
        assert TWINS_SECRET not in played.output
        assert scim["scim_token"] not in played.output


@pytest.mark.slow
def test_groups_may_have_people_whom_entra_provisions(twin: Twin, play: Callable[..., Play]) -> None:
    """With `wait`, the steps after it begin when the first cycle is done."""
    over = threading.Event()

    def entra() -> None:
        while not over.wait(0.2) and not any("code" in cycle for cycle in twin.run_cycle()):
            pass

    definition = {
        "scim": {**SCIM, "wait": True, "wait_timeout": 40},
        "groups": [{"name": "Retail", "members": {"set": [PEOPLE[1]]}}],
    }
    background = threading.Thread(target=entra)
    background.start()
    try:
        played = play(role("w365_tenant", definition=definition), defaults=connection(twin, scim=True))
    finally:
        over.set()
        background.join()
    assert played.code == 0, played.output
    assert "scim: the provisioning job is active" in summary_of(played)
    same(twin.environment("contoso")["groups"]["Retail"]["members"], [PEOPLE[1]], "members")


# Single sign-on


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("profile", ["full", "documented"])
def test_the_role_manages_the_app_registration(profile: str, twin: Twin, play: Callable[..., Play]) -> None:
    """Also on a server that cannot show its settings. The result is that of the module that has run."""
    twin.switches(profile=profile)
    tell = {"name": "tell", "ansible.builtin.debug": {"msg": "{{ w365_sso_result.application.client_id }}"}}
    tasks = [role("w365_sso", definition=APP), tell]
    do, again = check_do_repeat(
        lambda **options: play(*tasks[: 1 if options else 2], defaults=connection(twin), **options), twin
    )
    assert twin.sign_in("contoso", ALLAN)["can_sign_in"], twin.sign_in("contoso", ALLAN)
    for played in (do, again):
        same(played[-1].result["msg"], twin.environment("contoso")["sso"]["client_id"], "client id")
        assert TWINS_SECRET not in played.output


@pytest.mark.slow
def test_the_role_returns_the_secret_for_a_task_of_the_user(
    twin: Twin, play: Callable[..., Play], tmp_path: Path
) -> None:
    """In the result alone, which nothing prints."""
    kept = tmp_path / "kept" / "secret"
    kept.parent.mkdir(mode=0o700)
    store = {
        "name": "store",
        "ansible.builtin.copy": {"dest": str(kept), "content": "{{ w365_sso_result.client_secret }}", "mode": "0600"},
        "no_log": True,
        "when": "w365_sso_result.client_secret is defined",
    }
    definition = {"primary_domain": "contoso.com", "app": {**QUICK, "return_secret": True}}
    tasks = [role("w365_sso", definition=definition), store, role("w365_sso", definition=definition), store]
    played = play(*tasks, defaults=connection(twin), arguments=["-vvvv", "--diff"])
    assert played.code == 0, played.output
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    same(digest, twin.environment("contoso")["sso"]["key_sha256"], "what was stored")
    same([step.status for step in played if step.name == "store"], ["ok", "skipped"], "how often it was stored")
    assert TWINS_SECRET in kept.read_text(encoding="utf-8")
    assert TWINS_SECRET not in played.output


@pytest.mark.slow
def test_the_role_passes_the_options_of_a_key(twin: Twin, play: Callable[..., Play]) -> None:
    """The checks before and after a write too. The seed's app registration has no redirect URI."""
    checked = {**SSO, "preflight": "always", "min_secret_days": 1}
    refused = play(role("w365_sso", definition=checked), defaults=connection(twin))
    (failed,) = (step for step in refused if step.status == "failed")
    assert "skip_checks leaves out checks (redirect)" in failed.message
    skipped = {
        **checked,
        "skip_checks": ["redirect", "emergency_access"],
        "post_check": "redirect",
        "scopes": ["User.Read"],
    }
    done = play(role("w365_sso", definition=skipped), defaults=connection(twin))
    assert done.code == 0, done.output
    (step,) = (step for step in done if step.name.endswith("Set up single sign-on") and step.status == "ok")
    outcomes = {check["name"]: check["outcome"] for check in step.result["checks"]}
    same((outcomes["redirect"], outcomes["consent"]), ("skipped", "passed"), "checks")


def test_a_tenant_never_returns_a_secret(twin: Twin, play: Callable[..., Play]) -> None:
    """Neither by its definition nor by the play's module_defaults."""
    wanted = {**DEFINITION, "sso": {"primary_domain": "contoso.com", "app": {**QUICK, "return_secret": True}}}
    twin.clear_requests()
    refused = play(role("w365_tenant", definition=wanted), defaults=connection(twin))
    (failed,) = (step for step in refused if step.status == "failed")
    assert "run the role w365_sso with the same sso and with return_secret" in failed.message
    same(twin.requests(), [], "requests")
    defaults = {f"{COLLECTION}.w365_sso_app": {"return_secret": True}, f"group/{COLLECTION}.w365": connection(twin)}
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "w365_sso_result"}}
    played = play(role("w365_tenant", definition={"sso": APP}), tell, play={"module_defaults": defaults})
    assert played.code == 0, played.output
    assert "client_secret" not in played[-1].result["w365_sso_result"]
    assert TWINS_SECRET not in played.output


@pytest.mark.slow
def test_what_remains_a_click_has_an_address(twin: Twin, play: Callable[..., Play]) -> None:
    """Users have to be assigned to the app registration, and nobody is assigned for SCIM."""
    first = play(role("w365_sso", definition=APP), defaults=connection(twin))
    (made,) = (step.result for step in first if "application" in step.result)
    client_id, principal = made["application"]["client_id"], made["service_principal"]["id"]
    twin.change_tenant({"op": "change_principal", "client_id": client_id, "set": {"appRoleAssignmentRequired": True}})
    definition = {"sso": APP, "scim": {"notification_email": "it@contoso.com", "replication_timeout": 4}}
    played = play(role("w365_tenant", definition=definition), defaults=connection(twin, scim=True))
    assert played.code == 0, played.output
    page = "/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Users/objectId/"
    by_hand = [line for line in summary_of(played) if line.startswith("by hand: ")]
    assert len(by_hand) == 2, summary_of(played)
    assert by_hand[0].endswith(f"open https://entra.microsoft.com{page}{principal}/appId/{client_id}")
    assert "nobody is assigned to Workspace365 SCIM - contoso" in by_hand[1]
    assert f"https://entra.microsoft.com{page}" in by_hand[1]


# SCIM


@pytest.mark.slow
def test_the_role_for_scim(twin: Twin, play: Callable[..., Play]) -> None:
    """Once with the key, and then without it. The environment and the connection come from its variables."""
    scim = {"scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token}
    options = connection(twin, None)
    with_key = [role("w365_scim", definition=SCIM, environment="contoso", connection=scim)]
    check_do_repeat(lambda **more: play(*with_key, defaults=options, **more), twin)
    without = [
        role("w365_scim", definition=SCIM, environment="contoso", connection={**scim, "scim_token": ""}),
        role("w365_scim", definition=SCIM, environment="contoso"),
    ]
    again = play(*without, defaults={**options, "scim_url": scim["scim_url"]})
    same(changes(again), [], "changes without the key")
    (cycle,) = twin.run_cycle()
    assert cycle["code"] == "Active"
    now = {**SCIM, "provision_now": [{"user": PEOPLE[0]}], "wait": True}
    twin.clear_requests()
    played = play(role("w365_scim", definition=now, environment="contoso", connection=scim), defaults=options)
    assert played.code == 0, played.output
    (result,) = (step.result for step in played if "provisioned" in step.result)
    same([one["name"] for one in result["provisioned"]], [PEOPLE[0]], "provisioned on demand")
    assert result["job"]["first_cycle"]


def setup_scim(play: Callable[..., Play], twin: Twin, words: Sequence[str] = (), **variables: Any) -> Play:
    arguments = [*words, "-e", json.dumps(variables), f"{COLLECTION}.setup_scim"]
    return play(arguments=arguments, environ=environ(twin))


@pytest.mark.slow
def test_the_playbook_sets_scim_up_and_says_what_remains(twin: Twin, play: Callable[..., Play]) -> None:
    def run(arguments: Sequence[str] = ()) -> Play:
        return setup_scim(play, twin, arguments, w365_scim_definition=SCIM)

    do, again = check_do_repeat(run, twin)
    lines = the_report(do).result["msg"]
    assert "application Workspace365 SCIM - contoso: create" in lines
    assert "The first cycle takes twenty minutes to several hours." in lines
    assert the_report(again).result["msg"][0] == "unchanged"
    twin.run_cycle()
    nobody = setup_scim(
        play,
        twin,
        w365_scim_definition={"groups": [], "purge_assignments": True, "purge_limit": 1, "replication_timeout": 4},
    )
    assert nobody.code == 0, nobody.output
    (by_hand,) = (line for line in the_report(nobody).result["msg"] if line.startswith("by hand: "))
    assert "Give groups or users, or open https://entra.microsoft.com/#view/" in by_hand
    gone = setup_scim(play, twin, w365_scim_url="", w365_scim_definition={"state": "absent", "replication_timeout": 4})
    assert gone.code == 0, gone.output


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "No application was described."),
        ({"w365_scim_definition": "   "}, "No application was described."),
        ({"w365_scim_definition": ["x"]}, "No application was described."),
        ({"w365_scim_definition": {"group": []}}, "there is no key 'group', did you mean 'groups'"),
        ({"w365_scim_definition": {}, "w365_scim_environment": "fabrikam"}, "Give the values of one customer."),
        ({"w365_scim_definition": {}, "w365_scim_connection": {"scim_url": "", "scim_token": ""}}, "/contoso as an administrator"),
    ],
    ids=["nothing", "blank", "list", "key", "environments", "no scim"],
)  # fmt: skip
def test_the_playbook_says_what_it_needs(
    variables: dict[str, Any], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    """Before it asks the server anything."""
    twin.clear_requests()
    played = setup_scim(play, twin, **variables)
    assert played.code != 0
    assert said in " ".join(played.output.split())
    same(twin.requests(), [], "requests")


def test_a_run_without_anything_to_do_is_no_success(twin: Twin, play: Callable[..., Play]) -> None:
    played = setup_scim(play, twin, ["--tags", "w365_skim"], w365_scim_definition=SCIM)
    assert played.code != 0
    assert "Its tag is w365_scim." in played.output
