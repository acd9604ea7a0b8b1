# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that modules share come from docs/shared: the modules are fresh, and a new attribute is one entry."""

from __future__ import annotations

import ast
import copy
import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

documentation: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.tests.unit.plugins.modules.test_documentation"
)

ROOT: Path = documentation.ROOT
FILES = sorted([*(ROOT / "plugins" / "modules").glob("*.py"), *(ROOT / "plugins" / "doc_fragments").glob("*.py")])
BLOCK = re.compile(r"(?ms)^ *# BEGIN shared.*?^ *# END shared[^\n]*\n")
SOURCE = {
    "pet": {
        "attributes": {
            "name": {
                "type": "str",
                "required": True,
                "option": ["Its name."],
                "returned": "Its name.",
                "sample": "Rex",
            },
            "owner": {"type": "str", "option": ["See O(name) and O(state)."], "tag": "C(by)"},
            "age": {"type": "int", "returned": {"description": "Its age.", "sample": None}, "sample": 3, "tag": True},
        },
        "tags": {"tags": {"description": ["Any of [[pet.tag]]."], "type": "str"}},
        "older": {"from": "pet.tags", "tags.type": "list", "tags.elements": "str"},
    }
}


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    yield importlib.import_module("write_module_docs")
    sys.modules.pop("write_module_docs", None)


def texts_of(source: str) -> dict[str, Any]:
    """The YAML texts of a module or fragment, by the name of their variable."""
    return {
        node.targets[0].id: yaml.safe_load(node.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


# What is in the repository


def test_modules_are_fresh(writer: Any) -> None:
    writer.check(writer.Sources.read())


def test_every_piece_is_used(writer: Any) -> None:
    sources = writer.Sources.read()
    used = set().union(*(writer.used_pieces(path.read_text(encoding="utf-8")) for path in writer.files()))
    used |= {
        piece["from"]
        for content in sources.files.values()
        for piece in content.values()
        if isinstance(piece, dict) and "from" in piece
    }
    # An object that nobody imports, or that is only listed, has pieces that nobody asks for.
    made = {name for name in sources.names() if name.split(".")[1] in writer.VIEWS}
    assert sources.names() - made - used == set()
    assert used - sources.names() == set()


def test_lines_that_the_tool_writes_fit(writer: Any) -> None:
    for path in writer.files():
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            assert [line for line in block.splitlines() if len(line) > 120 and " link: " not in line] == [], path.name


def test_a_new_attribute_is_one_entry(writer: Any) -> None:
    sources = writer.Sources.read()
    sources.files["user"]["attributes"]["shoe_size"] = {
        "version_added": "9.9.9",
        "type": "str",
        "option": ["Size of the shoes. Not the same as O(email)."],
        "returned": "Size of the shoes.",
        "imported": "Size of the shoes in Microsoft Entra.",
        "sample": "42",
        "csv": True,
        "entra": "C(shoeSize)",
    }
    # Roles have a test of their own in test_roles_and_modules.py.
    fresh = {path.stem: texts_of(text) for path, text in writer.stale_files(sources).items() if path.suffix == ".py"}

    alone = fresh["w365_user"]["DOCUMENTATION"]["options"]["shoe_size"]
    assert alone == {
        "description": ["Size of the shoes. Not the same as O(email)."],
        "version_added": "9.9.9",
        "type": "str",
    }
    directory = fresh["w365_directory"]["DOCUMENTATION"]["options"]
    assert directory["users"]["suboptions"]["shoe_size"]["description"] == [
        "Size of the shoes. Not the same as O(users.email)."
    ]
    assert "C(password) and C(shoe_size)" in " ".join(directory["src"]["description"])
    scope = fresh["entra"]["IMPORT_SCOPE"]["options"]["attribute_map"]["description"]
    assert "and C(shoe_size) (C(shoeSize))" in " ".join(scope)

    value = {
        "description": "Size of the shoes.",
        "version_added": "9.9.9",
        "type": "str",
        "returned": "always",
        "sample": "42",
    }
    for module, key in (("w365_user", "user"), ("w365_user_info", "users"), ("w365_admin_info", "administrators")):
        returned = fresh[module]["RETURN"][key]
        assert returned["contains"]["shoe_size"] == value
        assert documentation.sample_mistakes(fresh[module]["RETURN"]) == []
    imported = fresh["w365_o365_import_info"]["RETURN"]["users"]
    assert imported["contains"]["shoe_size"]["description"] == "Size of the shoes in Microsoft Entra."
    assert imported["sample"][0]["shoe_size"] == "42"


def hand_written(source: str) -> Iterator[str]:
    """The longer texts of a file that the tool has not written. Prefixes of suboptions make no difference."""
    for name, document in texts_of(BLOCK.sub("", source)).items():
        if name != "EXAMPLES":
            for text in documentation.texts(document):
                yield re.sub(r"\bO\((?:users|groups)\.", "O(", " ".join(text.split()))


def twice(sources: dict[str, str]) -> dict[str, list[str]]:
    """Texts that stand in more than one file, with the files."""
    places: dict[str, set[str]] = defaultdict(set)
    for name, source in sources.items():
        for text in hand_written(source):
            # Ansible wants these in every module; a name or a reference is no text.
            if (
                len(text) >= 40
                and " " in text
                and not text.startswith(("If not given, the environment", "Workspace 365 prov"))
            ):
                places[text].add(name)
    return {text: sorted(names) for text, names in places.items() if len(names) > 1}


def test_no_text_is_written_by_hand_in_two_places() -> None:
    assert twice({path.stem: path.read_text(encoding="utf-8") for path in FILES}) == {}


def test_texts_in_two_places_are_found() -> None:
    long = "The members of the group, by UPN, without regard to case."
    option = f'DOCUMENTATION = r"""\noptions:\n  a:\n    description:\n      - {long}\n"""\n'
    value = f'RETURN = r"""\na:\n  # BEGIN shared: x\n  b: c\n  # END shared: x\n  description: {long}\n"""\n'
    assert twice({"one": option, "two": value}) == {long: ["one", "two"]}
    shared = option.replace("options:\n", "options:\n# BEGIN shared: x\n").replace(
        f"{long}\n", f"{long}\n# END shared: x\n"
    )
    assert twice({"one": option, "two": shared}) == {}


# How the tool works


def written(writer: Any, *lines: str, source: Any = None) -> str:
    """What the tool makes of a file with these lines."""
    text: str = writer.rendered("\n".join(lines) + "\n", writer.Sources(source or SOURCE), "plugins/modules/pet.py")
    return text


def test_options_are_written_between_the_marks(writer: Any) -> None:
    text = written(writer, "options:", "  # BEGIN shared: pet.options", "  old: text", "  # END shared", "  state: {}")
    assert text.splitlines() == [
        "options:",
        '  # BEGIN shared: pet.options (written by "make docs" from docs/shared/pet.yml)',
        "  name:",
        "    description:",
        "      - Its name.",
        "    type: str",
        "    required: true",
        "  owner:",
        "    description:",
        "      - See O(name) and O(state).",
        "    type: str",
        "  # END shared: pet.options",
        "  state: {}",
    ]
    assert written(writer, *text.splitlines()) == text


def test_own_options_are_named_by_their_place(writer: Any) -> None:
    text = written(
        writer,
        "options:",
        "  pets:",
        "    type: list",
        "    suboptions:",
        "      # BEGIN shared: pet.options",
        "      # END shared",
    )
    options = yaml.safe_load(text)["options"]["pets"]["suboptions"]
    assert options["owner"]["description"] == ["See O(pets.name) and O(state)."]
    assert "O(pets" not in written(writer, "returned:", "  # BEGIN shared: pet.options", "  # END shared")


def test_only_whole_names_of_own_options_are_changed(writer: Any) -> None:
    piece = {
        "name": {
            "description": ["O(name=a), O(name.x), O(names), O(a.b.c#module:name), V(name), RV(name)."],
            "sample": "O(name)",
        }
    }
    assert writer.placed(piece, "pets.list")["name"] == {
        "description": ["O(pets.list.name=a), O(pets.list.name.x), O(names), O(a.b.c#module:name), V(name), RV(name)."],
        "sample": "O(name)",
    }


def test_return_values_and_variations(writer: Any) -> None:
    text = written(
        writer,
        "# BEGIN shared: pet.returned_list",
        "#   sample.0.age: 7",
        "#   contains.name.description: The name that",
        "#     the server chose.",
        "#   without: [contains.age.sample]",
        "# END shared",
    )
    assert yaml.safe_load(text) == {
        "contains": {
            "name": {
                "description": "The name that the server chose.",
                "type": "str",
                "returned": "always",
                "sample": "Rex",
            },
            "age": {"description": "Its age.", "type": "int", "returned": "always"},
        },
        "sample": [{"name": "Rex", "age": 7}],
    }
    assert written(writer, *text.splitlines()) == text


def test_pieces_from_pieces_and_lists_of_attributes(writer: Any) -> None:
    sources = writer.Sources(copy.deepcopy(SOURCE))
    assert sources.piece("pet.tags") == {
        "tags": {"description": ["Any of C(owner) (C(by)) and C(age)."], "type": "str"}
    }
    assert sources.piece("pet.older")["tags"] | {"description": None} == {
        "description": None,
        "type": "list",
        "elements": "str",
    }
    assert sources.files == SOURCE


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["# BEGIN shared: pet.option", "# END shared"], r"no piece 'pet\.option'.*pet\.options"),
        (["x: 1", "# BEGIN shared: pet.tags"], r"pet\.py, line 2: BEGIN shared without END shared"),
        (["# BEGIN shared: pet.tags", "# BEGIN shared: pet.tags", "# END shared"], "line 1: BEGIN shared without END"),
        (["# END shared"], "line 1: END shared without BEGIN shared"),
        (["# BEGIN shared: pet.tags", "#   tags.typ: int", "# END shared"], "Ansible knows no key 'typ'"),
        (["# BEGIN shared: pet.tags", "#   tag.type: int", "# END shared"], "'tag.type' is not in the shared text"),
        (
            ["# BEGIN shared: pet.tags", "#   without: [tags.sample]", "# END shared"],
            "'tags.sample' is not in the shared",
        ),
        (["# BEGIN shared: pet.returned_list", "#   sample.1.name: x", "# END shared"], "'sample.1.name' is not in"),
        (["# BEGIN shared: pet.tags", "#   - a", "# END shared"], "are no dictionary"),
        (["# BEGIN shared: pet.tags", "#   a: b: c", "# END shared"], "are not YAML"),
        (["# BEGIN shared: pet.tags", '#   tags.type: "a\\n b"', "# END shared"], None),
        (["# BEGIN shared: pet.tags", "#   tags.type: 'a  b'", "# END shared"], None),
    ],
)
def test_mistakes_are_reported(writer: Any, lines: list[str], message: str | None) -> None:
    if message is None:
        assert yaml.safe_load(written(writer, *lines))["tags"]["type"] in ("a\n b", "a  b")
    else:
        with pytest.raises(Exception, match=message):
            written(writer, *lines)


def test_an_unknown_list_is_reported(writer: Any) -> None:
    with pytest.raises(Exception, match=r"\[\[pet\.color\]\].*no attribute of pet\.yml has the key color"):
        written(
            writer, "# BEGIN shared: pet.x", "# END shared", source={"pet": {"attributes": {}, "x": ["[[pet.color]]"]}}
        )


def test_stale_files_are_reported_with_the_command(
    writer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "plugins" / "modules" / "pet.py"
    path.parent.mkdir(parents=True)
    path.write_text(written(writer, "options:", "  # BEGIN shared: pet.tags", "  # END shared"), encoding="utf-8")
    monkeypatch.setattr(writer, "ROOT", tmp_path)
    monkeypatch.setattr(writer, "FOLDERS", (path.parent,))
    sources = writer.Sources(SOURCE)
    writer.check(sources)
    path.write_text(path.read_text(encoding="utf-8").replace("Any of", "Some of"), encoding="utf-8")
    with pytest.raises(Exception, match=r"are stale in plugins/modules/pet\.py\. Run: make docs$"):
        writer.check(sources)


@pytest.mark.parametrize(
    "value",
    [
        "plain text, with a comma's help",
        "text: with a colon",
        "text #with a mark",
        "- looks like a list",
        "yes",
        "1.0",
        "1.1.0",
        "null",
        "",
        "ends with a colon:",
        "V(=), C({a}) and O(b)",
        "{{ template }}",
        "'quoted' \"twice\" \\ and back",
        "a… ü",
        "word " * 60 + "end",
        "word: " * 60 + "end",
        "x" * 200,
        "- " * 100 + "end",
        None,
        True,
        -5,
        2.5,
        [],
        {},
        [[1, 2], ["a"]],
        [{"a": [{"b": None}]}, "c"],
    ],
)
def test_what_is_written_is_what_is_read(writer: Any, value: Any) -> None:
    for document in ({"key": value, "more": 1}, [value, "more"], {"a": {"b": [{"c": value}]}}):
        lines = writer.yaml_lines(document)
        assert yaml.safe_load("\n".join(lines)) == document
        assert all(len(line) <= 120 for line in lines) or value == "x" * 200
