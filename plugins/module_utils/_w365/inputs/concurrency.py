# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options about how many requests are in progress at the same time, which modules for many objects have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import InputError

AUTO = "auto"

DEFAULT_MOST, GREATEST_MOST = 16, 64
"""Up to how many `auto` grows unless the task says otherwise, and the greatest number that it may say."""


class Concurrency(NamedTuple):
    """How many requests may be in progress: exactly `most`, or with `auto` as many of them as the server can take."""

    auto: bool
    most: int


def concurrency_spec() -> dict[str, Any]:
    # Raw: a number is as good as its text, other than in a name.
    return {"concurrency": {"type": "raw", "default": AUTO}, "concurrency_max": {"type": "int"}}


def concurrency_from_options(options: Mapping[str, Any]) -> Concurrency:
    """Raises InputError for anything but `auto` and numbers of 1 or more, and for two options that contradict each other."""
    most = options["concurrency_max"]
    if most is not None and not 1 <= most <= GREATEST_MOST:
        raise InputError(
            f"Option concurrency_max is {most}: give the number of requests up to which concurrency=auto may grow, from 1 to "
            f"{GREATEST_MOST}."
        )
    text = str(options["concurrency"]).strip()
    if text == AUTO:
        return Concurrency(True, most or DEFAULT_MOST)
    if not (text.isascii() and text.isdigit() and int(text[:9])):
        raise InputError(
            f"Option concurrency is {text or 'empty'}: give auto, or the number of requests at a time, 1 or more."
        )
    number = int(text[:9])
    if most is not None and number > most:
        raise InputError(
            f"Option concurrency is {number}, and concurrency_max is {most}: a number of requests at a time is exact. Leave "
            f"concurrency_max out, or give concurrency=auto to stay at {most} or fewer."
        )
    return Concurrency(False, number)
