# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A number stays that number; everything that is no number of requests is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.concurrency import (
    Concurrency,
    concurrency_from_options,
)


def chosen(concurrency: Any, most: int | None = None) -> Concurrency:
    return concurrency_from_options({"concurrency": concurrency, "concurrency_max": most})


@pytest.mark.parametrize(
    ("concurrency", "most", "expected"),
    [
        ("auto", None, Concurrency(True, 16)),
        ("auto", 64, Concurrency(True, 64)),
        ("auto", 1, Concurrency(True, 1)),
        (" auto ", 3, Concurrency(True, 3)),
        ("8", None, Concurrency(False, 8)),
        (8, None, Concurrency(False, 8)),
        ("1", 64, Concurrency(False, 1)),
        ("16", 16, Concurrency(False, 16)),
        ("200", None, Concurrency(False, 200)),
    ],
)
def test_what_is_given_is_what_counts(concurrency: Any, most: int | None, expected: Concurrency) -> None:
    assert chosen(concurrency, most) == expected


@pytest.mark.parametrize("value", ["0", "-4", "1.5", "many", "", " ", "Auto", "True", "8 16", "+8", "\u0668", "000"])
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(InputError, match="give auto, or the number of requests at a time, 1 or more") as refusal:
        chosen(value)
    assert (value.strip() or "empty") in refusal.value.message


@pytest.mark.parametrize("most", [0, -1, 65, 1000])
@pytest.mark.parametrize("concurrency", ["auto", "8"])
def test_the_limit_of_auto_has_limits(concurrency: str, most: int) -> None:
    with pytest.raises(InputError, match=f"Option concurrency_max is {most}: .* from 1 to 64"):
        chosen(concurrency, most)


def test_a_number_beyond_the_given_limit_contradicts_it() -> None:
    with pytest.raises(InputError, match=r"is 20, and concurrency_max is 16: .* Leave concurrency_max out"):
        chosen("20", 16)
