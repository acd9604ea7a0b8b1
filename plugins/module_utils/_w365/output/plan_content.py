# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as one short text, for a run on another machine: the plan file, compressed, in base64.

Such a text may be a variable anywhere, because it cannot be taken for a template.
"""

from __future__ import annotations

import base64
import binascii
import zlib

from ..errors import InputError

LIMIT = 1024 * 1024
"""Characters. A plan passes through job systems that store several copies of it."""

CONTENT_LIMIT = 256 * 1024 * 1024
"""Bytes after decompression: a few characters can stand for many gigabytes."""

SOURCE = "Option apply_plan_content: the text"


def packed(text: str) -> str:
    """The text for option apply_plan_content. Raises InputError when it has more than LIMIT characters."""
    content = base64.b64encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode("ascii")
    if len(content) > LIMIT:
        raise InputError(
            f"Option return_plan: the plan has {len(content)} characters, and {LIMIT} are allowed, because job systems keep several "
            "copies of a result. Write it to a file with plan_file, or plan fewer users at once."
        )
    return content


def unpacked(content: str) -> bytes:
    """The plan file in such a text. Raises InputError for any other text."""
    if len(content) > LIMIT:
        raise InputError(
            f"{SOURCE} has {len(content)} characters, and {LIMIT} are allowed. Use apply_plan with a file."
        )
    decompressor = zlib.decompressobj()
    try:
        found = decompressor.decompress(base64.b64decode("".join(content.split()), validate=True), CONTENT_LIMIT)
    except (binascii.Error, ValueError, zlib.error):
        raise InputError(
            f"{SOURCE} is not what return_plan returned. Give the value of plan, unchanged and whole."
        ) from None
    if not decompressor.eof or decompressor.unused_data:
        raise InputError(f"{SOURCE} is not what return_plan returned: it is cut off, too large, or has more behind it.")
    return found
