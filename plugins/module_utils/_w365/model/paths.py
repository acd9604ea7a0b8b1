# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no path can hold: Python raises ValueError for it, and no OSError as for a file that is not there."""

from __future__ import annotations

SHOWN = 60
"""So many characters before the one that no path has are shown."""


def why_no_path(text: str) -> str:
    """What makes a text unusable as a path, as a sentence without its period; empty for a path.

    Only what comes before is shown: the whole may be the content of a file, such as that of a key.
    """
    try:
        text.encode(errors="surrogateescape")
        end, found = text.find("\0"), "a null character"
    except UnicodeEncodeError as error:
        end, found = error.start, "half of a character"
    if end < 0:
        return ""
    place = f"after {text[:end][-SHOWN:]!r}" if end else "at its beginning"
    return f"holds {found} {place}, which no path can. Give the path as it is on disk"
