# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What README.md and the guides say can be copied: every YAML block parses and would be accepted, every option, module,
variable and error sentence that they name exists, and docs/contract.md says what the code's table says. All texts for
readers use the glossary.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    CONNECTION_OPTIONS,
    connection_option_names,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import (
    role_options,
    sentence_about,
)

# The checks of EXAMPLES are those of the modules' own documentation.
documentation: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.modules.test_documentation"
)

ROOT: Path = documentation.ROOT
COLLECTION: str = documentation.COLLECTION
GROUP: str = documentation.GROUP
MODULES: list[str] = documentation.MODULES

GUIDES = sorted((ROOT / "docs" / "docsite" / "rst").glob("*.rst"))
# In reading order.
GUIDE_NAMES = [
    "guide_first_hour",
    "guide_onboarding",
    "guide_users_and_groups",
    "guide_names",
    "guide_directory",
    "guide_directory_files",
    "guide_permissions",
    "guide_reports",
    "guide_import",
    "guide_import_app",
    "guide_synctool",
    "guide_sso",
    "guide_sso_secrets",
    "guide_sso_operation",
    "guide_scim_setup",
    "guide_entra_provisioning",
    "guide_graph_permissions",
    "guide_offboarding",
    "guide_fleet",
    "guide_fleet_runs",
    "guide_export",
    "guide_awx",
    "guide_awx_jobs",
    "guide_twin",
    "guide_reliability",
    "guide_answers",
    "guide_execution",
    "guide_errors",
    "guide_errors_directory",
    "guide_errors_entra",
    "guide_support",
    "guide_upgrading",
    "guide_porting",
    "guide_porting_directory",
    "guide_porting_files",
    "guide_porting_entra",
    "guide_porting_answers",
    "guide_porting_results",
    "guide_porting_customers",
    "guide_uninstalling",
]
PAGES = [ROOT / "README.md", ROOT / "docs" / "contract.md", *GUIDES]
INVENTORIES = sorted(path.stem for path in (ROOT / "plugins" / "inventory").glob("*.py"))
ROLES = sorted(path.parents[1].name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))

# What the heads of the playbooks say that they take, and the group on whose hosts some of them run.
PLAYBOOK_VARIABLES = {
    name
    for path in (ROOT / "playbooks").glob("*.yml")
    for name in re.findall(r"(?m)^#.*?\b(w365_\w+)", path.read_text(encoding="utf-8").partition("\n- name:")[0])
}

# Modules of others that the pages may use.
OTHERS = {
    "ansible.builtin.debug",
    "ansible.builtin.assert",
    "ansible.builtin.include_role",
    "awx.awx.credential_type",
}
PLAY_KEYS = ("pre_tasks", "tasks", "post_tasks")
BLOCK_KEYS = ("block", "rescue", "always")
# Variables that belong to the twin or to a person's own play, and are no connection option.
OTHER_VARIABLES = {"W365_OPTION", "W365_EXECUTION", "W365_TRUST_LOCAL_FILES"}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in CONNECTION_OPTIONS:
        if option.env:
            monkeypatch.delenv(option.env, raising=False)


def page_name(path: Path) -> str:
    return path.name


# Blocks


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of this language, in Markdown or in reStructuredText, without their indentation."""
    found = [match[2] for match in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text) if match[1] == language]
    directive = re.compile(r"(?m)^\.\. code-block:: (\w+)\n\n((?:(?:   .*)?\n)+)")
    found += [
        "\n".join(line[3:] for line in match[2].splitlines()).strip("\n") + "\n"
        for match in directive.finditer(text)
        if match[1] == language
    ]
    return found


def yaml_blocks(path: Path) -> list[Any]:
    return [yaml.safe_load(block) for block in blocks(path.read_text(encoding="utf-8"), "yaml")]


def test_blocks_are_found() -> None:
    markdown = "Text\n```yaml\na: 1\n```\n```console\nls\n```\n"
    restructured = (
        "Text:\n\n.. code-block:: yaml\n\n   a:\n     b: 1\n\n   c: 2\n\nMore.\n\n.. code-block:: text\n\n   x\n"
    )
    assert blocks(markdown, "yaml") == ["a: 1\n"]
    assert blocks(restructured, "yaml") == ["a:\n  b: 1\n\nc: 2\n"]


def test_the_pages_are_there() -> None:
    assert [path.stem for path in GUIDES] == sorted(GUIDE_NAMES)
    listed = yaml.safe_load((ROOT / "docs" / "docsite" / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    assert [name for section in listed for name in section["toctree"]] == GUIDE_NAMES
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^  \d+\. \[.+\]\(docs/docsite/rst/(\w+)\.rst\)$", readme) == GUIDE_NAMES
    assert sum(len(yaml_blocks(path)) for path in PAGES) > 25


# Still to be split.
LONG = {"guide_fleet"}


def test_a_guide_is_read_in_one_sitting() -> None:
    """At most 1,500 words, with its code, without the content of a picture and without comments, which nobody sees."""
    unseen = re.compile(r"(?m)^   [\w+/=]{60,}$|^\.\.(?: (?!\S+::|_)[^\n]*)?\n(?:  +[^\n]*\n)*")
    words = {path.stem: len(unseen.sub("", path.read_text(encoding="utf-8")).split()) for path in GUIDES}
    assert {name: count for name, count in words.items() if count > 1500 and name not in LONG} == {}


def test_every_yaml_directive_is_read() -> None:
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        announced = len(re.findall(r"(?m)^\s*(?:```yaml|\.\. code-block:: yaml)\s*$", text))
        assert announced == len(blocks(text, "yaml")), path.name


# YAML


def variable_mistakes(where: str, variables: Mapping[str, Any], roles: list[str]) -> list[str]:
    """What the roles' argument specifications say about these variables. A variable says which role it belongs to."""
    mistakes: list[str] = []
    owners = {role: role_options(role) for role in ROLES}
    for role, spec in owners.items():
        given = {name: value for name, value in variables.items() if name in spec}
        if not given and role not in roles:
            continue
        plain = {name: documentation.without_templates(value, spec[name]) for name, value in given.items()}
        said = ArgumentSpecValidator(spec).validate(plain).error_messages
        for name, value in plain.items():
            # A template of the whole variable says nothing about its content.
            if spec[name].get("options") and not isinstance(value, str):
                said += filter(None, [sentence_about(name, value)])
        mistakes += [f"{where}: role {role}: {message}" for message in said]
    # The playbooks also take the connection as variables.
    known = {name for spec in owners.values() for name in spec} | {f"w365_{name}" for name in connection_option_names()}
    known |= PLAYBOOK_VARIABLES
    mistakes += [
        f"{where}: {name} is a variable of no role"
        for name in variables
        if name.startswith("w365_") and name not in known
    ]
    return mistakes


def task_mistakes(entries: list[Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    """Mistakes in tasks, blocks and plays."""
    for entry in entries:
        where = str(entry.get("name"))
        if not entry.get("name"):
            yield f"a task, block or play has no name: {entry}"
            continue
        if "ansible.builtin.import_playbook" in entry:
            playbook = str(entry["ansible.builtin.import_playbook"])
            if playbook.removeprefix(f"{COLLECTION}.") not in PLAYBOOKS:
                yield f"{where}: there is no playbook {playbook}"
            continue
        here = entry.get("module_defaults", {}).get(GROUP, defaults)
        foreign = sorted(set(here) - set(connection_option_names()))
        if foreign:
            yield f"{where}: {', '.join(foreign)} cannot be a default of all modules"
        if "hosts" in entry:
            roles = [str(role["role"] if isinstance(role, dict) else role) for role in entry.get("roles", [])]
            for role in roles:
                if role.removeprefix(f"{COLLECTION}.") not in ROLES:
                    yield f"{where}: there is no role {role}"
            if entry.get("gather_facts") is not False:
                yield f"{where}: gathers facts, which nothing needs"
            yield from variable_mistakes(
                where, entry.get("vars", {}), [role.removeprefix(f"{COLLECTION}.") for role in roles]
            )
            for key in PLAY_KEYS:
                yield from task_mistakes(entry.get(key, []), here)
        elif any(key in entry for key in BLOCK_KEYS):
            for key in BLOCK_KEYS:
                yield from task_mistakes(entry.get(key, []), here)
        elif not OTHERS & set(entry):
            bare = {name: {} if value is None and "." in name else value for name, value in entry.items()}
            yield from documentation.example_mistakes(
                yaml.safe_dump([{"name": where, "module_defaults": {GROUP: dict(here)}, "block": [bare]}])
            )


def yaml_mistakes(document: Any) -> list[str]:
    """What would be refused in one YAML block. A dictionary is variables, or a file that is not Ansible's to check."""
    if isinstance(document, list):
        return list(task_mistakes(document, {}))
    if isinstance(document, dict):
        return variable_mistakes("variables", document, [])
    return [f"neither a list nor a dictionary: {document!r}"]


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_yaml_is_accepted(path: Path) -> None:
    assert [mistake for document in yaml_blocks(path) for mistake in yaml_mistakes(document)] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"- name: A task\n  {COLLECTION}.w365_user: {{upn: a@contoso.com, purge: true}}", "purge"),
        (f"- name: A task\n  {COLLECTION}.w365_usr: {{upn: a@contoso.com}}", "does not exist"),
        (f"- {COLLECTION}.w365_user: {{upn: a@contoso.com}}", "has no name"),
        (f"- name: A task\n  {COLLECTION}.w365_sso: {{primary_domain: a.b, client_id: c, key: plain}}", "in the clear"),
        ("- name: A task\n  ansible.builtin.shell: ls", "not a module that these examples need"),
        ("- name: A task\n  w365_user: {upn: a@contoso.com}", "by its full name"),
        ("- name: A play\n  hosts: localhost\n  tasks: []", "gathers facts"),
        (
            f"- name: A play\n  hosts: localhost\n  gather_facts: false\n  roles: [{COLLECTION}.w365_tenants]",
            "there is no role",
        ),
        (
            f"- name: A play\n  hosts: localhost\n  gather_facts: false\n  roles: [{COLLECTION}.w365_tenant]",
            "w365_tenant_definition",
        ),
        ("w365_tenant_definition: {user: []}", "user"),
        ("w365_tenant_definition: {groups: [{name: Sales, members: {ad: [a@contoso.com]}}]}", "ad"),
        ("w365_tennant_definition: {}", "a variable of no role"),
        ("w365_scim_tokn: secret", "a variable of no role"),
        (f"- name: A file\n  ansible.builtin.import_playbook: {COLLECTION}.onboard", "there is no playbook"),
        (
            f"- name: A play\n  hosts: localhost\n  gather_facts: false\n  module_defaults: {{{GROUP}: {{upn: a}}}}",
            "cannot be a default",
        ),
    ],
)
def test_mistakes_in_yaml_are_found(text: str, said: str) -> None:
    mistakes = yaml_mistakes(yaml.safe_load(text))
    assert any(said in mistake for mistake in mistakes), mistakes


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_yaml_has_our_style(path: Path) -> None:
    linter = pytest.importorskip("yamllint.linter", reason="yamllint belongs to our tools, not to every matrix cell")
    config = importlib.import_module("yamllint.config").YamlLintConfig(file=str(ROOT / ".yamllint"))
    for block in blocks(path.read_text(encoding="utf-8"), "yaml"):
        assert [str(problem) for problem in linter.run(block, config)] == [], block


# What the pages name


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_environment_variables_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    known = {option.env for option in CONNECTION_OPTIONS} | OTHER_VARIABLES
    assert sorted(set(re.findall(r"\bW365_[A-Z_]*[A-Z]\b", text)) - known) == []


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_modules_roles_and_options_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(rf"{re.escape(COLLECTION)}\.(w365_\w+)", text))
    assert named <= {*MODULES, *ROLES, *INVENTORIES}
    known = {f"{COLLECTION}.{name}#module" for name in MODULES}
    known |= {f"{COLLECTION}.{name}#inventory" for name in INVENTORIES}
    assert set(re.findall(r":ansplugin:`([^`]+)`", text)) <= known
    for target in re.findall(r":ansopt:`([^`]+)`", text):
        module, _, option = target.removeprefix(f"{COLLECTION}.").partition("#module:")
        assert option in documentation.full_spec(module), target


@pytest.mark.parametrize("path", GUIDES, ids=page_name)
def test_references_lead_to_a_label(path: Path) -> None:
    labels = {label for guide in GUIDES for label in re.findall(r"(?m)^\.\. _(\S+):$", guide.read_text("utf-8"))}
    assert f"ansible_collections.{COLLECTION}.docsite.{path.stem}" in labels
    wanted = re.findall(r":ref:`[^`]*<([^>]+)>`", path.read_text("utf-8"))
    assert set(wanted) <= labels


def test_readme_names_everything_that_there_is() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in MODULES if f"| `{name}` |" not in text} == set()
    assert {name for name in INVENTORIES if f"`{COLLECTION}.{name}`" not in text} == set()
    assert {name for name in ROLES if f"| [`{name}`](roles/{name}/README.md) |" not in text} == set()
    assert {name for name in PLAYBOOKS if f"| `{COLLECTION}.{name}` |" not in text} == set()


def test_readme_has_the_headings_that_certification_asks_for() -> None:
    headings = re.findall(r"(?m)^#{2,3} (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"))
    wanted = ["Description", "Requirements", "Installation", "Use Cases", "Testing", "Contributing", "Support"]
    wanted += ["Release Notes and Roadmap", "Related Information", "License Information"]
    assert [heading for heading in headings if heading in wanted] == wanted
    assert {"Communication", "Code of Conduct"} <= set(headings)


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        # The changelog is made at a release.
        assert target == "CHANGELOG.rst" or (path.parent / target).exists(), target


# Error sentences


def flattened(node: ast.AST) -> str | None:
    """The text of a constant or an f-string, with … for what is filled in."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(flattened(part) or "…" for part in node.values)
    return None


def source_texts() -> list[str]:
    """Every text in the code behind the modules, in the filters and in the playbooks."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    code = [*(ROOT / "plugins" / "module_utils" / "_w365").rglob("*.py"), *(ROOT / "plugins" / "filter").glob("*.py")]
    for path in sorted(code):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts += [text for node in ast.walk(tree) if (text := flattened(node))]
    return texts


def is_said(sentence: str, texts: list[str]) -> bool:
    """Whether one of the texts holds the sentence, where … stands for anything in both."""
    pieces = [piece for piece in sentence.strip().split("…") if piece.strip(" .()'")]
    pattern = re.compile(".*?".join(re.escape(piece) for piece in pieces), re.DOTALL)
    return any(pattern.search(text) for text in texts)


def test_error_sentences_are_those_of_the_code() -> None:
    texts = source_texts()
    pages = [path.read_text(encoding="utf-8") for path in GUIDES if path.stem.startswith("guide_errors")]
    # The guide begins with an example of a whole error.
    _example, *sentences = [block for page in pages for block in blocks(page, "text")]
    assert len(pages) == 3
    assert len(sentences) > 30
    assert [sentence for sentence in sentences if not is_said(sentence, texts)] == []


def test_a_changed_sentence_is_found() -> None:
    assert is_said("has no user …. Create it.", ["x has no user …. Create it. Or not."])
    assert not is_said("has no user …. Make it.", ["x has no user …. Create it. Or not."])


# Words

# Quoted error sentences are the code's.
READABLE = [
    ROOT / "README.md",
    *GUIDES,
    *sorted((ROOT / "roles").rglob("*.md")),
    *sorted((ROOT / "roles").rglob("*.yml")),
    *sorted((ROOT / "roles").rglob("*.j2")),
    *sorted((ROOT / "playbooks").rglob("*.yml")),
    *sorted((ROOT / "playbooks").rglob("*.j2")),
]
# What the glossary replaced, metaphors, and British spelling.
REPLACED = re.compile(
    r"\b(?:corridor|deeds?|setbacks?|as wanted|travels? over|sure road|for good|for ever|whoever|wherever it stands|mend|"
    r"(?:is|are|be|ends?) left alone|leaves? \S+ alone|deprive[sd]?|asks? for patience|emergency accounts|does the rest|"
    r"\w*(?:ynchronis|rganis|ecognis|uthoris|anitis|ormalis)\w*|colours?|behaviours?|licences?|honour\w*|centres?)\b",
    re.IGNORECASE,
)
LETTER = re.compile(r"\((?:[a-z]+,? )*[DCSA](?:(?:,| and| to)? [^()]*)?\)|\bletters? [DCSA]\b")


def readable_text(path: Path) -> str:
    """What the page says in words of its own: without error sentences of the code and the names of switches."""
    text = path.read_text(encoding="utf-8")
    for block in blocks(text, "text"):
        text = text.replace("\n".join(f"   {line}" for line in block.splitlines()), "")
    return text.replace("sanitise_names", "")


def replaced_words(text: str) -> list[str]:
    return [match[0] for match in REPLACED.finditer(text)] + [match[0] for match in LETTER.finditer(text)]


@pytest.mark.parametrize("path", READABLE, ids=lambda path: str(path.relative_to(ROOT)))
def test_texts_for_readers_use_the_glossary(path: Path) -> None:
    assert replaced_words(readable_text(path)) == []


@pytest.mark.parametrize(
    "text",
    [
        "what is as wanted",
        "users travel over SCIM",
        "deletes the group for good",
        "the synchronisation tool",
        "Behaviour",
        "others are left alone",
        "create a user (D)",
        "(path D, answer A)",
        "(create D, the rest A)",
        "endpoints of letter A",
    ],
)
def test_a_replaced_word_is_found(text: str) -> None:
    assert replaced_words(text)


# The steps for a tenant-wide setting that no module makes


def test_the_policy_keeps_its_other_settings(tmp_path: Path) -> None:
    """What the guide writes to a policy of the tenant is the policy as it was, and the one setting."""
    guide = next(path for path in GUIDES if path.stem == "guide_sso_operation")
    (block,) = (block for block in blocks(guide.read_text(encoding="utf-8"), "yaml") if "homeRealmDiscovery" in block)
    (tmp_path / "steps.yml").write_text(block, encoding="utf-8")
    loader = DataLoader()
    # ansible-core 2.19 and later template only what they are told to trust.
    known = inspect.signature(loader.load_from_file).parameters
    trust = {"trusted_as_template": True} if "trusted_as_template" in known else {}
    steps = loader.load_from_file(str(tmp_path / "steps.yml"), **trust)
    before = {"HomeRealmDiscoveryPolicy": {"AccelerateToFederatedDomain": True, "PreferredDomain": "contoso.com"}}
    policies = [
        {"id": "p1", "displayName": "Mine", "isOrganizationDefault": True, "definition": [json.dumps(before)]},
        {"id": "p2", "displayName": "Of one application", "isOrganizationDefault": False, "definition": ["{}"]},
    ]
    variables = {"policies": {"json": {"value": policies}}, "item": policies[0]}
    templar = Templar(loader=loader, variables=variables)
    patch = steps[-1]
    assert [one["id"] for one in templar.template(patch["loop"])] == ["p1"]
    request = patch["workspace365.provisioning.w365_api"]
    assert templar.template(request["path"]).endswith("/p1")
    (definition,) = templar.template(request["body"]["definition"])
    assert isinstance(definition, str), "Microsoft Graph wants the text, and not the object"
    assert json.loads(definition) == {
        "HomeRealmDiscoveryPolicy": {**before["HomeRealmDiscoveryPolicy"], "AlternateIdLogin": {"Enabled": True}}
    }


# The published contract


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("write_contract")
    sys.modules.pop("write_contract", None)


def test_contract_is_fresh(writer: Any) -> None:
    writer.check(writer.render())


def test_stale_contract_is_found(writer: Any) -> None:
    with pytest.raises(Exception, match=r"is stale.*python tools/write_contract\.py"):
        writer.check(writer.render().replace("| A |", "| D |", 1))


def test_contract_holds_every_endpoint_with_its_letter(writer: Any) -> None:
    text = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    for endpoint in writer.load_contract().ENDPOINTS.values():
        row = f"| `{endpoint.id}` | `{endpoint.method} {endpoint.path}` | {endpoint.letter} | {endpoint.payload} |"
        assert row in text


def test_contract_speaks_of_every_module(writer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(writer.MODULES, "w365_user")
    with pytest.raises(Exception, match=r"differ in w365_user\."):
        writer.render()
