# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which groups are read because their listing proves nothing about their members."""

from __future__ import annotations

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.backends.scim_members import (
    SAMPLES,
    Listed,
    with_whole_members,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.directory import Group


def users(count: int) -> tuple[tuple[str, bool], ...]:
    return tuple((f"u{number}", True) for number in range(count))


def read(
    shown: dict[str, int], there: dict[str, int], concerned: frozenset[str] | None = None
) -> tuple[dict[str, int | None], list[str]]:
    """The sizes of the groups as they are found, and the groups that were read."""
    asked: list[str] = []

    def one(group: Group) -> Listed:
        asked.append(group.name)
        return group, users(there[group.name])

    listed = [(Group(name, name), users(size)) for name, size in shown.items()]
    found = with_whole_members(listed, concerned, one, 4)
    return {group.name: None if ids is None else len(ids) for group, ids in found}, sorted(asked)


@pytest.mark.parametrize(
    ("shown", "there", "asked"),
    [
        # Only the sample is read where the listing is right.
        ({"a": 3, "b": 2}, {"a": 3, "b": 2}, ["a"]),
        # Big groups are left out, the others are not.
        ({"a": 3, "b": 0}, {"a": 3, "b": 900}, ["a", "b"]),
        ({"a": 0, "b": 0}, {"a": 0, "b": 7}, ["a", "b"]),
        # Lists are cut, also where one group has as many members as the listing shows.
        ({"a": 100, "b": 100, "c": 7}, {"a": 100, "b": 250, "c": 7}, ["a", "b", "c"]),
        ({"a": 1, "b": 1}, {"a": 1, "b": 2}, ["a", "b"]),
    ],
)
def test_what_a_listing_does_not_prove_is_read(shown: dict[str, int], there: dict[str, int], asked: list[str]) -> None:
    assert read(shown, there) == (there, asked)


def test_only_concerned_groups_are_read() -> None:
    names = {f"g{number}": 0 for number in range(500)}
    sizes, asked = read(names, dict.fromkeys(names, 5), frozenset({"g7", "g9"}))
    assert asked == ["g7", "g9"]
    assert sizes["g7"] == sizes["g9"] == 5
    # That the listing shows no members of the others does not mean that there are none.
    assert sizes["g8"] is None


def test_the_samples_are_bounded() -> None:
    names = {f"g{number}": 1 for number in range(500)}
    assert len(read(names, names)[1]) == SAMPLES
