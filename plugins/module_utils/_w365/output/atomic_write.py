# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files with personal data: readable by their owner only, and never incomplete."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import InputError


def write_atomically(path: str, text: str, option: str) -> None:
    """Write all of the text (UTF-8, line ends as they are) to a file of mode 0600, or leave the file unchanged.

    `option` is the option that named the path. Raises InputError where the file cannot be written.
    """
    place = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InputError(f"Option {option}: {path!r} cannot be written ({error.strerror}).") from None
