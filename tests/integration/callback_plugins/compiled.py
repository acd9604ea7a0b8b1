# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what Python has compiled of a collection for the next ansible-playbook of the tests.

Ansible compiles every file of a collection anew in each run, a quarter of the time that a test's playbook takes. The
code that runs is the same: what is kept is found by the text of the file, its path and the version of Python.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
from pathlib import Path
from types import CodeType

from ansible.plugins.callback import CallbackBase
from ansible.utils.collection_loader import _collection_finder

DOCUMENTATION = """
name: compiled
type: notification
short_description: Keeps compiled Python for the next run
description: Used by the integration tests only.
"""

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".build" / "compiled"


def kept(source: str | bytes, filename: str, mode: str, flags: int, dont_inherit: bool) -> CodeType:
    """What `compile` returns for the same arguments."""
    if not filename.startswith(str(ROOT)):
        # A copy of a test, which no other run has.
        fresh: CodeType = compile(source, filename, mode, flags, dont_inherit)
        return fresh
    text = source.encode() if isinstance(source, str) else source
    key = hashlib.sha256(b"\0".join([sys.version.encode(), filename.encode(), text])).hexdigest()
    path = FOLDER / key
    try:
        found: CodeType = marshal.loads(path.read_bytes())  # noqa: S302 - what an earlier run of the tests has written
    except FileNotFoundError:
        found = compile(source, filename, mode, flags, dont_inherit)
        FOLDER.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}")
        written.write_bytes(marshal.dumps(found))
        written.replace(path)
    return found


# The loader finds this name before the built-in function.
_collection_finder.compile = kept


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "compiled"
    CALLBACK_NEEDS_ENABLED = True
