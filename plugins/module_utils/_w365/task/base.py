# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task: its options, its connections, and the way from a plan to a result.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from ansible.module_utils.basic import AnsibleModule

from ..api.endpoints import Endpoint, endpoints_with
from ..api.provisioning import ProvisioningClient
from ..api.scim import ScimClient
from ..backends.provisioning import ProvisioningDirectory
from ..errors import (
    ApplyError,
    AuthenticationError,
    EnvironmentNotFoundError,
    InputError,
    MissingLibraryError,
    NotFoundError,
    W365Error,
)
from ..execution.apply import Batch, Handler, apply
from ..execution.results import ApplyResult, predicted_result
from ..inputs.argument_spec import build_argument_spec, build_rules, connection_option
from ..model.desired import Desired, DesiredGroup, DesiredUser
from ..model.directory import Snapshot
from ..planning.lookup import find_existing
from ..planning.plan import Plan
from ..planning.planner import make_plan
from ..transport.http import REQUESTS_IMPORT_ERROR, Http, HttpSettings
from ..transport.redaction import SHORTEST_SECRET, Redactor

if TYPE_CHECKING:
    from ..backends.base import Directory
    from ..output.progress import Progress


WAIT_WORTH_TELLING = 5.0
"""Seconds of waiting after which a person is told."""


class W365Module(AnsibleModule):
    """An AnsibleModule with the collection's connections. They open when they are first used."""

    def __init__(self, own_spec: Mapping[str, Mapping[str, Any]], **rules: Any) -> None:
        super().__init__(argument_spec=build_argument_spec(own_spec), supports_check_mode=True, **build_rules(rules))
        # Ansible masks every secret wherever it stands: a blank one would mask the blanks of our sentences.
        self.no_log_values: set[str] = {value for value in self.no_log_values if str(value).strip()}
        self.redactor = Redactor(str(value) for value in self.no_log_values)
        self._told_waiting = False
        self.current = Snapshot()
        self.progress: Progress | None = None
        self.on_report: Callable[[ApplyResult, bool], None] | None = None

    def add_secrets(self, values: Iterable[str]) -> None:
        """Mask these too, also in the task's own arguments that Ansible shows at -vvv."""
        known = {value for value in values if len(value) >= SHORTEST_SECRET}
        self.no_log_values |= known
        for value in known:
            self.redactor.learn(value)

    # Connections

    def option(self, name: str, purpose: str) -> str:
        """A connection option that is needed now. Raises InputError that names its environment variable too."""
        value = self.params[name]
        text = str(value).strip() if value is not None else ""
        if not text:
            env = connection_option(name).env
            raise InputError(
                f"Option {name} is needed {purpose}. Give it in the task, in module_defaults, or in {env}."
            )
        if any(ord(character) < 32 or ord(character) == 127 for character in text):
            raise InputError(f"Option {name} holds a line break or another control character. Check how it was copied.")
        if connection_option(name).secret and not text.isascii():
            raise InputError(f"Option {name} holds a character that no key has. Check how it was copied.")
        return text

    @cached_property
    def http(self) -> Http:
        if REQUESTS_IMPORT_ERROR is not None:
            raise MissingLibraryError(
                "The Python library 'requests' is needed and is not installed for the Python that runs this module "
                f"({REQUESTS_IMPORT_ERROR}). Install it there, or set ansible_python_interpreter to "
                '"{{ ansible_playbook_python }}" so that the module runs in the Python that runs Ansible.'
            )
        p = self.params
        if p["rate_limit_timeout"] < -1:
            raise InputError(
                f"Option rate_limit_timeout is {p['rate_limit_timeout']}: give -1 (wait as long as it takes), 0 (never wait) or seconds."
            )
        if p["timeout"] <= 0:
            raise InputError(f"Option timeout is {p['timeout']}: give a number of seconds above 0.")
        rate = p["max_requests_per_second"]
        if rate is not None and rate <= 0:
            raise InputError(
                f"Option max_requests_per_second is {rate}: give a number above 0, or leave it out for no limit."
            )
        if p.get("concurrency") is not None and p["concurrency"] < 1:
            raise InputError(
                f"Option concurrency is {p['concurrency']}: give the number of requests at a time, 1 or more."
            )
        for option in ("ca_path", "client_cert", "client_key"):
            if p[option]:
                _readable_file(p[option], option)
        settings = HttpSettings(
            verify=(p["ca_path"] or True) if p["validate_certs"] else False,
            cert=(p["client_cert"], p["client_key"]) if p["client_key"] else p["client_cert"],
            timeout=p["timeout"],
            patience=p["rate_limit_timeout"],
            requests_per_second=rate,
            connections=p.get("concurrency") or 1,
        )
        return Http(
            settings,
            self.redactor,
            on_wait=self._on_wait,
            on_answer=self.progress.answered if self.progress else None,
        )

    def _on_wait(self, seconds: float, reason: str) -> None:
        self.debug(f"waiting {seconds:.1f} s: {reason}")
        if self.progress:
            self.progress.waiting(seconds, reason)
        if seconds >= WAIT_WORTH_TELLING and not self._told_waiting:
            self._told_waiting = True
            self.warn(
                f"Waited {seconds:.0f} seconds or more because of {reason}. Option max_requests_per_second can keep below the server's limit."
            )

    @cached_property
    def endpoints(self) -> Mapping[str, Endpoint]:
        return endpoints_with(self.params["endpoints"])

    @cached_property
    def provisioning(self) -> ProvisioningClient:
        from ..api.provisioning import ProvisioningClient

        return ProvisioningClient(
            self.http,
            instance_url=self.option("instance_url", "for the Provisioning API"),
            key=self.option("provisioning_key", "for the Provisioning API"),
            endpoints=self.endpoints,
        )

    @property
    def has_provisioning(self) -> bool:
        return bool(self.params["instance_url"] and self.params["provisioning_key"])

    @cached_property
    def scim(self) -> ScimClient:
        from ..api.scim import ScimClient

        return ScimClient(
            self.http,
            url=self.option("scim_url", "for SCIM"),
            token=self.option("scim_token", "with scim_url"),
            endpoints=self.endpoints,
        )

    @property
    def environment(self) -> str:
        """The environment's name as the server knows it: lower case."""
        return self.option("environment", "to know which environment is meant").lower()

    @cached_property
    def directory(self) -> Directory:
        """Users and groups: over SCIM when scim_url is given, over the Provisioning API otherwise."""
        if self.params["scim_url"]:
            from ..backends.scim import ScimDirectory

            administration = self.administration if self.has_provisioning and self.params["environment"] else None
            return ScimDirectory(self.scim, administration)
        return self.administration

    @cached_property
    def administration(self) -> ProvisioningDirectory:
        """The Provisioning API's view of the environment, the only one with administrators."""
        from ..backends.provisioning import ProvisioningDirectory

        return ProvisioningDirectory(self.provisioning, self.environment)

    @property
    def where(self) -> str:
        """Ends the sentences of errors."""
        name = self.params["environment"]
        return f"in environment '{name.lower()}'" if name else "in this environment"

    # The corridor

    def plan(self, desired: Desired, directory: Directory | None = None) -> Plan:
        """Read what is there and compare."""
        return self.compare(desired, self.read(desired, directory), directory)

    def compare(self, desired: Desired, current: Snapshot, directory: Directory | None = None) -> Plan:
        directory = directory or self.directory
        # A plan that is kept is carried out later: nothing in it may rest on what an earlier task would have done.
        assume = self.check_mode and not self.params.get("plan_file")
        return make_plan(desired, current, directory.capabilities, assume_missing=assume)

    def read(self, desired: Desired, directory: Directory | None = None) -> Snapshot:
        """What is there. In check mode an environment that does not exist yet counts as empty."""
        directory = directory or self.directory
        concurrency = self.params.get("concurrency") or 1
        try:
            current = directory.snapshot(desired, concurrency=concurrency)
        except (EnvironmentNotFoundError, NotFoundError, AuthenticationError) as error:
            if not self.environment_is_missing(error):
                raise
            if not self.check_mode:
                from ..api.provisioning import unknown_environment

                raise unknown_environment(self.environment, self.provisioning.root) from None
            self.tell_assumed_environment()
            current = Snapshot(administrators=frozenset())
        self.current = current
        return current

    @property
    def services(self) -> dict[str, str]:
        """The roots of the services over which this task reaches its users and groups."""
        roots = {"scim": self.scim.root} if self.params["scim_url"] else {}
        if self.has_provisioning or not roots:
            roots["provisioning"] = self.provisioning.root
        return roots

    def environment_is_missing(self, error: W365Error) -> bool:
        """Whether a refusal means that the environment is not there: its SCIM service then answers in any way."""
        if isinstance(error, EnvironmentNotFoundError):
            return True
        return bool(
            self.has_provisioning
            and self.params["environment"]
            and self.provisioning.environment_exists(self.environment) is False
        )

    def tell_assumed_environment(self) -> None:
        self.warn(
            f"Environment '{self.environment}' does not exist yet. Check mode takes it for empty, as if an earlier task had created it."
        )

    def carry_out(
        self,
        plan: Plan,
        handlers: Mapping[str, Handler],
        *,
        where: str | None = None,
        rehearse: bool = False,
        batch: Callable[[Plan], Batch | None] = lambda plan: None,
    ) -> ApplyResult:
        """Apply the plan, or in check mode and to `rehearse` only predict; tell its notes. Exits the task when an object failed.

        `batch` may give a way to do many actions in one request.
        """
        for note in plan.notes:
            self.warn(note)
        rehearsal = self.check_mode or rehearse
        if self.progress and not rehearsal:
            self.progress.begin(len(plan.actions))
        report = (
            predicted_result(plan)
            if rehearsal
            else apply(
                plan,
                handlers,
                where=self.where if where is None else where,
                concurrency=self.params.get("concurrency") or 1,
                batch=batch(plan) if self.params.get("scim_bulk") else None,
                on_done=self.progress.done if self.progress else None,
            )
        )
        if self.on_report:
            self.on_report(report, rehearsal)
        if report.failures:
            raise self._failure(report)
        return report

    def _failure(self, report: ApplyResult) -> W365Error:
        errors = [done.error for done in report.failures if done.error and done.tried]
        untried = len(report.failures) - len(errors)
        outcome = {"changed": report.changed_anything, "results": report.results(), "summary": report.plan.summary()}
        if len(report.done) == 1:
            errors[0].details.update(outcome)
            return errors[0]
        stopped = f"{untried} {'was' if untried == 1 else 'were'} not tried because of that, " if untried else ""
        made = "the others were made" if untried + len(errors) < len(report.done) else "none was made"
        shown = " ".join(error.message for error in errors[:3])
        more = f" And {len(errors) - 3} more, see results." if len(errors) > 3 else ""
        return ApplyError(
            f"{len(errors)} of {len(report.done)} changes failed, {stopped}{made}; running the task again does the rest. "
            f"{shown}{more}",
            **outcome,
        )

    def object_of(self, report: ApplyResult, wanted: DesiredUser | DesiredGroup) -> dict[str, Any] | None:
        """The one object of a single-object module as it is now, or in check mode as it would be."""
        thing = report.done[-1].thing if report.done else find_existing(wanted, self.current)
        return thing.as_result() if thing is not None else None

    def outcome(self, report: ApplyResult, **own: Any) -> dict[str, Any]:
        """What every module returns about its plan, with the module's own values."""
        plan = report.plan
        result: dict[str, Any] = {
            "changed": plan.changed,
            "summary": plan.summary(),
            "results": report.results(),
            "compared": plan.compared,
            **own,
        }
        if self._diff:
            result["diff"] = plan.diff()
        return result


def run_module(
    run: Callable[[Any], dict[str, Any]],
    own_spec: Mapping[str, Mapping[str, Any]],
    kind: type[W365Module] = W365Module,
    **rules: Any,
) -> None:
    """Run one module: everything that is raised on purpose becomes a sentence, and no secret leaves.

    `run` is the module's walk: it gets a module of this `kind` and returns what goes into the task's result.
    """
    module = kind(own_spec, **rules)
    try:
        result = run(module)
    except W365Error as error:
        _fail(module, error.message, error.details)
    except Exception as error:
        _fail(
            module,
            f"This is a defect of the collection, please report it: {type(error).__name__}: {error}",
            {"exception": traceback.format_exc()},
        )
    else:
        module.exit_json(**module.redactor.data(result))


def _fail(module: W365Module, message: str, details: Mapping[str, Any]) -> NoReturn:
    module.fail_json(msg=module.redactor.text(message), **module.redactor.data(details))
    raise AssertionError("fail_json ends the process")


def _readable_file(path: str, option: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise InputError(f"Option {option}: {path!r} cannot be read ({error.strerror}).") from None
