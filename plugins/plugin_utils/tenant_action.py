# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task of the role w365_tenant: checks the definition as a whole, and then runs the modules of all steps, one by one.

Each step is run by the action plugin of its module, with its options, the play's `module_defaults` and its own result, as a
task of that module would be. One task instead of one per step starts one process for each tenant and uses its connections
for all steps.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.action.w365_directory import ActionModule as Directory
from ansible_collections.workspace365.provisioning.plugins.action.w365_environment import ActionModule as Environment
from ansible_collections.workspace365.provisioning.plugins.action.w365_o365_import import ActionModule as Import
from ansible_collections.workspace365.provisioning.plugins.action.w365_scim_app import ActionModule as ScimApp
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso import ActionModule as Sso
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso_app import ActionModule as SsoApp
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.texts import sentence_of_task
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import run_directory
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import environment_of_server
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import ModuleAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import (
    option_of,
    paths_in,
    prepared,
    refusal_of_paths,
    sentence_about,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_report import (
    RunReport,
    absolute,
    why_not_writable,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import subject
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.steps_action import StepsAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant import (
    DEFINITION,
    DICTIONARIES,
    SSO_APP,
    STEPS,
    Selection,
    Tenant,
    owner_of_address,
    owner_of_environment,
    secret_names,
    without_keys,
)

REPORT_FILE = "w365_tenant_report_file"

VARIABLES = ("environment", "secure_logging", "report_file", "playbook", "called", "looks", "checks")
"""The variables of `vars/main.yml` that the task reads itself: Ansible would compile a template for each argument."""

CHECKED = (
    f"{DEFINITION} has no mistake that can be seen without a server. No server was asked, and nothing was written."
)
"""What the task says where it only checks."""

ACTIONS: Mapping[str, type[ModuleAction]] = {
    "environment": Environment,
    "sso": Sso,
    SSO_APP: SsoApp,
    "scim": ScimApp,
    "o365_import": Import,
    "directory": Directory,
}
"""The action plugin of the module of each step, by the names that `Tenant.module_of` returns."""


_OPTIONS: Mapping[str, Mapping[str, Any]] = option_of(DEFINITION)["options"]
"""Read once, before Ansible forks the processes of its hosts."""

_SECRETS = secret_names(_OPTIONS)

# Made before that too.
prepared(DEFINITION)


class TenantAction(StepsAction):
    """Runs the steps of one tenant. Its result has the results of the steps, and what the role makes facts of."""

    actions = ACTIONS
    probe = "sso"

    _given: Mapping[str, Any]
    """The values of `VARIABLES`."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._given = {name: self._templar.template(variables[f"__w365_tenant_{name}"]) for name in VARIABLES}
        definition = self._templar.template(variables.get(DEFINITION))
        refusal = self._refusal_of_definition(definition)
        if refusal:
            return {**result, **self._refused(refusal)}
        tenant = Tenant(
            definition,
            str(self._given["environment"] or ""),
            Selection.of(variables["ansible_run_tags"], variables["ansible_skip_tags"], self._task.tags),
        )
        tenant.host = str(variables.get("inventory_hostname") or "")
        refusal = self._refusal_of_tenant(tenant) or self._refusal_of_host(tenant, variables)
        if self._given["checks"] and not refusal:
            return {**result, "changed": False, "msg": CHECKED.replace(DEFINITION, self._called()), "steps": {}}
        paths = absolute(self._given["report_file"] or ())
        refusal = refusal or self._refusal_of_report(tenant, paths)
        if refusal:
            return {**result, **self._refused(refusal)}
        if tenant.manages_app or tenant.has("scim"):
            tenant.cloud = self._option_of_play("entra_cloud")
        if definition.get("scim_url") is None:
            # The first step returns it too; the tags of a run may leave that step out.
            tenant.address_of_play = self._option_of_play("scim_url")
        try:
            return {**result, **self._run_steps(tenant, variables, self._report_of(tenant, paths))}
        except InputError as error:
            # The report could not be written before the first step.
            return {**result, **self._refused(error.message)}

    def _called(self) -> str:
        return str(self._given["called"] or DEFINITION)

    def _refused(self, refusal: str) -> dict[str, Any]:
        sentence = refusal.replace(DEFINITION, self._called())
        return {"failed": True, "msg": sentence, "steps": {}, "summary": []}

    def _refusal_of_definition(self, definition: Any) -> str:
        if definition is None or (isinstance(definition, str) and not definition.strip()):
            return (
                f"There is no tenant to onboard: the variable {DEFINITION} is not defined, or it is blank. Describe the tenant "
                "in a file, as playbooks/examples/contoso.yml of this collection does, and give it with: -e @contoso.yml"
            )
        sentence = sentence_about(DEFINITION, definition)
        # Ansible would make a dictionary of a text such as "name=contoso", and the steps take the keys of the text.
        texts = [part for part in DICTIONARIES if not sentence and isinstance(definition.get(part), str)]
        if texts:
            return f"{DEFINITION} cannot be used: {', '.join(texts)} must be a dictionary. Nothing was written."
        return sentence or sentence_of_task(_OPTIONS, definition)

    def _refusal_of_tenant(self, tenant: Tenant) -> str:
        if self._given["playbook"]:
            refusal = refusal_of_paths(DEFINITION, tenant.definition)
            if refusal:
                return refusal
            if not self._names_an_environment(tenant):
                return (
                    f"No environment was given. Give {DEFINITION} the key environment with a name, or name the environment "
                    "in the variable w365_tenant_environment or in the environment variable W365_ENVIRONMENT."
                )
        other = owner_of_address(run_directory(), tenant)
        if other:
            return (
                f"The address {tenant.address} is given for environment {tenant.name}, and in this run it was also given for "
                f"environment {other}. A SCIM service belongs to one environment. Nothing was written for {tenant.name}. Check "
                "scim_url and scim_token."
            )
        return ""

    def _refusal_of_host(self, tenant: Tenant, variables: Mapping[str, Any]) -> str:
        """Where a playbook looks at many environments first, it compares their hosts itself, and changes none of them."""
        hosts = variables["ansible_play_hosts_all"]
        environment = "" if self._given["looks"] or len(hosts) < 2 else self._environment_of(tenant)
        if not environment:
            return ""
        described = without_keys(tenant.definition, _SECRETS)
        # The name is compared as the server writes it.
        (described.get("environment") or {}).pop("name", None)
        other = owner_of_environment(run_directory(), environment, tenant.host, hosts, described)
        if not other:
            return ""
        return (
            f"Hosts {other} and {tenant.host} are for the same environment, {environment}, with different definitions. Nothing "
            f"was written for {tenant.host}. Each environment needs one host: correct the names in the inventory, or run the "
            "hosts one by one with --limit."
        )

    def _environment_of(self, tenant: Tenant) -> str:
        return environment_of_server(
            tenant.name or self._option_of_play("environment"),
            self._option_of_play("instance_url") or tenant.used_address,
        )

    def _refusal_of_report(self, tenant: Tenant, paths: Sequence[str]) -> str:
        if not paths:
            return ""
        owner = subject(tenant.name, tenant.host) or tenant.host
        return why_not_writable(REPORT_FILE, paths, paths_in(DEFINITION, tenant.definition), run_directory(), owner)

    def _report_of(self, tenant: Tenant, paths: Sequence[str]) -> RunReport | None:
        if not paths:
            return None
        source = f"the variable {self._called()}"
        return RunReport(
            REPORT_FILE, paths, tenant.name, about="onboarding", source=source, predicted=bool(self._task.check_mode)
        )

    def _names_an_environment(self, tenant: Tenant) -> bool:
        return bool(tenant.name.strip() or self._option_of_play("environment"))

    def _run_steps(self, tenant: Tenant, variables: dict[str, Any], report: RunReport | None = None) -> dict[str, Any]:
        """Run the steps until one fails. Raises InputError when the report cannot be written before the first one."""
        invocations: dict[str, Any] = {}
        failed: dict[str, Any] = {}
        hidden = False
        for step in STEPS:
            options = tenant.options_of(step)
            if options is None:
                continue
            hides = tenant.hides(step) and bool(self._given["secure_logging"])
            hidden = hidden or hides
            if report:
                report.begin(step)
            result = self._run_step(tenant.module_of(step), options, variables, hides)
            invocations[step] = result.pop("invocation", None)
            if report:
                report.add(step, result, hidden=hides)
            if result.get("failed"):
                failed = {**result, "step": step}
                if hides:
                    # ansible-core 2.19 and later print it, although the result is hidden.
                    failed.pop("exception", None)
                if "results" in result:
                    tenant.results[step] = result
                break
            tenant.results[step] = result
        if not failed and tenant.waits and not tenant.is_new:
            # In an environment that exists for longer, a forgotten address must not look like a finished run.
            keys = "scim, scim_required and scim_url" if tenant.has("scim") else "scim_required and scim_url"
            way_out = f"To manage users and groups through the Provisioning API instead, leave out {keys}."
            failed = {"failed": True, "msg": f"{tenant.next_step()} {way_out}"}
        outcome = self._outcome(tenant, failed, hidden)
        if self._given["looks"]:
            outcome["environment"] = self._environment_of(tenant)
        if report and (tenant.results or failed):
            self._end(report, tenant, failed)
            warnings = [*outcome.get("warnings", ()), *report.problems]
            outcome |= {"warnings": warnings} if warnings else {}
        return {**failed, **outcome, "invocation": {"steps": invocations}}

    def _end(self, report: RunReport, tenant: Tenant, failed: Mapping[str, Any]) -> None:
        report.name(tenant.name)
        waiting = dict.fromkeys(tenant.waiting(), "it waits until SCIM is switched on")
        if failed.get("step"):
            waiting = dict.fromkeys(tenant.not_reached(failed["step"]), f"step {failed['step']} failed")
        report.end(waiting, "" if failed.get("step") else str(failed.get("msg") or ""))

    def _outcome(self, tenant: Tenant, failed: Mapping[str, Any], hidden: bool) -> dict[str, Any]:
        every = [*tenant.results.values(), *([failed] if failed.get("step") not in tenant.results else [])]
        diffs = [result["diff"] for result in every if result.get("changed") and result.get("diff")]
        failure = str(failed.get("msg", "")) if failed else ""
        if failed.get("step"):
            reason = "" if hidden and tenant.hides(failed["step"]) else f": {failure}"
            failure = f"{failed['step']}{reason}"
        outcome = {
            # A playbook that first looks at many environments has changed nothing then.
            "changed": any(result.get("changed") for result in every) and not self._given["looks"],
            "diff": [each for diff in diffs for each in (diff if isinstance(diff, list) else [diff])],
            **{
                kind: [text for result in every for text in result.get(kind) or ()]
                for kind in ("warnings", "deprecations")
            },
            "steps": {
                step: {k: v for k, v in result.items() if k != "diff"} for step, result in tenant.results.items()
            },
            "tenant": tenant.told(),
            "scim_url": tenant.used_address,
            "waits_for_scim": tenant.waits,
            "summary": tenant.summary(failure, bool(self._task.check_mode), failed),
            "hidden": hidden,
            "_ansible_no_log": hidden,
        }
        return {
            name: value for name, value in outcome.items() if name not in ("diff", "warnings", "deprecations") or value
        }
