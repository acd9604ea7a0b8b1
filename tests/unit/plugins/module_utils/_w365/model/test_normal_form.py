# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Rows of a task's arguments are spread into calls; mypy cannot tell their keys from the call's own parameters.
# mypy: disable-error-code="arg-type"

"""The normal form: what comes from a server, a task or Entra is made equal, and goes out as it should."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.provisioning_groups import (
    group_from_provisioning,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.provisioning_mapping import (
    PROVISIONING_GROUP_NAMES,
    PROVISIONING_USER_NAMES,
    to_provisioning,
    user_from_provisioning,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim_groups import (
    group_from_scim,
    group_to_scim,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim_mapping import (
    SCIM_GROUP_PATHS,
    SCIM_USER_PATHS,
    user_from_scim,
    user_to_scim,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.values import OddValueError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import (
    AddRemoveSet,
    DesiredUser,
    Skipped,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import (
    Group,
    Snapshot,
    User,
    difference,
    with_fields,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    DesiredEnvironment,
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.fields import (
    GROUP_FIELDS,
    USER_FIELDS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import (
    checked_upn,
    comparison_key,
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
stripped = texts.map(str.strip)
filled = stripped.filter(bool)

# ---- names


@pytest.mark.parametrize(
    "upn",
    [
        "adele.vance@contoso.com",
        "Adele.Vance@CONTOSO.com",
        "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "o'irvin+sayers@emea.contoso.com",
        "李@contoso.com",
        "adele@contoso.李",
        f"{'x' * 200}@contoso.com",
    ],
)
def test_a_upn_is_taken_as_it_is(upn: str) -> None:
    assert checked_upn(upn) == upn
    assert checked_upn(f" \t{upn}\n") == upn


@pytest.mark.parametrize(
    "upn",
    [
        "",
        " ",
        "adele",
        "adele@",
        "@contoso.com",
        "adele@contoso",
        "adele vance@contoso.com",
        "adele@@contoso.com",
        "a@b@contoso.com",
        "adele@contoso..com",
        "adele@contoso.com.",
        "<adele@contoso.com>",
        'Adele "A" <adele@contoso.com>',
        "adele@contoso.com, alex@contoso.com",
        "adele@contoso.com\nx@contoso.com",
    ],
)
def test_what_is_no_upn_is_refused_with_its_value_and_option(upn: str) -> None:
    with pytest.raises(InputError) as refusal:
        checked_upn(upn, "members.add")
    assert repr(upn) in refusal.value.message
    assert "members.add" in refusal.value.message
    assert "name@domain" in refusal.value.message


@pytest.mark.parametrize(
    ("name", "sanitised"),
    [("Contoso", "contoso"), ("Contoso B.V. 2", "contosobv2"), ("contoso-emea", "contosoemea"), ("Ünïcode", "ncode"), ("李", "")],
)  # fmt: skip
def test_the_server_s_name_of_an_environment(name: str, sanitised: str) -> None:
    assert sanitized_environment_name(name) == sanitised


@given(texts)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert comparison_key(comparison_key(text)) == comparison_key(text)
    assert comparison_key(f"  {text}\n") == comparison_key(text)


def simply_lower(letter: str) -> str:
    return letter if letter == "İ" else letter.lower()


@given(st.from_regex(r"[A-Za-z.@ßÄöΣςłİ]{0,20}", fullmatch=True))
def test_case_does_not_count(text: str) -> None:
    assert comparison_key("".join(simply_lower(letter) for letter in text)) == comparison_key(text)
    assert User(upn=text).key == Group(name=text).key == DesiredUser(upn=text).key == comparison_key(text)


# ---- the Provisioning API


@pytest.mark.parametrize(
    "item",
    [
        {"Id": 7, "EmailAddress": "a@contoso.com", "FirstName": "A", "LastName": "B", "IsActive": True,
         "IsAdministrator": False},
        {"id": "7", "emailAddress": " a@contoso.com ", "firstName": "A ", "lastName": " B", "isActive": "true",
         "isAdministrator": "False"},
        {"ID": 7, "EMAILADDRESS": "a@contoso.com", "FIRSTNAME": "A", "LASTNAME": "B", "ISACTIVE": 1,
         "ISADMINISTRATOR": "FALSE", "Something": {"else": []}},
    ],
)  # fmt: skip
def test_a_provisioning_user_in_every_spelling(item: dict[str, Any]) -> None:
    assert user_from_provisioning(item) == User(
        "a@contoso.com", "7", "A", "B", active=True, administrator=False, email=None, external_id=None
    )


def test_what_the_provisioning_api_does_not_say_is_not_known() -> None:
    known = {"Id": 7, "EmailAddress": "a@contoso.com", "IsAdministrator": False}
    user = user_from_provisioning({**known, "FirstName": None, "LastName": ""})
    assert (user.first_name, user.last_name, user.active) == (None, "", None)
    for name in known:
        odd: Any
        for odd in (None, [], {}, "", 1.5):
            with pytest.raises(OddValueError, match=f"(?i){name.removeprefix('Email')}"):
                user_from_provisioning({**known, name: odd})


def test_values_travel_in_the_provisioning_api_s_words() -> None:
    body = to_provisioning(
        {"upn": "a@contoso.com", "active": False, "first_name": "", "last_name": None, "password": "x"},
        PROVISIONING_USER_NAMES,
    )
    assert body == {"EmailAddress": "a@contoso.com", "IsActive": False, "FirstName": "", "Password": "x"}


def test_the_words_of_the_wire() -> None:
    """As the contract writes them."""
    assert PROVISIONING_USER_NAMES == {
        "upn": "EmailAddress",
        "first_name": "FirstName",
        "last_name": "LastName",
        "active": "IsActive",
        "administrator": "IsAdministrator",
        "password": "Password",
        "create_in_office365": "CreateInOffice365",
    }
    assert PROVISIONING_GROUP_NAMES == {"name": "Name", "description": "Description"}
    assert SCIM_USER_PATHS == {
        "upn": "userName",
        "first_name": "name.givenName",
        "last_name": "name.familyName",
        "email": 'emails[type eq "work"].value',
        "active": "active",
        "external_id": "externalId",
        "display_name": "displayName",
        "job_title": "title",
        "department": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
        "phone": 'phoneNumbers[type eq "work"].value',
        "preferred_language": "preferredLanguage",
    }
    assert SCIM_GROUP_PATHS == {"name": "displayName", "external_id": "externalId"}


@pytest.mark.parametrize(
    ("members", "ids"),
    [
        ([1, 2], ("1", "2")),
        (["1", "a-b"], ("1", "a-b")),
        ([{"Id": 1}, {"id": "2", "Name": "x"}], ("1", "2")),
        (None, None),
        ([], ()),
    ],
)
def test_members_of_a_provisioning_group(members: Any, ids: tuple[str, ...] | None) -> None:
    assert group_from_provisioning({"id": 3, "NAME": " Sales ", "Description": None, "Members": members}) == (
        Group("Sales", "3"),
        ids,
    )


@pytest.mark.parametrize(
    "odd",
    [{"Id": None}, {"Name": ""}, {"Name": 7}, {"Members": {}}, {"Members": "1"}, {"Members": [{"Name": "x"}]}, {"Members": [None]}, {"Members": [True]}],
)  # fmt: skip
def test_a_provisioning_group_that_cannot_be_known(odd: dict[str, Any]) -> None:
    with pytest.raises(OddValueError):
        group_from_provisioning({"Id": 3, "Name": "Sales", "Members": [1], **odd})


@given(filled, filled, st.booleans(), st.booleans(), st.integers(1))
@settings(max_examples=30)
def test_a_user_comes_back_from_the_provisioning_api_as_it_went(
    first: str, last: str, active: bool, administrator: bool, id: int
) -> None:
    user = User("a@contoso.com", str(id), first, last, active=active, administrator=administrator)
    values = {name: getattr(user, name) for name in USER_FIELDS if name in PROVISIONING_USER_NAMES}
    assert user_from_provisioning({"Id": id, **to_provisioning(values, PROVISIONING_USER_NAMES)}) == user


# ---- SCIM


@pytest.mark.parametrize(
    ("given", "active"),
    [(True, True), ("True", True), ("false", False), (0, False), ("maybe", None), (None, None), ([], None), ({}, None), ("", None), (7, None)],
)  # fmt: skip
def test_a_status_in_another_form_is_unknown_and_not_deactivated(given: Any, active: bool | None) -> None:
    assert user_from_scim({"id": "u1", "userName": "a@contoso.com", "active": given}).active is active
    assert user_from_scim({"id": "u1", "userName": "a@contoso.com"}).active is True
    odd = user_from_scim({"id": "u1", "userName": "a@contoso.com", "name": "A B", "emails": "x", "externalId": [given]})
    assert (odd.first_name, odd.email, odd.external_id) == (None, None, None)


def test_a_scim_user_without_regard_to_case() -> None:
    resource = {
        "ID": "u-1",
        "username": " a@contoso.com ",
        "NAME": {"GivenName": "A", "FAMILYNAME": "B"},
        "Emails": [{"Type": "Work", "Value": "b@contoso.com"}],
        "Active": "True",
        "ExternalID": "x",
    }
    assert user_from_scim(resource) == User("a@contoso.com", "u-1", "A", "B", "b@contoso.com", True, None, "x")


@pytest.mark.parametrize(
    ("active", "read"),
    [(True, True), (False, False), ("False", False), ("true", True), ("1", True), ("no", False), (None, None)],
)
def test_booleans_that_are_texts(active: Any, read: bool | None) -> None:
    assert user_from_scim({"active": active}).active is read


def test_a_scim_user_with_nothing_set_is_active() -> None:
    """RFC 7643 leaves out what is unset."""
    assert user_from_scim({"id": "1", "userName": "a@contoso.com"}) == User("a@contoso.com", "1", active=True)
    assert user_from_scim({"userName": "a@contoso.com", "name": None, "emails": None}).email is None


@pytest.mark.parametrize(
    ("emails", "chosen"),
    [
        ([{"type": "home", "value": "h"}, {"type": "work", "value": "w"}], "w"),
        ([{"type": "home", "value": "h", "primary": True}, {"type": "WORK", "value": "w"}], "w"),
        ([{"value": "a"}, {"value": "p", "primary": "true"}], "p"),
        ([{"value": "a"}, {"value": "b"}], "a"),
        ([{"type": "work"}], None),
        (["a@contoso.com"], None),
        ([], None),
        ("a@contoso.com", None),
        ({"type": "work", "value": "w"}, None),
    ],
)
def test_the_address_of_type_work_counts(emails: Any, chosen: str | None) -> None:
    assert user_from_scim({"emails": emails}).email == chosen


@pytest.mark.parametrize(
    ("member", "read"),
    [
        ({"value": "u"}, ("u", True)),
        ({"value": "u", "type": "User"}, ("u", True)),
        ({"Value": "u", "TYPE": "user", "$ref": "../Users/u"}, ("u", True)),
        ({"value": "g", "type": "Group"}, ("g", False)),
        ({"value": "g", "$ref": "https://w365.contoso.com/scim/v2/Groups/g"}, ("g", False)),
        ("u", ("u", True)),
        (7, ("7", True)),
    ],
)
def test_members_of_a_scim_group(member: Any, read: tuple[str, bool]) -> None:
    group, members = group_from_scim({"id": "g", "DisplayName": " Sales ", "externalid": "x", "MEMBERS": [member]})
    assert group == Group("Sales", "g", external_id="x")
    assert members == (read,)


def test_a_scim_group_without_members() -> None:
    assert group_from_scim({"id": 1, "members": None}) == (Group("", "1"), ())


def test_a_new_user_as_scim_wants_it() -> None:
    assert user_to_scim(User("a@contoso.com", first_name="A", last_name="B")) == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "a@contoso.com",
        "active": True,
        "name": {"givenName": "A", "familyName": "B"},
        "emails": [{"type": "work", "primary": True, "value": "a@contoso.com"}],
    }
    full = user_to_scim(User("a@contoso.com", "", "A", "B", "b@contoso.com", False, True, "x"))
    assert (full["active"], full["externalId"], full["emails"][0]["value"]) == (False, "x", "b@contoso.com")
    assert "administrator" not in str(full), "the role never travels over SCIM"


def test_a_new_group_as_scim_wants_it() -> None:
    schema = "urn:ietf:params:scim:schemas:core:2.0:Group"
    assert group_to_scim(Group("Sales", members=frozenset({"a"}))) == {"schemas": [schema], "displayName": "Sales"}
    assert group_to_scim(Group("Sales", external_id="x"))["externalId"] == "x"


@given(filled, filled, filled, filled, st.booleans())
@settings(max_examples=30)
def test_a_user_comes_back_from_scim_as_it_went(
    first: str, last: str, email: str, external_id: str, active: bool
) -> None:
    user = User("a@contoso.com", "", first, last, email, active, None, external_id)
    assert user_from_scim(user_to_scim(user)) == user


@given(filled, filled)
@settings(max_examples=30)
def test_a_group_comes_back_from_scim_as_it_went(name: str, external_id: str) -> None:
    group = Group(name, external_id=external_id)
    assert group_from_scim(group_to_scim(group)) == (group, ())


# ---- comparing


@pytest.mark.parametrize(
    ("wanted", "now", "differs"),
    [
        ({"first_name": "Adele"}, User("", first_name="Adele"), False),
        ({"first_name": " Adele "}, User("", first_name="Adele"), False),
        ({"first_name": "adele"}, User("", first_name="Adele"), True),
        ({"first_name": "Ade\u0301le"}, User("", first_name="Ad\u00e9le"), True),
        ({"external_id": ""}, User("", external_id=None), False),
        ({"external_id": ""}, User("", external_id="x"), True),
        ({"external_id": "X"}, User("", external_id="x"), True),
        ({"external_id": None}, User("", external_id="x"), False),
        ({"email": "A@CONTOSO.com"}, User("", email="a@contoso.com"), False),
        ({"upn": "A@CONTOSO.com"}, User("a@contoso.com"), False),
        ({"active": False}, User("", active=False), False),
        ({"active": False}, User("", active=True), True),
        ({"active": False}, User("", active=None), True),
        ({"active": True}, User("", active=None), True),
        ({"administrator": True}, User("", administrator=False), True),
    ],
)
def test_only_what_was_given_is_compared_in_its_normal_form(wanted: dict[str, Any], now: User, differs: bool) -> None:
    assert difference(wanted, now, USER_FIELDS) == (wanted if differs else {})


def test_a_group_s_name_has_no_case_and_its_description_has() -> None:
    now = Group("Sales", description="Sells")
    assert difference({"name": "SALES", "description": "sells"}, now, GROUP_FIELDS) == {"description": "sells"}


keys = st.frozensets(st.sampled_from(("a", "b", "c", "id:1", "id:2")))


@given(keys, keys, keys)
def test_add_and_remove(now: frozenset[str], add: frozenset[str], remove: frozenset[str]) -> None:
    change = AddRemoveSet(add, remove - add)
    result = change.applied_to(now)
    assert add <= result
    assert not result & (remove - add)
    assert result - add == now - add - remove
    assert change.applied_to(result) == result
    assert change.named == add | remove
    assert change.wanted == add


@given(keys, st.frozensets(st.sampled_from(("a", "b", "c"))))
def test_set_names_all_but_members_of_unknown_kind(now: frozenset[str], whole: frozenset[str]) -> None:
    change = AddRemoveSet(set=whole)
    result = change.applied_to(now)
    assert result == whole | {key for key in now if key.startswith("id:")}
    assert change.named == change.wanted == whole
    assert change.applied_to(result) == result


def test_with_fields_takes_what_there_is_a_place_for() -> None:
    assert with_fields(User("a"), {"first_name": "A", "password": "x"}) == User("a", first_name="A")


# ---- results and what must not be shown


def test_results_hold_every_field() -> None:
    user = User("a@contoso.com", "1", "A", "B", "e", True, False, "x", optional={"department": "Sales"})
    assert user.as_result() == {
        "upn": "a@contoso.com",
        "id": "1",
        "first_name": "A",
        "last_name": "B",
        "email": "e",
        "active": True,
        "external_id": "x",
        "administrator": False,
        "display_name": None,
        "job_title": None,
        "department": "Sales",
        "phone": None,
        "preferred_language": None,
    }
    assert tuple(user.as_result()) == ("upn", "id", *list(USER_FIELDS)[1:])
    assert Group("g", "1", "d", "x", frozenset({"b", "a"})).as_result() == {
        "name": "g",
        "id": "1",
        "description": "d",
        "external_id": "x",
        "members": ["a", "b"],
    }
    assert Group("g").as_result()["members"] is None
    assert Skipped("user", "a", "because").as_result() == {"kind": "user", "name": "a", "reason": "because"}


def test_secrets_do_not_stand_in_representations() -> None:
    secret = "a-secret"
    assert secret not in repr(DesiredUser("a@contoso.com", extras={"password": secret}))
    assert secret not in repr(DesiredEnvironment("contoso", administrator={"Password": secret}))


def test_objects_are_found_by_name_first_and_by_id_second() -> None:
    first, second = User("a@contoso.com", "1"), User("B@contoso.com", "a@contoso.com")
    snapshot = Snapshot((first, second, User("A@contoso.com", "1")), (Group("G", "7"), Group("g", "8")))
    assert snapshot.users_by_key == {"a@contoso.com": first, "b@contoso.com": second}
    assert snapshot.users_by_id == {"1": first, "a@contoso.com": second}
    assert snapshot.groups_by_key == {"g": Group("G", "7")}
    assert set(snapshot.groups_by_id) == {"7", "8"}
    assert Snapshot((User("a"),)).users_by_id == {}
