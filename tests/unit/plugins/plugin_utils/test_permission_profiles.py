# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permissions as code: the description, the checklist with its file, and who may do what, with nothing taken for a no."""

from __future__ import annotations

import csv
import importlib
import io
import itertools
import json
import re
import tempfile
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.permissions import (
    ALLOW,
    DENY,
    NO,
    NOT_SET,
    PERMISSIONS,
    RULES,
    UNKNOWN,
    VALUES,
    YES,
    Source,
    decide,
)

filters: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.filter.permission_profiles"
)
ROOT = Path(__file__).resolve().parents[4]
PROFILES, EFFECTIVE, SHOWN = (
    filters.permission_profiles,
    filters.effective_permissions,
    filters.effective_permissions_shown,
)
NEWS, SHOP, TILES = "Create and manage announcements", "Request apps in the app store", "Create shared tile groups"
ADELE, MEGAN, NESTOR = (f"{name}@contoso.com" for name in ("adele.vance", "megan.bowen", "nestor.wilke"))
EDITORS = "W365 News editors"
ODD = "=cmd()<script>{{ 7 * 7 }}"
DAY = "2026-11-26"
KEYS = (
    "profiles",
    "default",
    "groups",
    "name",
    "group",
    "allow",
    "deny",
    "members",
    "set",
    "value",
    "date",
    "users",
    "upn",
)


def profile(**more: Any) -> dict[str, Any]:
    return {"name": "News editors", "group": EDITORS, "allow": [NEWS], "members": {"set": [ADELE]}, **more}


def definition(*profiles: Any, **more: Any) -> dict[str, Any]:
    return {"profiles": list(profiles or [profile()]), "default": {}, "other_groups": "not_set", **more}


# The rule: the same answer for every combination of what is possible, or unknown


def plain_answer(administrator: bool, values: tuple[str, ...]) -> str:
    if administrator:
        return YES
    return NO if DENY in values or ALLOW not in values else YES


POSSIBLE = st.frozensets(st.sampled_from(VALUES), min_size=1)


@given(st.sampled_from([True, False, None]), st.lists(POSSIBLE, max_size=4))
def test_an_answer_is_one_that_every_possibility_gives(administrator: bool | None, possible: list[Any]) -> None:
    roles = [True, False] if administrator is None else [administrator]
    answers = {plain_answer(role, values) for role in roles for values in itertools.product(*possible)}
    verdict = decide(administrator, [Source(f"group {n}", one, f"doubt {n}") for n, one in enumerate(possible)])
    assert verdict.answer == (answers.pop() if len(answers) == 1 else UNKNOWN)
    assert (verdict.rule is None) == (verdict.answer == UNKNOWN)
    assert bool(verdict.doubts) == (verdict.answer == UNKNOWN)


def test_the_letters_are_those_of_the_contract() -> None:
    """One source for both: docs/contract.md has the rules about permissions with their letters."""
    contract = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    letters = {
        cells[3].strip(): cells[2].strip()
        for line in contract.splitlines()
        if line.startswith("| Permissions |") and len(cells := line.split("|")) > 3
    }
    for rule in RULES:
        assert letters[rule.sentence] == ("D" if rule.documented else "A"), rule


# The description


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"profiles": [profile(allow=["Create and manage announcement"])]}, f"did you mean '{NEWS}'?"),
        ({"profiles": [profile(allow=["Fly"])]}, "no permission 'Fly'; one that your environment has is to be listed"),
        ({"profiles": [profile(deny=[NEWS.upper()])]}, f"'{NEWS}' is allowed and denied"),
        ({"profiles": [profile(allow=["Make user requests"], deny=[SHOP])]}, f"'{SHOP}' is allowed and denied"),
        (
            {"default": {"allow": [NEWS], "deny": [f" {NEWS} "]}},
            "default: 'Create and manage announcements' is allowed",
        ),
        ({"profiles": [profile(), profile(name="B", group=EDITORS.lower())]}, "2 profiles name the group"),
        ({"profiles": [profile(), profile(group="Other")]}, "2 profiles have the name 'news editors'"),
        ({"profiles": [profile(identity="X"), profile(name="B", group="B", identity="x")]}, "2 profiles rename the"),
        ({"profiles": [profile(alow=[NEWS])]}, "there is no key 'alow', did you mean 'allow'"),
        ({"profils": []}, "there is no key 'profils', did you mean 'profiles'"),
        ({"profiles": {}}, "profiles is a dictionary and no list of dictionaries"),
        ({"profiles": ["News"]}, "profiles entry 1 is a text and no dictionary"),
        ({"profiles": [profile(allow=NEWS)]}, "allow is a text and no list"),
        ({"profiles": [profile(allow=[False])]}, "has False, a truth value and no text"),
        ({"profiles": [profile(group=516)]}, "group has 516, a number and no text"),
        ({"profiles": [profile(group=" ")]}, "group is blank"),
        ({"profiles": [{"name": "A"}]}, "group is not given"),
        ({"profiles": [profile(members=[ADELE])]}, "write members: {set: [...]}"),
        ({"profiles": [profile(members={"set": [ADELE], "add": [MEGAN]})]}, "names all of them, and add or remove too"),
        ({"profiles": [profile(members={})]}, "members has none of add, remove and set"),
        ({"profiles": [profile(members={"set": ["adele"]})]}, "is not a user principal name"),
        ({"other_groups": "no"}, "other_groups is 'no': give unknown or not_set"),
        ({"hub_categories": [{"name": "N", "editors": {"user": [ADELE]}}]}, "did you mean 'users'"),
        ({"hub_categories": [{"name": "N"}, {"name": "n"}]}, "2 hub_categories have the name 'n'"),
    ],
)
def test_a_description_that_is_not_clear(change: dict[str, Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        PROFILES(definition(**change))
    assert said in str(caught.value)
    assert "Nothing was written." in str(caught.value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is not given"),
        (" ", "is not given"),
        ({}, "says nothing about permissions"),
        ([], "a list and no"),
        ("x", "text"),
    ],
)
def test_no_description(value: Any, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        PROFILES(value)


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        PROFILES(definition(profile(allow=["One", "Two"], deny=["Three"])))
    assert all(name in str(caught.value) for name in ("'One'", "'Two'", "'Three'"))


def test_a_name_of_the_environment_is_a_way_out() -> None:
    found = PROFILES(definition(profile(allow=["manage  the HUB"]), other_permissions=["Manage the Hub"]))
    assert [item["permission"] for item in found["open"]] == ["Manage the Hub"]


def test_a_former_name_is_the_same_permission() -> None:
    (item,) = PROFILES(definition(profile(allow=["make user requests"])))["open"]
    assert item["permission"] == SHOP


# The checklist, and its file


def done_file(tmp_path: Path, text: Any = None, **groups: Any) -> str:
    path = tmp_path / "done.yml"
    path.write_text(yaml.safe_dump({"groups": groups}) if text is None else text, encoding="utf-8")
    return str(path)


def open_items(found: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(item["group"], item["permission"], item["value"], item["was"]) for item in found["open"]]


def test_without_a_file_everything_is_listed(tmp_path: Path) -> None:
    described = definition(profile(deny=[TILES]), default={"allow": [SHOP]})
    for path in ("", str(tmp_path / "missing.yml")):
        found = PROFILES(described, path)
        assert open_items(found) == [
            (None, SHOP, ALLOW, None),
            (EDITORS, NEWS, ALLOW, None),
            (EDITORS, TILES, DENY, None),
        ]
        assert found["checklist"] == [
            "Default permissions",
            f"  [ ] {SHOP}: Allow",
            f"Settings > Users & Groups > Group management > {EDITORS} > permissions",
            f"  [ ] {NEWS}: Allow",
            f"  [ ] {TILES}: Deny",
            "Nothing is known of what was set before, so everything is listed.",
        ]
        assert found["done"] == ""


def test_only_differences_are_listed(tmp_path: Path) -> None:
    path = done_file(
        tmp_path, **{EDITORS.lower(): {NEWS: "allow", TILES: {"value": "Allow", "date": "2026-01-02"}, SHOP: "Deny"}}
    )
    found = PROFILES(definition(profile(deny=[TILES])), path)
    assert open_items(found) == [(EDITORS, TILES, DENY, ALLOW), (EDITORS, SHOP, NOT_SET, DENY)]
    assert f"  [ ] {SHOP}: Not set (was Deny)" in found["checklist"]
    assert PROFILES(definition(profile()), done_file(tmp_path, **{EDITORS: {NEWS: ALLOW}}))["checklist"] == [
        "Nothing has to be set by hand."
    ]


def test_a_group_without_a_profile_is_taken_back(tmp_path: Path) -> None:
    path = done_file(tmp_path, **{EDITORS: {NEWS: ALLOW}, "Interns": {TILES: ALLOW, SHOP: NOT_SET}})
    found = PROFILES(definition(), path)
    assert open_items(found) == [("Interns", TILES, NOT_SET, ALLOW)]
    assert "No profile names Interns any more" in found["checklist"][-1]


def test_a_renamed_group_keeps_what_was_set(tmp_path: Path) -> None:
    path = done_file(tmp_path, **{"Old editors": {NEWS: {"value": ALLOW, "date": DAY}}})
    renamed = definition(profile(identity="OLD editors"))
    found = PROFILES(renamed, path)
    assert open_items(found) == []
    assert found["checklist"][-1] == f"Renamed groups keep their permissions: Old editors is {EDITORS}."
    assert found["groups"] == [{"name": EDITORS, "identity": "OLD editors", "members": {"set": [ADELE]}}]
    text = PROFILES(renamed, path, ["*"], "2026-12-01")["done"]
    assert yaml.safe_load(text) == {"groups": {EDITORS: {NEWS: {"value": ALLOW, "date": DAY}}}}
    with pytest.raises(AnsibleFilterError, match="by its name and by its former name"):
        PROFILES(renamed, done_file(tmp_path, **{"Old editors": {}, EDITORS: {}}))


def test_a_name_that_another_rename_makes_free(tmp_path: Path) -> None:
    """B becomes C, and A becomes B: what was set for A is that of the new B."""
    both = definition(
        {"name": "P", "group": "B", "identity": "A", "allow": [NEWS]},
        {"name": "Q", "group": "C", "identity": "B", "allow": [TILES]},
    )
    path = done_file(tmp_path, A={NEWS: ALLOW}, B={TILES: ALLOW})
    assert open_items(PROFILES(both, path)) == []
    text = PROFILES(both, path, ["*"], DAY)["done"]
    assert {name: list(values) for name, values in yaml.safe_load(text)["groups"].items()} == {
        "B": [NEWS],
        "C": [TILES],
    }
    Path(path).write_text(text, encoding="utf-8")
    assert open_items(PROFILES(both, path)) == []
    path = done_file(tmp_path, B={TILES: ALLOW})
    assert open_items(PROFILES(both, path)) == [("B", NEWS, ALLOW, None)]


def test_what_was_done_is_remembered(tmp_path: Path) -> None:
    path = done_file(
        tmp_path, **{EDITORS: {NEWS: {"value": ALLOW, "date": "2026-01-02"}, SHOP: DENY}, "Gone": {NEWS: ALLOW}}
    )
    described = definition(profile(deny=[TILES]), profile(name="B", group="B", allow=[SHOP]), default={"allow": [SHOP]})
    found = PROFILES(described, path, [EDITORS.upper(), "gone"], DAY)
    kept = {NEWS: {"value": ALLOW, "date": "2026-01-02"}, TILES: {"value": DENY, "date": DAY}}
    assert yaml.safe_load(found["done"]) == {"groups": {EDITORS: kept}}
    assert open_items(found) == [(None, SHOP, ALLOW, None), ("B", SHOP, ALLOW, None)]
    Path(path).write_text(found["done"], encoding="utf-8")
    again = PROFILES(described, path, [EDITORS], DAY)
    assert again["done"] == ""
    last = PROFILES(described, path, ["*"], DAY)
    assert last["open"] == []
    Path(path).write_text(last["done"], encoding="utf-8")
    assert PROFILES(described, path, ["*"], "2027-01-01")["done"] == ""
    assert PROFILES(described, path)["checklist"] == ["Nothing has to be set by hand."]


def test_done_without_a_file_to_remember_it() -> None:
    with pytest.raises(AnsibleFilterError, match="names no file"):
        PROFILES(definition(), "", ["*"])


def test_done_for_a_group_that_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match=f"did you mean '{EDITORS}'"):
        PROFILES(definition(), str(tmp_path / "none.yml"), ["W365 News editor"])


def test_a_description_without_default_leaves_what_everybody_has(tmp_path: Path) -> None:
    path = done_file(tmp_path, yaml.safe_dump({"default": {SHOP: ALLOW}}))
    described = definition()
    del described["default"]
    found = PROFILES(described, path)
    assert open_items(found) == [(EDITORS, NEWS, ALLOW, None)]
    assert "default: {} takes them back" in found["checklist"][-1]
    assert open_items(PROFILES(definition(), path))[0] == (None, SHOP, NOT_SET, ALLOW)


SERVER = "https://workspace.contoso.com"


def clicked(path: str, environment: str = "", url: str = "", definition: Any = None) -> dict[str, Any]:
    """What is returned when everything was done; the file is written as the role does it."""
    found: dict[str, Any] = PROFILES(definition or {"profiles": [profile()]}, path, ["*"], DAY, environment, url)
    if found["done"]:
        Path(path).write_text(found["done"], encoding="utf-8")
    return found


@pytest.fixture(autouse=True)
def run_of_ansible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(filters, "run_directory", lambda: str(folder))
    for name in ("W365_ENVIRONMENT", "W365_INSTANCE_URL"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.mark.parametrize(
    ("environment", "url", "first"),
    [
        ("Contoso", SERVER, {"environment": "contoso", "server": "workspace.contoso.com"}),
        ("contoso", "", {"environment": "contoso"}),
        ("", SERVER, {"server": "workspace.contoso.com"}),
        ("", "", {}),
    ],
)
def test_the_file_names_its_environment(tmp_path: Path, environment: str, url: str, first: dict[str, str]) -> None:
    path = done_file(tmp_path, "")
    clicked(path, environment, url)
    content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    groups = content.pop("groups")
    assert content == first
    assert list(groups) == [EDITORS]
    again = clicked(path, environment, f"{url}:443/" if url else "")
    assert (again["done"], again["checklist"]) == ("", ["Nothing has to be set by hand."])


@pytest.mark.parametrize(
    ("text", "environment", "url", "said"),
    [
        ("environment: contoso", "fabrikam", "", "is about environment 'contoso', and this run is for 'fabrikam'"),
        ("environment: contoso", "", "", "which environment this run is for is not known here. Name it with"),
        ("environment: contoso", "", SERVER, "which environment this run is for is not known here. Name it with"),
        (
            "environment: contoso\nserver: test.contoso.com",
            "contoso",
            SERVER,
            "'contoso' of test.contoso.com, and this run is for 'contoso' of workspace.contoso.com",
        ),
        ("server: test.contoso.com", "contoso", SERVER, "give each environment a file of its own"),
        ("environment: 12", "contoso", "", "line 1: a text is needed here, and it is a number"),
        ("environment: [contoso]", "contoso", "", "line 1: a text is needed here, and it is a list"),
        ("default: {}\nserver: yes", "contoso", "", "line 2: a text is needed here, and it is a truth value"),
    ],
)
def test_a_file_of_another_environment(tmp_path: Path, text: str, environment: str, url: str, said: str) -> None:
    path = done_file(tmp_path, text)
    for names in ([], ["*"]):
        with pytest.raises(AnsibleFilterError) as caught:
            PROFILES(definition(profile()), path, names, DAY, environment, url)
        assert said.lower() in str(caught.value).lower()
    with pytest.raises(AnsibleFilterError):
        EFFECTIVE(definition(profile()), done=path, environment=environment, instance_url=url)


@pytest.mark.parametrize(
    "text", ["environment: Contoso", "environment: ' con-toso '\nserver: HTTPS://workspace.contoso.com/"]
)
def test_a_file_of_this_environment(tmp_path: Path, text: str) -> None:
    path = done_file(tmp_path, f"{text}\ngroups: {{{EDITORS}: {{{NEWS}: Allow}}}}")
    found = PROFILES(definition(profile()), path, [], DAY, "contoso", SERVER)
    assert found["checklist"] == ["Nothing has to be set by hand."]


def test_a_file_that_names_no_environment(tmp_path: Path) -> None:
    path = done_file(tmp_path, **{EDITORS: {NEWS: ALLOW}})
    assert PROFILES(definition(profile()), path, [], DAY, "contoso")["checklist"] == [
        "Nothing has to be set by hand.",
        "The file of what was done does not say of which environment it is. Where it is that of this run, add the line "
        "environment: contoso",
    ]
    assert clicked(path, "contoso")["checklist"] == ["Nothing has to be set by hand."]
    assert yaml.safe_load(Path(path).read_text(encoding="utf-8"))["environment"] == "contoso"


def test_the_environment_variables_count_where_nothing_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("W365_ENVIRONMENT", "fabrikam")
    monkeypatch.setenv("W365_INSTANCE_URL", "https://test.contoso.com")
    for environment, url, named in (
        (" ", "", ("fabrikam", "test.contoso.com")),
        ("contoso", "", ("contoso", "test.contoso.com")),
        ("contoso", SERVER, ("contoso", "workspace.contoso.com")),
    ):
        path = tmp_path / f"{named}.yml"
        clicked(str(path), environment, url)
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert (content["environment"], content["server"]) == named


def test_two_environments_of_one_run_with_one_file(tmp_path: Path) -> None:
    path = str(tmp_path / "done.yml")
    described = definition(profile())
    assert PROFILES(described, path, ["*"], DAY, "contoso")["done"]
    assert PROFILES(described, path, ["*"], DAY, "contoso")["done"], "the same one, asked again"
    with pytest.raises(AnsibleFilterError, match="is also the file of what was done in environment 'contoso'"):
        PROFILES(described, str(tmp_path / "run" / ".." / "done.yml"), ["*"], DAY, "fabrikam")
    assert PROFILES(described, str(tmp_path / "other.yml"), ["*"], DAY, "fabrikam")["done"]


@pytest.mark.parametrize("text", ["", "---\n", "# nothing yet\n", "groups:\n", "groups: {}\ndefault:\n"])
def test_a_file_that_says_nothing_yet(tmp_path: Path, text: str) -> None:
    assert open_items(PROFILES(definition(), done_file(tmp_path, text))) == [(EDITORS, NEWS, ALLOW, None)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups: [", "not YAML"),
        ("- a\n", "line 1: a dictionary is needed here"),
        ("group: {}\n", "line 1: there is no key 'group' here"),
        ("groups:\n  A:\n    X: perhaps\n", "line 3: the value is 'perhaps': give one of Allow, Deny, Not set"),
        ("groups:\n  A:\n    X: yes\n", "the value is a truth value"),
        ("groups:\n  A:\n    X: {value: Allow, on: 2026-11-26}\n", "there is no key 'on' here"),
        ("groups:\n  A:\n    X: {value: Allow, date: soon}\n", "the date is no day"),
        ("groups:\n  A:\n    X: {value: Allow, date: 2026-02-30}\n", "the date is no day"),
        ("groups:\n  A: [X]\n", "line 2: a dictionary is needed here, and it is a list"),
        ("groups:\n  A: {}\n  A: {}\n", "the key 'A' is already in line 2"),
        ("groups:\n  A: {}\n  a: {}\n", "line 3: group 'a' is there twice"),
        (f"groups:\n  A:\n    {NEWS}: Allow\n    {NEWS.upper()}: Deny\n", "is there twice, in two spellings"),
        ("$ANSIBLE_VAULT;1.1;AES256\n61\n", "encrypted with Ansible Vault"),
        ("groups:\n  A: !vault x\n", "tag"),
    ],
)
def test_a_file_that_is_not_clear(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        PROFILES(definition(), done_file(tmp_path, text))
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(AnsibleFilterError, match="cannot be read"):
        PROFILES(definition(), str(tmp_path))
    path = tmp_path / "half.yml"
    path.write_bytes(b"groups:\n  A: \xff\n")
    with pytest.raises(AnsibleFilterError, match="not written in UTF-8"):
        PROFILES(definition(), str(path))


# Who may do what


def users(*people: Any) -> dict[str, Any]:
    return {"users": [{"active": True, "administrator": None, **one} for one in people]}


def group(name: str, *members: str, id: str = "1") -> dict[str, Any]:
    return {"name": name, "id": id, "members": list(members)}


PEOPLE = users({"upn": ADELE, "first_name": "Adele"}, {"upn": MEGAN}, {"upn": NESTOR})
GROUPS = {"groups": [group(EDITORS, ADELE)]}
ADMINS = {"administrators": [{"upn": MEGAN}]}
FAILED = {"msg": "HTTP 403\nkey", "changed": False}


def answer(report: Mapping[str, Any], user: str, permission: str = NEWS) -> dict[str, Any]:
    (row,) = [row for row in report["rows"] if row["user"] == user and row["permission"] == permission]
    return dict(row)


def told(report: Mapping[str, Any], user: str, permission: str = NEWS) -> tuple[str, str, str]:
    row = answer(report, user, permission)
    return row["answer"], row["rule"], row["evidence"]


def test_who_may_do_what() -> None:
    report = EFFECTIVE(definition(), PEOPLE, GROUPS, ADMINS)
    assert told(report, ADELE) == (YES, "Allow", "assumed")
    assert answer(report, ADELE)["because"] == f"Allow in {EDITORS} (profile News editors)"
    assert told(report, MEGAN) == (YES, "administrator", "documented by the vendor")
    assert told(report, NESTOR) == (NO, "Not set", "assumed")
    assert told(report, ADELE, TILES) == (NO, "Not set", "assumed")
    assert report["counts"] == {YES: 6, NO: 9, UNKNOWN: 0}
    assert len(report["rows"]) == 3 * len(PERMISSIONS)


def test_deny_beats_allow() -> None:
    denying = profile(name="Interns", group="Interns", allow=[], deny=[NEWS])
    both = {"groups": [*GROUPS["groups"], group("interns", ADELE, MEGAN, id="2")]}
    report = EFFECTIVE(definition(profile(), denying), PEOPLE, both, ADMINS)
    assert told(report, ADELE) == (NO, "Deny beats Allow", "documented by the vendor")
    assert answer(report, ADELE)["because"] == "Deny in Interns (profile Interns)"
    # Whether a Deny concerns administrators is assumed.
    assert told(report, MEGAN) == (YES, "administrator with Deny", "assumed")
    by_default = EFFECTIVE(definition(default={"deny": [NEWS]}), PEOPLE, GROUPS, ADMINS)
    assert told(by_default, ADELE)[0] == NO
    assert told(EFFECTIVE(definition(default={"allow": [NEWS]}), PEOPLE, GROUPS, ADMINS), NESTOR)[0] == YES


@pytest.mark.parametrize(
    ("described", "people", "groups", "admins", "user", "expected"),
    [
        # A part that could not be read
        (definition(), FAILED, GROUPS, ADMINS, ADELE, YES),
        (definition(), PEOPLE, FAILED, ADMINS, NESTOR, UNKNOWN),
        (definition(), PEOPLE, None, ADMINS, ADELE, UNKNOWN),
        (definition(), PEOPLE, {"groups": [{"name": EDITORS, "members": None}]}, ADMINS, NESTOR, UNKNOWN),
        (definition(), PEOPLE, {"groups": "many"}, ADMINS, NESTOR, UNKNOWN),
        (definition(), PEOPLE, {"groups": [{"id": 1}]}, ADMINS, NESTOR, UNKNOWN),
        (definition(), PEOPLE, GROUPS, FAILED, NESTOR, UNKNOWN),
        (definition(), PEOPLE, GROUPS, FAILED, ADELE, YES),
        (definition(), users({"upn": NESTOR, "administrator": False}), GROUPS, FAILED, NESTOR, NO),
        (definition(), users({"upn": NESTOR, "administrator": True}), GROUPS, FAILED, NESTOR, YES),
        # What is not described
        (definition(default=None), PEOPLE, GROUPS, ADMINS, ADELE, UNKNOWN),
        (definition(default=None, profiles=[profile(allow=[], deny=[NEWS])]), PEOPLE, GROUPS, ADMINS, ADELE, NO),
        (definition(other_groups="unknown"), PEOPLE, {"groups": [group(EDITORS), group("B", NESTOR)]}, ADMINS, NESTOR, UNKNOWN),
        (definition(other_groups="unknown"), PEOPLE, {"groups": [group(EDITORS), group("B", NESTOR)]}, ADMINS, ADELE, NO),
        # Two groups of the name, of which one has the permissions
        (definition(), PEOPLE, {"groups": [group(EDITORS, ADELE), group(EDITORS, id="2")]}, ADMINS, ADELE, UNKNOWN),
        (definition(), PEOPLE, {"groups": [group(EDITORS, ADELE), group(EDITORS, id="2")]}, ADMINS, NESTOR, NO),
        # Two users of one UPN, of whom a group shows ids only
        (definition(), users({"upn": ADELE}, {"upn": ADELE}), {"groups": [group(EDITORS, "id:7")]}, ADMINS, ADELE, UNKNOWN),
        (definition(), users({"upn": ADELE}, {"upn": ADELE}), {"groups": [group(EDITORS, NESTOR)]}, ADMINS, ADELE, NO),
        # The group does not exist, or is not renamed yet
        (definition(), PEOPLE, {"groups": []}, ADMINS, ADELE, NO),
        (definition(profile(identity="Old")), PEOPLE, {"groups": [group("old", ADELE)]}, ADMINS, ADELE, YES),
        (definition(profile(identity="77")), PEOPLE, {"groups": [group("x", ADELE, id="77")]}, ADMINS, ADELE, YES),
        # A user who cannot sign in
        (definition(), users({"upn": ADELE, "active": False}), GROUPS, FAILED, ADELE, NO),
    ],
)  # fmt: skip
def test_what_is_not_known_is_no_no(
    described: Any, people: Any, groups: Any, admins: Any, user: str, expected: str
) -> None:
    assert answer(EFFECTIVE(described, people, groups, admins), user)["answer"] == expected


def test_findings_say_what_could_not_be_read() -> None:
    report = EFFECTIVE(definition(), FAILED, FAILED, None)
    assert report["unread"] == ["administrators", "groups", "users"]
    assert any("HTTP 403 key" in finding for finding in report["findings"])
    report = EFFECTIVE(definition(), PEOPLE, {"groups": [group(EDITORS, "id:7", ADELE)]}, ADMINS)
    assert any("1 members that are no users of this environment" in finding for finding in report["findings"])
    report = EFFECTIVE(definition(), PEOPLE, {"groups": []}, ADMINS)
    assert any("nobody has the profile News editors" in finding for finding in report["findings"])


def test_what_was_set_by_hand_counts(tmp_path: Path) -> None:
    described = definition(profile(allow=[NEWS, TILES]))
    missing = EFFECTIVE(described, PEOPLE, GROUPS, ADMINS, str(tmp_path / "none.yml"))
    assert told(missing, ADELE)[0] == UNKNOWN
    assert "nobody has noted that it was set" in answer(missing, ADELE)["because"]
    assert told(missing, NESTOR)[0] == NO
    path = done_file(tmp_path, **{EDITORS: {NEWS: DENY, TILES: ALLOW, SHOP: ALLOW}, "Gone": {SHOP: ALLOW}})
    groups = {"groups": [*GROUPS["groups"], group("Gone", NESTOR, id="2")]}
    report = EFFECTIVE(described, PEOPLE, groups, ADMINS, path)
    assert [told(report, ADELE, name)[0] for name in (NEWS, TILES, SHOP)] == [NO, YES, YES]
    # A group that no profile names any more, and whose permission nobody has taken back.
    assert told(report, NESTOR, SHOP)[0] == YES


def test_the_roles_of_hub_categories() -> None:
    described = definition(
        hub_categories=[{"name": "News", "editors": {"groups": [EDITORS]}, "owners": {"users": [NESTOR]}}]
    )
    report = EFFECTIVE(described, PEOPLE, GROUPS, ADMINS)
    edit, manage = "Hub category News: create, edit and delete", "Hub category News: manage the category"
    assert told(report, ADELE, edit) == (YES, "category editor", "documented by the vendor")
    assert told(report, NESTOR, edit)[:2] == (YES, "category owner")
    assert told(report, MEGAN, manage)[:2] == (YES, "administrator")
    assert not [row for row in report["rows"] if row["user"] == ADELE and row["permission"] == manage]
    unread = EFFECTIVE(described, PEOPLE, FAILED, FAILED)
    assert told(unread, ADELE, edit)[0] == told(unread, ADELE, manage)[0] == UNKNOWN


# Its forms


def test_a_spreadsheet_takes_nothing_for_a_formula() -> None:
    report = EFFECTIVE(definition(), users({"upn": f"={ADELE}", "display_name": "+1 \u202e(0)"}), GROUPS, ADMINS)
    rows = list(csv.DictReader(io.StringIO(SHOWN(report, "csv").removeprefix("\ufeff"))))
    assert list(rows[0]) == ["user", "name", "active", "permission", "answer", "rule", "evidence", "because"]
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert f"'={ADELE}" in cells
    assert "\u202e" not in "".join(cells)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


def test_a_page_shows_every_text_as_a_text() -> None:
    described = definition(
        profile(name=ODD, group=f"G {ODD}", allow=[ODD]),
        other_permissions=[ODD],
        hub_categories=[{"name": ODD, "owners": {"users": [ADELE]}}],
    )
    groups = {"groups": [group(f"G {ODD}", ADELE, "id:<b>"), group(f"H {ODD}", ADELE)]}
    people = users({"upn": ADELE, "display_name": ODD}, {"upn": f"{ODD}@x.y"})
    report = EFFECTIVE({**described, "other_groups": "unknown"}, people, groups, FAILED, environment=ODD, now=ODD)
    page = SHOWN(report, "html")
    assert "script" not in Page(page).tags
    assert page.count("&lt;script&gt;") > 5
    assert "default-src 'none'" in page
    assert json.loads(SHOWN(report, "json")) == report
    assert all("\n" not in line for line in SHOWN(report, "lines"))


def test_lines_name_who_has_a_permission() -> None:
    lines = SHOWN(EFFECTIVE(definition(), PEOPLE, GROUPS, ADMINS, environment="contoso"), "lines")
    assert lines[0] == "3 people of environment contoso: 6 yes, 9 no, 0 unknown"
    assert lines[lines.index(f"{NEWS}:") + 1] == f"  yes 2: {ADELE}, {MEGAN}"
    with pytest.raises(AnsibleFilterError, match="none of lines, html, csv, json"):
        SHOWN({}, "pdf")


# Nothing but a sentence, whatever is given


ANY_TEXT = st.one_of(st.sampled_from([*KEYS, NEWS, EDITORS, ADELE, ALLOW, "", " "]), st.text(max_size=5))
ANY_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(ANY_TEXT, inner, max_size=4)),
    max_leaves=12,
)


def sentence_or_report(*values: Any, **more: Any) -> None:
    for function in (PROFILES, EFFECTIVE):
        try:
            found = function(*values, **more)
        except AnsibleFilterError:
            continue
        if function is EFFECTIVE:
            assert {row["answer"] for row in found["rows"]} <= {YES, NO, UNKNOWN}
            for form in ("lines", "html", "csv", "json"):
                SHOWN(found, form)


@given(ANY_VALUE)
def test_any_description_ends_in_a_sentence(value: Any) -> None:
    sentence_or_report(value)
    sentence_or_report({"profiles": [value], "default": {}})
    sentence_or_report({"default": {}, "hub_categories": [{"name": "N", "editors": value}]})


@given(st.one_of(ANY_VALUE.map(lambda value: yaml.safe_dump(value, allow_unicode=True)), st.text(max_size=40)))
def test_any_file_ends_in_a_sentence(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "done.yml"
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        sentence_or_report(definition(), done=str(path))


@given(ANY_VALUE, ANY_VALUE, ANY_VALUE)
def test_any_reading_gives_an_answer(people: Any, groups: Any, admins: Any) -> None:
    for described in (definition(), definition(other_groups="unknown", default=None)):
        for listed in (people, [people], [{"upn": people, "name": groups}]):
            results = ({"users": listed}, {"groups": listed}, {"administrators": listed})
            report = EFFECTIVE(described, *results)
            assert json.loads(SHOWN(report, "json"))["counts"] == report["counts"]
        EFFECTIVE(described, people, groups, admins)


def test_one_table_has_the_names_of_permissions() -> None:
    """The guide, which has them for readers, lists those of the table and no others."""
    guide = (ROOT / "docs" / "docsite" / "rst" / "guide_permissions.rst").read_text(encoding="utf-8")
    section = guide.partition("\nThe permissions\n")[2].partition("\nThe management of")[0]
    assert re.findall(r"(?m)^\* (.+)$", section) == [permission.name for permission in PERMISSIONS]
