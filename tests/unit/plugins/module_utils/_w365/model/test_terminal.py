# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server or a file holds does not look like output of Ansible."""

from __future__ import annotations

import json
import unicodedata

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import (
    displayed,
    escaped_json,
    one_line,
)

DANGEROUS = [
    chr(code)
    for code in range(0x110000)
    if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp")
    or unicodedata.bidirectional(chr(code)) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    or code in (0x061C, 0x200E, 0x200F)
]


def test_nothing_that_moves_or_turns_is_left() -> None:
    """All of them: C0, DEL, C1, line and paragraph separators, bidirectional controls, halves of characters."""
    assert len(DANGEROUS) > 2100
    for char in DANGEROUS:
        if char == "\t":
            continue
        shown = one_line(f"a{char}b")
        assert char not in shown
        assert shown.startswith("a\\")
        assert shown.endswith("b")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sales\nPLAY RECAP ****", r"Sales\nPLAY RECAP ****"),
        ("\x1b[2J\x1b[H", r"\x1b[2J\x1b[H"),
        ("\x9b31m", r"\x9b31m"),
        ("x\x85y\u2028z", r"x\x85y\u2028z"),
        ("gpj\u202eexe", r"gpj\u202eexe"),
        ("half \ud83d", r"half \ud83d"),
        ("\r", r"\r"),
    ],
)
def test_what_is_shown_instead(text: str, shown: str) -> None:
    assert one_line(text) == shown


@pytest.mark.parametrize("name", ["می\u200cخواهم", "क्\u200dष", "👩🏽\u200d💻", "Zoë O'Neill", "a\tb", "שרה", "مريم"])  # noqa: RUF001 - on purpose
def test_names_stay_as_they_are(name: str) -> None:
    assert one_line(name) == displayed({"name": name})["name"] == name


def test_texts_with_lines_keep_them() -> None:
    result = {
        "msg": "a\nb",
        "results": [{"name": "x\ny", "changes": {"description": "one\r\ntwo\x1b"}}],
        "json": ["a\nb\u2028"],
    }
    assert displayed(result) == {
        "msg": r"a\nb",
        "results": [{"name": r"x\ny", "changes": {"description": "one\r\ntwo\\x1b"}}],
        "json": ["a\nb\\u2028"],
    }
    assert displayed({"user x\nPLAY RECAP": True, "n": 1, "none": None}) == {
        "user x\\nPLAY RECAP": True,
        "n": 1,
        "none": None,
    }


def test_json_means_the_same() -> None:
    value = {"name": "a\u202e\x9b\u2028\n", "list": ["\x7f"]}
    text = json.dumps(value, indent=2, ensure_ascii=False)
    assert json.loads(escaped_json(text)) == value
    assert not set(DANGEROUS) - {"\n"} & set(escaped_json(text)) - {"\n"}
