# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What in one run of Ansible belongs to one owner only, such as a SCIM address or a file.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import tempfile
from hashlib import sha256


def owner_of(folder: str, kind: str, thing: str, key: str, name: str) -> str:
    """The name of the owner who had this thing before in this run, if it is another one; otherwise an empty text.

    Every owner leaves a note in `folder`, which belongs to the run: hosts are served by processes of their own, at the same
    time. Owners with the same key are one owner.
    """
    note = os.path.join(folder, f"w365_{kind}_{sha256(thing.encode(errors='surrogateescape')).hexdigest()}")
    handle, written = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{key}\n{name}")
        # Unlike a rename, this fails when the note is there.
        os.link(written, note)
    except FileExistsError:
        with open(note, encoding="utf-8") as file:
            its_key, _line, its_name = file.read().partition("\n")
        return "" if its_key == key else its_name
    finally:
        os.unlink(written)
    return ""
