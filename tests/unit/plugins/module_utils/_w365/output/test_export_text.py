# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML is read back as it was, by every reader that there is, and the lines of an export are known from others."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import content_of_text
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.export_text import (
    folder_name,
    is_own_line,
    secret_variable,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.yaml_writer import (
    Reference,
    scalar,
    yaml_text,
)

ODD = (
    *(
        "{{ lookup('pipe', 'id') }}",
        "a {% if x %}",
        "{# note #}",
        "a: b",
        "a #b",
        "#",
        "@adele",
        "yes",
        "No",
        "ON",
        "~",
    ),
    *(
        "null",
        "NULL",
        "None",
        "1e3",
        "0x1f",
        "017",
        "0o17",
        "1_000",
        "12:30:45",
        "2026-11-26",
        ".inf",
        "-",
        "- a",
        "? a",
    ),
    *(
        "=",
        "<<",
        "*a",
        "&a",
        "!vault",
        "!unsafe x",
        "%YAML",
        "---",
        "...",
        "[a]",
        "{a}",
        "'a'",
        '"a"',
        "a\\b",
        "|",
        ">-",
    ),
    *(
        "a ",
        " a",
        "a\n",
        "\n",
        "a\nb: c",
        "a\r\nb",
        "\t",
        "a\u2028b",
        "a\u0085b",
        "\ufeffa",
        "a\u202eb",
        "\x00",
        "\x7f",
    ),
    *(
        "😀",
        "👩‍👩‍👧",
        "e\u0301",
        "Müller",
        "日本",
        "\uffff",
        "\U0001fffe",
        "\ue000",
        "x" * 5000,
        "a b " * 2000 + "c",
        "y",
    ),
    *(
        "$ANSIBLE_VAULT;1.1;AES256",
        "https://login.windows.net/contoso.com",
        "a://b",
        "O'Hara",
        "+1 425 555 0109",
        "true",
    ),
)
"""Texts that a reader may take for something else."""

texts = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=12),
    # Half of a character is no text that a file can hold.
    st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0x2FFF), max_size=8),
).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))


class Loader(yaml.SafeLoader):
    """Reads !unsafe as a text."""


Loader.add_constructor("!unsafe", lambda _loader, node: node.value)


def loaded(text: str) -> Any:
    return yaml.load(text, Loader=Loader)  # noqa: S506 - it is a safe loader with one tag more


documents = st.recursive(
    st.one_of(texts, st.booleans()),
    lambda inner: st.one_of(
        st.lists(
            st.one_of(texts, st.dictionaries(st.sampled_from(["upn", "set", "add"]), inner, min_size=1)), max_size=3
        ),
        st.dictionaries(st.sampled_from(["name", "members", "sso"]), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["users", "groups"]), documents, min_size=1))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    text = yaml_text(document, ("A comment.",))
    assert loaded(text) == document
    assert yaml_text(loaded(text), ("A comment.",)) == text


@pytest.mark.parametrize("text", ODD)
def test_the_module_reads_a_text_back(text: str) -> None:
    """The reader of w365_directory, which uses the C library where it is there."""
    found = content_of_text(yaml_text({"users": [{"upn": "a@contoso.com", "job_title": text}]}), "users.yml")
    assert found.users[0]["job_title"] == text


def test_ansible_reads_texts_back_and_runs_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "odd.yml"
    path.write_text(yaml_text({"odd": list(ODD), "key": Reference("vault_key")}), encoding="utf-8")
    load = DataLoader().load_from_file
    trusted = {"trusted_as_template": True} if "trusted_as_template" in signature(load).parameters else {}
    content = load(str(path), **trusted)
    templar = Templar(loader=DataLoader(), variables={**content, "vault_key": "the secret"})
    assert list(templar.template(content["odd"])) == list(ODD)
    assert templar.template(content["key"]) == "the secret"
    with pytest.raises(Exception, match="vault_key"):
        Templar(loader=DataLoader(), variables={}).template(content["key"])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Adele", "Adele"),
        ("Adele Vance", "Adele Vance"),
        ("adele.vance@contoso.com", "adele.vance@contoso.com"),
        ("yes", '"yes"'),
        ("1e3", '"1e3"'),
        ("@adele", '"@adele"'),
        ("a: b", '"a: b"'),
        ("Adele ", '"Adele "'),
        ("{{ a }}", '!unsafe "{{ a }}"'),
        ("a\nb", '"a\\nb"'),
        ("a\u202eb", '"a\\u202eb"'),
        (Reference("a"), '"{{ a }}"'),
        (True, "true"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_how_a_value_is_written(value: Any, written: str) -> None:
    assert scalar(value) == written


@given(documents)
def test_every_line_is_known_again(document: Any) -> None:
    text = yaml_text({"users": document})
    assert [line for line in text.split("\n") if not is_own_line(line)] == []


@pytest.mark.parametrize(
    "line",
    [
        "  - upn: adele.vance@contoso.com",
        '    display_name: !unsafe "{{ a }}"',
        '  key: "{{ vault_w365_contoso_sso_key }}"',
        "# vault_w365_contoso_sso_key: the client secret",
        "users: []",
        "---",
        "",
    ],
)
def test_lines_of_an_export(line: str) -> None:
    assert is_own_line(line)


@pytest.mark.parametrize(
    "line",
    [
        "    password: hunter2",
        "  key: hunter2",
        '  key: "{{ my_key }}"',
        '  key: "hunter2"',
        "  key: !vault |",
        "$ANSIBLE_VAULT;1.1;AES256",
        "62313365396662343061393464336163",
        "# the key is hunter2",
        "vault_w365_contoso_sso_key: hunter2",
        "# vault_w365_contoso_sso_key: hunter2",
        "    hunter2",
        "    first_name: 'hunter2'",
        "    first_name: Adele # hunter2",
        "  - upn: a@contoso.com\r",
        "    scim_token: hunter2",
    ],
)
def test_lines_that_somebody_has_added(line: str) -> None:
    assert not is_own_line(line)


@given(texts.filter(str.strip), st.sampled_from(["", "eu", "eu_x"]))
def test_a_folder_is_one_name(name: str, instance: str) -> None:
    folder = folder_name(instance, name)
    assert folder not in ("", ".", "..")
    assert not set(folder) & set("/\\\x00 \n$~")
    assert folder[0] not in ".-"
    assert folder.isascii()
    assert len(folder) < 200
    assert secret_variable(instance, name).isidentifier()


def test_folders_and_variables_of_two_environments_differ() -> None:
    names = [
        "a-b",
        "a.b",
        "a_b",
        "a%2db",
        "..",
        ".",
        "%2e",
        "x" * 5000,
        "x" * 4999 + "y",
        "é",
        "e\u0301",
        "a/b",
        "~",
        "$HOME",
    ]
    assert len({folder_name("", name) for name in names}) == len(names)
    assert len({secret_variable("", name) for name in names}) == len(names)
    assert folder_name("", "contoso") == "contoso"
    assert folder_name("eu", "contoso") == "eu_contoso"
    assert secret_variable("", "contoso") == "vault_w365_contoso_sso_key"
    assert secret_variable("eu", "contoso") == "vault_w365_eu_contoso_sso_key"
