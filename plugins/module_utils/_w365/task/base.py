# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task: from options to a plan, and from the plan to a result. An exception becomes a result too."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import (
    ApplyError,
    AuthenticationError,
    EnvironmentNotFoundError,
    NotFoundError,
    W365Error,
    may_pass,
)
from ..execution.results import ApplyResult, predicted_result
from ..model.desired import Desired, DesiredGroup, DesiredUser
from ..model.directory import Capabilities, Snapshot
from ..model.fields import OPTIONAL_USER_FIELDS
from ..model.terminal import displayed, one_line
from ..planning.lookup import find_existing
from ..planning.plan import Plan
from ..planning.users import plan_one_user
from .connections import Connections

if TYPE_CHECKING:
    from ..execution.apply import Backend, Run
    from .connections import Users
    from .host import Host


class Task(Connections):
    """The common part of all modules: read, plan, apply, return the result."""

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.current = Snapshot()
        self.unmasked: dict[str, Any] = {}
        """Values of the result that hold a secret for the user."""
        self.on_report: Callable[[ApplyResult, bool], None] | None = None
        self.on_early_end: Callable[[str], None] | None = None
        """Called with the error of a run that ends before `on_report` was called."""

    @property
    def check_mode(self) -> bool:
        return self.host.check_mode

    def plan(self, desired: Desired, directory: Users | None = None) -> Plan:
        """Read the current state and compare."""
        return self.compare(desired, self.read(desired, directory), directory)

    def compare(self, desired: Desired, current: Snapshot, directory: Users | None = None) -> Plan:
        directory = directory or self.directory
        # A plan file is applied later: nothing in it may depend on what an earlier task would have done.
        assume = self.check_mode and not (self.options.get("plan_file") or self.options.get("return_plan"))
        policy = self.options.get("when_unsupported")
        notes: list[str] = []
        if any(wanted.identity for wanted in desired.objects):
            from ..planning.identities import with_identities  # start-up

            current, assumed = with_identities(desired, current, self.where, assume)
            notes += assumed
        if policy == "ignore":
            desired = self._without_unsupported(
                desired, OPTIONAL_USER_FIELDS - directory.capabilities.user_fields, notes
            )
        plan = self.make_plan(desired, current, directory.capabilities, assume_missing=assume)
        kept = self._kept_fields(directory) if plan.optional_fields else None
        if kept is not None and not plan.optional_fields <= kept:
            desired = self._without_unsupported(desired, plan.optional_fields - kept, notes)
            plan = self.make_plan(desired, current, directory.capabilities, assume_missing=assume)
        if plan.actions:
            # Before a plan, a report or a state is written as well.
            self.check_customer()
        elif self.options["scim_environment"]:
            # What the task itself says costs no request: "unchanged" is no answer about another customer.
            self.check_customer(warns=False)
        return plan._replace(notes=(*plan.notes, *notes)) if notes else plan

    def check_customer(self, *, warns: bool = True) -> None:
        """Refuse scim_url of another customer: asked before the first write, and once per session.

        A task that can tell nothing warns, unless it does not use SCIM itself.
        """
        options = self.options
        known = self.has_provisioning or options["scim_environment"]
        if not (options["scim_url"] and options["environment"] and known):
            return
        from .customer import UNTOLD, check_customer  # start-up

        belongs = self.host.store.get(("customer", *self._identity), lambda: check_customer(self))
        if not belongs and warns:
            self.warn(UNTOLD.format(name=self.environment))

    def make_plan(
        self, desired: Desired, current: Snapshot, capabilities: Capabilities, *, assume_missing: bool
    ) -> Plan:
        """The plan for one user. A DirectoryTask plans everything else."""
        return plan_one_user(desired, current, capabilities)

    def _without_unsupported(self, desired: Desired, missing: frozenset[str], notes: list[str]) -> Desired:
        given = {name for user in desired.users for name in missing if user.fields.get(name) is not None}
        if not given:
            return desired
        from .optional_fields import without_unsupported  # start-up

        wire = self.directory.capabilities.wire
        desired, note = without_unsupported(desired, given, self.options.get("when_unsupported") or "fail", wire)
        notes.append(note)
        return desired

    def _kept_fields(self, directory: Users) -> frozenset[str] | None:
        """The optional attributes that the server says it keeps, read once per session; None where it does not say."""
        return self.host.store.get(("kept fields", *self._identity), directory.kept_fields)

    def read(self, desired: Desired, directory: Users | None = None) -> Snapshot:
        """The current state. In check mode an environment that does not exist yet counts as empty."""
        directory = directory or self.directory
        try:
            current = directory.snapshot(desired, concurrency=self.workers)
        except (EnvironmentNotFoundError, NotFoundError, AuthenticationError) as error:
            if not self.environment_is_missing(error):
                raise
            if not self.counts_as_empty:
                from ..api.provisioning import unknown_environment  # start-up

                raise unknown_environment(self.environment, self.provisioning.root) from None
            self.warn_missing_environment()
            current = Snapshot(administrators=frozenset())
        self.current = current
        return current

    @property
    def services(self) -> dict[str, str]:
        """The roots of the services through which this task manages users and groups."""
        roots = {"scim": self.scim.root} if self.options["scim_url"] else {}
        if self.has_provisioning or not roots:
            roots["provisioning"] = self.provisioning.root
        return roots

    def environment_is_missing(self, error: W365Error) -> bool:
        """Whether an error means that the environment does not exist: its SCIM service then may answer anything."""
        if isinstance(error, EnvironmentNotFoundError):
            return True
        return bool(
            self.has_provisioning
            and self.options["environment"]
            and self.provisioning.environment_exists(self.environment) is False
        )

    def explained(self, error: W365Error) -> str:
        """The message of an error, with an inactive environment in front when its SCIM service refuses because of that."""
        refused = isinstance(error, AuthenticationError) and error.by_scim
        asks = refused and self.has_provisioning and self.options["environment"]
        if not asks or self.provisioning.environment_is_active(self.environment) is not False:
            return error.message
        return (
            f"Environment '{self.environment}' is inactive, and an inactive environment refuses SCIM. Activate it first "
            f"(w365_environment with active=true). {error.message}"
        )

    @property
    def counts_as_empty(self) -> bool:
        """Whether a missing environment counts as empty: in check mode another task of the run may be about to create it.

        A new environment has no SCIM, so with a SCIM address the real run fails too.
        """
        return self.check_mode and not self.options["scim_url"]

    def warn_missing_environment(self) -> None:
        self.warn(
            f"Environment '{self.environment}' does not exist yet. Check mode treats it as empty, as if an earlier task had created it."
        )

    def apply(
        self,
        plan: Plan,
        backend: Backend,
        *,
        where: str | None = None,
        predict_only: bool = False,
    ) -> ApplyResult:
        """Apply the plan, or only predict in check mode and with `predict_only`; show its notes as warnings.

        The `backend` loads what writes only when there is something to write. Raises W365Error when an action
        failed.
        """
        if plan.actions:
            self.check_customer(warns=False)
        for note in plan.notes:
            self.warn(note)
        predicted_only = self.check_mode or predict_only
        if self.progress and not predicted_only:
            self.progress.begin(len(plan.actions))
        if predicted_only or not plan.actions:
            report = predicted_result(plan)
        else:
            report = self.apply_actions(
                plan,
                backend.handlers,
                where=self.where if where is None else where,
                concurrency=self.workers,
                on_done=self.progress.done if self.progress else None,
                kind=self._kind_of_run(plan),
                stop=self.host.stop,
            )
            if not self.host.stop.reason:
                report = self._read_back(report, backend)
        if self.on_report:
            self.on_report(report, predicted_only)
        if report.failures:
            raise self._failure(report)
        return report

    def apply_actions(self, plan: Plan, handlers: Any, **options: Any) -> ApplyResult:
        """Apply a plan whose actions do not depend on each other. A DirectoryTask applies everything else."""
        from ..execution.apply import apply  # start-up

        return apply(plan, handlers, **options)

    def _kind_of_run(self, plan: Plan) -> type[Run] | None:
        """How a plan is applied that may remove an administrator: the roles are read again; None for other plans.

        A plan of one action follows the reading at once: it cannot concern a user who was no administrator then.
        """
        known = self.current.administrators
        costly = [action for action in plan.actions if action.may_cost_role] if known else []
        if not any(len(plan.actions) > 1 or action.subject.key in (known or ()) for action in costly):
            return None
        from ..execution.role_check import RoleCheckedRun  # start-up

        return RoleCheckedRun

    def _read_back(self, report: ApplyResult, backend: Backend) -> ApplyResult:
        """The result as the server shows it. A task for one object reads all that an answer did not show."""
        seconds = self.options["read_back_timeout"]
        if not seconds or not report.plan.compared:
            return report
        from .read_back import read_back  # start-up

        optional = report.plan.optional_fields
        unknown = optional if optional and self._kept_fields(self.directory) is None else frozenset()
        report, sentences = read_back(
            report,
            backend.handlers,
            unknown,
            every="concurrency" not in self.options,
            seconds=seconds,
            where=self.where,
        )
        for sentence in sentences:
            self.warn(sentence)
        return report

    def _failure(self, report: ApplyResult) -> W365Error:
        errors = [done.error for done in report.failures if done.error and done.tried]
        untried = len(report.failures) - len(errors)
        outcome = {
            "changed": report.changed_anything,
            "results": report.results(),
            "summary": report.summary(),
            **self.about_connection(),
        }
        applied = "the rest were applied" if untried + len(errors) < len(report.done) else "none were applied"
        if not errors:
            # Only a stop leaves something out without an error.
            reason = self.host.stop.reason
            text = (
                f"{reason[:1].upper()}{reason[1:]}: {untried} of {len(report.done)} changes were not tried, {applied}. "
            )
            return ApplyError(f"{text}Rerun the task to make them.", **outcome)
        if len(report.done) == 1:
            errors[0].details.update(outcome)
            return errors[0]
        skipped = f"{untried} {'was' if untried == 1 else 'were'} skipped as a result, " if untried else ""
        shown = " ".join(error.message for error in errors[:3])
        more = f" And {len(errors) - 3} more, see results." if len(errors) > 3 else ""
        failed = f"{len(errors)} of {len(report.done)} changes"
        if all(may_pass(error) or error.follows for error in errors):
            text = f"{failed} failed, {skipped}{applied}. Rerun the task to retry the failed changes. {shown}{more}"
        else:
            text = f"{failed} failed, {skipped}{applied}. Fix the causes and rerun the task. {shown}{more}"
        return ApplyError(text, **outcome)

    def about_connection(self) -> dict[str, object]:
        """What every result says about the connection."""
        url = self.options["scim_url"]
        return {"scim_url": url.strip().partition("?")[0].rstrip("/")} if url else {}

    def object_of(self, report: ApplyResult, wanted: DesiredUser | DesiredGroup) -> dict[str, Any] | None:
        """The one object of a single-object module as it is now, or in check mode as it would be."""
        thing = report.done[-1].thing if report.done else find_existing(wanted, self.current)
        return thing.as_result() if thing is not None else None

    def found(self, wanted: DesiredUser | DesiredGroup) -> dict[str, bool]:
        """Whether what is to be deleted existed before, for the result of a single-object module."""
        return {} if wanted.present else {"found": find_existing(wanted, self.current) is not None}

    def outcome(self, report: ApplyResult, **own: Any) -> dict[str, Any]:
        """The result of every module about its plan, with the module's own values."""
        plan = report.plan
        result: dict[str, Any] = {
            "changed": report.changed_anything,
            "summary": report.summary(),
            "results": report.results(),
            "compared": plan.compared,
            **self.about_connection(),
            **own,
        }
        if self.host.diff_mode:
            result["diff"] = report.diff()
        return result


def run_task(run: Callable[[Any], dict[str, Any]], host: Host, kind: type[Task] = Task) -> dict[str, Any]:
    """The result of one task, without secrets. A failed one has `failed` and `msg`.

    `run` is the task itself: it gets a task of this `kind` and returns the values of the result.
    """
    task = kind(host)
    try:
        _refuse_half_characters(host.options)
        result: dict[str, Any] = {**displayed(task.redactor.data(run(task))), **task.unmasked}
    except W365Error as error:
        return _failed(task, task.explained(error), error.details)
    except Exception as error:
        return _failed(
            task,
            f"Unexpected error in the collection; please report it: {type(error).__name__}: {error}",
            # Indented: a message of several lines must not begin one that looks like Ansible's.
            {"exception": "".join(f"  {line}\n" for line in traceback.format_exc().split("\n"))},
        )
    except BaseException as cause:
        # A time limit, or a signal. Once changes are being made, a report tells what was done instead.
        task.host.stop.end(cause)
        reason = task.host.stop.reason
        return _failed(task, f"{reason[:1].upper()}{reason[1:]}. {_what_was_sent(task)}", {})
    return result


def _what_was_sent(task: Task) -> str:
    count = task.http.sent_writes if "http" in vars(task) else 0
    if not count:
        return "Nothing was written."
    return (
        f"{count} requests that write {'was' if count == 1 else 'were'} sent: run the task again to see what is left."
    )


def _refuse_half_characters(options: Mapping[str, Any]) -> None:
    """Raises InputError for a text that was cut within a character: no server could store it."""
    try:
        json.dumps(options, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        from ..inputs.half_characters import refuse_half_characters  # start-up

        refuse_half_characters(options)


def _failed(task: Task, message: str, details: Mapping[str, Any]) -> dict[str, Any]:
    text = one_line(task.redactor.text(message))
    if task.on_early_end:
        task.on_early_end(text)
    return {"failed": True, "msg": text, **displayed(task.redactor.data(details))}
