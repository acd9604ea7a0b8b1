# Copyright (c) 2026, Workspace 365 provisioning contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application that sends users over SCIM: what there is, what has to be done, and the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..api.applications import RefusedError, iso_time
from ..api.synchronization import SynchronizationClient
from ..entra.applications import readable_applications
from ..entra.scim_application import (
    FoundApplication,
    Scope,
    find_scim_application,
    resolve_scope,
    resolve_users,
    the_job,
    to_purge,
)
from ..entra.scim_settings import (
    BASE,
    TOKEN,
    SettingsPlan,
    address_of,
    plan_settings,
    refuse_hidden,
    shown_settings,
)
from ..errors import GuardError, InputError
from ..inputs.scim_app import (
    check_sizes,
    check_times,
    checked_scim_url,
    identity_from_options,
    scim_application_from_options,
)
from ..model.applications import Application
from ..model.names import checked_environment_name
from ..model.scim_application import (
    RESTART_MARK,
    Assignment,
    DemandedObject,
    DesiredScimApplication,
    EnterpriseApplication,
    Job,
    StagedRemoval,
)
from ..planning.actions import Action
from ..planning.plan import Plan
from ..planning.scim_app_actions import (
    APPLICATION_CREATE,
    APPLICATION_DELETE,
    APPLICATION_UPDATE,
    ASSIGNMENT_ADD,
    ASSIGNMENT_REMOVE,
    JOB_ALLOW_DELETES,
    JOB_CREATE,
    JOB_PAUSE,
    JOB_RESTART,
    JOB_START,
    PROVISION,
    SETTINGS_WRITE,
)
from .applications import ApplicationTask, client_of, shown_identity
from .scim_app_changes import ScimAppChanges, enterprise_of, while_new

if TYPE_CHECKING:
    from ..execution.results import ApplyResult

Made = TypeVar("Made")

NAMES_SHOWN = 10


class Demand(NamedTuple):
    """An object to provision now, with its id; `members` are ids, None for a user."""

    wanted: DemandedObject
    id: str
    members: tuple[str, ...] | None


class Found(NamedTuple):
    """What there is. `refusal` is why the saved token is refused: empty where it is accepted, None where nobody asked.

    `staged` is None where the logs cannot be read; `unreadable_logs` says why.
    """

    application: Application | None = None
    enterprise: EnterpriseApplication | None = None
    job: Job | None = None
    settings: Mapping[str, str] = {}
    assigned: Sequence[Assignment] = ()
    scope: Scope = Scope({}, {}, ())
    demands: Sequence[Demand] = ()
    refusal: str | None = None
    staged: Sequence[StagedRemoval] | None = ()
    unreadable_logs: str = ""


class ScimAppTask(ApplicationTask):
    """A task about the application that sends users over SCIM."""

    @cached_property
    def applications(self) -> SynchronizationClient:
        return client_of(self, SynchronizationClient)

    @property
    def named_environment(self) -> str:
        """The environment in lower case; empty where the task names none."""
        name = self.options["environment"]
        return checked_environment_name(name).lower() if name else ""

    @cached_property
    def desired(self) -> DesiredScimApplication:
        url = checked_scim_url(self.required_option("scim_url", "to know where Microsoft Entra sends users"))
        address = address_of(url, standard=self.options["patch_dialect"] == "standard")
        return scim_application_from_options(self.options, self.named_environment, address)

    def check_customer(self, *, warns: bool = True) -> None:
        """As every task, with a token: without one nothing is written over SCIM."""
        if self.options["scim_token"]:
            super().check_customer(warns=warns)

    def is_young(self, application: Application | None) -> bool:
        """Whether an application was created so recently that Microsoft Entra may not know it everywhere."""
        age = self.options["replication_timeout"]
        return application is not None and self.applications.now - application.created < age

    def ready(self, application: Application, call: Callable[[], Made]) -> Made:
        if not self.is_young(application):
            return call()
        return while_new(self.waiting("replication_timeout")(), call)


# Reading


def read_application(task: ScimAppTask, desired: DesiredScimApplication) -> Found:
    """The application with its job, settings and assignments; only reads."""
    graph = task.applications
    found = find_scim_application(graph, desired, task.caller)
    if found is None:
        return Found()
    application, enterprise = found.application, _enterprise(task, found)
    job = the_job(task.ready(application, lambda: graph.jobs(enterprise.id)))
    settings = task.ready(application, lambda: graph.settings(enterprise.id))
    assigned = task.ready(application, lambda: graph.assignments(enterprise.id))
    staged: Sequence[StagedRemoval] | None = ()
    unreadable = ""
    if job is not None and job.holds_deletes:
        try:
            staged = graph.staged_removals(job.id)
        except RefusedError as error:
            staged, unreadable = None, error.message
    return Found(application, enterprise, job, settings, assigned, staged=staged, unreadable_logs=unreadable)


def _enterprise(task: ScimAppTask, found: FoundApplication) -> EnterpriseApplication:
    enterprise, application = found.enterprise, found.application
    if enterprise is None and task.is_young(application):
        enterprise = enterprise_of(task.applications, application, task.waiting("replication_timeout")())
    if enterprise is None:
        raise GuardError(
            f"The application {application.display_name!r} ({application.client_id}) has no service principal, so nothing can be "
            "provisioned with it. Nothing was written. Restore the enterprise application in the portal, or delete the app registration."
        )
    return enterprise


def saved_refusal(task: ScimAppTask, found: Found) -> str | None:
    """Why the SCIM service refuses the saved token, or that none is saved; None where there is no job to try it with."""
    enterprise, job, application = found.enterprise, found.job, found.application
    if enterprise is None or job is None or application is None or BASE not in found.settings:
        return None
    return task.ready(application, lambda: task.applications.refused_credentials(enterprise.id, job.id, None))


def read_found(task: ScimAppTask) -> Found:
    graph, desired = task.applications, task.desired
    found = read_application(task, desired)
    scope = resolve_scope(graph, desired)
    demands = tuple(_demands(graph, desired.provision))
    refusal = saved_refusal(task, found) if task.options["update_credentials"] == "when_invalid" else None
    return found._replace(scope=scope, demands=demands, refusal=refusal)


def _demands(graph: SynchronizationClient, wanted: Sequence[DemandedObject]) -> Iterator[Demand]:
    """With the ids of all objects; the users are looked up together."""
    names = [name for one in wanted for name in ((one.members or ()) if one.is_group else (one.name,))]
    ids = resolve_users(graph, names, "provision_now")
    for one in wanted:
        if not one.is_group:
            yield Demand(one, ids[one.name], None)
            continue
        id = str(graph.find_group(one.name)["id"])
        members = (
            [str(user["id"]) for user in graph.group_users(id)]
            if one.members is None
            else [ids[name] for name in one.members]
        )
        yield Demand(one, id, tuple(members))


# Planning


def plan_of(task: ScimAppTask, found: Found) -> Plan:
    """The actions in the order in which they are made: each builds on the ones before it."""
    desired, notes = task.desired, list[str]()
    title = found.application.display_name if found.application else desired.title
    actions = _application_actions(found, desired)
    if found.job is None:
        actions.append(Action(JOB_CREATE, title, None, {"template": "scim"}, {"template": "scim"}))
    settings = plan_settings(found.settings, desired, found.job.counts if found.job else {})
    reason = token_reason(task, found)
    restart = _restart_reason(task, found, settings, new_token=bool(reason))
    if settings.differences or reason:
        actions.append(_settings_action(task, found, settings, reason, title, restart=bool(restart)))
    actions += _assignment_actions(task, found, notes)
    actions += _job_actions(task, found, title, restart, notes)
    for demand in found.demands:
        after = {"kind": "group" if demand.wanted.is_group else "user"}
        actions.append(Action(PROVISION, demand.wanted.name, None, after, after, subject=(demand.id, demand.members)))
    unchanged = _unchanged(found, actions, title)
    return Plan(tuple(actions), tuple(unchanged), notes=tuple(notes))


def _unchanged(found: Found, actions: Sequence[Action], title: str) -> list[tuple[str, str]]:
    changed = {action.kind for action in actions}
    kinds = [kind for kind in ("application", "job_settings", "job") if kind not in changed]
    added = {action.subject for action in actions if action.type is ASSIGNMENT_ADD}
    return [
        *((kind, title) for kind in kinds),
        *(("assignment", name) for id, (name, _kind) in found.scope.wanted.items() if id not in added),
    ]


def _application_actions(found: Found, desired: DesiredScimApplication) -> list[Action]:
    application = found.application
    if application is None:
        after = {"display_name": desired.title, "tags": [desired.marker]}
        return [Action(APPLICATION_CREATE, desired.title, None, after, after)]
    changes: dict[str, Any] = {}
    rename = desired.display_name is not None or application.display_name.startswith(desired.first_name)
    if rename and application.display_name != desired.title:
        changes["display_name"] = desired.title
    if desired.marker not in application.tags:
        changes["tags"] = [*application.tags, desired.marker]
    if not changes:
        return []
    current = {"display_name": application.display_name, "tags": list(application.tags)}
    before = {name: current[name] for name in changes}
    return [Action(APPLICATION_UPDATE, application.display_name, before, changes, changes, subject=application)]


def token_reason(task: ScimAppTask, found: Found) -> str:
    """Why the token has to be written; empty where the saved one stays."""
    policy = task.options["update_credentials"]
    if policy == "always":
        return "update_credentials=always asks for it"
    # Microsoft Graph does not always list a token that is saved; trying it is the proof.
    if TOKEN not in found.settings and found.refusal != "":
        return "no token is saved"
    return f"the SCIM service refuses the saved token: {found.refusal}" if found.refusal else ""


def _settings_action(
    task: ScimAppTask, found: Found, settings: SettingsPlan, reason: str, title: str, *, restart: bool
) -> Action:
    """Raises InputError without a token, since Graph does not give the saved one back."""
    if not task.options["scim_token"]:
        why = ", ".join(filter(None, (", ".join(settings.differences), reason)))
        raise InputError(
            f"Option scim_token is needed: the settings of the provisioning job have to be written ({why}), and Microsoft Graph does not "
            "show the token that is saved, which has to be written with them. Nothing was written. Give the SCIM key of the environment."
        )
    refuse_hidden(found.settings)
    check_sizes(task.options, task.options["scim_token"], task.desired.guard.email or "")
    token = {"token": reason} if reason else {}
    before = None if found.application is None else {**settings.before, **({"token": None} if reason else {})}
    after = {**settings.after, **token}
    return Action(SETTINGS_WRITE, title, before, after, after, outcome=settings.values, extras={"restart": restart})


def _assignment_actions(task: ScimAppTask, found: Found, notes: list[str]) -> list[Action]:
    assigned = {one.principal_id for one in found.assigned}
    actions = [
        Action(ASSIGNMENT_ADD, name, None, {"kind": kind}, {"kind": kind}, subject=id)
        for id, (name, kind) in found.scope.wanted.items()
        if id not in assigned
    ]
    for name, count in found.scope.nested.items():
        notes.append(
            f"Group {name!r} has {count} group{'s' if count > 1 else ''} in it, whose members are not provisioned: Microsoft Entra looks at "
            "direct members only. Assign those groups too."
        )
    if task.options["scope"] == "assigned" and not found.scope.wanted and not assigned:
        notes.append("Nobody is assigned to the application, so nobody is provisioned. Give groups or users.")
    purge = to_purge(found.assigned, found.scope) if task.options["purge_assignments"] else []
    limit = task.options["purge_limit"]
    if purge and (limit is None or len(purge) > limit):
        raise GuardError(
            f"{len(purge)} assignments would be removed ({named([one.name for one in purge])}), which exceeds the limit of {limit or 0} "
            "(purge_limit), and Microsoft Entra deactivates everybody who is in none of the others. Nothing was written. Name them in groups "
            "or users, or raise purge_limit."
        )
    return actions + [Action(ASSIGNMENT_REMOVE, one.name, {"kind": one.kind}, None, subject=one) for one in purge]


def _restart_reason(task: ScimAppTask, found: Found, settings: SettingsPlan, *, new_token: bool) -> str:
    """Why the job has to be restarted; empty where it need not."""
    job, policy = found.job, task.options["restart"]
    if job is None or job.code == "NotConfigured":
        return ""
    if policy == "always":
        return "restart=always asks for it"
    if job.code == "NotRun":
        return ""
    if found.application is not None and RESTART_MARK in found.application.tags:
        return "an earlier run ended before it restarted the job"
    if settings.before.get("scope") == "all":
        return "the scope changes from all to assigned, which only a restart makes effective"
    failed = (job.is_quarantined and not job.holds_deletes) or job.errors_discarded
    if failed and policy == "when_quarantined":
        return f"the job is {job.words}"
    if failed and new_token:
        return "the job was stopped or slowed down, and gets other credentials"
    return ""


def _job_actions(task: ScimAppTask, found: Found, title: str, restart: str, notes: list[str]) -> list[Action]:
    job = found.job
    if task.options["job"] == "paused":
        if restart:
            notes.append("The provisioning job has to be restarted, and job=paused keeps it paused.")
        if job is None or job.schedule != "Active":
            return []
        return [Action(JOB_PAUSE, title, {"state": job.schedule}, {"state": "Paused"}, {"state": "Paused"})]
    allowed = task.options["allow_deletes"]
    if job is not None and job.holds_deletes:
        if allowed is not None:
            after = {"removals": [one.name for one in _confirmed(found, allowed)]}
            return [Action(JOB_ALLOW_DELETES, title, {}, after, after, subject=found.staged)]
        if task.options["restart"] != "always":
            raise held_back(found)
    elif allowed is not None:
        notes.append("No removals are held back, so allow_deletes has nothing to allow. Remove the option.")
    if restart:
        return [
            Action(JOB_RESTART, title, {"state": job.schedule if job else ""}, {"reason": restart}, {"reason": restart})
        ]
    if job is not None and job.schedule == "Active":
        if job.is_quarantined:
            notes.append(
                f"The provisioning job of '{title}' is {job.words}. {_quarantine_details(job)}Microsoft Entra tries it less and less "
                "often, and switches it off after four weeks. Fix the cause; restart=when_quarantined then restarts it at once."
            )
        return []
    if job is not None and job.errors_discarded:
        notes.append(
            f"The provisioning job of '{title}' is {job.words}. It was not started again. Look at the provisioning logs, and give "
            "restart=when_quarantined."
        )
        return []
    return [
        Action(
            JOB_START, title, {"state": job.schedule if job else "Disabled"}, {"state": "Active"}, {"state": "Active"}
        )
    ]


def _quarantine_details(job: Job) -> str:
    message = job.quarantine.message.strip() if job.quarantine else ""
    return f"{message.rstrip('.')}. " if message else ""


def _confirmed(found: Found, count: int) -> Sequence[StagedRemoval]:
    """The removals that are held back. Raises GuardError unless they are as many as the user has confirmed."""
    if found.staged is None:
        raise GuardError(
            f"How many removals are held back is not known, so none is allowed. Nothing was written. {found.unreadable_logs}"
        )
    if len(found.staged) != count:
        raise GuardError(
            f"Option allow_deletes confirms {count} removals, and {len(found.staged)} are held back"
            f"{': ' if found.staged else ''}{named([one.name for one in found.staged])}. Nothing was removed. Look at them, and give that "
            "number; the provisioning logs may be some minutes late."
        )
    return found.staged


def held_back(found: Found) -> GuardError:
    """The error of a job that holds removals back, with the names."""
    if found.staged is None:
        who, number = f"Who they are is not known: {found.unreadable_logs}", "<number>"
    else:
        who, number = f"They are {named([one.name for one in found.staged])}.", str(len(found.staged))
    error = GuardError(
        f"The provisioning job holds {number if found.staged else 'an unknown number of'} removals back, more than delete_threshold lets go. "
        f"{who} Nothing was removed and nothing was written. If they shall go, give allow_deletes={number} once. If not, bring them back "
        "into the scope in Microsoft Entra first, and then give restart=always."
    )
    error.details["staged_removals"] = shown_staged(found.staged)
    return error


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more


def plan_of_pause(found: Found, desired: DesiredScimApplication) -> Plan:
    """Pause what sends users, and change nothing else: for an environment that is taken down."""
    plan = plan_of_absence(found, desired)
    pauses = tuple(action for action in plan.actions if action.type is JOB_PAUSE)
    title = found.application.display_name if found.application else desired.title
    return Plan(pauses, () if pauses else (("job", title),))


def plan_of_absence(found: Found, desired: DesiredScimApplication) -> Plan:
    application = found.application
    if application is None:
        return Plan((), (("application", desired.title),))
    title = application.display_name
    if desired.marker not in application.tags and not desired.service_principal_id:
        raise GuardError(
            f"The application {title!r} ({application.client_id}) has the usual name and not the tag {desired.marker}, so this collection may "
            "not have made it. Nothing was changed. Give the object id of its service principal in option service_principal_id."
        )
    actions: list[Action] = []
    if found.job is not None and found.job.schedule == "Active":
        actions.append(Action(JOB_PAUSE, title, {"state": "Active"}, {"state": "Paused"}, {"state": "Paused"}))
    actions += [Action(ASSIGNMENT_REMOVE, one.name, {"kind": one.kind}, None, subject=one) for one in found.assigned]
    actions.append(Action(APPLICATION_DELETE, title, {"tags": list(application.tags)}, None, subject=application))
    return Plan(tuple(actions))


# Applying


def run_scim_app(task: ScimAppTask) -> dict[str, Any]:
    """The whole task."""
    check_times(task.options)
    if task.options["state"] != "present":
        desired = identity_from_options(task.options, task.named_environment)
        found = read_application(task, desired)
        plan = (plan_of_absence if task.options["state"] == "absent" else plan_of_pause)(found, desired)
    else:
        desired = task.desired
        found = read_found(task)
        plan = plan_of(task, found)
    changes = ScimAppChanges(
        task.applications,
        desired,
        application=found.application,
        enterprise=found.enterprise,
        job=found.job,
        token=task.options["scim_token"] or "",
        replication=task.waiting("replication_timeout"),
        pause=task.http.pause,
        known=lambda: readable_applications(task.applications, task.caller),
        is_young=task.is_young(found.application),
    )
    report = task.apply(plan, changes, where="")
    gone = task.options["state"] == "absent"
    if (
        task.options["wait"]
        and task.options["state"] == "present"
        and not task.check_mode
        and task.options["job"] == "active"
    ):
        wait_for_first_cycle(task, changes)
    return task.outcome(report, **_result(task, found, changes, report, gone=gone))


def wait_for_first_cycle(task: ScimAppTask, changes: ScimAppChanges) -> None:
    """Until the first cycle was done. Raises W365Error for a quarantine, and when the time is over."""
    graph = task.applications
    waiting = task.waiting("wait_timeout")()
    while changes.job is not None and changes.enterprise is not None:
        job = changes.job = graph.job(changes.enterprise.id, changes.job.id)
        if job.is_quarantined or (job.errors_discarded and job.schedule != "Active"):
            raise GuardError(
                f"The provisioning job is {job.words}. {_quarantine_details(job)}Look at the provisioning logs, fix the cause and rerun the "
                "task with restart=when_quarantined."
            )
        if job.first_cycle is not None:
            return
        done = ", ".join(f"{count} {name}" for name, count in job.counts.items() if count)
        waiting.again(30.0, f"the first cycle is not done{f' ({done} so far)' if done else ''}")


# The result


def _result(
    task: ScimAppTask, found: Found, changes: ScimAppChanges, report: ApplyResult, *, gone: bool
) -> dict[str, Any]:
    wrote = report.changed_anything and not task.check_mode
    settings, assigned, principal = found.settings, found.assigned, changes.enterprise
    if gone and not task.check_mode:
        settings, assigned, principal = {}, (), None
    elif wrote and principal is not None:
        settings = task.applications.settings(principal.id)
        assigned = task.applications.assignments(principal.id)
    return {
        "found": found.application is not None,
        "application": shown_scim_application(changes.application) if principal else None,
        "service_principal_id": principal.id if principal else None,
        "job": shown_job(changes.job) if principal else None,
        "settings": shown_settings(settings),
        "assignments": shown_assignments(assigned),
        "staged_removals": shown_staged(found.staged),
        "provisioned": [
            {"name": name, "result": one.result, "error_code": one.code, "message": one.message}
            for name, one in changes.provisioned
        ],
        "not_proven": not_proven(found),
    }


def shown_scim_application(application: Application | None) -> dict[str, Any] | None:
    if application is None:
        return None
    return shown_identity(application)


def shown_job(job: Job | None) -> dict[str, Any] | None:
    if job is None:
        return None
    quarantine = job.quarantine
    return {
        "id": job.id,
        "state": job.schedule,
        "status": job.code,
        "words": job.words,
        "first_cycle": None if job.first_cycle is None else iso_time(job.first_cycle),
        "last_run": job.last_run or None,
        "last_run_ended": None if job.last_run_ended is None else iso_time(job.last_run_ended),
        "counts": dict(job.counts),
        "quarantine": None
        if quarantine is None
        else {
            "reason": quarantine.reason,
            "message": quarantine.message or None,
            "began": quarantine.began or None,
            "next_attempt": quarantine.next_attempt or None,
        },
    }


def shown_assignments(assigned: Sequence[Assignment]) -> list[dict[str, Any]]:
    return [{"id": one.principal_id, "name": one.name, "kind": one.kind} for one in assigned]


def shown_staged(staged: Sequence[StagedRemoval] | None) -> list[dict[str, Any]] | None:
    return None if staged is None else [{"id": one.id, "name": one.name, "kind": one.kind} for one in staged]


def not_proven(found: Found) -> list[str]:
    """What this task cannot know, in sentences."""
    sentences = []
    if found.refusal is None and TOKEN in found.settings:
        sentences.append("The saved token was not tried.")
    sentences += [
        f"Whether group {name!r} has groups in it could not be read; their members are not provisioned."
        for name in found.scope.unreadable
    ]
    return sentences
