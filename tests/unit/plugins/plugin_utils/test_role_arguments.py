# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles say about wrong variables, before anything is written. Real plays are in tests/integration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.plugin_utils import role_arguments
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import (
    SHOWN,
    refusal_of_role,
    sentence_about,
)

ALLAN = "allan.deyoung@contoso.com"


def of(variable: str, value: Any) -> str:
    return sentence_about(variable, value)


RIGHT: list[tuple[str, Any]] = [
    ("w365_admins_definition", {"add": [ALLAN]}),
    ("w365_admins_definition", {"add": f"{ALLAN},b@contoso.com"}),
    ("w365_directory_definition", {"users": [], "purge": "users", "purge_limit": 25, "strict": "yes", "groups": None}),
    ("w365_directory_definition", {}),
    ("w365_environment_definition", {"name": "contoso", "active": "no", "administrator": None}),
    ("w365_groups_list", []),
    ("w365_groups_list", [{"name": "Retail", "members": {"set": []}}]),
    ("w365_o365_import_definition", {"everything": True, "full_every": "7", "attribute_map": {"x": "y"}}),
    ("w365_sso_definition", {"primary_domain": "contoso.com", "client_id": "b2", "key": "k", "verify": True}),
    ("w365_sso_definition", {"primary_domain": "contoso.com", "app": {}}),
    (
        "w365_sso_definition",
        {"authority": "https://x/y", "app": {"rotate": "always", "scopes": ["openid"]}, "client_id": None, "key": None},
    ),
    ("w365_sso_definition", {"primary_domain": "contoso.com", "client_id": "b2", "key": "k", "app": None}),
    ("w365_sso_definition", {"app": {"secret": "unmanaged"}}),
    ("w365_sso_definition", {"app": {"link": "no", "return_secret": True}}),
    ("w365_scim_definition", {}),
    (
        "w365_scim_definition",
        {"groups": "Sales,Marketing", "purge_assignments": True, "purge_limit": 2, "allow_deletes": None},
    ),
    ("w365_tenant_definition", {"sso": {"primary_domain": "contoso.com", "app": {}}, "scim": {}}),
    ("w365_users_list", [{"upn": ALLAN, "active": "yes", "email": None}]),
    ("w365_tenant_definition", {"users": [{"upn": ALLAN}], "sso": None, "scim_url": None, "scim_token": None}),
]


@pytest.mark.parametrize(("variable", "value"), RIGHT)
def test_what_is_right_passes(variable: str, value: Any) -> None:
    assert of(variable, value) == ""


class Noted(str):
    """As ansible-core 2.19 makes one that notes where it was written: slow to copy."""

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise AssertionError(f"{self} is copied")


def noted(value: Any) -> Any:
    """The value with such notes everywhere."""
    if isinstance(value, str):
        return Noted(value)
    if isinstance(value, dict):
        return {noted(key): noted(content) for key, content in value.items()}
    return [noted(entry) for entry in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("variable", "value"), RIGHT)
def test_what_is_noted_about_texts_is_not_copied(variable: str, value: Any) -> None:
    assert of(variable, noted(value)) == ""


@pytest.mark.parametrize("blank", [None, "", "  \n"])
def test_blank_is_not_given(blank: Any) -> None:
    assert of("w365_sso_definition", blank) == "w365_sso_definition is not given. Nothing was written."


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("w365_sso_definition", {1: "x"}, "there is no key '1'; missing required arguments: client_id, key; app takes their place"),
        ("w365_sso_definition", {"primary_domain": "a", "app": None}, "missing required arguments: client_id, key; app takes their place, with app: {} for its defaults"),
        ("w365_sso_definition", {"primary_domain": "a", "client_id": "b"}, "missing required arguments: key. Nothing"),
        ("w365_sso_definition", {"primary_domain": "a", "client_id": "b", "key": "c", "app": {}}, "used: client_id, key and app are given: "),
        ("w365_sso_definition", {"primary_domain": "a", "key": "", "app": {"scopes": []}}, "used: key and app are given: "),
        ("w365_sso_definition", {"app": {}}, "one of the following is required: authority, primary_domain"),
        ("w365_sso_definition", {"app": {"link": True}}, "one of the following is required: authority, primary_domain"),
        ("w365_sso_definition", {"primary_domain": "a", "app": {}, "verify": "always"}, "used: verify is about client_id and key, and app is given: leave out. Nothing"),
        ("w365_sso_definition", {"primary_domain": "a", "app": {}, "previous": {}, "scopes": []}, "scopes, previous are about client_id and key, and app is given: leave out, or give inside of app: scopes"),
        ("w365_sso_definition", {"primary_domain": "a", "app": "yes"}, "used: app must be a dictionary. Nothing"),
        ("w365_sso_definition", {"primary_domain": "a", "app": "rotate=always"}, "app must be a dictionary"),
        ("w365_sso_definition", {"app": {"primary_domain": "a"}}, "app: there is no key 'primary_domain' here, give it beside 'app'"),
        ("w365_sso_definition", {"primary_domain": "a", "app": {"rotte": "x", "overlap": "long"}}, "app: there is no key 'rotte', did you mean 'rotate'; app: overlap must be a whole number, not 'long'"),
        ("w365_scim_definition", {"group": [], "wait": "perhaps"}, "there is no key 'group', did you mean 'groups'; wait must be true or false, not 'perhaps'"),
        ("w365_scim_definition", {"provision_now": [{"user": "a"}, {"grup": "b"}]}, "provision_now entry 2: there is no key 'grup', did you mean 'group'"),
        ("w365_scim_definition", {"purge_assignments": True}, "purge_assignments is True but all of the following are missing: purge_limit"),
        ("w365_tenant_definition", {"scim": {"scim_url": "x"}}, "scim: there is no key 'scim_url' here, give it beside 'scim'"),
        ("w365_tenant_definition", {"scim": ["Sales"]}, "scim must be a dictionary"),
        ("w365_tenant_definition", {"sso": {"primary_domain": "a", "app": {"return_secret": False}}}, "sso app: there is no key 'return_secret' here, because no result of a tenant holds the text of a secret"),
        ("w365_sso_definition", 5, "it is a number and no dictionary"),
        ("w365_sso_definition", {"primary_domain": "a", "authority": "b", "client_id": "c", "key": "k"}, "parameters are mutually exclusive: authority|primary_domain"),
        ("w365_environment_definition", {"name": "a", "state": "absent"}, "state is absent but all of the following are missing: delete_confirmation"),
        ("w365_directory_definition", {"users": {"upn": ALLAN}}, "users must be a list"),
        ("w365_directory_definition", {"progress_interval": "many"}, "progress_interval must be a whole number, not 'many'"),
        ("w365_tenant_definition", {"groups": [{"name": "A"}, {"name": "B", "members": {"ad": []}}]}, "groups entry 2 (B) members: there is no key 'ad', did you mean 'add'"),
        ("w365_tenant_definition", {"environment": {"name": "a", "administrator": {"mail": "x"}}}, "environment administrator: there is no key 'mail', did you mean 'email'"),
        ("w365_tenant_definition", {"sso": {"Client_ID": "x"}}, "sso: there is no key 'Client_ID', did you mean 'client_id'"),
        ("w365_tenant_definition", {"scim_url": "x", "users": []}, "parameters are required together: scim_url, scim_token"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(variable: str, value: Any, said: str) -> None:
    sentence = of(variable, value)
    assert sentence.startswith(f"{variable} cannot be used: ")
    assert said in sentence
    assert sentence.endswith(". Nothing was written.")
    assert "\n" not in sentence


def test_many_mistakes_are_counted() -> None:
    users = [{"upn": f"user{number}@contoso.com", "fist_name": "x"} for number in range(SHOWN + 15)]
    sentence = of("w365_users_list", users)
    assert sentence.count("did you mean") == SHOWN
    assert "; and 15 more. Nothing was written." in sentence


def test_no_value_is_shown_that_may_be_a_secret() -> None:
    secret = "a-planted-secret"
    for entry in (
        {"password": [secret]},
        {"pasword": secret},
        {secret: 1, "password": {"a": secret}},
        secret,
        [secret],
    ):
        sentence = of("w365_users_list", [entry])
        assert sentence
        assert secret not in sentence.replace(f"no key '{secret}'", "")


def test_control_characters_are_escaped() -> None:
    assert "\x1b" not in of("w365_users_list", [{"upn": "a\x1b[31m", "x\x1b\n": 1}])


def test_a_loop_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a task elsewhere is not."""
    monkeypatch.setattr(role_arguments, "_SOUND", set())
    asked = []

    def template(value: Any) -> Any:
        asked.append(value)
        return value

    def refusal(path: str | None, value: Any, collection: str = "workspace365.provisioning") -> str:
        role = path and SimpleNamespace(_role_path=f"/x/{path}", _role_collection=collection)
        task = SimpleNamespace(_role=role, _uuid="one")
        return refusal_of_role(task, {"__w365_users_list": value}, SimpleNamespace(template=template))

    assert refusal(None, [{}]) == refusal("w365_sync", [{}]) == refusal("w365_users", [{}], "contoso.roles") == ""
    assert asked == []
    for _again in range(2):
        assert "missing required arguments: upn" in refusal("w365_users", [{}])
    assert len(asked) == 2
    for _item in range(5):
        assert refusal("w365_users", [{"upn": ALLAN}]) == ""
    assert len(asked) == 3
