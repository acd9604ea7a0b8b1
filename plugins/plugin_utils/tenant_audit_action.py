# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task of the playbook fleet_audit: reads everything about one tenant with the modules of several steps.

Each step may fail without the others: its result is then the reason. Every step runs in check mode, so nothing is written.
The result has what the report needs and no more: no values of users, and no secret.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from ansible_collections.workspace365.provisioning.plugins.action.w365_admin_info import ActionModule as AdminInfo
from ansible_collections.workspace365.provisioning.plugins.action.w365_api import ActionModule as Api
from ansible_collections.workspace365.provisioning.plugins.action.w365_directory import ActionModule as Directory
from ansible_collections.workspace365.provisioning.plugins.action.w365_environment import ActionModule as Environment
from ansible_collections.workspace365.provisioning.plugins.action.w365_environment_info import (
    ActionModule as EnvironmentInfo,
)
from ansible_collections.workspace365.provisioning.plugins.action.w365_scim_app_info import ActionModule as ScimAppInfo
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso import ActionModule as Sso
from ansible_collections.workspace365.provisioning.plugins.action.w365_sso_app_info import ActionModule as SsoAppInfo
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.ansible_core import AnsibleError
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.direct_host import plain
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.fleet_audit import OF_SSO, PARTS
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.module_action import ModuleAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.plans import hosts_with_passwords, takes_access
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_arguments import (
    refusal_of_paths,
    sentence_about,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.role_defaults import add_defaults
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.sso_audit import PARTS as PARTS_OF_SSO
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.steps_action import StepsAction
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.tenant import (
    DEFINITION,
    LISTS,
    Selection,
    Tenant,
)

ACTIONS: Mapping[str, type[ModuleAction]] = {
    "environment": EnvironmentInfo,
    "administrators": AdminInfo,
    "sso": SsoAppInfo,
    "scim": ScimAppInfo,
    "scim_key": Api,
    "environment of file": Environment,
    "sso of file": Sso,
    "directory of file": Directory,
}
"""The action plugin of the module of each step."""

VARIABLES = (
    *("audit_environment", "audit_entra_tenant", "audit_sso", "audit_sso_app", "audit_tenant", "audit_directory"),
    *("audit_connection", "audit_accepted", "audit_parts", "audit_without", "audit_shows_names"),
)
"""What the playbook says about the tenant, each by itself: one that cannot be read leaves the others."""

NOT_COMPARED = (
    *("plan_file", "return_plan", "apply_plan", "apply_plan_content", "plan_digest"),
    *("report_file", "progress_file", "progress_interval"),
)
"""Options of w365_directory that write files, or are about plans."""

OF_SSO_APP = ("redirect_hosts", "scopes", "power_bi", "guest_and_alias_login")

JUDGED: Mapping[str, tuple[str, ...]] = {
    "sso": (
        *("found", "application", "deleted_application", "service_principal", "consent", "excess_consent", "secret"),
        *("secrets", "foreign_secrets", "days_left", "sso", "readable", "linked", "drift"),
    ),
    "scim": ("found", "job", "settings", "credentials_valid", "credentials_message", "mapping_problems"),
}
"""What the report needs of these results. The rest names people."""

NO_SECRET = "no key is compared"
"""In the place of the key of single sign-on, which the module needs and would not compare."""

MISSING = "Check mode treats it as empty"
"""With these words a module says that there is no such environment, and that everything in its file is to be created."""

WARNINGS_SHOWN = 5


class TenantAuditAction(StepsAction):
    """Reads one tenant. It never fails: what could not be read is part of its result."""

    actions = ACTIONS

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the task once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        audit = self._audit(task_vars or {})
        return {**result, "changed": False, "audit": audit, "_ansible_no_log": audit["hidden"]}

    def _audit(self, variables: dict[str, Any]) -> dict[str, Any]:
        given, unread = {}, {}
        for name in VARIABLES:
            try:
                given[name] = plain(self._templar.template(variables.get(name)))
            except (AnsibleError, TypeError, ValueError) as error:
                unread[name] = " ".join(str(getattr(error, "message", error)).split())
        parts, mistakes = chosen_parts(given, unread)
        tenant = _Described(given, unread)
        tenant.address = self._scim_address(tenant)
        run = partial(self._step, variables=variables, tenant=tenant)
        results: dict[str, Any] = {}
        # Needed for the others, too.
        environment = _environment(run("environment", {}))
        for part in parts:
            results[part] = environment if part == "environment" else READERS[part](run, tenant, environment)
        if "audit_accepted" in unread:
            mistakes.append(f"w365_accepted could not be read, so nothing is accepted: {unread['audit_accepted']}")
        return {
            "environment": environment.get("name") or tenant.name or None,
            "tenant": given.get("audit_entra_tenant"),
            "authority": tenant.authority,
            "wanted_active": tenant.wanted_active,
            "manages_app": tenant.manages_app,
            "parts": parts,
            "mistakes": mistakes,
            "accepted": _accepted(given.get("audit_accepted")),
            "hidden": tenant.hidden,
            "results": results,
        }

    def _step(
        self, step: str, options: Mapping[str, Any], *, variables: dict[str, Any], tenant: _Described
    ) -> dict[str, Any]:
        """The result of one step. What the tenant does not give comes from `module_defaults` of the play."""
        named = {"environment": tenant.name} if tenant.name else {}
        arguments = {**named, **{name: value for name, value in options.items() if value is not None}}
        try:
            add_defaults(arguments, self._action_of(step, {})._task, self._templar, self._known_defaults)
        except AnsibleError as error:
            return {"failed": True, "msg": error.message}
        return self._run_step(step, arguments, variables, hides=True)

    def _action_of(self, step: str, options: dict[str, Any]) -> ModuleAction:
        action = super()._action_of(step, options)
        action._task.check_mode = True
        action._task.diff = False
        return action

    def _scim_address(self, tenant: _Described) -> str:
        """The address of the SCIM service that the steps use; empty where there is none."""
        given = tenant.scim()
        if given.get("scim_url") is None:
            action = self._action_of("scim_key", given)
            try:
                add_defaults(given, action._task, self._templar, self._known_defaults)
            except AnsibleError as error:
                # The steps say it again.
                return str(error.message)
            if given.get("scim_url") is None:
                given = {"scim_url": {**os.environ, **action.environment_variables()}.get("W365_SCIM_URL")}
        return str(given["scim_url"] or "").strip()


def _accepted(text: Any) -> Any:
    """What w365_accepted holds. It comes as JSON: before ansible-core 2.19 a template would make a text of a list with dates."""
    return json.loads(text) if isinstance(text, str) and text.strip() else text or None


Step = Callable[[str, Mapping[str, Any]], dict[str, Any]]


class _Described:
    """What the variables of a tenant say. A part that could not be read is the reason why, in `unread`."""

    def __init__(self, given: Mapping[str, Any], unread: Mapping[str, str]) -> None:
        self.unread = unread
        self.sso, self.sso_app, self.definition, self.directory, self.connection = (
            value if isinstance(value := given.get(name), Mapping) else {}
            for name in ("audit_sso", "audit_sso_app", "audit_tenant", "audit_directory", "audit_connection")
        )
        own, of_file = given.get("audit_environment"), self.definition.get("environment")
        self.own_name = own.strip() if isinstance(own, str) else ""
        named = of_file.get("name") if isinstance(of_file, Mapping) else None
        self.name_in_file = named.strip() if isinstance(named, str) else ""
        self.name = self.own_name or self.name_in_file
        self.wanted_active = of_file.get("active") if isinstance(of_file, Mapping) else None
        self.manages_app = self.sso.get("app") is not None
        shows = given.get("audit_shows_names")
        described = {"directory": self.directory, "tenant": self.definition}
        unreadable = {"audit_tenant", "audit_directory", "audit_shows_names"} & set(unread)
        self.hidden = shows is not True and (bool(unreadable) or bool(hosts_with_passwords(described)))
        self.address = ""
        """The address of its SCIM service, wherever that is given."""

    @property
    def authority(self) -> str:
        given, domain = self.sso.get("authority"), self.sso.get("primary_domain")
        return str(given or (f"https://login.windows.net/{domain}" if domain else ""))

    def scim(self) -> dict[str, Any]:
        """The SCIM service that the tenant's own file gives; empty where that of the play counts."""
        for source in (self.definition, self.connection):
            if source.get("scim_url") is not None:
                return {key: source.get(key) for key in ("scim_url", "scim_token")}
        return {}

    def mistake(self) -> str:
        """Why nothing can be compared with the file; empty where it can be."""
        for name, variable in (
            ("audit_tenant", "w365_tenant_definition"),
            ("audit_directory", "w365_directory_definition"),
        ):
            if name in self.unread:
                return f"{variable} cannot be read: {self.unread[name]}"
        if self.definition:
            sentence = sentence_about("w365_tenant_definition", self.definition)
            if sentence:
                return sentence
        if self.directory:
            sentence = sentence_about("w365_directory_definition", self.directory)
            if sentence:
                return sentence
        names = {sanitized_environment_name(name) for name in (self.own_name, self.name_in_file) if name}
        if len(names) > 1:
            return (
                f"w365_environment is {self.own_name!r}, and w365_tenant_definition describes environment {self.name_in_file!r}: a file "
                "belongs to one environment."
            )
        return ""


def chosen_parts(given: Mapping[str, Any], unread: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The parts that are looked at, and a sentence for each mistake in the variables that choose them.

    What w365_audit_parts does not name of single sign-on and SCIM is left out here too, as in the playbook audit_sso.
    """
    mistakes = [
        f"w365_{name} could not be read, so every part is looked at: {unread[f'audit_{name[6:]}']}"
        for name in ("audit_parts", "audit_without")
        if f"audit_{name[6:]}" in unread
    ]
    only, without = given.get("audit_parts"), given.get("audit_without") or []
    for name, words, known in (("parts", only or [], PARTS_OF_SSO), ("without", without, PARTS)):
        odd = [str(word) for word in words if word not in known]
        if odd:
            mistakes.append(f"w365_audit_{name} has {', '.join(odd)}: give some of {', '.join(known)}.")
    left = {str(word) for word in without} | ({*OF_SSO} - {str(word) for word in only} if only else set())
    return [part for part in PARTS if part not in left], mistakes


# One function for each part, which returns what the report needs of it


def _failed(result: Mapping[str, Any]) -> dict[str, Any]:
    """Why there is no result."""
    kept = {key: result[key] for key in ("msg", "http_status", "would_go") if result.get(key) is not None}
    return {"msg": "the task ended without a reason", **kept}


def _environment(result: Mapping[str, Any]) -> dict[str, Any]:
    if result.get("failed"):
        return _failed(result)
    if not result.get("filtered_by"):
        return {"msg": "No environment is named. Give the host the variable w365_environment."}
    return {"name": result["filtered_by"], "environments": result["environments"], "readable": result["readable"]}


def _activity(environment: Mapping[str, Any]) -> bool | None:
    """Whether the environment is active; None where that is not known."""
    listed = environment.get("environments")
    found: bool | None = listed[0]["active"] if listed else None
    return found


def _administrators(run: Step, tenant: _Described, environment: Mapping[str, Any]) -> dict[str, Any]:
    result = run("administrators", {})
    if result.get("failed"):
        return _failed(result)
    states = [each["active"] for each in result["administrators"]]
    return {"active": states.count(True), "maybe": sum(state not in (True, False) for state in states)}


def _sso(run: Step, tenant: _Described, environment: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("audit_sso", "audit_sso_app"):
        if name in tenant.unread:
            return {"msg": tenant.unread[name]}
    options = {key: tenant.sso_app.get(key) for key in OF_SSO_APP}
    client_id = tenant.sso_app.get("client_id") or tenant.sso.get("client_id") or None
    return _shortened("sso", run("sso", {"client_id": client_id, **options}))


def _scim(run: Step, tenant: _Described, environment: Mapping[str, Any]) -> dict[str, Any]:
    return _shortened("scim", run("scim", {}))


def _shortened(part: str, result: Mapping[str, Any]) -> dict[str, Any]:
    if result.get("failed"):
        return _failed(result)
    return {key: result.get(key) for key in JUDGED[part]}


def _scim_key(run: Step, tenant: _Described, environment: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("audit_tenant", "audit_connection"):
        if name in tenant.unread:
            return {"msg": tenant.unread[name]}
    if not tenant.address:
        return {"given": False}
    # One person is the least that every server answers with. Nothing of the answer is kept.
    options = {"service": "scim", "path": "/Users", "query": {"startIndex": 1, "count": 1}, **tenant.scim()}
    result = run("scim_key", options)
    inactive = _activity(environment) is False
    if result.get("failed"):
        return {**_failed(result), "status": result.get("http_status"), "inactive": inactive}
    body = result.get("json")
    answers = isinstance(body, Mapping) and isinstance(body.get("totalResults"), int)
    return {"status": result.get("status"), "answers": answers, "inactive": inactive}


# What differs from the file


def _drift(run: Step, tenant: _Described, environment: Mapping[str, Any]) -> dict[str, Any]:
    mistake = tenant.mistake()
    if mistake:
        return {"definition": {"msg": mistake, "by_module": False}}
    absent = environment.get("environments") == [] and environment.get("readable") is True
    found: dict[str, Any] = {}
    for what, options in _described(tenant):
        if absent:
            found[what] = {"msg": f"The instance has no environment {environment['name']}.", "by_module": False}
        elif isinstance(options, str):
            found[what] = {"msg": options, "by_module": False}
        else:
            found[what] = _differences(run(f"{what} of file", options))
    return found


def _described(tenant: _Described) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """What the files describe, with the options of its module, or with the reason why it cannot be compared."""
    whole = Tenant(tenant.definition, tenant.name, Selection.of(["all"], [], []))
    whole.address_of_play = tenant.address
    of_environment = whole.options_of("environment")
    if of_environment:
        yield "environment", {**of_environment, "when_unreadable": "skip"}
    if "audit_sso" in tenant.unread:
        yield "sso", tenant.unread["audit_sso"]
    elif tenant.sso.get("client_id") and not tenant.manages_app:
        values = {key: tenant.sso.get(key) or None for key in ("authority", "primary_domain", "client_id")}
        checks = {"verify": "never", "preflight": "never", "post_check": "none", "when_unreadable": "skip"}
        yield "sso", {**values, "key": NO_SECRET, **checks}
    directory = {key: value for key, value in tenant.directory.items() if key not in NOT_COMPARED}
    if any(directory.get(key) for key in LISTS):
        refusal = refusal_of_paths("w365_directory_definition", directory)
        yield "directory", refusal or {**directory, **tenant.scim()}
    elif any(map(whole.has, LISTS)):
        of_directory = whole.options_of("directory")
        if of_directory is None:
            yield "directory", "Users and groups wait until SCIM is switched on, and scim_url is not given."
        else:
            options = {key: value for key, value in of_directory.items() if key not in NOT_COMPARED}
            yield "directory", refusal_of_paths(DEFINITION, options) or options


def _differences(result: Mapping[str, Any]) -> dict[str, Any]:
    warnings = list(result.get("warnings") or ())
    missing = [warning for warning in warnings if MISSING in warning]
    if result.get("failed"):
        return _failed(result)
    if missing:
        return {"msg": missing[0], "by_module": False}
    items = [
        {"kind": entry["kind"], "name": entry["name"], "action": entry["action"], "removes": takes_access(entry)}
        for entry in result["results"]
    ]
    return {
        "items": items,
        "compared": result["compared"],
        "left_out": len(result.get("left_out") or ()),
        "warnings": warnings[:WARNINGS_SHOWN],
    }


READERS: Mapping[str, Callable[[Step, _Described, Mapping[str, Any]], dict[str, Any]]] = {
    "administrators": _administrators,
    "sso": _sso,
    "scim": _scim,
    "scim_key": _scim_key,
    "drift": _drift,
}
"""The function of each part but the first."""
