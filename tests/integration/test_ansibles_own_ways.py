# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people do with Ansible around our roles and playbooks: defaults, tags, loops, wrappers, another user."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.workspace365.provisioning.tests.unit.repository import test_roles_and_modules as roles
from pattern import ADELE, ALLAN, NESTOR, same
from playing import COLLECTION, Play, connection
from test_blank_answers import environ, lab, named
from test_roles import SSO, role
from w365_simulator.testing import Twin

EMPTY = "Make sure that the run was not empty"
NEW = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
EMEA = {"domains": ["emea.contoso.com"]}

# module_defaults of the play

GUARDS: dict[str, dict[str, Any]] = {
    "w365_user": {
        "when_administrators_unknown": "warn",
        "when_unsupported": "ignore",
        "update_password": "always",
    },
    "w365_group": {},
    "w365_admin": {},
    "w365_environment": {"validate": False, "when_unreadable": "skip"},
    "w365_sso": {
        "when_unreadable": "skip",
        "verify": "never",
        "update_key": "always",
        "preflight": "when_writing",
        "skip_checks": [
            "tenant",
            "principal",
            "redirect",
            "consent",
            "assignment",
            "secret_expiry",
            "emergency_access",
        ],
        "min_secret_days": 3,
        "require_emergency_access": True,
    },
    "w365_directory": {
        "purge_limit": "3",
        "membership_limit": "4",
        "protected_users": [ALLAN],
        "purge_scope": {"domains": ["contoso.com"], "groups": None, "external_id_prefix": None},
        "strict": True,
        "absent_must_exist": True,
        "trust_local_files": True,
        "when_administrators_unknown": "warn",
        "when_unsupported": "ignore",
        "update_password": "always",
    },
    "w365_o365_import": {
        "delete_limit": "3",
        "membership_limit": "4",
        "protected_users": [ALLAN],
        "exclude_users": ["lidia.holloway@emea.contoso.com"],
        "strict": True,
        "on_leave": "delete",
        "trust_local_files": True,
        "when_group_empty": "skip",
        "when_administrators_unknown": "warn",
        "when_unsupported": "ignore",
    },
}
"""Module -> the options that limit what it may do, each with another value than the default."""

CONTENT = {
    "w365_user": {"upn", "identity", "state", "permanent", "password", "create_in_office365", "administrator", "first_name", "last_name", "email", "active", "external_id", "display_name", "job_title", "department", "phone", "preferred_language"},
    "w365_group": {"name", "identity", "state", "description", "external_id", "members"},
    "w365_admin": {"administrators"},
    "w365_environment": {"environment", "state", "administrator", "empty", "active", "delete_confirmation"},
    "w365_sso": {"authority", "primary_domain", "client_id", "key", "verify_timeout", "scopes", "post_check", "previous"},
    "w365_directory": {"users", "groups", "administrators", "src", "concurrency", "concurrency_max", "scim_bulk", "purge", "plan_file", "return_plan", "apply_plan", "apply_plan_content", "plan_digest", "report_file", "permission_profiles", "progress_file", "progress_interval"},
    "w365_o365_import": {"groups", "domains", "everything", "scope_match", "nested_groups", "include_guests", "include_groups", "group_names", "attribute_map", "concurrency", "concurrency_max", "default_status", "administrators_from", "active_status_from", "state_file", "full_every", "scim_bulk", "report_file", "permission_profiles", "progress_file", "progress_interval"},
}  # fmt: skip
"""Module -> its other options: what is to be there, and how it is done. They pass in the same way."""


def test_every_option_is_a_guard_or_content() -> None:
    """A new option has to be put into one of the two tables."""
    for module, guards in GUARDS.items():
        assert set(guards) | CONTENT[module] == set(roles.module_spec(module)), module
        assert set(guards) & CONTENT[module] == set(), module


def arguments_of(played: Play, module: str) -> list[dict[str, Any]]:
    """The arguments with which a module was run, in order."""
    key = next(iter(CONTENT[module]))
    every = set(CONTENT[module]) | set(GUARDS[module])
    found = []
    for step in played:
        calls = [result.get("invocation") or {} for result in [step.result, *step.result.get("results", ())]]
        # The task of w365_tenant runs several modules.
        calls += [call or {} for call in calls[0].get("steps", {}).values()]
        for call in calls:
            given = call.get("module_args") or {}
            if key in given and every <= set(given):
                found.append(given)
    return found


def test_every_guard_of_the_play_reaches_every_role(twin: Twin, play: Callable[..., Play]) -> None:
    """What the play's module_defaults say counts in each role, and in each step of w365_tenant, unless the role is told."""
    twin.seed({"environments": [{"name": "lab", "users": []}]})
    customer = {"name": "contoso", **connection(twin, scim=True), "import": EMEA}
    tenant = {"environment": {"name": "contoso"}, "sso": SSO, "o365_import": EMEA, "users": [NEW]}
    defaults = {
        f"group/{COLLECTION}.w365": connection(twin, scim=True),
        **{f"{COLLECTION}.{module}": guards for module, guards in GUARDS.items() if guards},
    }
    defaults[f"{COLLECTION}.w365_directory"] = {**GUARDS["w365_directory"], "purge": ["users"]}
    played = play(
        role("w365_environment", definition={"name": "contoso"}),
        role("w365_sso", definition=SSO),
        role("w365_users", list=[NEW]),
        role("w365_directory", definition={"users": [NEW], "purge": []}),
        role("w365_o365_import", definition=EMEA),
        role("w365_sync", configurations=[customer]),
        role("w365_tenant", definition=tenant),
        role("w365_directory", definition={"users": [NEW], "purge": [], "membership_limit": "9"}),
        arguments=["--check"],
        play={"module_defaults": defaults},
        environ={"ANSIBLE_INJECT_INVOCATION": "true"},
    )
    assert played.code == 0, played.output
    times = {"w365_environment": 2, "w365_sso": 2, "w365_user": 1, "w365_directory": 3, "w365_o365_import": 3}
    for module, number in times.items():
        given = arguments_of(played, module)
        # ansible-core 2.21 shows no arguments for the items of a loop.
        if module == "w365_user" and not given:
            continue
        assert len(given) == number, f"{module}: {len(given)}"
        for arguments in given[: 2 if module == "w365_directory" else None]:
            same({name: arguments[name] for name in GUARDS[module]}, GUARDS[module], f"guards of {module}")
            assert arguments.get("purge", []) == [], "w365_tenant lists only a part of the people"
    last = arguments_of(played, "w365_directory")[-1]
    same(last["membership_limit"], "9", "what the role is told")
    same(last["purge_limit"], "3", "what it is not told")


def test_a_limit_of_the_play_stops_a_role(twin: Twin, play: Callable[..., Play]) -> None:
    """Not only the argument: the guard itself."""
    for guard, definition in (
        ({"protected_users": [NESTOR]}, {"users": [{"upn": NESTOR, "state": "absent"}]}),
        ({"absent_must_exist": True}, {"users": [{"upn": ADELE, "state": "absent"}]}),
        ({"purge_limit": "0"}, {"users": [{"upn": ALLAN}], "purge": ["users"], "purge_scope": {"domains": ["contoso.com"]}}),
    ):  # fmt: skip
        defaults = {f"group/{COLLECTION}.w365": connection(twin, scim=True), f"{COLLECTION}.w365_directory": guard}
        played = play(role("w365_directory", definition=definition), play={"module_defaults": defaults})
        assert played.code != 0, f"{guard}: {played.output}"
        assert next(iter(guard)) in played.output
    assert twin.environment("contoso")["users"][NESTOR]["active"]


# Tags

TENANT: dict[str, Any] = {
    "environment": {"name": "Contoso", "active": True},
    "sso": SSO,
    "o365_import": EMEA,
    "users": [NEW],
    "groups": [{"name": "Retail"}],
    "administrators": {"add": [NESTOR]},
}
STEPS = ["environment", "sso", "o365_import", "directory"]
KINDS = {"users": "user", "groups": "group", "administrators": "administrator"}


def tenant_run(play: Callable[..., Play], twin: Twin, *words: str) -> Play:
    return named("onboard_tenant", play, twin, "--check", *words, w365_tenant_definition=TENANT)


def reported(played: Play) -> dict[str, str]:
    """Step -> its line in the report of onboard_tenant."""
    (report,) = (step for step in played if step.name.endswith(" : Show what was done"))
    lines = [line.partition(":") for line in report.result["msg"] if not line.startswith("SCIM address")]
    return {name.partition(" ")[0]: rest for name, colon, rest in lines if colon and name.split()[0] in STEPS}


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("step", STEPS)
def test_skipping_a_step_skips_that_step_alone(step: str, twin: Twin, play: Callable[..., Play]) -> None:
    played = tenant_run(play, twin, "--skip-tags", f"w365_tenant_{step}")
    assert played.code == 0, played.output
    same(sorted(reported(played)), sorted(set(STEPS) - {step}), "steps")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("kind", list(KINDS))
def test_skipping_a_list_skips_that_list_alone(kind: str, twin: Twin, play: Callable[..., Play]) -> None:
    played = tenant_run(play, twin, "--skip-tags", f"w365_tenant_{kind},w365_tenant_o365_import")
    assert played.code == 0, played.output
    done = {word for word in KINDS.values() if f" {word} " in reported(played)["directory"]}
    same(done, set(KINDS.values()) - {KINDS[kind]}, "kinds")
    same(sorted(reported(played)), ["directory", "environment", "sso"], "steps")


@pytest.mark.slow
def test_tags_that_select(twin: Twin, play: Callable[..., Play]) -> None:
    """One step, with the first one for the name; and the tag that a play gives to the role."""
    played = tenant_run(play, twin, "--tags", "w365_tenant_sso")
    same(sorted(reported(played)), ["environment", "sso"], "steps of a tag")
    played = tenant_run(play, twin, "--tags", "w365_tenant_sso,w365_tenant_groups", "--skip-tags", "w365_tenant_sso")
    same(sorted(reported(played)), ["directory", "environment"], "steps of a tag without another")
    own = {"tags": ["customer"], "ansible.builtin.import_role": {"name": f"{COLLECTION}.w365_tenant"}}
    task = {**own, "name": "tenant", "vars": {"w365_tenant_definition": TENANT}}
    tell = {"name": "tell", "tags": ["always"], "ansible.builtin.debug": {"var": "w365_tenant_result"}}
    for tag, steps in (("customer", STEPS), ("other", [])):
        played = play(task, tell, defaults=connection(twin, scim=True), arguments=["--check", "--tags", tag])
        assert played.code == 0, played.output
        told = played[-1].result.get("w365_tenant_result", {})
        same(sorted(set(told) - {"changed"}), sorted(steps), f"steps of the tag {tag}")


def test_one_tenant_after_another_keeps_nothing(twin: Twin, play: Callable[..., Play]) -> None:
    """What a step returned for the tenant before is not told about one that has no such step."""
    twin.seed({"environments": [{"name": "lab", "users": []}]})
    first = lab(twin)
    second = {"users": [NEW]}
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "w365_tenant_result"}}
    tasks = [role("w365_tenant", definition=first), role("w365_tenant", definition=second), tell]
    played = play(*tasks, defaults=connection(twin, scim=True), arguments=["--check"])
    assert played.code == 0, played.output
    same(sorted(played[-1].result["w365_tenant_result"]), ["changed", "directory"], "steps of the second tenant")


# A run that does nothing

PROFILES = {"profiles": [{"name": "Press", "group": "Press"}]}
GIVEN: dict[str, dict[str, Any]] = {
    "apply_permissions": {"w365_permission_profiles_definition": PROFILES},
    "report_permissions": {"w365_permission_profiles_definition": PROFILES},
    "apply_directory": {"w365_directory_definition": {"users": [NEW]}},
    "audit_sso": {"w365_hosts": "localhost"},
    "change_sso": {"w365_sso_definition": {"primary_domain": "contoso.com", "app": {}}},
    "export_sync": {"w365_sync_export": "out.yml", "w365_sync_configurations": [{"name": "a", "import": EMEA}]},
    "offboard_user": {"w365_offboard_upns": [NESTOR]},
    "onboard_tenant": {"w365_tenant_definition": TENANT},
    "report_environment": {},
    "rotate_sso_secrets": {"w365_hosts": "localhost", "w365_sso_primary_domain": "contoso.com"},
    "support": {},
    "sync": {"w365_sync_configurations": [{"name": "a", "import": EMEA}]},
}


@pytest.mark.slow_after(3)
@pytest.mark.parametrize("playbook", sorted(GIVEN))
def test_tags_that_select_nothing_are_no_success(playbook: str, twin: Twin, play: Callable[..., Play]) -> None:
    """Unless the playbook is one of several."""
    twin.clear_requests()
    words = ("--tags", "w365_tenent_sso") if playbook != "onboard_tenant" else ("--skip-tags", "w365_tenant")
    played = named(playbook, play, twin, *words, **GIVEN[playbook])
    assert played.code != 0
    assert next(step for step in played if step.status == "failed").name == EMPTY
    assert "Nothing was done." in played.output
    if playbook in ("offboard_user", "onboard_tenant"):
        accepted = named(playbook, play, twin, *words, **GIVEN[playbook], w365_allow_empty_run="yes")
        assert accepted.code == 0, accepted.output
    same(twin.requests(), [], "requests")


def test_a_tenant_without_content_is_no_success(twin: Twin, play: Callable[..., Play]) -> None:
    empty = named("onboard_tenant", play, twin, w365_tenant_definition={"users": [], "groups": []})
    assert empty.code != 0
    assert "The description names no object and no setting" in " ".join(empty.output.split())
    options = named("onboard_tenant", play, twin, w365_tenant_definition={"strict": True})
    assert options.code != 0
    assert "one of the following is required" in options.output


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("playbook", "start", "code"),
    [
        ("apply_directory", "Apply the definition", 0),
        ("offboard_user", "Revoke the role, and delete the accounts", 0),
        ("onboard_tenant", "Bring the tenant to its desired state", 0),
        ("onboard_tenant", "Return what every step did", 2),
        ("onboard_tenant", "Show what was done", 2),
        ("report_environment", "Read the users", 0),
        ("report_environment", "Show the report", 2),
        ("support", "Ask the SCIM service what it can do", 0),
        ("sync", "Import the configurations of the variables", 2),
        ("export_sync", "Write the configurations, without their secrets", 0),
    ],
)
def test_starting_in_the_middle(playbook: str, start: str, code: int, twin: Twin, play: Callable[..., Play]) -> None:
    """What earlier tasks would have computed is computed when it is needed; and a start behind all work is no success."""
    given = GIVEN[playbook]
    if playbook == "sync":
        # Its own sentence, of the role.
        given = {"w365_sync_directory": "nowhere"}
        start = "Import the configurations of the folder"
    played = named(playbook, play, twin, "--check", "--start-at-task", start, **given)
    assert played.code == code, played.output
    if code:
        assert "Nothing was done." in played.output or "--start-at-task leaves that task out" in played.output


# Another user, loops, wrappers


def test_nobody_is_become(twin: Twin, play: Callable[..., Play]) -> None:
    """Whatever ansible.cfg, the environment or the job template say."""
    played = play(
        arguments=["--become", "--become-user", "nobody-at-all", f"{COLLECTION}.report_environment"],
        environ={**environ(twin), "ANSIBLE_BECOME": "true", "ANSIBLE_BECOME_EXE": "/nonexistent/sudo"},
    )
    assert played.code == 0, played.output


def test_a_loop_over_customers_shows_no_key(twin: Twin, play: Callable[..., Play]) -> None:
    """At -vvv too: the loop runs over names, and each name selects a definition. Also when one is refused."""
    twin.seed({"environments": [{"name": "lab", "users": []}]})
    secret, password = "planted-sso-key-4711", "planted-password-4712"
    people = [{**NEW, "password": password}]
    customers = {
        "contoso": {"environment": {"name": "contoso"}, "users": [NEW], "scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token},
        "lab": {"environment": {"name": "lab"}, "sso": {**SSO, "key": secret, "verify": "never"}, "users": people},
        "wrong": {"environment": {"name": "lab"}, "sso": {**SSO, "key": secret, "update_key": "sometimes"}, "users": people},
    }  # fmt: skip
    loop = {
        "name": "every customer",
        "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant"},
        "vars": {"w365_tenant_definition": "{{ customers[customer] }}"},
        "loop": list(customers),
        "loop_control": {"loop_var": "customer"},
    }
    played = play(loop, arguments=["-vvv", "-e", json.dumps({"customers": customers})], defaults=connection(twin, None))
    assert played.code != 0
    assert "sometimes" in played.output
    assert twin.environment("lab")["sso"]
    for value in (secret, password, str(twin.scim_token), str(twin.provisioning_key)):
        assert value not in played.output, value


def group_variables(folder: Path, **variables: Any) -> None:
    (folder / "group_vars").mkdir(parents=True)
    (folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")


@pytest.mark.slow
def test_the_group_variables_that_count(twin: Twin, play: Callable[..., Play], tmp_path: Path) -> None:
    """In a project of AWX with one line that imports a playbook of the collection: those beside the inventory.

    Those beside that line do not, although people expect it: Ansible looks beside the imported playbook.
    """
    people = tmp_path / "people.csv"
    people.write_text(f"upn;first_name;last_name\n{ADELE};Adele;Vance\n", encoding="utf-8")
    line: dict[str, Any] = {"name": "Apply", "ansible.builtin.import_playbook": f"{COLLECTION}.apply_directory"}
    project, inventory = tmp_path / "project", tmp_path / "inventory"
    group_variables(project, w365_directory_src=str(people), w365_environment="contoso")
    group_variables(inventory, w365_directory_src=str(people), w365_environment="contoso")
    (inventory / "hosts").write_text("localhost\n", encoding="utf-8")
    beside, with_vars = project / "apply.yml", project / "with_vars.yml"
    beside.write_text(yaml.safe_dump([line]), encoding="utf-8")
    with_vars.write_text(yaml.safe_dump([{**line, "vars": {"w365_directory_src": str(people)}}]), encoding="utf-8")
    variables = {name: value for name, value in environ(twin).items() if name != "W365_ENVIRONMENT"}
    ignored = play(arguments=[str(beside)], environ=variables)
    assert ignored.code != 0
    assert "Neither is given." in ignored.output
    counts = play(arguments=["-i", str(inventory / "hosts"), str(beside)], environ=variables)
    assert counts.code == 0, counts.output
    assert twin.environment("contoso")["users"][ADELE]["active"]
    # An answer of a survey hides them, also a blank one.
    hidden = play(
        arguments=["-i", str(inventory / "hosts"), "-e", "w365_directory_src=", str(beside)], environ=variables
    )
    assert hidden.code != 0
    assert "Neither is given." in hidden.output
    said = play(arguments=[str(with_vars)], environ=environ(twin))
    assert said.code == 0, said.output


def test_environment_of_a_task_is_shown(twin: Twin, play: Callable[..., Play]) -> None:
    """What the guide warns of: at -vvv Ansible shows the variables of `environment` with their values."""
    shown = {
        "name": "a module of Ansible",
        "ansible.builtin.ping": {},
        "environment": {"W365_PROVISIONING_KEY": "planted-key-4713"},
    }
    assert "planted-key-4713" in play(shown, arguments=["-vvv"]).output
    # Variables of the process, as a credential of AWX sets them, are not.
    options = {**environ(twin), "W365_PROVISIONING_KEY": twin.provisioning_key}
    played = play({"name": "ours", f"{COLLECTION}.w365_environment_info": {}}, arguments=["-vvv"], environ=options)
    assert played.code == 0, played.output
    assert str(twin.provisioning_key) not in played.output


# What a bug report needs


def support(play: Callable[..., Play], variables: dict[str, str], *words: str) -> tuple[Play, list[str]]:
    played = play(arguments=["-vvv", *words, f"{COLLECTION}.support"], environ=variables)
    assert played.code == 0, played.output
    (report,) = (step for step in played if step.name == "Show what was found out")
    return played, [line.strip() for line in report.result["msg"]]


@pytest.mark.slow
def test_what_support_shows(twin: Twin, play: Callable[..., Play]) -> None:
    """Versions, addresses, wires and abilities; no secret, nobody's name, no write; in check mode the same."""
    variables = {**environ(twin), "W365_SCIM_URL": twin.scim_url("contoso") + "?key=planted-in-the-address"}
    for words in ((), ("--check",)):
        twin.clear_requests()
        played, lines = support(play, variables, *words)
        same(twin.writes(), [], "writes")
        for line in (
            "collection: 1.1.0",
            f"instance_url: {twin.instance_url}",
            f"scim_url: {twin.scim_url('contoso')}",
            "provisioning_key: given",
            "client_cert: not given",
            "users and groups: SCIM",
            "list of environments: readable",
            "this environment: active",
            "administrators: 1 users",
            "single sign-on: readable",
            "patch: supported",
            "users: 3",
            "organization: readable",
        ):
            assert line in lines
        assert [
            name
            for name in ("Python", "OpenSSL", "requests", "msal", "ansible-core")
            if not any(line.startswith(f"{name}: ") for line in lines)
        ] == []
        for value in (
            twin.scim_token,
            twin.provisioning_key,
            twin.client_secret,
            "planted-in-the-address",
            ALLAN,
            NESTOR,
        ):
            assert str(value) not in played.output, value


@pytest.mark.slow
def test_support_without_servers(twin: Twin, play: Callable[..., Play]) -> None:
    """Nothing answers, a key is wrong, or nothing is given: each line says what is unknown, and why."""
    away = {
        **environ(twin),
        "W365_INSTANCE_URL": "https://localhost:9",
        "W365_SCIM_URL": "https://localhost:9/contoso/scim/v2",
        "W365_GRAPH_URL": "https://localhost:9/graph",
        "W365_ENTRA_AUTHORITY": "https://localhost:9",
    }
    _played, lines = support(play, away)
    unknown = [line for line in lines if "unknown: no connection to localhost:9" in line]
    same(len(unknown), 8, "\n".join(lines))
    wrong = {**environ(twin), "W365_PROVISIONING_KEY": "planted-wrong-key-1", "W365_SCIM_TOKEN": "planted-wrong-key-2"}
    played, lines = support(play, wrong)
    assert any(line.startswith("what it can do: unknown: ") and "401" in line for line in lines), lines
    assert "planted-wrong-key" not in played.output
    _played, lines = support(play, {})
    assert "users and groups: Provisioning API" in lines
    assert "instance_url: not given" in lines
    assert any("unknown: Option instance_url is needed" in line for line in lines)


def test_support_on_a_server_with_the_documented_endpoints(twin: Twin, play: Callable[..., Play]) -> None:
    twin.switches(profile="documented")
    _played, lines = support(play, environ(twin))
    assert "Exchange settings: not readable" in lines, "\n".join(lines)
    assert any(line.startswith("single sign-on: unknown: this server does not have") for line in lines), lines
    assert any(line.startswith("administrators: unknown: ") for line in lines), lines
