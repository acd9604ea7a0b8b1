# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of the inventory plugin against the options of a connection."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    connection_option,
)

plugin: Any = importlib.import_module(
    "ansible_collections.workspace365.provisioning.plugins.inventory.w365_environments"
)
DOCUMENTATION = yaml.safe_load(plugin.DOCUMENTATION)
OPTIONS = DOCUMENTATION["options"]
OWN = {"plugin", "instances", "list_environments", "tenants", "states", "include", "exclude", "allow_empty"}


def test_the_options_are_those_of_a_connection() -> None:
    assert set(OPTIONS) == {*OWN, *plugin.CONNECTION}
    for name in plugin.CONNECTION:
        row = connection_option(name)
        # Ansible would take a relative path from the folder of the run, and not from that of the inventory file.
        assert OPTIONS[name]["type"] == ("str" if row.type == "path" else row.type), name
        # Ansible would take an empty variable for false, or for no number.
        assert "env" not in OPTIONS[name], name
        assert "default" not in OPTIONS[name], name
        text = " ".join(OPTIONS[name]["description"])
        assert (f"E({row.env})" in text) == row.from_env, name
        if row.default is not None and row.type == "int":
            assert f"{row.default} by default" in text, name


@pytest.mark.parametrize("kind", ["states", "instances"])
def test_the_documented_choices(kind: str) -> None:
    if kind == "states":
        assert OPTIONS[kind]["choices"] == list(importlib.import_module(plugin.fleet_of.__module__).STATES)
    else:
        assert set(OPTIONS[kind]["suboptions"]) == {"name", "instance_url", "provisioning_key"}


def test_the_documented_endings() -> None:
    text = " ".join(DOCUMENTATION["description"])
    for ending in plugin.ENDINGS:
        assert f"C({ending})" in text
