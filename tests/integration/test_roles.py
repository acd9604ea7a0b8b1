# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles in real plays: check, do, repeat. What a role hands on is proven by what the twin then holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pattern import ADELE, ALLAN, NESTOR, NO_GROUPS, PATTI, held_value, plain, same
from playing import COLLECTION, ROOT, Play, Step, connection, slow
from w365_simulator.testing import Twin

SSO = {
    "primary_domain": "contoso.com",
    "client_id": "00000000-0000-4000-8000-0000000000b2",
    "key": "sso-demo-secret-of-the-twin",
}
ATTRIBUTES = {
    "display_name": "Adele Vance",
    "job_title": "Product Marketing Manager",
    "department": "Marketing",
    "phone": "+1 425 555 0109",
    "preferred_language": "en-US",
}
SIGNED_ON = {"authority": "https://login.windows.net/contoso.com", "client_id": SSO["client_id"]}
TENANT = "Bring the tenant to its desired state"
DIRECTORY = "Bring users, groups and administrators to their desired state"
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


@pytest.mark.slow
def test_every_thin_role_over_scim(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """On a server that has only the documented endpoints, as far as it goes, and that keeps the optional attributes."""
    tasks = [
        role("w365_environment", definition={"name": "Contoso", "active": True}),
        role("w365_sso", definition={**SSO, "when_unreadable": "skip"}),
        role(
            "w365_users",
            list=[
                {
                    "upn": ADELE,
                    "first_name": "Adele",
                    "last_name": "Vance",
                    "external_id": "contoso-1004",
                    **ATTRIBUTES,
                },
                {"upn": PATTI},
                {"upn": NESTOR, "state": "absent"},
            ],
            environment="contoso",
        ),
        role("w365_groups", list=[{"name": "Retail", "members": {"set": [ADELE, ALLAN]}}]),
        role(
            "w365_o365_import",
            definition={
                "domains": ["emea.contoso.com"],
                "attribute_map": {"display_name": "displayName"},
                "progress_file": str(tmp_path / "progress.log"),
                "progress_interval": 1,
            },
        ),
    ]
    twin.switches(profile="documented", scim_attributes="all")
    check_do_repeat(lambda **options: play(*tasks, defaults=connection(twin, scim=True), **options), twin)
    held = twin.environment("contoso")
    same(held["sso"], None, "single sign-on that was skipped")
    same(held["groups"]["Retail"]["members"], [ALLAN, ADELE], "members")
    same(held["users"][ADELE]["external_id"], "contoso-1004", "external id")
    same({name: held_value(held["users"][ADELE], name) for name in ATTRIBUTES}, ATTRIBUTES, "attributes")
    same([held["users"][upn]["active"] for upn in (PATTI, NESTOR)], [True, False], "restored and deleted")
    emea = [user for upn, user in held["users"].items() if upn.endswith("@emea.contoso.com")]
    same([bool(user["display_name"]) for user in emea], [True] * 6, "display names of those that were imported")


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_whole_tenant_at_any_point(twin: Twin, play: Callable[..., Play]) -> None:
    """From nothing; then somebody changes things by hand, and only that is announced and mended."""
    seed: dict[str, Any] = yaml.safe_load(SEED.read_text(encoding="utf-8"))
    twin.reset(seed, "full")
    # The whole example is what the demo plays; less of it says the same here in less time.
    definition: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["w365_tenant_definition"]
    # With a key, and without the application for SCIM: test_roles_entra has both applications of Microsoft Entra.
    definition["sso"] = SSO
    del definition["scim"]
    definition["users"] = definition["users"][1:3]
    definition["groups"] = definition["groups"][1:2]
    tasks = [role("w365_tenant", definition=definition)]
    # The environment's name is not part of the connection: every step has it from the first one.
    options = connection(twin, None)
    # A new environment has no SCIM: what needs it waits for the click of its administrator.
    assert changes(play(*tasks, defaults=options))
    same(list(twin.environment("contoso")["users"]), [ALLAN], "users before the click")
    options |= {"scim_url": twin.scim_url("contoso"), "scim_token": twin.switch_scim("contoso")}
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
    same(announced, [TENANT], "what check mode announced")
    (done,) = (step.result for step in check if step.name.endswith(TENANT))
    same(
        [step for step, result in done["steps"].items() if result["changed"]],
        ["directory"],
        "steps that were announced",
    )
    same(changes(check), changes(mended), "what was mended")
    same(plain(twin.state()), plain(finished), "state after mending")


@pytest.mark.slow
@pytest.mark.parametrize("scim", [True, slow(False)], ids=["scim", "provisioning"])
def test_a_tenant_stops_at_what_the_server_lacks(scim: bool, twin: Twin, play: Callable[..., Play]) -> None:
    """On a documented server the step that needs more says so before its first write, and what came before it stays."""
    twin.switches(profile="documented")
    if scim:
        # A new environment has no SCIM.
        twin.seed({"environments": [{"name": "lab"}]})
    definition: dict[str, Any] = {
        "environment": {"name": "Lab", "empty": True},
        "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}],
        "groups": [{"name": "Retail"}],
        "administrators": {"add": [NESTOR]},
    }
    options = connection(twin, "lab", scim=scim)
    played = play(role("w365_tenant", definition=definition), defaults=options)
    assert played.code != 0
    failed = next(step for step in played if step.status == "failed")
    same(failed.result["step"], "directory", "the step that failed")
    if scim:
        assert "this server does not have the endpoint 'user.list'" in failed.message
    else:
        same(failed.message, NO_GROUPS.replace("/contoso/", "/lab/"), failed.message)
    lab = twin.environment("lab")
    same([lab["users"], lab["groups"]], [{}, {}], "what the step wrote")
    # What the README says to leave out there.
    for key in ("administrators",) if scim else ("administrators", "groups"):
        del definition[key]
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "w365_tenant_result.directory.compared"}}
    for compared in (True, scim):
        played = play(role("w365_tenant", definition=definition), tell, defaults=options)
        assert played.code == 0, played.output
        same(played[-1].result["w365_tenant_result.directory.compared"], compared, "compared")
    lab = twin.environment("lab")
    same([list(lab["users"]), list(lab["groups"])], [[ADELE], ["Retail"] if scim else []], "what was left in")


@pytest.mark.slow
def test_a_tag_hands_over_one_list(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """And the fact tells about that list only."""
    more = tmp_path / "more.yml"
    more.write_text(yaml.safe_dump({"groups": [{"name": "Engineering"}]}), encoding="utf-8")
    definition: dict[str, Any] = {
        "users": [{"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}],
        "groups": [{"name": "Retail", "members": {"set": [ALLAN]}}],
        "administrators": {"add": [NESTOR]},
        "src": [str(more)],
        "update_password": "on_create",
    }
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "w365_tenant_result"}}
    tasks = [{**step, "tags": ["always"]} for step in (role("w365_tenant", definition=definition), tell)]

    def summary(tag: str) -> Any:
        played = play(*tasks, defaults=connection(twin, scim=True), arguments=["--tags", tag])
        assert played.code == 0, played.output
        told = played[-1].result["w365_tenant_result"]
        assert told["changed"] is ("directory" in told)
        return {key: value for key, value in told.get("directory", {}).get("summary", {}).items() if value}

    same(summary("w365_tenant_sso"), {}, "what another step's tag did")
    same(summary("w365_tenant_groups"), {"group_create": 1, "membership_change": 1}, "what the tag of groups did")
    same(summary("w365_tenant_users"), {"user_create": 1}, "what the tag of users did")
    same(summary("w365_tenant_administrators"), {"administrator_grant": 1}, "what the tag of administrators did")
    same(
        summary("w365_tenant_directory"),
        {"group_create": 1, "unchanged": 3},
        "what was left for the whole step: the file",
    )


@pytest.mark.slow
def test_a_tenant_passes_options_to_its_last_step(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """Also those that are false or 0."""
    twin.switches(scim_attributes="none")
    report = tmp_path / "report.csv"
    options: dict[str, Any] = {
        "when_unsupported": "ignore",
        "concurrency": 2,
        "scim_bulk": False,
        "protected_users": [ALLAN],
        "report_file": [str(report)],
        "progress_file": str(tmp_path / "progress.log"),
        "progress_interval": 0,
    }
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "department": "Marketing"}
    definition = {**options, "users": [adele]}
    played = play(
        role("w365_tenant", definition=definition),
        defaults=connection(twin, scim=True),
        # Otherwise ansible-core 2.21 shows no arguments.
        environ={"ANSIBLE_INJECT_INVOCATION": "true"},
    )
    assert played.code == 0, played.output
    (step,) = (step for step in played if step.writes)
    given = step.result["invocation"]["steps"]["directory"]["module_args"]
    same({name: given[name] for name in options}, options, "options of the module")
    assert "does not keep department, so it was ignored" in step.warnings
    assert ADELE in report.read_text(encoding="utf-8-sig")
    before = twin.state()
    for change, said in (
        ({"users": [{"upn": ALLAN, "state": "absent"}]}, "protected_users"),
        ({"when_unsupported": "fail", "users": [{**adele, "department": "Sales"}]}, "department"),
    ):
        played = play(role("w365_tenant", definition={**definition, **change}), defaults=connection(twin, scim=True))
        assert played.code != 0
        assert said in next(step for step in played if step.status == "failed").message
    same(plain(twin.state()), plain(before), "state after what was refused")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_a_directory_from_lists_and_files(scim: bool, twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """The role's environment wins over the one in module_defaults; a path counts from the folder of the playbook."""
    allan = {"upn": ALLAN, "first_name": "Allan", "last_name": "Deyoung", "administrator": True}
    twin.seed({"environments": [{"name": "lab", "users": [allan]}]})
    (tmp_path / "people.csv").write_text(f"upn;first_name;last_name\n{NESTOR};Nestor;Wilke\n", encoding="utf-8")
    password = "a-first-password"
    adele = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", "state": "present", "active": True}
    definition: dict[str, Any] = {
        "users": [{**adele, **({"external_id": "contoso-1004", **ATTRIBUTES} if scim else {"password": password})}],
        "groups": [{"name": "Retail", "members": {"set": [ADELE, NESTOR]}}],
        "administrators": {"set": [ALLAN, NESTOR]},
        "src": ["people.csv"],
        "update_password": "on_create",
        "concurrency": 2,
        "report_file": [str(tmp_path / "report.csv")],
    }
    options = connection(twin)
    if scim:
        options |= {"scim_url": twin.scim_url("lab"), "scim_token": twin.scim_token}
    tasks = [role("w365_directory", definition=definition, environment="lab")]
    before = twin.environment("contoso")
    do, _again = check_do_repeat(lambda **more: play(*tasks, defaults=options, **more), twin)
    same([name.rpartition(" : ")[2] for name in changes(do)], [DIRECTORY], "the tasks that changed something")
    lab = twin.environment("lab")
    same(sorted(lab["users"]), [ADELE, ALLAN, NESTOR], "users")
    same(sorted(lab["groups"]["Retail"]["members"]), [ADELE, NESTOR], "members")
    same(
        [upn for upn, user in sorted(lab["users"].items()) if user["administrator"]], [ALLAN, NESTOR], "administrators"
    )
    same(lab["users"][ADELE]["password_set"], not scim, "password")
    if scim:
        same({name: held_value(lab["users"][ADELE], name) for name in ATTRIBUTES}, ATTRIBUTES, "attributes")
    assert (tmp_path / "report.csv").exists()
    assert password not in do.output
    same(twin.environment("contoso"), before, "the other environment")


@pytest.mark.slow_after(2)
@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"users": [{"upn": ADELE, "state": "gone"}]}, "value of state must be one of: present, absent"),
        ({"users": [{"upn": ADELE, "update_password": "always"}]}, "update_password"),
        ({"users": [{"upn": ADELE, "administrator": True}]}, "w365_admin"),
        ({"users": [{"upn": ALLAN}], "purge": ["users"]}, "needs a purge_scope"),
        ({"users": []}, "No users, groups or administrators were given"),
        ({"src": ["nobody.csv"]}, "nobody.csv' cannot be read"),
    ],
    ids=["choice", "key", "wire", "purge", "empty", "file"],
)
def test_a_directory_that_does_not_fit(
    definition: dict[str, Any], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    """Over SCIM. Nothing is written."""
    before = twin.state()
    played = play(role("w365_directory", definition=definition), defaults=connection(twin, scim=True))
    assert played.code != 0
    assert said in next(step for step in played if step.status == "failed").message
    same(plain(twin.state()), plain(before), "state")


@pytest.mark.slow
def test_a_purge_and_a_plan(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """What the role hands on for them: a plan that takes Nestor away, and the same plan carried out."""
    file = str(tmp_path / "plan.json")
    keep = {"users": [{"upn": ALLAN}], "purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}}
    made = play(
        role("w365_directory", definition={**keep, "purge_limit": "1", "protected_users": [ALLAN], "plan_file": file}),
        defaults=connection(twin, scim=True),
    )
    assert twin.writes() == []
    digest = next(step.result["plan_digest"] for step in made if "plan_digest" in step.result)
    carried_out = {"apply_plan": file, "plan_digest": digest, "progress_interval": 1, "progress_file": f"{file}.log"}
    do, _again = check_do_repeat(
        lambda **more: play(
            role("w365_directory", definition={**carried_out, "scim_bulk": False}),
            defaults=connection(twin, scim=True),
            **more,
        ),
        twin,
    )
    assert do.code == 0
    assert not twin.environment("contoso")["users"][NESTOR]["active"]


# The playbook


def apply_directory(
    play: Callable[..., Play], twin: Twin, *arguments: str, scim: bool = True, **variables: Any
) -> Play:
    """The playbook as a person runs it: connection in environment variables, files beside the person."""
    options = connection(twin, scim=scim)
    return play(
        arguments=["-e", json.dumps(variables), *arguments, f"{COLLECTION}.apply_directory"],
        environ={f"W365_{name.upper()}": value for name, value in options.items()},
    )


def the_report(played: Play) -> Step:
    (step,) = (step for step in played if step.name == "Show what was done")
    return step


def test_the_playbook_makes_a_plan_and_carries_it_out(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    file = str(tmp_path / "plan.json")
    wish = {"users": [{"upn": PATTI}], "plan_file": file}
    made = apply_directory(play, twin, w365_directory_definition=wish)
    assert made.code == 0, made.output
    assert twin.writes() == []
    digest = json.loads(Path(file).read_text(encoding="utf-8"))["digest"]
    assert f"Only the plan was written. Its digest is {digest}" in made.output
    done = apply_directory(play, twin, w365_directory_definition={"apply_plan": file, "plan_digest": digest})
    assert done.code == 0, done.output
    assert "user restore: 1" in done.output
    assert twin.environment("contoso")["users"][PATTI]["active"]


@pytest.mark.slow
def test_the_playbook_applies_files(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """One by its name, then several, one of them by its whole path."""
    (tmp_path / "people.csv").write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    groups = tmp_path / "elsewhere" / "groups.yml"
    groups.parent.mkdir()
    groups.write_text(yaml.safe_dump({"groups": [{"name": "Retail", "members": {"add": [ADELE]}}]}), encoding="utf-8")
    for src in ("people.csv", ["people.csv", str(groups)]):

        def run(arguments: Sequence[str] = (), src: Any = src) -> Play:
            return apply_directory(play, twin, *arguments, w365_directory_src=src)

        do, again = check_do_repeat(run, twin)
        assert "create: 1" in do.output
        assert "failed" not in do.output.partition("PLAY RECAP")[0]
        assert "create" not in again.output
    same(twin.environment("contoso")["groups"]["Retail"]["members"], [ADELE], "members")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("scim", [True, False], ids=["scim", "provisioning"])
def test_the_playbook_applies_a_definition_and_tells_what_failed(
    scim: bool, twin: Twin, play: Callable[..., Play]
) -> None:
    """What failed is told, with its reason unless the result is hidden for a password; the next run does the rest."""
    surface, path = ("scim", "/Groups$") if scim else ("provisioning", "/Group/$")
    twin.fault(surface=surface, method="POST", path=path, action="status", status=400, body="fault", times=1)
    definition = {
        "users": [
            {"upn": ADELE, "first_name": "Adele", "last_name": "Vance", **({} if scim else {"password": "Pa55word"})}
        ],
        "groups": [{"name": "Retail"}, {"name": "Engineering"}],
        "concurrency": 1,
    }
    failed = apply_directory(play, twin, scim=scim, w365_directory_definition=definition)
    assert failed.code != 0
    (refused,) = (step for step in failed if step.status == "failed")
    report = the_report(failed)
    for line in ("user create: 1", "group create: 1", "changes failed: 1", "Fix the causes and rerun it."):
        assert line in report.result["msg"]
    (told,) = (line for line in report.result["msg"] if line.startswith("failed: "))
    name = "Engineering" if "Engineering" in told else "Retail"
    assert told.startswith(f"failed: group {name} create")
    same(told.endswith(" create"), not scim, f"whether the reason is hidden: {told}")
    same("censored" in refused.result, not scim, "whether the result is hidden")
    rest = apply_directory(play, twin, scim=scim, w365_directory_definition=definition)
    assert changes(rest)
    report = the_report(rest)
    assert "group create: 1" in report.result["msg"]
    same(sorted(twin.environment("contoso")["groups"]), ["Engineering", "Retail"], "groups")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"w365_directory_src": "nobody.csv"}, "nobody.csv' cannot be read"),
        (
            {"w365_directory_definition": {"users": [{"upn": ADELE, "state": "gone"}]}},
            "must be one of: present, absent",
        ),
    ],
    ids=["file", "choice"],
)
def test_the_playbook_reports_nothing_when_nothing_was_tried(
    variables: dict[str, Any], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    """The task's own sentence is the last one."""
    played = apply_directory(play, twin, **variables)
    assert played.code != 0
    same([step.status for step in played if step.status == "failed"], ["failed"], "failures")
    assert said in next(step for step in played if step.status == "failed").message
    same([step.name for step in played if step.status == "ok" and step.name == "Show what was done"], [], "reports")


@pytest.mark.slow_after(3)
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "Neither is given."),
        ({"w365_directory_src": "a.csv", "w365_directory_definition": {"users": []}}, "Both are given."),
        ({"w365_directory_src": []}, "must be one path or a list of paths"),
        ({"w365_directory_src": {"users": "a.csv"}}, "must be one path or a list of paths"),
        ({"w365_directory_src": ["a.csv", ""]}, "must be one path or a list of paths"),
        ({"w365_directory_definition": "users.csv"}, "must be a dictionary"),
        ({"w365_directory_definition": {"src": ["/a.csv", "b.csv"]}}, "include b.csv. Give absolute paths there"),
        (
            {"w365_directory_definition": {"users": [], "report_file": "b.html"}},
            "include b.html. Give absolute paths there",
        ),
    ],
    ids=["nothing", "both", "empty", "dictionary", "blank", "text", "relative", "report"],
)
def test_the_playbook_says_what_it_needs(
    variables: dict[str, Any], said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    """Before it asks the server anything."""
    twin.clear_requests()
    played = apply_directory(play, twin, **variables)
    assert played.code != 0
    assert said in played.output.replace("\n", " ")
    same(twin.requests(), [], "requests")
