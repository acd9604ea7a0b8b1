# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that name or identify something must be texts as the task gives them: Ansible makes a text of everything later.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.texts import sentence_of_task
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import AnsibleActionFail


def refuse_values_without_text(arguments: Mapping[str, Any], spec: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises AnsibleActionFail when an option of a task that must be a text is a number, a boolean or the like.

    The arguments are as they were written. On ansible-core 2.16 to 2.18 a template that is a whole option has become a text
    before: what it gave is not seen here.
    """
    sentence = sentence_of_task(spec, arguments)
    if sentence:
        raise AnsibleActionFail(sentence)
