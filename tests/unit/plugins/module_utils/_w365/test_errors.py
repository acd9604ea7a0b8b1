# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree in the docstring of errors.py is the family that the code has."""

from __future__ import annotations

import inspect
import re

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365 import errors
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.execution.apply import FATAL_ERRORS

LINE = re.compile(r"(?P<indent>(?: {4})*)(?P<name>\w+Error)(?: {2,}.*|)")


def drawn_tree() -> dict[str, tuple[str, bool]]:
    """Each class of the docstring with its base, and whether it is drawn as one that stops the plan."""
    tree: dict[str, tuple[str, bool]] = {}
    branch: list[str] = []
    fatal: dict[str, bool] = {}
    for line in (inspect.getdoc(errors) or "").splitlines():
        found = LINE.fullmatch(line)
        if found is None:
            continue
        branch[len(found["indent"]) // 4 :] = [found["name"]]
        base = branch[-2] if branch[1:] else "Exception"
        fatal[found["name"]] = "(stops the plan)" in line or (fatal.get(base, False) and "(stops only" not in line)
        tree[found["name"]] = (base, fatal[found["name"]])
    return tree


def test_the_tree_is_the_family() -> None:
    family = {
        name: (
            kind.__base__.__name__ if kind.__base__ else "",
            issubclass(kind, FATAL_ERRORS) and not issubclass(kind, errors.LostAnswerError),
        )
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception)
    }
    assert drawn_tree() == family
