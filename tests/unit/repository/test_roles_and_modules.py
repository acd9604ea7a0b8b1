# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role takes every option of the module that it runs, and passes every one of them on.

The module's ARGUMENT_SPEC, the role's argument spec and the keys of the role's task are compared, in both directions. The
connection is not part of it: roles leave that to module_defaults and W365_* environment variables.
"""

from __future__ import annotations

import copy
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

documentation: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.modules.test_documentation"
)
version_added: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.repository.test_version_added"
)

w365_connection: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.lookup.w365_connection"
)
arguments: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments"
)
tenants: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant")
actions: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant_action"
)

ROOT: Path = documentation.ROOT
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
COLLECTION: str = documentation.COLLECTION


class Runs(NamedTuple):
    """How a role runs a module.

    `options` is where the module's options are in the role's argument spec: the variable, and keys below it.
    `values` is the variable whose keys the task passes on, and `tasks` the task's file. Of the module's options, `beside`
    are keys of the dictionary around the last of `options`.
    """

    role: str
    module: str
    options: tuple[str, ...]
    values: str
    tasks: str = "main.yml"
    beside: tuple[str, ...] = ()

    @property
    def below(self) -> str:
        """Before the names of options in LEFT_OUT: nothing, unless the role takes them below a key of their own."""
        return f"{self.options[1]}." if self.beside else ""


# The roles with a task for a module. Four are different and have tests of their own: the variable of w365_admins is the
# only option of its module, w365_tenant includes the other roles, w365_offboard decides itself what to do, and
# w365_permission_profiles makes groups of its profiles.
RUNS = [
    Runs("w365_directory", "w365_directory", ("w365_directory_definition",), "__w365_directory_definition"),
    Runs("w365_environment", "w365_environment", ("w365_environment_definition",), "__w365_environment_definition"),
    Runs("w365_groups", "w365_group", ("w365_groups_list",), "__w365_groups_group"),
    Runs("w365_o365_import", "w365_o365_import", ("w365_o365_import_definition",), "__w365_o365_import_definition"),
    Runs("w365_scim", "w365_scim_app", ("w365_scim_definition",), "__w365_scim_definition"),
    Runs("w365_sso", "w365_sso", ("w365_sso_definition",), "__w365_sso_definition"),
    Runs(
        "w365_sso",
        "w365_sso_app",
        ("w365_sso_definition", "app"),
        "__w365_sso_definition.app",
        "app.yml",
        ("authority", "primary_domain"),
    ),
    Runs("w365_sync", "w365_o365_import", ("w365_sync_configurations", "import"), "__w365_sync_import", "batch.yml"),
    Runs("w365_users", "w365_user", ("w365_users_list",), "__w365_users_user"),
]

# The steps of w365_tenant that take a dictionary of their own, and the role for the rest.
TENANT = "w365_tenant_definition"
# What the definition of a tenant says about its SCIM service: the connection, and whether to wait for it.
TENANT_SCIM = {"scim_url", "scim_token", "scim_required"}
STEPS = {
    "environment": "w365_environment",
    "sso": "w365_sso",
    "scim": "w365_scim",
    "o365_import": "w365_o365_import",
}
MODULES = {**STEPS, "scim": "w365_scim_app"}
"""The module of each step; the roles of the others have the names of their modules."""
LAST_STEP = "w365_directory"

_DELETED = "w365_tenant sets an environment up; the role w365_environment deletes one"
_PLAN = "a plan would hold the last of the four steps only; the role w365_directory makes and applies plans"
_PURGE = (
    "users and groups that the import has brought, or that the run's tags leave out, would count as listed nowhere; the "
    "role w365_directory purges"
)
_REMOVED = "these roles set single sign-on up; the role w365_offboard takes it down"
_BESIDE = "it is the same with a client id and key, so it stands beside app"
LEFT_OUT = {
    ("w365_sso", "app.state"): _REMOVED,
    ("w365_sso", "app.check_others"): _REMOVED,
    ("w365_sso", "app.authority"): _BESIDE,
    ("w365_sso", "app.primary_domain"): _BESIDE,
    ("w365_tenant", "sso.app.return_secret"): "no result of a tenant holds the text of a secret; that of w365_sso may",
    (
        "w365_sync",
        "progress_file",
    ): "a service writes its progress to the journal; it has folders for state and reports",
    ("w365_tenant", "environment.state"): _DELETED,
    ("w365_tenant", "environment.delete_confirmation"): _DELETED,
    ("w365_tenant", "plan_file"): _PLAN,
    ("w365_tenant", "return_plan"): _PLAN,
    ("w365_tenant", "apply_plan"): _PLAN,
    ("w365_tenant", "apply_plan_content"): _PLAN,
    ("w365_tenant", "plan_digest"): _PLAN,
    ("w365_tenant", "trust_local_files"): _PLAN,
    ("w365_tenant", "purge"): _PURGE,
    ("w365_tenant", "purge_scope"): _PURGE,
    ("w365_tenant", "purge_limit"): _PURGE,
}
"""(role, option) -> why the role does not take this option."""

_EITHER = "app takes its place; the check of the role says what is missing (test_role_arguments)"
DIFFERENT = {
    ("w365_sso", "client_id: required is True in the module and False in the role"): _EITHER,
    ("w365_sso", "key: required is True in the module and False in the role"): _EITHER,
    ("w365_sso", "app is no option of the module"): "its keys are the options of another module, w365_sso_app",
}
"""(role, difference) -> why the role is different there."""

WITHOUT_MODULE = {"w365_twin": "it runs the twin, which is a program of its own"}
"""Role -> why it runs no module of the collection."""

RULES = ("mutually_exclusive", "required_one_of", "required_together")


def left_out(role: str, below: str = "") -> set[str]:
    """The options that the role does not take; `below` is a step of w365_tenant, such as V(sso.)."""
    names = {name[len(below) :] for owner, name in LEFT_OUT if owner == role and name.startswith(below)}
    # What is further below is compared there.
    return {name for name in names if "." not in name}


def role_file(role: str, *path: str) -> Any:
    return yaml.safe_load((ROOT / "roles" / role).joinpath(*path).read_text(encoding="utf-8"))


def role_spec(role: str, *path: str) -> dict[str, Any]:
    """One variable of a role in its argument spec, or what stands at the path of keys below it."""
    found: dict[str, Any] = {"options": arguments.role_options(role)}
    for key in path:
        found = found["options"][key]
    return found


def module_spec(module: str) -> dict[str, Any]:
    """The module's own options."""
    spec: dict[str, Any] = documentation.load(module).ARGUMENT_SPEC
    return spec


def names(spec: Mapping[str, Any]) -> dict[str, str]:
    """Every name that an option may be given by, with the option."""
    return {alias: name for name, given in spec.items() for alias in (name, *given.get("aliases", ()))}


def facts(option: Mapping[str, Any]) -> dict[str, Any]:
    """What an argument spec says about an option, apart from the default: that is the module's alone."""
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "choices": list(option.get("choices") or ()),
        "required": bool(option.get("required")),
        "no_log": bool(option.get("no_log")),
        **{rule: sorted(sorted(group) for group in option.get(rule, ())) for rule in RULES},
    }


def differences(module: Mapping[str, Any], role: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """How the options of a module differ from those of a role, one sentence each. The role may use an alias."""
    known = names(module)
    taken = {known.get(key, key): option for key, option in role.items()}
    for name in module:
        if name not in taken:
            yield f"{where}{name} is not in the role"
    for name, option in taken.items():
        if name not in module:
            yield f"{where}{name} is no option of the module"
            continue
        there, here = facts(module[name]), facts(option)
        for key, value in there.items():
            if here[key] != value:
                yield f"{where}{name}: {key} is {value} in the module and {here[key]} in the role"
        if "default" in option:
            yield f"{where}{name}: the default is the module's"
        yield from differences(module[name].get("options") or {}, option.get("options") or {}, f"{where}{name}.")


def not_in_the_role(options: set[str], role: str = "") -> list[str]:
    return sorted(
        [
            *(f"{name} is not in the role" for name in options),
            *(difference for owner, difference in DIFFERENT if owner == role),
        ]
    )


def of_module(run: Runs) -> str:
    return run.role if run.module == run.role else f"{run.role}-{run.module}"


def module_task(tasks: list[Any], module: str) -> dict[str, Any]:
    """The options that a role's only task for the module passes."""
    (found,) = (task[f"{COLLECTION}.{module}"] for task in tasks if f"{COLLECTION}.{module}" in task)
    return dict(found)


def task_mistakes(passed: Mapping[str, str], module: Mapping[str, Any], values: str) -> Iterator[str]:
    """What is wrong with the options of a task that takes them from the keys of a variable."""
    known = names(module)
    for name in module:
        if name not in passed:
            yield f"{name} is not passed"
    for name, value in passed.items():
        keys = set(re.findall(rf"\b{values}\.(\w+)", value))
        if name not in module:
            yield f"{name} is no option of the module"
        elif {known.get(key) for key in keys} != {name}:
            yield f"{name} is taken from {', '.join(sorted(keys)) or 'elsewhere'}"
        elif "omit" not in value:
            # Also for one that is required: the check of the role says that it is missing, and not a template.
            yield f"{name} is passed without a value where it is not given"


# What is in the repository


def test_every_role_is_compared() -> None:
    others = {"w365_admins", "w365_offboard", "w365_permission_profiles", "w365_tenant", *WITHOUT_MODULE}
    assert sorted({*(run.role for run in RUNS), *others}) == ROLES


@pytest.mark.parametrize("run", RUNS, ids=of_module)
def test_a_role_takes_the_options_of_its_module(run: Runs) -> None:
    found = differences(module_spec(run.module), role_spec(run.role, *run.options)["options"])
    assert sorted(found) == not_in_the_role(left_out(run.role, run.below), "" if run.beside else run.role)
    assert left_out(run.role, run.below) >= set(run.beside)


@pytest.mark.parametrize("run", RUNS, ids=of_module)
def test_a_role_passes_the_options_on(run: Runs) -> None:
    passed = module_task(role_file(run.role, "tasks", run.tasks), run.module)
    around = {name: passed.pop(name) for name in run.beside}
    found = task_mistakes(passed, module_spec(run.module), run.values)
    assert sorted(found) == sorted(f"{name} is not passed" for name in left_out(run.role, run.below))
    outer = run.values.rpartition(".")[0]
    assert list(task_mistakes(around, {name: {} for name in run.beside}, outer)) == []


def test_the_variable_of_w365_admins_is_the_option() -> None:
    option = role_spec("w365_admins", "w365_admins_definition")
    # As a variable it may also be blank.
    assert option["type"] == "raw"
    assert list(differences(module_spec("w365_admin"), {"administrators": {**option, "type": "dict"}})) == []
    passed = module_task(role_file("w365_admins", "tasks", "main.yml"), "w365_admin")
    assert passed == {"administrators": "{{ __w365_admins_definition }}"}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_w365_tenant_takes_the_options_of_its_module(step: str) -> None:
    found = differences(module_spec(MODULES[step]), role_spec("w365_tenant", TENANT, step)["options"])
    assert sorted(found) == not_in_the_role(left_out("w365_tenant", f"{step}."), STEPS[step])


def test_the_last_step_of_w365_tenant_takes_the_options_of_its_module() -> None:
    options = role_spec("w365_tenant", TENANT)["options"]
    own = {name: options[name] for name in options if name not in {*STEPS, *TENANT_SCIM}}
    found = differences(module_spec(LAST_STEP), own)
    assert sorted(found) == not_in_the_role({name for name in left_out("w365_tenant") if "." not in name})


def test_w365_tenant_passes_the_options_on() -> None:
    """A definition with every key, each with a value of its own."""
    options = role_spec("w365_tenant", TENANT)["options"]
    assert list(tenants.STEPS) == [*STEPS, "directory"]
    assert [step for step in actions.ACTIONS if step != tenants.SSO_APP] == [*STEPS, "directory"]
    definition: dict[str, Any] = {key: key for key in set(options) - set(STEPS)}
    definition |= {step: {key: f"{step}.{key}" for key in options[step]["options"]} for step in STEPS}
    tenant = tenants.Tenant(definition, "", tenants.Selection.of(["all"], [], []))
    scim = {"scim_url": "scim_url", "scim_token": "scim_token"}
    assert tenant.options_of("environment") == {
        **scim,
        **{key: value for key, value in definition["environment"].items() if key != "name"},
        "environment": "environment.name",
    }
    named = {**scim, "environment": "environment.name"}
    del definition["sso"]["app"]
    for step in ("sso", "scim", "o365_import"):
        assert tenant.options_of(step) == {**named, **definition[step]}
    app = {key: f"app.{key}" for key in options["sso"]["options"]["app"]["options"]}
    definition["sso"] = {"authority": "a", "primary_domain": None, "client_id": None, "key": None, "app": app}
    # The play's module_defaults must not bring a secret into a result that is shown.
    assert tenant.options_of("sso") == {**named, "authority": "a", **app, "return_secret": False}
    own = {key: definition[key] for key in definition if key not in {*STEPS, *TENANT_SCIM}}
    # The play's module_defaults must not bring a purge into a step that does not list everybody.
    assert tenant.options_of("directory") == {**named, **own, "purge": []}
    modules = {**MODULES, tenants.SSO_APP: "w365_sso_app", "directory": LAST_STEP}
    for step, action in actions.ACTIONS.items():
        assert action.__module__.endswith(f".{modules[step]}")
    assert set(tenants.PARTS) == set(STEPS) | set(tenants.LISTS)


def test_one_text_for_one_option() -> None:
    """What several roles take is described in the same words, also where it is not shared."""
    options = {run.role: role_spec(run.role, *run.options)["options"] for run in RUNS if not run.beside}
    tenant = role_spec("w365_tenant", TENANT)["options"]
    for name in ("users", "groups", "administrators", "src", "update_password", "when_unsupported"):
        assert tenant[name] == options[LAST_STEP][name], name
    for step, role in STEPS.items():
        missing = left_out("w365_tenant", f"{step}.")
        own = {name: option for name, option in options[role].items() if name not in missing}
        for below in left_out("w365_tenant", f"{step}.app."):
            own["app"] = {**own["app"], "options": {k: v for k, v in own["app"]["options"].items() if k != below}}
        assert tenant[step]["options"] == own, step
    missing = left_out("w365_sync")
    assert options["w365_sync"] == {
        name: option for name, option in options["w365_o365_import"].items() if name not in missing
    }


def described(options: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any]]:
    """Every option at any depth with its description."""
    for name, option in options.items():
        yield f"{where}.{name}", option["description"]
        yield from described(option.get("options", {}), f"{where}.{name}")


@pytest.mark.parametrize("role", ROLES)
def test_a_description_of_one_text_is_no_list(role: str) -> None:
    """Ansible templates the whole argument spec for each host, and a list costs as much as a text."""
    told = dict(described(role_spec(role)["options"], role))
    assert [where for where, text in told.items() if isinstance(text, list) and len(text) < 2] == []


def test_ansible_gets_no_more_of_a_tenant_than_its_variables() -> None:
    """It templates and copies all of an entry point for each host: what is below the variables took a quarter of a tenant."""
    entries = role_file("w365_tenant", "meta", "argument_specs.yml")["argument_specs"]
    assert [name for name, option in entries["main"]["options"].items() if "options" in option] == []
    assert "options" in entries["check"]["options"][TENANT]


@pytest.mark.parametrize("role", ROLES)
def test_an_entry_point_has_tasks(role: str) -> None:
    entries = role_file(role, "meta", "argument_specs.yml")["argument_specs"]
    assert [entry for entry in entries if not (ROOT / "roles" / role / "tasks" / f"{entry}.yml").is_file()] == []


@pytest.mark.parametrize("role", ROLES)
def test_later_options_of_roles_name_a_release(role: str) -> None:
    main = role_file(role, "meta", "argument_specs.yml")["argument_specs"]["main"]
    later = version_added.later(arguments.role_options(role))
    assert list(version_added.releases().later_mistakes(main["version_added"], later)) == []


def keys_of_readme(run: Runs) -> Iterator[str]:
    """The keys of a role's variable, and those of the objects in its lists."""
    for name, option in role_spec(run.role, *run.options)["options"].items():
        yield name
        if option.get("elements") == "dict":
            yield from option["options"]


# The README of w365_sync refers to that of w365_o365_import.
@pytest.mark.parametrize("run", [run for run in RUNS if run.role != "w365_sync"], ids=of_module)
def test_the_readme_names_every_key(run: Runs) -> None:
    readme = (ROOT / "roles" / run.role / "README.md").read_text(encoding="utf-8")
    assert [key for key in keys_of_readme(run) if not re.search(rf"(?m)^\|[^|]*`{key}`[^|]*\|", readme)] == []


def test_the_readme_of_w365_tenant_names_every_key() -> None:
    readme = (ROOT / "roles" / "w365_tenant" / "README.md").read_text(encoding="utf-8")
    keys = role_spec("w365_tenant", TENANT)["options"]
    assert [key for key in keys if not re.search(rf"(?m)^\|[^|]*`{key}`[^|]*\|", readme)] == []


def test_the_profiles_have_the_keys_that_are_read() -> None:
    """Those of the reader, of the argument spec, and of the README."""
    reader = importlib.import_module(
        "ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.permissions"
    )
    options = role_spec("w365_permission_profiles", "w365_permission_profiles_definition")["options"]
    category = options["hub_categories"]["options"]
    known = {
        reader.KEYS: options,
        reader.OF_PROFILE: options["profiles"]["options"],
        reader.OF_MEMBERS: options["profiles"]["options"]["members"]["options"],
        reader.OF_VALUES: options["default"]["options"],
        reader.OF_CATEGORY: category,
        reader.OF_PEOPLE: category["editors"]["options"],
    }
    assert [sorted(keys) for keys in known] == [sorted(described) for described in known.values()]
    assert category["owners"]["options"] == category["editors"]["options"]
    assert tuple(options["other_groups"]["choices"]) == reader.OTHER_GROUPS
    readme = (ROOT / "roles" / "w365_permission_profiles" / "README.md").read_text(encoding="utf-8")
    keys = {key for described in known.values() for key in described}
    assert [key for key in sorted(keys) if f"`{key}`" not in readme] == []


# Every module is within reach of a role or a playbook

WITHOUT_ROLE = {
    "w365_admin_info": "it reads; the playbook report_environment runs it",
    "w365_api": "one request that no other module sends is for a task of one's own",
    "w365_environment_info": "it reads; the playbook support runs it",
    "w365_export": "it reads, and writes files; the playbook fleet_export runs it",
    "w365_group_info": "it reads; the playbook report_environment runs it",
    "w365_import_app": "once for a tenant, before the imports from it; roles are about environments",
    "w365_import_app_info": "it reads",
    "w365_o365_import_info": "it reads, to look at a tenant before an import is described",
    "w365_scim_app_info": "it reads; the playbook audit_sso runs it",
    "w365_settings": "few customers have Exchange or SharePoint settings of their own, in one task",
    "w365_settings_info": "it reads",
    "w365_sso_app_info": "it reads; the playbook audit_sso runs it",
    "w365_sso_info": "it reads; the playbook report_environment runs it",
    "w365_user_info": "it reads; the playbook report_environment runs it",
}
"""Module -> why no role runs it."""


def test_every_module_has_a_role_or_a_reason() -> None:
    with_role = {run.module for run in RUNS} | {"w365_admin"}
    assert with_role & set(WITHOUT_ROLE) == set()
    assert sorted(with_role | set(WITHOUT_ROLE)) == sorted(
        path.stem for path in (ROOT / "plugins" / "modules").glob("w365_*.py")
    )


def test_every_connection_option_is_within_reach() -> None:
    """Of playbooks by a variable, of w365_sync by a key, and of the other roles by module_defaults and SCIM variables."""
    names_of_options = sorted(connection_spec())
    assert sorted(w365_connection.OPTIONS.items()) == [(f"w365_{name}", name) for name in names_of_options]
    shown = (
        (ROOT / "playbooks" / "vars" / "connection.yml").read_text(encoding="utf-8").partition("w365_connection:")[0]
    )
    assert sorted(re.findall(r"\bw365_\w+", shown)) == sorted(w365_connection.OPTIONS)
    keys = role_spec("w365_sync", "w365_sync_configurations")["options"]
    assert sorted(set(keys) - {"name", "schedule", "import"}) == names_of_options
    for role in sorted(set(ROLES) - {"w365_offboard", "w365_sync", "w365_tenant", *WITHOUT_MODULE}):
        assert sorted(role_spec(role, f"{role}_connection")["options"]) == ["scim_token", "scim_url"], role


def connection_spec() -> dict[str, Any]:
    spec: dict[str, Any] = importlib.import_module(
        "ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec"
    ).connection_argument_spec()
    return spec


# A blank variable counts as not given, in every role and in every playbook

GIVEN = r"(?<![\w.]){name} \| default\(''\)\s+\| workspace365\.provisioning\.given\b"
SENTENCES = {"fail_msg", "msg", "name", "__w365_sync_late", "__w365_sync_unnamed", "__w365_twin_missing"}


def blank_variables(role: str) -> dict[str, Any]:
    """The variables of a role that may be left out, from its argument spec."""
    options = role_file(role, "meta", "argument_specs.yml")["argument_specs"]["main"]["options"]
    return {name: option for name, option in options.items() if not option.get("required")}


def code_of(read: Any, key: str = "") -> Iterator[str]:
    """The texts that are templates or expressions. Of a sentence only the templates in it are."""
    if isinstance(read, dict):
        for name, value in read.items():
            yield from code_of(value, name)
    elif isinstance(read, list):
        for value in read:
            yield from code_of(value, key)
    elif isinstance(read, str):
        yield from re.findall(r"\{\{.*?\}\}|\{%.*?%\}", read, re.DOTALL) if key in SENTENCES else [read]


def yaml_of(folder: Path) -> dict[str, str]:
    """The code of the YAML files and templates of a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        # The questions of the surveys in awx_objects.yml name variables of other playbooks.
        if {"meta", "defaults", "examples", "awx_objects.yml"} & set(path.parts):
            continue
        if path.suffix == ".yml":
            found[str(path.relative_to(ROOT))] = "\n".join(code_of(yaml.safe_load(path.read_text(encoding="utf-8"))))
        elif path.suffix == ".j2":
            found[str(path.relative_to(ROOT))] = "\n".join(code_of(path.read_text(encoding="utf-8"), "msg"))
    return found


def directly_used(name: str, texts: Mapping[str, str]) -> list[str]:
    """The files that use a variable without asking whether it is blank."""
    found = []
    for path, text in texts.items():
        # An entry of a list is asked for when the list has entries.
        used = re.findall(rf"(?<![\w.']){name}\b(?![\['])", text)
        if len(used) != len(re.findall(GIVEN.format(name=name), text)):
            found.append(path)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_a_blank_variable_of_a_role_is_not_given(role: str) -> None:
    """Ansible's check lets it pass, and the role asks for it in one place, with the default that it documents."""
    texts = yaml_of(ROOT / "roles" / role)
    defaults = trusted(ROOT / "roles" / role / "defaults" / "main.yml")
    for name, option in blank_variables(role).items():
        assert option["type"] == "raw", f"{name}: Ansible would refuse a blank answer"
        assert "choices" not in option, f"{name}: Ansible would refuse a blank answer"
        assert option["default"] == role_file(role, "defaults", "main.yml")[name], name
        assert directly_used(name, texts) == [], name
        documented = values_of(role, name, defaults)
        for blank in ("", "  \n", None):
            assert values_of(role, name, {**defaults, name: blank}) == documented, (name, blank)


def trusted(path: Path) -> Any:
    """A YAML file whose texts may be templates: since version 2.19, ansible-core templates no others."""
    load = DataLoader().load_from_file
    return load(
        str(path), **({"trusted_as_template": True} if "trusted_as_template" in signature(load).parameters else {})
    )


def values_of(role: str, name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """What the role makes of one of its variables, in `vars/main.yml`."""
    path = ROOT / "roles" / role / "vars" / "main.yml"
    loader = DataLoader()
    own = trusted(path)
    asks = [mine for mine, value in own.items() if f"{name} |" in str(value)]
    assert asks, name
    given = {
        "role_path": str(path.parents[1]),
        "ansible_playbook_python": "/usr/bin/python3",
        "w365_tenant_definition": {},
    }
    templar = Templar(loader=loader, variables={**own, **variables, **given})
    # ansible-core finds the filters of a collection only in a run of its own.
    engine: Any = getattr(templar, "_engine", templar)
    filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.given")
    for filter_name, function in filters.FilterModule().filters().items():
        engine.environment.filters[f"workspace365.provisioning.{filter_name}"] = function
    return {mine: templar.template(own[mine]) for mine in asks}


def playbook_variables() -> set[str]:
    """Every variable that a playbook reads, from its text or by the lookup of the connection: all of them begin with w365_."""
    texts = yaml_of(ROOT / "playbooks")
    found = {name for text in texts.values() for name in re.findall(r"(?<![\w.'/])(w365_[a-z0-9_]+)\b(?![:='])", text)}
    modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
    found |= set(w365_connection.OPTIONS)
    return found - modules - set(ROLES) - {"w365_connection"} - {name for name in found if name.endswith("_result")}


# The group on whose hosts the playbooks for many tenants run.
GROUPS = {"w365_environments"}
# What the role w365_tenant says about itself, and the definition that it reads.
FACTS = {"w365_tenant_waits_for_scim", "w365_tenant_scim_url", "w365_tenant_definition"}


def test_a_blank_variable_of_a_playbook_is_not_given() -> None:
    texts = yaml_of(ROOT / "playbooks")
    assert len(playbook_variables()) > 30
    assert {
        name: directly_used(name, texts) for name in playbook_variables() - FACTS if directly_used(name, texts)
    } == {}


def test_what_a_playbook_says_about_its_variables_is_read() -> None:
    """Every variable that the head of a playbook names is one that the playbook or its role reads."""
    known = (
        GROUPS
        | playbook_variables()
        | {name for role in ROLES for name in [*blank_variables(role), f"{role}_definition"]}
    )
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        head = path.read_text(encoding="utf-8").partition("\n- name:")[0]
        named = set(re.findall(r"\b(w365_\w+?)(?:\b|=)", head)) - set(ROLES)
        modules = {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")}
        assert {name for name in named - modules if name not in known and not name.endswith("_")} == set(), path.name


def plays_of(path: Path) -> list[dict[str, Any]]:
    """The plays of a playbook and of those that it imports, in their order."""
    found: list[dict[str, Any]] = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        imported = entry.get("ansible.builtin.import_playbook")
        found += plays_of(path.parent / imported) if imported else [entry]
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").glob("*.yml")), ids=lambda path: path.stem)
def test_a_play_becomes_nobody_and_is_not_empty(path: Path) -> None:
    """Whatever ansible.cfg or a job template says about `become`; and a run whose tags select nothing is no success."""
    plays = plays_of(path)
    guarded = []
    for play in plays:
        assert play["become"] is False
        tasks = [*play.get("tasks", ()), *play.get("post_tasks", ())]
        guards = [task for task in tasks if task["name"] == "Make sure that the run was not empty"]
        assert all(guard["tags"] == ["always"] for guard in guards)
        guarded += [play["hosts"]] * len(guards)
    # Each play has one, or the playbook has several for the same hosts, and the one that tells what became of them has it.
    assert guarded in ([play["hosts"] for play in plays], [plays[0]["hosts"], "all:localhost"])


# The comparison finds what it is to find

PET: dict[str, Any] = {
    "name": {"required": True, "aliases": ["called"]},
    "age": {"type": "int"},
    "owners": {
        "type": "dict",
        "options": {"add": {"type": "list", "elements": "str"}, "set": {"type": "list", "elements": "str"}},
        "mutually_exclusive": [("set", "add")],
    },
    "chip": {"no_log": True, "choices": ["a", "b"]},
}


def changed(**changes: Any) -> dict[str, Any]:
    """The options of PET with some of them changed, or left out where the change is None."""
    options: dict[str, Any] = copy.deepcopy(PET)
    for name, change in changes.items():
        options[name] = {**options.get(name, {}), **(change or {})}
        if change is None:
            del options[name]
    return options


@pytest.mark.parametrize(
    ("role", "sentences"),
    [
        (changed(), []),
        (changed(name=None, called={"required": True}), []),
        (changed(owners={"mutually_exclusive": [["add", "set"]]}), []),
        (changed(age=None), ["age is not in the role"]),
        (changed(color={}), ["color is no option of the module"]),
        (changed(age={"type": "str"}), ["age: type is int in the module and str in the role"]),
        (changed(age={"default": 3}), ["age: the default is the module's"]),
        (changed(name={"required": False}), ["name: required is True in the module and False in the role"]),
        (changed(chip={"no_log": False}), ["chip: no_log is True in the module and False in the role"]),
        (changed(chip={"choices": ["a"]}), ["chip: choices is ['a', 'b'] in the module and ['a'] in the role"]),
        (
            changed(owners={"mutually_exclusive": []}),
            ["owners: mutually_exclusive is [['add', 'set']] in the module and [] in the role"],
        ),
        (
            changed(owners={"options": {"add": {"type": "list"}, "all": {}}}),
            [
                "owners.set is not in the role",
                "owners.add: elements is str in the module and None in the role",
                "owners.all is no option of the module",
            ],
        ),
    ],
)
def test_differences_are_found(role: dict[str, Any], sentences: list[str]) -> None:
    assert list(differences(PET, role)) == sentences


@pytest.mark.parametrize(
    ("change", "sentences"),
    [
        ({}, []),
        ({"age": None}, ["age is not passed"]),
        ({"color": "{{ pet.color | default(omit) }}"}, ["color is no option of the module"]),
        ({"age": "{{ pet.chip | default(omit) }}"}, ["age is taken from chip"]),
        ({"age": "{{ 3 | default(omit) }}"}, ["age is taken from elsewhere"]),
        ({"age": "{{ pet.age }}"}, ["age is passed without a value where it is not given"]),
        ({"name": "{{ pet.name }}"}, ["name is passed without a value where it is not given"]),
    ],
)
def test_mistakes_of_tasks_are_found(change: dict[str, Any], sentences: list[str]) -> None:
    passed = (
        {name: f"{{{{ pet.{name} | default(omit) }}}}" for name in PET}
        | {"name": "{{ pet.called | default(omit) }}"}
        | change
    )
    assert list(task_mistakes({name: value for name, value in passed.items() if value}, PET, "pet")) == sentences


# What tools/write_module_docs.py writes into the argument specs of roles

SOURCE: dict[str, Any] = {
    "pet": {
        "attributes": {
            "name": {
                "type": "str",
                "required": True,
                "aliases": ["called"],
                "option": ["See O(owners.set), O(state=absent) and O(a.b.c#module:name)."],
            },
            "chip": {"type": "str", "option": "Its chip.", "role": {"description": ["Its own."], "no_log": True}},
            "state": {"type": "str", "default": "present", "option": ["V(absent) stands in RV(results)."]},
            "tame": {
                "type": "bool",
                "default": False,
                "option": ["Whether it is tame."],
                "returned": "Tame.",
                "sample": 1,
            },
            "owners": {
                "option": {
                    "type": "dict",
                    "description": ["Its owners."],
                    "suboptions": {"add": {"description": ["More."], "type": "list", "elements": "str", "default": []}},
                },
                "role": {"required_one_of": [["add"]]},
            },
        },
        "lists": {"from": "pet.options", "only": ["owners.suboptions.add", "tame"], "add.description.0": "Added."},
    }
}
HEAD = ["argument_specs:", "  main:", "    options:", "      pets:", "        options:"]


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("write_module_docs")
    sys.modules.pop("write_module_docs", None)


def written(writer: Any, piece: str, *, role: bool = True) -> Any:
    """The options that the tool writes for a piece into the argument spec of a role, or into a module."""
    lines = [*HEAD, f"          # BEGIN shared: {piece}", "          # END shared", ""]
    text = writer.rendered("\n".join(lines), writer.Sources(copy.deepcopy(SOURCE)), "spec.yml", role=role)
    assert writer.rendered(text, writer.Sources(copy.deepcopy(SOURCE)), "spec.yml", role=role) == text
    return yaml.safe_load(text)["argument_specs"]["main"]["options"]["pets"]["options"]


def test_options_have_the_form_of_roles(writer: Any) -> None:
    assert written(writer, "pet.role_options") == {
        "name": {
            "description": "See C(owners.set), C(state=absent) and O(a.b.c#module:name).",
            "type": "str",
            "required": True,
        },
        "chip": {"description": "Its own.", "type": "str", "no_log": True},
        "state": {
            "description": ["V(absent) stands in C(results).", "The module's default is V(present)."],
            "type": "str",
        },
        "tame": {"description": ["Whether it is tame.", "The module's default is V(false)."], "type": "bool"},
        "owners": {
            "description": "Its owners.",
            "type": "dict",
            "required_one_of": [["add"]],
            "options": {"add": {"description": "More.", "type": "list", "elements": "str"}},
        },
    }


def test_modules_get_nothing_that_is_for_roles(writer: Any) -> None:
    options = written(writer, "pet.options", role=False)
    assert options["chip"] == {"description": "Its chip.", "type": "str"}
    assert options["owners"] == SOURCE["pet"]["attributes"]["owners"]["option"]
    assert options["name"]["aliases"] == ["called"]
    assert options["state"]["default"] == "present"


def test_a_part_of_a_piece(writer: Any) -> None:
    assert written(writer, "pet.lists") == {
        "add": {"description": "Added.", "type": "list", "elements": "str"},
        "tame": {"description": ["Whether it is tame.", "The module's default is V(false)."], "type": "bool"},
    }


def test_only_options_are_written_into_roles(writer: Any) -> None:
    with pytest.raises(Exception, match=r"spec\.yml, line 6: only options can be written into the argument spec"):
        written(writer, "pet.returned")


def test_a_new_attribute_reaches_the_roles_and_is_missed_in_the_task(writer: Any) -> None:
    sources = writer.Sources.read()
    sources.files["user"]["attributes"]["shoe_size"] = {"type": "str", "option": ["Not the same as O(email)."]}
    expected = {"description": "Not the same as C(email).", "type": "str"}
    fresh = {path.parents[1].name: text for path, text in writer.stale_files(sources).items() if path.suffix == ".yml"}
    assert sorted(fresh) == ["w365_directory", "w365_tenant", "w365_users"]
    for role, path in (
        ("w365_users", ["main", "options", "w365_users_list"]),
        ("w365_directory", ["main", "options", "w365_directory_definition", "options", "users"]),
        ("w365_tenant", ["check", "options", "w365_tenant_definition", "options", "users"]),
    ):
        found = yaml.safe_load(fresh[role])["argument_specs"]
        for key in path:
            found = found[key]
        assert found["options"]["shoe_size"] == expected, role
    passed = module_task(role_file("w365_users", "tasks", "main.yml"), "w365_user")
    module = {**module_spec("w365_user"), "shoe_size": {"type": "str"}}
    assert list(task_mistakes(passed, module, "__w365_users_user")) == ["shoe_size is not passed"]


def test_a_stale_role_is_reported(writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "roles" / "pets" / "meta" / "argument_specs.yml"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*HEAD, "          # BEGIN shared: pet.lists", "          # END shared", ""]))
    monkeypatch.setattr(writer, "ROOT", tmp_path)
    monkeypatch.setattr(writer, "FOLDERS", ())
    sources = writer.Sources(copy.deepcopy(SOURCE))
    with pytest.raises(Exception, match=r"are stale in roles/pets/meta/argument_specs\.yml\. Run: make docs$"):
        writer.check(sources)
    path.write_text(writer.stale_files(sources)[path])
    writer.check(sources)
