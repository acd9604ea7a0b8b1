# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role w365_tenant does for one tenant: which steps, with which options, and what it says about them afterwards.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any, NamedTuple

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.environment import (
    sanitized_environment_name,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.claims import owner_of
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import line_of_results, subject

DEFINITION = "w365_tenant_definition"

STEPS = ("environment", "sso", "scim", "o365_import", "directory")
"""The steps in their order. The action plugin has a table of their modules, and the tasks of the role make a fact of each."""

SSO_APP = "sso_app"
"""The module of the step sso, in that table, where the definition has an app registration managed."""

LISTS = ("users", "groups", "administrators", "src")
DICTIONARIES = ("environment", "sso", "scim", "o365_import")
PARTS = (*DICTIONARIES, *LISTS)
"""The keys of a definition that name something to do."""

NEEDS_SCIM = ("scim", "o365_import", *LISTS)
"""Those that wait where SCIM is needed and not switched on yet."""

OF_TAG: Mapping[str, Sequence[str]] = {
    "all": PARTS,
    "tagged": PARTS,
    "w365_tenant": PARTS,
    "w365_tenant_environment": ("environment",),
    "w365_tenant_sso": ("sso",),
    "w365_tenant_scim": ("scim",),
    "w365_tenant_o365_import": ("o365_import",),
    "w365_tenant_directory": LISTS,
    # A file can hold all three, so the tag of a single list does not select files.
    "w365_tenant_users": ("users",),
    "w365_tenant_groups": ("groups",),
    "w365_tenant_administrators": ("administrators",),
}
"""What each tag stands for; "all" and "tagged" are tags of Ansible."""

OF_SKIPPED_TAG: Mapping[str, Sequence[str]] = {
    **OF_TAG,
    "w365_environment": ("environment",),
    "w365_sso": ("sso",),
    "w365_scim": ("scim",),
    "w365_o365_import": ("o365_import",),
    "w365_directory": LISTS,
}
"""The same for --skip-tags: the tags of the roles of the single steps skip these here too."""

DIRECTORY_OPTIONS = (
    "update_password",
    "when_unsupported",
    "concurrency",
    "concurrency_max",
    "scim_bulk",
    "permission_profiles",
    "membership_limit",
    "when_administrators_unknown",
    "protected_users",
    "strict",
    "absent_must_exist",
    "report_file",
    "progress_file",
    "progress_interval",
)
"""The keys of a definition that apply to its last step. Purges and plans are left out: a purge would remove users and groups
that the import has brought, or that the tags of a run leave out, and a plan would hold this step only."""


PORTALS: Mapping[str, str] = {
    "public": "https://entra.microsoft.com",
    "usgov": "https://entra.microsoft.us",
    "usgov_dod": "https://entra.microsoft.us",
    "china": "https://portal.azure.cn",
}
"""The Microsoft Entra admin center of each cloud (`entra_cloud`), for people to open."""

SHOWN = 5
"""How many warnings, and how many objects that are left out, a summary names for each step."""

SOON = 30
"""The days that a client secret is still valid, from which on a summary says so."""


class Selection(NamedTuple):
    """The parts that the tags of a run select, and those that they skip."""

    parts: frozenset[str]
    skipped: frozenset[str]

    @classmethod
    def of(cls, run: Iterable[str], skip: Iterable[str], own: Iterable[str]) -> Selection:
        """`run` and `skip` are the tags of the run, `own` those that the play gives to the role."""
        skipped = frozenset(part for tag in skip for part in OF_SKIPPED_TAG.get(tag, ()))
        chosen = {part for tag in run for part in OF_TAG.get(tag, ())}
        if (set(own) - {"always"}) & set(run):
            chosen |= set(PARTS)
        return cls(frozenset(chosen) - skipped, skipped)


class Tenant:
    """One definition, and what its steps have returned so far."""

    def __init__(self, definition: Mapping[str, Any], environment: str, selection: Selection) -> None:
        self.definition = definition
        self.selection = selection
        self.results: dict[str, dict[str, Any]] = {}
        self.address_of_play = ""
        """The address of the SCIM service that `module_defaults` or the environment variable give; it may be empty."""
        self.host = ""
        """The host of the run, which the summary names where it is called differently from the environment."""
        self.cloud = "public"
        """The Microsoft cloud of the tenant, as in the option entra_cloud."""
        self._environment = environment

    @property
    def name(self) -> str:
        """The environment's name as the server normalized it, and until it has said so, as it is given; it may be empty."""
        returned = (self.results.get("environment", {}).get("environment") or {}).get("name")
        return str(returned or (self.definition.get("environment") or {}).get("name") or self._environment or "")

    @property
    def address(self) -> str:
        """The address of the SCIM service in the definition, without what does not tell services apart; it may be empty."""
        return str(self.definition.get("scim_url") or "").strip().partition("?")[0].rstrip("/")

    @property
    def used_address(self) -> str:
        """The address that the steps have used. Every module returns the one that it was given, wherever that was."""
        return next(filter(None, [self.address, *(result.get("scim_url") for result in self.results.values())]), "")

    @property
    def waits(self) -> bool:
        """Whether something that is selected has to wait until SCIM is switched on: a new environment has none."""
        given, scim = self.definition, self.definition.get("scim_url")
        required = given.get("scim_required") or self._waits_alone("scim")
        needed = scim is not None or (required and given.get("environment"))
        there = self.address or self.address_of_play or self.results.get("environment", {}).get("scim_url")
        return bool(needed and not there and any(map(self._waits_alone, self.selection.parts & {*NEEDS_SCIM})))

    def _waits_alone(self, part: str) -> bool:
        """Whether a part is given and cannot do without SCIM. An application is also stopped and taken down without it."""
        return self.has(part) and not (part == "scim" and self.definition["scim"].get("state") in ("absent", "paused"))

    def has(self, part: str) -> bool:
        """Whether the definition gives a part. For the SCIM application an empty dictionary means the defaults."""
        given = self.definition.get(part)
        return given is not None if part == "scim" else bool(given)

    @property
    def is_new(self) -> bool:
        """Whether this run creates the environment."""
        return any(
            entry["kind"] == "environment" and entry["action"] == "create"
            for entry in self.results.get("environment", {}).get("results") or ()
        )

    def options_of(self, step: str) -> dict[str, Any] | None:
        """The options of the module of a step, or None for a step that does not run."""
        if step == "environment":
            options = dict(self.definition.get("environment") or {})
            if not options or not self.selection.parts or step in self.selection.skipped:
                return None
            return {**self._connection(), "environment": options.pop("name"), **options}
        if self.waits and step != "sso":
            return None
        named = {"environment": self.name} if self.name.strip() else {}
        if step != "directory":
            if step not in self.selection.parts or not self.has(step):
                return None
            return {**self._connection(), **named, **self._own(step)}
        lists = {key: self.definition[key] for key in LISTS if self.definition.get(key) and key in self.selection.parts}
        given = {key: self.definition[key] for key in DIRECTORY_OPTIONS if self.definition.get(key) is not None}
        return {**self._connection(), **named, **lists, **given, "purge": []} if lists else None

    @property
    def manages_app(self) -> bool:
        """Whether the app registration for single sign-on is managed too."""
        return (self.definition.get("sso") or {}).get("app") is not None

    def module_of(self, step: str) -> str:
        """The step, or the other name that the table of modules has for it."""
        return SSO_APP if step == "sso" and self.manages_app else step

    def _own(self, step: str) -> dict[str, Any]:
        own = dict(self.definition[step])
        app = own.pop("app", None) if step == "sso" else None
        if app is None:
            return own
        beside = {key: own[key] for key in ("authority", "primary_domain") if own.get(key) is not None}
        # The play's module_defaults must not bring the text of a secret into the result.
        return {**beside, **app, "return_secret": False}

    def _connection(self) -> dict[str, Any]:
        return {key: self.definition[key] for key in ("scim_url", "scim_token") if self.definition.get(key) is not None}

    def hides(self, step: str) -> bool:
        """Whether the options of a step hold passwords of users."""
        users = self.definition.get("users") if step == "directory" and "users" in self.selection.parts else ()
        return any("password" in user for user in users or ())

    def not_reached(self, failed: str) -> list[str]:
        """The steps that would have followed the one that failed."""
        return [step for step in STEPS[STEPS.index(failed) + 1 :] if self.options_of(step) is not None]

    def waiting(self) -> list[str]:
        """The steps that wait until SCIM is switched on."""
        parts = {*filter(self._waits_alone, self.selection.parts & {*NEEDS_SCIM})} if self.waits else set()
        steps = {"directory" if part in LISTS else part for part in parts}
        return [step for step in STEPS if step in steps]

    def next_step(self) -> str:
        """What has to be done by hand while something waits."""
        where = self.results.get("environment", {}).get("environment_url") or self.name
        others = any(self.has(part) for part in self.selection.parts & {*NEEDS_SCIM} - {"scim"})
        waiting = [*(["the SCIM application"] if self.has("scim") else []), *(["users"] if others else [])]
        waits = f"{', '.join(waiting)}, groups and administrators wait" if others else f"{waiting[0]} waits"
        return (
            f"SCIM is not switched on in environment {self.name} yet, or scim_url and scim_token are not given, so "
            f"{waits}. Sign in at {where} as an administrator, open Settings > Users & groups > User "
            "provisioning, select Automated user provisioning (SCIM), and copy the address and the key, which is shown once. "
            "Then run this again with both, as scim_url and scim_token."
        )

    def clicks(self) -> list[str]:
        """What people have to do by hand in Microsoft Entra, with the addresses to open."""
        lines = []
        app, principal = (self.results.get("sso", {}).get(key) or {} for key in ("application", "service_principal"))
        required = principal.get("assignment_required", False)
        if app and required is not False:
            why = (
                "only users who are assigned to"
                if required
                else "Microsoft Graph does not say whether users must be assigned to"
            )
            tail = " can sign in" if required else " before they can sign in"
            lines.append(
                f"by hand: {why} {app['display_name']}{tail}. To assign users and groups, open "
                f"{self._people_of(principal['id'], app['client_id'])}"
            )
        scim = self.results.get("scim", {})
        app, settings = scim.get("application") or {}, scim.get("settings") or {}
        if app and settings.get("scope") == "assigned" and not scim.get("assignments"):
            lines.append(
                f"by hand: nobody is assigned to {app['display_name']}, so nobody is provisioned. Give groups or users in scim, or open "
                f"{self._people_of(scim['service_principal_id'], app['client_id'])}"
            )
        return lines

    def _people_of(self, principal: str, client_id: str) -> str:
        """The page "Users and groups" of an enterprise application."""
        portal = PORTALS.get(self.cloud, PORTALS["public"])
        return f"{portal}/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Users/objectId/{principal}/appId/{client_id}"

    def told(self) -> dict[str, Any]:
        """The fact w365_tenant_result."""
        steps = {
            step: _told(self.module_of(step), result) for step, result in self.results.items() if "results" in result
        }
        return {**steps, "changed": any(step["changed"] for step in steps.values())}

    def summary(self, failure: str, check_mode: bool, failed: Mapping[str, Any] | None = None) -> list[str]:
        """A few lines for people, what matters first: what changed or failed, what people have to do, and what each step did.

        `failed` is the result that ended the run; its key `step` may be missing.
        """
        details = [line for step, result in self.results.items() for line in _lines(step, result)]
        notes = [line for step, result in self.results.items() for line in _notes(step, result)]
        clicks = self.clicks()
        if not (details or notes or clicks or failure):
            return []
        lines = [self._first_line(failed or {}, bool(failure), check_mode)]
        if failure:
            lines.append(f"failed: {failure}")
            missed = self.not_reached(failed["step"]) if failed and failed.get("step") in STEPS else []
            lines += [f"not reached: {', '.join(missed)}"] if missed else []
        elif self.waits:
            lines.append(self.next_step())
        lines += [*clicks, *notes, *details]
        without = "none, so users and groups wait for it" if self.waits else "none"
        lines.append(f"SCIM address: {self.used_address or without}")
        if check_mode:
            lines.append("Check mode: nothing was written.")
        if failure:
            lines.append("Fix the cause and rerun it.")
        elif not check_mode and not self.waits:
            lines.append("Run it again at any time.")
        return [one_line(line) for line in lines]

    def _first_line(self, failed: Mapping[str, Any], fails: bool, check_mode: bool) -> str:
        results = [{**result, "step": step} for step, result in self.results.items()]
        step = str(failed.get("step") or "")
        if step and step not in self.results:
            results.append(dict(failed))
        return line_of_results(
            subject(self.name, self.host),
            results,
            check_mode=check_mode,
            failed=step if fails else None,
            waits=self.waits,
        )


TOLD: Mapping[str, Sequence[str]] = {
    "sso": ("compared", "verified", "key_status"),
    SSO_APP: ("compared", "rotated", "rotation_reason", "days_left", "not_proven"),
    "scim": ("summary", "compared", "service_principal_id", "job", "not_proven"),
    "o365_import": ("summary", "left_out", "permission_changes"),
    "directory": ("summary", "compared", "permission_changes"),
}
"""What the fact takes from the result of each module as it is. A step that failed has not everything of it."""

OBJECTS: Mapping[str, tuple[str, Sequence[str]]] = {
    "environment": ("environment", ("name", "active")),
    "sso": ("sso", ("authority", "client_id")),
    SSO_APP: ("application", ("client_id",)),
    "scim": ("application", ("client_id",)),
}
"""The object in the result of each module, and what the fact takes of it: null where there is none."""


def _told(module: str, result: Mapping[str, Any]) -> dict[str, Any]:
    name, keys = OBJECTS.get(module, ("", ()))
    found = result.get(name) or {}
    shown = {key: found.get(key) for key in keys}
    shown |= {key: result[key] for key in TOLD.get(module, ()) if key in result}
    return {"changed": bool(result.get("changed")), **shown, "results": result["results"]}


def _lines(step: str, result: Mapping[str, Any]) -> Iterator[str]:
    if "results" in result:
        named = f" ({result['environment']['name']})" if step == "environment" and result.get("environment") else ""
        changes = [entry for entry in result["results"] if entry.get("outcome") in ("done", "planned")]
        changes.sort(key=lambda entry: (entry["kind"], entry["action"]))
        done = [
            f" {kind} {action} {len(list(entries))};"
            for (kind, action), entries in groupby(changes, lambda entry: (entry["kind"], entry["action"]))
        ]
        for outcome in ("failed", "not tried"):
            number = sum(entry.get("outcome") == outcome for entry in result["results"])
            done += [f" {outcome} {number};"] if number else []
        if not result.get("changed") and not result.get("failed"):
            unread = result.get("key_status") == "not compared"
            done.insert(0, " unchanged" if not unread else _without_key(result))
        yield f"{step}{named}:{''.join(done) or ' nothing was changed'}"
    job = result.get("job") if step == "scim" else None
    if job:
        yield f"scim: the provisioning job is {job['words']}"


def _notes(step: str, result: Mapping[str, Any]) -> Iterator[str]:
    """What people should know of a step: who was left out, secrets that end soon, warnings."""
    left_out = result.get("left_out") or []
    yield from (
        f"{step}: left out {each['kind']} {each['name']}, because it {each['reason']}" for each in left_out[:SHOWN]
    )
    if len(left_out) > SHOWN:
        yield f"{step}: left out {len(left_out) - SHOWN} more"
    days = result.get("days_left")
    if isinstance(days, (int, float)) and days <= SOON:
        yield f"{step}: the client secret {f'ends in {days:g} days' if days > 0 else 'has ended'}"
    warnings = result.get("warnings") or []
    yield from (f"{step}: warning: {warning}" for warning in warnings[:SHOWN])
    if len(warnings) > SHOWN:
        yield f"{step}: {len(warnings) - SHOWN} more warnings"


def _without_key(result: Mapping[str, Any]) -> str:
    return " key not compared, the rest is unchanged" if result.get("compared") else " not compared"


def owner_of_address(folder: str, tenant: Tenant) -> str:
    """The environment for which the address of the tenant's SCIM service was given before in this run, if it is another one.

    `folder` belongs to the run, see `owner_of`. Returns an empty text when the address is free, or when the tenant has none
    or no name.
    """
    key = sanitized_environment_name(tenant.name)
    return owner_of(folder, "scim", tenant.address, key, tenant.name) if tenant.address and key else ""


def owner_of_environment(folder: str, environment: str, host: str, hosts: Iterable[str], definition: Any) -> str:
    """The other host of the same play that was for this environment before in this run, with another definition.

    `folder` belongs to the run, see `owner_of`. `hosts` are those of the play: a play for one host may prepare what another
    play goes on with. The definition has no secrets any more. Returns an empty text where there is no such host.
    `environment` is not empty.
    """
    play = sha256("\n".join(sorted(hosts)).encode(errors="surrogateescape")).hexdigest()
    what = json.dumps(definition, sort_keys=True, default=str)
    key = sha256(what.encode()).hexdigest()
    owner = owner_of(folder, "environment", f"{play} {environment}", key, host)
    # One host may bring an environment to its state in several tasks.
    return "" if owner == host else owner


def without_keys(value: Any, names: Collection[str]) -> Any:
    """The value without these keys at any depth."""
    if isinstance(value, Mapping):
        return {str(key): without_keys(content, names) for key, content in value.items() if key not in names}
    return [without_keys(entry, names) for entry in value] if isinstance(value, list | tuple) else value


def secret_names(options: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The names of the options at any depth that hold a secret."""
    found = {name for name, option in options.items() if option.get("no_log")}
    return found.union(*(secret_names(option.get("options") or {}) for option in options.values()))
