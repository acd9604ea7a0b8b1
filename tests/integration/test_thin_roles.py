# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of the roles prints: few tasks, one line for everything that is wrong, and a summary of a few lines."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pattern import ADELE, ALLAN, NESTOR, plain, same
from playing import COLLECTION, Play, connection, slow
from test_blank_answers import named
from test_roles import SSO, TENANT, role
from w365_simulator.testing import Twin

NEW = {"upn": ADELE, "first_name": "Adele", "last_name": "Vance"}
BUDGET = 6
"""How many tasks a run prints for a tenant at most, with everything around them: includes and checks."""


def headings(played: Play) -> list[str]:
    return [line for line in played.output.splitlines() if line.startswith("TASK [")]


def whole(twin: Twin) -> dict[str, Any]:
    """A definition with all four steps."""
    return {
        "environment": {"name": "Contoso", "active": True},
        "sso": {**SSO, "verify": "never"},
        "o365_import": {"domains": ["emea.contoso.com"]},
        "users": [NEW],
        "groups": [{"name": "Retail", "members": {"set": [ADELE]}}],
        "administrators": {"add": [NESTOR]},
        "scim_url": twin.scim_url("contoso"),
        "scim_token": twin.scim_token,
    }


def summary_of(played: Play) -> list[str]:
    (step,) = (step for step in played if step.name.endswith(": Show what was done") and step.status == "ok")
    lines: list[str] = step.result["msg"]
    return lines


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("how", ["include_role", slow("roles"), "playbook"])
def test_a_tenant_takes_few_tasks_and_says_little(how: str, twin: Twin, play: Callable[..., Play]) -> None:
    """Also the first run, in which everything changes."""

    def run() -> Play:
        if how == "playbook":
            return named("onboard_tenant", play, twin, w365_tenant_definition=whole(twin))
        if how == "roles":
            roles = [{"role": f"{COLLECTION}.w365_tenant"}]
            variables = {"ansible_python_interpreter": sys.executable, "w365_tenant_definition": whole(twin)}
            return play(defaults=connection(twin), play={"roles": roles, "vars": variables})
        return play(role("w365_tenant", definition=whole(twin)), defaults=connection(twin))

    first, again = run(), run()
    for played in (first, again):
        assert played.code == 0, played.output
        assert len(headings(played)) <= BUDGET, headings(played)
    assert [step.result["changed"] for step in first if step.name.endswith(TENANT)] == [True]
    assert not any(step.result.get("changed") or step.writes for step in again)
    same(
        summary_of(again),
        [
            "w365 contoso: unchanged; unknown: the key of sso",
            "environment (contoso): unchanged",
            "sso: key not compared, the rest is unchanged",
            "o365_import: unchanged",
            "directory: unchanged",
            f"SCIM address: {twin.scim_url('contoso')}",
            "Run it again at any time.",
        ],
        "summary of a run without a change",
    )
    assert "directory: administrator grant 1; group create 1; membership change 1; user create 1;" in summary_of(first)
    # Whoever the import has brought comes on top of the one in the list.
    assert re.match(r"w365 contoso: [0-9]+ users created, .*1 administrator role granted", summary_of(first)[0])


WRONG: list[tuple[str, Any, list[str]]] = [
    ("w365_admins_definition", {"ad": [ALLAN]}, ["there is no key 'ad', did you mean 'add'", "required: add, remove, set"]),
    ("w365_admins_definition", [ALLAN], ["it is a list and no dictionary"]),
    (
        "w365_directory_definition",
        {"users": [NEW, {"upn": NESTOR, "fist_name": "N", "password": "a-planted-secret", "active": "perhaps"}], "grups": []},
        [
            "there is no key 'grups', did you mean 'groups'",
            f"users entry 2 ({NESTOR}): there is no key 'fist_name', did you mean 'first_name'",
            f"users entry 2 ({NESTOR}): active must be true or false, not 'perhaps'",
        ],
    ),
    ("w365_environment_definition", {"nam": "lab"}, ["did you mean 'name'", "missing required arguments: name"]),
    (
        "w365_groups_list",
        [{"name": "Retail"}, {"name": "Shops", "members": {"sett": ["a-planted-secret"]}}],
        ["entry 2 (Shops) members: there is no key 'sett', did you mean 'set'"],
    ),
    ("w365_o365_import_definition", {"domains": ["contoso.com"], "delete_limits": "a-planted-secret"}, ["did you mean 'delete_limit'"]),
    (
        "w365_sso_definition",
        {"client": "x", "keys": "a-planted-secret", "verify_timeout": "long"},
        ["did you mean 'client_id'", "did you mean 'key'", "verify_timeout must be a whole number, not 'long'"],
    ),
    ("w365_sso_definition", {**SSO, "key": "a-planted-secret", "app": {"rotte": "always"}}, ["client_id, key and app are given", "app: there is no key 'rotte', did you mean 'rotate'"]),
    ("w365_sso_definition", {"primary_domain": "contoso.com"}, ["client_id, key; app takes their place"]),
    ("w365_scim_definition", {"grups": ["a-planted-secret"], "delete_threshold": "many"}, ["did you mean 'groups'", "delete_threshold must be a whole number, not 'many'"]),
    (
        "w365_users_list",
        [{**NEW, "passwort": "a-planted-secret"}, "a-planted-secret", {"state": "gone"}],
        [
            f"entry 1 ({ADELE}): there is no key 'passwort', did you mean 'password'",
            "entry 2: it is a text and no dictionary",
            "entry 3: missing required arguments: upn",
            "entry 3: value of state must be one of: present, absent, got: gone",
        ],
    ),
    ("w365_users_list", {"upn": ADELE}, ["it is a dictionary and no list of dictionaries"]),
    (
        "w365_tenant_definition",
        {"environment": {"name": "northwind"}, "user": [], "sso": {**SSO, "client_id": 5}, "groups": [{"nam": "Retail"}]},
        ["there is no key 'user', did you mean 'users'", "groups entry 1: there is no key 'nam', did you mean 'name'"],
    ),
    ("w365_tenant_definition", {"environment": {"name": "northwind"}, "sso": {**SSO, "client_id": 5}}, ["Option sso.client_id is 5, a number"]),
    ("w365_tenant_definition", {"sso": {"primary_domain": "contoso.com", "app": {"return_secret": True}}, "scim": {"user": []}}, ["no result of a tenant holds the text of a secret", "scim: there is no key 'user', did you mean 'users'"]),
    ("w365_tenant_definition", {"scim": "notification_email=a-planted-secret"}, ["scim must be a dictionary"]),
    ("w365_tenant_definition", {"strict": True}, ["one of the following is required: environment, sso"]),
    ("w365_tenant_definition", "contoso.yml", ["it is a text and no dictionary"]),
]  # fmt: skip


def test_what_is_wrong_is_one_line(twin: Twin, play: Callable[..., Play]) -> None:
    """All of it at once, with the entry, its name and the nearest key, and without values; nothing is asked or written."""
    before = twin.state()
    twin.clear_requests()
    tasks = []
    for variable, value, _said in WRONG:
        called = variable.removesuffix("_definition").removesuffix("_list")
        tasks.append(
            {
                "name": variable,
                "block": [role(called, **{variable.removeprefix(f"{called}_"): value})],
                "rescue": [{"name": "go on", "ansible.builtin.debug": {"msg": "refused"}}],
            }
        )
    played = play(*tasks, defaults=connection(twin, scim=True))
    assert played.code == 0, played.output
    refused = [step for step in played if step.status == "failed"]
    assert len(refused) == len(WRONG), played.output
    for step, (variable, _value, said) in zip(refused, WRONG, strict=True):
        results = step.result.get("results")
        assert results is None or len(results) == 1, "a loop goes on"
        if results and "msg" not in results[0]:
            # ansible-core 2.21 tells a callback nothing about the items of a loop, but prints them.
            printed = [line for line in played.output.splitlines() if line.startswith("failed: [localhost]")]
            assert any(all(part in line for part in (f"{variable} cannot be used: ", *said)) for line in printed), (
                printed
            )
            continue
        message = results[0]["msg"] if results else step.message
        assert message.startswith((f"{variable} cannot be used: ", "Option ")), message
        for part in said:
            assert part in message, message
        assert "\n" not in message
        assert len(message) < 700, message
        assert message.count("Nothing was written.") == 1
        # As Ansible prints it, for people.
        assert len(json.dumps(step.result)) < 1500, step.result
    assert "a-planted-secret" not in played.output
    same(twin.requests(), [], "requests")
    same(plain(twin.state()), plain(before), "state")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("configurations", "said"),
    [
        (
            [{"name": "contoso", "import": {"everything": True}}, "a-planted-secret"],
            "entry 2: it is a text and no dictionary",
        ),
        ({"name": "contoso", "scim_token": "a-planted-secret"}, "it is a dictionary and no list of dictionaries"),
        ("a-planted-secret", "it is a text and no list of dictionaries"),
    ],
)
def test_what_is_wrong_with_the_customers_of_the_playbook(
    configurations: Any, said: str, twin: Twin, play: Callable[..., Play]
) -> None:
    """Ansible's own check lets it pass, and so prints no secret of it."""
    played = named("sync", play, twin, "-v", w365_sync_configurations=configurations)
    (failed,) = (step for step in played if step.status == "failed")
    assert f"w365_sync_configurations cannot be used: {said}" in failed.message
    assert "a-planted-secret" not in played.output


@pytest.mark.slow
def test_a_variable_that_is_missing(twin: Twin, play: Callable[..., Play]) -> None:
    roles = (
        "w365_admins",
        "w365_directory",
        "w365_environment",
        "w365_o365_import",
        "w365_scim",
        "w365_sso",
        "w365_sync",
        "w365_tenant",
    )
    tasks = [
        {
            "name": name,
            "block": [role(name)],
            "rescue": [{"name": "go on", "ansible.builtin.debug": {"msg": "refused"}}],
        }
        for name in roles
    ]
    played = play(*tasks, defaults=connection(twin, scim=True))
    assert played.code == 0, played.output
    messages = [step.message for step in played if step.status == "failed"]
    for name, message in zip(roles, messages, strict=True):
        variable = f"{name}_{'configurations' if name == 'w365_sync' else 'definition'}"
        assert variable in message, message
        assert len(message) < 500, message


# The steps of a tenant


def test_a_step_that_fails_leaves_the_results_of_the_others(twin: Twin, play: Callable[..., Play]) -> None:
    """For a rescue, and in the summary; and the steps after it do not run."""
    definition = {**whole(twin), "sso": {**SSO, "key": "wrong"}}
    tell = {"name": "tell", "ansible.builtin.debug": {"var": "told"}, "vars": {"told": "{{ [w365_environment_result.changed, w365_sso_result, w365_directory_result, w365_tenant_result.keys() | sort] }}"}}  # fmt: skip
    task = {"name": "tenant", "block": [role("w365_tenant", definition=definition)], "rescue": [tell]}
    played = play(task, defaults=connection(twin))
    assert played.code == 0, played.output
    (failed,) = (step for step in played if step.status == "failed")
    same(failed.result["step"], "sso", "the step that failed")
    same(played[-1].result["told"], [False, {}, {}, ["changed", "environment"]], "what a rescue knows")
    lines = summary_of(played)
    assert lines[0] == "w365 contoso: failed in sso; nothing was changed"
    assert lines[1].startswith("failed: sso: ")
    assert lines[2:4] == ["not reached: o365_import, directory", "environment (contoso): unchanged"]
    assert lines[-1] == "Fix the cause and rerun it."
    assert ADELE not in twin.environment("contoso")["users"]


def test_passwords_of_users_hide_the_result_of_their_step_alone(twin: Twin, play: Callable[..., Play]) -> None:
    users = [{**NEW, "password": "a-planted-secret"}]
    definition = {**whole(twin), "users": users, "scim_url": None, "scim_token": None}
    for change, hidden in (({"sso": {**SSO, "key": "wrong"}}, False), ({"administrators": {"add": ["nobody"]}}, True)):
        played = play(role("w365_tenant", definition={**definition, **change}), defaults=connection(twin))
        (failed,) = (step for step in played if step.status == "failed")
        same("censored" in failed.result, hidden, "whether the result is hidden")
        assert "a-planted-secret" not in played.output
    shown = play(
        role("w365_tenant", definition={**definition, "administrators": {"add": ["nobody"]}}),
        defaults=connection(twin),
        arguments=["-vvv", "-e", "w365_directory_secure_logging=false"],
    )
    (failed,) = (step for step in shown if step.status == "failed")
    same(failed.result["step"], "directory", "the step that failed")
    assert "a-planted-secret" not in shown.output


def test_what_is_hidden_stays_hidden_in_facts_and_after_a_time_limit(twin: Twin, play: Callable[..., Play]) -> None:
    """The facts hold what the result holds. A step that is cut off has no result, and nothing is shown of its options."""
    users = [{**NEW, "password": "a-planted-secret"}]
    definition = {"environment": {"name": "contoso"}, "users": users}
    told = {"name": "told", "ansible.builtin.debug": {"msg": "{{ w365_directory_result.results[0].action }}"}}
    done = play(role("w365_tenant", definition=definition), told, defaults=connection(twin, None), arguments=["-vvv"])
    assert done.code == 0, done.output
    (facts,) = (step for step in done if step.name.endswith(": Return what every step did"))
    assert "censored" in facts.result
    same(done[-1].result["msg"], "create", "what a later task knows")
    definition["users"] = [{**NEW, "upn": NESTOR, "first_name": "N", "password": "a-planted-secret"}]
    twin.fault(surface="provisioning", path="(?i)user", action="latency", seconds=60, times=-1)
    cut = play(
        role("w365_tenant", definition=definition),
        defaults=connection(twin, None),
        arguments=["-vvv"],
        environ={"ANSIBLE_TASK_TIMEOUT": "3"},
    )
    (failed,) = (step for step in cut if step.status == "failed")
    # Since ansible-core 2.19 the time limit is an error, which ends the step; before, it ends the task.
    assert failed.name.endswith(TENANT)
    assert "censored" in failed.result or "timedout" in failed.result, failed.result
    for played in (done, cut):
        assert "a-planted-secret" not in played.output


def test_two_hosts_never_share_a_scim_address(twin: Twin, play: Callable[..., Play]) -> None:
    """They run in processes of their own, side by side. The same customer on two hosts may."""
    twin.seed({"environments": [{"name": "fabrikam", "users": []}]})
    own = {"users": [NEW], "scim_url": twin.scim_url("contoso"), "scim_token": twin.scim_token}
    head = {"hosts": "all:!localhost", "connection": "local", "vars": {"ansible_python_interpreter": sys.executable}}

    def run(names: tuple[str, str]) -> Play:
        variables = {
            "ansible_python_interpreter": sys.executable,
            "names": dict(zip(("one", "two"), names, strict=True)),
        }
        definition = {**own, "environment": {"name": "{{ names[inventory_hostname] }}"}}
        variables["w365_tenant_definition"] = definition
        tenant = {"name": "tenant", "ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant"}}
        return play(
            tenant, defaults=connection(twin, None), play={**head, "vars": variables}, arguments=["-i", "one,two"]
        )

    played = run(("contoso", "fabrikam"))
    refused = [step.message for step in played if step.status == "failed" and step.name.endswith(TENANT)]
    # Whoever comes first; the address itself contradicts the other one.
    assert any("in this run it was also given for environment" in message for message in refused), refused
    same(twin.environment("fabrikam")["users"], {}, "people of the other customer")
    both = run(("contoso", "Contoso"))
    assert both.code == 0, both.output


def test_a_definition_is_checked_without_a_server(twin: Twin, play: Callable[..., Play]) -> None:
    """All that the role itself says of it, on two hosts; without a request, and without anything that looks like a run."""
    before = twin.state()
    twin.clear_requests()
    check = {"ansible.builtin.include_role": {"name": f"{COLLECTION}.w365_tenant", "tasks_from": "check"}}
    wrong = [(value, said) for variable, value, said in WRONG if variable == "w365_tenant_definition"]
    other = {**whole(twin), "environment": {"name": "northwind"}}
    given = [(whole(twin), []), *wrong, (other, ["in this run it was also given for environment Contoso"])]
    tasks = [
        {
            "name": "definition",
            "block": [{**check, "vars": {"w365_tenant_definition": definition}}],
            "rescue": [{"name": "go on", "ansible.builtin.debug": {"msg": "refused"}}],
        }
        for definition, _said in given
    ]
    played = play(*tasks)
    assert played.code == 0, played.output
    checked = [step for step in played if step.name.endswith("Check the definition of the tenant")]
    for step, (_definition, said) in zip(checked, given, strict=True):
        assert step.status == ("failed" if said else "ok"), step.message
        assert not step.result["changed"]
        assert [part for part in said if part not in step.message] == [], step.message
    assert "No server was asked, and nothing was written." in checked[0].message
    assert "a-planted-secret" not in played.output
    same(twin.requests(), [], "requests")
    same(plain(twin.state()), plain(before), "state")
