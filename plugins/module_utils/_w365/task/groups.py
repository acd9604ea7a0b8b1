# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about groups have in addition."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .base import Task

if TYPE_CHECKING:
    from ..backends.provisioning import ProvisioningDirectory
    from ..backends.scim import ScimDirectory


class GroupTask(Task):
    """With the groups and memberships of an environment."""

    @cached_property
    def directory(self) -> ScimDirectory | ProvisioningDirectory:
        """Users and groups: through SCIM when scim_url is given, otherwise through the Provisioning API."""
        if not self.options["scim_url"]:
            return self.administration
        from ..backends.scim import ScimDirectory  # start-up

        return self._through_scim(ScimDirectory)

    @cached_property
    def administration(self) -> ProvisioningDirectory:
        from ..backends.provisioning import ProvisioningDirectory  # start-up

        return ProvisioningDirectory(self.provisioning, self.environment)
