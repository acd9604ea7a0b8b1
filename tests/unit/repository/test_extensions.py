# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What other programs read from the collection: counting, Event-Driven Ansible, patterns, execution environments, badges."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

documentation: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.modules.test_documentation"
)
ROOT: Path = documentation.ROOT
COLLECTION: str = documentation.COLLECTION
EXTENSIONS = ROOT / "extensions"
JQ = shutil.which("jq")


def read(*parts: str) -> Any:
    path = ROOT.joinpath(*parts)
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def mistakes_by_schema(name: str, value: Any) -> list[str]:
    """What the schema says that ansible-lint has of another project, such as that of ansible-rulebook."""
    lint = pytest.importorskip("ansiblelint", reason="ansible-lint holds the schemas, and this Python has none")
    jsonschema = pytest.importorskip("jsonschema")
    path = Path(lint.__file__).parent / "schemas" / f"{name}.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(value)]


def test_what_a_user_needs_of_it_is_in_the_artifact() -> None:
    ignored = read("galaxy.yml")["build_ignore"]
    assert "extensions/molecule" in ignored
    sources = re.search(
        r"FIND_SOURCES := (.*?) -type f", (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    )
    assert sources
    named = sources[1].split()
    for path in EXTENSIONS.iterdir():
        folder = f"extensions/{path.name}"
        left_out = any(fnmatch(folder, pattern) for pattern in ignored)
        assert left_out == (path.name == "molecule"), folder
        assert left_out != (folder in named), f"{folder}: a change would not build the artifact again"
    scenario = "playbooks/examples/molecule/default/molecule.yml"
    assert not any(
        fnmatch(part, pattern) for pattern in ignored for part in ("playbooks", "playbooks/examples", scenario)
    )
    assert (ROOT / scenario).is_file()


# ---- counting

QUERIES: dict[str, Any] = read("extensions", "audit", "event_query.yml")
# Module -> why it counts no environment.
WITHOUT_NODE = {
    "w365_api": "nobody knows what its request is about",
    "w365_export": "it changes files alone",
    "w365_import_app": "it is about Microsoft Entra",
    "w365_scim_app": "it is about Microsoft Entra",
    "w365_sso_app": "it is about Microsoft Entra",
}
ADDRESS = "https://workspace.contoso.com/contoso"
ARGUMENTS = {"module_args": {"instance_url": "https://Workspace.contoso.com/", "environment": "contoso"}}
SAMPLES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("w365_environment", {"environment_url": ADDRESS}, [ADDRESS]),
    ("w365_environment", {"environment_url": "https://workspace.contoso.com/Contoso/"}, [ADDRESS]),
    ("w365_environment", {"environment_url": ADDRESS, "failed": True}, []),
    ("w365_environment", {"environment_url": None}, []),
    ("w365_environment", {"msg": "skipped"}, []),
    ("w365_user", {"scim_url": f"{ADDRESS}/scim/v2", "failed": False}, [ADDRESS]),
    ("w365_user", {"scim_url": "https://workspace.contoso.com/Contoso/SCIM/v2/"}, [ADDRESS]),
    ("w365_user", {"invocation": ARGUMENTS}, [ADDRESS]),
    ("w365_user", {"scim_url": "", "invocation": ARGUMENTS}, [ADDRESS]),
    ("w365_user", {"scim_url": f"{ADDRESS}/scim/v2", "invocation": ARGUMENTS}, [ADDRESS]),
    ("w365_user", {"scim_url": f"{ADDRESS}/scim/v2", "failed": True}, []),
    ("w365_user", {"scim_url": None, "invocation": None}, []),
    ("w365_user", {"invocation": {"module_args": {"instance_url": "https://workspace.contoso.com"}}}, []),
    ("w365_user", {"invocation": {"module_args": {"instance_url": None, "environment": "contoso"}}}, []),
    ("w365_user", {"scim_url": "https://workspace.contoso.com/scim/v2"}, []),
    ("w365_user", {}, []),
]


def test_every_module_that_changes_an_environment_counts_it() -> None:
    writing = {
        path.stem for path in (ROOT / "plugins" / "modules").glob("w365_*.py") if not path.stem.endswith("_info")
    }
    assert {name.removeprefix(f"{COLLECTION}.") for name in QUERIES} == writing - set(WITHOUT_NODE)
    assert len({query["query"] for query in QUERIES.values()}) == 2, "all but w365_environment ask the same"
    for name in QUERIES:
        text = (ROOT / "plugins" / "modules" / f"{name.rpartition('.')[2]}.py").read_text(encoding="utf-8")
        assert re.search(r"(?m)^environment_url:|^scim_url:", text), name


def test_the_kind_of_a_node_has_the_form_that_is_counted() -> None:
    for name, query in QUERIES.items():
        for key in ("infra_type", "infra_bucket", "device_type"):
            found = re.search(rf'{key}: "([^"]+)"', query["query"])
            assert found, (name, key)
            assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", found[1]), (name, key)


@pytest.mark.skipif(JQ is None, reason="needs jq")
@pytest.mark.parametrize(("module", "result", "names"), SAMPLES)
def test_a_result_counts_the_environment_by_its_address(module: str, result: dict[str, Any], names: list[str]) -> None:
    assert JQ
    query = QUERIES[f"{COLLECTION}.{module}"]["query"]
    done = subprocess.run([JQ, "-c", query], input=json.dumps(result), capture_output=True, text=True, check=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["name"] for record in records] == names
    assert [record["canonical_facts"] for record in records] == [{"address": name} for name in names]


# ---- Event-Driven Ansible

RULEBOOKS = sorted((EXTENSIONS / "eda" / "rulebooks").glob("*.yml"))


@pytest.mark.parametrize("path", RULEBOOKS, ids=lambda path: path.stem)
def test_a_rulebook_is_one_for_ansible_rulebook(path: Path) -> None:
    assert mistakes_by_schema("rulebook", yaml.safe_load(path.read_text(encoding="utf-8"))) == []


def test_the_schema_of_rulebooks_finds_mistakes() -> None:
    rulebook = read("extensions", "eda", "rulebooks", "sync_on_request.yml")
    rulebook[0]["rules"][0]["throttle"] = {"once_within": "ten minutes", "group_by_attributes": ["event.x"]}
    assert mistakes_by_schema("rulebook", rulebook) != []
    del rulebook[0]["rules"]
    assert mistakes_by_schema("rulebook", rulebook) != []


@pytest.mark.parametrize(
    ("name", "passes"),
    [("contoso", True), ("contoso2", True), ("Contoso", False), ("contoso,fabrikam", False), ("contoso\n", False),
     ("*", False), ("!contoso", False), ("~.*", False), ("{{ x }}", False), ("", False), ("a" * 61, False),
     ("all", False), ("ungrouped", False)],
)  # fmt: skip
def test_only_the_name_of_an_environment_reaches_the_job(name: str, passes: bool) -> None:
    (ruleset,) = read("extensions", "eda", "rulebooks", "sync_on_request.yml")
    rule = ruleset["rules"][0]
    pattern = re.search(r'match\("([^"]+)", ignorecase=false\)', rule["condition"])
    refused = re.search(r"not in (\[.*?\])", rule["condition"])
    assert pattern
    assert refused
    # ansible-rulebook's own engine takes $ for the end of the text; Python would let a line break pass.
    matches = re.fullmatch(pattern[1].removeprefix("^").removesuffix("$"), name) is not None
    assert (matches and name not in json.loads(refused[1])) == passes
    job = rule["action"]["run_job_template"]
    assert job["include_events"] is False
    assert job["job_args"] == {"extra_vars": {"w365_hosts": "{{ event.payload.environment }}"}}
    assert rule["throttle"]["group_by_attributes"] == ["event.payload.environment"]
    (source,) = ruleset["sources"]
    assert source["ansible.eda.webhook"]["token"] == "{{ webhook_token }}"
    assert source["ansible.eda.webhook"]["host"] == "127.0.0.1"


# ---- patterns

PATTERNS = sorted(path.parents[1] for path in (EXTENSIONS / "patterns").glob("*/meta/pattern.json"))


def test_every_folder_is_a_pattern() -> None:
    assert sorted((EXTENSIONS / "patterns").iterdir()) == PATTERNS


@pytest.mark.parametrize("folder", PATTERNS, ids=lambda path: path.name)
def test_a_pattern_keeps_the_rules_of_patterns(folder: Path) -> None:
    """Those of version 1.0.0 of the specification that its schema does not have, and the most important ones that it has."""
    pattern = json.loads((folder / "meta" / "pattern.json").read_text(encoding="utf-8"))
    assert pattern["name"] == folder.name
    assert re.fullmatch(r"[a-z0-9_]{1,64}", folder.name)
    assert len(pattern["title"]) <= 64
    assert not pattern["short_description"].endswith(".")
    assert (folder / "README.md").is_file()
    resources = pattern["aap_resources"]
    assert set(resources["controller_project"]) == {"name", "description"}
    templates = resources["controller_job_templates"]
    assert [template.get("primary") for template in templates].count(True) == 1
    assert {label for template in templates for label in template["labels"]} <= set(resources["controller_labels"])
    playbooks = {path.name for path in (folder / "playbooks").glob("*.yml") if not path.name.endswith(".meta.yml")}
    assert {template["playbook"] for template in templates} == playbooks
    for template in templates:
        assert template["ask_inventory_on_launch"]
        assert template["ask_credential_on_launch"]
        assert template["name"] in (folder / "README.md").read_text(encoding="utf-8")
        for question in template["survey"]["spec"]:
            assert ("choices" in question) == (question["type"] == "multiplechoice")
            assert isinstance(question.get("default", ""), str)


@pytest.mark.parametrize("folder", PATTERNS, ids=lambda path: path.name)
def test_the_variables_of_a_pattern_are_those_of_its_playbooks(folder: Path) -> None:
    templates = json.loads((folder / "meta" / "pattern.json").read_text(encoding="utf-8"))["aap_resources"]
    for template in templates["controller_job_templates"]:
        (play,) = yaml.safe_load((folder / "playbooks" / template["playbook"]).read_text(encoding="utf-8"))
        # By its path: what reads a pattern need not have the collection installed.
        name = play["ansible.builtin.import_playbook"]
        head = (folder / "playbooks" / name).resolve().read_text(encoding="utf-8").partition("\n- name:")[0]
        stem = Path(template["playbook"]).stem
        described = yaml.safe_load((folder / "playbooks" / f"{stem}.meta.yml").read_text(encoding="utf-8"))
        assert mistakes_by_schema("play-argspec", described) == []
        options = set(described["argument_specs"][stem]["options"])
        assert {option for option in options if not re.search(rf"\b{option}\b", head)} == set(), name
        assert {question["variable"] for question in template["survey"]["spec"]} <= options


# ---- execution environments and badges


def test_the_execution_environment_is_one_for_ansible_builder() -> None:
    described = read("meta", "execution-environment.yml")
    assert set(described["dependencies"]) == {"python", "system"}
    for path in described["dependencies"].values():
        assert (ROOT / path).is_file(), path


def test_badges_say_what_is_so() -> None:
    badges = dict(
        re.findall(
            r"!\[([^\]]+)\]\(https://img\.shields\.io/badge/([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8")
        )
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    cores = re.findall(r"(?m)^\| (2\.\d+) \|", readme)
    python = re.search(r"\*\*Python (3\.\d+) or newer\*\*", readme)
    assert python
    (license_,) = read("galaxy.yml")["license"]
    minimum = read("meta", "runtime.yml")["requires_ansible"].removeprefix(">=").removesuffix(".0")
    assert minimum == cores[0]
    assert badges == {
        f"ansible-core {cores[0]} to {cores[-1]}": f"ansible--core-{cores[0]}_to_{cores[-1]}-black",
        f"Python {python[1]} or newer": f"Python-{python[1]}_or_newer-blue",
        f"License {license_}": f"License-{license_.replace('-', '--')}-green",
    }
