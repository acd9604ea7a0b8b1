# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock of the twin: the machine's own, moved by the switch ``clock_offset``, so that tests can travel months."""

from __future__ import annotations

import datetime
import email.utils
import time

from .switches import Switches

_LATEST = 253_370_764_800.0


class Clock:
    """Tells the time in seconds and as texts."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    def seconds(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self._switches.clock_offset

    def iso(self, more: float = 0) -> str:
        """Return the time, or that of so many seconds later, as Graph writes it."""
        return write(self.seconds() + more)

    def http_date(self) -> str:
        """Return the value of the header Date."""
        return email.utils.formatdate(self.seconds(), usegmt=True)


def write(seconds: float) -> str:
    """Write a time as Graph does: UTC, to the microsecond."""
    moment = datetime.datetime.fromtimestamp(min(seconds, _LATEST), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}Z"


def read(text: object) -> float:
    """Read a time of ISO 8601, as Graph accepts it; ValueError when it is none."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no date and time of ISO 8601")
    moment = datetime.datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


def read_duration(text: object) -> float:
    """Read a duration of ISO 8601 such as P180D or PT1H, in seconds; a year has 365 days and a month 30."""
    import re

    found = re.fullmatch(
        r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", str(text)
    )
    if found is None or str(text) in ("P", "PT"):
        raise ValueError(f"{text!r} is no duration of ISO 8601 such as P180D")
    units = (365 * 86_400, 30 * 86_400, 7 * 86_400, 86_400, 3_600, 60, 1)
    return sum(float(number) * unit for number, unit in zip(found.groups(), units, strict=True) if number)
