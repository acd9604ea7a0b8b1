# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files as they come from the field: each is read rightly, or refused in a sentence with the line, the value and the way out.

The folder `field` holds small files like those that people have. `ROWS` is the table of guide_directory_files as tests.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    build_argument_spec,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.directory import (
    directory_from_options,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import Content, read_files
from ansible_collections.workspace365.provisioning.plugins.modules import w365_directory

FIELD = Path(__file__).parent / "field"
GUIDE = next(parent for parent in Path(__file__).parents if (parent / "galaxy.yml").exists()) / (
    "docs/docsite/rst/guide_directory_files.rst"
)
HEAD = "upn,first_name,last_name"
ADELE = "adele.vance@contoso.com,Adele,Vance"
MEGAN = "megan.bowen@contoso.com,Megan,Bowen"
PERSON = {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"}
OBJECT_ID = "00000000-0000-4000-8001-00000000000{}"


def options(**given: Any) -> dict[str, Any]:
    validated = ArgumentSpecValidator(build_argument_spec(w365_directory.ARGUMENT_SPEC)).validate(given)
    assert not validated.error_messages, validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def desired(*paths: Path, **given: Any) -> tuple[Any, Content]:
    """What a task with these files wants, and the content of the files."""
    content = read_files([str(path) for path in paths])
    return directory_from_options(options(src=[str(path) for path in paths], **given), content), content


def refusal(*paths: Path) -> str:
    with pytest.raises(InputError) as failure:
        desired(*paths)
    return failure.value.message


def users(path: Path) -> list[dict[str, Any]]:
    wanted, _content = desired(path)
    return [{"upn": user.upn, **user.fields} for user in wanted.users]


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# ---- the files of the field

READ: Mapping[str, list[dict[str, Any]]] = {
    "cat-bom.csv": [PERSON, {"upn": "megan.bowen@contoso.com", "first_name": "Megan", "last_name": "Bowen"}],
    "entra-download-objectid.csv": [
        {
            "upn": "joni.sherman-lee@contoso.com",
            "first_name": "Joni",
            "last_name": "Sherman-Lee",
            "email": "joni.sherman@contoso.com",
            "external_id": OBJECT_ID.format(8),
            "active": True,
        }
    ],
    "entra-download.csv": [{**PERSON, "email": PERSON["upn"], "external_id": OBJECT_ID.format(4), "active": True}],
    "excel-sep.csv": [PERSON],
    "m365-export.csv": [{**PERSON, "active": True}],
    "powershell51.csv": [PERSON],
    "spaced-headings.csv": [PERSON],
    "trailing-columns.csv": [PERSON, {"upn": "megan.bowen@contoso.com", "first_name": "Megan", "last_name": "Bowen"}],
    "wahr.csv": [{**PERSON, "active": True}],
}

REFUSED: Mapping[str, tuple[str, ...]] = {
    "employee-octal.yml": (
        "Line 5: users.external_id is 0012345, which is read as a number (5349) and not as a text.",
        "Line 9: users.external_id is 1_000,",
        "Line 13: users.external_id is 12:30, which is read as a number (750)",
        'Put it in quotes, such as external_id: "0012345".',
    ),
    "half-emoji.json": ("half-emoji.json, line 1: users.first_name holds U+D83D, which is half of a character",),
    "missing-dash.yml": (
        "Line 5: the key 'upn' is already in line 2",
        "Line 6: the key 'first_name' is already in line 3",
        "Line 7: the key 'last_name' is already in line 4",
        "begin each with a dash",
    ),
    "octal-hijack.yml": (
        "octal-hijack.yml, line 3: users.external_id is 001004, which is read as a number (516)",
        'in quotes, such as external_id: "001004"',
    ),
    "surname-no.yml": (
        "Line 4: users.last_name is No, which is read as a truth value (False)",
        "Line 6: users.first_name is On, which is read as a truth value (True)",
        'Put it in quotes, such as last_name: "No".',
    ),
    "two-lists-purge.yml": ("two-lists-purge.yml, line 4: the key 'users' is already in line 1", "Give it once"),
    "two-lists.json": ("two-lists.json, line 1: the key 'users' is already in line 1", "Give it once"),
    "zero-width.csv": ("zero-width.csv, line 2: ", "U+200B (ZERO WIDTH SPACE)"),
}


def test_every_file_of_the_field_has_its_test() -> None:
    assert {path.name for path in FIELD.iterdir()} == set(READ) | set(REFUSED)


@pytest.mark.parametrize("name", READ)
def test_a_file_of_the_field_that_is_read(name: str) -> None:
    assert users(FIELD / name) == READ[name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_of_the_field_that_is_refused(name: str) -> None:
    found = refusal(FIELD / name)
    assert [part for part in REFUSED[name] if part not in found] == [], found


def test_rows_that_an_import_would_leave_out() -> None:
    """With their lines; and no purge removes who is in the file."""
    scope = {"purge_scope": {"domains": ["contoso.com"]}, "purge": ["users"]}
    wanted, content = desired(FIELD / "entra-download.csv", **scope)
    assert [(item.kind, item.name) for item in wanted.skipped] == [
        ("user", "info@contoso.com"),
        ("user", "room1@contoso.com"),
        ("user", "room2@contoso.com"),
    ]
    assert wanted.skipped[0].reason == (
        "has no first and no last name; Workspace 365 needs both (entra-download.csv, line 3)"
    )
    assert {"room2@contoso.com", OBJECT_ID.format("").replace("00000000000", "000000000093")} <= wanted.purge.spared
    assert content.unused_columns == {"entra-download.csv": ["displayName", "userType"]}


def test_columns_that_are_not_used_are_named() -> None:
    assert desired(FIELD / "spaced-headings.csv")[1].unused_columns == {"spaced-headings.csv": ["Department"]}
    assert desired(FIELD / "m365-export.csv")[1].unused_columns == {"m365-export.csv": ["Display name"]}
    assert desired(FIELD / "trailing-columns.csv")[1].unused_columns == {}


# ---- the table of the guide


class Row(NamedTuple):
    """A file, and the users that it gives, or parts of the sentence that refuses it."""

    name: str
    text: str | bytes
    users: tuple[dict[str, Any], ...] = ()
    says: tuple[str, ...] = ()


def csv(*rows: str, head: str = HEAD, end: str = "\n") -> str:
    return end.join([head, *rows]) + end


MEGAN_BOWEN = {"upn": "megan.bowen@contoso.com", "first_name": "Megan", "last_name": "Bowen"}

ROWS: Mapping[str, tuple[Row, ...]] = {
    "Headings in other spelling": (
        Row("a.csv", csv(ADELE, head="UPN,First Name,LAST-NAME"), (PERSON,)),
        Row("b.csv", csv(ADELE, head="user principal name,first_name,lastname"), (PERSON,)),
        Row("c.csv", csv(f"{ADELE},x-1", head="User Principal Name,First name,Last name,External ID"), ({**PERSON, "external_id": "x-1"},)),
    ),
    "A line ``sep=;`` of Excel, a line ``#TYPE`` of PowerShell, empty columns": (
        Row("a.csv", 'sep=,\r\n"upn","first_name","last_name"\r\n' + ADELE, (PERSON,)),
        Row("b.csv", f"#TYPE System.Management.Automation.PSCustomObject\r\n{csv(ADELE, end=chr(13) + chr(10))}", (PERSON,)),
        Row("c.csv", f"{HEAD},,\n{ADELE},,\n,,,,\n", (PERSON,)),
        Row("d.csv", f"sep=\t\n{HEAD}\n{ADELE}".replace(",", "\t"), (PERSON,)),
    ),
    "Truth values of a spreadsheet in English, Dutch, German or French": (
        Row("a.csv", csv(f"{ADELE},ONWAAR", f"{MEGAN},vrai", head=f"{HEAD},active"), ({**PERSON, "active": False}, {**MEGAN_BOWEN, "active": True})),
        Row("b.csv", csv(f"{ADELE},Nein", f"{MEGAN},Oui", head=f"{HEAD},active"), ({**PERSON, "active": False}, {**MEGAN_BOWEN, "active": True})),
        Row("c.csv", csv(f"{ADELE},WAHR", f"{MEGAN},Falsch", head="userPrincipalName,givenName,surname,Block credential"), ({**PERSON, "active": False}, {**MEGAN_BOWEN, "active": True})),
        Row("d.csv", csv(f"{ADELE},vielleicht", f"{MEGAN},2", head=f"{HEAD},active"), (), ("Line 2: 'vielleicht' in column 'active' is neither true nor false", "Line 3: '2'", "WAHR")),
    ),
    "A column that is not used": (
        Row("a.csv", csv(f"{ADELE},9", head=f"{HEAD},Cost Center"), (PERSON,)),
        Row("b.csv", csv(f"{ADELE},9", head="userPrincipalName,givenName,surname,usageLocation"), (PERSON,)),
    ),
    "A plain heading that may be meant for a known one": (
        Row("a.csv", csv(ADELE, head="upn,fist_name,last_name"), (), ("a.csv: 'fist_name' is not a known column.", "Known columns: upn,")),
        Row("b.csv", csv(f"{ADELE},x,y", head=f"{HEAD},is_admin,Statu"), (), ("b.csv: 'is_admin', 'Statu' are not known columns",)),
        Row("c.csv", csv(f"{ADELE},x", head=f"{HEAD},mail"), (), ("'mail' is not a known column",)),
        Row("d.csv", csv(f"{ADELE},x", head=f"{HEAD},objectId"), (), ("'objectId' is not a known column",)),
    ),
    "A row without a first or a last name, in an export": (
        Row("a.csv", csv(ADELE, "room@contoso.com,,", head="userPrincipalName,givenName,surname"), (PERSON,)),
        Row("b.csv", csv(ADELE, "info@contoso.com,Info,", head="User principal name,First name,Last name"), (PERSON,)),
    ),
    "Bad rows": (
        Row(
            "a.csv",
            csv(ADELE, "nobody,,", f"{ADELE}", ",x,y", f"{MEGAN},more"),
            (),
            ("a.csv: 4 things are wrong.", "Line 3: Option upn has 'nobody'", "Line 4: user 'adele.vance@contoso.com' is already listed in line 2", "Line 5: the user has no UPN", "Line 6: 4 values for 3 columns"),
        ),
        Row("b.csv", f"{HEAD},\n{ADELE},\n{MEGAN},x\n", (), ("b.csv, line 3: column 4 has a value and no heading",)),
        Row("c.csv", csv(*(f"user{number}@contoso,A,B" for number in range(30))), (), ("30 things are wrong", "Line 2: ", "Line 21: ", "in lines 22-31")),
        Row("d.yml", "- {upn: a, first_name: A, last_name: B}\n- {upn: b@contoso.com, surname: B}\n", (), ("Line 1: Option upn has 'a'", "Line 2: the key users.surname is not known. Known keys: ")),
    ),
    "A byte order mark at the start of a line": (
        Row("a.csv", csv(ADELE, f"\ufeff{MEGAN}").encode("utf-8-sig"), (PERSON, MEGAN_BOWEN)),
        Row("b.csv", csv(ADELE) + "\ufeff" + csv(MEGAN), (PERSON, MEGAN_BOWEN)),
        Row("c.yml", "- {upn: adele.vance@contoso.com, first_name: Adele, last_name: Vance}\n\ufeff- {upn: megan.bowen@contoso.com, first_name: Megan, last_name: Bowen}\n", (PERSON, MEGAN_BOWEN)),
        Row("d.csv", csv(ADELE).encode("utf-16"), (PERSON,)),
    ),
    "Another invisible or control character in a name": (
        Row("a.csv", csv("adele.vance@contoso.com\u200b,Adele,Vance"), (), ("a.csv, line 2: ", "U+200B (ZERO WIDTH SPACE)")),
        Row("b.csv", csv(ADELE, "megan.bowen@contoso.com,Me\u202egan,Bowen"), (), ("b.csv, line 3: Option first_name", "U+202E (RIGHT-TO-LEFT OVERRIDE)")),
        Row("c.yml", 'users: [{upn: adele.vance@contoso.com, first_name: "Ad\\x07ele", last_name: Vance}]', (), ("c.yml, line 1: Option first_name", "U+0007")),
        Row("d.csv", csv(ADELE).encode("utf-16-le"), (), ("d.csv, line 1: the file holds U+0000", "save it as UTF-8")),
    ),
    "A key twice": (
        Row("a.yml", "users: []\ngroups: []\nusers: []\n", (), ("a.yml, line 3: the key 'users' is already in line 1",)),
        Row("b.yml", "groups:\n  - name: Sales\n    members:\n      set: [a@contoso.com]\n      set: []\n", (), ("b.yml, line 5: the key 'set' is already in line 4",)),
        Row("c.json", '{"groups": [{"name": "Sales",\n "members": {"add": [],\n "add": []}}]}', (), ("c.json, line 3: the key 'add' is already in line 2",)),
        Row("d.yml", "- &adele {upn: adele.vance@contoso.com, first_name: Adele, last_name: Vance}\n- {<<: *adele, upn: megan.bowen@contoso.com, first_name: Megan, last_name: Bowen}\n", (PERSON, MEGAN_BOWEN)),
    ),
    "No text where a text names or identifies something": (
        Row("a.yml", "users: [{upn: a@contoso.com, last_name: Null, external_id: 2024-01-01}]", (), ("external_id is 2024-01-01, which is read as a date", "last_name is Null, which is read as null")),
        Row("b.yml", "groups:\n  - name: 365\n    members: {set: [0x1F, ~, 1.5e+3]}\n", (), ("Line 2: groups.name is 365", "groups.members.set is 0x1F", "groups.members.set is null", "set is 1.5e+3")),
        Row("c.json", '{"users": [\n{"upn": "a@contoso.com",\n"external_id": 516}]}', (), ("c.json, line 3: users.external_id is 516",)),
        Row("d.yml", "administrators: {add: [yes]}", (), ("d.yml, line 1: administrators.add is yes, which is read as a truth value",)),
        Row("e.yml", "- {upn: adele.vance@contoso.com, first_name: Adele, last_name: Vance, external_id: '0012', identity: }\n", ({**PERSON, "external_id": "0012"},)),
    ),
    "Half of a character": (
        Row("a.json", '[{"upn": "adele.vance@contoso.com",\n"job_title": "\\udc00"}]', (), ("a.json, line 1: users.job_title holds U+DC00",)),
        Row("b.json", '{"groups": [{"name": "Sales \\ud83d"}]}', (), ("groups.name holds U+D83D",)),
        Row("c.json", '{"users": [{"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "\\ud83d\\ude00"}]}', ({**PERSON, "last_name": "\U0001f600"},)),
    ),
    "A file that is encrypted with Ansible Vault": (
        Row("a.yml", "$ANSIBLE_VAULT;1.1;AES256\n3131\n", (), ("a.yml is encrypted with Ansible Vault", "include_vars")),
        Row("b.yml", "- {upn: adele.vance@contoso.com, password: !vault |\n  x}\n", (), ("not YAML",)),
        Row("c.yml", "- upn: adele.vance@contoso.com\n  password: !vault |\n    3131\n", (), ("c.yml, line 2: the tag !vault is not supported",)),
    ),
}  # fmt: skip


def test_the_table_of_the_guide_has_these_rows() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    table = text.partition("What a file may hold\n")[2].partition("How users are matched\n")[0]
    found = [" ".join(row.split()) for row in re.findall(r"^   \* - ((?:.+\n)+?)     - ", table, re.MULTILINE)]
    assert found[1:] == list(ROWS)


@pytest.mark.parametrize(
    ("name", "row"), [(name, row) for name, rows in ROWS.items() for row in rows], ids=lambda value: str(value)[:40]
)
def test_what_a_file_may_hold(tmp_path: Path, name: str, row: Row) -> None:
    path = written(tmp_path, row.name, row.text)
    if row.says:
        found = refusal(path)
        assert [part for part in row.says if part not in found] == [], found
    else:
        assert users(path) == list(row.users)


def test_what_is_encrypted_can_be_read_where_there_is_a_password(tmp_path: Path) -> None:
    """A whole file of each format, and a value; without a password that fits, the line of each value."""

    def decrypt(text: str) -> str | None:
        return {"3131": "a-first-password", "3232": None}.get(text.strip(), csv("adele.vance@contoso.com,Adele,Vance"))

    whole = str(written(tmp_path, "a.csv", "$ANSIBLE_VAULT;1.1;AES256\n3333\n"))
    (user,) = read_files([whole], decrypt).users
    assert user["upn"] == "adele.vance@contoso.com"
    value = "- {{upn: adele.vance@contoso.com, first_name: A, last_name: B, password: !vault '{0}'}}\n"
    (user,) = read_files([str(written(tmp_path, "b.yml", value.format(3131)))], decrypt).users
    assert user["password"] == "a-first-password"
    with pytest.raises(InputError, match=r"c\.yml, line 1: no vault password that Ansible was given fits this value"):
        read_files([str(written(tmp_path, "c.yml", value.format(3232)))], decrypt)
    with pytest.raises(InputError, match=r"a\.csv is encrypted with Ansible Vault, and no vault password"):
        read_files([whole], lambda text: None)


# ---- more of these kinds


def test_bad_lines_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    found = refusal(
        written(tmp_path, "a.csv", csv("nobody,A,B")),
        written(tmp_path, "b.yml", "- {upn: a@contoso.com, last_name: No}\n"),
        written(tmp_path, "c.json", "[{]"),
    )
    assert "a.csv, line 2: " in found
    assert "b.yml, line 1: users.last_name is No" in found
    assert "c.json is not JSON" in found


def test_a_value_that_is_secret_is_not_shown(tmp_path: Path) -> None:
    found = refusal(written(tmp_path, "a.yml", "- {upn: a@contoso.com, password: 8675309}\n"))
    assert "users.password is a number and no text" in found
    assert "8675309" not in found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 3000, "not YAML"),
        ("- " * 3000 + "a", "nested too deeply"),
        ("&a [*a]", "leads back to itself"),
        ("users: &a [{upn: a@contoso.com, identity: *a}]", "leads back to itself"),
        ("users: [{upn: !!int x}]", "is x, which is read as no text"),
        ("users: [{upn: !!timestamp 2024-13-45}]", "is read as a date"),
        ("users: [{upn: " + "9" * 5000 + "}]", "and not as a text"),
        ("? [a]\n: 1", "a key is a list or a dictionary"),
        ("users: !!set {a}", "the tag !!set is not supported"),
        ("users: !!python/object/apply:os.system [ls]", "is not supported"),
        ("users: [{<<: 1, upn: a@contoso.com}]", "the merge key << needs a dictionary"),
        ("a: b\n\x07", "line 2: not YAML"),
        ("---\nusers: []\n---\nusers: []", "not YAML"),
        ("users: {upn: x, bad: 1}", "bad"),
        ("users: [{upn: a@contoso.com, state: [*x]}]", "not YAML"),
    ],
)
def test_odd_yaml_ends_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    assert says in refusal(written(tmp_path, "x.yml", text))


def test_aliases_of_aliases_end_in_a_sentence(tmp_path: Path) -> None:
    """A file of 400 bytes that would be gigabytes when it is written out."""
    lines = ["a0: &a0 {x: y}"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert "aliases" in refusal(written(tmp_path, "x.yml", "\n".join(lines)))
    lines = ["a0: &a0 {x: y}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]
    assert "holds 'a0'" in refusal(written(tmp_path, "x.yml", "\n".join(lines)))
    bomb = ["- &a0 [x]"] + [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    assert "aliases" in refusal(written(tmp_path, "x.yml", "\n".join(["- {upn: a@contoso.com}", *bomb, "- {upn: b@contoso.com, state: *a19}"])))  # fmt: skip


def test_yaml_without_the_c_library_is_read_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = FIELD / "employee-octal.yml"
    before = refusal(path)
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert refusal(path) == before
    assert "holds U+D83D" in refusal(written(tmp_path, "x.yml", '- {upn: a@contoso.com, first_name: "\\ud83d"}'))


def test_what_yaml_dumps_is_read(tmp_path: Path) -> None:
    """Programs quote what would be no text, and write null for nothing."""
    person = {**PERSON, "last_name": "No", "external_id": "0012", "email": None}
    for name, text in (("a.yml", yaml.safe_dump([person])), ("a.json", json.dumps([person]))):
        assert users(written(tmp_path, name, text)) == [{**PERSON, "last_name": "No", "external_id": "0012"}]


def test_deep_json_ends_in_a_sentence(tmp_path: Path) -> None:
    for depth in (900, sys.getrecursionlimit() * 4, 100_000):
        text = '{"users": [{"upn": ' + "[" * depth + "]" * depth + "}]}"
        assert "x.json" in refusal(written(tmp_path, "x.json", text))
    assert "NaN is no value in JSON" in refusal(written(tmp_path, "x.json", '[{"upn": NaN}]'))


def test_the_example_of_the_template_is_left_out(tmp_path: Path) -> None:
    text = (
        "version:v1.0\n"
        "Name [displayName] Required,User name [userPrincipalName] Required,Block sign in (Yes/No) [accountEnabled] Required,"
        "First name [givenName],Last name [surname]\n"
        "Example: Chris Green,chris@contoso.com,No,Chris,Green\n"
        "Adele Vance,adele.vance@contoso.com,TRUE,Adele,Vance\n"
    )
    wanted, _content = desired(written(tmp_path, "template.csv", text))
    assert [(user.upn, user.fields["active"]) for user in wanted.users] == [("adele.vance@contoso.com", False)]
    assert [item.name for item in wanted.skipped] == ["chris@contoso.com"]
