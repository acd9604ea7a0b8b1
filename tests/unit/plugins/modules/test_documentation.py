# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules say about themselves is true: documentation, argument specs, examples and samples agree.

The documentation is taken from ansible-doc, so it is what users read, with all fragments merged.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
    CONNECTION_REQUIRED_BY,
    ConnectionOption,
    build_argument_spec,
    build_rules,
    connection_argument_spec,
    connection_option_names,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.bulk_options import trust_spec
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.groups import add_remove_set_spec

COLLECTION = "workspace365.provisioning"
GROUP = f"group/{COLLECTION}.w365"
PACKAGE = f"ansible_collections.{COLLECTION}.plugins"


def _collection_root() -> Path:
    """The collection as Python imports it, so that a symbolic link in the path is kept."""
    spec = importlib.util.find_spec(f"{PACKAGE}.module_utils._w365.inputs.argument_spec")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[4]


ROOT = _collection_root()
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("w365_*.py"))

# What a whole-value template stands for.
SAMPLES: dict[str, Any] = {
    "str": "text",
    "path": "/tmp/file",
    "int": 1,
    "float": 1.0,
    "bool": True,
    "raw": "text",
    "dict": {"key": "text"},
}
# A secret has one of these words in its name; "key" and "token" are words, not parts of others.
SECRET_NAME = re.compile(r"password|secret|(?:^|_)key(?:$|_)|(?:^|_)token(?:$|_)")
TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
# What docs/contract.md calls evidence. Readers of a page have no key to it.
LETTER = re.compile(r"\((?:(?:all|path|body|fields|answer|letter) )*[DCSA][,)]|\bletter [DCSA]\b|\b[DCSA] = ")
MARKUP = re.compile(r"\b(O|RV|E|M)\(([^()]*)\)")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection options that happen to be set where the tests run must not hide a missing one."""
    for name in list(os.environ):
        if name.startswith("W365_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def rendered() -> dict[str, Any]:
    """What ansible-doc makes of all modules, in one call."""
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT.parents[2]),
        "LC_ALL": "C.UTF-8",
    }
    answer = subprocess.run(
        [
            sys.executable,
            "-m",
            "ansible.cli.doc",
            "--type",
            "module",
            "--json",
            *(f"{COLLECTION}.{m}" for m in MODULES),
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    data: dict[str, Any] = json.loads(answer.stdout)
    return {name.rsplit(".", 1)[1]: value for name, value in data.items()}


def load(module: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.modules.{module}")


def full_spec(module: str) -> dict[str, Any]:
    return build_argument_spec(load(module).ARGUMENT_SPEC)


def full_rules(module: str) -> dict[str, Any]:
    return build_rules(load(module).RULES)


# The documentation is complete


def test_there_are_modules() -> None:
    assert len(MODULES) >= 13


def test_ansible_doc_renders_every_module(rendered: dict[str, Any]) -> None:
    assert sorted(rendered) == MODULES


def lower_bounds() -> dict[str, str]:
    """What users have to install: the same versions that the matrix tries with the oldest ansible-core."""
    text = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8")
    found = dict(re.findall(r"^([a-z]+)>=([\d.]+)$", text, re.MULTILINE))
    assert set(found) == {"requests", "msal"}
    return found


def test_pages_name_the_lower_bounds() -> None:
    for page in ("README.md", "docs/docsite/rst/guide_first_hour.rst"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for library, bound in lower_bounds().items():
            assert f'"{library}>={bound}"' in text, f"{page}: {library}"


@pytest.mark.parametrize("module", MODULES)
def test_header(module: str, rendered: dict[str, Any]) -> None:
    doc = rendered[module]["doc"]
    assert doc["module"] == module
    assert not doc["short_description"].endswith(".")
    assert "python >= 3.10" in doc["requirements"]
    for library, bound in lower_bounds().items():
        assert any(re.match(rf"{library} >= {re.escape(bound)}\b", line) for line in doc["requirements"]), library
    assert doc["attributes"]["action_group"]["membership"] == [f"{COLLECTION}.w365"]
    assert doc["attributes"]["check_mode"]["support"] == ("partial" if module == "w365_api" else "full")
    assert rendered[module]["examples"].strip()
    assert rendered[module]["return"]


@pytest.mark.parametrize("module", MODULES)
def test_source_extends_the_shared_fragments(module: str) -> None:
    extended = set(yaml.safe_load(load(module).DOCUMENTATION)["extends_documentation_fragment"])
    attributes = f"{COLLECTION}.attributes" + (".info" if module.endswith("_info") else "")
    assert {attributes, f"{COLLECTION}.connection", f"{COLLECTION}.entra"} <= extended


@pytest.mark.parametrize("module", MODULES)
def test_documentation_says_what_a_documented_only_server_does(module: str, rendered: dict[str, Any]) -> None:
    told = " ".join(rendered[module]["doc"]["description"])
    # One sends what it is told, the others only use Microsoft Graph.
    of_graph = {
        "w365_import_app",
        "w365_import_app_info",
        "w365_o365_import_info",
        "w365_scim_app",
        "w365_scim_app_info",
    }
    if module not in {"w365_api", *of_graph}:
        assert re.search(r"the vendor has not\s+documented", told, re.IGNORECASE), "it does not say what is assumed"
    assert re.search(
        r"only the\s+documented endpoints|which endpoints the server has|Where the list cannot be read", told
    )


@pytest.mark.parametrize("module", MODULES)
def test_pages_need_no_key_to_letters_of_evidence(module: str, rendered: dict[str, Any]) -> None:
    letters = [LETTER.search(text) for text in texts([rendered[module]["doc"], rendered[module]["return"]])]
    assert [found[0] for found in letters if found] == []


def test_letters_of_evidence_are_found() -> None:
    for text in ("lists users (A).", "(all S)", "(path D, answer A)", "is assumed (letter A)", "D = documented"):
        assert LETTER.search(text), text
    for text in ("C(GET /Users)", "PATCH (SCIM)", "Microsoft Entra ID", "A user (one)"):
        assert not LETTER.search(text), text


def test_action_group_holds_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert sorted(runtime["action_groups"]["w365"]) == MODULES


# Options: documentation and argument spec are the same


def spec_as_documentation(spec: Mapping[str, Any], options_key: str = "suboptions") -> dict[str, Any]:
    """An argument spec in the words of the documentation, without the texts."""
    told = {}
    for name, given in spec.items():
        entry: dict[str, Any] = {
            "type": given.get("type", "str"),
            "required": given.get("required", False),
            "default": given.get("default"),
            "aliases": sorted(given.get("aliases", [])),
            "choices": list(given.get("choices") or []),
            "elements": given.get("elements"),
            options_key: spec_as_documentation(given.get("options") or {}),
        }
        told[name] = entry
    return told


def documented(options: Mapping[str, Any]) -> dict[str, Any]:
    """The documentation's options, reduced to what the argument spec says too."""
    told = {}
    for name, given in options.items():
        told[name] = {
            "type": given.get("type", "str"),
            "required": given.get("required", False),
            "default": given.get("default"),
            "aliases": sorted(given.get("aliases", [])),
            "choices": list(given.get("choices") or []),
            "elements": given.get("elements"),
            "suboptions": documented(given.get("suboptions") or {}),
        }
    return told


@pytest.mark.parametrize("module", MODULES)
def test_documented_options_are_the_options(module: str, rendered: dict[str, Any]) -> None:
    assert documented(rendered[module]["doc"]["options"]) == spec_as_documentation(full_spec(module))


@pytest.mark.parametrize("module", MODULES)
def test_every_option_is_described(module: str, rendered: dict[str, Any]) -> None:
    for path, option in walk_documented(rendered[module]["doc"]["options"]):
        assert option.get("description"), f"{path} has no description"
        for line in option["description"]:
            assert line.rstrip().endswith((".", ")")), f"{path}: {line!r} is not a sentence"


def walk_documented(options: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in options.items():
        yield f"{parent}{name}", option
        yield from walk_documented(option.get("suboptions") or {}, f"{parent}{name}.")


# Connection options: fragments and table are the same


def fragment_options() -> dict[str, Any]:
    connection = importlib.import_module(f"{PACKAGE}.doc_fragments.connection").ModuleDocFragment
    entra = importlib.import_module(f"{PACKAGE}.doc_fragments.entra").ModuleDocFragment
    told: dict[str, Any] = {}
    for text in (connection.DOCUMENTATION, entra.DOCUMENTATION):
        options = yaml.safe_load(text)["options"]
        assert not set(options) & set(told), "an option is documented in both fragments"
        told.update(options)
    return told


def test_fragments_document_exactly_the_table() -> None:
    assert documented(fragment_options()) == spec_as_documentation(connection_argument_spec())


def test_entra_options_are_in_the_entra_fragment() -> None:
    entra = importlib.import_module(f"{PACKAGE}.doc_fragments.entra").ModuleDocFragment
    only_entra = [option.name for option in CONNECTION_OPTIONS if set(option.services) <= {"entra", "graph"}]
    assert sorted(yaml.safe_load(entra.DOCUMENTATION)["options"]) == sorted(only_entra)


@pytest.mark.parametrize("option", CONNECTION_OPTIONS, ids=lambda option: option.name)
def test_description_names_the_environment_variable(option: ConnectionOption) -> None:
    told = " ".join(fragment_options()[option.name]["description"])
    named = set(re.findall(r"E\((W365_[A-Z0-9_]+)\)", told))
    assert named == ({option.env} if option.env else set())
    if option.env is None:
        assert "no environment variable" in told


@pytest.mark.parametrize("option", CONNECTION_OPTIONS, ids=lambda option: option.name)
def test_environment_variable_is_read(option: ConnectionOption, monkeypatch: pytest.MonkeyPatch) -> None:
    if option.env is None:
        assert "fallback" not in option.spec()
        return
    value = {"int": "7", "float": "2.5", "bool": "false"}.get(
        option.type, option.choices[-1] if option.choices else "value"
    )
    monkeypatch.setenv(f"W365_{option.name.upper()}", value)
    result = ArgumentSpecValidator(connection_argument_spec()).validate({})
    assert not result.error_messages
    assert str(result.validated_parameters[option.name]).lower() == value


# Argument specs: secrets and rules


@pytest.mark.parametrize("module", MODULES)
def test_secrets_are_secret_and_nothing_is_left_to_guessing(module: str) -> None:
    for path, option in walk_spec(full_spec(module)):
        name = path.rsplit(".", 1)[-1]
        if SECRET_NAME.search(name):
            assert isinstance(option.get("no_log"), bool), f"{path} looks like a secret: say whether it is one"
        holds_secret = SECRET_NAME.search(name) and option.get("type") == "str" and not option.get("choices")
        assert bool(option.get("no_log")) == bool(holds_secret), f"{path}: no_log={option.get('no_log')}"


def walk_spec(spec: Mapping[str, Any], parent: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in spec.items():
        yield f"{parent}{name}", option
        yield from walk_spec(option.get("options") or {}, f"{parent}{name}.")


def test_the_secret_options() -> None:
    def secrets(spec: Mapping[str, Any]) -> set[str]:
        return {name for name, option in walk_spec(spec) if option.get("no_log")}

    connection = {"provisioning_key", "scim_token", "entra_client_secret", "entra_certificate_password"}
    assert secrets(connection_argument_spec()) == connection
    assert secrets(full_spec("w365_environment")) == connection | {"administrator.password"}


def rule_mistakes(spec: Mapping[str, Any], rules: Mapping[str, Any], where: str = "") -> list[str]:
    """Rules that could never work: unknown options, values that are no choice, unknown kinds of rules."""
    mistakes: list[str] = []

    def check_names(rule: str, names: Any) -> None:
        mistakes.extend(f"{where}{rule} names {name!r}, which is no option" for name in names if name not in spec)

    for rule, given in rules.items():
        if rule in ("mutually_exclusive", "required_one_of", "required_together"):
            for names in given:
                check_names(rule, names)
        elif rule == "required_by":
            for name, needed in given.items():
                check_names(rule, [name, *([needed] if isinstance(needed, str) else needed)])
        elif rule == "required_if":
            for name, value, needed, *_any in given:
                check_names(rule, [name, *needed])
                option = spec.get(name, {})
                legal = option.get("choices") or ([True, False] if option.get("type") == "bool" else None)
                if legal is not None and value not in legal:
                    mistakes.append(f"{where}required_if waits for {name}={value!r}, which is not among {legal}")
        else:
            mistakes.append(f"{where}{rule} is no kind of rule")
    for name, option in spec.items():
        if option.get("options"):
            kinds = ("mutually_exclusive", "required_one_of", "required_together", "required_by", "required_if")
            nested = {kind: option[kind] for kind in kinds if kind in option}
            mistakes += rule_mistakes(option["options"], nested, f"{where}{name}.")
    return mistakes


@pytest.mark.parametrize("module", MODULES)
def test_every_rule_can_fire(module: str) -> None:
    assert rule_mistakes(full_spec(module), full_rules(module)) == []


def test_rule_mistakes_are_found() -> None:
    spec = {
        "state": {"choices": ["present"]},
        "items": {"type": "dict", "options": {"a": {}}, "required_one_of": [("b",)]},
    }
    rules = {"required_if": [("state", "gone", ("name",))], "required_unless": []}
    assert rule_mistakes(spec, rules) == [
        "required_if names 'name', which is no option",
        "required_if waits for state='gone', which is not among ['present']",
        "required_unless is no kind of rule",
        "items.required_one_of names 'b', which is no option",
    ]


def test_a_module_may_only_extend_a_connection_option() -> None:
    extended = build_argument_spec({"environment": {"required": True, "aliases": ["name"]}})["environment"]
    assert extended["required"] is True
    assert extended["aliases"] == ["name"]
    assert extended["fallback"] == connection_argument_spec()["environment"]["fallback"]
    assert clashes({"timeout": {"default": 5}}, {}) == [
        "'timeout' is a connection option, and a module must not redefine default"
    ]
    assert clashes({"patience": {"type": "int", "aliases": ["timeout"]}}, {}) == [
        "alias 'timeout' of option 'patience' already belongs to option 'timeout'"
    ]
    assert clashes({"a": {"aliases": ["c"]}, "b": {"aliases": ["c"]}}, {}) == [
        "alias 'c' of option 'b' already belongs to option 'a'"
    ]


@pytest.mark.parametrize("module", MODULES)
def test_no_option_and_no_rule_of_a_module_clashes_with_the_connection(module: str) -> None:
    assert clashes(load(module).ARGUMENT_SPEC, load(module).RULES) == []


def clashes(own: Mapping[str, Mapping[str, Any]], rules: Mapping[str, Any]) -> list[str]:
    """What two meanings of one name would break: `module_defaults` for the action group, and the rules of the connection."""
    found = [
        f"{name!r} is a connection option, and a module must not redefine {', '.join(redefined)}"
        for name, given in own.items()
        if name in connection_argument_spec() and (redefined := sorted(set(given) - {"required", "aliases"}))
    ]
    owner = {name: name for name in (*connection_argument_spec(), *own)}
    for name, given in build_argument_spec(own).items():
        for alias in given.get("aliases", ()):
            if alias in owner:
                found.append(f"alias {alias!r} of option {name!r} already belongs to option {owner[alias]!r}")
            owner[alias] = name
    repeated = sorted(set(CONNECTION_REQUIRED_BY) & set(rules.get("required_by", {})))
    return [*found, *(f"required_by of {name} is already a rule of the connection options" for name in repeated)]


def test_specs_are_not_shared() -> None:
    first = build_argument_spec({})
    first["entra_cloud"]["choices"].append("moon")
    first["timeout"]["default"] = 1
    assert build_argument_spec({})["entra_cloud"]["choices"] == ["public", "usgov", "usgov_dod", "china"]
    assert build_argument_spec({})["timeout"]["default"] == 60


def test_own_rules_join_those_of_the_connection() -> None:
    rules = build_rules({"mutually_exclusive": [("a", "b")], "required_by": {"a": ("b",)}})
    assert rules["mutually_exclusive"] == [("a", "b")]
    assert rules["required_by"] == {**CONNECTION_REQUIRED_BY, "a": ("b",)}
    assert clashes({}, {"required_by": {"client_key": ("a",)}}) == [
        "required_by of client_key is already a rule of the connection options"
    ]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "one of the following is required: add, remove, set"),
        ({"set": [], "add": ["a"]}, "mutually exclusive: set|add"),
        ({"set": [], "remove": ["a"]}, "mutually exclusive: set|remove"),
        ({"add": ["a"], "remove": ["b"]}, None),
        ({"set": []}, None),
    ],
)
def test_add_remove_set(members: dict[str, Any], said: str | None) -> None:
    result = ArgumentSpecValidator({"members": add_remove_set_spec()}).validate({"members": members})
    if said is None:
        assert result.error_messages == []
    else:
        assert any(said in message for message in result.error_messages), result.error_messages


@pytest.mark.parametrize("module", ["w365_o365_import", "w365_o365_import_info"])
@pytest.mark.parametrize(
    ("scope", "accepted"),
    [
        ({}, False),
        ({"everything": False}, False),
        ({"everything": True}, True),
        ({"groups": ["Sales"]}, True),
        ({"everything": False, "domains": ["contoso.com"]}, True),
    ],
)
def test_an_import_never_means_everything_by_accident(module: str, scope: dict[str, Any], accepted: bool) -> None:
    assert (validate(module, scope) == []) is accepted


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("w365_environment", {}, "missing required arguments: environment"),
        ("w365_environment", {"name": "contoso", "state": "absent"}, "delete_confirmation"),
        ("w365_user", {}, "missing required arguments: upn"),
        ("w365_group", {"members": {"add": []}}, "missing required arguments: name"),
        ("w365_admin", {}, "missing required arguments: administrators"),
        ("w365_sso", {"client_id": "a", "key": "b"}, "one of the following is required: authority, primary_domain"),
        (
            "w365_sso",
            {"client_id": "a", "key": "b", "authority": "c", "primary_domain": "d"},
            "mutually exclusive: authority|primary_domain",
        ),
        ("w365_api", {}, "missing required arguments: path"),
        ("w365_user_info", {"client_key": "/key.pem"}, "client_cert"),
        ("w365_user", {"upn": "a@contoso.com", "purge": True}, "purge"),
    ],
)
def test_wrong_arguments_are_refused(module: str, arguments: dict[str, Any], said: str) -> None:
    assert any(said in message for message in validate(module, arguments)), validate(module, arguments)


# Examples


def validate(module: str, arguments: Mapping[str, Any]) -> list[str]:
    """What Ansible says about these arguments before the module runs; empty when they are fine."""
    result = ArgumentSpecValidator(full_spec(module), **full_rules(module)).validate(copy.deepcopy(dict(arguments)))
    return list(result.error_messages)


def tasks_of(text: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Every task of an EXAMPLES text as (name, task, defaults of the action group), plays and blocks unfolded."""
    document = yaml.safe_load(text)
    assert isinstance(document, list), "EXAMPLES is a list of tasks or plays"
    yield from _tasks(document, {})


def _tasks(
    entries: list[Mapping[str, Any]], defaults: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    for entry in entries:
        assert entry.get("name"), f"a task, block or play has no name: {entry}"
        here = {**defaults, **entry.get("module_defaults", {}).get(GROUP, {})}
        nested = [key for key in ("block", "rescue", "always", "pre_tasks", "tasks", "post_tasks") if key in entry]
        for key in nested:
            yield from _tasks(entry[key], here)
        if not nested:
            yield entry["name"], entry, here


def without_templates(value: Any, option: Mapping[str, Any]) -> Any:
    """The value with its templates replaced by what they could plausibly become."""
    if isinstance(value, str) and TEMPLATE.search(value):
        if option.get("choices"):
            return option["choices"][0]
        kind = option.get("type", "str")
        if kind == "list":
            return [sample(option.get("elements", "str"))]
        if kind == "dict" and option.get("options"):
            return {n: without_templates("{{ x }}", o) for n, o in option["options"].items() if o.get("required")}
        return TEMPLATE.sub("text", value) if kind == "str" else sample(kind)
    if isinstance(value, dict):
        nested = option.get("options") or {}
        return {key: without_templates(item, nested.get(key, {"type": "raw"})) for key, item in value.items()}
    if isinstance(value, list):
        item_option = {"type": option.get("elements", "raw"), "options": option.get("options")}
        return [without_templates(item, item_option) for item in value]
    return value


def sample(kind: str) -> Any:
    return copy.deepcopy(SAMPLES[kind])


FOR_EXAMPLES = {f"ansible.builtin.{name}" for name in ("debug", "assert", "set_fact", "set_stats", "copy")}
"""What the examples of modules need of Ansible."""


def example_mistakes(text: str) -> list[str]:
    """Everything in an EXAMPLES text that Ansible would refuse, or that a user should not copy."""
    mistakes: list[str] = []
    for name, task, defaults in tasks_of(text):
        actions = [key for key in task if "." in key]
        if len(actions) != 1:
            mistakes.append(f"{name}: needs exactly one module by its full name, has {actions}")
            continue
        module = actions[0].rsplit(".", 1)[1]
        if not actions[0].startswith(f"{COLLECTION}."):
            if actions[0] not in FOR_EXAMPLES:
                mistakes.append(f"{name}: {actions[0]} is not a module that these examples need")
            continue
        if module not in MODULES:
            mistakes.append(f"{name}: {actions[0]} does not exist")
            continue
        foreign = sorted(set(defaults) - set(connection_option_names()))
        if foreign:
            mistakes.append(f"{name}: {', '.join(foreign)} cannot be a default of all modules")
        spec = full_spec(module)
        given = {**defaults, **task[actions[0]]}
        mistakes += [f"{name}: {path} is a secret in the clear" for path in _secrets_in_the_clear(given, spec)]
        arguments = {key: without_templates(value, spec.get(key, {"type": "raw"})) for key, value in given.items()}
        mistakes += [f"{name}: {message}" for message in validate(module, arguments)]
    return mistakes


def _secrets_in_the_clear(given: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
    for key, value in given.items():
        option = spec.get(key, {})
        if option.get("no_log") and not (isinstance(value, str) and TEMPLATE.fullmatch(value)):
            yield key
        if option.get("options") and isinstance(value, dict):
            yield from (f"{key}.{nested}" for nested in _secrets_in_the_clear(value, option["options"]))


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_accepted(module: str, rendered: dict[str, Any]) -> None:
    assert example_mistakes(rendered[module]["examples"]) == []


@pytest.mark.parametrize("module", MODULES)
def test_examples_use_the_module_and_say_how_to_reach_the_server(module: str, rendered: dict[str, Any]) -> None:
    own = [(n, t, d) for n, t, d in tasks_of(rendered[module]["examples"]) if f"{COLLECTION}.{module}" in t]
    assert len(own) >= (1 if module.endswith("_info") else 3)
    for name, task, defaults in own:
        given = {**defaults, **task[f"{COLLECTION}.{module}"]}
        reachable = ("instance_url", "provisioning_key"), ("scim_url", "scim_token"), ("entra_tenant",)
        assert any(all(option in given for option in way) for way in reachable), name
        if "instance_url" in given and module not in ("w365_environment", "w365_environment_info"):
            assert "environment" in given, name


@pytest.mark.parametrize(
    "module", [module for module in MODULES if not module.endswith("_info") and module != "w365_api"]
)
def test_examples_show_check_mode(module: str, rendered: dict[str, Any]) -> None:
    assert any(task.get("check_mode") is True for _name, task, _defaults in tasks_of(rendered[module]["examples"]))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("workspace365.provisioning.w365_user: {upn: a@contoso.com, purge: true}", "purge"),
        ("workspace365.provisioning.w365_user: {first_name: Adele}", "missing required arguments: upn"),
        ("workspace365.provisioning.w365_user: {upn: a@contoso.com, state: gone}", "value of state must be one of"),
        ("workspace365.provisioning.w365_user: {upn: a@contoso.com, active: perhaps}", "active"),
        (
            "workspace365.provisioning.w365_user: {upn: a@contoso.com, password: Plain-1}",
            "password is a secret in the clear",
        ),
        ("workspace365.provisioning.w365_group: {name: Sales, members: {ad: [a@contoso.com]}}", "members.ad"),
        ("workspace365.provisioning.w365_group: {name: Sales, members: {set: [], add: []}}", "mutually exclusive"),
        ("workspace365.provisioning.w365_environment: {name: contoso, state: absent}", "delete_confirmation"),
        (
            "workspace365.provisioning.w365_environment: {name: contoso, administrator: {email: a@contoso.com}}",
            "first_name",
        ),
        ("workspace365.provisioning.w365_usr: {upn: a@contoso.com}", "does not exist"),
        ("w365_user: {upn: a@contoso.com}", "by its full name"),
        ("workspace365.provisioning.w365_api: {path: /Users, body: 25, status_code: [many]}", "status_code"),
    ],
)
def test_mistakes_in_examples_are_found(task: str, said: str) -> None:
    mistakes = example_mistakes(f"- name: A task\n  {task}\n")
    assert any(said in mistake for mistake in mistakes), mistakes


def test_defaults_of_the_action_group_reach_into_blocks() -> None:
    text = f"""
- name: A block
  module_defaults:
    {GROUP}:
      upn: adele.vance@contoso.com
      provisioning_key: plain
  block:
    - name: A task
      {COLLECTION}.w365_user:
        state: present
"""
    assert example_mistakes(text) == [
        "A task: upn cannot be a default of all modules",
        "A task: provisioning_key is a secret in the clear",
    ]


# Return values

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
}


def sample_mistakes(returned: Mapping[str, Any], parent: str = "") -> list[str]:
    """Return values that are not described, or whose sample is not what the description says."""
    mistakes: list[str] = []
    for name, value in returned.items():
        path = f"{parent}{name}"
        mistakes += [f"{path} has no {key}" for key in ("description", "type", "returned") if not value.get(key)]
        contains = value.get("contains") or {}
        mistakes += sample_mistakes(contains, f"{path}.")
        if "sample" in value:
            mistakes += _sample_value_mistakes(path, value["sample"], value)
        elif not contains:
            mistakes.append(f"{path} has no sample")
        if value.get("type") == "list" and not value.get("elements"):
            mistakes.append(f"{path} does not say what its elements are")
    return mistakes


def _sample_value_mistakes(path: str, value: Any, told: Mapping[str, Any]) -> Iterator[str]:
    kind = told.get("type", "raw")
    # null is a legal sample where the description promises it.
    if value is None:
        if "V(null)" not in " ".join(
            [told["description"]] if isinstance(told["description"], str) else told["description"]
        ):
            yield f"{path} has the sample null, of which its description says nothing"
        return
    if kind != "raw" and (not isinstance(value, PYTHON_TYPES[kind]) or (kind == "int" and isinstance(value, bool))):
        yield f"{path} is of type {kind}, but its sample is {value!r}"
        return
    contains = told.get("contains") or {}
    entries = value if kind == "list" else [value]
    if contains:
        for entry in entries:
            if set(entry) != set(contains):
                yield f"{path} has a sample with {sorted(entry)}, but contains {sorted(contains)}"
                continue
            for name, item in entry.items():
                yield from _sample_value_mistakes(f"{path}.{name}", item, contains[name])
    elif kind == "list" and told.get("elements") in PYTHON_TYPES:
        for entry in entries:
            if not isinstance(entry, PYTHON_TYPES[told["elements"]]):
                yield f"{path} is a list of {told['elements']}, but its sample holds {entry!r}"


@pytest.mark.parametrize("module", MODULES)
def test_return_values_and_their_samples(module: str, rendered: dict[str, Any]) -> None:
    assert sample_mistakes(rendered[module]["return"]) == []


@pytest.mark.parametrize(
    "module", [module for module in MODULES if not module.endswith("_info") and module != "w365_api"]
)
def test_changing_modules_return_a_report(module: str, rendered: dict[str, Any]) -> None:
    assert {"summary", "results"} <= set(rendered[module]["return"])


def test_sample_mistakes_are_found() -> None:
    returned = {
        "a": {"description": "A.", "type": "int", "returned": "always", "sample": "one"},
        "b": {"description": "B.", "type": "list", "elements": "str", "returned": "always", "sample": [1]},
        "c": {
            "description": "C.",
            "type": "dict",
            "returned": "always",
            "contains": {"d": {"description": "D.", "type": "bool", "returned": "always", "sample": None}},
            "sample": {"e": 1},
        },
        "f": {"description": "F.", "type": "list"},
    }
    assert sample_mistakes(returned) == [
        "a is of type int, but its sample is 'one'",
        "b is a list of str, but its sample holds 1",
        "c.d has the sample null, of which its description says nothing",
        "c has a sample with ['e'], but contains ['d']",
        "f has no returned",
        "f has no sample",
        "f does not say what its elements are",
    ]


# Markup


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key != "sample":
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def return_paths(returned: Mapping[str, Any], parent: str = "") -> Iterator[str]:
    for name, value in returned.items():
        yield f"{parent}{name}"
        yield from return_paths(value.get("contains") or {}, f"{parent}{name}.")


def markup_mistakes(doc: Any, options: Mapping[str, Any], returned: Mapping[str, Any]) -> list[str]:
    """O(), RV(), E() and M() that point at nothing."""
    known_options = dict(walk_documented(options))
    known_returns = set(return_paths(returned))
    known_variables = {option.env for option in CONNECTION_OPTIONS} | {"REQUESTS_CA_BUNDLE"}
    known_variables |= {name for option in trust_spec().values() for name in option["fallback"][1]}
    mistakes: list[str] = []
    for text in texts(doc):
        for kind, content in MARKUP.findall(text):
            name, _, value = content.partition("=")
            if kind == "M" and content not in {f"{COLLECTION}.{module}" for module in MODULES}:
                mistakes.append(f"M({content}) is no module")
            elif kind == "E" and content not in known_variables:
                mistakes.append(f"E({content}) is no environment variable of the collection")
            elif kind == "RV" and name.replace("[]", "") not in known_returns:
                mistakes.append(f"RV({content}) is no return value")
            elif kind == "O" and "#" in name:
                continue
            elif kind == "O" and name not in known_options:
                mistakes.append(f"O({content}) is no option")
            elif kind == "O" and value:
                option = known_options[name]
                legal = option.get("choices") or (["true", "false"] if option.get("type") == "bool" else [value])
                if value not in legal:
                    mistakes.append(f"O({content}) is not among {legal}")
    return mistakes


@pytest.mark.parametrize("module", MODULES)
def test_markup_points_at_something(module: str, rendered: dict[str, Any]) -> None:
    doc, returned = rendered[module]["doc"], rendered[module]["return"]
    told = {key: doc.get(key) for key in ("description", "options", "notes", "seealso", "attributes", "requirements")}
    assert markup_mistakes([told, returned], doc["options"], returned) == []


@pytest.mark.parametrize("module", MODULES)
def test_options_of_other_modules_exist(module: str, rendered: dict[str, Any]) -> None:
    for text in texts(rendered[module]["doc"]):
        for other, option in re.findall(r"O\(workspace365\.provisioning\.(\w+)#module:([\w.]+)", text):
            assert option in dict(walk_documented(rendered[other]["doc"]["options"])), f"{other} has no option {option}"


def test_markup_mistakes_are_found() -> None:
    options = {"state": {"choices": ["present"]}, "force": {"type": "bool"}}
    doc = "Use O(stat), O(state=gone), O(force=yes), O(state=present), RV(user.nam), E(W365_NO), M(ansible.builtin.no)."
    assert markup_mistakes(doc, options, {"user": {"contains": {"name": {}}}}) == [
        "O(stat) is no option",
        "O(state=gone) is not among ['present']",
        "O(force=yes) is not among ['true', 'false']",
        "RV(user.nam) is no return value",
        "E(W365_NO) is no environment variable of the collection",
        "M(ansible.builtin.no) is no module",
    ]
