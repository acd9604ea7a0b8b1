# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a task as they may be logged and shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..transport.redaction import SHORTEST_SECRET, Redactor


def shown_options(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options with the secrets of a free request masked by their names; Ansible masks those of its argument spec."""
    if not any(params.get(name) for name in ("body", "headers", "query")):
        return params
    from .raw_request import masked_arguments  # start-up

    return masked_arguments(params)


def logged_options(params: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """The options without the `secrets` in any spelling: Ansible logs lists and dictionaries as Python writes them.

    Whether a text has a secret of few characters cannot be told, so nothing that may hold one is logged.
    """
    short = any(len(secret) < SHORTEST_SECRET for secret in secrets)
    redact = Redactor(secrets).data
    return {
        name: f"({len(value)} values)" if short and isinstance(value, list | dict) else redact(value)
        for name, value in shown_options(params).items()
    }
