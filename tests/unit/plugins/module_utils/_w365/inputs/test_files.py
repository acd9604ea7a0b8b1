# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with users and groups, as people and Microsoft Entra write them, and what is said about those that do not fit."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import (
    InputError,
    MissingLibraryError,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.csv_files import CsvUsers
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import decoded, read_files

ADELE = {"upn": "adele.vance@contoso.com", "first_name": "Adele", "last_name": "Vance"}
ALEX = {"upn": "alex.wilber@contoso.com", "first_name": "Alex", "last_name": "Wilber"}

BULK_CREATE = (
    "version:v1.0\n"
    "Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,"
    "Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle]\n"
    "Adele Vance,adele.vance@contoso.com,not-ours,No,Adele,Vance,Retail Manager\n"
    "Alex Wilber,alex.wilber@contoso.com,not-ours,Yes,Alex,Wilber,\n"
)
DOWNLOAD = (
    "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,accountEnabled,usageLocation\n"
    "adele.vance@contoso.com,Adele Vance,Vance,adele@contoso.com,Adele,3f1c6c0e-0000-4000-8000-000000000001,Member,,True,NL\n"
    "alex.wilber@contoso.com,Alex Wilber,Wilber,,Alex,3f1c6c0e-0000-4000-8000-000000000002,Member,,False,\n"
)


def read(tmp_path: Path, name: str, content: str | bytes) -> Any:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_files([str(path)])


def given_fields(user: Any) -> dict[str, Any]:
    """What the file said: without the defaults of the options that it did not name."""
    return {
        key: value for key, value in user.items() if value not in (None, False) and (key, value) != ("state", "present")
    }


def test_the_template_for_creating_users_in_bulk(tmp_path: Path) -> None:
    """The initial password belongs to Microsoft Entra; "block sign in" is the opposite of active."""
    adele, alex = read(tmp_path, "template.csv", BULK_CREATE).users
    assert given_fields(adele) == {**ADELE, "active": True}
    assert alex["active"] is False
    assert alex["password"] is None


def test_the_download_of_users(tmp_path: Path) -> None:
    adele, alex = read(tmp_path, "exportUsers.csv", DOWNLOAD).users
    external_id = "3f1c6c0e-0000-4000-8000-000000000001"
    assert given_fields(adele) == {**ADELE, "email": "adele@contoso.com", "external_id": external_id, "active": True}
    assert alex["active"] is False
    assert alex["email"] is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_plain_columns_however_they_are_saved(tmp_path: Path, delimiter: str, encoding: str, ending: str) -> None:
    rows = [
        ["upn", "first_name", "last_name", "active", "state"],
        ["henrietta.mueller@contoso.com", "Henrietta", "Müller", "", "present"],
        ["", "", "", "", ""],
        ["grady.archie@contoso.com", "Grady", "李", "no", "absent"],
    ]
    text = ending.join(delimiter.join(row) for row in rows)
    henrietta, grady = read(tmp_path, "users.csv", text.encode(encoding)).users
    assert (henrietta["last_name"], henrietta["active"], henrietta["state"]) == ("Müller", None, "present")
    assert (grady["last_name"], grady["active"], grady["state"]) == ("李", False, "absent")


def test_quoted_values_may_hold_anything(tmp_path: Path) -> None:
    text = 'upn,first_name,last_name\na@contoso.com,"A ""B"", C","two\nlines"\nb@contoso.com,=cmd|x,-1\n'
    first, second = read(tmp_path, "users.csv", text).users
    assert (first["first_name"], first["last_name"]) == ('A "B", C', "two\nlines")
    assert (second["first_name"], second["last_name"]) == ("=cmd|x", "-1")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "users.csv is empty"),
        ("version:v1.0\n", "users.csv is empty"),
        ("upn,surname\n", "'surname' is not a known column. Known columns: upn, identity"),
        ("first_name\nAdele\n", "no column with the UPN"),
        ("upn,UPN\n", "two columns for upn"),
        ("upn,first_name\na@contoso.com,Adele,Vance\n", "users.csv, line 2: 3 values for 2 columns"),
        ("upn,first_name\n\n,Adele\n", "users.csv, line 3: the user has no UPN"),
        (
            'upn,first_name\na@contoso.com,"x\ny"\nb@contoso.com,\nA@Contoso.com,\n',
            "users.csv, line 5: user 'A@Contoso.com' is already listed in line 2",
        ),
        ('upn,first_name\na@contoso.com,Adele\nb@contoso.com,"Alex\n', "users.csv, line 3: unexpected end of data"),
        ("upn,active\nb@contoso.com,yes\na@contoso.com,perhaps\n", "users.csv, line 3: "),
        (
            "upn,state\na@contoso.com,gone\n",
            "users.csv, line 2: value of state must be one of: present, absent, got: gone",
        ),
        ("upn\na@contoso.com\nM\xfcller\n".encode("latin-1"), "users.csv, line 3: the file is not written in UTF-8"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(InputError) as failure:
        read(tmp_path, "users.csv", content)
    assert said in failure.value.message


@pytest.mark.parametrize("ending", ["yml", "json"])
def test_whole_directories(tmp_path: Path, ending: str) -> None:
    """JSON is YAML too. Both are held to the options of the module."""
    data = {
        "users": [ADELE],
        "groups": [{"name": "Retail", "members": {"set": [ADELE["upn"]]}}],
        "administrators": {"add": [ADELE["upn"]]},
    }
    found = read(tmp_path, f"directory.{ending}", json.dumps(data))
    assert given_fields(found.users[0]) == ADELE
    assert found.groups[0]["members"]["set"] == [ADELE["upn"]]
    assert found.administrators["add"] == [ADELE["upn"]]
    assert [user["upn"] for user in read(tmp_path, f"users.{ending}", json.dumps([ADELE, ALEX])).users] == [
        ADELE["upn"],
        ALEX["upn"],
    ]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", "{", "x.json is not JSON"),
        ("x.yml", "users: [\npassword: planted-secret", "x.yml, line 3: not YAML"),
        ("x.yml", "text", "neither a dictionary with users, groups, administrators nor a list"),
        ("x.yml", "people: []", "holds 'people'; it may hold users"),
        ("x.yml", "users: [{upn: a@contoso.com, surname: Vance}]", "surname"),
        ("x.yml", "users: [{first_name: Adele}]", "missing required arguments: upn"),
        ("x.yml", "groups: [{name: Sales, members: {set: [], add: []}}]", "mutually exclusive"),
        ("x.txt", "", "ends neither in .csv nor in .json"),
    ],
)
def test_what_is_no_directory_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    with pytest.raises(InputError) as failure:
        read(tmp_path, name, content)
    assert said in failure.value.message
    assert "planted-secret" not in failure.value.message


def test_several_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("upn\nadele.vance@contoso.com\n", encoding="utf-8")
    (tmp_path / "b.yml").write_text("administrators: {add: [adele.vance@contoso.com]}", encoding="utf-8")
    paths = [str(tmp_path / name) for name in ("a.csv", "b.yml")]
    found = read_files(paths)
    assert len(found.users) == 1
    assert found.administrators is not None
    with pytest.raises(InputError, match="two of the files list administrators"):
        read_files([*paths, paths[1]])
    with pytest.raises(InputError, match=r"'/not/there.csv' cannot be read \(No such file"):
        read_files(["/not/there.csv"])


def test_without_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingLibraryError, match="'PyYAML' is needed"):
        read(tmp_path, "x.yml", "users: []")


NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda name: name.strip() == name)


@given(st.lists(NAMES, min_size=1, max_size=20), st.sampled_from([",", ";", "\t"]))
@settings(max_examples=100)
def test_what_csv_writes_is_read(names: list[str], delimiter: str) -> None:
    output = io.StringIO()
    writer = csv.writer(output, delimiter=delimiter)
    writer.writerow(["upn", "last_name"])
    writer.writerows([f"person{number}@contoso.com", name] for number, name in enumerate(names))
    text = decoded(output.getvalue().encode("utf-8-sig"), "users.csv")
    assert [user["last_name"] for _line, user in CsvUsers(text, "users.csv").rows] == names


# ---- what spreadsheets write instead of values


@pytest.mark.parametrize(
    ("heading", "cell", "part"),
    [
        *(("department", cell, "is an error of the spreadsheet") for cell in (
            "#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#NV", "#VERW!")),
        ("active", "#N/A", "is an error of the spreadsheet"),
        ("password", "#REF!", "is an error of the spreadsheet"),
        ("external_id", "1.23457E+11", "its last digits are lost"),
        ("external_id", "1,23457E+11", "its last digits are lost"),
        ("phone", "3.16123E+10", "its last digits are lost"),
    ],
)  # fmt: skip
def test_a_value_that_a_spreadsheet_spoiled_is_refused(heading: str, cell: str, part: str) -> None:
    quoted = cell.replace('"', '""')
    table = CsvUsers(f'upn,{heading}\nadele@contoso.com,"{quoted}"\nalex@contoso.com,\n', "users.csv")
    [(line, sentence)] = table.problems
    assert (line, part in sentence) == (2, True), sentence
    assert f"{cell!r} in column {heading!r}" in sentence


@pytest.mark.parametrize(
    ("heading", "cell", "value"),
    [
        ("external_id", '"=""001004"""', "001004"),
        ("external_id", '="001004"', "001004"),
        ("last_name", '"=""a """"b"""" c"""', 'a "b" c'),
        ("external_id", '="""', '="""'),
        ("password", '"=""001004"""', '="001004"'),
        ("password", "=SUM(a)", "=SUM(a)"),
        ("first_name", '=A2&""', '=A2&""'),
        ("display_name", "#1 Team", "#1 Team"),
        ("department", "#N/A or later", "#N/A or later"),
        ("department", "= the same =", "= the same ="),
        ("last_name", "1.23457E+11", "1.23457E+11"),
        ("external_id", "12E4", "12E4"),
        ("external_id", '=""', None),
    ],
)
def test_a_value_that_looks_like_that_is_read(heading: str, cell: str, value: str | None) -> None:
    table = CsvUsers(f"upn,{heading}\nadele@contoso.com,{cell}\n", "users.csv")
    assert not table.problems
    assert [user.get(heading) for _line, user in table.rows] == [value]


def test_a_column_that_is_not_used_may_hold_errors() -> None:
    table = CsvUsers("upn,Budget 2026\nadele@contoso.com,#REF!\n", "users.csv")
    assert not table.problems
    assert len(table.rows) == 1


def test_a_row_without_a_readable_upn_has_one_problem() -> None:
    assert len(CsvUsers("upn\n#N/A\n#N/A\n", "users.csv").problems) == 2
