# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about many objects have in addition: several requests at a time."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..execution.results import ApplyResult
from ..inputs.concurrency import Concurrency, concurrency_from_options
from ..model.desired import Desired
from ..model.directory import Snapshot
from ..transport.adaptive import AdaptiveThrottle
from ..transport.throttle import Throttle
from .base import Task
from .directory import DirectoryTask

if TYPE_CHECKING:
    from ..model.permissions import PermissionProfiles
    from .connections import Users


class BulkTask(Task):
    """A task with the options of `concurrency_spec`."""

    @cached_property
    def _concurrency(self) -> Concurrency:
        return concurrency_from_options(self.options)

    @cached_property
    def permissions(self) -> PermissionProfiles | None:
        """What option permission_profiles describes; None where it is not given."""
        given = self.options.get("permission_profiles")
        if given is None:
            return None
        from ..inputs.permissions import permissions_from_options  # start-up

        return permissions_from_options(given, "Option permission_profiles")

    def read(self, desired: Desired, directory: Users | None = None) -> Snapshot:
        if self.permissions is not None:
            # What somebody gains also depends on the other groups that have permissions.
            groups = (name for one in self.permissions.profiles for name in (one.key, one.identity) if name)
            desired = desired._replace(also_read=frozenset(groups))
        return super().read(desired, directory)

    def outcome(self, report: ApplyResult, **own: Any) -> dict[str, Any]:
        result = super().outcome(report, **own)
        if self.permissions is None:
            return result
        from .permissions import with_permission_changes  # start-up

        return with_permission_changes(result, self.permissions, report, self.current)

    @property
    def workers(self) -> int:
        return self._concurrency.most

    @property
    def throttle(self) -> type[Throttle]:
        return AdaptiveThrottle if self._concurrency.auto else Throttle

    def about_connection(self) -> dict[str, object]:
        found = self.http.throttle
        return {
            **super().about_connection(),
            "concurrency": {"limit": found.limit, "throttled": found.throttled},
        }


class BulkDirectoryTask(BulkTask, DirectoryTask):
    """A task about many users, groups and administrators."""
