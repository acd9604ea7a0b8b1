# Copyright (c) 2026, Workspace 365 provisioning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role w365_offboard decides: whether it may begin, what belongs to the environment, and what it says afterwards.

Nothing here sends a request. No state is kept: every run looks at the systems again.

Private to this collection: not an interface for others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.errors import InputError
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.inputs.files import read_files
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.scim_application import (
    RESTART_MARK,
    SCIM_TAG,
)
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.model.terminal import one_line
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.export_folder import ExportFolder
from ansible_collections.workspace365.provisioning.plugins.module_utils._w365.output.export_text import (
    ADMINISTRATORS,
    ENVIRONMENT,
    GROUPS,
    PARTS,
    REPORT,
    SSO,
    USERS,
    folder_name,
)
from ansible_collections.workspace365.provisioning.plugins.plugin_utils.run_summary import line, subject

STEPS = ("confirm", "export", "provisioning", "deactivate", "remove", "delete")
"""The steps in their order."""

DEACTIVATE, REMOVE, DELETE = STAGES = ("deactivate", "remove", "delete")
"""How far a run goes. Each stage includes the steps of those before it."""

MANAGED, CONFIRMED, MANUAL = ENTRA = ("managed", "confirmed", "manual")

PEOPLE = ("manual", "relaunch")
"""The ways in which a person starts a job of AWX, of all that awx_job_launch_type can name."""

NOTHING = "Nothing was written."

BY_HAND = "by hand: the GDAP and CSP relationship, licenses and DNS records; no step of this role has to do with them"


class Given(NamedTuple):
    """What the variables of the role say. `name` is the environment's."""

    name: str
    confirm: str
    stage: str
    export_dir: str
    export_tasks: str
    export_kept: bool
    export_checked: bool
    allow_unreadable: Sequence[str]
    instance: str
    retention: int
    deactivated_on: str
    delete_confirm: str
    entra: str
    redirect_hosts: Sequence[str]
    check_others: bool
    allow_many: bool

    @property
    def removes(self) -> bool:
        return self.stage in (REMOVE, DELETE)


# Whether it may begin


def mistakes(given: Given, variables: Mapping[str, Any], today: date) -> Iterator[str]:
    """Everything that forbids this run, in sentences; asked before the first request. `today` is the day in UTC."""
    hosts = variables.get("ansible_play_hosts_all") or ()
    if not given.name:
        yield (
            "No environment is named: give w365_offboard_environment, environment in module_defaults, or W365_ENVIRONMENT."
        )
    elif given.confirm != given.name:
        shown = f"is {given.confirm[:60]!r}" if given.confirm else "is not given"
        yield (
            f"w365_offboard_confirm {shown} and has to be the name of the environment, {given.name!r}, exactly as the server writes it."
        )
    if len(hosts) > 1 and not given.allow_many:
        yield (
            f"This play has {len(hosts)} hosts. Run it with --limit for one environment, or set w365_offboard_allow_many=true and give "
            "each host its own w365_offboard_confirm."
        )
    for name, value, choices in (("stage", given.stage, STAGES), ("entra", given.entra, ENTRA)):
        if value not in choices:
            yield f"w365_offboard_{name} is {str(value)[:60]!r}: give {', '.join(choices[:-1])} or {choices[-1]}."
    odd = sorted({*map(str, given.allow_unreadable)} - {*PARTS})
    if odd:
        yield f"w365_offboard_allow_unreadable has {odd[0][:60]!r}: give some of {', '.join(PARTS)}."
    yield from _mistakes_of_export(given, variables)
    if given.retention < 0:
        yield f"w365_offboard_retention is {given.retention}: give a number of days, 0 or more."
    elif given.removes:
        yield from _mistakes_of_retention(given, today)
    if given.stage == DELETE:
        if given.delete_confirm != given.name:
            shown = f"is {given.delete_confirm[:60]!r}" if given.delete_confirm else "is not given"
            yield f"w365_offboard_delete_confirm {shown} and has to repeat the name of the environment: it is deleted with everything in it."
        yield from mistakes_of_start(variables)


def _mistakes_of_export(given: Given, variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in (("export_dir", given.export_dir), ("export_tasks", given.export_tasks)):
        if value and not value.startswith(("/", "~")):
            yield f"w365_offboard_{name} is {value!r}: give an absolute path, which begins with /."
    if not given.export_dir:
        yield "w365_offboard_export_dir is not given: nothing is taken down without an export."
    elif _in_awx(variables) and not (given.export_tasks or given.export_kept):
        yield (
            "This is a job of AWX, and its container goes with everything in it, also with the export. Give w365_offboard_export_tasks, a file "
            "with tasks that keep it elsewhere, or set w365_offboard_export_kept=true when w365_offboard_export_dir outlives the job."
        )


def why_no_tasks(path: str, content: Any) -> str:
    """Why tasks that were read from `export_tasks` keep nothing, as a sentence; empty where one of them may."""
    if _has_task(content):
        return ""
    return f"w365_offboard_export_tasks, {path!r}, has no task, so it keeps the export nowhere. Write tasks into it that do, or leave the variable out."


def _has_task(content: Any) -> bool:
    if not isinstance(content, Sequence) or isinstance(content, str):
        return False
    return any(
        _has_task(one["block"]) or _has_task(one.get("always")) if "block" in one else bool(one)
        for one in content
        if isinstance(one, Mapping)
    )


def _mistakes_of_retention(given: Given, today: date) -> Iterator[str]:
    """No system shows since when an environment is inactive, so a person has to say it."""
    if not given.deactivated_on:
        yield (
            f"The stage {given.stage} comes {given.retention} days after the deactivation, and no system shows since when an environment is "
            "inactive, so that is unknown. Give the day on which it was deactivated in w365_offboard_deactivated_on, such as 2026-11-26."
        )
        return
    day = parsed_day(given.deactivated_on)
    if day is None or day > today:
        what = "no day of the form 2026-11-26" if day is None else "in the future"
        yield f"w365_offboard_deactivated_on is {given.deactivated_on[:60]!r}, which is {what}."
        return
    end = day + timedelta(days=given.retention)
    if today < end:
        yield (
            f"The environment was deactivated on {day}, and w365_offboard_retention is {given.retention} days, so the stage {given.stage} "
            f"comes on {end} at the earliest. Today is {today} (UTC)."
        )


def parsed_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII) else None
    except ValueError:
        return None


def _in_awx(variables: Mapping[str, Any]) -> bool:
    return any(str(variables.get(f"{name}_job_id") or "").strip() for name in ("awx", "tower"))


def mistakes_of_start(variables: Mapping[str, Any]) -> Iterator[str]:
    """Whether a person has started this job of AWX, as far as its variables tell; outside of AWX, nothing tells it.

    AWX gives every job awx_job_launch_type, one of a schedule awx_schedule_id, and one of a workflow that a schedule has
    started awx_parent_job_schedule_id. A job of a workflow has the launch type "workflow"; newer versions add
    awx_workflow_job_launch_type, and without it nobody knows who has started the workflow. All of them have the prefix
    tower_ too.
    """

    def values(word: str) -> set[str]:
        return {str(variables[key]).strip() for key in (f"awx_{word}", f"tower_{word}") if variables.get(key)} - {""}

    way_out = "Let a person start it. An environment is never deleted by a schedule."
    scheduled = values("schedule_id") | values("schedule_name") | values("parent_job_schedule_id")
    if scheduled | values("parent_job_schedule_name"):
        yield f"A schedule has started this job. {way_out}"
        return
    kinds = values("job_launch_type")
    if not kinds:
        if _in_awx(variables):
            yield f"This job of AWX does not say how it was started (awx_job_launch_type). {way_out}"
        return
    if kinds == {"workflow"}:
        kinds = values("workflow_job_launch_type")
        if not kinds:
            yield (
                "This job belongs to a workflow, and AWX does not say how that was started (awx_workflow_job_launch_type). Start the job template "
                f"itself. {way_out}"
            )
            return
    strange = sorted(kinds - {*PEOPLE})
    if strange:
        yield f"This job was started by {strange[0][:40]!r} and not by a person. {way_out}"


# What belongs to the environment


def why_scim_is_left(info: Mapping[str, Any], name: str, instance_url: str, scim_url: str) -> str:
    """Why an application that provisions over SCIM is not that of this environment alone, as the end of a sentence."""
    tags = info["application"]["tags"]
    marker = f"{SCIM_TAG}{name}"
    if marker not in tags:
        return f"does not have the tag {marker}, so nothing shows that it was made for this environment"
    others = [tag for tag in tags if tag.startswith("w365:") and tag not in (marker, RESTART_MARK)]
    if others:
        return f"also has the tag {others[0]}, so something else uses it"
    address = _plain(str((info.get("settings") or {}).get("scim_url") or ""))
    if address and address != _plain(scim_url) and not _is_of(address, name, instance_url):
        return f"sends users to {address}, and nothing shows that this is the environment (scim_url says so)"
    return ""


def _plain(url: str) -> str:
    return url.strip().partition("?")[0].rstrip("/").lower()


def _is_of(address: str, name: str, instance_url: str) -> bool:
    there, here = urlsplit(address), urlsplit(_plain(instance_url))
    return bool(here.netloc) and there.netloc == here.netloc and name in there.path.split("/")


# The export


class Earlier(NamedTuple):
    """An export of an earlier run: its folder, the day (UTC) of the last export, and whether it names its server."""

    path: str
    day: date
    named: bool


def earlier_export(given: Given, server: str) -> Earlier | None:
    """An export that can be read back, and in which nothing is missing; None where there is none.

    Raises InputError for a folder that is no export of this environment on this server.
    """
    folder = _folder(given, server)
    if not folder.known or why_not_readable(given):
        return None
    return Earlier(
        folder.path, datetime.fromtimestamp(folder.written, timezone.utc).date(), bool(server and folder.server)
    )


def why_no_proof(given: Given, earlier: Earlier) -> str:
    """Why this export does not show what the environment held when it was deactivated, as sentences; empty when it does.

    Only the later stages ask: they remove what nobody can read again.
    """
    if not given.removes or given.export_checked:
        return ""
    day = parsed_day(given.deactivated_on)
    if not earlier.named:
        why = f"The export in {earlier.path!r} does not say of which server it is, so nothing shows that it is that of this environment."
    elif day is not None and earlier.day < day - timedelta(days=1):
        why = (
            f"The export in {earlier.path!r} is of {earlier.day}, and the environment was deactivated on {day}, so what came between is in no "
            "file."
        )
    else:
        return ""
    return (
        f"{why} Activate the environment (w365_environment with active=true) and run the stage deactivate again, which exports it. When somebody "
        "has looked at the files and they are right, w365_offboard_export_checked=true says so."
    )


def _folder(given: Given, server: str = "") -> ExportFolder:
    dest = os.path.expanduser(given.export_dir)
    servers = [server] if server else []
    return ExportFolder(dest, folder_name(given.instance, given.name), given.instance, given.name, servers)


def why_not_readable(given: Given) -> str:
    """Why the export on the disk does not hold what it should, as a sentence; empty when it does.

    Users, groups and administrators are read as w365_directory reads them from src.
    """
    try:
        folder = _folder(given)
        if not folder.known:
            return f"there is no export in {folder.path!r}."
        report = yaml.load(folder.texts[REPORT], _AnyTag)  # noqa: S506 - a safe loader
        states = {part: (report.get("parts") or {}).get(part) for part in PARTS}
        missing = [part for part in PARTS if states[part] != "read" and part not in given.allow_unreadable]
        if missing:
            return f"its report says of {missing[0]}: {states[missing[0]] or 'nothing'}."
        for part in (ENVIRONMENT, SSO):
            found = yaml.load(folder.texts.get(f"{part}.yml", "{}"), _AnyTag)  # noqa: S506 - a safe loader
            if states[part] == "read" and not isinstance((found or {}).get(f"w365_{part}_definition"), Mapping):
                return f"{part}.yml does not hold w365_{part}_definition."
        people = [part for part in (USERS, GROUPS, ADMINISTRATORS) if states[part] == "read"]
        content = read_files([os.path.join(folder.path, f"{part}.yml") for part in people])
        bad = content.bad_lines()
        return " ".join(bad)
    except (InputError, OSError) as error:
        return getattr(error, "message", "") or str(error)
    except (yaml.YAMLError, AttributeError, TypeError) as error:
        return f"it is no YAML of an export ({type(error).__name__})."


class _AnyTag(yaml.SafeLoader):
    """Reads what Ansible marks, such as !unsafe, as plain values."""


_AnyTag.add_multi_constructor("!", lambda loader, _tag, node: loader.construct_scalar(node))


# What was done


class Step(NamedTuple):
    """A step: done, planned (in check mode), manual, waiting or failed, with words about it. `left` are objects that stay."""

    name: str
    state: str
    message: str
    changed: bool = False
    left: Sequence[Mapping[str, str]] = ()

    def as_result(self) -> dict[str, Any]:
        return {"step": self.name, "state": self.state, "changed": self.changed, "message": self.message}


def lines(given: Given, steps: Sequence[Step], check_mode: bool, host: str = "") -> list[str]:
    """A few lines for people: what changed or failed, every step, what stays, and what comes next."""
    known = {step.name: step for step in steps}
    failed = any(step.state == "failed" for step in steps)
    found = [_first_line(given, steps, check_mode, host)]
    for number, name in enumerate(STEPS, 1):
        step = known.get(name) or Step(name, "waiting", "not reached" if failed else _later(given, name))
        found.append(f"{number} {name}: {step.state}: {step.message}")
        found += [f"  left: {one['kind']} {one['name']}, which {one['reason']}" for one in step.left]
    found.append(BY_HAND)
    if check_mode:
        found.append("Check mode: nothing was written.")
    if failed:
        found.append("Fix the cause and rerun it: it does what is left.")
    return [one_line(line) for line in found]


def _first_line(given: Given, steps: Sequence[Step], check_mode: bool, host: str) -> str:
    failed = next((step.name for step in steps if step.state == "failed"), "")
    changed = [step.name for step in steps if step.changed]
    manual = [step.name for step in steps if step.state == "manual"]
    nothing = "nothing would be changed" if check_mode else "nothing was changed" if failed else "unchanged"
    parts = [
        f"failed in {failed}" if failed else f"offboarding to the stage {given.stage}",
        f"{'would do' if check_mode else 'done'}: {', '.join(changed)}" if changed else nothing,
        *([f"by hand: {', '.join(manual)}"] if manual else []),
    ]
    return line(subject(given.name, host), *parts)


def waiting(given: Given, steps: Sequence[Step]) -> dict[str, str]:
    """The steps that have not run, each with the reason."""
    known = {step.name for step in steps}
    failed = any(step.state == "failed" for step in steps)
    return {name: "a step before it failed" if failed else _later(given, name) for name in STEPS if name not in known}


def _later(given: Given, name: str) -> str:
    when = f"{given.retention} days after the deactivation, with w365_offboard_deactivated_on"
    more = " and w365_offboard_delete_confirm, started by a person" if name == DELETE else ""
    return f"comes with w365_offboard_stage={name}, {when}{more}"
