# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of the role w365_offboard: confirm and export, and then take the environment down, step by step.

Both look at the systems anew, so a run that was ended at any point is completed by the next one.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from secrets import token_hex
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.action.w365_api import ActionModule as Api
from ansible_collections.workspace365.provisioning.plugins.action.w365_environment import ActionModule as Environment
from ansible_collections.workspace365.provisioning.plugins.action.w365_environment_info import (
    ActionModule as EnvironmentInfo,
)
from ansible_collections.workspace365.provisioning.plugins.action.w365_export import ActionModule as Export
from ansible_collections.workspace365.provisioning.plugins.action.w365_scim_app import ActionModule as ScimApp
from ansible_collections.workspace365.provisioning.plugins.action.w365_scim_app_info import ActionModule as ScimAppInfo
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso_app import ActionModule as SsoApp
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso_info import ActionModule as SsoInfo
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.entra.sso_checks import (
    PASSED,
    REFUSED,
    check_tenant,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.argument_spec import (
    ENTRA_CREDENTIALS,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.environment import sso_tenant
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.export_text import servers_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import (
    AnsibleError,
    boolean,
    run_directory,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import ModuleAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.offboarding import (
    CONFIRMED,
    DEACTIVATE,
    DELETE,
    MANUAL,
    NOTHING,
    Given,
    Step,
    earlier_export,
    lines,
    mistakes,
    waiting,
    why_no_proof,
    why_no_tasks,
    why_not_readable,
    why_scim_is_left,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_report import (
    RunReport,
    absolute,
    why_not_writable,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import subject
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.steps_action import StepsAction

ACTIONS: Mapping[str, type[ModuleAction]] = {
    "api": Api,
    "environment": Environment,
    "environment_info": EnvironmentInfo,
    "export": Export,
    "scim_app": ScimApp,
    "scim_app_info": ScimAppInfo,
    "sso_app": SsoApp,
    "sso_info": SsoInfo,
}

REPORT_FILE = "w365_offboard_report_file"

BEGIN = "begin"
"""The part that confirms and exports; the other one takes the environment down."""


class StepFailedError(Exception):
    """A step cannot be done; the message says why, and what to do."""


class OffboardAction(StepsAction):
    """Runs one part of the steps. `steps` of its result are those that ran, with those of the part before."""

    actions = ACTIONS
    probe = "sso_app"

    _report: RunReport | None = None
    _reported = 0
    """How many of the results of modules belong to steps that have ended."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._given = self._read_given()
        self._steps: list[Step] = []
        self._results: list[dict[str, Any]] = []
        begins = self._task.args["part"] == BEGIN
        begun = self._task.args.get("begun") or {}
        # A role may run several times for a host, and a result of an earlier time must not be taken for this one.
        result["run"] = token_hex(8) if begins else str(begun.get("run", ""))
        today = datetime.now(timezone.utc).date()
        wrong = [*mistakes(self._given, self._variables, today), *self._mistakes_of_tasks()]
        if not (begins or wrong):
            wrong = list(mistakes_of_begun(begun, self._given.name))
        if not wrong:
            wrong = [self._prepare_report(begun)]
        if any(wrong):
            told = {"offboarding": begun["offboarding"]} if begun.get("offboarding") else {}
            said = {"steps": begun.get("steps") or [], "summary": begun.get("summary") or []}
            return {**result, **said, **told, "failed": True, "msg": _with_end(" ".join(wrong))}
        known: dict[str, Any] = dict(begun.get("known") or {})
        self._steps += [
            Step(one["step"], one["state"], one["message"], one["changed"]) for one in begun.get("steps") or ()
        ]
        failure = ""
        try:
            if begins:
                known = self._begin()
            else:
                self._take_down(known)
        except StepFailedError as error:
            failure = str(error)
        except InputError as error:
            # The report could not be written before the first step.
            return {**result, "failed": True, "msg": error.message, "steps": [], "summary": []}
        outcome = self._outcome(failure, known)
        return {**result, **outcome, **self._end_report(outcome, ends=bool(failure) or not begins)}

    def _mistakes_of_tasks(self) -> Iterator[str]:
        """Whether the file of tasks has one; asked before the export, which it would not keep."""
        path = self._given.export_tasks
        if not path.startswith(("/", "~")):
            return
        try:
            content = self._loader.load_from_file(path, cache="none")
        except AnsibleError as error:
            yield f"w365_offboard_export_tasks, {path!r}, cannot be read: {one_line(error.message)}"
            return
        reason = why_no_tasks(path, content)
        if reason:
            yield reason

    def _prepare_report(self, begun: Mapping[str, Any]) -> str:
        """Why the report cannot be written; empty when it can be, or is not wanted."""
        paths = list(self._task.args.get("report_file") or ())
        if not paths:
            return ""
        given, paths = self._given, absolute(paths)
        self._report = RunReport(
            REPORT_FILE,
            paths,
            given.name,
            about="offboarding",
            source="the role w365_offboard",
            predicted=bool(self._task.check_mode),
        )
        if begun.get("report"):
            self._report.go_on(begun["report"])
        owner = f"the offboarding of {subject(given.name, self._host)}"
        return why_not_writable(REPORT_FILE, paths, [given.export_tasks], run_directory(), owner)

    def _end_report(self, outcome: Mapping[str, Any], *, ends: bool) -> dict[str, Any]:
        """Write the report, and what the result has of it for the next part."""
        if self._report is None:
            return {}
        if ends:
            self._report.end(waiting(self._given, self._steps))
        else:
            self._report.pause("The environment is confirmed and exported. Nothing of it was taken down.")
        warnings = [*outcome.get("warnings", ()), *self._report.problems]
        return {"report": self._report.note(), **({"warnings": warnings} if warnings else {})}

    @property
    def _host(self) -> str:
        return str(self._variables.get("inventory_hostname") or "")

    def _read_given(self) -> Given:
        args = self._task.args
        # One name for all hosts would be that of a customer, whatever was confirmed.
        alone = len(self._variables.get("ansible_play_hosts_all") or ()) < 2
        name = self._option_of_play("environment", str(args.get("environment") or ""), shared=alone)
        given: dict[str, Any] = {
            key: "" if args.get(key) is None else str(args[key])
            for key in (
                *(
                    "confirm",
                    "stage",
                    "export_dir",
                    "export_tasks",
                    "instance",
                    "deactivated_on",
                    "delete_confirm",
                    "entra",
                ),
            )
        }
        given |= {key: list(args.get(key) or ()) for key in ("allow_unreadable", "redirect_hosts")}
        switches = ("export_kept", "export_checked", "check_others", "allow_many")
        given |= {key: boolean(args.get(key) or False, strict=False) for key in switches}
        # Names are in lower case (contract: Environment; D).
        return Given(name=name.lower(), retention=int(args["retention"]), **given)

    # Confirm and export

    def _begin(self) -> dict[str, Any]:
        """What later steps need to know; raises StepFailedError before anything is written."""
        found = self._look()
        tenant = self._tenant(exists=found["exists"])
        self._done(
            "confirm", f"{self._given.name!r} was typed{'' if found['exists'] else '; it does not exist (any more)'}"
        )
        known = {**found, "tenant": tenant, "export": ""}
        if found["exists"]:
            known["export"] = self._export(found["active"])
        else:
            self._done("export", "there is nothing to export, because the environment does not exist")
        return known

    def _look(self) -> dict[str, Any]:
        given = self._given
        info = self._call("confirm", "environment_info", {"environment": given.name})
        found = next(iter(info["environments"]), None)
        if not info["readable"] and given.removes and given.entra != MANUAL and given.check_others:
            raise self._refused(
                "confirm",
                "The server does not show its environments, so it is not known whether another one uses what would be removed from Microsoft "
                "Entra. Check instance_url and provisioning_key; when somebody has looked there, w365_offboard_check_others=false says so.",
            )
        if found is not None and found["name"] != given.name:
            raise self._refused(
                "confirm",
                f"The server's name of the environment is {found['name']!r}, and {given.name!r} was confirmed.",
            )
        if found is None and given.stage == DEACTIVATE:
            raise self._refused(
                "confirm",
                f"The server has no environment {given.name!r}. Check the name and instance_url. When it was deleted already, the stages remove "
                "and delete take down what is left of it in Microsoft Entra.",
            )
        active = found["active"] if found else None
        if given.removes and active:
            raise self._refused(
                "confirm",
                f"Environment {given.name!r} is active, so the retention has not begun. Run the stage deactivate first.",
            )
        return {"exists": found is not None, "active": active}

    def _tenant(self, *, exists: bool) -> bool | None:
        """Whether the connection is to the Microsoft tenant of the environment; None where nothing tells it."""
        given = self._given
        if given.entra == MANUAL:
            return None
        if not any(map(self._option_of_play, ENTRA_CREDENTIALS)):
            raise self._refused(
                "confirm",
                "There is no connection to Microsoft Entra (entra_tenant, entra_client_id and a credential), so whether it goes on provisioning is "
                "unknown. Give it, or set w365_offboard_entra=manual: then a person stops provisioning and removes the app registrations.",
            )
        if given.entra == CONFIRMED:
            return True
        if not exists:
            return None
        shown = self._run_step("sso_info", {"environment": given.name}, self._variables, False)
        authority = ((shown.get("sso") or {}).get("authority") or "").strip()
        tenant = self._option_of_play("entra_tenant")
        answer = self._run_step(
            "api",
            {"service": "graph", "path": "/organization", "query": {"$select": "id,verifiedDomains"}},
            self._variables,
            False,
        )
        domains = _domains(answer)
        if not authority or (not domains and not tenant):
            return None
        try:
            check = check_tenant(sso_tenant(authority), domains or [tenant], tenant)
        except InputError:
            return None
        if check.outcome == REFUSED:
            if not domains:
                return None
            raise self._refused(
                "confirm",
                f"People sign in to environment {given.name!r} with {authority}, and the connection to Microsoft Entra is to another tenant, which has "
                f"{', '.join(sorted(domains)[:3])}. Check entra_tenant of this host; w365_offboard_entra=confirmed says that they belong together.",
            )
        return True if check.outcome == PASSED else None

    def _export(self, active: bool | None) -> str:
        """The folder of the export, which can be read back."""
        given = self._given
        try:
            earlier = earlier_export(given, self._server())
        except InputError as error:
            raise self._refused("export", error.message) from None
        options = {
            "environment": given.name,
            "dest": given.export_dir,
            # The record of everything that the environment has.
            "imported": "write",
            "allow_unreadable": list(given.allow_unreadable),
            **({"instance": given.instance} if given.instance else {}),
        }
        # An inactive environment shows less. What an earlier run has written is the better record.
        if earlier and (active is False or (active is None and self._is_hidden(options))):
            why = "the environment is inactive" if active is False else "the environment cannot be read now"
            unproven = why_no_proof(given, earlier)
            if unproven:
                raise self._refused("export", unproven)
            days = (datetime.now(timezone.utc).date() - earlier.day).days
            self._done(
                "export",
                f"{earlier.path} was written before, and can be read back; it is kept, because {why}. It is of {earlier.day} ({days} days old)"
                f"{'' if earlier.named else ', and does not say of which server it is'}",
            )
            return earlier.path
        exported = self._call("export", "export", options)
        if not self._task.check_mode:
            reason = why_not_readable(given)
            if reason:
                raise self._refused("export", f"The export in {exported['path']!r} cannot be read back: {reason}")
        counts = ", ".join(f"{count} {part}" for part, count in sorted(exported["counts"].items()))
        unread = ", ".join(dict.fromkeys(one["part"] for one in exported["unreadable"]))
        missing = f"; not readable, as allowed: {unread}" if unread else ""
        done = "would be written" if self._task.check_mode and exported["changed"] else "can be read back"
        self._done("export", f"{exported['path']} {done}: {counts or 'no people'}{missing}", exported["changed"])
        return str(exported["path"])

    def _server(self) -> str:
        urls = (self._option_of_play("instance_url"), self._option_of_play("scim_url"))
        return next(iter(servers_of(*urls)), "")

    def _is_hidden(self, options: dict[str, Any]) -> bool:
        """Whether the environment cannot be read (any more); nothing is written for that."""
        return bool(self._run_step("export", options, self._variables, False, check_mode=True).get("failed"))

    # Take it down

    def _take_down(self, known: Mapping[str, Any]) -> None:
        given = self._given
        scim = self._scim()
        self._stop_provisioning(scim, known)
        self._deactivate(known)
        if given.removes:
            self._remove(scim, known)
        if given.stage == DELETE:
            self._delete(known)

    def _scim(self) -> dict[str, Any]:
        """What there is of the application for SCIM, with the reason why it stays (`left`, empty when it is ours)."""
        given = self._given
        if given.entra == MANUAL:
            return {"found": False}
        info = self._call("provisioning", "scim_app_info", {"environment": given.name, "check_credentials": False})
        urls = (self._option_of_play("instance_url"), self._option_of_play("scim_url"))
        return {**info, "left": why_scim_is_left(info, given.name, *urls) if info["found"] else ""}

    def _stop_provisioning(self, scim: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        given = self._given
        if given.entra == MANUAL:
            self._add("provisioning", "manual", "pause the provisioning job in Microsoft Entra, if there is one")
        elif not scim["found"] and known.get("tenant"):
            self._done(
                "provisioning",
                "the tenant has no application with the tag or the name that this collection gives; one that somebody made under another name "
                "is not looked for",
            )
        elif not scim["found"] and not known.get("exists"):
            self._done("provisioning", "the environment does not exist, and no application for it was found")
        elif not scim["found"]:
            self._add(
                "provisioning",
                "manual",
                "no application was found, and nothing shows that this is the tenant of the environment: look there for a provisioning job",
            )
        elif scim["left"]:
            name = scim["application"]["display_name"]
            self._add(
                "provisioning",
                "manual",
                f"{name!r} {scim['left']}. It was not touched: pause its job ({_words(scim)}) in Microsoft Entra, if it is that of the environment",
            )
        else:
            name = scim["application"]["display_name"]
            paused = self._call("provisioning", "scim_app", {"environment": given.name, "state": "paused"})
            job = _words(scim if self._task.check_mode else paused)
            planned = "would be paused" if paused["changed"] and self._task.check_mode else job
            self._done("provisioning", f"the job of {name!r}: {planned}", paused["changed"])

    def _deactivate(self, known: Mapping[str, Any]) -> None:
        given = self._given
        today = datetime.now(timezone.utc).date()
        if not known.get("exists"):
            self._done("deactivate", "the environment does not exist")
        elif given.removes:
            shown = (
                "the server shows that it is inactive"
                if known.get("active") is False
                else "the server does not show it"
            )
            self._done(
                "deactivate", f"on {given.deactivated_on.strip()}, as w365_offboard_deactivated_on says; {shown}"
            )
        else:
            result = self._call("deactivate", "environment", {"environment": given.name, "active": False})
            end = today + timedelta(days=given.retention)
            if not result["changed"]:
                words = "it was inactive before, and no system shows since when"
            elif self._task.check_mode:
                words = "it would be deactivated; w365_environment with active=true activates it again"
            else:
                words = (
                    f"on {today}; w365_environment with active=true activates it again. Keep this day for w365_offboard_deactivated_on: the next "
                    f"stage comes on {end} at the earliest"
                )
            again = "" if result["compared"] else " (the server does not show whether it was active before)"
            self._done("deactivate", f"{words}{again}", result["changed"])

    def _remove(self, scim: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        given = self._given
        if given.entra == MANUAL:
            self._add(
                "remove",
                "manual",
                "remove the app registrations and enterprise applications of the environment in Microsoft Entra, where nothing else uses them",
            )
            return
        options: dict[str, Any] = {"environment": given.name, "state": "absent", "check_others": given.check_others}
        if given.redirect_hosts:
            options["redirect_hosts"] = list(given.redirect_hosts)
        sso = self._call("remove", "sso_app", options)
        left = [*sso["left_out"]]
        changed, names = sso["changed"], _deleted(sso)
        if scim["found"] and scim["left"]:
            left.append({"kind": "application", "name": scim["application"]["display_name"], "reason": scim["left"]})
        elif scim["found"]:
            gone = self._call("remove", "scim_app", {"environment": given.name, "state": "absent"})
            changed, names = changed or gone["changed"], [*names, *_deleted(gone)]
        verb = "would be deleted" if self._task.check_mode else "deleted; consent to them has no effect any more"
        words = f"{', '.join(names)} {verb}" if names else "nothing with the tag of this environment alone is there"
        if not names and not known.get("tenant"):
            words += ", and nothing shows that this is the tenant of the environment"
        words += "; an app registration of an import belongs to the whole tenant, and stays"
        if left:
            self._add("remove", "manual", f"{words}. Look at what is left", changed, left)
        elif not names and known.get("exists") and not known.get("tenant"):
            self._add("remove", "manual", f"{words}. Look there")
        else:
            self._done("remove", words, changed)

    def _delete(self, known: Mapping[str, Any]) -> None:
        given = self._given
        if not known.get("exists"):
            self._done("delete", "the environment does not exist")
            return
        options = {"environment": given.name, "state": "absent", "delete_confirmation": given.delete_confirm}
        result = self._call("delete", "environment", options)
        words = (
            "it would be deleted with everything in it" if self._task.check_mode else "deleted with everything in it"
        )
        self._done("delete", words if result["changed"] else "the environment does not exist", result["changed"])

    # Steps

    def _call(self, step: str, action: str, options: dict[str, Any]) -> dict[str, Any]:
        """The result of a module. Raises StepFailedError when it fails; what it did until then counts."""
        if self._report:
            self._report.begin(step)
        result = self._run_step(action, options, self._variables, False)
        self._results.append(result)
        if result.get("failed"):
            self._add(step, "failed", str(result.get("msg", "")), bool(result.get("changed")))
            raise StepFailedError(f"{step}: {result.get('msg', '')}")
        return result

    def _refused(self, step: str, why: str) -> StepFailedError:
        self._add(step, "failed", why)
        return StepFailedError(f"{step}: {why} {NOTHING if step == 'confirm' else ''}".strip())

    def _done(self, step: str, words: str, changed: bool = False) -> None:
        self._add(step, "planned" if changed and self._task.check_mode else "done", words, changed)

    def _add(
        self, step: str, state: str, words: str, changed: bool = False, left: list[Mapping[str, str]] | None = None
    ) -> None:
        self._steps.append(Step(step, state, words, changed, tuple(left or ())))
        if self._report:
            self._report.add_step(step, state, words, changed, self._results[self._reported :], left or ())
        self._reported = len(self._results)

    def _outcome(self, failure: str, known: Mapping[str, Any]) -> dict[str, Any]:
        diffs = [result["diff"] for result in self._results if result.get("changed") and result.get("diff")]
        check_mode = bool(self._task.check_mode)
        outcome: dict[str, Any] = {
            "changed": any(result.get("changed") for result in self._results),
            "diff": [each for diff in diffs for each in (diff if isinstance(diff, list) else [diff])],
            **{
                kind: [text for result in self._results for text in result.get(kind) or ()]
                for kind in ("warnings", "deprecations")
            },
        }
        outcome = {name: value for name, value in outcome.items() if value or name == "changed"}
        told = {
            "environment": self._given.name,
            "stage": self._given.stage,
            "changed": any(step.changed for step in self._steps),
            "steps": [step.as_result() for step in self._steps],
            "left": [dict(one) for step in self._steps for one in step.left],
        }
        return {
            **outcome,
            **({"failed": True, "msg": failure} if failure else {}),
            "known": dict(known),
            "steps": told["steps"],
            "offboarding": told,
            "summary": lines(self._given, self._steps, check_mode, self._host),
        }


def _with_end(sentences: str) -> str:
    return sentences if sentences.endswith(NOTHING) else f"{sentences} {NOTHING}"


def mistakes_of_begun(begun: Mapping[str, Any], name: str) -> Iterator[str]:
    """Why the second part must not begin: the first one was left out, has failed (ignore_errors), or was about another one."""
    told = begun.get("offboarding") or {}
    if begun.get("failed") or not begun.get("known") or told.get("environment") != name:
        yield "The environment was not confirmed and exported in this run, so it is not taken down."


def _domains(answer: Mapping[str, Any]) -> list[str]:
    """The verified domains in an answer of Graph; empty where it shows none."""
    items = (answer.get("json") or {}).get("value") if isinstance(answer.get("json"), Mapping) else None
    found = [one for item in items or () if isinstance(item, Mapping) for one in item.get("verifiedDomains") or ()]
    return [str(one["name"]) for one in found if isinstance(one, Mapping) and one.get("name")]


def _words(scim: Mapping[str, Any]) -> str:
    return str((scim.get("job") or {}).get("words") or "there is none")


def _deleted(result: Mapping[str, Any]) -> list[str]:
    return [repr(one["name"]) for one in result["results"] if (one["kind"], one["action"]) == ("application", "delete")]
