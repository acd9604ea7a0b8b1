# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""UPNs, names of groups, ids: their form, and the key by which names are compared."""

from __future__ import annotations

import re
from typing import Any

from ..errors import InputError

EMAIL_PATTERN = re.compile(r"^[^\s@<>(),;:\\\"\[\]]+@[^\s@.]+(\.[^\s@.]+)+$")
"""Deliberately loose: it refuses what no server accepts; the server checks the rest."""

_PLAIN_UPN = re.compile(r"[A-Za-z0-9'._!#^~$+-]+@[A-Za-z0-9._-]+")
"""The characters that Microsoft allows (contract: Names; S), and those that servers with accounts of their own take."""

_OBJECT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def normal_form(text: str) -> str:
    """Unicode NFC: a letter with an accent is one character, however it was typed."""
    if text.isascii():
        return text
    import unicodedata  # start-up

    return unicodedata.normalize("NFC", text)


def comparison_key(text: str) -> str:
    """The form in which UPNs, mail addresses and group names are compared (contract: Names; S).

    NFC and simple lower case, one character for one: the sharp s is not ss, and neither a final sigma nor a dotted
    capital I depends on what is around it.
    """
    text = text.strip()
    if text.isascii():
        return text.lower()
    # The lower case of the dotted capital I has two characters: it stays as it is.
    return normal_form("".join(low if len(low := char.lower()) == 1 else char for char in normal_form(text)))


def checked_upn(value: str, option: str = "upn") -> str:
    """A user principal name without surrounding blanks.

    Raises InputError when it is not name@domain, or holds a character that Microsoft does not allow.
    """
    upn = value.strip()
    if not _PLAIN_UPN.fullmatch(upn):
        from .characters import refuse_upn_characters  # start-up

        refuse_upn_characters(upn, option)
    return checked_address(value, option)


def checked_address(value: str, option: str) -> str:
    """A mail address without surrounding blanks: it may hold punctuation that a UPN must not."""
    address = checked_text(value, option)
    if not EMAIL_PATTERN.match(address):
        raise InputError(
            f"Option {option} has {value!r}, which is not a user principal name. It has the form name@domain.example, "
            "and must equal the user's UPN in Microsoft Entra."
        )
    return address


def checked_text(value: str, option: str, *, name: bool = False) -> str:
    """A text without surrounding blanks. Raises InputError for invisible, format and control characters.

    A `name` that people read may hold the joiners that Persian, the languages of India and emoji need.
    """
    text = value.strip()
    if not (text.isascii() and text.isprintable()):
        from .characters import refuse_characters  # start-up

        refuse_characters(text, option, name=name)
    return text


def checked_group_name(value: str) -> str:
    """The name of a group without surrounding blanks. Raises InputError when it is empty or holds hidden characters."""
    name = checked_text(value, "name", name=True)
    if not name:
        raise InputError("Option name is empty: a group needs a name.")
    return name


def external_id_key(external_id: Any) -> str:
    """An external id for comparing. The ids of objects in Microsoft Entra (GUIDs) ignore case, others do not."""
    text = str(external_id or "").strip()
    return text.lower() if is_object_id(text) else text


def name_matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern in which an asterisk matches any text, ignoring case."""
    text = comparison_key(name)
    first, *inner = comparison_key(pattern).split("*")
    if not inner:
        return text == first
    last = inner.pop()
    at, end = len(first), len(text) - len(last)
    if at > end or not text.startswith(first) or not text.endswith(last):
        return False
    # The first place of each part leaves the most to the next ones, so nothing is tried twice.
    for part in inner:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def is_object_id(text: str) -> bool:
    """Whether a text has the form of an object id in Microsoft Entra (GUID)."""
    return bool(_OBJECT_ID.fullmatch(text))


def is_path_segment(text: str) -> bool:
    """Whether an id or the name of an environment is one part of a path, also for a server that decodes it twice."""
    return text.strip() not in ("", ".", "..") and text.isprintable() and not re.search(r"[/\\?#%]", text)


def checked_segment(text: str, what: str) -> str:
    """An id or a name for a path. Raises InputError for one that would lead to another path, or to none."""
    if not is_path_segment(text):
        raise InputError(
            f"{what} is {text!r}, so no request was sent for it: in the path of a request it must not be empty, '.' or '..', and "
            "must not hold a slash, a backslash, '?', '#', '%' or a character that cannot be printed. Check where it comes from."
        )
    return text


def checked_environment_name(name: str) -> str:
    return checked_segment(checked_text(name, "environment"), "Option environment")
