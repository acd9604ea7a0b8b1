# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that sends what it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..inputs.raw_request import masked_arguments
from .entra import EntraTask


class RawRequestTask(EntraTask):
    """What it sends may hold secrets under any name."""

    @staticmethod
    def shown(options: Mapping[str, Any]) -> Mapping[str, Any]:
        return masked_arguments(options)
