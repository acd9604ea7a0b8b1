# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the task of the playbook fleet_audit asks the modules, and what it keeps of their results."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError

audit_action: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant_audit_action"
)

PLANTED = "a-planted-secret"
PERSON = "adele.vance@contoso.com"
ENVIRONMENT = {
    "environments": [{"name": "contoso", "active": True}],
    "readable": True,
    "filtered_by": "contoso",
    "changed": False,
}
DIFFERS = {
    "changed": True,
    "compared": True,
    "results": [
        {"kind": "user", "name": PERSON, "action": "update", "outcome": "planned", "changes": {"phone": "+1 425"}},
        {"kind": "membership", "name": "Sales", "action": "change", "changes": {"add": [], "remove": [PERSON]}},
    ],
    "left_out": [{"kind": "user", "name": PERSON, "reason": "is protected"}],
    "warnings": [],
}
RESULTS: dict[str, dict[str, Any]] = {
    "environment": ENVIRONMENT,
    "administrators": {"administrators": [{"upn": PERSON, "active": active} for active in (True, True, False, None)]},
    "sso": {"found": True, "drift": [], "invocation": PLANTED, "owners": [PERSON]},
    "scim": {"found": True, "assignments": [PERSON], "staged_removals": [PERSON], "job": None},
    "scim_key": {"status": 200, "json": {"totalResults": 1, "Resources": [{"userName": PERSON}]}},
    "environment of file": {"changed": False, "compared": True, "results": []},
    "sso of file": {"changed": False, "compared": True, "results": []},
    "directory of file": DIFFERS,
}
CLIENT_ID = "00000000-0000-4000-8000-0000000000b2"


class Asked(dict[str, dict[str, Any]]):
    """Step -> the options that it was given."""


Audit = Callable[..., dict[str, Any]]


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch, asked: Asked) -> Audit:
    """The result for these variables, where each step returns what RESULTS or `ends` says."""
    for name in ("W365_SCIM_URL", "W365_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)

    def run(
        ends: Mapping[str, dict[str, Any]] | None = None, defaults: Mapping[str, Any] | None = None, **variables: Any
    ) -> dict[str, Any]:
        def add_defaults(arguments: dict[str, Any], _task: Any, _templar: Any, _known: Any) -> None:
            for name, value in (defaults or {}).items():
                if isinstance(value, Exception):
                    raise value
                if arguments.get(name) is None:
                    arguments[name] = value

        def run_step(step: str, options: dict[str, Any], _variables: Any, hides: bool) -> dict[str, Any]:
            assert hides
            asked[step] = options
            return {**RESULTS, **(ends or {})}[step]

        def template(value: Any) -> Any:
            if isinstance(value, Exception):
                raise value
            return value

        monkeypatch.setattr(audit_action, "add_defaults", add_defaults)
        action = audit_action.TenantAuditAction.__new__(audit_action.TenantAuditAction)
        action._templar = SimpleNamespace(template=template)
        action._known_defaults = {}
        action._run_step = run_step
        action._action_of = lambda step, options: SimpleNamespace(_task=None, environment_variables=dict)
        given = {"audit_environment": "contoso", **{f"audit_{name}": value for name, value in variables.items()}}
        found: dict[str, Any] = action._audit(given)
        json.dumps(found)
        return found

    return run


def test_no_values_of_people_are_kept(audit: Audit) -> None:
    found = audit(
        directory={"users": [{"upn": PERSON, "phone": "+1 425"}]},
        connection={"scim_url": "https://workspace.contoso.com/contoso/scim/v2", "scim_token": PLANTED},
    )
    directory = found["results"]["drift"].pop("directory")
    assert directory == {
        "items": [
            {"kind": "user", "name": PERSON, "action": "update", "removes": False},
            {"kind": "membership", "name": "Sales", "action": "change", "removes": True},
        ],
        "compared": True,
        "left_out": 1,
        "warnings": [],
    }
    assert found["results"]["administrators"] == {"active": 2, "maybe": 1}
    assert found["results"]["scim_key"] == {"status": 200, "answers": True, "inactive": False}
    for hidden in (PERSON, PLANTED, "+1 425"):
        assert hidden not in json.dumps(found)


def test_one_variable_that_cannot_be_read_leaves_the_others(audit: Audit) -> None:
    unread = AnsibleError("'vault_contoso' is\nundefined")
    found = audit(tenant=unread, sso=unread, accepted=unread, parts=unread, without=[])
    assert found["results"]["environment"]["name"] == "contoso"
    assert "administrators" in found["results"]
    assert found["results"]["sso"] == {"msg": "'vault_contoso' is undefined"}
    (definition,) = found["results"]["drift"].values()
    assert "w365_tenant_definition cannot be read: 'vault_contoso' is undefined" in definition["msg"]
    assert found["hidden"] is True, "it may hold passwords"
    assert [text.partition(" ")[0] for text in found["mistakes"]] == ["w365_audit_parts", "w365_accepted"]
    assert found["parts"] == list(audit_action.PARTS)


def test_a_connection_that_cannot_be_read_is_the_reason_of_each_part(audit: Audit) -> None:
    found = audit(defaults={"scim_token": AnsibleError("no vault")}, directory={"users": [{"upn": PERSON}]})
    drift = found["results"].pop("drift")
    results = {**found["results"], **drift}
    assert {name: result["msg"] for name, result in results.items()} == dict.fromkeys(
        ("environment", "administrators", "sso", "scim", "scim_key", "directory"), "no vault"
    )


@pytest.mark.parametrize(
    ("variables", "parts", "mistakes"),
    [
        ({}, ["environment", "administrators", "sso", "scim", "scim_key", "drift"], 0),
        ({"without": ["scim", "drift"]}, ["environment", "administrators", "sso", "scim_key"], 0),
        ({"parts": ["sso", "import"]}, ["environment", "administrators", "sso", "scim_key", "drift"], 0),
        ({"parts": ["import"], "without": ["drift"]}, ["environment", "administrators", "scim_key"], 0),
        ({"without": ["users"]}, ["environment", "administrators", "sso", "scim", "scim_key", "drift"], 1),
        ({"parts": ["scm"]}, ["environment", "administrators", "scim_key", "drift"], 1),
        ({"without": list(audit_action.PARTS)}, [], 0),
    ],
)
def test_parts(audit: Audit, variables: dict[str, Any], parts: list[str], mistakes: int) -> None:
    found = audit(**variables)
    assert (found["parts"], len(found["mistakes"])) == (parts, mistakes)
    assert list(found["results"]) == parts


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"directory": {"user": [{"upn": PERSON}]}},
            "w365_directory_definition cannot be used: there is no key 'user'",
        ),
        ({"tenant": {"envronment": {"name": "contoso"}}}, "w365_tenant_definition cannot be used"),
        ({"tenant": {"environment": {"name": "fabrikam"}}}, "a file belongs to one environment"),
    ],
)
def test_a_file_that_cannot_be_used_is_compared_with_nothing(
    audit: Audit, asked: Asked, variables: dict[str, Any], sentence: str
) -> None:
    drift = audit(**variables)["results"]["drift"]
    assert list(drift) == ["definition"]
    assert sentence in drift["definition"]["msg"]
    assert not {step for step in asked if step.endswith("of file")}


def test_what_writes_files_or_signs_in_is_left_out(audit: Audit, asked: Asked) -> None:
    sso = {"primary_domain": "contoso.com", "client_id": CLIENT_ID, "key": PLANTED, "preflight": "always"}
    audit(
        directory={
            "users": [{"upn": PERSON}],
            "plan_file": "plan.json",
            "return_plan": True,
            "report_file": ["report.html"],
            "progress_file": "progress.log",
            "purge_limit": "5%",
        },
        sso=sso,
        tenant={"environment": {"name": "Contoso", "active": True}, "sso": {key: sso[key] for key in list(sso)[:3]}},
    )
    assert set(asked["directory of file"]) == {"environment", "users", "purge_limit"}
    assert asked["sso of file"]["key"] != PLANTED
    assert (asked["sso of file"]["verify"], asked["sso of file"]["preflight"]) == ("never", "never")
    assert asked["environment of file"]["when_unreadable"] == "skip"


def test_the_lists_of_a_tenants_file_are_compared_too(audit: Audit, asked: Asked) -> None:
    tenant = {
        "environment": {"name": "contoso"},
        "scim_url": "https://workspace.contoso.com/contoso/scim/v2",
        "scim_token": PLANTED,
        "users": [{"upn": PERSON}],
        "report_file": ["report.html"],
    }
    audit(tenant=tenant)
    assert set(asked["directory of file"]) == {"environment", "scim_url", "scim_token", "users", "purge"}
    assert asked["scim_key"]["scim_url"] == tenant["scim_url"]
    waits = audit(tenant={**tenant, "scim_url": "", "scim_token": ""})["results"]
    assert "wait until SCIM is switched on" in waits["drift"]["directory"]["msg"]
    assert waits["scim_key"] == {"given": False}


def test_files_that_would_begin_in_the_collection_are_not_compared(audit: Audit, asked: Asked) -> None:
    """The module would look for them beside the playbook, and another file may be there. A report is not made anyway."""
    files = {"src": ["/srv/a.csv", "b.csv"], "report_file": ["report.html"]}
    for given, variable in (
        ({"directory": files}, "w365_directory_definition"),
        ({"tenant": {"environment": {"name": "contoso"}, **files}}, "w365_tenant_definition"),
    ):
        said = audit(**given)["results"]["drift"]["directory"]["msg"]
        assert said == f"The paths in {variable} include b.csv. Give absolute paths there, which begin with /."
        assert "directory of file" not in asked


def test_a_missing_environment_is_not_compared(audit: Audit, asked: Asked) -> None:
    listed = {**ENVIRONMENT, "environments": []}
    directory = {"users": [{"upn": PERSON}]}
    absent = audit({"environment": listed}, directory=directory)["results"]["drift"]["directory"]
    assert absent == {"msg": "The instance has no environment contoso.", "by_module": False}
    assert "directory of file" not in asked
    warned = {**DIFFERS, "warnings": [f"Environment 'contoso' does not exist yet. {audit_action.MISSING}, as if."]}
    for end in (
        {"environment": {**listed, "readable": False}, "directory of file": warned},
        {"environment": {"failed": True, "msg": "HTTP 500"}, "directory of file": warned},
    ):
        assert "items" not in audit(end, directory=directory)["results"]["drift"]["directory"]


def test_without_a_name_nothing_of_the_whole_instance_is_kept(audit: Audit) -> None:
    every = {**ENVIRONMENT, "environments": [{"name": "contoso"}, {"name": "fabrikam"}], "filtered_by": None}
    found = audit({"environment": every}, environment="")
    assert "No environment is named" in found["results"]["environment"]["msg"]
    assert "fabrikam" not in json.dumps(found)


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        (
            {"failed": True, "msg": "wrong", "http_status": 401},
            {"msg": "wrong", "http_status": 401, "status": 401, "inactive": False},
        ),
        ({"failed": True, "msg": "no answer"}, {"msg": "no answer", "status": None, "inactive": False}),
        ({"status": 200, "json": None}, {"status": 200, "answers": False, "inactive": False}),
        ({"status": 200, "json": []}, {"status": 200, "answers": False, "inactive": False}),
        ({"status": 200, "json": {"totalResults": "many"}}, {"status": 200, "answers": False, "inactive": False}),
        ({"failed": True}, {"msg": "the task ended without a reason", "status": None, "inactive": False}),
    ],
)
def test_what_the_scim_service_answers(audit: Audit, end: dict[str, Any], kept: dict[str, Any]) -> None:
    address = {"scim_url": "https://workspace.contoso.com/contoso/scim/v2"}
    assert audit({"scim_key": end}, defaults=address)["results"]["scim_key"] == kept


def test_the_address_of_the_scim_service(audit: Audit, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit()["results"]["scim_key"] == {"given": False}
    assert "scim_key" not in asked
    monkeypatch.setenv("W365_SCIM_URL", "https://workspace.contoso.com/contoso/scim/v2")
    audit()
    assert asked["scim_key"]["path"] == "/Users"
    assert audit(connection={"scim_url": "", "scim_token": ""})["results"]["scim_key"] == {"given": False}


@pytest.mark.parametrize(
    ("variables", "hidden"),
    [
        ({}, False),
        ({"directory": {"users": [{"upn": PERSON}]}}, False),
        ({"directory": {"users": [{"upn": PERSON, "password": PLANTED}]}}, True),
        ({"tenant": {"users": [{"upn": PERSON, "password": PLANTED}]}}, True),
        ({"directory": {"users": [{"upn": PERSON, "password": PLANTED}]}, "shows_names": True}, False),
        ({"directory": {"users": "adele"}}, True),
        ({"directory": AnsibleError("no vault")}, True),
        ({"directory": AnsibleError("no vault"), "shows_names": True}, False),
        ({"shows_names": AnsibleError("'perhaps'")}, True),
    ],
)
def test_names_are_hidden_with_passwords(audit: Audit, variables: dict[str, Any], hidden: bool) -> None:
    assert audit(**variables)["hidden"] is hidden


@pytest.mark.parametrize(
    ("accepted", "kept"), [("", None), (None, None), ("[]", []), ('[{"a": 1}]', [{"a": 1}]), ([{"a": 1}], [{"a": 1}])]
)
def test_acceptances_come_as_json_or_as_they_are(audit: Audit, accepted: Any, kept: Any) -> None:
    """Which of the two depends on the version of ansible-core."""
    assert audit(accepted=accepted)["accepted"] == kept


def test_the_words_of_a_missing_environment_are_those_of_the_modules() -> None:
    task: Any = importlib.import_module(
        "ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.base"
    )
    said: list[str] = []
    fake = SimpleNamespace(environment="contoso", warn=said.append)
    task.Task.warn_missing_environment(fake)
    assert audit_action.MISSING in said[0]


def options_of(module: str) -> set[str]:
    found: Any = importlib.import_module(f"ansible_collections.workspace365.provisioning.plugins.modules.{module}")
    return set(found.ARGUMENT_SPEC)


def test_every_option_that_tells_how_to_read_is_passed_on() -> None:
    """Otherwise the audit would compare with something else than what is kept."""
    assert {"client_id", *audit_action.OF_SSO_APP} == options_of("w365_sso_app_info")
    assert set(audit_action.NOT_COMPARED) <= options_of("w365_directory")
