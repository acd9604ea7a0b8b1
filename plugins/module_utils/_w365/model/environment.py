# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of an instance: its environments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RESERVED_ENVIRONMENT_NAMES = frozenset({"demo"})
"""Refused for new environments (contract: Environment, D)."""


def sanitized_environment_name(name: str) -> str:
    """The name that the server most likely makes of this one: lower case letters and digits only (C).

    The server's own answer always wins over this prediction.
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass(frozen=True)
class Environment:
    """A customer's environment inside an instance. `active` is None when the server does not say."""

    name: str
    active: bool | None = None

    def as_result(self) -> dict[str, Any]:
        return {"name": self.name, "active": self.active}


@dataclass(frozen=True)
class DesiredEnvironment:
    """What a task wants of an environment.

    `administrator` is the first administrator in the Provisioning API's words, needed to create one that is not
    `empty`. `confirmation` is the name that has to be repeated before an environment is deleted.
    """

    name: str
    present: bool = True
    active: bool | None = None
    administrator: Mapping[str, str] | None = field(default=None, repr=False)
    empty: bool = False
    confirmation: str | None = None
