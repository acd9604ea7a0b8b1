# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks about groups, administrators and many users have in addition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import W365Error
from ..execution.apply import Batch
from ..execution.results import ApplyResult
from ..model.desired import Desired
from ..model.directory import Capabilities, Snapshot
from ..planning.plan import Plan
from ..planning.planner import make_plan
from .groups import GroupTask

if TYPE_CHECKING:
    from .connections import Users
    from .offboarding import Offboarding


class DirectoryTask(GroupTask):
    """With plans for everything that a directory holds. `offboarding` are the users whom it deletes by name."""

    offboarding: Offboarding | None = None

    def plan(self, desired: Desired, directory: Users | None = None) -> Plan:
        """The plan, with warnings about entries of options that match nobody; with `strict` they are refused."""
        plan = super().plan(desired, directory)
        changes = (desired.administrators, *(group.members for group in desired.groups))
        if desired.protected or desired.purge or any(change and change.remove for change in changes):
            from .unmatched import with_directory_warnings  # start-up

            return with_directory_warnings(self, plan, desired)
        return plan

    def make_plan(
        self, desired: Desired, current: Snapshot, capabilities: Capabilities, *, assume_missing: bool
    ) -> Plan:
        return make_plan(desired, current, capabilities, assume_missing=assume_missing)

    def apply_actions(self, plan: Plan, handlers: Any, **options: Any) -> ApplyResult:
        from ..execution.dependencies import apply_directory  # start-up

        if self.options.get("scim_bulk"):
            options["batch"] = self._batch(plan)
        return apply_directory(plan, handlers, **options)

    def _failure(self, report: ApplyResult) -> W365Error:
        error = super()._failure(report)
        if self.offboarding:
            error.details["absent_users"] = self.offboarding.rows(report, predicted=False)
            error.message += f" {missing}" if (missing := self.offboarding.missing()) else ""
        return error

    def _batch(self, plan: Plan) -> Batch | None:
        """A way to apply many actions in one request; None where the API has none, or the plan is too small."""
        from ..backends.scim import ScimDirectory  # start-up
        from ..backends.scim_bulk import bulk_of  # start-up

        return bulk_of(self.directory.handlers, plan) if isinstance(self.directory, ScimDirectory) else None
