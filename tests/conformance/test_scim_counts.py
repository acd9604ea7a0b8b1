# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of others' SCIM testers in the guide of the twin."""

from __future__ import annotations

import pytest

import scim_counts


@pytest.mark.slow
def test_the_counts_in_the_guide_are_current() -> None:
    _text, mark, table = scim_counts.GUIDE.read_text(encoding="utf-8").partition(scim_counts.BEGIN)
    assert mark
    assert table == scim_counts.written(), "make scim-counts"
