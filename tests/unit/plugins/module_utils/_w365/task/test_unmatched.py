# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentence about entries that match nobody."""

from __future__ import annotations

import time

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.desired import AddRemoveSet, Desired
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import Snapshot, User
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.task.unmatched import (
    LONGEST_LIST,
    Unmatched,
    unmatched_in_directory,
    warnings_about,
)


def test_nothing_is_said_about_entries_that_match() -> None:
    assert warnings_about([Unmatched("exclude_users", [], 3, "nobody")], strict=True) == ()


def test_one_warning_has_the_number_and_the_first_five() -> None:
    entries = [f"user{number}@contoso.com" for number in range(8)]
    (warning,) = warnings_about([Unmatched("exclude_users", entries, 9, "nobody")], strict=False)
    assert warning == (
        "Option exclude_users: 8 of 9 match nobody: 'user0@contoso.com', 'user1@contoso.com', 'user2@contoso.com', "
        "'user3@contoso.com', 'user4@contoso.com' and 3 more. Check the spelling."
    )


def test_strict_refuses_all_options_at_once_and_returns_every_entry() -> None:
    entries = [f"user{number}@contoso.com" for number in range(8)]
    options = [Unmatched("exclude_users", entries, 8, "nobody"), Unmatched("group_names", ["x"], 1, "no group")]
    with pytest.raises(InputError, match=r"Option group_names: 1 of 1 matches no group: 'x'\.") as caught:
        warnings_about(options, strict=True)
    assert caught.value.details == {"unmatched": {"exclude_users": entries, "group_names": ["x"]}}


@pytest.mark.parametrize(
    ("entry", "near"),
    [
        ("megan.bowwen@contoso.com", "megan.bowen@contoso.com"),
        ("megan.bowen@contoso.co", "megan.bowen@contoso.com"),
        ("mgean.bowen@contoso.com", "megan.bowen@contoso.com"),
        ("somebody@fabrikam.com", ""),
    ],
)
def test_near_matches(entry: str, near: str) -> None:
    names = frozenset({"megan.bowen@contoso.com", "lee.gu@contoso.com"})
    sentence = Unmatched("protected_users", [entry], 1, "nobody", names).sentence
    assert (f"Instead of '{entry}', '{near}' may be meant." in sentence) is bool(near)
    assert ("may be meant" in sentence) is bool(near)


def test_a_long_list_is_not_compared() -> None:
    names = frozenset(f"user{number}@contoso.com" for number in range(LONGEST_LIST + 1))
    before = time.monotonic()
    assert "may be meant" not in Unmatched("protected_users", ["user@contoso.com"] * 5, 5, "nobody", names).sentence
    assert time.monotonic() - before < 1


def test_an_administrator_of_the_other_list_is_somebody() -> None:
    desired = Desired(
        administrators=AddRemoveSet(remove=frozenset({"by.hand@contoso.com", "adel@contoso.com"})),
        protected=frozenset({"by.hand@contoso.com"}),
    )
    current = Snapshot((User("adele@contoso.com"),), people=(User("by.hand@contoso.com"),))
    found = unmatched_in_directory(desired, current, frozenset({"adele@contoso.com"}), "here")
    assert {one.option: list(one.entries) for one in found if one.entries} == {
        "administrators.remove": ["adel@contoso.com"]
    }
