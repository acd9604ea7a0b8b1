# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What schemas prove, and what they do not; and paths taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim_mapping import (
    SCIM_USER_PATHS,
    ScimPath,
    patch_operation,
    user_from_scim,
    user_to_scim,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.scim_schemas import kept_fields
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import User
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.fields import (
    ENTERPRISE_USER,
    OPTIONAL_USER_FIELDS,
    USER_FIELDS,
)

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ALL = ("userName", "displayName", "title", "phoneNumbers", "preferredLanguage")


def schema(urn: str, *names: str) -> dict[str, Any]:
    return {"id": urn, "attributes": [{"name": name, "type": "string"} for name in names]}


def answer(*schemas: Any, **more: Any) -> dict[str, Any]:
    return {"Resources": list(schemas), "totalResults": len(schemas), **more}


WHOLE = answer(schema(CORE, *ALL), schema(ENTERPRISE_USER, "department"))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (WHOLE, OPTIONAL_USER_FIELDS),
        (WHOLE["Resources"], OPTIONAL_USER_FIELDS),
        (answer(schema(CORE.upper(), *(name.upper() for name in ALL))), OPTIONAL_USER_FIELDS - {"department"}),
        (answer(schema(CORE, "userName")), frozenset()),
        (answer(schema(CORE, "userName", "title")), frozenset({"job_title"})),
        # An extension as an attribute of the core schema, as some services show it.
        (
            answer({"id": CORE, "attributes": [{"name": "title"}, {"name": ENTERPRISE_USER, "subAttributes": [{"name": "department"}]}]}),
            frozenset({"job_title", "department"}),
        ),
    ],
)  # fmt: skip
def test_what_is_kept(said: Any, kept: frozenset[str]) -> None:
    assert kept_fields(said) == kept


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "schemas",
        7,
        [],
        {},
        {"Resources": None},
        {"Resources": "x"},
        answer(),
        answer(schema(ENTERPRISE_USER, "department")),
        answer(schema(CORE, *ALL), totalResults=2),
        answer(schema(CORE, *ALL), "urn:x"),
        answer({"id": CORE}),
        answer({"id": CORE, "attributes": []}),
        answer({"id": CORE, "attributes": ["title"]}),
        answer({"id": CORE, "attributes": [{"type": "string"}]}),
        answer({"attributes": [{"name": "title"}]}),
    ],
)
def test_what_proves_nothing(said: Any) -> None:
    assert kept_fields(said) is None


@pytest.mark.parametrize("path", SCIM_USER_PATHS.values())
def test_a_path_is_taken_apart(path: str) -> None:
    assert ScimPath.of(path).text == path


@pytest.mark.parametrize("path", ["", "a.b.c", 'emails[type ne "work"].value', "a b"])
def test_another_form_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        ScimPath.of(path)


@pytest.mark.parametrize("name", sorted(OPTIONAL_USER_FIELDS))
def test_an_optional_attribute_goes_out_and_comes_back(name: str) -> None:
    user = User("a@contoso.com", "1", "A", "B", "a@contoso.com", True, optional={name: "Some text"})
    resource = user_to_scim(user)
    assert user_from_scim({"id": "1", **resource}) == user
    assert (ENTERPRISE_USER in resource["schemas"]) is (name == "department")
    path = USER_FIELDS[name].scim
    cleared = patch_operation(user, name, "")
    assert (cleared["op"], "value" in cleared) == ("remove", False)
    if "[" not in path:
        assert patch_operation(user, name, "x") == {"op": "replace", "path": path, "value": "x"}
        assert cleared["path"] == path


def test_an_entry_that_is_not_there_yet_is_added_by_its_path_or_whole() -> None:
    path, entry = 'phoneNumbers[type eq "work"].value', {"type": "work", "primary": True, "value": "+1"}
    assert patch_operation(User("a@b.c"), "phone", "+1") == {"op": "add", "path": path, "value": "+1"}
    whole = patch_operation(User("a@b.c"), "phone", "+1", whole_entries=True)
    assert whole == {"op": "add", "path": "phoneNumbers", "value": [entry]}
    with_phone = User("a@b.c", optional={"phone": "+2"})
    assert patch_operation(with_phone, "phone", "+1")["path"] == 'phoneNumbers[type eq "work"].value'
    assert patch_operation(with_phone, "phone", "")["path"] == 'phoneNumbers[type eq "work"]'


@pytest.mark.parametrize(
    "entries", [None, [], "+1", [None], ["+1"], [{"value": "+1"}], [{"type": "mobile", "value": "+1"}]]
)
def test_a_number_of_another_type_is_not_the_work_phone(entries: Any) -> None:
    assert "phone" not in user_from_scim({"userName": "a@b.c", "phoneNumbers": entries}).optional
