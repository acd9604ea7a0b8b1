# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The common part of the modules for environments and their settings."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from ..api.instance import InstanceClient
from ..backends.instance import Instance
from ..errors import EnvironmentNotFoundError
from .base import Task

if TYPE_CHECKING:
    from ..model.settings import Setting, SettingValues


class InstanceTask(Task):
    """With the environments of the instance."""

    @cached_property
    def provisioning(self) -> InstanceClient:
        return self._provisioning(InstanceClient)

    @cached_property
    def instance(self) -> Instance:
        """Environments and their settings."""
        return Instance(self.provisioning)

    def read_setting(self, setting: Setting) -> tuple[SettingValues | None, bool]:
        """What a setting of the environment holds, and whether the server can show it."""
        try:
            return self.instance.find_setting(setting, self.environment)
        except EnvironmentNotFoundError:
            if not self.counts_as_empty:
                raise
            self.warn_missing_environment()
            return None, True
