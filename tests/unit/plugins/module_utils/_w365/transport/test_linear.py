# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that are made to be slow: matching them takes as many steps as they have characters.

Steps are counted where they can be. The engine of regular expressions counts none; there the texts are so long that a
second step for each pair of characters would take hours, and the limit is minutes above what is needed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.entra_tokens import _refused
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.instance import _made_of
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.api.provisioning import says_exists
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model import names
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import (
    comparison_key,
    name_matches,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.error_text import (
    CUT_SECRET,
    MESSAGE_LIMIT,
    READ_LIMIT,
    server_message,
    without_tags,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import Answer, retry_after
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.redaction import (
    MASK,
    Redactor,
    pattern_of,
)

ENOUGH = 60.0
"""Seconds of this process: a hundred times what a test needs."""


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < ENOUGH


# Patterns that people write


class Counted(str):
    """A text that counts the characters that were looked at."""

    steps = 0

    def find(self, part: Any, *bounds: Any) -> int:
        found = super().find(part, *bounds)
        start = bounds[0] if bounds else 0
        Counted.steps += (found if found >= 0 else len(self)) - start + len(part)
        return found


def steps_of(monkeypatch: pytest.MonkeyPatch, pattern: str, name: str) -> tuple[bool, int]:
    with monkeypatch.context() as patched:
        patched.setattr(names, "comparison_key", lambda text: Counted(comparison_key(text)))
        Counted.steps = 0
        return name_matches(pattern, name), Counted.steps


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (lambda n: "*a" * n + "b", lambda n: "a" * 2 * n),
        (lambda n: "*a*b" * n + "*c*", lambda n: "ab" * 2 * n),
        (lambda n: "*" * n + "x", lambda n: "a" * n),
        (lambda n: "a*" * n, lambda n: "a" * n + "b"),
        (lambda n: "*" + "ab" * n + "*", lambda n: "ab" * n + "a"),
    ],
)
def test_a_pattern_looks_at_each_character_a_few_times(
    monkeypatch: pytest.MonkeyPatch, pattern: Callable[[int], str], name: Callable[[int], str]
) -> None:
    """With the regular expression of before, 30 asterisks took longer than anybody waits."""
    (_once, few), (_twice, many) = (steps_of(monkeypatch, pattern(n), name(n)) for n in (500, 1000))
    assert many <= 2 * few + 10
    assert many <= 10 * 1000


LETTERS = st.text(alphabet="ab*", max_size=8)


@given(LETTERS, st.text(alphabet="ab\n", max_size=10))
@example("a*a", "a")
@example("*", "")
@example("a**b", "ab")
@example("ab*ba", "aba")
@example("*ab*b", "ab")
@example("a*a*", "a")
@example("*ab*ab*", "aab\nabb")
@example("", "")
def test_a_pattern_means_what_its_expression_means(pattern: str, name: str) -> None:
    key = comparison_key(name)
    expression = ".*".join(map(re.escape, comparison_key(pattern).split("*")))
    assert name_matches(pattern, name) is bool(re.fullmatch(expression, key, re.DOTALL))


# Pages and messages

LONG = 2_000_000
HOSTILE = {
    "open tags": "<" * LONG,
    "open names": "<a" * (LONG // 2),
    "scripts": "<script>" * (LONG // 8),
    "scripts that end": "<script>" * (LONG // 18) + "</script>" * (LONG // 18),
    "heads and styles": "<head><style>" * (LONG // 14),
    "ends": "</script" * (LONG // 8),
    "entities": "&#" + "9" * LONG,
    "ampersands": "&" * LONG,
    "amps": "&amp;" * (LONG // 5),
    "blanks": " " * LONG + "x",
    "lines": "\n" * LONG + "x",
    "comments": "<!--" * (LONG // 4),
}


@pytest.mark.parametrize("page", HOSTILE)
def test_a_page_is_read_once(page: str) -> None:
    without_tags(HOSTILE[page])
    told = server_message(Answer(500, {"content-type": "text/html"}, HOSTILE[page]), Redactor(["a-secret<&>", 'b\\"c']))
    assert 0 < len(told) <= MESSAGE_LIMIT + 40


class Looks(Redactor):
    """Remembers how much it was shown."""

    longest = 0

    def text(self, text: str) -> str:
        self.longest = max(self.longest, len(text))
        return super().text(text)


@pytest.mark.parametrize("body", [*HOSTILE.values(), json.dumps({"message": "x" * LONG}), json.dumps(["y"] * 500_000)])
def test_a_text_is_cut_before_expressions_run_over_it(body: str) -> None:
    looks = Looks(["a-secret"])
    assert server_message(Answer(400, {}, body), looks)
    assert looks.longest <= READ_LIMIT


@pytest.mark.parametrize("before", [0, 1, 5, READ_LIMIT - CUT_SECRET - 3, READ_LIMIT - 30, READ_LIMIT - 3])
@pytest.mark.parametrize("form", ["a-secret-that-nobody-may-see", "a-secret-that-&#110;obody-may-see"])
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(before: int, form: str) -> None:
    """Tags are left out, so that what is at the cut would be shown."""
    secret = "a-secret-that-nobody-may-see"
    page = "<b>" * (before // 3) + form + "<i>" * READ_LIMIT
    told = server_message(Answer(400, {"content-type": "text/html"}, page), Redactor([secret]))
    assert "secret" not in told
    if form == secret and before < 10:
        assert told.startswith(MASK)


# Secrets that a server knows


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("end" + '\\"' * 30, "end" + ("\\" * 40 + '"') * 29 + "end"),
        ("end" + "&" * 40, "end" + "&amp;#38;" * 39 + "end"),
        ("end" + "&" * 40, "end" + "&#38;#38;" * 39 + "end"),
        ("end" + "&amp;" * 30, "end" + "&amp;" * 5000),
        ("end" + " " * 40, "end" + "%2525252520" * 39),
        ("a\\b", "a" + "\\" * 200_000),
        ("a<b", "a%" + "25" * 500_000),
        ("a<b", "a\\u" + "0" * 500_000),
        ("a<b", "a&" + "amp;" * 200_000),
        ("a'b", ("a" + "\\" * 60) * 10_000),
    ],
)
def test_a_secret_is_looked_for_once(secret: str, text: str) -> None:
    """The search itself, without the look at the longest plain part that mostly spares it."""
    assert MASK not in text
    pattern_of(secret).sub(MASK, text)


def spellings(character: str) -> Iterator[str]:
    """A character in its encodings, and in one inside another."""
    number, code = ord(character), f"{ord(character):02x}"
    yield from (character, "\\" + character, "&#92;" + character, "%5c%5cu00" + code, "\\u005cu00" + code)
    yield from (f"{before}{code}" for before in ("%", "%25", "\\u00", "\\\\u00", "\\x"))
    yield from (f"{before}{number};" for before in ("&#", "&amp;#", "&#38;#", "&#38;#38;#", "&amp;#38;#", "\\u0026#"))


@pytest.mark.parametrize("before", ["", "\\"])
def test_each_spelling_of_a_character_fits_in_one_way(before: str) -> None:
    """With two ways, a secret of 34 such characters would be tried in 17 billion ways."""
    for character in "\"&'<>+ %;#/=":
        pattern = pattern_of("s" + (before + character) * 34 + "e")
        for spelling in spellings(character):
            for run in ("", "\\", "\\\\") if before else ("",):
                pattern.sub(MASK, "s" + (run + spelling) * 33 + "z")
                pattern.sub(MASK, "s" + (run + spelling) * 34 + "z")


@pytest.mark.parametrize(
    "form",
    ['a\\"b', 'a\\\\\\"b', "a\\u005c\\u0022b", "a%5C%22b", "a&#92;&quot;b", "a\\\\u0022b", "a%255C%2522b"],
)
def test_a_secret_behind_a_backslash_is_found(form: str) -> None:
    assert Redactor(['a\\"b']).text(f"x {form} y") == f"x {MASK} y"


# Single sentences


def test_other_texts_of_servers() -> None:
    assert not _made_of("contoso", "1" * LONG + "x")
    assert not _made_of("contoso", "contoso" + "1" * LONG + "!")
    assert _made_of("Contoso", "contoso12")
    assert retry_after(" " * LONG + "x") is None
    assert retry_after("1" * LONG) is None
    told = _refused(
        "https://login.contoso.com/x", "app", {"error_description": "AADSTS1: no" + " " * LONG + "x"}
    ).message
    assert len(told) < 2 * MESSAGE_LIMIT
    assert not says_exists("x " * (MESSAGE_LIMIT // 2), ["contoso"])
