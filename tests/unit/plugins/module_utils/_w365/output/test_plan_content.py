# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as one text: whole, or refused."""

from __future__ import annotations

import base64
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output import plan_content
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_content import (
    LIMIT,
    packed,
    unpacked,
)


@given(st.text(max_size=200))
def test_there_and_back(text: str) -> None:
    content = packed(text)
    assert unpacked(content) == text.encode("utf-8", "surrogatepass")
    assert content.isascii()
    assert "{" not in content
    # As YAML folds it.
    assert unpacked("\n".join(content[at : at + 20] for at in range(0, len(content), 20)) + "\n") == unpacked(content)


@given(st.text(min_size=50, max_size=200), st.data())
def test_what_was_changed_is_refused_or_the_same(text: str, data: st.DataObject) -> None:
    content = packed(text)
    at = data.draw(st.integers(0, len(content) - 1))
    changed = data.draw(st.sampled_from([content[:at], content[:at] + content[at + 1 :], content + content[:at]]))
    try:
        found = unpacked(changed)
    except InputError as error:
        found = str(error).encode()
    assert found == text.encode() or b"is not what return_plan returned" in found


@pytest.mark.parametrize(
    "content", ["", "{{ plan }}", "none", "[]", "eNo=", "Ümlaut", "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"]
)
def test_another_text_is_refused(content: str) -> None:
    with pytest.raises(InputError, match="is not what return_plan returned"):
        unpacked(content)


def test_a_plan_that_is_too_large() -> None:
    text = random.Random(365).randbytes(LIMIT).hex()
    with pytest.raises(
        InputError, match=r"Option return_plan: the plan has \d+ characters, and 1048576 are allowed.*plan_file"
    ):
        packed(text)
    with pytest.raises(InputError, match="Use apply_plan with a file"):
        unpacked("A" * (LIMIT + 1))


def test_few_characters_that_stand_for_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_content, "CONTENT_LIMIT", 10_000)
    with pytest.raises(InputError, match="too large"):
        unpacked(base64.b64encode(zlib.compress(b"0" * 1_000_000)).decode())
