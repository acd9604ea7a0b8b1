# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of the kinds of change of environments and their settings, as actions.py for directories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..model.settings import EXCHANGE, SHAREPOINT, SSO, Setting
from .actions import Action, ActionType, Handler, ObjectKind, Phase, ReportPart, ReportWords

ENVIRONMENT = ObjectKind("environment", "environment", "environments", "environment")
SINGLE_SIGN_ON = ObjectKind(SSO.name, "sign-on setting", "sign-on settings", "sign-on")
EXCHANGE_SETTINGS = ObjectKind(EXCHANGE.name, "Exchange setting", "Exchange settings", "Exchange")
SHAREPOINT_SETTINGS = ObjectKind(SHAREPOINT.name, "SharePoint setting", "SharePoint settings", "SharePoint")


class InstanceHandlers(Protocol):
    """Changes environments and their settings."""

    def create_environment(self, action: Action) -> Any:
        """Create the environment of `outcome`."""

    def activate_environment(self, action: Action) -> Any:
        """Activate an environment."""

    def deactivate_environment(self, action: Action) -> Any:
        """Deactivate an environment."""

    def delete_environment(self, action: Action) -> Any:
        """Delete an environment."""

    def write_setting(self, action: Action) -> Any:
        """Write the setting of `outcome`."""


def _of_instance(
    about: ObjectKind,
    verb: str,
    phase: Phase,
    sentence: str,
    words: ReportWords,
    handler: Callable[[InstanceHandlers], Handler],
) -> ActionType:
    return ActionType(about, verb, phase, sentence, words, handler)


ENVIRONMENT_CREATE = _of_instance(
    ENVIRONMENT,
    "create",
    Phase.ENVIRONMENT,
    "create environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "environment created", "be created"),
    lambda instance: instance.create_environment,
)
ENVIRONMENT_ACTIVATE = _of_instance(
    ENVIRONMENT,
    "activate",
    Phase.ENVIRONMENT_STATUS,
    "activate environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "environment activated", "be activated"),
    lambda instance: instance.activate_environment,
)
ENVIRONMENT_DEACTIVATE = _of_instance(
    ENVIRONMENT,
    "deactivate",
    Phase.ENVIRONMENT_STATUS,
    "deactivate environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "environment deactivated", "be deactivated"),
    lambda instance: instance.deactivate_environment,
)
ENVIRONMENT_DELETE = _of_instance(
    ENVIRONMENT,
    "delete",
    Phase.ENVIRONMENT,
    "delete environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "environment deleted", "be deleted"),
    lambda instance: instance.delete_environment,
)
SSO_WRITE = _of_instance(
    SINGLE_SIGN_ON,
    "write",
    Phase.SETTINGS,
    "write the single sign-on of environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "sign-on written", "be written"),
    lambda instance: instance.write_setting,
)
EXCHANGE_WRITE = _of_instance(
    EXCHANGE_SETTINGS,
    "write",
    Phase.SETTINGS,
    "write the Exchange settings of environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "Exchange settings written", "be written"),
    lambda instance: instance.write_setting,
)
SHAREPOINT_WRITE = _of_instance(
    SHAREPOINT_SETTINGS,
    "write",
    Phase.SETTINGS,
    "write the SharePoint settings of environment '{name}'",
    ReportWords(ReportPart.SETTINGS, "SharePoint settings written", "be written"),
    lambda instance: instance.write_setting,
)
SETTING_WRITES: Mapping[Setting, ActionType] = {SSO: SSO_WRITE, EXCHANGE: EXCHANGE_WRITE, SHAREPOINT: SHAREPOINT_WRITE}

INSTANCE_ACTIONS = (
    *(ENVIRONMENT_CREATE, ENVIRONMENT_ACTIVATE, ENVIRONMENT_DEACTIVATE, ENVIRONMENT_DELETE),
    *(SSO_WRITE, EXCHANGE_WRITE, SHAREPOINT_WRITE),
)
"""In the order of a report."""
