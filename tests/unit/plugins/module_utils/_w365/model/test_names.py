# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison key, and the characters that a name may hold."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.names import (
    checked_address,
    checked_segment,
    checked_text,
    checked_upn,
    comparison_key,
    external_id_key,
    name_matches,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.plan_file import FORMAT


@pytest.mark.parametrize(
    "spellings",
    [
        ("Adele.Vance@CONTOSO.com", "adele.vance@contoso.com", " ADELE.VANCE@contoso.COM\n"),
        ("ZOË", "zoë", "Zoe\u0308"),
        ("가", "\u1100\u1161"),
        ("Å", "\u212b", "a\u030a"),
        ("STRAẞE", "straße"),
        ("ΟΔΟΣ", "οδοσ"),
        ("J\u030c", "\u01f0"),
        ("\u212a", "k"),
    ],
)
def test_spellings_of_one_name(spellings: tuple[str, ...]) -> None:
    assert len({comparison_key(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("groß", "gross"),
        ("ﬁ", "fi"),
        ("ΟΔΟΣ", "οδος"),
        ("İstanbul", "istanbul"),
        ("\u0131", "i"),
        ("Ⅷ", "viii"),
        ("\uff46", "f"),
        ("a\u200cb", "ab"),
    ],
)
def test_two_names(one: str, other: str) -> None:
    assert comparison_key(one) != comparison_key(other)
    assert not name_matches(one, other)


def test_the_key_is_its_own_key_for_every_letter() -> None:
    """One character becomes one, so that no two names meet that a server keeps apart."""
    for char in map(chr, range(sys.maxunicode + 1)):
        if unicodedata.category(char)[0] not in "LM":
            continue
        key = comparison_key(f"x{char}x")
        assert comparison_key(key) == key, hex(ord(char))
        assert unicodedata.is_normalized("NFC", key), hex(ord(char))


def test_ids_of_entra_ignore_case_and_others_do_not() -> None:
    guid = "2819C223-7F76-453A-919D-413861904646"
    assert external_id_key(f" {guid}") == guid.lower()
    assert external_id_key("Personnel-No-0001-Of-Contoso-GmbH-00") == "Personnel-No-0001-Of-Contoso-GmbH-00"


@pytest.mark.parametrize(
    "upn",
    [
        "o'brien@contoso.com",
        "lynne_fabrikam.com#EXT#@contoso.onmicrosoft.com",
        "!#^~_$a.b-c@contoso.com",
        "adele+test@contoso.com",
        "groß@contoso.com",
        "ZOE\u0308@contoso.com",
        "हिन्दी@contoso.com",
        "ليلى@contoso.com",
        "adele@münchen.de",
    ],
)
def test_letters_of_all_scripts_and_the_punctuation_of_microsoft(upn: str) -> None:
    assert checked_upn(upn) == upn


@pytest.mark.parametrize(
    "char", list('\\%&*/=?{}|<>();:,[]"`') + list("\u2018\u2019\u201c\u00b4\u2013\u2026\u00b7\u00a0\uff20\u20ac😀")
)
def test_other_punctuation_is_refused_with_its_code_point(char: str) -> None:
    with pytest.raises(InputError, match=rf"U\+{ord(char):04X}.*option identity"):
        checked_upn(f"adele{char}vance@contoso.com", "members.add")


def test_a_mail_address_may_hold_punctuation() -> None:
    assert checked_address(" r&d/lab@contoso.com", "email") == "r&d/lab@contoso.com"
    with pytest.raises(InputError, match=r"email .*U\+200B"):
        checked_address("adele\u200b@contoso.com", "email")


HIDDEN = [
    "\x00",
    "\t",
    "\x1b",
    "\x7f",
    "\x85",
    "\xad",
    "͏",
    "\u061c",
    "ᅟ",
    "\u180e",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u200e",
    "\u200f",
    "\u2028",
    "\u2029",
    "\u202a",
    "\u202e",
    "\u2060",
    "\u2063",
    "\u2066",
    "\u2069",
    "⠀",
    "ㅤ",
    "️",
    "\ufeff",
    "\ufff9",
    "\U000e0001",
    "\U000e0041",
]


@pytest.mark.parametrize("char", HIDDEN)
def test_what_nobody_sees_is_refused_with_its_code_point(char: str) -> None:
    for check in (checked_text, checked_upn, checked_address):
        with pytest.raises(InputError, match=rf"U\+{ord(char):04X}"):
            check(f"adele{char}@contoso.com", "exclude_users")
    if char not in "\u034f\u180e\u200c\u200d":
        with pytest.raises(InputError, match=rf"name .*U\+{ord(char):04X}"):
            checked_text(f"Sales {char}Team", "name", name=True)


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "क\u094d\u200dष",
        "ന\u0d4d\u200d",
        "👩🏽\u200d💻",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "Sales\u00a0Team",
        "\u0645\u06dd",
    ],
)
def test_joiners_and_selectors_are_part_of_a_name(name: str) -> None:
    assert checked_text(f" {name} ", "name", name=True) == name


@pytest.mark.parametrize(
    "name", ["\u200cSales", "Sales\u200d", "Sa \u200cles", "Sales \ufe0fx", "x\U000e0067", "a\u200c\u200cb"]
)
def test_joiners_elsewhere_are_not(name: str) -> None:
    with pytest.raises(InputError, match=r"U\+"):
        checked_text(name, "name", name=True)


@pytest.mark.parametrize("text", ["", " ", ".", "..", " ..", "a/b", "%2e%2e", "?x", "#x", "a\\b", "a\nb", "a\u200bb"])
def test_what_is_no_part_of_a_path(text: str) -> None:
    with pytest.raises(InputError, match="no request was sent"):
        checked_segment(text, "The id")
    assert checked_segment("a b;c:d@e", "The id") == "a b;c:d@e"


def test_a_plan_of_the_earlier_key_is_not_applied() -> None:
    """Version 1.0 wrote format 1, whose members have casefolded names."""
    assert FORMAT > 1
