# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a task runs: in Ansible's own process, or in a module process.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.transport.http import (
    REQUESTS_IMPORT_ERROR,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import (
    AnsibleActionFail,
    configured,
)

VARIABLE = "w365_execution"
ENVIRONMENT_VARIABLE = "W365_EXECUTION"
AUTO, DIRECT, PROCESS = CHOICES = ("auto", "direct", "process")

DISCOVERY = ("auto", "auto_legacy", "auto_silent", "auto_legacy_silent")
"""Values of ansible_python_interpreter that name no Python: Ansible looks for one."""


def wanted_execution(variable: Any, environ: Mapping[str, str]) -> str:
    """What the user chose: one of `CHOICES`. A blank value counts as not given. Raises AnsibleActionFail."""
    for name, given in ((f"Variable {VARIABLE}", variable), (ENVIRONMENT_VARIABLE, environ.get(ENVIRONMENT_VARIABLE))):
        chosen = str(given if given is not None else "").strip().lower()
        if chosen and chosen not in CHOICES:
            raise AnsibleActionFail(f"{name} is '{given}': give one of {', '.join(CHOICES)}. Nothing was written.")
        if chosen:
            return chosen
    return AUTO


def other_python(variables: Mapping[str, Any], template: Any) -> str:
    """The Python of the host when it is another one than that of Ansible, otherwise an empty text.

    `variables` are those of the host where the task runs, `template` resolves templates.
    """
    given = variables.get("ansible_python_interpreter")
    if given is None:
        given = configured("INTERPRETER_PYTHON", variables)
    chosen = str(template(given) or "").strip()
    own = (sys.executable, str(variables.get("ansible_playbook_python") or sys.executable))
    if not chosen or chosen in DISCOVERY or any(_same_python(chosen, python) for python in own):
        return ""
    return chosen


def _same_python(one: str, other: str) -> bool:
    """Whether both are the same file in the same folder: the Python of a virtual environment links to the system's."""
    if os.path.abspath(one) == os.path.abspath(other):
        return True
    return os.path.dirname(os.path.abspath(one)) == os.path.dirname(os.path.abspath(other)) and (
        os.path.realpath(one) == os.path.realpath(other)
    )


def missing_libraries() -> str:
    """Why the Python that runs Ansible cannot run a task, or an empty text."""
    return f"this Python has no library 'requests' ({REQUESTS_IMPORT_ERROR})" if REQUESTS_IMPORT_ERROR else ""


def unsafe_system() -> str:
    """Why a process that Ansible has forked should not make requests here, or an empty text.

    On macOS, the system's own functions that look for a proxy can end a forked process (ansible#76322).
    """
    return "macOS" if sys.platform == "darwin" else ""
