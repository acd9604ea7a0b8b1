# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the play's module_defaults add to a task of one of our roles. Real plays are in tests/integration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import add_defaults_of_play

OURS = "workspace365.provisioning"
ACTION = f"{OURS}.w365_directory"
GROUP = f"group/{OURS}.w365"
OMIT = "__omit_place_holder__of-this-run"
OUR_ROLE = SimpleNamespace(_role_collection=OURS)


def added(*layers: dict[str, Any], role: Any = OUR_ROLE, **arguments: Any) -> dict[str, Any]:
    """The arguments of a task with these `module_defaults`, the outer ones first."""
    play = SimpleNamespace(_action_groups={ACTION: [f"{OURS}.w365"]})
    task = SimpleNamespace(
        _role=role,
        _parent=SimpleNamespace(_play=play),
        action=ACTION,
        module_defaults=list(layers),
    )
    templates = {"{{ limits }}": {"purge_limit": "5%"}, "{{ nothing | default(omit) }}": OMIT}

    def template(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: template(entry) for name, entry in value.items()}
        return templates.get(value, value) if isinstance(value, str) else value

    given = dict(arguments)
    add_defaults_of_play(given, task, SimpleNamespace(template=template, available_variables={"omit": OMIT}))
    return given


PLAY = {GROUP: {"environment": "contoso", "timeout": 30}, ACTION: {"purge_limit": "5%", "strict": True}}


@pytest.mark.parametrize(
    ("layers", "arguments", "expected"),
    [
        ([], {"users": []}, {"users": []}),
        ([PLAY], {}, {"environment": "contoso", "timeout": 30, "purge_limit": "5%", "strict": True}),
        # What the role is told wins, also when it is false or empty; null is nothing that it was told.
        ([PLAY], {"strict": False, "timeout": 0}, {"environment": "contoso", "timeout": 0, "purge_limit": "5%", "strict": False}),
        ([{ACTION: {"purge": ["users"]}}], {"purge": []}, {"purge": []}),
        ([{ACTION: {"purge_limit": 3}}], {"purge_limit": None}, {"purge_limit": 3}),
        # The inner one wins, and leaves the other options of the outer one. The module wins over the group.
        ([PLAY, {ACTION: {"environment": "lab"}}], {}, {"environment": "lab", "timeout": 30, "purge_limit": "5%", "strict": True}),
        ([{ACTION: {"timeout": 5}}, {GROUP: {"timeout": 9}}], {}, {"timeout": 5}),
        # Templates, of one option and of all; what they omit is not there.
        ([{ACTION: "{{ limits }}"}], {}, {"purge_limit": "5%"}),
        ([{ACTION: {"purge_limit": "{{ nothing | default(omit) }}", "strict": None}}], {}, {}),
        ([{ACTION: {"purge_limit": "{{ broken }}"}}], {"purge_limit": 1}, {"purge_limit": 1}),
        ([{f"{OURS}.w365_user": {"strict": True}, "group/other.collection.all": {"strict": True}, ACTION: None}], {}, {}),
    ],
)  # fmt: skip
def test_what_the_play_gives(layers: list[Any], arguments: dict[str, Any], expected: dict[str, Any]) -> None:
    assert added(*layers, **arguments) == expected


@pytest.mark.parametrize(
    "role", [None, SimpleNamespace(_role_collection=None), SimpleNamespace(_role_collection="contoso.roles")]
)
def test_other_tasks_are_as_ansible_makes_them(role: Any) -> None:
    """There an omitted option hides the default, as everywhere."""
    assert added(PLAY, role=role, users=[]) == {"users": []}
