# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What awx_configure keeps in AWX: accepted by the modules of awx.awx 24.6.1, passed on completely, and made of files that
the project for AWX has."""

from __future__ import annotations

import configparser
import copy
import importlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
)

ROOT = Path(__file__).resolve().parents[3]
AWX = ROOT / ".build" / "awx"
PLAYBOOKS = ROOT / "playbooks"
FILES = ROOT / "docs" / "docsite" / "files"
PROJECT = FILES / "awx-project"
OBJECTS = PLAYBOOKS / "vars" / "awx_objects.yml"
PRESENT = PLAYBOOKS / "tasks" / "awx_present.yml"
ABSENT = PLAYBOOKS / "tasks" / "awx_absent.yml"
OMIT = "__omit__"
GIVEN = {
    "awx_project_url": "https://git.contoso.com/workspace365.git",
    "awx_project_credential": "Contoso git",
    "awx_execution_environment_image": "registry.contoso.com/workspace365:1.1.0",
    "awx_instance_url": "https://workspace.contoso.com",
    "awx_provisioning_key": "a-key",
    "awx_notification_url": "https://hooks.contoso.com/w365",
}
# Module -> the key that its objects have in the playbook, and in the data.
MODULES = {
    "execution_environment": ("execution_environments", "controller_execution_environments"),
    "credential_type": ("credential_types", "controller_credential_types"),
    "credential": ("credentials", "controller_credentials"),
    "notification_template": ("notification_templates", "controller_notifications"),
    "project": ("projects", "controller_projects"),
    "inventory": ("inventories", "controller_inventories"),
    "inventory_source": ("inventory_sources", "controller_inventory_sources"),
    "job_template": ("job_templates", "controller_templates"),
    "workflow_job_template": ("workflow_job_templates", "controller_workflows"),
    "schedule": ("schedules", "controller_schedules"),
}
NODE = "workflow_job_template_node"
# Every unified template of AWX is looked up by its name, whatever it is.
OPTIONAL = ["environment", "entra", "notification", "onboard", "audit", "rotate", "export", "offboard"]


class Said(Exception):
    """The argument spec that a module has."""

    def __init__(self, argument_spec: dict[str, Any], **more: Any) -> None:
        super().__init__("argument spec")
        self.spec = argument_spec
        self.more = more


@cache
def specification(module: str) -> Said:
    """What the module says about its options, before it does anything."""
    if str(AWX) not in sys.path:
        sys.path.append(str(AWX))
    assert (AWX / "ansible_collections").is_dir(), "run 'make awx', which downloads awx.awx"
    code: Any = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}")
    original = code.ControllerAPIModule

    def say(argument_spec: dict[str, Any], **more: Any) -> None:
        raise Said({**argument_spec, **original.AUTH_ARGSPEC}, **more)

    code.ControllerAPIModule = say
    try:
        code.main()
    except Said as said:
        return said
    finally:
        code.ControllerAPIModule = original
    raise AssertionError(module)


def load(path: Path) -> Any:
    """A YAML file whose texts may be templates: since version 2.19, ansible-core templates no others."""
    read = DataLoader().load_from_file
    trust = {"trusted_as_template": True} if "trusted_as_template" in signature(read).parameters else {}
    return read(str(path), **trust)


def templar(**variables: Any) -> Any:
    """Ansible's templates, with the variables of the playbook and our filters."""
    (play,) = load(PLAYBOOKS / "awx_configure.yml")
    known = {**play["vars"], **load(OBJECTS), **variables, "omit": OMIT, "ansible_check_mode": False}
    known["ansible_playbook_python"] = sys.executable
    found = Templar(loader=DataLoader(), variables=known)
    engine: Any = getattr(found, "_engine", found)
    filters: Any = importlib.import_module("ansible_collections.workspace365.provisioning.plugins.filter.given")
    for name, function in filters.FilterModule().filters().items():
        engine.environment.filters[f"workspace365.provisioning.{name}"] = function
    return found


def plain(value: Any) -> Any:
    """Without marks of Ansible."""
    return json.loads(json.dumps(value, default=str))


@cache
def objects(optional: str = "") -> dict[str, list[dict[str, Any]]]:
    """All objects by the key of the playbook."""
    given = {**GIVEN, "awx_optional": optional}
    found: dict[str, list[dict[str, Any]]] = plain(templar(**given).template(load_play()["vars"]["awx_objects"]))
    return found


def load_play() -> Any:
    (play,) = load(PLAYBOOKS / "awx_configure.yml")
    return play


def tasks(path: Path = PRESENT) -> dict[str, list[dict[str, Any]]]:
    """The tasks of awx.awx by their module."""
    found: dict[str, list[dict[str, Any]]] = {}
    for task in load(path):
        for key in task:
            if key.startswith("awx.awx."):
                found.setdefault(key.removeprefix("awx.awx."), []).append(task)
    return found


def arguments(module: str, task: Mapping[str, Any], item: Any, **variables: Any) -> dict[str, Any]:
    """What a task gives its module for one item of its loop."""
    # The templates in an item are for AWX.
    more = {"awx_missing": [], **variables, "item": wrap_var(item), **(task.get("vars") or {})}
    given = templar(**GIVEN, awx_optional=OPTIONAL, **more).template(task[f"awx.awx.{module}"])
    return {name: value for name, value in plain(given).items() if value != OMIT}


def mistakes(module: str, given: Mapping[str, Any]) -> list[str]:
    said = specification(module)
    rules = {name: value for name, value in said.more.items() if name in ("mutually_exclusive", "required_if")}
    found: list[str] = ArgumentSpecValidator(said.spec, **rules).validate(copy.deepcopy(dict(given))).error_messages
    return found


def items() -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Module, task and item of everything that is made."""
    known = tasks()
    for module, (key, _variable) in MODULES.items():
        for one in objects(",".join(OPTIONAL))[key]:
            yield module, known[module][0], one["name"] if module == "credential" else one
    for task in known[NODE]:
        for workflow in objects(",".join(OPTIONAL))["workflow_job_templates"]:
            for node in workflow["simplified_workflow_nodes"]:
                if task is known[NODE][0] or "approval_node" in node:
                    yield NODE, task, [workflow, node]


def test_the_modules_accept_every_object() -> None:
    found = [(module, item, mistakes(module, arguments(module, task, item))) for module, task, item in items()]
    assert len(found) > 25
    assert [each for each in found if each[2]] == []


@pytest.mark.parametrize(
    ("module", "change", "said"),
    [
        ("job_template", {"job_slice_count": "many"}, "job_slice_count"),
        ("job_template", {"job_typ": "run"}, "job_typ"),
        ("credential_type", {"kind": "azure"}, "value of kind must be one of"),
        ("inventory_source", {"source": "git"}, "value of source must be one of"),
        (NODE, {"approval_node": {"name": "a"}, "unified_job_template": "b"}, "mutually exclusive"),
    ],
)
def test_a_mistake_in_the_data_is_found(module: str, change: dict[str, Any], said: str) -> None:
    task, item = next((task, item) for name, task, item in items() if name == module)
    assert said in " ".join(mistakes(module, {**arguments(module, task, item), **change}))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_key_of_the_data_reaches_its_module(module: str) -> None:
    """And nothing is passed that the data do not have."""
    (task,) = tasks()[module]
    key, _variable = MODULES[module]
    text = json.dumps(plain([task[f"awx.awx.{module}"], task["loop"], task.get("vars", "")]))
    used = set(re.findall(r"\b(?:item|credential)\.(\w+)", text))
    described = {name for one in objects(",".join(OPTIONAL))[key] for name in one}
    # Nodes are made by a task of their own.
    assert described - {"simplified_workflow_nodes"} - ({"name"} if module == "credential" else set()) == used


def test_every_object_is_removed_by_the_other_file() -> None:
    assert set(tasks(ABSENT)) == set(MODULES)
    for module, (task,) in tasks(ABSENT).items():
        given = task[f"awx.awx.{module}"]
        assert given["state"] == "absent"
        assert set(given) <= set(specification(module).spec)
        assert f"'{MODULES[module][0]}'" in json.dumps(plain(task["loop"])), module


def test_the_data_have_the_names_of_infra_aap_configuration() -> None:
    known = {variable for _key, variable in MODULES.values()} | {
        "awx_parts",
        "awx_some_plans",
        "awx_unknown_enabled",
        "awx_optional_objects",
    }
    data = load(OBJECTS)
    assert set(data) == known - {"controller_notifications"}
    assert set(data["awx_optional_objects"]) == set(OPTIONAL)
    assert {name for part in data["awx_optional_objects"].values() for name in part} <= known


def test_names_are_ours_and_differ() -> None:
    by_default = [one for each in objects().values() for one in each]
    everything = [one for each in objects(",".join(OPTIONAL)).values() for one in each]
    assert len(by_default) == 12
    names = [one["name"] for one in everything]
    names += [
        node["approval_node"]["name"]
        for one in everything
        for node in one.get("simplified_workflow_nodes", ())
        if "approval_node" in node
    ]
    assert len(names) == len(set(names))
    assert [name for name in names if not name.startswith("Workspace 365 ")] == []
    mark = load_play()["vars"]["awx_mark"]
    assert [one["name"] for one in everything if mark not in one["description"]] == []


def test_what_an_object_names_is_made_before_it() -> None:
    everything = objects(",".join(OPTIONAL))
    order = [module for module in tasks() if module != NODE]
    assert [MODULES[module][0] for module in order] == list(everything)
    names = {one["name"] for each in everything.values() for one in each}
    known: set[str] = set()
    for key in everything:
        for one in everything[key]:
            named = {
                value
                for name, each in one.items()
                if name not in ("name", "description")
                for value in (each if isinstance(each, list) else [each])
                if isinstance(value, str) and value in names
            }
            assert named <= known, one["name"]
        known |= {one["name"] for one in everything[key]}
    removed = [MODULES[module][0] for module in tasks(ABSENT)]
    place = {key: number for number, key in enumerate(removed)}
    assert place["schedules"] < place["workflow_job_templates"] < place["job_templates"] < place["inventory_sources"]
    assert place["inventory_sources"] < place["inventories"] < place["projects"] < place["execution_environments"]
    assert place["projects"] < place["credentials"] < place["credential_types"] == len(removed) - 1


# Credentials


def types() -> list[dict[str, Any]]:
    return objects(",".join(OPTIONAL))["credential_types"]


def test_credentials_set_only_variables_that_the_collection_reads() -> None:
    known = {option.env for option in CONNECTION_OPTIONS}
    for kind in types():
        assert kind["kind"] == "cloud", "others cannot be used by an inventory source"
        assert set(kind["injectors"]) <= {"env", "file"}, "extra variables would win over the values of every host"
        assert set(kind["injectors"]["env"]) <= known, kind["name"]
        fields = {field["id"]: field for field in kind["inputs"]["fields"]}
        assert {
            name for name in fields if "secret" in name or "key" in name or "token" in name or "password" in name
        } <= {name for name, field in fields.items() if field.get("secret")}
        assert set(kind["inputs"]["required"]) <= set(fields)


def test_no_two_credentials_set_the_same_variable() -> None:
    names = [name for kind in types() for name in kind["injectors"]["env"]]
    assert len(names) == len(set(names))


# Surveys


def surveys() -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Template, playbook and questions. Those of a workflow are for each playbook of its nodes."""
    everything = objects(",".join(OPTIONAL))
    playbook = {one["name"]: one["playbook"] for one in everything["job_templates"]}
    found = [
        (one["name"], one["playbook"], one["survey_spec"]["spec"])
        for one in everything["job_templates"]
        if "survey_spec" in one
    ]
    for one in everything["workflow_job_templates"]:
        last = next(node for node in one["simplified_workflow_nodes"] if node["identifier"] in ("apply", "offboard"))
        found.append((one["name"], playbook[last["unified_job_template"]], one["survey_spec"]["spec"]))
    return found


def playbook_variables(name: str) -> set[str] | None:
    """What the head of a playbook describes; None for one that is not there."""
    path = PLAYBOOKS / name
    if not path.exists():
        return None
    return set(re.findall(r"\bw365_\w+", path.read_text(encoding="utf-8").partition("\n- name:")[0]))


@pytest.mark.parametrize(
    ("template", "playbook", "questions"), surveys(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_question_is_one_of_the_playbook(template: str, playbook: str, questions: list[dict[str, Any]]) -> None:
    asked = {question["variable"] for question in questions}
    described = playbook_variables(playbook)
    assert described is None or asked <= described, template
    # Answers win over artifacts, so a plan would be lost.
    assert [name for name in asked if name.startswith("w365_plan")] == []
    # Defaults of a workflow reach all nodes, an empty password as well.
    assert [question for question in questions if question["type"] == "password"] == []


def test_slices_and_limits_exclude_each_other() -> None:
    """A job with slices ignores its limit, and starts empty slices, which fail."""
    for one in objects(",".join(OPTIONAL))["job_templates"]:
        assert not (int(one.get("job_slice_count", 1)) > 1 and one["ask_limit_on_launch"]), one["name"]
    sliced = [one["name"] for one in objects()["job_templates"] if int(one.get("job_slice_count", 1)) > 1]
    assert sliced == ["Workspace 365 all environments"]


# What the head says


def test_the_head_describes_every_variable() -> None:
    text = (PLAYBOOKS / "awx_configure.yml").read_text(encoding="utf-8")
    head, _, rest = text.partition("\n- name:")
    described = set(re.findall(r"(?m)^#   (awx_\w+) ", head))
    own = {*load_play()["vars"], *load(OBJECTS), "awx_read", "awx_reading", "awx_version", "awx_endpoint"}
    texts = [rest, *(path.read_text(encoding="utf-8") for path in (OBJECTS, PRESENT, ABSENT))]
    for task in [*load(PRESENT), *load(ABSENT)]:
        own |= set(task.get("vars") or {}) | {task.get("register")} | {"awx_uses"}
    used = {name for each in texts for name in re.findall(r"(?<![\w.'/])(awx_\w+)\b(?=[^:=]*?\|)", each)}
    asked = set()
    for each in texts:
        asked |= set(re.findall(r"(?<![\w.'])(awx_\w+) \| default\(''\)\s+\| workspace365\.provisioning\.given", each))
    assert asked == described
    assert used - own <= described


# The project that a user copies

WRAPPERS = sorted(path.stem for path in PROJECT.glob("fleet_*.yml"))


def test_the_project_has_a_file_for_every_playbook_of_a_fleet() -> None:
    playbooks = {path.stem for path in PLAYBOOKS.glob("fleet_*.yml")}
    assert playbooks == set(WRAPPERS)
    for name in WRAPPERS:
        (play,) = yaml.safe_load((PROJECT / f"{name}.yml").read_text(encoding="utf-8"))
        assert set(play) == {"name", "ansible.builtin.import_playbook"}
        assert play["ansible.builtin.import_playbook"] == f"workspace365.provisioning.{name}"


def test_job_templates_choose_files_of_the_project() -> None:
    chosen = {one["playbook"] for one in objects(",".join(OPTIONAL))["job_templates"]}
    assert chosen == {f"{name}.yml" for name in WRAPPERS}
    (source,) = objects()["inventory_sources"]
    assert (PROJECT / source["source_path"]).is_file()


def test_the_project_turns_an_empty_run_into_a_failure() -> None:
    settings = configparser.ConfigParser()
    settings.read(PROJECT / "ansible.cfg")
    assert dict(settings["inventory"]) == {"any_unparsed_is_failed": "true", "host_pattern_mismatch": "error"}
    assert (PROJECT / settings["defaults"]["inventory"]).is_file()


def test_the_project_is_in_the_artifact() -> None:
    """Nothing that galaxy.yml leaves out, and nothing that git does."""
    from fnmatch import fnmatch

    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    for path in FILES.rglob("*"):
        name = str(path.relative_to(ROOT))
        assert [pattern for pattern in ignored if fnmatch(name, pattern)] == [], name


def test_the_execution_environment_names_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    text = (FILES / "execution-environment.yml").read_text(encoding="utf-8")
    definition = yaml.safe_load(text)
    artifact = f"workspace365-provisioning-{version}.tar.gz"
    assert definition["dependencies"]["galaxy"]["collections"] == [{"name": artifact, "type": "file"}]
    # ansible-builder copies no collection that is a file.
    assert definition["additional_build_files"] == [{"src": artifact, "dest": "."}]
    assert set(re.findall(r"\d+\.\d+\.\d+(?=\b(?!\.0$))", text)) - {"2.19.0"} == {version}


# The guide


def without_head(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = ("# Copyright", "# GNU General", "# SPDX")
    return "\n".join(line for line in lines if line != "---" and not line.startswith(head)).strip("\n")


def guide_text() -> str:
    return (ROOT / "docs" / "docsite" / "rst" / "guide_awx.rst").read_text(encoding="utf-8")


def test_every_file_in_the_guide_is_the_shipped_one() -> None:
    text = guide_text()
    count = len(re.findall(r"(?m)^\.\. code-block:: (?:yaml|ini)$", text))
    pattern = r"(?m)^((?:\S.*\n)+)\n\.\. code-block:: (?:yaml|ini)\n\n((?:(?:   .*)?\n)+)"
    found = [(before, re.sub(r"(?m)^   ", "", block).strip("\n")) for before, block in re.findall(pattern, text)]
    assert len(found) == count
    shown = []
    for before, block in found:
        (name,) = re.findall(r"``((?:awx-project/)?[\w./-]+\.(?:yml|cfg))``", before)[-1:]
        if name == "awx.yml":
            head = (PLAYBOOKS / "awx_configure.yml").read_text(encoding="utf-8").partition("\n- name:")[0]
            assert set(yaml.safe_load(block)) <= set(re.findall(r"(?m)^#   (awx_\w+) ", head))
            assert set(re.findall(r"(?m)^#   (awx_\w+) .*required", head)) - set(yaml.safe_load(block)) == {
                "awx_notification_url"
            }
        else:
            assert block == without_head(FILES / name), name
        shown.append(name)
    assert shown == [
        "awx-project/fleet_plan.yml",
        "awx-project/inventory/fleet.w365.yml",
        "awx-project/inventory/group_vars/w365_environments.yml",
        "awx-project/ansible.cfg",
        "execution-environment.yml",
        "awx.yml",
    ]


def test_what_the_guide_names_exists() -> None:
    text = guide_text()
    names = {one["name"] for each in objects(",".join(OPTIONAL)).values() for one in each}
    quoted = {" ".join(name.split()) for name in re.findall(r"\*(Workspace 365 [^*]+)\*", text)}
    assert quoted
    assert quoted <= names
    known = set(re.findall(r"(?m)^#   (awx_\w+) ", (PLAYBOOKS / "awx_configure.yml").read_text(encoding="utf-8")))
    named = set(re.findall(r"\b(awx_[a-z_]+)\b", text)) - {"awx_configure", "awx_objects", "awx_optional_objects"}
    assert named <= known
    for path in re.findall(r"``((?:awx-project|directory|collections|inventory)/[\w./-]+)``", text):
        assert (FILES / path).exists() or (PROJECT / path).exists(), path
    assert len(text.split()) <= 1500
