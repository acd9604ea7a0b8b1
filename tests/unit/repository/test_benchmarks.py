# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arithmetic of the benchmarks. Nothing is timed here."""

from __future__ import annotations

import pytest

from figures import LIMITS, Limit, growth, pages, paired_ratio, per_user_ratio, rows, shown, verdicts


@pytest.mark.parametrize(
    ("users", "groups", "expected"), [(10_001, 200, 52), (10_000, 200, 51), (200, 201, 3), (1, 0, 2)]
)
def test_pages(users: int, groups: int, expected: int) -> None:
    assert pages(users, groups) == expected


def test_a_slow_machine_counts_for_both() -> None:
    assert paired_ratio([1.2, 2.4, 12.0], [1.0, 2.0, 10.0]) == pytest.approx(1.2)
    assert paired_ratio([1.0, 3.0, 2.0], [1.0, 1.0, 1.0]) == 2.0


def test_per_user() -> None:
    assert per_user_ratio(9.0, 30, 10.0, 10_000) == pytest.approx(300)


def test_growth_of_memory() -> None:
    sizes = [1_000, 3_000, 10_000]
    assert growth(sizes, [50.0 + 0.002 * users for users in sizes]) == pytest.approx(1)
    assert growth(sizes[::-1], [(50.0 + users**2) for users in sizes[::-1]]) > 3


def test_a_limit_is_held_up_to_its_bound() -> None:
    most = Limit("case", "figure", "what", "x", 1.2)
    least = Limit("case", "figure", "what", "x", 100, least=True)
    assert most.held(1.2)
    assert not most.held(1.2001)
    assert least.held(100)
    assert not least.held(99.9)


def test_only_what_was_measured_gets_a_verdict() -> None:
    found = verdicts({"startup": {"ratio": 1.31}, "reconcile": {"cpu": 0.8, "seconds": 4}})
    assert [(verdict.limit.case, verdict.limit.figure, verdict.held) for verdict in found] == [
        ("reconcile", "cpu", True),
        ("startup", "ratio", False),
    ]
    assert [row[1:] for row in rows(found)] == [["0.80 s", "<= 3 s", "held"], ["1.31 x", "<= 1.2 x", "NOT HELD"]]
    assert found[0].as_result()["at_most"] == 3.0


def test_figures_are_shown_with_the_digits_they_bear() -> None:
    assert [shown(value) for value in (0, 1.234, 12.34, 123.4)] == ["0", "1.23", "12.3", "123"]


def test_no_figure_has_two_limits() -> None:
    names = [(limit.case, limit.figure) for limit in LIMITS]
    assert len(set(names)) == len(names)
