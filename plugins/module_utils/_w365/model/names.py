# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""UPNs, names of groups, external ids: their form, and the key by which they are compared.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import re
from typing import Any

from ..errors import InputError

EMAIL_PATTERN = re.compile(r"^[^\s@<>(),;:\\\"\[\]]+@[^\s@.]+(\.[^\s@.]+)+$")
"""Deliberately loose: it refuses what no server accepts; the server checks the rest."""


def comparison_key(text: str) -> str:
    """The form in which UPNs, mail addresses and group names are compared: ignoring case (contract, S)."""
    return text.strip().casefold()


def checked_upn(value: str, option: str = "upn") -> str:
    """A user principal name without surrounding blanks. Raises InputError when it is not name@domain."""
    upn = value.strip()
    if not EMAIL_PATTERN.match(upn):
        raise InputError(
            f"Option {option} has {value!r}, which is not a user principal name. It has the form name@domain.example, "
            "and must equal the user's UPN in Microsoft Entra."
        )
    return upn


def external_id_key(external_id: Any) -> str:
    """An external id for comparing. The ids of objects in Microsoft Entra (GUIDs) ignore case, others do not."""
    text = str(external_id or "").strip()
    return text.lower() if len(text) == 36 and text.count("-") == 4 else text


_OBJECT_ID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


def name_matches(pattern: str, name: str) -> bool:
    """Whether a name matches a pattern in which an asterisk matches any text, ignoring case."""
    return bool(
        re.fullmatch(".*".join(map(re.escape, comparison_key(pattern).split("*"))), comparison_key(name), re.DOTALL)
    )


def is_object_id(text: str) -> bool:
    """Whether a text has the form of an object id in Microsoft Entra (GUID)."""
    return bool(re.fullmatch(_OBJECT_ID, text))
