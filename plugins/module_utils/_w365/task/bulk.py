# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about many objects have in addition: several requests at a time."""

from __future__ import annotations

from functools import cached_property

from ..inputs.concurrency import Concurrency, concurrency_from_options
from ..transport.adaptive import AdaptiveThrottle
from ..transport.throttle import Throttle
from .base import Task
from .directory import DirectoryTask


class BulkTask(Task):
    """A task with the options of `concurrency_spec`."""

    @cached_property
    def _concurrency(self) -> Concurrency:
        return concurrency_from_options(self.options)

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
