# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a task as they may be logged."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..transport.redaction import SHORTEST_SECRET, Redactor


def logged_options(shown: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """Options that may be shown, without the `secrets` in any spelling: Ansible logs lists and dictionaries as Python
    writes them.

    Whether a text has a secret of few characters cannot be told, so nothing that may hold one is logged.
    """
    short = any(len(secret) < SHORTEST_SECRET for secret in secrets)
    redact = Redactor(secrets).data
    return {
        name: f"({len(value)} values)" if short and isinstance(value, list | dict) else redact(value)
        for name, value in shown.items()
    }
